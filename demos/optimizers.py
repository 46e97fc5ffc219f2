"""Optimizers on a ravine, a plateau, and a saddle: where plain gradient descent is slow, and what helps.

On each surface gradient descent has another trouble. In a ravine, steep across and nearly level along, the rate must
suit the steep sides, so the steps along the bottom are small. On a plateau the gradient is nearly 0 everywhere. At a
saddle it is 0, though the way down is near. Momentum goes on in the direction in which it has been going; Adagrad and
RMSprop divide each step by the size of the gradients so far; Adam does both.

Each optimizer has one rate for all three surfaces: of 1, 0.3, 0.1, 0.03, and 0.01 the one that takes the fewest
steps in all, without diverging. A run ends when the loss is below 0.01, or after 1,000 steps. The picture has the
paths of the first run on each surface, and the mean steps of all.

    python demos/optimizers.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from experiment import GREEN, VIOLET, ahead, by_name, for_each_seed, options, show, slide, summary
from pictures import BLUE, INK, ORANGE, RED

from scalargrad import Value, optim

GOAL, MOST = 0.01, 1000
RATES = (1.0, 0.3, 0.1, 0.03, 0.01)

Point = tuple[float, float]
Make = Callable[[float], optim.Optimizer]  # from a rate


class Surface(NamedTuple):
    """A loss over two parameters, where its minima are, and where the runs start."""

    loss: Callable[[Any, Any], Any]
    minima: Sequence[Point]
    start: Callable[[random.Random], Point]
    view: tuple[float, float, float, float]
    colours: Sequence[float]  # the levels of the loss at which there is a line


def on_the_plateau(rng: random.Random) -> Point:
    """Return a point 4 away from the minimum."""
    angle = rng.uniform(0, 2 * math.pi)
    return 4 * math.cos(angle), 4 * math.sin(angle)


SURFACES = {
    "ravine": Surface(
        lambda x, y: (x**2 + 60 * y**2) / 2,
        [(0, 0)],
        lambda rng: (rng.uniform(-4.5, -3.5), rng.uniform(0.5, 1.0)),
        (-5, 3.5, -1.4, 1.4),
        [0.1, 0.5, 1.5, 4, 8, 16, 32],
    ),
    "plateau": Surface(
        lambda x, y: 1 - 1 / (1 + x**2 + y**2),
        [(0, 0)],
        on_the_plateau,
        (-5, 5, -5, 5),
        [0.1, 0.3, 0.5, 0.7, 0.8, 0.88, 0.92, 0.95],
    ),
    "saddle": Surface(
        lambda x, y: x**2 / 2 + y**4 / 4 - y**2 / 2 + 0.25,
        [(0, -1), (0, 1)],
        lambda rng: (rng.uniform(-2.2, -1.8), rng.choice([-1, 1]) * rng.uniform(0.0002, 0.001)),
        (-2.4, 1.2, -1.8, 2.4),
        [0.03, 0.1, 0.18, 0.25, 0.4, 0.7, 1.2, 2],
    ),
}
OPTIMIZERS: dict[str, tuple[Make, float, str]] = {
    "gradient descent": (lambda rate: optim.GradientDescent(rate=rate), 0.03, INK),
    "momentum": (lambda rate: optim.GradientDescent(rate=rate, momentum=0.9), 0.03, BLUE),
    "Adagrad": (lambda rate: optim.Adagrad(rate=rate), 1.0, GREEN),
    "RMSprop": (lambda rate: optim.RMSprop(rate=rate), 0.1, VIOLET),
    "Adam": (lambda rate: optim.Adam(rate=rate), 0.3, RED),
}


def descend(surface: Surface, optimizer: optim.Optimizer, start: Point) -> list[Point]:
    """Return the points on the way down, from the start to the first below the goal."""
    parameters = [Value(start[0]), Value(start[1])]
    path: list[Point] = []

    def keep(result: optim.MinimizeResult) -> None:
        path.append((result.x[0], result.x[1]))
        if result.fun < GOAL:
            raise StopIteration

    result = optim.minimize(
        lambda: surface.loss(*parameters), parameters, optimizer=optimizer, max_steps=MOST, callback=keep, tolerance=0
    )
    if result.status == optim.INTERRUPTED:
        raise KeyboardInterrupt
    return path if result.status != optim.DIVERGED else path + path[-1:] * (MOST + 1 - len(path))


def compare(seeds: int) -> dict[tuple[str, str], list[list[Point]]]:
    """Return the path for each seed, by surface and optimizer; on a surface all optimizers start at the same points."""

    def run(seed: int) -> list[list[Point]]:
        return [
            descend(surface, make(rate), surface.start(random.Random(seed)))
            for surface in SURFACES.values()
            for make, rate, _ in OPTIMIZERS.values()
        ]

    names = [(surface, optimizer) for surface in SURFACES for optimizer in OPTIMIZERS]
    return by_name(names, for_each_seed(run, seeds))


def main(argv: Sequence[str] | None = None) -> None:
    """Descend, report and draw, as the arguments say."""
    chosen = options(argv, "optimizers", "Compare the paths of optimizers on a ravine, a plateau, and a saddle.")
    paths = compare(chosen.seeds)
    steps = {names: [len(path) - 1 for path in own] for names, own in paths.items()}
    rows = {}
    for name, (_, rate, _) in OPTIMIZERS.items():
        rows[name] = [f"{rate:g}", *(summary(steps[surface, name], ".0f") for surface in SURFACES)]
    show(f"steps until the loss is below {GOAL:g}; at most {MOST:,}", ["optimizer", "rate", *SURFACES], rows)
    for name in SURFACES:
        fewer = ahead(steps[name, "gradient descent"], steps[name, "momentum"])
        print(f"{name}: momentum takes fewer steps than gradient descent in {fewer} runs")

    with slide(chosen.output, "Where gradient descent is slow, and what helps", panels=3) as panels:
        for axes, (name, surface) in zip(panels, SURFACES.items(), strict=True):
            left, right, low, high = surface.view
            xs, ys = ([a + (b - a) * i / 120 for i in range(121)] for a, b in ((left, right), (low, high)))
            heights = [[surface.loss(x, y) for x in xs] for y in ys]
            axes.contourf(xs, ys, heights, levels=[0, *surface.colours], cmap="Blues", alpha=0.35, extend="max")
            for place, (optimizer, (_, _, colour)) in enumerate(OPTIMIZERS.items()):
                mean = sum(steps[name, optimizer]) / chosen.seeds
                label = f"{optimizer}: {mean:.0f}" if mean < MOST else f"{optimizer}: over {MOST:,}"
                x, y = zip(*paths[name, optimizer][0], strict=True)
                axes.plot(x, y, color=colour, linewidth=6 - 0.9 * place, marker="o", markersize=4, label=label)
            x, y = zip(*surface.minima, strict=True)
            axes.scatter(x, y, s=380, marker="*", color=ORANGE, edgecolor=INK, zorder=5)
            axes.set(title=name, xlim=(left, right), ylim=(low, high), xticks=[], yticks=[])
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), frameon=False, title="mean steps")


if __name__ == "__main__":
    main()
