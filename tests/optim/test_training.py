"""The training loop: what an epoch is, both ways to run it, when it ends, and what a stop leaves."""

from __future__ import annotations

import json
import math
import random
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import (
    Disagreement,
    TraceError,
    Value,
    cross_entropy,
    grad,
    log,
    nn,
    no_grad,
    optim,
    square_error,
    take,
)
from scalargrad.lifting import Program
from scalargrad.optim import (
    DIVERGED,
    INTERRUPTED,
    OUT_OF_STEPS,
    STOPPED,
    Adam,
    GradientDescent,
    History,
    accuracy,
    train,
)
from tests.optim.kinds import OPTIMIZERS

XS = [[0.5, -1.0], [1.0, 2.0], [-0.25, 0.75], [2.0, 0.0], [-1.5, 1.0], [0.0, 0.5], [1.0, -1.0]]
YS = [1.0, -1.0, 0.5, 0.0, 1.0, -0.5, 0.25]
DATA = (XS, YS)
HELD_OUT = ([[0.25, 0.25], [-1.0, -0.5]], [0.5, 0.0])


def network() -> tuple[nn.MLP, Callable[..., Value]]:
    """A small network, and its loss for one example."""
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    return model, lambda x, y: (model(x) - y) ** 2


def trained(**arguments: Any) -> tuple[History, list[float]]:
    """The history of a training of that network, and its parameters at the end."""
    model, loss = network()
    common: dict[str, Any] = {"optimizer": Adam(rate=0.05), "epochs": 3, "batch_size": 3}
    history = train(loss, model.parameters(), DATA, **(common | arguments))
    return history, [parameter.data for parameter in model.parameters()]


both_ways = pytest.mark.parametrize("lifted", [False, True])

# ---------------------------------------------------------------- what an epoch is


@given(st.integers(1, 9), st.integers(1, 10), st.integers(1, 3), st.integers())
def test_an_epoch_has_each_example_once(size: int, batch_size: int, epochs: int, seed: int) -> None:
    """In every epoch each example is learned from once, in an order of its own that follows from the seed alone."""

    def order() -> list[int]:
        x, seen = Value(0.0), []

        def loss(i: int) -> Value:
            seen.append(i)
            return (x - i) ** 2

        train(loss, [x], (list(range(size)),), epochs=epochs, batch_size=batch_size, rng=seed, lifted=False)
        return seen

    seen = order()
    per_epoch = [seen[start : start + size] for start in range(0, len(seen), size)]
    assert [sorted(epoch) for epoch in per_epoch] == [list(range(size))] * epochs
    assert seen == order()


