"""Loops over growing lists, and literals in place of numbers, are one family from the first step on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import Value, exp, grad, lift, maximum, softmax, sqrt, stop_gradient, tanh
from scalargrad.lifting.group import regroup as grouping
from tests.lifting.interpreter import kinds
from tests.lifting.test_derivatives import check

from .test_regroup import Regrouped

inf, nan = math.inf, math.nan
Loop = Callable[[Any, Any], list[Any]]


def attention(w: Sequence[Any], x: Sequence[Any], own: bool = False) -> list[Any]:
    """What each of some steps sees of the steps until then, with a softmax that is composed, or written here."""
    keys: list[list[Any]] = []
    seen = []
    for one in x:
        keys.append([w[0] * one, w[1] * one])
        scores = [sum(w[2 + j] * one * key[j] for j in range(2)) / 2 for key in keys]
        if own:
            exponentials = [exp(score - stop_gradient(reduce(maximum, scores))) for score in scores]
            total = sum(exponentials)
            shares = [one / total for one in exponentials]
        else:
            shares = softmax(scores)
        mixed = [sum(share * key[j] for share, key in zip(shares, keys, strict=True)) for j in range(2)]
        seen.append(tanh(mixed[0] + w[4] * mixed[1]))
    return seen


def twice(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """Two layers of it, the first step of which is like the rest only if that of the layer below is."""
    return attention(w, attention(w, x), own=True)


def running(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """The largest of what each step makes of the numbers until then, and their total."""
    results = []
    for t in range(1, len(x) + 1):
        own = [exp(w[0] * one * x[t - 1]) for one in x[:t]]
        total = reduce(lambda a, b: a + b, own)
        results.append(sum(one / total * w[1] for one in own) * stop_gradient(reduce(maximum, own)) - tanh(total))
    return results


def masked(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """Attention with what comes later masked by a number that is added."""
    results = []
    for t, one in enumerate(x):
        shares = softmax([w[0] * one * other + (0.0 if s <= t else -1e9) for s, other in enumerate(x)])
        results.append(sum(share * tanh(w[1] * other) for share, other in zip(shares, x, strict=True)))
    return results


def scaled(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """Numbers of which every second is halved, and every third is shifted."""
    halved = [one * (0.5 if i % 2 else 1.0) for i, one in enumerate(x)]
    return [tanh(w[0] * one * w[1] + (0 if i % 3 else 2)) for i, one in enumerate(halved)]


def delayed(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """A filter over the last three numbers, before the first of which there are zeros."""
    before = last = 0.0
    results = []
    for one in x:
        results.append(tanh(w[0] * one + w[1] * last + w[2] * before))
        before, last = last, one
    return results


def past(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """The same without the number itself, so that the first step has zeros alone."""
    before = last = 0.0
    results = []
    for one in x:
        results.append(tanh(w[1] * last + w[2] * before))
        before, last = last, one
    return results


def of_hidden(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """The same over numbers that are computed, on both sides of each."""
    hidden = [tanh(one * one) for one in x]

    def at(t: int) -> Any:
        return hidden[t] if 0 <= t < len(hidden) else 0.0

    return [exp(w[0] * at(t) - w[1] * x[t] + w[2] * at(t - 1) + w[3] * at(t + 1)) for t in range(len(x))]


def edged(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    """A convolution of 3 × 3 over an image of 3 × n / 3 pixels, around which there are zeros."""
    rows = [list(x[i : i + 3]) for i in range(0, len(x) - 2, 3)]

    def at(i: int, j: int) -> Any:
        return rows[i][j] if 0 <= i < len(rows) and 0 <= j < 3 else 0.0

    def around(i: int, j: int) -> Any:
        return sum(w[3 * a + b] * at(i + a - 1, j + b - 1) for a in range(3) for b in range(3))

    return [tanh(around(i, j)) for i in range(len(rows)) for j in range(3)]


LOOPS: dict[str, tuple[Loop, dict[str, int]]] = {  # how often which operations are left
    "attention": (attention, {"exp": 1, "divide": 2, "tanh": 1, "_held_finite": 1}),
    "two layers of attention": (twice, {"exp": 2, "divide": 4, "tanh": 2}),
    "totals": (running, {"exp": 1, "divide": 1, "tanh": 1, "stop_gradient": 1}),
    "a mask": (masked, {"exp": 1, "divide": 1, "add": 1, "tanh": 1}),
    "numbers scaled and shifted": (scaled, {"tanh": 1, "add": 1, "multiply": 3}),
    "a filter with zeros before": (delayed, {"multiply": 1, "fold add": 1, "tanh": 1}),
    "a filter of zeros at first": (past, {"multiply": 1, "fold add": 1, "tanh": 1}),
    "a filter with zeros around": (of_hidden, {"multiply": 3, "fold add": 1, "tanh": 1, "exp": 1}),
    "an image with zeros around": (edged, {"multiply": 1, "fold add": 1, "tanh": 1}),
}
each_loop = pytest.mark.parametrize("name", LOOPS)


def operations(loop: Loop, steps: int) -> list[str]:
    """The operations that are left of so many steps."""
    return [kind for kind in kinds(*Regrouped(loop, 9, steps).results) if kind != "view"]


@each_loop
def test_a_loop_is_as_few_arrays_at_any_length(name: str) -> None:
    """Each operation is done once for all steps, the first one too, however many steps there are."""
    loop, expected = LOOPS[name]
    short, long = (operations(loop, steps) for steps in (9, 18))
    assert short == long
    assert {kind: short.count(kind) for kind in expected} == expected


@each_loop
def test_without_joining_there_is_more(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above counts is more where families are not joined, or literals are not kept."""
    loop, _ = LOOPS[name]
    joined = len(operations(loop, 9))
    monkeypatch.setattr(grouping, "join", lambda graph: None)
    monkeypatch.setattr("scalargrad.lifting.trace.Trace.skipped", lambda trace, node: trace._unchanged(node))
    assert len(operations(loop, 9)) > joined


