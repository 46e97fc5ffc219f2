"""What the target offers and refuses: every function of a program, inside JAX's own transformations, too."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import scalargrad
from scalargrad import Disagreement, Value, erf, grad, lift, nn, one_hot, power, relu, stop_gradient, take
from scalargrad.lifting.program import FUNCTIONS
from scalargrad.lifting.target import TARGETS
from scalargrad.lifting.to_jax.target import JaxTarget

NUMBERS = [0.5, -1.25, 2.0, 0.75, -0.3]
X, INDICES, Y = [[0.5, -1.0], [1.5, 0.25], [0.0, 2.0]], [0, 2, 1], [1.0, -1.0, 0.5]
VECTOR = [1.0, -0.5, 0.25, 2.0, 1.0]


def losses() -> tuple[Callable[..., Any], list[Value]]:
    """A loss with look-ups, a derivative inside, a Value that is no parameter, and operations of all kinds."""
    w, other = [Value(x) for x in NUMBERS], Value(0.7)

    def loss(x: Any, i: Any, y: Any) -> Any:
        table = [w[0] * x[0], w[1] * x[1], w[2] * other]
        inside = grad(power(w[3] * w[3], w[4]) * x[1], w[4])
        return (take(table, i) + one_hot(i, 3)[1] * inside - y) ** 2 + stop_gradient(w[0]) * erf(w[4] * y)

    return loss, w


def of_kind(kind: str) -> tuple[Callable[..., Any], list[Value]]:
    loss, w = losses()
    kinds = {
        "loss": loss,
        "aux": lambda x, i, y: (loss(x, i, y), {"a": [loss(x, i, y) * 2, w[0] * 1.0], "b": x[0]}),
        "several": lambda x, i, y: [[loss(x, i, y), w[1] * x[0]], [w[2] * 1.0, y * y]],
    }
    return kinds[kind], w


def assert_same(own: Any, expected: Any) -> None:
    """The same form, and the same numbers up to rounding."""
    if isinstance(expected, tuple | dict):
        assert len(own) == len(expected)
        for key in expected if isinstance(expected, dict) else range(len(expected)):
            assert_same(own[key], expected[key])
        return
    assert np.shape(own) == np.shape(expected)
    assert np.max(np.abs(np.asarray(own) - expected)) <= 1e-12 * (1 + np.max(np.abs(expected)))


@pytest.mark.parametrize("weight", [math.inf, math.nan])
@pytest.mark.parametrize("operation", [relu, abs])
def test_a_slope_of_zero_keeps_nan(operation: Any, weight: float) -> None:
    """XLA leaves out no product of the slope 0 and a gradient that is no number: the gradient is that of numpy."""
    w = [Value(2.0), Value(weight)]
    at = {relu: -1.0, abs: 0.0}[operation]
    slopes = [
        lift(lambda x: operation(w[0] * x) * w[1], w, target=target).value_and_grad([at])[1]
        for target in ("numpy", "jax")
    ]
    assert math.isnan(slopes[0][0])
    assert np.array_equal(np.asarray(slopes[0]), np.asarray(slopes[1]), equal_nan=True)


@pytest.mark.parametrize("kind", ["loss", "aux", "several"])
def test_every_function_is_that_of_numpy(kind: str) -> None:
    """What each method returns has numpy's form and numbers, and is in arrays of JAX; each first call is compared."""
    function, w = of_kind(kind)
    program, expected = (lift(function, w, target=name, has_aux=kind == "aux") for name in ("jax", "numpy"))  # type: ignore[call-overload]  # has_aux is no literal
    for name in ("__call__", "jacobian", "input_gradients"):
        assert_same(getattr(program, name)(X, INDICES, Y), getattr(expected, name)(X, INDICES, Y))
    assert_same(program.jvp(X, INDICES, Y, VECTOR), expected.jvp(X, INDICES, Y, VECTOR))
    assert isinstance(program.jvp(X, INDICES, Y, VECTOR), jax.Array)
    if kind == "several":
        with pytest.raises(TypeError, match="value_and_grad needs a function with one result"):
            program.value_and_grad(X, INDICES, Y)
        return
    for name in ("value_and_grad", "gradients"):
        assert_same(getattr(program, name)(X, INDICES, Y), getattr(expected, name)(X, INDICES, Y))
    assert_same(program.hvp(X, INDICES, Y, VECTOR), expected.hvp(X, INDICES, Y, VECTOR))


