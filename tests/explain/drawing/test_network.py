"""The picture of a network shows its neurons and weights, with sign and size, and says what it leaves out."""

from __future__ import annotations

import itertools
import math
import re

import pytest

from scalargrad import Value, draw_network, flatten, nn, square_error
from scalargrad.explain.drawing.render import Drawing
from scalargrad.explain.names import numeral
from tests.explain.drawing.test_picture import shown


def lines(drawing: Drawing) -> dict[str, dict[str, str]]:
    """The attributes of each weight's line in the DOT text, by its id."""
    attributes_of = {}
    for edge in re.findall(r"-> \w+ \[(.*)\]", drawing.source):
        attributes = {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', edge)}
        attributes_of[attributes["id"]] = attributes
    return attributes_of


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
    assert len([name for name in drawing.titles if name.startswith(("input", "neuron"))]) == 9
    assert "3 inputs" in drawing.source
    assert "tanh" in drawing.source
    assert "linear" in drawing.source


def test_a_line_says_the_weights_sign_and_size() -> None:
    """Colour and dashes tell the sign, thickness the size beside the largest; what is not finite stands out."""
    neuron = nn.Neuron(5, rng=0)
    for weight, number in zip(neuron.weights, (2.0, -1.0, 0.0, float("nan"), float("inf")), strict=True):
        weight.data = number
    strokes = [lines(draw_network(neuron))[f"weight_neuron0_0_input{i}"] for i in range(5)]
    assert [line["style"] for line in strokes[:3]] == ["solid", "dashed", "solid"]
    assert len({line["color"][:7] for line in strokes[:3]}) == 3
    assert [float(line["penwidth"]) for line in strokes[:3]] == [4.0, 2.2, 0.4]
    assert strokes[3]["color"] == strokes[4]["color"]
    assert strokes[3]["color"] not in {line["color"] for line in strokes[:3]}


def test_a_long_column_shows_its_ends_and_says_how_many_lie_between() -> None:
    """Of 256 inputs 16 are drawn, and 240 counted; no line leads to one that is not drawn."""
    drawing = draw_network(nn.Layer(256, 12, "sigmoid", rng=0))
    assert drawing.titles["between0"] == "240 more"
    assert "240 more" in drawing.pipe("svg", encoding="utf-8")
    assert len(lines(drawing)) == 16 * 12
    assert len(lines(draw_network(nn.Layer(256, 12, "sigmoid", rng=0), limit=3))) == 3 * 3


def numbers(drawing: Drawing) -> dict[str, tuple[float, float]]:
    """Where the number of each weight stands in the DOT text, by the id of its line."""
    at = re.findall(r'number_(\w+) \[.*pos="([-\d.]+),([-\d.]+)!"', drawing.source)
    return {f"weight_{name}": (float(x), float(y)) for name, x, y in at}


@pytest.mark.parametrize(
    "sizes", [(1, [1]), (2, [8, 2]), (3, [4, 4, 1]), (16, [1]), (2, [16, 16]), (5, [5, 3]), (40, [2])]
)
def test_a_line_has_the_number_of_its_weight_or_the_caption_says_why_not(sizes: tuple[int, list[int]]) -> None:
    """A layer has a number on each line, none within a line of text of another; or it has none and says so."""
    model = nn.MLP(*sizes, rng=0)
    drawing = draw_network(model, limit=20)
    shown_numbers = numbers(drawing)
    for i, layer in enumerate(model.layers):
        ids = [name for name in lines(drawing) if name.startswith(f"weight_neuron{i}_")]
        caption = drawing.source[drawing.source.index(f"caption{i + 1} ") :].partition("\n")[0]
        places = sorted((shown_numbers[name][1], shown_numbers[name][0]) for name in ids if name in shown_numbers)
        assert ("too many weights for numbers" in caption) == (not places)
        assert len(places) in {0, len(ids)}
        assert bool(places) == (min(layer.neurons[0].n_inputs, len(layer.neurons)) <= 4)
        assert all(after - before >= 12 for (before, _), (after, _) in itertools.pairwise(places))
        assert all(i * 320 + 60 < x < (i + 1) * 320 - 60 for _, x in places)  # clear of the circles


def test_the_number_on_a_line_is_its_weight_rounded() -> None:
    """It has the digits of every view, and the title has all."""
    drawing = draw_network(nn.Neuron(weights=[1 / 3, -2], bias=1), [1.0, 1.0])
    texts = shown(drawing.fragment())
    assert [texts[f"number_neuron0_0_input{i}"] for i in range(2)] == [["0.3333"], ["-2.0"]]
    assert drawing.titles["number_neuron0_0_input0"] == f"weight {1 / 3!r} from x1 to the neuron"
    assert texts["name_neuron0_0"] == ["bias 1.0"]
    assert circles(drawing)["neuron0_0"] == ["output", "0.0"]


def circles(drawing: Drawing) -> dict[str, list[str]]:
    """The texts in each circle, by its id, as the picture has them."""
    texts_of = shown(drawing.fragment())
    return {name: texts for name, texts in texts_of.items() if re.fullmatch(r"(input|neuron\d_)\d+", name)}


def test_a_circle_says_what_its_number_is() -> None:
    """Without inputs a number is a bias, and the circle says so; inputs count from x1, neurons as their layer does."""
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    model.layers[0].neurons[1].bias.data = 0.123456
    drawing = draw_network(model)
    discs = circles(drawing)
    assert discs["input0"] == ["x1"]
    assert discs["input1"] == ["x2"]
    assert discs["neuron0_1"] == ["bias", "0.1235"]
    assert drawing.titles["neuron0_1"] == "layers.0.neurons.1: bias 0.123456"
    assert shown(drawing.fragment())["name_neuron0_1"] == ["neurons.1"]
    assert shown(drawing.fragment())["caption1"] == ["layers.0", "2 neurons", "tanh"]
    assert drawing.titles["weight_neuron1_0_neuron0_1"].endswith("from layers.0.neurons.1 to layers.1.neurons.0")


@pytest.mark.parametrize(
    "model",
    [nn.MLP(2, [3, 2], "tanh", rng=0), nn.Layer(2, 3, "softmax", rng=0), nn.Layer(2, 1, rng=0), nn.Neuron(2, rng=0)],
)
def test_inputs_show_the_forward_pass(model: nn.MLP | nn.Layer | nn.Neuron) -> None:
    """With a row of inputs, plain numbers or Values, each circle shows an output; the last column is the result."""
    made = model([0.5, -1.5])
    outputs = made if isinstance(made, list) else [made]
    drawing = draw_network(model, [0.5, Value(-1.5)])
    discs = circles(drawing)
    assert [discs["input0"], discs["input1"]] == [["x1", "0.5"], ["x2", "-1.5"]]
    last = max(name for name in discs if name.startswith("neuron"))[: len("neuron0_")]
    assert [discs[f"{last}{i}"] for i in range(len(outputs))] == [["output", numeral(y.data)] for y in outputs]
    assert shown(drawing.fragment())[f"name_{last}0"][-1] == "bias 0.0"


def test_a_sequential_of_layers_is_drawn_as_the_network_that_it_is() -> None:
    """Layers and networks one after another are drawn as one network of them; only their paths differ."""
    model, row = nn.MLP(2, [3, 2, 1], "tanh", rng=0), [0.5, -1.0]
    whole = nn.Sequential(model.layers[0], nn.Sequential(model.layers[1]), nn.MLP(2, [1], rng=0))
    whole.layers[2].layers = [model.layers[2]]  # type: ignore[union-attr]  # it is the MLP
    paths = {"layers.1": "layers.1.layers.0", "layers.2": "layers.2.layers.0"}
    expected = re.sub(r"layers\.[12]", lambda path: paths[path[0]], draw_network(model, row).source)
    assert draw_network(whole, row).source == expected


def test_the_pieces_of_a_maxout_show_the_output_that_they_share() -> None:
    """Each output is the largest of its pieces: all their circles show it, and the caption says how many they are."""
    layer = nn.Maxout(weights=[[[1.0, 0.0], [-1.0, 0.0]], [[0.0, 1.0], [0.0, 2.0]]], biases=[[0.0, 0.0], [0.0, 0.0]])
    drawing = draw_network(layer, [-3.0, 5.0])
    discs = circles(drawing)
    assert [discs[f"neuron0_{i}"][1] for i in range(4)] == ["3.0", "3.0", "10.0", "10.0"]
    assert "maxout of 2" in drawing.source


def test_after_backward_circles_and_lines_have_gradients() -> None:
    """A neuron's gradient is that of its bias, an input's its own; the titles of lines have those of the weights."""
    model, row = nn.MLP(2, [2, 1], "tanh", rng=0), [Value(1.0), Value(-2.0)]
    loss = square_error(model(row), 1.0)
    assert not any("grad" in text for texts in circles(draw_network(model, row)).values() for text in texts)
    loss.backward()
    drawing = draw_network(model, row)
    discs = circles(drawing)
    assert discs["input1"][-1] == f"grad {numeral(row[1].grad)}"
    for i, layer in enumerate(model.layers):
        for j, neuron in enumerate(layer.neurons):
            assert discs[f"neuron{i}_{j}"][-1] == f"grad {numeral(neuron.bias.grad)}"
            assert f"bias {neuron.bias.data!r} (gradient {neuron.bias.grad!r})" in drawing.titles[f"neuron{i}_{j}"]
    weight = model.layers[0].neurons[1].weights[0]
    assert drawing.titles["weight_neuron0_1_input0"].startswith(f"weight {weight.data!r} (gradient {weight.grad!r}) ")
    assert circles(draw_network(model))["neuron0_0"][0] == "bias"
    assert loss.grad == 1.0  # the picture leaves the graph as it is


def test_huge_and_undefined_numbers_are_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever the weights, outputs and gradients, Graphviz draws them without a word of complaint."""
    model, row = nn.MLP(2, [3, 1], "tanh", rng=0), [Value(1.0), Value(-2.0)]
    model(row).backward()
    numbers = (1e308, -1.7e308, float("nan"), float("inf"), 5e-324, -math.inf, -0.0)
    for parameter, number in zip(model.parameters(), itertools.cycle(numbers)):
        parameter.data = parameter.grad = number
    for drawing in (draw_network(model), draw_network(model, row)):
        assert drawing.pipe("svg")
        assert drawing.pipe("png")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("inputs", [[1.0], [1.0, 2.0, 3.0], []])
def test_a_row_of_another_length_is_refused(inputs: list[float]) -> None:
    """A row that does not fit the network is an error that says both lengths."""
    with pytest.raises(ValueError, match=rf"takes 2 inputs, got {len(inputs)}"):
        draw_network(nn.Layer(2, 2, rng=0), inputs)


def test_a_network_says_what_is_drawn() -> None:
    """At a prompt it counts inputs and neurons."""
    assert repr(draw_network(nn.Neuron(1, rng=0))).startswith("<drawing of a network of 1 input and 1 neuron: ")


def test_it_renders() -> None:
    """All circles of one column stand on one line, one column beside the other."""
    picture = draw_network(nn.MLP(2, [3, 1], rng=0)).pipe("svg", encoding="utf-8")
    places: dict[str, set[str]] = {}
    for name, x in re.findall(
        r'<g id="(input|neuron0|neuron1)\w*" class="node">.*?<ellipse [^>]*cx="(\S+)"', picture, re.S
    ):
        places.setdefault(name, set()).add(x)
    assert [len(column) for column in places.values()] == [1, 1, 1]
    (left,), (middle,), (right,) = (places[name] for name in ("input", "neuron0", "neuron1"))
    assert float(left) < float(middle) < float(right)


REFUSED = [None, Value(1.0), nn.Module(), [nn.Layer(2, 2)], nn.Sequential(nn.Layer(2, 2), flatten)]


@pytest.mark.parametrize("model", REFUSED)
def test_what_is_no_network_is_refused(model: object) -> None:
    """Anything but an MLP, a Layer, a Neuron or a Sequential of layers is an error that says what it was."""
    with pytest.raises(
        TypeError, match="a network to draw is an MLP, a Layer, a Neuron, or a Sequential of layers, got"
    ):
        draw_network(model)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("limit", [1, 0, 2.5, True])
def test_a_limit_is_two_or_more(limit: int) -> None:
    """There are two ends to show."""
    with pytest.raises(ValueError, match="limit must be an integer of at least 2"):
        draw_network(nn.Neuron(2, rng=0), limit=limit)
