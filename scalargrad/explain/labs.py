"""The lab, the engine in a web page: where its file is, and the link that opens it with a graph."""

from __future__ import annotations

import base64
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..engine.notes import Mark
from ..engine.value import Constant, Value
from ..expressions.programs import distinct_words, program_of
from ..nn import Module
from .html.document import within
from .walk.graph import Graph
from .walk.steps import Steps, as_steps

FILE = "scalargrad_lab.html"
MOST_STEPS = 5_000  # of a walk in the lab: each costs the page a row, and about a millisecond when it is shown
_CLONE = Path(__file__).parents[2]
PLACES = (Path(), _CLONE / "site" / "lab")  # where the file is looked for: where Python runs, and where it is built


class LabLink(str):
    """The address of the lab with a program in it. At a prompt it is one line, in a notebook a link."""

    __slots__ = ()

    def open(self) -> None:
        """Open it in the browser.

        Raises:
            OSError: when there is no browser.
        """
        import webbrowser

        if not webbrowser.open(self):
            raise OSError(f"no browser was found to open {self.partition('#')[0]}")

    def _repr_html_(self) -> str:
        from html import escape

        return f'<a href="{escape(self)}" target="_blank">Open in the lab</a>'

    def __repr__(self) -> str:
        return f"<link to the lab, of {len(self):,} characters: .open() opens it, print shows it>"


def open_in_lab(
    value: Value | Sequence[Value] | Steps,
    *,
    at: int | str | Value | None = None,
    names: Mapping[str, object] | None = None,
    lab: str | os.PathLike[str] | None = None,
) -> LabLink:
    """Return the link that opens the lab with the program that makes a graph, at a step of its backward pass.

    In the lab the graph can be changed and walked like one that was typed there. Its program has each operation in a
    formula; modules stand below them, with their parameters and their marks, so that the picture has the same boxes.

    Args:
        value: the end of the graph, a list of ends, or steps, whose place is kept.
        at: how many steps are made; or a node or its name, for the first step into it.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.
        lab: where the lab is: its file, or its address on a site. By default `scalargrad_lab.html` in the current
            folder, or as it was built in a clone.

    >>> from scalargrad import Value, open_in_lab
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> open_in_lab(a * b, lab="https://example.org/lab/")
    <link to the lab, of ... characters: .open() opens it, print shows it>

    Raises:
        FileNotFoundError: when the lab is not at hand; it says how to get it.
        TooLarge: when there are more steps than can be walked.
        IndexError, LookupError: for a step or a node that is not there.
        TypeError: for anything but Values and steps, names that are no mapping, or steps given names again.
        ValueError: for an operation that your program declared: the lab does not know it.
    """
    address = address_of(lab)
    steps = within(as_steps(value, names), MOST_STEPS)
    position = steps.position if at is None else _position(steps, at)
    graph = steps.graph
    own = {node for node in graph.order if graph.is_named(node)}
    marked = _marked(graph)
    read = {node for calls in marked for node in (*calls.results, *calls.inputs)}
    program, variables = program_of(graph.order, graph.names, own, graph.roots, read)
    if marked:
        program = program.replace("import Value", "import Value, nn", 1).replace("\n", MARKS, 1)
        program += "\n\n" + "\n".join(_modules(graph, marked, variables))
    ends = [variables[root] for root in graph.roots]
    seeds = [steps.seeds[root] for root in graph.roots]
    end = ends[0] if len(ends) == 1 else f"[{', '.join(ends)}]"
    if seeds != [1.0] * len(seeds):
        program = program.replace("import Value", "import Value, steps", 1)
        end = f"steps({end}, gradients={seeds})" if len(ends) > 1 else f"steps({end}, {seeds[0]})"
    elif len(ends) == 1:
        end = f"{end}.backward()"
    code, step = f"{program}\n\n{end}\n", f"&step={position}" if position else ""
    return LabLink(f"{address}#code={packed(code)}{step}")


def _position(steps: Steps, at: int | str | Value) -> int:
    from copy import copy

    return copy(steps).to(at).position


# ---------------------------------------------------------------- modules

MARKS = """
from scalargrad.engine.notes import Mark, leave


def module(kind, /, **parts):  # for the picture: it has its parameters and parts, and computes nothing
    made = type(kind, (nn.Module,), {})()
    vars(made).update(parts)
    return made

"""


