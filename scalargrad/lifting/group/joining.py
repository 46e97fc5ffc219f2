"""Families that are one but for folds of a single term, as in the first step of a loop over a growing list.

A softmax of three scores divides by their sum, and that of a single score by the score, which is the sum of one. So
where some members read folds of two, three and more terms, and others, alike in all else, read a term itself, these
read a fold of one term instead. Then they are one family, and so is what is computed from them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..lookup import LOOKUP
from .families import NONE, Families, Family, Term

Folds = Mapping[int, int]  # the family of the folds that are read, by the place among what is read


class Reading(NamedTuple):
    """What the members of a family are computed from.

    Attributes:
        op: the operation, or what ends a sum.
        signs: those of the kinds of terms; none for an operation.
        families: that of each operand; for a sum, of both factors of each kind.
        lengths: how many terms members have.
    """

    op: Primitive
    signs: Sequence[int]
    families: Sequence[int]
    lengths: frozenset[int]


def join(graph: Families) -> None:
    """Let members read folds of one term where that makes them one family with others, and sort the nodes anew."""
    search = _Search(graph)
    if search.folds():
        found = search.found()
        if found:
            _Folding(graph).rewrite(found)
            graph.sort()


class _Search:
    """The search for what can be joined, on families in place of their members."""

    def __init__(self, graph: Families) -> None:
        self.read = {family.number: _reading(graph, family) for family in graph.families if family.members}
        self.part_of = list(range(len(graph.families)))  # for each family one that it has joined, or itself

    def folds(self) -> list[int]:
        """Return the families whose members fold two, three and more terms of one kind."""
        lengths: dict[int, set[int]] = {}
        for family, reading in self.read.items():
            if reading.signs and max(reading.signs) < 0:
                pairs = zip(reading.families[::2], reading.families[1::2], strict=True)
                kinds = {frozenset((self._whole(f), self._whole(g))) for f, g in pairs}
                if len(kinds) == 1:
                    lengths.setdefault(self._whole(family), set()).update(reading.lengths)
        return [family for family, own in lengths.items() if len(own) > 1 and min(own) <= 2]

    def found(self) -> dict[int, Folds]:
        """Return which families are to read folds, and where."""
        found: dict[int, Folds] = {}
        before: list[int] = []
        while before != self.part_of:
            before = list(self.part_of)
            known: dict[Hashable, int] = {}
            for family in self.read:
                self._join(family, known.setdefault(self._key(family, found.get(family, {})), family))
            folds = self.folds()
            for family in self.read:
                own = found.get(family, {})
                for choice in self._choices(family, own, folds):
                    other = known.get(self._key(family, choice))
                    if other is not None and self._whole(other) != self._whole(family):
                        found[family] = choice
                        self._join(family, other)
                        break
        return found

    def _join(self, family: int, other: int) -> None:
        self.part_of[self._whole(family)] = self._whole(other)

    def _whole(self, family: int) -> int:
        """The family that a family has become a part of."""
        while family != NONE and self.part_of[family] != family:
            family = self.part_of[family]
        return family

    def _key(self, family: int, folds: Folds) -> Hashable:
        """What is equal for families that are one, if this one reads folds."""
        op, signs, families, _ = self.read[family]
        read = [self._whole(folds.get(at, one)) for at, one in enumerate(families)]
        if signs:
            return op, frozenset(zip(signs, map(frozenset, zip(read[::2], read[1::2], strict=True)), strict=True))
        return op, len(read), *read

    def _choices(self, family: int, own: Folds, folds: Sequence[int]) -> Iterator[Folds]:
        """Yield where the members could read folds: in one more place, and in all places."""
        if self.read[family].op is LOOKUP:  # it has no order of entries
            return
        everywhere = dict(own)
        for at, one in enumerate(self.read[family].families):
            for fold in folds if at not in own else ():
                if self._is_term_of(one, fold):
                    everywhere[at] = fold
                    yield {**own, at: fold}
        yield everywhere

    def _is_term_of(self, family: int, fold: int) -> bool:
        """Whether the members of a family could be the only term of a fold."""
        factors = {self._whole(one) for one in self.read[fold].families}
        own = self.read.get(family)
        if NONE in factors:
            return factors == {NONE, self._whole(family)}
        return own is not None and own.op is p.multiply and factors == {self._whole(one) for one in own.families}


def _reading(graph: Families, family: Family) -> Reading:
    i = family.members[0]
    op, *operands = graph.nodes[i]
    if i in graph.terms:
        kinds = graph.kinds(i)
        lengths = frozenset([len(graph.terms[member]) for member in family.members])
        return Reading(op, [sign for sign, _, _ in kinds], [one for _, f, g in kinds for one in (f, g)], lengths)
    families = [graph.family_of[operand] for operand in operands]
    if op is LOOKUP:
        families = [families[0], *sorted(set(families[1:]))]
    return Reading(op, [], families, frozenset())


class _Folding:
    """The nodes of a graph, with folds of one term put where members are to read them."""

    def __init__(self, graph: Families) -> None:
        self.graph = graph
        self._made: dict[tuple[int, int], int] = {}
        self._behind: dict[int, list[int]] = {}  # new nodes, by the node that each stands for

    def rewrite(self, found: Mapping[int, Folds]) -> None:
        """Rewrite the members of the families that were found; those that are operands of others come first."""
        graph, family_of = self.graph, self.graph.family_of
        for number in sorted(found):
            folds = found[number]
            for i in graph.families[number].members:
                if i in graph.terms:
                    kinds = graph.kinds(i)
                    for at, (sign, *factors) in enumerate(graph.terms[i]):
                        f, g = (family_of[one] for one in factors)
                        first = 2 * kinds.index((-sign, f, g))
                        x, y = (self._read(one, folds.get(first + j)) for j, one in enumerate(factors))
                        graph.terms[i][at] = sign, x, y
                else:
                    op, *operands = graph.nodes[i]
                    graph.nodes[i] = op, *(self._read(one, folds.get(at)) for at, one in enumerate(operands))
        graph.order = [one for i in graph.order for one in (i, *self._behind.get(i, ()))]

    def _read(self, node: int, fold: int | None) -> int:
        """What is to be read: the node, or a fold of it alone."""
        if fold is None:
            return node
        graph = self.graph
        new = self._made.get((node, fold))
        if new is None:
            example = graph.families[fold].members[0]
            new = self._made[node, fold] = len(graph.nodes)
            self._behind.setdefault(node, []).append(new)
            *_, y = graph.terms[example][0]
            term: Term = (1, node, NONE) if y == NONE else (1, *graph.nodes[node][1:])
            graph.nodes.append((graph.nodes[example][0], node))
            graph.terms[new] = [term]
            graph.uses.append(0)
            for factor in term[1:]:
                if factor != NONE:
                    graph.uses[factor] += 1
        graph.uses[new] += 1
        graph.uses[node] -= 1
        if not graph.uses[node]:  # a product that nothing else reads
            for operand in graph.nodes[node][1:]:
                graph.uses[operand] -= 1
        return new
