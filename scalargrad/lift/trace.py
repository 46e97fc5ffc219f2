"""One run of the user's function on inputs that stand for any number: what it computes, as a flat list.

A `Traced` is a Value without a number. Handed to a function in place of an example's inputs, it
records each operation in the list of its `Trace`: the primitive, and where its operands stand in
the list. What the function computes from parameters alone are ordinary Values; their graph is read
into the list where it meets a traced one.

A function that asks for the number of an input (to branch on it, to compare it, to call `float`)
would be traced as if the answer were always the same. So it is told that it cannot be lifted, and
in which line it asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Real
from typing import Any, NoReturn

from .. import modes
from .. import primitives as p
from ..declaration import Primitive
from ..floats import number
from ..value import Constant, Value

_new = object.__new__


class TraceError(TypeError):
    """A function cannot be lifted: it asks for what differs from example to example, or is not its own."""


Node = tuple[Any, ...]  # (primitive, *places of the operands), ("constant", number, its sign), (array, place)


class Trace:
    """The operations of one run, each after its operands, none twice.

    Attributes:
        nodes: what each node is, in order, with its place in that order. A leaf is where its number
            comes from: ("theta", 3) is the fourth parameter, ("x", 0) the first number of an argument.
        captured: the Values, neither parameters nor results, whose numbers the function reads.
        labels: what nodes are called, where they have a label.
        of_value: where each Value stands that the function has met.
    """

    def __init__(self, parameters: Iterable[Value]) -> None:
        self.of_value: dict[Value, int] = {parameter: place for place, parameter in enumerate(parameters)}
        self.nodes: dict[Node, int] = {("theta", place): place for place in self.of_value.values()}
        self.captured: list[Value] = []
        self.labels: dict[int, str] = {}
        self._constants: dict[int, float] = {}
        for parameter in self.of_value:
            if hasattr(parameter, "_notes"):  # as a label is; few Values have any
                self._note(parameter)

    # ---------------------------------------------------------------- what stands in the list

    def argument(self, array: str, shape: Sequence[int]) -> Any:
        """Return an argument of the function: nested lists of traced inputs, of that shape."""
        return self._nested(array, shape, iter(range(math.prod(shape))))

    def _nested(self, array: str, shape: Sequence[int], places: Iterator[int]) -> Any:
        if not shape:
            return Traced(self, self._enter((array, next(places))))
        return [self._nested(array, shape[1:], places) for _ in range(shape[0])]

    def index_of(self, given: Any, purpose: str = "an operand") -> int:
        """Return where an operand stands, which is entered if it is new.

        Raises:
            TypeError: when it is no number.
            TraceError: when it belongs to another trace.
        """
        if isinstance(given, Traced):
            if given.trace is not self:
                _refuse("an input of another run takes part: an input, or what was computed from it, has been kept")
            return given.index
        if isinstance(given, Value):
            place = self.of_value.get(given)
            return self._read(given) if place is None else place
        return self._constant(number(given, purpose))

    def record(self, node: Node) -> int:
        """Return where an operation stands, which is entered if it is new, or the operand that it leaves as it is."""
        found = self.nodes.get(node)
        return self.add(node) if found is None else found

    def add(self, node: Node) -> int:
        """Return where a new operation stands, or the operand that it leaves as it is."""
        constants = self._constants
        if node[1] in constants or node[-1] in constants:
            unchanged = self._unchanged(node)
            if unchanged is not None:
                return unchanged
        place = self.nodes[node] = len(self.nodes)
        return place

    def finish(self) -> None:
        """Let nothing more be recorded."""
        self.nodes = _Finished(self.nodes)

    def _unchanged(self, node: Node) -> int | None:
        """The operand that is also the result: x of x + 0 and of 1 * x."""
        identity = node[0].identity
        if identity is None or math.isinf(identity) or len(node) != 3:  # max(x, -inf) has a tie at -inf
            return None
        _, x, y = node
        if node[0].commutative and self._constants.get(x) == identity:
            return int(y)
        return int(x) if self._constants.get(y) == identity else None

    def _constant(self, data: float) -> int:
        place = self._enter(("constant", data, math.copysign(1.0, data)))  # 0.0 and -0.0 are two
        self._constants[place] = data
        return place

    def _enter(self, leaf: Node) -> int:
        return self.nodes.setdefault(leaf, len(self.nodes))

    def _read(self, value: Value) -> int:
        """Enter the graph of a Value, as far as it is not known yet; without recursion, as it may be deep."""
        known, nodes, constants = self.of_value, self.nodes, self._constants
        path = [value]
        while path:
            node = path[-1]
            x, y = node._x, node._y
            if x is not None and y is not None:  # as most are
                first, second = known.get(x), known.get(y)
                if first is not None and second is not None:
                    entry = (node.op, first, second)
                    if first in constants or second in constants:
                        known[node] = self.record(entry)
                    else:
                        known[node] = nodes.setdefault(entry, len(nodes))
                    if hasattr(node, "_notes"):
                        self._note(node)
                    path.pop()
                    continue
                if second is None:
                    path.append(y)
                if first is None:
                    path.append(x)
                continue
            operands = node.args
            waiting = [operand for operand in operands if operand not in known]
            if waiting:
                path += waiting
                continue
            if node not in known:
                known[node] = self._enter_single(node, operands)
            path.pop()
        return known[value]

    def _enter_single(self, node: Value, operands: tuple[Value, ...]) -> int:
        """Enter a leaf, or a result of one operand or of more than two."""
        if operands:
            place = self.record((node.op, *[self.of_value[operand] for operand in operands]))
        elif node.__class__ is Constant:
            return self._constant(node._data)
        else:
            place = self._enter(("captured", len(self.captured)))
            self.captured.append(node)
        self.of_value[node] = place
        self._note(node)
        return place

    def _note(self, node: Value) -> None:
        if node.label is not None:
            self.labels[self.of_value[node]] = node.label


class _Finished(dict[Node, int]):
    """The nodes of a trace that is over."""

    def get(self, node: object, default: object = None) -> NoReturn:  # noqa: ARG002  # as a dict has it
        _refuse("an input of an earlier run takes part: an input, or what was computed from it, has been kept")


# ---------------------------------------------------------------- Values without a number


class Traced(Value):
    """A Value that stands for a number in each example; see `Trace`."""

    __slots__ = ("index", "trace")
    index: int
    trace: Trace
    op = None  # it has none of its own: what it is stands in the trace

    def __init__(self, trace: Trace, index: int) -> None:
        self.trace = trace
        self.index = index

    @property
    def _data(self) -> NoReturn:  # type: ignore[override]  # what a Value has, and this has not
        _refuse("the number of an input is asked for, or of what is computed from it; it differs between examples")

    @property
    def label(self) -> str | None:
        """A name to show."""
        return self.trace.labels.get(self.index)

    @label.setter
    def label(self, label: str | None) -> None:
        if label is not None:
            self.trace.labels[self.index] = label

    def __index__(self) -> NoReturn:  # noqa: PLE0305  # it never returns
        _refuse("an input is used as an index, or as a class; give the class as a distribution over the classes")

    def __getitem__(self, place: object) -> NoReturn:
        _refuse(
            "an input is a single number here, and no row; the function is of one example, and is "
            "given the entry that each argument has for it"
        )

    def backward(self, gradient: float = 1.0) -> NoReturn:  # noqa: ARG002  # as Value has it
        """Refuse: the gradient is the program's to compute."""
        _refuse("the gradient is asked for inside the function; the program computes it")

    def __repr__(self) -> str:
        return f"<traced {self.label or self.index}>"

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Traced:
        """Record any primitive of which an operand is traced."""
        trace = next(operand.trace for operand in operands if isinstance(operand, Traced))
        places = [trace.index_of(operand, f"an operand of {primitive.name}") for operand in operands]
        return _traced(trace, (primitive, *places))


