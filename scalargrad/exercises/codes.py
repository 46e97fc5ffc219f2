"""Exercises on codes: one that tells four words apart, and the error of an autoencoder that removes noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from ..misconceptions import Misconception
from .declaring import declare
from .functions import judge_function
from .running import Refused, flat, in_short, nested
from .verdict import Verdict, right, wrong

Row = Sequence[float]
Rows = Sequence[Row]

# ---------------------------------------------------------------- a code of two numbers

LAMPS = 4
ALIKE = Misconception("two codes alike", "Two lamps with the same code cannot be told apart: each needs its own.")
ON_A_LINE = Misconception(
    "codes on a line", "Of codes on one line, the products are largest at its ends: use the whole plane."
)
TOO_SHORT = Misconception(
    "hidden behind a longer one",
    "A product also grows with the length of the other code: put the codes on a circle around 0.",
)


@declare(
    "codes",
    chapter=27,
    title="Four lamps and two numbers",
    text="""
    Give each of four lamps a code of two numbers. The decoder gets one of the codes, and multiplies it by the code of
    each lamp: the score of a lamp is the sum of the two products. The lamp with the highest score must be the right
    one, for each of the four codes, and no other lamp may have the same score.
    """,
    start="""
    codes = [[..., ...], [..., ...], [..., ...], [..., ...]]  # a code for each lamp
    """,
    answer="codes",
)
def _codes(answer: Any) -> Verdict:
    given = nested(answer, "A number of a code is")
    codes = [flat(code) for code in given if isinstance(code, list)] if isinstance(given, list) else []
    if list(map(len, codes)) != [2] * LAMPS or len(flat(given)) != 2 * LAMPS:
        form = "[[..., ...], [..., ...], [..., ...], [..., ...]]"
        raise Refused(f"A list of two numbers for each of four lamps is wanted, {form}, got {in_short(answer)}.")
    if not all(map(math.isfinite, flat(given))):
        raise Refused("A code has finite numbers.")
    for lamp, code in enumerate(codes):
        scores = [math.fsum(x * y for x, y in zip(code, other, strict=True)) for other in codes]
        rivals = [other for other in range(LAMPS) if other != lamp and scores[other] >= scores[lamp]]
        if rivals:
            rival = max(rivals, key=scores.__getitem__)
            sentence = (
                f"The code of lamp {lamp}, counted from 0, gives lamp {lamp} the score {scores[lamp]:.6g}, and lamp "
                f"{rival} the score {scores[rival]:.6g}."
            )
            return wrong(sentence, misconception=_behind(codes))
    return right("From each of the four codes the decoder finds its lamp.")


def _behind(codes: Rows) -> Misconception:
    if any(one == other for one, other in combinations(codes, 2)):
        return ALIKE
    (x, y), *others = codes
    arms = [(a - x, b - y) for a, b in others]
    is_on_a_line = all(
        math.isclose(a * d, b * c, rel_tol=1e-9, abs_tol=1e-300) for (a, b), (c, d) in combinations(arms, 2)
    )
    return ON_A_LINE if is_on_a_line else TOO_SHORT


# ---------------------------------------------------------------- denoising


def _times(rows: Rows, inputs: Row) -> list[float]:
    return [math.fsum(w * x for w, x in zip(row, inputs, strict=True)) for row in rows]


def _noisy(pixels: Row, noise: Row) -> list[float]:
    return [x + e for x, e in zip(pixels, noise, strict=True)]


def _squares(outputs: Row, wanted: Row) -> float:
    return math.fsum((y - x) ** 2 for y, x in zip(outputs, wanted, strict=False))


def _denoised(pixels: Row, noise: Row, encoder: Rows, decoder: Rows) -> list[float]:
    return _times(decoder, _times(encoder, _noisy(pixels, noise)))


Error = Callable[[Row, Row, Rows, Rows], float]


def _compared(difference: Callable[[list[float]], float]) -> Error:
    """Another function of the differences of what comes out and the pixels."""

    def error(pixels: Row, noise: Row, encoder: Rows, decoder: Rows) -> float:
        outputs = _denoised(pixels, noise, encoder, decoder)
        return difference([y - x for y, x in zip(outputs, pixels, strict=True)])

    return error


NOISE_WANTED = Misconception(
    "noise wanted back",
    "Compare with the clean pixels: otherwise it would learn to keep the noise.",
)
CLEAN_GIVEN = Misconception("clean pixels given", "The encoder reads the noisy pixels: they are what it has to clean.")
NOISE_AT_THE_END = Misconception("noise at the end", "The noise is added to what goes in, and not to what comes out.")
NO_NETWORK = Misconception("network left out", "That compares what goes in: send it through encoder and decoder first.")
CODE_COMPARED = Misconception(
    "code compared", "The code is no picture: let the decoder make one before you compare it with the pixels."
)
TIED = Misconception("encoder for decoder", "The decoder has weights of its own, other than those of the encoder.")
MEAN_OF_PIXELS = Misconception("mean for sum", "Add the squares up, and do not divide by the number of pixels.")
ROOT = Misconception("root of the sum", "The error is the sum of the squares itself, and not its root.")
SQUARE_OF_SUM = Misconception(
    "square of the sum", "Square each difference, and then add them up: in their sum they cancel out."
)
HALVED = Misconception("half of it", "The factor 1/2 makes some derivatives shorter, but it is not asked for here.")
NOT_SQUARED = Misconception("not squared", "Square each difference before you add them up.")


@declare(
    "denoising",
    chapter=27,
    title="Noise goes in, and should not come out",
    text="""
    This autoencoder is linear. Each row of `encoder` makes one number of the code: the sum of the products of its
    weights and the pixels. Each row of `decoder` makes one pixel of the code in the same way. The network reads the
    pixels with noise, `pixels[i] + noise[i]`, and learns to return them without. Return its error: the sum of the
    squares of the differences.
    """,
    start="""
    def error(pixels, noise, encoder, decoder):
        return ...

    print(error([1, 0], [0, 3], [[0.5, 0.5]], [[1], [2]]))  # should be 17
    """,
    answer="error",
)
def _denoising(answer: Any) -> Verdict:
    def noise_wanted(pixels: Row, noise: Row, encoder: Rows, decoder: Rows) -> float:
        return _squares(_denoised(pixels, noise, encoder, decoder), _noisy(pixels, noise))

    def noise_at_the_end(pixels: Row, noise: Row, encoder: Rows, decoder: Rows) -> float:
        return _squares(_noisy(_times(decoder, _times(encoder, pixels)), noise), pixels)

    return judge_function(
        answer,
        "error",
        lambda pixels, noise, encoder, decoder: _squares(_denoised(pixels, noise, encoder, decoder), pixels),
        [
            ([1.0, 0.0], [0.0, 3.0], [[0.5, 0.5]], [[1.0], [2.0]]),
            ([0.5, 1.0, 0.25], [0.5, -1.0, 0.25], [[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]],
             [[1.0, 0.5], [0.0, 0.25], [-0.5, 1.0]]),
            ([1.0, 1.0, 0.0, 0.5], [0.0, 0.25, -0.5, 1.0], [[0.25, 0.5, 1.0, -0.5]], [[1.0], [0.5], [-1.0], [2.0]]),
        ],
        mistaken={
            NOISE_WANTED: noise_wanted,
            CLEAN_GIVEN: lambda pixels, noise, encoder, decoder: _squares(
                _times(decoder, _times(encoder, pixels)), pixels
            ),
            NOISE_AT_THE_END: noise_at_the_end,
            NO_NETWORK: lambda pixels, noise, encoder, decoder: _squares(_noisy(pixels, noise), pixels),
            CODE_COMPARED: lambda pixels, noise, encoder, decoder: _squares(
                _times(encoder, _noisy(pixels, noise)), pixels
            ),
            TIED: lambda pixels, noise, encoder, decoder: _squares(
                _denoised(pixels, noise, encoder, list(zip(*encoder, strict=True))), pixels
            ),
            MEAN_OF_PIXELS: _compared(lambda d: math.fsum(x * x for x in d) / len(d)),
            ROOT: _compared(lambda d: math.hypot(*d)),
            SQUARE_OF_SUM: _compared(lambda d: math.fsum(d) ** 2),
            HALVED: _compared(lambda d: math.fsum(x * x for x in d) / 2),
            NOT_SQUARED: _compared(math.fsum),
            NOT_SQUARED._replace(name="absolute values for squares"): _compared(lambda d: math.fsum(map(abs, d))),
        },
    )  # fmt: skip
