"""What a program offers: batches in any form, packed parameters, optimizers, scipy, and errors for bad input."""

from __future__ import annotations

import inspect
import math
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize

import scalargrad
from scalargrad import Value, lift, nn, optim, relu, tanh
from scalargrad.lifting.comparison import Disagreement
from scalargrad.lifting.trace import TraceError
from tests.lifting.nets import relative

each_target = pytest.mark.parametrize("target", ["numpy", "python"])


def line(target: str = "numpy") -> tuple[Any, Value, Value]:
    """The square error of a line, its slope and its offset."""
    slope, offset = Value(2.0, label="slope"), Value(-1.0, label="offset")
    return lift(lambda x, y: (slope * x + offset - y) ** 2, [slope, offset], target=target), slope, offset


def small(target: str = "numpy") -> tuple[Any, nn.MLP]:
    """A network with a hidden layer, lifted with its square error."""
    model = nn.MLP(3, [4, 1], "tanh", rng=0)
    return lift(lambda x, y: (model(x) - y) ** 2, model.parameters(), target=target), model


def data(n: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.normal(size=n)


# ---------------------------------------------------------------- batches


@each_target
@pytest.mark.parametrize(
    "form", [list, tuple, np.array, lambda rows: np.array(rows, dtype=np.float32), np.asfortranarray]
)
def test_arguments_in_any_form(form: Callable[[Any], Any], target: str) -> None:
    """Lists, tuples and arrays of any layout and precision give the same results for the same numbers."""
    rows = [[1.0, -2.0, 0.5], [0.25, 4.0, -1.0]]
    program, _ = small(target)
    assert list(program(form(rows), form([0.5, -1.5]))) == list(program(np.array(rows), np.array([0.5, -1.5])))


@each_target
def test_integers_are_numbers(target: str) -> None:
    """Rows of integers are rows of the same floats."""
    program, _ = small(target)
    assert list(program([[1, 2, 3]], [1])) == list(program([[1.0, 2.0, 3.0]], [1.0]))
    assert list(program(np.array([[1, 2, 3]]), np.array([1]))) == list(program([[1.0, 2.0, 3.0]], [1.0]))


@each_target
def test_a_batch_of_any_size(target: str) -> None:
    """In batches of any size, in any order, each example has its own loss."""
    program, _ = small(target)
    x, y = data(300)
    alone = [program(x[i : i + 1], y[i : i + 1])[0] for i in range(300)]
    for n in (1, 2, 300, 7, 100, 1, *range(1, 12), 2):
        assert relative(program(x[:n], y[:n]), alone[:n]) < 1e-12


@each_target
def test_results_are_the_caller_s(target: str) -> None:
    """What a call has returned is not changed by a later one, nor does changing it change the program."""
    program, _ = small(target)
    x, y = data(5)
    losses, (value, gradient) = program(x, y), program.value_and_grad(x, y)
    theta = program.pack()
    kept = list(losses), value, list(gradient), list(theta)
    program(*data(5, seed=1))
    program.value_and_grad(*data(5, seed=1), at=[0.1] * len(theta))
    assert (list(losses), value, list(gradient), list(theta)) == kept
    losses[0] = gradient[0] = theta[0] = math.nan
    assert (list(program(x, y)), program.value_and_grad(x, y)[0], list(program.pack())) == (kept[0], kept[1], kept[3])


@each_target
def test_several_outputs(target: str) -> None:
    """A function that returns several Values gives as many results for each example."""
    model = nn.MLP(3, [4, 2], "tanh", rng=0)
    program: Any = lift(lambda x: [*model(x), model(x)[0] * 2], model.parameters(), target=target)
    x, _ = data(4)
    expected = [[o.data for o in model(row.tolist())] for row in x]
    assert relative(program(x), [[a, b, 2 * a] for a, b in expected]) < 1e-12


@each_target
def test_nested_arguments(target: str) -> None:
    """An example may be a nested sequence; the function gets it nested in the same way."""
    w = Value(3.0)

    def loss(grid: Any) -> Any:
        assert [len(row) for row in grid] == [3, 3]
        return sum(w * entry * (i + 1) for i, row in enumerate(grid) for entry in row)

    program: Any = lift(loss, [w], target=target)
    assert list(program([[[1, 2, 3], [4, 5, 6]], [[0, 0, 1], [0, 1, 0]]])) == [108.0, 9.0]


def test_traced_once_for_each_signature() -> None:
    """The function runs once for each shape of an example."""
    calls = []
    w = Value(2.0)

    def loss(x: Any) -> Any:
        calls.append(len(x))
        return sum(w * entry for entry in x)

    program: Any = lift(loss, [w])
    for _ in range(3):
        for n in (1, 5, 2):
            program([[1.0, 2.0]] * n)
            program.value_and_grad([[1.0, 2.0]] * n)
    met = len(calls)
    assert set(calls) == {2}
    assert list(program([[1.0, 2.0, 3.0]])) == [12.0]
    assert set(calls[met:]) == {3}
    met = len(calls)
    assert list(program([[1.0, 2.0]])) == [6.0]
    assert len(calls) == met


# ---------------------------------------------------------------- parameters


@each_target
def test_parameters_are_read_at_each_call(target: str) -> None:
    """A call reads the current `.data` of the parameters, and of any other Value that the function uses."""
    w, scale = Value(2.0), Value(10.0)
    program: Any = lift(lambda x: scale * w * x, [w], target=target)
    assert list(program([1.0, 2.0])) == [20.0, 40.0]
    w.data = 3.0
    assert list(program([1.0, 2.0])) == [30.0, 60.0]
    scale.data = 100.0
    assert list(program([1.0, 2.0])) == [300.0, 600.0]
    assert list(program.value_and_grad([1.0, 2.0])[1]) == [150.0]


@each_target
def test_packed_and_unpacked(target: str) -> None:
    """`pack` returns the parameters' numbers in order and `unpack` sets them, exactly."""
    program, model = small(target)
    theta = program.pack()
    assert list(theta) == [parameter.data for parameter in model.parameters()]
    other = [0.1 * i for i in range(len(theta))]
    program.unpack(other)
    assert [parameter.data for parameter in model.parameters()] == other
    program.unpack(theta)
    assert [parameter.data for parameter in model.parameters()] == list(theta)


@each_target
def test_results_at_other_parameters(target: str) -> None:
    """A call with `at` gives what a call gives with those parameters, and leaves the parameters as they are."""
    program, model = small(target)
    x, y = data(4)
    before = [parameter.data for parameter in model.parameters()]
    there = [0.1 * i for i in range(len(before))]
    results = list(program(x, y, at=there))
    assert [parameter.data for parameter in model.parameters()] == before
    program.unpack(there)
    assert list(program(x, y)) == results


@each_target
def test_scipy_finds_the_least_squares(target: str) -> None:
    """`scipy.optimize.minimize(…, jac=True)` with `at` reaches the solution of the normal equations."""
    program, _, _ = line(target)
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = 0.7 * x + 0.3 + 0.1 * rng.normal(size=40)
    optimum = scipy.optimize.minimize(
        lambda theta: program.value_and_grad(x, y, at=theta), program.pack(), jac=True, method="BFGS", tol=1e-10
    )
    expected, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(40)]), y, rcond=None)
    assert relative(optimum.x, expected) < 1e-7
    optimum = scipy.optimize.minimize(
        lambda theta: program.value_and_grad(x, y, at=theta),
        program.pack(),
        jac=True,
        method="Newton-CG",
        hessp=lambda theta, vector: _at(program, theta).hvp(x, y, vector),
        tol=1e-10,
    )
    assert relative(optimum.x, expected) < 1e-7


