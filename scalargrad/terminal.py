"""Text for a terminal: how wide it is, how it fits, its tables, and its colours where there are any.

A terminal lays text out in cells. A Chinese character takes two of them, a combining accent none,
so columns are aligned by cells, not by characters.

Colours only repeat what the text says. They are shown on a terminal, unless `NO_COLOR` is set.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import rich.text

Part = tuple[str, str]  # a text and its style; "" for none

NARROW = 12  # cells to which a column shrinks
BOLD, DIM, RED, CYAN, MAGENTA, BOLD_RED = "bold", "dim", "red", "cyan", "magenta", "bold red"
CODES = {BOLD: "1", DIM: "2", RED: "31", CYAN: "36", MAGENTA: "35", BOLD_RED: "1;31"}  # of ECMA-48


def visible(text: str) -> str:
    r"""Return the text with characters that do not print written as Python's escapes.

    >>> print(visible("loss\n\u202e<b>"))
    loss\n\u202e<b>
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def cells(text: str) -> int:
    """Return how many cells of a terminal a text needs.

    >>> cells("loss"), cells("损失"), cells("x̂")
    (4, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(sign: str) -> int:
    if unicodedata.category(sign) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def fitted(text: str, room: int) -> str:
    """Return the text; if it needs more cells than there is room, with … in place of its middle.

    >>> fitted("learning_rate", 9)
    'lear…rate'
    """
    if cells(text) <= room:
        return text
    left = _start(text, room // 2)
    right = _start(text[::-1], room - 1 - cells(left))[::-1]
    return f"{left}…{right}"


def cut(text: str, room: int) -> str:
    """Return the text; if it needs more cells than there is room, with … in place of its end.

    >>> cut("n = w1 * x1 + b", 9)
    'n = w1 *…'
    """
    return text if cells(text) <= room else f"{_start(text, room - 1)}…"


def _start(text: str, room: int) -> str:
    return text[: sum(taken <= room for taken in accumulate(map(_cells_of, text)))]


def padded(text: str, room: int, right: bool = False) -> str:
    """Return the text filled up with blanks to so many cells: behind it or, for `right`, before it.

    >>> padded("损", 4) + "|" + padded("-3.0", 6, right=True)
    '损  |  -3.0'
    """
    blanks = " " * (room - cells(text))
    return blanks + text if right else text + blanks


def aligned(numbers: Sequence[str]) -> list[str]:
    """Return the numbers padded to the same width, with their decimal points one below the other.

    >>> aligned(["-8.0", "0.7071", "–"])
    ['-8.0   ', ' 0.7071', ' –     ']
    """
    cuts = [min((i for sign in ".e" if (i := text.find(sign)) >= 0), default=len(text)) for text in numbers]
    left = max(cuts, default=0)
    right = max((len(text) - cut for text, cut in zip(numbers, cuts, strict=True)), default=0)
    return [" " * (left - cut) + text.ljust(cut + right) for text, cut in zip(numbers, cuts, strict=True)]


def width_of(file: IO[str] | None) -> int | None:
    """Return how many cells a line of the file has: the terminal's width; None if the file is not a terminal."""
    if not _is_terminal(file):
        return None
    import shutil

    return shutil.get_terminal_size().columns


def _is_terminal(file: IO[str] | None) -> bool:
    return file is not None and not getattr(file, "closed", False) and file.isatty()


# ---------------------------------------------------------------- tables

Row = Sequence["str | Part"]  # a cell without a style may be just its text

# the styles of HTML for notebooks: what is around it has other ones in each
RULE = "1px solid #999999"
TABLE = "border-collapse:collapse;margin:8px 0"
CELL = "padding:2px 12px 2px 0;vertical-align:baseline"
CAPTION = "caption-side:top;text-align:left;padding:2px 0"
LINES = "font-family:monospace;white-space:pre;overflow:auto;line-height:1.3;margin:8px 0"


def table(
    headings: Sequence[str],
    rows: Sequence[Row],
    gaps: Sequence[str] | None = None,
    *,
    numbers: Collection[int] = (),
    shrinking: Iterable[int] = (),
    width: int | None = None,
) -> Iterator[Part]:
    """Yield the parts of a table, with a heading above each column and a gap between two.

    Args:
        headings: one for each column; an empty list for no line of headings.
        rows: the cells of each row. If a row has too few, its last cell spans the rest.
        gaps: the texts between the columns; two blanks by default.
        numbers: the columns of numbers, which are aligned at their decimal points.
        shrinking: the columns to shrink, one after another, if there is too little room.
        width: how many cells a line may have; None for any.

    >>> Text(table(["verdict", "points"], [["agrees", "12.0"], ["kink", "0.5"]], numbers={1}))
    verdict  points
    agrees     12.0
    kink        0.5
    """
    body = [[(cell, "") if isinstance(cell, str) else cell for cell in row] for row in rows]
    count = len(headings) or max(map(len, body), default=0)
    whole = [[text for text, _ in row] for row in body if len(row) == count]
    columns = [list(column) for column in zip(*whole, strict=True)] or [[] for _ in range(count)]
    for i in numbers:
        columns[i] = aligned(columns[i])
    tops = headings or [""] * count
    rooms = [max(map(cells, (heading, *column))) for heading, column in zip(tops, columns, strict=True)]
    between = ["  "] * (count - 1) if gaps is None else gaps
    too_wide = 0 if width is None else sum(rooms) + sum(map(len, between)) - width
    for i in shrinking:
        narrower = max(0, min(too_wide, rooms[i] - max(NARROW, cells(tops[i]))))
        rooms[i] -= narrower
        too_wide -= narrower

    texts = iter(zip(*columns, strict=True))
    lines: list[Sequence[Part]] = [[(heading, BOLD) for heading in headings]] if headings else []
    for row in body:
        is_whole = len(row) == count
        lines.append([(text, style) for text, (_, style) in zip(next(texts), row, strict=True)] if is_whole else row)
    for i, line in enumerate(lines):
        yield ("\n" if i else ""), ""
        yield from _line(line, rooms, between, numbers)


