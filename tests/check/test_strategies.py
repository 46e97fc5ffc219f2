"""The laws of the strategies: what they draw is smooth and varied, prints as Python, and shrinks to a pencil's size."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import math
import random
import sys
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import scalargrad
from scalargrad import Primitive, Value
from scalargrad.check import strategies
from scalargrad.check.strategies import LARGE, MARGIN, expressions, networks, numbers, points, training_sets, values
from scalargrad.engine import declaration, primitives
from scalargrad.engine.declaration import Break
from scalargrad.expressions.recorded import Expression
from scalargrad.nn import MLP

from ..oracle import Program, dual_gradient

PUBLIC = [
    primitive
    for name, primitive in vars(primitives).items()
    if isinstance(primitive, Primitive) and not name.startswith("_")
]
KINKED = [primitive for primitive in PUBLIC if primitive.kinks]
BINARY = [primitive for primitive in PUBLIC if primitive.arity == 2 and primitive.name not in {"greater", "polygamma"}]
repeatable = settings(max_examples=1000, derandomize=True, database=None)


def examples(strategy: st.SearchStrategy[Any], n: int = 200) -> list[Any]:
    drawn: list[Any] = []

    @settings(max_examples=n, derandomize=True, database=None, phases=[Phase.generate])
    @given(strategy)
    def collect(example: Any) -> None:
        drawn.append(example)

    collect()
    return drawn


def reported(law: Callable[..., Any]) -> str:
    """What Hypothesis says of the smallest example that breaks a law."""
    with pytest.raises(AssertionError) as raised:
        law()
    return "\n".join(raised.value.__notes__)


def arguments(report: str) -> list[str]:
    """The arguments of the call that a report shows."""
    call = ast.parse(report[report.index("law(") :].partition("\n)")[0] + "\n)", mode="eval").body
    assert isinstance(call, ast.Call)
    return [ast.unparse(keyword.value) for keyword in call.keywords]


# ---------------------------------------------------------------- numbers and points


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.data())
def test_numbers_lie_between_their_bounds(low: float, width: float, data: st.DataObject) -> None:
    """Every number is a float of the interval, the bounds included, however narrow it is."""
    x = data.draw(numbers(low, low + width))
    assert type(x) is float
    assert low <= x <= low + width


def test_numbers_have_few_digits() -> None:
    """Of the numbers from -4 to 4 none has more than three digits after the point, and none is -0.0."""
    drawn = examples(numbers())
    assert len(set(drawn)) > 50
    assert all(x == round(x, 3) and not (x == 0 and math.copysign(1, x) < 0) for x in drawn)


@given(values(0.0, 1.0))
def test_values_are_fresh_leaves(value: Value) -> None:
    """A value is a leaf that no sweep has reached."""
    assert type(value) is Value
    assert value.op is None
    assert not value.swept
    assert 0.0 <= value.data <= 1.0


@pytest.mark.parametrize("primitive", PUBLIC, ids=lambda primitive: primitive.name)
def test_points_lie_in_the_declared_domain(primitive: Primitive) -> None:
    """A point lies in each declared interval, at a distance from each declared kink and pole, and they vary."""
    drawn = examples(points(primitive), 60)
    assert len(set(drawn)) > 30
    for point in drawn:
        for x, (low, high) in zip(point, primitive.domain, strict=True):
            assert low < x < high or (math.isnan(low) and x in range(4))
        for operand, nearest in primitive.kinks + primitive.poles:
            assert not abs(point[operand] - nearest(*point)) < MARGIN / 2


def test_points_come_close_to_the_ends_of_the_domain() -> None:
    """Near the end of a domain rules are most often wrong: some points are a thousandth from it, none nearer."""
    ends = {x for (x,) in examples(points(primitives.log), 200)}
    assert min(ends) == MARGIN / 100
    assert MARGIN / 10 in ends
    both = {x for (x,) in examples(points(primitives.atanh), 200)}
    assert (min(both), max(both)) == (-1 + MARGIN / 100, 1 - MARGIN / 100)


@pytest.mark.parametrize("primitive", KINKED, ids=lambda primitive: primitive.name)
def test_points_near_kinks_lie_on_them(primitive: Primitive) -> None:
    """With `near_kinks` a point lies exactly at a declared kink."""
    for point in examples(points(primitive, near_kinks=True), 20):
        assert any(point[operand] == nearest(*point) for operand, nearest in primitive.kinks)


def own(domain: tuple[float, float], poles: list[float]) -> Primitive:
    return dataclasses.replace(
        primitives.abs,
        name="own",
        domain=(domain,),
        kinks=(),
        poles=tuple(declaration.Break(0, lambda x, at=at: at) for at in poles),
    )


@given(st.floats(-9, 9), st.floats(1e-3, 99), st.sampled_from(["low", "high", "both"]), st.data())
def test_points_keep_to_any_interval(low: float, width: float, ends: str, data: st.DataObject) -> None:
    """Whatever open interval is declared, narrow or infinite on one side, the points are inside."""
    interval = (low if ends != "high" else -math.inf, low + width if ends != "low" else math.inf)
    (x,) = data.draw(points(own(interval, [])))
    assert interval[0] < x < interval[1]


@given(st.floats(-8, 8), st.sampled_from([-3.0, -1.0, 0.5, 3.0]), st.sampled_from(["kinks", "poles"]))
@example(3.0, 3.0, "kinks")
@example(-2.99, -3.0, "poles")
@example(3.01, 3.0, "poles")
def test_a_point_close_to_a_break_is_moved_beside_it(x: float, place: float, kind: str) -> None:
    """It comes to a margin from the break, on its own side; from the break itself to one half; others stay."""
    declared: Any = {kind: (Break(0, lambda x: place),)}
    (moved,) = strategies._moved_apart(dataclasses.replace(primitives.tanh, **declared), (x,))
    offset = x - place
    margin = math.copysign(MARGIN, offset) if offset else 0.5
    assert moved == pytest.approx(place + margin if abs(offset) < MARGIN else x, abs=1e-12)


@pytest.mark.parametrize("order", [0.0, 1.0, 2.0])
def test_a_whole_number_that_works_is_looked_for(order: float) -> None:
    """An operation that is smooth for one whole number alone, 0, 1 or 2, is used with that; with none it is refused."""
    only = dataclasses.replace(
        primitives.polygamma,
        value=lambda n, x: math.tanh(x) if n == order else math.nan,
        partials=(lambda out, n, x: 0.0, lambda out, n, x: 1 - out * out),
        poles=(),
    )
    assert strategies._home(only)[0] == order
    never = dataclasses.replace(only, value=lambda n, x: math.nan)
    with pytest.raises(ValueError, match="is not smooth at any of the points tried"):
        strategies._home(never)


def test_points_keep_away_from_breaks_that_stand_close() -> None:
    """Between two poles that leave no room, no point is drawn."""
    drawn = {x for (x,) in examples(points(own(declaration.REALS, [0.0, 0.01])), 100)}
    assert not any(abs(x) < MARGIN / 2 or abs(x - 0.01) < MARGIN / 2 for x in drawn)


# ---------------------------------------------------------------- expressions are what they promise


def operands_at(expression: Expression) -> list[tuple[Primitive, tuple[float, ...], float]]:
    """Each operation of an expression with the numbers it is applied to, and its value."""
    known: list[float] = list(expression.point)
    applications = []
    for primitive, places in expression.operations:
        applied_to = tuple(known[place] if isinstance(place, int) else place for place in places)
        known.append(primitive(*applied_to))
        applications.append((primitive, applied_to, known[-1]))
    return applications


@given(expressions())
def test_every_operation_is_smooth_where_it_is_applied(expression: Expression) -> None:
    """At its point each operand of an expression is inside the domain and away from breaks; no slope is tiny."""
    for primitive, applied_to, value in operands_at(expression):
        assert abs(value) <= LARGE
        assert not strategies.misplaced(primitive, applied_to, MARGIN, MARGIN)
        slopes = [abs(rule(value, *applied_to)) for rule in primitive.partials]
        assert all(slope == 0 or 1 / LARGE <= slope <= LARGE for slope in slopes)


@given(expressions())
def test_its_gradients_are_those_of_dual_numbers(expression: Expression) -> None:
    """The gradients of an expression are those of forward mode on dual numbers that know no declaration."""
    for leaf, dual in zip(swept(expression), dual_gradient(program(expression), expression.point), strict=True):
        assert abs(leaf.grad - dual.derivative) <= 1e-11 * dual.magnitude


def swept(expression: Expression) -> list[Value]:
    leaves = [Value(x) for x in expression.point]
    result = expression(*leaves)
    if isinstance(result, Value):
        result.backward()
    return leaves


def program(expression: Expression) -> Program:
    return Program(expression.point, tuple((p.name, operands) for p, operands in expression.operations))


@given(expressions("ab", [primitives.multiply, primitives.log, primitives.tanh], depth=3))
def test_expressions_are_made_of_what_is_asked_for(expression: Expression) -> None:
    """Variables have the given names, operations are those given, or constants added; chains are no longer."""
    assert expression.variables == ("a", "b")
    shifts = {primitives.add, primitives.subtract}
    assert {p for p, _ in expression.operations} <= {primitives.multiply, primitives.log, primitives.tanh} | shifts
    lengths = [0] * len(expression.point)
    for primitive, operands in expression.operations:
        longest = max(lengths[place] for place in operands if isinstance(place, int))
        lengths.append(longest + (primitive not in shifts))
        if primitive in shifts:
            assert type(operands[1]) is float
    assert 1 <= max(lengths) <= 3


def test_expressions_vary() -> None:
    """A few hundred hold all default operations, every number of variables, shared results, and long chains."""
    drawn = examples(expressions(), 600)
    used = {primitive for expression in drawn for primitive, _ in expression.operations}
    assert {p.name for p in PUBLIC} - {p.name for p in used} == {"greater", "stop_gradient", "polygamma"}
    assert {len(expression.variables) for expression in drawn} == {1, 2, 3}
    assert sum(":=" in repr(expression) for expression in drawn) > 60
    assert sum(len(expression.operations) >= 5 for expression in drawn) > 100
    assert len(set(drawn)) > 300


def test_polygamma_is_used_with_whole_orders() -> None:
    """An operand in which there is no derivative is a plain number, and one that the operation is defined for."""
    drawn = examples(expressions(primitives=[primitives.polygamma]), 60)
    orders = {operands[0] for f in drawn for p, operands in f.operations if p is primitives.polygamma}
    assert orders <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    assert len(orders) > 1


def test_an_operation_with_a_narrow_domain_of_its_own_is_used_inside() -> None:
    """A user's operation that is smooth only between 10 and 11 is applied there and nowhere else."""
    narrow = own((10.0, 11.0), [])
    for expression in examples(expressions(primitives=[narrow, primitives.exp]), 60):
        for primitive, applied_to, _ in operands_at(expression):
            assert primitive is not narrow or 10.0 < applied_to[0] < 11.0


