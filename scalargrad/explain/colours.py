"""The colours of every view: what each means, and how it looks in a terminal and in a picture.

A number above 0 is blue, in a terminal cyan; one below 0 is orange, in a terminal magenta, which
colour-blind people can tell apart too. Infinities and nan are yellow or red. Zero has no colour, and
neither has a gradient that no sweep has reached.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ..terminal import BOLD_RED, CYAN, MAGENTA


class Sign(NamedTuple):
    """How numbers of one sign look: a style in a terminal, fields from pale to full in a picture, a line."""

    style: str
    pale: tuple[int, int, int]
    full: tuple[int, int, int]
    line: str


ABOVE = Sign(CYAN, (232, 242, 250), (120, 186, 232), "#2a7fc9")
BELOW = Sign(MAGENTA, (253, 241, 230), (250, 165, 96), "#e0761b")
NOTHING, ODD = "#eff1f3", "#ffd33d"  # the fields of zero or of no gradient, and of infinities and nan
PAPER, INK, QUIET, LINE = "#ffffff", "#1f2328", "#656d76", "#818b98"
PARAMETER, INPUT = "#8250df", "#0f7b6c"
LIT = "#d1105a"
FRAMED, FRAME_FIELD = "#6e7781", "#8c959f1f"  # seen on white and on black
EDGES = {"parameter": PARAMETER, "input": INPUT}


def style_of(x: float | None) -> str:
    """Return the style of a number in a terminal, by its sign; "" for 0 and for None.

    >>> style_of(1.0), style_of(-1.0), style_of(0.0), style_of(None), style_of(float("nan"))
    ('cyan', 'magenta', '', '', 'bold red')
    """
    if x is None or x == 0:
        return ""
    if not math.isfinite(x):
        return BOLD_RED
    return (ABOVE if x > 0 else BELOW).style


def field(gradient: float | None, largest: float) -> str:
    """Return the colour of the field behind a gradient, given the largest gradient in the drawing.

    >>> field(1.0, 1.0), field(-1.0, 1.0), field(None, 1.0), field(float("nan"), 1.0)
    ('#78bae8', '#faa560', '#eff1f3', '#ffd33d')
    """
    if gradient is None or gradient == 0:
        return NOTHING
    if not math.isfinite(gradient):
        return ODD
    sign = ABOVE if gradient > 0 else BELOW
    share = math.sqrt(abs(gradient) / largest)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(sign.pale, sign.full, strict=True))


def line(weight: float) -> str:
    """Return the colour of a line that stands for a weight, by its sign.

    >>> line(0.5), line(-0.5), line(0.0), line(float("nan"))
    ('#2a7fc9', '#e0761b', '#818b98', '#d1105a')
    """
    if not math.isfinite(weight):
        return LIT
    return ABOVE.line if weight > 0 else BELOW.line if weight < 0 else LINE
