"""Residual and Highway: layers with a way around them."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, draw, flatten, jacobian, nn, tanh, total
from tests.nn.modules import numbers

ROW = st.lists(st.floats(-5, 5), min_size=3, max_size=3)


@given(ROW, st.integers(0, 20))
def test_what_is_read_is_added(row: list[float], seed: int) -> None:
    """The outputs are those of the part plus the inputs, and the Jacobian is that of the part plus the identity."""
    part = nn.Layer(3, 3, "tanh", rng=seed)
    block, values = nn.Residual(part), [Value(x) for x in row]
    assert numbers(block(row)) == [x + y for x, y in zip(row, numbers(part.outputs(row)), strict=True)]
    with_way = np.array(numbers(jacobian(block(values), values)))
    without = np.array(numbers(jacobian(part.outputs(values), values)))
    np.testing.assert_allclose(with_way, without + np.eye(3), rtol=1e-12, atol=1e-14)


def test_parts_of_any_form() -> None:
    """A part may be a function, a layer of one neuron, or read images; what comes out has the form of what goes in."""
    assert numbers(nn.Residual(lambda row: [x * 2 for x in row])([1.0, -2])) == [3.0, -6.0]
    assert nn.Residual(tanh)(0.0).data == 0.0
    one = nn.Residual(nn.Layer(weights=[[3.0]], activation=None))
    assert numbers(one([2.0])) == [8.0]
    image = np.arange(9.0).reshape(1, 3, 3)
    block = nn.Residual(nn.Convolution(weights=[[[0, 0, 0], [0, 1, 0], [0, 0, 0]]], padding=1))
    np.testing.assert_array_equal(numbers(block(image)), 2 * image)


def test_networks_in_networks() -> None:
    """A Sequential may be a part: of images, of rows of a sequence, and of one output, as its layers would be."""
    image = np.arange(9.0).reshape(1, 3, 3)
    same = nn.Convolution(weights=[[[0, 0, 0], [0, 1, 0], [0, 0, 0]]], padding=1)
    np.testing.assert_array_equal(numbers(nn.Residual(nn.Sequential(same, same))(image)), 2 * image)
    assert numbers(nn.Sequential(nn.Sequential(same), flatten)(image)) == list(range(9))
    rows, first, second = [[1.0, 2.0], [3.0, 4.0]], nn.LSTM(2, 2, rng=0), nn.LSTM(2, 2, rng=1)
    nested = nn.Sequential(nn.Sequential(first), second)
    assert numbers(nested(rows)) == numbers(nn.Sequential(first, second)(rows))
    one = nn.Layer(weights=[[3.0]], activation=None)
    assert nn.Sequential(nn.Sequential(one), one)([2.0]).data == 18.0


def test_a_gradient_passes_where_the_layers_let_none_through() -> None:
    """Through 50 layers of relus that are all off a gradient of 1 arrives as 0, and with a way around each as 1."""
    layers = [nn.Layer(weights=[[1.0]], biases=[-100.0]) for _ in range(50)]
    for model, expected in ((nn.Sequential(*layers), 0.0), (nn.Sequential(*map(nn.Residual, layers)), 1.0)):
        x = Value(1.0)
        model.outputs([x])[0].backward()
        assert x.grad == expected


@given(ROW, st.integers(0, 20))
def test_gates_mix_what_is_read_and_what_is_computed(row: list[float], seed: int) -> None:
    """Each output is t h + (1 - t) x, so it lies between the input and the output of the layer."""
    model = nn.Highway(3, "tanh", rng=seed, gate_bias=0.5)
    gates, computed = numbers(model.gate.outputs(row)), numbers(model.layer.outputs(row))
    for y, t, h, x in zip(numbers(model(row)), gates, computed, row, strict=True):
        assert math.isclose(y, t * h + (1 - t) * x, rel_tol=1e-12, abs_tol=1e-14)
        assert min(h, x) - 1e-12 <= y <= max(h, x) + 1e-12


def test_how_the_gates_start() -> None:
    """The biases of the gates start at -2, or as given; those of the layer at 0; the seed decides the weights."""
    model = nn.Highway(4, rng=0)
    assert {neuron.bias.data for neuron in model.gate.neurons} == {-2.0}
    assert {neuron.bias.data for neuron in model.layer.neurons} == {0.0}
    assert {neuron.bias.data for neuron in nn.Highway(4, gate_bias=-4).gate.neurons} == {-4.0}
    assert model.state_dict() == nn.Highway(4, rng=0).state_dict() != nn.Highway(4, rng=1).state_dict()
    weights = [[weight.data for weight in neuron.weights] for neuron in model.layer.neurons]
    assert weights != [[weight.data for weight in neuron.weights] for neuron in model.gate.neurons]


MODULES: list[tuple[Callable[[int], Any], str, Any]] = [
    (
        lambda seed: nn.Residual(nn.Layer(2, 2, "tanh", rng=seed)),
        "Residual(Layer(2, 2, activation='tanh'))",
        [0.5, 1.0],
    ),
    (
        lambda seed: nn.Residual(nn.Convolution(1, 1, 3, padding=1, rng=seed)),
        "Residual(Convolution(1, 1, kernel=3, padding=1, activation='relu'))",
        [[[0.5, 1.0], [0.25, -1.0]]],
    ),
    (lambda seed: nn.Highway(2, "prelu", rng=seed), "Highway(2, activation='prelu')", [0.5, 1.0]),
    (lambda seed: nn.Residual(flatten), "Residual(flatten)", [0.5, 1.0]),
]


@pytest.mark.parametrize(("make", "text", "given_inputs"), MODULES, ids=[text for _, text, _ in MODULES])
def test_it_is_saved_copied_and_drawn(make: Callable[[int], Any], text: str, given_inputs: Any, tmp_path: Path) -> None:
    """It shows itself as code, its state is loaded and pickled, and it is drawn as a box."""
    model, again = make(0), make(1)
    assert repr(model) == text
    model.save(tmp_path / "model.json")
    again.load(tmp_path / "model.json")
    for other in (again, pickle.loads(pickle.dumps(model))):
        assert numbers(other(given_inputs)) == numbers(model(given_inputs))
    source = draw(flatten(model(given_inputs)), collapse="neuron").source
    assert text.partition("(")[0] in source
    total(flatten(model(given_inputs))).backward()
    assert any(parameter.grad for parameter in model.parameters()) == bool(model.parameters())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Residual(3), TypeError, "the part of a Residual must be a module or a function, got 3"),  # type: ignore[arg-type]
        (
            lambda: nn.Residual(lambda row: tuple(row[:1]))([1.0, 2.0]),
            ValueError,
            r"must have one form to be added, got 2 and 1",
        ),
        (
            lambda: nn.Residual(lambda rows: [rows[0], rows[1][:1]])([[1.0, 2.0], [3.0, 4.0]]),
            ValueError,
            r"must have one form to be added, got 2×2 and 2×2 with rows of other lengths",
        ),
        (
            lambda: nn.Residual(nn.Layer(2, 3))([1.0, 2.0]),
            ValueError,
            r"what Residual\(Layer\(2, 3, .*\)\) reads and what its part returns must have one form .*, got 2 and 3",
        ),
        (
            lambda: nn.Residual(nn.MaxPool(2))([[[1.0] * 2] * 2]),
            ValueError,
            "must have one form .*, got 1×2×2 and 1×1×1",
        ),
        (lambda: nn.Residual(lambda x: [x])(1.0), ValueError, "must have one form to be added, got one number and 1"),
        (lambda: nn.Residual(flatten)(["a"]), TypeError, "an input must be a real number, got 'a'"),
        (lambda: nn.Residual(flatten)({1.0}), TypeError, "inputs must have an order, which a set does not have"),
        (nn.Highway, TypeError, r"Highway needs the number of its inputs: Highway\(8\)"),
        (lambda: nn.Highway(0), ValueError, "the number of inputs must be an integer of at least 1, got 0"),
        (lambda: nn.Highway(2, gate_bias="low"), TypeError, "the gate_bias of Highway must be a real number"),  # type: ignore[arg-type]
        (lambda: nn.Highway(2, p=1), TypeError, "Highway has no argument p"),  # type: ignore[arg-type]
        (lambda: nn.Highway(2)([1.0]), ValueError, r"Highway\(2, activation='relu'\) takes 2 inputs, got 1"),
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument or a row that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()
