"""Does a gradient agree with the numbers? Agrees, disagrees, kink, or: cannot tell.

A slope measured along a line comes with what it may be off by, and so does the sweep's gradient.
Two numbers disagree when they differ by more than both may be off, and by more than the relative
tolerance. They agree when they do not, and when both are known to within the tolerance: a number
that is known less well than that is no evidence, however close to zero it lies.

A gradient of 0 has no relative precision. It agrees when the measured slope is 0 to within a small
part of the tolerance *relative to what the function does nearby*: to its steepest secant, or to the terms that
cancel in the sweep; or when the function is the same to the last bit wherever it was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, isfinite, isinf, isnan, nan
from typing import NamedTuple

from .numerical import FIRST, JUMP, UNKNOWN, Estimate, Line, at_end, extrapolated

AGREES = "agrees"
DISAGREES = "disagrees"
KINK = "kink"
CANNOT_TELL = "cannot tell"

SAFETY = 4.0  # an estimate of an error is itself an estimate
CLEAR = 20.0  # times the tolerance: a difference that needs no third witness
ZERO = 1e-4  # by how much more precisely a zero has to be shown, since all small numbers look like it


class Target(NamedTuple):
    """What is to be judged: the gradient, its rounding, the size of its terms, a complex step where there is one."""

    slope: float
    error: float
    terms: float
    exact: Estimate | None = None


class Finding(NamedTuple):
    """A verdict, the measured slope it rests on, the slopes to the two sides where those count, and why."""

    verdict: str
    estimate: Estimate
    below: float | None
    above: float | None
    why: str


def examine(
    line: Line, targets: Sequence[Target], rtol: float, faithful: Callable[[], bool] = lambda: True
) -> list[Finding]:
    """Measure along a line until every component can be judged, or nothing helps any more.

    `faithful()` tells whether the recorded graph gives what the function gives at the sampled
    places: only then does a complex step, which runs through the graph, outweigh differences.
    """
    if not all(map(isfinite, line.base.values)):
        return [_judged_without(line, i, target) for i, target in enumerate(targets)]
    measured = _Measured(line, targets, rtol, faithful)
    largest = FIRST * line.unit
    above, below = line.reach(1, largest), line.reach(-1, largest)
    if above and below:
        measured.between(below, above)
    elif max(above, below) and not line.on_break and line.branches_alike():
        measured.from_one_side(1 if above else -1, max(above, below))
    else:
        measured.beside()
    return [measured.judged(i) for i in range(len(targets))]


def _judged_without(line: Line, component: int, target: Target) -> Finding:
    value = line.base.values[component]
    if isfinite(value):
        return Finding(CANNOT_TELL, UNKNOWN, None, None, "another output is not finite here")
    return Finding(CANNOT_TELL, UNKNOWN, None, None, f"the function is {value} here, the gradient {target.slope}")


class _Measured:
    """What has been measured along one line: candidates for each component's slope, and for its two sides."""

    def __init__(self, line: Line, targets: Sequence[Target], rtol: float, faithful: Callable[[], bool]) -> None:
        self.line, self.targets, self.rtol, self.faithful = line, targets, rtol, faithful
        self.candidates: list[list[Estimate]] = [[] for _ in targets]
        self.natural = line.unit >= 1.0  # whether steps of a size of 1 or more have been tried, where they can be
        self.sides: dict[int, list[Estimate]] = {}
        self.reaches: dict[int, float] = {}

    # ---------------------------------------------------------------- measuring

    def between(self, below: float, above: float) -> None:
        """Measure where the point lies inside a smooth piece: at ever other scales, as long as it helps."""
        narrow, wide = min(below, above), max(below, above)
        self._gather(narrow, 0)
        if wide > 4 * narrow and not self._settled():
            self._gather(wide, 1 if above > below else -1)
        if self.line.unit != 1.0 and not self._settled():
            self.natural = True
            self._gather(min(self.line.reach(1, FIRST), self.line.reach(-1, FIRST)), 0)
        for smaller in (2.0**-8, 2.0**-16):
            if not self._settled():
                self._gather(narrow * smaller, 0)
        if not all(map(self._certain, range(len(self.targets)))):
            self._gather_sides(anchored=True)

    def from_one_side(self, side: int, reach: float) -> None:
        """Measure where the point lies inside a smooth piece, but so close to its end that there is no step."""
        self.natural = True
        for smaller in (1.0, 2.0**-8, 2.0**-16):
            if not self._settled():
                self._gather(reach * smaller, side)

    def beside(self) -> None:
        """Measure where the point lies at the end of a smooth piece: each side by itself."""
        self.natural = True
        self._gather_sides(anchored=False)

    def _gather(self, reach: float, side: int) -> None:
        for found, estimate in zip(self.candidates, extrapolated(self.line, reach, side, self._enough), strict=True):
            found.append(estimate)

    def _gather_sides(self, anchored: bool) -> None:
        for side in (-1, 1):
            reach = self.line.reach(side, FIRST * self.line.unit, anchored)
            if not reach:
                continue
            self.reaches[side] = reach
            found = extrapolated(self.line, reach, side, self._precise)
            if not self._precise(found):
                finer = extrapolated(self.line, reach * 2.0**-8, side, self._precise)
                found = [min(pair, key=lambda estimate: estimate.error) for pair in zip(found, finer, strict=True)]
            self.sides[side] = found

    def _enough(self, latest: list[Estimate]) -> bool:
        return all(self._conclusive(i, [estimate]) for i, estimate in enumerate(latest))

    def _precise(self, latest: list[Estimate]) -> bool:
        return all(estimate.error <= self.rtol / 16 * abs(estimate.slope) for estimate in latest)

    def _settled(self) -> bool:
        return all(
            self._conclusive(i, candidates) or self._witnessed(i, candidates)
            for i, candidates in enumerate(self.candidates)
        )

    def _witnessed(self, component: int, candidates: list[Estimate]) -> bool:
        """Whether a complex step shows that the gradient is right, through a graph that gives the function's values.

        Then differences need not be precise, as they cannot be where a slope is small: it is enough
        that they do not contradict.
        """
        target = self.targets[component]
        exact = target.exact
        if exact is None or not self._agrees(component, exact):
            return False
        apart = [abs(exact.slope - estimate.slope) - SAFETY * (exact.error + estimate.error) for estimate in candidates]
        return any(isfinite(off) and off <= self._tolerance(target, exact) for off in apart) and self.faithful()

    def _certain(self, component: int) -> bool:
        """Whether no kink can be behind what was found: it agrees, or a complex step goes with the differences."""
        candidates, exact = self.candidates[component], self.targets[component].exact
        if any(self._agrees(component, estimate) for estimate in candidates):
            return True
        if exact is None:
            return False
        best = min(candidates, key=lambda estimate: estimate.error)
        return abs(exact.slope - best.slope) <= SAFETY * (exact.error + best.error)

    def _conclusive(self, component: int, candidates: list[Estimate]) -> bool:
        """Whether one estimate shows that the gradient is right, or two witnesses that it is not."""
        if any(self._agrees(component, estimate) for estimate in candidates):
            return True
        target = self.targets[component]
        against = [
            estimate
            for estimate in (*candidates, *([target.exact] if target.exact else []))
            if abs(estimate.slope - target.slope)
            > CLEAR * (self._tolerance(target, estimate) + SAFETY * (estimate.error + target.error))
        ]
        return any(
            abs(x.slope - y.slope) <= SAFETY * (x.error + y.error) + self._tolerance(target, x) / CLEAR
            for x, y in pairwise(against)
        )

    def _agrees(self, component: int, estimate: Estimate) -> bool:
        """Whether this estimate alone shows, with room to spare, that the gradient is right."""
        target = self.targets[component]
        if self._constant(component):
            return True
        tolerance = self.rtol * max(abs(target.slope), abs(estimate.slope))
        close = abs(target.slope - estimate.slope) <= tolerance
        return close and estimate.error + target.error <= tolerance / SAFETY

    def _constant(self, component: int) -> bool:
        """Whether the gradient 0 is that of a constant: no step has changed a bit, and no complex step objects."""
        target = self.targets[component]
        if target.slope != 0.0 or not self.natural or not self.line.constant(component):
            return False
        return target.exact is None or abs(target.exact.slope) <= SAFETY * target.exact.error

    # ---------------------------------------------------------------- judging

    def judged(self, component: int) -> Finding:
        """Return the verdict for one component."""
        target = self.targets[component]
        best = min(self.candidates[component], key=lambda estimate: estimate.error, default=UNKNOWN)
        sides = {side: self._side(side, component) for side in self.sides}
        if [side.method for side in sides.values()] == [JUMP, JUMP] and isfinite(target.slope):
            why = "the function jumps here, and has no slope"
            return Finding(KINK, sides[1], sides[-1].slope, sides[1].slope, why)
        if isinf(sides.get(-1, UNKNOWN).slope) and sides[-1].slope == -sides.get(1, UNKNOWN).slope:
            return Finding(CANNOT_TELL, UNKNOWN, sides[-1].slope, sides[1].slope, "the point is a pole or a cusp")
        if len(sides) == 2 and self._differ(sides[-1], sides[1]):
            return self._at_kink(target, sides[-1], sides[1])
        if not self.candidates[component]:
            best = min(sides.values(), key=lambda estimate: estimate.error, default=UNKNOWN)
        if isnan(target.slope) or not (isfinite(target.slope) or isfinite(best.slope)):
            return self._not_finite(target, best)
        best = self._discriminating(component, target, best)
        best = self._exact(target, best)
        return self._compared(component, target, best)

    def _side(self, side: int, component: int) -> Estimate:
        return at_end(self.line, side, self.reaches[side], component, self.sides[side][component])

    def _differ(self, below: Estimate, above: Estimate) -> bool:
        gap = abs(below.slope - above.slope)
        size = max(abs(below.slope), abs(above.slope))
        if below.slope == above.slope or isnan(gap):
            return False
        if not isfinite(size):
            return True
        known = SAFETY * (below.error + above.error)
        return gap > self.rtol * size + known

    def _at_kink(self, target: Target, below: Estimate, above: Estimate) -> Finding:
        low, high = sorted((below, above))
        room = self.rtol * max((abs(side.slope) for side in (low, high) if isfinite(side.slope)), default=0.0)
        inside = low.slope - low.error - room <= target.slope <= high.slope + high.error + room
        if isnan(target.slope):
            why = "the slopes to the two sides differ, and the gradient is nan"
            return Finding(CANNOT_TELL, UNKNOWN, below.slope, above.slope, why)
        nearest = min((below, above), key=lambda side: abs(side.slope - target.slope))
        where = "between" if inside else "outside of"
        why = f"the slopes to the two sides differ; the gradient lies {where} them"
        return Finding(KINK if inside else DISAGREES, nearest, below.slope, above.slope, why)

    def _not_finite(self, target: Target, best: Estimate) -> Finding:
        if isfinite(best.slope) and best.error <= self.rtol * max(abs(best.slope), 1e-300):
            return Finding(DISAGREES, best, None, None, f"the gradient is {target.slope}, the slope is finite")
        if target.slope == best.slope:
            return Finding(AGREES, best, None, None, "the slope grows without bound, and the gradient is infinite")
        return Finding(CANNOT_TELL, best, None, None, f"the gradient is {target.slope}")

    def _discriminating(self, component: int, target: Target, best: Estimate) -> Estimate:
        """Smaller steps, where they see what larger ones have smoothed away."""
        off = abs(target.slope - best.slope)
        if off <= self._tolerance(target, best) + SAFETY * (best.error + target.error):
            return best
        for other in self.candidates[component]:
            close = abs(target.slope - other.slope) <= self._tolerance(target, other) + SAFETY * other.error
            if close and other.step < best.step and other.error <= off / (2 * SAFETY):
                return other
        return best

    def _exact(self, target: Target, best: Estimate) -> Estimate:
        """The complex step, where it is the better witness."""
        exact = target.exact
        if exact is None:
            return best
        apart = abs(exact.slope - best.slope)
        if apart <= self._tolerance(target, best) + SAFETY * (exact.error + best.error) and isfinite(best.error):
            both = exact._replace(method=f"{exact.method} and {best.method}", step=best.step)
            return min(both, best, key=lambda estimate: estimate.error)
        confirms = abs(exact.slope - target.slope) <= self._tolerance(target, exact) + SAFETY * exact.error
        return exact if (confirms or not isfinite(best.error)) and self.faithful() else best

    def _compared(self, component: int, target: Target, best: Estimate) -> Finding:
        tolerance = self._tolerance(target, best)
        off, unsure = abs(target.slope - best.slope), best.error + target.error
        if self._constant(component):
            same = Estimate(0.0, 0.0, "the same bits at every step", best.step)
            return Finding(AGREES, same, None, None, "the function is constant here")
        if off > tolerance + SAFETY * unsure:
            return Finding(
                DISAGREES, best, None, None, f"they differ by {_relative(off, target, best):.1e} of their size"
            )
        if unsure <= tolerance:
            return Finding(AGREES, best, None, None, "")
        nearby = max(self.line.steepness(component), target.terms)
        zero = abs(target.slope) <= SAFETY * target.error and abs(best.slope) <= SAFETY * unsure
        if zero and unsure <= ZERO * self.rtol * nearby:
            why = f"0, to {unsure / nearby:.0e} of how steep the function is nearby"
            return Finding(AGREES, best, None, None, why)
        reached = _relative(unsure, target, best)
        why = (
            f"known to {reached:.0e} of their size only, {self.rtol:.0e} is wanted"
            if isfinite(reached)
            else ("both are 0 as far as rounding lets one see" if isfinite(unsure) else "no step gives a slope")
        )
        return Finding(CANNOT_TELL, best, None, None, why)

    def _tolerance(self, target: Target, estimate: Estimate) -> float:
        sizes = [abs(slope) for slope in (target.slope, estimate.slope) if isfinite(slope)]
        return self.rtol * max(sizes, default=0.0)


def _relative(difference: float, target: Target, estimate: Estimate) -> float:
    size = max(abs(target.slope), abs(estimate.slope))
    return difference / size if size and isfinite(size) else inf if difference else nan
