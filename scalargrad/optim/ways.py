"""The two ways to train: on Values, with a sweep for each example, or on arrays, with a lifted program."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from ..engine import modes
from ..engine.floats import number, same
from ..engine.value import Value
from ..lifting.comparison import Disagreement, notable_examples
from ..lifting.program import Program, lift
from ..lifting.target import chosen
from ..nn.dropout import Masked, seeded, undropped
from .optimizer import Optimizer

Columns = list[Any]  # an entry for each argument of the loss, each with an entry for each example
Saved = tuple[Any, Any]  # parameters, and what the optimizer remembers
CHUNK = 256  # examples that are measured at a time: for more, BLAS starts threads, and may wait long for their cores


class Way(Protocol):
    """A way to take steps and to measure means."""

    optimizer: Optimizer

    @property
    def described(self) -> str:
        """The way in words, for the history."""

    def columns(self, given: Iterable[Any]) -> Columns:
        """Return the columns of the data in the form that this way reads fastest."""

    def chosen(self, columns: Columns, order: Sequence[int]) -> Columns:
        """Return the examples in this order."""

    def learn(self, batch: Columns, seed: str) -> float:
        """Take a step on the mean loss of a batch, if that is finite; return the mean before the step.

        The masks of each `nn.Dropout` follow from the seed.
        """

    def learn_all(self, data: Columns, size: int, seeds: Sequence[str]) -> Iterable[float] | None:
        """Take a step for each batch of that size at once, as `learn` would; None if it can take only one at a time."""

    def mean(self, name: str, function: Callable[..., Any], columns: Columns, given: Sequence[Any]) -> float:
        """Return the mean of a function of one example, without dropout; `name` is its name in the history.

        The columns are in the form of this way, and as they were given.
        """

    def is_finite(self) -> bool:
        """Return whether all parameters are finite."""

    def save(self) -> Saved:
        """Return a copy of the parameters and of the memory of the optimizer."""

    def restore(self, saved: Saved) -> None:
        """Return to a saved state."""

    def settle(self) -> None:
        """Set the Values to the parameters that training has reached."""

    def read(self) -> None:
        """Continue from the numbers of the Values."""


class OnValues:
    """Training on Values: the graph of each example is recorded, swept, and dropped."""

    def __init__(self, loss: Callable[..., Value], variables: list[Value], optimizer: Optimizer, reason: str) -> None:
        self._loss, self._variables, self.optimizer, self._reason = loss, variables, optimizer, reason

    @property
    def described(self) -> str:
        """The way in words, for the history."""
        return f"on Values{self._reason and f', as the loss cannot be lifted: {self._reason}'}"

    def columns(self, given: Iterable[Any]) -> Columns:
        """Return the data as lists."""
        return as_lists(given)

    def chosen(self, columns: Columns, order: Sequence[int]) -> Columns:
        """Return the examples in this order."""
        return [[column[i] for i in order] for column in columns]

    def learn(self, batch: Columns, seed: str) -> float:
        """Add up the gradients of the examples, each divided by their number, and take a step."""
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
        mean = mean_of(losses)
        if math.isfinite(mean):
            self.optimizer.step()
        return mean

    def learn_all(self, data: Columns, size: int, seeds: Sequence[str]) -> None:  # as on JAX
        """Return None: steps are taken one at a time."""

    def mean(self, name: str, function: Callable[..., Any], columns: Columns, given: Sequence[Any]) -> float:  # noqa: ARG002  # as of arrays
        """Return the mean of a function of one example."""
        return measured(function, columns)

    def is_finite(self) -> bool:
        """Return whether all parameters are finite."""
        return all(math.isfinite(variable.data) for variable in self._variables)

    def save(self) -> Saved:
        """Return a copy of the parameters and of the memory of the optimizer."""
        return [variable._data for variable in self._variables], self.optimizer._memory()

    def restore(self, saved: Saved) -> None:
        """Return to a saved state."""
        for variable, own in zip(self._variables, saved[0], strict=True):
            variable.data = own
        self.optimizer._recall(saved[1])

    def settle(self) -> None:
        """Do nothing: the Values themselves are moved."""

    def read(self) -> None:
        """Do nothing: the Values themselves are moved."""


class OnArrays:
    """Training on arrays: the loss is a lifted program, and all parameters are one array.

    Args:
        loss, variables, optimizer: as for `train`.
        data: columns, as lists of what the loss takes.
        validation: other columns, if there are any. Functions are compared with their programs on these, too.
        target: of the programs, as for `lift`.

    Raises:
        Exception: any error that shows that the loss cannot be lifted, or not for these examples.
    """

    def __init__(
        self,
        loss: Callable[..., Value],
        variables: list[Value],
        optimizer: Optimizer,
        data: Sequence[Any],
        validation: Sequence[Any] | None = None,
        target: str | None = None,
    ) -> None:
        self._variables, self._on_values, self._name = variables, optimizer, target
        self._target = chosen(target, "float64")
        self.theta = self._target.packed(variables)
        self._on_lists = isinstance(self.theta, list)
        self._examples = [self._notable(given) for given in (data, validation) if given is not None]
        masked = Masked(loss, *[column[0] for column in as_lists(column[:1] for column in data)])
        self._masked = masked if masked.probabilities else None
        self._program = lift(self._masked or loss, variables, target=target)
        self._programs: dict[str, Program | None] = {"loss": self._program}  # None for what cannot be lifted
        self._reasons: dict[str, str] = {}
        self._room = None if self._on_lists else copy.copy(self.theta)
        few, numbers = self._examples[0]
        self._program.value_and_grad(*self._with_masks(few, "example"), at=self.theta)
        with seeded("example"):
            _compare(loss, numbers, self._program(*self._with_masks(few, "example"), at=self.theta))
        with undropped():
            for few, numbers in self._examples[1:]:
                _compare(loss, numbers, self._program(*few, at=self.theta))
        self.optimizer = optimizer.on(self.theta)
        self.optimizer._adopt(optimizer)

    def _notable(self, given: Sequence[Any]) -> tuple[Columns, Columns]:
        """Return the examples to compare, in the form of the target and as they were given."""
        columns = self.columns(given)
        tables = [self._target.rows(column, place)[0] for place, column in enumerate(columns, start=1)]
        places = notable_examples(tables, self._target)
        return self.chosen(columns, places), [[column[i] for i in places] for column in as_lists(given)]

    @property
    def described(self) -> str:
        """The way in words, for the history."""
        library = {"jax": "JAX"}.get(self._name or "", "plain Python" if self._on_lists else "numpy")
        apart = [f"; {name} on Values, as it cannot be lifted: {reason}" for name, reason in self._reasons.items()]
        return f"lifted to {library}{''.join(apart)}"

    def columns(self, given: Iterable[Any]) -> Columns:
        """Return the columns as arrays or lists of the target, which the program takes without conversion."""
        columns = []
        for place, column in enumerate(given, start=1):
            table, shape = self._target.rows(column, place)
            columns.append(
                self._target.shaped(table, 0, shape) if self._on_lists else table.reshape(len(table), *shape)
            )
        return columns

    def chosen(self, columns: Columns, order: Sequence[int]) -> Columns:
        """Return the examples in this order."""
        if self._on_lists:
            return [[column[i] for i in order] for column in columns]
        return [column[order] for column in columns]

    def _with_masks(self, batch: Columns, seed: str) -> Columns:
        """Return a batch, with a column of masks if the loss takes them: those that would be drawn on Values."""
        if self._masked is None:
            return batch
        rng = random.Random(seed)
        return [*batch, [self._masked.draw(rng) for _ in batch[0]]]

    def learn(self, batch: Columns, seed: str) -> float:
        """Take a step on the value and the gradient of the program."""
        mean, gradient = self._program.value_and_grad(*self._with_masks(batch, seed), at=self.theta, out=self._room)
        if math.isfinite(mean):
            self.theta = self.optimizer.step(gradient)
        return float(mean)

    def learn_all(self, data: Columns, size: int, seeds: Sequence[str]) -> Iterable[float] | None:  # as on JAX
        """Return None: steps are taken one at a time."""

    def mean(self, name: str, function: Callable[..., Any], columns: Columns, given: Sequence[Any]) -> float:
        """Return the mean by a program, or on Values if the function cannot be lifted."""
        if name not in self._programs:
            self._programs[name] = self._lifted(name, function)
        program = self._programs[name]
        if program is None:
            self.settle()
            return measured(function, as_lists(given))
        results: list[float] = []
        with undropped():
            for start in range(0, len(columns[0]), CHUNK):
                few = [column[start : start + CHUNK] for column in columns]
                results += list(map(float, program(*few, at=self.theta)))
        return mean_of(results)

    def _lifted(self, name: str, function: Callable[..., Any]) -> Program | None:
        program = lift(function, self._variables, target=self._name)
        self.settle()  # the comparison calls the function with the Values
        try:
            with undropped():
                for few, numbers in self._examples:
                    _compare(function, numbers, program(*few, at=self.theta))
        except Exception as error:  # of any kind: the function cannot be lifted
            self._reasons[name] = reason_of(error)
            return None
        return program

    def is_finite(self) -> bool:
        """Return whether all parameters are finite."""
        return all(map(math.isfinite, self.theta)) if self._on_lists else math.isfinite(abs(self.theta).max())

    def save(self) -> Saved:
        """Return a copy of the parameters and of the memory of the optimizer."""
        return copy.copy(self.theta), self.optimizer._memory()

    def restore(self, saved: Saved) -> None:
        """Return to a saved state."""
        self.theta[:] = saved[0]
        self.optimizer._recall(saved[1])

    def settle(self) -> None:
        """Copy the array into the Values, and the memory into the optimizer of the Values."""
        self._program.unpack(self.theta)
        self._on_values._adopt(self.optimizer)

    def read(self) -> None:
        """Copy the numbers of the Values into the array."""
        self.theta[:] = self._program.pack()


def _compare(function: Callable[..., Any], numbers: Columns, lifted: Iterable[Any]) -> None:
    """Refuse a function whose results for plain numbers differ from those of its program.

    A trace sees all that is computed with an example, and refuses its numbers as keys of a dict and in sets. It does
    not see the text or the type of a number.
    """
    try:
        own = [float(function(*example)) for example in zip(*numbers, strict=True)]
    except TypeError:  # it takes Values alone, as it differentiates in them; so it cannot look them up
        return
    size = max((abs(x) for x in own if math.isfinite(x)), default=0.0)
    for place, (x, y) in enumerate(zip(own, map(float, lifted), strict=True)):
        if not (same(x, y) or math.isclose(x, y, rel_tol=1e-6, abs_tol=1e-6 * size)):
            example = ", ".join(repr(column[place]) for column in numbers)
            raise Disagreement(
                f"for the numbers ({example}) the function gives {x!r}, and its program {y!r}: it reads the text or "
                "the type of a number. Compute with the number, or pass what depends on it as a column of the data"
            )


def as_lists(columns: Iterable[Any]) -> Columns:
    """Return columns as lists, with the numbers as they were given: a class stays an integer."""
    return [column.tolist() if hasattr(column, "tolist") else list(column) for column in columns]


def reason_of(error: Exception) -> str:
    """Return the type and the first line of an error."""
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def measured(function: Callable[..., Any], columns: Columns) -> float:
    """Return the mean of a function of one example on Values, without dropout.

    Operations are recorded, because the function may compute derivatives.
    """
    results = []
    with undropped():
        for example in zip(*columns, strict=True):
            result = function(*example)
            results.append(result.data if isinstance(result, Value) else number(result, "what a metric returns"))
    return mean_of(results)


def mean_of(numbers: list[float]) -> float:
    """Return the arithmetic mean of any numbers, infinite ones included."""
    try:
        return math.fsum(numbers) / len(numbers)
    except (OverflowError, ValueError):  # of inf and -inf, or beyond the range
        return sum(numbers) / len(numbers)
