"""A number that remembers how it was made.

`c = a * b` is a Value that holds the product, its two operands, and the two local gradients ∂c/∂a = b and
∂c/∂b = a, as numbers. Values and their operands form a graph without cycles. `c.backward()` goes through it
once, from the result to the leaves (see `graph.py`), and adds the derivative of c to the `.grad` of each Value.

The operation computes the local gradients at once. So a sweep differentiates what was computed then, even if
`.data` has changed since.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from numbers import Number, Real
from typing import Any, Never, cast

from . import copies, floats, modes
from . import primitives as p
from .backward import deposit
from .declaration import OPERATORS, Primitive, named
from .errors import all_finite, non_finite, trap_contribution
from .floats import is_number, number
from .foreign import FOREIGN, INNER, ForeignName, in_our_words, refuse_arguments
from .graph import Node, leaf, link, locals_of, observed_sweep, operands_of
from .notes import Mark, marks_of, note, notes_of
from .ufuncs import apply_ufunc

_new = object.__new__  # without __init__: the result of an operation needs no check


# ---------------------------------------------------------------- recording an operation


def _record(primitive: Primitive, operands: tuple[Value, ...]) -> Value:
    """The result of any operation, in any mode; the methods of Value have the fast case written out."""
    line = None
    trace = modes.tracing()
    if trace is not None:
        return cast(Value, trace.applied(primitive, operands))
    numbers = [operand._data for operand in operands]
    data = primitive.value(*numbers)
    if modes.active:
        primitive = modes.standing_in(primitive)
        line = modes.line_of_caller() if modes.noting() else None
        if line is not None and modes.trapping() and not math.isfinite(data) and all_finite(operands):
            raise non_finite(primitive, operands, f"is {data} in the forward pass", line)
        if not modes.recording():
            return leaf(Value, data)
    node = leaf(Value, data)
    link(node, primitive, operands, [partial(data, *numbers) for partial in primitive.partials])
    if line is not None:
        note(node, "line", line)
    return node


def _operand(given: Any, purpose: str = "an operand") -> Value:
    """A Value unchanged, a real number as a constant."""
    return given if isinstance(given, Value) else leaf(Constant, number(given, purpose))


def _taking_part(given: Any) -> Value | None:
    """The same for a Python operator, but None for other objects, which may define the operator themselves."""
    kind = given.__class__
    if kind is float or kind is int:  # the most frequent types; other types of numbers take longer to recognise
        return leaf(Constant, number(given, "an operand"))
    return _operand(given) if isinstance(given, Value) or is_number(given) else None


def _comparison(compare: Callable[[Any, Any], Any], sign: str) -> Callable[[Value, Value | float], bool]:
    """The method of Value that compares its number."""

    def method(self: Value, other: Any) -> Any:
        if modes.active:
            modes.refuse_while_tracing(sign, self)
        if isinstance(other, Value):
            other = other._data
        elif not isinstance(other, Real):
            return NotImplemented
        return bool(compare(self._data, other))

    return method


def _refused(sign: str, instead: str) -> Callable[[Value, Any], Any]:
    """The method of Value for an operator that is not smooth: an error that says what to write instead."""

    def method(self: Value, other: Any) -> Any:  # noqa: ARG001  # the operands of an operator
        if _taking_part(other) is None:
            return NotImplemented
        raise TypeError(
            f"{sign} is not defined for Values, as it jumps where x / y is an integer: write {instead}, "
            "which has its slope between the jumps"
        )

    return method


def _refuse_arguments(kind: str, inner: tuple[Any, ...], unknown: Mapping[str, Any]) -> None:
    """Refuse what the constructor does not take, such as the operands that micrograd's takes."""
    refuse_arguments(kind, unknown, ["data", "label"])
    raise TypeError(f"{kind} takes data and a label, got {2 + len(inner)} arguments: {INNER}")


# ---------------------------------------------------------------- Value


