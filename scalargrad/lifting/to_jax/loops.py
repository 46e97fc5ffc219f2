"""Loops in JAX: the function of one iteration, and `lax.scan` or `lax.fori_loop`, which calls it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np

from ..arrays.loops import Last, Loop, Row, Stack
from ..arrays.program import Array, View
from .later import Later, give_stack, kept
from .reading import Reading, Rows
from .spelling import filled, tuple_of

WIDE = 108  # how long a line may become

Entry: TypeAlias = "str | tuple[Entry, ...]"  # an expression, or a tuple of expressions

# The names in a function of one iteration that stand for several arrays: what it takes over, and its rows.
CARRY, ROW = "carry", "row"


class Carried(NamedTuple):
    """What iterations hand on.

    Attributes:
        name: what it is called at the start of an iteration.
        first: the expression for what it is in the first one.
        after: the expression for what it becomes.
        outside: what it is called after the loop; "_" if nothing reads it there.
    """

    name: str
    first: str
    after: str
    outside: str


@dataclass(frozen=True, slots=True)
class Loops:
    """Writes what is around the body of a loop.

    Attributes:
        reading: the expressions for what has been written.
        exact: the arrays that certainly have the precision of the program, where JAX might give them another one.
    """

    reading: Reading
    exact: set[Array]
    _steps: dict[Loop, str] = field(default_factory=dict)  # the names of their functions
    _rows: dict[Loop, dict[str, str]] = field(default_factory=dict)  # what is read of rows: its name in the body

    def begin(self, loop: Loop, later: Later) -> None:
        """Give states and rows their names, where some sums are computed later."""
        names, reading = self.reading.names, self.reading
        self._steps[loop] = names.unused("step_back" if loop.is_backwards else "step")
        for state in loop.states:
            reading.expressions[state] = names.of(state)
            self.exact.add(state)
        rows = self._rows[loop] = {}
        for array in loop.body:
            if isinstance(array, Row) and array not in later.left_out:
                start, step = array.start, array.step
                base = reading.rows_of(array.base)
                picked = base.picked(array.base.axes[0].size, start, step, loop.times)
                picked = picked.upright(is_reversed=loop.is_backwards)
                name = rows.setdefault(picked.text, names.of(array))
                reading.give_rows(array, Rows(name, picked.is_reversed[1:]))

    def lines(self, loop: Loop, body: Sequence[str], later: Later) -> tuple[list[str], dict[Array, str]]:
        """Return the lines of a loop with that body, and the names of rows that are kept; note what the loop gives."""
        reading, names = self.reading, self.reading.names
        stacks = [end for end in loop.ends if isinstance(end, Stack) and end not in later.ends]
        rows_kept = kept(loop, later, reading)
        given = [*(self._stacked(stack).text for stack in stacks), *map(reading.of, rows_kept)]
        stacked = _entry(given, "None")
        carried = self._carried(loop, later)
        rows, step = self._rows.pop(loop), self._steps.pop(loop)
        before = _entry([one.name for one in carried], "_")
        after = _entry([one.after for one in carried], "None")
        outside = _entry([one.outside for one in carried], "_")
        outside = "_" if {*outside} == {"_"} else outside
        row, base = _entry(list(rows.values()), "_"), _entry(list(rows), "None")
        unpacked = [
            *(_spread("", before, f" = {CARRY}") if isinstance(before, tuple) else []),
            *(_spread("", row, f" = {ROW}") if isinstance(row, tuple) else []),
        ]
        unpacked += [""] if unpacked and body[:1] and body[0].startswith("#") else []
        own = before if isinstance(before, str) else CARRY
        read = row if isinstance(row, str) else ROW
        own = CARRY if own == read == "_" else own
        start = _entry([one.first for one in carried], "None")
        if rows or given:
            inside = [f"def {step}({own}, {read}):", *unpacked, *body, *_spread("return ", (after, stacked), "")]
            left: Entry = (outside, _entry([*map(names.of, stacks), *rows_kept.values()], "_"))
            arguments = [step, start, *([base] if rows else [f"length={loop.times}"])]
            call = _call(left, "lax.scan", [*arguments, *["reverse=True"] * loop.is_backwards])
        else:
            inside = [f"def {step}(_, {own}):", *unpacked, *body, *_spread("return ", after, "")]
            call = _call(outside, "lax.fori_loop", ["0", str(loop.times), step, start])
        for stack in stacks:
            is_reversed = loop.is_backwards, *self._stacked(stack).is_reversed
            give_stack(stack, Rows(names.of(stack), is_reversed), reading)
        head, *inside = _with_names_of_results(inside, carried)
        return [head, *(f"    {line}" if line else "" for line in inside), "", *call], rows_kept

    def _stacked(self, stack: Stack) -> Rows:
        """What an iteration gives for a stack."""
        return self.reading.rows.get(stack.of) or Rows(self.reading.of(stack.of), ())

    def _carried(self, loop: Loop, later: Later) -> list[Carried]:
        """What iterations hand on: states, and what is read after the last one."""
        names = self.reading.names
        last = {end.of: end for end in loop.ends if isinstance(end, Last) and end not in later.ends}
        stacked = {end.of for end in loop.ends if isinstance(end, Stack)}
        carried = []
        for state in loop.states:
            if state in later.states:
                continue
            end = last.pop(state.next, None)
            outside = "_" if end is None else self._last(end)
            first, after = (self._exactly(one, state) for one in (state.initial, state.next))
            carried.append(Carried(names.of(state), first, after, outside))
        for of, end in last.items():
            if of in stacked:
                continue  # it is the last row
            first = filled(0.0, of.sizes, of.batched)
            carried.append(Carried("_", first, self._exactly(of, of), self._last(end)))
        return carried

    def _last(self, last: Last) -> str:
        """The name that something has after a loop: the same as in it, if it has one."""
        text = self.reading.of(last.of)
        name = self.reading.expressions[last] = text if text.isidentifier() else self.reading.names.of(last)
        return name

    def _exactly(self, operand: Array | float, like: Array) -> str:
        """An operand with all axes of an array, in the precision of the program."""
        text = self.reading.spread(operand, like.axes, like.batched)
        return text if not isinstance(operand, Array) or operand in self.exact else f"jnp.asarray({text}, theta.dtype)"


def seen(view: View, reading: Reading) -> Rows | None:
    """Return some rows, or one, of what a loop gives, if a view shows just these."""
    rows = reading.rows.get(view.base)
    if rows is None:
        return None
    size, width = view.base.axes[0].size, view.base.size // view.base.axes[0].size
    places = np.asarray(view.places.index)
    first, rest = divmod(int(places.flat[0]), width)
    if rest:
        return None
    row = np.arange(width).reshape(view.base.sizes[1:])
    if places.shape == row.shape and (places == first * width + row).all():
        return rows.row(size, first)
    if places.shape[1:] != row.shape or len(places) < 2:
        return None
    step = int(places[1].flat[0]) // width - first
    if not step or not (places == np.add.outer((first + step * np.arange(len(places))) * width, row)).all():
        return None
    return rows.picked(size, first, step, len(places))


def _with_names_of_results(lines: Sequence[str], carried: Sequence[Carried]) -> list[str]:
    """Lines in which a state has the name of what it becomes, if nothing reads it later."""
    renamed = list(lines)
    results = [one.after for one in carried]
    for state, _, result, _ in carried:
        if not result.isidentifier() or results.count(result) > 1:
            continue
        at = next((i for i, line in enumerate(renamed) if line.startswith(f"{result} = ")), None)
        if at is None or any(map(_has(result), renamed[:at])) or any(map(_has(state), renamed[at + 1 :])):
            continue
        renamed[: at + 1] = [re.sub(rf"\b{state}\b", result, line) for line in renamed[: at + 1]]
    return renamed


def _has(name: str) -> Callable[[str], object]:
    """What says whether a line has a name in it."""
    return re.compile(rf"\b{name}\b").search


# ---------------------------------------------------------------- lines


def _entry(texts: Sequence[str], nothing: str) -> Entry:
    """One expression, or several as a tuple."""
    return tuple(texts) if len(texts) > 1 else texts[0] if texts else nothing


def _text(entry: Entry) -> str:
    return entry if isinstance(entry, str) else tuple_of([_text(one) for one in entry])


def _spread(head: str, entry: Entry, tail: str) -> list[str]:
    """A tuple between two texts, without parentheses; where the line would be too long, an entry in each line."""
    text = _text(entry)
    bare = text if isinstance(entry, str) else text[1:-1]
    if isinstance(entry, str) or len(head) + len(bare) + len(tail) <= WIDE:
        return [f"{head}{bare}{tail}"]
    return [f"{head}(", *_inside(entry), f"){tail}"]


def _inside(entries: Sequence[Entry]) -> list[str]:
    """The lines between parentheses, an entry in each."""
    lines = []
    for entry in entries:
        text = _text(entry)
        own = [f"{text},"] if isinstance(entry, str) or len(text) < WIDE - 8 else ["(", *_inside(entry), "),"]
        lines += [f"    {line}" for line in own]
    return lines


def _call(left: Entry, function: str, arguments: Sequence[Entry]) -> list[str]:
    """The lines of a call whose result is unpacked."""
    text = ", ".join(map(_text, arguments))
    unpacked = left if isinstance(left, str) else _text(left)[1:-1]
    if len(unpacked) + len(function) + len(text) + 5 <= WIDE:
        return [f"{unpacked} = {function}({text})"]
    return [*_spread("", left, f" = {function}("), *_inside(arguments), ")"]
