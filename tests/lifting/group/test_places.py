"""How the places of a family are ordered: nested loops, aligned terms, matrix products."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad.lifting.group.places import (
    PAD,
    Row,
    are_too_ragged,
    dimensions,
    evened,
    evened_pairs,
    grid,
    lengths_of,
    order_of,
    sorted_alike,
)

# ---------------------------------------------------------------- loops


@st.composite
def loops(draw: st.DrawFn) -> tuple[list[int], list[Any]]:
    """Sizes of nested loops, and columns of places that grow evenly in each."""
    sizes = draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    columns = []
    for _ in range(draw(st.integers(1, 3))):
        steps = draw(st.lists(st.integers(-5, 5), min_size=len(sizes), max_size=len(sizes)))
        positions = np.indices(sizes).reshape(len(sizes), -1)
        columns.append(100 + sum(step * position for step, position in zip(steps, positions, strict=True)))
    return sizes, columns


def grows_evenly(column: Any, sizes: list[int]) -> bool:
    """Whether all steps along each loop are the same, by going through all of them."""
    table = np.asarray(column).reshape(sizes)
    return all(len(np.unique(np.diff(table, axis=axis))) <= 1 for axis in range(table.ndim))


@given(made=loops())
def test_loops_are_found(made: tuple[list[int], list[Any]]) -> None:
    """Columns of nested loops grow evenly in the loops that are recognised, which are no more than there are."""
    sizes, columns = made
    loops = dimensions(columns)
    assert math.prod(loops) == len(columns[0])
    assert len(loops) <= len(sizes)
    assert all(grows_evenly(column, loops) for column in columns)


@given(column=st.lists(st.integers(0, 20), min_size=1, max_size=12))
def test_loops_are_even_or_one(column: list[int]) -> None:
    """Any places grow evenly in the loops that are recognised, or there is one loop."""
    loops = dimensions([np.array(column)])
    assert math.prod(loops) == len(column)
    assert len(loops) <= 1 or grows_evenly(column, loops)


def test_uneven_places_have_no_loops() -> None:
    """Negative control: places that grow unevenly are one loop."""
    for column in ([0, 1, 3, 4, 9, 11], [0, 1, 5, 6, 7, 12], [0, 1, 2, 10, 12, 14], [0, 1, 2, 10, 11]):
        assert dimensions([np.array(column)]) == [len(column)]
    assert not grows_evenly([0, 1, 3, 4, 9, 11], [2, 3])
    assert dimensions([np.array([0, 1, 2, 10, 11, 12])]) == [2, 3]


same_length = st.integers(1, 8).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 5), min_size=n, max_size=n), min_size=1, max_size=3)
)


@given(columns=same_length)
@example(columns=[[3]])
def test_members_in_order(columns: list[list[int]]) -> None:
    """The order has all members, and shuffled members get the same order, if no two have equal places."""
    arrays = [np.array(column) for column in columns]
    order = order_of(arrays)
    assert sorted(order.tolist()) == list(range(len(columns[0])))
    rising = any((array[1:] > array[:-1]).all() for array in arrays)
    if not rising:
        ordered = [tuple(int(array[i]) for array in arrays) for i in order]
        shuffled = np.array(random.Random(0).sample(range(len(columns[0])), len(columns[0])))
        again = [array[shuffled] for array in arrays]
        if not any((array[1:] > array[:-1]).all() for array in again):
            assert [tuple(int(array[i]) for array in again) for i in order_of(again)] == ordered


# ---------------------------------------------------------------- terms side by side


@given(rows=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_terms_behind_one_another(rows: list[list[int]]) -> None:
    """Rows of equal length hold the places of each row in order, and padding behind them."""
    table = evened(rows)
    assert table.shape == (len(rows), max(map(len, rows)))
    for row, padded in zip(rows, table.tolist(), strict=True):
        assert padded == sorted(row) + [PAD] * (table.shape[1] - len(row))


@st.composite
def pairs(draw: st.DrawFn, even: bool) -> list[Row]:
    """The terms of members: the first factors of each, and the second."""
    length = st.just(draw(st.integers(1, 4))) if even else st.integers(1, 4)
    place = st.integers(0, draw(st.sampled_from([1, 5, 30])))
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        n = draw(length)
        rows.append((draw(st.lists(place, min_size=n, max_size=n)), draw(st.lists(place, min_size=n, max_size=n))))
    return rows


def terms(xs: Any, ys: Any) -> list[tuple[int, int]]:
    """The terms of a member without padding, in order."""
    return sorted((int(x), int(y)) for x, y in zip(xs, ys, strict=True) if PAD not in (x, y))


@given(rows=pairs(even=True))
def test_sorting_alike_keeps_the_terms(rows: list[Row]) -> None:
    """After sorting, each member has its own terms, each once."""
    first, second = sorted_alike(np.array([xs for xs, _ in rows]), np.array([ys for _, ys in rows]))
    for (xs, ys), found_xs, found_ys in zip(rows, first, second, strict=True):
        assert terms(found_xs, found_ys) == terms(xs, ys)


@given(rows=pairs(even=False))
def test_evened_pairs_keep_the_terms(rows: list[Row]) -> None:
    """After alignment, members of different lengths have their own terms, and padding in both factors or one."""
    first, second = evened_pairs(rows)
    assert first.shape == second.shape
    for (xs, ys), found_xs, found_ys in zip(rows, first, second, strict=True):
        assert terms(found_xs, found_ys) == terms(xs, ys)


def test_a_lost_term_is_seen() -> None:
    """Negative control: terms that pair other factors, or lack one, are other terms."""
    assert terms([1, 2], [3, 4]) != terms([1, 2], [4, 3])
    assert terms([1, 2], [3, PAD]) != terms([1, 2], [3, 4])


def convolution(size: int, kernel: int, border: bool, rng: random.Random) -> list[Row]:
    """The terms of each pixel of a convolution, in a random order for each pixel, with the weights first."""
    reach = kernel // 2
    rows: list[Row] = []
    inner = range(size) if border else range(reach, size - reach)
    for at in inner:
        listed = [(k, at + k - reach) for k in range(kernel) if 0 <= at + k - reach < size]
        rng.shuffle(listed)
        rows.append(([w for w, _ in listed], [x for _, x in listed]))
    return rows


@given(size=st.integers(3, 7), seed=st.integers(0, 2**16))
def test_shared_weights_come_to_stand_alike(size: int, seed: int) -> None:
    """In whatever order the terms of pixels are, all get the weights in one order, with padding at the border."""
    rng = random.Random(seed)
    rows = convolution(size, 3, border=False, rng=rng)
    first, _ = sorted_alike(np.array([xs for xs, _ in rows]), np.array([ys for _, ys in rows]))
    assert len(np.unique(first, axis=0)) == 1
    padded, inputs = evened_pairs(convolution(size, 3, border=True, rng=rng))
    assert len(np.unique(padded, axis=0)) == 1
    assert int(np.sum(inputs == PAD)) == 2


def test_shared_inputs_come_to_stand_alike() -> None:
    """Members that read more and more of one row, as tokens read those before them, are aligned with the longest."""
    rows: list[Row] = [([10 * t + s for s in range(t + 1)], list(range(t + 1))) for t in range(4)]
    first, second = evened_pairs(rows)
    assert second.tolist() == [[0, 1, 2, 3]] * 4
    assert int(np.sum(first == PAD)) == 6


def test_a_place_that_comes_twice_is_not_laid_beside() -> None:
    """With a place that comes twice, or no longest row that has all of a row, terms are in order and padded behind."""
    for rows in (
        [([1, 1], [2, 3]), ([1], [2])],
        [([1, 2], [5, 5]), ([3], [4])],
        [([1, 2, 3], [5, 6, 7]), ([2, 2], [5, 5])],
    ):
        first, second = evened_pairs(rows)
        assert [terms(xs, ys) for xs, ys in zip(first, second, strict=True)] == [terms(xs, ys) for xs, ys in rows]
        assert first[1].tolist().count(PAD) == len(rows[0][0]) - len(rows[1][0])


@given(rows=pairs(even=False), limit=st.integers(1, 4))
def test_ragged(rows: list[Row], limit: int) -> None:
    """Members are too ragged when padding gives over `limit` times as many terms."""
    of_kinds = {(-1, 0, 1): rows}
    counts = [len(xs) for xs, _ in rows]
    assert lengths_of(of_kinds) == [counts]
    table, _ = evened_pairs(rows)
    assert are_too_ragged(of_kinds, limit) == (table.size > limit * sum(counts))


# ---------------------------------------------------------------- products


@st.composite
def products(draw: st.DrawFn) -> tuple[Any, Any, tuple[int, int, int]]:
    """Members of blocks of products, shuffled: each of a block's rows with each of its columns."""
    blocks, height, width = (draw(st.integers(1, 3)) for _ in range(3))
    members = [
        ([100 * b + r, 7], [100 * b + c, 9])
        for b, r, c in itertools.product(range(blocks), range(height), range(width))
    ]
    shuffled = draw(st.permutations(members))
    return np.array([x for x, _ in shuffled]), np.array([y for _, y in shuffled]), (blocks, height, width)


