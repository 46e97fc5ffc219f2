"""A third target, built on what the package offers from outside: pure functions of arrays, without any buffer.

No tests. Examples lie along the first axis. Every array is a line, computed once and never changed, as a compiler
for accelerators wants it; here plain numpy runs it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from scalargrad import Value
from scalargrad.engine.declaration import Primitive
from scalargrad.lifting.arrays.differentiate import pieces_of
from scalargrad.lifting.arrays.program import (
    Apply,
    Array,
    Assembly,
    Axis,
    Fold,
    Gather,
    Leaf,
    Piece,
    Scatter,
    View,
    needed,
)
from scalargrad.lifting.group.regroup import regroup
from scalargrad.lifting.saving import Saved
from scalargrad.lifting.source import Source, Wanted, compiled, docstring
from scalargrad.lifting.tables import NumberTables

LEAVES = ("theta", "captured", "direction")
FOLDS: dict[str, Callable[..., Any]] = {"add": np.sum, "maximum": np.max, "minimum": np.min}


class Writer:
    """Writes one function of an array program."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {
            "arange": np.arange,
            "put_together": put_together,
            "scattered": scattered,
        }
        self.texts: dict[Array, str] = {}

    def source(self) -> Source:
        wanted, names = self.wanted, self.wanted.names
        size = wanted.sizes["theta"]
        pieces = pieces_of(wanted.gradient, size)
        for array in needed([*wanted.results, *(piece.array for piece in pieces)]):
            if isinstance(array, Leaf):
                self.texts[array] = self.leaf(array)
            else:
                self.texts[array] = names.of(array)
                self.lines.append(f"{self.texts[array]} = {self.computed(array)}")
        returned = [self.text(result) for result in wanted.results]
        if wanted.gradient is not None:
            returned.append(self.together(pieces, (size,), batched=False))
        whole = [
            docstring(wanted.summary),
            "",
            f"def {wanted.function}({', '.join(['B', *LEAVES, *wanted.arguments])}):",
            *(f"    {line}" for line in self.lines),
            f"    return {', '.join(returned)}",
            "",
        ]
        return Source("\n".join(whole), self.namespace)

    def leaf(self, leaf: Leaf) -> str:
        if leaf.table is not None:
            return self.bound(leaf.table, "table")
        return {"share": "(1 / B)", "count": "B"}.get(leaf.name, leaf.name)

    def computed(self, array: Array) -> str:
        """The expression for an array, of operands that have been computed."""
        if isinstance(array, View):
            rows = "B, -1" if array.base.batched else "-1"
            picked = f"{self.text(array.base)}.reshape({rows})"
            return f"{picked}[..., {self.bound(array.places.index, 'places')}]"
        if isinstance(array, Apply):
            operands = [f"({self.aligned(operand, array.axes, array.batched)})" for operand in array.operands]
            return self.spelled(array.primitive, operands)
        if isinstance(array, Fold):
            first = int(array.operand.batched)
            axes = [first + array.operand.axes.index(axis) for axis in array.along]
            along = (*([0] if array.over_batch else []), *axes)
            return f"{self.bound(FOLDS[array.primitive.name], 'fold')}({self.text(array.operand)}, axis={along})"
        if isinstance(array, Gather):
            table = self.aligned(array.table, array.table.axes, True)
            return f"{table}[{self.coordinates(array)}]{'' if array.batched else '[0]'}"
        if isinstance(array, Scatter):
            pairs = [
                f"(({self.coordinates(gather, array.batched)},), {self.aligned(one, gather.axes, True)})"
                for one, gather in zip(array.numbers, array.gathers, strict=True)
            ]
            return f"scattered({array.sizes}, {'B' if array.batched else None}, [{', '.join(pairs)}])"
        assert isinstance(array, Assembly)
        return self.together(array.pieces, array.sizes, array.batched)

    def coordinates(self, gather: Gather, batched: bool | None = None) -> str:
        """Where in its table, and of which example, each number of a gather lies."""
        axes: list[Any] = ["batch", *gather.axes]

        def along(axis: Any, numbers: str) -> str:
            return f"{numbers}[{', '.join(':' if axis is one else 'None' for one in axes)}]"

        of_example = gather.table.batched if batched is None else batched
        index = f"{self.aligned(gather.index, gather.axes, True)}.astype(int)"
        places = [index if axis is gather.along else along(axis, f"arange({axis.size})") for axis in gather.table.axes]
        return ", ".join([along("batch", "arange(B)") if of_example else "0 * " + along("batch", "arange(B)"), *places])

    def spelled(self, primitive: Primitive, operands: list[str]) -> str:
        if primitive.array is None:
            return f"{self.bound(np.vectorize(primitive.value, otypes=[float]), 'function')}({', '.join(operands)})"
        for name in re.findall(r"(?<![.\w])[a-z]\w*", primitive.array):
            self.namespace[name] = special if name == "special" else getattr(np, name)
        return primitive.array.format(*operands)

    def together(self, pieces: Sequence[Piece], sizes: tuple[int, ...], batched: bool) -> str:
        """The expression that puts pieces together, each in its places."""
        listed = [
            f"({self.bound(piece.places.index, 'places')}, {self.aligned(piece.array, piece.axes, batched)})"
            for piece in pieces
        ]
        return f"put_together({sizes}, {'B' if batched else None}, [{', '.join(listed)}])"

    def aligned(self, operand: Array | float, axes: Sequence[Axis], batched: bool) -> str:
        """An operand with an axis of size 1 in place of each that it lacks."""
        if not isinstance(operand, Array) or not (operand.axes or operand.batched):
            return self.text(operand)
        present = [operand.batched] * batched + [axis in operand.axes for axis in axes]
        return f"{self.text(operand)}[{', '.join(':' if one else 'None' for one in present)}]"

    def text(self, operand: Array | float) -> str:
        return self.texts[operand] if isinstance(operand, Array) else self.bound(float(operand), "number")

    def bound(self, given: object, stem: str) -> str:
        name = self.wanted.names.unused(stem)
        self.namespace[name] = given
        return name


