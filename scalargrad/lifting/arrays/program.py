"""A program in arrays: what a scalar graph becomes once alike numbers are put side by side.

An array has axes, each with a size, and may differ from example to example (`batched`). Five things
make arrays, and no more:

    leaf       what is given: the parameters, an argument, a table of constants
    view       numbers of another array, picked out and arranged along axes of the view's own
    apply      a primitive, number by number; an operand without an axis is the same all along it
    reduce     a primitive folded along axes, or along the batch: sums, largest elements
    assemble   numbers of several arrays added up into the places of a new one

A sum over an axis of a product is what a matrix product is, and needs no sixth.

An `Array` is an operand like any other: a primitive or a rule called on arrays gives the array that
it computes. So the rules of the primitives differentiate array programs too. Nothing is entered
twice, and what is known to change nothing is not entered at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from ...engine import primitives as p
from ...engine.declaration import Primitive, Symbol

Kind = Literal["leaf", "view", "apply", "reduce", "assemble"]
Apply = Callable[..., "Array | float"]


class Axis:
    """A direction in which numbers lie side by side."""

    __slots__ = ("number", "size")

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.size = size


class Places:
    """The places in an array that a view shows: a whole number, or an array of them with the view's axes."""

    __slots__ = ("index", "key")

    def __init__(self, index: Any) -> None:
        self.index = index
        self.key: Any = index if isinstance(index, int) else (index.shape, index.tobytes())

    def are_all(self, size: int) -> bool:
        """Whether these are all places of an array of that size, in order."""
        if isinstance(self.index, int):
            return size == 1
        flat = self.index.ravel()
        return bool(flat.size == size and flat[0] == 0 and (flat[1:] - flat[:-1] == 1).all())


class Array(Symbol):
    """One array of a program; see the module's docstring.

    Attributes:
        kind: which of the five made it.
        operands: what it was made of: arrays, and numbers as floats.
        arrays: the operands that are arrays.
        axes: its axes, in the order in which it is stored.
        batched: whether it has one entry for each example.
        detail: a leaf's name, a view's Places, the primitive that is applied or folded, the Places of
            each array that is assembled.
        number: its place in the program; operands come first.
        label: what the user calls it.
        gradient_of: the arrays whose gradient it is.
    """

    __slots__ = ("arrays", "axes", "batched", "detail", "gradient_of", "kind", "label", "number", "operands", "program")

    def __init__(  # the attributes
        self,
        program: ArrayProgram,
        kind: Kind,
        operands: tuple[Array | float, ...],
        axes: tuple[Axis, ...],
        batched: bool,
        detail: Any,
    ) -> None:
        self.program = program
        self.kind = kind
        self.operands = operands
        self.arrays = tuple([operand for operand in operands if isinstance(operand, Array)])
        self.axes = axes
        self.batched = batched
        self.detail = detail
        self.number = -1
        self.label: str | None = None
        self.gradient_of: list[Array] = []

    @property
    def size(self) -> int:
        """How many numbers it has, for one example."""
        size = 1
        for axis in self.axes:
            size *= axis.size
        return size

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        """Enter the operation, number by number."""
        program = next(operand.program for operand in operands if isinstance(operand, Array))
        return program.apply(primitive, operands)

    def __str__(self) -> str:
        return f"{self.kind}{self.number}{[axis.size for axis in self.axes]}{'×B' if self.batched else ''}"


