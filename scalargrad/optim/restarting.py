"""Downhill from many places: the lowest minimum of several runs."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engine.floats import integer
from .minimizing import INTERRUPTED, MinimizeResult

if TYPE_CHECKING:  # it takes as long to import as all the rest
    from concurrent.futures import Executor, Future


@dataclass
class Restarts:
    """What `restarts` came to: all runs in their order, and the best of them."""

    best: MinimizeResult
    runs: list[MinimizeResult]


def restarts(
    problem: Callable[[random.Random], MinimizeResult], n: int, seed: int, executor: Executor | None = None
) -> Restarts:
    """Solve a problem from n different starting points, and keep the lowest minimum found.

    `problem(rng)` draws its initial values from the generator and returns what `minimize` came
    to. Run i always gets the generator seeded with (seed, i), so the answer depends neither on the
    executor nor on the order in which it works. For an executor of processes the problem must be
    picklable, such as a function of a module. Ctrl-C returns what has been finished.

    >>> from scalargrad import Value
    >>> from scalargrad.optim import minimize
    >>> def valley(rng):
    ...     x = Value(rng.uniform(-3, 3))
    ...     return minimize(lambda: x**4 - 3 * x**2 + x, [x], rate=0.01)
    >>> found = restarts(valley, n=8, seed=0)
    >>> round(found.best.fun, 4), sorted({round(run.fun, 4) for run in found.runs})
    (-3.5139, [-3.5139, -1.0702])

    Raises:
        TypeError: for a problem that does not return a MinimizeResult.
        ValueError: for an n below 1, or a seed that is no integer.
        KeyboardInterrupt: on Ctrl-C before the first run has finished.
    """
    n = integer(n, "n", low=1)
    seed = integer(seed, "seed")
    runs: list[MinimizeResult] = []
    futures: list[Future[MinimizeResult]] = []
    try:
        if executor is None:
            for i in range(n):
                runs.append(_run(problem, seed, i))
                if runs[-1].status == INTERRUPTED:
                    break
        else:
            futures += [executor.submit(_run, problem, seed, i) for i in range(n)]
            for future in futures:
                runs.append(future.result())
    except KeyboardInterrupt:
        finished = [future for future in futures[len(runs) :] if future.done() and not future.cancelled()]
        runs += [future.result() for future in finished if future.exception() is None]
        if not runs:
            raise
    finally:
        for future in futures:
            future.cancel()
    best = min(runs, key=lambda run: (math.isnan(run.fun), run.fun))
    return Restarts(best, runs)


def _run(problem: Callable[[random.Random], MinimizeResult], seed: int, i: int) -> MinimizeResult:
    result = problem(random.Random(f"{seed}/{i}"))
    if not isinstance(result, MinimizeResult):
        raise TypeError(f"the problem must return a MinimizeResult, got {result!r} of type {type(result).__name__}")
    return result
