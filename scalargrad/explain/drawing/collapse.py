"""Decide which nodes of a graph are drawn one by one, and which are hidden in boxes that say what they hide.

A call of a module or composed function that is collapsed is one box, which shows its results and
hides the rest of its region. A node of two regions of which neither lies within the other, such as a
weight of a model that was called twice, is drawn outside of both while they are open. When they are
collapsed, both hide it.

A node is its place in the graph's order here, and a call its place among the calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..walk.calls import Calls
from ..walk.modules import is_leaf

FAR = 8  # ranks that an arrow may reach across, where arrows reach across many
MANY_RANKS = 2_000  # that all arrows together reach across; with many more, the layout takes minutes
COMFORTABLE = 60  # nodes in a picture that a person takes in
MANY_INPUTS = 8  # more leaves than this that only the same boxes read are drawn as one box


@dataclass(eq=False)
class Box:
    """A collapsed call with the results it shows; or, with no call, a bundle of leaves.

    Attributes:
        call: the call's place among the calls.
        shown: the nodes that the box shows.
        hidden: how many it hides.
        shared: how many of these a box before it hides too, such as the parameters of a layer that was called twice.
        nodes: all the nodes that it stands for.
    """

    call: int | None
    shown: list[int]
    hidden: int = 0
    shared: int = 0
    nodes: list[int] = field(default_factory=list)


class Arrow(NamedTuple):
    """An arrow to the operand of that position in a result, for as many values as it stands for."""

    tail: int | Box
    head: int | Box
    result: int
    position: int
    operand: int
    values: int


@dataclass
class Plan:
    """What to draw: single nodes and boxes, each in the open call that is around it, and arrows.

    Attributes:
        single: the nodes that are drawn by themselves.
        boxes: the boxes, from first to last.
        arrows: the arrows.
        parts: boxes that stand in one column from first to last: the parts of one module, such as a layer's neurons.
    """

    single: list[int]
    boxes: list[Box]
    arrows: list[Arrow]
    parts: list[list[Box]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many nodes are drawn, boxes among them."""
        return len(self.single) + len(self.boxes)

    def ranks(self) -> dict[int | Box, int]:
        """Return how many arrows lead to each node and box at most, one behind the other."""
        leaving: dict[int | Box, list[int | Box]] = {}
        waiting: Counter[int | Box] = Counter()
        for arrow in self.arrows:
            leaving.setdefault(arrow.tail, []).append(arrow.head)
            waiting[arrow.head] += 1
        items: list[int | Box] = [*self.single, *self.boxes]
        ranks = dict.fromkeys(items, 0)
        pending = [item for item in ranks if not waiting[item]]
        while pending:
            tail = pending.pop()
            for head in leaving.get(tail, ()):
                ranks[head] = max(ranks[head], ranks[tail] + 1)
                waiting[head] -= 1
                if not waiting[head]:
                    pending.append(head)
        return ranks

    def nearest(self, ranks: Mapping[int | Box, int]) -> dict[int | Box, int]:
        """Return the lowest rank that an arrow from each node or box leads to."""
        nearest: dict[int | Box, int] = {}
        for arrow in self.arrows:
            nearest[arrow.tail] = min(ranks[arrow.head], nearest.get(arrow.tail, len(ranks)))
        return nearest

    def far(self) -> set[Arrow]:
        """Return the arrows that are better cut, with the operand's name at their start, where many reach far."""
        ranks = self.ranks()
        nearest = self.nearest(ranks)
        bundles = {box for box in self.boxes if box.call is None}
        spans = {}
        for arrow in self.arrows:
            is_source = ranks[arrow.tail] == 0 and (not isinstance(arrow.tail, Box) or arrow.tail in bundles)
            start = nearest[arrow.tail] - 1 if is_source else ranks[arrow.tail]  # a source stands near its readers
            spans[arrow] = ranks[arrow.head] - start
        return {arrow for arrow, span in spans.items() if span > FAR} if sum(spans.values()) > MANY_RANKS else set()


class Region(NamedTuple):
    """A call that is collapsed: its place among the calls, its nodes and its results.

    `module` tells apart the parts of different modules; None where it is no part of one.
    """

    call: int
    nodes: Sequence[int]
    results: Sequence[int]
    module: object


def plan(calls: Calls, height: int) -> Plan:
    """Return what to draw when the outermost calls of at most that height are collapsed; for -1, none."""
    places = {node: place for place, node in enumerate(calls.order)}
    operands = [[places[operand] for operand in node.args] for node in calls.order]
    regions = [
        Region(
            i,
            [places[node] for node in call.nodes],
            [places[result] for result in call.results],
            id(call.mark) if call.is_each else None,
        )
        for i, call in enumerate(calls.all)
        if call.height <= height < (call.parent.height if call.parent else height + 1)
    ]
    return _planned(operands, [place for place, node in enumerate(calls.order) if is_leaf(node)], regions)


