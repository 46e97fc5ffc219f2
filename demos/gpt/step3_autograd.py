"""Step 3, the same by autograd: the network is written on Values, and nobody writes its gradient.

The losses are those of step 2. One name is one example of a lifted program, so all names have one length; what follows
the end of a name does not count.

    python demos/gpt/step3_autograd.py
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from data import END, LETTERS, load, sample

from scalargrad import Value, cross_entropy, greater, lift, no_grad, relu, softmax, take, total

WIDTH = 16
HIDDEN = 64
RATE = 0.2  # of the first step; it falls to 0
STEPS = 2000

Matrix = list[list[Value]]
Parameters = dict[str, Matrix]


def initial(rng: random.Random) -> Parameters:
    """Return new parameters."""

    def matrix(rows: int, columns: int) -> Matrix:
        return [[Value(rng.gauss(0, columns**-0.5)) for _ in range(columns)] for _ in range(rows)]

    return {
        "letters": matrix(len(LETTERS), WIDTH),
        "hidden": matrix(HIDDEN, WIDTH),
        "output": matrix(len(LETTERS), HIDDEN),
    }


def parameters(p: Parameters) -> list[Value]:
    """Return all parameters in a list."""
    return [weight for matrix in p.values() for row in matrix for weight in row]


def dot(left: Iterable[Value | float], right: Iterable[Value | float]) -> Value:
    """Return the sum of the products."""
    return total(x * y for x, y in zip(left, right, strict=True))


def linear(matrix: Matrix, row: Sequence[Value]) -> list[Value]:
    """Return the weighted sums of a row."""
    return [dot(weights, row) for weights in matrix]


def scores(p: Parameters, tokens: Sequence[int]) -> Matrix:
    """Return for each place the scores of the letters to come next."""
    rows = [take(p["letters"], token) for token in tokens]
    return [linear(p["output"], [relu(x) for x in linear(p["hidden"], row)]) for row in rows]


def loss(p: Parameters, name: Sequence[int]) -> Value:
    """Return the mean cross-entropy of the letters of a name and of its end."""
    counts = [1.0, *(greater(token, END) for token in name[1:-1])]
    losses = [cross_entropy(row, token) for row, token in zip(scores(p, name[:-1]), name[1:], strict=True)]
    return dot(counts, losses) / total(counts)


def train(program: Any, theta: Any, names: Sequence[list[int]], steps: int) -> tuple[Any, list[float]]:
    """Learn from one name in each step, and return the parameters and the losses."""
    losses = []
    for step in range(steps):
        value, gradient = program.value_and_grad([names[step % len(names)]], at=theta)
        theta = theta - RATE * (1 - step / steps) * gradient
        losses.append(float(value))
    return theta, losses


def distribution(p: Parameters, tokens: Sequence[int]) -> list[float]:
    """Return the probability of each letter to come next."""
    with no_grad():
        return [probability.data for probability in softmax(scores(p, tokens)[-1])]


def main() -> None:
    """Train, test and sample."""
    rng = random.Random(0)
    names, test = load()
    p = initial(rng)
    program = lift(lambda name: loss(p, name), parameters(p))
    theta, losses = train(program, program.pack(), names, STEPS)
    program.unpack(theta)
    print(f"loss of the first name {losses[0]:.3f}, of new names {sum(program(test)) / len(test):.3f}")
    print("new names:", *(sample(lambda tokens: distribution(p, tokens), rng) for _ in range(10)))


if __name__ == "__main__":
    main()
