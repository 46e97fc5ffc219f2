"""Early stopping: the loss on training data falls to the end, but on new data it soon rises again.

A network with many weights and few examples first learns what the examples have in common, and then each by heart.
Here that is easy to see: of 200 digits every fifth has a wrong label, and to learn these is to read worse. How
far it is good to go, other digits tell: after each epoch the loss is measured on validation data, from which nothing
is learned. When it has not become lower for some epochs, training stops, and the parameters of the best epoch come
back.

Left: the losses of training to the end. Right: the accuracy on test digits, which are neither learned from nor used
to stop, at the end and with early stopping.

    python demos/early_stopping.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import random
from collections.abc import Sequence
from typing import NamedTuple

from digits import loss_function
from experiment import (
    PIXELS,
    accuracies,
    ahead,
    band,
    by_name,
    digits_for,
    for_each_seed,
    mislabelled,
    options,
    paired,
    show,
    slide,
    summary,
    train,
)
from pictures import BLUE, GREY, ORANGE, counted

from scalargrad import nn, optim


class Run(NamedTuple):
    """What a training came to."""

    learned: list[float]  # the loss in each epoch
    validation: list[float]  # that on validation data
    accuracy: float  # on test digits, with the parameters that it ended with


def learn(seed: int, patience: int | None, examples: int, epochs: int) -> Run:
    """Train a network until no epoch is left, or until it is stopped early."""
    (pixels, targets), test = digits_for(seed, 2 * examples)
    pixels, targets = mislabelled((pixels, targets), random.Random(seed))
    model = nn.MLP(PIXELS, [32, 10], "relu", rng=seed)
    history = train(
        loss_function(model, "cross-entropy"),
        model.parameters(),
        (pixels[:examples], targets[:examples]),
        optimizer=optim.Adam(rate=0.01),
        epochs=epochs,
        batch_size=10,
        rng=seed,
        validation=(pixels[examples:], targets[examples:]),
        patience=patience,
    )
    return Run(history["loss"], history["validation loss"], *accuracies(model, test))


def compare(seeds: int, patience: int, examples: int, epochs: int) -> dict[str, list[Run]]:
    """Train to the end, and with early stopping, for each seed."""
    ways = {"to the end": None, "stopped early": patience}
    runs = for_each_seed(lambda seed: [learn(seed, way, examples, epochs) for way in ways.values()], seeds)
    return by_name(ways, runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "early_stopping", "Compare training to the end with early stopping.", most=2000,
        patience=(8, "epochs without a lower loss on validation data before training stops"),
        examples=(200, "digits to learn from; as many validate, and of both every fifth has a wrong label"),
        epochs=(40, "times that each digit is learned from, at most"),
    )  # fmt: skip
    runs = compare(chosen.seeds, chosen.patience, chosen.examples, chosen.epochs)
    right = {name: [run.accuracy for run in own] for name, own in runs.items()}
    rows = {
        name: [
            summary([len(run.learned) for run in own], ".0f"),
            summary([1 + run.validation.index(min(run.validation)) for run in own], ".0f"),
            summary(right[name]),
        ]
        for name, own in runs.items()
    }
    show("early stopping", ["training", "epochs", "the best epoch", "accuracy on test digits"], rows)
    print(f"stopped early, the network reads more test digits in {ahead(*list(right.values())[::-1])} runs")

    with slide(chosen.output, "Early stopping: stop when it learns by heart", width_ratios=[3, 2]) as (curves, ends):
        epochs = range(1, chosen.epochs + 1)
        band(curves, epochs, [run.learned for run in runs["to the end"]], BLUE, "training data")
        band(curves, epochs, [run.validation for run in runs["to the end"]], ORANGE, "validation data")
        for run in runs["stopped early"]:
            curves.axvline(1 + run.validation.index(min(run.validation)), color=GREY, linewidth=1.5, alpha=0.6)
        curves.plot([], [], color=GREY, linewidth=1.5, label="the best epoch of a run")
        curves.set(title=f"{counted(chosen.seeds, 'run')} to the end", xlabel="epoch", ylabel="loss")
        curves.set_ylim(bottom=0)
        curves.legend(frameon=False, loc=(0.25, 0.8))
        paired(ends, list(right), list(right.values()), [BLUE, ORANGE])
        ends.set(title="Accuracy on test digits")
        ends.yaxis.set_major_formatter("{x:.0%}")


if __name__ == "__main__":
    main()
