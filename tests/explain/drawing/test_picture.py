"""What a drawing shows, and that it shows it whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain, pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import (
    TooLarge,
    Value,
    binary_cross_entropy,
    draw,
    gelu,
    log_softmax,
    logsumexp,
    nn,
    silu,
    softmax,
    square_error,
    steps,
)
from scalargrad.engine import declaration
from scalargrad.engine.graph import topological_order
from scalargrad.explain import colours
from scalargrad.explain.drawing import card
from scalargrad.explain.drawing.collapse import everything
from scalargrad.explain.drawing.sketch import Look, drawn, ordinals
from scalargrad.explain.walk.data import graph_data, page_data
from scalargrad.explain.walk.graph import Graph
from scalargrad.functional import OF_A_PAIR, OF_ONE_NUMBER
from scalargrad.terminal import visible
from tests.oracle import Program, programs, run

OPERATIONS = {p.name: p for p in declaration.registered()}
SVG = "{http://www.w3.org/2000/svg}"


def circuit() -> Value:
    """(x + y) z of CS231n, swept."""
    x, y, z = Value(-2.0, label="x"), Value(5.0, label="y"), Value(-4.0, label="z")
    q = x + y
    q.label = "q"
    f = q * z
    f.label = "f"
    f.backward()
    return f


def elements(svg: str) -> dict[str, ElementTree.Element]:
    """The nodes, edges and frames of an SVG, by id."""
    groups = ElementTree.fromstring(svg).iter(f"{SVG}g")  # noqa: S314  # written by the test itself
    return {str(group.get("id")): group for group in groups if group.get("class") != "graph"}


def shown(svg: str) -> dict[str, list[str]]:
    """The texts of each element, by its id."""
    return {
        name: [str(text.text).replace("\N{NO-BREAK SPACE}", " ") for text in element.iter(f"{SVG}text")]
        for name, element in elements(svg).items()
    }


# ---------------------------------------------------------------- a card


def test_a_card_shows_sign_name_value_and_gradient() -> None:
    """Each node of the circuit shows its own four things."""
    texts = shown(draw(circuit()).fragment())
    assert texts["node2"] == ["+", "q", "3.0", "grad ", "-4.0"]
    assert texts["node4"] == ["×", "f", "-12.0", "grad ", "1.0"]
    assert texts["node0"] == ["x", "-2.0", "grad ", "-4.0"]


@given(program=programs())
def test_every_node_and_every_operand_is_drawn(program: Program) -> None:
    """There is one card for each node, and one arrow for each place of an operand, with the names the ledger has."""
    nodes: list[Value] = run(program, [Value(x) for x in program.leaves], OPERATIONS)
    order = list(topological_order(nodes[-1]))
    drawing = draw(nodes[-1], limit=10_000)
    wanted = {f"node{i}" for i in range(len(order))}
    wanted |= {f"edge{i}_{j}" for i, node in enumerate(order) for j in range(len(node.args))}
    assert elements(drawing.fragment()).keys() == drawing.titles.keys() == wanted


def test_a_variable_used_twice_has_two_arrows() -> None:
    """`a + a` is drawn with two."""
    a = Value(3.0, label="a")
    picture = elements(draw(a + a).fragment())
    paths = {str(picture[name].find(f"{SVG}path").get("d")) for name in ("edge1_0", "edge1_1")}  # type: ignore[union-attr]  # an arrow has a path
    assert len(paths) == 2


def test_where_no_sweep_has_been_there_is_a_dash() -> None:
    """A gradient of 0 is shown as 0, none as a dash."""
    a, b = Value(2.0, label="a"), Value(0.0, label="b")
    product = a * b
    assert shown(draw(product).fragment())["node0"][-1] == "–"
    product.backward()
    assert shown(draw(product).fragment())["node0"][-1] == "0.0"


def test_values_and_gradients_can_be_left_out() -> None:
    """What is switched off is not there; a card with nothing else says what it is."""
    texts = shown(draw(Value(2.0) * Value(3.0, label="b"), values=False, gradients=False).fragment())
    assert (texts["node0"], texts["node1"], texts["node2"]) == (["leaf"], ["b"], ["×"])
    without_gradients = [*chain(*shown(draw(circuit(), gradients=False).fragment()).values())]
    assert ("-12.0" in without_gradients, "grad " in without_gradients) == (True, False)
    without_values = [*chain(*shown(draw(circuit(), values=False).fragment()).values())]
    assert ("-12.0" in without_values, "grad " in without_values) == (False, True)


def test_local_derivatives_stand_on_the_arrows() -> None:
    """With partials each arrow from a variable says ∂result/∂operand; without, none does."""
    f = circuit() + 1
    texts = shown(draw(f, partials=True).fragment())
    assert texts["edge4_0"] == ["∂f/∂q = -4.0"]
    assert texts["edge4_1"] == ["∂f/∂z = 3.0"]
    assert texts["edge6_1"] == []  # a constant's
    assert shown(draw(f).fragment())["edge4_0"] == []


def test_long_names_are_short_on_an_arrow() -> None:
    """On an arrow a name of more than twelve characters shows its two ends; the title has it whole."""
    a = Value(2.0, label="the learning rate")
    picture = elements(draw(a * 3.0, partials=True).fragment())
    assert [text.text for text in picture["edge2_0"].iter(f"{SVG}text")] == ["∂f/∂(the le…ate) = 3.0"]
    assert picture["edge2_0"].findtext(f"{SVG}title") == "∂f/∂(the learning rate) = 3.0"


def test_an_arrow_tells_its_local_derivative_in_full() -> None:
    """The titles of arrows and cards have every digit."""
    x = Value(0.1, label="x")
    y = x.sin()
    y.backward()
    picture = elements(draw(y).fragment())
    assert picture["edge1_0"].findtext(f"{SVG}title") == f"∂f/∂x = {y.local_gradients[0]!r}"
    assert picture["node0"].findtext(f"{SVG}title") == f"x: value 0.1, gradient {x.grad!r}"
    assert picture["node1"].findtext(f"{SVG}title") == f"f = sin(x): value {y.data!r}, gradient 1.0"


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
@pytest.mark.parametrize("operation", ["subtract", "divide", "power", "atan2", "greater"])
def test_the_order_of_operands_shows(operation: str, direction: str) -> None:
    """Where it matters which operand is which, the arrows come in at places named 1st and 2nd, in that order."""
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    drawing = draw(OPERATIONS[operation](b, a), direction=direction)
    assert re.search(r"node0:\w -> node2:\"1st\"", drawing.source)
    assert re.search(r"node1:\w -> node2:\"2nd\"", drawing.source)
    texts = {str(text.text): text for text in elements(drawing.fragment())["node2"].iter(f"{SVG}text")}
    along = "x" if direction in {"TB", "BT"} else "y"
    places = [float(str(texts[word].get(along))) for word in ("1st", "2nd")]
    assert places == sorted(places)
    assert places[0] < places[1]


@pytest.mark.parametrize("operation", ["add", "multiply", "maximum"])
def test_no_order_shows_where_there_is_none(operation: str) -> None:
    """A commutative operation has no such places."""
    result = OPERATIONS[operation](Value(2.0), Value(3.0))
    assert "1st" not in draw(result).source


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp, square_error, binary_cross_entropy, gelu, silu])
def test_a_card_calls_an_operation_as_the_formula_does(function: Callable[..., Any]) -> None:
    """The sign on each card is the one of the node's formula, so that no picture has a word that no text has."""
    xs = [Value(0.5, label="a"), Value(-2.0, label="b")]
    targets = [0.25, 0.75]
    results = function(xs, targets) if function in OF_A_PAIR else function(xs[1] if function in OF_ONE_NUMBER else xs)
    drawn = elements(draw(results, values=False, gradients=False).fragment())
    data = page_data(results)["nodes"]
    for i, node in enumerate(data):
        words = {str(text.text) for text in drawn[f"node{i}"].iter(f"{SVG}text")} if node["operation"] else set()
        assert len(words & {node["sign"], card.sign(node["sign"])}) == (node["operation"] is not None)
        assert node["sign"] in (node["formula"] or "")


