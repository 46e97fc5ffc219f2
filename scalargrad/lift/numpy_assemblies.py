"""Putting arrays together in numpy: the gradient from its parts, an activation beside a row of ones, an edge."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Array, Axis
from .assembling import Plan, axis_without_repeats, index_of
from .differentiate import Piece
from .layout import block
from .numpy_products import Products


class Assemblies(Products):
    """What puts numbers into their places of an array."""

    def write_assembly(self, array: Array) -> None:
        """Write what puts an array together."""
        self.room_of(array)
        self.fill(self.flat(array), self.plan_of(array), array.size, array.batched)

    def fill(self, base: str, plan: Plan, size: int, batched: bool) -> None:
        """Write the pieces into their places of the base, and add them where something is already."""
        if plan.adds_to_gaps:
            self.run.insert(0 if base == "gradient" else len(self.run), f"{base}.fill(0)")
        for piece, is_fresh, is_once in plan.steps:
            if not self._is_there(base, plan, piece):
                self.run += self._put(base, piece, index_of(piece, size), size, batched, is_fresh and is_once, is_once)

    def _is_there(self, base: str, plan: Plan, piece: Piece) -> bool:
        """Whether a piece is in its place from the start, or has been computed there."""
        if not isinstance(piece.array, Array):
            return base != "gradient" and plan.fills_once and piece.array == plan.constant
        if base == "gradient":
            return piece.array in self.direct
        return piece.array in self.within and self.within[piece.array][1] is piece

    def _put(self, base: str, piece: Piece, index: Any, size: int, batched: bool, fresh: bool, once: bool) -> list[str]:
        value = self.aligned(piece.array, piece.axes, batched)
        if isinstance(index, int):
            return [f"{base}[{index}] {'=' if fresh else '+='} {value}"]
        lies = block(index, size)
        if lies is not None:
            target = self._named_target(lies.of_buffer(base, size, batched), piece)
            return [f"np.copyto({target}, {value})" if fresh else f"np.add({target}, {value}, out={target})"]
        places = self._names_of(piece, "places")
        self.namespace[places] = index
        if once:
            return [f"{base}[{places}] {'=' if fresh else '+='} {value}"]
        return self._scattered(base, places, piece, index, batched)

    def _scattered(self, base: str, places: str, piece: Piece, index: Any, batched: bool) -> list[str]:
        """Add a piece of which several numbers go into one place: in a loop over an axis along which none meet."""
        apart = axis_without_repeats(index)
        array, axes = piece.array, piece.axes
        lacking: tuple[Axis, ...] = tuple(
            axis for axis in axes if not isinstance(array, Array) or axis not in array.axes
        )
        if (
            apart is None
            or not isinstance(array, Array)
            or array.batched != batched
            or lacking not in ((), axes[apart : apart + 1])
        ):
            return [f"np.add.at({base}, {places}, {self.aligned(array, axes, batched)})"]
        self.namespace[places] = np.moveaxis(index, apart, 0)
        rest = [axis for at, axis in enumerate(axes) if at != apart]
        if lacking:
            value = self.aligned(array, rest, batched)
        else:
            order = [apart, *(at for at in range(len(axes) + batched) if at != apart)]
            value = f"{self.variant(array, f'.transpose({str(order)[1:-1]})' if apart else '')}[i]"
        return [f"for i in range({index.shape[apart]}):", f"    {base}[{places}[i]] += {value}"]

    def _names_of(self, piece: Piece, purpose: str) -> str:
        stem = self.names.of(piece.array) if isinstance(piece.array, Array) else "constant"
        return self.names.unused(f"{stem}_{purpose}")

    def _named_target(self, text: str, piece: Piece) -> str:
        if text.isidentifier():
            return text
        name = self._names_of(piece, "place")
        self.bound.append(f"{name} = {text}")
        return name
