"""A recorded graph as a flat list that can be run again elsewhere, in floats or in complex numbers.

While it runs, it tells what a derivative needs to know: whether any operation has been carried over
one of its kinks, its poles or the border of its domain, where a difference would measure nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...engine import primitives
from ...engine.graph import topological_order
from ...engine.value import Constant, Value
from .breaks import breaks_between, can_break, on_break, outside
from .complex_step import Slope, complex_partial
from .slopes import EPSILON, TINY

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
        self._watched = [step for step in self._steps if can_break(step[1])]
        self._slopes: dict[tuple[int, int], Slope] = {}

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

    def outside(self) -> bool:
        """Whether an operation has an operand beyond the border of its domain."""
        return any(outside(op, [self.numbers[operand] for operand in operands]) for _, op, operands in self._watched)

    # ---------------------------------------------------------------- complex step

    def slope_of(self, i: int, k: int) -> Slope:
        """Return the local gradient of a node in its operand k, by complex steps through its operation alone."""
        found = self._slopes.get((i, k))
        if found is None:
            op = self.ops[i]
            assert op is not None
            numbers = [self.numbers[operand] for operand in self.operands[i]]
            found = self._slopes[i, k] = complex_partial(op, self.numbers[i], numbers, k)
        return found

    def chained(self, direction: Mapping[int, float], slope_of: Callable[[int, int], Slope]) -> list[Slope]:
        """Return the outputs' derivatives in a direction, given by inputs' places and parts, and their errors.

        This is the chain rule forwards. `slope_of` gives each local gradient from the values of its
        operation; so nothing here knows the rules. Where it gives nan, so is the result.
        """
        slopes: dict[int, Slope] = {self.inputs[place]: (part, 0.0) for place, part in direction.items() if part}
        for i, op, operands in self._steps:
            if op in HELD:
                continue
            slope = error = 0.0
            for k, operand in enumerate(operands):
                if operand in slopes:
                    (along, off), (local, local_off) = slopes[operand], slope_of(i, k)
                    product = along * local
                    slope += product
                    error += off * abs(local) + abs(along) * local_off + EPSILON * abs(product)
                    error += TINY if along and local else 0.0
            if slope or error:  # true for a nan, too
                slopes[i] = (slope, error)
        return [slopes.get(i, (0.0, 0.0)) for i in self.outputs]
