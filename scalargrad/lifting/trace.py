"""One run of the user's function on inputs that stand for any number: what it computes, as a flat list.

A `Traced` is a Value without a number. The function gets one in place of each number of an example.
Each operation on it is recorded in the list of its `Trace`: the primitive, and the places of its
operands in the list. Operations on parameters alone are recorded in the same way. The graph of a result
that existed before the run is added to the list when the function uses the result.

A function that reads the number of a Value, to branch on it, to compare it or to call `float`, would be
traced as if the number never changed. So while the function runs, no Value gives out its number. Each
attempt is a `TraceError`, which names the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from itertools import chain, islice
from numbers import Real
from typing import Any, NoReturn

from ..engine import floats, modes
from ..engine import primitives as p
from ..engine.declaration import Primitive
from ..engine.floats import held_by, is_number, number
from ..engine.value import OPERATIONS, REFLECTED, Constant, Value
from . import derivatives
from .leaves import CAPTURED, THETA
from .lookup import LOOKUP, TABLE

_new = object.__new__


class TraceError(TypeError):
    """A function cannot be lifted: it reads a number that may change, or does more than compute a result."""


Node = tuple[Any, ...]  # (primitive, *places of the operands), ("constant", number, its sign), (array, place)


class Trace:
    """The operations of one run, each after its operands, none twice.

    Attributes:
        nodes: each node with its place, in order. A leaf is a name and an index: (THETA, 3) is the fourth
            parameter, ("x", 0) the first number of the argument x.
        captured: the Values, other than parameters and results, whose numbers the function uses.
        labels: the labels of nodes, by place.
        of_value: the places of the Values that the function has used.
        refused: the first TraceError of the run, also if the function caught it.
        beside_constants: the operations of which an operand is a constant, by place, each with the place of the
            operand that it leaves as it is, as x + 0 does; None where it changes it.
        indices: for each argument, which of its numbers are indices, and the size of the smallest table of each.
    """

    def __init__(self, parameters: Iterable[Value]) -> None:
        self.of_value: dict[Value, int] = {parameter: place for place, parameter in enumerate(parameters)}
        self.nodes: dict[Node, int] = {(THETA, place): place for place in self.of_value.values()}
        self.captured: list[Value] = []
        self.labels: dict[int, str] = {}
        self.refused: TraceError | None = None
        self.beside_constants: dict[int, int | None] = {}
        self.indices: dict[str, dict[int, int]] = {}
        self._derives = False  # whether it records a derivative
        self._in_order: list[Node] = []
        self._repeated: set[int] = set()  # nodes that were computed more than once
        self._constants: dict[int, float] = {}
        self._tables: dict[tuple[int, tuple[int, ...]], tuple[list[Any], list[Any]]] = {}  # by the entries, with them
        for parameter in self.of_value:
            if hasattr(parameter, "_notes"):  # as a label is; few Values have any
                self._note(parameter)

    @property
    def operations(self) -> int:
        """How many operations the run did."""
        return sum(node[0].__class__ is not str for node in self.nodes)

    # ---------------------------------------------------------------- adding to the list

    def argument(self, array: str, shape: Sequence[int]) -> Any:
        """Return an argument of the function: nested lists of traced inputs, of that shape."""
        return self._nested(array, shape, iter(range(math.prod(shape))))

    def _nested(self, array: str, shape: Sequence[int], places: Iterator[int]) -> Any:
        if not shape:
            return Traced(self, self._enter((array, next(places))))
        return Row(self, array, shape, [self._nested(array, shape[1:], places) for _ in range(shape[0])])

    def index_of(self, given: Any, purpose: str = "an operand") -> int:
        """Return the place of an operand, which is added if it is new.

        In messages the operand is called `purpose`.

        Raises:
            TypeError: for what is not a number.
            TraceError: for an operand of another trace.
        """
        if isinstance(given, Traced):
            if given.trace is not self:
                raise self.error("an input of another run takes part: an input, or a result of it, was kept")
            return given.index
        if isinstance(given, Value):
            place = self.of_value.get(given)
            return self._read(given) if place is None else place
        if isinstance(given, Row):
            given.refuse()
        return self._constant(number(given, purpose))

    def record(self, node: Node) -> int:
        """Return the place of an operation, which is added if it is new."""
        place = self.nodes.get(node)
        return self.add(node) if place is None else place

    def add(self, node: Node) -> int:
        """Add a new operation and return its place."""
        place = self.nodes[node] = len(self.nodes)
        constants = self._constants
        if node[1] in constants or node[-1] in constants:
            self.beside_constants[place] = self._unchanged(node)
        return place

    def skipped(self, node: Node) -> int | None:
        """Return the place of the operand that a new operation of a derivative leaves as it is, if it leaves one."""
        return self._unchanged(node) if self._derives else None

    def applied(self, primitive: Primitive, operands: Sequence[Any]) -> Traced:
        """Record a primitive of any number of operands, and return its result."""
        places = [self.index_of(operand, f"an operand of {primitive.name}") for operand in operands]
        return _traced(self, (primitive, *places))

    def operation_of(self, node: Any) -> tuple[Primitive | None, tuple[Any, ...]]:
        """Return the operation that made a Value of this run, and its operands; None for a leaf.

        An operand is a place in the list, a Value from before the run, or the number of a constant. It may be asked
        about in the same way.
        """
        if isinstance(node, float):
            return None, ()
        if isinstance(node, Value) and not isinstance(node, Traced):
            return node.op, node.args
        primitive, places = self.operation_at(node if isinstance(node, int) else node.index)
        return primitive, tuple(self._constants.get(place, place) for place in places)

    def operation_at(self, place: int) -> tuple[Primitive | None, tuple[int, ...]]:
        """Return the operation at a place, and the places of its operands; None for a leaf."""
        op, *operands = self._node_at(place)
        if op is LOOKUP:
            index, table = operands
            return op, (index, *self._node_at(table)[1:])
        return (op, tuple(operands)) if isinstance(op, Primitive) else (None, ())

    def _node_at(self, place: int) -> Node:
        new = len(self.nodes) - len(self._in_order)
        if new:
            self._in_order += reversed(list(islice(reversed(self.nodes), new)))
        return self._in_order[place]

    def value_at(self, place: int) -> Traced | float:
        """Return what stands for a node in operations: a number for a constant, else a traced Value."""
        return self._constants[place] if place in self._constants else Traced(self, place)

    # ---------------------------------------------------------------- look-ups

    def looked_up(self, table: Sequence[Any], index: Value) -> Any:
        """Record that an entry of a table is looked up; an entry that is a list gives a list of what it has.

        Raises:
            TraceError: for an index that is not an input, or rows of different lengths.
        """
        self.is_index(index, len(table))
        return self._entry(list(table), self.index_of(index))

    def _entry(self, table: list[Any], place: int) -> Any:
        """Look an entry up; what is looked up by an index that is looked up itself is another table of entries."""
        op, *operands = self._node_at(place)
        if op == "constant":
            return table[int(operands[0])]
        if op is not LOOKUP:
            return self._looked_up(self._table(table), place)
        index, places = operands
        return self._entry([self._entry(table, entry) for entry in self._node_at(places)[1:]], index)

    def is_index(self, index: Any, size: int) -> bool:
        """Note that an input is an index into a table of that size, or that all entries of a table are.

        Raises:
            TraceError: for what is computed in another way than by looking it up, or no input.
            TypeError, ValueError: for an entry that is no integer, or beyond the table.
        """
        pending = [self.index_of(index)]
        while pending:
            op, *rest = self._node_at(pending.pop())
            if op is LOOKUP:
                pending += self._node_at(rest[1])[1:]
            elif op == "constant":
                floats.place(rest[0], size, "an entry that is looked up as an index")
            elif op in (THETA, CAPTURED) or op.__class__ is not str:
                raise self.error(
                    "an index must be an integer of an example as it is given, and this one is computed, or no input; "
                    "what would be computed can be looked up too: take(table, take(places, i))"
                )
            else:
                sizes = self.indices.setdefault(op, {})
                sizes[rest[0]] = min(size, sizes.get(rest[0], size))
        return True

    def _table(self, entries: list[Any]) -> Any:
        """Return the place of a table, which is added if it is new; of rows, a table for each of their columns."""
        types = set(map(type, entries))
        if types == {Value}:  # as in a table of parameters, which may be long
            known = list(map(self.of_value.get, entries))
            if None not in known:
                return self.record((TABLE, *known))
        rows = entries
        if types != {list}:
            rows = [held_by(entry) for entry in entries if not isinstance(entry, Value) and isinstance(entry, Iterable)]
        if not rows:
            return self.record((TABLE, *[self.index_of(entry, "an entry of the table") for entry in entries]))
        columns = [list(row) for row in rows]
        if len(rows) < len(entries) or len(set(map(len, columns))) > 1:
            raise self.error("the rows of a table that is looked up must have one length, as the result has one")
        flat = list(chain.from_iterable(columns))
        key = len(entries), tuple(map(id, flat))
        if key in self._tables:
            return self._tables[key][0]
        made = [self._table(list(column)) for column in zip(*columns, strict=True)]
        if types == {list} and list not in map(type, made):  # else what has these ids may change, or be freed
            self._tables[key] = made, flat
        return made

    def _looked_up(self, table: Any, index: int) -> Any:
        if isinstance(table, list):
            return [self._looked_up(column, index) for column in table]
        return _traced(self, (LOOKUP, index, table))

    # ---------------------------------------------------------------- derivatives

    def pulled_back(self, outputs: Sequence[Any], upstream: Sequence[Any], wrt: Sequence[Any]) -> list[Any]:
        """Record the gradients of `wrt`, given those of the outputs."""
        places, targets = self._differentiated(outputs, wrt)
        with self._deriving():
            before = len(self.nodes)
            return self._derived(derivatives.pulled_back(self, places, upstream, targets), before)

    def pushed_forward(self, outputs: Sequence[Any], wrt: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """Record how fast the outputs change, given how fast `wrt` does."""
        places, targets = self._differentiated(outputs, wrt)
        with self._deriving():
            before = len(self.nodes)
            return self._derived(derivatives.pushed_forward(self, places, targets, tangents), before)

    @contextmanager
    def _deriving(self) -> Iterator[None]:
        """Record no operation that leaves an operand as it is, of which derivatives have many."""
        self._derives = True
        try:
            yield
        finally:
            self._derives = False

    def _differentiated(self, outputs: Sequence[Any], wrt: Sequence[Any]) -> tuple[list[int], list[int]]:
        """The places of what is differentiated and with respect to what: nothing that has the place of another."""
        places, targets = [self.index_of(output) for output in outputs], [self.index_of(value) for value in wrt]
        for place in places:
            primitive, _ = self.operation_at(place)
            if (primitive is None or primitive is p.stop_gradient) and place not in targets:
                modes.refuse_unrecorded("a derivative of this result")
        for value, place in zip(wrt, targets, strict=True):
            if isinstance(value, _Same) or place in self._repeated:
                raise self.error(
                    "a derivative with respect to a result that another one equals, computed in the same way; which of "
                    "them is meant is not recorded: compute it once and differentiate with respect to that"
                )
        return places, targets

    def _derived(self, derived: list[Any], before: int) -> list[Any]:
        """Derivatives as traced Values; one that was a node before, as ∂(xy)/∂x is y, can be told from that node."""
        places = [self.index_of(one) for one in derived]
        return [(_Same if place < before else Traced)(self, place) for place in places]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record what the function computes in this block; after it nothing more is recorded.

        Raises:
            TraceError: if one was raised in the block, also if it was caught there.
        """
        try:
            with modes.traced_by(self):
                yield
        except Exception as error:
            if self.refused is None or error is self.refused:
                raise
            raise self.refused from error
        if self.refused is not None:
            raise self.refused
        self.nodes = _Finished(self.nodes)

    def rewritten(self, nodes: Sequence[Node], places: Sequence[int]) -> Trace:
        """Return a trace of other nodes, which has ended; `places` has those that stand for the nodes of this one."""
        trace = copy(self)
        trace.nodes = _Finished(zip(nodes, range(len(nodes)), strict=True))
        trace.labels = {places[place]: label for place, label in self.labels.items()}
        constants = trace._constants = {places[place]: number for place, number in self._constants.items()}
        trace.beside_constants = {
            place: trace._unchanged(node)
            for place, node in enumerate(nodes)
            if (node[1] in constants or node[-1] in constants) and node[0].__class__ is not str
        }
        return trace

    def refuse(self, asked: str, value: object = None) -> NoReturn:
        """Raise the error for what a lifted function must not do, such as read the number of a Value.

        Raises:
            TraceError: always.
        """
        if asked in _NEEDS_THE_GRAPH:
            raise self.error(f"{asked} cannot be used inside: {_NEEDS_THE_GRAPH[asked]}")
        advice = _ADVICE.get(asked, "use operations of scalargrad, or a plain float that never changes")
        raise self.error(f"{asked} reads the number of {self._described(value)}; {advice}")

    def error(self, reason: str) -> TraceError:
        """Return the error that says why the function cannot be lifted, and in which line."""
        error = TraceError(f"cannot be lifted: {reason}; at {modes.line_of_caller()}")
        self.refused = self.refused or error
        return error

    def _described(self, value: object) -> str:
        if isinstance(value, Traced):
            return "an input, or of a result of one, which differs between examples"
        place = self.of_value.get(value) if isinstance(value, Value) else None
        name = f" {value.label!r}" if isinstance(value, Value) and value.label else ""
        if (THETA, place) in self.nodes:
            return f"parameter{name or f' {place}'}, which may change between calls"
        return f"a Value{name}, which may change between calls"

    def _unchanged(self, node: Node) -> int | None:
        """The operand that is also the result: x of x + 0 and of 1 * x."""
        identity = node[0].identity
        if identity is None or len(node) != 3 or node[0].kinks:  # at a tie each operand has a share of the gradient
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
        """Add the part of a Value's graph that is not known yet; without recursion, as it may be deep."""
        known, nodes, constants = self.of_value, self.nodes, self._constants
        path = [value]
        while path:
            node = path[-1]
            x, y = node._x, node._y
            if x is not None and y is not None:  # as most nodes have
                first, second = known.get(x), known.get(y)
                if first is not None and second is not None:
                    entry = (node.op, first, second)
                    if first in constants or second in constants:
                        known[node] = self.record(entry)
                    else:
                        before = len(nodes)
                        known[node] = place = nodes.setdefault(entry, before)
                        if place != before:
                            self._repeated.add(place)
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
        """Add a leaf, or a result of one operand or of more than two."""
        if operands:
            place = self.record((node.op, *[self.of_value[operand] for operand in operands]))
        elif node.__class__ is Constant:
            return self._constant(node._data)
        else:
            place = self._enter((CAPTURED, len(self.captured)))
            self.captured.append(node)
        self.of_value[node] = place
        self._note(node)
        return place

    def _note(self, node: Value) -> None:
        if node.label is not None:
            self.labels[self.of_value[node]] = node.label


