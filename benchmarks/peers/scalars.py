"""Scalar engines, number by number: our own, and micrograd 0.1.0 where its four operations are enough."""

from __future__ import annotations

import gc
import importlib
import sys
from importlib.metadata import version
from typing import Any

from benchmarks.work import Work
from scalargrad import Value, functional, nn, relu

SHARE = 64  # the widest network is timed on this part of its batch: all of it would take minutes


class Peer:
    """Each example's graph is swept on its own, as its gradient is to be divided by the batch's size."""

    def __init__(self, work: Work) -> None:
        self.version = "scalargrad, eager"
        self.work = work
        self.model = network(work)
        self.share = 1 / SHARE if len(self.model.layers) == 3 and work.sizes[0] > 16 else 1.0
        self.rows = [row.tolist() for row in work.data[0]]
        self.targets = work.data[1].tolist()

    def sweep(self, examples: int) -> float:
        """The mean loss of the first so many examples, its gradient added to the parameters'."""
        total = 0.0
        for row, target in zip(self.rows[:examples], self.targets, strict=False):
            loss = example_loss(self.work, self.model, row, target)
            loss.backward(1 / self.work.batch)
            total += loss.data
        penalty = self.work.decay * sum((p * p for p in self.model.parameters()), Value(0.0))
        penalty.backward()
        return total / self.work.batch + penalty.data

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        self.model.zero_grad()
        loss = self.sweep(self.work.batch)
        return loss, [p.grad for p in self.model.parameters()]

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            self.model.zero_grad()
            self.sweep(round(self.work.batch * self.share))
            for parameter in self.model.parameters():
                parameter.data -= self.work.rate * parameter.grad


class Micrograd:
    """micrograd as in its demo: the graph of the whole batch at once, which its recursion walks."""

    def __init__(self, work: Work) -> None:
        if work.loss != "hinge":
            raise ImportError("exp, no log")
        self.version = f"micrograd {version('micrograd')}"
        engine, networks = importlib.import_module("micrograd.engine"), importlib.import_module("micrograd.nn")
        self.work = work
        self.value = engine.Value
        self.model = networks.MLP(work.sizes[0], list(work.sizes[1:]))
        for parameter, number in zip(self.model.parameters(), work.parameters.tolist(), strict=True):
            parameter.data = number
        self.rows = [row.tolist() for row in work.data[0]]
        self.targets = work.data[1].tolist()

    def sweep(self) -> Any:
        """The loss over the whole batch, swept."""
        losses = [
            (1 + -target * self.model(list(map(self.value, row)))).relu()
            for row, target in zip(self.rows, self.targets, strict=True)
        ]
        loss = sum(losses) * (1 / self.work.batch) + self.work.decay * sum(p * p for p in self.model.parameters())
        self.model.zero_grad()
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(100_000)
        loss.backward()
        sys.setrecursionlimit(limit)
        return loss

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        loss = self.sweep()
        return loss.data, [p.grad for p in self.model.parameters()]

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            self.sweep()
            for parameter in self.model.parameters():
                parameter.data -= self.work.rate * parameter.grad
        gc.collect()


def network(work: Work) -> nn.MLP:
    """The work's network with the parameters that every peer starts from."""
    model = nn.MLP(work.sizes[0], work.sizes[1:], rng=0)
    for parameter, number in zip(model.parameters(), work.parameters.tolist(), strict=True):
        parameter.data = number
    return model


def example_loss(work: Work, model: nn.MLP, row: Any, target: Any) -> Value:
    """The loss of one example, without L2."""
    loss: Value = (
        relu(1 - target * model(row)) if work.loss == "hinge" else functional.cross_entropy(model(row), target)
    )
    return loss
