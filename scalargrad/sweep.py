"""The walk through the graph: its order, and the chain rule against it.

A node hands to each of its operands its own gradient times the local one; an operand adds up what
it is handed. When every result comes before its operands, a node's sum is complete by the time it
hands it on. That order, and the loop, are all there is to backpropagation.

A node keeps its operands in `_x` and `_y` and the local gradients in `_dx` and `_dy`; None means that
there is none. More than two operands are a tuple in `_y`, with None in `_x`. Here the numbers are
floats; `derivatives.py` walks the same order in Values, by the rules in place of their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from . import modes


class Node(Protocol):
    """What is asked of a Value here."""

    op: Any
    _x: Any
    _y: Any
    _dx: Any
    _dy: Any

    @property
    def args(self) -> tuple[Any, ...]:
        """The operands."""

    @property
    def local_gradients(self) -> tuple[float, ...]:
        """∂node/∂operand of each."""


N = TypeVar("N", bound=Node)
Observer = Callable[[N, int, float, float, float, float], None]


def topological_order(*roots: N) -> dict[N, float]:
    """Return every node that the roots were computed from, after its operands, with the gradient 0.0.

    The path from the root to the node in hand is a list, not the interpreter's stack, so a chain
    may be a million long.

    >>> from scalargrad import Value
    >>> a = Value(1.0)
    >>> b = a + a
    >>> c = b * a
    >>> list(topological_order(c)) == [a, b, c]
    True
    """
    if modes.active:
        modes.refuse_while_tracing("the recorded graph", *roots[:1])
    order: dict[N, float] = {}
    for root in roots:
        node = root
        path: list[N] = []
        while True:
            x, y = node._x, node._y
            if x is None:
                waiting = next((operand for operand in y or () if operand not in order), None)
            elif x not in order:
                waiting = x
            elif y is not None and y not in order:
                waiting = y
            else:
                waiting = None
            if waiting is not None:
                path.append(node)
                node = waiting
                continue
            order[node] = 0.0
            if not path:
                break
            node = path.pop()
    return order


def sweep(gradients: dict[N, float], observe: Observer[N] | None = None) -> None:
    """Hand gradients back from results to operands, until each node has the sum of all that reach it.

    `gradients` comes from `topological_order`, with the seed set at the root, and is filled in
    place. `observe` is called for each contribution with the result, the operand's position, the
    local and the upstream gradient, and the operand's total before and after.
    """
    for node, upstream in reversed(gradients.items()):
        x = node._x
        if x is not None and observe is None:
            gradients[x] += node._dx * upstream
            y = node._y
            if y is not None:
                gradients[y] += node._dy * upstream
        elif node.op is not None:
            for i, (operand, local) in enumerate(zip(node.args, node.local_gradients, strict=True)):
                before = gradients[operand]
                gradients[operand] = after = before + local * upstream
                if observe is not None:
                    observe(node, i, local, upstream, before, after)
