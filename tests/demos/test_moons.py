"""Two moons: the data are two half circles, the network learns them, the picture shows where it draws the line."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import Any

import moons
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scalargrad import Value, nn, relu, total

from .conftest import Script


@given(st.integers(2, 60), st.integers(0, 10_000))
def test_points_lie_near_their_half_circle(points: int, seed: int) -> None:
    """Every point is within six deviations of the half circle of its label, and the labels are shared out evenly."""
    places, labels = moons.two_moons(points, random.Random(seed))
    assert len(places) == len(labels) == points
    assert sum(labels) in (0, -1)
    for (x, y), label in zip(places, labels, strict=True):
        x, y = (x, y) if label == -1 else (1 - x, 0.5 - y)  # noqa: PLW2901  # the other moon, turned onto this one
        assert abs(math.hypot(x, y) - 1) < 0.9
        assert y > -0.6


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_training_is_gradient_descent_on_hinge_and_penalty(seed: int) -> None:
    """Each step is one on the mean of max(0, 1 - label × score) plus 1e-4 times the sum of squares of all weights."""
    places, labels = moons.two_moons(6, random.Random(seed))
    ends = []
    for penalty in (None, 1e-4, 1.1e-4):
        model = nn.MLP(2, [3, 1], rng=random.Random(seed))
        if penalty is None:
            accuracy = moons.train(model, places, labels, steps=3)
            right = sum(label * model.output(place) > 0 for place, label in zip(places, labels, strict=True))
            assert accuracy == pytest.approx(right / 6)
        else:
            for rate in (1.0, 0.7, 0.4):
                margins = [1 - label * model.output(place) for place, label in zip(places, labels, strict=True)]
                loss = total(relu(margin) for margin in margins) / 6 + penalty * total(
                    p * p for p in model.parameters()
                )
                for parameter in model.parameters():
                    parameter.zero_grad()
                loss.backward()
                for parameter in model.parameters():
                    parameter.data -= rate * parameter.grad
        ends.append([parameter.data for parameter in model.parameters()])
    assert ends[0] == pytest.approx(ends[1], rel=1e-9, abs=1e-12)
    assert ends[0] != pytest.approx(ends[2], rel=1e-9, abs=1e-12)


def test_learns_and_draws(tmp_path: Path, script: Script) -> None:
    """A short run lowers the loss by more than half, puts nine in ten points on their side, and draws the picture."""
    path = tmp_path / "moons.png"
    done = script("demos/moons.py", "--steps", 21, "--points", 40, "--output", path)
    assert not done.stderr
    losses = [float(loss) for loss in re.findall(r"loss (\S+)", done.stdout)]
    accuracies = [float(accuracy) for accuracy in re.findall(r"accuracy +(\S+)%", done.stdout)]
    assert len(losses) == len(accuracies) == 3
    assert losses[-1] < losses[0] / 2
    assert accuracies[-1] >= 95 > accuracies[0]
    assert list(tmp_path.iterdir()) == [path]
    assert len(Image.open(path).convert("RGB").resize((90, 58)).getcolors(5220) or []) > 100


class SmallNetworks:
    """In place of the module `nn`: its networks have one neuron, which is drawn in a fraction of the time."""

    @staticmethod
    def MLP(inputs: int, _: list[int], **options: Any) -> nn.MLP:  # noqa: N802  # the name in `nn`
        return nn.MLP(inputs, [1], **options)


def test_the_same_seed_draws_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments decide the picture to the last byte; another seed gives another."""
    monkeypatch.setattr(moons, "nn", SmallNetworks)
    small = ["--steps", "1", "--points", "4"]
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        moons.main([*small, "--seed", seed, "--output", str(tmp_path / f"{name}.png")])
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_the_boundary_is_evaluated_without_recording() -> None:
    """Drawing asks the network for its scores and records no graph, as training on the same points does."""
    recorded: list[bool] = []
    model = nn.MLP(2, [2, 1], rng=0)

    def watched(place: moons.Point) -> Value:
        score: Value = model(place)
        recorded.append(score.op is not None)
        return score

    places, labels = moons.two_moons(4, random.Random(0))
    watched(places[0])
    moons.draw(watched, places, labels, "title")
    assert recorded[0]
    assert len(recorded) > 1000
    assert not any(recorded[1:])
