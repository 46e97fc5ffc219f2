"""Find constants from which states begin, as `h = [0.0] * n` before a recurrent layer, and make them an array.

The trace of such a layer has `w * 0.0` in its first step, and `w * h` in all others. Here the constant becomes the
entry of an array of initial states. Then the first step is like the others: it has the same families, and is an
iteration of their loop. To see which constants are states, the first step and the second are compared, node by node:

    two steps read    w * 0.0 and w * h1: the constant is the initial state of h1, if h1 is one
    compared are      h1 = tanh(w * 0.0 + v * x[0]) and h2 = tanh(w * h1 + v * x[1])

Where these are the same but for leaves, and for constants in place of what the first step computes, they are two steps.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..leaves import CAPTURED, THETA
from ..trace import Node, Trace

LEAST_STEPS = 6  # fewer are no loop that saves lines
LEAST_NODES = 30  # of a sum
MOST_TOGETHER = 4  # states that an operand is combined with in each step
Pair = tuple[int, int]  # the places of a node of the first step and of the same one of the second


class InitialStates(NamedTuple):
    """A trace with arrays of initial states.

    Attributes:
        trace: the trace.
        outputs: the places of the results in it.
        numbers: the numbers of these arrays, by the names of the leaves that they are.
        batched: the names of those from which on states differ between examples.
    """

    trace: Trace
    outputs: Sequence[int]
    numbers: Mapping[str, Sequence[float]] = MappingProxyType({})
    batched: Collection[str] = ()


def with_initial_states(trace: Trace, outputs: Sequence[int], *, of_sums: bool) -> InitialStates:
    """Return a trace in which constants that are initial states are entries of arrays; of sums too, if asked."""
    nodes = list(trace.nodes)
    search = _Search(nodes)
    _compare_beginnings(nodes, trace, search)
    for first, second in _sums(nodes, trace) if of_sums else ():
        search.compare(first, second)
    states, pairs = search.states_and_pairs()
    if not states:
        return InitialStates(trace, outputs)
    return _Rewriting(nodes, states, pairs).result(trace, outputs)


def _is_leaf(node: Node) -> bool:
    return node[0].__class__ is str


def _compare_beginnings(nodes: Sequence[Node], trace: Trace, search: _Search) -> None:
    """Compare what the second and the third step read where the first reads a constant, beside the same operand."""
    readers: dict[tuple[object, int, int], list[int]] = {}
    for place, idle in trace.beside_constants.items():
        op, *operands = nodes[place]
        for at, other in enumerate(reversed(operands)):
            if len(operands) == 2 and nodes[operands[at]][0] == "constant" and (idle is None or _is_leaf(nodes[other])):
                readers[op, at, other] = []
    others = {other for _, _, other in readers}
    for place, node in enumerate(nodes if readers else ()):
        if len(node) == 3 and (node[1] in others or node[2] in others) and not _is_leaf(node):
            for at in (0, 1):
                if (node[0], at, node[2 - at]) in readers:
                    readers[node[0], at, node[2 - at]].append(place)
    for (_, at, _), own in readers.items():
        read = [nodes[reader][1 + at] for reader in own]
        later = [one for one in read if nodes[one][0] != "constant"]
        for together in range(max(1, len(read) - len(later)), MOST_TOGETHER + 1):  # so many are read in each step
            if len(later) < LEAST_STEPS * together - 1:
                break
            is_state = [search.compare(*pair) for pair in zip(later[:together], later[together:], strict=False)]
            if any(is_state):
                break


def _sums(nodes: Sequence[Node], trace: Trace) -> Iterator[Pair]:
    """Yield the first and the second sum of those that a loop adds to, which begin as constants."""
    first_sums = [place for place in trace.beside_constants if nodes[place][0] is p.add]
    next_sums: dict[int, int] = {}
    for place, node in enumerate(nodes if first_sums else ()):
        if node[0] is p.add:
            next_sums.setdefault(node[1], place)
    for first in first_sums:
        last, steps = first, 1
        while last in next_sums:
            last, steps = next_sums[last], steps + 1
        if steps >= LEAST_STEPS and last - first >= LEAST_NODES:
            yield first, next_sums[first]


class _Compared(NamedTuple):
    """What two steps have in common, seen from one state.

    Attributes:
        states: the places of the constants that the first step reads, by those of what the second reads there.
        pairs: what is the same in both steps, and was not seen from another state.
        others: from where the rest of it was seen.
    """

    states: dict[int, int]
    pairs: set[Pair]
    others: set[int]


class _Search:
    """The search for initial states: what is seen from each state that is known."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._seen: list[_Compared] = []
        self._from: dict[Pair, int] = {}  # from which of them a pair was seen

    def compare(self, first: int, second: int) -> bool:
        """Compare what two steps compute; if it is the same, note it, and the constants in place of states.

        Return whether there are such constants.
        """
        own = _Compared({}, set(), set())
        pending = [(first, second)]
        while pending:
            one, other = pair = pending.pop()
            node, later = self._nodes[one], self._nodes[other]
            if pair in self._from:
                own.others.add(self._from[pair])
            elif one == other or pair in own.pairs:
                continue
            elif node[0] == "constant" and not _is_leaf(later):
                if own.states.setdefault(other, one) != one:
                    return False
            elif node[0] != later[0] or len(node) != len(later):
                return False
            elif not _is_leaf(node):
                own.pairs.add(pair)
                pending += zip(node[1:], later[1:], strict=True)
        if not own.states and not own.others:
            return False
        self._from |= dict.fromkeys(own.pairs, len(self._seen))
        self._seen.append(own)
        return True

    def states_and_pairs(self) -> tuple[dict[int, int], set[Pair]]:
        """Return the constants by their states, each of which the first step computes, and what is the same in both."""
        left = dict(enumerate(self._seen))
        while True:
            computed = {one for own in left.values() for one, _ in own.pairs}
            begun: dict[int, set[int]] = {}
            for own in left.values():
                for state, constant in own.states.items():
                    begun.setdefault(state, set()).add(constant)
            wrong = [
                number
                for number, own in left.items()
                if not own.others <= left.keys()
                or not own.states.keys() <= computed
                or any(len(begun[state]) > 1 for state in own.states)
            ]
            if not wrong:
                states = {state: constant for own in left.values() for state, constant in own.states.items()}
                return states, {pair for own in left.values() for pair in own.pairs}
            for number in wrong:
                del left[number]


