"""Lifted programs beside numpy written by hand, the array libraries, and scalar engines.

Each peer is a process of its own that lives as long as the table takes. In every round each has one
turn while the others wait, so that a machine that slows down slows all of them; a ratio is that of
two turns of the same round. Threads are set for each process: one for everybody, and then as many
as there are processors for those who can use them. Before anything is timed all gradients are
compared, and one that differs from the rest is an error.

A peer that is not installed is a row that says so; so is micrograd where its four operations are not
enough. All are in the extra `bench`, which wants a virtual environment apart from the tests':
PyTorch needs an older mpmath than they do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers.worker import PEERS
from benchmarks.work import WORKS, Work

FIRST = "lifted"  # what the others are compared with
TOLERANCE = 1e-9  # of a gradient, relative to its largest entry
SLOW = 0.5  # seconds: a step that takes longer is timed in fewer rounds
SLOW_ROUNDS = 3
PROCESSORS = os.cpu_count() or 1


def report(quick: bool) -> None:
    """Print the tables: training steps, the cost of lifting, scalar expressions, memory."""
    console = Console()
    rounds, turn = (2, 0.05) if quick else (9, 0.25)
    for work in list(WORKS.values())[: 2 if quick else None]:
        console.print(training_step(work, rounds, turn))
    for table in costs(quick):
        console.print(table)


# ---------------------------------------------------------------- processes


def environment(threads: int) -> dict[str, str]:
    """The environment, but with so many threads, and BLAS left to choose its code for the processor."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" if threads == 1 else ""
    return kept | dict.fromkeys(names, str(threads)) | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


class Turns:
    """A peer in its process: asked for its gradient, or for a turn of timing."""

    def __init__(self, work: Work, peer: str, threads: int) -> None:
        self.name, self.threads = peer, threads
        self.times: list[float] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.worker", work.name, peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads),
        )
        self.start = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} has ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, order: str) -> dict[str, Any]:
        """The answer to an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self._answer()

    def turn(self, seconds: float) -> None:
        """Time it once more."""
        self.times.append(self.ask(f"time {seconds}")["seconds"])

    def close(self) -> None:
        """Let the process end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


# ---------------------------------------------------------------- the training step


def disagreement(peers: dict[str, tuple[float, list[float]]]) -> str | None:
    """What is wrong with the peers' losses and gradients, each beside the first; None when they agree."""
    (first, (loss, gradient)), *others = peers.items()
    scale = max(map(abs, gradient))
    for name, (other_loss, other) in others:
        if len(other) != len(gradient):
            return f"{name} has {len(other)} derivatives, {first} has {len(gradient)}"
        apart = [abs(x - y) for x, y in zip(gradient, other, strict=True)]
        agree = all(distance <= TOLERANCE * scale for distance in apart)  # a nan is at no distance
        if not (agree and abs(other_loss - loss) <= TOLERANCE * abs(loss)):
            losses = f"losses {other_loss!r} and {loss!r}"
            return f"{name} and {first} differ: {losses}, derivatives by up to {max(apart):.1e}"
    return None


def training_step(work: Work, rounds: int, turn: float) -> Table:
    """Every peer at one work."""
    peers: list[Turns] = []
    missing: dict[str, str] = {}
    try:
        for name, (_, _, threads) in PEERS.items():
            for count in (1, PROCESSORS) if threads == "any" and PROCESSORS > 1 else (1,):
                if name not in missing:
                    peer = Turns(work, name, count)
                    peers.append(peer)
                    if "missing" in peer.start:
                        missing[name] = peer.start["missing"]
        present = [peer for peer in peers if peer.name not in missing]
        answers = {f"{peer.name} ({peer.threads} threads)": peer.ask("gradient") for peer in present}
        wrong = disagreement({name: (answer["loss"], answer["gradient"]) for name, answer in answers.items()})
        if wrong:
            raise RuntimeError(f"nothing is timed, since the gradients of {work.name} disagree: {wrong}")
        for number in range(rounds):
            for peer in present:
                if number < SLOW_ROUNDS or peer.times[0] < SLOW:
                    peer.turn(turn)
    finally:
        for peer in peers:
            peer.close()
    return _table(work, present, missing)


