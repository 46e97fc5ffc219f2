"""Functions of floats that never raise: every operation's value, by the rules of IEEE 754.

Python's `math` raises where IEEE arithmetic has a result: `math.exp(1000)` is an OverflowError,
`math.log(0.0)` a ValueError, `1.0 / 0.0` a ZeroDivisionError. Here overflow is inf, a pole is inf with
its sign, and what has no real result is nan. No formula overflows on the way to a finite result.
Functions of `math` that never raise are used as they are.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, MappingView, Set
from math import copysign, inf, nan
from typing import Any, SupportsIndex

_NUMBERS = (int, float)  # the most frequent types; other types of numbers take longer to recognise


def number(given: object, purpose: str, bools: bool = True) -> float:
    """Return a real number as the nearest Python float.

    A bool is 0 or 1, as in Python, unless `bools` is false. A numpy array without dimensions counts as its entry.
    `purpose` says in the error what the number is for.

    >>> number(3, "data"), number(2.5, "data"), number(True, "data")
    (3.0, 2.5, 1.0)

    Raises:
        TypeError: for anything but an int, a float or another real scalar.
        ValueError: for a number beyond the range of floats.
    """
    if given.__class__ is float:
        return given
    held: Any = given
    if given.__class__ is not int and not isinstance(given, float):
        held = held_by(given)
        if not is_number(given) or (isinstance(held, bool) and not bools):
            kind = given.__class__
            name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
            raise TypeError(f"{purpose} must be a real number, got {_shortened(given)} of type {name}")
    try:
        return float(held)
    except OverflowError:
        raise ValueError(f"{purpose} must be within the range of floats, got {_shortened(given)}") from None


def exact(given: Any, purpose: str, rounded: Callable[[int], Any] = float) -> None:
    """Raise for an integer that becomes another number as a float; `rounded` makes the float.

    >>> exact(2**53, "a count")
    >>> exact(2**53 + 1, "a count")
    Traceback (most recent call last):
        ...
    ValueError: a count has the integer 9007199254740993, which is 9007199254740992 as a float: ...

    Raises:
        ValueError: for such an integer, also one of numpy.
    """
    given = held_by(given)
    if not hasattr(given, "__index__"):
        return
    own = operator.index(given)
    held = float(rounded(own))
    if held != own:
        raise ValueError(
            f"{purpose} has the integer {own}, which is {held:.0f} as a float: give float(...) to round it"
        )


def is_number(given: object) -> bool:
    """Return whether `number` accepts this as a real number.

    >>> is_number(3), is_number(False), is_number("3"), is_number(1j)
    (True, True, False, False)
    """
    if isinstance(given, _NUMBERS):
        return True
    return isinstance(held_by(given), numbers.Real) and _kind(given) != "m"  # numpy calls a duration real


def held_by(given: Any) -> Any:
    """Return the Python object in a numpy scalar or an array without dimensions; anything else unchanged."""
    return given.item() if _kind(given) in {"b", "i", "u", "f", "O"} and given.shape == () else given


def _kind(given: Any) -> object:
    """The letter of a numpy type: "b" for bool, "f" for float, "O" for object; None for other types."""
    return getattr(given.dtype, "kind", None) if hasattr(type(given), "dtype") else None  # mocks have any attribute


def same(x: float, y: float) -> bool:
    """Return whether two numbers are equal, or both nan.

    >>> same(float("nan"), float("nan")), same(0.0, -0.0), same(1.0, 2.0)
    (True, True, False)
    """
    return x == y or (x != x and y != y)


def integer(given: SupportsIndex, purpose: str, low: int | None = None) -> int:
    """Return an integer, which must be at least `low` if that is given.

    >>> integer(3, "a size", low=1)
    3

    Raises:
        ValueError: for anything else, such as a bool.
    """
    value = operator.index(given) if hasattr(given, "__index__") and not isinstance(given, bool) else None
    if value is None or (low is not None and value < low):
        least = "" if low is None else f" of at least {low}"
        raise ValueError(f"{purpose} must be an integer{least}, got {given!r}")
    return value


def refuse_set(given: object, purpose: str) -> None:
    """Raise for a set, where the order of the entries matters. The views of a dict have an order.

    >>> refuse_set({2.0, 1.0}, "scores")
    Traceback (most recent call last):
        ...
    TypeError: scores must have an order, which a set does not have: make it a list, got {1.0, 2.0}

    Raises:
        TypeError: for a set.
    """
    if isinstance(given, Set) and not isinstance(given, MappingView):
        text = _shortened(given)
        raise TypeError(f"{purpose} must have an order, which a set does not have: make it a list, got {text}")


def place(given: object, size: int, purpose: str) -> int:
    """Return an index into a list of that size as an int: an integer, a float without a fraction, a bool as 0 or 1.

    So plain numbers are indices where they are in a lifted program, whose arrays have one type for all numbers.

    >>> place(2, 3, "the class"), place(2.0, 3, "the class"), place(True, 3, "the class")
    (2, 2, 1)

    Raises:
        TypeError: for what is not a number.
        ValueError: for a number that is not an integer from 0 to less than the size.
    """
    held = held_by(given)
    wanted = f"{purpose} must be an integer from 0 to {size - 1}, got {held!r}"
    if hasattr(held, "__index__"):
        held = operator.index(held)
    elif not is_number(held):
        raise TypeError(wanted)
    if not (0 <= held < size and held == int(held)):
        raise ValueError(wanted)
    return int(held)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, for a message.

    >>> counted(1, "parameter"), counted(66000, "parameter")
    ('1 parameter', '66,000 parameters')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _shortened(given: object) -> str:
    try:
        text = repr(given)
    except Exception as error:  # an object whose repr fails must not replace the real error
        text = f"<unprintable: {type(error).__name__}>"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _never_raising(function: Callable[[float], float], instead: Callable[[float], float]) -> Callable[[float], float]:
    """The function, which returns `instead(x)` where `math` raises."""

    def value(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError):
            return instead(x)

    value.__name__ = value.__qualname__ = function.__name__
    value.__doc__ = function.__doc__
    value.__dict__["answers_for"] = function
    return value


def _infinite(_x: float) -> float:
    return inf


def _undefined(_x: float) -> float:
    return nan


def _infinite_like(x: float) -> float:
    return copysign(inf, x)


exp = _never_raising(math.exp, _infinite)
exp2 = _never_raising(math.exp2, _infinite)
expm1 = _never_raising(math.expm1, _infinite)
sinh = _never_raising(math.sinh, _infinite_like)
cosh = _never_raising(math.cosh, _infinite)

log = _never_raising(math.log, lambda x: -inf if x == 0 else nan)
log2 = _never_raising(math.log2, lambda x: -inf if x == 0 else nan)
log10 = _never_raising(math.log10, lambda x: -inf if x == 0 else nan)
log1p = _never_raising(math.log1p, lambda x: -inf if x == -1 else nan)
sqrt = _never_raising(math.sqrt, _undefined)

sin = _never_raising(math.sin, _undefined)
cos = _never_raising(math.cos, _undefined)
tan = _never_raising(math.tan, _undefined)
asin = _never_raising(math.asin, _undefined)
acos = _never_raising(math.acos, _undefined)
acosh = _never_raising(math.acosh, _undefined)
atanh = _never_raising(math.atanh, lambda x: copysign(inf, x) if abs(x) == 1 else nan)

lgamma = _never_raising(math.lgamma, _infinite)
gamma = _never_raising(math.gamma, lambda x: copysign(inf, x) if x > -1 else nan)


def divide(x: float, y: float) -> float:
    """The quotient: over 0 it is a signed infinity, and nan for 0 / 0."""
    try:
        return x / y
    except ZeroDivisionError:
        return nan if x == 0 or x != x else copysign(inf, x) * copysign(1.0, y)


divide.__dict__["answers_for"] = operator.truediv  # which gives the same wherever it does not raise


def power(x: float, y: float) -> float:
    """The power as in C: never complex, and an infinity for 0 to a negative power."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0 and y % 2 == 1 else inf
    except ValueError:
        if x != 0:
            return nan
        return copysign(inf, x) if y % 2 == 1 else inf


