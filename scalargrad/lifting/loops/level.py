"""A list of arrays that is searched for loops: the whole program, or the body of a loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, product
from typing import Any

from ...engine import primitives as p
from ..arrays.differentiate import Recurrences
from ..arrays.loops import Loop, State
from ..arrays.program import Apply, Array, Assembly, Axis, Gather, Leaf, Piece, Places, View
from .finding import LEAST_TIMES, OUTSIDE, Steps, Stretch, carried, stretches
from .making import NewProgram
from .operands import Operands
from .pieces import Pieces
from .reading import (
    Built,
    Known,
    Moving,
    Read,
    Rows,
    Source,
    Taken,
    Window,
    begun_with,
    present,
    read_of,
    shared_by,
)
from .sources import Sources
from .splitting import StepReads, When, parts
from .tokens import Tokens

LEAST_SAVED_EACH = 8  # lines that each loop must save
SEVERAL = 4  # periods that an iteration may have


class Level:
    """Makes the new program from such a list, from left to right.

    Args:
        new: the new program.
        arrays: the list.
        parent: the loop in whose body they are, if any.
        ends: what is read of them after all of them.
    """

    def __init__(
        self, new: NewProgram, arrays: Sequence[Array], parent: Loop | None, ends: Iterable[Array | float] = ()
    ) -> None:
        self._new, self._parent = new, parent
        self._known = known = Known(arrays)
        self._sources = Sources(known, has_axes=new.has_axes)
        self._operands = Operands(known, new, self.new_of)
        self._pieces = Pieces(known, new, self.new_of)
        self._made: dict[Array, Array] = {}
        tokens = Tokens()
        references = [tuple([known.where(one.root) for one in reads]) for reads in known.reads]
        self._ends = {known.where(read_of(end).root) for end in ends}
        self._steps = Steps([tokens.of(item) for item in known.items], references)
        self.stretches = stretches(self._steps, LEAST_SAVED_EACH)

    @property
    def has_loops(self) -> bool:
        """Whether some of the steps have become loops."""
        return bool(self._known.built)

    def merged(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return pieces in the new program; those of the iterations of a loop become one."""
        return self._pieces.merged(pieces)

    def recurrences(self) -> Recurrences:
        """Return where the loops begin and end."""
        users: dict[Array, list[int]] = {}
        shown: dict[Array, set[Array]] = {}
        for i, reads in enumerate(self._known.reads):
            for read in reads:
                if read.root is not None and isinstance(read.operand, Array):
                    users.setdefault(read.root, []).append(i)
                    shown.setdefault(read.root, set()).add(read.operand)
        begins: set[Array] = set()
        ends: dict[Array, Array] = {}
        shared: set[Array] = set()
        handed_on: set[Array] = set()
        for built in self._known.built:
            for source in (source for own in built.sources for source in own):
                shared |= shared_by(source)
                begins |= begun_with(source)
            last = built.window.stop - built.window.period
            handed_on |= {self._known.items[last + step] for step, _ in built.initials}
            for (step, ago), read_first in built.initials.items():
                end, before = self._known.items[last + step], self._known.items[last - built.window.period + step]
                if ago == 1 and list(read_first) == [()] and any(i < last for i in users.get(before, ())):
                    read_later = read_first[()][0].operand
                    ends[end] = end
                    if isinstance(read_later, View):
                        ends[end] = end.program.view(end, read_later.places.index, read_later.axes)
        begins |= {root for root, views in shown.items() if isinstance(root, Leaf) and views <= begins}
        return Recurrences(begins, ends, shared, handed_on)

    def build(self) -> None:
        """Make the new program, from left to right."""
        done = 0
        for stretch in self.stretches:
            stop = self._looped_in(stretch, done)
            for part in self._reading_alike(stretch) if stop is None else ():
                done = self._looped_in(part, done) or done
            done = stop or done
        self._emit(done, len(self._known.items))

    def _looped_in(self, stretch: Stretch, done: int) -> int | None:
        """Make a loop of most of a stretch, and what comes before it; return where it ends, None if there is none."""
        tried = [window for several in range(1, 1 + SEVERAL) for window in self._windows(stretch, several)]
        windows = [window for window in dict.fromkeys(tried) if window.start >= done]
        return next((window.stop for window in windows if self._looped(window, done)), None)

    def _reading_alike(self, stretch: Stretch) -> Iterator[Stretch]:
        """The parts of a stretch in which each iteration reads results of the same loops, as where sums go on."""
        period = stretch.period
        begun = range(stretch.first, stretch.end - period + 1, period)
        for _, part in groupby(begun, key=lambda start: self._loops_read(start, start + period)):
            starts = list(part)
            low, high = starts[0], starts[-1] + period
            if len(starts) >= LEAST_TIMES and high - low < stretch.end - stretch.first:
                yield Stretch(low, low, high, high, period)

    def _loops_read(self, start: int, stop: int) -> list[tuple[Loop, int] | None]:
        """What some steps read of loops: for each operand the loop and its step."""
        places = [self._known.place(read.root) for reads in self._known.reads[start:stop] for read in reads]
        return [None if place is None else (place.built.loop, place.step) for place in places]

    def _emit(self, start: int, stop: int) -> None:
        for i in range(start, stop):
            item = self._known.items[i]
            if isinstance(item, Assembly) and self._new.has_axes:
                self._made[item] = self._new.program.assemble(item.axes, self.merged(item.pieces))
                self._new.named(self._made[item], item)
            else:
                self._made[item] = self._new.remade(item, [self.new_of(one) for one in item.operands])

    def new_of(self, array: Array | float) -> Any:
        """Return what stands for an array outside of the loops."""
        if not isinstance(array, Array):
            return array
        if array not in self._made:
            if isinstance(array, View):
                base = self.new_of(array.base)
                made = array if base is array.base else self._new.view(base, array.places, array.axes)
            elif array in self._known.position:
                made = self._after(array, array.axes)
            elif self._parent is not None:
                return array  # it comes from outside of this level, or is a row or a state
            else:
                assert isinstance(array, Leaf), "the others come before"
                made = self._new.leaf(array)
            self._new.named(made, array)
            self._made[array] = made
        return self._made[array]

    def in_a_stack(self, array: Array) -> Array:
        """Return what stands for an item outside of the loops: of a loop's, always a row of a stack."""
        if self._known.place(array) is None:
            return self._made[array]
        return self._after(array, array.axes, in_a_stack=True)

    def _after(self, array: Array, axes: tuple[Axis, ...], *, in_a_stack: bool = False) -> Array:
        """What stands outside for a step of a loop, along these axes."""
        place = self._known.place(array)
        assert place is not None, "other steps are made in order"
        of, loop, iteration = place.read.root, place.built.loop, place.iteration
        assert of is not None, "a step is an array"
        if place.is_whole:
            root = self._new.view(of, Places.row_of(iteration, of.sizes[1:]), of.axes[1:])
        elif not self._new.is_in(of, loop):
            root = of
        elif iteration == loop.times - 1 and not in_a_stack:
            root = self._new.last(loop, of)
        else:
            stack = self._new.stack(loop, of)
            root = self._new.view(stack, self._new.row_places(iteration, of), of.axes)
        return self._new.seen(root, place.read.views, axes)

    def _windows(self, stretch: Stretch, several: int) -> Sequence[Window]:
        """What may become a loop, that with most iterations first; it begins where least is taken over.

        An iteration has `several` periods, as where it adds up as many results of an iteration of another loop.
        """
        period = several * stretch.period
        counts = carried(self._steps, stretch)
        windows = []
        for left, right in sorted(product(range(4), range(4)), key=sum):
            windows.append((stretch.first + left * period, stretch.end - right * period))
        windows.append((stretch.start, stretch.stop))
        chosen = []
        for low, high in windows:
            times, rest = divmod(high - low, period)
            if times >= LEAST_TIMES:
                starts = range(low, low + rest + 1)
                best = min(starts, key=lambda start: counts[(start - stretch.start) % stretch.period])
                chosen.append(Window(best, period, times))
        return list(dict.fromkeys(chosen))

    def _looped(self, window: Window, done: int) -> bool:
        """Make a loop of these steps, and what comes before it, if it can be one; return whether it can."""
        if not self._new.has_axes and any(
            item.axes or not isinstance(item, Apply | Gather)
            for item in self._known.items[window.start : window.start + window.period]
        ):
            return False  # tables are no single numbers
        if (window.times - 1) * window.period < LEAST_SAVED_EACH:
            return False
        sources = self._sources.of_all(window)
        initials = None if sources is None else self._sources.initials(window, sources)
        if sources is None or initials is None:
            return False
        self._emit(done, window.start)
        make = self._summed if self._is_sum(window, sources) else self._make
        make(window, sources, initials)
        return True

    def _is_sum(self, window: Window, sources: Sequence[Sequence[Source]]) -> bool:
        """Whether an iteration does nothing but add rows to a state, of which only the last is read elsewhere."""
        if not self._new.has_axes or self._parent is not None:
            return False
        read = self._ends.union(*self._steps.references[window.stop :])
        return read.isdisjoint(range(window.start, window.stop - 1)) and all(
            self._adds(self._known.items[window.start + step], own, (step - 1, 0) if step else (window.period - 1, 1))
            for step, own in enumerate(sources)
        )

    def _adds(self, item: Array, sources: Sequence[Source], before: tuple[int, int]) -> bool:
        """Whether a step adds a row to what a step has computed, or subtracts it, both along all of its axes."""
        totals = [
            source
            for source in sources
            if isinstance(source, Taken) and (source.step, source.ago) == before and not source.reads[-1].views
        ]
        rows = [
            operand
            for source, operand in zip(sources, item.operands, strict=True)
            if isinstance(source, Rows | Moving)
            and isinstance(operand, Array)
            and (operand.axes, operand.batched) == (item.axes, item.batched)
            and self._operands.has_rows(source)
        ]
        is_added = isinstance(item, Apply) and (
            item.primitive is p.add or (item.primitive is p.subtract and rows == [item.operands[1]])
        )
        return is_added and len(totals) == len(rows) == 1

    def _summed(
        self,
        window: Window,
        sources: Sequence[Sequence[Source]],
        initials: Mapping[tuple[int, int], Mapping[Hashable, tuple[Read, Read]]],
    ) -> None:
        """Add up all rows at once."""
        loop = Loop(self._new.program, self._new.axis(window.times), None)
        making = Built(loop, window, [], {}, initials, sources, {})
        (parts,) = initials.values()
        ((_, begun),) = parts.values()
        total: Array | float = self.new_of(begun.operand)
        for step, own in enumerate(sources):
            item = self._known.items[window.start + step]
            assert isinstance(item, Apply), "it adds or subtracts"
            for source, operand in zip(own, item.operands, strict=True):
                if not isinstance(source, Taken):
                    rows = self._operands.whole_operand(making, source, operand)
                    assert isinstance(rows, Array), "there is one for each iteration"
                    total = self._new.program.apply(item.primitive, [total, self._pieces.sum_of_rows(rows)])
        end = self._known.items[window.stop - 1]
        assert isinstance(total, Array), "rows are arrays"
        self._new.named(total, end)
        self._made[end] = total

    def _make(
        self,
        window: Window,
        sources: Sequence[Sequence[Source]],
        initials: Mapping[tuple[int, int], Mapping[Hashable, tuple[Read, Read]]],
    ) -> None:
        """Make a loop of some steps."""
        new = self._new
        loop = Loop(new.program, new.axis(window.times), self._parent)
        states: dict[tuple[int, int], State] = {}
        for step, ago in sorted(initials):
            like = self._known.items[window.start + step]
            state = states[step, ago] = new.program.add(State(loop, like.axes, like.batched))
            new.names.stand_in(state, like, "before" if ago == 1 else f"{ago}_before")
        chosen = self._parts(window, sources)
        making = Built(loop, window, [], states, initials, sources, {})
        for step, part in enumerate(chosen):
            if part is When.AFTER:
                making.body.append(None)
            elif part is When.BEFORE:
                making.body.append(self._before(making, step))
            else:
                making.body.append(self._operands.inside(making, step))
        handed_on = self._handed_on(making, [part is When.INSIDE for part in chosen])
        for ((step, ago), state), end in zip(states.items(), handed_on, strict=True):
            state.next = end if ago == 1 else states[step, ago - 1]
            state.initial = self._operands.initial(state, initials[step, ago])
        new.program.add(loop)
        for step, part in enumerate(chosen):
            if part is When.AFTER:
                made = making.whole[step] = self._operands.whole(making, step)
                assert made.axes[:1] == (loop.axis,), "it depends on a state"
        self._known.add(making)

    def _before(self, making: Built, step: int) -> Array:
        """What a body reads of a step that is computed before it: a row, or what is the same in all iterations."""
        made = self._operands.whole(making, step)
        if made.axes[:1] != (making.loop.axis,):
            return made
        making.whole[step] = made
        row = self._new.row(making.loop, made, 0, 1)
        self._new.names.stand_in(row, made, "t")
        return row

    def _handed_on(self, making: Built, is_inside: Sequence[bool]) -> list[Array]:
        """What an iteration hands on, after loops have been made of what repeats in it."""
        handed_on = [present(making.body[step]) for step, _ in making.states]
        inside = [present(own) for own, is_own in zip(making.body, is_inside, strict=True) if is_own]
        inner = Level(self._new, inside, making.loop)
        if inner.stretches:
            inner.build()
        if not inner.has_loops:
            return handed_on
        assert len(inside) == len(making.body), "a loop with others in it is not split"
        making.body[:] = [inner.in_a_stack(own) for own in inside]
        return [inner.new_of(own) for own in handed_on]

    def _parts(self, window: Window, sources: Sequence[Sequence[Source]]) -> list[When]:
        """Where each step is computed: in the loop or, of an outer one without others in it, before or after it."""
        first, period = window.start, window.period
        positions = range(first, first + period)
        own = Steps(
            [self._steps.tokens[i] for i in positions],
            [
                tuple([one - first if one in positions else OUTSIDE for one in self._steps.references[i]])
                for i in positions
            ],
        )
        if self._new.limits is None or self._parent is not None or stretches(own, LEAST_SAVED_EACH):
            return [When.INSIDE] * period
        reads = [
            StepReads(
                {one.step for one in own if isinstance(one, Taken) and not one.ago},
                {one.step for one in own if isinstance(one, Taken) and one.ago},
            )
            for own in sources
        ]
        return parts([self._known.items[i] for i in positions], reads, window.times, self._new.limits)
