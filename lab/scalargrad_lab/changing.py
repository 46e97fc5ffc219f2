"""Change a number of a recorded graph, and compute everything that follows from it anew."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from scalargrad.engine.graph import link
from scalargrad.engine.value import Constant, Value


class Held:
    """The nodes whose numbers were changed by hand, in a graph that was recorded before.

    A leaf just has another number. A result is held at its number: it no longer follows its operands, and hands on
    nothing to them.

    >>> a, b = Value(2.0), Value(3.0)
    >>> c = a * b
    >>> d = c + a
    >>> held = Held([a, b, c, d])
    >>> held.at(a, 5.0)
    >>> d.data, c.local_gradients
    (20.0, (3.0, 5.0))
    >>> held.at(c, 0.0)
    >>> d.data, c.local_gradients
    (5.0, (0.0, 0.0))
    >>> held.free(c)
    >>> held.free(a)
    >>> d.data
    8.0

    Args:
        order: the nodes of the graph, operands first.

    Attributes:
        before: the number of each changed node as the program left it.
    """

    def __init__(self, order: Sequence[Value]) -> None:
        self._order = order
        self.before: dict[Value, float] = {}

    def at(self, node: Value, data: float) -> None:
        """Give a node this number."""
        self.before.setdefault(node, node.data)
        node._data = data
        self._follow()

    def free(self, node: Value) -> None:
        """Give a node its own number again: a leaf that of the program, a result what its operands make."""
        if node in self.before:
            node._data = self.before.pop(node)
            self._follow()

    def _follow(self) -> None:
        for node in self._order:
            if node.op is None:
                continue
            operands = node.args
            numbers = [operand._data for operand in operands]
            if node in self.before:
                slopes = [0.0] * len(numbers)
            else:
                node._data = node.op.value(*numbers)
                slopes = [partial(node._data, *numbers) for partial in node.op.partials]
            link(node, node.op, operands, slopes)


# ---------------------------------------------------------------- numbers in the code

Place = tuple[int, int, int]  # a line, from 1; in it the first column and the one behind the last, from 0


def literals(code: str, order: Sequence[Value], names: Mapping[Value, str]) -> list[Place | None]:
    r"""Return for each node where the code has its number, or None where that is not sure.

    >>> code = "a, b = Value(2.0), Value(2.0)\nc = a * b - 3"
    >>> a, b = Value(2.0), Value(2.0)
    >>> a._notes = b._notes = {"line": "lab.py:1"}
    >>> literals(code, [a, b], {a: "a", b: "b"})
    [(1, 13, 16), (1, 25, 28)]
    """
    tree = ast.parse(code)
    lines = code.splitlines()
    assigned = {(name, number.lineno): number for name, number in _assigned(tree)}
    by_line: dict[tuple[int, float], list[ast.expr]] = {}
    for number in _numbers(tree):
        by_line.setdefault((number.lineno, _number(number)), []).append(number)
    made = _lines(order)
    alike = Counter((line, node.data) for node, line in made.items())
    places: list[Place | None] = []
    for node in order:
        literal: ast.expr | None = None
        if node in made:
            key = (made[node], node.data)
            literal = assigned.get((names[node], key[0]))
            if literal is None or _number(literal) != node.data:
                written = by_line.get(key, [])
                literal = written[0] if len(written) == alike[key] == 1 else None
        places.append(None if literal is None else _place(literal, lines))
    return places


def _lines(order: Sequence[Value]) -> dict[Value, int]:
    """The line of each leaf; of a constant that of the first operation that reads it."""
    lines: dict[Value, int] = {}
    for node in order:
        if node.op is None and node.line is not None:
            lines[node] = _line(node)
        elif node.line is not None:
            for operand in node.args:
                if operand.__class__ is Constant:
                    lines.setdefault(operand, _line(node))
    return lines


def _line(node: Value) -> int:
    assert node.line is not None
    return int(node.line.rpartition(":")[2])


def _assigned(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that are assigned a call with a number as its first argument, such as `a = Value(2.0)`."""
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            continue
        target, value = statement.targets[0], statement.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for name, call in pairs:
            if isinstance(name, ast.Name) and isinstance(call, ast.Call) and call.args and _is_number(call.args[0]):
                yield name.id, call.args[0]


def _numbers(tree: ast.AST) -> Iterator[ast.expr]:
    """The numbers in the code, each with its sign; not those of which another number is computed."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if _is_number(node):
            yield node
        elif not _is_arithmetic(node):
            pending += ast.iter_child_nodes(node)


def _is_arithmetic(node: ast.AST) -> bool:
    """Whether it is computed of written numbers alone."""
    parts = (ast.BinOp, ast.UnaryOp, ast.Constant, ast.operator, ast.unaryop)
    return isinstance(node, (ast.BinOp, ast.UnaryOp)) and all(isinstance(part, parts) for part in ast.walk(node))


def _is_number(node: ast.AST) -> TypeGuard[ast.expr]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in {int, float}


def _number(node: ast.expr) -> float:
    return float(ast.literal_eval(node))


def _place(node: ast.expr, lines: Sequence[str]) -> Place | None:
    """Where a number stands, in characters; ast counts bytes."""
    if node.end_col_offset is None or node.end_lineno != node.lineno:
        return None
    line = lines[node.lineno - 1].encode()
    return node.lineno, len(line[: node.col_offset].decode()), len(line[: node.end_col_offset].decode())
