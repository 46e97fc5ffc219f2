"""Convolution and pooling: one small filter looks at each place of an image, and neighbouring results become one."""

from __future__ import annotations

import math
import operator
import random
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, Never

from ..engine.floats import counted, integer, number
from ..engine.notes import Mark, leave
from ..engine.primitives import maximum
from ..engine.value import Value
from .arguments import (
    Activation,
    Initial,
    activation_function,
    entries,
    generator,
    given_numbers,
    initial_weights,
    layer_activation,
    refuse_drawing,
    refuse_several,
    spelled,
)
from .foreign import refuse_arguments
from .module import Module

Maps = list[list[list[Value]]]  # channel × row × column
Pair = tuple[int, int]  # of rows and of columns


class Filter(Module):
    """A filter of a `Convolution`: weights, a bias and an activation.

    Attributes:
        weights: for each channel rows of Values.
        bias: a Value.
        activation: as given; the module with its slope where the name "prelu" was given.
    """

    def __init__(self, weights: Maps, bias: Value, activation: str | Activation | None) -> None:
        self.weights, self.bias = weights, bias
        self._activate = activation_function(activation)
        self.activation = self._activate if isinstance(self._activate, Module) else activation

    def _outputs(self, windows: list[list[list[Value | None]]]) -> list[list[Value]]:
        """How well the filter fits what lies in each window."""
        weights = [weight for channel in self.weights for row in channel for weight in row]
        return [[self._output(weights, window) for window in row] for row in windows]

    def _output(self, weights: Sequence[Value], window: Sequence[Value | None]) -> Value:
        read = [x for x in window if x is not None]
        if len(read) < len(window):
            weights = [weight for weight, x in zip(weights, window, strict=True) if x is not None]
        output: Value = sum(map(operator.mul, weights, read), self.bias)
        if self._activate is not None:
            output = self._activate(output)
            if not isinstance(output, Value):
                raise TypeError(f"the activation {spelled(self.activation)} must return a Value, got {output!r}")
        leave([output], Mark(None, self, read, "Filter"))
        return output

    def __repr__(self) -> str:
        sizes = "×".join(map(str, (len(self.weights), len(self.weights[0]), len(self.weights[0][0]))))
        return f"Filter({sizes}, activation={spelled(self.activation)})"