class _Marked(NamedTuple):
    """A mark, the nodes that have it, and the nodes that its module or function read."""

    mark: Mark
    results: list[Value]
    inputs: list[Value]


def _marked(graph: Graph) -> list[_Marked]:
    """The marks of a graph, inner ones first."""
    by_id = {id(node): node for node in graph.order if node.__class__ is not Constant}
    by_mark: dict[int, _Marked] = {}
    heights: dict[int, int] = {}
    for node in graph.order:
        for height, mark in enumerate(node.marks):
            if id(mark) not in by_mark:
                by_mark[id(mark)] = _Marked(mark, [], [by_id[key] for key in mark.ids() if key in by_id])
            by_mark[id(mark)].results.append(node)
            heights[id(mark)] = max(height, heights.get(id(mark), 0))
    return sorted(by_mark.values(), key=lambda marked: heights[id(marked.mark)])


def _modules(graph: Graph, marked: Sequence[_Marked], variables: Mapping[Value, str]) -> list[str]:
    """The lines that make the modules of a graph, whole ones with their parts, and leave their marks."""
    modules = {id(mark.module): mark.module for mark, *_ in marked if isinstance(mark.module, Module)}
    paths: dict[int, str] = {}
    taken = {*variables.values(), "Value", "nn", "Mark", "leave", "module", "steps"}
    lines = []
    for key, module in sorted(modules.items(), key=lambda item: -len(item[1].parameters())):
        if key not in paths:
            (name,) = distinct_words([graph.modules.get(key, type(module).__name__.lower())], taken)
            taken.add(name)
            if key in graph.modules:
                lines.append(f"{name} = {_written(module, variables, name, paths)}")
            else:  # no variable holds it, so it is called what it is
                lines.append(f"{name} = [{_written(module, variables, f'{name}[0]', paths)}]")
    for mark, results, inputs in marked:
        given = [repr(mark.together), paths.get(id(mark.module), "None"), _listed(inputs, variables)]
        given += [repr(mark.each)] * (mark.each is not None)
        lines.append(f"leave({_listed(results, variables)}, Mark({', '.join(given)}))")
    return lines


def _listed(nodes: Sequence[Value], variables: Mapping[Value, str]) -> str:
    return f"[{', '.join(variables[node] for node in nodes)}]"


def _written(item: object, variables: Mapping[Value, str], path: str, paths: dict[int, str]) -> str | None:
    """What makes a module, or what it holds, as far as a graph has it; None for nothing. Notes the paths of modules."""
    if isinstance(item, Value):
        return variables.get(item)
    if isinstance(item, Module):
        if id(item) in paths:
            return None
        paths[id(item)] = path
        parts = {name: _written(part, variables, f"{path}.{name}", paths) for name, part in vars(item).items()}
        given = [f"{name}={text}" for name, text in parts.items() if text is not None]
        return f"module({', '.join([repr(type(item).__name__), *given])})"
    pairs = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, (list, tuple)) else ()
    texts = {key: _written(part, variables, f"{path}[{key!r}]", paths) for key, part in pairs}
    if all(text is None for text in texts.values()):
        return None
    if isinstance(item, dict):
        return f"{{{', '.join(f'{key!r}: {text}' for key, text in texts.items())}}}"
    return f"[{', '.join(map(str, texts.values()))}]"


def address_of(lab: str | os.PathLike[str] | None = None) -> str:
    """Return the address of the lab: of the file or on the site that is given, else of the file where it is found.

    Raises:
        FileNotFoundError: when there is no such file; it says how to get it.
    """
    if isinstance(lab, str) and "://" in lab:
        return lab
    places = [place / FILE for place in PLACES] if lab is None else [Path(lab)]
    for place in places:
        if place.is_file():
            return place.resolve().as_uri()
    where = f"{FILE} is not in this folder" if lab is None else f"there is no file {os.fspath(lab)}"
    raise FileNotFoundError(
        f"the lab is one HTML file, and {where}: download it from the project's site, where it is lab/{FILE}, "
        "or build it in a clone (python lab/build.py, with Node.js and npm)"
    )


def packed(code: str) -> str:
    """Return code as the lab reads it in an address: deflated, in base64 for addresses.

    >>> zlib.decompress(base64.urlsafe_b64decode(packed("x = 1") + "=="))
    b'x = 1'
    """
    return base64.urlsafe_b64encode(zlib.compress(code.encode(), 9)).decode().rstrip("=")
