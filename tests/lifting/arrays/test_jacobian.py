"""Derivatives of many results at once: the same as one by one, in a text that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import Value, exp, lift, log, maximum, softmax, stop_gradient, take, tanh
from scalargrad.engine import primitives as p
from scalargrad.lifting import Disagreement
from scalargrad.lifting.arrays import jacobian
from scalargrad.lifting.arrays.differentiate import Recurrences, gradient
from scalargrad.lifting.arrays.program import ArrayProgram, Piece, Places
from tests.lifting.interpreter import evaluate

Function = Callable[..., Any]
RNG = np.random.default_rng(0)
w = [Value(float(number)) for number in RNG.normal(size=90)]


def layer(x: Any, n: int, start: int = 0) -> list[Any]:
    rows = [w[start + i * len(x) : start + (i + 1) * len(x)] for i in range(n)]
    return [tanh(sum(own * a for own, a in zip(row, x, strict=True))) for row in rows]


def recurrent(x: Any) -> Any:
    state: Any = [0.0] * 4
    for a in x * 3:
        state = [tanh(one + a * own) for one, own in zip(layer(state, 4), w[80:84], strict=True)]
    return state


def neighbours(x: Any) -> Any:
    return [sum(own * a for own, a in zip(w, x[i : i + 3], strict=False)) for i in range(4)]


def scaled(x: Any) -> Any:
    return [tanh(w[0] * a) * a + w[1] for a in x]


def each_with_its_own(x: Any) -> Any:
    return [own * a * a for own, a in zip(w, x, strict=False)]


def two_layers(x: Any) -> Any:
    return layer(layer(x, 5), 4, 40)


def around_a_layer(x: Any) -> Any:
    return [a + b for a, b in zip(x, layer([tanh(a) for a in x], 6), strict=True)]


def normalised(x: Any) -> Any:
    return softmax([a * own for a, own in zip(x, w, strict=False)])


def steps(x: Any) -> Any:
    return [tanh(b) - tanh(a) for a, b in pairwise(x)]


def shuffled(x: Any) -> Any:
    return [exp(x[i]) * x[j] for i, j in ((0, 3), (2, 1), (4, 4), (5, 0))]


def two_families(x: Any) -> Any:
    return {"a": [a * w[2] for a in x], "b": [exp(a) for a in reversed(x)]}


def windows(x: Any) -> Any:
    hidden = [tanh(sum(w[k] * x[i + k] for k in range(3))) for i in range(4)]
    return [sum(w[10 + k] * hidden[i + k] for k in range(2)) for i in range(3)]


def products(x: Any) -> Any:
    return [[a * b * own for b in x] for a, own in zip(x, w, strict=False)]


def held(x: Any) -> Any:
    return [stop_gradient(a) * a + w[0] for a in x]


def of_parameters(x: Any) -> Any:  # noqa: ARG001  # of the same form
    return [tanh(own) * own for own in w[:6]]


def parts_of_a_list(x: Any) -> Any:
    """Of a list that is put together, one number is a constant, and one is not read."""
    hidden = [0.5, *[tanh(a) for a in x], exp(x[0])]
    return [a * b for a, b in zip(hidden[:-1], w[20:], strict=False)]


def joined(x: Any) -> Any:
    """A list of parts that were computed in different ways goes through a layer."""
    return layer([exp(x[0]), *[w[3] * a for a in x[1:4]], w[5], 0.5 * x[5]], 4, 20)


FAMILIES: list[Function] = [
    scaled, each_with_its_own, two_layers, around_a_layer, normalised, steps, shuffled, two_families, windows, products,
    held, of_parameters, joined, parts_of_a_list, recurrent,
]  # fmt: skip


def numbers(result: Any) -> Any:
    """The numbers of a result in any form, in a row."""
    if isinstance(result, dict | tuple):
        return np.concatenate([numbers(part) for part in (result.values() if isinstance(result, dict) else result)])
    return np.ravel(np.array(result, dtype=float))


def derivatives_of(function: Function, target: str, rows: Any) -> dict[str, Any]:
    program: Any = lift(function, w, target=target, check=False)
    given_rows = rows if target == "numpy" else rows.tolist()
    return {"jacobian": program.jacobian(given_rows), "input_gradients": program.input_gradients(given_rows)}


def agree(function: Function, rows: Any) -> bool:
    """Whether a function's derivatives on arrays are those on single numbers, which are computed one by one."""
    own, expected = (derivatives_of(function, target, rows) for target in ("numpy", "python"))
    return all(
        np.allclose(numbers(own[kind]), numbers(expected[kind]), rtol=1e-10, atol=1e-13, equal_nan=True) for kind in own
    )


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each leaf that is differentiated in from now on, whether all results were taken at once."""
    heard: list[bool] = []
    right = jacobian._at_once

    def listening(*given: Any) -> Any:
        pieces = right(*given)
        heard.append(pieces is not None)
        return pieces

    monkeypatch.setattr(jacobian, "_at_once", listening)
    return heard


@pytest.mark.parametrize("function", FAMILIES)
def test_families_of_results_are_differentiated_at_once(function: Function, at_once: list[bool]) -> None:
    """Results that are computed alike have in parameters and in inputs the derivatives that each of them has alone."""
    assert agree(function, RNG.normal(size=(3, 6)))
    assert at_once == [True, True]


@st.composite
def functions(draw: st.DrawFn) -> Function:
    """What lists go through: functions of each number, neighbours, other orders, layers, sums over all of it."""
    kinds = ("each", "twice", "order", "steps", "layer", "shared", "parts")
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=4))
    orders = [draw(st.permutations(range(6))) for _ in chosen]

    def function(x: Any) -> Any:
        for kind, order in zip(chosen, orders, strict=True):
            if kind == "each":
                x = [tanh(a) * own for a, own in zip(x, w[20:], strict=False)]
            elif kind == "twice":
                x = [a * b for a, b in zip(x, x[::-1], strict=True)]
            elif kind == "order":
                x = [x[i % len(x)] for i in order[:5]]
            elif kind == "steps":
                x = [a - 0.5 * b for a, b in pairwise([*x, x[0]])]
            elif kind == "layer":
                x = layer(x, 4, 30)
            elif kind == "shared":
                total = sum(a * a for a in x)
                x = [a / (1.0 + total) for a in x]
            else:
                x = [*x[:2], exp(-x[0]), w[7], *[w[8] * a for a in x[2:]]]
        return [a * 1.0 + w[9] for a in x]

    return function


@settings(max_examples=30)
@given(function=functions(), seed=st.integers(0, 1000))
def test_any_lists_of_results(function: Function, seed: int) -> None:
    """However lists are computed from lists, their derivatives are those that each result has alone."""
    assert agree(function, np.random.default_rng(seed).normal(size=(2, 6)))


def test_derivatives_that_are_lost_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where two ways lead from a result to an input and one is dropped, the first call says so."""
    monkeypatch.setattr(jacobian, "_merged", lambda _, parts: parts[-1:])
    program: Any = lift(lambda x: [tanh(a) * a for a in x], w, target="numpy")
    with pytest.raises(Disagreement, match="derivative 0"):
        program.input_gradients([[0.5, 1.0, 2.0]])


