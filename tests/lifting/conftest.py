"""Room that tells who reads what nobody has written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def littered() -> Iterator[None]:
    """Fill new room with nan, as nobody may rely on what is in it."""
    empty = np.empty
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", lambda *shape, **options: _filled(empty(*shape, **options)))
        yield


def _filled(array: Any) -> Any:
    if array.dtype.kind == "f":
        array.fill(np.nan)
    return array
