"""What rounding adds to the numbers of a function of which nothing else is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import nan

import mpmath
import pytest

from scalargrad.check.measure.noise import noise

EPSILON = 2.0**-52


@pytest.mark.parametrize("x", [1e-300, 1e-5, 0.7, 1.0, 3.0, 1e8])
@pytest.mark.parametrize("offset", [1.0, 1e3, 1e6])
def test_a_sum_with_a_large_number_has_its_noise(x: float, offset: float) -> None:
    """Adding and subtracting a large number leaves its rounding error, no less and not far more."""
    unit = max(x, offset * 1e-3)  # of steps that the sum does not swallow
    level = noise(lambda t: (offset + (x + t)) - offset, unit)
    spacing = math.ulp(offset + x)
    assert spacing / 8 <= level <= 8 * spacing


@pytest.mark.parametrize("f", [math.sin, math.exp, math.atan, lambda x: 1 / x, lambda x: math.sin(1000 * x)])
@pytest.mark.parametrize("x", [0.3, 0.7, 1.9])
def test_a_smooth_function_has_little_noise(f: Callable[[float], float], x: float) -> None:
    """The bend of a function is not taken for noise."""
    size = abs(f(x)) + abs(x) * max(1.0, 1000 if f(0.001 * math.pi) < 1e-9 else 1.0)
    assert EPSILON * abs(f(x)) <= noise(lambda t: f(x + t), x) <= 40 * EPSILON * size


def test_the_noise_bounds_the_error() -> None:
    """The bound covers the error of a function that cancels, by mpmath, at most of many points."""
    covered = 0
    for k in range(50):
        x = 0.01 + 0.0002 * k
        level = noise(lambda t, x=x: (math.exp(x + t) - 1 - (x + t)) / (x + t) ** 2, x)  # type: ignore[misc]
        with mpmath.workdps(50):
            truth = (mpmath.exp(x) - 1 - mpmath.mpf(x)) / mpmath.mpf(x) ** 2
            covered += abs((math.exp(x) - 1 - x) / x**2 - truth) <= level
        assert level <= 1e-10
    assert covered >= 48


def test_a_side_without_numbers_is_left_out() -> None:
    """Where the function ends at the point, the other side decides; where neither has numbers, one rounding does."""

    def rough(t: float) -> float:
        return (1e6 + 1 + t) - 1e6

    whole = noise(rough, 1.0)
    assert whole > 1e-11
    assert noise(lambda t: rough(t) if t <= 0 else nan, 1.0) > whole / 4
    assert noise(lambda t: rough(t) if t >= 0 else nan, 1.0) == whole
    assert noise(lambda t: 1.0 if t == 0 else nan, 1.0) == pytest.approx(EPSILON)
