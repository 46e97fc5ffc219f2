"""Render a graph in the DOT language on any machine.

Graphviz comes from pygraphviz, whose wheels contain it; without pygraphviz, a `dot` program is used.
The extra comes first because it fixes one version of Graphviz, while every machine has another `dot`:
so the same graph gives the same picture everywhere. Dates and the version's name are removed, so that
it gives the same bytes too.

Both run in a separate process. Graphviz writes its messages to file descriptor 2 and keeps its state in
global variables: in this process its messages would mix with those of other threads, and only one
thread could render at a time.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Container
from contextlib import suppress
from html import escape
from importlib.util import find_spec
from math import sqrt
from typing import Any, NamedTuple

import graphviz

from ...engine.floats import number
from ...extras import how_to_install
from ...files import completed, write_whole

COMMON = ("svg", "png", "pdf", "dot", "gv")
SUFFIXES = (*COMMON, "jpg", "jpeg", "gif", "ps", "eps", "json", "webp")  # offered where Graphviz can render them
BITMAPS = {"png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff"}  # made of pixels
SCREEN = 96  # pixels per inch in CSS, whatever a screen has
POINTS = 72  # per inch
SHARP = 2 * SCREEN  # pixels per inch by default: sharp on screens with twice the pixels, and in print
MOST_PIXELS = 4_000_000  # in a notebook's PNG, which is shown no wider than its cell
LONGEST_SIDE = 32_767  # pixels that Graphviz can give a picture
MISSING = (
    f"to render a drawing, install the extra draw, which brings Graphviz ({how_to_install('draw')}), "
    "or the dot program (the system package graphviz: apt install graphviz, brew install graphviz); "
    "the drawing's .source is its text in the DOT language"
)
NOT_IMPORTED = 90  # the status of the process in which pygraphviz cannot be imported
OF_THE_MACHINE = "Fontconfig warning"  # begins messages about the machine's own files


class _Finished(NamedTuple):
    """What a process has written, and its status."""

    stdout: bytes
    stderr: str
    returncode: int


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz is published without types
    """A directed graph that renders itself: notebooks show it, `render` and `save` write it, `pipe` returns it.

    Attributes:
        source: the graph in the DOT language.
        format: the format that `render` and `pipe` use if they are not given one.
        dpi: the pixels per inch of a PNG or another picture made of pixels. None stands for 192, twice as many as a
            screen's 96; a notebook stores fewer where 192 would make more than 4 million pixels.
        titles: the text that the SVG shows where a pointer rests on an element, by the element's id.
        gradients: the elements of which the last line of text is a gradient; in the SVG its class is `gradient`.
        contents: what is drawn, in words, such as "7 values"; empty where nobody has said it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"format": "svg", "filename": "drawing", **options})
        self.dpi: float | None = None
        self.titles: dict[str, str] = {}
        self.gradients: set[str] = set()
        self.contents = ""

    def pipe(
        self,
        format: str | None = None,  # noqa: A002  # graphviz's name for it
        *,
        engine: str | None = None,
        encoding: str | None = None,
        dpi: float | None = None,
    ) -> Any:
        """Return the picture as bytes; with an encoding, as text.

        What Graphviz says of a picture that it has rendered goes to the error stream.

        Args:
            format: such as "svg" or "png"; the drawing's own by default.
            engine: Graphviz's program for the layout; the drawing's own by default.
            encoding: such as "utf-8", to get text in place of bytes.
            dpi: the pixels per inch of a picture made of pixels, such as PNG; the drawing's own by default.

        Raises:
            ImportError: when there is neither pygraphviz nor a `dot` program.
            TypeError: when the pixels per inch are not a number.
            ValueError: when there is no picture, as for a format or an engine that Graphviz does not know; for pixels
                per inch that are not positive, or of a picture that is not made of pixels.
        """
        kind = format or self.format
        resolution = self._resolution(kind, dpi)
        if kind in {"dot", "gv"}:
            picture = self.source.encode()
        else:
            picture = _same_bytes(kind, _rendered(self.source, kind, engine or self.engine, resolution))
        if kind == "svg":
            picture = _with_titles(picture.decode(), self.titles, self.gradients).encode()
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
        dpi: float | None = None,
    ) -> str:
        """Write the picture to a file, whole or not at all, and return the path.

        The suffix of the path says which format, as in `neuron.png`. If the suffix is missing, or is not
        that of the given format, it is added.

        >>> from scalargrad import Value, draw
        >>> draw(Value(2.0) * 3).render("product.png", dpi=300)  # doctest: +SKIP
        'product.png'

        Raises:
            ImportError: when there is neither pygraphviz nor a `dot` program.
            TypeError: when the pixels per inch are not a number.
            ValueError: when no format is given and the installed Graphviz cannot render that of the path, or
                when there is no picture, as for `pipe`.
            OSError: when the file cannot be written.
        """
        path = os.fspath(self.filename if filename is None else filename)
        if directory is not None:
            path = os.path.join(directory, path)
        if format is None:
            path = self._completed(path)
        suffix = os.path.splitext(path)[1][1:].lower()
        kind = format or suffix
        if suffix != kind:
            path = f"{path}.{kind}"
        write_whole(path, self.pipe(kind, engine=engine, dpi=dpi))
        if view:
            self._view(path, format=kind, quiet=False)
        return path

    def _resolution(self, kind: str, dpi: float | None) -> float | None:
        """The pixels per inch of a picture of this kind; None where it has no pixels."""
        if kind.partition(":")[0] not in BITMAPS:
            if dpi is not None:
                raise ValueError(f"dpi is for pictures made of pixels, such as png, got {dpi!r} for the format {kind}")
            return None
        chosen = next(given for given in (dpi, self.dpi, SHARP) if given is not None)
        pixels = number(chosen, "dpi", bools=False)
        if not 0 < pixels < float("inf"):
            raise ValueError(f"dpi must be a positive number of pixels per inch, got {chosen!r}")
        return pixels

    def _completed(self, path: str) -> str:
        """The path with a suffix; in an error, only those of the formats that can be rendered."""
        try:
            return completed(path, (self.format, *COMMON), "a drawing")
        except ValueError:  # only now is it worth a process to ask which others there are
            known = _formats()
            return completed(path, (self.format, *(suffix for suffix in SUFFIXES if suffix in known)), "a drawing")

    def view(self, filename: str | os.PathLike[str] | None = None, **options: Any) -> str:
        """Write the picture as `render` does and open it with the system's viewer."""
        return self.render(filename, view=True, **options)

    def save(
        self, filename: str | os.PathLike[str] | None = None, directory: str | os.PathLike[str] | None = None
    ) -> str:
        """Write the picture as `render` does; graphviz's own `save` writes text, whatever the suffix says."""
        return self.render(filename, directory)

    def fragment(self) -> str:
        """Return the SVG as an element to put into a page of HTML."""
        picture: str = self.pipe("svg", encoding="utf-8")
        return picture[picture.index("<svg") :]

    def finished(self, svg: str) -> str:
        """Return what another Graphviz made of the `source`, with this drawing's titles, as an element for a page."""
        picture = _with_titles(_same_bytes("svg", svg.encode()).decode(), self.titles, self.gradients)
        return picture[picture.index("<svg") :]

    def _repr_html_(self) -> str:
        try:
            return _image(self.pipe("svg"))
        except (ImportError, ValueError) as error:
            return f"<p>{escape(self._not_shown(error))}</p>"

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None, **_: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The picture for every kind of notebook: SVG as an image in HTML, and PNG for those that show no HTML.

        There is no SVG by itself. An untrusted notebook does not show it, others show it wider than the cell, and
        nbconvert makes no PDF of it without Inkscape.
        """
        del include, exclude  # IPython picks from what there is
        try:
            picture = self.pipe("svg")
        except (ImportError, ValueError) as error:  # a notebook shows what to do, not a traceback
            line = self._not_shown(error)
            return {"text/plain": line, "text/html": f"<p>{escape(line)}</p>"}, {}
        shown = {"text/plain": repr(self), "text/html": _image(picture)}
        width, height = (round(length * SCREEN / POINTS) for length in _size(picture))
        try:
            shown["image/png"] = self.pipe("png", dpi=self.dpi or _affordable(width, height))
        except ValueError:  # a Graphviz that can do no PNG: the image in HTML is enough
            return shown, {}
        return shown, {"image/png": {"width": width, "height": height, "needs_background": "light"}}

    def _not_shown(self, error: Exception) -> str:
        return f"{self!r}: {error}"

    def __repr__(self) -> str:
        of_what = f" of {self.contents}" if self.contents else ""
        return f'<drawing{of_what}: .render("{self.filename}.{self.format}") saves it, .view() opens it>'

    def __str__(self) -> str:
        return repr(self)  # the text in the DOT language is .source


# ---------------------------------------------------------------- Graphviz

_WITH_PYGRAPHVIZ = f"""
import sys
kind, engine, dpi, *sys.path = sys.argv[1:]
try:
    from pygraphviz import graphviz
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit({NOT_IMPORTED})
context = graphviz.gvContextWithBuiltins()
try:
    graph = graphviz.agread(sys.stdin.buffer, None)
