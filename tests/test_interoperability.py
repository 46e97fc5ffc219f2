"""What numpy and the standard library make of Values: the page on it is true, and nothing drops a graph unmentioned."""

from __future__ import annotations

import array
import cmath
import decimal
import fractions
import json
import math
import operator
import random
import re
import statistics
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, Value, cross_entropy, grad, hinge, jvp, lift, nn, square_error
from scalargrad.engine.graph import topological_order
from scalargrad.functional import hvp
from tests.oracle import plain_numbers

PAGE = (Path(__file__).parent.parent / "docs" / "guides" / "interoperability.md").read_text(encoding="utf-8")
DATA = [0.5, 0.25, 2.0]


def table(heading: str) -> list[tuple[list[str], list[str]]]:
    """The code in the first and in the second column, line by line, of the table under a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!code|-)(.*?) \|(.*)\|$", section, re.MULTILINE)
    assert len(rows) > 5
    return [(re.findall("`(.*?)`", first), re.findall("`(.*?)`", second)) for first, second in rows]


def names() -> dict[str, Any]:
    several = [Value(x) for x in DATA]
    modules = [array, cmath, decimal, fractions, json, math, random, scalargrad, statistics]
    return {
        "x": several[0],
        "y": several[1],
        "several": several,
        "values": np.array(several),
        "numbers": np.zeros(2),
        "np": np,
        **{module.__name__: module for module in modules},
    }


def done(code: str, known: dict[str, Any]) -> Any:
    """What code comes to; of an assignment, what it has been assigned to."""
    target, sign, _ = code.partition(" = ")
    if not sign:
        return eval(code, known)  # noqa: S307  # the project's own page
    exec(code, known)  # noqa: S102  # likewise
    return known[target.partition("[")[0]]


def parts(result: Any) -> Iterator[Any]:
    if isinstance(result, np.ndarray):
        result = result.ravel().tolist()
    if isinstance(result, (list, tuple, array.array)):
        for part in result:
            yield from parts(part)
    else:
        yield result


def kept(result: Any, several: list[Value]) -> bool:
    """Whether each part of a result is a Value that was computed from those, or is one of them."""
    return all(isinstance(part, Value) and set(several) & topological_order(part).keys() for part in parts(result))


KEPT, DROPPED, REFUSED = map(
    table, ("What keeps the graph", "What drops the graph without an error", "What is refused")
)
MODULES = {"math", "prod", "sumprod", "numbers", "dtype=object"}  # in code type on the page, and no example


def codes(column: list[list[str]]) -> list[str]:
    return [code for row in column for code in row if code not in MODULES]


@pytest.mark.parametrize("code", [code for row in KEPT for code in row[0]] + codes([row[1] for row in DROPPED]))
def test_what_is_said_to_keep_the_graph_does(code: str) -> None:
    """The first table's code, and what the second gives instead, returns Values that lead back to those given."""
    known = names()
    assert kept(done(code, known), known["several"])


@pytest.mark.parametrize("code", codes([row[0] for row in DROPPED]))
def test_what_is_said_to_drop_the_graph_does(code: str) -> None:
    """The second table's code returns plain numbers, without an error or a warning."""
    known = names()
    assert not any(isinstance(part, Value) for part in parts(done(code, known)))


@pytest.mark.parametrize("code", codes([row[0] for row in REFUSED]))
def test_what_is_said_to_be_refused_is(code: str) -> None:
    """The third table's code raises an error."""
    with pytest.raises((TypeError, AttributeError)):
        done(code, names())


@pytest.mark.parametrize("code", codes([row[1] for row in REFUSED]))
def test_what_is_to_be_written_instead_runs(code: str) -> None:
    """What the third table gives instead raises none."""
    done(code, names())


@pytest.mark.parametrize("function", [np.fmax, np.fmin])
@pytest.mark.parametrize("other", [2.0, math.nan, Value(math.nan), np.array([1.0, math.nan])])
def test_what_numpy_does_otherwise_for_objects_is_refused(function: Any, other: Any) -> None:
    """A nan loses in fmax and fmin, but not in numpy's for objects: beside a Value they are refused."""
    for operands in ((Value(3.0), other), (other, Value(3.0))):
        with pytest.raises(
            TypeError, match=rf"{function.__name__} is not defined for Values.*write np.m..imum\(x, y\)"
        ):
            function(*operands)


@pytest.mark.parametrize(
    "code",
    [
        "numbers.fill(x)",
        "np.put(numbers, 0, x)",
        "np.add.at(numbers, 0, x)",
        "np.place(numbers, [True, False], several)",
    ],
)
def test_an_array_of_floats_takes_the_number_alone(code: str) -> None:
    """Each of these puts the number of the Value into an array of floats."""
    known = names()
    assert f"`{code}`" in PAGE
    done(code, known)
    assert known["numbers"].dtype == float
    assert known["numbers"][0] == DATA[0]


