"""Which numbers of a trace are alike: computed in the same way from numbers that are alike.

    flatten   a sum of sums is one sum; a product that only a sum reads is a term of it
    sort      each number into its family, operands first

The inputs of an argument are a family to begin with, and so are the parameters, and the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..arrays.program import Array
from ..trace import Node, Trace
from .places import Kind

NONE = -1  # the second factor of a term that is no product
Term = tuple[int, int, int]  # its sign, and the places of one factor or of two


class Family:
    """Numbers that are computed alike, and in the end the array of them."""

    def __init__(self, number: int, batched: bool) -> None:
        self.number = number
        self.batched = batched
        self.members: list[int] = []
        self.array: Array | float = 0.0
        self.rank = batched, number  # what is the same for all examples comes first


class Families:
    """The nodes of a trace in their families.

    Attributes:
        nodes: the trace, in order.
        terms: of each node that is a sum, or a chain of another primitive, what it is the sum of.
        families: the families; the constants' is the first.
        family: the number of each node's family.
        place: where each node stands in the array of its family.
        constants: the constants' numbers.
        leaves: the array of the parameters, of each argument, and of what was captured.
        can_fold: whether the target has a fold of a primitive.
    """

    def __init__(
        self,
        trace: Trace,
        outputs: Sequence[int],
        leaves: Mapping[str, Array],
        can_fold: Callable[[Primitive], bool],
    ) -> None:
        self.can_fold = can_fold
        self.nodes: list[Node] = list(trace.nodes)
        self.outputs = outputs
        self.leaves = leaves
        self.uses = self._uses()
        self.terms: dict[int, list[Term]] = {}
        self.families: list[Family] = []
        self.family: list[int] = [NONE] * (len(self.nodes) + 1)  # the last for NONE, the factor that there is not
        self.place: list[int] = [0] * len(self.nodes)
        self.constants: list[float] = []

    def _uses(self) -> list[int]:
        """How often each node is read by nodes that the outputs need; an output counts as read twice."""
        uses = [0] * len(self.nodes)
        for output in self.outputs:
            uses[output] += 2
        for i in range(len(self.nodes) - 1, -1, -1):
            if uses[i]:
                node = self.nodes[i]
                if len(node) == 3 and node[0].__class__ is not str:  # as most are
                    uses[node[1]] += 1
                    uses[node[2]] += 1
                elif node[0].__class__ is not str:
                    for operand in node[1:]:
                        uses[operand] += 1
        return uses

    # ---------------------------------------------------------------- flatten

    def flatten(self) -> None:
        """Find the terms of each sum, and of each chain of a primitive that no gradient passes."""
        uses, nodes = self.uses, self.nodes
        passed: list[bool] | None = None
        for i in range(len(nodes) - 1, -1, -1):
            op = nodes[i][0]
            if not uses[i] or op.__class__ is str:
                continue
            if op is p.add or op is p.subtract or op is p.negative:
                self.terms[i] = self._terms_of_sum(i)
            elif self._is_chain(op):
                passed = passed or self._passed()
                if not passed[i]:
                    self.terms[i] = self._terms_of_chain(i, op)

    def _is_chain(self, op: Primitive) -> bool:
        """Whether nested applications are one fold, as of max(max(x, y), z); sums and products are treated apart."""
        if op is p.add or op is p.multiply or not (op.associative and op.commutative):
            return False
        return self.can_fold(op)

    def _passed(self) -> list[bool]:
        """Whether a gradient may reach each node: not where all ways there are blocked."""
        passed = [False] * len(self.nodes)
        for output in self.outputs:
            passed[output] = True
        for i in range(len(self.nodes) - 1, -1, -1):
            op = self.nodes[i][0]
            if passed[i] and op.__class__ is not str and not op.blocks_gradient:
                for operand in self.nodes[i][1:]:
                    passed[operand] = True
        return passed

    def _terms_of_sum(self, root: int) -> list[Term]:
        nodes, uses = self.nodes, self.uses
        found = []
        pending = [(root, 1)]
        while pending:
            i, sign = pending.pop()
            node = nodes[i]
            op = node[0]
            if uses[i] == 1 or i == root:
                if op is p.add or op is p.subtract:
                    pending.append((node[2], sign if op is p.add else -sign))
                    pending.append((node[1], sign))
                    uses[i] = uses[i] if i == root else 0  # it is part of this sum, and no node of its own
                    continue
                if op is p.negative:
                    pending.append((node[1], -sign))
                    uses[i] = uses[i] if i == root else 0
                    continue
                if op is p.multiply:
                    found.append((sign, node[1], node[2]))
                    uses[i] = 0
                    continue
            found.append((sign, i, NONE))
        return found

    def _terms_of_chain(self, root: int, op: Primitive) -> list[Term]:
        found = []
        pending = [root]
        while pending:
            i = pending.pop()
            if self.nodes[i][0] is op and (self.uses[i] == 1 or i == root):
                pending += self.nodes[i][:0:-1]
                self.uses[i] = self.uses[i] if i == root else 0
            else:
                found.append((1, i, NONE))
        return found

    # ---------------------------------------------------------------- sort

    def sort(self) -> None:
        """Give each node that is left its family."""
        known: dict[Hashable, Family] = {}
        for name in ("constant", "theta", "captured", *self.leaves):
            if name not in known:
                batched = name in self.leaves and self.leaves[name].batched
                known[name] = self.new_family(batched)
                known[name].array = self.leaves.get(name, 0.0)
        uses, family, place = self.uses, self.family, self.place
        for i, node in enumerate(self.nodes):
            if not uses[i]:
                continue
            op = node[0]
            if op.__class__ is str:
                family[i] = known[op].number
                if op == "constant":
                    place[i] = len(self.constants)
                    self.constants.append(node[1])
                else:
                    place[i] = node[1]
                continue
            kinds = self.kinds(i) if i in self.terms else []
            key: Hashable = (op, *kinds) if kinds else (op, *[family[operand] for operand in node[1:]])
            own = known.get(key)
            if own is None:
                factors = [f for _, *pair in kinds for f in pair if f != NONE]
                read = factors if kinds else [family[operand] for operand in node[1:]]
                own = known[key] = self.new_family(any(self.families[f].batched for f in read))
            family[i] = own.number
            own.members.append(i)

    def new_family(self, batched: bool) -> Family:
        """Return a family that has no members yet."""
        self.families.append(Family(len(self.families), batched))
        return self.families[-1]

    def kinds(self, i: int) -> list[Kind]:
        """Which kinds of terms a sum has; in a product the factor that is the same for all examples comes first."""
        family, families = self.family, self.families
        terms = self.terms[i]
        kinds = {(-sign, family[x], family[y]) for sign, x, y in terms}
        if any(g != NONE and families[g].rank < families[f].rank for _, f, g in kinds):
            terms[:] = [
                (sign, y, x) if y != NONE and families[family[y]].rank < families[family[x]].rank else (sign, x, y)
                for sign, x, y in terms
            ]
            kinds = {(-sign, family[x], family[y]) for sign, x, y in terms}
        return sorted(kinds)
