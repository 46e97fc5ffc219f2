"""Checks of gradients on what the strategies draw: no right rule is blamed, no wrong one passes, nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from scalargrad import exp, gradcheck, hypot, power, square_error
from scalargrad.check import Expression, assert_detects, strategies
from scalargrad.nn import MLP

FEWER = settings().max_examples // 4


@settings(max_examples=5 * settings().max_examples)
@given(strategies.expressions())
def test_no_right_expression_is_blamed(f: Expression) -> None:
    """At the point of an expression nothing is found wrong, and no input stands on a kink."""
    report = gradcheck(f, *f.point)
    report.raise_if_wrong()
    assert report.counts()["kink"] == 0


@given(strategies.expressions(depth=3))
def test_no_right_second_derivative_is_blamed(f: Expression) -> None:
    """Nor is anything at second order."""
    gradcheck(f, *f.point, order=2).raise_if_wrong()


@settings(max_examples=FEWER)
@given(strategies.expressions())
def test_no_wrong_rule_passes(f: Expression) -> None:
    """Each rule that an expression uses, spoiled by a thousandth, its sign, or 0, makes its check fail."""
    assert_detects(f, *f.point, check=lambda f, *point: gradcheck(f, *point).raise_if_wrong())


@settings(max_examples=FEWER)
@given(strategies.networks(inputs=2, outputs=1), strategies.training_sets(inputs=2))
def test_no_network_is_blamed(model: MLP, pairs: list[tuple[list[float], float]]) -> None:
    """The loss of a network over a training set has the gradient that its values say."""
    gradcheck(lambda: sum(square_error(model(row), target) for row, target in pairs), wrt=model).raise_if_wrong()


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: exp(exp(x)), (-745.0,)),
        (hypot, (1e150, 1.0)),
        (hypot, (1e-158, 1.5)),
        (hypot, (1e-8, 1e150)),
    ],
)
def test_underflow_is_not_blamed(f: Any, point: tuple[float, ...]) -> None:
    """Where numbers get too small for their digits, a check ends, and finds nothing wrong."""
    gradcheck(f, *point).raise_if_wrong()


def test_a_pinned_slope_is_not_blamed() -> None:
    """No rule is named for a slope that its declaration pins: 0 ** y has the slope 0 at y = 0."""
    assert gradcheck(lambda x: power(x, x), 0.0).culprits == ()
