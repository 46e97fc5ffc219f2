"""The axes of a sum of products, and which of them make it a matrix product."""

from __future__ import annotations

from typing import Literal

from ...engine import primitives as p
from ..arrays.program import Apply, Array, Axis, Fold

BATCH: Literal["batch"] = "batch"
Axes = list[Axis | Literal["batch"]]


def axes_of(array: Array) -> Axes:
    """Return the axes of an array as it is stored: its own, then the batch."""
    return [*array.axes, *([BATCH] if array.batched else [])]


class Groups:
    """The axes of a sum of products: of both factors and the result, of one and the result, of the factors alone."""

    def __init__(self, result: Array, x: Array, y: Array) -> None:
        in_x, in_y, in_result = axes_of(x), axes_of(y), axes_of(result)
        self.shared = [axis for axis in in_x if axis in in_y and axis in in_result]
        self.rows = [axis for axis in in_x if axis not in in_y and axis in in_result]
        self.columns = [axis for axis in in_y if axis not in in_x and axis in in_result]
        self.along = [axis for axis in in_x if axis in in_y and axis not in in_result]
        self.lone = [axis for axis in in_x + in_y if (axis in in_x) != (axis in in_y) and axis not in in_result]

    @classmethod
    def fit_a_view(cls, array: Fold) -> bool:
        """Whether a fold can be written into any view: no axes have to be flattened for it."""
        product = array.operand
        if not isinstance(product, Apply) or product.primitive is not p.multiply or len(product.arrays) != 2:
            return True
        groups = cls(array, *product.arrays)
        return max(len(groups.shared), len(groups.rows), len(groups.columns)) <= 1


def extent(axes: Axes) -> str:
    """Return how many numbers lie along several axes, as text."""
    size = 1
    for axis in axes:
        if axis != BATCH:
            size *= axis.size
    if BATCH not in axes:
        return str(size)
    return "B" if size == 1 else f"{size} * B"