class ArrayProgram:
    """Arrays, each after its operands, none twice."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self._known: dict[Any, Array] = {}
        self._axes = 0

    def axis(self, size: int) -> Axis:
        """Return a new axis. An array stores its axes in the order in which they were made."""
        self._axes += 1
        return Axis(self._axes, size)

    def leaf(self, name: Any, axes: tuple[Axis, ...] = (), batched: bool = False, table: Any = None) -> Array:
        """Return an array that is given, under a name; or, of that very content, a table of constants."""
        return self._enter("leaf", (), axes, batched, name if table is None else table, key=name)

    def view(self, base: Array, index: Any, axes: tuple[Axis, ...]) -> Array:
        """Return what lies at these places of the base, along new axes."""
        if not base.axes:
            return base
        places = Places(index)
        return self._enter("view", (base,), axes, base.batched, places, key=places.key)

    def apply(self, primitive: Primitive, operands: Sequence[Array | float]) -> Array | float:
        """Return the primitive of the operands, number by number, simplified where that changes nothing."""
        operands = tuple(operand if isinstance(operand, Array) else float(operand) for operand in operands)
        numbers = [operand for operand in operands if not isinstance(operand, Array)]
        if len(numbers) == len(operands):
            return primitive.value(*numbers)
        simpler = simplified(primitive, operands, self.apply)
        if simpler is not None:
            return simpler
        arrays = [operand for operand in operands if isinstance(operand, Array)]
        batched = any(array.batched for array in arrays)
        return self._enter("apply", operands, _united(arrays), batched, primitive, key=primitive)

    def reduce(
        self, primitive: Primitive, array: Array | float, axes: Iterable[Axis], batch: bool = False
    ) -> Array | float:
        """Return the fold of the primitive along those axes of the array, and along the batch if asked."""
        if not isinstance(array, Array):
            return array
        along = tuple(axis for axis in array.axes if axis in set(axes))
        batch = batch and array.batched
        if not along and not batch:
            return array
        if primitive is p.add and array.kind == "apply":
            taken_out = self._factor_taken_out(array, along, batch)
            if taken_out is not None:
                return taken_out
        left = tuple(axis for axis in array.axes if axis not in along)
        detail = (primitive, along, batch)
        return self._enter("reduce", (array,), left, array.batched and not batch, detail, key=detail)

    def assemble(
        self, axes: tuple[Axis, ...], pieces: Sequence[tuple[Places, tuple[Axis, ...], Array | float]]
    ) -> Array:
        """Return zeros with the pieces added up into their places; a piece lies along the axes of its places."""
        operands = tuple(piece for _, _, piece in pieces)
        batched = any(piece.batched for piece in operands if isinstance(piece, Array))
        detail = tuple((places, along) for places, along, _ in pieces)
        key = tuple((places.key, along) for places, along in detail)
        return self._enter("assemble", operands, axes, batched, detail, key=key)

    def _factor_taken_out(self, array: Array, along: tuple[Axis, ...], batch: bool) -> Array | float | None:
        """The sum of c × x as c × the sum of x, where c is the same all along; the sum of -x as -(the sum)."""
        if array.detail is p.negative:
            return self.apply(p.negative, [self.reduce(p.add, array.operands[0], along, batch)])
        if array.detail is p.multiply:
            for factor, other in (array.operands, array.operands[::-1]):
                varies = isinstance(factor, Array) and (set(factor.axes) & set(along) or (batch and factor.batched))
                if not varies and _spans(other, along, batch):
                    return self.apply(p.multiply, [factor, self.reduce(p.add, other, along, batch)])
        return None

    def _enter(
        self,
        kind: Kind,
        operands: tuple[Array | float, ...],
        axes: tuple[Axis, ...],
        batched: bool,
        detail: Any,
        key: Any,
    ) -> Array:
        whole = (kind, key, axes, *(operand if isinstance(operand, Array) else repr(operand) for operand in operands))
        found = self._known.get(whole)
        if found is None:
            found = self._known[whole] = Array(self, kind, operands, axes, batched, detail)
            found.number = len(self.arrays)
            self.arrays.append(found)
        return found


def needed(roots: Iterable[Array | float]) -> list[Array]:
    """Return the arrays that the roots are computed from, and the roots, in the program's order."""
    found: set[Array] = set()
    pending = [root for root in roots if isinstance(root, Array)]
    while pending:
        array = pending.pop()
        if array not in found:
            found.add(array)
            pending += array.arrays
    return sorted(found, key=lambda array: array.number)


def _spans(array: Array | float, axes: Sequence[Axis], batch: bool) -> bool:
    """Whether an array has all of these axes, and the batch if asked."""
    return isinstance(array, Array) and set(axes) <= set(array.axes) and (array.batched or not batch)


def _united(arrays: Iterable[Array]) -> tuple[Axis, ...]:
    """The axes that any of them has."""
    return tuple(sorted({axis for array in arrays for axis in array.axes}, key=lambda axis: axis.number))


# ---------------------------------------------------------------- what changes nothing


def simplified(primitive: Primitive, operands: tuple[Array | float, ...], apply: Apply) -> Array | float | None:
    """Return what an operation comes to, where that takes fewer operations; None where it does not."""
    if len(operands) == 2 and not primitive.kinks:  # at a tie each has a share of the gradient
        x, y = operands
        if y == primitive.right_identity and not _is_infinite(y):
            return x
        if primitive.commutative and x == primitive.identity and not _is_infinite(x):
            return y
    rewrite = _REWRITES.get(primitive)
    return rewrite(primitive, operands, apply) if rewrite else None


