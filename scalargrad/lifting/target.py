"""What a target is: where the numbers of a lifted program lie, and what runs it; and the table of all targets.

`program.py` speaks to any target in these words, and hands it array programs (`arrays/`). So one more target,
such as an array library that compiles or runs on accelerators, is a folder beside `to_numpy/` and a line in
`TARGETS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ..engine.value import Value
from ..extras import how_to_install
from .arrays.program import Array, ArrayProgram
from .loops.splitting import Limits
from .saving import Saved
from .source import Source, Wanted
from .trace import Trace

Group = Callable[[Trace, Sequence[int], ArrayProgram, Mapping[str, Array]], list[Array | float]]


class Runner(Protocol):
    """One function of a lifted program, as a target runs it.

    `arguments` are tables of the target's, a row for each example. `leaves` has the numbers of the leaves that
    `leaves.py` names: the parameters, other Values that the function reads, and the vector of `hvp`.
    """

    @property
    def source(self) -> Source:
        """Its text."""

    def results(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> Any:
        """Return a table with a row of all results for each example of a batch; the only result may be an array."""

    def value_and_gradient(self, arguments: Sequence[Any], leaves: Mapping[str, Any], out: Any = None) -> Any:
        """Return the mean of the result, and the gradient: new numbers, or `out` with the gradient in it.

        Where the program returns more, the mean comes in a tuple with the table of that.
        """


class Target(Protocol):
    """Where and how programs run. What it calls a table is its own: an array, or lists."""

    @property
    def batched(self) -> bool:
        """Whether a program computes a whole batch, and not one example after another."""

    @property
    def writes_loops(self) -> bool:
        """Whether it can write programs with loops (`arrays/loops.py`); else these are given to it unrolled."""

    @property
    def group(self) -> Group:
        """What makes an array program of a trace: `regroup` for arrays, `ungrouped` for single numbers."""

    @property
    def reserved(self) -> Collection[str]:
        """Names that its texts use, beside those of the leaves and the arguments; no array gets one of them."""

    def rows(self, argument: object, given: int | str) -> tuple[Any, tuple[int, ...]]:
        """Return an argument as a table with a row for each example, and the shape of one example.

        In messages the argument is `given`, its name, or its position from 1.

        Raises:
            TypeError: for what is not numbers.
            ValueError: for examples of different shapes.
        """

    @property
    def count(self) -> Callable[[Any], Any]:
        """What returns how many rows a table has."""

    def notable_rows(self, table: Any) -> tuple[list[int], list[int]]:
        """Return the first rows of a table with nan, inf and 0, and those with the extreme finite numbers."""

    def no_index(self, table: Any, sizes: Mapping[int, int]) -> tuple[int, int, float] | None:
        """Return the row, the column and the number of the first that is no index into a table of the size given.

        An index is an integer, at least 0 and less than the size. `sizes` has the columns with indices.
        """

    def guarded(self, table: Any, sizes: Mapping[int, int]) -> Any:
        """Return a table in which what is no index was not refused as such: where it looks up, the result is nan.

        A table of numbers, of which `no_index` said that all are right, comes back as it is.
        """

    def comparable(self, tables: list[Any], sizes: Sequence[Mapping[int, int]]) -> AbstractContextManager[list[Any]]:
        """Return a context in which a program can be compared with the function itself, with the examples for it.

        They are the given ones, where these are numbers. `sizes` has for each table the columns with indices.
        """

    def packed(self, values: Sequence[Value]) -> Any:
        """Return the Values' numbers in a row, as its programs take them."""

    def is_row(self, given: object, size: int) -> bool:
        """Whether something is a row of so many numbers that its programs can take as it is."""

    def flat(self, table: Any) -> Any:
        """Return a table of one column as a row."""

    def shaped(self, rows: Any, start: int, shape: tuple[int, ...]) -> Any:
        """Return the numbers from some place of each row on, in an array of that shape for each example."""

    def number(self, mean: Any) -> Any:
        """Return a mean, as a runner gives it, as a float; where it has no number yet, as it is."""

    def check_out(self, out: object, size: int) -> None:
        """Refuse an `out` that a gradient of so many numbers cannot be written into.

        Raises:
            TypeError: for anything else.
        """

    def runner(self, wanted: Wanted) -> Runner:
        """Return what runs one function of a lifted program."""

    def saved(self, program: Saved) -> str:
        """Return the text of a module that runs a program without this library.

        Raises:
            TypeError: for an operation that needs the user's code, or for a target that has no such text.
        """


