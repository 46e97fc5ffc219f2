"""Bounds on the rounding errors of a graph's numbers, and of the gradients that its sweep gives.

They are bounds to first order, from the graph's own local gradients (Wilkinson's running error
analysis). The error of a result is the errors of its operands, times the slopes, plus one rounding.
The error of a local gradient is the change of its rule when the result or an operand moves by its
error. The error of a gradient is the sum of the errors of its contributions.

So the checker needs no absolute tolerance: it knows how large a number may be that is shown as 0.
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


class Bounded(NamedTuple):
    """The derivatives of one output in the inputs, as the sweep gives them, with bounds.

    Attributes:
        slopes: the derivatives.
        errors: bounds on their rounding errors.
        terms: for each input the sum over all paths of |the product of the local gradients|.
        lost: how much a derivative forwards through the graph may lose to underflow: at each node the
            smallest number, times how fast the output changes with the node.
    """

    slopes: list[float]
    errors: list[float]
    terms: list[float]
    lost: float


def data_errors(recording: Recording, input_errors: Sequence[float]) -> list[float]:
    """Return a bound on the error of each node's number, given the errors of the inputs."""
    errors = [0.0] * len(recording.nodes)
    for place, error in zip(recording.inputs, input_errors, strict=True):
        errors[place] = error
    for place, node in enumerate(recording.nodes):
        if recording.ops[place] is not None:
            operands = recording.operands[place]
            error = rounding_of(recording.data[place])
            if not error and all(recording.data[operand] or errors[operand] for operand in operands):
                error = TINY  # a 0 of operands other than 0 has underflowed, and may be enlarged later
            for operand, local in zip(operands, node.local_gradients, strict=True):
                error += times(errors[operand], abs(local))
            errors[place] = error
    return errors


def local_errors(recording: Recording, errors: Sequence[float]) -> list[tuple[float, ...]]:
    """Return bounds on the errors of each node's local gradients, given the errors of the numbers."""
    bounds: list[tuple[float, ...]] = []
    for place, op in enumerate(recording.ops):
        if op is None:
            bounds.append(())
            continue
        operands, data = recording.operands[place], recording.operands_at(place)
        moves = [
            0.0 if operand in recording.constants else max(errors[operand], EPSILON * abs(x))
            for operand, x in zip(operands, data, strict=True)
        ]
        bounds.append(
            tuple(
                0.0
                if operand in recording.constants
                else rule_error(op, k, recording.data[place], errors[place], data, moves)
                for k, operand in enumerate(operands)
            )
        )
    return bounds


def rule_error(
    op: Primitive, k: int, out: float, out_error: float, operands: Sequence[float], errors: Sequence[float]
) -> float:
    """Return how much the rule in operand k changes when its arguments move by their errors."""
    partial = op.partials[k]
    here = partial(out, *operands)
    change = abs(partial(out + out_error, *operands) - here)
    for j, (x, error) in enumerate(zip(operands, errors, strict=True)):
        moved = [*operands]
        moved[j] = x + error
        if error and op.kinks and crossed(op.kinks, operands, moved):
            continue  # on a kink the rule chooses a slope, which has no error
        change += abs(partial(out, *moved) - here)
    total: float = change + rounding_of(here)
    return total if isfinite(total) else inf


def bounded_gradient(recording: Recording, output: int, rule_errors: Sequence[Sequence[float]]) -> Bounded:
    """Return the sweep's derivatives of one output in the recording's inputs, with bounds on their errors."""
    root = recording.outputs[output]
    totals = sweep({recording.nodes[root]: 1.0})
    size = [0.0] * len(recording.nodes)
    errors = [0.0] * len(recording.nodes)
    terms = [0.0] * len(recording.nodes)
    terms[root] = 1.0
    for place in range(root, -1, -1):
        node = recording.nodes[place]
        if recording.ops[place] is None or (terms[place] == 0.0 and errors[place] == 0.0):
            continue
        upstream = abs(totals[node])
        rules = zip(recording.operands[place], node.local_gradients, rule_errors[place], strict=True)
        for operand, local, local_error in rules:
            terms[operand] += times(terms[place], abs(local))
            contribution = times(upstream, abs(local))
            size[operand] += contribution
            errors[operand] += times(errors[place], abs(local)) + times(upstream, local_error)
            errors[operand] += EPSILON * (contribution + size[operand]) + (TINY if upstream and local else 0.0)
    return Bounded(
        [totals.get(recording.nodes[place], 0.0) for place in recording.inputs],
        [errors[place] for place in recording.inputs],
        [terms[place] for place in recording.inputs],
        TINY * sum(terms),
    )


def rounding_of(x: float) -> float:
    """Return a bound on the error of a number that was rounded once."""
    return EPSILON * abs(x) + TINY if x else 0.0


def times(x: float, y: float) -> float:
    """The product, where 0 times inf or nan is 0: what is not there has no error."""
    return x * y if x and y else 0.0
