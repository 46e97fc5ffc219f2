"""Pieces of assemblies and of gradients that come from the iterations of a loop, as one piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from ...engine import primitives as p
from ..arrays.loops import Loop, State
from ..arrays.program import Apply, Array, Axis, Fold, Piece, Places, View
from .finding import LEAST_TIMES
from .making import NewProgram, seen_through
from .reading import Known, Place, Read, present, read_of

if TYPE_CHECKING:
    from ..arrays.program import IntArray

Group = Sequence[tuple[Place, Piece, Read]]  # pieces of the iterations of one loop, of one step and one view


class Pieces:
    """Makes pieces in the new program.

    Args:
        known: the steps.
        new: the new program.
        new_of: what returns what stands for an array outside of the loops.
    """

    def __init__(self, known: Known, new: NewProgram, new_of: Callable[[Array | float], Any]) -> None:
        self._known, self._new, self._new_of = known, new, new_of

    def merged(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return pieces in the new program; those of the iterations of a loop become one."""
        groups: dict[Hashable, list[tuple[Place, Piece, Read]]] = {}
        made: dict[Hashable, list[Piece]] = {}  # in the order of the first of each group
        for i, piece in enumerate(pieces):
            read = read_of(piece.array)
            place = self._known.place(read.root)
            if place is None or not isinstance(piece.array, Array):
                made[i] = [piece._replace(array=self._new_of(piece.array))]
                continue
            along = tuple([piece.axes.index(axis) for axis in piece.array.axes])
            sizes = tuple([axis.size for axis in piece.axes])
            key: Hashable = place.built.loop, place.step, read.key, along, sizes
            made.setdefault(key, [])
            groups.setdefault(key, []).append((place, piece, read))
        for its_key, group in groups.items():
            if len(group) < LEAST_TIMES or not (self._new.has_axes or self._is_of_all(group)):
                made[its_key] = [piece._replace(array=self._new_of(piece.array)) for _, piece, _ in group]
            else:
                made[its_key] = [self._merged(group)]
        return [piece for own in made.values() for piece in own]

    def _is_of_all(self, group: Group) -> bool:
        """Whether there is one piece of each iteration, in order, of what is computed in the loop itself."""
        place = group[0][0]
        of = present(place.built.body[place.step])
        iterations = [one.iteration for one, _, _ in group]
        is_each = iterations == list(range(place.built.window.times))
        return is_each and self._new.is_in(of, place.built.loop) and not isinstance(of, View)

    def _merged(self, group: Group) -> Piece:
        """Pieces of many iterations as one."""
        new = self._new
        place, piece, read = group[0]
        inside, loop, array = place.read, place.built.loop, piece.array
        of = inside.root
        assert of is not None, "it is an array"
        assert isinstance(array, Array), "it is an array"
        iterations = [one.iteration for one, _, _ in group]
        is_one_place = all(own.places.key == piece.places.key for _, own, _ in group)
        is_each = is_one_place and len(set(iterations)) == loop.times == len(iterations)
        if is_each and place.is_whole:
            return piece._replace(array=new.seen(self._sum_of_rows(of), read.views, array.axes))
        if is_each and new.is_in(of, loop):
            shown = new.seen(of, inside.views, inside.views[0].axes if inside.views else of.axes)
            total = self._added_up(loop, new.seen(shown, read.views, array.axes))
            return piece._replace(array=total)
        if not new.has_axes:
            stack = new.stack(loop, of)
            listed = Places.listed(new.places([own.places.first for _, own, _ in group]))
            return Piece(stack, stack.axes, listed)
        rows = self._rows_of(loop, of, iterations, is_whole=place.is_whole)
        rows = reduce(seen_through, [*reversed(inside.views), *reversed(read.views)], rows)
        axis = new.axis(len(group))
        source = new.stack(loop, of) if not place.is_whole and new.is_in(of, loop) else of
        shown = new.view(source, Places(rows), (axis, *array.axes))
        places = Places(new.places([own.places.index for _, own, _ in group]))
        return Piece(shown, (axis, *piece.axes), places)

    def _rows_of(self, loop: Loop, of: Array, iterations: Sequence[int], *, is_whole: bool) -> IntArray:
        """The places that an array has in some iterations, in the stack of it; the same, if it is not in the loop."""
        import numpy as np

        rows = iterations if is_whole or self._new.is_in(of, loop) else [0] * len(iterations)
        sizes = of.sizes[1:] if is_whole else of.sizes
        row = np.arange(math.prod(sizes)).reshape(sizes)
        return np.array(rows).reshape([-1, *[1] * row.ndim]) * row.size + row

    def _sum_of_rows(self, whole: Array) -> Any:
        """The sum over the first axis; of sums it is one sum, and of what is added up it is added up."""
        program, axis = self._new.program, whole.axes[0]
        is_sum = isinstance(whole, Apply) and whole.primitive is p.add
        if is_sum and all(isinstance(one, Array) and one.axes == whole.axes for one in whole.operands):
            return program.apply(p.add, [self._sum_of_rows(one) for one in whole.arrays])
        along: tuple[Axis, ...] = (axis,)
        operand, over_batch = whole, False
        if isinstance(whole, Fold) and whole.primitive is p.add:
            along, operand, over_batch = (axis, *whole.along), whole.operand, whole.over_batch
        total = program.entered(Fold(program, p.add, operand, along, over_batch), (p.add, along, over_batch))
        self._new.named(total, whole, "sum")
        return total

    def _added_up(self, loop: Loop, array: Array) -> Array:
        """The sum of an array over the iterations."""
        new = self._new
        state = new.program.add(State(loop, array.axes, array.batched))
        batched = array.batched
        added = new.program.add(Apply(new.program, p.add, (state, array), array.axes, batched))
        state.next = added
        new.names.stand_in(added, array, "sum")
        new.names.stand_in(state, array, "sum_before")
        return new.last(loop, added)
