"""A lifted program as a module that needs numpy alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..forms import Form, Parts, Shape
from ..leaves import CAPTURED, THETA
from ..saving import Saved, formed_text, functions_of_floats, indented, listed, whole
from ..source import Pieces
from ..to_python.saved import MEANS, definitions

_HELPERS = '''
def _rows(given, shape, name):
    """Return examples as a matrix with a row for each."""
    array = np.ascontiguousarray(given, dtype="{dtype}")
    if array.shape[1:] != shape or not len(array):
        raise ValueError(f"{{name}} must have one or more rows of the shape {{shape}}, got the shape {{array.shape}}")
    return array.reshape(len(array), -1)


def _count(*arguments):
    """Return how many examples there are."""
    counts = [len(rows) for rows in arguments]
    if len(set(counts)) > 1:
        raise ValueError(f"the arguments must have an entry for each example, got {{counts}}")
    return counts[0]


def _parameters(theta):
    """Return the parameters as an array."""
    array = np.ascontiguousarray(theta, dtype="{dtype}")
    if array.shape != THETA.shape:
        raise ValueError(f"theta must have the shape {{THETA.shape}}, got {{array.shape}}")
    return array
'''

_CHECK = '''

def _check_indices(rows, sizes, name):
    """Refuse what is no index into a table of its size."""
    for place, size in sizes.items():
        column = rows[:, place]
        right = (column >= 0) & (column < size) & (column == np.trunc(column))
        if not right.all():
            i = right.argmin()
            wanted = f"an integer from 0 to {size - 1}, got {column[i]}"
            raise ValueError(f"in example {i}, counted from 0, number {place} of {name} must be {wanted}")
'''

_IN_FLOATS = '''

def _in_floats(quick, careful, *arrays):
    """Return what a function gives for each example: operators raise where the careful functions have a number."""
    theta, captured, *arguments = [array.tolist() for array in arrays]
    results = []
    for example in zip(*arguments) if arguments else [()]:
        try:
            results.append(quick(theta, None, captured, *example))
        except (ArithmeticError, ValueError):
            results.append(careful(theta, None, captured, *example))
    return results


@np.errstate(over="ignore")
def _array(numbers):
    """Return numbers as an array, in which what is beyond the precision is inf."""
    return np.array(numbers, "{dtype}")
'''


def saved(program: Saved, dtype: str) -> str:
    """Return the text of the module."""
    imports: list[str] = ["import numpy as np"]
    tables = [f"THETA = {_array(np.array(program.theta, dtype))}"]
    if program.captured or program.few:
        tables.append(f"CAPTURED = {_array(np.array(program.captured, dtype))}")
    lines: list[str] = []
    for kind, runner in program.runners.items():
        limit, in_floats = program.few.get(kind, (0, None))
        if in_floats is not None:
            more, text = definitions(kind, program, *in_floats.sources)
            imports += more
            lines += text
        if limit == math.inf:
            body = [*program.documented(kind), *_given(program), *_returned_of_floats(program, kind)]
            lines += ["", "", program.signature(kind), *indented(body)]
            continue
        pieces: Pieces = runner.source.pieces
        own = {name: f"{kind}_{name}".upper() for name in runner.source.namespace if name not in pieces.called}
        tables += [f"{own[name]} = {_array(runner.source.namespace[name])}" for name in own]
        more, defined = functions_of_floats(f"_operations_of_{kind}", pieces.called)
        imports += [*more, *pieces.imports]
        body = [*program.documented(kind), *_given(program)]
        if in_floats is not None:
            body += [f"if B <= {int(limit)}:  # in plain floats, which is faster"]
            body += indented(_returned_of_floats(program, kind))
        body += [f"{name} = {table}" for name, table in own.items()]
        if pieces.called:
            vectorized = f"[np.vectorize(one, otypes=[float]) for one in _operations_of_{kind}()]"
            body.append(f"{', '.join(pieces.called)}, = {vectorized}")
        if CAPTURED in runner.source.leaves:
            body.append(f"{CAPTURED} = CAPTURED")
        if kind == "value_and_grad":
            body.append(f"gradient = np.zeros(THETA.shape{'' if dtype == 'float64' else f', np.{dtype}'})")
        body += [*([""] if pieces.bound and pieces.bound[0] else []), *pieces.bound, "", *pieces.run, ""]
        body += _returned(program, kind, runner)
        lines += [*defined, "", "", '@np.errstate(all="ignore")', program.signature(kind), *indented(body)]
    helpers = [*_HELPERS.format(dtype=dtype).splitlines(), *(_CHECK.splitlines() if program.indices else [])]
    helpers += _IN_FLOATS.format(dtype=dtype).splitlines() if program.few else []
    usage = program.usage(lambda shape, number: f"np.full({(2, *shape)}, {number})")
    return whole(program, imports, [*tables, "", *helpers, *lines, *usage])


def _given(program: Saved) -> list[str]:
    """The lines that turn the arguments into matrices."""
    arguments = zip(program.arguments, program.shapes, strict=True)
    lines = [f'{name} = _rows({name}, {shape}, "{name}")' for name, shape in arguments]
    count = f"_count({', '.join(program.arguments)})" if lines else "1"
    return [*lines, *program.checks(program.arguments), f"B = {count}", f"{THETA} = _parameters(theta)"]


def _returned(program: Saved, kind: str, runner: Any) -> list[str]:
    """The lines that return what the program's method returns."""
    returned = runner.source.pieces.returned

    def turned(value: str) -> str:
        """The results as rows, one for each example."""
        if runner.is_batched:
            return f"{value}.reshape({runner.width}, B).T"
        return f"np.array(np.broadcast_to({value}, (B, {runner.width})))"

    if kind == "forward":
        return [f"rows = {turned(returned)}", f"return {_formed(program, program.form)}"]
    if not program.has_aux:
        return [f"return float({returned}), gradient"]
    value, _, beside = returned.partition(", ")
    return [f"rows = {turned(beside)}", f"return (float({value}), {_beside(program)}), gradient"]


