"""Lifted operations at the edges of floats: zeros, infinities, nan and ties; and which of them a first call checks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf, nan
from typing import Any

import numpy as np
import pytest

import scalargrad
from scalargrad import Primitive, Value, lift, log, maximum, minimum, power, sigmoid, sqrt, tanh
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting.comparison import Disagreement
from scalargrad.lifting.trace import Traced

EDGES = [
    *(0.0, -0.0, inf, -inf, nan, 5e-324, 1.7976931348623157e308, 1e300, -1e300, 1e-300, -1e-300),
    *(1e160, -1e160, 1e-160, -1e-160, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 0.3, 40.0, -40.0, 745.0, -745.0),
]
ULPS = 4
SERIES = dict.fromkeys(["polygamma", "gamma", "lgamma"], 8 * ULPS)  # scipy sums another series than the engine
CANCELLING = {sigmoid, tanh}  # a slope of the kind 1 - out is as good as out, not as 1 - out
SIGNLESS = {"add", "subtract"}  # whether 0 is added to a number is not recorded, and -0 + 0 is 0

each_target = pytest.mark.parametrize("target", ["numpy", "python"])
PUBLIC = [own for own in BUILT_IN if not own.name.startswith("_")]
each_primitive = pytest.mark.parametrize("primitive", PUBLIC, ids=lambda primitive: primitive.name)


def same(own: float, eager: float, least: float = 0.0, signs: bool = True, ulps: int = ULPS) -> bool:
    """Whether two numbers differ by a few last bits at most: of the larger, or of `least`."""
    if own == eager:
        return not signs or math.copysign(1.0, own) == math.copysign(1.0, eager)
    if not (math.isfinite(own) and math.isfinite(eager)):
        return own != own and eager != eager
    return abs(own - eager) <= ulps * math.ulp(max(abs(own), abs(eager), least))


def swept(function: Callable[..., Any], point: Sequence[float]) -> tuple[float, list[float]]:
    """The engine's value and gradient."""
    leaves = [Value(x) for x in point]
    result = function(*leaves)
    result.backward()
    return result.data, [leaf.grad for leaf in leaves]


def one_by_one(function: Callable[..., Any], points: Sequence[Sequence[float]], target: str) -> Iterator[Any]:
    """The value and gradient of a function of parameters, lifted without arguments, at each point."""
    w = [Value(1.0) for _ in points[0]]
    program: Any = lift(lambda: function(*w), w, target=target, check=False)
    for point in points:
        value, slopes = program.value_and_grad(at=list(point))
        yield float(value), [float(slope) for slope in slopes]


def side_by_side(function: Callable[..., Any], points: Sequence[Sequence[float]], target: str) -> Iterator[Any]:
    """The same for all points in one program, as arrays."""
    w = [[Value(x) for x in point] for point in points]
    parameters, arity = [parameter for point in w for parameter in point], len(points[0])
    values: Any = lift(lambda: [function(*point) for point in w], parameters, target=target, check=False)()
    total: Any = lift(lambda: sum(function(*point) for point in w), parameters, target=target, check=False)
    _, slopes = total.value_and_grad()
    for i, value in enumerate(values):
        yield float(value), [float(slope) for slope in slopes[arity * i : arity * (i + 1)]]


def disagreements(
    function: Callable[..., Any],
    points: Sequence[Sequence[float]],
    target: str,
    ways: Sequence[Any] = (one_by_one, side_by_side),
    least: float = 0.0,
    signs: bool = True,
    ulps: int = ULPS,
) -> list[str]:
    """Where a lifted function differs from the engine in value or slopes; slopes are sums from 0, where -0 is 0."""
    differences = []
    eager = [swept(function, point) for point in points]
    for way in ways:
        for point, own, (value, slopes) in zip(points, way(function, points, target), eager, strict=True):
            alike = same(own[0], value, signs=signs, ulps=ulps)
            pairs = zip(own[1], slopes, strict=True)
            if not alike or not all(same(a, b, least, signs=False, ulps=ulps) for a, b in pairs):
                differences.append(f"{way.__name__} at {point}: {own}, not {(value, slopes)}")
    return differences[:9]  # more is no help


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@each_primitive
def test_operations_at_the_edges(primitive: Primitive, target: str) -> None:
    """Value and slopes of every operation, lifted, are the engine's at every edge, and at every pair of two."""
    points = list(itertools.product(EDGES, repeat=primitive.arity))
    least, ulps = float(primitive in CANCELLING), SERIES.get(primitive.name, ULPS)
    assert disagreements(primitive, points, target, least=least, ulps=ulps) == []


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@pytest.mark.parametrize("primitive", [own for own in PUBLIC if own.arity == 2], ids=lambda primitive: primitive.name)
def test_operations_with_numbers_at_the_edges(primitive: Primitive, target: str) -> None:
    """The same where one of two operands is a plain number, for which numpy may have other code."""
    points = [(x,) for x in EDGES]
    signs, ulps = primitive.name not in SIGNLESS, SERIES.get(primitive.name, ULPS)
    for number in EDGES:
        for function in (lambda x, c=number: primitive(x, c), lambda x, c=number: primitive(c, x)):
            assert disagreements(function, points, target, signs=signs, ulps=ulps) == []


