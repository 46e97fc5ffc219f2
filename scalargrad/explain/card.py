"""What a node looks like: a card with its name, its number and its gradient.

    result      rounded, with the sign of its operation on a dark field
    parameter   square, with a violet edge and the word
    input       square, with a green edge and the word
    other leaf  square, with a grey edge
    constant    a small grey number

A card is light with dark text wherever it lies, so that it reads on white and on black paper. The
gradient's number stands on a field whose colour says its sign and size once more: blue above 0,
orange below (told apart by colour-blind eyes too), the fuller the larger beside the largest in the
drawing; yellow where it is no finite number; `–` and no colour where no sweep has been.
"""

from __future__ import annotations

import math
from html import escape

from .names import numeral

PAPER, INK, QUIET, LINE = "#ffffff", "#1f2328", "#656d76", "#818b98"
PARAMETER, INPUT = "#8250df", "#0f7b6c"
LIT = "#d1105a"
NOTHING, ODD = "#eff1f3", "#ffd33d"
ABOVE, BELOW = ((232, 242, 250), (120, 186, 232)), ((253, 241, 230), (250, 165, 96))
EDGES = {"parameter": PARAMETER, "input": INPUT}
SIGNS = {"*": "×", "-": "−"}  # as one writes them by hand
LONGEST = 40


def field(gradient: float | None, largest: float) -> str:
    """Return the colour behind a gradient, given the largest in the drawing.

    >>> field(1.0, 1.0), field(-1.0, 1.0), field(None, 1.0), field(float("nan"), 1.0)
    ('#78bae8', '#faa560', '#eff1f3', '#ffd33d')
    """
    if gradient is None or gradient == 0:
        return NOTHING
    if not math.isfinite(gradient):
        return ODD
    pale, full = ABOVE if gradient > 0 else BELOW
    share = math.sqrt(abs(gradient) / largest)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(pale, full, strict=True))


def shortened(text: str) -> str:
    """Return the text, or its two ends and how long it is.

    >>> shortened("x" * 100)
    'xxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxx (100 characters)'
    """
    return text if len(text) <= LONGEST else f"{text[:24]}…{text[-8:]} ({len(text):,} characters)"


def constant(text: str) -> str:
    """Return the label of a constant."""
    inside = f'<TD STYLE="ROUNDED" BGCOLOR="{NOTHING}">{_font(text, size=10, colour=QUIET)}</TD>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"><TR>{inside}</TR></TABLE>>'


def pill(text: str, lit: bool = False) -> str:
    """Return the label of an edge."""
    colours = f'BGCOLOR="{LIT if lit else NOTHING}"'
    inside = f'<TD STYLE="ROUNDED" {colours}>{_font(text, size=9, colour=PAPER if lit else INK)}</TD>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2"><TR>{inside}</TR></TABLE>>'


def card(
    kind: str,
    *,
    name: str | None = None,
    is_generated: bool = False,
    value: float | None = None,
    gradient: tuple[float | None, float] | None = None,
    lines: tuple[str, ...] = (),
    seal: str = "",
    direction: str = "LR",
) -> str:
    """Return the label of a variable, whose kind is result, parameter, input or leaf.

    `gradient` is the number, or None where no sweep has been, and the largest in the drawing. The
    seal stands where the arrows come in.
    """
    rows = []
    if name is not None:
        rows.append(_cell(_font(shortened(name), size=11, colour=QUIET) if is_generated else _name(name)))
    if kind in EDGES:
        caption = _font(kind, size=8, colour=EDGES[kind])
        rows[:1] = [_cell(f"{_name(name)}  {caption}" if name and not is_generated else caption)]
    if value is not None:
        rows.append(_cell(_font(numeral(value), size=13)))
    rows += [_cell(_font(line, size=9, colour=QUIET)) for line in lines]
    if gradient is not None:
        number, largest = gradient
        text = _font("grad ", size=9, colour=INK) + _font("–" if number is None else numeral(number), size=11)
        rows.append(_cell(text, f' STYLE="ROUNDED" BGCOLOR="{field(number, largest)}"'))
    if not rows and not seal:
        rows = [_cell(_font(kind, size=8, colour=QUIET))]
    if seal:
        rows = _joined(seal, rows, direction)
    style = ' STYLE="ROUNDED"' if kind == "result" else ""
    border = f'BORDER="{2 if kind in EDGES else 1}" COLOR="{EDGES.get(kind, LINE)}"{style} BGCOLOR="{PAPER}"'
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<<TABLE {border} CELLBORDER="0" CELLSPACING="3" CELLPADDING="2">{body}</TABLE>>'


def seal(sign: str, ordinals: tuple[str, ...], direction: str) -> str:
    """Return the dark field with an operation's sign, and a port for each operand whose place matters.

    The ports stand in the operands' order, around the sign, at the side where the arrows come in.
    """
    cells = [f'<TD PORT="{word}">{_font(word, size=8, colour=PAPER)}</TD>' for word in ordinals]
    middle = (len(cells) + 1) // 2
    size = 16 if len(sign) <= 2 else 11
    cells[middle:middle] = [f'<TD WIDTH="24">{_font(sign, size=size, colour=PAPER)}</TD>']
    body = "".join(cells) if direction in {"TB", "BT"} else "</TR><TR>".join(cells)
    look = f'STYLE="ROUNDED" BGCOLOR="{INK}"'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" {look}><TR>{body}</TR></TABLE>'


def _joined(seal: str, rows: list[str], direction: str) -> list[str]:
    """The rows with the seal on the side where the arrows come in."""
    if not rows:
        return [f"<TD>{seal}</TD>"]
    if direction in {"TB", "BT"}:
        return [f"<TD>{seal}</TD>", *rows] if direction == "TB" else [*rows, f"<TD>{seal}</TD>"]
    sealed = f'<TD ROWSPAN="{len(rows)}">{seal}</TD>' if len(rows) > 1 else f"<TD>{seal}</TD>"
    first = f"{sealed}{rows[0]}" if direction == "LR" else f"{rows[0]}{sealed}"
    return [first, *rows[1:]]


def _cell(content: str, attributes: str = "") -> str:
    return f'<TD ALIGN="LEFT"{attributes}>{content}</TD>'


def _name(name: str | None) -> str:
    return f"<B>{_font(shortened(name or ''), size=12)}</B>"


def _font(text: str, size: int, colour: str = INK) -> str:
    return f'<FONT POINT-SIZE="{size}" COLOR="{colour}">{escape(text)}</FONT>' if text else ""