def test_ordinals_count_on() -> None:
    """They are those of English, however many operands there are."""
    many = declaration.declare(
        lambda *operands: sum(operands),
        name="many",
        partials=[lambda out, *operands: 1.0] * 23,
        notation="+".join(["{}"] * 23),
    )
    *_, node = graph_data(Graph(many(*map(Value, range(23)))))["nodes"]
    words = ordinals(node)
    assert words[:4] == ("1st", "2nd", "3rd", "4th")
    assert words[10:14] == ("11th", "12th", "13th", "14th")
    assert words[20:] == ("21st", "22nd", "23rd")


def test_parameters_inputs_constants_and_results_are_told_apart() -> None:
    """A neuron's weights and inputs say so in words, with the weights' names; a constant is small; edges differ."""
    neuron = nn.Neuron(1, "tanh", rng=0)
    y = neuron([Value(2.0, label="x")]) * 3
    drawing = draw(y)
    texts_by_id = shown(drawing.fragment())
    order = list(topological_order(y))
    texts = {node: texts_by_id[f"node{i}"] for i, node in enumerate(order)}
    assert texts[neuron.weights[0]][0] == "parameter weights.0"
    assert texts[neuron.bias][0] == "parameter bias"
    (x,) = (node for node in order if node.label == "x")
    assert [text for text in texts[x] if text.strip()][:3] == ["x", "input", "2.0"]
    (constant,) = (node for node in order if node.data == 3.0)
    assert texts[constant] == ["3.0"]
    assert "weights.0" in drawing.titles[f"node{order.index(neuron.weights[0])}"]
    colours = {kind: re.search('COLOR="(#[^"]+)"', card.card(kind))[1] for kind in ("parameter", "input", "leaf")}  # type: ignore[index]  # a card has a colour
    assert len(set(colours.values())) == 3
    assert 'STYLE="ROUNDED"' in card.card("result")
    assert 'STYLE="ROUNDED"' not in card.card("leaf")


