"""Recurrences as people write them in scalar code, in which the same is done again and again.

No tests. Each function makes a function of one example, its parameters, and a batch of arguments, for so many steps.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scalargrad import Value, functional, log, logsumexp, relu, sigmoid, stop_gradient, take, tanh

Made = tuple[Callable[..., Any], list[Value], tuple[Any, ...]]
BATCH = 2


def _mat(rng: random.Random, *shape: int) -> Any:
    if not shape:
        return Value(rng.gauss(0, 0.5))
    return [_mat(rng, *shape[1:]) for _ in range(shape[0])]


def _flat(nested: Any) -> list[Value]:
    return [value for part in nested for value in _flat(part)] if isinstance(nested, list | tuple) else [nested]


def _numbers(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=(BATCH, *shape))


def _dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _affine(weights: Any, b: Any, x: Any) -> list[Any]:
    return [_dot(row, x) + bias for row, bias in zip(weights, b, strict=True)]


def rnn(steps: int, inputs: int = 3, units: int = 4) -> Made:
    """A recurrent layer that begins with a state that is given; the loss is that of the last step."""
    rng = random.Random(0)
    w, u, b = _mat(rng, units, inputs), _mat(rng, units, units), _mat(rng, units)

    def loss(x: Any, h: Any) -> Any:
        for t in range(steps):
            h = [tanh(_dot(w[i], x[t]) + _dot(u[i], h) + b[i]) for i in range(units)]
        return _dot(h, h)

    return loss, _flat([w, u, b]), (_numbers(steps, inputs), _numbers(units))


def rnn_from_zero(steps: int, inputs: int = 3, units: int = 4) -> Made:
    """A recurrent layer that begins with zeros, with a loss at each step."""
    rng = random.Random(0)
    w, u, b, v = _mat(rng, units, inputs), _mat(rng, units, units), _mat(rng, units), _mat(rng, units)

    def loss(x: Any, y: Any) -> Any:
        h: Any = [0.0] * units
        total: Any = 0.0
        for t in range(steps):
            h = [tanh(_dot(w[i], x[t]) + _dot(u[i], h) + b[i]) for i in range(units)]
            total = total + (_dot(v, h) - y[t]) ** 2
        return total / steps

    return loss, _flat([w, u, b, v]), (_numbers(steps, inputs), _numbers(steps))


def lstm(steps: int, inputs: int = 3, units: int = 4) -> Made:
    """A long short-term memory, with two states."""
    rng = random.Random(0)
    gates = [(_mat(rng, units, inputs + units), _mat(rng, units)) for _ in range(4)]

    def loss(x: Any) -> Any:
        h: Any = [0.0] * units
        c: Any = [0.0] * units
        for t in range(steps):
            i, f, o, n = (_affine(w, b, [*x[t], *h]) for w, b in gates)
            c = [sigmoid(f[k]) * c[k] + sigmoid(i[k]) * tanh(n[k]) for k in range(units)]
            h = [sigmoid(o[k]) * tanh(c[k]) for k in range(units)]
        return _dot(h, h)

    return loss, _flat(gates), (_numbers(steps, inputs),)


def gru(steps: int, inputs: int = 3, units: int = 4) -> Made:
    """A gated recurrent unit."""
    rng = random.Random(0)
    gates = [(_mat(rng, units, inputs + units), _mat(rng, units)) for _ in range(3)]

    def loss(x: Any) -> Any:
        h: Any = [0.0] * units
        for t in range(steps):
            z, r = ([sigmoid(a) for a in _affine(w, b, [*x[t], *h])] for w, b in gates[:2])
            n = [tanh(a) for a in _affine(*gates[2], [*x[t], *(a * b for a, b in zip(r, h, strict=True))])]
            h = [(1 - z[k]) * n[k] + z[k] * h[k] for k in range(units)]
        return _dot(h, h)

    return loss, _flat(gates), (_numbers(steps, inputs),)


def two_directions(steps: int, inputs: int = 2, units: int = 3) -> Made:
    """Recurrent layers in both directions, and a loss at each step."""
    rng = random.Random(0)
    layers = [(_mat(rng, units, inputs + units), _mat(rng, units)) for _ in range(2)]
    v = _mat(rng, 2 * units)

    def run(layer: tuple[Any, Any], xs: Any) -> list[Any]:
        h: Any = [0.0] * units
        states = []
        for x in xs:
            h = [tanh(a) for a in _affine(*layer, [*x, *h])]
            states.append(h)
        return states

    def loss(x: Any, y: Any) -> Any:
        there, back = run(layers[0], x), run(layers[1], x[::-1])[::-1]
        return sum((_dot(v, [*there[t], *back[t]]) - y[t]) ** 2 for t in range(steps))

    return loss, _flat([layers, v]), (_numbers(steps, inputs), _numbers(steps))


def stacked(steps: int, units: int = 3) -> Made:
    """Three recurrent layers on each other."""
    rng = random.Random(0)
    layers = [(_mat(rng, units, 2 * units), _mat(rng, units)) for _ in range(3)]

    def loss(x: Any, y: Any) -> Any:
        states: Any = [[0.0] * units] * len(layers)
        total: Any = 0.0
        for t in range(steps):
            below = x[t]
            new = []
            for layer, h in zip(layers, states, strict=True):
                below = [tanh(a) for a in _affine(*layer, [*below, *h])]
                new.append(below)
            states = new
            total = total + (states[-1][0] - y[t]) ** 2
        return total

    return loss, _flat(layers), (_numbers(steps, units), _numbers(steps))


def residual(steps: int, units: int = 5) -> Made:
    """So many equal layers, each with weights of its own."""
    rng = random.Random(0)
    layers = [(_mat(rng, units, units), _mat(rng, units), _mat(rng, units, units)) for _ in range(steps)]

    def loss(x: Any) -> Any:
        h = list(x)
        for w, b, out in layers:
            inner = [relu(a) for a in _affine(w, b, h)]
            h = [a + _dot(row, inner) for a, row in zip(h, out, strict=True)]
        return _dot(h, h)

    return loss, _flat(layers), (_numbers(units),)


def runge_kutta(steps: int) -> Made:
    """The predator and the prey, by the method of Runge and Kutta."""
    a, b = Value(0.8), Value(0.3)

    def slope(y: Any) -> list[Any]:
        return [a * y[0] - b * y[0] * y[1], b * y[0] * y[1] - a * y[1]]

    def loss(start: Any) -> Any:
        y, h = start, 0.05
        for _ in range(steps):
            k1 = slope(y)
            k2 = slope([u + h / 2 * k for u, k in zip(y, k1, strict=True)])
            k3 = slope([u + h / 2 * k for u, k in zip(y, k2, strict=True)])
            k4 = slope([u + h * k for u, k in zip(y, k3, strict=True)])
            y = [u + h / 6 * (p + 2 * q + 2 * r + s) for u, p, q, r, s in zip(y, k1, k2, k3, k4, strict=True)]
        return y[0] * y[0] + y[1]

    return loss, [a, b], (1 + 0.3 * _numbers(2),)


def leapfrog(steps: int) -> Made:
    """A point in a potential: its place and its speed, each changed after the other."""
    w = [Value(0.3), Value(0.7)]

    def force(q: Any) -> list[Any]:
        return [-(w[0] * u + w[1] * u * u * u) for u in q]

    def loss(q: Any, v: Any) -> Any:
        f = force(q)
        for _ in range(steps):
            v = [a + 0.05 * b for a, b in zip(v, f, strict=True)]
            q = [a + 0.1 * b for a, b in zip(q, v, strict=True)]
            f = force(q)
            v = [a + 0.05 * b for a, b in zip(v, f, strict=True)]
        return _dot(q, q) + _dot(v, v)

    return loss, w, (_numbers(2) * 0.3, _numbers(2) * 0.3)


def kalman(steps: int) -> Made:
    """A Kalman filter of a place and a speed, and how unlikely the measurements are."""
    q, r = Value(0.1), Value(0.2)

    def loss(z: Any) -> Any:
        x: Any = [0.0, 0.0]
        spread: Any = [[1.0, 0.0], [0.0, 1.0]]
        dt, total = 0.1, Value(0.0)
        for t in range(steps):
            x = [x[0] + dt * x[1], x[1]]
            spread = [
                [
                    spread[0][0] + dt * (spread[1][0] + spread[0][1]) + dt * dt * spread[1][1] + q * dt**3 / 3,
                    spread[0][1] + dt * spread[1][1],
                ],
                [spread[1][0] + dt * spread[1][1], spread[1][1] + q * dt],
            ]
            noise, e = spread[0][0] + r, z[t] - x[0]
            gain = [spread[0][0] / noise, spread[1][0] / noise]
            total = total + 0.5 * (e * e / noise + log(noise))
            x = [x[0] + gain[0] * e, x[1] + gain[1] * e]
            spread = [
                [(1 - gain[i]) * spread[0][j] if i == 0 else spread[1][j] - gain[1] * spread[0][j] for j in range(2)]
                for i in range(2)
            ]
        return total / steps

    return loss, [q, r], (_numbers(steps),)


def driven(steps: int) -> Made:
    """A single number that constants drive, another one at each step."""
    w, b = Value(0.5), Value(0.3)

    def loss(x: Any) -> Any:
        for t in range(steps):
            x = x + 0.1 * (tanh(w * x) + b * math.sin(0.3 * t + 0.1))
        return x * x

    return loss, [w, b], (_numbers(),)


def two_back(steps: int) -> Made:
    """A single number that depends on the two before it, with a loss at each step."""
    a, b, k = Value(0.5), Value(0.3), Value(0.2)

    def loss(x: Any) -> Any:
        u, v = k * 1.5, k * 2.0
        total: Any = 0.0
        for t in range(steps):
            u, v = v, tanh(a * v + b * u + x[t])
            total = total + v * v
        return total

    return loss, [a, b, k], (_numbers(steps),)


def four_back(steps: int) -> Made:
    """A single number that depends on the four before it."""
    w = [Value(0.5), Value(0.3), Value(-0.2), Value(0.1)]

    def last(x: Any, start: Any) -> Any:
        states = list(start)
        for t in range(steps):
            states = [tanh(_dot(w, states) + x[t]), *states[:3]]
        return states[0]

    return last, w, (_numbers(steps), _numbers(4))


def average(steps: int) -> Made:
    """An exponential moving average, returned at each step."""
    a = Value(0.3)

    def means(x: Any) -> list[Any]:
        m = x[0]
        every = []
        for t in range(1, steps):
            m = a * m + (1 - a) * x[t]
            every.append(m)
        return every

    return means, [a], (_numbers(steps),)


def newton(steps: int) -> Made:
    """The square root by Newton's iteration, from a number that is given."""
    a = Value(0.7)

    def root(x: Any, s: Any) -> Any:
        for _ in range(steps):
            s = s - (s * s - a * x * x) / (2 * s)
        return s

    return root, [a], (1 + abs(_numbers()), 2 + abs(_numbers()))


