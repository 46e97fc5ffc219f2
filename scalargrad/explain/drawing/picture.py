"""The graph of a computation as a picture: a card for each number, an arrow from operand to result.

Here is said how much of it is drawn; how, in `sketch.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...floats import integer
from ...value import Value

if TYPE_CHECKING:
    from .collapse import Calls, Plan
    from .render import Drawing

COLLAPSED = {"none": -1, "neuron": 0, "layer": 1}  # the height up to which calls are collapsed
ARROWS = 8  # to a node, at most, on an average: with more, nobody sees anything, and the layout takes minutes


class TooLarge(ValueError):
    """A drawing of more than anyone could look at: with how much, and what to do."""


def draw(
    value: Value,
    *,
    names: Mapping[str, object] | None = None,
    values: bool = True,
    gradients: bool = True,
    partials: bool = False,
    direction: str = "LR",
    collapse: str = "auto",
    limit: int = 300,
) -> Drawing:
    """Return a picture of all that a value was computed from: a `graphviz.Digraph` that shows itself in notebooks.

    What modules and composed functions have computed is framed; collapsed, it is one box that says
    how many values it hides.

    Args:
        value: the last result.
        names: variables by name, such as `locals()`, to call those Values by that have no label.
        values: whether to show each number.
        gradients: whether to show each gradient; `–` where no sweep has been.
        partials: whether to show on each arrow the local derivative, ∂result/∂operand.
        direction: "LR" (from left to right), "RL", "TB" (from top to bottom) or "BT".
        collapse: "neuron": each neuron is a box, and whatever else has nothing but operations in it;
            "layer": each layer is, and whatever else has nothing but such boxes in it; "none"; or
            "auto": no more than the limit demands.
        limit: how many nodes may be drawn, boxes among them.

    >>> from scalargrad import Value, draw
    >>> x, y = Value(-2.0, label="x"), Value(5.0, label="y")
    >>> print(draw((x + y) * -4).source)
    digraph {
    ...
    >>> draw((x + y) * -4).render("circuit.svg")  # doctest: +SKIP
    'circuit.svg'

    Raises:
        TooLarge: when more would be drawn than the limit.
        TypeError, ValueError: for what is no Value, direction, collapse or limit.
        ImportError: when the Python package graphviz is missing.
    """
    if not isinstance(value, Value):
        raise TypeError(f"a drawing is that of a Value, got {value!r} of type {type(value).__name__}")
    if collapse not in COLLAPSED and collapse != "auto":
        raise ValueError(f"collapse must be one of auto, {', '.join(COLLAPSED)}, got {collapse!r}")
    from .sketch import Sketch

    sketch = Sketch(value, names, direction)
    sketch.values, sketch.partials = values, partials
    sketch.gradients = {node: node.grad if node.swept else None for node in sketch.order} if gradients else None
    return sketch.drawn(_plan(sketch.calls, collapse, integer(limit, "limit", low=1)))


def picture(
    value: Value,
    *,
    names: Mapping[str, object] | None = None,
    values: bool = True,
    gradients: Mapping[Value, float | None] | None = None,
    partials: bool = False,
    direction: str = "LR",
    every_name: bool = False,
    lit: tuple[int, int] | None = None,
    prefix: str = "",
) -> Drawing:
    """Return a drawing as the stepper and the page want it, of any size, with nothing collapsed.

    `gradients` are those to show, whatever `.grad` holds; a node that is missing has none yet.
    `every_name` shows generated names too, as the ledger has them. `lit` is the edge to light up:
    the index of its result in the topological order, and the operand's position there. Ids in the
    SVG are the prefix and `node3`, or `edge5_1` for the edge to the second operand of node 5.
    """
    from .sketch import Sketch

    sketch = Sketch(value, names, direction, prefix)
    sketch.values, sketch.partials, sketch.gradients = values, partials, gradients
    sketch.every_name, sketch.lit = every_name, lit
    return sketch.drawn(sketch.calls.plan(COLLAPSED["none"]))


# ---------------------------------------------------------------- how much of it


def _plan(calls: Calls, collapse: str, limit: int) -> Plan:
    """The plan with the least collapsed that is asked for and keeps to the limit."""
    highest = max((call.height for call in calls.all), default=-1)
    heights = range(-1, highest + 1) if collapse == "auto" else [COLLAPSED[collapse]]
    for height in heights:
        if height >= 0 or len(calls.order) <= limit:
            plan = calls.plan(height)
            if plan.count <= limit and len(plan.arrows) <= ARROWS * limit:
                return plan
    raise TooLarge(f"{_counted(calls, heights[-1])} are more than the limit of {limit:,}: {_advice(calls, limit)}")


def _counted(calls: Calls, height: int) -> str:
    if height < 0:
        return f"{len(calls.order):,} nodes"
    plan = calls.plan(height)
    return f"{plan.count:,} nodes and {len(plan.arrows):,} arrows, collapsed from {len(calls.order):,} nodes,"


def _advice(calls: Calls, limit: int) -> str:
    """What to do, for a graph that is too large."""
    plans = {name: calls.plan(height) for name, height in COLLAPSED.items() if height >= 0}
    fitting = [
        f'collapse="{name}" draws {plan.count:,}'
        for name, plan in plans.items()
        if plan.boxes and plan.count <= limit and len(plan.arrows) <= ARROWS * limit
    ]
    return f"{', '.join([*fitting, 'draw a value that comes earlier'])}, or raise the limit"
