"""Which scalars of a trace are alike: computed in the same way from scalars that are alike.

    clear     x + 0 and 1 * x are x, but where others, otherwise the same, add or multiply by another number
    flatten   a sum of sums becomes one sum; a product that only a sum reads becomes a term of it
    sort      each scalar gets its family, operands first

The parameters are a family from the start, and so are the inputs of each argument, and the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..arrays.program import Array, Initial
from ..leaves import CAPTURED, THETA
from ..lookup import TABLE
from ..trace import Node, Trace
from .places import BEHIND, Kind

NONE = -1  # in place of the second factor of a term that is not a product
CONSTANTS = 0  # the number of the family of the constants
ZERO = "zero"  # a node that is read as one more member of the family of a node, or of one that is given
Term = tuple[int, int, int]  # its sign, and the places of two factors, or of one and NONE


class Family:
    """Scalars that are computed alike, and later the array of them.

    Attributes:
        number: its place among the families.
        batched: whether its scalars differ between examples.
        members: the scalars, by their place in the trace.
        array: the array of them; a float where all are that number.
        rank: the order of factors in a product: what all examples share comes first.
    """

    def __init__(self, number: int, batched: bool) -> None:
        self.number = number
        self.batched = batched
        self.members: list[int] = []
        self.array: Array | float = 0.0
        self.rank = batched, number


class Families:
    """The nodes of a trace in their families.

    Attributes:
        nodes: the trace, in order.
        same: nodes that nothing reads, each with the one that is read in its place.
        zeros: products with the constant 0, as at the edge of an image, and sums of such products.
        order: the places of the nodes, operands first.
        terms: the terms of each node that is a sum, or a chain of another primitive.
        families: all families; that of the constants is the first.
        family_of: the number of each node's family.
        place_of: the place of each node in the array of its family.
        constants: the numbers of the constants.
        leaves: the array of the parameters, of each argument, and of the captured Values.
        can_fold: whether the target can fold a primitive.
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
        self.same: dict[int, int] = {}
        self._clear(trace)
        self.outputs = [self.same.get(output, output) for output in outputs]
        self.leaves = leaves
        self.uses = self._uses()
        self.zeros = self._zeros(trace.beside_constants)
        self.terms: dict[int, list[Term]] = {}
        self.order: Sequence[int] = self._in_order()
        self.families: list[Family] = []
        self.family_of: list[int] = []
        self.place_of: list[int] = []
        self.constants: list[float] = []

    def _in_order(self) -> Sequence[int]:
        """The places of the nodes; what depends on initial states comes behind what does not, and these between.

        In a later step, too, the state that it takes over comes behind what is computed for all steps, and before the
        rest: so its families come in the same order in each step.
        """
        initial = {name for name, leaf in self.leaves.items() if isinstance(leaf, Initial)}
        if not initial:
            return range(len(self.nodes))
        depends = bytearray(len(self.nodes))
        for place, node in enumerate(self.nodes):
            depends[place] = node[0] in initial  # in whatever places they stand
        before: list[int] = []
        begun: list[int] = []
        behind: list[int] = []
        for place, node in enumerate(self.nodes):
            if node[0].__class__ is str:
                continue
            if len(node) == 3:  # as most nodes have
                depends[place] = depends[node[1]] | depends[node[2]]
            else:
                depends[place] = any(depends[operand] for operand in node[1:])
        for place, node in enumerate(self.nodes):
            part = begun if node[0] in initial else behind if depends[place] else before
            part.append(place)
        return [*before, *begun, *behind]

    # ---------------------------------------------------------------- clear

    def _clear(self, trace: Trace) -> None:
        """Let operands take the place of what leaves them as they are, unless it stands for a number among others.

        In `x * (1.0 if first else 0.5)` the 1 is such a number; in `sum(...)`, which begins with 0, the 0 is none.
        """
        beside, nodes, same = trace.beside_constants, self.nodes, self.same
        idle = {place: operand for place, operand in beside.items() if operand is not None}
        could_be_idle = {nodes[place][0] for place in idle}
        busy = {self._outline(place) for place in beside.keys() - idle.keys() if nodes[place][0] in could_be_idle}
        for place, operand in idle.items():
            if self._outline(place) not in busy:
                same[place] = same.get(operand, operand)
        known: dict[Node, int] = {}
        for place, node in enumerate(nodes if same else ()):
            op = node[0]
            if op.__class__ is str or place in same:
                continue
            if node[1] in same or node[-1] in same or (len(node) > 3 and not same.keys().isdisjoint(node[1:])):
                nodes[place] = new = (op, *[same.get(operand, operand) for operand in node[1:]])
                first = trace.nodes[new] if new in trace.nodes else known.setdefault(new, place)
                if first != place:  # the same was recorded without it
                    same[max(first, place)] = same.get(first, min(first, place))

    def _outline(self, place: int, depth: int = 3) -> tuple[Hashable, ...]:
        """An operation, those of its operands, and those of theirs."""
        op, *operands = self.nodes[place]
        if op.__class__ is str or not depth:
            return (op,)
        return op, *[self._outline(operand, depth - 1) for operand in operands[:2]]

    def _uses(self) -> list[int]:
        """How often nodes that the outputs need read each node; an output counts as read twice."""
        uses = [0] * len(self.nodes)
        for output in self.outputs:
            uses[output] += 2
        for i in range(len(self.nodes) - 1, -1, -1):
            if uses[i]:
                node = self.nodes[i]
                if len(node) == 3 and node[0].__class__ is not str:  # as most nodes have
                    uses[node[1]] += 1
                    uses[node[2]] += 1
                elif node[0].__class__ is not str:
                    for operand in node[1:]:
                        uses[operand] += 1
        return uses

    # ---------------------------------------------------------------- flatten

    def flatten(self) -> None:
        """List the terms of each sum, and of each chain of a primitive through which no gradient passes."""
        uses, nodes = self.uses, self.nodes
        passed: list[bool] | None = None
        for i in range(len(nodes) - 1, -1, -1):
            op = nodes[i][0]
            if not uses[i] or op.__class__ is str:
                continue
            if op is p.add or op is p.subtract or op is p.negative:
                self.terms[i] = self._terms_of_sum(i)
            elif self.is_chain(op):
                passed = passed or self._passed()
                if not passed[i]:
                    self.terms[i] = self._terms_of_chain(i, op)

    def is_chain(self, op: Primitive) -> bool:
        """Return whether nested applications, such as max(max(x, y), z), are one fold; sums and products are not."""
        if op is p.add or op is p.multiply or not (op.associative and op.commutative):
            return False
        return self.can_fold(op)

    def _passed(self) -> list[bool]:
        """Whether a gradient may reach each node: no, where all paths to it are blocked."""
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
        terms: list[Term] = []
        pending = [(root, 1)]
        while pending:
            i, sign = pending.pop()
            node = nodes[i]
            op = node[0]
            if uses[i] == 1 or i == root:
                if op is p.add or op is p.subtract:
                    pending.append((node[2], sign if op is p.add else -sign))
                    pending.append((node[1], sign))
                    uses[i] = uses[i] if i == root else 0  # as a part of this sum it is no node any more
                    continue
                if op is p.negative:
                    pending.append((node[1], -sign))
                    uses[i] = uses[i] if i == root else 0
                    continue
                if op is p.multiply:
                    terms.append((sign, node[1], node[2]))
                    uses[i] = 0
                    continue
            elif i in self.zeros:  # recorded once, but a part of several sums
                uses[i] -= 1
                uses[node[1]] += 1
                uses[node[2]] += 1
                if op is p.multiply:
                    terms.append((sign, node[1], node[2]))
                else:
                    pending += [(node[2], sign), (node[1], sign)]
                continue
            terms.append((sign, i, NONE))
        return terms

    def _zeros(self, beside_constants: Iterable[int]) -> set[int]:
        """The products with the constant 0, and the sums of such products."""
        nodes = self.nodes
        zeros = {
            place
            for place in beside_constants
            if nodes[place][0] is p.multiply and any(nodes[one][:2] == ("constant", 0.0) for one in nodes[place][1:])
        }
        for i, node in enumerate(nodes if zeros else ()):
            if node[0] is p.add and zeros.issuperset(node[1:]):
                zeros.add(i)
        return zeros

    def _terms_of_chain(self, root: int, op: Primitive) -> list[Term]:
        terms: list[Term] = []
        pending = [root]
        while pending:
            i = pending.pop()
            if self.nodes[i][0] is op and (self.uses[i] == 1 or i == root):
                pending += self.nodes[i][:0:-1]
                self.uses[i] = self.uses[i] if i == root else 0
            else:
                terms.append((1, i, NONE))
        return terms

    # ---------------------------------------------------------------- sort

    def sort(self) -> None:
        """Give each remaining node its family."""
        self.families, self.constants = [], []
        self.family_of = [NONE] * (len(self.nodes) + 1)  # the last entry is for NONE
        self.place_of = [0] * len(self.nodes)
        known: dict[Hashable, Family] = {}
        for name in ("constant", THETA, CAPTURED, *self.leaves):
            if name not in known and not isinstance(self.leaves.get(name), Initial):
                batched = name in self.leaves and self.leaves[name].batched
                known[name] = self.new_family(batched)
                known[name].array = self.leaves.get(name, 0.0)
        uses, family_of, place_of = self.uses, self.family_of, self.place_of
        for i in self.order:
            if not uses[i]:
                continue
            node = self.nodes[i]
            op = node[0]
            if op.__class__ is str:
                if op == ZERO:
                    member, given = node[1:]
                    family_of[i], place_of[i] = (given if member == NONE else family_of[member]), BEHIND
                    continue
                if op not in known:
                    known[op] = self.new_family(self.leaves[op].batched)
                    known[op].array = self.leaves[op]
                family_of[i] = known[op].number
                if op == "constant":
                    place_of[i] = len(self.constants)
                    self.constants.append(node[1])
                else:
                    place_of[i] = node[1]
                continue
            kinds = self.kinds(i) if i in self.terms else []
            read = [f for _, *pair in kinds for f in pair if f != NONE] or [family_of[operand] for operand in node[1:]]
            if op is TABLE:  # they are alike if they have entries of the same families, in whatever places
                read = sorted(set(read))
            key: Hashable = (op, *kinds) if kinds else (op, len(node), *read)
            own = known.get(key)
            if own is None:
                own = known[key] = self.new_family(any(self.families[f].batched for f in read))
            family_of[i] = own.number
            own.members.append(i)

    def new_family(self, batched: bool) -> Family:
        """Return a new family without members."""
        self.families.append(Family(len(self.families), batched))
        return self.families[-1]

    def kinds(self, i: int) -> list[Kind]:
        """Return which kinds of terms a sum has, with the factor that all examples share first in each product."""
        family_of, families = self.family_of, self.families
        terms = self.terms[i]
        kinds = {(-sign, family_of[x], family_of[y]) for sign, x, y in terms}
        if any(g != NONE and families[g].rank < families[f].rank for _, f, g in kinds):
            for at, (sign, x, y) in enumerate(terms):
                if y != NONE and families[family_of[y]].rank < families[family_of[x]].rank:
                    terms[at] = sign, y, x
            kinds = {(-sign, family_of[x], family_of[y]) for sign, x, y in terms}
        return sorted(kinds)
