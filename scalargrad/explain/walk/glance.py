"""Where the cursor stands, at a glance: some steps around it and the totals so far, as text and as HTML.

    steps of L = -8.0: 2 of 6 made
       1  ∂L/∂d += ∂L/∂L · ∂L/∂d = 1.0 × -2.0 = -2.0   (0.0 → -2.0)
    →  2  ∂L/∂f += ∂L/∂L · ∂L/∂f = 1.0 × 4.0 = 4.0   (0.0 → 4.0)
          L = d * f, so ∂L/∂f = d
       3  ∂L/∂e += ∂L/∂d · ∂d/∂e = -2.0 × 1.0 = -2.0   (0.0 → -2.0)
    totals: L 1.0   d -2.0   f 4.0   c –   e –   b –   a –

The arrow marks the step made last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...terminal import fitted
from ...value import Constant, Value
from ..names import exact, numeral
from .step import ROOM

if TYPE_CHECKING:
    from .steps import Steps

BEFORE, AFTER = 2, 3  # steps shown before the one made last, and after it
FEW = 12  # nodes whose totals are all shown
SMALL = 60  # nodes of a graph that is drawn beside its steps
DIGITS = 6  # of a total


def as_text(walk: Steps) -> str:
    """Return the lines that a REPL shows."""
    window = _window(walk)
    room = len(str(window.stop))
    lines = [_heading(walk)]
    for i in window:
        lines.append(f"{_mark(walk, i)}  {i + 1:>{room}}  {walk[i]}")
        if i + 1 == walk.position:
            lines.append(f"{' ' * (room + 5)}{walk[i].reason}")
    nodes, more = _nodes_in_view(walk)
    totals = [f"{fitted(walk.names[node], ROOM)} {_shown(walk.total(node))}" for node in nodes]
    lines.append(f"totals: {'   '.join(totals)}{more}")
    return "\n".join(lines)


def as_html(walk: Steps) -> str:
    """Return the fragment that a notebook shows: static, with every name escaped; the drawing where it can be had."""
    from html import escape

    rows = []
    for i in _window(walk):
        is_last_made = i + 1 == walk.position
        lines = [str(walk[i]), walk[i].reason] if is_last_made else [str(walk[i])]
        text = "<br>".join(map(escape, lines))
        weight = "bold" if is_last_made else "normal"
        rows.append(
            f'<tr style="font-weight:{weight}"><td>{_mark(walk, i)}</td><td>{i + 1}</td>'
            f'<td style="text-align:left"><code>{text}</code></td></tr>'
        )
    nodes, more = _nodes_in_view(walk)
    names = "".join(f'<th scope="col">{escape(fitted(walk.names[node], ROOM))}</th>' for node in nodes)
    totals = "".join(f"<td>{_shown(walk.total(node))}</td>" for node in nodes)
    return (
        f'<div class="scalargrad-steps"><p>{escape(_heading(walk))}</p>{_drawing(walk)}'
        f"<table><tbody>{''.join(rows)}</tbody></table>"
        f"<table><caption>totals{more}</caption><thead><tr>{names}</tr></thead>"
        f"<tbody><tr>{totals}</tr></tbody></table></div>"
    )


def _drawing(walk: Steps) -> str:
    if len(walk.order) > SMALL:
        return ""
    try:
        return walk.draw(prefix=f"steps{walk.position}_").fragment()
    except ImportError:  # the steps can be read without it
        return ""


def _heading(walk: Steps) -> str:
    made = f"{walk.position:,} of {len(walk):,} made" if len(walk) else "it was computed from nothing"
    return f"steps of {fitted(walk.names[walk.value], ROOM)} = {exact(walk.value.data)}: {made}"


def _window(walk: Steps) -> range:
    """The steps in view: as many at the ends as between."""
    start = max(0, min(walk.position - 1 - BEFORE, len(walk) - BEFORE - 1 - AFTER))
    return range(start, min(len(walk), start + BEFORE + 1 + AFTER))


def _mark(walk: Steps, i: int) -> str:
    return "→" if i + 1 == walk.position else " "


def _nodes_in_view(walk: Steps) -> tuple[list[Value], str]:
    """The watched nodes, then all or those of the steps in view, the value first; and how many there are more."""
    count = sum(node.__class__ is not Constant for node in walk.order)
    if count <= FEW:
        others = [node for node in reversed(walk.order) if node.__class__ is not Constant]
    else:
        others = [node for i in _window(walk) for node in (walk[i].result, walk[i].operand)]
    nodes = list(dict.fromkeys([*walk.watched, *others]))
    return nodes, f"   and {count - len(nodes):,} more" if count > len(nodes) else ""


def _shown(total: float | None) -> str:
    return "–" if total is None else numeral(total, DIGITS)
