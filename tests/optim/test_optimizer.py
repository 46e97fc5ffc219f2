"""What all optimizers have in common: states, what no sweep has reached, arrays, bad arguments."""

from __future__ import annotations

import json
import math
import operator
import pickle
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad import Constant, Value, lift, nn, optim
from scalargrad.optim import Adam, GradientDescent, Optimizer, minimize
from tests.optim.kinds import ARRAYS, OPTIMIZERS, REMEMBERING, Frozen, bits
from tests.optim.recurrences import NUMBERS, Recurrence, adam, close, expected, one, polyak

EITHER = st.sampled_from(sorted(OPTIMIZERS))


def trained(optimizer: Optimizer, steps: int) -> list[str]:
    """The parameters' bits after so many more steps down a valley."""
    x, y = optimizer.parameters
    for _ in range(steps):
        optimizer.zero_grad()
        ((x - 1) ** 2 + 3 * (y + x * x) ** 2).backward()
        optimizer.step()
    return [x.data.hex(), y.data.hex()]


def test_every_optimizer_is_tried() -> None:
    """Each class of the library stands in the table of settings by which the laws below go over them."""
    classes = {kind for kind in vars(optim).values() if isinstance(kind, type) and issubclass(kind, Optimizer)}
    assert {type(make(None)) for make in OPTIMIZERS.values()} >= classes - {Optimizer}


@given(EITHER, st.integers(0, 6), st.integers(0, 6), NUMBERS.filter(lambda x: abs(x) < 1))
def test_stopping_and_resuming_gives_the_same_bits(name: str, before: int, after: int, start: float) -> None:
    """An optimizer that goes on from a state saved as JSON does what the first would have done."""
    first = OPTIMIZERS[name]([Value(start), Value(0.5)])
    numbers = [float.fromhex(number) for number in trained(first, before)]
    state = json.loads(json.dumps(first.state_dict()))
    second = OPTIMIZERS[name]([Value(x) for x in numbers])
    second.load_state_dict(state)
    assert trained(second, after) == trained(first, after)


@pytest.mark.parametrize("name", REMEMBERING)
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


RECURRENCES: dict[str, Recurrence] = {"momentum": polyak(0.05, 0.9), "Adam": adam(0.1, 0.9, 0.999, 1e-8)}
SOMETIMES = st.lists(st.tuples(NUMBERS | st.none(), NUMBERS | st.none()), min_size=1, max_size=8)


@given(st.sampled_from(sorted(RECURRENCES)), SOMETIMES)
@example("momentum", [(None, None), (1.0, None), (None, 2.0), (None, None)])
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


@pytest.mark.parametrize("name", ["momentum", "Nesterov", "Adam", "AdamW", "NAdam", "a user's"])
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


