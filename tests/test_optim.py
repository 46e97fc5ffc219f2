"""Going downhill: optimizers against their published recurrences, the loop, and starting again elsewhere."""

from __future__ import annotations

import itertools
import json
import math
import operator
import pickle
import random
import sys
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from multiprocessing import get_context
from types import FrameType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scalargrad import Constant, Value, cos, exp, lift, log, nn, optim
from scalargrad.optim import (
    CONVERGED,
    DIVERGED,
    INTERRUPTED,
    OUT_OF_STEPS,
    STOPPED,
    Adam,
    GradientDescent,
    MinimizeResult,
    minimize,
    restarts,
)

NUMBERS = st.floats(-1e3, 1e3)
GRADIENTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8)
Gradients = list[tuple[float, float]]
Recurrence = Callable[[float, list[float]], list[float]]


def descended(optimizer: GradientDescent | Adam, gradients: Gradients) -> list[list[float]]:
    """Where the parameters are after each step, when these are the gradients."""
    path = []
    for row in gradients:
        for parameter, gradient in zip(optimizer.parameters, row, strict=True):
            parameter.grad = gradient
        optimizer.step()
        path.append([parameter.data for parameter in optimizer.parameters])
    return path


def expected(recurrence: Recurrence, start: tuple[float, float], gradients: Gradients) -> list[list[float]]:
    """Where a recurrence for one parameter says that they are."""
    columns = [recurrence(x, [row[i] for row in gradients]) for i, x in enumerate(start)]
    return [list(point) for point in zip(*columns, strict=True)]


# ---------------------------------------------------------------- gradient descent


def polyak(rate: float, momentum: float) -> Recurrence:
    """Gradient descent with momentum, for one parameter."""

    def path(x: float, gradients: list[float]) -> list[float]:
        velocity, points = 0.0, []
        for gradient in gradients:
            velocity = momentum * velocity + gradient
            x = x - rate * velocity
            points.append(x)
        return points

    return path


@given(st.tuples(NUMBERS, NUMBERS), GRADIENTS, st.floats(1e-6, 10), st.floats(0, 1, exclude_max=True))
def test_gradient_descent_is_its_recurrence(
    start: tuple[float, float], gradients: Gradients, rate: float, momentum: float
) -> None:
    """Each parameter follows v ← momentum × v + g, x ← x - rate × v, to the last bit."""
    optimizer = GradientDescent([Value(x) for x in start], rate, momentum)
    assert descended(optimizer, gradients) == expected(polyak(rate, momentum), start, gradients)


@given(st.tuples(NUMBERS, NUMBERS), GRADIENTS, st.floats(1e-6, 10))
def test_without_momentum_the_past_does_not_matter(
    start: tuple[float, float], gradients: Gradients, rate: float
) -> None:
    """With the momentum 0 every step is x ← x - rate × g."""

    def plain(x: float, slopes: list[float]) -> list[float]:
        return [x := x - rate * slope for slope in slopes]

    optimizer = GradientDescent([Value(x) for x in start], rate)
    assert descended(optimizer, gradients) == expected(plain, start, gradients)


@pytest.mark.parametrize("wrong", [polyak(0.1, 0.0), polyak(0.1 * (1 - 0.9), 0.9), polyak(0.1, 0.9 * 1.001)])
def test_another_recurrence_is_told_apart(wrong: Recurrence) -> None:
    """Forgetting the momentum, averaging it, or changing it by 0.1% gives another path."""
    gradients = [(1.0, 2.0), (3.0, -1.0)]
    optimizer = GradientDescent([Value(1.0), Value(2.0)], 0.1, 0.9)
    assert descended(optimizer, gradients) != expected(wrong, (1.0, 2.0), gradients)


# ---------------------------------------------------------------- Adam


def adam(
    rate: float, first: float, second: float, epsilon: float, corrected: bool = True, inside: bool = False
) -> Recurrence:
    """Algorithm 1 of arXiv:1412.6980 for one parameter; or, for a control, with one of two mistakes."""

    def path(theta: float, gradients: list[float]) -> list[float]:
        m = v = 0.0
        points = []
        for t, g in enumerate(gradients, start=1):
            m = first * m + (1 - first) * g
            v = second * v + (1 - second) * g**2
            m_hat = m / (1 - first**t) if corrected else m
            v_hat = v / (1 - second**t) if corrected else v
            theta -= rate * m_hat / (math.sqrt(v_hat + epsilon) if inside else math.sqrt(v_hat) + epsilon)
            points.append(theta)
        return points

    return path


def close(found: list[list[float]], wanted: list[list[float]]) -> bool:
    """Whether two paths agree to 1e-12."""
    return bool(np.allclose(found, wanted, rtol=1e-12, atol=1e-12))


DECAY = st.floats(0, 0.9999)


@given(st.tuples(NUMBERS, NUMBERS), GRADIENTS, st.floats(1e-6, 1), DECAY, DECAY, st.floats(1e-9, 1e-1))
@example((0.0, 0.0), [(0.0, 1.0), (0.0, 1e-6)], 1.0, 0.0, 0.0, 2e-3)  # a large gradient and then a small one
def test_adam_is_algorithm_1(
    start: tuple[float, float], gradients: Gradients, rate: float, first: float, second: float, epsilon: float
) -> None:
    """Each parameter follows algorithm 1 of the paper, to 1e-12."""
    optimizer = Adam([Value(x) for x in start], rate, first, second, epsilon)
    assert close(descended(optimizer, gradients), expected(adam(rate, first, second, epsilon), start, gradients))


@pytest.mark.parametrize(
    "wrong",
    [
        adam(0.1, 0.9, 0.99, 1e-3, corrected=False),
        adam(0.1, 0.9, 0.99, 1e-3, inside=True),
        adam(0.1, 0.9, 0.99 * 1.001, 1e-3),
        adam(0.1, 0.99, 0.9, 1e-3),
    ],
)
def test_another_adam_is_told_apart(wrong: Recurrence) -> None:
    """Without the correction, with ε under the root, or with other decays the path differs by more than 1e-12."""
    gradients = [(1.0, 2.0), (3.0, -1.0), (0.5, 0.5)]
    optimizer = Adam([Value(1.0), Value(2.0)], 0.1, 0.9, 0.99, 1e-3)
    assert not close(descended(optimizer, gradients), expected(wrong, (1.0, 2.0), gradients))