# ---------------------------------------------------------------- nothing is missing on the page

ANSWERS = {  # of which no answer is a number to differentiate, but a place, a count, a truth or a shape
    *("argsort", "argwhere", "diag_indices_from", "flatnonzero", "lexsort", "nonzero", "tril_indices_from"),
    *("triu_indices_from", "where", "matrix_rank", "ndim", "shape", "size", "zeros_like", "ones_like", "imag"),
    *("iscomplex", "iscomplexobj", "isfortran", "isreal", "isrealobj", "isscalar", "iterable", "logical_not"),
    *("frombuffer", "test"),  # the bytes of the references; numpy's own tests
}


def dropping(module: Any, given: Callable[[], Any]) -> set[str]:
    """The functions of a module that make plain numbers of what is given, without a word."""
    names = set()
    for name in getattr(module, "__all__", dir(module)):
        function = getattr(module, name)
        if not callable(function) or isinstance(function, type) or name in ANSWERS:
            continue
        argument = given()
        try:
            result = list(parts(function(argument)))
        except Exception:  # noqa: S112  # whatever it says, it says something
            continue
        if result and all(isinstance(part, (int, float, complex)) for part in result):
            names.add(name)
    return names


def of_three() -> Any:
    return np.array([Value(x) for x in DATA])


def of_one_by_one() -> Any:
    return np.array([[Value(0.5)]])


def test_no_function_of_numpy_drops_a_graph_unmentioned() -> None:
    """Of the functions of numpy, those that make floats of an array of Values are on the page."""
    names = {name for module in (np, np.linalg, np.fft) for name in dropping(module, of_three)}
    names |= {name for module in (np, np.linalg) for name in dropping(module, of_one_by_one)}
    assert {"gradient", "round"} <= names
    assert {name for name in names if not re.search(rf"np\.(\w+\.)?{name}\(", PAGE)} == set()


def test_no_function_of_the_standard_library_drops_a_graph_unmentioned() -> None:
    """Of `statistics` and `math`, those that make floats of Values are on the page."""
    names = dropping(statistics, lambda: [Value(x) for x in DATA])
    assert {"fmean", "geometric_mean"} <= names
    assert {name for name in names if f"statistics.{name}(" not in PAGE} == set()
    assert {"exp", "sqrt", "fabs"} <= dropping(math, lambda: Value(0.5))
    assert dropping(math, lambda: [Value(x) for x in DATA]) == {"fsum"}


# ---------------------------------------------------------------- numbers and gradients of numpy's functions


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.integers(0, 1))
def test_variance_and_deviation(numbers: list[float], ddof: int) -> None:
    """`np.var` and `np.std` of Values are those of the numbers, with the slopes 2 (x - mean) / n and, of it, / 2σ."""
    values = np.array([Value(x) for x in numbers])
    variance = np.var(values, ddof=ddof)
    assert variance.data == pytest.approx(np.var(numbers, ddof=ddof), rel=1e-12, abs=1e-12)
    variance.backward()
    slopes = 2 * (np.array(numbers) - np.mean(numbers)) / (len(numbers) - ddof)
    assert [x.grad for x in values] == pytest.approx(slopes, abs=1e-12)
    if np.std(numbers) > 0.01:
        deviation = np.std(values, ddof=ddof)
        assert deviation.data == pytest.approx(np.std(numbers, ddof=ddof), rel=1e-12)
        gradients = [g.data for g in grad(deviation, list(values))]
        assert gradients == pytest.approx(slopes / (2 * np.std(numbers, ddof=ddof)), rel=1e-9, abs=1e-9)


TWO: dict[str, Callable[[float, float], tuple[float, float]]] = {  # the slopes, written down by hand
    "hypot": lambda x, y: (x / math.hypot(x, y), y / math.hypot(x, y)),
    "arctan2": lambda x, y: (y / (x * x + y * y), -x / (x * x + y * y)),
    "logaddexp": lambda x, y: (1 / (1 + math.exp(y - x)), 1 / (1 + math.exp(x - y))),
    "maximum": lambda x, y: (1.0, 0.0) if x > y else (0.0, 1.0),
    "minimum": lambda x, y: (1.0, 0.0) if x < y else (0.0, 1.0),
    "add": lambda x, y: (1.0, 1.0),
    "subtract": lambda x, y: (1.0, -1.0),
    "multiply": lambda x, y: (y, x),
    "divide": lambda x, y: (1 / y, -x / (y * y)),
}


