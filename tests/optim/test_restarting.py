"""Starting again elsewhere: the same answer on every executor, and the best of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing import get_context
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scalargrad import Value, cos, log
from scalargrad.optim import DIVERGED, INTERRUPTED, MinimizeResult, minimize, restarts


def wave(x: Any) -> Any:
    """The function x·cos(2x), which has many local minima."""
    return x * cos(2 * x)


def waves(rng: random.Random) -> MinimizeResult:
    """Its nearest local minimum."""
    x = Value(rng.uniform(-3, 3))
    return minimize(lambda: wave(x), [x], rate=0.03, max_steps=200)


class Backwards(Executor):
    """Does nothing until a result is asked for, and then everything, the last first."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, Future[Any], Callable[[], Any]]] = []
        self.done: list[int] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future = Asked(self)
        self.waiting.append((len(self.waiting), future, lambda: function(*arguments, **named)))
        return future

    def work(self) -> None:
        """Do what is waiting."""
        while self.waiting:
            place, future, call = self.waiting.pop()
            future.set_result(call())
            self.done.append(place)


class Asked(Future[Any]):
    """A future of that executor."""

    def __init__(self, executor: Backwards) -> None:
        super().__init__()
        self.executor = executor

    def result(self, timeout: float | None = None) -> Any:
        self.executor.work()
        return super().result(timeout)


@contextmanager
def dask() -> Iterator[Executor]:
    """The executor of a dask client, whose scheduler and worker are threads of this process."""
    from distributed import Client

    client = Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None)  # type: ignore[no-untyped-call]
    with client, client.get_executor() as executor:  # type: ignore[no-untyped-call]
        yield executor


EXECUTORS: dict[str, Callable[[], AbstractContextManager[Executor | None]]] = {
    "none": nullcontext,
    "backwards": Backwards,
    "threads": lambda: ThreadPoolExecutor(3),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),  # a fork of threads may hang
    "dask": dask,
}


@pytest.fixture(scope="module")
def alone() -> list[MinimizeResult]:
    """What the problem comes to with each of six generators, without restarts."""
    return [waves(random.Random(f"5/{i}")) for i in range(6)]


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_answer_does_not_depend_on_the_executor(name: str, alone: list[MinimizeResult]) -> None:
    """Every executor gives the same runs, in the same order, to the last bit, and so the same best."""
    with EXECUTORS[name]() as executor:
        found = restarts(waves, 6, seed=5, executor=executor)
    assert found.runs == alone
    assert found.best is min(found.runs, key=lambda run: run.fun)


def test_an_executor_may_work_backwards() -> None:
    """The executor that works backwards does so: the order of the runs is not that of the work."""
    executor = Backwards()
    found = restarts(waves, 3, seed=5, executor=executor)
    assert executor.done == [2, 1, 0]
    assert found.runs == restarts(waves, 3, seed=5).runs


@given(st.integers(1, 4), st.integers(1, 4), st.integers())
def test_a_run_depends_on_the_seed_and_its_number_alone(n: int, more: int, seed: int) -> None:
    """More restarts go on where fewer ended, each from a place of its own, and another seed goes elsewhere."""

    def drawn(rng: random.Random) -> MinimizeResult:
        return MinimizeResult([rng.random(), rng.random()], rng.random(), 0.0, 0)

    runs = restarts(drawn, n + more, seed).runs
    assert restarts(drawn, n, seed).runs == runs[:n]
    other = restarts(drawn, n + more, seed + 1).runs
    assert len({run.fun for run in runs + other}) == 2 * (n + more)


def test_restarts_find_what_one_run_misses() -> None:
    """Of the many local minima of x·cos(2x) the best of twenty runs is below all of the interval of their starts."""
    found = restarts(waves, 20, seed=0)
    lowest = min(wave(-3 + 6 * i / 10_000) for i in range(10_001))
    assert found.best.fun <= lowest + 1e-9
    assert len({round(run.fun, 4) for run in found.runs}) > 2
    assert any(run.fun > lowest + 1 for run in found.runs)


@given(st.lists(st.sampled_from([math.nan, math.inf]) | st.floats(-10, 10), min_size=1, max_size=6))
@example([math.nan, math.inf])
def test_a_nan_never_wins(losses: list[float]) -> None:
    """The best is the first run with the lowest loss, and nan only when there is nothing else."""
    assume(not all(map(math.isnan, losses)))
    left = iter(losses)
    found = restarts(lambda rng: MinimizeResult([], next(left), 0.0, 0), len(losses), 0)
    lowest = min(loss for loss in losses if not math.isnan(loss))
    assert found.best is found.runs[losses.index(lowest)]