@pytest.mark.parametrize("loop", [loop for loop, _ in LOOPS.values()])
def test_a_joined_loop_means_the_same(loop: Loop) -> None:
    """Results and derivatives of joined loops are those of the engine."""
    rng = random.Random(0)
    w = [Value(rng.gauss(0, 1)) for _ in range(9)]
    check(lambda x: loop(w, x), w, [[rng.gauss(0, 1) for _ in range(6)] for _ in range(3)], "numpy")


@pytest.mark.parametrize("loop", [loop for loop, _ in LOOPS.values()])
@pytest.mark.parametrize("number", [inf, -inf, nan, 0.0, -0.0])
def test_nothing_leaks_from_where_there_is_no_term(loop: Loop, number: float) -> None:
    """Where a number is inf or nan, the results that it takes no part in are the engine's all the same."""
    rng = random.Random(1)
    w = [Value(rng.gauss(0, 1)) for _ in range(9)]
    rows = [[rng.gauss(0, 1) if s != t else number for s in range(9)] for t in range(9)]
    program: Any = lift(lambda x: loop(w, x), w, check=False)
    expected = [[result.data for result in loop(w, list(map(Value, row)))] for row in rows]
    np.testing.assert_allclose(program(rows), expected, rtol=1e-12, atol=1e-14)


def test_no_gradient_leaks_from_where_there_is_no_term() -> None:
    """Where the slope of an early step is infinite, what comes later has the engine's gradient all the same."""

    def loss(x: Any) -> Any:
        total: Any = 0.0
        for t in range(1, len(x) + 1):
            shares = softmax(x[:t])
            total = total + sqrt(sum(share * abs(one) for share, one in zip(shares, x, strict=False)))
        return total

    row = [0.0, 0.0, 1.5, -2.0, 0.3]
    inputs = list(map(Value, row))
    slopes = np.array([slope.data for slope in grad(loss(inputs), inputs)])
    assert np.isfinite(slopes).tolist() == [False, False, True, True, True]
    program: Any = lift(loss, [], check=False)
    np.testing.assert_allclose(program.input_gradients([row])[0], slopes, rtol=1e-12)


def test_a_weight_of_inf_meets_the_zeros_around() -> None:
    """A literal 0 is a number: times an infinite weight it is nan, as in the engine."""
    w = [Value(inf), *(Value(1.0) for _ in range(8))]
    results = lift(lambda x: edged(w, x), w)([[1.0] * 9])[0]
    assert np.isnan(results).tolist() == [True, True, True, True, False, False, True, False, False]


def test_what_is_no_first_step_stays_apart() -> None:
    """A function of each of many numbers is not one of sums, though each number is a sum of one."""

    def function(_w: Any, x: Any) -> Any:
        return [*map(tanh, x), *(tanh(sum(x[t : 2 * t])) for t in (2, 3, 4))]

    assert kinds(*Regrouped(function, 1, 9).results).count("tanh") == 2


def test_zero_is_no_member_of_what_is_computed_from_it() -> None:
    """A state that begins with 0 is apart, as the second state is computed from the first."""

    def function(w: Any, x: Any) -> Any:
        state: Any = 0.0
        for one in x:
            state = tanh(w[0] * one + w[1] * state)
        return state

    made = Regrouped(function, 2, 4)
    assert made.error([0.3, 0.7], [[1.0, 2.0, -3.0, 0.5]]) < 1e-15
    assert kinds(*made.results).count("tanh") == 4


@settings(max_examples=settings().max_examples // 5)
@given(st.data())
def test_random_loops(data: st.DataObject) -> None:
    """Any loop that folds what it has seen so far means the same, and so do its derivatives."""
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    steps, filler = rng.randint(1, 5), rng.choice([0.0, 1.0, 0.5])
    functions: list[Any] = [tanh, lambda z: z * filler, lambda z: z + filler, lambda z: exp(-z * z), lambda z: z]
    layers = [(*rng.choices(functions, k=2), rng.random() < 0.5, rng.randrange(3)) for _ in range(rng.randint(1, 3))]
    w = [Value(rng.gauss(0, 1)) for _ in range(4)]

    def loop(x: Any) -> list[Any]:
        own = list(x)
        for before, after, by_total, kind in layers:
            seen: list[Any] = []
            results = []
            for t, one in enumerate(own):
                seen.append(before(w[0] * one))
                if kind == 0:
                    folded = sum(one * w[1] * other for other in seen)
                elif kind == 1:
                    folded = reduce(lambda a, b: a + b, seen)
                else:
                    folded = sum(w[(len(seen) - s) % 4] * other for s, other in enumerate(seen)) + w[3] * (
                        own[t - 1] if t else filler
                    )
                results.append(after(one / (2 + folded * folded) if by_total else folded))
            own = results
        return own

    check(loop, w, [[rng.gauss(0, 1) for _ in range(steps)] for _ in range(2)], "numpy", 1e3)


def test_what_is_the_same_without_a_zero_is_computed_once() -> None:
    """A function of x and one of x + 0 are one, whichever comes first."""
    functions: list[Loop] = [
        lambda _w, x: [tanh(x[0] + 0.0) * x[0], tanh(x[0]) * x[0]],
        lambda _w, x: [tanh(x[0]) * x[0], tanh(1 * x[0]) * x[0]],
        lambda _w, x: [tanh(0 + x[0]) * x[0], tanh(1 * x[0]) * x[0]],
    ]
    for function in functions:
        assert operations(function, 1) == ["tanh", "multiply"]