def horner(steps: int) -> Made:
    """A polynomial by Horner's rule, whose coefficients are the parameters."""
    coefficients = [Value(0.3 * math.cos(k)) for k in range(steps)]

    def polynomial(x: Any) -> Any:
        total = coefficients[0]
        for c in coefficients[1:]:
            total = total * x + c
        return total * total

    return polynomial, coefficients, (0.5 * _numbers(),)


def hidden_markov(steps: int, states: int = 3) -> Made:
    """The forward algorithm of a hidden Markov model, in logarithms."""
    rng = random.Random(0)
    moves, mu, start = _mat(rng, states, states), _mat(rng, states), _mat(rng, states)

    def loss(x: Any) -> Any:
        alpha = [start[k] - (x[0] - mu[k]) ** 2 for k in range(states)]
        for t in range(1, steps):
            alpha = [
                logsumexp([alpha[j] + moves[j][k] for j in range(states)]) - (x[t] - mu[k]) ** 2 for k in range(states)
            ]
        return -logsumexp(alpha)

    return loss, _flat([moves, mu, start]), (_numbers(steps),)


def learning(steps: int, epochs: int = 4, size: int = 3) -> Made:
    """Gradient descent on a few examples, written out: so many steps in each epoch."""
    rng = random.Random(0)
    rate, start = Value(0.05), _mat(rng, size)

    def loss(rows: Any, y: Any) -> Any:
        w = list(start)
        for _ in range(epochs):
            for _ in range(steps):
                errors = [_dot(w, row) - target for row, target in zip(rows, y, strict=True)]
                w = [w[d] - rate * _dot(errors, [row[d] for row in rows]) for d in range(size)]
            w = [tanh(a) for a in w]
        return sum((_dot(w, row) - target) ** 2 for row, target in zip(rows, y, strict=True))

    return loss, [rate, *start], (_numbers(4, size), _numbers(4))


