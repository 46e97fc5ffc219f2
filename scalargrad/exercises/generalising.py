"""Exercises on what keeps a network from learning by heart: early stopping and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..misconceptions import Misconception
from .declaring import declare
from .functions import judge_function
from .verdict import Verdict


def _best_epoch(losses: Sequence[float], patience: int) -> int:
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            break
    return best


LAST_EPOCH = Misconception(
    "where it ended", "Training ends some epochs after the best one: go back to the epoch with the lowest loss."
)
INTO_THE_FUTURE = Misconception(
    "look into the future", "Training has stopped by then: epochs after the stop do not happen."
)
FIRST_RISE = Misconception(
    "no patience", "A loss that rises once may fall again: wait for as many epochs as the patience says."
)
IN_ALL = Misconception(
    "patience never renewed",
    "Count the epochs since the best one: when a new lowest loss comes, the count begins again.",
)
RISES_COUNTED = Misconception(
    "compared with the epoch before", "Compare each loss with the lowest so far, and not with the one before."
)
TIE = Misconception(
    "equal for lower", "A loss as low as the lowest so far is no new lowest: the epoch counts as one without progress."
)
LOSS_FOR_EPOCH = Misconception("loss for epoch", "Return the number of the epoch, and not its loss.")
GUESSED = Misconception(
    "a guess for the lowest so far",
    "Losses may be of any size: compare the first with nothing, or with inf, and not with a number like 100.",
)
FROM_ONE = Misconception("counted from 1", "Epochs are counted from 0, as in Python.")
ONE_LATE = Misconception(
    "one epoch too patient", "With a patience of 2, training ends after the second epoch without a lower loss."
)


@declare(
    "early-stopping",
    chapter=17,
    title="Stop in time",
    text="""
    `losses` are the losses on validation data, epoch by epoch. Training goes on until there was no new lowest loss for
    `patience` epochs in a row, or until the losses end. Return the number of the epoch whose parameters are kept,
    counted from 0: the one with the lowest loss until then.
    """,
    start="""
    def best_epoch(losses, patience):
        return ...

    print(best_epoch([3.0, 2.0, 2.5, 2.6, 1.0], 2))  # should be 1
    """,
    answer="best_epoch",
)
def _early_stopping(answer: Any) -> Verdict:
    def end(losses: Sequence[float], patience: int) -> int:
        best = 0
        for epoch, loss in enumerate(losses):
            if loss < losses[best]:
                best = epoch
            elif epoch - best >= patience:
                return epoch
        return len(losses) - 1

    def in_all(losses: Sequence[float], patience: int) -> int:
        best = bad = 0
        for epoch, loss in enumerate(losses[1:], 1):
            if loss < losses[best]:
                best = epoch
            else:
                bad += 1
                if bad == patience:
                    break
        return best

    def against_before(losses: Sequence[float], patience: int) -> int:
        bad = 0
        for epoch in range(1, len(losses)):
            bad = bad + 1 if losses[epoch] >= losses[epoch - 1] else 0
            if bad == patience:
                return min(range(epoch + 1), key=losses.__getitem__)
        return min(range(len(losses)), key=losses.__getitem__)

    return judge_function(
        answer,
        "best_epoch",
        _best_epoch,
        [
            ([3.0, 2.0, 2.5, 2.6, 1.0], 2),
            ([3.0, 2.0, 2.5, 1.5, 1.6, 1.7, 1.4], 2),
            ([5.0, 4.0, 4.5, 4.4, 4.6, 4.3, 1.0], 3),
            ([2.0, 1.0, 1.5, 1.2, 0.9, 0.8, 0.85], 3),
            ([3.0, 2.0, 2.5, 1.5, 1.6, 1.4], 2),
            ([1.0, 2.0, 0.5], 1),
            ([4.0, 3.0, 2.0], 2),
        ],
        mistaken={
            LAST_EPOCH: end,
            INTO_THE_FUTURE: lambda losses, patience: losses.index(min(losses)),
            FIRST_RISE: lambda losses, patience: _best_epoch(losses, 1),
            IN_ALL: in_all,
            RISES_COUNTED: against_before,
            LOSS_FOR_EPOCH: lambda losses, patience: losses[_best_epoch(losses, patience)],
            FROM_ONE: lambda losses, patience: _best_epoch(losses, patience) + 1,
            ONE_LATE: lambda losses, patience: _best_epoch(losses, patience + 1),
        },
        hard={
            GUESSED: [([6000.0, 5000.0, 5500.0, 5600.0, 4000.0], 2)],
            TIE: [([2.0, 1.0, 1.0, 1.5, 0.5], 2), ([3.0, 2.0, 2.0, 2.5], 3)],
        },
    )


def _dropped(values: Sequence[float], kept: Sequence[bool], factor: float) -> list[float]:
    return [x * factor if keep else 0.0 for x, keep in zip(values, kept, strict=True)]


NOT_SCALED = Misconception(
    "scaling forgotten",
    "With some outputs at 0 the next layer would receive less than without dropout: divide what is kept by 1 - p.",
)
BY_P = Misconception("divided by p", "p is the part that is dropped, and 1 - p the part that is kept: divide by that.")
TIMES_KEPT = Misconception(
    "times 1 - p", "What is kept must become larger, not smaller, to make up for what is dropped: divide by 1 - p."
)
INVERTED = Misconception("kept for dropped", "Where kept is true the value stays, and elsewhere it is 0.")
NOTHING_DROPPED = Misconception("nothing dropped", "What is not kept must be 0.")
LEFT_OUT = Misconception("left out", "A dropped value is 0, and keeps its place in the list.")
BY_MASK = Misconception(
    "divided by what happened", "Divide by 1 - p, which is the same every time, and not by the part that was kept."
)


@declare(
    "dropout",
    chapter=18,
    title="Dropout with the right scale",
    text="""
    In training, dropout sets each output to 0 with the probability `p`. `kept` says for each of the values whether it
    is kept this time. What is kept is scaled, so that on average over all draws every value stays the same. Return the
    list of outputs.
    """,
    start="""
    def dropout(values, kept, p):
        return ...
    """,
    answer="dropout",
)
def _dropout(answer: Any) -> Verdict:
    return judge_function(
        answer,
        "dropout",
        lambda values, kept, p: _dropped(values, kept, 1 / (1 - p)),
        [
            ([1.0, 2.0, 3.0, 4.0], [True, False, False, True], 0.2),
            ([-1.5, 0.5, 2.0], [True, True, False], 0.75),
            ([1.0, -2.0], [False, False], 0.5),
            ([3.0, 1.0], [True, True], 0.1),
        ],
        mistaken={
            NOT_SCALED: lambda values, kept, p: _dropped(values, kept, 1.0),
            BY_P: lambda values, kept, p: _dropped(values, kept, 1 / p),
            TIMES_KEPT: lambda values, kept, p: _dropped(values, kept, 1 - p),
            TIMES_KEPT._replace(name="times p"): _dropped,
            INVERTED: lambda values, kept, p: _dropped(values, [not keep for keep in kept], 1 / (1 - p)),
            INVERTED._replace(name="kept for dropped, and not scaled"): lambda values, kept, p: _dropped(
                values, [not keep for keep in kept], 1.0
            ),
            NOTHING_DROPPED: lambda values, kept, p: [x / (1 - p) for x in values],
            LEFT_OUT: lambda values, kept, p: [x / (1 - p) for x, keep in zip(values, kept, strict=True) if keep],
            BY_MASK: lambda values, kept, p: _dropped(values, kept, len(kept) / max(1, sum(kept))),
        },
    )
