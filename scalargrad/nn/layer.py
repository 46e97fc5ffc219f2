"""A layer: neurons side by side."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Never

from ..engine.floats import counted, integer
from ..engine.notes import Mark, leave
from ..engine.value import Value
from ..functional import Outputs
from .arguments import (
    Activation,
    Initial,
    LayerActivation,
    entries,
    generator,
    given_numbers,
    layer_activation,
    refuse_drawing,
    row_of,
    single,
    spelled,
)
from .foreign import refuse_arguments
from .module import Module
from .neuron import Neuron


class Layer(Module):
    """Neurons that read the same inputs.

    Called on a row of inputs it returns a list with a Value for each neuron, or, as micrograd does, for a single
    neuron its Value by itself. `outputs` always returns a list, and `output` a Value.

    >>> Layer(2, 3, "sigmoid", rng=0)([0.0, 0.0])
    [Value(data=0.5), Value(data=0.5), Value(data=0.5)]
    >>> layer = Layer(weights=[[1, -2], [-1, 1]], biases=[1, 0], activation=None)
    >>> layer.outputs([1.0, -1.0])
    [Value(data=4.0), Value(data=-2.0)]

    Args:
        n_inputs: the number of inputs; not needed where the weights are given.
        n_outputs: the number of neurons; not needed where the weights are given.
        activation: as that of a `Neuron`; or "softmax" or "log_softmax", of all outputs together.
        rng, initial: as those of a `Neuron`.
        weights: in place of drawing them, a row of weights for each neuron: numbers, or Values, which are used
            as they are.
        biases: a bias for each neuron; 0 each if they are not given.

    Attributes:
        n_inputs: the number of inputs.
        activation: as given.
        neurons: a list of each `Neuron`.

    Raises:
        ValueError: as `Neuron`, and when there is not one bias for each row of weights.
        TypeError: as `Neuron`.
    """

    neurons: Sequence[Neuron]

    def __init__(
        self,
        n_inputs: int | None = None,
        n_outputs: int | None = None,
        activation: str | Activation | LayerActivation | None = "relu",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        weights: Iterable[Iterable[Value | float]] | None = None,
        biases: Iterable[Value | float] | None = None,
        **unknown: Never,
    ) -> None:
        known = ("n_inputs", "n_outputs", "activation", "rng", "initial", "weights", "biases")
        refuse_arguments("Layer", unknown, known)
        self.activation = activation
        self._whole = layer_activation(activation)
        of_each: Any = None if self._whole else activation
        if weights is None:
            if n_inputs is None or n_outputs is None:
                raise TypeError(
                    "Layer needs the numbers of its inputs and outputs, or its weights: Layer(2, 3), "
                    "Layer(weights=[[1, -2], [-1, 1]])"
                )
            rng = generator(rng)
            size = integer(n_outputs, "a layer's size", low=1)
            self.neurons = [Neuron(n_inputs, of_each, rng, initial) for _ in range(size)]
        else:
            refuse_drawing("Layer", rng, initial)
            rows = entries(weights, "the weights")
            if not rows:
                raise ValueError("Layer needs a row of weights for at least one neuron, got none")
            size = len(rows) if n_outputs is None else integer(n_outputs, "a layer's size", low=1)
            if size != len(rows):
                raise ValueError(f"Layer has {counted(size, 'neuron')}, got {counted(len(rows), 'row')} of weights")
            self.neurons = [Neuron(n_inputs, of_each, weights=given_numbers(row, "a row of weights")) for row in rows]
            lengths = [neuron.n_inputs for neuron in self.neurons]
            if len(set(lengths)) != 1:
                raise ValueError(f"Layer needs as many weights for each neuron, got {', '.join(map(str, lengths))}")
        if biases is not None:
            given = given_numbers(biases, "the biases")
            if len(given) != size:
                raise ValueError(f"Layer needs a bias for each of {counted(size, 'neuron')}, got {len(given)}")
            for neuron, bias in zip(self.neurons, given, strict=True):
                neuron.bias = bias
        self.n_inputs = self.neurons[0].n_inputs
        self._is_plain = self.neurons[0]._is_plain

    @property
    def n_outputs(self) -> int:
        """The number of neurons."""
        return len(self.neurons)

    def __call__(self, inputs: Iterable[Value | float]) -> Any:
        """Return the outputs for a row of inputs: a list, or for a layer of one neuron a Value."""
        outputs = self.outputs(inputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def output(self, inputs: Iterable[Value | float]) -> Value:
        """Return the only output for a row of inputs.

        Raises:
            ValueError: for a layer of several neurons, or a row of another length.
        """
        return single(self.outputs(inputs), self)

    def outputs(self, inputs: Iterable[Value | float]) -> list[Value]:
        """Return the outputs for a row of inputs as a list, also for a layer of one neuron.

        >>> Layer(2, 1, "tanh", rng=0).outputs([0.0, 0.0])
        [Value(data=0.0)]

        Raises:
            ValueError: for a row of another length.
        """
        return Outputs(self._outputs(row_of(inputs, self.n_inputs, self)))

    def _outputs(self, row: Sequence[Value]) -> list[Value]:
        """The outputs for a row that is known to fit."""
        outputs = [neuron._output(row) for neuron in self.neurons]
        name = type(self).__name__
        read = array("Q", map(id, row)) if self._is_plain else row
        if self._whole is None:
            leave(outputs, Mark(name, self, read, "Neuron"), are_new=self._is_plain)
            return outputs
        leave(outputs, Mark(None, self, read, "Neuron"))
        outputs = self._whole(outputs)
        leave(outputs, Mark(name, self, read))
        return outputs

    def __repr__(self) -> str:
        return f"Layer({self.n_inputs}, {self.n_outputs}, activation={spelled(self.activation)})"
