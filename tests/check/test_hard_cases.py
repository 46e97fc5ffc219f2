"""Where gradient checkers go wrong, one test for each: kinks, edges, scales, cancellation, functions that cheat."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, isnan

import pytest

from scalargrad import Primitive, Value, gradcheck, greater, primitive, softmax, stop_gradient
from scalargrad.check.detects import spoiled
from scalargrad.check.report import Comparison
from scalargrad.engine import modes, primitives

Function = Callable[..., Value]


def only(f: Function, *point: float, order: int = 1) -> Comparison:
    """The last derivative of a check: with one input, that of the highest order."""
    return gradcheck(f, *point, order=order).comparisons[-1]


def verdict(f: Function, *point: float) -> str:
    return only(f, *point).verdict


# ---------------------------------------------------------------- kinks


@pytest.mark.parametrize(
    ("f", "point", "sides"),
    [
        (lambda x: x.relu(), 0.0, (0.0, 1.0)),
        (lambda x: (2 * x - 6).relu(), 3.0, (0.0, 2.0)),
        (abs, 0.0, (-1.0, 1.0)),
        (lambda x: x.maximum(2 * x), 0.0, (1.0, 2.0)),
        (lambda x: x.minimum(1.5), 1.5, (1.0, 0.0)),
        (lambda x: greater(x, 0.0), 0.0, (0.0, inf)),
    ],
)
def test_a_kink_is_called_one(f: Function, point: float, sides: tuple[float, float]) -> None:
    """On a kink the slopes to both sides are told, and a subgradient between them is accepted."""
    comparison = only(f, point)
    assert comparison.verdict == "kink"
    assert (comparison.below, comparison.above) == pytest.approx(sides)
    assert gradcheck(f, point)


def test_a_tie_is_a_kink_in_both_operands() -> None:
    """At a tie of maximum the half that each operand gets lies between 0 and 1."""
    report = gradcheck(lambda x, y: x.maximum(y), 1.5, 1.5)
    assert [(comparison.verdict, comparison.analytic) for comparison in report.comparisons] == [("kink", 0.5)] * 2


def test_a_slope_outside_of_a_kink_is_wrong() -> None:
    """A chosen slope that is no subgradient disagrees."""
    bad = primitive(name="bad_relu", partials=[lambda out, x: 1.5 * primitives.maximum(0.0, greater(x, -1.0))])(
        lambda x: max(x, 0.0)
    )
    comparison = only(bad, 0.0)
    assert (comparison.verdict, comparison.why[-15:]) == ("disagrees", "outside of them")


def test_a_kink_nearby_is_stepped_around() -> None:
    """A billionth beside a kink, the slope is that of this side."""
    for offset in (1e-9, -1e-9, 1e-12):
        assert verdict(lambda x: (x - 1).relu() * 3 + x, 1 + offset) == "agrees"


def test_a_kink_that_cancels_is_none() -> None:
    """|x| x is smooth at 0, to first order; its second derivative has a kink."""
    report = gradcheck(lambda x: abs(x) * x, 0.0, order=2)
    assert [comparison.verdict for comparison in report.comparisons] == ["agrees", "kink"]
    assert (report.comparisons[1].below, report.comparisons[1].above) == pytest.approx((-2.0, 2.0))


def test_subgradients_that_do_not_add_up_are_told() -> None:
    """relu(x) - relu(-x) is x, but each relu takes 0 at 0: wrong, by no rule's fault, and the kinks are named."""
    report = gradcheck(lambda x: x.relu() - (-x).relu(), 0.0)
    assert report.wrong
    assert not report.culprits
    assert any("exactly on a kink or border (relu(x))" in note for note in report.notes)


def test_a_jump_in_the_derivative_is_a_kink() -> None:
    """The second derivative of |x| at 0 does not exist: the first jumps."""
    assert only(abs, 0.0, order=2).why == "the function jumps here, and has no slope"


