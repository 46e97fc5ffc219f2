"""Exercises on learning from rewards: the gradient of REINFORCE, and what comes of a move."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, pstdev
from typing import Any

from ..misconceptions import Misconception
from .declaring import declare
from .functions import judge_function
from .verdict import Verdict

Row = Sequence[float]


def _above_the_mean(rewards: Row) -> list[float]:
    return [reward - fmean(rewards) for reward in rewards]


def _gradient(
    probabilities: Row,
    moves: Sequence[int],
    rewards: Row,
    weights: Callable[[Row], Row] = _above_the_mean,
    slope: Callable[[Row, int, int], float] = lambda p, score, move: p[score] - (score == move),
) -> list[float]:
    """The gradient in each score, a mean over walks; with another weight of a walk, or another slope in a score."""
    walks = list(zip(moves, weights(rewards), strict=True))
    return [fmean(weight * slope(probabilities, k, move) for move, weight in walks) for k in range(len(probabilities))]


def _weighted(weights: Callable[[Row], Row]) -> Callable[[Row, Sequence[int], Row], list[float]]:
    return lambda p, moves, rewards: _gradient(p, moves, rewards, weights=weights)


def _sloped(slope: Callable[[Row, int, int], float]) -> Callable[[Row, Sequence[int], Row], list[float]]:
    return lambda p, moves, rewards: _gradient(p, moves, rewards, slope=slope)


NO_BASELINE = Misconception(
    "baseline forgotten", "Subtract the mean reward from each reward, so that what is worse than usual counts as bad."
)
UPHILL = Misconception(
    "uphill", "Descent goes against the gradient: of a good move, it must be negative in the score of that move."
)
MADE_ALONE = Misconception(
    "the made move alone",
    "When a move becomes more likely, the others become less so: their scores have slopes, too, by the softmax.",
)
IN_PROBABILITIES = Misconception(
    "slope in the probabilities", "The slope is wanted in the scores, through the softmax: p - 1 or p, and not -1 / p."
)
NO_LOG = Misconception(
    "log forgotten", "The loss has -log p, not -p. So a rare move counts as much as the many times it was not made."
)
ALL_WALKS = Misconception("sum for mean", "Divide the sum over the walks by their number.")
GOOD_ALONE = Misconception("good walks alone", "A walk that was worse than usual teaches, too: its weight is negative.")
OTHERS_MEAN = Misconception(
    "mean of the others", "That is a good baseline as well. Here it is the mean of all rewards, the own one included."
)
BEST_FOR_MEAN = Misconception("best for baseline", "The baseline is the mean reward, and not the highest.")
LAST_WALK = Misconception("the last walk alone", "Add the walks up with +=: with = each one replaces those before it.")
BY_SCORES = Misconception("divided by the scores", "Divide by the number of walks, and not by the number of scores.")
BY_DEVIATION = Misconception(
    "divided by the deviation", "Many do so, but it is not asked for here: subtract the mean alone."
)
EACH_WALK = Misconception("one for each walk", "Return a single gradient: the mean of those of all walks.")


@declare(
    "reinforce",
    chapter=26,
    title="Better than usual",
    text="""
    In one cell there are several moves, with these `probabilities`: the softmax of a score for each. In each of some
    walks one move was made there: `moves` has their numbers, counted from 0, and `rewards` what each walk got in the
    end. The baseline is the mean reward. The loss of a walk is (reward - baseline) · (-log p), where p is the
    probability of its move. Return the gradient of the mean loss, with a number for each score.
    """,
    start="""
    def gradient(probabilities, moves, rewards):
        return ...

    print(gradient([0.5, 0.5], [0, 1], [10, 20]))  # should be 2.5 and -2.5
    """,
    answer="gradient",
)
def _reinforce(answer: Any) -> Verdict:
    def others(rewards: Row) -> Row:
        return [reward - (math.fsum(rewards) - reward) / (len(rewards) - 1) for reward in rewards]

    return judge_function(
        answer,
        "gradient",
        _gradient,
        [
            ([0.5, 0.5], [0, 1], [10.0, 20.0]),
            ([0.7, 0.2, 0.1], [0, 0, 2, 1], [10.0, 15.0, 20.0, 10.0]),
            ([0.25, 0.25, 0.4, 0.1], [3, 2, 0, 2, 2], [-1.0, 0.5, 2.0, 0.0, 4.0]),
        ],
        mistaken={
            NO_BASELINE: _weighted(lambda rewards: rewards),
            UPHILL: lambda p, moves, rewards: [-x for x in _gradient(p, moves, rewards)],
            MADE_ALONE: _sloped(lambda p, k, move: p[k] - 1 if k == move else 0.0),
            IN_PROBABILITIES: _sloped(lambda p, k, move: -1 / p[k] if k == move else 0.0),
            NO_LOG: _sloped(lambda p, k, move: p[move] * (p[k] - (k == move))),
            ALL_WALKS: lambda p, moves, rewards: [len(moves) * x for x in _gradient(p, moves, rewards)],
            GOOD_ALONE: _weighted(lambda rewards: [max(0.0, reward - fmean(rewards)) for reward in rewards]),
            OTHERS_MEAN: _weighted(others),
            LAST_WALK: _weighted(lambda rewards: [*[0.0] * (len(rewards) - 1), _above_the_mean(rewards)[-1]]),
            BY_SCORES: lambda p, moves, rewards: [len(moves) / len(p) * x for x in _gradient(p, moves, rewards)],
            BY_DEVIATION: _weighted(lambda rewards: [x / pstdev(rewards) for x in _above_the_mean(rewards)]),
            EACH_WALK: lambda p, moves, rewards: [
                weight * (p[k] - (k == move))
                for move, weight in zip(moves, _above_the_mean(rewards), strict=True)
                for k in range(len(p))
            ],
            BEST_FOR_MEAN: _weighted(lambda rewards: [reward - max(rewards) for reward in rewards]),
        },
    )


def _to_come(rewards: Row, discount: float) -> list[float]:
    returns: list[float] = []
    for reward in reversed(rewards):
        returns.insert(0, reward + discount * (returns[0] if returns else 0.0))
    return returns


def _factor(of: Callable[[float, int], float]) -> Callable[[Row, float], list[float]]:
    """What comes of each move, where a later reward has another factor: of the discount and the moves in between."""

    def function(rewards: Row, discount: float) -> list[float]:
        return [
            math.fsum(of(discount, between) * reward for between, reward in enumerate(rewards[move:]))
            for move in range(len(rewards))
        ]

    return function


WHOLE_WALK = Misconception(
    "the whole walk for each", "A move cannot change what came before it: leave out the rewards of earlier moves."
)
PAST = Misconception("past for future", "A move has no part in what came before it: add up what comes after.")
NOT_DISCOUNTED = Misconception(
    "discount forgotten", "A reward counts less the later it comes: multiply by the discount for each move in between."
)
OWN_LEFT_OUT = Misconception("own reward left out", "The reward after the move itself belongs to it, and counts whole.")
FROM_THE_START = Misconception(
    "discount from the start", "Count the moves from the one that is judged, and not from the start of the walk."
)
OWN_ALONE = Misconception(
    "own reward alone", "A move may lead to a reward much later: add the rewards of all later moves, with the discount."
)
ONCE_TOO_OFTEN = Misconception(
    "discounted once too often", "The reward of the move itself is not discounted: there is no move in between."
)
NEXT_ALONE = Misconception("the next one alone", "All later moves count, and not only the next one.")
DISCOUNTED_ONCE = Misconception(
    "discounted once", "Each move in between makes a reward count less again: multiply by the discount for each."
)
TIMES_DISTANCE = Misconception(
    "product for power", "To multiply by the discount k times, write discount ** k, and not discount * k."
)
DIVIDED = Misconception("divided by the discount", "What comes later counts less: multiply by the discount.")
LAST_LEFT_OUT = Misconception(
    "last reward left out", "A range ends before its last number: the last reward counts, too."
)
BACK_TO_FRONT = Misconception(
    "back to front", "Those are the right numbers from the last move to the first: turn them round."
)


@declare(
    "rewards-to-come",
    chapter=26,
    title="What comes of a move",
    text="""
    In some worlds there is a reward after each move. What comes of a move is its own reward and those of all later
    moves, and each of these is multiplied by `discount` once for each move from this one to that one. Return the list
    of what comes of each move.
    """,
    start="""
    def to_come(rewards, discount):
        return ...

    print(to_come([0, 0, 8], 0.5))  # should be 2, 4 and 8
    """,
    answer="to_come",
)
def _rewards_to_come(answer: Any) -> Verdict:
    def whole_discounted(rewards: Row, discount: float) -> list[float]:
        return [_to_come(rewards, discount)[0]] * len(rewards)

    def from_the_start(rewards: Row, discount: float) -> list[float]:
        counted = [discount**place * reward for place, reward in enumerate(rewards)]
        return _to_come(counted, 1.0)

    def later(rewards: Row, discount: float) -> list[float]:
        return [*_to_come(rewards, discount)[1:], 0.0]

    return judge_function(
        answer,
        "to_come",
        _to_come,
        [
            ([0.0, 0.0, 8.0], 0.5),
            ([1.0, -2.0, 3.0, 0.5], 0.9),
            ([4.0, 1.0], 0.25),
            ([-1.0], 0.5),
        ],
        mistaken={
            WHOLE_WALK: lambda rewards, discount: [math.fsum(rewards)] * len(rewards),
            WHOLE_WALK._replace(name="the whole walk for each, discounted"): whole_discounted,
            PAST: lambda rewards, discount: _to_come(rewards[::-1], discount)[::-1],
            PAST._replace(name="past for future, without discount"): lambda rewards, discount: _to_come(
                rewards[::-1], 1.0
            )[::-1],
            NOT_DISCOUNTED: lambda rewards, discount: _to_come(rewards, 1.0),
            OWN_LEFT_OUT: later,
            OWN_LEFT_OUT._replace(name="own reward left out, the rest discounted"): lambda rewards, discount: [
                discount * x for x in later(rewards, discount)
            ],
            FROM_THE_START: from_the_start,
            OWN_ALONE: lambda rewards, discount: rewards,
            ONCE_TOO_OFTEN: lambda rewards, discount: [discount * x for x in _to_come(rewards, discount)],
            DISCOUNTED_ONCE: _factor(lambda discount, between: discount if between else 1.0),
            TIMES_DISTANCE: _factor(lambda discount, between: discount * between),
            DIVIDED: _factor(lambda discount, between: discount**-between),
            LAST_LEFT_OUT: lambda rewards, discount: _to_come([*rewards[:-1], 0.0], discount),
            NEXT_ALONE: lambda rewards, discount: [
                own + discount * after for own, after in zip(rewards, [*rewards[1:], 0.0], strict=True)
            ],
            BACK_TO_FRONT: lambda rewards, discount: _to_come(rewards, discount)[::-1],
        },
    )
