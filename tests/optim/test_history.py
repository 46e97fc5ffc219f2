"""What training says of itself: the history as a table, as a plot and as data, and the bar while it runs."""

from __future__ import annotations

import io
import math
import pickle
import sys
from typing import Any

import numpy as np
import pytest

from scalargrad import Value
from scalargrad.optim import GradientDescent, History, train
from scalargrad.optim.progress import Bar, clock


def history_of(epochs: int, **arguments: Any) -> History:
    """The history of a training with two columns and what is held out."""
    x = Value(4.0)
    common: dict[str, Any] = {"optimizer": GradientDescent(rate=0.1), "metrics": {"far": lambda a: abs(x - a)}}
    return train(lambda a: (x - a) ** 2, [x], ([1.0, 2.0],), epochs=epochs, **(common | arguments))


# ---------------------------------------------------------------- the table


def test_the_table() -> None:
    """It has a heading, a row for each epoch, and what ended the training; numbers stand below one another."""
    assert repr(history_of(3, validation=([1.5],))) == (
        "3 epochs, 0:00: all epochs are done\n"
        "lifted to numpy\n"
        "epoch  loss   far  validation loss  validation far\n"
        "    1  6.5   2               4                2\n"
        "    2  4.25  1.6             2.56             1.6\n"
        "    3  2.81  1.28            1.638            1.28"
    )


def test_a_long_table_is_cut_in_the_middle() -> None:
    """Of many epochs the first and the last are shown, and those between are counted."""
    lines = repr(history_of(100)).splitlines()
    assert len(lines) == 3 + 20 + 1
    assert lines[8] == "… 80 more epochs …"
    assert [int(line.split()[0]) for line in lines[3:8] + lines[9:]] == [*range(1, 6), *range(86, 101)]
    assert len(history_of(20).__repr__().splitlines()) == 23


def test_before_the_first_epoch_there_is_a_line() -> None:
    """Without a row the history says what happened, and has no plot."""
    history = history_of(0)
    assert repr(history) == "0 epochs, 0:00: all epochs are done\nlifted to numpy"
    assert history._repr_html_() == "<pre>0 epochs, 0:00: all epochs are done\nlifted to numpy</pre>"
    assert history.rows == []
    assert history["loss"] == []
    with pytest.raises(ValueError, match="nothing to plot before the first epoch has ended"):
        history.plot()
    with pytest.raises(ValueError, match="there is no state before the training has begun"):
        History({}).state_dict()
    assert History({}).rows == []
    assert History({}).steps == 0
    assert len(History({})) == 0
    assert History({}).best_epoch is None


def test_in_a_notebook_there_is_a_table_and_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is there, escaped, with the plot below it; without matplotlib it stands alone."""
    history = history_of(2)
    html = history._repr_html_()
    assert html.startswith("<div>2 epochs, 0:00: all epochs are done; lifted to numpy</div><table")
    assert html.count("<tr") == 3
    assert 'src="data:image/png;base64,iVBOR' in html
    monkeypatch.setattr("scalargrad.optim.history.find_spec", lambda name: None)
    assert html.startswith(history._repr_html_())
    assert history._repr_html_().endswith("</table>")


def test_a_history_with_one_column_names_it() -> None:
    """A metric that was not measured is an error that names the only column there is."""
    with pytest.raises(KeyError) as raised:
        history_of(1, metrics=None)["acc"]
    assert raised.value.args == ("the history has no column 'acc'. Its only column is 'loss'",)


# ---------------------------------------------------------------- the plot


def test_the_plot_has_a_panel_for_each_measure() -> None:
    """Training and validation data are a curve each, with the numbers of the table, and the best epoch is marked."""
    history = history_of(8, validation=([3.5],), patience=8)
    panels = history.plot().axes
    assert [panel.get_ylabel() for panel in panels] == ["loss", "far"]
    for panel in panels:
        name = panel.get_ylabel()
        training, held_out, best = panel.get_lines()
        assert np.array_equal(training.get_ydata(), history[name])
        assert np.array_equal(held_out.get_ydata(), history[f"validation {name}"])
        assert np.array_equal(training.get_xdata(), range(1, 9))
        assert np.array_equal(best.get_xdata(), [history.best_epoch or 0] * 2)
        legend = panel.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["training data", "validation data", "best epoch"]


def test_a_notebook_shows_the_plot_without_pyplot() -> None:
    """A fresh kernel, with no formatter of pyplot, shows a PNG of it; of a plain figure it shows the repr alone."""
    from IPython.core.formatters import DisplayFormatter
    from matplotlib.figure import Figure

    formatter: Any = DisplayFormatter()
    figure = history_of(2).plot()
    assert isinstance(figure, Figure)
    shown, _ = formatter.format(figure)
    plain, _ = formatter.format(Figure(figsize=(5.2, 3.8)))
    assert shown["image/png"].startswith(b"\x89PNG")
    assert "image/png" not in plain  # negative control


def test_a_measure_that_is_no_number_is_a_gap() -> None:
    """A metric that is infinite, or larger than any picture, is in the table, and a gap in the plot."""
    for odd in (math.inf, -1e200, math.nan):
        history = history_of(2, metrics={"odd": lambda a, odd=odd: Value(odd)})
        assert np.array_equal(history["odd"], [odd] * 2, equal_nan=True)
        assert np.array_equal(history.plot().axes[1].get_lines()[0].get_ydata(), [math.nan] * 2, equal_nan=True)


def test_without_matplotlib_the_plot_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra, for a wheel and for a clone."""
    monkeypatch.delitem(sys.modules, "scalargrad.optim.picture", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"a plot needs the extra plot: pip install 'scalargrad-engine\[plot\]', or"):
        history_of(1).plot()