def test_names_come_from_labels_and_variables() -> None:
    """A label is shown, else the variable's name; a generated name only where something speaks of it."""
    a, b = Value(2.0, label="alpha"), Value(3.0)
    c = a * b + 1
    texts = shown(draw(c, names={"b": b, "a": a}).fragment())
    assert [texts[f"node{i}"][0] for i in (0, 1)] == ["alpha", "b"]
    assert texts["node2"] == ["×", "6.0", "grad ", "–"]
    assert shown(draw(c, names={"b": b}, partials=True).fragment())["node2"] == ["×", "v1", "6.0", "grad ", "–"]


# ---------------------------------------------------------------- colour


def channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (n / 255 for n in channels(colour))]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@given(size=st.floats(0.0, 1.0, exclude_min=True), sign=st.sampled_from([1.0, -1.0]))
def test_a_gradients_colour_tells_its_sign(size: float, sign: float) -> None:
    """Above 0 a field is blue, below it is orange, of whatever size, and its number reads on it."""
    red, _, blue = channels(colours.field(sign * size, 1.0))
    assert (blue > red) == (sign > 0)
    assert contrast(colours.field(sign * size, 1.0), colours.INK) > 7


def test_a_gradients_colour_tells_its_size() -> None:
    """The larger a gradient, the further its field is from white; 0 and none have no colour; nan and inf stand out."""
    for sign in (1.0, -1.0):
        fields = [luminance(colours.field(sign * size, 10.0)) for size in (0.01, 0.1, 1.0, 5.0, 10.0)]
        assert all(larger < smaller for smaller, larger in pairwise(fields))
    assert colours.field(0.0, 1.0) == colours.field(None, 1.0) == colours.NOTHING
    assert {colours.field(odd, 1.0) for odd in (float("nan"), float("inf"), float("-inf"))} == {colours.ODD}


@pytest.mark.parametrize("paper", ["#ffffff", "#0d1117"])
def test_it_reads_on_white_and_on_black(paper: str) -> None:
    """Text has the contrast of 4.5 that WCAG asks for, on its own field; lines have 3 on either paper."""
    for ink in (colours.INK, colours.QUIET, colours.PARAMETER, colours.INPUT):
        assert contrast(ink, colours.PAPER) > 4.5
    assert contrast(colours.PAPER, colours.INK) > 4.5
    assert contrast(colours.LIT, colours.PAPER) > 4.5
    for line in (colours.LINE, colours.LIT, colours.FRAMED):
        assert contrast(line, paper) > 3


def test_not_finite_gradients_are_drawn() -> None:
    """A nan or an infinity among the gradients leaves the colours of the others as they are."""
    a, b = Value(0.0, label="a"), Value(2.0, label="b")
    y = a.log() + b
    y.backward()
    texts = shown(draw(y).fragment())
    assert texts["node0"][-1] == "inf"
    assert colours.field(1.0, 1.0) in draw(y).source


# ---------------------------------------------------------------- steps, and several values


@given(programs(), st.data())
def test_a_step_lights_its_edge(program: Program, data: st.DataObject) -> None:
    """The drawing of steps has every name, the totals at the cursor, and the edge of the last step lit."""
    walk = steps(run(program, [Value(x) for x in program.leaves], OPERATIONS)[-1])
    walk.to(data.draw(st.integers(0, len(walk))))
    drawing = draw(walk, limit=10_000)
    lit = re.findall(r"\[id=(\w+) class=lit|class=lit[^]]*id=(\w+)", drawing.source)
    if walk.position:
        last = walk[walk.position - 1]
        assert [first or second for first, second in lit] == [f"edge{walk.order.index(last.result)}_{last.position}"]
    else:
        assert lit == []
    totals = walk.totals()
    for place, node in enumerate(walk.order):
        title = drawing.titles[f"node{place}"]
        assert title.startswith(walk.names[node])
        assert (", gradient " in title) == (node in totals)
        if node in totals:
            assert title.endswith(f", gradient {totals[node]!r}")


