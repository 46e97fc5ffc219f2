"""Where a function takes the number out of a Value, so that its result has no graph."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

from ..engine import modes
from ..engine.declaration import Primitive
from ..engine.value import Value

TAKE_THE_NUMBER = {".data", "float()", "int()", "round()", "math.floor()", "math.ceil()", "math.trunc()", "format()"}


class _Watch:
    """Records, while a function runs, which Values give their numbers away, and in which lines."""

    def __init__(self) -> None:
        self.readings: list[tuple[str, str | None, str]] = []

    def applied(self, primitive: Primitive, operands: tuple[Any, ...]) -> Value:
        """Record the operation as always."""
        with modes.defaults():
            return Value.apply_primitive(primitive, operands)

    def refuse(self, asked: str, value: object = None) -> None:
        """Note who asks, and refuse nothing."""
        if asked in TAKE_THE_NUMBER:
            label = value.label if isinstance(value, Value) else None
            self.readings.append((asked, label, modes.line_of_caller()))

    def operation_of(self, node: Any) -> tuple[Primitive | None, tuple[Any, ...]]:
        """Return the operation that made a Value, and its operands."""
        with modes.defaults():
            return (node.op, node.args) if isinstance(node, Value) else (None, ())

    def looked_up(self, *_: object) -> None:
        """Nothing is looked up without a number: each Value has one."""

    def is_index(self, *_: object) -> bool:
        """Return that no Value is an index: each has a number."""
        return False

    def pulled_back(self, *_: object) -> None:
        """Leave derivatives to the graphs of the Values."""

    pushed_forward = pulled_back


def number_taken(f: Callable[[], object]) -> str | None:
    """Run a function, and say where it first takes the number out of a Value; None if it does not.

    >>> import math
    >>> x = Value(0.5, label="x")
    >>> number_taken(lambda: math.sin(x))
    'float() takes the number of x out of the graph at ...'
    >>> number_taken(lambda: x.sin()) is None
    True
    """
    watch = _Watch()
    with modes.traced_by(watch):
        f()
    if not watch.readings:
        return None
    asked, label, line = watch.readings[0]
    file, _, number = line.rpartition(":")
    code = linecache.getline(file, int(number)).strip()
    shown = f": {code}" if code else ""
    return f"{asked} takes the number of {label or 'a Value'} out of the graph at {line}{shown}"
