"""Operations in complex numbers, read off the array spelling that each declares.

Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review
40 (1998): Im f(x + ih) / h has no difference in it, so nothing cancels, and h may be as small as
one likes. It needs f in complex arithmetic. The text `exp(-logaddexp(0, -{}))`, read with the
complex functions below for the array namespace's, is just that, and knows nothing of the rules
that are being checked. Choices (`maximum`, `where`) go by the real part.
"""

from __future__ import annotations

import ast
import cmath
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import frexp, inf, isfinite, nan
from typing import Any

from ...engine.declaration import Primitive
from .breaks import on_break
from .slopes import EPSILON, NORMAL, TINY

# ---------------------------------------------------------------- the array namespace in complex numbers


def _power(x: complex, y: complex) -> complex:
    if y == 0:
        return 1 + 0j
    if x.real > 0:
        return cmath.exp(y * cmath.log(x))
    if y.imag == 0 and y.real.is_integer() and x.real < 0:
        return (-1 if y.real % 2 else 1) * cmath.exp(y * cmath.log(-x))
    raise ValueError("not analytic here")


def _cbrt(x: complex) -> complex:
    return cmath.exp(cmath.log(x) / 3) if x.real > 0 else -cmath.exp(cmath.log(-x) / 3)


def _hypot(x: complex, y: complex) -> complex:
    length = math.hypot(x.real, y.real)  # to first order in the imaginary parts, which are small: no square underflows
    return complex(length, x.real / length * x.imag + y.real / length * y.imag)


def _arctan2(y: complex, x: complex) -> complex:
    if abs(x.real) <= abs(y.real):
        return math.copysign(math.pi / 2, y.real) - cmath.atan(x / y)
    return cmath.atan(y / x) + (0 if x.real > 0 else math.copysign(math.pi, y.real))


def _maximum(x: complex, y: complex) -> complex:
    return x if x.real > y.real else y


def _minimum(x: complex, y: complex) -> complex:
    return x if x.real < y.real else y


def _log1p(x: complex) -> complex:
    return complex(math.log1p(x.real), math.atan2(x.imag, 1 + x.real))


def _logaddexp(x: complex, y: complex) -> complex:
    larger, smaller = (x, y) if x.real > y.real else (y, x)
    return larger + _log1p(cmath.exp(smaller - larger))


NAMESPACE: dict[str, Callable[..., Any]] = {
    "abs": lambda x: x if x.real > 0 else -x,
    "arccos": cmath.acos,
    "arccosh": cmath.acosh,
    "arcsin": cmath.asin,
    "arcsinh": cmath.asinh,
    "arctan": cmath.atan,
    "arctan2": _arctan2,
    "arctanh": cmath.atanh,
    "cbrt": _cbrt,
    "cos": cmath.cos,
    "cosh": cmath.cosh,
    "degrees": lambda x: x * (180 / math.pi),
    "exp": cmath.exp,
    "exp2": lambda x: cmath.exp(x * math.log(2)),
    "expm1": lambda x: complex(math.expm1(x.real), math.exp(x.real) * x.imag),
    "hypot": _hypot,
    "log": cmath.log,
    "log10": lambda x: cmath.log(x) / math.log(10),
    "log1p": _log1p,
    "log2": lambda x: cmath.log(x) / math.log(2),
    "logaddexp": _logaddexp,
    "maximum": _maximum,
    "minimum": _minimum,
    "power": _power,
    "radians": lambda x: x * (math.pi / 180),
    "real": lambda x: x.real,
    "sin": cmath.sin,
    "sinh": cmath.sinh,
    "sqrt": cmath.sqrt,
    "tan": cmath.tan,
    "tanh": cmath.tanh,
    "where": lambda condition, x, y: x if condition else y,
}


class _InComplexNumbers(ast.NodeTransformer):
    """Powers by `power`, comparisons by the real parts, `~` on a comparison as `not`."""

    def visit_BinOp(self, found: ast.BinOp) -> ast.expr:
        self.generic_visit(found)
        return _call("power", found.left, found.right) if isinstance(found.op, ast.Pow) else found

    def visit_Compare(self, found: ast.Compare) -> ast.expr:
        self.generic_visit(found)
        sides = [_call("real", side) for side in (found.left, *found.comparators)]
        return ast.Compare(sides[0], found.ops, sides[1:])

    def visit_UnaryOp(self, found: ast.UnaryOp) -> ast.expr:
        self.generic_visit(found)
        return ast.UnaryOp(ast.Not(), found.operand) if isinstance(found.op, ast.Invert) else found

    def visit_Constant(self, found: ast.Constant) -> ast.expr:
        return ast.Constant(complex(found.value))  # type: ignore[arg-type]  # a spelling has numbers alone


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


