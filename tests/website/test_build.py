"""The site: what the build makes of pages, and that nothing wrong in a page passes."""

from __future__ import annotations

import base64
import codeop
import json
import re
import zlib
from html import unescape
from pathlib import Path

import pytest

from website import lab, prompts
from website.build import _told_apart, build
from website.errors import SiteError
from website.links import read

from .conftest import CHAPTER, INDEX, PAGES, written

# ---------------------------------------------------------------- what is built


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def words(html: str) -> str:
    return re.sub(r"<[^>]+>|\s", "", html)


def test_every_page_is_built(small_site: Path) -> None:
    """Each page of docs/, and each file that a page links to, is a page of the site, and nothing is wrong with it."""
    built = {path.relative_to(small_site).as_posix() for path in small_site.rglob("*.html")}
    built -= {"lab/scalargrad_lab.html"}
    assert built == {
        "index.html",
        "reference.html",
        "project/code.py.html",
        "tour/01_neuron.html",
        "tour/01_neuron.2.html",
        "tour/02_end.html",
    }
    assert 'href="../notebooks/01_neuron.ipynb"' in text_of(small_site / "tour/01_neuron.html")


def test_a_page_has_its_title_and_says_what_it_is(small_site: Path) -> None:
    """The title of a page names it and the site, and its description is its first paragraph."""
    page = text_of(small_site / "tour/01_neuron.html")
    assert read(page).title == "A neuron - scalargrad"
    assert '<meta name="description" content="What is x_1 w_1 + b? A price of 5 or 6 is no formula' in page


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
    """A name has its signature, its arguments as a table, and its examples as code; no type is made up."""
    page = text_of(small_site / "reference.html")
    assert 'id="scalargrad.grad"' in page
    assert re.search(r"<table>.*?<code>wrt</code>", page, re.DOTALL)
    assert '<div class="language-pycon highlight">' in page
    attributes = page[page.index("Attributes:") :]
    rows = dict(re.findall(r"<tr [^>]*>\s*<td>(.*?)</td>\s*<td>(.*?)</td>", attributes, re.DOTALL)[:2])
    assert {words(name): words(kind) for name, kind in rows.items()} == {"layers": "list[Layer]", "activation": ""}
    assert 'href="reference.html#scalargrad.exp"' in text_of(small_site / "index.html")


def test_examples_lead_to_the_lab_where_there_is_one(small_site: Path) -> None:
    """A build keeps the lab, and each block of examples opens in it with the code of the page up to there."""
    assert text_of(small_site / "lab/scalargrad_lab.html") == "the lab"
    codes = re.findall(r'href="../lab/scalargrad_lab.html#code=([^"]+)"', text_of(small_site / "tour/01_neuron.html"))
    blocks = [zlib.decompress(base64.urlsafe_b64decode(code + "==")).decode() for code in codes]
    assert len(blocks) == 3
    assert blocks[0].endswith("o.backward()\na.grad\n")
    assert blocks[2].startswith(blocks[0])
    assert blocks[2].endswith("answer = 2 * a\nanswer.data\n")
    reference = text_of(small_site / "reference.html")
    assert re.search(r'href="./lab/scalargrad_lab.html" class="md-tabs__link"', reference)
    assert "scalargrad_lab.html#code" not in reference


def stops(html: str) -> list[str]:
    """The lines at which a prompt, which gets the examples of a page line by line, sees a fault of syntax."""
    found = []
    for block in re.findall(r'<div class="language-pycon highlight">.*?</div>', html, re.DOTALL):
        typed: list[str] = []  # of a statement that is not complete
        for line in unescape(re.sub(r"<[^>]+>", "", block)).splitlines():
            if line.startswith(">>> ") or (typed and re.match(r"\.\.\.( |$)", line)):
                found += [line] if line.startswith(">>> ") and typed else []
                typed = [*(typed if line.startswith("...") else []), line[4:]]
                typed = [] if codeop.compile_command("\n".join(typed)) else typed
            else:
                found += [line] if line.startswith("... ") else []
                typed = []
    return found