power.__dict__["answers_for"] = math.pow


def power_derivative(x: float, y: float, n: float, k: float) -> float:
    """The derivative of x ** y, n times in x and k times in y; at x = 0 and inf its limit.

    The derivative of xᵃ log(x)ʲ in x is xᵃ⁻¹ (a log(x)ʲ + j log(x)ʲ⁻¹). So the result is a power of x times a
    polynomial in log(x). Orders go from 0 to 100; others are nan.
    """
    if not (0 <= n <= 100 and n == int(n) and 0 <= k <= 100 and k == int(k)):
        return nan
    coefficients = [0.0] * int(k) + [1.0]
    exponent = y
    for _ in range(int(n)):
        above = [*[j * coefficient for j, coefficient in enumerate(coefficients)][1:], 0.0]
        coefficients = [exponent * c + more if c else more for c, more in zip(coefficients, above, strict=True)]
        exponent -= 1.0
    while coefficients and coefficients[-1] == 0:
        coefficients.pop()
    if not coefficients:
        return 0.0
    degree, leading = len(coefficients) - 1, coefficients[-1]
    if degree == 0:
        return leading * power(x, exponent)
    if (x == 0 and exponent > 0) or (x == inf and exponent < 0):
        return 0.0  # the power outweighs the logarithm
    if x in (0, inf):
        return leading * power(abs(x), exponent) * power(log(x), degree)
    logarithm, total = log(x), 0.0
    for coefficient in reversed(coefficients):
        total = total * logarithm + coefficient
    return power(x, exponent) * total


