"""The options: an array for the gradient, the precision, the target."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Disagreement, TraceError, Value, atan2, functional, lift, nn, primitive, stop_gradient, tanh

ROWS = np.random.default_rng(0).normal(size=(6, 3))


def small(**options: Any) -> Any:
    model = nn.MLP(3, [4, 1], "tanh", rng=0)
    return lift(lambda x: model(x) ** 2, model.parameters(), **options)


def test_the_gradient_goes_where_it_is_wanted() -> None:
    """With `out`, each call writes the gradient into that array and returns it."""
    program = small()
    value, gradient = program.value_and_grad(ROWS)
    first, second = np.full(gradient.shape, np.nan), np.full(gradient.shape, np.nan)
    for array in (first, second, first):
        mean, slopes = program.value_and_grad(ROWS, out=array)
        assert slopes is array
        assert (mean, list(array)) == (value, list(gradient))
    assert program.value_and_grad(ROWS)[1] is not gradient


@pytest.mark.parametrize("what", ["the examples", "some of the parameters", "the parameters"])
def test_the_gradient_may_go_where_something_given_is(what: str) -> None:
    """An `out` that shares memory with what is read is written when all has been read."""
    program, rng = small(), np.random.default_rng(1)
    array = np.zeros(26)
    rows, theta, out = ROWS.copy(), rng.normal(size=21), array[:21]
    if what == "the examples":
        rows = array[:18].reshape(6, 3)
    else:
        theta = array[5:] if what == "some of the parameters" else out
    for _ in range(4):
        rows[...], theta[...] = rng.normal(size=(6, 3)), rng.normal(size=21)
        value, gradient = program.value_and_grad(rows, at=theta)
        assert program.value_and_grad(rows, at=theta, out=out)[0] == value
        assert list(out) == list(gradient)


@pytest.mark.parametrize(
    "array",
    [np.zeros(3), np.zeros(21, np.float32), np.zeros((21, 1)), np.zeros(42)[::2], [0.0] * 21],
    ids=["short", "float32", "a column", "every other", "a list"],
)
def test_an_array_for_the_gradient_must_fit(array: Any) -> None:
    """An `out` of another form is an error that says what is needed."""
    with pytest.raises(TypeError, match="out must be a writable array of 21 numbers in a row, float64, got"):
        small().value_and_grad(ROWS, out=array)


def test_room_must_be_writable() -> None:
    """A read-only array cannot be `out`."""
    array = np.zeros(21)
    array.flags.writeable = False
    with pytest.raises(TypeError, match="writable"):
        small().value_and_grad(ROWS, out=array)


def test_plain_python_has_no_room_to_fill() -> None:
    """The target "python" returns lists, and refuses `out`."""
    with pytest.raises(TypeError, match='out is for the target "numpy"'):
        small(target="python").value_and_grad(ROWS, out=np.zeros(21))


def test_single_precision_is_near_and_no_nearer() -> None:
    """In float32 everything agrees with float64 to about seven digits, and not to twelve."""
    value, gradient = small().value_and_grad(ROWS)
    single, slopes = small(dtype="float32").value_and_grad(ROWS)
    assert slopes.dtype == np.float32
    assert single == pytest.approx(value, rel=1e-5)
    assert np.allclose(slopes, gradient, rtol=1e-4, atol=1e-6)
    assert not np.allclose(slopes, gradient, rtol=1e-12, atol=0)
    assert small(dtype="float32")(ROWS).dtype == np.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, 'dtype must be "float64" or "float32", got'),
        ({"target": "python", "dtype": "float32"}, 'the target "python" computes in "float64", got dtype'),
        ({"target": "torch"}, 'target must be "numpy" or "python" or "jax", got'),
    ],
)
def test_what_there_is_not_cannot_be_chosen(options: dict[str, str], message: str) -> None:
    """An unknown precision or target is an error that lists the known ones."""
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_the_collector_is_left_as_it_was() -> None:
    """Lifting leaves the garbage collector on where it was on, and off where it was off."""
    assert gc.isenabled()
    small().value_and_grad(ROWS)
    assert gc.isenabled()
    gc.disable()
    try:
        small().value_and_grad(ROWS)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_spelling_that_numpy_has_not_is_named() -> None:
    """An array spelling with a name that numpy lacks is an error that names both."""

    @primitive(partials=[lambda out, x: 2 * x], array="squared_by_nobody({})")
    def squared_oddly(x: float) -> float:
        return x * x

    w = Value(1.5)
    program = lift(lambda x: squared_oddly(w * x), [w], target="numpy", check=False)
    with pytest.raises(TypeError, match="squared_oddly has squared_by_nobody, which numpy does not have"):
        program([1.0, 2.0])


@pytest.mark.parametrize("use", [sum, lambda x: x[0], lambda x: next(iter(x))])
def test_a_number_is_no_row(use: Any) -> None:
    """A function that uses a single number as a row is an error that names the line."""
    w = Value(1.5)
    with pytest.raises(TraceError, match=r"a single number here, and not a row.*test_options.py:\d+"):
        lift(lambda x: w * use(x), [w])([1.0, 2.0])


@pytest.mark.parametrize("target", ["numpy", "python", "jax"])
@pytest.mark.parametrize("given", [None, 1.0, "ab", b"ab"])
def test_what_has_no_entries_is_named(given: Any, target: str) -> None:
    """An argument needs an entry for each example, and a vector one for each parameter, which no text has."""
    w = [Value(1.5), Value(0.5)]
    program: Any = lift(lambda x: w[0] * x + w[1], w, target=target, dtype="float32" if target == "jax" else "float64")
    asked: dict[str, Callable[[], Any]] = {
        "argument 1 must have an entry for each example": lambda: program(given),
        "the vector must have an entry for each parameter": lambda: program.jvp([1.0], given),
        "theta must have an entry for each parameter": lambda: program.unpack(given),
    }
    for message, ask in asked.items():
        with pytest.raises(TypeError, match=message):
            ask()


# ---------------------------------------------------------------- operations of users


def test_a_comparison_in_a_spelling_is_no_mask() -> None:
    """A comparison in a spelling keeps its factor: 5 where it is true, not 1."""

    @primitive(partials=[lambda out, x: 0.0 * x], array="({} > 1) * 5.0")
    def five_above_one(x: float) -> float:
        return 5.0 if x > 1 else 0.0

    w = Value(2.0)
    program = lift(lambda x: sum(a * w * five_above_one(a * w) for a in x), [w], target="numpy")
    assert list(program([[0.1, 0.2], [3.0, 3.0]])) == [0.0, 60.0]


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_a_name_of_math_may_be_anybodys(target: str) -> None:
    """A user's operation with the name of a function of `math` is not that function."""

    @primitive(partials=[lambda out, x: 3.0])
    def floor(x: float) -> float:
        return 3.0 * x

    w = Value(1.5)
    assert list(lift(lambda x: floor(w * x), [w], target=target, check=False)([1.0, 2.0])) == [4.5, 9.0]


