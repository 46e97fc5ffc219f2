"""Which places slices reach: a block has exactly the places that it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalargrad.lifting.to_numpy.layout import Block, block


@st.composite
def strided(draw: st.DrawFn) -> tuple[Any, int]:
    """Places that slices and transpositions pick, or that grow evenly, and the size of the array."""
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


def run(text: str, numbers: Any) -> Any:
    """What an expression picks from an array named w, of three examples."""
    return eval(text, {"w": numbers, "B": 3})  # noqa: S307  # text that the package writes


@given(made=strided())
def test_a_block_is_these_places(made: tuple[Any, int]) -> None:
    """A block lies in the array, and its expression picks exactly the places, in order."""
    index, size = made
    lies = block(index, size)
    if lies is not None:
        assert 0 <= lies.start < lies.stop <= size
        assert np.array_equal(run(lies.of_buffer("w", size, batched=False), np.arange(size)), index)


@given(made=strided())
def test_a_block_with_the_examples_behind(made: tuple[Any, int]) -> None:
    """The expression picks the places for each example of an array with examples in the last axis."""
    index, size = made
    lies = block(index, size)
    if lies is not None:
        numbers = np.arange(3 * size).reshape(size, 3)
        assert np.array_equal(run(lies.of_buffer("w", size, batched=True), numbers), numbers[index])


@given(made=strided())
def test_a_block_with_the_examples_in_front(made: tuple[Any, int]) -> None:
    """The expression picks the same of an argument, whose examples lie in the first axis, with examples last."""
    index, size = made
    lies = block(index, size)
    if lies is not None:
        rows = np.arange(3 * size).reshape(3, size)
        assert np.array_equal(run(lies.of_argument("w", size), rows), rows.T[index])


@given(made=strided(), batched=st.booleans())
def test_a_block_is_a_view(made: tuple[Any, int], batched: bool) -> None:
    """A block is no copy: numbers that are written into it are written into the array."""
    index, size = made
    lies = block(index, size)
    if lies is not None:
        numbers = np.zeros((size, 3) if batched else size)
        run(lies.of_buffer("w", size, batched), numbers)[...] = 1.0
        assert numbers.sum() == index.size * (3 if batched else 1)
        assert numbers[index].all()


@given(sizes=st.lists(st.integers(2, 4), min_size=1, max_size=4), data=st.data())
def test_a_transposed_array_is_a_block(sizes: list[int], data: st.DataObject) -> None:
    """All places of an array, with its axes in any order, are a block that is reshaped and transposed."""
    order = data.draw(st.permutations(range(len(sizes))))
    size = int(np.prod(sizes))
    lies = block(np.arange(size).reshape(sizes).transpose(order), size)
    assert lies is not None
    assert lies.parts == tuple(slice(0, n) for n in sizes)
    assert lies.order == tuple(order)


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
    """Negative control: places that slices do not reach are not a block."""
    assert block(np.array(places), size) is None


def test_a_block_that_leaves_something_out() -> None:
    """A part of each row is a slice of the reshaped array."""
    assert block(np.array([[0, 1], [3, 4]]), 6) == Block(0, 6, (2, 3), (slice(0, 2), slice(0, 2)), (0, 1))