def test_a_mean_that_is_also_beside_the_loss() -> None:
    """What is no example's may be the loss, what is beside it, and a gradient of which a part is the same for all."""
    w = [Value(x) for x in NUMBERS]
    functions: list[Callable[..., Any]] = [
        lambda x: (w[0] * 1.0, w[0] * 1.0),
        lambda x: (x * w[0], [x, x * w[1]]),
        lambda x: (x, {"a": w[1], "b": [w[0] * w[1], w[2]]}),
    ]
    for function in functions:
        program, expected = (lift(function, w, target=name, has_aux=True) for name in ("jax", "numpy"))
        (mean, beside), gradient = program.value_and_grad([1.0, 2.0])
        (wanted, aux), slopes = expected.value_and_grad([1.0, 2.0])
        assert mean == wanted
        assert_same(beside, aux)
        assert_same(gradient, slopes)


def test_without_arguments() -> None:
    """A function of the parameters alone has its one result, its gradient and its Hessian."""
    w = [Value(x) for x in NUMBERS]
    program, expected = (lift(lambda: w[0] * w[1] + power(w[2], w[3]), w, target=name) for name in ("jax", "numpy"))
    assert_same(program(), expected())
    assert_same(program.value_and_grad(), expected.value_and_grad())
    assert_same(program.hessian(), expected.hessian())
    nothing = lift(lambda x: 2.0 * x + 3.0 * (0.0 * w[0]), w, target="jax")
    assert nothing.value_and_grad([1.0, 2.0])[1].tolist() == [0.0] * 5
    constant: Any = lift(lambda x: [Value(3.0) * 1.0, 0 * x], w, target="jax")
    assert constant([1.0, 2.0]).tolist() == [[3.0, 0.0]] * 2


# ---------------------------------------------------------------- inside JAX


@pytest.fixture(scope="module")
def traced() -> tuple[Any, Any, Any]:
    """A program, its pure function, and examples in arrays of JAX."""
    function, w = losses()
    program = lift(function, w, target="jax")
    return program, program.function("value_and_grad"), tuple(map(jnp.asarray, (X, INDICES, Y)))


def test_the_pure_function_goes_into_transformations(traced: Any) -> None:
    """`jit`, `vmap`, `scan` and optax take `program.function("value_and_grad")` as a function of their own."""
    program, value_and_grad, batch = traced
    function, w = losses()
    expected = lift(function, w, target="numpy")
    theta = program.pack()
    wanted = expected.value_and_grad(X, INDICES, Y)
    assert_same(jax.jit(value_and_grad)(theta, *batch), wanted)
    values, gradients = jax.vmap(value_and_grad, in_axes=(0, None, None, None))(jnp.stack([0.5 * theta, theta]), *batch)
    assert_same((values[1], gradients[1]), wanted)
    optimizer = optax.adam(0.1)

    def step(state: Any, _: None) -> Any:
        theta, memory = state
        value, gradient = value_and_grad(theta, *batch)
        changes, memory = optimizer.update(gradient, memory)
        return (optax.apply_updates(theta, changes), memory), value

    steps = jax.jit(lambda theta: jax.lax.scan(step, (theta, optimizer.init(theta)), None, length=20))
    (last, _), trace = steps(theta)
    adam, own = scalargrad.optim.Adam(expected.pack(), rate=0.1), expected.pack()
    for i in range(20):
        value, gradient = expected.value_and_grad(X, INDICES, Y, at=own)
        assert abs(trace[i] - value) < 1e-9
        adam.theta = own
        own = adam.step(gradient)
    assert np.max(np.abs(last - own)) < 1e-6  # optax adds its epsilon at another place


