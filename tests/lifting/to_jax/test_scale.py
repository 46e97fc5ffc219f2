"""Many devices, many processes, and none of this library: each in processes of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from scalargrad import lift
from tests.lifting.nets import all_nets

pytestmark = pytest.mark.no_cover
ROOT = Path(__file__).parents[3]


def started(module: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A process that runs a module of these tests."""
    command = [sys.executable, "-m", f"tests.lifting.to_jax.{module}", *arguments]
    surroundings = {**os.environ, "JAX_PLATFORMS": "cpu", **environment}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=surroundings
    )


def printed(process: subprocess.Popen[str]) -> Any:
    """What it has printed as JSON in the last line."""
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def test_a_batch_on_eight_devices() -> None:
    """The public function, unchanged, sums up once over all devices, a loop, too; each then has the whole gradient."""
    reports = printed(started("devices", XLA_FLAGS="--xla_force_host_platform_device_count=8"))
    for name, examples in (("network", 10), ("recurrence", 5)):
        report = reports[name]
        value, gradient = report.pop("value"), report.pop("gradient")
        assert report == {
            "devices": 8,
            "all-reduces": 1,
            "others": 0,
            "examples on each": [examples] * 8,
            "replicated": True,
        }
        assert value < 1e-12
        assert gradient < 1e-12


def test_two_processes_share_a_batch() -> None:
    """Each has half of the examples, and both have the value and the gradient over all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = [started("processes", port, str(place), XLA_FLAGS="") for place in (0, 1)]
    for process in processes:
        report = printed(process)
        assert report["value"] < 1e-12
        assert report["gradient"] < 1e-12
        assert report["processes"] == 2
        assert report["examples"] == [10, 5]


LOADED = """
import sys
sys.modules["scalargrad"] = None  # to import it would be an error
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
folder = sys.argv[1]
call = jax.export.deserialize(bytearray(open(f"{folder}/program", "rb").read())).call
for count in (2, 5):
    given = np.load(f"{folder}/given.npz")
    value, gradient = call(given["theta"], given["x"][:count], given["y"][:count])
    np.savez(f"{folder}/{count}.npz", value=value, gradient=gradient)
"""


def test_an_export_runs_without_this_library(tmp_path: Path) -> None:
    """An export for any number of examples, loaded where scalargrad cannot be imported, has the same numbers."""
    net = next(net for net in all_nets() if net.name == "classifier, tanh")
    program = lift(net.loss, net.parameters, target="jax")
    (count,) = export.symbolic_shape("count")
    shapes = [jax.ShapeDtypeStruct((count, *column.shape[1:]), jnp.float64) for column in net.batch]
    exported = export.export(jax.jit(program.function("value_and_grad")))(program.pack(), *shapes)
    (tmp_path / "program").write_bytes(exported.serialize())
    np.savez(tmp_path / "given.npz", theta=program.pack(), x=net.batch[0], y=net.batch[1])
    subprocess.run([sys.executable, "-c", LOADED, str(tmp_path)], check=True, capture_output=True, text=True)
    for few in (2, 5):
        value, gradient = program.value_and_grad(*[column[:few] for column in net.batch])
        loaded = np.load(tmp_path / f"{few}.npz")
        assert abs(loaded["value"] - value) < 1e-12
        assert np.max(np.abs(loaded["gradient"] - gradient)) < 1e-12
