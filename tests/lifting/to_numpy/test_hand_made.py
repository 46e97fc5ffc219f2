"""Array programs made by hand, of shapes that networks rarely have: their text computes what they mean."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad.engine import primitives as p
from scalargrad.lifting.arrays.program import Array, ArrayProgram, Axis, Piece, Places
from scalargrad.lifting.names import Names
from scalargrad.lifting.source import Code, Wanted
from scalargrad.lifting.to_numpy.writer import write
from tests.lifting.interpreter import evaluate

N_THETA, N_INPUTS, COUNT = 32, 32, 5
RNG = np.random.default_rng(0)
GIVEN = {"theta": RNG.normal(size=N_THETA), "x": RNG.normal(size=(COUNT, N_INPUTS))}


class Sketch:
    """A program in the making: leaves, axes that are stored in this order, and views with these axes."""

    def __init__(self, *sizes: int) -> None:
        self.program = ArrayProgram()
        self.theta = self.program.leaf("theta", (self.program.axis(N_THETA),))
        self.x = self.program.leaf("x", (self.program.axis(N_INPUTS),), batched=True)
        self.axes = [self.program.axis(size) for size in sizes]

    def shown(self, leaf: Array, *axes: int) -> Array:
        along = tuple(self.axes[axis] for axis in axes)
        sizes = [axis.size for axis in along]
        return self.program.view(leaf, np.arange(np.prod(sizes)).reshape(sizes), along)

    def product(self, x: Array, y: Array, *along: int, batch: bool = False) -> Any:
        multiplied = self.program.apply(p.multiply, [x, y])
        return self.program.fold(p.add, multiplied, [self.axes[axis] for axis in along], batch)

    def sum_of_sines(self, array: Any) -> Any:
        sines = self.program.apply(p.sin, [array])
        return self.program.fold(p.add, sines, array.axes, batch=True)


def interleaved() -> Any:
    """The axes of the result are alternately those of one factor and of the other."""
    sketch = Sketch(2, 3, 2, 4)
    return sketch.sum_of_sines(sketch.product(sketch.shown(sketch.theta, 0, 2, 3), sketch.shown(sketch.x, 1, 3), 3))


def summed_around() -> Any:
    """The axes that are summed over lie on both sides of one that is not."""
    sketch = Sketch(2, 3, 2, 2)
    return sketch.sum_of_sines(
        sketch.product(sketch.shown(sketch.theta, 0, 1, 2), sketch.shown(sketch.x, 0, 2, 3), 0, 2)
    )


def _summed_over_time(at: int) -> Any:
    """The sum over the steps of a loop, and over examples, of products of two axes with another one at that place."""
    sketch = Sketch(*(2 if i == at else 3 for i in range(3)))
    time = Axis(-7, 4)  # as loops have it
    made = []
    for axes in ([axis for axis in sketch.axes if axis is not sketch.axes[at]], [sketch.axes[at]]):
        along = (time, *axes)
        sizes = [axis.size for axis in along]
        view = sketch.program.view(sketch.x, np.arange(np.prod(sizes)).reshape(sizes) % N_INPUTS, along)
        made.append(sketch.program.apply(p.tanh, [view]))
    multiplied = sketch.program.apply(p.multiply, made)
    total: Any = sketch.program.fold(p.add, multiplied, [time], batch=True)
    return sketch.program.fold(p.add, sketch.program.apply(p.sin, [total]), total.axes)


def summed_over_time() -> Any:
    """The two axes come first."""
    return _summed_over_time(2)


def summed_over_time_behind() -> Any:
    """The two axes come last."""
    return _summed_over_time(0)


def summed_over_time_around() -> Any:
    """The two axes are on both sides of the other one."""
    return _summed_over_time(1)


def of_strangers() -> Any:
    """The factors share no axis: one differs between parameters, the other between examples."""
    sketch = Sketch(3)
    single = sketch.program.view(sketch.x, 4, ())
    return sketch.product(sketch.shown(sketch.theta, 0), single, 0, batch=True)


def spread_and_met() -> Any:
    """A row is added to several rows of places, some of them the same."""
    sketch = Sketch(2, 3)
    row = sketch.program.apply(p.tanh, [sketch.shown(sketch.x, 1)])
    piece = Piece(row, tuple(sketch.axes), Places(np.array([[0, 1, 2], [1, 2, 3]])))
    return sketch.sum_of_sines(sketch.program.assemble((sketch.program.axis(5),), [piece]))


def met_across() -> Any:
    """Numbers are added in one place unless they differ in the last axis."""
    sketch = Sketch(2, 2, 3)
    table = sketch.program.apply(p.tanh, [sketch.shown(sketch.x, 0, 1, 2)])
    places = Places(np.array([[[0, 1, 0], [1, 2, 1]], [[2, 3, 2], [3, 4, 3]]]))
    axis = sketch.program.axis(5)
    return sketch.sum_of_sines(sketch.program.assemble((axis,), [Piece(table, tuple(sketch.axes), places)]))


def turned_and_spread() -> Any:
    """A square is added to places that repeat along a third axis."""
    sketch = Sketch(3, 3, 2)
    square = sketch.program.apply(p.tanh, [sketch.shown(sketch.x, 0, 1)])
    rows, columns = np.indices((3, 3))
    first = rows * 3 + columns
    places = Places(np.stack([first, (first + 4) % 9], axis=2))
    axis = sketch.program.axis(9)
    weighed = sketch.program.assemble((axis,), [Piece(square, tuple(sketch.axes), places)])
    weights = sketch.program.view(sketch.theta, np.arange(9), (axis,))
    return sketch.sum_of_sines(sketch.program.apply(p.multiply, [weighed, weights]))


def folded_twice() -> Any:
    """A part of an array is reshaped and a part of that is read, which no view of the array can be."""
    sketch = Sketch(2, 3, 4, 2)
    table: Any = sketch.program.apply(p.tanh, [sketch.shown(sketch.x, 0, 1)])
    two = (sketch.program.axis(2), sketch.program.axis(2))
    part = sketch.program.view(table, np.array([[0, 1], [3, 4]]), two)
    again = sketch.program.view(part, np.array([0, 1, 2, 3]), (sketch.axes[2],))
    weights = sketch.program.view(sketch.theta, np.arange(4), (sketch.axes[2],))
    return sketch.sum_of_sines(sketch.program.apply(p.multiply, [again, weights]))


def parameters_met() -> Any:
    """Numbers that all examples share, the same along one axis, are added in an array that all examples share."""
    sketch = Sketch(3, 3)
    row = sketch.program.apply(p.tanh, [sketch.shown(sketch.theta, 1)])
    places = Places(np.array([[0, 0, 1], [2, 1, 2], [3, 4, 3]]))
    axis = sketch.program.axis(5)
    whole = sketch.program.assemble((axis,), [Piece(row, tuple(sketch.axes), places)])
    return sketch.sum_of_sines(sketch.program.apply(p.multiply, [whole, sketch.program.view(sketch.x, 2, ())]))


def row_met() -> Any:
    """A row of numbers that all examples share, several of which are added in one place."""
    sketch = Sketch(4)
    row = sketch.program.apply(p.tanh, [sketch.shown(sketch.theta, 0)])
    axis = sketch.program.axis(3)
    whole = sketch.program.assemble((axis,), [Piece(row, tuple(sketch.axes), Places(np.array([0, 2, 0, 1])))])
    return sketch.sum_of_sines(sketch.program.apply(p.multiply, [whole, sketch.program.view(sketch.x, 2, ())]))


def many_by_one() -> Any:
    """Many matrices, which lie along two axes, are multiplied by one."""
    sketch = Sketch(2, 2, 3, 2)
    return sketch.sum_of_sines(sketch.product(sketch.shown(sketch.x, 0, 1, 3), sketch.shown(sketch.theta, 2, 3), 3))


def many_by_no_matrix() -> Any:
    """The same with something else: the axis that is summed over lies between those of the result."""
    sketch = Sketch(2, 3, 2, 2)
    return sketch.sum_of_sines(sketch.product(sketch.shown(sketch.x, 0, 2), sketch.shown(sketch.theta, 1, 2, 3), 2))


MADE = [
    many_by_one,
    many_by_no_matrix,
    folded_twice,
    turned_and_spread,
    met_across,
    interleaved,
    summed_around,
    summed_over_time,
    summed_over_time_behind,
    summed_over_time_around,
    of_strangers,
    spread_and_met,
    parameters_met,
    row_met,
]


def computed(root: Any, count: int) -> Any:
    """The result of running the text of a program."""
    source = write(Wanted("function", ["x"], [root], None, {"theta": N_THETA}, Names([root], {}, ["x"]), "A program."))
    leaves = {name: GIVEN[name] for name in source.leaves}
    function = Code(source, "function").function({**leaves, "gradient": np.zeros(N_THETA), "B": count})
    return function(GIVEN["x"][:count])


@pytest.mark.parametrize("made", MADE)
def test_the_text_computes_what_the_program_means(made: Any) -> None:
    """The text of a program computes what the interpreter computes."""
    root = made()
    assert np.allclose(computed(root, COUNT), evaluate(root, GIVEN, COUNT)[..., 0], rtol=1e-12, atol=0)


# ---------------------------------------------------------------- numbers that meet

PIECES = ["numbers", "parameters", "examples", "a corner of parameters", "a corner of examples"]


def met(kinds: list[str], sizes: tuple[int, int], along: list[int], seed: int) -> Any:
    """An assembly of pieces of these kinds, which differ along these axes, in random places, many of them the same."""
    rng, sketch = np.random.default_rng(seed), Sketch(*sizes, 2)
    rows, columns = sizes
    whole = np.arange((rows + 1) * (columns + 1) * 2).reshape(rows + 1, columns + 1, 2)
    wider = tuple(sketch.program.axis(size) for size in whole.shape)
    pieces: list[Piece] = []
    for kind in kinds:
        leaf = sketch.x if "examples" in kind else sketch.theta
        piece: Any = 0.75
        if "corner" in kind:  # some of the numbers of a buffer, which no view shows in a row
            sines: Any = sketch.program.apply(p.sin, [sketch.program.view(leaf, whole, wider)])
            piece = sketch.program.view(sines, whole[:-1, :-1].copy(), tuple(sketch.axes))
        elif kind != "numbers":
            piece = sketch.program.apply(p.sin, [sketch.shown(leaf, *along)])
        for _ in range(2):
            pieces.append(Piece(piece, tuple(sketch.axes), Places(rng.integers(0, 4, size=(rows, columns, 2)))))
    together = sketch.program.assemble((sketch.program.axis(5),), pieces)
    weights = sketch.program.view(sketch.x, np.arange(5), together.axes)
    return sketch.sum_of_sines(sketch.program.apply(p.multiply, [together, weights]))


@settings(max_examples=5 * settings().max_examples)
@given(
    kinds=st.lists(st.sampled_from(PIECES), min_size=1, max_size=2),
    sizes=st.tuples(st.integers(2, 3), st.integers(2, 3)),
    along=st.sampled_from([[0, 1, 2], [0, 2], [1], [2]]),
    count=st.integers(1, COUNT),
    seed=st.integers(0, 2**32 - 1),
)
def test_numbers_that_meet_are_added(
    kinds: list[str], sizes: tuple[int, int], along: list[int], count: int, seed: int
) -> None:
    """Numbers in the same place are added: of one example or of all, the same along some axes, in views or buffers."""
    root = met(kinds, sizes, along, seed)
    expected = evaluate(root, {**GIVEN, "x": GIVEN["x"][:count]}, count)[..., 0]
    assert np.allclose(computed(root, count), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", PIECES)
def test_where_they_meet_is_told_apart(kind: str) -> None:
    """Negative control: other places give other numbers."""
    first, second = (evaluate(met([kind], (2, 3), [0, 1, 2], seed), GIVEN, COUNT)[..., 0] for seed in (1, 2))
    assert not np.allclose(first, second, rtol=1e-3)


def test_another_program_is_told_apart() -> None:
    """Negative control: another program gives other numbers."""
    first, second = (evaluate(made(), GIVEN, COUNT)[..., 0] for made in (interleaved, summed_around))
    assert not np.allclose(first, second, rtol=1e-3)


def unshared(text: str, namespace: Mapping[str, Any]) -> list[str]:
    """The names that a program binds to arrays that are neither new buffers nor views of what is bound before."""
    tree = ast.parse(text)
    given = {"np": np, "B": COUNT, "theta": np.zeros(N_THETA), "gradient": np.zeros(N_THETA)}
    known: dict[str, Any] = {**given, **namespace}
    unshared_names = []
    for line in tree.body:
        if isinstance(line, ast.Assign):
            name, text = ast.unparse(line.targets[0]), ast.unparse(line.value)
            arrays = [array for array in known.values() if isinstance(array, np.ndarray)]
            known[name] = eval(text, known)  # noqa: S307  # the program's own text
            is_room = text.startswith(("np.empty", "np.zeros"))
            if isinstance(known[name], np.ndarray) and known[name].dtype == float and not is_room:
                unshared_names += [name] * (not any(np.shares_memory(known[name], array) for array in arrays))
    return unshared_names


@pytest.mark.parametrize("made", MADE)
def test_what_is_bound_once_is_a_view(made: Any) -> None:
    """What is bound once is a buffer, or a view of one: a copy would keep old numbers."""
    root = made()
    source = write(Wanted("function", ["x"], [root], None, {"theta": N_THETA}, Names([root], {}, ["x"]), "A program."))
    assert unshared(source.text, source.namespace) == []


def test_a_copy_is_seen() -> None:
    """Negative control: a reshape that makes a copy is seen."""
    text = "a = np.empty((2, 3, B))\nb = a[:, :2]\nc = b.reshape(4, B)"
    assert unshared(text, {}) == ["c"]
