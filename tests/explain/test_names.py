"""The laws of names and numbers: every node has one, no two the same one, and all of it prints."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Constant, Value, nn
from scalargrad.engine.graph import topological_order
from scalargrad.explain.names import (
    atom,
    constant_name,
    exact,
    gradient_name,
    integral,
    local_gradient_name,
    node_names,
    numeral,
    variables,
)
from scalargrad.explain.walk.graph import Graph
from scalargrad.terminal import visible
from tests.engine.test_graph import FUNCTIONS
from tests.oracle import Program, plain_numbers, programs, run

numbers = st.floats()


@given(programs(), st.lists(st.sampled_from(["", "a", "a#2", "v1", "v2", "2", "\n", "\\n"]), min_size=20))
def test_names_are_unique(program: Program, labels: list[str]) -> None:
    """Every node but a constant has a name of its own, whatever the labels."""
    nodes = run(program, [Value(x) for x in program.leaves], FUNCTIONS)
    for node, label in zip(nodes, labels, strict=False):
        node.label = label
    order = topological_order(nodes[-1])
    names = node_names(order)
    assert list(names) == list(order)
    own = [name for node, name in names.items() if not isinstance(node, Constant)]
    assert len(set(own)) == len(own)
    assert all(own)


def test_a_label_comes_before_a_variable_before_a_number() -> None:
    """A node is called by its label, else by its variable, else it is numbered."""
    a, b, c = Value(1.0, label="a"), Value(2.0), Value(3.0)
    d = a * b + c
    names = node_names(topological_order(d), variables({"x": a, "b": b, "y": b, "_c": c}))
    assert [names[node] for node in (a, b, c, d)] == ["a", "b", "v2", "v3"]


def test_a_result_at_the_end_is_not_numbered() -> None:
    """What nothing else names is f at the end of a graph, or out, or result; several are numbered by themselves."""
    f, x = Value(1.0, label="f"), Value(2.0)
    y = f * x
    assert node_names(topological_order(y), roots=[y])[y] == "out"
    x.label = "out"
    assert node_names(topological_order(y), roots=[y])[y] == "result"
    f.label = "result"
    assert node_names(topological_order(y), roots=[y])[y] == "f"
    pair = [y, x + f]
    names = node_names(topological_order(*pair), roots=pair)
    assert [names[root] for root in pair] == ["f1", "f2"]
    everything = [Value(1.0, label=label) for label in ("f", "out", "result", "f1")]
    total = sum(everything, Value(0.0))
    assert node_names(topological_order(total), roots=[total])[total] == "f2"


def test_modules_name_their_parameters_and_inputs() -> None:
    """A parameter has the name of the outermost module's `named_parameters`, an input its place in the row."""
    model = nn.MLP(2, [3, 1], rng=0)
    row = [Value(1.0), Value(2.0, label="length")]
    graph = Graph(model(row), {"first": model.parameters()[0]})
    named = dict(model.named_parameters())
    assert {name: graph.names[parameter] for name, parameter in named.items()} == {name: name for name in named}
    assert [graph.names[x] for x in row] == ["x1", "length"]
    assert [graph.is_named(node) for node in (*row, model.parameters()[0])] == [False, True, False]


def test_a_label_comes_before_what_a_module_says() -> None:
    """A label on a parameter is its name; and two models of one shape are told apart."""
    one, other = nn.Neuron(1, rng=0), nn.Neuron(1, rng=1)
    one.bias.label = "offset"
    names = set(Graph(one([1.0]) * other([1.0])).names.values())
    assert {"offset", "bias", "weights.0", "weights.0#2", "x1", "x1#2"} <= names


def test_the_variables_of_a_session_name_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """At Python's prompt and in a notebook variables give names by themselves; in a program, and with {}, none does."""
    x = Value(2.0)
    y = x * 3
    monkeypatch.setitem(vars(sys.modules["__main__"]), "price", x)
    assert list(Graph(y).names.values()) == ["v1", "3", "f"]
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert list(Graph(y).names.values()) == ["price", "3", "f"]
    assert list(Graph(y, {}).names.values()) == ["v1", "3", "f"]
    assert list(Graph(y, {"y": y}).names.values()) == ["v1", "3", "y"]


