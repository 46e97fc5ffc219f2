"""The record of an operation, and the decorator that declares one.

A `Primitive` holds the value of an operation on floats, one partial derivative for each operand, and what
drawings, checks and array programs need to know. `primitives.py` declares the operations of the engine.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import CO_VARARGS, signature
from keyword import iskeyword
from math import inf
from typing import Any, Concatenate, NamedTuple, Never, ParamSpec, Protocol, TypeVar, overload
from unicodedata import normalize

from .floats import counted, number

# ---------------------------------------------------------------- what a declaration says

FloatFunction = Callable[..., float]
Rule = Callable[..., Any]
Interval = tuple[float, float]
Edge = tuple[tuple[float, ...], float, tuple[float, ...]]


class Operator(NamedTuple):
    """A Python operator: the name of its method and function, and its node in a syntax tree."""

    method: str
    node: type[ast.operator | ast.unaryop] | None  # None: written as a call


OPERATORS = {  # by the name of the primitive that the operator applies
    "add": Operator("add", ast.Add),
    "subtract": Operator("sub", ast.Sub),
    "multiply": Operator("mul", ast.Mult),
    "divide": Operator("truediv", ast.Div),
    "power": Operator("pow", ast.Pow),
    "negative": Operator("neg", ast.USub),
    "abs": Operator("abs", None),
}

REALS: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)


class Break(NamedTuple):
    """Where an operation is not smooth in one operand while the others stay the same.

    Attributes:
        operand: the position of the operand.
        nearest: a function of all operands that returns the place of the nearest break, or nan for none.
    """

    operand: int
    nearest: Callable[..., float]


class Operand(Protocol):
    """An object other than a number that operations accept: a Value, a symbol."""

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        """Return the operation's result; at least one operand is of this class."""


OperandType = TypeVar("OperandType", bound=Operand)


_FUNCTION = re.compile(r"(\w+)\((\{\}(, )?)*\)")  # a notation such as maximum({}, {})


class _Documentation:
    """`help(scalargrad.tanh)` shows what `tanh` declares, `help(Primitive)` what a primitive is."""

    def __get__(self, declared: Primitive | None, owner: type) -> str:
        return _PRIMITIVE if declared is None else describe(declared)


_PRIMITIVE = """An operation on real numbers and its derivatives. Call it like a function.

With a Value among the operands the result is a Value, otherwise a float. The record cannot be changed.

>>> import scalargrad
>>> scalargrad.hypot(3, 4)
5.0
>>> scalargrad.hypot(scalargrad.Value(3), 4)
Value(data=5.0)

Raises:
    TypeError: for an operand that is not a real number, or another number of operands.
"""


@dataclass(frozen=True, eq=False, repr=False)
class Primitive:  # noqa: D101  # its docstring is made by _Documentation
    name: str
    summary: str  # one line of documentation
    value: FloatFunction  # never raises, never complex
    partials: tuple[Rule, ...]  # one for each operand: (out, *operands) -> ∂out/∂operand
    notation: str  # in Python: "{} * {}"
    array: str | None  # in the names of numpy, and special. for scipy's; None where no expression is known
    domain: tuple[Interval, ...]  # for each operand, an open interval: smooth there except at kinks and poles
    kinks: tuple[Break, ...]  # where the rules choose a subgradient
    poles: tuple[Break, ...]  # where there is no derivative
    edges: tuple[Edge, ...]  # exact results: operands, value, partials
    associative: bool
    commutative: bool
    identity: float | None  # f(x, e) and f(e, x) are x
    right_identity: float | None  # f(x, e) is x: x - 0, x / 1
    blocks_gradient: bool = False  # no gradient reaches any operand, not even 0 × inf; the partials are 0
    bounded: bool = False  # the value stays within fixed bounds
    multiplies: bool = False  # the value is the product of two operands wherever that is a number

    __doc__ = _Documentation()

    @property
    def arity(self) -> int:
        """The number of operands."""
        return len(self.partials)

    @property
    def sign(self) -> str:
        """What the notation calls the operation: its sign, or the function that it is written as; else its name."""
        sign = self.notation.replace("{}", "").strip()
        if len(sign) <= 2:
            return sign
        function = _FUNCTION.fullmatch(self.notation)
        return function[1] if function else self.name.lstrip("_")

    @property
    def keeps_value(self) -> bool:
        """Whether the value is the operand itself, which then differs in its derivatives alone."""
        return self.array == "{}"

    @overload
    def __call__(self, *operands: float) -> float: ...  # type: ignore[overload-overlap]  # only floats: a float
    @overload
    def __call__(self, *operands: OperandType | float) -> OperandType: ...
    def __call__(self, *operands: Any) -> Any:
        """Apply the operation."""
        if len(operands) != len(self.partials):
            wanted = counted(self.arity, "operand")
            raise TypeError(f"{self.name} takes {wanted}, got {len(operands)}")
        for operand in operands:
            if operand.__class__ is not float:
                return _apply(self, operands)
        return self.value(*operands)

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return named, (self.name,)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def _apply(primitive: Primitive, operands: tuple[Any, ...]) -> Any:
    """Apply the operation to operands that are not all floats, as their most derived class does it."""
    most_derived: Any = None
    for operand in operands:
        kind = type(operand)
        if hasattr(kind, "apply_primitive") and (most_derived is None or issubclass(kind, most_derived)):
            most_derived = kind
    if most_derived is not None:
        return most_derived.apply_primitive(primitive, operands)
    return primitive.value(*(number(operand, f"an operand of {primitive.name}") for operand in operands))


