"""Why does training not go well? The recipe of the lecture: first the training data, then the others.

Hung-yi Lee, "Deep learning tutorial", second part. Is the model good on the training data? If not: loss, batches,
activation, rate, momentum. If so, but not on other data: early stopping, weight decay, dropout, more data.
"""

from __future__ import annotations

import copy
import math
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..engine import modes
from ..engine.floats import counted, integer
from ..engine.value import Value
from ..functional import BoundedScores
from ..nn.dropout import undropped
from .adam import Adam
from .arguments import Array, in_our_words, some_variables
from .descent import GradientDescent
from .diagnosis import Diagnosis, Finding, Fit
from .history import History
from .layers import FLAT, LayerReading, read_layers
from .minimizing import DIVERGED
from .optimizer import Optimizer, on_variables
from .training import _columns, _way
from .trials import Trial, Trials
from .ways import Columns, OnArrays, Way, mean_of

GOOD = 0.8  # the part of the loss that a good model has got rid of; for numbers this is R² = 0.67
POOR = 0.3  # a model below this has learned little; between the two, noise in the data may be all that is left
GAP = 0.2  # by how much less of the loss a good model may get rid of on validation data
RISE = 0.2  # the same of a validation loss that has been lower
LUCK = 3.0  # standard deviations: one shuffling of the labels in 700 is as good by chance
BETTER = 0.7  # a change helps when it leaves this part of the loss: batches make it vary by a tenth or two
SEVERAL = 10  # epochs: enough for the last fifth of them to have a mean
FALLING = 0.9  # a loss that has come down to this in the last fifth of the epochs is still falling
NOTHING = 0.1  # true labels must be learned by so much better than the luckiest of shuffled ones
FADED = 1e-3  # a gradient that shrinks by this over the layers moves the first ones a thousand times less
MOST = 0.5  # of the relus or sigmoids of a layer
LARGE, SMALL, UNLIKE = 10.0, 0.05, 100.0  # the sizes of inputs, of which 1 is best (LeCun et al., "Efficient BackProp")
RECENT = 2.0  # the examples that were learned last cost this many times less than the others
FACTORS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)  # of the rate

READ = 32  # examples whose graphs are read
MEASURED = 1000  # examples that a loss is measured on
SHUFFLES = 20
STEPS = 300  # of a trial: enough for a loss to fall, and a fraction of a second on arrays
LONG = 1000  # of a trial that is to learn as much as training did
BUDGET = 3_000_000  # nodes of all trials on Values, a few seconds
FEWEST = 20  # steps that can show anything
ENOUGH = 40  # examples; which of fewer are learned faster is luck
SHUFFLINGS = 5  # of the labels, to train with


