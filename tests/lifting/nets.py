"""Networks written as scalar loops, each beside the array program that a person would write.

No tests. `loss` is what a user lifts: it sees one example, number by number. `arrays` is the oracle:
numpy code for the whole batch, differentiated by HIPS autograd, which shares no line with the package.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import autograd.numpy as np

from scalargrad import Value, exp, log, logsumexp, maximum, nn, relu, sigmoid, softmax, sqrt, tanh

Losses = Callable[..., Any]
BATCH = 5


@dataclass
class Net:
    """A loss of one example, its parameters, a batch of arguments, and the oracle of theta and the batch."""

    name: str
    loss: Losses
    parameters: list[Value]
    batch: tuple[Any, ...]
    arrays: Losses

    def __repr__(self) -> str:
        return self.name


def weights(rng: random.Random, *shape: int) -> Any:
    """Nested lists of Values of that shape."""
    if not shape:
        return Value(rng.gauss(0, 0.6))
    return [weights(rng, *shape[1:]) for _ in range(shape[0])]


def flat(nested: Any) -> list[Value]:
    """The Values in nested lists, in order."""
    return [value for part in nested for value in flat(part)] if isinstance(nested, list) else [nested]


def numbers(rng: random.Random, *shape: int) -> Any:
    """An array of that shape."""
    count = 1
    for size in shape:
        count *= size
    return np.array([rng.gauss(0, 1) for _ in range(count)]).reshape(shape)


def parts(theta: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The parameter row cut into arrays."""
    cut, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        cut.append(theta[start : start + size].reshape(shape))
        start += size
    assert start == len(theta)
    return cut


# ---------------------------------------------------------------- dense layers, in many spellings


def bias_first(w: Any, b: Any, x: Any) -> list[Any]:
    """Start at the bias and add products."""
    outputs = []
    for row, bias in zip(w, b, strict=True):
        total = bias
        for weight, number in zip(row, x, strict=True):
            total = total + weight * number
        outputs.append(total)
    return outputs


def bias_last(w: Any, b: Any, x: Any) -> list[Any]:
    """Start at zero, and add the bias in the end."""
    return [sum(number * weight for weight, number in zip(row, x, strict=True)) + b[i] for i, row in enumerate(w)]


def backwards(w: Any, b: Any, x: Any) -> list[Any]:
    """Sum from the last product to the first, the bias in the middle, each product in another order."""
    outputs = []
    for row, bias in zip(w, b, strict=True):
        products = [row[i] * x[i] if i % 2 else x[i] * row[i] for i in reversed(range(len(x)))]
        middle = len(products) // 2
        outputs.append(sum(products[middle:], sum(products[:middle], bias)))
    return outputs


def pairwise(w: Any, b: Any, x: Any) -> list[Any]:
    """Sum as a balanced tree."""
    outputs = []
    for row, bias in zip(w, b, strict=True):
        terms = [bias, *(weight * number for weight, number in zip(row, x, strict=True))]
        while len(terms) > 1:
            terms = [sum(terms[i + 1 : i + 2], terms[i]) for i in range(0, len(terms), 2)]
        outputs.append(terms[0])
    return outputs


def column_by_column(w: Any, b: Any, x: Any) -> list[Any]:
    """Each input goes to all neurons before the next one does."""
    outputs = list(b)
    for i, number in enumerate(x):
        for k, row in enumerate(w):
            outputs[k] = outputs[k] + row[i] * number
    return outputs


SPELLINGS = [bias_first, bias_last, backwards, pairwise, column_by_column]