def alternating(steps: int, units: int = 4) -> Made:
    """Two layers that take turns."""
    rng = random.Random(0)
    layers = [(_mat(rng, units, units), _mat(rng, units)) for _ in range(2)]

    def loss(x: Any) -> Any:
        h = list(x)
        for t in range(2 * steps):
            h = [tanh(a) if t % 2 else sigmoid(a) for a in _affine(*layers[t % 2], h)]
        return _dot(h, h)

    return loss, _flat(layers), (_numbers(units),)


def letters(steps: int, alphabet: int = 5, units: int = 3) -> Made:
    """A recurrent layer that reads letters and guesses the next one."""
    rng = random.Random(0)
    table, (w, b), (v, c) = (
        _mat(rng, alphabet, units),
        (_mat(rng, units, 2 * units), _mat(rng, units)),
        (_mat(rng, alphabet, units), _mat(rng, alphabet)),
    )

    def loss(text: Any) -> Any:
        h: Any = [0.0] * units
        total: Any = 0.0
        for t in range(steps):
            h = [tanh(a) for a in _affine(w, b, [*take(table, text[t]), *h])]
            total = total + functional.cross_entropy(_affine(v, c, h), text[t + 1])
        return total / steps

    texts = np.random.default_rng(0).integers(0, alphabet, size=(BATCH, steps + 1))
    return loss, _flat([table, w, b, v, c]), (texts,)


