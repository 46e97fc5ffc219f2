"""Array programs: what a scalar graph becomes when scalars that are computed alike lie side by side.

An array has axes, each with a size. A batched array has numbers of its own for each example. There are
seven classes of arrays:

    Leaf       what is given: the parameters, an argument, a table of constants
    View       numbers of another array, picked and arranged along axes of the view
    Apply      a primitive, element by element; an operand without an axis is the same all along it
    Fold       a primitive folded along axes, or over the batch: a sum, a maximum
    Assembly   numbers of several arrays, each added into its places of a new array
    Gather     numbers of a table, looked up along one of its axes at the indices that another array has
    Scatter    the reverse: numbers of an array, each added to a table of zeros where an index says

A matrix product is the sum of a product along an axis, so it needs no class.

Arrays are operands, as Values are: a primitive or a rule called on arrays gives the array that it
computes. So the rules of the primitives differentiate array programs too. A program holds each array
once, and no operation that would change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, TypeVar

from ...engine import primitives as p
from ...engine.declaration import Primitive, Symbol

if TYPE_CHECKING:  # programs of single numbers work without numpy
    import numpy as np
    from numpy.typing import NDArray

    IntArray = NDArray[np.int_]
    FloatArray = NDArray[np.float64]

ArrayClass = TypeVar("ArrayClass", bound="Array")
BATCH_LEAVES = ("share", "count")  # one over the number of examples, and that number


class Axis:
    """A direction in which numbers lie side by side."""

    __slots__ = ("number", "size")

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.size = size


class Places:
    """Places in an array whose axes are flattened: one place, or a table of places.

    Attributes:
        index: a whole number, or an integer array with the axes along which the places lie.
        key: equal for equal places.
    """

    __slots__ = ("index", "key")

    def __init__(self, index: int | IntArray) -> None:
        self.index = index
        self.key: Hashable = index if isinstance(index, int) else (index.shape, index.tobytes())

    @classmethod
    def all_of(cls, sizes: Sequence[int]) -> Places:
        """Return all places of an array of these sizes, in order."""
        import numpy as np

        return cls(np.arange(math.prod(sizes)).reshape(sizes))

    @classmethod
    def row_of(cls, row: int, sizes: Sequence[int]) -> Places:
        """Return the places of one row of an array whose rows have these sizes."""
        return cls(row) if not sizes else cls(cls.all_of(sizes).index + row * math.prod(sizes))

    @classmethod
    def listed(cls, places: Sequence[int]) -> Places:
        """Return places along one axis, for programs without numpy: a range or a tuple."""
        row = _Listed(0)
        row.index, row.key = places, ("listed", places)
        return row

    @property
    def first(self) -> int:
        """The first place."""
        return self.index if isinstance(self.index, int) else int(self.index.flat[0])

    def in_a_row(self) -> list[int]:
        """Return the places as a list."""
        return [self.index] if isinstance(self.index, int) else self.index.ravel().tolist()

    def are_all(self, size: int) -> bool:
        """Whether these are all places of an array of that size, in order."""
        if isinstance(self.index, int):
            return size == 1
        flat = self.index.ravel()
        return bool(flat.size == size and flat[0] == 0 and (flat[1:] - flat[:-1] == 1).all())


class _Listed(Places):
    """Places as a range or a tuple."""

    __slots__ = ()
    index: Any

    @property
    def first(self) -> int:
        """The first place."""
        return int(self.index[0])

    def in_a_row(self) -> list[int]:
        """Return the places as a list."""
        return list(self.index)

    def are_all(self, size: int) -> bool:  # noqa: ARG002  # as in the class above
        """Say that they are not all places in order: what is special about that needs numpy."""
        return False


class Piece(NamedTuple):
    """A part of an array: an array or a number, which lies along these axes, and its places in the whole."""

    array: Array | float
    axes: tuple[Axis, ...]
    places: Places


class Array(Symbol):
    """An array of a program; the classes below say how it is made.

    Attributes:
        program: the program that holds it.
        operands: what it is computed from: arrays, and numbers as floats.
        arrays: the operands that are arrays.
        axes: its axes, in the order in which it is stored.
        batched: whether it has numbers of its own for each example.
        number: its place in the program; operands come first.
        label: the user's name for it.
        gradient_of: the arrays whose gradient it is.
    """

    __slots__ = ("arrays", "axes", "batched", "gradient_of", "label", "number", "operands", "program")

    def __init__(
        self, program: ArrayProgram, operands: tuple[Array | float, ...], axes: tuple[Axis, ...], batched: bool
    ) -> None:
        self.program = program
        self.operands = operands
        self.arrays = tuple([operand for operand in operands if isinstance(operand, Array)])
        self.axes = axes
        self.batched = batched
        self.number = -1
        self.label: str | None = None
        self.gradient_of: list[Array] = []

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return tuple([axis.size for axis in self.axes])

    @property
    def size(self) -> int:
        """How many numbers it has, for one example."""
        size = 1
        for axis in self.axes:
            size *= axis.size
        return size

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        """Add the operation to the program of the operands, element by element."""
        program = next(operand.program for operand in operands if isinstance(operand, Array))
        return program.apply(primitive, operands)

    def __str__(self) -> str:
        return f"{type(self).__name__.lower()}{self.number}{list(self.sizes)}{'×B' if self.batched else ''}"


class Leaf(Array):
    """An array that is given: under a name, or as a table of constants."""

    __slots__ = ("name", "table")

    def __init__(
        self,
        program: ArrayProgram,
        name: str,
        axes: tuple[Axis, ...],
        batched: bool,
        table: FloatArray | None = None,
    ) -> None:
        super().__init__(program, (), axes, batched)
        self.name = name  # "" for a table
        self.table = table


class Initial(Leaf):
    """Constants from which a recurrence begins. They may be batched, so that its first step is like the others.

    Attributes:
        numbers: the constants, with all axes flattened.
    """

    __slots__ = ("numbers",)

    def __init__(
        self, program: ArrayProgram, numbers: tuple[float, ...], axes: tuple[Axis, ...], batched: bool
    ) -> None:
        super().__init__(program, "initial", axes, batched)
        self.numbers = numbers


class View(Array):
    """The numbers at some places of another array, along axes of the view."""

    __slots__ = ("base", "places")

    def __init__(self, program: ArrayProgram, base: Array, places: Places, axes: tuple[Axis, ...]) -> None:
        super().__init__(program, (base,), axes, base.batched)
        self.base = base
        self.places = places

    @property
    def shows_all(self) -> bool:
        """Whether it has all numbers of its base, in order."""
        return self.places.are_all(self.base.size)


class Apply(Array):
    """A primitive of the operands, element by element."""

    __slots__ = ("primitive",)

    def __init__(
        self,
        program: ArrayProgram,
        primitive: Primitive,
        operands: tuple[Array | float, ...],
        axes: tuple[Axis, ...],
        batched: bool,
    ) -> None:
        super().__init__(program, operands, axes, batched)
        self.primitive = primitive


class Fold(Array):
    """A primitive of two operands, folded along some axes of an array; with `over_batch` over the examples too."""

    __slots__ = ("along", "operand", "over_batch", "primitive")

    def __init__(
        self, program: ArrayProgram, primitive: Primitive, operand: Array, along: tuple[Axis, ...], over_batch: bool
    ) -> None:
        left = tuple([axis for axis in operand.axes if axis not in along])
        super().__init__(program, (operand,), left, operand.batched and not over_batch)
        self.primitive = primitive
        self.operand = operand
        self.along = along
        self.over_batch = over_batch


class Assembly(Array):
    """Zeros to which pieces are added, each in its places."""

    __slots__ = ("pieces",)

    def __init__(self, program: ArrayProgram, pieces: tuple[Piece, ...], axes: tuple[Axis, ...]) -> None:
        operands = tuple([piece.array for piece in pieces])
        super().__init__(program, operands, axes, False)
        self.batched = any(array.batched for array in self.arrays)
        self.pieces = pieces


class Gather(Array):
    """The numbers of a table at indices along one of its axes; along an axis that both have, each at its own index."""

    __slots__ = ("along", "index", "table")

    def __init__(self, program: ArrayProgram, table: Array, index: Array, along: Axis) -> None:
        left = Array(program, (), tuple([axis for axis in table.axes if axis is not along]), False)
        super().__init__(program, (table, index), _united([left, index]), table.batched or index.batched)
        self.table = table
        self.index = index
        self.along = along


class Scatter(Array):
    """Zeros in the form of a table, to which numbers are added where the indices of gathers from that table say.

    Attributes:
        numbers: what is added: for each gather, along its axes, or the same along those that it lacks.
        gathers: what looks up the same places of the table.
    """

    __slots__ = ("gathers", "numbers")

    def __init__(
        self, program: ArrayProgram, numbers: tuple[Array | float, ...], gathers: tuple[Gather, ...], batched: bool
    ) -> None:
        operands = (*numbers, *[gather.index for gather in gathers])
        super().__init__(program, operands, gathers[0].table.axes, batched)
        self.numbers = numbers
        self.gathers = gathers


class ArrayProgram:
    """Arrays, each after its operands, none twice.

    Attributes:
        arrays: all of them, in order.
        exact: whether it computes what the engine does to the last bit, in programs of single numbers.
        beside: for a gradient that of initial states, which nothing reads, but which the last step of the sweep would
            compute if it were as all others are.
    """

    def __init__(self, exact: bool = False) -> None:
        self.arrays: list[Array] = []
        self.exact = exact
        self.beside: dict[Array, list[Array]] = {}
        self._known: dict[Hashable, Any] = {}
        self._axes = 0

    def following(self) -> ArrayProgram:
        """Return a program without arrays, whose new axes come after those of this one."""
        program = ArrayProgram(self.exact)
        program._axes = self._axes
        return program

    def axis(self, size: int) -> Axis:
        """Return a new axis. An array stores its axes in the order in which they were made."""
        self._axes += 1
        return Axis(self._axes, size)

    def leaf(self, name: str, axes: tuple[Axis, ...] = (), batched: bool = False) -> Leaf:
        """Return the array that is given under a name."""
        return self.entered(Leaf(self, name, axes, batched), name)

    def table(self, numbers: FloatArray, axes: tuple[Axis, ...]) -> Leaf:
        """Return the array that has these constants, of a shape that fits the axes."""
        return self.entered(Leaf(self, "", axes, False, numbers), numbers.tobytes())

    def initial(
        self, numbers: Sequence[float], axes: tuple[Axis, ...], batched: bool, slope_of: Array | None = None
    ) -> Initial:
        """Return the array that has these constants as initial states, or as those of the derivative of an array."""
        return self.entered(Initial(self, tuple(numbers), axes, batched), (slope_of, batched, *map(repr, numbers)))

    def view(self, base: Array, index: int | IntArray | range | tuple[int, ...], axes: tuple[Axis, ...]) -> Array:
        """Return the numbers at these places of the base, along axes of the view."""
        if not base.axes:
            return base
        places = Places.listed(index) if isinstance(index, range | tuple) else Places(index)
        return self.entered(View(self, base, places, axes), places.key)

    def apply(self, primitive: Primitive, operands: Sequence[Array | float]) -> Array | float:
        """Return the primitive of the operands, element by element, simplified where that changes nothing."""
        operands = tuple([operand if isinstance(operand, Array) else float(operand) for operand in operands])
        arrays = [operand for operand in operands if isinstance(operand, Array)]
        if not arrays:
            return primitive.value(*operands)
        simpler = simplified(primitive, operands, self.apply, self.exact)
        if simpler is not None:
            return simpler
        batched = any(array.batched for array in arrays)
        return self.entered(Apply(self, primitive, operands, _united(arrays), batched), primitive)

    def fold(
        self, primitive: Primitive, array: Array | float, axes: Iterable[Axis], batch: bool = False
    ) -> Array | float:
        """Return the fold of the primitive along those of the axes that the array has, and over the batch if asked."""
        if not isinstance(array, Array):
            return array
        wanted = set(axes)
        along = tuple([axis for axis in array.axes if axis in wanted])
        batch = batch and array.batched
        if not along and not batch:
            return array
        if primitive is p.add and isinstance(array, Apply):
            taken_out = self._factor_taken_out(array, along, batch)
            if taken_out is not None:
                return taken_out
        return self.entered(Fold(self, primitive, array, along, batch), (primitive, along, batch))

    def assemble(self, axes: tuple[Axis, ...], pieces: Sequence[Piece]) -> Assembly:
        """Return zeros to which the pieces are added, each in its places."""
        key = tuple([(piece.places.key, piece.axes) for piece in pieces])
        return self.entered(Assembly(self, tuple(pieces), axes), key)

    def gather(self, table: Array | float, index: Array, along: Axis) -> Array | float:
        """Return the numbers of a table at indices along an axis; the table itself where it is the same along that."""
        if not isinstance(table, Array) or along not in table.axes:
            return table
        return self.entered(Gather(self, table, index, along), along)

    def scatter(self, looked_up: Sequence[tuple[Array | float, Gather]], batched: bool) -> Scatter:
        """Return zeros in the form of the table of some gathers, to which numbers are added where each looks up."""
        numbers, gathers = zip(*looked_up, strict=True)
        return self.entered(Scatter(self, numbers, gathers, batched), (gathers, batched))

    def _factor_taken_out(self, array: Apply, along: tuple[Axis, ...], batch: bool) -> Array | float | None:
        """The sum of c × x as c × the sum of x, where c is the same all along; the sum of -x as -(the sum of x)."""
        if array.primitive is p.negative:
            return self.apply(p.negative, [self.fold(p.add, array.operands[0], along, batch)])
        if array.primitive is p.multiply:
            for factor, other in (array.operands, array.operands[::-1]):
                varies = isinstance(factor, Array) and (set(factor.axes) & set(along) or (batch and factor.batched))
                if not varies and _spans(other, along, batch):
                    return self.apply(p.multiply, [factor, self.fold(p.add, other, along, batch)])
        return None

    def entered(self, array: ArrayClass, key: Hashable) -> ArrayClass:
        """Return the array, added to the program; or the one of that class, key, axes and operands that it has."""
        operands = [operand if isinstance(operand, Array) else repr(operand) for operand in array.operands]
        known: ArrayClass = self._known.setdefault((type(array), key, array.axes, *operands), array)
        return self.add(array) if known is array else known

    def add(self, array: ArrayClass) -> ArrayClass:
        """Add an array that the program does not have, and return it."""
        array.number = len(self.arrays)
        self.arrays.append(array)
        return array


def needed(roots: Iterable[Array | float]) -> list[Array]:
    """Return the roots that are arrays, and all arrays that they are computed from, in the program's order."""
    arrays: set[Array] = set()
    pending = [root for root in roots if isinstance(root, Array)]
    while pending:
        array = pending.pop()
        if array not in arrays:
            arrays.add(array)
            pending += array.arrays
    return sorted(arrays, key=attrgetter("number"))


