"""Exercises on attention: what a query takes from a context, and a text that must not see what is to come."""

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


def _softmax(scores: Row) -> list[float]:
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / math.fsum(powers) for power in powers]


def _products(query: Row, keys: Rows) -> list[float]:
    return [math.fsum(q * k for q, k in zip(query, key, strict=True)) for key in keys]


def _mean(weights: Row, rows: Rows) -> list[float]:
    return [math.fsum(w * x for w, x in zip(weights, column, strict=True)) for column in zip(*rows, strict=True)]


def _attention(query: Row, keys: Rows, values: Rows) -> list[float]:
    return _mean(_softmax([score / math.sqrt(len(query)) for score in _products(query, keys)]), values)


def _with(weights: Callable[[list[float], int, int], Row]) -> Callable[[Row, Rows, Rows], list[float]]:
    """Attention with other weights: a function of the products, the length of a query, and the number of keys."""
    return lambda query, keys, values: _mean(weights(_products(query, keys), len(query), len(keys)), values)


UNSCALED = Misconception(
    "scale forgotten", "Divide each product by √d, where d is the length of the query, before the softmax."
)
BY_LENGTH = Misconception("divided by d", "Divide by the square root of d, and not by d itself.")
BY_COUNT = Misconception("divided by √n", "d is the length of a query, and not the number of keys.")
NO_SOFTMAX = Misconception(
    "softmax forgotten", "The scores are not weights yet: softmax makes them positive, with the sum 1."
)
SUM_ALONE = Misconception(
    "divided by the sum alone", "Softmax takes the exponential of each score before it divides by their sum."
)
KEYS_MIXED = Misconception(
    "keys for values", "The keys only decide how much of each value is taken: what is mixed are the values."
)
VALUES_ASKED = Misconception("values asked", "The query is compared with the keys, and not with the values.")
ALIKE = Misconception("all alike", "The values do not count alike: the better a key fits the query, the more.")
BEST_ALONE = Misconception(
    "the best alone",
    "All values are mixed by their weights. To take the best one alone would have no slope to learn by.",
)
SCALED_AFTER = Misconception(
    "scale after the softmax", "Divide the scores by √d, before the softmax: its weights sum to 1."
)
TIMES_ROOT = Misconception("times √d", "Divide by the square root of d: multiplied by it the scores become larger.")
BY_VALUE = Misconception(
    "length of a value", "d is the length of the query and of a key. A value may have another length."
)
WEIGHTS_ALONE = Misconception(
    "weights alone", "That is how much of each value is taken: mix the values with these weights."
)
NOT_ADDED = Misconception("not added up", "Add the weighted values up: the result is one row, as long as a value.")


@declare(
    "attention",
    chapter=24,
    title="What a query takes",
    text="""
    A query is compared with each key: their product is the sum of the products of their entries. These scores, each
    divided by √d, where d is the length of the query, go through the softmax. What the query takes is the mean of the
    values with these weights. Return it as a list.
    """,
    start="""
    from math import sqrt

    from scalargrad import softmax

    def attention(query, keys, values):
        return ...

    print(attention([2, 0], [[1, 0], [0, 1]], [[10, 0], [0, 10]]))  # should be 8.04 and 1.96
    """,
    answer="attention",
)
def _what_a_query_takes(answer: Any) -> Verdict:
    return judge_function(
        answer,
        "attention",
        _attention,
        [
            ([2.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], [[10.0, 0.0], [0.0, 10.0]]),
            ([1.0, -1.0, 0.5], [[0.5, 0.0, 2.0], [-1.0, 1.0, 0.0]], [[1.0, 2.0, 4.0], [3.0, -2.0, 0.5]]),
            ([0.5, 2.0], [[1.0, 1.0], [2.0, 0.5], [-1.0, 0.0]], [[1.0, -1.0], [0.0, 3.0], [2.0, 5.0]]),
            ([3.0], [[1.0], [-0.5], [0.25]], [[4.0], [2.0], [-6.0]]),
        ],
        mistaken={
            UNSCALED: _with(lambda s, d, n: _softmax(s)),
            BY_LENGTH: _with(lambda s, d, n: _softmax([x / d for x in s])),
            BY_COUNT: _with(lambda s, d, n: _softmax([x / math.sqrt(n) for x in s])),
            NO_SOFTMAX: _with(lambda s, d, n: [x / math.sqrt(d) for x in s]),
            NO_SOFTMAX._replace(name="softmax and scale forgotten"): _with(lambda s, d, n: s),
            SUM_ALONE: _with(lambda s, d, n: [x / math.fsum(s) for x in s]),
            KEYS_MIXED: lambda query, keys, values: _attention(query, keys, keys),
            VALUES_ASKED: lambda query, keys, values: _attention(query, values, values),
            ALIKE: _with(lambda s, d, n: [1 / n] * n),
            BEST_ALONE: _with(lambda s, d, n: [float(k == s.index(max(s))) for k in range(n)]),
            SCALED_AFTER: _with(lambda s, d, n: [w / math.sqrt(d) for w in _softmax(s)]),
            TIMES_ROOT: _with(lambda s, d, n: _softmax([x * math.sqrt(d) for x in s])),
            WEIGHTS_ALONE: lambda query, keys, values: _softmax(
                [s / math.sqrt(len(query)) for s in _products(query, keys)]
            ),
            WEIGHTS_ALONE._replace(name="scores alone"): lambda query, keys, values: [
                s / math.sqrt(len(query)) for s in _products(query, keys)
            ],
            NOT_ADDED: lambda query, keys, values: [
                w * x
                for w, value in zip(
                    _softmax([s / math.sqrt(len(query)) for s in _products(query, keys)]), values, strict=True
                )
                for x in value
            ],
        },
        hard={BY_VALUE: [([2.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 4.0, -2.0], [3.0, 0.0, 1.0]])]},
    )


