"""What the demos share: a picture is whole or not there; a bad argument is one line, before any work."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pictures
import pytest
from matplotlib.figure import Figure

from .conftest import Script


class Torn(Figure):
    """A figure whose drawing breaks off after some of it has been written."""

    def savefig(self, fname: Any, *_: Any, **__: Any) -> None:
        if isinstance(fname, Path):
            fname.write_bytes(b"half a pic")
        else:
            fname.write(b"half a pic")
        raise OSError("disk full")


def torn_in_place(figure: Figure, path: Path) -> None:
    """What `save` must not do: write straight to the path."""
    figure.savefig(path)


def is_whole(save: Callable[[Figure, Path], None], path: Path) -> bool:
    """Whether a drawing that breaks off leaves the older picture, and nothing else, in the folder."""
    path.write_bytes(b"the old one")
    with pytest.raises(OSError, match="disk full"):
        save(Torn(), path)
    return path.read_bytes() == b"the old one" and list(path.parent.iterdir()) == [path]


def test_a_torn_picture_leaves_the_old_one(tmp_path: Path) -> None:
    """When drawing fails half-way the old picture stays and no scraps do; writing in place would not hold to it."""
    assert is_whole(pictures.save, tmp_path / "picture.png")
    assert not is_whole(torn_in_place, tmp_path / "picture.png")


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_name_decides_the_format(tmp_path: Path, suffix: str, begins: bytes) -> None:
    """A picture is of the kind that its name says."""
    path = tmp_path / f"picture{suffix}"
    pictures.save(Figure(), path)
    assert path.read_bytes().startswith(begins)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", "²"])
def test_a_count_is_an_integer_of_at_least_one(text: str) -> None:
    """Anything but an integer of at least 1 is refused, with what was given."""
    with pytest.raises(argparse.ArgumentTypeError, match="is not an integer of at least 1"):
        pictures.count(text)
    assert pictures.count("12") == 12


def test_folders_are_made_where_they_can_be(tmp_path: Path) -> None:
    """A folder that is named is there afterwards; a file in its place is refused, by its name."""
    assert pictures.folder(str(tmp_path / "a" / "b")).is_dir()
    assert pictures.picture(str(tmp_path / "c" / "d.png")).parent.is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(argparse.ArgumentTypeError, match="file' cannot be a folder"):
        pictures.folder(str(tmp_path / "file"))
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("picture.txt", "picture", "c", "pipe.png"):
        with pytest.raises(argparse.ArgumentTypeError, match="is no name for a picture"):
            pictures.picture(str(tmp_path / name))


BAD = [
    ("moons", ["--points", "1"], "two moons need at least 2 points"),
    ("moons", ["--steps", "0"], "argument --steps: '0' is not an integer of at least 1"),
    ("moons", ["--output", "moons.txt"], "argument --output: 'moons.txt' is no name for a picture"),
    ("local_minima", ["--restarts", "none"], "argument --restarts: 'none' is not an integer of at least 1"),
    ("local_minima", ["--executor", "horse"], "argument --executor: invalid choice: 'horse'"),
    ("digits", ["--loss", "gain"], "argument --loss: invalid choice: 'gain'"),
    ("digits", ["--examples", "4001"], "argument --examples: there are 4000 digits to learn from, not 4001"),
    ("digits", ["--hidden", "0"], "argument --hidden: '0' is not an integer of at least 1"),
    ("digits", ["--output", __file__], "cannot be a folder: File exists"),
    ("digits", ["--output", ""], "expected the name of a folder, got ''"),
    ("moons", ["--output", ""], "argument --output: '' is no name for a picture"),
]


@pytest.mark.parametrize(("demo", "arguments", "message"), BAD)
def test_a_bad_argument_is_one_line(
    demo: str, arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A demo refuses a bad argument at once, in one line that names it and what is wrong with it."""
    monkeypatch.chdir(tmp_path)
    main = __import__(demo).main
    with pytest.raises(SystemExit) as end:
        main(arguments)
    *usage, line = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    assert message in line
    assert not any("error" in above or "Traceback" in above for above in usage)


@pytest.mark.parametrize("demo", ["moons", "local_minima", "digits"])
def test_help_has_an_example(demo: str, script: Script) -> None:
    """Each demo runs as a script, and its help shows a command to try."""
    shown = script(f"demos/{demo}.py", "--help")
    assert shown.returncode == 0
    assert f"example: python demos/{demo}.py --" in shown.stdout
    assert not shown.stderr


def test_what_is_counted_is_singular_or_plural() -> None:
    """One of something has no s."""
    assert [pictures.counted(number, "run") for number in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
