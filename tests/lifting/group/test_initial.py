"""Constants that are initial states are entries of arrays; what only looks like one stays a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scalargrad import Value, sigmoid, tanh
from scalargrad.lifting.group.initial import InitialStates, with_initial_states
from scalargrad.lifting.trace import Trace

STEPS = 8


def _begun(function: Callable[..., Any], *weights: Value, of_sums: bool = False) -> InitialStates:
    trace = Trace(weights)
    x = trace.argument("x", (STEPS,))
    with trace.running():
        output = trace.index_of(function(x))
    return with_initial_states(trace, [output], of_sums=of_sums)


def _constants() -> list[Any]:
    return [1.0, 2.0, 3.0]


def test_two_states_that_are_computed_otherwise_are_two_arrays() -> None:
    """Each array has the constants of states that are computed alike, in order."""
    w = [Value(0.1 * k) for k in range(3)]

    def last(x: Any) -> Any:
        h: Any = [0.0, 1.0, 2.0]
        c: Any = 3.0
        for t in range(STEPS):
            c = sigmoid(w[0] * c + x[t])
            h = [tanh(u * a + c) for u, a in zip(w, h, strict=True)]
        return sum(h)

    begun = _begun(last, *w)
    assert sorted(map(list, begun.numbers.values())) == [[0.0, 1.0, 2.0], [3.0]]
    assert begun.batched == begun.numbers.keys()


def test_states_that_no_example_changes_are_the_same_for_all() -> None:
    """A state of parameters alone is computed once; what takes part of an example in any step has its own in all."""
    w, v = Value(0.5), Value(0.3)

    def last(x: Any) -> Any:
        p, q, r = _constants()
        for t in range(STEPS):
            p, q, r = tanh(w * p + v), sigmoid(w * q + r * v), tanh(v * r + x[t])
        return p * q * r

    begun = _begun(last, w, v)
    assert {numbers[0]: name in begun.batched for name, numbers in begun.numbers.items()} == {
        1: False,
        2: True,
        3: True,
    }


@pytest.mark.parametrize("of_sums", [False, True])
def test_a_sum_begins_with_its_constant_where_that_is_asked(of_sums: bool) -> None:
    """A total to which each step adds begins as a number of an array for targets that do not fold sums."""
    w = Value(0.5)

    def total(x: Any) -> Any:
        added: Any = 0.0
        for t in range(STEPS):
            added = added + tanh(tanh(w * x[t] + 0.5) * w + x[t])
        return added

    assert list(_begun(total, w, of_sums=of_sums).numbers.values()) == ([[0.0]] if of_sums else [])


def test_a_short_sum_is_none() -> None:
    """Few terms that take little are no loop: the sum of a dot product stays as it is."""
    w = [Value(0.1 * k) for k in range(STEPS)]
    assert not _begun(lambda x: sum(a * b for a, b in zip(w, x, strict=True)), *w, of_sums=True).numbers


def _is_none(name: str) -> Callable[..., Any]:
    w = Value(0.5)

    def scaled(x: Any) -> Any:
        return sum(w * 0.5 * tanh(w * x[t]) for t in range(STEPS))

    def another_first_step(x: Any) -> Any:
        h = sigmoid(w * 0.0 + x[0])
        for t in range(1, STEPS):
            h = tanh(w * h + x[t])
        return h

    def two_constants(x: Any) -> Any:
        h: Any = tanh(w * 0.0 + 0.5 * w * 1.0 + x[0])
        for t in range(1, STEPS):
            h = tanh(w * h + 0.5 * w * h + x[t])
        return h

    def few(x: Any) -> Any:
        h: Any = 0.0
        for t in range(5):
            h = tanh(w * h + x[t])
        return h

    functions: list[Callable[..., Any]] = [scaled, another_first_step, two_constants, few]
    return {function.__name__: function for function in functions}[name]


@pytest.mark.parametrize("name", ["scaled", "another_first_step", "two_constants", "few"])
def test_other_constants_stay_numbers(name: str) -> None:
    """Negative control: a factor, the constant of another first step, a state of two numbers, few steps."""
    function = _is_none(name)
    trace = Trace([cell.cell_contents for cell in function.__closure__ or () if isinstance(cell.cell_contents, Value)])
    x = trace.argument("x", (STEPS,))
    with trace.running():
        output = trace.index_of(function(x))
    begun = with_initial_states(trace, [output], of_sums=False)
    assert not begun.numbers
    assert begun.trace is trace


def test_what_python_computed_of_constants_is_a_state() -> None:
    """Where the first step begins with plain numbers, what it reads of them first is the state, in place of these."""
    w = Value(0.5)

    def last(x: Any) -> Any:
        h: Any = 1.0
        for t in range(STEPS):
            h = h + 0.5 * h
            h = h * w + x[t]
        return h

    assert list(_begun(last, w).numbers.values()) == [[1.5]]


def test_a_shared_node_has_a_version_for_each_state() -> None:
    """`w * 0.0` is recorded once, and stands for `w * a` and for `w * b`: in the new trace it is two nodes."""
    w = Value(0.5)

    def last(x: Any) -> Any:
        a: Any = 0.0
        b: Any = 0.0
        for t in range(STEPS):
            read = tanh(x[t]) + tanh(x[2 * t % STEPS])  # in the first step these are one node
            a, b = tanh(w * a + w * b + read), sigmoid(w * b + x[t])
        return a * b

    begun = _begun(last, w)
    assert sum(map(len, begun.numbers.values())) == 2
    assert len(begun.numbers) == 2
