"""Sums of products in numpy: as a product of matrices wherever the axes lie so that it is one."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine import primitives as p
from ..arrays.program import Apply, Array, Fold
from ..source import Wanted
from . import spelling
from .groups import BATCH, Axes, Groups, axes_of, extent
from .rooms import Rooms


class Products(Rooms):
    """What multiplies, and sums up: the lines that run for each batch are `run`."""

    def __init__(self, wanted: Wanted, dtype: str) -> None:
        super().__init__(wanted, dtype)
        self.run: list[str] = []

    def write_contraction(self, array: Fold) -> None:
        """Write a sum of products of two arrays."""
        x, y = array.operand.arrays
        groups = Groups(array, x, y)
        is_product = not groups.lone and BATCH not in groups.shared
        is_product &= not groups.shared or bool(groups.rows and groups.columns)
        if not is_product or not self._as_matrices(array, x, y, groups):
            self._write_sum_of_products(array, x, y)

    def _as_matrices(self, array: Fold, x: Array, y: Array, groups: Groups) -> bool:
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
            product = array.operand
            assert isinstance(product, Apply)
            if product.primitive is not p.multiply:  # 0 × inf is 0 there; it is nan here, and seldom
                terms = spelling.text(spelling.expression(product.primitive, self.dtype), [left, right])
                self.run += [f"if {name} != {name}:", f"    {name} = np.add.reduce({terms})"]
            return True
        name = out = self.expressions[array] = self.room_for(array)
        if max(len(shared), len(rows), len(columns)) > 1:
            out = self.variant(
                array, f".reshape({', '.join(extent(part) for part in (shared, rows, columns) if part)})"
            )
        self._write_product(array, left, right, out, "matmul" if shared else "dot")
        return True

    def write_sum_as_product(self, array: Array, operand: Array, positions: Sequence[int]) -> bool:
        """Write a sum along the first or the last axes of a buffer as its product with ones, which is sooner done."""
        axes, count = axes_of(operand), len(positions)
        if self.is_alias(operand) and not self.is_all_in_order(operand):
            return False
        if array in self.direct and len(axes) - count > 1:  # its place in the gradient has gaps between its rows
            return False
        if list(positions) == list(range(count)):
            left: str | None = self.constant("1.0", f"({extent(axes[:count])},)")
            right = self._matrix(operand, [], axes[:count], axes[count:])
        elif list(positions) == list(range(len(axes) - count, len(axes))):
            left = self._matrix(operand, [], axes[:-count], axes[-count:])
            right = self.constant("1.0", f"({extent(axes[-count:])},)")
        else:
            return False
        assert left is not None, "axes in their own order make a matrix"
        assert right is not None, "axes in their own order make a matrix"
        out = self.expressions[array] = self.room_for(array)
        if len(axes) - count > 1:
            out = self.variant(array, f".reshape({extent(axes_of(array))})")
        self._write_product(array, left, right, out)
        return True

    def _write_product(self, array: Array, left: str, right: str, out: str, function: str = "dot") -> None:
        """Write a product of matrices; np.dot does the same as np.matmul sooner, but wants a result without gaps."""
        if array in self.direct and self.direct[array].has_gaps:
            function = "matmul"
        self.run.append(f"np.{function}({left}, {right}, out={out})")

    def _write_sum_of_products(self, array: Array, x: Array, y: Array) -> None:
        letters = dict(zip(dict.fromkeys(axes_of(x) + axes_of(y)), "ijklmnopqrst", strict=False))
        letters[BATCH] = "b"
        x_letters, y_letters, letters_out = ("".join(letters[axis] for axis in axes_of(one)) for one in (x, y, array))
        call = f'np.einsum("{x_letters},{y_letters}->{letters_out}", {self.bound_name(x)}, {self.bound_name(y)}'
        if not array.axes and not array.batched:
            name = self.expressions[array] = self.names.of(array)
            self.run.append(f"{name} = {call})")
            return
        name = self.expressions[array] = self.room_for(array)
        self.run.append(f"{call}, out={name})")

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
