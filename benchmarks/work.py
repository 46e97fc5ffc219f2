"""The works that `python -m benchmarks lift` times: one training step of a network on a fixed batch.

A step is forward, backward and update. The loss is the batch's mean plus L2 over all parameters,
and each step yields its value too. Hidden layers are relu. All numbers are float64, and parameters
lie in one row: neuron after neuron its weights and then its bias, layer after layer, which is the
order of `MLP.parameters()`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks.moons import moons

np: Any = importlib.import_module("numpy")


@dataclass(frozen=True)
class Work:
    """A network, a batch and a loss; `decay` is the L2 term's factor."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    loss: str
    decay: float = 1e-4
    rate: float = 1e-3

    @property
    def layers(self) -> Iterator[tuple[int, int]]:
        """How many numbers each layer reads and how many it gives."""
        return zip(self.sizes, self.sizes[1:], strict=False)

    @property
    def spans(self) -> Iterator[tuple[slice, tuple[int, int]]]:
        """Where each layer's parameters lie in the row, and their shape: a line per neuron, the bias last."""
        start = 0
        for n_inputs, n_outputs in self.layers:
            end = start + n_outputs * (n_inputs + 1)
            yield slice(start, end), (n_outputs, n_inputs + 1)
            start = end

    @property
    def parameters(self) -> Any:
        """The row of parameters that every peer starts from."""
        rng = np.random.default_rng(1)
        rows = [
            np.hstack([rng.normal(size=(o, i)) / i**0.5, 0.1 * rng.normal(size=(o, 1))]).ravel() for i, o in self.layers
        ]
        return np.concatenate(rows)

    @cached_property
    def data(self) -> tuple[Any, Any]:
        """One row of inputs for each example, and its target: a label of ±1, or the distribution over the classes."""
        if self.loss == "hinge":
            rows, labels = moons(self.batch)
            return np.array(rows), np.array(labels, dtype=float)
        rng = np.random.default_rng(0)
        classes = np.eye(self.sizes[-1])
        return rng.random((self.batch, self.sizes[0])), classes[rng.integers(self.sizes[-1], size=self.batch)]


WORKS = {
    work.name: work
    for work in (
        Work("2-16-16-1", (2, 16, 16, 1), 100, "hinge"),
        Work("256-32-10", (256, 32, 10), 64, "cross-entropy"),
        Work("256-128-64-10", (256, 128, 64, 10), 256, "cross-entropy"),
    )
}
