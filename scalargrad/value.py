"""A number that remembers how it was made.

`c = a * b` gives a Value that holds the product, its two operands, and the two local gradients
∂c/∂a = b and ∂c/∂b = a, as numbers. Values and operands form a graph without cycles.
`c.backward()` walks it once, from the result back to the leaves (see `sweep.py`), and adds to each
Value's `.grad` the derivative of c with respect to it.

The local gradients are numbers taken at the moment of the operation. So a sweep always
differentiates what was computed, whatever has become of `.data` since.
"""

from __future__ import annotations

import copy as copying
import math
import operator
import sys
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from numbers import Real
from typing import Any, NamedTuple

from . import modes
from . import primitives as p
from .declaration import Primitive, operand_names
from .floats import held_by, is_number, number
from .sweep import sweep, topological_order

_new = object.__new__  # leaves out __init__: what an operation has computed needs no check


# ---------------------------------------------------------------- recording an operation

# The first two methods are written out for speed: they run once for each node of every graph.


def _unary(primitive: Primitive) -> Callable[[Value], Value]:
    """The method of Value that applies a primitive of one operand."""
    value, (partial,) = primitive.value, primitive.partials

    def method(self: Value) -> Value:
        x = self._data
        data = value(x)
        if modes.active:
            return _record(primitive, data, (self,))
        out = _new(Value)
        out._data = data
        out._grad = None
        out.op = primitive
        out._x = self
        out._y = None
        out._dx = partial(data, x)
        return out

    return _as_method(method, primitive.name, primitive)


def _binary(primitive: Primitive) -> tuple[Callable[[Value, Value | float], Value], Callable[[Value, float], Value]]:
    """The two methods of Value that apply a primitive of two operands: `x + y` and, for a number x, the reflected."""
    value, (partial_x, partial_y) = primitive.value, primitive.partials

    def method(self: Value, other: Any) -> Any:
        if other.__class__ is not Value:
            kind = other.__class__
            if kind is float or kind is int:
                other = _leaf(Constant, number(other, "an operand"))
            elif isinstance(other, _OPERANDS) or is_number(other):
                other = _operand(other)
            else:
                return NotImplemented
        x = self._data
        y = other._data
        data = value(x, y)
        if modes.active:
            return _record(primitive, data, (self, other))
        out = _new(Value)
        out._data = data
        out._grad = None
        out.op = primitive
        out._x = self
        out._y = other
        out._dx = partial_x(data, x, y) if self.__class__ is not Constant else 0.0
        out._dy = partial_y(data, x, y) if other.__class__ is not Constant else 0.0
        return out

    def reflected(self: Value, other: Any) -> Any:
        kind = other.__class__
        if kind is float or kind is int:
            return method(_leaf(Constant, number(other, "an operand")), self)
        if isinstance(other, _OPERANDS) or is_number(other):
            return method(_operand(other), self)
        return NotImplemented

    return _as_method(method, primitive.name, primitive), _as_method(reflected, f"r{primitive.name}", primitive)


def _named(primitive: Primitive) -> Callable[[Value, Value | float], Value]:
    """The method for a primitive of two operands that is no operator: what is no number is an error at once."""

    def method(self: Value, other: Any) -> Any:
        return primitive(self, other)

    return _as_method(method, primitive.name, primitive)


def _refused(sign: str, instead: str) -> Callable[[Value, Any], Any]:
    """The method of Value for an operator that is not smooth, which says what to write instead."""

    def method(self: Value, other: Any) -> Any:  # noqa: ARG001  # as operators have it
        if not isinstance(other, _OPERANDS) and not is_number(other):
            return NotImplemented
        raise TypeError(
            f"{sign} is not defined for Values, as it jumps where x / y is an integer: write {instead}, "
            "which has its slope between the jumps"
        )

    return method


@lru_cache(maxsize=256)
def _method(primitive: Primitive) -> Callable[..., Value]:
    return _unary(primitive) if primitive.arity == 1 else _binary(primitive)[0]


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Value, Value | float], bool]:
    """The method of Value that compares as the number does."""

    def method(self: Value, other: Any) -> Any:
        if isinstance(other, Value):
            other = other._data
        elif not isinstance(other, Real):
            return NotImplemented
        return bool(compare(self._data, other))

    return method


