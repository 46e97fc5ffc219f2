"""Where floats run out: subnormal, tiny, huge numbers, both zeros, the ends of domains. No right rule is blamed there.

Now and then a number of the engine is itself wrong there, since something on the way to it has
overflowed; then it may be called wrong. Differences with thousands of bits decide which it is.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import inf, isfinite, isinf, isnan, nan, nextafter, pi
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from scalargrad import Primitive, Value, functional, gradcheck
from scalargrad import primitive as new_primitive
from scalargrad.check import Expression, Report, strategies
from scalargrad.check.detects import spoiled
from scalargrad.check.measure.breaks import breaks_between
from scalargrad.check.measure.recording import Recording
from scalargrad.check.report import Comparison
from scalargrad.engine import floats, modes, primitives
from scalargrad.engine.declaration import operand_names
from scalargrad.engine.primitives import BUILT_IN
from tests.engine.test_primitives import differentiable

from ..oracle import precise

untraced = pytest.mark.no_cover  # traced line by line, it would take several times as long

DEEP = settings().max_examples > 1000
LARGEST = 1.7976931348623157e308
TINY = (5e-324, 1e-308, 2.2e-308, 1e-300, 1e-160, 1e-150)
ORDINARY = (1e-8, 0.7, 1.0, 3.0, nextafter(1.0, 0.0), nextafter(1.0, 2.0), pi / 2, 40.0, 700.0, 1e8)
HUGE = (1e150, 1e158, 1e160, 1e300, LARGEST)
NUMBERS = (0.0, -0.0, *(sign * size for size in (*TINY, *ORDINARY, *HUGE) for sign in (1, -1)))
FEWER = tuple(
    x for x in NUMBERS if abs(x) not in {2.2e-308, 1e-8, nextafter(1.0, 0.0), nextafter(1.0, 2.0), 40.0, 1e160}
)

Point = tuple[float, ...]
PUBLIC = [primitive for primitive in BUILT_IN if not primitive.name.startswith("_")]
every_primitive = pytest.mark.parametrize("primitive", PUBLIC, ids=lambda primitive: primitive.name)

# ---------------------------------------------------------------- what is right, by thousands of bits

BITS = 5200
STEP = 2.0**-1000
Function = Callable[[list[mpf]], mpf]


def slopes(function: Function, point: Sequence[float], *indices: int) -> Iterator[mpf]:
    """A derivative from above and from below, by steps far below the smallest float; none where there is no number."""
    with mpmath.workprec(BITS):
        for side in (1, -1):
            step = side * mpf(STEP) * mpf(2) ** -300
            try:
                yield _difference(function, [mpf(x) for x in point], indices, step)
            except (ArithmeticError, ValueError, OverflowError):
                continue


def _difference(function: Function, point: list[mpf], indices: Sequence[int], step: mpf) -> mpf:
    if not indices:
        result = function(point)
        if not isinstance(result, mpf):
            raise ValueError("no real number")
        return result
    moved = [[x + i * step if k == indices[0] else x for k, x in enumerate(point)] for i in (1, 2)]
    near, far = (_difference(function, place, indices[1:], step) for place in moved)
    return (far - near) / step


def is_wrong(given: float, function: Function, point: Sequence[float], *indices: int) -> bool:
    """Whether a derivative is none of the two that many digits give: by a millionth, and by a normal number."""
    if isnan(given):
        return True  # it is only asked where a slope has been measured
    measured = list(slopes(function, point, *indices))
    with mpmath.workprec(BITS):
        return all(_differ(given, slope) for slope in measured)


def _differ(given: float, slope: mpf) -> bool:
    if isinf(given) or abs(slope) > mpf(LARGEST):
        return not (abs(slope) > mpf(LARGEST) / 2 and (slope > 0) == (given > 0) and abs(given) > LARGEST / 2)
    return bool(abs(mpf(given) - slope) > mpf(1e-6) * abs(slope) + mpf(2.0) ** -1022)


def test_the_oracle_knows_right_from_wrong() -> None:
    """Negative control: it takes right derivatives for right and others for wrong, at any size."""
    for x in (1e-308, 0.7, 1e158):
        right = primitives.cos(x)
        assert not is_wrong(right, lambda point: mpmath.sin(point[0]), [x], 0)
        assert is_wrong(right * 1.001, lambda point: mpmath.sin(point[0]), [x], 0)
        assert not is_wrong(-primitives.sin(x), lambda point: mpmath.sin(point[0]), [x], 0, 0)
    assert is_wrong(1.0, lambda point: mpmath.exp(point[0]), [1e300], 0)
    assert not is_wrong(inf, lambda point: mpmath.exp(point[0]), [1e300], 0)


# ---------------------------------------------------------------- every operation


def points(primitive: Primitive, every: int) -> list[Point]:
    """Extreme points of a primitive: all for one operand, one in so many for two."""
    live = differentiable(primitive)
    if primitive.arity == 1:
        return [(x,) for x in NUMBERS]
    if len(live) == 1:
        return [(order, x) for order in (0.0, 1.0, 3.0) for x in NUMBERS]
    everywhere = list(itertools.product(FEWER, repeat=2))
    return everywhere if DEEP else random.Random(primitive.name).sample(everywhere, len(everywhere) // every)


def checked(primitive: Primitive, point: Point, order: int) -> Report:
    """The check of a primitive in the operands in which it has a derivative."""
    live, names = differentiable(primitive), operand_names(primitive)

    def function(*operands: Value) -> Value:
        given: dict[int, Value | float] = {**dict(enumerate(point)), **dict(zip(live, operands, strict=True))}
        return Value.apply_primitive(primitive, tuple(given.values()))

    return gradcheck(function, *[Value(point[i], label=names[i]) for i in live], order=order)


@lru_cache
def swept(primitive: Primitive, order: int) -> list[tuple[Point, Report]]:
    return [(point, checked(primitive, point, order)) for point in points(primitive, every=4 if order == 1 else 12)]


def places(primitive: Primitive, comparison: Comparison) -> list[int]:
    """The positions of the operands that a derivative is taken in."""
    return [operand_names(primitive).index(name) for name in comparison.wrt.split(", ")]


def excused(primitive: Primitive, point: Point, report: Report) -> bool:
    """Whether some derivative that the engine gives there is wrong indeed."""
    return any(
        is_wrong(comparison.analytic, lambda x: precise[primitive.name](*x), point, *places(primitive, comparison))
        for comparison in report.comparisons
    )


@every_primitive
def test_no_right_rule_is_blamed(primitive: Primitive) -> None:
    """At no extreme point is the rule of any operation called wrong, nor does anything raise."""
    for point, report in swept(primitive, 1):
        assert not report.wrong, f"{primitive.name}{point}\n{report}"


@every_primitive
@pytest.mark.parametrize("order", [2, 3] if DEEP else [2])
def test_no_right_derivative_of_a_rule_is_blamed(primitive: Primitive, order: int) -> None:
    """Nor is a derivative of order 2, but where many digits say that the engine's number is wrong."""
    for point, report in swept(primitive, order):
        assert not report.wrong or excused(primitive, point, report), f"{primitive.name}{point}\n{report}"


