"""What is checked: a function at a point, a recorded graph, or a model with its loss.

Each comes to the same: named inputs, their numbers, and a way to compute the outputs at other numbers.
"""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from ..engine.declaration import Primitive, operand_names
from ..engine.derivatives import as_values
from ..engine.floats import counted, integer, is_number, number
from ..engine.graph import topological_order
from ..engine.value import Constant, Value
from ..expressions.recorded import Expression
from .readings import number_taken

T = TypeVar("T")
Reader = Callable[[list[Value], list[Value]], T]


class Subject(Protocol):
    """A function of named inputs.

    Attributes:
        names: the inputs' names, each another one.
        point: their numbers.
        fresh: whether the function itself runs at other numbers, and not a recorded graph.
        notes: what to know about what is checked, in words.
    """

    names: list[str]
    point: list[float]
    fresh: bool
    notes: list[str]

    def at(self, point: Sequence[float], read: Reader[T]) -> T:
        """Return what `read` makes of the outputs and the inputs at these numbers."""


def subject(f: Any, point: Sequence[Any], wrt: Any) -> tuple[Subject, list[int]]:
    """Return what is to be checked, and the places of the inputs to check.

    Raises:
        TypeError: when f, the point or wrt is not one that `gradcheck` takes.
        ValueError: for no inputs, or a place that does not exist.
    """
    if isinstance(wrt, str) or (isinstance(wrt, Sequence) and any(isinstance(entry, str) for entry in wrt)):
        places = "the places of the arguments to check, counted from 0: wrt=[0, 1]"
        values = "the Values to check, wrt=[a, b], or a model"
        wanted = places if point and callable(f) and not isinstance(f, Value) else values
        raise TypeError(f"wrt takes {wanted}; got {wrt!r}")
    if isinstance(f, Value) or not callable(f):
        recorded = _recorded(f, point, wrt)
        return recorded, list(range(len(recorded.point)))
    if not point:
        if wrt is None:
            raise ValueError(
                "gradcheck needs a point: a number or list of numbers for each argument of f; or for a function "
                "without arguments, wrt=[...], the Values or the model to check"
            )
        inputs, names = _parameters(wrt)
        return _Loss(f, inputs, names), list(range(len(inputs)))
    checked = Function(f, point)
    return checked, checked.places(wrt)


# ---------------------------------------------------------------- a function at a point


class _Array(NamedTuple):
    """The shape of an argument that is an array: of its entries."""

    entries: list[Any]


class Function:
    """A function of Values or numbers, of lists or arrays of them."""

    fresh = True

    def __init__(self, f: Callable[..., Any], point: Sequence[Any]) -> None:
        _refuse_what_is_no_point(f, point)
        self.f = f
        names: list[str] = []
        self.point: list[float] = []
        self._shapes = [
            self._taken(given, name, names) for given, name in zip(point, _argument_names(f, len(point)), strict=True)
        ]
        self.names = _each_its_own(names)
        self.notes: list[str] = []
        if not self.point:
            raise ValueError("the point has no number in it")

    def _taken(self, given: Any, name: str, names: list[str]) -> Any:
        """The shape of one argument: the place of its number, or a list of shapes."""
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(given, numpy.ndarray) and given.shape:
            return _Array(self._taken(given.tolist(), name, names))
        if isinstance(given, (list, tuple)):
            return [self._taken(item, f"{name}[{i}]", names) for i, item in enumerate(given)]
        names.append(given.label or name if isinstance(given, Value) else name)
        self.point.append(given.data if isinstance(given, Value) else number(given, f"the point's {name}", bools=False))
        return len(self.point) - 1

    def places(self, wrt: Any) -> list[int]:
        """Return the places of the inputs to check: all or, if given, those in `wrt`."""
        if wrt is None:
            return list(range(len(self.point)))
        places = [integer(place, "a place in wrt", low=0) for place in (wrt if isinstance(wrt, Sequence) else [wrt])]
        for place in places:
            if place >= len(self.point):
                count = counted(len(self.point), "input")
                raise ValueError(f"wrt names input {place}, but the point has {count}, counted from 0")
        if not places:
            raise ValueError("wrt names no input")
        return places

    def arguments(self, inputs: Sequence[Any]) -> list[Any]:
        """Return the arguments of f with these inputs in their places."""
        return [_filled(shape, inputs) for shape in self._shapes]

    def at(self, point: Sequence[float], read: Reader[T]) -> T:
        """Return what `read` makes of f's outputs and the inputs at these numbers."""
        inputs = [Value(x, label=name) for x, name in zip(point, self.names, strict=True)]
        return read(_outputs(lambda: self.f(*self.arguments(inputs))), inputs)


def _filled(shape: Any, inputs: Sequence[Any]) -> Any:
    if isinstance(shape, _Array):
        return sys.modules["numpy"].array(_filled(shape.entries, inputs))
    return inputs[shape] if isinstance(shape, int) else [_filled(item, inputs) for item in shape]


def _refuse_what_is_no_point(f: Callable[..., Any], point: Sequence[Any]) -> None:
    for given in point:
        if hasattr(given, "named_parameters"):
            raise TypeError(
                "a model is no point of a function: to check its parameters, give a function without arguments and the "
                f"model, gradcheck(lambda: loss(model), wrt=model), got {given!r} as the point"
            )
    try:
        inspect.signature(f).bind(*point)
    except TypeError as error:
        call = "; to check Values that f uses without arguments, name them with wrt=[...]"
        given = counted(len(point), "argument")
        raise TypeError(f"f cannot be called with the {given} of the point: {error}{call}") from None
    except ValueError:  # some functions written in C do not say what they take
        return


