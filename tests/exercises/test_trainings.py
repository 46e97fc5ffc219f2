"""What a judge of trainings does with seeds, losses and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest

from scalargrad import exercise

THREE = exercise("three-classes")
PROTOTYPES = [(0, 1), (1, -1), (-1, -1)]


def train(seed: int, factor: float = 5.0) -> Callable[[list[float]], list[float]]:
    return lambda x: [(factor + seed) * (x[0] * p + x[1] * q) for p, q in PROTOTYPES]


def test_ten_seeds_are_tried() -> None:
    """A training is run with each of the seeds from 0 to 9, and one that fails is enough to be wrong."""
    seen: list[int] = []

    def noting(seed: int) -> Callable[[list[float]], list[float]]:
        seen.append(seed)
        return train(seed)

    assert THREE.judge(noting)
    assert seen == list(range(10))
    verdict = THREE.judge(lambda seed: train(seed, 5.0 if seed != 7 else -7.0))
    assert not verdict
    assert "It is 1.099 for seed 7." in str(verdict)


def test_many_failures_are_counted() -> None:
    """Three of the seeds that fail are shown with their losses, and the others are counted."""
    text = str(THREE.judge(lambda seed: train(seed, -20.0)))
    assert text.count("for seed ") == 3
    assert "and for 7 more seeds." in text


def test_a_loss_that_is_nan_fails() -> None:
    """A model whose scores are nan is not right."""
    assert not THREE.judge(lambda seed: train(seed, float("nan")))


def test_other_warnings_of_the_answer_are_passed_on() -> None:
    """Only the warnings of bounded scores become a part of the verdict; a user sees all others."""

    def warning(seed: int) -> Callable[[list[float]], list[float]]:
        warnings.warn("slow", UserWarning, stacklevel=1)
        return train(seed)

    with pytest.warns(UserWarning, match="slow"):
        assert THREE.judge(warning)
