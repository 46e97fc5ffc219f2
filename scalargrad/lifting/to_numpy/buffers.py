"""Where a numpy program keeps what it computes: in buffers that are used again as soon as they are free.

Some results have a place from the start: a part of the gradient, or of an assembly. All others get a buffer
that is free, or a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from ..arrays.program import Array, Assembly
from . import spelling
from .groups import Shape, shape_of
from .plan import Plan
from .text import Section, Text
from .views import Views

_LARGEST = [float(np.finfo(dtype).max) for dtype in ("float64", "float32")]
_NAMES_OF_CONSTANTS = {"0.0": "zeros", "1.0": "ones"}  # of arrays that have a number in all places
_NAMES_OF_CONSTANTS |= {spelling.literal(number): "largest" for number in _LARGEST}
_NAMES_OF_CONSTANTS |= {spelling.literal(-number): "lowest" for number in _LARGEST}


class Kind(NamedTuple):
    """What a buffer can hold: its shape, and the argument of np.empty for its type, as text."""

    shape: Shape
    dtype_argument: str


class Held(NamedTuple):
    """A buffer in use: the position after which it is free, and its kind."""

    until: int
    kind: Kind


class Buffers:
    """The buffers of a program, by name: which are free, and which are in use until when."""

    def __init__(self, plan: Plan, text: Text, views: Views) -> None:
        self.plan = plan
        self.text = text
        self.views = views
        self._free: dict[Kind, list[str]] = {}
        self._expiring: dict[int, list[str]] = {}  # names by the position after which their buffers are free
        self._held: dict[str, Held] = {}
        self._constants: dict[tuple[str, Shape], str] = {}
        self.rows: dict[Array, Callable[[], str]] = {}  # gives the row of a stack in which an array is computed
        self.in_place: dict[Array, str] = {}  # the names of the states into which results are computed
        self._homes = {home.assembly for home in plan.in_assembly.values()}

    def taken(self, array: Array, dtype_argument: str | None = None) -> str:
        """Return the name of a buffer for an array, which is from then on the expression for it."""
        name = self.views.expressions[array] = self._taken(array, dtype_argument)
        return name

    def _taken(self, array: Array, dtype_argument: str | None) -> str:
        plan, text = self.plan, self.text
        if array in self.rows or array in plan.fresh:
            name = text.names.of(array)
            new = text.new(shape_of(array.axes, array.batched))
            text.run.append(f"{name} = {self.rows[array]() if array in self.rows else new}")
            return name
        if array in self.in_place:
            return self.in_place[array]
        kind = Kind(
            shape_of(array.axes, array.batched), text.dtype_argument if dtype_argument is None else dtype_argument
        )
        waiting = self._free.get(kind, [])
        continued = text.names.continued(array)
        has_a_place = array in plan.in_gradient or array in plan.in_assembly
        if continued is not None and not has_a_place and self.views.expressions.get(continued) in waiting:
            name = self.views.expressions[continued]
            waiting.remove(name)
            self._hold(name, array, kind)
            return name
        name = text.names.of(array)
        if array in plan.in_gradient:
            lies = plan.in_gradient[array]
            return text.bind(name, lies.of_buffer("gradient", plan.gradient_size, batched=False), Section.GRADIENT)
        if array in plan.in_assembly:
            assembly, _, lies = plan.in_assembly[array]
            place = lies.of_buffer(self.of_assembly(assembly), assembly.size, assembly.batched)
            return self.views.bind(name, place, is_moving=array in plan.moving)
        if waiting:
            text.bind(name, waiting.pop(), Section.BUFFERS)
        else:
            text.bind(name, text.new(kind.shape, dtype_argument=kind.dtype_argument), Section.BUFFERS)
        self._hold(name, array, kind)
        return name

    def _hold(self, name: str, array: Array, kind: Kind) -> None:
        until = self.plan.last_use[array]
        self._held[name] = Held(until, kind)
        self._expiring.setdefault(until, []).append(name)

    def release(self, array: Array) -> None:
        """Let go the buffers that nothing needs after an array has been computed."""
        position = self.plan.position[array]
        for name in self._expiring.pop(position, []):
            held = self._held.get(name)
            if held is not None and held.until == position:  # it may have been released before, or held again
                self._let_go(name, held)

    def release_operands(self, array: Array) -> None:
        """Let the result of an elementwise operation take the place of an operand that is not read again."""
        position, expressions, stored = self.plan.position[array], self.views.expressions, self.plan.stored
        read = [expressions[one] for operand in array.arrays for one in stored[operand]]
        aligned = [
            expressions[one]
            for operand in array.arrays
            if operand in self.plan.plain and operand not in self.plan.summed
            for one in stored[operand]
        ]
        kind = Kind(shape_of(array.axes, array.batched), self.text.dtype_argument)
        for name in sorted(set(aligned)):
            held = self._held.get(name)
            if held == Held(position, kind) and read.count(name) == aligned.count(name):
                self._let_go(name, held)

    def _let_go(self, name: str, held: Held) -> None:
        self._free.setdefault(held.kind, []).append(name)
        del self._held[name]

    @contextmanager
    def spare(self, array: Array) -> Iterator[Callable[[], str]]:
        """Yield what returns the name of one more buffer of the array's shape, which is free again after the block."""
        kind = Kind(shape_of(array.axes, array.batched), self.text.dtype_argument)
        taken: list[str] = []

        def spare() -> str:
            waiting = self._free.get(kind)
            if waiting:
                taken.append(waiting.pop())
            else:
                name = self.text.names.of(array, "spare")
                taken.append(self.text.bind_buffer(name, kind.shape))
            return taken[-1]

        yield spare
        if taken:
            self._free.setdefault(kind, []).extend(taken)

    def constant(self, number: str, shape: Shape) -> str:
        """Return the name of an array that has a number in all places."""
        if (number, shape) not in self._constants:
            name = self.text.names.unused(_NAMES_OF_CONSTANTS.get(number, "constant"))
            self._constants[number, shape] = self.text.bind_buffer(name, shape, number)
        return self._constants[number, shape]

    def of_assembly(self, assembly: Assembly) -> str:
        """Return the name of an assembly's buffer, which it has alone if numbers stand there before it is filled."""
        expressions = self.views.expressions
        if assembly not in expressions:
            constant = self.plan.fillings[assembly].constant
            if assembly in self.rows or (constant is None and assembly not in self._homes):
                return self.taken(assembly)
            name = expressions[assembly] = self.text.names.of(assembly)
            number = None if constant is None else spelling.literal(constant)
            new = self.text.new(shape_of(assembly.axes, assembly.batched), number)
            if assembly in self.plan.fresh:
                self.text.run.append(f"{name} = {new}")
            else:
                self.text.bind(name, new, Section.BUFFERS)
        return expressions[assembly]
