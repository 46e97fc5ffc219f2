"""What all optimizers have in common: states, what no sweep has reached, arrays, bad arguments."""

from __future__ import annotations

import json
import math
import operator
import pickle
from array import array
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad import Constant, Value, lift, nn, optim
from scalargrad.optim import Adam, GradientDescent, minimize
from tests.optim.recurrences import NUMBERS, Recurrence, adam, close, expected, one, polyak

OPTIMIZERS: dict[str, Callable[[list[Value]], GradientDescent | Adam]] = {
    "gradient descent": lambda parameters: GradientDescent(parameters, 0.05, 0.9),
    "Adam": lambda parameters: Adam(parameters, 0.1),
}
EITHER = st.sampled_from(sorted(OPTIMIZERS))


def trained(optimizer: GradientDescent | Adam, steps: int) -> list[str]:
    """The parameters' bits after so many more steps down a valley."""
    x, y = optimizer.parameters
    for _ in range(steps):
        optimizer.zero_grad()
        ((x - 1) ** 2 + 3 * (y + x * x) ** 2).backward()
        optimizer.step()
    return [x.data.hex(), y.data.hex()]


@given(EITHER, st.integers(0, 6), st.integers(0, 6), NUMBERS.filter(lambda x: abs(x) < 1))
def test_stopping_and_resuming_gives_the_same_bits(name: str, before: int, after: int, start: float) -> None:
    """An optimizer that goes on from a state saved as JSON does what the first would have done."""
    first = OPTIMIZERS[name]([Value(start), Value(0.5)])
    numbers = [float.fromhex(number) for number in trained(first, before)]
    state = json.loads(json.dumps(first.state_dict()))
    second = OPTIMIZERS[name]([Value(x) for x in numbers])
    second.load_state_dict(state)
    assert trained(second, after) == trained(first, after)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_its_state_an_optimizer_does_something_else(name: str) -> None:
    """The state matters: an optimizer that starts from the same point without it takes another path."""
    first = OPTIMIZERS[name]([Value(0.3), Value(0.5)])
    numbers = [float.fromhex(number) for number in trained(first, 3)]
    assert trained(OPTIMIZERS[name]([Value(x) for x in numbers]), 3) != trained(first, 3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_is_a_copy(name: str) -> None:
    """A state that was taken or loaded does not change when the optimizer goes on."""
    optimizer = OPTIMIZERS[name]([Value(0.3), Value(0.5)])
    trained(optimizer, 2)
    state = optimizer.state_dict()
    before = json.dumps(state)
    trained(optimizer, 2)
    assert json.dumps(state) == before != json.dumps(optimizer.state_dict())
    optimizer.load_state_dict(state)
    trained(optimizer, 2)
    assert json.dumps(state) == before != json.dumps(optimizer.state_dict())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_zero_grad_forgets(name: str) -> None:
    """After zero_grad no parameter has been swept."""
    parameters = [Value(0.3), Value(0.5)]
    optimizer = OPTIMIZERS[name](parameters)
    trained(optimizer, 1)
    assert all(parameter.swept for parameter in parameters)
    optimizer.zero_grad()
    assert not any(parameter.swept for parameter in parameters)


RECURRENCES: dict[str, Recurrence] = {"gradient descent": polyak(0.05, 0.9), "Adam": adam(0.1, 0.9, 0.999, 1e-8)}
SOMETIMES = st.lists(st.tuples(NUMBERS | st.none(), NUMBERS | st.none()), min_size=1, max_size=8)


@given(EITHER, SOMETIMES)
@example("gradient descent", [(None, None), (1.0, None), (None, 2.0), (None, None)])
@example("Adam", [(None, None), (1.0, None), (None, 2.0), (None, None)])
def test_where_no_sweep_has_come_the_gradient_is_0(
    name: str, gradients: list[tuple[float | None, float | None]]
) -> None:
    """A step after which nothing has been swept is one with the gradient 0: momentum and moments go on, and decay."""
    optimizer = OPTIMIZERS[name]([Value(0.5), Value(-0.25)])
    path = []
    for row in gradients:
        optimizer.zero_grad()
        for parameter, gradient in zip(optimizer.parameters, row, strict=True):
            if gradient is not None:
                (parameter * gradient).backward()
        optimizer.step()
        path.append([parameter.data for parameter in optimizer.parameters])
    zeros = [(x or 0.0, y or 0.0) for x, y in gradients]
    assert close(path, expected(RECURRENCES[name], (0.5, -0.25), zeros))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_to_skip_what_no_sweep_has_reached_is_told_apart(name: str) -> None:
    """Negative control: an optimizer that leaves such a parameter alone, as PyTorch's do, takes another path."""
    x, y = parameters = [Value(0.5), Value(0.5)]
    optimizer = OPTIMIZERS[name](parameters)
    for loss in (x * y, x * 2.0):
        optimizer.zero_grad()
        loss.backward()
        before = y.data
        optimizer.step()
    assert not y.swept
    assert y.data < before


BAD_STATES: list[tuple[str, Any, type[Exception], str]] = [
    ("gradient descent", {}, ValueError, "has velocity, got $"),
    ("gradient descent", {"first": [0.0], "second": [0.0], "steps": 1}, ValueError, "has velocity, got first"),
    ("gradient descent", {"velocity": [0.0, 0.0]}, ValueError, "velocity must have 1 numbers.*, got 2"),
    ("gradient descent", {"velocity": ["0"]}, TypeError, "velocity must be a real number"),
    ("Adam", {"velocity": [0.0]}, ValueError, "has first, second, steps, got velocity"),
    ("Adam", {"first": [0.5], "second": [0.5]}, ValueError, "has first, second, steps"),
    ("Adam", {"first": [0.5], "second": [], "steps": 1}, ValueError, "second must have 1 numbers.*, got 0"),
    ("Adam", {"first": [0.5], "second": [None], "steps": 1}, TypeError, "second must be a real number"),
    ("Adam", {"first": [0.5], "second": [-0.5], "steps": 1}, ValueError, "second must hold no negative .*, got -0.5"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": None}, ValueError, "steps must be .*, got None"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": -1}, ValueError, "steps must be .*, got -1"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": 2.5}, ValueError, "steps must be .*, got 2.5"),
    ("Adam", {"first": [0.5], "second": [0.5], "steps": True}, ValueError, "steps must be .*, got True"),
    (
        "Adam",
        {"first": [0.5], "second": [0.5], "steps": 10**400},
        ValueError,
        "steps must be within the range of floats",
    ),
    ("Adam", {"first": [math.nan], "second": [0.5], "steps": 1}, ValueError, "first must hold finite numbers, got nan"),
    ("Adam", {"first": [0.5], "second": [math.inf], "steps": 1}, ValueError, "second must hold finite .*, got inf"),
    (
        "Adam",
        {"first": {1.0: 1}, "second": [0.5], "steps": 1},
        TypeError,
        "first must be a list of numbers, got a dict",
    ),
    ("Adam", {"first": "1", "second": [0.5], "steps": 1}, TypeError, "first must be a list of numbers, got a str"),
    ("Adam", {"first": 1.0, "second": [0.5], "steps": 1}, TypeError, "first must be a list of numbers, got a float"),
    ("Adam", {"first": [10**400], "second": [0.5], "steps": 1}, ValueError, "first must be within the range of floats"),
    ("gradient descent", {"velocity": [math.nan]}, ValueError, "velocity must hold finite numbers, got nan"),
    ("gradient descent", {1: 2, "velocity": [0.0]}, ValueError, "has velocity, got 1, velocity"),
    ("gradient descent", [0.0], TypeError, "the state of an optimizer must be a dict, got a list"),
]


@pytest.mark.parametrize(("name", "state", "error", "message"), BAD_STATES)
def test_a_state_that_does_not_fit_changes_nothing(name: str, state: Any, error: type[Exception], message: str) -> None:
    """A state of another optimizer, of another size or of no finite numbers is an error that changes nothing."""
    optimizer = OPTIMIZERS[name](one())
    before = optimizer.state_dict()
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
COLUMN = st.lists(st.floats() | ANYTHING, min_size=1, max_size=1) | ANYTHING
STATES = st.fixed_dictionaries({"velocity": COLUMN}) | st.fixed_dictionaries(
    {"first": COLUMN, "second": COLUMN, "steps": st.integers() | ANYTHING}
)


@given(EITHER, STATES | ANYTHING)
def test_whatever_the_state_is_only_the_documented_errors_come(name: str, state: Any) -> None:
    """Any state is loaded, and a step can be made from it, or is a TypeError or a ValueError that changes nothing."""
    optimizer = OPTIMIZERS[name](one())
    before = optimizer.state_dict()
    try:
        optimizer.load_state_dict(state)
    except (TypeError, ValueError):
        assert optimizer.state_dict() == before
    else:
        assert optimizer.state_dict() == state
        optimizer.parameters[0].grad = 1.0
        optimizer.step()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: GradientDescent([], 0.1), ValueError, "no parameters"),
        (lambda: GradientDescent((1.0,), 0.1), TypeError, "a parameter must be a Value, got 1.0 of type float"),  # type: ignore[arg-type]
        (lambda: GradientDescent(one(), 0.0), ValueError, "rate must be above 0.0"),
        (lambda: GradientDescent(one(), -1), ValueError, "rate must be .*, got -1"),
        (lambda: GradientDescent(one(), math.nan), ValueError, "rate must be .*, got nan"),
        (lambda: GradientDescent(one(), math.inf), ValueError, "rate must be .*, got inf"),
        (lambda: GradientDescent(one(), "0.1"), TypeError, "rate must be a real number"),  # type: ignore[arg-type]
        (lambda: GradientDescent(one(), True), TypeError, "rate must be a real number"),
        (lambda: GradientDescent(one(), 0.1, 1.0), ValueError, "momentum must be at least 0.0 and below 1.0"),
        (lambda: GradientDescent(one(), 0.1, -0.1), ValueError, "momentum must be"),
        (lambda: Adam([]), ValueError, "no parameters"),
        (lambda: Adam(one(), 0.0), ValueError, "rate must be"),
        (lambda: Adam(one(), first_decay=1.0), ValueError, "first_decay must be"),
        (lambda: Adam(one(), second_decay=-0.1), ValueError, "second_decay must be"),
        (lambda: Adam(one(), epsilon=0.0), ValueError, "epsilon must be above 0.0"),
    ],
)
def test_bad_arguments(call: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "kind", [optim.GradientDescent, optim.Adam, lambda ps, rate: optim.minimize(lambda: Value(0.0), ps, rate)]
)
def test_parameters_are_distinct_variables(kind: Callable[..., object]) -> None:
    """A parameter named twice, a result, or a constant is refused: steps would be doubled, or lost."""
    x = Value(1.0)
    with pytest.raises(ValueError, match="a parameter is there twice"):
        kind([x, x], 0.1)
    for stranger in (x * 2, Constant(2.0)):
        with pytest.raises(ValueError, match="must be a variable, not a result or a constant"):
            kind([x, stranger], 0.1)


