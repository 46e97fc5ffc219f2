"""Gradients, tangents and means of array programs agree with small changes of the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, lift, tanh
from scalargrad.engine import primitives as p
from scalargrad.lifting.arrays.differentiate import gradient, mean, pieces_of, restricted, tangent
from scalargrad.lifting.arrays.program import Array, ArrayProgram, Fold, Piece, Places, needed
from tests.lifting.interpreter import evaluate, kinds, operations

COUNT = 3


class Given:
    """A program with six parameters, a direction in which they may move, and an argument of two numbers."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.program = ArrayProgram()
        self.along = self.program.axis(6)
        self.theta: Any = self.program.leaf("theta", (self.along,))
        self.direction = self.program.leaf("direction", (self.along,))
        self.rows, self.columns = self.program.axis(2), self.program.axis(3)
        self.x: Any = self.program.leaf("x", (self.program.axis(2),), batched=True)
        self.numbers = {name: rng.uniform(0.5, 2, 6) for name in ("theta", "direction")}
        self.numbers["x"] = rng.uniform(0.5, 2, (COUNT, 2))
        self.numbers["i"] = np.array([[0, 2], [2, 2], [1, 0]])

    def at(self, places: Any) -> Any:
        """A view of the parameters along rows, columns, or both; or a single one."""
        axes: tuple[Any, ...] = ()
        if not isinstance(places, int):
            axes = {(2,): (self.rows,), (3,): (self.columns,), (2, 3): (self.rows, self.columns)}[places.shape]
        return self.program.view(self.theta, places, axes)

    def looked_up(self, table: Any, axis: Any) -> Any:
        """Numbers of a table along columns, at two indices of each example, which lie along an axis."""
        indices = self.program.leaf("i", (self.program.axis(2),), batched=True)
        return self.program.gather(table, self.program.view(indices, np.arange(2), (axis,)), self.columns)

    def inputs(self) -> Any:
        """The argument along rows."""
        return self.program.view(self.x, np.arange(2), (self.rows,))

    def total(self, array: Any) -> Any:
        return self.program.fold(p.add, array, (self.rows, self.columns, self.along), batch=True)

    def value(self, output: Any, theta: Any) -> float:
        return float(evaluate(output, {**self.numbers, "theta": theta}, COUNT)[0])

    def vector(self, array: Any) -> Any:
        """A gradient's numbers, one for each parameter."""
        return np.broadcast_to(evaluate(array, self.numbers, COUNT)[..., 0], (6,))


SIX = np.arange(6).reshape(2, 3)


def _assembled(g: Given) -> Any:
    """Two parameters, a product and a constant in an array of five, of which some are read."""
    axis = g.program.axis(5)
    pieces = [
        Piece(g.at(np.array([4, 1])) * g.inputs(), (g.rows,), Places(np.array([3, 0]))),
        Piece(g.at(5), (g.columns,), Places(np.array([1, 2, 3]))),
        Piece(3.0, (), Places(4)),
        Piece(p.exp(g.at(0)), (), Places(2)),
    ]
    whole = g.program.assemble((axis,), pieces)
    return g.total(p.tanh(g.program.view(whole, np.array([[0, 1, 2], [3, 4, 3]]), (g.rows, g.columns))))


def _beside_a_number(read: Callable[[Given, Any, Any], Any]) -> Callable[[Given], Any]:
    """An array of two computed numbers and a 1, read whole."""

    def output(g: Given) -> Any:
        axis, along = g.program.axis(3), g.program.axis(3)
        pieces = [
            Piece(p.tanh(g.at(np.array([4, 1])) * g.inputs()), (g.rows,), Places(np.arange(2))),
            Piece(1.0, (), Places(2)),
        ]
        whole = g.program.assemble((axis,), pieces)
        return read(g, g.program.view(whole, np.arange(3), (along,)), along)

    return output


