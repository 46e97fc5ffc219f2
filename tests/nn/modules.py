"""Modules for the tests, the numbers of what they return, and what tells whether two models have the same numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scalargrad import Value, nn


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
