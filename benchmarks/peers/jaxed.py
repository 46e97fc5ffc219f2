"""JAX: the whole step compiled as one function, on the CPU."""

from __future__ import annotations

import importlib
from typing import Any

from benchmarks.work import Work

jax: Any = importlib.import_module("jax")
jnp: Any = importlib.import_module("jax.numpy")


class InFlight:
    """The parameters' buffers are given to each step to use again; only the last step is waited for."""

    def __init__(self, work: Work) -> None:
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
        self.version = f"jax {jax.__version__}"
        x, y = work.data
        self.x, self.y = jnp.asarray(x), jnp.asarray(y)
        theta = work.parameters
        rows = [theta[span].reshape(shape) for span, shape in work.spans]
        self.parameters = [(jnp.array(row[:, :-1]), jnp.array(row[:, -1])) for row in rows]

        def loss(parameters: Any, x: Any, y: Any) -> Any:
            outputs = x
            for k, (weights, bias) in enumerate(parameters):
                outputs = (outputs if k == 0 else jax.nn.relu(outputs)) @ weights.T + bias
            if work.loss == "hinge":
                mean = jax.nn.relu(1 - y * outputs[:, 0]).mean()
            else:
                mean = -(y * jax.nn.log_softmax(outputs)).sum() / work.batch
            return mean + work.decay * sum((array * array).sum() for layer in parameters for array in layer)

        def step(parameters: Any, x: Any, y: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(parameters, x, y)
            return value, jax.tree.map(lambda p, g: p - work.rate * g, parameters, gradients)

        self.value_and_gradient = jax.jit(jax.value_and_grad(loss))
        self.step = jax.jit(step, donate_argnums=0)

    def gradient(self) -> tuple[float, list[float]]:
        """The loss and its whole gradient."""
        loss, gradients = self.value_and_gradient(self.parameters, self.x, self.y)
        rows = [jnp.hstack([weights, bias[:, None]]).ravel() for weights, bias in gradients]
        return float(loss), jnp.concatenate(rows).tolist()

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            loss, self.parameters = self.step(self.parameters, self.x, self.y)
        loss.block_until_ready()


class Peer(InFlight):
    """The loss of each step is known when the step is over, as it is with everybody else."""

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            loss, self.parameters = self.step(self.parameters, self.x, self.y)
            loss.block_until_ready()
