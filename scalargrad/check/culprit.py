"""Which rule is wrong? Each node's own rule, at the recorded operands, beside its operation's values.

A rule that is wrong by a thousandth in a network of hundreds of nodes is wrong by a thousandth at its
own node. One complex step through the operation alone decides most rules. Differences of the
operation's values decide the others, and confirm what the complex step finds wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import inf, isfinite, isnan

from ..engine.declaration import Primitive, operand_names
from ..engine.derivatives import grad
from ..engine.errors import described
from ..engine.value import Value
from .measure.breaks import breaks_between, on_break, outside
from .measure.complex_step import NO_SLOPE, Slope
from .measure.recording import HELD, Recording
from .measure.rounding import bounded_gradient, data_errors, local_errors, rule_error
from .measure.slopes import EPSILON, NORMAL, SAFETY, Estimate, Line, Sample
from .measure.verdict import AGREES, CANNOT_TELL, DISAGREES, Claim, Judgement, examine
from .report import Culprit

EACH = 1000  # nodes of one primitive whose rules are checked when nothing is suspected
A_FEW = 20  # likewise, whose rules' derivatives are checked
THE_FUNCTION = "the function"
NEARBY = [side * 4**k for k in range(9) for side in (-1, 1)]  # in spacings of floats

Wrong = tuple[int, float, Estimate]  # a node's place, what the rule gives, and the slope of the values


def culprits(base: Recording, derivatives: Sequence[Recording], rtol: float, every: bool) -> tuple[list[Culprit], int]:
    """Return the rules that are wrong, each with the first node where it is, and how many rules were checked.

    Args:
        base: the graph of the function. The rules are checked and, up to the order of the
            derivatives, their derivatives.
        derivatives: the graphs of the function's derivatives. The rules of the operations in rules are checked.
        rtol: the relative tolerance.
        every: check the rule at every node, and not only at the first nodes of each primitive.
    """
    search = _Search(base, rtol)
    for recording in (base, *derivatives):
        search.rules(recording, None if every else EACH)
    for order in range(2, len(derivatives) + 2):
        search.derivatives(base, order, None if every else A_FEW)
    return search.culprits(), search.count


class _Search:
    """The rules that were checked so far, and those that are wrong.

    A rule is told by its primitive and the position of its operand, and a derivative of the rule by
    the positions of all operands.
    """

    def __init__(self, base: Recording, rtol: float) -> None:
        self.base, self.rtol = base, rtol
        self.count = 0
        self._seen: set[Value] = set()
        self._wrong: dict[tuple[Primitive, tuple[int, ...]], list[tuple[Recording, Wrong]]] = {}
        self._checked: dict[tuple[Primitive, tuple[int, ...]], int] = {}

    def rules(self, recording: Recording, most: int | None) -> None:
        """Check each node's rules."""
        for place, op in _nodes(recording, most):
            if recording.nodes[place] in self._seen:
                continue
            self._seen.add(recording.nodes[place])
            for k in _moved(recording, place, op):
                local = recording.nodes[place].local_gradients[k]
                self._note(recording, op, (k,), rule_at(recording, place, k, local, self.rtol))

    def derivatives(self, recording: Recording, order: int, most: int | None) -> None:
        """Check the derivatives of each node's rules that are of this order, counted from the operation's value."""
        for place, op in _nodes(recording, most):
            for indices in product(_moved(recording, place, op), repeat=order):
                self._note(recording, op, indices, derivative_at(recording, place, indices, self.rtol))

    def _note(self, recording: Recording, op: Primitive, indices: tuple[int, ...], wrong: Wrong | None) -> None:
        self.count += 1
        self._checked[op, indices] = self._checked.get((op, indices), 0) + 1
        if wrong is not None:
            self._wrong.setdefault((op, indices), []).append((recording, wrong))

    def culprits(self) -> list[Culprit]:
        """What is wrong; a rule's derivative only where the rule itself is right."""
        return [self._culprit(op, indices) for op, indices in self._wrong if not self._explained(op, indices)]

    def _explained(self, op: Primitive, indices: tuple[int, ...]) -> bool:
        return any((op, indices[:length]) in self._wrong for length in range(1, len(indices)))

    def _culprit(self, op: Primitive, indices: tuple[int, ...]) -> Culprit:
        wrong = self._wrong[op, indices]
        recording, (place, analytic, estimate) = wrong[0]
        node, names = recording.nodes[place], operand_names(op)
        return Culprit(
            primitive=op.name,
            operand=", ".join(names[k] for k in indices),
            order=len(indices),
            node=node.label or described(node),
            place=place,
            graph=THE_FUNCTION if recording is self.base else "its derivative",
            line=node.line,
            operands=tuple(recording.operands_at(place)),
            analytic=analytic,
            numerical=estimate.slope,
            error=estimate.error,
            count=len(wrong),
            checked=self._checked[op, indices],
        )


def _nodes(recording: Recording, most: int | None) -> Iterator[tuple[int, Primitive]]:
    """The places of the nodes to check: at most so many of each primitive, or all."""
    counts: dict[Primitive, int] = {}
    stale = set(recording.stale())
    for place, op in enumerate(recording.ops):
        if op is not None and op not in HELD and place in recording.moving and place not in stale:
            counts[op] = counts.get(op, 0) + 1
            if most is None or counts[op] <= most:
                yield place, op


