"""Random expressions: the lifted program computes what the eager engine does, on both targets."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, functional, lift
from scalargrad.engine.declaration import registered
from tests.oracle import Program, dual_gradient, programs, run

FUNCTIONS = {primitive.name: primitive for primitive in registered()}
ROUNDING = 1e-12
each_target = pytest.mark.parametrize("target", ["numpy", "python"])


class Split:
    """A random program whose leaves are inputs where `inputs` says so, and parameters elsewhere."""

    def __init__(self, program: Program, inputs: tuple[bool, ...]) -> None:
        self.program, self.inputs = program, inputs
        leaves = list(zip(program.leaves, inputs, strict=True))
        self.row = [x for x, is_input in leaves if is_input]
        self.parameters = [Value(x) for x, is_input in leaves if not is_input]

    def loss(self, row: Any) -> Any:
        given, parameters = iter(row), iter(self.parameters)
        leaves = [next(given) if is_input else next(parameters) for is_input in self.inputs]
        return run(self.program, leaves, FUNCTIONS)[-1] + 0.0 * sum(row)  # an input, even where it has no say

    def batch(self) -> list[list[float]]:
        """The row at which the program is well behaved, and two rows near it."""
        return [[x * (1 + shift) for x in self.row] for shift in (0.0, 1e-3, -1e-3)]

    def eager(self) -> tuple[list[float], Any, Any]:
        """Losses, mean gradient, and the mean Hessian times the vector of ones."""
        losses, gradients, products = [], [], []
        for row in self.batch():
            loss = self.loss([Value(x) for x in row])
            losses.append(loss.data)
            for parameter in self.parameters:
                parameter.zero_grad()
            loss.backward()
            gradients.append([parameter.grad for parameter in self.parameters])
            product = functional.hvp(loss, self.parameters, [1.0] * len(self.parameters))
            products.append([entry.data for entry in product])
        return losses, np.mean(gradients, axis=0), np.mean(products, axis=0)

    def magnitude(self) -> float:
        """The size of the terms of a gradient."""
        return 1.0 + max(dual.magnitude for dual in dual_gradient(self.program, self.program.leaves))


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """Random programs of which at least one leaf is an input and one a parameter."""
    program = draw(programs(max_leaves=5, max_instructions=14).filter(lambda made: len(made.leaves) > 1))
    inputs = draw(st.permutations([True, False, *draw(st.lists(st.booleans(), min_size=3, max_size=3))]))
    chosen = tuple(inputs[: len(program.leaves)])
    if len(set(chosen)) == 1:
        chosen = (not chosen[0], *chosen[1:])
    return Split(program, chosen)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@given(split=splits())
def test_lifted_is_eager(split: Split, target: str) -> None:
    """Losses, gradients and Hessian-vector products of a random expression are those of the eager engine."""
    lifted: Any = lift(split.loss, split.parameters, target=target)
    losses, gradient, product = split.eager()
    batch, scale = split.batch(), split.magnitude()
    assert np.allclose(lifted(batch), losses, rtol=ROUNDING, atol=ROUNDING * scale)
    value, slopes = lifted.value_and_grad(batch)
    assert math.isclose(value, float(np.mean(losses)), rel_tol=ROUNDING, abs_tol=ROUNDING * scale)
    assert np.allclose(slopes, gradient, rtol=ROUNDING, atol=ROUNDING * scale)
    largest = max(1.0, float(np.max(np.abs(product))))
    assert np.allclose(
        lifted.hvp(batch, [1.0] * len(split.parameters)), product, rtol=ROUNDING, atol=100 * ROUNDING * scale * largest
    )


@each_target
@given(program=programs(max_leaves=4, max_instructions=30))
def test_without_a_batch(program: Program, target: str) -> None:
    """A function of parameters alone has a value and a gradient with no arguments."""
    leaves = [Value(x) for x in program.leaves]
    lifted: Any = lift(lambda: run(program, leaves, FUNCTIONS)[-1], leaves, target=target)
    root = run(program, leaves, FUNCTIONS)[-1]
    root.backward()
    scale = ROUNDING * (1.0 + max(dual.magnitude for dual in dual_gradient(program, program.leaves)))
    value, gradient = lifted.value_and_grad(at=list(program.leaves))
    assert math.isclose(value, root.data, rel_tol=ROUNDING, abs_tol=scale)
    assert np.allclose(gradient, [leaf.grad for leaf in leaves], rtol=ROUNDING, atol=scale)


@st.composite
def layered(draw: st.DrawFn) -> tuple[list[int], int, str]:
    """Sizes of a network, a seed, and how its neurons are wired."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    return sizes, draw(st.integers(0, 2**32)), draw(st.sampled_from(["dense", "sparse", "shared", "shuffled"]))


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@given(made=layered())
def test_wired_at_random(made: tuple[list[int], int, str], target: str) -> None:
    """Layers with all connections, some, shared weights, or in a random order compute what the loops compute."""
    sizes, seed, kind = made
    rng = random.Random(seed)
    pool = [Value(rng.gauss(0, 1)) for _ in range(7)]
    layers, parameters = [], list(pool) if kind == "shared" else []
    for n_inputs, n_outputs in pairwise(sizes):
        wires = []
        for _ in range(n_outputs):
            sources = [i for i in range(n_inputs) if kind != "sparse" or rng.random() < 0.6] or [0]
            if kind == "shuffled":
                rng.shuffle(sources)
            weights = [rng.choice(pool) if kind == "shared" else Value(rng.gauss(0, 1)) for _ in sources]
            wires.append((sources, weights))
            parameters += [] if kind == "shared" else weights
        layers.append((wires, rng.choice(["tanh", "sigmoid", "sin", "softplus"])))

    def loss(x: Any) -> Any:
        for wires, activation in layers:
            x = [
                FUNCTIONS[activation](sum(w * x[i] for w, i in zip(weights, sources, strict=True)))
                for sources, weights in wires
            ]
        return sum(x)

    batch = [[rng.gauss(0, 1) for _ in range(sizes[0])] for _ in range(3)]
    losses = [loss([Value(x) for x in row]) for row in batch]
    for eager in losses:
        eager.backward(1 / 3)
    lifted: Any = lift(loss, parameters, target=target)
    assert np.allclose(lifted(batch), [eager.data for eager in losses], rtol=ROUNDING, atol=ROUNDING)
    _, gradient = lifted.value_and_grad(batch)
    assert np.allclose(gradient, [parameter.grad for parameter in parameters], rtol=ROUNDING, atol=10 * ROUNDING)
