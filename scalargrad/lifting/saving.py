"""What a target needs to write a program as a module that runs without this library."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..engine.declaration import Primitive
from ..engine.floats import counted
from .forms import Form, Parts, Shape, formed
from .source import docstring
from .standalone import definitions

Called = Mapping[str, tuple[Primitive, Callable[..., float]]]


class Saved(NamedTuple):
    """A program that is to be saved.

    Attributes:
        name: the name of the function from which it was lifted.
        arguments: the names of its arguments.
        shapes: the shape of one example, for each argument.
        form: the form of its results.
        has_aux: whether these are a loss and something beside it.
        theta: the numbers of the parameters.
        captured: the numbers of other Values that the function reads.
        indices: for each argument, which of its numbers are indices, and into tables of what size.
        runners: what runs each of its functions, by name: "forward", "value_and_grad", or both.
        few: for functions that run in plain floats for a few examples, up to how many, and what runs them.
    """

    name: str
    arguments: Sequence[str]
    shapes: Sequence[Shape]
    form: Form
    has_aux: bool
    theta: Sequence[float]
    captured: Sequence[float]
    indices: Mapping[str, Mapping[int, int]]
    runners: Mapping[str, Any]
    few: Mapping[str, tuple[float, Any]]

    @property
    def summary(self) -> str:
        """The text at the top of the module."""
        what = "A lambda" if self.name == "<lambda>" else self.name
        return (
            f"{what} as a program with {counted(len(self.theta), 'parameter')}. It runs without scalargrad.\n\n"
            f"It has {' and '.join(f'`{name}`' for name in self.runners)}. "
            f"Run the file as a script to see how to use {'it' if len(self.runners) == 1 else 'them'}."
        )

    def documented(self, kind: str) -> list[str]:
        """The lines of the docstring of one of its functions."""
        takes = [f"    {name}: the examples, of shape {sized(shape)}." for name, shape in self._arguments]
        what = {
            "forward": "Return the results of each example.",
            "value_and_grad": "Return the mean of the result, and its gradient in the parameters.",
        }[kind]
        if kind == "value_and_grad" and self.has_aux:
            what = "Return (mean, aux), gradient: the mean of the loss, what is beside it, the gradient of the mean."
        theta = f"    theta: the parameters, {counted(len(self.theta), 'number')}."
        return [f'"""{what}', "", "Args:", *takes, theta, '"""']

    @property
    def _arguments(self) -> Iterable[tuple[str, Shape]]:
        return zip(self.arguments, self.shapes, strict=True)

    def signature(self, kind: str) -> str:
        """The first line of one of its functions."""
        return f"def {kind}({', '.join([*self.arguments, 'theta=THETA'])}):"

    def checks(self, rows: Sequence[str]) -> list[str]:
        """The lines that check the indices among the arguments, given the text for the rows of each."""
        given = zip(self.arguments, rows, strict=True)
        return [f"_check_indices({own}, {self.indices[name]}, {name!r})" for name, own in given if name in self.indices]

    def usage(self, example: Callable[[Shape, str], str]) -> list[str]:
        """The lines that show how the functions are used, given the text of two examples of a shape and a number."""
        lines = [
            f"{name} = {example(shape, '0' if name in self.indices else '0.5')}" for name, shape in self._arguments
        ]
        called = ", ".join(self.arguments)
        lines += [f'print("{kind}:", {kind}({called}))' for kind in self.runners]
        return ["", "", 'if __name__ == "__main__":', *indented(lines)]


def sized(shape: Shape) -> str:
    """Return the shape of many examples, as text."""
    return f"({', '.join(['n', *map(str, shape)])}{',' * (not shape)})"


def indented(lines: Iterable[str]) -> list[str]:
    """Return lines with four spaces in front, but for empty ones."""
    return [f"    {line}" if line else "" for line in lines]


def listed(numbers: Sequence[float], module: str = "") -> str:
    """Return numbers as the text of a list, in several lines if it is long; nan and inf are names of a module."""
    named = {"nan": f"{module}nan", "inf": f"{module}inf", "-inf": f"-{module}inf"}
    written = [named.get(repr(x), repr(x)) for x in numbers]
    text = ", ".join(written)
    if len(text) < 100:
        return f"[{text}]"
    return "[\n" + textwrap.fill(f"{text},", 116, initial_indent="    ", subsequent_indent="    ") + "\n]"


def functions_of_floats(name: str, called: Called) -> tuple[list[str], list[str]]:
    """Return the imports, and the lines of a function that returns functions of floats in a tuple."""
    if not called:
        return [], []
    needed = definitions(called)
    lines = [line for line in "\n".join(needed.lines).split("\n") if line.strip()]
    return needed.imports, ["", "", f"def {name}():", *indented([*lines, f"return {', '.join(called)},"])]


def formed_text(form: Form, piece: Callable[[int, Shape], str]) -> str:
    """Return the expression that gives results their form, of the expressions for arrays of them."""
    if isinstance(form, Parts):
        return _of_parts(formed(form, piece), form)
    return piece(0, form)


def _of_parts(made: Any, form: Form) -> str:
    if not isinstance(form, Parts):
        return str(made)
    entries = list(made.values()) if form.keys is not None else list(made)
    texts = [_of_parts(entry, part) for entry, part in zip(entries, form.forms, strict=True)]
    if form.keys is not None:
        return "{" + ", ".join(f"{key!r}: {text}" for key, text in zip(form.keys, texts, strict=True)) + "}"
    return f"({', '.join(texts)}{',' * (len(texts) == 1)})"


def whole(saved: Saved, imports: Iterable[str], lines: Iterable[str]) -> str:
    """Return the text of the module."""
    head = [f'"""{docstring_text(saved.summary)}"""', ""]
    others = {line for line in imports if re.match("(import|from) (numpy|scipy)", line)}
    groups = [_sorted_imports(own) for own in (set(imports) - others, others) if own]
    return "\n".join([*head, *"\n\n".join(groups).split("\n"), "", *lines]) + "\n"


def _sorted_imports(lines: Iterable[str]) -> str:
    """The lines that import, one for each module and form."""
    names: dict[str, set[str]] = {}
    for line in lines:
        start, _, listed = line.rpartition("import ")
        names.setdefault(f"{start}import ", set()).update(listed.split(", "))
    modules = [f"import {name}" for name in sorted(names.pop("import ", ()))]
    return "\n".join([*modules, *sorted(f"{start}{', '.join(sorted(own))}" for start, own in names.items())])


def docstring_text(text: str) -> str:
    """Return text as it stands in a docstring of several lines."""
    return "\n".join(docstring(line)[3:-3] if line else "" for line in text.splitlines()) + "\n"
