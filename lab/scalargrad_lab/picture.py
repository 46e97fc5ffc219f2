"""Drawings in a browser: Graphviz as WebAssembly in place of a process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

FONTS, MEASURED = "Helvetica,Arial,sans-serif", "Helvetica"  # the fonts of a drawing, and the one that has widths here
UNMEASURED = "Warning: no value for width of"  # a letter that Graphviz knows no width of: it takes another's

Render = Callable[[str, str, str], str]  # source, format, engine -> JSON of [picture, messages]


def use_graphviz(render: Render) -> None:
    """Render all drawings of scalargrad with this function from now on.

    Args:
        render: takes the source in the DOT language, a format and the name of an engine, and returns the JSON
            text of the picture and of Graphviz's messages.
    """
    from scalargrad.explain.drawing import render as module

    def graphviz(source: str, kind: str, engine: str, dpi: float | None = None) -> Any:
        del dpi  # here are only pictures of lines and text
        picture, said = json.loads(render(source.replace(f'"{FONTS}"', MEASURED), kind, engine))
        messages = "\n".join(line for line in said.splitlines() if not line.startswith(UNMEASURED))
        picture = picture.replace(f'"{MEASURED},sans-Serif"', f'"{FONTS}"')
        return module._Finished(picture.encode(), messages, 0 if picture else 1)

    module._graphviz = graphviz
