"""Independent answers, with different ways of failing; nothing here imports what is tested.

- `precise`: every primitive by mpmath. `precise_partial` differentiates it numerically at 50 digits.
- `analytic`: those that are complex analytic. `complex_step` differentiates them, exact to rounding.
- `Dual` and `dual_functions`: numbers that carry their derivative forwards, with a table of their own.
- `programs()`: random straight-line programs with shared nodes, which `run` runs on any of these and
  on Values alike.
"""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath
from hypothesis import strategies as st
from mpmath import mpf

DIGITS = 50
Function = Callable[..., Any]

# ---------------------------------------------------------------- many digits

precise: dict[str, Function] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "power": mpmath.power,
    "_power_derivative": lambda x, y, n, k: mpmath.diff(lambda y: mpmath.ff(y, n) * x ** (y - n), y, int(k)),
    "_slope_in_base": lambda x, y: y * x ** (y - 1),
    "_slope_in_exponent": lambda x, y: mpmath.log(x) * x**y,
    "_cosine": lambda x, y: x / mpmath.sqrt(mpf(x) ** 2 + mpf(y) ** 2),
    "_finite": lambda x: x,
    "_gated": operator.mul,
    "_weighted": operator.mul,
    "_held_finite": lambda x: x,
    "greater": lambda x, y: mpf(x > y),
    "maximum": lambda x, y: (x + y + abs(x - y)) / 2,
    "minimum": lambda x, y: (x + y - abs(x - y)) / 2,
    "abs": abs,
    "relu": lambda x: (x + abs(x)) / 2,
    "stop_gradient": lambda x: x,
    "exp": mpmath.exp,
    "exp2": lambda x: mpf(2) ** x,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "log1p": mpmath.log1p,
    "sqrt": mpmath.sqrt,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "hypot": lambda x, y: mpmath.sqrt(mpf(x) ** 2 + mpf(y) ** 2),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    "atan2": mpmath.atan2,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "asinh": mpmath.asinh,
    "acosh": mpmath.acosh,
    "atanh": mpmath.atanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "polygamma": lambda order, x: mpmath.psi(int(order), x),
    "gamma": mpmath.gamma,
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))),
    "degrees": mpmath.degrees,
    "radians": mpmath.radians,
}


def precise_value(name: str, operands: Sequence[float]) -> mpf:
    """A primitive's value to 50 digits."""
    with mpmath.workdps(DIGITS):
        return +mpf(precise[name](*map(mpf, operands)))


def precise_partial(name: str, operands: Sequence[float], *indices: int) -> mpf:
    """The derivative of a primitive in the operands of these positions, one after another, by differences at 50 digits.

    `precise_partial("multiply", (2.0, 3.0), 0, 1)` is ∂²(x * y)/∂x∂y = 1. What is held constant by
    definition has the derivative 0; there is none in the order of a polygamma function.
    """
    if name in {"stop_gradient", "_held_finite"}:
        return mpf(0)
    if name == "polygamma" and 0 in indices:
        return mpf("nan")
    if name == "polygamma":
        order, x = operands
        return _difference(lambda x: precise[name](order, x), [x], [0 for _ in indices])
    if name == "_power_derivative":
        x, y, n, k = operands
        orders = [n + indices.count(0), k + indices.count(1)]
        return precise_value(name, [x, y, *orders]) if set(indices) <= {0, 1} else mpf("nan")
    return _difference(precise[name], operands, indices)


def precise_slopes(name: str, operands: Sequence[float], index: int) -> tuple[mpf, mpf]:
    """The derivatives in one operand from below and from above."""

    def moved(x: mpf) -> mpf:
        return precise[name](*[x if i == index else mpf(operand) for i, operand in enumerate(operands)])

    with mpmath.workdps(DIGITS):
        below, above = (mpmath.diff(moved, mpf(operands[index]), direction=side) for side in (-1, 1))
    return below, above