@pytest.mark.parametrize("point", [1.0, LARGEST])
def test_forward_mode_does_not_overflow_on_the_way(point: float) -> None:
    """A tangent that is finite in the end is not called wrong because a step of its size would overflow before."""
    assert not gradcheck(lambda x: x + x - x, point).wrong


@untraced
def test_most_is_told() -> None:
    """To say that one cannot tell is no way out: most derivatives are shown to be right, also out there."""
    verdicts: Counter[str] = Counter()
    for primitive in PUBLIC:
        for _, report in swept(primitive, 1):
            verdicts.update(comparison.verdict for comparison in report.comparisons)
    assert verdicts["agrees"] >= 0.82 * verdicts.total()


@every_primitive
@pytest.mark.parametrize("factor", [1.001, -1.0, 0.0, 2.0])
def test_no_wrong_rule_passes(primitive: Primitive, factor: float) -> None:
    """A rule times a factor passes nowhere but on a kink, and is caught nearly everywhere where the right one is."""
    told = missed = 0
    right = [(point, report) for point, report in swept(primitive, 1) if all(map(_steep, report.comparisons))]
    for point, _ in right if DEEP else right[::3]:
        for k in differentiable(primitive):
            slope = primitive.partials[k](primitive.value(*point), *point)
            if abs(slope) < 1e-300:
                continue
            with modes.instead(primitive, spoiled(primitive, k, factor)):
                report = checked(primitive, point, 1)
            assert not report, f"{primitive.name}{point}\n{report}"
            told += 1
            missed += not report.wrong
    assert missed <= max(1, told / 20)


def _steep(comparison: Comparison) -> bool:
    """Whether a derivative is shown to be right, and is neither a kink's nor a 0 that is one only to rounding."""
    return comparison.verdict == "agrees" and isfinite(comparison.analytic) and not comparison.why


