"""Step 2, a network with a gradient by hand: a letter becomes a row of numbers, and two layers score what comes next.

Learning goes downhill along the gradient, which is the chain rule, written out for this very network. Such code is
easy to get wrong, so it is compared with slopes between two losses.

    python demos/gpt/step2_by_hand.py
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Sequence

from data import END, LETTERS, load, sample

WIDTH = 16
HIDDEN = 64
RATE = 0.2  # of the first step; it falls to 0
STEPS = 2000

Matrix = list[list[float]]
Parameters = dict[str, Matrix]


def initial(rng: random.Random) -> Parameters:
    """Return new parameters."""

    def matrix(rows: int, columns: int) -> Matrix:
        return [[rng.gauss(0, columns**-0.5) for _ in range(columns)] for _ in range(rows)]

    return {
        "letters": matrix(len(LETTERS), WIDTH),
        "hidden": matrix(HIDDEN, WIDTH),
        "output": matrix(len(LETTERS), HIDDEN),
    }


def dot(left: Iterable[float], right: Iterable[float]) -> float:
    """Return the sum of the products."""
    return sum(x * y for x, y in zip(left, right, strict=True))


def linear(matrix: Matrix, row: Sequence[float]) -> list[float]:
    """Return the weighted sums of a row."""
    return [dot(weights, row) for weights in matrix]


def softmax(scores: Sequence[float]) -> list[float]:
    """Return probabilities: the exponentials, divided by their sum."""
    exponentials = [math.exp(score - max(scores)) for score in scores]
    return [exponential / sum(exponentials) for exponential in exponentials]


def hidden_of(p: Parameters, token: int) -> list[float]:
    """Return the outputs of the hidden layer."""
    return [max(0.0, x) for x in linear(p["hidden"], p["letters"][token])]


def forward(p: Parameters, token: int) -> list[float]:
    """Return the probability of each letter to come next."""
    return softmax(linear(p["output"], hidden_of(p, token)))


def pairs(name: Sequence[int]) -> list[tuple[int, int]]:
    """Return each letter of a name with the next one; the last has the end."""
    return list(itertools.pairwise(name[: name.index(END, 1) + 1]))


def loss(p: Parameters, name: Sequence[int]) -> float:
    """Return the mean cross-entropy of the letters of a name and of its end."""
    losses = [-math.log(forward(p, token)[target]) for token, target in pairs(name)]
    return sum(losses) / len(losses)


def gradient_of(p: Parameters, name: Sequence[int]) -> Parameters:
    """Return the derivatives of the loss of a name."""
    gradient = {key: [[0.0] * len(row) for row in matrix] for key, matrix in p.items()}
    for token, target in pairs(name):
        hidden = hidden_of(p, token)
        at_scores = [(x - (k == target)) / len(pairs(name)) for k, x in enumerate(forward(p, token))]
        at_hidden = [
            dot(at_scores, column) * (x > 0) for column, x in zip(zip(*p["output"], strict=True), hidden, strict=True)
        ]
        for matrix, upstream, inputs in (("output", at_scores, hidden), ("hidden", at_hidden, p["letters"][token])):
            for row, slope in zip(gradient[matrix], upstream, strict=True):
                for j, x in enumerate(inputs):
                    row[j] += slope * x
        for j, column in enumerate(zip(*p["hidden"], strict=True)):
            gradient["letters"][token][j] += dot(at_hidden, column)
    return gradient


def check(p: Parameters, name: Sequence[int], rng: random.Random) -> float:
    """Return the largest difference of some derivatives from the slope between two losses."""
    gradient, differences, step = gradient_of(p, name), [], 1e-5
    for key, matrix in p.items():
        for _ in range(20):
            i = rng.choice(name) if key == "letters" else rng.randrange(len(matrix))
            j = rng.randrange(len(matrix[i]))
            number = matrix[i][j]
            matrix[i][j] = number + step
            above = loss(p, name)
            matrix[i][j] = number - step
            below = loss(p, name)
            matrix[i][j] = number
            differences.append(abs(gradient[key][i][j] - (above - below) / (2 * step)))
    return max(differences)


def train(p: Parameters, names: Sequence[list[int]], steps: int) -> list[float]:
    """Learn from one name in each step, and return the losses."""
    losses = []
    for step in range(steps):
        name = names[step % len(names)]
        losses.append(loss(p, name))
        gradient = gradient_of(p, name)
        for key, matrix in p.items():
            for row, slopes in zip(matrix, gradient[key], strict=True):
                for j, slope in enumerate(slopes):
                    row[j] -= RATE * (1 - step / steps) * slope
    return losses


def distribution(p: Parameters, tokens: Sequence[int]) -> list[float]:
    """Return the probability of each letter to come next."""
    return forward(p, tokens[-1])


def main() -> None:
    """Train, test and sample."""
    rng = random.Random(0)
    names, test = load()
    p = initial(rng)
    print(f"by hand and by slopes the gradient differs by at most {check(p, names[0], random.Random(0)):.1e}")
    losses = train(p, names, STEPS)
    print(f"loss of the first name {losses[0]:.3f}, of new names {sum(loss(p, name) for name in test) / len(test):.3f}")
    print("new names:", *(sample(lambda tokens: distribution(p, tokens), rng) for _ in range(10)))


if __name__ == "__main__":
    main()
