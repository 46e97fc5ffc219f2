"""Files that are written entirely or not at all, and read only if they hold what was written."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import secrets
import stat
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

READ_ONLY = "Read-only, which holds for root as well: make the file writable, or choose another name"
NOT_REGULAR = "Not a regular file: choose another name"
NOT_OURS = "Owner or group cannot be kept, because only root could set them: choose another name"


def write(path: Path, content: dict[str, Any]) -> None:
    """Write content as JSON with a checksum; floats come back exactly.

    Args:
        path: of the file, which is replaced if there is one.
        content: what `read` will return.

    Raises:
        ValueError: when the content has a nan or an infinity, which JSON has not, or keys of one dict
            that JSON spells alike, or is nested too deeply.
        TypeError: when it holds anything else that JSON cannot.
        OSError: when the file cannot be written.
    """
    try:
        content = _parsed(json.dumps(content, allow_nan=False))  # as it will be read: string keys, no tuples
        text = json.dumps({"scalargrad": 1, "sha256": _checksum(content), **content})
    except RecursionError:
        raise ValueError("cannot save content that is nested so deeply") from None
    write_whole(path, text.encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write bytes to a file, entirely or not at all.

    The bytes go to a temporary file in the same folder, which is then renamed: a reader, or a crash,
    sees the old file or the new one. A file that is replaced keeps its mode, owner and group. A
    symbolic link stays, and the file that it leads to is written; another hard link keeps the old
    content. A temporary file that a crash left behind is removed by the next write to the same path.

    Raises:
        OSError: with the path, when the file cannot be written: the folder is missing; the path names
            a folder, a device, a pipe or a socket; the file is read-only, also for root; its owner
            or group cannot be kept; the disk is full.
    """
    name = os.fsdecode(path)
    try:
        _replace(name, content)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, name) from None  # in place of the temporary file's name, or none


def completed(path: Path, suffixes: Sequence[str], what: str) -> str:
    """Return the path of a file to be written, with the first of these suffixes where it has none.

    Args:
        path: as the user gave it.
        suffixes: those that are allowed, without the dot.
        what: the file is, for the message of an error.

    >>> completed("neuron", ("svg", "png"), "a picture"), completed("neuron.png", ("svg", "png"), "a picture")
    ('neuron.svg', 'neuron.png')

    Raises:
        ValueError: when it has another suffix, or names no file, or a device or a pipe.
    """
    text = os.fsdecode(path)
    stem, suffix = os.path.splitext(text)
    if os.path.exists(text) and not os.path.isfile(text) and not os.path.isdir(text):
        raise ValueError(f"{what} is written to a regular file, got {text!r}")
    if os.path.basename(stem) not in {"", os.curdir, os.pardir} and not suffix:
        return f"{text}.{suffixes[0]}"
    if suffix[1:].lower() not in suffixes:
        *most, last = [f".{known}" for known in dict.fromkeys(suffixes)]
        known = f"{', '.join(most)} or {last}" if most else last
        raise ValueError(f"the name of {what} ends in {known}, got {text!r}")
    return text


