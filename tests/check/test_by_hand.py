"""Derivatives that were written by hand for plain numbers, beside the slopes of their functions."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from scalargrad import GradientMismatch, Value, assert_gradients, gradcheck

Function = Callable[..., Any]

RIGHT: list[tuple[Function, Function, tuple[Any, ...]]] = [
    (math.sin, math.cos, (0.7,)),
    (math.log, lambda x: 1 / x, (1e-8,)),
    (lambda x: x**3, lambda x: 3 * x**2, (-2,)),
    (lambda x, y: math.sin(x) * y, lambda x, y: (math.cos(x) * y, math.sin(x)), (0.7, 2.0)),
    (lambda x, y: math.atan2(y, x), lambda x, y: [-y / (x * x + y * y), x / (x * x + y * y)], (-1.0, 0.5)),
    (math.prod, lambda xs: [xs[1] * xs[2], xs[0] * xs[2], xs[0] * xs[1]], ([2.0, 3.0, -4.0],)),
    (lambda x, rows: x * rows[1][0], lambda x, rows: (rows[1][0], [[0.0, 0.0], [x]]), (2.0, [[1.0, 5.0], [3.0]])),
    (lambda x: float(np.sum(x**2)), lambda x: 2 * x, (np.arange(1.0, 6.0),)),
    (lambda m: np.trace(m @ m), lambda m: 2 * m.T, (np.array([[1.0, 2.0], [3.0, 4.0]]),)),
    (lambda x: (Value(x) ** 2).tanh(), lambda x: 2 * x / math.cosh(x * x) ** 2, (0.5,)),
    (abs, lambda x: 0.5, (0.0,)),
    (lambda x: 7.0, lambda x: 0.0, (1.0,)),
]


@pytest.mark.parametrize(("f", "gradient", "point"), RIGHT)
def test_a_right_derivative_agrees(f: Function, gradient: Function, point: tuple[Any, ...]) -> None:
    """Of numbers, lists, nested lists and arrays; a kink's slope between the two sides is right, too."""
    report = gradcheck(f, *point, gradient=gradient)
    assert report, str(report)
    assert report.settings["gradient"] == "by hand"
    assert "by hand" in str(report).splitlines()[3]
    assert_gradients(f, *point, gradient=gradient)


@pytest.mark.parametrize("factor", [1.001, -1.0, 0.0])
@pytest.mark.parametrize(("f", "gradient", "point"), RIGHT[:-2])
def test_a_wrong_derivative_disagrees(f: Function, gradient: Function, point: tuple[Any, ...], factor: float) -> None:
    """Negative control: each of these derivatives times a factor is wrong."""

    def wrong(*arguments: Any) -> Any:
        slopes = gradient(*arguments)
        return [scaled(slope) for slope in slopes] if isinstance(slopes, (list, tuple)) else factor * slopes

    def scaled(slope: Any) -> Any:
        return [scaled(item) for item in slope] if isinstance(slope, list) else factor * slope

    report = gradcheck(f, *point, gradient=wrong)
    assert report.wrong, str(report)
    with pytest.raises(GradientMismatch):
        assert_gradients(f, *point, gradient=wrong)


def test_the_inputs_that_are_wrong_are_named() -> None:
    """Each input has a verdict of its own, under the name that the function gives it."""
    report = gradcheck(lambda x, y: x * x * y, 1.5, 2.0, gradient=lambda x, y: (x * y, x * x))
    assert [(one.wrt, one.verdict) for one in report.comparisons] == [("x", "disagrees"), ("y", "agrees")]
    assert str(report).splitlines()[0] == "WRONG: df/dx is 3, measured 6 (1 agrees, 1 disagrees)"
    some = gradcheck(lambda x, y: x * x * y, 1.5, 2.0, gradient=lambda x, y: (x * y, x * x), wrt=1)
    assert [one.wrt for one in some.comparisons] == ["y"]
    assert some