def _returned_of_floats(program: Saved, kind: str) -> list[str]:
    """The lines that compute the same in plain floats, and return it."""
    arrays = ", ".join([THETA, "CAPTURED", *program.arguments])
    lines = [f"results = _in_floats(_quick_{kind}, _careful_{kind}, {arrays})"]
    if kind == "forward":
        rows = "rows = _array([row if isinstance(row, tuple) else (row,) for row in results])"
        return [*lines, rows, f"return {_formed(program, program.form)}"]
    lines += MEANS
    if not program.has_aux:
        return [*lines, "return value, _array(gradient)"]
    rows = "rows = _array([row[1:-1] for row in results])"
    return [*lines, rows, f"return (value, {_beside(program)}), _array(gradient)"]


def _beside(program: Saved) -> str:
    """The expression for what is beside the loss."""
    assert isinstance(program.form, Parts), "it is that of a loss and what is beside it"
    return _formed(program, program.form.forms[1])


def _formed(program: Saved, form: Form) -> str:
    """The expression for results in their form, of rows."""
    alone = "" if program.arguments else "[0]"

    def piece(start: int, shape: Shape) -> str:
        if not shape:
            return f"rows[:, {start}]{alone}"
        return f"rows[:, {start}:{start + math.prod(shape)}].reshape({', '.join(map(str, ('B', *shape)))}){alone}"

    return formed_text(form, piece)


def _array(array: Any) -> str:
    """The expression for an array of numbers or places, with a long one in several lines."""
    flat = np.ravel(array)
    kind = "" if array.dtype == np.float64 else f', dtype="{array.dtype}"'
    reshaped = f".reshape({', '.join(map(str, array.shape))})" if array.ndim > 1 else ""
    if array.dtype.kind == "i" and flat.size > 2 and flat[0] != flat[1] and (np.diff(flat) == flat[1] - flat[0]).all():
        step = int(flat[1] - flat[0])
        return f"np.arange({int(flat[0])}, {int(flat[-1]) + step}, {step}){reshaped}"
    return f"np.array({listed(flat.tolist(), 'np.')}{kind}){reshaped}"
