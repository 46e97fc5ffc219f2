"""What is collapsed says what it hides, and what is too much is refused at once."""

from __future__ import annotations

import pickle
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import TooLarge, Value, cross_entropy, draw, hinge, nn, softmax, square_error
from scalargrad.engine import declaration
from scalargrad.engine.graph import topological_order
from scalargrad.engine.notes import Mark, leave
from scalargrad.explain.drawing.collapse import Box, Plan, comfortable, everything, folded, heights, plan
from scalargrad.explain.drawing.sketch import Look, drawn
from scalargrad.explain.names import numeral
from scalargrad.explain.walk.calls import Calls
from scalargrad.explain.walk.data import graph_data
from scalargrad.explain.walk.graph import Graph
from tests.explain.drawing.test_picture import SVG, elements, shown
from tests.oracle import Program, programs, run

OPERATIONS = {p.name: p for p in declaration.registered()}
HEIGHTS = (-1, 0, 1, 2)


def planned(root: Value, height: int) -> Plan:
    return plan(Calls(list(topological_order(root))), height)


def hidden_and_shown(plan: Plan) -> int:
    return len(plan.single) + sum(box.hidden - box.shared + len(box.shown) for box in plan.boxes)


@st.composite
def marked_programs(draw: st.DrawFn) -> Value:
    """A program's last node, with marks on whatever nodes, that name whatever nodes as their inputs."""
    program: Program = draw(programs())
    nodes: list[Value] = run(program, [Value(x) for x in program.leaves], OPERATIONS)
    for _ in range(draw(st.integers(0, 6))):
        results = draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3))
        inputs = draw(st.lists(st.sampled_from(nodes), max_size=4))
        each = draw(st.sampled_from([None, "Part"]))
        together = draw(st.sampled_from(["Whole", None] if each else ["Whole"]))
        leave(results, Mark(together, None, inputs, each))
    return nodes[-1]


# ---------------------------------------------------------------- honesty


@given(root=marked_programs(), height=st.sampled_from(HEIGHTS))
def test_data_is_collapsed_as_the_graph_is(root: Value, height: int) -> None:
    """From the data of a graph comes the same plan, and so the same drawing, as from its calls."""
    graph = Graph(root)
    calls = Calls(graph.order)
    data = graph_data(graph, calls)
    levels = heights(data["boxes"])
    assert levels == [call.height for call in calls.all]
    planned = folded(data, {i for i, level in enumerate(levels) if level <= height})
    assert drawn(data, planned, Look()).source == drawn(data, plan(calls, height), Look()).source


def test_one_module_is_collapsed_by_itself() -> None:
    """A call among the data's boxes can be collapsed while its neighbours stay open, and hides what lies in it."""
    data = graph_data(Graph(nn.MLP(2, [3, 2, 1], "tanh", rng=0)([1.0, 2.0])))
    (layer,) = (i for i, box in enumerate(data["boxes"]) if box["name"] == "layers.1")
    for chosen in ({layer}, {layer, layer + 1}):
        (box,) = folded(data, chosen).boxes
        assert (box.call, box.hidden + len(box.shown)) == (layer, data["boxes"][layer]["size"])


def test_what_a_person_takes_in_is_not_collapsed() -> None:
    """Up to 60 nodes nothing is collapsed; more are, where boxes leave less; a graph without modules stays as it is."""

    def plan_of(value: Value) -> Plan | None:
        return comfortable(graph_data(Graph(value)))

    assert plan_of(nn.MLP(2, [3, 1], rng=0)([1.0, 2.0])) is None
    assert (plan_of(nn.MLP(2, [8, 8, 1], rng=0)([1.0, 2.0])) or everything([])).count in range(17, 61)
    wide = plan_of(nn.MLP(2, [70, 1], rng=0)([1.0, 2.0]))
    assert wide is not None
    assert wide.count < 60
    chain = Value(1.0)
    for _ in range(100):
        chain = chain.sin()
    assert plan_of(chain) is None


@given(root=marked_programs(), height=st.sampled_from(HEIGHTS))
def test_every_node_is_drawn_or_counted_as_hidden_once(root: Value, height: int) -> None:
    """Whatever marks there are, sensible or not, what is drawn and what boxes hide are all nodes together."""
    order = list(topological_order(root))
    drawn = planned(root, height)
    assert hidden_and_shown(drawn) == len(order)
    assert all(box.hidden >= 0 for box in drawn.boxes)
    last = len(order) - 1
    assert last in drawn.single or any(last in box.shown for box in drawn.boxes)


