"""The backward pass as a page: one HTML file that fetches nothing and can be read without scripts.

It is a view of the pass as plain data: see `walk/data.py`, for other front ends too.

The page contains the final graph and the whole ledger. Where scripts may run, the reader can walk
through the steps; everything that the script shows comes from the rows of the ledger.

No label becomes markup: the template escapes its data, the script moves only text, and the page's
policy allows nothing but the one style and the one script whose hashes it names.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ...engine.floats import integer
from ...engine.value import Value
from ...extras import how_to_install
from ..colours import NOTHING, field
from ..drawing.collapse import everything
from ..drawing.picture import TooLarge
from ..drawing.sketch import Look, drawn
from ..names import exact, numeral
from ..walk.data import page_data
from ..walk.steps import Steps, as_steps

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Template

PREFIX = "graph_"
PIXELS_PER_POINT = 4 / 3
IN_A_NOTEBOOK = "width:100%;height:680px;border:none"
UNTRUSTED = (  # all that is left of the frame there
    "This notebook is not trusted and shows no page: run the cell, or trust the notebook (in JupyterLab, the command "
    "Trust Notebook)."
)


class Page(str):
    """A page of HTML: the whole text as a string, and at a prompt one line."""

    __slots__ = ()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, whole or not at all, and return the path; .html is added where it has no suffix.

        Raises:
            ValueError: when the path ends in something else.
            OSError: when the file cannot be written.
        """
        from ...files import write_whole

        target = _target(path)
        write_whole(target, self.encode())
        return target

    def _repr_html_(self) -> str:
        from html import escape

        return f'<iframe srcdoc="{escape(self)}" title="Backward pass" style="{IN_A_NOTEBOOK}">{UNTRUSTED}</iframe>'

    def __repr__(self) -> str:
        return f"<page of {len(self):,} characters: .save('page.html') writes it>"


@overload
def page(
    value: Value | Sequence[Value] | Steps,
    path: None = None,
    *,
    names: Mapping[str, object] | None = None,
    limit: int = 2_000,
) -> Page: ...
@overload
def page(
    value: Value | Sequence[Value] | Steps,
    path: str | os.PathLike[str],
    *,
    names: Mapping[str, object] | None = None,
    limit: int = 2_000,
) -> Path: ...
def page(
    value: Value | Sequence[Value] | Steps,
    path: str | os.PathLike[str] | None = None,
    *,
    names: Mapping[str, object] | None = None,
    limit: int = 2_000,
) -> Page | Path:
    """Return the backward pass from a value as a page of HTML to step through; with a path, write it there.

    Without a path the page is a string that has a method `save`. With one the file is written whole
    or not at all, and the path is returned.

    Args:
        value: where the pass starts, a list of such values, or steps.
        path: where to write the page; .html is added where it has no suffix.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.
        limit: how many steps a page may have.

    >>> from scalargrad import Value, page
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> page(a * b)
    <page of ... characters: .save('page.html') writes it>
    >>> page(a * b, "product.html")  # doctest: +SKIP
    PosixPath('product.html')

    Raises:
        TooLarge: when there are more steps than the limit.
        TypeError: for anything but Values and steps, names that are no mapping, or steps given names again.
        ValueError: when the path ends in something else than .html.
        ImportError: when the extra page is not installed.
        OSError: when the file cannot be written.
    """
    walk = as_steps(value, names)
    if len(walk) > integer(limit, "limit", low=0):
        raise TooLarge(
            f"{len(walk):,} steps are more than the limit of {limit:,} for a page: show a part, such as the loss of "
            f"one row or a result further in, or wait for the layout with limit={len(walk):_}"
        )
    if path is None:
        return from_data(page_data(walk))
    target = _target(path)  # a wrong path is refused before the work starts
    return from_data(page_data(walk)).save(target)


def _target(path: str | os.PathLike[str]) -> Path:
    from pathlib import Path

    from ...files import completed

    return Path(completed(path, ("html", "htm"), "a page"))


def from_data(data: Mapping[str, Any]) -> Page:
    """Return the page of a backward pass that is given as plain data, as `page_data` returns it.

    Raises:
        ImportError: when the extra page is not installed.
    """
    template = _template()
    nodes, gradients = data["nodes"], _last_totals(data)
    look = Look(gradients=gradients, every_name=True, prefix=PREFIX)
    drawing = drawn(data, everything(nodes), look).fragment()
    largest = max((abs(x) for x in gradients if x is not None and math.isfinite(x)), default=0.0)
    text = template.render(
        title=data["title"],
        roots=[{**nodes[root["node"]], "gradient": root["gradient"], "seed": root["seed"]} for root in data["roots"]],
        rows=list(_rows(data, largest)),
        drawing=drawing,
        nothing=NOTHING,
        style=_file("page.css") + _extent(drawing),
        script=_file("page.js"),
    )
    return Page(text)


# ---------------------------------------------------------------- what the template is given


def _last_totals(data: Mapping[str, Any]) -> list[float | None]:
    """The gradient of each node at the end; None where none reaches it."""
    gradients: list[float | None] = [None] * len(data["nodes"])
    for root in data["roots"]:
        gradients[root["node"]] = float(root["seed"])
    for step in data["steps"]:
        gradients[step["operand"]] = float(step["after"])
    return gradients


def _rows(data: Mapping[str, Any], largest: float) -> Iterator[dict[str, Any]]:
    """The ledger: for each step its numbers, its formulas, and the elements of the drawing it is about."""
    for step in data["steps"]:
        result, after = data["nodes"][step["result"]], float(step["after"])
        yield {
            **step,
            "operation": f"{result['name']} = {result['formula']}",
            "result": f"{PREFIX}node{step['result']}",
            "operand": f"{PREFIX}node{step['operand']}",
            "edge": f"{PREFIX}edge{step['result']}_{step['position']}",
            "colour": field(after, max(largest, abs(after))),
        }


def _extent(drawing: str) -> str:
    """A rule that tells the page's style how large the drawing is by itself."""
    width, height = (float(x) * PIXELS_PER_POINT for _, x in re.findall(r'\b(width|height)="([\d.]+)pt"', drawing)[:2])
    return f"figure {{ --width: {width:.0f}px; --height: {height:.0f}px; }}\n"


# ---------------------------------------------------------------- the template


def _template() -> Template:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as missing:
        raise ImportError(f"a page needs the extra page: {how_to_install('page')} ({missing})") from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters.update(shown=lambda x: numeral(float(x)), exact=lambda x: exact(float(x)), hashed=_hashed)
    return environment.from_string(_file("page.html"))


def _file(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


def _hashed(text: str) -> str:
    """The name by which a policy allows this style or script."""
    from base64 import b64encode
    from hashlib import sha256

    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
