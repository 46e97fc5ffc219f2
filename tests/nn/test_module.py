"""What every module can do: its state, its copies, its marks; what it says when it cannot be called."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Value, functional, nn
from tests.nn.modules import Branch, Line, Slots, bits

# ---------------------------------------------------------------- the state

FITTING: dict[str, float] = nn.Neuron(2, rng=0).state_dict()
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WRONG_NUMBERS: list[object] = [None, "1.0", True, 1j, [1.0], 10**400, Value(1.0), math.nan, math.inf, -math.inf]


@given(st.fixed_dictionaries(dict.fromkeys(FITTING, NUMBERS)))
def test_a_state_comes_back_bit_for_bit(state: dict[str, float]) -> None:
    """What is loaded is what state_dict then returns, -0.0 and subnormal numbers included."""
    model = nn.Neuron(2, rng=1)
    model.load_state_dict(state)
    assert {name: number.hex() for name, number in model.state_dict().items()} == {
        name: number.hex() for name, number in state.items()
    }


@st.composite
def corrupted_states(draw: st.DrawFn) -> dict[Any, Any]:
    """A state with good numbers, one of its names taken out, one put in, or a number that is none."""
    state: dict[Any, Any] = draw(st.fixed_dictionaries(dict.fromkeys(FITTING, NUMBERS)))
    victim = draw(st.sampled_from(sorted(FITTING)))
    fault = draw(st.sampled_from(["missing", "unknown", "wrong"]))
    if fault == "missing":
        del state[victim]
    elif fault == "unknown":
        state[draw((st.text() | st.integers() | st.none()).filter(lambda key: key not in FITTING))] = 1.0
    else:
        state[victim] = draw(st.sampled_from(WRONG_NUMBERS))
    return state


def test_a_state_that_is_no_dict_is_an_error() -> None:
    """What has no names cannot be loaded."""
    with pytest.raises(TypeError, match=r"the state must be a dict of numbers by name, got a list"):
        nn.Neuron(1).load_state_dict([1.0])  # type: ignore[arg-type]


@given(corrupted_states())
def test_a_corrupted_state_changes_nothing(state: dict[Any, Any]) -> None:
    """A state that does not fit is an error, and every parameter stays as it was."""
    model = nn.Neuron(2, rng=1)
    before = bits(model)
    with pytest.raises((TypeError, ValueError), match=r"does not fit|must be|finite parameters"):
        model.load_state_dict(state)
    assert bits(model) == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.fixed_dictionaries(dict.fromkeys(FITTING, st.floats() | st.integers() | ANYTHING)) | ANYTHING)
def test_whatever_the_state_is_only_the_documented_errors_come(state: Any) -> None:
    """Any state is loaded, and finite, or is a TypeError or a ValueError that changes nothing."""
    model = nn.Neuron(2, rng=1)
    before = bits(model)
    try:
        model.load_state_dict(state)
    except (TypeError, ValueError):
        assert bits(model) == before
    else:
        assert model.state_dict() == state
        assert all(map(math.isfinite, model.state_dict().values()))


def test_a_state_that_does_not_fit_is_described() -> None:
    """The error counts and names what is missing and what is unknown."""
    with pytest.raises(ValueError, match=r"2 missing \(weights.0, weights.1\) and 1 unknown \(w\)"):
        nn.Neuron(2).load_state_dict({"bias": 0.0, "w": 1.0})


def test_zero_grad_forgets() -> None:
    """After zero_grad no parameter has been swept, as if backward had never been called."""
    model = nn.MLP(2, [3, 1], rng=0)
    model([1.0, -2.0]).backward()
    assert all(parameter.swept for parameter in model.parameters())
    model.zero_grad()
    assert not any(parameter.swept or parameter.grad for parameter in model.parameters())


# ---------------------------------------------------------------- copies and repr

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("activation", ["relu", functional.leaky_relu, scalargrad.tanh, None])
def test_a_copy_is_equal_and_independent(how: str, activation: Any) -> None:
    """A copy has the same numbers, gradients and outputs, and what becomes of it does not touch the original."""
    model = nn.MLP(2, [3, 2], activation, "softmax", rng=0)
    model([1.0, -2.0])[0].backward()
    duplicate = COPIES[how](model)
    assert (bits(duplicate), repr(duplicate)) == (bits(model), repr(model))
    assert [p.grad for p in duplicate.parameters()] == [p.grad for p in model.parameters()]
    assert [y.data for y in duplicate([3.0, 4.0])] == [y.data for y in model([3.0, 4.0])]
    before = bits(model)
    for parameter in duplicate.parameters():
        parameter.data += 1
    assert bits(model) == before
    assert not set(duplicate.parameters()) & set(model.parameters())


@pytest.mark.parametrize("how", COPIES)
def test_shared_parameters_stay_shared_in_a_copy(how: str) -> None:
    """Two layers with tied weights are still tied in a copy."""
    first, second = nn.Neuron(2, rng=0), nn.Neuron(2, rng=1)
    second.weights = first.weights
    duplicate = COPIES[how](Branch(first=first, second=second))
    assert len(duplicate.parameters()) == 4
    assert duplicate.first.weights[0] is duplicate.second.weights[0]


def test_feature_maps_are_marked() -> None:
    """Lists of lists are marked as lists are, results and inputs alike, and come back as they are."""
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    one, two, three = a * 2, b * 2, c * 2
    maps = ([[one], [two]], three)
    module = nn.Module()
    assert module.mark(maps, [[[a, b], [c, 4.0]]]) is maps
    for result in (one, two, three):
        (mark,) = result.marks
        assert list(mark.ids()) == [id(a), id(b), id(c)]


@pytest.mark.parametrize("results", [1.0, None, [Value(1.0), 2.0], [[Value(1.0)], [None]], "ab"])
def test_only_values_are_marked(results: object) -> None:
    """A result that is no Value is refused."""
    with pytest.raises(TypeError, match="the results that a Module marks must be a Value or a list of them"):
        nn.Module().mark(results, [])


# ---------------------------------------------------------------- modules with slots and fields


def test_a_module_with_slots_is_copied() -> None:
    """What is in slots is in copies, and is found there."""
    for duplicate in COPIES.values():
        assert duplicate(Slots()).state_dict() == Slots().state_dict()
        assert duplicate(Line(Value(2.0))).state_dict() == {"slope": 2.0, "offset": 1.0}


# ---------------------------------------------------------------- modules that cannot be called


def test_a_module_without_a_call_says_so() -> None:
    """A module whose method is called forward, as elsewhere, says which name it needs; any other, that it has none."""

    class Net(nn.Module):
        def forward(self, x: Value) -> Value:
            return x

    net: Any = Net()
    with pytest.raises(TypeError, match="a Net is called by its method __call__: give its method forward that name"):
        net(Value(1.0))
    branch: Any = Branch()
    with pytest.raises(TypeError, match="a Branch cannot be called: give it a method __call__"):
        branch(Value(1.0))
