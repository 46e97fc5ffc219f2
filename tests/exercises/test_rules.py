"""What a judge of rules says beside right or wrong."""

from __future__ import annotations

import sys

import pytest

from scalargrad import exercise, exp, greater, stop_gradient, tanh
from scalargrad.exercises import rules


@pytest.fixture(autouse=True)
def _fewer_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "EXAMPLES", 8)


TANH = exercise("rule-of-tanh")


def test_a_rule_may_overflow_far_out() -> None:
    """A rule that overflows far out is right, and the verdict mentions it; where it must hold there, it is wrong."""
    verdict = TANH.judge(lambda _, x: (2 * exp(x) / (exp(2 * x) + 1)) ** 2)
    assert verdict
    assert "it overflows far out. At x = 1000 your ∂out/∂x is nan, and it should be 0." in str(verdict)
    assert "overflows" not in str(TANH.judge(tanh))
    softplus = exercise("rule-of-softplus").judge(lambda _, x: exp(x) / (1 + exp(x)))
    assert not softplus
    assert "At x = 1000 your ∂out/∂x is nan, and it should be 1." in str(softplus)


def test_a_rule_for_floats_alone_is_right_to_first_order() -> None:
    """A rule that only floats can go through is right, and the verdict says what it cannot do."""
    assert "it works on floats alone" in str(TANH.judge(lambda out, _: 1 - float(out) ** 2))
    assert "it works on floats alone" not in str(TANH.judge(tanh))


def test_the_laws_are_tried_where_hypothesis_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict says that the laws hold, or that they were not tried and how to install what they need."""
    assert "The laws of derivatives hold at 8 more points" in str(TANH.judge(tanh))
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "scalargrad.check.laws")
    verdict = TANH.judge(tanh)
    assert verdict
    assert "The laws were not tried: laws need Hypothesis: pip install 'scalargrad-engine[check]'" in str(verdict)


def test_a_wrong_second_derivative_is_shown() -> None:
    """A rule with the right number and a wrong derivative of its own is wrong; the verdict has both slopes."""
    text = str(TANH.judge(lambda out, x: 1 - stop_gradient(out * out)))
    assert "At x = 0.5 gradcheck says: WRONG: the derivative of order 2 of the rule of tanh" in text
    assert "It gives 0, and the slope of the values is -0.726862." in text


def test_a_law_that_fails_is_shown_with_its_point() -> None:
    """A rule that is right where it is compared, and fails a law, is wrong; the verdict has the point."""
    verdict = TANH.judge(lambda out, x: 1 - out * out + greater(-2, x) * (stop_gradient(out * out) - out * out))
    assert not verdict
    assert "The laws found a point where it fails: at x = -" in str(verdict)