MOMENTUM: dict[Any, Any] = {"kind": "GradientDescent(momentum=0.9)", "velocity": [0.5], "steps": 1}
ADAM: dict[Any, Any] = {"kind": "Adam()", "first_moment": [0.5], "second_moment": [0.5], "steps": 1}
NADAM: dict[Any, Any] = {**ADAM, "kind": "NAdam()", "momentum_product": 0.5}
BAD_STATES: list[tuple[str, Any, type[Exception], str]] = [
    ("momentum", {}, ValueError, "has kind, velocity, steps, got $"),
    ("momentum", ADAM, ValueError, r"the state is of Adam\(\), but this optimizer is GradientDescent\(momentum=0.9\)"),
    ("momentum", MOMENTUM | {1: 2}, ValueError, "has kind, velocity, steps, got kind, velocity, steps, 1"),
    ("momentum", MOMENTUM | {"velocity": [0.0, 0.0]}, ValueError, "velocity must have 1 number.*, got 2"),
    ("momentum", MOMENTUM | {"velocity": ["0"]}, TypeError, "velocity must be a real number"),
    ("momentum", MOMENTUM | {"velocity": [math.nan]}, ValueError, "velocity must hold finite numbers, got nan"),
    ("momentum", [0.0], TypeError, "the state of an optimizer must be a dict, got a list"),
    ("Adam", {"velocity": [0.5], "steps": 1}, ValueError, "has kind, first_moment, second_moment, steps, got vel"),
    ("Adam", ADAM | {"kind": 1}, ValueError, r"the state is of 1, but this optimizer is Adam\(\)"),
    ("Adam", ADAM | {"second_moment": []}, ValueError, "second_moment must have 1 number.*, got 0"),
    ("Adam", ADAM | {"second_moment": [None]}, TypeError, "second_moment must be a real number"),
    ("Adam", ADAM | {"second_moment": [-0.5]}, ValueError, "second_moment must hold no negative .*, got -0.5"),
    ("Adam", ADAM | {"second_moment": [math.inf]}, ValueError, "second_moment must hold finite .*, got inf"),
    ("Adam", ADAM | {"first_moment": [math.nan]}, ValueError, "first_moment must hold finite numbers, got nan"),
    ("Adam", ADAM | {"first_moment": {1.0: 1}}, TypeError, "first_moment must be a list of numbers, got a dict"),
    ("Adam", ADAM | {"first_moment": "1"}, TypeError, "first_moment must be a list of numbers, got a str"),
    ("Adam", ADAM | {"first_moment": 1.0}, TypeError, "first_moment must be a list of numbers, got a float"),
    ("Adam", ADAM | {"first_moment": [10**400]}, ValueError, "first_moment must be within the range of floats"),
    ("Adam", ADAM | {"steps": None}, ValueError, "steps must be .*, got None"),
    ("Adam", ADAM | {"steps": -1}, ValueError, "steps must be .*, got -1"),
    ("Adam", ADAM | {"steps": 2.5}, ValueError, "steps must be .*, got 2.5"),
    ("Adam", ADAM | {"steps": True}, ValueError, "steps must be .*, got True"),
    ("Adam", ADAM | {"steps": 10**400}, ValueError, "steps must be within the range of floats"),
    ("NAdam", ADAM | {"kind": "NAdam()"}, ValueError, "has kind, first_moment, second_moment, momentum_product, ste"),
    ("NAdam", NADAM | {"momentum_product": 1.5}, ValueError, "momentum_product must be at most 1.0, got 1.5"),
    ("NAdam", NADAM | {"momentum_product": -0.5}, ValueError, "momentum_product must be at least 0.0"),
    ("NAdam", NADAM | {"momentum_product": "1"}, TypeError, "momentum_product must be a real number"),
    (
        "Adagrad",
        {"kind": "Adagrad(weight_decay=0.1)", "square_sum": [-1.0], "steps": 1},
        ValueError,
        "square_sum must hold no negative number",
    ),
]


@pytest.mark.parametrize(("name", "state", "error", "message"), BAD_STATES)
def test_a_state_that_does_not_fit_changes_nothing(name: str, state: Any, error: type[Exception], message: str) -> None:
    """A state of another optimizer, of another size or of no finite numbers is an error that changes nothing."""
    optimizer = OPTIMIZERS[name](one())
    before = optimizer.state_dict()
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before


KINDS: dict[str, Callable[[Any], Optimizer]] = {
    "Adam": Adam,
    "AdamW": lambda parameters: optim.AdamW(parameters, weight_decay=0.0),
    "first decay": lambda parameters: Adam(parameters, first_decay=0.8),
    "weight decay": lambda parameters: Adam(parameters, weight_decay=0.1),
    "clip": lambda parameters: Adam(parameters, clip_norm=2.0),
    "momentum": lambda parameters: GradientDescent(parameters, momentum=0.9),
    "Nesterov": lambda parameters: GradientDescent(parameters, momentum=0.9, nesterov=True),
    "other momentum": lambda parameters: GradientDescent(parameters, momentum=0.8),
    "a user's": OPTIMIZERS["a user's"],
}