class Convolution(Module):
    """Filters that slide over an image: at each place a weighted sum of what lies below the filter, and an activation.

    An image is a list of channels, each a list of rows of numbers; an image of one channel may be its rows alone. The
    result is an image, too, with a channel for each filter. It has (rows + 2 × padding - kernel) // stride + 1 rows,
    and its columns are counted in the same way. A filter is laid on the image as it is, as in other libraries, and not
    turned around as in the convolution of mathematics. A sequence is an image of one row, with a kernel of (1, length).

    >>> image = [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0]]
    >>> diagonal = Convolution(weights=[[[1, -1], [-1, 1]]], activation=None)
    >>> [[[y.data for y in row] for row in channel] for channel in diagonal(image)]
    [[[2.0, 0.0, -2.0], [-1.0, 1.0, 0.0]]]
    >>> Convolution(3, 8, 5, stride=2, padding=2, rng=0)
    Convolution(3, 8, kernel=5, stride=2, padding=2, activation='relu')

    All places share the weights of a filter. So there are few of them, whatever the size of the image:

    >>> len(Convolution(1, 8, 5).parameters())
    208

    LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86 (1998).

    Args:
        n_channels: of the image; not needed where the weights are given.
        n_filters: the number of filters, which is that of the channels of the result; not needed where the weights are
            given.
        kernel: how many rows and columns a filter has: a number for both, or a pair; not needed where the weights are
            given.
        stride: by how many rows and columns a filter moves on: a number for both, or a pair.
        padding: how many rows and columns of zeros are put around the image: a number for both, or a pair.
        activation: as that of a `Neuron`.
        rng, initial: as those of a `Neuron`; the number of inputs is that of the weights of a filter.
        weights: in place of drawing them, for each filter, for each channel, rows of numbers, or Values, which are used
            as they are; of one channel, for each filter its rows alone.
        biases: a bias for each filter; 0 each if they are not given.

    Attributes:
        n_channels, activation: as given.
        kernel, stride, padding: pairs.
        filters: a list of the filters, each with its `weights`, for each channel rows of Values, and its `bias`.

    Raises:
        ValueError: for sizes that make no sense, weights or biases that do not fit one another, an unknown activation.
        TypeError: without the sizes and the weights, or for weights and how to draw them.
    """

    def __init__(
        self,
        n_channels: int | None = None,
        n_filters: int | None = None,
        kernel: int | Sequence[int] | None = None,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        activation: str | Activation | None = "relu",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
        *,
        weights: Iterable[Any] | None = None,
        biases: Iterable[Value | float] | None = None,
        **unknown: Never,
    ) -> None:
        known = ("n_channels", "n_filters", "kernel", "stride", "padding", "activation", "rng", "initial")
        refuse_arguments("Convolution", unknown, (*known, "weights", "biases"))
        if layer_activation(activation):
            raise ValueError(f"the activation of a Convolution is of one number, got {spelled(activation)}, of several")
        self.activation = activation
        self.stride, self.padding = _pair(stride, "the stride", 1), _pair(padding, "the padding", 0)
        size = None if kernel is None else _pair(kernel, "the kernel", 1)
        if weights is None:
            if n_channels is None or n_filters is None or size is None:
                raise TypeError(
                    "Convolution needs the numbers of its channels and filters and the size of a filter, or its "
                    "weights: Convolution(1, 8, 5), Convolution(weights=[[[1, -1], [-1, 1]]])"
                )
            self.n_channels = integer(n_channels, "the number of channels", low=1)
            n_filters = integer(n_filters, "the number of filters", low=1)
            draw, rng = initial_weights(initial, activation), generator(rng)
            n_inputs = self.n_channels * math.prod(size)

            def drawn() -> Value:
                return Value(draw(rng, n_inputs))

            channels, rows, columns = (range(length) for length in (self.n_channels, *size))
            given = [[[[drawn() for _ in columns] for _ in rows] for _ in channels] for _ in range(n_filters)]
        else:
            refuse_drawing("Convolution", rng, initial)
            given = _filters(weights)
            self.n_channels, kernel = len(given[0]), (len(given[0][0]), len(given[0][0][0]))
            for wanted, got, what in (
                (n_channels, self.n_channels, "channels"),
                (n_filters, len(given), "filters"),
                (size, kernel, "rows and columns in a filter"),
            ):
                if wanted not in (None, got):
                    raise ValueError(f"Convolution has {wanted} {what}, got weights for {got}")
            size = kernel
        self.kernel = size
        if any(padding >= length for padding, length in zip(self.padding, size, strict=True)):
            raise ValueError(
                f"the padding of a Convolution must be less than its kernel, got {_one_or_two(self.padding)} and "
                f"{_one_or_two(size)}: at the edge a filter would see zeros alone"
            )
        start = [Value(0.0) for _ in given] if biases is None else given_numbers(biases, "the biases")
        if len(start) != len(given):
            raise ValueError(f"Convolution needs a bias for each of {counted(len(given), 'filter')}, got {len(start)}")
        self.filters = [Filter(own, bias, activation) for own, bias in zip(given, start, strict=True)]

    @property
    def n_filters(self) -> int:
        """The number of filters."""
        return len(self.filters)

    def __call__(self, image: Iterable[Any]) -> Maps:
        """Return a channel for each filter: rows of Values.

        Args:
            image: channels of rows of Values or numbers; of one channel, its rows alone.

        Raises:
            ValueError: for another number of channels, rows of different lengths, an image that is smaller than the
                filter, or one whose last rows or columns no filter would look at.
            TypeError: for anything but one image.
        """
        channels = _image(image, self)
        if len(channels) != self.n_channels:
            raise ValueError(f"{self!r} takes {counted(self.n_channels, 'channel')}, got {len(channels)}")
        windows = _windows(channels, self.kernel, self.stride, self.padding, self)
        return self.mark([own._outputs(windows) for own in self.filters], channels)

    def __repr__(self) -> str:
        moves = f"{_setting('stride', self.stride, 1)}{_setting('padding', self.padding, 0)}"
        sizes = f"{self.n_channels}, {self.n_filters}{_setting('kernel', self.kernel)}{moves}"
        return f"Convolution({sizes}, activation={spelled(self.activation)})"


