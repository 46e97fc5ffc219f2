"""Exercises on very deep networks: ways around layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..engine.primitives import sigmoid
from ..misconceptions import Misconception
from .declaring import declare
from .functions import judge_function
from .verdict import Verdict

Row = Sequence[float]

THROUGH_ALONE = Misconception(
    "through the layers alone", "That is what arrives through the layers: around each of them a gradient passes, too."
)
AROUND_ALL = Misconception(
    "one way around all", "There is a way around each layer, not one around all of them: the factor of each is 1 + s."
)
ADDED_UP = Misconception(
    "sum for product", "Along a path slopes are multiplied: each layer multiplies what arrives by its own factor."
)
LEFT_OUT = Misconception("last layer left out", "Every layer has a factor, the first and the last too.")
AROUND_ALONE = Misconception("around alone", "The gradient also goes through the layers: the way around is one of two.")
ONE_LAYER = Misconception(
    "one layer alone", "Every layer has a factor: multiply all of them before you return, after the loop."
)
FROM_ZERO = Misconception("product begun at 0", "0 times anything is 0: begin a product at 1.")
LESS_ONE = Misconception("1 - s", "What goes around is added to what goes through, in the gradient too: 1 + s.")


@declare(
    "way-around",
    chapter=23,
    title="What arrives at the first layer",
    text="""
    Each layer of a residual network computes `y = x + f(x)`. `slopes` has the derivative of `f` in each layer. The
    gradient at the end is 1. Return the gradient of the first x.
    """,
    start="""
    def arrives(slopes):
        return ...

    print(arrives([0.25, 0.5]))  # should be 1.875
    """,
    answer="arrives",
)
def _way_around(answer: Any) -> Verdict:
    return judge_function(
        answer,
        "arrives",
        lambda slopes: math.prod(1 + s for s in slopes),
        [([0.25, 0.5],), ([0.25] * 10,), ([0.0, 0.0, 0.0],), ([-0.5, 2.0, 0.1],), ([0.3],)],
        mistaken={
            THROUGH_ALONE: math.prod,
            AROUND_ALL: lambda slopes: 1 + math.prod(slopes),
            ADDED_UP: lambda slopes: 1 + math.fsum(slopes),
            ADDED_UP._replace(name="sum of all factors"): lambda slopes: math.fsum(1 + s for s in slopes),
            LEFT_OUT: lambda slopes: math.prod(1 + s for s in slopes[:-1]),
            LEFT_OUT._replace(name="first layer left out"): lambda slopes: math.prod(1 + s for s in slopes[1:]),
            AROUND_ALONE: lambda slopes: 1.0,
            LESS_ONE: lambda slopes: math.prod(1 - s for s in slopes),
            ONE_LAYER: lambda slopes: 1 + slopes[0],
            ONE_LAYER._replace(name="the last layer alone"): lambda slopes: 1 + slopes[-1],
            FROM_ZERO: lambda slopes: 0.0,
        },
    )


def _mixed(inputs: Row, outputs: Row, gates: Row) -> list[float]:
    return [t * h + (1 - t) * x for x, h, t in zip(inputs, outputs, gates, strict=True)]


GATES_SWAPPED = Misconception(
    "open for closed", "An open gate, of 1, lets through what the layer has computed; a closed one the input."
)
NOT_LESS = Misconception(
    "the whole input", "As much as the gate takes of the output, the input has less: it is multiplied by 1 - t."
)
GATE_ON_BOTH = Misconception(
    "gate on both", "The gate decides between the two: one is multiplied by t, and the other by 1 - t."
)
ONE_GATE = Misconception("one gate for all", "Each number has a gate of its own.")
CHOSEN = Misconception("either or", "A gate of 0.3 mixes: the result is no choice, so that a gradient reaches both.")
GATE_FORGOTTEN = Misconception("gate forgotten", "Without gates this is a residual layer: here they mix.")
WHOLE_OUTPUT = Misconception(
    "the whole output", "The gate takes a part of the output, too: it is multiplied by t, and the input by 1 - t."
)
HALF_OF_EACH = Misconception(
    "half of each", "The gate decides how much of each there is: t of the output, 1 - t of the input."
)
T_LESS_1 = Misconception("t - 1", "The rest is 1 - t: with t - 1 the input is subtracted.")
SIGMOID_AGAIN = Misconception(
    "sigmoid again", "The gates are given as numbers from 0 to 1: there the sigmoid has been applied."
)
NO_BRACKETS = Misconception("brackets forgotten", "Write (1 - t) * x: without brackets only t is multiplied by x.")
INPUT_FORGOTTEN = Misconception("input forgotten", "What the gate does not take of the output comes from the input.")


@declare(
    "highway",
    chapter=23,
    title="A gate between two ways",
    text="""
    In a highway layer each number has a gate `t`, from 0 to 1. It says how much of the result comes from what the layer
    has computed; the rest comes from the input. Return the list of results.
    """,
    start="""
    def highway(inputs, outputs, gates):
        return ...

    print(highway([1, 2], [5, 6], [0, 0.25]))  # should be 1 and 3
    """,
    answer="highway",
)
def _highway(answer: Any) -> Verdict:
    def mixed(each: Callable[[float, float, float], float]) -> Callable[[Row, Row, Row], list[float]]:
        return lambda inputs, outputs, gates: list(map(each, inputs, outputs, gates))

    return judge_function(
        answer,
        "highway",
        _mixed,
        [
            ([1.0, 2.0], [5.0, 6.0], [0.0, 0.25]),
            ([1.0, -3.0, 0.5], [2.0, 4.0, -1.0], [0.9, 0.5, 0.1]),
            ([2.0], [0.5], [1.0]),
        ],
        mistaken={
            GATES_SWAPPED: lambda x, h, t: _mixed(h, x, t),
            NOT_LESS: lambda x, h, t: [t * h + x for x, h, t in zip(x, h, t, strict=True)],
            GATE_ON_BOTH: lambda x, h, t: [t * (h + x) for x, h, t in zip(x, h, t, strict=True)],
            ONE_GATE: lambda x, h, t: _mixed(x, h, [t[0]] * len(t)),
            CHOSEN: lambda x, h, t: [h if t >= 0.5 else x for x, h, t in zip(x, h, t, strict=True)],
            CHOSEN._replace(name="either or, by more than half"): lambda x, h, t: [
                h if t > 0.5 else x for x, h, t in zip(x, h, t, strict=True)
            ],
            GATE_FORGOTTEN: lambda x, h, t: [x + h for x, h in zip(x, h, strict=True)],
            WHOLE_OUTPUT: mixed(lambda x, h, t: h + (1 - t) * x),
            HALF_OF_EACH: mixed(lambda x, h, t: (x + h) / 2),
            T_LESS_1: mixed(lambda x, h, t: t * h + (t - 1) * x),
            SIGMOID_AGAIN: lambda x, h, t: _mixed(x, h, list(map(sigmoid, t))),
            NO_BRACKETS: mixed(lambda x, h, t: t * h + 1 - t * x),
            INPUT_FORGOTTEN: lambda x, h, t: [t * h for h, t in zip(h, t, strict=True)],
        },
    )
