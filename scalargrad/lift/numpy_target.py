"""How a lifted program runs on numpy: arguments as arrays, buffers kept for each size of batch."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from threading import Lock
from typing import Any

import numpy as np

from ..declaration import registered
from ..value import Value
from .arrays import Array
from .naming import Names
from .numpy_source import write
from .regroup import regroup
from .source import compiled

KEPT = 8  # sizes of batch for which buffers are kept: that of training, that of what is left over, a few more
_data = attrgetter("_data")


class Target:
    """Programs in numpy, with numbers of one precision: "float64" or "float32"."""

    batched = True
    group = staticmethod(regroup)

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)

    def rows(self, argument: Any, name: str) -> tuple[Any, int, tuple[int, ...]]:
        """Return an argument as a matrix with a row for each example, their number, and the shape of one.

        Raises:
            TypeError: for what is no numbers.
            ValueError: for examples of different shapes.
        """
        if argument.__class__ is np.ndarray and argument.ndim == 2 and self._is_ready(argument):  # as most are
            return argument, len(argument), argument.shape[1:]
        try:
            array = np.asarray(argument)
        except ValueError:
            wanted = f"{name} must have the same shape for each example"
            raise ValueError(f"{wanted}, got rows of different lengths") from None
        if isinstance(argument, np.ma.MaskedArray):
            raise TypeError(f"{name} must be plain numbers, got an array of which some are masked")
        if array.ndim == 0:
            raise TypeError(f"{name} must have an entry for each example, got {argument!r}")
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{name} must be real numbers, got an array of {array.dtype}")
        table = np.ascontiguousarray(array, dtype=self.dtype)
        return table.reshape(len(table), math.prod(table.shape[1:])), len(table), table.shape[1:]

    def numbers(self, values: Sequence[Value]) -> Any:
        """Return the Values' numbers as an array."""
        return np.fromiter(map(_data, values), self.dtype, len(values))

    def is_vector(self, given: Any, size: int) -> bool:
        """Whether that is so many numbers in an array as the program works on."""
        return given.__class__ is np.ndarray and given.shape == (size,) and self._is_ready(given)

    def _is_ready(self, array: Any) -> bool:
        return bool(array.dtype == self.dtype and array.flags.c_contiguous)

    def check_room(self, out: Any, size: int) -> None:
        """Refuse an array that a gradient cannot be written into.

        Raises:
            TypeError: for anything but a writable array of that many numbers, of the program's precision.
        """
        if not self.is_vector(out, size) or not out.flags.writeable:
            got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise TypeError(f"out must be a writable array of {size} numbers in a row, {self.dtype}, got {got}")

    def reserved(self) -> list[str]:
        """Return the names of what the text calls: the user's operations of today among them."""
        return ["bind", "i", *(primitive.name for primitive in registered() if primitive.array is None)]

    def runner(self, *program: Any) -> Runner:
        """Return what runs one function of a lifted program."""
        return Runner(self.dtype.name, *program)


def several(results: Sequence[Any], count: int) -> Any:
    """Return the results for each example as an array: one for each, or a row of them."""
    columns = [np.broadcast_to(result, (count,)) for result in results]
    return columns[0].copy() if len(columns) == 1 else np.stack(columns, axis=1)


class Runner:
    """One function of a lifted program: its source, and its buffers for each size of batch."""

    def __init__(
        self,
        dtype: str,
        function: str,
        arguments: Sequence[str],
        results: Sequence[Array | float],
        gradient: Array | float | None,
        sizes: Mapping[str, int],
        names: Names,
        summary: str,
    ) -> None:
        self.source = write(function, arguments, results, gradient, sizes["theta"], names, summary, dtype)
        self.dtype = dtype
        self.sizes = {name: sizes[name] for name in self.source.leaves}
        self.size = sizes["theta"]
        self._bind = compiled(self.source, "bind")
        self._bound: OrderedDict[int, list[_Bound]] = OrderedDict()
        self._lock = Lock()

    def run(
        self, arguments: Sequence[Any], count: int, leaves: Mapping[str, Any], per_example: bool, out: Any = None
    ) -> Any:
        """Return the results, and the gradient if the function has one, for a batch of examples.

        With `out` the gradient is copied into that array, and not into a new one.
        """
        bound = self._taken(count)
        try:
            for name, buffer in bound.leaves.items():
                buffer[...] = leaves[name]
            with np.errstate(all="ignore"):  # nan and inf are answers, as they are in the engine
                found = bound.function(*arguments)
            if per_example:
                return several(found if isinstance(found, tuple) else (found,), count)
            if out is None:
                return float(found), bound.gradient.copy()
            out[...] = bound.gradient
            return float(found), out
        finally:
            self._give_back(count, bound)

    def _taken(self, count: int) -> _Bound:
        """Buffers for a size of batch that nobody uses now: of those that are kept, or new ones."""
        with self._lock:
            waiting = self._bound.get(count)
            if waiting:
                return waiting.pop()
        return _Bound(self, count)

    def _give_back(self, count: int, bound: _Bound) -> None:
        with self._lock:
            self._bound.setdefault(count, []).append(bound)
            self._bound.move_to_end(count)
            while len(self._bound) > KEPT:
                self._bound.popitem(last=False)

    def bind(self, leaves: dict[str, Any], gradient: Any, count: int) -> Callable[..., Any]:
        """Return the function for a size of batch, bound to these arrays."""
        function: Callable[..., Any] = self._bind(*leaves.values(), gradient, count)
        return function


class _Bound:
    """A function with its buffers; one call at a time."""

    def __init__(self, runner: Runner, count: int) -> None:
        self.leaves = {name: np.empty(size, runner.dtype) for name, size in runner.sizes.items()}
        self.gradient = np.zeros(runner.size, runner.dtype)  # nothing is written where it is always 0
        self.function = runner.bind(self.leaves, self.gradient, count)