# ---------------------------------------------------------------- domains and their edges


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (lambda x: x.log(), 1e-300),
        (lambda x: x.log(), 5e-6),
        (lambda x: x.sqrt(), 1e-12),
        (lambda x: x.log1p(), -1 + 1e-9),
        (lambda x: x**0.3, 1e-9),
        (lambda x: x**2.5, 0.0),
        (lambda x: x**2, -1.5),
        (lambda x: x.asin(), 1 - 1e-9),
        (lambda x: x.atanh(), -1 + 1e-6),
        (lambda x: x.acosh(), 1 + 1e-7),
        (lambda x: x.tan(), math.pi / 2 - 1e-7),
        (lambda x: x.tan(), math.pi / 2 + 1e-9),
        (lambda x: x.gamma(), -2 + 1e-6),
        (lambda x: 1 / x, 1e-100),
    ],
)
def test_no_step_leaves_the_domain(f: Function, point: float) -> None:
    """Close to the edge of a domain, or to a pole, the steps shrink or turn to the inside."""
    assert verdict(f, point) == "agrees"


@pytest.mark.parametrize("f", [lambda x: x.sqrt(), lambda x: x.cbrt(), lambda x: x**0.5])
def test_an_infinite_slope_agrees_with_an_infinite_gradient(f: Function) -> None:
    """At the foot of a root the slope grows without bound, and the gradient is inf."""
    comparison = only(f, 0.0)
    assert (comparison.verdict, comparison.analytic, comparison.numerical) == ("agrees", inf, inf)


def test_a_finite_gradient_at_an_infinite_slope_is_wrong() -> None:
    """Negative control: a root's rule that says 0 at 0 is no subgradient."""
    with modes.instead(primitives.sqrt, spoiled(primitives.sqrt, 0, 0.0)):
        assert isnan(only(lambda x: x.sqrt(), 0.0).analytic)  # 0 × inf
    root = primitive(name="flat_root", partials=[lambda out, x: 0.0], domain=[(0.0, inf)])(
        lambda x: math.sqrt(x) if x >= 0 else math.nan
    )
    assert verdict(root, 0.0) == "disagrees"


def test_a_root_of_a_shifted_number() -> None:
    """A slope that tends to 0 like a root is not taken for what the first steps show."""
    assert verdict(lambda x: (x - 3) ** 1.5, 3.0) in {"agrees", "cannot tell"}
    assert verdict(lambda x: (x - 3) ** 1.1, 3.0) == "cannot tell"
    assert verdict(lambda x: x**1.1, 0.0) in {"agrees", "cannot tell"}


@pytest.mark.parametrize(
    ("f", "point", "why"),
    [
        (lambda x: x.log(), 0.0, "the function is -inf here"),
        (lambda x: x.log(), -1.0, "the function is nan here"),
        (lambda x: x.exp(), 1000.0, "the function is inf here"),
        (lambda x: (x * 0).sqrt() + x / 0.0, 1.0, "the function is inf here"),
        (lambda x: x.tan(), math.pi / 2, "the point is a pole or a cusp"),
    ],
)
def test_where_there_is_no_value_nothing_can_be_told(f: Function, point: float, why: str) -> None:
    """nan, inf and poles are reported as such."""
    comparison = only(f, point)
    assert comparison.verdict == "cannot tell"
    assert comparison.why.startswith(why)
    assert not gradcheck(f, point)


def test_a_nan_gradient_of_a_smooth_function_is_wrong() -> None:
    """A gradient of nan where the slope is a number disagrees, and says so."""
    comparison = only(lambda x: (x * 0).sqrt() * 0 + x, 2.0)
    assert (comparison.verdict, comparison.why) == ("disagrees", "the gradient is nan, the slope is finite")


def test_an_overflow_on_the_way_is_named() -> None:
    """Where an infinite number on the way makes the gradient nan, no rule is blamed, and the number is named."""
    report = gradcheck(lambda x: x.sinh().relu() + 1, -1e300)
    assert (report.comparisons[0].verdict, report.culprits) == ("disagrees", ())
    assert report.notes[1].endswith("gives what the function gives, but a node is not finite (sinh(x))")


