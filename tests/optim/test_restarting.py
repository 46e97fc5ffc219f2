"""Restarts: the same answer on every executor, early stops, and interruptions."""

from __future__ import annotations

import concurrent.futures
import math
import random
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing import get_context
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scalargrad import Value, cos, log, optim
from scalargrad.optim import DIVERGED, INTERRUPTED, MinimizeResult, minimize, restarts


def wave(x: Any) -> Any:
    """The function x·cos(2x), which has many local minima."""
    return x * cos(2 * x)


def waves(rng: random.Random) -> MinimizeResult:
    """Its nearest local minimum."""
    x = Value(rng.uniform(-3, 3))
    return minimize(lambda: wave(x), [x], rate=0.03, max_steps=200)


class Backwards(Executor):
    """Does nothing until so many calls have been submitted, and then all of them, the last first."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.waiting: list[tuple[int, Future[Any], Callable[[], Any]]] = []
        self.done: list[int] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((len(self.waiting), future, lambda: function(*arguments, **named)))
        if len(self.waiting) == self.n:
            for place, waiting, call in reversed(self.waiting):
                try:
                    waiting.set_result(call())
                except LookupError as error:
                    waiting.set_exception(error)
                self.done.append(place)
        return future


@contextmanager
def dask() -> Iterator[optim.Client]:
    """A client of dask, whose scheduler and worker are threads of this process."""
    from distributed import Client

    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:  # type: ignore[no-untyped-call]
        yield client


EXECUTORS: dict[str, Callable[[int], AbstractContextManager[Executor | optim.Client | None]]] = {
    "none": lambda n: nullcontext(),
    "backwards": Backwards,
    "threads": lambda n: ThreadPoolExecutor(3),
    "processes": lambda n: ProcessPoolExecutor(2, mp_context=get_context("spawn")),  # a fork of threads may hang
    "dask": lambda n: dask(),
}


@pytest.fixture(scope="module")
def alone() -> list[MinimizeResult]:
    """The results of the problem for six generators, without restarts."""
    return [waves(random.Random(f"5/{i}")) for i in range(6)]


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_answer_does_not_depend_on_the_executor(name: str, alone: list[MinimizeResult]) -> None:
    """Every executor gives the same runs, in the same order, to the last bit, and so the same best."""
    with EXECUTORS[name](6) as executor:
        result = restarts(waves, 6, seed=5, executor=executor)
        yielded = list(result)
    assert sorted(yielded, key=alone.index) == result.runs == alone
    assert result.best is min(result.runs, key=lambda run: run.fun)
    assert repr(result) == f"Restarts(6 of 6 runs have finished, best.fun={result.best.fun:.6g})"


def test_before_the_first_run_the_repr_says_how_to_run() -> None:
    """Without a run the repr names the attribute that runs them or waits for them; after a run it does not."""
    assert repr(restarts(waves, 2, seed=5)) == "Restarts(0 of 2 runs have finished; best runs them all)"
    executor = Backwards(2)
    assert (
        repr(restarts(waves, 2, seed=5, executor=executor))
        == "Restarts(0 of 2 runs have finished; best waits for them all)"
    )
    result = restarts(waves, 2, seed=5)
    for _ in result:
        break
    assert repr(result).startswith("Restarts(1 of 2 runs have finished, best.fun=")


def test_an_error_in_the_first_run_leaves_no_best() -> None:
    """After an error in a problem the next look says what failed, not that a minimum of nothing is."""
    result = restarts(lambda rng: rng.random(), 2, 0)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="must return a MinimizeResult, got 0"):
        _ = result.best
    message = "0 of 2 runs have finished, and then one failed with TypeError: the problem must return a MinimizeResult"
    assert repr(result).startswith(f"Restarts({message}")
    with pytest.raises(RuntimeError, match=f"{message}.*, so the others are missing: call restarts again"):
        _ = result.best


def test_after_ctrl_c_in_the_first_run_there_is_no_best() -> None:
    """Ctrl-C before a run has finished comes out; the next look says that there is no best run."""

    def pressed(_rng: random.Random) -> MinimizeResult:
        raise KeyboardInterrupt

    result = restarts(pressed, 2, 0)
    with pytest.raises(KeyboardInterrupt):
        _ = result.best
    with pytest.raises(RuntimeError, match="there is no best run: 0 of 2 runs have finished; call restarts again"):
        _ = result.best


@pytest.mark.parametrize("executor", [None, "scripted"])
def test_after_an_error_some_runs_are_not_the_answer(executor: str | None, alone: list[MinimizeResult]) -> None:
    """When a run fails, `runs` and `best` are errors at every look; a loop gets what has finished, then the error."""
    begun = 0

    def third_fails(rng: random.Random) -> MinimizeResult:
        nonlocal begun
        begun += 1
        if begun == 3:
            raise LookupError("mine\nand more")
        return waves(rng)

    given = None if executor is None else Scripted("finished", "finished", "failed", "never")
    result = restarts(third_fails, 4, 5, given)
    with pytest.raises(LookupError, match="mine"):
        _ = result.runs
    for _ in range(2):
        for look in (lambda: result.runs, lambda: result.best):
            with pytest.raises(
                RuntimeError, match=r"2 of 4 runs have finished, and then one failed with LookupError: "
            ):
                look()
    gathered: list[MinimizeResult] = []
    with pytest.raises(RuntimeError, match="mine, so the others are missing") as raised:
        list(map(gathered.append, result))  # one by one, as it ends with an error
    assert isinstance(raised.value.__cause__, LookupError)
    assert gathered == alone[:2]


def test_an_executor_may_work_backwards() -> None:
    """The executor that works backwards does so: the order of the runs is not that of the work."""
    executor = Backwards(3)
    result = restarts(waves, 3, seed=5, executor=executor)
    assert executor.done == [2, 1, 0]
    assert result.runs == restarts(waves, 3, seed=5).runs


def is_long(run: MinimizeResult) -> bool:
    """Whether a run took more steps than the first two with the seed 5."""
    return run.nit > 70


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_predicate_stops_early_and_the_answer_is_the_same(name: str, alone: list[MinimizeResult]) -> None:
    """The answer is the runs up to the first for which the predicate holds, on any executor and in any order."""
    first = next(i for i, run in enumerate(alone) if is_long(run))
    assert 0 < first < len(alone) - 1
    with EXECUTORS[name](6) as executor:
        result = restarts(waves, 6, 5, executor, until=is_long)
        yielded = list(result)
    assert result.runs == alone[: first + 1]
    assert all(run in yielded for run in result.runs)
    assert result.message == f"{first + 1} of 6 runs have finished: run {first} was what `until` waited for"
    if executor is None:
        assert yielded == result.runs


def test_runs_that_no_longer_count_are_cancelled_at_once(alone: list[MinimizeResult]) -> None:
    """When the predicate holds for a run, those after it are cancelled, even while one before it is waited for."""
    executor = Scripted("pending", "finished", "never")
    coming = iter(restarts(waves, 3, 5, executor, until=lambda run: True))
    assert next(coming) == alone[1]
    executor.futures[0].set_result(alone[0])
    assert list(coming) == [alone[0]]
    assert [future.cancelled() for future in executor.futures] == [False, False, True]


def test_runs_come_as_they_finish(alone: list[MinimizeResult]) -> None:
    """In the loop each run is there when it has finished, and `runs` and `best` are those so far."""
    begun = []

    def problem(rng: random.Random) -> MinimizeResult:
        begun.append(1)
        return waves(rng)

    result = restarts(problem, 4, 5)
    assert begun == []
    for count, run in enumerate(result, start=1):
        assert len(begun) == count
        assert result.runs == alone[:count]
        assert run is result.runs[-1]
        assert result.best == min(alone[:count], key=lambda run: run.fun)
        assert f"{count} of 4 runs" in repr(result)
    assert list(result) == result.runs == alone[:4]


def test_leaving_the_loop_ends_it(alone: list[MinimizeResult]) -> None:
    """After a break the runs that have not begun are cancelled, and those that have finished are the answer."""
    executor = Scripted("finished", "never", "never")
    for result in (restarts(waves, 3, 5), restarts(waves, 3, 5, executor)):
        for _ in result:
            break
        assert result.runs == alone[:1]
    assert [future.cancelled() for future in executor.futures] == [False, True, True]


def test_when_the_time_is_up_what_has_finished_is_the_answer(alone: list[MinimizeResult]) -> None:
    """With no time at all one run is waited for, and no more; with enough of it, all are."""
    for executor in (None, Scripted("finished", "never", "never")):
        result = restarts(waves, 3, 5, executor, seconds=0.0)
        assert result.runs == alone[:1]
        assert result.message == "1 of 3 runs have finished: the time is up"
    assert [future.cancelled() for future in executor.futures] == [False, True, True]  # type: ignore[union-attr]
    assert restarts(waves, 3, 5, Scripted(*["finished"] * 3), seconds=1e9).runs == alone[:3]
    with ThreadPoolExecutor(1) as threads:
        assert restarts(waves, 3, 5, threads, seconds=0.0).runs[:1] == alone[:1]


@given(st.integers(1, 4), st.integers(1, 4), st.integers())
def test_a_run_depends_on_the_seed_and_its_number_alone(n: int, more: int, seed: int) -> None:
    """More restarts begin with the same runs as fewer; each run and each seed has other starting points."""

    def drawn(rng: random.Random) -> MinimizeResult:
        return MinimizeResult([rng.random(), rng.random()], rng.random(), 0.0, 0)

    runs = restarts(drawn, n + more, seed).runs
    assert restarts(drawn, n, seed).runs == runs[:n]
    other = restarts(drawn, n + more, seed + 1).runs
    assert len({run.fun for run in runs + other}) == 2 * (n + more)


def test_restarts_find_what_one_run_misses() -> None:
    """Of the many local minima of x·cos(2x) the best of twenty runs is below all of the interval of their starts."""
    result = restarts(waves, 20, seed=0)
    lowest = min(wave(-3 + 6 * i / 10_000) for i in range(10_001))
    assert result.best.fun <= lowest + 1e-9
    assert len({round(run.fun, 4) for run in result.runs}) > 2
    assert any(run.fun > lowest + 1 for run in result.runs)


@given(st.lists(st.sampled_from([math.nan, math.inf]) | st.floats(-10, 10), min_size=1, max_size=6))
@example([math.nan, math.inf])
def test_a_nan_never_wins(losses: list[float]) -> None:
    """The best is the first run with the lowest loss, and nan only when there is nothing else."""
    assume(not all(map(math.isnan, losses)))
    left = iter(losses)
    result = restarts(lambda rng: MinimizeResult([], next(left), 0.0, 0), len(losses), 0)
    lowest = min(loss for loss in losses if not math.isnan(loss))
    assert result.best is result.runs[losses.index(lowest)]


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
    with EXECUTORS[name](2) as executor, pytest.raises(LookupError, match="mine"):
        list(restarts(mistaken, 2, 0, executor))


class Scripted(Executor):
    """An executor whose runs finish, fail or never start, as its arguments say."""

    def __init__(self, *fates: str) -> None:
        self.fates, self.futures = iter(fates), list[Future[Any]]()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        fate = next(self.fates)
        future: Future[Any] = Future()
        if fate == "finished":
            future.set_result(function(*arguments, **named))
        elif fate == "failed":
            future.set_exception(LookupError("mine"))
        elif fate == "Ctrl-C":
            raise KeyboardInterrupt
        self.futures.append(future)
        return future


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is pressed as soon as no finished run is left."""
    wait = concurrent.futures.wait

    def interrupted(futures: Collection[Future[Any]], *arguments: Any, **named: Any) -> Any:
        if not any(future.done() for future in futures):
            raise KeyboardInterrupt
        return wait(futures, *arguments, **named)

    monkeypatch.setattr(concurrent.futures, "wait", interrupted)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fates",
    [("finished", "pending", "pending"), ("finished", "finished", "pending"), ("pending", "finished", "finished")],
)
def test_ctrl_c_keeps_what_has_been_finished(fates: tuple[str, ...], alone: list[MinimizeResult]) -> None:
    """On Ctrl-C every finished run is kept, whatever their order, and those that have not begun are cancelled."""
    executor = Scripted(*fates)
    result = restarts(waves, len(fates), 5, executor)
    finished = [run for run, fate in zip(alone, fates, strict=False) if fate == "finished"]
    try:
        assert result.runs == finished
    except KeyboardInterrupt:
        pytest.fail("the finished runs are lost")
    assert result.best == min(finished, key=lambda run: run.fun)
    assert result.message == f"{len(finished)} of {len(fates)} runs have finished: interrupted"
    assert [future.cancelled() for future in executor.futures] == [fate == "pending" for fate in fates]


