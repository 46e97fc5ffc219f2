"""Folds in jax.numpy, and sums of products as products of matrices."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine import primitives as p
from ..arrays.program import Apply, Array, Axis, Fold
from . import spelling
from .reading import Reading, stored_axes
from .spelling import atom


def folded(fold: Fold, reading: Reading, is_product: bool) -> str:
    """Return the expression for a fold, and for the product that it sums up if that is not written out."""
    if is_product:
        x, y = fold.operand.arrays
        return _sum_of_products(fold, x, y, reading)
    function = spelling.fold(fold.primitive)
    if not fold.axes and not fold.batched:
        return f"{function}({reading.as_given(fold.operand)[0]})"
    source, axes = reading.as_given(fold.operand)
    positions = sorted(axes.index(axis) for axis in [*([None] if fold.over_batch else []), *fold.along])
    return f"{function}({source}, axis={positions[0] if len(positions) == 1 else tuple(positions)})"


def _sum_of_products(fold: Fold, x: Array, y: Array, reading: Reading) -> str:
    (one, own), (other, others) = reading.as_given(x), reading.as_given(y)
    times = [axis for axis in dict.fromkeys([*own, *others]) if axis is not None and axis.number < 0]
    rest = [axis for axis in dict.fromkeys([*own, *others]) if axis is not None and axis.number >= 0]
    letters: dict[Axis | None, str] = {None: "b", **dict(zip(times, "tuvw", strict=False))}
    letters |= zip(rest, "ijklmnopqrs", strict=False)
    a, b, c = ("".join(letters[axis] for axis in axes) for axes in (own, others, stored_axes(fold)))
    products = [_matrix_product(a, b, c, one, other), _matrix_product(b, a, c, other, one)]
    written = [text for text in products if text is not None]
    if not written and _is_sum_of_stack(
        a, b, c, {letter: 1 if axis is None else axis.size for axis, letter in letters.items()}
    ):
        return f"jnp.sum({atom(one)} @ {atom(other)}.transpose(0, 2, 1), axis=0)"
    return min(written, key=lambda text: text.count(".T"), default=f'jnp.einsum("{a},{b}->{c}", {one}, {other})')


def _matrix_product(a: str, b: str, c: str, one: str, other: str) -> str | None:
    """A product of two arrays, whose axes have these letters, with @; None where it is no product of matrices."""
    along = [letter for letter in a if letter in b and letter not in c]
    if len(along) != 1 or len(set(a)) < len(a) or len(set(b)) < len(b):
        return None
    (k,) = along
    if len(a) == 2 and len(b) == 3 and c == f"b{a[0]}{b[2]}" and b[0] == "b" and a[1] == b[1] == k:
        return f"{atom(one)} @ {atom(other)}"  # with each matrix of a stack
    if len(a) == len(b) > 2:
        return f"{atom(one)} @ {atom(other)}" if _is_stack(a, b, c, k) else None
    if len(b) > 2 or c != (a + b).replace(k, "") or (len(a) > 2 and a[-1] != k):
        return None
    left = one if a[-1] == k else f"{atom(one)}.T"
    right = other if b[0] == k else f"{atom(other)}.T"
    return f"{atom(left)} @ {atom(right)}".replace(".T.T", "")


def _is_stack(a: str, b: str, c: str, k: str) -> bool:
    """Whether products of matrices lie side by side along the first axes."""
    return a[:-2] == b[:-2] == c[:-2] and a[-1] == b[-2] == k and c[-2:] == a[-2] + b[-1]


def _is_sum_of_stack(a: str, b: str, c: str, sizes: dict[str, int]) -> bool:
    """Whether it is a product of two matrices for each example, summed up over these.

    As one product it takes longer where the matrices are long: the arrays then have to be laid out anew.
    """
    if not (len(a) == len(b) == 3 and a[0] == b[0] == "b" and a[2] == b[2] and c == a[1] + b[1] and a[1] != b[1]):
        return False
    return 2 * sizes[a[1]] * sizes[b[1]] <= sizes[a[2]] * (sizes[a[1]] + sizes[b[1]])


def summed_products(order: Sequence[Array], users: dict[Array, list[Array]], kept: set[Array]) -> set[Array]:
    """Return the products that only sums read: they are never written out."""
    return {
        array
        for array in order
        if isinstance(array, Apply)
        and array.primitive is p.multiply
        and len(array.arrays) == 2
        and array not in kept
        and all(isinstance(user, Fold) and user.primitive is p.add for user in users[array])
    }