@pytest.mark.parametrize("array", ["{0} + {1} + {0} * {1}", "sqrt({} ** 2 + {} ** 2)", None])
def test_a_fold_that_numpy_has_not_is_a_chain(array: str | None) -> None:
    """A chain of an operation that numpy cannot fold is computed one operation after another."""

    @primitive(
        partials=[lambda out, x, y: 1 + y, lambda out, x, y: 1 + x],
        array=array,
        associative=True,
        commutative=True,
    )
    def joined(x: float, y: float) -> float:
        return (x * x + y * y) ** 0.5 if array and "sqrt" in array else x + y + x * y

    w = Value(1.5)

    def loss(x: Any) -> Any:
        return stop_gradient(joined(joined(x[0], x[1]), joined(x[2], x[3]))) * w

    rows = np.array([[1.0, 2.0, 3.0, 4.0], [0.5, 0.25, 2.0, 1.0]])
    results = lift(loss, [w], target="numpy", check=False)(rows)
    assert np.allclose(results, [loss([Value(x) for x in row]).data for row in rows], rtol=1e-12, atol=0)


@pytest.mark.parametrize("array", ["{}.conj() * 2", "({} + {0}).real", "where({0} > 0, {0}, {0}).copy() + {0}"])
def test_methods_of_arrays_are_spellings(array: str) -> None:
    """Operators are allowed in a spelling, though numpy has functions for them."""
    twice = primitive(partials=[lambda out, x: 2.0], name="twice", array=array.replace("{}", "{0}"))(lambda x: x + x)
    w = [Value(1.5), Value(-0.5)]
    program: Any = lift(lambda x: sum(twice(v * x) for v in w) + twice(w[0]), w, target="numpy")
    assert np.allclose(program([1.0, 2.0]), [5.0, 7.0], rtol=1e-15)


