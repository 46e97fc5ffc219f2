"""The two ways to train: on Values, sweep by sweep, or on arrays, by the program that the loss is lifted to."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from ..engine import modes
from ..engine.floats import number
from ..engine.value import Value
from ..lifting.program import Program, lift
from ..lifting.target import chosen
from ..nn.dropout import Masked, seeded, undropped
from .optimizer import Optimizer

Columns = list[Any]  # an entry for each argument of the loss, each with an entry for each example
Saved = tuple[Any, Any]  # parameters, and what the optimizer remembers
CHUNK = 1000  # examples that are measured at a time


class Way(Protocol):
    """How parameters are moved and losses measured."""

    optimizer: Optimizer

    @property
    def described(self) -> str:
        """Which way it is, in words."""

    def columns(self, given: Iterable[Any]) -> Columns:
        """Return data in the form in which it is read fastest."""

    def chosen(self, columns: Columns, order: Sequence[int]) -> Columns:
        """Return these examples, in this order."""

    def learn(self, batch: Columns, seed: str) -> float:
        """Take a step down the mean loss, unless it is not finite; return the mean before it.

        From the seed follow the masks of each `nn.Dropout`.
        """

    def mean(self, name: str, function: Callable[..., Any], columns: Columns) -> float:
        """Return the mean of a function of one example, nothing dropped; `name` is what the history calls it."""

    def is_finite(self) -> bool:
        """Whether all parameters are finite."""

    def save(self) -> Saved:
        """Return what the next step depends on; later steps do not change it."""

    def restore(self, saved: Saved) -> None:
        """Go back to what was saved."""

    def settle(self) -> None:
        """See to it that the parameters have the numbers that have been reached."""


class OnValues:
    """Each example's graph is recorded, swept, and forgotten at once."""

    def __init__(self, loss: Callable[..., Value], variables: list[Value], optimizer: Optimizer, reason: str) -> None:
        self._loss, self._variables, self.optimizer, self._reason = loss, variables, optimizer, reason

    @property
    def described(self) -> str:
        """Which way it is, in words."""
        return f"on Values{self._reason and f', as the loss cannot be lifted: {self._reason}'}"

    def columns(self, given: Iterable[Any]) -> Columns:
        """Return the data as lists."""
        return [column.tolist() if hasattr(column, "tolist") else list(column) for column in given]

    def chosen(self, columns: Columns, order: Sequence[int]) -> Columns:
        """Return these examples, in this order."""
        return [[column[i] for i in order] for column in columns]

    def learn(self, batch: Columns, seed: str) -> float:
        """The gradient of the mean is the sum of the gradients, each divided by how many there are."""
        self.optimizer.zero_grad()
        share, losses = 1 / len(batch[0]), []
        with modes.no_gc(), seeded(seed):
            for example in zip(*batch, strict=True):
                value = self._loss(*example)
                if not isinstance(value, Value):
                    raise TypeError(f"the loss must return a Value, got {value!r} of type {type(value).__name__}")
                value.backward(share)
                losses.append(value.data)
                del value  # and with it the graph
        mean = _mean(losses)
        if math.isfinite(mean):
            self.optimizer.step()
        return mean

    def mean(self, name: str, function: Callable[..., Any], columns: Columns) -> float:  # noqa: ARG002  # as of arrays
        """Return the mean of a function of one example, where no graph is kept."""
        return measured(function, columns)

    def is_finite(self) -> bool:
        """Whether all parameters are finite."""
        return all(math.isfinite(variable.data) for variable in self._variables)

    def save(self) -> Saved:
        """Return what the next step depends on."""
        return [variable._data for variable in self._variables], self.optimizer._memory()

    def restore(self, saved: Saved) -> None:
        """Go back to what was saved."""
        for variable, own in zip(self._variables, saved[0], strict=True):
            variable.data = own
        self.optimizer._recall(saved[1])

    def settle(self) -> None:
        """Nothing is left to do: it is the parameters themselves that are moved."""


