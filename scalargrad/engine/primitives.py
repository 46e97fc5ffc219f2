"""Every operation of the engine, declared once; everything else reads these declarations.

The engine calls `value` and `partials` with floats. Second derivatives call `partials` with Values, printed
formulas call them with symbols. Array programs read `array`, the checker reads `domain`, `kinks` and `poles`,
the tests and the documentation read `edges`.

Read `tanh` first: its value, and ∂out/∂x as a function of its result and its operand.
"""

from __future__ import annotations

import math
import operator
from math import inf, nan, pi
from sys import float_info
from typing import Any

from . import floats
from .declaration import POSITIVE, REALS, Break, Primitive, close_built_ins, declare

# ---------------------------------------------------------------- arithmetic


def _at(operand: int, place: float) -> Break:
    return Break(operand, lambda *operands: place)


add: Primitive = declare(
    operator.add,
    name="add",
    summary="The sum.",
    notation="{} + {}",
    array="{} + {}",
    partials=[lambda out, x, y: 1.0, lambda out, x, y: 1.0],
    edges=[((inf, -inf), nan, (1.0, 1.0)), ((-0.0, -0.0), -0.0, (1.0, 1.0))],
    associative=True,
    commutative=True,
    identity=0.0,
)
subtract: Primitive = declare(
    operator.sub,
    name="subtract",
    summary="The difference.",
    notation="{} - {}",
    array="{} - {}",
    partials=[lambda out, x, y: 1.0, lambda out, x, y: -1.0],
    edges=[((inf, inf), nan, (1.0, -1.0)), ((0.0, 0.0), 0.0, (1.0, -1.0))],
    right_identity=0.0,
)
multiply: Primitive = declare(
    operator.mul,
    name="multiply",
    summary="The product.",
    notation="{} * {}",
    array="{} * {}",
    partials=[lambda out, x, y: y, lambda out, x, y: x],
    edges=[((0.0, inf), nan, (inf, 0.0)), ((-0.0, 2.0), -0.0, (2.0, -0.0))],
    associative=True,
    commutative=True,
    identity=1.0,
    multiplies=True,
)
divide: Primitive = declare(
    floats.divide,
    summary="The quotient; over 0 it is a signed infinity, and nan for 0 / 0.",
    notation="{} / {}",
    array="{} / {}",
    partials=[lambda out, x, y: divide(1.0, y), lambda out, x, y: -divide(out, y)],
    poles=[_at(1, 0.0)],
    edges=[
        ((1.0, 0.0), inf, (inf, -inf)),
        ((1.0, -0.0), -inf, (-inf, -inf)),
        ((0.0, 0.0), nan, (inf, nan)),
        ((1.0, inf), 0.0, (0.0, -0.0)),
        ((inf, inf), nan, (0.0, nan)),
    ],
    right_identity=1.0,
)
negative: Primitive = declare(
    operator.neg,
    name="negative",
    summary="The number with the other sign.",
    notation="-{}",
    array="-{}",
    partials=[lambda out, x: -1.0],
    edges=[((0.0,), -0.0, (-1.0,)), ((inf,), -inf, (-1.0,))],
)

# x ** y is smooth for x > 0. At x = 0 and at infinity its derivatives are limits. A product cannot compute
# them, because one factor would be 0 and another infinite. So the derivatives are operations too.
_power_derivative: Primitive = declare(
    floats.power_derivative,
    name="_power_derivative",
    partials=[
        lambda out, x, y, n, k: _power_derivative(x, y, n + 1, k),
        lambda out, x, y, n, k: _power_derivative(x, y, n, k + 1),
        lambda out, x, y, n, k: nan,
        lambda out, x, y, n, k: nan,
    ],
    domain=[POSITIVE, REALS, (nan, nan), (nan, nan)],
)
_slope_in_base: Primitive = declare(
    lambda x, y: floats.power_derivative(x, y, 1.0, 0.0),
    name="_slope_in_base",
    summary="The slope of x ** y in x; 0 for an exponent of 0, whatever x is.",
    notation="{1} * {0} ** ({1} - 1)",
    array="{1} * where(({1} == 0) & ~(abs({0}) > 1e-300), 1.0, {0}) ** ({1} - 1)",
    partials=[
        lambda out, x, y: _power_derivative(x, y, 2.0, 0.0),
        lambda out, x, y: _power_derivative(x, y, 1.0, 1.0),
    ],
    domain=[POSITIVE, REALS],
)
_slope_in_exponent: Primitive = declare(
    lambda x, y: 0.0 if x == 0 == y else floats.power_derivative(x, y, 0.0, 1.0),
    name="_slope_in_exponent",
    summary="The slope of x ** y in y; 0 for 0 ** 0, a choice.",
    notation="{0} ** {1} * log({0})",
    array="where((({0} == 0) & ({1} >= 0)) | (({0} > 1.7976931348623157e308) & ({1} < 0)), 0.0, "
    "abs({0}) ** {1} * log({0}))",
    partials=[
        lambda out, x, y: _power_derivative(x, y, 1.0, 1.0),
        lambda out, x, y: _power_derivative(x, y, 0.0, 2.0),
    ],
    domain=[POSITIVE, REALS],
)


