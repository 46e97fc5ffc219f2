"""Adagrad, RMSprop and Adadelta: a rate for each parameter, from the size of its gradients so far."""

from __future__ import annotations

import math
from typing import Any

from .arguments import Parameters, within
from .optimizer import Optimizer, Schedule


class Adagrad(Optimizer):
    """Adagrad: θ ← θ - rate ÷ (√s + ε) × ∇L, where s is the sum of all (∇L)² so far.

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization" (2011).

    >>> theta = [1.0, 1.0]
    >>> optimizer = Adagrad(theta, rate=0.5)
    >>> [round(x, 6) for x in optimizer.step([0.1, 20.0])]  # the first steps are equally long
    [0.5, 0.5]

    Args:
        parameters, rate, weight_decay, clip_norm: as for every `Optimizer`.
        epsilon: is added to the divisor, so that it is never 0.

    Raises:
        TypeError, ValueError: as for every `Optimizer`.
    """

    square_sum: Any
    remembers = not_negative = ("square_sum",)

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 0.01,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
        clip_norm: float = math.inf,
    ) -> None:
        super().__init__(parameters, rate, weight_decay, clip_norm)
        self.epsilon = within(epsilon, "epsilon", 0.0, math.inf)

    def rule(self, gradient: Any, square_sum: Any) -> tuple[Any, Any]:
        """Return rate × ∇L ÷ (√s + ε), and the new s."""
        square_sum = square_sum + gradient * gradient
        return self.rate * gradient / (self.math.sqrt(square_sum) + self.epsilon), square_sum


class RMSprop(Optimizer):
    """RMSprop: θ ← θ - rate ÷ (√s + ε) × ∇L, where s is a moving average of (∇L)².

    Hinton, Srivastava and Swersky, "Neural networks for machine learning", lecture 6e (2012).

    >>> theta = [1.0]
    >>> [round(x, 6) for x in RMSprop(theta, rate=0.1, decay=0.75).step([3.0])]
    [0.8]

    Args:
        parameters, rate, weight_decay, clip_norm: as for every `Optimizer`.
        decay: how much of the average stays from one step to the next, from 0 to below 1.
        epsilon: is added to the divisor, so that it is never 0.

    Raises:
        TypeError, ValueError: as for every `Optimizer`.
    """

    square_average: Any
    remembers = not_negative = ("square_average",)

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 0.01,
        decay: float = 0.99,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float = math.inf,
    ) -> None:
        super().__init__(parameters, rate, weight_decay, clip_norm)
        self.decay = within(decay, "decay", 0.0, 1.0, closed=True)
        self.epsilon = within(epsilon, "epsilon", 0.0, math.inf)

    def rule(self, gradient: Any, square_average: Any) -> tuple[Any, Any]:
        """Return rate × ∇L ÷ (√s + ε), and the new s."""
        square_average = self.decay * square_average + (1 - self.decay) * gradient * gradient
        return self.rate * gradient / (self.math.sqrt(square_average) + self.epsilon), square_average


class Adadelta(Optimizer):
    """Adadelta: θ ← θ - rate × Δ, where Δ = √(d + ε) ÷ √(s + ε) × ∇L.

    s is a moving average of (∇L)², and d one of Δ² up to the step before.

    Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, algorithm 1, where the rate is 1.

    >>> theta = [1.0]
    >>> [round(x, 6) for x in Adadelta(theta, epsilon=0.01).step([3.0])]
    [0.685515]

    Args:
        parameters, rate, weight_decay, clip_norm: as for every `Optimizer`.
        decay: how much of each average stays from one step to the next, from 0 to below 1.
        epsilon: is added under both roots; without it the first change would be 0.

    Raises:
        TypeError, ValueError: as for every `Optimizer`.
    """

    square_average: Any
    change_average: Any
    remembers = not_negative = ("square_average", "change_average")

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 1.0,
        decay: float = 0.9,
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
        clip_norm: float = math.inf,
    ) -> None:
        super().__init__(parameters, rate, weight_decay, clip_norm)
        self.decay = within(decay, "decay", 0.0, 1.0, closed=True)
        self.epsilon = within(epsilon, "epsilon", 0.0, math.inf)

    def rule(self, gradient: Any, square_average: Any, change_average: Any) -> tuple[Any, Any, Any]:
        """Return rate × Δ, and the new s and d."""
        sqrt, kept, new = self.math.sqrt, self.decay, 1 - self.decay
        square_average = kept * square_average + new * gradient * gradient
        change = sqrt(change_average + self.epsilon) / sqrt(square_average + self.epsilon) * gradient
        return self.rate * change, square_average, kept * change_average + new * change * change
