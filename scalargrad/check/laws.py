"""The laws that every operation obeys, tried on an operation of your own.

    from scalargrad.check.laws import check_primitive

    def test_softsign():
        check_primitive(softsign).raise_if_wrong()

The checks rely on the declaration: points are drawn from its domain, and the slopes of the two sides
may differ at its kinks. So a declaration that promises too much fails here, too. If a law fails,
the report has the smallest point that Hypothesis finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, isfinite, isinf
from sys import float_info
from typing import Any

from ..extras import how_to_install

try:
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import Flaky, NoSuchExample
except ImportError as error:
    raise ImportError(f"laws need Hypothesis: {how_to_install('check')}") from error

from ..engine.declaration import NEVER_RAISE, Edge, Primitive, operand_names, registered
from ..engine.derivatives import grad, jvp
from ..engine.floats import integer, same
from ..engine.value import Value
from ..terminal import Text, html_table, table
from .check import gradcheck
from .measure.recording import HELD
from .measure.verdict import CANNOT_TELL, DISAGREES, KINK
from .strategies import differentiable, points

__all__ = ["LawBroken", "LawReport", "LawResult", "check_primitive"]

HOLDS = "holds"
FAILS = "fails"
NOT_CHECKED = "not checked"
SEVERAL = 20  # points for a law that needs one among them which is not special
ROUNDING = 1e-12  # relative: some thousand roundings

Point = tuple[float, ...]
_ANY_FLOAT = st.floats() | st.sampled_from((inf, -inf, float_info.max, -float_info.max))  # st.floats() seldom gives inf


# ---------------------------------------------------------------- the report


class LawBroken(AssertionError):
    """A primitive does not do what it declares.

    Attributes:
        report: the whole report, whose text is the message.
    """

    def __init__(self, report: LawReport) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return str(self.report)


@dataclass(frozen=True)
class LawResult:
    """Whether one law holds.

    Attributes:
        law: its name.
        verdict: "holds", "fails", "cannot tell" or "not checked".
        tried: the number of points.
        point: the smallest point at which it fails.
        why: what is wrong there, or why it was not checked.
    """

    law: str
    verdict: str
    tried: int = 0
    point: Point | None = None
    why: str = ""


@dataclass(frozen=True, repr=False)
class LawReport:
    """The result of `check_primitive`: true if no law fails and none is undecided. It prints as a table.

    Attributes:
        primitive: the primitive's name.
        results: one for each law.
    """

    primitive: str
    results: tuple[LawResult, ...]

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> bool:
        return all(result.verdict in (HOLDS, NOT_CHECKED) for result in self.results)

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of the laws that fail."""
        return tuple(result.law for result in self.results if result.verdict == FAILS)

    def raise_if_wrong(self) -> None:
        """Raise an error if a law fails.

        Raises:
            LawBroken: with this report.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        if self.broken:
            raise LawBroken(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers."""
        rows = [asdict(result) | {"point": result.point and list(result.point)} for result in self.results]
        return {"primitive": self.primitive, "holds": bool(self), "broken": list(self.broken), "results": rows}

    def _table(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("law", "verdict", "points", "why")]
        for result in self.results:
            where = "" if result.point is None else f"at {', '.join(map(repr, result.point))}: "
            rows.append((result.law, result.verdict, str(result.tried or ""), where + result.why))
        return rows

    def _summary(self) -> str:
        unsure = ", ".join(result.law for result in self.results if result.verdict == CANNOT_TELL)
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
    """Try every law on a primitive, at points of its declared domain.

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

    Args:
        primitive: the operation.
        examples: at how many points each law is tried.

    Returns:
        A report, which is true if every law holds.

    Raises:
        TypeError: for anything but a primitive.
        ValueError: for less than one example, or a primitive with an empty domain.
    """
    points(primitive)
    search = _Search(integer(examples, "the number of examples", low=1))
    results: list[LawResult] = []
    for name, law in _LAWS.items():
        results.append(replace(law(primitive, search), law=name))
        if results[-1].verdict == FAILS:
            search.broken.add(name)
    return LawReport(primitive.name, tuple(results))


