"""A recorded graph as a flat list that can be run again elsewhere, in floats or in complex numbers.

While it runs, it tells what a derivative needs to know: whether any operation has been carried over
one of its kinks, its poles or the border of its domain, where a difference would measure nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import frexp, inf, isfinite, nan

from ..engine import primitives
from ..engine.declaration import Break, Primitive
from ..engine.graph import topological_order
from ..engine.value import Constant, Value
from .analytic import occurrences
from .numerical import EPSILON, NORMAL, TINY

Slope = tuple[float, float]  # a derivative, and what it may be off by

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


def on_break(op: Primitive, numbers: Sequence[float]) -> bool:
    """Whether operands stand exactly on a kink, on a pole or on the border of the domain."""
    return any(isfinite(x) and x in borders for x, borders in zip(numbers, op.domain, strict=True)) or any(
        numbers[k] == nearest(*numbers) for k, nearest in op.kinks + op.poles
    )


def outside(op: Primitive, numbers: Sequence[float]) -> bool:
    """Whether an operand lies beyond the border of the operation's domain."""
    return any(x < low or x > high for x, (low, high) in zip(numbers, op.domain, strict=True))


def complex_partial(op: Primitive, out: float, numbers: Sequence[float], k: int) -> Slope:
    """Return ∂out/∂operand k as Im f(x + ih) / h, and what it may be off by: as much as two steps are apart.

    A step that is too large for the function, or too small for floats, gives another slope than the
    next one does. Where the real part is not the operation's value, neither is the imaginary part its
    slope. A slope of 0 may be one that was lost among the smallest numbers: beside such it is none.
    """
    spelling = occurrences(op)
    if spelling is None or not isfinite(out) or on_break(op, numbers):
        return NO_SLOPE
    exact_zero = all(x == 0.0 or abs(x) > FAINT for x in (out, *numbers))
    best, closest, last = NO_SLOPE, UNCLEAR, nan
    for step in _complex_steps(numbers[k]):
        try:
            slope, size, apart = _complex_slope(spelling, numbers, k, step, out)
        except (ArithmeticError, ValueError):
            continue
        if not apart <= 1e-6 * abs(out) + 1e-13 * max(map(abs, numbers)):
            continue
        error = abs(slope - last) + 4 * (EPSILON * size + TINY / step * max(1.0, size))
        if out:
            error += abs(slope) * (apart / abs(out))
        if exact_zero and slope == last == 0.0 and error < best[1]:
            best = (0.0, error)
        elif error < closest * abs(slope):
            best, closest = (slope, error), error / abs(slope)
        if best[1] <= CLEAR * abs(best[0]) + NORMAL:
            break
        last = slope
    return best


def _complex_slope(
    spelling: tuple[Callable[..., complex], tuple[int, ...]], numbers: Sequence[float], k: int, step: float, out: float
) -> tuple[float, float, float]:
    """The slope in operand k, the size of the terms that it is the sum of, and how far the value is from real parts."""
    rule, places = spelling
    slope = size = apart = 0.0
    for place, operand in enumerate(places):
        if operand == k:
            given = [complex(numbers[i], step if at == place else 0.0) for at, i in enumerate(places)]
            result = complex(rule(*given))
            slope, size = slope + result.imag / step, size + abs(result.imag / step)
            apart = max(apart, abs(result.real - out))
    return slope, size, apart


NO_SLOPE: Slope = (nan, inf)
CLEAR = 2.0**-40  # relative: steps whose slopes are no further apart need no third
UNCLEAR = 2.0**-20  # relative: steps whose slopes are further apart are both no good
FAINT = 1e-280
STEPS = [2.0**-30, 2.0**-48, 2.0**-72, 2.0**-104]
TINIEST = [2.0**-200, 2.0**-400, 2.0**-700, 2.0**-1000]


def _complex_steps(x: float) -> list[float]:
    """Steps to try, in turn: for a function that changes over x, over 1, or over less than that."""
    scale = 2.0 ** (frexp(x)[1] - 1) if x else 1.0
    return [step for step in (*(scale * part for part in STEPS), *STEPS, *TINIEST) if step]


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
        elif any(_between(old[k], x, new[k]) for x in (place, moved, nearest(*_middle(old, new)))):
            return True  # another break has become the nearest: one of these two, or one of several in between
    return False


def _middle(old: Sequence[float], new: Sequence[float]) -> list[float]:
    return [x / 2 + y / 2 for x, y in zip(old, new, strict=True)]


def _side(x: float, place: float) -> int:
    return (x > place) - (x < place)


def _between(x: float, place: float, y: float) -> bool:
    return min(x, y) <= place <= max(x, y)
