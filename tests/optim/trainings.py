"""Trainings to diagnose: sick ones, each with one fault planted, and healthy ones."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from scalargrad import Value, cross_entropy, lift, nn, optim, softmax

Data = tuple[list[Any], list[Any]]


class Training(NamedTuple):
    """What `diagnose` is given."""

    loss: Callable[..., Value]
    model: nn.MLP
    data: Data
    history: optim.History | None
    validation: Data | None
    optimizer: optim.Optimizer | None

    def diagnosis(self) -> optim.Diagnosis:
        """Diagnose it."""
        return optim.diagnose(
            self.loss,
            self.model.parameters(),
            self.data,
            self.history,
            validation=self.validation,
            optimizer=self.optimizer,
        )


# ---------------------------------------------------------------- data


def blobs(rng: random.Random, size: int, *, spread: float = 0.35) -> Data:
    """Three classes of points around three places, in any order, as one-hot rows."""
    places = [(1.0, 0.0), (-0.5, 0.9), (-0.5, -0.9)]
    kinds = [rng.randrange(3) for _ in range(size)]
    points = [[rng.gauss(x, spread) for x in places[kind]] for kind in kinds]
    return points, [[float(i == kind) for i in range(3)] for kind in kinds]


def moons(rng: random.Random, size: int) -> Data:
    """Two half circles that reach into each other, as one-hot rows."""
    points, labels = [], []
    for _ in range(size):
        angle, upper = math.pi * rng.random(), rng.random() < 0.5
        x, y = (math.cos(angle), math.sin(angle)) if upper else (1 - math.cos(angle), 0.5 - math.sin(angle))
        points.append([x - 0.5 + rng.gauss(0, 0.1), y - 0.25 + rng.gauss(0, 0.1)])
        labels.append([float(upper), float(not upper)])
    return points, labels


def waves(rng: random.Random, size: int, *, noise: float = 0.05) -> Data:
    """A number from two: sin 3x - y, with noise."""
    points = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(size)]
    return points, [math.sin(3 * x) - y + rng.gauss(0, noise) for x, y in points]


def line(rng: random.Random, size: int) -> Data:
    """A number from five: a weighted sum, with noise."""
    points = [[rng.gauss(0, 1) for _ in range(5)] for _ in range(size)]
    return points, [x[0] - 2 * x[1] + 0.5 * x[2] + 0.3 + rng.gauss(0, 0.1) for x in points]


def classes(model: nn.MLP) -> Callable[..., Value]:
    """The cross-entropy of a model for one example."""
    return lambda x, y: cross_entropy(model(x), y)


def numbers(model: nn.MLP) -> Callable[..., Value]:
    """The square error of a model for one example."""
    return lambda x, y: (model(x) - y) ** 2


def trained(
    model: nn.MLP,
    loss: Callable[..., Value],
    data: Data,
    validation: Data | None,
    optimizer: optim.Optimizer,
    epochs: int = 40,
    **settings: Any,
) -> Training:
    """Train as a user does, and return what is to be diagnosed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = optim.train(
            loss, model.parameters(), data, optimizer=optimizer, epochs=epochs, validation=validation, **settings
        )
    return Training(loss, model, data, history, validation, None)


# ---------------------------------------------------------------- one fault each


def rate_too_high(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "tanh", rng=seed)
    return trained(model, classes(model), blobs(rng, 200), blobs(rng, 100), optim.GradientDescent(rate=100.0))


def rate_too_high_for_adam(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 16, 1], "relu", rng=seed)
    return trained(model, numbers(model), waves(rng, 200), waves(rng, 100), optim.Adam(rate=3.0))