def _spans(array: Array | float, axes: Sequence[Axis], batch: bool) -> bool:
    """Whether an array has all of these axes, and the batch if asked."""
    return isinstance(array, Array) and set(axes) <= set(array.axes) and (array.batched or not batch)


def _united(arrays: Iterable[Array]) -> tuple[Axis, ...]:
    """The axes that any of them has."""
    return tuple(sorted({axis for array in arrays for axis in array.axes}, key=attrgetter("number")))


# ---------------------------------------------------------------- what changes nothing

Rewriter = Callable[[Primitive, "Sequence[Array | float]"], "Array | float"]  # applies a primitive, simplified


def simplified(
    primitive: Primitive, operands: tuple[Array | float, ...], apply: Rewriter, exact: bool = False
) -> Array | float | None:
    """Return an equal array or number that takes fewer operations, made with `apply`; None where there is none.

    With `exact` it is equal to the last bit, and not only up to rounding.
    """
    if len(operands) == 2 and not primitive.kinks:  # at a tie each operand has a share of the gradient
        x, y = operands
        if y == primitive.right_identity and not _is_infinite(y):
            return x
        if primitive.commutative and x == primitive.identity and not _is_infinite(x):
            return y
    rewrite = _REWRITES.get(primitive)
    simpler = rewrite(primitive, operands, apply) if rewrite else None
    if simpler is None and not exact and primitive in _ROUNDED_REWRITES:
        simpler = _ROUNDED_REWRITES[primitive](primitive, operands, apply)
    return simpler


