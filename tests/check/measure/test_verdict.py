"""The verdict on a gradient, from what is measured along a line."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from scalargrad.check.measure.slopes import Estimate, Line, Sample
from scalargrad.check.measure.verdict import Claim, Witnesses, examine

from .test_slopes import line

EPSILON = 2.0**-52


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
    (judgement,) = examine(one_sided, [Claim(math.cos(1.0), 1e-16, 1.0)], 1e-10)
    assert (judgement.verdict, judgement.estimate.method) == ("agrees", method)


def test_two_outputs_are_judged_by_themselves() -> None:
    """One line serves all components; each has its own verdict."""
    both = Line(lambda t: Sample(t, (t * t + 3 * t, abs(t)), (), None), lambda a, b: True, 1.0, [0.0, 0.0], True)
    findings = examine(both, [Claim(3.0, 0.0, 3.0), Claim(0.0, 0.0, 1.0)], 1e-6)
    assert [judgement.verdict for judgement in findings] == ["agrees", "kink"]


def test_an_exact_slope_that_the_function_does_not_follow_is_no_witness() -> None:
    """A complex step through a graph that does not give what the function gives does not outweigh differences."""
    along = line(math.sin, 1.0)
    target = Claim(2.0, 1e-16, 2.0, Estimate(2.0, 1e-15, "complex step", 0.0))
    assert examine(along, [target], 1e-6, Witnesses(faithful=lambda: False))[0].verdict == "disagrees"
    assert examine(along, [target], 1e-6)[0].verdict == "agrees"


def reaching(f: Callable[[float], float], unit: float) -> Line:
    """A line through 0 of a function, whose steps are scaled by this unit."""
    return Line(lambda t: Sample(t, (f(t),), (), None), lambda a, b: True, unit, [EPSILON], on_break=False)


@pytest.mark.parametrize("unit", [1e-8, 1e-12, 1e8])
def test_steps_of_about_1_are_tried_where_the_unit_is_not_enough(unit: float) -> None:
    """Beside a large constant the steps of a small point show little, and those of a large one too much; 1 is right."""
    (judgement,) = examine(reaching(lambda t: 1 + math.sin(3 * t), unit), [Claim(3.0, 1e-16, 3.0)], 1e-9)
    assert judgement.verdict == "agrees"
    assert 0.01 < judgement.estimate.step <= 1.0
    (wrong,) = examine(reaching(lambda t: 1 + math.sin(3 * t), unit), [Claim(3.001, 1e-16, 3.0)], 1e-9)
    assert wrong.verdict == "disagrees"


@pytest.mark.parametrize("side", [-1, 1])
def test_these_steps_are_no_longer_than_the_shorter_side(side: int) -> None:
    """Where the function ends close to one side, the larger steps to both sides stay within that."""
    ending = reaching(lambda t: 1 + 3 * t if side * t < 1e-3 else math.nan, 1e-8)
    (judgement,) = examine(ending, [Claim(3.0, 1e-16, 3.0)], 1e-9)
    assert (judgement.verdict, judgement.estimate.method) == ("agrees", "central differences")
    assert 1e-5 < judgement.estimate.step < 1e-3


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_steps_of_about_1_are_not_tried_where_the_unit_is_enough(unit: float) -> None:
    """Where steps of the size of the point settle it, nothing is sampled that is far from them."""
    along = reaching(lambda t: 3 * t, unit)
    (judgement,) = examine(along, [Claim(3.0, 1e-16, 3.0)], 1e-6)
    assert judgement.verdict == "agrees"
    assert {abs(sample.t) / unit < 1 for sample in along.samples} == {True}
    assert min(abs(sample.t) for sample in along.samples if sample.t) > 1e-4 * unit


def test_a_function_is_constant_only_if_steps_of_about_1_show_it() -> None:
    """At a tiny point a constant has the slope 0; what changes with larger steps alone does not."""
    (constant,) = examine(reaching(lambda t: 1.0, 1e-20), [Claim(0.0, 0.0, 0.0)], 1e-6)
    assert (constant.verdict, constant.why) == ("agrees", "the function is constant here")
    (rising,) = examine(reaching(lambda t: 1.0 + t, 1e-20), [Claim(0.0, 0.0, 0.0)], 1e-6)
    assert rising.verdict == "disagrees"
