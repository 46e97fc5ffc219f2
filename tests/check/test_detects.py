"""The negative control: every rule of every operation, made wrong in every way, is caught at both orders."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from threading import Thread
from typing import Any

import pytest

from scalargrad import GradientMismatch, Primitive, Value, assert_detects, exp, gradcheck, nn, stop_gradient, tanh
from scalargrad.check.detects import SPOILED, spoiled
from scalargrad.engine import modes, primitives
from scalargrad.engine.declaration import operand_names
from tests.engine.test_primitives import BUILT_IN, every_primitive, sample

FEW = 4  # points; each is checked some twenty times
LINEAR = {"add", "subtract", "negative", "degrees", "radians", "abs", "relu", "maximum", "minimum", "_finite"}
CONSTANT = {"greater", "stop_gradient", "_held_finite"}  # rules that are 0 everywhere
NOT_BY_ALL = {"polygamma": (1,), "_power_derivative": (0, 1)}  # operands with a derivative


def alone(primitive: Primitive, point: tuple[float, ...]) -> tuple[Callable[..., Value], tuple[float, ...]]:
    """The operation as a function of the operands in which it has a derivative."""
    fixed = {k: x for k, x in enumerate(point) if isnan(primitive.domain[k][0])}

    def applied(*operands: Value) -> Value:
        given = iter(operands)
        result: Value = primitive(*[fixed[k] if k in fixed else next(given) for k in range(primitive.arity)])
        return result

    return applied, tuple(x for k, x in enumerate(point) if k not in fixed)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@every_primitive
def test_every_wrong_rule_is_caught(primitive: Primitive) -> None:
    """Each rule × 1.001, with the other sign, or 0, and each rule's derivative likewise, makes the check fail."""
    names = operand_names(primitive)
    operands = NOT_BY_ALL.get(primitive.name, () if primitive.name in CONSTANT else range(primitive.arity))
    expected = {f"the rule of {primitive.name} in {names[k]} {how}" for k in operands for how in SPOILED}
    if primitive.name not in LINEAR:
        expected |= {rule.replace("the rule", "the derivative of the rule") for rule in expected}
    caught: set[str] = set()
    for point in sample(primitive)[:FEW]:
        function, inputs = alone(primitive, point)
        if primitive.name not in CONSTANT and gradcheck(function, *inputs, order=2):
            caught.update(assert_detects(function, *inputs, order=2).caught)
    assert caught == expected


@every_primitive
def test_no_right_rule_is_blamed(primitive: Primitive) -> None:
    """With the rules as they are, nothing is wrong at any of the same points."""
    for point in sample(primitive):
        function, inputs = alone(primitive, point)
        report = gradcheck(function, *inputs, order=2)
        assert not report.wrong, str(report)


def test_a_check_without_teeth_is_seen() -> None:
    """A check that passes whatever the rules are makes the assertion fail, and the rules are named."""
    with pytest.raises(AssertionError, match=r"6 of 6 wrong rules went unnoticed: the rule of multiply in x × 1\.001"):
        assert_detects(lambda x, y: x * y, 2.0, 3.0, check=lambda f, x, y: None)


def test_a_check_of_one_s_own_is_tried() -> None:
    """A user's check is called with the function and the point, and its AssertionErrors count."""

    def check(f: Callable[[Value], Value], x: float) -> None:
        value = Value(x)
        f(value).backward()
        assert value.grad == pytest.approx(1 / x, rel=1e-6)

    assert str(assert_detects(lambda x: x.log(), 2.0, check=check)) == "3 wrong rules tried, all caught"


def test_a_check_that_fails_anyway_proves_nothing() -> None:
    """What the check raises with the right rules is handed on."""
    with pytest.raises(GradientMismatch):
        assert_detects(lambda x: x * x.data, 3.0)


def test_rules_without_effect_are_told() -> None:
    """A rule that is 0 at the point cannot be made wrong by a factor, and is listed."""
    detection = assert_detects(lambda x: x.relu() + x, -1.0)
    assert detection.without_effect == tuple(f"the rule of relu in x {how}" for how in SPOILED)
    assert "the rule of relu in x set to 0 changes nothing at this point" in str(detection)


def test_a_function_without_operations_has_no_rules() -> None:
    """What cannot be tried is an error, not a pass."""
    with pytest.raises(ValueError, match="applies no operation to its inputs"):
        assert_detects(lambda x: x, 1.0)
    with pytest.raises(ValueError, match="applies no operation"):
        assert_detects(stop_gradient, 1.0, check=lambda f, x: None)


def test_a_recorded_value_s_labelled_leaves_are_tried() -> None:
    """As `gradcheck` does, it takes a recorded Value alone, or with its leaves as the point."""
    x, y = Value(0.5, label="x"), Value(0.8)
    assert len(assert_detects((x * y).tanh()).caught) == 6  # y has no label
    assert len(assert_detects((x * y).tanh(), [x, y]).caught) == 9


def test_graphs_and_models_are_tried_too() -> None:
    """A recorded graph is recorded anew with each wrong rule; a loss is called anew."""
    x, y = Value(0.5), Value(0.8)
    product = (x * y).tanh()
    assert len(assert_detects(product, wrt=[x, y], order=2).caught) == 18
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    assert len(assert_detects(lambda: model([1.0, -2.0]), wrt=model).caught) > 6
    output = model([1.0, -2.0])
    assert assert_detects(output, wrt=model).caught == assert_detects(output, wrt=model.parameters()).caught


def test_declarations_are_never_touched() -> None:
    """Inside the block another rule is recorded, outside and in other threads the declared one, also after an error."""
    seen: list[float] = []

    def slope() -> float:
        x = Value(1.0)
        exp(x).backward()
        return x.grad

    right = slope()
    with pytest.raises(KeyError), modes.instead(exp, spoiled(exp, 0, 0.0)):  # noqa: PT012  # what is inside matters
        thread = Thread(target=lambda: seen.append(slope()))
        thread.start()
        thread.join()
        assert slope() == 0.0
        raise KeyError
    assert slope() == right == seen[0]
    assert exp.partials == primitives.exp.partials


def test_a_rule_right_at_first_order_and_wrong_at_second() -> None:
    """It passes the first order, fails the second, and the derivative of the rule is named."""
    with modes.instead(tanh, spoiled(tanh, 0, 1.001, depth=2)):
        assert gradcheck(lambda x: x.tanh() * x, 0.5)
        report = gradcheck(lambda x: x.tanh() * x, 0.5, order=2)
    assert [comparison.verdict for comparison in report.comparisons] == ["agrees", "disagrees"]
    assert ("tanh", 2, "the function") in [
        (culprit.primitive, culprit.order, culprit.graph) for culprit in report.culprits
    ]


def test_all_operations_are_here() -> None:
    """The sets above name declared operations."""
    names = {primitive.name for primitive in BUILT_IN}
    assert names >= LINEAR | CONSTANT | NOT_BY_ALL.keys()


def test_unknown_settings_are_refused() -> None:
    """A misspelt argument is an error of the check itself."""
    settings: dict[str, Any] = {"tolerance": 1e-3}
    with pytest.raises(TypeError, match="tolerance"):
        assert_detects(lambda x: x.exp(), 1.0, **settings)