class _Finished(dict[Node, int]):
    """The nodes of a trace that has ended."""

    def get(self, node: object, default: object = None) -> NoReturn:  # noqa: ARG002  # as a dict has it
        raise TraceError(
            "cannot be lifted: an input of an earlier run takes part: an input, or a result of it, was kept; "
            f"at {modes.line_of_caller()}"
        )


_CHOICE = "use scalargrad.maximum, minimum, abs, relu or greater, which compute both cases"
_PLAIN = "use the operation of scalargrad, as x.exp() for math.exp(x), or stop_gradient, or a plain float"
_ADVICE = {
    **dict.fromkeys(["<", "<=", ">", ">=", "bool()"], _CHOICE),
    **dict.fromkeys(["float()", ".data"], _PLAIN),
    "==": "a Value equals itself alone; compare plain numbers, or use scalargrad.greater",
}
_DERIVATIVE = "use grad inside, or value_and_grad or backward of the program"
_NEEDS_THE_GRAPH = {
    "the recorded graph": "steps, drawings and sweeps need the graph of Values, which a traced run does not make; "
    f"for derivatives {_DERIVATIVE}",
    "backward()": _DERIVATIVE,
    "a lifted program": "call the function itself",
    "a mask that Dropout draws": "the program would have the same mask in every call; lift nn.Masked(function, "
    "*example), which takes the mask as one more argument, or call eval() of the module, which then drops nothing",
    "an optimizer's step": "a lifted function computes a result and changes nothing; do it outside",
    **dict.fromkeys(
        [".data =", ".grad =", "zero_grad()"], "a lifted function computes a result and changes nothing; do it outside"
    ),
}