def _layer(g: Given, inputs: Any, along: Any) -> Any:
    """A layer on these inputs, and the inputs again."""
    weights = g.program.view(g.theta, SIX, (g.rows, along))
    return g.total(p.exp(g.program.fold(p.add, weights * inputs, [along]))) + g.program.fold(
        p.add, inputs * inputs, [along], batch=True
    )


def _layer_of_constants(g: Given, inputs: Any, along: Any) -> Any:
    weights = g.program.table(SIX.astype(float) - 2.5, (g.rows, along))
    return g.total(p.exp(g.program.fold(p.add, weights * inputs, [along])))


def _folded(g: Given) -> Any:
    """All outputs of a layer in another shape, and then a few."""
    outputs = p.tanh(g.at(SIX) * g.inputs())
    axis, part = g.program.axis(6), g.program.axis(2)
    flat = g.program.view(outputs, np.arange(6), (axis,))
    few = g.program.view(outputs, np.array([1, 5]), (part,))
    return g.program.fold(p.add, flat * flat, [axis], batch=True) * g.program.fold(p.add, few, [part], batch=True)


def _stretched(g: Given) -> Any:
    """A view under two other axes, one of which the slope lacks."""
    outputs = p.tanh(g.at(SIX))
    rows, columns = g.program.axis(2), g.program.axis(3)
    seen = g.program.view(outputs, SIX, (rows, columns))
    weights = g.program.table(np.array([2.0, -0.5]), (rows,))
    return g.program.fold(p.add, weights * seen, [rows, columns])


def _alike(g: Given) -> Any:
    """A view of an array whose tangent lacks an axis."""
    weights = g.program.table(np.array([2.0, -0.5, 1.0]), (g.columns,))
    base, axis = g.at(np.array([5, 2])) + weights, g.program.axis(4)
    return g.program.fold(p.add, p.tanh(g.program.view(base, np.array([5, 0, 4, 1]), (axis,))), [axis])


def _looked_up(g: Given) -> Any:
    """Two look-ups of a table of parameters, one of a computed one, each with an index for all rows."""
    axis = g.program.axis(2)
    first, second = g.looked_up(g.at(SIX), axis), g.looked_up(p.tanh(g.at(SIX[::-1])), axis)
    again = g.program.fold(p.add, g.looked_up(g.at(SIX), g.program.axis(2)), [g.rows])
    assert isinstance(again, Array)
    return g.program.fold(p.add, g.total(p.exp(first) * second * g.inputs()), [axis]) + g.program.fold(
        p.add, again, again.axes, batch=True
    )


def _looked_up_in_each_row(g: Given) -> Any:
    """A table that differs between examples, with an index for each row."""
    return g.total(p.tanh(g.looked_up(g.at(SIX) * g.inputs(), g.rows)))


def _looked_up_in_what_moves_alike(g: Given) -> Any:
    """A table whose tangent is the same for all entries."""
    table = g.at(4) + g.program.table(np.array([2.0, -0.5, 1.0]), (g.columns,))
    return g.total(p.exp(g.looked_up(table, g.rows)))


