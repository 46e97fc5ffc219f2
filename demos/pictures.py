"""What the demos share: picture files, and arguments that are checked before the work begins."""

from __future__ import annotations

import argparse
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from scalargrad.files import write_whole

INK, GREY, BLUE, ORANGE, RED = "#22303c", "#8a949e", "#2f6db5", "#d9662b", "#c0282d"
FORMATS = (".png", ".svg", ".pdf")


def save(figure: Figure, path: Path) -> None:
    """Write a picture, entirely or not at all."""
    content = BytesIO()
    figure.savefig(content, format=path.suffix[1:], dpi=150)
    write_whole(path, content.getvalue())


def folder(text: str) -> Path:
    """Read an argument that names a folder, and make the folder: if that is impossible, it is an error at once."""
    if not text:
        raise argparse.ArgumentTypeError("expected the name of a folder, got ''")
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be a folder: {error.strerror}") from None
    return path


def picture(text: str) -> Path:
    """Read an argument that names a picture file."""
    path = Path(text)
    if path.suffix not in FORMATS or (path.exists() and not path.is_file()):
        raise argparse.ArgumentTypeError(f"{text!r} is no name for a picture: it ends in {', '.join(FORMATS)}")
    folder(str(path.parent))
    return path


def count(text: str) -> int:
    """Read an argument that is an integer of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least 1")
    return int(text)


def counted(number: int, thing: str) -> str:
    """Return a number and what it counts, as in "1 run" and "10 runs"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
