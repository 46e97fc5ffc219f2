"""Derivatives of array programs, by the rules that the primitives declare.

A rule can be called on operands of any kind. On floats it gives the numbers of the eager sweep, on Values
derivatives of derivatives, and here, on arrays, an array program for the gradient. What is added here is
linear and the same for every operation: the gradient of a view goes back to the places in its base, the
gradient of a sum goes to all that is summed, and the gradient of a look-up to the places that were looked up.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ...engine import primitives as p
from .program import (
    Apply,
    Array,
    ArrayProgram,
    Assembly,
    Axis,
    Fold,
    Gather,
    Initial,
    Leaf,
    Piece,
    Places,
    Scatter,
    View,
    needed,
)

if TYPE_CHECKING:
    from .program import IntArray


def mean(program: ArrayProgram, array: Array | float) -> Array | float:
    """Return the mean over the batch; terms and factors that all examples share are kept out of the sum.

    A sum that nothing else reads is not computed for each example first, but over all examples at once.
    """
    reads = Counter(operand for one in needed([array]) for operand in one.arrays)
    inside: set[Array] = set()  # the arrays of which a mean is taken, each once
    pending = [array]
    while pending:
        one = pending.pop()
        if isinstance(one, Array) and one.batched and one not in inside:
            inside.add(one)
            pending += _averaged(one)
    means: dict[Array | float, Array | float] = {}
    for one in sorted(inside, key=lambda one: one.number):
        if _averaged(one):
            assert isinstance(one, Apply)
            means[one] = program.apply(one.primitive, [means.get(operand, operand) for operand in one.operands])
        else:
            means[one] = _share_of_sum(program, one, reads[one])
    return means.get(array, array)


def _averaged(array: Array) -> tuple[Array | float, ...]:
    """The operands whose means give the mean of the array: of a sum all, of a product the one that is batched."""
    if isinstance(array, Apply) and array.primitive in (p.add, p.subtract, p.negative):
        return array.operands
    if isinstance(array, Apply) and array.primitive is p.multiply:
        batched = tuple(operand for operand in array.arrays if operand.batched)
        return batched if len(batched) == 1 else ()
    return ()


def _share_of_sum(program: ArrayProgram, array: Array, reads: int) -> Array | float:
    summed = array
    along: tuple[Axis, ...] = ()
    if (
        isinstance(array, Fold)
        and array.primitive is p.add
        and reads < 2
        and all(operand.batched for operand in array.operand.arrays)  # a product with a matrix is quick as it is
    ):
        summed, along = array.operand, array.along
    share = program.leaf("share")  # one over the number of examples
    return program.apply(p.multiply, [share, program.fold(p.add, summed, along, batch=True)])


class Recurrences(NamedTuple):
    """Where the recurrences of a program begin and end.

    With them the first and the last step of a gradient, and of what is computed from it, are like all others: they add
    a gradient of 0 to what the last step computes, and have that of what the first step reads, which nothing needs.

    Attributes:
        begins: leaves and views of them that the first step reads in place of what others compute.
        ends: what the last step computes, with how a next step would read it: as it is, or a view of all of it.
        shared: what all steps read.
        last: all that the last step hands on.
    """

    begins: Collection[Array] = ()
    ends: Mapping[Array, Array] = MappingProxyType({})
    shared: Collection[Array] = ()
    last: Collection[Array] = ()

    def zeros_for(self, array: Array) -> Initial | None:
        """Return the gradient to which those of an array are added in steps; None if it is as any other."""
        if array in self.shared or self.ends.get(array) is array:
            return _zeros(array, array.axes)
        return None

    def zeros_through_view(self, array: Array) -> list[tuple[View, Initial]]:
        """Return the same for what the last step computes, through the view by which a next step would read it."""
        view = self.ends.get(array)
        return [(view, _zeros(array, view.axes))] if isinstance(view, View) else []


NO_RECURRENCES = Recurrences()


def _zeros(slope_of: Array, axes: tuple[Axis, ...]) -> Initial:
    """The derivative of an array along these axes, where it is 0."""
    size = math.prod(axis.size for axis in axes)
    return slope_of.program.initial([0.0] * size, axes, slope_of.batched, slope_of)


def gradient(
    program: ArrayProgram,
    output: Array | float,
    leaf: Array,
    *,
    for_each: bool = False,
    recurrences: Recurrences = NO_RECURRENCES,
) -> Array | float:
    """Return the derivative of the output, a single number, with respect to each number of a leaf.

    The arrays of the gradient are added to the program; a float is the same derivative for all.

    Args:
        program: the program.
        output: an array of one number.
        leaf: the array to differentiate in.
        for_each: whether the output has a number for each example, and each its own derivative, also with respect to
            what all examples share.
        recurrences: where those of the output begin and end.
    """
    totals: dict[Array, Array | float] = {}
    shown: dict[Array, list[tuple[View, Array | float]]] = {}  # for each array its views and their gradients
    looked_up: dict[Array, list[tuple[Array | float, Gather]]] = {}  # for each array its gathers, after their gradients
    if isinstance(output, Array):
        totals[output] = 1.0
    order = _in_order_of_the_sweep(output) if program.exact else needed([output])
    forward = len(program.arrays)
    slope: Array | float | None = None
    beside: list[Array] = []
    waiting = {leaf, *recurrences.begins}.intersection(order)
    first = min((place for place, array in enumerate(order) if array in waiting), default=len(order))
    for array in reversed(order[first:]):
        if array in looked_up:
            pairs = looked_up.pop(array)
            scattered = program.scatter(pairs, array.batched or (for_each and any(own.batched for _, own in pairs)))
            totals[array] = program.apply(p.add, [totals[array], scattered]) if array in totals else scattered
        seen = shown.pop(array, [])
        seen = [*recurrences.zeros_through_view(array), *seen] if seen or array in totals else []
        total = _total(program, array, totals.pop(array, None), seen)
        if array in recurrences.last and total is not None:
            total = _spread(program, array, total)
        if array is leaf:
            slope = total
        elif array in waiting and isinstance(total, Array) and not isinstance(total, Assembly):
            beside.append(total)
        waiting.discard(array)
        if total is None or array is leaf:
            continue
        mark_gradient(total, array, forward)
        if isinstance(array, View):
            shown.setdefault(array.base, []).append((array, total))
        elif isinstance(array, Gather):
            looked_up.setdefault(array.table, []).append((total, array))
        else:
            for operand, part in _handed_on(program, array, total, for_each):
                before = totals[operand] if operand in totals else recurrences.zeros_for(operand)
                totals[operand] = part if before is None else program.apply(p.add, [before, part])
    if beside and isinstance(slope, Array):
        program.beside[slope] = beside
    return 0.0 if slope is None else slope


def _spread(program: ArrayProgram, array: Array, total: Array | float) -> Array:
    """A gradient of an array along all of its axes."""
    if not isinstance(total, Array):
        return program.initial([total] * array.size, array.axes, array.batched, array)
    if total.axes == array.axes and total.batched == array.batched:
        return total
    spread = program.apply(p.add, [_zeros(array, array.axes), total])
    assert isinstance(spread, Array), "there is an array in it"
    return spread


def _in_order_of_the_sweep(output: Array | float) -> list[Array]:
    """The arrays that a gradient of the output reaches, operands first, in the order in which the engine sweeps.

    So each gradient is added up in the engine's order; see `topological_order`.
    """
    order: dict[Array, None] = {}
    path: list[tuple[Array, Iterator[Array]]] = []
    roots = iter([output] if isinstance(output, Array) else [])
    waiting = next(roots, None)
    while waiting is not None or path:
        if waiting is not None:
            path.append((waiting, iter(() if blocks(waiting) else waiting.arrays)))
        array, operands = path[-1]
        waiting = next((one for one in operands if one not in order), None)
        if waiting is None:
            order[array] = None
            path.pop()
    return list(order)


def _handed_on(
    program: ArrayProgram, array: Array, total: Array | float, for_each: bool
) -> Iterator[tuple[Array, Array | float]]:
    """What the gradient of an array contributes to that of each operand."""
    if isinstance(array, Leaf) or blocks(array):
        return
    if isinstance(array, Fold):
        assert array.primitive is p.add, "only sums are folded where a gradient passes"
        yield array.operand, total
    elif isinstance(array, Assembly):
        for piece in array.pieces:
            if isinstance(piece.array, Array):
                part = _part(program, total, array, piece, alone=len(array.arrays) == 1)
                yield piece.array, _summed(program, part, piece.axes, array.batched and not for_each, piece.array)
    else:
        assert isinstance(array, Apply), f"there is no gradient of {array}"
        for i, operand in enumerate(array.operands):
            if isinstance(operand, Array):
                local = array.primitive.partials[i](array, *array.operands)
                product = program.apply(p.multiply, [total, local])
                yield operand, _summed(program, product, array.axes, array.batched and not for_each, operand)


def blocks(array: Array) -> bool:
    """Whether an array hands on no gradient to its operands, whatever its own gradient is."""
    return isinstance(array, Apply) and array.primitive.blocks_gradient


def _part(program: ArrayProgram, total: Array | float, array: Assembly, piece: Piece, alone: bool) -> Array | float:
    """The gradient of a piece of an assembly; `alone` says that the other pieces are numbers."""
    index = piece.places.index
    if not isinstance(total, Array):
        return total
    if not alone or len(array.axes) != 1 or isinstance(index, int) or index.ndim != 1:
        return program.view(total, index, piece.axes)
    part: Array | float = 0.0  # nothing needs the other parts, so they are not computed
    new = program.axis(piece.axes[0].size)
    for term in _terms(total):
        part = program.apply(p.add, [part, restricted(program, term, array.axes[0], index, new)])
    if isinstance(part, Array) and part.axes:
        return program.view(part, Places.all_of(part.sizes).index, piece.axes)
    return part


def _terms(total: Array | float) -> list[Array | float]:
    """The terms of a gradient, in order; a sum that is part of it twice stays a single term the second time."""
    terms: list[Array | float] = []
    pending, seen = [total], set[Array]()
    while pending:
        term = pending.pop()
        if isinstance(term, Apply) and term.primitive is p.add and term not in seen:
            pending += reversed(term.operands)
            seen.add(term)
        else:
            terms.append(term)
    return terms


def restricted(program: ArrayProgram, array: Array | float, axis: Axis, index: IntArray, new: Axis) -> Array | float:
    """Return an array at some of the places along one of its axes, which become a new axis.

    Nothing is computed for the other places, in the array and in what it is computed from.
    """
    if not isinstance(array, Array) or axis not in array.axes:
        return array
    if isinstance(array, Apply):
        operands = [restricted(program, operand, axis, index, new) for operand in array.operands]
        return program.apply(array.primitive, operands)
    if isinstance(array, Fold):
        operand = restricted(program, array.operand, axis, index, new)
        return program.fold(array.primitive, operand, array.along, array.over_batch)
    base, places = array, Places.all_of(array.sizes).index
    if isinstance(array, View):
        base, places = array.base, array.places.index
        if len(array.axes) == len(base.axes) == 1 and not isinstance(places, int):
            return restricted(program, base, base.axes[0], places[index], new)
    assert not isinstance(places, int), "an array with an axis has several places"
    at = array.axes.index(axis)
    axes = [*array.axes[:at], new, *array.axes[at + 1 :]]
    by_number = sorted(range(len(axes)), key=lambda i: axes[i].number)
    picked = places.take(index, axis=at).transpose(by_number).copy()
    return program.view(base, picked, tuple(axes[i] for i in by_number))


def tangent(
    program: ArrayProgram,
    output: Array | float,
    leaf: Array,
    direction: Array,
    along: Axis | None = None,
    recurrences: Recurrences = NO_RECURRENCES,
) -> Array | float:
    """Return the derivative of the output in a direction of the leaf, computed forwards through the program.

    Where there are several directions they lie along the first axis of `direction`, which is also that of the result.
    It must have been made before all axes of the program. `recurrences` says where those of the output begin and end.
    """
    known: dict[Array | float, Array | float] = {leaf: direction}
    beside = program.beside.get(output, []) if isinstance(output, Array) else []
    for array in needed([output, *beside]):
        is_begun = array in recurrences.begins and known.keys().isdisjoint(array.arrays)
        if isinstance(array, Initial) or is_begun:
            known[array] = _zeros(array, _behind(along, array.axes))
        elif array is not leaf and not blocks(array) and any(operand in known for operand in _moving(array)):
            known[array] = _moved(program, array, known, along)
    moved = known.get(output, 0.0) if isinstance(output, Array) else 0.0
    if beside and isinstance(moved, Array):
        program.beside[moved] = [*beside, *(own for one in beside if isinstance(own := known.get(one), Array))]
    return moved


def _moved(
    program: ArrayProgram, array: Array, known: Mapping[Array | float, Array | float], along: Axis | None
) -> Array | float:
    """The derivative of an array, given those of its operands."""
    total: Array | float = 0.0
    if isinstance(array, View):
        return _seen(program, known[array.base], array, along)
    if isinstance(array, Assembly):
        pieces = [
            piece._replace(
                array=known[piece.array],
                places=_for_each(piece.places, array.size, along),
                axes=_behind(along, piece.axes),
            )
            for piece in array.pieces
            if isinstance(piece.array, Array) and known.get(piece.array, 0.0) != 0.0
        ]
        return program.assemble(_behind(along, array.axes), pieces)
    if isinstance(array, Gather | Scatter):
        assert along is None, "several directions do not go through look-ups"
        if isinstance(array, Gather):
            return program.gather(known[array.table], array.index, array.along)
        pairs = zip(array.numbers, array.gathers, strict=True)
        return program.scatter([(known[one], gather) for one, gather in pairs if one in known], array.batched)
    if isinstance(array, Fold):
        summed = array.operand
        for term in _products(known[summed]) if array.primitive is p.add else ():
            total = program.apply(p.add, [total, _summed(program, term, summed.axes, summed.batched, array)])
        return total
    assert isinstance(array, Apply), f"there is no tangent of {array}"
    for i, operand in enumerate(array.operands):
        if isinstance(operand, Array) and operand in known:
            local = array.primitive.partials[i](array, *array.operands)
            total = program.apply(p.add, [total, program.apply(p.multiply, [local, known[operand]])])
    return total


def _products(array: Array | float) -> list[Array | float]:
    """The terms of an array, if each is a product, whose sum is a matrix product; else the array itself."""
    terms = _terms(array)
    are_products = all(isinstance(one, Apply) and one.primitive is p.multiply and len(one.arrays) > 1 for one in terms)
    return terms if are_products else [array]


def _moving(array: Array) -> Iterable[Array]:
    """The operands that an array moves with: an index stays where it is."""
    if isinstance(array, Gather):
        return (array.table,)
    if isinstance(array, Scatter):
        return [one for one in array.numbers if isinstance(one, Array)]
    return array.arrays


def _behind(along: Axis | None, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """The axes with that of several directions before them."""
    return axes if along is None else (along, *axes)


def _for_each(places: Places, size: int, along: Axis | None) -> Places:
    """Places in an array of that size; for several directions in each of the arrays that lie one after another."""
    if along is None:
        return places
    import numpy as np

    starts = np.arange(along.size).reshape((along.size,) + (1,) * np.ndim(places.index))
    return Places(starts * size + places.index)


def _seen(program: ArrayProgram, moved: Array | float, view: View, along: Axis | None) -> Array | float:
    """The same view of another array, which may lack axes of the view's base, being the same along them."""
    assert isinstance(moved, Array), "what moves, moves in a direction"
    if moved.axes == view.base.axes:
        return program.view(moved, view.places.index, view.axes)
    places, outer, within = 0 * view.places.index, view.places.index, 1
    for axis in reversed(view.base.axes):
        if axis in moved.axes:
            places = places + outer % axis.size * within
            within *= axis.size
        outer = outer // axis.size
    return program.view(moved, _for_each(Places(places), within, along).index, _behind(along, view.axes))


