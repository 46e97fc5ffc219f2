"""Every operation against what it declares: value, rules to second order, edges, kinks, array spelling, formula.

All tests run over the declarations themselves; points come from the declared domain and keep away
from the declared breaks. A new operation needs a line in the oracle, and is then tested here.

`disagreement` compares with derivatives of 50 digits. A rule in floats cannot be better than its
conditioning: an operand's own rounding moves ∂f/∂x by ε |x ∂²f/∂x²|. So errors are relative to the
derivative plus that; what is left, a few roundings of the operations in a rule, is below TOLERANCE.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import special

from scalargrad import Primitive, Value, grad, stop_gradient
from scalargrad.engine import floats, primitives
from scalargrad.engine.declaration import Break, formula, operand_names, registered
from tests.oracle import analytic, complex_step, precise, precise_partial, precise_slopes, precise_value

TOLERANCE = 1e-14  # 45 roundings
# What a rule subtracts from, where it computes a small derivative as a difference: 1 - out², out (1 - out).
DIFFERENCE_FROM = {"tanh": 1.0, "sigmoid": 1.0}

BUILT_IN = [declared for declared in vars(primitives).values() if isinstance(declared, Primitive)]
PUBLIC = [declared for name, declared in vars(primitives).items() if declared in BUILT_IN and name[0] != "_"]
BREAKING = [declared for declared in BUILT_IN if declared.kinks or declared.poles]
KINKED = [declared for declared in BUILT_IN if declared.kinks]

every_primitive = pytest.mark.parametrize("primitive", BUILT_IN, ids=lambda primitive: primitive.name)
a_few = settings(max_examples=settings().max_examples // 5)

Point = tuple[float, ...]


def test_primitives_are_the_registry() -> None:
    """The registry begins with the operations that the module declares, in its order."""
    assert list(registered()[: len(BUILT_IN)]) == BUILT_IN


# ---------------------------------------------------------------- where


def inside(interval: tuple[float, float]) -> st.SearchStrategy[float]:
    """Numbers of an open interval; whole numbers where the operation is not differentiable in this operand."""
    low, high = interval
    if math.isnan(low):
        return st.integers(0, 6).map(float)
    if math.isinf(low) and math.isinf(high):
        magnitudes = st.floats(-6, 3).map(math.exp2)
        return st.integers(-3, 3).map(float) | st.builds(math.copysign, magnitudes, st.sampled_from((1.0, -1.0)))
    distances = st.floats(-20, 3).map(math.exp2)
    if math.isinf(high):
        return distances.map(lambda distance: low + distance)
    near_low = distances.map(lambda distance: low + (high - low) / 2 * distance / 8)
    return near_low | near_low.map(lambda x: high + low - x)


MARGIN = 1 / 16


def points(primitive: Primitive) -> st.SearchStrategy[Point]:
    """Points of the declared domain; those close to a declared break are moved away from it."""

    def apart(point: Point) -> Point:
        moved = list(point)
        for operand, nearest in primitive.kinks + primitive.poles:
            offset = moved[operand] - nearest(*moved)
            if abs(offset) < MARGIN:
                moved[operand] += math.copysign(MARGIN, offset) - offset
        return tuple(moved)

    return st.tuples(*map(inside, primitive.domain)).map(apart)


@lru_cache
def sample(primitive: Primitive) -> list[Point]:
    """Ten points, always the same."""
    drawn: list[Point] = []

    @settings(max_examples=10, derandomize=True, database=None, phases=[Phase.generate])
    @given(points(primitive))
    def collect(point: Point) -> None:
        drawn.append(point)

    collect()
    return drawn


def differentiable(primitive: Primitive) -> list[int]:
    """The operands in which there is a derivative: not the order of a polygamma function."""
    return [i for i, (low, _) in enumerate(primitive.domain) if not math.isnan(low)]


# ---------------------------------------------------------------- the check, and what it catches


@lru_cache(maxsize=10_000)
def reference(name: str, point: Point, *indices: int) -> float:
    return float(precise_partial(name, point, *indices) if indices else precise_value(name, point))


def scale(primitive: Primitive, point: Point, *indices: int) -> float:
    """What a rounding of a value or derivative is relative to: itself, and how fast it changes."""
    name = primitive.name
    changes = [abs(point[k] * reference(name, point, *indices, k)) for k in differentiable(primitive)]
    # A second derivative comes from products and quotients, whose terms are of the size of 1 and may cancel.
    terms = [0.0, DIFFERENCE_FROM.get(name, 0.0), 1.0][len(indices)]
    return abs(reference(name, point, *indices)) + sum(changes) + terms


def disagreement(primitive: Primitive, point: Point, *indices: int) -> str:
    """What is wrong with a value (no indices), a partial (one) or a second derivative (two); else nothing."""
    values = [Value(x) for x in point]
    result = primitive(*values)
    for i in indices:
        result = grad(result, values[i])
    wanted = reference(primitive.name, point, *indices)
    if abs(result.data - wanted) <= TOLERANCE * scale(primitive, point, *indices):
        return ""
    return f"{primitive.name}{point}, differentiated in {indices}: {result.data}, by mpmath {wanted}"


@every_primitive
def test_value_and_partials_agree_with_mpmath(primitive: Primitive) -> None:
    """On its domain, an operation's value and its first and second derivatives are those of mpmath."""
    axes = differentiable(primitive)

    @a_few
    @given(points(primitive))
    def check(point: Point) -> None:
        for indices in [(), *itertools.product(axes), *itertools.product(axes, axes)]:
            assert not disagreement(primitive, point, *indices)

    check()


