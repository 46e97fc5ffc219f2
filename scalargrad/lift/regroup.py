"""From a flat list of scalar operations to arrays: alike numbers are put side by side.

Two numbers are alike when they are computed in the same way from numbers that are alike: two
neurons of a layer, two pixels of a feature map. What is alike forms a *family*, and becomes one
array. The inputs of an argument are a family to begin with, and so are the parameters.

    flatten   a sum of sums is one sum; a product that only a sum reads is a term of it
    sort      each number into its family, operands first
    lay out   a family's members along axes, such that the places of their operands follow the axes

For a layer the last step finds that the weights of neuron i and input j lie at places that depend
on i and j, the inputs at places that depend on j alone: a matrix product. Where no axes are found
the operands are still described, by a list of their places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import primitives as p
from ..declaration import Primitive, Symbol, registered
from .arrays import Array, ArrayProgram, Axis
from .trace import Node, Trace

NONE = -1  # the second factor of a term that is no product


class Term(NamedTuple):
    """A term of a sum: its sign, and the places of one factor or of two."""

    sign: int
    x: int
    y: int


class Family:
    """Numbers that are computed alike, and in the end the array of them."""

    def __init__(self, number: int, batched: bool) -> None:
        self.number = number
        self.batched = batched
        self.members: list[int] = []
        self.array: Array | float = 0.0

    @property
    def rank(self) -> tuple[bool, int]:
        """What is the same for all examples comes first."""
        return self.batched, self.number


def regroup(
    trace: Trace, outputs: Sequence[int], program: ArrayProgram, leaves: dict[str, Array]
) -> list[Array | float]:
    """Return the outputs of a trace as arrays of one number each, computed in families.

    `leaves` has the array of the parameters, of each argument, and of what was captured.
    """
    grouping = _Grouping(trace, outputs, program, leaves)
    grouping.flatten()
    grouping.sort()
    grouping.lay_out()
    return [grouping.one(output) for output in outputs]


class _Grouping:
    def __init__(self, trace: Trace, outputs: Sequence[int], program: ArrayProgram, leaves: dict[str, Array]) -> None:
        self.nodes: list[Node] = list(trace.nodes)
        self.labels = trace.labels
        self.outputs = outputs
        self.program = program
        self.leaves = leaves
        self.uses = self._uses()
        self.terms: dict[int, list[Term]] = {}  # of each node that is a sum, or a chain of another primitive
        self.families: list[Family] = []
        self.family: list[int] = [NONE] * len(self.nodes)
        self.place: list[int] = [0] * len(self.nodes)  # in the family's array
        self.constants: list[float] = []

    def _uses(self) -> list[int]:
        """How often each node is read by nodes that the outputs need; an output counts as read twice."""
        uses = [0] * len(self.nodes)
        for output in self.outputs:
            uses[output] += 2
        for i in range(len(self.nodes) - 1, -1, -1):
            if uses[i]:
                node = self.nodes[i]
                if node[0].__class__ is not str:
                    for operand in node[1:]:
                        uses[operand] += 1
        return uses

    # ---------------------------------------------------------------- flatten

    def flatten(self) -> None:
        """Find the terms of each sum, and of each chain of a primitive that no gradient passes."""
        passed = self._passed()
        uses, nodes = self.uses, self.nodes
        for i in range(len(nodes) - 1, -1, -1):
            op = nodes[i][0]
            if not uses[i] or op.__class__ is str:
                continue
            if op is p.add or op is p.subtract or op is p.negative:
                self.terms[i] = self._terms_of_sum(i)
            elif op.associative and op.commutative and not passed[i] and op is not p.multiply:
                self.terms[i] = self._terms_of_chain(i, op)

    def _passed(self) -> list[bool]:
        """Whether a gradient may pass through each node: not where a rule on the way says 0."""
        passed = [False] * len(self.nodes)
        for output in self.outputs:
            passed[output] = True
        stops: dict[Primitive, tuple[bool, ...]] = {}
        for i in range(len(self.nodes) - 1, -1, -1):
            op = self.nodes[i][0]
            if passed[i] and op.__class__ is not str:
                if op not in stops:
                    stops[op] = _stops(op)
                for operand, stopped in zip(self.nodes[i][1:], stops[op], strict=True):
                    if not stopped:
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
                    found.append(Term(sign, node[1], node[2]))
                    uses[i] = 0
                    continue
            found.append(Term(sign, i, NONE))
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
                found.append(Term(1, i, NONE))
        return found

    # ---------------------------------------------------------------- sort

    def sort(self) -> None:
        """Give each node that is left its family."""
        known: dict[Any, Family] = {}
        for name in ("constant", "theta", "captured", *self.leaves):
            if name not in known:
                batched = name in self.leaves and self.leaves[name].batched
                known[name] = self._new_family(batched)
                known[name].array = self.leaves.get(name, 0.0)
        for i, node in enumerate(self.nodes):
            if not self.uses[i]:
                continue
            op = node[0]
            if op.__class__ is str:
                self.family[i] = known[op].number
                if op == "constant":
                    self.place[i] = len(self.constants)
                    self.constants.append(node[1])
                else:
                    self.place[i] = node[1]
                continue
            key = (op, *self._kinds(i)) if i in self.terms else (op, *[self.family[operand] for operand in node[1:]])
            found = known.get(key)
            if found is None:
                families = self._families_read(i)
                found = known[key] = self._new_family(any(self.families[f].batched for f in families))
            self.family[i] = found.number
            found.members.append(i)

    def _new_family(self, batched: bool) -> Family:
        self.families.append(Family(len(self.families), batched))
        return self.families[-1]

    def _kinds(self, i: int) -> list[Any]:
        """How many terms a sum has of each kind; the factor that is the same for all examples comes first."""
        family, families = self.family, self.families
        counts: Counter[tuple[int, int, int]] = Counter()
        terms = self.terms[i]
        for at, (sign, x, y) in enumerate(terms):
            f = family[x]
            g = family[y] if y != NONE else NONE
            if g != NONE and families[g].rank < families[f].rank:
                terms[at] = Term(sign, y, x)
                f, g = g, f
            counts[-sign, f, g] += 1
        return sorted(counts.items())

    def _families_read(self, i: int) -> set[int]:
        if i in self.terms:
            return {self.family[operand] for _, *factors in self.terms[i] for operand in factors if operand != NONE}
        return {self.family[operand] for operand in self.nodes[i][1:]}

    # ---------------------------------------------------------------- lay out

    def lay_out(self) -> None:
        """Enter each family into the program as one array; families that others are computed from come first."""
        for family in self.families:
            if family.members:
                lay_out = self._lay_out_terms if family.members[0] in self.terms else self._lay_out_operation
                family.array = lay_out(family)
                self._label(family)

    def _lay_out_operation(self, family: Family) -> Array | float:
        op, *first = self.nodes[family.members[0]]
        operands = zip(*(self.nodes[i][1:] for i in family.members), strict=True)
        columns = [np.array([self.place[i] for i in operand]) for operand in operands]
        order = _order(columns)
        self._arrange(family, order)
        columns = [column[order] for column in columns]
        axes = self._axes(_dimensions(columns))
        return self.program.apply(
            op, [self._view(self.family[i], column, axes) for i, column in zip(first, columns, strict=True)]
        )

    def _lay_out_terms(self, family: Family) -> Array | float:
        op = self.nodes[family.members[0]][0]
        parts = self._parts(family)
        order: Any = _order([places[:, 0] for part in parts for places in part.places])
        parts = [part.arranged(order) for part in parts]
        contractions = [part for part in parts if len(part.places) == 2 and part.length > 1]
        if contractions:
            further, (blocks, rows, columns) = _grid(*max(contractions, key=lambda part: part.length).places)
            order = order[further]
            parts = [part.arranged(further) for part in parts]
            # What a matrix product is summed over lies between its rows and its columns.
            outer = self._axes((blocks, rows))
            along = [self.program.axis(part.length) for part in parts]
            axes = (*outer, *self._axes((columns,)))
        else:
            axes = self._axes(_dimensions([places[:, 0] for part in parts for places in part.places]))
            along = [self.program.axis(part.length) for part in parts]
        self._arrange(family, order)
        total: Array | float | None = None
        for part, axis in zip(parts, along, strict=True):
            folded = self._folded(op if op in _CHAINS else p.add, part, axes, axis)
            total = folded if total is None else self.program.apply(op if op in _CHAINS else p.add, [total, folded])
        assert total is not None
        return total

    def _folded(self, op: Primitive, part: Part, axes: tuple[Axis, ...], along: Axis) -> Array | float:
        """The sum of a part's terms, with their sign."""
        factors = [
            self._view(family, places, (*axes, along))
            for family, places in zip(part.families, part.places, strict=True)
        ]
        term = factors[0] if len(factors) == 1 else self.program.apply(p.multiply, factors)
        folded = self.program.reduce(op, term, (along,))
        if op is p.add and part.length > 1 and not (isinstance(term, Array) and along in term.axes):
            folded = self.program.apply(p.multiply, [float(part.length), folded])  # the same term so many times
        return folded if part.sign > 0 else self.program.apply(p.negative, [folded])

    def _parts(self, family: Family) -> list[Part]:
        """The terms of all members by kind, as the places of their factors: a row for each member."""
        place, family_of = self.place, self.family
        rows: dict[tuple[int, int, int], list[tuple[list[int], list[int]]]] = {}
        for kind, _ in self._kinds(family.members[0]):
            rows[kind] = []
        for i in family.members:
            for found in rows.values():
                found.append(([], []))
            for sign, x, y in self.terms[i]:
                g = family_of[y] if y != NONE else NONE
                xs, ys = rows[-sign, family_of[x], g][-1]
                xs.append(place[x])
                if g != NONE:
                    ys.append(place[y])
        parts = []
        for (minus, f, g), found in rows.items():
            first, second = (np.array(factors) for factors in zip(*found, strict=True))
            if g == NONE:
                parts.append(Part(-minus, (f,), [np.sort(first, axis=1)]))
            else:
                parts.append(Part(-minus, (f, g), _sorted_alike(first, second)))
        return sorted(parts, key=lambda part: (-len(part.places) * (part.length > 1), part.sign < 0))

    def _arrange(self, family: Family, order: Any) -> None:
        family.members = [family.members[i] for i in order.tolist()]
        for place, i in enumerate(family.members):
            self.place[i] = place

    def _axes(self, sizes: Sequence[int]) -> tuple[Axis, ...]:
        return tuple(self.program.axis(size) for size in sizes if size > 1)

    def _view(self, family: int, places: Any, axes: Sequence[Axis]) -> Array | float:
        """What lies at these places of a family; without the axes along which it is the same."""
        index = places.reshape([axis.size for axis in axes])
        for at in range(len(axes) - 1, -1, -1):
            first = index.take([0], axis=at)
            if (index == first).all():
                index = first.squeeze(at)
                axes = [*axes[:at], *axes[at + 1 :]]
        by_number = sorted(range(len(axes)), key=lambda at: axes[at].number)
        index, axes = index.transpose(by_number), tuple(axes[at] for at in by_number)
        if family == 0:
            numbers = np.array(self.constants)[index]
            if not axes or (numbers == numbers.flat[0]).all():
                return float(numbers.flat[0])
            return self.program.leaf(("table", numbers.tobytes()), axes, table=np.ascontiguousarray(numbers))
        base = self.families[family].array
        if not isinstance(base, Array):
            return base
        return self.program.view(base, np.ascontiguousarray(index) if axes else int(index), axes)

    def one(self, node: int) -> Array | float:
        """Return the array of a single node's number."""
        return self._view(self.family[node], np.array(self.place[node]), ())

    def _label(self, family: Family) -> None:
        labels = [self.labels.get(i) for i in family.members]
        if isinstance(family.array, Array) and family.array.label is None and labels[0] is not None:
            family.array.label = labels[0]