def _at(program: Any, theta: Any) -> Any:
    program.unpack(theta)
    return program


@each_target
@pytest.mark.parametrize("name", ["gradient descent", "momentum", "Adam"])
def test_optimizers_run_as_they_did(name: str, target: str) -> None:
    """Thirty steps by `program.backward` and an optimizer end where thirty by eager sweeps do."""
    made: dict[str, Callable[[list[Value]], Any]] = {
        "gradient descent": lambda parameters: optim.GradientDescent(parameters, 0.1),
        "momentum": lambda parameters: optim.GradientDescent(parameters, 0.05, momentum=0.9),
        "Adam": lambda parameters: optim.Adam(parameters, 0.01),
    }
    x, y = data(8)
    program, lifted = small(target)
    _, eager = small(target)
    optimizers = [made[name](model.parameters()) for model in (lifted, eager)]
    for _ in range(30):
        for optimizer in optimizers:
            optimizer.zero_grad()
        mean = program.backward(x, y)
        losses = [(eager(row) - target) ** 2 for row, target in zip(x.tolist(), y.tolist(), strict=True)]
        total = sum(losses[1:], losses[0]) / len(losses)
        total.backward()
        assert math.isclose(mean, total.data, rel_tol=1e-10)
        for optimizer in optimizers:
            optimizer.step()
    assert relative([p.data for p in lifted.parameters()], [p.data for p in eager.parameters()]) < 1e-10


