"""numpy's functions on Values: each calls the method with its name."""

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

_OPERANDS = (Node, float, int)  # the most frequent types; other types of numbers take longer to recognise


def logaddexp(x: Any, y: Any) -> Any:
    """Return the logarithm of exp(x) + exp(y), computed without overflow."""
    is_larger = p.greater(x, y)  # not `maximum`, which takes half of each of two equal numbers
    larger = p._weighted(is_larger, x) + p._weighted(1 - is_larger, y)
    smaller = p._weighted(1 - is_larger, x) + p._weighted(is_larger, y)
    return larger + p.softplus(_finite(smaller) - _finite(larger))  # inf - inf would be nan


def _finite(x: Any) -> Any:
    """The nearest finite number."""
    return p.minimum(p.maximum(x, -float_info.max), float_info.max)


def _of_number(question: Callable[[float], bool]) -> Callable[[Any], bool]:
    """The same function of a Value's number."""
    return lambda x: question(float(x))


_FUNCTIONS: dict[str, Callable[..., Any]] = {  # functions for which Values have no methods
    "logaddexp": logaddexp,
    "isnan": _of_number(math.isnan),
    "isinf": _of_number(math.isinf),
    "isfinite": _of_number(math.isfinite),
    "signbit": _of_number(lambda x: math.copysign(1.0, x) < 0),
}
_DIFFERENT = {"fmax": "maximum", "fmin": "minimum"}  # numpy's results for objects differ from those for floats
_OPERATORS: dict[str, Callable[..., Any]] = {
    name: getattr(operator, sign.method) for name, sign in OPERATORS.items() if name not in {"abs", "negative"}
} | {"absolute": operator.abs}


def apply_ufunc(
    methods: Mapping[str, Callable[..., Any]], ufunc: Any, method: str, operands: Sequence[Any], options: dict[str, Any]
) -> Any:
    """Apply a numpy function to a Value, or to each entry of an array of Values.

    Args:
        methods: the methods of Values, by name.
        ufunc: the numpy function.
        method: how numpy applies it: "__call__", "reduce", ...
        operands: Values, numbers and arrays.
        options: the keyword arguments of the call.

    Raises:
        TypeError: for a function that Values do not have.
    """
    name = ufunc.__name__
    if name in _DIFFERENT:
        raise TypeError(
            f"the array function {name} is not defined for Values, as numpy's for objects lets a nan win: "
            f"write np.{_DIFFERENT[name]}(x, y) where no number is nan"
        )
    function = methods.get(name, _FUNCTIONS.get(name)) if method == "__call__" else None
    scalar = _OPERATORS.get(name, function) if method == "__call__" else None
    operands = [operand if isinstance(operand, Node) else held_by(operand) for operand in operands]
    if scalar is not None and not options and all(isinstance(operand, _OPERANDS) for operand in operands):
        return scalar(*operands)
    numpy: Any = sys.modules[type(ufunc).__module__]  # so that this file need not import it
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
        raise TypeError(  # in place of numpy's message about types and casting rules
            f"the array function {name} is not defined for Values: write it with functions of scalargrad, or "
            f"take {name}(float(x)), the number without its graph"
        ) from None