def read(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the content that `write` wrote.

    Args:
        path: of the file.
        keys: those that the content has, and no others.

    Raises:
        ValueError: when the file is damaged, or something else.
        OSError: when it cannot be read, or is not a regular file.
    """
    name = os.fsdecode(path)
    _regular(name)  # opening a pipe would wait for a writer
    with open(name, "rb") as file:
        text = file.read()
    try:
        return _content(text, keys)
    except _LaterFormat as error:
        raise ValueError(f"{name} {error}") from None
    except RecursionError:
        raise ValueError(f"{name} is {_STRANGE}: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{name} is {_STRANGE}: {error}") from None


# ---------------------------------------------------------------- writing


def _replace(name: str, content: bytes) -> None:
    try:
        existing = _regular(name)
    except FileNotFoundError:
        if os.path.basename(name) in {"", os.curdir, os.pardir}:
            raise
        os.stat(os.path.dirname(name) or os.curdir)  # realpath would take "missing/../name" for "name"
        existing = None
    if existing is not None and not existing.st_mode & 0o222:
        raise PermissionError(errno.EACCES, READ_ONLY)
    if existing is not None and not os.access(name, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    folder, last = os.path.split(os.path.realpath(name))
    prefix = f".scalargrad-{hashlib.sha256(os.fsencode(last)).hexdigest()[:16]}-"  # short, however long the name is
    _remove_abandoned(folder, prefix)
    temporary, handle, locked = _begin(folder, prefix, 0o666 if existing is None else 0o600)
    try:
        with open(handle, "wb", closefd=not locked) as file:  # a lock lasts until the file has its name
            file.write(content)
            file.flush()
            if existing is not None:
                _keep_owner_and_mode(temporary, existing)
            os.fsync(handle)
        os.replace(temporary, os.path.join(folder, last))
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    finally:
        if locked:
            os.close(handle)
    _sync(folder)


def _regular(name: str) -> os.stat_result:
    status = os.stat(name)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, NOT_REGULAR, name)
    return status


def _begin(folder: str, prefix: str, mode: int) -> tuple[str, int, bool]:
    """Create a temporary file; return its path, its descriptor, and whether it is locked."""
    while True:
        temporary = os.path.join(folder, prefix + secrets.token_hex(8))
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        locked = _lock(handle)
        if locked is not False and os.path.exists(temporary):
            return temporary, handle, bool(locked)
        os.close(handle)  # another writer took it for abandoned before it was locked


_AT_ONCE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for a reader


def _remove_abandoned(folder: str, prefix: str) -> None:
    """Remove the temporary files that no writer holds locked."""
    names: list[str] = []
    with suppress(OSError):  # such as a folder that may be written to but not listed
        names = [name for name in os.listdir(folder) if name.startswith(prefix)]
    for name in names:
        with suppress(OSError):  # such as a file of another user
            temporary = os.path.join(folder, name)
            handle = os.open(temporary, os.O_WRONLY | _AT_ONCE)
            try:
                if stat.S_ISREG(os.fstat(handle).st_mode) and _lock(handle):
                    os.unlink(temporary)
            finally:
                os.close(handle)


def _lock(handle: int) -> bool | None:
    """Lock a file until its last descriptor is closed, at the latest when the process ends.

    Returns True when it is locked, False when another descriptor holds the lock, None where files cannot be locked.
    """
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows; some network file systems
        return None
    return True


def _keep_owner_and_mode(temporary: str, existing: os.stat_result) -> None:
    created = os.stat(temporary)
    if (created.st_uid, created.st_gid) != (existing.st_uid, existing.st_gid):
        try:
            os.chown(temporary, existing.st_uid, existing.st_gid)
        except PermissionError:
            raise PermissionError(errno.EPERM, NOT_OURS) from None
    os.chmod(temporary, stat.S_IMODE(existing.st_mode))


def _sync(folder: str) -> None:
    """Write the folder to disk, where the system can, so that the new name survives a power cut."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (AttributeError, PermissionError):  # Windows; a folder that may be written to but not read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # the file system cannot
            raise
    finally:
        os.close(handle)


# ---------------------------------------------------------------- reading

_STRANGE = "not a file that scalargrad saved, or is damaged"


class _LaterFormat(ValueError):
    """The file may be sound, but is not of this format."""


def _content(text: bytes, keys: tuple[str, ...]) -> dict[str, Any]:
    whole = _parsed(text.decode())
    if not isinstance(whole, dict) or type(whole.get("scalargrad")) is not int:
        raise ValueError("it has no format number")
    version, checksum = whole.pop("scalargrad"), whole.pop("sha256", None)
    if version > 1:
        raise _LaterFormat(f"is of format {version}, which this version of scalargrad cannot read: install a later one")
    if version < 1 or whole.keys() != set(keys):
        raise ValueError(f"it does not hold format 1 with {', '.join(keys)}")
    if checksum != _checksum(whole):
        raise ValueError("its content does not match its checksum")
    return whole


def _parsed(text: str) -> Any:
    """Read JSON, of which every part counts and every number is finite."""
    return json.loads(text, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_distinct)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} stands twice in one dict")
    return content


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
