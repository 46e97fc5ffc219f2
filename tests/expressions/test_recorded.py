"""The laws of expressions: they compute what was recorded, and what they print makes them again."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given

import scalargrad
from scalargrad import Value, gradcheck
from scalargrad.engine import declaration, primitives
from scalargrad.engine.graph import topological_order
from scalargrad.expressions.recorded import NESTING, Expression

from ..oracle import Program, programs, run

FUNCTIONS: dict[str, Any] = vars(scalargrad)


def recorded(program: Program) -> tuple[Expression, list[Value], Value]:
    leaves = [Value(x) for x in program.leaves]
    result = run(program, leaves, FUNCTIONS)[-1]
    return Expression.recorded(result, leaves), leaves, result


def pasted(text: str, **names: Any) -> dict[str, Any]:
    """What a program that is pasted at a prompt leaves behind."""
    left: dict[str, Any] = dict(names)
    exec(text, left)  # noqa: S102  # what is printed is meant to be run
    return left


def gradients(result: Value, leaves: list[Value]) -> list[str]:
    for node in topological_order(result):
        node.zero_grad()
    result.backward()
    return [leaf.grad.hex() for leaf in leaves]


# ---------------------------------------------------------------- what it computes


@given(programs())
def test_it_computes_what_was_recorded(program: Program) -> None:
    """On floats and on Values it gives the recorded result to the bit, and the recorded gradients."""
    expression, leaves, result = recorded(program)
    again = [Value(x) for x in program.leaves]
    value = expression(*again)
    assert expression(*expression.point) == value.data == result.data
    assert type(expression(*expression.point)) is float
    if value not in again:
        assert gradients(value, again) == gradients(result, leaves)


@given(programs())
def test_what_it_prints_makes_it_again(program: Program) -> None:
    """Its repr is Python that evaluates to an equal expression, with as many operations: sharing survives."""
    expression, _, _ = recorded(program)
    again = pasted(f"again = {expression!r}", **{**FUNCTIONS, "Expression": Expression})["again"]
    assert again == expression
    assert hash(again) == hash(expression)


@given(programs())
def test_its_source_runs_alone(program: Program) -> None:
    """Its source is a program that needs nothing else, and leaves the same result and gradients behind."""
    expression, leaves, result = recorded(program)
    left = pasted(expression.source)
    assert left["result"].data == result.data
    inputs = [left[name] for name in expression.variables]
    if left["result"] not in inputs:
        assert gradients(left["result"], inputs) == gradients(result, leaves)


def test_another_expression_is_not_equal() -> None:
    """Negative control: another operation, number, sign of zero, name, point or result makes another expression."""
    original = Expression(lambda x: (x + 0.0) * 2, 1.0)
    for other in (
        Expression(lambda x: (x + 0.0) - 2, 1.0),
        Expression(lambda x: (x + 0.0) * 3, 1.0),
        Expression(lambda x: (x + -0.0) * 2, 1.0),
        Expression(lambda y: (y + 0.0) * 2, 1.0),
        Expression(lambda x: (x + 0.0) * 2, 1.5),
        Expression(lambda x: x, 1.0),
        "Expression",
    ):
        assert original != other


# ---------------------------------------------------------------- how it reads


@pytest.mark.parametrize(
    ("function", "point", "text"),
    [
        (lambda x, y: (x + y) * x - (x - y), (1.0, 2.0), "lambda x, y: (x + y) * x - (x - y), 1.0, 2.0"),
        (lambda x: (-2) ** x, (2.0,), "lambda x: (-2) ** x, 2.0"),
        (lambda x: 1.5 * x, (-0.0,), "lambda x: 1.5 * x, -0.0"),
        (lambda x: x + -0.0, (1.0,), "lambda x: x + -0.0, 1.0"),
        (lambda x: x * math.inf, (math.nan,), "lambda x: x * float('inf'), float('nan')"),
        (lambda x: x > 0 and x, (1.0,), "lambda x: x, 1.0"),
        (lambda x: primitives.greater(x, 1e300), (1.0,), "lambda x: greater(x, 1e+300), 1.0"),
        (lambda: 3, (), "lambda: 3"),
        (lambda a, b: Value(0.5), (1.0, 2.0), "lambda a, b: 0.5, 1.0, 2.0"),
        (lambda *several: several[0] + several[3], (1.0,) * 4, "lambda x1, x2, x3, x4: x1 + x4, 1.0, 1.0, 1.0, 1.0"),
        (lambda v1: (v1.exp(), v1.exp())[0] ** 2, (1.0,), "lambda v1: exp(v1) ** 2, 1.0"),
        (lambda exp: exp.exp(), (1.0,), "lambda exp_: exp(exp_), 1.0"),
    ],
)
def test_it_reads_as_a_person_would_write_it(function: Any, point: tuple[float, ...], text: str) -> None:
    """Operators where Python has them, parentheses where they are needed, the parameters' own names, whole ints."""
    assert repr(Expression(function, *point)) == f"Expression({text})"


