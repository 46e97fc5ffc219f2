"""How numpy applies its functions to Values: by the method of the function's name."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from sys import float_info
from typing import Any

from . import primitives as p
from .declaration import OPERATORS
from .floats import held_by
from .graph import Node

_OPERANDS = (Node, float, int)  # what most are: the other kinds of numbers take longer to tell


def logaddexp(x: Any, y: Any) -> Any:
    """Return the logarithm of exp(x) + exp(y), which does not overflow."""
    is_larger = p.greater(x, y)  # of two equal numbers either may be the larger, but not half of each
    larger = p._weighted(is_larger, x) + p._weighted(1 - is_larger, y)
    smaller = p._weighted(1 - is_larger, x) + p._weighted(is_larger, y)
    return larger + p.softplus(_within_floats(smaller) - _within_floats(larger))  # inf - inf would be nan


def _within_floats(x: Any) -> Any:
    """The nearest finite number."""
    return p.minimum(p.maximum(x, -float_info.max), float_info.max)


def _asked(question: Callable[[float], bool]) -> Callable[[Any], bool]:
    """A question about the number of a Value."""
    return lambda x: question(float(x))


_FUNCTIONS: dict[str, Callable[..., Any]] = {  # what Values have no methods for
    "logaddexp": logaddexp,
    "isnan": _asked(math.isnan),
    "isinf": _asked(math.isinf),
    "isfinite": _asked(math.isfinite),
    "signbit": _asked(lambda x: math.copysign(1.0, x) < 0),
}
_OF_OBJECTS = {"fmax": "maximum", "fmin": "minimum"}  # what numpy does for objects otherwise than for floats
_OPERATORS: dict[str, Callable[..., Any]] = {
    name: getattr(operator, sign.method) for name, sign in OPERATORS.items() if name not in {"abs", "negative"}
} | {"absolute": operator.abs}


def apply_ufunc(
    methods: Mapping[str, Callable[..., Any]], ufunc: Any, method: str, operands: Sequence[Any], options: dict[str, Any]
) -> Any:
    """Do for a Value what numpy does for each entry of an array of Values; `methods` are what Values have, by name.

    Raises:
        TypeError: for a function that they have not.
    """
    name = ufunc.__name__
    if name in _OF_OBJECTS:
        raise TypeError(
            f"the array function {name} is not defined for Values, as numpy's for objects lets a nan win: "
            f"write np.{_OF_OBJECTS[name]}(x, y) where no number is nan"
        )
    function = methods.get(name, _FUNCTIONS.get(name)) if method == "__call__" else None
    scalar = _OPERATORS.get(name, function) if method == "__call__" else None
    operands = [operand if isinstance(operand, Node) else held_by(operand) for operand in operands]
    if scalar is not None and not options and all(isinstance(operand, _OPERANDS) for operand in operands):
        return scalar(*operands)
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
