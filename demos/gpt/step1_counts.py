"""Step 1, counts: how often does each letter follow each other letter? No network yet.

The counts become probabilities, and names can be drawn from them. The later steps keep this form: parameters, a loss,
training, and sampling.

    python demos/gpt/step1_counts.py
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from data import END, LETTERS, load, sample

STEPS = 2000

Parameters = list[list[float]]


def initial() -> Parameters:
    """Return counts of 1, so that nothing is impossible."""
    return [[1.0] * len(LETTERS) for _ in LETTERS]


def forward(p: Parameters, token: int) -> list[float]:
    """Return the probability of each letter to come next."""
    return [count / sum(p[token]) for count in p[token]]


def pairs(name: Sequence[int]) -> list[tuple[int, int]]:
    """Return each letter of a name with the next one; the last has the end."""
    return list(itertools.pairwise(name[: name.index(END, 1) + 1]))


def loss(p: Parameters, name: Sequence[int]) -> float:
    """Return the mean cross-entropy of the letters of a name and of its end."""
    losses = [-math.log(forward(p, token)[target]) for token, target in pairs(name)]
    return sum(losses) / len(losses)


def train(p: Parameters, names: Sequence[list[int]], steps: int) -> list[float]:
    """Learn from one name in each step, and return the losses."""
    losses = []
    for step in range(steps):
        name = names[step % len(names)]
        losses.append(loss(p, name))
        for token, target in pairs(name):
            p[token][target] += 1
    return losses


def distribution(p: Parameters, tokens: Sequence[int]) -> list[float]:
    """Return the probability of each letter to come next."""
    return forward(p, tokens[-1])


def main() -> None:
    """Train, test and sample."""
    rng = random.Random(0)
    names, test = load()
    p = initial()
    losses = train(p, names, STEPS)
    print(f"loss of the first name {losses[0]:.3f}, of new names {sum(loss(p, name) for name in test) / len(test):.3f}")
    print("new names:", *(sample(lambda tokens: distribution(p, tokens), rng) for _ in range(10)))


if __name__ == "__main__":
    main()