def _table(work: Work, peers: list[Turns], missing: dict[str, str]) -> Table:
    kernel = next((peer.start["kernel"] for peer in peers if peer.start["kernel"]), "")
    versions = dict.fromkeys(version for peer in peers if (version := peer.start["version"])[0] != "s")
    title = f"{work.name}, batch {work.batch}, {work.loss} and L2: one training step"
    table = Table(title=title, caption=", ".join([*versions, kernel]).rstrip(", "))
    table.add_column("peer")
    counts = (1, PROCESSORS) if PROCESSORS > 1 else (1,)
    for count in counts:
        table.add_column("one thread" if count == 1 else f"{count} threads", justify="right")
        table.add_column("÷ lifted", justify="right")
        if count == 1:
            table.add_column("range", justify="right", no_wrap=True)
    by_name = {(peer.name, peer.threads): peer for peer in peers}
    for name in PEERS:
        cells: list[str] = [] if name not in missing else ["–", f"no {missing[name]}"]
        for count in counts if name not in missing else ():
            peer, first = by_name.get((name, count)), by_name.get((FIRST, count))
            if peer and first:
                median_ratio, extent = ratio(peer, first)
                cells += [duration(median(peer.times)), median_ratio, *([extent] if count == 1 else [])]
        table.add_row(name, *cells)
    return table


def ratio(peer: Turns, first: Turns) -> tuple[str, str]:
    """How many times as long as the first a peer took in the same round, and how far that ranged."""
    ratios = sorted(x / y for x, y in zip(peer.times, first.times, strict=False))
    digits = 2 if ratios[-1] < 100 else 0
    return f"{median(ratios):,.{digits}f}", f"{ratios[0]:,.{digits}f}–{ratios[-1]:,.{digits}f}"


def duration(seconds: float) -> str:
    """A time to three figures."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


# ---------------------------------------------------------------- what lifting costs


def costs(quick: bool) -> list[Table]:
    """What `lift_costs.py` finds, each in a process of its own."""
    sizes = ["2-16-16-1", "256-8-10", "256-16-10", "256-32-10"] + ([] if quick else ["256-64-10", "256-128-64-10"])
    rounds = 1 if quick else 3
    lifting = Table(title="Trace and lift, gradient included, beside building one example's eager forward graph")
    for heading in ("network", "nodes", "eager forward", "trace and lift", "times as long", "per node", "lines"):
        lifting.add_column(heading, justify="left" if heading == "network" else "right")
    for size in sizes:
        runs = [_cost("lifting", size) for _ in range(rounds)]
        eager, lifted = median(run["eager"] for run in runs), median(run["lifted"] for run in runs)
        nodes, lines = runs[0]["nodes"], runs[0]["lines"]
        times = median(run["lifted"] / run["eager"] for run in runs)
        per_node = lifted / nodes * 1e6
        cells = [duration(eager), duration(lifted), f"{times:.1f}", f"{per_node:.2f} µs", str(lines)]
        lifting.add_row(size, f"{nodes:,}", *cells)

    scalar = Table(title="An irregular scalar expression, no batch: value and gradient, again and again")
    for heading in ("nodes", "eager", "lifted, python", "eager ÷ lifted"):
        scalar.add_column(heading, justify="right")
    for nodes in (200,) if quick else (200, 2000, 20_000):
        runs = [_cost("expression", str(nodes)) for _ in range(rounds)]
        eager, lifted = median(run["eager"] for run in runs), median(run["lifted"] for run in runs)
        times = median(run["eager"] / run["lifted"] for run in runs)
        scalar.add_row(f"{runs[0]['nodes']:,}", duration(eager), duration(lifted), f"{times:.1f}")

    memory = Table(title="Memory: what value_and_grad holds, beside the arrays themselves")
    for heading in ("network", "batch", "at once", "the program's own", "arrays of the algorithm", "ratio"):
        memory.add_column(heading, justify="left" if heading == "network" else "right")
    for name in list(WORKS)[: 2 if quick else None]:
        run = _cost("memory", name)
        held = run["peak"] + run["kept"]
        cells = [f"{run[key] / 1e6:.2f} MB" for key in ("peak", "kept", "arrays")]
        memory.add_row(name, str(WORKS[name].batch), *cells, f"{held / run['arrays']:.2f}")
    return [lifting, scalar, memory]


def _cost(kind: str, size: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.lift_costs", kind, size]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment(1))
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