def test_a_history_is_data() -> None:
    """It can be pickled, and shows the same."""
    history = history_of(3)
    copied = pickle.loads(pickle.dumps(history))
    assert repr(copied) == repr(history)
    assert copied.state_dict() == history.state_dict()


# ---------------------------------------------------------------- the bar


class Terminal(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_shows_the_loss_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the epoch, how far it is, the loss and the time left, seldom enough, and is gone at the end."""
    now = 100.0
    monkeypatch.setattr("scalargrad.optim.progress.time.monotonic", lambda: now)
    monkeypatch.setenv("COLUMNS", "80")
    file = Terminal()
    bar = Bar(400, 100, file)
    now = 110.0
    bar.show(200, "2/4", 0.125)
    assert file.getvalue() == f"\repoch 2/4  {'━' * 12}{'─' * 12}   50%  loss 0.125  0:20 left"
    now = 110.05
    bar.show(201, "2/4", 0.1)
    assert "0.1 " not in file.getvalue()
    now = 111.0
    bar.show(400, "4/4", 0.1)
    assert file.getvalue().split("\r")[-1].rstrip() == f"epoch 4/4  {'━' * 24}  100%  loss 0.1  0:00 left"
    bar.clear()
    blank, end = file.getvalue().split("\r")[-2:]
    assert (blank.strip(), end) == ("", "")
    bar.clear()
    assert file.getvalue().split("\r")[-1] == ""


def test_a_narrow_terminal_cuts_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer than the terminal is wide."""
    now = 0.0
    monkeypatch.setattr("scalargrad.optim.progress.time.monotonic", lambda: now)
    monkeypatch.setenv("COLUMNS", "30")
    file = Terminal()
    bar = Bar(10, 0, file)
    now = 1.0
    bar.show(5, "1/2", 0.5)
    assert len(file.getvalue()) == 30


def test_a_bar_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default it is shown where stderr is a terminal; `progress` says otherwise, and so does no stderr at all."""
    for progress, kind, is_shown in (
        (None, Terminal, True),
        (None, io.StringIO, False),
        (True, io.StringIO, True),
        (False, Terminal, False),
    ):
        file = kind()
        monkeypatch.setattr("sys.stderr", file)
        monkeypatch.setattr("scalargrad.optim.progress.PAUSE", 0.0)
        history_of(2, progress=progress)
        assert ("loss" in file.getvalue()) == is_shown
    monkeypatch.setattr("sys.stderr", None)
    assert len(history_of(2)) == 2


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3599, "59:59"), (3660, "1 h 01 min")])
def test_times_are_short(seconds: float, text: str) -> None:
    """A time is minutes and seconds, and above an hour hours and minutes."""
    assert clock(seconds) == text
