"""Putting arrays together in numpy: the gradient from its parts, an activation beside a row of ones, an edge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..arrays.program import Array, Assembly, Piece
from . import spelling
from .buffers import Buffers
from .filling import Step
from .groups import shape_of
from .layout import block
from .plan import Plan
from .text import Section, Text
from .views import Views


class Whole(NamedTuple):
    """An array that pieces are put into.

    Attributes:
        name: the name of it with its axes flattened.
        size: how many numbers it has.
        batched: whether it has them for each example.
        is_moving: whether it lies in another place in each iteration of a loop.
    """

    name: str
    size: int
    batched: bool
    is_moving: bool = False


@dataclass(frozen=True, slots=True)
class Assemblies:
    """Writes numbers into their places of an array."""

    plan: Plan
    text: Text
    views: Views
    buffers: Buffers
    _rows: dict[str, str] = field(default_factory=dict)  # flattened buffers, to which numbers are added one by one

    def write(self, assembly: Assembly) -> None:
        """Write what puts an assembly together."""
        self.buffers.of_assembly(assembly)
        base, filling = self.views.flat(assembly), self.plan.fillings[assembly]
        if filling.adds_to_gaps:
            self.text.run.append(f"{base}.fill(0)")
        whole = Whole(base, assembly.size, assembly.batched, assembly in self.plan.moving)
        for step in filling.steps:
            array = step.piece.array
            if isinstance(array, Array):
                is_there = array in self.plan.in_assembly and self.plan.in_assembly[array].piece is step.piece
            else:
                is_there = filling.fills_once and array == filling.constant
            if not is_there:
                self._put(whole, step, Section.VIEWS)

    def write_gradient(self) -> None:
        """Write what puts the gradient together."""
        filling = self.plan.gradient_filling
        if filling.adds_to_gaps:
            self.text.run.insert(0, "gradient.fill(0)")
        whole = Whole("gradient", self.plan.gradient_size, batched=False)
        for step in filling.steps:
            if step.piece.array not in self.plan.in_gradient:
                self._put(whole, step, Section.GRADIENT)

    def _put(self, whole: Whole, step: Step, section: Section) -> None:
        """Write a piece into its places, or add it where something is already."""
        piece, index, base = step.piece, step.piece.places.index, whole.name
        if not step.is_once:
            self._scatter(whole, piece)
            return
        fresh = step.is_fresh
        value = self.views.aligned(piece.array, piece.axes, whole.batched)
        if isinstance(index, int):
            self.text.run.append(f"{base}[{index}] {'=' if fresh else '+='} {value}")
            return
        lies = block(index, whole.size)
        if lies is not None:
            place = lies.of_buffer(base, whole.size, whole.batched)
            if not place.isidentifier():
                name = self.text.names.unused(self._stem(piece, "place"))
                place = self.views.bind(name, place, section, is_moving=whole.is_moving)
            self.text.run.append(f"np.copyto({place}, {value})" if fresh else f"np.add({place}, {value}, out={place})")
            return
        places = self.text.names.unused(self._stem(piece, "places"))
        self.text.namespace[places] = index
        self.text.run.append(f"{base}[{places}] {'=' if fresh else '+='} {value}")

    def _scatter(self, whole: Whole, piece: Piece) -> None:
        """Add a piece of which several numbers go into one place, one number after the other.

        Base, places and numbers are flat, those of a batch too: numpy is quick only then, and numpy
        2.4 reads beyond the numbers when the base is flat and the places are not.
        """
        base, places = whole.name, self.text.names.unused(self._stem(piece, "places"))
        self.text.namespace[places] = np.ravel(piece.places.index)
        if whole.batched:
            if base not in self._rows:
                name = self.text.names.unused(f"{base}_row")
                self._rows[base] = self.views.bind(name, f"{base}.reshape(-1)", is_moving=whole.is_moving)
            base = self._rows[base]
            spread = f"np.add.outer({places} * B, np.arange(B)).reshape(-1)"
            places = self.text.bind_unused(f"{places}_row", spread, Section.MEETING)
        self.text.run.append(f"np.add.at({base}, {places}, {self.row_of(piece, whole.batched)})")

    def row_of(self, piece: Piece, batched: bool) -> str:
        """Return the numbers of a piece in a row, each as often as it goes into a place."""
        array, axes = piece.array, piece.axes
        if not isinstance(array, Array):
            count = math.prod(axis.size for axis in axes)
            return self.buffers.constant(spelling.literal(array), (f"{count}{' * B' if batched else ''}",))
        if array.axes == axes and array.batched == batched:
            if len(axes) + batched == 1:
                return self.views.variant(array)
            if array not in self.plan.aliases or array in self.plan.unbroken:
                return self.views.variant(array, ".reshape(-1)")
        name = self.text.names.unused(f"{self.text.names.of(array)}_spread")
        self.text.bind_buffer(name, shape_of(axes, batched))
        self.text.run.append(f"np.copyto({name}, {self.views.aligned(array, axes, batched)})")
        return self.text.bind_unused(f"{name}_row", f"{name}.reshape(-1)", Section.VIEWS)

    def _stem(self, piece: Piece, purpose: str) -> str:
        return f"{self.text.names.of(piece.array) if isinstance(piece.array, Array) else 'constant'}_{purpose}"