@each_target
def test_minimize_runs_on_a_program(target: str) -> None:
    """`optim.minimize` on the engine and a loop with the program's gradient reach the same place."""
    program, slope, offset = line(target)
    x, y = [0.0, 1.0, 2.0], [1.0, 3.0, 5.0]
    theta = list(program.pack())
    for _ in range(500):
        _, gradient = program.value_and_grad(x, y, at=theta)
        theta = [t - 0.1 * g for t, g in zip(theta, gradient, strict=True)]
    program.unpack(theta)
    assert math.isclose(slope.data, 2.0, rel_tol=1e-6)
    assert math.isclose(offset.data, 1.0, rel_tol=1e-6)


@each_target
def test_one_slope_for_all_parameters(target: str) -> None:
    """A function of the sum of all parameters has the same derivative in each."""
    values = [Value(0.25), Value(-0.5), Value(1.0)]
    program: Any = lift(lambda: scalargrad.exp(-sum(values)), values, target=target)
    value, gradient = program.value_and_grad()
    assert math.isclose(value, math.exp(-0.75), rel_tol=1e-12)
    assert relative(gradient, [-math.exp(-0.75)] * 3) < 1e-12


# ---------------------------------------------------------------- own operations, choices, constants


@each_target
def test_own_operations_lift(target: str) -> None:
    """An operation that a user declared lifts by its array name, or element by element where it has none."""
    cube = scalargrad.primitive(partials=[lambda out, x: 3 * x * x], name="cube_of_a_test", array="{0} * {0} * {0}")(
        lambda x: x * x * x
    )
    bend = scalargrad.primitive(partials=[lambda out, x: scalargrad.cos(x)], name="bend_of_a_test")(math.sin)
    ws = [Value(0.3), Value(-0.7), Value(1.1)]

    def loss(x: Any) -> Any:
        return sum(cube(w * entry) + bend(w + entry) for w, entry in zip(ws, x, strict=True))

    program: Any = lift(loss, ws, target=target)
    x = [[1.0, 2.0, -1.5], [0.5, -0.25, 3.0]]
    eager = [loss([Value(entry) for entry in row]) for row in x]
    for one in eager:
        one.backward(0.5)
    assert relative(program(x), [one.data for one in eager]) < 1e-12
    assert relative(program.value_and_grad(x)[1], [w.grad for w in ws]) < 1e-12


