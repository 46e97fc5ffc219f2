"""The slope of a function along a line, from its values alone, with what the slope may be off by.

Central differences at steps h, h/2, h/4, … have the error c₂h² + c₄h⁴ + …; each column of
Richardson's table removes one more term (Ridders, "Accurate computation of F'(x) and F'(x)F''(x)",
Advances in Engineering Software 4 (1982)). What is left is estimated by how much the last columns
and rows still differ. Rounding is the other enemy: every value is off by `noise`, a bound that
comes from the graph, and an entry of the table carries that over h, enlarged as the table enlarges
it. The entry with the smallest sum of both is taken, and the sum told.

Where one side of the point may not be used, the same is done with differences to one side, whose
error has every power of h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from math import inf, isfinite, nan
from typing import NamedTuple

EPSILON = 2.0**-52
TINY = 5e-324  # the spacing of the smallest numbers
NORMAL = 2.0**-1022  # below this a number has fewer digits
FIRST = 0.237  # of the unit; no simple fraction, lest a step be a whole number of some function's periods
LEVELS = 8
SAFETY = 4.0  # an estimate of an error is itself an estimate
REACHES = 20  # steps that are tried, each a quarter of the one before: a break still nearer counts as at the point
RESOLVED = 1 / 64  # the part of a step by which rounding may change it: the method rests on their ratios


class Sample(NamedTuple):
    """The values at a place of the line; None where there are none to use.

    `t` is where it was really taken, after rounding. `numbers` and `ops` tell samples apart that
    lie on different sides of a break, or took different branches.
    """

    t: float
    values: tuple[float, ...]
    numbers: Sequence[float]
    ops: object


class Estimate(NamedTuple):
    """A slope, how far off it may be, how it was found and from how large a step."""

    slope: float
    error: float
    method: str
    step: float


UNKNOWN = Estimate(nan, inf, "none", 0.0)
NAMES = {0: "central differences", 1: "differences from above", -1: "differences from below"}


class Line:
    """A function of one number, sampled once at each place.

    `same(a, b)` tells whether two samples lie on one smooth piece. `noise` bounds the rounding
    error of each value at 0; `on_break` says that the point is known to lie exactly where two meet.
    """

    def __init__(
        self,
        evaluate: Callable[[float], Sample],
        same: Callable[[Sample, Sample], bool],
        unit: float,
        noise: Sequence[float],
        on_break: bool,
    ) -> None:
        self._evaluate = evaluate
        self._samples: dict[float, Sample] = {}
        self._same = same
        self.unit = unit
        self.base = self.at(0.0)
        self.noise = noise
        self.on_break = on_break

    @property
    def samples(self) -> list[Sample]:
        """All that has been sampled so far."""
        return list(self._samples.values())

    def at(self, t: float) -> Sample:
        """Return the sample at a place."""
        found = self._samples.get(t)
        if found is None:
            found = self._samples[t] = self._evaluate(t)
        return found

    def smooth(self, t: float, anchor: Sample) -> bool:
        """Whether the place lies on the anchor's piece and all is finite there."""
        found = self.at(t)
        return all(map(isfinite, found.values)) and found.t != self.base.t and self._same(anchor, found)

    def reach(self, side: int, largest: float, anchored: bool = True) -> float:
        """Return the largest step to one side, of those tried, that stays on one piece; 0 if none does.

        The piece is that of the point itself or, where `anchored` is false, the one that begins beside it.
        """
        for k in range(REACHES):
            step = largest / 4.0**k
            anchor = self.base if anchored else self.at(side * step / 1024)
            if self.smooth(side * step, anchor):
                return step
        return 0.0

    def branches_alike(self) -> bool:
        """Whether the function has taken the same branches on both sides of the point, and at it."""
        return all(self.at(side * FIRST * self.unit / 4.0**REACHES).ops == self.base.ops for side in (-1, 1))

    def quotients(self, step: float, side: int) -> tuple[list[float], list[float]] | None:
        """Return the difference quotient of each component, and the rounding error it may have."""
        above, below = self.at(side * step if side else step), self.at(0.0 if side else -step)
        width, wanted = above.t - below.t, side * step if side else 2 * step
        if not abs(width - wanted) < RESOLVED * step or not all(map(isfinite, above.values + below.values)):
            return None
        slopes, errors = [], []
        for high, low, middle, noise in zip(above.values, below.values, self.base.values, self.noise, strict=True):
            largest = max(abs(high), abs(low))
            slopes.append((high - low) / width)
            growth = max(1.0, largest / max(abs(middle), NORMAL))
            rounding = noise * growth if middle and isfinite(noise) else noise
            errors.append((2 * rounding + EPSILON * largest + TINY) / abs(width))
        return slopes, errors

    def steepness(self, component: int) -> float:
        """Return the steepest secant from the point to any finite sample."""
        found = 0.0
        for sample in self._samples.values():
            distance = abs(sample.t - self.base.t)
            if distance and isfinite(sample.values[component]):
                found = max(found, abs(sample.values[component] - self.base.values[component]) / distance)
        return found

    def constant(self, component: int) -> bool:
        """Whether every sample has bit for bit the same value."""
        return all(found.values[component] == self.base.values[component] for found in self._samples.values())


