"""What it costs to look at a gradient, as the graph grows.

The graph is a chain of small neurons, v = tanh(w v + b), whose weights return every ten neurons: it
has results, leaves and nodes used many times. Times are the processor's, the best of a few runs, each
on a graph of its own.

A view is a line of `VIEWS`: its name, the function that makes it from a Value, and the largest graph
it is for.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from scalargrad import TooLarge, Value, draw, ledger, page, steps, tree

SIZES = (10, 100, 1_000, 10_000)
NODES_OF_A_NEURON = 3  # the product, the sum and the tanh


class View(NamedTuple):
    """A way of looking at a gradient."""

    name: str
    make: Callable[[Value], object]
    largest: int = SIZES[-1]


VIEWS = [
    View("backward", Value.backward),
    View("steps", steps),
    View("steps, each one", lambda value: list(steps(value))),
    View("steps, repr", lambda value: repr(steps(value).last())),
    View("tree", tree),
    View("tree, whole", lambda value: tree(value, limit=None)),
    View("ledger", ledger),
    View("ledger, whole", lambda value: ledger(value, limit=None)),
    View("draw", lambda value: draw(value, limit=10**6)),
    View("draw, laid out", lambda value: draw(value, limit=10**6).pipe("svg"), largest=1_000),  # it squares
    View("page", page),
]


def report(quick: bool) -> None:
    """Print the time of each view at each size, in all and for a node."""
    sizes = SIZES[:3] if quick else SIZES
    table = Table(title="Looking at a gradient: milliseconds, and microseconds a node")
    table.add_column("view")
    for size in sizes:
        table.add_column(f"{size:,} nodes", justify="right")
    for view in VIEWS:
        cells = [_measured(view, size, rounds=1 if quick else 3) if size <= view.largest else "" for size in sizes]
        table.add_row(view.name, *cells)
    Console().print(table)


def graph(nodes: int) -> Value:
    """Return the last of a chain of neurons, with about so many results in all."""
    weights = [Value(0.3 + 0.1 * i, label=f"w{i}") for i in range(10)]
    bias = Value(0.1, label="b")
    v = Value(0.5, label="x")
    for i in range(max(1, nodes // NODES_OF_A_NEURON)):
        v = (v * weights[i % 10] + bias).tanh()
    return v


def _measured(view: View, nodes: int, rounds: int) -> str:
    times, note = [], ""
    for _ in range(rounds):
        value = graph(nodes)
        gc.collect()
        start = time.process_time()
        try:
            made: object = view.make(value)
        except TooLarge:
            made, note = None, " to say it is too large"
        times.append(time.process_time() - start)
        del made
    return f"{min(times) * 1e3:.2f} {min(times) / nodes * 1e6:5.1f}{note}"
