"""Which places slices reach: where a block is said to be, it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalargrad.lift.layout import Block, block


@st.composite
def strided(draw: st.DrawFn) -> tuple[Any, int]:
    """Places cut out of an array by slices and turned round, or places that grow evenly, and the array's size."""
    extents = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    size = int(np.prod(extents))
    if draw(st.booleans()):
        parts = [slice(start := draw(st.integers(0, n - 1)), draw(st.integers(start + 1, n))) for n in extents]
        index = np.arange(size).reshape(extents)[tuple(parts)]
        index = index.transpose(draw(st.permutations(range(index.ndim))))
    else:
        steps = [draw(st.integers(-2, 9)) for _ in extents]
        index = sum(step * position for step, position in zip(steps, np.indices(extents), strict=True))
        index = index - index.min() + draw(st.integers(0, 3))
    index = index.squeeze()
    assume(index.ndim)  # a single place is a whole number
    before, behind = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    return index + before, int(index.max()) + 1 + before + behind


def picked(numbers: Any, found: Block, in_front: bool) -> Any:
    """What a block picks from a row of numbers, or of each of a batch of rows that lies in front."""
    batch = numbers.shape[:1] if in_front else ()
    every = (slice(None),) if in_front else ()
    order = [axis + len(batch) for axis in found.order]
    part = numbers[(*every, slice(found.start, found.stop))].reshape(*batch, *found.extents)
    return part[(*every, *found.parts)].transpose(*range(len(batch)), *order)


@given(made=strided())
def test_a_block_is_these_places(made: tuple[Any, int]) -> None:
    """Wherever a block is found it picks exactly the places, in their order, and lies within the array."""
    index, size = made
    found = block(index, size)
    if found is not None:
        assert 0 <= found.start < found.stop <= size
        assert np.array_equal(picked(np.arange(size), found, in_front=False), index)


@given(made=strided())
def test_a_block_with_the_examples_in_front(made: tuple[Any, int]) -> None:
    """The same block picks the places of every row of an argument."""
    index, size = made
    found = block(index, size)
    if found is not None:
        rows = np.arange(3 * size).reshape(3, size)
        assert np.array_equal(picked(rows, found, in_front=True), rows[:, index])


@given(made=strided())
def test_a_block_is_a_view(made: tuple[Any, int]) -> None:
    """What a block picks is no copy: written into, it writes into the array."""
    index, size = made
    found = block(index, size)
    if found is not None:
        numbers = np.zeros(size)
        picked(numbers, found, in_front=False)[...] = 1.0
        assert numbers.sum() == index.size
        assert numbers[index].all()


@given(sizes=st.lists(st.integers(2, 4), min_size=1, max_size=4), data=st.data())
def test_a_transposed_array_is_a_block(sizes: list[int], data: st.DataObject) -> None:
    """All places of an array, its axes in any order, are a block; whole where they are in their own order."""
    order = data.draw(st.permutations(range(len(sizes))))
    size = int(np.prod(sizes))
    found = block(np.arange(size).reshape(sizes).transpose(order), size)
    assert found is not None
    assert found.is_whole == (list(order) == sorted(order))


@pytest.mark.parametrize(
    ("places", "size"),
    [
        ([0, 1, 3], 4),  # uneven
        ([2, 1, 0], 3),  # backwards
        ([1, 1, 1], 3),  # the same
        ([[0, 1], [1, 2]], 3),  # overlapping
        ([[0, 2], [3, 5]], 6),  # steps that do not divide one another
        ([0, 3], 4),  # the last three are not whole, and there is nothing before the first
    ],
)
def test_places_that_are_no_block(places: list[Any], size: int) -> None:
    """Negative control: places that slices do not reach are no block."""
    assert block(np.array(places), size) is None


def test_a_block_that_is_not_whole() -> None:
    """A block that leaves something out is not whole."""
    found = block(np.array([[0, 1], [3, 4]]), 6)
    assert found == Block(0, 6, (2, 3), (slice(0, 2), slice(0, 2)), (0, 1))
    assert found is not None
    assert not found.is_whole
