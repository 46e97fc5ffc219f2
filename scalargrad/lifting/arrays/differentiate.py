"""Derivatives of array programs, by the rules that the primitives declare.

The engine's rules do not ask what they are called on. On floats they give the eager sweep its
numbers, on Values the derivatives of derivatives, and here, on arrays, an array program for the
gradient. Beside them stands only what is linear and the same for every operation: what a view
showed goes back to where it lay, and what was summed up goes to every part of the sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ...engine import primitives as p
from .program import Array, ArrayProgram, Axis, Places, needed

Gradient = Array | float


def mean(program: ArrayProgram, array: Gradient) -> Gradient:
    """Return the mean over the batch; terms and factors that do not depend on it are kept out of the sum.

    A sum that nothing else reads is not computed for each example first.
    """
    reads = Counter(operand for one in needed([array]) for operand in one.arrays)
    inside: set[Array] = set()  # of what the mean is taken, each once: a term may be part of many
    pending = [array]
    while pending:
        one = pending.pop()
        if isinstance(one, Array) and one.batched and one not in inside:
            inside.add(one)
            pending += _averaged(one)
    means: dict[Gradient, Gradient] = {}
    for one in sorted(inside, key=lambda one: one.number):
        if _averaged(one):
            operands = [means.get(operand, operand) for operand in one.operands]
            means[one] = program.apply(one.detail, operands)
        else:
            means[one] = _share_of_sum(program, one, reads[one])
    return means.get(array, array)


def _averaged(array: Array) -> tuple[Gradient, ...]:
    """The operands whose means give that of the array: of a sum all, of a product the one that the batch changes."""
    if array.kind == "apply" and array.detail in (p.add, p.subtract, p.negative):
        return array.operands
    if array.kind == "apply" and array.detail is p.multiply:
        batched = tuple(operand for operand in array.arrays if operand.batched)
        return batched if len(batched) == 1 else ()
    return ()


def _share_of_sum(program: ArrayProgram, array: Array, reads: int) -> Gradient:
    summed, along = array, ()
    is_sum = array.kind == "reduce" and array.detail[0] is p.add and reads < 2
    if is_sum and all(part.batched for part in array.arrays[0].arrays):  # others are products of a matrix, soon done
        (summed,), along = array.arrays, array.detail[1]
    share = program.leaf("share")  # one over the number of examples
    return program.apply(p.multiply, [share, program.reduce(p.add, summed, along, batch=True)])


def gradient(program: ArrayProgram, output: Gradient, leaf: Array) -> Gradient:
    """Return the derivative of the output, a single number, with respect to each number of a leaf."""
    totals: dict[Array, Gradient] = {}
    shown: dict[Array, list[tuple[Array, Gradient]]] = {}  # for each array its views, with their gradients
    if isinstance(output, Array):
        totals[output] = 1.0
    forward = len(program.arrays)
    for array in reversed(needed([output])):
        total = _total(program, array, totals.pop(array, None), shown.pop(array, []))
        if array is leaf:
            return 0.0 if total is None else total
        if total is None:
            continue
        _mark(total, array, forward)
        if array.kind == "view":
            shown.setdefault(array.arrays[0], []).append((array, total))
        else:
            for operand, part in _handed_on(program, array, total):
                totals[operand] = program.apply(p.add, [totals[operand], part]) if operand in totals else part
    return 0.0


def _handed_on(program: ArrayProgram, array: Array, total: Gradient) -> Iterator[tuple[Array, Gradient]]:
    """What an array's gradient comes to in each of its operands."""
    if array.kind == "reduce":
        assert array.detail[0] is p.add, "only sums are folded where a gradient passes"
        yield array.arrays[0], total
    elif array.kind == "assemble":
        arrays = len(array.arrays)
        for (places, along), piece in zip(array.detail, array.operands, strict=True):
            if isinstance(piece, Array):
                part = _part(program, total, array, places, along, alone=arrays == 1)
                yield piece, _summed(program, part, along, array.batched, piece)
    elif array.kind == "apply" and not _blocks(array):
        for i, operand in enumerate(array.operands):
            if isinstance(operand, Array):
                local = array.detail.partials[i](array, *array.operands)
                product = program.apply(p.multiply, [total, local])
                yield operand, _summed(program, product, array.axes, array.batched, operand)


