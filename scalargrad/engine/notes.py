"""Notes on a node: its label, the line of code that made it, the marks of modules.

Most nodes have none. The others have a dict in `_notes`, or one mark. It never changes, so nodes may share it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from . import modes
from .graph import Node


class Mark(NamedTuple):
    """What a module or a composed function leaves on its results, so that pictures can show it as a box.

    The nodes between the inputs and the results are found in the graph.

    Attributes:
        together: the name of what made all results with this mark; None where there is none.
        module: the module, which knows its parameters' names; None for a function, and in copies.
        inputs: the Values that it read. Where the results were computed from all of them, and so keep them
            alive, an array of their ids: the garbage collector does not look into it.
        each: the name of what made each result from the same inputs, such as a neuron of a layer.
    """

    together: str | None
    module: object
    inputs: Sequence[Any]
    each: str | None = None

    def ids(self) -> Iterable[int]:
        """Return the ids of the inputs."""
        return self.inputs if isinstance(self.inputs, array) else map(id, self.inputs)


def notes_of(node: Node) -> dict[str, Any]:
    """Return the notes on a node, by kind."""
    notes: dict[str, Any] | Mark = getattr(node, "_notes", {})
    return {"marks": (notes,)} if isinstance(notes, Mark) else notes


def note(node: Node, kind: str, content: object) -> None:
    """Set the note of this kind on a node."""
    node._notes = {**notes_of(node), kind: content}


def marks_of(node: Node) -> tuple[Mark, ...]:
    """Return the marks on a node, the innermost first."""
    marks: tuple[Mark, ...] = notes_of(node).get("marks", ())
    return marks


def leave(results: Iterable[Node], mark: Mark, are_new: bool = False) -> None:
    """Leave a mark on the results of a module, but not on leaves, which no operation made.

    `are_new` says that operations have just made the results and that they have no notes, which saves looking.
    """
    if are_new and not modes.active:
        for result in results:
            result._notes = mark
        return
    if modes.tracing() is not None:
        return
    for result in results:
        if result.op is not None:
            noted = notes_of(result)
            result._notes = {**noted, "marks": (*marks_of(result), mark)} if noted else mark
