"""How operations are written in numpy: in tails, in the functions of scipy, and with two halves."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from scalargrad import Value, erf, erfc, gelu, lgamma, lift, primitive, sigmoid, softplus, tanh
from scalargrad.engine import primitives as p
from scalargrad.lifting.to_numpy import spelling
from scalargrad.lifting.to_numpy.target import NumpyRunner

TAILS = [*np.linspace(-745, 745, 1491).tolist(), *np.linspace(-40, 40, 1601).tolist()]


def furthest(own: Callable[[Any], Any], true: Callable[[Any], Any]) -> float:
    """By how many last bits a lifted function of one number is off at most, in the tails and between."""
    program: Any = lift(own, [], target="numpy", check=False)
    with mpmath.workdps(60):
        exact = [float(true(mpmath.mpf(x))) for x in TAILS]
    apart = [abs(own - right) / math.ulp(right) for own, right in zip(program(TAILS).tolist(), exact, strict=True)]
    return float(max(apart))


def test_a_sigmoid_is_exact_in_its_tails() -> None:
    """Sigmoid and softplus are off by a few last bits, down to the smallest numbers."""
    assert furthest(sigmoid, lambda x: 1 / (1 + mpmath.exp(-x))) <= 4
    assert furthest(softplus, lambda x: mpmath.log1p(mpmath.exp(x))) <= 4


def test_other_forms_are_not() -> None:
    """Negative control: the forms with one exponential are off in the tails."""

    @primitive(partials=[lambda out, x: out * (1 - out)], array="1.0 / (1.0 + exp(-{}))", name="short_sigmoid")
    def short(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    assert furthest(short, lambda x: 1 / (1 + mpmath.exp(-x))) > 100


def loss(x: Any) -> Any:
    return erf(x) * erfc(x) + gelu(x) + lgamma(x * x + 1)


W = [Value(0.7), Value(-1.3)]
ROWS = [0.5, -1.0, 2.0, 3.5]


def test_special_functions_are_those_of_scipy() -> None:
    """Functions that numpy lacks are scipy's where it is installed, and the text says so."""
    program: Any = lift(lambda x: loss(W[0] * x + W[1]), W, target="numpy")
    program.value_and_grad(ROWS)
    assert "from scipy import special\n" in program.source
    assert "special.erf(" in program.source
    assert "scipy is not installed" not in program.source


def test_without_scipy_they_are_called_for_each_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scipy the same numbers come from the engine's functions, and the text says why."""
    program: Any = lift(lambda x: loss(W[0] * x + W[1]), W, target="numpy")
    expected = program.value_and_grad(ROWS)
    monkeypatch.setattr(spelling, "find_spec", lambda name: None)
    other: Any = lift(lambda x: loss(W[0] * x + W[1]), W, target="numpy")
    value, gradient = other.value_and_grad(ROWS)
    assert "from scipy" not in other.source
    assert "special." not in other.source
    assert re.search(r"np.copyto\(\w+, \w+\(\w+\)\)  # for each number, as scipy is not installed", other.source)
    assert math.isclose(value, expected[0], rel_tol=1e-12)
    assert np.allclose(gradient, expected[1], rtol=1e-12, atol=0)


def test_a_single_number_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that all examples share come from the engine's function too, and the line says so."""
    monkeypatch.setattr(spelling, "find_spec", lambda name: None)
    program: Any = lift(lambda x: erf(W[0]) * x, W, target="numpy")
    program.value_and_grad(ROWS)
    assert re.search(r"^    \w+ = \w+\(theta\[0\]\)  # for each number, as scipy", program.source, flags=re.M)


def test_an_unknown_special_function_is_named() -> None:
    """A spelling with a function that scipy lacks is an error that names both."""

    @primitive(partials=[lambda out, x: 0.0 * x], array="special.nothing_of_scipy({})", name="unspelled")
    def own(x: float) -> float:
        return x

    with pytest.raises(TypeError, match=r"unspelled has special\.nothing_of_scipy, which scipy does not have"):
        lift(own, [], target="numpy")(ROWS)


# ---------------------------------------------------------------- two halves


def rooms(depth: int) -> int:
    """How many buffers a chain of sigmoids needs that deep."""

    def chain(x: Any) -> Any:
        for _ in range(depth):
            x = sigmoid(W[0] * x)
        return x

    program: Any = lift(lambda x: sum(chain(own) for own in x), W, target="numpy")
    program([[1.0, 2.0, 3.0]])
    source: str = program._latest.runner("forward").source.text
    assert "np.copyto" not in source
    return source.count("np.empty")


def test_the_second_half_has_a_buffer_that_is_used_again() -> None:
    """What is computed beside the first half of an expression goes into a buffer that the next one uses, too."""
    assert rooms(1) == rooms(5)


def test_two_halves_of_several_operands() -> None:
    """An expression whose halves read both operands is right, also where an operand is not read again."""

    @primitive(
        partials=[lambda out, x, y: tanh(y) * 2 * x, lambda out, x, y: x * x * (1 - tanh(y) * tanh(y))],
        array="({0} * {0}) * tanh({1} + 0.0 * {0})",
        name="of_two_halves",
    )
    def own(x: float, y: float) -> float:
        return x * x * math.tanh(y)

    program: Any = lift(lambda x: sum(own(W[0] * own(a, W[1]), a) for a in x), W, target="numpy")
    rows = np.random.default_rng(0).normal(size=(5, 3))
    program.value_and_grad(rows)
    program.hvp(rows, [1.0, 2.0])


# ---------------------------------------------------------------- compiled


def test_a_program_has_no_closure() -> None:
    """What is bound once is global: Python is slow to compile functions with thousands of variables around them."""
    program: Any = lift(lambda x: sigmoid(W[0] * x), W, target="numpy")
    program.value_and_grad(ROWS)
    runner = program._latest.runner("value_and_grad")
    assert isinstance(runner, NumpyRunner)
    code = next(one for one in runner._code._code.co_consts if hasattr(one, "co_freevars"))
    assert code.co_freevars == ()
    assert "theta" in runner.source.leaves


def test_what_is_one_function_of_numpy() -> None:
    """Only such an operation may write over what it reads: no power, no two functions, and none without a spelling."""

    @primitive(partials=[lambda out, x: 1.0], name="nameless")
    def nameless(x: float) -> float:
        return x

    one_line = {p.tanh: True, p.add: True, p.power: False, p.sigmoid: False, nameless: False}
    assert {own: spelling.is_one_line(own) for own in one_line} == one_line