def put_together(sizes: tuple[int, ...], count: int | None, pieces: Sequence[tuple[Any, Any]]) -> Any:
    """Zeros with pieces added up in their places, for each example where there is a count."""
    rows = [] if count is None else [count]
    whole = np.zeros([*rows, math.prod(sizes)])
    for places, piece in pieces:
        index: Any = (..., places)
        np.add.at(whole, index, np.broadcast_to(piece, [*rows, *np.shape(places)]))
    return whole.reshape([*rows, *sizes])


def scattered(sizes: tuple[int, ...], count: int | None, pairs: Sequence[tuple[Any, Any]]) -> Any:
    """Zeros in the form of a table, for each example where there is a count, with numbers added where an index says."""
    whole = np.zeros([count or 1, *sizes])
    for places, numbers in pairs:
        np.add.at(whole, places, numbers)
    return whole if count else whole[0]


class FunctionalTarget(NumberTables):
    """Pure functions of arrays."""

    batched = True
    writes_loops = False
    group = staticmethod(partial(regroup, can_fold=lambda primitive: primitive.name in FOLDS))
    reserved = ("B", "put_together", "scattered", "special", *vars(np))

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def rows(self, argument: Any, given: int | str) -> tuple[Any, tuple[int, ...]]:
        array = np.asarray(argument, dtype=self.dtype)
        if not array.ndim:
            raise TypeError(f"{given} must have an entry for each example")
        return array.reshape(len(array), math.prod(array.shape[1:])), array.shape[1:]

    def notable_rows(self, table: Any) -> tuple[list[int], list[int]]:
        return list(range(min(len(table), 2))), []

    def no_index(self, table: Any, sizes: Mapping[int, int]) -> tuple[int, int, float] | None:
        wrong = [(row, at) for at, size in sizes.items() for row, x in enumerate(table[:, at]) if x not in range(size)]
        return (*min(wrong), float(table[min(wrong)])) if wrong else None

    def packed(self, values: Sequence[Value]) -> Any:
        return np.array([value.data for value in values], dtype=self.dtype)

    def is_row(self, given: Any, size: int) -> bool:
        return isinstance(given, np.ndarray) and given.shape == (size,)

    def flat(self, table: Any) -> Any:
        return table[:, 0]

    def shaped(self, rows: Any, start: int, shape: tuple[int, ...]) -> Any:
        return rows[:, start : start + math.prod(shape)].reshape(len(rows), *shape)

    def number(self, mean: Any) -> Any:
        return mean

    def check_out(self, out: Any, size: int) -> None:
        raise TypeError(f"nothing is ever changed here, not {out!r} with {size} numbers either")

    def runner(self, wanted: Wanted) -> FunctionalRunner:
        return FunctionalRunner(wanted)

    def saved(self, program: Saved) -> str:
        raise TypeError(f"there is no file for {program.name}")


class FunctionalRunner:
    """One function of a lifted program."""

    def __init__(self, wanted: Wanted) -> None:
        self.source = Writer(wanted).source()
        self.function = compiled(self.source, wanted.function)
        self.batched = isinstance(wanted.results[0], Array) and wanted.results[0].batched

    def computed(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> tuple[int, Any]:
        count = len(arguments[0]) if arguments else 1
        with np.errstate(all="ignore"):
            return count, self.function(count, *[leaves.get(name) for name in LEAVES], *arguments)

    def results(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> Any:
        count, result = self.computed(arguments, leaves)
        rows = np.reshape(result, (count, -1) if np.size(result) % count == 0 and self.batched else (1, -1))
        return np.broadcast_to(rows, (count, rows.shape[1]))

    def value_and_gradient(self, arguments: Sequence[Any], leaves: Mapping[str, Any], out: Any = None) -> Any:
        assert out is None
        _, (value, gradient) = self.computed(arguments, leaves)
        return float(value), gradient
