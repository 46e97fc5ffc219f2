"""The loop down to a minimum: where it ends, what it says, and what an interruption leaves."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, exp, log
from scalargrad.optim import (
    CONVERGED,
    DIVERGED,
    INTERRUPTED,
    OUT_OF_STEPS,
    STOPPED,
    Adam,
    GradientDescent,
    InverseRoot,
    MinimizeResult,
    NAdam,
    Optimizer,
    minimize,
)
from tests.optim.kinds import OPTIMIZERS
from tests.optim.recurrences import NUMBERS, one


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


def test_the_message_of_a_divergence_is_short() -> None:
    """The numbers in the message have four digits."""
    x = Value(1.0)
    result = minimize(lambda: log(x) + x / 3, [x], rate=1.0)  # x goes to -1/3, with the slope -3 + 1/3
    assert result.message == "diverged: at step 1 the loss is nan and its gradient's norm 2.667"


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


# ---------------------------------------------------------------- any optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_goes_as_the_optimizer_goes(name: str) -> None:
    """With any optimizer the points are those of a loop of zero_grad, backward and step."""
    loss, parameters = bowl()
    optimizer = OPTIMIZERS[name](parameters)
    expected = []
    for _ in range(6):
        expected.append([parameter.data for parameter in parameters])
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    loss, parameters = bowl()
    path: list[list[float]] = []

    def callback(reached: MinimizeResult) -> None:
        path.append(reached.x)
        loss().backward()  # which is not to count

    result = minimize(loss, parameters, optimizer=OPTIMIZERS[name](None), max_steps=5, callback=callback)
    assert path == expected
    assert result.x == expected[-1]


@pytest.mark.parametrize("optimizer", [Adam(rate=0.1), GradientDescent(rate=InverseRoot(0.3)), NAdam(rate=0.1)])
def test_the_criterion_stays(optimizer: Optimizer) -> None:
    """Whatever takes the steps, the loop ends where the gradient's norm is below the tolerance."""
    loss, parameters = bowl()
    result = minimize(loss, parameters, optimizer=optimizer, tolerance=1e-4, max_steps=20_000)
    assert (result.status, result.success) == (CONVERGED, True)
    assert result.gradient_norm < 1e-4
    assert result.x == pytest.approx([1.0, -0.5], abs=1e-4)


def test_an_optimizer_of_these_parameters_goes_on() -> None:
    """An optimizer that has the parameters goes on from what it remembers; one without them is left as it is."""
    loss, parameters = bowl()
    once = minimize(loss, parameters, optimizer=Adam(rate=0.1), max_steps=7)
    loss, parameters = bowl()
    optimizer = Adam(parameters, rate=0.1)
    for steps in (3, 4):
        twice = minimize(loss, parameters, optimizer=optimizer, max_steps=steps)
    assert optimizer.steps == 7
    assert twice.x == once.x
    loss, parameters = bowl()
    setting = Adam(rate=0.1)
    for steps in (3, 4):
        twice = minimize(loss, parameters, optimizer=setting, max_steps=steps)
    assert setting.steps == 0
    assert twice.x != once.x


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_divergence_with_any_optimizer_ends_at_the_last_finite_point(name: str) -> None:
    """Where the loss becomes nan, the parameters are at the last point where it was a number."""
    x = Value(0.02)
    result = minimize(lambda: log(x) + x * 1e-3, [x], optimizer=OPTIMIZERS[name](None))
    assert result.status == DIVERGED
    assert [x.data] == result.x
    assert math.isfinite(log(x).data)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: minimize(lambda: Value(1.0), []), ValueError, "no parameters"),
        (lambda: minimize(lambda: Value(1.0), ["x"]), TypeError, "a parameter must be a Value, got 'x'"),  # type: ignore[list-item]
        (lambda: minimize(lambda: 1.0, one()), TypeError, "loss must return a Value, got 1.0 of type float"),  # type: ignore[arg-type,return-value]
        (lambda: minimize(lambda: None, one()), TypeError, "loss must return a Value, got None"),  # type: ignore[arg-type,return-value]
        (
            lambda: minimize(Value(1.0) ** 2, one()),  # type: ignore[arg-type]
            TypeError,
            r"the loss must be a function without arguments, such as lambda: x\*\*2, got Value\(.* not callable",
        ),
        (
            lambda: minimize(lambda x: x * x, one()),  # type: ignore[arg-type,misc]
            TypeError,
            r"the loss must be a function without arguments, .* got <function .* missing 1 required .* 'x'",
        ),
        (lambda: minimize(lambda: Value(1.0) * len(3), one()), TypeError, "^object of type 'int' has no len"),  # type: ignore[arg-type]
        (lambda: minimize(lambda: Value(1.0), one(), rate=0), ValueError, "rate must be"),
        (
            lambda: minimize(lambda: Value(1.0), one(), 0.1, optimizer=Adam()),
            TypeError,
            "a rate or an optimizer, not both",
        ),
        (
            lambda: minimize(lambda: Value(1.0), one(), optimizer=Adam),  # type: ignore[arg-type]
            TypeError,
            "an optimizer must be one such",
        ),
        (lambda: minimize(lambda: Value(1.0), one(), optimizer=Adam(one())), ValueError, "they are not these: Adam"),
        (
            lambda: minimize(lambda: Value(1.0), one(), optimizer=Adam([1.0])),
            ValueError,
            "has parameters, and they are not these",
        ),
        (lambda: minimize(lambda: Value(1.0), one(), tolerance=-1), ValueError, "tolerance must be at least 0.0"),
        (lambda: minimize(lambda: Value(1.0), one(), max_steps=-1), ValueError, "max_steps must be .*, got -1"),
        (lambda: minimize(lambda: Value(1.0), one(), max_steps=1.0), ValueError, "max_steps must be"),  # type: ignore[arg-type]
        (lambda: minimize(lambda: Value(1.0), one(), max_steps=True), ValueError, "max_steps must be"),
    ],
)
def test_bad_arguments(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        call()
