"""What is read of layers: which modules are layers, and the sizes, the dead and the saturated in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from scalargrad import Value, nn, relu, sigmoid, total
from scalargrad.optim import layers as layers_module
from scalargrad.optim.layers import Reading, read_layers

ROWS = [[0.5, -1.0], [1.0, 2.0], [-0.25, 0.75]]


def reading_of(model: Any, rows: Sequence[Sequence[float]] = ROWS) -> Reading:
    """What is read of a model whose loss is the sum of its outputs."""
    return read_layers(lambda x: summed(model(x)), [[row] for row in rows], set(model.parameters()))


def summed(outputs: Any) -> Value:
    """The sum of one output or several."""
    return outputs if isinstance(outputs, Value) else total(outputs)


def found_in(model: Any) -> list[str]:
    """The layers of a model."""
    return [layer.name.partition("(")[0] for layer in reading_of(model).layers]


class Residual(nn.Module):
    """Layers with arithmetic between them, one of them called twice."""

    def __init__(self) -> None:
        self.first, self.second = nn.Layer(2, 2, "tanh", rng=0), nn.Layer(2, 2, "tanh", rng=1)

    def __call__(self, inputs: Sequence[float]) -> list[Value]:
        h = self.first(inputs)
        for _ in range(2):
            h = [x + 2.0 * y for x, y in zip(h, self.second([3.0 * x for x in h]), strict=True)]
        return self.mark(h, inputs)


class ByHand(nn.Module):
    """A user's layer: neurons side by side, and an activation that is not the last operation."""

    def __init__(self, function: Callable[[Value], Value], biases: Sequence[float]) -> None:
        self.neurons = [nn.Neuron(weights=[1.0, 0.0], bias=bias, activation=None) for bias in biases]
        self._function = function

    def __call__(self, inputs: Sequence[float]) -> list[Value]:
        return self.mark([0.5 * self._function(neuron(inputs)) for neuron in self.neurons], inputs)


# ---------------------------------------------------------------- which modules are layers


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        (nn.MLP(2, [3, 3, 1], rng=0), ["Layer"] * 3),
        (nn.MLP(2, [3], rng=0), ["Layer"]),
        (nn.MLP(2, [3, 2], output="softmax", rng=0), ["Layer"] * 2),
        (nn.Neuron(2, rng=0), ["Neuron"]),
        (ByHand(relu, [0.0, 1.0]), ["ByHand"]),
        (Residual(), ["Layer"] * 3),
    ],
    ids=lambda given: repr(given) if isinstance(given, nn.Module) else "",
)
def test_layers_stand_side_by_side_or_one_after_another(model: Any, layers: list[str]) -> None:
    """A network is taken apart as far as its parts read one another; each call counts, in order."""
    assert found_in(model) == layers
    reading = reading_of(model).layers
    assert [layer.place for layer in reading] == list(range(1, len(layers) + 1))
    assert [layer.is_hidden for layer in reading] == [True] * (len(layers) - 1) + [False]


def test_without_marks_there_are_no_layers() -> None:
    """A loss of plain Values has no layers, and its nodes are counted."""
    weight = Value(2.0)
    reading = read_layers(lambda x: weight * x + 1.0, [[1.0], [2.0]], {weight})
    assert reading == Reading([], [], 5)


def test_a_layer_that_an_example_does_not_use_is_left_out_there() -> None:
    """Where the graph differs from example to example, each layer is measured where it takes part."""
    layer = nn.Layer(weights=[[2.0]], activation=None)
    reading = read_layers(lambda x: summed(layer([x])) if x > 0 else layer.neurons[0].bias * x, [[1.0], [-1.0]], set())
    assert (reading.layers[0].outputs, reading.layers[0].gradient) == (2.0, 1.0)


# ---------------------------------------------------------------- what is measured


