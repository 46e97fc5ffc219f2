"""Optimizers against their published recurrences."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad import Value
from scalargrad.optim import Adam, GradientDescent
from tests.optim.recurrences import (
    GRADIENTS,
    NUMBERS,
    Gradients,
    Recurrence,
    adam,
    close,
    descended,
    expected,
    polyak,
)


@given(st.tuples(NUMBERS, NUMBERS), GRADIENTS, st.floats(1e-6, 10), st.floats(0, 1, exclude_max=True))
def test_gradient_descent_is_its_recurrence(
    start: tuple[float, float], gradients: Gradients, rate: float, momentum: float
) -> None:
    """Each parameter follows v ← momentum × v + g, x ← x - rate × v, to the last bit."""
    optimizer = GradientDescent([Value(x) for x in start], rate, momentum)
    assert descended(optimizer, gradients) == expected(polyak(rate, momentum), start, gradients)


@given(st.tuples(NUMBERS, NUMBERS), GRADIENTS, st.floats(1e-6, 10))
def test_without_momentum_the_past_does_not_matter(
    start: tuple[float, float], gradients: Gradients, rate: float
) -> None:
    """With the momentum 0 every step is x ← x - rate × g."""

    def plain(x: float, slopes: list[float]) -> list[float]:
        return [x := x - rate * slope for slope in slopes]

    optimizer = GradientDescent([Value(x) for x in start], rate)
    assert descended(optimizer, gradients) == expected(plain, start, gradients)


@pytest.mark.parametrize("wrong", [polyak(0.1, 0.0), polyak(0.1 * (1 - 0.9), 0.9), polyak(0.1, 0.9 * 1.001)])
def test_another_recurrence_is_told_apart(wrong: Recurrence) -> None:
    """Forgetting the momentum, averaging it, or changing it by 0.1% gives another path."""
    gradients = [(1.0, 2.0), (3.0, -1.0)]
    optimizer = GradientDescent([Value(1.0), Value(2.0)], 0.1, 0.9)
    assert descended(optimizer, gradients) != expected(wrong, (1.0, 2.0), gradients)


# ---------------------------------------------------------------- Adam

DECAY = st.floats(0, 0.9999)


@given(st.tuples(NUMBERS, NUMBERS), GRADIENTS, st.floats(1e-6, 1), DECAY, DECAY, st.floats(1e-9, 1e-1))
@example((0.0, 0.0), [(0.0, 1.0), (0.0, 1e-6)], 1.0, 0.0, 0.0, 2e-3)  # a large gradient and then a small one
def test_adam_is_algorithm_1(
    start: tuple[float, float], gradients: Gradients, rate: float, first: float, second: float, epsilon: float
) -> None:
    """Each parameter follows algorithm 1 of the paper, to 1e-12."""
    optimizer = Adam([Value(x) for x in start], rate, first, second, epsilon)
    assert close(descended(optimizer, gradients), expected(adam(rate, first, second, epsilon), start, gradients))


@pytest.mark.parametrize(
    "wrong",
    [
        adam(0.1, 0.9, 0.99, 1e-3, corrected=False),
        adam(0.1, 0.9, 0.99, 1e-3, inside=True),
        adam(0.1, 0.9, 0.99 * 1.001, 1e-3),
        adam(0.1, 0.99, 0.9, 1e-3),
    ],
)
def test_another_adam_is_told_apart(wrong: Recurrence) -> None:
    """Without the correction, with ε under the root, or with other decays the path differs by more than 1e-12."""
    gradients = [(1.0, 2.0), (3.0, -1.0), (0.5, 0.5)]
    optimizer = Adam([Value(1.0), Value(2.0)], 0.1, 0.9, 0.99, 1e-3)
    assert not close(descended(optimizer, gradients), expected(wrong, (1.0, 2.0), gradients))


def test_adams_defaults_are_the_papers() -> None:
    """The defaults are those of the paper: 0.001, 0.9, 0.999 and 1e-8."""
    optimizer = Adam([Value(1.0)])
    assert (optimizer.rate, optimizer.epsilon) == (0.001, 1e-8)
    assert (optimizer.first_decay, optimizer.second_decay) == (0.9, 0.999)
