"""Which rule is wrong? Each node's own rule, at the operands that were recorded, beside its operation's values.

A rule that is wrong by a thousandth in a network of hundreds of nodes is wrong by a thousandth here.
Most are decided by one complex step through the operation alone; the others, and whatever that
finds wrong, by differences of the operation's values.
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
from .measure.rounding import data_errors, gradient, local_errors, rule_error
from .measure.slopes import EPSILON, NORMAL, SAFETY, Estimate, Line, Sample
from .measure.verdict import AGREES, CANNOT_TELL, DISAGREES, Finding, Target, examine
from .report import Culprit

EACH = 1000  # nodes of one primitive whose rules are looked at when nothing is suspected
THE_FUNCTION = "the function"
A_FEW = 20  # likewise, of which the rules are differentiated
NEIGHBOURS = [0, *(side * 4**k for k in range(9) for side in (-1, 1))]  # in spacings of floats


Wrong = tuple[int, float, Estimate]  # a node's place, what the rule gives, what its values give


def culprits(base: Recording, derivatives: Sequence[Recording], rtol: float, every: bool) -> tuple[list[Culprit], int]:
    """Return the rules that are wrong, each with the first node where it is, and how many rules were looked at.

    `base` is the graph of the function, `derivatives` the graphs of its derivatives of orders 1 and
    up, as far as those were differentiated again; in them the rules' own operations are looked at,
    and in the base the derivatives of its rules. `every` leaves out no node.
    """
    search = _Search(base, rtol)
    for recording in (base, *derivatives):
        search.rules(recording, None if every else EACH)
    for order in range(2, len(derivatives) + 2):
        search.derivatives(base, order, None if every else A_FEW)
    return search.culprits(), search.looked


class _Search:
    def __init__(self, base: Recording, rtol: float) -> None:
        self.base, self.rtol = base, rtol
        self.looked = 0
        self._seen: set[Value] = set()
        self._wrong: dict[tuple[Primitive, tuple[int, ...]], list[tuple[Recording, Wrong]]] = {}
        self._checked: dict[tuple[Primitive, tuple[int, ...]], int] = {}

    def rules(self, recording: Recording, most: int | None) -> None:
        """Look at each node's rules."""
        for i, op in _nodes(recording, most):
            if recording.nodes[i] in self._seen:
                continue
            self._seen.add(recording.nodes[i])
            for k in _moved(recording, i, op):
                local = recording.nodes[i].local_gradients[k]
                self._note(recording, op, (k,), rule_at(recording, i, k, local, self.rtol))

    def derivatives(self, recording: Recording, order: int, most: int | None) -> None:
        """Look at the derivatives of each node's rules, so many times differentiated as to be of this order."""
        for i, op in _nodes(recording, most):
            for indices in product(_moved(recording, i, op), repeat=order):
                self._note(recording, op, indices, derivative_at(recording, i, indices, self.rtol))

    def _note(self, recording: Recording, op: Primitive, indices: tuple[int, ...], wrong: Wrong | None) -> None:
        self.looked += 1
        self._checked[op, indices] = self._checked.get((op, indices), 0) + 1
        if wrong is not None:
            self._wrong.setdefault((op, indices), []).append((recording, wrong))

    def culprits(self) -> list[Culprit]:
        """What was found wrong; a rule's derivatives only where the rule itself is right."""
        return [self._culprit(op, indices) for op, indices in self._wrong if not self._explained(op, indices)]

    def _explained(self, op: Primitive, indices: tuple[int, ...]) -> bool:
        return any((op, indices[:length]) in self._wrong for length in range(1, len(indices)))

    def _culprit(self, op: Primitive, indices: tuple[int, ...]) -> Culprit:
        places = self._wrong[op, indices]
        recording, (i, analytic, estimate) = places[0]
        node, names = recording.nodes[i], operand_names(op)
        return Culprit(
            primitive=op.name,
            operand=", ".join(names[k] for k in indices),
            order=len(indices),
            node=node.label or described(node),
            place=i,
            graph=THE_FUNCTION if recording is self.base else "its derivative",
            line=node.line,
            operands=tuple(recording.numbers[operand] for operand in recording.operands[i]),
            analytic=analytic,
            numerical=estimate.slope,
            error=estimate.error,
            count=len(places),
            checked=self._checked[op, indices],
        )


def _nodes(recording: Recording, most: int | None) -> Iterator[tuple[int, Primitive]]:
    """The places of the nodes to look at: so many of each primitive, or all."""
    taken: dict[Primitive, int] = {}
    stale = set(recording.stale())
    for i, op in enumerate(recording.ops):
        if op is not None and op not in HELD and i in recording.moving and i not in stale:
            taken[op] = taken.get(op, 0) + 1
            if most is None or taken[op] <= most:
                yield i, op


def _moved(recording: Recording, i: int, op: Primitive) -> list[int]:
    """The positions of a node's operands that depend on an input and in which there is a derivative."""
    places = enumerate(recording.operands[i])
    return [k for k, operand in places if operand in recording.moving and not isnan(op.domain[k][0])]


# ---------------------------------------------------------------- one rule at one node


