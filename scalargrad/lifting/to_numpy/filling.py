"""The order in which the pieces of an array are put into it, and where several numbers meet in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..arrays.program import Array, Piece


class Step(NamedTuple):
    """One piece of an array, on its way to its places.

    Attributes:
        piece: what is put there.
        is_fresh: whether no earlier piece has put a number into any of the places.
        is_once: whether no two of its numbers go into one place.
    """

    piece: Piece
    is_fresh: bool
    is_once: bool


class Filling:
    """How pieces fill an array of that size.

    Attributes:
        pieces: the pieces, in order.
        steps: the same, with what is known of their places.
        adds_to_gaps: whether a piece is added where no number is yet, so that there must be a 0.
        leaves_gaps: whether no piece goes into some places.
        fills_once: whether each place gets one number at most.
    """

    def __init__(self, pieces: Sequence[Piece], size: int) -> None:
        self.pieces = pieces
        self.steps: list[Step] = []
        self.adds_to_gaps = False
        covered = np.zeros(size, bool)
        for piece in pieces:
            index = piece.places.index
            places = np.zeros(size, bool)
            places[index] = True
            is_once = int(places.sum()) == np.size(index)
            is_fresh = not (covered & places).any()
            self.steps.append(Step(piece, is_fresh, is_once))
            if not (is_fresh and is_once) and (places > covered).any():
                self.adds_to_gaps = True
            covered |= places
        self.leaves_gaps = not covered.all()
        self.fills_once = all(step.is_fresh and step.is_once for step in self.steps)

    @property
    def constant(self) -> float | None:
        """The number that stays from call to call where no computed piece goes, such as 0 in gaps; None without one."""
        if self.leaves_gaps and not self.adds_to_gaps:
            return 0.0
        numbers = {piece.array for piece in self.pieces if not isinstance(piece.array, Array)}
        return numbers.pop() if self.fills_once and len(numbers) == 1 else None