def divergence(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(5, [1], rng=seed)
    return trained(model, numbers(model), line(rng, 200), line(rng, 100), optim.GradientDescent(rate=2.0))


def rate_too_low(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "tanh", rng=seed)
    return trained(model, classes(model), blobs(rng, 200), blobs(rng, 100), optim.Adam(rate=1e-5))


def rate_too_low_for_descent(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "relu", rng=seed)
    return trained(model, classes(model), blobs(rng, 200), None, optim.GradientDescent(rate=1e-4))


def dead_relus(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 16, 3], rng=seed)
    for neuron in model.layers[0].neurons:
        neuron.bias.data = -20.0
    return trained(model, classes(model), blobs(rng, 200), blobs(rng, 100), optim.Adam(rate=0.01))


def ten_sigmoid_layers(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [8] * 10 + [3], "sigmoid", rng=seed)
    return trained(model, classes(model), blobs(rng, 200), blobs(rng, 100), optim.GradientDescent(rate=0.1), epochs=20)


def saturated_sigmoids(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 16, 16, 3], "sigmoid", rng=seed, initial=lambda rng, n: rng.gauss(0, 100))
    return trained(model, classes(model), blobs(rng, 200), blobs(rng, 100), optim.GradientDescent(rate=0.01))


def weights_0(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], ["relu", "tanh"][seed % 2], rng=seed, initial=lambda rng, n: 0.0)
    return trained(model, classes(model), blobs(rng, 200), blobs(rng, 100), optim.Adam(rate=0.01))


def no_shuffle(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "tanh", rng=seed)
    rows = sorted(zip(*blobs(rng, 900, spread=0.7), strict=True), key=lambda row: row[1])
    points, labels = [row[0] for row in rows], [row[1] for row in rows]
    loss = classes(model)
    program = lift(loss, model.parameters())
    theta = program.pack()
    optimizer = optim.GradientDescent(theta, rate=0.5)
    for _ in range(5):
        for begin in range(0, len(points), 10):
            _, gradient = program.value_and_grad(points[begin : begin + 10], labels[begin : begin + 10], at=theta)
            theta = optimizer.step(gradient)
    program.unpack(theta)
    return Training(loss, model, (points, labels), None, blobs(rng, 100, spread=0.7), optimizer)


def labels_permuted(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "tanh", rng=seed)
    points, labels = blobs(rng, 200)
    rng.shuffle(labels)
    return trained(model, classes(model), (points, labels), blobs(rng, 100), optim.Adam(rate=0.01))


def labels_permuted_and_learned_by_heart(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [32, 32, 3], "tanh", rng=seed)
    points, labels = blobs(rng, 60, spread=1.0)
    rng.shuffle(labels)
    return trained(model, classes(model), (points, labels), None, optim.Adam(rate=0.01), epochs=600)


def inputs_not_scaled(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "tanh", rng=seed)

    def raw(data: Data) -> Data:
        return [[300 + 100 * x, 0.01 * y] for x, y in data[0]], data[1]

    return trained(model, classes(model), raw(blobs(rng, 200)), raw(blobs(rng, 100)), optim.Adam(rate=0.01))


def too_little_data(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [32, 32, 3], "relu", rng=seed)
    few, many = blobs(rng, 20, spread=0.7), blobs(rng, 200, spread=0.7)
    return trained(model, classes(model), few, many, optim.Adam(rate=0.01), epochs=300)


def softmax_twice(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "tanh", ["softmax", None][seed % 2], rng=seed)

    def loss(x: Any, y: Any) -> Value:
        scores: list[Value] = softmax(model(x)) if seed % 2 else model(x)
        return cross_entropy(scores, y)

    return trained(model, loss, blobs(rng, 200), blobs(rng, 100), optim.Adam(rate=0.01))


