"""The graph that a view shows: its nodes, and what each is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...engine.graph import topological_order
from ...engine.value import Value
from ...nn import Module
from ..names import DIGITS, node_names, session_variables, variables
from .modules import named_leaves

LISTED = 3  # texts of a list that is too long


class Graph:
    """All that one Value, or several, were computed from.

    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> graph = Graph([a * b, a + b])
    >>> graph.title, len(graph.order)
    ('f1, f2', 4)

    Args:
        value: the Value, or the list of Values.
        names: variables by name; None for those of the interactive session.
        digits: of a constant's name; None for all.

    Attributes:
        roots: the Values it was made from, each once.
        order: every node, operands first.
        places: where each node is in that order.
        variables: the nodes that variables hold, by name.
        modules: the names of the variables that hold modules, by the modules' ids.
        parameters: the names of parameters, as their modules give them.
        rows: where inputs stand in the rows that were read: the row's number and the place in it.
        names: what each node is called.
        title: what the roots are called, together.
    """

    def __init__(
        self,
        value: Value | Sequence[Value],
        names: Mapping[str, object] | None = None,
        digits: int | None = DIGITS,
    ) -> None:
        roots = roots_of(value)
        self.order = list(topological_order(*roots))
        self.roots = tuple(dict.fromkeys(roots))
        self.places = {node: place for place, node in enumerate(self.order)}
        given = session_variables() if names is None else names
        held = {node: name for node, name in variables(given).items() if node in self.places}
        self.variables = {name: node for node, name in held.items()}
        self._held = held
        self.modules = {id(item): name for name, item in given.items() if isinstance(item, Module)}
        self.parameters, inputs, self.rows = named_leaves(self.order)
        self.names = node_names(self.order, {**inputs, **held, **self.parameters}, self.roots, digits)
        self.title = listed([self.names[root] for root in self.roots])

    def is_named(self, node: Value) -> bool:
        """Return whether a person gave the node its name: by a label or a variable."""
        return bool(node.label) or (node in self._held and node not in self.parameters)


def listed(texts: Sequence[str]) -> str:
    """Return texts as a list; of a long one the first, and how many more there are.

    >>> listed(["f1", "f2"]), listed(["f1", "f2", "f3", "f4", "f5"])
    ('f1, f2', 'f1, f2, f3 and 2 more')
    """
    if len(texts) <= LISTED + 1:
        return ", ".join(texts)
    return f"{', '.join(texts[:LISTED])} and {len(texts) - LISTED:,} more"


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
