"""The demos are scripts: their folder goes on the path, as it does when Python runs one of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

ROOT = Path(__file__).parents[2]
DEMOS = ROOT / "demos"
sys.path.insert(0, str(DEMOS))

import experiment  # noqa: E402  # from that folder
from pictures import save  # noqa: E402  # from that folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Demos are not traced line by line, which takes several times as long; the package is covered by its own tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("no_cover")


class Drawn(list[Figure]):
    """The figures that a demo has drawn on slides."""

    def beyond(self) -> list[list[float]]:
        """How many inches each sticks out on each side, where text is cut off in the file: 0 if all of it is there."""
        boxes = [figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer()) for figure in self]  # type: ignore[no-untyped-call]  # matplotlib
        sizes = [figure.get_size_inches() for figure in self]
        sides = [
            (-box.x0, -box.y0, box.x1 - width, box.y1 - height)
            for box, (width, height) in zip(boxes, sizes, strict=True)
        ]
        return [[max(0.0, round(side, 1)) for side in own] for own in sides]

    def texts(self) -> list[str]:
        """What is written on them."""
        return [text.get_text() for figure in self for text in figure.findobj(Text)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """Collects the figures of slides as they are saved."""
    figures = Drawn()

    def kept(figure: Figure, path: Path) -> None:
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(experiment, "save", kept)
    return figures


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
