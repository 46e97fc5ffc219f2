"""A multi-layer perceptron: layers one after another."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any, Never

from ..engine.floats import counted
from ..engine.notes import Mark, leave
from ..engine.value import Value
from ..functional import Outputs
from .arguments import (
    Activation,
    Initial,
    LayerActivation,
    activation_function,
    activation_name,
    entries,
    generator,
    layer_activation,
    row_of,
    single,
)
from .foreign import refuse_arguments
from .layer import Layer
from .module import Module


class MLP(Module):
    """A multi-layer perceptron: layers of the given sizes, each reading the outputs of the one before.

    >>> model = MLP(2, [16, 16, 1], rng=0)
    >>> model
    MLP(2, [16, 16, 1], activation='relu', output=None)
    >>> len(model.parameters())
    337
    >>> model([1.0, 2.0, 3.0])
    Traceback (most recent call last):
        ...
    ValueError: layer 0 of MLP(2, [16, 16, 1], activation='relu', output=None) takes 2 inputs, got 3

    Called on a row of inputs it returns a list of Values, or, as micrograd does, a single output by itself.
    `outputs` always returns a list, and `output` a Value: editors know their types.

    Andrej Karpathy's video uses tanh in every layer: `MLP(3, [4, 4, 1], "tanh", "tanh")`. The code that he
    published has relu, as here. On the four examples of the video, relu gets stuck: of 300 networks
    `MLP(3, [4, 4, 1])`, 57% have a loss above 0.5 after 1,000 steps at a rate of 0.05. With tanh none has.

    A network that is part of a slide can be written down as it stands there:

    >>> slide = MLP(weights=[[[1, -2], [-1, 1]], [[2, -1]]], biases=[[1, 0], [0]], activation="sigmoid")
    >>> round(slide([1.0, -1.0]).data, 2)
    1.84

    Args:
        n_inputs: the number of inputs; not needed where the weights are given.
        sizes: the number of neurons of each layer; not needed where the weights are given.
        activation: that of each layer but the last, as that of a `Layer`.
        output: the activation of the last layer; None for a linear one, as losses such as `cross_entropy` need it.
        rng, initial: as those of a `Neuron`.
        weights: in place of drawing them, for each layer a row of weights for each neuron.
        biases: for each layer a bias for each neuron; 0 each if they are not given.

    Attributes:
        layers: a list of each `Layer`.
        activation, output_activation: the activations as given.

    Raises:
        ValueError: as `Layer`, for no sizes, and when there are not biases for each layer, or the weights of a
            layer do not fit the one before.
        TypeError: as `Layer`.
    """

    def __init__(
        self,
        n_inputs: int | None = None,
        sizes: Sequence[int] | None = None,
        activation: str | Activation | LayerActivation | None = "relu",
        output: str | Activation | LayerActivation | None = None,
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        weights: Iterable[Iterable[Iterable[Value | float]]] | None = None,
        biases: Iterable[Iterable[Value | float]] | None = None,
        **unknown: Never,
    ) -> None:
        known = ("n_inputs", "sizes", "activation", "output", "rng", "initial", "weights", "biases")
        refuse_arguments("MLP", unknown, known)
        if weights is None and (n_inputs is None or sizes is None):
            raise TypeError(
                "MLP needs the number of its inputs and the size of each layer, or its weights: MLP(2, [16, 1]), "
                "MLP(weights=[[[1, -2], [-1, 1]], [[2, -1]]])"
            )
        if sizes is not None and (not isinstance(sizes, Sequence) or not sizes):
            raise ValueError(f"sizes must be a sequence of at least one layer's size, got {sizes!r}")
        for function in (activation, output):
            if layer_activation(function) is None:
                activation_function(function)
        self.activation, self.output_activation = activation, output
        self.layers: list[Layer] = []
        rows_of = None if weights is None else _for_each_layer(weights, "the weights", sizes)
        count = len(sizes or rows_of or ())
        biases_of = None if biases is None else _for_each_layer(biases, "the biases", range(count))
        rng = generator(rng) if weights is None else rng
        for i in range(count):
            layer = Layer(
                self.layers[-1].n_outputs if self.layers else n_inputs,
                sizes[i] if sizes else None,
                activation if i < count - 1 else output,
                rng,
                initial,
                weights=rows_of and rows_of[i],
                biases=biases_of and biases_of[i],
            )
            self.layers.append(layer)

    def __call__(self, inputs: Iterable[Value | float]) -> Any:
        """Return the outputs for a row of inputs: a list, or for a network of one output a Value."""
        outputs = self.outputs(inputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def output(self, inputs: Iterable[Value | float]) -> Value:
        """Return the only output for a row of inputs.

        >>> MLP(2, [3, 1], "tanh", rng=0).output([0.0, 0.0])
        Value(data=0.0)

        Raises:
            ValueError: for a network of several outputs, or a row of another length.
        """
        return single(self.outputs(inputs), self)

    def outputs(self, inputs: Iterable[Value | float]) -> list[Value]:
        """Return the outputs for a row of inputs as a list, also for a network of one output.

        Raises:
            ValueError: for a row of another length, or layers that do not fit each other.
        """
        row = first = row_of(inputs, self.layers[0].n_inputs, self, 0)
        for i, layer in enumerate(self.layers):
            fits = i == 0 or (self.layers[i - 1]._is_plain and len(row) == layer.n_inputs)
            row = layer._outputs(row if fits else row_of(row, layer.n_inputs, self, i))
        leave(row, Mark(type(self).__name__, self, first))
        return Outputs(row)

    def __repr__(self) -> str:
        sizes = [layer.n_outputs for layer in self.layers]
        ends = f"activation={activation_name(self.activation)!r}, output={activation_name(self.output_activation)!r}"
        return f"MLP({self.layers[0].n_inputs}, {sizes}, {ends})"


def _for_each_layer(given: object, what: str, layers: Sequence[object] | None) -> list[Any]:
    """What is given for each layer, as often as there are layers."""
    parts = entries(given, what)
    if not parts or (layers is not None and len(parts) != len(layers)):
        wanted = "each layer" if layers is None else f"each of {counted(len(layers), 'layer')}"
        raise ValueError(f"{what} of MLP must be a list for {wanted}, got {len(parts)}")
    return parts