def dense(spelling: Callable[[Any, Any, Any], list[Any]]) -> Net:
    """6 inputs, 5 tanh, 3 outputs, square error."""
    rng = random.Random(1)
    w1, b1, w2, b2 = weights(rng, 5, 6), weights(rng, 5), weights(rng, 3, 5), weights(rng, 3)

    def loss(x: Any, y: Any) -> Any:
        hidden = [tanh(z) for z in spelling(w1, b1, x)]
        return sum((o - t) ** 2 for o, t in zip(spelling(w2, b2, hidden), y, strict=True))

    def arrays(theta: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = parts(theta, (5, 6), (5,), (3, 5), (3,))
        return np.sum((np.tanh(x @ w1.T + b1) @ w2.T + b2 - y) ** 2, axis=1)

    batch = numbers(rng, BATCH, 6), numbers(rng, BATCH, 3)
    return Net(f"dense, {spelling.__name__}", loss, flat([w1, b1, w2, b2]), batch, arrays)


def classifier(activation: str) -> Net:
    """`nn.MLP` with cross-entropy by logsumexp, and L2 over all parameters."""
    rng = random.Random(2)
    model = nn.MLP(4, [7, 6, 3], activation, rng=rng)
    parameters = model.parameters()

    def loss(x: Any, y: Any) -> Any:
        scores = model(x)
        chosen = sum(p * s for p, s in zip(y, scores, strict=True))
        return logsumexp(scores) - chosen + 0.01 * sum(p * p for p in parameters)

    def arrays(theta: Any, x: Any, y: Any) -> Any:
        first, second, third = parts(theta, (7, 5), (6, 8), (3, 7))
        act = {"relu": lambda z: np.maximum(z, 0), "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh}[
            activation
        ]
        hidden = act(x @ first[:, :-1].T + first[:, -1])
        hidden = act(hidden @ second[:, :-1].T + second[:, -1])
        scores = hidden @ third[:, :-1].T + third[:, -1]
        return np.log(np.sum(np.exp(scores), axis=1)) - np.sum(y * scores, axis=1) + 0.01 * np.sum(theta * theta)

    batch = numbers(rng, BATCH, 4), np.eye(3)[[rng.randrange(3) for _ in range(BATCH)]]
    return Net(f"classifier, {activation}", loss, parameters, batch, arrays)


def hinge() -> Net:
    """One output, a label of ±1 for each example, no hidden layer."""
    rng = random.Random(3)
    neuron = nn.Neuron(3, None, rng=rng)

    def loss(x: Any, y: Any) -> Any:
        return relu(1 - y * neuron(x))

    def arrays(theta: Any, x: Any, y: Any) -> Any:
        return np.maximum(1 - y * (x @ theta[:-1] + theta[-1]), 0)

    batch = numbers(rng, BATCH, 3), np.array([1.0, -1.0, -1.0, 1.0, 1.0])
    return Net("hinge", loss, neuron.parameters(), batch, arrays)


# ---------------------------------------------------------------- shared weights, attention, recurrence


def convolution() -> Net:
    """6×6 pixels, two maps of 3×3, a mean over blocks of 2×2, and a dense layer."""
    rng = random.Random(4)
    filters, biases = weights(rng, 2, 3, 3), weights(rng, 2)
    w, b = weights(rng, 3, 8), weights(rng, 3)

    def loss(image: Any, y: Any) -> Any:
        pooled = []
        for kernel, bias in zip(filters, biases, strict=True):
            fmap = [
                [
                    tanh(sum(kernel[i][j] * image[r + i][c + j] for i in range(3) for j in range(3)) + bias)
                    for c in range(4)
                ]
                for r in range(4)
            ]
            for r in (0, 2):
                for c in (0, 2):
                    pooled.append((fmap[r][c] + fmap[r][c + 1] + fmap[r + 1][c] + fmap[r + 1][c + 1]) / 4)
        scores = bias_first(w, b, pooled)
        return logsumexp(scores) - sum(p * s for p, s in zip(y, scores, strict=True))

    def arrays(theta: Any, image: Any, y: Any) -> Any:
        filters, biases, w, b = parts(theta, (2, 3, 3), (2,), (3, 8), (3,))
        maps = sum(
            filters[:, i, j, None, None] * image[:, None, i : i + 4, j : j + 4] for i in range(3) for j in range(3)
        )
        maps = np.tanh(maps + biases[:, None, None])
        pooled = np.mean(np.reshape(maps, (len(image), 2, 2, 2, 2, 2)), axis=(3, 5))
        scores = np.reshape(pooled, (len(image), 8)) @ w.T + b
        return np.log(np.sum(np.exp(scores), axis=1)) - np.sum(y * scores, axis=1)

    batch = numbers(rng, BATCH, 6, 6), np.eye(3)[[rng.randrange(3) for _ in range(BATCH)]]
    return Net("convolution", loss, flat([filters, biases, w, b]), batch, arrays)


def attention() -> Net:
    """Four tokens of three numbers: queries, keys, values, a softmax over the keys, a residual, a readout."""
    rng = random.Random(5)
    q, k, v, readout = weights(rng, 2, 3), weights(rng, 2, 3), weights(rng, 3, 3), weights(rng, 3)
    zero = [0.0] * 3

    def loss(tokens: Any, y: Any) -> Any:
        queries, keys, values = ([bias_last(m, zero, token) for token in tokens] for m in (q, k, v))
        total = 0.0
        for query, token in zip(queries, tokens, strict=True):
            scores = [sum(a * b for a, b in zip(query, key, strict=True)) / 2**0.5 for key in keys]
            shares = softmax(scores)
            mixed = [
                token[i] + sum(share * value[i] for share, value in zip(shares, values, strict=True)) for i in range(3)
            ]
            total = total + sum(r * m for r, m in zip(readout, mixed, strict=True))
        return (total - y) ** 2

    def arrays(theta: Any, tokens: Any, y: Any) -> Any:
        q, k, v, readout = parts(theta, (2, 3), (2, 3), (3, 3), (3,))
        scores = np.einsum("bti,bsi->bts", tokens @ q.T, tokens @ k.T) / 2**0.5
        weights = np.exp(scores) / np.sum(np.exp(scores), axis=2, keepdims=True)
        mixed = tokens + np.einsum("bts,bsi->bti", weights, tokens @ v.T)
        return (np.sum(mixed @ readout, axis=1) - y) ** 2

    return Net("attention", loss, flat([q, k, v, readout]), (numbers(rng, BATCH, 4, 3), numbers(rng, BATCH)), arrays)


def recurrent() -> Net:
    """A state of four numbers, carried over six steps of a sequence of pairs."""
    rng = random.Random(6)
    w, u, b, out = weights(rng, 4, 2), weights(rng, 4, 4), weights(rng, 4), weights(rng, 4)

    def loss(sequence: Any, y: Any) -> Any:
        state: list[Any] = [0.0] * 4
        for x in sequence:
            state = [tanh(a + c) for a, c in zip(bias_first(w, b, x), bias_last(u, [0.0] * 4, state), strict=True)]
        return (sum(o * s for o, s in zip(out, state, strict=True)) - y) ** 2

    def arrays(theta: Any, sequence: Any, y: Any) -> Any:
        w, u, b, out = parts(theta, (4, 2), (4, 4), (4,), (4,))
        state = np.zeros((len(sequence), 4))
        for t in range(6):
            state = np.tanh(sequence[:, t] @ w.T + b + state @ u.T)
        return (state @ out - y) ** 2

    return Net("recurrent", loss, flat([w, u, b, out]), (numbers(rng, BATCH, 6, 2), numbers(rng, BATCH)), arrays)


def gated() -> Net:
    """A gated unit over four steps: products of two things that depend on the example."""
    rng = random.Random(7)
    gates, candidates = weights(rng, 3, 4), weights(rng, 3, 4)

    def loss(sequence: Any) -> Any:
        state: list[Any] = [0.1, -0.2, 0.3]
        for x in sequence:
            z = [sigmoid(a) for a in bias_last(gates, [0.5] * 3, [x, *state])]
            h = [tanh(a) for a in bias_last(candidates, [0.0] * 3, [x, *state])]
            state = [(1 - a) * s + a * c for a, s, c in zip(z, state, h, strict=True)]
        return state[0] * state[1] + state[2]

    def arrays(theta: Any, sequence: Any) -> Any:
        gates, candidates = parts(theta, (3, 4), (3, 4))
        state = np.ones((len(sequence), 1)) * np.array([0.1, -0.2, 0.3])
        for t in range(4):
            joined = np.hstack([sequence[:, t : t + 1], state])
            z = 1 / (1 + np.exp(-(joined @ gates.T + 0.5)))
            state = (1 - z) * state + z * np.tanh(joined @ candidates.T)
        return state[:, 0] * state[:, 1] + state[:, 2]

    return Net("gated", loss, flat([gates, candidates]), (numbers(rng, BATCH, 4),), arrays)


def normalised() -> Net:
    """A layer whose outputs are shifted and scaled by their own mean and deviation."""
    rng = random.Random(8)
    w, b, gain, shift = weights(rng, 5, 4), weights(rng, 5), weights(rng, 5), weights(rng, 5)

    def loss(x: Any, y: Any) -> Any:
        z = bias_first(w, b, x)
        mean = sum(z) / 5
        deviation = sqrt(sum((a - mean) ** 2 for a in z) / 5 + 1e-3)
        outputs = [g * (a - mean) / deviation + s for g, a, s in zip(gain, z, shift, strict=True)]
        return sum((o - y) ** 2 for o in outputs)

    def arrays(theta: Any, x: Any, y: Any) -> Any:
        w, b, gain, shift = parts(theta, (5, 4), (5,), (5,), (5,))
        z = x @ w.T + b
        centred = z - np.mean(z, axis=1, keepdims=True)
        outputs = gain * centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-3) + shift
        return np.sum((outputs - y[:, None]) ** 2, axis=1)

    return Net("normalised", loss, flat([w, b, gain, shift]), (numbers(rng, BATCH, 4), numbers(rng, BATCH)), arrays)


