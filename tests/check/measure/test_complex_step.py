"""Operations in complex numbers: their slopes are exact to rounding."""

from __future__ import annotations

import math
from math import inf, isfinite, isnan, nextafter

import mpmath
import pytest

from scalargrad import Primitive, Value, gradcheck, primitive
from scalargrad.check.measure.complex_step import complex_partial, spelled
from scalargrad.check.measure.recording import Recording
from scalargrad.engine import primitives
from tests.engine.test_primitives import BUILT_IN, differentiable, every_primitive, sample

from ...oracle import precise, precise_partial

EPSILON = 2.0**-52


@every_primitive
def test_the_complex_step_is_exact_to_rounding(primitive: Primitive) -> None:
    """Where an operation's array spelling can be read in complex numbers, it gives the partial derivatives."""
    op = primitive
    rule = spelled(op)
    if op.array is None:
        assert rule is None
        return
    assert rule is not None
    for point in sample(op):
        for k in differentiable(op):
            found, apart = complex_partial(op, op.value(*point), point, k)
            if isfinite(found):
                is_held = op.name in {"stop_gradient", "_held_finite"}
                truth = 1.0 if is_held else float(precise_partial(op.name, point, k))
                bend = 0.0 if is_held else float(precise_partial(op.name, point, k, k))
                error = abs(point[k] * bend)
                assert found == pytest.approx(truth, rel=1e-12, abs=64 * EPSILON * (error + 1e-3))
                assert apart <= 1e-10 * (abs(truth) + error + 1e-3)


def test_most_operations_have_a_complex_step() -> None:
    """All but the special functions do."""
    without = {op.name for op in BUILT_IN if spelled(op) is None}
    assert without == {"erf", "erfc", "polygamma", "gamma", "lgamma", "_power_derivative"}


def test_a_power_of_zero_exponent() -> None:
    """X ** 0 is 1 for every x, with the slope 0."""
    assert gradcheck(lambda x: x**0 + x, 2.0).comparisons[0].method == "complex step and central differences"


def test_a_spelling_in_other_words_is_not_read() -> None:
    """A user's array spelling that uses unknown names gives no complex step, and differences decide."""
    own = primitive(name="own_sine", array="special.sine({})", partials=[lambda out, x: primitives.cos(x)])(math.sin)
    assert spelled(own) is None
    assert gradcheck(own, 0.5)


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("sqrt", (-1.0,)),
        ("power", (-2.0, 0.5)),
        ("power", (0.0, 2.0)),
        ("divide", (1.0, 0.0)),
        ("log", (0.0,)),
        ("atanh", (2.0,)),
    ],
)
def test_no_complex_step_where_the_value_is_another(name: str, point: tuple[float, ...]) -> None:
    """Outside of its domain an operation has a complex value, but not its own: there is no step."""
    op: Primitive = getattr(primitives, name)
    assert spelled(op) is not None
    slope, error = complex_partial(op, op.value(*point), point, 0)
    assert isnan(slope)
    assert error == inf


def test_complex_steps_neither_underflow_nor_fold() -> None:
    """Steps fit each operation by itself: for numbers near the ends of floats, for functions fast or slow."""
    x = Value(1e-200)
    recording = Recording([x * 1e-90 * 1e-10], [x])
    ((slope, error),) = recording.chained({0: 1.0}, recording.slope_of)
    assert abs(slope - 1e-100) <= error <= 1e-110
    for op, point, k in [
        (primitives.tan, (1e158,), 0),
        (primitives.sin, (1e300,), 0),
        (primitives.atan2, (1e-300, -1e-160), 1),
        (primitives.divide, (1e-200, 1e-150), 1),
        (primitives.asin, (nextafter(1.0, 0.0),), 0),
        (primitives.exp, (-700.0,), 0),
        (primitives.multiply, (1e-308, 3.0), 0),
        (primitives.negative, (5e-324,), 0),
    ]:
        found, error = complex_partial(op, op.value(*point), point, k)
        with mpmath.workdps(400):
            truth = float(
                mpmath.diff(
                    lambda x, op=op, point=point, k=k: precise[op.name](
                        *[x if i == k else mpmath.mpf(y) for i, y in enumerate(point)]
                    ),
                    mpmath.mpf(point[k]),
                    h=mpmath.mpf(10) ** -370,
                )
            )
        assert abs(found - truth) <= error <= 1e-6 * abs(truth), op
