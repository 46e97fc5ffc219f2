"""What a node looks like: a card with its name, its value and its gradient.

    result      rounded, with the sign of its operation on a dark field
    parameter   square, with a violet edge and the word
    input       square, with a green edge and the word
    other leaf  square, with a grey edge
    constant    a small grey number
    box         rounded, with the name of what is hidden in it on a violet or dark field

A card is light with dark text, so that it can be read on white and on black paper. The gradient
stands on a field whose colour shows its sign, and its size beside the largest gradient in the drawing;
where no sweep has reached the node, there are `–` and no colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..colours import EDGES, FRAME_FIELD, FRAMED, INK, LINE, LIT, NOTHING, PAPER, QUIET, field
from ..names import numeral

FRAME = f'style="rounded,filled" color="{FRAMED}" fillcolor="{FRAME_FIELD}" labeljust="l" margin="8"'
SIGNS = {"*": "×", "-": "−"}  # as in handwriting
LONGEST = 40
SIDES = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}  # where arrows leave and enter a card


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return the text, or its two ends; where there is room, with how long it is.

    >>> shortened("x" * 100)
    'xxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxx (100 characters)'
    >>> shortened("a long name", 8)
    'a lo…me'
    """
    if len(text) <= longest:
        return text
    if longest < LONGEST:
        return f"{text[: longest // 2]}…{text[-(longest // 4) :]}"
    return f"{text[:24]}…{text[-8:]} ({len(text):,} characters)"


def sign(operation: str) -> str:
    """Return how an operation's sign is written by hand."""
    return SIGNS.get(operation, operation)


def constant(text: str) -> str:
    """Return the label of a constant."""
    inside = f'<TD STYLE="ROUNDED" BGCOLOR="{NOTHING}">{_font(text, size=10, colour=QUIET)}</TD>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"><TR>{inside}</TR></TABLE>>'


def caption(lines: Sequence[str]) -> str:
    """Return a label that is not a card: a few words on a field of their own, above or between other things."""
    rows = "".join(f"<TR><TD>{_font(line, size=10)}</TD></TR>" for line in lines)
    look = f'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" STYLE="ROUNDED" BGCOLOR="{NOTHING}"'
    return f"<<TABLE {look}>{rows}</TABLE>>"


def pill(*lines: str, lit: bool = False) -> str:
    """Return the label of an arrow or a frame, on a field of its own, so that it can be read on any paper."""
    text = "<BR/>".join(_font(line, size=9, colour=PAPER if lit else INK) for line in lines)
    inside = f'<TD STYLE="ROUNDED" BGCOLOR="{LIT if lit else NOTHING}">{text}</TD>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2"><TR>{inside}</TR></TABLE>>'


def disc(word: str, number: float | None, gradient: float | None, largest: float) -> str:
    """Return the text in a circle: what the number is, the number, and a gradient where there is one.

    Args:
        word: what the number is, such as bias.
        number: the number; None for the word alone.
        gradient: None where no sweep has been.
        largest: the largest gradient in the drawing.
    """
    rows = [f"<TR><TD>{_font(word, size=8 if number is not None else 11, colour=QUIET)}</TD></TR>"]
    if number is not None:
        rows.append(f"<TR><TD>{_font(numeral(number), size=11)}</TD></TR>")
    if gradient is not None:
        text = _font(f"grad {numeral(gradient)}", size=7)
        rows.append(f'<TR><TD STYLE="ROUNDED" BGCOLOR="{field(gradient, largest)}">{text}</TD></TR>')
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>>'


Gradient = tuple[float | None, float]  # None where no sweep has been; and the largest in the drawing


def card(
    kind: str,
    *,
    name: str | None = None,
    is_generated: bool = False,
    caption: str = "",
    value: float | None = None,
    lines: Sequence[str] = (),
    gradient: Gradient | None = None,
    sealed: str = "",
    direction: str = "LR",
) -> str:
    """Return the label of a variable, whose kind is result, parameter, input or leaf.

    The caption stands behind the kind. The seal stands where the arrows enter.
    """
    shown = "" if name is None else _font(shortened(name), size=11, colour=QUIET) if is_generated else _name(name)
    small = _font(f"{kind} {shortened(caption)}".strip(), size=8, colour=EDGES[kind]) if kind in EDGES else ""
    rows = [_cell("  ".join(filter(None, (shown, small))))] if shown or small else []
    if value is not None:
        rows.append(_cell(_font(numeral(value), size=13)))
    rows += [_cell(_font(line, size=9, colour=QUIET)) for line in lines]
    if gradient is not None:
        rows.append(_graded(gradient))
    return _framed(kind, rows, sealed, direction)


