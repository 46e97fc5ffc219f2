"""Slopes of a function from its values alone, what numbers may be off by, and the verdict on a gradient."""
