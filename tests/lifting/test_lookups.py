"""Look-ups by integers of an example: what is looked up, its derivatives on every target, and what it costs."""

from __future__ import annotations

import pickle
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import (
    Disagreement,
    TraceError,
    Value,
    cross_entropy,
    grad,
    hvp,
    lift,
    maximum,
    no_grad,
    one_hot,
    softmax,
    take,
    tanh,
)
from scalargrad.lifting.arrays.program import ArrayProgram
from scalargrad.lifting.lookup import LOOKUP, TABLE
from scalargrad.lifting.target import TARGETS
from scalargrad.lifting.trace import Trace
from tests.lifting.test_random_nets import mean_gradient, mean_product, near
from tests.lifting.test_saving import BLOCKED, check, saved
from tests.lifting.test_third_target import ENTRY

pytestmark = pytest.mark.usefixtures("littered")

each_target = pytest.mark.parametrize("target", ["numpy", "python", "functional"])


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TARGETS, "functional", ENTRY)
        yield


class RandomLookups:
    """A function that looks up in random tables, by integers of an example, which are numbers beside."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.parameters = [Value(self.rng.gauss(0, 0.7)) for _ in range(14)]
        self.size = self.rng.randint(1, 4)  # of all tables, so that any index is one into each
        self.count = self.rng.randint(1, 4)  # how many integers an example has
        self.tables = [self.table(self.rng.choice([0, 0, 1, 2])) for _ in range(self.rng.randint(1, 3))]
        self.reads = [
            (self.rng.randrange(len(self.tables)), self.rng.sample(range(self.count), self.rng.randint(1, self.count)))
            for _ in range(self.rng.randint(1, 4))
        ]

    def entry(self) -> Callable[[list[Any], list[Any]], Any]:
        """What makes an entry, of the numbers of an example and those that have been looked up."""
        i, j, number = self.rng.randrange(14), self.rng.randrange(14), self.rng.choice([0.0, 1.0, self.rng.random()])
        kinds: dict[str, Callable[[list[Any], list[Any]], Any]] = {
            "parameter": lambda xs, seen: self.parameters[i],
            "constant": lambda xs, seen: number,
            "input": lambda xs, seen: xs[i % 2],
            "computed": lambda xs, seen: tanh(self.parameters[i] * xs[j % 2]),
            "shared": lambda xs, seen: self.parameters[i] * self.parameters[j],
            "seen": lambda xs, seen: seen[i % len(seen)] * self.parameters[j] if seen else self.parameters[j],
        }
        return kinds[self.rng.choice(list(kinds))]

    def table(self, width: int) -> Callable[[list[Any], list[Any]], Any]:
        """A table of numbers, or of lists: neighbouring parameters, entries of one kind, or of any."""
        kind, start = self.rng.choice(["in a row", "reversed", "alike", "any", "same"]), self.rng.randrange(4)
        rows = [[self.entry() for _ in range(width or 1)] for _ in range(self.size)]

        def made(i: int, j: int, xs: list[Any], seen: list[Any]) -> Any:
            place = (start + i * (width or 1) + j) % 14
            if kind == "in a row":
                return self.parameters[place]
            if kind == "reversed":
                return self.parameters[13 - place]
            if kind == "alike":
                return self.parameters[place] * xs[0]
            return rows[0 if kind == "same" else i][j](xs, seen)

        def table(xs: list[Any], seen: list[Any]) -> Any:
            if not width:
                return [made(i, 0, xs, seen) for i in range(self.size)]
            return [[made(i, j, xs, seen) for j in range(width)] for i in range(self.size)]

        return table

    def loss(self, xs: list[Any], indices: list[Any], label: Any) -> Any:
        seen: list[Any] = []
        for number, places in self.reads:
            table = self.tables[number](xs, seen)
            for place in places:
                looked_up = take(table, indices[place])
                seen += looked_up if isinstance(looked_up, list) else [looked_up]
        scores = [maximum(seen[0], 0.1), *[seen[-1] * self.parameters[i] for i in range(self.size - 1)]]
        hot = one_hot(label, self.size)
        beside = sum(h * w for h, w in zip(hot, self.parameters, strict=False)) + 0.1 * label * indices[0]
        return sum(s * s * w for s, w in zip(seen, self.parameters * 3, strict=False)) + (
            cross_entropy([s * 1.0 for s in scores], label) + beside * xs[1]
        )

    def examples(self, count: int) -> list[Any]:
        xs = [[self.rng.gauss(0, 1), self.rng.gauss(0, 1)] for _ in range(count)]
        indices = [[self.rng.randrange(self.size) for _ in range(self.count)] for _ in range(count)]
        return [xs, indices, [self.rng.randrange(self.size) for _ in range(count)]]


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@settings(max_examples=settings().max_examples // 2)
@given(seed=st.integers(0, 2**32))
def test_any_lookup_lifts(target: str, seed: int) -> None:
    """Results, gradient, Hessian times a vector and gradients of each example are the engine's, batch after batch."""
    net = RandomLookups(seed)
    program: Any = lift(net.loss, net.parameters, target=target, check=False)
    for count in (2, 1, 5):
        xs, indices, labels = net.examples(count)
        inputs = [[Value(x) for x in row] for row in xs]
        results = [net.loss(*example) for example in zip(inputs, indices, labels, strict=True)]
        direction = np.array([net.rng.gauss(0, 1) for _ in net.parameters])
        value, gradient = program.value_and_grad(xs, indices, labels)
        assert near(program(xs, indices, labels), [result.data for result in results])
        assert near(value, np.mean([result.data for result in results]))
        assert near(gradient, mean_gradient(results, net.parameters))
        vector = direction.tolist() if target == "python" else direction
        assert near(program.hvp(xs, indices, labels, vector), mean_product(results, net.parameters, direction))
        alone = [[slope.data for slope in grad(result, net.parameters)] for result in results]
        assert near(program.gradients(xs, indices, labels), alone)
        of_xs, of_indices, of_labels = program.input_gradients(xs, indices, labels)
        slopes = [[slope.data for slope in grad(r, row)] for r, row in zip(results, inputs, strict=True)]
        assert near(of_xs, slopes)
        assert np.shape(of_indices) == np.shape(indices)
        assert np.shape(of_labels) == np.shape(labels)