def mark_gradient(total: Array | float, array: Array, forward: int) -> None:
    """Note whose gradient this is, for its name, unless it was in the program before."""
    while isinstance(total, Array) and total.number >= forward:
        total.gradient_of.append(array)
        total = total.base if isinstance(total, View) else 0.0


def _summed(
    program: ArrayProgram, contribution: Array | float, axes: Iterable[Axis], batched: bool, part: Array
) -> Array | float:
    """A contribution to an array with these axes, summed over the axes that the part lacks.

    The contribution may lack axes too, being the same along them.
    """
    surplus = [axis for axis in axes if axis not in part.axes]
    over_batch = batched and not part.batched
    present = set(contribution.axes) if isinstance(contribution, Array) else set()
    times = 1
    for axis in surplus:
        if axis not in present:
            times *= axis.size
    summed = program.fold(p.add, contribution, surplus, over_batch)
    if over_batch and not (isinstance(contribution, Array) and contribution.batched):
        summed = program.apply(p.multiply, [program.leaf("count"), summed])
    return program.apply(p.multiply, [float(times), summed])


def _total(
    program: ArrayProgram, array: Array, total: Array | float | None, shown: Iterable[tuple[View, Array | float]]
) -> Array | float | None:
    """The gradient of an array: the sum of what reaches it directly and through its views."""
    pieces: list[Piece] = []
    for view, part in shown:
        turned = _turned_back(program, array, view, part)
        if turned is None:
            pieces.append(Piece(part, view.axes, view.places))
        else:
            total = turned if total is None else program.apply(p.add, [total, turned])
    if pieces:
        assembled = program.assemble(array.axes, pieces)
        total = assembled if total is None else program.apply(p.add, [total, assembled])
    return total


