"""Derivatives as Values: equal to those of the sweep, right to any order, the same forwards and backwards."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, assert_type

import autograd
import autograd.numpy
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

import scalargrad
from scalargrad import (
    Constant,
    Primitive,
    Value,
    cos,
    exp,
    grad,
    hessian,
    jacobian,
    jvp,
    maximum,
    sin,
    stop_gradient,
    tanh,
    value_and_grad,
    vjp,
)
from scalargrad.engine import derivatives
from scalargrad.engine.declaration import registered
from scalargrad.engine.graph import topological_order
from scalargrad.functional import hvp
from tests.oracle import Program, dual_gradient, precise_hessian, programs, run

PRIMITIVES: dict[str, Primitive] = {primitive.name: primitive for primitive in registered()}
TOLERANCE = 1e-14

directions = st.lists(st.floats(-2, 2), min_size=3, max_size=3)


def evaluated(program: Program) -> tuple[list[Value], list[Value]]:
    """The leaves of a program, and every node of its run on them."""
    leaves = [Value(x) for x in program.leaves]
    return leaves, run(program, leaves, PRIMITIVES)


def bits(numbers: Sequence[Any]) -> list[str]:
    return [float(number).hex() for number in numbers]


# ---------------------------------------------------------------- first derivatives


@given(programs())
def test_grad_is_backward(program: Program) -> None:
    """`grad` gives for leaves and inner nodes, to the bit, what `backward` adds to 0.0 in them."""
    _, nodes = evaluated(program)
    gradients = grad(nodes[-1], nodes)
    nodes[-1].backward()
    assert bits([0.0 + gradient.data for gradient in gradients]) == bits([node.grad for node in nodes])


@given(programs())
def test_gradient_is_that_of_dual_numbers(program: Program) -> None:
    """The gradient of a random program is, up to roundings of its terms, that of dual numbers."""
    leaves, nodes = evaluated(program)
    for gradient, dual in zip(grad(nodes[-1], leaves), dual_gradient(program, program.leaves), strict=True):
        assert abs(gradient.data - dual.derivative) <= TOLERANCE * dual.magnitude


def test_comparison_with_dual_numbers_catches_a_wrong_rule() -> None:
    """Negative control: a rule that is off by 0.1% anywhere in a program changes its gradient."""
    wrong = PRIMITIVES | {"sin": dataclasses.replace(sin, partials=(lambda out, x: 1.001 * cos(x),))}
    program = Program((0.5,), (("sin", (0,)), ("multiply", (1, 0)), ("tanh", (2,))))
    (dual,) = dual_gradient(program, program.leaves)
    for functions, right in ((PRIMITIVES, True), (wrong, False)):
        leaf = Value(0.5)
        gradient = grad(run(program, [leaf], functions)[-1], leaf)
        assert (abs(gradient.data - dual.derivative) <= TOLERANCE * dual.magnitude) == right


@given(programs())
def test_grad_deposits_nothing(program: Program) -> None:
    """`grad`, `jvp`, `hessian` and `hvp` change no gradient and nothing in the graph."""
    leaves, nodes = evaluated(program)
    nodes[-1].backward(3.0)
    order = list(topological_order(nodes[-1]))
    before = [(node.data, node.grad, node.swept, node.args, node.local_gradients) for node in order]
    ones = [1.0] * len(leaves)
    grad(nodes[-1], nodes)
    jvp(nodes, leaves, ones)
    hvp(nodes[-1], leaves, ones)
    assert list(topological_order(nodes[-1])) == order
    assert [(node.data, node.grad, node.swept, node.args, node.local_gradients) for node in order] == before


def test_wrt_decides_the_form_of_the_answer() -> None:
    """One Value gives one Value; a sequence gives a list in its order, with its repetitions."""
    x, y = Value(2.0), Value(3.0)
    out = x * y
    assert grad(out, x).data == 3.0
    assert bits(grad(out, (y, x, y))) == bits([2.0, 3.0, 2.0])
    assert grad(out, []) == []
    assert grad(out, out).data == 1.0


@given(programs())
def test_what_is_not_reached_has_the_gradient_zero(program: Program) -> None:
    """Where the output does not depend on a Value, the gradient is 0.0, to any order."""
    leaves, nodes = evaluated(program)
    stranger = Value(1.0)
    zero, again = grad(nodes[-1], [stranger, stop_gradient(nodes[0])])
    assert (zero.data, again.data) == (0.0, 0.0)
    assert grad(zero, leaves[0]).data == 0.0
    assert jvp(nodes[-1], stranger, 1.0).data == 0.0


def test_inner_nodes_may_be_asked_for() -> None:
    """The gradient in an inner node counts only what was computed from it."""
    x = Value(0.5)
    inner = x * x
    out = tanh(inner) * inner
    outer = Value(inner.data)
    assert grad(out, inner).data == grad(tanh(outer) * outer, outer).data
    second, wanted = grad(grad(out, inner), inner), grad(grad(tanh(outer) * outer, outer), outer)
    assert abs(second.data - wanted.data) <= TOLERANCE


@given(programs())
def test_a_gradient_is_a_node_of_its_own(program: Program) -> None:
    """Each gradient is a new Value, so that a label or a change affects no other one."""
    leaves, nodes = evaluated(program)
    others = [Value(1.0), *nodes]
    results = grad(nodes[-1], others) + jvp(nodes, leaves, [1.0] * len(leaves))
    assert len({id(node) for node in [*results, *others]}) == len(results) + len(others)
    assert all(type(node) is Value for node in results)


# ---------------------------------------------------------------- higher ones


def magnitude(program: Program, curvature: Sequence[Sequence[float]]) -> float:
    """What a rounding of a second derivative is relative to: a chain's f″ g′² has two first derivatives as factors."""
    first = max(dual.magnitude for dual in dual_gradient(program, program.leaves))
    return 1 + first**2 + max(abs(entry) for row in curvature for entry in row)


