"""Convolution and pooling: what they compute, what they read of an image, and what they refuse."""

from __future__ import annotations

import copy
import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, pvariance
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from scalargrad import Value, draw, flatten, lift, nn, total
from scalargrad.optim.layers import read_layers
from tests.nn.modules import numbers

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


def by_numpy(image: Any, weights: Any, biases: Any, stride: tuple[int, int], padding: tuple[int, int]) -> Any:
    """A convolution as numpy computes it, with the rows and columns that are left over left out."""
    padded = np.pad(image, ((0, 0), (padding[0], padding[0]), (padding[1], padding[1])))
    windows = sliding_window_view(padded, np.shape(weights)[2:], axis=(1, 2))[:, :: stride[0], :: stride[1]]
    return np.einsum("cijkl,fckl->fij", windows, weights) + np.reshape(biases, (-1, 1, 1))


def unread(size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> bool:
    """Whether windows leave out more at the end of an image than they leave out between them."""
    for length, window, step, zeros in zip(size, kernel, stride, padding, strict=True):
        starts = range(-zeros, length + zeros - window + 1, step)
        read = {start + place for start in starts for place in range(window)}
        last = [place in read for place in range(length)][::-1].index(True)
        if last > max(0, step - window):
            return True
    return False


SHAPES = st.tuples(st.integers(3, 6), st.integers(3, 6))


@given(SHAPES, PAIRS, PAIRS, PAIRS, st.integers(1, 2), st.integers(1, 2), st.integers(0, 100))
def test_it_is_numpys_sum_over_windows(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Any,
    channels: int,
    filters: int,
    seed: int,
) -> None:
    """The result is a sum over all windows, or an error where some pixels would be in none of them."""
    padding = tuple(min(a, b) - 1 for a, b in zip(padding, kernel, strict=True))
    rng = np.random.default_rng(seed)
    image, biases = rng.normal(size=(channels, *size)), rng.normal(size=filters)
    weights = rng.normal(size=(filters, channels, *kernel))
    model = nn.Convolution(weights=weights, biases=biases, stride=stride, padding=padding, activation=None)
    if unread(size, kernel, stride, padding):
        with pytest.raises(ValueError, match="would not look at the last"):
            model(image)
        return
    expected = by_numpy(image, weights, biases, stride, padding)
    np.testing.assert_allclose(numbers(model(image)), expected, rtol=1e-12, atol=1e-12)
    assert len(model.parameters()) == filters * (channels * math.prod(kernel) + 1)


@given(SHAPES, PAIRS, st.one_of(st.none(), PAIRS), st.integers(1, 2), st.integers(0, 100))
def test_pools_are_numpys_maximum_and_mean_of_windows(
    size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int] | None, channels: int, seed: int
) -> None:
    """Each number is the maximum or the mean of a window of its own channel, or some pixels would be in none."""
    image = np.random.default_rng(seed).normal(size=(channels, *size))
    rows, columns = stride or window
    if unread(size, window, (rows, columns), (0, 0)):
        for pool in (nn.MaxPool(window, stride), nn.AveragePool(window, stride)):
            with pytest.raises(ValueError, match="would not look at the last"):
                pool(image)
        return
    windows = sliding_window_view(image, window, axis=(1, 2))[:, ::rows, ::columns]
    np.testing.assert_array_equal(numbers(nn.MaxPool(window, stride)(image)), windows.max(axis=(3, 4)))
    expected = windows.mean(axis=(3, 4))
    np.testing.assert_allclose(numbers(nn.AveragePool(window, stride)(image)), expected, rtol=1e-12, atol=1e-12)


def test_a_pattern_that_moves_moves_the_result() -> None:
    """Shifted by one column, an image gives the same numbers, shifted by one column."""
    image = np.random.default_rng(0).normal(size=(5, 6))
    model = nn.Convolution(1, 2, 3, activation="tanh", rng=0)
    shifted = np.hstack([np.zeros((5, 1)), image[:, :-1]])
    before, after = np.array(numbers(model(image))), np.array(numbers(model(shifted)))
    np.testing.assert_array_equal(after[:, :, 1:], before[:, :, :-1])


