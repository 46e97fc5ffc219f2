"""Turn a recorded graph back into a function that prints itself as Python.

An `Expression` is a recorded graph as a function of its inputs. It runs on floats and on Values, and it
prints as the Python that makes it, with a name for each result that is used more than once. So a failing
example can be pasted and run again.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from ..engine import primitives
from ..engine.declaration import OPERATORS, Primitive
from ..engine.floats import counted, number
from ..engine.graph import topological_order
from ..engine.value import Value

NESTING = 20  # a result that is nested deeper gets a name: Python's own parser has a limit too


class Operation(NamedTuple):
    """A primitive and its operands: an int is the place of a variable or an earlier result, a float is a number."""

    primitive: Primitive
    operands: tuple[int | float, ...]


class Expression:
    """What a function computes at a point: callable like the function, and printed as Python.

    A result that is used several times is computed once, and written once under a name.

    Args:
        function: a function of as many Values as the point has numbers, which returns a Value or a number.
        point: the numbers where it is recorded.

    >>> def f(x, y):
    ...     product = x * y
    ...     return product + product.tanh()
    >>> expression = Expression(f, 2.0, 3.0)
    >>> expression
    Expression(lambda x, y: (v1 := x * y, v1 + tanh(v1))[-1], 2.0, 3.0)
    >>> expression(0.0, 7.0)
    0.0
    >>> print(expression.source)
    from scalargrad import Value, tanh
    <BLANKLINE>
    x, y = Value(2.0), Value(3.0)
    v1 = x * y
    result = v1 + tanh(v1)

    Attributes:
        variables: the names of the inputs.
        point: the number of each input where the function was recorded.
        operations: the operations, in order.

    Raises:
        TypeError: for a point that is not made of numbers, or a function that returns neither a Value nor a number.
    """

    variables: tuple[str, ...]
    point: tuple[float, ...]
    operations: tuple[Operation, ...]

    def __init__(self, function: Callable[..., Any], *point: float) -> None:
        inputs = [Value(x) for x in point]
        self._record(function(*inputs), inputs, _parameters(function))

    @classmethod
    def recorded(cls, result: Value, inputs: Sequence[Value], names: Sequence[str] = ()) -> Expression:
        """Return the expression of an existing graph, as a function of some of its leaves.

        Args:
            result: the end of the graph, or a number.
            inputs: the leaves that become variables; all others become constants.
            names: a name for each variable; by default x, y, z or x1, x2, ….

        >>> x = Value(3.0)
        >>> Expression.recorded(1 - x * x, [x])
        Expression(lambda x: 1 - x * x, 3.0)

        Raises:
            TypeError: for a result that is neither a Value nor a number.
        """
        expression = cls.__new__(cls)
        expression._record(result, inputs, names)
        return expression

    def _record(self, result: Any, inputs: Sequence[Value], names: Sequence[str]) -> None:
        places: dict[Value, int | float] = {leaf: place for place, leaf in enumerate(inputs)}
        operations: list[Operation] = []
        self._result: int | float
        if isinstance(result, Value):
            for node in topological_order(result):
                if node.op is not None and node not in places:
                    operands = tuple(places.get(operand, operand.data) for operand in node.args)
                    places[node] = len(inputs) + len(operations)
                    operations.append(Operation(node.op, operands))
            self._result = places.get(result, result.data)
        else:
            self._result = number(result, "what an expression's function returns", bools=False)
        self.operations = tuple(operations)
        self.point = tuple(leaf.data for leaf in inputs)
        used = {primitive.name for primitive, _ in operations}
        self.variables = tuple(distinct(names if len(names) == len(inputs) else _letters(len(inputs)), used))

    def __call__(self, *operands: Any) -> Any:
        """Compute the expression: a Value if one of the operands is one, else a float."""
        if len(operands) != len(self.variables):
            wanted = counted(len(self.variables), "operand")
            raise TypeError(f"the expression takes {wanted}, got {len(operands)}")
        known = list(operands)
        for primitive, places in self.operations:
            known.append(primitive(*[known[place] if isinstance(place, int) else place for place in places]))
        return known[self._result] if isinstance(self._result, int) else self._result

    @property
    def source(self) -> str:
        """A program that computes the expression at its point: imports, variables, named results, the result."""
        lines, result = self._written()
        used = {primitive for primitive, _ in self.operations if _sign(primitive) is None}
        imported: list[str] = []
        declared: list[str] = []
        for primitive in sorted(used, key=lambda primitive: primitive.name):
            public = getattr(primitives, primitive.name, None) is primitive and not primitive.name.startswith("_")
            (imported if public else declared).append(primitive.name)
        program = [f"from scalargrad import {', '.join(['Value', *imported])}"]
        program += ["from scalargrad.engine.declaration import named"] if declared else []
        program += ["", *[f'{name} = named("{name}")' for name in declared]]
        if self.variables:
            program.append(f"{', '.join(self.variables)} = {', '.join(f'Value({spelled(x)})' for x in self.point)}")
        return "\n".join([*program, *[f"{name} = {text}" for name, text in lines], f"result = {result}"])

    def __repr__(self) -> str:
        lines, result = self._written()
        body = f"({', '.join(f'{name} := {text}' for name, text in lines)}, {result})[-1]" if lines else result
        parameters = f" {', '.join(self.variables)}" if self.variables else ""
        return f"Expression({', '.join([f'lambda{parameters}: {body}', *map(spelled, self.point)])})"

    def _written(self) -> tuple[list[tuple[str, str]], str]:
        """A name and a formula for each result that is used again or nested deeply, and the formula of the result."""
        uses = Counter(place for _, operands in self.operations for place in operands if isinstance(place, int))
        names = distinct((f"v{i}" for i in count(1)), {*self.variables, *(p.name for p, _ in self.operations)})
        known: list[ast.expr] = [ast.Name(variable) for variable in self.variables]
        nesting, lines = [0] * len(known), []
        for primitive, operands in self.operations:
            formula = application(primitive, [known[o] if isinstance(o, int) else written_number(o) for o in operands])
            depth = 1 + max((nesting[o] for o in operands if isinstance(o, int)), default=0)
            if (uses[len(known)] > 1 or depth > NESTING) and len(known) != self._result:
                lines.append((next(names), ast.unparse(formula)))
                formula, depth = ast.Name(lines[-1][0]), 0
            known.append(formula)
            nesting.append(depth)
        return lines, ast.unparse(
            known[self._result] if isinstance(self._result, int) else written_number(self._result)
        )

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # how Hypothesis and IPython show it
        printer.text(repr(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        return self.variables, self.operations, repr((self.point, self.operations, self._result))  # tells -0.0 from 0.0


# ---------------------------------------------------------------- Python's notation


def _sign(primitive: Primitive) -> ast.operator | ast.unaryop | None:
    """Python's operator for a primitive; None for one that is called by name."""
    node = OPERATORS[primitive.name].node if primitive.name in OPERATORS else None
    return None if node is None else node()


