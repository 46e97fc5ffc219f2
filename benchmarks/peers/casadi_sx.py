"""CasADi SX: the loss of one example as a scalar graph, differentiated by CasADi, run for each example in turn."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.work import Work

np: Any = importlib.import_module("numpy")
casadi: Any = importlib.import_module("casadi")


class Peer:
    """The sum over the batch is inside the compiled map, and arrays are handed over as buffers, uncopied."""

    def __init__(self, work: Work) -> None:
        self.version = f"casadi {casadi.__version__}"
        self.work = work
        x, y = work.data
        self.theta = work.parameters
        self.value, self.gradients = np.zeros(1), np.zeros_like(self.theta)
        p = casadi.SX.sym("p", len(self.theta))
        inputs, target = casadi.SX.sym("x", work.sizes[0]), casadi.SX.sym("y", work.sizes[-1])
        outputs = inputs
        for k, (span, (n_outputs, width)) in enumerate(work.spans):
            rows = casadi.reshape(p[span], width, n_outputs).T
            outputs = rows[:, :-1] @ (outputs if k == 0 else casadi.fmax(outputs, 0)) + rows[:, -1]
        loss = casadi.fmax(1 - target * outputs, 0)
        if work.loss != "hinge":
            loss = casadi.logsumexp(outputs) - casadi.dot(target, outputs)
        one = casadi.Function("one", [p, inputs, target], [loss, casadi.gradient(loss, p)])
        batch = one.map("batch", "serial", work.batch, [0], [0, 1])
        self.buffers, self.evaluate = batch.buffer()
        self.arguments = [self.theta, np.ascontiguousarray(x), np.ascontiguousarray(y)]
        for i, array in enumerate(self.arguments):
            self.buffers.set_arg(i, memoryview(array.ravel()))
        for i, array in enumerate((self.value, self.gradients)):
            self.buffers.set_res(i, memoryview(array))

    def value_and_gradient(self) -> float:
        """The loss; the sum of the examples' gradients is left in `gradients`."""
        self.evaluate()
        return float(self.value[0]) / self.work.batch + self.work.decay * float(self.theta.dot(self.theta))

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        loss = self.value_and_gradient()
        return loss, (self.gradients / self.work.batch + 2 * self.work.decay * self.theta).tolist()

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            self.value_and_gradient()
            self.gradients *= self.work.rate / self.work.batch
            self.theta *= 1 - 2 * self.work.decay * self.work.rate
            self.theta -= self.gradients
