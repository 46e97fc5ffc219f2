"""The pages show what the library draws; `python -m tests.explain.drawing.test_readme` draws their pictures again."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from scalargrad import Value, draw, nn, softmax, square_error
from scalargrad.explain.drawing.render import Drawing
from tests.explain.drawing.test_picture import shown

ROOT = Path(__file__).parents[3]


def neuron() -> Drawing:
    """The tanh neuron of the README's first example."""
    x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
    w1, w2, b = Value(-3.0, label="w1"), Value(1.0, label="w2"), Value(6.8813735870195432, label="b")
    n = x1 * w1 + x2 * w2 + b
    o = n.tanh()
    o.backward()
    return draw(o, names={"n": n, "o": o})


def digits() -> Drawing:
    """A network for handwritten digits, with its 9,964 values in layers."""
    rng = random.Random(0)
    model = nn.MLP(256, [12, 10], "sigmoid", rng=rng)
    loss = square_error(softmax(model([rng.random() for _ in range(256)])), [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    loss.backward()
    return draw(loss, names={"loss": loss}, collapse="layer")


PICTURES: dict[str, Callable[[], Drawing]] = {"docs/neuron.svg": neuron, "docs/digits.svg": digits}
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("path", PICTURES)
def test_the_pages_show_what_the_library_draws(path: str) -> None:
    """Each picture has the same elements with the same texts as one drawn now, and a place on a page."""
    stored = (ROOT / path).read_text(encoding="utf-8")
    assert shown(stored) == shown(PICTURES[path]().pipe("svg", encoding="utf-8"))
    assert len(stored) < 150_000
    places = [os.path.relpath(ROOT / path, page.parent) for page in PAGES]
    assert any(f"({place})" in page.read_text(encoding="utf-8") for page, place in zip(PAGES, places, strict=True))


if __name__ == "__main__":
    for path, drawn in PICTURES.items():
        drawn().render(ROOT / path)
