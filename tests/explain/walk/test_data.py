"""The laws of the plain data: it is JSON, it has all of the graph and the walk, and it needs no library to be made."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Constant, Value, draw, nn, page, steps, trap
from scalargrad.explain import page_data
from scalargrad.explain.drawing.collapse import everything
from scalargrad.explain.drawing.sketch import Look, drawn
from scalargrad.explain.html.document import from_data
from scalargrad.explain.walk.data import plain
from tests.engine.test_graph import FUNCTIONS
from tests.explain.test_text import LABELS
from tests.oracle import Program, programs, run


def strict(text: str) -> Any:
    """Read JSON as a browser does: without the names for what is not finite that Python admits."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def same(x: float, y: float) -> bool:
    return x.hex() == y.hex()


@given(programs(), st.data())
def test_it_holds_the_walk(program: Program, data: st.DataObject) -> None:
    """Read back from JSON, the data has every node and every step, to the bit."""
    nodes = run(program, [Value(x) for x in program.leaves], FUNCTIONS)
    walk = steps(data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3)))
    page = strict(json.dumps(page_data(walk)))
    assert [(walk.order[root["node"]], float(root["seed"])) for root in page["roots"]] == list(walk.seeds.items())
    assert len(page["nodes"]) == len(walk.order)
    for node, described in zip(walk.order, page["nodes"], strict=True):
        assert (described["name"], described["label"]) == (walk.names[node], node.label)
        assert same(float(described["value"]), node.data)
        assert [walk.order[place] for place in described["operands"]] == list(node.args)
        assert all(map(same, map(float, described["locals"]), node.local_gradients))
        assert described["operation"] == (node.op and node.op.name)
        assert (described["kind"] == "constant") == isinstance(node, Constant)
    assert len(page["steps"]) == len(walk)
    for step, described in zip(walk, page["steps"], strict=True):
        assert walk.order[described["result"]] is step.result
        assert walk.order[described["operand"]] is step.operand
        assert (described["position"], described["formula"]) == (step.position, step.formula)
        for name in ("upstream", "local", "before", "after"):
            assert same(float(described[name]), getattr(step, name))
        assert same(float(described["contribution"]), step.product)
        assert f"{described['gradient']} += {described['hands_on']} · {described['slope']} = " in str(step)


def test_a_number_that_is_no_json_would_be_seen() -> None:
    """Negative control: nan and inf as Python writes them are no JSON; by their names they are, and come back."""
    for x in (math.nan, math.inf, -math.inf):
        try:
            strict(json.dumps(x))
        except ValueError:
            assert same(float(strict(json.dumps(plain(x)))), x)
        else:
            raise AssertionError(f"{x} went through")
    assert math.copysign(1.0, strict(json.dumps(plain(-0.0)))) == -1.0


def test_any_label_goes_through() -> None:
    """A label comes out as it went in, lone surrogates too; the name is what is shown."""
    for label in LABELS:
        first, *_ = strict(json.dumps(page_data(Value(1.0, label=label) * 2)))["nodes"]
        assert first["label"] == label
        assert first["name"].isprintable()


def test_boxes_are_the_module_calls() -> None:
    """Each call is a box in the box of the call around it, and nodes know the innermost around them."""
    model = nn.MLP(1, [2, 1], "tanh", rng=0)
    data = page_data(model([Value(0.5, label="x")]))
    boxes = data["boxes"]
    inside = [None if box["parent"] is None else boxes[box["parent"]]["kind"] for box in boxes]
    assert [(box["kind"], box["name"], box["path"], around) for box, around in zip(boxes, inside, strict=True)] == [
        ("MLP", "MLP", "", None),
        ("Layer", "layers.0", "layers.0", "MLP"),
        ("Neuron", "neurons.0", "layers.0.neurons.0", "Layer"),
        ("Neuron", "neurons.1", "layers.0.neurons.1", "Layer"),
        ("Layer", "layers.1", "layers.1", "MLP"),
        ("Neuron", "neurons.0", "layers.1.neurons.0", "Layer"),
    ]
    assert all(box["parent"] is None or box["parent"] < i for i, box in enumerate(boxes))
    assert {box["contents"] for box in boxes} == {"Layer ×2", "Neuron ×2", "Neuron", ""}
    assert all(box["learns"] for box in boxes)
    names = {name for name, _ in model.named_parameters()}
    assert {node["path"] for node in data["nodes"] if node["kind"] == "parameter"} == names
    weights = [node for node in data["nodes"] if node["path"].endswith(".weights.0")]
    assert all(node["path"] == f"{boxes[node['box']]['path']}.weights.0" for node in weights)
    (x,) = (node for node in data["nodes"] if node["label"] == "x")
    assert (x["kind"], x["box"], x["row"][1]) == ("input", None, 1)
    assert boxes[0]["results"] == [len(data["nodes"]) - 1]


def test_lines_are_there_where_they_are_known() -> None:
    """A node made under `trap` knows its line of code."""
    x = Value(2.0)
    assert page_data(x * x)["nodes"][-1]["line"] is None
    with trap():
        y = x * x
    assert page_data(y)["nodes"][-1]["line"] == y.line
    assert str(y.line).startswith(__file__)


@given(programs(max_instructions=8))
def test_page_and_drawing_are_views_of_it(program: Program) -> None:
    """From the data alone, as JSON carries it, come the same page and the same drawing."""
    value = run(program, [Value(x) for x in program.leaves], FUNCTIONS)[-1]
    data = strict(json.dumps(page_data(value)))
    assert drawn(data, everything(data["nodes"]), Look()).source == draw(value, gradients=False, limit=1000).source
    if len(data["nodes"]) < 8:  # a layout takes its time
        assert from_data(data) == page(value)


def test_other_data_is_another_page() -> None:
    """Negative control: with one number changed in the data, the page changes."""
    data = page_data(Value(3.0, label="x") * Value(2.0, label="y"))
    text = from_data(data)
    data["steps"][0]["after"] = 2.5
    assert from_data(data) != text


PROGRAM = """
import json, sys
for name in ("jinja2", "graphviz", "pygraphviz", "markupsafe", "IPython", "rich"):
    sys.modules[name] = None
from scalargrad import Value, nn
from scalargrad.explain import page_data
x = Value(0.0, label="x")
print(json.dumps(page_data(nn.Neuron(1, rng=0)([x]) + x.log()), allow_nan=False))
"""


def test_it_needs_no_library() -> None:
    """Where neither a template library nor Graphviz can be imported, the data is made all the same."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, cwd=Path(__file__).parents[3]
    )
    data = strict(finished.stdout.decode())
    assert "Infinity" in {step["after"] for step in data["steps"]}
    assert "-Infinity" in {node["value"] for node in data["nodes"]}
