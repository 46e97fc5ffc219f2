"""Slopes along a line, with what they may be off by; complex numbers; rounding."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, isfinite, isnan, nextafter
from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Primitive, Value, gradcheck, primitive
from scalargrad.check.analytic import spelled
from scalargrad.check.numerical import FIRST, Estimate, Line, Sample, extrapolated
from scalargrad.check.recording import Recording, breaks_between, complex_partial
from scalargrad.check.rounding import data_errors, gradient, local_errors
from scalargrad.check.verdict import Target, Witnesses, examine
from scalargrad.engine import primitives
from tests.engine.test_primitives import BUILT_IN, differentiable, every_primitive, sample

from ..oracle import DIGITS, precise, precise_partial

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
    (found,) = extrapolated(along, FIRST * along.unit, side, lambda best: False)
    with mpmath.workdps(DIGITS):
        truth = float(mpmath.diff(precise[name], mpmath.mpf(x)))
    assert abs(found.slope - truth) <= 4 * found.error
    assert found.error <= 1e-7 * max(1.0, abs(SMOOTH[name](x)) / along.unit)


def test_too_large_an_error_would_be_seen() -> None:
    """Negative control: with a function that is off by more than its noise, the error does not cover it."""
    crooked = line(lambda x: math.sin(x) + 1e-9 * math.sin(1e12 * x), 1.0, noise=0.0)
    (found,) = extrapolated(crooked, FIRST, 0, lambda best: False)
    assert found.error > 1e-12


def test_it_stops_when_there_is_enough() -> None:
    """No more is sampled than is asked for, and no place twice."""
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
    (found,) = extrapolated(along, FIRST, 0, lambda best: False)
    assert found.slope == pytest.approx(math.e, rel=1e-4)
    (unknown,) = extrapolated(along, FIRST / 8, 0, lambda best: False)
    assert isnan(unknown.slope)
    assert unknown.error == inf


def test_a_table_that_runs_away_has_no_answer() -> None:
    """Close to a pole the first entries may look alike; the last contradict them, and nothing is claimed."""
    near = line(lambda x: (x - 1 + 1e-13) ** -0.5 if x > 1 - 1e-13 else math.nan, 1.0)
    (found,) = extrapolated(near, FIRST, 1, lambda best: False)
    truth = -0.5 * 1e-13**-1.5
    assert found.error == inf or abs(found.slope - truth) <= 4 * found.error


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
    assert not branching(1e20, 1e6, inf).branches_alike()


@pytest.mark.parametrize(("side", "method"), [(1, "differences from above"), (-1, "differences from below")])
def test_the_longer_side_is_used_where_the_shorter_is_too_short(side: int, method: str) -> None:
    """With little room to one side, the precision that is wanted comes from steps to the other."""
    one_sided = Line(
        lambda t: Sample(t, (math.sin(1 + t) if side * t > -1e-7 else math.nan,), (), None),
        lambda a, b: True,
        1.0,
        [EPSILON],
        on_break=False,
    )
    (found,) = examine(one_sided, [Target(math.cos(1.0), 1e-16, 1.0)], 1e-10)
    assert (found.verdict, found.estimate.method) == ("agrees", method)


def test_two_outputs_are_judged_by_themselves() -> None:
    """One line serves all components; each has its own verdict."""
    both = Line(lambda t: Sample(t, (t * t + 3 * t, abs(t)), (), None), lambda a, b: True, 1.0, [0.0, 0.0], True)
    findings = examine(both, [Target(3.0, 0.0, 3.0), Target(0.0, 0.0, 1.0)], 1e-6)
    assert [found.verdict for found in findings] == ["agrees", "kink"]


def test_an_exact_slope_that_the_function_does_not_follow_is_no_witness() -> None:
    """A complex step through a graph that does not give what the function gives does not outweigh differences."""
    along = line(math.sin, 1.0)
    target = Target(2.0, 1e-16, 2.0, Estimate(2.0, 1e-15, "complex step", 0.0))
    assert examine(along, [target], 1e-6, Witnesses(faithful=lambda: False))[0].verdict == "disagrees"
    assert examine(along, [target], 1e-6)[0].verdict == "agrees"


# ---------------------------------------------------------------- complex numbers


@every_primitive
def test_the_complex_step_is_exact_to_rounding(primitive: Primitive) -> None:
    """Where an operation's array spelling can be read in complex numbers, it gives the partial derivatives."""
    op = primitive
    rule = spelled(op)
    if op.array is None:
        assert rule is None
        return
    assert rule is not None
    for point in sample(op):
        for k in differentiable(op):
            found, apart = complex_partial(op, op.value(*point), point, k)
            if isfinite(found):
                is_held = op.name in {"stop_gradient", "_held_finite"}
                truth = 1.0 if is_held else float(precise_partial(op.name, point, k))
                bend = 0.0 if is_held else float(precise_partial(op.name, point, k, k))
                error = abs(point[k] * bend)
                assert found == pytest.approx(truth, rel=1e-12, abs=64 * EPSILON * (error + 1e-3))
                assert apart <= 1e-10 * (abs(truth) + error + 1e-3)


def test_most_operations_have_a_complex_step() -> None:
    """All but the special functions do."""
    without = {op.name for op in BUILT_IN if spelled(op) is None}
    assert without == {"erf", "erfc", "polygamma", "gamma", "lgamma", "_power_derivative"}


