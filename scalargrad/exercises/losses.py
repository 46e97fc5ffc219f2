"""Exercises on losses of Values: their numbers, their gradients, and whether they can be lifted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..engine.value import Value
from ..functional import BoundedScores
from ..lifting import TraceError, lift
from ..misconceptions import SIGN, Misconception, all_close, close
from .declaring import declare
from .running import Refused, answering, function, numbers, shown
from .verdict import Verdict, right, wrong

GRADIENT_LOST = Misconception(
    "the graph is lost",
    "The loss itself is right, and no gradient comes back: a number was read from a Value, as by float, .data or math. "
    "Use the functions of scalargrad.",
)
Slopes = Callable[..., Sequence[float]]


def judge_loss(
    answer: Any,
    points: Sequence[tuple[list[float], tuple[Any, ...]]],
    wanted: Callable[..., float],
    slopes: Slopes,
    mistaken: Mapping[Misconception, Callable[..., float]],
    called: Callable[..., Any],
) -> str | Verdict:
    """Compare a loss and its gradient with independent ones.

    Args:
        answer: the loss.
        points: what is varied, and what is not, for each case.
        wanted: the right loss.
        slopes: its gradient in what is varied.
        mistaken: what misconceptions give in place of the loss.
        called: calls the answer with Values for what is varied, and the rest.

    Returns:
        What was compared, in words, or a verdict that it is wrong.
    """
    loss = function(answer, "loss")
    given, gradients = [], []
    for varied, fixed in points:
        variables = [Value(x) for x in varied]
        with answering():
            result = called(loss, list(variables), *fixed)
        value = numbers(result, "loss returns")
        if len(value) != 1:
            raise Refused(f"loss must return one number, and it returns {len(value)}.")
        given += value
        while isinstance(result, (list, tuple)) and len(result) == 1:
            result = result[0]
        if isinstance(result, Value):
            with answering():  # a rule of an operation of the answer's own may fail
                result.backward()
        gradients.append([variable.grad for variable in variables])
    for (varied, fixed), value_here in zip(points, given, strict=True):
        expected = wanted(varied, *fixed)
        if not close(value_here, expected):
            behind = next(
                (
                    misconception
                    for misconception, other in mistaken.items()
                    if all_close(given, [other(*case[0:1], *case[1]) for case in points])
                ),
                None,
            )
            where, (yours, right_one) = ", ".join(map(repr, (varied, *fixed))), shown(value_here, expected)
            return wrong(f"For {where} the loss is {yours}, and should be {right_one}.", misconception=behind)
    for (varied, fixed), gradient in zip(points, gradients, strict=True):
        expected_slopes = slopes(varied, *fixed)
        if not all_close(gradient, expected_slopes):
            where = ", ".join(map(repr, (varied, *fixed)))
            yours, right_ones = (f"[{', '.join(f'{x:.6g}' for x in xs)}]" for xs in (gradient, expected_slopes))
            lost = not any(map(any, gradients))
            return wrong(
                f"For {where} the gradient is {yours}, and should be {right_ones}.",
                misconception=GRADIENT_LOST if lost else None,
            )
    return f"The loss and its gradient are right at {len(points)} points."


# ---------------------------------------------------------------- softmax, once


TWICE = Misconception(
    "softmax twice",
    "cross_entropy has the softmax in it: give it the scores themselves. After two of them no class becomes certain, "
    "and the loss of a right answer stays high.",
)
LOG_FORGOTTEN = Misconception("logarithm forgotten", "Cross-entropy is minus the logarithm of the probability.")
SQUARES = Misconception(
    "square error", "That is the square error of the probabilities, which is flat where the network is quite wrong."
)
NO_SOFTMAX = Misconception("softmax forgotten", "The score is no probability yet: softmax makes it one.")
EVERY_CLASS = Misconception("all classes", "Only the probability of the target counts, and not those of all classes.")


def _probabilities(scores: Sequence[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / math.fsum(powers) for power in powers]


@declare(
    "softmax-twice",
    chapter=13,
    title="A loss that stays high",
    text="""
    A network with this loss learns badly: even for a right answer, with scores of 10 and -10, the loss is 0.31.
    `scores` are the outputs of a linear layer, and `target` is the number of the right class. Mend the loss: it
    should be minus the logarithm of the probability of the target.
    """,
    start="""
    from scalargrad import cross_entropy, softmax

    def loss(scores, target):
        return cross_entropy(softmax(scores), target)
    """,
    answer="loss",
)
def _softmax_twice(answer: Any) -> Verdict:
    import warnings

    def gradient(scores: list[float], target: int) -> list[float]:
        return [p - (i == target) for i, p in enumerate(_probabilities(scores))]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundedScores)  # it becomes the verdict
        verdict = judge_loss(
            answer,
            [([10.0, -10.0], (0,)), ([0.5, -1.0, 2.0], (1,)), ([0.0, 3.0, -2.0, 1.0], (3,)), ([-1.5, -2.5], (1,))],
            lambda scores, target: -math.log(_probabilities(scores)[target]),
            gradient,
            {
                TWICE: lambda scores, target: -math.log(_probabilities(_probabilities(scores))[target]),
                LOG_FORGOTTEN: lambda scores, target: -_probabilities(scores)[target],
                LOG_FORGOTTEN._replace(name="one minus the probability"): lambda scores, target: (
                    1 - _probabilities(scores)[target]
                ),
                SIGN: lambda scores, target: math.log(_probabilities(scores)[target]),
                SQUARES: lambda scores, target: math.fsum(
                    (p - (i == target)) ** 2 for i, p in enumerate(_probabilities(scores))
                ),
                NO_SOFTMAX: lambda scores, target: -scores[target],
                EVERY_CLASS: lambda scores, target: -math.fsum(map(math.log, _probabilities(scores))),
            },
            lambda loss, scores, target: loss(scores, target),
        )
    return right(verdict) if isinstance(verdict, str) else verdict


# ---------------------------------------------------------------- a loss without a branch

BRANCH = Misconception(
    "a branch on a number",
    "A lifted program is the same for all examples, so no branch may depend on a number: choose with minimum, maximum, "
    "greater, relu or abs of scalargrad instead.",
)
ALWAYS_SQUARE = Misconception("square everywhere", "Where the error is large, the loss is a straight line.")
ALWAYS_LINE = Misconception("straight everywhere", "Where the error is small, the loss is half its square.")
HALF_FORGOTTEN = Misconception("half forgotten", "The loss is half the square where the error is small.")
ONE_SIDED = Misconception("error without abs", "An error of -3 is as large as one of 3: take the absolute value.")


def _huber(error: float) -> float:
    return error**2 / 2 if abs(error) < 1 else abs(error) - 0.5


@declare(
    "lift-a-loss",
    chapter=12,
    title="A loss without an if",
    text="""
    This loss is half the square of a small error, and rises like a straight line for large ones. `lift` cannot make an
    array program of it, because of the `if`:

        from scalargrad import Value, lift
        w, b = Value(0.5), Value(-0.25)
        program = lift(lambda x, y: loss(w, b, x, y), [w, b])
        program([0.0, 3.0], [0.1, -2.0])

    Write the same loss without one, so that its program and its gradient are right.
    """,
    start="""
    from scalargrad import minimum, maximum, greater, relu

    def loss(w, b, x, y):
        error = abs(w * x + b - y)
        if error < 1:
            return error**2 / 2
        return error - 0.5
    """,
    answer="loss",
)
def _lift_a_loss(answer: Any) -> Verdict:
    def error(varied: Sequence[float], x: float, y: float) -> float:
        return varied[0] * x + varied[1] - y

    def gradient(varied: Sequence[float], x: float, y: float) -> list[float]:
        slope = max(-1.0, min(1.0, error(varied, x, y)))
        return [slope * x, slope]

    parameters = [0.5, -0.25]
    examples = [(0.0, 0.1), (3.0, -2.0), (-1.0, 4.0), (2.0, 0.5), (1.5, 1.0), (-2.0, -1.5)]
    compared = judge_loss(
        answer,
        [(parameters, example) for example in examples],
        lambda varied, x, y: _huber(error(varied, x, y)),
        gradient,
        {
            ALWAYS_SQUARE: lambda varied, x, y: error(varied, x, y) ** 2 / 2,
            ALWAYS_LINE: lambda varied, x, y: abs(error(varied, x, y)) - 0.5,
            ALWAYS_LINE._replace(name="absolute value"): lambda varied, x, y: abs(error(varied, x, y)),
            HALF_FORGOTTEN: lambda varied, x, y: (
                error(varied, x, y) ** 2 if abs(error(varied, x, y)) < 1 else _huber(error(varied, x, y))
            ),
            ONE_SIDED: lambda varied, x, y: (
                error(varied, x, y) ** 2 / 2 if error(varied, x, y) < 1 else error(varied, x, y) - 0.5
            ),
        },
        lambda loss, variables, x, y: loss(*variables, x, y),
    )
    if isinstance(compared, Verdict):
        return compared
    w, b = (Value(x) for x in parameters)
    xs, ys = (list(column) for column in zip(*examples, strict=True))
    try:
        with answering():
            program = lift(lambda x, y: answer(w, b, x, y), [w, b])
            given = numbers([program(xs, ys), program.value_and_grad(xs, ys)[1]], "The program returns")
    except Refused as refused:
        is_branch = isinstance(refused.__context__, TraceError)
        raise Refused(refused.sentence, BRANCH if is_branch else refused.misconception) from None
    losses = [_huber(error(parameters, x, y)) for x, y in examples]
    slopes = [
        math.fsum(row) / len(examples) for row in zip(*(gradient(parameters, *one) for one in examples), strict=True)
    ]
    if not all_close(given, [*losses, *slopes]):
        return wrong("The lifted program gives other numbers than the loss did before.")
    return right(compared, f"So they are in the lifted program, for all {len(examples)} examples at once.")