@every_primitive
def test_rules_on_values_have_the_second_derivatives(primitive: Primitive) -> None:
    """A rule called on Values is an expression whose own sweep gives the second derivatives."""

    @a_few
    @given(points(primitive))
    def check(point: Point) -> None:
        for i, j in itertools.product(differentiable(primitive), repeat=2):
            values = [Value(x) for x in point]
            local = primitive.partials[i](primitive(*values), *values)
            if isinstance(local, Value):
                local.backward()
            wanted = reference(primitive.name, point, i, j)
            assert abs(values[j].grad - wanted) <= TOLERANCE * scale(primitive, point, i, j)

    check()


@pytest.mark.parametrize("primitive", [p for p in BUILT_IN if p.name in analytic], ids=lambda p: p.name)
def test_partials_agree_with_the_complex_step(primitive: Primitive) -> None:
    """On its domain, an analytic operation's recorded partials are those of a complex step."""

    @a_few
    @given(points(primitive))
    def check(point: Point) -> None:
        for i, local in enumerate(primitive(*map(Value, point)).local_gradients):
            wanted = complex_step(primitive.name, point, i)
            assert abs(local - wanted) <= TOLERANCE * scale(primitive, point, i)

    check()


Mutation = Callable[[Any], Any]


def with_rule(primitive: Primitive, index: int, rule: Callable[..., Any]) -> Primitive:
    rules = list(primitive.partials)
    rules[index] = rule
    return dataclasses.replace(primitive, partials=tuple(rules), blocks_gradient=False)


def vanishes(primitive: Primitive, *indices: int) -> bool:
    return all(abs(reference(primitive.name, point, *indices)) < 1e-40 for point in sample(primitive))


def caught(primitive: Primitive, *indices: int) -> bool:
    return any(disagreement(primitive, point, *indices) for point in sample(primitive))


def slopes(primitives: Sequence[Primitive]) -> pytest.MarkDecorator:
    """Parametrize over every operand of every operation."""
    cases = [pytest.param(p, i, id=f"{p.name}-{i}") for p in primitives for i in differentiable(p)]
    return pytest.mark.parametrize(("primitive", "index"), cases)


