"""Derivatives that a program has beside the gradient of its mean: for each example, in its inputs, of many results."""

from __future__ import annotations

import copy
import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, grad, hessian, lift, nn, softmax, take, tanh
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting.comparison import Disagreement
from scalargrad.lifting.program import FUNCTIONS as METHODS

from ..oracle import Program, programs, run
from .test_random_nets import RandomNet

each_target = pytest.mark.parametrize("target", ["numpy", "python"])
FUNCTIONS = {primitive.name: primitive for primitive in BUILT_IN}
ROUNDING = 1e-12


def agree(own: Any, eager: Any, scale: float = 1.0) -> bool:
    own, eager = np.array(own, dtype=float), np.array(eager, dtype=float)
    return own.shape == eager.shape and bool(np.allclose(own, eager, rtol=ROUNDING, atol=ROUNDING * scale))


def flat(returned: Any) -> list[Value]:
    if isinstance(returned, Value):
        return [returned]
    return [value for part in (returned.values() if isinstance(returned, dict) else returned) for value in flat(part)]


def check(function: Callable[..., Any], parameters: list[Value], rows: Any, target: str, scale: float = 1.0) -> None:
    """Compare every derivative of a function of a row, with a list of results, with the engine's."""
    program: Any = lift(function, parameters, target=target, check=False)
    vector = [math.cos(i) for i in range(len(parameters))]
    values, in_parameters, in_inputs, along = [], [], [], []
    for row in rows:
        inputs = [Value(x) for x in row]
        results = flat(function(inputs))
        values.append([result.data for result in results])
        in_parameters.append([[slope.data for slope in grad(result, parameters)] for result in results])
        in_inputs.append([[slope.data for slope in grad(result, inputs)] for result in results])
        along.append([sum(a * b for a, b in zip(of_one, vector, strict=True)) for of_one in in_parameters[-1]])
    scale *= 1 + max(float(np.abs(numbers).max(initial=0)) for numbers in (values, in_parameters, in_inputs))
    assert agree(program(rows), values, scale)
    assert agree(program.jacobian(rows), in_parameters, scale)
    assert agree(program.input_gradients(rows), in_inputs, scale)
    assert agree(program.jvp(rows, vector), along, scale * len(parameters))


# ---------------------------------------------------------------- the engine's numbers


@each_target
@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
def test_networks_of_several_outputs(activation: str, target: str) -> None:
    """Every derivative of each output of a network, for each example, is the engine's."""
    model = nn.MLP(3, [5, 4], activation, rng=0)
    rows = np.random.default_rng(1).normal(size=(6, 3)).tolist()
    check(lambda x: softmax(model(x)), model.parameters(), rows, target)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@given(program=programs(max_leaves=4, max_instructions=12))
def test_random_programs(program: Program, target: str) -> None:
    """Every derivative of several results of a random program is the engine's."""
    leaves = [Value(x) for x in program.leaves]

    def function(x: Any) -> Any:
        nodes = run(program, [w * a for w, a in zip(leaves, x, strict=True)], FUNCTIONS)
        return [*nodes[-2:], nodes[-1] * leaves[0]]

    check(function, leaves, [[1.0] * len(leaves), [1.0 + 1e-3] * len(leaves)], target, scale=10.0)


@each_target
@given(seed=st.integers(0, 10_000))
def test_random_networks(seed: int, target: str) -> None:
    """So it is for layers in any arrangement, whose weights lie in any order."""
    net = RandomNet(seed)
    rows = np.random.default_rng(seed).normal(size=(3, net.widths[0])).tolist()
    check(lambda x: [net.loss(x), net.loss(x) * x[0]], net.parameters, rows, target, scale=10.0)


def test_a_wrong_derivative_is_seen() -> None:
    """Negative control: of another function the derivatives differ."""
    w = [Value(0.5)]
    right: Any = lift(lambda x: w[0] * x[0], w)
    wrong: Any = lift(lambda x: w[0] * x[0] * 1.001, w)
    for method in ("jacobian", "input_gradients"):
        assert not agree(getattr(wrong, method)([[1.0]]), getattr(right, method)([[1.0]]))