# ---------------------------------------------------------------- what fails is small, and can be pasted


def with_wrong_rule(primitive: Primitive, index: int) -> Primitive:
    rules = list(primitive.partials)
    right = rules[index]
    rules[index] = lambda *operands: 1.001 * right(*operands)
    return dataclasses.replace(primitive, partials=tuple(rules))


def disagrees(expression: Expression) -> bool:
    duals = dual_gradient(program(expression), expression.point)
    return any(
        abs(leaf.grad - dual.derivative) > 1e-5 * dual.magnitude
        for leaf, dual in zip(swept(expression), duals, strict=True)
    )


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@pytest.mark.parametrize(
    ("primitive", "index"), [pytest.param(p, i % 2, id=f"{p.name}-{i % 2}") for i, p in enumerate(BINARY)]
)
def test_a_wrong_rule_is_shown_in_few_operations(primitive: Primitive, index: int) -> None:
    """A rule that is off by 0.1% is drawn among all operations; what is left has few of them and simple numbers."""
    wrong = with_wrong_rule(primitive, index)
    others = [other for other in strategies.default() if other is not primitive]
    smallest = find(expressions(primitives=[*others, wrong]), disagrees, settings=repeatable)
    assert len(smallest.operations) <= 4  # how far it gets depends on the constants in the modules loaded so far
    constants = [x for _, operands in smallest.operations for x in operands if isinstance(x, float)]
    assert all(x == round(x, 1) and abs(x) <= 5 for x in [*smallest.point, *constants])


