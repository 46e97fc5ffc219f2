"""The progress bar of a training."""

from __future__ import annotations

import time
from typing import IO

from ..terminal import cells, cut, width_of

CELLS = 24  # of the bar
PAUSE = 0.1  # seconds between two lines at least


class Bar:
    """A progress bar on one line of a terminal; it disappears when the training ends.

    Args:
        total: the number of steps.
        done: the number of steps before this call.
        file: where the bar is written; None for no bar.
    """

    def __init__(self, total: int, done: int, file: IO[str] | None) -> None:
        self._total, self._before, self._file = total, done, file
        self._began = time.monotonic()
        self._next = self._began
        self._length = 0

    @property
    def is_shown(self) -> bool:
        """Whether there is a bar."""
        return self._file is not None

    def show(self, done: int, epoch: str, loss: float) -> None:
        """Write the line, unless the last one is less than PAUSE old."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PAUSE
        left = (now - self._began) / max(1, done - self._before) * (self._total - done)
        full = done * CELLS // self._total
        bar = "━" * full + "─" * (CELLS - full)
        line = f"epoch {epoch}  {bar}  {done * 100 // self._total:3}%  loss {loss:.4g}  {clock(left)} left"
        self._write(cut(line, (width_of(self._file) or 1000) - 1))

    def clear(self) -> None:
        """Remove the line, so that other output can follow."""
        if self._file is not None and self._length:
            self._write("")
            print("\r", end="", file=self._file, flush=True)

    def _write(self, line: str) -> None:
        print(f"\r{line}{' ' * (self._length - cells(line))}", end="", file=self._file, flush=True)
        self._length = cells(line)


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, or as hours and minutes.

    >>> clock(75), clock(4000)
    ('1:15', '1 h 06 min')
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