except ValueError:  # Graphviz has said what is wrong with the source
    sys.exit(1)
if dpi:
    graphviz.agattr_label(graph, graphviz.AGRAPH, b"dpi", dpi.encode())
if graphviz.gvLayout(context, graph, engine.encode()) == 0:
    rendered = graphviz.gvRenderData(context, graph, kind.encode())
    if isinstance(rendered, list):
        sys.stdout.buffer.write(rendered[1])
"""


def _rendered(source: str, kind: str, engine: str, dpi: float | None = None) -> bytes:
    """The picture; what Graphviz says of it goes to the error stream, or, where there is no picture, into the error."""
    finished = _graphviz(source, kind, engine, dpi)
    messages = [line for line in finished.stderr.splitlines() if not line.startswith(OF_THE_MACHINE)]
    if not finished.stdout or finished.returncode < 0:
        raise ValueError(f"Graphviz cannot render this as {kind}: {' '.join(messages)}")
    if messages and sys.stderr is not None:
        with suppress(OSError, ValueError):  # a stream that is full or closed: the picture is there all the same
            print(*messages, sep="\n", file=sys.stderr)
    return finished.stdout


def _graphviz(source: str, kind: str, engine: str, dpi: float | None = None) -> _Finished:
    """Run Graphviz: that of pygraphviz or, where there is none, the dot program."""
    reason = "there is no such module"
    resolution = "" if dpi is None else f"{dpi:f}"
    is_python = sys.executable and not getattr(sys, "frozen", False)
    if is_python and find_spec("pygraphviz") is not None:
        command = [sys.executable, "-I", "-S", "-c", _WITH_PYGRAPHVIZ, kind, engine, resolution, *map(str, sys.path)]
        finished = _run(command, source)
        if finished.returncode != NOT_IMPORTED:
            return finished
        reason = finished.stderr.strip()
    program = shutil.which("dot")
    if program is None:
        raise ImportError(f"{MISSING} (pygraphviz: {reason})")
    options = [f"-Gdpi={resolution}"] if resolution else []
    return _run([program, f"-K{engine}", f"-T{kind}", *options], source)


def _run(command: list[str], source: str) -> _Finished:
    finished = subprocess.run(command, input=source.encode(), capture_output=True, check=False)  # noqa: S603  # no shell
    return _Finished(finished.stdout, finished.stderr.decode(errors="replace"), finished.returncode)


def _formats() -> set[str]:
    """The formats that the installed Graphviz can render: it lists them in its error for an unknown format."""
    said = _graphviz("digraph {}", "?", "dot").stderr
    return {"dot", "gv", *said.partition("Use one of:")[2].split()}


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


def _with_titles(picture: str, titles: dict[str, str], gradients: Container[str]) -> str:
    """Give each element its title, and the text of a gradient the class of that name."""

    def with_title(element: re.Match[str]) -> str:
        start, name, inside = element.groups()
        if name in gradients:
            before, _, last = inside.rpartition("<text ")
            inside = f'{before}<text class="gradient" {last}'
        return f"{start}<title>{escape(titles[name], quote=False)}</title>{inside}" if name in titles else element[0]

    return _ELEMENT.sub(with_title, picture)


# ---------------------------------------------------------------- in a notebook

_LENGTH = re.compile(rb'\b(?:width|height)="([\d.]+)pt"')


def _size(picture: bytes) -> list[float]:
    """The width and the height of an SVG of Graphviz's, in points."""
    return [float(length) for length in _LENGTH.findall(picture)[:2]]


def _image(picture: bytes) -> str:
    """An SVG as an image in HTML: as large as it is, but no wider than what is around it; white in a dark notebook."""
    from base64 import b64encode

    width = round(_size(picture)[0] * SCREEN / POINTS)
    style = "max-width:100%;height:auto;background-color:#ffffff"
    data = b64encode(picture).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="drawing" width="{width}" style="{style}">'


def _affordable(width: int, height: int) -> float:
    """The pixels per inch of a notebook's PNG of a picture that is so large on a screen."""
    scales = SHARP / SCREEN, sqrt(MOST_PIXELS / (width * height)), LONGEST_SIDE / max(width, height)
    return SCREEN * min(scales)
