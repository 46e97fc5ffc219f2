"""No tests: every optimizer with settings of its own, and all kinds of arrays."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from scalargrad import optim
from scalargrad.optim import Optimizer


class Sign(Optimizer):
    """An optimizer as a user writes one: little more than a rule."""

    remembers = ("velocity",)

    def __init__(self, parameters: Any = None, rate: float = 0.05) -> None:
        super().__init__(parameters, rate)

    def rule(self, gradient: Any, velocity: Any) -> Any:
        velocity = 0.5 * velocity + 0.5 * gradient
        return self.rate * velocity / (abs(velocity) + 1e-3), velocity


class Plain(Optimizer):
    """An optimizer without a memory."""

    def rule(self, gradient: Any) -> Any:
        return self.rate * gradient


OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "gradient descent": lambda parameters: optim.GradientDescent(parameters, 0.05),
    "momentum": lambda parameters: optim.GradientDescent(parameters, 0.05, 0.9),
    "Nesterov": lambda parameters: optim.GradientDescent(parameters, 0.05, 0.9, nesterov=True, weight_decay=0.1),
    "Adagrad": lambda parameters: optim.Adagrad(parameters, 0.1, weight_decay=0.1),
    "RMSprop": lambda parameters: optim.RMSprop(parameters, 0.05),
    "Adadelta": lambda parameters: optim.Adadelta(parameters, epsilon=1e-3),
    "Adam": lambda parameters: optim.Adam(parameters, 0.1),
    "AdamW": lambda parameters: optim.AdamW(parameters, optim.InverseRoot(0.1), weight_decay=0.1),
    "NAdam": lambda parameters: optim.NAdam(parameters, 0.1),
    "a user's": Sign,
    "a user's without memory": lambda parameters: Plain(parameters, 0.05),
}
REMEMBERING = [name for name in OPTIMIZERS if name not in {"gradient descent", "a user's without memory"}]


# ---------------------------------------------------------------- arrays


class Frozen:
    """An array that cannot change, as those of JAX: each operation gives a new one."""

    def __init__(self, numbers: Any, dtype: Any = None) -> None:
        self.numbers: Any = np.array(numbers.numbers if isinstance(numbers, Frozen) else numbers, dtype)
        self.dtype, self.shape = self.numbers.dtype, self.numbers.shape

    def __array_namespace__(self) -> Any:
        functions = {name: self._on_numbers(getattr(np, name)) for name in ("sqrt", "abs", "max", "sum")}
        return SimpleNamespace(asarray=Frozen, isdtype=np.isdtype, **functions)

    @staticmethod
    def _on_numbers(function: Callable[[Any], Any]) -> Callable[[Frozen], Any]:
        def applied(x: Frozen) -> Any:
            result = function(x.numbers)
            return Frozen(result) if np.ndim(result) else result

        return applied

    def __len__(self) -> int:
        return len(self.numbers)

    def tolist(self) -> list[float]:
        return cast(list[float], self.numbers.tolist())

    def _with(self, other: Any, apply: Callable[[Any, Any], Any]) -> Frozen:
        with np.errstate(all="ignore"):
            return Frozen(apply(self.numbers, other.numbers if isinstance(other, Frozen) else other))

    def __add__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x + y)

    def __sub__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x - y)

    def __mul__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x * y)

    def __rmul__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: y * x)

    def __truediv__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x / y)

    def __pow__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x**y)

    def __abs__(self) -> Frozen:
        return Frozen(abs(self.numbers))


def read_only(numbers: list[float]) -> Any:
    """An array of numpy that refuses to change."""
    array = np.array(numbers)
    array.flags.writeable = False
    return array


ARRAYS: dict[str, Callable[[list[float]], Any]] = {
    "list": list,
    "numpy": np.array,
    "read-only": read_only,
    "frozen": Frozen,
}


def bits(numbers: Any) -> list[str]:
    """The numbers of a list or an array, to the last bit."""
    return [float(x).hex() for x in (numbers if isinstance(numbers, list) else numbers.tolist())]
