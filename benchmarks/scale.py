"""Lifted programs on JAX: many steps in one call, beside the target numpy call by call, and a network by hand in JAX.

Every row is plain gradient descent in float64 on one thread: value and gradient, and a step against it. The ways take
turns, and before they are timed the parameters that they end with are compared. A first call in JAX is all steps in one
call: it lifts, and compiles.
"""

from __future__ import annotations

import importlib
import itertools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.lifting import scalar_lstm
from scalargrad import Value, cross_entropy, lift, nn, softmax, tanh

np: Any = importlib.import_module("numpy")
RATE = 1e-3
ALONE = "SCALARGRAD_BENCHMARK_ALONE"  # set in the process that measures
FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class Case(NamedTuple):
    """A loss of one example, with its parameters and a batch; by hand in JAX, if somebody wrote it."""

    name: str
    loss: Callable[..., Any]
    parameters: list[Value]
    batch: tuple[Any, ...]
    steps: int
    by_hand: Callable[..., Any] | None = None  # the mean loss of theta and the batch, which jax.grad differentiates


def _dense(sizes: list[int], count: int, steps: int) -> Case:
    rng = np.random.default_rng(0)
    model = nn.MLP(sizes[0], sizes[1:], "tanh", rng=0)
    x = rng.normal(size=(count, sizes[0]))
    is_class = sizes[-1] > 1
    y = rng.integers(0, sizes[-1], size=count) if is_class else rng.normal(size=count)

    def loss(x: Any, y: Any) -> Any:
        return cross_entropy(model.outputs(x), y) if is_class else (model(x) - y) ** 2

    def by_hand(theta: Any, x: Any, y: Any) -> Any:
        jax: Any = importlib.import_module("jax")
        start, h = 0, x
        for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            layer = theta[start : start + n_out * (n_in + 1)].reshape(n_out, n_in + 1)
            start += n_out * (n_in + 1)
            h = h @ layer[:, :-1].T + layer[:, -1]
            h = jax.numpy.tanh(h) if i < len(sizes) - 2 else h
        if not is_class:
            return jax.numpy.mean((h[:, 0] - y) ** 2)
        scores = jax.nn.log_softmax(h)
        return -jax.numpy.mean(jax.numpy.take_along_axis(scores, y.astype(int)[:, None], axis=1))

    return Case(f"{'-'.join(map(str, sizes))}, batch {count}", loss, model.parameters(), (x, y), steps, by_hand)


