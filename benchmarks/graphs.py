"""Functions of numbers that are computed one by one, regular and irregular, as scalar code.

Each entry of `GRAPHS` returns such a function and the numbers that it starts from.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from scalargrad import exp, log, sigmoid, sin, sqrt, tanh

Function = Callable[[Sequence[Any]], Any]
Graph = tuple[Function, list[float]]
OPERATIONS: list[Callable[[Any, Any], Any]] = [  # of two numbers from about -1 to 1, with results there
    lambda x, y: 0.7 * x + 0.6 * y,
    lambda x, y: x - 0.5 * y,
    lambda x, y: x * y,
    lambda x, y: x / (2 + y * y),
    lambda x, y: tanh(x + y),
    lambda x, y: sin(x - y),
    lambda x, y: sigmoid(x) - 0.5 * y,
]


def uniform(count: int, low: float = -1.0, high: float = 1.0) -> list[float]:
    """Random numbers, the same at every run."""
    rng = random.Random(0)
    return [rng.uniform(low, high) for _ in range(count)]


def chain(length: int) -> Graph:
    """A number to which two maps are applied in turn."""

    def function(w: Sequence[Any]) -> Any:
        h = w[2]
        for i in range(length):
            h = tanh(w[0] * h + w[1]) if i % 2 else (h * w[2] + w[0]) / 2
        return h

    return function, [0.5, 0.1, -0.3]


def tree(depth: int) -> Graph:
    """A binary tree with an operation drawn at random in each node."""
    rng = random.Random(0)
    chosen = [rng.choice(OPERATIONS) for _ in range(2**depth)]

    def function(leaves: Sequence[Any]) -> Any:
        layer, operations = list(leaves), iter(chosen)
        while len(layer) > 1:
            layer = [next(operations)(x, y) for x, y in zip(layer[::2], layer[1::2], strict=True)]
        return layer[0]

    return function, uniform(2**depth)


def scattered(nodes: int, leaves: int = 20, window: int = 200) -> Graph:
    """Operations drawn at random on what was made before: no pattern, and no result left unused."""
    rng = random.Random(5)
    plan: list[tuple[Callable[[Any, Any], Any], int, int]] = []
    unused = list(range(leaves))
    for made in range(leaves, leaves + nodes * 10 // 29):  # an operation makes 2.9 nodes on the average
        x = unused.pop(rng.randrange(len(unused))) if len(unused) > 12 else rng.randrange(made)
        plan.append((rng.choice(OPERATIONS), x, rng.randrange(max(0, made - window), made)))
        unused.append(made)
    used = {place for _, x, y in plan for place in (x, y)}
    last = [place for place in range(leaves + len(plan)) if place not in used]

    def function(given: Sequence[Any]) -> Any:
        made = list(given)
        for operation, x, y in plan:
            made.append(operation(made[x], made[y]))
        return sum(made[place] for place in last)

    return function, uniform(leaves)


def cholesky(size: int) -> Graph:
    """The logarithm of the determinant of a positive definite matrix."""
    start = [(1.0 + size) * (i == j) + 0.3 * math.cos(i + 2 * j) for i in range(size) for j in range(i + 1)]

    def function(entries: Sequence[Any]) -> Any:
        rows = [entries[i * (i + 1) // 2 : (i + 1) * (i + 2) // 2] for i in range(size)]
        lower: list[list[Any]] = []
        for i in range(size):
            lower.append([])
            for j in range(i + 1):
                rest = rows[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
                lower[i].append(sqrt(rest) if i == j else rest / lower[j][j])
        return 2 * sum(log(lower[i][i]) for i in range(size))

    return function, start


def elimination(size: int) -> Graph:
    """The logarithm of a determinant by LU decomposition."""
    start = [size * (i == j) + math.sin(1.0 + i + 3 * j) for i in range(size) for j in range(size)]

    def function(entries: Sequence[Any]) -> Any:
        rows = [list(entries[i * size : (i + 1) * size]) for i in range(size)]
        for k in range(size):
            for i in range(k + 1, size):
                factor = rows[i][k] / rows[k][k]
                for j in range(k + 1, size):
                    rows[i][j] = rows[i][j] - factor * rows[k][j]
        determinant = rows[0][0]
        for k in range(1, size):
            determinant = determinant * rows[k][k]
        return log(abs(determinant))

    return function, start


def fraction(length: int) -> Graph:
    """A continued fraction."""

    def function(terms: Sequence[Any]) -> Any:
        value = terms[-1]
        for term in reversed(terms[:-1]):
            value = term + 1 / value
        return value

    return function, uniform(length, 1.0, 2.0)


def horner(degree: int) -> Graph:
    """A polynomial, whose point is the last number."""

    def function(given: Sequence[Any]) -> Any:
        *coefficients, x = given
        value = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            value = value * x + coefficient
        return value

    return function, uniform(degree + 2)


def alignment(size: int) -> Graph:
    """Dynamic programming: a soft distance of two words, with a cost for each pair of letters and one for a gap."""

    def function(costs: Sequence[Any]) -> Any:
        gap = costs[-1]
        above = [gap * float(j) for j in range(size + 1)]
        for i in range(size):
            row = [gap * float(i + 1)]
            for j in range(size):
                ways = above[j] + costs[i * size + j], above[j + 1] + gap, row[j] + gap
                row.append(-log(sum(exp(-way) for way in ways)))
            above = row
        return above[-1]

    return function, uniform(size * size + 1, 0.0, 1.0)


def bodies(count: int, steps: int) -> Graph:
    """Some bodies in a plane that attract each other: how far they are after some steps."""

    def function(state: Sequence[Any]) -> Any:
        masses = state[4 * count :]
        places = [(state[4 * i], state[4 * i + 1]) for i in range(count)]
        speeds = [(state[4 * i + 2], state[4 * i + 3]) for i in range(count)]
        for _ in range(steps):
            for i, (x, y) in enumerate(places):
                for j, (other_x, other_y) in enumerate(places):
                    if i != j:
                        dx, dy = other_x - x, other_y - y
                        square = dx * dx + dy * dy + 0.1
                        pull = 0.01 * masses[j] / (square * sqrt(square))
                        speeds[i] = speeds[i][0] + pull * dx, speeds[i][1] + pull * dy
            places = [(x + 0.01 * u, y + 0.01 * v) for (x, y), (u, v) in zip(places, speeds, strict=True)]
        return sum(x * x + y * y for x, y in places)

    return function, uniform(4 * count) + uniform(count, 0.5, 1.0)


def pendulum(steps: int) -> Graph:
    """An angle after some steps; the numbers are angle, speed, gravity and length."""

    def function(state: Sequence[Any]) -> Any:
        angle, speed, gravity, length = state
        for _ in range(steps):
            speed = speed - 0.01 * gravity / length * sin(angle)
            angle = angle + 0.01 * speed
        return angle * angle

    return function, [0.5, 0.1, 9.8, 0.9]


def network(*sizes: int) -> Graph:
    """The squared error of a network at one example."""
    shapes = list(pairwise(sizes))
    inputs = [math.cos(1.0 + i) for i in range(sizes[0])]

    def function(w: Sequence[Any]) -> Any:
        numbers = iter(w)
        x: list[Any] = list(inputs)
        for layer, (n_inputs, n_outputs) in enumerate(shapes):
            rows = [[next(numbers) for _ in range(n_inputs + 1)] for _ in range(n_outputs)]
            x = [sum((u * v for u, v in zip(row, x, strict=False)), row[-1]) for row in rows]
            x = x if layer == len(shapes) - 1 else list(map(tanh, x))
        return sum((v - 1) ** 2 for v in x)

    return function, uniform(sum(o * (i + 1) for i, o in shapes))


def rosenbrock(size: int) -> Graph:
    """Rosenbrock's function: a sum of terms that are all alike."""

    def function(w: Sequence[Any]) -> Any:
        return sum((1 - a) ** 2 + 100 * (b - a * a) ** 2 for a, b in pairwise(w))

    return function, uniform(size)


