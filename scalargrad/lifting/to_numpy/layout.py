"""How the places of a view lie in an array: as a slice, a block, a transposed block, or without order.

A numpy expression that picks the places by slicing takes no time. Only where there is none the numbers are
gathered one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ..arrays.program import IntArray


class Block(NamedTuple):
    """Places that a slice, a reshape, further slices and a transposition reach, in this order.

    Attributes:
        start: the first place of the slice.
        stop: the place behind the slice.
        extents: the shape that the slice gets.
        parts: what is taken along each axis of that shape.
        order: the resulting axes in the order of the view.
        backwards: whether each axis of the view then goes from its last place to its first one.
    """

    start: int
    stop: int
    extents: tuple[int, ...]
    parts: tuple[slice | int, ...]
    order: tuple[int, ...]
    backwards: tuple[bool, ...] = ()

    def of_buffer(self, name: str, size: int, batched: bool) -> str:
        """Return the expression for these places of an array of that size, whose examples lie in the last axis."""
        text = name + (f"[{self.start}:{self.stop}]" if (self.start, self.stop) != (0, size) else "")
        if len(self.extents) > 1:
            text += f".reshape({', '.join([*map(str, self.extents), *(['B'] if batched else [])])})"
        parts = self._parts()
        text += f"[{', '.join(parts)}]" if parts else ""
        if self.order != tuple(sorted(self.order)):
            text += transposition([*self.order, *([len(self.order)] if batched else [])])
        return text + self._turned_around()

    def of_argument(self, name: str, size: int) -> str:
        """Return the same for an argument, whose examples lie in the first axis."""
        text = name + (f"[:, {self.start}:{self.stop}]" if (self.start, self.stop) != (0, size) else "")
        if len(self.extents) > 1:
            text += f".reshape(B, {', '.join(map(str, self.extents))})"
        parts = self._parts()
        text += f"[:, {', '.join(parts)}]" if parts else ""
        return text + transposition([*(1 + axis for axis in self.order), 0]) + self._turned_around()

    @property
    def has_gaps(self) -> bool:
        """Whether the places do not follow one another in memory."""
        whole = all(part == slice(0, extent) for part, extent in zip(self.parts, self.extents, strict=True))
        return not whole or self.order != tuple(sorted(self.order)) or any(self.backwards)

    def _turned_around(self) -> str:
        """What turns axes around, as text."""
        turned = ["::-1" if backwards else ":" for backwards in self.backwards]
        while turned and turned[-1] == ":":
            turned.pop()
        return f"[{', '.join(turned)}]" if turned else ""

    def _parts(self) -> list[str]:
        """What is taken along each axis, as text, without the last axes if they are taken whole."""
        texts = []
        for part, extent in zip(self.parts, self.extents, strict=True):
            if isinstance(part, int):
                texts.append(str(part))
            else:
                texts.append(f"{part.start or ''}:{'' if part.stop == extent else part.stop}")
        while texts and texts[-1] == ":":
            texts.pop()
        return texts


def transposition(axes: list[int]) -> str:
    """Return what makes these axes of an array, in this order, its axes, as text."""
    return ".T" if axes == [1, 0] else f".transpose({', '.join(map(str, axes))})"


def block(index: int | IntArray, size: int) -> Block | None:
    """Return how these places lie in an array of that size; None for a single place, or where slices miss them.

    >>> block(np.arange(6).reshape(2, 3), 6)
    Block(start=0, stop=6, extents=(2, 3), parts=(slice(0, 2, None), slice(0, 3, None)), order=(0, 1), backwards=())
    """
    steps = None if isinstance(index, int) else _steps(index)
    if isinstance(index, int) or steps is None or any(step <= 0 for step in steps):
        return None
    first = int(index.flat[0])
    falling = sorted(range(len(steps)), key=lambda axis: -steps[axis])
    widths = [steps[axis] for axis in falling]
    counts = [index.shape[axis] for axis in falling]
    extents = [counts[0]]
    for wider, width, count in zip(widths, widths[1:], counts[1:], strict=False):
        if wider % width or wider // width < count:
            return None
        extents.append(wider // width)
    if widths[-1] > 1:
        widths, counts, extents = [*widths, 1], [*counts, 1], [*extents, widths[-1]]
    rest = max(0, first + counts[0] * widths[0] - size)  # how far the slice must start before the first place
    start = first - rest
    parts: list[slice | int] = [slice(0, counts[0])]
    for width, count, extent in zip(widths[1:], counts[1:], extents[1:], strict=True):
        skipped = min(rest // width, extent - count)
        rest -= skipped * width
        parts.append(slice(skipped, skipped + count) if count > 1 else skipped)
    if start < 0 or rest:
        return None
    order = tuple(falling.index(axis) for axis in range(len(steps)))
    return Block(start, start + counts[0] * widths[0], tuple(extents), tuple(parts), order)


def block_of_view(index: int | IntArray, size: int) -> Block | None:
    """Return how the places of a view lie in an array of that size, of which some axes may go backwards."""
    steps = None if isinstance(index, int) else _steps(index)
    if isinstance(index, int) or steps is None or min(steps, default=1) > 0:
        return block(index, size)
    backwards = tuple([step < 0 for step in steps])
    lies = block(np.flip(index, tuple([axis for axis, turned in enumerate(backwards) if turned])), size)
    return None if lies is None else lies._replace(backwards=backwards)


def _steps(index: IntArray) -> list[int] | None:
    """By how much the place grows along each axis; None where it grows unevenly."""
    start = index.item(0)
    places: IntArray = np.array(start)
    steps: list[int] = []
    for axis, extent in enumerate(index.shape):
        steps.append(index.take([1], axis=axis).item(0) - start)
        places = np.add.outer(places, np.arange(extent) * steps[-1])
    return steps if (index == places).all() else None