def _causal(scores: Rows) -> list[list[float]]:
    return [[*_softmax(row[: place + 1]), *[0.0] * (len(row) - place - 1)] for place, row in enumerate(scores)]


def _each(weights: Callable[[list[float], int], Row]) -> Callable[[Rows], list[float]]:
    """The weights of all rows: a function of the scores of a row, and its place."""
    return lambda scores: [x for place, row in enumerate(scores) for x in weights(list(row), place)]


def _hidden(row: Row, place: int, number: float) -> list[float]:
    return [x if k <= place else number for k, x in enumerate(row)]


ALL_SEEN = Misconception(
    "all seen", "A place must not see those after it: it would look at the letter it should guess."
)
SELF_HIDDEN = Misconception("blind to itself", "A place sees those before it, and itself, too.")
PAST_HIDDEN = Misconception("past for future", "A place sees itself and those before it, and not those after it.")
ZERO_SCORE = Misconception(
    "score 0 for hidden", "A score of 0 still has the exponential 1: for a weight of 0 the score must be -inf."
)
AFTER_SOFTMAX = Misconception(
    "hidden after the softmax",
    "The weights of each row must sum to 1: hide the others before the softmax, not after it.",
)
LEFT_AWAY = Misconception("left away", "A place that is not seen has the weight 0, and keeps its place in the row.")
ZEROS_IN_FRONT = Misconception(
    "zeros in front", "A weight stands at the place of its key: what is not seen comes after, and so do its zeros."
)
ONE_SOFTMAX = Misconception(
    "one softmax for all", "Each query has weights of its own, with the sum 1: a softmax for each row."
)
SCORES_TURNED = Misconception("keys for queries", "scores[i][j] is of the query of place i: row i is its softmax.")
NOT_LOW_ENOUGH = Misconception(
    "not low enough", "Scores may be lower than the number that you use to hide others: use -inf, which is the lowest."
)
DOWN_THE_COLUMNS = Misconception("columns for rows", "Each row is that of one query: the softmax goes along it.")


@declare(
    "causal-attention",
    chapter=25,
    title="No look ahead",
    text="""
    `scores` is a square list of lists: `scores[i][j]` says how well the key of place j fits the query of place i. In a
    model that continues a text, a place sees itself and those before it alone. Return a list of lists of the same form
    with the weights: each row sums to 1, and what a place does not see has the weight 0.
    """,
    start="""
    from scalargrad import softmax

    def causal_weights(scores):
        return ...

    print(causal_weights([[5, 9], [1, 1]]))  # should be 1, 0 and 0.5, 0.5
    """,
    answer="causal_weights",
)
def _no_look_ahead(answer: Any) -> Verdict:
    def columns(scores: Rows) -> list[float]:
        hidden = [_hidden(row, place, -math.inf) for place, row in enumerate(scores)]
        sums = [math.fsum(map(math.exp, column)) for column in zip(*hidden, strict=True)]
        return [math.exp(x) / sums[k] for row in hidden for k, x in enumerate(row)]

    return judge_function(
        answer,
        "causal_weights",
        _causal,
        [
            ([[5.0, 9.0], [1.0, 1.0]],),
            ([[0.5, 1.0, -1.0], [2.0, 0.25, 3.0], [-0.5, 1.5, 0.75]],),
            ([[-2.0]],),
            ([[1.0, 2.0, 3.0, 4.0], [0.0, -1.0, 2.0, 1.0], [1.0, 0.5, -2.0, 0.0], [3.0, 1.0, 2.0, 0.1]],),
        ],
        mistaken={
            ALL_SEEN: _each(lambda row, place: _softmax(row)),
            SELF_HIDDEN: _each(
                lambda row, place: (_softmax(row[:place]) if place else []) + [0.0] * (len(row) - place)
            ),
            PAST_HIDDEN: _each(lambda row, place: [0.0] * place + _softmax(row[place:])),
            ZERO_SCORE: _each(lambda row, place: _softmax(_hidden(row, place, 0.0))),
            AFTER_SOFTMAX: _each(lambda row, place: _hidden(_softmax(row), place, 0.0)),
            LEFT_AWAY: _each(lambda row, place: _softmax(row[: place + 1])),
            DOWN_THE_COLUMNS: columns,
            SELF_HIDDEN._replace(name="blind to itself, so that the first sees nothing"): _each(
                lambda row, place: _softmax(_hidden(row, place - 1, -math.inf)) if place else [math.nan] * len(row)
            ),
            ZEROS_IN_FRONT: _each(lambda row, place: [0.0] * (len(row) - place - 1) + _softmax(row[: place + 1])),
            ONE_SOFTMAX: lambda scores: _softmax(_each(lambda row, place: _hidden(row, place, -math.inf))(scores)),
            SCORES_TURNED: lambda scores: _causal(list(zip(*scores, strict=True))),
            NO_SOFTMAX: _each(lambda row, place: _hidden(row, place, 0.0)),
        },
        hard={NOT_LOW_ENOUGH: [([[-700.0, 3.0], [0.5, 1.0]],)]},
    )