@each_target
def test_a_convolution(target: str) -> None:
    """Shared weights, whose gradient is a sum over places, have it for each example."""
    kernel = [Value(0.3 * i - 0.4) for i in range(3)]

    def function(x: Any) -> Any:
        return [tanh(sum(kernel[j] * x[i + j] for j in range(3))) for i in range(len(x) - 2)]

    check(function, kernel, np.random.default_rng(0).normal(size=(4, 6)).tolist(), target)


@each_target
def test_results_that_do_not_depend_on_an_example(target: str) -> None:
    """A result of parameters alone has the same derivatives for all examples; one of inputs alone none in them."""
    w = [Value(0.5), Value(-2.0)]
    check(lambda x: [w[0] * w[1], x[0] * x[1], x[1] * 1.0, w[0] * x[0]], w, [[1.0, 2.0], [3.0, -1.0]], target)


# ---------------------------------------------------------------- one result


def loss_of(model: Any) -> Callable[[Any, Any], Any]:
    return lambda x, y: (model(x) - y) ** 2


@each_target
def test_gradients_average_to_the_gradient(target: str) -> None:
    """The gradients of the examples are as many rows, and their mean is the gradient of the mean."""
    model = nn.MLP(2, [4, 1], "tanh", rng=0)
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(7, 2)).tolist(), rng.normal(size=7).tolist()
    program: Any = lift(loss_of(model), model.parameters(), target=target)
    rows = np.array(program.gradients(xs, ys))
    assert rows.shape == (7, 17)
    assert agree(rows.mean(axis=0), program.value_and_grad(xs, ys)[1], 10.0)
    assert agree(rows[2:3], [program.value_and_grad(xs[2:3], ys[2:3])[1]], 10.0)
    at = [0.1 * i for i in range(17)]
    assert agree(program.gradients(xs[:1], ys[:1], at=at), [program.value_and_grad(xs[:1], ys[:1], at=at)[1]], 10.0)


@each_target
def test_several_arguments(target: str) -> None:
    """With several arguments there is a derivative in each, of its shape."""
    w = Value(2.0)
    program: Any = lift(lambda x, y, z: w * x * y[0] + sum(sum(row) for row in z) * y[1], [w], target=target)
    of_x, of_y, of_z = program.input_gradients([3.0, 1.0], [[1.0, 2.0], [5.0, 4.0]], [[[1.0, 2.0]], [[3.0, 4.0]]])
    assert agree(of_x, [2.0, 10.0])
    assert agree(of_y, [[6.0, 3.0], [2.0, 7.0]])
    assert agree(of_z, [[[2.0, 2.0]], [[4.0, 4.0]]])


@each_target
def test_a_hessian_is_the_engines(target: str) -> None:
    """The Hessian of the mean is the mean of the engine's, symmetric, and `hvp` is its product."""
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    parameters = model.parameters()
    xs, ys = [[0.5, -1.0], [1.5, 0.25]], [0.5, -1.0]
    program: Any = lift(loss_of(model), parameters, target=target)
    own = np.array(program.hessian(xs, ys))
    expected = np.mean(
        [
            [[entry.data for entry in row] for row in hessian(loss_of(model)(x, y), parameters)]
            for x, y in zip(xs, ys, strict=True)
        ],
        axis=0,
    )
    assert agree(own, expected, 10.0)
    assert agree(own, own.T, 10.0)
    vector = [math.sin(i) for i in range(len(parameters))]
    assert agree(program.hvp(xs, ys, vector), own @ vector, 100.0)
    at = [0.2] * len(parameters)
    assert not agree(program.hessian(xs, ys, at=at), expected)


def network_of(layers: list[int], activation: str) -> tuple[Callable[..., Any], list[Value]]:
    model = nn.MLP(2, layers, activation, rng=0)
    return loss_of(model), model.parameters()