def _is_infinite(operand: Array | float) -> bool:
    """Whether it is the number inf or -inf: max(x, -inf) is x, but at -inf it is a tie, with the slope one half."""
    return not isinstance(operand, Array) and math.isinf(operand)


Rewrite = Callable[[Primitive, "tuple[Array | float, ...]", Apply], "Array | float | None"]


def _negative(_: Primitive, operands: tuple[Array | float, ...], apply: Apply) -> Array | float | None:
    """-(-x) as x; -(c × x) as (-c) × x, where c is a single number."""
    (x,) = operands
    if isinstance(x, Array) and _is(x, p.negative):
        return x.operands[0]
    if isinstance(x, Array) and _is(x, p.multiply) and _is_single(x.operands[0]):
        return apply(p.multiply, [apply(p.negative, [x.operands[0]]), x.operands[1]])
    return None


def _product(_: Primitive, operands: tuple[Array | float, ...], apply: Apply) -> Array | float | None:
    """-1 × y and (-x) × y as -(x × y); 2 × (3 × y) as 6 × y; x × (1 / y) as x / y. The number comes first."""
    x, y = operands
    found: Array | float | None = None
    if not isinstance(y, Array):
        found = apply(p.multiply, [y, x])
    elif x == -1.0:
        found = apply(p.negative, [y])
    elif isinstance(x, Array) and _is(x, p.negative) and not _is_single(x):
        found = apply(p.negative, [apply(p.multiply, [x.operands[0], y])])
    elif _is(y, p.negative) and not isinstance(x, Array):
        found = apply(p.multiply, [-x, y.operands[0]])
    elif _is(y, p.negative):
        found = apply(p.negative, [apply(p.multiply, [x, y.operands[0]])])
    elif _is_fixed(x) and _is(y, p.multiply) and _is_fixed(y.operands[0]):
        factor = apply(p.multiply, [x, y.operands[0]])
        if isinstance(factor, Array) or 1e-300 < abs(factor) < 1e300:  # 1e-200 × (1e-200 × y) is not 0 × y
            found = apply(p.multiply, [factor, y.operands[1]])
    else:
        for factor, other in ((x, y), (y, x)):
            if isinstance(other, Array) and _is(other, p.divide) and other.operands[0] == 1.0:
                return apply(p.divide, [factor, other.operands[1]])
    return found


def _sum(primitive: Primitive, operands: tuple[Array | float, ...], apply: Apply) -> Array | float | None:
    """X + x as 2 × x, x + (-y) as x - y, x - (-y) as x + y, (-x) + y as y - x, 0 - y as -y."""
    x, y = operands
    if x is y and primitive is p.add:
        return apply(p.multiply, [2.0, x])
    if isinstance(y, Array) and _is(y, p.negative):
        return apply(p.subtract if primitive is p.add else p.add, [x, y.operands[0]])
    if primitive is p.add and isinstance(x, Array) and _is(x, p.negative):
        return apply(p.subtract, [y, x.operands[0]])
    if primitive is p.subtract and x == 0.0:
        return apply(p.negative, [y])
    return None


def _power(_: Primitive, operands: tuple[Array | float, ...], apply: Apply) -> Array | float | None:
    """X ** 2 as x × x."""
    x, y = operands
    return apply(p.multiply, [x, x]) if y == 2.0 else None


_REWRITES: dict[Primitive, Rewrite] = {
    p.negative: _negative,
    p.multiply: _product,
    p.add: _sum,
    p.subtract: _sum,
    p.power: _power,
}


def _is_single(array: Array | float) -> bool:
    """Whether it is a single number, the same for all examples."""
    return not isinstance(array, Array) or not (array.axes or array.batched)


def _is_fixed(array: Array | float) -> bool:
    """Whether it is a number, or a number times a share of the batch: of an ordinary size whatever is given."""
    if not isinstance(array, Array) or _is_of_the_batch(array):
        return True
    return array.kind == "apply" and all(not isinstance(one, Array) or _is_of_the_batch(one) for one in array.operands)


def _is_of_the_batch(array: Array) -> bool:
    return array.kind == "leaf" and isinstance(array.detail, str) and array.detail in {"share", "count"}


def _is(array: Array, primitive: Primitive) -> bool:
    return array.kind == "apply" and array.detail is primitive