def test_steps_collapse_as_values_do() -> None:
    """The same boxes stand for the same modules, and a limit is kept by collapsing."""
    loss = nn.MLP(2, [8, 8, 1], rng=0)([Value(1.0), Value(2.0)])
    walk = steps(loss)
    assert draw(walk, limit=30).titles.keys() == draw(loss, limit=30).titles.keys()
    with pytest.raises(TooLarge, match="299 nodes are more than the limit of 298"):
        draw(walk, collapse="none", limit=298)


def test_several_values_are_drawn_as_one_graph() -> None:
    """What two results share is drawn once."""
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    drawing = draw([a * b, a + b])
    assert sorted(name for name in drawing.titles if name.startswith("node")) == ["node0", "node1", "node2", "node3"]
    assert draw((a * b,)).source == draw(a * b).source


# ---------------------------------------------------------------- for the page


def test_gradients_may_be_given() -> None:
    """Given gradients are shown in place of `.grad`, generated names too, and an arrow lit."""
    f = circuit()
    data = graph_data(Graph(f * 2))
    gradients = [7.0 if node["name"] == "f" else None for node in data["nodes"]]
    look = Look(gradients=gradients, every_name=True, partials=True, lit=(4, 0), prefix="a_")
    drawing = drawn(data, everything(data["nodes"]), look)
    texts = shown(drawing.fragment())
    assert texts["a_node4"][-1] == "7.0"
    assert texts["a_node0"][-1] == "–"
    assert "out" in texts["a_node6"]
    assert elements(drawing.fragment())["a_edge4_0"].get("class") == "edge lit"
    assert [name for name in elements(drawing.fragment()) if not name.startswith("a_")] == []


def test_a_gradients_number_has_a_class() -> None:
    """In each card the number of the gradient, and nothing else, is of the class `gradient`."""
    picture = elements(draw(circuit() + 1).fragment())
    marked = {
        name: [text.text for text in element.iter(f"{SVG}text") if text.get("class") == "gradient"]
        for name, element in picture.items()
    }
    assert {name: texts for name, texts in marked.items() if texts} == {
        "node0": ["-4.0"],
        "node1": ["-4.0"],
        "node2": ["-4.0"],
        "node3": ["3.0"],
        "node4": ["1.0"],
        "node6": ["–"],
    }


# ---------------------------------------------------------------- labels


LABELS = [
    "<lambda>",
    "a|b{c}",
    '"',
    "'",
    "back\\",
    "\\N \\G \\\\E",
    "two\nlines",
    "</script>",
    "--><!--",
    "]]>",
    "&amp;lt;&#65;&nbsp;",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc\N{RIGHT-TO-LEFT MARK}",
    "\ud800",
    "\0",
    "\x1b[31m",
    " a  b ",
    'charset="latin-1"',
    "שלום العربية 中文 é 😀",
    "{}{0}%s",
    "v1",
    "x" * 40,
]


def check_label(label: str) -> None:
    """Draw a value of that name, and find the name in the picture, and in full in the title."""
    a = Value(1.0, label=label)
    svg = draw(a * Value(2.0, label=label)).fragment()
    assert shown(svg)["node0"][0] == (card.shortened(visible(label)) or "1.0")
    title = elements(svg)["node0"].findtext(f"{SVG}title")
    assert title == f"{visible(label) or 'v1'}: value 1.0"


@pytest.mark.parametrize("label", LABELS)
def test_any_label_is_shown(label: str) -> None:
    """The text parses with Graphviz, the picture parses as XML, and the label is shown, with nothing of it lost."""
    check_label(label)