def bigram(size: int, width: int = 3) -> tuple[Callable[[Any, Any], Any], list[Value]]:
    """A loss that looks up the rows of two words and the row of a class."""
    rng = random.Random(0)
    table = [[Value(rng.gauss(0, 1)) for _ in range(width)] for _ in range(size)]

    def loss(words: Any, label: Any) -> Any:
        first, second = (take(table, word) for word in words)
        return sum((a * b).tanh() * c for a, b, c in zip(first, second, take(table, label), strict=True))

    return loss, [entry for row in table for entry in row]


@each_target
def test_the_same_place_twice_adds_up(target: str) -> None:
    """Two examples, or two indices of one, that look up one row both add to its gradient."""
    table = [Value(1.0), Value(2.0)]
    program: Any = lift(lambda i, j: take(table, i) * take(table, j), table, target=target)
    _, gradient = program.value_and_grad([1, 1, 0, 0], [1, 1, 1, 0])
    assert list(gradient) == [(0 + 0 + 2 + 2) / 4, (4 + 4 + 1 + 0) / 4]


@each_target
def test_the_comparison_hands_the_function_integers(target: str) -> None:
    """An input that is an index is a plain integer at the first call, in a row too; another input is a Value."""
    table, seen = [Value(1.0), Value(2.0)], []

    def loss(x: Any, row: Any, y: Any) -> Any:
        seen.append((type(x), type(row[0]), type(row[1]), type(y)))
        return take(table, x) * take(table, row[1]) * row[0] + y

    lift(loss, table, target=target)([1], [[0, 1]], [1])
    assert seen[-1] == (int, Value, int, Value)
    assert seen[0][0] is not int  # negative control: the trace has no numbers