def test_the_mean_is_a_scalar_of_jax_in_the_pure_function_alone(traced: Any) -> None:
    """What `program.function` returns can stay on its device; the methods return the mean as a float."""
    program, value_and_grad, batch = traced
    value, _ = value_and_grad(program.pack(), *batch)
    assert isinstance(value.block_until_ready(), jax.Array)
    assert value.shape == ()
    assert type(program.value_and_grad(*batch)[0]) is type(program.backward(*batch)) is float
    w = Value(3.0)
    aux_program = lift(lambda x: (w * x, [w + x]), [w], target="jax", has_aux=True)
    (mean, aux), gradient = aux_program.function("value_and_grad")(jnp.ones(1), jnp.ones(2))
    assert (mean.tolist(), aux.tolist(), gradient.tolist()) == (1.0, [[2.0]] * 2, [1.0])
    assert type(aux_program.value_and_grad([1.0])[0][0]) is float
    assert repr(value_and_grad).startswith("<value_and_grad of <lifted ")
    assert vars(jax.jit(value_and_grad))["__name__"] == "value_and_grad"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_may_run_first_where_jax_traces(name: str) -> None:
    """Every function of a program that was never called goes into `jit` and `vmap`, for any number of examples."""
    function, w = losses()
    program, expected = (lift(function, w, target=target) for target in ("jax", "numpy"))
    batch = [*map(jnp.asarray, (X, INDICES, Y)), *([jnp.asarray(VECTOR)] if name in ("hvp", "jvp") else [])]
    theta = program.pack()
    wanted = expected.function(name)(NUMBERS, *map(np.asarray, batch))
    of_both = jax.jit(jax.vmap(program.function(name), in_axes=(0, *[None] * len(batch))))(
        jnp.stack([0.5 * theta, theta]), *batch
    )
    assert_same(jax.tree.map(lambda array: array[1], of_both), wanted)
    at_once = program.function(name)(theta, *batch)
    assert_same(at_once, wanted)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(at_once))
    (count,) = jax.export.symbolic_shape("count")
    shapes = [jax.ShapeDtypeStruct((count, *column.shape[1:]), column.dtype) for column in batch[:3]]
    returned = jax.eval_shape(program.function(name), theta, *shapes, *batch[3:])
    assert len(jax.tree.leaves(returned)) == len(jax.tree.leaves(wanted))


def test_lists_of_numbers_that_jax_traces(traced: Any) -> None:
    """Examples may be lists of numbers that JAX does not have yet."""
    program, value_and_grad, batch = traced
    assert_same(jax.jit(value_and_grad)(program.pack(), X, INDICES, Y), value_and_grad(program.pack(), *batch))