@slopes(BUILT_IN)
def test_check_catches_a_wrong_rule(primitive: Primitive, index: int) -> None:
    """A rule that is off by 0.1%, of the other sign, or zero is caught, for every operand of every operation.

    Where zero is right, 0.001 is caught.
    """
    right = primitive.partials[index]
    mutations: list[Mutation] = [lambda slope: 1.001 * slope, lambda slope: -slope, lambda slope: 0.0 * slope]
    if vanishes(primitive, index):
        mutations = [lambda slope: slope + 0.001]
    assert not caught(primitive, index)
    for mutate in mutations:
        assert caught(with_rule(primitive, index, lambda *operands, to=mutate: to(right(*operands))), index)


@slopes(BUILT_IN)
def test_check_catches_a_rule_that_is_wrong_at_second_order(primitive: Primitive, index: int) -> None:
    """A rule that is right, while its own derivative is off by 0.1%, of the other sign, or zero, is caught.

    Where zero is right, 0.001 is caught.
    """
    right = primitive.partials[index]
    axes = differentiable(primitive)

    def bent(factor: float) -> Callable[..., Any]:
        def rule(*operands: Any) -> Any:
            slope = right(*operands)
            held = stop_gradient(slope)
            return held + factor * (slope - held)

        return rule

    def tilted(out: Any, *operands: Any) -> Any:
        return right(out, *operands) + 0.001 * (operands[index] - stop_gradient(operands[index]))

    linear = all(vanishes(primitive, index, j) for j in axes)
    for rule in [tilted] if linear else [bent(1.001), bent(-1.0), bent(0.0)]:
        wrong = with_rule(primitive, index, rule)
        assert not caught(wrong, index)
        assert any(caught(wrong, index, j) for j in axes)


# ---------------------------------------------------------------- edges


def same(x: float, y: float) -> bool:
    """Whether two floats have the same bits; all nans count as the same."""
    return x.hex() == y.hex()


EDGES = [
    pytest.param(declared, *edge, id=f"{declared.name}{edge[0]}") for declared in BUILT_IN for edge in declared.edges
]


@pytest.mark.parametrize(("primitive", "operands", "value", "partials"), EDGES)
def test_edges(primitive: Primitive, operands: Point, value: float, partials: Point) -> None:
    """Value and partials at an edge are the pinned ones to the bit, on floats and as a Value records them."""
    recorded = primitive(*map(Value, operands))
    assert same(primitive(*operands), value)
    assert same(recorded.data, value)
    assert len(partials) == primitive.arity
    for rule, local, wanted in zip(primitive.partials, recorded.local_gradients, partials, strict=True):
        assert same(local, wanted)
        assert same(float(rule(value, *operands)), wanted)


@pytest.mark.parametrize("primitive", PUBLIC, ids=lambda primitive: primitive.name)
def test_every_public_operation_pins_an_edge(primitive: Primitive) -> None:
    """Every public operation has an edge, and each edge has as many operands as the operation."""
    assert primitive.edges
    assert all(len(operands) == primitive.arity for operands, _, _ in primitive.edges)


@pytest.mark.parametrize(
    ("primitive", "operands", "partials"),
    [
        ("relu", (0.0,), (0.0,)),
        ("relu", (-0.0,), (0.0,)),
        ("abs", (0.0,), (0.0,)),
        ("maximum", (2.0, 2.0), (0.5, 0.5)),
        ("minimum", (2.0, 2.0), (0.5, 0.5)),
        ("sqrt", (0.0,), (math.inf,)),
        ("power", (0.0, 0.0), (0.0, 0.0)),
        ("power", (3.0, 0.0), (0.0, math.log(3.0))),
        ("power", (-3.0, 0.0), (0.0, math.nan)),
        ("power", (1e-320, 0.0), (0.0, math.log(1e-320))),
        ("power", (math.nan, 0.0), (0.0, math.nan)),
        ("power", (0.0, 1.5), (0.0, 0.0)),
        ("power", (0.0, 1.0), (1.0, 0.0)),
        ("power", (0.0, -1.0), (-math.inf, -math.inf)),
    ],
)
def test_subgradients_are_those_of_pytorch(primitive: str, operands: Point, partials: Point) -> None:
    """Where there is a choice, or 0 · inf on the way, the derivative is PyTorch's, but for the sign of a zero."""
    locals_ = getattr(primitives, primitive)(*map(Value, operands)).local_gradients
    assert all(same(0.0 + local, 0.0 + partial) for local, partial in zip(locals_, partials, strict=True))