def slopes_of(result: Any, x: Any, y: Any) -> list[float]:
    return [grad(result, value).data if isinstance(value, Value) else math.nan for value in (x, y)]


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("number", [float, np.float64, np.float32, np.array])
@pytest.mark.parametrize(("x", "y"), [(0.5, 2.0), (1.5, -0.75), (-2.0, -0.25)])
def test_a_function_of_two_operands_takes_a_number_on_either_side(name: str, number: Any, x: float, y: float) -> None:
    """A number of any kind beside a Value, on either side, gives a Value, with the slopes of the formula."""
    function, slopes = getattr(np, name), TWO[name](x, y)
    for given_x, given_y in ((Value(x), Value(y)), (number(x), Value(y)), (Value(x), number(y))):
        result = function(given_x, given_y)
        assert type(result) is Value
        assert result.data == pytest.approx(float(function(x, y)), rel=1e-15)
        for slope, wanted in zip(slopes_of(result, given_x, given_y), slopes, strict=True):
            assert math.isnan(slope) or slope == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("name", TWO)
def test_a_value_is_spread_over_an_array(name: str) -> None:
    """A Value beside an array of floats, or of Values, or a list, gives an array of its shape."""
    function, v = getattr(np, name), Value(0.5)
    numbers = np.array([[1.0, 2.0], [3.0, 4.0]])
    wanted = function(numbers, 0.5)
    for array_like in (numbers, numbers.tolist(), np.array([[Value(x) for x in row] for row in numbers])):
        result = function(array_like, v)
        assert result.shape == (2, 2)
        np.testing.assert_allclose(result.astype(float), wanted, rtol=1e-15)
        np.testing.assert_allclose(function(v, array_like).astype(float), function(0.5, numbers), rtol=1e-15)
        assert all(v in topological_order(part) for part in result.flat)


@given(plain_numbers, plain_numbers)
def test_logaddexp_is_exact(x: float, y: float) -> None:
    """The logarithm of a sum of exponentials is numpy's, and its second slopes are s (1 - s), at a tie too."""
    for left, right in ((x, y), (x, x), (x, x - 40.0)):
        a, b = Value(left), Value(right)
        result = np.logaddexp(a, b)  # type: ignore[call-overload]
        assert math.isclose(result.data, float(np.logaddexp(left, right)), rel_tol=1e-14, abs_tol=1e-300)
        share = 1 / (1 + math.exp(min(700.0, right - left)))
        for first, second, sign in ((a, a, 1), (a, b, -1), (b, b, 1)):
            second_derivative = grad(grad(result, first), second).data
            assert math.isclose(second_derivative, sign * share * (1 - share), rel_tol=1e-9, abs_tol=1e-15)


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan, 0.0, -1000.0])
@pytest.mark.parametrize("y", [math.inf, -math.inf, math.nan, 0.0, 1000.0])
def test_logaddexp_at_the_ends(x: float, y: float) -> None:
    """For infinite numbers and nan it is what numpy says."""
    v: Any = Value(x)
    with np.errstate(all="ignore"):
        ours, wanted = np.logaddexp(v, y).data, float(np.logaddexp(x, y))
    assert ours == wanted or (math.isnan(ours) and math.isnan(wanted))


@given(st.floats())
def test_questions_are_answered_as_for_the_number(x: float) -> None:
    """`np.isnan` and its like, and what rounds, say of a Value what they say of its number."""
    v: Any = Value(x)
    for function in (np.isnan, np.isinf, np.isfinite, np.signbit):
        assert function(v) == function(x)
    for result in (np.rint(v), np.round(v)):
        assert type(result) is float
        assert result.hex() == float(np.rint(x)).hex() or math.isnan(x)
    if math.isfinite(x):
        assert np.floor(v) == math.floor(x)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.copysign(x, 1.0),
        lambda x: np.fmod(x, 2.0),
        np.modf,
        lambda x: np.heaviside(x, np.array([0.5, 1.0])),
        lambda x: np.logical_xor(x, x),
        np.bitwise_count,
    ],
)
def test_a_function_that_values_have_not_is_named(call: Callable[[Value], object]) -> None:
    """The error says which function it is and what to do, in place of numpy's types and casting rules."""
    with pytest.raises(
        TypeError, match=r"^the array function \w+ is not defined for Values: write it .* the number without"
    ):
        call(Value(0.5))


def test_numpys_other_errors_are_its_own() -> None:
    """What is wrong for another reason is said as ever."""
    v: Any = Value(1.0)
    with pytest.raises(TypeError, match="str"):
        np.hypot("a", v)
    with pytest.raises(ValueError, match="dimension"):
        np.matmul(np.ones(2), v)
    numbers: Any = np.ones(2)
    with pytest.raises(TypeError, match=r"Cannot cast ufunc .* output"):
        numbers *= v