def test_a_check_speaks_of_its_variables() -> None:
    """`gradcheck` calls the inputs of an expression by its variables' names."""
    report = gradcheck(Expression(lambda a, b: a * b, 2.0, 3.0), 2.0, 3.0)
    assert [comparison.wrt for comparison in report.comparisons] == ["a", "b"]


def test_shared_results_have_names() -> None:
    """A result that is used more than once is written once, under a name that is free."""

    def f(v1: Value) -> Value:
        square = v1 * v1
        return square / (square + 1)

    assert repr(Expression(f, 2.0)) == "Expression(lambda v1: (v1_ := v1 * v1, v1_ / (v1_ + 1))[-1], 2.0)"


def test_an_own_operation_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source of an expression with a user's operation takes it from where it was declared."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))

    @scalargrad.primitive(partials=[lambda out, x, y, z: y, lambda out, x, y, z: x, lambda out, x, y, z: 1.0])
    def multiply_add(x: float, y: float, z: float) -> float:
        return x * y + z

    expression = Expression(lambda x: multiply_add(x, 2, x.tanh()), 3.0)
    assert expression.source.splitlines() == [
        "from scalargrad import Value, tanh",
        "from scalargrad.engine.declaration import named",
        "",
        'multiply_add = named("multiply_add")',
        "x = Value(3.0)",
        "result = multiply_add(x, 2, tanh(x))",
    ]
    assert pasted(expression.source)["result"].data == expression(3.0)


def test_a_constant_has_a_source_too() -> None:
    """An expression without variables is a program without them."""
    assert Expression(lambda: 3).source == "from scalargrad import Value\n\nresult = 3"


@pytest.mark.parametrize("length", [NESTING, NESTING + 1, NESTING + 2, 20_000])
def test_depth_has_no_limit(length: int) -> None:
    """A chain is recorded, run and printed however long it is; what is nested deep gets names."""

    def chain(x: Value) -> Value:
        for _ in range(length):
            x = x + 1
        return x

    expression = Expression(chain, 0.0)
    assert len(expression.operations) == expression(0.0) == length
    assert repr(expression).count(":=") == (length - 1) // (NESTING + 1)
    assert pasted(expression.source)["result"].data == length


# ---------------------------------------------------------------- errors


def test_it_takes_one_operand_for_each_variable() -> None:
    """Called with too few or too many operands it says how many it takes."""
    with pytest.raises(TypeError, match="the expression takes 2 operands, got 1"):
        Expression(lambda x, y: x * y, 1.0, 2.0)(1.0)
    with pytest.raises(TypeError, match="the expression takes 1 operand, got 0"):
        Expression(lambda x: x * x, 1.0)()


def test_a_function_must_return_a_number() -> None:
    """A function that returns anything but a Value or a number is refused, and so is a point of anything else."""
    with pytest.raises(TypeError, match=r"what an expression's function returns must be a real number, got \[\]"):
        Expression(lambda x: [], 1.0)
    with pytest.raises(TypeError, match="data must be a real number, got 'a'"):
        Expression(lambda x: x, "a")  # type: ignore[arg-type]  # the wrong type is what is tested