# ---------------------------------------------------------------- without a pattern


def ragged() -> Net:
    """Neurons that read one, two, three, … inputs each, through different functions."""
    rng = random.Random(9)
    rows = [weights(rng, n) for n in range(1, 7)]
    functions: list[Losses] = [tanh, sigmoid, exp, tanh, relu, lambda z: log(z * z + 1)]

    def loss(x: Any) -> Any:
        outputs = [f(sum(w * a for w, a in zip(row, x, strict=False))) for f, row in zip(functions, rows, strict=True)]
        return outputs[0] * outputs[1] - outputs[2] / (1 + outputs[3] ** 2) + maximum(outputs[4], outputs[5])

    def arrays(theta: Any, x: Any) -> Any:
        rows = parts(theta, *[(n,) for n in range(1, 7)])
        z = [x[:, : len(row)] @ row for row in rows]
        a, b, c, d = np.tanh(z[0]), 1 / (1 + np.exp(-z[1])), np.exp(z[2]), np.tanh(z[3])
        return a * b - c / (1 + d**2) + np.maximum(np.maximum(z[4], 0), np.log(z[5] ** 2 + 1))

    return Net("ragged", loss, flat(rows), (numbers(rng, BATCH, 6),), arrays)


def scattered() -> Net:
    """Weights used in scattered places, some twice, some squared, some by no input, one not at all."""
    rng = random.Random(10)
    w = weights(rng, 12)

    def loss(x: Any, y: Any) -> Any:
        first = w[3] * x[2] + w[7] * x[0] + w[1] * x[3]
        second = w[7] * x[1] + w[2] * x[2] - w[9] * x[0]
        third = w[0] * w[7] * x[1] * x[2] + w[4] ** 2
        return (first * second - third * y) ** 2 + w[5] * w[6] + w[8] + 0.5 * w[10] * first

    def arrays(theta: Any, x: Any, y: Any) -> Any:
        w = theta
        first = w[3] * x[:, 2] + w[7] * x[:, 0] + w[1] * x[:, 3]
        second = w[7] * x[:, 1] + w[2] * x[:, 2] - w[9] * x[:, 0]
        third = w[0] * w[7] * x[:, 1] * x[:, 2] + w[4] ** 2
        return (first * second - third * y) ** 2 + w[5] * w[6] + w[8] + 0.5 * w[10] * first

    return Net("scattered", loss, w, (numbers(rng, BATCH, 4), numbers(rng, BATCH)), arrays)


