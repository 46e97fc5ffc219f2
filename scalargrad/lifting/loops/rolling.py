"""From an array program that repeats to the same program with loops.

What repeats is found in the list of all arrays (see `finding.py`), after differentiation: so the sweep backwards is one
more loop, and needs no rule of its own. Here each operand of what repeats is classed by what it is in each iteration:
computed in this iteration or in one before, the same in all, a row of what another loop computed, other places of the
same array. Where an operand is none of these, nothing is changed. So a loop computes what the program did before.

The new program is made from the ends of the old one, from left to right. In a loop's body there may be loops.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..arrays.differentiate import Recurrences, pieces_of
from ..arrays.loops import close, flattened
from ..arrays.program import Array, needed
from ..names import Names
from .level import Level
from .making import NewProgram
from .splitting import Limits

LEAST_SAVED = 30  # lines that loops must save for a program to be written with loops


def rolled(
    results: Sequence[Array | float],
    slopes: Array | float | None,
    size: int,
    names: Names,
    *,
    has_axes: bool,
    limits: Limits | None,
) -> tuple[list[Array | float], Array | float | None] | None:
    """Return results and a gradient of so many numbers, computed with loops; None where that saves few lines.

    Args:
        results: the results.
        slopes: the gradient, if any.
        size: how many numbers the gradient has.
        names: the names of the arrays, which those of the new program get too.
        has_axes: whether the program has arrays; else it is one of single numbers.
        limits: how much may be computed outside of a loop; None if all of it is in the loop.
    """
    pieces = pieces_of(slopes, size) if isinstance(slopes, Array) else []
    beside = [own for end in (*results, slopes) if isinstance(end, Array) for own in end.program.beside.get(end, ())]
    read = [*results, *(piece.array for piece in pieces), *beside]
    order = needed(read)
    if len(order) <= LEAST_SAVED:
        return None
    new = NewProgram(order[0].program, names, has_axes, limits)
    level = Level(new, order, None, read)
    if not level.stretches:
        return None
    level.build()
    if not level.has_loops:
        return None
    new_results = [level.new_of(result) for result in results]
    new_slopes = slopes
    if isinstance(slopes, Array):
        new_slopes = new.program.assemble((new.program.axis(size),), level.merged(pieces))
    ends = [*new_results, *([] if new_slopes is None else [new_slopes])]
    close(ends)
    if len(order) - len(flattened(needed(ends))) < LEAST_SAVED:
        return None
    return new_results, new_slopes


def recurrences(results: Sequence[Array | float], *, has_axes: bool) -> Recurrences:
    """Return where the recurrences of results begin and end that become loops."""
    order = needed(results)
    if len(order) <= LEAST_SAVED:
        return Recurrences()
    level = Level(NewProgram(order[0].program, Names([], {}, []), has_axes, None), order, None, results)
    if not level.stretches:
        return Recurrences()
    level.build()
    return level.recurrences()
