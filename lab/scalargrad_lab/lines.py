"""Note on each node the line of the learner's code that made it, and which nodes were made last.

`modes.lines()` notes lines too, for any code, and takes ten times as long as recording does. A lab runs one
program in one file, whose frames are quickly found, and all nodes of a line share one note.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from scalargrad.engine import modes, value
from scalargrad.engine.graph import leaf, link
from scalargrad.engine.notes import note
from scalargrad.engine.value import Value


class Recording:
    """What a program recorded.

    Attributes:
        last: the node that an operation made last; None before the first.
        swept: the Value that `backward` was called on last; None where it was not.
    """

    def __init__(self) -> None:
        self.last: Value | None = None
        self.swept: Value | None = None


@contextmanager
def recording(file: str) -> Generator[Recording]:
    r"""Run a block in which each node that code of this file makes, also through functions, gets its line.

    The numbers and the graph are those of the engine: an operation is recorded by the same functions.

    >>> with recording("lab.py") as recorded:
    ...     exec(compile("x = Value(2.0)\ny = x * x", "lab.py", "exec"), {"Value": Value})
    >>> recorded.last, recorded.last.line, recorded.last.args[0].line
    (Value(data=4.0), 'lab.py:2', 'lab.py:1')
    """
    recorded = Recording()
    notes: dict[int, dict[str, str]] = {}
    record, initialise, backward = value._record, Value.__init__, Value.backward

    def number_of_line(frame: FrameType | None) -> int | None:
        while frame is not None and frame.f_code.co_filename != file:
            frame = frame.f_back
        return None if frame is None else frame.f_lineno

    def noted(node: Any, frame: FrameType | None) -> None:
        number = number_of_line(frame)
        if number is None:
            return
        if getattr(node, "_notes", None) is None:
            if number not in notes:
                notes[number] = {"line": f"{file}:{number}"}
            node._notes = notes[number]
        else:
            note(node, "line", f"{file}:{number}")

    def record_with_line(primitive: Any, operands: Any) -> Value:
        if modes.active > 1:  # the program is in a mode of its own, such as no_grad
            node = record(primitive, operands)
            if modes.tracing() is not None or node.op is None:
                return node
        else:
            node = _recorded(primitive, operands)
        noted(node, sys._getframe(1))
        recorded.last = node
        return node

    def initialise_with_line(self: Value, data: float, label: str | None = None) -> None:
        initialise(self, data, label)
        noted(self, sys._getframe(1))

    def backward_noted(self: Value, gradient: float = 1.0) -> None:
        backward(self, gradient)
        recorded.swept = self

    patches = [
        (value, "_record", record_with_line, record),
        (Value, "__init__", initialise_with_line, initialise),
        (Value, "backward", backward_noted, backward),
    ]
    for owner, name, replacement, _ in patches:
        # messages of the engine name the nearest line that is not of the engine: this file counts as a part of it
        replacement.__code__ = replacement.__code__.replace(co_filename=modes.__file__)
        setattr(owner, name, replacement)
    try:
        with modes.Mode():  # a mode without settings: now all operations go through `_record`
            yield recorded
    finally:
        for owner, name, _, original in patches:
            setattr(owner, name, original)


def _recorded(primitive: Any, operands: tuple[Value, ...]) -> Value:
    """The result of an operation outside of all modes, as the methods of Value record it."""
    numbers = [operand._data for operand in operands]
    data = primitive.value(*numbers)
    node = leaf(Value, data)
    link(node, primitive, operands, [partial(data, *numbers) for partial in primitive.partials])
    return node