def box(
    lines: Sequence[str],
    results: Sequence[tuple[str, str | None, float | None, Gradient | None]],
    sealed: str,
    direction: str,
) -> str:
    """Return the label of a box with several results, each with its port, name, value and gradient.

    The results stand across the direction of the arrows, each with its port at the side where arrows
    leave, so that no arrow crosses another result.
    """
    columns = max(1, len(results)) if direction in {"TB", "BT"} else 2
    rows = [f'<TD COLSPAN="{columns}" ALIGN="LEFT">{_font(line, size=9, colour=QUIET)}</TD>' for line in lines]
    shown = [_result(*result, direction) for result in results]
    if direction in {"TB", "BT"}:
        rows += ["".join(cells) for cells in zip(*shown, strict=True)]
    else:
        rows += ["".join(cells) for cells in shown]
    grid = "".join(f"<TR>{row}</TR>" for row in rows)
    inside = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="1">{grid}</TABLE>'
    return _framed("result", [f"<TD>{inside}</TD>"], sealed, direction)


def _result(port: str, name: str | None, value: float | None, gradient: Gradient | None, direction: str) -> list[str]:
    """The cells of a result: its name and value, and its gradient; the one where arrows leave has the port."""
    cells = [_name(name)] if name else []
    cells += [_font(numeral(value), size=11)] if value is not None else []
    content = ["  ".join(cells), *([] if gradient is None else [_gradient(gradient)])]
    look = ["", *([] if gradient is None else [_field(gradient)])]
    look[-1 if SIDES[direction][0] in {"e", "s"} else 0] += f' PORT="{port}"'
    return [_cell(text, attributes) for text, attributes in zip(content, look, strict=True)]


def _graded(gradient: Gradient) -> str:
    return _cell(_gradient(gradient), _field(gradient))


def _gradient(gradient: Gradient) -> str:
    number, _ = gradient
    return _font("grad ", size=9) + _font("–" if number is None else numeral(number), size=11)


def _field(gradient: Gradient) -> str:
    return f' STYLE="ROUNDED" BGCOLOR="{field(*gradient)}"'


def _framed(kind: str, rows: list[str], sealed: str, direction: str) -> str:
    if not rows and not sealed:
        rows = [_cell(_font(kind, size=8, colour=QUIET))]
    if sealed:
        rows = _joined(sealed, rows, direction)
    style = ' STYLE="ROUNDED"' if kind == "result" else ""
    border = f'BORDER="{2 if kind in EDGES else 1}" COLOR="{EDGES.get(kind, LINE)}"{style} BGCOLOR="{PAPER}"'
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<<TABLE {border} CELLBORDER="0" CELLSPACING="3" CELLPADDING="2">{body}</TABLE>>'


def seal(sign: str, ordinals: Sequence[str] = (), direction: str = "LR", colour: str = INK) -> str:
    """Return the dark field with an operation's sign, and a port for each operand whose place matters.

    The ports stand in the operands' order, around the sign, at the side where the arrows enter.
    """
    cells = [f'<TD PORT="{word}">{_font(word, size=8, colour=PAPER)}</TD>' for word in ordinals]
    middle = (len(cells) + 1) // 2
    size = 16 if len(sign) <= 2 else 11
    cells[middle:middle] = [f'<TD WIDTH="24">{_font(sign, size=size, colour=PAPER)}</TD>']
    body = "".join(cells) if direction in {"TB", "BT"} else "</TR><TR>".join(cells)
    look = f'STYLE="ROUNDED" BGCOLOR="{colour}"'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" {look}><TR>{body}</TR></TABLE>'


def _joined(sealed: str, rows: list[str], direction: str) -> list[str]:
    """The rows with the seal on the side where the arrows enter."""
    if not rows:
        return [f"<TD>{sealed}</TD>"]
    if direction in {"TB", "BT"}:
        apart = [f"<TD>{sealed}</TD>"]
        return apart + rows if direction == "TB" else rows + apart
    span = f' ROWSPAN="{len(rows)}"' if len(rows) > 1 else ""
    first = f"<TD{span}>{sealed}</TD>{rows[0]}" if direction == "LR" else f"{rows[0]}<TD{span}>{sealed}</TD>"
    return [first, *rows[1:]]


def _cell(content: str, attributes: str = "") -> str:
    return f'<TD ALIGN="LEFT"{attributes}>{content}</TD>'


def _name(name: str) -> str:
    return f"<B>{_font(shortened(name), size=12)}</B>" if name else ""


def _font(text: str, size: int, colour: str = INK) -> str:
    return f'<FONT POINT-SIZE="{size}" COLOR="{colour}">{_literal(text)}</FONT>' if text else ""


def _literal(text: str) -> str:
    r"""The text for Graphviz, which in its HTML too replaces `\N` by the name of the node."""
    return escape(text).replace("\\", "\\\\")