@pytest.mark.parametrize("own", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_a_state_is_loaded_into_its_own_kind_only(own: str, other: str) -> None:
    """A state of another optimizer, or of one with other settings, is refused; of the same it is loaded."""
    first, second = KINDS[own](one()), KINDS[other](one())
    state = json.loads(json.dumps(second.state_dict()))
    if own == other:
        first.load_state_dict(state)
    else:
        with pytest.raises(ValueError, match=r"the state is of .*, but this optimizer is .*: load it into one of the"):
            first.load_state_dict(state)


def test_the_rate_may_be_another() -> None:
    """A state goes into an optimizer with another rate, or a schedule, which is how a rate is lowered on the way."""
    state = Adam(one(), rate=0.1).state_dict()
    Adam(one(), rate=optim.InverseRoot(0.01)).load_state_dict(state)


def test_settings_of_any_type_are_told_apart_where_they_have_a_text() -> None:
    """Numbers of numpy count as the numbers that they are; what is neither number nor text is not compared."""

    class Mine(Optimizer):
        def __init__(self, parameters: Any = None, decay: Any = 0.5, function: Any = None, way: str = "plain") -> None:
            super().__init__(parameters, 0.1)
            self.decay, self.function, self.way = decay, function, way

        def rule(self, gradient: Any) -> Any:
            return self.rate * gradient

    state = Mine([1.0], np.float64(0.25), abs, "bent").state_dict()
    assert state["kind"] == "Mine(decay=0.25, way='bent')"
    Mine([1.0], 0.25, math.sqrt, "bent").load_state_dict(state)
    with pytest.raises(ValueError, match="but this optimizer is"):
        Mine([1.0], 0.25, abs).load_state_dict(state)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
COLUMN = st.lists(st.floats() | ANYTHING, min_size=1, max_size=1) | ANYTHING


def states(name: str) -> st.SearchStrategy[Any]:
    """What has the form of a state of this optimizer, and anything else."""
    keys = OPTIMIZERS[name](one()).state_dict()
    kind = st.just(keys.pop("kind"))
    columns = {key: COLUMN for key, content in keys.items() if isinstance(content, list)}
    numbers = {key: st.floats(0, 1) | st.integers() | ANYTHING for key in keys if key not in columns}
    return st.fixed_dictionaries({"kind": kind | ANYTHING} | columns | numbers) | ANYTHING


@given(EITHER, st.data())
def test_whatever_the_state_is_only_the_documented_errors_come(name: str, data: st.DataObject) -> None:
    """Any state is loaded, and a step can be made from it, or is a TypeError or a ValueError that changes nothing."""
    state = data.draw(states(name))
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
        (lambda: GradientDescent(one(), nesterov=True), ValueError, "nesterov needs a momentum, such as momentum=0.9"),
        (lambda: GradientDescent(one(), weight_decay=-1.0), ValueError, "weight_decay must be at least 0.0"),
        (lambda: GradientDescent(one(), clip_norm=0.0), ValueError, "clip_norm must be above 0.0, got 0.0"),
        (lambda: GradientDescent(one(), clip_norm=math.nan), ValueError, "clip_norm must be above 0.0, got nan"),
        (lambda: optim.Adagrad(one(), epsilon=0.0), ValueError, "epsilon must be above 0.0"),
        (lambda: optim.RMSprop(one(), decay=1.0), ValueError, "decay must be"),
        (lambda: optim.Adadelta(one(), decay=-0.1), ValueError, "decay must be"),
        (lambda: optim.NAdam(one(), momentum_decay=-0.1), ValueError, "momentum_decay must be"),
        (lambda: Adam(0.1), TypeError, r"parameters must be several Values, such as model.parameters\(\), got 0.1"),  # type: ignore[arg-type]
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
    """A model in place of its parameters is an error that says what to pass."""
    with pytest.raises(TypeError, match=r"such as model.parameters\(\), got Neuron\(1"):
        optim.GradientDescent(nn.Neuron(1), 0.1)  # type: ignore[arg-type]


# ---------------------------------------------------------------- on arrays


LIFTED = partial(lift, lambda x: 1.0 * x)
each_array = pytest.mark.parametrize("kind", ARRAYS)
each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


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
    on_values, on_array = OPTIMIZERS[name](values), OPTIMIZERS[name](theta)
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
    moved = OPTIMIZERS[name](theta).step(ARRAYS[kind]([3.0, 4.0]))
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
        optimizer = OPTIMIZERS[name](theta)
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

    whole = OPTIMIZERS[name]([Value(1.0), Value(-2.0)])
    step(whole, [3.0, 4.0])
    step(whole, [-0.5, 0.25])
    made: list[Callable[[list[float]], Any]] = [lambda xs: list(map(Value, xs)), ARRAYS[kind]]
    for first, second in (made, made[::-1]):
        begun = OPTIMIZERS[name](first([1.0, -2.0]))
        step(begun, [3.0, 4.0])
        begun = pickle.loads(pickle.dumps(begun))
        theta = (
            [x.data for x in begun.parameters] if begun.theta is None else list(map(float.fromhex, bits(begun.theta)))
        )
        resumed = OPTIMIZERS[name](second(theta))
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
        optimizer = OPTIMIZERS[name](theta if on_array else model.parameters())
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
        call(OPTIMIZERS[name])


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
    assert OPTIMIZERS[name](array_of_values).parameters == several
    assert minimize(lambda: several[0] ** 2 + several[1], array_of_values, max_steps=0).x == [1.0, 2.0]
    assert lift(lambda x: several[0] * x + several[1], array_of_values).pack().tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match=r"a parameter must be a Value, got 1\.0 of type float"):
        OPTIMIZERS[name](np.array([1.0, 2.0], object))


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize("take", [*OPTIMIZERS.values(), lambda ps: minimize(lambda: Value(0.0), ps), LIFTED])
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
    optimizer = OPTIMIZERS[name](theta)
    before = repr((optimizer.state_dict(), theta, optimizer.steps))
    with pytest.raises(ValueError, match="must have 2 numbers"):
        optimizer.step(np.ones(3))
    assert repr((optimizer.state_dict(), theta, optimizer.steps)) == before


