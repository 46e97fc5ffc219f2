"""Examples that lie in rows, where a program works element by element; results that are new arrays at each call."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, lift, maximum, tanh
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting.to_numpy.writer import _Writer
from tests.oracle import Program, programs, run

FUNCTIONS = {primitive.name: primitive for primitive in BUILT_IN}
SIZE = 18  # of the numbers of an example: fewer do not lie in rows
ORDERS = np.random.default_rng(0).permuted([np.arange(SIZE)] * 2, axis=1).tolist()
w = [Value(0.7), Value(-0.4), *(Value(0.1 * i) for i in range(SIZE))]


def scaled(x: Any, y: Any) -> list[Any]:
    return [tanh(w[0] * a) * b + a for a, b in zip(x, y, strict=True)]


def weighted(x: Any, y: Any) -> list[Any]:
    return [own * a - b for own, a, b in zip(w[2:], x, y, strict=True)]


def shuffled(x: Any, y: Any) -> list[Any]:
    return [x[i] * y[j] for i, j in zip(*ORDERS, strict=True)]


def reordered(x: Any, y: Any) -> list[Any]:
    """Numbers that are computed once, read in two orders."""
    bent = [tanh(a) * b for a, b in zip(x, y, strict=True)]
    return [bent[i] - w[0] * bent[j] for i, j in zip(*ORDERS, strict=True)]


def as_matrix(x: Any, y: Any) -> list[Any]:
    """Rows of three numbers, and the same turned."""
    rows = [[x[3 * i + j] for j in range(3)] for i in range(6)]
    other = [[y[6 * j + i] for j in range(3)] for i in range(6)]
    pairs = [pair for both in zip(rows, other, strict=True) for pair in zip(*both, strict=True)]
    return [maximum(a, w[1]) * b for a, b in pairs]


def in_parts(x: Any, y: Any) -> Any:
    return {"sums": [a + b for a, b in zip(x, y, strict=True)], "given": x, "turned": x[::-1]}


def differences(x: Any, y: Any) -> list[Any]:
    """Neighbours, which overlap in memory."""
    return [b - a for a, b in pairwise(x)] + [tanh(b) for b in y]


ELEMENTWISE: list[Callable[..., Any]] = [scaled, weighted, shuffled, reordered, as_matrix, differences, in_parts]


def given_alone(x: Any, y: Any) -> Any:  # noqa: ARG001  # of the same form
    return x[1]


def beside_a_sum(x: Any, y: Any) -> list[Any]:
    return [a / sum(y) for a in x]


def single_numbers(x: Any, y: Any) -> list[Any]:
    return [x[0] * y[0], x[0] * y[3]]


def of_parameters(x: Any, y: Any) -> list[Any]:  # noqa: ARG001  # of the same form
    return [w[0] * own for own in w]


def recurrent(x: Any, y: Any) -> Any:
    """The last state of a loop, which has a buffer of its own."""
    state = x[0]
    for _ in range(40):
        state = tanh(w[0] * state + y[0])
    return state


FURTHER: list[Callable[..., Any]] = [given_alone, beside_a_sum, single_numbers, of_parameters, recurrent]


def batch(count: int) -> list[Any]:
    rng = np.random.default_rng(count)
    return list(rng.normal(size=(2, count, SIZE)))


def calls(function: Any) -> dict[str, Callable[..., Any]]:
    """The functions of its program that return results for each example."""
    program: Any = lift(function, w, target="numpy")
    vector = np.linspace(-1, 1, len(w))
    return {
        "forward": program,
        "jvp": lambda *arguments: program.jvp(*arguments, vector),
        "jacobian": program.jacobian,
        "input_gradients": program.input_gradients,
    }


def arrays_of(results: Any) -> list[Any]:
    """The arrays of results in any form."""
    if isinstance(results, dict | tuple):
        parts = results.values() if isinstance(results, dict) else results
        return [array for part in parts for array in arrays_of(part)]
    return [results]


def faults(function: Any) -> list[str]:
    """What is wrong with the memory of the results of a program's functions."""
    messages = []
    for name, call in calls(function).items():
        first, second = batch(5), batch(5)
        second[0] += 1.0
        results = arrays_of(call(*first))
        before = [array.copy() for array in results]
        call(*second)
        if not all(np.array_equal(array, own) for array, own in zip(results, before, strict=True)):
            messages.append(f"{name}: a second call changes what the first has returned")
        if any(np.may_share_memory(array, argument) for array in results for argument in first):
            messages.append(f"{name}: a result is an argument")
        if not all(array.flags.writeable for array in results):
            messages.append(f"{name}: a result cannot be changed")
    return messages


