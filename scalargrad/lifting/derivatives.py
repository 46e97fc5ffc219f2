"""Derivatives inside a lifted function: `grad`, `vjp` and `jvp` of a run that has no numbers.

The rules are called on traced Values, so the trace gets the operations of the derivative too. A derivative can be
differentiated again, inside the function and by the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ..engine.declaration import Primitive
from ..engine.derivatives import product


class Operations(Protocol):
    """The operations of a run, by their places: operands come first."""

    def operation_at(self, place: int) -> tuple[Primitive | None, tuple[int, ...]]:
        """Return the operation at a place and the places of its operands; None for a leaf."""

    def value_at(self, place: int) -> Any:
        """Return the number of a constant, and for anything else a traced Value."""


def pulled_back(run: Operations, outputs: Sequence[int], upstream: Sequence[Any], wrt: Sequence[int]) -> list[Any]:
    """Return the gradients of the nodes in `wrt`, given those of the outputs, by one pass backwards."""
    order = _order(run, outputs)
    relevant = set(wrt)
    for place in order:
        if any(operand in relevant for operand in _operands(run, place)):
            relevant.add(place)
    totals: dict[int, Any] = {}
    for output, gradient in zip(outputs, upstream, strict=True):
        _add(totals, output, gradient)
    for place in reversed(order):
        if place in totals:
            for i, operand in enumerate(_operands(run, place)):
                if operand in relevant:
                    _add(totals, operand, product(_local(run, place, i), totals[place]))
    return [totals.get(place, 0.0) for place in wrt]


def pushed_forward(run: Operations, outputs: Sequence[int], wrt: Sequence[int], tangents: Sequence[Any]) -> list[Any]:
    """Return how fast the outputs change, given how fast the nodes in `wrt` do, by one pass forwards."""
    totals: dict[int, Any] = {}
    for place, tangent in zip(wrt, tangents, strict=True):
        _add(totals, place, tangent)
    for place in _order(run, [*outputs, *wrt]):
        for i, operand in enumerate(_operands(run, place)):
            if operand in totals:
                _add(totals, place, product(_local(run, place, i), totals[operand]))
    return [totals.get(place, 0.0) for place in outputs]


def _order(run: Operations, roots: Iterable[int]) -> list[int]:
    """The places of all that the roots are computed from, operands first."""
    reached: set[int] = set()
    pending = list(roots)
    while pending:
        place = pending.pop()
        if place not in reached:
            reached.add(place)
            pending += _operands(run, place)
    return sorted(reached)


def _operands(run: Operations, place: int) -> tuple[int, ...]:
    """The places of the operands that get a gradient."""
    primitive, operands = run.operation_at(place)
    return () if primitive is None or primitive.blocks_gradient else operands


def _local(run: Operations, place: int, index: int) -> Any:
    primitive, operands = run.operation_at(place)
    assert primitive is not None, "a leaf has no operands"
    return primitive.partials[index](run.value_at(place), *map(run.value_at, operands))


def _add(totals: dict[int, Any], place: int, contribution: Any) -> None:
    totals[place] = totals[place] + contribution if place in totals else contribution
