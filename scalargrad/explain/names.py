r"""What a node and a number are called in every view: drawing, text, stepper, prompt, page.

A node is called by its label, else by the variable that holds it, else `v1`, `v2`, … in the order
in which the graph was computed. A constant is called by its number. Names are shown in terminals
and pages, so what does not print is written out: a newline is `\n`, a right-to-left mark `\u202e`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count

from ..engine.value import Constant, Value
from ..terminal import visible

_ATOM = re.compile(r"[\w.]+(\[\w+\])*(#\d+)?")


def node_names(order: Iterable[Value], names: Mapping[str, object] | None = None) -> dict[Value, str]:
    """Return a name for each node of a graph, in the order given; all but constants have one of their own.

    Several nodes with the same label are told apart as `a`, `a#2`, `a#3`.

    Args:
        order: the nodes, operands first, as from `topological_order`.
        names: variables by name, such as `locals()`: Values, and lists and tuples of Values, whose
            items are called `w[0]`. What is anything else, or starts with an underscore, is left out.

    >>> from scalargrad import Value
    >>> from scalargrad.engine.graph import topological_order
    >>> a, b = Value(2.0, label="a"), Value(3.0)
    >>> list(node_names(topological_order(a * b + 1), {"b": b}).values())
    ['a', 'b', 'v1', '1', 'v2']

    Raises:
        TypeError: when the names are no mapping of strings.
    """
    nodes = list(order)
    held = variables({} if names is None else names)
    wanted = {node: visible(name) for node in nodes if (name := node.label or held.get(node))}
    taken = set(wanted.values())
    unnamed = _numbered("v", 1, taken)
    again: dict[str, Iterator[str]] = {}
    found: dict[Value, str] = {}
    for node in nodes:
        name = wanted.get(node)
        if name is None:
            found[node] = integral(node.data) if node.__class__ is Constant else next(unnamed)
        elif name in again:
            found[node] = next(again[name])
        else:
            again[name] = _numbered(f"{name}#", 2, taken)
            found[node] = name
    return found


def _numbered(prefix: str, first: int, taken: set[str]) -> Iterator[str]:
    return (name for number in count(first) if (name := f"{prefix}{number}") not in taken)


def variables(names: Mapping[str, object]) -> dict[Value, str]:
    """The first name under which each Value is found."""
    if not isinstance(names, Mapping):
        raise TypeError(f"names must be a mapping such as locals(), got {names!r} of type {type(names).__name__}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, got {name!r} of type {type(name).__name__}")
    found: dict[Value, str] = {}
    seen: set[int] = set()
    pending = [(name, item) for name, item in names.items() if not name.startswith("_")]
    pending.reverse()
    while pending:
        name, item = pending.pop()
        if isinstance(item, Value):
            found.setdefault(item, name)
        elif isinstance(item, (list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            pending += [(f"{name}[{i}]", item[i]) for i in reversed(range(len(item))) if _holds(item[i])]
    return found


def _holds(item: object) -> bool:
    return isinstance(item, (Value, list, tuple))


# ---------------------------------------------------------------- text


def atom(name: str) -> str:
    """Return the name as it stands in a formula: in parentheses unless it is one word.

    >>> atom("w[0]"), atom("x1*w1"), atom("-2")
    ('w[0]', '(x1*w1)', '(-2)')
    """
    return name if _ATOM.fullmatch(name) else f"({name})"


def derivative(result: str, operand: str) -> str:
    """Return how the derivative of one node with respect to another is written.

    >>> derivative("L", "x1*w1")
    '∂L/∂(x1*w1)'
    """
    return f"∂{atom(result)}/∂{atom(operand)}"


# ---------------------------------------------------------------- numbers


def exact(x: float) -> str:
    """Return the shortest text that is this very number: for arithmetic that a person checks with a pencil.

    >>> exact(0.1 + 0.2)
    '0.30000000000000004'
    """
    return repr(float(x))


def integral(x: float) -> str:
    """Return an exact number as one types it: without `.0` where it is a whole number.

    >>> integral(2.0), integral(0.5), integral(-0.0)
    ('2', '0.5', '-0.0')
    """
    text = exact(x)
    return text if text == "-0.0" else text.removesuffix(".0")


def numeral(x: float, digits: int = 4) -> str:
    """Return a number for a view with little room, rounded to some digits where it has more.

    A rounded number never ends in `.0`: that marks a whole one.

    >>> numeral(-3.0), numeral(0.7071067811865476), numeral(2.99999999), numeral(1234.5678)
    ('-3.0', '0.7071', '3.000', '1235')
    """
    rounded = f"{x:#.{digits}g}"
    text = exact(x)
    if float(rounded) == x or x != x:
        return min(text, f"{x:.{digits}g}", key=len) if len(text) > digits + 6 else text
    return rounded.removesuffix(".").replace(".e", "e")