def test_adams_defaults_are_the_papers() -> None:
    """The defaults are those of the paper: 0.001, 0.9, 0.999 and 1e-8."""
    optimizer = Adam([Value(1.0)])
    assert (optimizer.rate, optimizer.epsilon) == (0.001, 1e-8)
    assert (optimizer.first_decay, optimizer.second_decay) == (0.9, 0.999)


# ---------------------------------------------------------------- what both have

OPTIMIZERS: dict[str, Callable[[list[Value]], GradientDescent | Adam]] = {
    "gradient descent": lambda parameters: GradientDescent(parameters, 0.05, 0.9),
    "Adam": lambda parameters: Adam(parameters, 0.1),
}
EITHER = st.sampled_from(sorted(OPTIMIZERS))


def trained(optimizer: GradientDescent | Adam, steps: int) -> list[str]:
    """The parameters' bits after so many more steps down a valley."""
    x, y = optimizer.parameters
    for _ in range(steps):
        optimizer.zero_grad()
        ((x - 1) ** 2 + 3 * (y + x * x) ** 2).backward()
        optimizer.step()
    return [x.data.hex(), y.data.hex()]


@given(EITHER, st.integers(0, 6), st.integers(0, 6), NUMBERS.filter(lambda x: abs(x) < 1))
def test_stopping_and_resuming_gives_the_same_bits(name: str, before: int, after: int, start: float) -> None:
    """An optimizer that goes on from a state saved as JSON does what the first would have done."""
    first = OPTIMIZERS[name]([Value(start), Value(0.5)])
    numbers = [float.fromhex(number) for number in trained(first, before)]
    state = json.loads(json.dumps(first.state_dict()))
    second = OPTIMIZERS[name]([Value(x) for x in numbers])
    second.load_state_dict(state)
    assert trained(second, after) == trained(first, after)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_its_state_an_optimizer_does_something_else(name: str) -> None:
    """The state matters: an optimizer that starts from the same point without it takes another path."""
    first = OPTIMIZERS[name]([Value(0.3), Value(0.5)])
    numbers = [float.fromhex(number) for number in trained(first, 3)]
    assert trained(OPTIMIZERS[name]([Value(x) for x in numbers]), 3) != trained(first, 3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_is_a_copy(name: str) -> None:
    """A state that was taken or loaded does not change when the optimizer goes on."""
    optimizer = OPTIMIZERS[name]([Value(0.3), Value(0.5)])
    trained(optimizer, 2)
    state = optimizer.state_dict()
    before = json.dumps(state)
    trained(optimizer, 2)
    assert json.dumps(state) == before != json.dumps(optimizer.state_dict())
    optimizer.load_state_dict(state)
    trained(optimizer, 2)
    assert json.dumps(state) == before != json.dumps(optimizer.state_dict())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_zero_grad_forgets(name: str) -> None:
    """After zero_grad no parameter has been swept."""
    parameters = [Value(0.3), Value(0.5)]
    optimizer = OPTIMIZERS[name](parameters)
    trained(optimizer, 1)
    assert all(parameter.swept for parameter in parameters)
    optimizer.zero_grad()
    assert not any(parameter.swept for parameter in parameters)


RECURRENCES: dict[str, Recurrence] = {"gradient descent": polyak(0.05, 0.9), "Adam": adam(0.1, 0.9, 0.999, 1e-8)}
SOMETIMES = st.lists(st.tuples(NUMBERS | st.none(), NUMBERS | st.none()), min_size=1, max_size=8)


@given(EITHER, SOMETIMES)
@example("gradient descent", [(None, None), (1.0, None), (None, 2.0), (None, None)])
@example("Adam", [(None, None), (1.0, None), (None, 2.0), (None, None)])
def test_where_no_sweep_has_come_the_gradient_is_0(
    name: str, gradients: list[tuple[float | None, float | None]]
) -> None:
    """A step after which nothing has been swept is one with the gradient 0: momentum and moments go on, and decay."""
    optimizer = OPTIMIZERS[name]([Value(0.5), Value(-0.25)])
    path = []
    for row in gradients:
        optimizer.zero_grad()
        for parameter, gradient in zip(optimizer.parameters, row, strict=True):
            if gradient is not None:
                (parameter * gradient).backward()
        optimizer.step()
        path.append([parameter.data for parameter in optimizer.parameters])
    zeros = [(x or 0.0, y or 0.0) for x, y in gradients]
    assert close(path, expected(RECURRENCES[name], (0.5, -0.25), zeros))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_to_skip_what_no_sweep_has_reached_is_told_apart(name: str) -> None:
    """Negative control: an optimizer that leaves such a parameter alone, as PyTorch's do, takes another path."""
    x, y = parameters = [Value(0.5), Value(0.5)]
    optimizer = OPTIMIZERS[name](parameters)
    for loss in (x * y, x * 2.0):
        optimizer.zero_grad()
        loss.backward()
        before = y.data
        optimizer.step()
    assert not y.swept
    assert y.data < before


def one() -> list[Value]:
    """A parameter."""
    return [Value(1.0)]


BAD_STATES: list[tuple[str, Any, type[Exception], str]] = [
    ("gradient descent", {}, ValueError, "has velocity, got $"),
    ("gradient descent", {"first": [0.0], "second": [0.0], "steps": 1}, ValueError, "has velocity, got first"),
    ("gradient descent", {"velocity": [0.0, 0.0]}, ValueError, "velocity must have 1 numbers.*, got 2"),
    ("gradient descent", {"velocity": ["0"]}, TypeError, "velocity must be a real number"),
    ("Adam", {"velocity": [0.0]}, ValueError, "has first, second, steps, got velocity"),
    ("Adam", {"first": [0.5], "second": [0.5]}, ValueError, "has first, second, steps"),
    ("Adam", {"first": [0.5], "second": [], "steps": 1}, ValueError, "second must have 1 numbers.*, got 0"),
    ("Adam", {"first": [0.5], "second": [None], "steps": 1}, TypeError, "second must be a real number"),
    ("Adam", {"first": [0.5], "second": [-0.5], "steps": 1}, ValueError, "second must hold no negative .*, got -0.5"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": None}, ValueError, "steps must be .*, got None"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": -1}, ValueError, "steps must be .*, got -1"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": 2.5}, ValueError, "steps must be .*, got 2.5"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": True}, ValueError, "steps must be .*, got True"),
    (
        "Adam",
        {"first": [0.5], "second": [0.5], "steps": 10**400},
        ValueError,
        "steps must be within the range of floats",
    ),
    ("Adam", {"first": [math.nan], "second": [0.5], "steps": 1}, ValueError, "first must hold finite numbers, got nan"),
    ("Adam", {"first": [0.5], "second": [math.inf], "steps": 1}, ValueError, "second must hold finite .*, got inf"),
    (
        "Adam",
        {"first": {1.0: 1}, "second": [0.5], "steps": 1},
        TypeError,
        "first must be a list of numbers, got a dict",
    ),
    ("Adam", {"first": "1", "second": [0.5], "steps": 1}, TypeError, "first must be a list of numbers, got a str"),
    ("Adam", {"first": 1.0, "second": [0.5], "steps": 1}, TypeError, "first must be a list of numbers, got a float"),
    ("Adam", {"first": [10**400], "second": [0.5], "steps": 1}, ValueError, "first must be within the range of floats"),
    ("gradient descent", {"velocity": [math.nan]}, ValueError, "velocity must hold finite numbers, got nan"),
    ("gradient descent", {1: 2, "velocity": [0.0]}, ValueError, "has velocity, got 1, velocity"),
    ("gradient descent", [0.0], TypeError, "the state of an optimizer must be a dict, got a list"),
]


