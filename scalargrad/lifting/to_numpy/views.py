"""How the arrays of a program are reached in numpy: by a name, or a view that gets a name once it is used."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..arrays.program import Array, Axis
from . import spelling
from .groups import Axes, axes_of, extent, shape_of
from .plan import Plan
from .text import Section, Text


class Views:
    """The expressions for arrays, and for views of them.

    Attributes:
        expressions: of each array that has been written: a name, or a view that has no name yet.
    """

    def __init__(self, plan: Plan, text: Text) -> None:
        self.plan = plan
        self.text = text
        self.expressions: dict[Array, str] = {}
        self._named: set[Array] = set()  # those whose own name stands for them, as they are or in another shape
        self._variants: dict[tuple[Array, str], str] = {}
        self._first: dict[str, Array] = {}  # the first view of given arrays for each expression
        self._given: dict[str, str] = {}  # names of views of given arrays, by their expressions

    def variant(self, array: Array, suffix: str = "") -> str:
        """Return the name of an array, or of a view of it, which is bound once where it can be."""
        expression = self.expressions[array]
        if not suffix and (expression.isidentifier() or array not in self.plan.aliases):
            return expression
        stored = self.plan.stored[array]
        if not (array.axes or array.batched) or any(self._has_no_buffer(one) for one in stored):
            return expression + suffix
        known = self._variants.get((array, suffix))
        if known is None:
            picked = _picked_further(expression, suffix)
            is_given = re.split(r"\W", picked)[0] in self.text.leaves
            known = self._given.get(picked) if is_given else None
            if known is None:
                first = self._first.setdefault(expression, array) if is_given else array
                known = self._named_variant(first, expression, suffix)
                section = Section.GIVEN if is_given else Section.VIEWS
                self.bind(known, picked, section, is_moving=array in self.plan.moving)
            if is_given:
                self._given[picked] = known
            self._variants[array, suffix] = known
        return known

    def _named_variant(self, array: Array, expression: str, suffix: str) -> str:
        is_first = not (expression.isidentifier() or array in self._named or suffix == ".T")
        if suffix != ".T":
            self._named.add(array)
        name = expression if expression.isidentifier() else self.text.names.of(array)
        return name if is_first else self.text.names.unused(f"{name}_{_purpose(suffix)}")

    def bind(self, name: str, text: str, section: Section = Section.VIEWS, *, is_moving: bool) -> str:
        """Bind a name to a view, once for each size of batch, or in each iteration of a loop; return the name."""
        if is_moving:
            self.text.run.append(f"{name} = {text}")
            return name
        return self.text.bind(name, text, section)

    def _has_no_buffer(self, array: Array) -> bool:
        """Whether an array is another one at each call: an argument, or a single number."""
        return array in self.plan.arguments or not (array.axes or array.batched)

    def aligned(self, operand: Array | float, axes: Sequence[Axis], batched: bool) -> str:
        """Return an operand such that numpy stretches it along those of the axes that it lacks."""
        if not isinstance(operand, Array):
            return spelling.literal(operand)
        present = [":" if axis in operand.axes else "None" for axis in axes]
        if batched:
            present.append(":" if operand.batched else "None")
        while present and present[0] == "None":
            del present[0]
        return self.variant(operand, f"[{', '.join(present)}]" if "None" in present else "")

    def flat(self, array: Array) -> str:
        """Return an array with its axes flattened into one."""
        if len(array.axes) < 2:
            return self.variant(array)
        return self.reshaped(array, f"{array.size}{', B' if array.batched else ''}")

    def reshaped(self, array: Array, shape: str) -> str:
        """Return an array in another shape; a copy, made in time, where no view is that."""
        if array in self.plan.aliases and array not in self.plan.unbroken:
            return self._copied(array, f".reshape({shape})")
        return self.variant(array, f".reshape({shape})")

    def matrix(self, array: Array, shared: Axes, first: Axes, second: Axes) -> str | None:
        """Return an array as a matrix of these axes, or as a stack of them; None where its axes do not lie so."""
        axes = axes_of(array)
        turned = bool(axes == [*shared, *second, *first] and first and second)
        if not turned and axes != [*shared, *first, *second]:
            return None
        parts = [part for part in ((shared, second, first) if turned else (shared, first, second)) if part]
        if turned and not shared and max(map(len, parts)) == 1:
            return self.variant(array, ".T").removesuffix(".T.T")
        expression = self.variant(array)
        if max(map(len, parts)) > 1:
            expression = self.reshaped(array, ", ".join(map(extent, parts)))
        if turned:
            expression += ".swapaxes(1, 2)" if shared else ".T"
        return expression

    def _copied(self, array: Array, reshape: str) -> str:
        """The name of a buffer with the numbers of a view side by side, in a shape that only such a buffer can have."""
        name = self.text.names.of(array, "copy")
        if (array, "copy") not in self._variants:
            self._variants[array, "copy"] = name
            self.text.bind_buffer(name, shape_of(array.axes, array.batched))
            self.text.run.append(f"np.copyto({name}, {self.variant(array)})")
        key = array, f"copy{reshape}"
        if key not in self._variants:
            self._variants[key] = self.text.bind_unused(f"{name}_matrix", f"{name}{reshape}", Section.VIEWS)
        return self._variants[key]


def _purpose(suffix: str) -> str:
    known = {"": "flat", ".T": "T", ".reshape(-1)": "row", "0]": "first", "1]": "second"}
    return known.get(suffix) or known.get(suffix[-2:]) or ("column" if "None" in suffix else "matrix")


def _picked_further(expression: str, suffix: str) -> str:
    """`w[:, 0][:, None]` as `w[:, 0, None]`, and `w.T.T` as `w`."""
    if suffix == ".T" and expression.endswith(".T"):
        return expression.removesuffix(".T")
    picked = re.fullmatch(r"(.*)\[(:, \d+)\]", expression)
    return f"{picked[1]}[{picked[2]}, None]" if picked and suffix == "[:, None]" else expression + suffix