def ragged() -> tuple[Callable[..., Any], list[Value]]:
    """Sums of different lengths, entries read out of order, one twice, and a maximum."""
    w = [Value(math.cos(i)) for i in range(40)]

    def loss(x: Any, y: Any) -> Any:
        sums = [sum(w[(7 * i + 3 * j) % 40] * tanh(w[j] * x[j % 2]) for j in range(i + 1)) for i in range(6)]
        return sum(s * s * s for s in sums) * w[39] / (w[3] * w[3] + 2) + sum(w[5 * k] ** 2 for k in range(8)) * y

    return loss, w


def looked_up() -> tuple[Callable[..., Any], list[Value]]:
    w = [Value(0.1 * i) for i in range(6)]
    return lambda x, y: take(w, 2) * tanh(w[0] * x[0] + w[1] * y) ** 2 + w[3] ** 3 * x[1], w


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "make",
    [
        lambda: network_of([16, 1], "tanh"),  # 65 parameters: three times 32 directions, the last with one
        lambda: network_of([3, 4, 1], "sigmoid"),
        lambda: network_of([5, 1], "relu"),
        ragged,
        looked_up,
    ],
)
def test_columns_at_once_are_those_one_by_one(make: Callable[[], Any], count: int) -> None:
    """A Hessian of which many columns are computed at once is, column by column, `hvp` of the plain Python target."""
    loss, parameters = make()
    xs, ys = [[0.5, -1.0], [1.5, 0.25], [-0.3, 0.7]][:count], [0.5, -1.0, 0.1][:count]
    program: Any = lift(loss, parameters, target="numpy")
    one_by_one: Any = lift(loss, parameters, target="python", check=False)
    own = program.hessian(xs, ys)
    assert "hessian" in program._latest.compared
    size = len(parameters)
    expected = [one_by_one.hvp(xs, ys, [float(i == j) for j in range(size)]) for i in range(size)]
    assert agree(own, expected, 100.0)
    assert own.shape == (size, size)
    assert (pickle.loads(pickle.dumps(program)).hessian(xs, ys) == own).all()


def test_columns_that_depend_on_look_ups_are_computed_one_by_one() -> None:
    """Where something is looked up by an input, several directions are not taken at once, and the Hessian is right."""
    w = [Value(1.0), Value(2.0), Value(3.0)]
    program: Any = lift(lambda i: take(w, i) ** 3, w, target="numpy")
    assert agree(program.hessian(np.array([1, 2])), [[0.0, 0.0, 0.0], [0.0, 6.0, 0.0], [0.0, 0.0, 9.0]])
    assert "hessian" not in program._latest.compared