@each_target
def test_kinks_and_the_ieee_rule(target: str) -> None:
    """At a kink the subgradient is that of the eager engine; overflow is inf, without a warning."""
    w = Value(1.0)
    functions: list[Callable[[Any], Any]] = [
        lambda x: relu(w * x),
        lambda x: abs(w * x),
        lambda x: scalargrad.maximum(w * x, 0.0),
        lambda x: scalargrad.exp(w * x),
        lambda x: scalargrad.log(w * x),
        lambda x: scalargrad.sqrt(w * x),
        lambda x: 1 / (w * x),
        lambda x: scalargrad.sigmoid(w * x),
        lambda x: scalargrad.softplus(w * x),
        lambda x: (w * x) ** 0.5,
        lambda x: (w * x) ** 3,
    ]
    for function in functions:
        program: Any = lift(function, [w], target=target)
        for x in (0.0, -0.0, 1000.0, -1000.0, 2.0, -2.0):
            w.zero_grad()
            eager = function(Value(x))
            eager.backward()
            value, gradient = program.value_and_grad([x])
            assert np.array_equal(np.isnan([value, *gradient]), np.isnan([eager.data, w.grad]))
            assert np.allclose([value, *gradient], [eager.data, w.grad], rtol=1e-12, atol=0, equal_nan=True)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
def test_a_long_chain(target: str) -> None:
    """A chain of five thousand operations lifts without reaching the recursion limit."""
    w = Value(0.9)

    def loss(x: Any) -> Any:
        for i in range(2500):
            x = tanh(w * x + 0.001 * (i % 7))
        return x

    program: Any = lift(loss, [w], target=target)
    eager = loss(Value(0.5))
    eager.backward()
    value, gradient = program.value_and_grad([0.5])
    assert math.isclose(value, eager.data, rel_tol=1e-12)
    assert relative(gradient, [w.grad]) < 1e-10


@each_target
def test_the_source_is_python(target: str) -> None:
    """`source` is valid Python, and the same each time."""
    sources = []
    for _ in range(2):
        program, _ = small(target)
        program.value_and_grad(*data(3))
        compile(program.source, "program", "exec")
        sources.append(program.source)
    assert sources[0] == sources[1]


# ---------------------------------------------------------------- what cannot be traced

PEEKS: dict[str, Callable[[Any], Any]] = {
    "a branch": lambda x: x[0] if x[0] else x[1],
    "a comparison": lambda x: x[0] if x[0] > 0 else x[1],
    "a comparison from the other side": lambda x: x[0] if 0 > x[0] else x[1],  # noqa: SIM300  # the point of it
    "max": lambda x: max(x) * x[0],
    "float": lambda x: x[0] * float(x[1]),
    "int": lambda x: x[0] * int(x[1]),
    "round": lambda x: x[0] * round(x[1]),
    "math": lambda x: x[0] * math.exp(x[1]),
    "data": lambda x: x[0] * x[1].data,
    "data of a result": lambda x: x[0] * (x[1] * 2 + 1).data,
    "an index": lambda x: x[0] * [1.0, 2.0][x[1]],
    "formatting": lambda x: x[0] * len(f"{x[1]:.3f}"),
}


@each_target
@pytest.mark.parametrize("peek", PEEKS)
def test_asking_for_an_input_s_number(peek: str, target: str) -> None:
    """A branch, comparison, `float()` or `.data` that depends on an input is a TraceError that names the line."""
    function, w = PEEKS[peek], Value(2.0)
    place = f"{__file__}:{inspect.getsourcelines(function)[1]}"
    program: Any = lift(lambda x: w * function(x), [w], target=target)
    with pytest.raises(TraceError) as error:
        program([[1.0, 2.0], [3.0, -4.0]])
    assert place in str(error.value)


@each_target
def test_an_input_of_an_earlier_run(target: str) -> None:
    """An input that was kept, or a result of one, cannot be used in a later run."""
    w, kept = Value(2.0), list[Any]()

    def leaking(x: Any) -> Any:
        kept.append(x[0] * 3)
        return w * sum(x) + kept[0]

    def call_twice() -> None:
        program: Any = lift(leaking, [w], target=target)
        program([[1.0, 2.0]])
        program([[1.0, 2.0, 3.0]])

    with pytest.raises(TraceError):
        call_twice()


