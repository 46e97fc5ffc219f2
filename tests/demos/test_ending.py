"""How demos end that cannot go on: a missing extra and Ctrl-C are one line, a reader that has gone is none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import DEMOS, ROOT, Script

every_demo = pytest.mark.parametrize("demo", ["digits", "local_minima", "moons"])


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


@pytest.mark.parametrize(
    "demo", sorted(path.stem for path in DEMOS.glob("*.py") if "import ending" in path.read_text())
)
def test_a_missing_extra_is_one_line(demo: str, script: Script) -> None:
    """Where nothing but the package is installed, a demo names the extra that it needs, and ends."""
    done = script("-S", f"demos/{demo}.py")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"demos/{demo}.py needs ")
    assert line.endswith(": pip install --editable '.[demos]'")


def test_any_other_error_keeps_its_traceback(script: Script) -> None:
    """Negative control: what is wrong with a demo itself is shown as Python shows it."""
    done = script("-c", "import ending; 1 / 0")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    ("demo", "arguments"),
    [
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


# ---------------------------------------------------------------- an output that cannot be written


@pytest.mark.parametrize("streams", [">&-", ">/dev/full"])
@every_demo
def test_an_output_that_cannot_be_written_is_one_line(demo: str, streams: str, tmp_path: Path) -> None:
    """With standard output closed or full a demo ends in one line that says so."""
    arguments = ["--help"] if demo == "digits" else SMALL[demo]
    status, complaint = redirected(streams, f"demos/{demo}.py", *arguments, "--output", output(demo, tmp_path))
    reason = "is closed" if streams == ">&-" else "cannot be written: No space left on device"
    assert (status, complaint) == (1, f"demos/{demo}.py: standard output {reason}\n")


def test_a_closed_error_stream_is_no_error(tmp_path: Path) -> None:
    """Without an error stream a demo runs as with one."""
    assert redirected("2>&-", "demos/moons.py", *SMALL["moons"], "--output", tmp_path / "a.png") == (0, "")


def test_a_picture_that_cannot_be_written_is_one_line(script: Script, tmp_path: Path) -> None:
    """A picture that is read-only is left alone, and the demo ends in one line with its name."""
    path = tmp_path / "moons.png"
    path.write_bytes(b"old")
    path.chmod(0o444)
    done = script("demos/moons.py", *SMALL["moons"], "--output", path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"demos/moons.py: {path}: Read-only")
    assert path.read_bytes() == b"old"


def redirected(streams: str, *arguments: object) -> tuple[int, str]:
    """The status and the errors of a program with its streams as a shell redirects them."""
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, *map(str, arguments)]
    path = os.pathsep.join([str(ROOT), str(DEMOS)])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


# ---------------------------------------------------------------- Ctrl-C

SMALL: dict[str, list[object]] = {
    "digits": ["--epochs", 2, "--examples", 20, "--hidden", 2],
    "local_minima": ["--restarts", 2],
    "moons": ["--steps", 1, "--points", 4],
}


def output(demo: str, folder: Path) -> Path:
    """What a demo may write to."""
    return folder if demo == "digits" else folder / "picture.png"


INTERRUPTED = """
import importlib, os, pkgutil, runpy, signal, sys

moment, *sys.argv = sys.argv[1:]
kind, _, name = moment.partition(" ")

def interrupt(*_, **__):
    os.killpg(0, signal.SIGINT)  # as a terminal does, to all processes of the demo

class Interrupting:
    def find_spec(self, wanted, *_):
        if wanted == name:
            interrupt()

if kind == "importing":
    sys.modules.pop(name, None)
    sys.meta_path.insert(0, Interrupting())
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    demo = importlib.import_module(os.path.basename(sys.argv[0]).removesuffix(".py"))
    place, _, function = name.rpartition(".")
    setattr(pkgutil.resolve_name(place), function, interrupt)
    demo.main()
"""

MOMENTS = {
    "digits": [
        *(
            "importing argparse",
            "importing numpy",
            "importing scalargrad",
            "importing rich.table",
        ),
        *("in digits:.mnist_data", "in digits:.split", "in scalargrad.optim.adam:Adam.rule"),
        *(
            "in scalargrad.optim.ways:OnArrays.settle",
            "in os:.replace",
            "in digits:.examine",
            "in matplotlib.figure:Figure.savefig",
        ),
    ],
    "local_minima": [
        *(
            "importing argparse",
            "importing scalargrad",
            "in local_minima:.descend",
            "in scalargrad.optim.minimizing:._evaluate",
        ),
        *("in local_minima:.learn", "in local_minima:.table", "in matplotlib.figure:Figure.savefig"),
    ],
    "moons": [
        *("importing argparse", "importing matplotlib", "in moons:.two_moons", "in moons:.train", "in os:.fsync"),
        "in matplotlib.figure:Figure.savefig",
    ],
}
WHILE_TRAINING = {"in scalargrad.optim.adam:Adam.rule", "in os:.replace"}


def interrupted(moment: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A program to which Ctrl-C comes as it imports a module, or calls a function of a name."""
    command = [sys.executable, "-W", "error", "-c", INTERRUPTED, moment, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(DEMOS)]), "COLUMNS": "120"}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )


@pytest.mark.parametrize(("demo", "moment"), [(demo, moment) for demo in MOMENTS for moment in MOMENTS[demo]])
def test_ctrl_c_is_one_line_in_any_phase(demo: str, moment: str, tmp_path: Path) -> None:
    """Ctrl-C while a demo imports, loads, trains, draws or saves is one line, and leaves no scraps."""
    done = interrupted(moment, f"demos/{demo}.py", *SMALL[demo], "--output", output(demo, tmp_path))
    hint = ": continue with --resume" if demo == "digits" and moment in WHILE_TRAINING else ""
    assert (done.returncode, done.stderr) == (-signal.SIGINT, f"interrupted{hint}\n")
    assert not [entry.name for entry in tmp_path.iterdir() if entry.name not in {"network.json", "network.py"}]


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_ctrl_c_ends_the_workers_too(executor: str, tmp_path: Path) -> None:
    """Where others do the runs, Ctrl-C is the same line, and none of theirs."""
    arguments = [*SMALL["local_minima"], "--executor", executor, "--output", tmp_path / "picture.png"]
    for moment in ("in concurrent.futures:Future.result", "in local_minima:.table"):
        done = interrupted(moment, "demos/local_minima.py", *arguments)
        assert (done.returncode, done.stderr) == (-signal.SIGINT, "interrupted\n")


def test_without_the_ending_ctrl_c_is_a_traceback(tmp_path: Path) -> None:
    """Negative control: a program that does not import the ending shows a traceback."""
    program = tmp_path / "program.py"
    program.write_text("import matplotlib\n")
    done = interrupted("importing matplotlib", program)
    assert done.stderr.startswith("Traceback")
    assert done.returncode == -signal.SIGINT