def test_a_nan_gradient_on_a_pole_cannot_be_told() -> None:
    """The length of a vector has no derivative at 0, and the rule says nan: nobody is blamed."""
    report = gradcheck(lambda x, y: x.hypot(y), 0.0, 0.0)
    assert report.counts()["cannot tell"] == 2
    assert not report.wrong


def test_an_output_that_is_not_finite_says_so_for_the_others() -> None:
    """With one output infinite, the slope of another cannot be told either."""
    report = gradcheck(lambda x: [x * 2, x / 0.0], 1.0)
    assert [comparison.why[:28] for comparison in report.comparisons] == [
        "another output is not finite",
        "the function is inf here, th",
    ]


# ---------------------------------------------------------------- scales, cancellation, flatness


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1.0, 1e30, 1e150])
def test_scales_do_not_matter(scale: float) -> None:
    """Numbers of any size are checked to the same relative precision, and a wrong rule at any size is caught."""

    def square(x: Value) -> Value:
        return x * x / scale

    assert verdict(square, 0.7 * scale) == "agrees"
    with modes.instead(primitives.multiply, spoiled(primitives.multiply, 0, 1.001)):
        assert verdict(square, 0.7 * scale) == "disagrees"


def test_numbers_below_the_normal_ones() -> None:
    """Where floats themselves run out of digits, nothing is blamed."""
    assert verdict(lambda x: x.exp(), -745.0) == "agrees"
    assert not gradcheck(lambda x: x * 1e-310, 1.0).wrong


def test_a_scale_other_than_the_operand_s() -> None:
    """A function that varies over 1 is measured at 1e-9, one that varies over 1e-6 at 1."""
    assert verdict(lambda x: (x + 1).exp(), 1e-9) == "agrees"
    assert verdict(lambda x: (x * 1e6).sin(), 0.7) == "agrees"
    assert verdict(lambda x: x.sin(), 1e5) == "agrees"
    assert verdict(lambda x: (x * 1e6).erf() + x, 0.7) == "agrees"


def test_a_ripple_below_the_steps_is_seen_by_the_complex_step() -> None:
    """X + 1e-9 sin(1e9 x) is a straight line to any sensible step, and yet its derivative is not 1."""
    comparison = only(lambda x: x + 1e-9 * (1e9 * x).sin(), 0.7)
    assert (comparison.verdict, comparison.method) == ("agrees", "complex step")


def test_a_ripple_that_only_smaller_steps_see() -> None:
    """Without a complex step, an estimate from smaller steps that is precise enough outweighs smoother ones."""
    assert verdict(lambda x: x.erf() + x + 1e-12 * (1e7 * x).sin(), 0.7) == "agrees"


def test_a_ripple_below_all_steps_cannot_be_told() -> None:
    """Without a complex step a ripple below every step contradicts the gradient, but smaller steps contradict that."""
    report = gradcheck(lambda x: x.erf() + x + 1e-9 * (1e9 * x).sin(), 0.7)
    assert report.counts()["cannot tell"] == 1
    assert not report.wrong
    assert report.comparisons[0].why.endswith("but other steps do not confirm them")


def test_what_is_too_small_to_be_seen_is_not_blamed() -> None:
    """A part that changes no bit of the whole is right by the chain rule, with each operation measured by itself."""

    def hidden(x: Value, scale: float = 1e300) -> Value:
        return (x * scale).erf() / scale + 1

    assert verdict(hidden, 0.0) == "agrees" or not gradcheck(hidden, 0.0).wrong
    with modes.instead(primitives.erf, spoiled(primitives.erf, 0, 1.001)):
        assert gradcheck(hidden, 0.0).wrong


def test_a_bend_closer_than_all_steps_is_no_kink() -> None:
    """The length of (1e-160, x) turns a corner at 0 to every step, and is smooth to a complex step."""
    for x in (0.0, 1e-170):
        comparison = only(lambda y: y.hypot(1e-160), x)
        assert comparison.verdict == "agrees"
        assert comparison.analytic == pytest.approx(x / 1e-160)


def test_a_finer_table_at_a_kink() -> None:
    """Where a function ripples beside its kink, smaller steps give the slopes of the two sides."""
    comparison = only(lambda x: abs(x) + (300 * x).sin(), 0.0)
    assert comparison.verdict == "kink"
    assert (comparison.below, comparison.above) == pytest.approx((299.0, 301.0))