class _Search:
    """Tries a law at a number of points.

    Attributes:
        broken: the laws that have failed so far.
    """

    def __init__(self, examples: int) -> None:
        self.broken: set[str] = set()
        self._examples = examples
        self._settings = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )

    def at_least(self, examples: int) -> _Search:
        """Return a search at so many points or more."""
        return self if self._examples >= examples else _Search(examples)

    def __call__(self, where: st.SearchStrategy[Any], broken: Callable[[Any], str | None]) -> LawResult:
        """Look for the smallest point at which `broken` says what is wrong; it returns None where it cannot tell."""
        tried = decided = 0

        def fails(point: Any) -> bool:
            nonlocal tried, decided
            tried += 1
            wrong = _said(broken, point)
            decided += wrong is not None
            return bool(wrong)

        try:
            point = find(where, fails, settings=self._settings)
        except NoSuchExample:
            if not decided:
                return LawResult("", CANNOT_TELL, tried, None, "the precision is not enough at any of the points")
            return LawResult("", HOLDS, tried, None, f"{tried - decided} of them undecided" if decided < tried else "")
        except Flaky:
            return LawResult("", FAILS, tried, None, "it is not deterministic: twice at the same point, it differs")
        return LawResult("", FAILS, tried, point, _said(broken, point) or "")


def _said(broken: Callable[[Any], str | None], point: Any) -> str | None:
    try:
        return broken(point)
    except Exception as error:  # whatever it is: an operation never raises
        return f"{type(error).__name__}: {error}"


def _not_checked(why: str) -> LawResult:
    return LawResult("", NOT_CHECKED, 0, None, why)


def _close(x: float, y: float, scale: float) -> bool:
    return same(x, y) or abs(x - y) <= ROUNDING * scale


# ---------------------------------------------------------------- the value


def _value(primitive: Primitive, search: _Search) -> LawResult:
    """In the domain, the value is a number, and a Value records the same one."""

    def broken(point: Point) -> str:
        value, recorded = primitive(*point), primitive(*map(Value, point)).data
        if value != value:
            return "the value is nan in the declared domain"
        return "" if value == recorded else f"the value is {value}, a Value records {recorded}"

    return search(points(primitive), broken)


def _any_float(primitive: Primitive, search: _Search) -> LawResult:
    """The value and the partials are floats, and never raise, for any floats."""

    def broken(point: Point) -> str:
        try:
            out: Any = primitive.value(*point)
            results = [("the value", out)]
            for name, rule in zip(operand_names(primitive), primitive.partials, strict=True):
                results.append((f"the rule in {name}", rule(out, *point)))
        except (ArithmeticError, ValueError) as error:
            return f"{type(error).__name__}: {error}; {NEVER_RAISE}"
        return "; ".join(f"{what} is {x!r} of type {type(x).__name__}" for what, x in results if type(x) is not float)

    return search(st.tuples(*[_ANY_FLOAT] * primitive.arity), broken)


def _bounded(primitive: Primitive, search: _Search) -> LawResult:
    """An operation that is declared bounded is not infinite for any float."""
    if not primitive.bounded:
        return _not_checked("it is not declared bounded")

    def broken(point: Point) -> str:
        out = primitive(*point)
        return f"the value is {out}" if isinf(out) else ""

    return search(st.tuples(*[_ANY_FLOAT] * primitive.arity), broken)


def _array(primitive: Primitive, search: _Search) -> LawResult:
    """The spelling for arrays, read in the names of numpy and scipy.special, gives the value element by element."""
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
        return LawResult("", FAILS, 0, None, f"{primitive.array!r} cannot be read: {error}")
    namespace = dict(vars(np))
    if "special" in code.co_names:
        try:
            from scipy import special
        except ImportError:
            return _not_checked(f"scipy is not installed: {how_to_install('lift')}")
        namespace["special"] = special

    def broken(rows: Sequence[Point]) -> str:
        columns = dict(zip(names, np.array(rows).T, strict=True))
        with np.errstate(all="ignore"):
            results = eval(code, namespace | columns) * np.ones(len(rows))  # noqa: S307  # the declaration's own text
        for row, element in zip(rows, results.tolist(), strict=True):
            out = primitive(*row)
            slopes = [primitive.partials[i](out, *row) * row[i] for i in differentiable(primitive)]
            if not _close(element, out, abs(out) + sum(map(abs, slopes))):
                return f"at {row} the value is {out!r}, the array's {element!r}"
        return ""

    return replace(search(st.lists(points(primitive), min_size=2, max_size=2), broken), point=None)