def _as_method(function: Callable[..., Any], name: str, primitive: Primitive) -> Callable[..., Any]:
    function.__name__ = name
    function.__qualname__ = f"Value.{name}"
    function.__doc__ = primitive.summary
    vars(function)["primitive"] = primitive  # for those who record the same operations otherwise
    return function


def _record(primitive: Primitive, data: float, operands: tuple[Value, ...]) -> Value:
    """A node for what has been computed, in whatever mode."""
    primitive = modes.standing_in(primitive)
    line = modes.line_of_caller() if modes.noting() else None
    if line is not None and modes.trapping() and not math.isfinite(data) and _all_finite(operands):
        raise non_finite(primitive, operands, f"is {data} in the forward pass", line)
    if not modes.recording():
        return _leaf(Value, data)
    numbers = [operand._data for operand in operands]
    local = [
        0.0 if operand.__class__ is Constant else partial(data, *numbers)
        for operand, partial in zip(operands, primitive.partials, strict=True)
    ]
    out = _leaf(Value, data)
    _link(out, primitive, operands, local)
    if line is not None:
        out._keep("line", line)
    return out


def _leaf(kind: type[Value], data: float, grad: float | None = None, notes: dict[str, Any] | None = None) -> Value:
    leaf = _new(kind)
    leaf._data = data
    leaf._grad = grad
    if notes is not None:
        leaf._notes = dict(notes)
    leaf.op = leaf._x = leaf._y = None
    return leaf


def _link(node: Value, op: Primitive, operands: tuple[Value, ...], local: Sequence[float]) -> None:
    """Make a leaf the result of an operation."""
    node.op = op
    if len(operands) == 1:
        node._x, node._dx = operands[0], local[0]
    elif len(operands) == 2:
        (node._x, node._y), (node._dx, node._dy) = operands, local
    else:
        node._y, node._dy = operands, tuple(local)


def _operand(given: Any, purpose: str = "an operand") -> Value:
    """A Value as it is, a real number as a constant."""
    return given if isinstance(given, Value) else _leaf(Constant, number(given, purpose))


# ---------------------------------------------------------------- Value


