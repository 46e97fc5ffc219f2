"""What an array program holds: no array twice, no operation that changes nothing, and always the same meaning."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad.engine import primitives as p
from scalargrad.lifting.arrays.program import (
    Array,
    ArrayProgram,
    Assembly,
    Axis,
    Fold,
    Leaf,
    Piece,
    Places,
    View,
    needed,
)
from tests.lifting.interpreter import evaluate, kinds, operations

COUNT = 2
numbers = st.floats(-4, 4).filter(lambda x: x == 0 or abs(x) > 1e-3)


class Given:
    """A program with three arrays: x over two axes for each example, y over one, and s, a single number."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.program = ArrayProgram()
        self.rows, self.columns = self.program.axis(2), self.program.axis(3)
        self.x: Any = self.program.leaf("x", (self.rows, self.columns), batched=True)
        self.y: Any = self.program.leaf("y", (self.columns,))
        self.s: Any = self.program.leaf("s")
        self.numbers = {"x": rng.uniform(0.5, 2, (COUNT, 6)), "y": rng.uniform(0.5, 2, 3), "s": rng.uniform(0.5, 2, 1)}

    def spread(self) -> tuple[Any, Any, Any]:
        """The three over rows, columns and batch."""
        x = self.numbers["x"].reshape(COUNT, 2, 3).transpose(1, 2, 0)
        return x, self.numbers["y"][None, :, None], self.numbers["s"][None, None, :]

    def numbers_of(self, array: Any) -> Any:
        """The numbers of an array, over rows, columns and batch."""
        numbers = evaluate(array, self.numbers, COUNT)
        if isinstance(array, Array):
            for at, axis in enumerate((self.rows, self.columns)):
                if axis not in array.axes:
                    numbers = np.expand_dims(numbers, at)
        return numbers


class Rewrite(NamedTuple):
    """A formula of operators, the number of operations as written, and the operations that it becomes."""

    formula: Callable[[Any, Any, Any, float, float], Any]  # of x, y, s and two numbers
    written: int
    left: list[str]


