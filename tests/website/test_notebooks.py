"""Chapters as notebooks: they say what the page says, and every cell runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

from website.notebooks import notebook

TOUR = Path(__file__).parents[2] / "docs" / "tour"
Notebook = Any  # of nbformat, which has no types


def read(text: str) -> Notebook:
    made = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]  # it has no types
    nbformat.validate(made)
    return made


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = {"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}}
    opened: Any = InteractiveShell(config=Config(settings))  # type: ignore[no-untyped-call]  # it has no types
    yield opened
    opened.restore_sys_module_state()


def failures(shell: Any, made: Notebook) -> list[str]:
    """The cells that fail and should not, with their errors, or should and do not."""
    failed = []
    for cell in made.cells:
        if cell.cell_type == "code":
            result = shell.run_cell(cell.source, silent=True)
            raises = "raises-exception" in cell.metadata.get("tags", [])
            if result.success == raises:
                failed.append(f"{cell.source}: {result.error_before_exec or result.error_in_exec}")
    return failed


def test_a_chapter_becomes_cells(small_site: Path) -> None:
    """Text stays text, code ends where it prints, directives are code, and answers stay folded."""
    made = read((small_site / "notebooks" / "01_neuron.ipynb").read_text(encoding="utf-8"))
    cells = [(cell.cell_type, cell.source) for cell in made.cells]
    assert [source for kind, source in cells if kind == "code"] == [
        "from scalargrad import draw, page",
        "from scalargrad import Value, ledger\na, b = Value(2.0), Value(-3.0)\no = a * b\no.backward()\na.grad",
        "draw(o)",
        "page(o)",
        "print(ledger(o))",
        "o = o + 1  # directives above this line do not see it\n"
        "class Table:\n    def _repr_html_(self):\n"
        '        return "<table><tr><td>\\n1</td></tr></table>"',
        'print(o.data, "<>")',
        "Table()",
        "answer = 2 * a\nanswer.data",
    ]
    folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in made.cells]
    assert folded.index(True) == cells.index(("code", "answer = 2 * a\nanswer.data"))
    assert folded.count(True) == 1
    text = [source for kind, source in cells if kind == "markdown"]
    assert text[0].startswith("# A neuron\n\nWhat is $x_1 w_1 + b$?")
    assert "<!-- draw: this_is_text -->" in "".join(text)
    assert text[-2] == (
        '<details markdown="1"><summary>Answer</summary>\n\nIt is `2 * a`, as [here](../index.html):\n\n</details>'
    )
    assert text[-1] == "Go on with [the next chapter](02_end.ipynb)."


def test_a_notebook_runs_in_a_kernel(small_site: Path, tmp_path: Path) -> None:
    """The notebook that is downloaded runs from the first to the last cell, in a kernel of its own."""
    made = read((small_site / "notebooks" / "01_neuron.ipynb").read_text(encoding="utf-8"))
    NotebookClient(made, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = {cell.source: cell.outputs for cell in made.cells if cell.cell_type == "code"}
    assert "image/png" in outputs["draw(o)"][0].data
    assert outputs["answer = 2 * a\nanswer.data"][0].data["text/plain"] == "4.0"


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@pytest.mark.parametrize("chapter", sorted(TOUR.glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_every_chapter_runs_as_a_notebook(chapter: Path, shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Every cell of every chapter's notebook runs."""
    assert failures(shell, read(notebook(chapter.read_text(encoding="utf-8")))) == []
    capsys.readouterr()


def test_a_failing_cell_is_seen(shell: Any) -> None:
    """Negative control: a cell that cannot run is seen."""
    error = "Traceback (most recent call last):\n    ...\nZeroDivisionError: division by zero"
    text = f"# A\n\n```pycon\n>>> 1 / 0\n>>> 1 / 0\n{error}\n>>> 1 / 1\n{error}\n\n```\n\n<!-- draw: nothing -->\n"
    made = read(notebook(text.replace("\n>>> 1 / 0\n>>>", "\n>>> 1 / 0\n1\n>>>")))
    assert failures(shell, made) == [
        "1 / 0: division by zero",
        "1 / 1: None",
        "draw(nothing): name 'nothing' is not defined",
    ]