# ---------------------------------------------------------------- bad input

BAD: dict[str, tuple[tuple[Any, ...], type[Exception]]] = {
    "ragged rows": (([[1.0, 2.0, 3.0], [1.0, 2.0]], [1.0, 2.0]), ValueError),
    "rows of another length": (([[1.0, 2.0]], [1.0]), ValueError),
    "not one target for each row": (([[1.0, 2.0, 3.0]], [1.0, 2.0]), ValueError),
    "no examples": (([], []), ValueError),
    "no examples in an array": ((np.zeros((0, 3)), np.zeros(0)), ValueError),
    "no batch": ((1.0, 2.0), (TypeError, ValueError)),  # type: ignore[dict-item]  # either says it well
    "one argument too few": (([[1.0, 2.0, 3.0]],), TypeError),
    "words": (([["a", "b", "c"]], [1.0]), TypeError),
    "nothing": (([[None, 1.0, 2.0]], [1.0]), TypeError),
    "complex numbers": (([[1j, 1.0, 2.0]], [1.0]), TypeError),
    "complex arrays": ((np.array([[1j, 1.0, 2.0]]), [1.0]), TypeError),
}


@each_target
@pytest.mark.parametrize("call", ["__call__", "value_and_grad", "backward"])
@pytest.mark.parametrize("name", BAD)
def test_bad_batches(name: str, call: str, target: str) -> None:
    """A bad batch is an error at once, on the first call and later, and changes no gradient."""
    arguments, kind = BAD[name]
    program, model = small(target)
    for _ in range(2):
        with pytest.raises(kind):
            getattr(program, call)(*arguments)
        assert not any(parameter.swept for parameter in model.parameters())
        program(*data(2))


@each_target
def test_parameters_of_another_number(target: str) -> None:
    """`at`, `unpack` and `hvp` need one number for each parameter, and say so."""
    program, slope, offset = line(target)
    for wrong in ([1.0], [1.0, 2.0, 3.0], []):
        calls: list[Callable[[Any], Any]] = [
            lambda theta: program([1.0], [1.0], at=theta),
            lambda theta: program.value_and_grad([1.0], [1.0], at=theta),
            program.unpack,
            lambda vector: program.hvp([1.0], [1.0], vector),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="must have 2 numbers"):
                call(wrong)
    assert (slope.data, offset.data) == (2.0, -1.0)


def test_what_lift_takes() -> None:
    """`lift` needs a function, Values, and a known target."""
    w = Value(1.0)
    with pytest.raises(TypeError):
        lift(3, [w])  # type: ignore[call-overload]  # the point of it
    with pytest.raises(TypeError):
        lift(lambda x: x * w, [1.0])  # type: ignore[list-item]  # likewise
    with pytest.raises(ValueError, match="fortran"):
        lift(lambda x: x * w, [w], target="fortran")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (lambda: [Value(1.0) * 2], "must be a variable"),
        (lambda: [(Value(1.0) + 2).args[1]], "must be a variable"),
        (lambda: [Value(1.0)] * 2, "is there twice"),
    ],
)
def test_parameters_are_variables(parameters: Callable[[], list[Value]], reason: str) -> None:
    """A result, a constant, or a parameter that occurs twice is an error."""
    with pytest.raises(ValueError, match=reason):
        lift(lambda x: x, parameters())


