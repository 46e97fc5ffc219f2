"""The graph as a tree and the backward pass as a table, in plain text.

    L = d * f          value   gradient       step   result      operand   upstream × local = product  …
    ├─ d = e + c       …                         1   L = d * f   d               1.0 × -2.0 = -2.0     …

Both count what they leave out, and say how to see it.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from ..engine.floats import integer
from ..engine.value import Constant, Value
from ..terminal import DIM, Part, Text, cells, cut, fitted, table, width_of
from .colours import style_of
from .names import DIGITS, gradient_name, shown
from .walk.step import ROOM, applied
from .walk.steps import Steps, as_steps, graph_and_gradients

COLUMNS = {  # of the ledger: headings, with the gap before each
    "step": "",
    "from": "  ",
    "to": "  ",
    "upstream": "  ",
    "local": " × ",
    "product": " = ",
    "before": "  ",
    "after": " → ",
    "because": "  ",
}
NUMBERS = {"step", "upstream", "local", "product", "before", "after"}
INDENT = 6  # cells before a text across the columns of the ledger
DEPTH = 12  # results that lie deeper are continued below, in a tree of their own

# ---------------------------------------------------------------- the tree


def tree(
    value: Value | Sequence[Value] | Steps,
    *,
    names: Mapping[str, object] | None = None,
    digits: int | None = DIGITS,
    limit: int | None = 200,
    width: int | None = None,
) -> Text:
    """Return what a value was computed from as a tree: each result, and its operands below it.

    A node that is used several times is shown once, and then referred to. Constants have no line.

    Args:
        value: the last result, or a list of results, with the gradients that `backward` left there
            and `–` where it left none; or the steps of a backward pass, with the totals at the cursor.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.
        digits: of each number; None for all.
        limit: how many nodes to show, those nearest to the value; None for all.
        width: the cells of a line; None for the width of the terminal.

    Returns:
        The text, which shows itself in colour on a terminal.

    >>> from scalargrad import Value, tree
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> L = (a * b + a) * 0.5
    >>> L.backward()
    >>> tree(L, names=locals())
                       value   gradient
    L = v2 * 0.5        -2.0        1.0
    └─ v2 = v1 + a      -4.0        0.5
       ├─ v1 = a * b    -6.0        0.5
       │  ├─ a           2.0       -1.0
       │  └─ b          -3.0        1.0
       └─ a (above)

    Raises:
        TypeError: for anything but Values and steps, or steps with names.
        ValueError: for digits, a limit or a width that is not a whole number above 0.
    """
    graph, gradients = graph_and_gradients(value, names)
    count = sum(node.__class__ is not Constant for node in graph.order)
    near = _nearest(graph.roots, count if limit is None else integer(limit, "limit", low=1))
    width = width_of(sys.stdout) if width is None else integer(width, "width", low=1)
    depth = DEPTH if width is None else max(1, min(DEPTH, (width - 20) // 6))

    rows: list[list[Part]] = []
    for branches, text, node in _branches(graph.roots, near, graph.names, depth):
        if node is None:
            rows.append([(branches + text, DIM)])
        else:
            gradient = gradients.get(node)
            value_and_gradient = (_number(node.data, digits), ""), (_number(gradient, digits), style_of(gradient))
            rows.append([(branches + text, ""), *value_and_gradient])
    if count > len(near):
        rest = f"… {count - len(near):,} of {count:,} values are not shown: tree(…, limit=None) shows all"
        rows.append([(rest, DIM)])
    if any(map(_starts_a_sum, near)):
        rows.append([("sum starts from 0, hence 0 + …: total(values) starts from the first value", DIM)])
    return Text(table(["", "value", "gradient"], rows, ["   ", "   "], numbers={1, 2}, shrinking=[0], width=width))


def _starts_a_sum(node: Value) -> bool:
    """Whether it is 0 + x, as Python's `sum` begins."""
    return node.op is not None and node.op.identity == 0.0 and _is_zero(node.args[0])