@pytest.mark.parametrize("exponent", [4.0, Value(4.0)], ids=["number", "Value"])
@pytest.mark.parametrize("x", [-1.5, 0.0, -0.0, 2.0])
def test_whole_powers_are_polynomials(x: float, exponent: float | Value) -> None:
    """A whole power is differentiable to any order at negative bases and at 0, by `grad` and by a sweep alike."""
    base = Value(x)
    derivative = base**exponent
    for wanted, slope in itertools.pairwise((x**4, 4 * x**3, 12 * x**2, 24 * x, 24.0, 0.0, 0.0)):
        base.zero_grad()
        derivative.backward()
        assert (derivative.data, base.grad) == (wanted, slope)
        derivative = grad(derivative, base)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("exponent", "first", "second"),
    [  # ∂x, ∂y; ∂xx, ∂xy, ∂yy of x ** y at x = 0
        (0.0, (0.0, 0.0), (0.0, math.inf, math.inf)),
        (0.5, (math.inf, 0.0), (-math.inf, -math.inf, 0.0)),
        (1.0, (1.0, 0.0), (0.0, -math.inf, 0.0)),
        (1.5, (0.0, 0.0), (math.inf, 0.0, 0.0)),
        (2.0, (0.0, 0.0), (2.0, 0.0, 0.0)),
        (-1.0, (-math.inf, -math.inf), (math.inf, math.inf, math.inf)),
    ],
)
def test_derivatives_of_powers_at_0_are_limits(exponent: float, first: Point, second: Point) -> None:
    """At x = 0 both orders of derivatives of x ** y are the limits from above; ∂y of 0 ** 0 alone is a choice."""
    x, y = Value(0.0), Value(exponent)
    slopes = grad(x**y, [x, y])
    assert tuple(slope.data for slope in slopes) == first
    (xx, xy), (yx, yy) = (grad(slope, [x, y]) for slope in slopes)
    assert (xx.data, xy.data, yy.data) == second
    assert yx.data == xy.data


def test_a_power_of_itself_has_no_finite_derivatives_at_0() -> None:
    """From the second on, the derivatives of x ** x at 0 are infinite, and never the number of a guard."""
    x = Value(0.0)
    derivative = x**x
    numbers = []
    for _ in range(5):
        numbers.append(derivative.data)
        derivative = grad(derivative, x)
    assert numbers == [1.0, 0.0, math.inf, -math.inf, math.inf]


def test_a_guard_that_is_differentiated_is_seen() -> None:
    """Negative control: a rule that keeps the base away from 0 has 2 as the second derivative of x ** x at 0."""
    kept_away = dataclasses.replace(
        primitives.radians, name="kept_away", value=lambda x: x or 1.0, partials=(lambda out, x: 1.0,), edges=()
    )
    x = Value(0.0)
    slope = x * kept_away(x) ** (x - 1) + x**x * kept_away(x).log()
    assert (slope.data, grad(slope, x).data) == (0.0, 2.0)


@given(st.floats(min_value=1e-300, max_value=1e-290))
def test_the_mixed_derivative_at_exponent_0(x: float) -> None:
    """∂²/∂x∂y of x ** y at y = 0 is 1 / x, however small x is."""
    base, exponent = Value(x), Value(0.0)
    (by_base, _) = grad(base**exponent, [base, exponent])
    assert by_base.data == 0.0
    assert math.isclose(grad(by_base, exponent).data, 1 / x, rel_tol=1e-14)