def precise_gradient(program: Program, point: Sequence[float]) -> list[mpf]:
    """The derivative of a program's result in each leaf, by differences at 50 digits."""
    return [_difference(lambda *leaves: run(program, leaves, precise)[-1], point, [i]) for i in range(len(point))]


def precise_hessian(program: Program, point: Sequence[float]) -> list[list[mpf]]:
    """The second derivatives of a program's result in its leaves, by differences at 50 digits."""
    return [
        [_difference(lambda *leaves: run(program, leaves, precise)[-1], point, [i, j]) for j in range(len(point))]
        for i in range(len(point))
    ]


def _difference(function: Function, point: Sequence[float], indices: Sequence[int]) -> mpf:
    orders = tuple(list(indices).count(i) for i in range(len(point)))
    with mpmath.workdps(DIGITS):
        return mpmath.diff(function, tuple(map(mpf, point)), orders)


# ---------------------------------------------------------------- complex step

analytic: dict[str, Callable[..., complex]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "power": lambda x, y: cmath.exp(y * cmath.log(x)),
    "exp": cmath.exp,
    "exp2": lambda x: cmath.exp(x * math.log(2)),
    "expm1": lambda x: cmath.exp(x) - 1,
    "log": cmath.log,
    "log2": lambda x: cmath.log(x) / math.log(2),
    "log10": lambda x: cmath.log(x) / math.log(10),
    "log1p": lambda x: cmath.log(1 + x),
    "sqrt": cmath.sqrt,
    "cbrt": lambda x: cmath.exp(cmath.log(x) / 3) if x.real > 0 else -cmath.exp(cmath.log(-x) / 3),
    "hypot": lambda x, y: cmath.sqrt(x * x + y * y),
    "sin": cmath.sin,
    "cos": cmath.cos,
    "tan": cmath.tan,
    "asin": cmath.asin,
    "acos": cmath.acos,
    "atan": cmath.atan,
    "atan2": lambda y, x: cmath.atan(y / x) if abs(x) > abs(y) else -cmath.atan(x / y),  # but for a multiple of π/2
    "sinh": cmath.sinh,
    "cosh": cmath.cosh,
    "tanh": cmath.tanh,
    "asinh": cmath.asinh,
    "acosh": cmath.acosh,
    "atanh": cmath.atanh,
    "sigmoid": lambda x: 1 / (1 + cmath.exp(-x)),
    "softplus": lambda x: cmath.log(1 + cmath.exp(x)),
    "degrees": lambda x: x * (180 / math.pi),
    "radians": lambda x: x * (math.pi / 180),
}
STEP = 1e-30


def complex_step(name: str, operands: Sequence[float], index: int) -> float:
    """The derivative in one operand as Im f(x + ih) / h: with no difference there is no cancellation."""
    moved = [complex(operand, STEP if i == index else 0.0) for i, operand in enumerate(operands)]
    return analytic[name](*moved).imag / STEP


# ---------------------------------------------------------------- dual numbers