# ---------------------------------------------------------------- clipping and weight decay

FAR = st.floats(-1e200, 1e200)


@each_array
@given(st.lists(FAR, min_size=1, max_size=4), st.floats(1e-3, 1e3))
def test_a_clipped_gradient_has_the_norm_and_the_direction(kind: str, gradient: list[float], norm: float) -> None:
    """A longer gradient is scaled to the norm, without overflow on the way; a shorter one is left as it is."""
    theta = ARRAYS[kind]([0.0] * len(gradient))
    moved = GradientDescent(theta, 1.0, clip_norm=norm).step(ARRAYS[kind](gradient))
    change = [-x for x in map(float.fromhex, bits(moved))]
    length = math.hypot(*gradient)
    if length <= norm * (1 - 1e-12):
        assert change == gradient
    else:
        assert math.hypot(*change) == pytest.approx(norm, rel=1e-12)
        assert change == pytest.approx([x * (norm / length) for x in gradient], rel=1e-12, abs=1e-300)


def test_values_are_clipped_too() -> None:
    """On Values the gradient is that of all parameters together."""
    values = [Value(0.0), Value(0.0)]
    for value, slope in zip(values, (3.0, -4.0), strict=True):
        value.grad = slope
    GradientDescent(values, 1.0, clip_norm=1.0).step()
    assert [value.data for value in values] == pytest.approx([-0.6, 0.8])


