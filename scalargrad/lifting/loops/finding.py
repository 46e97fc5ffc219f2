"""Where a list of steps repeats: the same tokens again and again, each reading what the one before read, moved evenly.

A step is a token, which says what it computes, and references: the positions of the steps that it reads. Steps
repeat with a period P where the step at i + P has the token of the step at i, and where its references move by the
same distances from each iteration to the next: by P to what is computed in the loop, by 0 to what is computed
before it, and by any distance to the steps of another loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import eq
from typing import NamedTuple

OUTSIDE = -1  # the reference to what is no step
TRIED = 12  # periods that are looked at, the most promising first
LEAST_TIMES = 3
NEARBY = 1000  # steps


class Stretch(NamedTuple):
    """Where steps repeat.

    Attributes:
        first: the first step that has the token of the one a period later.
        start: the first step from which on references move evenly, too.
        stop: the position after the last of these.
        end: the position after the last step that has the token of the one a period earlier.
        period: how many steps an iteration has.
    """

    first: int
    start: int
    stop: int
    end: int
    period: int


class Steps(NamedTuple):
    """Steps to look at, each a line of the program: for each its token, and its references."""

    tokens: Sequence[int]
    references: Sequence[tuple[int, ...]]


def stretches(steps: Steps, least_saved: int) -> list[Stretch]:
    """Return where steps repeat such that a loop saves at least so many lines, in order.

    They are apart from each other, but for the parts of an iteration with which they may begin and end.
    """
    chosen: list[Stretch] = []
    pending = [(0, len(steps.tokens))]
    while pending:
        low, high = pending.pop()
        best = _best(steps, low, high, least_saved) if high - low > least_saved else None
        if best is not None:
            chosen.append(best)
            pending += [(low, best.first), (best.end, high)]
    chosen.sort()
    limits = [0, *[limit for stretch in chosen for limit in (stretch.start, stretch.stop)], len(steps.tokens)]
    return [_reaching(steps.tokens, own, *limits[2 * i : 2 * i + 4 : 3]) for i, own in enumerate(chosen)]


def _reaching(tokens: Sequence[int], stretch: Stretch, low: int, high: int) -> Stretch:
    """The same stretch as far as tokens agree, also where another one begins or ends with a part of an iteration."""
    first, end, period = stretch.first, stretch.end, stretch.period
    while first > max(low, stretch.start - 2 * period) and tokens[first - 1] == tokens[first - 1 + period]:
        first -= 1
    while end < min(high, stretch.stop + period) and tokens[end] == tokens[end - period]:
        end += 1
    return stretch._replace(first=first, end=end)


def _best(steps: Steps, low: int, high: int, least_saved: int) -> Stretch | None:
    """The repetition that saves most within some steps; of several periods the shortest."""
    periods = [*_periods(steps.tokens[low:high]), *_periods(_with_distances(steps, low, high))]
    best = _best_of(steps, low, high, least_saved, periods)
    if best is None:
        best = _best_of(steps, low, high, least_saved, _periods(_with_moves(steps, low, high)))
    return best


def _best_of(steps: Steps, low: int, high: int, least_saved: int, periods: Sequence[tuple[int, int]]) -> Stretch | None:
    """The same of these periods, each with how many steps may repeat so."""
    best: tuple[int, int, Stretch] | None = None
    promising: dict[int, int] = {}
    for period, length in periods:
        promising[period] = max(length, promising.get(period, 0))
    for period, length in sorted(promising.items(), key=lambda pair: (pair[0] - pair[1], pair[0])):
        if best is not None and length - period < best[0]:
            break
        for stretch in _with_period(steps, low, high, period):
            times = (stretch.end - stretch.first) // period
            saved = (times - 1) * period
            if saved >= least_saved and (best is None or (saved, -period) > best[:2]):
                best = saved, -period, stretch
    return best[2] if best else None


def _periods(tokens: Sequence[int]) -> list[tuple[int, int]]:
    """Distances at which 1, 2, 4, 8, … tokens in a row come again, and over how many steps they may repeat so.

    The longest repetition comes first.
    """
    count = len(tokens)
    lengths: dict[int, int] = {}
    rows, width = dict(enumerate(tokens)), 1  # by position, what begins there, as a number; without what comes once
    while width <= max(1, count // LEAST_TIMES):
        before: dict[int, int] = {}
        apart, again = [], set()
        for i, row in rows.items():
            if row in before:
                apart.append(i - before[row])
                again.add(row)
            before[row] = i
        if not apart:
            break
        for distance, times in Counter(apart).items():
            length = times + width + distance
            if length >= LEAST_TIMES * distance and length > lengths.get(distance, 0):
                lengths[distance] = length
        if len(again) < len(before):
            rows = {i: row for i, row in rows.items() if row in again}
        known: dict[tuple[int, int], int] = {}
        number = known.setdefault
        rows = {i: number((row, rows[i + width]), len(known)) for i, row in rows.items() if i + width in rows}
        width *= 2
    return sorted(lengths.items(), key=lambda pair: (pair[0] - pair[1], pair[0]))[:TRIED]


def _with_distances(steps: Steps, low: int, high: int) -> list[int]:
    """Tokens that are different where what is read is nearby and not as far away.

    So an iteration of several parts is seen that compute the same, but of different things.
    """
    known: dict[tuple[int, ...], int] = {}
    tokens = []
    for i in range(low, high):
        distances = [i - one if one != OUTSIDE and i - one <= NEARBY else 0 for one in steps.references[i]]
        tokens.append(known.setdefault((steps.tokens[i], *distances), len(known)))
    return tokens


def _with_moves(steps: Steps, low: int, high: int) -> list[int]:
    """Tokens that are different where what is read is not as far from what the last step of the same token has read.

    So an iteration is seen that reads several results of an iteration of another loop in the same way, one by one.
    """
    known: dict[tuple[int, ...], int] = {}
    last: dict[int, tuple[int, ...]] = {}
    tokens = []
    for i in range(low, high):
        token, own = steps.tokens[i], steps.references[i]
        moves = [b - a if OUTSIDE not in (a, b) else 0 for a, b in zip(last.get(token, own), own, strict=True)]
        tokens.append(known.setdefault((token, *moves), len(known)))
        last[token] = own
    return tokens


def _with_period(steps: Steps, low: int, high: int, period: int) -> Iterator[Stretch]:
    """Where steps repeat with a period, at least three times."""
    tokens = steps.tokens
    same = bytes(map(eq, tokens[low : high - period], tokens[low + period : high]))
    least = (LEAST_TIMES - 1) * b"\1" * period
    begin = same.find(least)
    while begin >= 0:
        end = same.find(b"\0", begin)
        end = len(same) if end < 0 else end
        yield from _moving_evenly(steps, low + begin, low + end, period)
        begin = same.find(least, end)


def _moving_evenly(steps: Steps, low: int, high: int, period: int) -> Iterator[Stretch]:
    """Where references move by the same distances, in steps of which each has the token of that a period later."""
    references = steps.references
    moved = [
        tuple([b - a if OUTSIDE not in (a, b) else 0 if a == b else OUTSIDE for a, b in zip(one, other, strict=True)])
        for one, other in zip(references[low:high], references[low + period : high + period], strict=True)
    ]
    even = bytes(map(eq, moved, moved[period:]))
    i = even.find(1)
    while i >= 0:
        j = even.find(0, i)
        j = len(even) if j < 0 else j
        stop = j + 2 * period  # steps up to here are regular
        if stop - i >= LEAST_TIMES * period:
            first, end = max(0, i - 2 * period), min(len(moved), stop)
            yield Stretch(low + first, low + i, low + stop, low + end + period, period)
        i = even.find(1, j)


def carried(steps: Steps, stretch: Stretch) -> list[int]:
    """Return for each place in a period how many steps an iteration that begins there takes over from the one before.

    The places count from the start of the stretch.
    """
    period, start = stretch.period, stretch.start + stretch.period
    reach: dict[int, int] = {}  # for each step of an iteration, how far away it is read
    for i in range(start, start + period):
        for reference in steps.references[i]:
            if stretch.first <= reference < i:
                read = (reference - start) % period
                reach[read] = max(reach.get(read, 0), i - reference)
    changes = [0] * (2 * period + 1)
    for read, distance in reach.items():
        changes[read + 1] += 1
        changes[min(read + distance, read + period) + 1] -= 1
    counts, now = [0] * period, 0
    for place in range(2 * period):
        now += changes[place]
        counts[place % period] += now
    return counts
