"""One of two processes that share a batch, each with half of the examples; run as a script. No tests."""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from scalargrad import lift
from tests.lifting.nets import all_nets


def report(place: int) -> dict[str, Any]:
    """The value and the gradient over all examples, as this process has them, and those of one process alone."""
    net = next(net for net in all_nets() if net.name == "classifier, tanh")
    batch = [np.repeat(column, 2, axis=0) for column in net.batch]
    program = lift(net.loss, net.parameters, target="jax")
    mesh = jax.make_mesh((jax.device_count(),), ("examples",), (AxisType.Auto,))
    spread = NamedSharding(mesh, PartitionSpec("examples"))
    half = len(batch[0]) // 2
    own = [column[place * half : (place + 1) * half] for column in batch]
    shared = [jax.make_array_from_process_local_data(spread, column) for column in own]
    theta = jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec()), np.asarray(program.pack()))
    value, gradient = jax.jit(program.function("value_and_grad"))(theta, *shared)
    one_value, one_gradient = lift(net.loss, net.parameters, target="numpy").value_and_grad(*batch)
    return {
        "processes": jax.process_count(),
        "examples": [int(shared[0].shape[0]), int(shared[0].addressable_shards[0].data.shape[0])],
        "value": abs(float(value) - one_value) / abs(one_value),
        "gradient": float(np.max(np.abs(np.asarray(gradient) - one_gradient)) / np.max(np.abs(one_gradient))),
    }


if __name__ == "__main__":
    port, number = sys.argv[1], int(sys.argv[2])
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=number)
    json.dump(report(number), sys.stdout)
    jax.distributed.shutdown()