def test_many_inputs_are_checked_in_directions() -> None:
    """A hundred inputs are checked one by one, more in eight directions; the wrong ones are found among them."""
    point = [random.Random(0).uniform(0.5, 2.0) for _ in range(120)]

    def f(xs: list[float]) -> float:
        return math.fsum(math.sin(x) for x in xs)

    def gradient(xs: list[float]) -> list[float]:
        return [math.cos(x) for x in xs]

    assert len(gradcheck(f, point[:100], gradient=gradient).comparisons) == 100
    report = gradcheck(f, point, gradient=gradient, seed=3)
    assert report
    assert (report.settings["directions"], report.settings["seed"], len(report.comparisons)) == (8, 3, 8)
    wrong = gradcheck(f, point, gradient=lambda xs: [1.01 * s if i == 77 else s for i, s in enumerate(gradient(xs))])
    assert wrong.counts()["disagrees"] == 8
    assert wrong.notes == ("among the inputs whose derivatives disagree: xs[77]",)
    assert gradcheck(f, point[:3], gradient=gradient, directions=2).counts()["agrees"] == 2


@pytest.mark.parametrize(
    ("f", "gradient", "x"),
    [
        (lambda x: x**0.5, lambda x: 0.5 * x**-0.5, 1e-9),  # a negative number to the power of 0.5 is complex
        (math.asin, lambda x: 1 / math.sqrt(1 - x * x), 0.9999),
        (lambda x: float(np.log(x)), lambda x: 1 / x, 1e-12),  # numpy warns of the logarithm of a negative number
    ],
)
def test_no_step_needs_the_function_beyond_its_domain(f: Function, gradient: Function, x: float) -> None:
    """Where a step leads out of the domain, the function may raise, warn or turn complex: shorter steps decide."""
    assert gradcheck(f, x, gradient=gradient)
    assert gradcheck(f, x, gradient=lambda x: 1.001 * gradient(x)).wrong


def test_a_function_that_cancels_is_not_blamed() -> None:
    """What rounding adds to a function's numbers is measured, and a right derivative is not called wrong for it."""

    def f(x: float) -> float:
        return (1 - math.cos(x)) / x**2

    def gradient(x: float) -> float:
        return -x / 12 + x**3 / 180 - x**5 / 6720

    verdicts = [gradcheck(f, 10.0**-k, gradient=gradient).comparisons[0].verdict for k in range(1, 8)]
    assert "disagrees" not in verdicts
    assert verdicts[0] == "agrees"
    assert verdicts[-1] == "cannot tell"


def test_what_differs_from_call_to_call_is_a_fault() -> None:
    """A function or a derivative that is not deterministic is said to be so."""
    rng = random.Random(0)
    (fault,) = gradcheck(lambda x: x * rng.random(), 1.0, gradient=lambda x: 1.0).faults
    assert fault.startswith("the function is not deterministic: it gave ")
    (fault,) = gradcheck(lambda x: x, 1.0, gradient=lambda x: rng.random()).faults
    assert fault.startswith("the gradient is not deterministic: it gave ")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: gradcheck(math.sin, 0.5, gradient=cast(Any, 2.0)),
            TypeError,
            "gradient must be a function .*, got 2.0",
        ),
        (lambda: gradcheck(Value(1.0), gradient=math.cos), TypeError, "needs a function of numbers and its point"),
        (lambda: gradcheck(math.sin, gradient=math.cos), TypeError, "needs a function of numbers and its point"),
        (lambda: gradcheck(math.sin, 0.5, gradient=math.cos, order=2), ValueError, r"only order 1 .* got order=2"),
        (lambda: gradcheck(math.sin, 0.5, gradient=math.cos, wrt=1), ValueError, "wrt names input 1, but"),
        (lambda: gradcheck(str, 0.5, gradient=math.cos), TypeError, "f must return a number: its result must be"),
        (lambda: gradcheck(math.sin, 0.5, gradient=lambda x: "1"), TypeError, "gradient returns must be a real number"),
        (
            lambda: gradcheck(lambda x, y: x * y, 1.0, 2.0, gradient=lambda x, y: y),
            ValueError,
            "one derivative for each input, 2 numbers for x, y, got 2.0",
        ),
        (lambda: gradcheck(lambda x, y: x, 1.0, gradient=lambda x: 1.0), TypeError, "missing a required argument: 'y'"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """What was given, what was expected, where."""
    with pytest.raises(error, match=message):
        call()
