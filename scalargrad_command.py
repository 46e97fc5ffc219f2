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
    except KeyboardInterrupt:
        with suppress(OSError):
            os.write(2, b"scalargrad: interrupted\n")
        return INTERRUPTED