def test_a_dishonest_count_is_seen() -> None:
    """Negative control: the same sum sees a box that hides one more than it says."""
    root = nn.Neuron(2, rng=0)([1.0, 2.0])
    drawn = planned(root, 0)
    drawn.boxes[0].hidden -= 1
    assert hidden_and_shown(drawn) != len(topological_order(root))


@given(root=marked_programs(), height=st.sampled_from(HEIGHTS))
def test_arrows_lead_along_the_graph_between_what_is_drawn(root: Value, height: int) -> None:
    """Each arrow is an operand's; and what is drawn can be reached from its result as it could in the graph."""
    order = list(topological_order(root))
    to_draw = planned(root, height)
    drawn = {*to_draw.single, *to_draw.boxes}
    for arrow in to_draw.arrows:
        assert {arrow.tail, arrow.head} <= drawn
        assert order[arrow.operand] is order[arrow.result].args[arrow.position]
        assert arrow.tail == arrow.operand or isinstance(arrow.tail, Box)
        assert arrow.head == arrow.result or isinstance(arrow.head, Box)
    into_single = [(arrow.result, arrow.position) for arrow in to_draw.arrows if not isinstance(arrow.head, Box)]
    wanted = [(place, i) for place in to_draw.single for i in range(len(order[place].args))]
    assert sorted(into_single) == wanted


@given(root=marked_programs())
def test_to_collapse_nothing_is_a_plan_too(root: Value) -> None:
    """The plan made from a graph's data alone is the one in which no call is collapsed."""
    assert everything(graph_data(Graph(root))["nodes"]) == planned(root, -1)


@given(root=marked_programs(), collapse=st.sampled_from(["none", "neuron", "layer", "auto"]))
def test_any_marks_can_be_drawn(root: Value, collapse: str) -> None:
    """Graphviz draws every plan, and the picture has an element for each title of the drawing."""
    drawing = draw(root, collapse=collapse, limit=1000)
    assert elements(drawing.fragment()).keys() == drawing.titles.keys()


# ---------------------------------------------------------------- networks


def texts(drawing: object) -> list[str]:
    texts_of: dict[str, list[str]] = shown(drawing.fragment())  # type: ignore[attr-defined]  # a drawing
    return [text for element in texts_of.values() for text in element]


def test_a_layers_box_counts_its_neurons_and_what_they_hide() -> None:
    """A layer of 16 neurons with 16 inputs hides 16 weights, a bias, 16 products and 16 sums of each: 784."""
    loss = hinge(nn.MLP(2, [16, 16, 1], rng=0)([Value(0.5), Value(-1.0)]), 1)
    words = texts(draw(loss, collapse="layer"))
    assert "Layer (Neuron ×16), 112 values hidden" in words
    assert "Layer (Neuron ×16), 784 values hidden" in words
    assert "Layer (Neuron), 48 values hidden" in words
    assert sorted(text for text in words if text.startswith("layers.")) == ["layers.0", "layers.1", "layers.2"]


def test_a_neurons_box_shows_its_result() -> None:
    """A neuron's box has its result's value and gradient, and its place in the ids."""
    x = Value(2.0, label="x")
    neuron = nn.Neuron(1, "tanh", rng=0)
    y = neuron([x])
    y.label = "y"
    y.backward()
    words = shown(draw(y, collapse="neuron").fragment())
    place = list(topological_order(y)).index(y)
    assert words[f"node{place}"][:2] == ["Neuron", "y"]
    assert "4 values hidden" in words[f"node{place}"]
    assert words[f"node{place}"][-1] == "1.0"
    assert len([name for name in words if name.startswith("node")]) == 2