def test_lists_and_tuples_are_looked_into() -> None:
    """What lists and tuples hold is named by its place, even in a list that holds itself."""
    w: list[Any] = [Value(1.0), 2.0, (Value(3.0),)]
    w.append(w)
    order = topological_order(w[0] * w[2][0])
    assert list(node_names(order, variables({"w": w, "n": 3})).values()) == ["w[0]", "w[2][0]", "v1"]


def test_the_same_labels_are_told_apart() -> None:
    """The first keeps the label, the others are numbered, beside whatever is called so already."""
    nodes = [Value(1.0, label=label) for label in ("a", "a", "a#2", "a")]
    assert list(node_names(nodes).values()) == ["a", "a#3", "a#2", "a#4"]


def test_constants_are_called_by_their_number() -> None:
    """A constant without a label is its number as one types it, with the digits of every view."""
    total = (Value(1.0) + 2) * (1 / 3) - Constant(1.0, label="one")
    assert list(node_names(topological_order(total)).values()) == ["v1", "2", "v2", "0.3333", "v3", "one", "v4"]
    assert "0.3333333333333333" in node_names(topological_order(total), digits=None).values()
    assert [constant_name(x, 4) for x in (-0.0, 1e22, 2.9999999)] == ["-0.0", "1e+22", "3"]


@pytest.mark.parametrize("names", [["a"], 3, "a"])
def test_names_are_a_mapping(names: Any) -> None:
    """Names of another type are an error at once."""
    with pytest.raises(TypeError, match=r"names must be a mapping such as locals\(\), got"):
        variables(names)


def test_names_are_strings() -> None:
    """A mapping with other keys is an error at once."""
    with pytest.raises(TypeError, match="names must be strings, got 3 of type int"):
        variables({3: Value(1.0)})  # type: ignore[dict-item]  # the mistake itself


# ---------------------------------------------------------------- text


@given(st.text(st.characters(codec=None)) | st.sampled_from(["\ud800", "\u202ea", "\x1b[2J", "</script>", "a\\"]))
def test_all_text_becomes_printable(text: str) -> None:
    """Whatever the text, its visible form prints on one line in any encoding of Unicode."""
    shown = visible(text)
    assert shown.isprintable()
    shown.encode("utf-8")
    assert shown == text or not text.isprintable()


def test_a_name_of_several_words_gets_parentheses() -> None:
    """In a formula a name that is not one word stands in parentheses."""
    assert [atom(name) for name in ("a", "σ", "w[0]", "a#2", "2.5")] == ["a", "σ", "w[0]", "a#2", "2.5"]
    assert [atom(name) for name in ("a b", "-2", "<b>", "f(x)")] == ["(a b)", "(-2)", "(<b>)", "(f(x))"]
    assert gradient_name("a", "b c") == "da/d(b c)"
    assert local_gradient_name("a", "b c") == "∂a/∂(b c)"


# ---------------------------------------------------------------- numbers


@given(numbers)
def test_exact_numbers_are_exact(x: float) -> None:
    """What is written exactly is read back as the same bits."""
    for written in (exact, integral):
        assert float(written(x)).hex() == x.hex()


@given(numbers, st.integers(1, 17))
def test_numerals_are_right_to_their_digits(x: float, digits: int) -> None:
    """A numeral is off by no more than half a unit of its last digit, and short."""
    shown = numeral(x, digits)
    assert len(shown) <= digits + 8
    if float(shown) != x and math.isfinite(x):
        assert abs(Fraction(shown) - Fraction(x)) <= abs(Fraction(x)) * Fraction(10) ** (1 - digits) / 2
    else:
        assert float(shown).hex() == x.hex()


@given(plain_numbers.filter(lambda x: abs(x) < 1000))
def test_what_rounds_to_a_number_looks_like_it(x: float) -> None:
    """A number and what it is rounded to have one form: there is no 1.000 beside 1.0, and no 0.5000 beside 0.5."""
    rounded = float(f"{x:.4g}")
    assert numeral(x) == numeral(rounded)
    assert abs(rounded) >= 1000 or numeral(rounded) == exact(rounded)


def test_numerals_read_well() -> None:
    """As one would write them into a small box."""
    numbers = [0.0, -0.0, 1e22, 1.2e8, 100000.0, 0.25, 1e-5]
    assert list(map(numeral, numbers)) == ["0.0", "-0.0", "1e+22", "1.2e+08", "100000.0", "0.25", "1e-05"]
    assert numeral(123456.789) == "1.235e+05"
    assert numeral(1.5e308, 1) == "2e+308"