class OnArrays:
    """The loss is a lifted program, and all parameters are one array.

    Raises whatever keeps the loss from being lifted, or these examples from being its arguments.
    """

    def __init__(
        self, loss: Callable[..., Value], variables: list[Value], optimizer: Optimizer, data: Iterable[Any]
    ) -> None:
        self._variables, self._on_values = variables, optimizer
        self._target = chosen(None, "float64")
        self.theta = self._target.packed(variables)
        self._on_lists = isinstance(self.theta, list)
        few = [column[:2] for column in self.columns(data)]
        masked = Masked(loss, *[column[0] if self._on_lists else column[0].tolist() for column in few])
        self._masked = masked if masked.probabilities else None
        self._program = lift(self._masked or loss, variables)
        self._programs: dict[str, Program | None] = {"loss": self._program}  # None for what cannot be lifted
        self._reasons: dict[str, str] = {}
        self._room = None if self._on_lists else copy.copy(self.theta)
        self._program.value_and_grad(*self._with_masks(few, "example"), at=self.theta)
        self.optimizer = optimizer.on(self.theta)
        self.optimizer._adopt(optimizer)

    @property
    def described(self) -> str:
        """Which way it is, in words."""
        library = "plain Python" if self._on_lists else "numpy"
        apart = [f"; {name} on Values, as it cannot be lifted: {reason}" for name, reason in self._reasons.items()]
        return f"lifted to {library}{''.join(apart)}"

    def columns(self, given: Iterable[Any]) -> Columns:
        """What the program takes without looking at it again."""
        columns = []
        for place, column in enumerate(given, start=1):
            table, shape = self._target.rows(column, place)
            columns.append(list(column) if self._on_lists else table.reshape(len(table), *shape))
        return columns

    def chosen(self, columns: Columns, order: Sequence[int]) -> Columns:
        """Return these examples, in this order."""
        if self._on_lists:
            return [[column[i] for i in order] for column in columns]
        return [column[order] for column in columns]

    def _with_masks(self, batch: Columns, seed: str) -> Columns:
        """A batch with one more column, where the loss takes masks: those that would be drawn on Values."""
        if self._masked is None:
            return batch
        rng = random.Random(seed)
        return [*batch, [self._masked.draw(rng) for _ in batch[0]]]

    def learn(self, batch: Columns, seed: str) -> float:
        """The program's value is the mean, and its gradient the mean's."""
        mean, gradient = self._program.value_and_grad(*self._with_masks(batch, seed), at=self.theta, out=self._room)
        if math.isfinite(mean):
            self.theta = self.optimizer.step(gradient)
        return float(mean)

    def mean(self, name: str, function: Callable[..., Any], columns: Columns) -> float:
        """That of a program too, where the function can be lifted."""
        if name not in self._programs:
            self._programs[name] = self._lifted(name, function, columns)
        program = self._programs[name]
        if program is None:
            self.settle()
            return measured(function, [column if self._on_lists else column.tolist() for column in columns])
        results: list[float] = []
        with undropped():
            for start in range(0, len(columns[0]), CHUNK):
                few = [column[start : start + CHUNK] for column in columns]
                results += list(map(float, program(*few, at=self.theta)))
        return _mean(results)

    def _lifted(self, name: str, function: Callable[..., Any], columns: Columns) -> Program | None:
        program = lift(function, self._variables)
        try:
            with undropped():
                float(program(*[column[:2] for column in columns], at=self.theta)[0])
        except Exception as error:  # whatever it is, it keeps the function from being lifted
            self._reasons[name] = reason_of(error)
            return None
        return program

    def is_finite(self) -> bool:
        """Whether all parameters are finite."""
        return all(map(math.isfinite, self.theta)) if self._on_lists else math.isfinite(abs(self.theta).max())

    def save(self) -> Saved:
        """Return what the next step depends on."""
        return copy.copy(self.theta), self.optimizer._memory()

    def restore(self, saved: Saved) -> None:
        """Go back to what was saved."""
        self.theta[:] = saved[0]
        self.optimizer._recall(saved[1])

    def settle(self) -> None:
        """Write the array into the parameters, and what is remembered into the optimizer that was given."""
        self._program.unpack(self.theta)
        self._on_values._adopt(self.optimizer)


def reason_of(error: Exception) -> str:
    """Return what an error says, on one line."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def measured(function: Callable[..., Any], columns: Columns) -> float:
    """Return the mean of a function of one example, on Values, where no graph is kept and nothing dropped."""
    results = []
    with modes.no_grad(), undropped():
        for example in zip(*columns, strict=True):
            result = function(*example)
            results.append(result.data if isinstance(result, Value) else number(result, "what a metric returns"))
    return _mean(results)


def _mean(numbers: list[float]) -> float:
    try:
        return math.fsum(numbers) / len(numbers)
    except (OverflowError, ValueError):  # of inf and -inf, or beyond the range
        return sum(numbers) / len(numbers)
