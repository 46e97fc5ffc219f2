"""Text for a terminal: how wide it is, how it fits, and its colours where there are any.

A terminal lays text out in cells. A Chinese character takes two of them, a combining accent none,
so columns are aligned by cells, not by characters.

Colours say again what the text says already. They are shown where `rich` is installed, the output
is a terminal, and `NO_COLOR` is not set.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import rich.text

Part = tuple[str, str]  # a text and its style, as rich names styles; "" for none

HEADING, QUIET, MARKED = "bold", "dim", "bold"
ABOVE, BELOW, ODD = "cyan", "yellow", "magenta"  # a gradient above 0, below it, and one that is not finite


def style_of(gradient: float | None) -> str:
    """Return the style of a gradient by its sign.

    >>> style_of(1.0), style_of(-1.0), style_of(0.0), style_of(None), style_of(float("nan"))
    ('cyan', 'yellow', '', '', 'magenta')
    """
    if gradient is None or gradient == 0:
        return ""
    if gradient - gradient != 0:
        return ODD
    return ABOVE if gradient > 0 else BELOW


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes.

    >>> cells("loss"), cells("损失"), cells("x̂")
    (4, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(sign: str) -> int:
    if unicodedata.category(sign) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def fitted(text: str, room: int) -> str:
    """Return the text, with … in place of its middle where it takes more cells than there is room.

    >>> fitted("learning_rate", 9)
    'lear…rate'
    """
    if cells(text) <= room:
        return text
    left = _start(text, room // 2)
    right = _start(text[::-1], room - 1 - cells(left))[::-1]
    return f"{left}…{right}"


def _start(text: str, room: int) -> str:
    taken = 0
    for i, sign in enumerate(text):
        taken += _cells_of(sign)
        if taken > room:
            return text[:i]
    return text


def padded(text: str, room: int, right: bool = False) -> str:
    """Return the text with blanks up to so many cells, behind it or, for `right`, before it.

    >>> padded("损", 4) + "|" + padded("-3.0", 6, right=True)
    '损  |  -3.0'
    """
    blanks = " " * (room - cells(text))
    return blanks + text if right else text + blanks


def width_of(file: IO[str] | None) -> int | None:
    """Return how many cells a line has where the file is a terminal; None where it is none and lines have no end."""
    return shutil.get_terminal_size().columns if _is_terminal(file) else None


def _is_terminal(file: IO[str] | None) -> bool:
    return file is not None and file.isatty()


class Text(str):
    """A string that shows itself as it reads, in colour where there is any.

    >>> Text([("loss", HEADING), (" = 2.0", "")])
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

    def __reduce__(self) -> tuple[type[Text], tuple[tuple[Part, ...]]]:
        return Text, (self.parts,)

    def __rich__(self) -> rich.text.Text:
        from rich.text import Text as Styled

        return Styled.assemble(*self.parts)

    def coloured(self, file: IO[str] | None) -> str:
        """Return the text as that file can show it: with colours for a terminal that has them."""
        if not _is_terminal(file) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return str(self)
        try:
            from rich.console import Console
        except ImportError:
            return str(self)
        console = Console(file=file)
        with console.capture() as shown:
            console.print(self.__rich__(), soft_wrap=True, end="")
        return shown.get()
