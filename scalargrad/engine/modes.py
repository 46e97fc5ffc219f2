"""Modes for a block of code: record nothing, trap nan and inf, note lines.

A mode applies to the thread or task that entered it, until its block ends. Operations read one number first,
`active`: while it is zero, no block is open in any thread, and they ask nothing else.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar
from functools import wraps
from inspect import (
    CO_ITERABLE_COROUTINE,
    isasyncgen,
    isasyncgenfunction,
    iscoroutine,
    iscoroutinefunction,
    isgenerator,
    isgeneratorfunction,
)
from types import FrameType, coroutine
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast, overload

if TYPE_CHECKING:
    from .declaration import Primitive

P = ParamSpec("P")
R = TypeVar("R")

# ---------------------------------------------------------------- which modes apply


class Tracing(Protocol):
    """The run of a function that is lifted or watched: it records operations, and refuses or notes readings."""

    def applied(self, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        """Record an operation."""

    def refuse(self, asked: str, value: object = None) -> None:
        """Raise the error for what the function may not do, such as to read the number of a Value; or only note it."""

    def operation_of(self, node: Any) -> tuple[Primitive | None, tuple[Any, ...]]:
        """Return the operation that made a Value, and its operands; each can be passed to this method again."""

    def pulled_back(self, outputs: Sequence[Any], upstream: Sequence[Any], wrt: Sequence[Any]) -> list[Any] | None:
        """Return the gradients of `wrt`, given those of the outputs; None where Values have graphs as always."""

    def pushed_forward(self, outputs: Sequence[Any], wrt: Sequence[Any], tangents: Sequence[Any]) -> list[Any] | None:
        """Return how fast the outputs change, given how fast `wrt` does; None where Values have graphs as always."""

    def looked_up(self, table: Sequence[Any], index: Any) -> Any:
        """Return the entry of a table at an index that has no number; None where Values have numbers as always."""

    def is_index(self, index: Any, size: int) -> bool:
        """Note that a Value without a number is an index into a table of that size; False where it has a number."""


def recording() -> bool:
    """Return whether operations are recorded."""
    return cast(bool, _setting("recording"))


def refuse_unrecorded(purpose: str) -> None:
    """Raise an error under `no_grad`, where there is no graph to differentiate.

    Raises:
        ValueError: says what needs the graph.
    """
    if not recording():
        raise ValueError(f"nothing is recorded under no_grad, and {purpose} needs a graph: call it outside of no_grad")


def trapping() -> bool:
    """Return whether a nan or inf made from finite numbers is an error."""
    return cast(bool, _setting("trapping"))


def noting() -> bool:
    """Return whether each node keeps the line of code that made it."""
    return trapping() or cast(bool, _setting("noting"))


def standing_in(primitive: Primitive) -> Primitive:
    """Return the primitive to record in place of this one: outside of `instead`, this one."""
    return cast("dict[Primitive, Primitive]", _setting("standing_in")).get(primitive, primitive)


def tracing() -> Tracing | None:
    """Return the trace of the function that is being lifted, or None."""
    return cast("Tracing | None", _setting("tracing")) if active else None


def refuse_while_tracing(asked: str, value: object = None) -> None:
    """Raise a `TraceError` while a function is being lifted, which may not do this."""
    trace = tracing()
    if trace is not None:
        trace.refuse(asked, value)


# ---------------------------------------------------------------- entering and leaving

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
active = 0  # how many blocks are open, in all threads and tasks
_DEFAULTS: Mapping[str, object] = {
    "recording": True,
    "trapping": False,
    "noting": False,
    "standing_in": {},
    "tracing": None,
}


class _Block:
    """A block of code in a mode. Another thread may end it: a generator can be closed anywhere."""

    def __init__(self, mode: Mode, frame: int) -> None:
        self.mode = mode
        self.frame = frame  # of the code that entered the block, and will leave it
        self.is_open = True


_blocks: ContextVar[tuple[_Block, ...]] = ContextVar("blocks", default=())
_open: set[_Block] = set()


def _still_open() -> tuple[_Block, ...]:
    return tuple([block for block in _blocks.get() if block.is_open])


def _setting(name: str) -> object:
    for block in reversed(_still_open()):
        if name in block.mode.settings:
            return block.mode.settings[name]
    return _DEFAULTS[name]


def _count() -> None:
    """Set the number, and check it after each change; a lock could stay locked after Ctrl-C."""
    global active  # noqa: PLW0603  # the one number that operations read
    while active != len(_open):
        active = len(_open)


class Mode:
    """Settings for a block, `with no_grad():`, or for each call of a function, `@no_grad()`. It can be reused.

    The mode applies to a decorated generator or coroutine while its code runs, and not while it waits.
    """

    def __init__(self, **settings: object) -> None:
        self.settings = settings
        self._blocks: list[_Block] = []

    def __enter__(self) -> None:
        block = _Block(self, id(sys._getframe(1)))
        self._blocks.append(block)
        _open.add(block)
        _blocks.set((*_still_open(), block))
        _count()

    def __exit__(self, *raised: object) -> None:
        frame = id(sys._getframe(1))
        own = [block for block in self._blocks if block.frame == frame]
        here = [block for block in _still_open() if block.mode is self]
        block = (own or here or self._blocks)[-1]
        block.is_open = False
        self._blocks.remove(block)
        _open.discard(block)
        _blocks.set(_still_open())
        _count()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, so that the mode applies to each call.

        Raises:
            TypeError: for anything but a function. For a class, decorate its methods.
        """
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"a mode decorates a function or a method, got {function!r}")
        run: Callable[..., Any]
        if iscoroutinefunction(function):

            async def run(*args: Any, **kwargs: Any) -> Any:
                return await _awaited(self, function(*args, **kwargs))

        elif isgeneratorfunction(function):

            def run(*args: Any, **kwargs: Any) -> Any:
                return (yield from _stepped(self, function(*args, **kwargs)))

            if function.__code__.co_flags & CO_ITERABLE_COROUTINE:
                run = coroutine(run)

        elif isasyncgenfunction(function):

            def run(*args: Any, **kwargs: Any) -> Any:
                return _stepped_asynchronously(self, function(*args, **kwargs))

        else:

            def run(*args: Any, **kwargs: Any) -> Any:
                with self:
                    result = function(*args, **kwargs)
                return self._continued(result)

        return wraps(function)(run)

    def _continued(self, result: Any) -> Any:
        """The result of a function; the code of a generator or coroutine, which runs later, is in the mode too."""
        if isgenerator(result):
            return _stepped(self, result)
        if iscoroutine(result):
            return _awaited(self, result)
        return _stepped_asynchronously(self, result) if isasyncgen(result) else result


