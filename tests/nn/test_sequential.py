"""Sequential: modules and functions one after another."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalargrad import Value, draw, flatten, lift, nn, square_error
from scalargrad.engine.graph import topological_order
from scalargrad.explain.walk.modules import named_leaves


def test_each_reads_what_the_one_before_returns() -> None:
    """A network put together has the outputs and gradients, to the bit, of the same calls written one by one."""
    convolution, last = nn.Convolution(1, 2, 3, rng=0), nn.Layer(8, 3, None, rng=1)
    model = nn.Sequential(convolution, nn.MaxPool(2), flatten, last)
    image = np.random.default_rng(0).normal(size=(6, 6))
    outputs = model.outputs(image)
    by_hand = last.outputs(flatten(nn.MaxPool(2)(convolution(image))))
    assert [y.data for y in outputs] == [y.data for y in by_hand] == [y.data for y in model(image)]
    square_error(outputs, [1.0, 0.0, -1.0]).backward()
    first = [p.grad for p in model.parameters()]
    model.zero_grad()
    square_error(by_hand, [1.0, 0.0, -1.0]).backward()
    assert [p.grad for p in model.parameters()] == first
    assert model.parameters() == convolution.parameters() + last.parameters()
    assert next(iter(model.state_dict())) == "layers.0.filters.0.weights.0.0.0"


def test_one_output_is_a_value_at_the_end_and_a_list_between() -> None:
    """A layer of one neuron between others gives a list to the next; at the end its Value comes alone."""
    model = nn.Sequential(nn.Layer(2, 1, "tanh", rng=0), nn.Layer(1, 2, "tanh", rng=0), nn.MLP(2, [1], rng=0))
    row = [0.5, -1.0]
    assert isinstance(model(row), Value)
    assert [type(y) for y in model.outputs(row)] == [Value]
    assert model.output(row).data == model(row).data == model.outputs(row)[0].data
    several = nn.Sequential(nn.Layer(2, 2, rng=0))
    assert len(several(row)) == 2
    with pytest.raises(ValueError, match="has 2 outputs: call its method outputs"):
        several.output(row)
    total_of = nn.Sequential(nn.Layer(2, 2, rng=0), lambda ys: ys[0] + ys[1])
    assert total_of.output(row).data == total_of(row).data
    image = nn.Sequential(nn.MaxPool(2), nn.Convolution(1, 1, 1, rng=0))
    assert len(image([[1.0, 2.0], [3.0, 4.0]])[0]) == 1
    with pytest.raises(TypeError, match="returns no row of outputs: call it, or end it with flatten and a Layer"):
        image.outputs([[1.0, 2.0], [3.0, 4.0]])


INPUTS: list[tuple[str, nn.Sequential, Any, int]] = [
    ("numbers", nn.Sequential(nn.Layer(2, 2, rng=0), nn.Layer(2, 1, rng=0)), [1.0, 2.0], 2),
    ("integers", nn.Sequential(nn.MLP(2, [2], rng=0)), [1, 2], 2),
    ("Values", nn.Sequential(nn.Layer(2, 2, rng=0)), [Value(1.0), Value(2.0)], 2),
    ("an image", nn.Sequential(flatten, nn.Layer(4, 2, rng=0)), [[1.0, 2.0], [3.0, 4.0]], 4),
    ("an array", nn.Sequential(nn.Convolution(1, 1, 2, rng=0), flatten), np.ones((2, 2)), 4),
    ("an index", nn.Sequential(nn.Embedding(3, 2, rng=0), nn.Layer(2, 2, rng=0)), 1, 0),
    ("another", nn.Sequential(nn.Sequential(nn.LayerNorm(2)), nn.Layer(2, 1, rng=0)), [1.0, 2.0], 2),
    ("a function", nn.Sequential(lambda x: [Value(2.0) * y for y in x]), [1.0, 2.0], 0),
]


@pytest.mark.parametrize(("model", "given", "count"), [case[1:] for case in INPUTS], ids=[kind for kind, *_ in INPUTS])
def test_a_picture_tells_inputs_from_parameters(model: nn.Sequential, given: Any, count: int) -> None:
    """What it is called on is drawn as x1, x2, … outside its box, however it is given; parameters have their names."""
    outputs = model.outputs(given)
    names = named_leaves([*dict.fromkeys(node for y in outputs for node in topological_order(y))])
    assert sorted(names.inputs.values()) == [f"x{i + 1}" for i in range(count)]
    assert all(name.startswith("layers.") for name in names.parameters.values())
    source = draw(outputs, collapse="none").source
    assert "Sequential" in source
    assert source.count("input ") == count


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_it_can_be_lifted(target: str) -> None:
    """Lifted, it has the outputs that it has on Values, for each example."""
    model = nn.Sequential(nn.Convolution(1, 2, 2, rng=0), nn.AveragePool(2), flatten, nn.MLP(2, [3, 2], rng=0))
    images = np.random.default_rng(0).normal(size=(3, 3, 3)).tolist()
    outputs = lift(model, model.parameters(), target=target)(images)
    for row, image in zip(outputs, images, strict=True):
        assert list(row) == pytest.approx([y.data for y in model(image)], rel=1e-12)


def test_it_is_saved_copied_and_put_out_of_training(tmp_path: Path) -> None:
    """It shows itself as code, its state is loaded and pickled, and the modules in it follow `eval`."""
    model = nn.Sequential(nn.Layer(2, 4, rng=0), nn.Dropout(0.5, rng=0), flatten, nn.Layer(4, 1, None, rng=0))
    text = "Sequential(Layer(2, 4, activation='relu'), Dropout(0.5), flatten, Layer(4, 1, activation=None))"
    assert repr(model) == text
    model.save(tmp_path / "model.json")
    again = nn.Sequential(nn.Layer(2, 4, rng=1), nn.Dropout(0.5, rng=0), flatten, nn.Layer(4, 1, None, rng=1))
    again.load(tmp_path / "model.json")
    outputs = {m.eval()([1.0, 2.0]).data for m in (model, again, pickle.loads(pickle.dumps(model)))}
    assert len(outputs) == 1
    assert not any(getattr(layer, "training", False) for layer in model.layers)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (nn.Sequential, ValueError, "Sequential needs at least one layer, got none"),
        (lambda: nn.Sequential([nn.MaxPool(2)]), TypeError, r"takes its layers one by one: Sequential\(\*layers\)"),  # type: ignore[arg-type]
        (lambda: nn.Sequential("relu"), TypeError, "a layer of Sequential must be a module or a function, got 'relu'"),  # type: ignore[arg-type]
        (
            lambda: nn.Sequential(flatten, nn.Layer(3, 1))([[1.0, 2.0]]),
            ValueError,
            r"Layer\(3, 1, .* takes 3 inputs",
        ),
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """Layers that make no sense are refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()
