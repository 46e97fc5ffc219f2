"""The entry of the command `scalargrad`.

It is outside of the package, so that Ctrl-C while the package is imported ends in one line, too.
"""

import os
from contextlib import suppress

INTERRUPTED = 130


def main() -> int:
    """Import the command, run it, and return its exit status: 130 when Ctrl-C comes before it has begun."""
    try:
        from scalargrad.cli import main as run

        return run()
    except (KeyboardInterrupt, Exception) as error:
        if not _is_interrupted(error):
            raise
        with suppress(OSError):
            os.write(2, b"scalargrad: interrupted\n")
        return INTERRUPTED


def _is_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an error: Python 3.11 wraps what comes as a class is being made in a RuntimeError."""
    reason: BaseException | None = error
    while reason is not None and not isinstance(reason, KeyboardInterrupt):
        reason = reason.__cause__ or reason.__context__
    return reason is not None