def _turned_back(program: ArrayProgram, array: Array, view: View, part: Array | float) -> Array | float | None:
    """The gradient of a view of all of an array in order, along the axes of the array; None for other views."""
    if not view.shows_all:
        return None
    if not isinstance(part, Array) or array.size == 1:
        return part
    axes, index = array.axes, view.places.index
    assert not isinstance(index, int), "it shows several places"
    if part.axes != view.axes:  # it is the same along some axes, which must be axes of the array too
        if view.sizes != array.sizes:
            return None
        axes = tuple(own for own, seen in zip(axes, view.axes, strict=True) if seen in part.axes)
        index = index.ravel()[: part.size]
    return program.view(part, index.reshape([axis.size for axis in axes]), axes)


# ---------------------------------------------------------------- several arrays as one, and the pieces of one


def together(program: ArrayProgram, numbers: Sequence[Array | float]) -> Array | float:
    """Return single numbers as one array along a new axis: a view where all are numbers of one array."""
    import numpy as np

    if len(numbers) == 1:
        return numbers[0]
    axis = program.axis(len(numbers))
    parts: dict[Array, tuple[list[int], list[int]]] = {}  # places in the whole, and in the array that they come from
    pieces: list[Piece] = []
    for place, number in enumerate(numbers):
        if isinstance(number, View) and not number.axes:
            places, shown = parts.setdefault(number.base, ([], []))
            places.append(place)
            shown.append(number.places.first)
        else:
            pieces.append(Piece(number, (), Places(place)))
    for base, (places, shown) in parts.items():
        if len(places) == len(numbers) and not isinstance(base, Leaf):
            return program.view(base, np.array(shown), (axis,))
        if len(places) == 1:
            pieces.append(Piece(program.view(base, shown[0], ()), (), Places(places[0])))
        else:
            along = (program.axis(len(places)),)
            pieces.append(Piece(program.view(base, np.array(shown), along), along, Places(np.array(places))))
    return program.assemble((axis,), pieces)