class Dual:
    """A number and its derivative, carried forwards: value + derivative·ε with ε² = 0.

    `magnitude` is the derivative with every term taken positive: what a rounding error of the
    derivative is relative to. Comparisons are those of the values.

    >>> x = Dual(3.0, 1.0)
    >>> (x * x + 2 * x).derivative
    8.0
    """

    def __init__(self, value: float, derivative: float = 0.0, magnitude: float | None = None) -> None:
        self.value = value
        self.derivative = derivative
        self.magnitude = abs(derivative) if magnitude is None else magnitude

    def __repr__(self) -> str:
        return f"Dual({self.value!r}, {self.derivative!r})"

    def __float__(self) -> float:
        return self.value

    def __add__(self, other: Dual | float) -> Dual:
        return dual_functions["add"](self, other)

    def __radd__(self, other: float) -> Dual:
        return dual_functions["add"](other, self)

    def __sub__(self, other: Dual | float) -> Dual:
        return dual_functions["subtract"](self, other)

    def __rsub__(self, other: float) -> Dual:
        return dual_functions["subtract"](other, self)

    def __mul__(self, other: Dual | float) -> Dual:
        return dual_functions["multiply"](self, other)

    def __rmul__(self, other: float) -> Dual:
        return dual_functions["multiply"](other, self)

    def __truediv__(self, other: Dual | float) -> Dual:
        return dual_functions["divide"](self, other)

    def __rtruediv__(self, other: float) -> Dual:
        return dual_functions["divide"](other, self)

    def __pow__(self, other: Dual | float) -> Dual:
        return dual_functions["power"](self, other)

    def __rpow__(self, other: float) -> Dual:
        return dual_functions["power"](other, self)

    def __neg__(self) -> Dual:
        return dual_functions["negative"](self)

    def __pos__(self) -> Dual:
        return self

    def __abs__(self) -> Dual:
        return dual_functions["abs"](self)

    def __lt__(self, other: Dual | float) -> bool:
        return self.value < float(other)

    def __le__(self, other: Dual | float) -> bool:
        return self.value <= float(other)

    def __gt__(self, other: Dual | float) -> bool:
        return self.value > float(other)

    def __ge__(self, other: Dual | float) -> bool:
        return self.value >= float(other)


def _dual(value: Function, *slopes: Function, rounding: float = 0.0) -> Callable[..., Dual]:
    """A function on Duals: its value, and its slope in each operand, as functions of the operands alone.

    `rounding` is the size of what a slope is the small difference of, where a rule computes it so.
    """

    def function(*operands: Dual | float) -> Dual:
        duals = [operand if isinstance(operand, Dual) else Dual(float(operand)) for operand in operands]
        numbers = [dual.value for dual in duals]
        derivative = magnitude = 0.0
        for dual, slope in zip(duals, slopes, strict=True):
            if dual.magnitude:
                local = slope(*numbers)
                derivative += local * dual.derivative
                magnitude += max(abs(local), rounding) * dual.magnitude
        return Dual(value(*numbers), derivative, magnitude)

    return function


def _sigmoid(x: float) -> float:
    return (1.0 + math.tanh(x / 2)) / 2


def _step(x: float, y: float) -> float:
    return 1.0 if x > y else 0.5 if x == y else 0.0


def _digamma(order: float, x: float) -> float:
    return float(mpmath.psi(int(order), x))


