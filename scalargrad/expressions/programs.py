"""Write a recorded graph as a program, in the names of its nodes: what a person would type to make it."""

from __future__ import annotations

import ast
import keyword
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence

from ..engine import primitives
from ..engine.declaration import Primitive
from ..engine.value import Constant, Value
from .recorded import NESTING, application, distinct, spelled, written_number


def program_of(
    order: Sequence[Value],
    names: Mapping[Value, str],
    own: Container[Value],
    roots: Sequence[Value],
    read: Container[Value] = (),
) -> tuple[str, dict[Value, str]]:
    """Return the program that makes a graph, and the variables that hold its nodes there.

    Each leaf has a line, and so has each result that has a name of its own, is an end of the graph, is used several
    times, or is read elsewhere. Other results stand in the formulas of those that use them. Constants are numbers. What
    modules left on their results, their marks, is not written.

    Args:
        order: the nodes, operands first.
        names: what each is called.
        own: the nodes that a person gave their names.
        roots: the ends of the graph.
        read: results that need a variable for other reasons.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> L = a * b + a
    >>> names = {a: "a", b: "my b", L.args[0]: "v1", L: "L"}
    >>> program, variables = program_of(list(names), names, [a, b, L], [L])
    >>> print(program)
    from scalargrad import Value
    <BLANKLINE>
    a = Value(2.0)
    my_b = Value(-3.0, label="my b")
    <BLANKLINE>
    L = a * my_b + a

    Raises:
        ValueError: for an operation that the graph's own program declared: another program does not know it.
    """
    used = {node.op for node in order if node.op is not None}
    imported, declared = _operations(used)
    taken = {"Value", *imported, *declared}
    given = [node for node in order if node.__class__ is not Constant]
    variables = dict(zip(given, distinct_words([names[node] for node in given], taken), strict=True))
    uses = Counter(operand for node in order for operand in node.args)
    lines: dict[str, list[str]] = {"leaves": [], "results": []}
    formulas: dict[Value, ast.expr] = {}
    nesting: dict[Value, int] = {}
    for node in order:
        if node.__class__ is Constant:
            formulas[node] = written_number(node.data)
            continue
        variable = variables[node]
        label = f", label={_quoted(names[node])}" if node in own and names[node] != variable else ""
        if node.op is None:
            lines["leaves"].append(f"{variable} = Value({spelled(node.data)}{label})")
            formulas[node] = ast.Name(variable)
            continue
        formula = application(node.op, [formulas[operand] for operand in node.args])
        depth = 1 + max((nesting.get(operand, 0) for operand in node.args), default=0)
        if node in own or node in roots or node in read or uses[node] > 1 or depth > NESTING:
            lines["results"].append(f"{variable} = {ast.unparse(formula)}")
            if label:
                lines["results"].append(f"{variable}.label = {_quoted(names[node])}")
            formula, depth = ast.Name(variable), 0
        formulas[node], nesting[node] = formula, depth
    first = [f"from scalargrad import {', '.join(['Value', *imported])}"]
    first += ["from scalargrad.engine.declaration import named"] if declared else []
    parts = [first, [f'{name} = named("{name}")' for name in declared], *lines.values()]
    return "\n\n".join("\n".join(part) for part in parts if part), variables


def _operations(used: set[Primitive]) -> tuple[list[str], list[str]]:
    """The operations that are called by name: those that `scalargrad` exports, and those that it keeps to itself."""
    imported: list[str] = []
    declared: list[str] = []
    for primitive in sorted(used, key=lambda each: each.name):
        if not any(known is primitive for known in vars(primitives).values()):
            raise ValueError(
                f"the operation {primitive.name} is declared in your program, and another one does not know it: "
                "write a graph that ends before it"
            )
        if isinstance(application(primitive, [ast.Name("x")] * primitive.arity), ast.Call):
            is_exported = getattr(primitives, primitive.name, None) is primitive and primitive.name[0] != "_"
            (imported if is_exported else declared).append(primitive.name)
    return imported, declared


def distinct_words(names: Sequence[str], taken: set[str]) -> list[str]:
    """Return a variable for each name: the name itself, where it is one and no other node has it.

    >>> distinct_words(["w[0]", "x", "x", "for", "1st", "tanh"], {"tanh"})
    ['w_0', 'x', 'x_', 'for_', '_1st', 'tanh_']
    """
    words, known = [], set(taken)
    for name in names:
        word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "v"
        word = f"_{word}" if word[0].isdigit() else word
        (free,) = distinct([f"{word}_" if keyword.iskeyword(word) else word], known)
        known.add(free)
        words.append(free)
    return words


def _quoted(text: str) -> str:
    """A string in Python, in double quotes where that is as short."""
    return f'"{text}"' if repr(text) == f"'{text}'" and '"' not in text else repr(text)
