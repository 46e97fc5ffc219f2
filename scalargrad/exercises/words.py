"""Exercises on word vectors: the neighbours to learn from, and questions about relations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..misconceptions import Misconception
from .declaring import declare
from .functions import judge_function
from .verdict import Verdict

Row = Sequence[float]
Rows = Sequence[Row]
Pairs = list[tuple[int, int]]


def _pairs(sentence: Sequence[int], of: Callable[[int, int], bool]) -> Pairs:
    """The pairs of words at two places of which something is true."""
    places = range(len(sentence))
    return [(sentence[i], sentence[j]) for i in places for j in places if of(i, j)]


def _neighbours(sentence: Sequence[int], window: int) -> Pairs:
    return _pairs(sentence, lambda i, j: i != j and abs(i - j) <= window)


def _neighbours_at(sentence: Sequence[int], i: int, window: int) -> Pairs:
    return [(sentence[i], sentence[j]) for j in range(len(sentence)) if j != i and abs(i - j) <= window]


def _wrapped(sentence: Sequence[int], window: int) -> Pairs:
    """What comes of negative places, which Python counts from the end."""
    return [
        (word, sentence[j])
        for i, word in enumerate(sentence)
        for j in range(i - window, i + window + 1)
        if j != i and -len(sentence) <= j < len(sentence)
    ]


ITSELF = Misconception("a neighbour of itself", "A word is not its own neighbour: leave out its own place.")
BY_WORD = Misconception(
    "same word for same place", "A word may come twice: leave out its own place, and not every place with this word."
)
AFTER_ALONE = Misconception("those after it alone", "The words before it are neighbours, too.")
BEFORE_ALONE = Misconception("those before it alone", "The words after it are neighbours, too.")
ONE_SHORT = Misconception(
    "one short after it", "A range ends before its last number: up to `window` places after it is i + window + 1."
)
ROUND = Misconception(
    "round the beginning", "Python counts negative places from the end: do not begin before the place 0."
)
EVERYBODY = Misconception("the whole sentence", "Words more than `window` places away are no neighbours.")
AT_THE_EDGE = Misconception("at the window's edge alone", "Words that are nearer than `window` places count, too.")
ONE_LESS = Misconception(
    "window too narrow", "A place that is `window` places away belongs to the neighbours: write <=."
)
PLACES = Misconception("places for words", "A pair has the words themselves, and not the places where they stand.")
FIRST_OF_EQUALS = Misconception(
    "the first of equal words",
    "index gives the first place of a word, which may come again: count the places yourself.",
)
NEAREST_FIRST = Misconception(
    "nearest first", "The neighbours of a word come from left to right, the farthest one first."
)
SWAPPED_PAIR = Misconception("neighbour first", "In each pair the word comes first, and then its neighbour.")


@declare(
    "neighbours",
    chapter=28,
    title="The company that a word keeps",
    text="""
    A sentence is a list of words, each of them a number. Neighbours of a word are the words at most `window` places
    before or after it. Return the list of all pairs of a word and a neighbour of it: first those of the first word from
    left to right, then those of the second, and so on.
    """,
    start="""
    def neighbours(sentence, window):
        return ...

    print(neighbours([7, 8, 9], 1))  # should be (7, 8), (8, 7), (8, 9) and (9, 8)
    """,
    answer="neighbours",
)
def _company(answer: Any) -> Verdict:
    return judge_function(
        answer,
        "neighbours",
        _neighbours,
        [
            ([7, 8, 9], 1),
            ([3, 1, 4, 1, 5, 9], 2),
            ([2, 2, 6], 1),
            ([5, 6, 7, 8, 9], 3),
            ([4], 2),
        ],
        mistaken={
            ITSELF: lambda sentence, window: _pairs(sentence, lambda i, j: abs(i - j) <= window),
            BY_WORD: lambda sentence, window: _pairs(
                sentence, lambda i, j: sentence[i] != sentence[j] and abs(i - j) <= window
            ),
            AFTER_ALONE: lambda sentence, window: _pairs(sentence, lambda i, j: 0 < j - i <= window),
            BEFORE_ALONE: lambda sentence, window: _pairs(sentence, lambda i, j: 0 < i - j <= window),
            ONE_SHORT: lambda sentence, window: _pairs(sentence, lambda i, j: i != j and -window <= j - i < window),
            ROUND: _wrapped,
            ROUND._replace(name="round the beginning, in a slice"): lambda sentence, window: [
                (word, other)
                for i, word in enumerate(sentence)
                for other in (*sentence[i - window : i], *sentence[i + 1 : i + 1 + window])
            ],
            ONE_LESS: lambda sentence, window: _neighbours(sentence, window - 1),
            PLACES: lambda sentence, window: _neighbours(range(len(sentence)), window),
            FIRST_OF_EQUALS: lambda sentence, window: [
                pair for word in sentence for pair in _neighbours_at(sentence, sentence.index(word), window)
            ],
            NEAREST_FIRST: lambda sentence, window: [
                (word, sentence[j])
                for i, word in enumerate(sentence)
                for distance in range(1, window + 1)
                for j in (i - distance, i + distance)
                if 0 <= j < len(sentence)
            ],
            EVERYBODY: lambda sentence, window: _pairs(sentence, lambda i, j: i != j),
            AT_THE_EDGE: lambda sentence, window: _pairs(sentence, lambda i, j: abs(i - j) == window),
            SWAPPED_PAIR: lambda sentence, window: [(b, a) for a, b in _neighbours(sentence, window)],
        },
    )


def _product(x: Row, y: Row) -> float:
    return math.fsum(a * b for a, b in zip(x, y, strict=True))


def _cosine(x: Row, y: Row) -> float:
    return _product(x, y) / (math.hypot(*x) * math.hypot(*y))


def _answered(
    vectors: Rows,
    a: int,
    b: int,
    c: int,
    place: Callable[[float, float, float], float] = lambda a, b, c: b - a + c,
    fit: Callable[[Row, Row], float] = _cosine,
    out: Sequence[int] | None = None,
) -> int:
    """The word that fits best to a place that is computed from those of three words."""
    target = [place(*numbers) for numbers in zip(vectors[a], vectors[b], vectors[c], strict=True)]
    words = [word for word in range(len(vectors)) if word not in ((a, b, c) if out is None else out)]
    return max(words, key=lambda word: fit(vectors[word], target))


QUESTION_ANSWERED = Misconception(
    "the question for an answer", "The three words of the question are no answers: leave them out."
)
OTHER_WAY = Misconception("the other way round", "The step goes from a to b: it is b - a, and it is added to c.")
STEP_ALONE = Misconception("step alone", "b - a is only the step: add it to c.")
NOTHING_SUBTRACTED = Misconception("nothing subtracted", "The step from a to b is b - a: subtract a.")
NEAREST_TO_C = Misconception("nearest to c", "That word is like c itself: add the step from a to b to c first.")
NOT_DIVIDED = Misconception(
    "lengths not divided out", "A long vector has large products with all others: divide by its length."
)
DISTANCE = Misconception("distance for angle", "The largest cosine is wanted: the angle decides, and not the distance.")
AMONG_THE_REST = Misconception(
    "place among the rest", "Return the place among all vectors: leave three words out without counting anew."
)
C_ALONE_LEFT_OUT = Misconception(
    "only c left out", "None of the three words of the question is an answer: leave out all."
)
ABSOLUTE = Misconception("absolute cosine", "A cosine below 0 means the opposite direction, and not a good fit.")
LEAST = Misconception("the least alike", "The better a word fits, the larger is the cosine: take the largest.")


_PLACES = [[1.0, 1.0], [2.0, 3.0], [4.0, 2.0], [5.0, 4.0], [3.0, 0.0]]
_CASES: list[tuple[Rows, int, int, int]] = [  # drawn until each mistake gave other answers in at least two of them
    (_PLACES, 0, 1, 2),
    (_PLACES, 1, 0, 3),
    ([[-2, 1, 0], [-4, -4, -4], [3, -4, -4], [-2, -2, 1], [1, 5, 3], [3, -2, 2]], 3, 4, 2),
    ([[3, 3, 5], [3, -3, -2], [3, 0, -4], [-2, 3, 3], [3, -2, -2], [2, 5, 0]], 3, 0, 2),
    ([[-2, 4, 5], [-4, 1, -3], [-4, -4, -1], [5, 2, -3], [2, 3, -4]], 1, 0, 2),
    ([[0, 2, -4], [2, -1, 0], [-2, -2, -3], [5, -2, 3], [-2, -2, 5]], 2, 0, 4),
    ([[1, 2, -3], [-3, 4, 4], [5, -1, -1], [4, -4, 1], [2, 0, 0], [-1, 2, 5]], 5, 0, 2),
]


@declare(
    "analogy",
    chapter=28,
    title="What is to c as b is to a?",
    text="""
    `vectors` has a vector for each word, a list of numbers; `a`, `b` and `c` are the places of three words in it. Make
    the step from a to b at c, which leads to b - a + c. Return the place of the word whose vector has the largest
    cosine with that: the sum of the products, divided by the lengths of both. As usual, the three words of the question
    are no answers.
    """,
    start="""
    def analogy(vectors, a, b, c):
        return ...

    # Italy, Rome, Germany, Berlin, and pizza
    vectors = [[1, 1], [2, 3], [4, 2], [5, 4], [3, 0]]
    print(analogy(vectors, 0, 1, 2))  # should be 3
    """,
    answer="analogy",
)
def _analogy(answer: Any) -> Verdict:
    return judge_function(
        answer,
        "analogy",
        _answered,
        _CASES,
        mistaken={
            QUESTION_ANSWERED: lambda v, a, b, c: _answered(v, a, b, c, out=()),
            OTHER_WAY: lambda v, a, b, c: _answered(v, a, b, c, lambda a, b, c: a - b + c),
            STEP_ALONE: lambda v, a, b, c: _answered(v, a, b, c, lambda a, b, c: b - a),
            NOTHING_SUBTRACTED: lambda v, a, b, c: _answered(v, a, b, c, lambda a, b, c: b + c),
            NEAREST_TO_C: lambda v, a, b, c: _answered(v, a, b, c, lambda a, b, c: c),
            NOT_DIVIDED: lambda v, a, b, c: _answered(v, a, b, c, fit=_product),
            DISTANCE: lambda v, a, b, c: _answered(v, a, b, c, fit=lambda x, y: -math.dist(x, y)),
            AMONG_THE_REST: lambda v, a, b, c: [w for w in range(len(v)) if w not in (a, b, c)].index(
                _answered(v, a, b, c)
            ),
            C_ALONE_LEFT_OUT: lambda v, a, b, c: _answered(v, a, b, c, out=(c,)),
            ABSOLUTE: lambda v, a, b, c: _answered(v, a, b, c, fit=lambda x, y: abs(_cosine(x, y))),
            LEAST: lambda v, a, b, c: _answered(v, a, b, c, fit=lambda x, y: -_cosine(x, y)),
        },
    )
