"""A recorded graph as a flat list that can be run again elsewhere, in floats or in complex numbers.

While it runs, it tells what a derivative needs to know: whether any operation has been carried over
one of its kinks, its poles or the border of its domain, where a difference would measure nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

from ..engine import primitives
from ..engine.declaration import Break, Primitive
from ..engine.graph import topological_order
from ..engine.value import Constant, Value
from .analytic import spelled

HELD = {
    primitives.stop_gradient,
    primitives._held_finite,
}  # what is held constant by every derivative is held when the graph runs again


class Recording:
    """The nodes that outputs were computed from, in order, with the numbers they had.

    Attributes:
        nodes: every node, operands first.
        ops: their primitives.
        numbers: their data when this was made.
        operands: for each node the places of its operands in `nodes`.
        inputs, outputs: the places of these.
    """

    def __init__(self, outputs: Sequence[Value], inputs: Sequence[Value]) -> None:
        self.nodes = list(topological_order(*outputs, *inputs))
        place = {node: i for i, node in enumerate(self.nodes)}
        self.ops = [node.op for node in self.nodes]
        self.numbers = [node._data for node in self.nodes]
        self.operands = [tuple([place[operand] for operand in node.args]) for node in self.nodes]
        self.inputs = [place[node] for node in inputs]
        self.outputs = [place[node] for node in outputs]
        self.constants = {i for i, node in enumerate(self.nodes) if node.__class__ is Constant}
        self.moving = self._moved_by(self.inputs)
        self._steps = [
            (i, op, self.operands[i]) for i, op in enumerate(self.ops) if op is not None and i in self.moving
        ]
        self._watched = [step for step in self._steps if _can_break(step[1])]

    def _moved_by(self, places: Sequence[int]) -> set[int]:
        moving = set(places)
        for i, operands in enumerate(self.operands):
            if any(operand in moving for operand in operands):
                moving.add(i)
        return moving

    @property
    def held(self) -> bool:
        """Whether something that depends on an input is held constant by every derivative."""
        return any(op in HELD for _, op, _ in self._steps)

    def run(self, point: Sequence[float], hold: bool = True) -> list[float]:
        """Return what every node would be at another point, by the primitives' own values."""
        numbers = list(self.numbers)
        for i, x in zip(self.inputs, point, strict=True):
            numbers[i] = x
        for i, op, operands in self._steps:
            if not (hold and op in HELD):
                numbers[i] = op.value(*[numbers[operand] for operand in operands])
        return numbers

    def rebuilt(self, inputs: Sequence[Value], hold: bool = True) -> list[Value]:
        """Return the outputs, computed anew from other inputs by the same operations."""
        nodes = list(self.nodes)
        for i, node in zip(self.inputs, inputs, strict=True):
            nodes[i] = node
        for i, op, operands in self._steps:
            if hold and op in HELD:
                continue
            nodes[i] = Value.apply_primitive(op, tuple([nodes[operand] for operand in operands]))
        return [nodes[i] for i in self.outputs]

    def stale(self) -> list[int]:
        """Return the nodes whose number is not what their operation gives: data has been set since."""
        found = []
        for i, op in enumerate(self.ops):
            if op is not None:
                now = op.value(*[self.numbers[operand] for operand in self.operands[i]])
                if not (now == self.numbers[i] or (now != now and self.numbers[i] != self.numbers[i])):
                    found.append(i)
        return found

    # ---------------------------------------------------------------- kinks, poles, borders

    def on_break(self) -> list[int]:
        """Return the nodes that stand exactly on a kink, on a pole or on the border of their domain."""
        found = []
        for i, op, operands in self._watched:
            numbers = [self.numbers[operand] for operand in operands]
            if on_break(op, numbers):
                found.append(i)
        return found

    def crossed(self, before: Sequence[float], after: Sequence[float]) -> bool:
        """Whether an operation's operands have come onto or over a kink, a pole or a border in between."""
        for _, op, operands in self._watched:
            old = [before[operand] for operand in operands]
            new = [after[operand] for operand in operands]
            if old != new and breaks_between(op, old, new):
                return True
        return False

    # ---------------------------------------------------------------- complex step

    def complex_step(self, input_steps: Sequence[float]) -> list[float] | None:
        """Return the outputs' derivatives in the direction of the steps, exact to rounding: Im f(x + ih).

        The derivatives come multiplied by the steps. None where an operation has no complex spelling,
        where one stands on a kink, or where a number gets too small to be exact.
        """
        steps = {i: step for i, step in zip(self.inputs, input_steps, strict=True) if step}
        moving = self._moved_by(list(steps))
        breaks = set(self.on_break())
        imaginary = dict(steps)
        for i, op, operands in self._steps:
            if i not in moving or op in HELD:
                continue
            rule = spelled(op)
            if rule is None or i in breaks:
                return None
            real = [self.numbers[operand] for operand in operands]
            given = [imaginary.get(operand, 0.0) for operand in operands]
            found = stepped(rule, self.numbers[i], real, given, self.nodes[i].local_gradients)
            if found is None:
                return None
            imaginary[i] = found
        return [imaginary.get(i, 0.0) for i in self.outputs]


