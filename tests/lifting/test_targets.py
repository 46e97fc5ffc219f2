"""How programs run: each call has its own buffers, and memory is of the order of the arrays."""

from __future__ import annotations

import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import scalargrad
from scalargrad import Value, functional, lift, nn
from tests.lifting.nets import relative

each_target = pytest.mark.parametrize("target", ["numpy", "python"])


def network(target: str = "numpy", width: int = 6) -> tuple[Any, nn.MLP]:
    model = nn.MLP(5, [width, 1], "tanh", rng=0)
    return lift(lambda x, y: (model(x) - y) ** 2, model.parameters(), target=target), model


def batch(n: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5)), rng.normal(size=n)


@each_target
def test_calls_of_different_sizes_take_turns(target: str) -> None:
    """Two batches of different sizes in turns give what each gives alone."""
    program, _ = network(target)
    alone = []
    for n in (3, 7):
        fresh, _ = network(target)
        alone.append(fresh.value_and_grad(*batch(n, n)))
    for _ in range(3):
        for (value, gradient), n in zip(alone, (3, 7), strict=True):
            mean, slopes = program.value_and_grad(*batch(n, n))
            assert mean == value
            assert list(slopes) == list(gradient)


def test_more_sizes_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large buffers of sizes that have not been used for long are dropped, and made again when the size comes back."""
    monkeypatch.setattr("scalargrad.lifting.to_numpy.target.KEPT_BYTES", 1000)
    program, _ = network()
    first = program.value_and_grad(*batch(1, 1))[0]
    for n in range(2, 30):
        program.value_and_grad(*batch(n, n))
    assert program.value_and_grad(*batch(1, 1))[0] == first
    assert len(program._latest.runner("value_and_grad")._kept) <= 8


@each_target
def test_many_threads_call_one_program(target: str) -> None:
    """Threads that call one program at once with different numbers get the results of their numbers."""
    program, _ = network(target)
    batches = [batch(5, seed) for seed in range(8)]
    alone = [(program.value_and_grad(*one), list(program(*one))) for one in batches]
    start = threading.Barrier(8)

    def work(k: int) -> bool:
        start.wait()
        for _ in range(20):
            (value, gradient), losses = alone[k]
            mean, slopes = program.value_and_grad(*batches[k])
            if mean != value or list(slopes) != list(gradient) or list(program(*batches[k])) != losses:
                return False
        return True

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)


@each_target
def test_many_sizes_in_many_threads(target: str) -> None:
    """Threads with more sizes of batch than are kept do not disturb one another."""
    program, _ = network(target)
    alone = {n: program.value_and_grad(*batch(n, n))[0] for n in range(1, 20)}

    def work(k: int) -> bool:
        return all(program.value_and_grad(*batch(n, n))[0] == alone[n] for n in range(1 + k, 20, 2))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_what_is_kept_stays() -> None:
    """Later calls do not overwrite results that the caller keeps."""
    program, _ = network()
    kept = [(program(*batch(4, seed)), *program.value_and_grad(*batch(4, seed))) for seed in range(5)]
    for seed, (losses, value, gradient) in enumerate(kept):
        fresh, _ = network()
        assert losses.tolist() == fresh(*batch(4, seed)).tolist()
        assert (value, gradient.tolist()) == (
            fresh.value_and_grad(*batch(4, seed))[0],
            fresh.value_and_grad(*batch(4, seed))[1].tolist(),
        )


# ---------------------------------------------------------------- memory


def peak(call: Any) -> int:
    """How many bytes a call takes at most, beyond what there was before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_memory_is_of_the_order_of_the_arrays() -> None:
    """A first step takes less than three times the memory of inputs, activations and parameters; a later one half."""
    model = nn.MLP(16, [64, 64, 8], "tanh", rng=0)
    program: Any = lift(
        lambda x, y: functional.cross_entropy(model(x), list(y)), model.parameters(), target="numpy", check=False
    )
    count = 2000
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(count, 16)), np.eye(8)[rng.integers(0, 8, count)]
    program.value_and_grad(x[:2], y[:2])
    arrays = 8 * (x.size + y.size + count * (64 + 64 + 8) + len(model.parameters()))
    assert peak(lambda: program.value_and_grad(x, y)) < 3 * arrays
    assert peak(lambda: program.value_and_grad(x, y)) < arrays / 2


def test_a_copy_for_each_example_is_seen() -> None:
    """Negative control: with a copy of the parameters for each example a step would take far more."""
    parameters, count = 5768, 2000
    arrays = 8 * (count * (16 + 8 + 64 + 64 + 8) + parameters)
    assert peak(lambda: np.zeros((count, parameters)) + 1.0) > 20 * arrays


# ---------------------------------------------------------------- own operations


@each_target
def test_own_operations_of_two_operands(target: str) -> None:
    """A user's operation without an array spelling runs element by element, also where operands lack axes."""
    mix = scalargrad.primitive(
        partials=[lambda out, a, b: b + 1.0, lambda out, a, b: a],
        name="mix_of_a_test",
    )(lambda a, b: a * b + a)
    w = [Value(0.5), Value(-1.0), Value(2.0)]
    program: Any = lift(lambda x: sum(mix(a, x) for a in w), w, target=target)
    value, gradient = program.value_and_grad([1.0, 3.0])
    assert relative([value], [np.mean([1.5 * x + 1.5 for x in (1.0, 3.0)])]) < 1e-14
    assert relative(gradient, [3.0] * 3) < 1e-14
