"""The recurrent layer: neurons that read a row of inputs and what they remember of the rows before."""

from __future__ import annotations

import random
from typing import Any, Literal, Never

from ..engine.floats import integer
from ..engine.value import Value
from .arguments import Activation, Initial, generator, refuse_drawing, spelled
from .foreign import refuse_arguments
from .layer import Layer
from .sequences import Moment, Recurrence


class Recurrent(Recurrence[list[Value]]):
    """A recurrent layer: at each time, hidden neurons read a row of inputs and a memory of the time before.

        hidden[t] = activation(W · (x[t], memory[t-1]) + b)
        output[t] = readout(hidden[t])

    The memory is what was hidden at the time before: an Elman network. With `memory="output"` it is what was the
    output then: a Jordan network. Without a readout the hidden neurons are the outputs, as in PyTorch's RNN, which
    has two biases for each neuron where one is enough.

    Elman, "Finding structure in time", Cognitive Science 14 (1990); Jordan, "Serial order: a parallel distributed
    processing approach", report 8604 of the Institute for Cognitive Science, University of California (1986).

    >>> from scalargrad import nn
    >>> ones = nn.Layer(weights=[[1, 1, 1, 1]] * 2, activation=None), nn.Layer(weights=[[1, 1]] * 2, activation=None)
    >>> model = Recurrent(2, 2, 2, hidden=ones[0], readout=ones[1])
    >>> [[y.data for y in row] for row in model([[1, 1], [1, 1], [2, 2]])]
    [[4.0, 4.0], [12.0, 12.0], [32.0, 32.0]]

    Args:
        n_inputs: the length of each row of the sequence.
        n_hidden: the number of hidden neurons.
        n_outputs: the number of outputs of the readout; None for none.
        activation: that of the hidden neurons, as that of a `Layer`.
        output: the activation of the readout; None for a linear one, as losses such as `cross_entropy` need it.
        rng, initial: as those of a `Neuron`.
        memory: "hidden" or "output".
        hidden, readout: in place of drawing it, the layer itself. The first reads the inputs and then the memory.

    Attributes:
        n_inputs, n_hidden, memory: as given.
        hidden: the `Layer` of the hidden neurons.
        readout: the `Layer` that reads them, or None.

    Raises:
        ValueError: for numbers below 1, another kind of memory, a memory of outputs without a readout, layers that do
            not fit; as `Layer`; when it is called, for an empty sequence and rows or a state of another length.
        TypeError: as `Layer`; for a layer that is given together with how to make one.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int | None = None,
        activation: str | Activation | None = "tanh",
        output: str | Activation | None = None,
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        memory: Literal["hidden", "output"] = "hidden",
        hidden: Layer | None = None,
        readout: Layer | None = None,
        **unknown: Never,
    ) -> None:
        known = ("n_inputs", "n_hidden", "n_outputs", "activation", "output", "rng", "initial")
        refuse_arguments("Recurrent", unknown, (*known, "memory", "hidden", "readout"))
        self.n_inputs = integer(n_inputs, "the number of inputs", low=1)
        self.n_hidden = integer(n_hidden, "the number of hidden neurons", low=1)
        if memory not in ("hidden", "output"):
            raise ValueError(f'memory must be "hidden" or "output", got {memory!r}')
        if readout is not None:
            n_outputs = readout.n_outputs if n_outputs is None and isinstance(readout, Layer) else n_outputs
        if memory == "output" and n_outputs is None:
            raise ValueError('memory="output" needs outputs to remember: give n_outputs')
        for layer, own, default, what in ((hidden, activation, "tanh", "hidden"), (readout, output, None, "readout")):
            if layer is not None and own != default:
                raise TypeError(f"the layer {what} of Recurrent has an activation: give the layer or {own!r}, not both")
        self.memory: Literal["hidden", "output"] = memory
        width = self.n_hidden if n_outputs is None else integer(n_outputs, "the number of outputs", low=1)
        reads = self.n_inputs + (width if memory == "output" else self.n_hidden)
        if hidden is not None and (readout is not None or n_outputs is None):
            refuse_drawing("Recurrent", rng, initial)
        rng = generator(rng)
        if hidden is None:
            hidden = Layer(reads, self.n_hidden, activation, rng, initial)
        self.hidden = self._part(hidden, "hidden", self.n_hidden, [reads])
        if readout is None and n_outputs is not None:
            readout = Layer(self.n_hidden, width, output, rng, initial)
        self.readout = None if readout is None else self._part(readout, "readout", width, [self.n_hidden])

    @property
    def n_outputs(self) -> int:
        """The length of each row of outputs: that of the readout, or of the hidden neurons without one."""
        return self.n_hidden if self.readout is None else self.readout.n_outputs

    def _given(self, state: Any) -> list[Value]:
        return self._row(state, self.n_outputs if self.memory == "output" else self.n_hidden, "the memory")

    def _computed(self, row: list[Value], state: list[Value]) -> tuple[Moment, list[Value]]:
        moment = {"hidden": self.hidden._outputs([*row, *state])}
        if self.readout is not None:
            moment["output"] = self.readout._outputs(moment["hidden"])
        return moment, moment[self.memory]

    def __repr__(self) -> str:
        ends = f"activation={spelled(self.hidden.activation)}"
        if self.readout is not None:
            ends = f"{self.n_outputs}, {ends}, output={spelled(self.readout.activation)}"
        if self.memory == "output":
            ends += ", memory='output'"
        return f"Recurrent({self.n_inputs}, {self.n_hidden}, {ends})"