def test_a_tie_at_the_end_of_floats_cannot_be_told() -> None:
    """Above the largest float there is no other side of a kink; nobody is blamed for what it may be like."""
    report = gradcheck(lambda x, y: x.maximum(y), 1.7976931348623157e308, 1.7976931348623157e308)
    assert report.counts()["cannot tell"] == 2
    assert not report.wrong


def test_outside_of_the_domain_nan_is_no_fault() -> None:
    """A negative number to the power of y has values at whole y, among the huge floats everywhere, but no slope."""
    report = gradcheck(lambda y: (-0.7) ** y, 1e150)
    assert (report.comparisons[0].verdict, report.comparisons[0].why) == ("cannot tell", "the gradient is nan")
    assert not report.wrong


def test_a_jump_to_one_side_has_no_slope() -> None:
    """0 to the power of y is 1 at y = 0 and 0 above: whatever the gradient is, it is not blamed."""
    assert not gradcheck(lambda y: 0.0**y, 0.0).wrong


def test_a_jump_of_a_steep_derivative_is_a_kink() -> None:
    """A derivative that jumps at a tie is a kink, too, where it changes beside the jump."""
    report = gradcheck(lambda x: (2 * x).maximum(x + 0.5) ** 2, 0.5, order=2)
    assert [comparison.verdict for comparison in report.comparisons] == ["kink", "kink"]


def test_cancellation_is_not_blamed() -> None:
    """What rounding has eaten is reported as not known, or known to what is left."""
    assert verdict(lambda x: (1 - x.cos()) / x**2, 1e-8) == "cannot tell"
    assert verdict(lambda x: (x.exp() - 1) / x, 1e-8) == "cannot tell"
    assert verdict(lambda x: (x + 1e8) - 1e8, 1.0) == "agrees"
    assert verdict(lambda x: (x.exp() - 1) / x, 1e-3) == "agrees"


def test_a_constant_is_certified() -> None:
    """The gradient 0 of a constant agrees, since no step changes a bit, or what changes is rounding."""
    for constant in (
        lambda x: x * 0 + 3,
        lambda x: x - x,
        lambda x: Value(3.0),
        lambda x: x.sigmoid(),
        lambda x: x / x,
    ):
        comparison = only(constant, 800.0)
        assert (comparison.verdict, comparison.method) == ("agrees", "the same bits at every step")
    assert verdict(lambda x: x.sin() ** 2 + x.cos() ** 2, 1.0) == "agrees"


def test_a_function_that_only_seems_constant() -> None:
    """Around 1e-90 erfc is 1 to the last bit, and so is cos around 1e-12; a gradient of 0 is wrong all the same."""
    for op, point in ((primitives.erfc, 1e-90), (primitives.exp, 1e-90), (primitives.cos, 1e-12)):
        assert gradcheck(op, point)
        assert verdict(spoiled(op, 0, 0.0), point) == "disagrees"


@pytest.mark.parametrize(
    "f", [lambda x: x**2, lambda x: x.cos(), lambda x: x.cosh() + x**4, lambda x: (x * x + 1e-20).sqrt()]
)
def test_a_stationary_point_is_certified(f: Function) -> None:
    """A gradient of 0 agrees where the slope is 0 by comparison with how steep the function is nearby."""
    assert verdict(f, 0.0) == "agrees"


def test_no_absolute_tolerance_passes() -> None:
    """However small a wrong gradient is, 0 instead of it, or twice it, is wrong."""
    for size in (1e-3, 1e-9, 1e-15, 1e-60, 1e-200):

        def tiny(x: Value, size: float = size) -> Value:
            return x.sin() * size

        for factor in (0.0, 2.0, 1.001):
            with modes.instead(primitives.sin, spoiled(primitives.sin, 0, factor)):
                assert verdict(tiny, 0.5) == "disagrees"
        assert verdict(tiny, 0.5) == "agrees"