@pytest.mark.parametrize("function", [*ELEMENTWISE, *FURTHER])
def test_results_are_new_arrays(function: Any) -> None:
    """No later call changes what a program has returned, and no result is a view of an argument."""
    assert faults(function) == []


def test_results_that_are_not_new_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: buffers and arguments that are returned as they are."""
    right = _Writer._returned
    monkeypatch.setattr(_Writer, "_returned", lambda *given: right(*given).removesuffix('.copy("K")'))
    assert "forward: a second call changes what the first has returned" in faults(recurrent)
    assert "forward: a result is an argument" in faults(given_alone)


def written(function: Any, count: int = 5) -> tuple[str, Any]:
    program: Any = lift(function, w, target="numpy", check=False)
    results = program(*batch(count))
    return program.source, results


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_elementwise_programs_copy_nothing(function: Any) -> None:
    """Neither arguments nor results are turned: one example lies after another, as users want them."""
    text, results = written(function)
    assert "_columns" not in text
    assert ".copy(" not in text
    for array in arrays_of(results):
        assert all(row.flags.c_contiguous for row in array)


def test_sums_over_an_example_turn_it() -> None:
    """Negative control: where numbers of an example meet, those of one kind lie side by side."""
    text, results = written(lambda x, y: [a / sum(y) + a * b for a, b in zip(x, y, strict=True)])
    assert "y_columns" in text
    assert not results[0].flags.c_contiguous


def test_few_numbers_lie_in_columns() -> None:
    """Negative control: numpy takes longer to go from row to row where rows are short."""
    program: Any = lift(lambda x: [tanh(a) * a for a in x], w, target="numpy", check=False)
    program(np.ones((5, 3)))
    assert "x_columns" in program.source


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("function", ELEMENTWISE)
def test_numbers_do_not_depend_on_where_they_lie(function: Any, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every function of a program gives the same bits whether its examples lie in rows or in columns."""
    results = {name: arrays_of(call(*batch(count))) for name, call in calls(function).items()}
    monkeypatch.setattr("scalargrad.lifting.to_numpy.plan._fits_rows", lambda *_: False)
    for name, call in calls(function).items():
        for array, own in zip(results[name], arrays_of(call(*batch(count))), strict=True):
            assert np.array_equal(array, own, equal_nan=True), name


@given(program=programs(max_leaves=3, max_instructions=8), size=st.integers(SIZE, 20), count=st.integers(1, 4))
def test_any_elementwise_function(program: Program, size: int, count: int) -> None:
    """A function of single numbers, applied to each number of a list, gives what it gives of each alone."""
    with np.errstate(all="ignore"):
        rng = np.random.default_rng(size)
        columns = [own * rng.choice([1.0, 0.5, -1.0], size=(count, size)) for own in program.leaves]

    def each(*rows: Any) -> list[Any]:
        return [run(program, list(numbers), FUNCTIONS)[-1] * 1.0 for numbers in zip(*rows, strict=True)]

    lifted: Any = lift(each, [], target="numpy", check=False)
    alone: Any = lift(lambda *xs: run(program, list(xs), FUNCTIONS)[-1] * 1.0, [], target="numpy", check=False)
    expected = alone(*[column.ravel() for column in columns]).reshape(count, size)
    own = lifted(*columns)
    alike = np.isclose(own, expected, rtol=1e-12, atol=0.0, equal_nan=True)
    assert (alike | (own == expected)).all()


def test_a_recurrence_without_examples_may_begin_with_one_number() -> None:
    """Where results lie in rows, a loop without examples begins with a number, and derivatives agree."""

    def path(_x: Any) -> list[Any]:
        states: list[Any] = [0.0]
        for _ in range(12):
            states.append(tanh(states[-1] * w[0] + w[1]))
        return states[1:]

    program: Any = lift(path, w[:2])
    of_all = program.jacobian([1.0] * 30)  # compared with the function itself
    assert of_all.shape == (30, 12, 2)
    assert (of_all == of_all[0]).all()
