"""The laws that are tried on a primitive: every built-in one obeys them, and each law has a fault that it names."""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import itertools
import json
import math
import re
import sys
from typing import Any, cast

import pytest

import scalargrad
from scalargrad import Primitive, Value, erf, greater, stop_gradient
from scalargrad.check import laws
from scalargrad.check.laws import LawBroken, LawReport, check_primitive
from scalargrad.engine import primitives
from scalargrad.engine.declaration import NEVER_RAISE, POSITIVE, REALS, Break

BUILT_IN = [declared for declared in vars(primitives).values() if isinstance(declared, Primitive)]
SQUARE = dataclasses.replace(
    primitives.exp,
    name="square",
    value=lambda x: x * x,
    partials=(lambda out, x: 2 * x,),
    notation="square({})",
    array="{0} * {0}",
    edges=(((-3.0,), 9.0, (-6.0,)),),
)
MODULUS = dataclasses.replace(primitives.abs, name="modulus")
MEAN = dataclasses.replace(
    SQUARE,
    name="mean_of_two",
    value=lambda x, y: (x + y) / 2,
    partials=(lambda out, x, y: 0.5, lambda out, x, y: 0.5),
    notation="mean_of_two({}, {})",
    array="({} + {}) / 2",
    domain=(REALS, REALS),
    edges=(),
    commutative=True,
)


@pytest.mark.parametrize("primitive", [*BUILT_IN, SQUARE, MODULUS, MEAN], ids=lambda primitive: primitive.name)
def test_every_operation_obeys_the_laws(primitive: Primitive) -> None:
    """No law is broken by any built-in operation, private ones included, and of none is nothing told."""
    report = check_primitive(primitive, examples=8)
    report.raise_if_wrong()
    assert report
    assert all(result.tried for result in report.results if result.verdict == "holds")


def test_three_operands_are_checked_too() -> None:
    """An operation of three operands is checked in each."""

    def rule(i: int) -> Any:
        return lambda out, *operands: operands[(i + 1) % 3] * operands[(i + 2) % 3]

    volume = dataclasses.replace(
        SQUARE,
        name="volume",
        value=lambda x, y, z: x * y * z,
        partials=(rule(0), rule(1), rule(2)),
        notation="volume({}, {}, {})",
        array="{} * {} * {}",
        domain=(REALS,) * 3,
        edges=(((2.0, 3.0, 4.0), 24.0, (12.0, 8.0, 6.0)),),
    )
    assert check_primitive(volume, examples=8)
    wrong = dataclasses.replace(volume, partials=(rule(0), rule(1), lambda out, x, y, z: x))
    assert {"partials", "edges"} <= set(check_primitive(wrong, examples=30).broken)


def test_a_second_derivative_may_jump() -> None:
    """An operation with a kink in its slope is differentiable: x |x| breaks no law."""
    twisted = dataclasses.replace(
        SQUARE,
        name="twisted",
        value=lambda x: x * abs(x),
        partials=(lambda out, x: 2 * abs(x),),
        notation="{0} * abs({0})",
        array=None,
        edges=(),
    )
    assert check_primitive(twisted, examples=8)


# ---------------------------------------------------------------- each law has a fault that it names

counter = itertools.count()
log = dataclasses.replace(primitives.log, edges=())