@runtime_checkable
class HasFloats(Protocol):
    """A target that computes a few examples in plain floats, where arrays do not pay."""

    @property
    def floats(self) -> Target:
        """The target that does so: it takes the same tables, and gives results in the same arrays."""

    def limit(self, arrays: Sequence[Array], operations: int, parameters: int) -> float:
        """Return up to how many examples floats are quicker; less than 1 if they never are.

        Args:
            arrays: what a function computes in arrays.
            operations: how many operations on floats it takes for one example.
            parameters: how many parameters there are.
        """


@runtime_checkable
class HasHessian(Protocol):
    """A runner of "hvp" that computes all columns of a Hessian by itself."""

    def hessian(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> Any:
        """Return the Hessian, of shape (parameters, parameters)."""


@runtime_checkable
class SplitsLoops(Protocol):
    """A target for which what needs no state is computed outside of loops, for all iterations at once."""

    @property
    def limits(self) -> Limits:
        """How much may be computed outside of a loop."""


@runtime_checkable
class TakesDirections(Protocol):
    """A target that computes several columns of a Hessian at once."""

    @property
    def directions(self) -> int:
        """How many at most."""

    def units(self, start: int, count: int, size: int) -> Any:
        """Return so many unit vectors of that size in a row, the first with its 1 at `start`; after the last, zeros."""

    def columns(self, gradient: Any, count: int) -> list[Any]:
        """Return what a function gives for so many directions, for each."""


class Entry(NamedTuple):
    """A target that `lift` offers.

    Attributes:
        place: its class, as "module:name"; it is imported when it is first used.
        dtypes: the precisions that it can compute in, one of which its class is called with.
        package: what must be installed for it.
        extra: the extra of this project that installs it.
    """

    place: str
    dtypes: tuple[str, ...] = ("float64",)
    package: str = ""
    extra: str = ""


TARGETS: dict[str, Entry] = {  # by name; without a name, the first that is installed is taken
    "numpy": Entry("scalargrad.lifting.to_numpy.target:NumpyTarget", ("float64", "float32"), "numpy", "lift"),
    "python": Entry("scalargrad.lifting.to_python.target:PythonTarget"),
    "jax": Entry("scalargrad.lifting.to_jax.target:JaxTarget", ("float64", "float32"), "jax", "jax"),
}


def chosen(name: str | None, dtype: str) -> Target:
    """Return the target of that name, or the first that is installed.

    Raises:
        ValueError: for an unknown name or precision, or a precision that the target does not have.
        ImportError: for a target that is not installed.
    """
    if name is None:
        name = next(name for name, entry in TARGETS.items() if not entry.package or find_spec(entry.package))
    if name not in TARGETS:
        raise ValueError(f"target must be {_listed(TARGETS)}, got {name!r}")
    entry = TARGETS[name]
    module, colon, own_name = entry.place.partition(":")
    if not (module and colon and own_name):
        raise ValueError(f'the place of the target "{name}" must be "module:class", got {entry.place!r}')
    known = list(dict.fromkeys(dtype for entry in TARGETS.values() for dtype in entry.dtypes))
    if dtype not in known:
        raise ValueError(f"dtype must be {_listed(known)}, got {dtype!r}")
    if dtype not in entry.dtypes:
        raise ValueError(f'the target "{name}" computes in {_listed(entry.dtypes)}, got dtype {dtype!r}')
    try:
        target: Target = getattr(import_module(module), own_name)(dtype)
    except ModuleNotFoundError:
        if not entry.extra:
            raise
        raise ImportError(f'the target "{name}" needs the extra {entry.extra}: {how_to_install(entry.extra)}') from None
    return target


def _listed(names: Collection[str]) -> str:
    return " or ".join(f'"{name}"' for name in names)
