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
    entries,
    generator,
    layer_activation,
    row_of,
    single,
    spelled,
)
from .dropout import Dropout
from .foreign import refuse_arguments
from .layer import Layer
from .maxout import Maxout
from .module import Module

Row = Iterable[Value | float]
Rows = Iterable[Row]


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

    A network on a slide can be written down with its weights:

    >>> slide = MLP(weights=[[[1, -2], [-1, 1]], [[2, -1]]], biases=[[1, 0], [0]], activation="sigmoid")
    >>> round(slide([1.0, -1.0]).data, 2)
    1.84

    Args:
        n_inputs: the number of inputs; not needed where the weights are given.
        sizes: the number of neurons of each layer; not needed where the weights are given.
        activation: that of each layer but the last, as that of a `Layer`; or "maxout", for a `Maxout` of two pieces.
        output: the activation of the last layer; None for a linear one, as losses such as `cross_entropy` need it.
        rng, initial: as those of a `Neuron`; the masks of the dropout are drawn from this rng, too.
        dropout: the probability with which the output of a hidden neuron is dropped while the network is trained.
        weights: in place of drawing them, for each layer a row of weights for each neuron; or what a `Maxout` takes.
        biases: for each layer a bias for each neuron, or what a `Maxout` takes; 0 each if they are not given.

    Attributes:
        layers: a list of each `Layer`.
        activation, output_activation: the activations as given.
        dropout: the `Dropout` between the layers, or None.

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
        dropout: float = 0.0,
        weights: Iterable[Rows | Iterable[Rows]] | None = None,
        biases: Iterable[Row | Iterable[Row]] | None = None,
        **unknown: Never,
    ) -> None:
        known = ("n_inputs", "sizes", "activation", "output", "rng", "initial", "dropout", "weights", "biases")
        refuse_arguments("MLP", unknown, known)
        if weights is None and (n_inputs is None or sizes is None):
            raise TypeError(
                "MLP needs the number of its inputs and the size of each layer, or its weights: MLP(2, [16, 1]), "
                "MLP(weights=[[[1, -2], [-1, 1]], [[2, -1]]])"
            )
        if sizes is not None and (not isinstance(sizes, Sequence) or not sizes):
            raise ValueError(f"sizes must be a sequence of at least one layer's size, got {sizes!r}")
        for function in (activation, output):
            if layer_activation(function) is None and function != "maxout":
                activation_function(function)
        self.activation, self.output_activation = activation, output
        self.layers: list[Layer] = []
        rows_of = None if weights is None else _for_each_layer(weights, "the weights", sizes)
        count = len(sizes or rows_of or ())
        biases_of = None if biases is None else _for_each_layer(biases, "the biases", range(count))
        rng = generator(rng) if weights is None and rng is not None else rng
        for i in range(count):
            n_read = self.layers[-1].n_outputs if self.layers else n_inputs
            size = sizes[i] if sizes else None
            given: dict[str, Any] = {"weights": rows_of and rows_of[i], "biases": biases_of and biases_of[i]}
            own = activation if i < count - 1 else output
            if own == "maxout":
                self.layers.append(Maxout(n_read, size, None, rng, initial, **given))
            else:
                self.layers.append(Layer(n_read, size, own, rng, initial, **given))
        between = Dropout(dropout, rng)
        self.dropout = between if between.probability else None

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
            if self.dropout is not None and i < len(self.layers) - 1:
                row = self.dropout._dropped(row)
        leave(row, Mark(type(self).__name__, self, first))
        return Outputs(row)

    def __repr__(self) -> str:
        sizes = [layer.n_outputs for layer in self.layers]
        ends = f"activation={spelled(self.activation)}, output={spelled(self.output_activation)}"
        if self.dropout is not None:
            ends += f", dropout={self.dropout.probability!r}"
        return f"MLP({self.layers[0].n_inputs}, {sizes}, {ends})"


def _for_each_layer(given: object, what: str, layers: Sequence[object] | None) -> list[Any]:
    """What is given for each layer, as often as there are layers."""
    parts = entries(given, what)
    if not parts or (layers is not None and len(parts) != len(layers)):
        wanted = "each layer" if layers is None else f"each of {counted(len(layers), 'layer')}"
        raise ValueError(f"{what} of MLP must be a list for {wanted}, got {len(parts)}")
    return parts
