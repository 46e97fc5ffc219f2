"""The parametric relu: an activation whose slope below 0 is learned."""

from __future__ import annotations

from typing import ClassVar

from ..engine.floats import number
from ..engine.value import Value
from ..functional import leaky_relu
from .module import Module


class PReLU(Module):
    """The parametric relu: x where it is positive, and slope × x elsewhere, where the slope is a parameter.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers", arXiv:1502.01852. By name, `activation="prelu"`, each
    neuron gets a slope of its own; neurons that are given the same `PReLU()` share its slope.

    >>> from scalargrad.nn import Layer
    >>> activation = PReLU()
    >>> activation(Value(-4.0))
    Value(data=-1.0)
    >>> len(Layer(2, 3, activation).parameters()), len(Layer(2, 3, "prelu").parameters())
    (10, 12)

    Args:
        slope: that below 0 at the start, a number or a Value; 0.25 as in the paper and in PyTorch.

    Attributes:
        slope: a Value.

    Raises:
        TypeError: for a slope that is not a number.
    """

    name: ClassVar[str] = "prelu"

    def __init__(self, slope: Value | float = 0.25) -> None:
        self.slope = slope if isinstance(slope, Value) else Value(number(slope, "the slope", bools=False))

    def __call__(self, x: Value | float) -> Value:
        """Return x, or slope × x where x is not positive.

        Raises:
            TypeError: for anything but a number.
        """
        return self.mark(leaky_relu(x, self.slope), [x])

    def __repr__(self) -> str:
        return "PReLU()"
