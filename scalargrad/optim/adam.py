"""Adam and its variants AdamW and NAdam: moving averages of the gradient and of its square."""

from __future__ import annotations

import math
from typing import Any

from .arguments import Parameters, within
from .optimizer import Optimizer, Schedule


class Adam(Optimizer):
    """Adam: θ ← θ - rate × m̂ ÷ (√v̂ + ε), steps of about `rate` at any scale of the gradient.

    m and v are moving averages of ∇L and (∇L)², which start at 0. Divided by 1 - decay^t in step t, they are m̂
    and v̂.

    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1.

    >>> from scalargrad import Value, optim
    >>> x = Value(10.0)
    >>> optimizer = optim.Adam([x], rate=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    9.9

    Args:
        parameters, rate, weight_decay, clip_norm: as for every `Optimizer`.
        first_decay: how much of m stays from one step to the next, from 0 to below 1.
        second_decay: how much of v stays.
        epsilon: is added to the divisor, so that it is never 0.

    Raises:
        TypeError, ValueError: as for every `Optimizer`.
    """

    first_moment: Any
    second_moment: Any
    remembers = ("first_moment", "second_moment")
    not_negative = ("second_moment",)

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 0.001,
        first_decay: float = 0.9,
        second_decay: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float = math.inf,
    ) -> None:
        super().__init__(parameters, rate, weight_decay, clip_norm)
        self.first_decay = within(first_decay, "first_decay", 0.0, 1.0, closed=True)
        self.second_decay = within(second_decay, "second_decay", 0.0, 1.0, closed=True)
        self.epsilon = within(epsilon, "epsilon", 0.0, math.inf)

    def prepare(self) -> None:
        """Compute 1 - decay^t for both averages."""
        self._first_weight = 1 - self.first_decay ** (self.steps + 1)
        self._second_weight = 1 - self.second_decay ** (self.steps + 1)

    def rule(self, gradient: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
        """Return rate × m̂ ÷ (√v̂ + ε), and the new m and v; written out, as it runs for each parameter."""
        first, second = self.first_decay, self.second_decay
        m = first * m + (1 - first) * gradient
        v = second * v + (1 - second) * gradient * gradient
        divisor = self.math.sqrt(v / self._second_weight) + self.epsilon
        return self._rate * (m / self._first_weight) / divisor, m, v

    def _averages(self, gradient: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
        """Return the new m and v, and √v̂ + ε."""
        m = self.first_decay * m + (1 - self.first_decay) * gradient
        v = self.second_decay * v + (1 - self.second_decay) * gradient * gradient
        return m, v, self.math.sqrt(v / self._second_weight) + self.epsilon


class AdamW(Adam):
    """AdamW: Adam whose weight decay stays out of the averages: θ ← θ - rate × weight_decay × θ - Adam's change.

    Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv:1711.05101, algorithm 2.

    >>> theta = [10.0]
    >>> [round(x, 6) for x in AdamW(theta, rate=0.1, weight_decay=0.5).step([20.0])]
    [9.4]

    Args:
        weight_decay: by rate × weight_decay of itself each parameter shrinks in each step.
        parameters, rate, first_decay, second_decay, epsilon, clip_norm: as for `Adam`.

    Raises:
        TypeError, ValueError: as for every `Optimizer`.
    """

    decouples_weight_decay = True

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 0.001,
        first_decay: float = 0.9,
        second_decay: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        clip_norm: float = math.inf,
    ) -> None:
        super().__init__(parameters, rate, first_decay, second_decay, epsilon, weight_decay, clip_norm)


class NAdam(Adam):
    """NAdam: Adam with Nesterov's momentum, μ(t) = first_decay × (1 - ½ × 0.96^(t × momentum_decay)) in step t.

    θ ← θ - rate × (μ(t+1) ÷ (1 - p × μ(t+1)) × m + (1 - μ(t)) ÷ (1 - p) × ∇L) ÷ (√v̂ + ε), where p is the product
    of μ(1) to μ(t).

    Dozat, "Incorporating Nesterov momentum into Adam" (2016).

    >>> theta = [10.0]
    >>> [round(x, 6) for x in NAdam(theta, rate=0.1).step([20.0])]
    [9.894355]

    Args:
        momentum_decay: how fast μ rises from half of first_decay to all of it.
        parameters, rate, first_decay, second_decay, epsilon, weight_decay, clip_norm: as for `Adam`.

    Raises:
        TypeError, ValueError: as for every `Optimizer`.
    """

    _numbers = ("momentum_product",)

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 0.002,
        first_decay: float = 0.9,
        second_decay: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
        weight_decay: float = 0.0,
        clip_norm: float = math.inf,
    ) -> None:
        super().__init__(parameters, rate, first_decay, second_decay, epsilon, weight_decay, clip_norm)
        self.momentum_decay = within(momentum_decay, "momentum_decay", 0.0, math.inf, closed=True)

    def _take(self, parameters: Parameters) -> None:
        self.momentum_product = 1.0
        super()._take(parameters)

    def _momentum(self, step: int) -> float:
        return self.first_decay * (1 - 0.5 * math.pow(0.96, step * self.momentum_decay))

    def prepare(self) -> None:
        """Compute the factors of m and of the gradient."""
        super().prepare()
        momentum, following = self._momentum(self.steps + 1), self._momentum(self.steps + 2)
        self._product = self.momentum_product * momentum
        self._m_factor = following / (1 - self._product * following)
        self._gradient_factor = (1 - momentum) / (1 - self._product)

    def rule(self, gradient: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
        """Return the change, and the new m and v."""
        m, v, divisor = self._averages(gradient, m, v)
        return self.rate * (self._m_factor * m + self._gradient_factor * gradient) / divisor, m, v

    def _commit(self, remembered: list[Any]) -> None:
        super()._commit(remembered)
        self.momentum_product = self._product

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`.

        Raises:
            ValueError, TypeError: as for every `Optimizer`; and for a product of momenta above 1.
        """
        if isinstance(state, dict) and "momentum_product" in state:
            product = within(state["momentum_product"], "momentum_product", 0.0, math.inf, closed=True)
            if product > 1:
                raise ValueError(f"momentum_product must be at most 1.0, got {product}")
        super().load_state_dict(state)
