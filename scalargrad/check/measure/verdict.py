"""Does a gradient agree with the numbers? Agrees, disagrees, kink, or: cannot tell.

A slope measured along a line comes with what it may be off by, and so does the sweep's gradient.

The two agree when they differ by no more than the relative tolerance, and both are known to within
it: a number that is known less well is no evidence, however close to zero it lies.

They disagree when they differ by more than both may be off, and by more than the tolerance, and a
second witness stands by the measured slope: a complex step, or smaller steps to each side, down to
where rounding hides the difference. One measurement alone may be taken in by a function that varies
faster than its steps. What no second witness confirms is no evidence either.

A gradient of 0 has no relative precision. It agrees when the measured slope is 0 to within a small
part of the tolerance *relative to what the function does nearby*: to its steepest secant, or to the terms that
cancel in the sweep; or when the function is the same to the last bit wherever it was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, isfinite, isinf, isnan, nan
from typing import NamedTuple

from .slopes import EPSILON, FIRST, JUMP, NORMAL, SAFETY, UNKNOWN, Estimate, Line, at_end, extrapolated, followed

AGREES = "agrees"
DISAGREES = "disagrees"
KINK = "kink"
CANNOT_TELL = "cannot tell"

LONG = 3  # steps, each a 64th of the one before
ZERO = 1e-4  # by how much more precisely a zero has to be shown, since all small numbers look like it


class Target(NamedTuple):
    """What is to be judged: the gradient, its rounding, the size of its terms, a complex step where there is one.

    A difference of no more than `least` is none: numbers below the normal ones may hide it.
    """

    slope: float
    error: float
    terms: float
    exact: Estimate | None = None
    least: float = NORMAL
    outside: bool = False  # whether an operation stands outside of its declared domain, where nan is no fault


class Finding(NamedTuple):
    """A verdict, the measured slope it rests on, the slopes to the two sides where those count, and why."""

    verdict: str
    estimate: Estimate
    below: float | None
    above: float | None
    why: str


class Witnesses(NamedTuple):
    """What else may be asked where it matters, since it costs more.

    `faithful()` tells whether the recorded graph gives what the function gives at the sampled
    places: only then does what runs through the graph outweigh differences. `chained()` gives
    each component's slope by the chain rule, with the operations' own slopes measured; those that
    cannot be measured are the rules', off by anything, and nan on a kink, a pole or a border.
    """

    faithful: Callable[[], bool] = lambda: True
    chained: Callable[[], list[tuple[float, float]]] | None = None


NO_WITNESSES = Witnesses()


def examine(line: Line, targets: Sequence[Target], rtol: float, witnesses: Witnesses = NO_WITNESSES) -> list[Finding]:
    """Measure along a line until every component can be judged, or nothing helps any more."""
    if not all(map(isfinite, line.base.values)):
        return [_judged_without(line, i, target) for i, target in enumerate(targets)]
    measured = _Measured(line, targets, rtol, witnesses)
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

    def __init__(self, line: Line, targets: Sequence[Target], rtol: float, witnesses: Witnesses) -> None:
        self.line, self.targets, self.rtol, self.witnesses = line, targets, rtol, witnesses
        self.candidates: list[list[tuple[int, Estimate]]] = [[] for _ in targets]  # each with the side it is from
        self.natural = line.unit >= 1.0  # whether steps of a size of 1 or more have been tried, where they can be
        self.sides: dict[int, list[Estimate]] = {}
        self.reaches: dict[int, float] = {}
        self.end = 0.0  # how far the smooth piece is known to extend to both sides

    # ---------------------------------------------------------------- measuring

    def between(self, below: float, above: float) -> None:
        """Measure where the point lies inside a smooth piece: at ever other scales, as long as it helps."""
        narrow, wide = self.end, _ = sorted((below, above))
        self._gather(narrow, 0)
        if wide > 4 * narrow and not self._settled():
            self._gather(wide, 1 if above > below else -1)
        if self.line.unit != 1.0 and not self._settled():
            self.natural = True
            self._gather(min(self.line.reach(1, FIRST), self.line.reach(-1, FIRST)), 0)
        for smaller in (2.0**-8, 2.0**-16):
            if not self._settled():
                self._gather(narrow * smaller, 0)
        if not self._settled():
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
        for candidates, estimate in zip(
            self.candidates, extrapolated(self.line, reach, side, self._enough), strict=True
        ):
            candidates.append((side, estimate))

    def _gather_sides(self, anchored: bool) -> None:
        for side in (-1, 1):
            reach = self.line.reach(side, FIRST * self.line.unit, anchored)
            if not reach:
                continue
            self.reaches[side] = reach
            wide = extrapolated(self.line, reach, side, self._precise)
            fine = extrapolated(self.line, reach * 2.0**-8, side, self._precise)
            self.sides[side] = [min(pair, key=lambda estimate: estimate.error) for pair in zip(wide, fine, strict=True)]

    def _enough(self, latest: list[Estimate]) -> bool:
        return all(self._agrees(i, estimate, SAFETY) for i, estimate in enumerate(latest))

    def _precise(self, latest: list[Estimate]) -> bool:
        return all(estimate.error <= self.rtol / SAFETY * abs(estimate.slope) for estimate in latest)

    def _settled(self) -> bool:
        return all(
            any(self._agrees(i, estimate, SAFETY) for _, estimate in self.candidates[i])
            or self._witnessed(i)
            or self._against(i) is not None
            for i in range(len(self.targets))
        )

    # ---------------------------------------------------------------- witnesses

    def _agrees(self, component: int, estimate: Estimate, room: float = 1.0) -> bool:
        """Whether this estimate alone shows that the gradient is right, with so much room to spare."""
        target = self.targets[component]
        if self._constant(component):
            return True
        tolerance, unsure = self._tolerance(target, estimate), estimate.error + target.error
        return unsure <= tolerance / room and abs(target.slope - estimate.slope) <= tolerance + SAFETY * unsure

    def _contradicts(self, target: Target, estimate: Estimate) -> bool:
        """Whether this estimate, taken at its word, shows that the gradient is wrong."""
        if isnan(target.slope):
            return not target.outside and isfinite(estimate.slope) and isfinite(estimate.error)
        off = abs(target.slope - estimate.slope)
        return off > target.least and off > self._tolerance(target, estimate) + SAFETY * (estimate.error + target.error)

    def _consistent(self, one: Estimate, other: Estimate) -> bool:
        off = abs(one.slope - other.slope)
        return off <= self.rtol * abs(one.slope) + SAFETY * (one.error + other.error) < inf

    def _witnessed(self, component: int) -> bool:
        """Whether a complex step shows that the gradient is right, and no difference contradicts.

        Differences need not be precise then, as they cannot be where a slope is small.
        """
        exact = self.targets[component].exact
        return (
            exact is not None
            and self._agrees(component, exact)
            and any(self._consistent(exact, estimate) for _, estimate in self.candidates[component])
            and self.witnesses.faithful()
        )

    def _against(self, component: int) -> Estimate | None:
        """The best estimate that contradicts the gradient and has a second witness, with none for the gradient."""
        target, exact = self.targets[component], self.targets[component].exact
        for side, estimate in sorted(self.candidates[component], key=lambda candidate: candidate[1].error):
            if self._contradicts(target, estimate):
                if exact is not None and self._contradicts(target, exact) and self._consistent(exact, estimate):
                    return self._more_precise(exact, estimate)
                if self._holds(component, side, estimate) and not self._chain_allows(component):
                    return estimate
        return None

    def _holds(self, component: int, side: int, estimate: Estimate) -> bool:
        """Whether smaller steps confirm an estimate, to the side that it is from, or to both.

        They must do so until rounding hides the difference from the gradient, or for long. Where the
        function's piece ends to the other side they must come as close as that: near its end it may be steep.
        If the gradient is so steep that the spacing of floats would change the whole function, they show nothing.
        """
        difference = abs(self.targets[component].slope - estimate.slope)
        values = [abs(sample.values[component]) for sample in self.line.samples]
        largest = max(filter(isfinite, values))
        if difference * EPSILON * estimate.step > largest and not self.line.constant(component):
            return False
        for toward in [side] if side else [-1, 1]:
            steps = followed(self.line, toward, component, estimate)
            if steps is None:
                return False
            telling = [step for step, rounding in steps if SAFETY * rounding < difference]
            if len(telling) == len(steps) < LONG or (side and min(telling, default=inf) > self.end):
                return False
        return True

    def _chain_allows(self, component: int) -> bool:
        """Whether the chain rule, with each operation measured by itself, does not deny the gradient.

        It may support the gradient where the whole hides it: where a part is too small to be seen
        in the function's numbers, or oscillates faster than floats can follow. There, and where an
        operation cannot be measured even by itself, the whole is no witness.
        """
        if self.witnesses.chained is None:
            return False
        slope, error = self.witnesses.chained()[component]
        denied = self._contradicts(self.targets[component], Estimate(slope, error, "", 0.0))
        return isfinite(slope) and not denied and self.witnesses.faithful()

    def _more_precise(self, exact: Estimate, estimate: Estimate) -> Estimate:
        both = exact._replace(method=f"{exact.method} and {estimate.method}", step=estimate.step)
        return min(both, estimate, key=lambda witness: witness.error)

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
        sides = {side: self._side(side, component) for side in self.sides}
        if len(sides) == 2:
            below, above = sides[-1], sides[1]
            if isinf(below.slope) and below.slope == -above.slope:
                return Finding(CANNOT_TELL, UNKNOWN, below.slope, above.slope, "the point is a pole or a cusp")
            if below.method == above.method == JUMP and isfinite(target.slope):
                why = "the function jumps here, and has no slope"
                return Finding(KINK, above, below.slope, above.slope, why)
            if self._differ(below, above):
                if target.exact is None or not self.witnesses.faithful():
                    return self._at_kink(target, below, above)
                sides = {}  # there is no kink where a complex step is: it is a bend too close for these steps
        if self.candidates[component]:
            measured, against = [estimate for _, estimate in self.candidates[component]], self._against(component)
        else:
            measured, against = list(sides.values()), self._against_sides(target, sides)
        best = min(measured, key=lambda estimate: estimate.error, default=UNKNOWN)
        exact = target.exact
        if exact is not None:
            consistent = self._consistent(exact, best)
            if consistent:
                best = self._more_precise(exact, best)
            elif not isfinite(best.error):
                best = exact
            if self._decides(component, exact, disputed=against is not None or not self._agrees(component, best)):
                best = best if consistent else exact
                measured, against = [], best if self._contradicts(target, exact) else None
        if against is not None:
            return self._wrong(target, against)
        return self._not_wrong(component, best, [best, *measured])

    def _decides(self, component: int, exact: Estimate, disputed: bool) -> bool:
        """Whether the complex step outweighs differences, as it does unless smaller steps confirm those."""
        if self._contradicts(self.targets[component], exact):
            return self.witnesses.faithful() and not any(
                not self._consistent(exact, estimate) and self._holds(component, side, estimate)
                for side, estimate in self.candidates[component]
            )
        return disputed and self._agrees(component, exact) and self.witnesses.faithful()

    def _against_sides(self, target: Target, sides: Mapping[int, Estimate]) -> Estimate | None:
        """The slope to a side that contradicts, where that to the other side is known, or known not to be there."""
        if any(isinf(estimate.error) for estimate in sides.values()):
            return None
        for side, estimate in sides.items():
            known = -side in sides or isfinite(self.line.at(-side * FIRST * self.line.unit).t)
            if known and self._contradicts(target, estimate) and estimate.method != JUMP:
                return estimate
        return None

    def _side(self, side: int, component: int) -> Estimate:
        return at_end(self.line, side, self.reaches[side], component, self.sides[side][component])

    def _differ(self, below: Estimate, above: Estimate) -> bool:
        gap = abs(below.slope - above.slope)
        size = max(abs(below.slope), abs(above.slope))
        if below.slope == above.slope or isnan(gap) or isinf(below.error) or isinf(above.error):
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

    def _wrong(self, target: Target, against: Estimate) -> Finding:
        why = f"they differ by {_relative(abs(target.slope - against.slope), target, against):.1e} of their size"
        if isnan(target.slope):
            why = "the gradient is nan, the slope is finite"
        return Finding(DISAGREES, against, None, None, why)

    def _not_wrong(self, component: int, best: Estimate, measured: Sequence[Estimate]) -> Finding:
        """The verdict where nothing shows that the gradient is wrong: right, or not known."""
        target = self.targets[component]
        if self._constant(component):
            same = Estimate(0.0, 0.0, "the same bits at every step", best.step)
            return Finding(AGREES, same, None, None, "the function is constant here")
        if not isfinite(target.slope):
            if target.slope == best.slope:
                return Finding(AGREES, best, None, None, "the slope grows without bound, and the gradient is infinite")
            return Finding(CANNOT_TELL, best, None, None, f"the gradient is {target.slope}")
        for estimate in measured:
            if self._agrees(component, estimate):
                return Finding(AGREES, estimate, None, None, "")
        unsure = best.error + target.error
        nearby = max(self.line.steepness(component), target.terms)
        zero = abs(target.slope) <= SAFETY * target.error and abs(best.slope) <= SAFETY * unsure
        if zero and unsure <= ZERO * self.rtol * nearby < inf:
            why = f"0, to {unsure / nearby:.0e} of how steep the function is nearby"
            return Finding(AGREES, best, None, None, why)
        return Finding(CANNOT_TELL, best, None, None, self._why_not(target, best))

    def _why_not(self, target: Target, best: Estimate) -> str:
        """Why it cannot be told whether the gradient is right."""
        if self._contradicts(target, best):
            return "the slopes that were measured differ from it, but do not hold at other steps"
        reached = _relative(best.error + target.error, target, best)
        if isfinite(reached):
            return f"known to {reached:.0e} of their size only, {self.rtol:.0e} is wanted"
        return "both are 0 as far as rounding lets one see" if isfinite(best.error) else "no step gives a slope"

    def _tolerance(self, target: Target, estimate: Estimate) -> float:
        sizes = [abs(slope) for slope in (target.slope, estimate.slope) if isfinite(slope)]
        return self.rtol * max(sizes, default=0.0)


def _relative(difference: float, target: Target, estimate: Estimate) -> float:
    size = max(abs(target.slope), abs(estimate.slope))
    return difference / size if size and isfinite(size) else inf if difference else nan
