"""An interpreter of array programs: what each class of arrays computes, in the simplest numpy.

No tests. It knows nothing of how programs are simplified or written out, so that both may be judged
by it. Every array is spread out over its own axes and the batch, which comes last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scalargrad.lifting.arrays.loops import Last, Loop, Row, Stack
from scalargrad.lifting.arrays.program import Apply, Array, Assembly, Fold, Gather, Initial, Leaf, Scatter, View, needed


def evaluate(root: Array | float, given: Mapping[str, Any], count: int) -> Any:
    """Return the numbers of an array, over its own axes and the batch.

    `given` has for each leaf's name its numbers: in a row, or for an argument a row for each example.
    """
    numbers = _Numbers(given, count)
    numbers.compute(needed([root]))
    return numbers.spread(root, root.axes if isinstance(root, Array) else ())


class _Numbers:
    """The numbers of arrays, over their own axes and the batch."""

    def __init__(self, given: Mapping[str, Any], count: int) -> None:
        self.given = given
        self.count = count
        self.of: dict[Array, Any] = {}

    def spread(self, operand: Array | float, axes: Any) -> Any:
        """An operand over these axes, which include its own, and the batch."""
        count = self.count
        if not isinstance(operand, Array):
            return np.full([*[axis.size for axis in axes], count], operand)
        numbers = self.of[operand]
        own = [axis for axis in axes if axis in operand.axes]
        numbers = numbers.transpose([*[operand.axes.index(axis) for axis in own], numbers.ndim - 1])
        numbers = numbers.reshape([*[axis.size if axis in operand.axes else 1 for axis in axes], count])
        return np.broadcast_to(numbers, [*[axis.size for axis in axes], count])

    def compute(self, arrays: Sequence[Array]) -> None:
        """Compute arrays in order."""
        for array in arrays:
            if isinstance(array, Loop):
                self._run(array)
            elif not isinstance(array, Stack | Last):
                self.of[array] = self._computed(array)

    def _run(self, loop: Loop) -> None:
        ends: dict[Array, list[Any]] = {end.of: [] for end in loop.ends}
        for state in loop.states:
            self.of[state] = self.spread(state.initial, state.axes)
        for t in range(loop.times):
            for array in loop.body:
                if isinstance(array, Row):
                    row = array.start + array.step * t
                    assert row >= 0, "there are no rows from behind"
                    self.of[array] = self.of[array.base][row]
            self.compute([array for array in loop.body if not isinstance(array, Row)])
            for of, rows in ends.items():
                rows.append(self.of[of])
            self.of |= {state: self.spread(state.next, state.axes) for state in loop.states}
        for end in loop.ends:
            self.of[end] = np.array(ends[end.of]) if isinstance(end, Stack) else ends[end.of][-1]

    def _computed(self, array: Array) -> Any:
        count, spread = self.count, self.spread
        sizes = [axis.size for axis in array.axes]
        if isinstance(array, Leaf):
            numbers = _leaf(array, self.given, count)
            return np.broadcast_to(numbers.reshape([*sizes, -1]), [*sizes, count])
        if isinstance(array, View):
            return self.of[array.base].reshape(array.base.size, count)[array.places.index]
        if isinstance(array, Apply):
            operands = [spread(operand, array.axes) for operand in array.operands]
            return np.vectorize(array.primitive.value, otypes=[float])(*operands)
        if isinstance(array, Fold):
            return _folded(array, self.of[array.operand], count)
        if isinstance(array, Gather | Scatter):
            return self._looked_up(array)
        assert isinstance(array, Assembly)
        whole = np.zeros((array.size, count))
        for piece in array.pieces:
            np.add.at(whole, piece.places.index, spread(piece.array, piece.axes))
        return whole.reshape([*sizes, count])

    def _looked_up(self, array: Gather | Scatter) -> Any:
        if isinstance(array, Gather):
            places = _looked_up(array, self.of[array.index], self.spread)
            return self.of[array.table].reshape(-1)[places]
        count = self.count
        one_by_one = np.zeros([*[axis.size for axis in array.axes], count])
        for one, gather in zip(array.numbers, array.gathers, strict=True):
            places = _looked_up(gather, self.of[gather.index], self.spread)
            np.add.at(one_by_one.reshape(-1), places, self.spread(one, gather.axes))
        # What all examples share gets what all of them add to it.
        return one_by_one if array.batched else _for_all(one_by_one, count)


def _looked_up(gather: Gather, index: Any, spread: Any) -> Any:
    """The places of the numbers of a gather in its table, flattened with the batch behind it."""
    count = index.shape[-1]
    sizes = [axis.size for axis in gather.axes]
    coordinates = dict(zip(gather.axes, np.indices([*sizes, count])[:-1], strict=True))
    coordinates[gather.along] = spread(gather.index, gather.axes).astype(int)
    flat = np.zeros([*sizes, count], int)
    for axis in gather.table.axes:
        flat = flat * axis.size + coordinates[axis]
    return flat * count + np.arange(count)


def _for_all(numbers: Any, count: int) -> Any:
    return np.repeat(numbers.sum(axis=-1, keepdims=True), count, axis=-1)


def _leaf(array: Leaf, given: Mapping[str, Any], count: int) -> Any:
    if isinstance(array, Initial):
        numbers = np.reshape(array.numbers, array.sizes)
        return np.repeat(numbers[..., None], count, axis=-1) if array.batched else numbers
    if array.table is not None:
        return array.table
    if array.name in ("share", "count"):
        return np.array([1 / count if array.name == "share" else float(count)])
    numbers = np.asarray(given[array.name], dtype=float)
    return numbers.T if array.batched else numbers


def _folded(array: Fold, numbers: Any, count: int) -> Any:
    fold = np.vectorize(array.primitive.value, otypes=[float])
    axes = [array.operand.axes.index(axis) for axis in array.along] + ([numbers.ndim - 1] if array.over_batch else [])
    for axis in sorted(axes, reverse=True):
        first, *rest = np.moveaxis(numbers, axis, 0)
        for one in rest:
            first = fold(first, one)
        numbers = first
    return np.repeat(np.asarray(numbers)[..., None], count, axis=-1) if array.over_batch else numbers


def operations(*roots: Array | float) -> int:
    """How many arrays are computed for the roots: all but the leaves."""
    return sum(not isinstance(array, Leaf) for array in needed(roots))


def kinds(*roots: Array | float) -> list[str]:
    """What is computed for the roots, in order: the class, or the primitive where there is one."""
    listed = []
    for array in needed(roots):
        if isinstance(array, Apply):
            listed.append(array.primitive.name)
        elif isinstance(array, Fold):
            listed.append(f"fold {array.primitive.name}{' over the batch' if array.over_batch else ''}")
        elif not isinstance(array, Leaf):
            listed.append(type(array).__name__.lower())
    return listed
