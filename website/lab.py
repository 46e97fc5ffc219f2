"""Links from the examples of a page to the lab, which runs them in the browser. The lab is built by itself."""

from __future__ import annotations

import base64
import doctest
import re
import zlib
from html import unescape

FILE = "lab/scalargrad_lab.html"  # the one file that opens from disk, too
_BLOCK = re.compile(r'<div class="language-pycon highlight">.*?</div>', re.DOTALL)


def with_links(html: str, text: str, up: str) -> str:
    """Return a built page with a link to the lab below each block of examples.

    The lab gets the code of the page up to this block, because examples use the names of those before.

    Args:
        html: the page.
        text: its source. What is not in it, because it comes from a docstring, lacks its imports and gets no link.
        up: the address of the site's folder, from the page.
    """
    before = ""

    def linked(match: re.Match[str]) -> str:
        nonlocal before
        examples = doctest.DocTestParser().get_examples(unescape(re.sub(r"<[^>]+>", "", match[0])))
        if not examples or f">>> {examples[0].source.splitlines()[0]}" not in text:
            return match[0]
        address = f"{up}/{FILE}#code={packed(before + ''.join(example.source for example in examples))}"
        before += "".join(example.source for example in examples if example.exc_msg is None)
        return f'{match[0]}<p class="lab"><a href="{address}">Open in the lab</a></p>'

    return _BLOCK.sub(linked, html)


def packed(code: str) -> str:
    """Return code as the lab reads it in an address: deflated, in base64 for addresses.

    >>> zlib.decompress(base64.urlsafe_b64decode(packed("x = 1") + "=="))
    b'x = 1'
    """
    return base64.urlsafe_b64encode(zlib.compress(code.encode(), 9)).decode().rstrip("=")