def test_numpy_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without numpy the default target is plain Python, and the target numpy is an ImportError that names the extra."""
    w = Value(2.0)
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["scalargrad.lifting.target"], "find_spec", lambda name: None)
        assert lift(lambda x: w * x, [w])([1.0, 3.0]) == [2.0, 6.0]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "scalargrad.lifting.to_numpy.target", None)
        with pytest.raises(ImportError, match=r"scalargrad-engine\[lift\]"):
            lift(lambda x: w * x, [w], target="numpy")


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
from scalargrad import Value, lift, nn, optim
model = nn.MLP(2, [3, 2], "tanh", rng=0)
program = lift(lambda x, y: (model(x)[0] - y) ** 2 + model(x)[1] ** 2, model.parameters(), target={target!r})
X, Y = [[0.0, 1.0], [2.0, 3.0]], [1.0, 2.0]
value, gradient = program.value_and_grad(X, Y)
assert len(program(X, Y)) == 2 and len(gradient) == len(program.hvp(X, Y, gradient)) == len(model.parameters())
theta = program.pack()
program.unpack(optim.Adam(theta).step(gradient))
several = lift(lambda x: model(x), model.parameters(), target={target!r})
assert [len(row) for row in several(X)] == [2, 2]
w = Value(2.0)
assert lift(lambda: w * w, [w], target={target!r}).value_and_grad() == (4.0, [4.0])
"""


@pytest.mark.parametrize(("target", "message"), [("python", ""), ("numpy", "needs the extra lift")])
def test_all_of_a_program_works_without_numpy(target: str, message: str) -> None:
    """If numpy cannot be imported, all of a program for plain Python works, and one for numpy says what it needs."""
    code = WITHOUT_NUMPY.format(target=target)
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert bool(finished.returncode) == bool(message)
    assert message in finished.stderr


def test_a_program_says_what_it_is() -> None:
    """A program prints with the name of its function; before its first call it has no source."""
    program, model = small()
    assert repr(program) == f"<lifted <lambda>: {len(model.parameters())} parameters>"
    with pytest.raises(RuntimeError, match="at the first call"):
        _ = program.source
    program(*data(2))
    assert "np.tanh" in program.source


@each_target
def test_a_vector_that_is_missing_is_missed(target: str) -> None:
    """`hvp` without the vector is an error that says so, if the signature of the function tells."""
    w = Value(2.0)
    program = lift(lambda x, y: w * w * x * y, [w], target=target)
    with pytest.raises(TypeError, match="got 2 arguments without one"):
        program.hvp([1.0], [3.0])
    assert list(program.hvp([1.0], [3.0], [1.0])) == [6.0]

    class Untold:
        __signature__ = "none"

        def __call__(self, x: Any) -> Any:
            return w * w * x

    assert list(lift(Untold(), [w], target=target).hvp([1.0], [1.0])) == [2.0]


@each_target
def test_several_results_have_no_gradient(target: str) -> None:
    """A gradient, or a product with the Hessian, of several results is a TypeError that counts them."""
    w = Value(2.0)
    program: Any = lift(lambda x: [w * x, w + x], [w], target=target)
    for call in (program.value_and_grad, program.backward):
        with pytest.raises(TypeError, match="this one has 2"):
            call([1.0])
    with pytest.raises(TypeError, match="this one has 2"):
        program.hvp([1.0], [1.0])
    with pytest.raises(TypeError, match="then a vector"):
        program.hvp()
    assert "def forward" in program.source


@each_target
def test_the_comparison_can_be_left_out(target: str) -> None:
    """With `check=False` the function runs once, and nothing is compared."""
    calls = []
    w = Value(2.0)

    def loss(x: Any) -> Any:
        calls.append(x)
        return w * x

    assert list(lift(loss, [w], target=target, check=False)([1.0, 2.0])) == [2.0, 4.0]
    assert len(calls) == 1


@each_target
def test_ragged_inside(target: str) -> None:
    """Rows of different lengths inside an example are an error too."""
    w = Value(1.0)
    program: Any = lift(lambda grid: w * grid[0][0], [w], target=target)
    with pytest.raises(ValueError, match="rows of different lengths"):
        program([[[1.0, 2.0], [3.0]]])


def test_a_result_that_is_no_value() -> None:
    """A function that returns anything but Values is an error."""
    w = Value(1.0)
    results: list[Any] = [None, "text", [w, None]]
    for result in results:
        program: Any = lift(lambda x, result=result: result, [w])
        with pytest.raises(TypeError):
            program([1.0])
    with pytest.raises(ValueError, match="got none"):
        lift(lambda x: [], [w])([1.0])


