"""The comparison of a lifted program with the function itself, at its first call."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter, mul
from typing import Any, NamedTuple

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
    places = notable_examples(rows, target)
    means = kind in ("value_and_grad", "hvp", "hessian")

    def lifted(places: Sequence[int]) -> Any:
        few = [target.rows([table[i] for i in places], "")[0] for table in rows]
        return runner.value_and_gradient(few, leaves) if means else runner.results(few, leaves)

    def called(i: int) -> tuple[list[Value], list[list[Value]]]:
        """The results of an example, and what each argument of it consists of."""
        inputs = [list(map(Value, floats_of(table[i]))) for table in rows]
        example = [
            _nested(own, shape, program.indices.get(name, ()))
            for name, own, shape in zip(program.arguments, inputs, program.shapes, strict=True)
        ]
        return outputs_of(function(*example), program.has_aux)[1], inputs

    # One graph after another is recorded and freed: all together would take several times the memory of a step.
    if kind == "forward":
        for i, row in zip(places, lifted(places), strict=True):
            _compare_results(row, called(i)[0], tolerance)
    elif kind == "value_and_grad":
        beside = lifted(places)[0][1] if program.has_aux else [[]] * len(places)
        swept = {i: _swept(called(i)[0], parameters, row, tolerance) for i, row in zip(places, beside, strict=True)}
        for some in _apart({i: own.is_finite for i, own in swept.items()}):
            value, slopes = lifted(some)
            value = value[0] if program.has_aux else value
            _compare_gradient(value, slopes, [swept[i] for i in some], tolerance)
    elif means:
        losses = _losses(called, places)
        for some in _apart({i: _is_finite(loss, sweep({loss: 1.0})) for i, loss in losses.items()}):
            _, moved = lifted(some)
            direction = leaves[DIRECTION if kind == "hvp" else DIRECTIONS]
            # The sum of the columns of a Hessian is the Hessian times the sum of the directions.
            columns, total = [_in_rows(one, len(parameters)) for one in (moved, direction)]
            _compare_curvature(columns, [losses[i] for i in some], parameters, total, tolerance)
    else:
        speeds = floats_of(leaves[DIRECTION]) if kind == "jvp" else None
        for i, row in zip(places, lifted(places), strict=True):
            outputs, inputs = called(i)
            wrt = _without_indices(inputs, program) if kind == "input_gradients" else [parameters]
            _compare_derivatives(row, outputs[:1] if program.has_aux else outputs, wrt, speeds, tolerance)


def _losses(called: Callable[[int], tuple[list[Value], Any]], places: Sequence[int]) -> dict[int, Value]:
    """The loss of each example, or of fewer if their graphs are large."""
    losses: dict[int, Value] = {}
    nodes = 0
    for i in places:
        losses[i] = called(i)[0][0]
        nodes += len(topological_order(losses[i]))
        if nodes > NODES:
            break
    return losses


class _Swept(NamedTuple):
    """What a comparison keeps of the graph of one example.

    Attributes:
        loss: the result.
        slopes: its gradient, a number for each parameter.
        largest: the largest derivative in any node.
        made_of: the size of the terms that the result is made of.
        is_finite: whether the result and all derivatives are finite.
    """

    loss: float
    slopes: list[float]
    largest: float
    made_of: float
    is_finite: bool


def _swept(outputs: list[Value], parameters: Sequence[Value], beside: Any, tolerance: float) -> _Swept:
    """Sweep from the loss, and compare what is beside it."""
    loss, *others = outputs
    _compare_results(beside, others, tolerance)
    slopes = sweep({loss: 1.0})
    return _Swept(
        loss.data,
        [slopes.get(parameter, 0.0) for parameter in parameters],
        _largest(slopes.values()),
        _made_of(slopes),
        _is_finite(loss, slopes),
    )


def _compare_results(row: Any, outputs: Sequence[Value], tolerance: float) -> None:
    for i, (number, output) in enumerate(zip(floats_of(row), outputs, strict=True)):
        size = abs(output.data)
        if (
            not abs(number - output.data) <= tolerance * size < math.inf
        ):  # to know how large its terms are takes a sweep
            size += 1e-3 * _made_of(sweep({output: 1.0}))
        _agree(number, output.data, tolerance * size, f"result {i}")


def _compare_derivatives(
    row: Any,
    outputs: list[Value],
    wrt: Sequence[Sequence[Value | None]],
    direction: list[float] | None,
    tolerance: float,
) -> None:
    """Compare derivatives of one example: for each list of Values those of each result; or all times a direction.

    Nothing is compared in the place of a None.
    """
    of_lists: list[list[float | None]] = [[] for _ in wrt]
    largest = 0.0
    for output in outputs:
        slopes = sweep({output: 1.0})
        largest = max(largest, _largest(slopes.values()))
        for expected, values in zip(of_lists, wrt, strict=True):
            if direction is not None:
                pairs = zip(values, direction, strict=True)
                expected.append(sum(slopes.get(value, 0.0) * speed for value, speed in pairs if value is not None))
            else:
                expected.extend(None if value is None else slopes.get(value, 0.0) for value in values)
    scale = largest * (1.0 if direction is None else sum(map(abs, direction)))
    for i, (number, eager) in enumerate(zip(floats_of(row), chain.from_iterable(of_lists), strict=True)):
        if eager is not None and (math.isfinite(number) or math.isfinite(eager)):  # in another order an inf may be nan
            _agree(number, eager, tolerance * scale, f"derivative {i}")


def _without_indices(inputs: Sequence[Sequence[Value]], program: Specialised) -> list[list[Value | None]]:
    """The numbers of each argument, with a None for an index: the function got an integer, which has no derivative."""
    indices = [program.indices.get(name, ()) for name in program.arguments]
    return [
        [None if i in places else value for i, value in enumerate(own)]
        for own, places in zip(inputs, indices, strict=True)
    ]


def _compare_gradient(value: float, slopes: Any, swept: Sequence[_Swept], tolerance: float) -> None:
    share = 1 / len(swept)
    mean_value = share * sum(own.loss for own in swept)
    made_of = share * sum(own.made_of for own in swept)
    _agree(value, mean_value, tolerance * (abs(mean_value) + 1e-3 * made_of), "the value")
    largest = max(own.largest for own in swept)
    totals = map(sum, zip(*[own.slopes for own in swept], strict=True))
    for i, (own, total) in enumerate(zip(floats_of(slopes), totals, strict=True)):
        _agree(own, share * total, tolerance * largest, f"the gradient in parameter {i}")


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


def _apart(examples: Mapping[int, bool]) -> list[list[int]]:
    """The examples in batches: all finite ones in one, each other alone, as in a mean it would hide the rest."""
    finite = [i for i, is_finite in examples.items() if is_finite]
    return [*([finite] if finite else []), *([i] for i, is_finite in examples.items() if not is_finite)]


def _is_finite(loss: Value, slopes: Mapping[Value, float]) -> bool:
    return math.isfinite(loss.data) and all(map(math.isfinite, slopes.values()))


def _made_of(slopes: Mapping[Value, float]) -> float:
    """The size of the terms of a result, to first order: in another order their sum differs by roundings of that."""
    shares: Iterable[float] = map(abs, map(mul, slopes.values(), map(attrgetter("_data"), slopes)))
    return sum(filter(math.isfinite, shares))


def _largest(numbers: Iterable[float]) -> float:
    return max(map(abs, filter(math.isfinite, numbers)), default=0.0)


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