# ---------------------------------------------------------------- what the function is given


class Row(list[Any]):
    """Several entries of an argument, as a list; an error in arithmetic, as it is not a number."""

    def __init__(self, trace: Trace, argument: str, shape: Sequence[int], entries: Sequence[Any]) -> None:
        super().__init__(entries)
        self.trace = trace
        self.argument = argument
        self.shape = tuple(shape)

    def refuse(self, *_other: object) -> NoReturn:
        """Raise the error for a row that is used as a number.

        Raises:
            TraceError: always.
        """
        raise self.trace.error(
            f"argument {self.argument} takes part in arithmetic as a number, but each example of it has the shape "
            f"{self.shape}; give one number for each example, in an array of shape (n,), or take an entry of it"
        )

    __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = __radd__ = refuse

    def __add__(self, other: Any) -> Any:
        return self.refuse() if isinstance(other, Real | Value) else super().__add__(other)

    def __mul__(self, other: Any) -> Any:
        return self.refuse() if isinstance(other, float | Value) else super().__mul__(other)

    def __lt__(self, other: Any) -> bool:
        return self.refuse() if isinstance(other, Real | Value) else super().__lt__(other)

    def __gt__(self, other: Any) -> bool:
        return self.refuse() if isinstance(other, Real | Value) else super().__gt__(other)

    def __getattr__(self, name: str) -> Any:
        if name in OPERATIONS:
            self.refuse()
        raise AttributeError(f"{type(self).__name__} has no attribute {name}")

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> NoReturn:  # noqa: ARG003  # as Value has it
        """Refuse: a row is not a number."""
        next(operand for operand in operands if isinstance(operand, Row)).refuse()

    __rmul__ = __mul__


