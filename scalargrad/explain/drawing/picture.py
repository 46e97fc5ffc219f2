"""The graph of a computation as a picture: a card for each number, an arrow from operand to result.

This module decides how much of the graph is drawn; `sketch.py` draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...engine.floats import integer
from ...engine.value import Value
from ..walk.calls import Calls
from ..walk.data import graph_data
from ..walk.steps import Steps, graph_and_gradients
from .collapse import COMFORTABLE, Plan, plan
from .sketch import Look, drawn

if TYPE_CHECKING:
    from .render import Drawing

COLLAPSED = {"none": -1, "neuron": 0, "layer": 1}  # the height up to which calls are collapsed
ARROWS = 8  # to a node, on average, at most: more cannot be read, and their layout takes minutes


class TooLarge(ValueError):
    """There is too much to draw. The message says how much, and what to do."""


def draw(
    value: Value | Sequence[Value] | Steps,
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

    What a module or a composed function computed stands in a frame; collapsed, it is one box that says
    how many values it hides. For steps, the gradients are the totals at the cursor, every name is shown,
    and the arrow of the last step is lit, unless a box hides it.

    Args:
        value: the last result, a list of results, or the steps of a backward pass.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.
        values: whether to show each number.
        gradients: whether to show each gradient; `–` where no sweep has reached the node.
        partials: whether to show on each arrow the local gradient, ∂result/∂operand.
        direction: "LR" (from left to right), "RL", "TB" (from top to bottom) or "BT".
        collapse: "neuron": each neuron is a box, and so is any other module or function that has only
            operations in it; "layer": each layer is a box, and so is anything else that has only such
            boxes in it; "none"; or "auto": as little as keeps the picture to about 60 nodes, or, where
            that is impossible, as much as there is to collapse.
        limit: how many nodes may be drawn, including boxes.

    Returns:
        The drawing. Notebooks show it; `render` saves it, `view` opens it, `source` is its DOT text.

    >>> from scalargrad import Value, draw
    >>> x, y = Value(-2.0, label="x"), Value(5.0, label="y")
    >>> print(draw((x + y) * -4).source)
    digraph {
    ...
    >>> draw((x + y) * -4).render("circuit.svg")  # doctest: +SKIP
    'circuit.svg'

    Raises:
        TooLarge: when more would be drawn than the limit.
        TypeError: for anything but Values and steps, or steps with names.
        ValueError: for an unknown direction or way to collapse, or a limit below 1.
        ImportError: when the Python package graphviz is missing.
    """
    if collapse not in COLLAPSED and collapse != "auto":
        raise ValueError(f"collapse must be one of auto, {', '.join(COLLAPSED)}, got {collapse!r}")
    graph, known = graph_and_gradients(value, names)
    made = value[value.position - 1] if isinstance(value, Steps) and value.position else None
    look = Look(
        values=values,
        gradients=[known.get(node) for node in graph.order] if gradients else None,
        partials=partials,
        direction=direction,
        every_name=isinstance(value, Steps),
        lit=(graph.places[made.result], made.position) if made else None,
    )
    calls = Calls(graph.order, graph.modules)
    planned = _plan(calls, collapse, integer(limit, "limit", low=1))
    return drawn(graph_data(graph, calls), planned, look)


# ---------------------------------------------------------------- how much is drawn


def _plan(calls: Calls, collapse: str, limit: int) -> Plan:
    """The plan that was requested; for auto, the first of a comfortable size, else the smallest within the limit."""
    highest = max((call.height for call in calls.all), default=-1)
    heights = range(-1, highest + 1) if collapse == "auto" else [COLLAPSED[collapse]]
    fitting: list[Plan] = []
    for height in heights:
        if height >= 0 or len(calls.order) <= limit:
            planned = plan(calls, height)
            if planned.count <= limit and len(planned.arrows) <= ARROWS * limit:
                if planned.count <= COMFORTABLE:
                    return planned
                fitting.append(planned)
    if fitting:
        return min(fitting, key=lambda planned: planned.count)
    raise TooLarge(f"{_counted(calls, heights[-1])} are more than the limit of {limit:,}: {_advice(calls, limit)}")


def _counted(calls: Calls, height: int) -> str:
    if height < 0:
        return f"{len(calls.order):,} nodes"
    planned = plan(calls, height)
    return f"{planned.count:,} nodes and {len(planned.arrows):,} arrows, collapsed from {len(calls.order):,} nodes,"


def _advice(calls: Calls, limit: int) -> str:
    """What to do about a graph that is too large."""
    plans = {name: plan(calls, height) for name, height in COLLAPSED.items() if height >= 0}
    fitting = [
        f'collapse="{name}" draws {planned.count:,}'
        for name, planned in plans.items()
        if planned.boxes and planned.count <= limit and len(planned.arrows) <= ARROWS * limit
    ]
    return f"{', '.join([*fitting, 'draw a value that comes earlier'])}, or raise the limit"
