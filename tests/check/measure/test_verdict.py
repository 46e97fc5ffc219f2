"""The verdict on a gradient, from what is measured along a line."""

from __future__ import annotations

import math

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
