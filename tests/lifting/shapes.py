"""More scalar loops, of the shapes that are hard to recognise: windows, edges, tables, tied and transposed weights.

No tests; as `nets.py`, and the same kind of pairs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import reduce
from typing import Any

import autograd.numpy as np

from scalargrad import exp, log_softmax, maximum, minimum, sigmoid, softmax, stop_gradient, tanh
from tests.lifting.nets import BATCH, Net, bias_first, bias_last, flat, numbers, parts, weights


def tied() -> Net:
    """An autoencoder whose decoder is its encoder's matrix, transposed."""
    rng = random.Random(21)
    w, b, c = weights(rng, 3, 5), weights(rng, 3), weights(rng, 5)

    def loss(x: Any) -> Any:
        hidden = [sigmoid(z) for z in bias_first(w, b, x)]
        back = [sum(w[k][i] * hidden[k] for k in range(3)) + c[i] for i in range(5)]
        return sum((o - a) ** 2 for o, a in zip(back, x, strict=True)) / 5

    def arrays(theta: Any, x: Any) -> Any:
        w, b, c = parts(theta, (3, 5), (3,), (5,))
        return np.mean(((1 / (1 + np.exp(-(x @ w.T + b)))) @ w + c - x) ** 2, axis=1)

    return Net("tied", loss, flat([w, b, c]), (numbers(rng, BATCH, 5),), arrays)


def padded() -> Net:
    """Two convolutions of 3×3 on 5×5 pixels, the second of two maps; windows that reach over the edge are smaller."""
    rng = random.Random(22)
    first, second, readout = weights(rng, 2, 3, 3), weights(rng, 2, 3, 3), weights(rng, 25)

    def slide(kernel: Any, image: Any, r: int, c: int) -> Any:
        return sum(
            kernel[i][j] * image[r + i - 1][c + j - 1]
            for i in range(3)
            for j in range(3)
            if 0 <= r + i - 1 < 5 and 0 <= c + j - 1 < 5
        )

    def loss(image: Any, y: Any) -> Any:
        maps = [[[tanh(slide(kernel, image, r, c)) for c in range(5)] for r in range(5)] for kernel in first]
        both = [[slide(second[0], maps[0], r, c) + slide(second[1], maps[1], r, c) for c in range(5)] for r in range(5)]
        return (sum(w * v for w, v in zip(readout, [v for row in both for v in row], strict=True)) - y) ** 2

    def arrays(theta: Any, image: Any, y: Any) -> Any:
        first, second, readout = parts(theta, (2, 3, 3), (2, 3, 3), (25,))

        def slide(kernel: Any, image: Any) -> Any:
            wide = np.pad(image, ((0, 0), (1, 1), (1, 1)), "constant")
            return sum(kernel[i, j] * wide[:, i : i + 5, j : j + 5] for i in range(3) for j in range(3))

        both = sum(slide(second[k], np.tanh(slide(first[k], image))) for k in range(2))
        return (np.reshape(both, (len(image), 25)) @ readout - y) ** 2

    batch = numbers(rng, BATCH, 5, 5), numbers(rng, BATCH)
    return Net("padded", loss, flat([first, second, readout]), batch, arrays)


