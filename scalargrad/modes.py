"""What may be switched on around a block of code: recording nothing, or trapping nan and inf.

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

active = 0
_PACKAGE = os.path.dirname(__file__) + os.sep
_lock = Lock()
_recording = ContextVar("recording", default=True)
_trapping = ContextVar("trapping", default=False)


def recording() -> bool:
    """Whether operations are recorded here."""
    return _recording.get()


def trapping() -> bool:
    """Whether a nan or inf made from finite numbers is an error here."""
    return _trapping.get()


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
def _entered(mode: ContextVar[bool], setting: bool) -> Iterator[None]:
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