# ---------------------------------------------------------------- declaring an operation

_registry: dict[str, Primitive] = {}
_built_in: set[str] = set()  # empty until the engine has declared its own


NEVER_RAISE = (
    "on floats the functions of scalargrad give the inf or nan of IEEE 754 where those of math, / and ** raise: "
    "write scalargrad.exp(x) in place of math.exp(x), and scalargrad.divide(x, y) in place of x / y"
)


def primitive(
    *_bare: Never,
    partials: Sequence[Rule] = (),
    name: str | None = None,
    summary: str | None = None,
    notation: str | None = None,
    array: str | None = None,
    domain: Sequence[Interval] | None = None,
    kinks: Sequence[Break] = (),
    poles: Sequence[Break] = (),
    edges: Sequence[Edge] = (),
    associative: bool = False,
    commutative: bool = False,
    identity: float | None = None,
    right_identity: float | None = None,
    blocks_gradient: bool = False,
    bounded: bool = False,
    multiplies: bool = False,
) -> Callable[[FloatFunction], Primitive]:
    """Declare an operation: decorate the function that computes its value on floats.

    Neither the value nor a partial should raise for any float, nan and inf included. Use the functions of
    scalargrad in both: on floats, `scalargrad.exp` and `scalargrad.divide` give the inf or nan of IEEE 754
    where `math.exp` and `/` raise. You may declare a name of your own again: the new operation replaces it.

    >>> import scalargrad
    >>> @scalargrad.primitive(partials=[lambda out, x: scalargrad.divide(1, 1 + abs(x)) ** 2], bounded=True)
    ... def softsign(x):
    ...     return x / (1 + abs(x))
    >>> x = scalargrad.Value(1.0)
    >>> softsign(x).backward()
    >>> x.grad
    0.25

    Args:
        partials: the partial derivatives, one function `(out, *operands)` for each operand. Write them with
            operators and other primitives, so that they can be differentiated again and shown as formulas.
        name: the name; by default the function's.
        summary: one line of documentation; by default the first line of the function's docstring.
        notation: how the operation is written in Python, such as `"{} * {}"`; by default `"name({}, {})"`.
        array: the same for arrays, in the names of numpy, such as `"arctan2({}, {})"`, and behind `special.` in
            those of scipy.special. Without it, or without scipy, a lifted program calls the function once for
            each number.
        domain: for each operand the open interval `(low, high)` in which the operation is differentiable,
            apart from kinks and poles; by default all reals. `(nan, nan)` means nowhere.
        kinks: where the slope jumps and the partials choose one, each as `Break(operand, nearest)`. `operand`
            is a position, and `nearest(*operands)` returns the place of the nearest kink, or nan for none.
        poles: where there is no derivative, in the same form.
        edges: exact results to test, each as `(operands, value, partials)`: `((0.0,), 1.0, (0.0,))`.
        associative: whether f(f(x, y), z) is f(x, f(y, z)).
        commutative: whether f(x, y) is f(y, x).
        identity: the number e for which f(x, e) and f(e, x) are x.
        right_identity: the number e for which f(x, e) is x; by default the identity.
        blocks_gradient: whether the operands receive no gradient at all, as in `stop_gradient`, steps and
            roundings. The partials must be 0.0. Without it, a partial of 0.0 still gives nan times inf.
        bounded: whether the value stays within fixed bounds for all operands, as that of `tanh` does.
        multiplies: whether the value is the product of the two operands wherever that is not nan. A lifted
            program then computes a sum of such values as a product of matrices.

    Returns:
        A decorator that returns the `Primitive`.

    Raises:
        TypeError: without brackets, and so without partials; for a value or partial that is not callable, a
            partial that is not written with operators and primitives, or a kink or pole that is no `Break`.
        ValueError: for the name of a built-in operation, no partials, a value or partial with too few or too
            many parameters, a kink or pole in an operand that there is not, a domain of another length, a notation
            that is invalid or lacks an operand, or a partial other than 0.0 of an operation that blocks gradients.
    """
    if _bare:
        operands = _parameters(_bare[0]) or ("x",)
        rules = ", ".join(f"lambda out, {', '.join(operands)}: ..." for _ in operands)
        wanted = f"write @primitive(partials=[{rules}]) above it"
        raise TypeError(f"primitive takes the partials by keyword and then the function: {wanted}")

    def declared(value: FloatFunction) -> Primitive:
        own_name = _name_of(value, name)
        if own_name in _built_in:
            raise ValueError(f"{own_name} is a primitive of scalargrad: choose another name")
        _check_partials(own_name, partials)
        if not callable(value):
            raise TypeError(f"the value of {own_name} must be a function of floats, got {value!r}")
        for place in (*kinks, *poles):
            _check_break(own_name, place, len(partials))
        if domain is not None and len(domain) != len(partials):
            raise ValueError(f"the domain of {own_name} must have an interval for each operand, got {len(domain)}")
        record = Primitive(
            name=own_name,
            summary=summary or ((value.__doc__ or "").strip() or f"{own_name}.").splitlines()[0],
            value=_checked(value, own_name, len(partials)) if _built_in else value,
            partials=tuple(partials),
            notation=notation or f"{own_name}({', '.join('{}' for _ in partials)})",
            array=array,
            domain=tuple(domain) if domain is not None else (REALS,) * len(partials),
            kinks=tuple(kinks),
            poles=tuple(poles),
            edges=tuple(edges),
            associative=associative,
            commutative=commutative,
            identity=identity,
            right_identity=identity if right_identity is None else right_identity,
            blocks_gradient=blocks_gradient,
            bounded=bounded,
            multiplies=multiplies,
        )
        _check_notation(record)
        if _built_in:  # the engine's operations use one another in their rules before all are declared
            _check_rules(record)
        _registry[own_name] = record
        return record

    return declared