def _of_base(x: Any, y: Any) -> Any:
    """The slope in the base; a plain product will do where the exponent is a number other than 0."""
    return y * power(x, y - 1) if isinstance(y, float) and y != 0 else _slope_in_base(x, y)


power: Primitive = declare(
    floats.power,
    summary="The power, as C's pow: never complex; 0 to a negative power is an infinity.",
    notation="{} ** {}",
    array="{} ** {}",
    partials=[lambda out, x, y: _of_base(x, y), lambda out, x, y: _slope_in_exponent(x, y)],
    domain=[POSITIVE, REALS],
    edges=[
        ((0.0, 0.0), 1.0, (0.0, 0.0)),
        ((0.0, 1.0), 0.0, (1.0, 0.0)),
        ((0.0, 2.0), 0.0, (0.0, 0.0)),
        ((0.0, 0.5), 0.0, (inf, 0.0)),
        ((0.0, -1.0), inf, (-inf, -inf)),
        ((-2.0, 3.0), -8.0, (12.0, nan)),
        ((-2.0, 0.5), nan, (nan, nan)),
        ((nan, 0.0), 1.0, (0.0, nan)),
        ((2.0, -inf), 0.0, (nan, 0.0)),
        ((inf, -1.0), 0.0, (-0.0, 0.0)),
    ],
    right_identity=1.0,
)

# ---------------------------------------------------------------- choices

greater: Primitive = declare(
    floats.greater,
    notation="({} > {})",
    array="({} > {}) * 1.0",
    partials=[lambda out, x, y: 0.0, lambda out, x, y: 0.0],
    kinks=[Break(0, lambda x, y: y)],
    edges=[((1.0, 1.0), 0.0, (0.0, 0.0)), ((nan, 1.0), 0.0, (0.0, 0.0)), ((inf, inf), 0.0, (0.0, 0.0))],
    blocks_gradient=True,
    bounded=True,
)


def _share(x: Any, y: Any) -> Any:
    """1 where x is above y, 0 where it is below, one half at a tie."""
    return 0.5 * (1 + greater(x, y) - greater(y, x))


maximum: Primitive = declare(
    floats.maximum,
    array="maximum({}, {})",
    partials=[lambda out, x, y: _share(x, y), lambda out, x, y: _share(y, x)],
    kinks=[Break(0, lambda x, y: y)],
    edges=[
        ((1.0, 1.0), 1.0, (0.5, 0.5)),
        ((inf, inf), inf, (0.5, 0.5)),
        ((nan, 1.0), nan, (0.5, 0.5)),
        ((1.0, nan), nan, (0.5, 0.5)),
    ],
    associative=True,
    commutative=True,
    identity=-inf,
)
minimum: Primitive = declare(
    floats.minimum,
    array="minimum({}, {})",
    partials=[lambda out, x, y: _share(y, x), lambda out, x, y: _share(x, y)],
    kinks=[Break(0, lambda x, y: y)],
    edges=[((1.0, 1.0), 1.0, (0.5, 0.5)), ((nan, 1.0), nan, (0.5, 0.5)), ((1.0, nan), nan, (0.5, 0.5))],
    associative=True,
    commutative=True,
    identity=inf,
)
abs: Primitive = declare(
    operator.abs,
    name="abs",
    summary="The absolute value.",
    array="abs({})",
    partials=[lambda out, x: greater(x, 0.0) - greater(0.0, x)],
    kinks=[_at(0, 0.0)],
    edges=[((0.0,), 0.0, (0.0,)), ((-0.0,), 0.0, (0.0,)), ((-inf,), inf, (-1.0,))],
)
relu: Primitive = declare(
    floats.relu,
    array="maximum({}, 0.0)",
    partials=[lambda out, x: greater(x, 0.0)],
    kinks=[_at(0, 0.0)],
    edges=[((0.0,), 0.0, (0.0,)), ((-0.0,), 0.0, (0.0,)), ((inf,), inf, (1.0,)), ((-inf,), 0.0, (0.0,))],
)
stop_gradient: Primitive = declare(
    operator.pos,
    name="stop_gradient",
    summary="The operand itself, which every derivative takes for a constant.",
    array="{}",
    partials=[lambda out, x: 0.0],
    edges=[((2.0,), 2.0, (0.0,)), ((inf,), inf, (0.0,))],
    blocks_gradient=True,
)