def curvature_is_right(program: Program, functions: dict[str, Primitive]) -> bool:
    leaves = [Value(x) for x in program.leaves]
    entries = hessian(run(program, leaves, functions)[-1], leaves)
    wanted = [[float(entry) for entry in row] for row in precise_hessian(program, program.leaves)]
    allowed = 1e-13 * magnitude(program, wanted)
    places = list(itertools.product(range(len(leaves)), repeat=2))
    assert all(abs(entries[i][j].data - entries[j][i].data) <= allowed for i, j in places)
    return all(abs(entries[i][j].data - wanted[i][j]) <= allowed for i, j in places)


@settings(max_examples=settings().max_examples // 2)
@given(programs(max_leaves=2, max_instructions=6))
def test_hessian_is_that_of_mpmath(program: Program) -> None:
    """Second derivatives of a random program are those of differences at 50 digits, and symmetric."""
    assert curvature_is_right(program, PRIMITIVES)


@pytest.mark.parametrize("factor", [1.001, -1.0, 0.0])
def test_comparison_with_mpmath_catches_a_wrong_second_derivative(factor: float) -> None:
    """Negative control: a right rule whose own derivative is off by 0.1%, of the other sign, or zero, fails."""

    def bent(_out: Any, x: Any) -> Any:
        held = stop_gradient(cos(x))
        return held + factor * (cos(x) - held)

    program = Program((0.5, 1.5), (("multiply", (0, 1)), ("sin", (2,)), ("tanh", (3,))))
    assert curvature_is_right(program, PRIMITIVES)
    assert not curvature_is_right(program, PRIMITIVES | {"sin": dataclasses.replace(sin, partials=(bent,))})


@pytest.mark.parametrize("x", [0.75, -1.25])
@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (exp, mpmath.exp),
        (sin, mpmath.sin),
        (tanh, mpmath.tanh),
        (lambda x: x**5, lambda x: x**5),
        (lambda x: x**-2, lambda x: x**-2),
        (lambda x: x * x * x, lambda x: x**3),
        (lambda x: 1 / (1 + x * x), lambda x: 1 / (1 + x * x)),
        (scalargrad.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x))),
        (scalargrad.atan, mpmath.atan),
        (scalargrad.gelu, lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2),
        (lambda x: scalargrad.lgamma(x * x), lambda x: mpmath.loggamma(x * x)),
    ],
)
def test_sixth_derivatives(function: Callable[[Value], Value], reference: Callable[[mpf], mpf], x: float) -> None:
    """Derivatives up to the sixth are those of differences at 50 digits."""
    leaf = Value(x)
    derivative = function(leaf)
    for order in range(7):
        with mpmath.workdps(50):
            wanted = mpmath.diff(reference, mpf(x), order)
        assert abs(derivative.data - wanted) <= 1e-13 * (math.factorial(order) + abs(wanted))
        derivative = grad(derivative, leaf)


@given(st.floats(-3, 3), st.integers(0, 6))
def test_powers_to_any_order(x: float, n: int) -> None:
    """The k-th derivative of xⁿ is n (n - 1) … (n - k + 1) xⁿ⁻ᵏ, and 0 beyond the n-th: at 0 and for negative x too."""
    leaf = Value(x)
    derivative = leaf**n
    for order in range(n + 3):
        wanted = math.perm(n, order) * (x ** (n - order) if order <= n else 0)
        assert abs(derivative.data - wanted) <= TOLERANCE * abs(wanted)
        derivative = grad(derivative, leaf)