def causal() -> Net:
    """Two heads of causal attention over four tokens."""
    rng = random.Random(23)
    q, k, v = weights(rng, 2, 2, 3), weights(rng, 2, 2, 3), weights(rng, 2, 2, 3)
    readout = weights(rng, 4)

    def loss(tokens: Any) -> Any:
        total = 0.0
        heads = []
        for head in range(2):
            queries, keys, values = ([bias_last(m[head], [0.0] * 2, t) for t in tokens] for m in (q, k, v))
            seen = []
            for t, query in enumerate(queries):
                shares = softmax([query[0] * key[0] + query[1] * key[1] for key in keys[: t + 1]])
                seen.append([sum(s * value[i] for s, value in zip(shares, values, strict=False)) for i in range(2)])
            heads.append(seen)
        for t in range(4):
            total = total + tanh(sum(r * a for r, a in zip(readout, [*heads[0][t], *heads[1][t]], strict=True)))
        return total

    def arrays(theta: Any, tokens: Any) -> Any:
        q, k, v, readout = parts(theta, (2, 2, 3), (2, 2, 3), (2, 2, 3), (4,))
        hidden = np.where(np.tril(np.ones((4, 4))) > 0, 0.0, -1e9)
        heads = []
        for head in range(2):
            scores = np.einsum("bti,bsi->bts", tokens @ q[head].T, tokens @ k[head].T) + hidden
            shares = np.exp(scores) / np.sum(np.exp(scores), axis=2, keepdims=True)
            heads.append(np.einsum("bts,bsi->bti", shares, tokens @ v[head].T))
        return np.sum(np.tanh(np.concatenate(heads, axis=2) @ readout), axis=1)

    return Net("causal", loss, flat([q, k, v, readout]), (numbers(rng, BATCH, 4, 3),), arrays)


def pooled() -> Net:
    """The largest and the smallest of each window of a filtered sequence."""
    rng = random.Random(24)
    kernel, readout = weights(rng, 3), weights(rng, 8)

    def loss(x: Any) -> Any:
        filtered = [sum(w * x[t + i] for i, w in enumerate(kernel)) for t in range(12)]
        tops = [reduce(maximum, filtered[t : t + 3]) for t in range(0, 12, 3)]
        bottoms = [reduce(minimum, filtered[t : t + 3]) for t in range(0, 12, 3)]
        return sum(r * z for r, z in zip(readout, [*tops, *bottoms], strict=True))

    def arrays(theta: Any, x: Any) -> Any:
        kernel, readout = parts(theta, (3,), (8,))
        filtered = np.reshape(sum(kernel[i] * x[:, i : i + 12] for i in range(3)), (len(x), 4, 3))
        return np.concatenate([np.max(filtered, axis=2), np.min(filtered, axis=2)], axis=1) @ readout

    return Net("pooled", loss, flat([kernel, readout]), (numbers(rng, BATCH, 14),), arrays)


def bilinear() -> Net:
    """x·A·y + x·A·x, with the products of the example's own numbers."""
    rng = random.Random(25)
    a = weights(rng, 4, 4)

    def loss(x: Any, y: Any) -> Any:
        return sum(x[i] * a[i][j] * (y[j] + x[j]) for i in range(4) for j in range(4))

    def arrays(theta: Any, x: Any, y: Any) -> Any:
        return np.einsum("bi,ij,bj->b", x, theta.reshape(4, 4), y + x)

    return Net("bilinear", loss, flat(a), (numbers(rng, BATCH, 4), numbers(rng, BATCH, 4)), arrays)


def tabled() -> Net:
    """Constants that differ from place to place: positions, shares, powers."""
    rng = random.Random(26)
    w = weights(rng, 6)

    def loss(x: Any) -> Any:
        waves = [tanh(w[i] * x[i] + 0.1 * i) * (i + 1) / 7 for i in range(6)]
        return sum(waves) + sum(w[i] ** (i % 3 + 1) * x[0] for i in range(6))

    def arrays(theta: Any, x: Any) -> Any:
        place = np.arange(6)
        waves = np.tanh(theta * x + 0.1 * place) * (place + 1) / 7
        return np.sum(waves, axis=1) + np.sum(theta ** (place % 3 + 1)) * x[:, 0]

    return Net("tabled", loss, w, (numbers(rng, BATCH, 6),), arrays)


def multiplied() -> Net:
    """A product of many factors, each of which depends on the example."""
    rng = random.Random(27)
    w, b = weights(rng, 5), weights(rng, 5)

    def loss(x: Any) -> Any:
        product = 1.0
        for weight, bias, number in zip(w, b, x, strict=True):
            product = product * (2 + sigmoid(weight * number + bias))
        return product

    def arrays(theta: Any, x: Any) -> Any:
        w, b = parts(theta, (5,), (5,))
        return np.prod(2 + 1 / (1 + np.exp(-(x * w + b))), axis=1)

    return Net("multiplied", loss, flat([w, b]), (numbers(rng, BATCH, 5),), arrays)


