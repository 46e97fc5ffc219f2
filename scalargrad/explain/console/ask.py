"""Questions about the steps of a backward pass: by node, by operation, by the numbers of a step.

A question is the name of a node, or an expression or condition of the numbers of one step. A place to
stop may be an operation, too. Each answer is a single line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ...engine.declaration import Primitive
from ...engine.foreign import nearest
from ...engine.value import Constant, Value
from ...expressions.typed import TESTS, Expression, ExpressionError, parse
from ...terminal import fitted
from ..names import exact, gradient_name, shown
from ..walk.step import ROOM, Step, applied
from ..walk.steps import Steps

FIELDS = ("index", "data", "local", "upstream", "product", "before", "after", "grad")


def fields(step: Step) -> dict[str, float]:
    """Return the numbers of a step that an expression may use."""
    return {
        "index": step.index,
        "data": step.operand.data,
        "local": step.local,
        "upstream": step.upstream,
        "product": step.product,
        "before": step.before,
        "after": step.after,
        "grad": step.after,
    }


def operations(walk: Steps) -> dict[str, list[Primitive]]:
    """Return the operations of these steps by what they are called: a name, or the sign between two operands.

    >>> a = Value(2.0)
    >>> operations(Steps((a * a).tanh()))
    {'*': [<primitive multiply>], 'multiply': [<primitive multiply>], 'tanh': [<primitive tanh>]}
    """
    called: dict[str, list[Primitive]] = {}
    for used in {node.op: None for node in walk.order if node.op is not None}:
        names = {used.name: None} if used.arity == 1 and len(used.sign) <= 2 else {used.sign: None, used.name: None}
        for name in names:
            if not name.startswith("_"):
                called.setdefault(name, []).append(used)
    return called


def words(walk: Steps) -> list[str]:
    """Return every name that a question about these steps may use."""
    nodes = {name for node, name in walk.names.items() if node.__class__ is not Constant}
    return sorted(nodes.union(operations(walk), FIELDS, TESTS))


def subject(walk: Steps, text: str) -> Value | Expression:
    """Return the node of that name, or else the expression.

    Raises:
        LookupError: for a word that names nothing.
        ExpressionError: for any other text that is not an expression.
    """
    try:
        return walk.node(text)
    except LookupError as unknown:
        if text.isidentifier() and text not in FIELDS:
            advice = nearest(text, words(walk))
            raise LookupError(
                f"nothing here is called {fitted(text, ROOM)}{advice}" if advice else str(unknown.args[0])
            ) from None
        return parse(text, FIELDS, condition=True)


def computed(expression: Expression, step: Step) -> str:
    """Return an expression with its value at a step, in full."""
    value = expression(fields(step))
    return f"{expression.text} = {value if isinstance(value, bool) else exact(value)}"


# ---------------------------------------------------------------- where to stop


@dataclass(frozen=True)
class Breakpoint:
    """A place to stop: behind each step for which `holds` is true. A temporary one is cleared when it is reached."""

    text: str
    holds: Callable[[Step], bool]
    temporary: bool


def breakpoint_at(walk: Steps, text: str, temporary: bool = False) -> Breakpoint:
    """Return the breakpoint at a node, at an operation or at a condition, or at one of the first two on a condition.

    A test such as `isnan` by itself is about the gradient.

    Raises:
        LookupError, ExpressionError: for what is none of these.
    """
    place, condition = _parted(walk, text)
    at = _at(walk, place, temporary) if place else None
    if not condition:
        assert at is not None
        return at
    wanted = parse(f"{condition}(grad)" if condition in TESTS else condition, FIELDS, condition=True)
    if not wanted.is_condition:
        expected = "a condition" if place else "a node, an operation or a condition"
        raise ExpressionError(f"expected {expected}", condition, 0, len(condition))
    shown = f"{at.text} if {wanted.text}" if at else f"if {wanted.text}"
    return Breakpoint(shown, lambda step: (not at or at.holds(step)) and bool(wanted(fields(step))), temporary)


def _parted(walk: Steps, text: str) -> tuple[str, str]:
    """The place and the condition in a text; either may be empty."""
    joints = list(re.finditer(r",(?=.)|(?:^|\s)if\s", text))
    parts = [(text[: joint.start()].strip(), text[joint.end() :].strip()) for joint in joints]
    for place, condition in [(text, ""), *parts]:  # a name may hold whatever joins the two
        if place in operations(walk) or _node(walk, place) is not None:
            return place, condition
    if text.isidentifier() and text not in FIELDS and text not in TESTS:
        return text, ""
    for joint, (place, condition) in zip(joints, parts, strict=True):
        if "if" in joint[0] or place.isidentifier():
            return place, condition
    return "", text


def _at(walk: Steps, place: str, temporary: bool) -> Breakpoint:
    used = operations(walk)
    about = _node(walk, place) if place in used else subject(walk, place)
    if about is None:
        return Breakpoint(f"of {place}", lambda step: step.result.op in used[place], temporary)
    if not isinstance(about, Value):
        raise ExpressionError("expected a node or an operation before the condition", place, 0, len(place))
    return Breakpoint(f"into {place}", lambda step: step.operand is about, temporary)


def _node(walk: Steps, name: str) -> Value | None:
    try:
        return walk.node(name)
    except LookupError:
        return None


# ---------------------------------------------------------------- lines about a node


def made(walk: Steps, node: Value) -> str:
    """Return how a node was computed, in the names of the nodes, and its number.

    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> walk = Steps(a * b)
    >>> made(walk, walk.roots[0]), made(walk, a)
    ('f = a * b = 6.0', 'a = 2.0')
    """
    name, number = _short(walk, node), shown(node.data, walk.digits)
    if node.op is None:
        return f"{name} = {number}"
    return f"{name} = {applied(node.op, [_short(walk, operand) for operand in node.args])} = {number}"


def gradient(walk: Steps, node: Value, digits: int | None) -> str:
    """Return a node's number, and its gradient at the cursor; – where there is none yet.

    Args:
        walk: the steps.
        node: one of their nodes.
        digits: of each number; None for all.
    """
    name = _short(walk, node)
    written = gradient_name(fitted(walk.graph.title, ROOM), name)
    return f"{name} = {shown(node.data, digits)}, {written} = {shown(walk.total(node), digits)}"


def _short(walk: Steps, node: Value) -> str:
    return fitted(walk.names[node], ROOM)
