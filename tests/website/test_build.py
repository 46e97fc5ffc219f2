"""The site: what the build makes of pages, and that nothing wrong in a page passes."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from website import links
from website.build import build
from website.errors import SiteError

from .conftest import CHAPTER, INDEX, PAGES, written

# ---------------------------------------------------------------- what is built


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_page_is_built(small_site: Path) -> None:
    """Each page of docs/, and each file that a page links to, is a page of the site, and nothing is wrong with it."""
    built = {path.relative_to(small_site).as_posix() for path in small_site.rglob("*.html")}
    assert built == {
        "index.html",
        "reference.html",
        "project/code.py.html",
        "tour/01_neuron.html",
        "tour/01_neuron.2.html",
    }
    assert links.problems(small_site) == []


def test_a_page_has_its_title_and_says_what_it_is(small_site: Path) -> None:
    """The title of a page names it and the site, and its description is its first sentence."""
    page = text_of(small_site / "tour/01_neuron.html")
    assert links.read(page).title == "A neuron - scalargrad"
    assert '<meta name="description" content="What is x_1 w_1 + b?">' in page


def test_directives_stand_for_what_the_code_makes(small_site: Path) -> None:
    """Where a directive stands, there is the picture, the frame, or the text, of the page's variables at that place."""
    page = text_of(small_site / "tour/01_neuron.html")
    assert re.findall(r'<img class="picture" src="(.*?)" alt="(.*?)"', page) == [("01_neuron.1.svg", "the graph of o")]
    assert ">o<" in text_of(small_site / "tour/01_neuron.1.svg")  # called as on the page
    assert 'src="01_neuron.2.html" title="the backward pass of o, step by step"' in page
    assert "∂o/∂a" in text_of(small_site / "tour/01_neuron.2.html")
    printed = re.findall(r'<pre class="output"><code>(.*?)</code></pre>', page, re.DOTALL)
    assert "\n" in unescape(printed[0])
    assert unescape(printed[1]) == "-5.0 <>"
    assert "<table><tr><td>" in page
    assert "this_is_text" in page


def test_formulas_are_mathml(small_site: Path) -> None:
    """A formula is MathML, within a line and on lines of its own; prices and code stay as they are."""
    page = text_of(small_site / "tour/01_neuron.html")
    assert len(re.findall(r"<math ", page)) == 2
    assert 'display="block"><mrow><mfrac>' in page
    assert "A price of $5 or $6 is no formula" in page
    assert "<code>$x$</code>" in page


def test_the_reference_reads_docstrings(small_site: Path) -> None:
    """A name of the library has its signature, its arguments as a table, and its examples as code."""
    page = text_of(small_site / "reference.html")
    assert 'id="scalargrad.grad"' in page
    assert re.search(r"<table>.*?<code>wrt</code>", page, re.DOTALL)
    assert '<div class="language-pycon highlight">' in page
    assert 'href="reference.html#scalargrad.exp"' in text_of(small_site / "index.html")


def test_language_models_find_every_page(small_site: Path) -> None:
    """llms.txt lists every page with its first sentence, and llms-full.txt has the text of all of them."""
    listed = text_of(small_site / "llms.txt")
    assert listed.startswith("# Small\n\n> A site of three pages.\n")
    assert "\n- [A neuron](tour/01_neuron.html): What is x_1 w_1 + b?\n" in listed
    for path in re.findall(r"\]\((.*?)\)", listed):
        assert (small_site / path).is_file()
    assert CHAPTER.strip() in text_of(small_site / "llms-full.txt")


# ---------------------------------------------------------------- what is refused


def seen(root: Path, pages: dict[str, str]) -> list[str]:
    """The problems that a build reports; it must write nothing."""
    written(root, pages)
    with pytest.raises(SiteError) as error:
        build(root / "docs", root / "site", root)
    assert not (root / "site").exists()
    return [str(problem) for problem in error.value.problems]


def test_what_leads_nowhere_or_elsewhere_is_seen(tmp_path: Path) -> None:
    """Negative control: dead links, places and references, lost pages and scripts from other hosts fail the build."""
    text = """
[dead](no.md) and [another place](tour/01_neuron.md#nowhere)

[a name][scalargrad.nope] and [one that is known][scalargrad.exp]

<script src="https://cdn.example/x.js"></script>
"""
    line = INDEX.count("\n")
    assert seen(tmp_path, PAGES | {"docs/index.md": INDEX + text, "docs/lost.md": "# Lost\n"}) == [
        f"docs/index.md:{line + 2}: anchor does not exist: {text.splitlines()[1]}",
        f"docs/index.md:{line + 2}: page does not exist: {text.splitlines()[1]}",
        f"docs/index.md:{line + 4}: unresolved autoref: {text.splitlines()[3]}",
        f"docs/index.md:{line + 6}: it loads https://cdn.example/x.js, from another host",
        "lost.html: no link leads to the page",
    ]


def test_everything_wrong_before_html_is_seen_at_once(tmp_path: Path) -> None:
    """Negative control: failing examples and directives and formulas that do not parse are reported together."""
    pages = {
        "docs/a.md": "# A\n\n<!-- draw: nothing -->\n",
        "docs/b.md": "# B\n\n$x_1$ and $\\nosuch{x}$\n\n$$\n\\frac{1\n$$\n",
        "docs/c.md": "# C\n\n```pycon\n>>> 1 + 1\n3\n\n```\n\n<!-- table: 1 -->\n",
        "docs/d.md": "# D\n\n```pycon\n>>> 1 / 0\n\n```\n\n<!-- table: 1 -->\n",
        "docs/e.md": "# E\n\n<!-- drwa: 1 -->\n",
        "docs/f.md": "# F\n\n<!-- figure: 1 -->\n",
    }
    assert seen(tmp_path, pages) == [
        "docs/a.md:3: draw: nothing fails with NameError: name 'nothing' is not defined",
        "docs/b.md:3: the command \\nosuch is not known: \\nosuch{x}",
        "docs/b.md:5: an opening brace is never closed: \\frac{1",
        "docs/c.md:4: 1 + 1 printed 2, not 3",
        "docs/d.md:4: 1 / 0 fails with ZeroDivisionError: division by zero",
        "docs/e.md:3: drwa: 1 fails with ValueError: there is no directive 'drwa': "
        "choose from draw, page, quiz, exercise, figure, table, reference",
        "docs/f.md:3: figure: 1 fails with TypeError: 1 is a int, which shows itself as no picture and no HTML",
    ]
