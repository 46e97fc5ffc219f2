"""Where a number leaves the graph is said, with the line of code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import BoundedScores, Value, cross_entropy, gradcheck, nn, one_hot, take
from scalargrad.check.readings import number_taken


@pytest.mark.parametrize(
    ("f", "asked"),
    [
        (lambda x: math.sin(x) * 2, "float()"),
        (lambda x: x.data + 1, ".data"),
        (lambda x: int(x) + 1, "int()"),
        (lambda x: round(x, 2), "round()"),
        (lambda x: math.floor(x) + 1, "math.floor()"),
        (lambda x: [x, float(x)], "float()"),
        (lambda x: np.float64(x) + 1, "float()"),
        (lambda x: math.exp(x * 2), "float()"),
        (lambda x: float(cross_entropy([x, 2 * x], 0)), "float()"),
    ],
)
def test_a_plain_number_is_said_to_have_left_the_graph(f: Callable[[Value], Any], asked: str) -> None:
    """The error for a result that is no Value says which call took whose number, where, and what to do."""
    with pytest.raises(TypeError, match="must return a Value or several, got ") as caught:
        gradcheck(f, 0.5)
    message = str(caught.value)
    name = "a Value" if "x * 2" in message or "cross_entropy" in message else "x"
    assert f"; {asked} takes the number of {name} out of the graph at {__file__}:" in message
    assert "gradcheck(f, x, gradient=df)" in message


def test_the_line_of_code_is_shown() -> None:
    """The line that takes the number stands in the message."""

    def f(x: Value) -> Any:
        if x > 0:  # a comparison takes no number out
            doubled = 2 * x
        return math.exp(doubled)

    with pytest.raises(TypeError, match=r"test_readings.py:\d+: return math.exp\(doubled\)"):
        gradcheck(f, 0.5)


def test_a_model_s_loss_is_told_too() -> None:
    """A function without arguments is watched in the same way."""
    model = nn.Neuron(1, rng=0)
    with pytest.raises(TypeError, match=r"float\(\) takes the number of a Value out of the graph"):
        gradcheck(lambda: math.exp(model([1.0])), wrt=model)


def test_a_number_of_no_input_is_told() -> None:
    """A number for which nothing has left the graph does not depend on the inputs."""
    with pytest.raises(TypeError, match=r"got 3.0 of type float: the number does not depend on the inputs"):
        gradcheck(lambda x: 3.0, 1.0)
    assert number_taken(lambda: 3.0) is None


def test_what_is_no_number_is_only_named() -> None:
    """A function that returns nothing is not run again."""
    runs: list[int] = []
    with pytest.raises(TypeError, match=r"got None of type NoneType$"):
        gradcheck(lambda x: runs.append(1), 1.0)
    assert len(runs) == 1


def test_a_loss_may_look_at_operations() -> None:
    """A cross-entropy, which looks at what made its scores, runs under the watch as it does without."""
    scores = [Value(1.0), Value(2.0)]
    assert number_taken(lambda: cross_entropy(scores, 0)) is None
    with pytest.warns(BoundedScores):
        assert number_taken(lambda: cross_entropy([score.tanh() for score in scores], 0)) is None


def test_a_value_is_no_index_while_readings_are_watched() -> None:
    """Each Value has a number then, so it is refused as an index as always."""
    x = Value(1.0)

    def look_up() -> None:
        asks: list[Callable[[Any], object]] = [lambda i: take([1.0, 2.0], i), lambda i: one_hot(i, 2)]
        for ask in asks:
            with pytest.raises(TypeError, match="a Value is not one: give the plain integer"):
                ask(x)

    assert number_taken(look_up) is None
