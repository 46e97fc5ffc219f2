"""Short trainings from one start that differ in one thing: the rate, the optimizer, or the labels."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .optimizer import Optimizer
from .ways import Columns, OnArrays, Way

LOSS = "loss"


class Trial(NamedTuple):
    """The result of a short training: the loss at its end, and the mean of the losses; inf if it diverged."""

    loss: float
    on_the_way: float


class Trials:
    """Trainings of a number of steps from the same parameters, which leave every optimizer's memory as it is."""

    def __init__(
        self, way: Way, loss: Callable[..., Any], start: Sequence[float], data: Columns, batch_size: int, rng: int
    ) -> None:
        self._way, self._loss, self._start, self._data = way, loss, start, data
        self._batch_size, self._seed = batch_size, rng
        self._setting, self._fresh = way.optimizer, way.save()[1]

    def loss_at(self, parameters: Sequence[float], columns: Columns) -> float:
        """Return the mean loss with these parameters."""
        self._way.restore((parameters, self._fresh))
        return self._way.mean(LOSS, self._loss, columns, columns)

    def shuffled(self, columns: Columns, seed: str) -> Columns:
        """Return the data with the last column, that of the labels, in another order."""
        order = list(range(len(columns[0])))
        random.Random(f"{self._seed}/{seed}").shuffle(order)
        return [*columns[:-1], *self._way.chosen(columns[-1:], order)]

    def run(
        self, steps: int, measured: Columns, *, factor: float = 1.0, other: Optimizer | None = None, labels: str = ""
    ) -> Trial:
        """Train from the start, and measure the loss at the end.

        Args:
            steps: how many.
            measured: the data that the loss at the end is measured on.
            factor: what the rate is multiplied by.
            other: an optimizer in place of the one that was used.
            labels: a seed from which the labels of the training data are shuffled; "" leaves them as they are.
        """
        way = self._way
        way.optimizer = self._setting
        if other is not None:
            way.optimizer = other.on(way.theta if isinstance(way, OnArrays) else self._setting.parameters)
        rate, schedule = way.optimizer.rate, way.optimizer.schedule
        way.restore((self._start, self._fresh if other is None else way.optimizer._memory()))
        way.optimizer.rate = factor * rate if schedule is None else lambda step: factor * schedule(step)
        try:
            losses = self._steps(steps, self.shuffled(self._data, labels) if labels else self._data)
            end = way.mean(LOSS, self._loss, measured, measured)
        finally:
            way.optimizer.rate = rate if schedule is None else schedule
            way.optimizer = self._setting
        if len(losses) < steps or not math.isfinite(end):
            return Trial(math.inf, math.inf)
        return Trial(end, math.fsum(losses) / len(losses))

    def _steps(self, steps: int, data: Columns) -> list[float]:
        """The losses of the steps, up to the first that is not finite."""
        size, losses, epoch = len(data[0]), list[float](), 0
        while True:
            epoch += 1
            order = list(range(size))
            random.Random(f"{self._seed}/{epoch}").shuffle(order)
            mixed = self._way.chosen(data, order)
            for batch, begin in enumerate(range(0, size, self._batch_size)):
                if len(losses) == steps:
                    return losses
                few = [column[begin : begin + self._batch_size] for column in mixed]
                mean = self._way.learn(few, f"{self._seed}/{epoch}/{batch}")
                if not math.isfinite(mean):
                    return losses
                losses.append(mean)
