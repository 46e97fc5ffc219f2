"""The laws that every operation obeys, tried on one: for those who declare their own.

    from scalargrad.check.laws import check_primitive

    def test_softsign():
        check_primitive(softsign).raise_if_wrong()

What a primitive declares is what the checks go by: its domain says where points are drawn, its kinks
where the slopes of the two sides may differ. So a declaration that promises too much fails here, too.
Where a law fails, the smallest point is reported that Hypothesis finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isinf
from typing import Any

from ..extras import how_to_install

try:
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import Flaky, NoSuchExample
except ImportError as error:
    raise ImportError(f"laws need Hypothesis: {how_to_install('check')}") from error

from ..engine.declaration import NEVER_RAISE, Edge, Primitive, operand_names
from ..engine.derivatives import grad, jvp
from ..engine.floats import integer, same
from ..engine.value import Value
from ..terminal import Text, html_table, table
from .check import gradcheck
from .measure.recording import HELD
from .measure.verdict import CANNOT_TELL, DISAGREES, KINK
from .strategies import differentiable, points

HOLDS = "holds"
FAILS = "fails"
NOT_CHECKED = "not checked"
ROUNDING = 1e-12  # relative: some thousand roundings

Point = tuple[float, ...]


# ---------------------------------------------------------------- what was found


class LawBroken(AssertionError):
    """A primitive does not do what it declares.

    Attributes:
        report: the whole report, which is the message too.
    """

    def __init__(self, report: LawReport) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return f"\n{self.report}"


@dataclass(frozen=True)
class Finding:
    """One law: whether it holds.

    Attributes:
        law: its name.
        verdict: "holds", "fails", "cannot tell" or "not checked".
        tried: at how many points.
        point: the smallest at which it fails.
        why: what is wrong there, or why it was not checked.
    """

    law: str
    verdict: str
    tried: int = 0
    point: Point | None = None
    why: str = ""


@dataclass(frozen=True, repr=False)
class LawReport:
    """The result of `check_primitive`: true when no law fails. It prints as a table.

    Attributes:
        primitive: the primitive's name.
        findings: one for each law.
    """

    primitive: str
    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return all(found.verdict in (HOLDS, NOT_CHECKED) for found in self.findings)

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of the laws that fail."""
        return tuple(found.law for found in self.findings if found.verdict == FAILS)

    def raise_if_wrong(self) -> None:
        """Raise when a law fails.

        Raises:
            LawBroken: with this report.
        """
        if self.broken:
            raise LawBroken(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers."""
        rows = [asdict(found) | {"point": found.point and list(found.point)} for found in self.findings]
        return {"primitive": self.primitive, "holds": bool(self), "broken": list(self.broken), "findings": rows}

    def _table(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("law", "verdict", "points", "why")]
        for found in self.findings:
            where = "" if found.point is None else f"at {', '.join(map(repr, found.point))}: "
            rows.append((found.law, found.verdict, str(found.tried or ""), where + found.why))
        return rows

    def _summary(self) -> str:
        unsure = ", ".join(found.law for found in self.findings if found.verdict == CANNOT_TELL)
        verdict = f"breaks {', '.join(self.broken)}" if self.broken else f"cannot tell {unsure}" if unsure else "holds"
        return f"{self.primitive}: {verdict}"

    def __str__(self) -> str:
        head, *rows = self._table()
        return f"{self._summary()}\n\n{Text(table(head, rows))}"

    def _repr_html_(self) -> str:
        import html

        head, *rows = self._table()
        return f"<p><strong>{html.escape(self._summary())}</strong></p>\n{html_table(head, rows)}"


def check_primitive(primitive: Primitive, *, examples: int = 50) -> LawReport:
    """Try every law on a primitive, each at so many points of its declared domain.

    >>> from scalargrad import primitive
    >>> @primitive(partials=[lambda out, x: 2 * x], name="cube")
    ... def cube(x):
    ...     return x * x * x
    >>> report = check_primitive(cube)
    >>> report.broken
    ('partials',)
    >>> print(report)
    cube: breaks partials
    ...
    partials  fails ... at 1.0: the rule in x gives 2.0, the values give 3
    ...

    Raises:
        TypeError: for anything but a primitive.
        ValueError: for less than one example, or a primitive with an empty domain.
    """
    points(primitive)
    search = _Search(integer(examples, "the number of examples", low=1))
    findings: list[Finding] = []
    for law, tried in _LAWS.items():
        found = tried(primitive, search)
        findings.append(Finding(law, found.verdict, found.tried, found.point, found.why))
        if found.verdict == FAILS:
            search.broken.add(law)
    return LawReport(primitive.name, tuple(findings))


class _Search:
    """Tries a law on a number of points, and knows which laws are broken already."""

    def __init__(self, examples: int) -> None:
        self.broken: set[str] = set()
        self._settings = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )

    def __call__(self, where: st.SearchStrategy[Any], broken: Callable[[Any], str | None]) -> Finding:
        """Look for the smallest point at which `broken` says what is wrong; None from it: cannot tell."""
        tried = told = 0

        def fails(point: Any) -> bool:
            nonlocal tried, told
            tried += 1
            found = _said(broken, point)
            told += found is not None
            return bool(found)

        try:
            point = find(where, fails, settings=self._settings)
        except NoSuchExample:
            if not told:
                return Finding("", CANNOT_TELL, tried, None, "at none of the points is the precision enough")
            return Finding("", HOLDS, tried, None, f"{tried - told} of them cannot tell" if told < tried else "")
        except Flaky:
            return Finding("", FAILS, tried, None, "it is not deterministic: twice at the same point, it differs")
        return Finding("", FAILS, tried, point, _said(broken, point) or "")


def _said(broken: Callable[[Any], str | None], point: Any) -> str | None:
    try:
        return broken(point)
    except Exception as error:  # whatever it is: an operation never raises
        return f"{type(error).__name__}: {error}"


def _not_checked(why: str) -> Finding:
    return Finding("", NOT_CHECKED, 0, None, why)


def _close(x: float, y: float, scale: float) -> bool:
    return same(x, y) or abs(x - y) <= ROUNDING * scale


# ---------------------------------------------------------------- the value


def _value(primitive: Primitive, search: _Search) -> Finding:
    """In the domain, the value is a number, and a Value records the same one."""

    def broken(point: Point) -> str:
        value, recorded = primitive(*point), primitive(*map(Value, point)).data
        if value != value:
            return "the value is nan in the declared domain"
        return "" if value == recorded else f"the value is {value}, a Value records {recorded}"

    return search(points(primitive), broken)


def _any_float(primitive: Primitive, search: _Search) -> Finding:
    """For no float at all does the value or a partial raise, or turn into anything but a float."""

    def broken(point: Point) -> str:
        try:
            out: Any = primitive.value(*point)
            results = [("the value", out)]
            for name, rule in zip(operand_names(primitive), primitive.partials, strict=True):
                results.append((f"the rule in {name}", rule(out, *point)))
        except (ArithmeticError, ValueError) as error:
            return f"{type(error).__name__}: {error}; {NEVER_RAISE}"
        return "; ".join(f"{what} is {x!r} of type {type(x).__name__}" for what, x in results if type(x) is not float)

    return search(st.tuples(*[st.floats()] * primitive.arity), broken)


def _bounded(primitive: Primitive, search: _Search) -> Finding:
    """An operation that is declared bounded is not infinite for any float."""
    if not primitive.bounded:
        return _not_checked("it is not declared bounded")

    def broken(point: Point) -> str:
        out = primitive(*point)
        return f"the value is {out}" if isinf(out) else ""

    return search(st.tuples(*[st.floats()] * primitive.arity), broken)


def _array(primitive: Primitive, search: _Search) -> Finding:
    """The spelling for arrays, read in numpy's namespace, gives the value element by element."""
    if primitive.array is None:
        return _not_checked("no spelling for arrays is declared")
    try:
        import numpy as np
    except ImportError:
        return _not_checked(f"numpy is not installed: {how_to_install('lift')}")
    names = operand_names(primitive)
    try:
        code = compile(primitive.array.format(*names), primitive.name, "eval")
    except (SyntaxError, IndexError, KeyError, ValueError) as error:
        return Finding("", FAILS, 0, None, f"{primitive.array!r} cannot be read: {error}")

    def broken(rows: Sequence[Point]) -> str:
        columns = dict(zip(names, np.array(rows).T, strict=True))
        with np.errstate(all="ignore"):
            found = eval(code, vars(np) | columns) * np.ones(len(rows))  # noqa: S307  # the declaration's own text
        for row, element in zip(rows, found.tolist(), strict=True):
            out = primitive(*row)
            slopes = [primitive.partials[i](out, *row) * row[i] for i in differentiable(primitive)]
            if not _close(element, out, abs(out) + sum(map(abs, slopes))):
                return f"at {row} the value is {out!r}, the array's {element!r}"
        return ""

    found = search(st.lists(points(primitive), min_size=2, max_size=2), broken)
    return Finding("", found.verdict, found.tried, None, found.why)


# ---------------------------------------------------------------- the derivatives


def _smooth(primitive: Primitive, search: _Search) -> Finding:
    """In the domain, away from declared breaks, the slopes of the two sides meet as the steps shrink."""

    def gap(point: Point, i: int, step: float) -> float:
        below, above = (primitive(*point[:i], point[i] + t, *point[i + 1 :]) for t in (-step, step))
        return abs((above - primitive(*point)) - (primitive(*point) - below)) / step

    def broken(point: Point) -> str:
        for i in differentiable(primitive):
            wide, narrow = gap(point, i, 2.0**-12), gap(point, i, 2.0**-22)
            noise = 2.0**-26 * (1 + abs(primitive(*point)))
            if narrow > wide / 4 + noise:
                return f"in {operand_names(primitive)[i]} the slopes of the two sides differ by {narrow:.3g}"
        return ""

    return search(points(primitive), broken)


def _slopes(order: int) -> Callable[[Primitive, _Search], Finding]:
    """In the domain, the derivatives of this order are the slopes of what they are derivatives of."""

    def law(primitive: Primitive, search: _Search) -> Finding:
        if primitive in HELD:
            return _not_checked("it is held constant by definition")
        if order > 1 and search.broken & {"smooth", "partials"}:
            return _not_checked("the operation is not smooth, or its partials themselves are wrong")
        smooth = {KINK} if order == 1 else set()  # a second derivative may jump where the first one does not
        return search(points(primitive), lambda point: _compared(primitive, point, order, {DISAGREES} | smooth)[0])

    return law


def _compared(primitive: Primitive, point: Point, order: int, wrong: set[str]) -> tuple[str | None, set[str]]:
    """What is wrong with the derivatives of an order, None if that cannot be told; and the verdicts.

    `wrong` are the verdicts that are taken as such.
    """
    live, names = differentiable(primitive), operand_names(primitive)

    def function(*operands: Value) -> Value:
        given: dict[int, Value | float] = {**dict(enumerate(point)), **dict(zip(live, operands, strict=True))}
        return Value.apply_primitive(primitive, tuple(given.values()))

    report = gradcheck(function, *[Value(point[i], label=names[i]) for i in live], order=order)
    if report.faults:
        return "; ".join(report.faults), {DISAGREES}
    compared = [found for found in report.comparisons if found.order == order]
    verdicts = {found.verdict for found in compared}
    for found in compared:
        if found.verdict in wrong:
            what = "the rule" if order == 1 else "the rules' derivative"
            sides = found.below is not None and found.above is not None
            measured = f"{found.below!r} below and {found.above!r} above" if sides else f"{found.numerical:.9g}"
            return f"{what} in {found.wrt} gives {found.analytic!r}, the values give {measured}", verdicts
    culprits = [str(culprit) for culprit in report.culprits if culprit.order == order]
    return "; ".join(culprits) or (None if CANNOT_TELL in verdicts else ""), verdicts


def _kinks(primitive: Primitive, search: _Search) -> Finding:
    """At a declared kink the slope that the rule chooses lies between those of the two sides, which differ."""
    if not primitive.kinks:
        return _not_checked("none is declared")
    seen: set[str] = set()

    def broken(point: Point) -> str | None:
        what, verdicts = _compared(primitive, point, 1, {DISAGREES})
        seen.update(verdicts)
        return what

    found = search(points(primitive, near_kinks=True), broken)
    if found.verdict == HOLDS and KINK not in seen:
        return Finding("", FAILS, found.tried, None, "nowhere do the slopes of the two sides differ")
    return found


def _modes(primitive: Primitive, search: _Search) -> Finding:
    """The sweep, `grad` and forward mode give the same derivatives."""

    def broken(point: Point) -> str:
        operands = [Value(x) for x in point]
        out = primitive(*operands)
        out.backward()
        for i in differentiable(primitive):
            swept = operands[i].grad
            again, forward = grad(out, operands[i]).data, jvp(out, operands[i], 1.0).data
            if not (_close(swept, again, abs(swept)) and _close(swept, forward, abs(swept))):
                name = operand_names(primitive)[i]
                return f"in {name} the sweep gives {swept!r}, grad {again!r}, forward mode {forward!r}"
        return ""

    return search(points(primitive), broken)


# ---------------------------------------------------------------- what is pinned and promised


def _edges(primitive: Primitive, _search: _Search) -> Finding:
    """At each pinned edge, value and partials are the pinned ones to the bit."""
    if not primitive.edges:
        return _not_checked("none is pinned")

    def broken(edge: Edge) -> str:
        operands, value, partials = edge
        if not len(operands) == len(partials) == primitive.arity:
            return f"an edge needs {primitive.arity} operands and as many partials"
        out = primitive(*operands)
        pairs = [("the value", out, value)]
        for name, rule, wanted in zip(operand_names(primitive), primitive.partials, partials, strict=True):
            pairs.append((f"the rule in {name}", rule(out, *operands), wanted))
        wrong = [pair for pair in pairs if float(pair[1]).hex() != float(pair[2]).hex()]
        return "; ".join(f"{what} gives {given!r}, pinned is {wanted!r}" for what, given, wanted in wrong)

    for edge in primitive.edges:
        why = _said(broken, edge)
        if why:
            return Finding("", FAILS, len(primitive.edges), edge[0], why)
    return Finding("", HOLDS, len(primitive.edges))


def _algebra(primitive: Primitive, search: _Search) -> Finding:
    """What is declared associative or commutative is, and the identity changes nothing."""
    identity = primitive.identity
    if not (primitive.associative or primitive.commutative or identity is not None):
        return _not_checked("nothing is declared")
    if primitive.arity != 2:
        return Finding("", FAILS, 0, None, "only an operation of two operands has an algebra")

    def broken(drawn: tuple[Point, Point]) -> str:
        (x, y), (_, z) = drawn
        pairs = []
        if primitive.commutative:
            pairs.append(("commutative: f(x, y) and f(y, x)", primitive(x, y), primitive(y, x)))
        if primitive.associative:
            left, right = primitive(primitive(x, y), z), primitive(x, primitive(y, z))
            pairs.append(("associative: f(f(x, y), z) and f(x, f(y, z))", left, right))
        if identity is not None:
            pairs.append(("an identity: f(x, e) and x", primitive(x, identity), x))
            pairs.append(("an identity: f(e, x) and x", primitive(identity, x), x))
        for what, one, other in pairs:
            if not _close(one, other, abs(x) + abs(y) + abs(z) + abs(one)):
                return f"not {what} are {one!r} and {other!r} for x = {x!r}, y = {y!r}, z = {z!r}"
        return ""

    found = search(st.tuples(points(primitive), points(primitive)), broken)
    return Finding("", found.verdict, found.tried, None, found.why)


_LAWS: dict[str, Callable[[Primitive, _Search], Finding]] = {
    "value": _value,
    "any float": _any_float,
    "bounded": _bounded,
    "array": _array,
    "smooth": _smooth,
    "partials": _slopes(1),
    "second partials": _slopes(2),
    "forward = reverse": _modes,
    "edges": _edges,
    "kinks": _kinks,
    "algebra": _algebra,
}
