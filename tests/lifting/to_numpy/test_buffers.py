"""Buffers that are used again: none is read before it is written, or overwritten before it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import Value, exp, grad, lift, sin, stop_gradient, tanh

Loss = Callable[[Any], Any]
Case = Callable[[list[Value]], Loss]


pytestmark = pytest.mark.usefixtures("littered")


def layer(weights: list[Value], inputs: Any) -> list[Value]:
    """A layer whose neurons have their bias behind their weights."""
    width = len(inputs)
    rows = [weights[i : i + width + 1] for i in range(0, len(weights), width + 1)]
    return [sum((w * x for w, x in zip(row, inputs, strict=False)), row[-1]) for row in rows]


def linear_and_a_layer(w: list[Value]) -> Loss:
    """A linear layer whose biases are added; its outputs are read beside a 1."""

    def loss(x: Any) -> Any:
        hidden = [sum((w[3 * i + j] * x[j] for j in range(3)), w[12 + i]) for i in range(4)]
        first, second = layer(w[16:26], hidden)
        return tanh(first) * second

    return loss


def some_without_gradient(w: list[Value]) -> Loss:
    """Of the outputs of a layer, two operations read one, one reads another, and one is held constant."""

    def loss(x: Any) -> Any:
        hidden = [tanh(z) for z in layer(w[:12], x)]
        return w[12] * hidden[0] + w[13] * hidden[1] + exp(hidden[0]) + stop_gradient(hidden[2])

    return loss


def numbers_and_gaps(w: list[Value]) -> Loss:
    """The gradient of results of parameters alone is a number, an array, or 0."""

    def loss(x: Any) -> Any:
        bent = [tanh(p) for p in w[:4]]
        return bent[0] + exp(bent[1]) + stop_gradient(bent[2]) * x[0]

    return loss


def one_slope_at_two_places(w: list[Value]) -> Loss:
    """Two vectors that are multiplied by the same number; the second is used again."""

    def loss(x: Any) -> Any:
        number = tanh(x[0])
        bent = sum(tanh(w[i] * number + w[3 + i] * (number / 1.0)) for i in range(3))
        return bent + sum(w[3 + i] * x[1] for i in range(3))

    return loss


def one_slope_at_two_places_alone(w: list[Value]) -> Loss:
    """The same, without another use."""
    return lambda x: sum(sin(w[i] * tanh(x[0]) + w[3 + i] * (tanh(x[0]) / 1.0)) for i in range(3))


CASES: dict[str, tuple[Case, int]] = {
    "a linear layer before another": (linear_and_a_layer, 26),
    "some without a gradient": (some_without_gradient, 14),
    "numbers and gaps": (numbers_and_gaps, 4),
    "one slope at two places": (one_slope_at_two_places, 6),
    "one slope at two places alone": (one_slope_at_two_places_alone, 6),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_computed_does_not_depend_on_what_was_there(name: str) -> None:
    """With buffers full of nan, or of numbers of earlier batches, value and gradient are those of the engine."""
    made, size = CASES[name]
    rng = np.random.default_rng(0)
    w = [Value(number) for number in rng.normal(size=size)]
    loss = made(w)
    program: Any = lift(loss, w, target="numpy", check=False)
    for count in (3, 3, 1, 5, 3):
        rows = rng.normal(size=(count, 3))
        results = [loss([Value(number) for number in row]) for row in rows]
        slopes = np.mean([[slope.data for slope in grad(result, w)] for result in results], axis=0)
        value, gradient = program.value_and_grad(rows)
        assert np.allclose(value, np.mean([result.data for result in results]), rtol=1e-12)
        assert np.allclose(gradient, slopes, rtol=1e-11, atol=1e-13)


def test_room_is_littered() -> None:
    """Negative control: the sum of a new buffer is nan."""
    assert np.isnan(np.empty((2, 3)).sum())


# ---------------------------------------------------------------- sizes of batch


def bound(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[int]]:
    """How often a program is bound to buffers when batches of these sizes come, and for which it keeps them."""
    w = [Value(0.5), Value(2.0)]
    program: Any = lift(lambda x: tanh(w[0] * x) * w[1], w, target="numpy", check=False)
    program([1.0])
    runner = program._latest.runner("value_and_grad")
    calls: list[int] = []
    bind = runner.bind

    def counted(*given: Any) -> Any:
        calls.append(1)
        return bind(*given)

    monkeypatch.setattr(runner, "bind", counted)
    rng = np.random.default_rng(0)
    for size in sizes:
        rows = rng.normal(size=size)
        value, gradient = program.value_and_grad(rows)
        assert value == pytest.approx(2 * np.tanh(0.5 * rows).mean(), rel=1e-12)
        assert gradient[1] == pytest.approx(np.tanh(0.5 * rows).mean(), rel=1e-12)
    return len(calls), list(runner._kept)


def test_many_sizes_are_bound_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches whose size changes at every call find their buffers again, as many sizes as there are."""
    sizes = [1 + 7 * i % 60 for i in range(180)]
    assert bound(sizes, monkeypatch)[0] == 60


def test_large_buffers_are_kept_for_few_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where buffers are large those of the sizes that were used last are kept."""
    monkeypatch.setattr("scalargrad.lifting.to_numpy.target.KEPT_BYTES", 1)
    times, kept = bound([*range(1, 21), 13, 19, 14], monkeypatch)
    assert times == 20
    assert kept == [15, 16, 17, 18, 20, 13, 19, 14]
    assert bound([*range(1, 21), 12], monkeypatch)[0] == 21