def test_how_images_are_given() -> None:
    """Rows alone are an image of one channel, in lists, tuples, arrays and generators, of numbers and of Values."""
    model = nn.Convolution(1, 2, 2, rng=0)
    rows = [[0.5, 1.0, -1.0], [2.0, 0.0, 1.5]]
    expected = numbers(model([rows]))
    values = [[Value(x) for x in row] for row in rows]
    forms: list[Any] = [rows, (tuple(rows),), np.array(rows), np.array([rows]), values, np.array(values), iter(rows)]
    forms += [iter([iter(rows)]), [map(float, row) for row in rows], [[map(float, row) for row in rows]]]
    assert [numbers(model(form)) for form in forms] == [expected] * len(forms)
    total(flatten(model(values))).backward()
    assert any(x.grad for row in values for x in row)
    for pool in (nn.MaxPool(1), nn.AveragePool(1)):
        assert numbers(pool(rows)) == [rows]


def test_the_largest_of_a_window_gets_the_gradient() -> None:
    """Of a window of a MaxPool the largest number gets the gradient; of an AveragePool each gets its share."""
    rows = [[Value(x) for x in row] for row in ([1.0, 4.0], [3.0, 2.0])]
    nn.MaxPool(2)(rows)[0][0][0].backward()
    assert [[x.grad for x in row] for row in rows] == [[0.0, 1.0], [0.0, 0.0]]
    rows = [[Value(x) for x in row] for row in ([1.0, 4.0], [3.0, 2.0])]
    nn.AveragePool(2)(rows)[0][0][0].backward()
    assert [[x.grad for x in row] for row in rows] == [[0.25, 0.25], [0.25, 0.25]]


def test_weights_and_activations() -> None:
    """Given Values are used as they are; an activation by name, as a function, or a slope for each filter."""
    shared = Value(2.0)
    model = nn.Convolution(weights=[[[shared, 1.0]], [[[0.5, shared]]]], biases=[0.0, 1.0], activation=lambda x: x**2)
    assert (model.kernel, model.n_channels, model.n_filters) == ((1, 2), 1, 2)
    assert numbers(model([[1.0, 3.0]])) == [[[25.0]], [[(0.5 + 6.0 + 1.0) ** 2]]]
    names = [name for name, _ in model.named_parameters()]
    assert names == [
        *("filters.0.weights.0.0.0", "filters.0.weights.0.0.1", "filters.0.bias"),
        *("filters.1.weights.0.0.0", "filters.1.bias"),  # the other is shared, and stands there already
    ]
    slopes = nn.Convolution(1, 3, 1, activation="prelu", rng=0)
    assert len(slopes.parameters()) == 3 + 3 + 3
    shared_slope = nn.Convolution(1, 3, 1, activation=nn.PReLU(), rng=0)
    assert len(shared_slope.parameters()) == 3 + 3 + 1
    assert repr(shared_slope.filters[0]) == "Filter(1×1×1, activation=PReLU())"
    with pytest.raises(TypeError, match="the activation 'float' must return a Value, got 1"):
        nn.Convolution(weights=[[[1]]], activation=float)([[1.0]])  # type: ignore[arg-type]


def test_how_it_starts() -> None:
    """Weights have the deviation that suits the activation and the number of a filter's weights; biases are 0."""
    model = nn.Convolution(4, 60, 5, rng=0)
    weights = [w.data for own in model.filters for channel in own.weights for row in channel for w in row]
    assert len(weights) == 6000
    assert pvariance(weights, 0) == pytest.approx(2 / 100, rel=0.1)
    assert abs(fmean(weights)) < 0.01
    assert {own.bias.data for own in model.filters} == {0.0}
    assert numbers_of_inputs() == [12] * 24


def numbers_of_inputs() -> list[float]:
    model = nn.Convolution(3, 2, 2, initial=lambda rng, n_inputs: float(n_inputs), rng=0)
    return [w.data for name, w in model.named_parameters() if "weights" in name]


MODULES = [  # each with the shape of an image for it, and how many parameters it has
    ("Convolution(1, 2, kernel=3, activation='relu')", (1, 4, 5), 20),
    ("Convolution(2, 1, kernel=(1, 2), stride=(1, 2), padding=(0, 1), activation=None)", (2, 3, 4), 5),
    ("Convolution(1, 2, kernel=2, stride=2, activation='tanh')", (1, 4, 4), 10),
    ("MaxPool(2)", (2, 4, 4), 0),
    ("MaxPool((1, 2), stride=1)", (1, 3, 3), 0),
    ("AveragePool(3, stride=(1, 2))", (1, 4, 5), 0),
]


