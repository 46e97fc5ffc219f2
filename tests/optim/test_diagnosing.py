"""The diagnosis: each planted fault is named, healthy trainings are healthy, and nothing is changed by looking."""

from __future__ import annotations

import inspect
import random
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from scalargrad import Value, cross_entropy, log, nn, optim
from scalargrad.optim import Adam, GradientDescent, diagnose, diagnosing
from tests.optim.trainings import FAULTS, HEALTHY, Training, blobs, classes, line, numbers, trained, waves


def names_of(diagnosis: optim.Diagnosis) -> list[str]:
    """The names of what was found."""
    return [finding.name for finding in diagnosis.findings]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_named_first(fault: Callable[[int], Training], seed: int) -> None:
    """Each fault is the first finding; beside it there is nothing but what follows from it."""
    name, also = FAULTS[fault]
    first, *others = names_of(fault(seed).diagnosis())
    assert first == name
    assert set(others) <= also


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("healthy", HEALTHY, ids=lambda healthy: healthy.__name__)
def test_a_healthy_training_is_called_healthy(healthy: Callable[[int], Training], seed: int) -> None:
    """Nothing is found in trainings that go well, with other data, depths, activations and optimizers."""
    diagnosis = healthy(seed).diagnosis()
    assert names_of(diagnosis) == []
    assert diagnosis.is_healthy
    assert diagnosis.is_good_on_validation_data in {True, None, diagnosis.is_good_on_training_data}


# ---------------------------------------------------------------- the other findings


def test_too_few_steps() -> None:
    """A loss that falls further with the same rate needs more steps, also in a loop without `train`."""
    rng = random.Random(0)
    data = blobs(rng, 200)
    model = nn.MLP(2, [16, 3], "tanh", rng=0)
    diagnosis = trained(model, classes(model), data, None, Adam(rate=0.01), epochs=1).diagnosis()
    assert names_of(diagnosis) == ["too few steps"]
    assert "in 300 steps" in diagnosis.findings[0].measured
    model = nn.MLP(2, [16, 3], "tanh", rng=0)
    diagnosis = diagnose(classes(model), model.parameters(), data, optimizer=Adam(rate=0.01))
    assert names_of(diagnosis) == ["too few steps"]


def test_a_loss_that_still_falls_slowly() -> None:
    """Where a trial is too short to tell, the last epochs do."""
    rng = random.Random(0)
    points = [[rng.gauss(0, 1), rng.gauss(0, 1) / 90] for _ in range(200)]
    data = (points, [x + 180 * y for x, y in points])
    model = nn.MLP(2, [1], rng=0)
    setting = GradientDescent(rate=0.5, momentum=0.9)
    diagnosis = trained(model, numbers(model), data, None, setting, epochs=400, batch_size=None).diagnosis()
    assert names_of(diagnosis) == ["too few steps"]
    assert "in the last fifth of 400 epochs" in diagnosis.findings[0].measured


def test_too_small_a_model() -> None:
    """A model that cannot do better, whatever is tried, is too small."""
    rng = random.Random(0)
    points = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(200)]
    data = (points, [x * y + 0.26 * x for x, y in points])
    for setting in (Adam(rate=0.1), GradientDescent(rate=0.3)):
        model = nn.MLP(2, [1], rng=0)
        training = trained(model, numbers(model), data, None, setting)
        assert names_of(training.diagnosis()) == ["model too small"]
    larger = nn.MLP(2, [16, 1], "tanh", rng=0)
    assert names_of(trained(larger, numbers(larger), data, None, Adam(rate=0.02)).diagnosis()) == []


def test_relus_that_die_while_training_are_told_apart() -> None:
    """Relus that were alive at the start and are dead now are a finding of their own, where no other rate helps."""
    rng = random.Random(0)
    model = nn.MLP(2, [16, 1], rng=0)
    data = waves(rng, 200)
    training = trained(model, numbers(model), data, None, Adam(rate=0.01), epochs=10)
    for neuron in model.layers[0].neurons:
        neuron.bias.data = -50.0
    diagnosis = training.diagnosis()
    assert names_of(diagnosis)[-1] == "dead relus"
    assert "now, and were alive at the start" in diagnosis.findings[-1].measured
    assert [layer.dead for layer in diagnosis.layers] == [16, 0]
    assert diagnosis.layers_at_start[0].dead < 8