def constant_in_the_example() -> Net:
    """A loss of parameters alone, which no example changes."""
    rng = random.Random(11)
    w = weights(rng, 6)

    def loss(x: Any) -> Any:  # noqa: ARG001  # an example it has, and does not look at
        return sum(a * b for a, b in zip(w[:3], w[3:], strict=True)) + tanh(w[0])

    def arrays(theta: Any, x: Any) -> Any:
        return np.ones(len(x)) * (np.sum(theta[:3] * theta[3:]) + np.tanh(theta[0]))

    return Net("constant in the example", loss, w, (numbers(rng, BATCH, 2),), arrays)


def linear_in_the_example() -> Net:
    """A weighted sum, as it is."""
    rng = random.Random(12)
    w = weights(rng, 4)

    def loss(x: Any) -> Any:
        return sum(a * b for a, b in zip(w, x, strict=True))

    def arrays(theta: Any, x: Any) -> Any:
        return x @ theta

    return Net("linear in the example", loss, w, (numbers(rng, BATCH, 4),), arrays)


def all_nets() -> Sequence[Net]:
    """One of each."""
    return [
        *map(dense, SPELLINGS),
        *map(classifier, ("relu", "sigmoid", "tanh")),
        hinge(),
        convolution(),
        attention(),
        recurrent(),
        gated(),
        normalised(),
        ragged(),
        scattered(),
        constant_in_the_example(),
        linear_in_the_example(),
    ]


def relative(actual: Any, expected: Any) -> float:
    """The largest difference of two arrays, relative to the largest number of the second."""
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape
    return (
        float(np.max(np.abs(actual - expected)) / max(float(np.max(np.abs(expected))), 1e-300)) if actual.size else 0.0
    )
