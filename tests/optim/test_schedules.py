"""Schedules: what they give, how an optimizer follows them, and what is no schedule."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import optim
from scalargrad.optim import Cosine, GradientDescent, InverseRoot, StepDecay, WarmUp

SCHEDULES: dict[str, Callable[[int], float]] = {
    "inverse root": InverseRoot(0.5),
    "step": StepDecay(0.5, every=3),
    "cosine": Cosine(0.5, steps=4, lowest=0.1),
    "warm-up": WarmUp(0.5, steps=3),
    "warm-up and cosine": WarmUp(Cosine(0.5, steps=8), steps=3),
    "a user's": lambda step: 0.5 / (1 + step),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_an_optimizer_follows_its_schedule(name: str) -> None:
    """Step t goes as far as the schedule says of t, counted from 0; `rate` is that of the latest step."""
    schedule = SCHEDULES[name]
    theta = [0.0]
    optimizer = GradientDescent(theta, rate=schedule)
    assert optimizer.rate == schedule(0)
    for step in range(6):
        before = theta[0]
        optimizer.step([1.0])
        assert theta[0] == before - schedule(step)
        assert optimizer.rate == schedule(step)


def test_a_resumed_optimizer_goes_on_in_its_schedule() -> None:
    """After a state is loaded, the next step is that of the schedule."""
    first, second = (GradientDescent([0.0], rate=InverseRoot(1.0)) for _ in range(2))
    for _ in range(3):
        first.step([1.0])
    second.load_state_dict(first.state_dict())
    second.step([1.0])
    assert second.theta == [-0.5]


def test_a_rate_in_place_of_a_schedule() -> None:
    """A number that is set as the rate ends the schedule, and a schedule that is set begins."""
    optimizer = GradientDescent([0.0], rate=InverseRoot(1.0))
    optimizer.rate = 0.25
    assert optimizer.step([1.0]) == [-0.25]
    optimizer.rate = InverseRoot(1.0)
    assert optimizer.rate == InverseRoot(1.0)(1)


@given(st.floats(1e-3, 1e3), st.integers(1, 50), st.floats(0, 1e3))
def test_the_cosine_goes_from_the_rate_to_the_lowest(rate: float, steps: int, lowest: float) -> None:
    """It begins at the rate, ends at the lowest and stays there, and is half-way in the middle."""
    schedule = Cosine(rate, steps, lowest)
    assert schedule(0) == pytest.approx(rate)
    assert schedule(steps) == schedule(steps + 1) == schedule(10**6) == pytest.approx(lowest, abs=1e-12 * rate)
    assert schedule(steps // 2) + schedule(steps - steps // 2) == pytest.approx(rate + lowest)


def test_the_inverse_root_is_the_lectures() -> None:
    """Adagrad's rate ÷ √(t + 1), over the root of the mean square, is the rate over the root of the sum."""
    gradients = [0.3, -2.0, 1.5, 0.1]
    theta = [1.0]
    optimizer = GradientDescent(theta, rate=InverseRoot(0.5))
    adagrad = [1.0]
    reference = optim.Adagrad(adagrad, rate=0.5)
    for step, gradient in enumerate(gradients):
        root_mean_square = math.sqrt(sum(g * g for g in gradients[: step + 1]) / (step + 1))
        optimizer.step([gradient / root_mean_square])
        reference.step([gradient])
    assert theta == pytest.approx(adagrad, rel=1e-9)


@pytest.mark.parametrize("schedule", [InverseRoot(0.5), StepDecay(0.5, 3), Cosine(0.5, 4), WarmUp(Cosine(0.5, 8), 3)])
def test_a_schedule_is_data(schedule: Any) -> None:
    """It is equal to its copy, can be sent to another process, and shows how it was made."""
    copied = pickle.loads(pickle.dumps(schedule))
    assert copied == schedule
    assert eval(repr(schedule)) == schedule  # noqa: S307  # that is what a repr is for


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: InverseRoot(0.0), "rate must be above 0.0"),
        (lambda: StepDecay(0.1, 0), "every must be an integer of at least 1, got 0"),
        (lambda: StepDecay(-0.1, 1), "rate must be above 0.0"),
        (lambda: StepDecay(0.1, 1, 0.0), "factor must be above 0.0"),
        (lambda: Cosine(0.1, 0), "steps must be an integer of at least 1, got 0"),
        (lambda: Cosine(0.0, 1), "rate must be above 0.0"),
        (lambda: Cosine(0.1, 1, -0.1), "lowest must be at least 0.0"),
        (lambda: WarmUp(0.0, 1), "the rate must be above 0.0"),
        (lambda: WarmUp(0.1, 0), "steps must be an integer of at least 1, got 0"),
        (lambda: GradientDescent([1.0], rate=lambda step: -1.0), "the rate that the schedule gives for step 0 must be"),
        (lambda: GradientDescent([1.0], rate=lambda step: math.nan), "for step 0 must be at least 0.0 and below inf"),
    ],
)
def test_what_is_no_schedule(call: Callable[[], object], message: str) -> None:
    """A setting out of its range, or a rate that is none, is refused with what was given."""
    with pytest.raises(ValueError, match=message):
        call()