# ---------------------------------------------------------------- Values without a number


class Traced(Value):
    """A Value that stands for a number in each example; see `Trace`."""

    __slots__ = ("index", "trace")
    index: int
    trace: Trace

    def __init__(self, trace: Trace, index: int) -> None:
        self.trace = trace
        self.index = index

    @property
    def _data(self) -> NoReturn:  # type: ignore[override]  # a Value has a number, and this has none
        self.trace.refuse(".data", self)

    @property
    def op(self) -> NoReturn:  # type: ignore[override]
        """Refuse: a traced Value has no graph."""
        self.trace.refuse("the recorded graph", self)

    @property
    def args(self) -> NoReturn:
        """Refuse: a traced Value has no graph."""
        self.trace.refuse("the recorded graph", self)

    _x = _y = _grad = args

    @property
    def label(self) -> str | None:
        """A name to show."""
        return self.trace.labels.get(self.index)

    @label.setter
    def label(self, label: str | None) -> None:
        if label is not None:
            self.trace.labels[self.index] = label

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Traced) and other is not self:
            self.trace.refuse("==", self)
        return super().__eq__(other)

    def __hash__(self) -> int:
        raise self.trace.error(
            "an input, or a result of one, is put into a set or looked up in a dict, which tells Values apart but not "
            "numbers; compute with the number, or pass what is looked up as an argument"
        )

    def __index__(self) -> NoReturn:
        raise self.trace.error(
            "an input is used as an index; take(table, index) looks an entry up in a list, cross_entropy(scores, "
            "index) takes it as a class, and one_hot(index, size) makes it a vector"
        )

    def __getitem__(self, place: object) -> NoReturn:
        raise self.trace.error(
            "an input is a single number here, and not a row; the function is of one example, and each argument "
            "holds the entry for that example"
        )

    def backward(self, gradient: float = 1.0) -> NoReturn:  # noqa: ARG002  # as Value has it
        """Refuse: the program computes the gradient."""
        self.trace.refuse("backward()", self)

    def __repr__(self) -> str:
        return f"<traced {self.label or self.index}>"

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Traced:
        """Record any primitive of which an operand is traced."""
        trace = next(operand.trace for operand in operands if isinstance(operand, Traced))
        return trace.applied(primitive, operands)


class _Same(Traced):
    """A derivative that is a node from before, such as x, that of x × y in y."""

    __slots__ = ()


def _traced(trace: Trace, node: Node) -> Traced:
    index = trace.nodes.get(node)
    if index is None:
        index = trace.skipped(node)
        if index is None:
            index = trace.add(node)
    else:
        trace._repeated.add(index)
    if modes.active > 1 and not modes.recording():  # one open block is that of the trace itself
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
        elif isinstance(other, Value) or is_number(other):
            place = trace.index_of(other)
        else:
            return NotImplemented
        return _traced(trace, (primitive, place, self.index) if reflected else (primitive, self.index, place))

    return method


def _record_all_methods() -> None:
    """Give Traced each method of Value that applies a primitive: the operators, their reflections, the names."""
    for name, primitive in (OPERATIONS | REFLECTED).items():
        recorder = _unary(primitive) if primitive.arity == 1 else _binary(primitive, name in REFLECTED)
        recorder.__doc__ = primitive.summary
        setattr(Traced, name, recorder)


_record_all_methods()