def _is_zero(node: Value) -> bool:
    return node.__class__ is Constant and node.data == 0.0


def _nearest(roots: Sequence[Value], limit: int) -> set[Value]:
    """The nodes nearest to the roots, up to a limit, without constants."""
    near = set(roots[:limit])
    pending = deque(roots[:limit])
    while pending:
        for operand in pending.popleft().args:
            if len(near) < limit and operand not in near and operand.__class__ is not Constant:
                near.add(operand)
                pending.append(operand)
    return near


def _branches(
    roots: Sequence[Value], near: set[Value], called: Mapping[Value, str], depth: int
) -> Iterator[tuple[str, str, Value | None]]:
    """Each line: its branches, what stands there, and the node; None for one that is shown elsewhere."""
    short = {node: fitted(called[node], ROOM) for node in near}
    printed: set[Value] = set()
    deeper = {root: False for root in roots if root in near}  # in order; whether it goes on from further up
    while deeper:
        start = next(iter(deeper))
        goes_on = deeper.pop(start)
        if start in printed:
            continue
        if goes_on:
            yield "", f"{short[start]}, continued from above:", None
        pending = [(start, "", "")]
        while pending:
            node, before, branch = pending.pop()
            if node in printed:
                yield before + branch, f"{short[node]} (above)", None
                continue
            if len(before) >= 3 * depth and node.op is not None:
                yield before + branch, f"{short[node]} (continued below)", None
                deeper.setdefault(node, True)
                continue
            printed.add(node)
            yield before + branch, _computed(node, near, called), node
            inside = before + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
            below = [operand for operand in node.args if operand in near]
            for i, operand in reversed(list(enumerate(below))):
                pending.append((operand, inside, "├─ " if i < len(below) - 1 else "└─ "))


def _computed(node: Value, near: set[Value], called: Mapping[Value, str]) -> str:
    name = fitted(called[node], ROOM)
    if node.op is None:
        return name
    operands = [fitted(called[operand], ROOM) for operand in node.args]
    hidden = any(operand not in near and operand.__class__ is not Constant for operand in node.args)
    return f"{name} = {applied(node.op, operands)}{' …' if hidden else ''}"


def _number(x: float | None, digits: int | None) -> str:
    return shown(x, None if digits is None else integer(digits, "digits", low=1))


# ---------------------------------------------------------------- the ledger


def ledger(
    value: Value | Sequence[Value] | Steps,
    *,
    names: Mapping[str, object] | None = None,
    digits: int | None = DIGITS,
    limit: int | None = 200,
    width: int | None = None,
) -> Text:
    """Return the whole backward pass as a table: a line for each contribution, by the result that makes it.

    `dL/da` is a gradient, along all paths from `a` to `L`; `∂L/∂a` is a local gradient, of the one operation that
    makes `L`. Nothing is added to any `.grad`.

    Args:
        value: where the pass starts, a list of such values, or steps.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.
        digits: of each number; None for all.
        limit: how many steps to show, from both ends; None for all.
        width: the cells of a line; None for the width of the terminal.

    Returns:
        The text, which shows itself in colour on a terminal.

    >>> from scalargrad import Value, ledger
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> L = a * b + a
    >>> L.label = "L"
    >>> ledger(L)
    step  from        to  upstream × local = product  before → after  because
       0  dL/dL = 1.0 at first
       1  L = v1 + a  v1       1.0 ×   1.0 =     1.0     0.0 →   1.0  ∂L/∂v1 = 1
       2              a        1.0 ×   1.0 =     1.0     0.0 →   1.0  ∂L/∂a = 1
       3  v1 = a * b  a        1.0 ×  -3.0 =    -3.0     1.0 →  -2.0  ∂v1/∂a = b
       4              b        1.0 ×   2.0 =     2.0     0.0 →   2.0  ∂v1/∂b = a

    Raises:
        TypeError: for anything but Values and steps, or steps with names.
        ValueError: for digits, a limit or a width that is not a whole number above 0.
    """
    walk = as_steps(value, names)
    width = width_of(sys.stdout) if width is None else integer(width, "width", low=1)
    most = len(walk) if limit is None else integer(limit, "limit", low=1)
    head = most if len(walk) <= most else (most + 1) // 2
    tail = len(walk) if len(walk) <= most else len(walk) - most // 2
    whole = fitted(walk.graph.title, ROOM)

    rows: list[_Row] = []
    for root, seed in walk.seeds.items():
        written = gradient_name(whole, fitted(walk.names[root], ROOM))
        rows.append([("0", DIM), (f"{written} = {_number(seed, digits)} at first", "")])
    rows += [_entry(walk, i, digits, i == 0) for i in range(min(head, len(walk)))]
    if tail > head:
        rest = f"… steps {head + 1:,} to {tail:,} are not shown: ledger(…, limit=None) shows all"
        rows.append([("", ""), (rest, DIM)])
    rows += [_entry(walk, i, digits, i == tail) for i in range(max(head, tail), len(walk))]
    return _fitting(rows, width)


