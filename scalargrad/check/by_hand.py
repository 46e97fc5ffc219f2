"""A derivative written by hand for plain numbers, beside the slopes of its function."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from math import nan
from typing import Any

from ..engine.floats import counted, is_number, number, same
from ..engine.value import Value
from .directions import Move, moves, narrowed
from .measure.noise import noise, slopes_at_scales
from .measure.slopes import EPSILON, SAFETY, Line, Sample
from .measure.verdict import CANNOT_TELL, DISAGREES, Claim, Judgement, examine
from .report import Report, comparison
from .subject import Function


class ByHand:
    """The check of one derivative that was written by hand.

    Args:
        f: the function with its point; it returns a number.
        gradient: takes the same arguments, and returns the derivative in each of them.
        places: the places of the inputs to check.
        rtol: the relative tolerance.
        directions: in how many random directions to check; None for in each input by itself.
        seed: chooses the directions.
    """

    def __init__(
        self,
        f: Function,
        gradient: Callable[..., Any],
        places: list[int],
        rtol: float,
        directions: int | None,
        seed: int,
    ) -> None:
        self._f, self._gradient, self._rtol = f, gradient, rtol
        self._evaluations = 0
        self._value, self._slopes = self._value_at(f.point), self._slopes_at(f.point)
        self._moves = moves(f.names, f.point, places, directions, random.Random(seed))
        self._settings: dict[str, Any] = {"order": 1, "rtol": rtol, "gradient": "by hand"}
        if directions is not None:
            self._settings |= {"directions": directions, "seed": seed}

    def report(self) -> Report:
        """Compare the derivative in each direction with the slope of the function."""
        faults, notes, comparisons = self._not_deterministic(), [], []
        if not faults:
            comparisons = [comparison("f", move.name, 1, *self._judged(move)) for move in self._moves]
        disagree = [move for move, one in zip(self._moves, comparisons, strict=False) if one.verdict == DISAGREES]
        if disagree and not disagree[0].single:
            names = [self._f.names[place] for place in narrowed(disagree[0], self._disagrees)]
            notes.append(f"among the inputs whose derivatives disagree: {', '.join(names)}")
        return Report(
            comparisons=tuple(comparisons),
            faults=tuple(faults),
            notes=tuple(notes),
            point=dict(zip(self._f.names, self._f.point, strict=True)),
            settings=self._settings,
            tried={"evaluations": self._evaluations},
        )

    def _not_deterministic(self) -> list[str]:
        """What differs when the function and its derivative are computed again at the same point."""
        value, slopes = self._value_at(self._f.point), self._slopes_at(self._f.point)
        if not same(value, self._value):
            return [f"the function is not deterministic: it gave {self._value!r} and then {value!r}"]
        if not all(map(same, slopes, self._slopes)):
            return [f"the gradient is not deterministic: it gave {self._slopes} and then {slopes}"]
        return []

    # ---------------------------------------------------------------- one direction

    def _disagrees(self, move: Move) -> bool:
        return self._judged(move)[1].verdict == DISAGREES

    def _judged(self, move: Move) -> tuple[Claim, Judgement]:
        """The derivative in one direction, and the judgement on it."""
        unit = move.unit(self._f.point)

        def sample(t: float) -> Sample:
            t, point = move.applied(self._f.point, t)
            return Sample(t, (self._nearby(lambda: self._value_at(point)),), (), None)

        def slope(t: float) -> float:
            _, point = move.applied(self._f.point, t)
            return self._nearby(lambda: self._along(move, self._slopes_at(point)))

        value_noise = noise(lambda t: sample(t).values[0], unit)
        line = Line(sample, lambda _one, _other: True, unit, [value_noise], on_break=False)
        terms = sum(abs(self._slopes[place] * part) for place, part in move.parts.items())
        claim = Claim(self._along(move, self._slopes), noise(slope, unit) + EPSILON * terms, terms)
        (judgement,) = examine(line, [claim], self._rtol)
        if judgement.verdict == DISAGREES:
            estimate = judgement.estimate
            for other, error in slopes_at_scales(lambda t: sample(t).values[0], unit):
                allowed = self._rtol * abs(other) + error + SAFETY * claim.error
                if abs(other - claim.slope) <= allowed < abs(other - estimate.slope) - SAFETY * estimate.error:
                    why = f"at other steps the slope is {other:.3g}: the function's rounding errors may be too large"
                    return claim, judgement._replace(verdict=CANNOT_TELL, why=why)
        return claim, judgement

    @staticmethod
    def _along(move: Move, slopes: Sequence[float]) -> float:
        return sum(slopes[place] * part for place, part in move.parts.items())

    @staticmethod
    def _nearby(f: Callable[[], float]) -> float:
        """A number at another point; nan where the function has none, whether it raises, warns or turns complex."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                return f()
            except (ArithmeticError, ValueError, TypeError):
                return nan

    # ---------------------------------------------------------------- calling what the user wrote

    def _value_at(self, point: Sequence[float]) -> float:
        self._evaluations += 1
        return _plain(self._f.f(*self._f.arguments(point)), "with gradient=, f must return a number: its result")

    def _slopes_at(self, point: Sequence[float]) -> list[float]:
        result = self._gradient(*self._f.arguments(point))
        slopes = [_plain(item, "what gradient returns") for item in _flat(result)]
        if len(slopes) != len(point):
            inputs = ", ".join(self._f.names)
            raise ValueError(
                f"gradient must return one derivative for each input, {counted(len(point), 'number')} for {inputs}, "
                f"got {result!r}"
            )
        return slopes


def _plain(result: Any, purpose: str) -> float:
    return result.data if isinstance(result, Value) else number(result, purpose)


def _flat(result: Any) -> list[Any]:
    """The numbers in nested lists, tuples or arrays; one number by itself as a list."""
    if not is_number(result) and hasattr(result, "tolist"):
        result = result.tolist()
    if isinstance(result, (list, tuple)):
        return [number for item in result for number in _flat(item)]
    return [result]
