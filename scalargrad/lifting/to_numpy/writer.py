"""An array program written out for numpy, as a person would write it who wants it fast.

Parameters, buffers and all views of them are bound once, for each size of batch; what runs for each
batch is the arithmetic alone, into buffers that are used again as soon as they are free. Numbers
of different examples lie side by side in the last axis.
"""

from __future__ import annotations

import numpy as np

from ...engine import primitives as p
from ..arrays.program import Apply, Array, Assembly, Axis, Fold, Leaf, View
from ..source import Source, Wanted, docstring
from . import spelling
from .assemblies import Assemblies
from .assembling import Plan


def write(wanted: Wanted, dtype: str = "float64") -> Source:
    """Return the source of a function that returns its results and fills a buffer with its gradient."""
    return _Writer(wanted, dtype).source()


class _Writer(Assemblies):
    def __init__(self, wanted: Wanted, dtype: str) -> None:
        super().__init__(wanted, dtype)
        self.function, self.arguments, self.summary = wanted.function, wanted.arguments, wanted.summary
        for array in self.order:
            if isinstance(array, Apply) and array.primitive.array is None:  # to be called element by element
                function = np.vectorize(array.primitive.value, otypes=[float])
                self.namespace[self.names.of_function(array.primitive)] = function

    def source(self) -> Source:
        for array in self.order:
            self._comment(array)
            self._write(array)
            self.release(array)
        plan = Plan(self.pieces, self.gradient_size)
        self.fill("gradient", plan, self.gradient_size, batched=False)
        returned = ", ".join(self.aligned(result, (), False) for result in self.results)
        arguments = ", ".join(self.arguments)
        lines = [
            docstring(self.summary),
            "",
            "import numpy as np",
            "",
            "",
            f"def bind({', '.join([*self.leaves, 'gradient', 'B'])}):",
            *(f"    {line}" if line else "" for line in self.bindings()),
            "",
            f"    def {self.function}({arguments}):",
            *(f"        {line}" if line else "" for line in self.run),
            f"        return {returned}",
            "",
            f"    return {self.function}",
            "",
        ]
        leaves_gaps = not plan.adds_to_gaps and plan.leaves_gaps
        return Source("\n".join(lines), self.namespace, tuple(self.leaves), leaves_gaps)

    def _comment(self, array: Array) -> None:
        comment = self.names.comment(array)
        if comment is not None:
            self.run += [*([""] if self.run else []), f"# {comment}"]

    def _write(self, array: Array) -> None:
        if isinstance(array, Leaf):
            self._write_leaf(array)
        elif array in self.folded:
            return
        elif isinstance(array, View):
            self._write_view(array)
        elif isinstance(array, Apply):
            self._write_operation(array)
        elif isinstance(array, Assembly):
            self.write_assembly(array)
        else:
            assert isinstance(array, Fold)
            if array.operand in self.folded:
                self.write_contraction(array)
            else:
                self._write_fold(array)

    def _write_leaf(self, array: Leaf) -> None:
        if array.table is not None:
            name = self.names.of(array)
            self.namespace[name] = array.table.astype(self.dtype)
            self.expressions[array] = name
        elif array.name == "share":
            self.expressions[array] = "share"
            self.bound.append("share = 1 / B")
        elif array.name == "count":
            self.expressions[array] = "B"
        elif array in self.turned:
            name = self.expressions[array] = self.names.unused(f"{array.name}_columns")
            self.bound.append(f"{name} = np.empty({self.shape(array)}{self.kind})")
            self.run.append(f"np.copyto({name}, {array.name}.T)")
        else:
            self.expressions[array] = array.name
            if not array.batched:
                self.leaves.append(array.name)

    def _write_view(self, array: View) -> None:
        base = array.base
        index = array.places.index
        flat = self.flat(base)
        if isinstance(index, int):
            at = "" if base.size == 1 and not base.axes else f"[{index}]"
            self.expressions[array] = self.of_argument(base, index) or f"{flat}{at}"
            return
        found = self.block_of(array)
        if found is not None:
            is_argument = self.is_argument(base)
            self.expressions[array] = (
                found.of_argument(flat, base.size) if is_argument else found.of_buffer(flat, base.size, base.batched)
            )
            return
        places = self.names.of(array, "places")
        self.namespace[places] = index
        name = self.room_for(array)
        source = self.of_argument(base, None) or flat
        self.run.append(f'np.take({source}, {places}, axis=0, out={name}, mode="clip")')
        self.expressions[array] = name

    def _write_operation(self, array: Apply) -> None:
        if array.primitive.array == "{}":
            self.expressions[array] = self.bound_name(array.arrays[0])
            return
        operands = [self.aligned(operand, array.axes, array.batched) for operand in array.operands]
        is_single = not array.axes and not array.batched
        if array.primitive.array is None:
            call = f"{self.names.of_function(array.primitive)}({', '.join(operands)})"
            if not is_single:
                self.release_operands(array)
            name = self.expressions[array] = self.names.of(array) if is_single else self.room_for(array)
            self.run.append(f"{name} = {call}" if is_single else f"np.copyto({name}, {call})")
            return
        expression = spelling.expression(array.primitive, self.dtype)
        if is_single:
            name = self.expressions[array] = self.names.of(array)
            self.run.append(f"{name} = {spelling.text(expression, operands)}")
            return
        compared = spelling.comparison(expression)
        is_mask = compared is not None and self._is_factor_alone(array)
        reads_late = spelling.reads_late(expression) or spelling.may_be_root(expression, operands)
        if not is_mask and not reads_late:
            self.release_operands(array)
        name = self.expressions[array] = self.room_for(array, ", bool" if is_mask else None)
        # A comparison, written into floats or a mask, is the number 1 or 0.
        spread = None if is_mask else lambda number: self.constant(number, self.shape(array))
        self.run += spelling.steps(compared or expression, operands, name, spread)

    def _is_factor_alone(self, array: Array) -> bool:
        return array not in self.kept and all(
            isinstance(user, Apply) and user.primitive is p.multiply and user not in self.folded
            for user in self.users[array]
        )

    def _write_fold(self, array: Fold) -> None:
        operand, fold = array.operand, f"np.{spelling.ufunc(array.primitive)}.reduce"
        axes: list[Axis | None] = [*operand.axes, *([None] if operand.batched else [])]
        along: list[Axis | None] = [*array.along, *([None] if array.over_batch else [])]
        positions = [axes.index(axis) for axis in along]
        if fold == "np.add.reduce" and not array.over_batch and [axis.size for axis in array.along] == [2]:
            self._write_sum_of_two(array, operand, positions[0])
            return
        source = self.bound_name(operand)
        if not array.axes and not array.batched:
            name = self.expressions[array] = self.names.of(array)
            call = f"{fold}({source}{', axis=None' if len(axes) > 1 else ''})"
            if fold == "np.add.reduce" and len(axes) == 1 and self.is_plain(operand):
                call = f"np.dot({self.constant('1.0', self.shape(operand))}, {source})"
            self.run.append(f"{name} = {call}")
            return
        if fold == "np.add.reduce" and self.write_sum_as_product(array, operand, positions):
            return
        name = self.expressions[array] = self.room_for(array)
        axis = positions[0] if len(positions) == 1 else tuple(positions)
        self.run.append(f"{fold}({source}, axis={axis}, out={name})")

    def _write_sum_of_two(self, array: Array, operand: Array, position: int) -> None:
        """Write a sum of two terms: -0 and -0 are -0, as in no product with ones."""
        if not array.axes and not array.batched:
            source, name = self.bound_name(operand), self.names.of(array)
            self.run.append(f"{name} = {source}[0] + {source}[1]")
        else:
            before = ":, " * position
            terms = [self.variant(operand, f"[{before}{i}]") for i in (0, 1)]
            name = self.room_for(array)
            self.run.append(f"np.add({', '.join(terms)}, out={name})")
        self.expressions[array] = name
