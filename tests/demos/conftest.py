"""The demos are scripts: their folder goes on the path, as it does when Python runs one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMOS = ROOT / "demos"
sys.path.insert(0, str(DEMOS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Demos are not traced line by line, which takes several times as long; the package is covered by its own tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("no_cover")


Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def script() -> Script:
    """Runs a demo as a program of its own, in which every warning is an error."""
    path = os.pathsep.join([str(ROOT), str(DEMOS)])

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "120"}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run