OUTPUTS: dict[str, Callable[[Given], Any]] = {
    "a sum of all": lambda g: g.total(g.at(SIX)),
    "a matrix product": lambda g: g.total(p.tanh(g.program.fold(p.add, g.at(SIX) * g.inputs(), [g.rows]))),
    "the same along rows": lambda g: g.total(g.at(np.arange(3)) * g.inputs()),
    "the same along columns": lambda g: g.total(g.inputs() * g.inputs() * g.at(np.arange(2)) + g.at(np.arange(3))),
    "one for all": lambda g: g.total(g.at(4) * g.inputs()),
    "one of all": lambda g: g.at(4) * g.at(2),
    "all as they lie": lambda g: g.total(g.theta * p.exp(g.theta)),
    "all, and some again": lambda g: g.total(g.theta * g.theta) + g.total(g.at(np.array([5, 0]))),
    "transposed": lambda g: g.total(2.0 - g.at(SIX[::-1, ::-1]) / g.at(SIX)),
    "places that come twice": lambda g: g.total(g.at(np.array([3, 3, 1])) * g.at(np.array([1, 3, 3]))),
    "a term along nothing": lambda g: g.total(g.inputs() + g.at(0)),
    "a term without the batch": lambda g: g.total(g.inputs() * g.inputs() + p.tanh(g.at(np.arange(2)))),
    "put together": _assembled,
    "a layer of what was put together": _beside_a_number(_layer),
    "constants times what was put together": _beside_a_number(_layer_of_constants),
    "a sum of what was put together": _beside_a_number(
        lambda g, seen, along: g.program.fold(p.add, seen, [along], True)
    ),
    "a function of a sum of what was put together": _beside_a_number(
        lambda g, seen, along: g.total(p.tanh(g.program.fold(p.add, seen, [along])))
    ),
    "a view of what was computed": _folded,
    "the same view along fewer axes": _stretched,
    "all of them along fewer axes": lambda g: g.total(g.at(SIX) * g.inputs()),
    "a view of what moves along fewer axes": _alike,
    "look-ups": _looked_up,
    "look-ups in each row": _looked_up_in_each_row,
    "look-ups in what moves alike": _looked_up_in_what_moves_alike,
    "a sum of look-ups": lambda g: g.total(g.looked_up(g.at(np.arange(3)), g.rows)),
    "a look-up in what is the same for all": lambda g: g.total(g.looked_up(g.at(2), g.rows) * g.inputs()),
    "a number": lambda g: 2.5,
    "no parameter": lambda g: g.total(g.inputs()),
    "a comparison": lambda g: p.greater(g.at(1), g.at(2)) * g.at(3),
}
each_output = pytest.mark.parametrize("name", OUTPUTS)


def slopes(made: Given, output: Any) -> Any:
    """The slopes of an output by central differences."""
    step = 1e-5
    return np.array(
        [
            (made.value(output, made.numbers["theta"] + shift) - made.value(output, made.numbers["theta"] - shift))
            / (2 * step)
            for shift in step * np.eye(6)
        ]
    )


@each_output
def test_the_gradient_is_the_slope(name: str) -> None:
    """The gradient in each parameter is the slope of the output by central differences."""
    made = Given()
    output = OUTPUTS[name](made)
    computed = made.vector(gradient(made.program, output, made.theta))
    assert np.allclose(computed, slopes(made, output), rtol=1e-7, atol=1e-8)


@each_output
def test_the_tangent_is_the_slope_along_a_direction(name: str) -> None:
    """The tangent is the gradient times the direction: forward and backward mode agree."""
    made = Given()
    output = OUTPUTS[name](made)
    slope = tangent(made.program, output, made.theta, made.direction)
    expected = made.vector(gradient(made.program, output, made.theta)) @ made.numbers["direction"]
    assert np.allclose(evaluate(slope, made.numbers, COUNT), expected, rtol=1e-12)


@each_output
def test_the_tangent_of_the_gradient(name: str) -> None:
    """The tangent of a gradient is its slope along the direction, by central differences."""
    made = Given()
    first = gradient(made.program, OUTPUTS[name](made), made.theta)
    moved = made.vector(tangent(made.program, first, made.theta, made.direction))
    there = []
    theta, step = made.numbers["theta"], 1e-5
    for sign in (1, -1):
        made.numbers["theta"] = theta + sign * step * made.numbers["direction"]
        there.append(made.vector(first))
    assert np.allclose(moved, (there[0] - there[1]) / (2 * step), rtol=1e-6, atol=1e-7)


def test_what_is_held_constant() -> None:
    """No slope passes `stop_gradient`, neither of the first order nor of the second."""
    made = Given()
    first = gradient(made.program, p.stop_gradient(made.at(1)) * made.at(2) + p.stop_gradient(made.at(3)), made.theta)
    assert made.vector(first).tolist() == [0, 0, made.numbers["theta"][1], 0, 0, 0]
    assert tangent(made.program, first, made.theta, made.direction) == 0.0


