"""Initial states that are constants, as `h` of `h = [0.0] * n` before a recurrent layer, as numbers of an array.

The trace of such a layer has `w * 0.0` in its first step, and `w * h` in all others. Here the constant becomes the entry
of an array of initial states. Then the first step is like the others: it has the same families, and is an iteration of
their loop. To see which constants are states, the nodes of the first step and of the second are compared, pair by pair:

    two steps read    w * 0.0 and w * h1: the constant is the initial state of h1, if h1 is one
    compared are      h1 = tanh(w * 0.0 + v * x[0]) and h2 = tanh(w * h1 + v * x[1])

Where these are the same but for leaves, and for constants in place of what the first step computes, they are two steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..leaves import THETA
from ..trace import Node, Trace

LEAST_STEPS = 6  # fewer are no loop that saves lines
LEAST_NODES = 30  # of a sum
Pair = tuple[int, int]  # the places of a node of the first step and of the same one of the second


class Initial(NamedTuple):
    """A trace with arrays of initial states.

    Attributes:
        trace: the trace.
        outputs: the places of the results in it.
        numbers: the numbers of these arrays, by the names of the leaves that they are.
    """

    trace: Trace
    outputs: list[int]
    numbers: dict[str, list[float]]


def with_initial_states(trace: Trace, outputs: Sequence[int], *, of_sums: bool) -> Initial:
    """Return a trace in which constants that are initial states are entries of arrays; of sums too, if asked."""
    nodes = list(trace.nodes)
    search = _Search(nodes)
    for first, second in _beginnings(nodes, trace):
        search.compare(first, second)
    for first, second in _sums(nodes, trace) if of_sums else ():
        search.compare(first, second)
    states, pairs = search.states_and_pairs()
    if not states:
        return Initial(trace, list(outputs), {})
    return _Rewriting(nodes, states, pairs).result(trace, outputs)


def _is_leaf(node: Node) -> bool:
    return node[0].__class__ is str


def _beginnings(nodes: Sequence[Node], trace: Trace) -> Iterator[Pair]:
    """Yield what the second and the third step read where the first reads a constant, beside the same leaf."""
    readers: dict[tuple[object, int, int], list[int]] = {}
    for place in trace.beside_constants:
        op, *operands = nodes[place]
        for at, other in enumerate(reversed(operands)):
            if len(operands) == 2 and nodes[operands[at]][0] == "constant" and _is_leaf(nodes[other]):
                readers[op, at, other] = []
    others = {other for _, _, other in readers}
    for place, node in enumerate(nodes if readers else ()):
        if len(node) == 3 and (node[1] in others or node[2] in others) and not _is_leaf(node):
            for at in (0, 1):
                if (node[0], at, node[2 - at]) in readers:
                    readers[node[0], at, node[2 - at]].append(place)
    for (_, at, _), own in readers.items():
        if len(own) >= LEAST_STEPS:
            constant, first, second = (nodes[reader][1 + at] for reader in own[:3])
            if nodes[constant][0] == "constant" and not _is_leaf(nodes[first]) and not _is_leaf(nodes[second]):
                yield first, second


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

    def compare(self, first: int, second: int) -> None:
        """Compare what two steps compute; if it is the same, note it, and the constants in place of states."""
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
                    return
            elif node[0] != later[0] or len(node) != len(later):
                return
            elif not _is_leaf(node):
                own.pairs.add(pair)
                pending += zip(node[1:], later[1:], strict=True)
        self._from |= dict.fromkeys(own.pairs, len(self._seen))
        self._seen.append(own)

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
        self._known: dict[Node, int] = {}
        self._places: list[int] = []  # of what stands for each old node
        self._initial: dict[int, int] = {}  # the places of the new leaves, by those of the old states
        self._versions: dict[Pair, int] = {}  # the places of what stands for a node of the first step

    def result(self, trace: Trace, outputs: Sequence[int]) -> Initial:
        """Return the new trace."""
        parameters = sum(node[0] == THETA for node in self._old)
        for node in self._old[:parameters]:  # their places come first
            self._places.append(self._entered(node))
        for place in range(parameters, len(self._old)):
            self._places.append(self._rewritten(place))
        numbers: dict[str, list[float]] = {}
        for state, name in self._names().items():
            own = numbers.setdefault(name, [])
            self._nodes[self._initial[state]] = name, len(own)
            own.append(self._old[self._states[state]][1])
        return Initial(trace.rewritten(self._nodes, self._places), [self._places[one] for one in outputs], numbers)

    def _entered(self, node: Node) -> int:
        place = self._known.setdefault(node, len(self._nodes))
        if place == len(self._nodes):
            self._nodes.append(node)
        return place

    def _rewritten(self, place: int) -> int:
        """The place of what stands for a node."""
        op, *operands = self._old[place]
        made = set()
        for second in self._seconds.get(place, ()):
            read = [self._read(pair) for pair in zip(operands, self._old[second][1:], strict=True)]
            self._versions[place, second] = new = self._entered((op, *read))
            made.add(new)
        if len(made) == 1:
            return made.pop()
        return self._entered((op, *(operands if _is_leaf((op,)) else [self._places[one] for one in operands])))

    def _read(self, pair: Pair) -> int:
        """The place of what a node of the first step reads."""
        first, second = pair
        if self._states.get(second) == first:
            self._initial[second] = self._entered(("initial", second))
            return self._initial[second]
        return self._versions.get(pair, self._places[first])

    def _names(self) -> dict[int, str]:
        """The name of the array of each initial state: one for the states that are computed alike."""
        roots = {state: self._places[state] for state in sorted(self._states)}
        reached = _reached(self._nodes, roots.values())
        groups: dict[int, int] = dict.fromkeys(roots, 0)
        while True:
            keys = {self._initial[state]: ("initial", group) for state, group in groups.items()}
            kinds = _kinds(self._nodes, reached, keys)
            known: dict[Hashable, int] = {}
            finer = {
                state: known.setdefault((groups[state], kinds[root]), len(known)) for state, root in roots.items()
            }
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
    terms: dict[int, frozenset[Hashable]] = {}
    for place in places:
        op, *operands = nodes[place]
        key: Hashable
        if _is_leaf((op,)):
            key = of_leaves.get(place, op)
        elif op in (p.add, p.subtract, p.negative):
            signs = {p.add: (1, 1), p.subtract: (1, -1), p.negative: (-1,)}[op]
            key = terms[place] = frozenset(
                (sign * own, kind)
                for sign, one in zip(signs, operands, strict=True)
                for own, kind in terms.get(one, [(1, kinds[one])])
            )
        elif isinstance(op, Primitive) and op.commutative:
            key = op, frozenset(kinds[one] for one in operands)
        else:
            key = op, *[kinds[one] for one in operands]
        kinds[place] = known.setdefault(key, len(known))
    return kinds