@each_array
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_clipping_hides_no_gradient_that_is_none(kind: str, wrong: float) -> None:
    """A nan or an infinity in the gradient stays to be seen in the parameter, however the rest is clipped."""
    theta = ARRAYS[kind]([0.0, 0.0])
    moved = GradientDescent(theta, 1.0, clip_norm=1.0).step(ARRAYS[kind]([wrong, 1.0]))
    assert not math.isfinite(float.fromhex(bits(moved)[0]))


@pytest.mark.parametrize("kind", ["GradientDescent", "Adagrad", "RMSprop", "Adadelta", "Adam", "NAdam"])
@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 1))
def test_weight_decay_is_a_term_of_the_loss(kind: str, x: float, slope: float, decay: float) -> None:
    """It moves a parameter as the loss plus ½ weight_decay × θ² does; AdamW's shrinks it beside Adam's step."""
    make = getattr(optim, kind)
    decayed = make([x], 0.1, weight_decay=decay).step([slope])
    assert decayed == make([x], 0.1).step([slope + decay * x])
    (apart,) = optim.AdamW([x], 0.1, weight_decay=decay).step([slope])
    (plain,) = optim.Adam([x], 0.1).step([slope])
    assert apart == pytest.approx(plain - 0.1 * decay * x, rel=1e-12, abs=1e-12)


# ---------------------------------------------------------------- settings, and the rules of users


def test_an_optimizer_without_parameters_is_a_setting() -> None:
    """`on` makes optimizers with the same settings and no memory; without parameters a step is an error."""
    setting = Adam(rate=0.1, first_decay=0.5)
    thetas: list[list[float]] = [[1.0], [1.0]]
    for theta in thetas:
        optimizer = setting.on(theta)
        for _ in range(3):
            optimizer.step([2.0])
        assert (optimizer.rate, optimizer.first_decay, optimizer.steps) == (0.1, 0.5, 3)
    assert thetas[0] == thetas[1] != [1.0]
    assert (setting.steps, setting.size) == (0, 0)
    with pytest.raises(TypeError, match=r"this optimizer has no parameters: make it as Adam\(parameters, …\)"):
        setting.step()


@each_optimizer
def test_a_fresh_start_is_the_first_start(name: str) -> None:
    """An optimizer that has taken steps, put on other parameters, does what a new one does there."""
    used = OPTIMIZERS[name]([1.0, 2.0])
    used.step([0.5, -0.5])
    again, new = used.on([3.0]), OPTIMIZERS[name]([3.0])
    assert again.step([0.25]) == new.step([0.25])
    assert repr(again.state_dict()) == repr(new.state_dict())


@pytest.mark.parametrize(
    ("optimizer", "shown"),
    [
        (Adam(), "Adam(rate=0.001)"),
        (Adam([1.0]), "Adam(1 parameter, rate=0.001)"),
        (Adam([1.0], epsilon=1e-6), "Adam(1 parameter, rate=0.001, epsilon=1e-06)"),
        (GradientDescent([Value(1.0), Value(2.0)], 0.5, 0.9), "GradientDescent(2 parameters, rate=0.5, momentum=0.9)"),
        (GradientDescent(rate=optim.InverseRoot(0.5)), "GradientDescent(rate=InverseRoot(rate=0.5))"),
        (GradientDescent(rate=math.exp), "GradientDescent(rate=exp)"),
        (optim.AdamW(np.ones(3), clip_norm=1.0), "AdamW(3 parameters, rate=0.001, clip_norm=1.0)"),
    ],
)
def test_an_optimizer_shows_its_settings(optimizer: Optimizer, shown: str) -> None:
    """It shows how many parameters it has, its rate, what differs from the defaults, and the steps taken."""
    assert repr(optimizer) == shown
    if optimizer.theta is not None:
        optimizer.step([1.0] * optimizer.size)
        assert repr(optimizer) == shown[:-1] + "; 1 step taken)"