def test_orders_differ() -> None:
    """The order is another one in each epoch, and with each seed; a generator draws the seed."""

    def orders(rng: Any) -> list[list[int]]:
        x, seen = Value(0.0), []

        def loss(i: int) -> Value:
            seen.append(i)
            return x * i

        train(loss, [x], (list(range(20)),), epochs=2, rng=rng, lifted=False)
        return [seen[:20], seen[20:]]

    several = [*orders(0), *orders(1), *orders(random.Random(0))]
    assert len({tuple(order) for order in several}) == 6
    assert orders(random.Random(0)) == orders(random.Random(0))


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_it_is_the_loop_written_by_hand(name: str, batch_size: int | None) -> None:
    """On Values it does what `zero_grad`, `backward` of the mean loss and `step` do, to the last bit."""
    model, loss = network()
    optimizer = OPTIMIZERS[name](model.parameters())
    size, losses = batch_size or len(XS), []
    for epoch in range(1, 4):
        order = list(range(len(XS)))
        random.Random(f"7/{epoch}").shuffle(order)
        losses.append(0.0)
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            optimizer.zero_grad()
            for i in batch:
                error = loss(XS[i], YS[i])
                error.backward(1 / len(batch))
                losses[-1] += error.data / len(XS)
            optimizer.step()
    history, parameters = trained(optimizer=OPTIMIZERS[name](None), batch_size=batch_size, rng=7, lifted=False)
    assert parameters == [parameter.data for parameter in model.parameters()]
    assert history["loss"] == pytest.approx(losses, rel=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_lifted_is_on_values(name: str) -> None:
    """On arrays the history and the parameters are those on Values, up to rounding, for every optimizer."""
    arguments: dict[str, Any] = {
        "validation": HELD_OUT,
        "metrics": {"far": lambda x, y: abs(network()[0](x) - y)},
        "epochs": 5,
    }
    (eager, on_values), (lifted, on_arrays) = (
        trained(optimizer=OPTIMIZERS[name](None), lifted=way, **arguments) for way in (False, True)
    )
    assert on_arrays == pytest.approx(on_values, rel=1e-9)
    for row, expected in zip(lifted.rows, eager.rows, strict=True):
        assert row == pytest.approx(expected, rel=1e-9)
    other, _ = trained(optimizer=OPTIMIZERS[name](None), rng=1, **arguments)
    assert other["loss"] != pytest.approx(eager["loss"], rel=1e-9)  # negative control


@both_ways
def test_what_the_history_says_is_so(lifted: bool) -> None:
    """The loss is the mean over the epoch; metrics and all that is held out are measured at the epoch's end."""
    model, loss = network()
    measured: list[list[float]] = []

    def right(x: Any, y: float) -> Value:
        return abs(model.output(x) - y)

    def measure(_history: History) -> None:
        losses = [loss(x, y).data for x, y in zip(*HELD_OUT, strict=True)]
        on_training = [right(x, y).data for x, y in zip(*DATA, strict=True)]
        held_out = [right(x, y).data for x, y in zip(*HELD_OUT, strict=True)]
        measured.append([sum(numbers) / len(numbers) for numbers in (on_training, losses, held_out)])

    history = train(
        loss,
        model.parameters(),
        DATA,
        epochs=3,
        batch_size=2,
        validation=HELD_OUT,
        metrics={"far": right},
        callback=measure,
        lifted=lifted,
    )
    columns = ["far", "validation loss", "validation far"]
    assert list(history.rows[0]) == ["loss", *columns]
    assert [[row[name] for name in columns] for row in history.rows] == [pytest.approx(row) for row in measured]
    assert len(history) == 3
    names = "Its columns are 'loss', 'far', 'validation loss', 'validation far'"
    for wrong, meant in [("los", ": did you mean 'loss'?"), ("fra", ": did you mean 'far'?"), ("accuracy", ".")]:
        with pytest.raises(KeyError) as raised:
            history[wrong]
        assert raised.value.args == (f"the history has no column {wrong!r}{meant} {names}",)


# ---------------------------------------------------------------- which way


def test_it_is_lifted_where_it_can_be() -> None:
    """By default the loss is lifted, and the history says so; `lifted=False` stays on Values and says that."""
    assert trained()[0].way == "lifted to numpy"
    assert trained(lifted=False)[0].way == "on Values"


def test_without_numpy_it_is_lifted_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numpy is not installed the program is plain Python, to the same numbers."""
    arguments: dict[str, Any] = {"validation": HELD_OUT, "patience": 2, "metrics": {"far": lambda x, y: x[0] * y}}
    expected, parameters = trained(**arguments)
    monkeypatch.setattr("scalargrad.lifting.target.find_spec", lambda name: None)
    history, on_lists = trained(**arguments)
    assert history.way == "lifted to plain Python"
    assert on_lists == pytest.approx(parameters, rel=1e-9)
    assert history.rows == [pytest.approx(row) for row in expected.rows]


def branching(x: float, y: float) -> Any:
    return Value(2.0) * x if x > 0 else y


def test_what_cannot_be_lifted_runs_on_values_and_says_so() -> None:
    """A loss with a branch runs on Values, with the reason in the history; a metric with one does, beside the loss."""
    x = Value(1.0)

    def loss(a: float) -> Value:
        return x * a if a > 0 else x * x

    history = train(loss, [x], ([1.0, -1.0],), epochs=1)
    assert history.way.startswith("on Values, as the loss cannot be lifted: TraceError: ")
    assert history.way in repr(history)
    with pytest.raises(TraceError):
        train(loss, [x], ([1.0, -1.0],), epochs=1, lifted=True)
    for metrics, name in (({"positive": lambda a: x * a > 0}, "positive"), ({"half": lambda a: 0.5}, "half")):
        history = train(lambda a: (x - a) ** 2, [x], ([1.0, -1.0],), epochs=2, metrics=metrics)
        assert history.way.startswith(f"lifted to numpy; {name} on Values, as it cannot be lifted: T")
        assert history[name] == [0.5, 0.5]


CLASSES: list[Callable[[], Any]] = [lambda: [1, 0, 2], lambda: (1, 0, 2), lambda: np.array([1, 0, 2])]


@pytest.mark.parametrize("classes", CLASSES)
def test_classes_stay_integers(classes: Callable[[], Any]) -> None:
    """A column of classes reaches the loss as integers, on Values and in the comparison; and the loss is lifted."""
    model = nn.MLP(2, [3], rng=0)

    def loss(x: Any, y: Any) -> Value:
        return cross_entropy(model.outputs(x), y)

    for lifted, way in ((False, "on Values"), (None, "lifted to numpy")):
        by_hand = sum(loss(x, y).data for x, y in zip(XS, [1, 0, 2], strict=False)) / 3
        history = train(loss, model.parameters(), (XS[:3], classes()), epochs=1, batch_size=None, lifted=lifted)
        assert history["loss"] == [pytest.approx(by_hand)]
        assert history.way == way


def test_indexing_a_list_says_what_to_write() -> None:
    """A loss that reads weights[y] cannot be lifted, and the error names `take`; with `take` it is lifted."""
    model, weights = nn.MLP(2, [3], rng=0), [1.0, 2.0, 0.5]
    data = (XS[:3], [1, 0, 2])
    with pytest.raises(TraceError, match=r"an input is used as an index; take\(table, index\) looks an entry up"):
        train(lambda x, y: weights[y] * cross_entropy(model.outputs(x), y), model.parameters(), data, lifted=True)
    weighted = train(
        lambda x, y: take(weights, y) * cross_entropy(model.outputs(x), y), model.parameters(), data, epochs=1
    )
    assert weighted.way == "lifted to numpy"


@pytest.mark.parametrize("classes", CLASSES)
def test_classes_stay_integers_for_a_metric_on_values(classes: Callable[[], Any]) -> None:
    """A metric that cannot be lifted gets the class as an integer too, beside a loss that is lifted."""
    model = nn.MLP(2, [3], rng=0)
    targets = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    data = (XS[:3], targets, classes())
    history = train(
        lambda x, y, _: cross_entropy(model.outputs(x), y),
        model.parameters(),
        data,
        epochs=2,
        validation=data,
        metrics={
            "by class": lambda x, _, k: float(accuracy(model.outputs(x), k)),
            "by class, lifted": lambda x, _, k: accuracy(model.outputs(x), k),
            "by distribution": lambda x, y, _: accuracy(model.outputs(x), y),
        },
    )
    assert re.fullmatch("lifted to numpy; by class on Values, as it cannot be lifted: .*", history.way)
    assert history["by class"] == history["by class, lifted"] == history["by distribution"]
    assert history["validation by class"] == history["validation by distribution"]


def test_examples_of_different_lengths_run_on_values() -> None:
    """Sequences of different lengths are learned from on Values; the history says why."""
    x = Value(0.0)
    history = train(
        lambda xs, y: (sum((x * a for a in xs), Value(0.0)) - y) ** 2, [x], ([[1.0], [1.0, 2.0]], [1.0, 3.0])
    )
    assert "rows of different lengths" in history.way


def of_arrays(rows: Any) -> list[Any]:
    """Each example as an array."""
    return [np.array(row) for row in rows]


def of_nested_arrays(rows: Any) -> list[Any]:
    """Each number as an array without dimensions, in lists."""
    return [of_arrays(row) if isinstance(row, list) else np.array(row) for row in rows]


@pytest.mark.parametrize("kind", [np.array, list, tuple, of_arrays, of_nested_arrays])
@pytest.mark.parametrize("way", [{"lifted": False}, {"target": "numpy"}, {"target": "python"}], ids=str)
def test_columns_of_any_kind(kind: Callable[[Any], Any], way: dict[str, Any]) -> None:
    """Arrays, lists and tuples give the same, however deep the arrays lie, in the data as in the validation data."""
    model, loss = network()
    columns, others = (tuple(map(kind, data)) for data in (DATA, HELD_OUT))
    history = train(loss, model.parameters(), columns, epochs=2, validation=others, **way)
    expected, loss = network()
    wanted = train(loss, expected.parameters(), DATA, epochs=2, validation=HELD_OUT, **way)
    assert model.state_dict() == expected.state_dict()
    assert history["validation loss"] == wanted["validation loss"]


# ---------------------------------------------------------------- optimizers and schedules


def test_a_schedule_sets_the_rate() -> None:
    """A schedule is followed in place of the rate, over all epochs."""
    schedule = optim.InverseRoot(0.1)
    _, expected = trained(optimizer=GradientDescent(rate=schedule))
    history, parameters = trained(optimizer=GradientDescent(rate=5.0), schedule=schedule)
    assert parameters == expected
    assert history.optimizer.rate == schedule(8)


@both_ways
@pytest.mark.parametrize("rate", [0.05, optim.InverseRoot(0.2)])
@pytest.mark.parametrize("end", ["all epochs", "error", "Ctrl-C", "refused"])
def test_the_optimizer_keeps_its_own_rate(lifted: bool, rate: Any, end: str) -> None:
    """However training ends, a schedule that was given to it is not left in the caller's optimizer."""
    model, loss = network()
    optimizer = Adam(model.parameters(), rate=rate)
    rates: list[float] = []

    def callback(history: History) -> None:
        rates.append(history.optimizer.rate)
        if end == "error":
            raise LookupError("mine")
        if end == "Ctrl-C":
            raise KeyboardInterrupt

    given: dict[str, Any] = {"data": DATA, "resume": {"seed": 0} if end == "refused" else None}
    with pytest.raises((LookupError, ValueError)) if end in {"error", "refused"} else nullcontext():
        train(
            loss,
            model.parameters(),
            **given,
            optimizer=optimizer,
            epochs=1,
            schedule=lambda step: 0.25,
            callback=callback,
            lifted=lifted,
        )
    assert rates == ([] if end == "refused" else [0.25])
    assert (optimizer.schedule or optimizer.rate) == rate
    assert optimizer.rate == (rate if isinstance(rate, float) else 0.2)


@both_ways
def test_an_optimizer_with_the_parameters_goes_on(lifted: bool) -> None:
    """One that has the parameters goes on from what it remembers, and remembers what training did."""
    model, loss = network()
    optimizer = Adam(model.parameters(), rate=0.05)
    for _ in range(2):
        train(loss, model.parameters(), DATA, optimizer=optimizer, epochs=1, batch_size=None, lifted=lifted)
    assert optimizer.steps == 2
    other, loss = network()
    again = Adam(other.parameters(), rate=0.05)
    train(loss, other.parameters(), DATA, optimizer=again, epochs=2, batch_size=None, lifted=lifted)
    assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in other.parameters()])
    assert optimizer.state_dict()["first_moment"] == pytest.approx(again.state_dict()["first_moment"])
    setting = Adam(rate=0.05)
    train(loss, other.parameters(), DATA, optimizer=setting, epochs=1, lifted=lifted)
    assert (setting.steps, setting.size) == (0, 0)