def test_a_wrong_column_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: columns that are off by a thousandth are an error at the first call."""
    loss, parameters = network_of([3, 1], "tanh")
    program: Any = lift(loss, parameters, target="numpy")
    rows: Any = [[0.5, -1.0]], [0.5]
    program(*rows)
    runner = program._latest.runner("hessian")
    right = runner.value_and_gradient
    monkeypatch.setattr(runner, "value_and_gradient", lambda *given: (0.0, 1.001 * right(*given)[1]))
    with pytest.raises(Disagreement, match="the Hessian times the vector, in parameter"):
        program.hessian(*rows)


@each_target
def test_without_arguments(target: str) -> None:
    """A function of parameters alone has its derivatives without an axis for examples."""
    w = [Value(2.0), Value(3.0)]
    program: Any = lift(lambda: w[0] * w[0] * w[1], w, target=target)
    assert agree(program.gradients(), [12.0, 4.0])
    assert agree(program.jvp([1.0, 1.0]), 16.0)
    assert agree(program.hessian(), [[6.0, 4.0], [4.0, 0.0]])
    several: Any = lift(lambda: [[w[0] * w[1]], [w[1]]], w, target=target)
    assert agree(several.jacobian(), [[[3.0, 2.0]], [[0.0, 1.0]]])
    with pytest.raises(TypeError, match="input_gradients needs a function with arguments"):
        program.input_gradients()


# ---------------------------------------------------------------- forms of results


@each_target
def test_results_have_the_form_of_what_is_returned(target: str) -> None:
    """Nested lists and arrays of Values become arrays; other lists a tuple of arrays, dicts a dict of them."""
    w = Value(2.0)
    xs = [1.0, 3.0, 5.0]

    def returned(x: Any) -> Any:
        grid = np.array([[w * x, x], [w, x * x], [x, x]], dtype=object)
        return {"one": w * x, "grid": grid, "mixed": (x, [w * x, x]), "nested": [[x, x]], "row": (x, w)}

    results: Any = lift(returned, [w], target=target)(xs)
    assert list(results) == ["one", "grid", "mixed", "nested", "row"]
    assert agree(results["one"], [2.0, 6.0, 10.0])
    assert agree(results["grid"][1], [[6.0, 3.0], [2.0, 9.0], [3.0, 3.0]])
    assert isinstance(results["mixed"], tuple)
    assert agree(results["mixed"][1], [[2.0, 1.0], [6.0, 3.0], [10.0, 5.0]])
    assert agree(results["nested"], [[[1.0, 1.0]], [[3.0, 3.0]], [[5.0, 5.0]]])
    assert agree(results["row"], [[1.0, 2.0], [3.0, 2.0], [5.0, 2.0]])


@each_target
def test_derivatives_have_it_too(target: str) -> None:
    """Derivatives of results of a form have that form, with the axes of what is differentiated in behind."""
    w = [Value(2.0), Value(0.5)]
    program: Any = lift(lambda x: {"a": w[0] * x[0], "b": [[x[1] * w[1]], [x[0]]]}, w, target=target)
    rows = [[1.0, 3.0], [4.0, 5.0]]
    slopes = program.jacobian(rows)
    assert agree(slopes["a"], [[1.0, 0.0], [4.0, 0.0]])
    assert agree(slopes["b"], [[[[0.0, 3.0]], [[0.0, 0.0]]], [[[0.0, 5.0]], [[0.0, 0.0]]]])
    of_inputs = program.input_gradients(rows)
    assert agree(of_inputs["a"], [[2.0, 0.0], [2.0, 0.0]])
    assert agree(of_inputs["b"][0], [[[0.0, 0.5]], [[1.0, 0.0]]])
    assert agree(program.jvp(rows, [1.0, 0.0])["a"], [1.0, 4.0])


@each_target
@given(seed=st.integers(0, 10_000))
def test_any_nesting_holds_the_results_in_order(seed: int, target: str) -> None:
    """Whatever lists, tuples and dicts hold results, each is where the function put it."""
    rng = random.Random(seed)

    def nested(depth: int, leaf: Callable[[], Any]) -> Any:
        kind = rng.choice(["leaf", "list", "tuple", "dict", "leaf"]) if depth else "leaf"
        if kind == "leaf":
            return leaf()
        entries = [nested(depth - 1, leaf) for _ in range(rng.randint(1, 3))]
        return entries if kind == "list" else tuple(entries) if kind == "tuple" else dict(enumerate(entries))

    def made(leaf: Callable[[int], Any]) -> Any:
        nonlocal rng
        rng, count = random.Random(seed), iter(range(1000))
        return nested(3, lambda: leaf(next(count)))

    program: Any = lift(lambda x: made(lambda i: x * float(i + 1)), [], target=target)
    own, expected = program([2.0, 3.0]), made(lambda i: np.array([2.0, 3.0]) * (i + 1))

    def same(own: Any, expected: Any) -> bool:
        if isinstance(expected, dict):
            return list(own) == list(expected) and all(same(own[key], expected[key]) for key in expected)
        if isinstance(expected, np.ndarray):
            return agree(own, expected)
        if isinstance(own, tuple):
            return len(own) == len(expected) and all(map(same, own, expected))
        return all(same(np.array(own)[:, i], part) for i, part in enumerate(expected))  # an array

    assert same(own, expected)


def test_what_cannot_be_a_result_is_named() -> None:
    """A number among the results, or nothing at all, is an error."""
    for returned in ({"a": 1.0}, [[1.0]], ("text",), None):
        with pytest.raises(TypeError, match="the function must return a Value or several, got"):
            lift(lambda x, returned=returned: returned, [])([1.0])
    nothing: list[Any] = [[], {}, [[]], np.zeros((0, 3), dtype=object)]
    for empty in nothing:
        with pytest.raises(ValueError, match="must return a Value or several, got none"):
            lift(lambda x, empty=empty: empty, [])([1.0])


# ---------------------------------------------------------------- beside a loss


@each_target
def test_a_loss_with_something_beside_it(target: str) -> None:
    """With `has_aux`, the mean comes with what is returned beside it, and only the loss is differentiated."""
    model = nn.MLP(2, [3, 2], "tanh", rng=0)
    parameters = model.parameters()

    def loss(x: Any, y: Any) -> Any:
        scores = model(x)
        return (scores[0] - y) ** 2, {"scores": scores, "top": scores[0]}

    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(4, 2)).tolist(), rng.normal(size=4).tolist()
    program: Any = lift(loss, parameters, target=target, has_aux=True)
    alone: Any = lift(lambda x, y: loss(x, y)[0], parameters, target=target)
    (mean, aux), gradient = program.value_and_grad(xs, ys)
    expected = alone.value_and_grad(xs, ys)
    assert mean == pytest.approx(expected[0], rel=1e-14)
    assert agree(gradient, expected[1])
    assert agree(aux["scores"], [[score.data for score in model(x)] for x in xs])
    assert agree(aux["top"], [model(x)[0].data for x in xs])
    one = program.value_and_grad(xs[:1], ys[:1])
    assert agree(one[0][1]["top"], aux["top"][:1])
    losses, beside = program(xs, ys)
    assert agree(losses, alone(xs, ys))
    assert agree(beside["scores"], aux["scores"])
    assert agree(program.gradients(xs, ys), alone.gradients(xs, ys))
    assert agree(program.input_gradients(xs, ys)[0], alone.input_gradients(xs, ys)[0])
    vector = [1.0] * len(parameters)
    assert agree(program.hvp(xs, ys, vector), alone.hvp(xs, ys, vector), 10.0)
    assert agree(program.jvp(xs, ys, vector), alone.jvp(xs, ys, vector), 10.0)
    assert isinstance(program.backward(xs, ys), float)
    assert program.value_and_grad(xs, ys)[0][0] == mean
    for twin in (copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        assert twin.value_and_grad(xs, ys)[0][0] == mean


@each_target
def test_without_parameters(target: str) -> None:
    """A program without parameters has results and derivatives in its inputs, and others of size 0."""
    program: Any = lift(lambda x: x * x, [], target=target)
    assert list(program([1.0, 3.0])) == [1.0, 9.0]
    assert program.value_and_grad([1.0, 3.0])[0] == 5.0
    assert list(program.input_gradients([1.0, 3.0])) == [2.0, 6.0]
    assert list(program.jvp([1.0, 3.0], [])) == [0.0, 0.0]
    assert np.shape(program.gradients([1.0, 3.0])) == np.shape(program.jacobian([1.0, 3.0])) == (2, 0)
    assert [len(program.hvp([1.0], [])), len(program.hessian([1.0]))] == [0, 0]
    several: Any = lift(lambda x: [x * x, x, x], [], target=target)
    assert np.shape(several.jacobian([1.0, 3.0])) == (2, 3, 0)


def test_what_is_beside_it_can_be_a_number() -> None:
    """A single Value beside a loss is an array; anything but Values, or none, is refused."""
    w = Value(2.0)
    program: Any = lift(lambda x: (w * x, x), [w], has_aux=True)
    (mean, aux), _ = program.value_and_grad([1.0, 3.0])
    assert (mean, aux.tolist()) == (4.0, [1.0, 3.0])
    constant: Any = lift(lambda x: (w * x, [w, w * w]), [w], has_aux=True)
    assert constant.value_and_grad([1.0, 3.0])[0][1].tolist() == [[2.0, 4.0], [2.0, 4.0]]
    alone: Any = lift(lambda: (w * w, w), [w], has_aux=True)
    assert alone.value_and_grad()[0] == (4.0, 2.0)
    with pytest.raises(TypeError, match="with has_aux the function must return a Value and what is beside it"):
        lift(lambda x: w * x, [w], has_aux=True)([1.0])
    empty: list[Any] = [{}, [], {"a": []}]
    for nothing in empty:
        with pytest.raises(ValueError, match="with has_aux the function must return a Value or several beside"):
            lift(lambda x, beside=nothing: (w * x, beside), [w], has_aux=True)([1.0])
    for beside in (3.0, [w, 3.0], {"a": None}):
        with pytest.raises(TypeError, match="with has_aux, what the function returns beside the loss must be a Value"):
            lift(lambda x, beside=beside: (w * x, beside), [w], has_aux=True)([1.0])


def test_a_gradient_in_place_with_something_beside_it() -> None:
    """A gradient that is written into a given array comes with what is beside the loss, at every call."""
    w = [Value(2.0), Value(1.0)]
    program: Any = lift(lambda x: ((w[0] * x + w[1]) ** 2, [x * w[0], x]), w, has_aux=True)
    theta, out = program.pack(), np.zeros(2)
    for _ in range(4):
        (mean, aux), gradient = program.value_and_grad([1.0, 2.0], at=theta, out=out)
        assert (mean, aux.tolist()) == (17.0, [[2.0, 1.0], [4.0, 2.0]])
        assert gradient is out
        assert out.tolist() == [13.0, 8.0]


# ---------------------------------------------------------------- as functions, and errors


@each_target
def test_functions_of_the_parameters(target: str) -> None:
    """A function of the program takes the parameters first; its names are those of the methods."""
    w = [Value(2.0), Value(1.0)]
    program: Any = lift(lambda x: (w[0] * x + w[1]) ** 2, w, target=target)
    theta = [0.5, -1.0]
    assert agree(program.function("forward")(theta, [2.0]), program([2.0], at=theta))
    assert agree(program.function("value_and_grad")(theta, [3.0])[1], program.value_and_grad([3.0], at=theta)[1])
    for name in ("gradients", "jacobian", "input_gradients", "hessian"):
        assert agree(program.function(name)(theta, [3.0]), getattr(program, name)([3.0], at=theta))
    for name in ("hvp", "jvp"):
        own = program.function(name)(theta, [3.0], [1.0, 2.0])
        assert agree(own, getattr(program, name)([3.0], [1.0, 2.0], at=theta))
    with pytest.raises(ValueError, match=r"a program has the functions forward, value_and_grad, .*, got 'pack'"):
        program.function("pack")


@each_target
def test_each_function_has_its_text(target: str) -> None:
    """A function shows its own text, as the method runs it; `source` is that of value_and_grad, or else of forward."""
    w = [Value(2.0), Value(1.0)]
    program: Any = lift(lambda x: (w[0] * x + w[1]) ** 2, w, target=target)
    with pytest.raises(RuntimeError, match="the program is written at the first call"):
        _ = program.function("hvp").source
    program([2.0] * 30)
    written = {name: program.function(name).source for name in METHODS}
    of_one = {"gradients": "jacobian"} | ({"hessian": "hvp"} if target == "python" else {})
    for name, text in written.items():
        assert f"def {of_one.get(name, name)}(" in text
    assert len(set(written.values())) == len(METHODS) - len(of_one)  # negative control: each has its own
    assert program.source == written["value_and_grad"]
    assert program.function("hvp").source == program._latest.runner("hvp").source.text
    several: Any = lift(lambda x: [w[0] * x, w[1]], w, target=target)
    several([2.0])
    assert several.source == several.function("forward").source
    with pytest.raises(TypeError, match="hvp needs a function with one result, this one has 2"):
        _ = several.function("hvp").source
    beside: Any = lift(lambda x: (w[0] * x, [w[1]]), w, target=target, has_aux=True)
    beside([2.0])
    assert beside.source == beside.function("value_and_grad").source
    alone: Any = lift(lambda: w[0] * w[1], w, target=target)
    alone()
    with pytest.raises(TypeError, match="input_gradients needs a function with arguments"):
        _ = alone.function("input_gradients").source


def test_what_is_asked_of_several_results() -> None:
    """What is for one result is refused for several; a vector of another length, or none, is an error."""
    w = [Value(2.0), Value(1.0)]
    program: Any = lift(lambda x: [w[0] * x, w[1]], w)
    for method in (program.gradients, program.hessian, program.value_and_grad):
        with pytest.raises(TypeError, match="needs a function with one result, this one has 2"):
            method([1.0])
    with pytest.raises(ValueError, match="the vector must have 2 numbers"):
        program.jvp([1.0], [1.0])
    with pytest.raises(TypeError, match="jvp takes the examples and then a vector, got nothing"):
        program.jvp()
    with pytest.raises(TypeError, match="jvp takes the examples and then a vector, got 1 argument without one"):
        program.jvp([1.0])


@pytest.mark.parametrize("kind", ["jacobian", "input_gradients", "jvp"])
def test_each_is_compared_at_its_first_call(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivative that is off is an error at the first call; where there is no finite one, none is expected."""
    w = [Value(2.0), Value(1.0)]
    program: Any = lift(lambda x: [w[0] * x * x, w[1] / x], w, target="python")
    program([1.0])
    vector = [[1.0, 2.0]] if kind == "jvp" else []
    getattr(program, kind)([0.0], *vector)
    program._latest.compared.clear()
    runner = program._latest.runner(kind)
    right = runner.results
    monkeypatch.setattr(runner, "results", lambda *given: [[1.001 * x for x in row] for row in right(*given)])
    with pytest.raises(Disagreement, match=r"derivative \d: the lifted program gives"):
        getattr(program, kind)([2.0], *vector)


