"""Maxout, whose outputs are each the largest of several weighted sums; relu is a special case."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalargrad import Constant, Value, draw_network, lift, nn, square_error

MODERATE = st.floats(-100, 100)
THREE = st.lists(MODERATE, min_size=3, max_size=3)


@given(THREE, st.integers(1, 4), st.integers(1, 4), st.integers(0, 100))
def test_each_output_is_the_largest_of_its_sums(row: list[float], outputs: int, pieces: int, seed: int) -> None:
    """An output is what numpy gives for the maximum of its weighted sums."""
    layer = nn.Maxout(3, outputs, pieces, rng=seed)
    weights = np.array([[weight.data for weight in neuron.weights] for neuron in layer.neurons])
    expected = (weights @ np.array(row)).reshape(outputs, pieces).max(axis=1)
    np.testing.assert_allclose([y.data for y in layer.outputs(row)], expected, rtol=1e-12, atol=1e-12)
    assert (layer.n_inputs, layer.n_outputs, layer.pieces) == (3, outputs, pieces)
    assert len(layer.parameters()) == 4 * outputs * pieces


def of_relu(weights: list[float], bias: float) -> nn.Maxout:
    """A maxout whose second piece is 0, which is not trained."""
    zero = Constant(0.0)
    return nn.Maxout(weights=[[weights, [zero] * len(weights)]], biases=[[bias, zero]])


@given(THREE, THREE, MODERATE)
def test_relu_is_a_special_case(row: list[float], weights: list[float], bias: float) -> None:
    """With a second piece that is 0 the output and all gradients are those of a relu neuron, except at its kink."""
    maxout, neuron = of_relu(weights, bias), nn.Neuron(weights=weights, bias=bias, activation="relu")
    assert len(maxout.parameters()) == len(neuron.parameters()) == 4
    inputs, same = [Value(x) for x in row], [Value(x) for x in row]
    first, second = maxout.output(inputs), neuron(same)
    assert first.data == second.data
    assume(nn.Neuron(weights=weights, bias=bias, activation=None)(row).data != 0)
    first.backward()
    second.backward()
    assert [x.grad for x in (*inputs, *maxout.parameters())] == [x.grad for x in (*same, *neuron.parameters())]


def test_relu_at_its_kink() -> None:
    """Where both pieces are equal each has half of the gradient; relu has 0 there."""
    x = Value(0.0)
    of_relu([1.0], 0.0).output([x]).backward()
    assert x.grad == 0.5


@given(st.floats(-10, 10))
def test_the_absolute_value_is_another(x: float) -> None:
    """Pieces x and -x make the absolute value: the activation is learned, and not only relu."""
    assert nn.Maxout(weights=[[[1], [-1]]]).output([x]).data == abs(x)


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_it_can_be_lifted(target: str) -> None:
    """A network with maxout, lifted, has the loss and the gradient that it has on Values."""
    model = nn.MLP(2, [4, 3, 2], "maxout", rng=0)
    xs, ys = [[1.0, 2.0], [-1.0, 0.5], [0.0, -2.0]], [[1.0, 0.0], [0.5, 1.0], [-1.0, 0.0]]
    program: Any = lift(lambda x, y: square_error(model.outputs(x), y), model.parameters(), target=target)
    losses = [square_error(model.outputs(x), y) for x, y in zip(xs, ys, strict=True)]
    for loss in losses:
        loss.backward(1 / 3)
    value, gradient = program.value_and_grad(xs, ys)
    assert value == pytest.approx(sum(loss.data for loss in losses) / 3, rel=1e-12)
    expected = [parameter.grad for parameter in model.parameters()]
    assert list(gradient) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert any(expected)


def test_a_network_with_maxout_by_name() -> None:
    """In an MLP the name stands for layers of two pieces, hidden or the last; it is saved and copied as others."""
    model = nn.MLP(2, [4, 3, 1], "maxout", "maxout", rng=0)
    assert repr(model) == "MLP(2, [4, 3, 1], activation='maxout', output='maxout')"
    assert [repr(layer) for layer in model.layers] == [
        "Maxout(2, 4, pieces=2)",
        "Maxout(4, 3, pieces=2)",
        "Maxout(3, 1, pieces=2)",
    ]
    other = nn.MLP(2, [4, 3, 1], "maxout", "maxout", rng=1)
    other.load_state_dict(model.state_dict())
    again = pickle.loads(pickle.dumps(model))
    assert model([1.0, -1.0]).data == other([1.0, -1.0]).data == again([1.0, -1.0]).data
    given_weights = nn.MLP(weights=[[[[1], [-1]]], [[2]]], biases=[[[0, 1]], [3]], activation="maxout")
    assert given_weights([0.25]).data == 2 * max(0.25, 1 - 0.25) + 3


SPLITS = [(outputs, pieces) for outputs in (1, 2, 3, 6) for pieces in (1, 2, 3, 6) if outputs * pieces == 6]


@pytest.mark.parametrize("own", SPLITS)
@pytest.mark.parametrize("other", SPLITS)
def test_a_state_says_how_it_is_split(own: tuple[int, int], other: tuple[int, int]) -> None:
    """A state of as many numbers in other pieces is refused, and changes nothing; one of the same split is loaded."""
    layer, state = nn.Maxout(2, *own, rng=0), nn.Maxout(2, *other, rng=1).state_dict()
    before = layer.state_dict()
    assert len(before) == len(state) == 18
    if own == other:
        layer.load_state_dict(state)
        assert layer.state_dict() == state != before
    else:
        with pytest.raises(ValueError, match="the state does not fit the model"):
            layer.load_state_dict(state)
        assert layer.state_dict() == before


def test_pieces_are_replaced_together() -> None:
    """The neurons of a maxout can be replaced as those of a layer; one by one they are those of its units."""
    first, second = nn.Maxout(1, 2, 2, rng=0), nn.Maxout(1, 2, 2, rng=1)
    first.neurons = second.neurons
    assert first.outputs([2.0])[0].data == second.outputs([2.0])[0].data
    assert list(first.neurons) == [piece for unit in first.units for piece in unit]
    with pytest.raises(TypeError, match="item assignment"):
        first.neurons[0] = second.neurons[0]  # type: ignore[index]  # this is the mistake


def test_a_signal_keeps_its_size() -> None:
    """Through five layers of maxout the mean square of a signal stays within a factor of 20."""
    model = nn.MLP(48, [48] * 5, "maxout", "maxout", rng=0)
    row = [math.sin(3.0 * i) for i in range(48)]
    outputs = [y.data for y in model(row)]
    assert 1 / 20 < sum(y * y for y in outputs) / sum(x * x for x in row) < 20


def test_the_picture_of_a_network_has_a_line_from_each_piece() -> None:
    """The weight for an output of a maxout is drawn from each of its pieces, and from no others."""
    model = nn.MLP(weights=[[[[1], [-1]], [[2], [-2]]], [[5, -7]]], activation="maxout")
    source = draw_network(model).source
    lines = {line.split(" [")[0].strip() for line in source.splitlines() if " -- " in line or " -> " in line}
    ends = [tuple(line.replace("--", "->").split(" -> ")) for line in lines]
    assert {end for end in ends if end[1] == "neuron1_0"} == {(f"neuron0_{i}", "neuron1_0") for i in range(4)}
    assert "maxout of 2" in source


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (nn.Maxout, TypeError, "Maxout needs the numbers of its inputs and outputs, or its weights"),
        (lambda: nn.Maxout(2), TypeError, "Maxout needs the numbers of its inputs and outputs, or its weights"),
        (lambda: nn.Maxout(2, 3, 0), ValueError, "the number of pieces must be an integer of at least 1, got 0"),
        (lambda: nn.Maxout(2, 0), ValueError, "a layer's size must be an integer of at least 1, got 0"),
        (lambda: nn.Maxout(0, 2), ValueError, "the number of inputs must be"),
        (lambda: nn.Maxout(weights=[]), ValueError, "the weights of Maxout must have as many pieces .*, got none"),
        (lambda: nn.Maxout(weights=[[]]), ValueError, "as many pieces for each output, got 0"),
        (lambda: nn.Maxout(weights=[[[1]], [[1], [2]]]), ValueError, "as many pieces for each output, got 1, 2"),
        (lambda: nn.Maxout(pieces=3, weights=[[[1], [2]]]), ValueError, "must have 3 pieces for each output, got 2"),
        (lambda: nn.Maxout(1, 2, weights=[[[1]]]), ValueError, "must be a list for each of 2 outputs, got 1"),
        (lambda: nn.Maxout(1, 1, biases=[[1]]), ValueError, "the biases of Maxout must have 2 pieces .*, got 1"),
        (lambda: nn.Maxout(1, 2, biases=[[1, 2]]), ValueError, "the biases of Maxout must be a list for each of 2 out"),
        (lambda: nn.Maxout(2, weights=[[[1]]]), ValueError, "Neuron has 2 inputs, got 1 weight"),
        (lambda: nn.Maxout(weights=[[1, 2]]), TypeError, "a row of weights must be a list, got 1"),  # type: ignore[list-item]
        (lambda: nn.Maxout(weights=[[[1]]], rng=0), TypeError, "Maxout takes its weights, or rng and initial to draw"),
        (lambda: nn.Maxout(2, 3, nonlin=True), TypeError, "Maxout has no argument nonlin"),  # type: ignore[arg-type]
        (
            lambda: nn.Neuron(2, "maxout"),
            ValueError,
            "'maxout' is a kind of layer, not an activation of a neuron: use nn.Maxout",
        ),
        (
            lambda: nn.Layer(2, 3, "maxout"),
            ValueError,
            "'maxout' is a kind of layer, not an activation of a neuron: use nn.Maxout",
        ),
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()