# ---------------------------------------------------------------- functions put together

extreme = st.sampled_from(NUMBERS)


def by_many_digits(f: Callable[..., Value], point: Sequence[float]) -> tuple[Function, float]:
    """A function as its recorded graph computes it with many digits, and its value."""
    inputs = [Value(x) for x in point]
    recording = Recording([f(*inputs)], inputs)

    def function(numbers: list[mpf]) -> mpf:
        exact: dict[int, Any] = dict(zip(recording.inputs, numbers, strict=True))
        for i, op in enumerate(recording.ops):
            if op is not None:
                exact[i] = precise[op.name](*[exact[operand] for operand in recording.operands[i]])
            elif i not in exact:
                exact[i] = mpf(recording.data[i])
        result: mpf = exact[recording.outputs[0]]
        return result

    return function, recording.data[recording.outputs[0]]


@untraced
@settings(max_examples=8 * settings().max_examples)
@given(strategies.expressions(), st.data())
def test_no_right_expression_is_blamed(f: Expression, data: st.DataObject) -> None:
    """At extreme points an expression is found wrong only where its gradient is, by many digits."""
    point = [data.draw(extreme) for _ in f.point]
    report = gradcheck(f, *point)
    if report.wrong:
        function, _ = by_many_digits(f, point)
        assert any(
            is_wrong(comparison.analytic, function, point, f.variables.index(comparison.wrt))
            for comparison in report.comparisons
        ), str(report)


COMPOSED: dict[str, tuple[int, Callable[..., Any]]] = {
    "leaky_relu": (1, functional.leaky_relu),
    "gelu": (1, functional.gelu),
    "elu": (1, functional.elu),
    "silu": (1, functional.silu),
    "prelu": (2, functional.leaky_relu),
    "binary_cross_entropy": (3, lambda *xs: functional.binary_cross_entropy(xs, [1, 0, 0.25])),
    "mean": (3, lambda *xs: functional.mean(xs)),
    "logsumexp": (3, lambda *xs: functional.logsumexp(xs)),
    "softmax": (3, lambda *xs: functional.softmax(xs)),
    "log_softmax": (3, lambda *xs: functional.log_softmax(xs)),
    "square_error": (2, lambda *xs: functional.square_error(xs, [0.5, 1.0])),
    "hinge": (2, lambda *xs: functional.hinge(xs, [1.0, -1.0])),
    "cross_entropy": (3, lambda *xs: functional.cross_entropy(xs, 1)),
}


@untraced
@settings(max_examples=4 * settings().max_examples)
@given(st.sampled_from(sorted(COMPOSED)), st.tuples(extreme, extreme, extreme), st.integers(1, 2))
def test_no_composed_function_is_blamed(name: str, point: Point, order: int) -> None:
    """Composed functions and losses are right at extreme points, and nothing else is said of them."""
    count, function = COMPOSED[name]
    gradcheck(function, *point[:count], order=order).raise_if_wrong()


# ---------------------------------------------------------------- numbers lost on the way

MAGNIFIED: list[Callable[[Value, Value], Value]] = [
    lambda x, y: x**3 * y,
    lambda x, y: x**2 * y,
    lambda x, y: x.sin() ** 2 * y,
    lambda x, y: x * y * x / x,
    lambda x, y: (x * y) ** 3 * y,
    lambda x, y: (-x.exp()).exp() * y * y,
]


def not_blamed(f: Callable[..., Value], point: Sequence[float], order: int = 1) -> Report:
    """The report of a check that calls nothing wrong but what many digits call wrong."""
    report = gradcheck(f, *point, order=order)
    if report.wrong:
        function, _ = by_many_digits(f, point)
        names = [*report.point]
        assert any(
            is_wrong(comparison.analytic, function, point, *map(names.index, comparison.wrt.split(", ")))
            for comparison in report.comparisons
        ), str(report)
    return report


@pytest.mark.parametrize(
    ("f", "point", "slope"),
    [
        (MAGNIFIED[0], (1e-150, 1e300), 3.0),
        (MAGNIFIED[1], (1e-200, 1e300), 2e100),
        (MAGNIFIED[2], (1e-170, 1e200), 2e30),
        (MAGNIFIED[3], (1e-200, 5e-324), 5e-324),
        (MAGNIFIED[4], (1e-300, 1e150), 3.0),
    ],
)
def test_what_is_lost_below_the_smallest_number_is_no_witness(
    f: Callable[..., Value], point: Point, slope: float
) -> None:
    """A product that underflows to 0 before a large factor shows nothing about its slope."""
    report = gradcheck(f, *point)
    assert not report.wrong, str(report)
    assert report.comparisons[0].analytic == pytest.approx(slope)


