"""Array programs made by hand, of shapes that networks seldom have: their text computes what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scalargrad import primitives as p
from scalargrad.lift.arrays import Array, ArrayProgram, Places
from scalargrad.lift.naming import Names
from scalargrad.lift.numpy_source import write
from scalargrad.lift.source import compiled

from .interpreter import evaluate

N_THETA, N_INPUTS, COUNT = 24, 24, 5
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
        return self.program.reduce(p.add, multiplied, [self.axes[axis] for axis in along], batch)

    def sum_of_sines(self, array: Any) -> Any:
        sines = self.program.apply(p.sin, [array])
        return self.program.reduce(p.add, sines, array.axes, batch=True)


def interleaved() -> Any:
    """The result's axes are by turns those of one factor and of the other."""
    sketch = Sketch(2, 3, 2, 4)
    return sketch.sum_of_sines(sketch.product(sketch.shown(sketch.theta, 0, 2, 3), sketch.shown(sketch.x, 1, 3), 3))


def summed_around() -> Any:
    """What a factor is summed over lies on both sides of what it is not."""
    sketch = Sketch(2, 3, 2, 2)
    return sketch.sum_of_sines(
        sketch.product(sketch.shown(sketch.theta, 0, 1, 2), sketch.shown(sketch.x, 0, 2, 3), 0, 2)
    )


def of_strangers() -> Any:
    """The factors have nothing in common: one differs between parameters, the other between examples."""
    sketch = Sketch(3)
    single = sketch.program.view(sketch.x, 4, ())
    return sketch.product(sketch.shown(sketch.theta, 0), single, 0, batch=True)


def spread_and_met() -> Any:
    """A row goes to several rows of places, some of which are the same."""
    sketch = Sketch(2, 3)
    row = sketch.program.apply(p.tanh, [sketch.shown(sketch.x, 1)])
    places = Places(np.array([[0, 1, 2], [1, 2, 3]]))
    return sketch.sum_of_sines(sketch.program.assemble((sketch.program.axis(5),), [(places, tuple(sketch.axes), row)]))


@pytest.mark.parametrize("made", [interleaved, summed_around, of_strangers, spread_and_met])
def test_the_text_computes_what_the_program_means(made: Any) -> None:
    """Run by numpy, the text of a program gives what reading the program word by word gives."""
    root = made()
    source = write("total", ["x"], [root], None, N_THETA, Names([root], {}, ["x"]), "A program.")
    leaves = [GIVEN[name] for name in source.leaves]
    total = compiled(source, "bind")(*leaves, np.zeros(N_THETA), COUNT)
    expected = evaluate(root, GIVEN, COUNT)
    assert np.allclose(total(GIVEN["x"]), expected[..., 0], rtol=1e-12, atol=0)


def test_another_program_is_told_apart() -> None:
    """Negative control: the numbers of one of these programs are not those of another."""
    first, second = (evaluate(made(), GIVEN, COUNT)[..., 0] for made in (interleaved, summed_around))
    assert not np.allclose(first, second, rtol=1e-3)