# ---------------------------------------------------------------- when it ends


@both_ways
def test_early_stopping_restores_the_best(lifted: bool) -> None:
    """After so many epochs without a lower validation loss it stops, with the parameters of the best epoch."""
    x = Value(0.0)
    numbers = []
    history = train(
        lambda a: (x - a) ** 2,
        [x],
        ([10.0],),
        optimizer=GradientDescent(rate=0.05),
        epochs=100,
        validation=([4.6],),
        patience=3,
        callback=lambda _: numbers.append(x.data),
        lifted=lifted,
    )
    losses = history["validation loss"]
    best = losses.index(min(losses))
    assert 2 < best + 1 == history.best_epoch == len(history) - 3
    assert x.data == numbers[best]
    assert (x.data - 4.6) ** 2 == pytest.approx(min(losses))
    assert history.status == STOPPED
    assert history.message == (
        f"stopped early, after 3 epochs without a lower loss; the parameters are those of epoch {best + 1}, the best"
    )


def test_patience_without_validation_is_of_the_training_loss() -> None:
    """Where nothing is held out, the loss on the training data decides; when it falls to the end, the end is best."""
    history, parameters = trained(patience=2, epochs=4)
    assert history.best_epoch == 4
    assert (history.status, history.message) == (OUT_OF_STEPS, "all epochs are done")
    assert parameters == trained(epochs=4)[1]
    assert trained(epochs=4)[0].best_epoch is None


@both_ways
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_when_the_loss_is_lost_the_last_epoch_is_kept(name: str, lifted: bool) -> None:
    """When the loss becomes nan, the parameters, the rows and the state are those of the end of the last epoch."""
    x = Value(0.5)
    good: list[tuple[float, str]] = []
    history = train(
        lambda a: log(x) + 0.0 * a,
        [x],
        ([1.0, 2.0, 3.0],),
        optimizer=OPTIMIZERS[name](None),
        epochs=10_000,
        batch_size=1,
        callback=lambda history: good.append((x.data, json.dumps(history.state_dict()["optimizer"]))),
        lifted=lifted,
    )
    assert history.status == DIVERGED
    assert history.message.startswith("diverged: in step ")
    assert f"of epoch {len(history) + 1} the loss became " in history.message
    assert len(good) == len(history)
    if good:
        assert (x.data, json.dumps(history.state_dict()["optimizer"])) == good[-1]
    else:
        assert x.data == 0.5


@both_ways
def test_a_parameter_that_is_lost_in_the_last_step_is_seen(lifted: bool) -> None:
    """A parameter that became infinite with the last step of an epoch is not kept, though every loss was finite."""
    x = Value(1.0)
    history = train(lambda a: a * x, [x], ([1e300],), optimizer=GradientDescent(rate=1e10), epochs=3, lifted=lifted)
    assert (history.status, history.message) == (DIVERGED, "diverged: in epoch 1 a parameter became nan or infinite")
    assert x.data == 1.0


@both_ways
def test_a_callback_may_end_it(lifted: bool) -> None:
    """StopIteration in the callback ends it after that epoch; another error comes out, and nothing is lost."""

    def stop(history: History) -> None:
        if len(history) == 2:
            raise StopIteration

    history, parameters = trained(callback=stop, lifted=lifted)
    assert (len(history), history.status, history.message) == (2, STOPPED, "stopped by the callback")
    assert parameters == trained(epochs=2, lifted=lifted)[1]

    model, loss = network()

    def fail(_history: History) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        train(
            loss,
            model.parameters(),
            DATA,
            optimizer=Adam(rate=0.05),
            batch_size=3,
            callback=fail,
            lifted=lifted,
        )
    assert [parameter.data for parameter in model.parameters()] == trained(epochs=1, lifted=lifted)[1]