P = ParamSpec("P")


def _value_first(
    decorator: Callable[P, Callable[[FloatFunction], Primitive]],
) -> Callable[Concatenate[FloatFunction, P], Primitive]:
    def declare(value: FloatFunction, /, *positional: P.args, **declaration: P.kwargs) -> Primitive:
        """Declare an operation as `primitive` does, from a function that exists already.

        >>> declare(math.atan, partials=[lambda out, x: (1 + x * x) ** -1], name="angle")
        <primitive angle>
        """
        return decorator(*positional, **declaration)(value)

    return declare


declare = _value_first(primitive)


def _checked(value: FloatFunction, name: str, count: int) -> FloatFunction:
    """A user's value, which must take `count` operands and return numbers."""
    try:
        signature(value).bind(*range(count))
    except ValueError:  # a function in C without a signature
        pass
    except TypeError:
        wanted = f"{counted(count, 'operand')}, as there are partials"
        raise ValueError(f"the value of {name} must take {wanted}, got {signature(value)}") from None

    @wraps(value)
    def checked(*operands: float) -> float:
        try:
            result = value(*operands)
        except (ArithmeticError, ValueError) as error:
            error.add_note(NEVER_RAISE)
            raise
        return number(result, f"the value of {name}")

    return checked


def _check_partials(name: str, partials: Sequence[Rule]) -> None:
    if not isinstance(partials, Sequence):
        raise TypeError(f"the partials of {name} must be a list with one function for each operand, got {partials!r}")
    if not partials:
        raise ValueError(f"{name} needs one partial derivative for each operand, got none")
    for partial in partials:
        if not callable(partial):
            raise TypeError(f"a partial of {name} must be a function (out, *operands), got {partial!r}")
        parameters = _parameters(partial)
        if parameters and len(parameters) != 1 + len(partials) and not partial.__code__.co_flags & CO_VARARGS:
            wanted = f"out and {counted(len(partials), 'operand')}, as there are partials"
            raise ValueError(f"a partial of {name} must take {wanted}, got ({', '.join(parameters)})")