def _attention(size: int, length: int, count: int, steps: int) -> Case:
    rng = np.random.default_rng(0)
    w = [[[Value(float(v)) for v in row] for row in m] for m in rng.normal(size=(3, size, size)) / size**0.5]

    def times(rows: Any, x: Any) -> Any:
        return [sum(a * b for a, b in zip(row, x, strict=True)) for row in rows]

    def loss(xs: Any, y: Any) -> Any:
        queries, keys, values = ([times(m, x) for x in xs] for m in w)
        total: Any = 0.0
        for query in queries:
            shares = softmax([sum(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(size) for key in keys])
            for column in zip(*values, strict=True):
                total = total + (sum(s * v for s, v in zip(shares, column, strict=True)) - y) ** 2
        return total

    def by_hand(theta: Any, x: Any, y: Any) -> Any:
        jax: Any = importlib.import_module("jax")
        q, k, v = (x @ m.T for m in theta.reshape(3, size, size))
        shares = jax.nn.softmax(q @ k.transpose(0, 2, 1) / math.sqrt(size), axis=-1)
        return jax.numpy.mean(jax.numpy.sum((shares @ v - y[:, None, None]) ** 2, axis=(1, 2)))

    parameters = [v for m in w for row in m for v in row]
    batch = rng.normal(size=(count, length, size)), rng.normal(size=count)
    return Case(f"attention, {length} × {size}, batch {count}", loss, parameters, batch, steps, by_hand)


def _lstm(size: int, length: int, count: int, steps: int) -> Case:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, size, 2 * size + 1)) / size**0.5
    loss, parameters = scalar_lstm(size, start)

    def by_hand(theta: Any, xs: Any, y: Any) -> Any:
        jax: Any = importlib.import_module("jax")
        w = theta.reshape(4 * size, 2 * size + 1)

        def step(state: Any, x: Any) -> Any:
            h, c = state
            i, f, o, u = jax.numpy.split(jax.numpy.hstack([x, h]) @ w[:, :-1].T + w[:, -1], 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jax.numpy.tanh(u)
            return (jax.nn.sigmoid(o) * jax.numpy.tanh(c), c), None

        zero = jax.numpy.zeros((len(y), size), theta.dtype)
        (h, _), _ = jax.lax.scan(step, (zero, zero), xs.transpose(1, 0, 2))
        return jax.numpy.mean(jax.numpy.sum((h - y[:, None]) ** 2, axis=1))

    batch = rng.normal(size=(count, length, size)), rng.normal(size=count)
    return Case(f"LSTM, {size} wide, {length} steps, batch {count}", loss, parameters, batch, steps, by_hand)


def _convolution(side: int, kernels: int, count: int, steps: int) -> Case:
    rng, extent = np.random.default_rng(0), side - 2
    first = [[[Value(float(v)) for v in row] for row in kernel] for kernel in rng.normal(size=(kernels, 3, 3)) / 3]
    last = [Value(float(v)) for v in rng.normal(size=kernels * extent * extent) / extent]

    def loss(image: Any, y: Any) -> Any:
        features = [
            tanh(sum(kernel[a][b] * image[i + a][j + b] for a in range(3) for b in range(3)))
            for kernel in first
            for i in range(extent)
            for j in range(extent)
        ]
        return (sum(w * f for w, f in zip(last, features, strict=True)) - y) ** 2

    def by_hand(theta: Any, images: Any, y: Any) -> Any:
        jax: Any = importlib.import_module("jax")
        kernel = theta[: kernels * 9].reshape(kernels, 1, 3, 3)
        features = jax.numpy.tanh(jax.lax.conv(images[:, None], kernel, (1, 1), "VALID")).reshape(len(y), -1)
        return jax.numpy.mean((features @ theta[kernels * 9 :] - y) ** 2)

    parameters = [v for kernel in first for row in kernel for v in row] + last
    batch = rng.normal(size=(count, side, side)), rng.normal(size=count)
    return Case(
        f"convolution, {side} × {side}, {kernels} kernels, batch {count}", loss, parameters, batch, steps, by_hand
    )


def _logistic(count: int, width: int, steps: int) -> Case:
    rng = np.random.default_rng(0)
    w = [Value(float(v)) for v in rng.normal(size=width)]

    def loss(x: Any, y: Any) -> Any:
        return (-y * sum(a * b for a, b in zip(w, x, strict=True))).softplus()

    def by_hand(theta: Any, x: Any, y: Any) -> Any:
        jax: Any = importlib.import_module("jax")
        return jax.numpy.mean(jax.nn.softplus(-y * (x @ theta)))

    batch = rng.normal(size=(count, width)), np.sign(rng.normal(size=count))
    return Case(f"logistic loss, {count:,} examples of {width}", loss, w, batch, steps, by_hand)


def cases(quick: bool) -> list[Case]:
    """The rows."""
    share = 10 if quick else 1
    return [
        _dense([2, 16, 16, 1], 32, 2000 // share),
        _dense([256, 32, 10], 64, 200 // share),
        _dense([256, 128, 64, 10], 64, 100 // share),
        _attention(8, 8, 64, 200 // share),
        _lstm(8 if quick else 16, 10, 64, 100 // share),
        _lstm(4 if quick else 16, 40 if quick else 200, 64, 10),
        _convolution(8 if quick else 14, 4, 64, 100 // share),
        _logistic(1_000_000 // share, 8, 10),
    ]


def descents(case: Case) -> dict[str, Callable[[], Any]]:
    """Ways to take the steps of a case; each returns the parameters in the end."""
    jax: Any = importlib.import_module("jax")
    on_numpy, on_jax = (lift(case.loss, case.parameters, target=name, check=False) for name in ("numpy", "jax"))
    arrays = [jax.numpy.asarray(column, dtype=float) for column in case.batch]
    tables = [np.asarray(column, dtype=float) for column in case.batch]
    start = on_numpy.pack()

    def scanned(value_and_grad: Callable[..., Any]) -> Callable[[], Any]:
        def steps(theta: Any, *batch: Any) -> Any:
            def step(theta: Any, _: None) -> Any:
                return theta - RATE * value_and_grad(theta, *batch)[1], None

            return jax.lax.scan(step, theta, None, length=case.steps)[0]

        compiled = jax.jit(steps)
        return lambda: compiled(start, *arrays).block_until_ready()

    def by_numpy() -> Any:
        theta, out = start.copy(), np.empty_like(start)
        for _ in range(case.steps):
            on_numpy.value_and_grad(*tables, at=theta, out=out)
            theta -= RATE * out
        return theta

    def call_by_call() -> Any:
        theta = jax.numpy.asarray(start)
        for _ in range(case.steps):
            theta = theta - RATE * on_jax.value_and_grad(*arrays, at=theta)[1]
        return theta.block_until_ready()

    ways = {"numpy": by_numpy, "JAX": scanned(on_jax.function("value_and_grad")), "JAX, call by call": call_by_call}
    if case.by_hand:
        ways["JAX, by hand"] = scanned(jax.value_and_grad(case.by_hand))
    return ways


def first_calls(ways: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """How long the first call of each way takes: a target lifts in it, and JAX compiles."""
    times = {}
    for name, way in ways.items():
        began = time.perf_counter()
        way()
        times[name] = time.perf_counter() - began
    return times


def disagreement(case: Case, ways: dict[str, Callable[[], Any]]) -> str | None:
    """Which way ends elsewhere; None if all end at the same parameters."""
    ends = {name: np.asarray(way()) for name, way in ways.items()}
    for name, end in ends.items():
        if not np.allclose(end, ends["numpy"], rtol=1e-8, atol=1e-8):
            return f"{case.name}: {name} and numpy differ"
    return None


def seconds(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The median of the times of each way; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    return {name: median(own) for name, own in times.items()}


def report(quick: bool = False) -> None:
    """Print the table; JAX reads how many threads it may use when it starts, so a process of its own measures."""
    if os.environ.get(ALONE) is None:
        own = {ALONE: "1", "XLA_FLAGS": FLAGS, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks", "scale", *(["--quick"] if quick else [])]
        subprocess.run(command, check=True, env={**os.environ, **own})
        return
    jax: Any = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    columns = ["numpy", "JAX", "JAX, call by call", "JAX, by hand"]
    table = Table(title="Many steps in one call: time of a step, and divided by that of the target numpy")
    for column in ["", *columns, "first call", "by hand"]:
        table.add_column(column, justify="right" if column else "left")
    for case in cases(quick):
        ways = descents(case)
        first = first_calls(ways)
        wrong = disagreement(case, ways)
        if wrong:
            raise SystemExit(wrong)
        times = seconds(ways, 3 if quick else 7)
        cells = [f"{1e6 * times[name] / case.steps:,.0f} µs  {times[name] / times['numpy']:.2f}" for name in columns]
        table.add_row(case.name, *cells, *(f"{first[name]:.1f} s" for name in ("JAX", "JAX, by hand")))
    Console(width=160).print(table)