@pytest.mark.parametrize("parameters", [[Value(1.0)], [1.0], np.ones(1)])
def test_a_rule_that_remembers_what_it_has_not_named_is_told(parameters: Any) -> None:
    """A rule that returns more than the change where nothing is remembered is an error, and no step is taken."""

    class Mistaken(Optimizer):
        def rule(self, gradient: Any) -> Any:
            return gradient, gradient

    optimizer = Mistaken(parameters)
    with pytest.raises(TypeError, match="the rule of Mistaken must return the change, got"):
        optimizer.step(None if optimizer.theta is None else [1.0])
    assert optimizer.steps == 0


def test_a_name_in_place_of_names_is_told() -> None:
    """A string for what is remembered, as where the comma of a tuple is missing, is an error in the class."""
    with pytest.raises(TypeError, match=r"what Mistaken remembers must be a tuple of names, such as \('mean',\)"):
        type("Mistaken", (Optimizer,), {"remembers": ("mean")})


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"remembers": ("steps",)}, "Mistaken cannot remember 'steps': an optimizer has an attribute or a setting of"),
        ({"remembers": ("velocity", "rate")}, "cannot remember 'rate'"),
        ({"remembers": ("theta",)}, "cannot remember 'theta'"),
        ({"remembers": ("kind",)}, "cannot remember 'kind'"),
        ({"remembers": ("rule",)}, "cannot remember 'rule'"),
        ({"remembers": ("_rate",)}, "cannot remember '_rate'"),
        ({"remembers": ("decay",)}, "cannot remember 'decay'"),
        ({"remembers": ("mean", "mean")}, "Mistaken remembers 'mean' twice"),
        ({"remembers": ("mean",), "not_negative": ("means",)}, "declares 'means' not negative, but does not remember"),
    ],
)
def test_a_memory_has_a_name_of_its_own(declared: dict[str, Any], message: str) -> None:
    """A memory with the name of what every optimizer has, or of a setting, is an error in the class."""

    def begun(self: Any, parameters: Any = None, decay: float = 0.5) -> None:
        Optimizer.__init__(self, parameters, decay)

    with pytest.raises(ValueError, match=message):
        type("Mistaken", (Optimizer,), {"__init__": begun, **declared})


def test_a_string_for_what_is_not_negative_is_told() -> None:
    """A string for the names that are not negative is an error in the class, too."""
    with pytest.raises(TypeError, match=r"what Mistaken declares not_negative must be a tuple of names"):
        type("Mistaken", (Optimizer,), {"remembers": ("mean",), "not_negative": "mean"})


@pytest.mark.parametrize("changed", ["gradient", "velocity"])
def test_a_rule_that_changes_an_array_in_place_is_told(changed: str) -> None:
    """On Values `velocity *= 0.5` changes no memory, on arrays it would: there it is an error, and no step is taken."""

    class Mistaken(Optimizer):
        remembers = ("velocity",)

        def rule(self, gradient: Any, velocity: Any) -> Any:
            before = velocity
            if changed == "velocity":
                velocity *= 0.5
            else:
                gradient *= 2
            return gradient - before, velocity + gradient

    Mistaken([1.0]).step([1.0])
    optimizer = Mistaken(np.ones(1))
    with pytest.raises(ValueError, match="read-only") as raised:
        optimizer.step([1.0])
    assert "the rule of Mistaken must return new arrays" in raised.value.__notes__[0]
    assert (optimizer.steps, optimizer.theta.tolist()) == (0, [1.0])


def test_another_error_in_a_rule_comes_out_as_it_is() -> None:
    """Negative control: an error of a rule that changes nothing in place has no such note."""

    class Failing(Optimizer):
        def rule(self, gradient: Any) -> Any:  # noqa: ARG002  # this is the mistake
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as raised:
        Failing(np.ones(1)).step([1.0])
    assert not hasattr(raised.value, "__notes__")


