"""Array programs as flat lists, for pickles: `pickle` follows references, and a chain of arrays may be long."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from .program import Array, ArrayProgram


class Reference(NamedTuple):
    """The number of an array, in place of the array."""

    number: int


class Packed(NamedTuple):
    """An array program without references between arrays.

    Attributes:
        rows: the class and the attributes of each array.
        known: the key by which the program knows each array.
        axes: how many axes have been made.
        exact: whether the program computes the engine's bits.
    """

    rows: list[tuple[type[Array], dict[str, Any]]]
    known: list[Hashable]
    axes: int
    exact: bool


def packed(program: ArrayProgram) -> Packed:
    """Return an array program as a flat list."""
    rows = []
    for array in program.arrays:
        slots = [name for kind in type(array).__mro__ for name in getattr(kind, "__slots__", ())]
        given = {name: _apart(getattr(array, name)) for name in slots if name != "program"}
        rows.append((type(array), given))
    return Packed(rows, [_apart(key) for key in program._known], program._axes, program.exact)


def restored(flat: Packed) -> ArrayProgram:
    """Return the array program that was packed."""
    program = ArrayProgram(flat.exact)
    program._axes = flat.axes
    for kind, given in flat.rows:
        array: Array = object.__new__(kind)
        program.arrays.append(array)
        array.program = program
        for name, attribute in given.items():
            setattr(array, name, _together(attribute, program.arrays))
    program._known = dict(zip([_together(key, program.arrays) for key in flat.known], program.arrays, strict=True))
    return program


def _apart(given: Any) -> Any:
    """The same with references in place of arrays."""
    if isinstance(given, Array):
        return Reference(given.number)
    if isinstance(given, tuple | list) and any(isinstance(one, Array | tuple | list) for one in given):
        return _like(given, [_apart(one) for one in given])
    return given


def _together(given: Any, arrays: Sequence[Array]) -> Any:
    """The same with arrays in place of references."""
    if isinstance(given, Reference):
        return arrays[given.number]
    if isinstance(given, tuple | list) and any(isinstance(one, tuple | list) for one in given):
        return _like(given, [_together(one, arrays) for one in given])
    return given


def _like(given: Any, entries: list[Any]) -> Any:
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        return type(given)(*entries)
    return type(given)(entries)
