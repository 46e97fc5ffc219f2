"""An array program written out for numpy, as a person would write it who wants it fast.

Parameters, buffers and all views of them are bound once, for each size of batch; what runs for each
batch is the arithmetic alone, into buffers that are used again as soon as they are free. Numbers
of different examples lie side by side in the last axis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import primitives as p
from ..declaration import Primitive
from . import spelling
from .arrays import Array, Axis, needed
from .assembling import Plan, axis_without_repeats, index_of
from .differentiate import Piece, pieces_of
from .layout import Block, block
from .naming import Names
from .numpy_views import Views
from .products import BATCH, Axes, Groups, axes_of, extent
from .source import Source


def write(
    function: str,
    arguments: Sequence[str],
    results: Sequence[Array | float],
    gradient: Array | float | None,
    size: int,
    names: Names,
    summary: str,
    dtype: str = "float64",
) -> Source:
    """Return the source of a program that returns the results and fills a buffer of that size with the gradient."""
    return _Writer(function, arguments, results, gradient, size, names, summary, dtype).source()


class _Writer(Views):
    def __init__(
        self,
        function: str,
        arguments: Sequence[str],
        results: Sequence[Array | float],
        gradient: Array | float | None,
        size: int,
        names: Names,
        summary: str,
        dtype: str,
    ) -> None:
        self.dtype = dtype
        self.kind = "" if dtype == "float64" else f", np.{dtype}"  # what np.empty is told
        super().__init__(names)
        self.function, self.arguments, self.summary = function, arguments, summary
        self.results = results
        self.gradient_size = size
        self.run: list[str] = []
        self.spread: dict[str, Primitive] = {}  # the operations that numpy has not, by name
        self.pieces = pieces_of(gradient)
        self.order = needed([*results, *(piece.array for piece in self.pieces)])
        self.users = self._users()
        self.kept = {array for array in [*results, *(piece.array for piece in self.pieces)] if isinstance(array, Array)}
        self.folded = self._folded_products()
        self.turned = self._arguments_to_turn()
        self.direct = self._written_at_once()
        self.constants: dict[tuple[str, str], str] = {}
        self.plans: dict[Array, Plan] = {}
        self.within = self._written_into_assemblies()
        self.homes = {assembly for assembly, _, _ in self.within.values()}
        self.places = {array: place for place, array in enumerate(self.order)}
        self.last_use = self._last_uses()
        self.free: dict[tuple[str, str], list[str]] = {}
        self.expiring: dict[int, list[str]] = {}  # names by the place after which their buffers are free
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

    def _arguments_to_turn(self) -> set[Array]:
        """The arguments that are read more than once other than by matrix products, which take them as they are."""
        reads = Counter(
            stored
            for array in self.order
            if array.kind in ("apply", "reduce") and array not in self.folded
            if array.arrays[0] not in self.folded or not (array.axes or array.batched)
            for operand in array.arrays
            for stored in self.storage(operand)
            if stored.kind == "leaf"
        )
        return {array for array, count in reads.items() if count > 1 and self.is_argument(array) and array.size > 1}

    def _last_uses(self) -> dict[Array, int]:
        last = dict(self.places)
        for place, array in enumerate(self.order):
            for operand in array.arrays:
                for stored in self.storage(operand):
                    last[stored] = max(last[stored], place)
        for array in self.kept - self.direct.keys():
            for stored in self.storage(array):
                last[stored] = len(self.order)
        return last

    def source(self) -> Source:
        for array in self.order:
            self._comment(array)
            self._write(array)
            self._release(self.places[array])
        plan = Plan(self.pieces, self.gradient_size)
        self._fill("gradient", plan, self.gradient_size, batched=False)
        returned = ", ".join(self.aligned(result, (), False) for result in self.results)
        arguments = ", ".join(self.arguments)
        lines = [
            f'"""{self.summary}"""',
            "",
            "import numpy as np",
            "",
            "",
            f"def bind({', '.join([*self.leaves, 'gradient', 'B'])}):",
            *(f"    {line}" if line else "" for line in self.bindings()),
            "",
            f"    def {self.function}({arguments}):",
            *(f"        {line}" if line else "" for line in self.run),
            f"        return {returned}",
            "",
            f"    return {self.function}",
            "",
        ]
        leaves_gaps = not plan.adds_to_gaps and plan.leaves_gaps
        return Source("\n".join(lines), self.namespace, tuple(self.leaves), leaves_gaps)

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
            self._write_fold(
                array, f"np.{spelling.ufunc(primitive)}.reduce", operand, [*along, *([None] if batch else [])]
            )

    def _write_leaf(self, array: Array) -> None:
        if isinstance(array.detail, np.ndarray):
            name = self.names.of(array)
            self.namespace[name] = array.detail.astype(self.dtype)
            self.expressions[array] = name
        elif array.detail == "share":
            self.expressions[array] = "share"
            self.bound.append("share = 1 / B")
        elif array.detail == "count":
            self.expressions[array] = "B"
        elif array in self.turned:
            name = self.expressions[array] = self.names.unused(f"{array.detail}_columns")
            self.bound.append(f"{name} = np.empty({self.shape(array)}{self.kind})")
            self.run.append(f"np.copyto({name}, {array.detail}.T)")
        else:
            self.expressions[array] = array.detail
            if not array.batched:
                self.leaves.append(array.detail)

    # ---------------------------------------------------------------- buffers

    def _target(self, array: Array, kind: str | None = None) -> str:
        """The name of a buffer for an array: the gradient's own place, one that is free, or a new one."""
        kind = self.kind if kind is None else kind
        continued = self.names.continued(array)
        shape = (self.shape(array), kind)
        waiting = self.free.get(shape, [])
        if continued is not None and self.expressions.get(continued) in waiting:
            name = self.expressions[continued]
            waiting.remove(name)
            self._hold(name, array, shape)
            return name
        name = self.names.of(array)
        if array in self.direct:
            self.bound.append(f"{name} = {self.direct[array].of_buffer('gradient', self.gradient_size, batched=False)}")
            return name
        if array in self.within:
            assembly, _, lies = self.within[array]
            self.bound.append(f"{name} = {lies.of_buffer(self._room(assembly), assembly.size, assembly.batched)}")
            return name
        if waiting:
            self.bound.append(f"{name} = {waiting.pop()}")
        else:
            self.bound.append(f"{name} = np.empty({shape[0]}{kind})")
        self._hold(name, array, shape)
        return name

    def _hold(self, name: str, array: Array, shape: tuple[str, str]) -> None:
        until = self.last_use[array]
        self.holding[name] = (until, shape)
        self.expiring.setdefault(until, []).append(name)

    def _release(self, place: int) -> None:
        for name in self.expiring.pop(place, []):
            until, shape = self.holding.get(name, (-1, ("", "")))
            if until == place:  # it may have been released before, or held again
                self.free.setdefault(shape, []).append(name)
                del self.holding[name]

    def _release_operands(self, array: Array) -> None:
        """Let the result of an operation, number by number, take the place of an operand that is not read again."""
        place = self.places[array]
        aligned = {
            self.expressions[stored]
            for operand in array.arrays
            if operand not in self.folded and self.is_plain(operand)
            for stored in self.storage(operand)
        }
        read = [self.expressions[stored] for operand in array.arrays for stored in self.storage(operand)]
        for name in sorted(aligned):
            until, shape = self.holding.get(name, (place + 1, ("", "")))
            if until == place and self._shapes_agree(array, shape, read, name):
                self.free.setdefault(shape, []).append(name)
                del self.holding[name]

    def _shapes_agree(self, array: Array, shape: tuple[str, str], read: Sequence[str], name: str) -> bool:
        return shape == (self.shape(array), self.kind) and read.count(name) == sum(
            self.expressions[stored] == name
            for operand in array.arrays
            if self.is_plain(operand)
            for stored in self.storage(operand)
        )

    def _write_view(self, array: Array) -> None:
        base = array.arrays[0]
        index = array.detail.index
        flat = self.flat(base)
        if isinstance(index, int):
            at = "" if base.size == 1 and not base.axes else f"[{index}]"
            self.expressions[array] = self.of_argument(base, index) or f"{flat}{at}"
            return
        found = self.block_of(array)
        if found is not None:
            is_argument = self.is_argument(base)
            self.expressions[array] = (
                found.of_argument(flat, base.size) if is_argument else found.of_buffer(flat, base.size, base.batched)
            )
            return
        places = self.names.of(array, "places")
        self.namespace[places] = index
        name = self._target(array)
        source = self.of_argument(base, None) or flat
        self.run.append(f'np.take({source}, {places}, axis=0, out={name}, mode="clip")')
        self.expressions[array] = name

    # ---------------------------------------------------------------- operations

    def _write_operation(self, array: Array) -> None:
        template = spelling.template(array.detail)
        if template == "{}":
            self.expressions[array] = self.bound_name(array.arrays[0])
            return
        operands = [self.aligned(operand, array.axes, array.batched) for operand in array.operands]
        expression = spelling.expression(array.detail)
        if array.detail.array is None:  # element by element
            self._call_element_by_element(array.detail)
        if not array.axes and not array.batched:
            name = self.expressions[array] = self.names.of(array)
            self.run.append(f"{name} = {spelling.text(expression, operands)}")
            return
        compared = spelling.comparison(expression)
        is_mask = compared is not None and self._is_factor_alone(array)
        if not is_mask and not spelling.reads_late(expression):
            self._release_operands(array)
        name = self.expressions[array] = self._target(array, ", bool" if is_mask else None)
        # A comparison, written into floats or a mask, is the number 1 or 0.
        spread = None if is_mask else lambda number: self._constant(number, self.shape(array))
        self.run += spelling.steps(compared or expression, operands, name, spread)

    def _call_element_by_element(self, primitive: Primitive) -> None:
        if self.spread.setdefault(primitive.name, primitive) is not primitive:
            raise ValueError(f"two operations are named {primitive.name}: a program can call only one of them")
        self.namespace[primitive.name] = np.vectorize(primitive.value, otypes=[float])

    def _is_factor_alone(self, array: Array) -> bool:
        return array not in self.kept and all(
            user.kind == "apply" and user.detail is p.multiply and user not in self.folded for user in self.users[array]
        )

    def _write_fold(self, array: Array, fold: str, operand: Array, along: Sequence[Axis | None]) -> None:
        axes: list[Axis | None] = [*operand.axes, *([None] if operand.batched else [])]
        positions = [axes.index(axis) for axis in along]
        source = self.bound_name(operand)
        if not array.axes and not array.batched:
            name = self.expressions[array] = self.names.of(array)
            call = f"{fold}({source}{', axis=None' if len(axes) > 1 else ''})"
            if fold == "np.add.reduce" and len(axes) == 1 and self.is_plain(operand):
                call = f"np.dot({self._constant('1.0', self.shape(operand))}, {source})"
            self.run.append(f"{name} = {call}")
            return
        if fold == "np.add.reduce" and self._write_as_product(array, operand, positions):
            return
        name = self.expressions[array] = self._target(array)
        axis = positions[0] if len(positions) == 1 else tuple(positions)
        self.run.append(f"{fold}({source}, axis={axis}, out={name})")

    def _write_as_product(self, array: Array, operand: Array, positions: Sequence[int]) -> bool:
        """Write a sum along the first or the last axes of a buffer as its product with ones, which is sooner done."""
        axes, count = axes_of(operand), len(positions)
        if self.is_alias(operand) and not self.is_all_in_order(operand):
            return False
        if array in self.direct and len(axes) - count > 1:  # its place in the gradient has gaps between its rows
            return False
        if list(positions) == list(range(count)):
            left, right = self._constant("1.0", f"({extent(axes[:count])},)"), ""
            right = self._matrix(operand, [], axes[:count], axes[count:]) or ""
        elif list(positions) == list(range(len(axes) - count, len(axes))):
            left = self._matrix(operand, [], axes[:-count], axes[-count:]) or ""
            right = self._constant("1.0", f"({extent(axes[-count:])},)")
        else:
            return False
        out = self.expressions[array] = self._target(array)
        if len(axes) - count > 1:
            out = self.variant(array, f".reshape({extent(axes_of(array))})")
        self._write_product(array, left, right, out)
        return True

    def _constant(self, number: str, shape: str) -> str:
        """The name of an array that has a number in all places."""
        if (number, shape) not in self.constants:
            room, stem = {"0.0": ("zeros", "zeros"), "1.0": ("ones", "ones")}.get(number, ("full", "constant"))
            name = self.constants[number, shape] = self.names.unused(stem)
            filling = f", {number}" if room == "full" else ""
            self.bound.append(f"{name} = np.{room}({shape}{filling}{self.kind})")
        return self.constants[number, shape]

    # ---------------------------------------------------------------- matrix products

    def _write_contraction(self, array: Array) -> None:
        x, y = array.arrays[0].arrays
        groups = Groups(array, x, y)
        is_product = not groups.lone and BATCH not in groups.shared
        is_product &= not groups.shared or bool(groups.rows and groups.columns)
        if not is_product or not self._as_matrices(array, x, y, groups):
            self._write_sum_of_products(array, x, y)

    def _as_matrices(self, array: Array, x: Array, y: Array, groups: Groups) -> bool:
        """Write a contraction as a matrix product, if the axes lie so that it is one."""
        shared, rows, along, columns = groups.shared, groups.rows, groups.along, groups.columns
        result = axes_of(array)
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
        name = out = self.expressions[array] = self._target(array)
        if max(len(shared), len(rows), len(columns)) > 1:
            out = self.variant(
                array, f".reshape({', '.join(extent(part) for part in (shared, rows, columns) if part)})"
            )
        self._write_product(array, left, right, out, "matmul" if shared else "dot")
        return True

    def _write_product(self, array: Array, left: str, right: str, out: str, function: str = "dot") -> None:
        """Write a product of matrices; np.dot does the same as np.matmul sooner, but wants a result without gaps."""
        if array in self.direct and self.direct[array].has_gaps:
            function = "matmul"
        self.run.append(f"np.{function}({left}, {right}, out={out})")

    def _matrix(self, array: Array, shared: Axes, first: Axes, second: Axes) -> str | None:
        """An operand as a matrix, or a stack of them; None where its axes do not lie so."""
        axes = axes_of(array)
        turned = bool(axes == [*shared, *second, *first] and first and second)
        if not turned and axes != [*shared, *first, *second]:
            return None
        parts = [part for part in ((shared, second, first) if turned else (shared, first, second)) if part]
        if turned and not shared and max(map(len, parts)) == 1:
            return self.variant(array, ".T").removesuffix(".T.T")
        text = self.bound_name(array)
        if max(map(len, parts)) > 1:
            if self.is_alias(array) and not self.is_all_in_order(array):
                text = self._copied(array, f".reshape({', '.join(map(extent, parts))})")
            else:
                text = self.variant(array, f".reshape({', '.join(map(extent, parts))})")
        if turned:
            text += ".swapaxes(1, 2)" if shared else ".T"
        return text

    def flat(self, array: Array) -> str:
        """An array with its axes folded into one; a copy, made in time, where no view is that."""
        if len(array.axes) > 1 and self.is_alias(array) and not self.is_all_in_order(array):
            return self._copied(array, f".reshape({array.size}{', B' if array.batched else ''})")
        return super().flat(array)

    def _copied(self, array: Array, folding: str) -> str:
        """The name of a buffer with the numbers of a view side by side, folded as only such a buffer can be."""
        name = self.names.of(array, "copy")
        if (array, "copy") not in self._variants:
            self._variants[array, "copy"] = name
            self.bound.append(f"{name} = np.empty({self.shape(array)}{self.kind})")
            self.run.append(f"np.copyto({name}, {self.bound_name(array)})")
        key = array, f"copy{folding}"
        if key not in self._variants:
            self._variants[key] = self.names.unused(f"{name}_matrix")
            self.bound.append(f"{self._variants[key]} = {name}{folding}")
        return self._variants[key]

    def _write_sum_of_products(self, array: Array, x: Array, y: Array) -> None:
        letters = dict(zip(dict.fromkeys(axes_of(x) + axes_of(y)), "ijklmnopqrst", strict=False))
        letters[BATCH] = "b"
        x_letters, y_letters, letters_out = ("".join(letters[axis] for axis in axes_of(one)) for one in (x, y, array))
        call = f'np.einsum("{x_letters},{y_letters}->{letters_out}", {self.bound_name(x)}, {self.bound_name(y)}'
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
            index = index_of(piece, self.gradient_size)
            lies = block(index, self.gradient_size) if isinstance(index, np.ndarray) else None
            array = piece.array
            if (
                isinstance(array, Array)
                and lies is not None
                and not covered[index].any()
                and array.axes == piece.axes != ()  # a single number is spread over its places
                and array not in found
                and not self.users[array]
                and not self.is_alias(array)
                and array.kind in ("apply", "reduce")
                and (array.kind == "apply" or Groups.fit_a_view(array))
                and not any(array is result for result in self.results)
            ):
                found[array] = lies
            covered[index] = True
        return found

    def _written_into_assemblies(self) -> dict[Array, tuple[Array, Piece, Block]]:
        """The results that are computed right where they belong in an assembly: it, the piece, its places there."""
        found: dict[Array, tuple[Array, Piece, Block]] = {}
        for assembly in self.order:
            if assembly.kind == "assemble" and len(assembly.axes) == 1 and self._plan(assembly).fills_once:
                for piece in self._plan(assembly).pieces:
                    array = piece.array
                    lies = block(piece.places.index, assembly.size) if piece.axes and piece.places else None
                    if (
                        isinstance(array, Array)
                        and lies is not None
                        and not lies.has_gaps
                        and array.axes == piece.axes
                        and array.batched == assembly.batched
                        and array not in found
                        and array not in self.direct
                        and array.kind in ("apply", "reduce")
                        and not self.is_alias(array)
                    ):
                        found[array] = assembly, piece, lies
        return found

    def _plan(self, assembly: Array) -> Plan:
        if assembly not in self.plans:
            pieces = zip(assembly.detail, assembly.operands, strict=True)
            self.plans[assembly] = Plan([Piece(part, along, at) for (at, along), part in pieces], assembly.size)
        return self.plans[assembly]

    def _room(self, assembly: Array) -> str:
        """The name of an assembly's buffer; one of its own, if numbers stay there or come before the rest."""
        if assembly not in self.expressions:
            constant = self._plan(assembly).constant
            if constant is None and assembly not in self.homes:
                self.expressions[assembly] = self._target(assembly)
            else:
                name = self.expressions[assembly] = self.names.of(assembly)
                room = {None: "empty", 0.0: "zeros", 1.0: "ones"}.get(constant, "full")
                filling = f", {spelling.literal(constant)}" if room == "full" and constant is not None else ""
                self.bound.append(f"{name} = np.{room}({self.shape(assembly)}{filling}{self.kind})")
        return self.expressions[assembly]

    def _write_assembly(self, array: Array) -> None:
        self._room(array)
        self._fill(self.flat(array), self._plan(array), array.size, array.batched)

    def _fill(self, base: str, plan: Plan, size: int, batched: bool) -> None:
        """Write the pieces into their places of the base, and add them where something is already."""
        if plan.adds_to_gaps:
            self.run.insert(0 if base == "gradient" else len(self.run), f"{base}.fill(0)")
        for piece, is_fresh, is_once in plan.steps:
            if not self._is_there(base, plan, piece):
                self.run += self._put(base, piece, index_of(piece, size), size, batched, is_fresh and is_once, is_once)

    def _is_there(self, base: str, plan: Plan, piece: Piece) -> bool:
        """Whether a piece is in its place from the start, or has been computed there."""
        if not isinstance(piece.array, Array):
            return base != "gradient" and plan.constant is not None
        if base == "gradient":
            return piece.array in self.direct
        return piece.array in self.within and self.within[piece.array][1] is piece

    def _put(self, base: str, piece: Piece, index: Any, size: int, batched: bool, fresh: bool, once: bool) -> list[str]:
        value = self.aligned(piece.array, piece.axes, batched)
        if isinstance(index, int):
            return [f"{base}[{index}] {'=' if fresh else '+='} {value}"]
        lies = block(index, size)
        if lies is not None:
            target = self._named_target(lies.of_buffer(base, size, batched), piece)
            return [f"np.copyto({target}, {value})" if fresh else f"np.add({target}, {value}, out={target})"]
        places = self._names_of(piece, "places")
        self.namespace[places] = index
        if once:
            return [f"{base}[{places}] {'=' if fresh else '+='} {value}"]
        return self._scattered(base, places, piece, index, batched)

    def _scattered(self, base: str, places: str, piece: Piece, index: Any, batched: bool) -> list[str]:
        """Add a piece of which several numbers go into one place: in a loop over an axis along which none meet."""
        apart = axis_without_repeats(index)
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
            return [f"np.add.at({base}, {places}, {self.aligned(array, axes, batched)})"]
        self.namespace[places] = np.moveaxis(index, apart, 0)
        rest = [axis for at, axis in enumerate(axes) if at != apart]
        if lacking:
            value = self.aligned(array, rest, batched)
        else:
            order = [apart, *(at for at in range(len(axes) + batched) if at != apart)]
            value = f"{self.variant(array, f'.transpose({str(order)[1:-1]})' if apart else '')}[i]"
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