def test_a_saturated_sigmoid_cannot_be_told() -> None:
    """At 40 a sigmoid is 1 to the last bit but not constant: its slope of 4e-18 is beyond its rounding."""
    assert verdict(lambda x: x.sigmoid(), 40.0) == "cannot tell"
    assert verdict(lambda x: x.sigmoid(), -40.0) == "agrees"
    assert verdict(lambda x: x.sigmoid(), 8.0) == "agrees"


@pytest.mark.no_cover  # traced line by line, it would take several times as long
def test_a_deep_chain() -> None:
    """Ten thousand operations in a row; and one in the middle that is wrong by a thousandth is named."""

    def chain(x: Value, middle: Primitive) -> Value:
        for i in range(5_000):
            x = x * 1.0001 - 0.0001 if i != 2_500 else middle(x)
        return x

    assert only(lambda x: chain(x, primitives.tanh), 0.9).verdict == "agrees"
    wrong = spoiled(primitives.tanh, 0, 1.001)
    report = gradcheck(lambda x: chain(x, wrong), 0.9)
    assert [(culprit.primitive, culprit.place) for culprit in report.culprits] == [("tanh", 10_001)]


def test_chaos_cannot_be_told() -> None:
    """Sixty steps of the logistic map: the result depends on bits that are not there, and nothing is claimed."""

    def logistic(x: Value) -> Value:
        for _ in range(60):
            x = 3.99 * x * (1 - x)
        return x

    report = gradcheck(logistic, 0.3)
    assert report.counts()["cannot tell"] == 1
    assert not report.wrong


# ---------------------------------------------------------------- functions that cheat


def test_an_ignored_input_has_the_gradient_zero() -> None:
    """An input that the function does not use is certified by the function's values."""
    report = gradcheck(lambda x, y: x * 2, 1.0, 2.0)
    assert report
    assert [comparison.analytic for comparison in report.comparisons] == [2.0, 0.0]


def test_an_input_used_behind_the_graph_is_seen() -> None:
    """A function that reads .data has a gradient without that part: wrong, and no rule's fault."""
    report = gradcheck(lambda x, y: x * y.data, 3.0, 2.0)
    assert [comparison.verdict for comparison in report.comparisons] == ["agrees", "disagrees"]
    assert not report.culprits
    (note,) = [note for note in report.notes if "moved in y" in note]
    assert ".data takes the number of y out of the graph at " in note
    assert note.endswith("report = gradcheck(lambda x, y: x * y.data, 3.0, 2.0)")


def test_a_function_that_sets_its_input_s_data() -> None:
    """Setting .data before use makes the gradient wrong; after use it is noted."""

    def before(x: Value) -> Value:
        x.data = 2 * x.data
        return x * x

    def after(x: Value) -> Value:
        square = x * x
        x.data = 0.0
        return square

    report = gradcheck(before, 1.0)
    assert report.wrong
    assert not report.culprits
    assert report.notes[0] == "the function sets the data of its input x: 1.0 becomes 2.0"
    report = gradcheck(after, 1.0)
    assert not report.wrong
    assert "sets the data of its input x: 1.0 becomes 0.0" in report.notes[0]
    assert any("there is no forward mode here" in note for note in report.notes)
    assert "no derivative of order 2 can be taken" in gradcheck(after, 1.0, order=2).faults[0]


def test_a_function_that_sets_data_inside_its_graph() -> None:
    """An inner node's data set by hand is noted, and named."""

    def f(x: Value) -> Value:
        square = x * x
        square.label = "square"
        square.data = 7.0
        return square * x

    report = gradcheck(f, 1.5)
    assert report.wrong
    assert any("the data of square or of its operands has been set" in note for note in report.notes)


def test_a_branch_on_data() -> None:
    """A branch is followed where the point lies; on its edge each side is measured by itself."""

    def f(x: Value) -> Value:
        return x * x if x > 1 else 3 * x - 2

    assert verdict(f, 2.0) == verdict(f, 0.5) == verdict(f, 1 + 1e-9) == "agrees"
    comparison = only(f, 1.0)
    assert comparison.verdict == "kink"
    assert (comparison.below, comparison.above) == pytest.approx((3.0, 2.0))
    assert verdict(lambda x: x * x if x > 1 else 2 * x - 1, 1.0) == "agrees"  # both branches have the slope 2


