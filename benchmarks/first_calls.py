"""How long a first call takes: lifting a network, in units of the engine's own step on one example of it.

A first call traces the function, groups and differentiates it, finds its loops, and writes and compiles the program.
Unless `check=False` says otherwise, it then compares the program with the function on up to eight examples: eight more
steps of the engine. All of that grows with the number of operations.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from benchmarks import growing_lists
from scalargrad import Value, cross_entropy, lift, nn, no_gc, tanh

np: Any = import_module("numpy")


class Network(NamedTuple):
    """A loss of one example, its parameters, and a batch of examples."""

    name: str
    loss: Callable[..., Any]
    parameters: list[Value]
    batch: tuple[Any, ...]


class Times(NamedTuple):
    """Seconds of processor time.

    Attributes:
        engine: of the loss of one example and its gradient, on Values.
        lifted: of the first call of `value_and_grad`, without a comparison.
        compared: of that with the comparison.
    """

    engine: float
    lifted: float
    compared: float


def _squares(name: str, model: Any, parts: Callable[[Any], Any], *shape: int, count: int) -> Network:
    """A loss that is the sum of the squares of some outputs."""
    batch = np.random.default_rng(0).normal(size=(count, *shape))
    return Network(name, lambda x: sum(v * v for v in parts(model(x))), model.parameters(), (batch,))


def recurrent(steps: int = 200, kind: str = "LSTM", count: int = 32) -> Network:
    """The last outputs of 16 hidden units."""
    model = getattr(nn, kind)(4, 16, rng=0)
    return _squares(f"{kind}(4, 16), {steps} steps", model, lambda rows: rows[-1], steps, 4, count=count)


def attention(positions: int = 32, count: int = 32) -> Network:
    """Two heads on rows of 8 numbers."""
    model = nn.Attention(8, heads=2, causal=True, rng=0)
    name = f"attention, {positions} positions"
    return _squares(name, model, lambda rows: [v for row in rows for v in row], positions, 8, count=count)


def convolution(side: int = 16, count: int = 32) -> Network:
    """Eight filters over an image."""
    model = nn.Convolution(1, 8, 3, rng=0)
    name = f"8 filters, {side} × {side} image"
    return _squares(
        name, model, lambda maps: [v for rows in maps for row in rows for v in row], 1, side, side, count=count
    )


def digits(inputs: int = 256, count: int = 32) -> Network:
    """A network with 32 hidden units and ten classes."""
    model = nn.MLP(inputs, [32, 10], "relu", rng=0)
    rng = np.random.default_rng(0)
    batch = rng.normal(size=(count, inputs)), rng.integers(0, 10, size=count)
    return Network(f"{inputs}-32-10, relu", lambda x, y: cross_entropy(model(x), y), model.parameters(), batch)


def letters(block: int = 16, count: int = 32) -> Network:
    """A tiny GPT with keys and values in lists that grow."""
    loss, parameters = growing_lists.scalar(block)
    rng = np.random.default_rng(0)
    batch = tuple(rng.integers(0, growing_lists.LETTERS, size=(count, block)) for _ in range(2))
    return Network(f"GPT, {block} letters", loss, parameters, batch)


def chain(operations: int = 50_000, count: int = 32) -> Network:
    """One operation after the other."""
    w = Value(0.5)

    def loss(x: Any) -> Any:
        for _ in range(operations // 2):
            x = tanh(w * x)
        return x

    return Network(f"chain of {operations:,}", loss, [w], (np.random.default_rng(0).normal(size=count),))


NETWORKS: list[tuple[Callable[..., Network], dict[str, Any], dict[str, Any]]] = [  # with a size, and a smaller one
    (recurrent, {"steps": 100}, {"steps": 5}),
    (recurrent, {"steps": 200}, {"steps": 10}),
    (recurrent, {"kind": "GRU"}, {"kind": "GRU", "steps": 5}),
    (attention, {}, {"positions": 4}),
    (convolution, {}, {"side": 5}),
    (letters, {}, {"block": 3}),
    (digits, {}, {"inputs": 8}),
    (chain, {}, {"operations": 100}),
]


def _seconds(action: Callable[[], object]) -> float:
    """How long an action takes: the least of three times, or what it takes once if that is long."""
    taken: list[float] = []
    while len(taken) < 3 and sum(taken) < 1:
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return min(taken)


@no_gc
def step(network: Network) -> None:
    """Add the gradient of the first example's loss to the parameters, on Values."""
    network.loss(*[_values(argument[0]) for argument in network.batch]).backward()


def times(network: Network) -> Times:
    """Time a step of the engine, and first calls."""

    def first(check: bool) -> None:
        lift(network.loss, network.parameters, check=check).value_and_grad(*network.batch)

    return Times(_seconds(lambda: step(network)), _seconds(lambda: first(False)), _seconds(lambda: first(True)))


def _values(numbers: Any) -> Any:
    """Numbers as the function takes them: Values, or whole numbers that are indices."""
    if getattr(numbers, "ndim", 0):
        return [_values(one) for one in numbers]
    return int(numbers) if numbers.dtype.kind == "i" else Value(float(numbers))
