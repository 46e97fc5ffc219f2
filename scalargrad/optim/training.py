"""The training loop: mini-batches, epochs, validation, early stopping, and resumption."""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..engine import modes
from ..engine.floats import counted, integer, number, refuse_set
from ..engine.value import Value
from ..lifting.target import chosen
from .adam import Adam
from .arguments import Array, column, in_our_words, some_variables
from .history import Best, History, Point, Row
from .minimizing import DIVERGED, INTERRUPTED, OUT_OF_STEPS, STOPPED
from .optimizer import Optimizer, Schedule, on_variables
from .progress import Bar
from .ways import OnArrays, OnValues, Way, reason_of

Metric = Callable[..., Any]
Data = tuple[Any, ...]


@in_our_words
def train(
    loss: Callable[..., Value],
    parameters: Iterable[Value] | Array,
    data: Data,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int | None = 32,
    rng: random.Random | int | None = None,
    validation: Data | None = None,
    metrics: Mapping[str, Metric] | None = None,
    patience: int | None = None,
    schedule: Schedule | None = None,
    callback: Callable[[History], object] | None = None,
    progress: bool | None = None,
    lifted: bool | None = None,
    target: str | None = None,
    devices: int = 1,
    resume: History | Mapping[str, Any] | None = None,
) -> History:
    """Minimize the mean of a loss over examples, batch by batch; each epoch uses each example once, in a new order.

    >>> from scalargrad import Value, optim
    >>> slope, offset = Value(0.0), Value(0.0)
    >>> xs = [0.0, 1.0, 2.0, 3.0]
    >>> ys = [1.0, 3.0, 5.0, 7.0]
    >>> history = optim.train(
    ...     lambda x, y: (slope * x + offset - y) ** 2,
    ...     [slope, offset],
    ...     (xs, ys),
    ...     optimizer=optim.GradientDescent(rate=0.1),
    ...     epochs=100,
    ...     batch_size=2,
    ... )
    >>> round(slope.data, 3), round(offset.data, 3), history["loss"][-1] < 1e-6
    (2.0, 1.0, True)

    The history shows itself as a table, and `history.plot()` draws it. If the loss becomes nan or infinite, the
    parameters go back to the end of the last epoch. Ctrl-C ends the training after the last complete step, and
    `resume=history` continues from there, to the same bits as without the interruption. To continue in another
    process, save each epoch with `callback=lambda history: model.save(path, history.state_dict())`, and pass
    `resume=model.load(path)`.

    An `nn.Dropout` in the loss takes its masks from the seed: a new one for each example in each epoch. Validation
    and metrics are computed without dropout.

    Args:
        loss: a function of one example, as for `lift`: each argument a number or nested lists of them.
        parameters: the Values to change, such as model.parameters().
        data: a tuple with a column for each argument of the loss, each with an entry for each example: (xs, ys).
            For rows of pairs that is tuple(zip(*rows)).
        optimizer: takes the steps: one without parameters, such as `Adam(rate=0.01)`, or one that has these parameters
            and continues from its state; `Adam()` by default.
        epochs: the number of epochs, including those before a resumption.
        batch_size: the number of examples for a step; None for all.
        rng: the seed that decides the order of the examples in each epoch, or a generator to draw it from; by default
            0, or the seed of the training that is resumed.
        validation: other data, of the same form; the loss and the metrics are measured on them after each epoch.
        metrics: functions of one example by name, such as {"accuracy": lambda x, y: accuracy(model(x), y)};
            their means are measured after each epoch. A metric that cannot be lifted runs on Values.
        patience: the number of epochs without a lower loss, on validation data if there are any, that ends the
            training. With a patience, the parameters at the end are those of the best epoch.
        schedule: the rate as a function of the number of steps taken, in place of the optimizer's own, which the
            optimizer has again when training ends.
        callback: is called with the history after each epoch; StopIteration ends the training.
        progress: whether to show a bar with the loss and the time left; by default if stderr is a terminal.
        lifted: True to lift the loss to arrays, with an error if that is impossible; False to train on Values. By
            default the loss is lifted if possible; `history.way` says what was done, and why.
        target: what the loss is lifted to, as for `lift`. On "jax" each epoch is one compiled call, which Ctrl-C does
            not end in the middle; a loss that cannot be lifted is an error.
        devices: over how many devices of JAX the examples of each batch are spread. A batch that they cannot share
            evenly is computed by each of them.
        resume: the history of an earlier training with the same data, or its `state_dict()`.

    Returns:
        The history.

    Raises:
        TypeError: for a loss that does not return a Value, data that are not a tuple of columns, and other arguments of
            the wrong type.
        ValueError: for columns of different lengths, numbers out of their range, and a state of another training.
        Exception: with `lifted=True`, whatever keeps the loss from being lifted, such as a `TraceError`.
    """
    if not callable(loss):
        raise TypeError(
            "the loss must be a function of one example, such as lambda x, y: (model.output(x) - y) ** 2, "
            f"got {loss!r} of type {type(loss).__name__}"
        )
    modes.refuse_while_tracing("training")
    modes.refuse_unrecorded("training")
    variables = some_variables(parameters)
    columns = _columns(data, "data")
    held_out = None if validation is None else _held_out(validation, len(columns))
    if patience is not None:
        patience = integer(patience, "patience", low=1)
    epochs = integer(epochs, "epochs", low=0)
    size = len(columns[0])
    batch_size = size if batch_size is None else integer(batch_size, "batch_size", low=1)
    measures = _metrics(metrics)
    state = resume.state_dict() if isinstance(resume, History) else resume
    settings = {"seed": _seed(rng, state), "examples": size, "batch_size": batch_size}

    moving = on_variables(Adam() if optimizer is None else optimizer, variables)
    history = History(settings)
    with _restored(moving):
        point, last = (None, None) if state is None else _resumed(state, settings, moving, len(variables))
        if point is not None:
            _refuse_other_columns(point.rows, measures, held_out is not None)
        if schedule is not None:
            moving.rate = schedule
        if last is None and isinstance(resume, History):
            _refuse_other(variables, resume)
        if last is not None:
            for variable, own in zip(variables, last, strict=True):
                variable.data = own
        history.start = [variable.data for variable in variables]
        way = _way(loss, variables, moving, columns, held_out, lifted, target, _devices(devices, target, lifted))
        begin = Point((), 0, 0.0, None, (None, None)) if point is None else point
        history._point = begin._replace(saved=way.save())
        history.optimizer, history.way = way.optimizer, way.described
        training = _Training(way, history, loss, columns, held_out, measures, batch_size, settings["seed"])
        bar = Bar(max(1, epochs * training.batches), training.done, sys.stderr if _is_shown(progress) else None)
        began = time.monotonic()
        try:
            training.run(epochs, patience, callback, bar)
        finally:
            history.seconds = time.monotonic() - began
            bar.clear()
            try:
                training.settle()
            except KeyboardInterrupt:
                training.settle()  # again, so that all parameters are set
                raise
            history.way = way.described
    if patience is not None and history.status != INTERRUPTED:
        training.restore_best(variables)
    return history