@lru_cache(maxsize=256)
def spelled(primitive: Primitive) -> Callable[..., complex] | None:
    """Return the operation as a function of complex numbers; None when its spelling says no more than its name.

    >>> from scalargrad import erf, sigmoid
    >>> rule = spelled(sigmoid)
    >>> rule(1e-20j).imag / 1e-20
    0.25
    >>> spelled(erf) is None
    True
    """
    places = occurrences(primitive)
    if places is None:
        return None
    rule, operands = places

    def of_operands(*numbers: complex) -> complex:
        return rule(*[numbers[i] for i in operands])

    return of_operands


@lru_cache(maxsize=256)
def occurrences(primitive: Primitive) -> tuple[Callable[..., complex], tuple[int, ...]] | None:
    """Return the operation as a function of complex numbers, one for each time that an operand stands in its spelling.

    Beside the function are the positions of these operands. A slope is the sum of those in all places of
    an operand; where they cancel, it is known only as well as they are large. None as for `spelled`.

    >>> from scalargrad import primitive
    >>> square = primitive(partials=[lambda out, x: 2 * x], array="{0} * {0}", name="square_of_a_docstring")
    >>> rule, places = occurrences(square(lambda x: x * x))
    >>> rule(3.0, 4.0), places
    ((12+0j), (0, 0))
    """
    if primitive.array is None:
        return None
    operands = {f"operand_{i}": i for i in range(primitive.arity)}
    written = ast.parse(primitive.array.format(*operands), mode="eval")
    names = [found for found in ast.walk(written) if isinstance(found, ast.Name)]
    if not {found.id for found in names} <= NAMESPACE.keys() | operands.keys():
        return None
    places = [found for found in names if found.id in operands]
    positions = tuple([operands[found.id] for found in places])
    for i, found in enumerate(places):
        found.id = f"place_{i}"
    parameters = ", ".join(found.id for found in places)
    read = ast.fix_missing_locations(_InComplexNumbers().visit(written))
    code = compile(f"lambda {parameters}: 0j + ({ast.unparse(read)})", f"<{primitive.name} in complex numbers>", "eval")
    rule: Callable[..., complex] = eval(code, {"__builtins__": {}, **NAMESPACE})  # noqa: S307  # a declaration's text
    return rule, positions


# ---------------------------------------------------------------- the step

Slope = tuple[float, float]  # a derivative, and what it may be off by

NO_SLOPE: Slope = (nan, inf)
CLEAR = 2.0**-40  # relative: steps whose slopes are no further apart need no third
UNCLEAR = 2.0**-20  # relative: steps whose slopes are further apart are both no good
FAINT = 1e-280
STEPS = [2.0**-30, 2.0**-48, 2.0**-72, 2.0**-104]
TINIEST = [2.0**-200, 2.0**-400, 2.0**-700, 2.0**-1000]


def _complex_steps(x: float) -> list[float]:
    """Steps to try, in turn: for a function that changes over x, over 1, or over less than that."""
    scale = 2.0 ** (frexp(x)[1] - 1) if x else 1.0
    return [step for step in (*(scale * part for part in STEPS), *STEPS, *TINIEST) if step]


def complex_partial(op: Primitive, out: float, numbers: Sequence[float], k: int) -> Slope:
    """Return ∂out/∂operand k as Im f(x + ih) / h, and what it may be off by: as much as two steps are apart.

    A step that is too large for the function, or too small for floats, gives another slope than the
    next one does. Where the real part is not the operation's value, neither is the imaginary part its
    slope. A slope of 0 may be one that was lost among the smallest numbers: beside such it is none.
    """
    spelling = occurrences(op)
    if spelling is None or not isfinite(out) or on_break(op, numbers):
        return NO_SLOPE
    exact_zero = all(x == 0.0 or abs(x) > FAINT for x in (out, *numbers))
    best, closest, last = NO_SLOPE, UNCLEAR, nan
    for step in _complex_steps(numbers[k]):
        try:
            slope, size, apart = _complex_slope(spelling, numbers, k, step, out)
        except (ArithmeticError, ValueError):
            continue
        if not apart <= 1e-6 * abs(out) + 1e-13 * max(map(abs, numbers)):
            continue
        error = abs(slope - last) + 4 * (EPSILON * size + TINY / step * max(1.0, size))
        if out:
            error += abs(slope) * (apart / abs(out))
        if exact_zero and slope == last == 0.0 and error < best[1]:
            best = (0.0, error)
        elif error < closest * abs(slope):
            best, closest = (slope, error), error / abs(slope)
        if best[1] <= CLEAR * abs(best[0]) + NORMAL:
            break
        last = slope
    return best


def _complex_slope(
    spelling: tuple[Callable[..., complex], tuple[int, ...]], numbers: Sequence[float], k: int, step: float, out: float
) -> tuple[float, float, float]:
    """The slope in operand k, the size of the terms that it is the sum of, and how far the value is from real parts."""
    rule, places = spelling
    slope = size = apart = 0.0
    for place, operand in enumerate(places):
        if operand == k:
            given = [complex(numbers[i], step if at == place else 0.0) for at, i in enumerate(places)]
            result = complex(rule(*given))
            slope, size = slope + result.imag / step, size + abs(result.imag / step)
            apart = max(apart, abs(result.real - out))
    return slope, size, apart