class Value:
    """A number with a gradient, and the operation that made it.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b + a
    >>> c.backward()
    >>> a.grad, b.grad
    (-2.0, 2.0)

    + - * / ** and abs work as in Python, with numbers on either side, where a bool counts as 0 or 1; //, %
    and divmod, which jump, are refused with what to write instead. `==` and `hash` are identity;
    `<` and its like, `bool`, `float`, `round` are those of the number.

    Copies and pickles keep the graph, and the attributes of a subclass. Each pickled result takes along
    all that it was computed from: several keep the leaves they share, but have copies each of the nodes
    between, and n results take n times the time and space. `one_graph` pickles a list of results with
    each node once; a deepcopy always does.

    Attributes:
        data: the number, a float. A leaf's may be set between passes; a sweep always uses the
            numbers of the forward pass it differentiates.
        grad: the sum of the gradients that `backward` has brought here; 0.0 before any has.
        op: the primitive that made it; None for a leaf.
        label: a name to show.

    Raises:
        TypeError: when the data is not a real number, or the label not a string; for //, % and divmod.
        ValueError: for an integer beyond the range of floats.
    """

    __slots__ = ("_data", "_dx", "_dy", "_grad", "_notes", "_x", "_y", "op")

    # Operands and local gradients are kept as `sweep.py` says. _grad is None as long as no sweep has
    # come by; _notes is set only where there is a label, a line or a mark to keep: a dict, or a single
    # mark by itself. It is never changed in place, so that nodes may share it. Every slot costs, and
    # every object in one: the garbage collector looks at all of them, often.
    _data: float
    _grad: float | None
    _notes: dict[str, Any] | Mark
    _x: Value | None
    _y: Any
    _dx: Any
    _dy: Any
    op: Primitive | None

    def __init__(self, data: float, label: str | None = None) -> None:
        self._data = number(data, "data")
        self._grad = None
        if label is not None:
            self.label = label
        self.op = None
        self._x = None
        self._y = None

    @property
    def data(self) -> float:
        """The number."""
        return self._data

    @data.setter
    def data(self, data: float) -> None:
        self._data = number(data, "data")

    @property
    def grad(self) -> float:
        """The gradient gathered so far; 0.0 before any sweep."""
        return 0.0 if self._grad is None else self._grad

    @grad.setter
    def grad(self, grad: float) -> None:
        self._grad = number(grad, "grad")

    @property
    def swept(self) -> bool:
        """Whether a gradient has been brought here: tells a gradient of 0 from none."""
        return self._grad is not None

    @property
    def label(self) -> str | None:
        """A name to show."""
        label: str | None = self._note("label")
        return label

    @label.setter
    def label(self, label: str | None) -> None:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"label must be a string, got {label!r} of type {type(label).__name__}")
        self._keep("label", label)

    @property
    def args(self) -> tuple[Value, ...]:
        """The operands in order: `a + a` has two; a leaf has none."""
        if self._x is None:
            return self._y or ()
        return (self._x,) if self._y is None else (self._x, self._y)

    @property
    def local_gradients(self) -> tuple[float, ...]:
        """∂self/∂operand for each operand, at the numbers of the forward pass; 0.0 for a constant."""
        if self._x is None:
            return self._dy if self._y else ()
        return (self._dx,) if self._y is None else (self._dx, self._dy)

    @property
    def line(self) -> str | None:
        """The line of code that made this node, as `file:number`, where `trap` has noted it."""
        line: str | None = self._note("line")
        return line

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What the modules and composed functions have left that this is a result of, the innermost first."""
        return self._note("marks") or ()

    def _note(self, kind: str) -> Any:
        return _noted(self).get(kind)

    def _keep(self, kind: str, note: object) -> None:
        self._notes = {**_noted(self), kind: note}

    @property
    def _prev(self) -> set[Value]:  # as in micrograd
        return set(self.args)

    @property
    def _op(self) -> str:  # as in micrograd
        if self.op is None:
            return ""
        sign = self.op.notation.replace("{}", "").strip()
        return sign if len(sign) <= 2 else self.op.name

    # arithmetic
    __add__, __radd__ = _binary(p.add)  # x + y, 1 + y
    __sub__, __rsub__ = _binary(p.subtract)  # x - y, 1 - y
    __mul__, __rmul__ = _binary(p.multiply)  # x * y, 2 * y
    __truediv__, __rtruediv__ = _binary(p.divide)  # x / y, 1 / y
    __pow__, __rpow__ = _binary(p.power)  # x ** y, 2 ** y
    __neg__ = negative = _unary(p.negative)  # -x
    __abs__ = abs = _unary(p.abs)  # abs(x)

    __floordiv__ = __rfloordiv__ = _refused("//", "math.floor(x / y)")
    __mod__ = __rmod__ = _refused("%", "x - y * math.floor(x / y)")
    __divmod__ = __rdivmod__ = _refused("divmod", "math.floor(x / y) and x - y * math.floor(x / y)")

    def __pos__(self) -> Value:  # +x
        return self

    # the primitives as methods, under the names that numpy gives them too, for arrays of Values
    relu, sigmoid, softplus = _unary(p.relu), _unary(p.sigmoid), _unary(p.softplus)
    exp, exp2, expm1 = _unary(p.exp), _unary(p.exp2), _unary(p.expm1)
    log, log2, log10, log1p = _unary(p.log), _unary(p.log2), _unary(p.log10), _unary(p.log1p)
    sqrt, cbrt = _unary(p.sqrt), _unary(p.cbrt)
    sin, cos, tan = _unary(p.sin), _unary(p.cos), _unary(p.tan)
    asin, acos, atan = arcsin, arccos, arctan = _unary(p.asin), _unary(p.acos), _unary(p.atan)
    sinh, cosh, tanh = _unary(p.sinh), _unary(p.cosh), _unary(p.tanh)
    asinh, acosh, atanh = arcsinh, arccosh, arctanh = _unary(p.asinh), _unary(p.acosh), _unary(p.atanh)
    erf, erfc, gamma, lgamma = _unary(p.erf), _unary(p.erfc), _unary(p.gamma), _unary(p.lgamma)
    degrees, radians, stop_gradient = _unary(p.degrees), _unary(p.radians), _unary(p.stop_gradient)
    hypot, arctan2, maximum, minimum = _named(p.hypot), _named(p.atan2), _named(p.maximum), _named(p.minimum)
    fabs, deg2rad, rad2deg = _unary(p.abs), radians, degrees

    def logaddexp(self, other: Value | float) -> Value:
        """The logarithm of exp(x) + exp(y), without overflow and exact wherever the larger of them is."""
        x, y = _operand(self), _operand(other, "an operand of logaddexp")
        if x._data == y._data and math.isinf(x._data):
            return p.maximum(x, y)
        return x + (y - x).softplus() if x._data >= y._data else y + (x - y).softplus()

    def conjugate(self) -> Value:
        """The number itself, as it is real: numpy's variance asks for it."""
        return self

    # numpy's questions, which numbers answer

    def isnan(self) -> bool:
        """Whether the number is nan."""
        return math.isnan(self._data)

    def isinf(self) -> bool:
        """Whether the number is infinite."""
        return math.isinf(self._data)

    def isfinite(self) -> bool:
        """Whether the number is neither infinite nor nan."""
        return math.isfinite(self._data)

    def signbit(self) -> bool:
        """Whether the number is negative, or -0.0."""
        return math.copysign(1.0, self._data) < 0

    def rint(self) -> float:
        """The nearest integer as a float, the even one of two: a number, as `round` gives."""
        return math.copysign(round(self._data), self._data) if math.isfinite(self._data) else self._data

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        """Let numpy apply a function to a Value as to each entry of an array of Values: by the method of its name.

        Raises:
            TypeError: for a function that has no such method.
        """
        name = ufunc.__name__
        function = _METHODS.get(name) if method == "__call__" else None
        scalar = _OPERATORS.get(name, function) if method == "__call__" else None
        operands = tuple([operand if isinstance(operand, Value) else held_by(operand) for operand in operands])
        if scalar is not None and not options and all(isinstance(operand, _OPERANDS) for operand in operands):
            return scalar(*operands)
        numpy: Any = sys.modules[type(ufunc).__module__]  # which this file need not import
        arrays = [numpy.empty((), object) if isinstance(operand, Value) else operand for operand in operands]
        for boxed, operand in zip(arrays, operands, strict=True):
            if isinstance(operand, Value):
                boxed[()] = operand
        try:
            if function is not None:
                return numpy.frompyfunc(function, ufunc.nin, 1)(*arrays, **options)
            return getattr(ufunc, method)(*arrays, **options)
        except (TypeError, AttributeError) as error:
            if options or (f"'{name}'" not in str(error) and "ufunc" not in str(error)):
                raise
            raise TypeError(  # numpy speaks of types and casting rules, or of methods
                f"the array function {name} is not defined for Values: write it with functions of scalargrad, or "
                f"take {name}(float(x)), the number without its graph"
            ) from None

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Value | float, ...]) -> Value:
        """Record any primitive on Values and plain numbers: what `tanh(x)` does for a Value x."""
        values = tuple([_operand(operand, f"an operand of {primitive.name}") for operand in operands])
        if len(values) <= 2:
            return _method(primitive)(*values)
        return _record(primitive, primitive.value(*[value._data for value in values]), values)

    def backward(self, gradient: float = 1.0) -> None:
        """Add gradient × ∂self/∂v to `v.grad` for every v that self was computed from, and for self.

        Each call is a sweep of its own: a second one doubles every gradient exactly.

        >>> x = Value(3.0)
        >>> y = x * x
        >>> y.backward()
        >>> x.grad
        6.0

        Raises:
            TypeError: when the gradient is not a real number.
            NonFinite: under `trap`, when the sweep makes a nan or inf; no gradient is changed then.
        """
        gradients = topological_order(self)
        gradients[self] = number(gradient, "gradient")
        sweep(gradients, _trap_contribution if modes.trapping() else None)
        for node, total in gradients.items():
            if node.__class__ is not Constant:
                before = node._grad
                node._grad = total if before is None else before + total

    def zero_grad(self) -> None:
        """Forget the gradient, as if no sweep had come by."""
        self._grad = None

    # the number

    def __float__(self) -> float:
        return self._data

    def __int__(self) -> int:
        return int(self._data)

    def __bool__(self) -> bool:
        return self._data != 0

    def __round__(self, digits: int | None = None) -> float:
        return round(self._data, digits)

    def __floor__(self) -> int:
        return math.floor(self._data)

    def __ceil__(self) -> int:
        return math.ceil(self._data)

    def __trunc__(self) -> int:
        return math.trunc(self._data)

    __lt__, __le__ = _comparison(operator.lt), _comparison(operator.le)
    __gt__, __ge__ = _comparison(operator.gt), _comparison(operator.ge)

    def __repr__(self) -> str:
        grad = "" if self._grad is None else f", grad={self._grad!r}"
        label = "" if self.label is None else f", label={self.label!r}"
        return f"{self.__class__.__name__}(data={self._data!r}{grad}{label})"

    def __format__(self, spec: str) -> str:
        return format(self._data, spec) if spec else str(self)

    # copies: a pickled graph is one flat list of nodes, so that its depth does not matter
    def __reduce__(self) -> Any:
        if self.op is not None:  # made blank, then filled: an attribute of a node may refer to this very result
            return _blank, (self.__class__,), _flattened(self), None, None, _fill
        fields = self.__class__, self._data, self._grad, _noted(self) or None
        state = self.__getstate__()
        return (_leaf, fields) if state is None else (_leaf, fields, state)

    def __getstate__(self) -> Any:
        """Return the attributes that a subclass adds, in the form of `object.__getstate__`; None for none."""
        if self.__class__ in (Value, Constant):
            return None
        state: Any = super().__getstate__()
        attributes, slots = state
        added = {name: content for name, content in slots.items() if name not in Value.__slots__}
        return (attributes, added) if added else attributes or None

    def __setstate__(self, state: Any) -> None:
        attributes, slots = state if isinstance(state, tuple) else (state, {})
        if attributes:
            vars(self).update(attributes)
        for name, content in slots.items():
            setattr(self, name, content)

    def __copy__(self) -> Value:
        if self.op is None and self.__class__ not in (Value, Constant):
            return _copied(self, {}, copying.copy)
        twin = _twin(self, self.args)
        state = self.__getstate__()
        if state is not None:
            twin.__setstate__(state)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        pending = [self]
        marked: list[Value] = []
        while pending:
            node = pending[-1]
            missing = [operand for operand in node.args if id(operand) not in memo]
            if missing:
                pending += missing
                continue
            pending.pop()
            if id(node) in memo:
                continue
            if node.op is None and node.__class__ not in (Value, Constant):
                _copied(node, memo, lambda leaf: copying.deepcopy(leaf, memo))
                continue
            memo[id(node)] = _twin(node, tuple(memo[id(operand)] for operand in node.args))
            state = node.__getstate__()
            if state is not None:
                memo[id(node)].__setstate__(copying.deepcopy(state, memo))
            if node.marks:
                marked.append(node)
        _copied_marks(marked, memo, memo)
        for node in marked:
            memo[id(node)]._keep("marks", tuple([memo[id(mark)] for mark in node.marks]))
        copied: Value = memo[id(self)]
        return copied


