"""Arithmetic that never raises: what counts as a number, the results of IEEE 754, special functions."""

from __future__ import annotations

import inspect
import itertools
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mpf

from scalargrad import Value
from scalargrad.engine import floats

TOLERANCE = 1e-14
FINITE = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 5e-324, -5e-324, 1e308, -1e308)
SPECIAL = (*FINITE, math.inf, -math.inf, math.nan)
any_float = st.floats() | st.sampled_from(SPECIAL)

# ---------------------------------------------------------------- what is a number


@pytest.mark.parametrize(
    ("given_number", "held"),
    [
        (3, 3.0),
        (-0.0, -0.0),
        (2**60, 2.0**60),
        (math.inf, math.inf),
        (math.nan, math.nan),
        (Fraction(1, 4), 0.25),
        (Fraction(1, 3), 1 / 3),
        (2**53 + 1, 2.0**53),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int64(-7), -7.0),
        (np.float16("nan"), math.nan),
        (True, 1.0),
        (np.False_, 0.0),
        (np.array(-0.0), -0.0),
        (np.array(True), 1.0),
        (np.array(Fraction(1, 4), dtype=object), 0.25),
    ],
)
def test_number_is_held_exactly(given_number: object, held: float) -> None:
    """A real number of any type becomes a Python float of the same value."""
    result = floats.number(given_number, "data")
    assert type(result) is float
    assert result.hex() == held.hex()


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.array([True]), TypeError, "data must be a real number, got array([ True]) of type numpy.ndarray"),
        (np.timedelta64(3), TypeError, "data must be a real number, got np.timedelta64(3) of type numpy.timedelta64"),
        (1j, TypeError, "data must be a real number, got 1j of type complex"),
        ("1", TypeError, "data must be a real number, got '1' of type str"),
        (None, TypeError, "data must be a real number, got None of type NoneType"),
        ([1.0], TypeError, r"data must be a real number, got [1.0] of type list"),
        (np.ones(1), TypeError, "data must be a real number, got array([1.]) of type numpy.ndarray"),
        (Decimal("0.5"), TypeError, "data must be a real number, got Decimal('0.5') of type decimal.Decimal"),
        (
            Value(1.0),
            TypeError,
            "data must be a real number, got Value(data=1.0) of type scalargrad.engine.value.Value",
        ),
        (list(range(99)), TypeError, f"data must be a real number, got {str(list(range(99)))[:57]}… of type list"),
        (Unprintable(), TypeError, f"data must be a real number, got <unprintable: RuntimeError> of type {__name__}."),
        (10**400, ValueError, f"data must be within the range of floats, got 1{'0' * 56}…"),
        (-(10**400), ValueError, f"data must be within the range of floats, got -1{'0' * 55}…"),
    ],
)
def test_number_says_what_it_was_given(bad: object, error: type[Exception], message: str) -> None:
    """Anything but a real number in the range of floats is an error that shows it, shortened, with its type."""
    with pytest.raises(error) as raised:
        floats.number(bad, "data")
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("truth", [True, np.True_, np.array(False)])
def test_a_bool_is_refused_where_it_is_a_mistake(truth: object) -> None:
    """With `bools=False`, for settings and files, a bool is an error; numbers are as before."""
    with pytest.raises(TypeError, match=r"rate must be a real number, got .*(True|False)"):
        floats.number(truth, "rate", bools=False)
    assert floats.number(1, "rate", bools=False) == 1.0


@pytest.mark.parametrize(
    "given_object", [1, 0.5, True, np.int8(1), np.array(2), Fraction(1, 2), np.array(None), "1", 1j]
)
def test_a_number_is_what_number_takes(given_object: object) -> None:
    """`is_number` tells for any object whether `number` accepts it."""
    try:
        floats.number(given_object, "data")
    except TypeError:
        assert not floats.is_number(given_object)
    else:
        assert floats.is_number(given_object)


# ---------------------------------------------------------------- IEEE 754

FUNCTIONS: dict[str, Callable[..., float]] = {
    name: function
    for name, function in vars(floats).items()
    if callable(function)
    and name
    not in {
        "number",
        "exact",
        "is_number",
        "held_by",
        "integer",
        "place",
        "same",
        "counted",
        "refuse_set",
        "MappingView",
        "Set",
        "Any",
        "Callable",
        "SupportsIndex",
        "copysign",
    }
    and not name.startswith("_")
}
OF_C: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        *("exp", "exp2", "expm1", "sinh", "cosh", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan"),
        *("divide", "power"),
    )
} | {"asin": np.arcsin, "acos": np.arccos, "acosh": np.arccosh, "atanh": np.arctanh}


def arity(name: str) -> int:
    two = {"divide", "power", "maximum", "minimum", "greater", "polygamma", "cosine"}
    return 2 if name in two else {"power_derivative": 4}.get(name, 1)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_raises(name: str) -> None:
    """Every function of floats gives a float for every float, infinities, nan and subnormals included."""
    assert arity(name) == len(inspect.signature(FUNCTIONS[name]).parameters)

    @given(st.tuples(*[any_float] * arity(name)))
    def check(operands: tuple[float, ...]) -> None:
        assert type(FUNCTIONS[name](*operands)) is float

    check()