dual_functions: dict[str, Callable[..., Dual]] = {
    "add": _dual(lambda x, y: x + y, lambda x, y: 1.0, lambda x, y: 1.0),
    "subtract": _dual(lambda x, y: x - y, lambda x, y: 1.0, lambda x, y: -1.0),
    "multiply": _dual(lambda x, y: x * y, lambda x, y: y, lambda x, y: x),
    "divide": _dual(lambda x, y: x / y, lambda x, y: 1 / y, lambda x, y: -x / y**2),
    "negative": _dual(lambda x: -x, lambda x: -1.0),
    "power": _dual(
        lambda x, y: x**y,
        lambda x, y: y * x ** (y - 1) if y else 0.0,
        lambda x, y: math.log(x) * x**y if x else 0.0,
    ),
    "greater": _dual(lambda x, y: float(x > y), lambda x, y: 0.0, lambda x, y: 0.0),
    "maximum": _dual(max, _step, lambda x, y: _step(y, x)),
    "minimum": _dual(min, lambda x, y: _step(y, x), _step),
    "abs": _dual(abs, lambda x: math.copysign(1.0, x) if x else 0.0),
    "relu": _dual(lambda x: max(x, 0.0), lambda x: float(x > 0)),
    "stop_gradient": _dual(lambda x: x, lambda x: 0.0),
    "exp": _dual(math.exp, math.exp),
    "exp2": _dual(math.exp2, lambda x: math.log(2) * math.exp2(x)),
    "expm1": _dual(math.expm1, math.exp),
    "log": _dual(math.log, lambda x: 1 / x),
    "log2": _dual(math.log2, lambda x: math.log2(math.e) / x),
    "log10": _dual(math.log10, lambda x: math.log10(math.e) / x),
    "log1p": _dual(math.log1p, lambda x: 1 / (1 + x)),
    "sqrt": _dual(math.sqrt, lambda x: 0.5 * x**-0.5),
    "cbrt": _dual(math.cbrt, lambda x: math.cbrt(x) / (3 * x)),
    "hypot": _dual(math.hypot, lambda x, y: x / math.sqrt(x * x + y * y), lambda x, y: y / math.sqrt(x * x + y * y)),
    "sin": _dual(math.sin, math.cos),
    "cos": _dual(math.cos, lambda x: -math.sin(x)),
    "tan": _dual(math.tan, lambda x: math.cos(x) ** -2),
    "asin": _dual(math.asin, lambda x: 1 / math.cos(math.asin(x))),
    "acos": _dual(math.acos, lambda x: -1 / math.sin(math.acos(x))),
    "atan": _dual(math.atan, lambda x: 1 / (1 + x**2)),
    "atan2": _dual(math.atan2, lambda y, x: x / (x * x + y * y), lambda y, x: -y / (x * x + y * y)),
    "sinh": _dual(math.sinh, math.cosh),
    "cosh": _dual(math.cosh, math.sinh),
    "tanh": _dual(math.tanh, lambda x: math.cosh(x) ** -2, rounding=1.0),
    "asinh": _dual(math.asinh, lambda x: 1 / math.sqrt(x * x + 1)),
    "acosh": _dual(math.acosh, lambda x: 1 / math.sqrt(x * x - 1)),
    "atanh": _dual(math.atanh, lambda x: 1 / (1 - x * x)),
    "sigmoid": _dual(_sigmoid, lambda x: math.cosh(x / 2) ** -2 / 4, rounding=1.0),
    "softplus": _dual(lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))), _sigmoid),
    "erf": _dual(math.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-(x**2))),
    "erfc": _dual(math.erfc, lambda x: -2 / math.sqrt(math.pi) * math.exp(-(x**2))),
    "polygamma": _dual(_digamma, lambda order, x: math.nan, lambda order, x: _digamma(order + 1, x)),
    "gamma": _dual(math.gamma, lambda x: math.gamma(x) * _digamma(0, x)),
    "lgamma": _dual(math.lgamma, lambda x: _digamma(0, x)),
    "degrees": _dual(math.degrees, lambda x: math.degrees(1.0)),
    "radians": _dual(math.radians, lambda x: math.radians(1.0)),
}

# ---------------------------------------------------------------- programs

Instruction = tuple[str, tuple[int | float, ...]]


class Program(NamedTuple):
    """A straight-line program: a point for its leaves, then operations on what came before.

    An instruction is the name of a primitive and its operands: an int is the place of a leaf or of
    an earlier result, a float is a plain number. Places are shared freely, so it makes a DAG.

    >>> square_plus_one = Program((3.0,), (("multiply", (0, 0)), ("add", (1, 1.0))))
    >>> [dual.derivative for dual in run(square_plus_one, [Dual(3.0, 1.0)], dual_functions)]
    [1.0, 6.0, 6.0]
    """

    leaves: tuple[float, ...]
    instructions: tuple[Instruction, ...]


def run(program: Program, leaves: Sequence[Any], functions: Mapping[str, Function]) -> list[Any]:
    """Run a program on leaves of any kind with the functions of that kind; return every node, the result last.

    With `{p.name: p for p in scalargrad.engine.declaration.registered()}` it runs on Values, with
    `dual_functions` on Duals, with `precise` on mpmath numbers.
    """
    nodes = list(leaves)
    for name, operands in program.instructions:
        nodes.append(functions[name](*[nodes[place] if isinstance(place, int) else place for place in operands]))
    return nodes


