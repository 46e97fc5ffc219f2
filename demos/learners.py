"""What learns: a model and a loss, rows of numbers and targets, and Adam between them.

The loss of one example is scalar code. `Eager` records and sweeps a graph for each example, as the
lecture has it. `Lifted` turns the code into a program on arrays first. Both do the same arithmetic,
and save the same state: what one has begun the other can go on with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy
from numpy.typing import NDArray

from scalargrad import Value, lift, no_grad, optim

Array = NDArray[numpy.float64]
Row = Sequence[Any] | Array  # of numbers, or of rows of numbers
Rows = Sequence[Row] | Array
Loss = Callable[[Any, Any], Value]


class Learner(Protocol):
    """A model on its way; `rate` is that of the next step."""

    model: Any
    rate: float

    def learn(self, rows: Rows, targets: Rows) -> float:
        """Take one step downhill on the mean loss, and return the sum of the losses before it."""

    def answers(self, rows: Rows) -> list[int]:
        """Return for each row which of the model's outputs is the largest."""

    def settle(self) -> None:
        """See to it that the model has what was learnt."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on, beside the model."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict` and from what the model has."""


class Eager:
    """The graph of each example is recorded, swept, and forgotten at once."""

    def __init__(self, model: Any, loss: Loss, rate: float) -> None:
        self.model = model
        self.loss, self.rate = loss, rate
        self.optimizer = optim.Adam(model.parameters())
        self.state_dict, self.load_state_dict = self.optimizer.state_dict, self.optimizer.load_state_dict

    def learn(self, rows: Rows, targets: Rows) -> float:
        """The gradient of the mean is the sum of the gradients, each divided by how many there are."""
        total = 0.0
        self.optimizer.rate = self.rate
        self.optimizer.zero_grad()
        for row, target in zip(rows, targets, strict=True):
            error = self.loss(row, target)
            error.backward(1 / len(rows))
            total += error.data
        self.optimizer.step()
        return total

    def answers(self, rows: Rows) -> list[int]:
        """One row after another."""
        found = []
        with no_grad():
            for row in rows:
                outputs = [output.data for output in self.model(row)]
                found.append(outputs.index(max(outputs)))
        return found

    def settle(self) -> None:
        """Nothing to do: it is the model's own parameters that are moved."""


class Lifted:
    """Two programs, for the loss and for the outputs, whose parameters are one array."""

    def __init__(self, model: Any, loss: Loss, rate: float) -> None:
        self.model = model
        self.rate = rate
        self.program = lift(loss, model.parameters())
        self.outputs = lift(model, model.parameters())
        self.theta: Array = numpy.array(self.program.pack())
        self.optimizer = optim.Adam(self.theta)
        self.state_dict = self.optimizer.state_dict

    def learn(self, rows: Rows, targets: Rows) -> float:
        """The program's value is the mean, and its gradient the mean's."""
        value, gradient = self.program.value_and_grad(rows, targets, at=self.theta)
        self.optimizer.rate = self.rate
        self.optimizer.step(gradient)
        return float(value) * len(rows)

    def answers(self, rows: Rows) -> list[int]:
        """All at once."""
        return [int(place) for place in numpy.argmax(self.outputs(rows, at=self.theta), axis=1)]

    def settle(self) -> None:
        """Write the array into the model's parameters."""
        self.program.unpack(self.theta)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; the array is read from the model's parameters."""
        self.optimizer.load_state_dict(state)
        self.theta[:] = self.program.pack()

    def source(self, row: Row, target: Any) -> str:
        """The program that the loss has become, for a row and a target like these."""
        self.program.value_and_grad([row], [target])
        return str(self.program.source)
