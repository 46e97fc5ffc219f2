"""What a check found: one verdict for each derivative, the rules that are wrong, and what was tried."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from ..terminal import Text, html_table, table
from .measure.verdict import AGREES, CANNOT_TELL, DISAGREES, KINK


class GradientMismatch(AssertionError):
    """A gradient is not what the function's values say, or cannot be shown to be.

    Attributes:
        report: the whole report, which is the message too.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return f"\n{self.report}"


@dataclass(frozen=True)
class Comparison:
    """One derivative beside its measured value.

    Attributes:
        output, wrt: of what, in what; for a random direction its number.
        order: 1 for a first derivative, and so on.
        verdict: "agrees", "disagrees", "kink" or "cannot tell".
        analytic, numerical: the sweep's number, the measured one.
        error: what the two may be off by together.
        method: how the number was measured; `step` is the largest step of the differences.
        below, above: the slopes to the two sides, where those were measured for the verdict.
        why: what a person should know beside the verdict.
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


@dataclass(frozen=True)
class Culprit:
    """A rule that is not the derivative of its operation's value, where the graph applies it.

    Attributes:
        primitive, operand: the operation, and the operand's name in the rule.
        order: 1 where the rule itself is wrong, 2 where its derivative is, and so on.
        node: the node's label or how it was made; `place` is its place among the graph's nodes, and
            `graph` says which graph: that of the function, or of its derivative.
        line: the line of code that made the node, where it is known.
        operands: the operands' numbers.
        analytic, numerical: what the rule says, what the values say; `error` is what they may be off by.
        count: at how many nodes this rule was found wrong, of `checked` nodes.
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

    def __str__(self) -> str:
        which = "the rule" if self.order == 1 else f"the derivative of order {self.order} of the rule"
        numbers = ", ".join(f"{x:.6g}" for x in self.operands)
        where = f", made at {self.line}" if self.line else ""
        times = f", as at {self.count} of {self.checked} nodes" if self.count > 1 else ""
        node = f"node {self.place} of {self.graph}, {self.node}{where}"
        return (
            f"{which} of {self.primitive} in {self.operand} is wrong: at {node}, "
            f"with operands {numbers}, it gives {self.analytic:.9g} where the values give {self.numerical:.9g}{times}"
        )


@dataclass(frozen=True, repr=False)
class Report:
    """The result of `gradcheck`: true when every derivative agrees, a kink's chosen slope lying between its sides.

    It prints as a table, and shows itself as one in a notebook.

    >>> from scalargrad import gradcheck
    >>> report = gradcheck(lambda x, y: x * y + x.tanh(), 0.5, -2.0)
    >>> bool(report), report.counts()
    (True, {'agrees': 2, 'disagrees': 0, 'kink': 0, 'cannot tell': 0})

    Attributes:
        comparisons: one for each derivative that was checked.
        culprits: the rules that are wrong at the recorded operands.
        faults: what is wrong with the function itself, in words.
        notes: what else a person should know, in words.
        point: the inputs' numbers, by name.
        settings: order, tolerance, directions, seed.
        tried: how often the function was evaluated, and how many nodes and rules the graph has.
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
        return not self.wrong and all(found.verdict != CANNOT_TELL for found in self.comparisons)

    @property
    def wrong(self) -> bool:
        """Whether something is shown to be wrong; a verdict "cannot tell" is no such thing."""
        return bool(self.faults or self.culprits) or any(found.verdict == DISAGREES for found in self.comparisons)

    def counts(self) -> dict[str, int]:
        """Return how many derivatives got each verdict."""
        verdicts = [found.verdict for found in self.comparisons]
        return {verdict: verdicts.count(verdict) for verdict in (AGREES, DISAGREES, KINK, CANNOT_TELL)}

    def raise_if_wrong(self) -> None:
        """Raise when something is shown to be wrong.

        Raises:
            GradientMismatch: with this report.
        """
        if self.wrong:
            raise GradientMismatch(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers."""
        return {"agrees": bool(self), "wrong": self.wrong, "counts": self.counts(), **_plain(asdict(self))}

    # ---------------------------------------------------------------- showing

    def _table(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("derivative", "verdict", "by the sweep", "measured", "±", "how")]
        for found in self.comparisons:
            rows.append(
                (
                    _derivative(found),
                    found.verdict,
                    f"{found.analytic:.9g}",
                    _measured(found),
                    f"{found.error:.0e}" if isfinite(found.error) else "",
                    _how(found),
                )
            )
        return rows

    def _summary(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items() if count)
        return (
            f"{'right' if self else 'WRONG' if self.wrong else 'not shown to be right'}: {counts or 'nothing compared'}"
        )

    def _tried(self) -> str:
        return "; ".join(
            [
                "tried: " + ", ".join(f"{name} {count}" for name, count in self.tried.items()),
                ", ".join(f"{name} {setting}" for name, setting in self.settings.items()),
            ]
        )

    def _point(self) -> str:
        shown = [f"{name} = {x!r}" for name, x in list(self.point.items())[:A_FEW]]
        more = len(self.point) - len(shown)
        return f"at {', '.join(shown)}" + (f" and {more} more" if more else "")

    def __str__(self) -> str:
        (head, *rows), more = self._shown()
        lines = [self._summary(), self._point()]
        if rows:
            lines += ["", Text(table(head, rows))]
        if more:
            lines.append(f"and {more} more rows, all of which agree: see .comparisons")
        lines += [f"* {sentence}" for sentence in self._sentences()]
        return "\n".join([*lines, self._tried()])

    def _shown(self) -> tuple[list[tuple[str, ...]], int]:
        """The rows to print: all of them or, where they are many, whatever does not agree and a few that do."""
        head, *rows = self._table()
        keep = {i for i, found in enumerate(self.comparisons) if found.verdict != AGREES}
        if len(rows) > SHOWN:
            keep |= set(range(max(0, SHOWN - len(keep))))
            rows = [row for i, row in enumerate(rows) if i in keep]
        return [head, *rows], len(self.comparisons) - len(rows)

    def _sentences(self) -> list[str]:
        return [*self.faults, *map(str, self.culprits), *self.notes]

    def _repr_html_(self) -> str:
        import html

        (head, *rows), more = self._shown()
        parts = [f"<p><strong>{html.escape(self._summary())}</strong> {html.escape(self._point())}</p>"]
        parts.append(html_table(head, rows))
        if more:
            parts.append(f"<p>and {more} more rows, all of which agree</p>")
        sentences = self._sentences()
        if sentences:
            parts.append("<ul>" + "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences) + "</ul>")
        return "\n".join([*parts, f"<p>{html.escape(self._tried())}</p>"])


SHOWN = 40  # rows
A_FEW = 8  # inputs


def _derivative(found: Comparison) -> str:
    power = "" if found.order == 1 else str(found.order).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"∂{power}{found.output}/∂{found.wrt.replace(', ', '∂')}"


def _measured(found: Comparison) -> str:
    if found.below is not None and found.above is not None:
        return f"{found.below:.9g} | {found.above:.9g}"
    return f"{found.numerical:.9g}"


def _how(found: Comparison) -> str:
    step = f", h ≤ {found.step:.1g}" if found.step else ""
    return f"{found.method}{step}" + (f"; {found.why}" if found.why else "")


def _plain(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _plain(item) for key, item in found.items()}
    return [_plain(item) for item in found] if isinstance(found, (tuple, list)) else found
