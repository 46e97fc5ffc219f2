"""Programs in JAX compute what numpy's do, on every network, and what the engine does at the edges of floats."""

from __future__ import annotations

import random
from functools import partial
from math import inf
from typing import Any

import jax
import numpy as np
import pytest

import scalargrad
from scalargrad import Primitive, Value, cross_entropy, hinge, lift, total
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting.to_jax import spelling
from tests.lifting.nets import Net, all_nets, relative
from tests.lifting.shapes import all_shapes
from tests.lifting.test_edges import EDGES, same, swept
from tests.lifting.test_random_nets import RandomNet, near

pytestmark = pytest.mark.no_cover  # traced line by line, it would take several times as long
NETS = {net.name: net for net in (*all_nets(), *all_shapes())}


def results(program: Any, batch: Any, theta: Any, vector: Any) -> Any:
    """Losses, mean, gradient and Hessian times a vector, which JAX compiles as one."""
    forward, value_and_grad, hvp = map(program.function, ("forward", "value_and_grad", "hvp"))

    def all_of_them(theta: Any, vector: Any, *batch: Any) -> Any:
        return forward(theta, *batch), *value_and_grad(theta, *batch), hvp(theta, *batch, vector)

    return jax.jit(all_of_them)(theta, vector, *batch)


@pytest.mark.parametrize("net", NETS.values(), ids=list(NETS))
def test_the_numbers_are_those_of_numpy(net: Net) -> None:
    """Losses, mean, gradient and Hessian times a vector of every network are numpy's, up to rounding."""
    program, expected = (lift(net.loss, net.parameters, target=name, check=False) for name in ("jax", "numpy"))
    vector = np.linspace(-1.0, 1.0, len(net.parameters))
    losses, value, gradient, product = results(program, net.batch, program.pack(), vector)
    assert relative(losses, expected(*net.batch)) < 1e-12
    own_value, own_gradient = expected.value_and_grad(*net.batch)
    assert relative([value], [own_value]) < 1e-12
    assert relative(gradient, own_gradient) < 1e-12
    scale = max(1.0, float(np.max(np.abs(expected.hvp(*net.batch, vector)))))
    assert np.max(np.abs(product - expected.hvp(*net.batch, vector))) < 1e-12 * scale


@pytest.mark.parametrize("name", ["classifier, sigmoid", "convolution", "attention", "gated", "embedded"])
def test_half_the_precision(name: str) -> None:
    """In float32 they are numpy's to five digits, and every number is in float32 also where JAX has float64."""
    net = NETS[name]
    program = lift(net.loss, net.parameters, target="jax", dtype="float32", check=False)
    expected = lift(net.loss, net.parameters, target="numpy")
    losses, value, gradient, product = results(program, net.batch, program.pack(), program.pack())
    assert {one.dtype.name for one in (losses, value, gradient, product)} == {"float32"}
    assert relative([value], [expected.value_and_grad(*net.batch)[0]]) < 1e-5
    assert relative(gradient, expected.value_and_grad(*net.batch)[1]) < 1e-5


