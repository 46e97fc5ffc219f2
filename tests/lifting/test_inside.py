"""Derivatives inside a lifted function: they are those of the engine, to any order, and are differentiated again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import scalargrad
from scalargrad import (
    Value,
    erfc,
    exp,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    lift,
    log,
    nn,
    no_grad,
    stop_gradient,
    tanh,
    vjp,
)
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting import TraceError

from ..oracle import Program, programs, run

each_target = pytest.mark.parametrize("target", ["numpy", "python"])
TOLERANCE = 1e-10
FUNCTIONS = {primitive.name: primitive for primitive in BUILT_IN}
Task = tuple[Callable[..., Any], list[Value], list[Any]]


def rows(*shape: int, low: float = -1.0, high: float = 1.0, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(low, high, size=shape).tolist()


def oscillator() -> Task:
    """The residual of u'' + u = 0, for a network u."""
    u = nn.MLP(1, [6, 6, 1], "tanh", rng=0)

    def residual(t: Any) -> Any:
        return (grad(grad(u([t]), t), t) + u([t])) ** 2

    return residual, u.parameters(), [rows(7)]


def poisson() -> Task:
    """The residual of the Poisson equation in two dimensions."""
    u = nn.MLP(2, [5, 5, 1], "tanh", rng=1)

    def residual(place: Any) -> Any:
        by_x, by_y = grad(u(place), place)
        return (grad(by_x, place[0]) + grad(by_y, place[1]) + 1) ** 2

    return residual, u.parameters(), [rows(6, 2)]


def gradient_penalty() -> Task:
    """The penalty on the slope of a critic, which holds its length near 1."""
    critic = nn.MLP(3, [5, 1], "softplus", rng=2)

    def penalty(x: Any) -> Any:
        slopes = grad(critic(x), x)
        return (sum(slope * slope for slope in slopes) ** 0.5 - 1) ** 2

    return penalty, critic.parameters(), [rows(5, 3)]


def maml() -> Task:
    """The loss after one step of descent on another task: a gradient in the parameters, inside."""
    model = nn.MLP(1, [4, 1], "tanh", rng=3)
    parameters = model.parameters()

    def loss(x: Any, y: Any, x2: Any, y2: Any) -> Any:
        slopes = grad((model([x]) - y) ** 2, parameters)
        w = [own - 0.1 * slope for own, slope in zip(parameters, slopes, strict=True)]
        hidden = [tanh(w[2 * i] * x2 + w[2 * i + 1]) for i in range(4)]
        return (sum(a * b for a, b in zip(w[8:12], hidden, strict=True)) + w[12] - y2) ** 2

    return loss, parameters, [rows(6, seed=seed) for seed in range(4)]


def price(spot: Any, strike: Any, time: Any, rate: Any, volatility: Any) -> Any:
    """The price of a call: Black and Scholes, "The pricing of options and corporate liabilities" (1973)."""
    spread = volatility * time**0.5
    first = (log(spot / strike) + (rate + volatility * volatility / 2) * time) / spread

    def below(x: Any) -> Any:
        return 0.5 * erfc(-x / math.sqrt(2))

    return spot * below(first) - strike * exp(-rate * time) * below(first - spread)


def greeks() -> Task:
    """The squared greeks of an option, to second order, weighted."""
    w = [Value(0.1 * i + 0.3) for i in range(5)]

    def total(option: Any) -> Any:
        first = grad(price(*option), option)
        return sum(a * b * b for a, b in zip(w, [*first[:4], grad(first[0], option[0])], strict=True)) + w[4]

    spots, strikes = rows(5, low=80, high=120), rows(5, low=80, high=120, seed=1)
    return total, w, [[[s, k, 0.5 + 0.3 * i, 0.05, 0.2] for i, (s, k) in enumerate(zip(spots, strikes, strict=True))]]


TASKS = {task.__name__: task for task in (oscillator, poisson, gradient_penalty, maml, greeks)}


def agree(own: Any, eager: Any, scale: float = 1.0) -> bool:
    return bool(np.allclose(own, eager, rtol=TOLERANCE, atol=TOLERANCE * scale))


@each_target
@pytest.mark.parametrize("name", TASKS)
def test_tasks_are_those_of_the_engine(name: str, target: str) -> None:
    """Values, gradients and Hessians times vectors of functions with derivatives inside are the engine's."""
    function, parameters, batch = TASKS[name]()
    examples = list(zip(*batch, strict=True))
    results = [
        function(*[list(map(Value, own)) if isinstance(own, list) else Value(own) for own in example])
        for example in examples
    ]
    program: Any = lift(function, parameters, target=target, check=False)
    assert agree(program(*batch), [result.data for result in results])
    value, gradient = program.value_and_grad(*batch)
    expected = np.mean([[slope.data for slope in grad(result, parameters)] for result in results], axis=0)
    assert agree(value, np.mean([result.data for result in results]))
    assert agree(gradient, expected, np.abs(expected).max())
    vector = [math.cos(i) for i in range(len(parameters))]
    bent = np.mean([[slope.data for slope in hvp(result, parameters, vector)] for result in results], axis=0)
    assert agree(program.hvp(*batch, vector), bent, np.abs(bent).max())