def first_read_alone(steps: int, units: int = 3) -> Made:
    """A layer driven by constants, in which all units read the first one."""
    rng = random.Random(0)
    w, v = _mat(rng, units), _mat(rng, units)
    drive = [[0.1 * rng.gauss(0, 1) for _ in range(units)] for _ in range(steps)]

    def loss(h: Any) -> Any:
        for t in range(steps):
            h = [tanh(w[i] * h[i] + v[i] * h[0] + drive[t][i]) for i in range(units)]
        return _dot(h, h)

    return loss, _flat([w, v]), (_numbers(units),)


def two_beginnings(steps: int) -> Made:
    """A number that is read twice, and begins as another one for each."""
    w, v = Value(0.5), Value(-0.3)

    def loss(x: Any, a: Any, b: Any) -> Any:
        for t in range(steps):
            a = b = tanh(w * a + v * b + x[t])
        return a * b

    return loss, [w, v], (_numbers(steps), _numbers(), _numbers() + 1)


def two_lists(steps: int, units: int = 3) -> Made:
    """A layer in which all units read the first one of another list, which is the same list after the first step."""
    rng = random.Random(0)
    w, v = _mat(rng, units), _mat(rng, units)

    def loss(x: Any) -> Any:
        a, b = [tanh(one) for one in x], [sigmoid(one) for one in x]
        for _ in range(steps):
            a = b = [tanh(w[i] * a[i] + v[i] * b[0]) for i in range(units)]
        return _dot(a, b)

    return loss, _flat([w, v]), (_numbers(units),)


