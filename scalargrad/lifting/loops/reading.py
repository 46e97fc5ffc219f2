"""What the steps of a list of arrays read, and what that is in each iteration of a loop that they become."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..arrays.loops import Loop, State
from ..arrays.program import Array, Leaf, View
from ..leaves import THETA
from .finding import OUTSIDE


class Read(NamedTuple):
    """What a step reads: an operand, the array that it is a view of, and the views, that on top first."""

    operand: Array | float
    root: Array | None
    views: tuple[View, ...]

    @property
    def key(self) -> Hashable:
        """Equal for the same views."""
        return tuple([view.places.key for view in self.views])

    @property
    def identity(self) -> Hashable:
        """Equal for the same numbers of the same array."""
        return repr(self.operand) if self.root is None else (self.root, self.key)

    def where(self) -> Any:
        """Where the numbers lie in the root, of which there is one view."""
        (view,) = self.views
        return view.places.index


class Window(NamedTuple):
    """The steps that become a loop: of iteration t those from start + t × period on."""

    start: int
    period: int
    times: int

    @property
    def stop(self) -> int:
        """The position behind them."""
        return self.start + self.period * self.times

    def place(self, position: int) -> tuple[int, int]:
        """Return the iteration in which a step is, and which of its steps it is."""
        return divmod(position - self.start, self.period)


class Taken(NamedTuple):
    """An operand that is a step of this iteration, or of so many iterations ago."""

    step: int
    ago: int
    reads: list[Read]


class Rows(NamedTuple):
    """An operand that is what another loop computed in iteration start + t × pace; or a state, which it began with."""

    built: Built
    step: int
    of_state: bool
    start: int
    pace: int
    reads: list[Read]


class Fixed(NamedTuple):
    """An operand that is the same in each iteration."""

    reads: list[Read]


class Moving(NamedTuple):
    """An operand that is at other places of the same array, or another number, or another table of constants."""

    reads: list[Read]


Source = Taken | Rows | Fixed | Moving


class Built(NamedTuple):
    """A loop, and the steps that it stands for; its body grows while it is made.

    Attributes:
        loop: the loop.
        window: the steps.
        body: what it computes in place of each step of an iteration; None for one after it.
        states: by step of an iteration, and how many iterations ago.
        initials: what the first iterations read in place of each state: by views, how it is read later and at first.
        sources: what the operands of each step are.
        whole: the steps that are computed for all iterations at once, outside of the loop: a row for each.
    """

    loop: Loop
    window: Window
    body: list[Array | None]
    states: dict[tuple[int, int], State]
    initials: Mapping[tuple[int, int], Mapping[Hashable, tuple[Read, Read]]]
    sources: Sequence[Sequence[Source]]
    whole: dict[int, Array]


class Place(NamedTuple):
    """Where a step is that has become a part of a loop."""

    built: Built
    iteration: int
    step: int

    @property
    def is_whole(self) -> bool:
        """Whether the step is computed for all iterations at once, outside of the loop."""
        return self.step in self.built.whole

    @property
    def read(self) -> Read:
        """What stands for the step in the body, or outside of it, with a row for each iteration."""
        return read_of(self.built.whole[self.step] if self.is_whole else present(self.built.body[self.step]))


class Known:
    """A list of steps, what they read, and the loops that they have become.

    Attributes:
        items: the steps: arrays, without leaves and views.
        position: the place of each in the list.
        reads: what each of them reads.
        built: the loops.
    """

    def __init__(self, arrays: Iterable[Array]) -> None:
        self.items = [array for array in arrays if not isinstance(array, Leaf | View)]
        self.position = {item: i for i, item in enumerate(self.items)}
        self.reads = [[read_of(operand) for operand in item.operands] for item in self.items]
        self.built: list[Built] = []
        self._built_at: list[Built | None] = [None] * len(self.items)

    def add(self, built: Built) -> None:
        """Note that some steps have become a loop."""
        self.built.append(built)
        self._built_at[built.window.start : built.window.stop] = [built] * (built.window.stop - built.window.start)

    def where(self, array: Array | None) -> int:
        """Return the position of a step, or that of what is none."""
        return OUTSIDE if array is None else self.position.get(array, OUTSIDE)

    def place(self, array: Array | None) -> Place | None:
        """Return where an array is in a loop, if it is a step of one."""
        position = self.where(array)
        built = None if position == OUTSIDE else self._built_at[position]
        return None if built is None else Place(built, *built.window.place(position))


def read_of(operand: Array | float) -> Read:
    """Return what an operand is: the array that it is a view of, and the views."""
    if not isinstance(operand, Array):
        return Read(operand, None, ())
    views: list[View] = []
    root = operand
    while isinstance(root, View):
        if root.sizes != root.base.sizes or not root.shows_all:  # else it is the same along other axes
            views.append(root)
        root = root.base
    return Read(operand, root, tuple(views))


def present(array: Array | None) -> Array:
    """What is computed in a loop."""
    assert array is not None, "it is outside of it"
    return array


def shared_by(source: Source) -> set[Array]:
    """An operand that is one and the same array in each iteration."""
    first = source.reads[0].operand
    is_one = isinstance(source, Fixed) and all(read.operand is first for read in source.reads)
    return {first} if is_one and isinstance(first, Array) else set()


def begun_with(source: Source) -> set[Array]:
    """What the first iterations read of leaves, other than the parameters, in place of a state."""
    reads = source.reads[: source.ago] if isinstance(source, Taken) else ()
    return {
        read.operand
        for read in reads
        if isinstance(read.operand, Array) and isinstance(read.root, Leaf)
        if read.root.table is None and read.root.name != THETA
    }


def numbers_of(read: Read) -> Any:
    """The constants that are read."""
    assert isinstance(read.root, Leaf), "a table is a leaf"
    table: Any = read.root.table
    return table.ravel()[read.where()] if read.views else table


def is_apart(read: Read) -> bool:
    """Whether there is one view, which has no number twice: else parts that are put together would be added up."""
    return len(read.views) == 1 and len(set(in_a_row(read.where()))) == len(in_a_row(read.where()))


def in_a_row(index: Any) -> list[int]:
    """Return places as a list."""
    row: list[int] = [int(index)] if getattr(index, "ndim", 0) == 0 else index.ravel().tolist()
    return row


def is_part(first: Read, whole: Read, later: Read) -> bool:
    """Whether what is read of a state at first is that part of the whole which is read of it later."""
    if whole.root is None or whole.root is not first.root or {*map(len, (first.views, later.views))} != {1}:
        return whole.root is None and whole.identity == first.identity
    index: Any = later.where()
    expected: Any = whole.where().ravel()[index] if whole.views else index
    return in_a_row(first.where()) == in_a_row(expected)