@pytest.mark.parametrize(("name", "state", "error", "message"), BAD_STATES)
def test_a_state_that_does_not_fit_changes_nothing(name: str, state: Any, error: type[Exception], message: str) -> None:
    """A state of another optimizer, of another size or of no finite numbers is an error that changes nothing."""
    optimizer = OPTIMIZERS[name](one())
    before = optimizer.state_dict()
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
COLUMN = st.lists(st.floats() | ANYTHING, min_size=1, max_size=1) | ANYTHING
STATES = st.fixed_dictionaries({"velocity": COLUMN}) | st.fixed_dictionaries(
    {"first": COLUMN, "second": COLUMN, "steps": st.integers() | ANYTHING}
)


@given(EITHER, STATES | ANYTHING)
def test_whatever_the_state_is_only_the_documented_errors_come(name: str, state: Any) -> None:
    """Any state is loaded, and a step can be made from it, or is a TypeError or a ValueError that changes nothing."""
    optimizer = OPTIMIZERS[name](one())
    before = optimizer.state_dict()
    try:
        optimizer.load_state_dict(state)
    except (TypeError, ValueError):
        assert optimizer.state_dict() == before
    else:
        assert optimizer.state_dict() == state
        optimizer.parameters[0].grad = 1.0
        optimizer.step()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: GradientDescent([], 0.1), ValueError, "no parameters"),
        (lambda: GradientDescent((1.0,), 0.1), TypeError, "a parameter must be a Value, got 1.0 of type float"),  # type: ignore[arg-type]
        (lambda: GradientDescent(one(), 0.0), ValueError, "rate must be above 0.0"),
        (lambda: GradientDescent(one(), -1), ValueError, "rate must be .*, got -1"),
        (lambda: GradientDescent(one(), math.nan), ValueError, "rate must be .*, got nan"),
        (lambda: GradientDescent(one(), math.inf), ValueError, "rate must be .*, got inf"),
        (lambda: GradientDescent(one(), "0.1"), TypeError, "rate must be a real number"),  # type: ignore[arg-type]
        (lambda: GradientDescent(one(), True), TypeError, "rate must be a real number"),
        (lambda: GradientDescent(one(), 0.1, 1.0), ValueError, "momentum must be at least 0.0 and below 1.0"),
        (lambda: GradientDescent(one(), 0.1, -0.1), ValueError, "momentum must be"),
        (lambda: Adam([]), ValueError, "no parameters"),
        (lambda: Adam(one(), 0.0), ValueError, "rate must be"),
        (lambda: Adam(one(), first_decay=1.0), ValueError, "first_decay must be"),
        (lambda: Adam(one(), second_decay=-0.1), ValueError, "second_decay must be"),
        (lambda: Adam(one(), epsilon=0.0), ValueError, "epsilon must be above 0.0"),
        (lambda: minimize(lambda: Value(1.0), []), ValueError, "no parameters"),
        (lambda: minimize(lambda: Value(1.0), ["x"]), TypeError, "a parameter must be a Value, got 'x'"),  # type: ignore[list-item]
        (lambda: minimize(lambda: 1.0, one()), TypeError, "loss must return a Value, got 1.0 of type float"),  # type: ignore[arg-type,return-value]
        (lambda: minimize(lambda: None, one()), TypeError, "loss must return a Value, got None"),  # type: ignore[arg-type,return-value]
        (lambda: minimize(lambda: Value(1.0), one(), rate=0), ValueError, "rate must be"),
        (lambda: minimize(lambda: Value(1.0), one(), tolerance=-1), ValueError, "tolerance must be at least 0.0"),
        (lambda: minimize(lambda: Value(1.0), one(), max_steps=-1), ValueError, "max_steps must be .*, got -1"),
        (lambda: minimize(lambda: Value(1.0), one(), max_steps=1.0), ValueError, "max_steps must be"),  # type: ignore[arg-type]
        (lambda: minimize(lambda: Value(1.0), one(), max_steps=True), ValueError, "max_steps must be"),
        (lambda: restarts(waves, 0, 0), ValueError, "n must be an integer of at least 1, got 0"),
        (lambda: restarts(waves, True, 0), ValueError, "n must be"),
        (lambda: restarts(waves, 1.0, 0), ValueError, "n must be"),  # type: ignore[arg-type]
        (lambda: restarts(lambda rng: rng.random(), 1, 0), TypeError, "must return a MinimizeResult, got 0."),  # type: ignore[arg-type,return-value]
    ],
)
def test_bad_arguments(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- the loop


@pytest.mark.parametrize(("rate", "end"), [(0.05, "3.487"), (0.2, "0.06047"), (1.1, "61.92")])
def test_ten_steps_down_a_parabola(rate: float, end: str) -> None:
    """From 10 on x², ten steps creep to 3.487, arrive at 0.0605, or overshoot to 61.9, by their rate."""
    x = Value(10.0)
    result = minimize(lambda: x**2, [x], rate=rate, max_steps=10)
    assert f"{x.data:.4g}" == end
    assert (result.nit, result.success, result.status) == (10, False, OUT_OF_STEPS)


DIAGONAL = st.floats(1, 2)


@given(DIAGONAL, DIAGONAL, st.floats(-0.5, 0.5), NUMBERS, NUMBERS)
def test_a_convex_quadratic_is_solved(p: float, r: float, q: float, s: float, t: float) -> None:
    """On ½ xᵀA x - bᵀx the loop ends where A x = b, to the tolerance, and the result describes that point."""
    a, b = np.array([[p, q], [q, r]]), np.array([s, t])
    x, y = Value(1.0), Value(1.0)

    def loss() -> Value:
        return (p * x * x + 2 * q * x * y + r * y * y) / 2 - s * x - t * y

    norms: list[float] = []
    result = minimize(
        loss, [x, y], 1 / (p + r), tolerance=1e-6, callback=lambda reached: norms.append(reached.gradient_norm)
    )
    assert (result.success, result.status, result.x) == (True, CONVERGED, [x.data, y.data])
    assert "below the tolerance" in result.message
    np.testing.assert_allclose(result.x, np.linalg.solve(a, b), rtol=0, atol=1e-6 / np.linalg.eigvalsh(a)[0] + 1e-10)
    assert result.gradient_norm == pytest.approx(np.linalg.norm(a @ result.x - b), abs=1e-9)
    assert result.fun == loss().data == result.history[-1]
    assert result.nit + 1 == len(result.history) == len(norms)
    assert norms[-1] == result.gradient_norm < 1e-6 <= min(norms[:-1], default=1.0)


@given(st.integers(0, 5))
def test_the_steps_run_out(max_steps: int) -> None:
    """After max_steps steps the loop ends without success; with none it evaluates where it is."""
    x = Value(10.0)
    result = minimize(lambda: x**2, [x], 0.25, max_steps=max_steps)
    assert x.data == result.x[0] == 10 / 2**max_steps
    assert result.history == [100 / 4**i for i in range(max_steps + 1)]
    assert (result.nit, result.success, result.status) == (max_steps, False, OUT_OF_STEPS)
    assert "run out" in result.message


DIVERGING: dict[str, tuple[float, float, Callable[[Value], Value]]] = {
    "the loss becomes inf": (10.0, 1.0, lambda x: x**4),
    "the loss becomes nan": (0.5, 1.0, log),
    "the gradient becomes inf": (1.0, 1.0, lambda x: 2 * x**0.5),
    "the parameter becomes inf": (-700.0, 1e10, lambda x: exp(-x)),
    "the loss is nan from the start": (-1.0, 1.0, log),
    "the gradient is inf from the start": (0.0, 1.0, lambda x: x**0.5),
}


@pytest.mark.parametrize("name", DIVERGING)
def test_divergence_is_said_and_the_last_finite_point_kept(name: str) -> None:
    """When anything becomes nan or infinite the result says so, and the parameters are where all was well."""
    start, rate, function = DIVERGING[name]
    x = Value(start)
    points = []

    def loss() -> Value:
        points.append(x.data)
        return function(x)

    result = minimize(loss, [x], rate)
    assert (result.success, result.status) == (False, DIVERGED)
    assert "diverged" in result.message
    assert math.isfinite(x.data)
    assert [x.data] == result.x == [points[result.nit]]
    if "from the start" in name:
        assert (x.data, result.history, result.nit) == (start, [], 0)
    else:
        assert math.isfinite(result.gradient_norm)
        assert result.fun == function(x).data == result.history[-1]


def bowl() -> tuple[Callable[[], Value], list[Value]]:
    """A loss and its parameters."""
    x, y = Value(3.0), Value(-2.0)
    return lambda: (x - 1) ** 2 + 2 * (y + 0.5 * x) ** 2, [x, y]


def interrupted_at(moment: int) -> tuple[MinimizeResult | None, list[float], bool]:
    """What minimize returns with Ctrl-C at one of the lines it runs, the parameters then, and whether it came there."""
    loss, parameters = bowl()
    lines = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        if lines == moment:
            raise KeyboardInterrupt
        return trace

    result = None
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        result = minimize(loss, parameters, max_steps=2)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return result, [parameter.data for parameter in parameters], lines == moment


def test_ctrl_c_at_any_moment_loses_nothing() -> None:
    """Interrupted at any line, minimize leaves the parameters at the last point reached and says so."""
    loss, parameters = bowl()
    path: list[tuple[list[float], float]] = []
    minimize(loss, parameters, max_steps=2, callback=lambda reached: path.append((reached.x, reached.fun)))
    points = [x for x, _ in path]
    interrupted = 0
    for moment in itertools.count(1):
        result, x, happened = interrupted_at(moment)
        if not happened:
            break
        if result is None:  # before the loop, or after it
            assert x in (points[0], points[-1])
        else:
            assert (result.status, result.success) == (INTERRUPTED, False)
            assert result.message == f"interrupted after {result.nit} steps"
            assert x == result.x == points[result.nit]
            assert result.fun == path[result.nit][1] or math.isnan(result.fun)
            interrupted += 1
    assert interrupted > 0.8 * moment > 100


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt, INTERRUPTED, "interrupted after {} steps"),
        (StopIteration, STOPPED, "stopped by the callback"),
    ],
)
def test_a_callback_ends_the_loop(step: int, error: type[BaseException], status: int, message: str) -> None:
    """A callback that raises StopIteration, or in which one presses Ctrl-C, ends the loop at that very point."""
    x = Value(10.0)

    def callback(reached: MinimizeResult) -> None:
        assert reached.x == [x.data]
        if reached.nit == step:
            raise error

    result = minimize(lambda: x**2, [x], 0.25, callback=callback)
    assert (result.status, result.success, result.message) == (status, False, message.format(step))
    assert [x.data] == result.x == [10 / 2**step]
    assert result.history == [100 / 4**i for i in range(step + 1)]


