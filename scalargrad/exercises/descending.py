"""Exercises on going downhill: gradient descent, many starts, and Adagrad."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..misconceptions import SIGN, Misconception, close
from .declaring import declare
from .functions import Function, Named, judge_function
from .running import Refused, function
from .verdict import Verdict

Slope = Callable[[float], float]


def _descend(slope: Slope, x: float, rate: float, tolerance: float) -> float:
    while abs(slope(x)) >= tolerance:
        x -= rate * slope(x)
    return x


UPHILL = Misconception("uphill", "The slope points uphill: go against it, x - rate * slope(x).")
ONE_STEP = Misconception("one step alone", "One step is not enough: go on until the slope is below the tolerance.")
NO_STEP = Misconception("no step", "x has not moved: the new x must be kept, as in x = x - rate * slope(x).")
RATE_FORGOTTEN = Misconception("rate forgotten", "A step is the rate times the slope, not the slope itself.")
ONE_SIDED = Misconception(
    "stop criterion without abs",
    "A slope of -5 is below the tolerance, too, but is not near 0: compare its absolute value.",
)
BY_STEP_SIZE = Misconception(
    "stop by the size of the step", "The criterion is the slope itself, not the slope times the rate."
)
MOVED_ALREADY = Misconception(
    "one step before looking", "Look at the slope first: where it is below the tolerance already, do not move at all."
)
ONE_TOO_MANY = Misconception(
    "one step too many", "Look at the slope before the step: where it is below the tolerance, do not move any more."
)


@declare(
    "gradient-descent",
    chapter=5,
    title="Downhill, until the slope is nearly 0",
    text="""
    `slope(x)` is the derivative of a function at `x`. Start at `x`, and take steps
    `x ← x - rate · slope`. Stop as soon as the slope is between `-tolerance` and `tolerance`, and return where you are.
    """,
    start="""
    def descend(slope, x, rate, tolerance):
        return ...

    print(descend(lambda x: 2 * (x - 3), 10.0, 0.1, 0.01))  # should be 3.004
    """,
    answer="descend",
)
def _gradient_descent(answer: Any) -> Verdict:
    valley = Named("lambda x: 2 * (x - 3)", lambda x: 2 * (x - 3))
    steep = Named("lambda x: x**3 - x", lambda x: x**3 - x)

    def one_sided(slope: Slope, x: float, rate: float, tolerance: float) -> float:
        while slope(x) >= tolerance:
            x -= rate * slope(x)
        return x

    def by_step_size(slope: Slope, x: float, rate: float, tolerance: float) -> float:
        while abs(rate * slope(x)) >= tolerance:
            x -= rate * slope(x)
        return x

    def one_too_many(slope: Slope, x: float, rate: float, tolerance: float) -> float:
        end = _descend(slope, x, rate, tolerance)
        return end - rate * slope(end)

    return judge_function(
        _watched(function(answer, "descend")),
        "descend",
        _descend,
        [
            (valley, 10.0, 0.1, 0.01),
            (valley, 4.0, 0.3, 1e-6),
            (valley, 0.0, 0.25, 0.1),
            (steep, 2.0, 0.125, 1e-3),
            (steep, -1.5, 0.1, 1e-4),
        ],
        mistaken={
            ONE_STEP: lambda slope, x, rate, tolerance: x - rate * slope(x),
            NO_STEP: lambda slope, x, rate, tolerance: x,
            ONE_SIDED: one_sided,
            BY_STEP_SIZE: by_step_size,
            ONE_TOO_MANY: one_too_many,
        },
        hard={MOVED_ALREADY: [(valley, 3.2, 0.1, 0.5)]},
    )


CALLS = 10_000


class _Watched(Named):
    """A slope that looks at the first step, and gives up after many calls."""

    def __init__(self, slope: Slope, start: float, rate: float) -> None:
        super().__init__(repr(slope), slope)
        self._start, self._rate = start, rate
        self._calls, self._has_moved = 0, False

    def __call__(self, x: Any) -> Any:
        """Return the slope."""
        self._calls += 1
        if not self._has_moved and x != self._start:
            self._has_moved = True
            self._check_first_step(x)
        if self._calls > CALLS:
            misconception = None if self._has_moved else NO_STEP
            raise Refused(f"Your loop does not end: after {CALLS:,} looks at the slope x is {x:.6g}.", misconception)
        return super().__call__(x)

    def _check_first_step(self, x: float) -> None:
        slope = self._called(self._start)
        moves = {self._rate * slope: UPHILL, slope: UPHILL, -slope: RATE_FORGOTTEN}
        for move, misconception in moves.items():
            if close(x - self._start, move):
                right_place = self._start - self._rate * slope
                raise Refused(
                    f"The first step from {self._start:g}, where the slope is {slope:g}, goes to {x:.6g} with the rate "
                    f"{self._rate:g}, and should go to {right_place:.6g}.",
                    misconception,
                )


def _watched(descend: Function) -> Function:
    """The answer, with an eye on its first step."""
    return lambda slope, x, rate, tolerance: descend(_Watched(slope, x, rate), x, rate, tolerance)


# ---------------------------------------------------------------- many starts

LAST_KEPT = Misconception("the last is kept", "A later run may be worse: compare it with the best so far.")
FIRST_KEPT = Misconception("the first is kept", "Go through all starts, and compare each with the best so far.")
SMALLEST_X = Misconception("smallest x", "The place says nothing about the height: compare the losses there.")
LARGEST_X = SMALLEST_X._replace(name="largest x")
GUESSED = Misconception(
    "a guess for the lowest so far",
    "The losses need not be below the number that you compare the first with: begin with the first run, or with inf.",
)
BEST_START = Misconception(
    "compared at the start", "A good start may lead to a bad minimum: compare the losses where the runs end."
)
HIGHEST = Misconception("highest for lowest", "The lowest loss is the best one: min, and not max.")
LOSS_RETURNED = Misconception("loss for place", "Return the place of the lowest minimum, and not the loss there.")
START_RETURNED = Misconception("start for end", "Return where the best run has ended, and not where it has started.")


@declare(
    "restarts",
    chapter=6,
    title="The best of many starts",
    text="""
    `minimum_from(start)` goes downhill from a place and returns the place where it ends: a local minimum. Write a
    function that tries all starts and returns the place of the lowest minimum that it has found.
    """,
    start="""
    def best(minimum_from, loss, starts):
        return ...
    """,
    answer="best",
)
def _restarts(answer: Any) -> Verdict:
    def valley(x: float) -> float:
        return x**4 - 3 * x**2 + x

    def end(x: float) -> float:
        for _ in range(200):
            x -= 0.02 * (4 * x**3 - 6 * x + 1)
        return x

    loss, downhill = Named("lambda x: x**4 - 3 * x**2 + x", valley), Named("minimum_from", end)
    high = Named("lambda x: 5000 + x**2", lambda x: 5000 + x**2)
    steps, shelf = Named("lambda x: -abs(x - 2)", lambda x: -abs(x - 2)), Named("round", round)

    return judge_function(
        answer,
        "best",
        lambda minimum_from, loss, starts: min(map(minimum_from, starts), key=loss),
        [
            (downhill, loss, [0.9, -0.4, 2.0]),
            (downhill, loss, [1.5, -2.0, 0.5]),
            (downhill, loss, [-0.4, 1.2, 1.9]),
            (downhill, loss, [1.7]),
            (shelf, steps, [4.4, 1.6, -0.3, 6.45, 3.2]),
            (downhill, loss, [-1.2, 1.5]),
            (downhill, loss, [2.0, 0.9, -1.5]),
            (shelf, steps, [6.45, 1.6]),
        ],
        mistaken={
            LAST_KEPT: lambda minimum_from, loss, starts: minimum_from(starts[-1]),
            FIRST_KEPT: lambda minimum_from, loss, starts: minimum_from(starts[0]),
            SMALLEST_X: lambda minimum_from, loss, starts: min(map(minimum_from, starts)),
            LARGEST_X: lambda minimum_from, loss, starts: max(map(minimum_from, starts)),
            BEST_START: lambda minimum_from, loss, starts: minimum_from(min(starts, key=loss)),
            HIGHEST: lambda minimum_from, loss, starts: max(map(minimum_from, starts), key=loss),
            LOSS_RETURNED: lambda minimum_from, loss, starts: min(map(loss, map(minimum_from, starts))),
            START_RETURNED: lambda minimum_from, loss, starts: min(starts, key=lambda x: loss(minimum_from(x))),
        },
        hard={GUESSED: [(shelf, high, [3.2, -1.4, 2.1])]},
    )


# ---------------------------------------------------------------- a rate for each parameter


def _places(x: float, slopes: Sequence[float], size: Callable[[list[float]], float], rate: float) -> list[float]:
    """Where a parameter is after each step of rate × slope ÷ size of the slopes so far."""
    places, seen = [], []
    for slope in slopes:
        seen.append(slope)
        x -= rate * slope / size(seen)
        places.append(x)
    return places


ROOT_FORGOTTEN = Misconception("root forgotten", "The rate is divided by the root of the sum of squares.")
SQUARES_FORGOTTEN = Misconception(
    "squares forgotten", "Add up the squares of the slopes: slopes themselves may cancel."
)
MEMORY_REPLACED = Misconception(
    "= for +=", "The memory has only the last slope, so that each step is the rate itself: add up the squares with +=."
)
MEAN_OF_SQUARES = Misconception("mean for sum", "Adagrad divides by the root of the sum of squares, not of their mean.")
MEMORY_LATE = Misconception(
    "memory too late", "The square of this slope belongs to the sum before the step: add it first, then step."
)
NO_MEMORY = Misconception("gradient descent", "The rate is the same in every step: divide it by the root of the sum.")
LAST_PLACE = Misconception("last place alone", "Return the place after each step, as a list.")


@declare(
    "adagrad",
    chapter=16,
    title="Adagrad",
    text="""
    A parameter starts at `x`, and `slopes` are the derivatives that arrive, one in each step. Adagrad divides the rate
    by the root of the sum of the squares of all slopes so far, this one included. The third step is
    `x ← x - rate · g₃ / √(g₁² + g₂² + g₃²)`. Return a list: where the parameter is after each step. For the slopes
    0.1 and 0.2 the rate is divided by 0.1 and then by 0.2236.
    """,
    start="""
    from math import sqrt

    def adagrad(x, slopes, rate):
        return ...

    print(adagrad(0.0, [0.1, 0.2], 1.0))  # should be -1 and -1.894
    """,
    answer="adagrad",
)
def _adagrad(answer: Any) -> Verdict:
    def late(x: float, slopes: Sequence[float], rate: float) -> list[float]:
        return _places(x, slopes, lambda seen: math.hypot(*seen[:-1]) or 1e-8, rate)

    def within(size: Callable[[list[float]], float]) -> Function:
        return lambda x, slopes, rate: _places(x, slopes, size, rate)

    def adagrad(x: float, slopes: Sequence[float], rate: float) -> list[float]:
        return _places(x, slopes, lambda seen: math.hypot(*seen), rate)

    return judge_function(
        answer,
        "adagrad",
        adagrad,
        [
            (0.0, [0.1, 0.2], 1.0),
            (0.0, [20.0, 10.0], 1.0),
            (5.0, [2.0, -1.0, 0.5, 3.0], 0.1),
            (-1.0, [-4.0, -3.0, 1.5], 0.5),
        ],
        mistaken={
            SIGN: lambda x, slopes, rate: adagrad(x, slopes, -rate),
            ROOT_FORGOTTEN: within(lambda seen: math.fsum(g * g for g in seen)),
            SQUARES_FORGOTTEN: within(lambda seen: abs(math.fsum(seen))),
            SQUARES_FORGOTTEN._replace(name="squares and root forgotten"): within(math.fsum),
            SQUARES_FORGOTTEN._replace(name="absolute values for squares"): within(
                lambda seen: math.fsum(map(abs, seen))
            ),
            MEMORY_REPLACED: within(lambda seen: abs(seen[-1])),
            MEAN_OF_SQUARES: within(lambda seen: math.hypot(*seen) / math.sqrt(len(seen))),
            MEMORY_LATE: late,
            NO_MEMORY: within(lambda seen: 1.0),
            LAST_PLACE: lambda x, slopes, rate: adagrad(x, slopes, rate)[-1],
        },
        rtol=1e-4,  # a small number under the root or beside it, against a division by 0, is welcome
    )
