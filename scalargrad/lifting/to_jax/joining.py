"""Arrays put together from pieces: one beside the other, as columns of matrices, or added up place by place."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..arrays.program import Array, Axis, Piece
from .reading import Reading
from .slices import flipped
from .spelling import atom, filled, literal, turned

if TYPE_CHECKING:
    from ..arrays.program import IntArray


class Along(NamedTuple):
    """An axis of a piece: which one it is, its size, and how far apart its numbers go."""

    axis: int
    size: int
    step: int


class Part(NamedTuple):
    """Pieces for the same places, which are even along each axis.

    Attributes:
        pieces: the pieces, of which the sum is taken.
        start: their first place.
        along: their axes, the one with the largest steps first, without those of size 1.
        before: the axes that lie along those of matrices around.
        reversed: the axes along which places fall: from their last number to the first they rise.
    """

    pieces: tuple[Piece, ...]
    start: int
    along: tuple[Along, ...]
    before: tuple[int, ...] = ()
    reversed: tuple[int, ...] = ()

    @property
    def stop(self) -> int:
        """The place behind their last one."""
        return self.start + 1 + sum((own.size - 1) * own.step for own in self.along)

    @property
    def is_unbroken(self) -> bool:
        """Whether their places follow one another."""
        return self.stop - self.start == math.prod(own.size for own in self.along)


class Joining:
    """Writes arrays with a single axis, beside the batch, that are put together from pieces."""

    def __init__(self, reading: Reading, batched: bool) -> None:
        self.reading, self.batched = reading, batched

    def joined(self, pieces: Sequence[Piece], size: int) -> str:
        """Return the expression for an array of that size; what no piece gives is 0."""
        layers: list[tuple[set[int], list[Part]]] = []  # pieces in places of their own
        rest: list[Piece] = []
        alike: dict[Hashable, list[Piece]] = {}
        for piece in map(_with_axes, pieces):
            alike.setdefault(piece.places.key, []).append(piece)
        for group in alike.values():
            part, places = _part(group), set(group[0].places.in_a_row())
            if part is None or len(places) < math.prod(axis.size for axis in group[0].axes):
                rest += group
                continue
            for taken, parts in layers:
                if not taken & places:
                    taken.update(places)
                    parts.append(part)
                    break
            else:
                layers.append((places, [part]))
        texts: list[str] = []
        for _, parts in layers:
            text = self._side_by_side(parts, 0, size, ())
            if text is None:
                rest += [piece for part in parts for piece in part.pieces]
            else:
                texts.append(text)
        text = " + ".join(texts) if texts else filled(0.0, [size], self.batched)
        return self._added_to(text, rest)

    # ---------------------------------------------------------------- side by side

    def _side_by_side(self, parts: Sequence[Part], start: int, stop: int, rows: tuple[int, ...]) -> str | None:
        """Parts in the places from one on, for each row of the matrices around; None where they do not lie so."""
        segments = _segments(parts)
        texts: list[str | int] = []  # or how many zeros
        at = start
        for i, own in enumerate(segments):
            until = segments[i + 1][0].start if i + 1 < len(segments) else stop
            written = self._segment(own, at, until, rows)
            if written is None:
                return None
            begin, end, text = written
            texts += [*([begin - at] if begin > at else []), text]
            at = end
        if at < stop:
            texts.append(stop - at)
        return self._concatenated(texts, rows)

    def _segment(
        self, parts: Sequence[Part], low: int, high: int, rows: tuple[int, ...]
    ) -> tuple[int, int, str] | None:
        """Parts without a gap between them that goes through; where they begin, where they end, and their text."""
        begin, end = parts[0].start, max(part.stop for part in parts)
        if len(parts) == 1 and parts[0].is_unbroken:
            return begin, end, self._whole(parts[0], rows)
        if any(not part.along for part in parts):
            return None
        first = {(part.along[0].size, part.along[0].step) for part in parts}
        if len(first) > 1:
            return None
        ((count, step),) = first
        begin = max(low, end - count * step)
        if begin > parts[0].start or begin + count * step > high:
            return None
        inner = [part._replace(along=part.along[1:], before=(*part.before, part.along[0].axis)) for part in parts]
        text = self._side_by_side(inner, begin, begin + step, (*rows, count))
        return None if text is None else (begin, begin + count * step, self._reshaped(text, [*rows, count * step]))

    def _concatenated(self, texts: Sequence[str | int], rows: tuple[int, ...]) -> str:
        """Texts and zeros along the last axis."""
        given = [text for text in texts if isinstance(text, str)]
        if len(given) == len(texts) == 1:
            return given[0]
        if len(given) == 1:
            place = texts.index(given[0])
            before = texts[0] if place else 0
            after = texts[-1] if place + 1 < len(texts) else 0
            ends = ", ".join([*["(0, 0)"] * (self.batched + len(rows)), f"({before}, {after})"])
            return f"jnp.pad({given[0]}, {f'({ends})' if rows or self.batched else ends})"
        listed = [filled(0.0, [*rows, text], self.batched) if isinstance(text, int) else text for text in texts]
        axis = ", axis=-1" if rows or self.batched else ""
        return f"jnp.concatenate([{', '.join(listed)}]{axis})"

    def _whole(self, part: Part, rows: tuple[int, ...]) -> str:
        """A piece that lies along the rows and in one stretch."""
        axes, order = part.pieces[0].axes, [*part.before, *(own.axis for own in part.along)]
        count = math.prod(own.size for own in part.along)
        numbers = [piece.array for piece in part.pieces if not isinstance(piece.array, Array)]
        if len(numbers) == len(part.pieces):
            return filled(sum(numbers), [*rows, count], self.batched)
        order += [axis for axis in range(len(axes)) if axis not in order]
        text = turned(" + ".join(self._spread(piece, part.reversed) for piece in part.pieces), order, self.batched)
        sizes = [axes[axis].size for axis in order]
        return text if sizes == [*rows, count] else self._reshaped(text, [*rows, count])

    def _spread(self, piece: Piece, reversed_axes: Sequence[int]) -> str:
        """A piece along all of its axes, some of them from the last number to the first."""
        if not isinstance(piece.array, Array):
            return literal(piece.array)  # beside an array
        return flipped(self.reading.spread(piece.array, piece.axes, self.batched), reversed_axes, self.batched)

    def _reshaped(self, text: str, sizes: Sequence[int]) -> str:
        if len(sizes) == 1 and not self.batched:
            # a single number may be one of Python's, as what is computed from the number of examples
            return f"{atom(text)}.ravel()" if sizes[0] != 1 else f"jnp.reshape({text}, 1)"
        return f"{atom(text)}.reshape({', '.join([*(['B'] if self.batched else []), *map(str, sizes)])})"

    # ---------------------------------------------------------------- added up

    def _added_to(self, text: str, pieces: Sequence[Piece]) -> str:
        """An array to which pieces are added in their places."""
        for piece in pieces:
            index = piece.places.index
            places = str(index) if isinstance(index, int) else self.reading.table(index)
            value = self.reading.aligned(piece.array, piece.axes, self.batched)
            text = atom(text) + f".at[{':, ' * self.batched}{places}].add({value})"
        return text


def _with_axes(piece: Piece) -> Piece:
    """A piece with an axis for each of its places, along which the same number may lie."""
    index = piece.places.index
    if isinstance(index, int) or len(piece.axes) == index.ndim:
        return piece
    return piece._replace(axes=tuple([Axis(0, size) for size in index.shape]))


def _part(pieces: Sequence[Piece]) -> Part | None:
    """Pieces for the same places, with even steps along each axis; None for others."""
    index = pieces[0].places.index
    if isinstance(index, int):
        return Part(tuple(pieces), index, ())
    start = int(index.flat[0])
    places: IntArray = np.array(start)
    along: list[Along] = []
    for axis, size in enumerate(index.shape):
        step = int(index.take([min(1, size - 1)], axis=axis).flat[0]) - start
        places = np.add.outer(places, np.arange(size) * step)
        if size > 1:
            along.append(Along(axis, size, step))
    if not (index == places).all() or any(own.step == 0 for own in along):
        return None
    falling = [own for own in along if own.step < 0]
    start += sum((own.size - 1) * own.step for own in falling)
    along = [own._replace(step=abs(own.step)) for own in along]
    along.sort(key=lambda own: -own.step)
    return Part(tuple(pieces), start, tuple(along), reversed=tuple([own.axis for own in falling]))


def _segments(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts whose stretches overlap, together."""
    segments: list[list[Part]] = []
    stop = 0
    for part in sorted(parts, key=lambda part: part.start):
        if segments and part.start < stop:
            segments[-1].append(part)
        else:
            segments.append([part])
        stop = max(stop, part.stop)
    return segments