def _notation(primitive: Primitive, search: _Search) -> LawResult:
    """The notation, read as Python with the names of the operations, computes the value."""
    names = [f"operand_{i}" for i in range(primitive.arity)]
    code = compile(primitive.notation.format(*names), primitive.name, "eval")
    operations = {known.name: known for known in registered()} | {primitive.name: primitive}

    def broken(point: Point) -> str:
        operands = dict(zip(names, map(Value, point), strict=True))  # Values: Python's own operators raise on floats
        try:
            written = eval(code, operations | operands)  # noqa: S307  # the declaration's own text
        except NameError as error:
            return f"{primitive.notation!r} cannot be computed: {error}"
        out, written = primitive(*point), getattr(written, "data", written)
        return "" if _close(written, out, abs(out)) else f"the value is {out!r}, {primitive.notation!r} is {written!r}"

    return search(points(primitive), broken)


# ---------------------------------------------------------------- the derivatives


def _smooth(primitive: Primitive, search: _Search) -> LawResult:
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


def _is_smooth(primitive: Primitive, point: Point, i: int) -> bool:
    """Whether an operation has a slope in one operand: the same to both sides, and at wide and narrow steps."""
    out, measured = primitive(*point), []
    for step in (2.0**-12, 2.0**-22):
        near = [point[i] - step, point[i] + step]
        below, above = (primitive(*point[:i], x, *point[i + 1 :]) for x in near)
        if not all(map(isfinite, (below, out, above))) or point[i] in near:
            return False
        measured.append((abs(above - 2 * out + below) / step, (above - below) / (2 * step)))
    (wide_gap, wide), (narrow_gap, narrow) = measured
    noise = 2.0**-26 * (1 + abs(out))
    return narrow_gap <= wide_gap / 4 + noise and abs(narrow - wide) <= (1 + abs(wide)) / 4


def _domain(primitive: Primitive, search: _Search) -> LawResult:
    """At each end of the domain something ends: for some of the other operands the operation is not smooth there."""
    if "any float" in search.broken:
        return _not_checked("for some floats the value is not a float")
    ends = [(i, end) for i, interval in enumerate(primitive.domain) for end in interval if isfinite(end)]
    results = [_at_end(primitive, search, i, end) for i, end in ends] or [_not_checked("it has no end")]
    return next((one for one in results if one.verdict == FAILS), results[0])


def _at_end(primitive: Primitive, search: _Search, i: int, end: float) -> LawResult:
    smooth: list[Point] = []

    def broken(point: Point) -> str:
        at_end = (*point[:i], end, *point[i + 1 :])
        if _is_smooth(primitive, at_end, i):
            smooth.append(at_end)
        return ""

    result = search.at_least(SEVERAL)(points(primitive), broken)
    if len(smooth) < result.tried:
        return result
    why = f"the domain ends in {operand_names(primitive)[i]}, where the operation is smooth, too"
    return replace(result, verdict=FAILS, point=smooth[0], why=why)


def _poles(primitive: Primitive, search: _Search) -> LawResult:
    """At a declared pole the operation has no slope."""
    if "any float" in search.broken:
        return _not_checked("for some floats the value is not a float")
    results = [_at_pole(primitive, search, *pole) for pole in primitive.poles] or [_not_checked("none is declared")]
    return next((one for one in results if one.verdict == FAILS), results[0])


def _at_pole(primitive: Primitive, search: _Search, i: int, nearest: Callable[..., float]) -> LawResult:
    def broken(point: Point) -> str | None:
        place = nearest(*point)
        if place != place:  # there is none
            return None
        is_smooth = _is_smooth(primitive, (*point[:i], place, *point[i + 1 :]), i)
        return (
            f"a pole in {operand_names(primitive)[i]} at {place!r}, where the operation is smooth" if is_smooth else ""
        )

    result = search(points(primitive), broken)
    return _not_checked("no point with a pole was drawn") if result.verdict == CANNOT_TELL else result


def _slopes(order: int) -> Callable[[Primitive, _Search], LawResult]:
    """In the domain, the derivatives of this order are the slopes of the derivatives of the order before."""

    def law(primitive: Primitive, search: _Search) -> LawResult:
        if primitive in HELD:
            return _not_checked("it is held constant by definition")
        if order > 1 and search.broken & {"smooth", "partials"}:
            return _not_checked("the operation is not smooth, or its partials themselves are wrong")
        smooth = {KINK} if order == 1 else set()  # a second derivative may jump where the first one does not
        return search(points(primitive), lambda point: _compared(primitive, point, order, {DISAGREES} | smooth)[0])

    return law


