"""An array program written out for numpy, as a person would write it who wants it fast.

Parameters, buffers and all views of them are bound once, for each size of batch; what runs for each
batch is the arithmetic alone, into buffers that are used again as soon as they are free. Numbers
of different examples lie side by side in the last axis.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any

import numpy as np

from .. import primitives as p
from ..declaration import Primitive
from .arrays import Array, Axis, needed
from .differentiate import Piece, pieces_of
from .layout import Block, block
from .naming import Names
from .source import Source


def write(
    function: str,
    arguments: Sequence[str],
    results: Sequence[Array | float],
    gradient: Array | float | None,
    size: int,
    names: Names,
    summary: str,
) -> Source:
    """Return the source of a program that returns the results and fills a buffer of that size with the gradient."""
    return _Writer(function, arguments, results, gradient, size, names, summary).source()


class _Writer:
    def __init__(
        self,
        function: str,
        arguments: Sequence[str],
        results: Sequence[Array | float],
        gradient: Array | float | None,
        size: int,
        names: Names,
        summary: str,
    ) -> None:
        self.function, self.arguments, self.summary, self.names = function, arguments, summary, names
        self.leaves: list[str] = []  # the arrays beside the arguments, such as the parameters
        self.results = results
        self.gradient_size = size
        self.namespace: dict[str, Any] = {}
        self.bound: list[str] = []
        self.run: list[str] = []
        self.expressions: dict[Array, str] = {}  # of what has been computed: a name, or a view not bound yet
        self.blocks: dict[Array, Block | None] = {}
        self.variants: dict[tuple[Array, str], str] = {}
        self.pieces = pieces_of(gradient)
        self.order = needed([*results, *(piece.array for piece in self.pieces)])
        self.users = self._users()
        self.kept = {array for array in [*results, *(piece.array for piece in self.pieces)] if isinstance(array, Array)}
        self.folded = self._folded_products()
        self.direct = self._written_at_once()
        self.places = {array: place for place, array in enumerate(self.order)}
        self.last_use = self._last_uses()
        self.free: dict[tuple[str, str], list[str]] = {}
        self.holding: dict[str, tuple[int, tuple[str, str]]] = {}  # buffers in use: until when, and their kind

    # ---------------------------------------------------------------- what is written where

    def _users(self) -> dict[Array, list[Array]]:
        users: dict[Array, list[Array]] = {array: [] for array in self.order}
        for array in self.order:
            for operand in array.arrays:
                users[operand].append(array)
        return users

    def _folded_products(self) -> set[Array]:
        """The products that are never written out: each of their users sums them up, as a matrix product does."""
        return {
            array
            for array in self.order
            if array.kind == "apply"
            and array.detail is p.multiply
            and len(array.arrays) == 2
            and array not in self.kept
            and self.users[array]
            and all(user.kind == "reduce" and user.detail[0] is p.add for user in self.users[array])
        }

    def _is_alias(self, array: Array) -> bool:
        if array.kind == "view":
            return isinstance(array.detail.index, int) or self._block(array) is not None
        return array.kind == "apply" and _template(array.detail) == "{}"

    def _storage(self, array: Array) -> list[Array]:
        """The arrays whose buffers are read when this one is."""
        if array in self.folded:
            return [stored for operand in array.arrays for stored in self._storage(operand)]
        return self._storage(array.arrays[0]) if self._is_alias(array) else [array]

    def _last_uses(self) -> dict[Array, int]:
        last = dict(self.places)
        for place, array in enumerate(self.order):
            for operand in array.arrays:
                for stored in self._storage(operand):
                    last[stored] = max(last[stored], place)
        for array in self.kept - self.direct.keys():
            for stored in self._storage(array):
                last[stored] = len(self.order)
        return last

    def source(self) -> Source:
        for array in self.order:
            self._comment(array)
            self._write(array)
            self._release(self.places[array])
        self._write_gradient()
        returned = ", ".join(self._aligned(result, (), False) for result in self.results)
        arguments = ", ".join(self.arguments)
        lines = [
            f'"""{self.summary}"""',
            "",
            "import numpy as np",
            "",
            "",
            f"def bind({', '.join([*self.leaves, 'gradient', 'B'])}):",
            *(f"    {line}" if line else "" for line in self._arranged_bindings()),
            "",
            f"    def {self.function}({arguments}):",
            *(f"        {line}" if line else "" for line in self.run),
            f"        return {returned}",
            "",
            f"    return {self.function}",
            "",
        ]
        return Source("\n".join(lines), self.namespace, tuple(self.leaves))

    def _arranged_bindings(self) -> list[str]:
        """What is bound once, by what it is."""
        sections: dict[str, list[str]] = {
            "": [],
            "# what is given": [],
            "# room for what is computed; room that is free again gets a second name": [],
            "# the same, folded or in part": [],
            "# places in the gradient": [],
        }
        for line in self.bound:
            bound_to = line.partition(" = ")[2]
            of = re.split(r"\W", bound_to)[0]
            is_room = bound_to.startswith(("np.empty", "np.zeros")) or bound_to.isidentifier()
            kinds = [bound_to == "1 / B", of in self.leaves, is_room, of != "gradient", True]
            list(sections.values())[kinds.index(True)].append(line)
        lines: list[str] = []
        for heading, section in sections.items():
            if section:
                lines += [*([""] if lines else []), *([heading] if heading else []), *section]
        return lines

    def _comment(self, array: Array) -> None:
        comment = self.names.comment(array)
        if comment is not None:
            self.run += [*([""] if self.run else []), f"# {comment}"]

    def _write(self, array: Array) -> None:
        if array.kind == "leaf":
            self._write_leaf(array)
        elif array in self.folded:
            return
        elif array.kind == "view":
            self._write_view(array)
        elif array.kind == "apply":
            self._write_operation(array)
        elif array.kind == "assemble":
            self._write_assembly(array)
        elif array.arrays[0] in self.folded:
            self._write_contraction(array)
        else:
            primitive, along, batch = array.detail
            operand = array.arrays[0]
            self._write_fold(array, f"np.{_ufunc(primitive)}.reduce", operand, [*along, *([None] if batch else [])])

    def _write_leaf(self, array: Array) -> None:
        if isinstance(array.detail, np.ndarray):
            name = self.names.of(array)
            self.namespace[name] = array.detail
            self.expressions[array] = name
        elif array.detail == "share":
            self.expressions[array] = "share"
            self.bound.append("share = 1 / B")
        elif array.detail == "count":
            self.expressions[array] = "B"
        else:
            self.expressions[array] = array.detail
            if not array.batched:
                self.leaves.append(array.detail)

    # ---------------------------------------------------------------- buffers

    def _target(self, array: Array, kind: str = "") -> str:
        """The name of a buffer for an array: the gradient's own place, one that is free, or a new one."""
        continued = self.names.continued(array)
        shape = (self._shape(array), kind)
        waiting = self.free.get(shape, [])
        if continued is not None and self.expressions.get(continued) in waiting:
            name = self.expressions[continued]
            waiting.remove(name)
            self.holding[name] = (self.last_use[array], shape)
            return name
        name = self.names.of(array)
        if array in self.direct:
            self.bound.append(
                f"{name} = {self._picked('gradient', self.direct[array], False, False, self.gradient_size)}"
            )
            return name
        if waiting:
            self.bound.append(f"{name} = {waiting.pop()}")
        else:
            self.bound.append(f"{name} = np.empty({shape[0]}{kind})")
        self.holding[name] = (self.last_use[array], shape)
        return name

    def _release(self, place: int) -> None:
        for name, (until, shape) in list(self.holding.items()):
            if until <= place:
                self.free.setdefault(shape, []).append(name)
                del self.holding[name]

    def _release_operands(self, array: Array) -> None:
        """Let the result of an operation, number by number, take the place of an operand that is not read again."""
        place = self.places[array]
        aligned = {
            self.expressions[stored]
            for operand in array.arrays
            if operand not in self.folded and self._is_plain(operand)
            for stored in self._storage(operand)
        }
        read = [self.expressions[stored] for operand in array.arrays for stored in self._storage(operand)]
        for name in sorted(aligned):
            until, shape = self.holding.get(name, (place + 1, ("", "")))
            if until == place and self._shapes_agree(array, shape, read, name):
                self.free.setdefault(shape, []).append(name)
                del self.holding[name]

    def _shapes_agree(self, array: Array, shape: tuple[str, str], read: Sequence[str], name: str) -> bool:
        return shape == (self._shape(array), "") and read.count(name) == sum(
            self.expressions[stored] == name
            for operand in array.arrays
            if self._is_plain(operand)
            for stored in self._storage(operand)
        )

    def _is_plain(self, array: Array) -> bool:
        """Whether an array is its buffer as it is, seen under other axes at most."""
        if not self._is_alias(array):
            return array.kind != "leaf"
        base = array.arrays[0]
        if array.kind == "view":
            sizes = [[axis.size for axis in one.axes] for one in (array, base)]
            return sizes[0] == sizes[1] and array.detail.are_all(base.size) and self._is_plain(base)
        return self._is_plain(base)

    def _is_all_in_order(self, array: Array) -> bool:
        """Whether an array is all of a buffer, folded differently at most."""
        if not self._is_alias(array):
            return array.kind != "leaf"
        base = array.arrays[0]
        return (array.kind != "view" or array.detail.are_all(base.size)) and self._is_all_in_order(base)

    def _shape(self, array: Array) -> str:
        sizes = [str(axis.size) for axis in array.axes] + (["B"] if array.batched else [])
        return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"

    # ---------------------------------------------------------------- views

    def _block(self, view: Array) -> Block | None:
        if view not in self.blocks:
            self.blocks[view] = block(view.detail.index, view.arrays[0].size)
        return self.blocks[view]

    def _write_view(self, array: Array) -> None:
        base = array.arrays[0]
        index = array.detail.index
        flat = self._flat(base)
        if isinstance(index, int):
            at = "" if base.size == 1 and not base.axes else f"[{index}]"
            self.expressions[array] = self._of_argument(base, index) or f"{flat}{at}"
            return
        found = self._block(array)
        if found is not None:
            self.expressions[array] = self._picked(flat, found, base.batched, self._is_argument(base), base.size)
            return
        places = self.names.of(array, "places")
        self.namespace[places] = index
        name = self._target(array)
        source = self._of_argument(base, None) or flat
        self.run.append(f'np.take({source}, {places}, axis=0, out={name}, mode="clip")')
        self.expressions[array] = name

    def _is_argument(self, array: Array) -> bool:
        return array.kind == "leaf" and array.batched

    def _of_argument(self, base: Array, index: int | None) -> str | None:
        if not self._is_argument(base):
            return None
        return f"{self.expressions[base]}.T" if index is None else f"{self.expressions[base]}[:, {index}]"

    def _flat(self, array: Array) -> str:
        """An array with its axes folded into one."""
        if len(array.axes) < 2:
            return self._bound_name(array)
        batch = ", B" if array.batched else ""
        return self._variant(array, f".reshape({array.size}{batch})")

    def _picked(self, base: str, found: Block, batched: bool, is_argument: bool, size: int = -1) -> str:
        """The expression that picks a block; an argument has its examples in front, all else behind."""
        sliced = (found.start, found.stop) != (0, size)
        folded = len(found.extents) > 1
        extents = [str(extent) for extent in found.extents]
        parts = [_part(part, extent) for part, extent in zip(found.parts, found.extents, strict=True)]
        while parts and parts[-1] == ":":
            parts.pop()
        picked = [part for part in found.parts if isinstance(part, slice)]
        order = list(found.order)
        if is_argument:
            text = base + (f"[:, {found.start}:{found.stop}]" if sliced else "")
            text += f".reshape(B, {', '.join(extents)})" if folded else ""
            text += f"[:, {', '.join(parts)}]" if parts else ""
            axes = [1 + axis for axis in order] + [0]
            return text + (".T" if axes == [1, 0] else f".transpose({', '.join(map(str, axes))})")
        text = base + (f"[{found.start}:{found.stop}]" if sliced else "")
        text += f".reshape({', '.join([*extents, *(['B'] if batched else [])])})" if folded else ""
        text += f"[{', '.join(parts)}]" if parts else ""
        if order != list(range(len(picked))):
            axes = [*order, *([len(order)] if batched else [])]
            text += ".T" if axes == [1, 0] else f".transpose({', '.join(map(str, axes))})"
        return text

    def _bound_name(self, array: Array) -> str:
        return self._variant(array, "")

    def _variant(self, array: Array, suffix: str) -> str:
        """The name of an array, or of a view of it, which is bound once where it can be."""
        text = self.expressions[array]
        if not suffix and (text.isidentifier() or not self._is_alias(array)):
            return text
        stored = self._storage(array)
        if (
            any(self._is_argument(one) for one in stored)
            or not (array.axes or array.batched)
            or self._is_scalar(stored)
        ):
            return text + suffix
        known = self.variants.get((array, suffix))
        if known is None:
            is_first = not text.isidentifier() and not any(of is array for of, _ in self.variants)
            known = text if text.isidentifier() else self.names.of(array)
            if not is_first:
                known = self.names.unused(f"{known}_{_purpose(suffix)}")
            self.variants[array, suffix] = known
            self.bound.append(f"{known} = {_picked_further(text, suffix)}")
        return known

    def _is_scalar(self, stored: Sequence[Array]) -> bool:
        return any(not one.axes and not one.batched for one in stored)

    def _aligned(self, operand: Array | float, axes: Sequence[Axis], batched: bool) -> str:
        """An operand such that numpy stretches it along the axes that it has not."""
        if not isinstance(operand, Array):
            return _literal(operand)
        present = [":" if axis in operand.axes else "None" for axis in axes]
        if batched:
            present.append(":" if operand.batched else "None")
        while present and present[0] == "None":
            del present[0]
        return self._variant(operand, f"[{', '.join(present)}]" if "None" in present else "")

    # ---------------------------------------------------------------- operations

    def _write_operation(self, array: Array) -> None:
        template = _template(array.detail)
        if template == "{}":
            self.expressions[array] = self._bound_name(array.arrays[0])
            return
        operands = [self._aligned(operand, array.axes, array.batched) for operand in array.operands]
        expression = _expression(array.detail)
        if array.detail.array is None:  # element by element
            self.namespace[array.detail.name] = np.vectorize(array.detail.value, otypes=[float])
        if not array.axes and not array.batched:
            name = self.expressions[array] = self.names.of(array)
            self.run.append(f"{name} = {_text(expression, operands)}")
            return
        is_mask = self._is_mask(array, expression)
        if not is_mask and not _reads_late(expression):
            self._release_operands(array)
        name = self.expressions[array] = self._target(array, ", bool" if is_mask else "")
        if isinstance(expression, ast.BinOp) and isinstance(expression.left, ast.Compare):
            expression = expression.left  # a comparison, written into floats or a mask, is the number 1 or 0
        self.run += _steps(expression, operands, name)

    def _is_mask(self, array: Array, expression: ast.expr) -> bool:
        """Whether a comparison that is a number, 1 or 0, is wanted as a factor alone."""
        return (
            isinstance(expression, ast.BinOp)
            and isinstance(expression.left, ast.Compare)
            and array not in self.kept
            and all(
                user.kind == "apply" and user.detail is p.multiply and user not in self.folded
                for user in self.users[array]
            )
        )

    def _write_fold(self, array: Array, fold: str, operand: Array, along: Sequence[Axis | None]) -> None:
        axes: list[Axis | None] = [*operand.axes, *([None] if operand.batched else [])]
        positions = [axes.index(axis) for axis in along]
        source = self._bound_name(operand)
        if not array.axes and not array.batched:
            name = self.expressions[array] = self.names.of(array)
            self.run.append(f"{name} = {fold}({source}{', axis=None' if len(axes) > 1 else ''})")
            return
        name = self.expressions[array] = self._target(array)
        axis = positions[0] if len(positions) == 1 else tuple(positions)
        self.run.append(f"{fold}({source}, axis={axis}, out={name})")

    # ---------------------------------------------------------------- matrix products

    def _write_contraction(self, array: Array) -> None:
        x, y = array.arrays[0].arrays
        groups = _Groups(array, x, y)
        is_product = not groups.lone and BATCH not in groups.shared
        is_product &= not groups.shared or bool(groups.rows and groups.columns)
        if not is_product or not self._as_matrices(array, x, y, groups):
            self._write_sum_of_products(array, x, y)

    def _as_matrices(self, array: Array, x: Array, y: Array, groups: _Groups) -> bool:
        """Write a contraction as a matrix product, if the axes lie so that it is one."""
        shared, rows, along, columns = groups.shared, groups.rows, groups.along, groups.columns
        result = _axes(array)
        if result == [*shared, *rows, *columns]:
            left, right = self._matrix(x, shared, rows, along), self._matrix(y, shared, along, columns)
        elif result == [*shared, *columns, *rows]:
            left, right = self._matrix(y, shared, columns, along), self._matrix(x, shared, along, rows)
            rows, columns = columns, rows
        else:
            return False
        if left is None or right is None:
            return False
        if not result:
            name = self.expressions[array] = self.names.of(array)
            self.run.append(f"{name} = np.dot({left}, {right})")
            return True
        name = self.expressions[array] = self._target(array)
        out = name
        if max(len(shared), len(rows), len(columns)) > 1:
            out = self._variant(
                array, f".reshape({', '.join(_extent(part) for part in (shared, rows, columns) if part)})"
            )
        self.run.append(f"np.matmul({left}, {right}, out={out})")
        return True

    def _matrix(self, array: Array, shared: Axes, first: Axes, second: Axes) -> str | None:
        """An operand as a matrix, or a stack of them; None where its axes do not lie so."""
        axes = _axes(array)
        turned = bool(axes == [*shared, *second, *first] and first and second)
        if not turned and axes != [*shared, *first, *second]:
            return None
        parts = [part for part in ((shared, second, first) if turned else (shared, first, second)) if part]
        text = self._bound_name(array)
        if max(map(len, parts)) > 1:
            if self._is_alias(array) and not self._is_all_in_order(array):
                text = self._copied(array)
                self.bound.append(f"{text}_matrix = {text}.reshape({', '.join(map(_extent, parts))})")
                text = f"{text}_matrix"
            else:
                text = self._variant(array, f".reshape({', '.join(map(_extent, parts))})")
        if turned:
            text += ".swapaxes(1, 2)" if shared else ".T"
        return text.removesuffix(".T.T")

    def _copied(self, array: Array) -> str:
        """The name of a buffer with the numbers of a view side by side, as a reshape needs them."""
        name = self.names.of(array, "copy")
        if (array, "copy") not in self.variants:
            self.variants[array, "copy"] = name
            self.bound.append(f"{name} = np.empty({self._shape(array)})")
            self.run.append(f"np.copyto({name}, {self._bound_name(array)})")
        return name

    def _write_sum_of_products(self, array: Array, x: Array, y: Array) -> None:
        letters = dict(zip(dict.fromkeys(_axes(x) + _axes(y)), "ijklmnopqrst", strict=False))
        letters[BATCH] = "b"
        x_letters, y_letters, letters_out = ("".join(letters[axis] for axis in _axes(one)) for one in (x, y, array))
        call = f'np.einsum("{x_letters},{y_letters}->{letters_out}", {self._bound_name(x)}, {self._bound_name(y)}'
        if not array.axes and not array.batched:
            name = self.expressions[array] = self.names.of(array)
            self.run.append(f"{name} = {call})")
            return
        name = self.expressions[array] = self._target(array)
        self.run.append(f"{call}, out={name})")

    # ---------------------------------------------------------------- assembling

    def _written_at_once(self) -> dict[Array, Block]:
        """The parts of the gradient that are computed right where they belong, with their places there."""
        found: dict[Array, Block] = {}
        covered = np.zeros(self.gradient_size, bool)
        for piece in self.pieces:
            index = _index(piece, self.gradient_size)
            lies = block(index, self.gradient_size) if isinstance(index, np.ndarray) else None
            array = piece.array
            if (
                isinstance(array, Array)
                and lies is not None
                and not covered[index].any()
                and array.axes == piece.axes
                and array not in found
                and not self.users[array]
                and not self._is_alias(array)
                and array.kind in ("apply", "reduce")
                and (array.kind == "apply" or _Groups.fit_a_view(array))
                and not any(array is result for result in self.results)
            ):
                found[array] = lies
            covered[index] = True
        return found

    def _write_assembly(self, array: Array) -> None:
        pieces = [
            Piece(piece, along, places) for (places, along), piece in zip(array.detail, array.operands, strict=True)
        ]
        plan = _Plan(pieces, array.size)
        if plan.leaves_gaps and not plan.adds_to_gaps:  # nobody else may write here: the gaps stay as they are
            name = self.names.of(array)
            self.bound.append(f"{name} = np.zeros({self._shape(array)})")
        else:
            name = self._target(array)
        self.expressions[array] = name
        self._fill(self._flat(array), plan, array.size, array.batched)

    def _write_gradient(self) -> None:
        plan = _Plan(self.pieces, self.gradient_size)
        self._fill("gradient", plan, self.gradient_size, batched=False)

    def _fill(self, base: str, plan: _Plan, size: int, batched: bool) -> None:
        """Write the pieces into their places of the base, and add them where something is already."""
        if plan.adds_to_gaps:
            self.run.insert(0 if base == "gradient" else len(self.run), f"{base}.fill(0)")
        for piece, is_fresh, is_once in plan.steps:
            if base != "gradient" or piece.array not in self.direct:
                self.run += self._put(base, piece, _index(piece, size), size, batched, is_fresh and is_once, is_once)

    def _put(self, base: str, piece: Piece, index: Any, size: int, batched: bool, fresh: bool, once: bool) -> list[str]:
        value = self._aligned(piece.array, piece.axes, batched)
        if isinstance(index, int):
            return [f"{base}[{index}] {'=' if fresh else '+='} {value}"]
        lies = block(index, size)
        if lies is not None:
            target = self._named_target(self._picked(base, lies, batched, False, size), piece)
            return [f"np.copyto({target}, {value})" if fresh else f"np.add({target}, {value}, out={target})"]
        places = self._names_of(piece, "places")
        self.namespace[places] = index
        if once:
            return [f"{base}[{places}] {'=' if fresh else '+='} {value}"]
        return self._scattered(base, places, piece, index, batched)

    def _scattered(self, base: str, places: str, piece: Piece, index: Any, batched: bool) -> list[str]:
        """Add a piece of which several numbers go into one place: in a loop over an axis along which none meet."""
        apart = _axis_without_repeats(index)
        array, axes = piece.array, piece.axes
        lacking: tuple[Axis, ...] = tuple(
            axis for axis in axes if not isinstance(array, Array) or axis not in array.axes
        )
        if (
            apart is None
            or not isinstance(array, Array)
            or array.batched != batched
            or lacking not in ((), axes[apart : apart + 1])
        ):
            return [f"np.add.at({base}, {places}, {self._aligned(array, axes, batched)})"]
        self.namespace[places] = np.swapaxes(index, 0, apart)
        rest = [axis for at, axis in enumerate(axes) if at != apart]
        if lacking:
            value = self._aligned(array, rest, batched)
        else:
            value = f"{self._variant(array, f'.swapaxes(0, {apart})' if apart else '')}[i]"
        return [f"for i in range({index.shape[apart]}):", f"    {base}[{places}[i]] += {value}"]

    def _names_of(self, piece: Piece, purpose: str) -> str:
        stem = self.names.of(piece.array) if isinstance(piece.array, Array) else "constant"
        return self.names.unused(f"{stem}_{purpose}")

    def _named_target(self, text: str, piece: Piece) -> str:
        if text.isidentifier():
            return text
        name = self._names_of(piece, "place")
        self.bound.append(f"{name} = {text}")
        return name