def test_a_wrong_gradient_is_seen() -> None:
    """Negative control: the gradient of another output is not the slope of this one."""
    made = Given()
    output, other = OUTPUTS["a matrix product"](made), OUTPUTS["transposed"](made)
    computed = made.vector(gradient(made.program, other, made.theta))
    assert not np.allclose(computed, slopes(made, output), rtol=1e-2)


def test_no_gradient_reaches_an_index() -> None:
    """An index stays where it is: the derivative in the leaf that has the indices is 0, forwards and backwards."""
    made = Given()
    indices = made.program.leaf("i", (made.program.axis(2),), batched=True)
    index = made.program.view(indices, np.array([1, 0]), (made.rows,))
    output = made.total(made.program.gather(made.at(SIX), index, made.columns) * made.inputs())
    assert gradient(made.program, output, indices) == 0.0
    assert tangent(made.program, output, indices, made.direction) == 0.0


def test_no_gradient_passes_another_fold() -> None:
    """A maximum is folded only where no gradient passes; a gradient through one is an error."""
    made = Given()
    largest = made.program.fold(p.maximum, made.at(SIX), [made.rows, made.columns])
    with pytest.raises(AssertionError, match="only sums are folded"):
        gradient(made.program, largest, made.theta)
    assert tangent(made.program, p.stop_gradient(largest), made.theta, made.direction) == 0.0


class Unknown(Array):
    """An array of a class that nothing else knows."""


def test_a_class_without_a_gradient_is_refused() -> None:
    """A new class of arrays has no derivative in silence: neither a gradient nor a tangent is 0 by default."""
    made = Given()
    unknown = Unknown(made.program, (made.at(0),), (), False)
    unknown.number = len(made.program.arrays)
    made.program.arrays.append(unknown)
    output = p.exp(unknown)
    with pytest.raises(AssertionError, match="there is no gradient of unknown"):
        gradient(made.program, output, made.theta)
    with pytest.raises(AssertionError, match="there is no tangent of unknown"):
        tangent(made.program, output, made.theta, made.direction)


# ---------------------------------------------------------------- the mean over the batch

Batched = Callable[[Any, Any], Any]  # of x, which differs between examples, and w, which does not
MEANS: dict[str, tuple[Batched, list[str]]] = {
    "x": (lambda x, w: x, ["view", "fold add over the batch", "multiply"]),
    "w": (lambda x, w: w, ["view"]),
    "tanh(x)": (lambda x, w: p.tanh(x), ["view", "tanh", "fold add over the batch", "multiply"]),
    "x + w": (lambda x, w: x + w, ["view", "fold add over the batch", "multiply", "view", "add"]),
    "w - x": (lambda x, w: w - x, ["view", "fold add over the batch", "multiply", "view", "subtract"]),
    "-x": (lambda x, w: -x, ["view", "fold add over the batch", "multiply", "negative"]),
    "w * x": (lambda x, w: w * x, ["view", "fold add over the batch", "multiply", "view", "multiply"]),
    "x * w": (lambda x, w: x * w, ["view", "fold add over the batch", "multiply", "view", "multiply"]),
    "0.5 * x": (lambda x, w: 0.5 * x, ["view", "fold add over the batch", "multiply", "multiply"]),
    "x * x": (lambda x, w: x * x, ["view", "multiply", "fold add over the batch", "multiply"]),
}


def _examples(made: Given) -> tuple[Any, Any]:
    return made.program.view(made.x, 1, ()), made.at(3)


@pytest.mark.parametrize("name", MEANS)
def test_what_does_not_depend_on_the_batch_stays_outside(name: str) -> None:
    """A mean sums only what differs between examples; other terms and factors are applied once."""
    formula, left = MEANS[name]
    made = Given()
    averaged = mean(made.program, formula(*_examples(made)))
    assert sorted(kinds(averaged)) == sorted(left)
    summed = [array for array in made.program.arrays if isinstance(array, Fold) and array.over_batch]
    assert all(made.theta not in array.arrays and not _reads(array, made.theta) for array in summed)