def test_a_training_that_diverged_says_when() -> None:
    """The history knows where the loss became infinite; a smaller rate is what to take, also where trials are short."""
    model = nn.MLP(5, [1], rng=0)
    data = line(random.Random(0), 200)
    training = trained(model, numbers(model), data, None, GradientDescent(rate=1.1), epochs=2000, batch_size=None)
    assert training.history is not None
    assert training.history.status == optim.DIVERGED
    finding = training.diagnosis().findings[0]
    assert finding.name == "rate too high"
    assert finding.measured.startswith("diverged: in step 1 of epoch")
    assert re.match(r"take 0\.\d+ times the rate", finding.advice)


def test_a_loss_that_is_nan_at_every_rate_is_not_blamed_on_the_rate() -> None:
    """A logarithm of a negative number is nan at once."""
    model = nn.MLP(2, [4, 1], "tanh", rng=0)
    data = waves(random.Random(0), 100)
    training = trained(model, lambda x, y: log(model(x) - 10.0) * y, data, None, Adam())
    assert names_of(training.diagnosis()) == ["loss not finite"]


def test_scores_of_a_sigmoid_are_within_bounds() -> None:
    """Bounded scores are named apart from those of a softmax."""
    model = nn.MLP(2, [8, 3], "tanh", output="sigmoid", rng=0)
    training = trained(model, classes(model), blobs(random.Random(0), 100), None, Adam(rate=0.01))
    assert names_of(training.diagnosis())[0] == "scores within bounds"


def test_a_small_loss_by_luck_is_not_good() -> None:
    """A loss that leaps, and happens to be small at the end, is judged by its last epochs."""
    diagnosis = next(iter(FAULTS))(57).diagnosis()
    assert diagnosis.training.learned > diagnosing.GOOD
    assert not diagnosis.is_good_on_training_data
    assert "over the last epochs" in diagnosis.findings[0].measured


def test_a_few_examples_say_nothing_of_their_labels() -> None:
    """Among very few examples, which labels are learned faster is luck, so nothing is concluded from it."""
    rng = random.Random(0)
    model = nn.MLP(2, [32, 3], "tanh", rng=0)
    points, labels = blobs(rng, 20)
    rng.shuffle(labels)
    training = trained(model, classes(model), (points, labels), None, Adam(rate=0.02), epochs=300)
    assert names_of(training.diagnosis()) == []