def test_a_schedule_that_is_refused_changes_nothing() -> None:
    """Where a new schedule gives no rate, the optimizer keeps the one that it had."""
    optimizer = Adam([1.0], rate=0.5)
    with pytest.raises(ValueError, match="the rate that the schedule gives for step 0"):
        optimizer.rate = lambda step: -1.0
    assert (optimizer.rate, optimizer.schedule) == (0.5, None)


@pytest.mark.parametrize("parameters", [[Value(1.0)], [1.0], np.ones(1)])
@pytest.mark.parametrize("returned", [1.0, (1.0,), (1.0, 2.0, 3.0), [1.0, 2.0], None])
def test_a_rule_that_returns_something_else_is_told(parameters: Any, returned: Any) -> None:
    """A rule that does not return the change and what to remember is an error, and the step is not taken."""

    class Mistaken(Optimizer):
        remembers = ("velocity",)

        def rule(self, gradient: Any, velocity: Any) -> Any:  # noqa: ARG002  # this is the mistake
            return returned

    optimizer = Mistaken(parameters)
    with pytest.raises(TypeError, match="the rule of Mistaken must return the change, velocity, got"):
        optimizer.step(None if optimizer.theta is None else [1.0])
    assert optimizer.steps == 0
    assert [x.data if isinstance(x, Value) else x for x in parameters] == [1.0]


def test_a_rule_that_is_missing_is_told() -> None:
    """The base class, and a subclass without a rule, cannot be made."""
    with pytest.raises(TypeError, match="abstract"):
        Optimizer([1.0])  # type: ignore[abstract]


# ---------------------------------------------------------------- names of other libraries


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Adam([1.0], lr=0.1), "no argument 'lr' here: write rate"),  # type: ignore[call-arg]
        (lambda: GradientDescent([1.0], learning_rate=0.1), "no argument 'learning_rate' here: write rate"),  # type: ignore[call-arg]
        (lambda: Adam([1.0], betas=(0.9, 0.99)), "'betas' here: write first_decay and second_decay"),  # type: ignore[call-arg]
        (lambda: optim.RMSprop([1.0], alpha=0.9), "'alpha' here: write decay"),  # type: ignore[call-arg]
        (lambda: minimize(lambda: Value(1.0), one(), lr=0.1), "no argument 'lr' here: write rate"),  # type: ignore[call-arg]
    ],
)
def test_an_argument_of_another_library(call: Callable[[], object], message: str) -> None:
    """An argument by the name that another library gives it is an error that says ours."""
    with pytest.raises(TypeError, match=message):
        call()


def test_an_optimizer_of_a_user_names_its_arguments() -> None:
    """A user's optimizer may call an argument as another library does; what no rule here has is Python's error."""

    class Mine(Optimizer):
        def __init__(self, parameters: Any, alpha: float) -> None:
            super().__init__(parameters, rate=alpha)

        def rule(self, gradient: Any) -> Any:
            return self.rate * gradient

    assert Mine([1.0], alpha=0.5).step([1.0]) == [0.5]
    with pytest.raises(TypeError, match="unexpected keyword argument 'rho'"):
        Adam([1.0], rho=0.9)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "ours"), [("SGD", "optim.GradientDescent"), ("lr_scheduler", "optim.Cosine"), ("Nadam", "optim.NAdam")]
)
def test_a_class_of_another_library(name: str, ours: str) -> None:
    """A class of another library is an error with our name; any other missing name is the usual error, with a guess."""
    with pytest.raises(AttributeError, match=rf"^scalargrad\.optim has no {name}: write .*{ours}"):
        getattr(optim, name)
    assert not hasattr(optim, name)
    with pytest.raises(AttributeError, match=r"^module 'scalargrad\.optim' has .* 'Adm': did you mean Adam\?$"):
        optim.Adm  # type: ignore[attr-defined]  # noqa: B018  # it is there to fail
