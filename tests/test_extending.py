"""The page on extending is true: each of its examples, applied to a copy of the project, does what follows it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
COPIED = ("scalargrad", "scalargrad_command.py", "tests", "docs", "README.md", "pyproject.toml")
LENIENT = ELLIPSIS | NORMALIZE_WHITESPACE
FENCED = r'^(`{3,4})(\w+)(?: title="(.*?)")?\n(.*?)^\1$'  # a block of four marks may hold blocks of three


class Block(NamedTuple):
    """A fenced block of the page: its language, the file it is for, its text."""

    language: str
    path: str
    text: str


def sections(page: str) -> dict[str, list[Block]]:
    """The blocks of each section that has any, by its heading."""
    parts = re.split(r"^## (.*)\n", page, flags=re.MULTILINE)[1:]
    blocks = {
        heading: [Block(*match[1:]) for match in re.findall(FENCED, text, re.MULTILINE | re.DOTALL)]
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }
    return {heading: match for heading, match in blocks.items() if match}


SECTIONS = sections(PAGE)


def changed(source: str, difference: str) -> str:
    """A text after a difference, of which each part, ended by @@, has one place in it."""
    for part in difference.split("@@\n"):
        lines = part.splitlines()
        before = [line[1:] for line in lines if not line.startswith("+")]
        after = [line[1:] for line in lines if not line.startswith("-")]
        old, new = "\n".join(before), "\n".join(after)
        assert source.count(old) == 1, f"{source.count(old)} places for\n{part}"
        source = source.replace(old, new)
    return source


def copy(folder: Path) -> Path:
    """A copy of what the examples change and run."""
    ignored = shutil.ignore_patterns("__pycache__", "*.svg")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def apply(block: Block, project: Path) -> None:
    """Change or add the file that a block is for."""
    path = project / block.path
    if block.language == "diff":
        path.write_text(changed(path.read_text(encoding="utf-8"), block.text), encoding="utf-8")
    else:
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, encoding="utf-8")


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=project, env=environment, text=True, capture_output=True, check=False)


def faults(block: Block, project: Path) -> list[str]:
    """What a block that is run shows, where it is something else than the page says."""
    if block.language == "pycon":
        (project / "example.md").write_text(block.text, encoding="utf-8")
        options = ["-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE"]
        finished = python(project, "-m", "doctest", *options, "example.md")
        return [finished.stdout + finished.stderr] if finished.returncode else []
    if block.language == "sh":
        runs = [python(project, *shlex.split(line.removeprefix("python "))) for line in block.text.splitlines()]
        return [finished.stdout + finished.stderr for finished in runs if finished.returncode]
    assert block.language == "console"
    shown = []
    for line, wanted in re.findall(r"^\$ scalargrad (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        finished = python(project, "-m", "scalargrad", *shlex.split(line))
        if finished.returncode or not OutputChecker().check_output(wanted, finished.stdout, LENIENT):
            shown.append(finished.stdout + finished.stderr)
    return shown


@pytest.mark.parametrize("heading", SECTIONS)
def test_an_example_does_what_the_page_says(heading: str, tmp_path: Path) -> None:
    """Applied in order to a copy of the project, each example works, and shows up in all the places it should."""
    project = copy(tmp_path)
    for block in SECTIONS[heading]:
        if block.path:
            apply(block, project)
        else:
            assert faults(block, project) == []


@pytest.mark.parametrize("heading", [name for name, blocks in SECTIONS.items() if any(block.path for block in blocks)])
def test_without_the_change_it_is_not_there(heading: str, tmp_path: Path) -> None:
    """Negative control: in the project as it is, what an example runs fails."""
    project = copy(tmp_path)
    run = [block for block in SECTIONS[heading] if not block.path and block.language in {"pycon", "console"}]
    runs = run or [block for block in SECTIONS[heading] if not block.path]
    assert all(faults(block, project) for block in runs)


def test_the_table_leads_to_the_examples() -> None:
    """Each row of the table is a link to a section with an example, and each of these has a row."""
    linked = re.findall(r"^\| \[.*?\]\(#(.*?)\) \|", PAGE, re.MULTILINE)
    assert linked == [heading.lower().replace(" ", "-") for heading in SECTIONS]


def test_a_difference_needs_one_place() -> None:
    """A part of a difference that fits nowhere, or in two places, is an error."""
    assert changed("a\nb\nc", " a\n+x\n b\n@@\n-c\n+d\n") == "a\nx\nb\nd"
    for source in ("b\nc", "a\nb\na\nb"):
        with pytest.raises(AssertionError, match="places for"):
            changed(source, " a\n+x\n b\n")