def test_a_model_is_not_its_parameters() -> None:
    """Who passes the model is told what to pass."""
    with pytest.raises(TypeError, match=r"such as model.parameters\(\), got Neuron\(1"):
        optim.GradientDescent(nn.Neuron(1), 0.1)  # type: ignore[arg-type]


# ---------------------------------------------------------------- on arrays


class Frozen:
    """An array that cannot change, as those of JAX: each operation gives a new one."""

    def __init__(self, numbers: Any, dtype: Any = None) -> None:
        self.numbers: Any = np.array(numbers.numbers if isinstance(numbers, Frozen) else numbers, dtype)
        self.dtype, self.shape = self.numbers.dtype, self.numbers.shape

    def __array_namespace__(self) -> Any:
        asarray, sqrt = Frozen, lambda x: Frozen(np.sqrt(x.numbers))
        return SimpleNamespace(asarray=asarray, sqrt=sqrt, isdtype=np.isdtype)

    def __len__(self) -> int:
        return len(self.numbers)

    def tolist(self) -> list[float]:
        return cast(list[float], self.numbers.tolist())

    def _with(self, other: Any, apply: Callable[[Any, Any], Any]) -> Frozen:
        with np.errstate(all="ignore"):
            return Frozen(apply(self.numbers, other.numbers if isinstance(other, Frozen) else other))

    def __add__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x + y)

    def __sub__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x - y)

    def __mul__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x * y)

    def __rmul__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: y * x)

    def __truediv__(self, other: Any) -> Frozen:
        return self._with(other, lambda x, y: x / y)