@contextmanager
def _restored(optimizer: Optimizer) -> Iterator[None]:
    """Give an optimizer its own rate back after the block, which may set a schedule."""
    before = optimizer.schedule, optimizer._rate
    try:
        yield
    finally:
        optimizer.schedule, optimizer._rate = before


class _Training:
    def __init__(
        self,
        way: Way,
        history: History,
        loss: Callable[..., Value],
        data: Sequence[Any],
        validation: Sequence[Any] | None,
        metrics: Mapping[str, Metric],
        batch_size: int,
        seed: int,
    ) -> None:
        self.way, self.history = way, history
        self._loss, self._metrics, self._seed = loss, metrics, seed
        self._data = way.columns(data), data  # and as they were given
        self._validation = None if validation is None else (way.columns(validation), validation)
        self._size, self._batch_size = len(data[0]), batch_size
        self.batches = math.ceil(self._size / batch_size)
        self._first = len(self.point.rows)

    @property
    def point(self) -> Point:
        """The state after the last complete step. It is replaced as a whole, so Ctrl-C never leaves half of one."""
        assert self.history._point is not None
        return self.history._point

    @property
    def done(self) -> int:
        """The number of steps so far."""
        return len(self.point.rows) * self.batches + self.point.batch

    def run(self, epochs: int, patience: int | None, callback: Callable[[History], object] | None, bar: Bar) -> None:
        """Train until all epochs are done, or until something ends the training early, which the history says."""
        history = self.history
        try:
            while len(self.point.rows) < epochs:
                if self._is_stale(patience):
                    without = counted(patience or 0, "epoch")
                    history.status, history.message = STOPPED, f"stopped early, after {without} without a lower loss"
                    break
                problem = self._epoch(epochs, patience is not None, bar)
                if problem:
                    history.status, history.message = DIVERGED, problem
                    break
                if callback is not None:
                    bar.clear()
                    self.way.settle()
                    try:
                        callback(history)
                    except StopIteration:
                        history.status, history.message = STOPPED, "stopped by the callback"
                    self.way.read()
                    history._point = self.point._replace(saved=self.way.save())
                    if history.status == STOPPED:
                        break
            else:
                history.status, history.message = OUT_OF_STEPS, "all epochs are done"
        except KeyboardInterrupt:
            place = f"in epoch {len(self.point.rows) + 1}" if self.point.batch else "between two epochs"
            history.status, history.message = INTERRUPTED, f"interrupted {place}"

    def _is_stale(self, patience: int | None) -> bool:
        best = self.point.best
        since = self._first if best is None else best.epoch  # there is no best epoch while each loss is nan
        return patience is not None and len(self.point.rows) - since >= patience

    def _epoch(self, epochs: int, keeps_best: bool, bar: Bar) -> str:
        """Train for an epoch; return what went wrong, or an empty text."""
        start = self.point
        epoch = len(start.rows) + 1
        order = list(range(self._size))
        random.Random(f"{self._seed}/{epoch}").shuffle(order)
        data = self.way.chosen(self._data[0], order)
        learn, save, total = self.way.learn, self.way.save, start.total
        seeds = [f"{self._seed}/{epoch}/{batch}" for batch in range(start.batch, self.batches)]
        rest = data if start.batch == 0 else [column[start.batch * self._batch_size :] for column in data]
        at_once = self.way.learn_all(rest, self._batch_size, seeds)
        means = None if at_once is None else iter(at_once)
        for batch in range(start.batch, self.batches):
            begin = batch * self._batch_size
            end = min(begin + self._batch_size, self._size)
            if means is None:
                mean = learn([column[begin:end] for column in data], seeds[batch - start.batch])
            else:
                mean = next(means)
            if not math.isfinite(mean):
                self.history._point = start
                return f"diverged: in step {batch + 1} of epoch {epoch} the loss became {mean}"
            total += mean * (end - begin)
            if means is None or batch + 1 == self.batches:  # what is taken at once, counts as a whole
                self.history._point = Point(start.rows, batch + 1, total, start.best, save())
            if bar.is_shown:
                bar.show(self.done, f"{epoch}/{epochs}", total / end)
        if not self.way.is_finite():
            self.history._point = start
            return f"diverged: in epoch {epoch} a parameter became nan or infinite"
        row = self._row()
        best = self._best(row, epoch) if keeps_best else None
        self.history._point = Point((*start.rows, row), 0, 0.0, best, self.point.saved)
        return ""

    def _row(self) -> Row:
        row = {"loss": self.point.total / self._size}
        for name, metric in self._metrics.items():
            row[name] = self.way.mean(name, metric, *self._data)
        if self._validation is not None:
            row["validation loss"] = self.way.mean("loss", self._loss, *self._validation)
            for name, metric in self._metrics.items():
                row[f"validation {name}"] = self.way.mean(name, metric, *self._validation)
        return row

    def _best(self, row: Row, epoch: int) -> Best | None:
        name = "loss" if self._validation is None else "validation loss"
        best = self.point.best
        if math.isfinite(row[name]) and (best is None or row[name] < self.point.rows[best.epoch - 1][name]):
            return Best(epoch, list(map(float, self.point.saved[0])))
        return best

    def settle(self) -> None:
        """Set the parameters to their numbers after the last complete step."""
        self.way.restore(self.point.saved)
        self.way.settle()

    def restore_best(self, variables: list[Value]) -> None:
        """Set the parameters to their numbers after the best epoch."""
        best = self.point.best
        if best is None or best.epoch == len(self.point.rows):
            return
        self.history._last = [variable.data for variable in variables]
        self.history.message += f"; the parameters are those of epoch {best.epoch}, the best"
        for variable, own in zip(variables, best.parameters, strict=True):
            variable.data = own


