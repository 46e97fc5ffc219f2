"""The complex step: an operation's slope from its array spelling, read in complex numbers.

Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review
40 (1998): Im f(x + ih) / h has no difference, so nothing cancels, and h may be tiny. It needs f in
complex arithmetic. The text `exp({0}) / (1.0 + exp({0}))`, with the complex functions below in place of the
array namespace's, is that, and it is independent of the rules that are checked. Choices (`maximum`, `where`)
depend on the real part.
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
    return x if x.real <= y.real else y  # at a tie abs, maximum and minimum take 0 for -0


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
    """Powers become `power`, comparisons compare the real parts, and `~` on a comparison becomes `not`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return _call("power", node.left, node.right) if isinstance(node.op, ast.Pow) else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides = [_call("real", side) for side in (node.left, *node.comparators)]
        return ast.Compare(sides[0], node.ops, sides[1:])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return ast.UnaryOp(ast.Not(), node.operand) if isinstance(node.op, ast.Invert) else node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Constant(complex(node.value))  # type: ignore[arg-type]  # a spelling has only numbers


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


# ---------------------------------------------------------------- the operation in complex numbers


@lru_cache(maxsize=256)
def spelled(primitive: Primitive) -> Callable[..., complex] | None:
    """Return the operation as a function of complex numbers; None if its array spelling cannot be read as one.

    >>> from scalargrad import erf, sigmoid
    >>> function = spelled(sigmoid)
    >>> function(1e-20j).imag / 1e-20
    0.25
    >>> spelled(erf) is None
    True
    """
    spelling = occurrences(primitive)
    if spelling is None:
        return None
    function, positions = spelling

    def of_operands(*operands: complex) -> complex:
        return function(*[operands[k] for k in positions])

    return of_operands


@lru_cache(maxsize=256)
def occurrences(primitive: Primitive) -> tuple[Callable[..., complex], tuple[int, ...]] | None:
    """Return the operation as a function of one complex number for each occurrence of an operand in its spelling.

    The second result is the position of the operand for each occurrence. The slope in an operand is the
    sum of the slopes in its occurrences; where these cancel, the error is as large as theirs. None as for
    `spelled`.

    >>> from scalargrad import primitive
    >>> square = primitive(partials=[lambda out, x: 2 * x], array="{0} * {0}", name="square_of_a_docstring")
    >>> function, positions = occurrences(square(lambda x: x * x))
    >>> function(3.0, 4.0), positions
    ((12+0j), (0, 0))
    """
    if primitive.array is None:
        return None
    position_of = {f"operand_{k}": k for k in range(primitive.arity)}
    written = ast.parse(primitive.array.format(*position_of), mode="eval")
    names = [node for node in ast.walk(written) if isinstance(node, ast.Name)]
    if not {name.id for name in names} <= NAMESPACE.keys() | position_of.keys():
        return None
    operands = [name for name in names if name.id in position_of]
    positions = tuple([position_of[name.id] for name in operands])
    for i, name in enumerate(operands):
        name.id = f"occurrence_{i}"
    parameters = ", ".join(name.id for name in operands)
    read = ast.fix_missing_locations(_InComplexNumbers().visit(written))
    code = compile(f"lambda {parameters}: 0j + ({ast.unparse(read)})", f"<{primitive.name} in complex numbers>", "eval")
    function: Callable[..., complex] = eval(code, {"__builtins__": {}, **NAMESPACE})  # noqa: S307  # a declaration's text
    return function, positions


# ---------------------------------------------------------------- the step

Slope = tuple[float, float]  # a derivative and its error

NO_SLOPE: Slope = (nan, inf)
CLEAR = 2.0**-40  # relative: if the slopes of two steps differ less, no third is needed
UNCLEAR = 2.0**-20  # relative: if the slopes of two steps differ more, neither is used
FAINT = 1e-280  # beside a smaller number, a slope of 0 may be one that underflowed
STEPS = [2.0**-30, 2.0**-48, 2.0**-72, 2.0**-104]
TINIEST = [2.0**-200, 2.0**-400, 2.0**-700, 2.0**-1000]


def _complex_steps(x: float) -> list[float]:
    """The steps to try, in order: for a function that changes over x, over 1, or over less than that."""
    scale = 2.0 ** (frexp(x)[1] - 1) if x else 1.0
    return [step for step in (*(scale * part for part in STEPS), *STEPS, *TINIEST) if step]


def complex_partial(op: Primitive, out: float, operands: Sequence[float], k: int) -> Slope:
    """Return ∂out/∂operand k as Im f(x + ih) / h; its error is the difference between two steps.

    A step too large for the function, or too small for floats, gives another slope than the next step.
    Where the real part is not the operation's value, the imaginary part is not its slope. A slope of 0
    beside numbers near the smallest floats may have underflowed, and is not used.
    """
    spelling = occurrences(op)
    if spelling is None or not isfinite(out) or on_break(op, operands):
        return NO_SLOPE
    may_underflow = any(0.0 < abs(x) <= FAINT for x in (out, *operands))
    best, last = NO_SLOPE, nan
    for step in _complex_steps(operands[k]):
        try:
            slope, size, apart = _complex_slope(spelling, operands, k, step, out)
        except (ArithmeticError, ValueError):
            continue
        if not apart <= 1e-6 * abs(out) + 1e-13 * max(map(abs, operands)):
            continue
        error = abs(slope - last) + 4 * (EPSILON * size + TINY / step * max(1.0, size))
        if out:
            error += abs(slope) * (apart / abs(out))
        clear = not may_underflow if slope == last == 0.0 else error < UNCLEAR * abs(slope)
        if clear and error < best[1]:
            best = (slope, error)
        if best[1] <= CLEAR * abs(best[0]) + NORMAL:
            break
        last = slope
    return best


def _complex_slope(
    spelling: tuple[Callable[..., complex], tuple[int, ...]], operands: Sequence[float], k: int, step: float, out: float
) -> tuple[float, float, float]:
    """The slope in operand k, the sum of its terms' sizes, and the largest difference of a real part from the value."""
    function, positions = spelling
    slope = size = apart = 0.0
    for occurrence, operand in enumerate(positions):
        if operand == k:
            moved = [complex(operands[j], step if i == occurrence else 0.0) for i, j in enumerate(positions)]
            result = complex(function(*moved))
            slope, size = slope + result.imag / step, size + abs(result.imag / step)
            apart = max(apart, abs(result.real - out))
    return slope, size, apart