def read_only(numbers: list[float]) -> Any:
    array = np.array(numbers)
    array.flags.writeable = False
    return array


ARRAYS: dict[str, Callable[[list[float]], Any]] = {
    "list": list,
    "numpy": np.array,
    "read-only": read_only,
    "frozen": Frozen,
}
ON_ANYTHING: dict[str, Callable[[Any], Any]] = {
    "gradient descent": lambda parameters: GradientDescent(parameters, 0.1),
    "momentum": lambda parameters: GradientDescent(parameters, 0.3, momentum=0.9),
    "Adam": lambda parameters: Adam(parameters, 0.01),
}
LIFTED = partial(lift, lambda x: 1.0 * x)
each_array = pytest.mark.parametrize("kind", ARRAYS)
each_optimizer = pytest.mark.parametrize("name", ON_ANYTHING)


def bits(numbers: Any) -> list[str]:
    return [float(x).hex() for x in (numbers if isinstance(numbers, list) else numbers.tolist())]


@each_array
@each_optimizer
@given(data=st.data())
def test_an_array_moves_as_values_do(name: str, kind: str, data: st.DataObject) -> None:
    """A step on an array gives the bits that the same rule gives on Values, inf and nan included."""
    n = data.draw(st.integers(1, 4))
    numbers = st.lists(st.floats(), min_size=n, max_size=n)
    start, gradients = data.draw(numbers), data.draw(st.lists(numbers, max_size=5))
    values = [Value(x) for x in start]
    theta = ARRAYS[kind](start)
    on_values, on_array = ON_ANYTHING[name](values), ON_ANYTHING[name](theta)
    for gradient in gradients:
        for value, slope in zip(values, gradient, strict=True):
            value.grad = slope
        assert on_values.step() is None
        theta = on_array.step(ARRAYS[kind](gradient))
    assert bits(theta) == bits([value.data for value in values])
    assert repr(on_array.state_dict()) == repr(on_values.state_dict())


