"""In which order the pieces of an array are put into it, and where several numbers meet in one place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.program import Array, Piece


class Plan:
    """In which order pieces go into an array: which find their places empty, and whether any is added to a gap."""

    def __init__(self, pieces: Sequence[Piece], size: int) -> None:
        covered = np.zeros(size, bool)
        self.pieces = pieces
        self.steps: list[tuple[Piece, bool, bool]] = []
        self.adds_to_gaps = False
        for piece in pieces:
            index = piece.places.index
            places, distinct = np.size(index), np.zeros(size, bool)
            distinct[index] = True
            is_once = int(distinct.sum()) == places
            is_fresh = not (covered & distinct).any()
            self.steps.append((piece, is_fresh, is_once))
            if not (is_fresh and is_once) and (distinct > covered).any():
                self.adds_to_gaps = True
            covered |= distinct
        self.leaves_gaps = not covered.all()
        self.fills_once = all(is_fresh and is_once for _, is_fresh, is_once in self.steps)

    @property
    def constant(self) -> float | None:
        """The number that stays where no computed piece comes, from call to call: 0 in gaps; None if there is none."""
        if self.leaves_gaps and not self.adds_to_gaps:
            return 0.0
        numbers = {piece.array for piece in self.pieces if not isinstance(piece.array, Array)}
        return numbers.pop() if self.fills_once and len(numbers) == 1 else None