class Mark(NamedTuple):
    """What a module or composed function leaves on its results, for pictures to show it as a box.

    What lies between the inputs and the results is found from the graph.

    Attributes:
        together: what to call that which made all results with this mark together; None where there is none.
        module: the module, which knows its parameters' names; None for a function, and in copies.
        inputs: what it has read: Values; or, where all of it is among what the results were computed from,
            and so lives as long as they, the ids of these in an array, which the garbage collector passes by.
        each: what to call that which made each result by itself from the same inputs, as the neurons of a layer do.
    """

    together: str | None
    module: object
    inputs: Sequence[Any]
    each: str | None = None

    def ids(self) -> Iterable[int]:
        """Return the ids of the inputs."""
        return self.inputs if isinstance(self.inputs, array) else map(id, self.inputs)


class Constant(Value):
    """A plain number that took part in an operation: `a + 1` has one. It takes no gradient.

    >>> one = (Value(2.0) + 1).args[1]
    >>> one
    Constant(data=1.0)
    """

    __slots__ = ()


_OPERANDS = (Value, float, int)  # what most are: the other kinds of numbers take longer to tell

# What numpy's functions of these names are on Values and numbers.
_METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(method, "primitive", method)
    for name, method in vars(Value).items()
    if callable(method) and not name.startswith("_")
}
_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "absolute": operator.abs,
}


