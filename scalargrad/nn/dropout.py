"""Dropout: while a network is trained, some of the numbers in it are set to 0 at random.

A mask has a factor for each number that is dropped or kept. `Dropout` draws one at each call. A lifted program is
traced once and used for many examples, so there a mask drawn inside would always be the same. `Masked` makes a
function that takes its mask as one more argument, for which the loop around it draws another one for each example.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import Any, Never

from ..engine import modes
from ..engine.floats import counted, number
from ..engine.value import Value
from ..functional import Outputs
from .arguments import as_values, entries, generator, given_numbers, refuse_several
from .foreign import refuse_arguments
from .module import Module

Number = Value | float
Source = Callable[[float, int], Sequence[Number] | None]  # a probability and a length to a mask, or none
_source: ContextVar[Source | None] = ContextVar("source", default=None)


class Dropout(Module):
    """Set each number of a row to 0 with some probability, and divide those that are kept by 1 - probability.

    So the mean of each number stays the same. After `eval()` nothing is dropped, until you call `train()`. A new
    module is in training.

    >>> dropout = Dropout(0.5, rng=0)
    >>> [x.data for x in dropout([1.0, 2.0, 3.0, 4.0])]
    [2.0, 4.0, 0.0, 0.0]
    >>> [x.data for x in dropout.eval()([1.0, 2.0, 3.0, 4.0])]
    [1.0, 2.0, 3.0, 4.0]

    `nn.MLP` has it between its layers, by its argument `dropout`. `optim.train` draws the masks from its own seed, and
    measures without them. To lift a function with a Dropout that is in training, wrap the function in `Masked`.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014). There the
    weights are multiplied by 1 - probability after training, which is the same rule in another order.

    Args:
        probability: that of each number to become 0; at least 0 and below 1.
        rng: draws the masks: a `random.Random`, or a seed; None takes Python's global generator.

    Attributes:
        probability: as given.

    Raises:
        TypeError: for a probability that is not a number, or another kind of rng.
        ValueError: for a probability out of its range.
    """

    def __init__(self, probability: float = 0.5, rng: random.Random | int | None = None, **unknown: Never) -> None:
        refuse_arguments("Dropout", unknown, ("probability", "rng"))
        self.probability = number(probability, "the probability of Dropout", bools=False)
        if not 0 <= self.probability < 1:
            raise ValueError(f"the probability of Dropout must be at least 0 and below 1, got {probability!r}")
        self._rng = None if rng is None else generator(rng)

    def __call__(self, inputs: Iterable[Number]) -> list[Value]:
        """Return a row of as many Values, some of them 0 while the module is in training.

        Raises:
            TypeError: for a single number, a set, or an input that is not a number; TraceError, where a mask would be
                drawn while a function is lifted.
            ValueError: for no inputs, or a mask that does not fit.
        """
        row = entries(inputs, "the inputs of Dropout")
        refuse_several(row, f"{self!r} takes one row of numbers", "row")
        return Outputs(self._dropped(given_numbers(row, "the inputs of Dropout")))

    def _dropped(self, row: list[Value]) -> list[Value]:
        """The row, with some of its Values dropped."""
        if not self.training or not self.probability:
            return row
        mask = (_source.get() or self._drawn)(self.probability, len(row))
        if mask is None:
            return row
        return self.mark([x * factor for x, factor in zip(row, mask, strict=True)], row)

    def _drawn(self, probability: float, length: int) -> list[float]:
        modes.refuse_while_tracing("a mask that Dropout draws")
        return drawn([probability] * length, generator(self._rng))

    def __repr__(self) -> str:
        return f"Dropout({self.probability!r})"


def drawn(probabilities: Iterable[float], rng: random.Random) -> list[float]:
    """Return a mask: with each probability a 0, otherwise the factor that keeps the mean."""
    return [0.0 if rng.random() < probability else 1 / (1 - probability) for probability in probabilities]


class Masked:
    """A function of an example in which each Dropout takes its mask from one more argument.

    Called with this argument, the function drops what the mask says; called without it, it drops nothing.

    >>> from scalargrad import lift, nn, square_error
    >>> model = nn.MLP(2, [4, 1], dropout=0.5, rng=0)
    >>> xs, ys = [[0.0, 1.0], [1.0, 1.0]], [1.0, 0.0]
    >>> loss = Masked(lambda x, y: square_error(model(x), y), xs[0], ys[0])
    >>> rng = random.Random(0)
    >>> loss.draw(rng)
    [2.0, 2.0, 0.0, 0.0]
    >>> program = lift(loss, model.parameters())
    >>> value, gradient = program.value_and_grad(xs, ys, [loss.draw(rng) for _ in xs])  # others in each step
    >>> losses = program(xs, ys)  # with nothing dropped

    A mask has a factor for each number that reaches a Dropout in training: 0, or 1 / (1 - probability). The factors
    are in the order in which the function computes these numbers.

    Args:
        function: a function of an example.
        example: arguments for it, which show how many numbers there are to drop or keep.
    """

    def __init__(self, function: Callable[..., Any], *example: Any) -> None:
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self._function, self._example = function, example

    @cached_property
    def probabilities(self) -> list[float]:
        """The probability with which each number is dropped."""
        probabilities: list[float] = []

        def noted(probability: float, length: int) -> None:
            probabilities.extend([probability] * length)

        with _masks_from(noted):
            try:
                with modes.no_grad():
                    self._function(*self._example)
            except TypeError:  # it may differentiate in its arguments, which must be Values then
                probabilities.clear()
                self._function(*map(as_values, self._example))
        return probabilities

    def draw(self, rng: random.Random | int | None = None) -> list[float]:
        """Return a mask for one example, drawn from a generator, or a seed; None takes Python's global generator.

        Raises:
            TypeError: for another kind of rng.
        """
        return drawn(self.probabilities, generator(rng))

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns for an example, which may be followed by a mask.

        Raises:
            TypeError: for a mask that is not a row of numbers.
            ValueError: for a mask that is too long or too short.
        """
        if len(arguments) != len(self._example) + 1:
            with undropped():
                return self._function(*arguments)
        *example, mask = arguments
        factors = given_numbers(mask, "a mask")
        taken = 0

        def given(probability: float, length: int) -> Sequence[Number]:  # noqa: ARG001  # as every source has it
            nonlocal taken
            taken += length
            if taken > len(factors):
                raise ValueError(f"the mask has {counted(len(factors), 'factor')}, but Dropout takes {taken} or more")
            return factors[taken - length : taken]

        with _masks_from(given):
            result = self._function(*example)
        if taken != len(factors):
            raise ValueError(f"the mask has {counted(len(factors), 'factor')}, but Dropout takes {taken}")
        return result


@contextmanager
def undropped() -> Generator[None]:
    """Drop nothing in the block, whether modules are in training or not."""
    with _masks_from(lambda probability, length: None):
        yield


@contextmanager
def seeded(seed: str) -> Generator[None]:
    """Draw all masks in the block from one generator, with this seed."""
    rng: random.Random | None = None  # few functions have a Dropout, and it takes time to make one

    def source(probability: float, length: int) -> list[float]:
        nonlocal rng
        rng = rng or random.Random(seed)
        return drawn([probability] * length, rng)

    with _masks_from(source):
        yield


@contextmanager
def _masks_from(source: Source) -> Generator[None]:
    """Make each Dropout in the block take its mask from this source."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)
