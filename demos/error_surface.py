"""Flat or steep: why recurrent networks are hard to train, and what clipping does about it.

A recurrent network applies the same weight again and again. After a thousand times a weight of 1.01 has become 20,959,
and one of 0.99 nearly 0. So the error hardly depends on the weight in one place, and all the more in the next one: the
surface is flat, and has a cliff. A single step from the edge of the cliff goes far away, to where it is flat again.

Here one neuron reads nothing but its own output of the time before: h ← σ(w h + b), 50 times, from 0.5. It should end
at 0.7. Gradient descent starts at ten places, once as it is, and once with gradients that are clipped: one whose norm
is above 0.3 is scaled down to it. The direction stays, and no step is long.

Left: the error for each w and b, darker where it is higher, and two paths from the same start. Right: the errors in
the end.

After Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", arXiv:1211.5063.

    python demos/error_surface.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import functools
import itertools
import math
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from experiment import by_name, for_each_seed, options, paired, show, slide, summary
from pictures import BLUE, ORANGE, counted

from scalargrad import Constant, lift, nn, optim, square_error

TIMES, GOAL = 50, 0.7
RATE = 0.5
WAYS = {"as it is": math.inf, "clipped": 0.3}  # the largest norm of a gradient
COLOURS = (ORANGE, BLUE)
FOUND = 0.01  # an error below this
WEIGHTS, BIASES = (3.5, 6.5), (-3.3, -1.0)  # that are drawn


def error(w: Any, b: Any) -> Any:
    """Return how far from its goal a neuron with this weight and bias ends."""
    hidden = nn.Layer(weights=[[Constant(0.0), w]], biases=[b], activation="sigmoid")
    outputs = nn.Recurrent(1, 1, hidden=hidden)([[0.0]] * TIMES, state=[0.5])
    return square_error(outputs[-1], [GOAL])


@functools.cache
def program() -> Any:
    """Return the error as a program for many weights and biases."""
    return lift(error, [])


class Path(NamedTuple):
    """Where gradient descent went."""

    places: list[list[float]]  # weight and bias before each step
    errors: list[float]

    @property
    def longest(self) -> float:
        """The length of the longest step."""
        pairs = itertools.pairwise(self.places)
        return max((math.dist(before, after) for before, after in pairs), default=0.0)


def descend(start: Sequence[float], clip_norm: float, steps: int) -> Path:
    """Take so many steps of gradient descent."""
    path, theta, errors = Path([], []), numpy.array(start), program()
    optimizer = optim.GradientDescent(theta, RATE, clip_norm=clip_norm)
    for _ in range(steps):
        w, b = theta.tolist()
        path.places.append([w, b])
        path.errors.append(float(errors([w], [b])[0]))
        optimizer.step(numpy.ravel(errors.input_gradients([w], [b])))
    return path


def compare(seeds: int, steps: int) -> dict[str, list[Path]]:
    """Go down from the same places with each way."""

    def run(seed: int) -> list[Path]:
        rng = random.Random(seed)
        start = rng.uniform(4.0, 6.0), rng.uniform(-2.5, -1.5)
        return [descend(start, clip_norm, steps) for clip_norm in WAYS.values()]

    return by_name(WAYS, for_each_seed(run, seeds))


def surface(count: int = 240) -> tuple[Any, Any, Any]:
    """Return weights, biases, and the error at each of them."""
    w, b = numpy.meshgrid(numpy.linspace(*WEIGHTS, count), numpy.linspace(*BIASES, count))
    return w, b, numpy.reshape(program()(w.ravel(), b.ravel()), w.shape)


def main(argv: Sequence[str] | None = None) -> None:
    """Go down, report and draw, as the arguments say."""
    chosen = options(
        argv, "error_surface", "Compare gradient descent with and without clipping on the error of a recurrent neuron.",
        steps=(300, "steps of each run"),
    )  # fmt: skip
    paths = compare(chosen.seeds, chosen.steps)
    show("the same weight, a thousand times", ["w", "w^1000"], {f"{w:g}": [f"{w**1000:.6g}"] for w in (1.01, 1, 0.99)})
    rows = {
        f"runs that end below an error of {FOUND:g}": [
            f"{sum(p.errors[-1] < FOUND for p in own)}" for own in paths.values()
        ],
        "longest step": [summary([path.longest for path in own], ".2g") for own in paths.values()],
        "error in the end": [summary([path.errors[-1] for path in own], ".1e") for own in paths.values()],
    }
    show(f"{counted(chosen.seeds, 'start')}, {counted(chosen.steps, 'step')} each", ["gradients", *WAYS], rows)

    with slide(chosen.output, "An error surface with a cliff") as (left, right):
        w, b, errors = surface()
        shades = left.contourf(w, b, errors, levels=numpy.linspace(0, 0.5, 21), cmap="Greys")
        left.figure.colorbar(shades, ax=left, label="error", ticks=numpy.linspace(0, 0.5, 6), format="{x:.1f}")
        pairs = list(zip(*paths.values(), strict=True))
        shown = next((pair for pair in pairs if pair[0].errors[-1] > FOUND > pair[1].errors[-1]), pairs[0])
        for path, name, colour in zip(shown, WAYS, COLOURS, strict=True):
            left.plot(*zip(*path.places, strict=True), color=colour, marker=".", linewidth=2, label=name)
        left.set(title="The error, and two paths", xlabel="w", ylabel="b", xlim=WEIGHTS, ylim=BIASES)
        left.legend(loc="lower left", framealpha=1)
        paired(right, list(WAYS), [[path.errors[-1] for path in own] for own in paths.values()], COLOURS)
        right.set(title=f"The error in the end: {counted(chosen.seeds, 'start')}", yscale="log", ylim=(3e-5, 0.3))


if __name__ == "__main__":
    main()
