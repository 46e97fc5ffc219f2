"""Generated code: what a target writes, what it has written, and how that is compiled so that tracebacks show it."""

from __future__ import annotations

import itertools
import linecache
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..engine.declaration import Primitive
from .arrays.program import Array
from .forms import Shape
from .leaves import THETA
from .names import Names

SMALL = 16  # numbers of a table that are written in the text
_serial = itertools.count(1)  # of compiled sources


class Wanted(NamedTuple):
    """A function that a target is to write.

    Attributes:
        function: its name.
        arguments: the names of its arguments.
        results: what it returns: numbers, or one array, whose numbers are results side by side.
        gradient: the numbers that it computes for the parameters, if any: the gradient, or the Hessian of the
            mean times a vector.
        sizes: for each leaf that is not an argument, how many numbers it has; for "gradient", how many that has, if
            not one for each parameter.
        names: the names of the arrays.
        summary: its description, in one line.
        shapes: the shape of one example, for each argument.
    """

    function: str
    arguments: Sequence[str]
    results: Sequence[Array | float]
    gradient: Array | float | None
    sizes: Mapping[str, int]
    names: Names
    summary: str
    shapes: Sequence[Shape] = ()

    @property
    def gradient_size(self) -> int:
        """How many numbers the gradient has."""
        return self.sizes.get("gradient", self.sizes[THETA])


class Pieces(NamedTuple):
    """The text of a program in pieces, from which a module for a file is put together.

    Attributes:
        imports: lines that import what it uses.
        bound: lines that are run once for each size of batch.
        run: lines that are run for each batch, or for each example.
        returned: the expression that is returned.
        called: operations that are called by a name, and the functions of floats that compute them.
    """

    imports: Sequence[str]
    bound: Sequence[str]
    run: Sequence[str]
    returned: str
    called: Mapping[str, tuple[Primitive, Callable[..., float]]]


class Source(NamedTuple):
    """The text of a program, and what is needed to run it.

    Attributes:
        text: the code of a module.
        namespace: the tables and functions that it uses, by name.
        leaves: the names of the arrays that it reads beside its arguments, such as the parameters.
        leaves_gaps: whether it writes nothing where the gradient is always 0.
        pieces: its text in pieces, if it can be saved in a file.
    """

    text: str
    namespace: dict[str, Any]
    leaves: tuple[str, ...] = ()
    leaves_gaps: bool = False
    pieces: Pieces | None = None


def docstring(text: str) -> str:
    """Return the code of a docstring in one line, for any text."""
    inner = repr(text)[1:-1].replace('"', r"\"")
    return f'"""{inner}"""'


def tables_as_text(namespace: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what a text says about arrays that are given to it: the lines that make small ones, and names of others.

    Behind each name of a large table stands its shape. What is no array is a function, applied number by number.
    """
    lines, given = [], []
    for name, table in namespace.items():
        if not hasattr(table, "dtype"):
            given.append(f"the function {name}")
        elif table.size > SMALL:
            given.append(f"{name} of shape {table.shape}")
        else:
            numbers = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(table.tolist()))
            dtype = f", np.{table.dtype}" if table.dtype.name in ("float16", "float32") else ""
            lines.append(f"{name} = np.array({numbers}{dtype})")
    return lines, given


class Code:
    """A source as Python has compiled it, which defines a function as often as it is run.

    Tracebacks show its lines as long as one of the functions lives, or a frame that has run it. Both hold their
    globals, and these hold the code object. When that is freed, `linecache` drops the lines.
    """

    def __init__(self, source: Source, name: str) -> None:
        self._namespace, self._name = source.namespace, name
        file = f"<lifted {name} {next(_serial)}>"
        linecache.cache[file] = (len(source.text), None, source.text.splitlines(keepends=True), file)
        self._code = compile(source.text, file, "exec")
        weakref.finalize(self._code, linecache.cache.pop, file, None).atexit = False

    def function(self, given: Mapping[str, Any]) -> Callable[..., Any]:
        """Run the code in a new namespace, which has the given objects, and return the function that it defines."""
        namespace = {**self._namespace, **given, "<code>": self._code}  # under a name that no program can use
        exec(self._code, namespace)  # noqa: S102  # text that this package writes, with names that are identifiers
        function: Callable[..., Any] = namespace.pop(self._name)  # left in its globals it would be a reference cycle
        return function


def compiled(source: Source, name: str) -> Callable[..., Any]:
    """Return the function of that name that a source defines."""
    return Code(source, name).function({})
