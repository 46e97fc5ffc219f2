"""What stands for the operands of a step: in the body of a loop, or where it is computed for all iterations at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from ..arrays.loops import Loop, Stack, State
from ..arrays.program import Array, Axis, Initial, Leaf, Piece, Places, View
from .making import NewProgram, in_rows
from .reading import Built, Fixed, Known, Moving, Read, Rows, Source, Taken, in_a_row, numbers_of, present, read_of


class Operands:
    """Makes operands in the new program.

    Args:
        known: the steps.
        new: the new program.
        new_of: what returns what stands for an array outside of the loops.
    """

    def __init__(self, known: Known, new: NewProgram, new_of: Callable[[Array | float], Any]) -> None:
        self._known, self._new, self._new_of = known, new, new_of

    def inside(self, making: Built, step: int) -> Array:
        """Return a step of the body of a loop."""
        position = making.window.start + step
        reads = zip(making.sources[step], self._known.reads[position], strict=True)
        operands = [self._operand(making, source, read.operand) for source, read in reads]
        return self._new.remade(self._known.items[position], operands)

    def _operand(self, making: Built, source: Source, operand: Array | float) -> Array | float:
        """The operand in the body of a loop, along the axes that it has in the first iteration."""
        loop = making.loop
        new = self._new
        if isinstance(source, Fixed):
            fixed: Array | float = self._new_of(operand)
            return fixed
        axes = operand.axes if isinstance(operand, Array) else ()
        end = source.reads[-1]
        if isinstance(source, Taken):
            root = present(making.states[source.step, source.ago] if source.ago else making.body[source.step])
            return new.seen(root, end.views if source.ago else source.reads[0].views, axes)
        if isinstance(source, Rows):
            return self._row(loop, source, axes)
        is_backwards = self._is_backwards(source)
        base = self._moving(source, operand, new.axis(loop.times), is_backwards=is_backwards)
        row = new.row(loop, base, *((loop.times - 1, -1) if is_backwards else (0, 1)))
        new.named(row, operand)
        return row

    def _row(self, loop: Loop, source: Rows, axes: tuple[Axis, ...]) -> Array:
        """A row of what another loop computed."""
        new = self._new
        base, read_views = self._base(source)
        root: Array = base
        if base.axes[:1] == (source.built.loop.axis,):
            root = new.row(loop, base, source.start, source.pace)
            new.names.stand_in(root, base.of if isinstance(base, Stack) else base, "t")
        views = source.reads[len(source.reads) // 2].views
        shown = new.seen(root, read_views, read_views[0].axes if read_views else root.axes)
        return new.seen(shown, views, axes)

    def _moving(self, source: Moving, operand: Array | float, axis: Axis, *, is_backwards: bool = False) -> Array:
        """What is read at other places in each iteration: a row for each along an axis, or backwards."""
        new = self._new
        first = source.reads[0]
        axes = (axis, *(operand.axes if isinstance(operand, Array) else ()))
        if first.root is None:
            return new.table([read.operand for read in source.reads], axes)
        if isinstance(first.root, Leaf) and first.root is not source.reads[-1].root:
            return new.table([numbers_of(read) for read in source.reads], axes)
        rows = [read.where() for read in source.reads]
        places = new.places(rows[::-1] if is_backwards else rows)
        listed = Places(places) if new.has_axes else Places.listed(places)
        base = new.view(self._new_of(first.root), listed, axes)
        new.named(base, operand, "rows")
        return base

    def _is_backwards(self, source: Moving) -> bool:
        """Whether the places move towards the first ones."""
        first, last = source.reads[0], source.reads[-1]
        if first.root is None or (isinstance(first.root, Leaf) and first.root is not last.root):
            return False
        return in_a_row(first.where())[0] > in_a_row(last.where())[0]

    def whole(self, making: Built, step: int) -> Array:
        """Return a step computed for all iterations, with a row for each, unless it is the same in all of them."""
        loop = making.loop
        item = self._known.items[making.window.start + step]
        reads = zip(making.sources[step], self._known.reads[making.window.start + step], strict=True)
        operands = [self._whole_operand(making, source, read.operand) for source, read in reads]
        if not any(isinstance(one, Array) and one.axes[:1] == (loop.axis,) for one in operands):
            return self._new.remade(item, operands)  # it is the same in all of them
        return self._new.remade(item, operands, loop.axis)

    def _whole_operand(self, making: Built, source: Source, operand: Array | float) -> Array | float:
        """The operand of a step that is computed for all iterations, with a row for each unless all have the same."""
        new, loop = self._new, making.loop
        if isinstance(source, Fixed):
            fixed: Array | float = self._new_of(operand)
            return fixed
        axes = operand.axes if isinstance(operand, Array) else ()
        if isinstance(source, Moving):
            return self._moving(source, operand, loop.axis)
        root: Array
        if isinstance(source, Rows):
            root, inner_views = self._base(source)
            views = (*source.reads[len(source.reads) // 2].views, *inner_views)
            if root.axes[:1] != (source.built.loop.axis,):
                return new.seen(root, views, axes)
            if (source.start, source.pace, root.axes[0].size) != (0, 1, loop.times):
                rows = [source.start + source.pace * t for t in range(loop.times)]
                places = new.places([Places.row_of(row, root.sizes[1:]).index for row in rows])
                root = new.view(root, Places(places), (loop.axis, *root.axes[1:]))
        else:
            views = (source.reads[-1] if source.ago else source.reads[0]).views
            if not source.ago and source.step in making.whole:
                root = making.whole[source.step]
            else:
                of = present(making.states[source.step, source.ago] if source.ago else making.body[source.step])
                if not new.is_in(of, loop):
                    return new.seen(of, views, axes)
                root = new.stack(loop, of)
        for view in reversed(views):
            places = in_rows(view.places, math.prod(root.sizes[1:]), loop.times)
            root = new.view(root, places, (loop.axis, *(axes if view is views[0] else view.axes)))
        return new.with_axes(root, (loop.axis, *axes))

    def _base(self, source: Rows) -> tuple[Array, tuple[View, ...]]:
        """What has a row for each iteration of another loop, or what is the same in all, and the views of a row."""
        built = source.built
        if not source.of_state and source.step in built.whole:
            return built.whole[source.step], ()
        read = read_of(built.states[source.step, 1] if source.of_state else present(built.body[source.step]))
        assert read.root is not None, "it is an array"
        of = read.root
        return (self._new.stack(built.loop, of) if self._new.is_in(of, built.loop) else of), read.views

    def initial(self, state: State, parts: Mapping[Hashable, tuple[Read, Read]]) -> Array | float:
        """Return what a state is in the first iteration."""
        whole = parts.get(())
        first: Array | float
        if whole is not None:
            if isinstance(whole[1].root, Initial):
                return self._constant(whole[1], state)
            first = self._new_of(whole[1].operand)
            first = self._new.with_axes(first, state.axes) if isinstance(first, Array) else first
            return first
        pieces: list[Piece] = []
        for later, read in parts.values():
            first = self._new_of(read.operand)
            axes = later.operand.axes if isinstance(later.operand, Array) else ()
            shown = self._new.with_axes(first, axes) if isinstance(first, Array) else first
            pieces.append(Piece(shown, axes, Places(later.where())))
        initial: Array = self._new.program.assemble(state.axes, pieces)
        return initial

    def _constant(self, read: Read, state: State) -> Array | float:
        """The constants that a state begins with: one number, if they are the same."""
        assert isinstance(read.root, Initial), "they are constants"
        numbers = read.root.numbers
        for view in reversed(read.views):
            numbers = tuple([numbers[place] for place in view.places.in_a_row()])
        if len(set(map(repr, numbers))) == 1:
            return numbers[0]
        return self._new.table(numbers, state.axes)