@pytest.mark.parametrize(("text", "shape", "count"), MODULES)
def test_it_shows_itself_as_code_and_is_saved_copied_and_drawn(
    text: str, shape: tuple[int, ...], count: int, tmp_path: Path
) -> None:
    """A module shows itself as the code that makes it; with its state it computes the same; it is drawn as a box."""
    model, again = (eval(text, vars(nn)) for _ in range(2))  # noqa: S307  # what is evaluated stands above
    assert repr(model) == text
    assert len(model.parameters()) == count
    image = np.random.default_rng(0).normal(size=shape)
    outputs = numbers(model(image))
    model.save(tmp_path / "model.json")
    again.load(tmp_path / "model.json")
    for other in (again, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert numbers(other(image)) == outputs
    assert text.partition("(")[0] in draw(flatten(model(image)), collapse="layer").source


def test_a_picture_has_a_box_for_each_place_of_a_filter() -> None:
    """A picture of neurons has a box of filters.0 for each place, with an arrow from each pixel below it."""
    pixels = [[Value(1.0 * i + j) for j in range(3)] for i in range(2)]
    model = nn.Convolution(weights=[[[1, -1], [0, 2]]])
    source = draw(flatten(model(pixels)), collapse="neuron").source
    assert source.count("filters.0") == 2
    assert len(re.findall(r"node\d+:e -> node\d+:w", source)) == 8


def network(side: int) -> tuple[Any, Any]:
    """The loss of a network of two convolutions, and its parameters, for images of that size."""
    first, second = nn.Convolution(1, 2, 3, padding=1, rng=0), nn.Convolution(2, 3, 2, rng=0)
    maps = nn.Sequential(first, nn.MaxPool(2), second, flatten)
    last = nn.Layer(3 * (side // 2 - 1) ** 2, 2, None, rng=0)
    return lambda x: total(y * y for y in last.outputs(maps(x))), maps.parameters() + last.parameters()


def lines(side: int) -> tuple[int, str]:
    """How many lines the lifted gradient has, and the program."""
    program: Any = lift(*network(side))
    program.value_and_grad(np.random.default_rng(0).normal(size=(2, side, side)))
    body = program.source[program.source.index("def value_and_grad") :]
    return len(body.splitlines()), body


def test_a_larger_image_is_a_larger_array_and_no_longer_program() -> None:
    """The lifted program has as many lines for 8×8 pixels as for 6×6, and each convolution is a product of matrices."""
    (small, _), (large, body) = lines(6), lines(8)
    assert small == large < 100
    assert body.count("np.dot(") + body.count("np.matmul(") >= 3 + 6


def test_a_diagnosis_sees_layers() -> None:
    """What reads the layers of a network sees each convolution and each pool as a layer, by its name."""
    loss, parameters = network(4)
    rows = np.random.default_rng(0).normal(size=(3, 4, 4)).tolist()
    layers = read_layers(loss, [[row] for row in rows], parameters).layers
    assert [layer.name.partition("(")[0] for layer in layers] == ["Convolution", "MaxPool", "Convolution", "Layer"]
    assert layers[0].relus == 2 * 16


ONE = nn.Convolution(1, 2, 2, rng=0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (nn.Convolution, TypeError, "needs the numbers of its channels and filters and the size of a filter, or its w"),
        (lambda: nn.Convolution(1, 2), TypeError, "needs the numbers of its channels and filters and the size"),
        (lambda: nn.Convolution(0, 2, 3), ValueError, "the number of channels must be an integer of at least 1, got 0"),
        (lambda: nn.Convolution(1, 0, 3), ValueError, "the number of filters must be an integer of at least 1, got 0"),
        (lambda: nn.Convolution(1, 2, 0), ValueError, "the kernel must be an integer of at least 1, got 0"),
        (
            lambda: nn.Convolution(1, 2, (3, 3, 3)),
            ValueError,
            r"the kernel must be an integer, or a pair of them .*, got",
        ),
        (lambda: nn.Convolution(1, 2, 3, stride=0), ValueError, "the stride must be an integer of at least 1, got 0"),
        (
            lambda: nn.Convolution(1, 2, 3, padding=-1),
            ValueError,
            "the padding must be an integer of at least 0, got -1",
        ),
        (
            lambda: nn.Convolution(1, 2, 3, padding=(0, 3)),
            ValueError,
            r"must be less than its kernel, got \(0, 3\) and 3",
        ),
        (
            lambda: nn.Convolution(1, 2, 3, activation="softmax"),
            ValueError,
            "is of one number, got 'softmax', of several",
        ),
        (lambda: nn.Convolution(1, 2, 3, activation="rleu"), ValueError, "no activation is named 'rleu'"),
        (lambda: nn.Convolution(1, 2, 3, initial="big"), ValueError, "initial must be"),
        (lambda: nn.Convolution(1, 2, kernel_size=3), TypeError, "has no argument kernel_size: write kernel"),  # type: ignore[arg-type]
        (lambda: nn.Convolution(weights=[]), ValueError, "filters of one size, channels × rows × columns, got none"),
        (lambda: nn.Convolution(weights=[[[1]], [[1, 2]]]), ValueError, "rows × columns, got 1×1×1, 1×1×2"),
        (lambda: nn.Convolution(weights=[[[1], [1, 2]]]), ValueError, "a filter must have as many numbers in each row"),
        (lambda: nn.Convolution(weights=[[]]), ValueError, "a filter must have as many rows in each channel, got none"),
        (lambda: nn.Convolution(weights=[1]), TypeError, "a filter must be a list, got 1"),
        (lambda: nn.Convolution(weights=[[1]]), TypeError, "a part of a filter must be a list, got 1"),
        (lambda: nn.Convolution(2, weights=[[[1]]]), ValueError, "Convolution has 2 channels, got weights for 1"),
        (lambda: nn.Convolution(1, 2, weights=[[[1]]]), ValueError, "Convolution has 2 filters, got weights for 1"),
        (
            lambda: nn.Convolution(kernel=2, weights=[[[1]]]),
            ValueError,
            r"has \(2, 2\) rows and columns in a filter, got",
        ),
        (
            lambda: nn.Convolution(weights=[[[1]]], biases=[1, 2]),
            ValueError,
            "needs a bias for each of 1 filter, got 2",
        ),
        (
            lambda: nn.Convolution(weights=[[[1]]], rng=0),
            TypeError,
            "Convolution takes its weights, or rng and initial",
        ),
        (nn.AveragePool, TypeError, r"AveragePool needs the size of a window: AveragePool\(2\)"),
        (lambda: nn.MaxPool(0), ValueError, "the size must be an integer of at least 1, got 0"),
        (lambda: nn.AveragePool(2, 0), ValueError, "the stride must be an integer of at least 1, got 0"),
        (lambda: nn.MaxPool(2, kernel_size=3), TypeError, "MaxPool has no argument kernel_size: write kernel"),  # type: ignore[arg-type]
        (lambda: ONE(1.0), TypeError, r"the image that Convolution\(1, 2, .*\) takes must be a list, got 1.0"),  # type: ignore[arg-type]
        (lambda: ONE([1.0, 2.0]), TypeError, r"a part of the image that Convolution.* must be a list, got 1.0"),
        (lambda: ONE([[1.0, "2"]]), TypeError, "a number of an image must be a real number"),
        (lambda: ONE({1.0}), TypeError, "must have an order, which a set does not have"),
        (lambda: ONE([]), ValueError, "takes must have as many rows in each channel, got none"),
        (lambda: ONE([[]]), ValueError, "must have as many rows in each channel, got 0"),
        (lambda: ONE([[1.0, 2.0], [1.0]]), ValueError, "takes must have as many numbers in each row, got 2, 1"),
        (
            lambda: nn.MaxPool(1)([[[1.0]], [[1.0], [2.0]]]),
            ValueError,
            "must have as many rows in each channel, got 1, 2",
        ),
        (lambda: ONE([[[1.0]], [[1.0]]]), ValueError, r"Convolution\(1, 2, .*\) takes 1 channel, got 2"),
        (lambda: ONE([[1.0, 2.0]]), ValueError, r"Convolution\(1, 2, .*\) needs at least 2 rows, got 1"),
        (lambda: nn.MaxPool(2)([[1.0], [1.0]]), ValueError, r"MaxPool\(2\) needs at least 2 columns, got 1"),
        (
            lambda: nn.MaxPool(2)([[1.0] * 3] * 2),
            ValueError,
            "at the last of 3 columns: 3 - 2 is no multiple of the stride 2",
        ),
        (
            lambda: nn.Convolution(1, 1, 5, 2)([[0.0] * 16] * 16),
            ValueError,
            "the last of 16 rows: .* the stride 2; change",
        ),
        (lambda: nn.Convolution(1, 1, 4, 3, 1)([[0.0] * 5] * 7), ValueError, r"7 rows: 7 \+ 2 × 1 - 4 is no multiple"),
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument or an image that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()