def test_the_digit_net_fits_a_page() -> None:
    """256 inputs, 12 and 10 neurons, softmax and error: 9,964 values are 25 cards, or 5, by themselves."""
    rng = random.Random(0)
    model = nn.MLP(256, [12, 10], "sigmoid", rng=rng)
    loss = square_error(softmax(model([rng.random() for _ in range(256)])), [0.0] * 9 + [1.0])
    drawing = draw(loss)
    assert len(topological_order(loss)) == 9964
    assert sum(text.startswith("neurons.") for text in texts(drawing)) == 22
    assert "256 inputs" in texts(drawing)
    width, height = (float(size) for size in re.findall(r'(?:width|height)="(\d+)pt"', drawing.fragment())[:2])
    assert max(width, height) < 1800
    layers = draw(loss, collapse="layer")
    assert len([name for name in layers.titles if name.startswith(("node", "box"))]) == 5


def test_uncollapsed_it_is_refused_with_advice() -> None:
    """What cannot be drawn open says how many there are, and what the other ways would draw."""
    model = nn.MLP(256, [12, 10], "sigmoid", rng=0)
    loss = square_error(softmax(model([0.5] * 256)), [0.0] * 9 + [1.0])
    with pytest.raises(TooLarge) as error:
        draw(loss, collapse="none")
    assert str(error.value) == (
        "9,964 nodes are more than the limit of 300: "
        'collapse="neuron" draws 25, collapse="layer" draws 5, draw a value that comes earlier, or raise the limit'
    )


def test_auto_collapses_no_more_than_the_limit_demands() -> None:
    """The first that keeps to the limit is drawn: open, neurons, layers, whole models; then it is too large."""
    loss = hinge(nn.MLP(2, [3, 1], rng=0)([1.0, 2.0]), 1)
    size = len(topological_order(loss))
    assert "relu" in texts(draw(loss, limit=size))
    assert "relu" not in texts(draw(loss, limit=size - 1))
    assert {"layers.0 (Layer)", "neurons.1"} <= set(texts(draw(loss, limit=size - 1)))
    assert {"layers.0", "layers.1"} <= set(texts(draw(loss, collapse="layer", limit=6)))
    loss = hinge(nn.MLP(2, [8, 8, 1], rng=0)([1.0, 2.0]), 1)
    assert "MLP" in texts(draw(loss, limit=4))
    with pytest.raises(TooLarge, match="4 nodes and 3 arrows, collapsed from 304 nodes, are more than the limit of 3"):
        draw(loss, limit=3)


def test_auto_keeps_a_picture_to_sixty_nodes() -> None:
    """More than a person takes in is collapsed, though the limit would allow it; where nothing can be, all is drawn."""
    loss = hinge(nn.MLP(2, [4, 4, 1], rng=0)([1.0, 2.0]), 1)
    assert 60 < len(topological_order(loss)) < 300
    assert "relu" not in texts(draw(loss))
    assert "relu" in texts(draw(loss, collapse="none"))
    x = Value(0.5)
    for _ in range(99):
        x = x.sin()
    assert texts(draw(x)).count("sin") == 99


def test_too_many_arrows_are_refused_too() -> None:
    """Two layers of 60 neurons are few boxes with 3,600 arrows between: drawn as layers, refused as neurons."""
    loss = hinge(nn.MLP(2, [60, 60, 1], rng=0)([1.0, 2.0]), 1)
    with pytest.raises(TooLarge, match=r'124 nodes and 3,781 arrows.*: collapse="layer" draws 6'):
        draw(loss, collapse="neuron")
    assert len(draw(loss).titles) < 20


def test_many_results_are_told_by_their_ranges() -> None:
    """A layer of 40 shows no single results, but the least and the largest of values and gradients."""
    layer = nn.Layer(3, 40, "tanh", rng=0)
    outputs = layer([1.0, -1.0, 0.5])
    total = sum(outputs, Value(0.0))
    drawing = draw(total, collapse="layer")
    numbers = sorted(output.data for output in outputs)
    assert f"values {numeral(numbers[0])} … {numeral(numbers[-1])}" in texts(drawing)
    assert "grad –" in texts(drawing)
    total.backward()
    assert "grad 1.0" in texts(draw(total, collapse="layer"))
    without = texts(draw(total, collapse="layer", values=False, gradients=False))
    assert [text for text in without if text.startswith(("values", "grad"))] == []


