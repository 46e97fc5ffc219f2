"""The walk through a graph as the page shows it: the markup of the stepper, and the line of each node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scalargrad.engine.value import Value
from scalargrad.explain.html.document import content, pictures
from scalargrad.explain.walk.data import page_data
from scalargrad.explain.walk.steps import Steps, as_steps

MOST_STEPS = 2_000  # as in a page


def walk(shown: Value | list[Value] | Steps, names: Mapping[str, object]) -> dict[str, Any]:
    """Return the walk through what a Value, several, or steps were computed from.

    Returns:
        title, steps (how many), position, nodes (how many); then either markup, and lines (for each node the
        line of the program that made it, or None); or refused, which says why there is none.
    """
    steps = shown if isinstance(shown, Steps) else as_steps(shown, names)
    graph = steps.graph
    about = {"title": graph.title, "steps": len(steps), "position": steps.position, "nodes": len(graph.order)}
    if len(steps) > MOST_STEPS:
        refused = (
            f"{graph.title} has {len(steps):,} steps, more than the {MOST_STEPS:,} that can be walked here. "
            "Show a part: end the program with a result further in, such as the loss of one example."
        )
        return {**about, "refused": refused}
    data = page_data(steps)
    markup = content(data, [(picture, picture.drawing(data).fragment()) for picture in pictures(data)])
    return {**about, "markup": markup, "lines": [_line(node) for node in graph.order]}


def _line(node: Value) -> int | None:
    return None if node.line is None else int(node.line.rpartition(":")[2])