def test_a_gradient_of_gradients_may_be_swept() -> None:
    """What `grad` returns is a graph like any other: a penalty on a gradient has a `backward`."""
    x, w = Value(0.5), Value(-1.5)
    slope = grad(tanh(w * x), x)
    (slope * slope).backward()
    with mpmath.workdps(50):
        wanted = mpmath.diff(lambda w: (w * mpmath.sech(w * mpf(0.5)) ** 2) ** 2, mpf(-1.5))
    assert abs(w.grad - wanted) <= 1e-14 * abs(wanted)


# ---------------------------------------------------------------- forwards


@given(programs(), directions)
def test_forward_mode_is_reverse_mode(program: Program, direction: list[float]) -> None:
    """For any direction, the pass forwards gives the gradient times the direction."""
    leaves, nodes = evaluated(program)
    vector = direction[: len(leaves)]
    backwards = math.fsum(g.data * v for g, v in zip(grad(nodes[-1], leaves), vector, strict=True))
    terms = sum(dual.magnitude * abs(v) for dual, v in zip(dual_gradient(program, program.leaves), vector, strict=True))
    assert abs(jvp(nodes[-1], leaves, vector).data - backwards) <= TOLERANCE * terms + 1e-300


@given(programs())
def test_jvp_takes_every_output_at_once(program: Program) -> None:
    """One pass forwards serves all outputs: each entry is that of the output alone, to the bit."""
    leaves, nodes = evaluated(program)
    tangents = [1.0, -0.5, 2.0][: len(leaves)]
    assert bits(jvp(nodes, leaves, tangents)) == bits([jvp(node, leaves, tangents) for node in nodes])
    assert bits(jvp(leaves, leaves, tangents)) == bits(tangents)


def test_tangents_add_up_and_flow_through_inner_nodes() -> None:
    """A Value that is given twice gets both tangents; an inner node gets its own and those of its operands."""
    x = Value(3.0)
    y = x * x
    assert jvp(y, [x, x], [1.0, 2.0]).data == 18.0
    assert jvp(2 * y, [x, y], [1.0, 10.0]).data == 32.0
    assert jvp(y, x, 2).data == 12.0


def test_jvp_can_be_differentiated() -> None:
    """A directional derivative is a Value: it has gradients in the leaves and in the tangent."""
    x, t = Value(0.5), Value(2.0)
    slope = jvp(sin(x), x, t)
    assert slope.data == math.cos(0.5) * 2.0
    assert grad(slope, t).data == math.cos(0.5)
    assert grad(slope, x).data == -math.sin(0.5) * 2.0


# ---------------------------------------------------------------- matrices


@given(programs())
def test_jacobian_has_a_row_for_each_output(program: Program) -> None:
    """A row of the Jacobian is the gradient of its output, a column the `jvp` of its input alone."""
    leaves, nodes = evaluated(program)
    outputs = nodes[-2:]
    matrix = jacobian(outputs, leaves)
    assert [bits(row) for row in matrix] == [bits(grad(output, leaves)) for output in outputs]
    for j in range(len(leaves)):
        column = jvp(outputs, leaves, [float(i == j) for i in range(len(leaves))])
        dual = dual_gradient(program, program.leaves)[j]
        assert abs(matrix[-1][j].data - column[-1].data) <= TOLERANCE * dual.magnitude


