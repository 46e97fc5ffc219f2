"""numpy, written by hand for speed: every view bound once, every result in a buffer that stays.

It is a function of the batch, as a training loop needs it. Activations have a column for each
example. A layer's bias is the last column of its matrix, and meets a row of ones below the
activations: one product for the layer, one for its gradient, no sum over the batch. Only the inputs,
which would have to be copied for it, are read where they lie. The update takes L2 as decay.
"""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.work import Work

np: Any = importlib.import_module("numpy")


class Peer:
    """The parameters in one row, and buffers for a batch."""

    def __init__(self, work: Work) -> None:
        self.version = f"numpy {np.__version__}"
        self.work = work
        self.x, self.y = work.data
        self.theta = work.parameters
        self.gradients = np.zeros_like(self.theta)
        self.weights = [self.theta[span].reshape(shape) for span, shape in work.spans]
        self.weight_gradients = [self.gradients[span].reshape(shape) for span, shape in work.spans]
        self.transposed = [weights[:, :-1].T for weights in self.weights]
        self.first, self.first_bias = self.weights[0][:, :-1], self.weights[0][:, -1:]
        self.first_gradients, self.first_bias_gradients = (
            self.weight_gradients[0][:, :-1],
            self.weight_gradients[0][:, -1],
        )
        self.inputs = [np.ones((n_inputs + 1, work.batch)) for n_inputs, _ in work.layers]
        self.activations = [array[:-1] for array in self.inputs]
        self.inputs_transposed = [array.T for array in self.inputs]
        self.slopes = [np.empty((n_outputs, work.batch)) for _, n_outputs in work.layers]
        self.positive = [np.empty((n_outputs, work.batch), bool) for _, n_outputs in work.layers]
        self.scores = np.empty((work.sizes[-1], work.batch))
        self.row = np.empty((1, work.batch))
        self.last = self._hinge if work.loss == "hinge" else self._cross_entropy

    def _hinge(self, y: Any) -> Any:
        scores, slopes, positive = self.scores, self.slopes[-1], self.positive[-1]
        np.multiply(scores, y, out=scores)
        np.subtract(1.0, scores, out=scores)
        np.greater(scores, 0.0, out=positive)
        np.maximum(scores, 0.0, out=scores)
        np.multiply(y, positive, out=slopes)
        slopes *= -1.0 / self.work.batch
        return scores.sum() / self.work.batch

    def _cross_entropy(self, y: Any) -> Any:
        scores, slopes, row, y = self.scores, self.slopes[-1], self.row, y.T
        np.maximum.reduce(scores, axis=0, keepdims=True, out=row)
        scores -= row
        np.exp(scores, out=slopes)
        np.add.reduce(slopes, axis=0, keepdims=True, out=row)
        slopes /= row
        slopes -= y
        slopes *= 1.0 / self.work.batch
        np.log(row, out=row)
        scores *= y
        return (row.sum() - scores.sum()) / self.work.batch

    def value_and_gradient(self, x: Any, y: Any) -> Any:
        """The loss; the gradient, but for L2's part, is left in `gradients`."""
        last, slopes = len(self.weights) - 1, self.slopes
        for k in range(last):
            if k:
                np.matmul(self.weights[k], self.inputs[k], out=slopes[k])
            else:
                np.matmul(self.first, x.T, out=slopes[0])
                slopes[0] += self.first_bias
            np.maximum(slopes[k], 0.0, out=self.activations[k + 1])
        np.matmul(self.weights[last], self.inputs[last], out=self.scores)
        loss = self.last(y)
        for k in range(last, 0, -1):
            np.matmul(slopes[k], self.inputs_transposed[k], out=self.weight_gradients[k])
            np.greater(self.activations[k], 0.0, out=self.positive[k - 1])
            np.matmul(self.transposed[k], slopes[k], out=slopes[k - 1])
            slopes[k - 1] *= self.positive[k - 1]
        np.matmul(slopes[0], x, out=self.first_gradients)
        np.add.reduce(slopes[0], axis=1, out=self.first_bias_gradients)
        return loss + self.work.decay * self.theta.dot(self.theta)

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        loss = float(self.value_and_gradient(self.x, self.y))
        return loss, (self.gradients + 2 * self.work.decay * self.theta).tolist()

    def run(self, steps: int) -> None:
        """Take so many steps."""
        x, y, rate, kept = self.x, self.y, self.work.rate, 1 - 2 * self.work.decay * self.work.rate
        for _ in range(steps):
            self.value_and_gradient(x, y)
            self.gradients *= rate
            self.theta *= kept
            self.theta -= self.gradients
