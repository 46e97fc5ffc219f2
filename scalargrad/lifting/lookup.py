"""Looking an entry up in a table, as an operation of a trace: its operands are the index and all entries."""

from __future__ import annotations

from typing import Any, SupportsIndex

from ..engine import primitives as p
from ..engine.declaration import Primitive, Rule


def _entry(index: float, *entries: float) -> float:
    return entries[int(index)]


def _in_index(*_: Any) -> float:
    return 0.0


class _Rules(tuple[Rule, ...]):
    """The rules for tables of any size: the slope is 1 in the entry that is looked up, and 0 elsewhere."""

    __slots__ = ()

    def __getitem__(self, operand: SupportsIndex | slice) -> Any:
        if operand == 0:
            return _in_index
        return lambda _out, index, *_entries: p.greater(0.5, p.abs(index - (operand.__index__() - 1)))  # type: ignore[union-attr]


LOOKUP = Primitive(
    name="take",
    summary="The entry of a table at an index.",
    value=_entry,
    partials=_Rules(),
    notation="take({})",
    array=None,
    domain=(),
    kinks=(),
    poles=(),
    edges=(),
    associative=False,
    commutative=False,
    identity=None,
    right_identity=None,
)