_Row = dict[str, Part] | list[Part]  # a step's cells by heading, or a text across the columns


def _entry(walk: Steps, i: int, digits: int | None, is_first: bool) -> _Row:
    """The line of a step; how its result was computed stands only in the first of a result's lines."""
    step = walk[i]
    computed = step.computed if is_first or walk[i - 1].result is not step.result else ""
    return {
        "step": (str(i + 1), DIM),
        "from": (computed, ""),
        "to": (fitted(step.names[2], ROOM), ""),
        "upstream": (_number(step.upstream, digits), ""),
        "local": (_number(step.local, digits), ""),
        "product": (_number(step.product, digits), ""),
        "before": (_number(step.before, digits), ""),
        "after": (_number(step.after, digits), style_of(step.after)),
        "because": (step.because, DIM),
    }


def _fitting(rows: list[_Row], width: int | None) -> Text:
    """The table in the first of three forms that is narrow enough, or in the last with what fits of each name."""
    text = _ledger(rows, list(COLUMNS), None)
    if _fits(text, width):
        return text
    grouped: list[_Row] = []  # how a result was computed, on a line of its own
    for row in rows:
        if isinstance(row, dict) and row["from"][0]:
            grouped.append([("", ""), row["from"]])
        grouped.append(row)
    headings = [heading for heading in COLUMNS if heading != "from"]
    text = _ledger(grouped, headings, None)
    if width is None or _fits(text, width):
        return text
    narrow: list[_Row] = []  # the formula of a local gradient on a line of its own as well
    for row in grouped:
        if isinstance(row, dict):
            formula, style = row["because"]
            narrow += [row, [("", ""), (cut(formula, width - INDENT), style)]]
        else:
            narrow.append([*row[:-1], (cut(row[-1][0], width - INDENT), row[-1][1])])
    too_wide = max(map(cells, _ledger(narrow, headings[:-1], None).splitlines())) - width
    room = max((cells(row["to"][0]) for row in rows if isinstance(row, dict)), default=0) - too_wide
    short = [row | {"to": (fitted(row["to"][0], max(3, room)), "")} if isinstance(row, dict) else row for row in narrow]
    return _ledger(short, headings[:-1], width)


def _ledger(rows: list[_Row], headings: list[str], width: int | None) -> Text:
    lines = [[row[heading] for heading in headings] if isinstance(row, dict) else row for row in rows]
    gaps = [COLUMNS[heading] for heading in headings[1:]]
    numbers = {i for i, heading in enumerate(headings) if heading in NUMBERS}
    return Text(table(headings, lines, gaps, numbers=numbers, shrinking=[headings.index("to")], width=width))


def _fits(text: str, width: int | None) -> bool:
    return width is None or max(map(cells, text.splitlines())) <= width
