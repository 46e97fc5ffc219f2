"""How much rounding disturbs a function of which only the numbers are known, and its slope.

Moré and Wild, "Estimating computational noise", SIAM Journal on Scientific Computing 33 (2011): at
points so close together that a smooth function is almost a polynomial, the higher differences of its
values are differences of their rounding errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import comb, isfinite, isnan, nan, sqrt, ulp

from .slopes import EPSILON, SAFETY, TINY

POINTS = 10
SPACINGS = [617, 718_307, 436_469_117]  # in floats: rounding that one hides shows at another; far from powers of 2
ORDERS = range(3, 8)  # of the differences: in lower ones the function's bend shows
SCALES = [2.0**-k for k in range(4, 28, 4)]  # of the unit
CENTRAL = [4 / 5, -1 / 5, 4 / 105, -1 / 280]  # the central difference of order 8, with steps of 1, 2, 3 and 4


def noise(f: Callable[[float], float], unit: float) -> float:
    """Return a bound on the error of f(0) from rounding.

    Args:
        f: the function along a line, of a step from the point; it may return nan where it has no value.
        unit: the size of the point.

    >>> noise(lambda t: 1.0 + t, 1.0) < 1e-15
    True
    >>> 1e-11 < noise(lambda t: (1e6 + 1.0 + t) - 1e6, 1.0) < 1e-9
    True
    """
    between_floats = ulp(unit)
    deviation = 0.0
    for spacing in SPACINGS:
        above = _deviation([f(i * spacing * between_floats) for i in range(POINTS)])
        if isnan(above):
            above = _deviation([f(-i * spacing * between_floats) for i in range(POINTS)])
        deviation = max(deviation, above)
    return max(EPSILON * abs(f(0.0)) + TINY, SAFETY * deviation)


def slopes_at_scales(f: Callable[[float], float], unit: float) -> Iterator[tuple[float, float]]:
    """Yield the slope of f at 0 with its error, from values at one scale after another.

    Where rounding makes a function a staircase, small steps see the slope of one stair, and large steps that of
    the whole.

    Args:
        f: the function along a line, of a step from the point; it may return nan where it has no value.
        unit: the size of the point.

    >>> slopes = slopes_at_scales(lambda t: round(100 * t) / 100, 100.0)
    >>> [round(slope) for slope, error in slopes]
    [1, 1, 1, 0, 0, 0]
    """
    for scale in SCALES:
        step = unit * scale
        values = [f(i * step) for i in range(-len(CENTRAL), len(CENTRAL) + 1)]
        deviation = _deviation(values)
        if isfinite(deviation):
            pairs = zip(CENTRAL, values[len(CENTRAL) + 1 :], values[len(CENTRAL) - 1 :: -1], strict=True)
            slope = sum(weight * (above - below) for weight, above, below in pairs) / step
            yield slope, SAFETY * (deviation + EPSILON * max(map(abs, values))) / step


def _deviation(values: Sequence[float]) -> float:
    """The standard deviation of the errors of values at equal distances; nan where some are not finite."""
    if not all(map(isfinite, values)):
        return nan
    differences, deviations = list(values), []
    for order in range(1, ORDERS.stop):
        differences = [after - before for before, after in pairwise(differences)]
        if order in ORDERS:  # the variance of a difference of order k of independent errors is comb(2k, k) times theirs
            mean_square = sum(x * x for x in differences) / len(differences)
            deviations.append(sqrt(mean_square / comb(2 * order, order)))
    return min(deviations)
