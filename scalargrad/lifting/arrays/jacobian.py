"""The derivatives of many results at once: of a thousand results that are computed alike, in one array.

`gradient` differentiates a single number, so a thousand results would take a thousand gradients. Here all results are
differentiated together, backwards through the program, by the same rules. What is known of an array on the way is
sparse: its numbers are derivatives that need not be 0, and beside each stand its result and its place in the array. A
function that is applied to each number of a list keeps one number for each result. A sum makes one of each term. Where
a place no longer depends on an axis, the numbers along it are added up, which is a matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...engine import primitives as p
from .differentiate import Recurrences, blocks, gradient, mark_gradient, pieces_of, together
from .program import Apply, Array, ArrayProgram, Assembly, Axis, Fold, Leaf, Piece, Places, View, needed

if TYPE_CHECKING:
    from .program import IntArray

MOST = 8  # parts of the derivatives in one array: for more it is not worth it


class Slopes(NamedTuple):
    """Some derivatives of results in numbers of an array.

    Attributes:
        slope: the derivatives, which are the same along those of the axes that it lacks.
        axes: the axes along which they lie.
        results: the result of which each is, as an integer array with these axes; of size 1 along those on which that
            does not depend.
        places: the place in the array of each, alike.
    """

    slope: Array | float
    axes: tuple[Axis, ...]
    results: IntArray
    places: IntArray

    @property
    def size(self) -> int:
        """How many they are."""
        return math.prod(axis.size for axis in self.axes)


def jacobian(
    program: ArrayProgram, results: Sequence[Array | float], leaves: Sequence[Array], recurrences: Recurrences
) -> Array:
    """Return the derivatives of results in the numbers of leaves as one array along a new axis.

    They are those of each example, also in what all examples share. For each leaf come those of the first result, then
    those of the next.

    Args:
        program: the program, to which the arrays are added.
        results: arrays of one number.
        leaves: what to differentiate in.
        recurrences: where those of the results begin and end.
    """
    pieces: list[Piece] = []
    beside: list[Array] = []
    start = 0
    for leaf in leaves:
        own = _at_once(program, results, leaf)
        if own is None:
            slopes = [gradient(program, one, leaf, for_each=True, recurrences=recurrences) for one in results]
            beside += [one for slope in slopes if isinstance(slope, Array) for one in program.beside.get(slope, ())]
            own = _in_a_row(slopes, leaf)
        for piece in own:
            pieces.append(piece._replace(places=Places(piece.places.index + start)))
        start += len(results) * leaf.size
    assembled = program.assemble((program.axis(start),), pieces)
    program.beside[assembled] = list(dict.fromkeys(beside))
    return assembled


def _in_a_row(slopes: Sequence[Array | float], leaf: Array) -> list[Piece]:
    """Gradients in a leaf, one of each result, as pieces of an array that has them in a row."""
    return [
        piece._replace(places=Places(piece.places.index + i * leaf.size))
        for i, slope in enumerate(slopes)
        for piece in pieces_of(slope, leaf.size)
    ]


def _at_once(program: ArrayProgram, results: Sequence[Array | float], leaf: Array) -> list[Piece] | None:
    """The derivatives in a leaf, as pieces of an array that has them in a row; None where that does not pay."""
    import numpy as np

    whole = together(program, results)
    families = len(whole.pieces) if isinstance(whole, Assembly) else 1
    if not isinstance(whole, Array) or len(results) < 2 * families:
        return None
    (axis,) = whole.axes
    every = np.arange(axis.size)
    parts: dict[Array, list[Slopes]] = {whole: [Slopes(1.0, (axis,), every, every)]}
    forward = len(program.arrays)
    for array in reversed(needed([whole])):
        own = _merged(program, parts.pop(array, []))
        if array is leaf:
            return [_piece(part, leaf.size) for part in own]
        if len(own) > MOST or any(part.size > axis.size * array.size for part in own):
            return None
        for part in own if not blocks(array) else []:
            if isinstance(part.slope, Array):
                mark_gradient(part.slope, array, forward)
            handed_on = _handed_on(program, array, part)
            if handed_on is None:
                return None
            for operand, further in handed_on:
                parts.setdefault(operand, []).append(_summed(program, further))
    return []


def _piece(part: Slopes, size: int) -> Piece:
    import numpy as np

    places = np.broadcast_to(part.results * size + part.places, [axis.size for axis in part.axes])
    return Piece(part.slope, part.axes, Places(places.copy() if part.axes else int(places)))


def _merged(program: ArrayProgram, parts: Sequence[Slopes]) -> list[Slopes]:
    """The parts, with those of the same results and places added up."""
    merged: dict[tuple[object, ...], Slopes] = {}
    for part in parts:
        sizes = tuple([axis.size for axis in part.axes])
        key = (sizes, *[(index.shape, index.tobytes()) for index in (part.results, part.places)])
        known = merged.setdefault(key, part)
        if known is not part:
            slope = _seen(program, part.slope, _every(part.axes), known.axes)
            merged[key] = known._replace(slope=program.apply(p.add, [known.slope, slope]))
    return list(merged.values())


def _summed(program: ArrayProgram, part: Slopes) -> Slopes:
    """The same part, with what belongs to the same result and place along a whole axis added up."""
    kept = [i for i in range(len(part.axes)) if max(part.results.shape[i], part.places.shape[i]) > 1]
    surplus = [axis for i, axis in enumerate(part.axes) if i not in kept]
    present = part.slope.axes if isinstance(part.slope, Array) else ()
    times = math.prod(axis.size for axis in surplus if axis not in present)
    slope = program.apply(p.multiply, [float(times), program.fold(p.add, part.slope, surplus)])
    results, places = (one.reshape([one.shape[i] for i in kept]) for one in (part.results, part.places))
    return Slopes(slope, tuple([part.axes[i] for i in kept]), results, places)


# ---------------------------------------------------------------- rules


def _handed_on(program: ArrayProgram, array: Array, part: Slopes) -> Sequence[tuple[Array, Slopes]] | None:
    """What derivatives in an array are in its operands; None where places depend on the examples, as in look-ups."""
    import numpy as np

    if isinstance(array, Leaf):
        return []
    if isinstance(array, View):
        return [(array.base, part._replace(places=_reduced(np.ravel(array.places.index)[part.places])))]
    if isinstance(array, Fold):
        assert array.primitive is p.add, "only sums are folded where a gradient passes"
        return [(array.operand, _of_terms(program, array, part))]
    if isinstance(array, Assembly):
        return _of_pieces(program, array, part)
    return list(_of_operands(program, array, part)) if isinstance(array, Apply) else None


def _of_operands(program: ArrayProgram, array: Apply, part: Slopes) -> Iterator[tuple[Array, Slopes]]:
    """Derivatives in the operands of a primitive: those in its result times the slope in the operand, there."""
    at = _coordinates(array, part.places)
    for i, operand in enumerate(array.operands):
        if isinstance(operand, Array):
            local = _seen(program, array.primitive.partials[i](array, *array.operands), at, part.axes)
            slope = program.apply(p.multiply, [part.slope, local])
            yield operand, part._replace(slope=slope, places=_place(operand, at, len(part.axes)))


def _of_terms(program: ArrayProgram, fold: Fold, part: Slopes) -> Slopes:
    """Derivatives in the terms of a sum: those in the sum, along the axes of the terms, too."""
    behind = (...,) + (None,) * len(fold.along)
    axes = (*part.axes, *[program.axis(axis.size) for axis in fold.along])
    every = _every(axes)
    at = {axis: index[behind] for axis, index in _coordinates(fold, part.places).items()}
    at |= {axis: every[new] for axis, new in zip(fold.along, axes[len(part.axes) :], strict=True)}
    return Slopes(part.slope, axes, part.results[behind], _place(fold.operand, at, len(axes)))


def _of_pieces(program: ArrayProgram, assembly: Assembly, part: Slopes) -> list[tuple[Array, Slopes]] | None:
    """Derivatives in the pieces of an assembly: those in each place are in the number that is put there."""
    import numpy as np

    moving = [i for i, size in enumerate(part.places.shape) if size > 1]  # along these axes the place is another one
    left = [i for i in range(len(part.axes)) if i not in moving]
    places = part.places.ravel()
    if len(np.unique(places)) < places.size:
        return None
    numbers = np.full(assembly.size, -1)  # for each place, which of the derivatives along the moving axes are in it
    numbers[places] = np.arange(places.size)
    handed_on = []
    for piece in assembly.pieces:
        own = np.asarray(numbers[piece.places.index])
        if not isinstance(piece.array, Array) or (own < 0).all():
            continue
        within = np.nonzero(own >= 0) if (own < 0).any() else np.indices(own.shape, sparse=True)
        own = own[tuple(within)]
        axes = (*[part.axes[i] for i in left], *[program.axis(size) for size in own.shape])
        sizes = [part.places.shape[i] for i in moving]
        at = {part.axes[i]: index for i, index in zip(moving, _unraveled(own, sizes), strict=True)}
        at |= {axis: index for axis, index in _every(axes).items() if axis in part.axes}
        in_piece = dict(zip(piece.axes, within, strict=True))
        slope = _seen(program, part.slope, at, axes)
        results = _at(part.results, [at[axis] for axis in part.axes], len(axes))
        handed_on.append((piece.array, Slopes(slope, axes, results, _place(piece.array, in_piece, len(axes)))))
    return handed_on


# ---------------------------------------------------------------- places


def _every(axes: Sequence[Axis]) -> dict[Axis, IntArray]:
    """Where numbers lie along each of several axes, as an index with all of them."""
    import numpy as np

    return dict(zip(axes, np.indices([axis.size for axis in axes], sparse=True), strict=True)) if axes else {}


def _unraveled(places: IntArray, sizes: Sequence[int]) -> Sequence[IntArray]:
    import numpy as np

    return np.unravel_index(places, sizes) if sizes else ()


def _coordinates(array: Array, places: IntArray) -> dict[Axis, IntArray]:
    """Where places of an array lie along each of its axes."""
    return {axis: _reduced(at) for axis, at in zip(array.axes, _unraveled(places, array.sizes), strict=True)}


def _place(array: Array, at: Mapping[Axis, IntArray], dimensions: int) -> IntArray:
    """The places in an array of what lies there along its axes, as an index with so many axes."""
    import numpy as np

    place: IntArray = np.zeros((1,) * dimensions, int)
    for axis in array.axes:
        place = place * axis.size + at[axis]
    return place


def _reduced(index: IntArray) -> IntArray:
    """An index of size 1 along those axes on which it does not depend."""
    for i in range(index.ndim):
        first = index[(slice(None),) * i + (slice(1),)]
        if (index == first).all():
            index = first
    return index


def _at(index: IntArray, at: Sequence[IntArray], dimensions: int) -> IntArray:
    """What an index has at these places along its axes."""
    import numpy as np

    picked = index[tuple([0 * one if size == 1 else one for one, size in zip(at, index.shape, strict=True)])]
    return _reduced(np.broadcast_to(picked, np.broadcast_shapes(picked.shape, (1,) * dimensions)))


def _seen(
    program: ArrayProgram, array: Array | float, at: Mapping[Axis, IntArray], axes: tuple[Axis, ...]
) -> Array | float:
    """The numbers of an array at these places along each of its axes, along others."""
    if not isinstance(array, Array) or not array.axes:
        return array
    place = _reduced(_place(array, at, len(axes)))
    along = tuple([axis for axis, size in zip(axes, place.shape, strict=True) if size > 1])
    return program.view(array, place.reshape([axis.size for axis in along]) if along else int(place.item()), along)