def test_other_errors_are_not_swallowed() -> None:
    """An error in the loss or in the callback comes out as it is."""
    x = Value(1.0)

    def mistaken(*_arguments: object) -> Any:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        minimize(mistaken, [x])
    with pytest.raises(LookupError, match="mine"):
        minimize(lambda: x**2, [x], callback=mistaken)


def test_the_gradients_of_before_do_not_matter() -> None:
    """A gradient that was there before minimize changes nothing."""
    x, y = Value(10.0), Value(10.0)
    y.grad = 1e6
    assert minimize(lambda: x**2, [x]) == minimize(lambda: y**2, [y])


# ---------------------------------------------------------------- starting again elsewhere


def wave(x: Any) -> Any:
    """The function x·cos(2x), which has many local minima."""
    return x * cos(2 * x)


def waves(rng: random.Random) -> MinimizeResult:
    """Its nearest local minimum."""
    x = Value(rng.uniform(-3, 3))
    return minimize(lambda: wave(x), [x], rate=0.03, max_steps=200)


class Backwards(Executor):
    """Does nothing until a result is asked for, and then everything, the last first."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, Future[Any], Callable[[], Any]]] = []
        self.done: list[int] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future = Asked(self)
        self.waiting.append((len(self.waiting), future, lambda: function(*arguments, **named)))
        return future

    def work(self) -> None:
        """Do what is waiting."""
        while self.waiting:
            place, future, call = self.waiting.pop()
            future.set_result(call())
            self.done.append(place)


class Asked(Future[Any]):
    """A future of that executor."""

    def __init__(self, executor: Backwards) -> None:
        super().__init__()
        self.executor = executor

    def result(self, timeout: float | None = None) -> Any:
        self.executor.work()
        return super().result(timeout)


@contextmanager
def dask() -> Iterator[Executor]:
    """The executor of a dask client, whose scheduler and worker are threads of this process."""
    from distributed import Client

    client = Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None)  # type: ignore[no-untyped-call]
    with client, client.get_executor() as executor:  # type: ignore[no-untyped-call]
        yield executor


EXECUTORS: dict[str, Callable[[], AbstractContextManager[Executor | None]]] = {
    "none": nullcontext,
    "backwards": Backwards,
    "threads": lambda: ThreadPoolExecutor(3),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),  # a fork of threads may hang
    "dask": dask,
}


@pytest.fixture(scope="module")
def alone() -> list[MinimizeResult]:
    """What the problem comes to with each of six generators, without restarts."""
    return [waves(random.Random(f"5/{i}")) for i in range(6)]


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_answer_does_not_depend_on_the_executor(name: str, alone: list[MinimizeResult]) -> None:
    """Every executor gives the same runs, in the same order, to the last bit, and so the same best."""
    with EXECUTORS[name]() as executor:
        found = restarts(waves, 6, seed=5, executor=executor)
    assert found.runs == alone
    assert found.best is min(found.runs, key=lambda run: run.fun)


def test_an_executor_may_work_backwards() -> None:
    """The executor that works backwards does so: the order of the runs is not that of the work."""
    executor = Backwards()
    found = restarts(waves, 3, seed=5, executor=executor)
    assert executor.done == [2, 1, 0]
    assert found.runs == restarts(waves, 3, seed=5).runs


@given(st.integers(1, 4), st.integers(1, 4), st.integers())
def test_a_run_depends_on_the_seed_and_its_number_alone(n: int, more: int, seed: int) -> None:
    """More restarts go on where fewer ended, each from a place of its own, and another seed goes elsewhere."""

    def drawn(rng: random.Random) -> MinimizeResult:
        return MinimizeResult([rng.random(), rng.random()], rng.random(), 0.0, 0)

    runs = restarts(drawn, n + more, seed).runs
    assert restarts(drawn, n, seed).runs == runs[:n]
    other = restarts(drawn, n + more, seed + 1).runs
    assert len({run.fun for run in runs + other}) == 2 * (n + more)


def test_restarts_find_what_one_run_misses() -> None:
    """Of the many local minima of x·cos(2x) the best of twenty runs is below all of the interval of their starts."""
    found = restarts(waves, 20, seed=0)
    lowest = min(wave(-3 + 6 * i / 10_000) for i in range(10_001))
    assert found.best.fun <= lowest + 1e-9
    assert len({round(run.fun, 4) for run in found.runs}) > 2
    assert any(run.fun > lowest + 1 for run in found.runs)


@given(st.lists(st.sampled_from([math.nan, math.inf]) | st.floats(-10, 10), min_size=1, max_size=6))
@example([math.nan, math.inf])
def test_a_nan_never_wins(losses: list[float]) -> None:
    """The best is the first run with the lowest loss, and nan only when there is nothing else."""
    assume(not all(map(math.isnan, losses)))
    left = iter(losses)
    found = restarts(lambda rng: MinimizeResult([], next(left), 0.0, 0), len(losses), 0)
    lowest = min(loss for loss in losses if not math.isnan(loss))
    assert found.best is found.runs[losses.index(lowest)]


def test_when_all_is_nan_the_answer_says_so() -> None:
    """Runs that all diverged at once give a best whose status says that it diverged."""
    x = Value(-1.0)
    assert restarts(lambda rng: minimize(lambda: log(x), [x]), 3, 0).best.status == DIVERGED


def mistaken(_rng: random.Random) -> MinimizeResult:
    """A problem with a mistake in it."""
    raise LookupError("mine")


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_error_in_a_run_comes_out(name: str) -> None:
    """What a run raises, in whatever thread or process, is raised by restarts."""
    with EXECUTORS[name]() as executor, pytest.raises(LookupError, match="mine"):
        restarts(mistaken, 2, 0, executor)


class Pending(Future[Any]):
    """A run that has not finished when one presses Ctrl-C, waiting for it."""

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002  # it is that of Future
        raise KeyboardInterrupt


class Scripted(Executor):
    """Finishes, fails in, or never comes to one run after another, as told."""

    def __init__(self, *fates: str) -> None:
        self.fates, self.futures = iter(fates), list[Future[Any]]()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        fate = next(self.fates)
        future: Future[Any] = Pending() if fate == "pending" else Future()
        if fate == "finished":
            future.set_result(function(*arguments, **named))
        elif fate == "failed":
            future.set_exception(LookupError("mine"))
        self.futures.append(future)
        return future


@pytest.mark.parametrize(
    "fates",
    [("finished", "pending", "pending"), ("finished", "finished", "pending"), ("pending", "finished", "finished")],
)
def test_ctrl_c_keeps_what_has_been_finished(fates: tuple[str, ...], alone: list[MinimizeResult]) -> None:
    """On Ctrl-C every finished run is kept, whatever their order, and those that have not begun are cancelled."""
    executor = Scripted(*fates)
    try:
        found = restarts(waves, len(fates), 5, executor)
    except KeyboardInterrupt:
        pytest.fail("the finished runs are lost")
    finished = [run for run, fate in zip(alone, fates, strict=False) if fate == "finished"]
    assert found.runs == finished
    assert found.best == min(finished, key=lambda run: run.fun)
    assert [future.cancelled() for future in executor.futures] == [fate == "pending" for fate in fates]


def test_after_an_error_the_rest_is_cancelled() -> None:
    """When a run fails, those that have not begun are cancelled."""
    executor = Scripted("finished", "failed", "never", "never")
    with pytest.raises(LookupError, match="mine"):
        restarts(waves, 4, 5, executor)
    assert [future.cancelled() for future in executor.futures] == [False, False, True, True]


def test_ctrl_c_before_anything_is_finished() -> None:
    """With nothing to keep, Ctrl-C is Ctrl-C."""
    with pytest.raises(KeyboardInterrupt):
        restarts(waves, 2, 5, Scripted("pending", "pending"))

    def interrupting(_rng: random.Random) -> MinimizeResult:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restarts(interrupting, 2, 5)


@pytest.mark.parametrize("inside", [True, False])
def test_ctrl_c_without_an_executor(inside: bool, alone: list[MinimizeResult]) -> None:
    """Ctrl-C in the third run keeps two, and the third too when it was minimize that it interrupted."""
    begun: list[int] = []

    def problem(rng: random.Random) -> MinimizeResult:
        begun.append(1)
        if len(begun) < 3:
            return waves(rng)
        if not inside:
            raise KeyboardInterrupt
        x = Value(rng.random())

        def loss() -> Value:
            raise KeyboardInterrupt

        return minimize(loss, [x])

    found = restarts(problem, 6, 5)
    assert found.runs[:2] == alone[:2]
    assert [run.status for run in found.runs[2:]] == [INTERRUPTED] * inside
    assert len(begun) == 3
    assert found.best == min(alone[:2], key=lambda run: run.fun)


# ---------------------------------------------------------------- what is no parameter, and no seed


@pytest.mark.parametrize(
    "kind", [optim.GradientDescent, optim.Adam, lambda ps, rate: optim.minimize(lambda: Value(0.0), ps, rate)]
)
def test_parameters_are_distinct_variables(kind: Callable[..., object]) -> None:
    """A parameter named twice, a result, or a constant is refused: steps would be doubled, or lost."""
    x = Value(1.0)
    with pytest.raises(ValueError, match="a parameter is there twice"):
        kind([x, x], 0.1)
    for stranger in (x * 2, Constant(2.0)):
        with pytest.raises(ValueError, match="must be a variable, not a result or a constant"):
            kind([x, stranger], 0.1)


def test_a_model_is_not_its_parameters() -> None:
    """Who passes the model is told what to pass."""
    with pytest.raises(TypeError, match=r"such as model.parameters\(\), got Neuron\(1"):
        optim.GradientDescent(nn.Neuron(1), 0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1.0, True, "1", None, random.Random(0)])
def test_a_seed_is_an_integer(seed: Any) -> None:
    """A seed that would be another in another process, or the same as an integer it is not, is refused."""
    with pytest.raises(ValueError, match="seed must be an integer, got"):
        restarts(lambda rng: MinimizeResult([], 0.0, 0.0, 0), 1, seed)


# ---------------------------------------------------------------- on arrays


class Frozen:
    """An array that cannot change, as those of JAX: each operation gives a new one."""

    def __init__(self, numbers: Any, dtype: Any = None) -> None:
        self.numbers: Any = np.array(numbers.numbers if isinstance(numbers, Frozen) else numbers, dtype)
        self.dtype, self.shape = self.numbers.dtype, self.numbers.shape

    def __array_namespace__(self) -> Any:
        asarray, sqrt = Frozen, lambda x: Frozen(np.sqrt(x.numbers))
        return SimpleNamespace(asarray=asarray, sqrt=sqrt, isdtype=np.isdtype)

    def __len__(self) -> int:
        return len(self.numbers)

    def tolist(self) -> list[float]:
        return cast(list[float], self.numbers.tolist())

    def _with(self, other: Any, apply: Callable[[Any, Any], Any]) -> Frozen:
        with np.errstate(all="ignore"):
            return Frozen(apply(self.numbers, other.numbers if isinstance(other, Frozen) else other))

    def __add__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x + y)

    def __sub__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x - y)

    def __mul__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x * y)

    def __rmul__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: y * x)

    def __truediv__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x / y)


def read_only(numbers: list[float]) -> Any:
    array = np.array(numbers)
    array.flags.writeable = False
    return array


ARRAYS: dict[str, Callable[[list[float]], Any]] = {
    "list": list,
    "numpy": np.array,
    "read-only": read_only,
    "frozen": Frozen,
}
ON_ANYTHING: dict[str, Callable[[Any], Any]] = {
    "gradient descent": lambda parameters: GradientDescent(parameters, 0.1),
    "momentum": lambda parameters: GradientDescent(parameters, 0.3, momentum=0.9),
    "Adam": lambda parameters: Adam(parameters, 0.01),
}
LIFTED = partial(lift, lambda x: 1.0 * x)
each_array = pytest.mark.parametrize("kind", ARRAYS)
each_optimizer = pytest.mark.parametrize("name", ON_ANYTHING)


def bits(numbers: Any) -> list[str]:
    return [float(x).hex() for x in (numbers if isinstance(numbers, list) else numbers.tolist())]


@each_array
@each_optimizer
@given(data=st.data())
def test_an_array_moves_as_values_do(name: str, kind: str, data: st.DataObject) -> None:
    """A step on an array gives the bits that the same rule gives on Values, inf and nan included."""
    n = data.draw(st.integers(1, 4))
    numbers = st.lists(st.floats(), min_size=n, max_size=n)
    start, gradients = data.draw(numbers), data.draw(st.lists(numbers, max_size=5))
    values = [Value(x) for x in start]
    theta = ARRAYS[kind](start)
    on_values, on_array = ON_ANYTHING[name](values), ON_ANYTHING[name](theta)
    for gradient in gradients:
        for value, slope in zip(values, gradient, strict=True):
            value.grad = slope
        assert on_values.step() is None
        theta = on_array.step(ARRAYS[kind](gradient))
    assert bits(theta) == bits([value.data for value in values])
    assert repr(on_array.state_dict()) == repr(on_values.state_dict())


@each_array
@each_optimizer
def test_arrays_that_can_change_do(name: str, kind: str) -> None:
    """Arrays of numpy and lists are moved in place and returned; others stay, and the moved one is new."""
    theta = ARRAYS[kind]([1.0, -2.0])
    moved = ON_ANYTHING[name](theta).step(ARRAYS[kind]([3.0, 4.0]))
    assert (moved is theta) == (kind in ("list", "numpy"))
    assert (bits(theta) == bits([1.0, -2.0])) == (kind not in ("list", "numpy"))
    assert all(map(operator.ne, bits(moved), bits([1.0, -2.0])))


@each_optimizer
@pytest.mark.parametrize("kind", ["list", "numpy"])
def test_no_gradient_is_kept(name: str, kind: str) -> None:
    """A caller may fill the same array with the next gradient: what was remembered of this one stays."""
    results = []
    for again in (True, False):
        theta, gradient = ARRAYS[kind]([1.0, -2.0]), ARRAYS[kind]([3.0, 4.0])
        optimizer = ON_ANYTHING[name](theta)
        optimizer.step(gradient)
        second = gradient if again else ARRAYS[kind]([0.0, 0.0])
        second[:] = [0.5, -0.25]
        optimizer.step(second)
        results.append((bits(theta), repr(optimizer.state_dict())))
    assert results[0] == results[1]


@each_array
@each_optimizer
def test_a_state_goes_from_values_to_arrays_and_back(name: str, kind: str) -> None:
    """A state saved on Values goes on with an array to the same bits, and the other way round; pickles too."""

    def step(optimizer: Any, gradient: list[float]) -> None:
        if optimizer.theta is None:
            for value, slope in zip(optimizer.parameters, gradient, strict=True):
                value.grad = slope
            optimizer.step()
        else:
            optimizer.step(ARRAYS[kind](gradient))

    def numbers(optimizer: Any) -> Any:
        values = [value.data for value in optimizer.parameters]
        return bits(values if optimizer.theta is None else optimizer.theta)

    whole = ON_ANYTHING[name]([Value(1.0), Value(-2.0)])
    step(whole, [3.0, 4.0])
    step(whole, [-0.5, 0.25])
    made: list[Callable[[list[float]], Any]] = [lambda xs: list(map(Value, xs)), ARRAYS[kind]]
    for first, second in (made, made[::-1]):
        begun = ON_ANYTHING[name](first([1.0, -2.0]))
        step(begun, [3.0, 4.0])
        begun = pickle.loads(pickle.dumps(begun))
        theta = (
            [x.data for x in begun.parameters] if begun.theta is None else list(map(float.fromhex, bits(begun.theta)))
        )
        resumed = ON_ANYTHING[name](second(theta))
        resumed.load_state_dict(json.loads(json.dumps(begun.state_dict())))
        step(resumed, [-0.5, 0.25])
        assert numbers(resumed) == numbers(whole)


def test_an_array_keeps_its_precision() -> None:
    """An array of float32 moves in float32, and so does what the optimizer remembers."""
    theta = np.array([1.0, 2.0], np.float32)
    optimizer = Adam(theta, 0.01)
    moved = optimizer.step(np.array([0.1, 0.2]))
    assert (moved is theta, moved.dtype, optimizer.first_moment.dtype) == (True, np.float32, np.float32)


@each_optimizer
def test_a_loop_on_arrays_is_the_loop_on_values(name: str) -> None:
    """Twenty steps with a lifted program's gradient end where twenty by `backward` and the same optimizer do."""
    ends = []
    for on_array in (True, False):
        model = nn.MLP(2, [3, 1], "tanh", rng=0)
        program = lift(lambda x, y, model=model: (model(x) - y) ** 2, model.parameters())
        theta = program.pack()
        optimizer = ON_ANYTHING[name](theta if on_array else model.parameters())
        for _ in range(20):
            if on_array:
                theta = optimizer.step(program.value_and_grad([[1.0, -1.0], [0.5, 2.0]], [1.0, 0.0], at=theta)[1])
            else:
                optimizer.zero_grad()
                program.backward([[1.0, -1.0], [0.5, 2.0]], [1.0, 0.0])
                optimizer.step()
        if on_array:
            program.unpack(theta)
        ends.append([parameter.data.hex() for parameter in model.parameters()])
    assert ends[0] == ends[1]