@each_array
@each_optimizer
def test_arrays_that_can_change_do(name: str, kind: str) -> None:
    """Arrays of numpy and lists are moved in place and returned; others stay, and the moved one is new."""
    theta = ARRAYS[kind]([1.0, -2.0])
    moved = ON_ANYTHING[name](theta).step(ARRAYS[kind]([3.0, 4.0]))
    assert (moved is theta) == (kind in ("list", "numpy"))
    assert (bits(theta) == bits([1.0, -2.0])) == (kind not in ("list", "numpy"))
    assert all(map(operator.ne, bits(moved), bits([1.0, -2.0])))


@each_optimizer
@pytest.mark.parametrize("kind", ["list", "numpy"])
def test_no_gradient_is_kept(name: str, kind: str) -> None:
    """A caller may fill the same array with the next gradient: what was remembered of this one stays."""
    results = []
    for again in (True, False):
        theta, gradient = ARRAYS[kind]([1.0, -2.0]), ARRAYS[kind]([3.0, 4.0])
        optimizer = ON_ANYTHING[name](theta)
        optimizer.step(gradient)
        second = gradient if again else ARRAYS[kind]([0.0, 0.0])
        second[:] = [0.5, -0.25]
        optimizer.step(second)
        results.append((bits(theta), repr(optimizer.state_dict())))
    assert results[0] == results[1]


@each_array
@each_optimizer
def test_a_state_goes_from_values_to_arrays_and_back(name: str, kind: str) -> None:
    """A state saved on Values goes on with an array to the same bits, and the other way round; pickles too."""

    def step(optimizer: Any, gradient: list[float]) -> None:
        if optimizer.theta is None:
            for value, slope in zip(optimizer.parameters, gradient, strict=True):
                value.grad = slope
            optimizer.step()
        else:
            optimizer.step(ARRAYS[kind](gradient))

    def numbers(optimizer: Any) -> Any:
        values = [value.data for value in optimizer.parameters]
        return bits(values if optimizer.theta is None else optimizer.theta)

    whole = ON_ANYTHING[name]([Value(1.0), Value(-2.0)])
    step(whole, [3.0, 4.0])
    step(whole, [-0.5, 0.25])
    made: list[Callable[[list[float]], Any]] = [lambda xs: list(map(Value, xs)), ARRAYS[kind]]
    for first, second in (made, made[::-1]):
        begun = ON_ANYTHING[name](first([1.0, -2.0]))
        step(begun, [3.0, 4.0])
        begun = pickle.loads(pickle.dumps(begun))
        theta = (
            [x.data for x in begun.parameters] if begun.theta is None else list(map(float.fromhex, bits(begun.theta)))
        )
        resumed = ON_ANYTHING[name](second(theta))
        resumed.load_state_dict(json.loads(json.dumps(begun.state_dict())))
        step(resumed, [-0.5, 0.25])
        assert numbers(resumed) == numbers(whole)


