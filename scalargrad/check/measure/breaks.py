"""Kinks, poles and borders of operations: whether operands are on one, or move onto or across one."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

from ...engine.declaration import Break, Primitive


def can_break(op: Primitive) -> bool:
    """Whether an operation has a kink, a pole or a border of its domain."""
    return bool(op.kinks or op.poles) or any(isfinite(low) or isfinite(high) for low, high in op.domain)


def on_break(op: Primitive, operands: Sequence[float]) -> bool:
    """Whether the operands are exactly on a kink, on a pole or on the border of the domain."""
    return any(isfinite(x) and x in borders for x, borders in zip(operands, op.domain, strict=True)) or any(
        operands[k] == nearest(*operands) for k, nearest in op.kinks + op.poles
    )


def outside(op: Primitive, operands: Sequence[float]) -> bool:
    """Whether an operand is beyond the border of the operation's domain."""
    return any(x < low or x > high for x, (low, high) in zip(operands, op.domain, strict=True))


def breaks_between(op: Primitive, old: Sequence[float], new: Sequence[float]) -> bool:
    """Whether operands that move from old to new come onto or cross a kink, a pole or a border of the operation."""
    for k, (low, high) in enumerate(op.domain):
        for border in (low, high):
            if border not in (-inf, inf) and _side(old[k], border) != _side(new[k], border):
                return True
    return crossed(op.kinks + op.poles, old, new)


def crossed(breaks: Sequence[Break], old: Sequence[float], new: Sequence[float]) -> bool:
    """Whether operands that move from old to new come onto or cross one of these breaks."""
    for k, nearest in breaks:
        place, moved = nearest(*old), nearest(*new)
        if place == moved or place == nearest(
            *[x if i == k else y for i, (x, y) in enumerate(zip(new, old, strict=True))]
        ):
            # the break stays, or moves with the other operands: is this operand still on its side?
            if _side(old[k], place) != _side(new[k], moved):
                return True
        elif any(_between(old[k], x, new[k]) for x in (place, moved, nearest(*_middle(old, new)))):
            return True  # another break is now the nearest: one of these two, or one of several in between
    return False


def _middle(old: Sequence[float], new: Sequence[float]) -> list[float]:
    return [x / 2 + y / 2 for x, y in zip(old, new, strict=True)]


def _side(x: float, place: float) -> int:
    return (x > place) - (x < place)


def _between(x: float, place: float, y: float) -> bool:
    return min(x, y) <= place <= max(x, y)