def radial() -> Net:
    """Distances from the example to centres, through a bell curve."""
    rng = random.Random(28)
    centres, widths, readout = weights(rng, 4, 3), weights(rng, 4), weights(rng, 4)

    def loss(x: Any, y: Any) -> Any:
        bells = [
            exp(-sum((a - c) ** 2 for a, c in zip(x, centre, strict=True)) * (0.1 + width * width))
            for centre, width in zip(centres, widths, strict=True)
        ]
        return (sum(r * h for r, h in zip(readout, bells, strict=True)) - y) ** 2

    def arrays(theta: Any, x: Any, y: Any) -> Any:
        centres, widths, readout = parts(theta, (4, 3), (4,), (4,))
        distances = np.sum((x[:, None] - centres) ** 2, axis=2)
        return (np.exp(-distances * (0.1 + widths * widths)) @ readout - y) ** 2

    batch = numbers(rng, BATCH, 3), numbers(rng, BATCH)
    return Net("radial", loss, flat([centres, widths, readout]), batch, arrays)


def embedded() -> Net:
    """A row of a table, chosen by a distribution over it, then a classifier with a log softmax."""
    rng = random.Random(29)
    table, w, b = weights(rng, 6, 3), weights(rng, 4, 3), weights(rng, 4)

    def loss(word: Any, y: Any) -> Any:
        row = [sum(p * table[k][i] for k, p in enumerate(word)) for i in range(3)]
        shares = log_softmax(bias_first(w, b, row))
        return -sum(p * s for p, s in zip(y, shares, strict=True))

    def arrays(theta: Any, word: Any, y: Any) -> Any:
        table, w, b = parts(theta, (6, 3), (4, 3), (4,))
        scores = word @ table @ w.T + b
        return np.log(np.sum(np.exp(scores), axis=1)) - np.sum(y * scores, axis=1)

    batch = np.eye(6)[[rng.randrange(6) for _ in range(BATCH)]], np.eye(4)[[rng.randrange(4) for _ in range(BATCH)]]
    return Net("embedded", loss, flat([table, w, b]), batch, arrays)


def crossed() -> Net:
    """Every pair of two lists of features, weighted, and the features' own inner product."""
    rng = random.Random(30)
    u, v, pairs = weights(rng, 3, 4), weights(rng, 3, 4), weights(rng, 3, 3)
    zero = [0.0] * 3

    def loss(x: Any) -> Any:
        left, right = ([tanh(z) for z in bias_last(m, zero, x)] for m in (u, v))
        outer = sum(pairs[i][j] * left[i] * right[j] for i in range(3) for j in range(3))
        return outer + sum(a * b for a, b in zip(left, right, strict=True)) ** 2

    def arrays(theta: Any, x: Any) -> Any:
        u, v, pairs = parts(theta, (3, 4), (3, 4), (3, 3))
        left, right = np.tanh(x @ u.T), np.tanh(x @ v.T)
        return np.einsum("bi,ij,bj->b", left, pairs, right) + np.sum(left * right, axis=1) ** 2

    return Net("crossed", loss, flat([u, v, pairs]), (numbers(rng, BATCH, 4),), arrays)


def strided() -> Net:
    """Filters that move by two and look at every second number, over three channels."""
    rng = random.Random(31)
    kernel, bias = weights(rng, 2, 3, 3), weights(rng, 2)

    def loss(channels: Any) -> Any:
        total = 0.0
        for k in range(2):
            for t in range(0, 7, 2):
                fit = bias[k]
                for c in range(3):
                    for i in range(3):
                        fit = fit + channels[c][t + 2 * i] * kernel[k][c][i]
                total = total + sigmoid(fit)
        return total

    def arrays(theta: Any, channels: Any) -> Any:
        kernel, bias = parts(theta, (2, 3, 3), (2,))
        fits = sum(
            kernel[None, :, c, i, None] * channels[:, None, c, 2 * i : 2 * i + 7 : 2]
            for c in range(3)
            for i in range(3)
        )
        return np.sum(1 / (1 + np.exp(-(fits + bias[:, None]))), axis=(1, 2))

    return Net("strided", loss, flat([kernel, bias]), (numbers(rng, BATCH, 3, 11),), arrays)