@given(made=products())
def test_products_are_seen(made: tuple[Any, Any, tuple[int, int, int]]) -> None:
    """Members are ordered block by block and row by row, and all rows of a block have the same columns."""
    xs, ys, sizes = made
    order, counts = grid(xs, ys)
    assert counts == sizes
    first, second = (table[order].reshape(*sizes, 2) for table in (xs, ys))
    assert (first == first[:, :, :1]).all()
    assert (second == second[:, :1]).all()


@given(rows=pairs(even=True))
def test_a_grid_is_one_or_none(rows: list[Row]) -> None:
    """The order has all members, and in blocks each row meets each column."""
    xs, ys = np.array([xs for xs, _ in rows]), np.array([ys for _, ys in rows])
    order, (blocks, height, width) = grid(xs, ys)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert blocks * height * width == len(rows)
    first, second = (table[order].reshape(blocks, height, width, -1) for table in (xs, ys))
    assert (first == first[:, :, :1]).all()
    assert (second == second[:, :1]).all()


def test_no_product_is_seen_where_none_is() -> None:
    """Negative control: with a missing or double pair, or other columns in a row, each member is a block."""
    whole = list(itertools.product(range(3), range(3)))
    for members in (whole[:-1], [*whole, whole[0]], [*whole[:-1], (2, 3)]):
        xs, ys = (np.array([[member[at]] for member in members]) for at in (0, 1))
        order, sizes = grid(xs, ys)
        assert order.tolist() == list(range(len(members)))
        assert sizes == (len(members), 1, 1)