def _check_break(name: str, place: Break, count: int) -> None:
    if not isinstance(place, Break) or not callable(place.nearest):
        raise TypeError(f"a kink or pole of {name} must be a Break(operand, nearest), got {place!r}")
    if place.operand not in range(count):
        wanted = f"in one of {counted(count, 'operand')}, counted from 0"
        raise ValueError(f"a kink or pole of {name} must be {wanted}, got Break({place.operand}, …)")


def _name_of(value: Callable[..., float], given: str | None) -> str:
    """The given name, or else the function's, as Python reads it: ﬁt and fit are the same name."""
    name = getattr(value, "__name__", None) if given is None else given
    normal = normalize("NFKC", name) if isinstance(name, str) else ""
    if not normal.isidentifier() or iskeyword(normal) or normal == "__debug__":
        raise ValueError(f"a primitive needs a name that can be written in Python, got {name!r}")
    return normal


def _check_rules(declared: Primitive) -> None:
    for i in range(declared.arity):
        try:
            written = formula(declared, i)
        except TypeError as error:
            wanted = "operators and other primitives, to be differentiated again and shown as a formula"
            raise TypeError(f"a partial of {declared.name} must be written with {wanted}: {error}") from None
        except NameError:  # a rule may use its own operation, whose name is not bound yet
            written = "a formula"
        if declared.blocks_gradient and written != "0":
            raise ValueError(f"{declared.name} blocks gradients, so each of its partials must be 0.0, got {written}")


def _check_notation(declared: Primitive) -> None:
    names = _placeholders(declared)
    try:
        written = ast.parse(declared.notation.format(*names), mode="eval")
        if _built_in and not set(names) <= {getattr(node, "id", "") for node in ast.walk(written)}:
            raise ValueError  # an operand is not shown, which only the engine's private operations may do
    except (IndexError, KeyError, SyntaxError, ValueError):
        wanted = "a Python expression with {} for each operand"
        raise ValueError(f"the notation of {declared.name} must be {wanted}, got {declared.notation!r}") from None


def _placeholders(primitive: Primitive) -> list[str]:
    """Names for the operands that the primitive's notation does not use."""
    stem, written = "operand_", normalize("NFKC", primitive.notation)
    while stem in written:
        stem += "_"
    return [f"{stem}{i}" for i in range(primitive.arity)]


def named(name: str) -> Primitive:
    """Return the primitive with this name.

    >>> named("tanh")
    <primitive tanh>

    Raises:
        LookupError: when no primitive with this name is declared.
    """
    try:
        return _registry[normalize("NFKC", name)]
    except KeyError:
        raise LookupError(f"no primitive is named {name!r}: if it is your own, declare it first") from None


def close_built_ins() -> tuple[Primitive, ...]:
    """Reserve the names declared so far for the engine, and return their primitives."""
    _built_in.update(_registry)
    return registered()


def registered() -> tuple[Primitive, ...]:
    """Return every declared primitive, the built-in ones first.

    >>> [p.name for p in registered()][:4]
    ['add', 'subtract', 'multiply', 'divide']
    """
    return tuple(_registry.values())


# ---------------------------------------------------------------- rules as formulas


Method = Callable[[Any, Any], Any]


def _operator(name: str) -> tuple[Method, Method]:
    """The methods for a symbol on the left and on the right of an operator."""

    def method(symbol: Any, other: Any) -> Any:
        return named(name)(symbol, other)

    def reflected(symbol: Any, other: Any) -> Any:
        return named(name)(other, symbol)

    return method, reflected


