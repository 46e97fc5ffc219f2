"""Windows of grids: slices that give the places of any convolution, wherever its axes lie."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from scalargrad.lifting.to_jax.windows import windows

ORDERS = [[0, 1, 2, 3, 4], [3, 4, 0, 1, 2], [1, 2, 0, 3, 4], [0, 3, 4, 1, 2]]


def table(rng: random.Random) -> tuple[int, Any]:
    """The places of all windows of an image with channels, in two axes."""
    channels, height, width = rng.randint(1, 3), rng.randint(2, 7), rng.randint(2, 7)
    rows, columns, stride = rng.randint(1, min(3, height)), rng.randint(1, min(3, width)), rng.choice([1, 1, 2])
    channel, i, j, a, b = np.ix_(
        np.arange(channels),
        np.arange(rows),
        np.arange(columns),
        np.arange(0, height - rows + 1, stride),
        np.arange(0, width - columns + 1, stride),
    )
    places = (channel * height + i + a) * width + j + b
    turned = places.transpose(rng.choice(ORDERS)).squeeze()
    cut = int(np.prod(turned.shape[: rng.randint(1, max(1, turned.ndim - 1))]))
    return channels * height * width, np.ascontiguousarray(turned.reshape(cut, -1).squeeze())


def test_slices_give_the_places() -> None:
    """Of random windows most are written as slices, and these pick what a table of the places picks."""
    rng, written = random.Random(0), 0
    for _ in range(400):
        size, index = table(rng)
        for batched in (False, True):
            x = np.random.default_rng(0).normal(size=(2, size) if batched else size)
            text = None if index.ndim < 1 or 1 in index.shape else windows("x", size, batched, index)
            if text is not None:
                written += 1
                assert np.array_equal(eval(text, {"x": x, "jnp": np, "B": 2}), x[..., index])  # noqa: S307  # what the package writes
    assert written > 250


OUTER = np.add.outer
SHIFTED = "jnp.stack([x.reshape(8)[i + 2:i + 6] for i in range(3)]).reshape(3, 4)"


@pytest.mark.parametrize(
    ("size", "index", "text"),
    [
        (6, OUTER(range(3), range(4)), "jnp.stack([x.reshape(6)[i:i + 4] for i in range(3)]).reshape(3, 4)"),
        (8, 2 + OUTER(range(3), range(4)), SHIFTED),
        (12, np.arange(12).reshape(3, 4), None),
        (12, np.array([[0, 1, 3], [1, 2, 4]]), None),
        (12, np.array([[0, 1], [1, 3]]), None),
        (12, np.array([[5, 4], [4, 3]]), None),
        (5, OUTER(range(3), range(4)), None),
        (200, OUTER(range(90), range(100)), None),
        (30, OUTER(range(3), [0, 1, 2, 5, 6, 9]), None),
        (40, OUTER([0, 2, 4], [0, 3, 6]), None),
        (12, OUTER([0, 2, 4], [0, 2, 4, 6]), None),
    ],
)
def test_what_is_a_window(size: int, index: Any, text: str | None) -> None:
    """Places that grow unevenly, fall, leave the grid, do not overlap, or are many, are no windows."""
    assert windows("x", size, False, index) == text
