"""The parameters of a model: distinct variables in an order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .floats import refuse_set
from .value import Constant, Value


def distinct_variables(given: object) -> list[Value]:
    """Return parameters as a list; the entries of an array are taken in their order.

    Raises:
        TypeError: for anything but several Values in an order, such as a single Value or a set.
        ValueError: for a result or a constant, or a Value that is there twice.
    """
    if not isinstance(given, Iterable):
        raise TypeError(f"parameters must be several Values, such as model.parameters(), got {given!r}")
    refuse_set(given, "parameters")
    parameters: list[Any] = list(getattr(given, "flat", given))  # an array's entries, whatever its shape
    for parameter in parameters:
        if not isinstance(parameter, Value):
            raise TypeError(f"a parameter must be a Value, got {parameter!r} of type {type(parameter).__name__}")
        if parameter.op is not None or isinstance(parameter, Constant):
            raise ValueError(f"a parameter must be a variable, not a result or a constant, got {parameter!r}")
    if len(set(parameters)) < len(parameters):
        raise ValueError("a parameter is there twice: it would be changed twice in each step")
    return parameters