class _Rewriting:
    """The nodes of a trace, with leaves in place of the constants."""

    def __init__(self, nodes: Sequence[Node], states: Mapping[int, int], pairs: Iterable[Pair]) -> None:
        self._old, self._states = nodes, states
        self._seconds: dict[int, list[int]] = {}
        for first, second in sorted(pairs):
            self._seconds.setdefault(first, []).append(second)
        self._nodes: list[Node] = []
        self._places: list[int] = []  # of what stands for each old node
        self._initial: dict[int, int] = {}  # the places of the new leaves, by those of the old states
        self._versions: dict[Pair, int] = {}  # the places of what stands for a node of the first step
        self._known: dict[Node, int] = {}  # the places of these, each once

    def result(self, trace: Trace, outputs: Sequence[int]) -> InitialStates:
        """Return the new trace."""
        if not self._is_rewritten_in_place():
            self._nodes, self._places = [], []
            for place in sorted(self._seconds):
                self._copy_to(place)
                self._rewrite(place)
            self._copy_to(len(self._old))
        roots = {state: self._places[state] for state in sorted(self._states)}
        batched = self._batched(roots)
        numbers: dict[str, list[float]] = {}
        names = self._names(roots)
        for state, name in names.items():
            own = numbers.setdefault(name, [])
            self._nodes[self._initial[state]] = name, len(own)
            own.append(self._old[self._states[state]][1])
        rewritten = trace.rewritten(self._nodes, self._places)
        places = [self._places[one] for one in outputs]
        return InitialStates(rewritten, places, numbers, {names[state] for state in batched})

    def _is_rewritten_in_place(self) -> bool:
        """Whether each node of the first step has one version, which takes its place; the new leaves stand behind all.

        Else nodes stay before those that read them, and all are copied.
        """
        if any(len(own) > 1 for own in self._seconds.values()):
            return False
        self._nodes, self._places = list(self._old), list(range(len(self._old)))
        for state in self._states:
            self._initial[state] = self._added(("initial", state))
        for place, (second,) in self._seconds.items():
            pairs = zip(self._old[place][1:], self._old[second][1:], strict=True)
            self._nodes[place] = (self._old[place][0], *map(self._read, pairs))
        return True

    def _copy_to(self, stop: int) -> None:
        """Copy the nodes up to a place, which read what stands for others now."""
        places, start = self._places, len(self._places)
        places += range(len(self._nodes), len(self._nodes) + stop - start)
        self._nodes += [
            node
            if node[0].__class__ is str
            else (node[0], places[node[1]], places[node[2]])
            if len(node) == 3
            else (node[0], *[places[operand] for operand in node[1:]])
            for node in self._old[start:stop]
        ]

    def _rewrite(self, place: int) -> None:
        """Put in place of a node of the first step what reads initial states; each second node may need another."""
        op, *operands = self._old[place]
        plain: Node = (op, *[self._places[one] for one in operands])
        made = set()
        for second in self._seconds[place]:
            node: Node = (op, *map(self._read, zip(operands, self._old[second][1:], strict=True)))
            if node not in self._known:
                self._known[node] = self._added(node)
            self._versions[place, second] = self._known[node]
            made.add(self._known[node])
        if len(made) > 1 and plain not in self._known:
            self._known[plain] = self._added(plain)
        self._places.append(made.pop() if len(made) == 1 else self._known[plain])

    def _added(self, node: Node) -> int:
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _read(self, pair: Pair) -> int:
        """The place of what a node of the first step reads."""
        first, second = pair
        if self._states.get(second) != first:
            return self._versions.get(pair, self._places[first])
        if second not in self._initial:
            self._initial[second] = self._added(("initial", second))
        return self._initial[second]

    def _batched(self, roots: Mapping[int, int]) -> set[int]:
        """The states that differ between examples: all of those that are computed from each other, or none."""
        read = {state: {self._nodes[one] for one in _reached(self._nodes, [root])} for state, root in roots.items()}
        leaves = {state: {node[0] for node in nodes if _is_leaf(node)} for state, nodes in read.items()}
        batched = {state for state, names in leaves.items() if not names <= {"constant", THETA, CAPTURED, "initial"}}
        while True:
            more = {
                state for state, nodes in read.items() if any(("initial", one) in nodes for one in batched)
            } - batched
            if not more:
                return batched
            batched |= more

    def _names(self, roots: Mapping[int, int]) -> dict[int, str]:
        """The name of the array of each initial state: one for the states that are computed alike."""
        reached = _reached(self._nodes, roots.values())
        groups: dict[int, int] = dict.fromkeys(roots, 0)
        while True:
            keys = {self._initial[state]: ("initial", group) for state, group in groups.items()}
            kinds = _kinds(self._nodes, reached, keys)
            known: dict[Hashable, int] = {}
            finer = {state: known.setdefault((groups[state], kinds[root]), len(known)) for state, root in roots.items()}
            if finer == groups:
                return {state: f"initial{group}" for state, group in groups.items()}
            groups = finer


