"""Writes the text that follows from the declarations: the methods of Value, and the names at the public door.

    python -m tests.generate

writes both anew, after an operation has been added or changed. A test compares them.
"""

from __future__ import annotations

import ast
import inspect
import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from scalargrad.engine import floats
from scalargrad.engine.declaration import OPERATORS, Primitive, Symbol, operand_names
from scalargrad.engine.primitives import BUILT_IN

PACKAGE = Path(__file__).parents[1] / "scalargrad"
BEGIN, END = "# ---- written by `python -m tests.generate`\n", "# ---- end of what is written\n"
NUMPYS_NAMES = {"abs": ["fabs"], "degrees": ["rad2deg"], "radians": ["deg2rad"]}  # beside those of the array spellings

# ---------------------------------------------------------------- an operation on floats, as an expression


class Inline(Symbol):
    """An operand whose operations are written as they run on floats, where a `Symbol` shows their notation."""

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Any, ...]) -> Inline:
        """Write the operation's value."""
        return Inline(value_of(primitive, [_expression(operand) for operand in operands]))


_IN_PYTHON: dict[Callable[..., Any], Callable[..., ast.expr]] = {
    operator.add: lambda x, y: ast.BinOp(x, ast.Add(), y),
    operator.sub: lambda x, y: ast.BinOp(x, ast.Sub(), y),
    operator.mul: lambda x, y: ast.BinOp(x, ast.Mult(), y),
    operator.neg: lambda x: ast.UnaryOp(ast.USub(), x),
    operator.pos: lambda x: x,
    operator.abs: lambda x: ast.Call(ast.Name("abs"), [x], []),
}


def _expression(operand: Any) -> ast.expr:
    return operand._expression if isinstance(operand, Symbol) else ast.parse(repr(operand), mode="eval").body


def value_of(primitive: Primitive, operands: Sequence[ast.expr]) -> ast.expr:
    """The value of a primitive: in Python, or by a function of `math` or `floats`, or by that function's expression."""
    function = primitive.value
    if function in _IN_PYTHON:
        return _IN_PYTHON[function](*operands)
    short = _returned(primitive) if all(isinstance(operand, ast.Name | ast.Constant) for operand in operands) else None
    if short is not None:
        names, expression = short
        substituted: ast.expr = _Replace(dict(zip(names, operands, strict=True))).visit(deepcopy(expression))
        return substituted
    for module in (math, floats):
        if vars(module).get(primitive.name) is function:
            return ast.Call(ast.Attribute(ast.Name(module.__name__.split(".")[-1]), primitive.name), list(operands), [])
    raise LookupError(f"the value of {primitive.name} has no name in math or floats")


def _returned(primitive: Primitive) -> tuple[list[str], ast.expr] | None:
    """The parameters and the expression of a function of `floats` that is a single `return`."""
    function = primitive.value
    if vars(floats).get(primitive.name) is not function or getattr(function, "__closure__", None) is not None:
        return None
    (definition,) = ast.parse(inspect.getsource(function)).body
    assert isinstance(definition, ast.FunctionDef)
    _docstring, *body = definition.body
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return None
    return [argument.arg for argument in definition.args.args], body[0].value


class _Replace(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, name: ast.Name) -> ast.expr:
        return self.names.get(name.id, name)


def local_gradient(primitive: Primitive, index: int) -> str:
    """A rule on floats, as an expression; one that needs operations without a short value is called as declared."""
    names = operand_names(primitive)
    try:
        written = primitive.partials[index](Inline("out"), *map(Inline, names))
    except LookupError:
        return f"p.{primitive.name}.partials[{index}](out, {', '.join(names)})"
    return ast.unparse(_expression(written))


# ---------------------------------------------------------------- the methods of Value


def methods() -> Iterator[str]:
    """The text of each method that applies a primitive."""
    for primitive in BUILT_IN:
        if primitive.name in OPERATORS:
            yield from _operator(primitive)
        elif not primitive.name.startswith("_") and (primitive.arity == 1 or _array_function(primitive)):
            yield _method(primitive.name, primitive)
            yield from _other_names(primitive)


def _array_function(primitive: Primitive) -> str | None:
    """The function of arrays that is the primitive, by name."""
    operands = ", ".join("{}" for _ in range(primitive.arity))
    spelled = re.fullmatch(rf"(\w+)\({re.escape(operands)}\)", primitive.array or "")
    return spelled and spelled[1]


