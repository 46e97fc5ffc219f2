"""How a lifted program runs on numpy: arguments are arrays, and buffers are kept for each size of batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from ...engine.floats import counted, exact
from ...engine.value import Value
from ..arrays.program import Array
from ..forms import without_rows
from ..group.regroup import regroup
from ..group.scalars import ungrouped
from ..leaves import THETA
from ..loops.splitting import Limits
from ..saving import Saved
from ..source import Code, Wanted
from ..tables import NumberTables
from .floats import Floats, FloatsRunner, array_of, limit
from .saved import saved
from .spelling import is_one_function
from .writer import RESERVED, write

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 8  # sizes of batch for which buffers are always kept: that of training, that of the last batch, a few more
KEPT_BYTES = 128_000_000  # and how large the buffers for still more sizes may be
_data = attrgetter("_data")
_ndarray = np.ndarray


class _Tables(NumberTables):
    """What is the same for arrays and plain floats: a table is a matrix of one precision."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)

    def rows(self, argument: object, given: int | str) -> tuple[Floats, tuple[int, ...]]:
        """Return an argument as a matrix with a row for each example, and the shape of one example.

        In messages the argument is `given`, its name, or its position from 1.

        Raises:
            TypeError: for what is not numbers.
            ValueError: for examples of different shapes, and an integer that the precision does not have.
        """
        if argument.__class__ is _ndarray and argument.dtype is self.dtype and argument.flags.c_contiguous:
            shape = argument.shape
            if len(shape) == 2:  # as in most calls
                return argument, shape[1:]
            if len(shape) == 1:
                return argument[:, None], ()
        name = f"argument {given}" if isinstance(given, int) else given
        try:
            array = np.asarray(argument)
        except ValueError:
            wanted = f"{name} must have the same shape for each example"
            raise ValueError(f"{wanted}, got rows of different lengths") from None
        if isinstance(argument, np.ma.MaskedArray):
            raise TypeError(f"{name} must be plain numbers, got an array of which some are masked")
        if array.ndim == 0:
            raise without_rows(argument, given)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} must be real numbers, got an array of {array.dtype}")
        self._refuse_rounding(argument, array, name)
        table = np.ascontiguousarray(array, dtype=self.dtype)
        return table.reshape(len(table), math.prod(table.shape[1:])), table.shape[1:]

    def _refuse_rounding(self, argument: object, array: NDArray[Any], name: str) -> None:
        """Raise for an integer that the precision does not have; numpy has rounded it already beside a float."""
        is_listed = isinstance(argument, (list, tuple))
        if array.dtype.kind == "f" and not is_listed:
            return
        limit = 2.0 ** (np.finfo(self.dtype).nmant + 1)
        large = (array >= limit) | (array <= -limit)
        if large.any():
            for entry in _entries(argument) if is_listed else array[large].tolist():
                exact(entry, name, self.dtype.type)

    def notable_rows(self, table: Floats) -> tuple[list[int], list[int]]:
        """Return the first rows of a table with nan, inf and 0, and those with the extreme finite numbers."""
        if not table.size:
            return [], []
        largest, smallest = table.max(axis=1), table.min(axis=1)
        kinds = np.isnan(largest), np.isinf(largest) | np.isinf(smallest), (table == 0).any(axis=1)
        finite = np.isfinite(largest) & np.isfinite(smallest)
        extremes = np.where(finite, largest, -np.inf).argmax(), np.where(finite, smallest, np.inf).argmin()
        return [int(rows.argmax()) for rows in kinds if rows.any()], list(map(int, extremes))

    def no_index(self, table: Floats, sizes: Mapping[int, int]) -> tuple[int, int, float] | None:
        """Return the row, the column and the number of the first that is no index into a table of the size given."""
        columns, limits = list(sizes), np.array(list(sizes.values()))
        given = table if columns == list(range(table.shape[1])) else table[:, columns]
        right = (given >= 0) & (given < limits) & (given == np.trunc(given))
        if right.all():
            return None
        row, at = np.unravel_index(int(right.argmin()), right.shape)
        return int(row), columns[at], float(given[row, at])

    def packed(self, values: Sequence[Value]) -> Floats:
        """Return the Values' numbers as an array of shape (n,).

        Raises:
            ValueError: for a finite number beyond the range of the precision.
        """
        with np.errstate(over="ignore"):
            numbers = np.fromiter(map(_data, values), self.dtype, len(values))
        if self.dtype.itemsize < 8:
            for value, number in zip(values, numbers, strict=True):
                if np.isinf(number) and math.isfinite(value._data):
                    raise ValueError(f"{value._data} is beyond the range of {self.dtype}: lift with dtype float64")
        return numbers

    def is_row(self, given: object, size: int) -> TypeGuard[Floats]:
        """Return whether something is an array of so many numbers that programs can take as it is."""
        return bool(
            given.__class__ is _ndarray
            and given.shape == (size,)
            and given.dtype is self.dtype
            and given.flags.c_contiguous
        )

    def flat(self, table: Floats) -> Floats:
        """Return a matrix of one column as an array of shape (n,)."""
        return table.ravel()

    def shaped(self, rows: Floats, start: int, shape: tuple[int, ...]) -> Floats:
        """Return the numbers from some place of each row on as an array of that shape for each example."""
        if not shape:
            return rows[:, start]
        if rows.shape[1:] == shape:
            return rows
        return rows[:, start : start + math.prod(shape)].reshape(len(rows), *shape)

    def check_out(self, out: object, size: int) -> None:
        """Refuse an array that a gradient of so many numbers cannot be written into.

        Raises:
            TypeError: for anything but a writable array of shape (size,) and the program's precision.
        """
        if not self.is_row(out, size) or not out.flags.writeable:
            got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise TypeError(
                f"out must be a writable array of {counted(size, 'number')} in a row, {self.dtype}, got {got}"
            )

    def saved(self, program: Saved) -> str:
        """Return the text of a module that runs without this library."""
        return saved(program, self.dtype.name)


