"""Elementwise operations in numpy, each function of which writes into a buffer."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ...engine import primitives as p
from ..arrays.program import Apply
from . import spelling
from .buffers import Buffers
from .groups import shape_of
from .plan import Plan
from .text import Text
from .views import Views


@dataclass(frozen=True, slots=True)
class Operations:
    """Writes what is computed element by element."""

    plan: Plan
    text: Text
    views: Views
    buffers: Buffers

    def write(self, array: Apply) -> None:
        """Write an operation; one that leaves each number as it is becomes another name for its operand."""
        if array in self.plan.aliases:
            self.views.expressions[array] = self.views.variant(array.arrays[0])
            return
        operands = [self.views.aligned(operand, array.axes, array.batched) for operand in array.operands]
        if explanation := self.text.names.explanation(array.primitive):
            self.text.run.append(explanation)
        if not spelling.is_spelled(array.primitive):
            self._write_call(array, operands)
        elif not array.axes and not array.batched:
            self._write_number(array, spelling.text(self._spelled(array), operands))
        else:
            self._write_expression(array, operands)

    def _write_number(self, array: Apply, text: str) -> None:
        name = self.views.expressions[array] = self.text.names.of(array)
        self.text.run.append(f"{name} = {text}")

    def _write_call(self, array: Apply, operands: list[str]) -> None:
        """Write a primitive without an array spelling: a call of a function that works element by element."""
        call = f"{self.text.names.of_function(array.primitive)}({', '.join(operands)})"
        why = "  # for each number, as scipy is not installed" if spelling.lacks_scipy(array.primitive) else ""
        if not array.axes and not array.batched:
            self._write_number(array, call + why)
        else:
            self.buffers.release_operands(array)
            self.text.run.append(f"np.copyto({self.buffers.taken(array)}, {call}){why}")

    def _write_expression(self, array: Apply, operands: list[str]) -> None:
        """Write the array spelling of a primitive, one numpy function a line."""
        expression = self._spelled(array)
        compared = spelling.comparison(expression)
        is_mask = compared is not None and self._is_factor_alone(array)
        reads_late = spelling.reads_late(expression) or spelling.may_be_root(expression, operands)
        if not is_mask and not reads_late:
            self.buffers.release_operands(array)
        name = self.buffers.taken(array, ", bool" if is_mask else None)
        shape = shape_of(array.axes, array.batched)
        # A comparison, written into floats or a mask, is the number 1 or 0.
        spread = None if is_mask else lambda number: self.buffers.constant(number, shape)
        with self.buffers.spare(array) as spare:
            self.text.run += spelling.steps(compared or expression, operands, name, spread, spare)

    def _spelled(self, array: Apply) -> ast.expr:
        expression = spelling.expression(array.primitive, self.text.dtype)
        if spelling.needs_scipy(array.primitive):
            self.text.imports.add("from scipy import special")
        return expression

    def _is_factor_alone(self, array: Apply) -> bool:
        """Whether all that reads an array are products, which may multiply by bools as well."""
        return array not in self.plan.kept and all(
            isinstance(user, Apply) and user.primitive is p.multiply and user not in self.plan.summed
            for user in self.plan.users[array]
        )
