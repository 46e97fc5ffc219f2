"""New pictures from old ones: turned a little, and with noise.

A network that has seen a digit turned one way and another learns that the direction does not matter. So data that are
made from other data work against overfitting, and noisy test data show how well a network copes with the unexpected.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy
from PIL import Image


def varied(
    pixels: Sequence[float], rng: random.Random, *, degrees: float = 15.0, noise: float = 0.1
) -> tuple[float, ...]:
    """Return a square picture turned by a random angle, with noise on each pixel.

    Args:
        pixels: row by row, from 0 for paper to 1 for ink.
        rng: draws the angle and the noise.
        degrees: the largest angle, to either side.
        noise: the deviation of the noise, which is normal; the result is cut off at 0 and 1.

    Raises:
        ValueError: for pixels that are no square.
    """
    side = math.isqrt(len(pixels))
    if side * side != len(pixels):
        raise ValueError(f"the pixels of a square picture are 4, 9, 16, ..., got {len(pixels)}")
    picture = Image.fromarray(numpy.reshape(pixels, (side, side)).astype(numpy.float32))
    turned = picture.rotate(rng.uniform(-degrees, degrees), Image.Resampling.BILINEAR)
    noisy = [ink + rng.gauss(0.0, noise) for ink in numpy.asarray(turned).ravel().tolist()]
    return tuple([min(max(ink, 0.0), 1.0) for ink in noisy])
