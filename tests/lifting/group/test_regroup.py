"""From scalars to arrays: what is alike lies side by side, and means what it meant."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, lift, maximum, minimum, primitive, softmax, stop_gradient, tanh
from scalargrad.engine import modes
from scalargrad.lifting.arrays.program import Apply, Array, ArrayProgram
from scalargrad.lifting.group import regroup as grouping
from scalargrad.lifting.group.scalars import ungrouped
from scalargrad.lifting.to_numpy.spelling import is_one_function
from scalargrad.lifting.trace import Trace
from tests.lifting.interpreter import evaluate, kinds
from tests.lifting.nets import relative

Grouping = Callable[..., list[Any]]

regroup = partial(grouping.regroup, can_fold=is_one_function)


class Regrouped:
    """A function of parameters and one example, traced and regrouped."""

    def __init__(
        self, function: Callable[[Any, Any], Any], n_parameters: int, n_inputs: int, group: Grouping = regroup
    ) -> None:
        self.function = function
        self.parameters = [Value(0.0) for _ in range(n_parameters)]
        self.trace = Trace(self.parameters)
        inputs = self.trace.argument("x", (n_inputs,))
        with modes.traced_by(self.trace):
            returned = function(self.parameters, inputs)
        self.several = isinstance(returned, list)
        outputs = [self.trace.index_of(output) for output in (returned if self.several else [returned])]
        program = ArrayProgram()
        leaves = {
            "theta": program.leaf("theta", (program.axis(n_parameters),)),
            "captured": program.leaf("captured", (program.axis(len(self.trace.captured)),)),
            "x": program.leaf("x", (program.axis(n_inputs),), batched=group is regroup),
        }
        self.results = group(self.trace, outputs, program, leaves)

    def scalar_operations(self) -> int:
        """How many operations were traced that change an operand."""
        idle = sum(operand is not None for operand in self.trace.beside_constants.values())
        return sum(not isinstance(node[0], str) for node in self.trace.nodes) - idle

    def error(self, theta: Any, batch: Any) -> float:
        """How far the results are from those of the function on Values."""
        given = {"theta": theta, "x": np.array(batch), "captured": [value.data for value in self.trace.captured]}
        actual = [evaluate(result, given, len(batch)) for result in self.results]
        expected = []
        for row in batch:
            returned = self.function(list(map(Value, theta)), list(map(Value, row)))
            expected.append([output.data for output in (returned if self.several else [returned])])
        return relative(actual, np.array(expected).T)


def dot(ws: Any, xs: Any) -> Any:
    return sum((w * x for w, x in zip(ws, xs, strict=True)), 0.0)


def linear(w: Any, x: Any, bias: int = 2) -> list[Any]:
    """Two sums of two weighted inputs and a bias, which is at this place among three parameters."""
    rows = [list(w[3 * k : 3 * k + 3]) for k in range(2)]
    return [row.pop(bias) + dot(row, x) for row in rows]


def layer(w: Any, x: Any, bias: int = 2) -> list[Any]:
    """Two neurons."""
    return [tanh(z) for z in linear(w, x, bias)]


def heads(start: int, bias: int = 2) -> Callable[[Any, Any], Any]:
    """A layer of two neurons, and another on it, whose parameters start there."""
    return lambda w, x: layer(w[start:], layer(w, x, bias), bias)


Case = tuple[Callable[[Any, Any], Any], int, int, int, list[str]]  # function, parameters, inputs, before, after
CASES: dict[str, Case] = {
    "a sum is one fold": (lambda w, x: sum(w), 6, 1, 5, ["fold add"]),
    "a sum of sums is one sum": (lambda w, x: ((w[0] + w[1]) + (w[2] + w[3])) + (w[4] + w[5]), 6, 1, 5, ["fold add"]),
    "differences are two folds": (
        lambda w, x: ((w[0] - w[1]) - (w[2] - w[3])) - (w[5] - w[4]),
        6,
        1,
        5,
        ["fold add", "fold add", "subtract"],
    ),
    "a minus before a sum is within it": (
        lambda w, x: -(-(w[0] + w[1]) - (w[2] + w[3])),
        4,
        1,
        5,
        ["fold add"],
    ),
    "products are terms of their sum": (dot, 5, 5, 9, ["multiply", "fold add"]),
    "neurons are rows": (
        lambda w, x: dot([1.0] * 3, [tanh(dot(w[4 * k : 4 * k + 4], x)) for k in range(3)]),
        12,
        4,
        26,
        ["multiply", "fold add", "tanh", "fold add"],
    ),
    "a constant factor": (lambda w, x: sum(2.0 * v for v in w), 4, 1, 7, ["fold add", "multiply"]),
    "the same term many times": (
        lambda w, x: tanh(w[0]) + w[1] * x[0] + w[1] * x[0] + w[1] * x[0],
        2,
        1,
        5,
        ["tanh", "multiply", "multiply", "add"],  # the two factors are multiplied first, without the batch
    ),
    "a bias behind its weights is one of them": (
        heads(6),
        12,
        2,
        20,
        ["multiply", "fold add", "add", "tanh", "assembly", "multiply", "fold add", "tanh"],
    ),
    "two layers read the same, with one 1": (
        lambda w, x: [*heads(6)(w, x), *(tanh(z + dot(w[18:20], x)) for z in linear(w[12:18], layer(w, x)))],
        20,
        2,
        35,
        [
            *("multiply", "fold add", "add", "tanh", "assembly", "multiply", "fold add", "tanh"),
            *("multiply", "fold add", "multiply", "fold add", "add", "tanh"),
        ],
    ),
    "what is the same in another order is one": (
        lambda w, x: [tanh(w[0] + x[0]), tanh(x[0] + w[0])],
        1,
        1,
        4,
        ["add", "tanh"],
    ),
    "a bias before its weights is apart": (
        heads(6, bias=0),
        12,
        2,
        20,
        ["multiply", "fold add", "add", "tanh", "multiply", "fold add", "add", "tanh"],
    ),
    "a maximum that no gradient passes": (
        lambda w, x: stop_gradient(maximum(maximum(w[0], w[1]), maximum(w[2], maximum(w[3], w[4])))) * x[0],
        5,
        1,
        6,
        ["fold maximum", "stop_gradient", "multiply"],
    ),
}
each_case = pytest.mark.parametrize("name", CASES)


@each_case
def test_operations_before_and_after(name: str) -> None:
    """So many operations on scalars become these on arrays, apart from views."""
    function, n_parameters, n_inputs, before, after = CASES[name]
    made = Regrouped(function, n_parameters, n_inputs)
    assert made.scalar_operations() == before
    assert [kind for kind in kinds(*made.results) if kind != "view"] == after


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_case
@given(seed=st.integers(0, 2**32))
def test_regrouping_preserves_meaning(name: str, seed: int) -> None:
    """For any numbers, the arrays are the results of the function for each example."""
    function, n_parameters, n_inputs, *_ = CASES[name]
    rng = np.random.default_rng(seed)
    made = Regrouped(function, n_parameters, n_inputs)
    assert made.error(rng.normal(size=n_parameters), rng.normal(size=(2, n_inputs))) < 1e-12


def test_another_meaning_is_seen() -> None:
    """Negative control: the results of another function are not those of this one."""
    made = Regrouped(dot, 3, 3)
    made.function = lambda w, x: dot(w, x[::-1])
    assert made.error([1.0, 2.0, 3.0], [[1.0, 2.0, 4.0]]) > 1e-3


# ---------------------------------------------------------------- any function

Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "subtract", "multiply", "negative", "tanh", "maximum", "stop", "one less", "nothing"]),
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=20,
)


def composed(listed: Sequence[Step]) -> Callable[[Any, Any], Any]:
    """A function that does these steps and returns the last two results and the sum of all."""

    def function(w: Any, x: Any) -> Any:
        pool = [*w, *x]
        for name, i, j in listed:
            a, b = pool[i % len(pool)], pool[j % len(pool)]
            made: dict[str, Callable[[Any, Any], Any]] = {
                "add": lambda a, b: a + b,
                "subtract": lambda a, b: a - b,
                "multiply": lambda a, b: a * b,
                "negative": lambda a, b: -a,
                "tanh": lambda a, b: tanh(a),
                "maximum": maximum,
                "stop": lambda a, b: stop_gradient(minimum(minimum(a, b), a)),
                "one less": lambda a, b: a * -1.0 + 1.0,
                "nothing": lambda a, b: a * 0.0 + 0.5,
            }
            pool.append(made[name](a, b))
        return [*pool[-2:], sum(pool)]

    return function


@pytest.mark.parametrize("group", [regroup, ungrouped], ids=["in families", "one by one"])
@given(listed=steps, seed=st.integers(0, 2**32))
def test_any_function_keeps_its_meaning(group: Grouping, listed: list[Step], seed: int) -> None:
    """All results of a random function are the same, in families and one by one."""
    rng = np.random.default_rng(seed)
    function = composed(listed)
    made = Regrouped(function, 3, 2, group)
    batch = rng.uniform(-1, 1, size=(1 if group is ungrouped else 2, 2))
    theta = rng.uniform(-1, 1, size=3)
    if group is ungrouped:
        given = {"theta": theta, "x": batch[0], "captured": []}
        actual = [evaluate(result, given, 1) for result in made.results]
        expected = [[output.data] for output in function(list(map(Value, theta)), list(map(Value, batch[0])))]
        assert np.allclose(actual, expected, rtol=1e-10, atol=1e-10)
    else:
        assert made.error(theta, batch) < 1e-10


@given(counts=st.lists(st.integers(1, 9), min_size=2, max_size=6), seed=st.integers(0, 2**16))
def test_members_of_any_length(counts: list[int], seed: int) -> None:
    """Neurons with few inputs beside neurons with many are right, also as arrays of their own."""
    rng = random.Random(seed)
    wires = [[(rng.randrange(9), rng.randrange(9)) for _ in range(count)] for count in counts]
    made = Regrouped(lambda w, x: [tanh(sum(w[i] * x[j] for i, j in row) + 0.0 * x[0]) for row in wires], 9, 9)
    theta, batch = [rng.gauss(0, 1) for _ in range(9)], [[rng.gauss(0, 1) for _ in range(9)] for _ in range(2)]
    assert made.error(theta, batch) < 1e-12


def test_very_ragged_members_are_arrays_of_their_own() -> None:
    """One sum of forty terms beside nine of two is not a table that is mostly padding."""
    rng = random.Random(0)
    wires = iter(rng.sample([(i, j) for i in range(40) for j in range(40)], 58))
    rows = [[next(wires) for _ in range(count)] for count in (40, *[2] * 9)]

    def function(w: Any, x: Any) -> Any:
        return dot([1.0 + k for k in range(10)], [tanh(sum(w[i] * x[j] for i, j in row)) for row in rows])

    made = Regrouped(function, 40, 40)
    assert "assembly" in kinds(*made.results)
    largest = max(array.size for result in made.results if isinstance(result, Array) for array in result.program.arrays)
    assert largest <= 40
    assert made.error([rng.gauss(0, 1) for _ in range(40)], [[rng.gauss(0, 1) for _ in range(40)]]) < 1e-12


@pytest.mark.parametrize("same", [False, True], ids=["along an axis", "single numbers"])
def test_sums_that_all_examples_share(same: bool) -> None:
    """Sums of parameters alone, of very different lengths, are an assembly of arrays and single numbers."""

    def function(w: Any, x: Any) -> Any:
        groups = [w[:24], *([w[:2]] if same else [w[:2], w[2:4], w[4:6], w[1:3]])]
        return sum(tanh(sum(group)) * x[0] for group in groups)

    made = Regrouped(function, 24, 1)
    rng = random.Random(0)
    assert made.error([rng.gauss(0, 1) for _ in range(24)], [[0.3], [-2.0]]) < 1e-12


def test_sums_of_constants() -> None:
    """Sums whose factors are padded tables of constants are right."""

    def function(w: Any, x: Any) -> Any:
        return [tanh(sum((1.0 + j + k) * x[j] for j in range(k, 5))) for k in range(4)] + [w[0] * x[0]]

    made = Regrouped(function, 1, 5)
    assert made.error([0.3], [[0.1, 0.2, 0.3, 0.4, 0.5], [1.0, -1.0, 2.0, -2.0, 0.5]]) < 1e-12


def test_one_parameter_that_not_all_terms_have() -> None:
    """A single parameter in sums of two lengths is padded in the shorter ones."""

    def function(w: Any, x: Any) -> Any:
        return tanh(w[0] * x[0] + w[0] * x[1] + w[0] * x[2]) * tanh(w[0] * x[3] + w[0] * x[4])

    made = Regrouped(function, 1, 5)
    assert made.error([0.3], [[1.0, 2.0, 3.0, 4.0, 5.0]]) < 1e-12
    w = Value(0.3)
    program: Any = lift(lambda x: function([w], x), [w])
    assert program([[1.0, 2.0, 3.0, 4.0, 5.0]]).shape == (1,)


def test_a_chain_of_maxima_of_different_lengths() -> None:
    """The largest scores of causal attention, of one, two, three and more, are padded without changing them."""

    def function(w: Any, x: Any) -> Any:
        return [sum(softmax([w[s] * x[t] for s in range(t + 1)])[0] * x[s] for s in range(t + 1)) for t in range(5)]

    made = Regrouped(function, 5, 5)
    rng = random.Random(1)
    assert (
        made.error([rng.gauss(0, 1) for _ in range(5)], [[rng.gauss(0, 1) for _ in range(5)] for _ in range(2)]) < 1e-12
    )


def test_a_chain_without_an_identity() -> None:
    """A user's operation without an identity is folded where no gradient passes."""
    first_of_a_test = primitive(
        partials=[lambda out, x, y: 0.0, lambda out, x, y: 0.0],
        name="least_of_a_test",
        array="minimum({}, {})",
        associative=True,
        commutative=True,
        blocks_gradient=True,
    )(min)

    def function(w: Any, x: Any) -> Any:
        two, three = first_of_a_test(w[0], w[1]), first_of_a_test(w[2], first_of_a_test(w[3], w[4]))
        return [tanh(two) * x[0], tanh(three) * x[0]]

    made = Regrouped(function, 5, 1)
    assert made.error([0.5, -0.4, 0.3, 0.7, -0.9], [[1.0], [2.0]]) < 1e-12
    assert "fold least_of_a_test" in kinds(*made.results)


