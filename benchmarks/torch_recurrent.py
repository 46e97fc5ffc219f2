"""The cases of `torch_modules.py` in which a module reads a sequence: of one layer and several, in both directions.

What a case is called on is one row of numbers: the sequence, and then the state that it begins with. What it returns
is one row, too: the outputs, and then the state in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from scalargrad import nn

STEPS, INPUTS, HIDDEN = 3, 2, 3
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}  # rows of weights for each hidden unit
PARTS = {  # in the order of these rows
    "RNN": ("hidden",),
    "LSTM": ("input_gate", "forget_gate", "candidate", "output_gate"),
    "GRU": ("reset_gate", "update_gate"),
}


class Sizes(NamedTuple):
    """A module of PyTorch's with its arguments."""

    kind: str
    activation: str = "tanh"
    layers: int = 1
    directions: int = 1

    @property
    def rows(self) -> int:
        """How many rows a state has."""
        return self.layers * self.directions * (2 if self.kind == "LSTM" else 1)

    @property
    def inputs(self) -> int:
        """How many numbers it is called on."""
        return STEPS * INPUTS + self.rows * HIDDEN

    def places(self) -> list[str]:
        """What PyTorch calls each layer and direction."""
        return [f"_l{layer}{way}" for layer in range(self.layers) for way in ("", "_reverse")[: self.directions]]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter, by PyTorch's name."""
        rows = GATES[self.kind] * HIDDEN
        shapes: dict[str, tuple[int, ...]] = {}
        for place in self.places():
            reads = INPUTS if place.startswith("_l0") else HIDDEN * self.directions
            shapes[f"weight_ih{place}"] = rows, reads
            shapes[f"weight_hh{place}"] = rows, HIDDEN
            shapes[f"bias_ih{place}"] = shapes[f"bias_hh{place}"] = (rows,)
        return shapes

    def theirs(self, torch: Any) -> Any:
        """PyTorch's module, as a function of one row of numbers to one row."""
        settings = {"nonlinearity": self.activation} if self.kind == "RNN" else {}
        start, is_lstm = STEPS * INPUTS, self.kind == "LSTM"

        class InOneRow(getattr(torch.nn, self.kind)):  # type: ignore[misc]  # a class that is known when it is made
            def forward(self, given: Any) -> Any:
                state = given[start:].reshape(-1, HIDDEN)
                state = state.tensor_split(2) if is_lstm else state
                outputs, end = super().forward(given[:start].reshape(STEPS, INPUTS), state)
                return torch.cat([part.flatten() for part in (outputs, *(end if is_lstm else [end]))])

        return InOneRow(INPUTS, HIDDEN, self.layers, bidirectional=self.directions == 2, **settings)


CASES = {
    "RNN": Sizes("RNN"),
    "RNN, relu": Sizes("RNN", activation="relu"),
    "RNN, two layers in both directions": Sizes("RNN", layers=2, directions=2),
    "LSTM": Sizes("LSTM"),
    "LSTM, two layers in both directions": Sizes("LSTM", layers=2, directions=2),
    "GRU": Sizes("GRU"),
    "GRU, two layers in both directions": Sizes("GRU", layers=2, directions=2),
}


class Stack:
    """Our modules with PyTorch's weights, one layer behind another, each in one direction or in both.

    PyTorch has two biases for each row of weights; their sum is our one.
    """

    def __init__(self, sizes: Sizes, state: Mapping[str, Any]) -> None:
        self.sizes, self.state = sizes, state
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ways = [one_way(sizes, *(state[f"{name}{place}"] for name in names)) for place in sizes.places()]
        self.layers = ways if sizes.directions == 1 else list(map(nn.Bidirectional, ways[::2], ways[1::2]))

    def parameters(self) -> list[Any]:
        """All parameters that were given."""
        return [entry for part in self.state.values() for row in part for entry in _flat(row)]

    def __call__(self, given: Sequence[Any]) -> list[Any]:
        """Return the outputs and the state in the end, in one row."""
        rows: Any = _rows(given[: STEPS * INPUTS], INPUTS)
        starts = _rows(given[STEPS * INPUTS :], HIDDEN)
        is_lstm, half = self.sizes.kind == "LSTM", len(starts) // 2
        states: list[Any] = list(zip(starts[:half], starts[half:], strict=True)) if is_lstm else starts
        ends: list[Any] = []
        for place, layer in enumerate(self.layers):
            if self.sizes.directions == 1:
                rows, end = layer.run(rows, states[place])
                ends.append(end)
            else:
                rows, both = layer.run(rows, tuple(states[2 * place : 2 * place + 2]))
                ends += both
        last = [hidden for hidden, _ in ends] + [memory for _, memory in ends] if is_lstm else ends
        return [entry for row in (*rows, *last) for entry in row]


def one_way(sizes: Sizes, w: Any, u: Any, b: Any, c: Any) -> Any:
    """Return our module of one layer and direction, with weights of inputs, of what is hidden, and both biases."""

    def part(place: int, name: str) -> nn.Layer:
        rows = slice(place * HIDDEN, (place + 1) * HIDDEN)
        weights = [[*of_inputs, *of_hidden] for of_inputs, of_hidden in zip(w[rows], u[rows], strict=True)]
        biases = [one + other for one, other in zip(b[rows], c[rows], strict=True)]
        activation = "sigmoid" if name.endswith("gate") else sizes.activation
        return nn.Layer(weights=weights, biases=biases, activation=activation)

    parts = {name: part(place, name) for place, name in enumerate(PARTS[sizes.kind])}
    if sizes.kind == "GRU":
        rows = slice(2 * HIDDEN, 3 * HIDDEN)
        parts["from_inputs"] = nn.Layer(weights=w[rows], biases=b[rows], activation=None)
        parts["from_hidden"] = nn.Layer(weights=u[rows], biases=c[rows], activation=None)
    kind: Any = {"RNN": nn.Recurrent, "LSTM": nn.LSTM, "GRU": nn.GRU}[sizes.kind]
    return kind(len(w[0]), HIDDEN, **parts)


def _rows(given: Sequence[Any], length: int) -> list[Any]:
    return [given[start : start + length] for start in range(0, len(given), length)]


def _flat(row: Any) -> list[Any]:
    return row if isinstance(row, list) else [row]