@each_optimizer
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda make: make([Value(1.0)]).step([1.0]), TypeError, r"on Values step\(\) takes no gradient"),
        (lambda make: make([1.0]).step(), TypeError, r"on an array step\(gradient\) needs the gradient"),
        (lambda make: make(np.ones(2)).zero_grad(), TypeError, "on an array there is no gradient to forget"),
        (lambda make: make(np.ones(2)).step(np.ones(3)), ValueError, r"must have 2 numbers.*got the shape \(3,\)"),
        (lambda make: make(np.ones(2)).step(np.ones((2, 1))), ValueError, r"got the shape \(2, 1\)"),
        (lambda make: make([1.0, 2.0]).step([1.0]), ValueError, r"must have 2 numbers.*got the shape \(1,\)"),
        (lambda make: make([1.0, 2.0]).step(["a", 1.0]), TypeError, "a number of the gradient must be a real number"),
        (lambda make: make(np.ones((2, 2))), ValueError, r"along one axis, got the shape \(2, 2\)"),
        (lambda make: make(np.ones(0)), ValueError, r"at least one number along one axis, got the shape \(0,\)"),
        (
            lambda make: make(np.ones(2, int)),
            TypeError,
            r"array of floats, got int64; convert it, as theta.astype\(float\)",
        ),
        (lambda make: make(np.ones(2, complex)), TypeError, "array of floats, got complex128"),
        (lambda make: make([1.0, "a"]), TypeError, "a number of theta must be a real number, got 'a'"),
    ],
)
def test_values_and_arrays_are_not_mixed_up(name: str, call: Any, error: type[Exception], message: str) -> None:
    """A gradient on Values, none on an array, and an array of another shape or kind are errors that say what to do."""
    with pytest.raises(error, match=message):
        call(ON_ANYTHING[name])