@in_our_words
def diagnose(
    loss: Callable[..., Value],
    parameters: Iterable[Value] | Array,
    data: tuple[Any, ...],
    history: History | None = None,
    *,
    validation: tuple[Any, ...] | None = None,
    optimizer: Optimizer | None = None,
    rng: int = 0,
) -> Diagnosis:
    """Say why a training does not go well: what was measured, what it means, and what to do.

    >>> from scalargrad import nn, optim
    >>> xs = [[x / 10, y / 10] for x in range(-10, 11, 4) for y in range(-10, 11, 4)]
    >>> ys = [x * y for x, y in xs]
    >>> model = nn.MLP(2, [8, 1], "tanh", rng=0)
    >>> loss = lambda x, y: (model(x) - y) ** 2
    >>> setting = optim.Adam(rate=0.00001)
    >>> history = optim.train(loss, model.parameters(), (xs, ys), optimizer=setting, epochs=100)
    >>> optim.diagnose(loss, model.parameters(), (xs, ys), history).findings[0].name
    'rate too low'

    It asks what the lecture asks. Is the model good on the training data? If not, the fault is in the loss, the
    batches, the activation, the rate or the momentum. Is it good on validation data? If not, stop early, decay the
    weights, drop out, or find more data. A model is good when its loss is far below what it is with the labels, the
    last column of the data, shuffled.

    Gradients and outputs are measured layer by layer, for modules that leave marks. What cannot be measured so is
    tried: short trainings from the same start with other rates, with momentum, with shuffled labels. Afterwards the
    parameters are as they were.

    Args:
        loss: a function of one example, as for `train`.
        parameters: the Values that were trained, with the numbers that training came to.
        data: the training data, as for `train`.
        history: what `train` returned. It has the optimizer, the start and the curves. Without it, as for a loop of
            your own, the trials go on from where the parameters are, in batches of 32.
        validation: data that were not learned from.
        optimizer: the optimizer that was used; needed only without a history, and `Adam()` by default.
        rng: the seed of all shuffling.

    Returns:
        The diagnosis: `findings`, the most important first, and what was measured.

    Raises:
        TypeError: for a loss that does not return a Value, data that are not a tuple of columns, another history,
            or both a history and an optimizer.
        ValueError: for columns of different lengths, or a history of another training.
    """
    modes.refuse_while_tracing("a diagnosis")
    modes.refuse_unrecorded("a diagnosis")
    variables = some_variables(parameters)
    columns = _columns(data, "data")
    held_out = None if validation is None else _columns(validation, "validation")
    if held_out is not None and len(held_out) != len(columns):
        raise ValueError(f"validation must have as many columns as data, {len(columns)}, got {len(held_out)}")
    setting = _setting(history, optimizer, len(columns[0]), variables)
    now = [variable.data for variable in variables]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundedScores)  # it becomes a finding
            return _Doctor(loss, variables, columns, held_out, history, setting, integer(rng, "rng")).diagnosis()
    finally:
        for variable, number in zip(variables, now, strict=True):
            variable.data = number


def _setting(history: Any, optimizer: Optimizer | None, examples: int, variables: list[Value]) -> Optimizer:
    """The optimizer that was used, as it was before the first step."""
    if history is None:
        used = Adam() if optimizer is None else optimizer
        return (
            used.on(variables)
            if getattr(used, "theta", None) is not None
            else on_variables(used, variables).on(variables)
        )
    if not isinstance(history, History):
        raise TypeError(f"history must be what optim.train returned, got a {type(history).__name__}")
    if optimizer is not None:
        raise TypeError("the history has the optimizer that was used: leave out optimizer")
    if (history.examples, len(history.start)) != (examples, len(variables)):
        own = f"{counted(history.examples, 'example')} and {counted(len(history.start), 'parameter')}"
        raise ValueError(f"the history is of a training with {own}, not {examples} and {len(variables)}")
    return history.optimizer.on(variables)


