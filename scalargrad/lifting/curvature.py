"""The Hessian of a recorded result times a vector, as plain numbers: one pass forwards, and one backwards.

`engine.derivatives.hvp` makes a graph of the first derivative and differentiates it. Numbers alone take a tenth of
the time, and so can be compared with a lifted program also where the graph is large. Pearlmutter, "Fast exact
multiplication by the Hessian", Neural Computation 6 (1994).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..engine.declaration import Primitive, Rule, Symbol
from ..engine.graph import blocks, locals_of, operands_of, topological_order
from ..engine.value import Value


class Moving(Symbol):
    """A number and its speed: rules that are called with these compute how a local gradient changes."""

    __slots__ = ("number", "speed")

    def __init__(self, number: float, speed: float) -> None:
        self.number = number
        self.speed = speed

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        """Return the result and its speed."""
        numbers = [operand.number if isinstance(operand, Moving) else operand for operand in operands]
        out = primitive.value(*numbers)
        if primitive.blocks_gradient:
            return out
        speed = 0.0
        for partial, operand in zip(primitive.partials, operands, strict=True):
            if isinstance(operand, Moving):
                speed += partial(out, *numbers) * operand.speed
        return Moving(out, speed)


@lru_cache(maxsize=1024)
def _simple(partial: Rule, arity: int) -> int | None:
    """Which argument of a rule is its result: 0 for `out`, -1 for none, as it is a number; None for other rules."""
    arguments = [Symbol(f"x{i}") for i in range(1 + arity)]
    result = partial(*arguments)
    if isinstance(result, float):
        return -1
    return next((i for i, argument in enumerate(arguments) if argument is result), None)


def curvature(output: Value, parameters: Sequence[Value], direction: Sequence[float]) -> list[float]:
    """Return the Hessian of a result in the parameters, times a vector.

    >>> x, y = Value(3.0), Value(2.0)
    >>> curvature(x * x * y, [x, y], [1.0, 0.0])
    [4.0, 6.0]
    """
    order = [node for node in topological_order(output, reached=True) if node.op is not None and not blocks(node)]
    speeds: dict[Any, float] = dict(zip(parameters, direction, strict=True))
    for node in order:
        for operand, local in zip(operands_of(node), locals_of(node), strict=True):
            if operand in speeds:
                speeds[node] = speeds.get(node, 0.0) + local * speeds[operand]
    slopes: dict[Any, float] = {output: 1.0}
    bends: dict[Any, float] = {}  # how fast the slopes change
    for node in reversed(order):
        slope, bend, op, operands = slopes[node], bends.get(node), node.op, operands_of(node)
        assert op is not None, "leaves are not in the order"
        for partial, operand, local in zip(op.partials, operands, locals_of(node), strict=True):
            slopes[operand] = slopes.get(operand, 0.0) + local * slope
            change = 0.0 if bend is None else local * bend
            if node in speeds:
                place = _simple(partial, len(operands))
                if place is None:
                    change += _speed_of(partial, (node, *operands), speeds) * slope
                elif place >= 0:
                    change += speeds.get(operands[place - 1] if place else node, 0.0) * slope
            if change:
                bends[operand] = bends.get(operand, 0.0) + change
    return [bends.get(parameter, 0.0) for parameter in parameters]


def _speed_of(partial: Rule, arguments: Sequence[Value], speeds: Mapping[Value, float]) -> float:
    """How fast a local gradient changes."""
    result = partial(*[Moving(one._data, speeds[one]) if one in speeds else one._data for one in arguments])
    return result.speed if isinstance(result, Moving) else 0.0