def _is_infinite(operand: Array | float) -> bool:
    """Whether it is the number inf or -inf: max(x, -inf) is x, but at -inf it is a tie, with the slope one half."""
    return not isinstance(operand, Array) and math.isinf(operand)


def _negative(_: Primitive, operands: tuple[Array | float, ...], apply: Rewriter) -> Array | float | None:
    """-(-x) as x; -(c × x) as (-c) × x, where c is a single number."""
    (x,) = operands
    if _is(x, p.negative):
        return x.operands[0]
    if _is(x, p.multiply) and _is_single(x.operands[0]):
        return apply(p.multiply, [apply(p.negative, [x.operands[0]]), x.operands[1]])
    return None


def _product(_: Primitive, operands: tuple[Array | float, ...], apply: Rewriter) -> Array | float | None:
    """-1 × y as -y, and (-x) × y as -(x × y). The number comes first."""
    x, y = operands
    simpler: Array | float | None = None
    if not isinstance(y, Array):
        simpler = apply(p.multiply, [y, x])
    elif x == -1.0:
        simpler = apply(p.negative, [y])
    elif _is(x, p.negative) and not _is_single(x):
        simpler = apply(p.negative, [apply(p.multiply, [x.operands[0], y])])
    elif _is(y, p.negative) and not isinstance(x, Array):
        simpler = apply(p.multiply, [-x, y.operands[0]])
    elif _is(y, p.negative):
        simpler = apply(p.negative, [apply(p.multiply, [x, y.operands[0]])])
    return simpler


