"""The form of what a function returns: one Value, an array of them, or lists, tuples and dicts of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..engine.value import Value

Shape = tuple[int, ...]


class Parts(NamedTuple):
    """Results of different forms, one after another; with keys, in a dict.

    Attributes:
        forms: the form of each.
        keys: the keys of the dict, or None for a list or a tuple.
    """

    forms: tuple[Form, ...]
    keys: tuple[Any, ...] | None = None


Form = Shape | Parts  # the shape of an array of results: () for one of them


def flattened(returned: object, what: str = "the function must return") -> tuple[Form, list[Value]]:
    """Return the form of what a function returned, and all results in order.

    Lists of lists of the same lengths are an array. Messages begin with `what`.

    Raises:
        TypeError: for a result that is not a Value.
    """
    if isinstance(returned, Value):
        return (), [returned]
    if isinstance(returned, Mapping):
        parts = [flattened(part, what) for part in returned.values()]
        return Parts(tuple([form for form, _ in parts]), tuple(returned)), _all_of(parts)
    if hasattr(returned, "shape") and hasattr(returned, "flat"):
        return tuple(returned.shape), _all_of([flattened(entry, what) for entry in returned.flat])
    if not isinstance(returned, list | tuple):
        raise TypeError(f"{what} a Value or several, got {returned!r} of type {type(returned).__name__}")
    parts = [flattened(part, what) for part in returned]
    forms = [form for form, _ in parts]
    if all(not isinstance(form, Parts) and form == forms[0] for form in forms):
        return (len(forms), *(forms[0] if forms else ())), _all_of(parts)
    return Parts(tuple(forms)), _all_of(parts)


def without_rows(argument: object, given: int | str) -> TypeError:
    """Return the error for an argument that has no rows; `given` is its position, or its name, as that of a vector."""
    name, row = (f"argument {given}", "example") if isinstance(given, int) else (given, "parameter")
    return TypeError(f"{name} must have an entry for each {row}, got {argument!r}")


def _all_of(parts: list[tuple[Form, list[Value]]]) -> list[Value]:
    return [value for _, values in parts for value in values]


def size_of(form: Form) -> int:
    """Return how many results a form has."""
    if isinstance(form, Parts):
        return sum(map(size_of, form.forms))
    size = 1
    for length in form:
        size *= length
    return size


def formed(form: Form, piece: Callable[[int, Shape], Any], start: int = 0) -> Any:
    """Return results in their form.

    Args:
        form: the form.
        piece: returns the results from some place on in an array of that shape.
        start: the place of the first result.
    """
    if not isinstance(form, Parts):
        return piece(start, form)
    made = []
    for part in form.forms:
        made.append(formed(part, piece, start))
        start += size_of(part)
    return tuple(made) if form.keys is None else dict(zip(form.keys, made, strict=True))
