"""The laws of the steps: they are the sweep, term by term, forwards and backwards."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, Value, steps
from tests.oracle import Program, programs, run
from tests.test_sweep import FUNCTIONS

seeds = st.floats()


def recorded(program: Program) -> list[Value]:
    return run(program, [Value(x) for x in program.leaves], FUNCTIONS)


def same(x: float, y: float) -> bool:
    """Equal to the last bit and to the sign of 0; two nans are the same."""
    return x.hex() == y.hex()


# ---------------------------------------------------------------- they are the sweep


@given(programs(), seeds)
def test_each_step_adds_up(program: Program, seed: float) -> None:
    """Every step's total after it is that before it plus local × upstream, to the bit."""
    for step in steps(recorded(program)[-1], seed):
        assert same(step.after, step.before + step.local * step.upstream)
        assert same(step.product, step.local * step.upstream)
        assert step.result.args[step.position] is step.operand
        assert same(step.local, step.result.local_gradients[step.position])


@given(programs(), seeds)
def test_the_last_totals_are_the_gradients(program: Program, seed: float) -> None:
    """Where all steps have been made, each total is what `backward` brings, to the bit."""
    nodes = recorded(program)
    walk = steps(nodes[-1], seed).last()
    nodes[-1].backward(seed)
    for node in walk.order:
        total = walk.total(node)
        if node.__class__ is not Constant:
            assert total is not None
            assert same(total, node.grad)


@given(programs(), st.lists(st.sampled_from(["next", "back", "next_node", "back_node"])))
def test_any_walk_ends_where_as_many_nexts_end(program: Program, moves: list[str]) -> None:
    """Where one stands, and every total there, depends only on the number of steps made."""
    walk, straight = (steps(recorded(program)[-1]) for _ in range(2))
    for move in moves:
        getattr(walk, move)()
    for _ in range(walk.position):
        straight.next()
    assert straight.position == walk.position
    assert [repr(walk.total(node)) for node in walk.order] == [repr(straight.total(node)) for node in straight.order]


def test_negative_zeros_are_kept() -> None:
    """A total of -0.0 stays one: 0.0 + -0.0 is 0.0, and so says the last step."""
    x = Value(0.0, label="x")
    walk = steps(x * -0.0)
    (step,) = walk
    assert math.copysign(1.0, step.product) == -1.0
    assert math.copysign(1.0, step.after) == 1.0


def test_no_gradient_is_touched() -> None:
    """Neither recording the steps nor walking changes any `.grad`."""
    a = Value(2.0)
    b = a * a
    walk = steps(b)
    walk.last().first()
    assert not a.swept
    assert not b.swept


def test_a_step_reads_as_one_line() -> None:
    """It shows the chain rule, the numbers, and the total before and after."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    d = a * b
    d.label = "d"
    loss = d + a
    loss.label = "L"
    assert str(steps(loss)[2]) == "∂L/∂a += ∂L/∂d · ∂d/∂a = 1.0 × -3.0 = -3.0   (1.0 → -2.0)"
    assert steps(loss)[2].as_dict() == {
        "index": 2,
        "result": "d",
        "operand": "a",
        "operation": "multiply",
        "formula": "b",
        "local": -3.0,
        "upstream": 1.0,
        "product": -3.0,
        "before": 1.0,
        "after": -2.0,
    }


@pytest.mark.parametrize(
    ("made", "formulas"),
    [
        (lambda x: x.tanh(), ["1 - y * y"]),
        (lambda x: x**-2, ["(-2) * x ** ((-2) - 1)"]),
        (lambda x: x / 4, ["1 / 4"]),
        (lambda x: -3 * x, ["-3"]),
        (lambda x: x + x, ["1", "1"]),
        (lambda x: scalargrad.maximum(x, x), ["0.5 * (1 + (x > x) - (x > x))"] * 2),
    ],
)
def test_formulas_speak_of_the_nodes(made: Any, formulas: list[str]) -> None:
    """The local derivative is written in the names of the nodes, numbers in parentheses where negative."""
    y = made(Value(2.0, label="x"))
    y.label = "y"
    assert [step.formula for step in steps(y)] == formulas


def test_the_prompt_walks_the_same_cursor() -> None:
    """`prompt` moves the steps it was opened on."""
    x = Value(3.0, label="x")
    walk, shown = steps(x * x), io.StringIO()
    walk.prompt(io.StringIO("step\n"), shown)
    assert walk.position == 1
    assert str(walk[0]) in shown.getvalue()


def test_a_constant_gets_no_step() -> None:
    """What a result hands to a constant is not a step, and changes no other."""
    x = Value(3.0, label="x")
    walk = steps(x * 2 + 1)
    assert [step.operand.label for step in walk] == [None, "x"]
    assert walk.last().total("x") == 2.0
