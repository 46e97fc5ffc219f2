"""Loops in plain Python: `for t in range(T)`, with lists of what is read of other iterations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..arrays.loops import Last, Loop, Row, Stack
from ..arrays.program import Apply, Array, Initial, Leaf, Piece, View
from ..names import Names


class Loops:
    """Writes what is around the body of a loop, and what a body reads of other iterations.

    Args:
        names: the names of the arrays.
        text: what gives the text of an operand.
        texts: the texts of the arrays that have been written.
        order: all arrays in the order in which they are computed.

    Attributes:
        tables: constants and places, by name.
        names_of_results: the names of results that take the place of a state at once, as nothing reads that later.
    """

    def __init__(
        self, names: Names, text: Callable[[Array | float], str], texts: dict[Array, str], order: Sequence[Array]
    ) -> None:
        self.tables: dict[str, Sequence[Any]] = {}
        self.names_of_results: dict[Array, str] = {}
        self._names, self._text, self._texts = names, text, texts
        self._counters: dict[Loop, str] = {}
        self._position = {array: i for i, array in enumerate(order)}
        self._read_last: dict[Array, int] = {}
        for array in order:
            for operand in array.arrays:
                self._read_last[operand] = self._position[array]

    def table(self, leaf: Leaf) -> str:
        """Return the name of a table of constants."""
        table: Any = leaf.table
        return self._table("table", table)

    def initial(self, leaf: Initial) -> str:
        """Return an initial state, or the name of a table of them, if rows of it are read; others are numbers."""
        if not leaf.axes:
            return self._text(leaf.numbers[0])
        rows = [array for array in self._position if isinstance(array, Row) and array.base.arrays == (leaf,)]
        return self._table("initial", leaf.numbers) if rows else ""

    def _table(self, stem: str, numbers: Sequence[Any]) -> str:
        name = self._names.unused(stem)
        self.tables[name] = numbers
        return name

    def before(self, loop: Loop) -> list[str]:
        """Return the lines before a loop: what states are in the first iteration, and empty lists."""
        self._counters[loop] = self._names.unused("t")
        lines = []
        nexts = Counter(state.next for state in loop.states)
        for state in loop.states:
            result = state.next
            if (
                isinstance(result, Apply)
                and not result.primitive.keeps_value
                and nexts[result] == 1
                and nexts[state] == 0
                and result in loop.body
                and self._read_last.get(state, 0) <= self._position[result]
            ):
                self._texts[state] = self.names_of_results[result] = self._names.of(result)
            else:
                self._texts[state] = self._names.of(state)
            lines.append(f"{self._texts[state]} = {self._text(state.initial)}")
        for end in loop.ends:
            if isinstance(end, Stack):
                self._texts[end] = self._names.of(end)
                lines.append(f"{self._texts[end]} = []")
        return lines

    def header(self, loop: Loop) -> str:
        """Return the line above the body."""
        return loop.header(self._counters[loop])

    def kept(self, loop: Loop, arrays: Iterable[Array]) -> list[str]:
        """Return the lines that keep what is read of other iterations, after it has been computed."""
        stacks = {end.of: end for end in loop.ends if isinstance(end, Stack)}
        return [f"{self._texts[stacks[one]]}.append({self._texts[one]})" for one in arrays if one in stacks]

    def handed_on(self, loop: Loop) -> list[str]:
        """Return the line at the end of an iteration that changes the states."""
        pairs = [(self._texts[state], self._text(state.next)) for state in loop.states]
        pairs = [(state, after) for state, after in pairs if state != after]
        if not pairs:
            return []
        left, right = (", ".join(part) for part in zip(*pairs, strict=True))
        return [f"{left} = {right}"]

    def after(self, loop: Loop) -> None:
        """Note what has been computed when a loop has ended."""
        for end in loop.ends:
            if isinstance(end, Last):
                self._texts[end] = self._texts[end.of]

    def row(self, row: Row) -> str:
        """Return the line that reads one row of an array."""
        name = self._texts[row] = self._names.of(row)
        base: Any = row.base
        start, step = row.start, row.step
        if isinstance(base, View):
            places: Any = base.places.index
            base = base.base
            if isinstance(places, range):
                start, step = places.start + places.step * start, places.step * step
            else:
                index = f"{self._table('places', places)}[{self._place(row.loop, start, step)}]"
                return f"{name} = {self._text(base)}[{index}]"
        return f"{name} = {self._text(base)}[{self._place(row.loop, start, step)}]"

    def part(self, view: View) -> str:
        """Return the expression for a part of an array: what loops in loops have kept is in lists of lists."""
        around = view.base.sizes[: len(view.base.axes) - len(view.axes)]
        row, indices = view.places.first // view.size, ""
        for size in reversed(around):
            row, place = divmod(row, size)
            indices = f"[{place}]{indices}"
        return f"{self._texts[view.base]}{indices}"

    def _place(self, loop: Loop, start: int, step: int) -> str:
        """The place start + step × t of iteration t, which a loop that goes backwards counts from the end."""
        return loop.place(self._counters[loop], start, step)

    def additions(self, gradient: str, piece: Piece) -> list[str]:
        """Return the lines that add numbers of all iterations to a gradient."""
        places: Any = piece.places.index
        listed = repr(places) if isinstance(places, range) else self._table("places", places)
        index, number = self._names.unused("i"), self._names.unused("slope")
        return [
            f"for {index}, {number} in zip({listed}, {self._text(piece.array)}):",
            f"    {gradient}[{index}] += {number}",
        ]