def _line(row: Sequence[Part], rooms: Sequence[int], gaps: Sequence[str], numbers: Collection[int]) -> list[Part]:
    *others, (last, style_of_last) = row
    parts: list[Part] = []
    for i, (text, style) in enumerate(others):
        parts.append((padded(cut(text, rooms[i]), rooms[i], right=i in numbers), style))
        parts.append((gaps[i], "" if gaps[i].isspace() else DIM))
    if len(row) == len(rooms):
        last = padded(cut(last, rooms[-1]), rooms[-1], right=len(others) in numbers)
    parts.append((last, style_of_last))
    while parts and not parts[-1][0].strip():  # no line ends in blanks
        parts.pop()
    return [*parts[:-1], (parts[-1][0].rstrip(), parts[-1][1])] if parts else []


def html_table(
    headings: Sequence[str], rows: Sequence[Row], *, numbers: Collection[int] = (), caption: str = ""
) -> str:
    """Return a table as a fragment of HTML for a notebook, with every text escaped.

    Its few styles stand on the elements themselves: a notebook that is not trusted drops all others, and marimo has
    none for tables.

    >>> html_table([], [["<b>"]])
    '<table style="..."><tbody><tr><td style="...">&lt;b&gt;</td></tr></tbody></table>'
    """
    from html import escape

    count = len(headings) or max(map(len, rows), default=0)
    styles = {"th": f"{CELL};border-bottom:{RULE}", "td": CELL}

    def line(tag: str, row: Row) -> str:
        fragment = ""
        for i, cell in enumerate(row):
            spans = f' colspan="{count - i}"' if i == len(row) - 1 and i < count - 1 else ""
            side = "text-align:right;white-space:nowrap" if i in numbers else "text-align:left"
            text = escape(cell if isinstance(cell, str) else cell[0])
            fragment += f'<{tag}{spans} style="{styles[tag]};{side}">{text}</{tag}>'
        return f"<tr>{fragment}</tr>"

    title = f'<caption style="{CAPTION}">{escape(caption)}</caption>' if caption else ""
    head = f"<thead>{line('th', headings)}</thead>" if headings else ""
    return f'<table style="{TABLE}">{title}{head}<tbody>{"".join(line("td", row) for row in rows)}</tbody></table>'


def html_lines(text: str) -> str:
    """Return lines of text as a fragment of HTML for a notebook: aligned as in a terminal, and never broken.

    >>> html_lines("x < 1")
    '<pre style="...">x &lt; 1</pre>'
    """
    from html import escape

    return f'<pre style="{LINES}">{escape(text)}</pre>'


# ---------------------------------------------------------------- colours


def has_colours(file: IO[str] | None) -> bool:
    """Return whether a file is a terminal that shows colours, and the user has not switched them off."""
    return _is_terminal(file) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, style: str) -> str:
    r"""Return the text as a terminal shows it in a style.

    >>> painted("loss", BOLD), painted("loss", "")
    ('\x1b[1mloss\x1b[0m', 'loss')
    """
    return f"\x1b[{CODES[style]}m{text}\x1b[0m" if style and text else text


class Text(str):
    """A string that shows itself without quotes, and in colour on a terminal that has colours.

    >>> Text([("loss", BOLD), (" = 2.0", "")])
    loss = 2.0
    """

    __slots__ = ("parts",)
    parts: tuple[Part, ...]

    def __new__(cls, parts: Iterable[Part]) -> Text:
        """Join the parts, and keep the style of each."""
        kept = tuple(parts)
        text = super().__new__(cls, "".join(part for part, _ in kept))
        text.parts = kept
        return text

    def __repr__(self) -> str:
        import sys

        return self.coloured(sys.stdout)

    def _repr_html_(self) -> str:
        return html_lines(self)

    def __reduce__(self) -> tuple[type[Text], tuple[tuple[Part, ...]]]:
        return Text, (self.parts,)

    def __rich__(self) -> rich.text.Text:
        from rich.text import Text as Styled

        return Styled.assemble(*self.parts)

    def coloured(self, file: IO[str] | None) -> str:
        """Return the text with colours if the file is a terminal that has them, else without."""
        return "".join(painted(*part) for part in self.parts) if has_colours(file) else str(self)
