"""The new program, in which arrays of the old one are made again, with loops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..arrays.loops import Last, Loop, Row, Stack, scope_of
from ..arrays.program import (
    Apply,
    Array,
    ArrayProgram,
    Assembly,
    Axis,
    Fold,
    Gather,
    Initial,
    Leaf,
    Piece,
    Places,
    Scatter,
    View,
)
from ..names import Names
from .splitting import Limits

if TYPE_CHECKING:
    from ..arrays.program import IntArray

_FIRST_AXIS = -1_000_000_000  # axes of iterations come before all others, those of outer loops first


class NewProgram:
    """The new program, and what all levels share.

    Attributes:
        program: the program.
        names: the names of its arrays.
        has_axes: whether it has arrays; else it is one of single numbers.
        limits: how much may be computed outside of a loop; None if all of it is in the loop.
    """

    def __init__(self, old: ArrayProgram, names: Names, has_axes: bool, limits: Limits | None) -> None:
        self.program = old.following()
        self.limits = limits
        self.names = names
        self.has_axes = has_axes
        self.scopes: dict[Array, Loop | None] = {}
        self._axes = _FIRST_AXIS
        self._stacks: dict[tuple[type[Array], Array], Any] = {}

    def axis(self, size: int) -> Axis:
        """Return a new axis of iterations."""
        self._axes += 1
        return Axis(self._axes, size)

    def places(self, rows: Sequence[Any]) -> Any:
        """Return the places of all iterations as one index."""
        if self.has_axes:
            import numpy as np

            return np.stack([np.asarray(row) for row in rows])
        step = rows[1] - rows[0]
        if step > 0 and all(b - a == step for a, b in pairwise(rows)):
            return range(rows[0], rows[-1] + 1, step)
        return tuple(rows)

    def row_places(self, row: int, array: Array) -> Places:
        """Return the places of a row of the stack of an array."""
        if self.has_axes or not array.axes:
            return Places.row_of(row, array.sizes)
        return Places.listed(range(row * array.size, (row + 1) * array.size))

    def leaf(self, leaf: Leaf) -> Leaf:
        """Return a leaf like this one."""
        if isinstance(leaf, Initial):
            return self.program.initial(leaf.numbers, leaf.axes, leaf.batched)
        if leaf.table is not None:
            return self.program.table(leaf.table, leaf.axes)
        return self.program.leaf(leaf.name, leaf.axes, leaf.batched)

    def table(self, numbers: Sequence[Any], axes: tuple[Axis, ...]) -> Leaf:
        """Return a table of constants, one row for each iteration."""
        if self.has_axes:
            import numpy as np

            rows = np.array(numbers, dtype=float)
            return self.program.table(rows, axes)
        return self.program.add(Leaf(self.program, "", axes, False, tuple(numbers)))  # type: ignore[arg-type]  # a tuple for an array, where there may be no numpy

    def view(self, base: Array, places: Places, axes: tuple[Axis, ...]) -> Array:
        """Return a view."""
        return self.program.entered(View(self.program, base, places, axes), places.key)

    def with_axes(self, array: Array, axes: tuple[Axis, ...]) -> Array:
        """Return an array seen along other axes of the same sizes."""
        if array.axes == axes:
            return array
        return self.view(array, Places.all_of([axis.size for axis in axes]), axes)

    def seen(self, root: Array, views: Sequence[View], axes: tuple[Axis, ...]) -> Array:
        """Return the same views of a root, the last of them along these axes."""
        for view in reversed(views):
            root = self.view(root, view.places, view.axes if view is not views[0] else axes)
        return self.with_axes(root, axes)

    def row(self, loop: Loop, base: Array, start: int, step: int) -> Row:
        """Return what reads rows of an array, one in each iteration."""
        return self.program.entered(Row(loop, base, start, step), (loop, start, step))

    def stack(self, loop: Loop, of: Array) -> Stack:
        """Return what an array was in each iteration."""
        stack: Stack = self._end(Stack, loop, of, "rows")
        return stack

    def last(self, loop: Loop, of: Array) -> Last:
        """Return what an array is in the last iteration."""
        last: Last = self._end(Last, loop, of, "last")
        return last

    def _end(self, kind: Any, loop: Loop, of: Array, purpose: str) -> Any:
        if (kind, of) not in self._stacks:
            made = self._stacks[kind, of] = self.program.add(kind(loop, of))
            self.names.stand_in(made, of, purpose)
        return self._stacks[kind, of]

    def named(self, made: Array, old: Array | float, purpose: str = "") -> None:
        """Give an array the name of what it is made of, if it has none yet."""
        if made is not old and isinstance(old, Array) and made not in self.names.stand_ins:
            self.names.stand_in(made, old, purpose)

    def is_in(self, array: Array, loop: Loop) -> bool:
        """Whether an array is computed in the body of a loop."""
        return scope_of(array, self.scopes) is loop

    def remade(self, item: Array, operands: Sequence[Array | float], iterations: Axis | None = None) -> Array:
        """Return an array like this one, computed from other operands, for all iterations at once if given."""
        program = self.program
        axes = item.axes if iterations is None else (iterations, *item.axes)
        made: Array
        if isinstance(item, Apply):
            batched = any(one.batched for one in operands if isinstance(one, Array))
            made = program.entered(Apply(program, item.primitive, tuple(operands), axes, batched), item.primitive)
        elif isinstance(item, Fold):
            (operand,) = operands
            assert isinstance(operand, Array), "what is folded is an array"
            key = item.primitive, item.along, item.over_batch
            made = program.entered(Fold(program, item.primitive, operand, item.along, item.over_batch), key)
        elif isinstance(item, Assembly):
            pairs = zip(item.pieces, operands, strict=True)
            pieces = [piece._replace(array=one) for piece, one in pairs]
            if iterations is not None:
                pieces = [
                    Piece(one, (iterations, *own), in_rows(places, item.size, iterations.size))
                    for one, own, places in pieces
                ]
            made = program.assemble(axes, pieces)
        elif isinstance(item, Gather):
            table, index = operands
            assert isinstance(table, Array), "a table is an array"
            assert isinstance(index, Array), "an index is an input"
            made = program.entered(Gather(program, table, index, item.along), item.along)
        else:
            assert isinstance(item, Scatter), f"there is no loop with {item}"
            count = len(item.numbers)
            gathers = [
                Gather(program, Array(program, (), own.table.axes, own.table.batched), index, own.along)  # type: ignore[arg-type]  # an index is an array
                for own, index in zip(item.gathers, operands[count:], strict=True)
            ]
            made = program.add(Scatter(program, tuple(operands[:count]), tuple(gathers), item.batched))
        self.named(made, item)
        return made


def in_rows(places: Places, size: int, times: int) -> Places:
    """The same places in each of so many rows of that size."""
    import numpy as np

    starts = np.arange(times).reshape((times,) + (1,) * np.ndim(places.index))
    return Places(starts * size + places.index)


def seen_through(rows: IntArray, view: View) -> IntArray:
    """The places of rows of an array that a view shows."""
    return rows.reshape(len(rows), -1)[:, view.places.index]
