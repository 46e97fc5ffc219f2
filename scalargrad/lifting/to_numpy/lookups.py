"""Looking up in tables with numpy, and the reverse: adding numbers up in the places where they were looked up."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..arrays.program import Array, Gather, Leaf, Piece, Places, Scatter, View
from .assemblies import Assemblies
from .buffers import Buffers
from .groups import BATCH, Axes, axes_of, shape_of
from .plan import Plan
from .text import Section, Text
from .views import Views


@dataclass(frozen=True, slots=True)
class Lookups:
    """Writes gathers and scatters: their time does not depend on the table, but for the zeros of a scatter."""

    plan: Plan
    text: Text
    views: Views
    buffers: Buffers
    assemblies: Assemblies
    _integers: dict[Array, str] = field(default_factory=dict)
    _bound: dict[str, str] = field(default_factory=dict)

    def write_gather(self, gather: Gather) -> None:
        """Write a look-up: of whole rows where all examples share the table, else number by number."""
        table, index = gather.table, gather.index
        integers = self._as_integers(index)
        expression = self.views.variant(table)
        out = self.buffers.taken(gather)
        if table.batched or set(table.axes) & set(index.axes):
            coordinates = ", ".join(self._coordinate(gather, axis, integers) for axis in axes_of(table))
            self.text.run.append(f"np.copyto({out}, {expression}[{coordinates}])")
            return
        at = table.axes.index(gather.along)
        axes: Axes = [*table.axes[:at], *axes_of(index), *table.axes[at + 1 :]]
        order = [axes.index(axis) for axis in axes_of(gather)]
        taken = f'np.take({expression}, {integers}, axis={at}, mode="clip"'  # they have been checked
        if order == sorted(order):
            self.text.run.append(f"{taken}, out={out})")
        else:
            turned = ".T" if order == [1, 0] else f".transpose({', '.join(map(str, order))})"
            self.text.run.append(f"np.copyto({out}, {taken}){turned})")

    def write_scatter(self, scatter: Scatter) -> None:
        """Write what adds numbers up in a table of zeros."""
        name = self.buffers.taken(scatter)
        row = name if len(axes_of(scatter)) == 1 else f"{name}.reshape(-1)"
        self.text.run.append(f"{name}.fill(0)")
        for numbers, gather in zip(scatter.numbers, scatter.gathers, strict=True):
            places = self._places(gather, scatter)
            values = self.assemblies.row_of(Piece(numbers, gather.axes, Places(0)), gather.batched)
            self.text.run.append(f"np.add.at({row}, {places}, {values})")

    def _as_integers(self, index: Array) -> str:
        """The name of a buffer with the indices as integers, which is filled before its first use."""
        if index not in self._integers:
            base = index.base if isinstance(index, View) else index
            stem = base.name if isinstance(base, Leaf) else "entry"
            name = self._integers[index] = self.text.names.unused(f"{stem}_index")
            self.text.bind(
                name, self.text.new(shape_of(index.axes, index.batched), dtype_argument=", int"), Section.BUFFERS
            )
            source = self.views.aligned(index, index.axes, index.batched)
            self.text.run.append(f'np.copyto({name}, {source}, casting="unsafe")')
        return self._integers[index]

    def _coordinate(self, gather: Gather, axis: object, integers: str) -> str:
        """Where along an axis of the table each number of a gather lies."""
        result = axes_of(gather)
        if axis is gather.along:
            return integers + _aligned(axes_of(gather.index), result)
        size = "B" if axis == BATCH else str(axis.size)  # type: ignore[attr-defined]  # else it is an Axis
        return self._fixed(f"np.arange({size}){_aligned([axis], result)}", "along")  # type: ignore[list-item]

    def _places(self, gather: Gather, scatter: Scatter) -> str:
        """The places of the numbers of a gather in the table as a row."""
        integers, result = self._as_integers(gather.index), axes_of(gather)
        factor, moving = "", ""
        fixed: list[str] = []
        for axis in reversed(axes_of(scatter)):
            if axis is gather.along:
                moving = integers + _aligned(axes_of(gather.index), result) + factor
            else:
                size = "B" if axis == BATCH else str(axis.size)
                fixed.insert(0, f"np.arange({size}){_aligned([axis], result)}{factor}")
            factor += " * B" if axis == BATCH else f" * {axis.size}"
        whole = " + ".join([moving, *([self._fixed(" + ".join(fixed), "places")] if fixed else [])])
        return whole if len(result) == 1 else f"({whole}).reshape(-1)"

    def _fixed(self, text: str, stem: str) -> str:
        if text not in self._bound:
            self._bound[text] = self.text.bind_unused(stem, text, Section.MEETING)
        return self._bound[text]


def _aligned(own: Axes, wanted: Axes) -> str:
    """What makes numbers along some axes stretch along the others, as text."""
    present = [":" if axis in own else "None" for axis in wanted]
    while present and present[0] == "None":
        del present[0]
    return f"[{', '.join(present)}]" if "None" in present else ""