def test_a_function_that_differs_from_call_to_call() -> None:
    """Two answers at the same point are reported, and nothing is compared."""
    calls: list[float] = []

    def f(x: Value) -> Value:
        calls.append(1.0)
        return x * len(calls)

    report = gradcheck(f, 1.0)
    assert report.wrong
    assert not report.comparisons
    assert report.faults == (
        "the function is not deterministic: twice at the same point, it differs: it gave 1.0 and then 2.0",
    )

    def g(x: Value) -> Value:
        calls.append(1.0)
        return x * 1.0 if len(calls) % 2 else x + 0.0

    assert gradcheck(g, 1.0).faults == ("the function is not deterministic: twice at the same point, it differs",)


def test_what_is_held_constant_is_held_in_the_numbers() -> None:
    """`stop_gradient` is part of what a gradient means: its operand does not move while slopes are measured."""
    assert gradcheck(lambda x: stop_gradient(x) * x, 2.0, order=2)
    assert only(lambda x: stop_gradient(x) * x, 2.0).numerical == pytest.approx(2.0)
    assert gradcheck(softmax, [1.0, -2.0, 0.5], order=2)


def test_a_function_that_raises_nearby() -> None:
    """A function's own ValueError at a step's end bounds the step, as the end of a domain does."""

    def f(x: Value) -> Value:
        if x < 1:
            raise ValueError("too small")
        return x * x

    assert verdict(f, 1.0) == verdict(f, 1.001) == "agrees"


# ---------------------------------------------------------------- wrong rules


def swapped(op: Primitive) -> Primitive:
    """A primitive of two operands with its rules exchanged."""
    first, second = op.partials
    return primitive(
        name=f"swapped_{op.name}",
        partials=[second, first],
    )(op.value)


def test_swapped_operands() -> None:
    """Rules in the wrong order are caught in each operand and named."""
    wrong = swapped(primitives.divide)
    report = gradcheck(wrong, 2.0, 3.0)
    assert [comparison.verdict for comparison in report.comparisons] == ["disagrees"] * 2
    assert [(culprit.primitive, culprit.operand) for culprit in report.culprits] == [
        ("swapped_divide", "x"),
        ("swapped_divide", "y"),
    ]


def test_a_missing_factor() -> None:
    """A square whose rule has lost its 2."""
    wrong = primitive(name="bad_square", partials=[lambda out, x: x])(lambda x: x * x)
    report = gradcheck(lambda x: wrong(x) + x, 1.5)
    (culprit,) = report.culprits
    assert (culprit.analytic, culprit.numerical) == pytest.approx((1.5, 3.0))


def test_a_right_value_with_a_zero_gradient() -> None:
    """A rule that says 0 is caught, though 0 is what a constant has."""
    wrong = primitive(name="flat", partials=[lambda out, x: 0.0])(lambda x: x * x)
    assert verdict(wrong, 1e-8) == "disagrees"


def test_a_rule_that_breaks_the_second_derivative() -> None:
    """A rule that computes with float(x) is right at first order, and a constant to the second."""
    wrong = primitive(name="cut", partials=[lambda out, x: 2 * stop_gradient(x)])(lambda x: x * x)
    assert gradcheck(wrong, 1.5)
    report = gradcheck(wrong, 1.5, order=2)
    assert [comparison.verdict for comparison in report.comparisons] == ["agrees", "disagrees"]
    assert [(culprit.primitive, culprit.order) for culprit in report.culprits] == [("cut", 2)]
    assert "the derivative of order 2 of the rule of cut in x, x is wrong" in str(report)


def test_a_wrong_value_is_found_beside_a_right_rule() -> None:
    """It is the pair that must fit: a wrong value is caught as a wrong rule is."""
    wrong = primitive(name="bad_value", array="tanh({})", partials=[lambda out, x: 1 - out * out])(
        lambda x: math.tanh(x) * 1.001
    )
    assert gradcheck(wrong, 0.5).culprits[0].primitive == "bad_value"