def _blocks(array: Array) -> bool:
    """Whether an array hands no gradient on to what it was made of, whatever its own."""
    return array.kind == "apply" and array.detail.blocks_gradient


def _part(
    program: ArrayProgram, total: Gradient, array: Array, places: Places, along: tuple[Axis, ...], alone: bool
) -> Gradient:
    """The gradient of a piece that has been put together with others to an array; alone, if the rest is numbers."""
    if not isinstance(total, Array):
        return total
    if not alone or len(array.axes) != 1 or len(along) != 1:
        return program.view(total, places.index, along)
    part: Gradient = 0.0  # nobody asks for the other parts: they are not computed
    new = program.axis(along[0].size)
    for term in _terms(total):
        part = program.apply(p.add, [part, restricted(program, term, array.axes[0], places.index, new)])
    return program.view(part, _all_places(part), along) if isinstance(part, Array) and part.axes else part


def _terms(total: Gradient) -> list[Gradient]:
    """What a gradient is the sum of, in order; a sum that is part of it twice stays one the second time."""
    found: list[Gradient] = []
    pending, seen = [total], set[Array]()
    while pending:
        term = pending.pop()
        if isinstance(term, Array) and term.kind == "apply" and term.detail is p.add and term not in seen:
            pending += reversed(term.operands)
            seen.add(term)
        else:
            found.append(term)
    return found


def restricted(program: ArrayProgram, array: Gradient, axis: Axis, index: Any, new: Axis) -> Gradient:
    """Return an array at some of the places along one of its axes; of results only that part is computed.

    It goes back through as many operations as have the axis: those from the product that made it.
    """
    if not isinstance(array, Array) or axis not in array.axes:
        return array
    if array.kind == "apply":
        return program.apply(
            array.detail, [restricted(program, operand, axis, index, new) for operand in array.operands]
        )
    if array.kind == "reduce":
        primitive, axes, batch = array.detail
        return program.reduce(primitive, restricted(program, array.arrays[0], axis, index, new), axes, batch)
    at = array.axes.index(axis)
    if array.kind == "view" and len(array.axes) == 1 and len(array.arrays[0].axes) == 1:
        (base,) = array.arrays
        return restricted(program, base, base.axes[0], array.detail.index[index], new)
    base, whole = (array.arrays[0], array.detail.index) if array.kind == "view" else (array, _all_places(array))
    axes = [*array.axes[:at], new, *array.axes[at + 1 :]]
    by_number = sorted(range(len(axes)), key=lambda i: axes[i].number)
    places = whole.take(index, axis=at).transpose(by_number).copy()
    return program.view(base, places, tuple(axes[i] for i in by_number))


def _all_places(array: Array) -> Any:
    import numpy as np  # a program of single numbers does without it

    return np.arange(array.size).reshape([axis.size for axis in array.axes])


def tangent(program: ArrayProgram, output: Gradient, leaf: Array, direction: Array) -> Gradient:
    """Return the derivative of the output when the leaf moves in a direction: forwards through the program."""
    known: dict[Array, Gradient] = {leaf: direction}
    for array in needed([output]):
        if array is leaf or _blocks(array) or not any(operand in known for operand in array.arrays):
            continue
        if array.kind == "view":
            known[array] = _seen(program, known[array.arrays[0]], array)
        elif array.kind == "reduce":
            if array.detail[0] is p.add:
                summed = array.arrays[0]
                known[array] = _summed(program, known[summed], summed.axes, summed.batched, array)
        elif array.kind == "assemble":
            pieces = [
                (places, along, known.get(piece, 0.0) if isinstance(piece, Array) else 0.0)
                for (places, along), piece in zip(array.detail, array.operands, strict=True)
            ]
            known[array] = program.assemble(array.axes, [piece for piece in pieces if piece[2] != 0.0])
        else:
            total: Gradient = 0.0
            for i, operand in enumerate(array.operands):
                if isinstance(operand, Array) and operand in known:
                    local = array.detail.partials[i](array, *array.operands)
                    total = program.apply(p.add, [total, program.apply(p.multiply, [local, known[operand]])])
            known[array] = total
    return known.get(output, 0.0) if isinstance(output, Array) else 0.0


