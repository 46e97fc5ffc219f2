"""Batch sizes: small batches take many steps in an epoch, large ones are computed fast.

An epoch is over when each digit has been learned from once. With one digit a step, an epoch of 1,000 digits has 1,000
steps; with all digits in each step it has one. A step with few digits goes in a rough direction, but it is a step,
so after the same number of epochs small batches have learned more. On arrays ten digits take hardly more time than
one, so an epoch of small batches takes longer. Ten digits a step is a good middle: nearly the steps of one, at a
fraction of the time.

Left: the loss, by epoch. Right: the time that an epoch takes, on this computer.

    python demos/batches.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import itertools
import math
import time
from collections.abc import Sequence
from typing import NamedTuple

from digits import loss_function
from experiment import (
    GREEN,
    PIXELS,
    ahead,
    band,
    by_name,
    digits_for,
    for_each_seed,
    options,
    show,
    slide,
    summary,
    train,
)
from pictures import BLUE, ORANGE, RED, counted

from scalargrad import nn, optim

COLOURS = (RED, ORANGE, GREEN, BLUE)


class Run(NamedTuple):
    """What a training came to: the loss in each epoch, and the seconds that the fastest took."""

    losses: list[float]
    seconds: float


def sizes(examples: int) -> dict[str, int]:
    """Return the batch sizes to compare, by name."""
    return {"1": 1, "10": 10, "100": 100, f"all {examples:,}": examples}


def learn(seed: int, batch_size: int, examples: int, epochs: int) -> Run:
    """Train a network with batches of this size."""
    model = nn.MLP(PIXELS, [32, 10], "relu", rng=seed)
    times = [time.perf_counter()]
    history = train(
        loss_function(model, "cross-entropy"),
        model.parameters(),
        digits_for(seed, examples)[0],
        optimizer=optim.GradientDescent(rate=0.1),
        epochs=epochs,
        batch_size=batch_size,
        rng=seed,
        callback=lambda _: times.append(time.perf_counter()),
    )
    return Run(history["loss"], min(after - before for before, after in itertools.pairwise(times)))


def compare(seeds: int, examples: int, epochs: int) -> dict[str, list[Run]]:
    """Train with each batch size, for each seed."""
    runs = for_each_seed(lambda seed: [learn(seed, n, examples, epochs) for n in sizes(examples).values()], seeds)
    return by_name(sizes(examples), runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "batches", "Compare batch sizes: what an epoch teaches, and how long it takes.",
        examples=(1000, "digits to learn from"), epochs=(8, "times that each digit is learned from"),
    )  # fmt: skip
    runs = compare(chosen.seeds, chosen.examples, chosen.epochs)
    losses = {name: [run.losses[-1] for run in own] for name, own in runs.items()}
    milliseconds = {name: 1000 * min(run.seconds for run in own) for name, own in runs.items()}
    rows = {
        name: [f"{math.ceil(chosen.examples / size):,}", summary(losses[name], ".2f"), f"{milliseconds[name]:.1f}"]
        for name, size in sizes(chosen.examples).items()
    }
    show(
        f"batch sizes, after {counted(chosen.epochs, 'epoch')}",
        ["batch", "steps an epoch", "loss", "milliseconds an epoch"],
        rows,
    )
    *_, hundred, whole = losses.values()
    print(f"batches of 10 have a lower loss than batches of 100 in {ahead(hundred, losses['10'])} runs,")
    print(f"and those of 100 have a lower one than all digits at once in {ahead(whole, hundred)}")

    with slide(chosen.output, "Small batches learn more in each epoch") as (left, right):
        epochs = range(1, chosen.epochs + 1)
        for (name, own), colour in zip(runs.items(), COLOURS, strict=True):
            band(left, epochs, [run.losses for run in own], colour, name)
        left.set(
            title=f"{counted(chosen.seeds, 'run')} each",
            xlabel="epoch",
            ylabel="loss on training digits",
            xticks=epochs,
        )
        left.set_ylim(bottom=0)
        left.legend(title="digits a step", frameon=False, loc=(0.6, 0.3))
        bars = right.bar(list(milliseconds), list(milliseconds.values()), color=COLOURS)
        right.bar_label(bars, fmt="{:.1f}", padding=4)
        right.margins(y=0.1)
        right.set(title="The fastest epoch of all runs", xlabel="digits a step", ylabel="milliseconds")


if __name__ == "__main__":
    main()
