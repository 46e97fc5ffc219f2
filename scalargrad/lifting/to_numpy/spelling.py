"""A primitive in numpy: its array spelling as numpy functions, each of which writes into a given array."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import numpy as np

from ...engine.declaration import OPERATORS, Primitive


@lru_cache(maxsize=256)
def needs_scipy(primitive: Primitive) -> bool:
    """Return whether the array spelling of a primitive has functions of scipy.special."""
    written = ast.parse((primitive.array or "0").format(*[f"x{i}" for i in range(primitive.arity)]), mode="eval")
    return any(isinstance(node, ast.Name) and node.id == "special" for node in ast.walk(written))


def lacks_scipy(primitive: Primitive) -> bool:
    """Return whether a primitive has an array spelling that needs scipy, which is not installed."""
    return needs_scipy(primitive) and find_spec("scipy") is None


def is_spelled(primitive: Primitive) -> bool:
    """Return whether a primitive has an array spelling that can run here; else it is called for each number."""
    return primitive.array is not None and not lacks_scipy(primitive)


@lru_cache(maxsize=256)
def expression(primitive: Primitive, dtype: str = "float64") -> ast.expr:
    """Return the array spelling with numpy's names, and x0, x1, … for the operands.

    A number beyond the range of the precision becomes the largest that it has.

    Raises:
        TypeError: for a name that numpy does not have, or scipy.special for a name behind `special.`.
    """
    assert primitive.array is not None, "without a spelling it is called"
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
            raise TypeError(f"the array spelling of {self.primitive.name} has {name.id}, which numpy does not have")
        return ast.Attribute(ast.Name("np"), name.id)

    def visit_Attribute(self, attribute: ast.Attribute) -> ast.expr:
        name = ast.unparse(attribute)
        if name != f"special.{attribute.attr}":  # a method of arrays
            attribute.value = self.visit(attribute.value)
        elif not hasattr(_special(), attribute.attr):
            raise TypeError(f"the array spelling of {self.primitive.name} has {name}, which scipy does not have")
        return attribute

    def visit_Constant(self, constant: ast.Constant) -> ast.expr:
        if isinstance(constant.value, float) and constant.value > self.largest:
            return ast.Constant(self.largest)
        return constant

    def visit_UnaryOp(self, operation: ast.UnaryOp) -> ast.expr:
        self.generic_visit(operation)
        if isinstance(operation.op, ast.USub) and isinstance(operation.operand, ast.Constant):
            return ast.Constant(-operation.operand.value)  # type: ignore[operator]  # all its constants are numbers
        return operation


def _special() -> ModuleType:
    """The module scipy.special, which takes long to load."""
    return import_module("scipy.special")


_OPERATORS: dict[type[ast.AST] | None, str] = {  # the names of numpy's functions are those of the primitives
    **{operator.node: name for name, operator in OPERATORS.items()},
    ast.Gt: "greater",
}


@lru_cache(maxsize=256)
def comparison(expression: ast.expr) -> ast.Compare | None:
    """Return the comparison in an expression of the form `(x > y) * 1.0`; None for any other expression."""
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mult):
        compared, factor = expression.left, expression.right
        if isinstance(compared, ast.Compare) and isinstance(factor, ast.Constant) and factor.value == 1:
            return compared if _call(compared)[0] and len(compared.ops) == 1 else None
    return None


def is_one_function(primitive: Primitive) -> bool:
    """Return whether a numpy function of two operands is the primitive, so that numpy can fold it."""
    if not is_spelled(primitive):
        return False
    function, arguments = _call(expression(primitive))
    names = [argument.id for argument in arguments if isinstance(argument, ast.Name)]
    return function.isidentifier() and names == ["x0", "x1"] and getattr(np, function).nin == 2


def is_one_line(primitive: Primitive) -> bool:
    """Return whether a primitive is one function of numpy, so that nothing is read after a number is written."""
    if not is_spelled(primitive):
        return False
    written = expression(primitive)
    function, arguments = _call(written)
    return bool(function) and function != "power" and all(isinstance(one, ast.Name | ast.Constant) for one in arguments)


def ufunc(primitive: Primitive) -> str:
    """Return the name of the numpy function that is a primitive of two operands."""
    return _call(expression(primitive))[0]


@lru_cache(maxsize=512)
def _call(expression: ast.expr) -> tuple[str, list[ast.expr]]:
    """The numpy function that an expression applies, by name, and the arguments; "" where it applies none.

    A function of scipy's has a name like "special.erf".
    """
    if isinstance(expression, ast.BinOp):
        return _OPERATORS.get(type(expression.op), ""), [expression.left, expression.right]
    if isinstance(expression, ast.UnaryOp):
        return _OPERATORS.get(type(expression.op), ""), [expression.operand]
    if isinstance(expression, ast.Compare):
        return _OPERATORS.get(type(expression.ops[0]), ""), [expression.left, expression.comparators[0]]
    if isinstance(expression, ast.Call):
        called = ast.unparse(expression.func)
        module, _, name = called.partition(".")
        if module == "np" and isinstance(getattr(np, name, None), np.ufunc):
            return name, expression.args
        if module == "special" and isinstance(getattr(_special(), name, None), np.ufunc):
            return called, expression.args
    return "", []


def steps(
    expression: ast.expr,
    operands: Sequence[str],
    out: str,
    spread: Callable[[str], str] | None = None,
    spare: Callable[[], str] | None = None,
) -> list[str]:
    """Return the lines that compute an expression into an array, one numpy function each.

    Args:
        expression: the expression, with x0, x1, … for the operands.
        operands: the texts of the operands.
        out: the text of the array.
        spread: returns, for a number as text, the name of an array with that number in all places; some
            functions are quicker with two arrays.
        spare: returns the name of another array of the same shape for what else is computed on the way.
    """
    function, arguments = _call(expression)
    inner = [argument for argument in arguments if not isinstance(argument, ast.Name | ast.Constant)]
    beside = {operands[int(argument.id[1:])] for argument in arguments if isinstance(argument, ast.Name)}
    if not function or (len(inner) > 1 and spare is None) or (inner and out in beside):
        return [f"np.copyto({out}, {text(expression, operands)})"]
    lines: list[str] = []
    texts: list[str] = []
    for argument in arguments:
        if argument in inner:
            place = spare() if spare and argument is not inner[0] else out
            lines += steps(argument, operands, place, spread, spare)
            texts.append(place)
        else:
            texts.append(text(argument, operands))
    if spread and function in _SLOW_WITH_NUMBERS:
        texts = [spread(literal(float(text))) if _is_number(text) else text for text in texts]
    whole_name = f"np.{function}" if function.isidentifier() else function
    lines.append(f"{whole_name}({', '.join(texts)}, out={out})")
    return [*lines, *_no_root(texts[0], texts[1], out)] if function == "power" else lines


def may_be_root(expression: ast.expr, operands: Sequence[str]) -> bool:
    """Return whether numpy may compute a square root in place of a power, as it does for the exponent 0.5."""
    function, arguments = _call(expression)
    return function == "power" and bool(_no_root(text(arguments[0], operands), text(arguments[1], operands), ""))


def _no_root(base: str, exponent: str, out: str) -> list[str]:
    """The lines that correct numpy's square root where the power has another value: 0 for -0, inf for -inf."""
    if (_is_number(exponent) and float(exponent) != 0.5) or (_is_number(base) and float(base) != 0.0):
        return []
    if _is_number(exponent):
        return [f"np.add({out}, 0.0, out={out})", f"np.copyto({out}, np.inf, where={base} == -np.inf)"]
    return [
        f"np.copyto({out}, 0.0, where=({base} == 0.0) & ({exponent} == 0.5))",
        f"np.copyto({out}, np.inf, where=({base} == -np.inf) & ({exponent} == 0.5))",
    ]


_SLOW_WITH_NUMBERS = {"maximum", "minimum"}  # numpy's vector code is for two arrays


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", text))


@lru_cache(maxsize=256)
def reads_late(expression: ast.expr) -> bool:
    """Return whether a line after the first reads an operand, when the result's buffer has been written to."""
    _, arguments = _call(expression)
    inner = [argument for argument in arguments if not isinstance(argument, ast.Name | ast.Constant)]
    beside = any(isinstance(argument, ast.Name) for argument in arguments)
    return bool(inner) and (beside or len(inner) > 1 or any(map(reads_late, inner)))


def text(expression: ast.expr, operands: Sequence[str]) -> str:
    """Return an expression as text, with these texts in place of its operands."""
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
    """Return a number as it is written in a numpy program."""
    if number != number or number in (np.inf, -np.inf):
        return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}[repr(float(number))]
    return repr(float(number))
