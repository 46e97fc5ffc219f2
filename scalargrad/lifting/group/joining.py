"""Families that are one but for the first steps of their loops, where something stands in for what others read.

- A softmax of three scores divides by their sum, and that of a single score by the score, which is the sum of one. So
  where others read sums of two, three and more terms, a term is read as a sum of one. The same holds for any fold.
- In `w * (x[t - 1] if t > 0 else 0.0)` the 0 stands for a number before the first. So it is read as one more member of
  the family that others read there.

What joins others in this way is alike from then on, and so is what is computed from it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..lookup import TABLE
from ..trace import Node
from .families import CONSTANTS, NONE, ZERO, Families, Family, Term

Changes = Mapping[int, int]  # the family that is to be read, by the place among what is read


class Reading(NamedTuple):
    """What the members of a family are computed from.

    Attributes:
        op: the operation, or what ends a sum.
        signs: those of the kinds of terms; none for an operation.
        families: that of each operand; for a sum, of both factors of each kind.
        zeros: where a factor is the constant 0 in all members.
        lengths: how many terms members have.
        members: how many members there are.
    """

    op: Primitive
    signs: Sequence[int]
    families: Sequence[int]
    zeros: frozenset[int]
    lengths: frozenset[int]
    members: int


def join(graph: Families) -> None:
    """Let members read what makes them one family with others, and sort the nodes anew."""
    search = _Search(graph)
    if search.folds() or any(reading.zeros for reading in search.read.values()):
        changes = search.changes()
        if changes:
            _Rewriting(graph).rewrite(changes)
            graph.sort()


class _Search:
    """The search for what can be joined, on families in place of their members."""

    def __init__(self, graph: Families) -> None:
        self.read = {family.number: _reading(graph, family) for family in graph.families if family.members}
        self.part_of = list(range(len(graph.families)))  # for each family one that it has joined, or itself
        self.given = [family.number for family in graph.families if not family.members][1:]  # without the constants

    def folds(self) -> dict[frozenset[int], list[int]]:
        """Return the families whose members fold two, three and more terms of one kind, by the factors of these."""
        lengths: dict[int, set[int]] = {}
        for family, reading in self.read.items():
            if reading.signs and max(reading.signs) < 0:
                pairs = zip(reading.families[::2], reading.families[1::2], strict=True)
                kinds = {frozenset((self._whole(f), self._whole(g))) for f, g in pairs}
                if len(kinds) == 1:
                    lengths.setdefault(self._whole(family), set()).update(reading.lengths)
        folds: dict[frozenset[int], list[int]] = {}
        for family, own in lengths.items():
            if len(own) > 1 and min(own) <= 2:
                factors = frozenset(map(self._whole, self.read[family].families))
                folds.setdefault(factors, []).append(family)
        return folds

    def changes(self) -> dict[int, Changes]:
        """Return which families are to read others, and where."""
        changes: dict[int, Changes] = {}
        before: list[int] = []
        while before != self.part_of:
            before = list(self.part_of)
            known: dict[Hashable, int] = {}
            for family in self.read:
                self._join(family, known.setdefault(self._key(family, changes.get(family, {})), family))
            folds = self.folds()
            for family, reading in self.read.items():
                own = changes.get(family, {})
                for choice in self._choices(reading, own, folds):
                    other = known.get(self._key(family, choice))
                    if other is None or self._whole(other) == self._whole(family):
                        continue
                    if self.read[other].members > reading.members or reading.zeros.issuperset(choice):
                        changes[family] = choice
                        self._join(family, other)
                        break
        return changes

    def _join(self, family: int, other: int) -> None:
        self.part_of[self._whole(family)] = self._whole(other)

    def _whole(self, family: int) -> int:
        """The family that a family has become a part of."""
        while family != NONE and self.part_of[family] != family:
            family = self.part_of[family]
        return family

    def _key(self, family: int, changes: Changes) -> Hashable:
        """What is equal for families that are one, if this one reads something else."""
        reading = self.read[family]
        read = [self._whole(changes.get(at, one)) for at, one in enumerate(reading.families)]
        if reading.signs:
            pairs = map(frozenset, zip(read[::2], read[1::2], strict=True))
            return reading.op, frozenset(zip(reading.signs, pairs, strict=True))
        return reading.op, len(read), *read

    def _choices(self, reading: Reading, own: Changes, folds: Mapping[frozenset[int], list[int]]) -> Iterator[Changes]:
        """Yield what the members could read: something else in one more place, and in all places."""
        everywhere = dict(own)
        for at, one in enumerate(reading.families if reading.op is not TABLE else ()):
            if at not in own:
                others = [fold for factors in self._as_terms(one) for fold in folds.get(factors, ())]
                if at in reading.zeros:
                    others = [family for family in (*reading.families, *self.given) if family not in (NONE, CONSTANTS)]
                for other in others:
                    everywhere[at] = other
                    yield {**own, at: other}
        if len(everywhere) > len(own) + 1:
            yield everywhere

    def _as_terms(self, family: int) -> Iterator[frozenset[int]]:
        """Yield the factors of terms that its members could be: themselves, or what they are products of."""
        if family != NONE:
            yield frozenset((NONE, self._whole(family)))
        own = self.read.get(family)
        if own is not None and own.op is p.multiply:
            yield frozenset(map(self._whole, own.families))


def _reading(graph: Families, family: Family) -> Reading:
    i, count = family.members[0], len(family.members)
    op, *operands = graph.nodes[i]
    if i not in graph.terms:
        families = [graph.family_of[operand] for operand in operands]
        if op is TABLE:
            families = sorted(set(families))
        return Reading(op, [], families, frozenset(), frozenset(), count)
    kinds = graph.kinds(i)
    zeros = []
    for k, (minus, f, g) in enumerate(kinds):
        if f == CONSTANTS and g != NONE:
            terms = (term for member in family.members for term in graph.terms[member])
            read = {x for sign, x, y in terms if (-sign, graph.family_of[x], graph.family_of[y]) == (minus, f, g)}
            if all(graph.nodes[x][1] == 0.0 for x in read):
                zeros.append(2 * k)
    lengths = frozenset([len(graph.terms[member]) for member in family.members])
    families = [one for _, f, g in kinds for one in (f, g)]
    return Reading(op, [minus for minus, _, _ in kinds], families, frozenset(zeros), lengths, count)


class _Rewriting:
    """The nodes of a graph, with what is to be read put in place of what was read."""

    def __init__(self, graph: Families) -> None:
        self.graph = graph
        self._made: dict[tuple[int, int], int] = {}
        self._behind: dict[int, list[int]] = {}  # new nodes, by the node behind which they stand

    def rewrite(self, changes: Mapping[int, Changes]) -> None:
        """Rewrite the members of the families that change; those that are operands of others come first."""
        graph, family_of = self.graph, self.graph.family_of
        for number in sorted(changes):
            own = changes[number]
            for i in graph.families[number].members:
                if i not in graph.terms:
                    op, *operands = graph.nodes[i]
                    graph.nodes[i] = op, *(self._read(one, own.get(at)) for at, one in enumerate(operands))
                    continue
                kinds = graph.kinds(i)
                beside = {
                    family_of[factor]: factor for _, *factors in graph.terms[i] for factor in factors if factor != NONE
                }
                for at, (sign, x, y) in enumerate(graph.terms[i]):
                    first = 2 * kinds.index((-sign, family_of[x], family_of[y]))
                    if family_of[x] == CONSTANTS and first in own:
                        new = self._zero(x, own[first], beside.get(own[first], NONE))
                    else:
                        new = self._read(x, own.get(first))
                    graph.terms[i][at] = sign, new, self._read(y, own.get(first + 1))
        graph.order = [
            *self._behind.get(NONE, ()),
            *(one for i in graph.order for one in (i, *self._behind.get(i, ()))),
        ]

    def _zero(self, node: int, family: int, member: int) -> int:
        """A 0 that is read as one more member of a family: a given one, or that of a member."""
        new = self._made.get((member, -family))
        if new is None:
            new = self._made[member, -family] = self._added((ZERO, member, family), behind=member)
            if member != NONE:
                self.graph.uses[member] += 1
        self.graph.uses[new] += 1
        self.graph.uses[node] -= 1
        return new

    def _read(self, node: int, fold: int | None) -> int:
        """What is to be read: the node, or a fold of it alone."""
        if fold is None:
            return node
        graph = self.graph
        new = self._made.get((node, fold))
        if new is None:
            example = graph.families[fold].members[0]
            new = self._made[node, fold] = self._added((graph.nodes[example][0], node), behind=node)
            is_product = graph.terms[example][0][2] != NONE
            term: Term = (1, *graph.nodes[node][1:]) if is_product else (1, node, NONE)
            graph.terms[new] = [term]
            for factor in term[1:]:
                if factor != NONE:
                    graph.uses[factor] += 1
        graph.uses[new] += 1
        graph.uses[node] -= 1
        if not graph.uses[node]:  # a product that nothing else reads
            for operand in graph.nodes[node][1:]:
                graph.uses[operand] -= 1
        return new

    def _added(self, node: Node, behind: int) -> int:
        self._behind.setdefault(behind, []).append(len(self.graph.nodes))
        self.graph.nodes.append(node)
        self.graph.uses.append(0)
        return len(self.graph.nodes) - 1
