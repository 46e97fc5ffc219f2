"""The walk through a graph as the page shows it: the markup of the stepper, and the line of each node."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from scalargrad.engine.value import Value
from scalargrad.explain.drawing import collapse
from scalargrad.explain.html import document
from scalargrad.explain.labs import MOST_STEPS
from scalargrad.explain.names import exact, numeral
from scalargrad.explain.walk.data import page_data, plain
from scalargrad.explain.walk.questions import quiz_data
from scalargrad.explain.walk.steps import Steps

from .changing import literals


def walk(
    steps: Steps,
    code: str,
    *,
    held: Container[Value] = (),
    folded: Container[int] | None = None,
    is_quiz: bool = False,
) -> dict[str, Any]:
    """Return the walk through steps of a program.

    Args:
        steps: the steps.
        code: the program.
        held: nodes whose numbers were changed by hand, and are not those of the code.
        folded: the calls of modules that are boxes, by their places; None for as many as make a comfortable picture.
        is_quiz: whether each contribution is to be predicted.

    Returns:
        title, steps (how many), position, nodes (how many); then either markup, folded and, for each node, lines (the
        line of the program that made it, or None), names, values, isLeaf and literals (where the code has its number,
        if that is sure); or refused, which says why there is no walk.
    """
    graph = steps.graph
    about = {"title": graph.title, "steps": len(steps), "position": steps.position, "nodes": len(graph.order)}
    if len(steps) > MOST_STEPS:
        refused = (
            f"{graph.title} has {len(steps):,} steps, more than the {MOST_STEPS:,} that can be walked here. "
            "Show a part: end the program with a result further in, such as the loss of one example."
        )
        return {**about, "refused": refused}
    data = quiz_data(steps) if is_quiz else page_data(steps)
    picture = document.pictures(data)[0] if folded is None else document.Picture(collapse.folded(data, folded))
    picture = document.Picture(picture.plan)
    return {
        **about,
        "markup": document.content(data, [(picture, picture.drawing(data).fragment())]),
        "folded": [box.call for box in picture.plan.boxes if box.call is not None],
        "lines": [_line(node) for node in graph.order],
        "names": [graph.names[node] for node in graph.order],
        "values": [plain(node.data) for node in graph.order],
        "isLeaf": [node.op is None for node in graph.order],
        "literals": [
            None if node in held else place
            for node, place in zip(graph.order, literals(code, graph.order, graph.names), strict=True)
        ],
    }


def numbers(steps: Steps) -> dict[str, Any]:
    """Return all numbers of a walk whose graph is as it was: what has changed in the markup when a number was changed.

    A number is a pair: as it is shown, and to the last digit.

    Returns:
        nodes, the value of each; forward, for each row the operation in numbers; backward, for each row its numbers
        and the colours of the gradient before and after it.
    """
    shown = document._shown(page_data(steps), [])
    parts = ("before", "upstream", "local", "contribution", "after")
    return {
        "values": [plain(node.data) for node in steps.graph.order],
        "nodes": [_pair(node.data) for node in steps.graph.order],
        "forward": [[row["numbers"].replace("-", "−"), _pair(row["value"])] for row in shown["forward"]],
        "backward": [[*(_pair(row[part]) for part in parts), row["earlier"], row["colour"]] for row in shown["rows"]],
    }


def _pair(x: float | str) -> tuple[str, str]:
    return numeral(float(x)).replace("-", "−"), exact(float(x))


def _line(node: Value) -> int | None:
    return None if node.line is None else int(node.line.rpartition(":")[2])
