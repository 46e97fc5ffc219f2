"""A few examples in plain floats, where arrays do not pay: irregular code of single numbers, and small batches.

A function of numpy takes half a microsecond, however few numbers it is given, and an operation on floats a fiftieth
of a microsecond. So irregular code, whose arrays have few numbers, is quicker in floats, until there are many
examples. Which of the two runs is decided by counting operations, never by a clock: the same program makes the same
choice on every machine.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...engine.declaration import Primitive
from ..arrays.differentiate import pieces_of
from ..arrays.program import Apply, Array, Leaf, View, needed
from ..leaves import LEAVES, THETA
from ..source import Wanted
from ..to_python.target import PythonRunner
from . import spelling
from .layout import block

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64 | np.float32]"

# Nanoseconds on a common processor, fitted to functions of many kinds; `python -m benchmarks floats` compares.
ENTRY = 3000  # binding and returning arrays
CALL = 450  # a function of numpy on a small array
FURTHER = 270  # one more function for the same array, without the views
SINGLE = 60  # an operation on a single number of numpy's
OPERATION = 20  # an operation on floats
EXAMPLE = 300  # calling a function for one more example
PARAMETER = 50  # a float from an array, and one back


def limit(arrays: Sequence[Array], operations: int, parameters: int) -> float:
    """Return up to how many examples plain floats are quicker; less than 1 if they never are.

    Args:
        arrays: what a function computes in arrays.
        operations: how many operations on floats it takes for one example.
        parameters: how many numbers the parameters have.
    """
    time = sum(map(_time, arrays)) + ENTRY - PARAMETER * parameters
    return time / (OPERATION * operations + EXAMPLE)


def _time(array: Array) -> int:
    """The time for an array with few numbers."""
    if isinstance(array, Leaf):
        return 0
    if not array.axes and not array.batched:
        return SINGLE
    if isinstance(array, View):
        index = array.places.index
        return 0 if isinstance(index, int) or block(index, array.base.size) else CALL
    return CALL + FURTHER * (_functions(array.primitive) - 1 if isinstance(array, Apply) else 0)


@lru_cache(maxsize=256)
def _functions(primitive: Primitive) -> int:
    """How many functions of numpy compute a primitive."""
    if not spelling.is_spelled(primitive):
        return 1
    counted = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call)
    return sum(isinstance(node, counted) for node in ast.walk(spelling.expression(primitive)))


class FloatsRunner(PythonRunner):
    """One function of a lifted program, in plain floats; arguments and gradients are arrays."""

    def __init__(self, wanted: Wanted, dtype: np.dtype[Any]) -> None:
        super().__init__(wanted)
        self._dtype = dtype
        ends = [*wanted.results, *(piece.array for piece in pieces_of(wanted.gradient, wanted.sizes[THETA]))]
        read = {array.name for array in needed(ends) if isinstance(array, Leaf)}
        self._reads = [name if name in read else None for name in LEAVES]

    def value_and_gradient(self, arguments: Sequence[Any], leaves: Mapping[str, Any], out: Any = None) -> Any:
        """Return the mean of the result, and the gradient: a new array, or `out` with the gradient in it."""
        value, slopes = super().value_and_gradient(arguments, leaves)
        if out is None:
            return value, array_of(slopes, self._dtype)
        out[:] = array_of(slopes, self._dtype)
        return value, out

    def _run(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> list[Any]:
        given = [name and _listed(leaves[name]) for name in self._reads]
        return self._of_each([rows.tolist() for rows in arguments], given)


def _listed(numbers: Any) -> Any:
    return numbers if numbers.__class__ is list else numbers.tolist()


def array_of(numbers: Any, dtype: np.dtype[Any]) -> Floats:
    """Return floats as an array of a precision, in which what is beyond it is inf."""
    if dtype.itemsize == 8:
        return np.array(numbers, dtype)
    with np.errstate(over="ignore"):
        return np.array(numbers, dtype)
