"""Trials: a short training from the start, as optim.train would do it, with one thing changed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from scalargrad import Value, log, nn, optim
from scalargrad.optim.trials import Trials
from scalargrad.optim.ways import OnArrays, OnValues, Way

XS = [[0.5, -1.0], [1.0, 2.0], [-0.25, 0.75], [2.0, 0.0], [-1.5, 1.0], [0.0, 0.5], [1.0, -1.0]]
YS = [1.0, -1.0, 0.5, 0.0, 1.0, -0.5, 0.25]
SETTINGS = [
    optim.Adam(rate=0.05),
    optim.GradientDescent(rate=optim.StepDecay(0.1, 4), momentum=0.5),
    optim.RMSprop(rate=0.02),
]

both_ways = pytest.mark.parametrize("lifted", [False, True])


def network(dropout: float = 0.0) -> tuple[nn.MLP, Any]:
    """A small network, and its loss for one example."""
    model = nn.MLP(2, [3, 1], "tanh", rng=0, dropout=dropout)
    return model, lambda x, y: (model(x) - y) ** 2


def trials_of(model: nn.MLP, loss: Any, setting: optim.Optimizer, lifted: bool) -> tuple[Trials, list[Any]]:
    """Trials from where the model is, in batches of 3, with the seed 5; and their data."""
    variables = model.parameters()
    own = setting.on(variables)
    way: Way = OnArrays(loss, variables, own, (XS, YS)) if lifted else OnValues(loss, variables, own, "")
    data = way.columns((XS, YS))
    return Trials(way, loss, [variable.data for variable in variables], data, 3, 5), data


def trained(setting: optim.Optimizer, steps: int, **changes: Any) -> float:
    """The loss after so many whole epochs of optim.train, with the same seed."""
    model, loss = network(changes.pop("dropout", 0.0))
    data = changes.pop("data", (XS, YS))
    settings: dict[str, Any] = {
        "optimizer": setting,
        "epochs": steps // 3,
        "batch_size": 3,
        "rng": 5,
        "progress": False,
    }
    optim.train(loss, model.parameters(), data, **(settings | changes))
    model.eval()
    return math.fsum(loss(x, y).data for x, y in zip(XS, YS, strict=True)) / len(XS)


@both_ways
@pytest.mark.parametrize("setting", SETTINGS, ids=repr)
def test_a_trial_is_a_training(setting: optim.Optimizer, lifted: bool) -> None:
    """It comes to the loss that optim.train comes to, each time it is run, whatever was run before."""
    model, loss = network()
    trials, data = trials_of(model, loss, setting, lifted)
    expected = trained(setting, 12)
    for _ in range(2):
        assert trials.run(12, data).loss == pytest.approx(expected, rel=1e-10)
        trials.run(7, data, factor=30.0)
        trials.run(7, data, other=optim.Adam(rate=0.3))


@both_ways
def test_the_masks_are_those_of_a_training(lifted: bool) -> None:
    """With dropout a trial drops what optim.train drops, and the loss is measured without it."""
    model, loss = network(dropout=0.5)
    trials, data = trials_of(model, loss, SETTINGS[0], lifted)
    assert trials.run(12, data).loss == pytest.approx(trained(SETTINGS[0], 12, dropout=0.5), rel=1e-10)


@both_ways
@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_the_factor_is_that_of_the_rate(factor: float, lifted: bool) -> None:
    """With a rate or a schedule, it trains as with the rate multiplied."""
    model, loss = network()
    trials, data = trials_of(model, loss, optim.Adam(rate=0.01), lifted)
    assert trials.run(6, data, factor=factor).loss == pytest.approx(trained(optim.Adam(rate=0.01 * factor), 6))
    schedule = optim.InverseRoot(0.01)
    model, loss = network()  # on Values, the trial has moved the other one
    trials, data = trials_of(model, loss, optim.Adam(rate=schedule), lifted)
    multiplied = optim.Adam(rate=lambda step: factor * schedule(step))
    assert trials.run(6, data, factor=factor).loss == pytest.approx(trained(multiplied, 6))


@both_ways
def test_another_optimizer_takes_its_place(lifted: bool) -> None:
    """It trains as with that optimizer."""
    model, loss = network()
    trials, data = trials_of(model, loss, optim.Adam(rate=0.01), lifted)
    other = optim.GradientDescent(rate=0.05, momentum=0.9)
    assert trials.run(6, data, other=other).loss == pytest.approx(trained(other, 6))


@both_ways
def test_labels_are_shuffled_and_nothing_else(lifted: bool) -> None:
    """The last column is in another order, the same for the same seed, and the others stay; the loss is of all."""
    model, loss = network()
    trials, data = trials_of(model, loss, optim.Adam(rate=0.01), lifted)
    xs, ys = ([list(map(float, x)) for x in data[0]], list(map(float, data[1])))
    shuffled_xs, shuffled_ys = trials.shuffled(data, "one")
    assert [list(map(float, x)) for x in shuffled_xs] == xs
    assert list(map(float, shuffled_ys)) != ys
    assert sorted(map(float, shuffled_ys)) == sorted(ys)
    assert list(map(float, trials.shuffled(data, "one")[1])) == list(map(float, shuffled_ys))
    expected = trained(optim.Adam(rate=0.01), 6, data=(XS, list(map(float, shuffled_ys))))
    assert trials.run(6, data, labels="one").loss == pytest.approx(expected)


def test_the_losses_on_the_way_are_averaged() -> None:
    """Of one step it is the loss before the step; of data in one batch, that of all examples."""
    x = Value(4.0)
    own = optim.GradientDescent(rate=0.25).on([x])
    trials = Trials(OnValues(lambda a: (x - a) ** 2, [x], own, ""), lambda a: (x - a) ** 2, [4.0], [[1.0]], 1, 0)
    assert trials.run(1, [[1.0]]) == (2.25, 9.0)  # the error is halved in each step
    assert trials.run(2, [[1.0]]) == (0.5625, (9.0 + 2.25) / 2)
    assert trials.loss_at([3.0], [[1.0]]) == 4.0


@both_ways
def test_what_diverges_is_infinite(lifted: bool) -> None:
    """A loss that becomes nan or infinite on the way, or is so at the end, makes a trial infinite."""
    model, loss = network()
    trials, data = trials_of(model, loss, optim.GradientDescent(rate=1.0), lifted)
    assert trials.run(60, data, factor=1e150) == (math.inf, math.inf)
    x = Value(1.0)
    own = optim.GradientDescent(rate=3.0).on([x])

    def logarithm(a: float) -> Value:
        return log(x) + a

    trials = Trials(OnValues(logarithm, [x], own, ""), logarithm, [1.0], [[0.0]], 1, 0)
    assert trials.run(1, [[0.0]]) == (math.inf, math.inf)
