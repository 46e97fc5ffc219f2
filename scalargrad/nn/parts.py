"""What networks are put together from: modules and functions, each of which reads what the one before returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.value import Value
from ..functional import Outputs
from .arguments import activation_name
from .module import Module

Part = Module | Callable[[Any], Any]  # for type checkers a Module alone may have no call


def refuse_no_part(given: object, what: str) -> None:
    """Raise for what cannot be called.

    Raises:
        TypeError: for it.
    """
    if not callable(given):
        raise TypeError(f"{what} must be a module or a function, got {given!r}")


def returned_by(part: Part, inputs: Any) -> Any:
    """Return what a part returns: that of a layer of one neuron in a list, too, as the next part reads a list.

    A Sequential may return an image, which its `outputs` refuses: it has `_returned` for this.
    """
    called: Any = getattr(part, "_returned", None) or getattr(part, "outputs", None) or part
    return called(inputs)


def spelled_part(part: Part) -> str:
    """Return a part as Python: what makes a module, or the name of a function."""
    return repr(part) if isinstance(part, Module) else str(activation_name(part))


def form(given: Any) -> tuple[int, ...]:
    """Return the lengths of lists of lists, as far as their first entries tell; of a Value none."""
    return (len(given), *(form(given[0]) if given else ())) if isinstance(given, (list, tuple)) else ()


def is_alike(one: Any, other: Any) -> bool:
    """Return whether two lists of lists have one form, in all their entries."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_alike, one, other))
    return not isinstance(one, (list, tuple)) and not isinstance(other, (list, tuple))


def added(one: Any, other: Any) -> Any:
    """Return the sums of the Values in two lists of lists of one form, in that form."""
    if isinstance(one, Value):
        return one + other
    sums = [added(x, y) for x, y in zip(one, other, strict=True)]
    return Outputs(sums) if all(isinstance(x, Value) for x in sums) else sums