def limit(name: str, sign: int, order: int) -> float | None:
    """The limit of a derivative at an infinity, from large numbers of 120 digits; None where there is none."""
    if name in {"sin", "cos", "tan"} or (sign < 0 and name in {"gamma", "lgamma"}):
        return None

    def far_out(exponent: int) -> Any:
        return mpmath.diff(precise[name], sign * mpmath.mpf(2) ** exponent, order)

    with mpmath.workdps(120):
        near, far = far_out(60), far_out(90)
        if not (isinstance(near, mpmath.mpf) and isinstance(far, mpmath.mpf)):  # outside of the domain
            return None
        if abs(far) < 1e-10:
            return 0.0
        return float(far) if abs(far - near) < 1e-10 else math.copysign(math.inf, far)


FINITE = {"_finite"}  # it is what keeps a rule from infinity
UNDEFINED = {("gamma", 1, 2)}  # inf, which the rule has as inf - inf


@pytest.mark.parametrize("primitive", [p for p in BUILT_IN if p.arity == 1], ids=lambda primitive: primitive.name)
@pytest.mark.parametrize("sign", [1, -1])
def test_derivatives_at_infinity_are_limits(primitive: Primitive, sign: int) -> None:
    """At inf and -inf an operation's derivatives to second order are their limits, where there are any."""
    x = Value(sign * math.inf)
    derivative = primitive(x)
    for order in (1, 2):
        derivative = grad(derivative, x)
        wanted = (
            None if primitive.name in FINITE | {"stop_gradient", "_held_finite"} else limit(primitive.name, sign, order)
        )
        if wanted is not None and (primitive.name, sign, order) not in UNDEFINED:
            assert math.isclose(derivative.data, wanted, rel_tol=1e-12)


def test_limits_are_seen() -> None:
    """Negative control: limits are found where there are some, and the plain rules miss them."""
    assert limit("erf", 1, 2) == limit("atan", -1, 2) == limit("asinh", 1, 2) == 0.0
    assert (limit("exp", 1, 1), limit("cosh", -1, 1), limit("abs", -1, 1)) == (math.inf, -math.inf, -1.0)
    assert limit("asin", 1, 1) is limit("gamma", -1, 1) is limit("cos", 1, 1) is None
    x = Value(math.inf)
    assert math.isnan(grad(1 / (1 + x * x), x).data)
    assert math.isnan(grad((-x * x).exp(), x).data)


@pytest.mark.parametrize("far", [math.inf, -math.inf])
@pytest.mark.parametrize("x", [-2.0, 0.0, 3.0])
def test_a_long_vector(far: float, x: float) -> None:
    """Where one side of a vector is infinite and the other not, its length and angle have the limits' derivatives."""
    long, short = Value(far), Value(x)
    for result, wanted in ((primitives.hypot(long, short), (math.copysign(1.0, far), 0.0)),):
        slopes = grad(result, [long, short])
        assert tuple(slope.data for slope in slopes) == wanted
        assert [entry.data for slope in slopes for entry in grad(slope, [long, short])] == [0.0] * 4
    for result in (primitives.atan2(short, long), primitives.atan2(long, short)):
        slopes = grad(result, [long, short])
        assert [slope.data for slope in slopes] == [0.0, 0.0]
        assert [entry.data for slope in slopes for entry in grad(slope, [long, short])] == [0.0] * 4


# ---------------------------------------------------------------- kinks and poles


def beside(point: Point, place: Break, step: float = 0.0) -> Point:
    """The point moved to a break, or to a step from it."""
    operand, nearest = place
    return (*point[:operand], nearest(*point) + step, *point[operand + 1 :])


@pytest.mark.parametrize("primitive", KINKED, ids=lambda primitive: primitive.name)
def test_subgradients_lie_between_the_one_sided_derivatives(primitive: Primitive) -> None:
    """At a kink the derivative chosen in each operand lies between those from below and from above."""

    @a_few
    @given(points(primitive))
    def check(point: Point) -> None:
        for kink in primitive.kinks:
            place = beside(point, kink)
            for i, local in enumerate(primitive(*map(Value, place)).local_gradients):
                if primitive.name != "greater":  # it jumps, and its derivative is 0 on both sides
                    below, above = sorted(precise_slopes(primitive.name, place, i))
                    assert below <= local <= above

    check()


