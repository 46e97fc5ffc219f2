"""An embedding: a row of learned numbers for each of several things, such as words."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Never

from ..engine.floats import counted, integer
from ..engine.value import Value
from ..functional import Index, Outputs, _taken
from .arguments import Initial, entries, generator, given_numbers, initial_weights, refuse_drawing
from .foreign import refuse_arguments
from .module import Module


class Embedding(Module):
    """A table with a row of learned numbers for each of several things, which are given by their numbers from 0 on.

    Called with the number of a thing it returns its row. In a lifted function the number may be an input, or an entry
    of one, as in `functional.take`. It is what a linear layer without biases computes of a `one_hot` row, at once.

    >>> embedding = Embedding(weights=[[0.5, 1.0], [-1.0, 2.0], [0.0, 0.25]])
    >>> [x.data for x in embedding(1)]
    [-1.0, 2.0]
    >>> text = [2, 0]
    >>> [[x.data for x in embedding(word)] for word in text]
    [[0.0, 0.25], [0.5, 1.0]]

    Nothing is computed, so pictures show the row as leaves, and no box.

    Args:
        n_rows: how many things there are; not needed where the weights are given.
        n_outputs: how many numbers a thing has; not needed where the weights are given.
        rng: draws the weights: a `random.Random`, or a seed; None takes Python's global generator.
        initial: how the weights are drawn: "scaled" with mean 0 and deviation 1, "uniform" from -1 to 1; or a function
            of a `random.Random` and the number of inputs, which is 1: only one is not 0 in a `one_hot` row.
        weights: in place of drawing them, the rows: numbers, or Values, which are used as they are.

    Attributes:
        n_rows, n_outputs: as given.
        weights: a list with a list of Values for each thing.

    Raises:
        ValueError: for fewer than one row or number, or rows of other lengths.
        TypeError: without the sizes and the weights, or for weights and how to draw them.
    """

    def __init__(
        self,
        n_rows: int | None = None,
        n_outputs: int | None = None,
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        weights: Iterable[Iterable[Value | float]] | None = None,
        **unknown: Never,
    ) -> None:
        refuse_arguments("Embedding", unknown, ("n_rows", "n_outputs", "rng", "initial", "weights"))
        if weights is None:
            if n_rows is None or n_outputs is None:
                raise TypeError(
                    "Embedding needs the number of its rows and how long they are, or its weights: Embedding(27, 8), "
                    "Embedding(weights=[[0.5, 1.0], [-1.0, 2.0]])"
                )
            self.n_rows = integer(n_rows, "the number of rows", low=1)
            self.n_outputs = integer(n_outputs, "the length of a row", low=1)
            draw, rng = initial_weights(initial, None), generator(rng)
            self.weights = [[Value(draw(rng, 1)) for _ in range(self.n_outputs)] for _ in range(self.n_rows)]
            return
        refuse_drawing("Embedding", rng, initial)
        self.weights = [given_numbers(row, "a row of weights") for row in entries(weights, "the weights")]
        lengths = [len(row) for row in self.weights]
        if not lengths:
            raise ValueError("Embedding needs at least one row of weights, got none")
        self.n_rows = len(lengths) if n_rows is None else integer(n_rows, "the number of rows", low=1)
        self.n_outputs = lengths[0] if n_outputs is None else integer(n_outputs, "the length of a row", low=1)
        if self.n_rows != len(lengths):
            has = f"Embedding has {counted(self.n_rows, 'row')}"
            raise ValueError(f"{has}, got {counted(len(lengths), 'row')} of weights")
        if set(lengths) != {self.n_outputs}:
            shown = ", ".join(map(str, lengths[:8])) + (", ..." if len(lengths) > 8 else "")
            raise ValueError(f"each row of an Embedding must have {counted(self.n_outputs, 'weight')}, got {shown}")

    def __call__(self, index: Index) -> list[Value]:
        """Return the row of the thing with this number: a list of n_outputs Values.

        Args:
            index: the number, from 0 to n_rows - 1; in a lifted function it may be an input.

        Raises:
            TypeError: for anything but a number.
            ValueError: for a number that is not an integer, negative, or not less than the number of rows.
        """
        if isinstance(index, (list, tuple)) or getattr(index, "shape", None):
            raise TypeError(
                f"{self!r} takes one index, got {index!r}: for several write [embedding(index) for index in indices]"
            )
        return Outputs(_taken(self.weights, index, f"the index of {self!r}"))

    def __repr__(self) -> str:
        return f"Embedding({self.n_rows}, {self.n_outputs})"
