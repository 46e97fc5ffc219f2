"""Buffers in which reading before writing is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest


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