FAULTS: dict[str, tuple[Primitive, list[str], str]] = {
    "domain": (dataclasses.replace(log, domain=(REALS,)), ["value"], "the value is nan in the declared domain"),
    "another value": (
        dataclasses.replace(SQUARE, value=lambda x: float(next(counter))),
        ["value", "notation", "array", "smooth", "partials", "forward = reverse", "edges"],
        "a Value records",
    ),
    "raises": (dataclasses.replace(log, value=math.log), ["any float"], "at 0.0: ValueError: math domain error"),
    "raises, with a pole": (
        dataclasses.replace(log, value=math.log, poles=(Break(0, lambda x: -1.0),)),
        ["any float"],
        "poles              not checked          for some floats the value is not a float",
    ),
    "rule raises": (
        dataclasses.replace(log, partials=(lambda out, x: x**-1.0,)),
        ["any float"],
        "at 0.0: ZeroDivisionError: ",
    ),
    "complex": (
        dataclasses.replace(primitives.sqrt, edges=(), value=lambda x: x**0.5),
        ["any float"],
        "of type complex",
    ),
    "notation": (dataclasses.replace(MEAN, notation="{} + {}"), ["notation"], "'{} + {}' is "),
    "notation in another order": (
        dataclasses.replace(primitives.subtract, notation="subtract({1}, {0})"),
        ["notation"],
        "'subtract({1}, {0})' is",
    ),
    "notation unknown": (
        dataclasses.replace(SQUARE, notation="squared({})"),
        ["notation"],
        "'squared({})' cannot be computed: name 'squared' is not defined",
    ),
    "notation of a number": (dataclasses.replace(SQUARE, notation="7 * ({} is None)"), ["notation"], "is 0"),
    "narrow domain": (
        dataclasses.replace(SQUARE, domain=((-10.0, math.inf),)),
        ["domain"],
        "at -10.0: the domain ends in x, where the operation is smooth, too",
    ),
    "narrow above": (
        dataclasses.replace(log, domain=((0.0, 100.0),)),
        ["domain"],
        "at 100.0: the domain ends in x, where the operation is smooth, too",
    ),
    "narrow in the second": (
        dataclasses.replace(primitives.power, domain=(POSITIVE, POSITIVE)),
        ["domain"],
        "the domain ends in ",
    ),
    "superfluous pole": (
        dataclasses.replace(SQUARE, poles=(Break(0, lambda x: 3.0),)),
        ["poles"],
        "a pole in x at 3.0, where the operation is smooth",
    ),
    "pole in the wrong operand": (
        dataclasses.replace(primitives.divide, poles=(*primitives.divide.poles, Break(0, lambda x, y: 0.0))),
        ["poles"],
        "at 0.0, where the operation is smooth",
    ),
    "bounded but at infinity": (
        dataclasses.replace(primitives.tanh, value=lambda x: x if math.isinf(x) else math.tanh(x), edges=()),
        ["bounded"],
        "the value is inf",
    ),
    "not bounded": (dataclasses.replace(SQUARE, bounded=True), ["bounded"], "the value is inf"),
    "array": (
        dataclasses.replace(SQUARE, array="{0} + {0}"),
        ["array"],
        "the value is",
    ),
    "array of 0.1%": (dataclasses.replace(SQUARE, array="1.001 * {0} * {0}"), ["array"], "the value is"),
    "array unreadable": (dataclasses.replace(SQUARE, array="({0}"), ["array", "partials"], "'({0}' cannot be read"),
    "array unknown": (dataclasses.replace(SQUARE, array="squared({0})"), ["array"], "NameError: name 'squared'"),
    "0.1%": (dataclasses.replace(SQUARE, partials=(lambda out, x: 2.002 * x,), edges=()), ["partials"], "at 1.0: "),
    "sign": (dataclasses.replace(SQUARE, partials=(lambda out, x: -2 * x,), edges=()), ["partials"], "at 1.0: "),
    "factor 2": (dataclasses.replace(SQUARE, partials=(lambda out, x: x,), edges=()), ["partials"], "at 1.0: "),
    "no gradient": (dataclasses.replace(SQUARE, partials=(lambda out, x: 0.0,), edges=()), ["partials"], "at 1.0: "),
    "swapped": (
        dataclasses.replace(primitives.divide, edges=(), partials=primitives.divide.partials[::-1]),
        ["partials"],
        "the rule in ",
    ),
    "undeclared kink": (
        dataclasses.replace(MODULUS, kinks=()),
        ["smooth", "partials"],
        "at 0.0: in x the slopes of the two sides differ by 2",
    ),
    "second order": (
        dataclasses.replace(SQUARE, partials=(lambda out, x: 2 * stop_gradient(x),)),
        ["second partials"],
        "the values give 2",
    ),
    "second order of 0.1%": (
        dataclasses.replace(SQUARE, partials=(lambda out, x: 2.002 * x - 0.002 * stop_gradient(x),), edges=()),
        ["second partials"],
        "the values give 2",
    ),
    "other on Values": (
        dataclasses.replace(SQUARE, partials=(lambda out, x: 2 * x if isinstance(x, float) else 3 * x,)),
        ["forward = reverse", "second partials"],
        "the data of the node or its operands has been changed",
    ),
    "constant on Values": (
        dataclasses.replace(SQUARE, partials=(lambda out, x: 2 * x if isinstance(x, float) else 2.0,)),
        ["forward = reverse", "partials"],
        "in x the sweep gives 0.0, grad 2.0, forward mode 2.0",
    ),
    "edge": (dataclasses.replace(SQUARE, edges=(((-0.0,), -0.0, (-0.0,)),)), ["edges"], "the value gives 0.0, pinned"),
    "edge's slope": (
        dataclasses.replace(SQUARE, edges=(((1.0,), 1.0, (2.0,)), ((-0.0,), 0.0, (0.0,)))),
        ["edges"],
        "at -0.0: the rule in x gives -0.0, pinned is 0.0",
    ),
    "edge's length": (
        dataclasses.replace(SQUARE, edges=(((1.0, 2.0), 1.0, (2.0,)),)),
        ["edges"],
        "an edge needs 1 operands and as many partials",
    ),
    "subgradient": (
        dataclasses.replace(
            MODULUS, edges=(), partials=(lambda out, x: 3 * greater(x, -1e-300) - 1 - greater(x, 0.0),)
        ),
        ["kinks"],
        "at 0.0: the rule in x gives 2.0, the values give -1.0 below and 1.0 above",
    ),
    "no kink": (
        dataclasses.replace(SQUARE, kinks=(Break(0, lambda x: 1.0),)),
        ["kinks"],
        "the slopes of the two sides do not differ anywhere",
    ),
    "associative": (dataclasses.replace(MEAN, associative=True), ["algebra"], "not associative: "),
    "commutative": (
        dataclasses.replace(primitives.subtract, commutative=True),
        ["algebra"],
        "not commutative: f(x, y) and f(y, x)",
    ),
    "identity": (dataclasses.replace(MEAN, identity=0.0), ["algebra"], "not an identity: f(x, e) and x"),
    "left identity": (dataclasses.replace(primitives.subtract, identity=0.0), ["algebra"], "f(e, x) and x"),
    "right identity": (
        dataclasses.replace(MEAN, right_identity=0.0),
        ["algebra"],
        "not an identity: f(x, e) and x",
    ),
    "two identities": (
        dataclasses.replace(primitives.multiply, right_identity=2.0),
        ["algebra"],
        "not an identity: f(x, e) and x",
    ),
    "product": (dataclasses.replace(MEAN, multiplies=True), ["algebra"], "not a product: f(x, y) and x * y"),
    "algebra of one": (
        dataclasses.replace(SQUARE, associative=True),
        ["algebra"],
        "only an operation of two operands has an algebra",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_by_its_law(fault: str) -> None:
    """Negative control: each planted fault breaks the law that is about it, and the report says how."""
    primitive, laws, words = FAULTS[fault]
    report = check_primitive(primitive, examples=15)
    assert set(report.broken) == set(laws)
    assert words in str(report)
    assert not report
    with pytest.raises(LawBroken) as raised:
        report.raise_if_wrong()
    assert raised.value.report is report
    assert words in str(raised.value)


@pytest.mark.parametrize("mode", ["grad", "jvp"])
def test_a_mode_that_is_wrong_alone_is_seen(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where `grad` alone or forward mode alone is off, the modes do not agree."""
    right = getattr(laws, mode)
    monkeypatch.setattr(laws, mode, lambda *operands: right(*operands) * 1.001)
    report = check_primitive(SQUARE, examples=15)
    assert report.broken == ("forward = reverse",)


def test_every_law_has_a_fault() -> None:
    """The faults above break each law of the report at least once."""
    laws = {result.law for result in check_primitive(SQUARE, examples=1).results}
    assert {law for _, broken, _ in FAULTS.values() for law in broken} == laws


def test_a_function_that_raises_is_told_which_one_does_not() -> None:
    """A value built on `math.exp` fails beyond its range; with `scalargrad.exp`, which the law names, it holds."""
    rule = primitives.sigmoid.partials
    raising = scalargrad.primitive(partials=rule, name="by_math")(lambda x: 1 / (1 + math.exp(-x)))
    (result,) = [result for result in check_primitive(raising).results if result.law == "any float"]
    assert result.verdict == "fails"
    assert result.point is not None
    assert -800 < result.point[0] < -709
    assert result.why == f"OverflowError: math range error; {NEVER_RAISE}"
    assert "write scalargrad.exp(x) in place of math.exp(x)" in result.why
    answering = scalargrad.primitive(partials=rule, name="by_scalargrad")(lambda x: 1 / (1 + scalargrad.exp(-x)))
    assert check_primitive(answering)
    assert answering(-1000.0) == 0.0


@pytest.mark.parametrize("threshold", [-3, 0, 1, 2, 3])
def test_the_smallest_point_is_found(threshold: int) -> None:
    """Where a rule is wrong from some point on, the simplest such point is reported."""
    wrong = dataclasses.replace(SQUARE, partials=(lambda out, x: 2 * x + 0.5 * greater(x, threshold - 0.5),), edges=())
    report = check_primitive(wrong, examples=40)
    (result,) = [result for result in report.results if result.law == "partials"]
    assert result.point == (float(max(0, threshold)),)


def test_what_differs_from_call_to_call_is_not_deterministic() -> None:
    """A value that is wrong once and right ever after is reported as such."""
    calls = itertools.count()
    once = dataclasses.replace(SQUARE, value=lambda x: math.nan if next(calls) == 2 else x * x)
    report = check_primitive(once, examples=5)
    assert report.broken == ("value",)
    assert "it is not deterministic" in str(report)


def test_what_cannot_be_told_does_not_hold() -> None:
    """Where the slopes of no point can be measured the report is no success, though nothing is shown to be wrong."""
    infinite = dataclasses.replace(SQUARE, value=lambda x: math.inf, array=None, edges=())
    report = check_primitive(infinite, examples=5)
    assert not report
    assert report.broken == ()
    report.raise_if_wrong()
    assert str(report).startswith("square: cannot tell partials")
    assert "the precision is not enough at any of the points" in str(report)


def test_what_cannot_be_told_at_some_points_is_said() -> None:
    """Where some points cannot be judged, the report says how many."""
    half = dataclasses.replace(SQUARE, value=lambda x: x * x if x < 2 else math.inf, array=None, edges=())
    report = check_primitive(half, examples=20)
    assert report
    assert "of them undecided" in str(report)


ROOT = dataclasses.replace(
    SQUARE, name="root", value=lambda x: math.copysign(abs(x) ** (1 / 3), x), notation="root({})", array=None, edges=()
)
STEEP: dict[str, Primitive] = {  # each with no slope at 0
    "a vertical tangent": ROOT,
    "a jump": dataclasses.replace(ROOT, value=lambda x: math.copysign(1.0, x) if x else 0.0),
    "a value of nan": dataclasses.replace(ROOT, value=lambda x: x * x if x else math.nan),
    "a corner": dataclasses.replace(ROOT, value=abs),
}


@pytest.mark.parametrize("kind", STEEP)
def test_poles_and_ends_of_every_kind_hold(kind: str) -> None:
    """Negative control: a pole, or an end of the domain, at a place without a slope is as it should be."""
    declared = [
        dataclasses.replace(STEEP[kind], poles=(Break(0, lambda x: 0.0),)),
        dataclasses.replace(STEEP[kind], domain=(POSITIVE,)),
        dataclasses.replace(STEEP[kind], domain=((-math.inf, 0.0),)),
    ]
    for primitive in declared:
        assert not {"poles", "domain"} & set(check_primitive(primitive, examples=5).broken)
    moved = dataclasses.replace(STEEP[kind], poles=(Break(0, lambda x: 2.0),), domain=((-math.inf, 5.0),))
    assert {"poles", "domain"} <= set(check_primitive(moved, examples=5).broken)


def test_an_end_that_floats_cannot_look_beyond_is_no_fault() -> None:
    """Where the steps beside an end of the domain are no floats, nothing is said."""
    far = dataclasses.replace(SQUARE, domain=((-math.inf, 1e10),), array=None, edges=())
    assert "domain" not in check_primitive(far, examples=3).broken


@pytest.mark.parametrize("examples", [1, 2, 3])
def test_few_points_are_enough_for_no_false_alarm(examples: int) -> None:
    """With so few points no operation is told that its domain is too narrow, or that a pole is none."""
    search = laws._Search(examples)
    for primitive in BUILT_IN:
        for law in (laws._domain, laws._poles, laws._notation):
            assert law(primitive, search).verdict in {"holds", "not checked"}


# ---------------------------------------------------------------- what is not checked, and how it is shown


def test_what_is_not_declared_is_not_checked() -> None:
    """The report says of each law that was not tried why."""
    bare = dataclasses.replace(SQUARE, array=None, edges=())
    reasons = {result.law: result.why for result in check_primitive(bare, examples=5).results if result.why}
    assert reasons == {
        "bounded": "it is not declared bounded",
        "array": "no spelling for arrays is declared",
        "domain": "it has no end",
        "poles": "none is declared",
        "edges": "none is pinned",
        "kinks": "none is declared",
        "algebra": "nothing is declared",
    }
    held = {result.law: result.why for result in check_primitive(stop_gradient, examples=5).results if result.why}
    assert held["partials"] == held["second partials"] == "it is held constant by definition"


@pytest.mark.parametrize(("package", "checked"), [("numpy", SQUARE), ("scipy", erf)])
def test_without_its_package_an_array_spelling_is_not_checked(
    package: str, checked: Primitive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the package of a spelling is not installed, the report says so and what to install."""
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == package:
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    report = check_primitive(checked, examples=5)
    assert report
    assert f"{package} is not installed: pip install 'scalargrad-engine[lift]'" in str(report)


def test_a_spelling_in_scipys_names_is_checked() -> None:
    """A spelling in the names of scipy.special is compared with the value; a wrong one fails."""
    wrong = dataclasses.replace(erf, array="special.erfc({})")
    assert "array" not in check_primitive(erf, examples=5).broken
    assert "array" in check_primitive(wrong, examples=5).broken


def test_a_report_reads_as_a_table() -> None:
    """The report prints, and shows at a prompt, a line for each law; a table in a notebook; and it is plain data."""
    report = check_primitive(FAULTS["edge's slope"][0], examples=5)
    assert repr(report) == str(report)
    assert str(report).splitlines()[:3] == ["square: breaks edges", "", "law                verdict      points  why"]
    assert "edges              fails        2       at -0.0: the rule in x gives -0.0, pinned is 0.0" in str(report)
    assert str(check_primitive(SQUARE, examples=5)).startswith("square: holds\n")
    cells = re.sub(' style="[^"]*"', "", report._repr_html_())
    assert "<td>forward = reverse</td><td>holds</td>" in cells
    data = json.loads(json.dumps(report.as_dict()))
    assert (data["holds"], data["broken"]) == (False, ["edges"])
    assert next(result for result in data["results"] if result["law"] == "edges") == {
        "law": "edges",
        "verdict": "fails",
        "tried": 2,
        "point": [-0.0],
        "why": "the rule in x gives -0.0, pinned is 0.0",
    }


def test_a_report_is_the_same_every_time() -> None:
    """The same primitive gives the same report."""
    reports: list[LawReport] = [check_primitive(FAULTS["swapped"][0], examples=20) for _ in range(2)]
    assert reports[0] == reports[1]


def test_checking_leaves_nothing_behind() -> None:
    """The laws are tried on Values of their own: none of the user's is touched."""
    x = Value(2.0)
    y = primitives.exp(x)
    check_primitive(primitives.exp, examples=5)
    assert not x.swept
    assert not y.swept


@pytest.mark.parametrize(
    ("primitive", "examples", "error", "message"),
    [
        (math.exp, 10, TypeError, "expected a primitive, got <built-in function exp>"),
        (SQUARE, 0, ValueError, "the number of examples must be an integer of at least 1, got 0"),
        (dataclasses.replace(log, domain=(POSITIVE[::-1],)), 10, ValueError, "the domain of log is empty: .*inf.*0.0"),
    ],
)
def test_a_wrong_argument_is_an_error(primitive: Any, examples: int, error: type[Exception], message: str) -> None:
    """What cannot be checked at all is an error."""
    with pytest.raises(error, match=message):
        check_primitive(cast(Primitive, primitive), examples=examples)


def test_without_hypothesis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Hypothesis is not installed, the import fails with the extra to install."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "scalargrad.check.laws")
    with pytest.raises(ImportError, match=r"install 'scalargrad-engine\[check\]', or in a clone"):
        importlib.import_module("scalargrad.check.laws")
