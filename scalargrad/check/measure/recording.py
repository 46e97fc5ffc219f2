"""A recorded graph as flat lists, which can be run again at other numbers.

A run also shows whether an operation has crossed one of its kinks, its poles or the border of its
domain, where a difference does not measure a slope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...engine import primitives
from ...engine.floats import same
from ...engine.graph import topological_order
from ...engine.value import Constant, Value
from .breaks import breaks_between, can_break, on_break, outside
from .complex_step import Slope, complex_partial
from .slopes import EPSILON, TINY

HELD = {primitives.stop_gradient, primitives._held_finite}  # constant for every derivative, and so when run again


class Recording:
    """The nodes of a graph in order, with their numbers when it was recorded.

    Attributes:
        nodes: every node, operands first.
        ops: their primitives; None for a leaf.
        data: their numbers.
        operands: for each node the places of its operands in `nodes`.
        inputs, outputs: the places of these in `nodes`.
        constants: the places of the constants.
        moving: the places of the inputs and of all nodes computed from them.
    """

    def __init__(self, outputs: Sequence[Value], inputs: Sequence[Value]) -> None:
        self.nodes = list(topological_order(*outputs, *inputs))
        place_of = {node: place for place, node in enumerate(self.nodes)}
        self.ops = [node.op for node in self.nodes]
        self.data = [node._data for node in self.nodes]
        self.operands = [tuple([place_of[operand] for operand in node.args]) for node in self.nodes]
        self.inputs = [place_of[node] for node in inputs]
        self.outputs = [place_of[node] for node in outputs]
        self.constants = {place for place, node in enumerate(self.nodes) if node.__class__ is Constant}
        self.moving = self._moved_by(self.inputs)
        self._applications = [
            (place, op, self.operands[place])
            for place, op in enumerate(self.ops)
            if op is not None and place in self.moving
        ]
        self._watched = [application for application in self._applications if can_break(application[1])]
        self._slopes: dict[tuple[int, int], Slope] = {}

    def _moved_by(self, inputs: Sequence[int]) -> set[int]:
        moving = set(inputs)
        for place, operands in enumerate(self.operands):
            if any(operand in moving for operand in operands):
                moving.add(place)
        return moving

    def operands_at(self, place: int) -> list[float]:
        """Return the numbers of a node's operands."""
        return [self.data[operand] for operand in self.operands[place]]

    @property
    def held(self) -> bool:
        """Whether something that depends on an input is constant for every derivative."""
        return any(op in HELD for _, op, _ in self._applications)

    def run(self, point: Sequence[float], hold: bool = True) -> list[float]:
        """Return the numbers of all nodes at another point, by the primitives' own values."""
        data = list(self.data)
        for place, x in zip(self.inputs, point, strict=True):
            data[place] = x
        for place, op, operands in self._applications:
            if not (hold and op in HELD):
                data[place] = op.value(*[data[operand] for operand in operands])
        return data

    def rebuilt(self, inputs: Sequence[Value], hold: bool = True) -> list[Value]:
        """Return the outputs, computed from other inputs by the same operations."""
        nodes = list(self.nodes)
        for place, node in zip(self.inputs, inputs, strict=True):
            nodes[place] = node
        for place, op, operands in self._applications:
            if not (hold and op in HELD):
                nodes[place] = Value.apply_primitive(op, tuple([nodes[operand] for operand in operands]))
        return [nodes[place] for place in self.outputs]

    def stale(self) -> list[int]:
        """Return the places whose number is not what their operation gives: data has been set since."""
        return [
            place
            for place, op in enumerate(self.ops)
            if op is not None and not same(op.value(*self.operands_at(place)), self.data[place])
        ]

    # ---------------------------------------------------------------- kinks, poles, borders

    def on_break(self) -> list[int]:
        """Return the places of the nodes exactly on a kink, on a pole or on the border of their domain."""
        return [place for place, op, _ in self._watched if on_break(op, self.operands_at(place))]

    def crossed(self, before: Sequence[float], after: Sequence[float]) -> bool:
        """Whether an operation's operands come onto or cross a kink, a pole or a border in between."""
        for _, op, operands in self._watched:
            old = [before[operand] for operand in operands]
            new = [after[operand] for operand in operands]
            if old != new and breaks_between(op, old, new):
                return True
        return False

    def outside(self) -> bool:
        """Whether an operation has an operand beyond the border of its domain."""
        return any(outside(op, self.operands_at(place)) for place, op, _ in self._watched)

    # ---------------------------------------------------------------- slopes by the chain rule

    def slope_of(self, place: int, k: int) -> Slope:
        """Return the local gradient of a node in its operand k, by complex steps through its operation alone."""
        slope = self._slopes.get((place, k))
        if slope is None:
            op = self.ops[place]
            assert op is not None
            slope = self._slopes[place, k] = complex_partial(op, self.data[place], self.operands_at(place), k)
        return slope

    def chained(self, direction: Mapping[int, float], slope_of: Callable[[int, int], Slope]) -> list[Slope]:
        """Return the outputs' derivatives in a direction, with their errors, by the chain rule forwards.

        `direction` has the parts of the inputs by their positions. `slope_of` gives each local gradient
        from the values of its operation, so the rules play no part. Where it gives nan, so is the result.
        """
        slopes: dict[int, Slope] = {self.inputs[i]: (part, 0.0) for i, part in direction.items() if part}
        for place, op, operands in self._applications:
            if op in HELD:
                continue
            slope = error = 0.0
            for k, operand in enumerate(operands):
                if operand in slopes:
                    (along, along_error), (local, local_error) = slopes[operand], slope_of(place, k)
                    product = along * local
                    slope += product
                    error += along_error * abs(local) + abs(along) * local_error + EPSILON * abs(product)
                    error += TINY if along and local else 0.0
            if slope or error:  # true for a nan, too
                slopes[place] = (slope, error)
        return [slopes.get(place, (0.0, 0.0)) for place in self.outputs]