def test_a_short_trial_that_learns_nothing_says_nothing_of_the_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good model whose trials are too short to learn is not called unrelated to its labels."""
    monkeypatch.setattr(diagnosing, "LONG", 2)
    model = nn.MLP(2, [8, 3], "tanh", rng=0)
    assert (
        names_of(trained(model, classes(model), blobs(random.Random(0), 200), None, Adam(rate=0.01)).diagnosis()) == []
    )


def test_a_rise_of_the_validation_loss_is_seen() -> None:
    """Where the loss on validation data has been lower, the finding says when; with the best parameters it is gone."""
    rng = random.Random(0)
    few, many = blobs(rng, 20, spread=0.7), blobs(rng, 200, spread=0.7)
    model = nn.MLP(2, [32, 32, 3], "relu", rng=0)
    finding = trained(model, classes(model), few, many, Adam(rate=0.01), epochs=200).diagnosis().findings[0]
    assert ", where it was" in finding.measured
    assert "there are 20 examples for 1,251 parameters" in finding.measured
    model = nn.MLP(2, [32, 32, 3], "relu", rng=0)
    stopped = trained(model, classes(model), few, many, Adam(rate=0.01), epochs=200, patience=10).diagnosis()
    assert all("where it was" not in finding.measured for finding in stopped.findings)


def test_the_guide_explains_each_finding() -> None:
    """The page on training names every finding that there is."""
    source = "".join(inspect.getsource(diagnosing).split())
    names = set(re.findall(r'Finding\("([^"]*)"', source)) | {"softmaxtwice", "scoreswithinbounds"}
    guide = "".join((Path(__file__).parents[2] / "docs" / "guides" / "training.md").read_text(encoding="utf-8").split())
    assert len(names) >= 14
    assert {name for name in names if name not in guide} == set()


# ---------------------------------------------------------------- what it is given


def test_nothing_is_changed_by_looking() -> None:
    """Parameters, their gradients, the optimizer and the history are as before, also where the diagnosis fails."""
    rng = random.Random(0)
    model = nn.MLP(2, [8, 3], "relu", rng=0)
    training = trained(model, classes(model), blobs(rng, 100), None, Adam(rate=1e-5), epochs=30)
    history = training.history
    assert history is not None
    for parameter in model.parameters():
        parameter.zero_grad()

    def state() -> Any:
        return [(parameter.data, parameter.grad) for parameter in model.parameters()], history.state_dict()

    before = state()
    first = training.diagnosis()
    assert state() == before
    assert training.diagnosis() == first  # and the same is found again

    calls = 0

    def failing(x: Any, y: Any) -> Value:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise RuntimeError("broken")
        return classes(model)(x, y)

    with pytest.raises(RuntimeError, match="broken"):
        diagnose(failing, model.parameters(), training.data, history)
    assert state() == before


def test_on_values_it_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that cannot be lifted is diagnosed too, by fewer steps."""
    monkeypatch.setattr(diagnosing, "BUDGET", 1_000_000)
    rng = random.Random(0)
    points, labels = blobs(rng, 60)
    data = (points, [row.index(1.0) for row in labels])  # a class by its number cannot be lifted
    model = nn.MLP(2, [4, 3], "tanh", rng=0)
    low = trained(model, classes(model), data, None, Adam(rate=1e-4), epochs=5, batch_size=8).diagnosis()
    assert names_of(low) == ["rate too low"]
    model = nn.MLP(2, [4, 3], "tanh", rng=0)
    good = trained(model, classes(model), data, data, Adam(rate=0.1), epochs=5, batch_size=8).diagnosis()
    assert names_of(good) == []
    model = nn.MLP(2, [4, 3], "tanh", rng=0)
    assert names_of(trained(model, classes(model), data, None, Adam(rate=0.1), epochs=5).diagnosis()) == []