@each_target
@pytest.mark.parametrize(
    ("words", "labels", "message"),
    [
        ([[0, 1], [4, 5]], [0, 1], r"in example 1 of this call, .* argument 1\[1\] .* from 0 to 4, got 5"),
        ([[0, 1], [2, 3]], [0, -1], "in example 1 of this call, .* argument 2 is an index .* from 0 to 4, got -1"),
        ([[0, 1.5], [2, 3]], [0, 1], r"in example 0 of this call, .* argument 1\[1\] .* an integer .*, got 1.5"),
        ([[0, 1], [2, float("nan")]], [0, 1], r"in example 1 of this call, .* argument 1\[1\] .* got nan"),
        ([[0, 1], [2, 3]], [float("inf"), 1], "in example 0 of this call, .* argument 2 is an index .* got inf"),
    ],
)
def test_an_index_out_of_range_names_its_example(target: str, words: Any, labels: Any, message: str) -> None:
    """In the first call and in later ones, by any function; floats that are integers are right."""
    loss, parameters = bigram(5)
    program: Any = lift(loss, parameters, target=target)
    for _ in range(2):
        for call in (program, program.value_and_grad, program.gradients):
            with pytest.raises(ValueError, match=message):
                call(words, labels)
        assert near(program([[0.0, 4.0]], [2.0]), program([[0, 4]], np.array([2])))


@each_target
@pytest.mark.parametrize(
    "given", [[1, 0], [True, False], [1.0, 0.0], [1, 0.0], np.array([True, False]), [0.5, 0], [2, 0]]
)
def test_an_index_is_one_lifted_and_not(target: str, given: Any) -> None:
    """What is an index in a lifted program is one outside of it; what is none is refused in both, in the same words."""
    table = [Value(2.0), Value(3.0)]
    program: Any = lift(lambda i: take(table, i), table, target=target)
    try:
        own = [take(table, i).data for i in given]
    except ValueError as error:
        said = str(error).removeprefix("the index of take ")
        with pytest.raises(ValueError, match=f"is an index into a table and {re.escape(said)}"):
            program(given)
    else:
        assert list(program(given)) == own


def test_the_smallest_table_is_the_limit() -> None:
    """An index into two tables must be one into both."""
    small, large = [Value(1.0), Value(2.0)], [Value(1.0), Value(2.0), Value(3.0)]
    for tables in ((small, large), (large, small)):
        program: Any = lift(lambda i, ts=tables: take(ts[0], i) * take(ts[1], i), [*small, *large])
        assert list(program([1])) == [4.0]
        with pytest.raises(ValueError, match="from 0 to 1, got 2"):
            program([2])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda w, x, table: take(table, x + 1), "an index must be an integer of an example as it is given"),
        (lambda w, x, table: take(table, w), "an index must be an integer of an example as it is given"),
        (lambda w, x, table: take(table, w * 1), "an index must be an integer of an example as it is given"),
        (lambda w, x, table: one_hot(x + 1, 2)[0], "an index must be an integer of an example as it is given"),
        (lambda w, x, table: take([[w, 1.0], [w]], x)[0], "the rows of a table .* must have one length"),
        (lambda w, x, table: take([[w], w], x)[0], "the rows of a table .* must have one length"),
        (lambda w, x, table: table[x], r"an input is used as an index; take\(table, index\) looks an entry up"),
    ],
)
def test_what_cannot_be_looked_up_is_said(ask: Any, message: str) -> None:
    """What is computed is no index, and a table has rows of one length: that is a TraceError."""
    w = Value(2.0)
    with pytest.raises(TraceError, match=message):
        lift(lambda x: ask(w, x, [w, 1.0]), [w])([1])


def test_places_can_be_looked_up() -> None:
    """What would be computed, the place behind the next, is a table of places; and tables can be nested."""
    loss = [Value(1.0), Value(2.0), Value(4.0)]
    board = [loss[:2], loss[1:]]
    program: Any = lift(lambda i, j: take(take(board, i), j), loss)
    assert list(program([0, 0, 1, 1], [0, 1, 0, 1])) == [1.0, 2.0, 2.0, 4.0]
    assert list(program.value_and_grad([0, 0, 1, 1], [0, 1, 0, 1])[1]) == [0.25, 0.5, 0.25]