@settings(max_examples=2 * settings().max_examples)
@given(st.sampled_from(MAGNIFIED), st.floats(-323, 3), st.floats(-323, 308))
def test_no_right_gradient_is_blamed_where_numbers_are_lost(
    f: Callable[..., Value], tenth: float, power: float
) -> None:
    """Whatever underflows on the way, and whatever magnifies it, no right gradient is called wrong."""
    not_blamed(f, (10.0**tenth, 10.0**power))


def test_a_wrong_rule_is_caught_where_nothing_is_lost() -> None:
    """Negative control: the same functions with one wrong rule are called wrong at ordinary points."""
    for f in MAGNIFIED[:5]:
        with modes.instead(primitives.multiply, spoiled(primitives.multiply, 0, 1.001)):
            assert gradcheck(f, 0.7, 1.3).wrong


@pytest.mark.parametrize("f", [lambda x, y: x**y, lambda x, y: x**y * x.log(), lambda x, y: x**y * y])
@pytest.mark.parametrize("above", [1e-7, 1e-5, 1e-9, 1e-3])
def test_growth_like_a_logarithm_is_no_infinite_slope(f: Callable[..., Value], above: float) -> None:
    """The slope x**0.0000001 log(x) grows towards 0 as far as floats go, but its limit is 0."""
    for order in (1, 2):
        report = gradcheck(f, 0.0, 1.0 + above, order=order)
        assert not report.wrong, str(report)


@pytest.mark.parametrize("power", [0.5, 1 / 3, 0.9])
def test_growth_like_a_power_is_an_infinite_slope(power: float) -> None:
    """Negative control: where the slope grows like a power, inf agrees, and a finite gradient is wrong."""
    assert gradcheck(lambda x: x**power, 0.0)
    flat = new_primitive(name="flat", partials=[lambda out, x: 1.0], domain=[(0.0, inf)])(
        lambda x: x**power if x >= 0 else nan
    )
    assert gradcheck(flat, 0.0).wrong


@pytest.mark.parametrize("x", [1e80, -1e90, 1e100, 1e102])
def test_the_second_derivative_of_atan_far_out(x: float) -> None:
    """It is -2 / x³ far out, and no square overflows on the way to it."""
    report = gradcheck(lambda x: x.atan(), x, order=2)
    assert report, str(report)
    assert report.comparisons[1].analytic == pytest.approx(-2.0 / x / x / x, rel=1e-6, abs=0.0)


# ---------------------------------------------------------------- near the smallest normal number

SMALLEST: list[Callable[[Value, Value], Value]] = [
    primitives.hypot,
    primitives.atan2,
    lambda x, y: x / primitives.hypot(x, y),
    lambda x, y: (x / y).atan(),
    lambda x, y: x / (x + y),
    lambda x, y: primitives.sqrt(abs(x) + abs(y)),
    lambda x, y: x.sin() / y,
]
smallest = st.builds(
    lambda sign, digits, power: sign * digits * 10.0**power,
    st.sampled_from((1, -1)),
    st.floats(1, 10),
    st.floats(-324, -300),
)


def rightly_blamed(report: Report) -> bool:
    """Whether the rules that a report blames are wrong at their operands, by many digits."""
    named = {primitive.name: primitive for primitive in BUILT_IN}
    return all(
        is_wrong(
            culprit.analytic,
            lambda x, name=culprit.primitive: precise[name](*x),  # type: ignore[misc]  # a default is no operand
            culprit.operands,
            *map(operand_names(named[culprit.primitive]).index, culprit.operand.split(", ")),
        )
        for culprit in report.culprits
    )


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (SMALLEST[0], (4.67e-307, -1.16e-309)),
        (SMALLEST[0], (0.0, 7.025379950095186e-309)),
        (SMALLEST[1], (3.69e-310, 2.88e-308)),
        (SMALLEST[1], (1.3998834159978296e-308, 1.14e-322)),
        (SMALLEST[2], (1.9577287e-308, 2.4187467e-308)),
    ],
)
def test_a_complex_step_among_the_smallest_numbers_is_no_witness(f: Callable[..., Value], point: Point) -> None:
    """A complex step that loses its digits below the smallest normal number blames nothing."""
    report = gradcheck(f, *point, order=2)
    assert not report.wrong, str(report)


