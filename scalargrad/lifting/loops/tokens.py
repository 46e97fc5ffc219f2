"""What arrays compute, as numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ..arrays.program import Apply, Array, Assembly, Axis, Fold, Gather, Scatter


class Tokens:
    """What arrays compute, as numbers: two arrays with one number compute the same of their operands."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def of(self, array: Array) -> int:
        """Return the number of what an array computes."""
        seen: dict[Axis, int] = {}

        def along(axes: Sequence[Axis]) -> tuple[int, ...]:
            return tuple([seen.setdefault(axis, len(seen)) for axis in axes])

        operands = tuple(
            [(one.sizes, one.batched, along(one.axes)) if isinstance(one, Array) else None for one in array.operands]
        )
        own: Hashable = None
        if isinstance(array, Apply):
            own = array.primitive
        elif isinstance(array, Fold):
            own = array.primitive, along(array.along), array.over_batch
        elif isinstance(array, Assembly):
            own = tuple([(piece.places.key, along(piece.axes)) for piece in array.pieces])
        elif isinstance(array, Gather):
            own = along([array.along])
        else:
            assert isinstance(array, Scatter), f"there is no token for {array}"
            own = tuple(
                [(along(one.table.axes), along(one.axes), along([one.along]), one.batched) for one in array.gathers]
            )
        key = type(array), own, operands, array.sizes, array.batched, along(array.axes)
        return self._known.setdefault(key, len(self._known))