class _Plan:
    """In which order pieces go into an array: which find their places empty, and whether any is added to a gap."""

    def __init__(self, pieces: Sequence[Piece], size: int) -> None:
        covered = np.zeros(size, bool)
        self.steps: list[tuple[Piece, bool, bool]] = []
        self.adds_to_gaps = False
        for piece in pieces:
            index = _index(piece, size)
            is_fresh = not covered[index].any()
            is_once = np.unique(index).size == np.size(index)
            self.steps.append((piece, is_fresh, is_once))
            if not (is_fresh and is_once) and not covered[index].all():
                self.adds_to_gaps = True
            covered[index] = True
        self.leaves_gaps = not covered.all()


def _axis_without_repeats(index: Any) -> int | None:
    """The shortest axis such that no place comes twice among those that have the same position along it."""
    for axis in sorted(range(index.ndim), key=lambda axis: index.shape[axis]):
        slices = np.sort(np.moveaxis(index, axis, 0).reshape(index.shape[axis], -1), axis=1)
        if (np.diff(slices, axis=1) > 0).all():
            return axis
    return None


# ---------------------------------------------------------------- axes of matrix products

BATCH = "batch"
Axes = list[Any]


def _axes(array: Array) -> Axes:
    return [*array.axes, *([BATCH] if array.batched else [])]