def test_a_layers_results_stand_in_the_order_of_its_neurons() -> None:
    """Where a layer's results are read together, its box shows them in that order."""
    model = nn.MLP(2, [3, 1], "tanh", rng=0)
    row = [Value(1.0), Value(-0.5)]
    y = model(row)
    hidden = [neuron(row).data for neuron in model.layers[0].neurons]
    words = shown(draw(y, collapse="layer").fragment())
    box = next(texts_ for name, texts_ in words.items() if name.startswith("box"))
    assert [text for text in box if text in set(map(numeral, hidden))] == list(map(numeral, hidden))


# ---------------------------------------------------------------- from first to last


def places(drawing: object, direction: str) -> dict[str, float]:
    """How far along a column each element stands: from top to bottom, or from left to right."""
    along = "x" if direction in {"TB", "BT"} else "y"
    place_of: dict[str, float] = {}
    for name, element in elements(drawing.fragment()).items():  # type: ignore[attr-defined]  # a drawing
        texts = list(element.iter(f"{SVG}text"))
        if texts:
            place_of[name] = float(str(texts[0].get(along)))
    return place_of


class Residual(nn.Module):
    """Layers with a way around them."""

    def __init__(self, n: int) -> None:
        self.blocks = [nn.Layer(n, n, "tanh", rng=i) for i in range(3)]

    def __call__(self, row: list[Value]) -> list[Value]:
        outputs = row
        for block in self.blocks:
            outputs = [x + y for x, y in zip(outputs, block(outputs), strict=True)]
        made: list[Value] = self.mark(outputs, row)
        return made


NETWORKS: dict[str, Callable[[list[Value]], Any]] = {
    "MLP": nn.MLP(3, [4, 3, 2], "tanh", rng=0),
    "one output": lambda row: hinge(nn.MLP(3, [5, 1], "relu", rng=0)(row), 1),
    "softmax": lambda row: softmax(nn.MLP(3, [4, 3], rng=0)(row)),
    "residual": Residual(3),
}


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
@pytest.mark.parametrize("network", NETWORKS)
def test_inputs_neurons_and_results_stand_from_first_to_last(network: str, direction: str) -> None:
    """In every direction, the inputs of a row, the neurons of each layer and the results stand in order."""
    row = [Value(float(i)) for i in range(3)]
    results = NETWORKS[network](row)
    graph = Graph(results)
    calls = Calls(graph.order)
    drawing = draw(results, collapse="neuron", direction=direction)
    at = places(drawing, direction)
    columns = [[f"node{graph.places[x]}" for x in row]]
    for call in calls.all:
        if call.kind == "Layer":
            neurons = [inner for inner in call.inner if inner.kind == "Neuron"]
            assert [inner.name for inner in neurons] == [f"neurons.{i}" for i in range(len(neurons))]
            columns.append([f"node{graph.places[inner.results[0]]}" for inner in neurons])
    if isinstance(results, list) and network != "softmax":
        columns.append([f"node{graph.places[result]}" for result in results])
    for column in columns:
        stand = [at[name] for name in column]
        assert stand == sorted(stand), column


def two_rows(row: list[Value]) -> Value:
    model = nn.MLP(3, [3, 1], "tanh", rng=0)
    total: Value = square_error(model(row), 1.0) + square_error(model([Value(3.0), Value(4.0), Value(5.0)]), 1.0)
    return total


OPEN_NETWORKS: dict[str, Callable[[list[Value]], Any]] = {
    **NETWORKS,
    "layer": nn.Layer(3, 3, "tanh", rng=0),
    "functions in neurons": nn.Layer(3, 3, lambda z: square_error(z, 0.5), rng=0),
    "three layers": nn.MLP(3, [3, 3, 1], "tanh", rng=0),
    "two rows": two_rows,
    "error": lambda row: cross_entropy(nn.MLP(3, [3, 3], "tanh", rng=0)(row), 1),
}


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
@pytest.mark.parametrize("network", OPEN_NETWORKS)
def test_open_neurons_stand_from_first_to_last_too(network: str, direction: str) -> None:
    """The frames of a layer's neurons stand in order as their boxes do, though Graphviz orders no frames."""
    results = OPEN_NETWORKS[network]([Value(float(i)) for i in range(3)])
    calls = Calls(Graph(results).order).all
    at = places(draw(results, collapse="none", direction=direction), direction)
    for call in calls:
        frames = [at[f"cluster{calls.index(inner)}"] for inner in call.inner if inner.kind == "Neuron"]
        assert frames == sorted(frames), call.path


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
@pytest.mark.parametrize("partials", [False, True])
def test_leaves_stand_in_the_order_of_the_code_in_every_picture(partials: bool, direction: str) -> None:
    """The inputs and weights of a neuron written out stand as the code names them, whatever else is shown."""
    x1, w1, x2, w2, b = (Value(float(i), label=name) for i, name in enumerate(["x1", "w1", "x2", "w2", "b"]))
    y = (x1 * w1 + x2 * w2 + b).tanh()
    at = places(draw(y, partials=partials, direction=direction), direction)
    graph = Graph(y)
    column = [at[f"node{graph.places[leaf]}"] for leaf in (x1, w1, x2, w2)]
    assert column == sorted(column)