REWRITES = {
    "x + 0": Rewrite(lambda x, y, s, c, d: x + 0.0, 1, []),
    "0 + x": Rewrite(lambda x, y, s, c, d: 0.0 + x, 1, []),
    "x - 0": Rewrite(lambda x, y, s, c, d: x - 0.0, 1, []),
    "x * 1": Rewrite(lambda x, y, s, c, d: x * 1.0, 1, []),
    "1 * x": Rewrite(lambda x, y, s, c, d: 1.0 * x, 1, []),
    "x / 1": Rewrite(lambda x, y, s, c, d: x / 1.0, 1, []),
    "x ** 1": Rewrite(lambda x, y, s, c, d: x**1.0, 1, []),
    "c + d": Rewrite(lambda x, y, s, c, d: p.add(c, d), 1, []),
    "tanh(c * d)": Rewrite(lambda x, y, s, c, d: p.tanh(p.multiply(c, d)), 2, []),
    "(x * y) / (x * y)": Rewrite(lambda x, y, s, c, d: (x * y) / (x * y), 3, ["multiply", "divide"]),
    "x * c / (c * x)": Rewrite(lambda x, y, s, c, d: x * 3.0 / (3.0 * x), 3, ["multiply", "divide"]),
    "-(-x)": Rewrite(lambda x, y, s, c, d: operator.neg(-x), 2, []),
    "-(c * x)": Rewrite(lambda x, y, s, c, d: -(3.0 * x), 2, ["multiply"]),
    "-(s * x)": Rewrite(lambda x, y, s, c, d: -(s * x), 2, ["negative", "multiply"]),
    "-1 * x": Rewrite(lambda x, y, s, c, d: -1.0 * x, 1, ["negative"]),
    "c * (-x)": Rewrite(lambda x, y, s, c, d: 3.0 * (-x), 2, ["multiply"]),
    "c * (d * x)": Rewrite(lambda x, y, s, c, d: 3.0 * (0.7 * x), 2, ["multiply"]),
    "c * (x * d)": Rewrite(lambda x, y, s, c, d: 3.0 * (x * 0.7), 2, ["multiply"]),
    "2 * (0.5 * x)": Rewrite(lambda x, y, s, c, d: 2.0 * (0.5 * x), 2, []),
    "s * (s * x)": Rewrite(lambda x, y, s, c, d: s * (s * x), 2, ["multiply", "multiply"]),
    "s * (c * x) / (s * c)": Rewrite(lambda x, y, s, c, d: s * (3.0 * x) / (s * 3.0), 4, ["multiply"] * 3 + ["divide"]),
    "x * (1 / y)": Rewrite(lambda x, y, s, c, d: x * (1.0 / y), 2, ["divide"]),
    "(1 / y) * x": Rewrite(lambda x, y, s, c, d: (1.0 / y) * x, 2, ["divide"]),
    "x * (2 / y)": Rewrite(lambda x, y, s, c, d: x * (2.0 / y), 2, ["divide", "multiply"]),
    "x ** 2 / (x * x)": Rewrite(lambda x, y, s, c, d: x**2.0 / (x * x), 3, ["multiply", "divide"]),
    "(-x) * (-y)": Rewrite(lambda x, y, s, c, d: (-x) * (-y), 3, ["multiply"]),
    "x + (-x) * y": Rewrite(lambda x, y, s, c, d: x + (-x) * y, 3, ["multiply", "subtract"]),
    "x + x * (-y)": Rewrite(lambda x, y, s, c, d: x + x * (-y), 3, ["multiply", "subtract"]),
    "x + x": Rewrite(lambda x, y, s, c, d: x + x, 1, ["multiply"]),
    "3 * (x + x)": Rewrite(lambda x, y, s, c, d: 3.0 * (x + x), 2, ["multiply"]),
    "x + (-y)": Rewrite(lambda x, y, s, c, d: x + (-y), 2, ["subtract"]),
    "x - (-y)": Rewrite(lambda x, y, s, c, d: x - (-y), 2, ["add"]),
    "(-x) + y": Rewrite(lambda x, y, s, c, d: (-x) + y, 2, ["subtract"]),
    "0 - y": Rewrite(lambda x, y, s, c, d: 0.0 - y, 1, ["negative"]),
    "x - (0 - y)": Rewrite(lambda x, y, s, c, d: x - (0.0 - y), 2, ["add"]),
}
each_rewrite = pytest.mark.parametrize("name", REWRITES)


@each_rewrite
def test_what_a_rewrite_leaves(name: str) -> None:
    """A formula becomes these operations and no others, never more than were written."""
    formula, written, left = REWRITES[name]
    made = Given()
    left_over = formula(made.x, made.y, made.s, 3.0, 0.7)
    assert sorted(kinds(left_over)) == sorted(left)
    assert operations(left_over) == len(left) <= written


