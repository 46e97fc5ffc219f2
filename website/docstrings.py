"""What mkdocstrings needs to know about this project's docstrings: an extension for griffe, which reads them.

In a docstring an example starts with `>>>`, after an empty line, and ends at the next empty line. Markdown would read
it as a quotation, so it is put into a block of code. Arguments that have one description together get it each.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Class, DocstringSectionAttributes, Extension, Module, Object

_EXAMPLE = re.compile(r"(?<![^\n]\n)^(?P<indent> *)>>> .*(?:\n(?! *$).+)*", re.MULTILINE)

_TOGETHER = re.compile(r"^    (?P<names>\w+(?:, \w+)+): (?P<text>.*(?:\n {8,}\S.*)*)", re.MULTILINE)


def described_each(docstring: str) -> str:
    r"""Return a docstring in whose sections each name has its own line.

    >>> described_each("Args:\n    x, y: the point.")
    'Args:\n    x: the point.\n    y: the point.'
    """

    def each(match: re.Match[str]) -> str:
        return "\n".join(f"    {name}: {match['text']}" for name in match["names"].split(", "))

    return _TOGETHER.sub(each, docstring)


def with_blocks(docstring: str) -> str:
    r"""Return a docstring whose examples are blocks of code.

    >>> with_blocks("Return one.\n\n>>> one()\n1\n\nArgs:")
    'Return one.\n\n```pycon\n>>> one()\n1\n```\n\nArgs:'
    """

    def block(example: re.Match[str]) -> str:
        text = re.sub(r" *# doctest: .*$", "", example[0], flags=re.MULTILINE).replace("<BLANKLINE>", "")
        return f"{example['indent']}```pycon\n{text}\n{example['indent']}```"

    return _EXAMPLE.sub(block, docstring)


class Docstrings(Extension):
    """Makes every docstring one that mkdocstrings reads as it is meant."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of what griffe has just read."""
        if obj.docstring is not None:
            obj.docstring.value = with_blocks(described_each(obj.docstring.value))

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Take back the types that griffe gives to attributes without one: those of the attribute before."""
        pending: list[Object] = [pkg]
        while pending:
            read = pending.pop()
            pending += [one for one in read.members.values() if isinstance(one, Module | Class)]
            for section in read.docstring.parsed if isinstance(read, Class) and read.docstring else []:
                if isinstance(section, DocstringSectionAttributes):
                    for attribute in section.value:
                        declared = read.members.get(attribute.name)
                        attribute.annotation = getattr(declared, "annotation", None)
