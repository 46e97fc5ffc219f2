"""From an array program that repeats to the same program with loops.

What repeats is found in the list of all arrays (see `finding.py`), after differentiation: so the sweep backwards is one
more loop, and needs no rule of its own. Here each operand of what repeats is classed by what it is in each iteration:
computed in this iteration or in one before, the same in all, a row of what another loop computed, other places of the
same array. Where an operand is none of these, nothing is changed. So a loop computes what the program did before.

The new program is made from the ends of the old one, from left to right. In a loop's body there may be loops.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import reduce
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

from ...engine import primitives as p
from ..arrays.differentiate import Recurrences, pieces_of
from ..arrays.loops import Last, Loop, Row, Stack, State, close, flattened, scope_of
from ..arrays.program import (
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
from ..leaves import THETA
from ..names import Names
from .finding import LEAST_TIMES, OUTSIDE, Steps, Stretch, carried, stretches

if TYPE_CHECKING:
    from ..arrays.program import IntArray

LEAST_SAVED = 30  # lines that loops must save for a program to be written with loops
LEAST_SAVED_EACH = 8  # lines that each of them must save
_FIRST_AXIS = -1_000_000_000  # axes of iterations come before all others, those of outer loops first


def rolled(
    results: Sequence[Array | float],
    slopes: Array | float | None,
    size: int,
    names: Names,
    *,
    has_axes: bool,
) -> tuple[list[Array | float], Array | float | None] | None:
    """Return results and a gradient of so many numbers, computed with loops; None where that saves few lines.

    Args:
        results: the results.
        slopes: the gradient, if any.
        size: how many numbers the gradient has.
        names: the names of the arrays, which those of the new program get too.
        has_axes: whether the program has arrays; else it is one of single numbers.
    """
    pieces = pieces_of(slopes, size) if isinstance(slopes, Array) else []
    beside = [own for end in (*results, slopes) if isinstance(end, Array) for own in end.program.beside.get(end, ())]
    order = needed([*results, *(piece.array for piece in pieces), *beside])
    if len(order) <= LEAST_SAVED:
        return None
    rolling = _Rolling(order[0].program, names, has_axes)
    level = _Level(rolling, order, None)
    if not level.stretches:
        return None
    level.build()
    if not level.has_loops:
        return None
    new_results = [level.new_of(result) for result in results]
    new_slopes = slopes
    if isinstance(slopes, Array):
        new_slopes = rolling.program.assemble((rolling.program.axis(size),), level.merged(pieces))
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
    level = _Level(_Rolling(order[0].program, Names([], {}, []), has_axes), order, None)
    if not level.stretches:
        return Recurrences()
    level.build()
    return level.recurrences()


class _Rolling:
    """The new program, and what all levels share."""

    def __init__(self, old: ArrayProgram, names: Names, has_axes: bool) -> None:
        self.program = old.following()
        self.names = names
        self.has_axes = has_axes
        self.scopes: dict[Array, Loop | None] = {}
        self._axes = _FIRST_AXIS
        self._stacks: dict[tuple[type[Array], Array], Any] = {}

    def axis(self, size: int) -> Axis:
        """Return a new axis of iterations."""
        self._axes += 1
        return Axis(self._axes, size)

    def places(self, rows: Sequence[Any]) -> Any:
        """Return the places of all iterations as one index."""
        if self.has_axes:
            import numpy as np

            return np.stack([np.asarray(row) for row in rows])
        step = rows[1] - rows[0]
        if step > 0 and all(b - a == step for a, b in pairwise(rows)):
            return range(rows[0], rows[-1] + 1, step)
        return tuple(rows)

    def row_places(self, row: int, array: Array) -> Places:
        """Return the places of a row of the stack of an array."""
        if self.has_axes or not array.axes:
            return Places.row_of(row, array.sizes)
        return Places.listed(range(row * array.size, (row + 1) * array.size))

    def table(self, numbers: Sequence[Any], axes: tuple[Axis, ...]) -> Leaf:
        """Return a table of constants, one row for each iteration."""
        if self.has_axes:
            import numpy as np

            rows = np.array(numbers, dtype=float)
            return self.program.table(rows, axes)
        return self.program.add(Leaf(self.program, "", axes, False, tuple(numbers)))  # type: ignore[arg-type]  # a tuple for an array, where there may be no numpy

    def view(self, base: Array, places: Places, axes: tuple[Axis, ...]) -> Array:
        """Return a view."""
        return self.program.entered(View(self.program, base, places, axes), places.key)

    def with_axes(self, array: Array, axes: tuple[Axis, ...]) -> Array:
        """Return an array seen along other axes of the same sizes."""
        if array.axes == axes:
            return array
        return self.view(array, Places.all_of([axis.size for axis in axes]), axes)

    def seen(self, root: Array, views: Sequence[View], axes: tuple[Axis, ...]) -> Array:
        """Return the same views of a root, the last of them along these axes."""
        for view in reversed(views):
            root = self.view(root, view.places, view.axes if view is not views[0] else axes)
        return self.with_axes(root, axes)

    def row(self, loop: Loop, base: Array, start: int, step: int) -> Row:
        """Return what reads rows of an array, one in each iteration."""
        return self.program.entered(Row(loop, base, start, step), (loop, start, step))

    def stack(self, loop: Loop, of: Array) -> Stack:
        """Return what an array was in each iteration."""
        stack: Stack = self._end(Stack, loop, of, "rows")
        return stack

    def last(self, loop: Loop, of: Array) -> Last:
        """Return what an array is in the last iteration."""
        last: Last = self._end(Last, loop, of, "last")
        return last

    def _end(self, kind: Any, loop: Loop, of: Array, purpose: str) -> Any:
        if (kind, of) not in self._stacks:
            made = self._stacks[kind, of] = self.program.add(kind(loop, of))
            self.names.stand_in(made, of, purpose)
        return self._stacks[kind, of]

    def named(self, made: Array, old: Array | float, purpose: str = "") -> None:
        """Give an array the name of what it is made of, if it has none yet."""
        if made is not old and isinstance(old, Array) and made not in self.names.stand_ins:
            self.names.stand_in(made, old, purpose)

    def is_in(self, array: Array, loop: Loop) -> bool:
        """Whether an array is computed in the body of a loop."""
        return scope_of(array, self.scopes) is loop


class _Read(NamedTuple):
    """What a step reads: an operand, the array that it is a view of, and the views, that on top first."""

    operand: Array | float
    root: Array | None
    views: tuple[View, ...]

    @property
    def key(self) -> Hashable:
        """Equal for the same views."""
        return tuple([view.places.key for view in self.views])

    @property
    def identity(self) -> Hashable:
        """Equal for the same numbers of the same array."""
        return repr(self.operand) if self.root is None else (self.root, self.key)

    def where(self) -> Any:
        """Where the numbers lie in the root, of which there is one view."""
        (view,) = self.views
        return view.places.index


class _Window(NamedTuple):
    """The steps that become a loop: of iteration t those from start + t × period on."""

    start: int
    period: int
    times: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.times


class _Built(NamedTuple):
    """A loop, and the steps that it stands for.

    Attributes:
        loop: the loop.
        window: the steps.
        body: what it computes in place of each step of an iteration.
        states: by step of an iteration, and how many iterations ago.
        initials: what the first iterations read in place of each state: by views, how it is read later and at first.
        sources: what the operands of each step are.
    """

    loop: Loop
    window: _Window
    body: list[Array]
    states: dict[tuple[int, int], State]
    initials: Mapping[tuple[int, int], Mapping[Hashable, tuple[_Read, _Read]]]
    sources: Sequence[Sequence[_Source]]


class _Taken(NamedTuple):
    """An operand that is a step of this iteration, or of so many iterations ago."""

    step: int
    ago: int
    reads: list[_Read]


class _Rows(NamedTuple):
    """An operand that is what another loop computed in iteration start + t × pace; or a state, which it began with."""

    built: _Built
    step: int
    of_state: bool
    start: int
    pace: int
    reads: list[_Read]


class _Fixed(NamedTuple):
    """An operand that is the same in each iteration."""

    reads: list[_Read]


class _Moving(NamedTuple):
    """An operand that is at other places of the same array, or another number, or another table of constants."""

    reads: list[_Read]


_Source = _Taken | _Rows | _Fixed | _Moving


class _Level:
    """A list of arrays, in which loops are looked for: the whole program, or the body of a loop."""

    def __init__(self, rolling: _Rolling, arrays: Sequence[Array], parent: Loop | None) -> None:
        self.rolling = rolling
        self.parent = parent
        self.items = [array for array in arrays if not isinstance(array, Leaf | View)]
        self.position = {item: i for i, item in enumerate(self.items)}
        self.reads = [[self._read(operand) for operand in item.operands] for item in self.items]
        self.new: dict[Array, Array] = {}
        self.built: list[_Built] = []
        self._built_at: list[_Built | None] = [None] * len(self.items)
        tokens = _Tokens()
        references = [
            tuple([OUTSIDE if one.root is None else self.position.get(one.root, OUTSIDE) for one in reads])
            for reads in self.reads
        ]
        self.steps = Steps([tokens.of(item) for item in self.items], references)
        self.stretches = stretches(self.steps, LEAST_SAVED_EACH)

    @property
    def has_loops(self) -> bool:
        return bool(self.built)

    def _read(self, operand: Array | float) -> _Read:
        if not isinstance(operand, Array):
            return _Read(operand, None, ())
        views: list[View] = []
        root = operand
        while isinstance(root, View):
            if root.sizes != root.base.sizes or not root.shows_all:  # else it is the same along other axes
                views.append(root)
            root = root.base
        return _Read(operand, root, tuple(views))

    def recurrences(self) -> Recurrences:
        """Return where the loops begin and end."""
        users: dict[Array, list[int]] = {}
        shown: dict[Array, set[Array]] = {}
        for i, reads in enumerate(self.reads):
            for read in reads:
                if read.root is not None and isinstance(read.operand, Array):
                    users.setdefault(read.root, []).append(i)
                    shown.setdefault(read.root, set()).add(read.operand)
        begins: set[Array] = set()
        ends: dict[Array, Array] = {}
        shared: set[Array] = set()
        handed_on: set[Array] = set()
        for built in self.built:
            for source in (source for own in built.sources for source in own):
                shared |= _shared_by(source)
                begins |= _begun_with(source)
            last = built.window.stop - built.window.period
            handed_on |= {self.items[last + step] for step, _ in built.initials}
            for (step, ago), parts in built.initials.items():
                end, before = self.items[last + step], self.items[last - built.window.period + step]
                if ago == 1 and list(parts) == [()] and any(i < last for i in users.get(before, ())):
                    read_later = parts[()][0].operand
                    ends[end] = end
                    if isinstance(read_later, View):
                        ends[end] = end.program.view(end, read_later.places.index, read_later.axes)
        begins |= {root for root, views in shown.items() if isinstance(root, Leaf) and views <= begins}
        return Recurrences(begins, ends, shared, handed_on)

    # ---------------------------------------------------------------- the new program

    def build(self) -> None:
        """Make the new program, from left to right."""
        done = 0
        for stretch in self.stretches:
            windows = [window for window in self._windows(stretch) if window.start >= done]
            window = next((one for one in windows if self._looped(one, done)), None)
            if window is not None:
                self._built_at[window.start : window.stop] = [self.built[-1]] * (window.stop - window.start)
                done = window.stop
        self._emit(done, len(self.items))

    def _emit(self, start: int, stop: int) -> None:
        for i in range(start, stop):
            item = self.items[i]
            if isinstance(item, Assembly) and self.rolling.has_axes:
                self.new[item] = self.rolling.program.assemble(item.axes, self.merged(item.pieces))
                self.rolling.named(self.new[item], item)
            else:
                self.new[item] = self.remade(item, [self.new_of(one) for one in item.operands])

    def new_of(self, array: Array | float) -> Any:
        """Return what stands for an array outside of the loops."""
        if not isinstance(array, Array):
            return array
        if array not in self.new:
            if isinstance(array, View):
                base = self.new_of(array.base)
                made = array if base is array.base else self.rolling.view(base, array.places, array.axes)
            elif array in self.position:
                made = self._after(self.position[array], array.axes)
            elif self.parent is not None:
                return array  # it comes from outside of this level, or is a row or a state
            else:
                made = self._leaf(array)
            self.rolling.named(made, array)
            self.new[array] = made
        return self.new[array]

    def _leaf(self, leaf: Array) -> Array:
        assert isinstance(leaf, Leaf), "the others come before"
        if isinstance(leaf, Initial):
            return self.rolling.program.initial(leaf.numbers, leaf.axes, leaf.batched)
        if leaf.table is not None:
            return self.rolling.program.table(leaf.table, leaf.axes)
        return self.rolling.program.leaf(leaf.name, leaf.axes, leaf.batched)

    def in_a_stack(self, array: Array) -> Array:
        """Return what stands for an item outside of the loops: of a loop's, always a row of a stack."""
        position = self.position[array]
        if self._built_at[position] is None:
            return self.new[array]
        return self._after(position, array.axes, in_a_stack=True)

    def _after(self, position: int, axes: tuple[Axis, ...], *, in_a_stack: bool = False) -> Array:
        """What stands outside for a step of a loop, along these axes."""
        built = self._built_at[position]
        assert built is not None, "other steps are made in order"
        iteration, step = divmod(position - built.window.start, built.window.period)
        read = self._read(built.body[step])
        assert read.root is not None, "a step is an array"
        of, loop = read.root, built.loop
        if not self.rolling.is_in(of, loop):
            root = of
        elif iteration == built.window.times - 1 and not in_a_stack:
            root = self.rolling.last(loop, of)
        else:
            stack = self.rolling.stack(loop, of)
            root = self.rolling.view(stack, self.rolling.row_places(iteration, of), of.axes)
        return self.rolling.seen(root, read.views, axes)

    def remade(self, item: Array, operands: Sequence[Array | float]) -> Array:
        """Return an array like this one, computed from other operands."""
        program = self.rolling.program
        made: Array
        if isinstance(item, Apply):
            batched = any(one.batched for one in operands if isinstance(one, Array))
            made = program.entered(Apply(program, item.primitive, tuple(operands), item.axes, batched), item.primitive)
        elif isinstance(item, Fold):
            (operand,) = operands
            assert isinstance(operand, Array), "what is folded is an array"
            key = item.primitive, item.along, item.over_batch
            made = program.entered(Fold(program, item.primitive, operand, item.along, item.over_batch), key)
        elif isinstance(item, Assembly):
            pairs = zip(item.pieces, operands, strict=True)
            pieces = [piece._replace(array=one) for piece, one in pairs]
            made = program.assemble(item.axes, pieces)
        elif isinstance(item, Gather):
            table, index = operands
            assert isinstance(table, Array), "a table is an array"
            assert isinstance(index, Array), "an index is an input"
            made = program.entered(Gather(program, table, index, item.along), item.along)
        else:
            assert isinstance(item, Scatter), f"there is no loop with {item}"
            count = len(item.numbers)
            gathers = [
                Gather(program, Array(program, (), own.table.axes, own.table.batched), index, own.along)  # type: ignore[arg-type]
                for own, index in zip(item.gathers, operands[count:], strict=True)
            ]
            made = program.add(Scatter(program, tuple(operands[:count]), tuple(gathers), item.batched))
        self.rolling.named(made, item)
        return made

    # ---------------------------------------------------------------- one loop

    def _windows(self, stretch: Stretch) -> Sequence[_Window]:
        """What may become a loop, that with most iterations first; it begins where least is taken over."""
        period = stretch.period
        counts = carried(self.steps, stretch)
        windows = []
        for left, right in sorted(product(range(4), range(4)), key=sum):
            windows.append((stretch.first + left * period, stretch.end - right * period))
        windows.append((stretch.start, stretch.stop))
        chosen = []
        for low, high in windows:
            times, rest = divmod(high - low, period)
            if times >= LEAST_TIMES:
                starts = range(low, low + rest + 1)
                best = min(starts, key=lambda start: counts[(start - stretch.start) % period])
                chosen.append(_Window(best, period, times))
        return list(dict.fromkeys(chosen))

    def _looped(self, window: _Window, done: int) -> bool:
        """Make a loop of these steps, and what comes before it, if it can be one; return whether it can."""
        if not self.rolling.has_axes and any(
            item.axes or not isinstance(item, Apply | Gather)
            for item in self.items[window.start : window.start + window.period]
        ):
            return False  # tables are no single numbers
        if (window.times - 1) * window.period < LEAST_SAVED_EACH:
            return False
        sources: list[list[_Source]] = []
        for step in range(window.period):
            own = []
            for at in range(len(self.reads[window.start + step])):
                source = self._source(window, step, at)
                if source is None:
                    return False
                own.append(source)
            sources.append(own)
        initials = self._initials(window, sources)
        if initials is None:
            return False
        self._emit(done, window.start)
        self._make(window, sources, initials)
        return True

    def _source(self, window: _Window, step: int, at: int) -> _Source | None:
        """What an operand is in each iteration; None if that has no order."""
        start, period, times = window
        reads = [self.reads[start + t * period + step][at] for t in range(times)]
        end = reads[-1]
        position = OUTSIDE if end.root is None else self.position.get(end.root, OUTSIDE)
        if start <= position < window.stop:
            return self._taken(window, reads, position)
        if all(read.identity == end.identity for read in reads):
            return _Fixed(reads)
        roots = [read.root for read in reads]
        are_constants = all(isinstance(root, Leaf) and root.table is not None for root in roots)
        are_places = roots.count(end.root) == len(roots) and all(
            len(read.views) == 1 or end.root is None for read in reads
        )
        if are_constants or are_places:
            is_table = isinstance(end.operand, Array) and bool(end.operand.axes)
            return None if is_table and not self.rolling.has_axes else _Moving(reads)
        return None if None in roots else self._rows(reads)

    def _taken(self, window: _Window, reads: list[_Read], position: int) -> _Taken | None:
        start, period, times = window
        iteration, step = divmod(position - start, period)
        ago = times - 1 - iteration
        key = reads[-1].key
        for t in range(ago, times):
            if reads[t].root is not self.items[start + (t - ago) * period + step] or reads[t].key != key:
                return None
        for read in reads[:ago]:
            if read.root is not None and self.position.get(read.root, OUTSIDE) >= start:
                return None
        return _Taken(step, ago, reads)

    def _rows(self, reads: list[_Read]) -> _Rows | None:
        """What reads rows of another loop; at one end it may read what that loop began with."""
        middle = reads[len(reads) // 2]
        built = self._loop_of(middle)
        if built is None:
            return None
        window = built.window
        places = [
            divmod(self.position[read.root] - window.start, window.period)  # type: ignore[index]  # it is in the loop
            if self._loop_of(read) is built
            else None
            for read in reads
        ]
        known = [(t, place) for t, place in enumerate(places) if place is not None]
        (t0, (i0, step)), (t1, (i1, _)) = known[0], known[-1]
        pace = (i1 - i0) // max(1, t1 - t0)
        first = i0 - pace * t0
        _, begun = built.initials.get((step, 1), {}).get(middle.key, (None, None))
        for t, (read, place) in enumerate(zip(reads, places, strict=True)):
            if place is None:  # what that loop began with
                is_right = first + pace * t == -1 and begun is not None and read.identity == begun.identity
            else:
                is_right = place == (first + pace * t, step) and read.key == middle.key
            if not is_right:
                return None
        if len(known) == len(reads):
            return _Rows(built, step, False, first, pace, reads)
        if any(place == (window.times - 1, step) for place in places):
            return None  # what that loop ended with has been the state in none of its iterations
        return _Rows(built, step, True, first + 1, pace, reads)

    def _loop_of(self, read: _Read) -> _Built | None:
        """The loop that computes what is read, if one does."""
        position = OUTSIDE if read.root is None else self.position.get(read.root, OUTSIDE)
        return None if position == OUTSIDE else self._built_at[position]

    def _initials(
        self, window: _Window, sources: Sequence[Sequence[_Source]]
    ) -> dict[tuple[int, int], dict[Hashable, tuple[_Read, _Read]]] | None:
        """What each state is in the first iterations, by views: how it is read later, and what is read at first.

        None where two reads do not agree.
        """
        initials: dict[tuple[int, int], dict[Hashable, tuple[_Read, _Read]]] = {}
        for own in sources:
            for source in own:
                if isinstance(source, _Taken) and source.ago:
                    for t in range(source.ago):
                        parts = initials.setdefault((source.step, source.ago - t), {})
                        later, first = source.reads[-1], source.reads[t]
                        known = parts.setdefault(later.key, (later, first))
                        if known[1].identity != first.identity:
                            return None
        for (step, _), parts in initials.items():
            state = self.items[window.start + step]
            if isinstance(state, Apply) and state.primitive.keeps_value:
                return None  # it has no memory of its own
            whole = parts.get(())
            if whole is None:
                agree = len(parts) == 1 and all(_is_apart(later) for later, _ in parts.values())
            else:
                agree = all(first is whole[1] or _is_part(first, whole[1], later) for later, first in parts.values())
            if not agree:
                return None
        return initials

    def _make(
        self,
        window: _Window,
        sources: Sequence[Sequence[_Source]],
        initials: dict[tuple[int, int], dict[Hashable, tuple[_Read, _Read]]],
    ) -> None:
        rolling = self.rolling
        loop = Loop(rolling.program, rolling.axis(window.times), self.parent)
        states: dict[tuple[int, int], State] = {}
        for step, ago in sorted(initials):
            like = self.items[window.start + step]
            state = states[step, ago] = rolling.program.add(State(loop, like.axes, like.batched))
            rolling.names.stand_in(state, like, "before" if ago == 1 else f"{ago}_before")
        body: list[Array] = []
        for step in range(window.period):
            item = self.items[window.start + step]
            operands = [
                self._operand(loop, source, read.operand, body, states)
                for source, read in zip(sources[step], self.reads[window.start + step], strict=True)
            ]
            body.append(self.remade(item, operands))
        inner = _Level(rolling, body, loop)
        if inner.stretches:
            inner.build()
        ends = [inner.new_of(body[step]) if inner.has_loops else body[step] for step, _ in states]
        if inner.has_loops:
            body = [inner.in_a_stack(own) for own in body]
        for ((step, ago), state), end in zip(states.items(), ends, strict=True):
            state.next = end if ago == 1 else states[step, ago - 1]
            state.initial = self._initial(state, initials[step, ago])
        rolling.program.add(loop)
        self.built.append(_Built(loop, window, body, states, initials, sources))

    def _initial(self, state: State, parts: dict[Hashable, tuple[_Read, _Read]]) -> Array | float:
        whole = parts.get(())
        first: Array | float
        if whole is not None:
            if isinstance(whole[1].root, Initial):
                return self._constant(whole[1], state)
            first = self.new_of(whole[1].operand)
            first = self.rolling.with_axes(first, state.axes) if isinstance(first, Array) else first
            return first
        pieces: list[Piece] = []
        for later, read in parts.values():
            first = self.new_of(read.operand)
            axes = later.operand.axes if isinstance(later.operand, Array) else ()
            shown = self.rolling.with_axes(first, axes) if isinstance(first, Array) else first
            pieces.append(Piece(shown, axes, Places(later.where())))
        initial: Array = self.rolling.program.assemble(state.axes, pieces)
        return initial

    def _constant(self, read: _Read, state: State) -> Array | float:
        """The constants that a state begins with: one number, if they are the same."""
        assert isinstance(read.root, Initial), "they are constants"
        numbers = read.root.numbers
        for view in reversed(read.views):
            numbers = tuple([numbers[place] for place in view.places.in_a_row()])
        if len(set(map(repr, numbers))) == 1:
            return numbers[0]
        return self.rolling.table(numbers, state.axes)

    def _operand(
        self,
        loop: Loop,
        source: _Source,
        operand: Array | float,
        body: Sequence[Array],
        states: dict[tuple[int, int], State],
    ) -> Array | float:
        """The operand in the body of a loop, along the axes that it has in the first iteration."""
        rolling = self.rolling
        if isinstance(source, _Fixed):
            fixed: Array | float = self.new_of(operand)
            return fixed
        axes = operand.axes if isinstance(operand, Array) else ()
        end = source.reads[-1]
        if isinstance(source, _Taken):
            root: Array = states[source.step, source.ago] if source.ago else body[source.step]
            return rolling.seen(root, end.views if source.ago else source.reads[0].views, axes)
        if isinstance(source, _Rows):
            return self._row(loop, source, axes)
        axis = rolling.axis(loop.times)
        start, step = 0, 1
        first = source.reads[0]
        if first.root is None:
            base: Array = rolling.table([read.operand for read in source.reads], (axis,))
        elif isinstance(first.root, Leaf) and first.root is not end.root:
            base = rolling.table([_numbers(read) for read in source.reads], (axis, *axes))
        else:
            rows = [read.where() for read in source.reads]
            is_backwards = _in_a_row(rows[0])[0] > _in_a_row(rows[-1])[0]
            places = rolling.places(rows[::-1] if is_backwards else rows)
            listed = Places(places) if rolling.has_axes else Places.listed(places)
            base = rolling.view(self.new_of(first.root), listed, (axis, *axes))
            rolling.named(base, operand, "rows")
            if is_backwards:
                start, step = loop.times - 1, -1
        row = rolling.row(loop, base, start, step)
        rolling.named(row, operand)
        return row

    def _row(self, loop: Loop, source: _Rows, axes: tuple[Axis, ...]) -> Array:
        """A row of what another loop computed."""
        rolling, built = self.rolling, source.built
        read = self._read(built.states[source.step, 1] if source.of_state else built.body[source.step])
        assert read.root is not None, "it is an array"
        root = read.root
        if rolling.is_in(root, built.loop):
            of = root
            root = rolling.row(loop, rolling.stack(built.loop, of), source.start, source.pace)
            rolling.names.stand_in(root, of, "t")
        views = source.reads[len(source.reads) // 2].views
        shown = rolling.seen(root, read.views, read.views[0].axes if read.views else root.axes)
        return rolling.seen(shown, views, axes)

    # ---------------------------------------------------------------- pieces of the iterations as one

    def merged(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return pieces in the new program; those of the iterations of a loop become one."""
        groups: dict[Hashable, list[tuple[int, Piece, _Read]]] = {}
        for i, piece in enumerate(pieces):
            read = self._read(piece.array)
            position = self.position.get(read.root, OUTSIDE) if read.root is not None else OUTSIDE
            built = self._built_at[position] if position != OUTSIDE else None
            if built is None or not isinstance(piece.array, Array):
                groups[i] = [(0, piece, read)]
                continue
            iteration, step = divmod(position - built.window.start, built.window.period)
            along = tuple([piece.axes.index(axis) for axis in piece.array.axes])
            sizes = tuple([axis.size for axis in piece.axes])
            groups.setdefault((built.loop, step, read.key, along, sizes), []).append((iteration, piece, read))
        made: list[Piece] = []
        for group in groups.values():
            if len(group) < LEAST_TIMES or not (self.rolling.has_axes or self._is_of_all(group)):
                made += [piece._replace(array=self.new_of(piece.array)) for _, piece, _ in group]
            else:
                made.append(self._merged(group))
        return made

    def _is_of_all(self, group: Sequence[tuple[int, Piece, _Read]]) -> bool:
        """Whether there is one piece of each iteration, in order, of what is computed in the loop itself."""
        built = self._loop_of(group[0][2])
        assert built is not None, "it is a step of a loop"
        iterations = [iteration for iteration, _, _ in group]
        step = (self.position[group[0][2].root] - built.window.start) % built.window.period  # type: ignore[index]
        of = built.body[step]
        return (
            iterations == list(range(built.window.times))
            and self.rolling.is_in(of, built.loop)
            and not isinstance(of, View)
        )

    def _merged(self, group: Sequence[tuple[int, Piece, _Read]]) -> Piece:
        """Pieces of many iterations as one."""
        rolling = self.rolling
        _, piece, read = group[0]
        assert read.root is not None, "it is a step of a loop"
        built = self._built_at[self.position[read.root]]
        assert built is not None, "it is a step of a loop"
        step = (self.position[read.root] - built.window.start) % built.window.period
        inside = self._read(built.body[step])
        loop, of, array = built.loop, inside.root, piece.array
        assert of is not None, "it is an array"
        assert isinstance(array, Array), "it is an array"
        iterations = [iteration for iteration, _, _ in group]
        is_one_place = all(own.places.key == piece.places.key for _, own, _ in group)
        if is_one_place and len(set(iterations)) == loop.times == len(iterations) and rolling.is_in(of, loop):
            shown = rolling.seen(of, inside.views, inside.views[0].axes if inside.views else of.axes)
            total = self._added_up(loop, rolling.seen(shown, read.views, array.axes))
            return piece._replace(array=total)
        if not rolling.has_axes:
            stack = rolling.stack(loop, of)
            listed = Places.listed(rolling.places([own.places.first for _, own, _ in group]))
            return Piece(stack, stack.axes, listed)
        rows = self._rows_of(loop, of, iterations)
        rows = reduce(_seen_through, [*reversed(inside.views), *reversed(read.views)], rows)
        axis = rolling.axis(len(group))
        source = rolling.stack(loop, of) if rolling.is_in(of, loop) else of
        shown = rolling.view(source, Places(rows), (axis, *array.axes))
        places = Places(rolling.places([own.places.index for _, own, _ in group]))
        return Piece(shown, (axis, *piece.axes), places)

    def _rows_of(self, loop: Loop, of: Array, iterations: Sequence[int]) -> IntArray:
        """The places that an array has in some iterations, in the stack of it; the same, if it is not in the loop."""
        import numpy as np

        rows = iterations if self.rolling.is_in(of, loop) else [0] * len(iterations)
        row = np.arange(of.size).reshape(of.sizes)
        return np.array(rows).reshape([-1, *[1] * row.ndim]) * of.size + row

    def _added_up(self, loop: Loop, array: Array) -> Array:
        """The sum of an array over the iterations."""
        rolling = self.rolling
        state = rolling.program.add(State(loop, array.axes, array.batched))
        batched = array.batched
        added = rolling.program.add(Apply(rolling.program, p.add, (state, array), array.axes, batched))
        state.next = added
        rolling.names.stand_in(added, array, "sum")
        rolling.names.stand_in(state, array, "sum_before")
        return rolling.last(loop, added)


def _shared_by(source: _Source) -> set[Array]:
    """An operand that is one and the same array in each iteration."""
    first = source.reads[0].operand
    is_one = isinstance(source, _Fixed) and all(read.operand is first for read in source.reads)
    return {first} if is_one and isinstance(first, Array) else set()


def _begun_with(source: _Source) -> set[Array]:
    """What the first iterations read of leaves, other than the parameters, in place of a state."""
    reads = source.reads[: source.ago] if isinstance(source, _Taken) else ()
    return {
        read.operand
        for read in reads
        if isinstance(read.operand, Array) and isinstance(read.root, Leaf)
        if read.root.table is None and read.root.name != THETA
    }


def _seen_through(rows: IntArray, view: View) -> IntArray:
    """The places of rows of an array that a view shows."""
    return rows.reshape(len(rows), -1)[:, view.places.index]


class _Tokens:
    """What arrays compute, as numbers: two arrays with one number compute the same of their operands."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def of(self, array: Array) -> int:
        """Return the number of what an array computes."""
        seen: dict[Axis, int] = {}

        def along(axes: Sequence[Axis]) -> tuple[int, ...]:
            return tuple([seen.setdefault(axis, len(seen)) for axis in axes])

        operands = tuple(
            [(one.sizes, one.batched, along(one.axes)) if isinstance(one, Array) else None for one in array.operands]
        )
        own: Hashable = None
        if isinstance(array, Apply):
            own = array.primitive
        elif isinstance(array, Fold):
            own = array.primitive, along(array.along), array.over_batch
        elif isinstance(array, Assembly):
            own = tuple([(piece.places.key, along(piece.axes)) for piece in array.pieces])
        elif isinstance(array, Gather):
            own = along([array.along])
        else:
            assert isinstance(array, Scatter), f"there is no token for {array}"
            own = tuple(
                [(along(one.table.axes), along(one.axes), along([one.along]), one.batched) for one in array.gathers]
            )
        key = type(array), own, operands, array.sizes, array.batched, along(array.axes)
        return self._known.setdefault(key, len(self._known))


def _numbers(read: _Read) -> Any:
    """The constants that are read."""
    assert isinstance(read.root, Leaf), "a table is a leaf"
    table: Any = read.root.table
    return table.ravel()[read.where()] if read.views else table


def _is_apart(read: _Read) -> bool:
    """Whether there is one view, which has no number twice: else parts that are put together would be added up."""
    return len(read.views) == 1 and len(set(_in_a_row(read.where()))) == len(_in_a_row(read.where()))


def _in_a_row(index: Any) -> list[int]:
    row: list[int] = [int(index)] if getattr(index, "ndim", 0) == 0 else index.ravel().tolist()
    return row


def _is_part(first: _Read, whole: _Read, later: _Read) -> bool:
    """Whether what is read of a state at first is that part of the whole which is read of it later."""
    if whole.root is None or whole.root is not first.root or {*map(len, (first.views, later.views))} != {1}:
        return whole.root is None and whole.identity == first.identity
    index: Any = later.where()
    expected: Any = whole.where().ravel()[index] if whole.views else index
    return _in_a_row(first.where()) == _in_a_row(expected)
