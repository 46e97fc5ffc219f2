"""The text of a numpy program in the making."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ..names import Names
from ..source import docstring, tables_as_text
from .groups import Shape
from .layout import transposition


class Section(Enum):
    """What is bound once for each size of batch, with the comment that stands above it."""

    BATCH = ""
    GIVEN = "# views of given arrays"
    BUFFERS = "# buffers; one that is free again gets a second name"
    VIEWS = "# views of buffers"
    MEETING = "# places of numbers that are added up, for each example"
    GRADIENT = "# parts of the gradient"


class Text:
    """The lines of a program, and what they speak of.

    Attributes:
        names: the names of what is computed.
        dtype: the precision of its numbers.
        dtype_argument: the argument that tells np.empty of it.
        in_rows: whether one example lies after another in memory, as in arguments.
        has_gradient: whether it computes a gradient, into an array that is given.
        leaves: the names of the arrays that it is bound to, beside the arguments, such as the parameters.
        namespace: tables and functions, by name.
        run: the lines that run for each batch.
        imports: the lines that import what it uses.
    """

    def __init__(self, names: Names, dtype: str, *, in_rows: bool, has_gradient: bool) -> None:
        self.names = names
        self.dtype = dtype
        self.dtype_argument = "" if dtype == "float64" else f", np.{dtype}"
        self.in_rows = in_rows
        self.has_gradient = has_gradient
        self.leaves: list[str] = []
        self.namespace: dict[str, Any] = {}
        self.run: list[str] = []
        self.imports = {"import numpy as np"}
        self._bound: dict[Section, list[str]] = {section: [] for section in Section}

    def bind(self, name: str, text: str, section: Section) -> str:
        """Bind a name once for each size of batch, and return it."""
        self._bound[Section.BUFFERS if text.isidentifier() else section].append(f"{name} = {text}")
        return name

    def bind_unused(self, stem: str, text: str, section: Section) -> str:
        """Bind a name like that which nothing has yet, and return it."""
        return self.bind(self.names.unused(stem), text, section)

    def bind_buffer(self, name: str, shape: Shape, number: str | None = None) -> str:
        """Bind a name to a new buffer of that shape, in which that number stands from the start."""
        return self.bind(name, self.new(shape, number), Section.BUFFERS)

    def new(self, shape: Shape, number: str | None = None, dtype_argument: str | None = None) -> str:
        """Return the expression for a new array of that shape, in which that number stands.

        Examples are in its last axis. Where it lies in rows, that is a view of an array with examples in the first.
        """
        made = {None: "empty", "0.0": "zeros", "1.0": "ones"}.get(number, "full")
        turned = ""
        if self.in_rows and len(shape) > 1 and shape[-1] == "B":
            shape = shape[-1:] + shape[:-1]
            turned = transposition([*range(1, len(shape)), 0])
        extents = f"{', '.join(shape)}{',' if len(shape) == 1 else ''}"
        dtype_argument = self.dtype_argument if dtype_argument is None else dtype_argument
        filling = f", {number}" if made == "full" else ""
        return f"np.{made}(({extents}){filling}{dtype_argument}){turned}"

    def whole(self, summary: str, function: str, arguments: str, remark: str, returned: str) -> str:
        """Return the text of a module that defines the program for a size of batch, with a remark on its arguments.

        What is bound once is global there. Python takes much longer to compile a function with thousands of
        variables of a function around it.
        """
        tables, given = tables_as_text(self.namespace)
        given = [*self.leaves, *(["gradient"] if self.has_gradient else []), *given]
        lines = [
            docstring(summary),
            "",
            *self.sorted_imports(),
            "",
            f"# given: {', '.join(given)}{', and ' if given else ''}B, the number of examples",
            *tables,
            *self.bindings(),
            "",
            "",
            f"def {function}({arguments}):",
            *([f"    # {remark}", ""] if remark else []),
            *(f"    {line}" if line else "" for line in self.run),
            f"    return {returned}",
            "",
        ]
        return "\n".join(lines)

    def sorted_imports(self) -> list[str]:
        """Return the lines that import what it uses, that of numpy first."""
        return sorted(self.imports, reverse=True)

    def bindings(self) -> list[str]:
        """Return the lines that bind names once for each size of batch, with a comment above each kind."""
        lines: list[str] = []
        for section, bound in self._bound.items():
            if bound:
                lines += [
                    *([""] if lines or section.value else []),
                    *([section.value] if section.value else []),
                    *bound,
                ]
        return lines