class _InFloats(_Tables):
    """Programs in plain floats, with the same tables of examples; parameters and results are lists."""

    batched = False
    writes_loops = True
    reserved = ()
    group = staticmethod(ungrouped)

    def packed(self, values: Sequence[Value]) -> Any:
        """Return the Values' numbers as a list, rounded to the precision."""
        return [value._data for value in values] if self.dtype == np.float64 else super().packed(values).tolist()

    def shaped(self, rows: Any, start: int, shape: tuple[int, ...]) -> Floats:
        """Return the numbers from some place of each row on as an array of that shape for each example."""
        if not shape:
            return array_of([row[start] for row in rows], self.dtype)
        size = math.prod(shape)
        return array_of([row[start : start + size] for row in rows], self.dtype).reshape(len(rows), *shape)

    def runner(self, wanted: Wanted) -> FloatsRunner:
        """Return what runs one function of a lifted program."""
        return FloatsRunner(wanted, self.dtype)


class NumpyTarget(_Tables):
    """Programs in numpy, with numbers of one precision, "float64" or "float32"; a few examples are taken in floats."""

    batched = True
    writes_loops = True
    reserved = RESERVED
    group = staticmethod(partial(regroup, can_fold=is_one_function))
    limit = staticmethod(limit)
    directions: int = 32  # more would need more memory, and gain little
    limits: Limits = Limits(kept=1 << 14, apart=1 << 12)  # for 32 examples 4 MB and 1 MB: what caches hold

    def __init__(self, dtype: str) -> None:
        super().__init__(dtype)
        self.floats = _InFloats(dtype)

    def units(self, start: int, count: int, size: int) -> Floats:
        """Return so many unit vectors of that size in a row, the first with its 1 at `start`; after the last, zeros."""
        units: Floats = np.eye(count, size, start, self.dtype).ravel()
        return units

    def columns(self, gradient: Floats, count: int) -> list[Floats]:
        """Return what a function gives for so many directions, for each."""
        return list(gradient.reshape(count, -1))

    def runner(self, wanted: Wanted) -> NumpyRunner:
        """Return what runs one function of a lifted program."""
        return NumpyRunner(wanted, self.dtype.name)


def _entries(nested: object) -> Iterator[object]:
    """The numbers in nested lists, as they were given."""
    if not isinstance(nested, (list, tuple)) and not (isinstance(nested, np.ndarray) and nested.ndim):
        yield nested
        return
    for part in nested:
        yield from _entries(part)