@pytest.mark.parametrize("primitive", BREAKING, ids=lambda primitive: primitive.name)
def test_declared_breaks_are_there(primitive: Primitive) -> None:
    """At a declared break the value jumps, or its slope jumps or has no bound."""
    for place in primitive.kinks + primitive.poles:
        changes = [0.0]
        for point in sample(primitive):
            sides = [beside(point, place, step) for step in (-1e-6, 1e-6)]
            if any(map(math.isnan, sides[0])):
                continue
            below, above = (reference(primitive.name, side) for side in sides)
            slope_below, slope_above = (reference(primitive.name, side, place.operand) for side in sides)
            changes += [abs(above - below), abs(slope_above - slope_below), abs(slope_above) / 1000]
        assert max(changes) > 0.5


def ends_there(primitive: Primitive, operand: int, border: float, outward: float) -> bool:
    """Whether there is no value beyond a border, or on it no slope, with the other operands at some point."""
    for point in sample(primitive):
        on, beyond = ((*point[:operand], border + step, *point[operand + 1 :]) for step in (0.0, outward))
        if math.isnan(primitive(*beyond)) or not math.isfinite(primitive.partials[operand](primitive(*on), *on)):
            return True
    return False


@every_primitive
def test_declared_borders_are_there(primitive: Primitive) -> None:
    """The declared domain ends where the operation does, so no test leaves out points at which it is smooth."""
    for operand, (low, high) in enumerate(primitive.domain):
        assert not math.isfinite(low) or ends_there(primitive, operand, low, -0.25)
        assert not math.isfinite(high) or ends_there(primitive, operand, high, 0.25)


def test_a_border_that_is_none_is_seen() -> None:
    """Negative control: a domain of tanh that is too small ends where tanh does not."""
    small = dataclasses.replace(primitives.tanh, domain=((0.25, 0.75),))
    assert not ends_there(small, 0, 0.25, -0.25)
    assert not ends_there(small, 0, 0.75, 0.25)


# ---------------------------------------------------------------- any float at all

any_float = st.floats() | st.sampled_from((0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-324, 1e308, -1e308))


@every_primitive
def test_no_float_is_an_exception(primitive: Primitive) -> None:
    """For every float operand the value is a float, and so is every partial: nothing raises or turns complex."""

    @given(st.tuples(*[any_float for _ in primitive.partials]))
    def check(point: Point) -> None:
        recorded = primitive(*map(Value, point))
        assert type(primitive(*point)) is float
        assert same(recorded.data, primitive(*point))
        for rule, local in zip(primitive.partials, recorded.local_gradients, strict=True):
            assert type(local) is float
            assert same(local, float(rule(recorded.data, *point)))

    check()


A_BOUND, FAR_BEYOND = 4.0, 1e15  # the widest range is that of acos, 0 to π; the tangent of a float reaches 1.6e16
PLACES = (0.0, 1.0, -1.0, 2.0, -2.5, 1e10, -1e10, 1e200, -1e200, math.inf, -math.inf)


def largest(primitive: Primitive) -> float:
    """The largest size of the value at a grid of floats, at the nearest breaks and beside them."""
    grid = list(itertools.product(PLACES, repeat=primitive.arity))
    for point, place in itertools.product(grid[:], primitive.kinks + primitive.poles):
        grid += [beside(point, place, step) for step in (-1e-300, 0.0, 1e-300)]
    sizes = [abs(primitive(*point)) for point in grid]
    return max(size for size in sizes if not math.isnan(size))


