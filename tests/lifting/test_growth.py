"""The cost of lifting grows linearly in the traced nodes: counted in calls, so that a busy machine changes nothing."""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import Value, functional, lift, nn, tanh

Made = tuple[Callable[..., Any], list[Value], tuple[Any, ...]]  # a function, its parameters, a batch


def calls_made(action: Callable[[], object]) -> int:
    """How many functions an action calls, C functions included."""
    count = 0

    def see(_frame: Any, event: str, _given: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def wide(n: int) -> Made:
    """Layers of that many neurons."""
    model = nn.MLP(4, [n, 3], "tanh", rng=0)
    loss = lambda x, y: functional.cross_entropy(model(x), list(y))  # noqa: E731  # one line says it
    return loss, model.parameters(), (np.ones((2, 4)), np.eye(3)[:2])


def deep(n: int) -> Made:
    """A network of so many layers."""
    model = nn.MLP(3, [3] * n + [1], "tanh", rng=0)
    return lambda x: model(x) ** 2, model.parameters(), (np.ones((2, 3)),)


def unrolled(n: int) -> Made:
    """A recurrent net over so many steps."""
    w = [Value(0.1 * k) for k in range(6)]

    def loss(xs: Any) -> Any:
        h: list[Any] = [0.0, 0.0]
        for x in xs:
            h = [tanh(w[3 * i] * h[0] + w[3 * i + 1] * h[1] + w[3 * i + 2] * x) for i in range(2)]
        return h[0] * h[1]

    return loss, w, (np.ones((2, n)),)


def slid(n: int) -> Made:
    """A convolution over an image of that size."""
    kernel = [[Value(0.1 * i - 0.2 * j) for j in range(2)] for i in range(2)]

    def loss(image: Any) -> Any:
        total = Value(0.0)
        for r in range(n - 1):
            for c in range(3):
                total = total + tanh(sum(kernel[i][j] * image[r + i][c + j] for i in range(2) for j in range(2)))
        return total

    return loss, [w for row in kernel for w in row], (np.ones((2, n, 4)),)


def scattered(n: int) -> Made:
    """A graph without any pattern."""
    w = [Value(0.1 * k) for k in range(5)]

    def loss(x: Any) -> Any:
        rng = random.Random(0)
        made: list[Any] = [*w, x]
        for _ in range(n):
            made.append(tanh(rng.choice(made) * rng.choice(w) + made[-1]))
        return made[-1]

    return loss, w, (np.ones(2),)


GROWING = {
    "wide": (wide, 20),
    "deep": (deep, 10),
    "unrolled": (unrolled, 10),
    "slid": (slid, 12),
    "scattered": (scattered, 40),
}


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("name", GROWING)
def test_twice_the_nodes_take_twice_the_calls(name: str, target: str) -> None:
    """Lifting a network of twice the size takes at most a little over twice the calls."""
    make, size = GROWING[name]

    def cost(n: int) -> int:
        loss, parameters, batch = make(n)
        program = lift(loss, parameters, target=target, check=False)
        return calls_made(lambda: program.value_and_grad(*batch))

    cost(2)  # what is cached is cached
    small, large, larger = (cost(times * size) for times in (1, 2, 4))
    assert larger - large <= 2.3 * (large - small)


def test_comparing_many_results_takes_twice_the_calls_for_twice_as_many() -> None:
    """The first call of a program that returns the state of each step, comparison included, grows with the steps."""
    w = [Value(0.5), Value(0.1)]

    def states(xs: Any) -> list[Any]:
        made: list[Any] = [xs[0]]
        for x in xs[1:]:
            made.append(tanh(w[0] * made[-1] + w[1] * x))
        return made

    def cost(n: int) -> int:
        program = lift(states, w)
        return calls_made(lambda: program(np.ones((2, n))))

    cost(2)
    small, large, larger = (cost(n) for n in (40, 80, 160))
    assert larger - large <= 2.3 * (large - small)


def peak(keeps: bool, count: int) -> int:
    """The most memory that the first call takes, for so many examples; with `keeps` the function keeps its graphs."""
    model = nn.MLP(8, [64, 64, 1], "tanh", rng=0)
    kept: list[Any] = []

    def loss(x: Any) -> Any:
        result = model(x) ** 2
        kept.extend([result] if keeps else [])
        return result

    program = lift(loss, model.parameters())
    rows = np.random.default_rng(0).normal(size=(count, 8))
    tracemalloc.start()
    try:
        program.value_and_grad(rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_comparison_keeps_one_graph_at_a_time() -> None:
    """The first call takes hardly more memory for many examples than for one; more, where the function keeps graphs."""
    assert peak(keeps=False, count=50) < 1.2 * peak(keeps=False, count=1)
    assert peak(keeps=True, count=50) > 1.5 * peak(keeps=True, count=1)


def test_a_quadratic_cost_is_seen() -> None:
    """Negative control: where each node looks at all nodes before it, twice the size takes far more calls."""

    def cost(n: int) -> int:
        return calls_made(lambda: [abs(j) for i in range(n) for j in range(i)])

    small, large, larger = (cost(n) for n in (20, 40, 80))
    assert larger - large > 2.3 * (large - small)
