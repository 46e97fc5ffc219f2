"""Directives: comments on lines of their own that stand for something the page's code makes.

    <!-- draw: o -->                   a picture of the graph of o, as draw(o) makes it
    <!-- page: o, at=7 -->             the page to step through it, at its step 7
    <!-- quiz: o -->                   the quiz on it
    <!-- exercise: rule-of-tanh -->    an exercise, by its name
    <!-- figure: history.plot() -->    anything that shows itself as a picture or as HTML
    <!-- table: ledger(o) -->          anything that prints
    <!-- reference: operations -->     a part of the reference that is made from the library; the last line of its page

What stands after the colon is Python, with the names that the page's examples have made up to that line.
"""

from __future__ import annotations

import doctest
import html
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scalargrad

from . import reference
from .errors import Problem
from .pages import is_code

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE  # as in pyproject.toml
_COMMENT = re.compile(r"^ *<!--\s*(?P<kind>[\w-]+):\s*(?P<source>.*?)\s*-->\s*$")


@dataclass(frozen=True)
class Directive:
    """A directive of a page: its line, from 0, its kind, and the Python after the colon."""

    line: int
    kind: str
    source: str

    @property
    def subject(self) -> str:
        """What it is about: the first argument."""
        return self.source.partition(",")[0].strip()


def directives(text: str) -> Iterator[Directive]:
    r"""Yield the directives of a page.

    >>> list(directives("Text\n<!-- page: o, at=7 -->"))
    [Directive(line=1, kind='page', source='o, at=7')]
    """
    lines = text.splitlines()
    for number, (line, code) in enumerate(zip(lines, is_code(lines), strict=True)):
        if not code and (match := _COMMENT.match(line)):
            yield Directive(number, match["kind"], match["source"])


# ---------------------------------------------------------------- what each kind shows


class Maker:
    """Makes what directives show, as one line of HTML each, and the files beside the page that this line refers to."""

    def __init__(self, page: Path, names: dict[str, Any]) -> None:
        self.page = page
        self.names = names
        self.count = 0

    def draw(self, directive: Directive) -> str:
        """A picture."""
        drawing = self._called(directive)
        return self._picture(drawing.pipe(format="svg"), ".svg", f"the graph of {directive.subject}")

    def page_to_step(self, directive: Directive) -> str:
        """The backward pass in a frame."""
        return self._frame(self._called(directive), f"the backward pass of {directive.subject}, step by step")

    def quiz(self, directive: Directive) -> str:
        """The quiz in a frame."""
        return self._frame(self._called(directive), f"quiz: the backward pass of {directive.subject}")

    def exercise(self, directive: Directive) -> str:
        """An exercise as it shows itself."""
        exercise = getattr(scalargrad, directive.kind)(directive.source)
        return f'<div class="exercise">{_line(exercise._repr_html_())}</div>'

    def figure(self, directive: Directive) -> str:
        """A figure of matplotlib, or whatever shows itself as one."""
        shown = self._evaluated(directive.source)
        if hasattr(shown, "savefig"):
            return self._picture(_saved(shown), ".svg", directive.source)
        for method, suffix in (("_repr_svg_", ".svg"), ("_repr_png_", ".png")):
            if (data := getattr(shown, method, lambda: None)()) is not None:
                return self._picture(data if isinstance(data, bytes) else data.encode(), suffix, directive.source)
        if (data := getattr(shown, "_repr_html_", lambda: None)()) is not None:
            return f'<div class="output">{_line(data)}</div>'
        raise TypeError(f"{directive.source} is a {type(shown).__name__}, which shows itself as no picture and no HTML")

    def table(self, directive: Directive) -> str:
        """Text."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            self._evaluated(f"print({directive.source})")
        return f'<pre class="output"><code>{_line(html.escape(printed.getvalue().rstrip()))}</code></pre>'

    def reference(self, directive: Directive) -> str:
        """Markdown of many lines."""
        return reference.PARTS[directive.source]()

    def _evaluated(self, source: str, **functions: Callable[..., Any]) -> Any:
        return eval(source, {**self.names, **functions})  # noqa: S307  # the page's own code, as its examples are

    def _called(self, directive: Directive) -> Any:
        """What the function that the directive is named for returns, with Values called by the page's variables."""
        function = getattr(scalargrad, directive.kind)

        def named(value: Any, **options: Any) -> Any:
            if not isinstance(value, scalargrad.Steps):
                options.setdefault("names", self.names)
            return function(value, **options)

        return self._evaluated(f"{directive.kind}({directive.source})", **{directive.kind: named})

    def _written(self, data: bytes, suffix: str) -> str:
        self.count += 1
        path = self.page.with_suffix(f".{self.count}{suffix}")
        path.write_bytes(data)
        return path.name

    def _picture(self, data: bytes, suffix: str, alternative: str) -> str:
        name = self._written(data, suffix)
        return f'<figure><img class="picture" src="{name}" alt="{html.escape(alternative)}"></figure>'

    def _frame(self, page: object, name: str) -> str:
        text = str(page)
        file = self._written(text.encode(), ".html")
        return (
            f'<figure class="frame" style="--printed: {_printed_height(text)}px">'
            f'<iframe src="{file}" title="{html.escape(name)}" loading="lazy"></iframe>'
            f'<figcaption><a href="{file}">open it on its own</a></figcaption></figure>'
        )