def _rounded_product(_: Primitive, operands: tuple[Array | float, ...], apply: Rewriter) -> Array | float | None:
    """2 × (3 × y) as 6 × y; x × (1 / y) as x / y."""
    x, y = operands
    if _is_fixed(x) and _is(y, p.multiply) and _is_fixed(y.operands[0]):
        factor = apply(p.multiply, [x, y.operands[0]])
        if isinstance(factor, Array) or 1e-300 < abs(factor) < 1e300:  # 1e-200 × (1e-200 × y) is not 0 × y
            return apply(p.multiply, [factor, y.operands[1]])
        return None
    for factor, other in ((x, y), (y, x)):
        if _is(other, p.divide) and other.operands[0] == 1.0:
            return apply(p.divide, [factor, other.operands[1]])
    return None


def _sum(primitive: Primitive, operands: tuple[Array | float, ...], apply: Rewriter) -> Array | float | None:
    """X + x as 2 × x, x + (-y) as x - y, x - (-y) as x + y, (-x) + y as y - x, 0 - y as -y."""
    x, y = operands
    if x is y and primitive is p.add:
        return apply(p.multiply, [2.0, x])
    if _is(y, p.negative):
        return apply(p.subtract if primitive is p.add else p.add, [x, y.operands[0]])
    if primitive is p.add and _is(x, p.negative):
        return apply(p.subtract, [y, x.operands[0]])
    if primitive is p.subtract and x == 0.0:
        return apply(p.negative, [y])
    return None