def test_an_array_keeps_its_precision() -> None:
    """An array of float32 moves in float32, and so does what the optimizer remembers."""
    theta = np.array([1.0, 2.0], np.float32)
    optimizer = Adam(theta, 0.01)
    moved = optimizer.step(np.array([0.1, 0.2]))
    assert (moved is theta, moved.dtype, optimizer.first_moment.dtype) == (True, np.float32, np.float32)


@each_optimizer
def test_a_loop_on_arrays_is_the_loop_on_values(name: str) -> None:
    """Twenty steps with a lifted program's gradient end where twenty by `backward` and the same optimizer do."""
    ends = []
    for on_array in (True, False):
        model = nn.MLP(2, [3, 1], "tanh", rng=0)
        program = lift(lambda x, y, model=model: (model(x) - y) ** 2, model.parameters())
        theta = program.pack()
        optimizer = ON_ANYTHING[name](theta if on_array else model.parameters())
        for _ in range(20):
            if on_array:
                theta = optimizer.step(program.value_and_grad([[1.0, -1.0], [0.5, 2.0]], [1.0, 0.0], at=theta)[1])
            else:
                optimizer.zero_grad()
                program.backward([[1.0, -1.0], [0.5, 2.0]], [1.0, 0.0])
                optimizer.step()
        if on_array:
            program.unpack(theta)
        ends.append([parameter.data.hex() for parameter in model.parameters()])
    assert ends[0] == ends[1]


@each_optimizer
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda make: make([Value(1.0)]).step([1.0]), TypeError, r"on Values step\(\) takes no gradient"),
        (lambda make: make([1.0]).step(), TypeError, r"on an array step\(gradient\) needs the gradient"),
        (lambda make: make(np.ones(2)).zero_grad(), TypeError, "on an array there is no gradient to forget"),
        (lambda make: make(np.ones(2)).step(np.ones(3)), ValueError, r"must have 2 numbers.*got the shape \(3,\)"),
        (lambda make: make(np.ones(2)).step(np.ones((2, 1))), ValueError, r"got the shape \(2, 1\)"),
        (lambda make: make([1.0, 2.0]).step([1.0]), ValueError, r"must have 2 numbers.*got the shape \(1,\)"),
        (lambda make: make([1.0, 2.0]).step(["a", 1.0]), TypeError, "a number of the gradient must be a real number"),
        (lambda make: make(np.ones((2, 2))), ValueError, r"along one axis, got the shape \(2, 2\)"),
        (lambda make: make(np.ones(0)), ValueError, r"at least one number along one axis, got the shape \(0,\)"),
        (
            lambda make: make(np.ones(2, int)),
            TypeError,
            r"array of floats, got int64; convert it, as theta.astype\(float\)",
        ),
        (lambda make: make(np.ones(2, complex)), TypeError, "array of floats, got complex128"),
        (lambda make: make([1.0, "a"]), TypeError, "a number of theta must be a real number, got 'a'"),
    ],
)
def test_values_and_arrays_are_not_mixed_up(name: str, call: Any, error: type[Exception], message: str) -> None:
    """A gradient on Values, none on an array, and an array of another shape or kind are errors that say what to do."""
    with pytest.raises(error, match=message):
        call(ON_ANYTHING[name])


