"""Programs with loops compute what the unrolled ones do, and are short; where nothing repeats, nothing changes."""

from __future__ import annotations

import math
import pickle
import random
import re
import runpy
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalargrad import Value, exp, grad, lift, maximum, nn, sigmoid, sin, take, tanh
from scalargrad.lifting import specialised
from scalargrad.lifting.arrays.differentiate import gradient, mean
from scalargrad.lifting.arrays.loops import Loop
from scalargrad.lifting.arrays.program import ArrayProgram, View, needed
from scalargrad.lifting.group.initial import InitialStates
from scalargrad.lifting.loops.making import seen_through
from scalargrad.lifting.loops.reading import Read, is_part
from scalargrad.lifting.loops.rolling import rolled
from scalargrad.lifting.loops.splitting import Limits
from scalargrad.lifting.names import Names
from scalargrad.lifting.specialised import Specialised
from scalargrad.lifting.target import chosen
from scalargrad.lifting.to_numpy.target import NumpyTarget
from scalargrad.lifting.to_python.target import PythonTarget
from tests.lifting.interpreter import evaluate
from tests.lifting.recurrences import (
    BATCH,
    RECURRENCES,
    Made,
    gru,
    hidden_markov,
    kalman,
    learning,
    letters,
    lstm,
    residual,
    rnn,
    rnn_from_zero,
    stacked,
    two_back,
)

pytestmark = pytest.mark.usefixtures("littered")


def _unrolled(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(NumpyTarget, "writes_loops", False)
    monkeypatch.setattr(PythonTarget, "writes_loops", False)
    return monkeypatch


def _text(program: Any, kind: str) -> str:
    (lifted,) = program._lifted.values()
    text: str = lifted.runner(kind).source.text
    return text


def _computed(made: Made, **options: Any) -> tuple[list[Any], dict[str, str]]:
    """What a lifted recurrence computes, and the texts that do."""
    function, parameters, batch = made
    program = lift(function, parameters, check=False, **options)
    batch = batch if options.get("target") != "python" else tuple(one.tolist() for one in batch)
    results = [np.asarray(program(*batch))]
    kinds = ["forward"]
    if results[0].ndim == 1:
        value, gradient = program.value_and_grad(*batch)
        results += [np.asarray(value), np.asarray(gradient)]
        kinds.append("value_and_grad")
        if options.get("target") != "python":
            results.append(program.hvp(*batch, np.cos(np.arange(len(parameters)))))
            kinds.append("hvp")
    else:
        results.append(np.asarray(program.jacobian(*batch)))
        kinds.append("jacobian")
    return results, {kind: _text(program, kind) for kind in kinds}


def _agree(some: list[Any], others: list[Any], tolerance: float = 1e-12) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * (1 + abs(other).max()))