class NumpyRunner:
    """One function of a lifted program: its source, and its buffers for each size of batch."""

    def __init__(self, wanted: Wanted, dtype: str) -> None:
        self.source = write(wanted, dtype)
        self.dtype = dtype
        self.sizes = {name: wanted.sizes[name] for name in self.source.leaves}
        self.size = wanted.gradient_size
        self._has_aux = len(wanted.results) > 1
        rows = wanted.results[-1]
        self.width = rows.size if isinstance(rows, Array) else 1
        self.is_batched = isinstance(rows, Array) and rows.batched
        self._code = Code(self.source, wanted.function)
        self._kept: dict[int, list[_Bound]] = {}  # the latest size is the last
        self._latest, self._bytes = 0, 0
        self._callers: list[_Bound] = []  # at most one, bound to the arrays of the last call
        self._seen: tuple[int, Floats | None, Floats | None] = (0, None, None)
        self._lock = Lock()

    def results(self, arguments: Sequence[Floats], leaves: Mapping[str, Floats]) -> Floats:
        """Return a row of the results for each example, of shape (B, k)."""
        count = len(arguments[0]) if arguments else 1
        bound = self._taken(count)
        try:
            return self._rows(bound.run(arguments, leaves), count)
        finally:
            self._give_back(count, bound)

    def _rows(self, result: Any, count: int) -> Floats:
        """Results, which are in a new array, as rows, one for each example."""
        if not self.is_batched:  # the same for all examples
            return np.array(np.broadcast_to(result, (count, self.width)))
        rows: Floats = result.T if result.ndim == 2 else result[:, None]
        return rows

    def _value(self, returned: Any, count: int) -> Any:
        """The mean as a float, and what is beside it as rows."""
        return (float(returned[0]), self._rows(returned[1], count)) if self._has_aux else float(returned)

    def value_and_gradient(
        self, arguments: Sequence[Floats], leaves: Mapping[str, Floats], out: Floats | None = None
    ) -> tuple[Any, Floats]:
        """Return the mean of the result, and the gradient: a new array, or `out` with the gradient in it.

        With the mean, in a tuple, come the rows of what is returned beside it, if anything is.
        """
        count = len(arguments[0]) if arguments else 1
        if out is not None:
            bound = self._in_place(count, arguments, leaves[THETA], out)
            if bound is not None:
                value = self._value(bound.run(arguments, leaves), count)
                self._callers.append(bound)
                return value, out
        bound = self._taken(count)
        try:
            value = self._value(bound.run(arguments, leaves), count)
            if out is None:
                return value, bound.gradient.copy()
            out[...] = bound.gradient
            return value, out
        finally:
            self._give_back(count, bound)

    def _in_place(self, count: int, arguments: Sequence[Floats], theta: Floats, out: Floats) -> _Bound | None:
        """The function bound to the caller's arrays of parameters and gradient, if they are those of the last call.

        A loop that changes its parameters in place then needs no copies of them. For arrays that come once,
        binding would take longer than copying. A gradient that shares memory with the examples would
        overwrite numbers that are still to be read.
        """
        bound = self._callers.pop() if self._callers else None
        seen, self._seen = self._seen, (count, theta, out)
        if seen[0] != count or seen[1] is not theta or seen[2] is not out or self.source.leaves_gaps:
            return None
        for argument in arguments:
            if np.may_share_memory(argument, out):
                return None
        if bound is None or bound.key != (count, id(theta), id(out)):
            bound = None if np.may_share_memory(theta, out) else _Bound(self, count, theta, out)
        return bound

    def _taken(self, count: int) -> _Bound:
        """Buffers for a size of batch that no call uses now: kept ones, or new ones."""
        try:
            return self._kept[count].pop()
        except LookupError:
            return _Bound(self, count)

    def _give_back(self, count: int, bound: _Bound) -> None:
        waiting = self._kept.get(count)
        if waiting is None or count != self._latest:
            with self._lock:
                if waiting is None:
                    self._bytes += bound.size
                self._kept[count] = waiting = self._kept.pop(count, [])
                self._latest = count
                while len(self._kept) > KEPT and self._bytes > KEPT_BYTES:
                    self._bytes -= sum(one.size for one in self._kept.pop(next(iter(self._kept))))
        waiting.append(bound)

    def bind(self, leaves: dict[str, Floats], gradient: Floats, count: int) -> tuple[Callable[..., Any], int]:
        """Return the function for a size of batch, bound to these arrays, and how large all its arrays are."""
        function = self._code.function({**leaves, "gradient": gradient, "B": count})
        quietly: Callable[..., Any] = np.errstate(all="ignore")(function)  # nan and inf are results, as in the engine
        arrays = [one for one in function.__globals__.values() if one.__class__ is _ndarray]
        owners = [one if one.base is None else one.base for one in arrays]
        return quietly, sum({id(owner): owner.nbytes for owner in owners if owner.__class__ is _ndarray}.values())


class _Bound:
    """A function with its buffers, for one call at a time."""

    def __init__(
        self, runner: NumpyRunner, count: int, theta: Floats | None = None, gradient: Floats | None = None
    ) -> None:
        self.leaves = {name: np.empty(size, runner.dtype) for name, size in runner.sizes.items()}
        if theta is not None and THETA in self.leaves:
            self.leaves[THETA] = theta
        # The program writes nothing where the gradient is always 0.
        self.gradient = np.zeros(runner.size, runner.dtype) if gradient is None else gradient
        self.key = count, id(theta), id(gradient)
        self.function, self.size = runner.bind(self.leaves, self.gradient, count)

    def run(self, arguments: Sequence[Floats], leaves: Mapping[str, Floats]) -> Any:
        """Return the results, and leave the gradient in its buffer."""
        for name, buffer in self.leaves.items():
            if buffer is not leaves[name]:
                buffer[...] = leaves[name]
        return self.function(*arguments)
