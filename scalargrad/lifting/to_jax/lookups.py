"""Looking up in tables with jax.numpy, and adding numbers up where they were looked up."""

from __future__ import annotations

from collections.abc import Sequence

from ..arrays.program import Array, Axis, Gather, Scatter
from .reading import Reading, stored_axes, stretched
from .spelling import atom, shape, turned


def gathered(gather: Gather, reading: Reading) -> str:
    """Return the expression for a look-up. What an index beyond the table looks up is nan."""
    table, index = gather.table, gather.index
    if table.batched or set(table.axes) & set(index.axes):
        return f'{atom(reading.of(table))}.at[{_coordinates(gather, reading, table.batched)}].get(mode="fill")'
    at = table.axes.index(gather.along)
    text = f"jnp.take({reading.of(table)}, {_integers(index, reading)}, axis={at})"
    axes = stored_axes(index)
    axes = [*table.axes[:at], *axes, *table.axes[at + 1 :]]
    order = [axes.index(axis) for axis in stored_axes(gather)]
    if order == list(range(len(order))):
        return text
    return f"{text}.T" if order == [1, 0] else turned(text, order, batched=False)


def scattered(scatter: Scatter, reading: Reading) -> str:
    """Return the expression for zeros to which numbers are added where the indices say."""
    sizes = [axis.size for axis in scatter.axes]
    text = f"jnp.zeros({shape(sizes, scatter.batched)}, theta.dtype)"
    for numbers, gather in zip(scatter.numbers, scatter.gathers, strict=True):
        value = reading.aligned(numbers, gather.axes, gather.batched)
        text += f".at[{_coordinates(gather, reading, scatter.batched)}].add({value})"
    return text


def _integers(index: Array, reading: Reading) -> str:
    return f"{atom(reading.of(index))}.astype(int)"


def _coordinates(gather: Gather, reading: Reading, batched: bool) -> str:
    """Where in the table each number of a gather lies: an array of places along each axis of the table."""
    axes = stored_axes(gather)
    places = [_along(None, axes)] if batched else []
    for axis in gather.table.axes:
        if axis is gather.along:
            own = stored_axes(gather.index)
            places.append(_spread(_integers(gather.index, reading), own, axes))
        else:
            places.append(_along(axis, axes))
    return ", ".join(places)


def _along(axis: Axis | None, axes: Sequence[Axis | None]) -> str:
    return _spread(f"jnp.arange({'B' if axis is None else axis.size})", [axis], axes)


def _spread(text: str, own: Sequence[Axis | None], axes: Sequence[Axis | None]) -> str:
    return stretched(text, [axis in own for axis in axes])
