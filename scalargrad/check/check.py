"""Is this gradient right? The sweep's derivatives beside the slopes of the function's own values.

These are the functions that a user calls. `compare.py` compares one derivative after another,
`culprit.py` finds the rule that is wrong, and `measure/` measures slopes, bounds the rounding of
numbers and gives the verdict.
"""

from __future__ import annotations

from typing import Any

from ..engine import modes
from ..engine.floats import integer, number
from .compare import Check
from .report import GradientMismatch, Report
from .subject import subject

FEW = 100  # inputs that are checked one by one unless directions are asked for
DIRECTIONS = 8


def gradcheck(
    f: Any,
    *point: Any,
    order: int = 1,
    rtol: float = 1e-6,
    wrt: Any = None,
    directions: int | None = None,
    seed: int = 0,
) -> Report:
    """Compare the derivatives that the sweep gives with slopes measured on the function's values.

    `f` takes Values, or lists of them, and returns a Value or several; the point has a number, or
    a list of numbers, for each of its arguments; `wrt` may name the places of the inputs to check.
    Or f is a recorded Value and `wrt` the leaves to differentiate in; or f takes nothing, and `wrt`
    is the model, or the Values, that it depends on.

    `order` is the highest derivative that is checked, `rtol` the relative precision that is
    demanded of a verdict. With `directions`, or more than 100 inputs, derivatives are taken in so
    many random directions instead of in each input; `seed` chooses them.

    >>> print(gradcheck(lambda x, y: x * y + x.tanh(), 0.5, -2.0))
    right: 2 agrees
    at x = 0.5, y = -2.0
    ...
    >>> from scalargrad import Value, nn
    >>> model = nn.MLP(2, [3, 1], "tanh", rng=0)
    >>> bool(gradcheck(lambda: model([1.0, -2.0]) ** 2, wrt=model))
    True

    Raises:
        TypeError: for an f, point or wrt of another kind, or an f that returns no Values.
        ValueError: for no inputs, an order below 1, no directions, or a tolerance not between 0 and 1; under `no_grad`.
    """
    integer(order, "order", low=1)
    if not 0 < number(rtol, "rtol", bools=False) < 1:
        raise ValueError(f"rtol must lie between 0 and 1, got {rtol!r}")
    if not modes.recording():
        raise ValueError("nothing is recorded under no_grad, and without a graph there is no gradient to check")
    checked, places = subject(f, point, wrt)
    if directions is not None:
        integer(directions, "directions", low=1)
    elif len(places) > FEW:
        directions = DIRECTIONS
    return Check(checked, places, order, rtol, directions, seed).report()


def assert_gradients(f: Any, *point: Any, **settings: Any) -> None:
    """Raise unless `gradcheck`, with the same arguments, finds that all derivatives agree.

    >>> assert_gradients(lambda x: x.exp() * x, 0.7, order=2)

    Raises:
        GradientMismatch: when something is wrong, or cannot be shown to be right; with the report.
        TypeError, ValueError: as `gradcheck`.
    """
    report = gradcheck(f, *point, **settings)
    if not report:
        raise GradientMismatch(report)
