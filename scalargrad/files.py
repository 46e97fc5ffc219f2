"""Files that are whole: written entirely or not at all, and read only if they are what was written."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from typing import Any


def write(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write content as JSON with a checksum; floats come back exactly.

    The text goes to a temporary file beside the target, which is then renamed: a reader, or a
    crash, sees the old file or the new one.

    Raises:
        ValueError: when the content has a nan or an infinity, which JSON has not.
        TypeError: when it has anything else that is not JSON.
        OSError: when the file cannot be written.
    """
    text = json.dumps({"scalargrad": 1, "sha256": _checksum(content), **content}, allow_nan=False)
    target = os.path.abspath(os.fspath(path))
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=f".{os.path.basename(target)}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: str | os.PathLike[str], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the content that `write` wrote, which has exactly these keys.

    Raises:
        ValueError: when the file is damaged, or something else.
        OSError: when it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            whole = json.load(file)
        content = {key: whole[key] for key in keys}
        sound = whole["scalargrad"] == 1 and whole["sha256"] == _checksum(content)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)} is no file that scalargrad saved, or is damaged: {error!r}") from None
    if not sound:
        raise ValueError(f"{os.fspath(path)} is damaged: its content does not match its checksum")
    return content


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()