def _other_names(primitive: Primitive, method: str | None = None) -> Iterator[str]:
    spelled = [_array_function(primitive), *NUMPYS_NAMES.get(primitive.name, [])]
    names = [name for name in spelled if name is not None and name != primitive.name]
    if names:
        yield f"{'' if method else chr(10)}    {' = '.join(names)} = {method or primitive.name}\n"


def _operator(primitive: Primitive) -> Iterator[str]:
    sign = OPERATORS[primitive.name].method
    method = f"__{sign}__"
    yield _method(method, primitive)
    if primitive.arity == 1:
        yield f"\n    {primitive.name} = {method}\n"
        yield from _other_names(primitive, method)
    else:
        yield f"""
    def __r{sign}__(self, other: float) -> Value:  # {primitive.notation.format(1, "x")}
        left = _taking_part(other)
        return NotImplemented if left is None else left.{method}(self)
"""


def _method(name: str, primitive: Primitive) -> str:
    names = operand_names(primitive)
    operands = ["self", "right"][: primitive.arity]
    is_operator = name.startswith("__")
    head = f"def {name}(self{', other: Value | float' if primitive.arity == 2 else ''}) -> Value:"
    lines = [f'"""{primitive.summary}"""']
    if is_operator:
        head += f"  # {primitive.notation.format(*names)}"
    if primitive.arity == 2:
        lines += ["right: Any = other", "if right.__class__ is not Value:"]
        if is_operator:
            lines += ["    right = _taking_part(right)", "    if right is None:", "        return NotImplemented"]
        else:
            lines += [f'    right = _operand(right, "an operand of {primitive.name}")']
    recorded = f"return _record(p.{primitive.name}, ({', '.join(operands)}{',' * (primitive.arity == 1)}))"
    if primitive.blocks_gradient:
        return _written(head, [*lines, recorded])
    lines += ["if modes.active:", f"    {recorded}"]
    lines += [f"{operand} = {node}._data" for operand, node in zip(names, operands, strict=True)]
    lines.append(f"out = {_value(primitive, names)}")
    lines += ["node = _new(Value)", "node._data = out", "node._grad = node._sum = None"]
    lines += [f"node.op = p.{primitive.name}", "node._x = self", f"node._y = {(*operands, None)[1]}"]
    for i, (slot, node) in enumerate(zip(("_dx", "_dy"), operands, strict=False)):
        local = local_gradient(primitive, i)
        is_dear = "(" in local and primitive.arity == 2  # a constant needs none
        lines.append(f"node.{slot} = {local}{f' if {node}.takes_gradient else 0.0' if is_dear else ''}")
    return _written(head, [*lines, "return node"])


def _value(primitive: Primitive, operands: Sequence[str]) -> str:
    """The value on floats, as an expression; a function of `primitives.py` itself is called as declared."""
    try:
        return ast.unparse(value_of(primitive, [ast.Name(operand) for operand in operands]))
    except LookupError:
        return f"p.{primitive.name}.value({', '.join(operands)})"


def _written(head: str, lines: Sequence[str]) -> str:
    return "\n".join(["", f"    {head}", *(f"        {line}" for line in lines), ""])


# ---------------------------------------------------------------- the public door


def door() -> Iterator[str]:
    """The lines that export the primitives, log2 before log10; `from scalargrad import *` leaves Python's abs alone."""

    def order(name: str) -> list[tuple[str, int]]:
        return [(text, int(digits or -1)) for text, digits in re.findall(r"(\D+)(\d*)", name)]

    names = sorted((primitive.name for primitive in BUILT_IN if not primitive.name.startswith("_")), key=order)
    yield "from .engine.primitives import abs as abs\n"
    yield "from .engine.primitives import (\n"
    yield from (f"    {name},\n" for name in names if name != "abs")
    yield ")\n\n__all__ += [\n"
    yield from (f'    "{name}",\n' for name in names if name != "abs")
    yield "]\n\n"


# ---------------------------------------------------------------- files

WRITTEN: dict[Path, Callable[[], Iterator[str]]] = {
    PACKAGE / "engine" / "value.py": methods,
    PACKAGE / "__init__.py": door,
}


def parts(path: Path) -> tuple[str, str, str]:
    """What stands in a file before, between and after the two comments."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    between, _, after = rest.partition(END)
    indent = between[len(between.rstrip(" ")) :]
    return before + BEGIN, between.rstrip(" "), indent + END + after


def main() -> None:
    """Write both files."""
    for path, lines in WRITTEN.items():
        before, _, after = parts(path)
        path.write_text(f"{before}{''.join(lines())}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
