"""How a demo ends that cannot go on: in one line, or in none where nobody reads on.

Each demo imports this before anything else. It takes what would be a traceback where an extra is
missing, where a file or the output cannot be written, and on Ctrl-C, and leaves every other as it is.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from types import TracebackType

FAILED = 1
BROKEN_PIPE = 141  # the status of a program that the system ends because nobody reads its output


def ended(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Say what ended the demo."""
    if isinstance(error, ModuleNotFoundError):
        say(f"{sys.argv[0]} needs {error.name}: pip install --editable '.[demos]'")
    elif isinstance(error, KeyboardInterrupt):  # Python itself ends with the status for it
        say(": ".join(["interrupted", *map(str, error.args)]))
    elif isinstance(error, OSError) and error.filename is not None:
        say(f"{sys.argv[0]}: {error.filename}: {error.strerror}")
    elif isinstance(error, OSError) and error.errno is not None:
        unwritten(error)
    else:
        sys.__excepthook__(kind, error, traceback)


def written() -> None:
    """Write what is still to be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        unwritten(error)


def unwritten(error: OSError) -> None:
    """End at once, because on the usual way out Python would write to the output again, and complain."""
    if isinstance(error, BrokenPipeError):
        os._exit(BROKEN_PIPE)
    say(f"{sys.argv[0]}: standard output cannot be written: {error.strerror}")
    os._exit(FAILED)


def say(message: str) -> None:
    """Write a line to the error stream, if that takes any."""
    with suppress(OSError):
        os.write(2, f"{message}\n".encode(errors="replace"))


if sys.stdout is None:
    say(f"{sys.argv[0]}: standard output is closed")
    sys.exit(FAILED)
sys.excepthook = ended
atexit.register(written)