def extrapolated(
    line: Line, reach: float, side: int, enough: Callable[[list[Estimate]], bool], levels: int = LEVELS
) -> list[Estimate]:
    """Return the best entry of Richardson's table for each component, from steps of `reach` downwards.

    It stops as soon as `enough` is satisfied with what there is.
    """
    tables = [_Table(side, reach) for _ in line.base.values]
    best = [UNKNOWN] * len(tables)
    for level in range(levels):
        found = line.quotients(reach / 2**level, side)
        if found is None:
            break
        for table, slope, rounding in zip(tables, *found, strict=True):
            table.append(slope, rounding)
        best = [table.best() for table in tables]
        if level >= 2 and enough(best):
            break
    return best


class _Table:
    """Richardson's table of one component, as far as it is needed: its last row, and which entries hold so far.

    An entry counts when the last columns and rows differ by less than the quotients themselves, and
    as long as no row below it, with smaller steps, contradicts it: near a pole a table's first
    entries may look alike and its last run away.
    """

    def __init__(self, side: int, reach: float) -> None:
        self._side, self._reach = side, reach
        self._row: list[tuple[float, float]] = []
        self._largest = 0.0
        self._held: list[Estimate] = []
        self._rows = 0

    def append(self, slope: float, rounding: float) -> None:
        """Add the quotient of the next smaller step."""
        self._rows += 1
        self._largest = max(self._largest, abs(slope))
        row, weight = [(slope, rounding)], 1.0
        latest, latest_rounding = UNKNOWN, 0.0
        for older, older_rounding in self._row:
            weight *= 2.0 if self._side else 4.0
            newer, newer_rounding = row[-1]
            entry = newer + (newer - older) / (weight - 1)
            entry_rounding = (weight * newer_rounding + older_rounding) / (weight - 1)
            row.append((entry, entry_rounding))
            truncation = max(abs(entry - newer), abs(entry - older))
            if truncation + entry_rounding < latest.error:
                latest = Estimate(entry, truncation + entry_rounding, NAMES[self._side], self._reach)
                latest_rounding = entry_rounding
        self._row = row
        self._held = [
            held for held in self._held if abs(held.slope - latest.slope) <= SAFETY * (held.error + latest_rounding)
        ]
        if self._rows > 2 and latest.error - latest_rounding <= self._largest / 4:
            self._held.append(latest)

    def best(self) -> Estimate:
        """Return the entry with the smallest error among those that hold."""
        return min(self._held, key=lambda held: held.error, default=UNKNOWN)


SCALES = 20  # steps, each a part of the one before
PART = 64.0


def quotients_to(line: Line, side: int, steps: Iterable[float], component: int) -> Iterator[tuple[float, float, float]]:
    """Yield the steps, with one component's quotients to one side and their rounding errors, as long as there are."""
    for step in steps:
        found = line.quotients(step, side)
        if found is None:
            break
        yield step, found[0][component], found[1][component]


def followed(line: Line, side: int, component: int, estimate: Estimate) -> list[tuple[float, float]] | None:
    """Follow the quotients to one side: return the smaller steps and their rounding errors; None where they go astray.

    Those of a smooth function lie as far from its slope as its bend explains, in proportion to the
    step, and the steps that the estimate rests on show the bend. Where others do not, the function
    does something at smaller steps, or floats are too coarse to follow it; then the estimate may be
    far off, however alike its own steps were.
    """
    wide = [estimate.step / 2**level for level in range(LEVELS)]
    seen = [abs(slope - estimate.slope) / step for step, slope, _ in quotients_to(line, side, wide, component)]
    if not seen:
        return None
    bend = max(seen)
    narrow = [wide[-1] / PART**k for k in range(SCALES)]
    steps = []
    for step, slope, rounding in quotients_to(line, side, narrow, component):
        if abs(slope - estimate.slope) > SAFETY * (bend * step + estimate.error + rounding):
            return None
        steps.append((step, rounding))
    return steps


JUMP = "a jump"


def at_end(line: Line, side: int, reach: float, component: int, table: Estimate) -> Estimate:
    """Return the slope to one side of a point where a smooth piece ends, or may end.

    There the function may be like a root, with no power series in h, or turn a corner that the
    table's steps have not seen. So the quotients of ever smaller steps have the last word: when
    those of a piece known to end here grow or shrink steadily, their limit is infinite or 0; when
    they do not come to what the table says, there is none.
    """
    steps = [reach / PART**k for k in range(SCALES)]
    slopes = [slope for _, slope, _ in quotients_to(line, side, steps, component)]
    ratios = [abs(smaller / larger) if larger else nan for larger, smaller in pairwise(slopes)]
    if line.on_break and len(ratios) >= 6:
        if all(ratio > 1.05 for ratio in ratios):
            if ratios[-1] - 1 < (ratios[2] - 1) / 2:  # as a logarithm grows, which smaller steps may turn back
                return Estimate(inf if slopes[-1] > 0 else -inf, inf, NAMES[side], reach)
            jump = all(ratio > PART * (1 - 4 * RESOLVED) for ratio in ratios[-3:])
            return Estimate(inf if slopes[-1] > 0 else -inf, 0.0, JUMP if jump else NAMES[side], reach)
        if all(ratio < 0.95 for ratio in ratios):
            return Estimate(0.0, abs(slopes[-1]), NAMES[side], reach)
    return UNKNOWN if followed(line, side, component, table) is None else table
