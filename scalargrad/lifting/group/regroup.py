"""From families of scalars to arrays: scalars that are computed alike are put side by side.

Two scalars are alike when they are computed in the same way from scalars that are alike: two neurons of
a layer, two pixels of a feature map. They belong to one family (see `families.py`), which becomes one
array. Its members are laid out along axes, such that the places of their operands follow the axes.

In a layer, the place of the weight of neuron i and input j depends on i and j, and the place of the input
on j alone: that is a matrix product. Where there are no such axes, a list has the places of the operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..arrays.program import Array, ArrayProgram, Assembly, Axis, Initial, Leaf, Piece, Places
from ..lookup import LOOKUP, TABLE
from ..trace import Trace
from .families import CONSTANTS, NONE, Families, Family
from .joining import join
from .places import (
    BEHIND,
    PAD,
    Kind,
    Row,
    are_too_ragged,
    dimensions,
    evened,
    evened_pairs,
    grid,
    lengths_of,
    order_of,
    sorted_alike,
)

if TYPE_CHECKING:
    from ..arrays.program import FloatArray, IntArray


def regroup(
    trace: Trace,
    outputs: Sequence[int],
    program: ArrayProgram,
    leaves: Mapping[str, Array],
    *,
    can_fold: Callable[[Primitive], bool],
) -> list[Array | float]:
    """Return the outputs of a trace as arrays of one number each, computed in families.

    Args:
        trace: the recorded operations.
        outputs: the places of the results among them.
        program: the program to which the arrays are added.
        leaves: the array of the parameters, of each argument, and of the captured Values, by name.
        can_fold: whether the target can fold a primitive along axes, as it folds maxima.
    """
    graph = Families(trace, outputs, leaves, can_fold)
    graph.flatten()
    graph.sort()
    join(graph)
    labels = {graph.same.get(place, place): label for place, label in trace.labels.items()}
    layout = _Layout(graph, program, labels)
    layout.lay_out()
    return [layout.one(output) for output in graph.outputs]


class _Layout:
    """The families of a graph as arrays of a program."""

    def __init__(self, graph: Families, program: ArrayProgram, labels: Mapping[int, str]) -> None:
        self.graph = graph
        self.program = program
        self.labels = labels
        self.extended: dict[tuple[Array, float], Array] = {}
        self.beside_one: dict[int, int] = {}  # families by the family that they extend

    def lay_out(self) -> None:
        """Add each family to the program as one array; the families of its operands come first."""
        for family in self.graph.families:
            if family.members and self.graph.nodes[family.members[0]][0] is not TABLE:
                if family.members[0] in self.graph.terms:
                    lay_out = self._lay_out_terms
                elif self.graph.nodes[family.members[0]][0] is LOOKUP:
                    lay_out = self._lay_out_lookups
                else:
                    lay_out = self._lay_out_operation
                family.array = lay_out(family)
                self._label(family)

    def _lay_out_operation(self, family: Family) -> Array | float:
        op, *first = self.graph.nodes[family.members[0]]
        operands = zip(*(self.graph.nodes[i][1:] for i in family.members), strict=True)
        columns = [np.array([self.graph.place_of[i] for i in operand]) for operand in operands]
        order = order_of(columns)
        columns = [column[order] for column in columns]
        families = [self.graph.family_of[i] for i in first]
        shared = self._shared_axes(families, columns)
        axes = shared or self._axes(dimensions(columns))
        operand_arrays = [self._seen(f, column, axes, shared) for f, column in zip(families, columns, strict=True)]
        array = self.program.apply(op, operand_arrays)
        self._arrange(family, order, axes, array)
        return array

    def _lay_out_lookups(self, family: Family) -> Array | float:
        """One gather, if members look up each of some rows at each of some indices, or each index has its own rows."""
        nodes, place_of = self.graph.nodes, self.graph.place_of
        known: dict[int, int] = {}
        rows = np.array([known.setdefault(nodes[i][2], len(known)) for i in family.members])
        table, place_in_table = self._table({entry for row in known for entry in nodes[row][1:]})
        indices = np.array([place_of[nodes[i][1]] for i in family.members])
        tables = np.array([[place_in_table[entry] for entry in nodes[row][1:]] for row in known])
        index_family = self.graph.family_of[nodes[family.members[0]][1]]
        along = self.program.axis(tables.shape[1])
        _, index_of, rows_of_index = np.unique(indices, return_inverse=True, return_counts=True)
        if len(known) * len(rows_of_index) == len(rows):
            return self._lay_out_grid(family, table, index_family, tables, rows, indices, along)
        whole = family.members
        pieces: list[Piece] = []
        start = 0
        for count in np.unique(rows_of_index).tolist():  # those indices together that have as many rows
            group = np.flatnonzero(rows_of_index[index_of] == count)
            family.members = [whole[i] for i in group.tolist()]
            starts = tables[rows[group]]
            order = np.lexsort([starts[:, 0], indices[group]])
            axes = self._axes((len(group) // count, count))
            shown = self._view(table, starts[order].T, (along, *axes))
            index = self._view(index_family, indices[group][order], axes)
            assert isinstance(index, Array), "an index is an input"
            array = self.program.gather(shown, index, along)
            self._arrange(family, order, axes, array)
            start += self._behind(family, array, pieces, start)
        family.members = whole
        if len(pieces) == 1:
            return pieces[0].array
        return self.program.assemble((self.program.axis(start),), pieces)

    def _lay_out_grid(
        self,
        family: Family,
        table: int,
        index_family: int,
        tables: IntArray,
        rows: IntArray,
        indices: IntArray,
        along: Axis,
    ) -> Array | float:
        """Look up each of the rows at each of the indices; the axes stand in the order of the members."""
        row_order, index_order = np.unique(rows), np.unique(indices)
        row_sizes, index_sizes = dimensions([tables[row_order, 0]]), dimensions([index_order])
        if len(rows) > 1 and indices[0] == indices[1]:
            order = np.lexsort([rows, indices])
            index_axes, row_axes = self._axes(index_sizes), self._axes(row_sizes)
            axes = (*index_axes, *row_axes)
        else:
            order = np.lexsort([indices, rows])
            row_axes, index_axes = self._axes(row_sizes), self._axes(index_sizes)
            axes = (*row_axes, *index_axes)
        shown = self._view(table, tables[row_order].T, (along, *row_axes))
        index = self._view(index_family, index_order, index_axes)
        assert isinstance(index, Array), "an index is an input"
        array = self.program.gather(shown, index, along)
        self._arrange(family, order, axes, array)
        return array

    def _table(self, entries: set[int]) -> tuple[int, dict[int, int]]:
        """The number of a family that has all entries of a table, and the place of each in its array."""
        family_of, place_of = self.graph.family_of, self.graph.place_of
        families = sorted({family_of[entry] for entry in entries})
        if len(families) == 1:
            return families[0], {entry: place_of[entry] for entry in entries}
        places: dict[int, int] = {}
        pieces: list[Piece] = []
        for family in families:
            own = sorted(entry for entry in entries if family_of[entry] == family)
            axes = self._axes((len(own),))
            within = len(places) + np.arange(len(own))
            shown = self._view(family, np.array([place_of[entry] for entry in own]), axes)
            pieces.append(Piece(shown, axes, Places(within if axes else int(within[0]))))
            places.update(zip(own, within.tolist(), strict=True))
        together = self.graph.new_family(any(self.graph.families[family].batched for family in families))
        together.array = self.program.assemble((self.program.axis(len(places)),), pieces)
        return together.number, places

    def _shared_axes(self, families: Sequence[int], columns: Sequence[IntArray]) -> tuple[Axis, ...] | None:
        """The axes of the operands' arrays, if each operand is all of an array in order, and all have these axes."""
        axes: tuple[Axis, ...] | None = None
        for family, column in zip(families, columns, strict=True):
            if (column == column[0]).all():
                continue
            base = self._whole(family, column)
            if base is None or (axes and axes != base.axes):
                return None
            axes = base.axes
        return axes

    def _seen(
        self, family: int, column: IntArray, axes: tuple[Axis, ...], shared: tuple[Axis, ...] | None
    ) -> Array | float:
        """An operand along the axes of the family: its array itself, if that has these axes, or a view."""
        base = self._whole(family, column)
        return base if base is not None and base.axes == shared else self._view(family, column, axes)

    def _whole(self, family: int, places: IntArray) -> Array | None:
        """The array of a family, if it is computed and these are all its places in order."""
        base = self.graph.families[family].array
        if not isinstance(base, Array) or _is_given(base):
            return None
        return base if Places(places).are_all(base.size) else None

    def _lay_out_terms(self, family: Family) -> Array | float:
        op = self.graph.nodes[family.members[0]][0]
        fold = op if self.graph.is_chain(op) else p.add
        rows = self._rows(family)
        if are_too_ragged(rows, 1 if fold.identity is None else 4):
            return self._lay_out_apart(family)
        parts = self._with_a_bias_as_weight(self._parts(rows))
        order = order_of([places[:, 0] for part in parts for places in part.places])
        parts = [part.arranged(order) for part in parts]
        contractions = [part for part in parts if len(part.places) == 2 and part.length > 1]
        shared: tuple[Axis, ...] | None = None
        if contractions:
            further, (blocks, height, width) = grid(*max(contractions, key=lambda part: part.length).places)
            order = order[further]
            parts = [part.arranged(further) for part in parts]
            # The axis that a matrix product sums over comes between the axes of rows and columns.
            outer = self._axes((blocks, height))
            along = [self.program.axis(part.length) for part in parts]
            axes = (*outer, *self._axes((width,)))
        else:
            starts = [places[:, 0] for part in parts for places in part.places]
            if all(part.length == 1 for part in parts):
                shared = self._shared_axes([family for part in parts for family in part.families], starts)
            axes = shared or self._axes(dimensions(starts))
            along = [self.program.axis(part.length) for part in parts]
        total: Array | float | None = None
        for part, axis in zip(parts, along, strict=True):
            folded = self._folded(fold, part, axes, axis, shared)
            total = folded if total is None else self.program.apply(fold, [total, folded])
        assert total is not None
        self._arrange(family, order, axes, total)
        return total

    def _lay_out_apart(self, family: Family) -> Array:
        """An assembly of arrays, one for the members with each number of terms."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for i, counts in zip(family.members, zip(*lengths_of(self._rows(family)), strict=True), strict=True):
            alike.setdefault(counts, []).append(i)
        pieces: list[Piece] = []
        start = 0
        for members in alike.values():
            alone = Family(family.number, family.batched)
            alone.members = members
            start += self._behind(alone, self._lay_out_terms(alone), pieces, start)
        return self.program.assemble((self.program.axis(start),), pieces)

    def _behind(self, family: Family, array: Array | float, pieces: list[Piece], start: int) -> int:
        """Add the array of some members as a piece that begins at a place of their family's array; return its size."""
        axes = array.axes if isinstance(array, Array) else ()
        size = array.size if isinstance(array, Array) else 1
        places = (start + np.arange(size)).reshape([axis.size for axis in axes])
        pieces.append(Piece(array, axes, Places(places if axes else start)))
        for i in family.members:
            self.graph.place_of[i] += start
        return size

    def _folded(
        self, op: Primitive, part: Part, axes: tuple[Axis, ...], along: Axis, shared: tuple[Axis, ...] | None
    ) -> Array | float:
        """The sum of a part's terms, with their sign."""
        read = list(zip(part.families, part.places, strict=True))
        base = self._whole(*read[0])
        if shared:
            factors = [self._seen(family, places[:, 0], axes, shared) for family, places in read]
        elif len(read) == 1 and not axes and base is not None:
            return self._signed(part, self.program.fold(op, base, base.axes))
        elif op is p.add and self._is_in_runs(part):
            return self._signed(part, self._sums_of_runs(part, axes))
        else:
            nothing = 0.0 if op is p.add else op.identity
            factors = [self._view(family, places, (*axes, along), nothing) for family, places in read]
        term = factors[0] if len(factors) == 1 else self.program.apply(p.multiply, factors)
        folded = self.program.fold(op, term, (along,))
        if op is p.add and part.length > 1 and not (isinstance(term, Array) and along in term.axes):
            folded = self.program.apply(p.multiply, [float(part.length), folded])  # it is the same term so many times
        return self._signed(part, folded)

    def _is_in_runs(self, part: Part) -> bool:
        """Whether members have different numbers of terms, and padded terms would be no matrix product.

        They are one where numbers of the examples are multiplied by what all examples share, as in a convolution.
        """
        batched = {self.graph.families[family].batched for family in part.families}
        return len(batched) == 1 and any((places == PAD).any() for places in part.places)

    def _sums_of_runs(self, part: Part, axes: tuple[Axis, ...]) -> Assembly:
        """The sum of each member's terms, which lie one after the other, and nothing where there is no term."""
        sizes = [axis.size for axis in axes]
        there = np.all([places != PAD for places in part.places], axis=0).reshape(*sizes, part.length)
        ragged = [at for at in range(len(axes)) if (there != there.take([0], axis=at)).any()]
        even = [at for at in range(len(axes)) if at not in ragged]
        in_order = [*even, *ragged]
        own = there.transpose(*in_order, len(axes))[(0,) * len(even)].ravel()
        term_axes = (*self._axes([sizes[at] for at in even]), *self._axes([int(own.sum())]))

        def listed(places: IntArray) -> IntArray:
            """The places of all terms, along the axes where all members have as many, and one after the other."""
            table = places.reshape(*sizes, part.length).transpose(*in_order, len(axes))
            return table.reshape(*(sizes[at] for at in even), -1)[..., own]

        factors = [
            self._view(f, listed(places), term_axes) for f, places in zip(part.families, part.places, strict=True)
        ]
        term = factors[0] if len(factors) == 1 else self.program.apply(p.multiply, factors)
        members = np.repeat(np.arange(len(part.places[0])), part.length)
        places = listed(members).reshape([axis.size for axis in term_axes])
        return self.program.assemble(axes, [Piece(term, term_axes, Places(places))])

    def _signed(self, part: Part, folded: Array | float) -> Array | float:
        return folded if part.sign > 0 else self.program.apply(p.negative, [folded])

    def _rows(self, family: Family) -> dict[Kind, list[Row]]:
        """For each kind of term, the places of the factors in each member."""
        place_of, family_of = self.graph.place_of, self.graph.family_of
        rows: dict[Kind, list[Row]] = {kind: [] for kind in self.graph.kinds(family.members[0])}
        for i in family.members:
            for of_kind in rows.values():
                of_kind.append(([], []))
            for sign, x, y in self.graph.terms[i]:
                g = family_of[y]
                xs, ys = rows[-sign, family_of[x], g][-1]
                xs.append(place_of[x])
                if g != NONE:
                    ys.append(place_of[y])
        return rows

    def _parts(self, rows: dict[Kind, list[Row]]) -> list[Part]:
        """The same as arrays, with a row for each member and a column for each term."""
        parts = []
        for (minus, f, g), of_kind in rows.items():
            if g == NONE:
                parts.append(Part(-minus, (f,), [evened([xs for xs, _ in of_kind])]))
            elif len({len(xs) for xs, _ in of_kind}) > 1:
                parts.append(Part(-minus, (f, g), evened_pairs(of_kind)))
            else:
                first, second = (np.array(factors) for factors in zip(*of_kind, strict=True))
                parts.append(Part(-minus, (f, g), sorted_alike(first, second)))
        return sorted(parts, key=lambda part: (-len(part.places) * (part.length > 1), part.sign < 0))

    def _with_a_bias_as_weight(self, parts: list[Part]) -> list[Part]:
        """The same parts; a bias that lies behind its weights becomes one more weight, of an input that is always 1.

        So a layer is one matrix product, and so is the gradient of its parameters. The bias stays apart where
        the inputs are an argument, which would have to be copied. Initial states are not: a first step is like others.
        """
        for part in parts:
            if part.sign > 0 and len(part.places) == 2 and part.length > 1 and self._are_read_whole(part):
                for bias in parts:
                    if bias.sign > 0 and bias.families == part.families[:1] and bias.length == 1:
                        weights = np.hstack([part.places[0], bias.places[0]])
                        if (np.diff(weights) == 1).all():
                            family = self._beside_one(part.families[1])
                            inputs = np.tile(np.arange(part.length + 1), (len(weights), 1))
                            whole = Part(1, (part.families[0], family), [weights, inputs])
                            return [whole, *(other for other in parts if other is not part and other is not bias)]
        return parts

    def _are_read_whole(self, part: Part) -> bool:
        """Whether each member is the product of numbers that all examples share and of all outputs of a layer."""
        f, g = part.families
        inputs = self.graph.families[g].array
        return (
            not self.graph.families[f].batched
            and isinstance(inputs, Array)
            and inputs.batched
            and not _is_given(inputs)
            and len(inputs.axes) == 1
            and bool(part.length == inputs.size and (part.places[1] == np.arange(inputs.size)).all())
        )

    def _beside_one(self, family: int) -> int:
        """The number of a family with the numbers of another one, and a 1 behind them."""
        if family not in self.beside_one:
            longer = self.graph.new_family(batched=True)
            inputs = self.graph.families[family].array
            assert isinstance(inputs, Array), "a number has no places"
            longer.array = self._extended(inputs, 1.0)
            self.beside_one[family] = longer.number
        return self.beside_one[family]

    def _arrange(self, family: Family, order: IntArray, axes: Sequence[Axis], array: Array | float) -> None:
        """Note the place of each member in the family's array; members that are always equal share a place."""
        family.members = [family.members[i] for i in order.tolist()]
        sizes = [axis.size for axis in axes]
        present = [not isinstance(array, Array) or axis in array.axes for axis in axes]
        places: Sequence[int] = range(len(family.members))
        if not all(present):
            own = [size if there else 1 for size, there in zip(sizes, present, strict=True)]
            places = np.broadcast_to(np.arange(math.prod(own)).reshape(own), sizes).ravel().tolist()
        for place, i in zip(places, family.members, strict=True):
            self.graph.place_of[i] = place

    def _axes(self, sizes: Sequence[int]) -> tuple[Axis, ...]:
        return tuple(self.program.axis(size) for size in sizes if size > 1)

    def _view(self, family: int, places: IntArray, axes: Sequence[Axis], nothing: float | None = None) -> Array | float:
        """The numbers at these places of a family, at PAD `nothing`; without the axes along which they are equal."""
        index = places.reshape([axis.size for axis in axes])
        for at in range(len(axes) - 1, -1, -1):
            first = index.take([0], axis=at)
            if (
                index.flat[0] == index.take(-1, axis=at).flat[0] and (index == first).all()
            ):  # one comparison tells most apart
                index = first.squeeze(at)
                axes = [*axes[:at], *axes[at + 1 :]]
        by_number = sorted(range(len(axes)), key=lambda at: axes[at].number)
        index, axes = index.transpose(by_number), tuple(axes[at] for at in by_number)
        base = self.graph.families[family].array
        beside = {BEHIND: 0.0, PAD: nothing}
        if family == CONSTANTS or not isinstance(base, Array):
            numbers = np.array(self.graph.constants)[index] if family == CONSTANTS else np.full(index.shape, base)
            for place, number in beside.items():
                numbers = np.where(index == place, number, numbers) if number is not None else numbers
            if not axes or _are_the_same(numbers):
                return float(numbers.flat[0])
            return self.program.table(np.ascontiguousarray(numbers), axes)
        if index.min() < 0:
            for place, number in beside.items():
                if (index == place).any():
                    assert number is not None, "what is no sum has no terms"
                    base, index = self._extended(base, number), np.where(index == place, base.size, index)
        return self.program.view(base, np.ascontiguousarray(index) if axes else int(index), axes)

    def _extended(self, base: Array, nothing: float) -> Array:
        """The numbers of an array in a row, and one more number behind them."""
        key = base, nothing
        if key not in self.extended:
            axes = base.axes if not _is_given(base) and len(base.axes) == 1 else self._axes((base.size,))
            places = np.arange(base.size) if axes else 0
            shown = base if axes == base.axes else self.program.view(base, places, axes)
            pieces = [Piece(shown, axes, Places(places))]
            if nothing != 0.0:
                pieces.append(Piece(nothing, (), Places(base.size)))
            self.extended[key] = self.program.assemble((self.program.axis(base.size + 1),), pieces)
        return self.extended[key]

    def one(self, node: int) -> Array | float:
        """Return the number of a single node as an array."""
        return self._view(self.graph.family_of[node], np.array(self.graph.place_of[node]), ())

    def _label(self, family: Family) -> None:
        labels = [self.labels.get(i) for i in family.members]
        if isinstance(family.array, Array) and family.array.label is None and labels[0] is not None:
            family.array.label = labels[0]


class Part(NamedTuple):
    """The terms of one kind in each member of a family.

    Attributes:
        sign: 1, or -1 for terms that are subtracted.
        families: the family of each factor.
        places: for each factor its places, with a row for each member and a column for each term.
    """

    sign: int
    families: tuple[int, ...]
    places: list[IntArray]

    @property
    def length(self) -> int:
        """How many terms each member has."""
        return int(self.places[0].shape[1])

    def arranged(self, order: IntArray) -> Part:
        """Return the same terms with the members in another order."""
        return Part(self.sign, self.families, [places[order] for places in self.places])


def _is_given(array: Array) -> bool:
    """Whether an array is given, and not computed; initial states are as if they were computed."""
    return isinstance(array, Leaf) and not isinstance(array, Initial)


def _are_the_same(numbers: FloatArray) -> bool:
    """Whether all numbers are equal, zeros in their sign too."""
    return bool((numbers == numbers.flat[0]).all() and (np.signbit(numbers) == np.signbit(numbers.flat[0])).all())
