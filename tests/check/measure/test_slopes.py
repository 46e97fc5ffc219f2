"""Slopes along a line are off by no more than they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, isnan

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad.check.measure.slopes import FIRST, NEAREST, PART, SCALES, UNKNOWN, Line, Sample, at_end, extrapolated

from ...oracle import DIGITS, precise

EPSILON = 2.0**-52


def line(f: Callable[[float], float], x: float, noise: float | None = None) -> Line:
    """A line through a point of a function without any breaks."""
    return Line(
        lambda t: Sample((x + t) - x, (f(x + t),), (), None),
        lambda a, b: True,
        abs(x) or 1.0,
        [4 * EPSILON * abs(f(x)) if noise is None else noise],
        on_break=False,
    )


SMOOTH: dict[str, Callable[[float], float]] = {
    "sin": math.sin,
    "exp": math.exp,
    "tanh": math.tanh,
    "erf": math.erf,
    "atan": math.atan,
    "cosh": math.cosh,
}


@given(st.sampled_from(sorted(SMOOTH)), st.floats(0.01, 3), st.sampled_from([-1, 0, 1]))
def test_an_estimate_is_off_by_no_more_than_it_says(name: str, x: float, side: int) -> None:
    """The slope of a smooth function lies within four times the stated error, which is small."""
    along = line(SMOOTH[name], x)
    (estimate,) = extrapolated(along, FIRST * along.unit, side, lambda best: False)
    with mpmath.workdps(DIGITS):
        truth = float(mpmath.diff(precise[name], mpmath.mpf(x)))
    assert abs(estimate.slope - truth) <= 4 * estimate.error
    assert estimate.error <= 1e-7 * max(1.0, abs(SMOOTH[name](x)) / along.unit)


def test_too_large_an_error_would_be_seen() -> None:
    """Negative control: with a function that is off by more than its noise, the error does not cover it."""
    crooked = line(lambda x: math.sin(x) + 1e-9 * math.sin(1e12 * x), 1.0, noise=0.0)
    (estimate,) = extrapolated(crooked, FIRST, 0, lambda best: False)
    assert estimate.error > 1e-12


def test_it_stops_when_there_is_enough() -> None:
    """Nothing is sampled that is not needed, and no place twice."""
    places: list[float] = []

    def f(x: float) -> float:
        places.append(x)
        return math.exp(x)

    along = line(f, 1.0, noise=1e-16)
    extrapolated(along, FIRST, 0, lambda best: True)
    assert len(places) == len(set(places)) == len(along.samples) == 1 + 2 * 3
    extrapolated(along, FIRST, 0, lambda best: True)
    assert len(places) == 7


def test_it_stops_where_the_function_does() -> None:
    """When a smaller step finds no number, what there is so far is the answer."""
    along = line(lambda x: math.exp(x) if abs(x - 1) > FIRST / 6 or x == 1 else math.nan, 1.0)
    (estimate,) = extrapolated(along, FIRST, 0, lambda best: False)
    assert estimate.slope == pytest.approx(math.e, rel=1e-4)
    (unknown,) = extrapolated(along, FIRST / 8, 0, lambda best: False)
    assert isnan(unknown.slope)
    assert unknown.error == inf


def test_a_table_that_runs_away_has_no_answer() -> None:
    """Close to a pole the first entries may look alike; the last contradict them, and nothing is claimed."""
    near = line(lambda x: (x - 1 + 1e-13) ** -0.5 if x > 1 - 1e-13 else math.nan, 1.0)
    (estimate,) = extrapolated(near, FIRST, 1, lambda best: False)
    truth = -0.5 * 1e-13**-1.5
    assert estimate.error == inf or abs(estimate.slope - truth) <= 4 * estimate.error


def test_a_number_for_which_no_step_is_left() -> None:
    """Where steps no longer change the number, there is no quotient."""
    along = line(math.sin, 1.0)
    assert along.quotients(1e-20, 0) is None
    assert along.reach(1, 1e-20) == 0.0


def test_branches_are_looked_for_close_by_on_both_sides() -> None:
    """A branch that begins right beside the point is seen, on either side; one far away does not count."""

    def branching(unit: float, start: float, end: float) -> Line:
        return Line(lambda t: Sample(t, (t,), (), start < t < end), lambda a, b: a.ops == b.ops, unit, [0.0], False)

    assert not branching(1.0, 0.0, inf).branches_alike()
    assert not branching(1.0, -inf, 0.0).branches_alike()
    assert branching(1.0, 1e-9, inf).branches_alike()
    for unit in (1.0, 1e20, 1e-20):
        assert not branching(unit, 0.99 * NEAREST * unit, inf).branches_alike()
        assert not branching(unit, -inf, -0.99 * NEAREST * unit).branches_alike()
        assert branching(unit, 1.01 * NEAREST * unit, inf).branches_alike()
        assert branching(unit, -inf, -1.01 * NEAREST * unit).branches_alike()
    assert EPSILON < NEAREST < 1e-12


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("power", [1.25, 1.5, 1.75])
def test_quotients_that_shrink_towards_an_end_have_the_limit_0(side: int, sign: float, power: float) -> None:
    """At the end of a piece a power above 1 has the slope 0, known as well as the quotient of the smallest step is."""
    along = Line(
        lambda t: Sample(t, (sign * abs(t) ** power if side * t >= 0 else math.nan,), (), None),
        lambda a, b: True,
        1.0,
        [0.0],
        on_break=True,
    )
    estimate = at_end(along, side, FIRST, 0, UNKNOWN)
    smallest = FIRST / PART ** (SCALES - 1)
    assert estimate.slope == 0.0
    assert estimate.error == pytest.approx(smallest ** (power - 1), rel=1e-9)
    assert 0 < estimate.error < 1e-8
    assert estimate.method == f"differences from {'above' if side > 0 else 'below'}"


def test_quotients_that_do_not_shrink_have_another_limit() -> None:
    """Negative control: a straight piece with the slope 2 that ends in the point has no limit 0."""
    along = Line(
        lambda t: Sample(t, (2 * t if t >= 0 else math.nan,), (), None), lambda a, b: True, 1.0, [0.0], on_break=True
    )
    (table,) = extrapolated(along, FIRST, 1, lambda best: False)
    assert at_end(along, 1, FIRST, 0, table).slope == pytest.approx(2.0)
