"""Schedules: the rate as a function of the number of steps taken, which is 0 before the first step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..engine.floats import integer
from .arguments import within


@dataclass(frozen=True)
class InverseRoot:
    """The rate ÷ √(t + 1) after t steps.

    Zinkevich, "Online convex programming and generalized infinitesimal gradient ascent" (2003).

    >>> schedule = InverseRoot(0.6)
    >>> schedule(0), schedule(3), schedule(8)
    (0.6, 0.3, 0.19999999999999998)

    Raises:
        ValueError: for a rate that is not positive.
    """

    rate: float

    def __post_init__(self) -> None:
        within(self.rate, "rate", 0.0, math.inf)

    def __call__(self, step: int) -> float:
        """Return the rate of the step that follows this number of steps."""
        return self.rate / math.sqrt(step + 1)


@dataclass(frozen=True)
class StepDecay:
    """The rate, multiplied by a factor after each `every` steps.

    >>> schedule = StepDecay(0.8, every=100, factor=0.5)
    >>> schedule(0), schedule(99), schedule(100), schedule(250)
    (0.8, 0.8, 0.4, 0.2)

    Raises:
        ValueError: for a rate or a factor that is not positive, or an `every` below 1.
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        within(self.rate, "rate", 0.0, math.inf)
        integer(self.every, "every", low=1)
        within(self.factor, "factor", 0.0, math.inf)

    def __call__(self, step: int) -> float:
        """Return the rate of the step that follows this number of steps."""
        return float(self.rate * self.factor ** (step // self.every))


@dataclass(frozen=True)
class Cosine:
    """The rate falls to `lowest` within `steps` steps, along half a cosine, and stays there.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", arXiv:1608.03983, equation 5.

    >>> schedule = Cosine(0.5, steps=100)
    >>> schedule(0), round(schedule(50), 6), schedule(100), schedule(1000)
    (0.5, 0.25, 0.0, 0.0)

    Raises:
        ValueError: for a rate that is not positive, fewer steps than 1, or a negative `lowest`.
    """

    rate: float
    steps: int
    lowest: float = 0.0

    def __post_init__(self) -> None:
        within(self.rate, "rate", 0.0, math.inf)
        integer(self.steps, "steps", low=1)
        within(self.lowest, "lowest", 0.0, math.inf, closed=True)

    def __call__(self, step: int) -> float:
        """Return the rate of the step that follows this number of steps."""
        angle = math.pi * min(step, self.steps) / self.steps
        return self.lowest + (self.rate - self.lowest) * (1 + math.cos(angle)) / 2


@dataclass(frozen=True)
class WarmUp:
    """Another schedule, or a constant rate, multiplied by (t + 1) ÷ steps in the first `steps` steps.

    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", arXiv:1706.02677, section 2.2.

    >>> schedule = WarmUp(0.8, steps=4)
    >>> [schedule(step) for step in (0, 1, 2, 3, 4, 100)]
    [0.2, 0.4, 0.6000000000000001, 0.8, 0.8, 0.8]
    >>> WarmUp(Cosine(0.8, steps=100), steps=4)(100)
    0.0

    Raises:
        ValueError: for a rate that is not positive, or fewer steps than 1.
    """

    schedule: float | Callable[[int], float]
    steps: int

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            within(self.schedule, "the rate", 0.0, math.inf)
        integer(self.steps, "steps", low=1)

    def __call__(self, step: int) -> float:
        """Return the rate of the step that follows this number of steps."""
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        return rate * min(1.0, (step + 1) / self.steps)