async def _awaited(mode: Mode, awaitable: Any) -> Any:
    return await _stepped(mode, awaitable)


@coroutine
def _stepped(mode: Mode, steps: Any) -> Generator[Any, Any, Any]:
    """Run a generator or an awaitable, each step in a mode."""
    resume, given = steps.send, None
    while True:
        try:
            with mode:
                result = resume(given)
        except StopIteration as end:
            return end.value
        try:
            resume, given = steps.send, (yield result)
        except GeneratorExit:
            with mode:
                steps.close()
            raise
        except BaseException as error:
            resume, given = steps.throw, error


async def _stepped_asynchronously(mode: Mode, steps: Any) -> AsyncGenerator[Any, Any]:
    """Run an asynchronous generator, each step in a mode."""
    resume, given = steps.asend, None
    while True:
        try:
            result = await _stepped(mode, resume(given))
        except StopAsyncIteration:
            return
        try:
            resume, given = steps.asend, (yield result)
        except GeneratorExit:
            await _stepped(mode, steps.aclose())
            raise
        except BaseException as error:
            resume, given = steps.athrow, error


# ---------------------------------------------------------------- the modes


@overload
def no_grad(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def no_grad() -> Mode: ...
def no_grad(function: Callable[..., Any] | None = None, /) -> Any:
    """Compute without recording: the results of operations are leaves.

    It is also a decorator, with or without brackets, for functions, generators and coroutines.

    >>> from scalargrad import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y, y.args
    (Value(data=9.0), ())

    Raises:
        TypeError: as a decorator, for anything but a function.
    """
    return _mode(Mode(recording=False), function)


@overload
def trap(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def trap() -> Mode: ...
def trap(function: Callable[..., Any] | None = None, /) -> Any:
    """Raise `NonFinite` at the first operation or sweep that makes a nan or an inf from finite numbers.

    It is also a decorator, like `no_grad`.

    >>> from scalargrad import Value, trap
    >>> with trap():
    ...     Value(0.0, label="x").log()
    Traceback (most recent call last):
        ...
    scalargrad.engine.errors.NonFinite: log(x) is -inf in the forward pass, where x = 0.0; made at ...:2

    Raises:
        TypeError: as a decorator, for anything but a function.
    """
    return _mode(Mode(trapping=True), function)


def _mode(mode: Mode, function: Callable[..., Any] | None) -> Any:
    return mode if function is None else mode(function)


def lines() -> Mode:
    """Note on each node the line of code that made it, as `trap` does, but raise no errors."""
    return Mode(noting=True)


def instead(primitive: Primitive, other: Primitive) -> Mode:
    """Record another primitive in place of this one, so that tests can see a check catch a wrong rule."""
    already = cast("dict[Primitive, Primitive]", _setting("standing_in"))
    return Mode(standing_in={**already, primitive: other})


def defaults() -> Mode:
    """Work as outside of all modes."""
    return Mode(**_DEFAULTS)


def traced_by(trace: Tracing) -> Mode:
    """Let a trace record what runs in the block, as outside of all other modes."""
    return Mode(**{**_DEFAULTS, "tracing": trace})


# ---------------------------------------------------------------- the garbage collector

_resting: list[object] = []  # the open blocks of `no_gc`, in all threads
_was_on = False


class _Resting(ContextDecorator):
    """A block without garbage collection."""

    def __enter__(self) -> None:
        global _was_on  # noqa: PLW0603  # there is one collector
        _resting.append(self)
        if gc.isenabled():
            _was_on = True
            gc.disable()

    def __exit__(self, *raised: object) -> None:
        global _was_on  # noqa: PLW0603  # there is one collector
        _resting.remove(self)
        if not _resting and _was_on:
            _was_on = False
            gc.enable()

    def _recreate_cm(self) -> _Resting:
        """Return a new block for each call of a decorated function."""
        return _Resting()


@overload
def no_gc(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def no_gc() -> _Resting: ...
def no_gc(function: Callable[..., Any] | None = None, /) -> Any:
    """Pause Python's cyclic garbage collector, in all threads, while a block records a large graph.

    A graph has no cycles and is freed without the collector, which searches all of it again and again while
    it grows: a fifth of the time of a training step with 65,000 nodes. If your code makes cycles, put one step
    in the block and not the whole loop. It is also a decorator.

    >>> from scalargrad import Value, no_gc
    >>> x = Value(3.0)
    >>> with no_gc():
    ...     (x * x).backward()
    >>> x.grad
    6.0
    """
    return _Resting() if function is None else _Resting()(function)


# ---------------------------------------------------------------- lines


def line_of_caller() -> str:
    """Return `file:number` of the nearest line of the user's code; without one, of the call of the package."""
    frame = _frame_of_caller()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that `line_of_caller` returns."""
    frame = _frame_of_caller()
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__", "<string>")  # without a module there is no warning
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, module, registry)


def _frame_of_caller() -> FrameType:
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    nearest = own = frame
    while own.f_back is not None and _is_library(own.f_code.co_filename):
        own = own.f_back
    return nearest if _is_library(own.f_code.co_filename) else own


def _is_library(file: str) -> bool:
    return file.startswith((_PACKAGE, _STANDARD_LIBRARY, "<frozen")) or "site-packages" in file
