"""How the arrays of a program are written where they are read: by a name, or as an expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..arrays.program import Array, Axis
from ..names import Names
from .spelling import atom, literal

if TYPE_CHECKING:
    from ..arrays.program import IntArray


@dataclass(frozen=True, slots=True)
class Reading:
    """The expressions for arrays that have been computed.

    Attributes:
        names: the names of what is computed.
        dtype: the precision of its numbers.
        expressions: of each array that has been written: its name, or an expression that stands where it is read.
        namespace: the tables that the program uses, by name.
    """

    names: Names
    dtype: str
    expressions: dict[Array, str] = field(default_factory=dict)
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