class _Groups:
    """The axes of a sum of products: of both factors and the result, of one and the result, of the factors alone."""

    def __init__(self, result: Array, x: Array, y: Array) -> None:
        in_x, in_y, in_result = _axes(x), _axes(y), _axes(result)
        self.shared = [axis for axis in in_x if axis in in_y and axis in in_result]
        self.rows = [axis for axis in in_x if axis not in in_y and axis in in_result]
        self.columns = [axis for axis in in_y if axis not in in_x and axis in in_result]
        self.along = [axis for axis in in_x if axis in in_y and axis not in in_result]
        self.lone = [axis for axis in in_x + in_y if (axis in in_x) != (axis in in_y) and axis not in in_result]

    @classmethod
    def fit_a_view(cls, array: Array) -> bool:
        """Whether a reduction can be written into any view: no axes have to be folded for it."""
        product = array.arrays[0]
        if product.kind != "apply" or product.detail is not p.multiply or len(product.arrays) != 2:
            return True
        groups = cls(array, *product.arrays)
        return max(len(groups.shared), len(groups.rows), len(groups.columns)) <= 1


def _index(piece: Piece, size: int) -> Any:
    if piece.places is not None:
        return piece.places.index
    return np.arange(size) if size > 1 else 0


def _extent(axes: Axes) -> str:
    size = 1
    for axis in axes:
        if axis != BATCH:
            size *= axis.size
    if BATCH not in axes:
        return str(size)
    return "B" if size == 1 else f"{size} * B"