@each_target
def test_a_disagreement_is_an_error(target: str) -> None:
    """The comparison with the engine catches a function that computes something else when it runs again."""
    w, rng = Value(1.0), random.Random(0)
    program: Any = lift(lambda x: w * x * (1 + rng.random()), [w], target=target)
    with pytest.raises(Disagreement, match="the lifted program gives"):
        program.value_and_grad([1.0, 2.0])


LARGE = 2**53 + 1
INTEGERS: dict[str, Any] = {
    "a list": [LARGE],
    "beside a float": [LARGE, 0.5],
    "in rows": [[0.5, LARGE], [1, 2]],
    "in a tuple": (1, LARGE),
    "negative": [-LARGE],
    "beyond 64 bits of either kind": [2**63 + 1, -1],
    "an array": np.array([1, LARGE]),
    "an unsigned array": np.array([2**63 + 1], dtype=np.uint64),
    "a number of numpy": [np.int64(LARGE), 0.5],
}


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("how", INTEGERS)
def test_an_integer_that_no_float_is_is_refused(how: str, target: str) -> None:
    """An integer that would be rounded is an error that says to what; as a float, or if a float has it, it is none."""
    w = Value(1.0)
    program = lift(lambda x: w * x if not isinstance(x, list) else w * x[0] + x[1], [w], target=target)
    with pytest.raises(
        ValueError, match=r"argument 1 has the integer -?\d{16,}, which is -?\d+ as a float: give float"
    ):
        program(INTEGERS[how])
    assert list(program([2**53, -(2**60)])) == [2.0**53, -(2.0**60)]
    assert list(program([float(LARGE), 0.5])) == [2.0**53, 0.5]
    assert list(program([math.inf, 1])) == [math.inf, 1.0]


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("given", [[True, False], (True, 0), np.array([True, False]), [np.True_, 0.0]], ids=repr)
def test_bools_are_0_and_1(given: Any, target: str) -> None:
    """Bools, such as black and white pixels, are numbers in a program as they are for the engine."""
    w = Value(2.0)
    program = lift(lambda x: w * x + 1, [w], target=target)
    assert list(program(given)) == [(w * x + 1).data for x in given] == [3.0, 1.0]
    assert list(program.value_and_grad(given)[1]) == [0.5]
    with pytest.raises(TypeError, match=r"must be (a )?real number"):
        program(np.array([True, None]))


def test_an_integer_that_the_precision_lacks_is_refused() -> None:
    """In float32 that holds from 2**24 on; floats are rounded to the precision that was wanted."""
    w = Value(1.0)
    program = lift(lambda x: w * x, [w], dtype="float32")
    for given in ([2**24 + 1], np.array([2**24 + 1]), [2**24 + 1, 0.5], [np.array(2**24 + 1), 0.5]):
        with pytest.raises(ValueError, match="argument 1 has the integer 16777217, which is 16777216 as a float"):
            program(given)
    assert list(program([2**24, 0.5])) == [2.0**24, 0.5]
    assert list(program(np.array([2.0**24 + 1]))) == [2.0**24]


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_other_numbers_are_not_rounded_either(target: str) -> None:
    """The vector of hvp and the parameters of a call are such numbers, too."""
    w = Value(1.0)
    rows = lift(lambda x: w * x[0] + x[1], [w])
    with pytest.raises(ValueError, match="argument 1 has the integer"):
        rows([np.array([LARGE, 1]), [0.5, 1.0]])
    program = lift(lambda x: w * w * x, [w], target=target)
    calls = (lambda: program.hvp([1.0], [LARGE]), lambda: program([1.0], at=[LARGE]), lambda: program.unpack([LARGE]))
    for call in calls:
        with pytest.raises(ValueError, match=f"has the integer {LARGE}, which is {LARGE - 1} as a float"):
            call()
    assert w.data == 1.0
