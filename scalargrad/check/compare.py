"""One derivative after another: the number from the sweep, a bound on its error, and the verdict on it.

A derivative of order k is the first derivative of one of order k - 1. So every order is checked in
the same way. The components are the derivatives of the order before, as `grad` gives them. The
sweep through their graph differentiates them once more. The slope is measured on the components,
computed again at points nearby.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from math import frexp, isfinite, nan
from typing import Any

from ..engine import modes
from ..engine.derivatives import grad, jvp
from ..engine.errors import described
from ..engine.floats import same
from ..engine.graph import sweep, topological_order
from ..engine.primitives import add
from ..engine.value import Value
from .culprit import THE_FUNCTION, culprits, measured_slope
from .directions import A_FEW, Move, moves, narrowed, random_parts
from .measure.complex_step import NO_SLOPE, Slope
from .measure.recording import Recording
from .measure.rounding import Bounded, bounded_gradient, data_errors, local_errors
from .measure.slopes import EPSILON, NORMAL, Estimate, Line, Sample
from .measure.verdict import DISAGREES, Claim, Judgement, Witnesses, examine
from .readings import number_taken
from .report import Comparison, Culprit, Report, comparison
from .subject import Subject


class Check:
    """One check, and its results so far.

    Args:
        checked: what is checked, at its point.
        places: the places of the inputs to differentiate in.
        order: the highest order of derivatives to check.
        rtol: the relative tolerance.
        directions: in how many random directions to check; None for in each input by itself.
        seed: chooses the directions.
    """

    def __init__(
        self, checked: Subject, places: list[int], order: int, rtol: float, directions: int | None, seed: int
    ) -> None:
        self.subject, self.places, self.order, self.rtol = checked, places, order, rtol
        self.directions, self.seed = directions, seed
        self.point = checked.point
        rng = random.Random(seed)
        self.moves = moves(checked.names, self.point, places, directions, rng)
        self.weights = random_parts(self.point, places, rng)
        self.comparisons: list[Comparison] = []
        self.faults: list[str] = []
        self.notes = [*checked.notes]
        self.unrepresented: set[str] = set()
        self.evaluations = 0

    # ---------------------------------------------------------------- the whole check

    def report(self) -> Report:
        """Check every order up to the highest, and explain what is wrong."""
        self.base = self.subject.at(self.point, self._recorded)
        self.outside = self.base.outside()
        self._repeated()
        recordings = []
        for level in range(1, self.order + 1):
            if not self.faults:
                recordings.append(self.subject.at(self.point, partial(self._level, level)))
        wrong = any(one.verdict == DISAGREES for one in self.comparisons)
        wrong_rules: list[Culprit] = []
        rules = 0
        if recordings:
            wrong_rules, rules = self._culprits(recordings, every=wrong)
        if wrong:
            self._explain(wrong_rules)
        settings: dict[str, Any] = {"order": self.order, "rtol": self.rtol}
        if self.directions is not None:
            settings |= {"directions": self.directions, "seed": self.seed}
        return Report(
            comparisons=tuple(self.comparisons),
            culprits=tuple(wrong_rules),
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            point=dict(zip(self.subject.names, self.point, strict=True)),
            settings=settings,
            tried={"evaluations": self.evaluations, "nodes": len(self.base.nodes), "rules": rules},
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
            first = tuple(self.base.data[place] for place in self.base.outputs)
            if again.ops != self.base.ops or not all(map(same, again.values, first)):
                what = "" if again.values == first else f": it gave {_listed(first)} and then {_listed(again.values)}"
                self.faults.append(f"the function is not deterministic: twice at the same point, it differs{what}")

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
        gradients = [bounded_gradient(recording, i, rules) for i in range(len(components))]
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
        components = [(value, -1, [value.label or (f"f[{i}]" if several else "f")]) for i, value in enumerate(outputs)]
        for _ in range(1, level):
            lower, components = components, []
            for component, last, names in lower:
                slopes = grad(component, [inputs[place] for place in self.places])
                if self.directions is not None:
                    along = [slope * self.weights[place] for slope, place in zip(slopes, self.places, strict=True)]
                    components.append((reduce(add, along), -1, [*names, "direction 0"]))
                    continue
                for i, (slope, place) in enumerate(zip(slopes, self.places, strict=True)):
                    if i >= last:
                        components.append((slope, i, [*names, self.subject.names[place]]))
        return [(component, names) for component, _, names in components]

    def _component_data(self, level: int, outputs: list[Value], inputs: list[Value]) -> tuple[float, ...]:
        """The numbers of the components; those of order 2 come from the sweep itself."""
        if level == 1:
            return tuple(value.data for value in outputs)
        if level > 2:
            return tuple(value.data for value, _ in self._components(level, outputs, inputs))
        data: list[float] = []
        for output in outputs:
            totals = sweep({output: 1.0})
            slopes = [totals.get(inputs[place], 0.0) for place in self.places]
            if self.directions is not None:
                slopes = [sum(slope * self.weights[place] for slope, place in zip(slopes, self.places, strict=True))]
            data += slopes
        return tuple(data)

    def _compare(
        self,
        level: int,
        move: Move,
        recording: Recording,
        names: list[list[str]],
        gradients: list[Bounded],
        noise: list[float],
    ) -> None:
        """Judge every component's derivative in one direction."""
        line, points, claims, judgements = self._judged(level, move, recording, gradients, noise)
        for path, claim, judgement in zip(names, claims, judgements, strict=True):
            wrt = ", ".join([*path[1:], move.name])
            self.comparisons.append(comparison(path[0], wrt, level, claim, judgement))
            if judgement.verdict == DISAGREES and level == 1 and not self._represented(recording, line, points):
                self.unrepresented.add(move.name)

    def _judged(
        self, level: int, move: Move, recording: Recording, gradients: list[Bounded], noise: list[float]
    ) -> tuple[Line, dict[float, list[float]], list[Claim], list[Judgement]]:
        """Measure every component's slope in one direction, and judge the sweep's by it."""
        points: dict[float, list[float]] = {}

        def evaluate(t: float) -> Sample:
            t, moved = move.applied(self.point, t)
            points[t] = moved
            return self._sample(level, moved, t, len(noise))

        line = Line(evaluate, self._on_one_piece, move.unit(self.point), noise, bool(self.base.on_break()))
        claims = self._claims(move, recording, gradients)
        witnesses = Witnesses(
            faithful=lambda: self._represented(recording, line, points),
            chained=lambda: self._chained(recording, move),
        )
        return line, points, claims, examine(line, claims, self.rtol, witnesses)

    def _claims(self, move: Move, recording: Recording, gradients: list[Bounded]) -> list[Claim]:
        exact = recording.chained(move.parts, recording.slope_of) if recording.held == self.base.held else []
        claims = []
        for i, (slopes, errors, terms, _) in enumerate(gradients):
            slope = sum(slopes[place] * part for place, part in move.parts.items())
            error = sum(errors[place] * abs(part) for place, part in move.parts.items())
            size = sum(terms[place] * abs(part) for place, part in move.parts.items())
            by_complex_step = None
            if exact and isfinite(exact[i][0]):
                exact_slope, exact_error = exact[i]
                bound = exact_error + 8 * error + 4 * EPSILON * abs(exact_slope)
                by_complex_step = Estimate(exact_slope, bound, "complex step", 0.0)
            least = NORMAL * (1 + sum(map(abs, move.parts.values())))
            claims.append(Claim(slope, error, size, by_complex_step, least, self.outside))
        return claims

    def _chained(self, recording: Recording, move: Move) -> list[Slope]:
        """The components' slopes by the chain rule, on each operation's own slopes, measured on its values."""
        if recording.held != self.base.held:
            return [NO_SLOPE] * len(recording.outputs)
        return recording.chained(move.parts, lambda place, k: measured_slope(recording, place, k, self.rtol))

    # ---------------------------------------------------------------- at other points

    def _sample(self, level: int, moved: list[float], t: float, count: int) -> Sample:
        self.evaluations += 1
        if self.subject.fresh and not self.base.held:
            try:
                sample = self.subject.at(moved, self._reader(level, t))
            except (ArithmeticError, ValueError):  # the function's own, outside of where it is defined
                return Sample(t, (nan,) * count, (), None)
            return sample if len(sample.values) == count else Sample(t, (nan,) * count, (), None)
        if level == 1:
            data = self.base.run(moved)
            return Sample(t, tuple([data[place] for place in self.base.outputs]), data, self.base.ops)
        inputs = [Value(x) for x in moved]
        return self._reader(level, t)(self.base.rebuilt(inputs), inputs)

    def _reader(self, level: int, t: float) -> Callable[[list[Value], list[Value]], Sample]:
        def read(outputs: list[Value], inputs: list[Value]) -> Sample:
            nodes = topological_order(*outputs, *inputs)
            data = [node.data for node in nodes]
            return Sample(t, self._component_data(level, outputs, inputs), data, [node.op for node in nodes])

        return read

    def _on_one_piece(self, a: Sample, b: Sample) -> bool:
        return a.ops == b.ops and (a.ops != self.base.ops or not self.base.crossed(a.data, b.data))

    def _represented(self, recording: Recording, line: Line, points: dict[float, list[float]]) -> bool:
        """Whether the recorded graph, run again at the sampled points, gives what the function gave there."""
        for sample in line.samples:
            data = recording.run(points[sample.t], hold=self.base.held)
            for place, value, noise in zip(recording.outputs, sample.values, line.noise, strict=True):
                if isfinite(value) and abs(data[place] - value) > 16 * noise + 1e-12 * abs(value):
                    return False
        return True

    # ---------------------------------------------------------------- forward mode, and explanations

    def _forward(self, outputs: list[Value], inputs: list[Value], gradients: list[Bounded]) -> None:
        """Compare the derivatives forwards through the graph, in one direction, with those of the sweep."""
        wrt = [inputs[place] for place in self.places]
        longest = max((abs(self.weights[place]) for place in self.places), default=1.0)
        shrink = 0.5 ** max(0, frexp(longest)[1] - 512)  # what is finite in the end would else overflow on the way
        weights = {place: self.weights[place] * shrink for place in self.places}
        try:
            forwards = jvp(outputs, wrt, list(weights.values()))
        except ValueError as error:
            self.notes.append(f"there is no forward mode here: {error}")
            return
        for output, forward, backward in zip(outputs, forwards, gradients, strict=True):
            along = [backward.slopes[place] * weight for place, weight in weights.items()]
            size = sum(map(abs, along))
            bound = sum([backward.errors[place] * abs(weight) for place, weight in weights.items()])
            least = NORMAL * (1 + sum(map(abs, weights.values())))
            if abs(forward.data - sum(along)) > self.rtol * size + 8 * bound + backward.lost + least:
                what = f"forward mode gives {forward.data:.9g}, the sweep {sum(along):.9g}"
                self.faults.append(f"along a random direction the derivative of {output.label or 'f'} differs: {what}")

    def _culprits(self, recordings: list[Recording], every: bool) -> tuple[list[Culprit], int]:
        """The rules that are wrong, with lines of code from another run of the function, and how many were checked."""
        wrong_rules, checked = culprits(self.base, recordings[1:], self.rtol, every)
        if wrong_rules and self.subject.fresh:
            with modes.lines():
                noted = self.subject.at(self.point, Recording)
            if noted.ops == self.base.ops:
                wrong_rules = [
                    replace(culprit, line=noted.nodes[culprit.place].line) if culprit.graph == THE_FUNCTION else culprit
                    for culprit in wrong_rules
                ]
        return wrong_rules, checked

    def _disagrees(self, move: Move) -> bool:
        _, _, _, judgements = self._judged(1, move, *self.first)
        return any(judgement.verdict == DISAGREES for judgement in judgements)

    def _explain(self, wrong_rules: list[Culprit]) -> None:
        """Say what is wrong when no rule is."""
        disagree = {one.wrt for one in self.comparisons if one.verdict == DISAGREES and one.order == 1}
        if self.directions is not None and disagree:
            places = narrowed(next(move for move in self.moves if move.name in disagree), self._disagrees)
            names = ", ".join(self.subject.names[place] for place in places)
            self.notes.append(f"among the inputs whose derivatives disagree: {names}")
        if wrong_rules:
            return
        self.notes.append("no rule is wrong at its own operands")
        if self.unrepresented:
            where = ", ".join(sorted(self.unrepresented))
            taken = number_taken(lambda: self.subject.at(self.point, lambda _outputs, _inputs: None))
            self.notes.append(
                f"at points nearby, moved in {where}, the recorded graph does not give what the function gives: "
                + (taken or "the function sets data, computes outside of the graph, or takes another branch there")
            )
        broken = [self.base.nodes[place] for place in self.base.on_break()]
        if broken:
            names = ", ".join(dict.fromkeys(node.label or described(node) for node in broken[:3]))
            self.notes.append(
                f"operations are exactly on a kink or border ({names}): the slopes that their rules choose there need "
                "not add up to a slope of the whole function"
            )
        if not (self.unrepresented or broken):
            infinite = [described(node) for node in self.base.nodes if node.op is not None and not isfinite(node.data)]
            lost = f", but a node is not finite ({', '.join(infinite[:A_FEW])})" if infinite else ""
            self.notes.append(f"at points nearby, the recorded graph gives what the function gives{lost}")


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{x!r}" for x in numbers)