def _part(part: slice | int, extent: int) -> str:
    if isinstance(part, int):
        return str(part)
    start = "" if part.start == 0 else str(part.start)
    stop = "" if part.stop == extent else str(part.stop)
    return f"{start}:{stop}"


def _purpose(suffix: str) -> str:
    return "column" if "None" in suffix else "matrix" if suffix else "flat"


def _picked_further(text: str, suffix: str) -> str:
    """`w[:, 0][:, None]` as `w[:, 0, None]`."""
    picked = re.fullmatch(r"(.*)\[(:, \d+)\]", text)
    return f"{picked[1]}[{picked[2]}, None]" if picked and suffix == "[:, None]" else text + suffix


# ---------------------------------------------------------------- the primitives' array spelling


def _template(primitive: Primitive) -> str:
    return primitive.array or f"{primitive.name}({', '.join('{}' for _ in range(primitive.arity))})"


@lru_cache(maxsize=256)
def _expression(primitive: Primitive) -> ast.expr:
    """The array spelling with numpy's names, and operands named x0, x1, …."""
    operands = [f"x{i}" for i in range(primitive.arity)]
    written = ast.parse(_template(primitive).format(*operands), mode="eval").body
    known = {*operands, primitive.name} if primitive.array is None else set(operands)
    spelled: ast.expr = _InNumpy(primitive, known).visit(written)
    return spelled


