"""The same scalar code as the eager engine's, lifted: with parameters in an array, or on Values with an optimizer."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.peers.scalars import example_loss, network
from benchmarks.work import Work
from scalargrad import Value, lift, optim

np: Any = importlib.import_module("numpy")


def program_of(work: Work, model: Any, parameters: list[Value], **options: Any) -> Any:
    """The work's loss, lifted."""

    def loss(row: Any, target: Any) -> Value:
        return example_loss(work, model, row, target) + work.decay * sum(p * p for p in parameters)

    return lift(loss, parameters, **options)


class Peer:
    """Parameters in an array, which is what `at` is for."""

    def __init__(self, work: Work) -> None:
        self.version = "scalargrad, lifted"
        self.work = work
        model = network(work)
        self.x, self.y = work.data
        self.program = program_of(work, model, model.parameters())
        self.theta = np.array(self.program.pack())
        self.room = np.empty_like(self.theta)

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        loss, gradient = self.program.value_and_grad(self.x, self.y, at=self.theta)
        return float(loss), gradient.tolist()

    def run(self, steps: int) -> None:
        """Take so many steps."""
        value_and_grad, x, y, rate = self.program.value_and_grad, self.x, self.y, self.work.rate
        theta, room = self.theta, self.room
        for _ in range(steps):
            _, gradient = value_and_grad(x, y, at=theta, out=room)
            gradient *= rate
            theta -= gradient


class OnValues:
    """Parameters are Values, moved by an optimizer: the loop of eager code, unchanged."""

    def __init__(self, work: Work) -> None:
        self.version = "scalargrad, lifted"
        self.model = network(work)
        self.x, self.y = work.data
        self.program = program_of(work, self.model, self.model.parameters())
        self.optimizer = optim.GradientDescent(self.model.parameters(), rate=work.rate)

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        self.optimizer.zero_grad()
        loss = self.program.backward(self.x, self.y)
        return float(loss), [p.grad for p in self.model.parameters()]

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.program.backward(self.x, self.y)
            self.optimizer.step()
