"""A lifted program as a module that needs the standard library alone."""

from __future__ import annotations

import math

from ..forms import Parts, Shape
from ..leaves import LEAVES
from ..saving import Saved, formed_text, functions_of_floats, indented, listed, whole
from ..source import Source

_HELPERS = '''
def _flat(example, shape, name):
    """Return the numbers of an example in a row."""
    if not shape:
        return [float(example)]
    if len(example) != shape[0]:
        raise ValueError(f"{name} must have rows of the shape {shape}, got one of {len(example)} entries")
    return [number for part in example for number in _flat(part, shape[1:], name)]


def _nested(numbers, shape):
    """Return numbers in a row as nested lists."""
    if not shape:
        return numbers[0]
    step = len(numbers) // shape[0]
    return [_nested(numbers[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def _computed(quick, careful, theta, examples):
    """Return what a function gives for each example: operators raise where the careful functions have a number."""
    theta = [float(number) for number in theta]
    if len(theta) != len(THETA):
        raise ValueError(f"theta must have the length {len(THETA)}, got {len(theta)}")
    if len({len(rows) for rows in examples}) > 1 or not all(examples):
        raise ValueError("the arguments need the same number of examples")
    results = []
    for example in zip(*examples) if examples else [()]:
        try:
            results.append(quick(theta, None, CAPTURED, *example))
        except (ArithmeticError, ValueError):
            results.append(careful(theta, None, CAPTURED, *example))
    return results
'''

_CHECK = '''

def _check_indices(rows, sizes, name):
    """Refuse what is no index into a table of its size."""
    for i, row in enumerate(rows):
        for place, size in sizes.items():
            if not (0 <= row[place] < size and row[place] == int(row[place])):
                wanted = f"an integer from 0 to {size - 1}, got {row[place]}"
                raise ValueError(f"in example {i}, counted from 0, number {place} of {name} must be {wanted}")
'''


MEANS = (  # of what is returned for each example
    "value = sum(row[0] for row in results) / len(results) if len(results) > 1 else results[0][0]",
    "slopes = [row[-1] for row in results]",
    "gradient = [sum(column) / len(results) for column in zip(*slopes)] if len(results) > 1 else slopes[0]",
)


def saved(program: Saved) -> str:
    """Return the text of the module."""
    imports: list[str] = ["from math import inf, nan"]
    lines = [f"THETA = {listed(program.theta)}", f"CAPTURED = {listed(program.captured)}", ""]
    lines += [*_HELPERS.splitlines(), *(_CHECK.splitlines() if program.indices else [])]
    for kind, runner in program.runners.items():
        more, text = definitions(kind, program, *runner.sources)
        imports += more
        lines += text
        examples = [
            f"[_flat(example, {shape}, {name!r}) for example in {name}]"
            for name, shape in zip(program.arguments, program.shapes, strict=True)
        ]
        body = [
            *program.documented(kind),
            f"examples = [{', '.join(examples)}]",
            *program.checks([f"examples[{i}]" for i in range(len(examples))]),
            f"results = _computed(_quick_{kind}, _careful_{kind}, theta, examples)",
            *_returned(program, kind),
        ]
        lines += ["", "", program.signature(kind), *indented(body)]
    return whole(program, imports, [*lines, *program.usage(_example)])


def definitions(kind: str, program: Saved, quick: Source, careful: Source) -> tuple[list[str], list[str]]:
    """Return the imports and the lines that define the two functions for one example, or one if they are the same."""
    imports, lines = _definition(f"_quick_{kind}", kind, program, quick)
    if _definition(f"_quick_{kind}", kind, program, careful) == (imports, lines):
        return imports, [*lines, f"_careful_{kind} = _quick_{kind}"]
    more, others = _definition(f"_careful_{kind}", kind, program, careful)
    return [*imports, *more], [*lines, *others]


def _definition(name: str, kind: str, program: Saved, source: Source) -> tuple[list[str], list[str]]:
    """The lines that define one of the two functions, among the functions that it calls."""
    pieces = source.pieces
    assert pieces is not None, "each source has pieces"
    imports, operations = functions_of_floats(f"_operations_of{name}", pieces.called)
    bound = [f"{', '.join(pieces.called)}, = _operations_of{name}()"] if operations else []
    tables = {key: table for key, table in source.namespace.items() if key not in pieces.called}
    own = [
        *bound,
        *(line for key, table in tables.items() for line in f"{key} = {listed(table)}".splitlines()),
        f"def {kind}({', '.join([*LEAVES, *program.arguments])}):",
        *indented([*pieces.run, f"return {pieces.returned}"]),
        f"return {kind}",
    ]
    return imports, [*operations, "", "", f"def _made{name}():", *indented(own), "", "", f"{name} = _made{name}()"]


def _returned(program: Saved, kind: str) -> list[str]:
    alone = "" if program.arguments else "[0]"

    def piece(start: int, shape: Shape) -> str:
        if not shape:
            return f"[row[{start}] for row in rows]{alone}"
        return f"[_nested(row[{start}:{start + math.prod(shape)}], {shape}) for row in rows]{alone}"

    if kind == "forward":
        row = "list(row) if isinstance(row, tuple) else [row]"
        return [f"rows = [{row} for row in results]", f"return {formed_text(program.form, piece)}"]
    if not program.has_aux:
        return [*MEANS, "return value, gradient"]
    assert isinstance(program.form, Parts), "it is that of a loss and what is beside it"
    rows = "rows = [list(row[1:-1]) for row in results]"
    return [*MEANS, rows, f"return (value, {formed_text(program.form.forms[1], piece)}), gradient"]


def _example(shape: Shape, number: str) -> str:
    text = number
    for length in reversed((2, *shape)):
        text = f"[{text}] * {length}"
    return text