@each_rewrite
@given(seed=st.integers(0, 2**32), c=numbers, d=numbers)
def test_a_rewrite_preserves_meaning(name: str, seed: int, c: float, d: float) -> None:
    """For any numbers, the rewritten program computes what the formula computes."""
    made = Given(seed)
    formula = REWRITES[name].formula
    expected = formula(*made.spread(), c, d)
    assert np.allclose(made.numbers_of(formula(made.x, made.y, made.s, c, d)), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("number", [1e-200, 1e-160, 1e200])
def test_numbers_whose_product_is_none_stay_apart(number: float) -> None:
    """Two numbers are not multiplied in advance if the product is 0, inf, or has fewer digits."""
    made = Given()
    x, _, _ = made.spread()
    assert np.allclose(made.numbers_of(number * (number * (made.x / number))), number * x, rtol=1e-14, atol=0)


def test_a_wrong_rewrite_is_seen() -> None:
    """Negative control: a program of x - y does not compute x + y."""
    made = Given()
    x, y, _ = made.spread()
    assert not np.allclose(made.numbers_of(made.x - made.y), x + y)


def test_what_is_as_short_as_can_be() -> None:
    """Negative control: where no rewrite applies, all operations are kept."""
    made = Given()
    assert kinds(2.0 - p.tanh(0.5 * made.x)) == ["multiply", "tanh", "subtract"]


# ---------------------------------------------------------------- sums

Sum = tuple[Callable[[Any], Any], list[str]]
SUMS: dict[str, Sum] = {
    "of c * x along an axis": (lambda g: _total(g, 3.0 * g.x, [g.rows]), ["fold add", "multiply"]),
    "of s * x along an axis": (lambda g: _total(g, g.s * g.x, [g.rows, g.columns]), ["fold add", "multiply"]),
    "of x * s along the batch": (
        lambda g: _total(g, g.x * g.s, [], batch=True),
        ["fold add over the batch", "multiply"],
    ),
    "of y * x along rows": (lambda g: _total(g, g.y * g.x, [g.rows]), ["fold add", "multiply"]),
    "of y * x along columns": (lambda g: _total(g, g.y * g.x, [g.columns]), ["multiply", "fold add"]),
    "of y * x along the batch": (
        lambda g: _total(g, g.y * g.x, [], batch=True),
        ["fold add over the batch", "multiply"],
    ),
    "of -x": (lambda g: _total(g, -g.x, [g.rows]), ["fold add", "negative"]),
    "of -x along all": (
        lambda g: _total(g, -g.x, [g.rows, g.columns], batch=True),
        ["fold add over the batch", "negative"],
    ),
    "of s along an axis that it has not": (lambda g: _total(g, g.s, [g.rows], batch=True), []),
    "of a number": (lambda g: _total(g, 2.5, [g.rows]), []),
}


def _total(made: Given, array: Any, axes: list[Axis], batch: bool = False) -> Any:
    return made.program.fold(p.add, array, axes, batch)


@pytest.mark.parametrize("name", SUMS)
def test_a_factor_is_taken_out_of_a_sum(name: str) -> None:
    """A sum is over the factors that vary along it; other factors, and the sign, are applied after it."""
    formula, left = SUMS[name]
    assert kinds(formula(Given())) == left


@pytest.mark.parametrize("factor", ["1", "c", "s", "y", "x", "-"])
@pytest.mark.parametrize("along", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
@given(seed=st.integers(0, 2**32), c=numbers)
def test_a_sum_is_the_sum(factor: str, along: tuple[int, ...], seed: int, c: float) -> None:
    """With or without a factor taken out, along axes or over the batch, it is the sum of the numbers."""
    made = Given(seed)
    axes = [axis for at, axis in enumerate((made.rows, made.columns)) if at in along]

    def term(x: Any, y: Any, s: Any) -> Any:
        return -x if factor == "-" else x * {"1": 1.0, "c": c, "s": s, "y": y, "x": x}[factor]

    total = _total(made, term(made.x, made.y, made.s), axes, batch=2 in along)
    expected = np.sum(term(*made.spread()), axis=along, keepdims=True)
    assert np.allclose(made.numbers_of(total), expected, rtol=1e-12, atol=1e-13)


def test_a_largest_element_keeps_its_factor() -> None:
    """Negative control: nothing is taken out of a maximum, as for -x that would be wrong."""
    made = Given()
    assert kinds(made.program.fold(p.maximum, -made.x, [made.rows])) == ["negative", "fold maximum"]


# ---------------------------------------------------------------- random programs

Instruction = tuple[str, int, int, float]
instructions = st.tuples(
    st.sampled_from(["add", "subtract", "multiply", "negative", "tanh", "sum", "sum over the batch", "number"]),
    st.integers(0, 30),
    st.integers(0, 30),
    st.sampled_from([-1.0, 0.0, 1.0, 2.0, 0.5]),
)


@given(listed=st.lists(instructions, min_size=1, max_size=12), seed=st.integers(0, 2**32))
def test_any_program_means_what_was_asked(listed: list[Instruction], seed: int) -> None:
    """With any combination of rewrites, each array of a random program is what the same steps give in numpy."""
    made = Given(seed)
    pool: list[tuple[Any, Any]] = list(zip((made.x, made.y, made.s), made.spread(), strict=True))
    for name, i, j, c in listed:
        (x, x_numbers), (y, y_numbers) = pool[i % len(pool)], pool[j % len(pool)]
        if name == "number":
            pool.append((c, np.full((1, 1, 1), c)))
        elif name in ("negative", "tanh"):
            primitive = getattr(p, name)
            pool.append((primitive(x), -x_numbers if name == "negative" else np.tanh(x_numbers)))
        elif name.startswith("sum"):
            axes = [axis for axis in (made.rows, made.columns)[j % 2 :] if isinstance(x, Array) and axis in x.axes]
            batch = name != "sum" and isinstance(x, Array) and x.batched
            along = tuple((made.rows, made.columns).index(axis) for axis in axes) + ((2,) if batch else ())
            pool.append((_total(made, x, axes, batch), np.sum(x_numbers, axis=along, keepdims=True)))
        else:
            pool.append((getattr(p, name)(x, y), getattr(np, name)(x_numbers, y_numbers)))
    for array, expected in pool:
        scale = max(1.0, float(np.max(np.abs(expected))))
        assert np.allclose(made.numbers_of(array), expected, rtol=1e-9, atol=1e-11 * scale)


# ---------------------------------------------------------------- the rest


def test_nothing_twice() -> None:
    """Equal leaves, tables, views, folds and assemblies are added once."""
    made = Given()
    program, axis = made.program, made.columns
    for _ in range(2):
        program.leaf("x", (made.rows, made.columns), batched=True)
        program.table(np.ones(3), (axis,))
        view = program.view(made.y, np.array([2, 0, 1]), (axis,))
        program.fold(p.add, view, [axis])
        program.assemble((axis,), [Piece(view, (axis,), Places(np.array([2, 0, 1]))), Piece(2.0, (), Places(1))])
    assert [type(array) for array in program.arrays] == [Leaf, Leaf, Leaf, Leaf, View, Fold, Assembly]


def test_plus_and_minus_zero_are_two() -> None:
    """1 / 0.0 and 1 / -0.0 are two numbers, and so are operations on them."""
    made = Given()
    positive, negative = (p.atan2(zero, made.s) for zero in (0.0, -0.0))
    assert positive is not negative
    assert [math.copysign(1, float(made.numbers_of(one)[..., 0].item())) for one in (positive, negative)] == [1, -1]


def test_an_array_tells_what_it_is() -> None:
    """An array prints as its class, its number, its sizes, and whether it is batched."""
    made = Given()
    assert [str(made.x), str(made.y * 2.0)] == ["leaf0[2, 3]×B", "apply3[3]"]


def test_needed_arrays_come_in_order() -> None:
    """`needed` lists what the roots are computed from, operands first, and nothing else."""
    made = Given()
    unused, wanted = made.x * made.x, p.tanh(made.y) * made.s
    listed = needed([wanted, 3.0])
    assert unused not in listed
    assert made.x not in listed
    assert all(listed.index(operand) < listed.index(array) for array in listed for operand in array.arrays)


@pytest.mark.parametrize(
    ("index", "size", "all_of_it"),
    [
        (0, 1, True),
        (0, 2, False),
        (np.arange(4), 4, True),
        (np.arange(4).reshape(2, 2), 4, True),
        (np.arange(3), 4, False),
        (np.array([0, 2, 1]), 3, False),
        (np.array([1, 2, 3]), 3, False),
    ],
)
def test_places_that_are_all(index: Any, size: int, all_of_it: bool) -> None:
    """Places are all of an array if each place is there, in order."""
    assert Places(index).are_all(size) == all_of_it


def test_a_view_of_a_single_number_is_that_number() -> None:
    """A view of a single number is that number."""
    made = Given()
    assert made.program.view(made.s, np.zeros(3, int), (made.columns,)) is made.s


def test_rules_are_called_on_arrays() -> None:
    """A declared rule, called on arrays, adds the local gradient to the program."""
    made = Given()
    out = scalargrad.tanh(made.x)
    slope = scalargrad.tanh.partials[0](out, made.x)
    assert np.allclose(made.numbers_of(slope), 1 - np.tanh(made.spread()[0]) ** 2, rtol=1e-14)
