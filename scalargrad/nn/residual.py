"""Layers with a way around them, on which gradients pass: what makes very deep networks trainable."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, Never

from ..engine.floats import integer, number
from ..engine.value import Value
from ..functional import Outputs
from .arguments import Activation, Initial, LayerActivation, as_values, generator, row_of, spelled
from .foreign import refuse_arguments
from .layer import Layer
from .module import Module
from .parts import Part, added, form, is_alike, refuse_no_part, returned_by, spelled_part


class Residual(Module):
    """A part of a network with a way around it: what the part returns is added to what it has read.

    y = x + f(x). The derivative of y in x is 1 plus that of f, so a gradient also passes where f lets none through.

    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", arXiv:1512.03385.

    >>> block = Residual(Layer(weights=[[0, 1], [0.5, 0]], activation=None))
    >>> [y.data for y in block([3.0, 4.0])]
    [7.0, 5.5]

    Args:
        part: a module or a function that returns what has the form of what it reads: a row of as many numbers, or an
            image with as many channels, rows and columns.

    Attributes:
        part: as given.

    Raises:
        TypeError: for a part that cannot be called.
        ValueError: when it is called, for a part that returns another form than it has read.
    """

    def __init__(self, part: Part) -> None:
        refuse_no_part(part, "the part of a Residual")
        self.part = part

    def __call__(self, inputs: Any) -> Any:
        """Return the sum of what is given and what the part returns, in the same form.

        Args:
            inputs: what the part reads: a row, or an image, of Values or numbers.

        Raises:
            TypeError: for inputs that are not numbers.
            ValueError: for a part that returns another form than it has read.
        """
        given = as_values(inputs)
        returned = returned_by(self.part, given)
        if not is_alike(given, returned):
            read, got = ("×".join(map(str, form(it))) or "one number" for it in (given, returned))
            got += " with rows of other lengths" if got == read else ""
            raise ValueError(
                f"what {self!r} reads and what its part returns must have one form to be added, got {read} and {got}"
            )
        return self.mark(added(given, returned), [given])

    def __repr__(self) -> str:
        return f"Residual({spelled_part(self.part)})"


class Highway(Module):
    """A layer with a way around it, and a gate that learns how much goes each way.

    y = t · h(x) + (1 - t) · x, with a layer h, and a layer of sigmoids t. Where a gate is 0, an input passes as it is,
    and its gradient, too.

    Srivastava, Greff and Schmidhuber, "Highway networks", arXiv:1505.00387.

    >>> highway = Highway(2, rng=0)
    >>> for neuron in highway.gate.neurons:
    ...     neuron.bias.data = -1000.0  # closed
    >>> [y.data for y in highway([3.0, -4.0])]
    [3.0, -4.0]

    Args:
        n_inputs: how many numbers it reads, and returns.
        activation: that of the layer, as that of a `Layer`.
        rng, initial: as those of a `Layer`, for the layer and the gate.
        gate_bias: where the biases of the gates start: below 0, so that they are nearly closed. The deeper a network
            is, the lower: the paper has -1 for 10 layers and -4 for 100.

    Attributes:
        layer: the `Layer` h.
        gate: the `Layer` t.

    Raises:
        ValueError: as `Layer`, and when it is called, for a row of another length.
        TypeError: as `Layer`.
    """

    def __init__(
        self,
        n_inputs: int | None = None,
        activation: str | Activation | LayerActivation | None = "relu",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        gate_bias: float = -2.0,
        **unknown: Never,
    ) -> None:
        refuse_arguments("Highway", unknown, ("n_inputs", "activation", "rng", "initial", "gate_bias"))
        if n_inputs is None:
            raise TypeError("Highway needs the number of its inputs: Highway(8)")
        rng = generator(rng)
        start = number(gate_bias, "the gate_bias of Highway", bools=False)
        size = integer(n_inputs, "the number of inputs", low=1)
        self.layer = Layer(size, size, activation, rng, initial)
        self.gate = Layer(size, size, "sigmoid", rng, initial)
        for neuron in self.gate.neurons:
            neuron.bias.data = start

    def __call__(self, inputs: Iterable[Value | float]) -> list[Value]:
        """Return a row of as many outputs.

        Args:
            inputs: n_inputs Values or numbers.

        Raises:
            TypeError: for anything but a row of numbers.
            ValueError: for a row of another length.
        """
        row = row_of(inputs, self.layer.n_inputs, self)
        gates, outputs = self.gate.outputs(row), self.layer.outputs(row)
        mixed = [t * h + (1 - t) * x for t, h, x in zip(gates, outputs, row, strict=True)]
        return self.mark(Outputs(mixed), row)

    def __repr__(self) -> str:
        return f"Highway({self.layer.n_inputs}, activation={spelled(self.layer.activation)})"
