"""Is a gradient right? The verdict: agrees, disagrees, kink, or cannot tell.

A slope that is measured along a line has a bound on its error, and so has the sweep's gradient.

They agree when they differ by no more than the relative tolerance, and the errors of both are within
it. A number with a larger error is no evidence, however close to zero it is.

They disagree when they differ by more than both errors and by more than the tolerance, and a
second witness supports the measured slope: a complex step, or smaller steps to each side, down to
where rounding hides the difference. One measurement alone may be wrong where a function varies
faster than its steps.

A gradient of 0 has no relative precision. It agrees when the measured slope is 0 within a small
part of the tolerance *relative to the function nearby*: to its steepest secant, or to the terms that
cancel in the sweep; or when the function has the same bits wherever it was sampled.
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
ZERO = 1e-4  # a zero needs so much more precision, since every small number looks like zero


class Claim(NamedTuple):
    """A gradient that is to be judged.

    Attributes:
        slope: the gradient.
        error: a bound on its rounding error.
        terms: the size of the terms that it is the sum of.
        exact: the slope by a complex step, if there is one.
        least: a difference of no more than this is none: numbers below the normal ones may hide it.
        outside: whether an operation is outside of its declared domain, where nan is not wrong.
    """

    slope: float
    error: float
    terms: float
    exact: Estimate | None = None
    least: float = NORMAL
    outside: bool = False


class Judgement(NamedTuple):
    """A verdict with its reasons.

    Attributes:
        verdict: "agrees", "disagrees", "kink" or "cannot tell".
        estimate: the measured slope behind it.
        below, above: the slopes to the two sides, where they matter.
        why: an explanation; empty where there is nothing to explain.
    """

    verdict: str
    estimate: Estimate
    below: float | None = None
    above: float | None = None
    why: str = ""


class Witnesses(NamedTuple):
    """More evidence, which costs more, and is called only where it decides.

    Attributes:
        faithful: whether the recorded graph gives what the function gives at the sampled places.
            Only then do the complex step and the chain rule, which use the graph, outweigh differences.
        chained: each component's slope with its error, by the chain rule on the measured slopes of
            the operations. Where an operation cannot be measured, the rule's slope stands in, with an
            infinite error; on a kink, a pole or a border nan does.
    """

    faithful: Callable[[], bool] = lambda: True
    chained: Callable[[], list[tuple[float, float]]] | None = None


NO_WITNESSES = Witnesses()


def examine(line: Line, claims: Sequence[Claim], rtol: float, witnesses: Witnesses = NO_WITNESSES) -> list[Judgement]:
    """Measure along a line until each component's claim can be judged, or more measuring does not help.

    Args:
        line: the function along a line.
        claims: the gradient of each component.
        rtol: the relative tolerance.
        witnesses: more evidence.

    Returns:
        A judgement for each claim.
    """
    if not all(map(isfinite, line.base.values)):
        return [_judged_without(line, i, claim) for i, claim in enumerate(claims)]
    measured = _Measured(line, claims, rtol, witnesses)
    largest = FIRST * line.unit
    above, below = line.reach(1, largest), line.reach(-1, largest)
    if above and below:
        measured.between(below, above)
    elif max(above, below) and not line.on_break and line.branches_alike():
        measured.from_one_side(1 if above else -1, max(above, below))
    else:
        measured.beside()
    return [measured.judged(i) for i in range(len(claims))]


def _judged_without(line: Line, component: int, claim: Claim) -> Judgement:
    value = line.base.values[component]
    why = f"the function is {value} here, the gradient {claim.slope}"
    return Judgement(CANNOT_TELL, UNKNOWN, why="another output is not finite here" if isfinite(value) else why)


class _Measured:
    """The measurements along one line: candidates for each component's slope, and for the slopes to its two sides."""

    def __init__(self, line: Line, claims: Sequence[Claim], rtol: float, witnesses: Witnesses) -> None:
        self.line, self.claims, self.rtol, self.witnesses = line, claims, rtol, witnesses
        self.candidates: list[list[tuple[int, Estimate]]] = [[] for _ in claims]  # each with its side
        self.natural = line.unit >= 1.0  # whether steps of about 1 have been tried, if there are any
        self.sides: dict[int, list[Estimate]] = {}
        self.reaches: dict[int, float] = {}
        self.end = 0.0  # how far the smooth piece is known to extend to both sides

    # ---------------------------------------------------------------- measuring

    def between(self, below: float, above: float) -> None:
        """Measure inside a smooth piece, at one scale after another, as long as it helps."""
        self.end = narrow = min(below, above)
        self._gather(narrow, 0)
        if not self._settled() and below != above:
            self._gather(max(below, above), 1 if above > below else -1)
        if self.line.unit != 1.0 and not self._settled():
            self.natural = True
            self._gather(min(self.line.reach(1, FIRST), self.line.reach(-1, FIRST)), 0)
        for smaller in (2.0**-8, 2.0**-16):
            if not self._settled():
                self._gather(narrow * smaller, 0)
        if not self._settled():
            self._gather_sides(anchored=True)

    def from_one_side(self, side: int, reach: float) -> None:
        """Measure inside a smooth piece, but so close to its end that there is no step to the other side."""
        self.natural = True
        for smaller in (1.0, 2.0**-8, 2.0**-16):
            if not self._settled():
                self._gather(reach * smaller, side)

    def beside(self) -> None:
        """Measure at the end of a smooth piece: each side by itself."""
        self.natural = True
        self._gather_sides(anchored=False)

    def _gather(self, reach: float, side: int) -> None:
        estimates = extrapolated(self.line, reach, side, self._enough)
        for candidates, estimate in zip(self.candidates, estimates, strict=True):
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
            for i in range(len(self.claims))
        )

    # ---------------------------------------------------------------- witnesses

    def _agrees(self, component: int, estimate: Estimate, room: float = 1.0) -> bool:
        """Whether this estimate alone shows that the gradient is right, with an error so many times smaller."""
        claim = self.claims[component]
        if self._constant(component):
            return True
        tolerance, unsure = self._tolerance(claim, estimate), estimate.error + claim.error
        return unsure <= tolerance / room and abs(claim.slope - estimate.slope) <= tolerance + SAFETY * unsure

    def _contradicts(self, claim: Claim, estimate: Estimate) -> bool:
        """Whether the gradient is wrong if this estimate is right."""
        if isnan(claim.slope):
            return not claim.outside and isfinite(estimate.slope) and isfinite(estimate.error)
        off = abs(claim.slope - estimate.slope)
        return off > claim.least and off > self._tolerance(claim, estimate) + SAFETY * (estimate.error + claim.error)

    def _consistent(self, one: Estimate, other: Estimate) -> bool:
        off = abs(one.slope - other.slope)
        return off <= self.rtol * abs(one.slope) + SAFETY * (one.error + other.error) < inf

    def _witnessed(self, component: int) -> bool:
        """Whether a complex step shows that the gradient is right, and a difference is consistent with it.

        The difference need not be precise then. It cannot be where a slope is small.
        """
        exact = self.claims[component].exact
        return (
            exact is not None
            and self._agrees(component, exact)
            and any(self._consistent(exact, estimate) for _, estimate in self.candidates[component])
            and self.witnesses.faithful()
        )

    def _against(self, component: int) -> Estimate | None:
        """The best estimate that contradicts the gradient and has a second witness, where none is for the gradient."""
        claim = self.claims[component]
        exact = claim.exact
        for side, estimate in sorted(self.candidates[component], key=lambda candidate: candidate[1].error):
            if self._contradicts(claim, estimate):
                if exact is not None and self._contradicts(claim, exact) and self._consistent(exact, estimate):
                    return self._more_precise(exact, estimate)
                if self._holds(component, side, estimate) and not self._chain_allows(component):
                    return estimate
        return None

    def _holds(self, component: int, side: int, estimate: Estimate) -> bool:
        """Whether smaller steps confirm an estimate, to the side that it is from, or to both.

        They must do so until rounding hides the difference from the gradient, or for long. Where the
        smooth piece ends on the other side they must come as close as that end, since the function may be
        steep near it. If the gradient is so steep that it would change the whole function between
        two floats, steps show nothing.
        """
        difference = abs(self.claims[component].slope - estimate.slope)
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
        """Whether the chain rule, on the measured slopes of the operations, does not contradict the gradient.

        It may support the gradient where the whole function hides it: where a part is too small to
        show in the function's numbers, or oscillates faster than floats can follow. There, and where
        an operation cannot be measured even by itself, the whole function is no witness.
        """
        if self.witnesses.chained is None:
            return False
        slope, error = self.witnesses.chained()[component]
        contradicts = self._contradicts(self.claims[component], Estimate(slope, error, "", 0.0))
        return isfinite(slope) and not contradicts and self.witnesses.faithful()

    def _more_precise(self, exact: Estimate, estimate: Estimate) -> Estimate:
        both = exact._replace(method=f"{exact.method} and {estimate.method}", step=estimate.step)
        return min(both, estimate, key=lambda witness: witness.error)

    def _constant(self, component: int) -> bool:
        """Whether the gradient 0 is that of a constant: no step changes a bit, and no complex step contradicts."""
        claim = self.claims[component]
        if claim.slope != 0.0 or not self.natural or not self.line.constant(component):
            return False
        return claim.exact is None or abs(claim.exact.slope) <= SAFETY * claim.exact.error

    # ---------------------------------------------------------------- judging

    def judged(self, component: int) -> Judgement:
        """Return the judgement on one component's claim."""
        claim = self.claims[component]
        sides = {side: self._side(side, component) for side in self.sides}
        if len(sides) == 2:
            below, above = sides[-1], sides[1]
            if isinf(below.slope) and below.slope == -above.slope:
                return Judgement(CANNOT_TELL, UNKNOWN, below.slope, above.slope, "the point is a pole or a cusp")
            if below.method == above.method == JUMP and isfinite(claim.slope):
                return Judgement(KINK, above, below.slope, above.slope, "the function jumps here, and has no slope")
            if self._differ(below, above):
                if claim.exact is None or not self.witnesses.faithful():
                    return self._at_kink(claim, below, above)
                sides = {}  # where there is a complex step there is no kink, but a bend too sharp for these steps
        if self.candidates[component]:
            measured, against = [estimate for _, estimate in self.candidates[component]], self._against(component)
        else:
            measured, against = list(sides.values()), self._against_sides(claim, sides)
        best = min(measured, key=lambda estimate: estimate.error, default=UNKNOWN)
        exact = claim.exact
        if exact is not None:
            consistent = self._consistent(exact, best)
            if consistent:
                best = self._more_precise(exact, best)
            elif not isfinite(best.error):
                best = exact
            if self._decides(component, exact, disputed=against is not None or not self._agrees(component, best)):
                best = best if consistent else exact
                measured, against = [], best if self._contradicts(claim, exact) else None
        if against is not None:
            return self._wrong(claim, against)
        return self._not_wrong(component, best, [best, *measured])

    def _decides(self, component: int, exact: Estimate, disputed: bool) -> bool:
        """Whether the complex step outweighs differences, as it does unless smaller steps confirm those."""
        if self._contradicts(self.claims[component], exact):
            return self.witnesses.faithful() and not any(
                not self._consistent(exact, estimate) and self._holds(component, side, estimate)
                for side, estimate in self.candidates[component]
            )
        return disputed and self._agrees(component, exact) and self.witnesses.faithful()

    def _against_sides(self, claim: Claim, sides: Mapping[int, Estimate]) -> Estimate | None:
        """The slope to a side that contradicts the gradient, if the slope to the other is known or does not exist."""
        if any(isinf(estimate.error) for estimate in sides.values()):
            return None
        for side, estimate in sides.items():
            known = -side in sides or isfinite(self.line.at(-side * FIRST * self.line.unit).t)
            if known and self._contradicts(claim, estimate) and estimate.method != JUMP:
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
        return gap > self.rtol * size + SAFETY * (below.error + above.error)

    def _at_kink(self, claim: Claim, below: Estimate, above: Estimate) -> Judgement:
        low, high = sorted((below, above))
        room = self.rtol * max((abs(side.slope) for side in (low, high) if isfinite(side.slope)), default=0.0)
        inside = low.slope - low.error - room <= claim.slope <= high.slope + high.error + room
        if isnan(claim.slope):
            why = "the slopes to the two sides differ, and the gradient is nan"
            return Judgement(CANNOT_TELL, UNKNOWN, below.slope, above.slope, why)
        nearest = min((below, above), key=lambda side: abs(side.slope - claim.slope))
        where = "between" if inside else "outside of"
        why = f"the slopes to the two sides differ; the gradient is {where} them"
        return Judgement(KINK if inside else DISAGREES, nearest, below.slope, above.slope, why)

    def _wrong(self, claim: Claim, against: Estimate) -> Judgement:
        why = f"the relative difference is {_relative(abs(claim.slope - against.slope), claim, against):.1e}"
        if isnan(claim.slope):
            why = "the gradient is nan, the slope is finite"
        return Judgement(DISAGREES, against, why=why)

    def _not_wrong(self, component: int, best: Estimate, measured: Sequence[Estimate]) -> Judgement:
        """The judgement where nothing shows that the gradient is wrong: right, or unknown."""
        claim = self.claims[component]
        if self._constant(component):
            same = Estimate(0.0, 0.0, "the same bits at every step", best.step)
            return Judgement(AGREES, same, why="the function is constant here")
        if not isfinite(claim.slope):
            if claim.slope == best.slope:
                return Judgement(AGREES, best, why="the slope grows without bound, and the gradient is infinite")
            return Judgement(CANNOT_TELL, best, why=f"the gradient is {claim.slope}")
        for estimate in measured:
            if self._agrees(component, estimate):
                return Judgement(AGREES, estimate)
        unsure = best.error + claim.error
        nearby = max(self.line.steepness(component), claim.terms)
        zero = abs(claim.slope) <= SAFETY * claim.error and abs(best.slope) <= SAFETY * unsure
        if zero and unsure <= ZERO * self.rtol * nearby < inf:
            why = f"0, within {unsure / nearby:.0e} of how steep the function is nearby"
            return Judgement(AGREES, best, why=why)
        return Judgement(CANNOT_TELL, best, why=self._why_not(claim, best))

    def _why_not(self, claim: Claim, best: Estimate) -> str:
        """Why the checker cannot tell whether the gradient is right."""
        if self._contradicts(claim, best):
            return "the measured slopes differ from it, but other steps do not confirm them"
        reached = _relative(best.error + claim.error, claim, best)
        if isfinite(reached):
            return f"known only with a relative error of {reached:.0e}, and rtol is {self.rtol:.0e}"
        return "both may be 0, as far as rounding shows" if isfinite(best.error) else "no step gives a slope"

    def _tolerance(self, claim: Claim, estimate: Estimate) -> float:
        sizes = [abs(slope) for slope in (claim.slope, estimate.slope) if isfinite(slope)]
        return self.rtol * max(sizes, default=0.0)


def _relative(difference: float, claim: Claim, estimate: Estimate) -> float:
    size = max(abs(claim.slope), abs(estimate.slope))
    return difference / size if size and isfinite(size) else inf if difference else nan