@each_target
def test_an_index_can_be_looked_up(target: str) -> None:
    """An index may be an entry of plain integers, of integers of the example, or of what is looked up itself."""
    ws, places = [Value(0.5), Value(-1.0), Value(2.0)], [2, 0, 1, 1]

    def loss(i: Any, followers: Any, x: Any) -> Any:
        total = take(ws, take(places, i)) * x + cross_entropy([w * x for w in ws], take(places, i))
        total = total + sum(w * w * is_it for w, is_it in zip(ws, one_hot(take(places, i), 3), strict=True))
        at = take(followers, 0)
        for _ in range(2):  # along a list in which each entry says where the next one is
            total = total + take(ws, at) * take([x, x * x, ws[0]], at)
            at = take(followers, at)
        return total + take(ws, take(places, take(followers, 1)))

    examples = [0, 3, 2, 1], [[1, 2, 0], [2, 1, 0], [0, 0, 1], [2, 2, 2]], [0.3, -0.7, 1.1, 0.2]
    program: Any = lift(loss, ws, target=target)
    results = [loss(i, followers, Value(x)) for i, followers, x in zip(*examples, strict=True)]
    assert near(program(*examples), [result.data for result in results])
    assert near(program.value_and_grad(*examples)[1], mean_gradient(results, ws))
    with pytest.raises(ValueError, match=r"in example 1 .* argument 2\[2\] is an index .* from 0 to 2, got 3"):
        program([0, 3], [[1, 2, 0], [2, 1, 3]], [0.3, 0.1])


@pytest.mark.parametrize(
    ("places", "error", "message"),
    [
        ([0, 3], ValueError, "an entry that is looked up as an index must be an integer from 0 to 2, got 3.0"),
        ([0, 0.5], ValueError, "an entry that is looked up as an index must be an integer from 0 to 2, got 0.5"),
        ([0, Value(1.0)], TraceError, "an index must be an integer of an example as it is given"),
    ],
)
def test_a_looked_up_index_must_be_one(places: list[Any], error: type[Exception], message: str) -> None:
    """All entries that may be looked up as an index must be integers, and places of the table."""
    ws = [Value(0.5), Value(-1.0), Value(2.0)]
    with pytest.raises(error, match=message):
        lift(lambda i: take(ws, take(places, i)), ws)([0])


@each_target
def test_an_index_that_is_a_number_too(target: str) -> None:
    """An integer that is looked up by and computed with has the derivative of the computation."""
    ws = [Value(0.5), Value(-1.0), Value(2.0)]
    program: Any = lift(lambda i, x: take(ws, i) * x * (i + 1) + i * i, ws, target=target)
    of_index, of_x = program.input_gradients([0, 2], [3.0, 5.0])
    assert near(of_index, [0.5 * 3.0, 2.0 * 5.0 + 4.0])
    assert near(of_x, [0.5, 6.0])


@each_target
def test_derivatives_inside_go_through_lookups(target: str) -> None:
    """`grad` inside a lifted function, of an entry and with respect to all entries, is the engine's."""
    ws = [Value(0.5), Value(-1.0), Value(2.0)]

    def loss(x: Any, i: Any) -> Any:
        table = [w * x * x for w in ws]
        slope = grad(take(table, i).tanh() + take(ws, i) * x, [x, *ws])
        return sum(s * s for s in slope)

    xs, indices = [0.3, -0.7, 1.1], [0, 2, 1]
    program: Any = lift(loss, ws, target=target)
    results = [loss(Value(x), i) for x, i in zip(xs, indices, strict=True)]
    assert near(program(xs, indices), [result.data for result in results])
    assert near(program.value_and_grad(xs, indices)[1], mean_gradient(results, ws))


def test_nothing_flows_under_no_grad() -> None:
    """What is looked up under no_grad is a constant to derivatives."""
    table = [Value(1.0), Value(2.0)]

    def loss(i: Any) -> Any:
        with no_grad():
            fixed = take(table, i) * 1.0
        return fixed * take(table, i)

    assert list(lift(loss, table).value_and_grad([1])[1]) == [0.0, 2.0]