def cosine(x: float, y: float) -> float:
    """The cosine of the angle of the vector (x, y): x divided by the length."""
    if math.isinf(x) and math.isfinite(y):
        return copysign(1.0, x)
    return divide(x, math.hypot(x, y))


def relu(x: float) -> float:
    """max(x, 0), and nan for nan."""
    return x if x > 0 or x != x else 0.0


def sigmoid(x: float) -> float:
    """1 / (1 + e⁻ˣ), in the form that has no large exponential."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


def softplus(x: float) -> float:
    """log(1 + eˣ), computed without a large exponential."""
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))


def maximum(x: float, y: float) -> float:
    """The larger of two; nan if either is nan."""
    return x if x > y or x != x else y


def minimum(x: float, y: float) -> float:
    """The smaller of two; nan if either is nan."""
    return x if x < y or x != x else y


def greater(x: float, y: float) -> float:
    """1 where x is greater than y, else 0."""
    return 1.0 if x > y else 0.0


def polygamma(order: float, x: float) -> float:
    """The derivative of that order of the digamma function; order 0 is the digamma function itself.

    By reflection, recurrence and the asymptotic series: Abramowitz and Stegun, 6.4.7, 6.4.6, 6.4.11.
    Orders go from 0 to 100; others are nan.
    """
    if not (0 <= order <= 100 and order == int(order)) or x != x or x == -inf:
        return nan
    n = int(order)
    sign = -1.0 if n % 2 == 0 else 1.0
    if x <= 0 and x == int(x):
        if x == 0:
            return sign * copysign(1.0, x) ** (n + 1) * inf
        return inf if n % 2 == 1 else nan
    if x < -0.5:
        return -sign * polygamma(order, 1.0 - x) - math.pi ** (n + 1) * _cotangent_derivative(n, x)
    if x == inf:
        return inf if n == 0 else sign * 0.0
    total = 0.0
    while x < n + 16:
        total += divide(math.factorial(n), power(x, n + 1))
        x += 1.0
    return sign * (total + _polygamma_series(n, x))


def _polygamma_series(n: int, x: float) -> float:
    """The asymptotic series for large x, without its sign."""
    leading = -math.log(x) if n == 0 else math.factorial(n - 1) * power(x, -n)
    total = leading + math.factorial(n) / (2 * power(x, n + 1))
    for k, bernoulli in enumerate(_BERNOULLI, start=1):
        total += bernoulli * (math.factorial(2 * k + n - 1) / math.factorial(2 * k)) / power(x, 2 * k + n)
    return total


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)


def _cotangent_derivative(n: int, x: float) -> float:
    """The n-th derivative of cot(πx) over πⁿ: a polynomial in c = cot(πx), since c' = -π (1 + c²)."""
    remainder = x - round(x)
    c = math.cos(math.pi * remainder) / math.sin(math.pi * remainder)
    coefficients = [0.0, 1.0]
    for _ in range(n):
        slopes = [i * coefficient for i, coefficient in enumerate(coefficients)][1:]
        coefficients = [0.0] * (len(slopes) + 2)
        for i, slope in enumerate(slopes):
            coefficients[i] -= slope
            coefficients[i + 2] -= slope
    return sum(coefficient * power(c, i) for i, coefficient in enumerate(coefficients) if coefficient)
