"""Exercises on what a network computes, and how good it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..misconceptions import SIGN, Misconception
from .declaring import declare
from .functions import Named, judge_function
from .verdict import Verdict


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def _dot(xs: Sequence[float], ys: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(xs, ys, strict=True))


SLIDES = (  # the network of the lecture's slides: (weights, biases) of each layer
    ([[1.0, -2.0], [-1.0, 1.0]], [1.0, 0.0]),
    ([[2.0, -1.0], [-2.0, -1.0]], [0.0, 0.0]),
    ([[3.0, -1.0], [-1.0, 4.0]], [-2.0, 2.0]),
)
BIAS_FORGOTTEN = Misconception("bias forgotten", "The bias is added to the weighted sum.")
ACTIVATION_FORGOTTEN = Misconception(
    "activation forgotten", "The weighted sum goes through the activation, here the sigmoid."
)
TOO_EARLY = Misconception(
    "activation too early", "The activation is applied once, to the whole sum with its bias, and not to each term."
)
BIAS_TOO_LATE = Misconception("bias too late", "The bias belongs to the sum, before the activation is applied.")
BIAS_OFTEN = Misconception("bias too often", "The bias is added once to the sum, and not once for each input.")
WEIGHTS_UNUSED = Misconception("weights unused", "Each input is multiplied by its weight.")


@declare(
    "neuron",
    chapter=1,
    title="A sigmoid neuron",
    text="""
    Write a neuron: it multiplies each input by its weight, adds up the products and the bias, and applies the sigmoid
    `σ(z) = 1 / (1 + exp(-z))`. With the weights 1 and -2 and the bias 1 it gives 0.98 for the inputs
    1 and -1.
    """,
    start="""
    from scalargrad import sigmoid

    def neuron(inputs, weights, bias):
        return ...

    print(neuron([1, -1], [1, -2], 1))  # should be 0.98
    """,
    answer="neuron",
)
def _neuron(answer: Any) -> Verdict:
    def all_early(x: Sequence[float], w: Sequence[float], b: float) -> float:
        return math.fsum(_sigmoid(one * weight) for one, weight in zip(x, w, strict=True)) + b

    return judge_function(
        answer,
        "neuron",
        lambda x, w, b: _sigmoid(_dot(x, w) + b),
        [
            ([1.0, -1.0], [1.0, -2.0], 1.0),
            ([1.0, -1.0], [-1.0, 1.0], 0.5),
            ([0.5], [-3.0], 2.0),
            ([2.0, 0.0, -1.0], [0.1, 5.0, -0.3], -0.7),
        ],
        mistaken={
            BIAS_FORGOTTEN: lambda x, w, b: _sigmoid(_dot(x, w)),
            ACTIVATION_FORGOTTEN: lambda x, w, b: _dot(x, w) + b,
            TOO_EARLY: all_early,
            BIAS_TOO_LATE: lambda x, w, b: _sigmoid(_dot(x, w)) + b,
            BIAS_OFTEN: lambda x, w, b: _sigmoid(_dot(x, w) + b * len(x)),
            WEIGHTS_UNUSED: lambda x, w, b: _sigmoid(math.fsum(x) + b),
            SIGN: lambda x, w, b: 1 - _sigmoid(_dot(x, w) + b),
        },
    )


Layers = Sequence[tuple[Sequence[Sequence[float]], Sequence[float]]]


def _layer(x: Sequence[float], weights: Sequence[Sequence[float]], biases: Sequence[float]) -> list[float]:
    return [_sigmoid(_dot(row, x) + bias) for row, bias in zip(weights, biases, strict=True)]


def _network(x: Sequence[float], layers: Layers) -> list[float]:
    for weights, biases in layers:
        x = _layer(x, weights, biases)
    return list(x)


SAME_INPUTS = Misconception(
    "every layer sees the inputs", "Only the first layer sees the inputs: each other layer sees the outputs before it."
)
TRANSPOSED = Misconception(
    "rows for columns", "weights[i] has the weights of neuron i, one for each input: go through the rows, not columns."
)
FIRST_LAYER_ALONE = Misconception("first layer alone", "The outputs of a layer are the inputs of the next: go on.")
LAST_LINEAR = Misconception("last activation forgotten", "The last layer of this network has the sigmoid, too.")
LAYERS_BACKWARDS = Misconception("layers backwards", "The first layer comes first: the inputs go into it.")


@declare(
    "network",
    chapter=2,
    title="Layer after layer",
    text="""
    A network is its layers, one after another. Each layer is a pair: a row of weights for each of its neurons, and
    their biases. Every neuron has the sigmoid. With the layers below, the inputs 1 and -1 give 0.62 and
    0.83.
    """,
    start="""
    from scalargrad import sigmoid

    layers = [
        ([[1, -2], [-1, 1]], [1, 0]),
        ([[2, -1], [-2, -1]], [0, 0]),
        ([[3, -1], [-1, 4]], [-2, 2]),
    ]

    def network(inputs, layers):
        return ...

    print(network([1, -1], layers))  # should be 0.62 and 0.83
    """,
    answer="network",
)
def _network_exercise(answer: Any) -> Verdict:
    def transposed(x: Sequence[float], layers: Layers) -> list[float]:
        turned = [([list(column) for column in zip(*weights, strict=True)], biases) for weights, biases in layers]
        return _network(x, turned)

    def without_biases(x: Sequence[float], layers: Layers) -> list[float]:
        return _network(x, [(weights, [0.0] * len(biases)) for weights, biases in layers])

    def last_linear(x: Sequence[float], layers: Layers) -> list[float]:
        return [math.log(y / (1 - y)) for y in _network(x, layers)]

    def linear(x: Sequence[float], layers: Layers) -> list[float]:
        for weights, biases in layers:
            x = [_dot(row, x) + bias for row, bias in zip(weights, biases, strict=True)]
        return list(x)

    slides = list(SLIDES)
    return judge_function(
        answer,
        "network",
        _network,
        [([1.0, -1.0], slides), ([0.0, 0.0], slides), ([0.5, 2.0], slides[:2]), ([3.0, -0.25], slides[1:])],
        mistaken={
            SAME_INPUTS: lambda x, layers: _network(x, layers[-1:]),
            TRANSPOSED: transposed,
            FIRST_LAYER_ALONE: lambda x, layers: _network(x, layers[:1]),
            LAST_LINEAR: last_linear,
            ACTIVATION_FORGOTTEN: linear,
            BIAS_FORGOTTEN: without_biases,
            LAYERS_BACKWARDS: lambda x, layers: _network(x, layers[::-1]),
        },
        hard={
            SIZES: [([1.0, -1.0, 2.0], [([[1.0, 0.0, -1.0]], [0.5]), ([[2.0], [-1.0]], [0.0, 1.0])])],
        },
    )


SIZES = Misconception(
    "all layers alike", "Layers may have different sizes: take the number of neurons from the rows of weights."
)


def _softmax(scores: Sequence[float]) -> list[float]:
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    return [power / math.fsum(powers) for power in powers]


OVERFLOW = Misconception(
    "overflow",
    "exp(1000) is too large for a float. Softmax does not change if the same number is subtracted from all scores: "
    "subtract the largest first.",
)
NOT_NORMALISED = Misconception("not divided by the sum", "The powers must add up to 1: divide each by their sum.")
WITHOUT_EXP = Misconception("exp forgotten", "The scores themselves may be negative: take exp of each, then divide.")
TWICE = Misconception(
    "softmax twice", "The softmax of a softmax is nearly the same for all classes: apply it once, to the scores."
)
BY_NORM = Misconception("divided by the length", "The sum of the powers is wanted, not the root of their squares.")
EACH_SIGMOID = Misconception(
    "sigmoid for softmax", "The sigmoid of each score looks at it alone: the outputs must add up to 1 over all classes."
)


@declare(
    "softmax",
    chapter=3,
    title="A softmax that does not overflow",
    text="""
    Softmax turns scores into probabilities, `exp(zᵢ) / Σ exp(zⱼ)`. For 3, 1 and -3 they are 0.88, 0.12 and
    nearly 0. Write it so that it holds for scores of 1000, too, of which `exp` would be too large for a float.
    """,
    start="""
    from math import exp

    def softmax(scores):
        return ...

    print(softmax([3, 1, -3]))  # should be 0.88, 0.12 and 0.002
    """,
    answer="softmax",
)
def _softmax_exercise(answer: Any) -> Verdict:
    def powers(z: Sequence[float]) -> list[float]:
        return [math.exp(x) for x in z]

    return judge_function(
        answer,
        "softmax",
        _softmax,
        [([3.0, 1.0, -3.0],), ([0.5, -0.25],), ([2.0],), ([-1.0, 0.0, 1.5, 0.25],)],
        mistaken={
            NOT_NORMALISED: powers,
            NOT_NORMALISED._replace(name="only the largest subtracted"): lambda z: [math.exp(x - max(z)) for x in z],
            WITHOUT_EXP: lambda z: [x / math.fsum(z) for x in z],
            TWICE: lambda z: _softmax(_softmax(z)),
            SIGN: lambda z: _softmax([-x for x in z]),
            BY_NORM: lambda z: [x / math.hypot(*powers(z)) for x in powers(z)],
            EACH_SIGMOID: lambda z: [_sigmoid(x) for x in z],
        },
        hard={
            OVERFLOW: [([1000.0, 0.0],), ([-1000.0, -1001.0],), ([1000.0, 1000.0, -1000.0],), ([-1000.0, 0.0, 3000.0],)]
        },
    )


Examples = Sequence[tuple[Sequence[float], Sequence[float]]]
Model = Callable[[Sequence[float]], Sequence[float]]


def _squares(f: Model, examples: Examples) -> list[list[float]]:
    return [[(out - target) ** 2 for out, target in zip(f(x), y, strict=True)] for x, y in examples]


def _total_loss(f: Model, examples: Examples) -> float:
    return math.fsum(map(math.fsum, _squares(f, examples)))


REPLACED = Misconception(
    "= for +=", "Each example has replaced the loss of the one before: add them up with +=, and start from 0."
)
EACH_REPLACED = "Each square has replaced the one before: add them up with +=, and start from 0."
FIRST_ALONE = Misconception(
    "return too early", "Only the first example counts: the return stands inside the loop, so it ends there."
)
MEAN_FOR_SUM = Misconception("mean for sum", "The total loss is the sum over all examples, and not their mean.")
MEAN_OF_OUTPUTS = Misconception("mean over outputs", "The square error of an example is the sum over its outputs.")
SQUARE_LEFT_OUT = Misconception(
    "square forgotten", "Without the square, errors up and down cancel each other: square each difference."
)
SUM_SQUARED = Misconception("square of the sum", "Square each difference, and then add up: not the other way round.")
ABSOLUTE = Misconception("absolute value for square", "The square error squares each difference.")
HALVED = Misconception("half of it", "This loss has no factor of one half.")
ROOT = Misconception("root taken", "The square error is the sum itself, without a root.")
FIRST_OUTPUT = Misconception("first output alone", "A function may have several outputs: add up over all of them.")


@declare(
    "total-loss",
    chapter=4,
    title="How good is a function?",
    text="""
    `f` takes a list of inputs and returns a list of outputs. `examples` is a list of pairs: inputs, and the outputs
    that they should give. Write the total loss: the sum of `(y - ŷ)²` over all outputs of all examples.
    """,
    start="""
    def total_loss(f, examples):
        return ...

    print(total_loss(lambda x: [2 * x[0]], [([1], [2]), ([2], [3])]))  # should be 1
    """,
    answer="total_loss",
)
def _total_loss_exercise(answer: Any) -> Verdict:
    double = Named("lambda x: [2 * x[0]]", lambda x: [2 * x[0]])
    both = Named("lambda x: [x[0] + x[1], x[0] * x[1]]", lambda x: [x[0] + x[1], x[0] * x[1]])
    many: Examples = [([1.0, 2.0], [4.0, 1.5]), ([-1.0, 3.0], [2.5, -2.0]), ([0.5, 0.5], [0.0, 1.0])]

    def differences(f: Model, examples: Examples) -> list[list[float]]:
        return [[out - target for out, target in zip(f(x), y, strict=True)] for x, y in examples]

    def flat(rows: Sequence[Sequence[float]]) -> list[float]:
        return [x for row in rows for x in row]

    return judge_function(
        answer,
        "total_loss",
        _total_loss,
        [
            (double, [([1.0], [2.0]), ([2.0], [3.0]), ([-1.0], [1.0]), ([3.0], [5.5])]),
            (both, many),
            (both, many[1:]),
        ],
        mistaken={
            REPLACED: lambda f, rows: math.fsum(_squares(f, rows)[-1]),
            REPLACED._replace(sentence=EACH_REPLACED): lambda f, rows: _squares(f, rows)[-1][-1],
            FIRST_ALONE: lambda f, rows: math.fsum(_squares(f, rows)[0]),
            MEAN_FOR_SUM: lambda f, rows: _total_loss(f, rows) / len(rows),
            MEAN_FOR_SUM._replace(name="mean for sums"): lambda f, rows: (
                math.fsum(flat(_squares(f, rows))) / len(flat(_squares(f, rows)))
            ),
            MEAN_OF_OUTPUTS: lambda f, rows: math.fsum(math.fsum(row) / len(row) for row in _squares(f, rows)),
            SQUARE_LEFT_OUT: lambda f, rows: math.fsum(flat(differences(f, rows))),
            SIGN: lambda f, rows: -math.fsum(flat(differences(f, rows))),
            SUM_SQUARED: lambda f, rows: math.fsum(math.fsum(row) ** 2 for row in differences(f, rows)),
            ABSOLUTE: lambda f, rows: math.fsum(map(abs, flat(differences(f, rows)))),
            HALVED: lambda f, rows: _total_loss(f, rows) / 2,
            ROOT: lambda f, rows: math.sqrt(_total_loss(f, rows)),
            FIRST_OUTPUT: lambda f, rows: math.fsum(row[0] for row in _squares(f, rows)),
        },
    )
