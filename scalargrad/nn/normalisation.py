"""Normalisation: a row of numbers is brought to one size, whatever size it has."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, Never

from ..engine.floats import counted, integer, number
from ..engine.value import Value
from ..functional import Outputs
from .arguments import given_numbers, row_of
from .foreign import refuse_arguments
from .module import Module


class LayerNorm(Module):
    """A row of numbers with their mean taken away, divided by their standard deviation, then scaled and shifted.

    y = (x - mean(x)) / sqrt(variance(x) + epsilon) × weight + bias, where the variance is the mean of (x - mean(x))².
    Each place of the row has a weight and a bias of its own, which are learned.

    Ba, Kiros and Hinton, "Layer normalization", arXiv:1607.06450. The result depends on one example only, so it is the
    same in training and after it.

    >>> norm = LayerNorm(4)
    >>> [round(y.data, 3) for y in norm([1.0, 2.0, 3.0, 4.0])]
    [-1.342, -0.447, 0.447, 1.342]
    >>> [round(y.data, 3) for y in norm([1001.0, 1002.0, 1003.0, 1004.0])]
    [-1.342, -0.447, 0.447, 1.342]

    Args:
        n_inputs: the length of the row; not needed where the weights are given.
        epsilon: what is added to the variance, so that a row of equal numbers is not divided by 0; above 0.
        learned: whether there are weights and biases; without them nothing is learned.
        weights: a weight for each place: numbers, or Values, which are used as they are; 1 each if not given.
        biases: a bias for each place; 0 each if not given.

    Attributes:
        n_inputs, epsilon: as given.
        weights, biases: a Value for each place; none where nothing is learned.

    Raises:
        ValueError: for fewer than one input, an epsilon that is not above 0, another number of weights or biases than
            inputs, or, when it is called, a row of another length.
        TypeError: without the number of inputs and the weights, or for weights where nothing is learned.
    """

    def __init__(
        self,
        n_inputs: int | None = None,
        epsilon: float = 1e-5,
        *,
        learned: bool = True,
        weights: Iterable[Value | float] | None = None,
        biases: Iterable[Value | float] | None = None,
        **unknown: Never,
    ) -> None:
        refuse_arguments("LayerNorm", unknown, ("n_inputs", "epsilon", "learned", "weights", "biases"))
        self.epsilon = _above_0(epsilon, "LayerNorm")
        parts = {"weights": weights, "biases": biases}
        self.n_inputs, (self.weights, self.biases) = _learned("LayerNorm", n_inputs, learned, parts)

    def __call__(self, inputs: Iterable[Value | float]) -> list[Value]:
        """Return the normalised row.

        Args:
            inputs: n_inputs Values or numbers.

        Raises:
            TypeError: for a single number, a set, or an input that is not a number.
            ValueError: for a row of another length.
        """
        row = row_of(inputs, self.n_inputs, self)
        mean = reduce(operator.add, row) / len(row)
        centred = [x - mean for x in row]
        factor = _inverse_root(centred, self.epsilon)
        normalised = [x * factor for x in centred]
        if self.weights:
            normalised = [
                x * weight + bias for x, weight, bias in zip(normalised, self.weights, self.biases, strict=True)
            ]
        return self.mark(Outputs(normalised), row)

    def __repr__(self) -> str:
        return f"LayerNorm({self.n_inputs}{_settings(self.epsilon, 1e-5, self.weights)})"


class RMSNorm(Module):
    """A row of numbers divided by their root mean square, then scaled.

    y = x / sqrt(mean(x²) + epsilon) × weight. Each place of the row has a weight of its own, which is learned.

    Zhang and Sennrich, "Root mean square layer normalization", arXiv:1910.07467.

    >>> [round(y.data, 3) for y in RMSNorm(4)([3.0, -3.0, 3.0, 3.0])]
    [1.0, -1.0, 1.0, 1.0]

    Args:
        n_inputs: the length of the row; not needed where the weights are given.
        epsilon: what is added to the mean of the squares, so that a row of zeros is not divided by 0; above 0. If it
            is not given, it is the distance from 1 to the next float, as in PyTorch. Others take 1e-5.
        learned: whether there are weights; without them nothing is learned.
        weights: a weight for each place: numbers, or Values, which are used as they are; 1 each if not given.

    Attributes:
        n_inputs, epsilon: as given.
        weights: a Value for each place; none where nothing is learned.

    Raises:
        ValueError: for fewer than one input, an epsilon that is not above 0, another number of weights than inputs,
            or, when it is called, a row of another length.
        TypeError: without the number of inputs and the weights, or for weights where nothing is learned.
    """

    def __init__(
        self,
        n_inputs: int | None = None,
        epsilon: float = sys.float_info.epsilon,
        *,
        learned: bool = True,
        weights: Iterable[Value | float] | None = None,
        **unknown: Never,
    ) -> None:
        refuse_arguments("RMSNorm", unknown, ("n_inputs", "epsilon", "learned", "weights"))
        self.epsilon = _above_0(epsilon, "RMSNorm")
        self.n_inputs, (self.weights,) = _learned("RMSNorm", n_inputs, learned, {"weights": weights})

    def __call__(self, inputs: Iterable[Value | float]) -> list[Value]:
        """Return the normalised row.

        Args:
            inputs: n_inputs Values or numbers.

        Raises:
            TypeError: for a single number, a set, or an input that is not a number.
            ValueError: for a row of another length.
        """
        row = row_of(inputs, self.n_inputs, self)
        factor = _inverse_root(row, self.epsilon)
        normalised = [x * factor for x in row]
        if self.weights:
            normalised = [x * weight for x, weight in zip(normalised, self.weights, strict=True)]
        return self.mark(Outputs(normalised), row)

    def __repr__(self) -> str:
        return f"RMSNorm({self.n_inputs}{_settings(self.epsilon, sys.float_info.epsilon, self.weights)})"


def _inverse_root(row: Sequence[Value], epsilon: float) -> Value:
    """1 / sqrt(mean(x²) + epsilon)."""
    squares: Value = reduce(operator.add, [x * x for x in row])
    return (squares / len(row) + epsilon) ** -0.5


def _above_0(epsilon: object, module: str) -> float:
    given = number(epsilon, f"the epsilon of {module}", bools=False)
    if not 0 < given < math.inf:
        raise ValueError(f"the epsilon of {module} must be a finite number above 0, got {epsilon!r}")
    return given


def _learned(module: str, n_inputs: int | None, learned: bool, parts: dict[str, Any]) -> tuple[int, list[list[Value]]]:
    """The number of inputs, the weights, and the biases where the module has some: given ones, or 1 and 0."""
    given = {name: part for name, part in parts.items() if part is not None}
    if not learned:
        if given:
            raise TypeError(f"{module} takes {' and '.join(given)}, or learned=False to have none, not both")
        if n_inputs is None:
            raise TypeError(f"{module} needs the number of its inputs: {module}(4, learned=False)")
        return integer(n_inputs, "the number of inputs", low=1), [[] for _ in parts]
    if n_inputs is None and not given:
        raise TypeError(
            f"{module} needs the number of its inputs, or its weights: {module}(4), {module}(weights=[1, 2])"
        )
    made = {name: given_numbers(part, f"the {name}") for name, part in given.items()}
    size = len(next(iter(made.values()))) if n_inputs is None else integer(n_inputs, "the number of inputs", low=1)
    for name, values in made.items():
        if len(values) != size:
            has = f"{module} has {counted(size, 'input')}"
            raise ValueError(f"{has}, got {counted(len(values), 'number')} as {name}")
    start = {"weights": 1.0, "biases": 0.0}
    return size, [made.get(name) or [Value(start[name]) for _ in range(size)] for name in parts]


def _settings(epsilon: float, usual: float, weights: Sequence[Value]) -> str:
    shown = "" if epsilon == usual else f", epsilon={epsilon!r}"
    return shown if weights else f"{shown}, learned=False"