@each_target
def test_a_wrong_place_is_seen(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a program that looks up or scatters with another index disagrees with the function."""
    gather, scatter = ArrayProgram.gather, ArrayProgram.scatter

    def swapped(self: ArrayProgram, table: Any, index: Any, along: Any) -> Any:
        return gather(self, table, self.view(index.arrays[0], 0, ()) if index.places.index == 1 else index, along)

    def halved(self: ArrayProgram, looked_up: Any, batched: bool) -> Any:
        return scatter(self, [(0.5 * numbers, own) for numbers, own in looked_up], batched)

    table = [Value(1.0), Value(2.0), Value(4.0)]

    def program() -> Any:
        return lift(lambda row: take(table, row[1]).tanh(), table, target=target)

    monkeypatch.setattr(ArrayProgram, "gather", swapped)
    with pytest.raises(Disagreement, match="result 0: the lifted program gives"):
        program()([[0, 1], [2, 0]])
    monkeypatch.setattr(ArrayProgram, "gather", gather)
    monkeypatch.setattr(ArrayProgram, "scatter", halved)
    with pytest.raises(Disagreement, match="the gradient in parameter"):
        program().value_and_grad([[0, 1], [2, 0]])
    monkeypatch.setattr(ArrayProgram, "scatter", scatter)
    assert list(program()([[0, 1], [2, 0]])) == pytest.approx(np.tanh([2.0, 1.0]).tolist())


@pytest.mark.parametrize("kind", ["forward", "value_and_grad", "hvp"])
def test_a_larger_table_changes_no_line(kind: str) -> None:
    """The text for 70 words is that for 400 but for the sizes, and nothing is picked from the table beforehand."""

    def text(size: int) -> str:
        loss, parameters = bigram(size)
        program: Any = lift(loss, parameters, target="numpy")
        arguments = ([[0, 1]], [2])
        runs = {
            "forward": lambda: program(*arguments),
            "value_and_grad": lambda: program.value_and_grad(*arguments),
            "hvp": lambda: program.hvp(*arguments, [1.0] * len(parameters)),
        }
        runs[kind]()
        source: str = program._latest.runner(kind).source.text
        assert not program._latest.runner(kind).source.namespace  # no tables of places
        _, _, code = source.partition("\n")
        return code.replace(str(3 * size), "ALL").replace(str(size), "SIZE")

    assert text(70) == text(400)
    assert re.search(r"np.take\(\w+, \w+_index, axis=0", text(400))


def test_a_table_is_recorded_once() -> None:
    """However often it is looked up in, a table is listed once in the trace; another table is another one."""
    ws = [Value(float(i)) for i in range(60)]
    rows: list[Any] = [ws[3 * i : 3 * i + 3] for i in range(20)]
    trace = Trace(ws)
    x = trace.argument("x", (8,))
    with trace.running():
        for index in x:
            take(rows, index)
        size = len(trace.nodes)
        rows[0] = rows[0][::-1]
        take(rows, x[0])
    lengths = [len(node) - 1 for node in trace.nodes if node[0] is TABLE]
    assert lengths == [20] * 5  # the middle column is the same in both
    assert size == 60 + 8 + 3 + 3 * 8


def test_a_table_that_changes_is_another_one() -> None:
    """A list that is changed between two look-ups, at any depth, is looked up in as it is."""
    w = Value(2.0)

    def loss(i: Any) -> Any:
        board: list[Any] = [[[w, 1.0], [w, 2.0]], [[w, 3.0], [w, 4.0]]]
        rows: Any = np.array([[1.0, 2.0], [3.0, 4.0]])
        results = []
        for number in (5.0, 6.0):
            for part in board:
                part[0][1] = number
            rows[:, 0] = number
            results.append(w * take(take(board, i)[0], i) * take(rows, i)[0])
        return results

    for i in (0, 1):
        assert lift(loss, [w], check=False)([i])[0].tolist() == [result.data for result in loss(i)]


def test_plain_python_reads_one_place() -> None:
    """The plain program picks the entry from the parameters themselves, however many there are."""
    loss, parameters = bigram(400)
    program: Any = lift(loss, parameters, target="python")
    program([[0, 1]], [2])
    text = program._latest.runner("forward").source.text
    assert "= theta[1 + 3 * int(x_0)]" in text
    assert text.count("theta[") == 9
    odd = [parameters[i] for i in (3, 1, 7)]
    picked: Any = lift(lambda i: take(odd, i) * take(odd, i), parameters, target="python")
    assert picked([0, 1, 2]) == [parameters[i].data ** 2 for i in (3, 1, 7)]
    assert "= theta[places[int(x)]]" in picked._latest.runner("forward").source.text.replace("x_0", "x")


def test_a_table_can_be_tied() -> None:
    """An embedding that is also the matrix of the last layer gets both gradients."""
    rng = random.Random(3)
    table = [[Value(rng.gauss(0, 1)) for _ in range(3)] for _ in range(6)]
    parameters = [entry for row in table for entry in row]

    def loss(word: Any, label: Any) -> Any:
        hidden = [x.tanh() for x in take(table, word)]
        return cross_entropy([sum(w * h for w, h in zip(row, hidden, strict=True)) for row in table], label)

    words, labels = [0, 5, 5, 2], [3, 0, 5, 5]
    results = [loss(*example) for example in zip(words, labels, strict=True)]
    direction = np.linspace(-1, 1, len(parameters))
    for target in ("numpy", "python"):
        program: Any = lift(loss, parameters, target=target)
        assert near(program.value_and_grad(words, labels)[1], mean_gradient(results, parameters))
        products = mean_product(results, parameters, direction)
        assert near(program.hvp(words, labels, direction.tolist()), products)


def test_a_program_that_looks_up_can_be_pickled() -> None:
    """It checks indices and differentiates as before."""
    loss, parameters = bigram(5)
    program: Any = lift(loss, parameters)
    words, labels = [[0, 1], [4, 4]], [2, 3]
    value, gradient = program.value_and_grad(words, labels)
    twin = pickle.loads(pickle.dumps(program))
    again, of_twin = twin.value_and_grad(words, labels)
    assert again == value
    assert list(of_twin) == list(gradient)
    with pytest.raises(ValueError, match="in example 1 of this call"):
        twin(words, [2, 5])


def test_float32_looks_up_the_same() -> None:
    """In single precision an index is as exact."""
    loss, parameters = bigram(300)
    words, labels = [[0, 299], [17, 131]], [2, 255]
    single, double = (lift(loss, parameters, dtype=dtype) for dtype in ("float32", "float64"))
    assert np.allclose(single(words, labels), double(words, labels), rtol=1e-5)
    assert single.value_and_grad(words, labels)[1].dtype == np.float32


def test_a_lookup_in_a_softmax_is_a_probability() -> None:
    """The entry of a softmax at the class of each example, and its second derivative, are the engine's."""
    ws = [Value(0.5), Value(-1.0), Value(2.0)]

    def loss(x: Any, i: Any) -> Any:
        return take(softmax([w * x for w in ws]), i)

    xs, indices, direction = [0.3, -0.7], [0, 2], [1.0, -0.5, 0.25]
    program: Any = lift(loss, ws)
    results = [loss(Value(x), i) for x, i in zip(xs, indices, strict=True)]
    expected = np.mean([[h.data for h in hvp(result, ws, direction)] for result in results], axis=0)
    assert near(program.hvp(xs, indices, direction), expected)


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_a_saved_program_looks_up(target: str, tmp_path: Path) -> None:
    """Its file gives the same bits, refuses what is no index, and shows its use with indices that are right."""
    loss, parameters = bigram(5)
    odd = [parameters[i] for i in (3, 1, 7, 4, 9)]
    program: Any = lift(lambda words, label: loss(words, label) * take(odd, label), parameters, target=target)
    words, labels = [[0, 1], [4, 4], [2, 0]], [2, 3, 0]
    check(program, tmp_path, words, labels)
    module = saved(program, tmp_path)
    for wrong in ([2, 3, 5], [2, -1, 0], [0.5, 3, 0]):
        with pytest.raises(ValueError, match="number 0 of y must be an integer from 0 to 4, got"):
            module.value_and_grad(words, wrong)
    with pytest.raises(ValueError, match="in example 1, counted from 0, number 1 of x must be an integer from 0 to 4"):
        module.forward([[0, 1], [4, 9], [2, 0]], labels)
    command = [sys.executable, "-c", BLOCKED.format(blocked={"scalargrad"}, path=str(tmp_path / "saved.py"))]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("forward: ")


def several_kinds() -> tuple[Callable[..., Any], list[Value]]:
    """A loss that looks up in tables of several kinds of entries, and in different rows at each index."""
    ws = [Value(x) for x in (0.5, -1.0, 2.0, 0.25)]

    def loss(x: Any, i: Any, j: Any) -> Any:
        mixed = [1.0, ws[0], x, (ws[1] * x).tanh(), ws[2] * ws[3], 3.0]
        squares, same = [[w * w, x * w] for w in ws[:3]], [ws[3], ws[3], ws[3]]
        pairs = [take(squares, i), take(squares, j), [take([row[1] for row in squares], j)]]
        turned = take([ws[3] * ws[0], ws[2] * ws[1], ws[0] * ws[0]], i)
        return take(mixed, i) * take(mixed, j) + sum(sum(pair) for pair in pairs) * turned + take(same, i) * x

    return loss, ws


@each_target
def test_entries_of_any_kind_are_looked_up(target: str) -> None:
    """Constants, parameters, inputs and what is computed may stand in one table; rows may differ between indices."""
    loss, ws = several_kinds()
    xs, firsts, seconds = [0.3, -0.7, 1.1], [0, 2, 1], [2, 0, 1]
    results = [loss(Value(x), i, j) for x, i, j in zip(xs, firsts, seconds, strict=True)]
    program: Any = lift(loss, ws, target=target)
    assert near(program(xs, firsts, seconds), [result.data for result in results])
    assert near(program.value_and_grad(xs, firsts, seconds)[1], mean_gradient(results, ws))
    assert near(program.gradients(xs, firsts, seconds), [[s.data for s in grad(result, ws)] for result in results])
    direction = [1.0, -0.5, 0.25, 2.0]
    assert near(program.hvp(xs, firsts, seconds, direction), mean_product(results, ws, np.array(direction)))


@each_target
def test_rows_may_differ_between_indices(target: str) -> None:
    """Where each index looks up in tables of its own, each is right."""
    ws = [Value(float(i)) for i in range(1, 9)]

    def loss(row: Any) -> Any:
        first, second, third = row
        alike = [ws[7]] * 3  # needs no look-up
        return take(ws[:3], first) * take(ws[3:6], second) + (take(ws[5:8], second) + take(alike, third)) ** 2

    program: Any = lift(loss, ws, target=target)
    rows = [[0, 2, 1], [2, 0, 0], [1, 1, 2]]
    results = [loss(row) for row in rows]
    assert near(program(rows), [result.data for result in results])
    assert near(program.value_and_grad(rows)[1], mean_gradient(results, ws))


@pytest.mark.parametrize("alone", [0, 1])
def test_classes_at_all_positions_are_one_lookup(alone: int) -> None:
    """Where each of many indices has as many rows of its own, they are looked up at once, and those with more too."""
    ws = [Value(0.1 * i) for i in range(3)]

    def loss(row: Any) -> Any:
        hidden = [tanh(w * i) for i in range(1, 9) for w in ws]
        total = sum(take(hidden[3 * t : 3 * t + 3], index) for t, index in enumerate(row))
        return total + take(hidden[1:4], row[0]) if alone else total

    program: Any = lift(loss, ws)
    rows = [[0, 2, 1, 0, 1, 2, 2], [2, 0, 0, 1, 1, 2, 0]]
    results = [loss(row) for row in rows]
    assert near(program(rows), [result.data for result in results])
    assert near(program.value_and_grad(rows)[1], mean_gradient(results, ws))
    assert len(re.findall(r"np\.copyto\(taken|out=taken", program.source)) == 1 + alone


def test_a_lookup_is_an_operation_of_a_trace() -> None:
    """Its value is the entry; its slope is 1 in the entry that is looked up, and 0 in all others and in the index."""
    operands = (1.0, 5.0, 7.0, 9.0)
    assert LOOKUP.value(*operands) == 7.0
    assert [LOOKUP.partials[i](7.0, *operands) for i in range(4)] == [0.0, 0.0, 1.0, 0.0]


def test_a_table_may_hold_values_that_are_no_parameters() -> None:
    """Other Values, some known and some not, are read when they are looked up."""
    ws, others = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    program: Any = lift(lambda i, j: take([*ws, *others], i) * take([others[1], ws[0], others[0]], j), ws)
    assert list(program([0, 1, 2], [0, 1, 2])) == [4.0, 2.0, 9.0]
    others[1].data = 5.0
    assert list(program([0, 3], [0, 0])) == [5.0, 25.0]
