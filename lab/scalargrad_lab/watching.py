"""What the page asks of a training: each question names the settings, so any of them can be the first one."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from . import scripts
from .training import FINEST, Settings, Training

COARSEST = 12
SHARE = 0.5  # of the time for the steps of a picture: what the plane of the picture may take
FARTHEST = 1e9
DIGITS = 4  # of scores, which are only drawn


class Watch:
    """The training that is watched: when the settings are others, a new one."""

    def __init__(self) -> None:
        self._given: Mapping[str, Any] | None = None
        self._training: Training | None = None
        self._per_place = 0.0  # seconds that the score takes at one place

    def _of(self, settings: Mapping[str, Any], reached: int = 0) -> Training:
        """The training with these settings, at this step of it or a later one."""
        if self._training is None or settings != self._given:
            self._training = Training(Settings.of(settings))
            self._given = settings
        self._training.steps(reached - self._training.step)
        return self._training

    def training(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the points and the form of the network; or a mistake: what is wrong with the settings."""
        try:
            training = self._of(settings)
        except (ValueError, TypeError) as error:
            return {"mistake": str(error)}
        points = training.points
        return {
            "mistake": None,
            "places": points.places,
            "labels": points.labels,
            "names": points.names,
            "note": points.note,
            "extent": training.extent(),
            "sizes": [2, *training.settings.layers, 1],
        }

    def train(self, settings: Mapping[str, Any], to: int, seconds: float, since: int) -> dict[str, Any]:
        """Take steps up to a number of them, as many as there is time for; return what there is to see then.

        Args:
            settings: those of the training.
            to: the number of steps to come to.
            seconds: the time there is for steps.
            since: from which step on to return losses.

        Returns:
            As `moment`; also newest and stride (which moments there are), losses, and problem.
        """
        training = self._of(settings, since - 1)  # a new Python takes the steps again that were taken before
        training.steps(to - training.step, seconds)
        side = FINEST
        if self._per_place and seconds:
            side = max(COARSEST, min(FINEST, int(math.sqrt(SHARE * seconds / self._per_place))))
        return {
            **self._seen(training, training.step, side),
            "newest": training.step,
            "stride": training.stride,
            "losses": [_plain(loss) for loss in training.losses[since:]],
            "problem": training.problem,
        }

    def moment(self, settings: Mapping[str, Any], step: int) -> dict[str, Any]:
        """Return the state before a step.

        Returns:
            step, of the latest moment up to this one that is kept; theta; norms, of the gradient of each layer; scores,
            of the points; side and grid, the scores over the plane; batch, the examples of the step.
        """
        return self._seen(self._of(settings, step), step, FINEST)

    def _seen(self, training: Training, step: int, side: int) -> dict[str, Any]:
        moment = training.moment(step)
        begin = time.perf_counter()
        count, inputs = len(training.inputs), training.inputs + training.grid(side)
        scores = _rounded(training.scores(moment.theta, inputs))
        self._per_place = (time.perf_counter() - begin) / len(inputs)
        return {
            "step": moment.step,
            "theta": [_plain(x) for x in moment.theta],
            "norms": [_plain(x) for x in moment.norms],
            "scores": scores[:count],
            "side": side,
            "grid": scores[count:],
            "batch": len(training.batch(moment.step)),
        }

    def pull(self, settings: Mapping[str, Any], step: int, parameter: int) -> dict[str, Any]:
        """Return why a parameter moves at a moment: see `Training.pull`."""
        pulled = self._of(settings, step).pull(step, parameter)
        contributions = [(example, _plain(slope)) for example, slope in pulled["contributions"]]
        numbers = {name: _plain(pulled[name]) for name in ("value", "gradient", "change")}
        return {"step": pulled["step"], **numbers, "contributions": contributions}

    def example(
        self, settings: Mapping[str, Any], step: int, example: int, parameter: int | None = None
    ) -> dict[str, Any]:
        """Return the program of an example at a moment, and where in its walk a parameter has its gradient."""
        training = self._of(settings, step)
        code = scripts.of_example(training, step, example, parameter)
        return {"code": code, "at": None if parameter is None else scripts.place_of(training, code, parameter)}

    def script(self, settings: Mapping[str, Any], steps: int) -> str:
        """Return the program that makes this training."""
        return scripts.whole(self._of(settings).settings, steps)


def _rounded(scores: list[float]) -> list[float | None]:
    """Scores as they are drawn: those beyond the floats are just far from 0, and of nan there is nothing to draw."""
    return [None if math.isnan(x) else round(max(-FARTHEST, min(x, FARTHEST)), DIGITS) for x in scores]


def _plain(x: float | None) -> float | str | None:
    """A number as JSON has it; of those that it has not, the name in JavaScript."""
    if x is None or math.isfinite(x):
        return x
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