def leave(results: Iterable[Value], mark: Mark, are_new: bool = False) -> None:
    """Leave a mark on the results of a module; on a leaf none, since nothing lies behind it.

    Results are new when operations have just made them and nobody has noted anything on them: that
    saves looking.
    """
    if are_new and not modes.active:
        for result in results:
            result._notes = mark
        return
    for result in results:
        if result.op is not None:
            noted = _noted(result)
            result._notes = {**noted, "marks": (*noted.get("marks", ()), mark)} if noted else mark


def _noted(node: Value) -> dict[str, Any]:
    """What is noted on a node."""
    notes: dict[str, Any] | Mark = getattr(node, "_notes", {})
    return {"marks": (notes,)} if isinstance(notes, Mark) else notes


# ---------------------------------------------------------------- errors that name the node


def described(node: Value) -> str:
    """Return how a result was made, for a message: `a * b`, with labels or the operands' names in the rule.

    >>> described(Value(0.0, label="x").log())
    'log(x)'
    """
    assert node.op is not None
    return node.op.notation.format(*_names(node.op, node.args))


def _names(primitive: Primitive, operands: tuple[Value, ...]) -> list[str]:
    """The operands' labels or, where there is none or two operands have the same, their names in the rule."""
    rule = operand_names(primitive)
    names = [operand.label or name for operand, name in zip(operands, rule, strict=True)]
    return names if len(set(names)) == len(set(operands)) else list(rule)


