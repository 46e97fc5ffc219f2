"""How numpy applies its functions to Values: by the method of the function's name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from .floats import held_by
from .graph import Node

_OPERANDS = (Node, float, int)  # what most are: the other kinds of numbers take longer to tell


def apply_ufunc(
    functions: Mapping[str, Callable[..., Any]],
    ufunc: Any,
    method: str,
    operands: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    """Do for a Value what numpy does for each entry of an array of Values; `functions` are those that Values have.

    Raises:
        TypeError: for a function that they have not.
    """
    name = ufunc.__name__
    function = functions.get(name) if method == "__call__" else None
    operands = tuple(map(held_by, operands))
    if function is not None and not options and all(isinstance(operand, _OPERANDS) for operand in operands):
        return function(*operands)
    numpy: Any = sys.modules[type(ufunc).__module__]  # which this file need not import
    arrays = [numpy.empty((), object) if isinstance(operand, Node) else operand for operand in operands]
    for boxed, operand in zip(arrays, operands, strict=True):
        if isinstance(operand, Node):
            boxed[()] = operand
    try:
        if function is not None:
            return numpy.frompyfunc(function, ufunc.nin, 1)(*arrays, **options)
        return getattr(ufunc, method)(*arrays, **options)
    except (TypeError, AttributeError) as error:
        if options or (f"'{name}'" not in str(error) and "ufunc" not in str(error)):
            raise
        raise TypeError(  # numpy speaks of types and casting rules, or of methods
            f"the array function {name} is not defined for Values: write it with functions of scalargrad, or "
            f"take {name}(float(x)), the number without its graph"
        ) from None
