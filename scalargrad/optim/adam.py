"""Adam: moments of the gradient, each with its decay."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..engine.floats import integer, number
from .arguments import Parameters, columns, within
from .optimizer import Optimizer


class Adam(Optimizer):
    """Adam: steps of about `rate`, whatever the gradient's scale.

    For a parameter that no sweep has reached, the gradient is 0; it goes on by its moments, unlike PyTorch's.

    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1.

    >>> from scalargrad import Value
    >>> x = Value(10.0)
    >>> optimizer = Adam([x], rate=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    9.9

    Raises:
        TypeError, ValueError: as `GradientDescent`.
    """

    first_moment: Any
    second_moment: Any
    _memory = ("first_moment", "second_moment")

    def __init__(
        self,
        parameters: Parameters,
        rate: float = 0.001,
        first_decay: float = 0.9,
        second_decay: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters)
        self.rate = within(rate, "rate", 0.0, math.inf)
        self.first_decay = within(first_decay, "first_decay", 0.0, 1.0, closed=True)
        self.second_decay = within(second_decay, "second_decay", 0.0, 1.0, closed=True)
        self.epsilon = within(epsilon, "epsilon", 0.0, math.inf)

    def _rule(self, sqrt: Callable[[Any], Any]) -> Callable[..., tuple[Any, ...]]:
        first_weight = 1 - self.first_decay**self.steps
        second_weight = 1 - self.second_decay**self.steps
        b1, b2, rate, epsilon = map(float, (self.first_decay, self.second_decay, self.rate, self.epsilon))

        def rule(g: Any, m: Any, v: Any) -> tuple[Any, ...]:
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            return rate * (m / first_weight) / (sqrt(v / second_weight) + epsilon), m, v

        return rule

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on, as plain data."""
        first, second = map(self._remembered, self._memory)
        return {"first": first, "second": second, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`.

        Raises:
            ValueError: when it is of another optimizer, or of another number of parameters, or cannot be a state.
            TypeError: when it is no dict of lists of numbers.
        """
        first, second = columns(state, ["first", "second"], self.size, beside={"steps"})
        steps = integer(state["steps"], "steps", low=0)
        number(steps, "steps")  # a decay to a higher power would be an OverflowError
        if any(v < 0 for v in second):
            raise ValueError(f"second must hold no negative number, got {min(second)}")
        self._remember("first_moment", first)
        self._remember("second_moment", second)
        self.steps = steps
