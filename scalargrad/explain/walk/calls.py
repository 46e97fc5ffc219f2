"""The calls of modules and composed functions in a graph, as the marks on their results tell.

A module or composed function has left a mark on its results that names what it has read. What lies
between is a region of the graph: all that the results were computed from, up to the inputs. One
region may lie within another, as a neuron's lies in its layer's, and its height is the number of
levels within it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...engine.notes import Mark
from ...engine.value import Constant, Value


@dataclass(eq=False)
class Call:
    """One call of a module or composed function: a region of the graph, and the calls within it."""

    name: str
    mark: Mark
    read: list[Value]
    results: list[Value]
    nodes: dict[Value, None]
    parent: Call | None = None
    inner: list[Call] = field(default_factory=list)
    height: int = 0

    @property
    def contents(self) -> str:
        """The calls within it, counted: `Neuron ×16`."""
        counts = Counter(call.name for call in self.inner)
        return ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in counts.items())


class Calls:
    """The calls of which a graph bears marks, outer ones first.

    Attributes:
        around: for each node the innermost call that it belongs to and does not share with another.
        parameters: the leaves that a call has read without having been given them.
        inputs: the leaves that calls have been given.
    """

    def __init__(self, order: Sequence[Value]) -> None:
        self.order = order
        self.all = _calls(order)
        self.around: dict[Value, Call | None] = {}
        shared: set[Value] = set()
        for call in self.all:
            call.parent = self.around.get(call.results[-1])
            for node in call.nodes:
                around = self.around.get(node)
                if around is call.parent and node not in shared:
                    self.around[node] = call
                else:
                    shared.add(node)
                    self.around[node] = _common(around, call)
        for call in reversed(self.all):
            if call.parent is not None:
                call.parent.inner.insert(0, call)
                call.parent.height = max(call.parent.height, call.height + 1)
        self.parameters = {node for call in self.all for node in call.nodes if is_leaf(node)}
        given = {node for call in self.all for node in call.read if is_leaf(node)}
        self.inputs = given - self.parameters


def _calls(order: Sequence[Value]) -> list[Call]:
    """The calls, each with its region; an outer one comes before what is in it."""
    found: dict[tuple[int, int], Call] = {}
    levels: dict[Call, int] = {}
    by_id = {id(node): node for node in order}
    rows: dict[int, list[Value]] = {}
    borders: dict[int, set[Value]] = {}
    for node in order:
        for level, mark in enumerate(reversed(node.marks)):
            if id(mark) not in rows:
                rows[id(mark)] = [by_id[key] for key in mark.ids() if key in by_id]
                borders[id(mark)] = set(rows[id(mark)])
            if node in borders[id(mark)]:  # handed on as it came
                continue
            for name, key, depth in ((mark.together, 0, 2 * level), (mark.each, id(node), 2 * level + 1)):
                if name is not None:
                    call = found.setdefault((id(mark), key), Call(name, mark, rows[id(mark)], [], {}))
                    call.results.append(node)
                    levels.setdefault(call, depth)
    for call in found.values():
        border = borders[id(call.mark)]
        pending = call.results[::-1]
        while pending:
            node = pending.pop()
            if node not in call.nodes:
                call.nodes[node] = None
                pending += [operand for operand in reversed(node.args) if operand not in border]
    readers = {node: call.read for call in found.values() for node in call.read}
    for call in found.values():
        row = readers.get(call.results[0], [])
        if set(call.results) <= set(row):  # results in the order in which they are read, where they are read together
            call.results.sort(key={node: i for i, node in enumerate(row)}.__getitem__)
    return sorted(found.values(), key=lambda call: (-len(call.nodes), levels[call]))


def _common(one: Call | None, other: Call | None) -> Call | None:
    """The innermost call around both."""
    outer = set()
    while one is not None:
        outer.add(one)
        one = one.parent
    while other is not None and other not in outer:
        other = other.parent
    return other


def is_leaf(node: Value) -> bool:
    """Return whether a node is a variable that nothing was computed for."""
    return node.op is None and node.__class__ is not Constant