class Symbol:
    """A name in place of a number: a rule that is called with symbols returns its formula.

    >>> x, y = Symbol("x"), Symbol("y")
    >>> print((x + y) * x - (x - y))
    (x + y) * x - (x - y)
    >>> print(named("tanh")(x))
    tanh(x)
    """

    def __init__(self, name: str | ast.expr) -> None:
        self._expression = name if isinstance(name, ast.expr) else ast.Name(name)

    def __str__(self) -> str:
        return ast.unparse(self._expression)

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Symbol:
        """Return the operation's notation, with its operands filled in."""
        places = dict(zip(_placeholders(primitive), map(_expression, operands), strict=True))
        written = ast.parse(primitive.notation.format(*places), mode="eval").body
        return Symbol(_Substitution(places).visit(written))

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("subtract")
    __mul__, __rmul__ = _operator("multiply")
    __truediv__, __rtruediv__ = _operator("divide")
    __pow__, __rpow__ = _operator("power")

    def __neg__(self) -> Any:
        return named("negative")(self)

    def __abs__(self) -> Any:
        return named("abs")(self)


class _Substitution(ast.NodeTransformer):
    def __init__(self, places: dict[str, ast.expr]) -> None:
        self._places = places

    def visit_Name(self, name: ast.Name) -> ast.expr:
        return self._places.get(name.id, name)


def _expression(operand: Symbol | float) -> ast.expr:
    if isinstance(operand, Symbol):
        return operand._expression
    held = float(operand)
    if math.copysign(1.0, held) < 0:
        return ast.UnaryOp(ast.USub(), _expression(-held) if held else ast.Constant(0.0))
    if not math.isfinite(held):
        return ast.Name(str(held))
    return ast.Constant(int(held) if held.is_integer() and held < 1e16 else held)


def formula(primitive: Primitive, index: int, names: Sequence[str] | None = None) -> str:
    """Return the rule for one operand as a Python expression.

    `names` are names for the result and each operand; by default those of the rule.

    >>> formula(named("tanh"), 0)
    '1 - out * out'
    >>> formula(named("power"), 0, ["area", "side", "n"])
    'n * side ** (n - 1)'
    """
    out, *operands = names or ("out", *operand_names(primitive))
    return ast.unparse(_expression(primitive.partials[index](Symbol(out), *map(Symbol, operands))))


def operand_names(primitive: Primitive) -> tuple[str, ...]:
    """Return the names of the operands in the first rule.

    >>> operand_names(named("atan2"))
    ('y', 'x')
    """
    names = _parameters(primitive.partials[0])[1:]
    return names if len(names) == primitive.arity else tuple(f"x{i}" for i in range(primitive.arity))


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a Python function's positional parameters; none for other callables."""
    code = getattr(function, "__code__", None)
    return code.co_varnames[: code.co_argcount] if code is not None else ()


def describe(primitive: Primitive) -> str:
    """Return the documentation of a primitive, from its record.

    >>> print(describe(named("tanh")))
    tanh(x): Return the hyperbolic tangent of x.
    <BLANKLINE>
    ∂out/∂x = 1 - out * out
    <BLANKLINE>
    At the edges, value and partials:
        -0.0 → -0.0; 1.0
        1000.0 → 1.0; 0.0
        -inf → -1.0; 0.0
    """
    names = operand_names(primitive)
    lines = [f"{primitive.notation.format(*names)}: {primitive.summary}", ""]
    lines += [f"∂out/∂{name} = {formula(primitive, i)}" for i, name in enumerate(names)]
    if primitive.blocks_gradient:
        lines += ["", "It passes no gradient to its operands."]
    for name, (low, high) in zip(names, primitive.domain, strict=True):
        if low < high and (low, high) != REALS:
            lines += ["", f"Differentiable for {low} < {name} < {high}."]
    if primitive.edges:
        lines += ["", "At the edges, value and partials:"]
    for operands, value, partials in primitive.edges:
        lines.append(f"    {', '.join(map(str, operands))} → {value}; {', '.join(map(str, partials))}")
    return "\n".join(lines)