def like_c(name: str, operands: tuple[float, ...]) -> bool:
    """Whether a result is that of the C library, to two roundings; nan, signs and infinities exactly."""
    result = FUNCTIONS[name](*operands)
    with np.errstate(all="ignore"):
        wanted = float(OF_C[name](*[np.full(2, operand) for operand in operands])[0])
    if not math.isfinite(wanted) or wanted == 0 or result == 0:
        return result.hex() == wanted.hex()
    return math.isfinite(result) and abs(result - wanted) <= 2 * math.ulp(wanted)


@pytest.mark.parametrize("name", OF_C)
def test_answers_are_those_of_c(name: str) -> None:
    """Where `math` raises, the result is that of C's function, at special values and at all others."""
    for special in itertools.product(SPECIAL, repeat=arity(name)):
        assert like_c(name, special), special

    @given(st.tuples(*[any_float] * arity(name)))
    def check(operands: tuple[float, ...]) -> None:
        assert like_c(name, operands)

    check()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("exp", lambda x: min(floats.exp(x), 1e308)),
        ("log", lambda x: -math.inf if x <= 0 else floats.log(x)),
        ("divide", lambda x, y: floats.divide(x, abs(y))),
        ("power", lambda x, y: floats.power(x, y) if x or y > 0 else math.inf),
    ],
)
def test_comparison_with_c_sees_a_wrong_sign_or_limit(
    name: str, wrong: Callable[..., float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a wrong sign, a finite result for an infinite one, an infinite one for nan all fail."""
    monkeypatch.setitem(FUNCTIONS, name, wrong)
    assert not all(like_c(name, special) for special in itertools.product(SPECIAL, repeat=arity(name)))


@pytest.mark.parametrize(
    ("name", "x", "wanted"),
    [
        ("gamma", 0.0, math.inf),
        ("gamma", -0.0, -math.inf),
        ("gamma", -1.0, math.nan),
        ("gamma", -1e300, math.nan),
        ("gamma", -math.inf, math.nan),
        ("gamma", math.inf, math.inf),
        ("gamma", 5e-324, math.inf),
        ("gamma", -5e-324, -math.inf),
        ("gamma", 171.7, math.inf),
        ("lgamma", 1.0, 0.0),
        ("lgamma", 2.0, 0.0),
        ("lgamma", 0.0, math.inf),
        ("lgamma", -2.0, math.inf),
        ("lgamma", math.inf, math.inf),
        ("lgamma", -math.inf, math.inf),
        ("lgamma", 1e308, math.inf),
    ],
)
def test_gamma_functions_at_the_special_values_of_c(name: str, x: float, wanted: float) -> None:
    """The gamma function and its logarithm have the limits and poles of C's tgamma and lgamma (C23, annex F)."""
    assert FUNCTIONS[name](x).hex() == wanted.hex()


@given(any_float, any_float)
def test_choices_propagate_nan(x: float, y: float) -> None:
    """The maximum and the minimum are one of the two, and nan if either is nan."""
    low, high = floats.minimum(x, y), floats.maximum(x, y)
    if math.isnan(x) or math.isnan(y):
        assert math.isnan(low)
        assert math.isnan(high)
        assert floats.greater(x, y) == 0.0
    else:
        assert sorted((x, y)) == [low, high]
        assert floats.greater(x, y) == (x > y)
        assert floats.relu(x) == max(x, 0.0)
    assert math.isnan(floats.relu(math.nan))


# ---------------------------------------------------------------- where a formula would overflow, or lose its digits


@given(st.floats(-1e4, 1e4) | any_float)
def test_sigmoid_and_softplus_are_exact_to_a_few_roundings(x: float) -> None:
    """Both are exact to a few roundings, from where they underflow to where they overflow."""
    assume(math.isfinite(x))
    with mpmath.workdps(50):
        small = mpmath.exp(-abs(mpf(x)))
        wanted = {
            "sigmoid": (1 if x >= 0 else small) / (1 + small),
            "softplus": max(mpf(x), mpf(0)) + mpmath.log1p(small),
        }
        for name, exact in wanted.items():
            error = abs(mpf(FUNCTIONS[name](x)) - exact)
            assert error <= 4 * mpf(2) ** -53 * exact + 5e-324
            assert abs(exact * 1.001 - exact) > 4 * mpf(2) ** -53 * exact or exact < 1e-300


# ---------------------------------------------------------------- polygamma


def polygamma_error(order: int, x: float) -> float:
    """The distance from mpmath's result, relative to that and to its change under a rounding of x."""
    with mpmath.workdps(50):
        exact = mpmath.psi(order, mpf(x))
        scale = abs(exact) + abs(mpf(x) * mpmath.psi(order + 1, mpf(x)))
        return float(abs(floats.polygamma(float(order), x) - exact) / scale)


orders = st.integers(0, 6)
distances = st.floats(-30, -1).map(math.exp2)


@given(orders, st.floats(2**-30, 200.0))
def test_polygamma_right_of_its_poles(order: int, x: float) -> None:
    """For positive x it is mpmath's, for the orders in a sixth derivative of log Γ."""
    assert polygamma_error(order, x) <= TOLERANCE


@given(orders, st.integers(-40, 0), distances, st.sampled_from((1, -1)))
def test_polygamma_between_its_poles(order: int, pole: int, distance: float, side: int) -> None:
    """For negative x, between the poles and close to them, it is mpmath's."""
    x = pole + side * distance
    assume(x != pole)
    assert polygamma_error(order, x) <= TOLERANCE


@given(orders, st.floats(1, 300).map(lambda exponent: 10.0**exponent))
def test_polygamma_far_out(order: int, x: float) -> None:
    """For large x it is mpmath's until it underflows, even where a power of x overflows."""
    with mpmath.workdps(50):
        exact = mpmath.psi(order, mpf(x))
    least = math.factorial(order) * sys.float_info.min
    assert abs(floats.polygamma(float(order), x) - exact) <= TOLERANCE * abs(exact) + least


@pytest.mark.parametrize("x", [1e-60, -1e-60, 1e-200, -1e-200, 5e-324, -5e-324])
@pytest.mark.parametrize("order", range(7))
def test_polygamma_overflows_at_its_pole_with_its_sign(order: int, x: float) -> None:
    """Within a rounding of 0 it is (-1)ⁿ⁺¹ n! / xⁿ⁺¹, or infinity with that sign."""
    with mpmath.workdps(50):
        wanted = float((-1) ** (order + 1) * mpmath.factorial(order) / mpf(x) ** (order + 1))
    result = floats.polygamma(float(order), x)
    assert result == wanted or abs(result / wanted - 1) <= TOLERANCE


@pytest.mark.parametrize(
    ("order", "x", "wanted"),
    [
        (0, 0.0, -math.inf),
        (0, -0.0, math.inf),
        (1, 0.0, math.inf),
        (1, -0.0, math.inf),
        (2, 0.0, -math.inf),
        (2, -0.0, math.inf),
        (0, -3.0, math.nan),
        (1, -3.0, math.inf),
        (0, math.inf, math.inf),
        (1, math.inf, 0.0),
        (2, math.inf, -0.0),
        (0, -math.inf, math.nan),
        (0, math.nan, math.nan),
        (math.nan, 1.0, math.nan),
        (math.inf, 1.0, math.nan),
        (-1, 1.0, math.nan),
        (0.5, 1.0, math.nan),
        (101, 1.0, math.nan),
    ],
)
def test_polygamma_at_poles_and_limits(order: float, x: float, wanted: float) -> None:
    """A pole with one sign on both sides is that infinity, another pole is nan; other orders are nan."""
    assert floats.polygamma(float(order), x).hex() == wanted.hex()


@pytest.mark.parametrize("order", range(7))
def test_check_of_polygamma_catches_a_small_error(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: an error of one part in 10¹² fails."""
    right = floats.polygamma
    monkeypatch.setattr(floats, "polygamma", lambda order, x: right(order, x) * (1 + 1e-12))
    assert polygamma_error(order, 2.5) > TOLERANCE
    assert polygamma_error(order, -2.25) > TOLERANCE


# ---------------------------------------------------------------- integers, and numbers that are the same


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_an_integer_of_at_least_so_much(given_number: int, low: int) -> None:
    """An integer of Python or numpy becomes an int; below the minimum it is an error."""
    for number_of_a_kind in (given_number, np.int64(given_number)):
        assert floats.integer(number_of_a_kind, "a size") == given_number
        if given_number >= low:
            assert type(floats.integer(number_of_a_kind, "a size", low)) is int
        else:
            with pytest.raises(ValueError, match=f"a size must be an integer of at least {low}, got"):
                floats.integer(number_of_a_kind, "a size", low)


@pytest.mark.parametrize("given_object", [True, False, 1.0, "1", None, [1]])
def test_what_is_no_integer(given_object: Any) -> None:
    """A bool, a float or another object is an error, with or without a minimum."""
    for low in (None, 0):
        with pytest.raises(ValueError, match="a size must be an integer"):
            floats.integer(given_object, "a size", low)


@given(st.floats(), st.floats())
def test_numbers_that_are_the_same(x: float, y: float) -> None:
    """Two numbers are the same when they are equal or both nan."""
    assert floats.same(x, y) == (x == y or (math.isnan(x) and math.isnan(y)))
    assert floats.same(x, x)
    assert not floats.same(math.nan, 1.0)
    assert not floats.same(1.0, math.nan)


@pytest.mark.parametrize(("count", "text"), [(0, "0 inputs"), (1, "1 input"), (2, "2 inputs")])
def test_counts_have_their_noun(count: int, text: str) -> None:
    """A count of one has a singular noun, every other count a plural."""
    assert floats.counted(count, "input") == text