@both_ways
def test_a_callback_may_change_the_parameters(lifted: bool) -> None:
    """What the callback does to the parameters counts, in the next epoch and after the last."""
    x = Value(8.0)

    def halve(_history: History) -> None:
        x.data /= 2

    settings: dict[str, Any] = {"optimizer": GradientDescent(rate=0.25), "lifted": lifted, "callback": halve}
    train(lambda a: (x - a) ** 2, [x], ([0.0],), epochs=1, **settings)
    assert x.data == 2.0  # a step halves it too
    train(lambda a: (x - a) ** 2, [x], ([0.0],), epochs=2, **settings)
    assert x.data == 0.125


# ---------------------------------------------------------------- stopping and going on


@both_ways
@pytest.mark.parametrize("patience", [None, 2])
def test_resuming_gives_the_same_bits(lifted: bool, patience: int | None) -> None:
    """From the state after any epoch, through JSON, a new training ends with the same bits as an undisturbed one."""
    arguments: dict[str, Any] = {"validation": HELD_OUT, "patience": patience, "lifted": lifted}
    whole, parameters = trained(epochs=5, **arguments)
    for epochs in range(5):
        states: list[str] = []
        model, loss = network()
        common = {"optimizer": Adam(rate=0.05), "batch_size": 3, **arguments}
        history = train(loss, model.parameters(), DATA, epochs=epochs, **common)
        states.append(json.dumps(history.state_dict()))
        other, other_loss = network()
        other.load_state_dict(model.state_dict())
        resumed = train(other_loss, other.parameters(), DATA, epochs=5, resume=json.loads(states[-1]), **common)
        assert [parameter.data for parameter in other.parameters()] == parameters
        assert resumed.rows == whole.rows
        assert (resumed.message, resumed.best_epoch) == (whole.message, whole.best_epoch)


@pytest.mark.parametrize("rng", [3, random.Random(3)])
def test_without_a_seed_the_order_is_that_of_the_state(rng: Any) -> None:
    """A training that is resumed without a seed goes on in its own order; without a state the seed is 0."""
    whole, parameters = trained(rng=rng, epochs=4) if isinstance(rng, int) else trained(rng=random.Random(3), epochs=4)
    model, loss = network()
    common: dict[str, Any] = {"optimizer": Adam(rate=0.05), "batch_size": 3}
    first = train(loss, model.parameters(), DATA, epochs=2, rng=rng, **common)
    resumed = train(loss, model.parameters(), DATA, epochs=4, resume=first, **common)
    assert [parameter.data for parameter in model.parameters()] == parameters
    assert resumed.rows == whole.rows
    assert trained()[1] == trained(rng=0)[1] != trained(rng=1)[1]


@both_ways
def test_after_the_best_is_restored_training_goes_on_from_the_last(lifted: bool) -> None:
    """A training that ended with the parameters of its best epoch goes on from those of its last."""

    def history_of(epochs: int, **arguments: Any) -> History:
        return train(
            lambda a: (x - a) ** 2,
            [x],
            ([10.0],),
            optimizer=GradientDescent(rate=0.05),
            epochs=epochs,
            validation=([3.0],),
            patience=100,
            lifted=lifted,
            **arguments,
        )

    x = Value(0.0)
    whole = history_of(9)
    end = x.data
    x = Value(0.0)
    first = history_of(6)
    best = x.data
    assert first.best_epoch == whole.best_epoch == 3
    assert best == end
    state = json.loads(json.dumps(first.state_dict()))
    assert state["last"] != [x.data]
    assert history_of(9, resume=state).rows == whole.rows
    assert x.data == end


