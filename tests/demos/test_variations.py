"""Pictures that are turned and made noisy: by how much, and from which seed."""

from __future__ import annotations

import math
import random
from statistics import fmean, pstdev

import digits
import numpy as np
import pytest
from scipy import ndimage
from variations import varied

SIDE = 16


def bar(angle: float) -> list[float]:
    """A soft bar through the middle, at an angle in degrees from the horizontal, counted against the clock."""
    middle, turn = (SIDE - 1) / 2, math.radians(angle)
    rows = []
    for y in range(SIDE):
        for x in range(SIDE):
            across, up = x - middle, middle - y
            along, beside = (
                across * math.cos(turn) + up * math.sin(turn),
                up * math.cos(turn) - across * math.sin(turn),
            )
            rows.append(math.exp(-((along / 5) ** 2) - (beside / 1.5) ** 2))
    return rows


def angle_of(pixels: tuple[float, ...]) -> float:
    """The angle of the ink's longer axis, by its second moments."""
    ink = np.reshape(pixels, (SIDE, SIDE))
    up, across = np.mgrid[0:SIDE, 0:SIDE]
    x, y = across - (SIDE - 1) / 2, (SIDE - 1) / 2 - up
    return math.degrees(0.5 * math.atan2(2 * (ink * x * y).sum(), (ink * (x * x - y * y)).sum()))


def test_a_picture_is_turned_by_up_to_fifteen_degrees() -> None:
    """Over many draws the angles fill the range from -15° to 15°, and never leave it."""
    rng = random.Random(0)
    angles = [angle_of(varied(bar(0.0), rng, noise=0.0)) for _ in range(300)]
    assert -15.5 < min(angles) < -13
    assert 13 < max(angles) < 15.5
    assert abs(fmean(angles)) < 5 * 15 / math.sqrt(3 * 300)
    assert abs(angle_of(tuple(bar(30.0))) - 30) < 0.5  # the measure itself


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_turn_of_another_library(seed: int) -> None:
    """Without noise it is what scipy makes of the picture at the angle that the seed gives."""
    digit = digits.load_digits()[700 * seed]
    turned = varied(digit.pixels, random.Random(seed), noise=0.0)
    angle = random.Random(seed).uniform(-15, 15)
    picture = np.reshape(digit.pixels, (SIDE, SIDE))
    expected = ndimage.rotate(picture, angle, reshape=False, order=1)
    inside = (slice(1, -1), slice(1, -1))  # at the border the two differ
    np.testing.assert_allclose(np.reshape(turned, (SIDE, SIDE))[inside], expected[inside], atol=0.02)
    wrong = ndimage.rotate(picture, -angle, reshape=False, order=1)
    assert np.abs(np.reshape(turned, (SIDE, SIDE)) - wrong).max() > 0.1


def test_noise_is_as_large_as_it_says() -> None:
    """The noise of grey paper has the given deviation and the mean 0; ink stays between 0 and 1."""
    grey = varied([0.5] * SIDE**2, random.Random(0), degrees=0.0, noise=0.1)
    assert pstdev(grey) == pytest.approx(0.1, rel=0.25)
    assert abs(fmean(grey) - 0.5) < 5 * 0.1 / SIDE
    loud = varied([0.5] * SIDE**2, random.Random(0), noise=2.0)
    assert (min(loud), max(loud)) == (0.0, 1.0)


def test_the_seed_decides() -> None:
    """The same seed makes the same picture; without rotation and noise a picture stays as it is."""
    pixels = tuple(bar(20.0))
    assert varied(pixels, random.Random(1)) == varied(pixels, random.Random(1)) != varied(pixels, random.Random(2))
    assert varied(pixels, random.Random(1), degrees=0.0, noise=0.0) == pytest.approx(pixels, abs=1e-6)


def test_what_is_no_square_is_refused() -> None:
    """A row of pixels that makes no square is an error with its length."""
    with pytest.raises(ValueError, match=r"the pixels of a square picture are 4, 9, 16, \.\.\., got 7"):
        varied([0.0] * 7, random.Random(0))
