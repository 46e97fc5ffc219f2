"""Gradient descent, plain and with momentum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .arguments import Parameters, columns, within
from .optimizer import Optimizer


class GradientDescent(Optimizer):
    """Gradient descent: v ← momentum × v + ∇L, θ ← θ - rate × v.

    For a parameter that no sweep has reached, ∇L is 0; with a momentum it goes on, unlike PyTorch's.

    Polyak, "Some methods of speeding up the convergence of iteration methods" (1964).

    >>> from scalargrad import Value
    >>> x = Value(10.0)
    >>> optimizer = GradientDescent([x], rate=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x.data
    8.0

    The parameters may also be an array, or a list of floats. Then `step` takes the gradient:

    >>> theta = [10.0]
    >>> optimizer = GradientDescent(theta, rate=0.1)
    >>> optimizer.step([20.0])
    [8.0]

    Raises:
        TypeError: for parameters that are neither Values nor an array or list of floats.
        ValueError: for no parameters, an array of more than one axis, a rate that is not positive, or a
            momentum outside of [0, 1).
    """

    velocity: Any
    _memory = ("velocity",)

    def __init__(self, parameters: Parameters, rate: float, momentum: float = 0.0) -> None:
        super().__init__(parameters)
        self.rate = within(rate, "rate", 0.0, math.inf)
        self.momentum = within(momentum, "momentum", 0.0, 1.0, closed=True)

    def _rule(self, sqrt: Callable[[Any], Any]) -> Callable[..., tuple[Any, ...]]:  # noqa: ARG002  # as Adam's
        momentum, rate = float(self.momentum), float(self.rate)

        def rule(gradient: Any, velocity: Any) -> tuple[Any, ...]:
            velocity = momentum * velocity + gradient if momentum else gradient
            return rate * velocity, velocity

        return rule

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on, as plain data."""
        return {"velocity": self._remembered("velocity")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`.

        Raises:
            ValueError: when it is of another optimizer, or of another number of parameters, or holds a nan
                or an infinity.
            TypeError: when it is no dict of lists of numbers.
        """
        (velocity,) = columns(state, ["velocity"], self.size)
        self._remember("velocity", velocity)
