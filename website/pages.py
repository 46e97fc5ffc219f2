"""A page as text with line numbers: each step of the build keeps the number of lines, so errors name the right one."""

from __future__ import annotations

import re

LONG = 160  # characters of a summary
_FENCE = re.compile(r"^ *(`{3,}|~{3,})")


def line_of(text: str, position: int) -> int:
    r"""Return the line, from 1, that a position in a text is in.

    >>> line_of("a\nb", 2)
    2
    """
    return text.count("\n", 0, position) + 1


def is_code(lines: list[str]) -> list[bool]:
    """Return for each line of a page whether it belongs to a fenced block, fences included.

    >>> is_code(["text", "```pycon", ">>> 1", "1", "```", "text"])
    [False, True, True, True, True, False]
    """
    inside: str | None = None
    answer = []
    for line in lines:
        fence = _FENCE.match(line)
        answer.append(inside is not None or fence is not None)
        if fence and inside is None:
            inside = fence[1]
        elif fence and inside is not None and fence[1].startswith(inside) and not line.strip().strip(inside[0]):
            inside = None
    return answer


def title(text: str) -> str:
    r"""Return the title of a page: its first heading, as plain text.

    >>> title("# The `tanh` of *x*\n")
    'The tanh of x'
    """
    lines = text.splitlines()
    for line, code in zip(lines, is_code(lines), strict=True):
        if line.startswith("# ") and not code:
            return plain(line[2:])
    return ""


def summary(text: str) -> str:
    r"""Return the first paragraph of a page as plain text, or, where that is long, its first sentence.

    >>> summary("# Title\n\nA *neuron* is a [sum](x.md). It has\na bias.\n")
    'A neuron is a sum. It has a bias.'
    """
    lines = text.splitlines()
    paragraph: list[str] = []
    for line, code in zip(lines, is_code(lines), strict=True):
        is_text = bool(line.strip()) and not code and not line.startswith(("#", "<", "|", "!", ":::"))
        if is_text:
            paragraph.append(line.strip())
        elif paragraph:
            break
    whole = plain(" ".join(paragraph).removeprefix("- "))
    sentence = re.match(r".*?[.?!:](?=\s|$)", whole)
    short = sentence[0] if sentence and len(whole) > LONG else whole
    return short.removesuffix(":") + "." * short.endswith(":")


def plain(text: str) -> str:
    """Return a line of Markdown without its marks."""
    text = re.sub(r"!?\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])", r"\1", text)
    return re.sub(r"(?<!\w)[*_]+(?=\S)|(?<=\S)[*_]+(?!\w)|`|\$|<[^>]+>", "", text).strip()
