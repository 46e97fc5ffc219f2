"""Restarts: minimization from several starting points, and the best result."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Generator, Iterator
from inspect import GEN_CLOSED, getgeneratorstate
from typing import TYPE_CHECKING, Protocol

from ..engine.floats import integer, number
from .arguments import in_our_words
from .minimizing import INTERRUPTED, MinimizeResult

if TYPE_CHECKING:  # it takes as long to import as all the rest
    from concurrent.futures import Executor, Future

Problem = Callable[[random.Random], MinimizeResult]
Runs = Generator[MinimizeResult, None, None]


class Client(Protocol):
    """The part of a dask.distributed client that is needed here."""

    def get_executor(self) -> Executor:
        """Return an executor that works on the cluster."""


class Restarts:
    """The result of `restarts`: a loop over it gets each run as it finishes.

    A `break` cancels the runs that have not started.

    Attributes:
        message: the number of finished runs, and why there are no more.
    """

    def __init__(
        self,
        problem: Problem,
        n: int,
        seed: int,
        executor: Executor | None,
        until: Callable[[MinimizeResult], object] | None,
        seconds: float,
    ) -> None:
        self._n, self._until, self._deadline = n, until, time.monotonic() + seconds
        self._end = n  # the number of the first run that does not count
        self._finished: dict[int, MinimizeResult] = {}  # by their numbers, in the order in which they finished
        self._is_iterated = False
        self._reason = ""
        self._error: Exception | None = None  # that ended the runs
        self._verb = "runs" if executor is None else "waits for"
        if executor is None:
            self._coming = self._one_by_one(problem, seed)
        else:
            futures: list[Future[MinimizeResult]] = []
            try:
                for i in range(n):
                    futures.append(executor.submit(_run, problem, seed, i))
            except BaseException:
                _cancel(futures)
                raise
            self._coming = self._as_they_finish(futures)

    @property
    def runs(self) -> list[MinimizeResult]:
        """The results of all runs, in the order of their numbers; in a loop over them, of those finished so far.

        Raises:
            RuntimeError: after an error in a run, which leaves some runs out. A loop still gets those that finished.
        """
        self._finish()
        return [run for _, run in sorted(self._finished.items())]

    @property
    def best(self) -> MinimizeResult:
        """The result with the lowest loss, the first of several; in a loop, of the runs finished so far.

        Raises:
            RuntimeError: if no run has finished, or after an error in a run.
        """
        runs = self.runs
        if not runs:
            raise RuntimeError(f"there is no best run: {self.message}; call restarts again to run them")
        return min(runs, key=lambda run: (math.isnan(run.fun), run.fun))

    @property
    def message(self) -> str:
        """The number of finished runs, and why there are no more."""
        return f"{len(self._finished)} of {self._n} runs have finished{self._reason}"

    def __iter__(self) -> Iterator[MinimizeResult]:
        yield from list(self._finished.values())
        if self._error is not None:
            raise RuntimeError(f"{self.message}, so the others are missing: call restarts again") from self._error
        self._is_iterated = True
        try:
            yield from self._coming
        except Exception as error:
            self._error = error
            text = str(error).partition("\n")[0]
            self._reason = f", and then one failed with {type(error).__name__}{text and f': {text}'}"
            raise
        finally:
            self._is_iterated = False
            self._coming.close()

    def __repr__(self) -> str:
        if self._finished:
            return f"Restarts({self.message}, best.fun={self._lowest():.6g})"
        is_open = getgeneratorstate(self._coming) != GEN_CLOSED  # as it is after an error
        return f"Restarts({self.message}{f'; best {self._verb} them all' if is_open else ''})"

    def _lowest(self) -> float:
        return min((run.fun for run in self._finished.values()), key=lambda fun: (math.isnan(fun), fun))

    def _finish(self) -> None:
        if not self._is_iterated:
            for _ in self:
                pass

    # ---------------------------------------------------------------- where the runs come from

    def _one_by_one(self, problem: Problem, seed: int) -> Runs:
        try:
            i = 0
            while i < self._end:
                if i and time.monotonic() >= self._deadline:
                    self._reason = ": the time is up"
                    break
                run = _run(problem, seed, i)
                yield from self._kept(i, run)
                if run.status == INTERRUPTED:
                    raise KeyboardInterrupt
                i += 1
        except KeyboardInterrupt:
            self._interrupted()

    def _as_they_finish(self, futures: list[Future[MinimizeResult]]) -> Runs:
        from concurrent.futures import FIRST_COMPLETED, wait

        numbers = {future: i for i, future in enumerate(futures)}
        pending = set(futures)
        try:
            while pending:
                left = None if math.isinf(self._deadline) or not self._finished else self._deadline - time.monotonic()
                finished, pending = wait(pending, left and max(0.0, left), FIRST_COMPLETED)
                if not finished:
                    self._reason = ": the time is up"
                    break
                for future in sorted(finished, key=numbers.__getitem__):
                    yield from self._kept(numbers[future], future.result())
                _cancel(futures[self._end :])
                pending = {future for future in pending if numbers[future] < self._end}
        except KeyboardInterrupt:
            for future, i in numbers.items():
                is_new = i not in self._finished and future.done() and not future.cancelled()
                if is_new and future.exception() is None:
                    yield from self._kept(i, future.result())
            self._interrupted()
        finally:
            _cancel(futures)

    def _kept(self, i: int, run: MinimizeResult) -> Iterator[MinimizeResult]:
        if i >= self._end:
            return
        self._finished[i] = run
        if self._until is not None and self._until(run):
            self._end = i + 1
            self._finished = {number: run for number, run in self._finished.items() if number < self._end}
            self._reason = f": run {i} was what `until` waited for"
        yield run

    def _interrupted(self) -> None:
        if not self._finished:
            raise  # noqa: PLE0704  # it is called where Ctrl-C is caught
        self._reason = ": interrupted"


def _cancel(futures: list[Future[MinimizeResult]]) -> None:
    for future in futures:
        future.cancel()


@in_our_words
def restarts(
    problem: Problem,
    n: int,
    seed: int,
    executor: Executor | Client | None = None,
    *,
    until: Callable[[MinimizeResult], object] | None = None,
    seconds: float = math.inf,
) -> Restarts:
    """Solve a problem from n different starting points, and keep the lowest minimum.

    `problem(rng)` draws its initial values from the generator and returns the result of `minimize`. Run i always
    gets a generator with the seed (seed, i), so the answer depends neither on the executor nor on the order of its
    work.

    >>> from scalargrad import Value, optim
    >>> def valley(rng):
    ...     x = Value(rng.uniform(-3, 3))
    ...     return optim.minimize(lambda: x**4 - 3 * x**2 + x, [x], rate=0.01)
    >>> result = optim.restarts(valley, n=8, seed=0)
    >>> round(result.best.fun, 4), sorted({round(run.fun, 4) for run in result.runs})
    (-3.5139, [-3.5139, -1.0702])

    A loop over the result gets each run as it finishes:

    >>> for run in optim.restarts(valley, n=8, seed=1, until=lambda run: run.fun < -3.5):
    ...     print(round(run.fun, 4))
    -1.0702
    -3.5139

    Args:
        problem: one run, as a function of a generator; for processes it must be a function of a module.
        n: the number of runs.
        seed: an integer; with the number of a run it decides the run's generator.
        executor: an executor of threads or processes from `concurrent.futures`, or a client of `dask.distributed`.
            Without one, the runs take place in this thread, each when it is needed.
        until: a predicate of a result. If it holds for run i, the runs after i do not count, and only those before i
            are waited for; so the answer still does not depend on the executor.
        seconds: the time after which no more runs are waited for. At least one run counts.

    Returns:
        An object with `runs` and `best`, which wait for all runs. Ctrl-C ends the wait and keeps the finished runs.

    Raises:
        TypeError: for a problem that is not a function of a generator, or that does not return a MinimizeResult.
        ValueError: for an n below 1, a seed that is not an integer, or negative seconds.
        KeyboardInterrupt: on Ctrl-C before the first run has finished.
    """
    if not callable(problem):
        raise TypeError(f"the problem must be a function of a generator, got {problem!r}")
    n = integer(n, "n", low=1)
    seed = integer(seed, "seed")
    seconds = number(seconds, "seconds", bools=False)
    if not seconds >= 0:
        raise ValueError(f"seconds must be at least 0.0, got {seconds!r}")
    if executor is not None and hasattr(executor, "get_executor"):
        executor = executor.get_executor()
    return Restarts(problem, n, seed, executor, until, seconds)


def _run(problem: Problem, seed: int, i: int) -> MinimizeResult:
    rng = random.Random(f"{seed}/{i}")
    try:
        result = problem(rng)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # from within the function
            raise
        raise TypeError(f"the problem must be a function of a generator, got {problem!r}: {error}") from None
    if not isinstance(result, MinimizeResult):
        raise TypeError(f"the problem must return a MinimizeResult, got {result!r} of type {type(result).__name__}")
    return result