def test_a_power_of_zero_exponent() -> None:
    """X ** 0 is 1 for every x, with the slope 0."""
    assert gradcheck(lambda x: x**0 + x, 2.0).comparisons[0].method == "complex step and central differences"


def test_a_spelling_in_other_words_is_not_read() -> None:
    """A user's array spelling that uses unknown names gives no complex step, and differences decide."""
    own = primitive(name="own_sine", array="special.sine({})", partials=[lambda out, x: primitives.cos(x)])(math.sin)
    assert spelled(own) is None
    assert gradcheck(own, 0.5)


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("sqrt", (-1.0,)),
        ("power", (-2.0, 0.5)),
        ("power", (0.0, 2.0)),
        ("divide", (1.0, 0.0)),
        ("log", (0.0,)),
        ("atanh", (2.0,)),
    ],
)
def test_no_complex_step_where_the_value_is_another(name: str, point: tuple[float, ...]) -> None:
    """Outside of its domain an operation has a complex value, but not its own: there is no step."""
    op: Primitive = getattr(primitives, name)
    assert spelled(op) is not None
    slope, error = complex_partial(op, op.value(*point), point, 0)
    assert isnan(slope)
    assert error == inf


def test_complex_steps_neither_underflow_nor_fold() -> None:
    """Steps fit each operation by itself: for numbers near the ends of floats, for functions fast or slow."""
    x = Value(1e-200)
    recording = Recording([x * 1e-90 * 1e-10], [x])
    ((slope, error),) = recording.chained({0: 1.0}, recording.slope_of)
    assert abs(slope - 1e-100) <= error <= 1e-110
    for op, point, k in [
        (primitives.tan, (1e158,), 0),
        (primitives.sin, (1e300,), 0),
        (primitives.atan2, (1e-300, -1e-160), 1),
        (primitives.divide, (1e-200, 1e-150), 1),
        (primitives.asin, (nextafter(1.0, 0.0),), 0),
        (primitives.exp, (-700.0,), 0),
        (primitives.multiply, (1e-308, 3.0), 0),
        (primitives.negative, (5e-324,), 0),
    ]:
        found, error = complex_partial(op, op.value(*point), point, k)
        with mpmath.workdps(400):
            truth = float(
                mpmath.diff(
                    lambda x, op=op, point=point, k=k: precise[op.name](
                        *[x if i == k else mpmath.mpf(y) for i, y in enumerate(point)]
                    ),
                    mpmath.mpf(point[k]),
                    h=mpmath.mpf(10) ** -370,
                )
            )
        assert abs(found - truth) <= error <= 1e-6 * abs(truth), op


# ---------------------------------------------------------------- breaks


@pytest.mark.parametrize(
    ("name", "old", "new", "breaks"),
    [
        ("relu", (1.0,), (2.0,), False),
        ("relu", (1.0,), (-1.0,), True),
        ("relu", (1.0,), (0.0,), True),
        ("log", (1.0,), (-1.0,), True),
        ("log", (-1.0,), (-2.0,), False),
        ("maximum", (1.0, 2.0), (3.0, 4.0), False),
        ("maximum", (1.0, 2.0), (1.0, 0.5), True),
        ("maximum", (1.0, 2.0), (3.0, 2.0), True),
        ("maximum", (1.0, 1.0), (2.0, 2.0), False),
        ("tan", (3.1,), (3.2,), False),
        ("tan", (1.5,), (1.6,), True),
        ("tan", (1.5,), (4.8,), True),
        ("gamma", (-1.4,), (-1.6,), False),
        ("gamma", (-0.9,), (-1.1,), True),
        ("gamma", (0.4,), (0.6,), False),
        ("atan2", (1.0, -1.0), (-1.0, -1.0), True),
        ("atan2", (1.0, 1.0), (-1.0, 1.0), False),
        ("atan2", (1.0, 1.0), (1.0, -1.0), False),
        ("hypot", (1.0, 0.0), (-1.0, 0.0), True),
    ],
)
def test_breaks_between_two_places(name: str, old: tuple[float, ...], new: tuple[float, ...], breaks: bool) -> None:
    """Moving onto or over a kink, pole or border is seen; moving to where another is nearest is none."""
    assert breaks_between(getattr(primitives, name), old, new) is breaks


# ---------------------------------------------------------------- rounding


@given(st.lists(st.sampled_from(["tanh", "sin", "exp", "add", "multiply"]), min_size=1, max_size=8), st.floats(0.01, 1))
def test_rounding_is_bounded(names: list[str], x: float) -> None:
    """Values and gradients of random chains are off by no more than the bounds, by 50 digits."""

    def chain(start: Any, functions: dict[str, Any]) -> Any:
        found = start
        for name in names:
            found = functions[name](found, start) if name in {"add", "multiply"} else functions[name](found)
            found = functions["atan"](found)
        return found

    leaf = Value(x)
    root = chain(leaf, {op.name: op for op in BUILT_IN})
    recording = Recording([root], [leaf])
    errors = data_errors(recording, [0.0])
    found = gradient(recording, 0, local_errors(recording, errors))
    with mpmath.workdps(DIGITS):
        value = chain(mpmath.mpf(x), precise)
        slope = mpmath.diff(lambda start: chain(start, precise), mpmath.mpf(x))
        assert abs(value - root.data) <= errors[recording.outputs[0]]
        assert abs(slope - found.slopes[0]) <= found.errors[0] + 1e-300
    assert found.errors[0] <= 1e-12 * max(1.0, found.terms[0])