@every_primitive
def test_what_is_declared_bounded_is(primitive: Primitive) -> None:
    """An operation that is declared bounded stays within a bound at any float; one that is not exceeds it by far."""
    if not primitive.bounded:
        assert largest(primitive) > FAR_BEYOND
        return

    @given(st.tuples(*[any_float for _ in primitive.partials]))
    def check(point: Point) -> None:
        value = primitive(*point)
        assert math.isnan(value) or abs(value) <= A_BOUND

    assert largest(primitive) <= A_BOUND
    check()


def test_which_operations_are_bounded() -> None:
    """The squashing and circular functions are, and the angles; the identity and the clamps of the engine are not."""
    bounded = {declared.name for declared in BUILT_IN if declared.bounded}
    assert bounded >= {"greater", "sin", "cos", "asin", "acos", "atan", "atan2", "tanh", "sigmoid", "erf", "erfc"}
    assert not bounded & {"stop_gradient", "_finite", "_held_finite", "relu", "tan", "log"}


@pytest.mark.parametrize("primitive", BREAKING, ids=lambda primitive: primitive.name)
def test_a_break_is_a_number_for_every_float(primitive: Primitive) -> None:
    """The place of the nearest break is a number or nan, for every float, nan and inf included."""

    @given(st.tuples(*[any_float for _ in primitive.partials]))
    def check(point: Point) -> None:
        for _, nearest in primitive.kinks + primitive.poles:
            assert type(nearest(*point)) is float

    check()


# ---------------------------------------------------------------- other spellings


@pytest.mark.parametrize("primitive", [p for p in BUILT_IN if p.array is not None], ids=lambda p: p.name)
def test_array_spelling_is_the_same_function(primitive: Primitive) -> None:
    """The spelling for arrays, in the names of numpy and scipy.special, gives the value to a few roundings."""
    names = operand_names(primitive)
    assert primitive.array is not None
    code = compile(primitive.array.format(*names), primitive.name, "eval")

    @a_few
    @given(st.lists(points(primitive), min_size=2, max_size=2))
    def check(rows: list[Point]) -> None:
        columns = dict(zip(names, np.array(rows).T, strict=True))
        elements = np.asarray(eval(code, vars(np) | {"special": special} | columns)) * np.ones(2)  # noqa: S307  # the declaration's own text
        for point, element in zip(rows, elements, strict=True):
            assert abs(element - primitive(*point)) <= TOLERANCE * scale(primitive, point)

    check()


@every_primitive
def test_formula_is_the_rule(primitive: Primitive) -> None:
    """The printed formula, read as Python over floats, gives on the domain each partial to the bit."""
    namespace: dict[str, object] = {declared.name: declared for declared in BUILT_IN} | {"nan": math.nan}
    codes = [compile(formula(primitive, i), primitive.name, "eval") for i in range(primitive.arity)]

    @a_few
    @given(points(primitive))
    def check(point: Point) -> None:
        out = primitive(*point)
        known = namespace | {"out": out} | dict(zip(operand_names(primitive), point, strict=True))
        for code, rule in zip(codes, primitive.partials, strict=True):
            assert same(float(eval(code, known)), float(rule(out, *point)))  # noqa: S307  # likewise

    check()


@every_primitive
def test_notation_is_the_value(primitive: Primitive) -> None:
    """The notation, read as Python, gives the value on the domain: pictures and printed functions say what is done."""

    @a_few
    @given(points(primitive))
    def check(point: Point) -> None:
        assert abs(written(primitive, point) - primitive(*point)) <= TOLERANCE * scale(primitive, point)

    check()


def written(primitive: Primitive, point: Point) -> float:
    """The notation of a primitive as Python computes it, with Values for the operands."""
    names = operand_names(primitive)
    known = {declared.name: declared for declared in BUILT_IN} | dict(zip(names, map(Value, point), strict=True))
    return float(eval(primitive.notation.format(*names), known))  # noqa: S307  # likewise


def test_a_notation_of_something_else_is_seen() -> None:
    """Negative control: a product that is written as a sum is not what it says."""
    assert written(dataclasses.replace(primitives.multiply, notation="{} + {}"), (3.0, 2.0)) == 5.0