@both_ways
def test_ctrl_c_while_the_parameters_are_set_leaves_none_behind(lifted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the very end, as the parameters get their numbers, is Ctrl-C, but they do get them."""
    kind = optim.ways.OnArrays if lifted else optim.ways.OnValues
    settle, calls = kind.settle, []

    def interrupted(way: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        settle(way)

    monkeypatch.setattr(kind, "settle", interrupted)
    model, loss = network()
    with pytest.raises(KeyboardInterrupt):
        train(loss, model.parameters(), DATA, optimizer=Adam(rate=0.05), epochs=3, batch_size=3, lifted=lifted)
    assert [parameter.data for parameter in model.parameters()] == trained(lifted=lifted)[1]


@pytest.mark.parametrize(("numbers", "mean"), [([math.inf, -math.inf], math.nan), ([1e308] * 20, math.inf)])
def test_a_mean_that_is_no_number_is_told(numbers: list[float], mean: float) -> None:
    """Where the losses of a batch have no finite mean, that is the loss, and it ends the training."""
    x = Value(1.0)
    history = train(lambda a: x * a, [x], (numbers,), lifted=False)
    assert history.message == f"diverged: in step 1 of epoch 1 the loss became {mean}"


def test_without_its_state_training_goes_elsewhere() -> None:
    """Negative control: a second training from where the first has ended, without its state, is another one."""
    model, loss = network()
    for _ in range(2):
        train(loss, model.parameters(), DATA, optimizer=Adam(rate=0.05), epochs=2, batch_size=3)
    assert [parameter.data for parameter in model.parameters()] != trained(epochs=4)[1]


@both_ways
@pytest.mark.parametrize("call", range(1, 22, 4))
def test_ctrl_c_between_steps_loses_no_step(lifted: bool, call: int) -> None:
    """Ctrl-C in the loss or the step keeps all steps before it, and the same call goes on to the same bits."""
    model, loss = network()
    calls = 0

    class Pressed(Adam):
        def rule(self, gradient: Any, m: Any, v: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                raise KeyboardInterrupt
            return super().rule(gradient, m, v)

    common: dict[str, Any] = {"epochs": 7, "batch_size": 3, "lifted": lifted}
    setting = Pressed(rate=0.05)
    history = train(loss, model.parameters(), DATA, optimizer=setting, **common)
    steps = call - 1 if lifted else (call - 1) // len(model.parameters())
    assert history.status == INTERRUPTED
    assert history.message == (
        f"interrupted in epoch {steps // 3 + 1}" if steps % 3 else "interrupted between two epochs"
    )
    assert (history.optimizer.steps, len(history)) == (steps, steps // 3)
    train(loss, model.parameters(), DATA, optimizer=setting, resume=history, **common)
    assert [parameter.data for parameter in model.parameters()] == trained(epochs=7, lifted=lifted)[1]


OPTIM = str(Path(optim.__file__).parent)
SMALL: dict[str, Any] = {"epochs": 2, "batch_size": 4}


def interrupted_at(moment: int, lifted: bool) -> tuple[History | None, nn.MLP, bool]:
    """What train returns with Ctrl-C at one of the lines of its package, the model then, and whether it came there."""
    model, loss = network()
    lines = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(OPTIM):
            return None
        lines += event == "line"
        if lines == moment:
            lines += 1
            raise KeyboardInterrupt
        return trace

    history = None
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        history = train(loss, model.parameters(), DATA, optimizer=Adam(rate=0.05), lifted=lifted, **SMALL)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return history, model, lines > moment


@both_ways
def test_ctrl_c_while_measuring_loses_no_step(lifted: bool) -> None:
    """Ctrl-C after the last batch of an epoch, in a metric, keeps its steps; the metrics are measured on resumption."""
    pressed = False

    def metric(x: Any, y: Any) -> Any:
        if pressed:
            raise KeyboardInterrupt
        return y - x[0]

    metrics = {"difference": metric}
    whole, parameters = trained(epochs=2, lifted=lifted, metrics=metrics)
    pressed = True
    model, loss = network()
    common: dict[str, Any] = {"epochs": 2, "batch_size": 3, "lifted": lifted, "metrics": metrics}
    history = train(loss, model.parameters(), DATA, optimizer=Adam(rate=0.05), **common)
    state = json.loads(json.dumps(history.state_dict()))
    assert (history.status, len(history), state["batch"], history.steps) == (INTERRUPTED, 0, 3, 3)
    pressed = False
    again = train(loss, model.parameters(), DATA, optimizer=Adam(rate=0.05), resume=state, **common)
    assert again.rows == whole.rows
    assert [parameter.data for parameter in model.parameters()] == parameters


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@both_ways
def test_ctrl_c_at_any_moment_loses_nothing(lifted: bool) -> None:
    """Interrupted at any line, training leaves the parameters after a whole step, and goes on to the same bits."""
    start = [parameter.data for parameter in network()[0].parameters()]
    _, whole = trained(lifted=lifted, **SMALL)
    returned = moment = 1
    while True:
        history, model, happened = interrupted_at(moment, lifted)
        if not happened:
            break
        if history is None:  # before the first epoch, or after the last
            assert [parameter.data for parameter in model.parameters()] in (start, whole)
        else:
            assert history.status == INTERRUPTED

            def loss(x: Any, y: float, model: nn.MLP = model) -> Value:
                return (model.output(x) - y) ** 2

            again = Adam(rate=0.05)
            train(loss, model.parameters(), DATA, optimizer=again, lifted=lifted, resume=history, **SMALL)
            assert [parameter.data for parameter in model.parameters()] == whole
            returned += 1
        moment += 5
    assert returned > 30


# ---------------------------------------------------------------- what the arguments may be


def a_loss(x: float) -> Value:
    return Value(1.0) * x


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"data": [(1.0, 2.0), (3.0, 4.0)]},
            TypeError,
            r"data must be a tuple .*got a list; .* tuple\(zip\(\*rows",
        ),
        ({"data": ()}, ValueError, "data must have a column for each argument of the loss, got an empty tuple"),
        (
            {"data": ([1.0], [1.0, 2.0], [1.0])},
            ValueError,
            "all columns of data must have the same number of entries, .* but they have 1, 2 and 1$",
        ),
        ({"data": ([],)}, ValueError, "data must have at least one example, but its columns are empty"),
        ({"data": ({1.0, 2.0},)}, TypeError, "column 1 of data must have an order"),
        ({"data": (iter([1.0]),)}, TypeError, "column 1 of data must be a list, a tuple or an array .*list_iterator"),
        ({"data": (np.array(1.0),)}, TypeError, "column 1 of data must be a list, a tuple or an array .*ndarray"),
        ({"validation": ([1.0], [1.0])}, ValueError, "validation must have as many columns as data, 1, got 2"),
        ({"validation": [1.0]}, TypeError, "validation must be a tuple"),
        ({"parameters": []}, ValueError, "no parameters"),
        ({"optimizer": Adam}, TypeError, "an optimizer must be one such as"),
        ({"optimizer": Adam([Value(1.0)])}, ValueError, "has parameters, and they are not these"),
        ({"epochs": -1}, ValueError, "epochs must be an integer of at least 0, got -1"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer of at least 1, got 0"),
        ({"patience": 0}, ValueError, "patience must be an integer of at least 1, got 0"),
        ({"rng": 1.5}, ValueError, "rng must be an integer, got 1.5"),
        ({"metrics": [a_loss]}, TypeError, "metrics must be functions by name"),
        ({"metrics": {"accuracy": 1.0}}, TypeError, "metrics must be functions by name"),
        ({"metrics": {"loss": a_loss}}, ValueError, "a metric cannot be called 'loss'"),
        ({"metrics": {"validation x": a_loss}}, ValueError, "a metric cannot be called 'validation x'"),
        ({"schedule": lambda step: -1.0}, ValueError, "the rate that the schedule gives for step 0"),
        ({"loss": lambda x: 1.0, "lifted": False}, TypeError, "the loss must return a Value, got 1.0 of type float"),
        ({"loss": lambda x: 1.0}, TypeError, "the loss must return a Value, got 1.0 of type float"),
        (
            {"loss": Value(1.0)},
            TypeError,
            r"the loss must be a function of one example, .*got Value\(data=1.0\) of type",
        ),
        ({"loss": None}, TypeError, "the loss must be a function of one example, .*got None of type NoneType"),
        ({"lr": 0.1}, TypeError, r"no argument 'lr' here: .* has it, as in optimizer=optim.Adam\(rate=0.1\)"),
        ({"num_epochs": 3}, TypeError, r"no argument 'num_epochs' here: write epochs"),
        ({"seed": 3}, TypeError, r"no argument 'seed' here: write rng, which takes a seed"),
        (
            {"shuffle": True},
            TypeError,
            r"no argument 'shuffle' here: write rng, .*each epoch takes the examples in a new",
        ),
        ({"rate": 0.1}, TypeError, r"no argument 'rate' here: .* has it, as in optimizer=optim.Adam\(rate=0.1\)"),
        ({"rate": lambda step: 0.1}, TypeError, r"as in optimizer=optim.Adam\(rate=...\)"),
        ({"max_norm": 2}, TypeError, r"no argument 'max_norm' here: .* optimizer=optim.Adam\(clip_norm=2\)"),
        ({"rat": 0.1}, TypeError, "unexpected keyword argument 'rat'"),
        ({"resume": [1]}, TypeError, r"resume must be a history or its state_dict\(\), got a list"),
        (
            {"resume": {"seed": 0}},
            ValueError,
            "the state of a training has seed, examples, .*, got seed",
        ),
    ],
)
def test_bad_arguments(change: dict[str, Any], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given, and nothing is changed."""
    arguments: dict[str, Any] = {"loss": a_loss, "parameters": [Value(1.0)], "data": ([1.0, 2.0],)} | change
    with pytest.raises(error, match=message):
        train(arguments.pop("loss"), arguments.pop("parameters"), arguments.pop("data"), **arguments)


BAD_STATES: list[tuple[dict[str, Any], str]] = [
    ({"seed": 1.0}, "the state is of a training with seed 1.0, not 0"),
    ({"examples": 8}, "the state is of a training with examples 8, not 7"),
    ({"batch_size": 4}, "the state is of a training with batch_size 4, not 3"),
    ({"rows": None}, "rows must be a list with a dict of the same columns for each epoch"),
    ({"rows": [{"loss": 1.0}, {"lost": 1.0}]}, "rows must be a list with a dict of the same columns"),
    ({"rows": [{"loss": "1"}]}, "a number of loss must be a real number"),
    ({"batch": -1}, "batch must be an integer of at least 0, got -1"),
    ({"batch": 4}, "batch must be at most 3, got 4"),
    ({"total": None}, "total must be a real number"),
    ({"best": {}}, "best must be None or have epoch and parameters, got a dict"),
    ({"best": {"epoch": 9, "parameters": [0.0] * 13}}, "the best epoch must be at most 2, got 9"),
    ({"best": {"epoch": 1, "parameters": [0.0]}}, "the best parameters must have 13 numbers"),
    ({"last": [math.nan] * 13}, "the last parameters must hold finite numbers"),
    ({"optimizer": {}}, "the state of this optimizer has kind, first_moment"),
]


@pytest.mark.parametrize(("change", "message"), BAD_STATES)
def test_a_state_of_another_training_is_refused(change: dict[str, Any], message: str) -> None:
    """A state that is damaged, or of another seed, other data or another size of batch, is an error that says so."""
    state = trained(epochs=2)[0].state_dict() | change
    with pytest.raises((TypeError, ValueError), match=message):
        trained(resume=state)


def test_a_generator_takes_the_seed_of_the_state() -> None:
    """With a generator in place of a seed, the state says which order it is."""
    whole, parameters = trained(rng=random.Random(3), epochs=4)
    first, _ = trained(rng=random.Random(3), epochs=2)
    state = first.state_dict()
    model, loss = network()
    train(loss, model.parameters(), DATA, optimizer=Adam(rate=0.05), batch_size=3, epochs=2, rng=random.Random(3))
    train(
        loss,
        model.parameters(),
        DATA,
        optimizer=Adam(rate=0.05),
        batch_size=3,
        epochs=4,
        rng=random.Random(99),
        resume=state,
    )
    assert [parameter.data for parameter in model.parameters()] == parameters
    assert len(whole) == 4


# ---------------------------------------------------------------- accuracy


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.data())
def test_accuracy_is_that_of_the_largest(outputs: list[float], data: st.DataObject) -> None:
    """It is 1 where the right output is the only largest, its share where several are, and 0 elsewhere."""
    index = data.draw(st.integers(0, len(outputs) - 1))
    one_hot = [float(i == index) for i in range(len(outputs))]
    expected = (outputs[index] == max(outputs)) / outputs.count(max(outputs))
    for target in (index, one_hot):
        assert float(accuracy([Value(x) for x in outputs], target)) == pytest.approx(expected)


