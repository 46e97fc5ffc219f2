"""What is checked: a function at a point, a recorded graph, or a model with its loss.

All three come to the same: named inputs, the numbers they have, and a way to get the outputs at
other numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from ..engine.declaration import Primitive, operand_names
from ..engine.derivatives import as_values
from ..engine.floats import integer, number
from ..engine.value import Constant, Value
from ..expressions.recorded import Expression

T = TypeVar("T")
Reader = Callable[[list[Value], list[Value]], T]


class Subject(Protocol):
    """A function of named inputs.

    Attributes:
        names: the inputs' names.
        point: their numbers.
        fresh: whether it is computed anew at other numbers, and not run again from a recorded graph.
    """

    names: list[str]
    point: list[float]
    fresh: bool

    def at(self, point: Sequence[float], read: Reader[T]) -> T:
        """Return what `read` makes of the outputs and inputs with the inputs at these numbers."""


def subject(f: Any, point: Sequence[Any], wrt: Any) -> tuple[Subject, list[int]]:
    """Return what is to be checked, and the places of the inputs in which it is to be.

    Raises:
        TypeError: when f, the point or wrt is none of what `gradcheck` takes.
        ValueError: for no inputs, or a place that is none.
    """
    if not point and wrt is not None:
        inputs, names = _parameters(wrt)
        if callable(f) and not isinstance(f, Value):
            return _Loss(f, inputs, names), list(range(len(inputs)))
        return _Graph(f, inputs, names), list(range(len(inputs)))
    if not callable(f):
        raise TypeError(f"gradcheck needs a function, or a recorded Value and wrt=[...], got {f!r}")
    if not point:
        raise ValueError("gradcheck needs a point: a number or list of numbers for each argument of f, or wrt=[...]")
    checked = _Function(f, point)
    if not checked.point:
        raise ValueError("the point has no number in it")
    if wrt is None:
        return checked, list(range(len(checked.point)))
    places = [integer(place, "a place in wrt", low=0) for place in (wrt if isinstance(wrt, Sequence) else [wrt])]
    for place in places:
        if place >= len(checked.point):
            raise ValueError(f"wrt names input {place}, the point has {len(checked.point)} inputs, counted from 0")
    if not places:
        raise ValueError("wrt names no input")
    return checked, places


class _Function:
    """A function of Values, or of lists of them."""

    fresh = True

    def __init__(self, f: Callable[..., Any], point: Sequence[Any]) -> None:
        self._f = f
        self.names: list[str] = []
        self.point: list[float] = []
        self._shape = [
            self._taken(given, name) for given, name in zip(point, _argument_names(f, len(point)), strict=True)
        ]

    def _taken(self, given: Any, name: str) -> Any:
        """The shape of one argument: the place of its number, or a list of shapes."""
        if isinstance(given, (list, tuple)):
            return [self._taken(item, f"{name}[{i}]") for i, item in enumerate(given)]
        self.names.append(given.label or name if isinstance(given, Value) else name)
        self.point.append(given.data if isinstance(given, Value) else number(given, f"the point's {name}", bools=False))
        return len(self.point) - 1

    def at(self, point: Sequence[float], read: Reader[T]) -> T:
        inputs = [Value(x, label=name) for x, name in zip(point, self.names, strict=True)]
        return read(_outputs(self._f(*[_filled(shape, inputs) for shape in self._shape])), inputs)


class _Loss:
    """A function without arguments of Values that it gets at by itself: a model's loss, of its parameters."""

    fresh = True

    def __init__(self, f: Callable[[], Any], inputs: list[Value], names: list[str]) -> None:
        self._f, self._inputs, self.names = f, inputs, names
        self.point = [value.data for value in inputs]

    def at(self, point: Sequence[float], read: Reader[T]) -> T:
        for value, x in zip(self._inputs, point, strict=True):
            value.data = x
        try:
            return read(_outputs(self._f()), self._inputs)
        finally:
            for value, x in zip(self._inputs, self.point, strict=True):
                value.data = x


class _Graph:
    """One recorded Value, or several."""

    fresh = False

    def __init__(self, f: Any, inputs: list[Value], names: list[str]) -> None:
        self._outputs = as_values(f, "what gradcheck checks")
        self._inputs, self.names = inputs, names
        self.point = [value.data for value in inputs]

    def at(self, point: Sequence[float], read: Reader[T]) -> T:  # noqa: ARG002  # a recording is at its own point alone
        return read(self._outputs, self._inputs)


def _parameters(wrt: Any) -> tuple[list[Value], list[str]]:
    """The Values in which to differentiate, with their names; of a module, its parameters."""
    if hasattr(wrt, "named_parameters"):
        named = list(wrt.named_parameters())
        inputs, names = [value for _, value in named], [name for name, _ in named]
    else:
        inputs = as_values(wrt, "wrt")
        names = [value.label or f"wrt[{i}]" for i, value in enumerate(inputs)]
    if not inputs:
        raise ValueError("wrt names no Value")
    for value in inputs:
        if value.op is not None or isinstance(value, Constant):
            raise ValueError(f"wrt must name leaves, whose numbers can be set, got {value!r}")
    if len(set(inputs)) < len(inputs):
        raise ValueError("wrt names a Value twice")
    return inputs, names


def _outputs(found: Any) -> list[Value]:
    """The Values that a function returned: one, or several in lists, tuples or arrays."""
    if isinstance(found, Value):
        return [found]
    if hasattr(found, "tolist"):
        found = found.tolist()
    if isinstance(found, (list, tuple)) and found:
        return [value for item in found for value in _outputs(item)]
    raise TypeError(f"the function must return a Value or several, got {found!r} of type {type(found).__name__}")


def _filled(shape: Any, inputs: list[Value]) -> Any:
    return inputs[shape] if isinstance(shape, int) else [_filled(item, inputs) for item in shape]


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    if isinstance(f, Primitive):
        names = operand_names(f)
    elif isinstance(f, Expression):
        names = f.variables
    else:
        function = getattr(f, "__func__", f)
        code = getattr(function, "__code__", None)
        names = code.co_varnames[function is not f : code.co_argcount] if code is not None else ()
    return [*names[:count], *(f"x{i}" for i in range(len(names), count))]
