"""One run of the user's function: what it may do with an input, and what it is told when it may not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import scalargrad
from scalargrad import Value, functional, hypot, lift, no_grad, stop_gradient
from scalargrad.lift.trace import Trace, Traced, TraceError

each_target = pytest.mark.parametrize("target", ["numpy", "python"])


def test_an_input_can_be_looked_at() -> None:
    """Its name shows without its number: a traced Value prints, by its label where it has one."""
    shown: list[str] = []

    def loss(x: Any) -> Any:
        shown.append(repr(x))
        x.label = "pressure"
        shown.append(repr(x))
        x.label = None
        return x * w

    w = Value(2.0)
    lift(loss, [w], check=False)([1.0])
    assert shown == ["<traced 1>", "<traced pressure>"]


def test_a_label_is_kept_whatever_it_is_on() -> None:
    """Parameters, and what is computed from them alone, keep their labels in the trace."""
    w, b = Value(2.0, label="weight"), Value(1.0)
    penalty = w * b
    penalty.label = "penalty"
    trace = Trace([w, b])
    assert trace.labels[trace.index_of(penalty)] == "penalty"
    assert trace.labels[trace.index_of(w)] == "weight"
    assert set(trace.labels.values()) == {"weight", "penalty"}


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda x: x.backward(), "the gradient is asked for inside the function"),
        (lambda x: functional.cross_entropy([x, 2 * x], x), "used as an index, or as a class"),
        (lambda x: functional.hinge(x, x), "the number of an input is asked for"),
    ],
)
def test_what_it_cannot_do_is_said(ask: Any, reason: str) -> None:
    """A sweep inside the function, and an input as a class or a label, are TraceErrors that say what to do or why."""
    w = Value(1.0)
    with pytest.raises(TraceError, match=reason):
        lift(lambda x: w * ask(w * x), [w])([1.0])


@each_target
def test_operands_of_any_kind(target: str) -> None:
    """Numbers of Python and numpy, parameters, other Values and results of them meet inputs on either side."""
    w, free = Value(2.0, label="w"), Value(3.0, label="free")
    made = w * free  # recorded before anything is traced

    def loss(x: Any) -> Any:
        terms = [1 + x, x + 1, np.float64(0.5) * x, x - free, free - x, w / x, x / w, made * x, x * made, 2**x, x**2]
        return sum(terms) + hypot(x, 1) + x.maximum(w) + scalargrad.minimum(0.5, x)

    program: Any = lift(loss, [w], target=target)
    for x in (0.7, -1.3, 2.0):
        expected = loss(Value(x)).data
        assert math.isclose(program([x])[0], expected, rel_tol=1e-12)
    assert "w" in program.source


@each_target
def test_three_operands(target: str) -> None:
    """An operation of three operands lifts too, in value and gradient."""
    blend = scalargrad.primitive(
        partials=[lambda out, x, y, s: 1 - s, lambda out, x, y, s: s, lambda out, x, y, s: y - x],
        name="blend_of_a_test",
        array="{0} * (1 - {2}) + {1} * {2}",
    )(lambda x, y, s: x * (1 - s) + y * s)
    ws = [Value(0.25), Value(-0.5), Value(0.75)]

    def loss(x: Any) -> Any:
        mixed = [blend(w, number, w * w) for w, number in zip(ws, x, strict=True)]
        return sum(mixed) + sum(blend(number, 1.0, w) for w, number in zip(ws, x, strict=True))

    batch = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]]
    eager = [loss([Value(number) for number in row]) for row in batch]
    for one in eager:
        one.backward(0.5)
    program: Any = lift(loss, ws, target=target)
    assert np.allclose(program(batch), [one.data for one in eager], rtol=1e-12)
    assert np.allclose(program.value_and_grad(batch)[1], [w.grad for w in ws], rtol=1e-12)


@each_target
def test_what_takes_no_gradient(target: str) -> None:
    """What is computed under `no_grad` or behind `stop_gradient` takes no gradient, but follows its input."""
    w = Value(3.0)

    def loss(x: Any) -> Any:
        with no_grad():
            scale = w * x
        return scale * w + stop_gradient(w * x) * w

    program: Any = lift(loss, [w], target=target)
    assert list(program([1.0, 2.0])) == [18.0, 36.0]
    value, gradient = program.value_and_grad([1.0, 2.0])
    assert (value, list(gradient)) == (27.0, [9.0])


@each_target
def test_a_string_is_no_operand(target: str) -> None:
    """What is no number is refused as the engine refuses it."""
    w = Value(1.0)
    with pytest.raises(TypeError, match="unsupported operand"):
        lift(lambda x: w * x + "1", [w], target=target)([1.0])
    with pytest.raises(TypeError, match="an operand of hypot"):
        lift(lambda x: hypot(x, "1"), [w], target=target)([1.0])


def test_an_input_of_another_trace() -> None:
    """An input stands in its own trace alone."""
    w = Value(1.0)
    traces = [Trace([w]), Trace([w])]
    x, y = (trace.argument("x", ()) for trace in traces)
    assert isinstance(x, Traced)
    assert isinstance(x * w, Traced)
    with pytest.raises(TraceError, match="has been kept"):
        x * y
    with pytest.raises(TraceError, match="has been kept"):
        hypot(1.0, traces[0].argument("z", ())) + y
