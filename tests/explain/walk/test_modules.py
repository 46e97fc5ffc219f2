"""The laws of what modules name: parameters, parts and inputs are called as the modules' own attributes say."""

from __future__ import annotations

from typing import Any

from scalargrad import Constant, Value, draw, nn, softmax, steps, tree
from scalargrad.engine.graph import topological_order
from scalargrad.engine.notes import Mark, leave
from scalargrad.explain.console.ask import words
from scalargrad.explain.walk.calls import Call, Calls
from scalargrad.explain.walk.data import page_data
from scalargrad.explain.walk.graph import Graph
from scalargrad.explain.walk.modules import common_path, named_leaves, path_of
from tests.explain.drawing.test_picture import shown


class Cell(nn.Module):
    """A cell with gates in an attribute, a dict and a list."""

    def __init__(self) -> None:
        self.gate = nn.Layer(2, 2, "sigmoid", rng=0)
        self.table = {7: nn.Layer(2, 2, "tanh", rng=1)}
        self.last = [nn.Neuron(2, rng=2)]

    def __call__(self, row: list[Value]) -> Value:
        gated = [a * b for a, b in zip(self.gate(row), self.table[7](row), strict=True)]
        made: Value = self.mark(self.last[0](gated), row)
        return made


def calls_of(result: Value, modules: dict[int, str] | None = None) -> dict[str, Call]:
    return {call.path: call for call in Calls(list(topological_order(result)), modules).all}


def test_boxes_are_called_by_the_attribute_that_holds_the_module() -> None:
    """The gates of a cell have the names of their attributes, whether one holds them directly, in a list or a dict."""
    cell = Cell()
    calls = calls_of(cell([Value(1.0), Value(2.0)]))
    assert {path: call.kind for path, call in calls.items() if "neurons" not in path} == {
        "": "Cell",
        "gate": "Layer",
        "table.7": "Layer",
        "last.0": "Neuron",
    }
    assert [call.name for call in calls.values() if call.is_each] == ["neurons.0", "neurons.1"] * 2


def test_the_outermost_module_is_called_by_its_variable() -> None:
    """A variable that holds the whole module names its box; without one it is called by its class."""
    cell = Cell()
    y = cell([Value(1.0), Value(2.0)])
    assert calls_of(y)[""].name == "Cell"
    assert calls_of(y, {id(cell): "model"})[""].name == "model"
    assert page_data(y, names={"model": cell})["boxes"][0]["name"] == "model"
    assert "model (Cell)" in shown(draw(y, names={"model": cell}, collapse="layer").fragment())["cluster0"]


def test_a_module_that_no_attribute_holds_is_called_by_its_class() -> None:
    """A layer made on the way has no path in the module around it, and its parameters their own names."""
    layer = nn.Layer(1, 2, rng=0)

    class Around(nn.Module):
        def __call__(self, x: Value) -> Any:
            return self.mark(sum(layer([x]), Value(0.0)), [x])

    calls = Calls(list(topological_order(Around()(Value(1.0))))).all
    assert [(call.kind, call.name, call.path) for call in calls] == [
        ("Around", "Around", ""),
        ("Layer", "Layer", ""),
        ("Neuron", "neurons.0", "neurons.0"),
        ("Neuron", "neurons.1", "neurons.1"),
    ]


def test_a_function_between_modules_does_not_hide_the_path() -> None:
    """A module that was called within a marked function is named in the module around the function."""
    model = nn.MLP(2, [2, 2], "tanh", rng=0)
    row = [Value(1.0), Value(2.0)]
    hidden = model.layers[0](row)
    leave(hidden, Mark("block", None, row))
    result = model.mark(model.layers[1](hidden)[0], row)
    assert [(call.kind, call.name) for call in Calls(list(topological_order(result))).all if not call.is_each] == [
        ("MLP", "MLP"),
        ("block", "block"),
        ("Layer", "layers.0"),
        ("Layer", "layers.1"),
    ]


def test_paths_lead_to_the_module_itself() -> None:
    """Of two layers that share their weights each has its own path; a stranger has none."""
    model = nn.MLP(2, [2, 2], rng=0)
    model.layers[1].neurons = model.layers[0].neurons
    assert path_of(model.layers[0], model) == "layers.0"
    assert path_of(model.layers[1], model) == ""  # its parameters all have the other's names
    assert path_of(nn.Neuron(1, rng=0), model) == ""
    tied = nn.MLP(2, [2, 2], rng=0)
    tied.layers[1].neurons[0].weights = tied.layers[0].neurons[0].weights
    assert path_of(tied.layers[1], tied) == "layers.1"


def test_the_path_of_parameters_is_that_of_the_part_that_holds_them_all() -> None:
    """It is the longest start that the paths share, without the parameter's own attribute."""
    assert common_path([]) == common_path(["bias"]) == common_path(["a.x", "b.x"]) == ""
    assert common_path(["a.b.x"]) == common_path(["a.b.x", "a.b.y.0"]) == "a.b"
    assert common_path(["a.x", "a.x.y"]) == "a"


def test_inputs_are_numbered_in_the_row_of_the_outermost_module() -> None:
    """An input's number is its place in the row; functions give places, which order a picture, and no names."""
    cell, row = Cell(), [Value(1.0), Value(2.0)]
    _, inputs, rows = named_leaves(list(topological_order(cell(row))))
    assert [inputs[x] for x in row] == ["x1", "x2"]
    outputs = softmax(row)
    _, inputs, rows = named_leaves(list(topological_order(*outputs)))
    assert inputs == {}
    assert [rows[x] for x in row] == [(0, 1), (0, 2)]


def test_a_title_counts_the_results_that_it_does_not_name() -> None:
    """Up to four results are named; of more, three, and how many more there are."""
    results = [Value(float(i)) * 2 for i in range(10)]
    assert Graph(results[:4]).title == "f1, f2, f3, f4"
    assert Graph(results).title == "f1, f2, f3 and 7 more"


def test_an_arrow_for_a_part_of_a_row_says_how_many_values() -> None:
    """A thick arrow without a number stands for all results of a box; for fewer it says how many of how many."""
    layer = nn.Layer(2, 3, "tanh", rng=0)
    outputs = layer([1.0, 2.0])
    texts = [text for lines in shown(draw(softmax(outputs), collapse="layer").fragment()).values() for text in lines]
    assert not [text for text in texts if text.endswith("values")]
    drawing = draw([*softmax(outputs[:2]), outputs[2] * 2], collapse="layer")
    texts = [text for lines in shown(drawing.fragment()).values() for text in lines]
    assert "2 of 3 values" in texts


def test_every_view_uses_the_same_names() -> None:
    """A tree, a picture, the data of a page, the steps and the prompt call each node the same."""
    model = nn.MLP(2, [2, 1], "tanh", rng=0)
    loss = model([1.0, 2.0]) ** 2
    graph = Graph(loss)
    names = [graph.names[node] for node in graph.order]
    assert [node["name"] for node in page_data(loss)["nodes"]] == names
    walk = steps(loss)
    assert list(walk.names.values()) == names
    variables = {name for node, name in graph.names.items() if not isinstance(node, Constant)}
    assert variables <= set(words(walk))
    text, titles = tree(loss, width=None), " ".join(draw(loss, collapse="none").titles.values())
    assert all((name in text and f"{name}: value" in titles) or f"{name} = " in titles for name in variables)
