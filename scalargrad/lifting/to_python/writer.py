"""Writes an array program of single numbers as straight-line Python, for the standard library alone.

The program is written twice. The quick one uses Python's operators and `math`, which raise where IEEE
arithmetic has a result (1 / 0, exp(1000)). The careful one uses the values of the primitives. It runs when
the quick one has raised.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...engine.declaration import OPERATORS, Primitive, named
from ..arrays.differentiate import pieces_of
from ..arrays.loops import Last, Loop, Row, Stack, flattened
from ..arrays.program import Apply, Array, Assembly, Gather, Initial, Leaf, Piece, Scatter, View, needed
from ..leaves import LEAVES, THETA
from ..source import SMALL, Pieces, Source, Wanted, docstring
from .lookups import Lookups
from .loops import Loops


def write(wanted: Wanted, careful: bool = False) -> Source:
    """Return the source of a function of leaves and arguments that returns the results, and the gradient if any."""
    return _Writer(wanted, careful).source(wanted)


class _Writer:
    def __init__(self, wanted: Wanted, careful: bool) -> None:
        self.careful = careful
        self.names = wanted.names
        self.texts: dict[Array, str] = {}
        self.lines: list[str] = []
        self.pieces, self.stacked, self.scattered = _by_place(wanted)
        parts = [part for place in self.pieces.values() for part in place]
        top = needed([*wanted.results, *parts, *(piece.array for piece in self.stacked), *self.scattered])
        self.order = flattened(top)
        self.top = top
        applied = [array.primitive for array in self.order if isinstance(array, Apply)]
        called = [primitive for primitive in applied if not _is_operator(primitive, careful)]
        self.functions = {primitive: self.names.of_function(primitive) for primitive in called}
        self.lookups = Lookups(self.names, self.text)
        self.loops = Loops(self.names, self.text, self.texts, self.order)

    def text(self, operand: Array | float) -> str:
        return self.texts[operand] if isinstance(operand, Array) else _literal(operand)

    def source(self, wanted: Wanted) -> Source:
        for array in self.top:
            self._write(array)
        returned = [self.text(result) for result in wanted.results]
        if wanted.gradient is not None:
            returned.append(self._gradient(wanted.sizes[THETA]))
        by_name = {name: (primitive, _function(primitive, self.careful)) for primitive, name in self.functions.items()}
        namespace: dict[str, Any] = {name: function for name, (_, function) in by_name.items()}
        tables = self.lookups.tables | self.loops.tables
        whole = [
            docstring(wanted.summary),
            "",
            *_given([leaf.name for leaf in self.order if isinstance(leaf, Leaf)], namespace, tables),
            "",
            "",
            f"def {wanted.function}({', '.join([*LEAVES, *wanted.arguments])}):",
            *(f"    {line}" for line in self.lines),
            f"    return {', '.join(returned) or '()'}",
            "",
        ]
        namespace |= tables
        pieces = Pieces([], [], self.lines, ", ".join(returned), by_name)
        return Source("\n".join(whole), namespace, pieces=pieces)

    def _gradient(self, size: int) -> str:
        """The text of the gradient, after the lines that add to it."""
        sums = [" + ".join(map(self.text, self.pieces[i])) if i in self.pieces else "0.0" for i in range(size)]
        slopes = f"[{', '.join(sums)}]"
        if not (self.scattered or self.stacked):
            return slopes
        name = self.names.unused("gradient")
        self.lines.append(f"{name} = {slopes}")
        for piece in self.stacked:
            self.lines += self.loops.additions(name, piece)
        self.lines += self.lookups.gradient(name, self.scattered)
        return name

    def _write(self, array: Array) -> None:
        if isinstance(array, Initial):
            self.texts[array] = self.loops.initial(array)
        elif isinstance(array, View) and isinstance(array.base, Initial) and not array.axes:
            self.texts[array] = _literal(array.base.numbers[array.places.first])
        elif isinstance(array, Leaf):
            self.texts[array] = array.name if array.table is None else self.loops.table(array)
        elif isinstance(array, Loop):
            self._write_loop(array)
        elif isinstance(array, Stack | Last):
            pass  # it has been written with the loop
        elif isinstance(array, View) and 0 < len(array.axes) < len(array.base.axes):
            self.texts[array] = self.loops.part(array)
        elif (isinstance(array, View) and array.axes) or array in self.scattered:
            pass  # a table that is a part of a leaf, or what is added right into the gradient
        elif isinstance(array, Assembly | Gather | Scatter):
            self.texts[array] = self.names.of(array)
            self.lines += self.lookups.lines(array, self.texts[array])
        elif isinstance(array, View):
            self.texts[array] = self.names.of(array)
            self.lines.append(f"{self.texts[array]} = {self.loops.part(array)}")
        elif isinstance(array, Row):
            self.lines.append(self.loops.row(array))
        else:
            self._write_operation(array)

    def _write_operation(self, array: Array) -> None:
        assert isinstance(array, Apply), "single numbers are neither folded nor put together"
        if array.primitive.keeps_value:
            self.texts[array] = self.text(array.operands[0])
            return
        operands = [self.text(operand) for operand in array.operands]
        self.texts[array] = self.loops.names_of_results.get(array) or self.names.of(array)
        name = self.functions.get(array.primitive)
        written = f"{name}({', '.join(operands)})" if name else array.primitive.notation.format(*operands)
        self.lines.append(f"{self.texts[array]} = {written}")

    def _write_loop(self, loop: Loop) -> None:
        self.lines += self.loops.before(loop)
        outer, self.lines = self.lines, []
        self.lines += self.loops.kept(loop, loop.states)
        for array in loop.body:
            self._write(array)
            self.lines += self.loops.kept(loop, [array])
        self.lines += self.loops.handed_on(loop)
        body, self.lines = self.lines, outer
        self.lines += [self.loops.header(loop), *(f"    {line}" for line in body)]
        self.loops.after(loop)


def _by_place(wanted: Wanted) -> tuple[dict[int, list[Array | float]], list[Piece], dict[Scatter, Piece]]:
    """The terms of each entry of the gradient; what is added to it from loops, and where something was looked up."""
    stacked: list[Piece] = []
    parts: dict[int, list[Array | float]] = {}
    scattered: dict[Scatter, Piece] = {}
    for piece in pieces_of(wanted.gradient, wanted.sizes[THETA]):
        if isinstance(piece.array, Scatter):
            scattered[piece.array] = piece
        elif isinstance(piece.array, Stack):
            stacked.append(piece)
        else:
            parts.setdefault(piece.places.first, []).append(piece.array)
    return parts, stacked, scattered


def _given(read: Sequence[str], functions: Mapping[str, Any], tables: Mapping[str, Sequence[Any]]) -> list[str]:
    """The lines above a function: what it does not read, and where the names come from that it reads."""
    lines = [f"# for one example; it does not read {' or '.join(name for name in LEAVES if name not in read)}"]
    if set(LEAVES).issubset(read):
        lines = ["# for one example"]
    named = {name: getattr(function, "__name__", "") for name, function in functions.items()}
    standard = {name: own for name, own in named.items() if getattr(math, own, None) is functions[name]}
    imported = [own if name == own else f"{own} as {name}" for name, own in standard.items()]
    others = [f"the function {name}" for name in functions if name not in standard]
    others += [f"{name} of {len(table)} numbers" for name, table in tables.items() if len(table) > SMALL]
    lines += [f"# given: {', '.join(others)}"] if others else []
    small = [(name, table) for name, table in tables.items() if len(table) <= SMALL]
    lines += [f"{name} = [{', '.join(map(_literal, table))}]" for name, table in small]
    return [*([f"from math import {', '.join(sorted(imported))}", ""] if imported else []), *lines]


_OPERATORS = {named(name): getattr(operator, sign.method) for name, sign in OPERATORS.items() if sign.node}


def _is_operator(primitive: Primitive, careful: bool) -> bool:
    """Whether the function that computes a primitive is one of Python's operators."""
    return primitive in _OPERATORS and _function(primitive, careful) is _OPERATORS[primitive]


def _function(primitive: Primitive, careful: bool) -> Callable[..., float]:
    """The function that computes a primitive: its value, or in the quick program the one that raises, if any."""
    function: Callable[..., float] = getattr(primitive.value, "answers_for", primitive.value)
    return primitive.value if careful else function


def _literal(number: float) -> str:
    return repr(number) if math.isfinite(number) else f'float("{number}")'
