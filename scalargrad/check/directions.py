"""The directions in which derivatives are taken: each input by itself, or random ones in all inputs together."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .measure.slopes import NORMAL

A_FEW = 3  # inputs that are named


class Move(NamedTuple):
    """A direction.

    Attributes:
        name: the input's name, or the direction's number.
        parts: how far each input moves in it, by the input's place in the point.
    """

    name: str
    parts: dict[int, float]

    @property
    def single(self) -> bool:
        """Whether it is one input by itself."""
        return len(self.parts) == 1 and 1.0 in self.parts.values()

    def unit(self, point: Sequence[float]) -> float:
        """Return the size of the point in this direction, by which steps are scaled."""
        largest = max(abs(point[place]) for place in self.parts)
        return largest if self.single and largest >= NORMAL else 1.0

    def applied(self, point: Sequence[float], t: float) -> tuple[float, list[float]]:
        """Return how far a step t really leads, after rounding, and the point that it leads to."""
        moved = [*point]
        for place, part in self.parts.items():
            moved[place] += t * part
            if self.single:
                t = moved[place] - point[place]
        return t, moved


def moves(
    names: Sequence[str], point: Sequence[float], places: Sequence[int], directions: int | None, rng: random.Random
) -> list[Move]:
    """Return a move in each input of these places or, if `directions` is given, so many random ones in all of them."""
    if directions is None:
        return [Move(names[place], {place: 1.0}) for place in places]
    return [Move(f"direction {i + 1}", random_parts(point, places, rng)) for i in range(directions)]


def random_parts(point: Sequence[float], places: Sequence[int], rng: random.Random) -> dict[int, float]:
    """Return the parts of a random direction, in which each input moves by its size; an input of 0 by a typical one."""
    sizes = sorted(abs(point[place]) for place in places if point[place])
    typical = sizes[len(sizes) // 2] if sizes else 1.0
    return {place: rng.choice((-1.0, 1.0)) * (abs(point[place]) or typical) for place in places}


def narrowed(move: Move, disagrees: Callable[[Move], bool]) -> list[int]:
    """Return the places of the first few inputs whose derivatives disagree, by halving a direction that does."""
    places: list[int] = []
    pending = [move.parts]
    while pending and len(places) < A_FEW:
        parts = pending.pop()
        if not disagrees(Move("", parts)):
            continue
        if len(parts) == 1:
            places += parts
            continue
        inside = sorted(parts)
        middle = len(inside) // 2
        pending += [{place: parts[place] for place in half} for half in (inside[middle:], inside[:middle])]
    return places
