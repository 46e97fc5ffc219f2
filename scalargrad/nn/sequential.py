"""Modules and functions one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.notes import Mark, leave, marks_of
from ..engine.value import Value
from ..functional import Outputs
from .arguments import single
from .module import Module, values_in
from .parts import Part, refuse_no_part, returned_by, spelled_part


class Sequential(Module):
    """Modules and functions one after another: each reads what the one before returns.

    >>> from scalargrad import flatten
    >>> from scalargrad.nn import MLP, Convolution, MaxPool
    >>> model = Sequential(Convolution(1, 4, 3, rng=0), MaxPool(2), flatten, MLP(4 * 9, [16, 10], rng=0))
    >>> image = [[0.0] * 8 for _ in range(8)]
    >>> len(model(image))
    10
    >>> model.layers[1]
    MaxPool(2)

    A `Layer` or an `MLP` of one output gives a list to the part after it, and at the end its Value by itself. So
    `outputs` always returns a list, and `output` a Value.

    Args:
        *layers: modules, and functions such as `flatten` or one of your own.

    Attributes:
        layers: a list of them.

    Raises:
        ValueError: for no layers.
        TypeError: for a layer that cannot be called.
    """

    def __init__(self, *layers: Part) -> None:
        if len(layers) == 1 and isinstance(layers[0], (list, tuple)):
            raise TypeError("Sequential takes its layers one by one: Sequential(*layers)")
        if not layers:
            raise ValueError("Sequential needs at least one layer, got none")
        for layer in layers:
            refuse_no_part(layer, "a layer of Sequential")
        self.layers: list[Part] = list(layers)

    def __call__(self, inputs: Any) -> Any:
        """Return what the last layer returns; that of one output, its Value."""
        returned = self._returned(inputs)
        is_one = isinstance(returned, list) and len(returned) == 1 and hasattr(self.layers[-1], "outputs")
        return returned[0] if is_one else returned

    def output(self, inputs: Any) -> Value:
        """Return the only output.

        Raises:
            ValueError: for a network of several outputs.
            TypeError: for one that ends in an image.
        """
        return single(self.outputs(inputs), self)

    def outputs(self, inputs: Any) -> list[Value]:
        """Return the outputs as a list, also for a network of one output.

        Raises:
            TypeError: for a network that ends in an image.
        """
        returned = self._returned(inputs)
        outputs = [returned] if isinstance(returned, Value) else returned
        if not all(isinstance(output, Value) for output in outputs):
            raise TypeError(f"{self!r} returns no row of outputs: call it, or end it with flatten and a Layer")
        return Outputs(outputs)

    def _returned(self, inputs: Any) -> Any:
        """What the last layer returns: a list for one of one output, too, and images as they are."""
        returned = inputs
        read: Sequence[Any] | None = None
        for layer in self.layers:
            given, returned = returned, returned_by(layer, returned)
            if read is None and values_in([returned]):  # the first layer that computes says what has been read
                read = values_in([given]) or _read_for(values_in([returned])[0])
        leave(values_in([returned]), Mark(type(self).__name__, self, read or []))
        return returned

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(spelled_part, self.layers))})"


def _read_for(result: Value) -> Sequence[Any]:
    """What the module has read that made this result, where it was given plain numbers."""
    marks = marks_of(result)
    return marks[-1].inputs if marks else []
