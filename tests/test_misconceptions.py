"""What a misconception gives for a contribution is what somebody who has it would compute."""

from __future__ import annotations

import math
from math import inf, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalargrad import Value, maximum
from scalargrad.engine.primitives import divide, multiply, power, tanh
from scalargrad.misconceptions import (
    AT_THE_RESULT,
    LOCAL_FORGOTTEN,
    OPERAND_FOR_RESULT,
    OTHER_OPERAND,
    SIGN,
    SUM_FOR_PRODUCT,
    TOTAL_FOR_CONTRIBUTION,
    UPSTREAM_FORGOTTEN,
    agreeing,
    all_close,
    close,
    of_contribution,
)

NUMBERS = st.floats(0.1, 3.0) | st.floats(-3.0, -0.1)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_each_is_computed_as_somebody_would(x: float, y: float, upstream: float, before: float) -> None:
    """For a quotient, each misconception gives the number of its own formula, with the rules written by hand."""
    local, other = -x / y**2, 1 / y
    expected = {
        UPSTREAM_FORGOTTEN: local,
        LOCAL_FORGOTTEN: upstream,
        SUM_FOR_PRODUCT: upstream + local,
        SIGN: -upstream * local,
        OTHER_OPERAND: upstream * other,
        AT_THE_RESULT: upstream * -x / (x / y) ** 2,
        TOTAL_FOR_CONTRIBUTION: before + upstream * local,
    }
    result = divide(Value(x), Value(y))
    computed = of_contribution(result, 1, upstream, before)
    for misconception, number in expected.items():
        if misconception in computed:
            assert math.isclose(computed[misconception], number, rel_tol=1e-9)
        else:
            assert close(number, upstream * local)


@given(NUMBERS, NUMBERS)
def test_a_rule_of_the_result_may_be_taken_of_the_operand(x: float, upstream: float) -> None:
    """For tanh, the operand may stand where the result belongs, and the slope may be that at the result."""
    computed = of_contribution(tanh(Value(x)), 0, upstream)
    assume(OPERAND_FOR_RESULT in computed)
    assert math.isclose(computed[OPERAND_FOR_RESULT], upstream * (1 - x * x), rel_tol=1e-9, abs_tol=1e-12)
    assert math.isclose(computed[AT_THE_RESULT], upstream / math.cosh(math.tanh(x)) ** 2, rel_tol=1e-9)


@pytest.mark.parametrize("operation", [multiply, divide, power, maximum])
@given(NUMBERS, NUMBERS, NUMBERS)
def test_none_of_them_is_the_right_number(operation: object, x: float, y: float, upstream: float) -> None:
    """What happens to be right here is no misconception here."""
    assert callable(operation)
    result = operation(Value(abs(x)), Value(y))
    for position in (0, 1):
        right = upstream * result.local_gradients[position]
        assert not any(close(number, right) for number in of_contribution(result, position, upstream).values())


def test_an_upstream_gradient_of_one_hides_that_it_was_forgotten() -> None:
    """With an upstream gradient of 1, and nothing before, the local gradient is right, and is the total."""
    hidden = of_contribution(Value(2.0) * Value(3.0), 0, 1.0)
    assert {UPSTREAM_FORGOTTEN, TOTAL_FOR_CONTRIBUTION} & hidden.keys() == set()
    assert {UPSTREAM_FORGOTTEN, TOTAL_FOR_CONTRIBUTION} <= of_contribution(Value(2.0) * Value(3.0), 0, 2.0, 1.0).keys()


def test_only_those_that_agree_in_all_numbers_are_named() -> None:
    """An answer that fits a misconception in one number and not in another fits none."""
    given = {"a": [1.0, 2.0], "b": [1.0, 3.0]}
    assert agreeing([1.0, 2.0], given) == ["a"]
    assert agreeing([1.0, 2.5], given) == []
    assert agreeing([1.0], given) == []
    assert agreeing([1.0, 2.0 + 1e-9], given) == ["a"]


@pytest.mark.parametrize(
    ("answer", "number", "agrees"),
    [
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.0 + 1e-5, False),
        (0.0, 1e-13, True),
        (0.0, 1e-9, False),
        (inf, inf, True),
        (inf, -inf, False),
        (inf, 1e308, False),
        (nan, nan, True),
        (nan, 1.0, False),
    ],
)
def test_close_is_up_to_rounding(answer: float, number: float, agrees: bool) -> None:
    """Numbers are close up to rounding; infinities and nan only to themselves."""
    assert close(answer, number) is agrees
    assert all_close([answer, answer], [number, number]) is agrees
