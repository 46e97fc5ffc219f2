"""The places of a view as slices of its base, wherever they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..arrays.program import View
from ..to_numpy.layout import block
from .spelling import atom, reshaped, sliced, turned
from .windows import windows

if TYPE_CHECKING:
    from ..arrays.program import IntArray


def picked(
    text: str, sizes: Sequence[int], batched: bool, index: int | IntArray, bound: Callable[[IntArray], str]
) -> str:
    """Return the expression for numbers of an array.

    Args:
        text: the expression for the array.
        sizes: its sizes, without the batch.
        batched: whether it has numbers of its own for each example, along its first axis.
        index: the places, in the array with its axes flattened.
        bound: returns a name for a table of places, where no slices reach them.
    """
    text = atom(text)
    if isinstance(index, int):
        return f"{text}[{', '.join([*_rows(batched), *map(str, np.unravel_index(index, sizes))])}]"
    size = int(np.prod(sizes))
    if index.size == size and (index.ravel() == np.arange(size)).all():
        return text if index.shape == tuple(sizes) else reshaped(text, index.shape, batched)
    return (
        _along_axes(text, sizes, batched, index)
        or _as_block(text, sizes, batched, index)
        or windows(_flat(text, sizes, batched), size, batched, index)
        or f"{_flat(text, sizes, batched)}[{', '.join([*_rows(batched), bound(index)])}]"
    )


def is_sliced(sizes: Sequence[int], view: View) -> bool:
    """Return whether slices along axes of these sizes reach what a view shows."""
    index = view.places.index
    return isinstance(index, int) or index.size == math.prod(sizes) or _along_axes("x", sizes, True, index) is not None


def _rows(batched: bool) -> list[str]:
    return [":"] if batched else []


def _flat(text: str, sizes: Sequence[int], batched: bool) -> str:
    return text if len(sizes) == 1 else reshaped(text, [int(np.prod(sizes))], batched)


def _along_axes(text: str, sizes: Sequence[int], batched: bool, index: IntArray) -> str | None:
    """The places as one slice along each axis: each axis of the view goes along one axis of the array."""
    parts: list[str] = []
    order: list[int] = []  # the axes of the view, as the slices leave them
    for coordinate, size in zip(np.unravel_index(index, sizes), sizes, strict=True):
        moving = [axis for axis in range(index.ndim) if (np.diff(coordinate, axis=axis) != 0).any()]
        if not moving:
            parts.append(str(coordinate.flat[0]))
            continue
        if len(moving) > 1 or moving[0] in order:
            return None
        places = coordinate[tuple(slice(None) if axis == moving[0] else 0 for axis in range(index.ndim))]
        steps = np.diff(places)
        if steps[0] == 0 or (steps != steps[0]).any():
            return None
        parts.append(sliced(int(places[0]), int(steps[0]), len(places), size))
        order += moving
    if sorted(order) != list(range(index.ndim)):
        return None
    while parts and parts[-1] == ":":
        parts.pop()
    picked = f"{text}[{', '.join([*_rows(batched), *parts])}]" if parts else text
    return turned(picked, [order.index(axis) for axis in range(index.ndim)], batched)


def _as_block(text: str, sizes: Sequence[int], batched: bool, index: IntArray) -> str | None:
    """The places as a slice of the flattened array that gets another shape, of which slices are taken."""
    size = int(np.prod(sizes))
    lies = block(index, size)
    if lies is None:
        return None
    flat = _flat(text, sizes, batched)
    if (lies.start, lies.stop) != (0, size):
        flat += f"[{', '.join([*_rows(batched), f'{lies.start}:{lies.stop}'])}]"
    shaped = flat if len(lies.extents) == 1 else reshaped(flat, lies.extents, batched)
    parts = [
        str(part) if isinstance(part, int) else sliced(part.start or 0, 1, part.stop - (part.start or 0), extent)
        for part, extent in zip(lies.parts, lies.extents, strict=True)
    ]
    while parts and parts[-1] == ":":
        parts.pop()
    if parts:
        shaped += f"[{', '.join([*_rows(batched), *parts])}]"
    return turned(shaped, lies.order, batched)


def flipped(text: str, axes: Sequence[int], batched: bool) -> str:
    """Return an expression with its numbers from the last to the first along some axes, not counting the batch."""
    if not axes:
        return text
    slices = ["::-1" if axis in axes else ":" for axis in range(max(axes) + 1)]
    before = f"[{', '.join([*_rows(batched), *slices])}]"
    is_flipped = text.endswith(before) and atom(text) == text
    return text.removesuffix(before) if is_flipped else atom(text) + before
