"""Recurrent layers with gates, which decide what enters the memory, what stays in it, and what leaves it."""

from __future__ import annotations

import random
from operator import mul
from typing import Any, Never

from ..engine.floats import integer
from ..engine.value import Value
from .arguments import Activation, Initial, activation_function, generator, refuse_drawing, spelled
from .foreign import refuse_arguments
from .layer import Layer
from .module import Module
from .sequences import Moment, Recurrence


class LSTM(Recurrence[tuple[list[Value], list[Value]]]):
    """A layer of memory cells with three gates: long short-term memory.

        candidate[t] = tanh(W · (x[t], hidden[t-1]) + b)        what could be stored
        input_gate, forget_gate, output_gate: the same with sigmoid, each with its own W and b
        memory[t] = candidate[t] × input_gate[t] + memory[t-1] × forget_gate[t]
        hidden[t] = tanh(memory[t]) × output_gate[t]            the output

    These are PyTorch's equations, except that PyTorch has two biases for each row of weights where one is enough.
    The state is a tuple (hidden, memory).

    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9 (1997); the forget gate: Gers,
    Schmidhuber and Cummins, "Learning to forget", Neural Computation 12 (2000).

    >>> from scalargrad import nn
    >>> model = LSTM(3, 8, rng=0)
    >>> outputs, (hidden, memory) = model.run([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> len(outputs), len(outputs[0]), len(memory)
    (2, 8, 8)

    Its parts may be given, to have other weights or activations, or gates that read the inputs alone, as in a cell
    by hand:

    >>> def gate(weights, bias):
    ...     return nn.Layer(weights=[weights], biases=[bias], activation="sigmoid")
    >>> by_hand = LSTM(
    ...     3,
    ...     1,
    ...     activation=None,
    ...     candidate=nn.Layer(weights=[[1, 0, 0]], activation=None),
    ...     input_gate=gate([0, 100, 0], -10),
    ...     forget_gate=gate([0, 100, 0], 10),
    ...     output_gate=gate([0, 0, 100], -10),
    ... )
    >>> outputs = by_hand([[3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]])
    >>> [round(y.data, 3) for [y] in outputs]
    [0.0, 0.0, 0.0, 7.0, 0.0]

    Args:
        n_inputs: the length of each row of the sequence.
        n_hidden: the number of cells.
        activation: that of the candidate, and of the memory on its way out: as that of a `Neuron`.
        rng, initial: as those of a `Neuron`.
        candidate, input_gate, forget_gate, output_gate: in place of drawing it, the layer itself, with its own
            activation. It reads the inputs and then what is hidden, or the inputs alone.

    Attributes:
        n_inputs, n_hidden: as given.
        activation: as given; the module with its slope where the name "prelu" was given.
        candidate, input_gate, forget_gate, output_gate: a `Layer` each.

    Raises:
        ValueError: for numbers below 1, and layers that do not fit; as `Layer`; when it is called, for an empty
            sequence and rows or a state of another length.
        TypeError: as `Layer`; when it is called, for a state that is no pair of rows.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        activation: str | Activation | None = "tanh",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        candidate: Layer | None = None,
        input_gate: Layer | None = None,
        forget_gate: Layer | None = None,
        output_gate: Layer | None = None,
        **unknown: Never,
    ) -> None:
        parts = {
            "candidate": candidate,
            "input_gate": input_gate,
            "forget_gate": forget_gate,
            "output_gate": output_gate,
        }
        refuse_arguments("LSTM", unknown, ("n_inputs", "n_hidden", "activation", "rng", "initial", *parts))
        self.n_inputs = integer(n_inputs, "the number of inputs", low=1)
        self.n_hidden = integer(n_hidden, "the number of cells", low=1)
        self._activate = activation_function(activation)
        self.activation = self._activate if isinstance(self._activate, Module) else activation
        if None not in parts.values():
            refuse_drawing("LSTM", rng, initial)
        rng, reads = generator(rng), self.n_inputs + self.n_hidden

        def part(name: str, own: str | Activation | None) -> Layer:
            layer = Layer(reads, self.n_hidden, own, rng, initial) if parts[name] is None else parts[name]
            return self._part(layer, name, self.n_hidden, [self.n_inputs, reads])

        self.candidate = part("candidate", activation)
        self.input_gate = part("input_gate", "sigmoid")
        self.forget_gate = part("forget_gate", "sigmoid")
        self.output_gate = part("output_gate", "sigmoid")

    def _given(self, state: Any) -> tuple[list[Value], list[Value]]:
        if state is None:
            state = None, None
        elif not isinstance(state, tuple) or len(state) != 2:
            raise TypeError(f"the state of {self!r} must be a tuple (hidden, memory), got {state!r}")
        return (
            self._row(state[0], self.n_hidden, "the hidden row"),
            self._row(state[1], self.n_hidden, "the memory"),
        )

    def _computed(
        self, row: list[Value], state: tuple[list[Value], list[Value]]
    ) -> tuple[Moment, tuple[list[Value], list[Value]]]:
        hidden, memory = state
        both = [*row, *hidden]
        moment: Moment = {}
        for name in ("candidate", "input_gate", "forget_gate", "output_gate"):
            layer: Layer = getattr(self, name)
            moment[name] = layer._outputs(both if layer.n_inputs == len(both) else row)
        stored = map(mul, moment["candidate"], moment["input_gate"])
        kept = map(mul, memory, moment["forget_gate"])
        moment["memory"] = memory = [new + old for new, old in zip(stored, kept, strict=True)]
        moment["hidden"] = list(map(mul, self._activated(self._activate, memory), moment["output_gate"]))
        return moment, (moment["hidden"], memory)

    def __repr__(self) -> str:
        standard = LSTM(self.n_inputs, self.n_hidden, self.activation, 0)
        return _shown(self, standard, ("candidate", "input_gate", "forget_gate", "output_gate"))


class GRU(Recurrence[list[Value]]):
    """A layer of gated recurrent units: a memory that is the output, too, with two gates.

        reset_gate[t] = sigmoid(W · (x[t], hidden[t-1]) + b)
        update_gate[t]: the same with its own W and b
        candidate[t] = tanh(from_inputs(x[t]) + reset_gate[t] × from_hidden(hidden[t-1]))
        hidden[t] = candidate[t] × (1 - update_gate[t]) + hidden[t-1] × update_gate[t]

    These are PyTorch's equations. In the paper the reset gate is applied to what is hidden before the weights are, and
    here, as in PyTorch, after them.

    Cho et al., "Learning phrase representations using RNN encoder-decoder", arXiv:1406.1078.

    >>> model = GRU(3, 8, rng=0)
    >>> outputs, hidden = model.run([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> outputs[-1] == hidden
    True

    Args:
        n_inputs: the length of each row of the sequence.
        n_hidden: the number of units.
        activation: that of the candidate, as that of a `Neuron`.
        rng, initial: as those of a `Neuron`.
        reset_gate, update_gate: in place of drawing it, the layer itself, with its own activation. It reads the
            inputs and then what is hidden, or the inputs alone.
        from_inputs, from_hidden: in place of drawing it, the layer itself: the parts of the candidate, which are
            linear by default.

    Attributes:
        n_inputs, n_hidden: as given.
        activation: as given; the module with its slope where the name "prelu" was given.
        reset_gate, update_gate, from_inputs, from_hidden: a `Layer` each.

    Raises:
        ValueError: for numbers below 1, and layers that do not fit; as `Layer`; when it is called, for an empty
            sequence and rows or a state of another length.
        TypeError: as `Layer`.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        activation: str | Activation | None = "tanh",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        reset_gate: Layer | None = None,
        update_gate: Layer | None = None,
        from_inputs: Layer | None = None,
        from_hidden: Layer | None = None,
        **unknown: Never,
    ) -> None:
        parts = {
            "reset_gate": reset_gate,
            "update_gate": update_gate,
            "from_inputs": from_inputs,
            "from_hidden": from_hidden,
        }
        refuse_arguments("GRU", unknown, ("n_inputs", "n_hidden", "activation", "rng", "initial", *parts))
        self.n_inputs = integer(n_inputs, "the number of inputs", low=1)
        self.n_hidden = integer(n_hidden, "the number of units", low=1)
        self._activate = activation_function(activation)
        self.activation = self._activate if isinstance(self._activate, Module) else activation
        if None not in parts.values():
            refuse_drawing("GRU", rng, initial)
        rng = generator(rng)

        def part(name: str, own: str | Activation | None, *reads: int) -> Layer:
            layer = Layer(reads[0], self.n_hidden, own, rng, initial) if parts[name] is None else parts[name]
            return self._part(layer, name, self.n_hidden, reads)

        self.reset_gate = part("reset_gate", "sigmoid", self.n_inputs + self.n_hidden, self.n_inputs)
        self.update_gate = part("update_gate", "sigmoid", self.n_inputs + self.n_hidden, self.n_inputs)
        self.from_inputs = part("from_inputs", None, self.n_inputs)
        self.from_hidden = part("from_hidden", None, self.n_hidden)

    def _given(self, state: Any) -> list[Value]:
        return self._row(state, self.n_hidden, "the hidden row")

    def _computed(self, row: list[Value], state: list[Value]) -> tuple[Moment, list[Value]]:
        both = [*row, *state]
        moment: Moment = {}
        for name in ("reset_gate", "update_gate"):
            layer: Layer = getattr(self, name)
            moment[name] = layer._outputs(both if layer.n_inputs == len(both) else row)
        remembered = map(mul, moment["reset_gate"], self.from_hidden._outputs(state))
        sums = [new + old for new, old in zip(self.from_inputs._outputs(row), remembered, strict=True)]
        moment["candidate"] = self._activated(self._activate, sums)
        moment["hidden"] = hidden = [
            new * (1 - share) + old * share
            for share, new, old in zip(moment["update_gate"], moment["candidate"], state, strict=True)
        ]
        return moment, hidden

    def __repr__(self) -> str:
        standard = GRU(self.n_inputs, self.n_hidden, self.activation, 0)
        return _shown(self, standard, ("reset_gate", "update_gate", "from_inputs", "from_hidden"))


def _shown(module: LSTM | GRU, standard: LSTM | GRU, parts: tuple[str, ...]) -> str:
    """A module as Python, with the parts that are not the standard ones."""
    given = [f"activation={spelled(module.activation)}"]
    for name in parts:
        own = repr(getattr(module, name))
        if own != repr(getattr(standard, name)):
            given.append(f"{name}={own}")
    return f"{type(module).__name__}({module.n_inputs}, {module.n_hidden}, {', '.join(given)})"
