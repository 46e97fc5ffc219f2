"""A graph in the DOT language that becomes a picture on any machine.

Graphviz is run in process, through pygraphviz, whose wheels carry it; a `dot` program is used where
there is no pygraphviz. In this order, because the extra fixes one version of Graphviz for everybody,
while `dot` is whatever a machine happens to have: so the same graph gives the same picture
everywhere. What still differs from run to run, a date, and from version to version, a name in a
comment, is taken out: the same graph gives the same bytes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from html import escape
from threading import Lock
from typing import Any

import graphviz

from ...files import completed, write_whole

SUFFIXES = ("svg", "png", "pdf", "dot", "gv", "jpg", "jpeg", "gif", "ps", "eps", "json", "webp")
MISSING = (
    "to render a drawing, install the extra draw, with Graphviz in it (pip install 'scalargrad-engine[draw]'), "
    "or the dot program (the system package graphviz: apt install graphviz, brew install graphviz); "
    "the drawing's .source is its text in the DOT language"
)
_one_at_a_time = Lock()  # Graphviz keeps its state in global variables


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz is published without types
    """A directed graph that renders itself: shown by notebooks, written by `render`, handed over by `pipe`.

    Attributes:
        source: the graph in the DOT language.
        format: that of `render` and `pipe` where none is asked for.
        titles: what a pointer resting on an element of the SVG is told, by the element's id.
        gradients: the elements of which the last line of text is a gradient; in the SVG its class is `gradient`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"format": "svg", "filename": "drawing", **options})
        self.titles: dict[str, str] = {}
        self.gradients: set[str] = set()

    def pipe(
        self,
        format: str | None = None,  # noqa: A002  # graphviz's name for it
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """Return the picture as bytes; with an encoding, as text.

        Raises:
            ImportError: when there is neither pygraphviz nor a `dot` program.
            ValueError: when Graphviz does not know the format or the engine.
        """
        kind = format or self.format
        if kind in {"dot", "gv"}:
            picture = self.source.encode()
        else:
            picture = _same_bytes(kind, _rendered(self.source, kind, engine or self.engine))
        if kind == "svg":
            picture = _told(picture.decode(), self.titles, self.gradients).encode()
        return picture if encoding is None else picture.decode(encoding)

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,  # noqa: ARG002  # graphviz's callers say it; here only the picture is written
        format: str | None = None,  # noqa: A002  # graphviz's name for it
        *,
        engine: str | None = None,
    ) -> str:
        """Write the picture to a file, whole or not at all, and return the path.

        The format is that of the path, such as `neuron.png`; a path without one, or without the
        format asked for, has it added.

        Raises:
            ImportError: when there is neither pygraphviz nor a `dot` program.
            ValueError: when the path ends in what is no format of pictures and none is asked for, or
                when Graphviz does not know the format or the engine.
            OSError: when the file cannot be written.
        """
        path = os.fspath(self.filename if filename is None else filename)
        if directory is not None:
            path = os.path.join(directory, path)
        if format is None:
            path = completed(path, (self.format, *SUFFIXES), "a drawing")
        suffix = os.path.splitext(path)[1][1:].lower()
        kind = format or suffix
        if suffix != kind:
            path = f"{path}.{kind}"
        write_whole(path, self.pipe(kind, engine=engine))
        if view:
            self._view(path, format=kind, quiet=False)
        return path

    def view(self, filename: str | os.PathLike[str] | None = None, **options: Any) -> str:
        """Write the picture as `render` does and open it with the system's viewer."""
        return self.render(filename, view=True, **options)

    def fragment(self) -> str:
        """Return the SVG as an element to put into a page of HTML."""
        picture: str = self.pipe("svg", encoding="utf-8")
        return picture[picture.index("<svg") :]

    def _repr_svg_(self) -> str:
        picture: str = self.pipe("svg", encoding="utf-8")
        return picture

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, Any]:
        try:
            shown: dict[str, Any] = super()._repr_mimebundle_(include, exclude, **options)
        except ImportError as missing:  # a notebook shows what to do, not a traceback
            return {"text/plain": f"{self!r}: {missing}"}
        return shown

    def __repr__(self) -> str:
        return f"<drawing of {len(self.titles)} elements>"


# ---------------------------------------------------------------- Graphviz


def _rendered(source: str, kind: str, engine: str) -> bytes:
    try:
        from pygraphviz import graphviz as library
    except ImportError as missing:
        program = shutil.which("dot")
        if program is None:
            raise ImportError(f"{MISSING} (pygraphviz: {missing})") from None
        return _by_program(program, source, kind, engine)
    return _in_process(library, source, kind, engine)


def _by_program(program: str, source: str, kind: str, engine: str) -> bytes:
    command = [program, f"-K{engine}", f"-T{kind}"]
    finished = subprocess.run(command, input=source.encode(), capture_output=True, check=False)  # noqa: S603  # no shell
    _complain(finished.stderr.decode(errors="replace").splitlines(), kind, failed=finished.returncode != 0)
    return finished.stdout


def _in_process(library: Any, source: str, kind: str, engine: str) -> bytes:
    picture = b""
    with _one_at_a_time, _messages() as messages, tempfile.TemporaryFile() as file:
        file.write(source.encode())
        file.seek(0)
        with suppress(ValueError):  # the messages say what is wrong with the source
            graph = library.agread(file, None)
            context = library.gvContextWithBuiltins()
            if library.gvLayout(context, graph, engine.encode()) == 0:
                rendered = library.gvRenderData(context, graph, kind.encode())
                picture = rendered[1] if isinstance(rendered, list) else b""
                library.gvFreeLayout(context, graph)
            library.agclose(graph)
            library.gvFreeContext(context)
    _complain(messages, kind, failed=not picture)
    return picture


def _complain(messages: list[str], kind: str, failed: bool) -> None:
    """Raise what Graphviz has called an error; hand on to the error stream what else has been said."""
    messages = [line for line in messages if not line.startswith("Fontconfig warning")]  # of the machine's own files
    if failed or any(line.startswith("Error") for line in messages):
        raise ValueError(f"Graphviz cannot render this as {kind}: {' '.join(messages)}")
    for line in messages:
        print(line, file=sys.stderr)


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Gather the lines that C code, or anyone, writes to the process's error stream meanwhile."""
    lines: list[str] = []
    try:
        stream = os.dup(2)
    except OSError:  # it is closed
        yield lines
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            file.seek(0)
            lines += file.read().decode(errors="replace").splitlines()


# ---------------------------------------------------------------- the same bytes everywhere, and what they tell

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_DATE = re.compile(rb"(?<=/CreationDate \(D:)\d{14}")
_ELEMENT = re.compile(
    r'(<g id="([^"]*)" class="(?:node|edge|cluster)[^"]*">\n)<title>[^<]*</title>(.*?)(?=</g>)', re.DOTALL
)


def _same_bytes(kind: str, picture: bytes) -> bytes:
    if kind == "svg":
        return _COMMENT.sub("", picture.decode()).encode()
    return _DATE.sub(b"19700101000000", picture) if kind == "pdf" else picture


def _told(picture: str, titles: dict[str, str], gradients: Container[str]) -> str:
    """Give each element its title, and the text of a gradient the class of that name."""

    def told(found: re.Match[str]) -> str:
        start, name, inside = found.groups()
        if name in gradients:
            before, _, last = inside.rpartition("<text ")
            inside = f'{before}<text class="gradient" {last}'
        return f"{start}<title>{escape(titles[name], quote=False)}</title>{inside}" if name in titles else found[0]

    return _ELEMENT.sub(told, picture)
