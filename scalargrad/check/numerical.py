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

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, isfinite, nan
from typing import NamedTuple

EPSILON = 2.0**-52
FIRST = 0.237  # of the unit; no simple fraction, lest a step be a whole number of some function's periods
LEVELS = 8
SMALLEST = 2.0**-40  # of the unit: a break nearer than this counts as being at the point


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
    error of each value at 0.
    """

    def __init__(
        self,
        evaluate: Callable[[float], Sample],
        same: Callable[[Sample, Sample], bool],
        unit: float,
        noise: Sequence[float],
    ) -> None:
        self._evaluate = evaluate
        self._samples: dict[float, Sample] = {}
        self._same = same
        self.unit = unit
        self.base = self.at(0.0)
        self.noise = noise

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
        step = largest
        while step >= SMALLEST * self.unit:
            anchor = self.base if anchored else self.at(side * step / 1024)
            if self.smooth(side * step, anchor):
                return step
            step /= 4
        return 0.0

    def quotients(self, step: float, side: int) -> tuple[list[float], list[float]] | None:
        """Return the difference quotient of each component, and the rounding error it may have."""
        above, below = self.at(side * step if side else step), self.at(0.0 if side else -step)
        width = above.t - below.t
        if width == 0.0 or not all(map(isfinite, above.values + below.values)):
            return None
        slopes, errors = [], []
        for high, low, middle, noise in zip(above.values, below.values, self.base.values, self.noise, strict=True):
            largest = max(abs(high), abs(low))
            slopes.append((high - low) / width)
            rounding = noise * max(1.0, largest / abs(middle)) if middle and isfinite(noise) else noise
            errors.append((2 * rounding + EPSILON * largest) / abs(width))
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
    base = 2.0 if side else 4.0
    best = [UNKNOWN] * len(line.base.values)
    rows: list[list[tuple[float, float]]] = [[] for _ in best]
    step = reach
    for level in range(levels):
        found = line.quotients(step, side)
        if found is None:
            break
        for component, (slope, rounding) in enumerate(zip(*found, strict=True)):
            before, row = rows[component], [(slope, rounding)]
            weight = 1.0
            for column, (older, older_rounding) in enumerate(before):
                weight *= base
                newer, newer_rounding = row[column]
                entry = newer + (newer - older) / (weight - 1)
                entry_rounding = (weight * newer_rounding + older_rounding) / (weight - 1)
                row.append((entry, entry_rounding))
                if level >= 2:
                    truncation = max(abs(entry - newer), abs(entry - older))
                    error = truncation + entry_rounding
                    if error < best[component].error:
                        best[component] = Estimate(entry, error, NAMES[side], reach)
            rows[component] = row
        if level >= 2 and enough(best):
            break
        step /= 2
    return best


def diverges(line: Line, side: int, reach: float, component: int) -> float:
    """Return the infinity that the slope to one side grows to as the step shrinks; nan if it does not."""
    slopes = []
    step = reach
    for _ in range(12):
        found = line.quotients(step, side)
        if found is None:
            return nan
        slopes.append(found[0][component])
        step /= 8
    growth = [abs(newer) > 1.2 * abs(older) for older, newer in pairwise(slopes)]
    if all(growth) and abs(slopes[-1]) > 4 * abs(slopes[0]):
        return inf if slopes[-1] > 0 else -inf
    return nan
