"""Looking an entry up in a table, as an operation of a trace: its operands are the index and the table.

A table is an operation too, whose operands are the entries: it is recorded once, however often it is looked up in.
"""

from __future__ import annotations

from collections.abc import Callable
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


def _primitive(name: str, summary: str, value: Callable[..., float], partials: tuple[Rule, ...]) -> Primitive:
    return Primitive(
        name=name,
        summary=summary,
        value=value,
        partials=partials,
        notation=name + "({})",
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


LOOKUP = _primitive("take", "The entry of a table at an index.", _entry, _Rules())
TABLE = _primitive("table", "Entries side by side, which have no value but when they are looked up.", _entry, ())