@each_target
@each_primitive
def test_operations_on_a_batch_at_the_edges(primitive: Primitive, target: str) -> None:
    """Values of a batch, and of each example alone, are the engine's at every edge."""
    points = list(itertools.product(EDGES, repeat=primitive.arity))
    program: Any = lift(lambda *x: primitive(*x) * 1.0, [Value(1.0)], target=target, check=False)
    columns = [list(column) for column in zip(*points, strict=True)]
    eager = [swept(primitive, point)[0] for point in points]
    alike = partial(same, ulps=SERIES.get(primitive.name, ULPS))
    assert all(map(alike, map(float, program(*columns)), eager))
    alone = [float(program(*[[x] for x in point])[0]) for point in points[:: max(1, len(points) // 100)]]
    assert all(map(alike, alone, eager[:: max(1, len(points) // 100)]))


@pytest.mark.parametrize("exponent", [0.5, -0.5, 1.0, 2.0, -1.0, 3.0, 0.0, inf, -inf])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_one_exponent_for_many(exponent: float, count: int) -> None:
    """A power whose exponent is one parameter, or one for each row, is that of the engine in any batch."""
    w, rows = [Value(exponent), Value(exponent)], [-inf, -0.0, 0.0, 4.0, nan][:count]
    one: Any = lift(lambda x: power(x, w[0]), w, target="numpy", check=False)
    each: Any = lift(lambda x: [power(x, v) for v in w], w, target="numpy", check=False)
    given: Any = lift(lambda x, y: [power(x, y), power(y, w[0])], w, target="numpy", check=False)
    eager = [scalargrad.power(x, exponent) for x in rows]
    assert all(map(same, one(rows).tolist(), eager))
    assert all(map(same, each(rows).T.ravel().tolist(), eager * 2))
    assert all(map(same, given(rows, [exponent] * count)[:, 0].tolist(), eager))


@each_target
def test_ties_with_an_infinity(target: str) -> None:
    """The maximum of a number and -inf is that number; where both are -inf its slope is one half."""
    for function in (lambda x: maximum(x, -inf), lambda x: minimum(inf, x), lambda x: maximum(-inf, maximum(x, -inf))):
        assert disagreements(function, [(inf,), (-inf,), (nan,), (2.0,)], target) == []


def test_a_lifted_operation_that_is_wrong_at_an_edge_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: numpy's square root for a power, a lost sign and the slope at another tie are seen."""
    from scalargrad.lifting.to_numpy import spelling

    points = list(itertools.product(EDGES, repeat=2))
    assert disagreements(power, points, "numpy", [side_by_side]) == []
    slope = [lambda out, x: 0.5 * power(x, -0.5)]
    root = scalargrad.primitive(partials=slope, name="root_of_a_test", array="sqrt({})")(lambda x: power(x, 0.5))
    assert len(disagreements(root, [(-inf,), (-0.0,), (4.0,)], "numpy", [side_by_side])) == 2
    monkeypatch.setattr(spelling, "_no_root", lambda *texts: [])
    assert disagreements(lambda x: power(x, 0.5), [(-inf,), (2.0,)], "numpy", [side_by_side]) != []
    assert not same(0.0, -0.0)
    assert not same(1.0, 1.0 + 1e-14)
    assert not same(inf, 1e308)
    assert not same(nan, 0.0)


# ---------------------------------------------------------------- what a first call compares


WRONG: dict[str, tuple[Callable[[float], bool], float]] = {
    "the largest": (lambda x: x > 50, 90.0),
    "the smallest": (lambda x: x < -50, -90.0),
    "infinity": (lambda x: x == inf, inf),
    "zero": (lambda x: x == 0, 0.0),
    "minus zero": (lambda x: x == 0, -0.0),
}


def replaced(x: Any, when: Callable[[float], bool]) -> Any:
    """A number, or 7 if the number is of a kind; a traced function cannot see which."""
    return 7.0 if not isinstance(x, Traced) and when(x.data) else x


@each_target
@pytest.mark.parametrize("place", [0, 20, 39])
@pytest.mark.parametrize("argument", [0, 1])
@pytest.mark.parametrize("name", WRONG)
def test_a_first_call_sees_what_stands_out(name: str, argument: int, place: int, target: str) -> None:
    """A program that is wrong at an extreme number, an infinity or 0 fails in its first call."""
    when, number = WRONG[name]
    rows, w = [[[0.5 + i % 7, -1.5 - i % 5] for i in range(40)] for _ in range(2)], [Value(1.0)]

    def loss(*x: Any) -> Any:
        return w[0] * (replaced(x[argument][1], when) + x[0][0])

    lift(loss, w, target=target).value_and_grad(*rows)
    rows[argument][place][1] = number
    for call in ("__call__", "value_and_grad"):
        with pytest.raises(Disagreement):
            getattr(lift(loss, w, target=target), call)(*rows)


@each_target
def test_at_most_eight_examples_are_compared(target: str) -> None:
    """The comparison runs the function on eight examples at most."""
    w, seen = Value(1.0), list[Any]()

    def loss(*x: Any) -> Any:
        seen.append(x)
        return w * x[0] + x[1] * x[2] + x[3]

    columns = np.random.default_rng(0).normal(size=(4, 50)).tolist()
    columns[0][7], columns[1][9], columns[2][11], columns[3][4] = nan, inf, -inf, 0.0
    lift(loss, [w], target=target)(*columns)
    assert len(seen) == 1 + 8  # once to trace it
    seen.clear()
    lift(loss, [w], target=target)(*[column[:2] for column in columns])
    assert len(seen) == 1 + 2


@each_target
def test_an_example_that_is_not_finite_hides_no_other(target: str) -> None:
    """A wrong slope is seen beside examples whose slopes are nan or infinite."""
    w, rows = [Value(1.0)], [1.0, 0.0, -1.0, nan, inf, 2.0]

    def loss(x: Any) -> Any:
        return log(x) * sqrt(w[0] * x)

    def wrong(x: Any) -> Any:
        return log(x) * sqrt(w[0] * x) + (replaced(x, lambda number: number == 2.0) - x)

    lift(loss, w, target=target).value_and_grad(rows)
    with pytest.raises(Disagreement, match="the value"):
        lift(wrong, w, target=target).value_and_grad(rows)


@each_target
def test_curvature_that_is_not_finite_may_be_so_in_another_way(target: str) -> None:
    """A Hessian-vector product may be nan in the program and infinite in the engine, or the reverse."""
    w = Value(1.0)
    product = lift(lambda x: w * w * x, [w], target=target).hvp([2.0, nan, 3.0], [1.0])
    assert math.isnan(product[0])


@each_target
def test_infinity_for_a_number_is_seen(target: str) -> None:
    """A finite number is not near an infinite one, and neither is the other infinity."""
    w = Value(1.0)
    for wrong in (5.0, -inf, nan):
        numbers = iter([wrong, inf, inf, inf])
        program: Any = lift(lambda x, numbers=numbers: w * x * 0.0 + next(numbers), [w], target=target)
        with pytest.raises(Disagreement):
            program([1.0])


@each_target
def test_examples_without_numbers(target: str) -> None:
    """An argument of empty examples can be lifted."""
    w = Value(2.0)
    program: Any = lift(lambda x, y: w * y + len(x), [w], target=target)
    assert list(program([[], [], []], [1.0, 2.0, 3.0])) == [2.0, 4.0, 6.0]


def test_choosing_examples_is_soon_done() -> None:
    """The rows with special numbers are chosen by a few calls of numpy."""
    from scalargrad.lifting.to_numpy.target import NumpyTarget

    table = np.random.default_rng(0).normal(size=(1000, 7))
    table[[3, 5, 8, 900], [0, 6, 2, 1]] = nan, -inf, 0.0, 99.0
    table[901, 4] = -99.0
    assert NumpyTarget("float64").notable_rows(table) == ([3, 5, 8], [900, 901])
