"""Looking up in tables in plain Python, and adding numbers up in the places where they were looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..arrays.program import Array, Assembly, Gather, Piece, Scatter, View
from ..names import Names


class Lookups:
    """Writes tables, and what is looked up in them.

    Args:
        names: the names of the arrays.
        text: what gives the text of an operand.

    Attributes:
        tables: the places that the text uses, by name.
    """

    def __init__(self, names: Names, text: Callable[[Array | float], str]) -> None:
        self.tables: dict[str, Sequence[int]] = {}
        self._names, self._text = names, text
        self._known: dict[Sequence[int], str] = {}

    def lines(self, array: Assembly | Gather | Scatter, name: str) -> list[str]:
        """Return the lines for a table, a look-up in one, or a table of zeros to which numbers are added."""
        if isinstance(array, Assembly):
            entries = dict.fromkeys(range(array.size), "0.0")
            entries.update({piece.places.first: self._text(piece.array) for piece in array.pieces})
            return [f"{name} = [{', '.join(entries.values())}]"]
        if isinstance(array, Scatter):
            return [f"{name} = [0.0] * {array.size}", *self._additions(array, name, range(array.size))]
        table: Any = array.table
        places: Any = range(array.along.size)
        if isinstance(table, View):  # the places are those in a leaf, which is not copied
            table, places = table.base, table.places.index
        return [f"{name} = {self._text(table)}[{self._place(places, array.index)}]"]

    def gradient(self, name: str, scattered: Mapping[Scatter, Piece]) -> list[str]:
        """Return the lines that add to a gradient what belongs where something was looked up."""
        return [line for own, piece in scattered.items() for line in self._additions(own, name, piece.places.index)]

    def _additions(self, scatter: Scatter, name: str, places: Any) -> list[str]:
        pairs = zip(scatter.numbers, scatter.gathers, strict=True)
        return [f"{name}[{self._place(places, own.index)}] += {self._text(numbers)}" for numbers, own in pairs]

    def _place(self, places: Sequence[int], index: Array) -> str:
        """Where the entry of a table with an index lies."""
        integer = f"int({self._text(index)})"
        if isinstance(places, range):
            factor = f"{places.step} * " if places.step != 1 else ""
            return f"{places.start} + {factor}{integer}" if places.start else f"{factor}{integer}"
        if places not in self._known:
            self._known[places] = self._names.unused("places")
            self.tables[self._known[places]] = places
        return f"{self._known[places]}[{integer}]"
