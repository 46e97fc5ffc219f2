"""A primitive in numpy: the functions that its array spelling amounts to, each writing into a given array."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from ...engine.declaration import OPERATORS, Primitive


@lru_cache(maxsize=256)
def expression(primitive: Primitive, dtype: str = "float64") -> ast.expr:
    """The array spelling with numpy's names, and operands named x0, x1, …; a finite number stays one in float32."""
    assert primitive.array is not None, "what has no spelling is called"
    operands = [f"x{i}" for i in range(primitive.arity)]
    written = ast.parse(primitive.array.format(*operands), mode="eval").body
    spelled: ast.expr = _InNumpy(primitive, set(operands), float(np.finfo(dtype).max)).visit(written)
    return spelled


class _InNumpy(ast.NodeTransformer):
    def __init__(self, primitive: Primitive, known: set[str], largest: float) -> None:
        self.primitive, self.known, self.largest = primitive, known, largest

    def visit_Name(self, name: ast.Name) -> ast.expr:
        if name.id in self.known:
            return name
        if not hasattr(np, name.id):
            raise TypeError(f"the array spelling of {self.primitive.name} has {name.id}, which numpy has not")
        return ast.Attribute(ast.Name("np"), name.id)

    def visit_Constant(self, found: ast.Constant) -> ast.expr:
        if isinstance(found.value, float) and found.value > self.largest:
            return ast.Constant(self.largest)
        return found

    def visit_UnaryOp(self, found: ast.UnaryOp) -> ast.expr:
        self.generic_visit(found)
        if isinstance(found.op, ast.USub) and isinstance(found.operand, ast.Constant):
            return ast.Constant(-found.operand.value)  # type: ignore[operator]  # a spelling has numbers alone
        return found


_OPERATORS: dict[type[ast.AST] | None, str] = {  # numpy calls its functions as the primitives are called
    **{operator.node: name for name, operator in OPERATORS.items()},
    ast.Gt: "greater",
}


@lru_cache(maxsize=256)
def comparison(expression: ast.expr) -> ast.Compare | None:
    """Return the comparison of an expression that is one as a number, `(x > y) * 1.0`; None for any other."""
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mult):
        compared, factor = expression.left, expression.right
        if isinstance(compared, ast.Compare) and isinstance(factor, ast.Constant) and factor.value == 1:
            return compared if _call(compared)[0] and len(compared.ops) == 1 else None
    return None


def is_one_function(primitive: Primitive) -> bool:
    """Whether numpy has a function of two operands that is the primitive, and so can fold it."""
    if primitive.array is None:
        return False
    function, arguments = _call(expression(primitive))
    names = [argument.id for argument in arguments if isinstance(argument, ast.Name)]
    return bool(function) and names == ["x0", "x1"] and getattr(np, function).nin == 2


def ufunc(primitive: Primitive) -> str:
    """The name of the numpy function that a primitive of two operands is."""
    return _call(expression(primitive))[0]


@lru_cache(maxsize=512)
def _call(expression: ast.expr) -> tuple[str, list[ast.expr]]:
    """An expression as a numpy function that writes into a given array, and its arguments; "" where it is none."""
    if isinstance(expression, ast.BinOp):
        return _OPERATORS.get(type(expression.op), ""), [expression.left, expression.right]
    if isinstance(expression, ast.UnaryOp):
        return _OPERATORS.get(type(expression.op), ""), [expression.operand]
    if isinstance(expression, ast.Compare):
        return _OPERATORS.get(type(expression.ops[0]), ""), [expression.left, expression.comparators[0]]
    if isinstance(expression, ast.Call):
        name = ast.unparse(expression.func).removeprefix("np.")
        if isinstance(getattr(np, name, None), np.ufunc):
            return name, expression.args
    return "", []


def steps(
    expression: ast.expr, operands: Sequence[str], out: str, spread: Callable[[str], str] | None = None
) -> list[str]:
    """The lines that compute an expression into `out`, one numpy function each.

    `spread` gives the name of an array that has a number in all places, for functions that are
    sooner done with two arrays.
    """
    function, arguments = _call(expression)
    inner = [argument for argument in arguments if not isinstance(argument, ast.Name | ast.Constant)]
    beside = {operands[int(argument.id[1:])] for argument in arguments if isinstance(argument, ast.Name)}
    if not function or len(inner) > 1 or (inner and out in beside):
        return [f"np.copyto({out}, {text(expression, operands)})"]
    lines = steps(inner[0], operands, out, spread) if inner else []
    texts = [out if argument in inner else text(argument, operands) for argument in arguments]
    if spread and function in _SLOW_WITH_NUMBERS:
        texts = [spread(literal(float(text))) if _is_number(text) else text for text in texts]
    lines.append(f"np.{function}({', '.join(texts)}, out={out})")
    return [*lines, *_no_root(texts[0], texts[1], out)] if function == "power" else lines


def may_be_root(expression: ast.expr, operands: Sequence[str]) -> bool:
    """Whether numpy may take the square root in place of a power, as it does for the exponent 0.5."""
    function, arguments = _call(expression)
    return function == "power" and bool(_no_root(text(arguments[0], operands), text(arguments[1], operands), ""))


def _no_root(base: str, exponent: str, out: str) -> list[str]:
    """The lines that turn numpy's square root into the power that was asked for: 0 for -0, inf for -inf."""
    if (_is_number(exponent) and float(exponent) != 0.5) or (_is_number(base) and float(base) != 0.0):
        return []
    if _is_number(exponent):
        return [f"np.add({out}, 0.0, out={out})", f"np.copyto({out}, np.inf, where={base} == -np.inf)"]
    return [
        f"np.copyto({out}, 0.0, where=({base} == 0.0) & ({exponent} == 0.5))",
        f"np.copyto({out}, np.inf, where=({base} == -np.inf) & ({exponent} == 0.5))",
    ]


_SLOW_WITH_NUMBERS = {"maximum", "minimum"}  # numpy has vector code for two arrays only


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", text))


@lru_cache(maxsize=256)
def reads_late(expression: ast.expr) -> bool:
    """Whether an operand is read in a step after the first, when the place of the result has been written to."""
    _, arguments = _call(expression)
    inner = [argument for argument in arguments if not isinstance(argument, ast.Name | ast.Constant)]
    beside = any(isinstance(argument, ast.Name) for argument in arguments)
    return bool(inner) and (beside or any(map(reads_late, inner)))


def text(expression: ast.expr, operands: Sequence[str]) -> str:
    """Return an expression as text, with these texts for its operands."""
    if isinstance(expression, ast.Name):
        return operands[int(expression.id[1:])]
    if isinstance(expression, ast.Constant):
        return repr(expression.value)
    return re.sub(r"\bx(\d+)\b", lambda name: _enclosed(operands[int(name[1])]), _unparsed(expression))


@lru_cache(maxsize=256)
def _unparsed(expression: ast.expr) -> str:
    return ast.unparse(expression)


def _enclosed(operand: str) -> str:
    return operand if re.fullmatch(r"[\w.]+(\[.*\])?", operand) else f"({operand})"


def literal(number: float) -> str:
    """Return a number as it is written in a program."""
    if number != number or number in (np.inf, -np.inf):
        return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}[repr(float(number))]
    return repr(float(number))
