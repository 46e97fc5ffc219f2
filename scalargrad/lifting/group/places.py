"""How the places of the operands of a family lie: in loops, in blocks, or without order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..arrays.program import IntArray

PAD = -1  # in place of a factor, where a member has fewer terms than others
BEHIND = -2  # the place of a 0 that is read as one more member of a family

Kind = tuple[int, int, int]  # of a term: minus its sign, and its factors' families
Row = tuple[list[int], list[int]]  # of a member's terms of one kind: the places of the first factors, of the second


def order_of(columns: Sequence[IntArray]) -> IntArray:
    """Return the order of a family's members: by the places of the operand that differs most, then of the others."""
    count = len(columns[0])
    if count == 1:
        return np.arange(1)
    if any((column[1:] > column[:-1]).all() for column in columns):  # one is in order, and differs everywhere
        return np.arange(count)
    distinct = [len(np.unique(column)) for column in columns]
    first = distinct.index(max(distinct))
    return np.lexsort([*columns[::-1], columns[first]])


def dimensions(columns: Sequence[IntArray]) -> list[int]:
    """Return the sizes of nested loops in which each column grows evenly, the outermost first; or of one loop."""
    whole = len(columns[0])
    table = np.stack(columns)
    sizes: list[int] = []
    while table.shape[1] > 1:
        steps = table[:, 1:] - table[:, :-1]
        even = (steps == steps[:, :1]).all(axis=0)
        run = table.shape[1] if even.all() else int(even.argmin()) + 1
        if run == 1 or table.shape[1] % run:
            return [whole]
        rows = table.reshape(len(table), -1, run)
        steps_within = rows[:, :, 1:] - rows[:, :, :-1]
        if not (steps_within == steps[:, :1, None]).all():
            return [whole]
        sizes.insert(0, run)
        table = rows[:, :, 0]
    return sizes


def lengths_of(rows: dict[Kind, list[Row]]) -> list[list[int]]:
    """Return for each kind how many terms each member has."""
    return [[len(xs) for xs, _ in of_kind] for of_kind in rows.values()]


def are_too_ragged(rows: dict[Kind, list[Row]], limit: int) -> bool:
    """Return whether padding all members to the longest would give over `limit` times as many terms."""
    return any(len(lengths) * max(lengths) > limit * sum(lengths) for lengths in lengths_of(rows))


def evened(rows: Sequence[Sequence[int]]) -> IntArray:
    """Return rows of places as an array, each row in order, the shorter ones padded."""
    length = max(map(len, rows))
    return np.array([sorted(row) + [PAD] * (length - len(row)) for row in rows])


def evened_pairs(rows: Sequence[Row]) -> list[IntArray]:
    """Return the factors of members with different numbers of terms, padded where others have a term.

    At the border of an image a neuron lacks some of the inputs that others have, but has the same weights. So
    a shorter member is aligned with a longest one by the first factors, or by the second, whichever gives
    fewer different rows.
    """
    by_second = _aligned([(ys, xs) for xs, ys in rows])
    candidates = [_aligned(rows), by_second and by_second[::-1]]
    aligned = [[np.array(factor) for factor in candidate] for candidate in candidates if candidate]
    if not aligned:
        return [evened([xs for xs, _ in rows]), _evened_in_order(rows)]
    return min(aligned, key=lambda factors: sum(_row_numbers(factor)[1] for factor in factors))


def _evened_in_order(rows: Sequence[Row]) -> IntArray:
    length = max(len(ys) for _, ys in rows)
    ordered = [[y for _, y in sorted(zip(xs, ys, strict=True))] for xs, ys in rows]
    return np.array([row + [PAD] * (length - len(row)) for row in ordered])


def _aligned(rows: Sequence[Row]) -> list[list[list[int]]] | None:
    """The rows, each completed to a longest row that has all its first factors; None if one has no such row."""
    length = max(len(xs) for xs, _ in rows)
    longest = {tuple(sorted(xs)) for xs, _ in rows if len(xs) == length}
    having: dict[int, list[tuple[int, ...]]] = {}
    for row in sorted(longest):
        if len(set(row)) < length:
            return None
        for x in row:
            having.setdefault(x, []).append(row)
    firsts, seconds = [], []
    for xs, ys in rows:
        partner = dict(zip(xs, ys, strict=True))
        whole = next((row for row in having.get(xs[0], []) if partner.keys() <= set(row)), None)
        if whole is None or len(partner) < len(xs):
            return None
        firsts.append(list(whole))
        seconds.append([partner.get(x, PAD) for x in whole])
    return [firsts, seconds]


def sorted_alike(xs: IntArray, ys: IntArray) -> list[IntArray]:
    """Return the factors of each member's terms, in the order that gives the fewest different rows.

    A sum of products may be written in any order. Sorted by the places of one factor or of the other, members
    that share weights, or inputs, have equal rows.
    """
    if _are_a_layer(xs, ys) and (ys[0, 1:] > ys[0, :-1]).all():
        return [xs, ys]
    by_second = np.lexsort((xs, ys), axis=1)
    best = [np.take_along_axis(xs, by_second, 1), np.take_along_axis(ys, by_second, 1)]
    rows = [_row_numbers(factor)[1] for factor in best]
    if len(xs) == 1 or rows[0] * rows[1] == len(xs):
        return best
    by_first = np.lexsort((ys, xs), axis=1)
    other = [np.take_along_axis(xs, by_first, 1), np.take_along_axis(ys, by_first, 1)]
    return min(best, other, key=lambda factors: sum(_row_numbers(factor)[1] for factor in factors))


def _are_a_layer(xs: IntArray, ys: IntArray) -> bool:
    """Whether all members have the same second factors, and each its own first factors: a quick test."""
    return bool((ys == ys[0]).all()) and len(set(xs[:, 0].tolist())) == len(xs)


def _row_numbers(rows: IntArray) -> tuple[IntArray, int]:
    """A number for each row, the same for equal rows, and how many numbers there are."""
    known: dict[bytes, int] = {}
    numbers = [known.setdefault(row.tobytes(), len(known)) for row in rows]
    return np.array(numbers), len(known)


def grid(xs: IntArray, ys: IntArray) -> tuple[IntArray, tuple[int, int, int]]:
    """Return the order of members in which they form matrix products, and the numbers of blocks, rows and columns.

    The members of a block pair each of its rows of first factors with each of its rows of second factors.
    Where the pairs do not form blocks, each member is a block.
    """
    if _are_a_layer(xs, ys):
        return np.arange(len(xs)), (1, len(xs), 1)
    x, rows = _row_numbers(xs)
    y, columns = _row_numbers(ys)
    partners: dict[int, list[int]] = {}
    for row, column in zip(x.tolist(), y.tolist(), strict=True):
        partners.setdefault(row, []).append(column)
    blocks: dict[tuple[int, ...], list[int]] = {}
    for row, met in partners.items():
        blocks.setdefault(tuple(sorted(met)), []).append(row)
    height, width = rows // len(blocks), columns // len(blocks)
    fits = all(len(set(met)) == len(met) == width and len(block) == height for met, block in blocks.items())
    if not fits or len(blocks) * height * width != len(xs) or len(blocks) * width != columns:
        return np.arange(len(xs)), (len(xs), 1, 1)
    block_of = np.zeros(rows, int)
    for number, block in enumerate(blocks.values()):
        block_of[block] = number
    return np.lexsort((y, x, block_of[x])), (len(blocks), height, width)
