"""One engine at the moons training step, in a process of its own.

    python -m benchmarks.moons ENGINE POINTS STEPS [no-gc]

prints as JSON how many nodes one step records, the seconds of each step, and the bytes that a
recorded and swept graph holds per node. ENGINE is `scalargrad`, `micrograd`, `xad` (a tape in C++
with Python bindings), or `floor`: as many bare slotted objects, allocated and linked, as the graph
has nodes, and nothing else.

The step is that of micrograd's demo: the whole batch forward, hinge loss and L2, backward,
gradient descent, with the cyclic garbage collector as Python leaves it, or without.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import operator
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

Rows = list[list[float]]


def moons(points: int) -> tuple[Rows, list[int]]:
    """Two interleaved half circles with a little noise, and a label of 1 or -1 for each point."""
    rng = random.Random(1337)
    rows, labels = [], []
    for i in range(points):
        angle, label = math.pi * rng.random(), 1 if i % 2 else -1
        x, y = (1 - math.cos(angle), 0.5 - math.sin(angle)) if i % 2 else (math.cos(angle), math.sin(angle))
        rows.append([x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1)])
        labels.append(label)
    return rows, labels


def network(engine: str) -> tuple[Any, Any]:
    """The engine's Value, and its 2-16-16-1 network with weights from -1 to 1."""
    nn = importlib.import_module(f"{engine}.nn")
    random.seed(1337)
    if engine == "micrograd":
        return importlib.import_module("micrograd.engine").Value, nn.MLP(2, [16, 16, 1])
    return importlib.import_module("scalargrad").Value, nn.MLP(2, [16, 16, 1], initial="uniform")


def loss_of(value: Any, model: Any, rows: Rows, labels: list[int]) -> Any:
    """The loss over the whole batch, as in micrograd's demo."""
    inputs = [list(map(value, row)) for row in rows]
    scores = list(map(model, inputs))
    losses = [(1 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
    regularisation = 1e-4 * sum(p * p for p in model.parameters())
    return sum(losses) * (1.0 / len(losses)) + regularisation


def node_count(root: Any) -> int:
    """The number of nodes that the root was computed from, itself among them."""
    seen, pending = {root}, [root]
    while pending:
        for operand in pending.pop()._prev:
            if operand not in seen:
                seen.add(operand)
                pending.append(operand)
    return len(seen)


class Bare:
    """A number with two links."""

    __slots__ = ("data", "left", "right")
    data: float
    left: Bare | None
    right: Bare | None


def allocate(nodes: int) -> Bare | None:
    """The floor: so many objects, each linked to the two before it."""
    older: Bare | None = None
    newer: Bare | None = None
    for _ in range(nodes):
        made = Bare()
        made.data = 1.0
        made.left = older
        made.right = newer
        older, newer = newer, made
    return newer


def seconds(work: Callable[[], object], repetitions: int) -> list[float]:
    """The processor's time for each repetition but a first; what it returns is freed within its time."""
    times = []
    for _ in range(repetitions + 1):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return times[1:]


class Tape:
    """The same network and step on XAD: its numbers cannot be set, so each step makes new ones for the parameters."""

    def __init__(self, rows: Rows, labels: list[int]) -> None:
        self.rows, self.labels = rows, labels
        self.xad, self.relu = importlib.import_module("xad.adj_1st"), importlib.import_module("xad.math").max
        self.tape = self.xad.Tape()
        self.tape.activate()
        _, model = network("scalargrad")
        self.weights = [
            [([w.data for w in neuron.weights], neuron.bias.data) for neuron in layer.neurons] for layer in model.layers
        ]

    def loss(self, layers: list[list[tuple[list[Any], Any]]], parameters: list[Any]) -> Any:
        """The loss over the whole batch."""
        scores = []
        for row in self.rows:
            outputs: list[Any] = row
            for neurons in layers[:-1]:
                outputs = [self.relu(sum(map(operator.mul, w, outputs), b), 0.0) for w, b in neurons]
            ((weights, bias),) = layers[-1]
            scores.append(sum(map(operator.mul, weights, outputs), bias))
        losses = [self.relu(1 + -label * score, 0.0) for label, score in zip(self.labels, scores, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)

    def step(self) -> float:
        """One step of gradient descent; the loss before it."""
        real = self.xad.Real
        layers = [[([real(w) for w in weights], real(bias)) for weights, bias in neurons] for neurons in self.weights]
        parameters = [p for neurons in layers for weights, bias in neurons for p in (*weights, bias)]
        self.tape.registerInputs(parameters)
        self.tape.newRecording()
        loss = self.loss(layers, parameters)
        self.tape.registerOutput(loss)
        loss.setDerivative(1.0)
        self.tape.computeAdjoints()
        moved = iter([p.getValue() - 0.5 * p.getDerivative() for p in parameters])
        self.weights = [
            [([next(moved) for _ in weights], next(moved)) for weights, _ in neurons] for neurons in self.weights
        ]
        return float(loss.getValue())


def measure(engine: str, points: int, steps: int) -> dict[str, Any]:
    """What this module prints."""
    rows, labels = moons(points)
    if engine == "xad":
        return {"nodes": 0, "seconds": seconds(Tape(rows, labels).step, steps), "bytes per node": 0.0}
    value, model = network("scalargrad" if engine == "floor" else engine)
    nodes = node_count(loss_of(value, model, rows, labels))
    if engine == "floor":
        return {"nodes": nodes, "seconds": seconds(lambda: allocate(nodes), steps), "bytes per node": 0.0}

    def step() -> None:
        loss = loss_of(value, model, rows, labels)
        model.zero_grad()
        loss.backward()
        for parameter in model.parameters():
            parameter.data -= 0.5 * parameter.grad

    gc.collect()
    timed = seconds(step, steps)
    model.zero_grad()
    gc.collect()
    tracemalloc.start()
    loss = loss_of(value, model, rows, labels)
    loss.backward()
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    return {"nodes": nodes, "seconds": timed, "bytes per node": held / nodes}


if __name__ == "__main__":
    sys.setrecursionlimit(100_000)  # micrograd sorts by recursion
    if sys.argv[4:] == ["no-gc"]:
        gc.disable()
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
