"""What needs no state is computed outside of a loop, up to a limit of memory, and is the same there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import Value, lift, tanh
from scalargrad.engine import primitives as p
from scalargrad.lifting.arrays.program import Array, ArrayProgram
from scalargrad.lifting.loops.splitting import Limits, StepReads, When, parts
from scalargrad.lifting.to_numpy.target import NumpyTarget
from tests.lifting.loops.test_rolling import _agree, _computed, _text
from tests.lifting.recurrences import Made, hidden_markov, lstm, rnn_from_zero

BEFORE, INSIDE, AFTER = When


def _items(kinds: str, size: int = 10) -> list[Array]:
    """Sums, and what is computed element by element."""
    program = ArrayProgram()
    axes = program.axis(size), program.axis(2)
    leaves = [program.leaf(f"x{i}", axes) for i in range(len(kinds))]
    made: list[Any] = [
        program.fold(p.add, leaf, axes[1:]) if kind == "s" else p.tanh(program.fold(p.add, leaf, axes[1:]))
        for kind, leaf in zip(kinds, leaves, strict=True)
    ]
    return made


READS = [StepReads([], []), StepReads([0], [2]), StepReads([1], []), StepReads([1], []), StepReads([3], [])]


def test_what_depends_on_no_state_is_before_and_what_none_depends_on_after() -> None:
    """A state is the third step, of the second; the first is read by that, and the last two read it."""
    assert parts(_items("sesee"), READS, 10, Limits(10_000, 10_000)) == [BEFORE, INSIDE, INSIDE, AFTER, AFTER]


@pytest.mark.parametrize(("most", "splits"), [(499, False), (500, True)])
def test_the_limit_of_memory(most: int, splits: bool) -> None:
    """Of ten iterations ten numbers each are kept of the steps outside, and of the one that is read there."""
    chosen = parts(_items("sesss"), [*READS[:4], StepReads([1], [])], 10, Limits(most - 100, 10_000))
    assert chosen == ([BEFORE, INSIDE, INSIDE, AFTER, AFTER] if splits else [INSIDE] * 5)


@pytest.mark.parametrize(
    ("most", "chosen"), [(99, [BEFORE, INSIDE, INSIDE, AFTER, INSIDE]), (100, [BEFORE, INSIDE, INSIDE, AFTER, AFTER])]
)
def test_the_limit_for_what_is_computed_element_by_element(most: int, chosen: list[When]) -> None:
    """What takes more than a cache is computed in the loop, where its operands are; sums are not."""
    assert parts(_items("sesse"), [*READS[:4], StepReads([1], [])], 10, Limits(10_000, most)) == chosen


def test_all_that_a_step_in_the_loop_reads_is_there() -> None:
    """A step that can only be in the loop has what it needs of later ones with it."""
    reads = [StepReads([], [0]), StepReads([0], []), StepReads([1], [])]
    assert parts(_items("sse"), reads, 10, Limits(10_000, 0)) == [INSIDE, INSIDE, INSIDE]
    assert parts(_items("sse"), reads, 10, Limits(10_000, 1000)) == [INSIDE, AFTER, AFTER]


@pytest.mark.parametrize("recurrence", [rnn_from_zero, lstm, hidden_markov], ids=lambda one: one.__name__)
@pytest.mark.parametrize("limits", [(0, 0), (1 << 30, 1 << 30)], ids=["none", "all"])
def test_split_loops_compute_the_same(
    recurrence: Callable[[int], Made], limits: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is computed outside, results, gradients and products with the Hessian are the same."""
    with monkeypatch.context() as whole:
        whole.setattr(NumpyTarget, "limits", Limits(*limits))
        results, texts = _computed(recurrence(10))
    expected, _ = _computed(recurrence(10))
    _agree(results, expected)
    assert all(" in range(" in text for text in texts.values())


def _layer(steps: int) -> tuple[Any, list[Value], Any]:
    w = [[Value(0.1 * (i - j)) for j in range(4)] for i in range(4)]
    u = [[Value(0.1 * (i + j)) for j in range(4)] for i in range(4)]

    def loss(x: Any) -> Any:
        h: Any = [0.0] * 4
        for t in range(steps):
            read = [sum(a * b for a, b in zip(row, x[t], strict=True)) for row in w]
            h = [tanh(a + sum(v * b for v, b in zip(row, h, strict=True))) for a, row in zip(read, u, strict=True)]
        return sum(a * a for a in h)

    return loss, [value for matrix in (w, u) for row in matrix for value in row], np.ones((3, steps, 4))


@pytest.mark.parametrize(("most", "before"), [(39, False), (40, True)])
def test_inputs_are_multiplied_before_the_loop(most: int, before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four numbers of each of ten times are kept: below that limit the product stays in the loop."""
    monkeypatch.setattr(NumpyTarget, "limits", Limits(most, 1000))
    function, parameters, x = _layer(10)
    program = lift(function, parameters)
    program(x)
    ahead, _, body = _text(program, "forward").partition("for t in")
    assert ("np.matmul(W1, " in ahead) == before
    assert ("np.dot(W1, " in body) != before


def test_gradients_of_weights_are_products_after_the_loop() -> None:
    """They are no sums that the loop adds to: there is a matrix product for each matrix, over time and examples."""
    function, parameters, x = _layer(10)
    program = lift(function, parameters)
    program.value_and_grad(x)
    _, _, backward = _text(program, "value_and_grad").partition("# backward")
    lines = backward.splitlines()
    assert not any("_sum" in line for line in lines if line.startswith(" " * 8))
    assert sum(line.startswith("    np.dot(") for line in lines) == 2
