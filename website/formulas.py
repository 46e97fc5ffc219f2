r"""Formulas: `$...$` within a line and `$$...$$` on lines of their own become MathML, which needs no script.

A dollar sign that opens a formula is followed by something other than a blank. The one that closes it is preceded by
something other than a blank, and not followed by a digit. So prices are no formulas. `\$` is always a dollar sign.
"""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

from .errors import Problem
from .pages import line_of

_TOKEN = re.compile(
    r"""
    (?P<fence>^[ ]*(?P<mark>`{3,}|~{3,})[^\n]*\n.*?^[ ]*(?P=mark)[`~]*[ ]*$)
    | (?P<comment><!--.*?-->)
    | (?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ ]*\n).)+?(?<!`)(?P=ticks)(?!`))
    | (?P<dollar>\\\$)
    | \$\$(?P<block>.+?)\$\$
    | \$(?P<inline>(?![\s$])[^$`\n]*?(?<=\S))\$(?!\d)
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


class FormulaError(ValueError):
    """A formula that is no LaTeX."""


def mathml(latex: str, *, block: bool = False) -> str:
    r"""Return a formula as MathML on one line, in which nothing is Markdown.

    Args:
        latex: the formula, without dollar signs.
        block: whether it stands on lines of its own.

    Raises:
        FormulaError: for braces that do not match, and for unknown commands.

    >>> mathml("x_1")
    '<math ...><mrow><msub><mi>x</mi><mn>1</mn></msub></mrow></math>'
    >>> mathml(r"\nosuch{x}")
    Traceback (most recent call last):
    website.formulas.FormulaError: the command \nosuch is not known
    """
    _refuse_unbalanced(latex)
    try:
        text = convert(latex, display="block" if block else "inline")
    except Exception as error:  # the parser has no common base class for its errors, and lets others through
        raise FormulaError(f"the formula does not parse: {error or type(error).__name__}") from error
    if unknown := re.search(r"\\[A-Za-z]+", text):
        raise FormulaError(f"the command {unknown[0]} is not known")
    return re.sub(r"(?<=>)[^<]+(?=<)", lambda match: _spelled(html.unescape(match[0])), text.replace("\n", " "))


def _refuse_unbalanced(latex: str) -> None:
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", latex):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            raise FormulaError("a closing brace has no opening one")
    if depth:
        raise FormulaError("an opening brace is never closed")


def _spelled(text: str) -> str:
    """The text with everything that Markdown might read spelled as a reference."""
    return re.sub(r"[^A-Za-z0-9 ]", lambda match: f"&#{ord(match[0])};", text)


def with_formulas(text: str, path: str, problems: list[Problem]) -> str:
    """Return a page with its formulas as MathML, and with as many lines as before.

    Args:
        text: of the page, in Markdown.
        path: what the page is called in problems.
        problems: to which each formula that does not parse is added.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "&#36;"
        latex = match["block"] or match["inline"]
        if latex is None:
            return match[0]
        try:
            made = mathml(latex.strip(), block=match["block"] is not None)
        except FormulaError as error:
            problems.append(Problem(path, line_of(text, match.start()), f"{error}: {latex.strip()}"))
            return match[0]
        if match["block"] is not None:
            return f'<div class="formula">{made}</div>' + "\n" * match[0].count("\n")
        return f'<span class="formula">{made}</span>'

    return _TOKEN.sub(replaced, text)