# ---------------------------------------------------------------- powers, exponentials, logarithms

exp: Primitive = declare(
    floats.exp,
    array="exp({})",
    partials=[lambda out, x: out],
    edges=[((0.0,), 1.0, (1.0,)), ((1000.0,), inf, (inf,)), ((-1000.0,), 0.0, (0.0,)), ((-inf,), 0.0, (0.0,))],
)
exp2: Primitive = declare(
    floats.exp2,
    array="exp2({})",
    partials=[lambda out, x: out * math.log(2)],
    edges=[((0.0,), 1.0, (math.log(2),)), ((2000.0,), inf, (inf,)), ((-inf,), 0.0, (0.0,))],
)
expm1: Primitive = declare(
    floats.expm1,
    array="expm1({})",
    partials=[lambda out, x: exp(x)],
    edges=[((-0.0,), -0.0, (1.0,)), ((1000.0,), inf, (inf,)), ((-inf,), -1.0, (0.0,))],
)
log: Primitive = declare(
    floats.log,
    summary="The natural logarithm.",
    array="log({})",
    partials=[lambda out, x: divide(1.0, x)],
    domain=[POSITIVE],
    edges=[((0.0,), -inf, (inf,)), ((-0.0,), -inf, (-inf,)), ((-1.0,), nan, (-1.0,)), ((inf,), inf, (0.0,))],
)
log2: Primitive = declare(
    floats.log2,
    array="log2({})",
    partials=[lambda out, x: divide(1 / math.log(2), x)],
    domain=[POSITIVE],
    edges=[((0.0,), -inf, (inf,)), ((1.0,), 0.0, (1 / math.log(2),)), ((-1.0,), nan, (-1 / math.log(2),))],
)
log10: Primitive = declare(
    floats.log10,
    array="log10({})",
    partials=[lambda out, x: divide(1 / math.log(10), x)],
    domain=[POSITIVE],
    edges=[((0.0,), -inf, (inf,)), ((1.0,), 0.0, (1 / math.log(10),)), ((-1.0,), nan, (-1 / math.log(10),))],
)
log1p: Primitive = declare(
    floats.log1p,
    array="log1p({})",
    partials=[lambda out, x: divide(1.0, 1 + x)],
    domain=[(-1.0, inf)],
    edges=[((-0.0,), -0.0, (1.0,)), ((-1.0,), -inf, (inf,)), ((-2.0,), nan, (-1.0,)), ((inf,), inf, (0.0,))],
)
sqrt: Primitive = declare(
    floats.sqrt,
    array="sqrt({})",
    partials=[lambda out, x: divide(0.5, out)],
    domain=[POSITIVE],
    edges=[((0.0,), 0.0, (inf,)), ((-0.0,), -0.0, (-inf,)), ((-1.0,), nan, (nan,)), ((inf,), inf, (0.0,))],
)
cbrt: Primitive = declare(
    math.cbrt,
    array="cbrt({})",
    partials=[lambda out, x: divide(divide(1 / 3, out), out)],
    poles=[_at(0, 0.0)],
    edges=[((0.0,), 0.0, (inf,)), ((-8.0,), -2.0, (1 / 12,)), ((-inf,), -inf, (0.0,))],
)
_cosine: Primitive = declare(
    floats.cosine,
    name="_cosine",
    notation="{0} / hypot({0}, {1})",
    array="where((abs({0}) > 1.7976931348623157e308) & (abs({1}) <= 1.7976931348623157e308), "
    "({0} > 0) * 2.0 - 1.0, {0} / hypot({0}, {1}))",
    partials=[
        lambda out, x, y: divide(_cosine(y, x) * _cosine(y, x), hypot(x, y)),
        lambda out, x, y: -divide(out * _cosine(y, x), hypot(x, y)),
    ],
    poles=[Break(0, lambda x, y: 0.0 if y == 0 else nan)],
    bounded=True,
)
hypot: Primitive = declare(
    math.hypot,
    summary="The length of the vector (x, y).",
    array="hypot({}, {})",
    partials=[lambda out, x, y: _cosine(x, y), lambda out, x, y: _cosine(y, x)],
    poles=[Break(0, lambda x, y: 0.0 if y == 0 else nan)],
    edges=[
        ((0.0, 0.0), 0.0, (nan, nan)),
        ((0.0, -2.0), 2.0, (0.0, -1.0)),
        ((inf, 1.0), inf, (1.0, 0.0)),
        ((inf, inf), inf, (nan, nan)),
        ((inf, nan), inf, (nan, nan)),
    ],
)

