"""Operations in complex numbers: their slopes are exact to rounding."""

from __future__ import annotations

import itertools
import math
from math import inf, isfinite, isnan, nextafter
from typing import Any

import mpmath
import pytest

from scalargrad import Primitive, Value, gradcheck, primitive
from scalargrad.check.measure import complex_step
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
    if op.array is None or "special." in op.array:
        assert rule is None
        return
    assert rule is not None
    for point in sample(op):
        for k in differentiable(op):
            slope, apart = complex_partial(op, op.value(*point), point, k)
            if isfinite(slope):
                is_held = op.name in {"stop_gradient", "_held_finite"}
                truth = 1.0 if is_held else float(precise_partial(op.name, point, k))
                bend = 0.0 if is_held else float(precise_partial(op.name, point, k, k))
                error = abs(point[k] * bend)
                assert slope == pytest.approx(truth, rel=1e-12, abs=64 * EPSILON * (error + 1e-3))
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


@pytest.mark.parametrize("point", [(1.0, -2.0), (-2.0, 1.0), (700.0, -700.0), (0.5, 0.5)])
def test_a_user_s_sum_of_logarithms_has_a_complex_step(point: tuple[float, float]) -> None:
    """`logaddexp`, which no operation of the library is spelled with, has the slopes exp(x - out) and exp(y - out)."""

    def value(x: float, y: float) -> float:
        return max(x, y) + math.log1p(math.exp(-abs(x - y)))

    rules = [lambda out, x, y: primitives.exp(x - out), lambda out, x, y: primitives.exp(y - out)]
    own = primitive(name="own_sum", array="logaddexp({}, {})", partials=rules)(value)
    out = value(*point)
    for k, x in enumerate(point):
        assert complex_partial(own, out, point, k)[0] == pytest.approx(math.exp(x - out), rel=1e-12, abs=1e-300)


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


@pytest.mark.parametrize(
    ("op", "point", "steps"),
    [
        (primitives.sin, (1.0,), 2),
        (primitives.multiply, (3.0, 5.0), 2),
        (primitives.sin, (1e6,), 3),  # the first step is too large for a function that changes over 1
        (primitives.relu, (-1.0,), 2),
    ],
)
def test_no_more_steps_than_needed(
    op: Primitive, point: tuple[float, ...], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps that agree end the search: on the whole slope, of 0 or not."""
    tried: list[float] = []
    slope_by = complex_step._complex_slope

    def counting(spelling: Any, operands: Any, k: int, step: float, out: float) -> tuple[float, float, float]:
        tried.append(step)
        return slope_by(spelling, operands, k, step, out)

    monkeypatch.setattr(complex_step, "_complex_slope", counting)
    slope, error = complex_partial(op, op.value(*point), point, 0)
    assert len(tried) == steps
    assert error <= 1e-11 * abs(slope) + 1e-300


@pytest.mark.parametrize(("apart", "known"), [(0.5, True), (2.0, False)])
def test_steps_that_differ_give_no_slope(apart: float, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two steps differ by more than a millionth, neither is a slope; where by less, that is the error."""
    slopes = itertools.cycle([1.0, 1.0 + apart * complex_step.UNCLEAR])
    monkeypatch.setattr(complex_step, "_complex_slope", lambda *_: (next(slopes), 1.0, 0.0))
    slope, error = complex_partial(primitives.sin, math.sin(1.0), (1.0,), 0)
    assert isfinite(slope) is known
    assert (error == pytest.approx(apart * complex_step.UNCLEAR)) is known


@pytest.mark.parametrize(("real_part", "known"), [(0.5e-6, True), (2e-6, False)])
def test_another_real_part_gives_no_slope(real_part: float, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the real part is another than the value by more than a millionth, there is no slope."""
    monkeypatch.setattr(complex_step, "_complex_slope", lambda *_: (1.0, 1.0, real_part * 8.0))
    slope, error = complex_partial(primitives.sin, 8.0, (1.0,), 0)
    assert isfinite(slope) is known
    assert (error == pytest.approx(real_part)) is known


@pytest.mark.parametrize(("x", "known"), [(1e-279, True), (1e-281, False), (0.0, True), (-1e-281, False)])
def test_a_slope_of_zero_beside_tiny_numbers_is_none(x: float, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slope of 0 may have underflowed where a number is near the smallest ones, and is not used."""
    monkeypatch.setattr(complex_step, "_complex_slope", lambda *_: (0.0, 0.0, 0.0))
    assert (complex_partial(primitives.sin, 1.0, (x,), 0)[0] == 0.0) is known
    assert (complex_partial(primitives.sin, x, (1.0,), 0)[0] == 0.0) is known


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
        slope, error = complex_partial(op, op.value(*point), point, k)
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
        assert abs(slope - truth) <= error <= 1e-6 * abs(truth), op
