"""What may be switched on around a block of code: recording nothing, trapping nan and inf, noting lines.

A mode belongs to the thread or task that entered it. Operations look at one number, `active`:
while it is zero, nobody anywhere is in a mode and there is nothing further to ask.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from .declaration import Primitive

Mode = TypeVar("Mode")

active = 0
_PACKAGE = os.path.dirname(__file__) + os.sep
_lock = Lock()
_recording = ContextVar("recording", default=True)
_trapping = ContextVar("trapping", default=False)
_noting = ContextVar("noting", default=False)
_standing_in: ContextVar[dict[Primitive, Primitive]] = ContextVar("standing_in", default={})  # noqa: B039  # never changed


def recording() -> bool:
    """Whether operations are recorded here."""
    return _recording.get()


def trapping() -> bool:
    """Whether a nan or inf made from finite numbers is an error here."""
    return _trapping.get()


def noting() -> bool:
    """Whether a node is to keep the line of code that made it."""
    return _trapping.get() or _noting.get()


def standing_in(primitive: Primitive) -> Primitive:
    """The primitive that is recorded here in place of another: mostly that one itself."""
    return _standing_in.get().get(primitive, primitive)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: the results of operations are leaves.

    Works as a decorator too.

    >>> from scalargrad import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y, y.args
    (Value(data=9.0), ())
    """
    with _entered(_recording, False):
        yield


@contextmanager
def trap() -> Iterator[None]:
    """Raise `NonFinite` at the first operation that makes a nan or an inf out of finite numbers.

    It watches the operations and the sweeps inside the block. Works as a decorator too.

    >>> from scalargrad import Value, trap
    >>> with trap():
    ...     Value(0.0, label="x").log()
    Traceback (most recent call last):
        ...
    scalargrad.modes.NonFinite: log(x) is -inf in the forward pass, where x = 0.0; made at ...:2
    """
    with _entered(_trapping, True):
        yield


@contextmanager
def lines() -> Iterator[None]:
    """Keep at each node the line of code that made it, as `trap` does, and raise nothing."""
    with _entered(_noting, True):
        yield


@contextmanager
def instead(primitive: Primitive, other: Primitive) -> Iterator[None]:
    """Record another primitive wherever this one is applied: how a check is seen to catch a wrong rule."""
    with _entered(_standing_in, {**_standing_in.get(), primitive: other}):
        yield


@contextmanager
def _entered(mode: ContextVar[Mode], setting: Mode) -> Iterator[None]:
    global active  # noqa: PLW0603  # the one number that operations look at
    with _lock:
        active += 1
    before = mode.set(setting)
    try:
        yield
    finally:
        mode.reset(before)
        with _lock:
            active -= 1


class NonFinite(ArithmeticError):
    """A nan or an inf where all that it was made from was finite.

    Attributes:
        operation: the primitive's name.
        operands: the operands' values, by label or by the operand's name in the rule.
        line: the line of code that made the node, as `file:number`.
    """

    def __init__(self, message: str, operation: str, operands: dict[str, float], line: str | None) -> None:
        super().__init__(message, operation, operands, line)
        self.message = message
        self.operation = operation
        self.operands = operands
        self.line = line

    def __str__(self) -> str:
        return self.message


def line_of_caller() -> str:
    """Return `file:number` of the nearest line of code outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
