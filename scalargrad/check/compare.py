"""One derivative after another: the sweep's number, what it may be off by, and the verdict on it.

A derivative of order k is the first derivative of one of order k - 1. So every order is checked in
the same way: the components are the derivatives of the order before, as `grad` gives them; the
sweep through their graph differentiates them once more; and the slope is measured on the
components, computed anew at points nearby.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from math import isfinite, nan
from typing import NamedTuple

from ..engine import modes
from ..engine.derivatives import grad, jvp
from ..engine.errors import described
from ..engine.floats import same
from ..engine.graph import sweep, topological_order
from ..engine.primitives import add
from ..engine.value import Value
from .culprit import THE_FUNCTION, culprits, measured_slope
from .measure.complex_step import NO_SLOPE, Slope
from .measure.recording import Recording
from .measure.rounding import Gradient, data_errors, gradient, local_errors
from .measure.slopes import EPSILON, NORMAL, Estimate, Line, Sample
from .measure.verdict import DISAGREES, Finding, Target, Witnesses, examine
from .report import Comparison, Culprit, Report
from .subject import Subject

A_FEW = 3  # inputs that are named


class Move(NamedTuple):
    """A direction in which derivatives are taken: its name and the inputs' parts in it."""

    name: str
    parts: dict[int, float]


