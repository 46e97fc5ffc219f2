"""How a lifted program runs on the standard library alone: one example after another, on plain floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...engine.floats import counted, exact, number
from ...engine.value import Value
from ..forms import without_rows
from ..group.scalars import ungrouped
from ..leaves import LEAVES
from ..saving import Saved
from ..source import Wanted, compiled
from ..tables import NumberTables
from .saved import saved
from .writer import write

_FLOATS = {float}
_TEXTS = (str, bytes, bytearray)  # sequences that are no rows of numbers
_TIMES = {"m", "M"}  # kinds of numpy's durations and dates, whose `tolist` may give plain integers
_RAISED = (ArithmeticError, ValueError)  # what operators and `math` raise where IEEE arithmetic has a result


class PythonTarget(NumberTables):
    """Programs in plain Python. A table is a list of lists of floats."""

    batched = False
    writes_loops = True
    reserved = ()
    group = staticmethod(ungrouped)

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype  # Python has one

    def rows(self, argument: object, given: int | str) -> tuple[list[list[float]], tuple[int, ...]]:
        """Return an argument as a list of numbers for each example, and the shape of one example.

        In messages the argument is `given`, its name, or its position from 1.

        Raises:
            TypeError: for what is not numbers.
            ValueError: for examples of different shapes, and an integer that no float is.
        """
        name = f"argument {given}" if isinstance(given, int) else given
        listed = _listed(argument, name)
        if not isinstance(listed, Sequence) or isinstance(listed, _TEXTS):
            raise without_rows(argument, given)
        read = [_flat(example, name) for example in listed]
        if any(shape != read[0][1] for _, shape in read):
            raise ValueError(f"{name} must have the same shape for each example, got rows of different lengths")
        return [flat for flat, _ in read], read[0][1] if read else ()

    def notable_rows(self, table: list[list[float]]) -> tuple[list[int], list[int]]:
        """Return the first rows of a table with nan, inf and 0, and those with the extreme finite numbers."""
        kinds: list[Callable[[float], bool]] = [math.isnan, math.isinf, lambda x: x == 0]
        firsts = [next((i for i, row in enumerate(table) if any(map(kind, row))), None) for kind in kinds]
        finite = [i for i, row in enumerate(table) if row and all(map(math.isfinite, row))]
        largest = max(finite, key=lambda i: max(table[i]), default=None)
        smallest = min(finite, key=lambda i: min(table[i]), default=None)
        return [i for i in firsts if i is not None], [i for i in (largest, smallest) if i is not None]

    def no_index(self, table: list[list[float]], sizes: Mapping[int, int]) -> tuple[int, int, float] | None:
        """Return the row, the column and the number of the first that is no index into a table of the size given."""
        for i, row in enumerate(table):
            for place, size in sizes.items():
                if not (0 <= row[place] < size and row[place] == int(row[place])):
                    return i, place, row[place]
        return None

    def packed(self, values: Sequence[Value]) -> list[float]:
        """Return the Values' numbers as a list."""
        return [value._data for value in values]

    def is_row(self, given: object, size: int) -> bool:
        """Return whether something is a list of so many floats, which can be taken as it is."""
        return isinstance(given, list) and len(given) == size and set(map(type, given)) <= _FLOATS

    def flat(self, table: list[list[float]]) -> list[float]:
        """Return rows of one number each as one list."""
        return [row[0] for row in table]

    def shaped(self, rows: list[list[float]], start: int, shape: tuple[int, ...]) -> list[Any]:
        """Return the numbers from some place of each row on as nested lists of that shape for each example."""
        return [_nested(row[start : start + math.prod(shape)], shape) for row in rows]

    def check_out(self, out: object, size: int) -> None:
        """Refuse to write a gradient into something.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f'out is for the target "numpy"; this one returns a list of {counted(size, "number")}, got {out!r}'
        )

    def runner(self, wanted: Wanted) -> PythonRunner:
        """Return what runs one function of a lifted program."""
        return PythonRunner(wanted)

    def saved(self, program: Saved) -> str:
        """Return the text of a module that runs without this library."""
        return saved(program)


def _listed(given: object, name: str) -> Any:
    """An array of any library as nested lists, and anything else as it is."""
    if not hasattr(given, "tolist"):
        return given
    kind = getattr(given, "dtype", None)
    if getattr(kind, "kind", "") in _TIMES:
        raise TypeError(f"{name} must be real numbers, got an array of {kind}")
    return given.tolist()


def _flat(given: object, name: str) -> tuple[list[float], tuple[int, ...]]:
    if given.__class__ is list and set(map(type, given)) == _FLOATS:  # as in most calls
        return given, (len(given),)
    example = _listed(given, name)
    if not isinstance(example, Sequence) or isinstance(example, _TEXTS):
        held = number(example, f"an entry of {name}")
        exact(example, name)
        return [held], ()
    parts = [_flat(part, name) for part in example]
    if any(shape != parts[0][1] for _, shape in parts):
        raise ValueError(f"{name} must have the same shape for each example, got rows of different lengths")
    return [x for flat, _ in parts for x in flat], (len(parts), *(parts[0][1] if parts else ()))


def _nested(flat: list[float], shape: tuple[int, ...]) -> Any:
    if not shape:
        return flat[0]
    step = math.prod(shape[1:])
    return [_nested(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


class PythonRunner:
    """One function of a lifted program."""

    def __init__(self, wanted: Wanted) -> None:
        self._has_aux = len(wanted.results) > 1
        self.sources = [write(wanted, careful) for careful in (False, True)]
        self.source = self.sources[0]
        self._quick, self._careful = (compiled(source, wanted.function) for source in self.sources)

    def results(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> list[Any]:
        """Return a list of the results for each example."""
        returned = self._run(arguments, leaves)
        return list(map(list, returned)) if isinstance(returned[0], tuple) else [[result] for result in returned]

    def value_and_gradient(
        self,
        arguments: Sequence[Any],
        leaves: Mapping[str, Any],
        out: None = None,  # noqa: ARG002  # as numpy's
    ) -> Any:
        """Return the mean of the result, and the gradient."""
        returned = self._run(arguments, leaves)
        count = len(returned)
        if count == 1 and not self._has_aux:
            return returned[0]
        if self._has_aux:
            value = sum(results[0] for results in returned) / count, [list(results[1:-1]) for results in returned]
        else:
            value = sum(results[0] for results in returned) / count
        if count == 1:
            return value, returned[0][-1]
        return value, [sum(column) / count for column in zip(*(results[-1] for results in returned), strict=True)]

    def _run(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> list[Any]:
        return self._of_each(arguments, [leaves.get(name) for name in LEAVES])

    def _of_each(self, arguments: Sequence[Any], leaves: Sequence[Any]) -> list[Any]:
        """What the function returns for each example."""
        returned = []
        for example in zip(*arguments, strict=True) if arguments else [()]:
            try:
                returned.append(self._quick(*leaves, *example))
            except _RAISED:
                returned.append(self._careful(*leaves, *example))
        return returned
