"""A trace as an array program of single numbers, for targets that put nothing side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..arrays.program import Array, ArrayProgram, Axis, Initial, Piece, Places
from ..lookup import LOOKUP, TABLE
from ..trace import Node, Trace


def ungrouped(
    trace: Trace, outputs: Sequence[int], program: ArrayProgram, leaves: Mapping[str, Array]
) -> list[Array | float]:
    """Return the outputs of a trace, with each operation that they need as one array of the program."""
    nodes = list(trace.nodes)
    wanted = [False] * len(nodes)
    for output in outputs:
        wanted[output] = True
    for i in range(len(nodes) - 1, -1, -1):
        if wanted[i] and nodes[i][0].__class__ is not str:
            reads_leaf = nodes[i][0] is TABLE and _leaf_of(nodes, nodes[i]) is not None
            for operand in () if reads_leaf else nodes[i][1:]:
                wanted[operand] = True
    tables = _Tables(program, leaves, nodes)
    made: list[Array | float] = [0.0] * len(nodes)
    begun = {name for name, leaf in leaves.items() if isinstance(leaf, Initial)}  # whose nodes stand behind others
    for i in sorted(range(len(nodes)), key=lambda i: nodes[i][0] not in begun) if begun else range(len(nodes)):
        op, *operands = nodes[i]
        if not wanted[i]:
            continue
        if op == "constant":
            made[i] = operands[0]
        elif op.__class__ is str:
            made[i] = program.view(leaves[op], operands[0], ())
        elif op is LOOKUP:
            index, table = operands
            made[i] = tables.entry(made[index], table, made)
        elif op is TABLE:
            continue
        else:
            made[i] = program.apply(op, [made[operand] for operand in operands])
        array = made[i]
        if isinstance(array, Array) and i in trace.labels and array.label is None:
            array.label = trace.labels[i]
    return [made[output] for output in outputs]


class _Tables:
    """The tables in which a program looks up, each once."""

    def __init__(self, program: ArrayProgram, leaves: Mapping[str, Array], nodes: Sequence[Node]) -> None:
        self.program = program
        self.leaves = leaves
        self.nodes = nodes
        self._known: dict[int, tuple[Array, Axis]] = {}

    def entry(self, index: Array | float, place: int, made: Sequence[Array | float]) -> Array | float:
        """Return the entry of a table at an index: in a leaf as it is, or in a list of its entries."""
        assert isinstance(index, Array), "an index is an input"
        if place not in self._known:
            _, *entries = self.nodes[place]
            along = self.program.axis(len(entries))
            leaf = _leaf_of(self.nodes, self.nodes[place])
            if leaf is not None:
                places = _in_steps([self.nodes[entry][1] for entry in entries])
                table = self.program.view(self.leaves[leaf], places, (along,))
            else:
                pieces = [Piece(made[entry], (), Places(at)) for at, entry in enumerate(entries)]
                table = self.program.assemble((along,), pieces)
            self._known[place] = table, along
        table, along = self._known[place]
        return self.program.gather(table, index, along)


def _leaf_of(nodes: Sequence[Node], node: Node) -> str | None:
    """The name of the leaf that has all entries of a table; None where they are not of one."""
    names = {nodes[entry][0] for entry in node[1:]}
    name = names.pop()
    return name if not names and name.__class__ is str and name != "constant" else None


def _in_steps(places: list[int]) -> range | tuple[int, ...]:
    """Places as a range, if they grow evenly."""
    step = places[1] - places[0] if len(places) > 1 else 1
    even = range(places[0], places[0] + step * len(places), step) if step > 0 else range(0)
    return even if list(even) == places else tuple(places)
