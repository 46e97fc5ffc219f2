"""Programs whose batch lies on eight devices; run as a script, it prints what it finds as JSON. No tests."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from scalargrad import Value, lift
from tests.lifting.nets import all_nets
from tests.lifting.recurrences import rnn

DEVICES = 8


def reports() -> dict[str, dict[str, Any]]:
    """A report on a network, and on a recurrence, whose gradient is a sum over examples and over steps."""
    net = next(net for net in all_nets() if net.name == "classifier, tanh")
    batch = [np.repeat(column, 16, axis=0) for column in net.batch]
    recurrence, parameters, examples = rnn(12)
    many = [np.resize(column, (5 * DEVICES, *column.shape[1:])) for column in examples]
    return {
        "network": report(net.loss, net.parameters, batch),
        "recurrence": report(recurrence, parameters, many),
    }


def report(loss: Callable[..., Any], parameters: list[Value], batch: list[Any]) -> dict[str, Any]:
    """What the compiled program does on all devices, and how far its numbers are from those of one."""
    program = lift(loss, parameters, target="jax")
    value_and_grad = jax.jit(program.function("value_and_grad"))
    mesh = jax.make_mesh((DEVICES,), ("examples",), (AxisType.Auto,))
    spread = [jax.device_put(column, NamedSharding(mesh, PartitionSpec("examples"))) for column in batch]
    theta = jax.device_put(program.pack(), NamedSharding(mesh, PartitionSpec()))
    compiled = value_and_grad.lower(theta, *spread).compile()
    value, gradient = compiled(theta, *spread)
    one_value, one_gradient = lift(loss, parameters, target="numpy").value_and_grad(*batch)
    text = str(compiled.as_text())
    return {
        "devices": len(jax.devices()),
        "all-reduces": len(re.findall(r"= .* all-reduce(?:-start)?\(", text)),
        "others": len(re.findall(r" (?:all-gather|all-to-all|collective-permute|reduce-scatter)(?:-start)?\(", text)),
        "examples on each": [int(shard.data.shape[0]) for shard in spread[0].addressable_shards],
        "replicated": gradient.sharding.is_fully_replicated,
        "value": abs(float(value) - one_value) / abs(one_value),
        "gradient": float(np.max(np.abs(gradient - one_gradient)) / np.max(np.abs(one_gradient))),
    }


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    json.dump(reports(), sys.stdout)
