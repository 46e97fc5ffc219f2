"""Exercises on training: a loss must fall below 0.1 from each of ten starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..engine.floats import counted
from ..engine.graph import topological_order
from ..engine.value import Value
from ..functional import BoundedScores
from ..misconceptions import Misconception, close
from .declaring import declare
from .running import Refused, answering, function, numbers
from .verdict import Verdict, right, wrong

Row = tuple[list[float], int]
Loss = Callable[[Sequence[float], int], float]  # of the scores of one example, and its target

GOAL, SEEDS = 0.1, 10
TWICE = Misconception(
    "softmax twice",
    "The scores are results of a softmax or sigmoid already, so that no class can become certain: take them from a "
    "linear layer, because cross-entropy has the softmax in it.",
)
SEED_IGNORED = Misconception(
    "seed ignored", "All ten runs end with the same model: give the seed to the network, as rng=seed."
)
CONSTANT = Misconception(
    "the same for every input",
    "The model gives the same scores for all inputs: it was not trained, or its relus are dead, or its inputs unused.",
)
LINEAR = Misconception(
    "no hidden layer", "The score is a straight line in each input, and no such function is right at all four points."
)
KEPT = Misconception(
    "gradients kept",
    "A parameter moved, and its old gradient was still there at the next backward pass, which added to it: set the "
    "gradients to 0 before each pass, with model.zero_grad().",
)
BY_LUCK = Misconception(
    "right by luck",
    "It works from some starts, and from others it ends in a local minimum or runs out of steps: take more neurons, "
    "another activation, or more steps.",
)


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Run a part of an answer, keep the warnings of bounded scores, and pass on all others."""
    import warnings

    bounded: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BoundedScores)
        with answering():
            yield bounded
    for one in caught:
        if issubclass(one.category, BoundedScores):
            bounded.append(str(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


@contextmanager
def _sweeps() -> Iterator[list[Value]]:
    """Watch the backward passes of a part of an answer, and keep the parameters whose old gradients were added to.

    The gradients of several passes may be added up before a step, so what counts is a parameter that has moved since.
    """
    kept: list[Value] = []
    after: dict[Value, tuple[float, float]] = {}  # number and gradient of each leaf, when its last pass ended
    backward = Value.backward

    def watched(self: Value, gradient: float = 1.0) -> None:
        leaves = [node for node in topological_order(self) if node.op is None]
        for leaf in leaves:
            data, grad = after.get(leaf, (leaf.data, 0.0))
            if leaf.data != data and leaf.grad == grad != 0.0:
                kept.append(leaf)
        backward(self, gradient)
        after.update((leaf, (leaf.data, leaf.grad)) for leaf in leaves)

    setattr(Value, "backward", watched)  # noqa: B010  # for a type checker a method is no variable
    try:
        yield kept
    finally:
        setattr(Value, "backward", backward)  # noqa: B010  # likewise


def judge_training(answer: Any, rows: Sequence[Row], scores: int, loss: Loss) -> Verdict:
    """Judge a function that takes a seed and returns a trained model.

    Args:
        answer: the function.
        rows: inputs and target of each example.
        scores: how many scores the model returns.
        loss: of one example.

    Returns:
        The verdict.
    """
    train = function(answer, "train")
    losses, outputs, bounded, is_kept = [], [], False, False
    for seed in range(SEEDS):
        with _watched() as warned, _sweeps() as kept:
            model = train(seed)
        is_kept = is_kept or bool(kept)
        model = function(model, "What train returns")
        given = [_scores(model, x, scores) for x, _ in rows]
        bounded = bounded or bool(warned)
        outputs.append(given)
        losses.append(math.fsum(loss(row, y) for row, (_, y) in zip(given, rows, strict=True)) / len(rows))
    worst = max(range(SEEDS), key=losses.__getitem__)
    if all(given == outputs[0] for given in outputs):
        return wrong(
            f"The mean loss is {losses[0]:.4g} for each seed, and so are all scores.", misconception=SEED_IGNORED
        )
    failing = [seed for seed, one in enumerate(losses) if not one < GOAL]
    if is_kept:
        return wrong(f"The highest of the {SEEDS} mean losses is {losses[worst]:.4g}.", misconception=KEPT)
    if not failing:
        highest = f"the highest is {losses[worst]:.4g}, for seed {worst}"
        return right(f"The mean loss is below {GOAL} for each of {SEEDS} seeds; {highest}.")
    shown = ", ".join(f"{losses[seed]:.4g} for seed {seed}" for seed in failing[:3])
    more = f", and for {counted(len(failing) - 3, 'more seed')}" if len(failing) > 3 else ""
    sentence = f"The mean loss must be below {GOAL} for each of {SEEDS} seeds. It is {shown}{more}."
    failed = [outputs[seed] for seed in failing]
    return wrong(sentence, misconception=_behind(failed, bounded, len(failing)))


def _scores(model: Callable[..., Any], x: Sequence[float], count: int) -> list[float]:
    with answering():
        returned = model(list(x))
    given = numbers(returned, "The model returns")
    if len(given) != count:
        raise Refused(f"The model must return {counted(count, 'score')}, and it returns {len(given)}.")
    return given


def _behind(failed: Sequence[Sequence[Sequence[float]]], bounded: bool, failures: int) -> Misconception | None:
    if bounded or all(_is_distribution(row) for given in failed for row in given):
        return TWICE
    if all(
        close(score, other) for given in failed for row in given for score, other in zip(row, given[0], strict=True)
    ):
        return CONSTANT
    if failures == SEEDS and all(_is_linear(given) for given in failed):  # a few may be the ends of bad starts
        return LINEAR
    return BY_LUCK if failures < SEEDS else None


def _is_distribution(scores: Sequence[float]) -> bool:
    """Whether scores are probabilities: of several classes, or of one."""
    return all(0 <= score <= 1 for score in scores) and (len(scores) == 1 or close(math.fsum(scores), 1.0))


def _is_linear(given: Sequence[Sequence[float]]) -> bool:
    """Whether a score at the four corners of a square is that of a linear function."""
    if len(given) != len(XOR):
        return False
    (a,), (b,), (c,), (d,) = given
    return abs(a + d - b - c) <= 1e-9 * (abs(a) + abs(b) + abs(c) + abs(d))


# ---------------------------------------------------------------- the exercises

THREE = [([0.0, 1.0], 0), ([1.0, -1.0], 1), ([-1.0, -1.0], 2)]
XOR = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)]