def test_precise_partial_knows_second_derivatives() -> None:
    """The differences of the oracle are right to 30 digits, mixed ones too."""
    with mpmath.workdps(50):
        assert abs(precise_partial("multiply", (2.0, 3.0), 0, 1) - 1) < 1e-30
        assert abs(precise_partial("exp", (1.0,), 0, 0) - mpmath.e) < 1e-30
        assert abs(precise_partial("divide", (1.0, 4.0), 1, 1) - mpmath.mpf(2) / 64) < 1e-30


# ---------------------------------------------------------------- algebra


@every_primitive
@given(st.floats(), st.floats(), st.floats())
def test_the_declared_algebra_holds(primitive: Primitive, x: float, y: float, z: float) -> None:
    """An identity changes nothing on either side, a right identity nothing on the right; what commutes commutes."""
    if primitive.identity is not None:
        assert primitive.right_identity == primitive.identity
        assert floats.same(primitive.value(primitive.identity, x), x)
    if primitive.right_identity is not None:
        assert floats.same(primitive.value(x, primitive.right_identity), x)
    if primitive.commutative:
        assert floats.same(primitive.value(x, y), primitive.value(y, x))
    if primitive.associative and primitive.kinks:  # sums and products are associative up to rounding alone
        assert floats.same(primitive.value(primitive.value(x, y), z), primitive.value(x, primitive.value(y, z)))
    if primitive.associative:
        assert primitive.value(primitive.value(2.0, 3.0), 5.0) == primitive.value(2.0, primitive.value(3.0, 5.0))


def test_which_operations_have_an_identity() -> None:
    """Arithmetic has identities, for subtraction, division and powers on the right; most operations have none."""
    right = {op.name: op.right_identity for op in BUILT_IN if op.right_identity is not None}
    both = {op.name for op in BUILT_IN if op.identity is not None}
    on_both_sides = {"add": 0.0, "multiply": 1.0, "maximum": -math.inf, "minimum": math.inf}
    on_the_right = {"subtract": 0.0, "divide": 1.0, "power": 1.0}
    assert right.items() >= (on_both_sides | on_the_right).items()
    assert both >= on_both_sides.keys()
    assert not both & on_the_right.keys()
    assert not right.keys() & {"atan2", "hypot", "greater", "polygamma", "tanh"}


# ---------------------------------------------------------------- what array programs are told

MANY = [0.0, -0.0, 1.0, -2.5, 1e-320, 1e200, -1e308, math.inf, -math.inf, math.nan]


def products(primitive: Primitive) -> list[bool]:
    """Whether the value is the product of two operands, at each pair of floats where that is a number."""
    pairs = [(x, y) for x, y in itertools.product(MANY, repeat=2) if not math.isnan(x * y)]
    return [primitive.value(x, y) == x * y for x, y in pairs]


@every_primitive
def test_what_is_declared_to_multiply_does(primitive: Primitive) -> None:
    """An operation that is declared to multiply is the product wherever that is a number; no other one is."""
    if primitive.arity == 2:
        assert all(products(primitive)) == primitive.multiplies
    else:
        assert not primitive.multiplies


@every_primitive
def test_what_answers_for_a_function_that_raises_is_that_function(primitive: Primitive) -> None:
    """A value that answers where one of Python's functions raises is that function wherever it does not."""
    function = getattr(primitive.value, "answers_for", primitive.value)
    raised, varied = 0, min(primitive.arity, 2)
    for first in itertools.product(MANY, repeat=varied):
        operands = (*first, *[2.0] * (primitive.arity - varied))
        try:
            answer = function(*operands)
        except (ArithmeticError, ValueError):
            raised += 1
        else:
            assert floats.same(answer, primitive.value(*operands))
            assert math.isnan(answer) or math.copysign(1, answer) == math.copysign(1, primitive.value(*operands))
    assert (raised > 0) == (function is not primitive.value)