# ---------------------------------------------------------------- what the arguments may be


def _way(
    loss: Callable[..., Value],
    variables: list[Value],
    optimizer: Optimizer,
    columns: list[Any],
    validation: list[Any] | None,
    lifted: bool | None,
    target: str | None,
    devices: int,
) -> Way:
    if lifted is False:
        return OnValues(loss, variables, optimizer, "")
    if target == "jax":
        chosen(target, "float64")  # which says how to install it
        from .on_jax import OnJax

        return OnJax(loss, variables, optimizer, columns, validation, devices)
    try:
        return OnArrays(loss, variables, optimizer, columns, validation, target)
    except Exception as error:  # of any kind: the loss cannot be lifted
        if lifted or target is not None:
            raise
        return OnValues(loss, variables, optimizer, reason_of(error))


def _devices(devices: int, target: str | None, lifted: bool | None) -> int:
    """How many devices a batch is spread over, for a target that can do so."""
    devices = integer(devices, "devices", low=1)
    if lifted is False and target is not None:
        raise ValueError(f"target is for a lifted loss, and lifted=False trains on Values, got target {target!r}")
    if devices > 1 and target != "jax":
        raise ValueError(f'several devices need target="jax", got devices={devices} and target {target!r}')
    return devices


def _columns(given: Any, name: str) -> list[Any]:
    if not isinstance(given, tuple):
        raise TypeError(
            f"{name} must be a tuple with a column for each argument of the loss, such as (xs, ys), got a "
            f"{type(given).__name__}; rows of pairs become one by tuple(zip(*rows))"
        )
    if not given:
        raise ValueError(f"{name} must have a column for each argument of the loss, got an empty tuple")
    for place, entries in enumerate(given, start=1):
        refuse_set(entries, f"column {place} of {name}")
        if not isinstance(entries, Sequence) and not (hasattr(entries, "__array_namespace__") and entries.ndim):
            raise TypeError(
                f"column {place} of {name} must be a list, a tuple or an array with an entry for each example, "
                f"got a {type(entries).__name__}"
            )
    lengths = list(map(len, given))
    if len(set(lengths)) > 1:
        raise ValueError(
            f"all columns of {name} must have the same number of entries, one for each example, but they have "
            f"{', '.join(map(str, lengths[:-1]))} and {lengths[-1]}"
        )
    if not lengths[0]:
        raise ValueError(f"{name} must have at least one example, but its columns are empty")
    return list(given)


