"""The sweep of `graph.py`, faster: each sum is in its node, and is added to the node's gradient.

A slot of a node is found in a third of the time that an entry of a dict takes. But there is one slot, so one
sweep at a time can use it. If another sweep is running, in this thread or another one, the new sweep uses
the dict. A sweep that is interrupted resets the sums. If Ctrl-C stops that as well, the sums stay taken, and
all later sweeps use the dict.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

from .graph import Node, blocks, sweep

_sums_are_free = Lock()


def deposit(root: Node, gradient: float) -> None:
    """Sweep from one node, and add each gradient to its node's `_grad`; constants take none."""
    if not _sums_are_free.acquire(blocking=False):
        for node, total in sweep({root: gradient}).items():
            if node.takes_gradient:
                before = node._grad
                node._grad = total if before is None else before + total
        return
    order: list[Node] = []
    try:
        _begin_sums(root, order)
        root._sum = gradient
        for node in reversed(order):
            upstream: Any = node._sum
            node._sum = None
            x = node._x
            if x is not None:
                x._sum += node._dx * upstream
                y = node._y
                if y is not None:
                    y._sum += node._dy * upstream
            elif not node.takes_gradient:
                continue
            elif not blocks(node):
                for operand, local in zip(node._y, node._dy, strict=True):
                    operand._sum += local * upstream
            before = node._grad
            node._grad = upstream if before is None else before + upstream
    except BaseException:  # Ctrl-C, for one
        for node in order:
            node._sum = None
        _sums_are_free.release()
        raise
    _sums_are_free.release()


def _begin_sums(root: Node, order: list[Node]) -> None:
    """Give each node that a gradient reaches the sum 0.0, and append it to `order`, operands first.

    This is `topological_order` with `_sum` in place of the dict. A node is appended before its sum is set,
    so that an interrupted sweep knows all nodes to reset.
    """
    node: Node | None = root
    path: list[Node | None] = [None]
    while node is not None:
        while (x := node._x) is not None and x._sum is None:
            path.append(node)
            node = x
        while node is not None:
            y = node._y
            if y is not None:
                if y.__class__ is tuple:
                    y = None if blocks(node) else next((each for each in y if each._sum is None), None)
                if y is not None and y._sum is None:
                    path.append(node)
                    node = y
                    break
            order.append(node)
            node._sum = 0.0
            node = path.pop()
