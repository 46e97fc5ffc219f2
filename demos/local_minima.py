"""Local minima: gradient descent ends in a valley near its start, so start from many places and keep the best.

Gradient descent, x ← x - μ f'(x), only goes downhill. It stops where the slope is 0, in a local
minimum, and the starting point decides in which. First on the curve x·cos(4x), whose valleys can all be
seen; then on a network that learns XOR. Its loss is a landscape over nine weights, which cannot be
seen, but has valleys too.

    python demos/local_minima.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import argparse
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pictures import GREY, INK, count, picture, save

from scalargrad import Value, cos, nn, optim, square_error, total

# ---------------------------------------------------------------- a curve with many valleys

FARTHEST = 4.7  # starting points lie between -4.7 and 4.7


@dataclass
class Descent(optim.MinimizeResult):
    """A run on the curve, with each x on its way."""

    path: tuple[float, ...] = ()


def curve(x: Any) -> Any:
    """Return x·cos(4x), of a Value or a plain number."""
    return x * cos(4 * x)


def descend(rng: random.Random) -> Descent:
    """Start at a random point of the curve and go downhill until the slope is 0."""
    x = Value(rng.uniform(-FARTHEST, FARTHEST))
    path: list[float] = []
    result = optim.minimize(lambda: curve(x), [x], rate=0.01, callback=lambda at: path.append(at.x[0]))
    return Descent(**vars(result), path=tuple(path))


# ---------------------------------------------------------------- a network that learns XOR

XOR = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]


def learn(rng: random.Random) -> optim.MinimizeResult:
    """Start a network of two hidden neurons with weights from -1 to 1, and minimize its square error.

    The activation is relu: a neuron that is 0 for all inputs has the gradient 0 exactly, so a network
    that is stuck stops. With sigmoid it would go on for ever in tiny steps.
    """
    network = nn.MLP(2, [2, 1], "relu", rng=rng, initial="uniform")

    def loss() -> Value:
        return total(square_error(network.output(x), y) for x, y in XOR)

    return optim.minimize(loss, network.parameters(), rate=0.05, max_steps=2000)


# ---------------------------------------------------------------- where the runs ended

Ends = dict[tuple[float, ...], int]  # how many runs ended at these numbers


def valleys(runs: Sequence[Descent]) -> Ends:
    """Count the runs at each minimum of the curve, from left to right: x and its height."""
    return dict(sorted(Counter((round(run.x[0], 3), round(run.fun, 3)) for run in runs).items()))


def levels(runs: Sequence[optim.MinimizeResult]) -> Ends:
    """Count the networks at each final square error, from the lowest to the highest."""
    return dict(sorted(Counter((round(run.fun, 3),) for run in runs).items()))


def table(title: str, names: Sequence[str], ends: Ends) -> str:
    """Return the counts as text, with the lowest end marked."""
    lowest = min(ends, key=lambda end: end[-1])
    lines = [title, "".join(f"{name:>14}" for name in (*names, "runs"))]
    for end, runs in ends.items():
        lines.append(
            "".join(f"{number:14.3f}" for number in end) + f"{runs:14}" + ("   the best" if end == lowest else "")
        )
    return "\n".join(lines)


# ---------------------------------------------------------------- the pictures

COLOURS = ("#2f6db5", "#d9662b", "#3a9a6b", "#8b5fb0", "#c9a227", "#c2497a", "#3aa3b0", "#7a5a3c")


def draw_curve(axes: Axes, runs: Sequence[Descent]) -> None:
    """Draw the curve, and the path of each run along it in the colour of the valley where it ended."""
    span = [FARTHEST * 1.06 * (i / 400 - 1) for i in range(801)]
    axes.plot(span, [curve(x) for x in span], color=GREY, linewidth=1.2, zorder=1)
    for (end, height), colour in zip(valleys(runs), COLOURS * 2, strict=False):
        here = [run for run in runs if round(run.x[0], 3) == end]
        for run in here:
            axes.plot(run.path, [curve(x) for x in run.path], color=colour, linewidth=3, alpha=0.35, zorder=2)
        starts = [run.path[0] for run in here]
        axes.scatter(starts, [curve(x) for x in starts], s=26, color="white", edgecolor=colour, zorder=3)
        axes.scatter([end], [height], s=90, color=colour, edgecolor="white", zorder=4)
        axes.annotate(f"{len(here)}", (end, height), (0, -9), textcoords="offset points", ha="center", va="top")
    best = min(runs, key=lambda run: run.fun)
    axes.scatter(best.x, [best.fun], s=320, marker="*", color="#f2c230", edgecolor=INK, zorder=5, label="the best")
    axes.scatter([], [], s=26, color="white", edgecolor=GREY, label="a starting point")
    axes.scatter([], [], s=90, color=GREY, edgecolor="white", label="a minimum, with its number of runs")
    axes.set(title=f"x·cos(4x): {len(runs)} runs end in {len(valleys(runs))} minima", xlabel="x", ylabel="x·cos(4x)")
    axes.margins(y=0.12)
    axes.legend(loc="upper center", framealpha=0.9)


def draw_levels(axes: Axes, runs: Sequence[optim.MinimizeResult]) -> None:
    """Draw the final square errors of all networks, sorted: a staircase, one stair for each kind of valley."""
    place = 0
    for ((error,), runs_here), colour in zip(levels(runs).items(), COLOURS * 99, strict=False):
        ranks = range(place + 1, place + runs_here + 1)
        axes.bar(ranks, [error] * runs_here, width=1.0, color=colour, alpha=0.35)
        axes.scatter(ranks, [error] * runs_here, s=16, color=colour, zorder=3)
        label = f"{error:g}: {runs_here} run{'s' if runs_here > 1 else ''}"
        axes.annotate(label, (place + runs_here / 2 + 0.5, error), (0, 9), textcoords="offset points", ha="center")
        place += runs_here
    title = f"XOR: {len(runs)} networks come to rest at {len(levels(runs))} levels"
    axes.set(title=title, xlabel="runs, sorted by the error they end at", ylabel="square error at the end")
    axes.margins(x=0.01, y=0.12)
    axes.set_ylim(bottom=-0.02)


# ---------------------------------------------------------------- the program


def workers(executor: str) -> AbstractContextManager[Executor | None]:
    """Return what does the runs: threads, or processes, or for None this process, one run after another."""
    match executor:
        case "thread":
            return ThreadPoolExecutor()
        case "process":
            return processes()
    return nullcontext()


@contextmanager
def processes() -> Iterator[Executor]:
    """Start processes that ignore Ctrl-C: the demo ends them."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # processes that are started now inherit this
    try:
        pool = ProcessPoolExecutor(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
        pool.submit(int).result()
    finally:
        signal.signal(signal.SIGINT, handler)
    with pool:
        yield pool


def finished(restarts: optim.Restarts, n: int) -> list[optim.MinimizeResult]:
    """Return all runs; end the demo if Ctrl-C has cut them short."""
    runs = restarts.runs
    if len(runs) < n or runs[-1].status == optim.INTERRUPTED:
        raise KeyboardInterrupt
    return runs


def main(argv: Sequence[str] | None = None) -> None:
    """Run, report and draw, as the arguments say."""
    parser = argparse.ArgumentParser(
        description="Go downhill from many starting points, and see in which minima the runs end.",
        epilog="example: python demos/local_minima.py --restarts 200 --executor process",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--restarts", type=count, default=100, help="starting points of each of the two problems")
    parser.add_argument("--seed", type=int, default=0, help="of the starting points")
    parser.add_argument("--executor", choices=["none", "thread", "process"], default="none", help="what does the runs")
    parser.add_argument("--output", type=picture, default="output/local_minima.png", help="the picture to write")
    options = parser.parse_args(argv)

    with workers(options.executor) as executor:
        n, seed = options.restarts, options.seed
        on_curve = finished(optim.restarts(descend, n, seed, executor), n)
        networks = finished(optim.restarts(learn, n, seed, executor), n)
    descents = [run for run in on_curve if isinstance(run, Descent)]
    print(table(f"x·cos(4x) from {len(descents)} starting points", ("x", "x·cos(4x)"), valleys(descents)))
    print(table(f"\nXOR from {len(networks)} starting points", ("square error",), levels(networks)))

    figure = Figure(figsize=(13, 5.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_curve(left, descents)
    draw_levels(right, networks)
    save(figure, options.output)
    print(f"\ndrawn in {options.output}")


if __name__ == "__main__":
    main()
