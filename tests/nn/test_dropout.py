"""Dropout: what it drops and keeps, in training and after it, eager and lifted."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import TraceError, Value, grad, lift, nn, no_grad, square_error
from tests.nn.modules import Branch

PROBABILITIES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 0.999])
ROWS = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


# ---------------------------------------------------------------- what it does to a row


@given(ROWS, PROBABILITIES, st.integers(0, 100))
def test_each_number_is_dropped_or_scaled(row: list[float], probability: float, seed: int) -> None:
    """In training each number comes out as 0 or as itself / (1 - probability), and its gradient likewise."""
    inputs = [Value(x) for x in row]
    outputs = nn.Dropout(probability, rng=seed)(inputs)
    for x, y in zip(inputs, outputs, strict=True):
        y.backward()
        assert x.grad in (0.0, 1 / (1 - probability))
        assert y.data == x.data * x.grad


@given(ROWS, PROBABILITIES)
def test_after_training_a_row_comes_out_as_it_went_in(row: list[float], probability: float) -> None:
    """After `eval()` the outputs are the inputs themselves, and after `train()` they are dropped again."""
    inputs = [Value(x) for x in row]
    dropout = nn.Dropout(probability, rng=0).eval()
    assert all(x is y for x, y in zip(inputs, dropout(inputs), strict=True))
    assert [y.data for y in dropout(row)] == row
    again = dropout.train()([Value(1.0)] * 100)
    assert ({y.data for y in again} == {1.0}) == (probability == 0)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_as_many_are_dropped_as_it_says(probability: float) -> None:
    """Of many numbers the share that becomes 0 is the probability, to five deviations, and the mean stays."""
    n = 10_000
    outputs = [y.data for y in nn.Dropout(probability, rng=1)([1.0] * n)]
    deviation = (probability * (1 - probability) / n) ** 0.5
    assert abs(outputs.count(0.0) / n - probability) < 5 * deviation
    assert abs(fmean(outputs) - 1) < 5 * deviation / (1 - probability)


def test_each_call_draws_another_mask_from_the_seed() -> None:
    """Two calls drop other numbers; the same seed drops the same."""
    row = [1.0] * 50
    first, second = nn.Dropout(rng=0), nn.Dropout(rng=random.Random(0))
    masks = [[y.data for y in dropout(row)] for dropout in (first, first, second)]
    assert masks[0] == masks[2] != masks[1]


def test_without_a_generator_the_global_one_decides() -> None:
    """With rng=None the masks follow random.seed, and a copy of the module does not keep a state of its own."""
    state = random.getstate()
    try:
        dropout = copy.deepcopy(nn.Dropout())
        random.seed(3)
        assert [y.data for y in dropout([1.0] * 20)] == [y.data for y in nn.Dropout(rng=3)([1.0] * 20)]
    finally:
        random.setstate(state)


@pytest.mark.parametrize("probability", [-0.1, 1.0, 1.5, float("nan")])
def test_a_probability_out_of_range(probability: float) -> None:
    """A probability that is none, or would leave nothing, is an error."""
    with pytest.raises(ValueError, match=r"the probability of Dropout must be at least 0 and below 1, got"):
        nn.Dropout(probability)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Dropout("0.5"), "the probability of Dropout must be a real number"),  # type: ignore[arg-type]
        (lambda: nn.Dropout(True), "the probability of Dropout must be a real number"),
        (lambda: nn.Dropout(0.5, "0"), "rng must be a random.Random"),  # type: ignore[arg-type]
        (lambda: nn.Dropout(0.5)(Value(1.0)), "the inputs of Dropout must be a list, got"),  # type: ignore[arg-type]
        (lambda: nn.Dropout(0.5)({1.0, 2.0}), "the inputs of Dropout must have an order"),
        (
            lambda: nn.Dropout(0.5)([[1.0], [2.0]]),  # type: ignore[list-item]
            "takes one row .* for several rows write",
        ),
        (lambda: nn.Dropout(0.5)(["1"]), "an entry of the inputs of Dropout must be a real number"),  # type: ignore[list-item]
    ],
)
def test_bad_arguments(make: Any, message: str) -> None:
    """What is no number, no generator or no row is an error that says so."""
    with pytest.raises(TypeError, match=message):
        make()


# ---------------------------------------------------------------- training and not


@dataclass(frozen=True)
class Frozen(nn.Module):
    """A module whose attributes cannot be set."""

    inner: nn.Dropout


def parts(module: nn.Module) -> Iterator[nn.Module]:
    yield module
    for content in vars(module).values():
        for item in (
            content.values() if isinstance(content, dict) else content if isinstance(content, list) else [content]
        ):
            if isinstance(item, nn.Module):
                yield from parts(item)


def test_train_and_eval_reach_every_module() -> None:
    """`train` and `eval` set `training` of a module and of all in its attributes, lists and dicts, and return it."""
    model = Branch(
        first=nn.MLP(2, [3, 1], "prelu", dropout=0.5),
        several=[nn.Dropout(), Branch(deep={"inner": nn.Dropout()})],
        frozen=Frozen(nn.Dropout()),
    )
    everything = list(parts(model))
    assert len(everything) > 12
    assert all(module.training for module in everything)
    assert model.eval() is model
    assert not any(module.training for module in everything)
    assert not model.frozen.inner.training  # type: ignore[attr-defined]
    assert model.train() is model
    assert all(module.training for module in everything)
    assert not any(module.training for module in parts(model.train(False)))
    with pytest.raises(TypeError, match="the mode of train must be True or False, got 1"):
        model.train(1)  # type: ignore[arg-type]
    assert not model.training


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_is_in_training_as_its_model_is(copied: Any) -> None:
    """A copy keeps the mode and the generator: it predicts, or drops the same numbers next."""
    model = nn.MLP(2, [16, 16, 1], "tanh", dropout=0.5, rng=0)
    again = copied(model)
    row = [1.0, -1.0]
    assert [model(row).data for _ in range(3)] == [again(row).data for _ in range(3)]
    assert copied(model.eval())(row).data == model(row).data == model(row).data


def test_the_mode_is_no_part_of_the_state() -> None:
    """The parameters and the repr are the same in training and out of it."""
    model = nn.MLP(2, [3, 1], dropout=0.25, rng=0)
    before = model.state_dict(), repr(model)
    assert (model.eval().state_dict(), repr(model)) == before
    assert repr(model.dropout) == "Dropout(0.25)"
    assert before[1] == "MLP(2, [3, 1], activation='relu', output=None, dropout=0.25)"


# ---------------------------------------------------------------- in a network


@given(st.integers(0, 50))
def test_a_network_drops_the_outputs_of_hidden_neurons_alone(seed: int) -> None:
    """Between two layers each output is dropped or scaled; inputs and the outputs of the network are not."""
    model = nn.MLP(3, [4, 5, 2], "tanh", dropout=0.5, rng=seed)
    row = [Value(x) for x in (0.5, -1.0, 2.0)]
    masked = nn.Masked(model.outputs, row)
    mask = masked.draw(seed)
    assert len(mask) == 9
    hidden: Any = model.layers[0].outputs(row)
    hidden = [x * factor for x, factor in zip(hidden, mask[:4], strict=True)]
    hidden = model.layers[1].outputs(hidden)
    expected = model.layers[2].outputs([x * factor for x, factor in zip(hidden, mask[4:], strict=True)])
    assert [y.data for y in masked(row, mask)] == [y.data for y in expected]


def test_dropout_leaves_the_initial_weights_alone() -> None:
    """With dropout a network starts with the weights that it has without; without, it is as before."""
    plain, dropping = nn.MLP(2, [3, 1], rng=7), nn.MLP(2, [3, 1], rng=7, dropout=0.5)
    assert plain.state_dict() == dropping.state_dict()
    assert plain.dropout is None
    assert repr(plain) == "MLP(2, [3, 1], activation='relu', output=None)"
    assert nn.MLP(weights=[[[1, 2]], [[3]]], dropout=0.5).dropout is not None
    with pytest.raises(ValueError, match="the probability of Dropout must be at least 0 and below 1, got 2"):
        nn.MLP(2, [3, 1], dropout=2)


# ---------------------------------------------------------------- masks as an argument

XS = [[1.0, 2.0], [-1.0, 0.5], [0.0, -2.0], [1.0, 1.0]]
YS = [1.0, -1.0, 0.5, 0.0]


def network() -> nn.MLP:
    return nn.MLP(2, [4, 3, 1], "tanh", dropout=0.5, rng=0)


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_a_lifted_loss_takes_the_mask_as_an_argument(target: str) -> None:
    """With masks as data the lifted loss and its gradient are those on Values, for each mask; none is frozen in."""
    model = network()
    loss = nn.Masked(lambda x, y: square_error(model(x), y), XS[0], YS[0])
    program: Any = lift(loss, model.parameters(), target=target)
    rng, seen = random.Random(0), set()
    for _ in range(3):
        masks = [loss.draw(rng) for _ in XS]
        model.zero_grad()
        losses = [loss(x, y, mask) for x, y, mask in zip(XS, YS, masks, strict=True)]
        for one in losses:
            one.backward(1 / len(XS))
        assert list(program(XS, YS, masks)) == pytest.approx([one.data for one in losses], rel=1e-12)
        value, gradient = program.value_and_grad(XS, YS, masks)
        assert list(gradient) == pytest.approx([parameter.grad for parameter in model.parameters()], rel=1e-12)
        seen.add(float(value))
    assert len(seen) == 3
    plain = [square_error(model.eval()(x), y).data for x, y in zip(XS, YS, strict=True)]
    assert list(program(XS, YS)) == pytest.approx(plain, rel=1e-12)


def test_a_mask_drawn_while_tracing_is_an_error() -> None:
    """A function that would draw a mask cannot be lifted; the error says what to do, and both ways out work."""
    model = network()
    with pytest.raises(TraceError, match=r"a mask that Dropout draws .*; lift nn\.Masked\(function, \*example\).*eval"):
        lift(model, model.parameters())(XS)
    assert len(lift(nn.Masked(model, XS[0]), model.parameters())(XS, [[0.0] * 7] * 4)) == 4
    expected = [model.eval()(x).data for x in XS]
    assert list(lift(model, model.parameters())(XS)) == pytest.approx(expected, rel=1e-12)


def test_an_error_that_is_caught_is_raised_all_the_same() -> None:
    """A function that catches the error and goes on without a mask is refused."""
    model = network()

    def sly(x: Any) -> Value:
        try:
            return model.output(x)
        except TraceError:
            return Value(0.0)

    with pytest.raises(TraceError, match="a mask that Dropout draws"):
        lift(sly, model.parameters())(XS)


@given(st.lists(st.sampled_from([0.0, 2.0]), min_size=7, max_size=7))
def test_called_without_a_mask_nothing_is_dropped(mask: list[float]) -> None:
    """`Masked` is the function itself on an example alone, nothing dropped, though the model stays in training."""
    model = network()
    masked = nn.Masked(model, XS[0])
    assert masked(XS[0]).data == copy.deepcopy(model).eval()(XS[0]).data
    assert model.training
    assert masked(XS[0], mask).data != masked(XS[0]).data == masked(XS[0], [1.0] * 7).data


@pytest.mark.parametrize(("length", "takes"), [(6, "7 or more"), (8, "7"), (3, "4 or more")])
def test_a_mask_that_does_not_fit(length: int, takes: str) -> None:
    """A mask that is too short or too long is an error, eager and lifted: it is not cut, and not filled up."""
    model = network()
    masked = nn.Masked(model, XS[0])
    message = f"the mask has {length} factors, but Dropout takes {takes}$"
    with pytest.raises(ValueError, match=message):
        masked(XS[0], [1.0] * length)
    with pytest.raises(ValueError, match=message):
        lift(masked, model.parameters())(XS, [[1.0] * length] * 4)
    with pytest.raises(TypeError, match=r"a mask must be a list, got 1\.0"):
        masked(XS[0], 1.0)


def test_a_mask_is_as_long_as_what_is_dropped() -> None:
    """A module that is called twice takes two masks; one out of training, or of probability 0, takes none."""
    twice, never, resting = nn.Dropout(0.5), nn.Dropout(0.0), nn.Dropout(0.25).eval()

    def function(x: list[Value]) -> Value:
        return sum(resting(never(twice(twice(x)))))  # type: ignore[return-value]

    masked = nn.Masked(function, [1.0, 2.0])
    assert masked.probabilities == [0.5] * 4
    assert masked([1.0, 2.0], [1.0, 2.0, 1.0, 0.5]).data == 3.0
    assert nn.Masked(lambda x: x, 1.0).draw() == []


def test_a_function_that_differentiates_in_its_arguments_has_masks() -> None:
    """A derivative needs Values, so numbers are dropped from a function that takes no plain ones, too."""
    dropout = nn.Dropout(0.5)

    def slopes(rows: Any) -> Any:
        return sum(grad(sum(dropout([x * x for x in rows[0]]), Value(0.0)), rows[0]))

    masked = nn.Masked(slopes, [[1.0, 2.0, 3.0]])
    assert masked.probabilities == [0.5] * 3
    assert masked([[Value(1.0), Value(2.0), Value(3.0)]], [2.0, 0.0, 2.0]).data == 16.0
    with pytest.raises(TypeError, match="a number is needed"):
        nn.Masked(_refusing, 1.0).draw()


def _refusing(_x: object) -> None:
    raise TypeError("a number is needed")


def test_masks_do_not_leave_their_function() -> None:
    """After a call, also one that fails, and in another context, a Dropout draws its own masks again."""
    dropout = nn.Dropout(0.5, rng=0)
    row = [1.0] * 50

    def failing(x: Any) -> Any:
        dropout(x)
        other = copy_context().copy().run(lambda: [y.data for y in dropout([1.0])])
        raise RuntimeError(other)

    with pytest.raises(RuntimeError):
        nn.Masked(failing, row)(row)
    assert len({y.data for y in dropout(row)}) == 2


def test_dropping_is_not_recorded_without_recording() -> None:
    """Under `no_grad` numbers are dropped, too, and the results are leaves."""
    with no_grad():
        outputs = nn.Dropout(0.5, rng=0)([Value(1.0)] * 50)
    assert {y.data for y in outputs} == {0.0, 2.0}
    assert {y.op for y in outputs} == {None}
