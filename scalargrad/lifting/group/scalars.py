"""A trace as an array program of single numbers, for targets that put nothing side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..arrays.program import Array, ArrayProgram
from ..trace import Trace


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
            for operand in nodes[i][1:]:
                wanted[operand] = True
    made: list[Array | float] = [0.0] * len(nodes)
    for i, (op, *operands) in enumerate(nodes):
        if not wanted[i]:
            continue
        if op == "constant":
            made[i] = operands[0]
        elif op.__class__ is str:
            made[i] = program.view(leaves[op], operands[0], ())
        else:
            made[i] = program.apply(op, [made[operand] for operand in operands])
        array = made[i]
        if isinstance(array, Array) and i in trace.labels and array.label is None:
            array.label = trace.labels[i]
    return [made[output] for output in outputs]
