"""Weight decay: each step makes all weights a little smaller, so the network cannot learn everything by heart.

To learn single examples by heart a network needs large weights. With weight decay each step also moves each weight
towards 0, and only what many examples have in common is worth its size. A little of it helps on new data; too much
keeps the network from learning at all.

Here 200 digits are learned from, of which every fifth has a wrong label. Left: the accuracy on these, and on test
digits with the right labels, by weight decay. Right: the weights after training.

    python demos/weight_decay.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import random
import statistics
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
    show,
    slide,
    summary,
    train,
)
from pictures import BLUE, ORANGE, counted

from scalargrad import nn, optim

DECAYS = (0.0, 0.1, 0.3, 1.0, 3.0)
SHOWN = 0.3  # whose weights are drawn


class Run(NamedTuple):
    """What a training came to."""

    learned: float  # the accuracy on what was learned from, with its wrong labels
    test: float  # the accuracy on test digits
    weights: list[float]


def learn(seed: int, decay: float, examples: int, epochs: int) -> Run:
    """Train a network with this weight decay."""
    learned, test = digits_for(seed, examples)
    learned = mislabelled(learned, random.Random(seed))
    model = nn.MLP(PIXELS, [32, 10], "relu", rng=seed)
    train(
        loss_function(model, "cross-entropy"),
        model.parameters(),
        learned,
        optimizer=optim.AdamW(rate=0.01, weight_decay=decay),
        epochs=epochs,
        batch_size=10,
        rng=seed,
    )
    weights = [weight.data for layer in model.layers for neuron in layer.neurons for weight in neuron.weights]
    on_learned, on_test = accuracies(model, learned, test)
    return Run(on_learned, on_test, weights)


def compare(seeds: int, decays: Sequence[float], examples: int, epochs: int) -> dict[float, list[Run]]:
    """Train with each weight decay, for each seed."""
    runs = for_each_seed(lambda seed: [learn(seed, decay, examples, epochs) for decay in decays], seeds)
    return by_name(decays, runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "weight_decay", "Compare weight decays: what is learned, and what is read right of new digits.",
        examples=(200, "digits to learn from, every fifth with a wrong label"),
        epochs=(40, "times that each digit is learned from"),
    )  # fmt: skip
    runs = compare(chosen.seeds, DECAYS, chosen.examples, chosen.epochs)
    test = {decay: [run.test for run in own] for decay, own in runs.items()}
    rows = {
        f"{decay:g}": [
            summary([run.learned for run in own], ".0%"),
            summary(test[decay], ".0%"),
            f"{statistics.fmean(abs(weight) for run in own for weight in run.weights):.3f}",
            ahead(test[decay], test[0.0]) if decay else "",
        ]
        for decay, own in runs.items()
    }
    show("weight decay", ["decay", "training digits", "test digits", "mean |w|", "better than 0 in"], rows)

    with slide(chosen.output, "Weight decay: less by heart, better on new digits") as (left, right):
        places = range(len(DECAYS))
        band(left, places, list(zip(*([run.learned for run in own] for own in runs.values()), strict=True)), BLUE,
             "training digits")  # fmt: skip
        band(left, places, list(zip(*test.values(), strict=True)), ORANGE, "test digits")
        left.set_xticks(places, [f"{decay:g}" for decay in DECAYS])
        left.set(title=f"{counted(chosen.seeds, 'run')} each", xlabel="weight decay", ylabel="accuracy", ylim=(0, 1.02))
        left.yaxis.set_major_formatter("{x:.0%}")
        left.legend(frameon=False, loc="lower left")
        for decay, colour in ((0.0, BLUE), (SHOWN, ORANGE)):
            weights = [weight for run in runs[decay] for weight in run.weights]
            right.hist(
                weights, bins=80, range=(-1.5, 1.5), density=True, histtype="step", linewidth=3.5, color=colour,
                label=f"decay {decay:g}",
            )  # fmt: skip
        right.set(title="The weights after training", xlabel="weight", yticks=[])
        right.legend(frameon=False, loc="upper right")


if __name__ == "__main__":
    main()
