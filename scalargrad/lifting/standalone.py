"""The engine's functions of floats as text, for modules that run without this library."""

from __future__ import annotations

import ast
import inspect
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

from ..engine import floats, primitives
from ..engine.declaration import Primitive


class Definitions(NamedTuple):
    """What a module must have for some functions.

    Attributes:
        imports: lines that import from the standard library.
        lines: the text of the definitions.
    """

    imports: list[str]
    lines: list[str]


def definitions(called: Mapping[str, tuple[Primitive, Callable[..., float]]]) -> Definitions:
    """Return the text that defines functions under their names.

    Args:
        called: by the name that it is called by, an operation and the function of floats that computes it.

    Raises:
        TypeError: for an operation of the user's own, whose function is in the user's code.
    """
    texts = _Texts()
    bound = {name: texts.of(primitive, function) for name, (primitive, function) in called.items()}
    lines = [f"{name} = {text}" for name, text in bound.items() if name != text]
    return Definitions(sorted(texts.imports), [*texts.lines, *lines])


class _Texts:
    """Definitions, as they are found to be needed."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.lines: list[str] = []
        self._done: set[str] = set()

    def of(self, primitive: Primitive, function: Callable[..., float]) -> str:
        """The expression for a function, after what it needs has been defined."""
        for module in (math, operator):
            name = getattr(function, "__name__", "")
            if name and getattr(module, name, None) is function:
                self.imports.add(f"import {module.__name__}")
                return f"{module.__name__}.{name}"
        for name, own in vars(floats).items():
            if own is function:
                self.define(name, floats)
                return name
        if primitive not in primitives.BUILT_IN:
            raise TypeError(
                f"{primitive.name} is your own operation: a program that calls it cannot be saved as a file; pickle "
                "the program, or write it with operations of scalargrad"
            )
        return self._expression(_declared(primitive.name), primitives)

    def define(self, name: str, module: ModuleType) -> None:
        """Write the definition of a name of a module, after all that it needs."""
        if name in self._done:
            return
        self._done.add(name)
        node = _top_level(module).get(name)
        if isinstance(node, ast.Import):
            self.imports.add(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            self.imports.add(f"from {node.module} import {name}")
        elif node is not None:
            text = self._expression(node, module)
            self.lines += ["", "", *text.splitlines(), ""] if isinstance(node, ast.FunctionDef) else [text]

    def _expression(self, node: ast.AST, module: ModuleType) -> str:
        own = ast.parse(ast.unparse(node)).body[0]  # a copy: other libraries hang whole trees on nodes that all share
        plain = ast.fix_missing_locations(_Plain().visit(own))
        for name in sorted({one.id for one in ast.walk(plain) if isinstance(one, ast.Name)}):
            self.define(name, floats if hasattr(floats, name) and name not in _top_level(module) else module)
        return ast.unparse(plain)


class _Plain(ast.NodeTransformer):
    """Without annotations and docstrings, and with names of `floats` without their module."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
        if ast.get_docstring(node) and len(node.body) > 1:
            node.body = node.body[1:]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        is_of_floats = isinstance(node.value, ast.Name) and node.value.id == "floats"
        return ast.Name(node.attr, ast.Load()) if is_of_floats else node


@lru_cache(maxsize=4)
def _parsed(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


@lru_cache(maxsize=4)
def _top_level(module: ModuleType) -> dict[str, ast.stmt]:
    """What each name of a module is defined by."""
    definitions: dict[str, ast.stmt] = {}
    for node in _parsed(module).body:
        for name in _names(node):
            definitions.setdefault(name, node)
    return definitions


def _names(node: ast.stmt) -> Iterable[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    targets: list[Any] = node.targets if isinstance(node, ast.Assign) else []
    names = [name for target in targets for name in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [name.id for name in names if isinstance(name, ast.Name)]


def _declared(name: str) -> ast.expr:
    """The function of floats with which a built-in operation is declared under a name."""
    declarations = [
        node
        for node in ast.walk(_parsed(primitives))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "declare"
    ]
    return next(
        node.args[0]
        for node in declarations
        for option in node.keywords
        if option.arg == "name" and isinstance(option.value, ast.Constant) and option.value.value == name
    )