def test_accuracy_is_lifted() -> None:
    """As a metric it is lifted, and is the share of the examples that are right."""
    model = nn.MLP(2, [3], rng=0)
    targets = [[float(i % 3 == j) for j in range(3)] for i in range(len(XS))]

    def loss(x: Any, y: Any) -> Value:
        return square_error(model.outputs(x), y)

    history = train(
        loss,
        model.parameters(),
        (XS, targets),
        epochs=1,
        metrics={"accuracy": lambda x, y: accuracy(model(x), y)},
    )
    outputs = [[output.data for output in model.outputs(x)] for x in XS]
    right = sum(row.index(max(row)) == i % 3 for i, row in enumerate(outputs))
    assert history.way == "lifted to numpy"
    assert history["accuracy"] == [pytest.approx(right / len(XS))]


@pytest.mark.parametrize(
    ("outputs", "target", "error", "message"),
    [
        (Value(1.0), 0, TypeError, "accuracy needs the outputs of several classes"),
        ([Value(1.0)], 0.5, ValueError, "the class in accuracy must be an integer from 0 to 0, got 0.5"),
        ([Value(1.0)], 1, ValueError, "the class in accuracy must be an integer from 0 to 0, got 1"),
        ([Value(1.0)], [1.0, 0.0], ValueError, "accuracy needs a number for each of 1 output, got 2"),
    ],
)
def test_what_has_no_accuracy(outputs: Any, target: Any, error: type[Exception], message: str) -> None:
    """One output, a class that is none, and a list of another length are refused."""
    with pytest.raises(error, match=message):
        accuracy(outputs, target)


def test_what_is_measured_comes_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """No metric is computed for more than 256 examples at once, for which BLAS would start threads and wait."""
    sizes: list[int] = []
    called = Program.__call__

    def spied(self: Program, *columns: Any, **options: Any) -> Any:
        sizes.append(len(columns[0]))
        return called(self, *columns, **options)

    monkeypatch.setattr(Program, "__call__", spied)
    w = Value(0.5)
    xs, ys = [[0.01 * i, 1.0] for i in range(700)], [1.0] * 700
    history = train(lambda x, y: (w * x[0] - y) ** 2, [w], (xs, ys), epochs=1, metrics={"off": lambda x, y: w - y})
    assert history["off"] == [pytest.approx(w.data - 1.0)]
    assert sizes[-3:] == [256, 256, 188]


# ---------------------------------------------------------------- dropout


def dropping(**arguments: Any) -> tuple[History, nn.MLP]:
    """The history of a training of a network with dropout, and the network, still in training."""
    model = nn.MLP(2, [6, 4, 1], "tanh", rng=0, dropout=0.5)
    common: dict[str, Any] = {
        "optimizer": Adam(rate=0.05),
        "epochs": 4,
        "batch_size": 3,
        "metrics": {"output": lambda x, y: model.output(x) + 0 * y},
        "validation": HELD_OUT,
    }
    return train(lambda x, y: square_error(model(x), y), model.parameters(), DATA, **(common | arguments)), model