def _held_out(given: Any, count: int) -> list[Any]:
    columns = _columns(given, "validation")
    if len(columns) != count:
        raise ValueError(f"validation must have as many columns as data, {count}, got {len(columns)}")
    return columns


def _metrics(given: Mapping[str, Metric] | None) -> dict[str, Metric]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) and callable(given[name]) for name in given):
        raise TypeError(f'metrics must be functions by name, such as {{"accuracy": right}}, got {given!r}')
    taken = [name for name in given if name in {"epoch", "loss"} or name.startswith("validation ")]
    if taken:
        raise ValueError(f"a metric cannot be called {taken[0]!r}: the history has a column of that name")
    return dict(given)


def _is_shown(progress: bool | None) -> bool:
    return bool(sys.stderr and sys.stderr.isatty()) if progress is None else progress


def _seed(rng: Any, state: Any) -> int:
    if rng is None or isinstance(rng, random.Random):
        if isinstance(state, Mapping) and type(state.get("seed")) is int:
            return int(state["seed"])
        return 0 if rng is None else rng.getrandbits(62)
    return integer(rng, "rng")


def _refuse_other_columns(rows: Sequence[Row], metrics: Mapping[str, Metric], validated: bool) -> None:
    """Refuse to go on with a history of other columns than those that this training measures."""
    names = ["loss", *metrics]
    names += [f"validation {name}" for name in names] if validated else []
    if rows and list(rows[0]) != names:
        raise ValueError(
            f"the state of the training has the columns {', '.join(rows[0])}, this training has {', '.join(names)}: "
            "resume with the same metrics, and with validation data if there were any"
        )


def _refuse_other(variables: list[Value], history: History) -> None:
    """Refuse to go on with parameters that are not those where the history ended."""
    ended = None if history._point is None else history._point.saved[0]
    if ended is not None and list(map(float, ended)) != [variable.data for variable in variables]:
        raise ValueError(
            "these are not the parameters at the end of the history, so training cannot continue from there: resume "
            "with the latest history and its model, or train from the beginning without resume"
        )


def _resumed(state: Any, settings: dict[str, int], optimizer: Optimizer, size: int) -> tuple[Point, list[float] | None]:
    """Return the point that a state describes, and the parameters there if the state has them."""
    keys = [*settings, "rows", "batch", "total", "best", "last", "optimizer"]
    if not isinstance(state, Mapping):
        raise TypeError(f"resume must be a history or its state_dict(), got a {type(state).__name__}")
    if state.keys() != set(keys):
        raise ValueError(f"the state of a training has {', '.join(keys)}, got {', '.join(map(str, state))}")
    for name, own in settings.items():
        if state[name] != own:
            raise ValueError(f"the state is of a training with {name} {state[name]!r}, not {own!r}")
    rows = state["rows"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() == rows[0].keys() for row in rows):
        raise ValueError("rows must be a list with a dict of the same columns for each epoch")
    rows = tuple({str(name): number(x, f"a number of {name}") for name, x in row.items()} for row in rows)
    batch = integer(state["batch"], "batch", low=0)
    batches = math.ceil(settings["examples"] / settings["batch_size"])
    if batch > batches:
        raise ValueError(f"batch must be at most {batches}, got {batch}")
    best = state["best"]
    if best is not None:
        if not isinstance(best, dict) or best.keys() != {"epoch", "parameters"}:
            raise ValueError(f"best must be None or have epoch and parameters, got a {type(best).__name__}")
        epoch = integer(best["epoch"], "the best epoch", low=1)
        if epoch > len(rows):
            raise ValueError(f"the best epoch must be at most {len(rows)}, got {epoch}")
        best = Best(epoch, column(best["parameters"], "the best parameters", size))
    last = None if state["last"] is None else column(state["last"], "the last parameters", size)
    optimizer.load_state_dict(state["optimizer"])
    return Point(rows, batch, number(state["total"], "total"), best, (None, None)), last
