"""Files that are whole: written entirely or not at all, and read only if they are what was written."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any


def write(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write content as JSON with a checksum; floats come back exactly.

    Raises:
        ValueError: when the content has a nan or an infinity, which JSON has not.
        TypeError: when it has anything else that is not JSON.
        OSError: when the file cannot be written.
    """
    content = json.loads(json.dumps(content, allow_nan=False))  # as it will be read: keys are strings, tuples lists
    text = json.dumps({"scalargrad": 1, "sha256": _checksum(content), **content})
    write_whole(path, text.encode())


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file entirely or not at all.

    The bytes go to a temporary file beside the target, which is then renamed: a reader, or a
    crash, sees the old file or the new one.

    Raises:
        OSError: when the file cannot be written.
    """
    folder, name = os.path.split(os.path.realpath(path))
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, os.path.join(folder, name))
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename == temporary:  # it shall name the file that was asked for
            error.filename = os.fspath(path)
        raise


def completed(path: str | os.PathLike[str], suffixes: Sequence[str], what: str) -> str:
    """Return the path of a file to be written, with the first of these suffixes where it has none.

    >>> completed("neuron", ("svg", "png"), "a picture"), completed("neuron.png", ("svg", "png"), "a picture")
    ('neuron.svg', 'neuron.png')

    Raises:
        ValueError: when it has another suffix, or names no file.
    """
    text = os.fspath(path)
    stem, suffix = os.path.splitext(text)
    if os.path.basename(stem) and not suffix:
        return f"{text}.{suffixes[0]}"
    if suffix[1:].lower() not in suffixes:
        *most, last = [f".{known}" for known in dict.fromkeys(suffixes)]
        raise ValueError(f"the name of {what} ends in {', '.join(most)} or {last}, got {text!r}")
    return text


def read(path: str | os.PathLike[str], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the content that `write` wrote, which has exactly these keys.

    Raises:
        ValueError: when the file is damaged, or something else.
        OSError: when it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            whole = json.load(file)
        version = whole["scalargrad"]
        content = {key: whole[key] for key in keys}
        sound = whole["sha256"] == _checksum(content)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)} is no file that scalargrad saved, or is damaged: {error!r}") from None
    if version != 1:
        raise ValueError(f"{os.fspath(path)} is of format {version}, which this version of scalargrad cannot read")
    if not sound:
        raise ValueError(f"{os.fspath(path)} is damaged: its content does not match its checksum")
    return content


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
