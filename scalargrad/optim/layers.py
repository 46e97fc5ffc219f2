"""What a network's layers do with examples: how large their outputs and gradients are, and which of them are flat.

Layers are found by the marks that modules leave on their results, and in the graph: a layer is a marked module whose
marked parts stand side by side, while those of a network read one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from ..engine import modes
from ..engine.graph import locals_of, operands_of, sweep, topological_order
from ..engine.notes import Mark, marks_of
from ..engine.value import Value
from ..nn.dropout import undropped

FLAT = 0.01  # a bounded operation that passes on less than this is saturated: sigmoid beyond ±4.6, tanh beyond ±3
BUDGET = 200_000  # nodes that are read, about two seconds
FEWEST = 8  # examples: one relu in 256 is 0 on all of them by chance
SAME = 1e-12  # what differs by less than this part of its size differs by rounding


class LayerReading(NamedTuple):
    """What was measured of a layer, over several examples.

    Attributes:
        place: where it is, counted from 1, the nearest to the inputs first.
        name: what it is.
        outputs: the root mean square of its outputs.
        gradient: the root mean square of dloss/doutput.
        relus: how many operations with a kink each example goes through in it, such as relus.
        dead: how many of them have the slope 0 at every example.
        sigmoids: how many bounded operations each example goes through in it, such as sigmoids.
        saturated: the part of these, of all examples, whose slope is below 0.01.
        copies: how many neurons give the same numbers as one another at every example; 0 where they differ.
        is_hidden: whether other layers read it.
    """

    place: int
    name: str
    outputs: float
    gradient: float
    relus: int
    dead: int
    sigmoids: int
    saturated: float
    copies: int
    is_hidden: bool


class Reading(NamedTuple):
    """What was measured of a loss: its layers, the sizes of the inputs, and how many nodes an example has.

    The size of an input is the root mean square of its numbers other than 0: a pixel that is seldom set is not small.
    """

    layers: list[LayerReading]
    inputs: list[float]
    nodes: int


def read_layers(loss: Callable[..., Value], examples: Iterable[Sequence[Any]], variables: Collection[Value]) -> Reading:
    """Measure the layers at several examples, fewer of large graphs, without dropout; no parameter's `.grad` changes.

    >>> from scalargrad import nn
    >>> layer = nn.Layer(weights=[[1.0], [-1.0]])
    >>> reading = read_layers(lambda x: sum(layer([x])), [[1.0], [2.0]], layer.parameters())
    >>> reading.layers[0].name, reading.layers[0].relus, reading.layers[0].dead, reading.inputs
    ("Layer(1, 2, activation='relu')", 2, 1, [1.5811388300841895])
    """
    gauges: dict[tuple[int, int], _Gauge] = {}
    firsts: list[tuple[int, int]] = []
    inputs: dict[tuple[tuple[int, int], int], list[float]] = {}
    nodes = 0
    for count, example in enumerate(examples):
        if count >= FEWEST and count * nodes > BUDGET:
            break
        with modes.no_gc(), undropped():
            root = loss(*example)
            order = topological_order(root)
            gradients = sweep({root: 1.0})
            calls = _calls(order)
            if not gauges:
                nodes = len(order)
                chosen, firsts, hidden = _chosen(calls, order)
                gauges = {key: _Gauge(calls[key].mark, key in hidden) for key in chosen}
            for key, gauge in gauges.items():
                if key in calls:
                    gauge.add(calls[key], gradients)
            for key in firsts:
                if key in calls:
                    by_id = {id(node): node for node in order}
                    for place, each in enumerate(calls[key].mark.ids()):
                        node = by_id.get(each)
                        if node is not None and node not in variables and node._data != 0:
                            inputs.setdefault((key, place), []).append(node._data)
            del root, order, gradients, calls
    layers = [gauge.reading(place) for place, gauge in enumerate(gauges.values(), start=1)]
    return Reading(layers, [root_mean_square(numbers) for numbers in inputs.values()], nodes)


def root_mean_square(numbers: Sequence[float]) -> float:
    """Return √(Σ x² ÷ n), or 0 for no numbers."""
    return math.hypot(*numbers) / math.sqrt(len(numbers)) if numbers else 0.0


# ---------------------------------------------------------------- which modules are layers


class _Call(NamedTuple):
    """One call of a module: its mark, and the nodes that the mark is on."""

    mark: Mark
    results: list[Any]


def _calls(order: Iterable[Any]) -> dict[tuple[int, int], _Call]:
    """The calls of modules, in the order of their results, by the module and the number of its calls before."""
    by_mark: dict[int, _Call] = {}
    for node in order:
        for mark in marks_of(node) if hasattr(node, "_notes") else ():
            if mark.module is not None and mark.together is not None:
                by_mark.setdefault(id(mark), _Call(mark, [])).results.append(node)
    counts: dict[int, int] = {}
    calls = {}
    for call in by_mark.values():
        module = id(call.mark.module)
        counts[module] = number = counts.get(module, 0) + 1
        calls[module, number] = call
    return calls


def _inside(call: _Call) -> dict[Any, None]:
    """The nodes from the results of a call down to what it read."""
    ends = set(call.mark.ids())
    inside: dict[Any, None] = {}
    pending = list(reversed(call.results))
    while pending:
        node = pending.pop()
        if node not in inside and id(node) not in ends:
            inside[node] = None
            pending += reversed(operands_of(node))
    return inside


def _chosen(
    calls: dict[tuple[int, int], _Call], order: Iterable[Any]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], set[tuple[int, int]]]:
    """Which calls are those of layers, which of them read no other call, and which are read by other layers."""
    inside = {key: _inside(call) for key, call in calls.items()}
    bits = {key: 1 << place for place, key in enumerate(calls)}
    own: dict[Any, int] = {}
    for key, call in calls.items():
        for node in call.results:
            own[node] = own.get(node, 0) | bits[key]
    after: dict[int, int] = {}  # by node, the calls that it was computed from
    for node in order:
        bit = own.get(node, 0)
        for operand in operands_of(node):
            bit |= after[id(operand)]
        after[id(node)] = bit
    reads = dict.fromkeys(calls, 0)
    for key, call in calls.items():
        for each in call.mark.ids():
            reads[key] |= after.get(each, 0)

    def holds(whole: tuple[int, int], part: tuple[int, int]) -> bool:
        same = len(inside[whole]) == len(inside[part])
        is_later = bits[whole] > bits[part] if same else len(inside[whole]) > len(inside[part])
        return whole != part and is_later and all(node in inside[whole] for node in calls[part].results)

    parts = {whole: [part for part in calls if holds(whole, part)] for whole in calls}
    is_chain = {
        key: any(reads[one] & bits[other] for one in inner for other in inner)
        or any(len(inside[one]) == len(inside[key]) for one in inner)  # a network of one layer
        for key, inner in parts.items()
    }
    layers = [key for key in calls if not is_chain[key]]
    layers = [key for key in layers if not any(key in parts[other] for other in layers)]
    firsts = [key for key in layers if not reads[key]]
    hidden = {key for key in layers if any(reads[other] & bits[key] for other in layers)}
    return layers, firsts, hidden


# ---------------------------------------------------------------- what is measured of one


class _Gauge:
    """Sums over the examples for one layer."""

    def __init__(self, mark: Mark, is_hidden: bool) -> None:
        self.name, self.is_hidden = repr(mark.module), is_hidden
        self.outputs: list[float] = []
        self.gradients: list[float] = []
        self.alive: dict[int, bool] = {}  # by place, whether an operation with a kink ever had a slope
        self.flat = self.bounded = self.sigmoids = self.width = 0
        self.are_copies = True

    def add(self, call: _Call, gradients: dict[Any, float]) -> None:
        """Measure one example."""
        results = call.results
        self.width = len(results)
        self.outputs += [node._data for node in results]
        self.gradients += [gradients.get(node, 0.0) for node in results]
        before = [node._data for result in results for node in operands_of(result)[:1]]
        self.are_copies = self.are_copies and _are_same([node._data for node in results]) and _are_same(before)
        self.sigmoids = relus = 0
        for node in _inside(call):
            op = node.op
            if op is None or op.blocks_gradient or op.arity != 1:
                continue
            if op.bounded:
                self.sigmoids += 1
                self.bounded += 1
                self.flat += abs(locals_of(node)[0]) < FLAT
            elif op.kinks:
                self.alive[relus] = self.alive.get(relus, False) or locals_of(node)[0] != 0
                relus += 1

    def reading(self, place: int) -> LayerReading:
        """What the sums say about the layer."""
        return LayerReading(
            place,
            self.name,
            root_mean_square(self.outputs),
            root_mean_square(self.gradients),
            len(self.alive),
            sum(not alive for alive in self.alive.values()),
            self.sigmoids,
            self.flat / self.bounded if self.bounded else 0.0,
            self.width if self.are_copies and self.width > 1 else 0,
            self.is_hidden,
        )


def _are_same(numbers: Sequence[float]) -> bool:
    return bool(numbers) and max(numbers) - min(numbers) <= SAME * max(map(abs, numbers))
