"""A neuron: a weighted sum of its inputs, and an activation."""

from __future__ import annotations

import operator
import random
from collections.abc import Iterable, Sequence
from typing import Never

from ..engine.declaration import Primitive
from ..engine.floats import counted, integer, number
from ..engine.notes import Mark, leave
from ..engine.value import Value
from .arguments import (
    Activation,
    Initial,
    activation_function,
    generator,
    given_numbers,
    initial_weights,
    refuse_drawing,
    row_of,
    spelled,
)
from .foreign import refuse_arguments
from .module import Module


class Neuron(Module):
    """A weighted sum of the inputs plus a bias, through an activation: y = activation(w·x + b).

    >>> neuron = Neuron(weights=[1, -2], bias=1, activation="sigmoid")
    >>> round(neuron([1.0, -1.0]).data, 2)
    0.98
    >>> Neuron(2, "tanh", rng=0)
    Neuron(2, activation='tanh')

    Args:
        n_inputs: the number of inputs; not needed where the weights are given.
        activation: the name of a primitive or composed function of one number, or the function itself; None for
            a linear neuron.
        rng: draws the weights: a `random.Random`, or a seed; None takes Python's global generator.
        initial: how the weights are drawn: "scaled" with mean 0 and a deviation that suits the activation,
            "uniform" from -1 to 1; or a function of a `random.Random` and the number of inputs.
        weights: the weights, in place of drawing them: numbers, or Values, which are used as they are.
        bias: the bias, a number or a Value.

    Attributes:
        n_inputs: the number of inputs.
        activation: as given; the module with its slope where the name "prelu" was given.
        weights: a Value for each input.
        bias: a Value.

    Raises:
        ValueError: for fewer than one input, another number of weights, an unknown activation, or, when it is
            called, a row of another length.
        TypeError: without the number of inputs and the weights, or for weights and how to draw them.
    """

    def __init__(
        self,
        n_inputs: int | None = None,
        activation: str | Activation | None = "relu",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        weights: Iterable[Value | float] | None = None,
        bias: Value | float = 0.0,
        **unknown: Never,
    ) -> None:
        refuse_arguments("Neuron", unknown, ("n_inputs", "activation", "rng", "initial", "weights", "bias"))
        if weights is None:
            if n_inputs is None:
                raise TypeError(
                    "Neuron needs the number of its inputs, or its weights: Neuron(2), Neuron(weights=[1, -2])"
                )
            self.n_inputs = integer(n_inputs, "the number of inputs", low=1)
            draw, rng = initial_weights(initial, activation), generator(rng)
            self.weights = [Value(draw(rng, self.n_inputs)) for _ in range(self.n_inputs)]
        else:
            refuse_drawing("Neuron", rng, initial)
            self.weights = given_numbers(weights, "the weights")
            self.n_inputs = len(self.weights) if n_inputs is None else integer(n_inputs, "the number of inputs", low=1)
            if self.n_inputs != len(self.weights):
                has = f"Neuron has {counted(self.n_inputs, 'input')}"
                raise ValueError(f"{has}, got {counted(len(self.weights), 'weight')}")
        self.bias = bias if isinstance(bias, Value) else Value(number(bias, "the bias", bools=False))
        function = activation_function(activation)
        self.activation = function if isinstance(function, Module) else activation
        self._activate = function
        self._is_plain = isinstance(self._activate, Primitive | None)  # the output is the result of an operation

    def __call__(self, inputs: Iterable[Value | float]) -> Value:
        """Return the output for a row of inputs."""
        row = row_of(inputs, self.n_inputs, self)
        output = self._output(row)
        leave([output], Mark(type(self).__name__, self, row))
        return output

    def _output(self, row: Sequence[Value]) -> Value:
        """The output for a row that is known to fit."""
        weighted: Value = sum(map(operator.mul, self.weights, row), self.bias)
        if self._activate is None:
            return weighted
        output = self._activate(weighted)
        if not self._is_plain and not isinstance(output, Value):
            raise TypeError(f"the activation of {self!r} must return a Value, got {output!r}")
        return output

    @property
    def w(self) -> list[Value]:
        """The weights, by micrograd's name."""
        return self.weights

    @property
    def b(self) -> Value:
        """The bias, by micrograd's name."""
        return self.bias

    def __repr__(self) -> str:
        return f"Neuron({self.n_inputs}, activation={spelled(self.activation)})"