NO_GRADIENTS: list[tuple[Any, type[Exception], str]] = [
    ([None, 1.0], TypeError, "a number of the gradient must be a real number, got None"),
    (["1", "2"], TypeError, "a number of the gradient must be a real number, got '1'"),
    (np.array(["1", "2"]), TypeError, "a number of the gradient must be a real number, got '1'"),
    ([1j, 2.0], TypeError, "a number of the gradient must be a real number, got 1j"),
    (np.array([1j, 2.0]), TypeError, "a number of the gradient must be a real number, got 1j"),
    (np.array([None, 2.0]), TypeError, "a number of the gradient must be a real number, got None"),
    ([[1.0], [2.0]], TypeError, r"a number of the gradient must be a real number, got \[1.0\]"),
    ([10**400, 1.0], ValueError, "a number of the gradient must be within the range of floats"),
    (np.array([1, 2], "m8[ns]"), TypeError, "must be a list, a tuple or an array .*timedelta"),
    ({1.0, 2.0}, TypeError, r"must be a list, a tuple or an array .*got \{1.0, 2.0\} of type set"),
    ({1.0: 0, 2.0: 0}, TypeError, "must be a list, a tuple or an array .* of type dict"),
    (b"ab", TypeError, "must be a list, a tuple or an array .* of type bytes"),
    ("ab", TypeError, "must be a list, a tuple or an array .* of type str"),
    (5.0, TypeError, "must be a list, a tuple or an array .*got 5.0 of type float"),
    (np.array(5.0), ValueError, r"must have 2 numbers.*got the shape \(\)"),
    (Value(5.0), TypeError, "must be a list, a tuple or an array .* of type Value"),
    ((1.0,), ValueError, r"must have 2 numbers.*got the shape \(1,\)"),
]