W = [Value(x) for x in (1.5, -2.0, 0.5, 3.0)]
WITHOUT_EXAMPLES = [  # functions with a slope that follows from the number of examples alone, or from a comparison
    lambda x: -W[1],
    lambda x: W[0] * x[0] - W[3],
    lambda x: W[0].maximum(x[0]) - W[1],
    lambda x: hinge(W[0] * x[0] + W[1], 1) - W[2],
    lambda x: cross_entropy([W[0] * x[0], W[1]], 0),
    lambda x: total([W[0].maximum(W[1]), x[0].maximum(x[1])]) - W[3],
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_without_an_example_in_them_are_arrays_of_the_precision(dtype: str) -> None:
    """Where a slope follows from the number of examples alone, or from a comparison, it is an array as any other."""
    rows = np.random.default_rng(0).normal(size=(3, 2))
    programs = [lift(one, W, target="jax", dtype=dtype, check=False) for one in WITHOUT_EXAMPLES]

    def all_of_them(theta: Any) -> Any:
        return [(own.value_and_grad(rows, at=theta), own.input_gradients(rows, at=theta)) for own in programs]

    for one, ((value, gradient), in_inputs) in zip(
        WITHOUT_EXAMPLES, jax.jit(all_of_them)(programs[0].pack()), strict=True
    ):
        expected = lift(one, W, target="numpy", check=False)
        assert {array.dtype.name for array in (value, gradient, in_inputs)} == {dtype}
        assert np.allclose([value, *gradient], [*np.hstack(expected.value_and_grad(rows))], rtol=1e-5)
        assert np.allclose(in_inputs, expected.input_gradients(rows), rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_any_network(seed: int) -> None:
    """So are networks put together at random."""
    net = RandomNet(seed)
    net.weights()
    rows = np.random.default_rng(seed).normal(size=(3, net.widths[0]))
    program, expected = (lift(net.loss, net.parameters, target=name, check=False) for name in ("jax", "numpy"))
    vector = np.random.default_rng(seed).normal(size=len(net.parameters))
    losses, value, gradient, product = results(program, [rows], program.pack(), vector)
    assert near(losses, expected(rows))
    assert near([value, *gradient], [expected.value_and_grad(rows)[0], *expected.value_and_grad(rows)[1]])
    assert near(product, expected.hvp(rows, vector))


# XLA computes these by other series than the engine.
ULPS = {
    "polygamma": 256,
    "gamma": 256,
    "lgamma": 256,
    "exp2": 256,
    "sinh": 64,
    "cosh": 64,
    "tan": 64,
    "erfc": 64,
    "power": 64,
}
NEAR_ZERO = {"lgamma", "tanh", "sigmoid"}  # as good as 1 where the value or a slope of the kind 1 - out is near 0
PUBLIC = [own for own in BUILT_IN if not own.name.startswith("_")]


def points_for(primitive: Primitive) -> list[tuple[float, ...]]:
    """Edges and ties for each operand, none of which leads to numbers below the normal ones: XLA takes them for 0.

    Of a polygamma function JAX says nan at infinity.
    """
    infinities = set() if primitive.name == "polygamma" else {inf, -inf}
    edges = [x for x in EDGES if x == 0 or x != x or 1e-100 < abs(x) < 1e100 or x in infinities]
    rng = random.Random(primitive.name)
    return [tuple(rng.choice(edges) for _ in range(primitive.arity)) for _ in range(40)]


def test_operations_at_the_edges() -> None:
    """Value and slopes of every operation are the engine's at zeros, infinities, nan and ties, in one program."""
    wrong = []
    points = {primitive: points_for(primitive) for primitive in PUBLIC}
    w = [Value(x) for own in points.values() for point in own for x in point]

    def all_of_them() -> list[Any]:
        numbers = iter(w)
        return [primitive(*[next(numbers) for _ in point]) for primitive, own in points.items() for point in own]

    program: Any = lift(all_of_them, w, target="jax", check=False)
    summed: Any = lift(lambda: sum(all_of_them()), w, target="jax", check=False)
    values = iter(program().tolist())
    slopes = iter(summed.value_and_grad()[1].tolist())
    for primitive, own in points.items():
        for point in own:
            value, gradient = swept(primitive, point)
            computed = next(values), [next(slopes) for _ in point]
            alike = partial(
                same, least=float(primitive.name in NEAR_ZERO), signs=False, ulps=ULPS.get(primitive.name, 8)
            )
            if not alike(value, computed[0]) or not all(map(alike, gradient, computed[1])):
                wrong.append(f"{primitive.name} at {point}: {(value, gradient)}, not {computed}")
    assert wrong == []


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with one spelling off by a thousandth, the comparison at the first call is a disagreement."""
    net = NETS["dense, bias_last"]
    right = spelling.spelled
    monkeypatch.setattr(spelling, "spelled", lambda *given: right(*given).replace("tanh(", "tanh(1.001 * "))
    with pytest.raises(scalargrad.Disagreement, match="the value: the lifted program gives"):
        lift(net.loss, net.parameters, target="jax").value_and_grad(*net.batch)
