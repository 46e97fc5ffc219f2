"""numpy, written by hand for speed: every view bound once, every result in a buffer that stays.

A layer's bias is the last column of its matrix, and meets a row of ones below the inputs: one
product for the layer, one for its gradient, no sum over the batch. The update takes L2 as decay.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.work import Work

np: Any = importlib.import_module("numpy")


class Peer:
    """Activations have a column for each example."""

    def __init__(self, work: Work) -> None:
        self.version = f"numpy {np.__version__}"
        self.work = work
        x, y = work.data
        self.theta = work.parameters
        self.gradients = np.zeros_like(self.theta)
        self.weights = [self.theta[span].reshape(shape) for span, shape in work.spans]
        self.weight_gradients = [self.gradients[span].reshape(shape) for span, shape in work.spans]
        self.transposed = [weights[:, :-1].T for weights in self.weights]
        self.inputs = [np.ones((n_inputs + 1, work.batch)) for n_inputs, _ in work.layers]
        self.activations = [array[:-1] for array in self.inputs]
        self.inputs_transposed = [array.T for array in self.inputs]
        self.activations[0][:] = x.T
        self.slopes = [np.empty((n_outputs, work.batch)) for _, n_outputs in work.layers]
        self.positive = [np.empty((n_outputs, work.batch), bool) for _, n_outputs in work.layers]
        self.scores = np.empty((work.sizes[-1], work.batch))
        self.row = np.empty((1, work.batch))
        self.targets = np.ascontiguousarray(y.reshape(work.batch, -1).T)
        self.label_slopes = -self.targets / work.batch
        self.last = self._hinge if work.loss == "hinge" else self._cross_entropy

    def _hinge(self) -> Any:
        scores, positive = self.scores, self.positive[-1]
        np.multiply(scores, self.targets, out=scores)
        np.subtract(1.0, scores, out=scores)
        np.greater(scores, 0.0, out=positive)
        np.maximum(scores, 0.0, out=scores)
        np.multiply(self.label_slopes, positive, out=self.slopes[-1])
        return scores.sum() / self.work.batch

    def _cross_entropy(self) -> Any:
        scores, slopes, row = self.scores, self.slopes[-1], self.row
        np.maximum.reduce(scores, axis=0, keepdims=True, out=row)
        scores -= row
        np.exp(scores, out=slopes)
        np.add.reduce(slopes, axis=0, keepdims=True, out=row)
        slopes /= row
        slopes -= self.targets
        slopes *= 1.0 / self.work.batch
        return (np.log(row, out=row).sum() - np.vdot(scores, self.targets)) / self.work.batch

    def value_and_gradient(self) -> Any:
        """The loss; the gradient, but for L2's part, is left in `gradients`."""
        last = len(self.weights) - 1
        for k in range(last):
            np.matmul(self.weights[k], self.inputs[k], out=self.slopes[k])
            np.maximum(self.slopes[k], 0.0, out=self.activations[k + 1])
        np.matmul(self.weights[last], self.inputs[last], out=self.scores)
        loss = self.last()
        for k in range(last, 0, -1):
            np.matmul(self.slopes[k], self.inputs_transposed[k], out=self.weight_gradients[k])
            np.greater(self.activations[k], 0.0, out=self.positive[k - 1])
            np.matmul(self.transposed[k], self.slopes[k], out=self.slopes[k - 1])
            self.slopes[k - 1] *= self.positive[k - 1]
        np.matmul(self.slopes[0], self.inputs_transposed[0], out=self.weight_gradients[0])
        return loss + self.work.decay * self.theta.dot(self.theta)

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        loss = float(self.value_and_gradient())
        return loss, (self.gradients + 2 * self.work.decay * self.theta).tolist()

    def run(self, steps: int) -> None:
        """Take so many steps."""
        rate, kept = self.work.rate, 1 - 2 * self.work.decay * self.work.rate
        for _ in range(steps):
            self.value_and_gradient()
            self.gradients *= rate
            self.theta *= kept
            self.theta -= self.gradients