class Check:
    """One check, and what it has found so far."""

    def __init__(
        self, checked: Subject, places: list[int], order: int, rtol: float, directions: int | None, seed: int
    ) -> None:
        self.subject, self.places, self.order, self.rtol = checked, places, order, rtol
        self.directions, self.seed = directions, seed
        self.point = checked.point
        rng = random.Random(seed)
        self.moves = self._moves(rng)
        self.weights = self._direction(rng)
        self.comparisons: list[Comparison] = []
        self.faults: list[str] = []
        self.notes: list[str] = []
        self.unrepresented: set[str] = set()
        self.evaluations = 0

    def _moves(self, rng: random.Random) -> list[Move]:
        if self.directions is None:
            return [Move(self.subject.names[place], {place: 1.0}) for place in self.places]
        return [Move(f"direction {i + 1}", self._direction(rng)) for i in range(self.directions)]

    def _direction(self, rng: random.Random) -> dict[int, float]:
        """A random direction, in which each input moves in proportion to its size."""
        sizes = sorted(abs(self.point[place]) for place in self.places if self.point[place])
        typical = sizes[len(sizes) // 2] if sizes else 1.0
        return {place: rng.choice((-1.0, 1.0)) * (abs(self.point[place]) or typical) for place in self.places}

    # ---------------------------------------------------------------- the whole check

    def report(self) -> Report:
        """Check every order up to the one that is wanted, and explain what is wrong."""
        self.base = self.subject.at(self.point, self._recorded)
        self.outside = self.base.outside()
        self._repeated()
        recordings = [self.base]
        for level in range(1, self.order + 1):
            if self.faults:
                break
            recordings.append(self.subject.at(self.point, partial(self._level, level)))
        wrong = any(found.verdict == DISAGREES for found in self.comparisons)
        found: list[Culprit] = []
        looked = 0
        if recordings[1:]:
            found, looked = self._culprits(recordings[1:], every=wrong)
        if wrong:
            self._explain(found)
        return Report(
            comparisons=tuple(self.comparisons),
            culprits=tuple(found),
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            point=dict(zip(self.subject.names, self.point, strict=True)),
            settings={
                "order": self.order,
                "rtol": self.rtol,
                **({} if self.directions is None else {"directions": self.directions, "seed": self.seed}),
            },
            tried={"evaluations": self.evaluations, "nodes": len(self.base.nodes), "rules": looked},
        )

    def _recorded(self, outputs: list[Value], inputs: list[Value]) -> Recording:
        """The graph at the point, and what is suspicious about it."""
        self.evaluations += 1
        recording = Recording(outputs, inputs)
        for name, node, x in zip(self.subject.names, inputs, self.point, strict=True):
            if not same(node.data, x):
                self.notes.append(f"the function sets the data of its input {name}: {x} becomes {node.data}")
        for place in recording.stale()[:1]:
            node = recording.nodes[place]
            what = f"the data of {node.label or described(node)} or of its operands has been set after it was computed"
            (self.notes if self.subject.fresh else self.faults).append(what)
        return recording

    def _repeated(self) -> None:
        """Compute the function again at the same point."""
        if self.subject.fresh and not self.faults:
            again = self.subject.at(self.point, self._reader(1, 0.0))
            first = self._outputs_of(self.base)
            if again.ops != self.base.ops or not all(map(same, again.values, first)):
                what = "" if again.values == first else f": it gave {_listed(first)} and then {_listed(again.values)}"
                self.faults.append(f"the function is not deterministic: twice at the same point, it differs{what}")

    @staticmethod
    def _outputs_of(recording: Recording) -> tuple[float, ...]:
        return tuple(recording.numbers[place] for place in recording.outputs)

    # ---------------------------------------------------------------- one order

    def _level(self, level: int, outputs: list[Value], inputs: list[Value]) -> Recording:
        """Compare the derivatives of one order."""
        try:
            components = self._components(level, outputs, inputs)
        except ValueError as error:
            self.faults.append(f"no derivative of order {level} can be taken: {error}")
            return self.base
        recording = Recording([value for value, _ in components], inputs)
        moved_together = self.directions is not None
        errors = data_errors(recording, [EPSILON * abs(x) if moved_together else 0.0 for x in self.point])
        rules = local_errors(recording, errors)
        gradients = [gradient(recording, i, rules) for i in range(len(components))]
        noise = [errors[place] for place in recording.outputs]
        if level == 1:
            self.first = (recording, gradients, noise)
        for move in self.moves:
            self._compare(level, move, recording, [names for _, names in components], gradients, noise)
        if level == 1:
            self._forward(outputs, inputs, gradients)
        return recording

    def _components(self, level: int, outputs: list[Value], inputs: list[Value]) -> list[tuple[Value, list[str]]]:
        """The derivatives of the order before, each with its names: the output's and those of the inputs."""
        several = len(outputs) > 1
        found = [(value, -1, [value.label or (f"f[{i}]" if several else "f")]) for i, value in enumerate(outputs)]
        for _ in range(1, level):
            lower, found = found, []
            for component, last, names in lower:
                slopes = grad(component, [inputs[place] for place in self.places])
                if self.directions is not None:
                    along = [slope * self.weights[place] for slope, place in zip(slopes, self.places, strict=True)]
                    found.append((reduce(add, along), -1, [*names, "direction 0"]))
                    continue
                for i, (slope, place) in enumerate(zip(slopes, self.places, strict=True)):
                    if i >= last:
                        found.append((slope, i, [*names, self.subject.names[place]]))
        return [(component, names) for component, _, names in found]

    def _numbers(self, level: int, outputs: list[Value], inputs: list[Value]) -> tuple[float, ...]:
        """The numbers of the components: those of order 1 by the sweep itself."""
        if level == 1:
            return tuple(value.data for value in outputs)
        if level > 2:
            return tuple(value.data for value, _ in self._components(level, outputs, inputs))
        found: list[float] = []
        for output in outputs:
            totals = sweep({output: 1.0})
            slopes = [totals.get(inputs[place], 0.0) for place in self.places]
            if self.directions is not None:
                slopes = [sum(slope * self.weights[place] for slope, place in zip(slopes, self.places, strict=True))]
            found += slopes
        return tuple(found)

    def _compare(
        self,
        level: int,
        move: Move,
        recording: Recording,
        names: list[list[str]],
        gradients: list[Gradient],
        noise: list[float],
    ) -> None:
        """Judge every component's derivative in one direction."""
        line, points, targets, findings = self._judged(level, move, recording, gradients, noise)
        for path, target, finding in zip(names, targets, findings, strict=True):
            self.comparisons.append(
                Comparison(
                    output=path[0],
                    wrt=", ".join([*path[1:], move.name]),
                    order=level,
                    verdict=finding.verdict,
                    analytic=target.slope,
                    numerical=finding.estimate.slope,
                    error=finding.estimate.error + target.error,
                    method=finding.estimate.method,
                    step=finding.estimate.step,
                    below=finding.below,
                    above=finding.above,
                    why=finding.why,
                )
            )
            if finding.verdict == DISAGREES and level == 1 and not self._represented(recording, line, points):
                self.unrepresented.add(move.name)

    def _judged(
        self, level: int, move: Move, recording: Recording, gradients: list[Gradient], noise: list[float]
    ) -> tuple[Line, dict[float, list[float]], list[Target], list[Finding]]:
        """Measure every component's slope in one direction, and judge the sweep's by it."""
        single = self.directions is None
        largest = max(abs(self.point[place]) for place in move.parts)
        unit = largest if single and largest >= NORMAL else 1.0
        points: dict[float, list[float]] = {}

        def evaluate(t: float) -> Sample:
            moved = [*self.point]
            for place, part in move.parts.items():
                moved[place] += t * part
                if single:
                    t = moved[place] - self.point[place]
            points[t] = moved
            return self._sample(level, moved, t, len(noise))

        line = Line(evaluate, self._on_one_piece, unit, noise, bool(self.base.on_break()))
        targets = self._targets(move, recording, gradients)
        witnesses = Witnesses(
            faithful=lambda: self._represented(recording, line, points),
            chained=lambda: self._chained(recording, move),
        )
        findings = examine(line, targets, self.rtol, witnesses)
        return line, points, targets, findings

    def _targets(self, move: Move, recording: Recording, gradients: list[Gradient]) -> list[Target]:
        exact = recording.chained(move.parts, recording.slope_of) if recording.held == self.base.held else []
        targets = []
        for i, (slopes, errors, terms, _) in enumerate(gradients):
            slope, error, size = 0.0, 0.0, 0.0
            for place, part in move.parts.items():
                slope += slopes[place] * part
                error += errors[place] * abs(part)
                size += terms[place] * abs(part)
            measured = None
            if exact and isfinite(exact[i][0]):
                found, off = exact[i]
                measured = Estimate(found, off + 8 * error + 4 * EPSILON * abs(found), "complex step", 0.0)
            least = NORMAL * (1 + sum(map(abs, move.parts.values())))
            targets.append(Target(slope, error, size, measured, least, self.outside))
        return targets

    def _chained(self, recording: Recording, move: Move) -> list[Slope]:
        """The components' slopes by the chain rule, with each operation's own slopes measured on its values."""
        if recording.held != self.base.held:
            return [NO_SLOPE] * len(recording.outputs)
        return recording.chained(move.parts, lambda i, k: measured_slope(recording, i, k, self.rtol))

    # ---------------------------------------------------------------- at other points

    def _sample(self, level: int, moved: list[float], t: float, count: int) -> Sample:
        self.evaluations += 1
        if self.subject.fresh and not self.base.held:
            try:
                found = self.subject.at(moved, self._reader(level, t))
            except (ArithmeticError, ValueError):  # the function's own, outside of where it is defined
                return Sample(t, (nan,) * count, (), None)
            return found if len(found.values) == count else Sample(t, (nan,) * count, (), None)
        if level == 1:
            numbers = self.base.run(moved)
            return Sample(t, tuple([numbers[place] for place in self.base.outputs]), numbers, self.base.ops)
        inputs = [Value(x) for x in moved]
        return self._reader(level, t)(self.base.rebuilt(inputs), inputs)

    def _reader(self, level: int, t: float) -> Callable[[list[Value], list[Value]], Sample]:
        def read(outputs: list[Value], inputs: list[Value]) -> Sample:
            nodes = topological_order(*outputs, *inputs)
            numbers = [node.data for node in nodes]
            return Sample(t, self._numbers(level, outputs, inputs), numbers, [node.op for node in nodes])

        return read

    def _on_one_piece(self, a: Sample, b: Sample) -> bool:
        return a.ops == b.ops and (a.ops != self.base.ops or not self.base.crossed(a.numbers, b.numbers))

    def _represented(self, recording: Recording, line: Line, points: dict[float, list[float]]) -> bool:
        """Whether a recorded graph, run again at the sampled points, gives what the function gave there."""
        for sample in line.samples:
            numbers = recording.run(points[sample.t], hold=self.base.held)
            for place, value, noise in zip(recording.outputs, sample.values, line.noise, strict=True):
                if isfinite(value) and abs(numbers[place] - value) > 16 * noise + 1e-12 * abs(value):
                    return False
        return True

    # ---------------------------------------------------------------- forward mode, and explanations

    def _forward(self, outputs: list[Value], inputs: list[Value], gradients: list[Gradient]) -> None:
        """Compare the derivatives forwards through the graph, in one direction, with those of the sweep."""
        wrt = [inputs[place] for place in self.places]
        try:
            forwards = jvp(outputs, wrt, [self.weights[place] for place in self.places])
        except ValueError as error:
            self.notes.append(f"there is no forward mode here: {error}")
            return
        for output, forward, backward in zip(outputs, forwards, gradients, strict=True):
            along = [backward.slopes[place] * self.weights[place] for place in self.places]
            size = sum(map(abs, along))
            off = sum([backward.errors[place] * abs(self.weights[place]) for place in self.places])
            least = NORMAL * (1 + sum(abs(self.weights[place]) for place in self.places))
            if abs(forward.data - sum(along)) > self.rtol * size + 8 * off + backward.lost + least:
                what = f"forwards it is {forward.data:.9g}, by the sweep {sum(along):.9g}"
                self.faults.append(f"along a random direction the derivative of {output.label or 'f'} differs: {what}")

    def _culprits(self, recordings: list[Recording], every: bool) -> tuple[list[Culprit], int]:
        """The rules that are wrong; where something is, computed again with the lines of code noted."""
        found, looked = culprits(self.base, recordings[1:], self.rtol, every)
        if (found or every) and self.subject.fresh:
            with modes.lines():
                noted = self.subject.at(self.point, Recording)
            if noted.ops == self.base.ops:
                found = [
                    replace(culprit, line=noted.nodes[culprit.place].line) if culprit.graph == THE_FUNCTION else culprit
                    for culprit in found
                ]
        return found, looked

    def _narrowed(self, move: Move) -> list[str]:
        """The first few inputs whose derivatives disagree, found by halving a direction that does."""
        found: list[str] = []
        pending = [move.parts]
        while pending and len(found) < A_FEW:
            parts = pending.pop()
            _, _, _, findings = self._judged(1, Move("", parts), *self.first)
            if all(finding.verdict != DISAGREES for finding in findings):
                continue
            if len(parts) == 1:
                found += [self.subject.names[place] for place in parts]
                continue
            places = sorted(parts)
            middle = len(places) // 2
            pending += [{place: parts[place] for place in half} for half in (places[middle:], places[:middle])]
        return found

    def _explain(self, found: list[Culprit]) -> None:
        """Say what is wrong when no rule is."""
        disagree = {found.wrt for found in self.comparisons if found.verdict == DISAGREES and found.order == 1}
        if self.directions is not None and disagree:
            inputs = self._narrowed(next(move for move in self.moves if move.name in disagree))
            self.notes.append(f"among the inputs whose derivatives disagree: {', '.join(inputs)}")
        if found:
            return
        self.notes.append("no rule is found wrong at its own operands")
        if self.unrepresented:
            where = ", ".join(sorted(self.unrepresented))
            self.notes.append(
                f"run again nearby, the recorded graph does not give what the function gives, moved in {where}: it "
                "uses .data, sets it, computes outside of the graph, or takes another branch there"
            )
        broken = [self.base.nodes[place] for place in self.base.on_break()]
        if broken:
            names = ", ".join(dict.fromkeys(node.label or described(node) for node in broken[:3]))
            self.notes.append(
                f"operations stand exactly on a kink or border ({names}): slopes chosen one by one need not add up "
                "to one of the whole"
            )
        if not (self.unrepresented or broken):
            infinite = [described(node) for node in self.base.nodes if not isfinite(node.data)]
            lost = f", but something on the way is not finite ({', '.join(infinite[:A_FEW])})" if infinite else ""
            self.notes.append(f"and the recorded graph, run again nearby, gives what the function gives{lost}")


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{x!r}" for x in numbers)
