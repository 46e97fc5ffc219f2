"""What is noted on a node beside its number: a label, the line of code that made it, the marks of modules.

Most nodes have no notes. Those that have keep a dict in `_notes`, or a single mark by itself. It is
never changed in place, so that nodes may share it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from . import modes
from .declaration import Primitive, operand_names
from .graph import Node, operands_of


class Mark(NamedTuple):
    """What a module or composed function leaves on its results, for pictures to show it as a box.

    What lies between the inputs and the results is found from the graph.

    Attributes:
        together: what to call that which made all results with this mark together; None where there is none.
        module: the module, which knows its parameters' names; None for a function, and in copies.
        inputs: what it has read: Values; or, where all of it is among what the results were computed from,
            and so lives as long as they, the ids of these in an array, which the garbage collector passes by.
        each: what to call that which made each result by itself from the same inputs, as the neurons of a layer do.
    """

    together: str | None
    module: object
    inputs: Sequence[Any]
    each: str | None = None

    def ids(self) -> Iterable[int]:
        """Return the ids of the inputs."""
        return self.inputs if isinstance(self.inputs, array) else map(id, self.inputs)


def notes_of(node: Node) -> dict[str, Any]:
    """Return what is noted on a node."""
    notes: dict[str, Any] | Mark = getattr(node, "_notes", {})
    return {"marks": (notes,)} if isinstance(notes, Mark) else notes


def note(node: Node, kind: str, content: object) -> None:
    """Note something on a node, in place of what was noted before."""
    node._notes = {**notes_of(node), kind: content}


def marks_of(node: Node) -> tuple[Mark, ...]:
    """Return the marks on a node, the innermost first."""
    marks: tuple[Mark, ...] = notes_of(node).get("marks", ())
    return marks


def leave(results: Iterable[Node], mark: Mark, are_new: bool = False) -> None:
    """Leave a mark on the results of a module; on a leaf none, since nothing lies behind it.

    Results are new when operations have just made them and nobody has noted anything on them: that
    saves looking.
    """
    if are_new and not modes.active:
        for result in results:
            result._notes = mark
        return
    if modes.tracing() is not None:
        return
    for result in results:
        if result.op is not None:
            noted = notes_of(result)
            result._notes = {**noted, "marks": (*marks_of(result), mark)} if noted else mark


# ---------------------------------------------------------------- errors that name the node


def described(node: Node) -> str:
    """Return how a result was made, for a message: `a * b`, with labels or the operands' names in the rule.

    >>> from scalargrad import Value
    >>> described(Value(0.0, label="x").log())
    'log(x)'
    """
    assert node.op is not None
    return node.op.notation.format(*_names(node.op, operands_of(node)))


def _names(primitive: Primitive, operands: tuple[Node, ...]) -> list[str]:
    """The operands' labels or, where there is none or two operands have the same, their names in the rule."""
    rule = operand_names(primitive)
    names = [notes_of(operand).get("label") or name for operand, name in zip(operands, rule, strict=True)]
    return names if len(set(names)) == len(set(operands)) else list(rule)


def all_finite(operands: tuple[Node, ...]) -> bool:
    """Return whether the numbers of the operands are finite."""
    return all(math.isfinite(operand._data) for operand in operands)


def non_finite(primitive: Primitive, operands: tuple[Node, ...], what: str, line: str | None) -> modes.NonFinite:
    """Return the error for an operation of which `what` is true."""
    names = _names(primitive, operands)
    numbers = dict(zip(names, (operand._data for operand in operands), strict=True))
    where = ", ".join(f"{name} = {data}" for name, data in numbers.items())
    applied = primitive.notation.format(*names)
    message = f"{applied} {what}, where {where}; made at {line or 'a line that trap did not see'}"
    return modes.NonFinite(message, primitive.name, numbers, line)


def trap_contribution(node: Node, index: int, local: float, upstream: float, before: float, after: float) -> None:
    """Observe a sweep: raise at the first infinite or undefined gradient made from finite numbers."""
    operands = operands_of(node)
    if not math.isfinite(after) and math.isfinite(upstream) and math.isfinite(before) and all_finite(operands):
        assert node.op is not None
        name = _names(node.op, operands)[index]
        what = f"makes the gradient of {name} {before} + {local} * {upstream} = {after} in the backward pass"
        raise non_finite(node.op, operands, what, notes_of(node).get("line"))
