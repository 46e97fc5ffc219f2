"""The graph, its order, and the sweep: backpropagation on one page.

Each node sends to each operand a contribution: its own gradient times the local gradient. The operand adds
up what it receives. In an order where every result comes before its operands, a node's sum is complete
when its turn comes. This order and this loop are all there is to backpropagation.

The gradients here are floats. `backward.py` does the same sweep faster. `derivatives.py` goes through the
same order with Values: it calls the rules where this file uses their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from . import modes
from .declaration import Primitive


class Node:
    """A place in the graph: a number, and how it was made.

    `_x` and `_y` hold the operands, `_dx` and `_dy` the local gradients; None means that there is none.
    More than two operands are a tuple in `_y`, with None in `_x`. So are all operands of an operation that
    blocks gradients. `_grad` is None until a sweep reaches the node. `_sum` is None except during a sweep.
    `_notes` is set only where there are notes (see `notes.py`).
    """

    __slots__ = ("_data", "_dx", "_dy", "_grad", "_notes", "_sum", "_x", "_y", "op")
    takes_gradient = True  # a constant takes none

    _data: float
    _grad: float | None
    _sum: float | None
    _notes: Any
    _x: Any
    _y: Any
    _dx: Any
    _dy: Any
    op: Primitive | None


NodeType = TypeVar("NodeType", bound=Node)
Observer = Callable[[Any, int, float, float, float, float], None]


def operands_of(node: NodeType) -> tuple[NodeType, ...]:
    """Return the operands in order; none for a leaf."""
    if node._x is None:
        return node._y or ()
    return (node._x,) if node._y is None else (node._x, node._y)


def locals_of(node: Node) -> tuple[float, ...]:
    """Return the local gradient in each operand; 0.0 for a constant."""
    if node._x is None:
        given = node._dy if node._y else ()
    else:
        given = (node._dx,) if node._y is None else (node._dx, node._dy)
    operands = operands_of(node)
    return tuple([local if operand.takes_gradient else 0.0 for local, operand in zip(given, operands, strict=True)])


def blocks(node: Node) -> bool:
    """Whether a node passes no gradient to its operands; True for a leaf, which has none."""
    return node.op is None or node.op.blocks_gradient


def leaf(kind: type[NodeType], data: float, grad: float | None = None, notes: dict[str, Any] | None = None) -> NodeType:
    """Return a new node without operands."""
    node = object.__new__(kind)
    node._data = data
    node._grad = grad
    node._sum = None
    if notes is not None:
        node._notes = dict(notes)
    node.op = node._x = node._y = None
    return node


def link(node: NodeType, op: Primitive, operands: tuple[NodeType, ...], local: Sequence[float]) -> None:
    """Make a leaf the result of an operation."""
    node.op = op
    if op.blocks_gradient or len(operands) > 2:
        node._y, node._dy = operands, tuple(local)
    elif len(operands) == 1:
        node._x, node._dx = operands[0], local[0]
    else:
        (node._x, node._y), (node._dx, node._dy) = operands, local


# ---------------------------------------------------------------- the order


def topological_order(*roots: NodeType, reached: bool = False) -> dict[NodeType, float]:
    """Return every node that the roots were computed from, operands first, each with the gradient 0.0.

    With `reached`, only the nodes that a gradient can reach: it does not pass operations that block gradients.
    The path from the root is a list, not the interpreter's stack, so a chain may be a million nodes long.

    >>> from scalargrad import Value
    >>> a = Value(1.0)
    >>> b = a + a
    >>> c = b * a
    >>> list(topological_order(c)) == [a, b, c]
    True
    """
    if modes.active:
        modes.refuse_while_tracing("the recorded graph", *roots[:1])
    order: dict[NodeType, float] = {}
    for root in roots:
        node: NodeType | None = root
        path: list[NodeType] = []
        while node is not None:
            while (x := node._x) is not None and x not in order:  # down to the first operands
                path.append(node)
                node = x
            while node is not None:  # up, as long as all operands are in the order
                y = node._y
                if y is not None and y not in order:
                    if y.__class__ is tuple:
                        y = None if reached and blocks(node) else next((each for each in y if each not in order), None)
                    if y is not None:
                        path.append(node)
                        node = y
                        break
                order[node] = 0.0
                node = path.pop() if path else None
    return order


# ---------------------------------------------------------------- the sweep


def sweep(seeds: Mapping[NodeType, float]) -> dict[NodeType, float]:
    """Return the gradient of every node that the seeds reach; no node changes.

    `seeds` are the nodes to begin with, and their gradients.

    >>> from scalargrad import Value
    >>> a = Value(3.0)
    >>> c = a * a
    >>> sweep({c: 1.0}) == {a: 6.0, c: 1.0}
    True
    """
    sums = topological_order(*seeds, reached=True)
    sums.update(seeds)
    for node, upstream in reversed(sums.items()):
        x = node._x
        if x is not None:
            sums[x] += node._dx * upstream
            y = node._y
            if y is not None:
                sums[y] += node._dy * upstream
        elif not blocks(node):
            for operand, local in zip(node._y, node._dy, strict=True):
                sums[operand] += local * upstream
    return sums


def observed_sweep(seeds: Mapping[NodeType, float], observe: Observer) -> dict[NodeType, float]:
    """Do the same, and call `observe` for each contribution.

    It receives the result, the operand's position, the local and the upstream gradient, and the operand's
    sum before and after.
    """
    sums = topological_order(*seeds, reached=True)
    sums.update(seeds)
    for node, upstream in reversed(sums.items()):
        if not blocks(node):
            for i, (operand, local) in enumerate(zip(operands_of(node), locals_of(node), strict=True)):
                before = sums[operand]
                sums[operand] = after = before + local * upstream
                observe(node, i, local, upstream, before, after)
    return sums
