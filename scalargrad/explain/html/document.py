"""The backward pass as a page: one HTML file that fetches nothing and can be read without scripts.

It is a view of the pass as plain data: see `walk/data.py`, for other front ends too.

The page contains the final graph, the forward pass and the whole ledger. Where scripts may run, the reader can walk
through the steps; everything that the script shows comes from the rows of the tables.

    page.html       the document: its title, its policy, and around the stepper
    stepper.html    the stepper's markup, which `content` makes: another front end puts it into an element of its own
    stepper.js      the module that brings the markup to life: its first comment has the interface
    quiz.js         the quiz on the stepper
    page.js         the address, the keys and the paper of the page

No label becomes markup: the template escapes its data, the script moves only text, and the page's
policy allows nothing but the one style and the one script whose hashes it names.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, overload

from ...engine.floats import integer
from ...engine.value import Value
from ...extras import how_to_install
from ..colours import NOTHING, field
from ..drawing.collapse import Box, Plan, comfortable, everything
from ..drawing.picture import TooLarge
from ..drawing.sketch import Look, drawn, ids
from ..names import atom, exact, numeral
from ..walk.data import page_data
from ..walk.steps import Steps, as_steps

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment

    from ..drawing.render import Drawing

PREFIX, FOLDED = "graph_", "folded_"  # of ids in the two pictures
LIMIT = 2_000  # steps of a page
MANY = 24  # nodes for which half a window has room; in a larger graph modules are boxes at first
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

        target = target_of(path)
        write_whole(target, self.encode())
        return target

    def _repr_html_(self) -> str:
        from html import escape

        title = self.partition("<title>")[2].partition("</title>")[0]  # the page has escaped it, quotes too
        return f'<iframe srcdoc="{escape(self)}" title="{title}" style="{IN_A_NOTEBOOK}">{UNTRUSTED}</iframe>'

    def __repr__(self) -> str:
        return f"<page of {len(self):,} characters: .save('page.html') writes it>"


@overload
def page(
    value: Value | Sequence[Value] | Steps,
    path: None = None,
    *,
    at: int | str | Value = 0,
    forward: int | None = None,
    names: Mapping[str, object] | None = None,
    limit: int = LIMIT,
) -> Page: ...
@overload
def page(
    value: Value | Sequence[Value] | Steps,
    path: str | os.PathLike[str],
    *,
    at: int | str | Value = 0,
    forward: int | None = None,
    names: Mapping[str, object] | None = None,
    limit: int = LIMIT,
) -> Path: ...
def page(
    value: Value | Sequence[Value] | Steps,
    path: str | os.PathLike[str] | None = None,
    *,
    at: int | str | Value = 0,
    forward: int | None = None,
    names: Mapping[str, object] | None = None,
    limit: int = LIMIT,
) -> Page | Path:
    """Return the backward pass from a value as a page of HTML to step through; with a path, write it there.

    Without a path the page is a string that has a method `save`. With one the file is written whole
    or not at all, and the path is returned. The page opens where the backward pass starts; before that comes the
    forward pass.

    Args:
        value: where the pass starts, a list of such values, or steps.
        path: where to write the page; .html is added where it has no suffix.
        at: how many steps of the backward pass are made when the page opens; or a node or its name, for the first
            step into it. The address of a page says it too: `#step=5`.
        forward: how many steps of the forward pass are made when the page opens, in place of `at`: 0 shows the leaves
            alone. In an address, `#forward=0`.
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
        TypeError: for anything but Values and steps, names that are no mapping, steps given names again, or both
            `at` and `forward`.
        IndexError: when there are fewer steps than the page should open at.
        LookupError: when there is no node of the name that the page should open at.
        ValueError: when the path ends in something else than .html.
        ImportError: when the extra page is not installed.
        OSError: when the file cannot be written.
    """
    walk = within(as_steps(value, names), limit)
    position = _position(walk, at, forward)
    if path is None:
        return from_data(page_data(walk), position)
    target = target_of(path)  # a wrong path is refused before the work starts
    return from_data(page_data(walk), position).save(target)


def _position(walk: Steps, at: int | str | Value, forward: int | None) -> int:
    """Where a page opens: so many steps of the backward pass, or below 0 a place in the forward pass."""
    if forward is None:
        return copy(walk).to(at).position
    if at != 0:
        raise TypeError("a page opens at a step of the backward pass or of the forward pass: give at or forward")
    computed = sum(node.op is not None for node in walk.order)
    if integer(forward, "forward", low=0) > computed:
        raise IndexError(f"{forward:,} steps of the forward pass cannot be made: {walk.graph.title} has {computed:,}")
    return forward - computed - 1 if computed else 0


def within(walk: Steps, limit: int) -> Steps:
    """Return the steps of a page.

    Raises:
        TooLarge: when there are more of them than the limit.
        ValueError: when the limit is no count.
    """
    if len(walk) > integer(limit, "limit", low=0):
        raise TooLarge(
            f"{len(walk):,} steps are more than the limit of {limit:,} for a page: show a part, such as the loss of "
            f"one row or a result further in, or wait for the layout with limit={len(walk):_}"
        )
    return walk


def target_of(path: str | os.PathLike[str]) -> Path:
    """Return the path of a page, with its suffix.

    Raises:
        ValueError: when it has another suffix.
    """
    from pathlib import Path

    from ...files import completed

    return Path(completed(path, ("html", "htm"), "a page"))


def from_data(data: Mapping[str, Any], at: int = 0) -> Page:
    """Return the page of a backward pass that is given as plain data, as `page_data` or `quiz_data` returns it.

    Args:
        data: the pass.
        at: the position that the page opens at, as `stepper.js` counts them: below 0 in the forward pass. In a quiz,
            how many contributions are known.

    Raises:
        ImportError: when the extra page is not installed.
    """
    environment = _environment()
    text = environment.get_template("page.html").render(
        **_shown(data, [(picture, picture.drawing(data).fragment()) for picture in pictures(data)]),
        position=at,
        style=_file("page.css") + _file("stepper.css"),
        script=_script("stepper.js") + _script("quiz.js") * ("misconceptions" in data) + _script("page.js"),
    )
    return Page(text)


def content(data: Mapping[str, Any], drawings: Sequence[tuple[Picture, str]]) -> str:
    """Return the markup of the stepper, to be put into an element by `mount` of `stepper.js`.

    Args:
        data: the backward pass as `page_data` returns it, as JSON carries it; for a quiz, as `quiz_data` does.
        drawings: the pictures, of which the first is shown, each with its SVG: the `fragment()` of its drawing or,
            where Graphviz runs elsewhere, what the drawing's `finished` makes of the SVG that comes of its `source`.

    Raises:
        ImportError: when the extra page is not installed.
    """
    return _environment().get_template("stepper.html").render(**_shown(data, drawings))


@dataclass(frozen=True)
class Picture:
    """A picture of the graph for the stepper, which lights its parts up.

    Attributes:
        plan: what is drawn, and what is hidden in boxes.
        prefix: what the ids in it start with, so that several pictures may stand in one document.
    """

    plan: Plan
    prefix: str = PREFIX

    def drawing(self, data: Mapping[str, Any]) -> Drawing:
        """Return the drawing, with the gradients of the end of the pass."""
        look = Look(gradients=_last_totals(data), every_name=True, is_live=True, prefix=self.prefix)
        return drawn(data, self.plan, look)

    def described(self, data: Mapping[str, Any]) -> dict[str, str]:
        """Return which nodes and edges stand in which boxes and for which arrows, and the calls of the boxes."""
        names = ids(self.plan)
        element: dict[int, str] = {node: names[node] for node in self.plan.single}
        element |= {node: names[box] for box in self.plan.boxes for node in box.nodes}
        arrows = {(names[arrow.tail], names[arrow.head]): arrow for arrow in self.plan.arrows}
        of_nodes = {arrow[2:4] for arrow in self.plan.arrows if not isinstance(arrow.head, Box)}
        edges = []
        for result, node in enumerate(data["nodes"]):
            for position, operand in enumerate(node["operands"]):
                arrow = arrows.get((element[operand], element[result]))
                if (result, position) not in of_nodes:
                    stands = "" if arrow is None else f"{arrow.result}_{arrow.position}"
                    edges.append(f"{result}_{position}:{stands}")
        return {
            "prefix": self.prefix,
            "nodes": " ".join(f"{place}:{name}" for place, name in sorted(element.items()) if name != f"node{place}"),
            "edges": " ".join(edges),
            "calls": " ".join(f"{names[box]}:{box.call}" for box in self.plan.boxes if box.call is not None),
        }


def pictures(data: Mapping[str, Any]) -> list[Picture]:
    """Return the pictures that a page has: every node, and before it, of a large graph, modules as boxes."""
    whole = Picture(everything(data["nodes"]))
    boxes = comfortable(data, MANY)
    return [whole] if boxes is None else [Picture(boxes, FOLDED), whole]


# ---------------------------------------------------------------- what the template is given


def _last_totals(data: Mapping[str, Any]) -> list[float | None]:
    """The gradient of each node at the end; None where none reaches it."""
    gradients: list[float | None] = [None] * len(data["nodes"])
    for root in data["roots"]:
        gradients[root["node"]] = float(root["seed"])
    for step in data["steps"]:
        gradients[step["operand"]] = float(step["after"])
    return gradients


def _shown(data: Mapping[str, Any], drawings: Sequence[tuple[Picture, str]]) -> dict[str, Any]:
    """What the templates show of a pass."""
    nodes, gradients = data["nodes"], _last_totals(data)
    largest = max((abs(x) for x in gradients if x is not None and math.isfinite(x)), default=0.0)
    return {
        "title": data["title"],
        "roots": [{**nodes[root["node"]], **root} for root in data["roots"]],
        "leaves": [node for node in nodes if node["kind"] not in {"result", "constant"}],
        "forward": list(_forward(nodes)),
        "rows": list(_rows(data, largest)),
        "nothing": NOTHING,
        "is_quiz": "misconceptions" in data,
        "misconceptions": data.get("misconceptions", []),
        "pictures": [{**picture.described(data), "svg": svg} for picture, svg in drawings],
    }


def _forward(nodes: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The forward pass: each result with its formula, in the names of the operands and in their numbers."""
    for place, node in enumerate(nodes):
        if node["operation"]:
            numbers = [atom(numeral(float(nodes[operand]["value"]))) for operand in node["operands"]]
            yield {**node, "result": place, "numbers": node["notation"].format(*numbers)}