def test_a_prompt_takes_examples_as_they_are_copied(small_site: Path) -> None:
    """An empty line, which ends a statement at a prompt, stands after each statement of several lines, not within."""
    line = '<span class="gp">{}</span>{}\n'.format
    start, more, none = "&gt;&gt;&gt; ", "... ", "..."
    twice = [(start, "def f(x):"), (more, "    y = x"), (none, ""), (more, "    return y"), (start, "f(1)")]
    call = [(start, "f("), (more, "    1,"), (more, ")"), (start, "f(2)")]
    text = [(start, "t = &quot;&quot;&quot;"), (more, "a"), (none, ""), (more, "&quot;&quot;&quot;"), (start, "t")]
    blocks = [
        '<div class="language-pycon highlight">' + "".join(line(*one) for one in block) + "</div>"
        for block in (twice, call, text)
    ]
    assert [stops(block) for block in blocks] == [["...     return y"], [], []]  # the control: it sees one
    assert [stops(prompts.for_a_prompt(block)) for block in blocks] == [[], [], []]
    assert prompts.for_a_prompt(blocks[0]).count(line(none, "")) == 1
    assert list(map(prompts.for_a_prompt, blocks[1:])) == blocks[1:]
    pages = [text_of(path) for path in small_site.rglob("*.html")]
    assert any("language-pycon" in page for page in pages)
    assert [stops(page) for page in pages] == [[] for _ in pages]


def test_what_fails_is_left_out_of_later_blocks() -> None:
    """A block that shows an error opens with it; blocks below it do not have it."""
    block = '<div class="language-pycon highlight"><pre>&gt;&gt;&gt; {}\n</pre></div>'
    error = "1 / 0\nTraceback (most recent call last):\n    ...\nZeroDivisionError: division by zero"
    html = "".join(map(block.format, ("x = 1", error, "x", "y")))
    html = lab.with_links(html, ">>> x = 1\n>>> 1 / 0\n>>> x\n", ".")  # y is of a docstring
    codes = re.findall(r"#code=([^\"]+)", html)
    blocks = [zlib.decompress(base64.urlsafe_b64decode(code + "==")).decode() for code in codes]
    assert blocks == ["x = 1\n", "x = 1\n1 / 0\n", "x = 1\nx\n"]


def test_what_the_lab_cannot_run_has_no_link() -> None:
    """A block that needs another package has no link, nor has one that uses its names until they are bound anew."""
    block = '<div class="language-pycon highlight"><pre>&gt;&gt;&gt; {}\n</pre></div>'
    lines = ("x = 1", "import numpy as np; y = np.pi", "y", "x", "from scalargrad import sech", "y = 2", "y")
    html = "".join(map(block.format, lines))
    html = lab.with_links(html, "".join(f">>> {line}\n" for line in lines), ".")
    linked = [piece.count("#code=") for piece in html.split('<div class="language-pycon highlight">')[1:]]
    assert linked == [1, 0, 0, 1, 0, 1, 1]
    code = re.findall(r"#code=([^\"]+)", html)[-1]
    assert zlib.decompress(base64.urlsafe_b64decode(code + "==")).decode() == "x = 1\nx\ny = 2\ny\n"


def test_sections_of_many_pages_name_theirs(small_site: Path) -> None:
    """In the search, a section whose title other pages have, too, says which page it is of; the other titles stay."""
    index = json.loads(text_of(small_site / "search.js").partition("=")[2].rstrip(";\n "))
    titles = {item["location"]: item["title"] for item in index["items"]}
    assert titles["tour/01_neuron.html"] == "A neuron"
    search = 'var __index = {"items": [%s]};'
    item = '{"title": "Run", "level": 2, "location": "%s#run", "path": ["Tour", "%s"]}'
    alike = _told_apart(search % ", ".join([item % ("a", "A"), item % ("b", "B")]))
    assert re.findall('"title":"(.*?)"', alike) == ["Run · A", "Run · B"]
    assert re.findall('"title":"(.*?)"', _told_apart(search % (item % ("a", "A")))) == ["Run"]


def test_language_models_find_every_page(small_site: Path) -> None:
    """llms.txt lists every page with what it is about, and llms-full.txt has the text of all of them."""
    listed = text_of(small_site / "llms.txt")
    assert listed.startswith("# Small\n\n> A site of three pages. Here is a chapter, code and exp.\n")
    assert "\n- [A neuron](tour/01_neuron.html): What is x_1 w_1 + b? A price of" in listed
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
        "docs/g.md": "# G\n\n>>>x\n\n<!-- table: 1 -->\n",
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
        "docs/g.md:3: the examples cannot be read: line 3 of the docstring for docs/g.md lacks blank after >>>: '>>>x'",
    ]