def test_options_and_methods_of_functions() -> None:
    """`out`, `where`, `outer` and `at` work beside a Value as for arrays of Values."""
    v: Any = Value(2.0)
    out = np.array([None, 1.0], dtype=object)
    np.multiply(v, np.array([1.0, 2.0]), out=out, where=[True, False])
    assert (out[0].data, out[1]) == (2.0, 1.0)
    assert [x.data for x in np.hypot(v, np.zeros(2), out=np.empty(2, object))] == [2.0, 2.0]
    assert np.multiply.outer(v, np.array([1.0, 2.0]))[1].data == 4.0
    array = np.array([v, v])
    np.add.at(array, [0, 0], v)
    assert [x.data for x in array] == [6.0, 2.0]


# ---------------------------------------------------------------- bools and arrays without dimensions


@pytest.mark.parametrize("truth", [True, False, np.True_, np.False_, np.array(True)])
@pytest.mark.parametrize("sign", [operator.add, operator.sub, operator.mul, operator.pow])
def test_a_bool_is_0_or_1(sign: Any, truth: Any) -> None:
    """On either side of an operator a bool, numpy's too, is the constant 0.0 or 1.0, with the slope of that number."""
    number = float(truth)
    for left in (False, True):
        v, w = Value(2.0), Value(2.0)
        result, wanted = (sign(truth, v), sign(number, w)) if left else (sign(v, truth), sign(w, number))
        assert (repr(result), result.op, result.local_gradients) == (repr(wanted), wanted.op, wanted.local_gradients)
        assert (type(result.args[not left]), result.args[not left].data) == (Constant, number)


def test_a_leaky_unit_by_comparison() -> None:
    """`h * (h.data > 0)` is a relu, in value and slope, and bools take part in what is lifted."""
    for x, slope in ((2.0, 1.0), (-2.0, 0.0)):
        h = Value(x)
        result = h * (h.data > 0)
        result.backward()
        assert (result.data, h.grad) == (max(x, 0.0), slope)
    w = Value(2.0)
    program: Any = lift(lambda x: x * True + np.True_ * x + True * w, [w], target="python")
    assert list(program([3.0])) == [8.0]


@pytest.mark.parametrize("number", [np.array(2.0), np.array(2), np.float32(2.0), np.array(2.0, dtype=object)])
def test_arrays_without_dimensions_are_numbers(number: Any) -> None:
    """A 0-d array is a class, a target, a label, a direction, and an operand, like the number it holds."""
    v, w, u = Value(0.5), Value(0.25), Value(1.0)
    one: Any = np.array(1.0)
    assert square_error(v, number).data == square_error(v, 2.0).data
    assert square_error([v, w], [number, one]).data == square_error([v, w], [2.0, 1.0]).data
    assert hinge(np.array(0.5), np.array(1)) == hinge(0.5, 1)
    assert jvp(v * w, v, number).data == jvp(v * w, v, 2.0).data
    assert hvp(v * v * w, [v], [number])[0].data == 1.0
    assert (number * v).data == (v * number).data == 1.0
    assert nn.Neuron(1, None, initial=lambda rng, n: 1.0)([number]).data == 2.0
    assert cross_entropy([v, w, u], np.array(2)).data == cross_entropy([v, w, u], 2).data


def test_an_array_without_dimensions_may_hold_a_value() -> None:
    """What stands in a 0-d array of objects is taken for itself."""
    v, w = Value(0.5), Value(0.25)
    boxed: Any = np.array(w, dtype=object)
    assert square_error(v, boxed).args[0].args[1] is w
    assert jvp(v * w, v, boxed).data == 0.0625
    assert (v * boxed).args == (v, w)
    assert (boxed * v).args == (w, v)


@pytest.mark.parametrize("target", [np.array(1.5), np.array(-1), np.array(3), np.array(np.nan)])
def test_a_class_is_still_an_integer_in_range(target: Any) -> None:
    """A 0-d array that holds no integer, or one beyond the classes, is no class."""
    with pytest.raises((TypeError, ValueError), match="the class in cross_entropy must be"):
        cross_entropy([Value(0.5), Value(1.0)], target)


@pytest.mark.parametrize("target", [np.array(1.0), np.array(True), np.True_, np.float32(1)])
def test_a_class_may_be_a_float_without_a_fraction(target: Any) -> None:
    """A column of classes often has the dtype of floats or bools."""
    scores = [Value(0.5), Value(1.0)]
    assert cross_entropy(scores, target).data == cross_entropy(scores, 1).data


def test_nothing_warns() -> None:
    """A result that is nan or infinite is no warning where a Value is given by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, x, wanted in (("exp", 1000.0, math.inf), ("log", 0.0, -math.inf), ("arccosh", 0.5, math.nan)):
            assert repr(getattr(np, name)(Value(x)).data) == repr(wanted)
