"""HIPS autograd: numpy code, differentiated anew at every call."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any

from benchmarks.work import Work

autograd: Any = importlib.import_module("autograd")
np: Any = importlib.import_module("autograd.numpy")


class Peer:
    """The parameters are a list of arrays, a pair for each layer."""

    def __init__(self, work: Work) -> None:
        self.version = f"autograd {version('autograd')}"
        self.work = work
        x, y = work.data
        theta = work.parameters
        rows = [theta[span].reshape(shape) for span, shape in work.spans]
        self.parameters = [(row[:, :-1].copy(), row[:, -1].copy()) for row in rows]

        def loss(parameters: Any) -> Any:
            outputs = x
            for k, (weights, bias) in enumerate(parameters):
                outputs = np.dot(outputs if k == 0 else np.maximum(outputs, 0.0), weights.T) + bias
            if work.loss == "hinge":
                mean = np.sum(np.maximum(1 - y * outputs[:, 0], 0.0)) / work.batch
            else:
                shifted = outputs - outputs.max(axis=1, keepdims=True)._value
                total = np.sum(np.exp(shifted), axis=1)
                mean = (np.sum(np.log(total)) - np.sum(y * shifted)) / work.batch
            return mean + work.decay * sum([np.sum(array * array) for layer in parameters for array in layer])

        self.value_and_gradient = autograd.value_and_grad(loss)

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        loss, gradients = self.value_and_gradient(self.parameters)
        rows = [np.hstack([weights, bias[:, None]]).ravel() for weights, bias in gradients]
        return float(loss), np.concatenate(rows).tolist()

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            _, gradients = self.value_and_gradient(self.parameters)
            for layer, slopes in zip(self.parameters, gradients, strict=True):
                for array, slope in zip(layer, slopes, strict=True):
                    np.subtract(array, self.work.rate * slope, out=array)