def test_a_wrong_rule_is_seen() -> None:
    """Negative control: with another rule inside, the numbers differ from the engine's."""
    function, parameters, batch = oscillator()
    program: Any = lift(function, parameters, check=False)
    right = program(*batch)

    def other(t: Any) -> Any:
        return 1.001 * function(t)

    assert not agree(lift(other, parameters, check=False)(*batch), right)


def test_greeks_are_those_of_the_textbook() -> None:
    """Delta and gamma of a call are the normal distribution at d1, and its density over the spread."""
    _, _, (options,) = greeks()

    def both(option: Any) -> Any:
        delta = grad(price(*option), option[0])
        return delta, grad(delta, option[0])

    results = lift(both, [])(options)
    for (spot, strike, time, rate, volatility), (delta, gamma) in zip(options, results, strict=True):
        spread = volatility * time**0.5
        first = (math.log(spot / strike) + (rate + volatility**2 / 2) * time) / spread
        density = math.exp(-first * first / 2) / math.sqrt(2 * math.pi)
        assert delta == pytest.approx(0.5 * math.erfc(-first / math.sqrt(2)), rel=1e-13)
        assert gamma == pytest.approx(density / (spot * spread), rel=1e-12)


# ---------------------------------------------------------------- random programs


def derived(program: Program, leaves: Sequence[Any]) -> list[Any]:
    """Derivatives of a random program of every kind, as one list."""
    result = run(program, leaves, FUNCTIONS)[-1]
    first = grad(result, leaves)
    ones = [1.0] * len(leaves)
    return [
        result,
        *first,
        grad(first[0], leaves[-1]),
        *hvp(result, leaves, ones),
        jvp(result, leaves, ones),
        *vjp([result, first[0]], leaves, [2.0, -0.5]),
        *[entry for row in jacobian([result, *first], leaves) for entry in row],
    ]


@each_target
@given(program=programs(max_leaves=3, max_instructions=8))
def test_derivatives_of_random_programs(program: Program, target: str) -> None:
    """Derivatives inside random programs, in inputs and in parameters, are those of the engine."""
    parameters = [Value(x) for x in program.leaves]
    expected = np.array([one.data for one in derived(program, parameters)])
    scale = 1.0 + np.abs(expected[np.isfinite(expected)]).max()
    in_inputs: Any = lift(lambda x: derived(program, x), [], target=target, check=False)
    in_parameters: Any = lift(lambda: derived(program, parameters), parameters, target=target, check=False)
    for lifted in (in_inputs([list(program.leaves)])[0], in_parameters()):
        assert np.allclose(lifted, expected, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True)


@each_target
@given(program=programs(max_leaves=3, max_instructions=6))
def test_the_program_differentiates_them_again(program: Program, target: str) -> None:
    """The gradient of a sum of derivatives inside is the engine's."""
    parameters = [Value(x) for x in program.leaves]

    def bent() -> Any:
        first = grad(run(program, parameters, FUNCTIONS)[-1], parameters)
        return sum(slope * math.cos(i) for i, slope in enumerate(first))

    expected = np.array([slope.data for slope in grad(bent(), parameters)])
    lifted: Any = lift(bent, parameters, target=target, check=False)
    scale = 1.0 + np.abs(expected).max()
    assert np.allclose(lifted.value_and_grad()[1], expected, rtol=TOLERANCE, atol=10 * TOLERANCE * scale)


# ---------------------------------------------------------------- forms


@each_target
def test_the_form_is_that_of_what_is_differentiated_in(target: str) -> None:
    """One Value gives one, a list a list, an array of Values an array, as outside."""
    w = np.array([[Value(2.0), Value(3.0)]], dtype=object)

    def slopes(x: Any) -> Any:
        result = w[0, 0] * w[0, 1] * x
        in_array = grad(result, w)
        assert in_array.shape == (1, 2)
        assert isinstance(grad(result, x), Value)
        assert isinstance(grad(result, [x]), list)
        value, slope = scalargrad.value_and_grad(lambda y: y * y * x)(x)
        return [*in_array.flat, grad(result, x), value, slope, *hessian(x**3, [x])[0]]

    program: Any = lift(slopes, list(w.flat), target=target)
    assert [float(one) for one in program([2.0])[0]] == [6.0, 4.0, 6.0, 8.0, 12.0, 12.0]