def first_half(steps: int, units: int = 3) -> Made:
    """A list of which only the first half is read in the next step, and which begins as an argument."""
    rng = random.Random(0)
    v, (w, b) = _mat(rng, units), (_mat(rng, 2 * units, units), _mat(rng, 2 * units))

    def loss(x: Any, h: Any) -> Any:
        for t in range(steps):
            read = [a * tanh(one) for a, one in zip(v, h, strict=False)]
            h = [sigmoid(one + x[t]) for one in _affine(w, b, read)]
        return _dot(h, h)

    return loss, _flat([v, w, b]), (_numbers(steps), _numbers(units))


def substeps(steps: int, inner: int = 10, units: int = 3) -> Made:
    """So many smaller steps in each step of time, which ends with what is given at that time."""
    rng = random.Random(0)
    w, b, v = _mat(rng, units, units), _mat(rng, units), _mat(rng, units)

    def loss(h: Any, x: Any) -> Any:
        for t in range(steps):
            for _ in range(inner):
                h = [a + 0.1 * tanh(z) for a, z in zip(h, _affine(w, b, h), strict=True)]
            h = [sigmoid(a + k * x[t]) for a, k in zip(h, v, strict=True)]
        return _dot(h, h)

    return loss, _flat([w, b, v]), (_numbers(units), _numbers(steps))


def blocks(steps: int, inner: int = 10, units: int = 3) -> Made:
    """So many blocks of equal layers, each layer with weights of its own."""
    rng = random.Random(0)
    layers = [[(_mat(rng, units, units), _mat(rng, units)) for _ in range(inner)] for _ in range(steps // 4)]

    def loss(h: Any) -> Any:
        for block in layers:
            for w, b in block:
                h = [a + tanh(z) for a, z in zip(h, _affine(w, b, h), strict=True)]
            h = [sigmoid(a) for a in h]
        return _dot(h, h)

    return loss, _flat(layers), (_numbers(units),)


def cut_off(steps: int) -> Made:
    """A number through whose steps no gradient passes, with a loss at each step."""
    w = Value(0.5)

    def loss(x: Any, h: Any) -> Any:
        total: Any = 0.0
        for t in range(steps):
            h = stop_gradient(tanh(w * h + x[t]))
            total = total + w * h * h
        return total

    return loss, [w], (_numbers(steps), _numbers())


SPELLINGS: dict[str, Callable[[list[Any]], Any]] = {  # of the same loss, from its terms
    "half of each term": lambda terms: sum(term / 2 for term in terms) / len(terms),
    "half of the mean": lambda terms: sum(terms) / (2 * len(terms)),
    "half of the sum": lambda terms: 0.5 * sum(terms),
    "all terms alike": lambda terms: 0.5 * sum(part * part for term in terms for part in (term, term + 1)),
}


def surprise(steps: int, spelling: str) -> Made:
    """A Kalman filter of a place that drifts; how surprising the measurements are is spelled in some way."""
    drift, noise = Value(0.1), Value(0.5)

    def loss(measured: Any, place: Any, spread: Any) -> Any:
        terms = []
        for z in measured:
            spread = spread + drift
            error, doubt = z - place, spread + noise
            gain = spread / doubt
            terms.append(error * error / doubt + log(doubt))
            place, spread = place + gain * error, spread - gain * spread
        return SPELLINGS[spelling](terms)

    return loss, [drift, noise], (_numbers(steps), np.zeros(BATCH), np.ones(BATCH))


def half_of_the_sum(steps: int) -> Made:
    """What a sum of terms of two kinds is read from in turn."""
    return surprise(steps, "half of the sum")


def all_terms_alike(steps: int) -> Made:
    """What a sum of terms of one kind is read from, first of all steps, and then of all again."""
    return surprise(steps, "all terms alike")


RECURRENCES: list[Callable[[int], Made]] = [
    rnn,
    rnn_from_zero,
    lstm,
    gru,
    two_directions,
    stacked,
    residual,
    runge_kutta,
    leapfrog,
    kalman,
    driven,
    two_back,
    four_back,
    average,
    newton,
    horner,
    hidden_markov,
    learning,
    alternating,
    letters,
    first_read_alone,
    two_beginnings,
    two_lists,
    first_half,
    substeps,
    blocks,
    cut_off,
    half_of_the_sum,
    all_terms_alike,
]