@each_array
@pytest.mark.parametrize(("gradient", "error", "message"), NO_GRADIENTS)
def test_a_gradient_is_real_numbers(kind: str, gradient: Any, error: type[Exception], message: str) -> None:
    """A list refuses the gradients that an array refuses, with the same words, and nothing is moved."""
    optimizer = Adam(ARRAYS[kind]([1.0, 2.0]))
    with pytest.raises(error, match=message):
        optimizer.step(gradient)
    assert (optimizer.steps, bits(optimizer.theta)) == (0, bits([1.0, 2.0]))


@each_array
@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        np.array,
        Frozen,
        lambda numbers: np.array(numbers, np.float32),
        lambda numbers: np.array(numbers, int),
        lambda numbers: np.array(numbers, object),
        lambda numbers: array("d", numbers),
        lambda numbers: [np.float32(x) for x in numbers],
    ],
)
def test_a_gradient_may_be_of_any_kind_of_real_numbers(kind: str, make: Callable[[list[float]], Any]) -> None:
    """The same numbers move an array and a list to the same bits, whatever they are in."""
    if make is Frozen and kind in {"numpy", "read-only"}:
        pytest.skip("numpy does not read this array")
    moved = GradientDescent(ARRAYS[kind]([1.0, 2.0]), 0.5).step(make([3.0, -4.0]))
    assert bits(moved) == bits([-0.5, 4.0])