def _moved(recording: Recording, place: int, op: Primitive) -> list[int]:
    """The positions of a node's operands that depend on an input and in which there is a derivative."""
    operands = enumerate(recording.operands[place])
    return [k for k, operand in operands if operand in recording.moving and not isnan(op.domain[k][0])]


# ---------------------------------------------------------------- one rule at one node


def rule_at(recording: Recording, place: int, k: int, analytic: float, rtol: float) -> Wrong | None:
    """Return what a node's local gradient in its operand k is and should be; None if nothing shows it wrong."""
    op, out, operands = _application(recording, place)
    if not (isfinite(out) and all(map(isfinite, operands))):
        return None
    if any(pinned == tuple(operands) and partials[k] == analytic for pinned, _, partials in op.edges):
        return None  # a slope that is pinned there
    if isnan(analytic) and outside(op, operands):
        return None
    if abs(recording.slope_of(place, k)[0] - analytic) <= rtol * abs(analytic):
        return None
    judgement = _judged(recording, place, k, analytic, rtol)
    return (place, analytic, judgement.estimate) if judgement.verdict == DISAGREES else None


def measured_slope(recording: Recording, place: int, k: int, rtol: float) -> Slope:
    """Return the local gradient of a node in its operand k, by complex steps or differences of its operation alone.

    Where these decide nothing, although there is a slope, it is the rule's slope with an infinite error.
    """
    slope, error = recording.slope_of(place, k)
    if isfinite(slope) or not isfinite(recording.data[place]):
        return slope, error
    analytic = recording.nodes[place].local_gradients[k]
    judgement = _judged(recording, place, k, analytic, rtol)
    if judgement.verdict in (AGREES, DISAGREES):
        return judgement.estimate.slope, judgement.estimate.error
    op, _, operands = _application(recording, place)
    return NO_SLOPE if on_break(op, operands) or outside(op, operands) else (analytic, inf)


def _judged(recording: Recording, place: int, k: int, analytic: float, rtol: float) -> Judgement:
    """The judgement on a rule at a node."""
    op, out, operands = _application(recording, place)
    places = recording.operands[place]
    errors = [0.0 if i in recording.constants else EPSILON * abs(x) for i, x in zip(places, operands, strict=True)]
    error = rule_error(op, k, out, EPSILON * abs(out), operands, errors)
    exact, exact_error = recording.slope_of(place, k)
    witness = Estimate(exact, exact_error + 8 * error, "complex step", 0.0) if isfinite(exact) else None
    line = _line(op, operands, k, op.value, 2 * EPSILON * abs(out))
    (judgement,) = examine(line, [Claim(analytic, error, abs(analytic), witness)], rtol)
    if judgement.verdict == DISAGREES and not isfinite(exact):
        spread = _spread(op, k, out, operands)
        if abs(judgement.estimate.slope - analytic) <= SAFETY * spread:
            return judgement._replace(verdict=CANNOT_TELL, why="the rule changes as much between floats nearby")
    return judgement


def _spread(op: Primitive, k: int, out: float, operands: Sequence[float]) -> float:
    """How much a rule changes between the operand and the floats near it."""
    slopes: list[float] = [op.partials[k](out, *operands)]
    for spacings in NEARBY:
        moved = [*operands]
        moved[k] += spacings * EPSILON * abs(operands[k])
        slopes.append(op.partials[k](op.value(*moved), *moved))
    return max(slopes) - min(slopes)


def derivative_at(recording: Recording, place: int, indices: tuple[int, ...], rtol: float) -> Wrong | None:
    """Return what a derivative of a node's rule is and should be; None if nothing shows it wrong."""
    op, out, operands = _application(recording, place)
    if not (isfinite(out) and all(map(isfinite, operands))) or on_break(op, operands) or outside(op, operands):
        return None
    component, values = differentiated(op, operands, indices[:-1])
    alone = Recording([component], values)
    errors = data_errors(alone, [0.0] * len(values))
    slopes, slope_errors, terms, _ = bounded_gradient(alone, 0, local_errors(alone, errors))
    k = indices[-1]
    line = _line(
        op, operands, k, lambda *moved: differentiated(op, moved, indices[:-1])[0].data, errors[alone.outputs[0]]
    )
    (judgement,) = examine(line, [Claim(slopes[k], slope_errors[k], terms[k])], rtol)
    return (place, slopes[k], judgement.estimate) if judgement.verdict == DISAGREES else None


def _application(recording: Recording, place: int) -> tuple[Primitive, float, list[float]]:
    op = recording.ops[place]
    assert op is not None
    return op, recording.data[place], recording.operands_at(place)


def differentiated(op: Primitive, operands: Sequence[float], indices: Sequence[int]) -> tuple[Value, list[Value]]:
    """Return the operation on new Values, differentiated in the operands of these positions, and the Values."""
    values = [Value(x) for x in operands]
    component = Value.apply_primitive(op, tuple(values))
    for k in indices:
        component = grad(component, values[k])
    return component, values


def _line(op: Primitive, operands: Sequence[float], k: int, value: Callable[..., float], noise: float) -> Line:
    """The line along one operand of an operation, where the others stay."""

    def evaluate(t: float) -> Sample:
        moved = [*operands]
        moved[k] = operands[k] + t
        return Sample(moved[k] - operands[k], (value(*moved),), moved, None)

    def on_one_piece(a: Sample, b: Sample) -> bool:
        return not breaks_between(op, a.data, b.data)

    unit = abs(operands[k]) if abs(operands[k]) >= NORMAL else 1.0
    return Line(evaluate, on_one_piece, unit, [noise], on_break(op, operands))