def _all_finite(operands: tuple[Value, ...]) -> bool:
    return all(math.isfinite(operand._data) for operand in operands)


def non_finite(primitive: Primitive, operands: tuple[Value, ...], what: str, line: str | None) -> modes.NonFinite:
    """The error for an operation of which `what` is true."""
    names = _names(primitive, operands)
    numbers = dict(zip(names, (operand._data for operand in operands), strict=True))
    where = ", ".join(f"{name} = {data}" for name, data in numbers.items())
    applied = primitive.notation.format(*names)
    message = f"{applied} {what}, where {where}; made at {line or 'a line that trap did not see'}"
    return modes.NonFinite(message, primitive.name, numbers, line)


def _trap_contribution(node: Value, index: int, local: float, upstream: float, before: float, after: float) -> None:
    """Observe a sweep: raise at the first infinite or undefined gradient made from finite numbers."""
    operands = node.args
    if not math.isfinite(after) and math.isfinite(upstream) and math.isfinite(before) and _all_finite(operands):
        assert node.op is not None
        name = _names(node.op, operands)[index]
        what = f"makes the gradient of {name} {before} + {local} * {upstream} = {after} in the backward pass"
        raise non_finite(node.op, operands, what, node.line)


# ---------------------------------------------------------------- pickling and copying


def _copied_marks(nodes: Iterable[Value], met: dict[int, Any], copies: Mapping[int, Any]) -> dict[int, Any]:
    """For each mark on the nodes, by its id, one that says the same of their copies; those met before are completed."""
    marks = {id(mark): mark for node in nodes for mark in node.marks}
    for key, mark in marks.items():
        inputs = met.setdefault(key, Mark(mark.together, None, [], mark.each)).inputs
        inputs[:] = [copies[key] for key in mark.ids() if key in copies]
    return met


def _blank(kind: type[Value]) -> Value:
    return _new(kind)


def _twin(node: Value, operands: tuple[Value, ...]) -> Value:
    """Another node like this one, made of other operands."""
    twin = _leaf(node.__class__, node._data, node._grad, _noted(node) or None)
    if node.op is not None:
        _link(twin, node.op, operands, node.local_gradients)
    return twin


class _Reduced:
    """What the copy module makes a copy from: the answer of a `__reduce__`."""

    def __init__(self, reduced: tuple[Any, ...]) -> None:
        self._reduced = reduced

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return self._reduced