def test_ctrl_c_keeps_what_finishes_meanwhile(monkeypatch: pytest.MonkeyPatch, alone: list[MinimizeResult]) -> None:
    """A run that finishes during Ctrl-C is kept; one that fails during Ctrl-C is dropped."""
    executor = Scripted("pending", "pending", "pending")

    def interrupted(*_arguments: Any) -> Any:
        executor.futures[1].set_result(alone[1])
        executor.futures[2].set_exception(LookupError("mine"))
        raise KeyboardInterrupt

    monkeypatch.setattr(concurrent.futures, "wait", interrupted)
    assert restarts(waves, 3, 5, executor).runs == alone[1:2]


def test_ctrl_c_while_submitting_cancels() -> None:
    """Ctrl-C while runs are submitted comes out, and the submitted runs are cancelled."""
    executor = Scripted("pending", "Ctrl-C")
    with pytest.raises(KeyboardInterrupt):
        restarts(waves, 2, 5, executor)
    assert [future.cancelled() for future in executor.futures] == [True]


def test_after_an_error_the_rest_is_cancelled() -> None:
    """When a run fails, those that have not begun are cancelled."""
    executor = Scripted("finished", "failed", "never", "never")
    with pytest.raises(LookupError, match="mine"):
        list(restarts(waves, 4, 5, executor))
    assert [future.cancelled() for future in executor.futures] == [False, False, True, True]