@pytest.mark.parametrize("recurrence", RECURRENCES, ids=lambda one: one.__name__)
def test_a_loop_computes_what_the_unrolled_program_does(
    recurrence: Callable[[int], Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results, gradients and products with the Hessian are the same, in a text that is shorter."""
    results, texts = _computed(recurrence(16))
    with _unrolled(monkeypatch).context():
        expected, unrolled = _computed(recurrence(16))
    _agree(results, expected)
    assert " in range(" in texts["forward"]
    assert sum(map(len, texts.values())) < sum(map(len, unrolled.values()))


@pytest.mark.parametrize("recurrence", RECURRENCES, ids=lambda one: one.__name__)
def test_plain_python_has_the_same_loops(recurrence: Callable[[int], Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """The target of single numbers gives the same results with loops as without them."""
    results, texts = _computed(recurrence(12), target="python")
    with _unrolled(monkeypatch).context():
        expected, unrolled = _computed(recurrence(12), target="python")
    _agree(results, expected)
    assert sum(map(len, texts.values())) <= sum(map(len, unrolled.values()))


# ---------------------------------------------------------------- random programs

OPERATIONS: list[Any] = [tanh, sigmoid, sin, lambda a: a * a, lambda a: exp(-a * a), lambda a: maximum(a, 0.1)]


def _random_recurrence(seed: int, steps: int) -> Made:
    """Random states, each a random function of the states before, of inputs, of parameters and of constants."""
    rng = random.Random(seed)
    width, count = rng.choice([1, 2, 3]), rng.choice([1, 2, 3])
    parameters = [Value(rng.gauss(0, 0.5)) for _ in range(6)]
    plans = [
        [(rng.choice(OPERATIONS), rng.randrange(count), rng.randrange(6), rng.randrange(4)) for _ in range(2)]
        for _ in range(count)
    ]
    period, at_start = rng.choice([1, 1, 2, 3]), rng.choice([0.0, 0.5, None, 0.25])
    backwards, every = rng.random() < 0.3, rng.random() < 0.5

    def loss(x: Any, start: Any) -> Any:
        begun = [start[j] if at_start is None else at_start * (1 + j if at_start == 0.25 else 1) for j in range(width)]
        states: Any = [begun for _ in range(count)]
        total: Any = 0.0
        for t in range(steps):
            given = x[steps - 1 - t if backwards else t]
            new = []
            for i, plan in enumerate(plans):
                values = states[i]
                for operation, other, weight, extra in plan:
                    third = [given, parameters[(weight + 1) % 6], 0.1 * (t % period), states[other][0]][extra]
                    values = [
                        operation(parameters[weight] * a + states[other][j] * third) for j, a in enumerate(values)
                    ]
                new.append(values)
            states = new
            if every:
                total = total + states[0][0] * states[-1][0]
        return total + sum(a * a for values in states for a in values)

    r = np.random.default_rng(seed)
    return loss, parameters, (r.normal(size=(2, steps)), r.normal(size=(2, width)))


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("seed", range(12))
def test_random_recurrences(seed: int, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is repeated is computed as it was."""
    results, _ = _computed(_random_recurrence(seed, 10), target=target)
    with _unrolled(monkeypatch).context():
        expected, _ = _computed(_random_recurrence(seed, 10), target=target)
    _agree(results, expected)


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize(("lengths", "begins_at"), [((4, 4, 4), None), ((5, 3, 4), 0.7), ((3, 2, 3, 2), None)])
def test_loops_in_loops_in_loops(lengths: tuple[int, ...], begins_at: float | None, target: str) -> None:
    """What is kept in loops of any depth, in lists of lists, is read at its place: all functions are the engine's."""
    w = [Value(0.5), Value(-0.3)]

    def nested(x: Any, depth: int = 0) -> Any:
        for _ in range(lengths[depth]):
            x = tanh(x * w[0] + 0.1) if depth + 1 == len(lengths) else nested(x, depth + 1)
            x = x * 0.5 if depth == 1 else x + w[1]
        return x

    program: Any = lift(lambda x: nested(x if begins_at is None else begins_at) + x * w[1], w, target=target)
    for kind in ("__call__", "value_and_grad", "jacobian", "input_gradients"):  # each is compared at its first call
        getattr(program, kind)([1.0, 2.0])
    program.jvp([1.0, 2.0], [1.0, -0.5])
    program.hvp([1.0, 2.0], [1.0, -0.5])


@pytest.mark.parametrize("seed", range(12))
def test_what_does_not_repeat_has_no_loop(seed: int) -> None:
    """In a random graph nothing is mistaken for a loop."""
    parameters = [Value(0.1 * k) for k in range(5)]

    def loss(x: Any) -> Any:
        rng = random.Random(seed)
        made: list[Any] = [*parameters, x]
        for _ in range(80):
            made.append(rng.choice(OPERATIONS)(rng.choice(made) * rng.choice(parameters) + rng.choice(made[-3:])))
        return sum(made)

    _, texts = _computed((loss, parameters, (np.ones(2),)))
    assert not any(" in range(" in text for text in texts.values())


def _growing(steps: int) -> Made:
    """Each number is computed from all before it."""
    w = [Value(0.1 * k) for k in range(1, 4)]

    def loss(x: Any) -> Any:
        states = [x[0]]
        for t in range(1, steps):
            states.append(tanh(w[0] * sum(states) + w[1] * states[-1] * x[t] + w[2]))
        return states[-1] * states[-1]

    return loss, w, (np.random.default_rng(0).normal(size=(2, steps)),)


def _triangular(steps: int) -> Made:
    """A triangular system of equations, solved from the first row on."""
    rng = random.Random(0)
    rows = [[Value(rng.gauss(0, 0.3)) for _ in range(i)] + [Value(1.5)] for i in range(steps)]

    def loss(b: Any) -> Any:
        y: list[Any] = []
        for i, row in enumerate(rows):
            y.append((b[i] - sum(a * one for a, one in zip(row, y, strict=False))) / row[-1])
        return sum(one * one for one in y)

    return loss, [value for row in rows for value in row], (np.random.default_rng(0).normal(size=(2, steps)),)


def _shrinking(steps: int) -> Made:
    """Neighbours are taken together until one number is left."""
    w = [Value(0.7), Value(-0.4)]

    def loss(x: Any) -> Any:
        level = list(x)
        while len(level) > 1:
            level = [tanh(w[0] * a + w[1] * b) for a, b in pairwise(level)]
        return level[0] * level[0]

    return loss, w, (np.random.default_rng(0).normal(size=(2, steps)),)


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("ragged", [_growing, _triangular, _shrinking], ids=lambda one: one.__name__)
def test_bodies_whose_size_changes(ragged: Callable[[int], Made], target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each step is larger or smaller than the one before, nothing is mistaken for an iteration."""
    results, _ = _computed(ragged(12), target=target)
    with _unrolled(monkeypatch).context():
        expected, _ = _computed(ragged(12), target=target)
    _agree(results, expected)


def test_a_small_program_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where loops would save few lines, the text is the same as without them, to the byte."""
    model = nn.MLP(2, [3, 3, 3, 1], "tanh", rng=0)
    made = (lambda x: model(x) ** 2, model.parameters(), (np.ones((2, 2)),))
    _, texts = _computed(made)
    with _unrolled(monkeypatch).context():
        _, unrolled = _computed(made)
    assert texts == unrolled


# ---------------------------------------------------------------- constants to begin with


def _iterations(text: str) -> list[int]:
    """How many iterations each loop of a text has."""
    return [int(count) for count in re.findall(r" in (?:reversed\()?range\((\d+)\)", text)]


@pytest.mark.parametrize("recurrence", [lstm, gru, rnn], ids=lambda one: one.__name__)
def test_the_first_step_is_an_iteration(recurrence: Callable[[int], Made]) -> None:
    """A recurrence that begins with constants or with an argument is one loop, and so is each sweep."""
    _, texts = _computed(recurrence(12))
    assert _iterations(texts["forward"]) == [12]
    assert _iterations(texts["value_and_grad"]) == [12] * 2
    assert _iterations(texts["hvp"]) == [12] * 4


@pytest.mark.parametrize("recurrence", [rnn_from_zero, letters], ids=lambda one: one.__name__)
def test_a_loss_at_each_step_is_in_the_same_loop(recurrence: Callable[[int], Made]) -> None:
    """The sweep back begins with a gradient of 0 for the state after the last step; the sum of losses is a loop."""
    _, texts = _computed(recurrence(12))
    assert sorted(_iterations(texts["value_and_grad"])) == [11, 12, 12]
    assert sorted(_iterations(texts["hvp"])) == [11, 12, 12, 12, 12]
    _, texts = _computed(rnn_from_zero(12), target="python")
    assert [count for count in _iterations(texts["value_and_grad"]) if count > 4] == [12, 12]


def _begun(number: float | Sequence[float], first: Any = tanh) -> Made:
    """A recurrent layer that begins with constants; its first step may be another one."""
    rng = random.Random(0)
    w = [[Value(rng.gauss(0, 0.5)) for _ in range(4)] for _ in range(4)]

    def loss(x: Any) -> Any:
        h: Any = [number] * 3 if isinstance(number, float) else number
        for t in range(12):
            function = tanh if t else first
            h = [function(row[3] * x[t] + sum(a * b for a, b in zip(row, h, strict=False))) for row in w[:3]]
        return sum(a * a for a in h)

    return loss, [value for row in w[:3] for value in row], (np.random.default_rng(0).normal(size=(4, 12)),)


@pytest.mark.parametrize("number", [0.0, -0.0, 0.5, 1.0, [0.5, -1.0, 2.0], [0.0, 1.0, 0.0]], ids=str)
@pytest.mark.parametrize("target", ["numpy", "python"])
def test_any_constants(number: Any, target: str) -> None:
    """Whatever the constants, all that is computed agrees with the engine, in loops over all steps."""
    function, parameters, batch = _begun(number)
    program = lift(function, parameters, target=target)
    examples = batch if target == "numpy" else [one.tolist() for one in batch]
    program(*examples)  # which compares with the engine, as all do at their first call
    program.value_and_grad(*examples)
    kinds = ["forward"]
    if target == "numpy":
        program.hvp(*batch, np.ones(len(parameters)))
        program.input_gradients(*batch)
        program.jvp(*batch, np.ones(len(parameters)))
        kinds += ["value_and_grad", "hvp", "input_gradients", "jvp"]
    assert all(set(_iterations(_text(program, kind))) == {12} for kind in kinds)


@pytest.mark.parametrize("module", [nn.Recurrent, nn.LSTM, nn.GRU])
def test_modules_begin_with_an_iteration(module: Any) -> None:
    """The first step of a module is an iteration, though biases are weights of an input that is always 1."""
    model = module(2, 3, rng=0)
    program = lift(lambda rows: sum(v * v for v in model(rows)[-1]), model.parameters())
    rows = np.random.default_rng(0).normal(size=(3, 12, 2))
    program(rows)  # which compares with the engine, as all do at their first call
    program.value_and_grad(rows)
    program.hvp(rows, np.ones(len(model.parameters())))
    assert _iterations(_text(program, "forward")) == [12]
    assert _iterations(_text(program, "value_and_grad")) == [12, 12]


def test_a_first_step_that_is_another_one_stays_before_the_loop() -> None:
    """Negative control: a step with another function is no iteration."""
    _, texts = _computed(_begun(0.0, sigmoid))
    assert _iterations(texts["forward"]) == [11]


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan, 1e308])
@pytest.mark.parametrize("target", ["numpy", "python"])
def test_constants_times_infinite_weights(wrong: float, target: str) -> None:
    """0 × inf is nan here as in the engine, in the result and in the gradient: no 0 is folded away."""
    function, parameters, batch = _begun(0.0)
    for place in (0, 5):
        parameters[place].data = wrong
    program = lift(function, parameters, target=target, check=False)
    examples = batch if target == "numpy" else [one.tolist() for one in batch]
    value, gradient = program.value_and_grad(*examples)
    outputs = [function(row) for row in batch[0].tolist()]
    expected = sum(output for output in outputs) / len(outputs)
    expected.backward()
    np.testing.assert_allclose(value, expected.data, rtol=1e-12)
    np.testing.assert_allclose(gradient, [own.grad for own in parameters], rtol=1e-9)
    assert np.isnan(value) == (not math.isfinite(wrong))


@pytest.mark.parametrize("recurrence", [lstm, gru, rnn_from_zero], ids=lambda one: one.__name__)
def test_a_first_step_before_the_loop(recurrence: Callable[[int], Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where constants are no states, a loop begins with what the first step has computed, also in parts."""
    expected, _ = _computed(recurrence(10))
    with monkeypatch.context() as plain:
        plain.setattr(specialised, "with_initial_states", lambda trace, outputs, of_sums: InitialStates(trace, outputs))
        results, texts = _computed(recurrence(10))
    _agree(results, expected)
    assert 9 in _iterations(texts["forward"])


def test_few_steps_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no loop, constants are numbers as they have been, to the byte."""
    _, texts = _computed(rnn_from_zero(3))
    with _unrolled(monkeypatch).context():
        _, unrolled = _computed(rnn_from_zero(3))
    assert texts == unrolled


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_constants_outside_of_loops(target: str) -> None:
    """Of two layers the second is no loop from its first step on, as that reads and computes in another order."""
    rng = random.Random(0)
    width, steps = 12, 8
    w = [[Value(rng.gauss(0, 0.5)) for _ in range(3)] for _ in range(3)]
    v = [Value(rng.gauss(0, 0.5)) for _ in range(width)]
    start = [0.1 * k for k in range(width)]

    def layer(weights: Any, h: Any, x: Any) -> list[Any]:
        return [sigmoid(a + u * b) for a, u, b in zip(x, weights, h, strict=True)]

    def loss(x: Any) -> Any:
        g: Any = [0.5] * 3
        for t in range(steps):
            g = [tanh(x[t] + sum(a * b for a, b in zip(row, g, strict=True))) for row in w]
        h: Any = layer(v[::-1], start, [x[0]] * width)[::-1]
        for t in range(1, steps):
            h = layer(v, h, x[t : t + width])
        return sum(g) + sum(h)

    program = lift(loss, [*v, *(value for row in w for value in row)], target=target)
    examples = np.random.default_rng(0).normal(size=(2, width + steps))
    program(examples if target == "numpy" else examples.tolist())
    text = _text(program, "forward")
    assert steps in _iterations(text)
    assert ("initial[" if target == "python" else "np.repeat(") in text


# ---------------------------------------------------------------- in and around loops


@pytest.mark.parametrize("count", [1, 2, 5])
def test_batches_of_any_size(count: int) -> None:
    """The loop is the same for each size of batch, and is compared with the engine at its first use."""
    function, parameters, batch = lstm(8)
    program = lift(function, parameters)
    examples = tuple(np.resize(one, (count, *one.shape[1:])) for one in batch)
    expected = [function(*example).data for example in zip(*(one.tolist() for one in examples), strict=True)]
    np.testing.assert_allclose(program(*examples), expected, rtol=1e-12)
    program.value_and_grad(*examples)
    program.hvp(*examples, np.ones(len(parameters)))


def test_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops compute in the precision of the program."""
    results, _ = _computed(rnn_from_zero(12), dtype="float32")
    with _unrolled(monkeypatch).context():
        expected, _ = _computed(rnn_from_zero(12), dtype="float32")
    assert results[0].dtype == results[2].dtype == np.float32
    _agree(results, expected, 1e-5)


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_rows_are_looked_up_number_by_number(target: str) -> None:
    """Products of rows that are looked up, a number of each after the other, have the engine's value and gradient."""
    rng = random.Random(0)
    table = [[Value(rng.gauss(0, 1)) for _ in range(4)] for _ in range(5)]
    parameters = [entry for row in table for entry in row]

    def loss(places: Any) -> Any:
        rows = [take(table, place) for place in places]
        return sum(tanh(a * b) for row, after in pairwise(rows) for a, b in zip(row, after, strict=True))

    examples = [[1, 3, 0, 0, 4, 2], [4, 1, 2, 3, 3, 0]]
    value, slopes = lift(loss, parameters, target=target, check=False).value_and_grad(examples)
    expected = sum(map(loss, examples)) / 2
    assert value == pytest.approx(expected.data, rel=1e-12)
    assert list(slopes) == pytest.approx([slope.data for slope in grad(expected, parameters)], rel=1e-9, abs=1e-12)


def test_no_argument() -> None:
    """A function of parameters alone, such as a power of a matrix, has its loop."""
    matrix = [[Value(0.4), Value(0.1)], [Value(-0.2), Value(0.3)]]

    def trace() -> Any:
        power = matrix
        for _ in range(15):
            power = [[power[i][0] * matrix[0][j] + power[i][1] * matrix[1][j] for j in range(2)] for i in range(2)]
        return power[0][0] + power[1][1]

    program = lift(trace, [value for row in matrix for value in row])
    value, gradient = program.value_and_grad()
    numbers = np.array([[0.4, 0.1], [-0.2, 0.3]])
    assert value == pytest.approx(np.trace(np.linalg.matrix_power(numbers, 16)), rel=1e-12)
    np.testing.assert_allclose(gradient, 16 * np.linalg.matrix_power(numbers, 15).T.ravel(), rtol=1e-11)
    assert " in range(" in _text(program, "value_and_grad")


def test_input_gradients_and_tangents() -> None:
    """Derivatives in inputs and along directions of programs with loops agree with the engine."""
    function, parameters, batch = rnn(10)
    program = lift(function, parameters)
    slopes = program.input_gradients(*batch)
    direction = np.sin(np.arange(len(parameters)))
    speeds = program.jvp(*batch, direction)
    assert " in range(" in _text(program, "input_gradients")
    assert " in range(" in _text(program, "jvp")
    gradients = program.gradients(*batch)
    np.testing.assert_allclose(gradients @ direction, speeds, rtol=1e-10)
    assert slopes[0].shape == batch[0].shape


# ---------------------------------------------------------------- texts


@pytest.mark.parametrize("recurrence", [rnn_from_zero, residual, kalman, hidden_markov], ids=lambda one: one.__name__)
def test_the_text_does_not_grow_with_the_steps(recurrence: Callable[[int], Made]) -> None:
    """A program for twice as many steps has as many lines."""
    lengths = []
    for steps in (16, 32):
        function, parameters, batch = recurrence(steps)
        program = lift(function, parameters, check=False)
        program.value_and_grad(*batch)
        lengths.append(program.source.count("\n"))
    assert lengths[0] == lengths[1]


def test_a_saved_program_has_its_loops(tmp_path: Path) -> None:
    """A file with loops gives the same bits, on numpy and in plain Python; so does a pickled program."""
    function, parameters, batch = rnn(10)
    for target in ("numpy", "python"):
        program = lift(function, parameters, target=target)
        examples = batch if target == "numpy" else tuple(one.tolist() for one in batch)
        expected = program.value_and_grad(*examples)
        file = tmp_path / f"{target}.py"
        program.save(file)
        assert " in range(" in file.read_text()
        value, gradient = runpy.run_path(str(file))["value_and_grad"](*examples)
        assert value == expected[0]
        assert list(gradient) == list(expected[1])
        twin = pickle.loads(pickle.dumps(program))
        assert list(twin.value_and_grad(*examples)[1]) == list(expected[1])


@pytest.mark.parametrize("recurrence", [rnn, stacked, two_back, learning], ids=lambda one: one.__name__)
def test_loops_mean_the_same_to_an_interpreter(recurrence: Callable[[int], Made]) -> None:
    """What a target is given computes what the unrolled program does, whoever reads it."""
    function, parameters, batch = recurrence(12)
    target = chosen("numpy", "float64")
    rows = [target.rows(one, "x") for one in batch]
    lifted = Specialised(function, parameters, tuple(shape for _, shape in rows), target, False)
    program, theta = lifted._program, lifted._leaves["theta"]
    average = mean(program, lifted.results[0])
    slopes = gradient(program, average, theta)
    names = Names([average], {}, [])
    with_loops = rolled([average], slopes, len(parameters), names, has_axes=True, limits=Limits(1000, 1000))
    assert with_loops is not None
    (new_average,), new_slopes = with_loops
    assert any(isinstance(array, Loop) for array in needed([new_average]))
    given = {"theta": [value.data for value in parameters]}
    given |= {name: table for name, (table, _) in zip(lifted.arguments, rows, strict=True)}
    assert new_slopes is not None
    for old, new in ((average, new_average), (slopes, new_slopes)):
        expected, computed = (np.asarray(evaluate(one, given, BATCH)).reshape(-1) for one in (old, new))
        np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-12 * abs(expected).max())


def test_a_list_that_begins_as_another_one_is_seen() -> None:
    """Negative control: a part that is read at first is one of what is read of all, or else there is no loop."""
    program = ArrayProgram()
    axes = (program.axis(3),)
    leaf, other = (program.leaf(name, (program.axis(6),)) for name in ("x", "y"))

    def read(base: Any, places: list[int]) -> Read:
        view = program.view(base, np.array(places), axes if len(places) == 3 else (program.axis(len(places)),))
        assert isinstance(view, View)
        return Read(view, base, (view,))

    whole, later = read(leaf, [1, 2, 3]), read(other, [0, 1])
    assert is_part(read(leaf, [1, 2]), whole, later)
    assert not is_part(read(leaf, [0, 1]), whole, later)
    assert not is_part(read(other, [1, 2]), whole, later)
    assert is_part(Read(0.5, None, ()), Read(0.5, None, ()), later)
    assert not is_part(Read(0.0, None, ()), Read(-0.0, None, ()), later)


def test_rows_are_seen_through_a_view() -> None:
    """A view shows the same places of each row."""
    program = ArrayProgram()
    base = program.leaf("x", (program.axis(6),))
    view = program.view(base, np.array([[5, 0], [1, 1]]), (program.axis(2), program.axis(2)))
    assert isinstance(view, View)
    assert seen_through(np.arange(18).reshape(3, 6), view)[2].tolist() == [[17, 12], [13, 13]]
