"""What the experiments share: a run for each seed, a table of what the runs came to, and a picture for a slide.

One run shows little: with other initial weights, another order, and other digits it may end the other way. So each
experiment is repeated with ten seeds. Its table has the mean and, in brackets, the lowest and the highest of the
runs, and its picture shows how far they lie apart.
"""

from __future__ import annotations

import argparse
import functools
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import matplotlib as mpl
import numpy
from digits import Digit, columns, load_digits, loss_function, split
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pictures import GREY, INK, count, picture, save
from rich.console import Console
from rich.progress import track
from rich.table import Table

from scalargrad import lift, nn, optim

Name = TypeVar("Name")
Result = TypeVar("Result")
Columns = tuple[list[Any], list[Any]]  # the pixels of each digit, and the outputs that each should have

GREEN, VIOLET = "#2f8f5b", "#7d4fa8"
ON_A_SLIDE: Any = {
    "font.size": 18,
    "axes.titlesize": 20,
    "axes.titlepad": 14,
    "figure.titlesize": 26,
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.15,
    "legend.fontsize": 17,
    "lines.linewidth": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
}

# ---------------------------------------------------------------- the command line


def options(
    argv: Sequence[str] | None, demo: str, description: str, most: int = 4000, **settings: tuple[int, str]
) -> argparse.Namespace:
    """Read the command line: the number of seeds, the picture, and settings that are counts, with their defaults.

    There are at most so many digits for the setting `examples`.
    """
    parser = argparse.ArgumentParser(
        description=description,
        epilog=f"example: python demos/{demo}.py --seeds 3",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seeds", type=count, default=10, help="how often all is repeated, each time with a new seed")
    for name, (default, meaning) in settings.items():
        parser.add_argument(f"--{name}", type=count, default=default, help=meaning)
    parser.add_argument("--output", type=picture, default=f"output/{demo}.png", help="the picture to write")
    chosen = parser.parse_args(argv)
    if "examples" in settings and chosen.examples > most:
        parser.error(f"argument --examples: there are {most} digits to learn from, not {chosen.examples}")
    return chosen


# ---------------------------------------------------------------- the runs


PIXELS = 64  # of a digit: 8×8, a quarter of those in digits.py, so that a hundred networks learn in a minute


def small(digit: Digit) -> Digit:
    """Return a digit of 16×16 pixels as one of 8×8."""
    blocks = numpy.reshape(digit.pixels, (8, 2, 8, 2)).mean(axis=(1, 3))
    return Digit(tuple(blocks.ravel().tolist()), digit.label)


@functools.cache
def _all_digits() -> list[Digit]:
    return list(map(small, load_digits()))


def digits_for(seed: int, examples: int) -> tuple[Columns, Columns]:
    """Return digits to learn from, and 1,000 others to test with; the seed decides which."""
    learned, others = split(_all_digits(), random.Random(seed))
    return columns(learned[:examples]), columns(others)


def mislabelled(data: Columns, rng: random.Random) -> Columns:
    """Return the same digits, but every fifth with the label of another class."""
    pixels, targets = data
    wrong = []
    for place, target in enumerate(targets):
        turn = rng.randrange(1, 10) if place % 5 == 0 else 0
        wrong.append(target[turn:] + target[:turn])
    return pixels, wrong


def accuracies(model: nn.MLP | nn.Sequential, *several: Columns) -> list[float]:
    """Return for each of several sets of digits the share that the network reads right."""
    outputs = lift(model.outputs, model.parameters())
    return [
        float(numpy.mean(numpy.argmax(outputs(pixels), axis=1) == numpy.argmax(targets, axis=1)))
        for pixels, targets in several
    ]


def for_each_seed(run: Callable[[int], Result], seeds: int) -> list[Result]:
    """Return what the run returns for each seed; on a terminal a bar shows how far it is."""
    console = Console(stderr=True)
    return list(map(run, track(range(seeds), "seeds", console=console, disable=not sys.stderr.isatty())))


def by_name(names: Iterable[Name], runs: Iterable[Sequence[Result]]) -> dict[Name, list[Result]]:
    """Return the results of all runs under each name; each run has one result for each name, in their order."""
    return dict(zip(names, map(list, zip(*runs, strict=True)), strict=True))


def train(*arguments: Any, **settings: Any) -> optim.History:
    """Train as `optim.train` does; Ctrl-C ends the experiment."""
    history = optim.train(*arguments, progress=False, **settings)
    if history.status == optim.INTERRUPTED:
        raise KeyboardInterrupt
    return history


def learn_deep(
    model: nn.MLP | nn.Sequential, seed: int, examples: int, epochs: int, optimizer: optim.Optimizer
) -> float:
    """Train a deep network in batches of ten, and return the share of the digits it has learned from that it reads."""
    learned, _ = digits_for(seed, examples)
    loss = loss_function(model, "cross-entropy")
    train(loss, model.parameters(), learned, optimizer=optimizer, epochs=epochs, batch_size=10, rng=seed)
    (result,) = accuracies(model, learned)
    return result


def sizes_by_layer(model: nn.MLP | nn.Sequential, data: Columns, kind: str) -> list[float]:
    """Return the mean of |dL/dp| over the parameters of a kind in each layer, where L is the mean loss of these digits.

    The kind is part of their names: "weights" or "bias".
    """
    _, gradient = lift(loss_function(model, "cross-entropy"), model.parameters()).value_and_grad(*data)
    of_each: dict[str, list[float]] = {}
    for (name, _), slope in zip(model.named_parameters(), gradient, strict=True):
        _, layer, *path = name.split(".")
        if kind in path:
            of_each.setdefault(layer, []).append(abs(slope))
    return [statistics.fmean(slopes) for slopes in of_each.values()]


def ahead(better: Sequence[float], worse: Sequence[float]) -> str:
    """Say in how many of the runs the first number is above the second."""
    return f"{sum(a > b for a, b in zip(better, worse, strict=True))} of {len(better)}"


# ---------------------------------------------------------------- the table


def summary(numbers: Sequence[float], form: str = ".1%") -> str:
    """Return the mean, and in brackets the lowest and the highest."""
    mean, low, high = (format(number, form) for number in (statistics.fmean(numbers), min(numbers), max(numbers)))
    return f"{mean} ({low} … {high})" if low != high else mean


def show(title: str, headings: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Print a table: a row of texts for each name."""
    table = Table(title=title)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    Console(highlight=False).print(table)


# ---------------------------------------------------------------- the picture


@contextmanager
def slide(path: Path, title: str, panels: int = 2, **layout: Any) -> Iterator[list[Axes]]:
    """Give panels side by side to draw in, with text that can be read from the back of a room; then save them."""
    with mpl.rc_context(ON_A_SLIDE):
        figure = Figure(figsize=(13.33, 7.5), layout="constrained")
        figure.suptitle(title, weight="bold")
        yield list(figure.subplots(1, panels, squeeze=False, **layout).flat)
        save(figure, path)
    print(f"drawn in {path}")


def band(axes: Axes, xs: Sequence[float], runs: Sequence[Sequence[float]], colour: str, label: str = "") -> None:
    """Draw the mean of the runs as a line, and from the lowest to the highest of them as a band."""
    at_each = list(zip(*runs, strict=True))
    axes.fill_between(xs, list(map(min, at_each)), list(map(max, at_each)), color=colour, alpha=0.2, linewidth=0)
    axes.plot(xs, list(map(statistics.fmean, at_each)), color=colour, marker="o", markersize=8, label=label)


def paired(axes: Axes, names: Sequence[str], numbers: Sequence[Sequence[float]], colours: Sequence[str]) -> None:
    """Draw a dot for each run under each name, a line between the dots of one run, and the means."""
    for run in zip(*numbers, strict=True):
        axes.plot(range(len(names)), run, color=GREY, linewidth=1.2, alpha=0.7, zorder=1)
    for place, (own, colour) in enumerate(zip(numbers, colours, strict=True)):
        axes.scatter([place] * len(own), own, s=110, color=colour, edgecolor="white", zorder=3)
        mean = statistics.fmean(own)
        axes.plot([place - 0.22, place + 0.22], [mean, mean], color=colour, linewidth=5, zorder=2)
    axes.set_xticks(range(len(names)), names)
    axes.margins(x=0.25 if len(names) == 2 else 0.1)
