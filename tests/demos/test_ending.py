"""How demos end that cannot go on: a missing extra is one line, a reader that has gone is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import DEMOS, ROOT, Script

every_demo = pytest.mark.parametrize("demo", ["convolution", "digits", "local_minima", "moons"])


def unread(*arguments: object) -> tuple[int, str]:
    """The status of a program whose output nobody reads, and what it says of that."""
    reader, writer = os.pipe()
    os.close(reader)
    finished = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(DEMOS)])},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    return finished.returncode, finished.stderr


@every_demo
def test_a_missing_extra_is_one_line(demo: str, script: Script) -> None:
    """Where nothing but the package is installed, a demo names the extra that it needs, and ends."""
    done = script("-S", f"demos/{demo}.py")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"demos/{demo}.py needs ")
    assert line.endswith(": pip install 'scalargrad-engine[demos]'")


def test_any_other_error_keeps_its_traceback(script: Script) -> None:
    """Negative control: what is wrong with a demo itself is shown as Python shows it."""
    done = script("-c", "import ending; 1 / 0")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    ("demo", "arguments"),
    [
        ("convolution", ["--source"]),
        ("digits", ["--source"]),
        ("local_minima", ["--restarts", 1]),
        ("moons", ["--steps", 1, "--points", 2]),
    ],
)
def test_a_reader_that_has_gone_is_no_error(demo: str, arguments: list[object], tmp_path: Path) -> None:
    """Behind `| head` a demo ends as the system's own programs do, without a word, at its end or amid its work."""
    output = tmp_path if demo == "digits" else tmp_path / "picture.png"
    assert unread(f"demos/{demo}.py", *arguments, "--output", output) == (141, "")


def test_a_broken_pipe_is_seen() -> None:
    """Negative control: a program that does not import the ending complains."""
    status, complaint = unread("-c", "print('unread')")
    assert status != 141
    assert "BrokenPipeError" in complaint
