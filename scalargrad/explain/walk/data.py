"""A graph and the steps of its backward pass as plain data, which any front end can show.

The data is dicts, lists, strings, numbers, booleans and None, as JSON has them. A number that is not
finite is the string "NaN", "Infinity" or "-Infinity", from which Python's `float` and JavaScript's
`Number` make the number. A node is given by its place in the list of nodes, operands first; a box
by its place in the list of boxes, outer ones first.

    roots   node, seed, gradient (how the seed is written: dL/dL)
    nodes   name, label, is_named (by a person: by label or variable); kind (result, parameter, input, leaf, constant);
            operation, sign, notation, formula (in the names of the operands), is_ordered (whether it
            matters which operand is which); value; operands, locals (the local gradients);
            box (the innermost module call around it), path (of a parameter, as its module names it);
            row (of an input: the number of the row that was read, and the place in it, from 1);
            line (of the code that made it, such as train.py:7, where `trap` or `lines` noted it)
    boxes   name (the attribute that holds the module, or the variable, else the kind), kind (the class
            or the function), path (the attributes from the outermost module to this one), parent (a
            box), results (nodes), is_part (whether it is one part of its module, as a neuron of a layer),
            size (how many nodes), nodes (those of its region, the results first), module (a number that parts
            of one module share), contents (the calls in it, counted), learns (whether it has parameters)
    steps   result, operand (nodes), position (among the result's operands); upstream, local,
            contribution, before, after; formula (of the local gradient); gradient (dL/da),
            hands_on (dL/dd), slope (∂d/∂a); line (of the code that made the result, where it is known)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...engine.value import Constant, Value
from ..names import gradient_name, local_gradient_name
from .calls import Calls
from .graph import Graph
from .step import applied
from .steps import Steps, as_steps


def page_data(value: Value | Sequence[Value] | Steps, *, names: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Return the backward pass from a value as plain data: its graph, its boxes, its steps.

    Args:
        value: where the pass starts, a list of such values, or steps.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.

    Returns:
        Dicts and lists that JSON can hold, as this module's docstring describes them.

    >>> import json
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> data = json.loads(json.dumps(page_data(a * b)))
    >>> [node["name"] for node in data["nodes"]], data["nodes"][2]["formula"]
    (['a', 'b', 'f'], 'a * b')
    >>> data["steps"][0]["gradient"], data["steps"][0]["contribution"]
    ('df/da', -3.0)

    Raises:
        TypeError, ValueError: as for `steps`; TypeError also for steps with names.
    """
    walk = as_steps(value, names)
    graph, title = walk.graph, walk.graph.title
    roots = [
        {"node": graph.places[root], "seed": plain(seed), "gradient": gradient_name(title, graph.names[root])}
        for root, seed in walk.seeds.items()
    ]
    contributions = [
        {
            "result": graph.places[step.result],
            "operand": graph.places[step.operand],
            "position": step.position,
            "upstream": plain(step.upstream),
            "local": plain(step.local),
            "contribution": plain(step.product),
            "before": plain(step.before),
            "after": plain(step.after),
            "formula": step.formula,
            "gradient": gradient_name(title, step.names[2]),
            "hands_on": gradient_name(title, step.names[1]),
            "slope": local_gradient_name(*step.names[1:]),
            "line": step.result.line,
        }
        for step in walk
    ]
    return {"title": title, "roots": roots, **graph_data(graph), "steps": contributions}


def graph_data(graph: Graph, calls: Calls | None = None) -> dict[str, Any]:
    """Return the nodes and the boxes of a graph as plain data.

    Args:
        graph: the graph.
        calls: its calls, if the caller has them already.
    """
    calls = calls or Calls(graph.order, graph.modules)
    boxes = {call: i for i, call in enumerate(calls.all)}
    nodes = []
    for node in graph.order:
        around, op = calls.around.get(node), node.op
        nodes.append(
            {
                "name": graph.names[node],
                "label": node.label,
                "is_named": graph.is_named(node),
                "kind": _kind(node, calls),
                "operation": op and op.name,
                "sign": node._op,
                "notation": op and op.notation,
                "formula": op and applied(op, [graph.names[operand] for operand in node.args]),
                "is_ordered": op is not None and len(node.args) > 1 and not op.commutative,
                "value": plain(node.data),
                "operands": [graph.places[operand] for operand in node.args],
                "locals": [plain(local) for local in node.local_gradients],
                "box": None if around is None else boxes[around],
                "path": graph.parameters.get(node, ""),
                "row": list(graph.rows[node]) if node in graph.rows else None,
                "line": node.line,
            }
        )
    marks: dict[int, int] = {}
    described = [
        {
            "name": call.name,
            "kind": call.kind,
            "path": call.path,
            "parent": None if call.parent is None else boxes[call.parent],
            "results": [graph.places[result] for result in call.results],
            "is_part": call.is_each,
            "size": len(call.nodes),
            "nodes": [graph.places[node] for node in call.nodes],
            "module": marks.setdefault(id(call.mark), len(marks)),
            "contents": call.contents,
            "learns": any(node in calls.parameters for node in call.nodes),
        }
        for call in calls.all
    ]
    return {"nodes": nodes, "boxes": described}


def plain(x: float) -> float | str:
    """Return a number as JSON can hold it: infinities and nan as strings.

    >>> plain(0.5), plain(float("-inf")), plain(float("nan"))
    (0.5, '-Infinity', 'NaN')
    """
    if math.isfinite(x):
        return x
    return "NaN" if x != x else "Infinity" if x > 0 else "-Infinity"


def _kind(node: Value, calls: Calls) -> str:
    if node.op is not None:
        return "result"
    if node.__class__ is Constant:
        return "constant"
    return "parameter" if node in calls.parameters else "input" if node in calls.inputs else "leaf"
