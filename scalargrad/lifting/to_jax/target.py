"""How a lifted program runs on JAX: compiled by XLA for each shape of its arguments, wherever these lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from ...engine.value import Value
from ..forms import without_rows
from ..group.regroup import regroup
from ..leaves import DIRECTION, THETA
from ..saving import Saved
from ..source import Wanted, compiled
from ..to_numpy.target import NumpyTarget
from .spelling import can_fold
from .writer import RESERVED, write

AT_ONCE = 32  # how many columns of a Hessian are computed together, which bounds the memory
_compares = ContextVar("_compares", default=False)  # whether a program is being compared with the function itself
# A comparison runs once, on a few examples. To compile for that without optimizing takes half the time; to run one
# operation after the other would take several times as long, as each is compiled.
_QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class JaxTarget:
    """Programs in JAX, with numbers of one precision. A table is an array with the shape of the examples.

    In a function that JAX traces, such as one that `jax.jit` compiles, arrays have no numbers yet. So there indices
    are not refused: what is no index looks up nan. The comparison then takes random numbers for examples.
    """

    batched = True
    writes_loops = True
    reserved = RESERVED
    group = staticmethod(partial(regroup, can_fold=can_fold))

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self._numpy = NumpyTarget(dtype)  # for what is no array of JAX
        self._refuse_rounding()

    def _refuse_rounding(self) -> None:
        """Raise where JAX would compute in float32 without a word."""
        if jax.dtypes.canonicalize_dtype(self.dtype) != self.dtype:
            raise ValueError(
                'the target "jax" computes in float64 only where JAX does, which by default has float32: call '
                'jax.config.update("jax_enable_x64", True) at the start, or lift with dtype="float32"'
            )

    def rows(self, argument: object, given: int | str) -> tuple[jax.Array, tuple[int, ...]]:
        """Return an argument as an array of JAX, and the shape of one example.

        In messages the argument is `given`, its name, or its position from 1.

        Raises:
            TypeError: for what is not numbers.
            ValueError: for examples of different shapes, an integer that the precision does not have, and float64
                where JAX computes in float32.
        """
        self._refuse_rounding()
        if not isinstance(argument, jax.Array):
            try:
                table, shape = self._numpy.rows(argument, given)
            except jax.errors.TracerArrayConversionError:  # lists of numbers that JAX does not have yet
                return self.rows(jnp.asarray(argument), given)
            return jnp.asarray(table.reshape(len(table), *shape)), shape
        name = f"argument {given}" if isinstance(given, int) else given
        if not argument.ndim:
            without = without_rows(argument, given)
            if is_traced(argument) and isinstance(given, int):  # `jax.vmap` may have taken the rows apart
                raise TypeError(f"{without}: give the function whole batches, without jax.vmap over the examples")
            raise without
        if argument.dtype != self.dtype:
            if not jnp.issubdtype(argument.dtype, jnp.floating) and argument.dtype.kind not in "biu":
                raise TypeError(f"{name} must be real numbers, got an array of {argument.dtype}")
            if argument.dtype.kind in "iu" and not is_traced(argument):
                self._numpy.rows(np.asarray(argument), given)  # which refuses what would be rounded
            argument = argument.astype(self.dtype)
        return argument, argument.shape[1:]

    @staticmethod
    def count(table: jax.Array) -> Any:
        """Return how many examples there are: a number, or in an export perhaps a symbol."""
        return table.shape[0]

    def notable_rows(self, table: Any) -> tuple[list[int], list[int]]:
        """Return the first rows of a table with nan, inf and 0, and those with the extreme finite numbers."""
        return self._numpy.notable_rows(_matrix(table))

    def no_index(self, table: jax.Array, sizes: Mapping[int, int]) -> tuple[int, int, float] | None:
        """Return the row, the column and the number of the first that is no index into a table of the size given."""
        return None if is_traced(table) else self._numpy.no_index(_matrix(table), sizes)

    def guarded(self, table: jax.Array, sizes: Mapping[int, int]) -> jax.Array:
        """Return a table in which each wrong index is one beyond its table, which looks up nan."""
        if not sizes or not is_traced(table):
            return table
        rows = table.reshape(table.shape[0], -1)
        for place, size in sizes.items():
            given = rows[:, place]
            is_right = (given >= 0) & (given < size) & (given == jnp.trunc(given))
            rows = rows.at[:, place].set(jnp.where(is_right, given, size))
        return rows.reshape(table.shape)

    @contextmanager
    def comparable(self, tables: list[jax.Array], sizes: Sequence[Mapping[int, int]]) -> Iterator[list[Any]]:
        """Return the examples as arrays of numpy, random ones where JAX traces, and compute at once in this context."""
        rng = np.random.default_rng(0)
        before = _compares.set(True)
        try:
            with jax.ensure_compile_time_eval():
                yield [self._numbers(table, own, rng) for table, own in zip(tables, sizes, strict=True)]
        finally:
            _compares.reset(before)

    def _numbers(self, table: jax.Array, sizes: Mapping[int, int], rng: np.random.Generator) -> Any:
        if not is_traced(table):
            return np.asarray(table)
        drawn = rng.normal(size=(3, *table.shape[1:])).astype(self.dtype)
        for place, size in sizes.items():
            _matrix(drawn)[:, place] = rng.integers(size, size=3)
        return drawn

    def packed(self, values: Sequence[Value]) -> jax.Array:
        """Return the Values' numbers as an array of shape (n,).

        Raises:
            ValueError: for a finite number beyond the range of the precision.
        """
        self._refuse_rounding()
        return jnp.asarray(self._numpy.packed(values))

    def is_row(self, given: object, size: int) -> TypeGuard[jax.Array]:
        """Return whether something is an array of JAX of so many numbers of the precision."""
        return isinstance(given, jax.Array) and given.shape == (size,) and given.dtype == self.dtype

    def flat(self, table: jax.Array) -> jax.Array:
        """Return an array with one number for each row: it has the shape (n,) already."""
        return table

    def shaped(self, rows: jax.Array, start: int, shape: tuple[int, ...]) -> jax.Array:
        """Return the numbers from some place of each row on as an array of that shape for each example."""
        size = math.prod(shape)
        if rows.shape[1:] == (shape or (1,)):
            return rows if shape else rows[:, 0]
        return rows[:, start : start + size].reshape(rows.shape[0], *shape)

    def number(self, mean: jax.Array) -> Any:
        """Return a mean as a float, and where JAX traces, as it is."""
        return mean if is_traced(mean) else float(mean)

    def check_out(self, out: object, size: int) -> None:
        """Refuse to write a gradient into something.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f'out is for the target "numpy"; arrays of JAX never change, and this one returns a new one of {size} '
            f"numbers, got {type(out).__name__}"
        )

    def runner(self, wanted: Wanted) -> JaxRunner:
        """Return what runs one function of a lifted program."""
        return JaxRunner(wanted, self.dtype.name)

    def saved(self, program: Saved) -> str:
        """Refuse to write a module: what runs JAX programs without this library is an export of JAX.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"the program of {program.name} runs on JAX: export it with jax.export.export(jax.jit(program.function("
            '"value_and_grad"))), or lift with target="numpy" and save that'
        )


def is_traced(array: object) -> bool:
    """Return whether an array stands for numbers that JAX does not have yet."""
    return isinstance(array, jax.core.Tracer)


def _matrix(table: Any) -> Any:
    return np.asarray(table).reshape(len(table), -1)


class JaxRunner:
    """One function of a lifted program: its source, and what XLA has compiled of it."""

    def __init__(self, wanted: Wanted, dtype: str) -> None:
        self.source = write(wanted, dtype)
        self._has_aux = len(wanted.results) > 1
        function = _in_precision(compiled(self.source, wanted.function), dtype)
        self._run = jax.jit(function)
        self._run_once = jax.jit(function, compiler_options=_QUICKLY)
        self._run_for_all = jax.jit(self._for_all_units)

    def _returned(self, arguments: Sequence[jax.Array], leaves: Mapping[str, Any]) -> Any:
        run = self._run_once if _compares.get() else self._run
        return run(*[leaves[name] for name in self.source.leaves], *arguments)

    def results(self, arguments: Sequence[jax.Array], leaves: Mapping[str, Any]) -> jax.Array:
        """Return a row of the results for each example."""
        return _rows(self._returned(arguments, leaves))

    def value_and_gradient(
        self, arguments: Sequence[jax.Array], leaves: Mapping[str, Any], out: None = None
    ) -> tuple[Any, jax.Array]:
        """Return the mean of the result, and the gradient."""
        assert out is None, "it is refused"
        value, *beside, gradient = self._returned(arguments, leaves)
        return (value, _rows(beside[0])) if self._has_aux else value, gradient

    def hessian(self, arguments: Sequence[jax.Array], leaves: Mapping[str, Any]) -> jax.Array:
        """Return the Hessian, whose columns are what the function gives for the unit vectors."""
        others = {name: leaves[name] for name in self.source.leaves if name != DIRECTION}
        columns: jax.Array = self._run_for_all(others, arguments)
        return columns

    def _for_all_units(self, leaves: Mapping[str, Any], arguments: Sequence[jax.Array]) -> jax.Array:
        """The columns of a Hessian, several at once."""
        units = jnp.eye(leaves[THETA].shape[0], dtype=leaves[THETA].dtype)
        columns: jax.Array = jax.lax.map(
            lambda unit: self._returned(arguments, {**leaves, DIRECTION: unit})[-1], units, batch_size=AT_ONCE
        )
        return columns


def _in_precision(function: Callable[..., Any], dtype: str) -> Callable[..., Any]:
    """A function that returns arrays of this precision also of numbers that no argument takes part in.

    Where JAX has float64, these have it, too, such as `(x > 0.0) * 1.0`.
    """

    @wraps(function)
    def called(*arguments: Any) -> Any:
        return jax.tree.map(lambda returned: jnp.asarray(returned, dtype), function(*arguments))

    return called


def _rows(results: jax.Array) -> jax.Array:
    return results if results.ndim == 2 else results[:, None]