def test_dropout_lifted_is_dropout_on_values() -> None:
    """The masks follow from the seed: lifted, on Values and in another run the numbers are the same."""
    (on_values, first), (lifted, second) = dropping(lifted=False), dropping(lifted=True)
    assert lifted.way == "lifted to numpy"
    assert list(second.state_dict().values()) == pytest.approx(list(first.state_dict().values()), rel=1e-9)
    for name in ("loss", "output", "validation loss"):
        assert lifted[name] == pytest.approx(on_values[name], rel=1e-9)
    assert dropping(lifted=True)[1].state_dict() == second.state_dict()
    assert dropping(lifted=True, rng=1)[1].state_dict() != second.state_dict()


@both_ways
def test_every_example_in_every_epoch_has_another_mask(lifted: bool) -> None:
    """With the rate 0 the network stays, but the loss differs from epoch to epoch: no mask is frozen."""
    history, _ = dropping(lifted=lifted, optimizer=GradientDescent(rate=1e-300), epochs=6)
    assert len(set(history["loss"])) == 6
    x = Value(1.0)
    dropout = nn.Dropout(0.5)
    kept = train(
        lambda a: dropout([x * a])[0],
        [x],
        ([1.0] * 40,),
        optimizer=GradientDescent(rate=1e-300),
        batch_size=1,
        epochs=1,
        lifted=lifted,
    )
    assert 0.2 < kept["loss"][0] < 1.8  # 0 or 2 if all had the same


@both_ways
def test_what_is_measured_is_measured_without_dropout(lifted: bool) -> None:
    """Validation and metrics are those of the network out of training, though it is in training all the time."""
    history, model = dropping(lifted=lifted)
    assert model.training
    again = model.eval()
    expected = [square_error(again.output(x), y).data for x, y in zip(*HELD_OUT, strict=True)]
    assert history["validation loss"][-1] == pytest.approx(math.fsum(expected) / 2, rel=1e-12)
    outputs = [again.output(x).data for x in XS]
    assert history["output"][-1] == pytest.approx(math.fsum(outputs) / len(XS), rel=1e-12)


@both_ways
def test_a_network_out_of_training_drops_nothing(lifted: bool) -> None:
    """After `eval()` training does what it does without dropout."""
    networks = [nn.MLP(2, [6, 1], "tanh", rng=0, dropout=share) for share in (0.5, 0.0)]
    for model in networks:
        model.eval()
        train(lambda x, y, m=model: square_error(m(x), y), model.parameters(), DATA, epochs=2, lifted=lifted)
    assert networks[0].state_dict() == networks[1].state_dict()