def test_when_all_is_nan_the_answer_says_so() -> None:
    """Runs that all diverged at once give a best whose status says that it diverged."""
    x = Value(-1.0)
    assert restarts(lambda rng: minimize(lambda: log(x), [x]), 3, 0).best.status == DIVERGED


def mistaken(_rng: random.Random) -> MinimizeResult:
    """A problem with a mistake in it."""
    raise LookupError("mine")


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_error_in_a_run_comes_out(name: str) -> None:
    """What a run raises, in whatever thread or process, is raised by restarts."""
    with EXECUTORS[name]() as executor, pytest.raises(LookupError, match="mine"):
        restarts(mistaken, 2, 0, executor)


class Pending(Future[Any]):
    """A run that has not finished when one presses Ctrl-C, waiting for it."""

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002  # it is that of Future
        raise KeyboardInterrupt


class Scripted(Executor):
    """Finishes, fails in, or never comes to one run after another, as told."""

    def __init__(self, *fates: str) -> None:
        self.fates, self.futures = iter(fates), list[Future[Any]]()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        fate = next(self.fates)
        future: Future[Any] = Pending() if fate == "pending" else Future()
        if fate == "finished":
            future.set_result(function(*arguments, **named))
        elif fate == "failed":
            future.set_exception(LookupError("mine"))
        self.futures.append(future)
        return future


@pytest.mark.parametrize(
    "fates",
    [("finished", "pending", "pending"), ("finished", "finished", "pending"), ("pending", "finished", "finished")],
)
def test_ctrl_c_keeps_what_has_been_finished(fates: tuple[str, ...], alone: list[MinimizeResult]) -> None:
    """On Ctrl-C every finished run is kept, whatever their order, and those that have not begun are cancelled."""
    executor = Scripted(*fates)
    try:
        found = restarts(waves, len(fates), 5, executor)
    except KeyboardInterrupt:
        pytest.fail("the finished runs are lost")
    finished = [run for run, fate in zip(alone, fates, strict=False) if fate == "finished"]
    assert found.runs == finished
    assert found.best == min(finished, key=lambda run: run.fun)
    assert [future.cancelled() for future in executor.futures] == [fate == "pending" for fate in fates]


def test_after_an_error_the_rest_is_cancelled() -> None:
    """When a run fails, those that have not begun are cancelled."""
    executor = Scripted("finished", "failed", "never", "never")
    with pytest.raises(LookupError, match="mine"):
        restarts(waves, 4, 5, executor)
    assert [future.cancelled() for future in executor.futures] == [False, False, True, True]


def test_ctrl_c_before_anything_is_finished() -> None:
    """With nothing to keep, Ctrl-C is Ctrl-C."""
    with pytest.raises(KeyboardInterrupt):
        restarts(waves, 2, 5, Scripted("pending", "pending"))

    def interrupting(_rng: random.Random) -> MinimizeResult:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restarts(interrupting, 2, 5)


@pytest.mark.parametrize("inside", [True, False])
def test_ctrl_c_without_an_executor(inside: bool, alone: list[MinimizeResult]) -> None:
    """Ctrl-C in the third run keeps two, and the third too when it was minimize that it interrupted."""
    begun: list[int] = []

    def problem(rng: random.Random) -> MinimizeResult:
        begun.append(1)
        if len(begun) < 3:
            return waves(rng)
        if not inside:
            raise KeyboardInterrupt
        x = Value(rng.random())

        def loss() -> Value:
            raise KeyboardInterrupt

        return minimize(loss, [x])

    found = restarts(problem, 6, 5)
    assert found.runs[:2] == alone[:2]
    assert [run.status for run in found.runs[2:]] == [INTERRUPTED] * inside
    assert len(begun) == 3
    assert found.best == min(alone[:2], key=lambda run: run.fun)


@pytest.mark.parametrize("seed", [1.0, True, "1", None, random.Random(0)])
def test_a_seed_is_an_integer(seed: Any) -> None:
    """A seed that would be another in another process, or the same as an integer it is not, is refused."""
    with pytest.raises(ValueError, match="seed must be an integer, got"):
        restarts(lambda rng: MinimizeResult([], 0.0, 0.0, 0), 1, seed)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: restarts(waves, 0, 0), ValueError, "n must be an integer of at least 1, got 0"),
        (lambda: restarts(waves, True, 0), ValueError, "n must be"),
        (lambda: restarts(waves, 1.0, 0), ValueError, "n must be"),  # type: ignore[arg-type]
        (lambda: restarts(lambda rng: rng.random(), 1, 0), TypeError, "must return a MinimizeResult, got 0."),  # type: ignore[arg-type,return-value]
    ],
)
def test_bad_arguments(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        call()