def test_arrows_leave_a_result_at_the_side_that_they_lead_to() -> None:
    """The results of a box stand across the direction of the arrows: no arrow crosses the text of another."""
    outputs = nn.Layer(2, 3, "tanh", rng=0)([Value(1.0), Value(2.0)])
    total = outputs[0] * outputs[1] + outputs[2]
    total.backward()
    for direction in ("LR", "RL", "TB", "BT"):
        drawing = draw(total, collapse="layer", direction=direction)
        picture = elements(drawing.fragment())
        (box,) = (element for name, element in picture.items() if name.startswith("box"))
        sides = [
            (float(str(text.get("x"))), float(str(text.get("y"))))
            for text in box.iter(f"{SVG}text")
            if text.text not in {"Layer", "grad "}
        ]
        for name, element in picture.items():
            if re.search(rf"box0:r\d:\w -> .*id={name}\b", drawing.source):
                path = element.find(f"{SVG}path")
                assert path is not None
                x, y = map(float, str(path.get("d")).split("C")[0][1:].split(","))
                outside = {
                    "LR": x > max(x for x, _ in sides),
                    "RL": x < min(x for x, _ in sides) + 1,
                    "TB": y > max(y for _, y in sides),
                    "BT": y < min(y for _, y in sides) + 12,
                }
                assert outside[direction], (direction, name)


# ---------------------------------------------------------------- what lies across


def test_two_calls_of_a_module_are_boxes_alike() -> None:
    """A neuron called twice: both boxes hide its parameters, and the title of the second says that they are shared."""
    neuron = nn.Neuron(2, rng=0)
    total = neuron([1.0, 2.0]) + neuron([3.0, 4.0])
    drawing = draw(total, collapse="neuron")
    assert texts(drawing).count("7 values hidden") == 2
    assert [title.split(";")[0] for title in drawing.titles.values() if "hidden" in title] == [
        "Neuron: 7 values hidden",
        "Neuron: 7 values hidden, of which 3 are hidden in another box too",
    ]


def test_what_two_calls_share_is_outside_of_both_frames() -> None:
    """Open, the shared parameters lie in neither frame, and each frame says how many values are its."""
    neuron = nn.Neuron(1, rng=0)
    total = neuron([1.0]) + neuron([3.0])
    source = draw(total, collapse="none").source
    outside = source[: source.index("subgraph")]
    order = list(topological_order(total))
    assert all(f"\tnode{order.index(parameter)} [" in outside for parameter in neuron.parameters())
    assert source.count("subgraph") == 2


def test_a_hidden_value_that_is_used_outside_has_a_dashed_arrow() -> None:
    """A weight's penalty beside the neuron: the arrow comes from the box, dashed, and its title says so."""
    neuron = nn.Neuron(1, "tanh", rng=0)
    loss = neuron([2.0]) + neuron.weights[0] ** 2
    drawing = draw(loss, collapse="neuron")
    (name,) = re.findall(r"\[id=(edge\S+) style=dashed\]", drawing.source)
    assert drawing.titles[name].endswith(", where weights.0 is hidden")


def test_leaves_are_bundled_only_where_they_lead_to_the_same() -> None:
    """Nine inputs of a layer are one box; eight are not; nor one that something else reads, which stays by itself."""
    for n, bundled in ((9, "9 inputs"), (10, "10 inputs")):
        assert bundled in texts(draw(sum(nn.Layer(n, 2, rng=0)([1.0] * n)), collapse="layer"))
    assert "inputs" not in " ".join(texts(draw(sum(nn.Layer(8, 2, rng=0)([1.0] * 8)), collapse="layer")))
    row = [Value(float(i)) for i in range(10)]
    words = texts(draw(sum(nn.Layer(10, 2, rng=0)(row)) + row[0], collapse="layer"))
    assert "9 inputs" in words
    assert "values 1.0 … 9.0" in words