def _rows(data: Mapping[str, Any], largest: float) -> Iterator[dict[str, Any]]:
    """The ledger: for each step its numbers, its formulas, and the colours of the gradient before and after it."""
    reached = {root["node"] for root in data["roots"]}
    for step in data["steps"]:
        result, before, after = data["nodes"][step["result"]], float(step["before"]), float(step["after"])
        is_first = step["operand"] not in reached
        reached.add(step["operand"])
        yield {
            **step,
            "operation": f"{result['name']} = {result['formula']}",
            "colour": field(after, max(largest, abs(after))),
            "earlier": NOTHING if is_first else field(before, max(largest, abs(before))),
            "is_first": is_first,
            "mistakes": " ".join(f"{i}:{number}" for i, number in step.get("mistakes", [])),
        }


# ---------------------------------------------------------------- the template


def _environment() -> Environment:
    try:
        import jinja2  # noqa: F401  # the error comes from here, once and again
    except ImportError as missing:
        raise ImportError(f"a page needs the extra page: {how_to_install('page')} ({missing})") from None
    return _templates()


@cache  # they are compiled once
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, loader=FunctionLoader(_file)
    )
    environment.filters.update(shown=lambda x: numeral(float(x)), exact=lambda x: exact(float(x)), hashed=_hashed)
    environment.filters["minus"] = lambda text: text.replace("-", "−")
    return environment


def _file(name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


def _script(name: str) -> str:
    """A script without the lines that only explain it, and without its indentation."""
    lines = (line.lstrip() for line in _file(name).splitlines(keepends=True))
    return "".join(line for line in lines if line and not line.startswith("//"))


def _hashed(text: str) -> str:
    """The name by which a policy allows this style or script."""
    from base64 import b64encode
    from hashlib import sha256

    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
