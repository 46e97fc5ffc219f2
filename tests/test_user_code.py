"""Editors understand user code: type checkers pass it as it is, know its types, and mark what is wrong in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "user_code"
RIGHT = [FOLDER / "student.py", FOLDER / "engineer.py", FOLDER / "trainer.py"]
WRONG = FOLDER / "wrong.py"

Marked = dict[str, set[int]]  # the lines in each file that a checker marks


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode in {0, 1}, finished.stdout + finished.stderr
    return finished.stdout


def mypy(folder: Path) -> Marked:
    """The lines that mypy marks, in its strict mode."""
    options = ["--strict", "--config-file", os.devnull, "--cache-dir", str(ROOT / ".mypy_cache" / "user_code")]
    text = run(folder, sys.executable, "-m", "mypy", *options, *map(str, [*RIGHT, WRONG]))
    marked: Marked = {}
    for file, line in re.findall(r"^(.*?):(\d+): error: ", text, re.MULTILINE):
        marked.setdefault(Path(file).name, set()).add(int(line))
    return marked


def basedpyright(folder: Path) -> Marked:
    """The lines that pyright marks as errors, in the mode that editors have by default."""
    configuration = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(configuration), encoding="utf-8")
    options = ["--outputjson", "--pythonpath", sys.executable, "--project", str(folder)]
    report = json.loads(run(folder, sys.executable, "-m", "basedpyright", *options, *map(str, [*RIGHT, WRONG])))
    marked: Marked = {}
    for diagnostic in report["generalDiagnostics"]:
        if diagnostic["severity"] == "error":
            marked.setdefault(Path(diagnostic["file"]).name, set()).add(diagnostic["range"]["start"]["line"] + 1)
    return marked


@pytest.mark.parametrize("checker", [mypy, basedpyright])
def test_a_type_checker_marks_the_wrong_lines_alone(checker: Callable[[Path], Marked], tmp_path: Path) -> None:
    """A checker passes what students, engineers and those who train write; of the wrong lines it marks each."""
    lines = WRONG.read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, start=1) if "# wrong" in line}
    assert len(wrong) >= 15
    assert checker(tmp_path) == {WRONG.name: wrong}


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_the_code_runs(path: Path) -> None:
    """What the checkers pass is a program that runs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(path)], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
