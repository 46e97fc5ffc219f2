"""The graph that a view shows: its nodes, and what each is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...engine.graph import topological_order
from ...engine.value import Value
from ..names import node_names, variables


class Graph:
    """All that one Value, or several, were computed from.

    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> graph = Graph([a * b, a + b])
    >>> graph.title, len(graph.order)
    ('v1, v2', 4)

    Attributes:
        roots: the Values it was made from, each once.
        order: every node, operands first.
        places: where each node is in that order.
        variables: the nodes that the given names hold.
        names: what each node is called.
        title: what the roots are called, together.
    """

    def __init__(self, value: Value | Sequence[Value], names: Mapping[str, object] | None = None) -> None:
        self.roots = tuple(dict.fromkeys(roots_of(value)))
        self.order = list(topological_order(*self.roots))
        self.places = {node: place for place, node in enumerate(self.order)}
        held = variables({} if names is None else names)
        self.variables = {name: node for node, name in held.items() if node in self.places}
        self.names = node_names(self.order, self.variables)
        self.title = ", ".join(self.names[root] for root in self.roots)


def roots_of(value: Value | Sequence[Value]) -> list[Value]:
    """Return one Value or several as a list.

    Raises:
        TypeError: for anything else.
        ValueError: for an empty list.
    """
    if isinstance(value, Value):
        return [value]
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"expected a Value or a list of Values, got {value!r} of type {type(value).__name__}")
    if not value:
        raise ValueError(f"expected a Value or a list of Values, got {value!r} with nothing in it")
    for item in value:
        if not isinstance(item, Value):
            raise TypeError(f"expected a list of Values, got one with {item!r} of type {type(item).__name__} in it")
    return list(value)