# ---------------------------------------------------------------- circular and hyperbolic

sin: Primitive = declare(
    floats.sin,
    array="sin({})",
    partials=[lambda out, x: cos(x)],
    edges=[((-0.0,), -0.0, (1.0,)), ((inf,), nan, (nan,))],
    bounded=True,
)
cos: Primitive = declare(
    floats.cos,
    array="cos({})",
    partials=[lambda out, x: -sin(x)],
    edges=[((0.0,), 1.0, (-0.0,)), ((-inf,), nan, (nan,))],
    bounded=True,
)
tan: Primitive = declare(
    floats.tan,
    array="tan({})",
    partials=[lambda out, x: 1 + out * out],
    poles=[Break(0, lambda x: (x // pi + 0.5) * pi)],
    edges=[((-0.0,), -0.0, (1.0,)), ((inf,), nan, (nan,))],
)
asin: Primitive = declare(
    floats.asin,
    array="arcsin({})",
    partials=[lambda out, x: divide(1.0, sqrt((1 - x) * (1 + x)))],
    domain=[(-1.0, 1.0)],
    edges=[((-0.0,), -0.0, (1.0,)), ((1.0,), pi / 2, (inf,)), ((-1.0,), -pi / 2, (inf,)), ((2.0,), nan, (nan,))],
    bounded=True,
)
acos: Primitive = declare(
    floats.acos,
    array="arccos({})",
    partials=[lambda out, x: divide(-1.0, sqrt((1 - x) * (1 + x)))],
    domain=[(-1.0, 1.0)],
    edges=[((0.0,), pi / 2, (-1.0,)), ((1.0,), 0.0, (-inf,)), ((-1.0,), pi, (-inf,)), ((2.0,), nan, (nan,))],
    bounded=True,
)
# A rule such as 1 / (1 + x * x) is 0 at infinity, where its own derivative multiplies 0 by infinity. So such
# rules use the nearest finite number whose square is not finite.
_finite: Primitive = declare(
    lambda x: min(max(x, -1e170), 1e170),
    name="_finite",
    summary="x; a large number where the square of x overflows by far.",
    notation="{0}",
    array="minimum(maximum({0}, -1e170), 1e170)",
    partials=[lambda out, x: 1 - greater(abs(x), 1e170)],
    edges=[((inf,), 1e170, (0.0,)), ((-inf,), -1e170, (0.0,)), ((nan,), nan, (1.0,)), ((-0.0,), -0.0, (1.0,))],
)


def _squared(x: Any) -> Any:
    return _finite(x) * _finite(x)


atan: Primitive = declare(
    math.atan,
    array="arctan({})",
    partials=[lambda out, x: divide(divide(1.0, hypot(x, 1.0)), hypot(x, 1.0))],  # no square to overflow
    edges=[((-0.0,), -0.0, (1.0,)), ((inf,), pi / 2, (0.0,)), ((-inf,), -pi / 2, (0.0,))],
    bounded=True,
)
atan2: Primitive = declare(
    math.atan2,
    summary="The angle of the vector (x, y), given y first.",
    array="arctan2({}, {})",
    partials=[
        lambda out, y, x: divide(_cosine(x, y), hypot(x, y)),
        lambda out, y, x: -divide(_cosine(y, x), hypot(x, y)),
    ],
    poles=[Break(0, lambda y, x: 0.0 if x <= 0 else nan)],  # the branch cut along the negative x axis
    edges=[
        ((0.0, 0.0), 0.0, (nan, nan)),
        ((0.0, 2.0), 0.0, (0.5, -0.0)),
        ((0.0, -2.0), pi, (-0.5, -0.0)),
        ((-0.0, -2.0), -pi, (-0.5, 0.0)),
        ((1.0, inf), 0.0, (0.0, -0.0)),
    ],
    bounded=True,
)
sinh: Primitive = declare(
    floats.sinh,
    array="sinh({})",
    partials=[lambda out, x: cosh(x)],
    edges=[((-0.0,), -0.0, (1.0,)), ((-1000.0,), -inf, (inf,)), ((inf,), inf, (inf,))],
)
cosh: Primitive = declare(
    floats.cosh,
    array="cosh({})",
    partials=[lambda out, x: sinh(x)],
    edges=[((0.0,), 1.0, (0.0,)), ((-1000.0,), inf, (-inf,)), ((inf,), inf, (inf,))],
)
tanh: Primitive = declare(
    math.tanh,
    array="tanh({})",
    partials=[lambda out, x: 1 - out * out],
    edges=[((-0.0,), -0.0, (1.0,)), ((1000.0,), 1.0, (0.0,)), ((-inf,), -1.0, (0.0,))],
    bounded=True,
)
asinh: Primitive = declare(
    math.asinh,
    array="arcsinh({})",
    partials=[lambda out, x: divide(1.0, hypot(x, 1.0))],
    edges=[((-0.0,), -0.0, (1.0,)), ((inf,), inf, (0.0,)), ((1e300,), math.asinh(1e300), (1e-300,))],
)
acosh: Primitive = declare(
    floats.acosh,
    array="arccosh({})",
    partials=[lambda out, x: divide(divide(1.0, sqrt(x - 1)), sqrt(x + 1))],
    domain=[(1.0, inf)],
    edges=[((1.0,), 0.0, (inf,)), ((0.0,), nan, (nan,)), ((inf,), inf, (0.0,))],
)
atanh: Primitive = declare(
    floats.atanh,
    array="arctanh({})",
    partials=[lambda out, x: divide(1.0, (1 - x) * (1 + x))],
    domain=[(-1.0, 1.0)],
    edges=[((-0.0,), -0.0, (1.0,)), ((1.0,), inf, (inf,)), ((-1.0,), -inf, (inf,)), ((2.0,), nan, (-1 / 3,))],
)

# ---------------------------------------------------------------- squashing and special functions

sigmoid: Primitive = declare(
    floats.sigmoid,
    array="exp(minimum({0}, 0.0)) / (1.0 + exp(-abs({0})))",
    partials=[lambda out, x: out * (1 - out)],
    edges=[((0.0,), 0.5, (0.25,)), ((1000.0,), 1.0, (0.0,)), ((-1000.0,), 0.0, (0.0,)), ((-inf,), 0.0, (0.0,))],
    bounded=True,
)
softplus: Primitive = declare(
    floats.softplus,
    array="maximum({0}, 0.0) + log1p(exp(-abs({0})))",
    partials=[lambda out, x: sigmoid(x)],
    edges=[
        ((0.0,), math.log(2), (0.5,)),
        ((1000.0,), 1000.0, (1.0,)),
        ((-1000.0,), 0.0, (0.0,)),
        ((inf,), inf, (1.0,)),
    ],
)
erf: Primitive = declare(
    math.erf,
    summary="The error function.",
    array="special.erf({})",
    partials=[lambda out, x: 2 / math.sqrt(pi) * exp(-_squared(x))],
    edges=[((-0.0,), -0.0, (2 / math.sqrt(pi),)), ((inf,), 1.0, (0.0,)), ((-inf,), -1.0, (0.0,))],
    bounded=True,
)
erfc: Primitive = declare(
    math.erfc,
    summary="The complementary error function, 1 - erf(x) without cancellation.",
    array="special.erfc({})",
    partials=[lambda out, x: -2 / math.sqrt(pi) * exp(-_squared(x))],
    edges=[((0.0,), 1.0, (-2 / math.sqrt(pi),)), ((inf,), 0.0, (-0.0,)), ((-inf,), 2.0, (-0.0,))],
    bounded=True,
)


_LARGEST = float_info.max
_gated: Primitive = declare(
    lambda x, share: 0.0 if share == 0 and math.isinf(x) else x * share,
    name="_gated",
    summary="x times a share that falls to 0 faster than x grows: inf × 0 is 0.",
    notation="{} * {}",
    array="where(({1} == 0) & (abs({0}) > 1.7976931348623157e308), 0.0, {0} * {1})",  # that is float_info.max
    partials=[lambda out, x, share: share, lambda out, x, share: minimum(maximum(x, -_LARGEST), _LARGEST)],
    edges=[
        ((inf, 2.0), inf, (2.0, _LARGEST)),
        ((-inf, 0.0), 0.0, (0.0, -_LARGEST)),
        ((1.0, nan), nan, (nan, 1.0)),
        ((nan, 1.0), nan, (1.0, nan)),
    ],
    multiplies=True,
)

_held_finite: Primitive = declare(
    lambda x: min(max(x, -_LARGEST), _LARGEST),
    name="_held_finite",
    summary="The nearest finite number to the operand, which every derivative takes for a constant.",
    notation="stop_gradient({})",
    array=f"minimum(maximum({{}}, -{_LARGEST!r}), {_LARGEST!r})",
    partials=[lambda out, x: 0.0],
    edges=[((inf,), _LARGEST, (0.0,)), ((-inf,), -_LARGEST, (0.0,)), ((nan,), nan, (0.0,)), ((2.0,), 2.0, (0.0,))],
    blocks_gradient=True,
)
_weighted: Primitive = declare(
    lambda weight, x: weight * (x if weight != 0 else min(max(x, -_LARGEST), _LARGEST)),
    name="_weighted",
    summary="The product; 0 for a weight of 0, even where x is infinite.",
    notation="{} * {}",
    array=f"{{0}} * where({{0}} == 0, minimum(maximum({{1}}, -{_LARGEST!r}), {_LARGEST!r}), {{1}})",
    partials=[lambda out, weight, x: x, lambda out, weight, x: weight],
    edges=[((0.0, -inf), -0.0, (-inf, 0.0)), ((0.5, -inf), -inf, (-inf, 0.5)), ((nan, 1.0), nan, (1.0, nan))],
    multiplies=True,
)


def _nearest_pole(x: float) -> float:
    return float(min(0, round(x))) if -inf < x < 0.5 else nan


polygamma: Primitive = declare(
    floats.polygamma,
    array="where(({0} >= 0) & ({0} <= 100) & ({0} == floor({0})) & ({1} >= -1.7976931348623157e308), "
    "where(({1} > 0) | (({0} == 0) & ({1} != 0)) | ({1} != floor({1})), "
    "special.polygamma({0}, {1}), "  # elsewhere is a pole
    "where({1} == 0, -((-copysign(1.0, {1})) ** ({0} + 1)) * -inf, where({0} % 2 == 1, inf, nan))), nan)",
    partials=[lambda out, order, x: nan, lambda out, order, x: polygamma(order + 1, x)],
    poles=[Break(1, lambda order, x: _nearest_pole(x))],
    domain=[(nan, nan), REALS],
    edges=[((0.0, 0.0), -inf, (nan, inf)), ((0.0, inf), inf, (nan, 0.0)), ((0.5, 1.0), nan, (nan, nan))],
)
gamma: Primitive = declare(
    floats.gamma,
    array="special.gamma({})",
    partials=[lambda out, x: out * polygamma(0.0, x)],
    poles=[Break(0, _nearest_pole)],
    edges=[((0.0,), inf, (-inf,)), ((-0.0,), -inf, (-inf,)), ((-1.0,), nan, (nan,)), ((200.0,), inf, (inf,))],
)
lgamma: Primitive = declare(
    floats.lgamma,
    summary="The logarithm of the absolute value of the gamma function.",
    array="where(abs({0}) < 1e-300, -log(abs({0})), where({0} < -1.7976931348623157e308, inf, special.gammaln({0})))",
    partials=[lambda out, x: polygamma(0.0, x)],
    poles=[Break(0, _nearest_pole)],
    edges=[((0.0,), inf, (-inf,)), ((-1.0,), inf, (nan,)), ((inf,), inf, (inf,))],
)
degrees: Primitive = declare(
    math.degrees,
    array="degrees({})",
    partials=[lambda out, x: 180 / pi],
    edges=[((-0.0,), -0.0, (180 / pi,)), ((inf,), inf, (180 / pi,))],
)
radians: Primitive = declare(
    math.radians,
    array="radians({})",
    partials=[lambda out, x: pi / 180],
    edges=[((-0.0,), -0.0, (pi / 180,)), ((inf,), inf, (pi / 180,))],
)

BUILT_IN = close_built_ins()
