"""Metrics: measures of one example that are reported beside the loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from ..engine import modes
from ..engine.floats import counted, place
from ..engine.primitives import greater, maximum
from ..engine.value import Value
from ..functional import Index, one_hot, total

Number = Value | float


def accuracy(outputs: Sequence[Number], target: Index | Iterable[Number]) -> Any:
    """Return 1 if the largest output is that of the right class, else 0: a metric of one example.

    The right class is a number, counted from 0, or a list with a 1 for it and 0 for the others, as in
    `cross_entropy`. Where several outputs are the largest, each counts as its
    share, so a network whose outputs are all equal is no better than chance.

    >>> from scalargrad import Value
    >>> outputs = [Value(0.5), Value(2.0), Value(-1.0)]
    >>> accuracy(outputs, 1).data, accuracy(outputs, [1, 0, 0]).data
    (1.0, 0.0)
    >>> accuracy([Value(0.0), Value(0.0)], 1).data
    0.5

    Raises:
        TypeError: for one output, or a class that is not a number.
        ValueError: for a class that is not an integer or out of range, or not one number for each output.
    """
    if not isinstance(outputs, Iterable):
        raise TypeError(f"accuracy needs the outputs of several classes, got {outputs!r}")
    scores = list(outputs)
    if isinstance(target, Iterable):
        shares = list(target)
    elif isinstance(target, Value) and modes.tracing() is not None:
        shares = list(one_hot(target, len(scores)))
    else:
        index = place(target, len(scores), "the class in accuracy")
        shares = [float(i == index) for i in range(len(scores))]
    if len(shares) != len(scores):
        raise ValueError(f"accuracy needs a number for each of {counted(len(scores), 'output')}, got {len(shares)}")
    largest = reduce(maximum, scores)
    are_largest = [1 - greater(largest, score) for score in scores]
    right: Any = total(share * is_largest for share, is_largest in zip(shares, are_largest, strict=True))
    return right / total(are_largest)
