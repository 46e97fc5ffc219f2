"""The result of a check: a verdict for each derivative, the rules that are wrong, and what was tried."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from ..engine.floats import counted
from ..terminal import Text, html_table, table
from .measure.verdict import AGREES, CANNOT_TELL, DISAGREES, KINK, Claim, Judgement


class GradientMismatch(AssertionError):
    """A gradient is wrong, or cannot be shown to be right.

    Attributes:
        report: the whole report, whose text is the message. Its first line says what is wrong.
    """

    __module__ = "scalargrad"  # where users import it from: a short line in pytest's summary

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return str(self.report)


@dataclass(frozen=True)
class Comparison:
    """One derivative beside the slope that was measured.

    Attributes:
        output, wrt: the derivative of which output, in which input or random direction.
        order: 1 for a first derivative, and so on.
        verdict: "agrees", "disagrees", "kink" or "cannot tell".
        analytic, numerical: the derivative, and the measured slope.
        error: a bound on the errors of both together.
        method: how the slope was measured; `step` is the largest step of the differences.
        below, above: the slopes to the two sides, where the verdict rests on them.
        why: an explanation of the verdict, or "".
    """

    output: str
    wrt: str
    order: int
    verdict: str
    analytic: float
    numerical: float
    error: float
    method: str
    step: float
    below: float | None
    above: float | None
    why: str


def comparison(output: str, wrt: str, order: int, claim: Claim, judgement: Judgement) -> Comparison:
    """Return a derivative and the judgement on it as a comparison."""
    estimate = judgement.estimate
    return Comparison(
        output=output,
        wrt=wrt,
        order=order,
        verdict=judgement.verdict,
        analytic=claim.slope,
        numerical=estimate.slope,
        error=estimate.error + claim.error,
        method=estimate.method,
        step=estimate.step,
        below=judgement.below,
        above=judgement.above,
        why=judgement.why,
    )


@dataclass(frozen=True)
class Culprit:
    """A rule that is not the derivative of its operation's value, at a node of the graph.

    Attributes:
        primitive, operand: the operation, and the operand's name in the rule.
        order: 1 where the rule itself is wrong, 2 where its derivative is, and so on.
        node: the node's label or how it was made; `place` is its place among the graph's nodes, and
            `graph` says which graph: that of the function, or of its derivative.
        line: the line of code that made the node, where it is known.
        operands: the operands' numbers.
        analytic, numerical: what the rule gives, and the slope of the values; `error` is a bound on their errors.
        count: at how many nodes the rule is wrong, of `checked` nodes.
    """

    primitive: str
    operand: str
    order: int
    node: str
    place: int
    graph: str
    line: str | None
    operands: tuple[float, ...]
    analytic: float
    numerical: float
    error: float
    count: int
    checked: int

    @property
    def rule(self) -> str:
        """Which rule it is: `the rule of tanh in x`."""
        rule = f"the rule of {self.primitive} in {self.operand}"
        return rule if self.order == 1 else f"the derivative of order {self.order} of {rule}"

    def __str__(self) -> str:
        operands = ", ".join(f"{x:.6g}" for x in self.operands)
        where = f", made at {self.line}" if self.line else ""
        times = f"; wrong at {self.count} of {self.checked} nodes" if self.count > 1 else ""
        return (
            f"{self.rule} is wrong: at node {self.place} of {self.graph}, {self.node}{where}, with "
            f"{'operand' if len(self.operands) == 1 else 'operands'} {operands}, it gives {self.analytic:.9g}, "
            f"and the slope of the values is {self.numerical:.9g}{times}"
        )


@dataclass(frozen=True, repr=False)
class Report:
    """The result of `gradcheck`: true if each derivative agrees, or is a slope between the two sides of a kink.

    It prints as a table, and shows itself as one in a notebook. Its first line is the result in short.

    >>> from scalargrad import gradcheck
    >>> report = gradcheck(lambda x, y: x * y + x.tanh(), 0.5, -2.0)
    >>> bool(report), report.counts()
    (True, {'agrees': 2, 'disagrees': 0, 'kink': 0, 'cannot tell': 0})

    Attributes:
        comparisons: one for each derivative that was checked.
        culprits: the rules that are wrong at the recorded operands.
        faults: what is wrong with the function itself, in words.
        notes: what else to know, in words.
        point: the inputs' numbers, by name.
        settings: order and rtol; directions and seed, if any; "gradient" is "by hand" if it was given.
        tried: the numbers of evaluations of the function and, for a graph, of its nodes and of rules checked.
    """

    comparisons: tuple[Comparison, ...]
    culprits: tuple[Culprit, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    point: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return not self.wrong and all(one.verdict != CANNOT_TELL for one in self.comparisons)

    @property
    def wrong(self) -> bool:
        """Whether something is shown to be wrong; the verdict "cannot tell" shows nothing."""
        return bool(self.faults or self.culprits or self._disagreeing())

    def counts(self) -> dict[str, int]:
        """Return how many derivatives have each verdict."""
        verdicts = [one.verdict for one in self.comparisons]
        return {verdict: verdicts.count(verdict) for verdict in (AGREES, DISAGREES, KINK, CANNOT_TELL)}

    def raise_if_wrong(self) -> None:
        """Raise if something is shown to be wrong.

        Raises:
            GradientMismatch: with this report.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        if self.wrong:
            raise GradientMismatch(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers."""
        return {"agrees": bool(self), "wrong": self.wrong, "counts": self.counts(), **_plain(asdict(self))}

    def _disagreeing(self) -> list[Comparison]:
        return [one for one in self.comparisons if one.verdict == DISAGREES]

    # ---------------------------------------------------------------- showing

    def _table(self) -> list[tuple[str, ...]]:
        source = "by hand" if self.settings.get("gradient") else "by the sweep"
        rows: list[tuple[str, ...]] = [("derivative", "verdict", source, "measured", "±", "how")]
        for one in self.comparisons:
            error = f"{one.error:.0e}" if isfinite(one.error) else ""
            rows.append((_derivative(one), one.verdict, f"{one.analytic:.9g}", _measured(one), error, _how(one)))
        return rows

    def _summary(self) -> str:
        counts = ", ".join(_in_words(verdict, count) for verdict, count in self.counts().items() if count)
        counts = counts or "nothing compared"
        if self.wrong:
            return f"WRONG: {self._what_is_wrong()} ({counts})"
        if self:
            return f"right: {counts}"
        undecided = [one for one in self.comparisons if one.verdict == CANNOT_TELL]
        return f"not shown to be right: {_derivative(undecided[0])}, {undecided[0].why} ({counts})"

    def _what_is_wrong(self) -> str:
        if self.culprits:
            more = len(self.culprits) - 1
            return self.culprits[0].rule + (f" and {counted(more, 'more rule')}" if more else "")
        if self.faults:
            return self.faults[0]
        one = self._disagreeing()[0]
        return f"{_derivative(one)} is {one.analytic:.9g}, measured {_measured(one)}"

    def _tried(self) -> str:
        tried = ", ".join(counted(count, name.removesuffix("s")) for name, count in self.tried.items())
        return f"tried: {tried}; " + ", ".join(f"{name} {setting}" for name, setting in self.settings.items())

    def _point(self) -> str:
        shown = [f"{name} = {x!r}" for name, x in list(self.point.items())[:A_FEW]]
        more = len(self.point) - len(shown)
        return f"at {', '.join(shown)}" + (f" and {more} more" if more else "")

    def __str__(self) -> str:
        (head, *rows), hidden = self._shown()
        lines = [self._summary(), self._point()]
        if rows:
            lines += ["", Text(table(head, rows))]
        if hidden:
            lines.append(f"{_hidden(hidden)}: see .comparisons")
        lines += [f"* {sentence}" for sentence in self._sentences()]
        return "\n".join([*lines, self._tried()])

    def _shown(self) -> tuple[list[tuple[str, ...]], int]:
        """The rows to print: all or, if there are many, those that do not agree and a few that do."""
        head, *rows = self._table()
        keep = {i for i, one in enumerate(self.comparisons) if one.verdict != AGREES}
        if len(rows) > SHOWN:
            keep |= set(range(SHOWN - len(keep)))
            rows = [row for i, row in enumerate(rows) if i in keep]
        return [head, *rows], len(self.comparisons) - len(rows)

    def _sentences(self) -> list[str]:
        return [*self.faults, *map(str, self.culprits), *self.notes]

    def _repr_html_(self) -> str:
        import html

        (head, *rows), hidden = self._shown()
        parts = [f"<p><strong>{html.escape(self._summary())}</strong> {html.escape(self._point())}</p>"]
        parts.append(html_table(head, rows))
        if hidden:
            parts.append(f"<p>{_hidden(hidden)}</p>")
        sentences = self._sentences()
        if sentences:
            parts.append("<ul>" + "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences) + "</ul>")
        return "\n".join([*parts, f"<p>{html.escape(self._tried())}</p>"])


SHOWN = 40  # rows
A_FEW = 8  # inputs
_WORDS = {  # a verdict after a count: of one derivative, of several
    AGREES: ("agrees", "agree"),
    DISAGREES: ("disagrees", "disagree"),
    KINK: ("kink", "kinks"),
    CANNOT_TELL: ("undecided", "undecided"),
}


def _in_words(verdict: str, count: int) -> str:
    one, several = _WORDS[verdict]
    return f"{count} {one if count == 1 else several}"


def _hidden(count: int) -> str:
    return f"and {counted(count, 'more row')}, where the derivatives agree"


def _derivative(one: Comparison) -> str:
    power = "" if one.order == 1 else str(one.order).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"d{power}{one.output}/d{one.wrt.replace(', ', ' d')}"


def _measured(one: Comparison) -> str:
    if one.below is not None and one.above is not None:
        return f"{one.below:.9g} | {one.above:.9g}"
    return f"{one.numerical:.9g}"


def _how(one: Comparison) -> str:
    step = f", h ≤ {one.step:.1g}" if one.step else ""
    return f"{one.method}{step}" + (f"; {one.why}" if one.why else "")


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _plain(item) for key, item in data.items()}
    return [_plain(item) for item in data] if isinstance(data, (tuple, list)) else data
