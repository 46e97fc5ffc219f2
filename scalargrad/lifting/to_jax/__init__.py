"""Lifted programs in JAX: pure functions of arrays, which XLA compiles for any device, or for many."""