def _reached(nodes: Sequence[Node], roots: Iterable[int]) -> list[int]:
    """The places of nodes and of all that they are computed from, in order."""
    reached: set[int] = set()
    pending = list(roots)
    while pending:
        place = pending.pop()
        if place not in reached:
            reached.add(place)
            pending += () if _is_leaf(nodes[place]) else nodes[place][1:]
    return sorted(reached)


def _kinds(nodes: Sequence[Node], places: Iterable[int], of_leaves: Mapping[int, Hashable]) -> dict[int, Hashable]:
    """What nodes compute, as numbers; sums of alike terms are alike, as they will be in families."""
    known: dict[Hashable, int] = {}
    kinds: dict[int, Hashable] = {}
    terms: dict[int, frozenset[tuple[int, Hashable]]] = {}
    for place in sorted(places, key=lambda one: not _is_leaf(nodes[one])):
        op, *operands = nodes[place]
        key: Hashable
        if _is_leaf((op,)):
            key = of_leaves.get(place, op)
        elif op in (p.add, p.subtract, p.negative):
            signs = {p.add: (1, 1), p.subtract: (1, -1), p.negative: (-1,)}[op]
            key = terms[place] = frozenset(
                (sign * own, kind)
                for sign, one in zip(signs, operands, strict=True)
                for own, kind in terms.get(one, {(1, kinds[one])})
            )
        elif isinstance(op, Primitive) and op.commutative:
            key = op, frozenset(kinds[one] for one in operands)
        else:
            key = op, *[kinds[one] for one in operands]
        kinds[place] = known.setdefault(key, len(known))
    return kinds
