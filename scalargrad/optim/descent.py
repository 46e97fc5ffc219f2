"""Gradient descent: plain, with momentum, and with Nesterov's momentum."""

from __future__ import annotations

import math
from typing import Any

from .arguments import Parameters, within
from .optimizer import Optimizer, Schedule


class GradientDescent(Optimizer):
    """Gradient descent: v ← momentum × v + ∇L, θ ← θ - rate × v.

    With `nesterov`: θ ← θ - rate × (∇L + momentum × v).

    Polyak, "Some methods of speeding up the convergence of iteration methods" (1964). Nesterov, "A method for
    solving the convex programming problem with convergence rate O(1/k²)" (1983), in the form of Sutskever et al.,
    "On the importance of initialization and momentum in deep learning" (2013).

    >>> from scalargrad import Value, optim
    >>> x = Value(10.0)
    >>> optimizer = optim.GradientDescent([x], rate=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x.data
    8.0

    The parameters may also be an array, or a list of floats. Then `step` takes the gradient:

    >>> theta = [10.0]
    >>> optimizer = optim.GradientDescent(theta, rate=0.1)
    >>> optimizer.step([20.0])
    [8.0]

    Args:
        parameters, rate, weight_decay, clip_norm: as for every `Optimizer`.
        momentum: the share of v that remains in the next step, from 0 to below 1.
        nesterov: whether to use Nesterov's momentum; needs a momentum above 0.

    Raises:
        TypeError, ValueError: as for every `Optimizer`.
    """

    velocity: Any
    remembers = ("velocity",)

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 0.001,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        clip_norm: float = math.inf,
    ) -> None:
        super().__init__(parameters, rate, weight_decay, clip_norm)
        self.momentum = within(momentum, "momentum", 0.0, 1.0, closed=True)
        self.nesterov = nesterov
        if nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum, such as momentum=0.9, got momentum=0.0")

    def rule(self, gradient: Any, velocity: Any) -> tuple[Any, Any]:
        """Return rate × v, or rate × (∇L + momentum × v), and the new v."""
        if not self.momentum:
            return self.rate * gradient, gradient
        velocity = self.momentum * velocity + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return self.rate * direction, velocity
