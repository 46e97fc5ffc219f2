"""What may be chosen: the caller's array for the gradient, the precision, the target."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from scalargrad import TraceError, Value, lift, nn, primitive

ROWS = np.random.default_rng(0).normal(size=(6, 3))


def small(**options: Any) -> Any:
    model = nn.MLP(3, [4, 1], "tanh", rng=0)
    return lift(lambda x: model(x) ** 2, model.parameters(), **options)


def test_the_gradient_goes_where_it_is_wanted() -> None:
    """With `out` the gradient is written into that array, at each call, and is that array."""
    program = small()
    value, gradient = program.value_and_grad(ROWS)
    first, second = np.full(gradient.shape, np.nan), np.full(gradient.shape, np.nan)
    for room in (first, second, first):
        found, slopes = program.value_and_grad(ROWS, out=room)
        assert slopes is room
        assert (found, list(room)) == (value, list(gradient))
    assert program.value_and_grad(ROWS)[1] is not gradient


@pytest.mark.parametrize(
    "room",
    [np.zeros(3), np.zeros(21, np.float32), np.zeros((21, 1)), np.zeros(42)[::2], [0.0] * 21],
    ids=["short", "float32", "a column", "every other", "a list"],
)
def test_room_for_the_gradient_must_fit(room: Any) -> None:
    """What the gradient cannot be written into is said at once, with what is wanted."""
    with pytest.raises(TypeError, match="out must be a writable array of 21 numbers in a row, float64, got"):
        small().value_and_grad(ROWS, out=room)


def test_room_must_be_writable() -> None:
    """An array that is read only is no room."""
    room = np.zeros(21)
    room.flags.writeable = False
    with pytest.raises(TypeError, match="writable"):
        small().value_and_grad(ROWS, out=room)


def test_plain_python_has_no_room_to_fill() -> None:
    """The target "python" returns lists, and says so where an array is given to be filled."""
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
        ({"target": "python", "dtype": "float32"}, 'the target "python" computes in Python.s floats'),
        ({"target": "jax"}, 'target must be "numpy" or "python", got'),
    ],
)
def test_what_there_is_not_cannot_be_chosen(options: dict[str, str], message: str) -> None:
    """An unknown precision or target is refused with those that there are."""
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
    """An operation whose array spelling numpy does not know is refused by name."""

    @primitive(partials=[lambda out, x: 2 * x], array="squared_by_nobody({})")
    def squared_oddly(x: float) -> float:
        return x * x

    w = Value(1.5)
    program = lift(lambda x: squared_oddly(w * x), [w], target="numpy", check=False)
    with pytest.raises(TypeError, match="squared_oddly has squared_by_nobody, which numpy has not"):
        program([1.0, 2.0])


@pytest.mark.parametrize("use", [sum, lambda x: x[0], lambda x: next(iter(x))])
def test_a_number_is_no_row(use: Any) -> None:
    """A function that reads a row where the examples have single numbers is told so, and where."""
    w = Value(1.5)
    with pytest.raises(TraceError, match=r"a single number here, and no row.*test_options.py:\d+"):
        lift(lambda x: w * use(x), [w])([1.0, 2.0])
