"""What lifted programs can do beside a training step: derivatives of many kinds, many results, first calls.

Every row has its peers in the same run: numpy written by hand, PyTorch where it is installed, the engine on Values.
They take turns, and before they are timed their numbers are compared. One thread is used by all.
"""

from __future__ import annotations

import importlib
import math
import pickle
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from typing import Any, NamedTuple
from unittest import mock

from rich.console import Console
from rich.table import Table

from benchmarks import first_calls, growing_lists
from benchmarks.lift import duration
from scalargrad import Value, cross_entropy, erf, erfc, exp, gelu, grad, lift, log, nn, no_gc, sigmoid, take, tanh
from scalargrad.lifting.loops.splitting import Limits
from scalargrad.lifting.to_numpy.target import NumpyTarget

np: Any = importlib.import_module("numpy")
TOLERANCE = 1e-9
SLOW = 0.5  # seconds
Action = Callable[[], Any]


class Case(NamedTuple):
    """One row: the same numbers computed in several ways, the first of which is the lifted program."""

    name: str
    ways: dict[str, Action]


def numbers(result: Any) -> Any:
    """The numbers of a result of any library, in a row."""
    if isinstance(result, tuple | list):
        return np.concatenate([numbers(part) for part in result]) if result else np.zeros(0)
    if hasattr(result, "detach"):
        result = result.detach().numpy()
    return np.ravel(np.asarray(result.data if isinstance(result, Value) else result, dtype=float))


def disagreement(case: Case) -> str | None:
    """Which way gives other numbers than the lifted program; None if all give the same."""
    results = {name: numbers(way()) for name, way in case.ways.items()}
    (first, own), *others = results.items()
    for name, other in others:
        if own.shape != other.shape or not np.allclose(own, other, rtol=TOLERANCE, atol=TOLERANCE * np.abs(own).max()):
            return f"{case.name}: {name} and {first} differ"
    return None


# ---------------------------------------------------------------- the rows


def _rng() -> Any:
    return np.random.default_rng(0)


def scalar_lstm(size: int, start: Any) -> tuple[Callable[..., Any], list[Value]]:
    """The loss of one sequence in an LSTM of so many numbers, written number by number, and its weights."""
    gates = [[[Value(float(x)) for x in row] for row in gate] for gate in start]

    def loss(xs: Any, y: Any) -> Any:
        h: list[Any] = [0.0] * size
        c: list[Any] = [0.0] * size
        for x in xs:
            inputs = [*x, *h]
            sums = [
                [sum((w * a for w, a in zip(row, inputs, strict=False)), row[-1]) for row in gate] for gate in gates
            ]
            i, f, o = [[sigmoid(z) for z in gate] for gate in sums[:3]]
            c = [a * b + u * tanh(v) for a, b, u, v in zip(f, c, i, sums[3], strict=True)]
            h = [a * tanh(b) for a, b in zip(o, c, strict=True)]
        return sum((a - y) ** 2 for a in h)

    return loss, [w for gate in gates for row in gate for w in row]


