"""What is noted on a node beside its number: a label, the line of code that made it, the marks of modules.

Most nodes have no notes. Those that have keep a dict in `_notes`, or a single mark by itself. It is
never changed in place, so that nodes may share it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from . import modes
from .graph import Node


class Mark(NamedTuple):
    """What a module or composed function leaves on its results, for pictures to show it as a box.

    What lies between the inputs and the results is found from the graph.

    Attributes:
        together: what to call that which made all results with this mark together; None where there is none.
        module: the module, which knows its parameters' names; None for a function, and in copies.
        inputs: what it has read: Values; or, where all of it is among what the results were computed from,
            and so lives as long as they, the ids of these in an array, which the garbage collector passes by.
        each: what to call that which made each result by itself from the same inputs, as the neurons of a layer do.
    """

    together: str | None
    module: object
    inputs: Sequence[Any]
    each: str | None = None

    def ids(self) -> Iterable[int]:
        """Return the ids of the inputs."""
        return self.inputs if isinstance(self.inputs, array) else map(id, self.inputs)


def notes_of(node: Node) -> dict[str, Any]:
    """Return what is noted on a node."""
    notes: dict[str, Any] | Mark = getattr(node, "_notes", {})
    return {"marks": (notes,)} if isinstance(notes, Mark) else notes


def note(node: Node, kind: str, content: object) -> None:
    """Note something on a node, in place of what was noted before."""
    node._notes = {**notes_of(node), kind: content}


def marks_of(node: Node) -> tuple[Mark, ...]:
    """Return the marks on a node, the innermost first."""
    marks: tuple[Mark, ...] = notes_of(node).get("marks", ())
    return marks


def leave(results: Iterable[Node], mark: Mark, are_new: bool = False) -> None:
    """Leave a mark on the results of a module; on a leaf none, since nothing lies behind it.

    Results are new when operations have just made them and nothing is noted on them yet, so there is
    nothing to look for.
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
