"""Kinks, poles and borders between two places."""

from __future__ import annotations

import pytest

from scalargrad.check.measure.breaks import breaks_between
from scalargrad.engine import primitives


@pytest.mark.parametrize(
    ("name", "old", "new", "breaks"),
    [
        ("relu", (1.0,), (2.0,), False),
        ("relu", (1.0,), (-1.0,), True),
        ("relu", (1.0,), (0.0,), True),
        ("log", (1.0,), (-1.0,), True),
        ("log", (-1.0,), (-2.0,), False),
        ("maximum", (1.0, 2.0), (3.0, 4.0), False),
        ("maximum", (1.0, 2.0), (1.0, 0.5), True),
        ("maximum", (1.0, 2.0), (3.0, 2.0), True),
        ("maximum", (1.0, 1.0), (2.0, 2.0), False),
        ("tan", (3.1,), (3.2,), False),
        ("tan", (1.5,), (1.6,), True),
        ("tan", (1.5,), (4.8,), True),
        ("gamma", (-1.4,), (-1.6,), False),
        ("gamma", (-0.9,), (-1.1,), True),
        ("gamma", (0.4,), (0.6,), False),
        ("atan2", (1.0, -1.0), (-1.0, -1.0), True),
        ("atan2", (1.0, 1.0), (-1.0, 1.0), False),
        ("atan2", (1.0, 1.0), (1.0, -1.0), False),
        ("hypot", (1.0, 0.0), (-1.0, 0.0), True),
    ],
)
def test_breaks_between_two_places(name: str, old: tuple[float, ...], new: tuple[float, ...], breaks: bool) -> None:
    """Moving onto or over a kink, pole or border is seen; moving to where another is nearest is none."""
    assert breaks_between(getattr(primitives, name), old, new) is breaks
