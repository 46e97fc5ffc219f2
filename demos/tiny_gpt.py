"""A tiny GPT makes up names: what each of its ideas is worth, and where it looks.

The six programs in demos/gpt build it one idea at a time. Each learns from 2,000 names, one name a step, and is tested
with 500 others: how well does it guess each letter from those before? A mean cross-entropy of 2.25 is a probability of
about exp(-2.25) = 0.11 for the right one of 27. (The second program is left out: it is the third one by hand.)

Left: the losses. Right: how much the four heads look at each letter so far, from the left, to guess the next one, on
a name that none has learned from. Row by row the name goes on.

    python demos/tiny_gpt.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import functools
import random
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
from experiment import GREEN, VIOLET, ahead, by_name, for_each_seed, options, paired, show, slide, summary
from pictures import BLUE, GREY, ORANGE, counted

from scalargrad import lift, no_grad

sys.path.append(str(Path(__file__).parent / "gpt"))  # whose files are scripts

import data
import step1_counts
import step3_autograd
import step4_attention
import step5_heads_and_layers
import step6_adam

IDEAS: dict[str, Any] = {
    "network": step3_autograd,
    "attention": step4_attention,
    "heads": step5_heads_and_layers,
    "Adam": step6_adam,
}
LONG = 10  # places of the name for the picture


@functools.cache
def lifted(idea: str) -> tuple[Any, Any]:
    """Return the parameters of a program, and its lifted loss. It serves all runs."""
    p = IDEAS[idea].initial(random.Random(0))
    return p, lift(lambda name: IDEAS[idea].loss(p, name), IDEAS[idea].parameters(p))


def learn(idea: str, seed: int, steps: int) -> tuple[Any, float]:
    """Train a program from new parameters, and return them and the mean loss of names that it has not learned."""
    names, test = data.load(seed)
    p, program = lifted(idea)
    start = IDEAS[idea].parameters(IDEAS[idea].initial(random.Random(seed)))
    theta, _ = IDEAS[idea].train(program, numpy.array([parameter.data for parameter in start]), names, steps)
    program.unpack(theta)
    return p, float(numpy.mean(program(test)))


def count(seed: int, steps: int) -> float:
    """Return the mean loss of names that were not counted."""
    names, test = data.load(seed)
    counts = step1_counts.initial()
    step1_counts.train(counts, names, steps)
    return float(numpy.mean([step1_counts.loss(counts, name) for name in test]))


def compare(seeds: int, steps: int) -> dict[str, list[float]]:
    """Return the losses of all programs for each seed."""

    def run(seed: int) -> list[float]:
        return [count(seed, steps), *(learn(idea, seed, steps)[1] for idea in IDEAS)]

    return by_name(["counts", *IDEAS], for_each_seed(run, seeds))


def looks(p: Any, tokens: Sequence[int]) -> Any:
    """Return for each head of the first layer how much each place of a name looks at each: heads × places × places."""
    size = step6_adam.WIDTH // step6_adam.HEADS
    weights = numpy.zeros((step6_adam.HEADS, len(tokens), len(tokens)))
    with no_grad():
        rows = [step6_adam.norm(step6_adam.norm(row)) for row in step6_adam.embed(p, tokens)]
        for head, matrix in enumerate(weights):
            own = step6_adam.looks(p, 0, slice(head * size, (head + 1) * size), rows)
            for place, row in enumerate(own):
                matrix[place, : len(row)] = [weight.data for weight in row]
    return weights


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "tiny_gpt", "Compare the six steps to a tiny GPT, and show where it looks.",
        steps=(2000, "names to learn from, one a step"),
    )  # fmt: skip
    losses = compare(chosen.seeds, chosen.steps)
    before = dict(zip(IDEAS, losses, strict=False))  # the idea before each
    rows = {name: [summary(own, ".3f"), ""] for name, own in losses.items()}
    for idea, other in before.items():
        rows[idea][1] = ahead(losses[other], losses[idea])
    show("mean cross-entropy of new names", ["", "loss", "lower than above in"], rows)

    p, _ = learn("Adam", chosen.seeds - 1, chosen.steps)
    rng = random.Random(0)
    made_up = [data.sample(lambda tokens: step6_adam.distribution(p, tokens), rng) for _ in range(12)]
    print("new names:", *made_up)
    shown = next(name for name in data.load(chosen.seeds - 1)[1] if name.index(data.END, 1) >= LONG)
    shown = shown[: shown.index(data.END, 1)]
    with slide(chosen.output, "A tiny GPT makes up names", width_ratios=[6, 5]) as (left, right):
        paired(left, list(losses), list(losses.values()), (GREY, BLUE, GREEN, ORANGE, VIOLET))
        left.set(title=f"New names: {counted(chosen.seeds, 'run')} each", ylabel="loss on new names")
        left.set_xlabel(textwrap.fill(f"made up: {', '.join(made_up[:6])}", 40), fontsize=16, labelpad=12)
        left.tick_params(axis="x", labelsize=15)
        heads = [numpy.pad(matrix, ((0, 1), (0, 1)), constant_values=numpy.nan) for matrix in looks(p, shown)]
        right.imshow(numpy.block([heads[:2], heads[2:]]), cmap="Blues", vmin=0, vmax=1)
        letters = [*(data.LETTERS[token] for token in shown), ""] * 2
        right.set_xticks(range(len(letters)), letters, fontsize=13)
        right.set_yticks(range(len(letters)), letters, fontsize=13)
        right.tick_params(length=0)
        right.spines[:].set_visible(False)
        right.set(title="Where four heads look")


if __name__ == "__main__":
    main()
