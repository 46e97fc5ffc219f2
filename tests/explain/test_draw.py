"""What a drawing shows, and that it shows it whatever it is called."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from scalargrad import TooLarge, Value, draw
from scalargrad.explain.draw import picture


def circuit() -> Value:
    """(x + y) z of CS231n, swept."""
    x, y, z = Value(-2.0, label="x"), Value(5.0, label="y"), Value(-4.0, label="z")
    q = x + y
    q.label = "q"
    f = q * z
    f.label = "f"
    f.backward()
    return f


SVG = "{http://www.w3.org/2000/svg}"


def shown(svg: str) -> dict[str, list[str]]:
    """The texts of each element of an SVG, by its id."""
    groups = ElementTree.fromstring(svg).iter(f"{SVG}g")  # noqa: S314  # written by the test itself
    return {
        group.get("id", ""): [str(text.text) for text in group.iter(f"{SVG}text")]
        for group in groups
        if group.get("class") != "graph"
    }


def test_a_card_shows_sign_name_value_and_gradient() -> None:
    """Each node of the circuit shows its own four things; the edges have their ids."""
    found = shown(draw(circuit()).pipe("svg", encoding="utf-8"))
    assert found["node2"] == ["+", "q", "3.0", "grad ", "-4.0"]
    assert found["node4"] == ["×", "f", "-12.0", "grad ", "1.0"]
    assert {"edge2_0", "edge2_1", "edge4_0", "edge4_1"} <= found.keys()


def test_a_variable_used_twice_has_two_edges() -> None:
    """`a + a` is drawn with two arrows."""
    a = Value(3.0, label="a")
    assert {"edge1_0", "edge1_1"} <= shown(draw(a + a).fragment()).keys()


def test_gradients_may_be_given() -> None:
    """The stepper's gradients are shown in place of `.grad`, and an edge lit."""
    f = circuit()
    drawing = picture(f, gradients={f: 7.0}, every_name=True, lit=(4, 0), prefix="a_")
    found = shown(drawing.fragment())
    assert found["a_node4"][-1] == "7.0"
    assert found["a_node0"][-1] == "–"
    assert 'id="a_edge4_0" class="edge lit"' in drawing.fragment()


def test_too_much_is_refused() -> None:
    """More nodes than the limit are an error."""
    with pytest.raises(TooLarge, match="5 nodes are more than the limit of 4"):
        draw(circuit(), limit=4)