def test_right_rules_disagree_nowhere() -> None:
    """Negative control: with no rule wrong the same search finds nothing."""
    with pytest.raises(NoSuchExample):
        find(expressions(), disagrees, settings=settings(repeatable, max_examples=300))


def test_a_failing_test_prints_what_can_be_pasted() -> None:
    """A failing law is reported with an expression that, pasted, fails again."""
    wrong = with_wrong_rule(primitives.hypot, 0)

    @repeatable
    @given(f=expressions(primitives=[primitives.add, primitives.tanh, wrong]))
    def law(f: Expression) -> None:
        assert not disagrees(f)

    (text,) = arguments(reported(law))
    names = {**vars(scalargrad), "hypot": wrong, "Expression": Expression}
    assert disagrees(eval(text, names))  # noqa: S307  # what is printed is meant to be run


def test_a_failing_test_prints_its_network() -> None:
    """A failing law about networks is reported with a call that makes the same weights again."""
    parameters: list[list[float]] = []

    @repeatable
    @given(model=networks(), pairs=training_sets())
    def law(model: MLP, pairs: list[tuple[list[float], float]]) -> None:
        parameters.append([parameter.data for parameter in model.parameters()])
        assert len(model.layers) < 2 or len(pairs) < 2

    text, pairs = arguments(reported(law))
    again = eval(text, {"MLP": MLP, "tenths": strategies.tenths})  # noqa: S307  # likewise
    assert [parameter.data for parameter in again.parameters()] == parameters[-1]
    assert ast.literal_eval(pairs) == [([0.0, 0.0], 0.0), ([0.0, 1.0], 0.0)]


