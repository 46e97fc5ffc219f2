"""Exercises on networks that read images: convolution and pooling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from ..misconceptions import Misconception
from .declaring import declare
from .functions import judge_function
from .verdict import Verdict

Rows = Sequence[Sequence[float]]


def _windows(image: Rows, rows: int, columns: int, stride: tuple[int, int] = (1, 1)) -> list[list[list[list[float]]]]:
    """The windows of an image: for each place, in rows, what lies in it, in rows."""
    tops = range(0, len(image) - rows + 1, stride[0])
    lefts = range(0, len(image[0]) - columns + 1, stride[1])
    return [[[list(row[left : left + columns]) for row in image[top : top + rows]] for left in lefts] for top in tops]


def _fit(window: Rows, kernel: Rows) -> float:
    return math.fsum(x * w for row, own in zip(window, kernel, strict=True) for x, w in zip(row, own, strict=True))


def _convolved(image: Rows, kernel: Rows, stride: tuple[int, int] = (1, 1)) -> list[list[float]]:
    return [[_fit(window, kernel) for window in row] for row in _windows(image, len(kernel), len(kernel[0]), stride)]


def _padded(image: Rows, above: int, left: int, below: int, right: int) -> list[list[float]]:
    width = left + len(image[0]) + right
    middle = [[0.0] * left + list(row) + [0.0] * right for row in image]
    return [[0.0] * width for _ in range(above)] + middle + [[0.0] * width for _ in range(below)]


def _turned(rows: Rows) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _repeated(rows: Rows) -> list[Sequence[float]]:
    """What there is if all rows are one list, which has been filled again and again."""
    return [rows[-1]] * len(rows)


NOT_SQUARE = Misconception(
    "squares alone", "Neither an image nor a filter needs to be a square: count rows and columns apart."
)
TURNED_ROUND = Misconception(
    "filter turned round",
    "That is what mathematicians call a convolution, with the filter turned by 180°. Networks lay it on as it is.",
)
TRANSPOSED_FILTER = Misconception(
    "rows and columns of the filter", "Row i of the filter lies on row i of the window: rows and columns are swapped."
)
SIDE_BY_SIDE = Misconception(
    "windows side by side", "The filter moves on by one pixel, not by its own size: its windows overlap."
)
WITH_A_BORDER = Misconception(
    "zeros around the image", "Here the filter stays within the image, so the result is smaller than the image."
)
ONE_TOO_FEW = Misconception(
    "one place too few", "A filter of 3 fits into 6 pixels at 6 - 3 + 1 places: the last one is missing."
)
LARGEST_PRODUCT = Misconception("largest for sum", "The products under a filter are added up; a maximum comes later.")
DIAGONAL_ALONE = Misconception(
    "row for window", "Each pixel of the window has its weight: go through its rows and, in each, through its columns."
)
BY_SIZE = Misconception("mean for sum", "The products are added up, and not divided by their number.")
MATRIX_PRODUCT = Misconception(
    "matrix product", "Multiply each pixel by the weight that lies on it: that is no matrix product, as @ and dot are."
)
ACTIVATED = Misconception("activation applied", "Return the sums as they are: an activation such as relu comes later.")
SMALL_ALONE = Misconception(
    "2×2 alone", "The filter of the example has 2 rows and 2 columns. Others are larger: count what you are given."
)
NOT_ANEW = Misconception("sum not begun anew", "Each place has its own sum: begin it at 0 there, inside both loops.")
RESULT_TURNED = Misconception(
    "rows and columns of the result",
    "Each row of the result has the places side by side: take rows outside, columns inside.",
)
ONE_ROW_FOR_ALL = Misconception(
    "one row for all", "All rows are the same list, as in [[0] * 3] * 4: make a new list for each row."
)
FIRST_ROW_ALONE = Misconception(
    "the first row alone", "Return after the loop, and not in it: only its first turn was made."
)


@declare(
    "convolution",
    chapter=19,
    title="A filter that slides",
    text="""
    Lay the filter on each place of the image, from left to right and from top to bottom. At each place, multiply each
    pixel by the weight that lies on it, and add up the products. Return the sums as a list of rows.
    """,
    start="""
    def convolve(image, weights):
        return ...

    print(convolve([[1, 0, 1], [0, 1, 0]], [[1, -1], [-1, 1]]))  # should be 2 and -2
    """,
    answer="convolve",
)
def _convolution(answer: Any) -> Verdict:
    def with_border(image: Rows, kernel: Rows) -> list[list[float]]:
        above, left = (len(kernel) - 1) // 2, (len(kernel[0]) - 1) // 2
        return _convolved(_padded(image, above, left, len(kernel) - 1 - above, len(kernel[0]) - 1 - left), kernel)

    def largest(image: Rows, kernel: Rows) -> list[list[float]]:
        return [
            [
                max(x * w for row, own in zip(at, kernel, strict=True) for x, w in zip(row, own, strict=True))
                for at in row_
            ]
            for row_ in _windows(image, len(kernel), len(kernel[0]))
        ]

    def diagonal(image: Rows, kernel: Rows) -> list[list[float]]:
        return [
            [math.fsum(at[i][i] * kernel[i][i] for i in range(min(len(kernel), len(kernel[0])))) for at in row]
            for row in _windows(image, len(kernel), len(kernel[0]))
        ]

    def mean(image: Rows, kernel: Rows) -> list[list[float]]:
        size = len(kernel) * len(kernel[0])
        return [[y / size for y in row] for row in _convolved(image, kernel)]

    def matrix_product(image: Rows, kernel: Rows) -> list[list[float]]:
        return [
            [math.fsum(x * w for row in at for x, own in zip(row, kernel, strict=False) for w in own) for at in row_]
            for row_ in _windows(image, len(kernel), len(kernel[0]))
        ]

    def going_on(image: Rows, kernel: Rows) -> list[float]:
        return list(accumulate(y for row in _convolved(image, kernel) for y in row))

    image = [[1.0, 0.0, 2.0, -1.0], [0.5, 1.0, 0.0, 3.0], [2.0, -0.5, 1.0, 0.0], [0.0, 4.0, -2.0, 1.5]]
    return judge_function(
        answer,
        "convolve",
        _convolved,
        [
            ([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], [[1.0, -1.0], [-1.0, 1.0]]),
            (image, [[1.0, -2.0], [0.5, 3.0]]),
            (image, [[1.0, 0.0, -1.0], [2.0, 1.0, 0.5], [-3.0, 4.0, 0.25]]),
        ],
        mistaken={
            TURNED_ROUND: lambda image, kernel: _convolved(image, [row[::-1] for row in kernel[::-1]]),
            TRANSPOSED_FILTER: lambda image, kernel: _convolved(image, _turned(kernel)),
            SIDE_BY_SIDE: lambda image, kernel: _convolved(image, kernel, (len(kernel), len(kernel[0]))),
            WITH_A_BORDER: with_border,
            ONE_TOO_FEW: lambda image, kernel: [row[:-1] for row in _convolved(image, kernel)[:-1]],
            LARGEST_PRODUCT: largest,
            DIAGONAL_ALONE: diagonal,
            BY_SIZE: mean,
            MATRIX_PRODUCT: matrix_product,
            ACTIVATED: lambda image, kernel: [[max(0.0, y) for y in row] for row in _convolved(image, kernel)],
            SMALL_ALONE: lambda image, kernel: _convolved(image, [row[:2] for row in kernel[:2]]),
            NOT_ANEW: going_on,
            RESULT_TURNED: lambda image, kernel: _turned(_convolved(image, kernel)),
            ONE_ROW_FOR_ALL: lambda image, kernel: _repeated(_convolved(image, kernel)),
            FIRST_ROW_ALONE: lambda image, kernel: _convolved(image, kernel)[:1],
        },
        hard={NOT_SQUARE: [(image[:3], [[1.0, -1.0, 2.0]]), (image, [[1.0], [2.0]])]},
    )


OVERLAPPING = Misconception(
    "windows that overlap", "In pooling the windows lie side by side: the next one begins where the last one ended."
)
MEAN_POOL = Misconception("mean for maximum", "That is average pooling: here the largest number of a window stays.")
SMALLEST = Misconception("minimum for maximum", "The largest number of a window stays, and not the smallest.")
ROW_POOL = Misconception(
    "rows alone", "A window has as many rows as columns: take the largest of all of its numbers, not of each row."
)
COLUMN_POOL = Misconception(
    "columns alone", "A window has as many columns as rows: take the largest of all of its numbers, not of each column."
)
CORNER = Misconception("one corner of each window", "Compare all numbers of a window, and not only take its first one.")
LARGEST_OF_ALL = Misconception(
    "the largest of all", "Each window has a largest number, and so has each a place in the result."
)
BY_ABSOLUTE = Misconception(
    "absolute values", "The largest number stays, not the one furthest from 0: -3 is smaller than 1."
)
ABOVE_0 = Misconception(
    "nothing below 0", "A window of negative numbers alone has a negative maximum: start from one of its numbers."
)


@declare(
    "max-pool",
    chapter=19,
    title="The largest of each window",
    text="""
    Max pooling puts windows of `size` × `size` side by side on what a filter has found, and keeps the largest number of
    each. The numbers of rows and of columns are multiples of `size`. Return a list of rows.
    """,
    start="""
    def max_pool(rows, size):
        return ...

    print(max_pool([[3, -1, -3, -1], [-3, 1, 0, -3]], 2))  # should be 3 and 0
    """,
    answer="max_pool",
)
def _max_pool(answer: Any) -> Verdict:
    def pooled(of: Callable[[list[float]], float], overlap: bool = False) -> Callable[[Rows, int], list[list[float]]]:
        def function(rows: Rows, size: int) -> list[list[float]]:
            stride = (1, 1) if overlap else (size, size)
            windows = _windows(rows, size, size, stride)
            return [[of([x for own in window for x in own]) for window in row] for row in windows]

        return function

    def by_rows(rows: Rows, size: int) -> list[list[float]]:
        return [[max(row[i : i + size]) for i in range(0, len(row), size)] for row in rows]

    def by_columns(rows: Rows, size: int) -> list[list[float]]:
        return _turned([[max(column[i : i + size]) for i in range(0, len(column), size)] for column in _turned(rows)])

    maps = [[3.0, -1.0, -3.0, -1.0], [-3.0, 1.0, 0.0, -3.0], [-3.0, -3.0, 0.0, 1.0], [3.0, -2.0, -2.0, -1.0]]
    return judge_function(
        answer,
        "max_pool",
        pooled(max),
        [
            (maps, 2),
            ([[-1.0, -4.0, 5.0, 2.0], [-6.0, -2.0, -7.0, 0.5]], 2),
            ([[1.0, 2.0, -9.0], [4.0, 3.0, 0.0], [-5.0, 6.0, 2.5]], 3),
            ([[1.0, 2.0], [4.0, 3.0]], 1),
        ],
        mistaken={
            OVERLAPPING: pooled(max, overlap=True),
            MEAN_POOL: pooled(lambda numbers: math.fsum(numbers) / len(numbers)),
            SMALLEST: pooled(min),
            ROW_POOL: by_rows,
            BY_ABSOLUTE: pooled(lambda numbers: max(numbers, key=abs)),
            BY_ABSOLUTE._replace(name="absolute value of it"): pooled(lambda numbers: max(map(abs, numbers))),
            ABOVE_0: pooled(lambda numbers: max(0.0, *numbers)),
            COLUMN_POOL: by_columns,
            CORNER: lambda rows, size: [row[::size] for row in rows[::size]],
            LARGEST_OF_ALL: lambda rows, size: max(map(max, rows)),
            RESULT_TURNED: lambda rows, size: _turned(pooled(max)(rows, size)),
            ONE_ROW_FOR_ALL: lambda rows, size: _repeated(pooled(max)(rows, size)),
            FIRST_ROW_ALONE: lambda rows, size: pooled(max)(rows, size)[:1],
            NOT_SQUARE: lambda rows, size: pooled(max)([row[: len(rows)] for row in rows], size),
        },
    )
