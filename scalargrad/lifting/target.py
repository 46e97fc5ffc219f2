"""What a target is: where the numbers of a lifted program lie, and what runs it.

`program.py` speaks to any target in these words, and hands it array programs (`arrays/`). So one
more target, such as an array library that compiles or runs on accelerators, is a folder beside
`to_numpy/` and its name in `chosen`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from ..engine.value import Value
from ..extras import how_to_install
from .arrays.program import Array, ArrayProgram
from .source import Source, Wanted
from .trace import Trace

Group = Callable[[Trace, Sequence[int], ArrayProgram, Mapping[str, Array]], list[Array | float]]


class Runner(Protocol):
    """One function of a lifted program, as a target runs it. `leaves` are "theta", "captured", "direction"."""

    @property
    def source(self) -> Source:
        """Its text."""

    def results(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> Any:
        """Return the result for each example of a batch, or the results for each."""

    def value_and_gradient(self, arguments: Sequence[Any], leaves: Mapping[str, Any], out: Any = None) -> Any:
        """Return the mean of the result, and the gradient: a new array, or `out` with the gradient in it."""


class Target(Protocol):
    """Where and how programs run."""

    @property
    def batched(self) -> bool:
        """Whether a program is of a whole batch, and not of one example after another."""

    @property
    def group(self) -> Group:
        """What makes an array program of a trace."""

    def rows(self, argument: Any, given: int | str) -> tuple[Any, tuple[int, ...]]:
        """Return an argument with a row for each example, and the shape of one; `given` names it in errors."""

    def telling(self, table: Any) -> tuple[list[int], list[int]]:
        """Return which rows of an argument have nan, inf or 0, one of each, and which have its extreme numbers."""

    def numbers(self, values: Sequence[Value]) -> Any:
        """Return the Values' numbers, as the program takes them."""

    def is_vector(self, given: Any, size: int) -> bool:
        """Whether that is so many numbers already as the program takes them."""

    def check_room(self, out: Any, size: int) -> None:
        """Refuse what a gradient of so many numbers cannot be written into."""

    def runner(self, wanted: Wanted) -> Runner:
        """Return what runs one function of a lifted program."""


def chosen(name: str | None, dtype: str) -> Target:
    """Return the target of that name, or the best that is installed.

    Raises:
        ValueError: for an unknown name or precision, or one that the target has not.
        ImportError: for what is not installed.
    """
    if name is None:
        name = "numpy" if find_spec("numpy") else "python"
    if name not in ("numpy", "python"):
        raise ValueError(f'target must be "numpy" or "python", got {name!r}')
    if dtype not in ("float64", "float32"):
        raise ValueError(f'dtype must be "float64" or "float32", got {dtype!r}')
    if name == "python":
        if dtype != "float64":
            raise ValueError(
                f'the target "python" computes in Python\'s floats, which are float64, got dtype {dtype!r}'
            )
        from .to_python.target import Target as PythonTarget

        return PythonTarget()
    try:
        from .to_numpy.target import Target as NumpyTarget
    except ModuleNotFoundError:
        raise ImportError(f'the target "numpy" needs the extra lift: {how_to_install("lift")}') from None
    return NumpyTarget(dtype)