@untraced
@settings(max_examples=4 * settings().max_examples)
@given(st.sampled_from(SMALLEST), smallest, smallest, st.integers(1, 2))
def test_nothing_right_is_blamed_among_the_smallest_numbers(
    f: Callable[..., Value], x: float, y: float, order: int
) -> None:
    """Near and below the smallest normal number no right derivative is called wrong, and no right rule."""
    assert rightly_blamed(not_blamed(f, (x, y), order))


def test_the_same_rules_are_blamed_at_ordinary_numbers() -> None:
    """Negative control: a wrong rule of the same functions is blamed at ordinary numbers, and rightly so."""
    for wrong in (primitives.hypot, primitives.atan2):
        with modes.instead(wrong, spoiled(wrong, 0, 1.001)):
            report = gradcheck(wrong, 0.7, 1.3)
        assert report.wrong
        assert [culprit.primitive for culprit in report.culprits] == [wrong.name]


# ---------------------------------------------------------------- faster than floats can follow


@lru_cache
def own_sine() -> Primitive:
    """A sine without an array spelling; declared late, so that no other test finds it among the operations."""
    return new_primitive(name="own_sine", partials=[lambda out, x: primitives.cos(x)])(floats.sin)


@lru_cache
def own_wobble() -> Primitive:
    """The operand and its sine, as one operation."""
    rule = [lambda out, x: 1 + primitives.cos(x)]
    return new_primitive(name="own_wobble", partials=rule)(lambda x: x + floats.sin(x))


OSCILLATING: list[Callable[[Value], Value]] = [
    lambda x: x + x.sin(),
    lambda x: (x.sin() / x).exp(),
    lambda x: x + x.tan(),
    lambda x: x + x * (1 / x).sin(),
    lambda x: x + (1e16 * x).sin(),
    lambda x: x + primitives.gamma(x.sin() + 2),
    lambda x: x + own_sine()(x),
    lambda x: -own_wobble()(x),
    lambda x: own_wobble()(x) * x,
]


@pytest.mark.parametrize(
    "x", [10.0**14.5, 1e15 * 1.2345678, 10.0**15.6, 4920156281885796.0, 1e50, 3.9348362684820065e234, 1e300]
)
@pytest.mark.parametrize("f", OSCILLATING)
def test_steps_of_many_periods_are_no_witness(f: Callable[[Value], Value], x: float) -> None:
    """Where an operation oscillates over the spacing of floats, the whole says nothing against its slope."""
    report = gradcheck(f, x)
    assert not report.wrong, str(report)


def test_the_slope_of_an_absorbed_sine() -> None:
    """The slope of x + sin(x) is 1 + cos(x), also where the sum is x to the last bit."""
    (comparison,) = gradcheck(OSCILLATING[0], 1e300).comparisons
    assert comparison.analytic == pytest.approx(1 + mpmath.fp.cos(1e300))
    assert comparison.verdict == "cannot tell"


@untraced
@settings(max_examples=4 * settings().max_examples)
@given(
    st.sampled_from(OSCILLATING[:6]),
    st.sampled_from((1, -1)),
    st.floats(12, 18) | st.floats(-18, 280),
    st.integers(1, 2),
)
def test_nothing_right_is_blamed_where_an_operation_oscillates(
    f: Callable[[Value], Value], sign: int, tenth: float, order: int
) -> None:
    """At no size of the operand is a right derivative of a function that oscillates called wrong."""
    not_blamed(f, (sign * 10.0**tenth,), order)


@pytest.mark.parametrize("f", OSCILLATING)
@pytest.mark.parametrize("factor", [1.001, -1.0])
def test_a_wrong_slope_is_caught_where_floats_can_follow(f: Callable[[Value], Value], factor: float) -> None:
    """Negative control: with one of its rules wrong, each of these functions is called wrong at an ordinary point."""
    inputs = [Value(3.3)]
    applied = [op for op in Recording([f(*inputs)], inputs).ops if op is not None][-1]
    with modes.instead(applied, spoiled(applied, 0, factor)):
        assert gradcheck(f, 3.3).wrong


def test_breaks_in_between_are_crossed() -> None:
    """Operands that move over several poles cross them, also where the nearest pole to each end lies outside."""
    tan = primitives.tan
    for old, new in ((pi / 2 + 0.1, 5 * pi / 2 - 0.1), (pi / 2 + 0.1, 1e3 * pi + pi / 2 - 0.1)):
        assert breaks_between(tan, [old], [new])
        assert breaks_between(tan, [new], [old])
    assert not breaks_between(tan, [pi / 2 + 0.1], [3 * pi / 2 - 0.1])