def rule_at(recording: Recording, i: int, k: int, analytic: float, rtol: float) -> Wrong | None:
    """Return what a node's local gradient in its operand k is and should be; None where nothing is against it."""
    op, out, numbers = _application(recording, i)
    if not (isfinite(out) and all(map(isfinite, numbers))):
        return None
    if any(operands == tuple(numbers) and partials[k] == analytic for operands, _, partials in op.edges):
        return None  # a slope that is pinned there
    if isnan(analytic) and outside(op, numbers):
        return None
    if abs(recording.slope_of(i, k)[0] - analytic) <= rtol * abs(analytic):
        return None
    finding = _examined(recording, i, k, analytic, rtol)
    return (i, analytic, finding.estimate) if finding.verdict == DISAGREES else None


def measured_slope(recording: Recording, i: int, k: int, rtol: float) -> Slope:
    """Return the local gradient of a node in its operand k, by complex steps or differences of its operation alone.

    Where these show nothing, though there is a slope, it is the rule's, which may be off by anything.
    """
    slope, error = recording.slope_of(i, k)
    if isfinite(slope) or not isfinite(recording.numbers[i]):
        return slope, error
    analytic = recording.nodes[i].local_gradients[k]
    finding = _examined(recording, i, k, analytic, rtol)
    if finding.verdict in (AGREES, DISAGREES):
        return finding.estimate.slope, finding.estimate.error
    op, _, numbers = _application(recording, i)
    return NO_SLOPE if on_break(op, numbers) or outside(op, numbers) else (analytic, inf)


def _examined(recording: Recording, i: int, k: int, analytic: float, rtol: float) -> Finding:
    """The verdict on a rule at a node."""
    op, out, numbers = _application(recording, i)
    places = recording.operands[i]
    errors = [0.0 if i in recording.constants else EPSILON * abs(x) for i, x in zip(places, numbers, strict=True)]
    off = rule_error(op, k, out, EPSILON * abs(out), numbers, errors)
    exact, apart = recording.slope_of(i, k)
    witness = Estimate(exact, apart + 8 * off, "complex step", 0.0) if isfinite(exact) else None
    line = _line(op, numbers, k, op.value, 2 * EPSILON * abs(out))
    (finding,) = examine(line, [Target(analytic, off, abs(analytic), witness)], rtol)
    if finding.verdict == DISAGREES and not isfinite(exact):
        spread = _spread(op, k, out, numbers)
        if abs(finding.estimate.slope - analytic) <= SAFETY * spread:
            return finding._replace(verdict=CANNOT_TELL, why="the rule changes as much between floats nearby")
    return finding


def _spread(op: Primitive, k: int, out: float, numbers: Sequence[float]) -> float:
    """How much a rule changes between the operand and the floats near it."""
    found: list[float] = []
    for i in NEIGHBOURS:
        moved = [*numbers]
        moved[k] += i * EPSILON * abs(numbers[k])
        found.append(op.partials[k](op.value(*moved) if i else out, *moved))
    return max(found) - min(found)


def derivative_at(recording: Recording, i: int, indices: tuple[int, ...], rtol: float) -> Wrong | None:
    """Return what a derivative of a node's rule is and should be, likewise."""
    op, out, numbers = _application(recording, i)
    if not (isfinite(out) and all(map(isfinite, numbers))) or on_break(op, numbers) or outside(op, numbers):
        return None
    component, values = differentiated(op, numbers, indices[:-1])
    alone = Recording([component], values)
    errors = data_errors(alone, [0.0] * len(values))
    slopes, offs, terms, _ = gradient(alone, 0, local_errors(alone, errors))
    k = indices[-1]
    line = _line(
        op, numbers, k, lambda *moved: differentiated(op, moved, indices[:-1])[0].data, errors[alone.outputs[0]]
    )
    (finding,) = examine(line, [Target(slopes[k], offs[k], terms[k])], rtol)
    return (i, slopes[k], finding.estimate) if finding.verdict == DISAGREES else None


def _application(recording: Recording, i: int) -> tuple[Primitive, float, list[float]]:
    op = recording.ops[i]
    assert op is not None
    return op, recording.numbers[i], [recording.numbers[operand] for operand in recording.operands[i]]


def differentiated(op: Primitive, numbers: Sequence[float], indices: Sequence[int]) -> tuple[Value, list[Value]]:
    """Return the operation on new Values, differentiated in the operands of these positions, and the Values."""
    values = [Value(x) for x in numbers]
    found = Value.apply_primitive(op, tuple(values))
    for k in indices:
        found = grad(found, values[k])
    return found, values


def _line(op: Primitive, numbers: Sequence[float], k: int, value: Callable[..., float], noise: float) -> Line:
    """The line along one operand of an operation, the others held."""

    def evaluate(t: float) -> Sample:
        moved = [*numbers]
        moved[k] = numbers[k] + t
        return Sample(moved[k] - numbers[k], (value(*moved),), moved, None)

    def on_one_piece(a: Sample, b: Sample) -> bool:
        return not breaks_between(op, a.numbers, b.numbers)

    return Line(
        evaluate, on_one_piece, abs(numbers[k]) if abs(numbers[k]) >= NORMAL else 1.0, [noise], on_break(op, numbers)
    )
