"""Training on JAX: an epoch is one call, and the numbers are those of training on numpy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

from scalargrad import Value, nn, optim
from scalargrad.optim import on_jax
from scalargrad.optim.ways import OnArrays

RNG = np.random.default_rng(0)
X = RNG.normal(size=(26, 3))
Y = (X**2).sum(axis=1)


@pytest.fixture(autouse=True, scope="module")
def in_float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def trained(target: str | None, optimizer: Any, **options: Any) -> tuple[optim.History, list[float]]:
    """A small training, and the parameters at its end."""
    model = nn.MLP(3, [4, 1], activation="tanh", rng=0)
    dropped = nn.Dropout(0.3) if options.pop("drops", False) else None

    def loss(x: Any, y: Any) -> Any:
        return (model(dropped(x) if dropped else x) - y) ** 2

    settings = {"epochs": 3, "batch_size": 8, "rng": 1, **options}
    history = optim.train(loss, model.parameters(), (X, Y), optimizer=optimizer, target=target, **settings)
    return history, [parameter.data for parameter in model.parameters()]


class Counting(optim.Optimizer):
    """A rule that reads the number of steps."""

    remembers = ("velocity",)

    def rule(self, gradient: Any, velocity: Any) -> Any:
        """Return the change and the velocity."""
        velocity = 0.5 * velocity + gradient
        return self.rate * velocity / (1 + self.steps), velocity


CASES: list[tuple[Any, dict[str, Any]]] = [
    (lambda: optim.NAdam(rate=0.02, clip_norm=0.5), {}),
    (lambda: optim.AdamW(weight_decay=0.1), {"schedule": optim.StepDecay(0.02, every=3, factor=0.5)}),
    (lambda: optim.GradientDescent(rate=0.01, momentum=0.9, weight_decay=0.01), {"drops": True}),
    (lambda: Counting(rate=0.01), {"batch_size": 26, "validation": (X[:5], Y[:5]), "patience": 2}),
]


@pytest.mark.parametrize(("optimizer", "options"), CASES, ids=["NAdam", "AdamW", "momentum and dropout", "own rule"])
def test_the_numbers_are_those_on_numpy(optimizer: Any, options: dict[str, Any]) -> None:
    """Losses, parameters and the memory of the optimizer, also of a batch that is smaller than the others."""
    here, there = trained("jax", optimizer(), **options), trained("numpy", optimizer(), **options)
    assert here[0].way == "lifted to JAX"
    assert np.allclose(here[1], there[1], rtol=1e-10, atol=1e-12)
    assert np.allclose(here[0]["loss"], there[0]["loss"], rtol=1e-10)
    own, expected = here[0].optimizer.state_dict(), there[0].optimizer.state_dict()
    assert own.pop("kind") == expected.pop("kind")
    assert own.keys() == expected.keys()
    for name in own:
        assert np.allclose(own[name], expected[name], rtol=1e-9, atol=1e-12)


def test_an_epoch_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps of an epoch are taken in one call, which is compiled once."""
    calls: list[int] = []
    right = on_jax.OnJax.learn_all

    def counted(self: Any, data: Any, size: int, seeds: Any) -> Any:
        calls.append(len(seeds))
        return right(self, data, size, seeds)

    monkeypatch.setattr(on_jax.OnJax, "learn_all", counted)
    monkeypatch.setattr(OnArrays, "learn", lambda *_: pytest.fail("a step was taken alone"))
    history, _ = trained("jax", optim.Adam(rate=0.01))
    assert calls == [4, 4, 4]
    assert history.optimizer.steps == 12


def test_it_goes_on_where_it_stopped() -> None:
    """A training that a callback ends, and one that is resumed on another target, end as one that nobody stops."""
    _, whole = trained("jax", optim.Adam(rate=0.01))

    def stop(history: optim.History) -> None:
        if len(history) == 1:
            raise StopIteration

    model = nn.MLP(3, [4, 1], activation="tanh", rng=0)
    settings: Any = {"optimizer": optim.Adam(rate=0.01), "epochs": 3, "batch_size": 8, "rng": 1}

    def loss(x: Any, y: Any) -> Any:
        return (model(x) - y) ** 2

    first = optim.train(loss, model.parameters(), (X, Y), target="jax", callback=stop, **settings)
    assert first.message == "stopped by the callback"
    optim.train(loss, model.parameters(), (X, Y), target="numpy", resume=first.state_dict(), **settings)
    assert np.allclose([parameter.data for parameter in model.parameters()], whole, rtol=1e-10)


def test_a_loss_that_is_lost_is_seen() -> None:
    """Where the loss becomes nan or infinite, the parameters go back to the end of the last epoch."""
    w = Value(1.0)

    def loss(x: Any) -> Any:
        return (w * x).exp()

    history = optim.train(
        loss, [w], ([1.0, 800.0],), optimizer=optim.GradientDescent(rate=1e-3), batch_size=1, target="jax", epochs=2
    )
    assert history.status == optim.DIVERGED
    assert "the loss became inf" in history.message
    assert w.data == 1.0


def test_bad_arguments() -> None:
    """What does not go together is refused, and says why; a loss that cannot be lifted is an error."""
    w = Value(1.0)

    def train(**options: Any) -> None:
        optim.train(lambda x: (w * x) ** 2, [w], ([1.0, 2.0],), **options)

    with pytest.raises(ValueError, match="lifted=False trains on Values, got target 'jax'"):
        train(target="jax", lifted=False)
    with pytest.raises(ValueError, match='several devices need target="jax", got devices=2 and target None'):
        train(devices=2)
    with pytest.raises(ValueError, match="devices must be at most 1, as JAX has no more here, got 1000"):
        train(target="jax", devices=1000)
    with pytest.raises(ValueError, match="target must be"):
        train(target="torch")
    with pytest.raises(Exception, match="cannot be lifted"):
        optim.train(lambda x: w * math.sin(x), [w], ([1.0, 2.0],), target="jax")
    with pytest.raises(Exception, match="cannot be lifted"):
        optim.train(lambda x: w * math.sin(x), [w], ([1.0, 2.0],), target="numpy")
