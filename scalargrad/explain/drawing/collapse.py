"""Which nodes of a graph are drawn one by one, and which are hidden in boxes that say what they hide.

A module or composed function has left a mark on its results that names what it has read. What lies
between is a region of the graph: all that the results were computed from, up to the inputs. One
region may lie within another, as a neuron's lies in its layer's, and its height is the number of
levels within it. Collapsed, a region is one box that shows its results and hides the rest.

A node of two regions of which neither lies within the other, such as a weight of a model that was
called twice, is drawn outside of both while they are open. When they are collapsed, it is hidden,
and counts in the first of the boxes; the others say how many such they share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...value import Constant, Mark, Value

FAR = 8  # ranks that an arrow may reach across, where there are many
MANY_RANKS = 2_000  # that all arrows together reach across: with many more, the layout would take minutes
MANY_INPUTS = 8  # more leaves than these, read by the same boxes and nothing else, are drawn as one


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


@dataclass(eq=False)
class Box:
    """A collapsed call with the results it shows; or, with no call, a bundle of leaves."""

    call: Call | None
    shown: list[Value]
    hidden: int = 0
    shared: int = 0  # hidden here too, and counted in another box


class Arrow(NamedTuple):
    """An arrow to the operand of that position in a result, for as many values as it stands for."""

    tail: Value | Box
    head: Value | Box
    result: Value
    position: int
    values: int


@dataclass
class Plan:
    """What to draw: single nodes and boxes, each in the open call that is around it, and arrows."""

    single: list[Value]
    boxes: list[Box]
    arrows: list[Arrow]

    @property
    def count(self) -> int:
        """How many nodes are drawn, boxes among them."""
        return len(self.single) + len(self.boxes)

    def far(self) -> set[Arrow]:
        """Return the arrows that are better cut, with the operand's name at their start, where many reach far."""
        leaving: dict[Value | Box, list[Value | Box]] = {}
        waiting: Counter[Value | Box] = Counter()
        for arrow in self.arrows:
            leaving.setdefault(arrow.tail, []).append(arrow.head)
            waiting[arrow.head] += 1
        items: list[Value | Box] = [*self.single, *self.boxes]
        ranks = dict.fromkeys(items, 0)
        pending = [item for item in ranks if not waiting[item]]
        while pending:
            tail = pending.pop()
            for head in leaving.get(tail, ()):
                ranks[head] = max(ranks[head], ranks[tail] + 1)
                waiting[head] -= 1
                if not waiting[head]:
                    pending.append(head)
        starts = {item: min(map(ranks.__getitem__, leaving.get(item, [item]))) - 1 for item in ranks}
        spans = {
            arrow: ranks[arrow.head] - max(ranks[arrow.tail], starts[arrow.tail] if _is_source(arrow.tail) else 0)
            for arrow in self.arrows
        }
        return {arrow for arrow, span in spans.items() if span > FAR} if sum(spans.values()) > MANY_RANKS else set()


# ---------------------------------------------------------------- the calls in a graph


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
        self.parameters = {node for call in self.all for node in call.nodes if _is_leaf(node)}
        given = {node for call in self.all for node in call.read if _is_leaf(node)}
        self.inputs = given - self.parameters

    def plan(self, height: int) -> Plan:
        """Return what to draw when the outermost calls of at most that height are collapsed; for -1, none."""
        places = {node: i for i, node in enumerate(self.order)}
        collapsed = [
            call
            for call in self.all
            if call.height <= height < (call.parent.height if call.parent else height + 1)
            and len(call.nodes) > len(call.results)
        ]
        boxes: list[Box] = []
        box_of: dict[Value, Box] = {}
        for call in sorted(collapsed, key=lambda call: places[call.results[0]]):
            own = [node for node in call.nodes if node not in box_of]
            shown = [result for result in call.results if result not in box_of]
            box = Box(call, shown, hidden=len(own) - len(shown), shared=len(call.nodes) - len(own))
            boxes.append(box)
            box_of.update(dict.fromkeys(own, box))
        for leaves in self._bundles(box_of):
            box = Box(None, leaves)
            boxes.append(box)
            box_of.update(dict.fromkeys(leaves, box))
        single = [node for node in self.order if node not in box_of]
        return Plan(single, boxes, list(_arrows(self.order, box_of)))

    def _bundles(self, box_of: dict[Value, Box]) -> list[list[Value]]:
        """Leaves in numbers that are read by the same boxes, and by nothing else."""
        readers: dict[Value, dict[Value | Box, None]] = {leaf: {} for leaf in self.order if _is_leaf(leaf)}
        for node in self.order:
            for operand in node.args:
                if operand in readers:
                    readers[operand][box_of.get(node, node)] = None
        bundles: dict[tuple[Value | Box, ...], list[Value]] = {}
        for leaf, found in readers.items():
            if leaf not in box_of and found and all(isinstance(reader, Box) for reader in found):
                bundles.setdefault(tuple(found), []).append(leaf)
        return [leaves for leaves in bundles.values() if len(leaves) > MANY_INPUTS]


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


def _is_source(item: Value | Box) -> bool:
    """Whether no arrow leads to it: then it stands as near to what reads it as it can."""
    return item.call is None if isinstance(item, Box) else item.op is None


def _is_leaf(node: Value) -> bool:
    return node.op is None and node.__class__ is not Constant


# ---------------------------------------------------------------- the arrows between what is drawn


def _arrows(order: Sequence[Value], box_of: dict[Value, Box]) -> Iterator[Arrow]:
    """One arrow for each operand of a single node; between boxes, and from a node to a box, one in all."""
    into_boxes: dict[tuple[Value | Box, Box], Arrow] = {}
    read: dict[tuple[Box, Box], set[Value]] = {}
    for node in order:
        head = box_of.get(node)
        for position, operand in enumerate(node.args):
            tail = box_of.get(operand, operand)
            if head is None:
                yield Arrow(tail, node, node, position, 1)
            elif tail is not head and operand not in _nodes(head):
                count = 1
                if isinstance(tail, Box):
                    values = read.setdefault((tail, head), set())
                    values.add(operand)
                    count = len(values)
                first = into_boxes.get((tail, head), Arrow(tail, head, node, position, 1))
                into_boxes[tail, head] = first._replace(values=count)
    yield from into_boxes.values()


def _nodes(box: Box) -> dict[Value, None]:
    return box.call.nodes if box.call else {}
