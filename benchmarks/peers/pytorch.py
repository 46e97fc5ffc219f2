"""PyTorch as its users write it: a linear function for each layer, autograd, the optimizer with all tensors at once."""

from __future__ import annotations

import importlib
import os
from typing import Any

from benchmarks.work import Work

torch: Any = importlib.import_module("torch")


class Peer:
    """L2 is the optimizer's weight decay, so the value it gives lacks it: a little less work than the others do."""

    def __init__(self, work: Work) -> None:
        if os.environ.get("OMP_NUM_THREADS") == "1":
            torch.set_num_threads(1)
        self.version = f"torch {torch.__version__}"
        self.work = work
        x, y = work.data
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        theta = torch.from_numpy(work.parameters)
        rows = [theta[span].reshape(shape) for span, shape in work.spans]
        self.parameters = [(row[:, :-1].clone().requires_grad_(), row[:, -1].clone().requires_grad_()) for row in rows]
        tensors = [tensor for layer in self.parameters for tensor in layer]
        self.optimizer = torch.optim.SGD(tensors, lr=work.rate, weight_decay=2 * work.decay, foreach=True)

    def loss(self) -> Any:
        """The mean over the batch."""
        functional = torch.nn.functional
        outputs = self.x
        for k, (weights, bias) in enumerate(self.parameters):
            outputs = functional.linear(outputs if k == 0 else torch.relu(outputs), weights, bias)
        if self.work.loss == "hinge":
            return torch.relu(1 - self.y * outputs.squeeze(1)).mean()
        return functional.cross_entropy(outputs, self.y)

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient, L2 included."""
        loss = self.loss() + self.work.decay * sum((t * t).sum() for layer in self.parameters for t in layer)
        self.optimizer.zero_grad()
        loss.backward()
        rows = [torch.hstack([w.grad, b.grad[:, None]]).ravel() for w, b in self.parameters]
        return loss.item(), torch.cat(rows).tolist()

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.loss().backward()
            self.optimizer.step()