class Part(NamedTuple):
    """The terms of one kind in each member of a family: their sign, the factors' families and places."""

    sign: int
    families: tuple[int, ...]
    places: list[Any]  # for each factor an array: a row for each member, a column for each term

    @property
    def length(self) -> int:
        """How many terms each member has."""
        return int(self.places[0].shape[1])

    def arranged(self, order: Any) -> Part:
        """Return the same with its members in another order."""
        return Part(self.sign, self.families, [places[order] for places in self.places])


# ---------------------------------------------------------------- how places lie

_CHAINS = {primitive for primitive in registered() if primitive.associative and primitive.commutative} - {p.add}


def _stops(op: Primitive) -> tuple[bool, ...]:
    """For each operand whether the rule says 0 whatever the numbers."""
    symbols = [Symbol(f"x{i}") for i in range(op.arity)]
    return tuple(
        not isinstance(local := partial(Symbol("out"), *symbols), Symbol) and local == 0.0 for partial in op.partials
    )


def _order(columns: Sequence[Any]) -> Any:
    """The order of a family's members: by the places of the operand that differs most, then by the others'."""
    count = len(columns[0])
    if count == 1:
        return np.arange(1)
    distinct = [len(np.unique(column)) for column in columns]
    first = distinct.index(max(distinct))
    if (columns[first][1:] > columns[first][:-1]).all():
        return np.arange(count)
    return np.lexsort([*columns[::-1], columns[first]])