@given(label=st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_is_shown(label: str) -> None:
    """Likewise for any text at all, lone surrogates and control characters among it."""
    check_label(label)


def test_an_unescaped_label_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: written as they come, labels are not shown as they are."""
    monkeypatch.setattr(card, "_literal", lambda text: text)
    caught = []
    for label in LABELS:
        try:
            check_label(label)
        except (AssertionError, ValueError, ElementTree.ParseError):
            caught.append(label)
    assert {"<lambda>", "</script>", "&amp;lt;&#65;&nbsp;", "\\N \\G \\\\E"} <= set(caught)


def test_a_long_label_shows_its_ends_and_its_length() -> None:
    """Of 10,000 characters the first and last are shown and all are counted; the title has them all."""
    label = "first " + "x" * 9_989 + " last"
    svg = draw(Value(1.0, label=label) + 1).fragment()
    assert shown(svg)["node0"][0] == f"first {'x' * 18}…{'x' * 3} last (10,000 characters)"
    assert str(elements(svg)["node0"].findtext(f"{SVG}title")).startswith(f"{label}: value")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("given_", "options", "error", "message"),
    [
        (1.0, {}, TypeError, "expected a Value or a list of Values, got 1.0 of type float"),
        ([Value(1.0), 2.0], {}, TypeError, "expected a list of Values, got one with 2.0 of type float in it"),
        ([], {}, ValueError, r"expected a Value or a list of Values, got \[\] with nothing in it"),
        (scalargrad.steps(Value(1.0)), {"names": {}}, TypeError, "steps have their names already"),
        (Value(1.0), {"direction": "up"}, ValueError, "direction must be one of LR, RL, TB, BT, got 'up'"),
        (Value(1.0), {"collapse": "all"}, ValueError, "collapse must be one of auto, none, neuron, layer, got 'all'"),
        (Value(1.0), {"limit": 0}, ValueError, "limit must be an integer of at least 1, got 0"),
        (Value(1.0), {"names": ["x"]}, TypeError, "names must be a mapping"),
    ],
)
def test_bad_arguments_are_refused(given_: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    """The error says what was given and what was expected."""
    with pytest.raises(error, match=message):
        draw(given_, **options)


def test_too_much_is_refused() -> None:
    """More nodes than the limit are an error with the count and what to do; as many as the limit are drawn."""
    draw(circuit(), limit=5)
    with pytest.raises(
        TooLarge, match="5 nodes are more than the limit of 4: draw a value that comes earlier, or raise"
    ):
        draw(circuit(), limit=4)


def test_a_chain_of_any_length_is_refused_at_once() -> None:
    """Neither the interpreter's stack nor Graphviz sees a hundred thousand nodes."""
    end = Value(1.0)
    for _ in range(100_000):
        end = end.sin()
    with pytest.raises(TooLarge, match="100,001 nodes"):
        draw(end)


def test_a_single_value_can_be_drawn() -> None:
    """A leaf by itself is a drawing of one card."""
    assert shown(draw(Value(0.5, label="a")).fragment()) == {"node0": ["a", "0.5", "grad ", "–"]}
    assert shown(draw(scalargrad.Constant(0.5)).fragment()) == {"node0": ["0.5"]}


# ---------------------------------------------------------------- arrows that reach far


def chain_of(neurons: int) -> Value:
    """As many neurons one after another, that share a weight and a bias without labels."""
    weight, bias = Value(0.5), Value(0.1)
    v = Value(0.5, label="x")
    for _ in range(neurons):
        v = (v * weight + bias).tanh()
    return v


def test_many_arrows_that_reach_far_are_cut() -> None:
    """Where they would fill the picture they start from the operand's name, which its card then shows too."""
    v = chain_of(60)
    drawing = draw(v)
    order = list(topological_order(v))
    texts_by_id = shown(drawing.fragment())
    cut = {name.removeprefix("from"): texts for name, texts in texts_by_id.items() if name.startswith("from")}
    assert 100 < len(cut) < 120
    for place, (text,) in cut.items():
        result, position = map(int, place.split("_"))
        operand = order[result].args[position]
        assert text in {"v1", "v3"}
        assert text in texts_by_id[f"node{order.index(operand)}"]
        assert drawing.titles[f"from{place}"] == drawing.titles[f"node{order.index(operand)}"]
        assert f"from{place}:e -> node{result}:w " in drawing.source
    edges = {name for name in texts_by_id if name.startswith("edge")}
    assert len(edges) == sum(len(node.args) for node in order)


def test_few_arrows_are_not_cut() -> None:
    """The same with fewer neurons is drawn as it is."""
    assert [name for name in draw(chain_of(20)).titles if name.startswith("from")] == []


def test_what_is_read_late_is_not_far() -> None:
    """A long chain of constants and fresh leaves has no arrow that reaches far: a leaf stands where it is read."""
    v = Value(1.0)
    for _ in range(140):
        v = (v + 1) * Value(1.0)
    assert [name for name in draw(v, limit=1000).titles if name.startswith("from")] == []
