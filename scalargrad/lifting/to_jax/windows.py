"""Windows that overlap, as those of a convolution: slices of a grid, one for each place in a window, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .spelling import atom, reshaped, turned

if TYPE_CHECKING:
    from ..arrays.program import IntArray

MOST = 64  # slices; more take longer to compile than they save


class Digit(NamedTuple):
    """A direction in which places grow evenly: how many there are, and how far apart."""

    size: int
    step: int


class Level(NamedTuple):
    """An axis of the grid.

    Attributes:
        size: its size.
        step: how far apart its places are in the array.
        start: the first place.
        digits: which directions go along it, the one with the most places last: that is sliced, the others are loops.
    """

    size: int
    step: int
    start: int
    digits: tuple[int, ...]


def windows(text: str, size: int, batched: bool, index: IntArray) -> str | None:
    """Return the expression for places of an array with one axis; None where they are no windows of a grid.

    Args:
        text: the expression for the array.
        size: how many numbers it has.
        batched: whether it has so many for each example.
        index: the places.
    """
    digits = _digits(index)
    levels = None if digits is None else _levels(digits, int(index.flat[0]), size)
    if digits is None or levels is None:
        return None
    looped = [digit for digit in range(len(digits)) if any(digit in level.digits[:-1] for level in levels)]
    if not looped or math.prod(digits[digit].size for digit in looped) > MOST:
        return None
    names = dict(zip(looped, "ijklmnopq", strict=False))
    grid = reshaped(text, [level.size for level in levels], batched)
    parts = [*([":"] if batched else []), *(_slice(level, digits, names) for level in levels)]
    loops = " ".join(f"for {names[digit]} in range({digits[digit].size})" for digit in looped)
    stacked = f"jnp.stack([{atom(grid)}[{', '.join(parts)}] {loops}]{', axis=1' if batched else ''})"
    order = [*looped, *(level.digits[-1] for level in levels)]
    apart = reshaped(stacked, [digits[digit].size for digit in order], batched)
    in_order = turned(apart, [order.index(digit) for digit in range(len(order))], batched)
    return reshaped(in_order, index.shape, batched)


def _digits(index: IntArray) -> list[Digit] | None:
    """The directions along the axes of a table of places, in order; None where places grow unevenly."""
    start, places, digits = int(index.flat[0]), np.array(index.flat[0]), list[Digit]()
    for axis in range(index.ndim):
        row = index[tuple(slice(None) if one == axis else 0 for one in range(index.ndim))] - start
        places = np.add.outer(places, row)
        own: list[Digit] = []
        while len(row) > 1:
            step = int(row[1])
            count = int(np.argmax(np.append(np.diff(row) != step, True))) + 1
            if len(row) % count or step < 1:
                return None
            own.insert(0, Digit(count, step))
            if (row.reshape(-1, count) != row[::count, None] + np.arange(count) * step).any():
                return None
            row = row[::count]
        digits += own
    return digits if (places == index).all() else None


def _levels(digits: Sequence[Digit], start: int, size: int) -> list[Level] | None:
    """The axes of the grid, the one with the largest steps first; None where the array is no such grid."""
    rising = sorted(range(len(digits)), key=lambda digit: (digits[digit].step, digits[digit].size))
    groups: list[list[int]] = []
    reach = 0
    for digit in rising:
        if groups and reach >= digits[digit].step:
            groups[-1].append(digit)
        else:
            groups.append([digit])
            reach = 0 if len(groups) == 1 else reach
        reach += (digits[digit].size - 1) * digits[digit].step
    steps = [digits[group[0]].step for group in groups]
    if steps[0] != 1:
        groups, steps = [[], *groups], [1, *steps]
    levels: list[Level] = []
    for group, step, wider in zip(groups, steps, [*steps[1:], size], strict=True):
        first = start % wider // step
        reaches = sum((digits[digit].size - 1) * digits[digit].step for digit in group) // step
        if wider % step or any(digits[digit].step % step for digit in group) or first + reaches >= wider // step:
            return None
        levels.insert(0, Level(wider // step, step, first, tuple(sorted(group, key=lambda digit: digits[digit].size))))
    return levels if all(level.digits for level in levels) else None


def _slice(level: Level, digits: Sequence[Digit], names: dict[int, str]) -> str:
    """What is taken along an axis of the grid, where loops say from where."""
    *looped, last = level.digits
    own = digits[last]
    step, terms = own.step // level.step, []
    for digit in looped:
        by = digits[digit].step // level.step
        terms.append(names[digit] if by == 1 else f"{by} * {names[digit]}")
    before = " + ".join([*terms, *([str(level.start)] if level.start else [])])
    length = (own.size - 1) * step + 1
    behind = " + ".join([*terms, str(level.start + length)])
    if not looped and length == level.size and step == 1:
        return ":"
    return f"{before}:{behind}{f':{step}' if step > 1 else ''}"