def _argument_names(f: Callable[..., Any], count: int) -> list[str]:
    names: Sequence[str]
    if isinstance(f, Primitive):
        names = operand_names(f)
    elif isinstance(f, Expression):
        names = f.variables
    else:
        try:
            parameters = inspect.signature(f).parameters.values()
        except ValueError:  # some functions written in C do not say what they take
            parameters = {}.values()
        names = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return [*names[:count], *(f"x{i}" for i in range(len(names), count))]


def _each_its_own(names: Sequence[str]) -> list[str]:
    """The names, with a number after those that come again."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


# ---------------------------------------------------------------- a model with its loss


class _Loss:
    """A function without arguments, such as the loss of a model, of the Values that it uses."""

    fresh = True

    def __init__(self, f: Callable[[], Any], inputs: list[Value], names: list[str]) -> None:
        self._f, self._inputs, self.names = f, inputs, names
        self.point = [value.data for value in inputs]
        self.notes: list[str] = []

    def at(self, point: Sequence[float], read: Reader[T]) -> T:
        """Return what `read` makes of the outputs and the inputs, which have these numbers meanwhile."""
        for value, x in zip(self._inputs, point, strict=True):
            value.data = x
        try:
            return read(_outputs(self._f), self._inputs)
        finally:
            for value, x in zip(self._inputs, self.point, strict=True):
                value.data = x


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
    return inputs, _each_its_own(names)


# ---------------------------------------------------------------- a recorded graph


class Graph:
    """One recorded Value, or several, and the leaves that are its inputs."""

    fresh = False

    def __init__(self, outputs: list[Value], inputs: list[Value], names: list[str], notes: list[str]) -> None:
        self.outputs, self.inputs, self.names, self.notes = outputs, inputs, names, notes
        self.point = [value.data for value in inputs]

    def at(self, point: Sequence[float], read: Reader[T]) -> T:  # noqa: ARG002  # a recorded graph has one point
        """Return what `read` makes of the outputs and the inputs as they were recorded."""
        return read(self.outputs, self.inputs)


def _recorded(f: Any, point: Sequence[Any], wrt: Any) -> Graph:
    """A recorded graph with its inputs: those in wrt, or at the point, or its leaves with a label."""
    if not _only_values(f):
        raise TypeError(f"gradcheck needs a function, or a recorded Value, got {f!r} of type {type(f).__name__}")
    outputs = as_values(f, "what gradcheck checks")
    if point and (wrt is not None or not all(map(_only_values, point))):
        raise TypeError(
            "a recorded Value has its numbers already: name the leaves to check, gradcheck(L, wrt=[a, b]), "
            f"got {point[0]!r}"
        )
    if point:
        wrt = [value for given in point for value in as_values(given, "wrt")]
    if wrt is not None:
        return Graph(outputs, *_parameters(wrt), [])
    leaves = [node for node in topological_order(*outputs) if node.op is None and not isinstance(node, Constant)]
    if not leaves:
        raise ValueError("the recorded Value was computed from constants alone: there is nothing to differentiate in")
    labelled = [leaf for leaf in leaves if leaf.label] or leaves
    names = [leaf.label or f"leaf {i}" for i, leaf in enumerate(labelled)]
    hidden = len(leaves) - len(labelled)
    note = f"{hidden} leaves have no label and are not checked: name them in wrt=[...] to check them too"
    if hidden == 1:
        note = "1 leaf has no label and is not checked: name it in wrt=[...] to check it too"
    return Graph(outputs, labelled, _each_its_own(names), [note] if hidden else [])


def _only_values(given: Any) -> bool:
    """Whether it is a Value, or a list or array of them."""
    if hasattr(given, "tolist"):
        given = given.tolist()
    items = given if isinstance(given, (list, tuple)) else [given]
    return bool(items) and all(
        isinstance(item, Value) or (isinstance(item, list) and _only_values(item)) for item in items
    )


# ---------------------------------------------------------------- what a function returned


def _outputs(f: Callable[[], Any]) -> list[Value]:
    """The Values that a function returns: one, or several in lists, tuples or arrays.

    Raises:
        TypeError: when it returns something else; a number with the line where the graph was left.
    """
    outputs: list[Value] = []
    pending = [f()]
    while pending:
        result = pending.pop()
        if isinstance(result, Value):
            outputs.append(result)
            continue
        items = result.tolist() if hasattr(result, "tolist") else result
        if not isinstance(items, (list, tuple)) or not items:
            raise TypeError(f"{_no_value(result)}{_why_no_value(f) if is_number(result) else ''}")
        pending += reversed(items)
    return outputs


def _no_value(result: Any) -> str:
    return f"the function must return a Value or several, got {result!r} of type {type(result).__name__}"


def _why_no_value(f: Callable[[], Any]) -> str:
    """Why a function returns a plain number, and what to do."""
    taken = number_taken(f)
    if taken is None:
        return ": the number does not depend on the inputs"
    return (
        f"; {taken}. Use scalargrad's own operations, such as x.sin() in place of math.sin(x). To check a derivative "
        "that you wrote by hand for plain numbers, give it too: gradcheck(f, x, gradient=df)"
    )
