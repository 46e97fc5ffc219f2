"""Loops in numpy: `for t in range(T)`, with rows of arrays for what is read of other iterations."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from ..arrays.loops import Last, Loop, Row, Stack, State
from ..arrays.program import Array, Assembly
from . import spelling
from .buffers import Buffers
from .groups import shape_of
from .plan import Plan
from .text import Section, Text
from .views import Views


@dataclass(frozen=True, slots=True)
class Loops:
    """Writes what is around the body of a loop: its beginning and its end, states and rows."""

    plan: Plan
    text: Text
    views: Views
    buffers: Buffers
    _outer: list[list[str]] = field(default_factory=list)  # the lines around the bodies that are being written
    _counters: dict[Loop, str] = field(default_factory=dict)
    _bases: dict[Row, str] = field(default_factory=dict)
    _memory: dict[Array, str] = field(default_factory=dict)  # what has a row for each iteration

    def begin(self, loop: Loop) -> None:
        """Write what comes before a loop; from then on lines are in its body."""
        for array in loop.body:
            if isinstance(array, Row):
                self._bases[array] = self._base(array)
        self._counters[loop] = self.text.names.unused("t")
        for state in loop.states:
            self._begin_state(state)
        for end in loop.ends:
            if isinstance(end, Stack):
                self._begin_stack(end)
        self._outer.append(self.text.run)
        self.text.run = []
        for state in loop.states:
            if state in self.plan.memory.histories:
                name = self.views.expressions[state] = self.text.names.of(state)
                self.text.run.append(f"{name} = {self._memory[state]}[{self._place(loop, 0, 1)}]")
            self.keep(state)

    def end(self, loop: Loop) -> None:
        """Write what an iteration hands on, and the line above its body; from then on lines are behind the loop."""
        self._hand_on(loop)
        body, self.text.run = self.text.run, self._outer.pop()
        self.text.run.append(loop.header(self._counters[loop]))
        self.text.run += [f"    {line}" if line else "" for line in body]
        for end in loop.ends:
            if isinstance(end, Last):
                self.views.expressions[end] = self.views.expressions[end.of]

    def write_row(self, row: Row) -> None:
        """Write a row as a name for it."""
        name = self.views.expressions[row] = self.text.names.of(row)
        self.text.run.append(f"{name} = {self._bases[row]}[{self._place(row.loop, row.start, row.step)}]")

    def keep(self, array: Array) -> None:
        """Write a copy into the stack of an array that is not computed in it."""
        stack = self.plan.memory.copied.get(array)
        if stack is not None:
            row = f"{self._memory[stack]}[{self._place(stack.loop, 0, 1)}]"
            self.text.run.append(f"{row} = {self.views.aligned(array, stack.axes[1:], stack.batched)}")

    def _place(self, loop: Loop, start: int, step: int) -> str:
        """The row start + step × t in iteration t, which a loop that goes backwards counts from the end."""
        return loop.place(self._counters[loop], start, step)

    # ---------------------------------------------------------------- memory

    def _base(self, row: Row) -> str:
        """The name of the array of which a body reads rows."""
        base = self.views.variant(row.base)
        if not base.isidentifier():  # it is a view of an argument, which is another array at each call
            name = self.text.names.of(row.base)
            self.text.run.append(f"{name} = {base}")
            base = self.views.expressions[row.base] = name
        return base

    def _begin_state(self, state: State) -> None:
        """Write what a state is in the first iteration."""
        initial = self.views.aligned(state.initial, state.axes, state.batched)
        if not (state.axes or state.batched):
            name = self.views.expressions[state] = self.text.names.of(state)
            self.text.run.append(f"{name} = {initial}")
            return
        if state in self.plan.memory.histories:
            result = self.plan.memory.histories[state]
            shape = shape_of(state.axes, state.batched, rows=state.loop.times + 1)
            name = self.text.bind_buffer(self.text.names.of(result, "history"), shape, self._constant(result))
            self._memory[state] = name
            self.buffers.rows[result] = lambda: f"{name}[{self._place(state.loop, 1, 1)}]"
            first = f"{name}[0]"
        else:
            result = self.plan.memory.in_place.get(state, state)
            name = self.text.bind_buffer(self.text.names.of(result), shape_of(state.axes, state.batched))
            self.views.expressions[state] = self.buffers.in_place[result] = name
            first = name
        if isinstance(state.initial, Array):
            self.text.run.append(f"np.copyto({first}, {initial})")
        else:
            self.text.run.append(f"{first}.fill({initial})")

    def _begin_stack(self, stack: Stack) -> None:
        """Give a stack its memory: its own, or a row of the stack of an outer loop, or a part of a history."""
        if stack in self.plan.memory.rows:
            self._memory[stack] = self.buffers.taken(stack)
        else:
            name = self.text.names.of(stack)
            if stack.of in self.plan.memory.histories:
                self.text.bind(name, f"{self._memory[stack.of]}[:-1]", Section.VIEWS)
            elif stack.of in self.plan.memory.histories.values():
                state = next(one for one, result in self.plan.memory.histories.items() if result is stack.of)
                self.text.bind(name, f"{self._memory[state]}[1:]", Section.VIEWS)
            else:
                shape = shape_of(stack.axes, stack.batched)
                self.text.bind_buffer(name, shape, self._constant(stack.of))
            self._memory[stack] = self.views.expressions[stack] = name
        if stack.of in self.plan.memory.rows:
            self.buffers.rows[stack.of] = lambda: f"{self._memory[stack]}[{self._place(stack.loop, 0, 1)}]"

    def _constant(self, array: Array) -> str | None:
        """The number that stays in an assembly from call to call, as text."""
        constant = self.plan.fillings[array].constant if isinstance(array, Assembly) else None
        return None if constant is None else spelling.literal(constant)

    def _hand_on(self, loop: Loop) -> None:
        """Write the copies of results into states that do not have their memory in common."""
        numbers: list[tuple[str, str]] = []
        placed = {*self.plan.memory.histories, *self.plan.memory.in_place}
        states = [one for one in loop.states if one not in placed]
        for state in sorted(states, key=attrgetter("age"), reverse=True):  # before what they take over is changed
            after = self.views.aligned(state.next, state.axes, state.batched)
            if state.axes or state.batched:
                self.text.run.append(f"np.copyto({self.views.expressions[state]}, {after})")
            else:
                numbers.append((self.views.expressions[state], after))
        if numbers:
            left, right = (", ".join(part) for part in zip(*numbers, strict=True))
            self.text.run.append(f"{left} = {right}")
