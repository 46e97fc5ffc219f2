"""A page as a Jupyter notebook: its examples and directives become cells to run.

A notebook shows the value of the last line of a cell only, so a cell ends where the page shows output. What the page
prints is left out: the reader runs the cells.
"""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import scalargrad

from .directives import Directive, directives
from .pages import is_code

Cell = dict[str, Any]
_OPENS = re.compile(r"^<details[^>]*>")
_NAMES = ("draw", "exercise", "page", "quiz")  # which a page need not import for its directives


def notebook(text: str, linked: Callable[[str], str] = str) -> str:
    """Return a page as a notebook, in the format of Jupyter: JSON.

    Args:
        text: of the page, in Markdown.
        linked: what the address of a link in the page is in the notebook.
    """
    cells = [*_imports(text), *_cells(text, linked)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def code_of(directive: Directive) -> list[str]:
    """Return the cells that a directive becomes; an exercise has one to show it and one to answer it.

    >>> code_of(Directive(0, "page", "o, at=7"))
    ['page(o, at=7)']
    """
    source = directive.source
    if directive.kind == "figure":
        return [source]
    if directive.kind == "table":
        return [f"print({source})"]
    if directive.kind == "exercise":
        exercise = getattr(scalargrad, directive.kind)(source)
        called = f"exercise({source!r})"
        return [called, f"{exercise.start.strip()}\n\n{called}.judge({exercise.answer})"]
    return [f"{directive.kind}({source})"]


def _imports(text: str) -> Iterator[Cell]:
    kinds = {directive.kind for directive in directives(text)}
    if names := [name for name in _NAMES if name in kinds]:
        yield _code(f"from scalargrad import {', '.join(names)}")


def _cells(text: str, linked: Callable[[str], str]) -> Iterator[Cell]:
    """The page in order. Prose within <details> stays folded, and code within it becomes cells that are folded."""
    lines = text.splitlines()
    at = {directive.line: directive for directive in directives(text)}
    prose: list[str] = []
    opened = ""  # the line of <details> that has been opened
    number = 0
    kinds = is_code(lines)
    while number < len(lines):
        line = lines[number]
        if number in at or line.strip() == "```pycon":
            yield from _prose(prose, opened, linked)
            prose = []
            if number in at:
                yield from (_code(source, folded=bool(opened)) for source in code_of(at[number]))
            else:
                end = next(n for n in range(number + 1, len(lines)) if lines[n].strip() == "```")
                examples = _examples("\n".join(lines[number + 1 : end]))
                yield from (_code(source, folded=bool(opened), raises=raises) for source, raises in examples)
                number = end
        elif _OPENS.match(line) and not kinds[number]:
            yield from _prose(prose, opened, linked)
            prose, opened = [], line
        elif line.strip() == "</details>" and not kinds[number]:
            yield from _prose(prose, opened, linked)
            prose, opened = [], ""
        else:
            prose.append(line)
        number += 1
    yield from _prose(prose, opened, linked)


def _prose(lines: list[str], opened: str, linked: Callable[[str], str]) -> Iterator[Cell]:
    text = "\n".join(lines).strip()
    if text:
        text = re.sub(r"(?<=\]\()(?![a-z]+:|#)[^)\s]+", lambda match: linked(match[0]), text)
        source = f"{opened}\n\n{text}\n\n</details>" if opened else text
        yield {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def _examples(block: str) -> Iterator[tuple[str, bool]]:
    """The code of a block of examples, cut after each that prints something, and whether it ends in an error."""
    code = ""
    for example in doctest.DocTestParser().get_examples(block):
        code += example.source
        if example.want:
            yield code, example.exc_msg is not None
            code = ""
    if code:
        yield code, False


def _code(source: str, *, folded: bool = False, raises: bool = False) -> Cell:
    metadata: dict[str, Any] = {"jupyter": {"source_hidden": True}} if folded else {}
    if raises:
        metadata["tags"] = ["raises-exception"]  # running all cells does not stop there
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source.strip("\n").splitlines(keepends=True),
        "execution_count": None,
        "outputs": [],
    }