def application(primitive: Primitive, operands: list[ast.expr]) -> ast.expr:
    """Return a primitive on operands, as Python writes it: with its operator, or called by its name."""
    sign = _sign(primitive)
    if isinstance(sign, ast.operator):
        return ast.BinOp(operands[0], sign, operands[1])
    if sign is not None:
        return ast.UnaryOp(sign, operands[0])
    return ast.Call(ast.Name(primitive.name), operands, [])


def written_number(x: float) -> ast.expr:
    """A plain number in a formula: a whole one as an int."""
    whole = x.is_integer() and abs(x) < 1e16 and (x != 0 or math.copysign(1.0, x) > 0)
    return ast.parse(str(int(x)) if whole else spelled(x), mode="eval").body


def spelled(x: float) -> str:
    """Return a number as Python reads it."""
    return repr(x) if math.isfinite(x) else f"float('{x}')"


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    code = getattr(function, "__code__", None)
    return code.co_varnames[: code.co_argcount] if code is not None else ()


def _letters(n: int) -> Sequence[str]:
    return "xyz"[:n] if n <= 3 else [f"x{i}" for i in range(1, n + 1)]


def distinct(names: Iterable[str], taken: set[str]) -> Iterator[str]:
    """The names, each with as many underscores as keep it from those taken."""
    for wanted in names:
        name = wanted
        while name in taken:
            name += "_"
        yield name