def test_the_first_call_is_compared_also_where_jax_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a function that is compiled, a program that is wrong is a disagreement, seen on random examples."""
    from scalargrad.lifting.to_jax import spelling

    w = [Value(0.5)]
    jax.jit(lift(lambda x: (w[0] * x).tanh(), w, target="jax").function("value_and_grad"))(jnp.ones(1), jnp.ones(3))
    right = spelling.spelled
    monkeypatch.setattr(spelling, "spelled", lambda *given: right(*given).replace("tanh(", "sin("))
    program = lift(lambda x: (w[0] * x).tanh(), w, target="jax")
    with pytest.raises(Disagreement, match="the value"):
        jax.jit(program.function("value_and_grad"))(jnp.ones(1), jnp.ones(3))
    unchecked = lift(lambda x: (w[0] * x).tanh(), w, target="jax", check=False)
    jax.jit(unchecked.function("value_and_grad"))(jnp.ones(1), jnp.ones(3))


def test_what_is_no_index(traced: Any) -> None:
    """It is refused where it is a number, and looks up nan where JAX traces."""
    program, value_and_grad, (x, _, y) = traced
    for wrong in ([0, 3, 1], [0, -1, 1], [0, 1.5, 1]):
        with pytest.raises(ValueError, match="in example 1 of this call, counted from 0, argument 2 is an index"):
            program(X, wrong, Y)
        assert np.isnan(jax.jit(value_and_grad)(program.pack(), x, jnp.asarray(wrong), y)[0])


# ---------------------------------------------------------------- precision


def test_float64_is_never_float32_in_silence() -> None:
    """Where JAX computes in float32, float64 is an error that says how to switch it on, also after lifting."""
    w = [Value(0.5)]
    program = lift(lambda x: w[0] * x, w, target="jax")
    assert program([1.0]).dtype == "float64"
    assert JaxTarget("float32").dtype == "float32"
    with jax.enable_x64(False):
        for attempt in (lambda: lift(lambda x: w[0] * x, w, target="jax"), lambda: program([1.0]), program.pack):
            with pytest.raises(ValueError, match=r'jax.config.update\("jax_enable_x64", True\)'):
                attempt()
        single = lift(lambda x: w[0] * x, w, target="jax", dtype="float32")
        assert single([1.0]).dtype == "float32"
        w[0].data = 1e300
        with pytest.raises(ValueError, match="beyond the range of float32"):
            single.pack()


# ---------------------------------------------------------------- what is taken and refused


def test_arguments_of_any_kind() -> None:
    """Lists, numpy's arrays and JAX's of any real kind are taken; what is no number, or is rounded, is an error."""
    w = [Value(0.5)]
    program = lift(lambda x: w[0] * x, w, target="jax", check=False)
    given: list[Any] = [[1, 2], np.array([1, 2]), jnp.array([1, 2]), jnp.array([1.0, 2.0], "bfloat16")]
    given += [jnp.array([1, 2], "float32"), np.array([1.0, 2.0])[:, None][:, 0]]
    for numbers in given:
        assert program(numbers).tolist() == [0.5, 1.0]
    refused: list[tuple[Any, str]] = [
        (1.0, "argument 1 must have an entry for each example, got 1.0"),
        (jnp.array(1.0), "argument 1 must have an entry for each example, got Array"),
        (["a"], "argument 1 must be real numbers"),
        (jnp.array([1j]), "argument 1 must be real numbers, got an array of complex128"),
    ]
    for wrong, message in refused:
        with pytest.raises(TypeError, match=message):
            program(wrong)
    refused = [
        ([[1.0], [1.0, 2.0]], "argument 1 must have the same shape for each example"),
        (jnp.array([2**53 + 1]), "9007199254740993"),
        ([], "there are no examples"),
    ]
    for wrong, message in refused:
        with pytest.raises(ValueError, match=message):
            program(wrong)
    forward, both = program.function("forward"), jnp.ones(2)
    wrong_theta = r"theta must have 1 number, one for each parameter, got JitTracer\(float64\[2\]\)"
    with pytest.raises(ValueError, match="at must have 1 number"):
        program([1.0], at=both)
    with pytest.raises(ValueError, match=wrong_theta):
        jax.jit(forward)(both, both)
    over_examples = (
        "argument 1 .* got VmapTracer.*: give the function whole batches, without jax.vmap over the examples"
    )
    with pytest.raises(TypeError, match=over_examples):
        jax.vmap(forward, in_axes=(None, 0))(jnp.ones(1), both)
    assert jax.vmap(forward, in_axes=(None, 0))(jnp.ones(1), jnp.ones((4, 2))).shape == (4, 2)  # over batches
    with pytest.raises(TypeError, match=r"theta must have an entry for each parameter, got VmapTracer") as error:
        jax.vmap(forward)(both, jnp.ones((2, 2)))
    assert "whole batches" not in str(error.value)
    with pytest.raises(TypeError, match='out is for the target "numpy"; arrays of JAX never change'):
        program.value_and_grad([1.0], out=np.zeros(1))


def test_an_operation_of_the_users_own() -> None:
    """It needs an array spelling in names that JAX has; without one it is refused with the way out."""

    @scalargrad.primitive(partials=[lambda out, x: 2.0 * x], name="silent")
    def silent(x: float) -> float:
        return x * x

    @scalargrad.primitive(partials=[lambda out, x: 2.0 * x], name="spelt", array="({0} * {0}).clip(0.0)")
    def spelt(x: float) -> float:
        return x * x

    @scalargrad.primitive(partials=[lambda out, x: 1.0], name="unknown", array="special.exp10({})")
    def unknown(x: float) -> float:
        return float(scalargrad.power(10.0, x))

    w = [Value(0.5)]
    assert lift(lambda x: spelt(w[0] * x), w, target="jax")([2.0]).tolist() == [1.0]
    with pytest.raises(TypeError, match='silent has no array spelling, which the target "jax" needs: declare it'):
        lift(lambda x: silent(w[0] * x), w, target="jax")([2.0])
    with pytest.raises(TypeError, match=r"exp10, which jax\.scipy.special does not have"):
        lift(lambda x: unknown(w[0] * x), w, target="jax")([2.0])


def test_copies_and_files() -> None:
    """A pickled program runs; `backward`, `pack` and `unpack` reach the parameters; a file is JAX's to write."""
    model = nn.MLP(2, [3, 1], activation="tanh", rng=0)
    program = lift(lambda x, y: (model(x) - y) ** 2, model.parameters(), target="jax")
    value, gradient = program.value_and_grad(X, Y)
    twin = pickle.loads(pickle.dumps(program))
    assert_same(twin.value_and_grad(X, Y), (value, gradient))
    assert program.backward(X, Y) == value
    assert [parameter.grad for parameter in model.parameters()] == gradient.tolist()
    program.unpack(program.pack() + 1)
    assert model.parameters()[0].data == twin.pack()[0] + 1
    with pytest.raises(TypeError, match=r"runs on JAX: export it with jax.export.export"):
        program.save("loss.py")


def test_without_jax_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing JAX is an error that says how to install it, for a wheel and for a clone."""
    monkeypatch.setitem(TARGETS, "jax", TARGETS["jax"]._replace(place="no_such_jax:Target"))
    with pytest.raises(ImportError, match=r"pip install 'scalargrad-engine\[jax\]', or in a clone pip install"):
        lift(lambda x: x, [Value(1.0)], target="jax")
