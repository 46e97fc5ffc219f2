"""Links from the examples of a page to the lab, which runs them in the browser. The lab is built by itself."""

from __future__ import annotations

import ast
import base64
import doctest
import re
import sys
import zlib
from collections.abc import Iterator
from html import unescape
from importlib import import_module

PACKAGES = {"scalargrad", "hypothesis", *sys.stdlib_module_names}  # of the lab
OF_ARRAYS = {"tolist", "round", "plot"}  # methods that need numpy or matplotlib; lists have none of them
FILE = "lab/scalargrad_lab.html"  # the one file that opens from disk, too
_BLOCK = re.compile(r'<div class="language-pycon highlight">.*?</div>', re.DOTALL)


def with_links(html: str, text: str, up: str) -> str:
    """Return a built page with a link to the lab below each block of examples.

    The lab gets the code of the page up to this block, because examples use the names of those before. A block that
    needs more than the lab has gets no link, nor does one that uses its names.

    Args:
        html: the page.
        text: its source. What is not in it, because it comes from a docstring, lacks its imports and gets no link.
        up: the address of the site's folder, from the page.
    """
    before = ""
    missing: set[str] = set()

    def linked(match: re.Match[str]) -> str:
        nonlocal before
        examples = doctest.DocTestParser().get_examples(unescape(re.sub(r"<[^>]+>", "", match[0])))
        if not examples or f">>> {examples[0].source.splitlines()[0]}" not in text:
            return match[0]
        code = "".join(example.source for example in examples)
        tree = ast.parse(code)
        if _needs_more(tree, missing):
            missing.update(_bound(tree))
            return match[0]
        missing.difference_update(_bound(tree))
        address = f"{up}/{FILE}#code={packed(before + code)}"
        before += "".join(example.source for example in examples if example.exc_msg is None)
        return f'{match[0]}<p class="lab"><a href="{address}">Open in the lab</a></p>'

    return _BLOCK.sub(linked, html)


def _needs_more(tree: ast.Module, missing: set[str]) -> bool:
    """Whether code needs a package that the lab does not have, or a name that is not there.

    >>> _needs_more(ast.parse("import numpy as np"), set()), _needs_more(ast.parse("x.tolist()"), set())
    (True, True)
    >>> _needs_more(ast.parse("from scalargrad import Value"), set()), _needs_more(ast.parse("x + 1"), {"x"})
    (False, True)
    """
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                wanted = {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module), names=names):
                wanted = {module.partition(".")[0]}
                if wanted == {"scalargrad"} and not all(_exists(module, name.name) for name in names):
                    return True  # a page on how to change the library
            case _:
                wanted = set()
        if wanted - PACKAGES:
            return True
        if isinstance(node, ast.Attribute) and node.attr in OF_ARRAYS:
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in missing:
            return True
    return False


def _exists(module: str, name: str) -> bool:
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return False


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that code gives a value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def packed(code: str) -> str:
    """Return code as the lab reads it in an address: deflated, in base64 for addresses.

    >>> zlib.decompress(base64.urlsafe_b64decode(packed("x = 1") + "=="))
    b'x = 1'
    """
    return base64.urlsafe_b64encode(zlib.compress(code.encode(), 9)).decode().rstrip("=")
