"""Random networks: layers written in many ways, whose outputs several others read, with buffers full of nan."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad
from scalargrad import Value, hvp, lift, maximum, minimum, softmax, stop_gradient

pytestmark = [
    pytest.mark.no_cover,  # traced line by line, it would take several times as long
    pytest.mark.usefixtures("littered"),
]

Vector = list[Any]
Function = Callable[[Any], Any]

FUNCTIONS: list[Function] = [
    lambda v: v.tanh(),
    lambda v: v.sin() * (1 / (2 + v * v)),
    lambda v: v.relu() + stop_gradient(v) * 0.5,
    lambda v: -0.5 * (0.7 * v),
    lambda v: v**2 / 3.0,
    lambda v: maximum(v, 0.3) - minimum(-0.2, v),
    lambda v: v,
]


class RandomNet:
    """Random steps, each from one or two of the vectors so far to a new one, and a loss."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.parameters: list[Value] = []
        self.widths = [self.rng.randint(1, 4)]
        self.steps = [self.step() for _ in range(self.rng.randint(1, 6))]
        self.read = self.rng.choices(range(len(self.widths)), k=2)
        self.penalty = self.rng.choice([0.0, 0.1])
        if self.rng.random() < 0.3:
            self.rng.shuffle(self.parameters)

    def weights(self, *shape: int) -> Any:
        if shape:
            return [self.weights(*shape[1:]) for _ in range(shape[0])]
        self.parameters.append(Value(self.rng.gauss(0, 0.6), label=self.rng.choice([None, "ones", "h1", "h1_ones"])))
        return self.parameters[-1]

    def layer(self, width: int, outputs: int) -> Callable[[Vector], Vector]:
        """A layer whose biases lie behind, before or apart from its weights, are one for all, or are missing."""
        kind = self.rng.choice(["behind", "behind", "before", "apart", "one", "none"])
        bias: Any = self.weights() if kind == "one" else 0.0
        rows = self.weights(outputs, width + (kind in ("behind", "before")))
        apart = self.weights(outputs) if kind == "apart" else [bias] * outputs
        sign = self.rng.choice([1, -1])

        def neuron(row: Vector, bias: Any, inputs: Vector) -> Any:
            if kind == "before":
                return sum((w * x for w, x in zip(row[1:], inputs, strict=True)), row[0])
            total = sum(w * x for w, x in zip(row, inputs, strict=False))
            bias = row[-1] if kind == "behind" else bias
            return total + bias if sign == 1 else total - bias

        return lambda inputs: [neuron(row, own, inputs) for row, own in zip(rows, apart, strict=True)]

    def groups(self, read: int) -> Callable[[list[Vector]], Vector]:
        """Sums of random numbers of a vector, to each of which a neuron or a product of parameters may be added."""
        width, outputs, terms = self.widths[read], self.rng.randint(2, 4), self.rng.randint(1, 3)
        picked = [self.rng.choices(range(width), k=terms) for _ in range(outputs)]
        added = self.rng.choice(["neurons", "products", "nothing"])
        shared, rows = self.weights(2), self.weights(outputs, 2)
        layer = self.layer(width, outputs) if added == "neurons" else None

        def more(inputs: Vector) -> Vector:
            if layer:
                return layer(inputs)
            return [sum(w * u.tanh() for w, u in zip(shared, row, strict=True)) for row in rows]

        def step(vectors: list[Vector]) -> Vector:
            sums = [sum(vectors[read][i] for i in group) for group in picked]
            return sums if added == "nothing" else [a + b for a, b in zip(sums, more(vectors[read]), strict=True)]

        self.widths.append(outputs)
        return step

    def step(self) -> Callable[[list[Vector]], Vector]:
        """A step to a new vector."""
        a, b = self.rng.randrange(len(self.widths)), len(self.widths) - 1
        width, function = self.widths[b], self.rng.choice(FUNCTIONS)
        kind = self.rng.choice(
            ["layer", "layer", "layer", "again", "each", "softmax", "beside", "times", "part", "groups"]
        )
        if kind == "groups":
            return self.groups(b)
        if kind in ("layer", "again"):
            outputs = width if kind == "again" else self.rng.randint(1, 4)
            layer = self.layer(width, outputs)
            self.widths.append(outputs)
            if kind == "layer":
                return lambda vectors: [function(z) for z in layer(vectors[b])]
            return lambda vectors: [x + z.tanh() for x, z in zip(vectors[b], layer(layer(vectors[b])), strict=True)]
        steps: dict[str, tuple[int, Callable[[list[Vector]], Vector]]] = {
            "each": (width, lambda vectors: [function(x) for x in vectors[b]]),
            "softmax": (width, lambda vectors: softmax(vectors[b])),
            "beside": (self.widths[a] + width, lambda vectors: vectors[a] + vectors[b]),
            "times": (
                min(self.widths[a], width),
                lambda vectors: [x * y for x, y in zip(vectors[a], vectors[b], strict=False)],
            ),
            "part": (-(-width // 2), lambda vectors: vectors[b][::2]),
        }
        outputs, step = steps[kind]
        self.widths.append(outputs)
        return step

    def loss(self, x: Vector) -> Any:
        vectors = [list(x)]
        for step in self.steps:
            vectors.append(step(vectors))
        first, second = (vectors[place] for place in self.read)
        penalty = sum(self.penalty * w * w for w in self.parameters[::2])
        return (
            sum(v.sin() for v in vectors[-1]) + first[0] * second[-1] + stop_gradient(first[-1]) * second[0] + penalty
        )


@given(seed=st.integers(0, 2**32))
def test_any_network_lifts(seed: int) -> None:
    """In batch after batch, results, gradient and Hessian-vector product are those of the engine."""
    net, rng = RandomNet(seed), np.random.default_rng(seed)
    net.weights()  # so that there is one, read or not
    program: Any = lift(net.loss, net.parameters, target="numpy", check=False)
    for count in (2, 1, 3, 2):
        rows, direction = rng.normal(size=(count, net.widths[0])), rng.normal(size=len(net.parameters))
        results = [net.loss([Value(number) for number in row]) for row in rows]
        value, gradient = program.value_and_grad(rows)
        assert near(program(rows), [result.data for result in results])
        assert near(value, np.mean([result.data for result in results]))
        assert near(gradient, mean_gradient(results, net.parameters))
        assert near(program.hvp(rows, direction), mean_product(results, net.parameters, direction))


@settings(max_examples=5 * settings().max_examples // 2)
@given(seed=st.integers(0, 2**32))
def test_any_network_of_parameters_lifts(seed: int) -> None:
    """A network without arguments has the engine's result, gradient and Hessian-vector product."""
    net, rng = RandomNet(seed), np.random.default_rng(seed)
    read = net.weights(net.widths[0])
    program: Any = lift(lambda: net.loss(read), net.parameters, target="numpy", check=False)
    result, direction = net.loss(read), rng.normal(size=len(net.parameters))
    value, gradient = program.value_and_grad()
    assert near(program(), result.data)
    assert near(value, result.data)
    assert near(gradient, mean_gradient([result], net.parameters))
    assert near(program.hvp(direction), mean_product([result], net.parameters, direction))


def mean_gradient(results: list[Value], parameters: list[Value]) -> Any:
    return np.mean([[slope.data for slope in scalargrad.grad(result, parameters)] for result in results], axis=0)


def mean_product(results: list[Value], parameters: list[Value], direction: Any) -> Any:
    """The mean of the results' Hessians times a vector."""
    return np.mean([[h.data for h in hvp(result, parameters, direction.tolist())] for result in results], axis=0)


def near(actual: Any, expected: Any) -> bool:
    """Whether numbers differ by rounding alone, relative to the largest."""
    return bool(np.abs(np.asarray(actual) - expected).max() <= 1e-10 * (1 + np.abs(expected).max()))


def test_a_small_change_is_not_near() -> None:
    """Negative control: a change in the seventh digit, or a nan, is more than rounding."""
    assert near([1.0, 2.0], [1.0, 2.0])
    assert not near([1.0, 2.0], [1.0, 2.0000001])
    assert not near([1.0, np.nan], [1.0, 2.0])
