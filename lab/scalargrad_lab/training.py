"""A training that can be watched: step by step, back to earlier moments, and into the gradient of each example."""

from __future__ import annotations

import copy
import math
import random
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from scalargrad import Value, binary_cross_entropy, hinge, lift, nn, optim, square_error

from . import datasets
from .datasets import Points

MOST_MOMENTS = 512  # that are kept: of 2-16-16-1 they take 1.4 MB
MOST_STEPS = 100_000
MOST_LAYERS, MOST_NEURONS = 4, 32
MARGIN = 0.15  # around the points, as a share of their extent
FINEST = 40  # places along each side of the plane, at which the score is computed

ACTIVATIONS = ("tanh", "relu", "sigmoid", "leaky_relu", "gelu", "linear")
LOSSES: dict[str, Callable[..., Value]] = {
    "hinge": hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "square_error": square_error,
}
OPTIMIZERS: dict[str, tuple[type[optim.Optimizer], dict[str, Any]]] = {
    "gradient descent": (optim.GradientDescent, {}),
    "momentum": (optim.GradientDescent, {"momentum": 0.9}),
    "Adagrad": (optim.Adagrad, {}),
    "RMSprop": (optim.RMSprop, {}),
    "Adadelta": (optim.Adadelta, {}),
    "Adam": (optim.Adam, {}),
    "AdamW": (optim.AdamW, {}),
    "NAdam": (optim.NAdam, {}),
}


