"""Buffers in which reading before writing is seen; and programs in arrays, however few the numbers are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from scalargrad.lifting.to_numpy.target import NumpyTarget


@pytest.fixture(scope="module", autouse=True)
def _arrays_for_few_examples(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let programs for numpy use arrays for few examples, too, or small programs would test plain floats alone.

    A module that tests the choice between the two has CHOOSES = True.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not getattr(request.module, "CHOOSES", False):
            patch.setattr(NumpyTarget, "limit", lambda *_: 0.0)
        yield


@pytest.fixture(scope="module")
def littered() -> Iterator[None]:
    """Fill each new buffer with nan, as no program may rely on its numbers."""
    empty = np.empty
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", lambda *shape, **options: _filled(empty(*shape, **options)))
        yield


def _filled(array: Any) -> Any:
    if array.dtype.kind == "f":
        array.fill(np.nan)
    return array