def test_sizes_are_those_of_outputs_and_their_gradients() -> None:
    """Outputs and gradients have their root mean squares, as backward gives them; no parameter's gradient changes."""
    model = nn.MLP(2, [3, 2], "tanh", rng=0)
    reading = reading_of(model)
    outputs: list[float] = []
    gradients: list[float] = []
    for row in ROWS:
        hidden = model.layers[0](row)
        summed(model.layers[1](hidden)).backward()
        outputs += [h.data for h in hidden]
        gradients += [h.grad for h in hidden]
    count = len(outputs)
    first = reading.layers[0]
    assert first.outputs == pytest.approx(math.sqrt(sum(x * x for x in outputs) / count), rel=1e-14)
    assert first.gradient == pytest.approx(math.sqrt(sum(x * x for x in gradients) / count), rel=1e-14)
    before = [parameter.grad for parameter in model.parameters()]
    reading_of(model)
    assert [parameter.grad for parameter in model.parameters()] == before


def test_a_relu_is_dead_that_is_0_on_every_example() -> None:
    """One that is above 0 on a single example is alive; nothing else counts as a relu."""
    layer = ByHand(relu, [-2.0, -0.75, 5.0, -1.0])  # of inputs 0.5, 1, -0.25
    reading = reading_of(layer).layers[0]
    assert (reading.relus, reading.dead, reading.sigmoids, reading.saturated) == (4, 2, 0, 0.0)
    assert (reading_of(nn.MLP(2, [3, 1], "leaky_relu", rng=0)).layers[0].relus) == 0
    assert (reading_of(nn.MLP(2, [3, 1], "exp", rng=0)).layers[0].relus) == 0


def test_a_sigmoid_is_saturated_on_its_flat_ends() -> None:
    """The part of all outputs of bounded operations whose slope is below 0.01."""
    layer = ByHand(sigmoid, [4.0, 4.7])  # plus inputs 0.5, 1, -0.25; 0.01 is the slope at 4.585
    assert reading_of(layer).layers[0].saturated == pytest.approx(3 / 6)
    assert reading_of(layer).layers[0].sigmoids == 2
    assert reading_of(layer).layers[0].relus == 0


def test_neurons_are_copies_that_give_the_same_numbers() -> None:
    """Neurons with the same weights are copies; those that differ but are all dead are none, nor is a single one."""
    same, other = [1.0, 2.0], [1.0, 2.5]
    assert reading_of(nn.Layer(weights=[same, same, same])).layers[0].copies == 3
    assert reading_of(nn.Layer(weights=[same, same, other])).layers[0].copies == 0
    assert reading_of(nn.Layer(weights=[same, other], biases=[-9.0, -9.0])).layers[0].copies == 0
    assert reading_of(nn.Layer(weights=[same])).layers[0].copies == 0
    assert reading_of(nn.Layer(weights=[[0.0, 0.0]] * 2)).layers[0].copies == 2


def test_inputs_have_the_size_of_what_is_not_0() -> None:
    """The first layer's inputs have their root mean squares, zeros apart; parameters among them are left out."""
    model = nn.MLP(3, [2, 1], rng=0)
    extra = Value(7.0)
    rows = [[300.0, 0.0], [-400.0, 0.25], [0.0, 0.0]]
    variables = {extra, *model.parameters()}
    reading = read_layers(lambda x: model([x[0], x[1], extra]), [[row] for row in rows], variables)
    assert reading.inputs == pytest.approx([math.sqrt(125000), 0.25])


def test_of_large_graphs_fewer_examples_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of nodes it stops, but not before eight examples."""
    model = nn.Neuron(1, "exp", rng=0)
    read: list[float] = []

    def loss(x: float) -> Value:
        read.append(x)
        return model([x])

    read_layers(loss, ([float(i)] for i in range(100)), set())
    assert len(read) == 100
    read.clear()
    monkeypatch.setattr(layers_module, "BUDGET", 1)
    read_layers(loss, ([float(i)] for i in range(100)), set())
    assert len(read) == 8