NO_GRADIENTS: list[tuple[Any, type[Exception], str]] = [
    ([None, 1.0], TypeError, "a number of the gradient must be a real number, got None"),
    (["1", "2"], TypeError, "a number of the gradient must be a real number, got '1'"),
    (np.array(["1", "2"]), TypeError, "a number of the gradient must be a real number, got '1'"),
    ([1j, 2.0], TypeError, "a number of the gradient must be a real number, got 1j"),
    (np.array([1j, 2.0]), TypeError, "a number of the gradient must be a real number, got 1j"),
    (np.array([None, 2.0]), TypeError, "a number of the gradient must be a real number, got None"),
    ([[1.0], [2.0]], TypeError, r"a number of the gradient must be a real number, got \[1.0\]"),
    ([10**400, 1.0], ValueError, "a number of the gradient must be within the range of floats"),
    (np.array([1, 2], "m8[ns]"), TypeError, "must be a list, a tuple or an array .*timedelta"),
    ({1.0, 2.0}, TypeError, r"must be a list, a tuple or an array .*got \{1.0, 2.0\} of type set"),
    ({1.0: 0, 2.0: 0}, TypeError, "must be a list, a tuple or an array .* of type dict"),
    (b"ab", TypeError, "must be a list, a tuple or an array .* of type bytes"),
    ("ab", TypeError, "must be a list, a tuple or an array .* of type str"),
    (5.0, TypeError, "must be a list, a tuple or an array .*got 5.0 of type float"),
    (np.array(5.0), ValueError, r"must have 2 numbers.*got the shape \(\)"),
    (Value(5.0), TypeError, "must be a list, a tuple or an array .* of type Value"),
    ((1.0,), ValueError, r"must have 2 numbers.*got the shape \(1,\)"),
]


@each_array
@pytest.mark.parametrize(("gradient", "error", "message"), NO_GRADIENTS)
def test_a_gradient_is_real_numbers(kind: str, gradient: Any, error: type[Exception], message: str) -> None:
    """A list refuses the gradients that an array refuses, with the same words, and nothing is moved."""
    optimizer = Adam(ARRAYS[kind]([1.0, 2.0]))
    with pytest.raises(error, match=message):
        optimizer.step(gradient)
    assert (optimizer.steps, bits(optimizer.theta)) == (0, bits([1.0, 2.0]))


@each_array
@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        np.array,
        Frozen,
        lambda numbers: np.array(numbers, np.float32),
        lambda numbers: np.array(numbers, int),
        lambda numbers: np.array(numbers, object),
        lambda numbers: array("d", numbers),
        lambda numbers: [np.float32(x) for x in numbers],
    ],
)
def test_a_gradient_may_be_of_any_kind_of_real_numbers(kind: str, make: Callable[[list[float]], Any]) -> None:
    """The same numbers move an array and a list to the same bits, whatever they are in."""
    if make is Frozen and kind in {"numpy", "read-only"}:
        pytest.skip("numpy does not read this array")
    moved = GradientDescent(ARRAYS[kind]([1.0, 2.0]), 0.5).step(make([3.0, -4.0]))
    assert bits(moved) == bits([-0.5, 4.0])


@each_optimizer
@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 2)])
def test_an_array_of_values_is_taken_as_values(name: str, shape: tuple[int, ...]) -> None:
    """An array of Values of any shape is their list; one that holds anything else is refused."""
    several = [Value(1.0), Value(2.0)]
    array_of_values = np.array(several).reshape(shape)
    assert ON_ANYTHING[name](array_of_values).parameters == several
    assert minimize(lambda: several[0] ** 2 + several[1], array_of_values, max_steps=0).x == [1.0, 2.0]
    assert lift(lambda x: several[0] * x + several[1], array_of_values).pack().tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match=r"a parameter must be a Value, got 1\.0 of type float"):
        ON_ANYTHING[name](np.array([1.0, 2.0], object))


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize("take", [*ON_ANYTHING.values(), lambda ps: minimize(lambda: Value(0.0), ps), LIFTED])
def test_parameters_have_an_order(take: Callable[[Any], object], kind: Callable[[list[Value]], Any]) -> None:
    """A set is refused, as its numbers would go to other parameters in another run; the views of a dict are taken."""
    several = [Value(1.0), Value(2.0)]
    with pytest.raises(TypeError, match="parameters must have an order, which a set does not have: make it a list"):
        take(kind(several))
    take(dict.fromkeys(several).keys())


@each_optimizer
def test_a_refused_step_changes_nothing(name: str) -> None:
    """After an error in `step` the optimizer and the array are as they were."""
    theta = np.array([1.0, 2.0])
    optimizer = ON_ANYTHING[name](theta)
    before = repr((optimizer.state_dict(), theta, optimizer.steps))
    with pytest.raises(ValueError, match="must have 2 numbers"):
        optimizer.step(np.ones(3))
    assert repr((optimizer.state_dict(), theta, optimizer.steps)) == before