def _reads(array: Array, leaf: Array) -> bool:
    return array is leaf or any(_reads(operand, leaf) for operand in array.arrays)


@pytest.mark.parametrize("name", MEANS)
@given(seed=st.integers(0, 2**32))
def test_a_mean_is_the_mean(name: str, seed: int) -> None:
    """With terms and factors taken out, it is the mean over the examples."""
    made = Given()
    rng = np.random.default_rng(seed)
    made.numbers |= {"theta": rng.normal(size=6), "x": rng.normal(size=(COUNT, 2))}
    loss = MEANS[name][0](*_examples(made))
    expected = np.mean(evaluate(loss, made.numbers, COUNT))
    assert np.allclose(evaluate(mean(made.program, loss), made.numbers, COUNT), expected, rtol=1e-12, atol=1e-14)


def test_a_product_of_two_that_differ_stays_inside() -> None:
    """Negative control: nothing is taken out of a product of two batched arrays, whose mean is not that of means."""
    made = Given()
    x, _ = _examples(made)
    y = made.program.view(made.x, 0, ())
    numbers = [evaluate(mean(made.program, one), made.numbers, COUNT)[0] for one in (x * y, x, y)]
    assert abs(numbers[0] - numbers[1] * numbers[2]) > 1e-3
    assert mean(made.program, 2.5) == 2.5


def _sum_of_squares(made: Given) -> Any:
    """A sum over two numbers of each example."""
    return made.program.fold(p.add, made.inputs() * made.inputs(), [made.rows])


SUMS: dict[str, tuple[Callable[[Given], Any], int]] = {
    "a sum": (_sum_of_squares, 1),
    "a sum that is read again": (lambda g: _sum_of_squares(g) + p.tanh(_sum_of_squares(g)), 3),
    "a layer's one output": (lambda g: g.program.fold(p.add, g.at(np.arange(2)) * g.inputs(), [g.rows]), 2),
}


@pytest.mark.parametrize("name", SUMS)
def test_the_mean_of_a_sum_is_one_sum(name: str) -> None:
    """A sum in each example is summed over all examples at once, unless something else reads it."""
    formula, sums = SUMS[name]
    made = Given()
    loss = formula(made)
    averaged = mean(made.program, loss)
    assert sum(kind.startswith("fold") for kind in kinds(averaged)) == sums
    expected = np.mean(evaluate(loss, made.numbers, COUNT))
    assert np.allclose(evaluate(averaged, made.numbers, COUNT), expected, rtol=1e-13)


# ---------------------------------------------------------------- sums whose terms are sums


def _sums_of_sums(x: Any, y: Any, count: int) -> Any:
    """Sums of the two before them, as Fibonacci's numbers: written out, the last has many terms."""
    for _ in range(count):
        x, y = y, x + y
    return y


