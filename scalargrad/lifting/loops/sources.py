"""What the operands of steps are in each iteration of a loop, if that has an order."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ..arrays.program import Apply, Array, Leaf
from .reading import Fixed, Known, Moving, Read, Rows, Source, Taken, Window, is_apart, is_part


class Sources:
    """Says what operands are: computed in the loop, the same in all iterations, rows of another loop, or other places.

    Where an operand is none of these, there is no loop.

    Args:
        known: the steps.
        has_axes: whether the program has arrays.
    """

    def __init__(self, known: Known, *, has_axes: bool) -> None:
        self._known, self._has_axes = known, has_axes

    def of_all(self, window: Window) -> list[list[Source]] | None:
        """Return what the operands of each step of an iteration are; None if one is nothing that has an order."""
        sources: list[list[Source]] = []
        for step in range(window.period):
            own = []
            for at in range(len(self._known.reads[window.start + step])):
                source = self._source(window, step, at)
                if source is None:
                    return None
                own.append(source)
            sources.append(own)
        return sources

    def _source(self, window: Window, step: int, at: int) -> Source | None:
        """What an operand is in each iteration; None if that has no order."""
        start, period, times = window
        reads = [self._known.reads[start + t * period + step][at] for t in range(times)]
        end = reads[-1]
        if start <= self._known.where(end.root) < window.stop:
            return self._taken(window, reads)
        if all(read.identity == end.identity for read in reads):
            return Fixed(reads)
        roots = [read.root for read in reads]
        are_constants = all(isinstance(root, Leaf) and root.table is not None for root in roots)
        are_places = roots.count(end.root) == len(roots) and all(
            len(read.views) == 1 or end.root is None for read in reads
        )
        if are_constants or are_places:
            is_table = isinstance(end.operand, Array) and bool(end.operand.axes)
            return None if is_table and not self._has_axes else Moving(reads)
        return None if None in roots else self._rows(reads)

    def _taken(self, window: Window, reads: list[Read]) -> Taken | None:
        """What a step of this iteration, or of one before, has computed."""
        start, period, times = window
        iteration, step = window.place(self._known.where(reads[-1].root))
        ago = times - 1 - iteration
        key = reads[-1].key
        for t in range(ago, times):
            if reads[t].root is not self._known.items[start + (t - ago) * period + step] or reads[t].key != key:
                return None
        for read in reads[:ago]:
            if self._known.where(read.root) >= start:
                return None
        return Taken(step, ago, reads)

    def _rows(self, reads: list[Read]) -> Rows | None:
        """What reads rows of another loop; at one end it may read what that loop began with."""
        middle = reads[len(reads) // 2]
        its_place = self._known.place(middle.root)
        if its_place is None:
            return None
        built = its_place.built
        places_in_loops = [self._known.place(read.root) for read in reads]
        places = [
            (one.iteration, one.step) if one is not None and one.built is built else None for one in places_in_loops
        ]
        known = [(t, place) for t, place in enumerate(places) if place is not None]
        (t0, (i0, step)), (t1, (i1, _)) = known[0], known[-1]
        pace = (i1 - i0) // max(1, t1 - t0)
        first = i0 - pace * t0
        _, begun = built.initials.get((step, 1), {}).get(middle.key, (None, None))
        for t, (read, place) in enumerate(zip(reads, places, strict=True)):
            if place is None:  # what that loop began with
                is_right = first + pace * t == -1 and begun is not None and read.identity == begun.identity
            else:
                is_right = place == (first + pace * t, step) and read.key == middle.key
            if not is_right:
                return None
        if len(known) == len(reads):
            return Rows(built, step, False, first, pace, reads)
        if any(place == (built.window.times - 1, step) for place in places):
            return None  # what that loop ended with has been the state in none of its iterations
        return Rows(built, step, True, first + 1, pace, reads)

    def initials(
        self, window: Window, sources: Sequence[Sequence[Source]]
    ) -> dict[tuple[int, int], dict[Hashable, tuple[Read, Read]]] | None:
        """Return what each state is in the first iterations, by views: how it is read later, and what is read at first.

        None where two reads do not agree.
        """
        initials: dict[tuple[int, int], dict[Hashable, tuple[Read, Read]]] = {}
        for own in sources:
            for source in own:
                if isinstance(source, Taken) and source.ago:
                    for t in range(source.ago):
                        parts = initials.setdefault((source.step, source.ago - t), {})
                        later, first = source.reads[-1], source.reads[t]
                        known = parts.setdefault(later.key, (later, first))
                        if known[1].identity != first.identity:
                            return None
        for (step, _), parts in initials.items():
            state = self._known.items[window.start + step]
            if isinstance(state, Apply) and state.primitive.keeps_value:
                return None  # it has no memory of its own
            whole = parts.get(())
            if whole is None:
                agree = len(parts) == 1 and all(is_apart(later) for later, _ in parts.values())
            else:
                agree = all(first is whole[1] or is_part(first, whole[1], later) for later, first in parts.values())
            if not agree:
                return None
        return initials