def lopsided() -> Net:
    """Many neurons that read one input each, and one that reads them all."""
    rng = random.Random(32)
    rows = [weights(rng, 1) for _ in range(10)] + [weights(rng, 40)]

    def loss(x: Any) -> Any:
        return sum(tanh(sum(w * x[3 * k + i] for i, w in enumerate(row)) + 0.1) for k, row in enumerate(rows))

    def arrays(theta: Any, x: Any) -> Any:
        short = np.tanh(x[:, 0:30:3] * theta[:10] + 0.1)
        return np.sum(short, axis=1) + np.tanh(x[:, 30:] @ theta[10:] + 0.1)

    return Net("lopsided", loss, flat(rows), (numbers(rng, BATCH, 70),), arrays)


def squared() -> Net:
    """The trace of a matrix's square and of its product with its transpose, and the sums of its rows and columns."""
    rng = random.Random(33)
    a = weights(rng, 4, 4)

    def loss(x: Any) -> Any:
        pairs = [(i, j) for i in range(4) for j in range(4)]
        square = sum(a[i][j] * a[j][i] for i, j in pairs) + 0.5 * sum(a[i][j] * a[i][j] for i, j in pairs)
        rows = sum(tanh(sum(row)) for row in a)
        columns = sum(tanh(sum(a[i][j] for i in range(4))) for j in range(4))
        return square * x[0] + rows * x[1] - columns

    def arrays(theta: Any, x: Any) -> Any:
        a = theta.reshape(4, 4)
        square = np.sum(a * a.T) + 0.5 * np.sum(a * a)
        rows, columns = np.sum(np.tanh(np.sum(a, axis=1))), np.sum(np.tanh(np.sum(a, axis=0)))
        return square * x[:, 0] + rows * x[:, 1] - columns

    return Net("squared", loss, flat(a), (numbers(rng, BATCH, 2),), arrays)


def staggered() -> Net:
    """Products and maxima of more and more inputs, with and without `stop_gradient`."""
    rng = random.Random(34)
    w = weights(rng, 5)

    def loss(x: Any) -> Any:
        total = 0.0
        for k in range(1, 6):
            top = stop_gradient(reduce(maximum, [w[i] * x[i] for i in range(k)]))
            volume = stop_gradient(reduce(lambda a, b: a * b, [2 + tanh(x[i]) for i in range(k)]))
            total = total + w[k - 1] * top + volume * w[k - 1] ** 2 + reduce(minimum, [w[i] + x[i] for i in range(k)])
        return total

    def arrays(theta: Any, x: Any) -> Any:
        fixed = theta
        while hasattr(fixed, "_value"):
            fixed = fixed._value
        total = 0.0
        for k in range(1, 6):
            top = np.max(fixed[:k] * x[:, :k], axis=1)
            volume = np.prod(2 + np.tanh(x[:, :k]), axis=1)
            total = total + theta[k - 1] * top + volume * theta[k - 1] ** 2 + np.min(theta[:k] + x[:, :k], axis=1)
        return total

    return Net("staggered", loss, w, (numbers(rng, BATCH, 5),), arrays)


def all_shapes() -> Sequence[Net]:
    """One of each."""
    return [
        tied(),
        padded(),
        causal(),
        pooled(),
        bilinear(),
        tabled(),
        multiplied(),
        radial(),
        embedded(),
        crossed(),
        strided(),
        lopsided(),
        squared(),
        staggered(),
    ]
