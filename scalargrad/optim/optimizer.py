"""What optimizers have in common: one rule for a step, on Values or on an array."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from itertools import starmap
from typing import Any

from ..engine import modes
from ..engine.value import Value
from .arguments import Parameters, are_values, checked_theta, gradient_of, some_variables


class Optimizer(ABC):
    """What optimizers have in common: one rule for a step, on Values or on an array.

    Attributes:
        parameters: the Values that are moved; none on an array.
        theta: the array or list that is moved; None on Values.
        steps: how many steps have been taken.
    """

    _memory: tuple[str, ...]  # what is remembered from step to step: attributes with a number for each parameter

    def __init__(self, parameters: Parameters) -> None:
        self.theta: Any = None if are_values(parameters) else checked_theta(parameters)
        self.parameters: list[Value] = some_variables(parameters) if self.theta is None else []
        self.steps = 0
        for name in self._memory:
            self._remember(name, [0.0] * self.size)

    @property
    def size(self) -> int:
        """How many numbers are moved."""
        return len(self.parameters) if self.theta is None else len(self.theta)

    @abstractmethod
    def _rule(self, sqrt: Callable[[Any], Any]) -> Callable[..., tuple[Any, ...]]:
        """What makes of a gradient and of what is remembered the change to subtract, and what to remember."""

    def step(self, gradient: Any = None) -> Any:
        """Move the parameters: Values by their `.grad`; an array or list by the gradient given, one number for each.

        On an array it returns the moved array. An array of numpy, or a list, is changed in place and
        returned; one that cannot change stays as it is, and the moved one is a new array.

        Raises:
            TypeError: for a gradient on Values, or none on an array, or one that is no list, tuple or array of real
                numbers.
            ValueError: for a gradient of another shape, or a number beyond the range of floats.
        """
        modes.refuse_while_tracing("an optimizer's step")
        if self.theta is None:
            if gradient is not None:
                raise TypeError("on Values step() takes no gradient: it reads each .grad, which backward() fills")
            gradients = [parameter._grad or 0.0 for parameter in self.parameters]  # not .grad: it would take as long
            for parameter, change in zip(self.parameters, self._changes(gradients), strict=True):
                parameter._data -= change
            return None
        if gradient is None:
            raise TypeError("on an array step(gradient) needs the gradient, as program.value_and_grad returns it")
        if isinstance(self.theta, list):
            changes = self._changes([x or 0.0 for x in gradient_of(self.theta, gradient)])
            self.theta[:] = [x - change for x, change in zip(self.theta, changes, strict=True)]
        else:
            self.theta = self._moved(self.theta, gradient_of(self.theta, gradient))
        return self.theta

    def _changes(self, gradients: list[float]) -> list[float]:
        self.steps += 1
        remembered = [getattr(self, name) for name in self._memory]
        given = zip(gradients, *remembered, strict=True)
        changes, *memory = map(list, zip(*starmap(self._rule(math.sqrt), given), strict=True))
        for name, column in zip(self._memory, memory, strict=True):
            setattr(self, name, column)
        return changes

    def _moved(self, theta: Any, gradient: Any) -> Any:
        self.steps += 1
        arrays = theta.__array_namespace__()
        with arrays.errstate(all="ignore") if hasattr(arrays, "errstate") else nullcontext():  # inf and nan are answers
            gradient = gradient + 0.0  # a copy; and -0.0 becomes 0.0, as on Values
            change, *memory = self._rule(arrays.sqrt)(gradient, *[getattr(self, name) for name in self._memory])
            if hasattr(theta, "flags") and not theta.flags.writeable:
                theta = theta - change
            else:
                theta -= change  # in place where the array can change, a new array where it cannot
        for name, column in zip(self._memory, memory, strict=True):
            setattr(self, name, column)
        return theta

    def zero_grad(self) -> None:
        """Forget the gradient of each parameter.

        Raises:
            TypeError: on an array, which has no gradient to forget.
        """
        if self.theta is not None:
            raise TypeError("on an array there is no gradient to forget: step(gradient) keeps none")
        for parameter in self.parameters:
            parameter.zero_grad()

    def _remember(self, name: str, numbers: list[float]) -> None:
        """Keep numbers as what the rule works on: a list, or an array like the parameters."""
        if self.theta is None or isinstance(self.theta, list):
            setattr(self, name, numbers)
        else:
            setattr(self, name, self.theta.__array_namespace__().asarray(numbers, dtype=self.theta.dtype))

    def _remembered(self, name: str) -> list[float]:
        numbers = getattr(self, name)
        return list(numbers) if isinstance(numbers, list) else numbers.tolist()