def test_a_bundle_says_what_is_in_it() -> None:
    """Leaves that are parameters of an outer module, and inputs of the inner, are called parameters; mixed, leaves."""

    class Embedding(nn.Module):
        def __init__(self) -> None:
            self.vector = [Value(float(i)) for i in range(9)]
            self.reader = nn.Neuron(10, rng=0)

        def __call__(self, x: Value) -> Value:
            made: Value = self.mark(self.reader([*self.vector, self.vector[0] * x]), [x])
            return made

    assert "8 parameters" not in texts(draw(Embedding()(Value(1.0)), collapse="neuron"))  # one is read outside too
    model, x = Embedding(), Value(1.0)
    model.vector.append(Value(1.0))
    made = model.mark(model.reader(model.vector), [x])
    assert "10 parameters" in texts(draw(made, collapse="neuron"))
    made = model.mark(model.reader([*model.vector[:9], x]), [x])
    assert "10 leaves" in texts(draw(made, collapse="neuron"))


# ---------------------------------------------------------------- modules of users


class Line(nn.Module):
    """A module that a user wrote."""

    def __init__(self) -> None:
        self.slope, self.offset = Value(2.0), Value(1.0)
        self.table = {"7": Value(3.0)}

    def __call__(self, x: Value | float) -> Value:
        made: Value = self.mark(self.slope * x + self.offset + self.table["7"], [x])
        return made


class Lines(nn.Module):
    """A module of modules, that hands its input on when there are none."""

    def __init__(self, n: int) -> None:
        self.lines = [Line() for _ in range(n)]

    def __call__(self, x: Value) -> Value:
        y = x
        for line in self.lines:
            y = line(y)
        made: Value = self.mark(y, [x])
        return made


def test_any_module_can_be_collapsed() -> None:
    """A module that marks what it made is a box like a neuron; one of such modules, like a layer."""
    x = Value(0.5, label="x")
    y = Lines(3)(x.tanh())
    assert {"lines.0", "lines.1", "lines.2"} <= set(texts(draw(y, collapse="neuron")))
    assert "Line ×3, 17 values hidden" in texts(draw(y, collapse="layer"))
    assert "parameter slope" in texts(draw(y))
    assert "parameter table.7" in texts(draw(y))


def test_a_module_that_hands_on_its_input_hides_nothing() -> None:
    """Where a module's result is its input there is no frame and no box."""
    y = Lines(0)(Value(0.5).tanh())
    for collapse in ("none", "neuron", "layer"):
        assert "Lines" not in texts(draw(y, collapse=collapse))


def test_a_call_with_nothing_to_hide_is_not_collapsed() -> None:
    """Where a module made its result by one operation, that is drawn, with its sign."""
    only = Value(2.0) * 3
    leave([only], Mark("Scale", None, only.args))
    assert "×" in texts(draw(only, collapse="neuron"))
    assert "Scale" in texts(draw(only, collapse="neuron"))  # as its frame


def test_modules_of_modules_of_modules_are_drawn_to_any_depth() -> None:
    """Fifteen hundred frames, one within the other, need no recursion."""
    y = Value(1.0).tanh()
    for i in range(1500):
        leave([y], Mark(f"level {i}", None, y.args))
    source = draw(y, collapse="none").source
    assert source.count("subgraph") == 1500
    assert source.index("level 1499") < source.index("level 1498") < source.index("level 0<")


def test_copies_keep_their_frames() -> None:
    """A pickled network's graph is drawn with the same frames, which are called by their kinds: the module is gone."""
    y = nn.MLP(2, [2, 1], rng=0)([1.0, 2.0])
    twin = pickle.loads(pickle.dumps(y))
    for collapse in ("none", "neuron", "layer"):
        one, other = draw(y, collapse=collapse), draw(twin, collapse=collapse)
        assert one.titles.keys() == other.titles.keys()
        assert {"MLP", "Layer", "Neuron"} & set(texts(other)) == {"MLP", "Layer", "Neuron"} - (
            {"Neuron"} if collapse == "layer" else set()
        )