def entries(program: ArrayProgram, slope: Array | float, size: int) -> list[Array | float]:
    """Return the numbers of a gradient, in a program of single numbers."""
    totals: list[Array | float] = [0.0] * size
    for piece in pieces_of(slope, size):
        for i, place in enumerate(piece.places.in_a_row()):
            number = program.view(piece.array, i, ()) if isinstance(piece.array, Scatter) else piece.array
            totals[place] = program.apply(p.add, [totals[place], number])
    return totals


def pieces_of(gradient: Array | float | None, size: int) -> list[Piece]:
    """Return the pieces whose sum is a gradient of so many numbers: those of a part of it first, then of all."""
    slope = 0.0 if gradient is None else gradient
    terms = _terms(slope)
    in_parts = any(isinstance(term, Assembly) for term in terms)
    pieces: list[Piece] = []
    wholes: list[Piece] = []
    for part in terms if in_parts else [slope]:
        if isinstance(part, Assembly):
            pieces += part.pieces
        elif part != 0.0:
            sizes = slope.sizes if isinstance(slope, Array) and slope.axes else (size,)
            places = Places(0) if size == 1 else Places.all_of(sizes)
            wholes.append(Piece(part, slope.axes if isinstance(slope, Array) else (), places))
    return pieces + wholes
