"""The leaves of a program beside its arguments, by name; a function that is written has parameters of these names."""

from __future__ import annotations

THETA = "theta"  # the parameters
DIRECTION = "direction"  # the vector of `hvp`
DIRECTIONS = "directions"  # several of them, for `hessian`
CAPTURED = "captured"  # other Values that the function reads
LEAVES = (THETA, DIRECTION, CAPTURED)
