"""Convolution: the loops are a convolution, the lifted program trains it as the textbook says, and it reads well."""

from __future__ import annotations

import functools
import random
import re
from pathlib import Path
from typing import Any

import autograd
import autograd.numpy as anp
import convolution
import digits
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from scalargrad import nn, no_grad
from tests.demos.conftest import Script

load_digits = functools.cache(digits.load_digits)


def examples(n: int) -> tuple[Any, Any]:
    """The first digits of the default seed to learn from."""
    to_learn_from, _ = digits.split(load_digits(), random.Random(0))
    return convolution.arrays(to_learn_from[:n])


def patches(images: Any) -> Any:
    """What lies below a filter at each of its places: an axis for images, two for places, one for pixels."""
    windows = sliding_window_view(images, (5, 5), axis=(1, 2))[:, ::2, ::2]
    return windows.reshape(*windows.shape[:3], 25)


def array_loss(theta: Any, images: Any, targets: Any) -> Any:
    """The mean loss with matrices, for HIPS autograd: an oracle that shares no code."""
    filters, biases = theta[:300].reshape(12, 25), theta[300:312]
    readout = theta[312:].reshape(10, 433)
    fits = anp.einsum("nrcp,fp->nfrc", patches(images), filters) + biases[:, None, None]
    maps = anp.where(fits > 0, fits, 0)  # white paper fits exactly 0, where the slope is to be 0
    scores = anp.reshape(maps, (len(images), 432)) @ readout[:, :-1].T + readout[:, -1]
    normaliser = anp.log(anp.sum(anp.exp(scores), axis=1))
    return anp.mean(normaliser - anp.sum(targets * scores, axis=1)) + 0.0005 * anp.sum(theta * theta)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_loops_are_a_convolution(seed: int) -> None:
    """The maps are the filters' products with every second window of 5×5 pixels, plus a bias, cut off at 0."""
    model = convolution.Convolution(random.Random(seed))
    for i, bias in enumerate(model.biases):
        bias.data = 0.1 * i - 0.5
    images, _ = examples(2)
    filters = np.array([[weight.data for row in kernel for weight in row] for kernel in model.filters])
    expected = (
        np.einsum("nrcp,fp->nfrc", patches(images), filters) + np.array([b.data for b in model.biases])[:, None, None]
    )
    with no_grad():
        computed = [
            [[[fit.data for fit in row] for row in fmap] for fmap in model.maps(image.tolist())] for image in images
        ]
    assert np.allclose(computed, np.maximum(expected, 0), rtol=1e-12, atol=1e-12)
    assert not np.allclose(computed, np.maximum(expected[:, ::-1], 0))


def test_training_is_the_textbook_s() -> None:
    """Four steps end where Adam on the oracle's gradients does, at rates along a cosine; a rate 0.1% off does not."""
    images, targets = examples(120)
    model = convolution.Convolution(random.Random(3))
    theta = np.array([parameter.data for parameter in model.parameters()])
    convolution.train(model, images, targets, epochs=2, seed=5)
    trained = [parameter.data for parameter in model.parameters()]
    assert np.allclose(trained, textbook(theta, images, targets, 1.0), rtol=1e-9, atol=1e-9)
    assert not np.allclose(trained, textbook(theta, images, targets, 1.001), rtol=1e-6, atol=1e-6)


def textbook(theta: Any, images: Any, targets: Any, factor: float) -> Any:
    """Two epochs of three steps, by Adam as in the paper."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    step = 0
    for epoch in (1, 2):
        order = list(range(120))
        random.Random(f"5/{epoch}").shuffle(order)
        for batch in (order[:50], order[50:100], order[100:]):
            rate = factor * 0.01 * (1 + np.cos(np.pi * step / 6)) / 2
            step += 1
            slope = autograd.grad(array_loss)(theta, images[batch], targets[batch])
            m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
            theta = theta - rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return theta


def test_it_reads_better_than_the_dense_network(tmp_path: Path, script: Script) -> None:
    """As a script, it reads over 95% of the held-out digits, more than the dense one with three times the weights."""
    path = tmp_path / "convolution.png"
    done = script("demos/convolution.py", "--epochs", "12", "--output", path)
    assert not done.stderr
    printed = re.findall(r"(\w+): (\S+) weights, (\S+)% of 1,000 held-out digits read right", done.stdout)
    assert [(name, int(weights.replace(",", ""))) for name, weights, _ in printed] == [
        ("convolution", len(convolution.Convolution(random.Random(0)).parameters())),
        ("dense", len(nn.MLP(256, [64, 10], rng=0).parameters())),
    ]
    convolved, dense = (float(share) for *_, share in printed)
    assert convolved > 95
    assert convolved > dense + 0.5
    assert list(tmp_path.iterdir()) == [path]
    assert len(Image.open(path).convert("RGB").resize((130, 68)).getcolors(8840) or []) > 100


def test_the_program_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With --source the program is printed, which Python can read, and nothing is trained."""
    monkeypatch.setattr(convolution, "load_digits", load_digits)
    monkeypatch.setattr(convolution, "train", None)
    convolution.main(["--source"])
    printed = capsys.readouterr().out
    compile(printed, "printed", "exec")
    assert "np.matmul" in printed
    assert len(printed.splitlines()) < 200
