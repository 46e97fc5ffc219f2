"""No tests: the published recurrences, one parameter at a time, and what follows them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from scalargrad import Value
from scalargrad.optim import Optimizer

NUMBERS = st.floats(-1e3, 1e3)
GRADIENTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8)
Gradients = list[tuple[float, float]]
Recurrence = Callable[[float, list[float]], list[float]]


def descended(optimizer: Optimizer, gradients: Gradients) -> list[list[float]]:
    """Return the parameters after each step, for these gradients."""
    path = []
    for row in gradients:
        for parameter, gradient in zip(optimizer.parameters, row, strict=True):
            parameter.grad = gradient
        optimizer.step()
        path.append([parameter.data for parameter in optimizer.parameters])
    return path


def expected(recurrence: Recurrence, start: tuple[float, float], gradients: Gradients) -> list[list[float]]:
    """Return the parameters after each step by a recurrence for one parameter."""
    columns = [recurrence(x, [row[i] for row in gradients]) for i, x in enumerate(start)]
    return [list(point) for point in zip(*columns, strict=True)]


def polyak(rate: float, momentum: float) -> Recurrence:
    """Gradient descent with momentum, for one parameter."""

    def path(x: float, gradients: list[float]) -> list[float]:
        velocity, points = 0.0, []
        for gradient in gradients:
            velocity = momentum * velocity + gradient
            x = x - rate * velocity
            points.append(x)
        return points

    return path


def adam(
    rate: float, first: float, second: float, epsilon: float, corrected: bool = True, inside: bool = False
) -> Recurrence:
    """Algorithm 1 of arXiv:1412.6980 for one parameter; or, for a control, with one of two mistakes."""

    def path(theta: float, gradients: list[float]) -> list[float]:
        m = v = 0.0
        points = []
        for t, g in enumerate(gradients, start=1):
            m = first * m + (1 - first) * g
            v = second * v + (1 - second) * g**2
            m_hat = m / (1 - first**t) if corrected else m
            v_hat = v / (1 - second**t) if corrected else v
            theta -= rate * m_hat / (math.sqrt(v_hat + epsilon) if inside else math.sqrt(v_hat) + epsilon)
            points.append(theta)
        return points

    return path


def close(path: list[list[float]], other: list[list[float]]) -> bool:
    """Whether two paths agree to 1e-12."""
    return bool(np.allclose(path, other, rtol=1e-12, atol=1e-12))


def one() -> list[Value]:
    """A parameter."""
    return [Value(1.0)]