def on_break(op: Primitive, numbers: Sequence[float]) -> bool:
    """Whether operands stand exactly on a kink, on a pole or on the border of the domain."""
    return any(numbers[k] in op.domain[k] for k in range(op.arity)) or any(
        numbers[k] == nearest(*numbers) for k, nearest in op.kinks + op.poles
    )


SMALLEST = 1e-280  # below, a complex step may lose digits to underflow


def stepped(
    rule: object, data: float, real: Sequence[float], imaginary: Sequence[float], local: Sequence[float] = ()
) -> float | None:
    """The imaginary part of an operation's result, if its real part is what the operation gave.

    None too where it is 0 and the recorded local gradients say that it may have been lost to underflow.
    """
    if not any(imaginary):
        return 0.0
    if not isfinite(data):
        return None
    try:
        found = complex(rule(*map(complex, real, imaginary)))  # type: ignore[operator]  # compiled from its text
    except (ArithmeticError, ValueError):
        return None
    close = 1e-6 * abs(data) + 1e-13 * max(map(abs, real))
    if not (isfinite(found.imag) and abs(found.real - data) <= close) or 0.0 < abs(found.imag) < SMALLEST:
        return None
    lost = any(step and slope and abs(step * slope) < SMALLEST for step, slope in zip(imaginary, local, strict=False))
    return None if lost and found.imag == 0.0 else found.imag


def _can_break(op: Primitive) -> bool:
    return bool(op.kinks or op.poles) or any(isfinite(low) or isfinite(high) for low, high in op.domain)


def breaks_between(op: Primitive, old: Sequence[float], new: Sequence[float]) -> bool:
    """Whether operands that move from old to new come onto or over a kink, a pole or a border of the operation."""
    for k, (low, high) in enumerate(op.domain):
        for border in (low, high):
            if border not in (-inf, inf) and _side(old[k], border) != _side(new[k], border):
                return True
    return crossed(op.kinks + op.poles, old, new)


def crossed(breaks: Sequence[Break], old: Sequence[float], new: Sequence[float]) -> bool:
    """Whether operands that move from old to new come onto or over one of these breaks."""
    for k, nearest in breaks:
        place, moved = nearest(*old), nearest(*new)
        if place == moved or place == nearest(
            *[x if i == k else y for i, (x, y) in enumerate(zip(new, old, strict=True))]
        ):
            # the break stays, or moves with the other operands: is this one still on its side?
            if _side(old[k], place) != _side(new[k], moved):
                return True
        elif _between(old[k], place, new[k]) or _between(old[k], moved, new[k]):
            return True  # another break has become the nearest
    return False


def _side(x: float, place: float) -> int:
    return (x > place) - (x < place)


def _between(x: float, place: float, y: float) -> bool:
    return min(x, y) <= place <= max(x, y)
