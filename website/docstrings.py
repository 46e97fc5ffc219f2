"""What mkdocstrings needs to know about this project's docstrings: an extension for griffe, which reads them.

In a docstring an example starts with `>>>`, after an empty line, and ends at the next empty line. Markdown would read
it as a quotation, so it is put into a block of code.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_EXAMPLE = re.compile(r"(?<![^\n]\n)^(?P<indent> *)>>> .*(?:\n(?! *$).+)*", re.MULTILINE)


def with_blocks(docstring: str) -> str:
    r"""Return a docstring whose examples are blocks of code.

    >>> with_blocks("Return one.\n\n>>> one()\n1\n\nArgs:")
    'Return one.\n\n```pycon\n>>> one()\n1\n```\n\nArgs:'
    """

    def block(example: re.Match[str]) -> str:
        text = re.sub(r" *# doctest: .*$", "", example[0], flags=re.MULTILINE).replace("<BLANKLINE>", "")
        return f"{example['indent']}```pycon\n{text}\n{example['indent']}```"

    return _EXAMPLE.sub(block, docstring)


class Examples(Extension):
    """Puts the examples of every docstring into blocks of code."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of what griffe has just read."""
        if obj.docstring is not None:
            obj.docstring.value = with_blocks(obj.docstring.value)