def no_momentum(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(5, [1], rng=seed)
    points, labels = line(rng, 200)
    points = [[x[0], x[1] / 20, x[2], x[3], x[4]] for x in points]
    labels = [x[0] - 40 * x[1] for x in points]
    return trained(
        model, numbers(model), (points, labels), None, optim.GradientDescent(rate=0.3), batch_size=None, epochs=100
    )


# ---------------------------------------------------------------- healthy


def linear_regression(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(5, [1], rng=seed)
    return trained(model, numbers(model), line(rng, 200), line(rng, 100), optim.GradientDescent(rate=0.05))


def three_classes(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [3], rng=seed)
    return trained(model, classes(model), blobs(rng, 200), blobs(rng, 100), optim.GradientDescent(rate=0.5))


def deep_relus(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16] * 5 + [2], "relu", rng=seed)
    return trained(model, classes(model), moons(rng, 400), moons(rng, 200), optim.Adam(rate=0.005))


def one_tanh_layer(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 2], "tanh", rng=seed)
    return trained(model, classes(model), moons(rng, 400), moons(rng, 200), optim.RMSprop(rate=0.01))


def one_sigmoid_layer(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "sigmoid", rng=seed)
    return trained(model, classes(model), blobs(rng, 300), None, optim.Adam(rate=0.02))


def momentum_on_waves(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [24, 1], "tanh", rng=seed)
    return trained(
        model,
        numbers(model),
        waves(rng, 400),
        waves(rng, 200),
        optim.GradientDescent(rate=0.02, momentum=0.9),
        epochs=80,
    )


def gelu_on_waves(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 16, 1], "gelu", rng=seed)
    return trained(model, numbers(model), waves(rng, 300), waves(rng, 100), optim.NAdam(rate=0.005))


def noisy_classes(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [8, 3], "relu", rng=seed)
    return trained(
        model, classes(model), blobs(rng, 500, spread=0.8), blobs(rng, 300, spread=0.8), optim.Adam(rate=0.01)
    )


def stopped_early(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 16, 2], "leaky_relu", rng=seed)
    return trained(
        model, classes(model), moons(rng, 300), moons(rng, 200), optim.AdamW(rate=0.01), epochs=200, patience=10
    )


def loop_of_ones_own(seed: int) -> Training:
    rng = random.Random(seed)
    model = nn.MLP(2, [16, 3], "relu", rng=seed)
    data, loss = blobs(rng, 200), classes(model)
    program = lift(loss, model.parameters())
    theta = program.pack()
    optimizer = optim.Adagrad(theta, rate=0.1)
    for _ in range(200):
        _, gradient = program.value_and_grad(*data, at=theta)
        theta = optimizer.step(gradient)
    program.unpack(theta)
    return Training(loss, model, data, None, blobs(rng, 100), optimizer)


HEALTHY = [
    linear_regression,
    three_classes,
    deep_relus,
    one_tanh_layer,
    one_sigmoid_layer,
    momentum_on_waves,
    gelu_on_waves,
    noisy_classes,
    stopped_early,
    loop_of_ones_own,
]

# ---------------------------------------------------------------- all of them

FAULTS: dict[Callable[[int], Training], tuple[str, set[str]]] = {  # what is found, and what may be found beside it
    rate_too_high: ("rate too high", set()),
    rate_too_high_for_adam: ("rate too high", {"dead relus"}),  # which is what so high a rate does to them
    divergence: ("rate too high", set()),
    rate_too_low: ("rate too low", set()),
    rate_too_low_for_descent: ("rate too low", set()),
    dead_relus: ("dead relus", set()),
    ten_sigmoid_layers: ("vanishing gradients", set()),
    saturated_sigmoids: ("saturated sigmoids", set()),
    weights_0: ("weights all alike", set()),
    no_shuffle: ("no shuffle", set()),
    labels_permuted: ("labels unrelated to the inputs", set()),
    labels_permuted_and_learned_by_heart: ("labels unrelated to the inputs", set()),
    inputs_not_scaled: ("inputs not scaled", {"saturated sigmoids"}),  # which large inputs lead to
    too_little_data: ("too little data", set()),
    softmax_twice: ("softmax twice", set()),
    no_momentum: ("no momentum", set()),
}
