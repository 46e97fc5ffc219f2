r"""What a node and a number are called in every view: drawing, text, steps, prompt, page.

A node is called by the first of these that there is:

    its label
    for a parameter, the name that `named_parameters` of its module gives it: layers.0.bias
    the variable that holds it, of those passed as `names`, or of the interactive session
    for an input of a module, its place in the row: x1, x2, …
    for the result at the end, f, or out or result where f is taken; for several results f1, f2, …
    v1, v2, …, in the order in which the graph was computed

A constant is called by its number. Names are shown in terminals and pages, so characters that do not
print are written out: a newline is `\n`, a right-to-left mark `\u202e`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count

from ..engine.value import Constant, Value
from ..terminal import visible

DIGITS = 4  # of a number in every view, where no other number of digits was requested
RESULTS = ("f", "out", "result")  # what a result without a name is called: the first that is not taken
_ATOM = re.compile(r"[\w.]+(\[\w+\])*(#\d+)?")


def node_names(
    order: Iterable[Value],
    known: Mapping[Value, str] | None = None,
    roots: Sequence[Value] = (),
    digits: int | None = DIGITS,
) -> dict[Value, str]:
    """Return a name for each node of a graph, in the order given; all but constants have one of their own.

    Several nodes with the same label are told apart as `a`, `a#2`, `a#3`.

    Args:
        order: the nodes, operands first, as from `topological_order`.
        known: the names of nodes that have no label.
        roots: the nodes at the end of the graph, which are called `f`, or `f1`, `f2`, …, when nothing else names them.
        digits: of a constant; None for all.

    >>> from scalargrad import Value
    >>> from scalargrad.engine.graph import topological_order
    >>> a, b = Value(2.0, label="a"), Value(3.0)
    >>> L = a * b + 1
    >>> list(node_names(topological_order(L), {b: "b"}, [L]).values())
    ['a', 'b', 'v1', '1', 'f']
    """
    nodes, known = list(order), known or {}
    wanted = {node: visible(name) for node in nodes if (name := node.label or known.get(node))}
    taken = set(wanted.values())
    wanted |= _root_names([root for root in roots if root not in wanted], len(roots) == 1, taken)
    taken = set(wanted.values())
    unnamed = _numbered("v", 1, taken)
    again: dict[str, Iterator[str]] = {}
    names: dict[Value, str] = {}
    for node in nodes:
        name = wanted.get(node)
        if name is None:
            names[node] = constant_name(node.data, digits) if node.__class__ is Constant else next(unnamed)
        elif name in again:
            names[node] = next(again[name])
        else:
            again[name] = _numbered(f"{name}#", 2, taken)
            names[node] = name
    return names


def _root_names(unnamed: Sequence[Value], is_one: bool, taken: set[str]) -> dict[Value, str]:
    free = chain((name for name in RESULTS if is_one and name not in taken), _numbered("f", 1, taken))
    return {root: name for root, name in zip(unnamed, free, strict=False) if root.__class__ is not Constant}


def _numbered(prefix: str, first: int, taken: set[str]) -> Iterator[str]:
    return (name for number in count(first) if (name := f"{prefix}{number}") not in taken)


def variables(names: Mapping[str, object]) -> dict[Value, str]:
    """Return the first name under which each Value is held.

    Args:
        names: variables by name, such as `locals()`: Values, and lists and tuples of Values, whose
            items are called `w[0]`. Anything else is left out, and so are names that start with an underscore.

    >>> a, b = Value(2.0), Value(3.0)
    >>> list(variables({"a": a, "row": [a, b]}).values())
    ['a', 'row[1]']

    Raises:
        TypeError: when the names are not a mapping of strings.
    """
    if not isinstance(names, Mapping):
        raise TypeError(f"names must be a mapping such as locals(), got {names!r} of type {type(names).__name__}")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names must be strings, got {name!r} of type {type(name).__name__}")
    held: dict[Value, str] = {}
    seen: set[int] = set()
    pending = [(name, item) for name, item in names.items() if not name.startswith("_")]
    pending.reverse()
    while pending:
        name, item = pending.pop()
        if isinstance(item, Value):
            held.setdefault(item, name)
        elif isinstance(item, (list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            pending += [(f"{name}[{i}]", item[i]) for i in reversed(range(len(item))) if _holds(item[i])]
    return held


def _holds(item: object) -> bool:
    return isinstance(item, (Value, list, tuple))


def session_variables() -> Mapping[str, object]:
    """Return the variables of the interactive session: of Python's prompt or of a notebook; elsewhere none."""
    import __main__

    return dict(vars(__main__)) if hasattr(sys, "ps1") else {}


# ---------------------------------------------------------------- text


def atom(name: str) -> str:
    """Return the name as it stands in a formula: in parentheses unless it is one word.

    >>> atom("w[0]"), atom("x1*w1"), atom("-2")
    ('w[0]', '(x1*w1)', '(-2)')
    """
    return name if _ATOM.fullmatch(name) else f"({name})"


def gradient_name(whole: str, node: str) -> str:
    """Return how a gradient is written: the derivative of the end of the graph along all paths.

    >>> gradient_name("L", "x1*w1")
    'dL/d(x1*w1)'
    """
    return f"d{atom(whole)}/d{atom(node)}"


def local_gradient_name(result: str, operand: str) -> str:
    """Return how a local gradient is written: the derivative of a result with respect to one of its operands.

    >>> local_gradient_name("L", "x1*w1")
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
    """Return an exact number as a person types it: without `.0` where it is a whole number.

    >>> integral(2.0), integral(0.5), integral(-0.0)
    ('2', '0.5', '-0.0')
    """
    return _whole(exact(x))


def constant_name(x: float, digits: int | None) -> str:
    """Return what a constant is called: its number, without `.0` where it is a whole number.

    >>> constant_name(2.0, 4), constant_name(1 / 3, 4), constant_name(1 / 3, None)
    ('2', '0.3333', '0.3333333333333333')
    """
    return _whole(shown(x, digits))


def _whole(text: str) -> str:
    return text if text == "-0.0" else text.removesuffix(".0")


def shown(x: float | None, digits: int | None) -> str:
    """Return a number as every view shows it: rounded to some digits; all of them for None; – for no number yet.

    >>> shown(2 / 3, 4), shown(2 / 3, None), shown(None, 4)
    ('0.6667', '0.6666666666666666', '–')
    """
    if x is None:
        return "–"
    return exact(x) if digits is None else numeral(x, digits)


def numeral(x: float, digits: int = DIGITS) -> str:
    """Return a number for a view with little room, rounded to some digits where it has more.

    There are no zeros at the end, except that a whole number of fewer digits ends in `.0`.

    >>> numeral(-3.0), numeral(0.7071067811865476), numeral(2.99999999), numeral(1234.5678)
    ('-3.0', '0.7071', '3.0', '1235')
    """
    rounded = f"{x:.{digits}g}"
    text = exact(x)
    if float(rounded) == x or x != x:
        return min(text, rounded, key=len) if len(text) > digits + 6 else text
    whole = rounded.removeprefix("-")
    return f"{rounded}.0" if whole.isdecimal() and len(whole) < digits else rounded