def test_families_have_the_first_member_s_label() -> None:
    """A label that is given inside the function becomes that of the array, in families and one by one."""

    def function(w: Any, x: Any) -> Any:
        scores = [tanh(v * x[0]) for v in w]
        for score in scores:
            score.label = "score"
        return sum(scores)

    for group in (regroup, ungrouped):
        made = Regrouped(function, 3, 1, group)
        labels = {array.label for result in made.results for array in result.program.arrays}
        assert "score" in labels


def test_what_is_not_needed_is_not_entered() -> None:
    """An operation that no result needs leaves no array, in families and one by one."""

    def function(w: Any, x: Any) -> Any:
        w[0].sin()
        x[0].cos()
        return w[1] * x[0]

    for group in (regroup, ungrouped):
        made = Regrouped(function, 2, 1, group)
        assert not {"sin", "cos"} & {
            array.primitive.name for array in made.results[0].program.arrays if isinstance(array, Apply)
        }


def test_a_layer_costs_as_many_arrays_at_any_width() -> None:
    """Two layers are the same list of arrays with three neurons or thirty; other layers are another list."""

    def network(width: int) -> list[str]:
        def function(w: Any, x: Any) -> Any:
            hidden = [tanh(dot(w[4 * k : 4 * k + 4], x)) for k in range(width)]
            return dot(w[4 * width :], hidden)

        return kinds(*Regrouped(function, 5 * width, 4).results)

    assert network(3) == network(30) != network(1)
