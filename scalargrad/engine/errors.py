"""Error messages that name a node: its operation, its operands by label, and the line of code that made it."""

from __future__ import annotations

import math

from .declaration import Primitive, operand_names
from .graph import Node, operands_of
from .notes import notes_of


class NonFinite(ArithmeticError):
    """An operation or a sweep made a nan or an inf from finite numbers.

    Attributes:
        operation: the primitive's name.
        operands: the operands' numbers, by label or by their names in the rule.
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


def described(node: Node) -> str:
    """Return how a result was made: `a * b`, with the operands' labels or their names in the rule.

    >>> from scalargrad import Value
    >>> described(Value(0.0, label="x").log())
    'log(x)'
    """
    assert node.op is not None
    return node.op.notation.format(*_names(node.op, operands_of(node)))


def _names(primitive: Primitive, operands: tuple[Node, ...]) -> list[str]:
    """The operands' labels, or their names in the rule where a label is missing or not unique."""
    rule = operand_names(primitive)
    names = [notes_of(operand).get("label") or name for operand, name in zip(operands, rule, strict=True)]
    return names if len(set(names)) == len(set(operands)) else list(rule)


def all_finite(operands: tuple[Node, ...]) -> bool:
    """Return whether the numbers of the operands are finite."""
    return all(math.isfinite(operand._data) for operand in operands)


def non_finite(primitive: Primitive, operands: tuple[Node, ...], what: str, line: str | None) -> NonFinite:
    """Return the error for an operation; `what` completes the sentence that begins with the operation."""
    names = _names(primitive, operands)
    numbers = dict(zip(names, (operand._data for operand in operands), strict=True))
    where = ", ".join(f"{name} = {data}" for name, data in numbers.items())
    applied = primitive.notation.format(*names)
    message = f"{applied} {what}, where {where}; made at {line or 'a line that trap did not see'}"
    return NonFinite(message, primitive.name, numbers, line)


def trap_contribution(node: Node, index: int, local: float, upstream: float, before: float, after: float) -> None:
    """Observe a sweep under `trap`: raise at the first gradient that is not finite but comes from finite numbers."""
    operands = operands_of(node)
    if not math.isfinite(after) and math.isfinite(upstream) and math.isfinite(before) and all_finite(operands):
        assert node.op is not None
        name = _names(node.op, operands)[index]
        what = f"makes the gradient of {name} {before} + {local} * {upstream} = {after} in the backward pass"
        raise non_finite(node.op, operands, what, notes_of(node).get("line"))
