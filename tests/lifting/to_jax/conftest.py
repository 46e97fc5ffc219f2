"""JAX in these tests: float64 is on, and little is optimized, so that it compiles in half the time."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope="package")
def in_float64() -> Iterator[None]:
    options = ("jax_disable_most_optimizations", "jax_enable_x64")  # for all threads: JAX has some of its own
    before = [jax.config.read(option) for option in options]
    for option in options:
        jax.config.update(option, True)
    yield
    for option, was_on in zip(options, before, strict=True):
        jax.config.update(option, was_on)
