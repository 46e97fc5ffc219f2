"""Lifted programs of single numbers, which run in plain floats where arrays do not pay, beside the engine.

Value and gradient of functions of many kinds: without an example, for one, and for 64. The programs choose by
themselves between floats and arrays. Beside them stand the same programs in arrays always, plain Python, and the
engine, which records the graph and goes back through it. No row should be slower than the engine.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.graphs import GRAPHS, Graph
from benchmarks.lift import duration
from benchmarks.lifting import Action, Case, disagreement, measured
from scalargrad import Value, lift

np: Any = importlib.import_module("numpy")


def case(name: str, make: Callable[[], Graph], count: int = 0) -> Case:
    """Value and gradient of a graph in its numbers: by itself, or with the numbers scaled by `count` examples."""
    function, start = make()
    w = list(map(Value, start))
    examples = np.linspace(0.9, 1.1, count) if count > 1 else np.ones(count)
    numbers = examples.tolist()

    def scaled(x: Any) -> Any:
        return function([x * own for own in w])

    def eager() -> Any:
        for own in w:
            own.zero_grad()
        if not count:
            output = function(w)
            output.backward()
            return output, [own.grad for own in w]
        outputs = [scaled(Value(x)) for x in numbers]
        for output in outputs:
            output.backward()
        return sum(output.data for output in outputs) / count, [own.grad / count for own in w]

    def lifted(target: str, in_arrays: bool = False) -> Action:
        program: Any = lift(scaled if count else lambda: function(w), w, target=target, check=False)
        batch: list[Any] = ([examples] if target == "numpy" else [numbers]) if count else []
        if in_arrays:
            program._target.limit = lambda *_: -math.inf
        theta = program.pack()
        room = {"out": np.empty(len(w))} if target == "numpy" else {}
        return lambda: program.value_and_grad(*batch, at=theta, **room)

    text = f"{name}, {f'batch {count}' if count else 'no examples'}"
    ways = {"lifted": lifted("numpy"), "in arrays": lifted("numpy", True), "plain Python": lifted("python")}
    return Case(text, {**ways, "eager": eager})


def cases(quick: bool) -> Iterator[Case]:
    """The rows of the table."""
    for name, make in GRAPHS.items():
        if quick and name not in ("five nodes", "LU of 5"):
            continue
        for count in (0, 1) if name.endswith((",000", "of 40")) else (0, 1, 64):
            yield case(name, make, count)


def report(quick: bool) -> None:
    """Print the table."""
    threadpoolctl: Any = importlib.import_module("threadpoolctl")
    table = Table(title="Value and gradient, lifted and by the engine, one thread")
    for heading in ("function", "lifted", "in arrays", "plain Python", "eager", "eager ÷ lifted"):
        table.add_column(heading, justify="left" if heading == "function" else "right")
    with threadpoolctl.threadpool_limits(1):
        for row in cases(quick):
            wrong = disagreement(row)
            if wrong:
                raise RuntimeError(f"nothing is timed, since the numbers disagree: {wrong}")
            times = measured(row, 3)
            table.add_row(row.name, *map(duration, times.values()), f"{times['eager'] / times['lifted']:.1f}")
    Console().print(table)