@settings(max_examples=settings().max_examples // 2)
@given(programs(max_instructions=6), directions)
def test_hvp_is_the_hessian_times_a_vector(program: Program, direction: list[float]) -> None:
    """`hvp` is the Hessian times the vector."""
    leaves, nodes = evaluated(program)
    vector = direction[: len(leaves)]
    matrix = [[entry.data for entry in row] for row in hessian(nodes[-1], leaves)]
    for entry, row in zip(hvp(nodes[-1], leaves, vector), matrix, strict=True):
        wanted = math.fsum(map(float.__mul__, row, vector))
        assert abs(entry.data - wanted) <= 1e-13 * magnitude(program, matrix)


# ---------------------------------------------------------------- data changed after the forward pass


def test_changed_data_is_refused_where_it_matters() -> None:
    """`grad` calls rules with the nodes' numbers: if these have changed since the forward pass, it is an error."""
    x = Value(2.0, label="x")
    out = x * x
    out.backward()
    x.data = 5.0
    message = r"cannot differentiate x \* x again: the data .* changed since .* \(it was 4.0, it would now be 25.0\)"
    for differentiate in (lambda: grad(out, x), lambda: jvp(out, x, 1.0), lambda: hessian(out, [x])):
        with pytest.raises(ValueError, match=message):
            differentiate()
    assert x.grad == 4.0
    out.backward()
    assert x.grad == 8.0
    x.data = 2.0
    assert grad(out, x).data == 4.0


@given(programs(), st.data())
def test_changed_data_never_corrupts_a_gradient(program: Program, data: st.DataObject) -> None:
    """Whatever leaf changes, `backward` gives the gradient of the forward pass; `grad` gives it too, or an error."""
    leaves, nodes = evaluated(program)
    wanted = bits([0.0 + gradient.data for gradient in grad(nodes[-1], leaves)])
    changed = data.draw(st.sampled_from(leaves))
    changed.data = changed.data + data.draw(st.sampled_from((1e-9, 0.5, -3.0)))
    nodes[-1].backward()
    assert bits([leaf.grad for leaf in leaves]) == wanted
    try:
        gradients = grad(nodes[-1], leaves)
    except ValueError as error:
        assert "has been changed since it was computed" in str(error)  # noqa: PT017  # either is right
    else:
        assert bits([0.0 + gradient.data for gradient in gradients]) == wanted


@pytest.mark.parametrize("out", [lambda x: x**3, sin, lambda x: 2.0 * x * x * x])
def test_a_change_that_leaves_the_slope_is_refused(out: Callable[[Value], Value]) -> None:
    """A change of sign is an error even where the slope at -x is that at x: the next derivative would be wrong."""
    x = Value(2.0)
    result = out(x)
    x.data = -2.0
    with pytest.raises(ValueError, match="has been changed since"):
        grad(grad(result, x), x)


def test_changed_data_is_taken_where_it_does_not_matter() -> None:
    """The rule of a sum does not read its operands."""
    x, y = Value(2.0), Value(3.0)
    total = x + y
    x.data = 7.0
    assert bits(grad(total, [x, y])) == bits([1.0, 1.0])


# ---------------------------------------------------------------- several Values in other forms


def grid() -> Any:
    """An array of six Values."""
    return np.array([[Value(0.5), Value(-1.0), Value(2.0)], [Value(1.5), Value(0.25), Value(3.0)]])


SEVERAL: dict[str, Callable[[list[Value]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda values: (value for value in values),
    "iterator": iter,
    "values of a dict": lambda values: dict(enumerate(values)).values(),
    "keys of a dict": lambda values: dict.fromkeys(values).keys(),
    "dict": dict.fromkeys,
    "deque": deque,
    "array": np.array,
    "array with dimensions": lambda values: np.array(values).reshape(2, 3),
    "array in another order": lambda values: np.asfortranarray(np.array(values).reshape(2, 3)),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_values_may_come_in_any_form_with_an_order(form: str) -> None:
    """Several Values may come in any iterable, which is read once; the derivatives are those for a list."""
    xs = list(grid().flat)
    out = xs[0] * xs[1] * xs[2] + sin(xs[3]) * xs[4] / xs[5]
    outputs, vector = [out, xs[0] * out], [1.0, 0.5, 0.0, -1.0, 2.0, 3.0]
    several = SEVERAL[form]
    directions = np.array(vector).reshape(np.shape(several(xs))) if "array" in form else iter(vector)
    assert bits(flat(grad(out, several(xs)))) == bits(grad(out, xs))
    assert [bits(row) for row in jacobian(iter(outputs), several(xs))] == [bits(row) for row in jacobian(outputs, xs)]
    assert [bits(row) for row in hessian(out, several(xs))] == [bits(row) for row in hessian(out, xs)]
    assert bits(flat(jvp(several(xs), several(xs), directions))) == bits(vector)
    assert bits(flat(hvp(out, several(xs), vector))) == bits(hvp(out, xs, vector))


def flat(given: Any) -> list[Any]:
    return given.ravel().tolist() if isinstance(given, np.ndarray) else given


def test_an_array_gives_an_array_of_its_shape() -> None:
    """The gradient in an array of Values is an array of that shape, as are the results of the other functions."""
    xs = grid()
    out = (xs * xs * np.array([1.0, 2.0, 3.0])).sum()
    gradients = grad(out, xs)
    assert (gradients.shape, gradients.dtype) == ((2, 3), np.dtype(object))
    np.testing.assert_array_equal(gradients.astype(float), 2 * xs.astype(float) * [1.0, 2.0, 3.0])
    for i, j in np.ndindex(2, 3):
        assert grad(out, xs[i, j]).data == gradients[i, j].data
    assert all(entry not in set(xs.flat) for entry in gradients.flat)
    assert hvp(out, xs, np.ones((2, 3))).astype(float).tolist() == [[2.0, 4.0, 6.0]] * 2
    assert jvp(xs[0], xs, np.ones((2, 3))).astype(float).tolist() == [1.0, 1.0, 1.0]
    assert jvp(xs.T, xs, np.arange(6.0).reshape(2, 3)).astype(float).tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert grad(out, xs[:0]).shape == (0, 3)
    single: Any = np.array(xs[0, 0], dtype=object)
    assert type(grad(out, single)) is Value
    assert type(jvp(single, single, np.array(1.0))) is Value


def test_nothing_may_be_asked_for() -> None:
    """An empty `wrt` has no derivatives."""
    out = Value(1.0) * 2
    assert grad(out, []) == grad(out, ()) == grad(out, {}.values()) == []
    assert hessian(out, []) == []
    assert jacobian([out], []) == [[]]
    assert jvp([out], [], [])[0].data == 0.0
    assert hvp(out, [], []) == []


def test_types_say_which_form_comes_back() -> None:
    """For a type checker, one Value gives one, an array an array of its type, and anything else a list."""
    x = Value(2.0)
    xs: np.ndarray[tuple[int, int], np.dtype[np.object_]] = grid()
    assert_type(grad(x * x, x), Value)
    assert_type(grad(x * x, [x]), list[Value])
    assert_type(grad(x * x, iter([x])), list[Value])
    assert_type(grad(x * x, xs), np.ndarray[tuple[int, int], np.dtype[np.object_]])
    assert_type(jvp(x, xs, xs), Value)
    assert_type(jvp({0: x}.values(), x, 1.0), list[Value])
    assert_type(jvp(xs, [x], np.array(1.0)), np.ndarray[tuple[int, int], np.dtype[np.object_]])
    assert_type(hvp(x, xs, xs), np.ndarray[tuple[int, int], np.dtype[np.object_]])
    assert_type(hvp(x, (x,), [1.0]), list[Value])
    assert_type(jacobian(xs, iter([x])), list[list[Value]])


# ---------------------------------------------------------------- backwards from several, and from functions


@given(programs(max_instructions=6), directions, directions)
def test_vjp_is_the_transpose_of_jvp(program: Program, left: list[float], right: list[float]) -> None:
    """For every vector on either side, vᵀ (J u), forwards, is (vᵀ J) u, backwards."""
    leaves, nodes = evaluated(program)
    outputs, along = nodes[-3:], [right[i % 3] for i in range(len(leaves))]
    left = left[: len(outputs)]
    forwards = sum(v * slope.data for v, slope in zip(left, jvp(outputs, leaves, along), strict=True))
    backwards = sum(slope.data * u for slope, u in zip(vjp(outputs, leaves, left), along, strict=True))
    size = 0.0  # of the terms that may cancel
    for cut in range(min(3, len(program.instructions))):
        shorter = Program(program.leaves, program.instructions[: len(program.instructions) - cut])
        size += sum(dual.magnitude for dual in dual_gradient(shorter, program.leaves))
    assert abs(forwards - backwards) <= 1e-13 * (1 + size)


def test_a_sum_that_forgets_a_contribution_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where contributions replace one another, the law above fails."""
    law: Any = test_vjp_is_the_transpose_of_jvp
    case = Program((3.0,), (("multiply", (0, 0)), ("add", (1, 1)))), [1.0, 2.0, 0.5], [1.0, 1.0, 1.0]
    law.hypothesis.inner_test(*case)
    monkeypatch.setattr(derivatives, "_hand_on", replacing)
    with pytest.raises(AssertionError):
        law.hypothesis.inner_test(*case)


def replacing(totals: dict[Value, Any], to: Value, local: Any, gradient: Any) -> None:
    totals[to] = local * gradient


@given(programs())
def test_grad_is_the_vjp_of_one_output(program: Program) -> None:
    """With the gradient 1.0 for one output, a vector-Jacobian product is `grad`, to the last bit."""
    leaves, nodes = evaluated(program)
    assert bits(vjp(nodes[-1], leaves, 1.0)) == bits(grad(nodes[-1], leaves))


def test_vjp_adds_over_outputs_and_can_be_differentiated() -> None:
    """An output that is given twice counts twice, and the product is differentiable in the vector and in wrt."""
    x, y, v = Value(3.0), Value(4.0), Value(2.0)
    product = x * y
    (by_x, by_y) = vjp([product, product, x * x], [x, y], [v, 1.0, 10.0])
    assert (by_x.data, by_y.data) == (3 * 4.0 + 10 * 6.0, 3 * 3.0)
    assert [slope.data for slope in grad(by_x, [v, x, y])] == [4.0, 20.0, 3.0]
    assert vjp(product, x, 1.0).data == 4.0
    assert vjp(np.array([product, x]), np.array([[x, y]]), np.array([1.0, 2.0])).shape == (1, 2)


def cubic(x: Value, y: Value) -> Value:
    return x**3 * y


def test_value_and_grad_is_the_value_and_its_grad() -> None:
    """It returns what the function returns, and its `grad` in the arguments at argnums."""
    value, slope = value_and_grad(cubic)(2.0, Value(5.0))
    assert (value.data, slope.data) == (40.0, 60.0)
    value, (by_y, by_x) = value_and_grad(cubic, [1, 0])(2, np.float64(5.0))
    assert (value.data, by_y.data, by_x.data) == (40.0, 8.0, 60.0)
    assert value_and_grad(cubic, argnums=1)(2.0, 5.0)[1].data == 8.0
    assert value_and_grad(cubic)(2.0, y=5.0)[1].data == 60.0
    wrapped: Any = value_and_grad(cubic)
    assert wrapped.__name__ == "cubic"


def test_value_and_grad_goes_to_any_order() -> None:
    """It can differentiate its own gradient, and it uses the Values among the arguments themselves."""

    def order(n: int) -> Callable[[Value], Value]:
        return (lambda x: x**5) if n == 0 else (lambda x: value_and_grad(order(n - 1))(x)[1])

    assert [order(n)(Value(2.0)).data for n in range(7)] == [32.0, 80.0, 160.0, 240.0, 240.0, 120.0, 0.0]
    x = Value(2.0)
    value, slope = value_and_grad(cubic)(x, Value(5.0))
    assert grad(slope, x).data == 60.0
    assert grad(value, x).data == slope.data


@pytest.mark.parametrize("form", [list, tuple, iter, np.array])
def test_value_and_grad_of_several_numbers_in_one_argument(form: Any) -> None:
    """A list of numbers and Values gives a list of gradients; an array gives an array of its shape."""

    def norm(weights: Any, scale: float) -> Value:
        result: Value = scalargrad.functional.mean([scale * weight**2 for weight in weights])
        return result

    value, slopes = value_and_grad(norm)(form([1.0, 3.0]), 2.0)
    assert (value.data, [slope.data for slope in slopes]) == (10.0, [2.0, 6.0])
    weights = [Value(1.0), Value(3.0)]
    assert [slope.data for slope in value_and_grad(norm)(weights, 2.0)[1]] == [2.0, 6.0]
    squares = value_and_grad(lambda grid: (grid * grid).sum())(np.ones((2, 3)))
    assert squares[1].shape == (2, 3)
    assert {slope.data for slope in squares[1].flat} == {2.0}


def test_types_of_value_and_grad_and_vjp() -> None:
    """For a type checker, the value is a Value, and several positions give a tuple of gradients."""
    x = Value(2.0)
    assert_type(value_and_grad(lambda x: x * x)(x), tuple[Value, Value])
    assert_type(value_and_grad(lambda xs: xs[0])([1.0, x]), tuple[Value, list[Value]])
    assert_type(value_and_grad(lambda xs: xs[0])(np.ones(2)), tuple[Value, Any])
    assert_type(value_and_grad(cubic)(2.0, x), tuple[Value, Value])
    assert_type(value_and_grad(cubic, 1)(2.0, x), tuple[Value, Any])
    assert_type(value_and_grad(cubic, (0, 1))(x, x), tuple[Value, tuple[Any, ...]])
    assert_type(vjp([x], x, [1.0]), Value)
    assert_type(vjp(x, [x], 1.0), list[Value])


@pytest.mark.parametrize(
    ("argnums", "arguments", "error", "message"),
    [
        (2, (1.0, 2.0), ValueError, "argnums has 2, but there are 2 arguments by position"),
        (-1, (1.0, 2.0), ValueError, "a position in argnums must be an integer of at least 0, got -1"),
        (1.5, (1.0, 2.0), ValueError, "a position in argnums must be an integer of at least 0, got 1.5"),
        ([True], (1.0, 2.0), ValueError, "a position in argnums must be an integer of at least 0, got True"),
        (0, ("x", 2.0), TypeError, "an argument to differentiate in must be a real number, got 'x' of type str"),
        (0, ({1.0}, 2.0), TypeError, "an argument to differentiate in must have an order"),
    ],
)
def test_bad_arguments_of_value_and_grad(argnums: Any, arguments: Any, error: type[Exception], message: str) -> None:
    """A wrong position, or an argument that is not a number, is an error that shows it."""
    function: Any = value_and_grad
    with pytest.raises(error) as raised:
        function(cubic, argnums)(*arguments)
    assert str(raised.value).startswith(message)


def test_value_and_grad_of_what_is_no_function_of_values() -> None:
    """A Value in place of the function, or a function that does not return a Value, is an error that shows it."""
    wrong: Any = value_and_grad
    with pytest.raises(TypeError, match=r"value_and_grad takes a function, got Value.*: of a Value, grad returns"):
        wrong(Value(1.0), Value(2.0))
    with pytest.raises(TypeError, match=r"the function must return a Value, got 2\.0 of type float"):
        wrong(float)(2.0)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("function", "arguments", "error", "message"),
    [
        (grad, (1.0, Value(1.0)), TypeError, "output must be a Value, got 1.0 of type float"),
        (grad, ([Value(1.0)], Value(1.0)), TypeError, "output must be a Value, got [Value(data=1.0)] of type list"),
        (grad, (Value(1.0), 2.0), TypeError, "wrt must be a Value or a sequence of Values, got 2.0 of type float"),
        (grad, (Value(1.0), [None]), TypeError, "wrt must be a Value or a sequence of Values, got None of type NoneT"),
        (jvp, (1.0, Value(1.0), 1.0), TypeError, "outputs must be a Value or a sequence of Values, got 1.0 of type"),
        (jvp, (Value(1.0), "x", 1.0), TypeError, "wrt must be a Value or a sequence of Values, got 'x' of type str"),
        (
            jvp,
            (Value(1.0), Value(1.0), [1.0, 2.0]),
            ValueError,
            "wrt has 1 Value: give as many tangents, got 2",
        ),
        (jvp, (Value(1.0), [Value(1.0)] * 2, 1.0), ValueError, "wrt has 2 Values: give as many tangents, got 1"),
        (jacobian, ([1.0], [Value(1.0)]), TypeError, "outputs must be a Value or a sequence of Values, got 1.0"),
        (jacobian, ([], [1.0]), TypeError, "wrt must be a Value or a sequence of Values, got 1.0 of type float"),
        (hessian, (1.0, [Value(1.0)]), TypeError, "output must be a Value, got 1.0 of type float"),
        (vjp, (1.0, Value(1.0), 1.0), TypeError, "outputs must be a Value or a sequence of Values, got 1.0 of type"),
        (vjp, (Value(1.0), 1.0, 1.0), TypeError, "wrt must be a Value or a sequence of Values, got 1.0 of type"),
        (vjp, (Value(1.0), Value(1.0), "1"), TypeError, "a gradient must be a real number, got '1' of type str"),
        (vjp, ([Value(1.0)] * 2, Value(1.0), 1), ValueError, "outputs has 2 Values: give as many gradients, got 1"),
        (vjp, (grid(), Value(1.0), np.ones(6)), ValueError, "the gradients must have the shape (2, 3) of outputs"),
        (hvp, (Value(1.0), [Value(1.0)], []), ValueError, "wrt has 1 Value: give as many tangents, got 0"),
        (
            grad,
            (Value(1.0), {Value(1.0)}),
            TypeError,
            "wrt must have an order, which a set does not have: make it a list",
        ),
        (
            hvp,
            (Value(1.0), frozenset([Value(1.0)]), [1]),
            TypeError,
            "wrt must have an order, which a set does not have",
        ),
        (
            jacobian,
            ({Value(1.0)}, []),
            TypeError,
            "outputs must have an order, which a set does not have: make it a list",
        ),
        (grad, (Value(1.0), iter([])), ValueError, "wrt is an iterator without entries, perhaps read"),
        (jacobian, (iter([]), []), ValueError, "outputs is an iterator without entries, perhaps read"),
        (grad, (Value(1.0), {"x": Value(1.0)}), TypeError, "wrt must be a Value or a sequence of Values, got 'x' of"),
        (
            grad,
            (Value(1.0), np.ones(2)),
            TypeError,
            "wrt must be a Value or a sequence of Values, got np.float64(1.0) of ",
        ),
        (grad, (Value(1.0), np.array("x")), TypeError, "wrt must be a Value or a sequence of Values, got np.str_('x')"),
        (hessian, (Value(1.0), np.array([None])), TypeError, "wrt must be a Value or a sequence of Values, got None"),
        (
            jvp,
            (Value(1.0), grid(), np.ones(6)),
            ValueError,
            "the tangents must have the shape (2, 3) of wrt, got (6,)",
        ),
        (
            hvp,
            (Value(1.0), grid(), np.ones((3, 2))),
            ValueError,
            "the tangents must have the shape (2, 3) of wrt, got",
        ),
    ],
)
def test_bad_input(function: Any, arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    """An argument that is not a Value, or of another size, is an error that shows it."""
    with pytest.raises(error) as raised:
        function(*arguments)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("tangent", ["1", None, [1.0], 1j])
def test_bad_tangents(tangent: Any) -> None:
    """A tangent that is not a real number is a TypeError, even where the derivative is 1 or 0."""
    x, y = Value(2.0), Value(3.0)
    for output in (x * y, x + y, y, Value(1.0)):
        with pytest.raises(TypeError, match="tangent must be a real number"):
            jvp(output, [x, y], [1.0, tangent])


def test_a_constant_may_be_asked_for() -> None:
    """A constant takes no gradient in a sweep; in `wrt` it has a derivative like any other operand."""
    x = Value(2.0)
    out = x * 3
    three = out.args[1]
    assert type(three) is Constant
    out.backward()
    assert three.grad == 0.0
    assert bits(grad(out, [x, three])) == bits([3.0, 2.0])
    assert jvp(out, three, 1.0).data == 2.0


# ---------------------------------------------------------------- another library

COMPOSITE: list[tuple[Callable[[Any, Sequence[Any]], Any], int]] = [
    (lambda f, x: f.tanh(x[0] * x[1] + x[2]) * x[0], 3),
    (lambda f, x: (x[0] + 1 / (1 + f.exp(-x[1]))) / (1 / (1 + f.exp(-x[0])) + (x[0] + x[1]) ** 2), 2),
    (lambda f, x: f.log(f.exp(x[0]) + f.exp(x[1]) + f.exp(x[2])) - x[2], 3),
    (lambda f, x: f.sin(x[0]) ** 2 * f.sqrt(1 + x[1] ** 2) + f.cos(x[0] * x[1]) / (2 + f.sin(x[1])), 2),
    (lambda f, x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, 2),
    (lambda f, x: (x[0] ** 2 + 1) ** (x[1] / 3) + (2 + f.sin(x[0])) ** x[1], 2),
]


@pytest.mark.parametrize(("composite", "arity"), COMPOSITE)
def test_gradients_and_hessians_are_those_of_another_library(composite: Callable[..., Any], arity: int) -> None:
    """Gradients and Hessians of a few formulas are those of the `autograd` package, which runs them in numpy."""
    rng = random.Random(arity)
    theirs: Any = autograd
    of_array = partial(composite, theirs.numpy)
    for _ in range(20):
        point = np.array([rng.uniform(-2, 2) for _ in range(arity)])
        leaves = [Value(x) for x in point]
        out = composite(scalargrad, leaves)
        assert math.isclose(out.data, of_array(point), rel_tol=1e-13, abs_tol=1e-13)
        np.testing.assert_allclose(
            list(map(float, grad(out, leaves))), theirs.grad(of_array)(point), rtol=1e-12, atol=1e-12
        )
        entries = [[float(entry) for entry in row] for row in hessian(out, leaves)]
        wanted = theirs.hessian(of_array)(point)
        np.testing.assert_allclose(entries, wanted, rtol=1e-11, atol=1e-11 * np.abs(wanted).max())


def test_ties_have_the_same_subgradient_in_every_mode() -> None:
    """At a tie each side gets half, in the sweep, in `grad` and in `jvp`."""
    x, y = Value(2.0), Value(2.0)
    out = maximum(x, y)
    out.backward()
    assert (x.grad, y.grad) == (0.5, 0.5)
    assert bits(grad(out, [x, y])) == bits([0.5, 0.5])
    assert jvp(out, [x, y], [1.0, 0.0]).data == 0.5
    assert bits([entry for row in hessian(out, [x, y]) for entry in row]) == bits([0.0] * 4)


# ---------------------------------------------------------------- where nothing is recorded


@pytest.mark.parametrize(
    "derivative",
    [
        lambda x: grad(x * x, x),
        lambda x: scalargrad.jvp(x * x, x, 1.0),
        lambda x: scalargrad.vjp(x * x, x, 1.0),
        lambda x: scalargrad.hessian(x * x, [x]),
        lambda x: scalargrad.jacobian([x * x], [x]),
        scalargrad.value_and_grad(lambda x: x * x),
    ],
)
def test_what_is_not_recorded_is_not_differentiated(derivative: Callable[[Value], Any]) -> None:
    """A result that was computed under `no_grad` has no graph: its derivative is an error there, and not 0."""
    with scalargrad.no_grad(), pytest.raises(ValueError, match="nothing is recorded under no_grad"):
        derivative(Value(3.0))
    derivative(Value(3.0))


def test_what_was_recorded_before_is_differentiated_under_no_grad_too() -> None:
    """The graph of an earlier result is there, and the derivative of a Value in itself is 1."""
    x = Value(3.0)
    y = x * x
    with scalargrad.no_grad():
        assert (grad(y, x).data, scalargrad.jvp(y, x, 1.0).data, grad(x, x).data) == (6.0, 6.0, 1.0)