@pytest.mark.usefixtures("impatient")
def test_ctrl_c_before_anything_is_finished() -> None:
    """Ctrl-C before the first run has finished comes out."""
    with pytest.raises(KeyboardInterrupt):
        list(restarts(waves, 2, 5, Scripted("pending", "pending")))

    def interrupting(_rng: random.Random) -> MinimizeResult:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(restarts(interrupting, 2, 5))


@pytest.mark.parametrize("inside", [True, False])
def test_ctrl_c_without_an_executor(inside: bool, alone: list[MinimizeResult]) -> None:
    """Ctrl-C in the third run keeps two runs, and also the third if it interrupted `minimize`."""
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

    result = restarts(problem, 6, 5)
    assert result.runs[:2] == alone[:2]
    assert [run.status for run in result.runs[2:]] == [INTERRUPTED] * inside
    assert len(begun) == 3
    assert result.best == min(alone[:2], key=lambda run: run.fun)


def mistyped(rng: Any) -> MinimizeResult:
    """A problem with a mistake inside, which is a TypeError too."""
    return MinimizeResult([], float(len(rng)), 0.0, 0)


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
        (lambda: restarts(waves, 1, 0, seconds=-1), ValueError, "seconds must be at least 0.0, got -1"),
        (lambda: restarts(waves, 1, 0, seconds=math.nan), ValueError, "seconds must be at least 0.0, got nan"),
        (lambda: restarts(waves, 1.0, 0), ValueError, "n must be"),  # type: ignore[arg-type]
        (lambda: restarts(7, 1, 0), TypeError, "the problem must be a function of a generator, got 7"),  # type: ignore[arg-type]
        (
            lambda: restarts(lambda: waves(random.Random(0)), 1, 0).best,  # type: ignore[arg-type,misc]
            TypeError,
            "the problem must be a function of a generator, got <function .* takes 0 positional arguments",
        ),
        (lambda: restarts(mistyped, 1, 0).best, TypeError, "^object of type 'Random' has no len"),
        (lambda: restarts(lambda rng: rng.random(), 1, 0).best, TypeError, "must return a MinimizeResult, got 0."),  # type: ignore[arg-type,return-value]
    ],
)
def test_bad_arguments(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        call()