def test_the_mean_of_a_shared_term_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mean of sums that share terms takes a few operations for each sum, not for each path to a term."""
    made = Given()
    loss = _sums_of_sums(made.program.view(made.x, 0, ()), made.program.view(made.x, 1, ()), 14)
    apply = Mock(wraps=made.program.apply)
    monkeypatch.setattr(made.program, "apply", apply)
    averaged = mean(made.program, loss)
    assert apply.call_count < 50
    expected = np.mean(evaluate(loss, made.numbers, COUNT))
    assert np.allclose(evaluate(averaged, made.numbers, COUNT), expected, rtol=1e-12)


@pytest.mark.parametrize("in_parts", [True, False])
def test_a_shared_term_is_one_piece(in_parts: bool) -> None:
    """A gradient that is a sum of sums has at most one piece for each of them, and the pieces add up to it."""
    made = Given()
    slope = _sums_of_sums(p.tanh(made.theta), p.exp(made.theta), 14)
    if in_parts:
        slope = slope + made.program.assemble((made.along,), [Piece(made.at(0), (), Places(2))])
    pieces = pieces_of(slope, 6)
    assert len(pieces) <= 20 if in_parts else len(pieces) == 1
    assert np.allclose(_added_up(made, pieces), made.vector(slope), rtol=1e-12)


def test_a_gradient_of_many_terms_in_one_parameter() -> None:
    """A parameter may be read any number of times: its derivative is not a formula too long for Python."""
    w = Value(0.5)

    def loss(x: Any) -> Any:
        for _ in range(4000):
            x = tanh(w * x)
        return x

    program: Any = lift(loss, [w], target="python", check=False)
    value, slope = program.value_and_grad([1.0])
    output = loss(Value(1.0))
    output.backward()
    assert (value, slope) == (output.data, [pytest.approx(w.grad, rel=1e-12)])


# ---------------------------------------------------------------- parts of what was computed


def test_of_what_stands_beside_numbers_only_the_part_is_computed() -> None:
    """The gradient of the inputs of a layer has no row for the 1 beside them."""
    made = Given()
    slope = gradient(made.program, OUTPUTS["a layer of what was put together"](made), made.theta)
    folds = [array for array in needed([slope]) if isinstance(array, Fold)]
    assert {array.size for array in folds if array.batched} == {2}


def test_computing_all_of_it_is_seen() -> None:
    """Negative control: a view of the whole computes all of it."""
    made = Given()
    axis, part = made.program.axis(3), made.program.axis(2)
    whole = p.tanh(made.program.view(made.theta, np.arange(3), (axis,)))
    assert [array.size for array in needed([made.program.view(whole, np.arange(2), (part,))])] == [6, 3, 3, 2]
    assert [array.size for array in needed([restricted(made.program, whole, axis, np.arange(2), part)])] == [6, 2, 2]


@given(picked=st.lists(st.integers(0, 2), min_size=1, max_size=3))
def test_a_part_of_a_result_is_the_result_of_parts(picked: list[int]) -> None:
    """The restricted result has the numbers of the whole at these places."""
    made = Given()
    axis, new = made.program.axis(3), made.program.axis(len(picked))
    weights = made.program.view(made.theta, SIX, (made.rows, axis))
    table = made.program.table(SIX.astype(float) * 0.3, (made.rows, axis))
    inner = made.program.fold(p.add, p.exp(weights * table) * made.inputs(), [made.rows])
    whole = p.tanh(inner) * made.inputs() + 2.0
    part = evaluate(restricted(made.program, whole, axis, np.array(picked), new), made.numbers, COUNT)
    assert np.allclose(part, evaluate(whole, made.numbers, COUNT)[:, picked], rtol=1e-14)


# ---------------------------------------------------------------- pieces


@each_output
def test_a_gradient_is_the_sum_of_its_pieces(name: str) -> None:
    """The pieces, added in their places, are the gradient; pieces of all places come last."""
    made = Given()
    slope = gradient(made.program, OUTPUTS[name](made), made.theta)
    pieces = pieces_of(slope, 6)
    assert np.allclose(_added_up(made, pieces), made.vector(slope), rtol=1e-12)
    cover_all = [piece.places.are_all(6) for piece in pieces]
    assert cover_all == sorted(cover_all)


def _added_up(made: Given, pieces: list[Piece]) -> Any:
    whole = np.zeros(6)
    for piece in pieces:
        axes = piece.axes or ((made.along,) if piece.places.are_all(6) else ())
        assembled = made.program.assemble((made.along,), [piece._replace(axes=axes)])
        whole += evaluate(assembled, made.numbers, COUNT)[:, 0]
    return whole


def test_no_gradient_has_no_pieces() -> None:
    """Where nothing depends on the parameters there are no pieces."""
    assert pieces_of(None, 6) == pieces_of(0.0, 6) == []


def test_a_gradient_is_shared() -> None:
    """What forward and backward both need is added once: tanh and its gradient are four operations, not five."""
    made = Given()
    output = p.tanh(made.at(3))
    assert operations(output, gradient(made.program, output, made.theta)) == 5
    assert kinds(output, gradient(made.program, output, made.theta)) == [
        "view",
        "tanh",
        "multiply",
        "subtract",
        "assembly",
    ]