class _Pool(Module):
    """Windows that are put side by side on an image, each of which becomes one number."""

    def __init__(
        self, size: int | Sequence[int] | None = None, stride: int | Sequence[int] | None = None, **unknown: Never
    ) -> None:
        name = type(self).__name__
        refuse_arguments(name, unknown, ("size", "stride"))
        if size is None:
            raise TypeError(f"{name} needs the size of a window: {name}(2), {name}((1, 3))")
        self.size = _pair(size, "the size", 1)
        self.stride = self.size if stride is None else _pair(stride, "the stride", 1)

    def __call__(self, image: Iterable[Any]) -> Maps:
        """Return as many channels, with a number for each window.

        Args:
            image: channels of rows of Values or numbers; of one channel, its rows alone.

        Raises:
            ValueError: for rows of different lengths, an image that is smaller than a window, or one whose last rows or
                columns would be in no window.
            TypeError: for anything but an image.
        """
        channels = _image(image, self)
        maps = [
            [
                [self._pool([x for x in window if x is not None]) for window in row]
                for row in _windows([channel], self.size, self.stride, (0, 0), self)
            ]
            for channel in channels
        ]
        return self.mark(maps, channels)

    @staticmethod
    @abstractmethod
    def _pool(window: Sequence[Value]) -> Value:
        """What a window becomes."""

    def __repr__(self) -> str:
        stride = "" if self.stride == self.size else _setting("stride", self.stride)
        return f"{type(self).__name__}({_one_or_two(self.size)}{stride})"


class MaxPool(_Pool):
    """The largest number of each window; the result is a smaller image.

    An image is what a `Convolution` takes. Windows lie side by side, or as far apart as the stride says. The gradient
    goes to the largest number alone. Where several are the largest they share it, as `maximum` takes one after another:
    the last gets one half. (In PyTorch the first gets it all.)

    >>> image = [[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]]
    >>> [[[y.data for y in row] for row in channel] for channel in MaxPool(2)(image)]
    [[[3.0, 0.0], [3.0, 1.0]]]

    Args:
        size: how many rows and columns a window has: a number for both, or a pair.
        stride: by how many rows and columns the next window is further on; if not given, by its size.

    Attributes:
        size, stride: pairs.

    Raises:
        ValueError: for a size or a stride that is not an integer of at least 1.
    """

    @staticmethod
    def _pool(window: Sequence[Value]) -> Value:
        return reduce(maximum, window)


class AveragePool(_Pool):
    """The mean of each window; the result is a smaller image.

    >>> [[[y.data for y in row] for row in channel] for channel in AveragePool(2)([[1, 2, 0, 0], [3, 6, 0, 2]])]
    [[[3.0, 0.5]]]

    Args:
        size: how many rows and columns a window has: a number for both, or a pair.
        stride: by how many rows and columns the next window is further on; if not given, by its size.

    Attributes:
        size, stride: pairs.

    Raises:
        ValueError: for a size or a stride that is not an integer of at least 1.
    """

    @staticmethod
    def _pool(window: Sequence[Value]) -> Value:
        mean: Value = reduce(operator.add, window) / len(window)
        return mean


# ---------------------------------------------------------------- sizes


