"""How a demo ends that cannot go on: in one line where its extra is missing, in none where nobody reads on.

Each demo imports this first. It takes what would be a traceback, and leaves every other as it is.
"""

from __future__ import annotations

import atexit
import os
import sys
from types import TracebackType

BROKEN_PIPE = 141  # the status of a program that the system ends because nobody reads its output


def ended(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Say what ended the demo."""
    if isinstance(error, ModuleNotFoundError):
        print(f"{sys.argv[0]} needs {error.name}: pip install 'scalargrad-engine[demos]'", file=sys.stderr)
    elif isinstance(error, BrokenPipeError):
        os._exit(BROKEN_PIPE)  # on the usual way out Python would write again, and complain
    else:
        sys.__excepthook__(kind, error, traceback)


def written() -> None:
    """Write what is still to be written; without a word where it cannot be."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(BROKEN_PIPE)


sys.excepthook = ended
atexit.register(written)
