"""Two moons: a small network learns to tell two half circles apart; a picture shows its boundary.

The network of micrograd's demo: two inputs (the coordinates of a point), two layers of 16 neurons, one
output, the score: above 0 for one moon and below 0 for the other. The loss is the hinge loss, which
is 0 when each score is on the right side by a margin of 1; weight decay keeps the weights small. All
points take part in each step of gradient descent, and the rate falls from 1 to 0.1.

    python demos/moons.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import argparse
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from pictures import BLUE, INK, ORANGE, count, picture, save

from scalargrad import Value, greater, hinge, nn, no_grad, optim

Point = tuple[float, float]

# ---------------------------------------------------------------- the data


def two_moons(points: int, rng: random.Random) -> tuple[list[Point], list[int]]:
    """Return points on two half circles that reach into each other, with noise, and a label of 1 or -1 for each."""
    places, labels = [], []
    for i in range(points):
        angle = math.pi * rng.random()
        upper = i % 2 == 0
        x, y = (math.cos(angle), math.sin(angle)) if upper else (1 - math.cos(angle), 0.5 - math.sin(angle))
        places.append((x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1)))
        labels.append(-1 if upper else 1)
    return places, labels


# ---------------------------------------------------------------- learning


def loss_function(model: nn.MLP) -> Callable[[Any, Any], Value]:
    """Return the hinge loss as a function of one point and its label."""
    return lambda place, label: hinge([model.output(place)], [label])


def accuracy_function(model: nn.MLP) -> Callable[[Any, Any], Value]:
    """Return what is 1 for a point whose score is on the right side of 0, and 0 for others."""
    return lambda place, label: greater(model.output(place) * label, 0.0)


def train(model: nn.MLP, places: list[Point], labels: list[int], steps: int) -> float:
    """Take steps of gradient descent, each on all points; return the share that is on its side in the end."""

    def report(history: optim.History) -> None:
        step = len(history)
        if step % 10 == 1 or step == steps:
            row = history.rows[-1]
            print(f"step {step:3}   loss {row['loss']:.4f}   accuracy {row['accuracy']:6.1%}", flush=True)

    history = optim.train(
        loss_function(model),
        model.parameters(),
        (places, labels),
        optimizer=optim.GradientDescent(weight_decay=2e-4),
        schedule=lambda step: 1.0 - 0.9 * step / steps,
        epochs=steps,
        batch_size=None,
        metrics={"accuracy": accuracy_function(model)},
        callback=report,
        progress=False,
    )
    if history.status == optim.INTERRUPTED:
        raise KeyboardInterrupt
    return history["accuracy"][-1]


# ---------------------------------------------------------------- the picture

SHADES = LinearSegmentedColormap.from_list("moons", ["#6f9fd8", "#dbe7f5", "#ffffff", "#fbe3d3", "#ee9b67"])


def draw(model: Callable[[Point], Value], places: list[Point], labels: list[int], title: str) -> Figure:
    """Draw the score over the plane as a colour, the lines where it is 0 and ±1, and the points."""
    xs = [-1.6 + 4.2 * i / 60 for i in range(61)]
    ys = [-1.2 + 2.9 * i / 42 for i in range(43)]
    with no_grad():
        scores = [[model((x, y)).data for x in xs] for y in ys]

    figure = Figure(figsize=(9, 5.8), layout="constrained")
    axes = figure.subplots()
    shades = axes.contourf(xs, ys, scores, levels=[i / 5 for i in range(-15, 16)], cmap=SHADES, extend="both")
    axes.contour(xs, ys, scores, levels=[-1, 0, 1], colors=INK, linewidths=[1, 2.5, 1], linestyles=["--", "-", "--"])
    for side, colour, name in ((-1, BLUE, "upper moon, label -1"), (1, ORANGE, "lower moon, label 1")):
        moon = [place for place, label in zip(places, labels, strict=True) if label == side]
        x, y = zip(*moon, strict=True)
        axes.scatter(x, y, s=48, color=colour, edgecolor="white", linewidth=0.8, label=name, zorder=3)
    axes.set(title=title, xlabel="first input", ylabel="second input", aspect="equal")
    axes.legend(loc="upper right", framealpha=0.9)
    bar = figure.colorbar(shades, ax=axes, ticks=range(-3, 4), shrink=0.86)
    bar.set_label("the network's score: 0 is the boundary, ±1 the margin")
    return figure


# ---------------------------------------------------------------- the program


def main(argv: Sequence[str] | None = None) -> None:
    """Learn, report and draw, as the arguments say."""
    parser = argparse.ArgumentParser(
        description="Learn to tell two moons apart, and draw the boundary between them.",
        epilog="example: python demos/moons.py --points 200 --seed 7 --output moons.png",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--steps", type=count, default=100, help="steps of gradient descent")
    parser.add_argument("--points", type=count, default=100, help="points, half of them on each moon")
    parser.add_argument("--seed", type=int, default=1337, help="of the points and the initial weights")
    parser.add_argument("--output", type=picture, default="output/moons.png", help="the picture to write")
    options = parser.parse_args(argv)
    if options.points < 2:
        parser.error("argument --points: two moons need at least 2 points")

    rng = random.Random(options.seed)
    places, labels = two_moons(options.points, rng)
    model = nn.MLP(2, [16, 16, 1], rng=rng, initial="uniform")
    print(f"{model}: {len(model.parameters())} parameters, {options.points} points")
    accuracy = train(model, places, labels, options.steps)
    title = f"Two moons after {options.steps} steps: {accuracy:.0%} of {options.points} points on their side"
    save(draw(model.output, places, labels, title), options.output)
    print(f"boundary drawn in {options.output}")


if __name__ == "__main__":
    main()