def test_what_leaves_one_side_alone_does_not_leave_the_other() -> None:
    """The identity of an operation that does not commute is on its right: 0 - x is not x."""

    @primitive(partials=[lambda out, x, y: 1.0, lambda out, x, y: -1.0], identity=0.0, array="{} - {}")
    def less(x: float, y: float) -> float:
        return x - y

    w = Value(1.5)
    assert list(lift(lambda x: less(0.0, w * x), [w], check=False)([2.0])) == [-3.0]
    assert list(lift(lambda x: less(w * x, 0.0), [w], check=False)([2.0])) == [3.0]


def test_a_zero_keeps_its_sign() -> None:
    """-0.0 in a function is -0.0 in its program: the angle of (-0.0) from the left is π."""
    w = Value(1.0)
    program = lift(lambda x: atan2(w * x, -0.0), [w], target="numpy")
    assert list(program([1.0, 0.0])) == [math.pi / 2, math.pi]


@pytest.mark.parametrize("label", ["forward", "value_and_grad", "hvp", "i", "_log", "log"])
@pytest.mark.parametrize("target", ["numpy", "python"])
def test_no_label_is_in_the_way(label: str, target: str) -> None:
    """A parameter may have the label of anything in the program."""
    w = Value(1.5, label=label)
    program = lift(lambda x: (w * x).log() + w, [w], target=target)
    assert program([1.0, 2.0])[0] == pytest.approx(math.log(1.5) + 1.5)
    assert program.value_and_grad([1.0, 2.0])[1][0] == pytest.approx(1 / 1.5 + 1)
    assert program.hvp([1.0, 2.0], [1.0])[0] == pytest.approx(-1 / 1.5**2)


@pytest.mark.parametrize("target", ["numpy", "python", "jax"])
def test_arrays_lie_at_any_depth(target: str) -> None:
    """An argument may be an array, lists of arrays, or lists of arrays without dimensions; durations are no numbers."""
    w = [Value(0.5), Value(2.0)]
    program: Any = lift(
        lambda x, y: (w[0] * x[0][1] + w[1] * x[1][0] - y) ** 2,
        w,
        target=target,
        dtype="float32" if target == "jax" else "float64",
    )
    cubes, numbers = np.arange(12, dtype="float32").reshape(3, 2, 2), np.array([1.0, 0.0, 2.0], "float32")
    wanted = program(cubes.tolist(), numbers.tolist())
    assert len(set(map(float, wanted))) == 3
    for nested in (list(cubes), tuple(map(list, cubes)), [[list(row) for row in cube] for cube in cubes]):
        assert list(program(nested, list(numbers))) == list(wanted)
    with pytest.raises(TypeError, match="argument 2 must be real numbers, got an array of timedelta64"):
        program(cubes, numbers.astype("timedelta64[ns]"))
    with pytest.raises(TypeError, match="argument 2"):
        program(cubes, [np.array("a"), *numbers[1:]])


def test_masked_numbers_are_refused() -> None:
    """A masked array is an error, as masked numbers are not inputs."""
    with pytest.raises(TypeError, match="masked"):
        small()(np.ma.masked_array(ROWS, mask=ROWS > 0))


def test_room_may_be_changed_between_calls_and_be_an_argument() -> None:
    """The numbers in `out` before a call do not matter, nor whether it is the array of the parameters."""
    u = [Value(1.0), Value(2.0)]
    program = lift(lambda x: u[0] * x, u)
    array = program.pack()
    assert program.value_and_grad([1.0, 2.0], at=array, out=array)[0] == 1.5
    assert list(array) == [1.5, 0.0]
    array += 1
    program.value_and_grad([1.0, 2.0], out=array)
    assert list(array) == [1.5, 0.0]


CALL = st.tuples(
    *[st.integers(0, 2)] * 2, st.booleans(), st.floats(-2, 2)
)  # which at, which out, which batch, a number


@given(calls=st.lists(CALL, max_size=12), gap=st.booleans())
def test_numbers_are_read_and_written_wherever_they_are(calls: list[Any], gap: bool) -> None:
    """A call sees the current numbers, whatever arrays a loop passes: the same, in turns, or overlapping."""
    u = [Value(1.0), Value(2.0), Value(0.5)]

    def loss(x: Any) -> Any:
        return (tanh(u[0] * x) + (0.0 if gap else u[1] * x)) * u[2]

    program, fresh = lift(loss, u), lift(loss, u)
    row = np.linspace(0.1, 1.6, 16)
    thetas, outs = [row[:3], row[4:7], row[8:11]], [row[5:8], row[12:15], row[8:11]]
    batches = [np.array([0.5, -1.0]), np.array([1.5, 0.25, 2.0])]
    for which, where, many, number in calls:
        thetas[which][0] = number
        theta, x = thetas[which].copy(), batches[many]
        value, slope = fresh.value_and_grad(x, at=theta)
        outs[where][1:] = number  # what was there before does not matter, save where it is what is read
        if which == where == 2 or (which, where) == (1, 0):
            value, slope = fresh.value_and_grad(x, at=thetas[which].copy())
        mean, array = program.value_and_grad(x, at=thetas[which], out=outs[where])
        assert array is outs[where]
        assert mean == value
        assert array.tolist() == slope.tolist()