def _pair(given: object, what: str, low: int) -> Pair:
    """A number for rows and one for columns, as given, or the same for both."""
    both: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given, given]
    if len(both) != 2:
        raise ValueError(f"{what} must be an integer, or a pair of them for rows and columns, got {given!r}")
    return integer(both[0], what, low), integer(both[1], what, low)


def _one_or_two(pair: Pair) -> str:
    return str(pair[0] if pair[0] == pair[1] else pair)


def _setting(name: str, pair: Pair, usual: int | None = None) -> str:
    return "" if pair == (usual, usual) else f", {name}={_one_or_two(pair)}"


def _places(length: int, size: int, stride: int, padding: int, what: str, module: Module) -> range:
    """Where windows begin, counted from the first number of an image; before it is padding."""
    if length + 2 * padding < size:
        raise ValueError(f"{module!r} needs at least {size - 2 * padding} {what}, got {length}")
    rest = (length + 2 * padding - size) % stride
    if rest > padding + max(0, stride - size):
        padded = f" + 2 × {padding}" if padding else ""
        raise ValueError(
            f"{module!r} would not look at the last of {length} {what}: {length}{padded} - {size} is no multiple of "
            f"the stride {stride}; change one of them, or cut the image yourself"
        )
    return range(-padding, length + padding - size + 1, stride)


def _windows(channels: Maps, size: Pair, stride: Pair, padding: Pair, module: Module) -> list[list[list[Value | None]]]:
    """What lies in each window, channel after channel and row after row; None for padding."""
    height, width = len(channels[0]), len(channels[0][0])
    tops = _places(height, size[0], stride[0], padding[0], "rows", module)
    lefts = _places(width, size[1], stride[1], padding[1], "columns", module)
    return [
        [
            [
                channel[i][j] if 0 <= i < height and 0 <= j < width else None
                for channel in channels
                for i in range(top, top + size[0])
                for j in range(left, left + size[1])
            ]
            for left in lefts
        ]
        for top in tops
    ]


# ---------------------------------------------------------------- images and filters


def _image(given: object, module: Module) -> Maps:
    """The channels of an image as Values."""

    def values(row: object) -> list[Value]:
        numbers = entries(row, "a row of an image")
        try:
            return [x if isinstance(x, Value) else Value(number(x, "a number of an image")) for x in numbers]
        except TypeError:
            refuse_several(numbers, f"{module!r} takes one image, as channels of rows of numbers", "image")
            raise

    return _nested(given, f"the image that {module!r} takes", values)


def _filters(given: object) -> list[Maps]:
    """The weights of filters, all of one size."""
    filters = [
        _nested(one, "a filter", lambda row: given_numbers(row, "a row of weights"))
        for one in entries(given, "the weights")
    ]
    sizes = [f"{len(one)}×{len(one[0])}×{len(one[0][0])}" for one in filters]
    if len(set(sizes)) != 1:
        got = ", ".join(sizes) or "none"
        raise ValueError(f"Convolution needs filters of one size, channels × rows × columns, got {got}")
    return filters


def _nested(given: object, what: str, values: Callable[[object], list[Value]]) -> Maps:
    """Channels of rows, all of one size; rows alone are one channel."""
    parts: list[Any] = [entries(part, f"each row or channel of {what}") for part in entries(given, what)]
    if parts and parts[0] and (isinstance(parts[0][0], Value) or not isinstance(parts[0][0], Iterable)):
        parts = [parts]
    maps = [[values(row) for row in channel] for channel in parts]
    heights, widths = list(map(len, maps)), [len(row) for channel in maps for row in channel]
    for counts, of in ((heights, "channels with the same number of rows"), (widths, "rows of the same length")):
        if len(set(counts)) != 1 or 0 in counts:
            got = ", ".join(map(str, counts)) or "none"
            raise ValueError(f"{what} must have {of}, at least 1, got {got}")
    return maps