class _InNumpy(ast.NodeTransformer):
    def __init__(self, primitive: Primitive, known: set[str]) -> None:
        self.primitive, self.known = primitive, known

    def visit_Name(self, name: ast.Name) -> ast.expr:
        if name.id in self.known:
            return name
        if not hasattr(np, name.id):
            raise TypeError(f"the array spelling of {self.primitive.name} has {name.id}, which numpy has not")
        return ast.Attribute(ast.Name("np"), name.id)


_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.USub: "negative",
    ast.Gt: "greater",
}


def _ufunc(primitive: Primitive) -> str:
    """The name of the numpy function that a primitive of two operands is."""
    written = ast.parse(_template(primitive).format("x0", "x1"), mode="eval").body
    return (
        written.func.id if isinstance(written, ast.Call) and isinstance(written.func, ast.Name) else _call(written)[0]
    )


def _call(expression: ast.expr) -> tuple[str, list[ast.expr]]:
    """An expression as a numpy function that writes into a given array, and its arguments; "" where it is none."""
    if isinstance(expression, ast.BinOp):
        return _OPERATORS.get(type(expression.op), ""), [expression.left, expression.right]
    if isinstance(expression, ast.UnaryOp):
        return _OPERATORS.get(type(expression.op), ""), [expression.operand]
    if isinstance(expression, ast.Compare):
        return _OPERATORS.get(type(expression.ops[0]), ""), [expression.left, expression.comparators[0]]
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
        name = expression.func.attr
        return (name, expression.args) if isinstance(getattr(np, name), np.ufunc) else ("", [])
    return "", []


