"""The record of a sweep, as plain numbers: each contribution, and an index of those into each node.

A million contributions are seven arrays, not a million objects. A total at any moment is the `after` of
the last contribution up to then, so it is looked up and not computed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate

from ...engine.graph import observed_sweep
from ...engine.value import Constant, Value
from .graph import Graph


class Record:
    """The contributions of one sweep, in order; nodes are numbers here, their places in the topological order.

    Contributions to constants are left out: a constant takes no gradient. An operation that blocks
    gradients makes no contribution.

    >>> from scalargrad import Value
    >>> x = Value(3.0)
    >>> square = x * x
    >>> record = Record(Graph(square), {square: 1.0})
    >>> list(record.after), list(record.into(0)), record.total(0, made=1)
    ([3.0, 6.0], [0, 1], 3.0)

    Attributes:
        seeds: the gradients of the roots, from which the sweep starts.
        results, operands, positions: of each contribution, the nodes, and the operand's place among `result.args`.
        locals, upstreams, before, after: its numbers.
    """

    def __init__(self, graph: Graph, seeds: Mapping[Value, float]) -> None:
        self._places = graph.places
        self.seeds = {graph.places[root]: seed for root, seed in seeds.items()}
        self.results, self.operands, self.positions = array("q"), array("q"), array("q")
        self.locals, self.upstreams = array("d"), array("d")
        self.before, self.after = array("d"), array("d")
        observed_sweep(seeds, self._observe)

    def _observe(
        self, result: Value, position: int, local: float, upstream: float, before: float, after: float
    ) -> None:
        operand = result.args[position]
        if operand.__class__ is Constant:
            return
        self.results.append(self._places[result])
        self.operands.append(self._places[operand])
        self.positions.append(position)
        self.locals.append(local)
        self.upstreams.append(upstream)
        self.before.append(before)
        self.after.append(after)

    def __len__(self) -> int:
        return len(self.after)

    def into(self, node: int) -> array[int]:
        """Return the indices of the contributions to a node, in order."""
        starts, into = self._sorted
        return into[starts[node] : starts[node + 1]]

    def total(self, node: int, made: int) -> float | None:
        """Return a node's gradient once so many contributions have been made; None where none has reached it."""
        starts, into = self._sorted
        done = bisect_left(into, made, starts[node], starts[node + 1])
        if done > starts[node]:
            return self.after[into[done - 1]]
        return self.seeds.get(node)

    def end_of_result(self, start: int) -> int:
        """Return where the contributions end that have the result of this one."""
        end = start
        while end < len(self) and self.results[end] == self.results[start]:
            end += 1
        return end

    def start_of_result(self, end: int) -> int:
        """Return where the contributions start that have the result of the one before this."""
        start = end
        while start > 0 and self.results[start - 1] == self.results[end - 1]:
            start -= 1
        return start

    @cached_property
    def _sorted(self) -> tuple[array[int], array[int]]:
        """Where each node's contributions start in the second; that has the indices, one node's after another's."""
        counts = [0] * (len(self._places) + 1)
        for operand in self.operands:
            counts[operand + 1] += 1
        starts = array("q", accumulate(counts))
        free, into = starts[:], array("q", bytes(8 * len(self)))
        for i, operand in enumerate(self.operands):
            into[free[operand]] = i
            free[operand] += 1
        return starts, into
