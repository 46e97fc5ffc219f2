"""Maxout: a layer whose outputs are each the largest of several weighted sums."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import partial, reduce
from typing import Any, Never

from ..engine.floats import counted, integer
from ..engine.primitives import maximum
from ..engine.value import Value
from .arguments import Initial, entries, refuse_drawing
from .foreign import refuse_arguments
from .layer import Layer
from .neuron import Neuron


class Maxout(Layer):
    """Outputs that are each the largest of several weighted sums of the inputs, its pieces.

    So the activation itself is learned: it can become any convex function that is made of that many straight pieces.
    Two pieces, one of which is always 0, make a relu; at 0, where the two are equal, each gets half of the gradient.

    Goodfellow et al., "Maxout networks", arXiv:1302.4389. In an `MLP` it is `activation="maxout"`.

    >>> layer = Maxout(2, 3, rng=0)
    >>> len(layer.outputs([1.0, -1.0])), len(layer.parameters())
    (3, 18)
    >>> layer = Maxout(weights=[[[1, -2], [-1, 1]]])  # one output: the larger of x1 - 2 x2 and x2 - x1
    >>> layer.output([1.0, -1.0])
    Value(data=3.0)

    Args:
        n_inputs: the number of inputs; not needed where the weights are given.
        n_outputs: the number of outputs; not needed where the weights are given.
        pieces: the number of weighted sums for each output, 2 if it is not given.
        rng, initial: as those of a `Neuron`.
        weights: in place of drawing them, for each output a row of weights for each piece: numbers, or Values, which
            are used as they are.
        biases: for each output a bias for each piece; 0 each if they are not given.

    Attributes:
        n_inputs, pieces: as given.
        units: for each output a list of its pieces, which are linear neurons. So a saved state says how many pieces
            an output has: `units.2.1.bias` is the bias of the second piece of the third output.
        neurons: the pieces of all outputs in a tuple, those of the first output first.

    Raises:
        ValueError: as `Layer`, and for outputs of different numbers of pieces.
        TypeError: as `Layer`.
    """

    def __init__(
        self,
        n_inputs: int | None = None,
        n_outputs: int | None = None,
        pieces: int | None = None,
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        weights: Iterable[Iterable[Iterable[Value | float]]] | None = None,
        biases: Iterable[Iterable[Value | float]] | None = None,
        **unknown: Never,
    ) -> None:
        known = ("n_inputs", "n_outputs", "pieces", "rng", "initial", "weights", "biases")
        refuse_arguments("Maxout", unknown, known)
        if weights is None and (n_inputs is None or n_outputs is None):
            raise TypeError(
                "Maxout needs the numbers of its inputs and outputs, or its weights: Maxout(2, 3), "
                "Maxout(weights=[[[1, -2], [-1, 1]]])"
            )
        pieces = None if pieces is None else integer(pieces, "the number of pieces", low=1)
        size = None if n_outputs is None else integer(n_outputs, "a layer's size", low=1)
        rows = None
        if weights is None:
            pieces = pieces or 2
        else:
            refuse_drawing("Maxout", rng, initial)
            rows, pieces, size = _of_pieces(weights, "the weights", pieces, size)
        flat = None if biases is None else _of_pieces(biases, "the biases", pieces, size)[0]
        assert size is not None  # for type checkers: it was given, or follows from the weights
        self.pieces = pieces
        super().__init__(n_inputs, size * pieces, None, rng, initial, weights=rows, biases=flat)
        self.activation = "maxout"
        self._whole = partial(_largest, pieces)

    @property
    def neurons(self) -> Sequence[Neuron]:
        """The pieces of all outputs, those of the first output first."""
        return tuple(piece for unit in self.units for piece in unit)

    @neurons.setter
    def neurons(self, neurons: Sequence[Neuron]) -> None:
        starts = range(0, len(neurons), self.pieces)
        self.units = [list(neurons[start : start + self.pieces]) for start in starts]

    @property
    def n_outputs(self) -> int:
        """The number of outputs."""
        return len(self.units)

    def __repr__(self) -> str:
        return f"Maxout({self.n_inputs}, {self.n_outputs}, pieces={self.pieces})"


def _largest(pieces: int, sums: list[Value]) -> list[Value]:
    return [reduce(maximum, sums[start : start + pieces]) for start in range(0, len(sums), pieces)]


def _of_pieces(given: object, what: str, pieces: int | None, size: int | None) -> tuple[list[Any], int, int]:
    """What is given for each piece, those of the first output first; how many pieces, and how many outputs."""
    outputs = [entries(output, f"those of an output in {what}") for output in entries(given, what)]
    lengths = {len(output) for output in outputs}
    if not outputs or len(lengths) != 1 or 0 in lengths or pieces not in (None, *lengths):
        wanted = f"{'as many pieces' if pieces is None else counted(pieces, 'piece')} for each output"
        raise ValueError(f"{what} of Maxout must have {wanted}, got {', '.join(map(str, map(len, outputs))) or 'none'}")
    if size not in (None, len(outputs)):
        raise ValueError(f"{what} of Maxout must be a list for each of {counted(size, 'output')}, got {len(outputs)}")
    return [piece for output in outputs for piece in output], lengths.pop(), len(outputs)