@dataclass(frozen=True)
class Settings:
    """All that decides a training: the same settings give the same numbers, to the bit.

    Attributes:
        data: a rule of `datasets`, or "own".
        count, noise: of points that are made by a rule.
        text: your own points, a line for each, as `datasets.read` reads them.
        layers: the number of neurons of each hidden layer.
        activation: of the hidden layers.
        loss: of an example.
        optimizer: a name of `OPTIMIZERS`.
        rate, weight_decay: of the optimizer.
        batch: the number of examples for a step; None for all.
        dropout: the probability with which the output of a hidden neuron is dropped.
        seed: decides the points, the first weights, the batches and the masks.
    """

    data: str = "moons"
    count: int = 100
    noise: float = 0.1
    text: str = ""
    layers: tuple[int, ...] = (8, 8)
    activation: str = "tanh"
    loss: str = "binary_cross_entropy"
    optimizer: str = "Adam"
    rate: float = 0.03
    batch: int | None = None
    dropout: float = 0.0
    weight_decay: float = 0.0
    seed: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Return the settings that plain data name; what they do not name is as by default.

        Raises:
            ValueError: for a name or a choice that there is not, or a number out of its range.
            TypeError: for what is not a number where one is needed.
        """
        known = [each.name for each in fields(cls)]
        for name in given:
            if name not in known:
                raise ValueError(f"there is no setting {name!r}; there are {', '.join(known)}")
        settings = cls(**{**given, "layers": tuple(given.get("layers", cls.layers))})
        for name, choices in (("activation", ACTIVATIONS), ("loss", LOSSES), ("optimizer", OPTIMIZERS)):
            if getattr(settings, name) not in choices:
                raise ValueError(f"the {name} must be one of {', '.join(choices)}, got {getattr(settings, name)!r}")
        if len(settings.layers) > MOST_LAYERS:
            raise ValueError(f"at most {MOST_LAYERS} hidden layers can be watched here, got {len(settings.layers)}")
        for size in settings.layers:
            if not isinstance(size, int) or not 1 <= size <= MOST_NEURONS:
                raise ValueError(f"a hidden layer has from 1 to {MOST_NEURONS} neurons here, got {size!r}")
        for name in ("seed", "count", "batch"):
            number = getattr(settings, name)
            if not (type(number) is int and number >= 0) and not (name == "batch" and number is None):
                raise ValueError(f"the {name} must be a whole number, 0 or more, got {number!r}")
        if not isinstance(settings.noise, int | float):
            raise TypeError(f"the noise must be a number, got {settings.noise!r}")
        if settings.batch == 0:
            raise ValueError("a batch has 1 example or more, got 0")
        return settings

    def points(self) -> Points:
        """Return the points to learn from."""
        if self.data == "own":
            return datasets.read(self.text)
        return datasets.made(self.data, self.count, self.noise, self.seed)


@dataclass
class Moment:
    """The state before a step: the parameters, and what the examples of the step say about them.

    Attributes:
        step: the number of steps before.
        theta: a number for each parameter.
        norms: for each layer the Euclidean norm of the gradient of the batch's mean loss.
    """

    step: int
    theta: array[float]
    norms: list[float]


class Training:
    """The training of a network to tell points of two classes apart, on the lifted program in plain Python.

    >>> training = Training(Settings(layers=(4,)))
    >>> training.steps(20)
    >>> training.step, len(training.losses), training.losses[-1] < training.losses[0]
    (20, 21, True)
    >>> training.moment(10).step
    10

    Its history is bounded: it keeps each moment while there are fewer than 512, then each second one, then each
    fourth, and always the newest.

    Args:
        settings: all that decides it.

    Attributes:
        points: the examples.
        targets: the label of each as the loss takes it.
        model: the network.
        theta: the parameters now.
        losses: of each step so far the mean loss of its batch, and that of the next one.
        problem: why there is no next step; "" while there is one.
        stride: each moment at a multiple of this number of steps is kept.

    Raises:
        ValueError, TypeError: for settings that the data or the library refuse.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.points = points = settings.points()
        is_probability = settings.loss == "binary_cross_entropy"
        self.targets = [max(label, 0) if is_probability else label for label in points.labels]
        self.inputs = [list(place) for place in points.places]
        activation = None if settings.activation == "linear" else settings.activation
        sizes = [*settings.layers, 1]
        self.model = nn.MLP(2, sizes, activation=activation, rng=settings.seed, dropout=settings.dropout)
        parameters = self.model.parameters()
        self.example_loss = self._loss_function()
        self._program = lift(self.example_loss, parameters, target="python")
        self._scores = lift(self._masked(self.model.output, self.inputs[0]), parameters, target="python")
        self.theta: list[float] = self._program.pack()
        kind, options = OPTIMIZERS[settings.optimizer]
        self._optimizer = kind(self.theta, rate=settings.rate, weight_decay=settings.weight_decay, **options)
        self.losses: array[float] = array("d")
        self.problem = ""
        self.stride = 1
        self.step = 0
        self._moments: dict[int, Moment] = {}
        self._order: tuple[int, list[int]] = (-1, [])
        self._slopes = self._prepared()

    def _masked(self, function: Any, *example: Any) -> Any:
        return nn.Masked(function, *example) if self.settings.dropout else function

    def _loss_function(self) -> Any:
        loss, model = LOSSES[self.settings.loss], self.model

        def example_loss(point: list[Value], target: Value) -> Value:
            return loss(model.output(point), target)

        return self._masked(example_loss, self.inputs[0], self.targets[0])

    # ---------------------------------------------------------------- steps

    def batch(self, step: int) -> list[int]:
        """Return which examples a step is made with, by their places; each epoch has each of them once."""
        count = len(self.targets)
        size = min(self.settings.batch or count, count)
        if size == count:
            return list(range(count))
        epoch, place = divmod(step, math.ceil(count / size))
        if self._order[0] != epoch:
            order = list(range(count))
            random.Random(f"{self.settings.seed}/{epoch}").shuffle(order)
            self._order = epoch, order
        return self._order[1][place * size : (place + 1) * size]

    def masks(self, step: int) -> list[list[float]]:
        """Return the mask of each example of a step's batch; none without dropout."""
        if not self.settings.dropout:
            return []
        rng = random.Random(f"{self.settings.seed}/masks/{step}")
        return [self.example_loss.draw(rng) for _ in self.batch(step)]

    def _arguments(self, step: int) -> list[list[Any]]:
        """The examples of a step as the program takes them."""
        batch = self.batch(step)
        columns: list[list[Any]] = [[self.inputs[i] for i in batch], [self.targets[i] for i in batch]]
        masks = self.masks(step)
        return [*columns, masks] if masks else columns

    def _prepared(self) -> list[float]:
        """Return the gradient for the next step, and keep the moment."""
        slopes: list[float]
        loss, slopes = self._program.value_and_grad(*self._arguments(self.step), at=self.theta)
        self.losses.append(loss)
        if not math.isfinite(loss):
            self.problem = f"diverged: after {self.step:,} steps the loss is {loss}; take a lower rate"
        elif self.step >= MOST_STEPS:
            self.problem = f"{MOST_STEPS:,} steps are the most that can be watched here"
        if self.step % self.stride == 0:
            if len(self._moments) >= MOST_MOMENTS:
                self.stride *= 2
                self._moments = {step: kept for step, kept in self._moments.items() if step % self.stride == 0}
            if self.step % self.stride == 0:
                self._moments[self.step] = self._moment(slopes)
        return slopes

    def steps(self, count: int, seconds: float = math.inf) -> None:
        """Take steps: as many as there is time for, and at least one."""
        end = time.perf_counter() + seconds
        for _ in range(count):
            if self.problem:
                return
            self._optimizer.step(self._slopes)
            self.step += 1
            self._slopes = self._prepared()
            if time.perf_counter() > end:
                return

    # ---------------------------------------------------------------- what there is to see

    def _moment(self, slopes: list[float]) -> Moment:
        norms, place = [], 0
        for layer in self.model.layers:
            size = len(layer.parameters())
            norms.append(math.hypot(*slopes[place : place + size]))
            place += size
        return Moment(self.step, array("d", self.theta), norms)

    def moment(self, step: int) -> Moment:
        """Return the state before a step: that of the latest moment up to it that is kept."""
        if step >= self.step:
            return self._moment(self._slopes)
        return self._moments[max(0, step) // self.stride * self.stride]

    def extent(self) -> tuple[float, float, float]:
        """Return what of the plane to show, a square: x of its left side, y of its lower side, and its width."""
        xs, ys = zip(*self.points.places, strict=True)
        middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
        width = (1 + 2 * MARGIN) * max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
        return middle[0] - width / 2, middle[1] - width / 2, width

    def scores(self, theta: array[float], places: list[list[float]]) -> list[float]:
        """Return the output of the network at these places, with nothing dropped."""
        scores: list[float] = self._scores(places, at=list(theta))
        return scores

    def grid(self, side: int = FINEST) -> list[list[float]]:
        """Return side × side places of the extent, row by row from the top left."""
        left, low, width = self.extent()
        marks = [width * (i + 0.5) / side for i in range(side)]
        return [[left + x, low + width - y] for y in marks for x in marks]

    # ---------------------------------------------------------------- why a weight moves

    def pull(self, step: int, parameter: int) -> dict[str, Any]:
        """Return why a parameter moves at a moment: the contribution of each example of the batch to its gradient.

        The gradient is the mean of the contributions; the batch has its place in `batch`.

        Returns:
            step; value, gradient; change, which the step makes, or None where the next moment is not kept;
            contributions: pairs of an example and dloss/dparameter there, the largest first.
        """
        moment = self.moment(step)
        step, theta = moment.step, list(moment.theta)
        columns = self._arguments(step)
        contributions = []
        for place, example in enumerate(self.batch(step)):
            _, slopes = self._program.value_and_grad(*[column[place : place + 1] for column in columns], at=theta)
            contributions.append((example, slopes[parameter]))
        _, slopes = self._program.value_and_grad(*columns, at=theta)
        return {
            "step": step,
            "value": theta[parameter],
            "gradient": slopes[parameter],
            "change": self._change(step, parameter, theta[parameter]),
            "contributions": sorted(contributions, key=lambda each: -abs(each[1])),
        }

    def _change(self, step: int, parameter: int, before: float) -> float | None:
        if step < self.step:
            after = self.theta if step + 1 == self.step else getattr(self._moments.get(step + 1), "theta", None)
            return None if after is None else after[parameter] - before
        if self.problem:
            return None
        twin = copy.copy(self._optimizer)  # a step replaces the memories, and changes none in place
        twin.theta = list(self.theta)
        moved: list[float] = twin.step(self._slopes)
        return moved[parameter] - before
