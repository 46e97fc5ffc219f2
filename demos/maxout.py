"""Maxout: a neuron that learns its own activation, from straight pieces.

A maxout neuron has several weighted sums, its pieces, and its output is the largest. With two pieces it can be relu,
the absolute value, or anything else with one corner that opens upwards; with more it comes close to any curve that
does.

Left: single neurons with two and with five pieces learn a parabola; a relu neuron would be 0 on one side. The first
table has two more functions. Right: networks that read digits. With as many neurons maxout learns the digits
better than relu. It has more weights, too: relu with as many weights comes close to it.

    python demos/maxout.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
from collections.abc import Callable, Sequence
from typing import NamedTuple

from digits import loss_function
from experiment import (
    GREEN,
    PIXELS,
    VIOLET,
    ahead,
    by_name,
    digits_for,
    for_each_seed,
    options,
    paired,
    show,
    slide,
    summary,
    train,
)
from pictures import BLUE, GREY, ORANGE, RED, counted

from scalargrad import nn, no_grad, optim

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "|x|": abs,
    "x² / 2": lambda x: x * x / 2,
}
PARABOLA = "x² / 2"
PIECES = {1: RED, 2: ORANGE, 3: GREEN, 5: BLUE}
PLACES = [i / 10 for i in range(-20, 21)]


class Neuron(NamedTuple):
    """A neuron that has learned a function."""

    error: float  # the mean square error
    outputs: list[float]  # at each of the places


def learn_function(seed: int, function: Callable[[float], float], pieces: int) -> Neuron:
    """Let one maxout neuron learn a function between -2 and 2."""
    neuron = nn.Maxout(1, 1, pieces, rng=seed)
    rows, heights = [[x] for x in PLACES], list(map(function, PLACES))
    train(
        lambda x, y: (neuron.output(x) - y) ** 2,
        neuron.parameters(),
        (rows, heights),
        optimizer=optim.Adam(rate=0.05),
        epochs=150,
        batch_size=10,
        rng=seed,
    )
    with no_grad():
        outputs = [neuron.output(row).data for row in rows]
    return Neuron(sum((y - height) ** 2 for y, height in zip(outputs, heights, strict=True)) / len(rows), outputs)


def compare_functions(seeds: int) -> dict[tuple[str, int], list[Neuron]]:
    """Learn each function with each number of pieces, for each seed."""
    pairs = [(name, pieces) for name in FUNCTIONS for pieces in PIECES]
    runs = for_each_seed(lambda seed: [learn_function(seed, FUNCTIONS[name], n) for name, n in pairs], seeds)
    return by_name(pairs, runs)


def learn_digits(seed: int, activation: str, neurons: int, examples: int, epochs: int) -> float:
    """Train a network, and return its loss on the digits that it learns from, in the last epoch."""
    model = nn.MLP(PIXELS, [neurons, 10], activation, rng=seed)
    history = train(
        loss_function(model, "cross-entropy"),
        model.parameters(),
        digits_for(seed, examples)[0],
        optimizer=optim.Adam(rate=0.01),
        epochs=epochs,
        batch_size=10,
        rng=seed,
    )
    return history["loss"][-1]


MAXOUT = "maxout\n16 neurons"
NETWORKS = {"relu\n16 neurons": ("relu", 16), MAXOUT: ("maxout", 16), "relu\n30 neurons": ("relu", 30)}


def compare_digits(seeds: int, examples: int, epochs: int) -> dict[str, list[float]]:
    """Return the loss of each network, for each seed."""
    runs = for_each_seed(
        lambda seed: [learn_digits(seed, *kind, examples, epochs) for kind in NETWORKS.values()], seeds
    )
    return by_name(NETWORKS, runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Learn, report and draw, as the arguments say."""
    chosen = options(
        argv, "maxout", "Compare maxout with relu: what one neuron can be, and what a network learns.",
        examples=(400, "digits to learn from"), epochs=(8, "times that each digit is learned from"),
    )  # fmt: skip
    neurons = compare_functions(chosen.seeds)
    rows = {
        f"{pieces}": [summary([1000 * neuron.error for neuron in neurons[name, pieces]], ".0f") for name in FUNCTIONS]
        for pieces in PIECES
    }
    show("mean square error of one maxout neuron, times 1,000", ["pieces", *FUNCTIONS], rows)
    losses = compare_digits(chosen.seeds, chosen.examples, chosen.epochs)
    rows = {
        name.replace("\n", ", "): [
            f"{len(nn.MLP(PIXELS, [size, 10], kind, rng=0).parameters()):,}",
            summary(losses[name], ".3f"),
            "" if kind == "maxout" else ahead(losses[name], losses[MAXOUT]),
        ]
        for name, (kind, size) in NETWORKS.items()
    }
    show(
        f"digits after {counted(chosen.epochs, 'epoch')}", ["network", "parameters", "loss", "maxout is lower in"], rows
    )

    with slide(chosen.output, "Maxout learns its own activation") as (left, right):
        left.plot(PLACES, list(map(FUNCTIONS[PARABOLA], PLACES)), color=GREY, linewidth=9, alpha=0.5, label=PARABOLA)
        for pieces in (2, 5):
            for neuron in neurons[PARABOLA, pieces]:
                left.plot(PLACES, neuron.outputs, color=PIECES[pieces], linewidth=2, alpha=0.6)
            left.plot([], [], color=PIECES[pieces], label=f"{pieces} pieces, {counted(chosen.seeds, 'run')}")
        left.set(title="One neuron learns a parabola", xlabel="x", ylabel="output")
        left.legend(frameon=False, loc="upper center")
        paired(right, list(losses), list(losses.values()), [BLUE, ORANGE, VIOLET])
        right.set(title=f"Digits: {counted(chosen.seeds, 'run')} each", ylabel="loss on training digits")
        right.set_ylim(bottom=0)


if __name__ == "__main__":
    main()
