"""Draws the house: which part of the package stands on which.

    python -m tests.house

writes docs/house.svg anew, from the layers that `test_structure.py` holds. A test compares it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from tests.test_structure import LAYERS

PICTURE = Path(__file__).parents[1] / "docs" / "house.svg"
SAYS = {
    "cli": "the command",
    "exercises": "is this answer right, and if not, which mistake is it?",
    "explain": "how was this gradient computed?",
    "check": "is this gradient right?",
    "lifting": "what array program is this?",
    "nn": "neurons, layers, networks",
    "optim": "optimizers and training",
    "expressions": "text and functions",
    "functional": "composed functions and losses",
    "misconceptions": "what learners get wrong",
    "engine": "what is a Value, and how is its gradient computed?",
    "files": "safe writing",
    "terminal": "tables and colours",
}
WIDTH, HEIGHT, GAP = 960, 76, 14
STYLE = (
    "text { font-family: system-ui, sans-serif; text-anchor: middle; fill: #1c2733; } .name { font-size: 19px; "
    "font-weight: 600; } .says { font-size: 14px; } rect { fill: #eef3f9; stroke: #8fa9c8; rx: 8px; } "
    ".core rect { fill: #dbe7f5; stroke: #4d7db3; }"
)


def picture() -> str:
    """The house as an SVG, the core at the bottom."""
    floors = [[name for name in layer if name in SAYS] for layer in reversed(LAYERS["scalargrad"])]
    floors = [floor for floor in floors if floor]
    height = len(floors) * (HEIGHT + GAP) + GAP
    title = "The parts of scalargrad, each standing on those below it"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        *(line for i, floor in enumerate(floors) for line in _floor(floor, GAP + i * (HEIGHT + GAP))),
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _floor(names: list[str], y: int) -> Iterator[str]:
    parts = [3 if name == "engine" else 1 for name in names]
    unit = (WIDTH - GAP * (len(names) + 1)) / sum(parts)
    x: float = GAP
    for name, part in zip(names, parts, strict=True):
        width = part * unit
        middle = x + width / 2
        yield f'<g class="{"core" if name == "engine" else "part"}">'
        yield f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{HEIGHT}"/>'
        yield f'<text class="name" x="{middle:.0f}" y="{y + 32}">{name}</text>'
        yield f'<text class="says" x="{middle:.0f}" y="{y + 56}">{escape(SAYS[name])}</text>'
        yield "</g>"
        x += width + GAP


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
