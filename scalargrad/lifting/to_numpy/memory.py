"""Where what loops compute lies: in rows of what is kept of all iterations, or in the place of what they take over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ..arrays.loops import Loop, Stack, State, depth_of
from ..arrays.program import Apply, Array, Assembly, Fold, Gather, Scatter, View
from .spelling import is_one_line


class Memory(NamedTuple):
    """Where what loops compute lies.

    Attributes:
        histories: the states that are rows of a buffer in whose next row the result is computed that they take over.
        in_place: the states in whose buffer the result is computed that they take over, with that result.
        rows: the arrays that are computed right in a row of a stack, with that.
        copied: the other arrays of which there is a stack, with that.
    """

    histories: dict[Array, Array]
    in_place: dict[Array, Array]
    rows: dict[Array, Stack]
    copied: dict[Array, Stack]

    def leaves_free(self, array: Array, assembly: Array, loops: Sequence[Loop]) -> bool:
        """Whether an array may be computed in an assembly: it is computed as often, and has no other place."""
        placed = {*self.rows, *self.histories.values(), *self.in_place.values()}
        together = all((array in loop.body) == (assembly in loop.body) for loop in loops)
        return together and array not in placed


def memory_of(
    loops: Sequence[Loop],
    position: Mapping[Array, int],
    stored: Mapping[Array, Sequence[Array]],
    without_buffer: Collection[Array],
) -> Memory:
    """Return where what loops compute lies."""
    memory = Memory({}, {}, {}, {})
    read_last: dict[Array, int] = {}
    for array, place in position.items():
        for operand in array.arrays if not isinstance(array, Loop) else ():
            for one in stored[operand]:
                read_last[one] = max(read_last.get(one, 0), place)
    for loop in sorted(loops, key=depth_of):  # where the stack of a stack lies is known first
        inside = {one for one in loop.body if one not in without_buffer and _has_buffer(one)}
        stacks = {end.of: end for end in loop.ends if isinstance(end, Stack)}
        nexts = Counter(state.next for state in loop.states)
        for state in loop.states:
            result = state.next
            if result not in inside or nexts[result] > 1 or isinstance(result, Stack):
                continue
            assert (result.axes, result.batched) == (state.axes, state.batched), "a state is as what it takes over"
            kept = [stacks[one] for one in (state, result) if one in stacks]
            if not kept:
                if nexts[state] == 0 and _may_replace(state, result, read_last.get(state, 0), position[result]):
                    memory.in_place[state] = result
            elif not any(stack in memory.rows for stack in kept):
                memory.histories[state] = result
        in_histories = {*memory.histories, *memory.histories.values()}
        for of, stack in stacks.items():
            if of not in in_histories:
                places = memory.rows if of in inside else memory.copied
                places[of] = stack
    return memory


def _has_buffer(array: Array) -> bool:
    """Whether an array of a body is computed into a buffer, or is what is kept of a loop in it."""
    computed = isinstance(array, Apply | Fold | Assembly | Gather | Scatter | Stack)
    return computed and bool(array.axes or array.batched)


def _may_replace(state: State, result: Array, read_last: int, computed: int) -> bool:
    """Whether the result that a state takes over can be written into the state's buffer: nothing reads that later."""
    if isinstance(result, Assembly):
        return False
    if read_last < computed:
        return True
    return (
        read_last == computed
        and isinstance(result, Apply)
        and state in result.operands
        and all(one is state or state not in _behind(one) for one in result.arrays)
        and is_one_line(result.primitive)
    )


def _behind(array: Array) -> set[Array]:
    """An array and those of which it is a view."""
    behind = {array}
    while isinstance(array, View):
        array = array.base
        behind.add(array)
    return behind