GRAPHS: dict[str, Callable[[], Graph]] = {
    "five nodes": lambda: ((lambda w: tanh(w[0] * w[1] + w[0])), [0.4, 0.3]),
    "chain of 10": lambda: chain(10),
    "chain of 1,000": lambda: chain(1000),
    "tree of 16 leaves": lambda: tree(4),
    "tree of 512 leaves": lambda: tree(9),
    "random graph of 300": lambda: scattered(300),
    "random graph of 3,000": lambda: scattered(3000),
    "wide random graph of 3,000": lambda: scattered(3000, 200, 2000),
    "narrow random graph of 3,000": lambda: scattered(3000, 5, 10),
    "random graph of 30,000": lambda: scattered(30_000),
    "Cholesky of 5": lambda: cholesky(5),
    "Cholesky of 20": lambda: cholesky(20),
    "Cholesky of 40": lambda: cholesky(40),
    "LU of 5": lambda: elimination(5),
    "LU of 12": lambda: elimination(12),
    "continued fraction of 200": lambda: fraction(200),
    "Horner of degree 100": lambda: horner(100),
    "alignment of 12 letters": lambda: alignment(12),
    "3 bodies, 20 steps": lambda: bodies(3, 20),
    "pendulum, 200 steps": lambda: pendulum(200),
    "Rosenbrock of 10": lambda: rosenbrock(10),
    "Rosenbrock of 1,000": lambda: rosenbrock(1000),
    "network 2-4-1": lambda: network(2, 4, 1),
    "network 2-16-16-1": lambda: network(2, 16, 16, 1),
    "network 4-64-64-1": lambda: network(4, 64, 64, 1),
}
