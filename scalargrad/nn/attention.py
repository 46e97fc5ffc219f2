"""Attention: each row of a sequence looks at the rows of it or of another one, and takes a mean of what they offer."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, Literal, Never

from ..engine.floats import counted, integer
from ..engine.notes import Mark, leave
from ..engine.value import Constant, Value
from ..functional import Outputs, softmax
from .arguments import Initial, entries, generator, refuse_drawing, row_of, within
from .foreign import refuse_arguments
from .layer import Layer
from .module import Module

Row = Iterable[Value | float]
Rows = Iterable[Row]
Matrix = list[list[Value]]
PARTS = ("queries", "keys", "values", "output")


class Attention(Module):
    """Attention of several heads: each row asks a question, and mixes the answers of the rows that fit it.

    A linear layer makes a query of each row. Two others make a key and a value of each row of the context, which is
    the same sequence, or another one. How much a query looks at a row is the softmax of query · key / √d over the
    context, where d is the number of entries; what it takes is the mean of the values with these weights. Each head
    does so with entries of its own, and one more linear layer reads what all heads have taken.

    Vaswani et al., "Attention is all you need", arXiv:1706.03762, 3.2.

    >>> attention = Attention(4, heads=2, causal=True, rng=0)
    >>> attention
    Attention(4, heads=2, causal=True)
    >>> rows = [[1.0, 0.0, 0.5, -1.0], [0.0, 2.0, -0.5, 1.0], [1.0, 1.0, 0.0, 0.0]]
    >>> outputs = attention(rows)  # a row for each row
    >>> len(outputs), len(outputs[0])
    (3, 4)
    >>> first_head, second_head = attention.attention_weights(rows)
    >>> [[round(weight.data, 2) for weight in row] for row in first_head]  # the first row sees itself alone
    [[1.0, 0.0, 0.0], [0.02, 0.98, 0.0], [0.23, 0.46, 0.31]]

    The rows of another sequence are given as the context, of any length:

    >>> attention = Attention(4, context_width=2, rng=0)
    >>> len(attention(rows, [[1.0, 0.0], [0.0, 1.0]]))
    3

    Args:
        width: the number of entries of each row, before and after; not needed where the weights are given.
        heads: how many there are; each works with width / heads entries.
        causal: whether a row sees itself and the rows before it alone, as in a model that continues a text.
        rng, initial: as those of a `Neuron`.
        context_width: the number of entries of each row of the context; the width if it is not given.
        weights: in place of drawing them, four lists with a row of weights for each entry: that of the queries, keys,
            values, and the output. Numbers, or Values, which are used as they are.
        biases: four lists with a bias for each entry; 0 each if they are not given.

    Attributes:
        width, heads, causal, context_width: as given.
        queries, keys, values, output: the linear layers.

    Raises:
        ValueError: for a width below 1 or that the heads do not divide, or weights or biases that do not fit.
        TypeError: as `Layer`, and for `causal` together with the width of a context.
    """

    def __init__(
        self,
        width: int | None = None,
        heads: int = 1,
        causal: bool = False,
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        context_width: int | None = None,
        weights: Iterable[Rows] | None = None,
        biases: Iterable[Row] | None = None,
        **unknown: Never,
    ) -> None:
        known = ("width", "heads", "causal", "rng", "initial", "context_width", "weights", "biases")
        refuse_arguments("Attention", unknown, known)
        of_part: list[Any] = [None] * 4 if weights is None else _for_each_part(weights, "the weights")
        bias_of_part: list[Any] = [None] * 4 if biases is None else _for_each_part(biases, "the biases")
        if width is None:
            if weights is None:
                raise TypeError(
                    "Attention needs the width of its rows, or its weights: Attention(4), "
                    "Attention(weights=[queries, keys, values, output])"
                )
            width = len(entries(of_part[0], "the weights of the queries"))
        self.width = integer(width, "the width of Attention", low=1)
        self.heads = integer(heads, "the number of heads", low=1)
        if self.width % self.heads:
            raise ValueError(
                f"the heads share the entries of a row equally: the width {self.width} is no multiple of "
                f"{self.heads} heads"
            )
        if not isinstance(causal, bool):
            raise TypeError(f"causal must be True or False, got {causal!r}")
        self.causal = causal
        if causal and context_width is not None:
            raise TypeError("causal attention has no other context than its own rows: leave context_width out")
        read = self.width if context_width is None else integer(context_width, "the width of the context", low=1)
        self.context_width = read
        if weights is None:
            rng = generator(rng)
        else:
            refuse_drawing("Attention", rng, initial)
        for part, reads, given, bias in zip(
            PARTS, (self.width, read, read, self.width), of_part, bias_of_part, strict=True
        ):
            with within(f"the {part} of Attention"):
                setattr(self, part, Layer(reads, self.width, None, rng, initial, weights=given, biases=bias))

    queries: Layer
    keys: Layer
    values: Layer
    output: Layer

    def __call__(self, rows: Rows, context: Rows | None = None) -> Matrix:
        """Return a row for each row.

        Args:
            rows: those that look, each a list of as many Values or numbers as the width.
            context: those that they look at; the rows themselves if it is not given.

        Raises:
            TypeError: for what is no list of lists of numbers, or a context of causal attention.
            ValueError: for no rows, or a row of another length.
        """
        looking, seen = self._sequences(rows, context)
        queries, keys = self._queries_and_keys(looking, seen)
        values = [self.values._outputs(row) for row in seen]
        mixed: list[list[Value]] = [[] for _ in looking]
        for head, own in enumerate(self._shares()):
            taken = []
            for weights in self._weights_of_head(queries, keys, own):
                offered = zip(*(value[own] for value in values[: len(weights)]), strict=True)
                taken.append([_dot(weights, entries_of_place) for entries_of_place in offered])
            read = [x for rows in (queries, keys, values) for row in rows for x in row[own]]
            leave([x for row in taken for x in row], Mark(f"head {head}", None, read))
            for row, more in zip(mixed, taken, strict=True):
                row.extend(more)
        outputs: Matrix = [Outputs(self.output._outputs(row)) for row in mixed]
        return self.mark(outputs, looking if seen is looking else looking + seen)

    def attention_weights(self, rows: Rows, context: Rows | None = None) -> list[Matrix]:
        """Return how much each row looks at each row of the context: for each head a matrix, whose rows sum to 1.

        What a row does not see, as causal attention does not see the rows after it, has the weight 0.

        Args:
            rows: those that look, as in a call.
            context: those that they look at, as in a call.

        Raises:
            TypeError, ValueError: as a call.
        """
        looking, seen = self._sequences(rows, context)
        queries, keys = self._queries_and_keys(looking, seen)
        return [
            [[*weights, *(Constant(0.0) for _ in range(len(seen) - len(weights)))] for weights in of_head]
            for of_head in (self._weights_of_head(queries, keys, own) for own in self._shares())
        ]

    def _queries_and_keys(self, looking: Matrix, seen: Matrix) -> tuple[Matrix, Matrix]:
        return [self.queries._outputs(row) for row in looking], [self.keys._outputs(row) for row in seen]

    def _shares(self) -> list[slice]:
        """The places of the entries with which each head works."""
        size = self.width // self.heads
        return [slice(start, start + size) for start in range(0, self.width, size)]

    def _weights_of_head(self, queries: Matrix, keys: Matrix, own: slice) -> Matrix:
        """For each query the weights of the rows that it sees, which are the first ones."""
        scale = math.sqrt(self.width // self.heads)
        weights = []
        for place, query in enumerate(queries):
            visible = keys[: place + 1] if self.causal else keys
            weights.append(softmax([_dot(query[own], key[own]) / scale for key in visible]))
        return weights

    def _sequences(self, rows: Rows, context: Rows | None) -> tuple[Matrix, Matrix]:
        """The rows that look, and those that they look at."""
        if context is not None and self.causal:
            raise TypeError(f"{self!r} looks at its own rows alone: a context needs causal=False")
        looking = self._rows(rows, self.width, "rows")
        if context is not None:
            return looking, self._rows(context, self.context_width, "context")
        if self.context_width != self.width:
            raise TypeError(f"{self!r} needs a context, whose rows have {counted(self.context_width, 'number')}")
        return looking, looking

    def _rows(self, given: Rows, width: int, what: Literal["rows", "context"]) -> Matrix:
        rows: list[Any] = entries(given, f"the {what} of {self!r}")
        if not rows:
            raise ValueError(f"the {what} of {self!r} must be at least one row, got none")
        taken = []
        for place, row in enumerate(rows):
            with within(f"row {place}" if what == "rows" else f"row {place} of the context"):
                taken.append(row_of(row, width, self, of="sequence"))
        return taken

    def __repr__(self) -> str:
        more = ", causal=True" if self.causal else ""
        if self.context_width != self.width:
            more += f", context_width={self.context_width}"
        return f"Attention({self.width}, heads={self.heads}{more})"


def _dot(left: Sequence[Value], right: Sequence[Value]) -> Value:
    product: Value = reduce(operator.add, map(operator.mul, left, right))
    return product


def _for_each_part(given: object, what: str) -> list[Any]:
    parts = entries(given, f"{what} of Attention")
    if len(parts) != len(PARTS):
        raise ValueError(f"{what} of Attention must be a list for each of {', '.join(PARTS)}, got {len(parts)}")
    return parts
