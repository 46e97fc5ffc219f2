"""The history of a training: a row for each epoch, shown as a table and as a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine.floats import counted
from ..extras import how_to_install
from ..terminal import BOLD, Part, Text, html_table, table
from .minimizing import OUT_OF_STEPS
from .optimizer import Optimizer
from .progress import clock
from .ways import Saved

if TYPE_CHECKING:
    from .picture import Picture

Row = dict[str, float]
SHOWN = 20  # rows of the table, of which the first few
FIRST = 5
LARGEST = 1e100  # that is drawn


class Best(NamedTuple):
    """The best epoch so far, counted from 1, and its parameters."""

    epoch: int
    parameters: list[float]


class Point(NamedTuple):
    """The state of a training between two steps: everything that it continues from."""

    rows: tuple[Row, ...]
    batch: int  # how many batches of the next epoch are done
    total: float  # the sum of their losses, each times its number of examples
    best: Best | None
    saved: Saved


class History:
    """The result of `train`, which its callback also gets after each epoch.

    `history["loss"]` is a column: a list with a number for each epoch. The loss on the training data is the mean over
    the epoch, each batch before its step; metrics, and the loss on validation data, are measured after the epoch.

    Attributes:
        rows: a dict for each epoch.
        message: how the training ended, in words.
        status: the same as a number: OUT_OF_STEPS, DIVERGED, INTERRUPTED or STOPPED.
        way: whether the loss was lifted or ran on Values, and why.
        optimizer: the optimizer that takes the steps.
        start: the parameters before the first step of this call of `train`.
        seconds: how long this call of `train` took.
        best_epoch: the epoch with the lowest loss, on validation data if there are any, counted from 1; None without
            `patience`.
    """

    optimizer: Optimizer

    def __init__(self, settings: dict[str, int]) -> None:
        self._settings = settings
        self._point: Point | None = None
        self._last: list[float] | None = None  # the parameters of the last step, where those of the best are in place
        self.start: list[float] = []
        self.message = "training is running"
        self.status = OUT_OF_STEPS
        self.way = ""
        self.seconds = 0.0

    @property
    def rows(self) -> list[Row]:
        """A dict for each epoch: its loss, its metrics, and what these are on validation data."""
        return [dict(row) for row in self._point.rows] if self._point else []

    @property
    def examples(self) -> int:
        """How many examples there are to learn from."""
        return self._settings["examples"]

    @property
    def batch_size(self) -> int:
        """How many examples make a step."""
        return self._settings["batch_size"]

    @property
    def steps(self) -> int:
        """How many steps have been taken, those before a resumption included."""
        if self._point is None:
            return 0
        return len(self) * math.ceil(self.examples / self.batch_size) + self._point.batch

    @property
    def best_epoch(self) -> int | None:
        """The epoch that was best, counted from 1; None without `patience`."""
        return self._point.best.epoch if self._point and self._point.best else None

    def __bool__(self) -> bool:
        return True  # a training that was stopped in its first epoch can be resumed, too

    def __len__(self) -> int:
        return len(self._point.rows) if self._point else 0

    def __getitem__(self, column: str) -> list[float]:
        """Return a column, with a number for each epoch.

        Raises:
            KeyError: for a column that is not there.
        """
        rows = self.rows
        if rows and column not in rows[0]:
            raise KeyError(_missing(column, list(rows[0])))
        return [row[column] for row in rows]

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the training, without the parameters, as plain data for `train(..., resume=...)`.

        Raises:
            ValueError: before the first epoch.
        """
        if self._point is None:
            raise ValueError("there is no state before the training has begun")
        rows, batch, total, best, _ = self._point
        return {
            **self._settings,
            "rows": [dict(row) for row in rows],
            "batch": batch,
            "total": total,
            "best": best and {"epoch": best.epoch, "parameters": list(best.parameters)},
            "last": self._last and list(self._last),
            "optimizer": self.optimizer.state_dict(),
        }

    # ---------------------------------------------------------------- shown

    def _table(self) -> tuple[list[str], list[list[str | Part]]]:
        rows = self.rows
        headings = ["epoch", *rows[0]]
        lines: list[list[str | Part]] = []
        for epoch, row in enumerate(rows, start=1):
            style = BOLD if epoch == self.best_epoch else ""
            lines.append([(f"{epoch}", style), *((f"{x:.4g}", style) for x in row.values())])
        if len(lines) > SHOWN:
            left_out = len(lines) - SHOWN
            lines[FIRST : FIRST + left_out] = [[f"… {counted(left_out, 'more epoch')} …"]]
        return headings, lines

    def _summary(self) -> str:
        return f"{counted(len(self), 'epoch')}, {clock(self.seconds)}: {self.message}\n{self.way}"

    def __repr__(self) -> str:
        if not len(self):
            return self._summary()
        headings, lines = self._table()
        parts = [(f"{self._summary()}\n", ""), *table(headings, lines, numbers=range(len(headings)))]
        return repr(Text(parts))

    def _repr_html_(self) -> str:
        from base64 import b64encode
        from html import escape

        if not len(self):
            return f"<pre>{escape(self._summary())}</pre>"
        headings, lines = self._table()
        summary = escape(self._summary().replace("\n", "; "))  # no caption, which would be as narrow as the table
        shown = f"<div>{summary}</div>{html_table(headings, lines, numbers=range(len(headings)))}"
        if find_spec("matplotlib") is None:
            return shown
        picture = b64encode(self.plot()._repr_png_()).decode()
        return f'{shown}<img style="max-width:100%" alt="loss by epoch" src="data:image/png;base64,{picture}">'

    def plot(self) -> Picture:
        """Draw the loss by epoch, and each metric, on training and on validation data.

        The result is a figure of matplotlib, which a notebook shows; `history.plot().savefig("loss.png")` writes it
        to a file.

        Raises:
            ValueError: before the first epoch has ended.
            ImportError: without matplotlib.
        """
        if not len(self):
            raise ValueError("there is nothing to plot before the first epoch has ended")
        try:
            from matplotlib.ticker import MaxNLocator

            from .picture import Picture
        except ModuleNotFoundError:
            raise ImportError(f"a plot needs the extra plot: {how_to_install('plot')}") from None
        rows = self.rows
        names = [name for name in rows[0] if not name.startswith("validation ")]
        figure = Picture(figsize=(5.2 * len(names), 3.8), layout="constrained")
        epochs = range(1, len(rows) + 1)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False).flat, names, strict=True):
            curves = {"training data": name, "validation data": f"validation {name}"}
            for (label, column), colour in zip(curves.items(), ("#2f6db5", "#d9662b"), strict=True):
                if column in rows[0]:
                    marker = "o" if len(rows) <= SHOWN else ""
                    axes.plot(
                        epochs, with_gaps([row[column] for row in rows]), color=colour, marker=marker, label=label
                    )
            if self.best_epoch is not None:
                axes.axvline(self.best_epoch, color="#8a97a5", linestyle="--", linewidth=1, label="best epoch")
            axes.set(xlabel="epoch", ylabel=name)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.25)
            axes.legend(frameon=False)
        return figure


def with_gaps(numbers: Sequence[float]) -> list[float]:
    """Return the numbers to draw: nan, which is a gap, in place of those that are infinite or beyond any picture."""
    return [number if abs(number) < LARGEST else math.nan for number in numbers]


def _missing(column: object, columns: list[str]) -> str:
    from difflib import get_close_matches

    text = str(column)
    close = [name for name in columns if text and name.startswith(text)] or get_close_matches(text, columns, n=1)
    meant = f": did you mean {close[0]!r}?" if close else "."
    have = "columns are" if len(columns) > 1 else "only column is"
    return f"the history has no column {column!r}{meant} Its {have} {', '.join(map(repr, columns))}"
