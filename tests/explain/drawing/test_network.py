"""The picture of a network shows its neurons and weights, with sign and size, and says what it leaves out."""

from __future__ import annotations

import re

import pytest

from scalargrad import Value, draw_network, nn
from scalargrad.explain.drawing.render import Drawing


def lines(drawing: Drawing) -> dict[str, dict[str, str]]:
    """The attributes of each weight's line in the DOT text, by its id."""
    found = {}
    for edge in re.findall(r"-> \w+ \[(.*)\]", drawing.source):
        attributes = {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', edge)}
        found[attributes["id"]] = attributes
    return found


def test_there_is_a_line_for_each_weight_and_a_circle_for_each_neuron() -> None:
    """A 3-4-2 network has 3 inputs, 6 neurons and 20 weights, each with its number in full at hand."""
    model = nn.MLP(3, [4, 2], "tanh", rng=0)
    drawing = draw_network(model)
    weights = {
        f"weight_neuron{i}_{row}_{'input' if i == 0 else f'neuron{i - 1}_'}{source}": weight.data
        for i, layer in enumerate(model.layers)
        for row, neuron in enumerate(layer.neurons)
        for source, weight in enumerate(neuron.weights)
    }
    assert lines(drawing).keys() == weights.keys()
    for name, weight in weights.items():
        assert drawing.titles[name].startswith(f"weight {weight!r} from ")
    circles = [name for name in drawing.titles if name.startswith(("input", "neuron"))]
    assert len(circles) == 9
    assert "3 inputs" in drawing.source
    assert "tanh" in drawing.source
    assert "linear" in drawing.source


def test_a_line_says_the_weights_sign_and_size() -> None:
    """Colour and dashes tell the sign, thickness the size beside the largest; what is not finite stands out."""
    neuron = nn.Neuron(5, rng=0)
    for weight, number in zip(neuron.weights, (2.0, -1.0, 0.0, float("nan"), float("inf")), strict=True):
        weight.data = number
    found = [lines(draw_network(neuron))[f"weight_neuron0_0_input{i}"] for i in range(5)]
    assert [line["style"] for line in found[:3]] == ["solid", "dashed", "solid"]
    assert len({line["color"][:7] for line in found[:3]}) == 3
    assert [float(line["penwidth"]) for line in found[:3]] == [4.0, 2.2, 0.4]
    assert found[3]["color"] == found[4]["color"]
    assert found[3]["color"] not in {line["color"] for line in found[:3]}


def test_a_long_column_shows_its_ends_and_says_how_many_lie_between() -> None:
    """Of 256 inputs 16 are drawn, and 240 counted; no line leads to one that is not drawn."""
    drawing = draw_network(nn.Layer(256, 12, "sigmoid", rng=0))
    assert drawing.titles["between0"] == "240 more"
    assert "240 more" in drawing.pipe("svg", encoding="utf-8")
    assert len(lines(drawing)) == 16 * 12
    assert len(lines(draw_network(nn.Layer(256, 12, "sigmoid", rng=0), limit=3))) == 3 * 3


def test_it_renders() -> None:
    """All circles of one column stand on one line, one column beside the other."""
    picture = draw_network(nn.MLP(2, [3, 1], rng=0)).pipe("svg", encoding="utf-8")
    places: dict[str, set[str]] = {}
    for name, x in re.findall(
        r'<g id="(input|neuron0|neuron1)\w*" class="node">.*?<ellipse [^>]*cx="(\S+)"', picture, re.S
    ):
        places.setdefault(name, set()).add(x)
    assert [len(found) for found in places.values()] == [1, 1, 1]
    (left,), (middle,), (right,) = (places[name] for name in ("input", "neuron0", "neuron1"))
    assert float(left) < float(middle) < float(right)


@pytest.mark.parametrize("model", [None, Value(1.0), nn.Module(), [nn.Layer(2, 2)]])
def test_what_is_no_network_is_refused(model: object) -> None:
    """Anything but an MLP, a Layer or a Neuron is an error that says what it was."""
    with pytest.raises(TypeError, match="a network to draw is an MLP, a Layer or a Neuron, got"):
        draw_network(model)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("limit", [1, 0, 2.5, True])
def test_a_limit_is_two_or_more(limit: int) -> None:
    """There are two ends to show."""
    with pytest.raises(ValueError, match="limit must be an integer of at least 2"):
        draw_network(nn.Neuron(2, rng=0), limit=limit)