def _cross_entropy(scores: Sequence[float], target: int) -> float:
    highest = max(scores)
    return highest + math.log(math.fsum(math.exp(score - highest) for score in scores)) - scores[target]


def _binary_cross_entropy(scores: Sequence[float], target: int) -> float:
    return _cross_entropy([0.0, scores[0]], target)


@declare(
    "three-classes",
    chapter=11,
    title="Three classes, from ten starts",
    text="""
    Train a network to tell three points apart. `train(seed)` returns the trained model: called with a point, it gives a
    score for each of three classes. From each of ten starts, for the seeds 0 to 9, the mean of the cross-entropy over
    the three points must end below 0.1.
    """,
    start="""
    from scalargrad import cross_entropy, nn, optim, total

    rows = [([0, 1], 0), ([1, -1], 1), ([-1, -1], 2)]  # a point, and its class

    def train(seed):
        model = nn.MLP(2, [3], rng=seed)
        ...
        return model
    """,
    answer="train",
)
def _three_classes(answer: Any) -> Verdict:
    return judge_training(answer, THREE, 3, _cross_entropy)


@declare(
    "xor",
    chapter=15,
    title="One or the other, from ten starts",
    text="""
    XOR is 1 where just one of two inputs is 1. `train(seed)` returns a trained model that gives one score: the larger
    it is, the more probable is 1, with the probability `sigmoid(score)`. From each of ten starts, for the seeds 0 to 9,
    the mean of the binary cross-entropy over the four points must end below 0.1.
    """,
    start="""
    from scalargrad import binary_cross_entropy, mean, nn, optim

    rows = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]

    def train(seed):
        model = nn.MLP(2, [1], rng=seed)
        def loss():
            return mean(binary_cross_entropy(model(x), y) for x, y in rows)
        optim.minimize(loss, model.parameters(), rate=0.5, max_steps=100)
        return model
    """,
    answer="train",
)
def _xor(answer: Any) -> Verdict:
    return judge_training(answer, XOR, 1, _binary_cross_entropy)
