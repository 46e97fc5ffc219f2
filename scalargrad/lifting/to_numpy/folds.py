"""Folds in numpy, above all sums of products: as a product of matrices wherever the axes lie so that it is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...engine import primitives as p
from ..arrays.program import Apply, Array, Axis, Fold
from . import spelling
from .buffers import Buffers
from .groups import BATCH, Axes, Groups, axes_of, extent
from .layout import transposition
from .plan import Plan
from .text import Section, Text
from .views import Views


@dataclass(frozen=True, slots=True)
class Folds:
    """Writes what is folded."""

    plan: Plan
    text: Text
    views: Views
    buffers: Buffers
    _copies: dict[tuple[Array, tuple[object, ...]], str] = field(default_factory=dict)

    def write(self, fold: Fold) -> None:
        """Write a fold, and the product that it sums up if that is not written out."""
        if fold.operand in self.plan.summed:
            x, y = fold.operand.arrays
            groups = Groups(fold, x, y)
            if not groups.is_product or not (
                self._write_matrix_product(fold, x, y, groups)
                or self._write_stack_of_products(fold, x, y, groups.rows, groups.columns, groups.along)
                or self._write_stack_of_products(fold, y, x, groups.columns, groups.rows, groups.along)
                or self._write_product_over_time(fold, x, y, groups)
            ):
                self._write_sum_of_products(fold, x, y)
        else:
            self._write_fold(fold, spelling.ufunc(fold.primitive))

    # ---------------------------------------------------------------- sums of products

    def _write_matrix_product(self, fold: Fold, x: Array, y: Array, groups: Groups) -> bool:
        """Write a sum of products as a matrix product; return whether the axes lie so that it is one."""
        shared, rows, along, columns = groups.shared, groups.rows, groups.along, groups.columns
        result = axes_of(fold)
        if result == [*shared, *rows, *columns]:
            left, right = self.views.matrix(x, shared, rows, along), self.views.matrix(y, shared, along, columns)
        elif result == [*shared, *columns, *rows]:
            left, right = self.views.matrix(y, shared, columns, along), self.views.matrix(x, shared, along, rows)
            rows, columns = columns, rows
        else:
            return False
        if left is None or right is None:
            return False
        if not result:
            self._write_dot(fold, left, right)
            return True
        out = self.buffers.taken(fold)
        if max(len(shared), len(rows), len(columns)) > 1:
            out = self.views.variant(
                fold, f".reshape({', '.join(extent(part) for part in (shared, rows, columns) if part)})"
            )
        self._write_product(fold, left, right, out, "matmul" if shared else "dot")
        return True

    def _write_stack_of_products(self, fold: Fold, x: Array, y: Array, own: Axes, rows: Axes, along: Axes) -> bool:
        """Write a sum of products as those of many matrices with one; return whether the axes lie so that it is that.

        So it is in derivatives of many results: each result has a matrix of slopes, with those of an example in a
        column. And so it is where weights are multiplied by the numbers of all times.
        """
        result = axes_of(fold)
        for at in range(1, len(own)):
            first, columns = own[:at], own[at:]
            if result == [*first, *rows, *columns] and axes_of(x) == [*first, *along, *columns]:
                left, right = self.views.matrix(y, [], rows, along), self.views.matrix(x, first, along, columns)
                if left is None or right is None:
                    return False
                self.buffers.taken(fold)
                out = self.views.reshaped(fold, ", ".join(extent(part) for part in (first, rows, columns) if part))
                self._write_product(fold, left, right, out, "matmul")
                return True
        return False

    def _write_product_over_time(self, fold: Fold, x: Array, y: Array, groups: Groups) -> bool:
        """Write a sum over the iterations of a loop as a product of matrices; return whether it is that.

        Numbers that lie in the order of time are copied first, so that those which are summed over lie side by side.
        """
        rows, along, columns = groups.rows, groups.along, groups.columns
        if (
            groups.shared
            or not rows
            or not columns
            or not any(isinstance(one, Axis) and one.number < 0 for one in along)
        ):
            return False
        if axes_of(fold) == [*columns, *rows]:
            x, y, rows, columns = y, x, columns, rows
        elif axes_of(fold) != [*rows, *columns]:
            return False
        left = self.views.matrix(x, [], rows, along) or self._turned(x, [*rows, *along], rows)
        right = self.views.matrix(y, [], along, columns) or f"{self._turned(y, [*columns, *along], columns)}.T"
        out = self.buffers.taken(fold)
        if max(len(rows), len(columns)) > 1:
            out = self.views.variant(fold, f".reshape({extent(rows)}, {extent(columns)})")
        self._write_product(fold, left, right, out)
        return True

    def _turned(self, array: Array, axes: Axes, first: Axes) -> str:
        """The name of a matrix with the numbers of an array, copied into another order of axes."""
        if (array, tuple(axes)) in self._copies:
            return self._copies[array, tuple(axes)]
        sizes = ", ".join(extent([axis]) for axis in axes)
        name = self.text.bind_unused(
            f"{self.text.names.of(array)}_turned", f"np.empty(({sizes}){self.text.dtype_argument})", Section.BUFFERS
        )
        order = [axes_of(array).index(axis) for axis in axes]
        self.text.run.append(f"np.copyto({name}, {self.views.variant(array)}{transposition(order)})")
        matrix = self.text.bind_unused(f"{name}_matrix", f"{name}.reshape({extent(first)}, -1)", Section.VIEWS)
        self._copies[array, tuple(axes)] = matrix
        return matrix

    def _write_dot(self, fold: Fold, left: str, right: str) -> None:
        """Write a sum of products that is a single number."""
        name = self._write_number(fold, f"np.dot({left}, {right})")
        assert isinstance(fold.operand, Apply)
        primitive = fold.operand.primitive
        if primitive is not p.multiply:  # where a product is nan the primitive may be a number; that is rare
            terms = spelling.text(spelling.expression(primitive, self.text.dtype), [left, right])
            self.text.run += [f"if {name} != {name}:", f"    {name} = np.add.reduce({terms})"]

    def _write_sum_of_products(self, fold: Fold, x: Array, y: Array) -> None:
        letters = dict(zip(dict.fromkeys(axes_of(x) + axes_of(y)), "ijklmnopqrst", strict=False))
        letters[BATCH] = "b"
        x_letters, y_letters, letters_out = ("".join(letters[axis] for axis in axes_of(one)) for one in (x, y, fold))
        call = f'np.einsum("{x_letters},{y_letters}->{letters_out}", {self.views.variant(x)}, {self.views.variant(y)}'
        if not fold.axes and not fold.batched:
            self._write_number(fold, f"{call})")
        else:
            self.text.run.append(f"{call}, out={self.buffers.taken(fold)})")

    def _write_product(self, fold: Fold, left: str, right: str, out: str, function: str = "dot") -> None:
        """Write a product of matrices; np.dot is quicker than np.matmul, but needs a result without gaps."""
        if fold in self.plan.in_gradient and self.plan.in_gradient[fold].has_gaps:
            function = "matmul"
        self.text.run.append(f"np.{function}({left}, {right}, out={out})")

    # ---------------------------------------------------------------- other folds

    def _write_fold(self, fold: Fold, function: str) -> None:
        """Write a fold as a product with ones, or as the fold of a numpy function of two operands."""
        if function == "add" and not fold.over_batch and [axis.size for axis in fold.along] == [2]:
            self._write_sum_of_two(fold)
            return
        operand, axes, positions = fold.operand, axes_of(fold.operand), _positions(fold)
        source = self.views.variant(operand)
        if not fold.axes and not fold.batched:
            self.text.names.of(fold)  # taken before that of the ones
            if function == "add" and len(axes) == 1 and operand in self.plan.plain:
                self._write_number(fold, f"np.dot({self._ones(axes)}, {source})")
            else:
                self._write_number(fold, f"np.{function}.reduce({source}{', axis=None' if len(axes) > 1 else ''})")
        elif function != "add" or not self._write_sum_as_product(fold, positions):
            axis = positions[0] if len(positions) == 1 else tuple(positions)
            self.text.run.append(f"np.{function}.reduce({source}, axis={axis}, out={self.buffers.taken(fold)})")

    def _write_sum_of_two(self, fold: Fold) -> None:
        """Write a sum of two terms: -0 and -0 are -0, as in no product with ones."""
        if not fold.axes and not fold.batched:
            source = self.views.variant(fold.operand)
            self._write_number(fold, f"{source}[0] + {source}[1]")
        else:
            before = ":, " * _positions(fold)[0]
            terms = [self.views.variant(fold.operand, f"[{before}{i}]") for i in (0, 1)]
            name = self.buffers.taken(fold)
            self.text.run.append(f"np.add({', '.join(terms)}, out={name})")

    def _write_sum_as_product(self, fold: Fold, positions: Sequence[int]) -> bool:
        """Write a sum along the first or the last axes of a buffer as its product with ones, which is quicker."""
        operand = fold.operand
        axes, count = axes_of(operand), len(positions)
        if operand in self.plan.aliases and operand not in self.plan.unbroken:
            return False
        if fold in self.plan.in_gradient and len(axes) - count > 1:  # its place there has gaps between its rows
            return False
        left: str | None
        right: str | None
        if list(positions) == list(range(count)):
            left = self._ones(axes[:count])
            right = self.views.matrix(operand, [], axes[:count], axes[count:])
        elif list(positions) == list(range(len(axes) - count, len(axes))):
            left = self.views.matrix(operand, [], axes[:-count], axes[-count:])
            right = self._ones(axes[-count:])
        else:
            return False
        assert left is not None, "axes in their own order make a matrix"
        assert right is not None, "axes in their own order make a matrix"
        out = self.buffers.taken(fold)
        if len(axes) - count > 1:
            out = self.views.variant(fold, f".reshape({extent(axes_of(fold))})")
        self._write_product(fold, left, right, out)
        return True

    def _ones(self, axes: Axes) -> str:
        return self.buffers.constant("1.0", (extent(axes),))

    def _write_number(self, fold: Fold, text: str) -> str:
        """Write a single number, and return its name."""
        name = self.views.expressions[fold] = self.text.names.of(fold)
        self.text.run.append(f"{name} = {text}")
        return name


def _positions(fold: Fold) -> list[int]:
    """Where the axes that are folded stand among those of the operand as it is stored."""
    axes = axes_of(fold.operand)
    along: Axes = [*fold.along, *([BATCH] if fold.over_batch else [])]
    return [axes.index(axis) for axis in along]
