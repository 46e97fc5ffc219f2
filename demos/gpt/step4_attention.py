"""Step 4, attention: each place looks at the places before it, so that all letters so far have a say.

A place asks with its query. The keys of the places so far say how well they fit, and a mean of their values, weighted
accordingly, is added to the row of the place. A row now says where it is, too.

    python demos/gpt/step4_attention.py
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import Any

from data import END, LENGTH, LETTERS, load, sample

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
        "places": matrix(LENGTH, WIDTH),
        "queries": matrix(WIDTH, WIDTH),
        "keys": matrix(WIDTH, WIDTH),
        "values": matrix(WIDTH, WIDTH),
        "mixed": matrix(WIDTH, WIDTH),
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


def add(left: Sequence[Value], right: Sequence[Value]) -> list[Value]:
    """Return the sums of two rows."""
    return [x + y for x, y in zip(left, right, strict=True)]


def embed(p: Parameters, tokens: Sequence[int]) -> Matrix:
    """Return a row for each place, which says what is there and where it is."""
    return [add(take(p["letters"], token), place) for token, place in zip(tokens, p["places"], strict=False)]


def looks(p: Parameters, rows: Matrix) -> Matrix:
    """Return how much each row looks at each row so far: positive numbers whose sum is 1."""
    queries, keys = ([linear(p[name], row) for row in rows] for name in ("queries", "keys"))
    return [
        softmax([dot(query, key) / math.sqrt(len(key)) for key in keys[:place]])
        for place, query in enumerate(queries, 1)
    ]


def attention(p: Parameters, rows: Matrix) -> Matrix:
    """Return for each row a mean of the values so far, weighted by how much it looks at them."""
    values = [linear(p["values"], row) for row in rows]
    means = []
    for weights in looks(p, rows):
        means.append([dot(weights, column) for column in zip(*values[: len(weights)], strict=True)])
    return [linear(p["mixed"], mean) for mean in means]


def scores(p: Parameters, tokens: Sequence[int]) -> Matrix:
    """Return for each place the scores of the letters to come next."""
    rows = embed(p, tokens)
    rows = [add(row, more) for row, more in zip(rows, attention(p, rows), strict=True)]
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
