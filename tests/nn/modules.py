"""Modules for the tests, the numbers of what they return, and what tells whether two models have the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scalargrad import Value, nn
from scalargrad.nn.module import values_in


def values(*given: float) -> list[Value]:
    """A row of inputs."""
    return list(map(Value, given))


def image() -> list[list[list[Value]]]:
    """An image of one channel, 4 × 4."""
    return [[values(*(row * column / 8 for column in range(4))) for row in range(4)]]


EXAMPLES: dict[str, Callable[[], tuple[Any, Any]]] = {  # a small module of each class, and what it may be called on
    "Neuron": lambda: (nn.Neuron(2, "tanh", rng=0), values(1.0, -2.0)),
    "Layer": lambda: (nn.Layer(2, 2, "tanh", rng=0), values(1.0, -2.0)),
    "MLP": lambda: (nn.MLP(2, [2, 1], "tanh", rng=0), values(1.0, -2.0)),
    "Maxout": lambda: (nn.Maxout(2, 2, rng=0), values(1.0, -2.0)),
    "PReLU": lambda: (nn.PReLU(), Value(-2.0)),
    "Dropout": lambda: (nn.Dropout(0.5, rng=0), values(1.0, -2.0, 3.0)),
    "LayerNorm": lambda: (nn.LayerNorm(3), values(1.0, -2.0, 4.0)),
    "RMSNorm": lambda: (nn.RMSNorm(3), values(1.0, -2.0, 4.0)),
    "Embedding": lambda: (nn.Embedding(3, 2, rng=0), 1),
    "Convolution": lambda: (nn.Convolution(1, 1, 3, activation="tanh", rng=0), image()),
    "MaxPool": lambda: (nn.MaxPool(2), image()),
    "AveragePool": lambda: (nn.AveragePool(2), image()),
    "Recurrent": lambda: (nn.Recurrent(1, 2, 1, rng=0), [values(1.0), values(-2.0)]),
    "LSTM": lambda: (nn.LSTM(1, 1, rng=0), [values(1.0), values(-2.0)]),
    "GRU": lambda: (nn.GRU(1, 1, rng=0), [values(1.0), values(-2.0)]),
    "Bidirectional": lambda: (
        nn.Bidirectional(nn.Recurrent(1, 1, rng=0), nn.Recurrent(1, 1, rng=1)),
        [values(1.0), values(-2.0)],
    ),
    "Attention": lambda: (nn.Attention(2, heads=2, rng=0), [values(1.0, -2.0), values(0.5, 1.0)]),
    "Sequential": lambda: (nn.Sequential(nn.Layer(2, 2, rng=0), nn.Layer(2, 1, None, rng=0)), values(1.0, -2.0)),
    "Residual": lambda: (nn.Residual(nn.Layer(2, 2, "tanh", rng=0)), values(1.0, -2.0)),
    "Highway": lambda: (nn.Highway(2, rng=0), values(1.0, -2.0)),
}


def results(called: Any) -> list[Value]:
    """The Values that a module has returned, which may be one, or lists of lists."""
    return values_in([called])


def numbers(nested: Any) -> Any:
    """The numbers of a Value, or of lists of lists of Values."""
    return nested.data if isinstance(nested, Value) else [numbers(part) for part in nested]


def bits(model: nn.Module) -> dict[str, str]:
    """The parameters in hexadecimal, which tells -0.0 from 0.0."""
    return {name: parameter.data.hex() for name, parameter in model.named_parameters()}


class Branch(nn.Module):
    """A module with any attributes."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


@dataclass
class Line(nn.Module):
    """A module whose attributes are the fields of a dataclass."""

    slope: Value
    offset: Value = field(default_factory=lambda: Value(1.0))


class Slots(nn.Module):
    """A module with slots, one of them private, one never set."""

    __slots__ = ("__hidden", "unset", "weight")

    def __init__(self) -> None:
        self.weight, self.__hidden, self.other = Value(1.0), Value(2.0), Value(3.0)
