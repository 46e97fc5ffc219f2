"""Generated code as code: compiled under a name of its own, and shown by tracebacks and `inspect`."""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable
from typing import Any, NamedTuple


class Source(NamedTuple):
    """The text of a program, what it speaks of, and the arrays that it is to be bound to.

    With `leaves_gaps` it writes nothing where the gradient is always 0.
    """

    text: str
    namespace: dict[str, Any]
    leaves: tuple[str, ...] = ()
    leaves_gaps: bool = False


def compiled(source: Source, name: str) -> Callable[..., Any]:
    """Return the function of that name that a source defines."""
    file = f"<lifted {name} {hashlib.sha256(source.text.encode()).hexdigest()[:12]}>"
    lines = source.text.splitlines(keepends=True)
    linecache.cache[file] = (len(source.text), None, lines, file)
    namespace = dict(source.namespace)
    exec(compile(source.text, file, "exec"), namespace)  # noqa: S102  # our own text, from names that are identifiers
    function: Callable[..., Any] = namespace[name]
    return function
