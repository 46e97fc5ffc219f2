"""The parametric relu: whose slope is learned, and by whom it is shared."""

from __future__ import annotations

import math
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Value, draw, lift, nn, optim, square_error


@given(st.floats(-1e6, 1e6), st.floats(-2, 2))
def test_it_is_x_or_the_slope_times_x(x: float, slope: float) -> None:
    """Its result and both gradients are those of x above 0, and of slope × x elsewhere."""
    activation, at = nn.PReLU(slope), Value(x)
    y = activation(at)
    y.backward()
    expected = (x, 1.0, 0.0) if x > 0 else (slope * x, slope, x)
    assert (y.data, at.grad, activation.slope.grad) == expected


def test_the_slope_starts_at_a_quarter_and_is_a_parameter() -> None:
    """It starts at 0.25, or as given, and is found and trained."""
    assert {name: value.data for name, value in nn.PReLU().named_parameters()} == {"slope": 0.25}
    shared = Value(0.5)
    assert nn.PReLU(shared).slope is shared
    activation = nn.PReLU()
    optimizer = optim.GradientDescent(activation.parameters(), rate=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        square_error(activation(-2.0), 1.0).backward()
        optimizer.step()
    assert math.isclose(activation.slope.data, -0.5, rel_tol=1e-6)
    with pytest.raises(TypeError, match="the slope must be a real number, got '1'"):
        nn.PReLU("1")  # type: ignore[arg-type]


def test_by_name_each_neuron_has_its_own() -> None:
    """By name each neuron has a slope; neurons that are given one PReLU share it, and it is found once."""
    model = nn.MLP(2, [3, 2, 1], "prelu", rng=0)
    names = [name for name, _ in model.named_parameters() if name.endswith("slope")]
    assert names == [f"layers.{i}.neurons.{j}.activation.slope" for i, n in ((0, 3), (1, 2)) for j in range(n)]
    layer = nn.Layer(2, 3, nn.PReLU(), rng=0)
    assert [name for name, _ in layer.named_parameters() if name.endswith("slope")] == ["activation.slope"]
    assert (repr(model.layers[0]), repr(layer)) == (
        "Layer(2, 3, activation='prelu')",
        "Layer(2, 3, activation=PReLU())",
    )
    assert repr(model.layers[0].neurons[0]) == "Neuron(2, activation=PReLU())"
    assert nn.activation_name(nn.PReLU()) == "prelu"
    for one in (model, layer):
        again = pickle.loads(pickle.dumps(one))
        assert again.state_dict() == one.state_dict()
        assert [y.data for y in again.outputs([-1.0, -2.0])] == [y.data for y in one.outputs([-1.0, -2.0])]


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_it_can_be_lifted(target: str) -> None:
    """A network with prelu, lifted, has the loss and the gradient that it has on Values, in the slopes too."""
    model = nn.MLP(2, [4, 3, 1], "prelu", rng=0)
    xs, ys = [[1.0, 2.0], [-1.0, 0.5], [0.0, -2.0]], [1.0, 0.5, -1.0]
    program: Any = lift(lambda x, y: square_error(model(x), y), model.parameters(), target=target)
    scalargrad.mean([square_error(model(x), y) for x, y in zip(xs, ys, strict=True)]).backward()
    _, gradient = program.value_and_grad(xs, ys)
    expected = [parameter.grad for parameter in model.parameters()]
    assert list(gradient) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    slopes = [parameter.grad for name, parameter in model.named_parameters() if name.endswith("slope")]
    assert sum(slope != 0 for slope in slopes) >= 4


@pytest.mark.parametrize("activation", ["prelu", nn.PReLU()], ids=["of each", "shared"])
def test_a_neuron_that_has_one_is_drawn_as_one_box(activation: Any) -> None:
    """Closed, a neuron is a box with its place as its name, even if a slope is shared; open, its PReLU is a frame."""
    outputs = nn.Layer(2, 3, activation, rng=0).outputs([1.0, -1.0])
    closed, frames = (draw(outputs, collapse=how).source for how in ("neuron", "none"))
    assert re.findall(r">(neurons\.\d)<.*>(Neuron.*?)<", closed) == [
        (f"neurons.{i}", "Neuron (PReLU), 15 values hidden") for i in (2, 1, 0)
    ]
    assert frames.count("activation (PReLU)") == 3