def _printed_height(page: str) -> int:
    """How many pixels a page needs on paper: its heading, its graph as wide as the paper, and a line for each step."""
    graph = re.search(r'<svg[^>]* viewBox="0.00 0.00 ([\d.]+) ([\d.]+)"', page)
    wide, high = map(float, graph.groups()) if graph else (1.0, 0.0)
    return round(110 + 640 * high / wide + 22 * page.count("<tr"))


KINDS: dict[str, Callable[[Maker, Directive], str]] = {
    "draw": Maker.draw,
    "page": Maker.page_to_step,
    "quiz": Maker.quiz,
    "exercise": Maker.exercise,
    "figure": Maker.figure,
    "table": Maker.table,
    "reference": Maker.reference,
}


def _line(text: str) -> str:
    """HTML on one line. A line break becomes a reference, which is the same in a block of code."""
    return text.replace("\n", "&#10;")


def _saved(figure: Any) -> bytes:
    """A matplotlib figure as SVG, the same on each build."""
    from matplotlib import pyplot, rc_context

    data = io.BytesIO()
    figure = getattr(figure, "figure", figure)  # of axes
    with rc_context({"svg.hashsalt": "scalargrad"}):
        figure.savefig(data, format="svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)
    return data.getvalue()


# ---------------------------------------------------------------- the page


def filled(text: str, path: str, target: Path, problems: list[Problem]) -> str:
    """Return a page with its directives filled in, and with as many lines as before.

    The page's examples are run in order, in one namespace, and each must print what the page says.

    Args:
        text: of the page, in Markdown.
        path: what the page is called in problems.
        target: where the page will be written; files that the directives make are written beside it.
        problems: to which the first example or directive that fails is added. Nothing is run after it.
    """
    places = list(directives(text))
    if not places:
        return text
    lines = text.split("\n")
    try:
        examples = doctest.DocTestParser().get_examples(text, path)
    except ValueError as error:  # which says "line 3 of the docstring for PATH lacks blank after >>>"
        number, *_ = re.findall(r"^line (\d+)", str(error)) or ["0"]
        problems.append(Problem(path, int(number), f"the examples cannot be read: {error}"))
        return text
    names: dict[str, Any] = {"__name__": "__main__"}
    maker = Maker(target, names)
    done = 0
    with tempfile.TemporaryDirectory() as folder, chdir(folder):  # examples may write files
        for directive in places:
            ready = sum(example.lineno < directive.line for example in examples)
            problem = _run(examples[done:ready], names, path)
            if problem is None:
                done = ready
                try:
                    lines[directive.line] = _made(maker, directive)
                except Exception as error:
                    message = f"{directive.kind}: {directive.source} fails with {type(error).__name__}: {error}"
                    problem = Problem(path, directive.line + 1, message)
            if problem is not None:
                problems.append(problem)
                break
    return "\n".join(lines)


def _made(maker: Maker, directive: Directive) -> str:
    if directive.kind not in KINDS:
        raise ValueError(f"there is no directive {directive.kind!r}: choose from {', '.join(KINDS)}")
    return KINDS[directive.kind](maker, directive)


def _run(examples: list[doctest.Example], names: dict[str, Any], path: str) -> Problem | None:
    """Run examples, and return what is wrong with the first that fails."""
    runner = doctest.DebugRunner(verbose=False, optionflags=OPTIONS)
    test = doctest.DocTest(examples, {}, path, path, 0, None)
    test.globs = names
    try:
        runner.run(test, clear_globs=False, out=lambda _: None)
    except doctest.DocTestFailure as failure:
        example, got = failure.example, failure.got.strip()
        message = f"{example.source.strip()} printed {got or 'nothing'}, not {example.want.strip() or 'nothing'}"
        return Problem(path, example.lineno + 1, message)
    except doctest.UnexpectedException as failure:
        kind, error, _ = failure.exc_info
        message = f"{failure.example.source.strip()} fails with {kind.__name__}: {error}"
        return Problem(path, failure.example.lineno + 1, message)
    return None
