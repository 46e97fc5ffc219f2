"""What modules call their parameters, their parts and their inputs.

A module leaves a mark on its results. The mark leads to the module, which knows its parameters by
name, and to the row of inputs that it read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...engine.notes import Mark
from ...engine.value import Constant, Value
from ...nn import Module


class Leaves(NamedTuple):
    """The names that modules have for the leaves of a graph.

    Attributes:
        parameters: each parameter's name, as `named_parameters` of the outermost module gives it.
        inputs: each input's name, by its place in the row that the outermost module read: x1, x2, …
        rows: where each leaf stands in the rows that modules and composed functions read: the row's
            number and the place in it.
    """

    parameters: dict[Value, str]
    inputs: dict[Value, str]
    rows: dict[Value, tuple[int, int]]


def named_leaves(order: Sequence[Value]) -> Leaves:
    """Return the names that the modules of a graph have for its leaves.

    >>> from scalargrad import nn
    >>> from scalargrad.engine.graph import topological_order
    >>> row = [Value(1.0), Value(2.0)]
    >>> parameters, inputs, _ = named_leaves(list(topological_order(nn.Neuron(2, rng=0)(row))))
    >>> sorted(parameters.values()), [inputs[x] for x in row]
    (['bias', 'weights.0', 'weights.1'], ['x1', 'x2'])
    """
    leaves = {id(node): node for node in order if is_leaf(node)}
    marks: dict[int, Mark] = {}  # the outermost first, of those that were left last
    for node in reversed(order):
        for mark in reversed(node.marks):
            marks.setdefault(id(mark), mark)
    modules = {id(mark.module): mark.module for mark in marks.values() if isinstance(mark.module, Module)}
    named = [list(module.named_parameters()) for module in modules.values()]
    parameters: dict[Value, str] = {}
    for names in sorted(named, key=len, reverse=True):
        for name, parameter in names:
            if id(parameter) in leaves:
                parameters.setdefault(parameter, name)
    inputs: dict[Value, str] = {}
    rows: dict[Value, tuple[int, int]] = {}
    for row, mark in enumerate(marks.values()):
        for place, key in enumerate(mark.ids(), start=1):
            leaf = leaves.get(key)
            if leaf is not None and leaf not in parameters:
                rows.setdefault(leaf, (row, place))
                if isinstance(mark.module, Module):
                    inputs.setdefault(leaf, f"x{place}")
    return Leaves(parameters, inputs, rows)


def path_of(part: Module, whole: Module) -> str:
    """Return the attributes and positions that lead from a module to one of its parts; "" for no part of it.

    >>> from scalargrad import nn
    >>> model = nn.MLP(2, [3, 1], rng=0)
    >>> path_of(model.layers[1], model), path_of(model, model)
    ('layers.1', '')
    """
    paths = {parameter: path for path, parameter in whole.named_parameters()}
    for name, parameter in part.named_parameters():
        path = paths.get(parameter, "").removesuffix(f".{name}")
        if _held_at(path, whole) is part:
            return path
    return ""


def _held_at(path: str, start: Any) -> object:
    """What a path of attributes, positions and keys leads to; None where it leads nowhere."""
    for step in path.split("."):
        if isinstance(start, Mapping):
            start = next((item for key, item in start.items() if str(key) == step), None)
        elif isinstance(start, (list, tuple)) and step.isdecimal():
            start = start[int(step)]
        else:
            start = getattr(start, step, None)
    return start


def common_path(paths: Iterable[str]) -> str:
    """Return the path of the smallest part that holds all parameters of these names; "" for the whole.

    >>> common_path(["neurons.3.weights.0", "neurons.3.bias"]), common_path(["neurons.3.bias", "neurons.4.bias"])
    ('neurons.3', 'neurons')
    """
    split = [path.split(".")[:-1] for path in paths]
    first, last = min(split, default=[]), max(split, default=[])
    shared = next((i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    return ".".join(first[: min(len(first), len(last)) if shared is None else shared])


def is_leaf(node: Value) -> bool:
    """Return whether a node is a variable: no operation made it, and it is not a constant."""
    return node.op is None and node.__class__ is not Constant
