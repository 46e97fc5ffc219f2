"""Generated code: what is to be written, what has been, and how it is compiled, to be shown by tracebacks."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .arrays.program import Array
from .names import Names

_numbers = itertools.count(1)  # of what has been compiled


class Wanted(NamedTuple):
    """A function that is to be written.

    Attributes:
        function: its name.
        arguments: its arguments' names.
        results: what it returns.
        gradient: what it fills the gradient with, if it has one.
        sizes: how many numbers the parameters are, and the other leaves beside the arguments.
        names: the arrays' names.
        summary: its description in a line.
    """

    function: str
    arguments: Sequence[str]
    results: Sequence[Array | float]
    gradient: Array | float | None
    sizes: Mapping[str, int]
    names: Names
    summary: str


class Source(NamedTuple):
    """The text of a program, what it speaks of, and the arrays that it is to be bound to.

    With `leaves_gaps` it writes nothing where the gradient is always 0.
    """

    text: str
    namespace: dict[str, Any]
    leaves: tuple[str, ...] = ()
    leaves_gaps: bool = False


def docstring(text: str) -> str:
    """Return a docstring, in one line, that reads as that text whatever is in it."""
    inner = repr(text)[1:-1].replace('"', r"\"")
    return f'"""{inner}"""'


def compiled(source: Source, name: str) -> Callable[..., Any]:
    """Return the function of that name that a source defines.

    Tracebacks show its lines as long as it lives, or a frame that has run it: both hold their globals,
    and these hold the code whose end takes the lines from `linecache`.
    """
    file = f"<lifted {name} {next(_numbers)}>"
    linecache.cache[file] = (len(source.text), None, source.text.splitlines(keepends=True), file)
    code = compile(source.text, file, "exec")
    weakref.finalize(code, linecache.cache.pop, file, None).atexit = False
    namespace = {**source.namespace, "<code>": code}  # under a name that no program can have
    exec(code, namespace)  # noqa: S102  # our own text, from names that are identifiers
    function: Callable[..., Any] = namespace.pop(name)  # a function in its own globals would live until it is collected
    return function