def test_a_loop_in_place_copies_no_parameters() -> None:
    """If a loop passes the same two arrays again and again, the program reads and writes them in place."""
    u = [Value(1.0), Value(2.0)]
    program: Any = lift(lambda x: u[0] * x * u[1], u)
    theta, array = program.pack(), np.empty(2)
    for _ in range(3):
        program.value_and_grad([1.0, 2.0], at=theta, out=array)
    runner = program._latest.runner("value_and_grad")
    assert [bound.gradient is array for bound in runner._callers] == [True]
    program.value_and_grad([1.0, 2.0], at=theta.copy(), out=array)
    assert not runner._callers


# ---------------------------------------------------------------- the comparison with the engine


def changing(times: int) -> Any:
    """A function that computes something else from that call on."""
    calls = iter(range(100))

    def loss(x: Any) -> Any:
        return Value(1.0) * x + W * W * (x if next(calls) < times else 2.0 * x)

    return loss


W = Value(1.5)


@pytest.mark.parametrize("kind", ["forward", "value_and_grad", "hvp"])
def test_each_function_is_compared_with_the_engine(kind: str) -> None:
    """A function that changes between two calls is a Disagreement, whichever of its programs runs first."""
    program = lift(changing(1), [W])
    use: dict[str, Callable[[], Any]] = {
        "forward": lambda: program([1.0, 2.0]),
        "value_and_grad": lambda: program.value_and_grad([1.0, 2.0]),
        "hvp": lambda: program.hvp([1.0, 2.0], [1.0]),
    }
    with pytest.raises(Disagreement, match="the lifted program gives"):
        use[kind]()


def test_what_does_not_change_agrees() -> None:
    """Negative control: the same function without the change is no Disagreement."""
    program = lift(changing(100), [W])
    assert len(program([1.0, 2.0])) == 2
    assert program.value_and_grad([1.0, 2.0])[0] > 0
    assert len(program.hvp([1.0, 2.0], [1.0])) == 1


# ---------------------------------------------------------------- float32 at the ends of its range

INFINITE: dict[str, tuple[Callable[[Any], Any], list[Any], list[float]]] = {
    "cross_entropy": (lambda s: functional.cross_entropy(s, [0.5, 0.5, 0.0]), [[1.0, 2.0, -inf]], [0.8132616875]),
    "logsumexp": (functional.logsumexp, [[-inf, -inf], [inf, 1.0]], [-inf, inf]),
    "gelu": (functional.gelu, [-inf, inf], [0.0, inf]),
    "silu": (functional.silu, [-inf, inf], [0.0, inf]),
    "elu": (functional.elu, [-inf, inf], [-1.0, inf]),
    "binary_cross_entropy": (lambda s: functional.binary_cross_entropy(s, 1), [-inf, inf], [inf, 0.0]),
    "atan": (scalargrad.atan, [-inf, inf], [-math.pi / 2, math.pi / 2]),
    "erf": (scalargrad.erf, [-inf, inf], [-1.0, 1.0]),
}


@pytest.mark.parametrize("name", INFINITE)
def test_float32_holds_at_infinity(name: str) -> None:
    """At infinity float32 is right as float64 is: no guard is a number that float32 lacks."""
    function, examples, expected = INFINITE[name]
    program = lift(function, [], dtype="float32")
    assert np.allclose(program(examples), expected, rtol=1e-6)
    w = Value(1.0)
    slopes = lift(lambda x: w * 0.0 + function(x), [w], dtype="float32").value_and_grad(examples[:1])[1]
    assert list(slopes) == [0.0]


def test_a_parameter_beyond_float32_is_refused() -> None:
    """A finite parameter that would be infinite in float32 is an error; an infinite one is not."""
    w = Value(1e60)
    program = lift(lambda x: w * x, [w], dtype="float32", check=False)
    with pytest.raises(ValueError, match=r"1e\+60 is beyond the range of float32: lift with dtype float64"):
        program([1.0])
    w.data = inf
    assert list(program([1.0])) == [inf]