def lstm(size: int = 32, steps: int = 20, count: int = 64) -> Case:
    """One gradient of an LSTM, whose sigmoids are half of its time."""
    rng = _rng()
    start = rng.normal(size=(4, size, 2 * size + 1)) / size**0.5
    loss, parameters = scalar_lstm(size, start)
    xs, ys = rng.normal(size=(count, steps, size)), rng.normal(size=count)
    program = lift(loss, parameters, check=False)
    theta = program.pack()
    ways: dict[str, Action] = {"lifted": lambda: program.value_and_grad(xs, ys, at=theta)}
    if find_spec("torch"):
        torch: Any = importlib.import_module("torch")
        weights = torch.tensor(start.reshape(4 * size, -1), requires_grad=True)
        inputs, targets = torch.tensor(xs), torch.tensor(ys)

        def by_torch() -> Any:
            h = c = torch.zeros(count, size, dtype=torch.float64)
            for t in range(steps):
                sums = torch.hstack([inputs[:, t], h, torch.ones(count, 1, dtype=torch.float64)]) @ weights.T
                i, f, o, u = sums.chunk(4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
                h = torch.sigmoid(o) * torch.tanh(c)
            value = ((h - targets[:, None]) ** 2).sum(dim=1).mean()
            return value.item(), torch.autograd.grad(value, weights)[0]

        ways["PyTorch"] = by_torch
    return Case(f"LSTM, {size} wide, {steps} steps, batch {count}: value and gradient", ways)


def loops(kind: str = "RNN", steps: int = 50, count: int = 32, size: int = 16) -> Case:
    """One gradient of a recurrent layer: with work outside of its loops up to a limit, or with all of it in them."""
    rng = _rng()
    start = rng.normal(size=(4 if kind == "LSTM" else 1, size, 2 * size + 1)) / size**0.5
    loss, parameters = scalar_lstm(size, start) if kind == "LSTM" else _scalar_rnn(start[0])
    xs, ys = rng.normal(size=(count, steps, size)), rng.normal(size=count)
    program, whole = (lift(loss, parameters, check=False) for _ in range(2))
    with mock.patch.object(NumpyTarget, "limits", Limits(0, 0)):
        whole.value_and_grad(xs, ys)
    theta = program.pack()
    ways: dict[str, Action] = {
        "lifted": lambda: program.value_and_grad(xs, ys, at=theta),
        "all in the loops": lambda: whole.value_and_grad(xs, ys, at=theta),
    }
    if find_spec("torch"):
        torch: Any = importlib.import_module("torch")
        weights = torch.tensor(start.reshape(-1, 2 * size + 1), requires_grad=True)
        inputs, targets = torch.tensor(xs), torch.tensor(ys)

        def by_torch() -> Any:
            h = c = torch.zeros(count, size, dtype=torch.float64)
            outside = inputs @ weights[:, :size].T + weights[:, -1]
            for t in range(steps):
                sums = outside[:, t] + h @ weights[:, size:-1].T
                if kind == "LSTM":
                    i, f, o, u = sums.chunk(4, dim=1)
                    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
                    h = torch.sigmoid(o) * torch.tanh(c)
                else:
                    h = torch.tanh(sums)
            value = ((h - targets[:, None]) ** 2).sum(dim=1).mean()
            return value.item(), torch.autograd.grad(value, weights)[0]

        ways["PyTorch"] = by_torch
    return Case(f"{kind}, {size} wide, {steps} steps, batch {count}: value and gradient", ways)


def _scalar_rnn(start: Any) -> tuple[Callable[..., Any], list[Value]]:
    """The loss of one sequence in a recurrent layer, written number by number, and its weights."""
    weights = [[Value(float(x)) for x in row] for row in start]

    def loss(xs: Any, y: Any) -> Any:
        h: list[Any] = [0.0] * len(weights)
        for x in xs:
            inputs = [*x, *h]
            h = [tanh(sum((w * a for w, a in zip(row, inputs, strict=False)), row[-1])) for row in weights]
        return sum((a - y) ** 2 for a in h)

    return loss, [w for row in weights for w in row]


def kalman(steps: int = 200, count: int = 64) -> Case:
    """One gradient of a Kalman filter, whose steps are a loop in the program."""
    drift, noise = Value(0.1), Value(0.5)

    def loss(measured: Any) -> Any:
        place: Any = measured[0]
        spread: Any = noise * 1.0
        total: Any = 0.0
        for z in measured[1:]:
            spread = spread + drift
            error, doubt = z - place, spread + noise
            gain = spread / doubt
            total = total + error * error / doubt + log(doubt)
            place, spread = place + gain * error, spread - gain * spread
        return total

    zs = np.cumsum(_rng().normal(size=(count, steps)), axis=1)
    program = lift(loss, [drift, noise], check=False)
    theta = program.pack()
    ways: dict[str, Action] = {
        "lifted": lambda: program.value_and_grad(zs, at=theta),
        "by hand": lambda: _kalman_by_hand(zs, *theta),
    }
    return Case(f"Kalman filter, {steps} steps, batch {count}: value and gradient", ways)


def _kalman_by_hand(zs: Any, drift: float, noise: float) -> Any:
    """The same by numpy for the places, and floats for what all examples share."""
    columns = np.ascontiguousarray(zs.T)
    place, spread, total, kept = columns[0], noise, 0.0, []
    for z in columns[1:]:
        before = spread + drift
        error, doubt = z - place, before + noise
        gain = before / doubt
        kept.append((error, before, doubt, gain))
        total += (error @ error) / len(error) / doubt + np.log(doubt)
        place, spread = place + gain * error, before - gain * before
    slope_of_place, slope_of_spread, slope_of_drift, slope_of_noise = np.zeros_like(place), 0.0, 0.0, 0.0
    for error, before, doubt, gain in reversed(kept):
        slope_of_gain = slope_of_place @ error - slope_of_spread * before
        slope_of_error = gain * slope_of_place + 2 * error / doubt / len(error)
        slope_of_doubt = 1 / doubt - (error @ error) / len(error) / doubt**2 - slope_of_gain * gain / doubt
        slope_of_spread = slope_of_spread * (1 - gain) + slope_of_gain / doubt + slope_of_doubt
        slope_of_drift += slope_of_spread
        slope_of_noise += slope_of_doubt
        slope_of_place = slope_of_place - slope_of_error
    return total, np.array([slope_of_drift, slope_of_noise + slope_of_spread])


def special(count: int = 10_000) -> Case:
    """Functions that numpy lacks, from scipy."""
    w = Value(0.7)
    xs = _rng().normal(size=count)
    program = lift(lambda x: gelu(w * x) + erf(x), [w], check=False)
    ways: dict[str, Action] = {"lifted": lambda: program(xs)}
    if find_spec("scipy"):
        of_scipy: Any = importlib.import_module("scipy.special")
        ways["numpy, by hand"] = lambda: 0.7 * xs * 0.5 * (1 + of_scipy.erf(0.7 * xs / math.sqrt(2))) + of_scipy.erf(xs)
    each = np.vectorize(math.erf, otypes=[float])
    ways["element by element"] = lambda: 0.7 * xs * 0.5 * (1 + each(0.7 * xs / math.sqrt(2))) + each(xs)
    without = lift(lambda x: gelu(w * x) + erf(x), [w], check=False)
    with mock.patch.dict(sys.modules, scipy=None):  # as if it were not installed when the program is written
        without(xs)
    ways["lifted, without scipy"] = lambda: without(xs)
    return Case(f"gelu and erf of {count:,} numbers", ways)


def oscillator(count: int = 64, width: int = 16) -> Case:
    """One gradient of a network that learns u″ + u = 0."""
    model = nn.MLP(1, [width, width, 1], "tanh", rng=0)
    parameters = model.parameters()

    def residual(t: Any) -> Any:
        return (grad(grad(model([t]), t), t) + model([t])) ** 2

    times = np.linspace(0, 3, count)
    program = lift(residual, parameters, check=False)
    theta = program.pack()

    def engine() -> Any:
        with no_gc():
            total = sum((residual(Value(t)) for t in times.tolist()), Value(0.0)) / count
            return total.data, [slope.data for slope in grad(total, parameters)]

    ways: dict[str, Action] = {"lifted": lambda: program.value_and_grad(times, at=theta)}
    if find_spec("torch"):
        torch: Any = importlib.import_module("torch")
        flat = torch.tensor(theta, requires_grad=True)

        def u(t: Any) -> Any:
            start, values = 0, t[:, None]
            for k, (n_in, n_out) in enumerate([(1, width), (width, width), (width, 1)]):
                layer = flat[start : start + n_out * (n_in + 1)].reshape(n_out, n_in + 1)
                values = values @ layer[:, :-1].T + layer[:, -1]
                values = torch.tanh(values) if k < 2 else values
                start += n_out * (n_in + 1)
            return values[:, 0]

        def by_torch() -> Any:
            t = torch.tensor(times, requires_grad=True)
            values = u(t)
            first = torch.autograd.grad(values.sum(), t, create_graph=True)[0]
            second = torch.autograd.grad(first.sum(), t, create_graph=True)[0]
            value = ((second + values) ** 2).mean()
            return value.item(), torch.autograd.grad(value, flat)[0]

        ways["PyTorch"] = by_torch
    ways["eager"] = engine
    return Case(f"u″ + u of a network of {width} and {width}, {count} times: value and gradient", ways)


def greeks(count: int = 64) -> Case:
    """Five first derivatives of option prices."""
    rng = _rng()
    options = np.stack(
        [*rng.uniform(80, 120, size=(2, count)), rng.uniform(0.2, 2, count), np.full(count, 0.05), np.full(count, 0.2)],
        1,
    )

    def price(option: Any) -> Any:
        spot, strike, years, rate, volatility = option
        spread = volatility * years**0.5
        first = (log(spot / strike) + (rate + volatility * volatility / 2) * years) / spread

        def below(x: Any) -> Any:
            return 0.5 * erfc(-x / math.sqrt(2))

        return spot * below(first) - strike * exp(-rate * years) * below(first - spread)

    program = lift(price, [], check=False)

    def by_hand() -> Any:
        spot, strike, years, rate, volatility = options.T
        special_functions: Any = importlib.import_module("scipy.special")
        spread = volatility * np.sqrt(years)
        first = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
        second = first - spread
        below, beyond = special_functions.ndtr(first), special_functions.ndtr(second)
        density = np.exp(-first * first / 2) / math.sqrt(2 * math.pi)
        discount = np.exp(-rate * years)
        decay = spot * density * volatility / (2 * np.sqrt(years)) + rate * strike * discount * beyond
        of_rate, of_volatility = strike * years * discount * beyond, spot * density * np.sqrt(years)
        return np.stack([below, -discount * beyond, decay, of_rate, of_volatility], axis=1)

    def engine() -> Any:
        rows = [[Value(x) for x in row] for row in options.tolist()]
        return [[slope.data for slope in grad(price(row), row)] for row in rows]

    ways: dict[str, Action] = {"lifted": lambda: program.input_gradients(options)}
    if find_spec("scipy"):
        ways["numpy, by hand"] = by_hand
    return Case(f"five Greeks of {count} options", {**ways, "eager": engine})


def of_each_example(count: int = 64) -> Case:
    """The gradient of each example's loss."""
    model = nn.MLP(8, [16, 1], "tanh", rng=0)
    rng = _rng()
    xs, ys = rng.normal(size=(count, 8)), rng.normal(size=count)
    program = lift(lambda x, y: (model(x) - y) ** 2, model.parameters(), check=False)
    theta = program.pack()

    def one_by_one() -> Any:
        return [program.value_and_grad(xs[i : i + 1], ys[i : i + 1], at=theta)[1] for i in range(count)]

    def by_hand() -> Any:
        first, second = theta[:144].reshape(16, 9), theta[144:]
        hidden = np.tanh(xs @ first[:, :-1].T + first[:, -1])
        outer = 2 * (hidden @ second[:-1] + second[-1] - ys)
        below = outer[:, None] * second[:-1] * (1 - hidden * hidden)
        layer = np.concatenate([below[:, :, None] * xs[:, None, :], below[:, :, None]], axis=2)
        return np.concatenate([layer.reshape(count, -1), outer[:, None] * hidden, outer[:, None]], axis=1)

    ways: dict[str, Action] = {"lifted": lambda: program.gradients(xs, ys, at=theta), "numpy, by hand": by_hand}
    return Case(f"gradients of {count} examples in 161 parameters", {**ways, "one by one": one_by_one})


def many_results(results: int = 1000, count: int = 64) -> Case:
    """A layer that is returned whole."""
    rng = _rng()
    weights = rng.normal(size=(results, 20))
    rows = [[Value(x) for x in row] for row in weights.tolist()]
    program = lift(
        lambda x: [tanh(sum(w * a for w, a in zip(row, x, strict=True))) for row in rows],
        [w for row in rows for w in row],
        check=False,
    )
    xs, theta = rng.normal(size=(count, 20)), program.pack()
    by_hand: Action = lambda: np.tanh(xs @ theta.reshape(results, 20).T)  # noqa: E731  # one of the ways
    return Case(
        f"{results:,} results, batch {count}", {"lifted": lambda: program(xs, at=theta), "numpy, by hand": by_hand}
    )


def elementwise(task: str = "mixed", results: int = 1000, count: int = 32) -> Case:
    """Results each of which depends on one number of each of two arguments."""
    s = Value(0.7)
    one: Callable[[Any, Any], Any] = {
        "products": lambda a, b: a * b,
        "scaled sums": lambda a, b: s * a + b,
        "tanh": lambda a, b: tanh(a + b),
        "mixed": lambda a, b: tanh(s * a) * b + a,
    }[task]
    program = lift(lambda x, y: [one(a, b) for a, b in zip(x, y, strict=True)], [s], check=False)
    xs, ys = _rng().normal(size=(2, count, results))
    theta = program.pack()
    by_hand: dict[str, Action] = {
        "products": lambda: xs * ys,
        "scaled sums": lambda: theta[0] * xs + ys,
        "tanh": lambda: np.tanh(xs + ys),
        "mixed": lambda: np.tanh(theta[0] * xs) * ys + xs,
    }
    ways: dict[str, Action] = {"lifted": lambda: program(xs, ys, at=theta), "numpy, by hand": by_hand[task]}
    return Case(f"{results:,} results, {task}, batch {count}", ways)


def slopes_of_each(kind: str = "jacobian", results: int = 1000, count: int = 8) -> Case:
    """The derivatives of the mixed results."""
    s = Value(0.7)
    program = lift(lambda x, y: [tanh(s * a) * b + a for a, b in zip(x, y, strict=True)], [s], check=False)
    xs, ys = _rng().normal(size=(2, count, results))
    theta, vector, places = program.pack(), np.array([0.5]), np.arange(results)

    def slopes() -> Any:
        bent = np.tanh(theta[0] * xs)
        return (1.0 - bent * bent) * ys, bent

    def of_inputs() -> Any:
        whole = np.zeros((2, count, results, results))
        steep, bent = slopes()
        whole[0][:, places, places], whole[1][:, places, places] = theta[0] * steep + 1.0, bent
        return tuple(whole)

    ways: dict[str, dict[str, Action]] = {
        "jvp": {
            "lifted": lambda: program.jvp(xs, ys, vector, at=theta),
            "numpy, by hand": lambda: vector[0] * slopes()[0] * xs,
        },
        "jacobian": {
            "lifted": lambda: program.jacobian(xs, ys, at=theta),
            "numpy, by hand": lambda: (slopes()[0] * xs)[:, :, None],
        },
        "input_gradients": {
            "lifted": lambda: program.input_gradients(xs, ys, at=theta),
            "numpy, by hand": of_inputs,
        },
    }
    return Case(f"{results:,} results, mixed, batch {count}: {kind}", ways[kind])


def slopes_of_inputs(numbers: int = 1000, count: int = 32) -> Case:
    """The slopes of one result in two thousand numbers of its arguments."""
    program = lift(lambda x, y: sum(a * b for a, b in zip(x, y, strict=True)), [], check=False)
    xs, ys = _rng().normal(size=(2, count, numbers))
    by_hand: Action = lambda: (ys.copy(), xs.copy())  # noqa: E731  # one of the ways
    ways: dict[str, Action] = {"lifted": lambda: program.input_gradients(xs, ys), "numpy, by hand": by_hand}
    return Case(f"sum of {numbers:,} products, batch {count}: input_gradients", ways)


def derivatives_of_layers(count: int = 64) -> Case:
    """The derivatives of all outputs of a network in its inputs."""
    model = nn.MLP(20, [32, 32, 10], "tanh", rng=0)
    program = lift(model, model.parameters(), check=False)
    xs, theta = _rng().normal(size=(count, 20)), program.pack()

    def by_hand() -> Any:
        first, second, third = (
            part.reshape(rows, -1)
            for part, rows in zip(np.split(theta, [32 * 21, 32 * 21 + 32 * 33]), (32, 32, 10), strict=True)
        )
        one = np.tanh(xs @ first[:, :-1].T + first[:, -1])
        two = np.tanh(one @ second[:, :-1].T + second[:, -1])
        slopes = third[None, :, :-1] * (1 - two * two)[:, None, :]
        slopes = (slopes @ second[:, :-1]) * (1 - one * one)[:, None, :]
        return slopes @ first[:, :-1]

    ways: dict[str, Action] = {"lifted": lambda: program.input_gradients(xs, at=theta), "numpy, by hand": by_hand}
    return Case(f"10 outputs of a network of 20-32-32-10, batch {count}: input_gradients", ways)


def embedding(vocabulary: int = 1000, count: int = 64, width: int = 16, words: int = 8, classes: int = 10) -> Case:
    """One gradient of a classifier of texts: rows of an embedding by the words, their mean, a layer, a softmax."""
    rng = _rng()
    start = rng.normal(size=vocabulary * width + classes * width) / width**0.5
    parameters = list(map(Value, start.tolist()))
    rows = [parameters[i * width : (i + 1) * width] for i in range(vocabulary + classes)]
    table, layer = rows[:vocabulary], rows[vocabulary:]

    def loss(text: Any, label: Any) -> Any:
        hidden = [sum(column) / words for column in zip(*[take(table, word) for word in text], strict=True)]
        return cross_entropy([sum(w * h for w, h in zip(row, hidden, strict=True)) for row in layer], label)

    program = lift(loss, parameters, check=False)
    texts, labels = rng.integers(0, vocabulary, size=(count, words)), rng.integers(0, classes, size=count)
    theta, examples, room = program.pack(), np.arange(count), np.empty(len(parameters))

    def by_hand() -> Any:
        of_table, of_layer = (part.reshape(-1, width) for part in np.split(theta, [vocabulary * width]))
        hidden = of_table[texts].mean(axis=1)
        scores = hidden @ of_layer.T
        scores -= scores.max(axis=1, keepdims=True)
        total = np.exp(scores).sum(axis=1, keepdims=True)
        value = (np.log(total)[:, 0] - scores[examples, labels]).mean()
        slopes = np.exp(scores) / total
        slopes[examples, labels] -= 1.0
        slopes /= count
        gradient = np.zeros(len(theta))
        gradient[vocabulary * width :] = (slopes.T @ hidden).ravel()
        places = (texts[:, :, None] * width + np.arange(width)).ravel()
        np.add.at(gradient, places, np.repeat(slopes @ of_layer / words, words, axis=0).ravel())
        return value, gradient

    ways: dict[str, Action] = {
        "lifted": lambda: program.value_and_grad(texts, labels, at=theta, out=room),
        "numpy, by hand": by_hand,
    }
    if find_spec("torch"):
        torch: Any = importlib.import_module("torch")
        flat = torch.tensor(start, requires_grad=True)
        words_of, labels_of = torch.tensor(texts), torch.tensor(labels)

        def by_torch() -> Any:
            of_table, of_layer = flat[: vocabulary * width].view(-1, width), flat[vocabulary * width :].view(-1, width)
            scores = torch.nn.functional.embedding(words_of, of_table).mean(dim=1) @ of_layer.T
            value = torch.nn.functional.cross_entropy(scores, labels_of)
            return value.item(), torch.autograd.grad(value, flat)[0]

        ways["PyTorch"] = by_torch
    return Case(f"embedding of {vocabulary:,} words, softmax of {classes}, batch {count}: value and gradient", ways)


def gpt(block: int = 8, count: int = 32) -> Case:
    """One gradient of a tiny GPT that is written as a loop over growing lists."""
    loss, parameters = growing_lists.scalar(block)
    program = lift(loss, parameters, check=False)
    texts, following = _rng().integers(0, growing_lists.LETTERS, size=(2, count, block))
    theta, room = program.pack(), np.empty(len(parameters))
    ways: dict[str, Action] = {"lifted": lambda: program.value_and_grad(texts, following, at=theta, out=room)}
    if find_spec("torch"):
        ways["PyTorch"] = growing_lists.in_torch(theta, texts, following)
    return Case(f"GPT, {block} letters, batch {count}: value and gradient", ways)


CASES: dict[str, Callable[..., Case]] = {
    case.__name__: case
    for case in (
        lstm,
        loops,
        kalman,
        special,
        oscillator,
        greeks,
        of_each_example,
        many_results,
        elementwise,
        slopes_of_each,
        slopes_of_inputs,
        derivatives_of_layers,
        embedding,
        gpt,
    )
}
COUNTS = (1, 32, 1000)
SIZES: dict[str, list[dict[str, Any]]] = {  # of the tasks that are timed more than once
    "loops": [
        {"kind": kind, "steps": steps, "count": count}
        for kind in ("RNN", "LSTM")
        for steps in (50, 200)
        for count in (1, 32)
    ],
    "kalman": [{"steps": steps, "count": count} for steps in (50, 200) for count in (1, 32, 64)],
    "elementwise": [
        {"task": task, "count": count} for task in ("products", "scaled sums", "tanh", "mixed") for count in COUNTS
    ],
    "slopes_of_each": [
        *({"kind": kind, "count": count} for kind in ("jvp", "jacobian") for count in COUNTS),
        *({"kind": "input_gradients", "count": count} for count in (1, 8)),  # 16 MB of slopes for each example
    ],
    "slopes_of_inputs": [{"count": count} for count in COUNTS],
    "embedding": [{"vocabulary": size, "count": count} for count in (1, 64, 1000) for size in (27, 1000, 50_000)],
    "gpt": [{"block": block, "count": count} for block in (8, 16) for count in (1, 32)],
}


# ---------------------------------------------------------------- what happens once


def _decaying(rate: Value, steps: int) -> Callable[[Any], Any]:
    def value(x: Any) -> Any:
        for _ in range(steps):
            x = tanh(rate * x)
        return x

    return value


def once(nodes: int = 4000) -> dict[str, float]:
    """The seconds of first calls, and of what programs do between processes."""
    w = [Value(0.5), Value(0.1), Value(-0.3)]

    def chain(x: Any) -> Any:
        h = x
        for i in range(nodes):
            h = tanh(w[0] * h + w[1]) if i % 2 else (h * w[2] + x) / 2
        return h

    times: dict[str, float] = {}
    xs = np.ones(2)

    def timed(name: str, action: Action) -> Any:
        start = time.perf_counter()
        result = action()
        times[name] = time.perf_counter() - start
        return result

    program = lift(chain, w, check=False)
    rate = Value(0.9)
    decaying = lift(_decaying(rate, 10 * nodes), [rate], check=False)
    timed(f"loop of {10 * nodes:,} steps: first value and gradient", lambda: decaying.value_and_grad(xs))
    timed(f"chain of {nodes:,}: first value and gradient", lambda: program.value_and_grad(xs))
    timed("the text of the chain, compiled by Python", lambda: compile(program.source, "chain", "exec"))
    model = nn.MLP(64, [64, 10], "tanh", rng=0)
    other = lift(lambda x: sum(v * v for v in model(x)), model.parameters())
    rows = _rng().normal(size=(64, 64))
    timed("network of 4,810 parameters: first value and gradient", lambda: other.value_and_grad(rows))
    timed("the same: first Hessian times a vector", lambda: other.hvp(rows, other.pack()))
    timed("the same: pickled and loaded", lambda: pickle.loads(pickle.dumps(other)))  # noqa: S301  # its own pickle
    loss, parameters = growing_lists.scalar(8)
    of_gpt = lift(loss, parameters)
    texts = _rng().integers(0, growing_lists.LETTERS, size=(1, 8))
    timed("GPT, 8 letters: first value and gradient", lambda: of_gpt.value_and_grad(texts, texts))
    timed("GPT, 8 letters: first Hessian times a vector", lambda: of_gpt.hvp(texts, texts, of_gpt.pack()))
    words = [[Value(0.5) for _ in range(16)] for _ in range(10 * nodes)]
    looked_up = lift(lambda text: sum(take(words, word)[0] for word in text) ** 2, [w for row in words for w in row])
    timed(f"embedding of {len(words):,} words: first value and gradient", lambda: looked_up.value_and_grad(texts))
    sizes = _rng().integers(50, 150, size=400).tolist()
    theta, many = other.pack(), _rng().normal(size=(150, 64))
    other.value_and_grad(many[:100], at=theta)
    timed("400 batches of 100", lambda: [other.value_and_grad(many[:100], at=theta) for _ in sizes])
    timed("400 batches of 50 to 150", lambda: [other.value_and_grad(many[:n], at=theta) for n in sizes])
    return times


# ---------------------------------------------------------------- the tables


def report(quick: bool) -> None:
    """Print both tables."""
    threadpoolctl: Any = importlib.import_module("threadpoolctl")
    if find_spec("torch"):
        importlib.import_module("torch").set_num_threads(1)
    console = Console()
    with threadpoolctl.threadpool_limits(1):
        table = Table(title="Lifted programs and their peers, one thread")
        for heading in ("task", "way", "time", "÷ lifted"):
            table.add_column(heading, justify="left" if heading in ("task", "way") else "right")
        sized = [(make, size) for name, make in CASES.items() for size in SIZES.get(name, [{}])]
        for make, size in sized[: 2 if quick else None]:
            case = make(**size)
            wrong = disagreement(case)
            if wrong:
                raise RuntimeError(f"nothing is timed, since the numbers disagree: {wrong}")
            times = measured(case, 3 if quick else 9)
            for way, seconds in times.items():
                name = case.name if way == "lifted" else ""
                table.add_row(name, way, duration(seconds), f"{seconds / times['lifted']:.2f}")
        console.print(table)
        firsts = Table(title="What happens once")
        firsts.add_column("what")
        firsts.add_column("time", justify="right")
        for name, seconds in once(400 if quick else 4000).items():
            firsts.add_row(name, duration(seconds))
        console.print(firsts)
        console.print(_first_calls(quick))


def _first_calls(quick: bool) -> Table:
    """The table of first calls, in steps of the engine."""
    table = Table(title="First value and gradient, and one step of the engine on one example")
    for heading in ("network", "engine", "lifted", "÷ engine", "compared too", "÷ engine"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for make, size, small in first_calls.NETWORKS:
        network = make(**(small if quick else size))
        engine, *firsts = first_calls.times(network)
        cells = [cell for seconds in firsts for cell in (duration(seconds), f"{seconds / engine:.1f}")]
        table.add_row(network.name, duration(engine), *cells)
    return table


def measured(case: Case, rounds: int) -> dict[str, float]:
    """The median time of each way; in every round each has its turn, but a slow one in the first alone."""
    times: dict[str, list[float]] = {name: [] for name in case.ways}
    for number in range(rounds):
        for name, way in case.ways.items():
            if number and times[name][0] > SLOW:
                continue
            calls, start = 0, time.perf_counter()
            while time.perf_counter() - start < 0.05:
                way()
                calls += 1
            times[name].append((time.perf_counter() - start) / calls)
    return {name: median(own) for name, own in times.items()}