def _steps(expression: ast.expr, operands: Sequence[str], out: str) -> list[str]:
    """The lines that compute an expression into `out`, one numpy function each."""
    function, arguments = _call(expression)
    inner = [argument for argument in arguments if not isinstance(argument, ast.Name | ast.Constant)]
    beside = {operands[int(argument.id[1:])] for argument in arguments if isinstance(argument, ast.Name)}
    if not function or len(inner) > 1 or (inner and out in beside):
        return [f"np.copyto({out}, {_text(expression, operands)})"]
    lines = _steps(inner[0], operands, out) if inner else []
    texts = [out if argument in inner else _text(argument, operands) for argument in arguments]
    return [*lines, f"np.{function}({', '.join(texts)}, out={out})"]


def _reads_late(expression: ast.expr) -> bool:
    """Whether an operand is read in a step after the first, when the place of the result has been written to."""
    _, arguments = _call(expression)
    inner = [argument for argument in arguments if not isinstance(argument, ast.Name | ast.Constant)]
    beside = any(isinstance(argument, ast.Name) for argument in arguments)
    return bool(inner) and (beside or any(map(_reads_late, inner)))


def _text(expression: ast.expr, operands: Sequence[str]) -> str:
    if isinstance(expression, ast.Name):
        return operands[int(expression.id[1:])]
    if isinstance(expression, ast.Constant):
        return repr(expression.value)
    named = {f"x{i}": ast.parse(operand, mode="eval").body for i, operand in enumerate(operands)}
    return ast.unparse(_Substituted(named).visit(deepcopy(expression)))


class _Substituted(ast.NodeTransformer):
    def __init__(self, named: dict[str, ast.expr]) -> None:
        self.named = named

    def visit_Name(self, name: ast.Name) -> ast.expr:
        return self.named.get(name.id, name)


def _literal(number: float) -> str:
    if number != number or number in (np.inf, -np.inf):
        return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}[repr(float(number))]
    return repr(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))