def test_what_does_not_depend_on_an_input_has_the_slope_zero() -> None:
    """Beside a derivative that is nan or inf, those in the other numbers are 0, as in the engine."""
    slopes = lift(lambda x: [log(a) for a in x], [], target="numpy").input_gradients([[0.0, -1.0, 2.0]])
    assert np.array_equal(slopes[0], [[np.inf, 0, 0], [0, -1.0, 0], [0, 0, 0.5]], equal_nan=True)


@pytest.mark.parametrize(
    "function", [lambda x: [tanh(own * x[0] + w[80]) for own in w[: len(x)]], lambda x: [tanh(w[0] * a) * a for a in x]]
)
def test_the_text_does_not_grow_with_the_results(function: Function) -> None:
    """The derivatives of sixty results take as many lines as those of twenty."""
    lengths = set()
    for count in (20, 60):
        program: Any = lift(function, w, target="numpy", check=False)
        program.jacobian(np.ones((2, count)))
        lengths.add(len(program._latest.runner("jacobian").source.text.splitlines()))
    assert len(lengths) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda x: [x[0] * x[1], exp(x[2]), x[3] + w[0], tanh(x[4] * w[1])],  # nothing in common
        lambda x: neighbours([*[exp(a) for a in x[:3]], *[w[3] * a for a in x[3:]]]),  # parts are read several times
        lambda x: [take(w[:5], 1) * maximum(a, 0.5) for a in x],
        lambda x: [sum(tanh(x[i] + k * x[i - k]) for k in range(6)) for i in range(6)],  # each in many ways
    ],
)
def test_other_results_are_differentiated_one_by_one(function: Function) -> None:
    """Results without much in common have their derivatives, too."""
    assert agree(function, RNG.normal(size=(3, 6)))


def test_look_ups_are_differentiated_one_by_one(at_once: list[bool]) -> None:
    """Where a place depends on the example, as in a table, each result is differentiated alone."""
    program: Any = lift(lambda i: [tanh(a) for a in take([w[:3], w[3:6]], i)], w[:6], target="numpy")
    assert program.jacobian(np.array([1, 0])).shape == (2, 3, 6)
    assert at_once == [False]


@pytest.mark.parametrize("overlapping", [False, True])
def test_parts_of_an_array_that_is_put_together(overlapping: bool, at_once: list[bool]) -> None:
    """Results that read parts of such an array have the same derivatives at once as one by one, where that pays."""
    program = ArrayProgram()
    x = program.leaf("x", (program.axis(6),), batched=True)
    halves = [program.axis(3), program.axis(2)]
    pieces = [
        Piece(p.exp(program.view(x, np.arange(3), (halves[0],))), (halves[0],), Places(np.array([4, 0, 2]))),
        Piece(p.tanh(program.view(x, np.array([5, 3]), (halves[1],))), (halves[1],), Places(np.array([6, 3]))),
        Piece(0.5, (), Places(1)),
        Piece(p.tanh(program.view(x, 4, ())), (), Places(5)),
    ]
    whole = program.assemble((program.axis(7),), pieces)
    axes = program.axis(3), program.axis(2)
    index = np.array([[0, 1], [1, 2], [2, 3]] if overlapping else [[0, 1], [4, 2], [6, 3]])
    sums: Any = program.fold(p.add, p.tanh(program.view(whole, index, axes)), axes[1:])
    results = [program.view(sums, i, ()) for i in range(3)]
    own = jacobian.jacobian(program, results, [x], Recurrences())
    assert at_once == [not overlapping]
    slopes = [gradient(program, one, x, for_each=True) for one in results]
    one_by_one = program.assemble((program.axis(18),), jacobian._in_a_row(slopes, x))
    given_numbers = {"x": RNG.normal(size=(2, 6))}
    assert np.allclose(evaluate(own, given_numbers, 2), evaluate(one_by_one, given_numbers, 2), rtol=1e-12, atol=0)
