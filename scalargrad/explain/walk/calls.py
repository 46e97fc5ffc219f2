"""The calls of modules and composed functions in a graph, as the marks on their results describe them.

A module or composed function leaves a mark on its results that names what it read. The region of a
call is everything between: all that the results were computed from, up to the inputs. One region may
lie within another, as a neuron's lies in its layer's. The height of a call is the number of levels
within it, or 0 for one part of a module, such as a neuron, whatever its activation has in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...engine.notes import Mark
from ...engine.value import Value
from ...nn import Module
from .modules import common_path, is_leaf, path_of


@dataclass(eq=False)
class Call:
    """One call of a module or composed function: a region of the graph, and the calls within it.

    Attributes:
        kind: the name of the class or of the function.
        name: what a picture calls it: the attribute that holds the module in the module around it,
            the variable that holds the outermost module, else the kind.
        path: the attributes that lead to the module from the outermost one; "" for that one.
        mark: the mark on the results.
        read: the inputs.
        results: what it returned, as far as the graph uses it.
        nodes: all nodes of its region, the results first.
        is_each: whether it is one part of its module, which made one result, as a neuron of a layer does.
        parent: the call around it.
        inner: the calls in it, from first to last.
        height: how many levels of calls lie within it; 0 for a part of a module.
    """

    kind: str
    mark: Mark
    read: list[Value]
    results: list[Value]
    nodes: dict[Value, None]
    is_each: bool
    name: str = ""
    path: str = ""
    parent: Call | None = None
    inner: list[Call] = field(default_factory=list)
    height: int = 0

    @property
    def module(self) -> Module | None:
        """The module that was called; None for a function, and in a copied graph."""
        return self.mark.module if isinstance(self.mark.module, Module) else None

    @property
    def contents(self) -> str:
        """The calls within it, counted: `Neuron ×16`."""
        counts = Counter(call.kind for call in self.inner)
        return ", ".join(f"{kind} ×{count}" if count > 1 else kind for kind, count in counts.items())


class Calls:
    """The calls of which a graph has marks, outer ones first, and those in one call from first to last.

    Args:
        order: the nodes, operands first.
        modules: what variables hold modules: their names by the modules' ids.

    Attributes:
        order: the nodes.
        all: the calls; each comes after the one around it.
        around: for each node the innermost call that it belongs to and does not share with another.
        parameters: the leaves that a call read without having been given them.
        inputs: the leaves that calls were given.
    """

    def __init__(self, order: Sequence[Value], modules: Mapping[int, str] | None = None) -> None:
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
            if call.parent is not None and not call.parent.is_each:
                call.parent.height = max(call.parent.height, call.height + 1)
        self.parameters = {node for call in self.all for node in call.nodes if is_leaf(node)}
        given = {node for call in self.all for node in call.read if is_leaf(node)}
        self.inputs = given - self.parameters
        self._order: dict[Call, int] = {}
        self._name(modules or {})
        outermost = self._into_order()
        for call in self.all:
            made = {inner.results[0]: i for i, inner in enumerate(call.inner) if inner.is_each}
            if not call.is_each and made.keys() >= set(call.results):
                call.results.sort(key=made.__getitem__)
        pending, self.all = outermost[::-1], []
        while pending:
            self.all.append(pending.pop())
            pending += reversed(self.all[-1].inner)

    def _into_order(self) -> list[Call]:
        """Put the calls in each call in the order of the code, and return the outermost in that order.

        It is the order of their first results; the parts of a module stand as its parameters do.
        """
        places = {node: place for place, node in enumerate(self.order)}
        first: dict[int, int] = {}
        for call in self.all:
            key = id(call.mark)
            first[key] = min(first.get(key, len(places)), *map(places.__getitem__, call.results))

        def when(call: Call) -> tuple[int, int, int]:
            return first[id(call.mark)], self._order.get(call, 0), places[call.results[0]]

        outermost: list[Call] = []
        for call in sorted(self.all, key=when):
            (outermost if call.parent is None else call.parent.inner).append(call)
        return outermost

    def _name(self, variables: Mapping[int, str]) -> None:
        """Give each call its name and its path, and the parts of a module their order."""
        names_in: dict[int, dict[Value, tuple[int, str]]] = {}
        in_neurons = (call for call in self.all if call.parent is not None and call.parent.is_each)
        of_activations = {node for call in in_neurons for node in call.nodes}  # neurons may share their parameters
        paths: dict[tuple[int, int], str] = {}
        for call in self.all:
            module, around = call.module, call.parent
            call.name, call.path = call.kind, "" if around is None else around.path
            if module is None:
                continue
            while around is not None and around.module is None:
                around = around.parent
            whole = module if around is None or around.module is None else around.module
            if whole is not module and (id(module), id(whole)) not in paths:
                paths[id(module), id(whole)] = path_of(module, whole)
            path = "" if whole is module else paths[id(module), id(whole)]
            if around is None:
                call.name = variables.get(id(module), call.kind)
            elif whole is not module and not path:  # no attribute leads to it
                call.path = ""
            if call.is_each:
                if id(module) not in names_in:
                    names = enumerate(module.named_parameters())
                    names_in[id(module)] = {parameter: (i, name) for i, (name, parameter) in names}
                known = names_in[id(module)]
                own = [node for node in call.nodes if node in known]
                own = [node for node in own if node not in of_activations] or own
                self._order[call] = min((known[node][0] for node in own), default=0)
                path = _joined(path, common_path(known[node][1] for node in own))
            call.name = path or call.name
            call.path = _joined(call.path, path)


def _joined(*paths: str) -> str:
    return ".".join(path for path in paths if path)


def _calls(order: Sequence[Value]) -> list[Call]:
    """The calls, each with its region; an outer one comes before what is in it."""
    calls: dict[tuple[int, int], Call] = {}
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
            for kind, key in ((mark.together, 0), (mark.each, id(node))):
                if kind is not None:
                    call = calls.setdefault((id(mark), key), Call(kind, mark, rows[id(mark)], [], {}, key != 0))
                    call.results.append(node)
                    levels[call] = max(levels.get(call, 0), 2 * level + call.is_each)
    for call in calls.values():
        border = borders[id(call.mark)]
        pending = call.results[::-1]
        while pending:
            node = pending.pop()
            if node not in call.nodes:
                call.nodes[node] = None
                pending += [operand for operand in reversed(node.args) if operand not in border]
    readers = {node: call.read for call in calls.values() for node in call.read}
    for call in calls.values():
        row = readers.get(call.results[0], [])
        if set(call.results) <= set(row):  # results in the order in which they are read, where they are read together
            call.results.sort(key={node: i for i, node in enumerate(row)}.__getitem__)
    return sorted(calls.values(), key=lambda call: (-len(call.nodes), levels[call]))


def _common(one: Call | None, other: Call | None) -> Call | None:
    """The innermost call around both."""
    outer = set()
    while one is not None:
        outer.add(one)
        one = one.parent
    while other is not None and other not in outer:
        other = other.parent
    return other