def test_without_time_for_trials_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Values, where a trial would take long, nothing is tried; and so after very few steps."""
    monkeypatch.setattr(diagnosing, "BUDGET", 1000)
    data = ([[1.0], [2.0], [3.0]], [0, 1, 0])
    model = nn.MLP(1, [2], rng=0)

    def loss(x: Sequence[float], y: int) -> Value:
        return cross_entropy(model.outputs(x), y if y >= 0 else 0)  # it asks for a number, so it cannot be lifted

    diagnosis = trained(model, loss, data, None, Adam(rate=1e-5)).diagnosis()
    assert diagnosis.rates == {}
    model = nn.MLP(2, [1], rng=0)
    assert trained(model, numbers(model), waves(random.Random(0), 50), None, Adam(), epochs=1).diagnosis().rates == {}


def test_in_plain_python_it_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without numpy the trials run on lists."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    model = nn.MLP(2, [3], rng=0)
    training = trained(model, classes(model), blobs(random.Random(0), 60), None, GradientDescent(rate=1e-4), epochs=30)
    assert training.history is not None
    assert training.history.way == "lifted to plain Python"
    assert names_of(training.diagnosis()) == ["rate too low"]


def test_data_of_one_column_are_compared_with_the_start() -> None:
    """Without labels, chance is the loss at the start."""
    middle = Value(20.0)
    data = ([float(i) for i in range(50)],)
    history = optim.train(lambda x: (middle - x) ** 2, [middle], data, optimizer=Adam(rate=1e-4))
    diagnosis = diagnose(lambda x: (middle - x) ** 2, [middle], data, history)
    assert names_of(diagnosis) == []  # there is not much to gain
    assert diagnosis.training.chance == pytest.approx(sum((20 - x) ** 2 for x in range(50)) / 50)
    assert diagnosis.layers == []
    scale = Value(1.0)
    history = optim.train(lambda x: (scale * x) ** 2, [scale], data, optimizer=Adam(rate=0.1), epochs=100)
    assert names_of(diagnose(lambda x: (scale * x) ** 2, [scale], data, history)) == []
    scale.data = 1.0
    history = optim.train(lambda x: (scale * x) ** 2, [scale], data, optimizer=Adam(rate=1e-5))
    assert names_of(diagnose(lambda x: (scale * x) ** 2, [scale], data, history)) == ["rate too low"]
    assert names_of(diagnose(lambda x: (scale * x) ** 2, [scale], data, optimizer=Adam(rate=0.1))) == ["too few steps"]


def test_a_loss_of_nothing_is_no_fault() -> None:
    """A loss that is 0 from the start to the end divides by nothing."""
    x = Value(0.0)
    history = optim.train(lambda a, b: (x * a * b) ** 2, [x], ([1.0] * 50, [2.0] * 50))
    diagnosis = diagnose(lambda a, b: (x * a * b) ** 2, [x], ([1.0] * 50, [2.0] * 50), history)
    assert diagnosis.training == optim.Fit(0.0, 0.0, 0.0, False)


def test_an_optimizer_on_an_array_or_on_the_parameters_is_taken_as_it_was_made() -> None:
    """Without a history its settings count, whatever it moved; by default it is Adam()."""
    model = nn.MLP(2, [3], rng=0)
    data = blobs(random.Random(0), 100)
    rates = [
        diagnose(classes(model), model.parameters(), data, optimizer=optimizer).rates
        for optimizer in (None, Adam(), Adam(model.parameters()), Adam([0.0] * 9))
    ]
    assert rates[1:] == rates[:-1]


def test_bad_arguments_are_refused() -> None:
    """What is wrong with them is said at once."""
    model = nn.MLP(2, [1], rng=0)
    data = waves(random.Random(0), 10)
    loss = numbers(model)
    history = optim.train(loss, model.parameters(), data, epochs=1)
    for arguments, error, message in (
        ((loss, model.parameters(), [1.0]), TypeError, "data must be a tuple"),
        ((loss, [], data), ValueError, "there are no parameters"),
        (
            (loss, model.parameters(), data, "history"),
            TypeError,
            "history must be what optim.train returned, got a str",
        ),
        ((loss, model.parameters()[:2], data, history), ValueError, "with 10 examples and 3 parameters, not 10 and 2"),
        ((loss, model.parameters(), (data[0][:9], data[1][:9]), history), ValueError, "10 examples and 3 .*, not 9"),
        (
            (lambda x, y: 1.0, model.parameters(), data),
            TypeError,
            "the loss must return a Value, got 1.0 of type float",
        ),
    ):
        with pytest.raises(error, match=message):
            diagnose(*arguments)
    with pytest.raises(TypeError, match="leave out optimizer"):
        diagnose(loss, model.parameters(), data, history, optimizer=Adam())
    with pytest.raises(ValueError, match="as many columns as data, 2, got 1"):
        diagnose(loss, model.parameters(), data, validation=([[1.0, 2.0]],))
    with pytest.raises(TypeError, match="an optimizer must be one such as"):
        diagnose(loss, model.parameters(), data, optimizer=0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the optimizer has parameters, and they are not these"):
        diagnose(loss, model.parameters(), data, optimizer=Adam([Value(1.0)]))
    with pytest.raises(TypeError, match="there is no argument 'lr' here"):
        diagnose(loss, model.parameters(), data, lr=0.1)  # type: ignore[call-arg]