# ---------------------------------------------------------------- many results


def test_a_family_that_is_returned_whole_is_an_array() -> None:
    """A thousand results that are computed alike are one array of the program, with as many lines as two."""
    texts = []
    for width in (2, 1000):
        w = [[Value(0.01 * (i + j)) for j in range(3)] for i in range(width)]
        parameters = [value for row in w for value in row]
        program: Any = lift(
            lambda x, w=w: [tanh(sum(a * b for a, b in zip(row, x, strict=True))) for row in w], parameters, check=False
        )
        rows = np.random.default_rng(0).normal(size=(4, 3))
        theta = program.pack().reshape(width, 3)
        assert agree(program(rows), np.tanh(rows @ theta.T))
        texts.append(program.source.replace(str(width), "k"))
    assert len(texts[0].splitlines()) == len(texts[1].splitlines())
    assert "np.copyto" not in texts[1]


@given(seed=st.integers(0, 10_000))
def test_results_of_several_families_in_any_order(seed: int) -> None:
    """Results of several kinds, arguments, parameters and numbers among them, stand where the function put them."""
    rng = random.Random(seed)
    w = [Value(rng.gauss(0, 1)) for _ in range(4)]
    kinds = [rng.randrange(5) for _ in range(rng.randint(2, 12))]
    picks = [(rng.randrange(4), rng.randrange(3)) for _ in kinds]

    def function(x: Any) -> Any:
        made = []
        for kind, (i, j) in zip(kinds, picks, strict=True):
            made.append([tanh(w[i] * x[j]), x[j], w[i], x[j] * x[j], w[i] * 0.0 + 2.0][kind])
        return [one if isinstance(one, Value) else Value(one) for one in made]

    rows = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(3)]
    check(function, w, rows, "numpy")