def _compared(primitive: Primitive, point: Point, order: int, wrong: set[str]) -> tuple[str | None, set[str]]:
    """What is wrong with the derivatives of an order, None if the check cannot tell; and the verdicts.

    `wrong` are the verdicts that count as wrong.
    """
    live, names = differentiable(primitive), operand_names(primitive)

    def function(*operands: Value) -> Value:
        given: dict[int, Value | float] = {**dict(enumerate(point)), **dict(zip(live, operands, strict=True))}
        return Value.apply_primitive(primitive, tuple(given.values()))

    report = gradcheck(function, *[Value(point[i], label=names[i]) for i in live], order=order)
    if report.faults:
        return "; ".join(report.faults), {DISAGREES}
    compared = [one for one in report.comparisons if one.order == order]
    verdicts = {one.verdict for one in compared}
    for one in compared:
        if one.verdict in wrong:
            what = "the rule" if order == 1 else "the rules' derivative"
            sides = one.below is not None and one.above is not None
            measured = f"{one.below!r} below and {one.above!r} above" if sides else f"{one.numerical:.9g}"
            return f"{what} in {one.wrt} gives {one.analytic!r}, the values give {measured}", verdicts
    culprits = [str(culprit) for culprit in report.culprits if culprit.order == order]
    return "; ".join(culprits) or (None if CANNOT_TELL in verdicts else ""), verdicts


def _kinks(primitive: Primitive, search: _Search) -> LawResult:
    """At a declared kink the slopes of the two sides differ, and the rule chooses one of them or one between."""
    if not primitive.kinks:
        return _not_checked("none is declared")
    seen: set[str] = set()

    def broken(point: Point) -> str | None:
        what, verdicts = _compared(primitive, point, 1, {DISAGREES})
        seen.update(verdicts)
        return what

    result = search(points(primitive, near_kinks=True), broken)
    if result.verdict == HOLDS and KINK not in seen:
        return LawResult("", FAILS, result.tried, None, "the slopes of the two sides do not differ anywhere")
    return result


def _modes(primitive: Primitive, search: _Search) -> LawResult:
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


def _edges(primitive: Primitive, _search: _Search) -> LawResult:
    """At each pinned edge, the value and the partials have the pinned bits."""
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
            return LawResult("", FAILS, len(primitive.edges), edge[0], why)
    return LawResult("", HOLDS, len(primitive.edges))


def _algebra(primitive: Primitive, search: _Search) -> LawResult:
    """An operation declared associative or commutative is so, its identities change nothing, and products are some."""
    identity, right_identity = primitive.identity, primitive.right_identity
    declared = primitive.associative or primitive.commutative or primitive.multiplies
    if not declared and identity is None and right_identity is None:
        return _not_checked("nothing is declared")
    if primitive.arity != 2:
        return LawResult("", FAILS, 0, None, "only an operation of two operands has an algebra")

    def broken(drawn: tuple[Point, Point]) -> str:
        (x, y), (_, z) = drawn
        pairs = []
        if primitive.commutative:
            pairs.append(("commutative: f(x, y) and f(y, x)", primitive(x, y), primitive(y, x)))
        if primitive.associative:
            left, right = primitive(primitive(x, y), z), primitive(x, primitive(y, z))
            pairs.append(("associative: f(f(x, y), z) and f(x, f(y, z))", left, right))
        if right_identity is not None:
            pairs.append(("an identity: f(x, e) and x", primitive(x, right_identity), x))
        if identity is not None:
            pairs.append(("an identity: f(x, e) and x", primitive(x, identity), x))
            pairs.append(("an identity: f(e, x) and x", primitive(identity, x), x))
        if primitive.multiplies:
            pairs.append(("a product: f(x, y) and x * y", primitive(x, y), x * y))
        for what, one, other in pairs:
            if not _close(one, other, abs(x) + abs(y) + abs(z) + abs(one)):
                return f"not {what} are {one!r} and {other!r} for x = {x!r}, y = {y!r}, z = {z!r}"
        return ""

    return replace(search(st.tuples(points(primitive), points(primitive)), broken), point=None)


_LAWS: dict[str, Callable[[Primitive, _Search], LawResult]] = {
    "value": _value,
    "any float": _any_float,
    "bounded": _bounded,
    "notation": _notation,
    "array": _array,
    "domain": _domain,
    "poles": _poles,
    "smooth": _smooth,
    "partials": _slopes(1),
    "second partials": _slopes(2),
    "forward = reverse": _modes,
    "edges": _edges,
    "kinks": _kinks,
    "algebra": _algebra,
}