class _Doctor:
    def __init__(
        self,
        loss: Callable[..., Value],
        variables: list[Value],
        data: list[Any],
        validation: list[Any] | None,
        history: History | None,
        setting: Optimizer,
        seed: int,
    ) -> None:
        self._loss, self._variables, self._history, self._seed = loss, variables, history, seed
        self.size = len(data[0])
        self._now = [variable.data for variable in variables]
        self._start = list(history.start) if history else self._now
        self._setting = setting
        examples = [[_plain(column[i]) for column in data] for i in self._some(self.size, READ)]
        self._bounds = self._bounded(examples[0])
        self.reading = read_layers(loss, examples, set(variables))
        self.at_start = self.reading
        if self._start != self._now:
            self._put(self._start)
            self.at_start = read_layers(loss, examples, set(variables))
            self._put(self._now)
        batch_size = min(history.batch_size if history else 32, self.size)
        way = _way(loss, variables, setting, data, validation, None, None, 1)
        self._is_fast = isinstance(way, OnArrays) and not isinstance(way.theta, list)
        self.data = way.columns(data)
        self.validation = None if validation is None else way.columns(validation)
        self._trials = Trials(way, loss, self._start, self.data, batch_size, seed)
        self._sample = self._chosen(way, self.data)
        self._others = None if self.validation is None else self._chosen(way, self.validation)
        self._taken = (history.steps if history else 0) or STEPS
        self._steps = STEPS
        if not self._is_fast:
            self._steps = min(STEPS, BUDGET // (self.reading.nodes * batch_size * (len(FACTORS) + SHUFFLINGS + 2)))
        self.rates: dict[float, float] = {}

    # ---------------------------------------------------------------- measuring

    def _some(self, size: int, most: int) -> Sequence[int]:
        """The places of that many examples, in any order; all if there are no more."""
        return random.Random(self._seed).sample(range(size), min(size, most))

    def _chosen(self, way: Way, columns: Columns) -> Columns:
        most = MEASURED if self._is_fast else MEASURED // 20
        return way.chosen(columns, self._some(len(columns[0]), most))

    def _put(self, numbers: Sequence[float]) -> None:
        for variable, number in zip(self._variables, numbers, strict=True):
            variable.data = number

    def _bounded(self, example: Sequence[Any]) -> str:
        """What `cross_entropy` says of its scores, where they cannot be certain."""
        with warnings.catch_warnings(record=True) as caught, undropped():
            warnings.simplefilter("always")
            result = self._loss(*example)
        if not isinstance(result, Value):
            raise TypeError(f"the loss must return a Value, got {result!r} of type {type(result).__name__}")
        return next((str(warning.message) for warning in caught if issubclass(warning.category, BoundedScores)), "")

    def _fit(self, columns: Columns) -> Fit:
        loss = self._trials.loss_at(self._now, columns)
        at_start = self._trials.loss_at(self._start, columns)
        if len(columns) == 1:  # no labels to shuffle
            return Fit(loss, at_start, _part(loss, at_start), loss < at_start)
        count = SHUFFLES if self._is_fast else SHUFFLES // 4
        others = [self._trials.shuffled(columns, f"labels {i}") for i in range(count)]
        losses = [self._trials.loss_at(self._now, other) for other in others]
        mean = mean_of(losses)
        deviation = math.hypot(*(x - mean for x in losses)) / math.sqrt(count - 1)
        # where training has gone astray, shuffled labels cost less at the start
        chance = min(mean, mean_of([self._trials.loss_at(self._start, other) for other in others[:5]]))
        return Fit(loss, chance, _part(loss, chance), loss < mean - LUCK * deviation)

    # ---------------------------------------------------------------- the recipe

    def diagnosis(self) -> Diagnosis:
        training = self._fit(self._sample)
        validation = None if self._others is None else self._fit(self._others)
        lately = _part(self._lately(training), training.chance)
        is_good = min(training.learned, lately) >= GOOD and not self._has_diverged
        findings = list(self._loss_itself())
        if not is_good:
            findings += self._seen_at_start()
        if not findings:
            findings += self._tried(training, validation, is_good)
        beyond = self._beyond(training, validation) if is_good and validation is not None else []
        holds = None if validation is None else is_good and not beyond
        findings = findings or beyond
        return Diagnosis(
            findings,
            is_good,
            holds,
            training,
            validation,
            self.reading.layers,
            self.at_start.layers,
            self.reading.inputs,
            self.rates,
            self._history,
        )

    @property
    def _has_diverged(self) -> bool:
        return self._history is not None and self._history.status == DIVERGED

    def _lately(self, training: Fit) -> float:
        """The loss over the last fifth of the epochs, where it was higher: a loss that leaps may end low by luck."""
        losses = self._history["loss"] if self._history else []
        if len(losses) < SEVERAL:
            return training.loss
        return max(training.loss, mean_of(losses[-(len(losses) // 5) :]))

    def _loss_itself(self) -> Iterator[Finding]:
        if self._bounds:
            is_softmax = "results of softmax" in self._bounds
            yield Finding(
                "softmax twice" if is_softmax else "scores within bounds",
                f"the scores of cross_entropy are results of {'a softmax' if is_softmax else 'a bounded operation'}",
                "no class can become certain, the loss cannot reach 0, and the gradient is small",
                "take the scores from a linear layer, output=None: the softmax is a part of cross_entropy",
            )

    def _seen_at_start(self) -> Iterator[Finding]:
        """What the graph shows before any step, or as it is where no start is known."""
        layers = self.at_start.layers
        before = [math.inf, *(layer.outputs for layer in layers)]  # everything that reads only zeros gives the same
        copies = [
            layer for layer, size in zip(layers, before, strict=False) if layer.copies and layer.is_hidden and size
        ]
        if copies:
            yield Finding(
                "weights all alike",
                f"the {copies[0].copies} neurons of layer {copies[0].place} give the same numbers on every example",
                "neurons that start alike have the same gradient and stay alike, as if there were only one; where all "
                "weights are 0, no gradient comes through them either",
                'draw the weights at random, initial="scaled"',
            )
        yield from self._inputs()
        dead = self._mostly_dead(layers)
        if dead and not copies:
            yield _dead(dead, "at the start" if self._history else "now")
        saturated = [layer for layer in layers if layer.is_hidden and layer.saturated > MOST]
        if saturated and not copies:
            worst = max(saturated, key=lambda layer: layer.saturated)
            yield Finding(
                "saturated sigmoids",
                f"{worst.saturated:.0%} of the outputs of layer {worst.place} are on the flat ends, with a slope below "
                f"{FLAT}",
                "hardly any gradient passes them",
                'start from smaller weights, initial="scaled", and bring the inputs to a size near 1',
            )
        faded = self._faded(layers)
        if faded and not copies and not dead and not saturated:  # each of these is a cause of it
            yield faded

    def _inputs(self) -> Iterator[Finding]:
        sizes = sorted(self.reading.inputs)
        if not sizes:
            return
        low, high = sizes[len(sizes) // 10], sizes[-1]  # of many pixels, a few at the rim are hardly ever set
        if high > LARGE or high < SMALL or high > UNLIKE * low:
            seen = f"up to {high:.3g}" if low > high / 2 else f"from {low:.3g} to {high:.3g}"
            yield Finding(
                "inputs not scaled",
                f"the inputs of the first layer have sizes {seen}",
                "the loss is steep along large inputs and flat along small ones: no rate suits both",
                "subtract from each input its mean over the training data, and divide by its standard deviation",
            )

    @staticmethod
    def _mostly_dead(layers: Sequence[LayerReading]) -> LayerReading | None:
        dead = [layer for layer in layers if layer.is_hidden and layer.relus and layer.dead > MOST * layer.relus]
        return max(dead, key=lambda layer: layer.dead / layer.relus, default=None)

    @staticmethod
    def _faded(layers: Sequence[LayerReading]) -> Finding | None:
        if len(layers) < 2 or not 0 < layers[0].gradient < FADED * layers[-1].gradient:
            return None
        return Finding(
            "vanishing gradients",
            f"the gradient is {layers[-1].gradient:.2g} at the last layer and {layers[0].gradient:.2g} at the first of "
            f"{len(layers)}",
            "the first layers hardly move, so the last ones learn from the outputs of random layers",
            "take relu in place of sigmoid or tanh, or fewer layers",
        )

    def _tried(self, training: Fit, validation: Fit | None, is_good: bool) -> list[Finding]:
        """What short trainings show that differ in one thing."""
        is_proven = validation is not None and validation.is_beyond_luck and validation.learned >= POOR
        if self._steps < FEWEST or (is_good and (is_proven or not self._is_fast or len(self.data) == 1)):
            return []
        rates: dict[float, float] = {}
        if not is_good:
            rates = {factor: self._run(factor=factor).loss for factor in FACTORS}
            if not any(map(math.isfinite, rates.values())):
                return [_not_finite()]
        best = _best(rates) if rates else 1.0
        if len(self.data) > 1 and self.size >= ENOUGH and not is_proven:
            unfounded = self._unfounded(best, training if is_good else None)
            if unfounded:
                return [unfounded]
        if is_good:
            return []
        self.rates = rates
        return self._steered(training, best)

    def _run(self, **change: Any) -> Trial:
        return self._trials.run(self._steps, self._sample, **change)

    def _unfounded(self, factor: float, good: Fit | None) -> Finding | None:
        """Whether shuffled labels are learned as well as the true ones."""
        steps = self._steps if good is None else min(self._taken, LONG)
        trial = self._trials.run(steps, self._sample, factor=factor)
        true = trial.on_the_way
        if not math.isfinite(true) or (good is not None and _part(trial.loss, good.chance) < POOR):
            return None  # so short a training says nothing
        others = [
            self._trials.run(steps, self._sample, factor=factor, labels=f"trial {i}").on_the_way
            for i in range(SHUFFLINGS)
        ]
        if min(others) - true > NOTHING * abs(min(others)):
            return None
        return Finding(
            "labels unrelated to the inputs",
            f"in {steps} steps from the start the loss was {true:.3g} on average, and with the labels shuffled from "
            f"{min(others):.3g} to {max(others):.3g}",
            "the model learns nothing that one example has in common with another",
            "look at a few examples with their labels: do the columns belong together, row by row? If they do, the "
            "model cannot see what they share: make it larger, or give it other inputs",
        )

    def _steered(self, training: Fit, best: float) -> list[Finding]:
        """Order, rate, momentum, and what is left."""
        rates = self.rates
        lately = self._lately(training)
        control = min(lately, rates[1.0]) if math.isfinite(lately) else rates[1.0]
        findings = self._unmixed(training) or self._rate(training, best, control)
        dead = self._mostly_dead(self.reading.layers)
        if dead and not self._mostly_dead(self.at_start.layers):
            findings.append(_dead(dead, "now, and were alive at the start"))
        findings = findings or self._without_momentum(control) or self._unfinished(lately)
        if not findings and training.learned < POOR and len(self.data) > 1:
            findings.append(
                Finding(
                    "model too small",
                    f"the loss is {training.loss:.3g}, and neither another rate nor momentum nor more steps lower it",
                    "it may be as low as this model can make it, or as noise in the data lets it be",
                    "add neurons or layers, or inputs that say more",
                )
            )
        return findings

    def _unmixed(self, training: Fit) -> list[Finding]:
        """Whether a loop without `train` has learned from examples of one kind after those of another."""
        if self._history is not None or len(self.data) == 1 or not _is_better(self.rates[1.0], training.loss):
            return []
        tenth = max(1, self.size // 10)
        last = self._trials.loss_at(self._now, [column[-tenth:] for column in self.data])
        others = self._trials.loss_at(self._now, [column[:-tenth] for column in self.data])
        if last * RECENT > others:
            return []
        return [
            Finding(
                "no shuffle",
                f"the last tenth of the examples costs {last:.3g} each, the others {others:.3g}; after {self._steps} "
                f"steps with the examples shuffled the loss is {self.rates[1.0]:.3g}",
                "each batch holds examples of one kind, and the model forgets the others",
                "shuffle the examples again in each epoch, as optim.train does",
            )
        ]

    def _rate(self, training: Fit, best: float, control: float) -> list[Finding]:
        """Whether another rate leads to a much lower loss."""
        if self._has_diverged:
            best = min([factor for factor in FACTORS if factor < 1], key=self.rates.__getitem__)
        reached = self.rates[best]
        others = f"after {self._steps} steps from the start it is {reached:.3g} with {best:g} times the rate"
        if self._has_diverged or (best < 1 and _is_better(reached, control)):
            ended = f"the loss is {training.loss:.3g}"
            if self._history is not None and self._has_diverged:
                ended = self._history.message
            if self._lately(training) > 2 * training.loss:
                ended += f", and was {self._lately(training):.3g} over the last epochs"
            return [
                Finding(
                    "rate too high",
                    f"{ended}; {others}",
                    "a step jumps over the valley, to where the loss is as high or higher",
                    f"take {best:g} times the rate, or a schedule that lowers it",
                )
            ]
        if best > 1 and _is_better(reached, control) and _part(self.rates[1.0], training.chance) < GOOD:
            return [
                Finding(
                    "rate too low",
                    f"the loss is {training.loss:.3g}; {others}",
                    "each step goes the right way, and not far enough",
                    f"take {best:g} times the rate",
                )
            ]
        return []

    def _without_momentum(self, control: float) -> list[Finding]:
        """Whether momentum helps where there is none."""
        setting = copy.copy(self._setting)
        if not isinstance(setting, GradientDescent) or setting.momentum:
            return []
        setting.momentum = 0.9
        reached = self._run(other=setting).loss
        if not _is_better(reached, control):
            return []
        return [
            Finding(
                "no momentum",
                f"after {self._steps} steps from the start the loss is {self.rates[1.0]:.3g}, and {reached:.3g} with "
                "momentum=0.9",
                "the loss is steep in some directions, which limit the rate, and flat in others",
                "take GradientDescent(rate, momentum=0.9), or Adam",
            )
        ]

    def _unfinished(self, lately: float) -> list[Finding]:
        """Whether more steps lower the loss, or the loss was still falling."""
        losses = self._history["loss"] if self._history else []
        before = losses[len(losses) * 4 // 5 - 1] if len(losses) >= SEVERAL else -math.inf
        if _is_better(self.rates[1.0], lately):
            falls = f"from {lately:.3g} to {self.rates[1.0]:.3g} in {self._steps} steps"
        elif losses and losses[-1] < FALLING * before:
            falls = f"from {before:.3g} to {losses[-1]:.3g} in the last fifth of {counted(len(losses), 'epoch')}"
        else:
            return []
        return [
            Finding(
                "too few steps",
                f"the loss still falls: {falls}",
                "training has ended before it was done",
                "train for more epochs",
            )
        ]

    def _beyond(self, training: Fit, validation: Fit) -> list[Finding]:
        """What keeps a model that is good on the training data from being good on others."""
        seen = f"the loss is {training.loss:.3g} on the training data and {validation.loss:.3g} on validation data"
        history = self._history
        has_risen = False
        if history is not None and history.best_epoch is None and len(history) and "validation loss" in history.rows[0]:
            losses = history["validation loss"]
            lowest = min(losses)
            has_risen = losses[-1] - lowest > RISE * abs(validation.chance)
            if has_risen:
                seen += f", where it was {lowest:.3g} after {counted(losses.index(lowest) + 1, 'epoch')}"
        if validation.learned >= training.learned - GAP and not has_risen:
            return []
        examples, parameters = counted(self.size, "example"), counted(len(self._now), "parameter")
        return [
            Finding(
                "too little data",
                f"{seen}; there are {examples} for {parameters}",
                "the model has learned the examples by heart, their noise included",
                "stop early (patience=10), decay the weights (weight_decay), drop out (dropout=0.5), or find or make "
                "more data",
            )
        ]


def _plain(entry: Any) -> Any:
    """An entry of a column as plain numbers."""
    return entry.tolist() if hasattr(entry, "tolist") else entry


def _part(loss: float, before: float) -> float:
    """Which part of a loss a model has got rid of."""
    return (before - loss) / abs(before) if before else 0.0


def _is_better(loss: float, other: float) -> bool:
    """Whether a loss is lower by more than batches make it waver."""
    return loss < other and other - loss >= (1 - BETTER) * abs(other)


def _best(rates: dict[float, float]) -> float:
    """The factor to take: a smaller rate if one helps, as a far larger one may do well by luck; 1.0 if none helps."""
    for factors in ([factor for factor in rates if factor < 1], [factor for factor in rates if factor > 1]):
        best = min(factors, key=rates.__getitem__)
        if _is_better(rates[best], rates[1.0]):
            return best
    return 1.0


def _dead(layer: LayerReading, when: str) -> Finding:
    return Finding(
        "dead relus",
        f"{layer.dead} of {layer.relus} relus of layer {layer.place} are 0 on every example {when}",
        "no gradient passes them, and the weights before them stay as they are",
        "start from other weights and biases near 0, lower the rate, or take leaky_relu",
    )


def _not_finite() -> Finding:
    return Finding(
        "loss not finite",
        f"the loss becomes nan or infinite, even with {FACTORS[0]:g} times the rate",
        "it is not the rate: the loss leaves the domain of an operation, such as log(0)",
        "run it on one example in `with trap():`, which names the operation and the line",
    )
