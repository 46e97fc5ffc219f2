"""Is this gradient right? The derivatives from the sweep beside the slopes of the function's own values.

These are the functions that a user calls. `compare.py` compares one derivative after another,
`by_hand.py` a derivative that the user wrote, and `culprit.py` finds the rule that is wrong. `measure/`
measures slopes, bounds the rounding of numbers, and gives the verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine import modes
from ..engine.floats import integer, number
from ..engine.value import Value
from .by_hand import ByHand
from .compare import Check
from .report import GradientMismatch, Report
from .subject import Function, subject

FEW = 100  # more inputs than this are checked in random directions
DIRECTIONS = 8


def gradcheck(
    f: Any,
    *point: Any,
    order: int = 1,
    rtol: float = 1e-6,
    wrt: Any = None,
    gradient: Callable[..., Any] | None = None,
    directions: int | None = None,
    seed: int = 0,
) -> Report:
    """Compare the derivatives from the sweep with slopes measured on the function's values.

    >>> print(gradcheck(lambda x, y: x * y + x.tanh(), 0.5, -2.0))
    right: 2 agree
    at x = 0.5, y = -2.0
    ...

    A recorded Value is checked in its labelled leaves, and a model in its parameters:

    >>> from scalargrad import Value, nn
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> L = (a * b).tanh()
    >>> bool(gradcheck(L))
    True
    >>> model = nn.MLP(2, [3, 1], "tanh", rng=0)
    >>> bool(gradcheck(lambda: model([1.0, -2.0]) ** 2, wrt=model))
    True

    So is a derivative that you wrote by hand for plain numbers. Here a factor of 2 is missing:

    >>> print(gradcheck(lambda x, y: x * x * y, 1.5, 2.0, gradient=lambda x, y: (x * y, x * x)))
    WRONG: df/dx is 3, measured 6 (1 agrees, 1 disagrees)
    ...

    Args:
        f: a function of Values, or of lists or arrays of them, that returns a Value or several; a function
            without arguments, together with `wrt`; or a recorded Value, or several. With `gradient`,
            a function of plain numbers, or of lists or arrays of them, that returns a number.
        *point: for each argument of f a number, or a list or an array of numbers. For a recorded
            Value, the leaves to check, as in `wrt`.
        order: the highest order of derivatives to check.
        rtol: the relative precision for a verdict.
        wrt: what to differentiate in. For a function with a point, the places of inputs, counted from 0;
            by default all. For a function without arguments, the model or the Values that it uses. For a
            recorded Value, leaves; by default those with a label or, if none has one, all.
        gradient: a function of the same arguments as f that returns its derivative in each of them,
            in the same order: one number, or nested lists, tuples or arrays of numbers.
        directions: check in so many random directions in place of each input. With more than 100
            inputs the default is 8.
        seed: chooses the directions.

    Returns:
        A report, which is true if every derivative agrees.

    Raises:
        TypeError: if f, the point or wrt is none of these, or f does not return Values.
        ValueError: for no inputs, an order below 1, an order above 1 together with `gradient`, no directions, or a
            tolerance that is not between 0 and 1; under `no_grad`.
    """
    integer(order, "order", low=1)
    if not 0 < number(rtol, "rtol", bools=False) < 1:
        raise ValueError(f"rtol must be between 0 and 1, got {rtol!r}")
    if directions is not None:
        integer(directions, "directions", low=1)
    if gradient is not None:
        return _by_hand(f, point, gradient, order, rtol, wrt, directions, seed)
    modes.refuse_unrecorded("a check of the gradient")
    checked, places = subject(f, point, wrt)
    return Check(checked, places, order, rtol, _directions(directions, places), seed).report()


def _by_hand(
    f: Any,
    point: tuple[Any, ...],
    gradient: Callable[..., Any],
    order: int,
    rtol: float,
    wrt: Any,
    directions: int | None,
    seed: int,
) -> Report:
    if not callable(gradient):
        raise TypeError(f"gradient must be a function of the same arguments as f, got {gradient!r}")
    if isinstance(f, Value) or not callable(f) or not point:
        raise TypeError(
            "with gradient=, gradcheck needs a function of numbers and its point: gradcheck(f, x, gradient=df)"
        )
    if order > 1:
        raise ValueError(
            f"with gradient=, only order 1 can be checked, got order={order}: check the second derivative as the "
            "gradient of the first, gradcheck(df, x, gradient=ddf)"
        )
    function = Function(f, point)
    places = function.places(wrt)
    return ByHand(function, gradient, places, rtol, _directions(directions, places), seed).report()


def _directions(given: int | None, places: list[int]) -> int | None:
    return DIRECTIONS if given is None and len(places) > FEW else given


def assert_gradients(
    f: Any,
    *point: Any,
    order: int = 1,
    rtol: float = 1e-6,
    wrt: Any = None,
    gradient: Callable[..., Any] | None = None,
    directions: int | None = None,
    seed: int = 0,
) -> None:
    """Raise an error unless `gradcheck`, with the same arguments, finds that every derivative agrees.

    >>> assert_gradients(lambda x: x.exp() * x, 0.7, order=2)

    Raises:
        GradientMismatch: if something is wrong, or cannot be shown to be right; with the report.
        TypeError, ValueError: as `gradcheck`.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    report = gradcheck(f, *point, order=order, rtol=rtol, wrt=wrt, gradient=gradient, directions=directions, seed=seed)
    if not report:
        raise GradientMismatch(report)
