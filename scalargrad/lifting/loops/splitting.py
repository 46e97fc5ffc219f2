"""Which steps of a loop's body need not be in the loop: they are computed for all iterations at once.

What depends on no state, such as the products of weights with the inputs of all times, is computed before the loop.
What no state depends on, such as the gradients of weights, is computed after it, from what is kept of all iterations.
Each is then one operation on arrays in place of one in each iteration; the sum of such gradients over time is one
product. This takes memory for all iterations, so there is a limit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import NamedTuple

from ...engine import primitives as p
from ..arrays.program import Apply, Array, Assembly, Fold


class Limits(NamedTuple):
    """How much may be computed outside of a loop, in numbers of all iterations, for one example.

    Attributes:
        kept: how many may be kept.
        apart: how many may be computed at once, element by element.
    """

    kept: int
    apart: int


class When(Enum):
    """Where a step is computed."""

    BEFORE = "before the loop"
    INSIDE = "in the loop"
    AFTER = "after the loop"


class StepReads(NamedTuple):
    """What a step reads in its loop.

    Attributes:
        here: the steps of the same iteration.
        earlier: the steps of iterations before it.
    """

    here: Collection[int]
    earlier: Collection[int]


def parts(items: Sequence[Array], reads: Sequence[StepReads], times: int, limits: Limits) -> list[When]:
    """Return where each step of an iteration is computed.

    Args:
        items: the steps.
        reads: what each of them reads.
        times: how many iterations there are.
        limits: how much may be computed outside of the loop.
    """
    users: list[list[Array]] = [[] for _ in items]
    for step, own in enumerate(reads):
        for one in (*own.here, *own.earlier):
            users[one].append(items[step])
    summed = {step for step, own in enumerate(users) if own and all(isinstance(user, Fold) for user in own)}
    inside = {
        step
        for step, item in enumerate(items)
        if not isinstance(item, Apply | Fold | Assembly)
        or (not isinstance(item, Fold) and step not in summed and times * item.size > limits.apart)
    }
    needs_states: set[int] = set()
    for step, (here, earlier) in enumerate(reads):
        if earlier or not needs_states.isdisjoint(here) or step in inside:
            needs_states.add(step)
    needed = inside | {step for _, earlier in reads for step in earlier}
    for step in reversed(range(len(reads))):
        if step in needed:
            needed |= set(reads[step].here)
    chosen = [
        When.BEFORE if step not in needs_states else When.INSIDE if step in needed else When.AFTER
        for step in range(len(reads))
    ]
    kept = (
        {step for step, part in enumerate(chosen) if part is not When.INSIDE} - summed - _sums_over_time(items, reads)
    )
    for step, own in enumerate(reads):
        if chosen[step] is When.AFTER:
            kept |= {one for one in (*own.here, *own.earlier) if chosen[one] is When.INSIDE}
    enough = times * sum(items[step].size for step in kept) <= limits.kept
    return chosen if enough else [When.INSIDE] * len(items)


def _sums_over_time(items: Sequence[Array], reads: Sequence[StepReads]) -> set[int]:
    """The sums over examples of which the sum over time is taken at once, as they are gradients of what all share."""
    sums: set[int] = set()
    for step, item in enumerate(items):
        is_sum = isinstance(item, Apply) and item.primitive is p.add and sums.issuperset(reads[step].here)
        if (isinstance(item, Fold) and item.over_batch) or (is_sum and reads[step].here and not reads[step].earlier):
            sums.add(step)
    return sums
