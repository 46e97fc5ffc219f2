"""What is decided before a numpy program is written, as plain data: what gets memory, where, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...engine import primitives as p
from ..arrays.differentiate import pieces_of
from ..arrays.loops import Last, Loop, Row, Stack, flattened
from ..arrays.program import Apply, Array, Assembly, Fold, Gather, Initial, Leaf, Piece, Scatter, View, needed
from ..source import Wanted
from .filling import Filling
from .groups import axes_of, fits_a_view
from .layout import Block, block, block_of_view
from .memory import Memory, memory_of
from .spelling import is_spelled

FEW = 16  # numbers of an example that are quicker side by side with those of other examples


class Home(NamedTuple):
    """Where in an assembly a result is computed: as which piece of it, and in which block of its buffer."""

    assembly: Assembly
    piece: Piece
    block: Block


@dataclass(frozen=True, slots=True)
class Plan:
    """How the arrays of a program are kept in numpy.

    Attributes:
        results: what the program returns.
        top: the arrays in the order in which they are computed, without those in loops.
        order: the same with those in loops.
        position: the place of each array in that order.
        users: for each array those that are computed from it.
        kept: the arrays whose numbers are needed to the end.
        blocks: how the views that slices reach lie in their bases.
        aliases: the arrays without a buffer: they are views of other arrays in numpy too.
        summed: the products that are never written out, as all that reads them sums them up.
        stored: for each array those whose buffers are read when it is read.
        turned: the arguments that are copied once, so that their examples lie in the last axis.
        arguments: the other arguments, whose examples lie in the first axis.
        plain: the arrays that are their buffer as it is, seen under other axes at most.
        unbroken: the arrays that are all of a buffer in order, of another shape at most.
        gradient_size: how many numbers the gradient has.
        gradient_filling: how the gradient is put together.
        fillings: how each assembly is put together.
        in_gradient: the results that are computed right in the gradient, with their places there.
        in_assembly: the results that are computed right in an assembly.
        last_use: the position after which nothing reads the buffer of an array.
        memory: where what loops compute lies.
        in_rows: whether numbers of one example lie side by side in memory, as in arguments.
        fresh: the results that are computed into a new array at each call, and returned as they are.
        moving: the arrays that lie in another place at each call, or in each iteration of a loop.
    """

    results: Sequence[Array | float]
    top: list[Array]
    order: list[Array]
    position: dict[Array, int]
    users: dict[Array, list[Array]]
    kept: set[Array]
    blocks: dict[Array, Block]
    aliases: set[Array]
    summed: set[Array]
    stored: dict[Array, list[Array]]
    turned: set[Array]
    arguments: set[Array]
    plain: set[Array]
    unbroken: set[Array]
    gradient_size: int
    gradient_filling: Filling
    fillings: dict[Array, Filling]
    in_gradient: dict[Array, Block]
    in_assembly: dict[Array, Home]
    last_use: dict[Array, int]
    memory: Memory
    in_rows: bool
    fresh: set[Array]
    moving: set[Array]


def planned(wanted: Wanted) -> Plan:
    """Return the plan for a function that is to be written."""
    gradient_size = wanted.gradient_size
    pieces = pieces_of(wanted.gradient, gradient_size)
    ends = (*wanted.results, *(piece.array for piece in pieces))
    kept = {end for end in ends if isinstance(end, Array)}
    top = needed(kept)
    order = flattened(top)
    loops = [array for array in order if isinstance(array, Loop)]
    users = _users(order)
    blocks = _blocks(order)
    aliases = {array for array in order if _is_alias(array, blocks)}
    summed = _summed_products(order, users, kept)
    stored = _stored(order, aliases, summed)
    arguments: set[Array] = {array for array in order if _is_argument(array)}
    fillings: dict[Array, Filling] = {
        array: Filling(array.pieces, array.size) for array in order if isinstance(array, Assembly)
    }
    in_rows = all(_fits_rows(array, fillings) for array in order)
    often_read = set() if in_rows else _often_read(order, summed, stored)
    turned = {array for array in often_read if array in arguments and array.size > 1}
    unbroken = _unbroken(order, aliases, turned)
    in_gradient = _in_gradient(pieces, gradient_size, users, aliases, wanted.results)
    position = {array: place for place, array in enumerate(order)}
    last_use = _last_uses(position, stored, kept - in_gradient.keys())
    memory = memory_of(loops, position, stored, aliases | summed)
    in_assembly = {
        array: home
        for array, home in _in_assemblies(order, fillings, in_gradient, aliases).items()
        if not loops or memory.leaves_free(array, home.assembly, loops)
    }
    fresh = _fresh(wanted.results, stored, unbroken, loops)
    return Plan(
        results=wanted.results,
        top=top,
        order=order,
        position=position,
        users=users,
        kept=kept,
        blocks=blocks,
        aliases=aliases,
        summed=summed,
        stored=stored,
        turned=turned,
        arguments=arguments - turned,
        plain=_plain(order, aliases),
        unbroken=unbroken,
        gradient_size=gradient_size,
        gradient_filling=Filling(pieces, gradient_size),
        fillings=fillings,
        in_gradient=in_gradient,
        in_assembly=in_assembly,
        last_use=last_use,
        memory=memory,
        in_rows=in_rows,
        fresh=fresh,
        moving=_moving(order, aliases, memory, fresh, in_assembly),
    )


def _is_argument(array: Array) -> bool:
    return isinstance(array, Leaf) and array.batched and not isinstance(array, Initial)


def _users(order: Sequence[Array]) -> dict[Array, list[Array]]:
    users: dict[Array, list[Array]] = {array: [] for array in order}
    for array in order:
        for operand in array.arrays:
            users[operand].append(array)
        if isinstance(array, Stack | Last):
            users[array.of].append(array)
        elif isinstance(array, Loop):
            for state in array.states:
                users[state.next].append(array)
    return users


def _blocks(order: Sequence[Array]) -> dict[Array, Block]:
    blocks: dict[Array, Block] = {}
    for array in order:
        if isinstance(array, View):
            lies = block_of_view(array.places.index, array.base.size)
            if lies is not None:
                blocks[array] = lies
    return blocks


def _is_alias(array: Array, blocks: Mapping[Array, Block]) -> bool:
    if isinstance(array, View):
        return isinstance(array.places.index, int) or array in blocks
    if isinstance(array, Row | Last):
        return True
    return isinstance(array, Apply) and array.primitive.keeps_value


def _summed_products(
    order: Sequence[Array], users: Mapping[Array, Sequence[Array]], kept: Collection[Array]
) -> set[Array]:
    """The products that only sums read: a matrix product, or np.einsum, does both."""
    return {
        array
        for array in order
        if isinstance(array, Apply)
        and (array.primitive is p.multiply or _is_summed_whole(array, users[array]))
        and len(array.arrays) == 2
        and array not in kept
        and users[array]
        and all(isinstance(user, Fold) and user.primitive is p.add for user in users[array])
    }


def _is_summed_whole(array: Apply, users: Sequence[Array]) -> bool:
    """Whether an array is products of a kind, along the same axes, and all that reads it sums over all of them.

    So the sum can be computed anew where it is nan, as a product of this kind may be a number there.
    """
    axes = {tuple(axes_of(operand)) for operand in array.arrays}
    is_whole = len(axes) == 1 and all(not (user.axes or user.batched) for user in users)
    return is_whole and array.primitive.multiplies and is_spelled(array.primitive)


def _stored(order: Sequence[Array], aliases: Collection[Array], summed: Collection[Array]) -> dict[Array, list[Array]]:
    stored: dict[Array, list[Array]] = {}
    for array in order:
        if array in summed:
            stored[array] = [one for operand in array.arrays for one in stored[operand]]
        else:
            stored[array] = stored[_shown(array)] if array in aliases else [array]
    return stored


def _shown(alias: Array) -> Array:
    """The array of which an array without a buffer is a view."""
    return alias.of if isinstance(alias, Last) else alias.arrays[0]


def _often_read(
    order: Sequence[Array], summed: Collection[Array], stored: Mapping[Array, Sequence[Array]]
) -> set[Array]:
    """What is read more than once other than by matrix products, which take examples in any axis."""
    reads = Counter(
        one
        for array in order
        if isinstance(array, Apply | Fold) and array not in summed
        if array.arrays[0] not in summed or not (array.axes or array.batched)
        for operand in array.arrays
        for one in stored[operand]
    )
    return {array for array, count in reads.items() if count > 1}


def _fits_rows(array: Array, fillings: Mapping[Array, Filling]) -> bool:
    """Whether numpy is as quick with an array if one example lies after another in memory.

    It is not where numbers of an example meet, are read alone, or are so few that numpy takes longer to go to the next
    example than to compute. If all arrays of a program fit, neither arguments nor results have to be turned.
    """
    if not any(one.batched for one in (array, *array.arrays)):
        return True
    if array.axes and array.size < FEW:
        return False
    if isinstance(array, View):
        return array.base.size == 1 or not isinstance(array.places.index, int)
    if isinstance(array, Assembly):
        return all(step.is_once for step in fillings[array].steps)
    return isinstance(array, Leaf | Apply)


def _fresh(
    results: Sequence[Array | float],
    stored: Mapping[Array, Sequence[Array]],
    unbroken: Collection[Array],
    loops: Sequence[Loop],
) -> set[Array]:
    """The buffers that are results as they are."""
    fresh: set[Array] = set()
    for result in results:
        if isinstance(result, Array) and result.batched and result in unbroken:
            (root,) = stored[result]
            computed = isinstance(root, Apply | Fold | View | Assembly | Gather | Scatter)
            if computed and not any(root in loop.body for loop in loops):
                fresh.add(root)
    return fresh


def _plain(order: Sequence[Array], aliases: Collection[Array]) -> set[Array]:
    plain: set[Array] = set()
    for array in order:
        if array not in aliases:
            is_plain = not isinstance(array, Leaf)
        else:
            is_plain = _shown(array) in plain and (not isinstance(array, View) or _keeps_shape(array))
            is_plain = is_plain and not isinstance(array, Row)
        if is_plain:
            plain.add(array)
    return plain


def _keeps_shape(view: View) -> bool:
    return view.sizes == view.base.sizes and view.shows_all


def _unbroken(order: Sequence[Array], aliases: Collection[Array], turned: Collection[Array]) -> set[Array]:
    unbroken: set[Array] = set()
    for array in order:
        if array not in aliases:
            is_unbroken = not isinstance(array, Leaf) or isinstance(array, Initial) or array in turned
        else:
            is_unbroken = _shown(array) in unbroken and (not isinstance(array, View) or array.shows_all)
        if is_unbroken:
            unbroken.add(array)
    return unbroken


def _in_gradient(
    pieces: Sequence[Piece],
    size: int,
    users: Mapping[Array, Sequence[Array]],
    aliases: Collection[Array],
    results: Sequence[Array | float],
) -> dict[Array, Block]:
    """The parts of the gradient that are computed right in it."""
    direct: dict[Array, Block] = {}
    times = Counter(piece.array for piece in pieces)
    covered = np.zeros(size, bool)
    for piece in pieces:
        array, index = piece.array, piece.places.index
        lies = block(index, size)
        if (
            isinstance(array, Apply | Fold | Scatter)
            and lies is not None
            and not covered[index].any()
            and array.axes == piece.axes != ()  # a single number is spread over its places
            and times[array] == 1  # else more may be added to it before it is read for its other places
            and not users[array]
            and array not in aliases
            and (fits_a_view(array) if isinstance(array, Fold) else not (isinstance(array, Scatter) and lies.has_gaps))
            and not any(array is result for result in results)
        ):
            direct[array] = lies
        covered[index] = True
    return direct


def _in_assemblies(
    order: Sequence[Array],
    fillings: Mapping[Array, Filling],
    in_gradient: Collection[Array],
    aliases: Collection[Array],
) -> dict[Array, Home]:
    """The results that are computed right in an assembly."""
    homes: dict[Array, Home] = {}
    for assembly in order:
        if isinstance(assembly, Assembly) and len(assembly.axes) == 1 and fillings[assembly].fills_once:
            for piece in assembly.pieces:
                array = piece.array
                lies = block(piece.places.index, assembly.size) if piece.axes else None
                if (
                    isinstance(array, Apply | Fold | Gather)
                    and lies is not None
                    and not lies.has_gaps
                    and array.axes == piece.axes
                    and array.batched == assembly.batched
                    and array not in homes
                    and array not in in_gradient
                    and array not in aliases
                ):
                    homes[array] = Home(assembly, piece, lies)
    return homes


def _last_uses(
    position: Mapping[Array, int], stored: Mapping[Array, Sequence[Array]], kept: Collection[Array]
) -> dict[Array, int]:
    last = dict(position)
    for array, place in position.items():
        read: list[Array] = list(array.arrays)
        if isinstance(array, Loop):  # to be handed on at the end of an iteration, or kept
            read += [state.next for state in array.states]
            read += [end.of for end in array.ends]
        for operand in read:
            for one in stored[operand]:
                last[one] = max(last[one], place)
    for array in kept:
        for one in stored[array]:
            last[one] = len(position)
    return last


def _moving(
    order: Sequence[Array],
    aliases: Collection[Array],
    memory: Memory,
    fresh: Collection[Array],
    in_assembly: Mapping[Array, Home],
) -> set[Array]:
    moving: set[Array] = {*memory.rows, *memory.histories, *memory.histories.values(), *fresh}
    moving |= {array for array, home in in_assembly.items() if home.assembly in moving}
    for array in order:
        if isinstance(array, Row) or (array in aliases and _shown(array) in moving):
            moving.add(array)
    return moving
