"""The eager engine beside micrograd 0.1.0, XAD 1.5.2 and the floor.

Each measurement is a process of its own, and the engines take turns, so that neither pays for the
other's garbage and a machine that slows down slows all of them. Seconds are the processor's.

The growth is shown with Python's cyclic garbage collector and without it, since the collector looks
again at all that lives whenever it has grown by a quarter: the price of a node grows with the graph
for whatever is made of Python objects, the floor included.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table


def report(quick: bool) -> None:
    """Print the tables: the training step, the growth with size, the import."""
    console = Console()
    rounds = 2 if quick else 7
    console.print(_training_step(rounds, steps=3 if quick else 9, micrograd_steps=1 if quick else 3))
    console.print(_beside_a_tape(rounds, steps=3 if quick else 9))
    console.print(_growth((1_000, 10_000) if quick else (10_000, 100_000, 1_000_000), rounds=1 if quick else 3))
    console.print(_import_time(5 if quick else 25))


def _run(engine: str, points: int, steps: int, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.moons", engine, str(points), str(steps), *options]
    measured: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return measured


def _training_step(rounds: int, steps: int, micrograd_steps: int) -> Table:
    engines = {"micrograd": micrograd_steps, "scalargrad": steps, "floor": steps}
    measured: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    for _ in range(rounds):
        for engine, repetitions in engines.items():
            measured[engine].append(_run(engine, points=100, steps=repetitions))
    times = {engine: [median(run["seconds"]) for run in runs] for engine, runs in measured.items()}

    nodes = measured["scalargrad"][0]["nodes"]
    table = Table(title=f"Moons, full batch of 100, 2-16-16-1, hinge and L2: one training step, {nodes:,} nodes")
    for heading in ("engine", "median", "fastest", "per node", "times as fast as micrograd (range)", "bytes per node"):
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    for engine, runs in measured.items():
        ratios = sorted(slow / fast for slow, fast in zip(times["micrograd"], times[engine], strict=True))
        table.add_row(
            engine,
            f"{median(times[engine]) * 1e3:.1f} ms",
            f"{min(min(run['seconds']) for run in runs) * 1e3:.1f} ms",
            f"{median(times[engine]) / nodes * 1e9:.0f} ns",
            f"{median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})",
            f"{runs[0]['bytes per node']:.0f}" if engine != "floor" else "",
        )
    return table


def _beside_a_tape(rounds: int, steps: int) -> Table:
    """The same step on XAD, a tape in C++: with the cyclic garbage collector, which it does not need, and without."""
    table = Table(title="The same step beside XAD, a tape in C++ with Python bindings")
    for heading in ("cyclic garbage collector", "XAD", "scalargrad", "scalargrad / XAD (range)"):
        table.add_column(heading, justify="left" if heading.startswith("cyclic") else "right")
    for name, options in (("as Python leaves it", ()), ("off", ("no-gc",))):
        times: dict[str, list[float]] = {"xad": [], "scalargrad": []}
        for _ in range(rounds):
            for engine, medians in times.items():
                medians.append(median(_run(engine, 100, steps, *options)["seconds"]))
        ratios = sorted(own / tape for own, tape in zip(times["scalargrad"], times["xad"], strict=True))
        cells = [f"{median(times[engine]) * 1e3:.1f} ms" for engine in times]
        table.add_row(name, *cells, f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return table


def _growth(sizes: tuple[int, ...], rounds: int) -> Table:
    columns = {
        "scalargrad": ("scalargrad",),
        "floor": ("floor",),
        "scalargrad, collector off": ("scalargrad", "no-gc"),
        "floor, collector off": ("floor", "no-gc"),
    }
    nodes_of_a_point = (_run("scalargrad", 20, 1)["nodes"] - _run("scalargrad", 10, 1)["nodes"]) / 10
    costs: dict[tuple[int, str], list[float]] = {(size, name): [] for size in sizes for name in columns}
    nodes: dict[int, int] = {}
    for _ in range(rounds):
        for (size, name), shares in costs.items():
            engine, *options = columns[name]
            run = _run(engine, max(1, round(size / nodes_of_a_point)), max(2, 500_000 // size), *options)
            nodes[size] = run["nodes"]
            shares.append(median(run["seconds"]) / run["nodes"])

    table = Table(title=f"The same step as the batch grows: cost per node, and its ratio to that at {sizes[0]:,}")
    table.add_column("nodes", justify="right")
    for name in columns:
        table.add_column(name, justify="right")
    for size in sizes:
        cells = []
        for name in columns:
            cost, ratio = median(costs[size, name]), median(costs[size, name]) / median(costs[sizes[0], name])
            cells.append(f"{cost * 1e9:.0f} ns  {ratio:.2f}")
        table.add_row(f"{nodes[size]:,}", *cells)
    return table


def _import_time(rounds: int) -> Table:
    programs = {"pass": "pass", "import scalargrad": "import scalargrad"}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            times[name].append(time.perf_counter() - start)
    table = Table(title="A fresh interpreter")
    table.add_column("python -c")
    table.add_column("median", justify="right")
    table.add_column("more than pass", justify="right")
    for name in programs:
        more = median(times[name]) - median(times["pass"])
        table.add_row(name, f"{median(times[name]) * 1e3:.1f} ms", f"{more * 1e3:.1f} ms")
    return table