def _seen(program: ArrayProgram, moved: Gradient, view: Array) -> Gradient:
    """What a view shows of an array that may lack axes of the view's base, being the same along them."""
    base = view.arrays[0]
    assert isinstance(moved, Array), "what moves, moves in a direction"
    places, outer, within = 0 * view.detail.index, view.detail.index, 1
    for axis in reversed(base.axes):
        if axis in moved.axes:
            places = places + outer % axis.size * within
            within *= axis.size
        outer = outer // axis.size
    return program.view(moved, places, view.axes)


def _mark(total: Gradient, array: Array, forward: int) -> None:
    """Note whose gradient this is, for its name, unless it was there before the gradient was asked for."""
    while isinstance(total, Array) and total.number >= forward:
        total.gradient_of.append(array)
        total = total.arrays[0] if total.kind == "view" else 0.0


def _summed(
    program: ArrayProgram, contribution: Gradient, axes: Iterable[Axis], batched: bool, part: Array
) -> Gradient:
    """A contribution to what has these axes, summed up over those that the part has not, be it the same along them."""
    surplus = [axis for axis in axes if axis not in part.axes]
    over_batch = batched and not part.batched
    present = set(contribution.axes) if isinstance(contribution, Array) else set()
    times = 1
    for axis in surplus:
        if axis not in present:
            times *= axis.size
    summed = program.reduce(p.add, contribution, surplus, over_batch)
    if over_batch and not (isinstance(contribution, Array) and contribution.batched):
        summed = program.apply(p.multiply, [program.leaf("count"), summed])
    return program.apply(p.multiply, [float(times), summed])


def _total(
    program: ArrayProgram, array: Array, total: Gradient | None, shown: Iterable[tuple[Array, Gradient]]
) -> Gradient | None:
    """The sum of all that reaches an array, directly and through its views."""
    pieces: list[tuple[Places, tuple[Axis, ...], Gradient]] = []
    for view, part in shown:
        turned = _turned_back(program, array, view, part)
        if turned is None:
            pieces.append((view.detail, view.axes, part))
        else:
            total = turned if total is None else program.apply(p.add, [total, turned])
    if pieces:
        assembled = program.assemble(array.axes, pieces)
        total = assembled if total is None else program.apply(p.add, [total, assembled])
    return total


def _turned_back(program: ArrayProgram, array: Array, view: Array, part: Gradient) -> Gradient | None:
    """The gradient of a view that shows all of an array in order, along the array's own axes; None for others."""
    if not view.detail.are_all(array.size):
        return None
    if not isinstance(part, Array) or array.size == 1:
        return part
    axes, places = array.axes, view.detail.index
    if part.axes != view.axes:  # it is the same along some axes: they must be axes of the array too
        if [axis.size for axis in view.axes] != [axis.size for axis in axes]:
            return None
        axes = tuple(own for own, seen in zip(axes, view.axes, strict=True) if seen in part.axes)
        places = places.ravel()[: part.size]
    return program.view(part, places.reshape([axis.size for axis in axes]), axes)


# ---------------------------------------------------------------- pieces of a gradient


class Piece(NamedTuple):
    """An array, and the places where it goes; None for all places in order."""

    array: Array | float
    axes: tuple[Axis, ...]
    places: Places | None


def pieces_of(gradient: Array | float | None) -> list[Piece]:
    """Return what a gradient is the sum of: parts of it first, then what covers it all; one piece if there are none."""
    found: list[Piece] = []
    whole = gradient.axes if isinstance(gradient, Array) else ()
    slope = 0.0 if gradient is None else gradient
    terms = _terms(slope)
    in_parts = any(isinstance(term, Array) and term.kind == "assemble" for term in terms)
    for part in terms if in_parts else [slope]:
        if isinstance(part, Array) and part.kind == "assemble":
            pieces = zip(part.detail, part.operands, strict=True)
            found += [Piece(piece, along, places) for (places, along), piece in pieces]
        elif part != 0.0:
            found.append(Piece(part, whole, None))
    return sorted(found, key=lambda piece: piece.places is None)