def _copied(leaf: Value, memo: dict[int, Any], copier: Callable[[Any], Any]) -> Value:
    """A copy of a subclass's leaf, as its own `__reduce__` says; known before its attributes, which may refer to it."""
    reduced = leaf.__reduce_ex__(4)
    if isinstance(reduced, str):  # the name of a global object, of which there is one
        memo[id(leaf)] = leaf
        return leaf
    make, *rest = reduced

    def known(*arguments: Any) -> Any:
        memo[id(leaf)] = copy = make(*arguments)
        return copy

    copied: Value = copier(_Reduced((known, *rest)))
    return copied


Flat = tuple[list[Any], list[tuple[int, Any]]]  # leaves and rows for results; the states of results, with their places


def _flattened(*roots: Value) -> Flat:
    order = topological_order(*roots)
    places = {node: place for place, node in enumerate(order)}
    marks = _copied_marks(order, {}, {id(node): place for node, place in places.items()})
    rows = [node if node.op is None else _row(node, places, marks) for node in order]
    of_subclasses = [node for node in order if node.op is not None and node.__class__ is not Value]
    states = [(places[node], node.__getstate__()) for node in of_subclasses]
    return rows, [(place, state) for place, state in states if state is not None]


def _row(node: Value, places: dict[Value, int], marks: dict[int, Mark]) -> tuple[Any, ...]:
    operands = tuple(places[operand] for operand in node.args)
    notes = _noted(node) or None
    if node.marks:
        notes = {**_noted(node), "marks": tuple([marks[id(mark)] for mark in node.marks])}
    fields = node.__class__, node._data, node._grad, notes
    return fields, node.op, operands, node.local_gradients


def _fill(root: Value, flat: Flat) -> None:
    """Make of a blank result what was flattened."""
    _restored(flat, root)


def _restored(flat: Flat, root: Value | None = None) -> list[Value]:
    """The nodes, of which the last is the given one."""
    rows, states = flat
    nodes: list[Value] = []
    marks: dict[int, Any] = {}
    for row in rows:
        if isinstance(row, Value):
            nodes.append(row)
            continue
        fields, op, places, local = row
        node = _leaf(*fields)
        _link(node, op, tuple(nodes[place] for place in places), local)
        nodes.append(node)
        marks.update((id(mark), mark) for mark in node.marks)
    if root is not None:
        last, nodes[-1] = nodes[-1], root
        for slot in Value.__slots__:
            if hasattr(last, slot):
                setattr(root, slot, getattr(last, slot))
    for mark in marks.values():
        mark.inputs[:] = [nodes[place] for place in mark.inputs]
    for place, state in states:
        nodes[place].__setstate__(state)
    return nodes


class _OneGraph:
    """What `one_graph` returns."""

    def __init__(self, results: list[Value]) -> None:
        self._results = results

    def __reduce__(self) -> tuple[Any, ...]:
        order = topological_order(*self._results)
        places = {node: place for place, node in enumerate(order)}
        return _loaded, (_flattened(*self._results), [places[result] for result in self._results])


def _loaded(flat: Flat, places: list[int]) -> list[Value]:
    nodes = _restored(flat)
    return [nodes[place] for place in places]


def one_graph(results: Iterable[Value]) -> object:
    """Return an object that pickles several results of one graph with each node once; loaded, it is their list.

    A result that is pickled by itself takes along all that it was computed from. So n results of the
    same nodes have n copies of these, in time, in bytes, and when they are loaded. As one graph they
    share after loading all that they share now.

    >>> import pickle
    >>> from scalargrad import one_graph, softmax
    >>> shares = softmax([Value(1.0), Value(2.0), Value(3.0)])
    >>> first, second, third = pickle.loads(pickle.dumps(one_graph(shares)))
    >>> first.args[1] is second.args[1] is third.args[1]  # the sum that all are divided by
    True

    Raises:
        TypeError: for what is not several Values.
    """
    if isinstance(results, Value) or not isinstance(results, Iterable):
        raise TypeError(f"one_graph takes several Values, such as a list of them, got {results!r}")
    several = list(results)
    for result in several:
        if not isinstance(result, Value):
            raise TypeError(f"one_graph takes Values, got {result!r} of type {type(result).__name__}")
    return _OneGraph(several)
