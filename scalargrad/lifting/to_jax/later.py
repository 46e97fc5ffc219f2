"""Sums over the examples that no iteration of a loop reads: they are taken after it, of all iterations at once.

So the gradient of weights that all steps share is one product of matrices. Where the examples lie on several devices,
these then add up once, and not in each iteration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from ...engine import primitives as p
from ...engine.declaration import Primitive
from ..arrays.loops import Last, Loop, Row, Stack, State
from ..arrays.program import Apply, Array, Axis, Fold, View
from . import spelling
from .folds import folded
from .reading import Reading, Rows

_OF_SUMS = (p.add, p.subtract, p.negative)  # a sum of their results is the same of sums of their operands
_BY_NUMBERS = (p.multiply, p.divide)  # so it is of these, if one operand is the same in each iteration


class Term(NamedTuple):
    """A sum, added or subtracted, and what it is made of, operands first."""

    primitive: Primitive
    array: Array
    parts: list[Array]


class Later(NamedTuple):
    """What is computed after a loop.

    Attributes:
        ends: what is read of the loop, with the terms of its sum: a stack of each iteration's, others of all.
        states: those in which terms would be added up in the iterations.
        factors: what the sums are taken of, and so has to be kept of each iteration.
        left_out: what no iteration has to compute.
    """

    ends: dict[Stack | Last, list[Term]]
    states: set[State]
    factors: dict[Array, None]
    left_out: set[Array]


def later_than(loop: Loop, users: Mapping[Array, Sequence[Array]], summed: set[Array]) -> Later:
    """Return what is computed after a loop, given what reads each array, and products that only sums read."""
    body, later = {*loop.body, *loop.states}, Later({}, set(), {}, set())
    results = {state.next for state in loop.states}
    for end in loop.ends:
        if isinstance(end, Stack) and end.of not in results and all(user is loop for user in users[end.of]):
            parts = _parts(end.of, body, users)
            if parts is not None:
                later.ends[end] = [Term(p.add, end.of, parts)]
                later.left_out.update(parts)
    for state in loop.states:
        ends = [end for end in loop.ends if end.of is state.next]
        terms = None if any(isinstance(end, Stack) for end in ends) else _terms(state, body, users)
        if terms is not None:
            later.ends.update(dict.fromkeys(ends, terms[0]))
            later.states.add(state)
            later.left_out.update([*terms[1], *(part for term in terms[0] for part in term.parts)])
    products = {operand for array in later.left_out if isinstance(array, Fold) for operand in array.arrays} & summed
    for array in sorted({*later.left_out, *products}, key=attrgetter("number")):
        if array in products or (isinstance(array, Fold) and array.operand not in products):
            later.factors.update(dict.fromkeys(array.arrays))
    later.left_out.update([product for product in products if later.left_out.issuperset(users[product])])
    for array in reversed(loop.body):
        if (isinstance(array, Row) or _shown(array) is not array) and later.left_out.issuperset(users[array]):
            later.left_out.add(array)
    return later


def _terms(
    state: State, body: set[Array], users: Mapping[Array, Sequence[Array]]
) -> tuple[list[Term], list[Array]] | None:
    """What is added to a state in each iteration, and the totals on the way; None where something else reads these."""
    terms: list[Term] = []
    totals: list[Array] = []
    total: Array = state
    while total is not state.next:
        user, *others = users[total]
        if others or not isinstance(user, Apply) or user.primitive not in (p.add, p.subtract):
            return None
        first, second = user.operands
        added = second if first is total else first
        if not isinstance(added, Array) or users[added] != [user] or (added is first and user.primitive is p.subtract):
            return None
        parts = _parts(added, body, users)
        if parts is None:
            return None
        terms.append(Term(user.primitive, added, parts))
        totals.append(user)
        total = user
    return (terms, totals) if terms and all(isinstance(user, Loop) for user in users[total]) else None


def _shown(array: Array) -> Array:
    """The array of which this is a view along other axes, which have the same sizes."""
    while isinstance(array, View) and array.sizes == array.base.sizes and array.shows_all:
        array = array.base
    return array


def _parts(array: Array, body: set[Array], users: Mapping[Array, Sequence[Array]]) -> list[Array] | None:
    """What an array is made of, if that is sums over the examples, added or multiplied by what is always the same."""
    parts, pending = [], [array]
    while pending:
        part = pending.pop()
        parts.append(part)
        if part not in body or not isinstance(part, Apply | Fold):
            return None
        if isinstance(part, Fold):
            if part.primitive is not p.add or not part.over_batch:
                return None
            continue
        varying = [operand for operand in part.arrays if operand in body]
        if part.primitive in _OF_SUMS:
            is_linear = len(varying) == len(part.operands)
        else:
            is_linear = part.primitive in _BY_NUMBERS and len(varying) == 1
            is_linear = is_linear and (part.primitive is p.multiply or part.operands[0] is varying[0])
        if not is_linear or any(users[operand] != [part] for operand in varying):
            return None
        pending += varying
    return sorted(parts, key=attrgetter("number"))


def kept(loop: Loop, later: Later, reading: Reading) -> dict[Array, str]:
    """Return what has to be kept of each iteration for what is computed later, with a name for all its rows."""
    inside = {*loop.body, *loop.states}
    stacks = {end.of for end in loop.ends if isinstance(end, Stack)}
    factors = dict.fromkeys(map(_shown, later.factors))
    own = [one for one in factors if one in inside and one not in stacks and not isinstance(one, Row)]
    return {factor: reading.names.of(factor, "rows") for factor in own}


def computed_after(loop: Loop, later: Later, names: Mapping[Array, str], reading: Reading) -> list[tuple[str, str]]:
    """Return names and expressions for it, with the names of rows that were kept."""
    known: dict[Array, Array] = {}
    for factor in later.factors:
        rows = _rows(loop, _shown(factor), names, reading)
        if rows is not None:
            known[factor] = Array(loop.program, (), (loop.axis, *factor.axes), factor.batched)
            reading.give_rows(known[factor], rows)
    initial = {state.next: state.initial for state in later.states}
    computed = []
    for end, terms in later.ends.items():
        begun = initial.get(end.of, 0.0)
        text = "" if repr(begun) == "0.0" else reading.aligned(begun, end.axes, batched=False)
        for primitive, array, parts in terms:
            for part in parts:
                known[part] = _moved(part, (loop.axis,) if isinstance(end, Last) else (), known, reading)
            own = reading.of(known[array])
            if primitive is p.subtract:
                text += f"{' - ' if text else '-'}{spelling.atom(own)}"
            else:
                text += f"{' + ' if text else ''}{own}"
        name = reading.names.of(end.of if isinstance(end, Last) else end)
        if isinstance(end, Last):
            reading.expressions[end] = name
        else:
            give_stack(end, Rows(name, (loop.is_backwards,)), reading)
        computed.append((name, text))
    return computed


def give_stack(stack: Stack, rows: Rows, reading: Reading) -> None:
    """Note the expression for a stack, and for its last row, if that is read by itself."""
    reading.give_rows(stack, rows)
    for end in stack.loop.ends:
        if isinstance(end, Last) and end.of is stack.of and end not in reading.expressions:
            reading.give_rows(end, rows.row(stack.loop.times, stack.loop.times - 1))


def _rows(loop: Loop, factor: Array, names: Mapping[Array, str], reading: Reading) -> Rows | None:
    """All rows of what is kept, in the order in which the loop goes; None for what is the same in each iteration."""
    if isinstance(factor, Row) and factor.loop is loop:
        base = reading.rows_of(factor.base)
        picked = base.picked(factor.base.axes[0].size, factor.start, factor.step, loop.times)
        return Rows(picked.upright(is_reversed=loop.is_backwards).text, (False,))
    if factor in names:
        return Rows(names[factor], (False,))
    stacks = [end for end in loop.ends if isinstance(end, Stack) and end.of is factor]
    return Rows(reading.rows[stacks[0]].text, (False,)) if stacks else None


def _moved(part: Array, along: tuple[Axis, ...], known: Mapping[Array, Array], reading: Reading) -> Array:
    """The same of what is known of all iterations; summed up along the axis of these, if that is given."""
    moved: Apply | Fold
    if isinstance(part, Fold):
        operand = part.operand
        source = known.get(operand) or _applied(operand, known)
        moved = Fold(part.program, p.add, source, (*along, *part.along), over_batch=True)
        reading.expressions[moved] = folded(moved, reading, operand not in known)
    else:
        moved = _applied(part, known)
        operands = [reading.aligned(operand, moved.axes, batched=False) for operand in moved.operands]
        reading.expressions[moved] = spelling.spelled(moved.primitive, operands, reading.dtype)
    return moved


def _applied(array: Array, known: Mapping[Array, Array]) -> Apply:
    assert isinstance(array, Apply), "it is made of sums"
    operands = [known.get(one, one) if isinstance(one, Array) else one for one in array.operands]
    axes = {axis for one in operands if isinstance(one, Array) for axis in one.axes}
    in_order = tuple(sorted(axes, key=attrgetter("number")))
    return Apply(array.program, array.primitive, tuple(operands), in_order, array.batched)