@each_target
def test_what_does_not_depend_has_the_derivative_zero(target: str) -> None:
    """A derivative that is 0, or another number, is a result like any other."""
    w = Value(2.0)
    program: Any = lift(
        lambda x: [grad(w * 3.0, x), grad(x * 2.0, x), jvp(w * 1.5, [x], [1.0]), grad(stop_gradient(x) * w, x)],
        [w],
        target=target,
    )
    assert [float(one) for one in program([5.0])[0]] == [0.0, 2.0, 0.0, 0.0]


@each_target
def test_results_from_before_the_run(target: str) -> None:
    """A result that was computed from the parameters before the function runs can be differentiated in, and through."""
    w = Value(0.5)
    squared = w * w
    program: Any = lift(lambda x: [grad(squared * squared * x, squared), grad(squared * x, w)], [w], target=target)
    assert [float(one) for one in program([3.0])[0]] == [1.5, 3.0]


# ---------------------------------------------------------------- what is refused


def refused(function: Callable[..., Any], *parameters: Value) -> None:
    with pytest.raises(TraceError, match="a derivative with respect to a result that another one equals"):
        lift(function, parameters)([1.0, 2.0])


def test_equal_results_are_not_taken_for_one_another() -> None:
    """Where two results are one in the trace, a derivative in one of them is an error, not the sum of both."""

    def twice(x: Any) -> Any:
        first, second = tanh(x), tanh(x)
        return grad(first * second, first)

    def derivative(x: Any) -> Any:
        slope = grad(x * tanh(x), tanh(x))
        return slope * x

    refused(twice)
    refused(derivative)
    w = Value(0.5)
    first, second = w * w, w * w
    refused(lambda x: grad(first * second * x, first), w)
    y = Value(3.0)
    slope = grad(y * w, w)
    assert slope.data == 3.0
    refused(lambda x: grad(grad(w * x, w) * x, grad(w * x, w)), w)


@each_target
def test_what_changes_nothing_is_a_result_of_its_own(target: str) -> None:
    """A derivative in x + 0 or 1 × x is not one in x, as without lifting."""
    w = Value(0.5)
    before = w * 1.0

    def function(x: Any) -> Any:
        y, z = x + 0.0, 1.0 * x
        return [grad(y * y * z * x, y), grad(y * z * z * x, z), grad(before * before * w * x, before)]

    y, z = Value(3.0), Value(4.0)
    expected = [[one.data for one in function(x)] for x in (y, z)]
    assert lift(function, [w], target=target, check=False)([3.0, 4.0]) == pytest.approx(np.array(expected), rel=1e-14)


def test_a_derivative_that_is_new_can_be_differentiated_in() -> None:
    """A derivative that equals nothing from before is a result like any other."""
    w = Value(0.5)

    def of_a_slope(x: Any) -> Any:
        slope = grad(tanh(w * x), x)
        return grad(slope**3, slope)

    program: Any = lift(of_a_slope, [w])
    assert program([2.0])[0] == pytest.approx(3 * (0.5 * (1 - math.tanh(1.0) ** 2)) ** 2, rel=1e-14)


def test_under_no_grad_there_is_nothing_to_differentiate() -> None:
    """A result that was computed under `no_grad` has no derivative there; a clear error says so."""

    def lost(x: Any) -> Any:
        with no_grad():
            return grad(x * x, x)

    with pytest.raises(ValueError, match="nothing is recorded under no_grad"):
        lift(lost, [])([1.0])

    def held(x: Any) -> Any:
        with no_grad():
            y = x * x
        return grad(y * x, x)

    assert lift(held, [])([3.0]).tolist() == [9.0]


def test_many_derivatives_of_one_result_take_time_in_proportion() -> None:
    """A derivative looks at what its result is computed from, and not at all of the trace."""
    rng = random.Random(0)
    w = [Value(rng.gauss(0, 1)) for _ in range(400)]

    def total(x: Any) -> Any:
        return sum(grad(tanh(own * one), one) for own, one in zip(w, x, strict=True))

    program: Any = lift(total, w)
    assert program.value_and_grad([rows(400)])[1].shape == (400,)
