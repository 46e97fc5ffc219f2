"""How a demo ends when it cannot continue: with one line, or with none if nobody reads its output.

Each demo imports this before anything else. In place of a traceback it prints one line when an extra is
missing, when a file or the output cannot be written, and on Ctrl-C. All other tracebacks stay.
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
    """Print what ended the demo."""
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
    """Write the output that is still in a buffer."""
    try:
        sys.stdout.flush()
    except OSError as error:
        unwritten(error)


def unwritten(error: OSError) -> None:
    """End at once: a normal end of Python would write to the output again, and print another error."""
    if isinstance(error, BrokenPipeError):
        os._exit(BROKEN_PIPE)
    say(f"{sys.argv[0]}: standard output cannot be written: {error.strerror}")
    os._exit(FAILED)


def say(message: str) -> None:
    """Write a line to the error stream, if it can be written."""
    with suppress(OSError):
        os.write(2, f"{message}\n".encode(errors="replace"))


if sys.stdout is None:
    say(f"{sys.argv[0]}: standard output is closed")
    sys.exit(FAILED)
sys.excepthook = ended
atexit.register(written)
