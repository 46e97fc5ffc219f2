"""Loops in array programs: arrays that are computed again and again, each time from the ones before.

    Loop     computes the arrays of its body so many times
    State    in a body: what an iteration takes over from the one before, and the first from outside
    Row      in a body: one row, for each iteration another, of an array whose first axis is that of the iterations
    Stack    outside: the numbers that an array of the body had in each iteration, along the loop's axis
    Last     outside: the numbers that an array of the body has after the last iteration

A body is written once, in the classes of `program.py` and those above. It may read any array from outside, which is
then the same in each iteration. It may have loops in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from .program import Array, ArrayProgram, Axis


class Loop(Array):
    """So many iterations of a body.

    Its operands are the arrays from outside that the body reads, so that it comes after them in a program.

    Attributes:
        times: how many iterations there are.
        axis: the axis of the iterations, in stacks.
        parent: the loop in whose body it is, if any.
        states: what iterations take over.
        body: what an iteration computes, operands first: arrays, rows, and loops with their stacks.
        ends: the stacks and last arrays that are read.
    """

    __slots__ = ("axis", "body", "ends", "parent", "states", "times")

    def __init__(self, program: ArrayProgram, axis: Axis, parent: Loop | None) -> None:
        super().__init__(program, (), (), False)
        self.axis = axis
        self.times = axis.size
        self.parent = parent
        self.states: list[State] = []
        self.body: list[Array] = []
        self.ends: list[Stack | Last] = []

    @property
    def is_backwards(self) -> bool:
        """Whether most rows are read from the last to the first: a text may count its iterations down."""
        steps = [array.step for array in self.body if isinstance(array, Row)]
        return sum(step < 0 for step in steps) > sum(step > 0 for step in steps)

    def header(self, counter: str) -> str:
        """Return the line of Python above the body."""
        iterations = f"range({self.times})"
        return f"for {counter} in {f'reversed({iterations})' if self.is_backwards else iterations}:"

    def place(self, counter: str, start: int, step: int) -> str:
        """Return start + step × t of iteration t as text, where a loop that goes backwards counts down."""
        if self.is_backwards:
            start, step = start + step * (self.times - 1), -step
        if step < 0:
            return f"{start} - {counter if step == -1 else f'{-step} * {counter}'}"
        moving = counter if step == 1 else f"{step} * {counter}"
        return f"{moving} {'+' if start > 0 else '-'} {abs(start)}" if start else moving


class State(Array):
    """What an iteration takes over: `initial` in the first one, and what `next` was in the one before in the others.

    `initial` comes from outside; it may be a number, lack axes or be the same for all examples. `next` may be another
    state: that is what an iteration takes over from the one before the last.
    """

    __slots__ = ("initial", "loop", "next")

    def __init__(self, loop: Loop, axes: tuple[Axis, ...], batched: bool) -> None:
        super().__init__(loop.program, (), axes, batched)
        self.loop = loop
        self.initial: Array | float = 0.0
        self.next: Array = self

    @property
    def age(self) -> int:
        """From how many iterations ago it is."""
        age, state = 1, self.next
        while isinstance(state, State):
            age, state = age + 1, state.next
        return age


class Row(Array):
    """Row start + step × t of an array in iteration t, counted from 0; the first axis of the array is not one of it."""

    __slots__ = ("base", "loop", "start", "step")

    def __init__(self, loop: Loop, base: Array, start: int, step: int) -> None:
        super().__init__(loop.program, (base,), base.axes[1:], base.batched)
        self.loop = loop
        self.base = base
        self.start = start
        self.step = step


class Stack(Array):
    """What an array of a body, or a state, was in each iteration; row t is of iteration t."""

    __slots__ = ("loop", "of")

    def __init__(self, loop: Loop, of: Array) -> None:
        super().__init__(loop.program, (loop,), (loop.axis, *of.axes), of.batched)
        self.loop = loop
        self.of = of


class Last(Array):
    """What an array of a body is in the last iteration."""

    __slots__ = ("loop", "of")

    def __init__(self, loop: Loop, of: Array) -> None:
        super().__init__(loop.program, (loop,), of.axes, of.batched)
        self.loop = loop
        self.of = of


def flattened(arrays: Iterable[Array]) -> list[Array]:
    """Return arrays in order, each loop after its states and the arrays of its body."""
    flat: list[Array] = []
    pending = list(arrays)[::-1]
    entered: set[Array] = set()
    while pending:
        array = pending.pop()
        if isinstance(array, Loop) and array not in entered:
            entered.add(array)
            flat += array.states
            pending += [array, *reversed(array.body)]
        else:
            flat.append(array)
    return flat


def scope_of(array: Array, known: dict[Array, Loop | None]) -> Loop | None:
    """Return the innermost loop in whose body an array is; `known` has those of arrays that were looked at."""
    pending = [array]
    while pending:
        one = pending[-1]
        if one in known:
            pending.pop()
        elif isinstance(one, State | Row):
            known[one] = one.loop
        elif isinstance(one, Loop):
            known[one] = one.parent
        elif isinstance(one, Stack | Last):
            known[one] = one.loop.parent
        else:
            waiting = [operand for operand in one.arrays if operand not in known]
            pending += waiting
            if not waiting:
                known[one] = max((known[operand] for operand in one.arrays), key=depth_of, default=None)
    return known[array]


def depth_of(loop: Loop | None) -> int:
    """Return how many loops there are around an array in this one."""
    depth = 0
    while loop is not None:
        depth, loop = depth + 1, loop.parent
    return depth


def close(ends: Iterable[Array | float]) -> None:
    """Give each loop that the ends need its body, its states and its operands: what they need, and nothing else."""
    reached: set[Array] = set()
    pending = [end for end in ends if isinstance(end, Array)]
    while pending:
        array = pending.pop()
        if array not in reached:
            reached.add(array)
            pending += array.arrays
            if isinstance(array, State):
                pending += [array.next, array.loop]
                if isinstance(array.initial, Array):
                    pending.append(array.initial)
            elif isinstance(array, Stack | Last):
                pending.append(array.of)
    scopes: dict[Array, Loop | None] = {}
    in_order = sorted(reached, key=attrgetter("number"))
    loops = [array for array in in_order if isinstance(array, Loop)]
    for array in in_order:
        loop = scope_of(array, scopes)
        if isinstance(array, Stack | Last):
            array.loop.ends.append(array)
        if loop is not None and isinstance(array, State):
            loop.states.append(array)
        elif loop is not None:
            loop.body.append(array)
    for loop in sorted(loops, key=depth_of, reverse=True):  # the operands of inner loops are known first
        loop.body.sort(key=_order)
        read = [operand for array in loop.body for operand in array.arrays]
        read += [state.initial for state in loop.states if isinstance(state.initial, Array)]
        read += [state.next for state in loop.states]
        outside = dict.fromkeys(operand for operand in read if scopes[operand] is not loop)
        loop.operands = loop.arrays = tuple(outside)


_order = attrgetter("number")
