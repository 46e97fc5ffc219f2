"""Pages of the reference that are made from the library: its operations, and the help of its command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from math import isfinite, pi
from unittest import mock

import scalargrad
from scalargrad import Break, Primitive, Value, cli
from scalargrad.engine.declaration import REALS, formula, operand_names, registered
from scalargrad.exercises import exercises

_PROBES = [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5]
_WHERE = {(0.0,): "= 0", (-1.0, 0.0): "≤ 0", (0.0, 1.0): "≥ 0", (-1.0,): "< 0", (1.0,): "> 0"}


def operations() -> str:
    """Return a table of all operations, and a section for each, in Markdown."""
    public = sorted((p for p in registered() if getattr(scalargrad, p.name, None) is p), key=lambda p: p.name)
    rows = [_row(operation) for operation in public]
    head = ["operation", "is", "local gradient", "where it is not smooth"]
    return "\n\n".join(["## All operations", _table(head, rows), *map(_section, public)])


def command_line() -> str:
    """Return the help of the command, and of each of its commands, in Markdown."""
    with mock.patch.dict(os.environ, {"COLUMNS": "88", "NO_COLOR": "1"}):
        parser = cli._parser()
        commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parts = [f"```text\n{parser.format_help()}```"]
        for name, command in commands.choices.items():
            parts.append(f"## scalargrad {name}\n\n```text\n{command.format_help()}```")
        return "\n\n".join(parts)


def all_exercises() -> str:
    """Return a table of the exercises, in Markdown."""
    rows = [[str(one.chapter), f"`{one.name}`", one.title] for one in exercises()]
    return "## All exercises\n\n" + _table(["chapter of the tour", "exercise", "what it is about"], rows)


PARTS: dict[str, Callable[[], str]] = {
    "operations": operations,
    "command line": command_line,
    "exercises": all_exercises,
}


# ---------------------------------------------------------------- operations


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "&#124;") for cell in line) + " |" for line in lines)


def _row(operation: Primitive) -> list[str]:
    names = operand_names(operation)
    return [
        f"[`{operation.name}`](#scalargrad.{operation.name})",
        f"`{operation.notation.format(*names)}`",
        "<br>".join(_rules(operation)),
        "<br>".join(_breaks(operation)),
    ]


def _rules(operation: Primitive) -> list[str]:
    if operation.blocks_gradient:
        return ["none: it passes no gradient on"]
    names = operand_names(operation)
    return [f"∂out/∂{name} = `{formula(operation, place)}`" for place, name in enumerate(names)]


def _section(operation: Primitive) -> str:
    names = operand_names(operation)
    call = f"{operation.name}({', '.join(names)})"
    ways = [f"scalargrad.{call}"]
    notation = operation.notation.format(*names)
    if notation != call and not operation.name.startswith("_"):
        ways.insert(0, notation.strip("()") if operation.name != "negative" else notation)
    if hasattr(Value, operation.name):
        ways.append(f"{names[0]}.{operation.name}({', '.join(names[1:])})")
    parts = [
        f"### {operation.name} {{ #scalargrad.{operation.name} }}",
        operation.summary,
        "```python\n" + "\n".join(ways) + "\n```",
        "\n".join(f"- {rule}" for rule in _rules(operation)),
    ]
    if places := _breaks(operation):
        parts.append("Not smooth: " + "; ".join(places) + ".")
    if operation.edges:
        rows = [[_numbers(operands), f"`{value}`", _numbers(partials)] for operands, value, partials in operation.edges]
        parts.append(_table([", ".join(names), "value", "partial derivatives"], rows))
    return "\n\n".join(part for part in parts if part)


def _numbers(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"`{x}`" for x in numbers)


def _breaks(operation: Primitive) -> list[str]:
    """Where the operation is not smooth, in words: outside its domain, at its kinks and poles."""
    names = operand_names(operation)
    words = []
    for name, (low, high) in zip(names, operation.domain, strict=True):
        if not low < high:
            words.append(f"in {name}")
        elif (low, high) != REALS:
            bounds = [f"{name} ≤ {low:g}"] * isfinite(low) + [f"{name} ≥ {high:g}"] * isfinite(high)
            words.append(" or ".join(bounds))
    for kind, places in (("a kink", operation.kinks), ("a pole", operation.poles)):
        words += [f"{kind} at {_place(place, names)}" for place in places]
    return words


def _place(place: Break, names: tuple[str, ...]) -> str:
    """The places of a kink or a pole, which are given by a function, as far as trying that function shows."""
    name = names[place.operand]
    if len(names) == 1:
        return _listed(name, {place.nearest(x) for x in _PROBES})
    other = names[1 - place.operand]
    nearest = {y: {place.nearest(*_pair(x, y, place.operand)) for x in _PROBES} for y in _PROBES}
    if all(found == {y} for y, found in nearest.items()):
        return f"{name} = {other}"
    where = tuple(y for y in (-1.0, 0.0, 1.0) if any(map(isfinite, nearest[y])))
    condition = f" where {other} {_WHERE[where]}" if where in _WHERE else ""
    return _listed(name, set().union(*nearest.values())) + condition


def _pair(x: float, y: float, place: int) -> tuple[float, float]:
    return (y, x) if place else (x, y)


def _listed(name: str, places: set[float]) -> str:
    numbers = sorted((place for place in places if isfinite(place)), key=lambda place: (abs(place), place))
    shown = [_shown(number) for number in numbers[:2]]
    return f"{name} = {', '.join(shown)}" + ", …" * (len(numbers) > 1)


def _shown(number: float) -> str:
    if number and (number / pi * 2).is_integer():
        halves = round(number / pi * 2)
        return f"{'-' if halves < 0 else ''}{abs(halves) if abs(halves) > 1 else ''}π/2"
    return f"{number:g}"
