"""Dropout: a network that cannot rely on any single neuron reads noisy digits better.

While it learns, each hidden neuron is left out of each digit with the probability 1/2, another choice each time. So
no neuron can learn by heart together with others, and what is learned is spread over all of them. After training all
neurons take part.

Here 400 digits are learned from, of which every fifth has a wrong label. The test digits have the right ones, and more
and more noise. Left: some of them. Right: the accuracy by noise, with dropout and without it. (Where all labels are
right, a network of this size has little to learn by heart, and dropout makes hardly any difference.)

    python demos/dropout.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy
from digits import loss_function
from experiment import (
    PIXELS,
    Columns,
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
from variations import varied

from scalargrad import nn, optim

NOISES = (0.0, 0.1, 0.2, 0.3)  # the deviation of what is added to each pixel
WAYS = {"without dropout": 0.0, "with dropout": 0.5}
SHOWN = 4  # digits at each level of noise


class Run(NamedTuple):
    """What a training came to."""

    learned: float  # the accuracy on what was learned from, with its wrong labels
    test: list[float]  # the accuracy on test digits at each level of noise


def noisy(data: Columns, noise: float, rng: random.Random) -> Columns:
    """Return the same digits with noise on each pixel."""
    pixels, targets = data
    return [varied(row, rng, degrees=0.0, noise=noise) for row in pixels], targets


def learn(seed: int, probability: float, test: Sequence[Columns], examples: int, epochs: int, fault: bool) -> Run:
    """Train a network with this probability of dropout, on labels some of which are at fault."""
    learned, _ = digits_for(seed, examples)
    learned = mislabelled(learned, random.Random(seed)) if fault else learned
    model = nn.MLP(PIXELS, [48, 10], "relu", rng=seed, dropout=probability)
    train(
        loss_function(model, "cross-entropy"),
        model.parameters(),
        learned,
        optimizer=optim.Adam(rate=0.01),
        epochs=epochs,
        batch_size=10,
        rng=seed,
    )
    model.eval()
    on_learned, *on_test = accuracies(model, learned, *test)
    return Run(on_learned, on_test)


def compare(
    seeds: int, examples: int, epochs: int, noises: Sequence[float] = NOISES, fault: bool = True
) -> dict[str, list[Run]]:
    """Train with and without dropout, and test both on the same noisy digits, for each seed."""

    def run(seed: int) -> list[Run]:
        rng = random.Random(seed)
        test = [noisy(digits_for(seed, examples)[1], noise, rng) for noise in noises]
        return [learn(seed, probability, test, examples, epochs, fault) for probability in WAYS.values()]

    return by_name(WAYS, for_each_seed(run, seeds))


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "dropout", "Compare training with and without dropout, on noisy test digits.",
        examples=(400, "digits to learn from, every fifth with a wrong label"),
        epochs=(25, "times that each digit is learned from"),
    )  # fmt: skip
    runs = compare(chosen.seeds, chosen.examples, chosen.epochs)
    rows = {"training digits": [*(summary([run.learned for run in own]) for own in runs.values()), ""]}
    for place, noise in enumerate(NOISES):
        without, dropped = ([run.test[place] for run in own] for own in runs.values())
        rows[f"test, noise {noise:g}"] = [summary(without), summary(dropped), ahead(dropped, without)]
    show("accuracy", ["", *WAYS, "better in"], rows)

    with slide(chosen.output, "Dropout reads noisy digits better", width_ratios=[2, 3]) as (left, right):
        (pixels, targets), _ = digits_for(0, SHOWN)
        grid = [noisy((pixels, targets), noise, random.Random(0))[0] for noise in NOISES]
        tiles = [[numpy.pad(numpy.reshape(row, (8, 8)), 1) for row in rows] for rows in grid]
        left.imshow(numpy.block(tiles), cmap="gray_r", vmin=0, vmax=1)
        left.set_yticks([10 * place + 4.5 for place in range(len(NOISES))], [f"{noise:g}" for noise in NOISES])
        left.set(title="Digits with noise", ylabel="noise", xticks=[])
        for (name, own), colour in zip(runs.items(), (BLUE, ORANGE), strict=True):
            band(right, NOISES, [run.test for run in own], colour, name)
        right.set(
            title=f"{counted(chosen.seeds, 'run')} each",
            xlabel="noise",
            ylabel="accuracy on test digits",
            ylim=(0, 1),
            xticks=NOISES,
        )
        right.yaxis.set_major_formatter("{x:.0%}")
        right.legend(frameon=False, loc="upper right")


if __name__ == "__main__":
    main()
