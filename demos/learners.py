"""Two ways to train a model with Adam: on Values, or by a lifted program.

The loss of one example is scalar code. `Eager` records and sweeps a graph for each example, as in the
lecture. `Lifted` turns the code into a program on arrays first. Both do the same arithmetic and save
the same state, so that either can continue what the other began.
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
    """A model in training.

    Attributes:
        model: the model.
        rate: the rate of the next step.
    """

    model: Any
    rate: float

    def learn(self, rows: Rows, targets: Rows) -> float:
        """Take one step down the mean loss, and return the sum of the losses before it."""

    def answers(self, rows: Rows) -> list[int]:
        """Return for each row which of the model's outputs is the largest."""

    def settle(self) -> None:
        """Write what was learned into the model."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on, apart from the model."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict` and from the numbers of the model."""


class Eager:
    """Trains on Values: records the graph of each example, sweeps it, and drops it."""

    def __init__(self, model: Any, loss: Loss, rate: float) -> None:
        self.model = model
        self.loss, self.rate = loss, rate
        self.optimizer = optim.Adam(model.parameters())
        self.state_dict, self.load_state_dict = self.optimizer.state_dict, self.optimizer.load_state_dict

    def learn(self, rows: Rows, targets: Rows) -> float:
        """Add up the gradients of the losses, each divided by the number of examples, and take a step."""
        loss_sum = 0.0
        self.optimizer.rate = self.rate
        self.optimizer.zero_grad()
        for row, target in zip(rows, targets, strict=True):
            error = self.loss(row, target)
            error.backward(1 / len(rows))
            loss_sum += error.data
        self.optimizer.step()
        return loss_sum

    def answers(self, rows: Rows) -> list[int]:
        """Return the answers, computed one row after another."""
        answers = []
        with no_grad():
            for row in rows:
                outputs = [output.data for output in self.model(row)]
                answers.append(outputs.index(max(outputs)))
        return answers

    def settle(self) -> None:
        """Do nothing: the optimizer changes the model's own parameters."""


class Lifted:
    """Trains by two lifted programs, of the loss and of the outputs; the parameters are one array."""

    def __init__(self, model: Any, loss: Loss, rate: float) -> None:
        self.model = model
        self.rate = rate
        self.program = lift(loss, model.parameters())
        self.outputs = lift(model, model.parameters())
        self.theta: Array = numpy.array(self.program.pack())
        self.optimizer = optim.Adam(self.theta)
        self.state_dict = self.optimizer.state_dict

    def learn(self, rows: Rows, targets: Rows) -> float:
        """Take a step by the program, which computes the mean of the losses and its gradient."""
        value, gradient = self.program.value_and_grad(rows, targets, at=self.theta)
        self.optimizer.rate = self.rate
        self.optimizer.step(gradient)
        return float(value) * len(rows)

    def answers(self, rows: Rows) -> list[int]:
        """Return the answers, computed all at once."""
        return [int(place) for place in numpy.argmax(self.outputs(rows, at=self.theta), axis=1)]

    def settle(self) -> None:
        """Write the array into the model's parameters."""
        self.program.unpack(self.theta)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; the array is read from the model's parameters."""
        self.optimizer.load_state_dict(state)
        self.theta[:] = self.program.pack()

    def source(self, row: Row, target: Any) -> str:
        """Return the text of the program for a row and a target like these."""
        self.program.value_and_grad([row], [target])
        return str(self.program.source)
