"""What stands where in a numpy program: the expressions for views of arrays, bound once where they can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..arrays.program import Apply, Array, Axis, Leaf, View
from ..names import Names
from . import spelling
from .layout import Block, block


class Views:
    """The arrays of a program as they are reached in numpy.

    Attributes:
        expressions: of what has been computed: a name, or a view that has no name yet.
        bound: the lines that are run once for each size of batch.
        leaves: the names of arrays beside the arguments, such as the parameters.
        namespace: tables and functions that the lines speak of.
        folded: the products that are never written out.
        turned: the arguments that are copied, so that their examples lie behind.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.leaves: list[str] = []
        self.namespace: dict[str, Any] = {}
        self.bound: list[str] = []
        self.expressions: dict[Array, str] = {}
        self.folded: set[Array] = set()
        self.turned: set[Array] = set()
        self._storage: dict[Array, list[Array]] = {}
        self._blocks: dict[Array, Block | None] = {}
        self._named: set[Array] = set()  # those whose name says something that they are, as they are or folded
        self._variants: dict[tuple[Array, str], str] = {}

    def is_alias(self, array: Array) -> bool:
        """Whether an array has no buffer of its own, but is a view of another."""
        if isinstance(array, View):
            return isinstance(array.places.index, int) or self.block_of(array) is not None
        return isinstance(array, Apply) and array.primitive.array == "{}"

    def storage(self, array: Array) -> list[Array]:
        """The arrays whose buffers are read when this one is."""
        if array not in self._storage:
            if array in self.folded:
                found = [stored for operand in array.arrays for stored in self.storage(operand)]
            else:
                found = self.storage(array.arrays[0]) if self.is_alias(array) else [array]
            self._storage[array] = found
        return self._storage[array]

    def is_plain(self, array: Array) -> bool:
        """Whether an array is its buffer as it is, seen under other axes at most."""
        if not self.is_alias(array):
            return not isinstance(array, Leaf)
        base = array.arrays[0]
        if isinstance(array, View):
            return array.sizes == base.sizes and array.shows_all and self.is_plain(base)
        return self.is_plain(base)

    def is_all_in_order(self, array: Array) -> bool:
        """Whether an array is all of a buffer, folded differently at most."""
        if not self.is_alias(array):
            return not isinstance(array, Leaf) or array in self.turned
        return (not isinstance(array, View) or array.shows_all) and self.is_all_in_order(array.arrays[0])

    def shape(self, array: Array) -> str:
        """The shape of an array's buffer, as text."""
        return shape_of(array.axes, array.batched)

    def block_of(self, view: View) -> Block | None:
        """How the places that a view shows lie in its base."""
        if view not in self._blocks:
            self._blocks[view] = block(view.places.index, view.base.size)
        return self._blocks[view]

    def is_argument(self, array: Array) -> bool:
        """Whether an array is an argument, which has its examples in front."""
        return isinstance(array, Leaf) and array.batched and array not in self.turned

    def of_argument(self, base: Array, index: int | None) -> str | None:
        """All numbers of an argument, or one of them, with the examples behind; None for what is no argument."""
        if not self.is_argument(base):
            return None
        return f"{self.expressions[base]}.T" if index is None else f"{self.expressions[base]}[:, {index}]"

    def flat(self, array: Array) -> str:
        """An array with its axes folded into one."""
        if len(array.axes) < 2:
            return self.bound_name(array)
        batch = ", B" if array.batched else ""
        return self.variant(array, f".reshape({array.size}{batch})")

    def bound_name(self, array: Array) -> str:
        """The name of an array as it is."""
        return self.variant(array, "")

    def variant(self, array: Array, suffix: str) -> str:
        """The name of an array, or of a view of it, which is bound once where it can be."""
        text = self.expressions[array]
        if not suffix and (text.isidentifier() or not self.is_alias(array)):
            return text
        stored = self.storage(array)
        if any(self.is_argument(one) for one in stored) or not (array.axes or array.batched) or self._is_scalar(stored):
            return text + suffix
        known = self._variants.get((array, suffix))
        if known is None:
            is_first = not (text.isidentifier() or array in self._named or suffix == ".T")
            if suffix != ".T":
                self._named.add(array)
            known = text if text.isidentifier() else self.names.of(array)
            if not is_first:
                known = self.names.unused(f"{known}_{_purpose(suffix)}")
            self._variants[array, suffix] = known
            self.bound.append(f"{known} = {_picked_further(text, suffix)}")
        return known

    def _is_scalar(self, stored: Sequence[Array]) -> bool:
        return any(not one.axes and not one.batched for one in stored)

    def aligned(self, operand: Array | float, axes: Sequence[Axis], batched: bool) -> str:
        """An operand such that numpy stretches it along the axes that it has not."""
        if not isinstance(operand, Array):
            return spelling.literal(operand)
        present = [":" if axis in operand.axes else "None" for axis in axes]
        if batched:
            present.append(":" if operand.batched else "None")
        while present and present[0] == "None":
            del present[0]
        return self.variant(operand, f"[{', '.join(present)}]" if "None" in present else "")

    def bindings(self) -> list[str]:
        """What is bound once, by what it is."""
        sections: dict[str, list[str]] = {
            "": [],
            "# what is given": [],
            "# room for what is computed; room that is free again gets a second name": [],
            "# the same, folded or in part": [],
            "# where numbers meet, for each example": [],
            "# places in the gradient": [],
        }
        for line in self.bound:
            bound_to = line.partition(" = ")[2]
            of = re.split(r"\W", bound_to)[0]
            is_room = bound_to.startswith(("np.empty", "np.zeros", "np.ones", "np.full")) or bound_to.isidentifier()
            are_places = bound_to.startswith("np.add.outer")
            kinds = [
                bound_to == "1 / B",
                of in self.leaves,
                is_room,
                of != "gradient" and not are_places,
                are_places,
                True,
            ]
            list(sections.values())[kinds.index(True)].append(line)
        lines: list[str] = []
        for heading, section in sections.items():
            if section:
                lines += [*([""] if lines else []), *([heading] if heading else []), *section]
        return lines


def shape_of(axes: Sequence[Axis], batched: bool) -> str:
    """Return the shape of a buffer with these axes, and with the batch behind them, as text."""
    sizes = [*(str(axis.size) for axis in axes), *(["B"] if batched else [])]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def _purpose(suffix: str) -> str:
    known = {"": "flat", ".T": "T", ".reshape(-1)": "row", "0]": "first", "1]": "second"}
    return known.get(suffix) or known.get(suffix[-2:]) or ("column" if "None" in suffix else "matrix")


def _picked_further(text: str, suffix: str) -> str:
    """`w[:, 0][:, None]` as `w[:, 0, None]`."""
    picked = re.fullmatch(r"(.*)\[(:, \d+)\]", text)
    return f"{picked[1]}[{picked[2]}, None]" if picked and suffix == "[:, None]" else text + suffix
