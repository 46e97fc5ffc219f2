"""How far off rounding may have put the numbers of a graph, and the gradients that its sweep gives.

A bound to first order, by the graph's own local gradients (Wilkinson's running error analysis). A
result is off by what its operands are off by, times the slopes, plus one rounding of its own. A
local gradient is off by what its rule changes when the result or an operand is moved by as much as
that may be off. A gradient is off by what its contributions are off by.

This is why a checker here needs no absolute tolerance: it knows what a zero may hide.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import NamedTuple

from ...engine.declaration import Primitive
from ...engine.graph import sweep
from .breaks import crossed
from .recording import Recording
from .slopes import EPSILON, TINY


class Gradient(NamedTuple):
    """The derivatives of one output in the inputs: the sweep's, their rounding, the size of their terms.

    `lost` is what a derivative forwards through the graph may lose to underflow: at each node the
    smallest number, times how fast the output changes with it.
    """

    slopes: list[float]
    errors: list[float]
    terms: list[float]  # Σ over all paths of |the product of the local gradients|
    lost: float


def data_errors(recording: Recording, input_errors: Sequence[float]) -> list[float]:
    """Return what each node's number may be off by, when the inputs' may be off by so much."""
    found = [0.0] * len(recording.nodes)
    for i, error in zip(recording.inputs, input_errors, strict=True):
        found[i] = error
    for i, node in enumerate(recording.nodes):
        if recording.ops[i] is not None:
            operands = recording.operands[i]
            error = rounding_of(recording.numbers[i])
            if not error and all(recording.numbers[operand] or found[operand] for operand in operands):
                error = TINY  # a 0 of numbers other than 0: what was lost there may be enlarged later
            for operand, local in zip(operands, node.local_gradients, strict=True):
                error += times(found[operand], abs(local))
            found[i] = error
    return found


def local_errors(recording: Recording, errors: Sequence[float]) -> list[tuple[float, ...]]:
    """Return what each node's local gradients may be off by, when the numbers may be off by so much."""
    found: list[tuple[float, ...]] = []
    for i, op in enumerate(recording.ops):
        if op is None:
            found.append(())
            continue
        operands = recording.operands[i]
        numbers = [recording.numbers[operand] for operand in operands]
        moved = [
            0.0 if operand in recording.constants else max(errors[operand], EPSILON * abs(recording.numbers[operand]))
            for operand in operands
        ]
        found.append(
            tuple(
                0.0
                if operands[k] in recording.constants
                else rule_error(op, k, recording.numbers[i], errors[i], numbers, moved)
                for k in range(op.arity)
            )
        )
    return found


def rule_error(
    op: Primitive, k: int, out: float, out_error: float, numbers: Sequence[float], errors: Sequence[float]
) -> float:
    """Return what a rule's result changes by when its arguments move by what they may be off by."""
    partial = op.partials[k]
    here = partial(out, *numbers)
    change = abs(partial(out + out_error, *numbers) - here)
    for j, (x, error) in enumerate(zip(numbers, errors, strict=True)):
        moved = [*numbers]
        moved[j] = x + error
        if error and op.kinks and crossed(op.kinks, numbers, moved):
            continue  # on a kink, a chosen slope is what it is
        change += abs(partial(out, *moved) - here)
    total: float = change + rounding_of(here)
    return total if isfinite(total) else inf


def gradient(recording: Recording, output: int, rule_errors: Sequence[Sequence[float]]) -> Gradient:
    """Return the sweep's derivatives of one output in the recording's inputs."""
    root = recording.nodes[recording.outputs[output]]
    totals = sweep({root: 1.0})
    size = [0.0] * len(recording.nodes)
    errors = [0.0] * len(recording.nodes)
    terms = [0.0] * len(recording.nodes)
    terms[recording.outputs[output]] = 1.0
    for i in range(recording.outputs[output], -1, -1):
        node = recording.nodes[i]
        if recording.ops[i] is None or (terms[i] == 0.0 and errors[i] == 0.0):
            continue
        upstream = abs(totals[node])
        for operand, local, off in zip(recording.operands[i], node.local_gradients, rule_errors[i], strict=True):
            terms[operand] += times(terms[i], abs(local))
            contribution = times(upstream, abs(local))
            size[operand] += contribution
            errors[operand] += times(errors[i], abs(local)) + times(upstream, off)
            errors[operand] += EPSILON * (contribution + size[operand]) + (TINY if upstream and local else 0.0)
    return Gradient(
        [totals.get(recording.nodes[i], 0.0) for i in recording.inputs],
        [errors[i] for i in recording.inputs],
        [terms[i] for i in recording.inputs],
        TINY * sum(terms),
    )


def rounding_of(x: float) -> float:
    """Return what a number may be off by when it was rounded once."""
    return EPSILON * abs(x) + TINY if x else 0.0


def times(x: float, y: float) -> float:
    """The product, where 0 wins over inf and nan: what is not there cannot be off."""
    return x * y if x and y else 0.0