class Value(Node):
    """A number with a gradient, and the operation that made it.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b + a
    >>> c.backward()
    >>> a.grad, b.grad
    (-2.0, 2.0)

    `+ - * / **` and `abs` work as in Python, with numbers on either side; a bool counts as 0 or 1. `//`, `%` and
    `divmod` jump, so they are errors that say what to write instead. `==` and `hash` go by identity: `x == 1` is
    always False, so write `x.data == 1`. `<` and the other comparisons, `bool`, `float` and `round` use the number.

    Copies and pickles keep the graph, and the attributes of a subclass. To pickle several results of one
    graph, use `one_graph`, which stores each node once.

    Args:
        data: the number.
        label: a name for pictures, tables and messages.

    Attributes:
        data: the number, a float. You may change a leaf's; a sweep uses the numbers of its forward pass.
        grad: the sum of the gradients that sweeps have added; 0.0 before the first.
        op: the primitive that made it; None for a leaf.
        label: its name, or None.

    Raises:
        TypeError: when the data is not a real number, or the label not a string; for //, % and divmod.
        ValueError: for an integer beyond the range of floats.
    """

    __slots__ = ()
    is_plain = True  # see `copies.py`: a subclass may have attributes of its own

    def __init__(self, data: float, label: str | None = None, *inner: Never, **unknown: Never) -> None:
        if inner or unknown:
            _refuse_arguments(type(self).__name__, inner, unknown)
        self._data = data if data.__class__ is float else number(data, "data")
        self._grad = None
        self._sum = None
        if label is not None:
            self.label = label
        self.op = None
        self._x = None
        self._y = None

    @property
    def data(self) -> float:
        """The number."""
        if modes.active:
            modes.refuse_while_tracing(".data", self)
        return self._data

    @data.setter
    def data(self, data: float) -> None:
        modes.refuse_while_tracing(".data =", self)
        self._data = number(data, "data")

    @property
    def grad(self) -> float:
        """The sum of the gradients that sweeps have added; 0.0 before the first."""
        if modes.active:
            modes.refuse_while_tracing(".grad", self)
        return 0.0 if self._grad is None else self._grad

    @grad.setter
    def grad(self, grad: float) -> None:
        modes.refuse_while_tracing(".grad =", self)
        self._grad = number(grad, "grad")

    @property
    def swept(self) -> bool:
        """Whether a sweep has reached this Value: tells a gradient of 0.0 from none."""
        modes.refuse_while_tracing(".swept", self)
        return self._grad is not None

    @property
    def args(self) -> tuple[Value, ...]:
        """The operands in order: `a + a` has two; a leaf has none."""
        return operands_of(self)

    @property
    def local_gradients(self) -> tuple[float, ...]:
        """∂self/∂operand for each operand, at the numbers of the forward pass; 0.0 for a constant."""
        if modes.active:
            modes.refuse_while_tracing(".local_gradients", self)
        return locals_of(self)

    @property
    def label(self) -> str | None:
        """A name for pictures, tables and messages."""
        return cast("str | None", notes_of(self).get("label"))

    @label.setter
    def label(self, label: str | None) -> None:
        if label is not None and not isinstance(label, str):
            raise TypeError(f"label must be a string, got {label!r} of type {type(label).__name__}")
        note(self, "label", label)

    @property
    def line(self) -> str | None:
        """The line of code that made this node, as `file:number`, where `trap` has noted it."""
        return cast("str | None", notes_of(self).get("line"))

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks of the modules and composed functions that made this result, the innermost first."""
        return marks_of(self)

    @property
    def _prev(self) -> set[Value]:  # as in micrograd
        return set(self.args)

    @property
    def _op(self) -> str:  # as in micrograd
        return "" if self.op is None else self.op.sign

    # the backward pass

    @in_our_words
    def backward(self, gradient: float = 1.0) -> None:
        """Add gradient × dself/dv to `v.grad` for this Value and every v that it was computed from.

        A second call adds the same again, which doubles every gradient exactly. Ctrl-C during a sweep leaves
        some gradients complete and the others as before: call `zero_grad` on the parameters before the next.

        >>> x = Value(3.0)
        >>> y = x * x
        >>> y.backward()
        >>> x.grad
        6.0

        Args:
            gradient: the gradient of this Value at which the sweep starts.

        Raises:
            TypeError: when the gradient is not a real number.
            NonFinite: under `trap`, when the sweep makes a nan or inf; then no gradient changes.
        """
        modes.refuse_while_tracing("backward()", self)
        upstream = number(gradient, "gradient")
        if modes.trapping():
            observed_sweep({self: upstream}, trap_contribution)  # it raises before any gradient is changed
        deposit(self, upstream)

    def zero_grad(self) -> None:
        """Remove the gradient, as if no sweep had reached this Value."""
        if modes.active:
            modes.refuse_while_tracing("zero_grad()", self)
        self._grad = None

    # the number

    def _number(self, reader: str) -> float:
        """The number, or an error while a function is being lifted, which must not read it."""
        modes.refuse_while_tracing(reader, self)
        return self._data

    def __float__(self) -> float:
        return self._number("float()")

    def __int__(self) -> int:
        return int(self._number("int()"))

    def __bool__(self) -> bool:
        return self._number("bool()") != 0

    def __round__(self, digits: int | None = None) -> float:
        return round(self._number("round()"), digits)

    def __floor__(self) -> int:
        return math.floor(self._number("math.floor()"))

    def __ceil__(self) -> int:
        return math.ceil(self._number("math.ceil()"))

    def __trunc__(self) -> int:
        return math.trunc(self._number("math.trunc()"))

    __lt__, __le__ = _comparison(operator.lt, "<"), _comparison(operator.le, "<=")
    __gt__, __ge__ = _comparison(operator.gt, ">"), _comparison(operator.ge, ">=")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if modes.active and isinstance(other, Number):
            modes.refuse_while_tracing("==", self)
        return NotImplemented

    __hash__ = object.__hash__  # identity, as `==` is

    def __repr__(self) -> str:
        grad = "" if self._grad is None else f", grad={self._grad!r}"
        label = "" if self.label is None else f", label={self.label!r}"
        if modes.tracing() is not None:  # the text must not give out the number either
            return f"{self.__class__.__name__}(data=...{label})"
        return f"{self.__class__.__name__}(data={self._data!r}{grad}{label})"

    def __format__(self, spec: str) -> str:
        return format(self._number("format()"), spec) if spec else str(self)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in FOREIGN]

    # copies and pickles

    def __reduce__(self) -> Any:
        modes.refuse_while_tracing("copy or pickle", self)
        return copies.reduced(self)

    def __getstate__(self) -> Any:
        """Return the attributes that a subclass adds, in the form of `object.__getstate__`, or None."""
        return copies.state_of(self)

    def __setstate__(self, state: Any) -> None:
        copies.set_state(self, state)

    def __copy__(self) -> Value:
        modes.refuse_while_tracing("copy or pickle", self)
        copy: Value = copies.copied(self)
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        modes.refuse_while_tracing("copy or pickle", self)
        copy: Value = copies.deep_copied(self, memo)
        return copy

    # numpy

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        return apply_ufunc(_NAMED, ufunc, method, operands, options)

    def conjugate(self) -> Value:
        """Return this Value, which is real; numpy's variance calls this."""
        return self

    def rint(self) -> float:
        """Return the nearest integer as a float, rounding halves to even."""
        x = self._number("rint()")
        return math.copysign(round(x), x) if math.isfinite(x) else x

    # operations

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Value | float, ...]) -> Value:
        """Record a primitive on Values and numbers, as `tanh(x)` does for a Value x."""
        values = tuple([_operand(operand, f"an operand of {primitive.name}") for operand in operands])
        method = _METHODS.get(primitive)
        return _record(primitive, values) if method is None else method(*values)

    def __pos__(self) -> Value:  # +x
        return self

    __floordiv__ = __rfloordiv__ = _refused("//", "math.floor(x / y)")
    __mod__ = __rmod__ = _refused("%", "x - y * math.floor(x / y)")
    __divmod__ = __rdivmod__ = _refused("divmod", "math.floor(x / y) and x - y * math.floor(x / y)")

    # ---- written by `python -m tests.generate`

    def __add__(self, other: Value | float) -> Value:  # x + y
        """The sum."""
        right: Any = other
        if right.__class__ is not Value:
            right = _taking_part(right)
            if right is None:
                return NotImplemented
        if modes.active:
            return _record(p.add, (self, right))
        x = self._data
        y = right._data
        out = x + y
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.add
        node._x = self
        node._y = right
        node._dx = 1.0
        node._dy = 1.0
        return node

    def __radd__(self, other: float) -> Value:  # 1 + x
        left = _taking_part(other)
        return NotImplemented if left is None else left.__add__(self)

    def __sub__(self, other: Value | float) -> Value:  # x - y
        """The difference."""
        right: Any = other
        if right.__class__ is not Value:
            right = _taking_part(right)
            if right is None:
                return NotImplemented
        if modes.active:
            return _record(p.subtract, (self, right))
        x = self._data
        y = right._data
        out = x - y
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.subtract
        node._x = self
        node._y = right
        node._dx = 1.0
        node._dy = -1.0
        return node

    def __rsub__(self, other: float) -> Value:  # 1 - x
        left = _taking_part(other)
        return NotImplemented if left is None else left.__sub__(self)

    def __mul__(self, other: Value | float) -> Value:  # x * y
        """The product."""
        right: Any = other
        if right.__class__ is not Value:
            right = _taking_part(right)
            if right is None:
                return NotImplemented
        if modes.active:
            return _record(p.multiply, (self, right))
        x = self._data
        y = right._data
        out = x * y
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.multiply
        node._x = self
        node._y = right
        node._dx = y
        node._dy = x
        return node

    def __rmul__(self, other: float) -> Value:  # 1 * x
        left = _taking_part(other)
        return NotImplemented if left is None else left.__mul__(self)

    def __truediv__(self, other: Value | float) -> Value:  # x / y
        """The quotient; over 0 it is a signed infinity, and nan for 0 / 0."""
        right: Any = other
        if right.__class__ is not Value:
            right = _taking_part(right)
            if right is None:
                return NotImplemented
        if modes.active:
            return _record(p.divide, (self, right))
        x = self._data
        y = right._data
        out = floats.divide(x, y)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.divide
        node._x = self
        node._y = right
        node._dx = floats.divide(1.0, y) if self.takes_gradient else 0.0
        node._dy = -floats.divide(out, y) if right.takes_gradient else 0.0
        return node

    def __rtruediv__(self, other: float) -> Value:  # 1 / x
        left = _taking_part(other)
        return NotImplemented if left is None else left.__truediv__(self)

    def __neg__(self) -> Value:  # -x
        """The number with the other sign."""
        if modes.active:
            return _record(p.negative, (self,))
        x = self._data
        out = -x
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.negative
        node._x = self
        node._y = None
        node._dx = -1.0
        return node

    negative = __neg__

    def __pow__(self, other: Value | float) -> Value:  # x ** y
        """The power, as C's pow: never complex; 0 to a negative power is an infinity."""
        right: Any = other
        if right.__class__ is not Value:
            right = _taking_part(right)
            if right is None:
                return NotImplemented
        if modes.active:
            return _record(p.power, (self, right))
        x = self._data
        y = right._data
        out = floats.power(x, y)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.power
        node._x = self
        node._y = right
        node._dx = p.power.partials[0](out, x, y) if self.takes_gradient else 0.0
        node._dy = p.power.partials[1](out, x, y) if right.takes_gradient else 0.0
        return node

    def __rpow__(self, other: float) -> Value:  # 1 ** x
        left = _taking_part(other)
        return NotImplemented if left is None else left.__pow__(self)

    def maximum(self, other: Value | float) -> Value:
        """The larger of two; nan if either is nan."""
        right: Any = other
        if right.__class__ is not Value:
            right = _operand(right, "an operand of maximum")
        if modes.active:
            return _record(p.maximum, (self, right))
        x = self._data
        y = right._data
        out = x if x > y or x != x else y
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.maximum
        node._x = self
        node._y = right
        node._dx = 0.5 * (1 + (1.0 if x > y else 0.0) - (1.0 if y > x else 0.0)) if self.takes_gradient else 0.0
        node._dy = 0.5 * (1 + (1.0 if y > x else 0.0) - (1.0 if x > y else 0.0)) if right.takes_gradient else 0.0
        return node

    def minimum(self, other: Value | float) -> Value:
        """The smaller of two; nan if either is nan."""
        right: Any = other
        if right.__class__ is not Value:
            right = _operand(right, "an operand of minimum")
        if modes.active:
            return _record(p.minimum, (self, right))
        x = self._data
        y = right._data
        out = x if x < y or x != x else y
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.minimum
        node._x = self
        node._y = right
        node._dx = 0.5 * (1 + (1.0 if y > x else 0.0) - (1.0 if x > y else 0.0)) if self.takes_gradient else 0.0
        node._dy = 0.5 * (1 + (1.0 if x > y else 0.0) - (1.0 if y > x else 0.0)) if right.takes_gradient else 0.0
        return node

    def __abs__(self) -> Value:  # abs(x)
        """The absolute value."""
        if modes.active:
            return _record(p.abs, (self,))
        x = self._data
        out = abs(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.abs
        node._x = self
        node._y = None
        node._dx = (1.0 if x > 0.0 else 0.0) - (1.0 if 0.0 > x else 0.0)
        return node

    abs = __abs__
    fabs = __abs__

    def relu(self) -> Value:
        """max(x, 0), and nan for nan."""
        if modes.active:
            return _record(p.relu, (self,))
        x = self._data
        out = x if x > 0 or x != x else 0.0
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.relu
        node._x = self
        node._y = None
        node._dx = 1.0 if x > 0.0 else 0.0
        return node

    def stop_gradient(self) -> Value:
        """The operand itself, which every derivative takes for a constant."""
        return _record(p.stop_gradient, (self,))

    def exp(self) -> Value:
        """Return e raised to the power of x."""
        if modes.active:
            return _record(p.exp, (self,))
        x = self._data
        out = floats.exp(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.exp
        node._x = self
        node._y = None
        node._dx = out
        return node

    def exp2(self) -> Value:
        """Return 2 raised to the power of x."""
        if modes.active:
            return _record(p.exp2, (self,))
        x = self._data
        out = floats.exp2(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.exp2
        node._x = self
        node._y = None
        node._dx = out * 0.6931471805599453
        return node

    def expm1(self) -> Value:
        """Return exp(x)-1."""
        if modes.active:
            return _record(p.expm1, (self,))
        x = self._data
        out = floats.expm1(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.expm1
        node._x = self
        node._y = None
        node._dx = floats.exp(x)
        return node

    def log(self) -> Value:
        """The natural logarithm."""
        if modes.active:
            return _record(p.log, (self,))
        x = self._data
        out = floats.log(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.log
        node._x = self
        node._y = None
        node._dx = floats.divide(1.0, x)
        return node

    def log2(self) -> Value:
        """Return the base 2 logarithm of x."""
        if modes.active:
            return _record(p.log2, (self,))
        x = self._data
        out = floats.log2(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.log2
        node._x = self
        node._y = None
        node._dx = floats.divide(1.4426950408889634, x)
        return node

    def log10(self) -> Value:
        """Return the base 10 logarithm of x."""
        if modes.active:
            return _record(p.log10, (self,))
        x = self._data
        out = floats.log10(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.log10
        node._x = self
        node._y = None
        node._dx = floats.divide(0.43429448190325176, x)
        return node

    def log1p(self) -> Value:
        """Return the natural logarithm of 1+x (base e)."""
        if modes.active:
            return _record(p.log1p, (self,))
        x = self._data
        out = floats.log1p(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.log1p
        node._x = self
        node._y = None
        node._dx = floats.divide(1.0, 1 + x)
        return node

    def sqrt(self) -> Value:
        """Return the square root of x."""
        if modes.active:
            return _record(p.sqrt, (self,))
        x = self._data
        out = floats.sqrt(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.sqrt
        node._x = self
        node._y = None
        node._dx = floats.divide(0.5, out)
        return node

    def cbrt(self) -> Value:
        """Return the cube root of x."""
        if modes.active:
            return _record(p.cbrt, (self,))
        x = self._data
        out = math.cbrt(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.cbrt
        node._x = self
        node._y = None
        node._dx = floats.divide(floats.divide(0.3333333333333333, out), out)
        return node

    def hypot(self, other: Value | float) -> Value:
        """The length of the vector (x, y)."""
        right: Any = other
        if right.__class__ is not Value:
            right = _operand(right, "an operand of hypot")
        if modes.active:
            return _record(p.hypot, (self, right))
        x = self._data
        y = right._data
        out = math.hypot(x, y)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.hypot
        node._x = self
        node._y = right
        node._dx = p.hypot.partials[0](out, x, y) if self.takes_gradient else 0.0
        node._dy = p.hypot.partials[1](out, x, y) if right.takes_gradient else 0.0
        return node

    def sin(self) -> Value:
        """Return the sine of x (measured in radians)."""
        if modes.active:
            return _record(p.sin, (self,))
        x = self._data
        out = floats.sin(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.sin
        node._x = self
        node._y = None
        node._dx = floats.cos(x)
        return node

    def cos(self) -> Value:
        """Return the cosine of x (measured in radians)."""
        if modes.active:
            return _record(p.cos, (self,))
        x = self._data
        out = floats.cos(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.cos
        node._x = self
        node._y = None
        node._dx = -floats.sin(x)
        return node

    def tan(self) -> Value:
        """Return the tangent of x (measured in radians)."""
        if modes.active:
            return _record(p.tan, (self,))
        x = self._data
        out = floats.tan(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.tan
        node._x = self
        node._y = None
        node._dx = 1 + out * out
        return node

    def asin(self) -> Value:
        """Return the arc sine (measured in radians) of x."""
        if modes.active:
            return _record(p.asin, (self,))
        x = self._data
        out = floats.asin(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.asin
        node._x = self
        node._y = None
        node._dx = floats.divide(1.0, floats.sqrt((1 - x) * (1 + x)))
        return node

    arcsin = asin

    def acos(self) -> Value:
        """Return the arc cosine (measured in radians) of x."""
        if modes.active:
            return _record(p.acos, (self,))
        x = self._data
        out = floats.acos(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.acos
        node._x = self
        node._y = None
        node._dx = floats.divide(-1.0, floats.sqrt((1 - x) * (1 + x)))
        return node

    arccos = acos

    def atan(self) -> Value:
        """Return the arc tangent (measured in radians) of x."""
        if modes.active:
            return _record(p.atan, (self,))
        x = self._data
        out = math.atan(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.atan
        node._x = self
        node._y = None
        node._dx = floats.divide(floats.divide(1.0, math.hypot(x, 1.0)), math.hypot(x, 1.0))
        return node

    arctan = atan

    def atan2(self, other: Value | float) -> Value:
        """The angle of the vector (x, y), given y first."""
        right: Any = other
        if right.__class__ is not Value:
            right = _operand(right, "an operand of atan2")
        if modes.active:
            return _record(p.atan2, (self, right))
        y = self._data
        x = right._data
        out = math.atan2(y, x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.atan2
        node._x = self
        node._y = right
        node._dx = p.atan2.partials[0](out, y, x) if self.takes_gradient else 0.0
        node._dy = p.atan2.partials[1](out, y, x) if right.takes_gradient else 0.0
        return node

    arctan2 = atan2

    def sinh(self) -> Value:
        """Return the hyperbolic sine of x."""
        if modes.active:
            return _record(p.sinh, (self,))
        x = self._data
        out = floats.sinh(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.sinh
        node._x = self
        node._y = None
        node._dx = floats.cosh(x)
        return node

    def cosh(self) -> Value:
        """Return the hyperbolic cosine of x."""
        if modes.active:
            return _record(p.cosh, (self,))
        x = self._data
        out = floats.cosh(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.cosh
        node._x = self
        node._y = None
        node._dx = floats.sinh(x)
        return node

    def tanh(self) -> Value:
        """Return the hyperbolic tangent of x."""
        if modes.active:
            return _record(p.tanh, (self,))
        x = self._data
        out = math.tanh(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.tanh
        node._x = self
        node._y = None
        node._dx = 1 - out * out
        return node

    def asinh(self) -> Value:
        """Return the inverse hyperbolic sine of x."""
        if modes.active:
            return _record(p.asinh, (self,))
        x = self._data
        out = math.asinh(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.asinh
        node._x = self
        node._y = None
        node._dx = floats.divide(1.0, math.hypot(x, 1.0))
        return node

    arcsinh = asinh

    def acosh(self) -> Value:
        """Return the inverse hyperbolic cosine of x."""
        if modes.active:
            return _record(p.acosh, (self,))
        x = self._data
        out = floats.acosh(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.acosh
        node._x = self
        node._y = None
        node._dx = floats.divide(floats.divide(1.0, floats.sqrt(x - 1)), floats.sqrt(x + 1))
        return node

    arccosh = acosh

    def atanh(self) -> Value:
        """Return the inverse hyperbolic tangent of x."""
        if modes.active:
            return _record(p.atanh, (self,))
        x = self._data
        out = floats.atanh(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.atanh
        node._x = self
        node._y = None
        node._dx = floats.divide(1.0, (1 - x) * (1 + x))
        return node

    arctanh = atanh

    def sigmoid(self) -> Value:
        """1 / (1 + e⁻ˣ), in the form that has no large exponential."""
        if modes.active:
            return _record(p.sigmoid, (self,))
        x = self._data
        out = floats.sigmoid(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.sigmoid
        node._x = self
        node._y = None
        node._dx = out * (1 - out)
        return node

    def softplus(self) -> Value:
        """log(1 + eˣ), computed without a large exponential."""
        if modes.active:
            return _record(p.softplus, (self,))
        x = self._data
        out = x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.softplus
        node._x = self
        node._y = None
        node._dx = floats.sigmoid(x)
        return node

    def erf(self) -> Value:
        """The error function."""
        if modes.active:
            return _record(p.erf, (self,))
        x = self._data
        out = math.erf(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.erf
        node._x = self
        node._y = None
        node._dx = p.erf.partials[0](out, x)
        return node

    def erfc(self) -> Value:
        """The complementary error function, 1 - erf(x) without cancellation."""
        if modes.active:
            return _record(p.erfc, (self,))
        x = self._data
        out = math.erfc(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.erfc
        node._x = self
        node._y = None
        node._dx = p.erfc.partials[0](out, x)
        return node

    def gamma(self) -> Value:
        """Gamma function at x."""
        if modes.active:
            return _record(p.gamma, (self,))
        x = self._data
        out = floats.gamma(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.gamma
        node._x = self
        node._y = None
        node._dx = out * floats.polygamma(0.0, x)
        return node

    def lgamma(self) -> Value:
        """The logarithm of the absolute value of the gamma function."""
        if modes.active:
            return _record(p.lgamma, (self,))
        x = self._data
        out = floats.lgamma(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.lgamma
        node._x = self
        node._y = None
        node._dx = floats.polygamma(0.0, x)
        return node

    def degrees(self) -> Value:
        """Convert angle x from radians to degrees."""
        if modes.active:
            return _record(p.degrees, (self,))
        x = self._data
        out = math.degrees(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.degrees
        node._x = self
        node._y = None
        node._dx = 57.29577951308232
        return node

    rad2deg = degrees

    def radians(self) -> Value:
        """Convert angle x from degrees to radians."""
        if modes.active:
            return _record(p.radians, (self,))
        x = self._data
        out = math.radians(x)
        node = _new(Value)
        node._data = out
        node._grad = node._sum = None
        node.op = p.radians
        node._x = self
        node._y = None
        node._dx = 0.017453292519943295
        return node

    deg2rad = radians
    # ---- end of what is written


for _name in FOREIGN:
    setattr(Value, _name, ForeignName("a Value", _name, FOREIGN[_name]))


class Constant(Value):
    """A number in an operation, such as the 1 in `a + 1`. It takes no gradient.

    >>> one = (Value(2.0) + 1).args[1]
    >>> one
    Constant(data=1.0)
    """

    __slots__ = ()
    is_plain = True
    takes_gradient = False


# ---------------------------------------------------------------- the primitives by the names of their methods


def _method_name(primitive: Primitive) -> str:
    return f"__{OPERATORS[primitive.name].method}__" if primitive.name in OPERATORS else primitive.name


_METHODS: dict[Primitive, Callable[..., Value]] = {
    primitive: vars(Value)[_method_name(primitive)]
    for primitive in p.BUILT_IN
    if _method_name(primitive) in vars(Value)
}
_APPLIED_BY = {method: primitive for primitive, method in _METHODS.items()}

OPERATIONS: dict[str, Primitive] = {  # by the name of each method, aliases such as `arctan` included
    name: _APPLIED_BY[method] for name, method in vars(Value).items() if callable(method) and method in _APPLIED_BY
}
REFLECTED: dict[str, Primitive] = {
    f"__r{sign.method}__": named(name) for name, sign in OPERATORS.items() if f"__r{sign.method}__" in vars(Value)
}

_NAMED: dict[str, Callable[..., Any]] = {  # numpy's functions with these names, on Values and numbers
    name: OPERATIONS.get(name, method)
    for name, method in vars(Value).items()
    if callable(method) and not name.startswith("_")
}
