"""What lifting costs, in a process of its own.

    python -m benchmarks.lift_costs lifting SIZES
    python -m benchmarks.lift_costs expression NODES
    python -m benchmarks.lift_costs memory WORK

prints as JSON the seconds of one example's eager forward graph and of trace and lift (the first call,
gradient included); the seconds of value and gradient of a scalar expression, eager and lifted to
plain Python; the bytes that a call holds at most, those the program keeps from call to call, and
those of the arrays that the algorithm needs.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.graphs import scattered
from benchmarks.peers.lifted import program_of
from benchmarks.peers.scalars import example_loss, network
from benchmarks.work import WORKS, Work
from scalargrad import Value, lift

np: Any = importlib.import_module("numpy")


def best(action: Callable[[], object], rounds: int) -> float:
    """The shortest of some times; what is made is freed outside of them."""
    times = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        made = action()
        times.append(time.process_time() - start)
        del made
    return min(times)


def lifting(name: str) -> dict[str, Any]:
    """The cost of a network's first call beside that of its forward graph."""
    sizes = tuple(map(int, name.split("-")))
    work = Work(name, sizes, 2, "cross-entropy" if sizes[-1] > 1 else "hinge")
    model, (x, y) = network(work), work.data
    parameters = model.parameters()
    row, target = x[0].tolist(), (y[0] if sizes[-1] == 1 else y[0].tolist())

    def forward() -> Value:
        inputs = [Value(number) for number in row]
        return example_loss(work, model, inputs, target) + work.decay * sum(p * p for p in parameters)

    def lifted() -> Any:
        program = program_of(work, model, parameters, check=False)
        program.value_and_grad(x, y)
        return program

    nodes = _nodes(forward())
    rounds = 5 if nodes < 50_000 else 2
    lines = len(lifted().source.splitlines())
    return {"nodes": nodes, "eager": best(forward, rounds), "lifted": best(lifted, rounds), "lines": lines}


def _nodes(root: Value) -> int:
    seen, pending = {root}, [root]
    while pending:
        for operand in pending.pop().args:
            if operand not in seen:
                seen.add(operand)
                pending.append(operand)
    return len(seen)


def expression(size: str) -> dict[str, Any]:
    """Value and gradient of an expression of about so many nodes."""
    function, numbers = scattered(int(size))
    leaves = list(map(Value, numbers))
    root = function(leaves)
    root.backward()
    recorded = [leaf.grad for leaf in leaves]
    program: Any = lift(lambda: function(leaves), leaves, target="python")
    theta = program.pack()
    loss, gradient = program.value_and_grad(at=theta)
    assert abs(loss - root.data) <= 1e-12 * abs(root.data)
    assert all(abs(x - y) <= 1e-9 * max(map(abs, recorded)) for x, y in zip(gradient, recorded, strict=True))

    def eager() -> None:
        for leaf in leaves:
            leaf.zero_grad()
        function(leaves).backward()

    times_of: dict[str, list[float]] = {"eager": [], "lifted": []}
    actions: dict[str, Callable[[], object]] = {"eager": eager, "lifted": lambda: program.value_and_grad(at=theta)}
    repetitions = max(1, 100_000 // int(size))
    for _ in range(5):
        for name, action in actions.items():
            start = time.process_time()
            for _ in range(repetitions):
                action()
            times_of[name].append((time.process_time() - start) / repetitions)
    return {"nodes": _nodes(root)} | {name: median(times) for name, times in times_of.items()}


def memory(name: str) -> dict[str, Any]:
    """The bytes of one call, and those of the arrays that no way of computing it does without."""
    work = WORKS[name]
    model, (x, y) = network(work), work.data
    program = program_of(work, model, model.parameters())
    theta = np.array(program.pack())
    few = slice(0, 2)
    program.value_and_grad(x[few], y[few], at=theta)
    gc.collect()
    tracemalloc.start()
    program.value_and_grad(x, y, at=theta)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    program.value_and_grad(x, y, at=theta)
    _, peak = tracemalloc.get_traced_memory()
    widths = sum(work.sizes) + sum(work.sizes[1:])  # activations, and the slopes that come back
    arrays = 8 * (2 * len(theta) + work.batch * widths) + y.nbytes
    return {"peak": peak - before, "kept": before, "arrays": arrays}


KINDS: dict[str, Callable[[str], dict[str, Any]]] = {"lifting": lifting, "expression": expression, "memory": memory}

if __name__ == "__main__":
    print(json.dumps(KINDS[sys.argv[1]](sys.argv[2])))
