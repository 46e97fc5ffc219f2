"""How the arrays of a program are written where they are read: by a name, or as an expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..arrays.program import Array, Axis
from ..names import Names
from .spelling import atom, filled, literal, shape, sliced

if TYPE_CHECKING:
    from ..arrays.program import IntArray


class Rows(NamedTuple):
    """An array as loops give and take it: with its axes of iterations before the examples.

    Attributes:
        text: its expression.
        is_reversed: for each axis before the examples, whether its numbers go from the last one to the first.
    """

    text: str
    is_reversed: tuple[bool, ...]

    def picked(self, size: int, start: int, step: int, count: int) -> Rows:
        """Return so many rows from one on, of an array of that size, by a slice that goes forward."""
        if self.is_reversed[0]:
            start, step = size - 1 - start, -step
        is_reversed = step < 0
        if is_reversed:
            start, step = start + (count - 1) * step, -step
        text = self.text
        if (start, step, count) != (0, 1, size):
            slices = ":-1" if (start, step, count) == (0, 1, size - 1) else sliced(start, step, count, size)
            text = f"{atom(text)}[{slices}]"
        return Rows(text, (is_reversed, *self.is_reversed[1:]))

    def row(self, size: int, place: int) -> Rows:
        """Return one row."""
        place = size - 1 - place if self.is_reversed[0] else place
        before = re.fullmatch(r"(.*\[-?\d+(?:, -?\d+)*)\]", self.text)
        text = f"{before[1]}, " if before else f"{atom(self.text)}["
        return Rows(f"{text}{place if place < size - 1 else -1}]", self.is_reversed[1:])

    def upright(self, *, is_reversed: bool) -> Rows:
        """Return the same such that the first axis is reversed, or not."""
        if self.is_reversed[0] == is_reversed:
            return self
        return Rows(f"{atom(self.text)}[::-1]", (is_reversed, *self.is_reversed[1:]))

    def in_order(self) -> str:
        """Return the expression with the numbers along each axis from the first to the last."""
        if not any(self.is_reversed):
            return self.text
        slices = ["::-1" if one else ":" for one in self.is_reversed]
        while slices[-1] == ":":
            slices.pop()
        return f"{atom(self.text)}[{', '.join(slices)}]"

    def stored(self, batched: bool, axes: int) -> str:
        """Return the expression for the array, which has so many axes, as all others are stored: examples first."""
        text, count = self.in_order(), len(self.is_reversed)
        if not batched or not count:
            return text
        if count > 1:
            return f"jnp.moveaxis({text}, {count}, 0)"
        return f"{atom(text)}.T" if axes == 1 else f"{atom(text)}.swapaxes(0, 1)"


@dataclass(frozen=True, slots=True)
class Reading:
    """The expressions for arrays that have been computed.

    Attributes:
        names: the names of what is computed.
        dtype: the precision of its numbers.
        expressions: of each array that has been written: its name, or an expression that stands where it is read.
        rows: of what loops give, with its axes of iterations first.
        namespace: the tables that the program uses, by name.
    """

    names: Names
    dtype: str
    expressions: dict[Array, str] = field(default_factory=dict)
    rows: dict[Array, Rows] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)

    def of(self, operand: Array | float) -> str:
        """Return the expression for an operand."""
        return self.expressions[operand] if isinstance(operand, Array) else literal(operand)

    def aligned(self, operand: Array | float, axes: Sequence[Axis], batched: bool) -> str:
        """Return an operand such that it is stretched along those of the axes that it lacks."""
        if not isinstance(operand, Array):
            return literal(operand)
        present = [operand.batched] * batched + [axis in operand.axes for axis in axes]
        return stretched(self.of(operand), present)

    def spread(self, operand: Array | float, axes: Sequence[Axis], batched: bool) -> str:
        """Return an operand with numbers of its own all along these axes."""
        sizes = [axis.size for axis in axes]
        if not isinstance(operand, Array):
            return filled(operand, sizes, batched)
        text = self.aligned(operand, axes, batched)
        if operand.axes == tuple(axes) and operand.batched == batched:
            return text
        return f"jnp.broadcast_to({text}, {shape(sizes, batched)})"

    def give_rows(self, array: Array, rows: Rows) -> None:
        """Note the expression for an array as loops give it."""
        if rows.is_reversed:
            self.rows[array] = rows
        self.expressions[array] = rows.stored(array.batched, len(array.axes))

    def as_given(self, array: Array) -> tuple[str, list[Axis | None]]:
        """Return an array in the order of its axes in which it is there, with that; the batch is None."""
        rows = self.rows.get(array)
        if rows is None:
            return self.of(array), stored_axes(array)
        text, axes = rows.in_order(), list[Axis | None](array.axes)
        if array.batched:
            turned = re.fullmatch(r"(.*)(\.swapaxes\(0, 1\)|\.T)", text)
            axes.insert(0 if turned else len(rows.is_reversed), None)
            text = turned[1] if turned else text
        return text, axes

    def rows_of(self, array: Array) -> Rows:
        """Return an array with its first axis before the examples."""
        if array in self.rows:
            return self.rows[array]
        text = self.of(array)
        if array.batched:
            text = f"{atom(text)}.T" if len(array.axes) == 1 else f"{atom(text)}.swapaxes(0, 1)"
        return Rows(text, (False,))

    def table(self, places: IntArray, stem: str = "places") -> str:
        """Return a new name for a table."""
        name = self.names.unused(stem)
        self.namespace[name] = places
        return name


def stretched(text: str, present: Sequence[bool]) -> str:
    """Return an expression with an axis of size 1 wherever none is present; `x[:, 0][:, None]` as `x[:, 0, None]`."""
    present = list(present)
    while present and not present[0]:
        del present[0]
    if all(present):
        return text
    wanted = ", ".join(":" if one else "None" for one in present)
    picked = re.fullmatch(r"(\w+)\[(:, \d+)\]", text)
    return f"{picked[1]}[{picked[2]}, None]" if picked and wanted == ":, None" else f"{atom(text)}[{wanted}]"


def stored_axes(array: Array) -> list[Axis | None]:
    """Return the axes of an array as it is stored; the batch is None."""
    return [*([None] if array.batched else []), *array.axes]
