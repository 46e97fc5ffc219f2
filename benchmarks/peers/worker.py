"""One peer at one work, in a process of its own that waits for orders between its turns.

    python -m benchmarks.peers.worker WORK PEER

A peer is an object with `version`, `gradient()` (the loss at the start and its gradient, in the
order of `work.py`), `run(steps)`, and, where it works on a part of the batch only, `share`. The
process answers each line it is given with a line of JSON:

    gradient            {"loss": …, "gradient": […]}
    time SECONDS        {"seconds": …}, the median over slices of that time, for one step

First it says what it is, or what is missing: {"version": …, "kernel": …} or {"missing": …}. One
thread is timed by the processor's clock, several by the wall's. Who starts threads unasked gets one
processor for all of them, so that their times add up.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from statistics import median
from typing import Any

from benchmarks.work import WORKS

PEERS = {  # where each is found, and how many threads it can make use of
    "lifted": ("lifted", "Peer", "any"),
    "numpy, by hand": ("by_hand", "Peer", "any"),
    "PyTorch": ("pytorch", "Peer", "any"),
    "JAX, jit": ("jaxed", "Peer", "any"),
    "JAX, jit, not waited for": ("jaxed", "InFlight", "any"),
    "CasADi SX": ("casadi_sx", "Peer", "one"),
    "HIPS autograd": ("hips", "Peer", "any"),
    "micrograd": ("scalars", "Micrograd", "one"),
    "eager": ("scalars", "Peer", "one"),
    "lifted, on Values": ("lifted", "OnValues", "any"),
}
SLICE = 0.005  # seconds


def prepare(work: str, peer: str) -> Any:
    """The peer at the work; an ImportError when what it needs is not installed."""
    module, name, _ = PEERS[peer]
    return getattr(importlib.import_module(f"benchmarks.peers.{module}"), name)(WORKS[work])


def kernel() -> str:
    """The code that numpy's matrix products run on here, if threadpoolctl can tell."""
    try:
        pools: list[dict[str, Any]] = importlib.import_module("threadpoolctl").threadpool_info()
    except ImportError:
        return ""
    models = [
        f"{pool['internal_api']} {pool['version']} {pool['architecture']}" for pool in pools if "architecture" in pool
    ]
    return models[0] if models else ""


def seconds_a_step(peer: Any, budget: float) -> float:
    """The median time of one step, over slices of several steps each."""
    clock = time.process_time if os.environ.get("OMP_NUM_THREADS") == "1" else time.perf_counter

    def taken(steps: int) -> float:
        start = clock()
        peer.run(steps)
        return clock() - start

    steps = max(1, round(SLICE / max(taken(1), 1e-7)))
    times: list[float] = []
    deadline = time.perf_counter() + budget
    while not times or time.perf_counter() < deadline:
        times.append(taken(steps) / steps)
    return median(times) / getattr(peer, "share", 1.0)


def main() -> None:
    """Answer line after line."""
    if os.environ.get("OMP_NUM_THREADS") == "1" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        peer = prepare(*sys.argv[1:])
    except ImportError as error:
        print(json.dumps({"missing": error.name or str(error)}), flush=True)
        return
    print(json.dumps({"version": peer.version, "kernel": kernel()}), flush=True)
    for line in sys.stdin:
        order, *arguments = line.split()
        if order == "gradient":
            loss, gradient = peer.gradient()
            print(json.dumps({"loss": loss, "gradient": gradient}), flush=True)
        else:
            print(json.dumps({"seconds": seconds_a_step(peer, float(arguments[0]))}), flush=True)


if __name__ == "__main__":
    main()