def _power(_: Primitive, operands: tuple[Array | float, ...], apply: Rewriter) -> Array | float | None:
    """X ** 2 as x × x."""
    x, y = operands
    return apply(p.multiply, [x, x]) if y == 2.0 else None


_REWRITES: dict[Primitive, Callable[[Primitive, tuple[Array | float, ...], Rewriter], Array | float | None]] = {
    p.negative: _negative,
    p.multiply: _product,
    p.add: _sum,
    p.subtract: _sum,
}
_ROUNDED_REWRITES = {p.multiply: _rounded_product, p.power: _power}  # these change the last bit


def _is_single(array: Array | float) -> bool:
    """Whether it is a single number, the same for all examples."""
    return not isinstance(array, Array) or not (array.axes or array.batched)


def _is_fixed(array: Array | float) -> bool:
    """Whether it is a number, or a number times a share of the batch: of an ordinary size whatever is given."""
    if not isinstance(array, Array) or _is_of_the_batch(array):
        return True
    return isinstance(array, Apply) and all(
        not isinstance(operand, Array) or _is_of_the_batch(operand) for operand in array.operands
    )


def _is_of_the_batch(array: Array) -> bool:
    return isinstance(array, Leaf) and array.name in BATCH_LEAVES


def _is(array: Array | float, primitive: Primitive) -> TypeGuard[Apply]:
    return isinstance(array, Apply) and array.primitive is primitive