@both_ways
def test_dropout_goes_on_after_a_stop(lifted: bool) -> None:
    """Stopped after any step of an epoch and resumed, training ends with the same bits as without the stop."""
    _, whole = dropping(lifted=lifted)
    for step in range(3, 8):
        model = nn.MLP(2, [6, 4, 1], "tanh", rng=0, dropout=0.5)

        def stopping(done: int, last: int = step) -> float:
            if done == last:
                raise KeyboardInterrupt
            return 0.05

        def loss(x: Any, y: Any, model: nn.MLP = model) -> Value:
            return square_error(model.output(x), y)

        common: dict[str, Any] = {"batch_size": 3, "epochs": 4, "lifted": lifted}
        history = train(loss, model.parameters(), DATA, optimizer=Adam(rate=stopping), **common)
        assert (history.status, len(history.rows)) == (INTERRUPTED, step // 3)
        train(loss, model.parameters(), DATA, optimizer=Adam(rate=0.05), resume=history, **common)
        assert model.state_dict() == whole.state_dict()


# ---------------------------------------------------------------- what would be another training in silence


@both_ways
def test_a_metric_may_be_a_derivative(lifted: bool) -> None:
    """The size of the gradient, measured as a metric, is that of the examples, not 0."""
    w = Value(2.0)

    def loss(x: Any, y: Any) -> Any:
        return square_error(w * x, y)

    def slope(x: Any, y: Any) -> Any:
        return grad(loss(x, y), w) ** 2

    xs, ys = [1.0, 2.0], [1.0, 0.0]
    start = [slope(x, y).data for x, y in zip(xs, ys, strict=True)]
    history = train(
        loss, [w], (xs, ys), optimizer=GradientDescent(rate=1e-300), epochs=1, metrics={"slope": slope}, lifted=lifted
    )
    assert history["slope"] == pytest.approx([sum(start) / 2])
    assert start[0] > 0


def test_a_loss_with_a_derivative_in_its_argument_is_lifted() -> None:
    """A loss that takes Values alone, as it differentiates in them, is trained on arrays."""
    w = Value(0.5)

    def loss(x: Any) -> Any:  # the slope of w x² at x is to be 4 x
        return (grad(w * x * x, x) - 4.0 * x) ** 2

    history = train(loss, [w], ([0.5, 1.0, -1.0],), optimizer=optim.Adam(rate=0.1), epochs=200, batch_size=None)
    assert history.way.startswith("lifted to numpy")
    assert w.data == pytest.approx(2.0, abs=1e-3)


LOOKED_UP: dict[str, tuple[Callable[[Any], float], str]] = {
    "dict": (lambda y: {1.0: 9.0}.get(y, 1.0), "TraceError: cannot be lifted: an input.* looked up in a dict"),
    "set": (lambda y: 9.0 if y in {1.0, 2.0} else 1.0, "TraceError: cannot be lifted: an input.* put into a set"),
    "different": (lambda y: 9.0 if len({y, 0.0}) == 2 else 1.0, "TraceError: cannot be lifted: an input.* set"),
    "text": (lambda y: 9.0 if str(y) == "1.0" else 1.0, "Disagreement: for the numbers .*: it reads the text or"),
    "type": (lambda y: 1.0 if isinstance(y, Value) else 9.0, "Disagreement: for the numbers .*: it reads the text"),
}


@pytest.mark.parametrize("how", LOOKED_UP)
def test_a_loss_that_looks_numbers_up_is_trained_on_values(how: str) -> None:
    """A weight for each class that is looked up by the label is that of the label: lifted code would miss it."""
    weight, reason = LOOKED_UP[how]

    def parameters(lifted: bool | None) -> tuple[History, list[float]]:
        w, b = Value(0.5), Value(0.0)
        xs, ys = [-1.0, -0.5, 0.25, 1.0], [0.0, 0.0, 0.0, 1.0]
        history = train(lambda x, y: weight(y) * (w * x + b - y) ** 2, [w, b], (xs, ys), epochs=5, lifted=lifted)
        return history, [w.data, b.data]

    by_default, on_values = parameters(None), parameters(False)
    assert by_default[1] == on_values[1]
    assert re.search(reason, by_default[0].way)
    with pytest.raises((Disagreement, TraceError), match=reason.partition(": ")[2]):
        parameters(True)


def test_a_set_of_the_inputs_is_trained_on_values() -> None:
    """How many different inputs an example has is counted of its numbers, also if only few examples have equal ones."""

    def trained_on(xs: list[list[float]], lifted: bool | None) -> tuple[str, float]:
        w = Value(0.5)
        history = train(lambda x, y: (w * len(set(x)) * x[0] - y) ** 2, [w], (xs, [0.0] * len(xs)), lifted=lifted)
        return history.way, w.data

    xs = [[float(i), i + 0.5] for i in range(1, 30)]
    xs[13] = [13.0, 13.0]
    assert trained_on(xs, None)[1] == trained_on(xs, False)[1]
    assert "on Values" in trained_on(xs, None)[0]


@pytest.mark.parametrize("what", ["loss", "metric"])
def test_what_shows_in_validation_data_alone_is_seen(what: str) -> None:
    """A number whose text is looked up, and which only validation data have, is looked up there: on Values."""
    w = Value(0.5)

    def plain(x: Any, y: Any) -> Any:
        return (w * x - y) ** 2

    def weighted(x: Any, y: Any) -> Any:
        return (9.0 if str(y) == "3.0" else 1.0) * plain(x, y)

    history = train(
        weighted if what == "loss" else plain,
        [w],
        ([1.0, 4.0], [0.0, 1.0]),
        optimizer=GradientDescent(rate=1e-300),
        epochs=2,
        validation=([2.0, 4.0], [0.0, 3.0]),
        metrics={"metric": weighted},
    )
    assert history["validation metric"] == [5.0, 5.0]
    assert history["validation loss"] == [5.0 if what == "loss" else 1.0] * 2
    assert history.way.startswith("on Values" if what == "loss" else "lifted")
    assert "Disagreement" in history.way


def test_large_integers_are_not_rounded() -> None:
    """An integer that no float is, in the data or in validation data, is trained on Values, or is an error."""
    w, large = Value(0.5), 2**53 + 1
    for data, validation in (([large], [1]), ([1], [large])):
        given: dict[str, Any] = {"epochs": 1, "validation": (validation,), "optimizer": GradientDescent(rate=1e-300)}
        history = train(lambda x: w * (x - 2**53), [w], (data,), **given)
        assert history["loss" if data[0] == large else "validation loss"] == [0.5]
        assert f"argument 1 has the integer {large}, which is {2**53} as a float" in history.way
        with pytest.raises(ValueError, match="give float"):
            train(lambda x: w * (x - 2**53), [w], (data,), lifted=True, **given)


@both_ways
def test_a_metric_that_looks_numbers_up_is_measured_on_values(lifted: bool) -> None:
    """A metric that looks the label up is that of the label, on training and on validation data."""
    w = Value(0.5)

    def weighted(x: Any, y: Any) -> Any:
        return (9.0 if y in {1.0} else 1.0) * (w * x - y) ** 2

    history = train(
        lambda x, y: (w * x - y) ** 2,
        [w],
        ([1.0, 4.0], [0.0, 1.0]),
        optimizer=GradientDescent(rate=1e-300),
        epochs=1,
        validation=([2.0, 4.0], [0.0, 1.0]),
        metrics={"weighted": weighted},
        lifted=lifted,
    )
    assert history["weighted"] == [4.625]
    assert history["validation weighted"] == [5.0]


@both_ways
def test_a_training_is_resumed_with_its_own_parameters_only(lifted: bool) -> None:
    """A history and a model that is not where the history ended do not go on together; the same model does."""
    model, loss = network()
    common: dict[str, Any] = {"optimizer": Adam(rate=0.05), "batch_size": 3, "lifted": lifted}
    history = train(loss, model.parameters(), DATA, epochs=2, **common)
    train(loss, model.parameters(), DATA, epochs=3, resume=history, **common)
    with pytest.raises(ValueError, match="these are not the parameters at the end of the history"):
        train(loss, model.parameters(), DATA, epochs=3, resume=history, **common)


def test_nothing_is_trained_where_nothing_is_recorded() -> None:
    """Under `no_grad` there is no gradient, so training and `minimize` are errors, not trainings that stand still."""
    model, loss = network()
    with no_grad():
        with pytest.raises(ValueError, match="nothing is recorded under no_grad, and training needs a graph"):
            train(loss, model.parameters(), DATA)
        with pytest.raises(ValueError, match="nothing is recorded under no_grad, and minimize needs a graph"):
            optim.minimize(lambda: loss(XS[0], YS[0]), model.parameters())


def test_a_callback_reads_that_training_is_running() -> None:
    """Only at the end the history says how the training ended."""
    messages: list[str] = []
    history, _ = trained(callback=lambda history: messages.append(history.message))
    assert messages == ["training is running"] * 3
    assert history.message == "all epochs are done"


@pytest.mark.parametrize(
    "added",
    [{"validation": HELD_OUT}, {"metrics": {"error": lambda x, y: 1.0}}],
    ids=["validation", "metrics"],
)
def test_a_training_is_resumed_with_the_same_columns_only(added: dict[str, Any]) -> None:
    """A history has the same columns in every epoch: more or fewer are refused, with both lists."""
    model, loss = network()
    for first, then in (({}, added), (added, {})):
        history = train(loss, model.parameters(), DATA, epochs=1, **first)
        with pytest.raises(ValueError, match=r"the state of the training has the columns loss.*, this training has "):
            train(loss, model.parameters(), DATA, epochs=2, resume=history, **then)


def test_patience_ends_where_no_loss_is_a_number() -> None:
    """A validation loss of nan is not lower than another one: after so many epochs training stops."""
    history, _ = trained(epochs=9, patience=2, validation=([[math.nan, 0.0]], [0.0]))
    assert (len(history), history.status, history.best_epoch) == (2, STOPPED, None)


def test_a_history_is_true() -> None:
    """A training without a whole epoch can be resumed, so its history does not count as nothing."""
    history, _ = trained(epochs=0)
    assert len(history) == 0
    assert history
