"""The slope of a function along a line, measured on its values alone, with a bound on its error.

Central differences at the steps h, h/2, h/4, … have the error c₂h² + c₄h⁴ + …. Each column of
Richardson's table removes one more term (Ridders, "Accurate computation of F'(x) and F'(x)F''(x)",
Advances in Engineering Software 4 (1982)). The rest is estimated from the differences between the
last columns and rows. The other source of error is rounding. Each value has an error of at most
`noise`, and an entry of the table has that error divided by h, times the weights of the table. The
entry with the smallest sum of both errors is the estimate, and the sum is its error.

Where one side of the point cannot be used, the same is done with differences to the other side.
Their error has every power of h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from math import inf, isfinite, nan
from typing import NamedTuple

EPSILON = 2.0**-52
TINY = 5e-324  # the spacing of the smallest numbers
NORMAL = 2.0**-1022  # smaller numbers have fewer digits
FIRST = 0.237  # of the unit: the first step; no simple fraction, which could be a multiple of a function's period
NEAREST = 2.0**-42  # of the unit: a break that is nearer counts as at the point
LEVELS = 8
SAFETY = 4.0  # an estimate of an error is itself an estimate
REACHES = 20  # steps that are tried, each a quarter of the one before
RESOLVED = 1 / 64  # the largest part of a step that rounding may change: the table relies on the ratios of steps


class Sample(NamedTuple):
    """The function at one place of the line.

    Attributes:
        t: the place after rounding.
        values: the components of the function; nan where it has no value.
        data: the numbers of all nodes, which tell on which side of a break the sample lies.
        ops: the operations, which tell which branches the function took.
    """

    t: float
    values: tuple[float, ...]
    data: Sequence[float]
    ops: object


class Estimate(NamedTuple):
    """A slope, its error, the method that gave it, and the largest step."""

    slope: float
    error: float
    method: str
    step: float


UNKNOWN = Estimate(nan, inf, "none", 0.0)
METHODS = {0: "central differences", 1: "differences from above", -1: "differences from below"}


class Line:
    """A function of one number t, sampled at most once at each place.

    Args:
        evaluate: gives the sample at a place.
        same: whether two samples lie on one smooth piece.
        unit: the size of the point, by which steps are scaled.
        noise: a bound on the rounding error of each component at t = 0.
        on_break: whether the point is known to lie exactly between two smooth pieces.
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
        """All samples so far."""
        return list(self._samples.values())

    def at(self, t: float) -> Sample:
        """Return the sample at a place."""
        sample = self._samples.get(t)
        if sample is None:
            sample = self._samples[t] = self._evaluate(t)
        return sample

    def smooth(self, t: float, anchor: Sample) -> bool:
        """Whether the function is finite at the place, which lies on the smooth piece of the anchor."""
        sample = self.at(t)
        return all(map(isfinite, sample.values)) and sample.t != self.base.t and self._same(anchor, sample)

    def reach(self, side: int, largest: float, anchored: bool = True) -> float:
        """Return the largest step to one side that stays on one smooth piece; 0 if none of those tried does.

        It is the piece of the point itself or, where `anchored` is false, the piece that begins beside it.
        """
        for k in range(REACHES):
            step = largest / 4.0**k
            anchor = self.base if anchored else self.at(side * step / 1024)
            if self.smooth(side * step, anchor):
                return step
        return 0.0

    def branches_alike(self) -> bool:
        """Whether the function takes the same branches at the point and right beside it, on both sides."""
        return all(self.at(side * NEAREST * self.unit).ops == self.base.ops for side in (-1, 1))

    def quotients(self, step: float, side: int) -> tuple[list[float], list[float]] | None:
        """Return the difference quotient of each component with its rounding error; None where there is none."""
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
        """Return the slope of the steepest secant from the point to a finite sample."""
        steepest = 0.0
        for sample in self._samples.values():
            distance = abs(sample.t - self.base.t)
            if distance and isfinite(sample.values[component]):
                steepest = max(steepest, abs(sample.values[component] - self.base.values[component]) / distance)
        return steepest

    def constant(self, component: int) -> bool:
        """Whether a component has the same bits in every sample."""
        return all(sample.values[component] == self.base.values[component] for sample in self._samples.values())


def extrapolated(
    line: Line, reach: float, side: int, enough: Callable[[list[Estimate]], bool], levels: int = LEVELS
) -> list[Estimate]:
    """Return the best entry of Richardson's table for each component, with steps from `reach` downwards.

    It stops as soon as `enough` is true of the best entries so far.
    """
    tables = [_Table(side, reach) for _ in line.base.values]
    best = [UNKNOWN] * len(tables)
    for level in range(levels):
        quotients = line.quotients(reach / 2**level, side)
        if quotients is None:
            break
        for table, slope, rounding in zip(tables, *quotients, strict=True):
            table.append(slope, rounding)
        best = [table.best() for table in tables]
        if level >= 2 and enough(best):
            break
    return best


class _Table:
    """Richardson's table of one component: its last row, and the entries that hold so far.

    An entry holds when the last columns and rows differ less than the quotients themselves, and as
    long as no later row, with smaller steps, contradicts it. Near a pole the first entries of a
    table may look alike and the last ones diverge.
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
                latest = Estimate(entry, truncation + entry_rounding, METHODS[self._side], self._reach)
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
    """Yield each step with one component's quotient to one side and its rounding error, as long as there is one."""
    for step in steps:
        quotients = line.quotients(step, side)
        if quotients is None:
            break
        yield step, quotients[0][component], quotients[1][component]


def followed(line: Line, side: int, component: int, estimate: Estimate) -> list[tuple[float, float]] | None:
    """Follow the quotients to one side: return the smaller steps and their rounding errors; None if they diverge.

    The quotients of a smooth function differ from its slope in proportion to the step. The steps
    of the estimate show the factor. If the quotients of smaller steps differ more, the function does
    something else there, or floats are too coarse for it. Then the estimate may be far off, even
    if its own steps agreed with each other.
    """
    wide = [estimate.step / 2**level for level in range(LEVELS)]
    bends = [abs(slope - estimate.slope) / step for step, slope, _ in quotients_to(line, side, wide, component)]
    if not bends:
        return None
    bend = max(bends)
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

    There the function may be like a root, which has no power series in h, or have a corner between
    the steps of the table. So the quotients of smaller and smaller steps decide. If the piece is known
    to end here and they grow or shrink steadily, their limit is infinite or 0. If they do not
    approach the slope of the table, there is none.
    """
    steps = [reach / PART**k for k in range(SCALES)]
    slopes = [slope for _, slope, _ in quotients_to(line, side, steps, component)]
    ratios = [abs(smaller / larger) if larger else nan for larger, smaller in pairwise(slopes)]
    if line.on_break and len(ratios) >= 6:
        if all(ratio > 1.05 for ratio in ratios):
            if ratios[-1] - 1 < (ratios[2] - 1) / 2:  # like a logarithm, which may turn back at smaller steps
                return Estimate(inf if slopes[-1] > 0 else -inf, inf, METHODS[side], reach)
            jump = all(ratio > PART * (1 - 4 * RESOLVED) for ratio in ratios[-3:])
            return Estimate(inf if slopes[-1] > 0 else -inf, 0.0, JUMP if jump else METHODS[side], reach)
        if all(ratio < 0.95 for ratio in ratios):
            return Estimate(0.0, abs(slopes[-1]), METHODS[side], reach)
    return UNKNOWN if followed(line, side, component, table) is None else table