def _dimensions(columns: Sequence[Any]) -> list[int]:
    """Sizes of nested loops in which each column grows evenly, outermost first; one loop where there are none."""
    whole = len(columns[0])
    table = np.stack(columns)
    sizes: list[int] = []
    while table.shape[1] > 1:
        steps = table[:, 1:] - table[:, :-1]
        even = (steps == steps[:, :1]).all(axis=0)
        run = table.shape[1] if even.all() else int(even.argmin()) + 1
        if run == 1 or table.shape[1] % run:
            return [whole]
        rows = table.reshape(len(table), -1, run)
        steps_within = rows[:, :, 1:] - rows[:, :, :-1]
        if not (steps_within == steps[:, :1, None]).all():
            return [whole]
        sizes.insert(0, run)
        table = rows[:, :, 0]
    return sizes


def _sorted_alike(xs: Any, ys: Any) -> list[Any]:
    """The factors of each member's terms, in the order in which the fewest different rows arise.

    A sum of products may be written in any order. By the places of one factor or of the other, the
    terms of members that share their weights, or their inputs, come to stand alike.
    """
    by_second = np.lexsort((xs, ys), axis=1)
    best = [np.take_along_axis(xs, by_second, 1), np.take_along_axis(ys, by_second, 1)]
    rows = [_row_numbers(factor)[1] for factor in best]
    if len(xs) == 1 or rows[0] * rows[1] == len(xs):
        return best
    by_first = np.lexsort((ys, xs), axis=1)
    other = [np.take_along_axis(xs, by_first, 1), np.take_along_axis(ys, by_first, 1)]
    return min(best, other, key=lambda factors: sum(_row_numbers(factor)[1] for factor in factors))


