"""The laws of colours: signs are told apart, in a terminal as in a picture."""

from __future__ import annotations

import pytest

from scalargrad.explain import colours
from scalargrad.explain.colours import style_of
from scalargrad.terminal import BOLD_RED, CODES


@pytest.mark.parametrize(
    ("gradient", "style"),
    [(2.0, colours.ABOVE.style), (-2.0, colours.BELOW.style), (0.0, ""), (-0.0, ""), (None, "")]
    + [(odd, BOLD_RED) for odd in (float("nan"), float("inf"), float("-inf"))],
)
def test_signs_have_colours(gradient: float | None, style: str) -> None:
    """Above 0, below, and not finite are told apart; 0 and none are plain."""
    assert style_of(gradient) == style


def test_every_style_has_a_code() -> None:
    """What a colour is called in a terminal, the terminal knows."""
    assert {colours.ABOVE.style, colours.BELOW.style, BOLD_RED} <= CODES.keys()
