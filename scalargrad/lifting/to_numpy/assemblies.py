"""Putting arrays together in numpy: the gradient from its parts, an activation beside a row of ones, an edge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..arrays.program import Array, Assembly, Piece
from ..source import Wanted
from . import spelling
from .assembling import Plan
from .layout import block
from .products import Products
from .views import shape_of

if TYPE_CHECKING:
    from ..arrays.program import IntArray


class Assemblies(Products):
    """What puts numbers into their places of an array."""

    def __init__(self, wanted: Wanted, dtype: str) -> None:
        super().__init__(wanted, dtype)
        self._rows: dict[str, str] = {}  # the names of buffers to which numbers are added one by one, folded flat

    def write_assembly(self, array: Assembly) -> None:
        """Write what puts an array together."""
        self.room_of(array)
        self.fill(self.flat(array), self.plan_of(array), array.size, array.batched)

    def fill(self, base: str, plan: Plan, size: int, batched: bool) -> None:
        """Write the pieces into their places of the base, and add them where something is already."""
        if plan.adds_to_gaps:
            self.run.insert(0 if base == "gradient" else len(self.run), f"{base}.fill(0)")
        for piece, is_fresh, is_once in plan.steps:
            if not self._is_there(base, plan, piece):
                self.run += self._put(base, piece, piece.places.index, size, batched, is_fresh and is_once, is_once)

    def _is_there(self, base: str, plan: Plan, piece: Piece) -> bool:
        """Whether a piece is in its place from the start, or has been computed there."""
        if not isinstance(piece.array, Array):
            return base != "gradient" and plan.fills_once and piece.array == plan.constant
        if base == "gradient":
            return piece.array in self.direct
        return piece.array in self.within and self.within[piece.array][1] is piece

    def _put(
        self, base: str, piece: Piece, index: int | IntArray, size: int, batched: bool, fresh: bool, once: bool
    ) -> list[str]:
        if not once:
            return [self._scattered(base, piece, index, batched)]
        value = self.aligned(piece.array, piece.axes, batched)
        if isinstance(index, int):
            return [f"{base}[{index}] {'=' if fresh else '+='} {value}"]
        lies = block(index, size)
        if lies is not None:
            target = self._named_target(lies.of_buffer(base, size, batched), piece)
            return [f"np.copyto({target}, {value})" if fresh else f"np.add({target}, {value}, out={target})"]
        places = self.names.unused(self._stem(piece, "places"))
        self.namespace[places] = index
        return [f"{base}[{places}] {'=' if fresh else '+='} {value}"]

    def _scattered(self, base: str, piece: Piece, index: int | IntArray, batched: bool) -> str:
        """Add a piece of which several numbers go into one place, one number after the other.

        Base, places and numbers are flat, those of a batch too: numpy is quick only then, and numpy
        2.4 reads beyond the numbers when the base is flat and the places are not.
        """
        places = self.names.unused(self._stem(piece, "places"))
        self.namespace[places] = np.ravel(index)
        if batched:
            if base not in self._rows:
                self._rows[base] = self._bound_as(f"{base}_row", f"{base}.reshape(-1)")
            base = self._rows[base]
            places = self._bound_as(f"{places}_row", f"np.add.outer({places} * B, np.arange(B)).reshape(-1)")
        return f"np.add.at({base}, {places}, {self._row_of(piece, batched)})"

    def _row_of(self, piece: Piece, batched: bool) -> str:
        """The numbers of a piece in a row, each as often as it goes into a place."""
        array, axes = piece.array, piece.axes
        if not isinstance(array, Array):
            count = math.prod(axis.size for axis in axes)
            return self.constant(spelling.literal(array), f"({count}{' * B' if batched else ''},)")
        if array.axes == axes and array.batched == batched:
            if len(axes) + batched == 1:
                return self.bound_name(array)
            if not self.is_alias(array) or self.is_all_in_order(array):
                return self.variant(array, ".reshape(-1)")
        room = self._bound_as(f"{self.names.of(array)}_spread", f"np.empty({shape_of(axes, batched)}{self.kind})")
        self.run.append(f"np.copyto({room}, {self.aligned(array, axes, batched)})")
        return self._bound_as(f"{room}_row", f"{room}.reshape(-1)")

    def _bound_as(self, stem: str, text: str) -> str:
        name = self.names.unused(stem)
        self.bound.append(f"{name} = {text}")
        return name

    def _stem(self, piece: Piece, purpose: str) -> str:
        return f"{self.names.of(piece.array) if isinstance(piece.array, Array) else 'constant'}_{purpose}"

    def _named_target(self, text: str, piece: Piece) -> str:
        if text.isidentifier():
            return text
        return self._bound_as(self._stem(piece, "place"), text)