def folded(data: Mapping[str, Any], calls: Container[int]) -> Plan:
    """Return what to draw when these calls are collapsed, for a graph's data.

    Args:
        data: the nodes and boxes, as `graph_data` returns them.
        calls: the calls to collapse, by their places among the boxes; what lies in one that is collapsed is hidden.
    """
    nodes, boxes = data["nodes"], data["boxes"]
    hidden: set[int] = set()
    regions = []
    for i, box in enumerate(boxes):
        if box["parent"] in hidden:
            hidden.add(i)
        elif i in calls:
            hidden.add(i)
            regions.append(Region(i, box["nodes"], box["results"], box["module"] if box["is_part"] else None))
    leaves = [place for place, node in enumerate(nodes) if node["kind"] not in {"result", "constant"}]
    return _planned([node["operands"] for node in nodes], leaves, regions)


def heights(boxes: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return how many levels of calls lie within each call; 0 for a part of a module, such as a neuron.

    >>> boxes = [{"parent": None}, {"parent": 0}, {"parent": 1}, {"parent": 2}]
    >>> heights([box | {"is_part": False} for box in boxes]), heights([box | {"is_part": True} for box in boxes])
    ([3, 2, 1, 0], [0, 0, 0, 0])
    """
    levels = [0] * len(boxes)
    for i in range(len(boxes) - 1, -1, -1):
        around = boxes[i]["parent"]
        if around is not None and not boxes[around]["is_part"]:
            levels[around] = max(levels[around], levels[i] + 1)
    return levels


def comfortable(data: Mapping[str, Any], most: int = COMFORTABLE) -> Plan | None:
    """Return the plan that collapses as little as leaves a picture of so many nodes at most, for a graph's data.

    None where nothing must be collapsed, or nothing can be.
    """
    if len(data["nodes"]) <= most:
        return None
    levels = heights(data["boxes"])
    plans = []
    for height in sorted(set(levels)):
        planned = folded(data, {i for i, level in enumerate(levels) if level <= height})
        if planned.count <= most:
            return planned
        plans.append(planned)
    smallest = min(plans, key=lambda planned: planned.count, default=None)
    return smallest if smallest is not None and smallest.count <= len(data["nodes"]) / 2 else None


def _planned(operands: Sequence[Sequence[int]], leaves: list[int], regions: Sequence[Region]) -> Plan:
    inside = [region for region in regions if len(region.nodes) > len(region.results)]
    boxes: list[Box] = []
    box_of: dict[int, Box] = {}
    parts: dict[object, list[Box]] = {}
    for region in inside:
        nodes = region.nodes
        own = [place for place in nodes if place not in box_of]
        shown = [place for place in region.results if place not in box_of]
        box = Box(region.call, shown, hidden=len(nodes) - len(shown), shared=len(nodes) - len(own), nodes=own)
        boxes.append(box)
        box_of.update(dict.fromkeys(own, box))
        if region.module is not None:
            parts.setdefault(region.module, []).append(box)
    for bundled in _bundles(leaves, operands, box_of):
        box = Box(None, bundled, nodes=bundled)
        boxes.append(box)
        box_of.update(dict.fromkeys(bundled, box))
    single = [place for place in range(len(operands)) if place not in box_of]
    insides = {box: set(region.nodes) for box, region in zip(boxes, inside, strict=False)}
    return Plan(single, boxes, list(_arrows(operands, box_of, insides)), list(parts.values()))


def everything(nodes: Sequence[Mapping[str, Any]]) -> Plan:
    """Return the plan that collapses nothing, for the nodes of a graph's data."""
    arrows = [
        Arrow(operand, place, place, position, operand, 1)
        for place, node in enumerate(nodes)
        for position, operand in enumerate(node["operands"])
    ]
    return Plan(list(range(len(nodes))), [], arrows)


def _bundles(leaves: list[int], operands: Sequence[Sequence[int]], box_of: dict[int, Box]) -> list[list[int]]:
    """Groups of many leaves that the same boxes read, and nothing else reads."""
    readers: dict[int, dict[int | Box, None]] = {leaf: {} for leaf in leaves}
    for place, read in enumerate(operands):
        for operand in read:
            if operand in readers:
                readers[operand][box_of.get(place, place)] = None
    bundles: dict[tuple[int | Box, ...], list[int]] = {}
    for leaf, by in readers.items():
        if leaf not in box_of and by and all(isinstance(reader, Box) for reader in by):
            bundles.setdefault(tuple(by), []).append(leaf)
    return [bundled for bundled in bundles.values() if len(bundled) > MANY_INPUTS]


def _arrows(operands: Sequence[Sequence[int]], box_of: dict[int, Box], regions: dict[Box, set[int]]) -> Iterator[Arrow]:
    """One arrow for each operand of a single node; between boxes, and from a node to a box, one in all."""
    into_boxes: dict[tuple[int | Box, Box], Arrow] = {}
    read: dict[tuple[Box, Box], set[int]] = {}
    for place, reads in enumerate(operands):
        head = box_of.get(place)
        for position, operand in enumerate(reads):
            tail = box_of.get(operand, operand)
            if head is None:
                yield Arrow(tail, place, place, position, operand, 1)
            elif tail is not head and operand not in regions.get(head, ()):
                count = 1
                if isinstance(tail, Box):
                    values = read.setdefault((tail, head), set())
                    values.add(operand)
                    count = len(values)
                first = into_boxes.get((tail, head), Arrow(tail, head, place, position, operand, 1))
                into_boxes[tail, head] = first._replace(values=count)
    yield from into_boxes.values()
