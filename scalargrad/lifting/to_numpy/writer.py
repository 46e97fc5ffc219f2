"""Writes an array program for numpy, as a person would who wants it fast.

Parameters, buffers and all views of them are bound once, for each size of batch. What runs for each batch
is the arithmetic alone, into buffers that are used again as soon as they are free. Numbers of different
examples lie side by side in the last axis.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays.loops import Last, Loop, Row, Stack
from ..arrays.program import Apply, Array, Assembly, Fold, Gather, Initial, Leaf, Scatter, View
from ..source import Pieces, Source, Wanted
from . import spelling
from .assemblies import Assemblies
from .buffers import Buffers
from .folds import Folds
from .groups import shape_of
from .layout import transposition
from .lookups import Lookups
from .loops import Loops
from .operations import Operations
from .plan import planned
from .text import Section, Text
from .views import Views

# The names that a program, or the file in which it is saved, uses beside those of its arrays.
RESERVED = ("np", "special", "directions", "gradient", "B", "share", "THETA", "CAPTURED")


def write(wanted: Wanted, dtype: str = "float64") -> Source:
    """Return the source of a function that returns its results and writes its gradient into a buffer."""
    return _Writer(wanted, dtype).source(wanted)


class _Writer:
    def __init__(self, wanted: Wanted, dtype: str) -> None:
        self.plan = planned(wanted)
        self.text = Text(wanted.names, dtype, in_rows=self.plan.in_rows, has_gradient=wanted.gradient is not None)
        self.views = Views(self.plan, self.text)
        self.buffers = Buffers(self.plan, self.text, self.views)
        parts = self.plan, self.text, self.views, self.buffers
        self.operations = Operations(*parts)
        self.folds = Folds(*parts)
        self.assemblies = Assemblies(*parts)
        self.lookups = Lookups(*parts, self.assemblies)
        self.loops = Loops(*parts)

    def source(self, wanted: Wanted) -> Source:
        for array in self.plan.order:
            if isinstance(array, Apply) and not spelling.is_spelled(array.primitive):
                function = np.vectorize(array.primitive.value, otypes=[float])
                self.text.namespace[self.text.names.of_function(array.primitive)] = function
        for array in self.plan.top:
            self._write_with_comment(array)
        self.assemblies.write_gradient()
        returned = ", ".join(map(self._returned, wanted.results))
        text = self.text.whole(wanted.summary, wanted.function, ", ".join(wanted.arguments), _shapes(wanted), returned)
        gradient = self.plan.gradient_filling
        leaves_gaps = not gradient.adds_to_gaps and gradient.leaves_gaps
        called = {
            self.text.names.of_function(array.primitive): (array.primitive, array.primitive.value)
            for array in self.plan.order
            if isinstance(array, Apply) and not spelling.is_spelled(array.primitive)
        }
        pieces = Pieces(self.text.sorted_imports(), self.text.bindings(), self.text.run, returned, called)
        return Source(text, self.text.namespace, tuple(self.text.leaves), leaves_gaps, pieces)

    def _write_with_comment(self, array: Array) -> None:
        comment = self.text.names.comment(array)
        if comment is not None:
            self.text.run += [*([""] if self.text.run else []), f"# {comment}"]
        if array not in self.plan.summed:
            self._write(array)
            self.loops.keep(array)
        self.buffers.release(array)

    def _returned(self, result: Array | float) -> str:
        text = self.views.flat(result) if isinstance(result, Array) else self.views.aligned(result, (), False)
        if isinstance(result, Array) and result.batched and self.plan.fresh.isdisjoint(self.plan.stored[result]):
            text += '.copy("K")'  # in its buffer the next call will compute
        return text

    def _write(self, array: Array) -> None:
        if isinstance(array, Leaf):
            self._write_leaf(array)
        elif isinstance(array, View):
            self._write_view(array)
        elif isinstance(array, Apply):
            self.operations.write(array)
        elif isinstance(array, Fold):
            self.folds.write(array)
        elif isinstance(array, Gather):
            self.lookups.write_gather(array)
        elif isinstance(array, Scatter):
            self.lookups.write_scatter(array)
        elif isinstance(array, Row):
            self.loops.write_row(array)
        elif isinstance(array, Loop):
            self.loops.begin(array)
            for one in array.body:
                self._write_with_comment(one)
            self.loops.end(array)
        elif not isinstance(array, Stack | Last):  # what is read of a loop has been written with it
            assert isinstance(array, Assembly), f"numpy has no way to write {array}"
            self.assemblies.write(array)

    def _write_leaf(self, leaf: Leaf) -> None:
        expression = leaf.name
        if isinstance(leaf, Initial):
            expression = self._initial(leaf)
        elif leaf.table is not None:
            expression = self.text.names.of(leaf)
            self.text.namespace[expression] = leaf.table.astype(self.text.dtype)
        elif leaf.name == "share":
            self.text.bind("share", "1 / B", Section.BATCH)
        elif leaf.name == "count":
            expression = "B"
        elif leaf in self.plan.turned:
            expression = self.text.names.unused(f"{leaf.name}_columns")
            self.text.bind_buffer(expression, shape_of(leaf.axes, leaf.batched))
            self.text.run.append(f"np.copyto({expression}, {leaf.name}.T)")
        elif not leaf.batched:
            self.text.leaves.append(leaf.name)
        self.views.expressions[leaf] = expression

    def _initial(self, leaf: Initial) -> str:
        """The name of constants, for each example."""
        if not (leaf.axes or leaf.batched):
            return spelling.literal(leaf.numbers[0])
        shape = shape_of(leaf.axes, leaf.batched)
        if len(set(map(repr, leaf.numbers))) == 1:
            return self.buffers.constant(spelling.literal(leaf.numbers[0]), shape)
        assert leaf.batched, "only states begin with different constants"
        numbers = self.text.names.of(leaf)
        self.text.namespace[numbers] = np.reshape(leaf.numbers, leaf.sizes).astype(self.text.dtype)
        columns = f"np.repeat({numbers}[..., None], B, axis=-1)"
        return self.text.bind_unused(f"{numbers}_columns", columns, Section.BATCH)

    def _write_view(self, view: View) -> None:
        base, index = view.base, view.places.index
        if view.sizes == base.sizes and view.shows_all and not isinstance(base, Leaf):
            self.views.expressions[view] = self.views.expressions[base]
            return
        is_argument = base in self.plan.arguments
        flat = self.views.flat(base)
        if isinstance(index, int):
            at = f"[:, {index}]" if is_argument else f"[{index}]"
            self.views.expressions[view] = f"{flat}{at}"
            return
        lies = self.plan.blocks.get(view)
        if lies is None:
            places = self.text.names.of(view, "places")
            self.text.namespace[places] = index
            name = self.buffers.taken(view)
            axis = int(self.plan.in_rows and view.batched)
            source = f"{flat}.T" if is_argument != bool(axis) else flat
            out = name + transposition([len(view.axes), *range(len(view.axes))]) if axis else name
            self.text.run.append(f'np.take({source}, {places}, axis={axis}, out={out}, mode="clip")')
        elif is_argument:
            self.views.expressions[view] = lies.of_argument(flat, base.size)
        else:
            self.views.expressions[view] = lies.of_buffer(flat, base.size, base.batched)


def _shapes(wanted: Wanted) -> str:
    """What the text says of its arguments: examples of any shape come in rows."""
    shapes = [f"{name} (B, {math.prod(shape)})" for name, shape in zip(wanted.arguments, wanted.shapes, strict=False)]
    return f"a row of numbers for each example: {', '.join(shapes)}" if shapes else ""