def _traced(trace: Trace, node: Node) -> Traced:
    index = trace.nodes.get(node)
    if index is None:
        index = trace.add(node)
    if modes.active and not modes.recording():
        index = trace.record((p.stop_gradient, index))
    out: Traced = _new(Traced)
    out.trace = trace
    out.index = index
    return out


def _unary(primitive: Primitive) -> Callable[[Traced], Traced]:
    def method(self: Traced) -> Traced:
        return _traced(self.trace, (primitive, self.index))

    return method


def _binary(primitive: Primitive, reflected: bool) -> Callable[[Traced, Any], Traced]:
    def method(self: Traced, other: Any) -> Any:
        trace = self.trace
        if other.__class__ is Traced and other.trace is trace:
            place = other.index
        elif other.__class__ is Value and other in trace.of_value:
            place = trace.of_value[other]
        elif isinstance(other, Value | Real):
            place = trace.index_of(other)
        else:
            return NotImplemented
        return _traced(trace, (primitive, place, self.index) if reflected else (primitive, self.index, place))

    return method


def _record_all_methods() -> None:
    """Give Traced each method of Value that applies a primitive: the operators, their reflections, the names."""
    for name, method in vars(Value).items():
        primitive = getattr(method, "primitive", None)
        if primitive is not None:
            recorder = _unary(primitive) if primitive.arity == 1 else _binary(primitive, name.startswith("__r"))
            recorder.__doc__ = method.__doc__
            setattr(Traced, name, recorder)


_record_all_methods()


def _refuse(reason: str) -> NoReturn:
    raise TraceError(f"cannot be lifted: {reason}; at {modes.line_of_caller()}")