def _row_numbers(rows: Any) -> tuple[Any, int]:
    """A number for each row, the same for equal rows, and how many there are."""
    known: dict[bytes, int] = {}
    numbers = [known.setdefault(row.tobytes(), len(known)) for row in rows]
    return np.array(numbers), len(known)


def _grid(xs: Any, ys: Any) -> tuple[Any, tuple[int, int, int]]:
    """The order of members, and the numbers of blocks, rows and columns, in which they form matrix products.

    Members of one block pair each of its rows of first factors with each of its rows of second
    factors. Where the pairs form no such blocks, each member is a block of its own.
    """
    x, rows = _row_numbers(xs)
    y, columns = _row_numbers(ys)
    partners: dict[int, list[int]] = {}
    for row, column in zip(x.tolist(), y.tolist(), strict=True):
        partners.setdefault(row, []).append(column)
    blocks: dict[tuple[int, ...], list[int]] = {}
    for row, met in partners.items():
        blocks.setdefault(tuple(sorted(met)), []).append(row)
    height, width = rows // len(blocks), columns // len(blocks)
    fits = all(len(set(met)) == len(met) == width and len(block) == height for met, block in blocks.items())
    if not fits or len(blocks) * height * width != len(xs) or len(blocks) * width != columns:
        return np.arange(len(xs)), (len(xs), 1, 1)
    block_of = np.zeros(rows, int)
    for number, block in enumerate(blocks.values()):
        block_of[block] = number
    return np.lexsort((y, x, block_of[x])), (len(blocks), height, width)
