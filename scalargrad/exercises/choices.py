"""Exercises whose answer is a few numbers: a prediction, or a choice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..engine.floats import counted
from ..engine.graph import sweep
from ..engine.primitives import maximum
from ..engine.value import Value
from ..misconceptions import Misconception, agreeing, all_close, close
from .declaring import declare
from .running import Refused, numbers
from .sweeps import predicted
from .verdict import Verdict, right, wrong

# ---------------------------------------------------------------- a rate

STEPS, START, GOAL = 10, 10.0, 0.01
RATE_LOW = Misconception("rate too low", "Each step is too small to get there in ten steps: take a larger rate.")
RATE_HIGH = Misconception(
    "rate too high", "Each step goes so far beyond the minimum that it ends no lower on the other side."
)
RATE_SWINGS = Misconception(
    "rate a little too high", "x swings from one side of the minimum to the other, and comes nearer too slowly."
)
RATE_NEGATIVE = Misconception("uphill", "With a rate below 0 each step goes uphill.")


@declare(
    "choose-a-rate",
    chapter=5,
    title="A rate that gets there in time",
    text="""
    The slope of x² is 2x. Gradient descent starts at x = 10, and takes ten steps `x ← x - rate · 2x`. Choose a rate
    with which x ends between -0.01 and 0.01. With 0.05 it ends at 3.487, with 0.2 at 0.0605.
    """,
    start="""
    rate = ...
    """,
    answer="rate",
)
def _choose_a_rate(answer: Any) -> Verdict:
    given = numbers(answer, "rate is")
    if len(given) != 1:
        raise Refused(f"One rate is wanted, and there are {len(given)} numbers.")
    rate, x = given[0], START
    path = [x]
    for _ in range(STEPS):
        x -= rate * 2 * x
        path.append(x)
    where = f"With the rate {rate:g} x goes {', '.join(f'{place:.4g}' for place in path[:4])}, … and ends at {x:.4g}."
    if abs(x) < GOAL:
        return right(where)
    factor = 1 - 2 * rate  # of x in each step
    if rate < 0:
        behind = RATE_NEGATIVE
    elif factor > 0:
        behind = RATE_LOW
    else:
        behind = RATE_SWINGS if factor > -1 else RATE_HIGH
    return wrong(where, misconception=behind if math.isfinite(rate) else None)


# ---------------------------------------------------------------- gradients

PENCIL = 1e-3  # relative: a prediction may be rounded
BOTH_SIDES = Misconception(
    "maximum for both", "Only the larger operand of a maximum has an influence: the other one's gradient is 0."
)
WRONG_SIDE = Misconception(
    "maximum for the smaller", "It is the larger operand of a maximum that the gradient goes to."
)
VALUES = Misconception(
    "value for gradient", "Those are the numbers of the variables: a gradient says how the result changes with them."
)


def judge_gradients(
    answer: Any,
    result: Value,
    variables: Sequence[Value],
    *,
    mistaken: Mapping[Misconception, Sequence[float]] | None = None,
) -> Verdict:
    """Judge predicted gradients. The verdict does not give the right ones away.

    >>> x, y = Value(3.0, label="x"), Value(-4.0, label="y")
    >>> judge_gradients([-4.0, 3.0], (x * y) * 2, [x, y])
    Not right yet: upstream forgotten.
    These are not right: df/dx, df/dy.
    The local gradient alone is no contribution: multiply it by the upstream gradient, which is what has arrived at the
    result.

    Args:
        answer: the predicted gradients, in the order of the variables. They may be rounded to three digits.
        result: the end of the graph.
        variables: with labels.
        mistaken: what misconceptions would predict, beside those about the sweep.

    Returns:
        The verdict.

    Raises:
        Refused: if there are not as many numbers as variables. `Exercise.judge` makes a verdict of it.
    """
    given = numbers(answer, "A gradient is")
    slopes = sweep({result: 1.0})
    wanted = [slopes.get(variable, 0.0) for variable in variables]
    if len(given) != len(wanted):
        raise Refused(f"{counted(len(wanted), 'gradient')} are wanted, got {counted(len(given), 'number')}.")
    names = [f"df/d{variable.label}" for variable in variables]
    if all_close(given, wanted, rtol=PENCIL):
        equations = (f"{name} = {gradient:.6g}" for name, gradient in zip(names, wanted, strict=True))
        return right(f"{', '.join(equations)}, as the sweep gives them.")
    triples = zip(names, given, wanted, strict=True)
    faulty = [name for name, number, gradient in triples if not close(number, gradient, rtol=PENCIL)]
    where = f"These are not right: {', '.join(faulty)}."
    own = {**(mistaken or {}), VALUES: [variable.data for variable in variables]}
    for misconception in agreeing(given, own, rtol=PENCIL):
        return wrong(where, misconception=misconception)
    for misconception, place, predictions in predicted(result, list(variables)):
        if all_close(given, predictions, rtol=PENCIL):
            sentences = [where, f"It looks like a slip at one operation, {place}:"] if place else [where]
            return wrong(*sentences, misconception=misconception)
    return wrong(where)


@declare(
    "predict-gradients",
    chapter=7,
    title="Four gradients with a pencil",
    text="""
    f = 2 · (x · y + max(z, w)), at x = 3, y = -4, z = 2, w = -1. Predict the gradient of f in each of the four, without
    running a program: go from f backwards, and multiply by a local gradient at each operation.
    """,
    start="""
    gradients = [..., ..., ..., ...]  # df/dx, df/dy, df/dz, df/dw
    """,
    answer="gradients",
)
def _predict_gradients(answer: Any) -> Verdict:
    x, y, z, w = (Value(number, name) for name, number in zip("xyzw", (3, -4, 2, -1), strict=True))
    result = 2 * (x * y + maximum(z, w))
    mistaken = {BOTH_SIDES: [-8.0, 6.0, 2.0, 2.0], WRONG_SIDE: [-8.0, 6.0, 0.0, 2.0]}
    return judge_gradients(answer, result, [x, y, z, w], mistaken=mistaken)


# ---------------------------------------------------------------- the pieces of a maxout neuron

RELU_ALONE = Misconception("relu", "That is a relu, with one piece at 0: the absolute value rises on both sides of 0.")
ONE_LINE = Misconception("one line alone", "One piece is the larger everywhere, so this is a straight line.")
FAR = (-1e6, 1e6)
SHIFTED = Misconception("shifted", "Both lines of the absolute value go through 0: they have no bias.")
STEEP = Misconception("slope", "It has its corner at 0, but other slopes: those of the absolute value are -1 and 1.")


@declare(
    "maxout",
    chapter=15,
    title="An absolute value from two lines",
    text="""
    A maxout neuron computes several weighted sums, its pieces, and gives the largest of them. Choose a weight and a
    bias for each of two pieces, so that the neuron gives the absolute value of its one input x.
    """,
    start="""
    pieces = [(..., ...), (..., ...)]  # weight and bias of each

    def neuron(x):
        return max(weight * x + bias for weight, bias in pieces)
    """,
    answer="pieces",
)
def _maxout(answer: Any) -> Verdict:
    given = numbers(answer, "A weight or bias is")
    if len(given) < 4 or len(given) % 2:
        raise Refused(f"A weight and a bias for each of two pieces are wanted, got {counted(len(given), 'number')}.")
    pieces = list(zip(given[::2], given[1::2], strict=True))
    inputs = [i / 2 for i in range(-6, 7)]

    def of(x: float) -> float:
        return max(weight * x + bias for weight, bias in pieces)

    outputs = [of(x) for x in inputs]
    wanted = [abs(x) for x in inputs]
    if all_close(outputs, wanted):
        for x in FAR:  # where further pieces may be the larger
            if not close(of(x), abs(x)):
                return wrong(f"At x = {x:g} the neuron gives {of(x):g}, and it should give {abs(x):g}.")
        return right(f"It gives |x| at {len(inputs)} places from {inputs[0]:g} to {inputs[-1]:g}.")
    x, output = next((x, out) for x, out in zip(inputs, outputs, strict=True) if not all_close([out], [abs(x)]))
    slopes = [after - before for before, after in pairwise(outputs)]
    if all_close(slopes, [slopes[0]] * len(slopes)):
        behind: Misconception | None = ONE_LINE
    elif all_close(outputs, [max(0.0, x) for x in inputs]) or all_close(outputs, [max(0.0, -x) for x in inputs]):
        behind = RELU_ALONE
    elif any(bias for _, bias in pieces):
        behind = SHIFTED
    else:
        behind = STEEP
    return wrong(f"At x = {x:g} the neuron gives {output:g}, and it should give {abs(x):g}.", misconception=behind)