# ---------------------------------------------------------------- networks and training sets


@given(networks(inputs=2, outputs=3, activations=["sin"]))
def test_networks_have_the_shape_asked_for(model: MLP) -> None:
    """A network takes and gives as many numbers as asked, and starts with weights of whole tenths."""
    assert len(model([0.5, -1.0])) == 3
    assert model.activation == "sin"
    assert all(parameter.data * 10 == round(parameter.data * 10) for parameter in model.parameters())
    assert repr(model).startswith("MLP(2, [")


def test_weights_are_tenths_from_minus_two_to_two() -> None:
    """Each tenth from -2 to 2 comes up, and no other number."""
    rng = random.Random(0)
    assert {strategies.tenths(rng, 3) for _ in range(2000)} == {k / 10 for k in range(-20, 21)}


def test_networks_vary() -> None:
    """Among a hundred there are all depths, activations and numbers of inputs and outputs."""
    drawn = examples(networks(), 100)
    assert {len(model.layers) for model in drawn} == {1, 2, 3}
    assert {model.activation for model in drawn} == {"tanh", "sigmoid", "softplus"}
    assert {model.layers[0].n_inputs for model in drawn} == {1, 2, 3}
    assert {len(model.layers[-1].neurons) for model in drawn} == {1, 2, 3}


@given(training_sets(inputs=1, outputs=2), training_sets(inputs=3, classes=4, max_size=2), training_sets())
def test_training_sets_have_the_shape_asked_for(several: Any, classes: Any, plain: Any) -> None:
    """Rows are as long as asked and different; a target is a number, a list of them, or a class."""
    assert all(len(row) == 1 and len(target) == 2 for row, target in several)
    assert all(len(row) == 3 and target in range(4) and type(target) is int for row, target in classes)
    assert len(classes) <= 2
    assert all(len(row) == 2 and type(target) is float for row, target in plain)
    assert len({tuple(row) for row, _ in plain}) == len(plain)


# ---------------------------------------------------------------- what is wrong is said


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: numbers(1.0, 0.0), ValueError, "two finite bounds, the lower one first, got 1.0 and 0.0"),
        (lambda: values(0.0, math.inf), ValueError, "two finite bounds, the lower one first, got 0.0 and inf"),
        (lambda: points(cast(Any, "tanh")), TypeError, "expected a primitive, got 'tanh' of type str"),
        (lambda: points(primitives.tanh, near_kinks=True), ValueError, "tanh declares no kinks for points to be near"),
        (lambda: expressions(0), ValueError, "the number of variables must be an integer of at least 1, got 0"),
        (lambda: expressions(""), ValueError, "variables need one name each, got ''"),
        (lambda: expressions("xx"), ValueError, "variables need one name each, got 'xx'"),
        (lambda: expressions("µμ"), ValueError, "variables need one name each, got 'µμ'"),
        (lambda: expressions(["a b"]), ValueError, "a name that can be written in Python, got 'a b'"),
        (lambda: expressions(["if"]), ValueError, "a name that can be written in Python, got 'if'"),
        (lambda: expressions(cast(Any, [1])), ValueError, "a name that can be written in Python, got 1"),
        (lambda: expressions(primitives=[]), ValueError, "at least one primitive to choose from, got none"),
        (
            lambda: expressions(primitives=cast(Any, [math.sin])),
            TypeError,
            "expected a primitive, got <built-in function sin>",
        ),
        (lambda: expressions(depth=0), ValueError, "the depth must be an integer of at least 1, got 0"),
        (lambda: expressions(primitives=[own((1.0, 1.0), [])]), ValueError, "own is not smooth at any of the"),
        (lambda: expressions(primitives=[own((math.nan,) * 2, [])]), ValueError, "own is not smooth at any of the"),
        (lambda: networks(inputs=0), ValueError, "the number of inputs must be an integer of at least 1, got 0"),
        (lambda: networks(activations=[]), ValueError, "at least one activation to choose from, got none"),
        (lambda: training_sets(classes=0), ValueError, "the number of classes must be an integer of at least 1, got 0"),
        (lambda: training_sets(max_size=0), ValueError, "the largest number of pairs must be an integer of at least 1"),
    ],
)
def test_a_wrong_argument_is_an_error_at_once(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    """What was given and what was expected is said when the strategy is made, not when it is drawn from."""
    with pytest.raises(error, match=message):
        call()


def test_without_hypothesis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Hypothesis is not installed, the import fails with the extra to install."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "scalargrad.check.strategies")
    with pytest.raises(ImportError, match=r"install 'scalargrad-engine\[check\]', or in a clone"):
        importlib.import_module("scalargrad.check.strategies")
