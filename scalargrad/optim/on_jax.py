"""Training on JAX: each epoch is one compiled call, on one device or on several that share each batch."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from ..engine.value import Value
from .optimizer import Optimizer
from .ways import Columns, OnArrays, Saved


class OnJax(OnArrays):
    """Training on arrays of JAX: the steps of an epoch are a `jax.lax.scan`.

    Args:
        loss, variables, optimizer, data, validation: as for training on arrays.
        devices: over how many devices the examples of each batch are spread.
    """

    def __init__(
        self,
        loss: Callable[..., Value],
        variables: list[Value],
        optimizer: Optimizer,
        data: Sequence[Any],
        validation: Sequence[Any] | None = None,
        devices: int = 1,
    ) -> None:
        there = jax.devices()
        if devices > len(there):
            raise ValueError(
                f"devices must be at most {len(there)}, as JAX has no more here, got {devices}; for so many parts of a "
                f'CPU call jax.config.update("jax_num_cpu_devices", {devices}) before anything is computed with JAX'
            )
        super().__init__(loss, variables, optimizer, data, validation, "jax")
        self._room = None
        self._mesh = jax.make_mesh((devices,), ("examples",), (AxisType.Auto,), devices=there[:devices])
        self._learn = jax.jit(self._epoch, static_argnums=5)

    @property
    def described(self) -> str:
        """The way in words, for the history."""
        devices = self._mesh.size
        return f"{super().described}{f', on {devices} devices' if devices > 1 else ''}"

    def chosen(self, columns: Columns, order: Sequence[int]) -> Columns:
        """Return the examples in this order."""
        return [column[np.array(order)] for column in columns]

    def restore(self, saved: Saved) -> None:
        """Return to a saved state."""
        self.theta = self.optimizer.theta = saved[0]
        self.optimizer._recall(saved[1])

    def read(self) -> None:
        """Copy the numbers of the Values into the array."""
        self.theta = self.optimizer.theta = self._program.pack()

    def learn_all(self, data: Columns, size: int, seeds: Sequence[str]) -> list[float]:
        """Take a step for each batch of that size, in one call; return the mean of each before its step."""
        if self._masked is not None:
            counts = [min(size, len(data[0]) - start) for start in range(0, len(data[0]), size)]
            batches = zip(seeds, counts, strict=True)
            masks = [mask for seed, count in batches for mask in self._with_masks([[0.0] * count], seed)[1]]
            data = [*data, jnp.asarray(masks, self.theta.dtype)]
        settings, fixed = self._settings(len(seeds))
        memory = [getattr(self.optimizer, name) for name in self.optimizer.remembers]
        full = len(data[0]) // size
        whole = [column[: full * size].reshape(full, size, *column.shape[1:]) for column in data]
        rest = [column[full * size :] for column in data] if full * size < len(data[0]) else None
        self.theta, memory, means = self._learn(self.theta, memory, whole, rest, settings, fixed)
        self.optimizer.theta = self.theta
        for name, content in zip(self.optimizer.remembers, memory, strict=True):
            setattr(self.optimizer, name, content)
        return [float(mean) for mean in means]

    def _settings(self, count: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
        """The numbers of the optimizer that change from step to step, such as its rate, for so many steps; the others.

        They are those of the optimizer itself, which goes through the steps without the parameters.
        """
        optimizer, rows = self.optimizer, []
        memory = [getattr(optimizer, name) for name in optimizer.remembers]
        for _ in range(count):
            optimizer._begin()
            rows.append({name: x for name, x in vars(optimizer).items() if isinstance(x, float) or name == "steps"})
            optimizer._commit(memory)
        made = [vars(kind)["__init__"] for kind in type(optimizer).__mro__ if "__init__" in vars(kind)]
        given = {name for one in made for name in inspect.signature(one).parameters}
        fixed = tuple([(name, x) for name, x in rows[0].items() if name in given])
        changing = [name for name in rows[0] if name not in given]
        return {name: jnp.asarray([row[name] for row in rows]) for name in changing}, fixed

    def _epoch(
        self,
        theta: Any,
        memory: Any,
        whole: Columns,
        rest: Columns | None,
        settings: dict[str, Any],
        fixed: tuple[Any, ...],  # noqa: ARG002  # another setting of the optimizer is another program
    ) -> Any:
        """The parameters and the memory after all batches, and the mean of each; JAX compiles this."""
        value_and_grad = self._program.function("value_and_grad")

        def step(state: tuple[Any, Any], given: tuple[Columns, dict[str, Any]]) -> tuple[tuple[Any, Any], Any]:
            theta, memory = state
            batch, numbers = given
            spread = PartitionSpec("examples" if len(batch[0]) % self._mesh.size == 0 else None)
            there = NamedSharding(self._mesh, spread)
            batch = [jax.lax.with_sharding_constraint(column, there) for column in batch]
            mean, gradient = value_and_grad(theta, *batch)
            return self._stepped(theta, memory, gradient, numbers), mean

        many = len(whole[0])
        first = {name: column[:many] for name, column in settings.items()}
        state, means = jax.lax.scan(step, (theta, memory), (whole, first))
        if rest is not None:
            state, mean = step(state, (rest, {name: column[many] for name, column in settings.items()}))
            means = jnp.append(means, mean)
        return *state, means

    def _stepped(self, theta: Any, memory: Any, gradient: Any, numbers: dict[str, Any]) -> tuple[Any, Any]:
        """The parameters and the memory after a step of the optimizer, of which a copy holds arrays without numbers."""
        optimizer = copy.copy(self.optimizer)
        vars(optimizer).update(numbers, theta=theta, clip_norm=math.inf)
        for name, content in zip(optimizer.remembers, memory, strict=True):
            setattr(optimizer, name, content)
        if self.optimizer.clip_norm < math.inf:
            gradient = _clipped(gradient, self.optimizer.clip_norm)
        optimizer._move_array(gradient)
        return optimizer.theta, [getattr(optimizer, name) for name in optimizer.remembers]


def _clipped(gradient: Any, most: float) -> Any:
    """A gradient whose norm is at most that; it overflows only if the norm itself is beyond the floats."""
    largest = jnp.max(jnp.abs(gradient))
    divisor = jnp.where((largest > 0) & (largest < jnp.inf), largest, 1.0)
    norm = divisor * jnp.sqrt(jnp.sum((gradient / divisor) ** 2))
    return jnp.where(norm > most, most / norm * gradient, gradient)