def dual_gradient(program: Program, point: Sequence[float]) -> list[Dual]:
    """The result of a program with its derivative in each leaf, one Dual for each."""
    return [
        run(program, [Dual(x, float(i == j)) for j, x in enumerate(point)], dual_functions)[-1]
        for i in range(len(point))
    ]


# Where each operation is smooth and tame: no kink or pole within 0.05, no large slope.
_TAME: dict[str, Callable[..., bool]] = {
    "add": lambda x, y: True,
    "multiply": lambda x, y: True,
    "subtract": lambda x, y: True,
    "negative": lambda x: True,
    "divide": lambda x, y: abs(y) > 0.2,
    "power": lambda x, y: x > 0.2 and abs(y) < 4,
    "maximum": lambda x, y: abs(x - y) > 0.05,
    "minimum": lambda x, y: abs(x - y) > 0.05,
    "relu": lambda x: abs(x) > 0.05,
    "abs": lambda x: abs(x) > 0.05,
    "exp": lambda x: True,
    "exp2": lambda x: True,
    "expm1": lambda x: True,
    "sinh": lambda x: True,
    "cosh": lambda x: True,
    "tanh": lambda x: True,
    "sigmoid": lambda x: True,
    "softplus": lambda x: True,
    "sin": lambda x: True,
    "cos": lambda x: True,
    "tan": lambda x: abs(math.cos(x)) > 0.2,
    "asinh": lambda x: True,
    "atan": lambda x: True,
    "erf": lambda x: True,
    "erfc": lambda x: True,
    "log": lambda x: x > 0.2,
    "log2": lambda x: x > 0.2,
    "log10": lambda x: x > 0.2,
    "log1p": lambda x: x > -0.8,
    "sqrt": lambda x: x > 0.2,
    "cbrt": lambda x: abs(x) > 0.2,
    "hypot": lambda x, y: abs(x) + abs(y) > 0.2,
    "atan2": lambda y, x: x > 0.2 or abs(y) > 0.2,
    "asin": lambda x: abs(x) < 0.9,
    "acos": lambda x: abs(x) < 0.9,
    "atanh": lambda x: abs(x) < 0.9,
    "acosh": lambda x: x > 1.2,
}
_UNARY = [name for name, tame in _TAME.items() if tame.__code__.co_argcount == 1]
_BINARY = [name for name in _TAME if name not in _UNARY]
_LARGE = 10.0

plain_numbers = st.floats(-4, 4, width=32).map(lambda x: float(f"{x:.3g}"))


@st.composite
def programs(draw: st.DrawFn, max_leaves: int = 3, max_instructions: int = 10) -> Program:
    """Programs with shared nodes and plain numbers, smooth and tame at the point they carry.

    Each operation is chosen among those that are smooth where its operands happen to be; what
    grows above 10 is squashed by an arc tangent. So nothing needs to be thrown away.
    """
    leaves = tuple(draw(st.lists(plain_numbers, min_size=1, max_size=max_leaves)))
    values = list(leaves)
    instructions: list[Instruction] = []

    def numbers(operands: tuple[int | float, ...]) -> list[float]:
        return [values[operand] if isinstance(operand, int) else operand for operand in operands]

    def append(name: str, *operands: int | float) -> None:
        instructions.append((name, operands))
        values.append(dual_functions[name](*numbers(operands)).value)

    for _ in range(draw(st.integers(1, max_instructions))):
        places = st.sampled_from([place for place, value in enumerate(values) if abs(value) <= _LARGE])
        operands: tuple[int | float, ...] = (draw(places),)
        if draw(st.booleans()):
            other = draw(places | plain_numbers)
            operands = (*operands, other) if isinstance(other, int) or draw(st.booleans()) else (other, *operands)
        candidates = _UNARY if len(operands) == 1 else _BINARY
        append(draw(st.sampled_from([name for name in candidates if _TAME[name](*numbers(operands))])), *operands)
        if abs(values[-1]) > _LARGE:
            append("atan", len(values) - 1)
    return Program(leaves, tuple(instructions))
