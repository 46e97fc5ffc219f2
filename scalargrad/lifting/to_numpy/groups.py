"""The axes of arrays in numpy, and which of them make a sum of products a matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ...engine import primitives as p
from ..arrays.program import Apply, Array, Axis, Fold

BATCH: Literal["batch"] = "batch"
Axes = list[Axis | Literal["batch"]]
Shape = tuple[str, ...]


def axes_of(array: Array) -> Axes:
    """Return the axes of an array as it is stored: its own, then the batch."""
    return [*array.axes, *([BATCH] if array.batched else [])]


def shape_of(axes: Sequence[Axis], batched: bool, rows: int | None = None) -> Shape:
    """Return the shape of a buffer with these axes, and with the batch in the last, as texts; or of so many of them."""
    first = [] if rows is None else [str(rows)]
    return (*first, *(str(axis.size) for axis in axes), *(["B"] if batched else []))


def extent(axes: Axes) -> str:
    """Return how many numbers lie along several axes, as text."""
    size = 1
    for axis in axes:
        if axis != BATCH:
            size *= axis.size
    if BATCH not in axes:
        return str(size)
    return "B" if size == 1 else f"{size} * B"


class Groups:
    """The axes of a sum of products, each in one group.

    Attributes:
        shared: the axes of both factors and the result.
        rows: the axes of the first factor and the result.
        columns: the axes of the second factor and the result.
        along: the axes of both factors that are summed over.
        lone: the axes of one factor that are summed over.
    """

    def __init__(self, result: Array, x: Array, y: Array) -> None:
        in_x, in_y, in_result = axes_of(x), axes_of(y), axes_of(result)
        self.shared = [axis for axis in in_x if axis in in_y and axis in in_result]
        self.rows = [axis for axis in in_x if axis not in in_y and axis in in_result]
        self.columns = [axis for axis in in_y if axis not in in_x and axis in in_result]
        self.along = [axis for axis in in_x if axis in in_y and axis not in in_result]
        self.lone = [axis for axis in in_x + in_y if (axis in in_x) != (axis in in_y) and axis not in in_result]

    @property
    def is_product(self) -> bool:
        """Whether a matrix product, or a stack of them, sums up what is to be summed and nothing else."""
        if self.lone or BATCH in self.shared:
            return False
        return not self.shared or bool(self.rows and self.columns)


def fits_a_view(fold: Fold) -> bool:
    """Whether a fold can be written into any view: no axes have to be flattened for it."""
    product = fold.operand
    if not isinstance(product, Apply) or product.primitive is not p.multiply or len(product.arrays) != 2:
        return True
    groups = Groups(fold, *product.arrays)
    return max(len(groups.shared), len(groups.rows), len(groups.columns)) <= 1
