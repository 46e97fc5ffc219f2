"""The comparison of a lifted program with the function itself, at its first call."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ..engine.derivatives import hvp
from ..engine.floats import same
from ..engine.graph import sweep, topological_order
from ..engine.value import Value
from .curvature import curvature
from .forms import Shape
from .leaves import DIRECTION, DIRECTIONS
from .specialised import Specialised, outputs_of
from .target import Target

NODES = 10_000  # how many nodes all graphs of which a second derivative is taken may have, or else there is one graph


class Disagreement(ArithmeticError):
    """A lifted program does not compute what the function computes from which it was lifted."""


def compare(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    program: Specialised,
    kind: str,
    rows: list[Any],
    leaves: Mapping[str, Any],
    target: Target,
    tolerance: float,
) -> None:
    """Compare a program, on a few examples, with the function itself, called on Values.

    Args:
        function: the function of one example.
        parameters: its parameters.
        program: the program for the shapes of these examples.
        kind: the function of the program; for "hvp" fewer examples are compared if their graphs are large.
        rows: the arguments as tables of the target, a row for each example.
        leaves: the numbers of the other leaves.
        target: the target of the program.
        tolerance: the relative error that rounding explains.

    Raises:
        Disagreement: where they differ by more than that.
    """
    runner = program.runner(kind)
    outputs: dict[int, list[Value]] = {}
    given: dict[int, list[Value]] = {}
    nodes = 0
    for i in notable_examples(rows, target):
        inputs = [list(map(Value, floats_of(table[i]))) for table in rows]
        example = [
            _nested(own, shape, program.indices.get(name, ()))
            for name, own, shape in zip(program.arguments, inputs, program.shapes, strict=True)
        ]
        outputs[i] = outputs_of(function(*example), program.has_aux)[1]
        given[i] = [value for own in inputs for value in own]
        if kind in ("hvp", "hessian"):
            nodes += len(topological_order(*outputs[i]))
            if nodes > NODES:
                break
    means = kind in ("value_and_grad", "hvp", "hessian")
    for places in _apart(outputs) if means else [list(outputs)]:
        few = [target.rows([table[i] for i in places], "")[0] for table in rows]
        expected = [outputs[i] for i in places]
        lifted = runner.value_and_gradient(few, leaves) if means else runner.results(few, leaves)
        losses = [own[0] for own in expected]
        if kind == "forward":
            _compare_results(lifted, expected, tolerance)
        elif kind == "value_and_grad":
            if program.has_aux:
                _compare_results(lifted[0][1], [own[1:] for own in expected], tolerance)
                lifted = lifted[0][0], lifted[1]
            _compare_gradient(lifted, losses, parameters, tolerance)
        elif kind == "hessian":  # the sum of its columns is the Hessian times the sum of the directions
            columns, total = [_in_rows(one, len(parameters)) for one in (lifted[1], leaves[DIRECTIONS])]
            _compare_curvature(columns, losses, parameters, total, tolerance)
        elif kind == "hvp":
            _compare_curvature(floats_of(lifted[1]), losses, parameters, floats_of(leaves[DIRECTION]), tolerance)
        else:
            differentiated = [own[:1] if program.has_aux else own for own in expected]
            if kind == "input_gradients":
                wrt = [_by_argument(given[i], program.shapes) for i in places]
            else:
                wrt = [[list(parameters)] for _ in places]
            direction = floats_of(leaves[DIRECTION]) if kind == "jvp" else None
            _compare_derivatives(lifted, differentiated, wrt, direction, tolerance)


def _by_argument(values: list[Value], shapes: Sequence[Shape]) -> list[list[Value]]:
    """Values in a row, for each argument apart."""
    numbers = iter(values)
    return [[next(numbers) for _ in range(math.prod(shape))] for shape in shapes]


def _compare_results(lifted: Any, outputs: list[list[Value]], tolerance: float) -> None:
    for row, own in zip(lifted, outputs, strict=True):
        for i, (number, output) in enumerate(zip(floats_of(row), own, strict=True)):
            made_of = _made_of(sweep({output: 1.0}))
            _agree(number, output.data, tolerance * (abs(output.data) + 1e-3 * made_of), f"result {i}")


def _compare_derivatives(
    lifted: Any,
    outputs: list[list[Value]],
    wrt: list[list[list[Value]]],
    direction: list[float] | None,
    tolerance: float,
) -> None:
    """Compare rows of derivatives: for each list of Values those of each result; or all times a direction."""
    for row, own, lists in zip(lifted, outputs, wrt, strict=True):
        swept = [sweep({output: 1.0}) for output in own]
        expected: list[float] = []
        for values in lists:
            for slopes in swept:
                entries = [slopes.get(value, 0.0) for value in values]
                if direction is not None:
                    entries = [sum(slope * speed for slope, speed in zip(entries, direction, strict=True))]
                expected += entries
        largest = _largest(slope for slopes in swept for slope in slopes.values())
        scale = largest * (1.0 if direction is None else sum(map(abs, direction)))
        for i, (number, eager) in enumerate(zip(floats_of(row), expected, strict=True)):
            if math.isfinite(number) or math.isfinite(eager):  # in another order an inf may be nan
                _agree(number, eager, tolerance * scale, f"derivative {i}")


def _compare_gradient(lifted: Any, outputs: list[Value], parameters: Sequence[Value], tolerance: float) -> None:
    value, slopes = lifted
    share = 1 / len(outputs)
    swept = [sweep({output: 1.0}) for output in outputs]
    mean_value = share * sum(output.data for output in outputs)
    made_of = share * sum(_made_of(slopes_of) for slopes_of in swept)
    _agree(value, mean_value, tolerance * (abs(mean_value) + 1e-3 * made_of), "the value")
    largest = _largest(slope for slopes_of in swept for slope in slopes_of.values())
    totals: dict[Value, float] = {}
    for slopes_of in swept:
        for node, slope in slopes_of.items():
            totals[node] = totals.get(node, 0.0) + slope
    for i, (parameter, own) in enumerate(zip(parameters, floats_of(slopes), strict=True)):
        _agree(own, share * totals.get(parameter, 0.0), tolerance * largest, f"the gradient in parameter {i}")


def _compare_curvature(
    lifted: list[float], outputs: list[Value], parameters: Sequence[Value], direction: list[float], tolerance: float
) -> None:
    def disagreement(columns: list[list[float]]) -> Disagreement | None:
        expected = [sum(column) / len(outputs) for column in zip(*columns, strict=True)]
        scale = max(_largest(expected), slopes * _largest(direction))
        try:
            for i, (own, eager) in enumerate(zip(lifted, expected, strict=True)):
                if math.isfinite(own) or math.isfinite(eager):  # in another order of differentiation an inf may be nan
                    _agree(own, eager, tolerance * scale, f"the Hessian times the vector, in parameter {i},")
        except Disagreement as error:
            return error
        return None

    slopes = _largest(slope for output in outputs for slope in sweep({output: 1.0}).values())
    if disagreement([curvature(output, parameters, direction) for output in outputs]):
        error = disagreement([[entry.data for entry in hvp(output, parameters, direction)] for output in outputs])
        if error:
            raise error


def notable_examples(rows: Sequence[Any], target: Target, most: int = 8) -> list[int]:
    """Return the places of the rows to compare: the ends, those with nan, inf or 0, those with the extreme numbers."""
    edges, extremes = [0, len(rows[0]) - 1 if rows else 0], list[int]()
    for table in rows:
        special, largest_and_smallest = target.notable_rows(table)
        edges += special
        extremes += largest_and_smallest
    return list(dict.fromkeys([*edges, *extremes]))[:most]


def _apart(outputs: dict[int, list[Value]]) -> list[list[int]]:
    """The examples in batches: all finite ones in one, each other alone, as in a mean it would hide the rest."""
    finite = [
        i
        for i, (output, *_) in outputs.items()
        if all(map(math.isfinite, [output.data, *sweep({output: 1.0}).values()]))
    ]
    return [*([finite] if finite else []), *([i] for i in outputs if i not in finite)]


def _made_of(slopes: dict[Value, float]) -> float:
    """The size of the terms of a result, to first order: in another order their sum differs by roundings of that."""
    shares = [abs(slope * node.data) for node, slope in slopes.items()]
    return sum(share for share in shares if math.isfinite(share))


def _largest(numbers: Iterable[float]) -> float:
    return max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)


def _in_rows(numbers: Any, size: int) -> list[float]:
    """The sum of rows of that size."""
    flat = floats_of(numbers)
    return [sum(flat[i::size]) for i in range(size)]


def _nested(flat: Sequence[Value], shape: Shape, indices: Collection[int]) -> Any:
    """Values as nested lists of that shape; those in the places of indices as plain integers."""
    entries = iter([int(value._data) if i in indices else value for i, value in enumerate(flat)])

    def nested(shape: Shape) -> Any:
        return [nested(shape[1:]) for _ in range(shape[0])] if shape else next(entries)

    return nested(shape)


def floats_of(numbers: Any) -> list[float]:
    """Return a list, an array or a single number as a list of floats."""
    flat = numbers.ravel() if hasattr(numbers, "ravel") else numbers
    listed = flat.tolist() if hasattr(flat, "tolist") else flat
    return listed if isinstance(listed, list) else [listed]


def _agree(own: float, eager: float, tolerance: float, what: str) -> None:
    if not same(own, eager) and not (math.isfinite(eager) and abs(own - eager) <= tolerance):
        raise Disagreement(
            f"{what}: the lifted program gives {own!r}, the function itself {eager!r}; does the function depend on "
            "anything but its arguments and the parameters, or change between two calls? If it uses an operation of "
            "your own, scalargrad.check.laws.check_primitive tries what that declares"
        )
