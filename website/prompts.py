"""Examples as a prompt takes them: there an empty line ends a statement of several lines."""

from __future__ import annotations

import re

_BLOCK = re.compile(r'<div class="language-pycon highlight">.*?</div>', re.DOTALL)
_LAST = re.compile(
    r'^(<span class="gp">\.\.\. </span>(?:<span class="w">)?\s.*\n)(?=<span class="gp">&gt;)', re.MULTILINE
)
_WITHIN = re.compile(r'^<span class="gp">\.\.\.</span>\n(?=<span class="gp">\.\.\. </span>)', re.MULTILINE)


def for_a_prompt(html: str) -> str:
    r"""Return a built page whose examples go to a prompt as they stand: an empty line ends a block, and none is within.

    >>> line = '<span class="gp">{} </span>{}'.format
    >>> lines = [line("&gt;&gt;&gt;", "if x:"), line("...", "    y"), line("&gt;&gt;&gt;", "z")]
    >>> print(for_a_prompt('<div class="language-pycon highlight">' + "\n".join(lines) + "</div>"))
    <div class="language-pycon highlight"><span class="gp">&gt;&gt;&gt; </span>if x:
    <span class="gp">... </span>    y
    <span class="gp">...</span>
    <span class="gp">&gt;&gt;&gt; </span>z</div>

    Args:
        html: the page.
    """
    return _BLOCK.sub(lambda block: _LAST.sub(r'\1<span class="gp">...</span>\n', _without_gaps(block[0])), html)


def _without_gaps(block: str) -> str:
    return block if "&quot;&quot;&quot;" in block else _WITHIN.sub("", block)  # a text keeps its empty lines