@each_optimizer
@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 2)])
def test_an_array_of_values_is_taken_as_values(name: str, shape: tuple[int, ...]) -> None:
    """An array of Values of any shape is their list; one that holds anything else is refused."""
    several = [Value(1.0), Value(2.0)]
    array_of_values = np.array(several).reshape(shape)
    assert ON_ANYTHING[name](array_of_values).parameters == several
    assert minimize(lambda: several[0] ** 2 + several[1], array_of_values, max_steps=0).x == [1.0, 2.0]
    assert lift(lambda x: several[0] * x + several[1], array_of_values).pack().tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match=r"a parameter must be a Value, got 1\.0 of type float"):
        ON_ANYTHING[name](np.array([1.0, 2.0], object))


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize("take", [*ON_ANYTHING.values(), lambda ps: minimize(lambda: Value(0.0), ps), LIFTED])
def test_parameters_have_an_order(take: Callable[[Any], object], kind: Callable[[list[Value]], Any]) -> None:
    """A set is refused, as its numbers would go to other parameters in another run; the views of a dict are taken."""
    several = [Value(1.0), Value(2.0)]
    with pytest.raises(TypeError, match="parameters must have an order, which a set does not have: make it a list"):
        take(kind(several))
    take(dict.fromkeys(several).keys())


@each_optimizer
def test_a_refused_step_changes_nothing(name: str) -> None:
    """After an error in `step` the optimizer and the array are as they were."""
    theta = np.array([1.0, 2.0])
    optimizer = ON_ANYTHING[name](theta)
    before = repr((optimizer.state_dict(), theta, optimizer.steps))
    with pytest.raises(ValueError, match="must have 2 numbers"):
        optimizer.step(np.ones(3))
    assert repr((optimizer.state_dict(), theta, optimizer.steps)) == before
