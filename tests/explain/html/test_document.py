"""The page: its bytes, its text, its policy, its limits. How it behaves is tested in a browser, beside this file."""

from __future__ import annotations

import copy
import html
import os
import pickle
import re
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter
from markupsafe import escape

from scalargrad import TooLarge, Value, page, primitive, steps
from scalargrad.explain import page_data
from scalargrad.explain.drawing.render import _rendered
from scalargrad.explain.html.document import content, pictures
from scalargrad.explain.names import exact, gradient_name
from scalargrad.terminal import visible

LABELS = [  # each has tried to be something else than a label, somewhere
    "<lambda>",
    "a|b{c}",
    "'single' and \"double\"",
    "a trailing backslash\\",
    "two\nlines\r\nand\ttabs",
    "</script><script>alert(1)</script>",
    "</style></title><h1>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "&lt;b&gt; &amp; &#60;",
    "{{ 7 * 7 }} {% raw %} ${x}",
    "\u202eright to left\u202c",
    "lone \ud800 surrogate",
    "null \0 byte",
    "x" * 10_000,
]


def product(label: str = "a") -> Value:
    result = Value(2.0, label=label) * Value(-3.0, label="b")
    result.label = label
    return result


def neuron() -> Value:
    inputs = {"x1": 2.0, "w1": -3.0, "x2": 0.0, "w2": 1.0, "b": 6.8813735870195432}
    x1, w1, x2, w2, b = (Value(data, label=label) for label, data in inputs.items())
    n = x1 * w1 + x2 * w2 + b
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    return o


# ---------------------------------------------------------------- a reader of pages


class Reader(HTMLParser):
    """The elements of a page with their attributes, their text, and the rows of its tables, the ledger's last."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.words = ""
        self.tables: list[list[list[str]]] = []
        self._within = ""
        self._is_in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        self._within = tag
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self._is_in_cell = True
        elif "title" in attributes and self._is_in_cell:  # all the digits of a rounded number
            self.rows[-1][-1] = f"{attributes['title']}|"

    @property
    def rows(self) -> list[list[str]]:
        return self.tables[-1]

    def handle_data(self, data: str) -> None:
        self.text[self._within] = self.text.get(self._within, "") + data
        self.words += data
        if self._is_in_cell:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._within = ""
        self._is_in_cell &= tag not in {"td", "th"}


def shape(text: str) -> Counter[tuple[str, tuple[str, ...]]]:
    """How often each element occurs, with the names of its attributes."""
    return Counter((tag, tuple(attributes)) for tag, attributes in Reader(text).elements)


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize("label", LABELS, ids=range(len(LABELS)))
def test_no_label_becomes_markup(label: str) -> None:
    """Whatever a label is, the page has the same elements with the same attributes, and shows it as text."""
    document = page(product(label))
    assert shape(document) == shape(page(product()))
    assert gradient_name(f"{visible(label)}#2", visible(label)) in Reader(document).words
    assert document.encode().decode() == document


@pytest.mark.parametrize("label", ["<lambda>", "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)'])
def test_markup_in_a_label_would_be_seen(label: str) -> None:
    """Negative control: the same label without the escapes changes the page's shape."""
    document = page(product(label))
    raw = document.replace(str(escape(label)), label)
    assert raw != document
    assert shape(raw) != shape(document)


# ---------------------------------------------------------------- nothing but the page


def test_the_policy_allows_the_style_and_the_script_of_the_page_alone() -> None:
    """The policy forbids everything, but for what has the hash of the page's own style and script."""
    document = page(neuron())
    (policy,) = [
        a["content"] for tag, a in Reader(document).elements if a.get("http-equiv") == "Content-Security-Policy"
    ]
    hashes = {
        kind: f"'sha256-{b64encode(sha256(Reader(document).text[kind].encode()).digest()).decode()}'"
        for kind in ("style", "script")
    }
    assert policy == (
        f"default-src 'none'; style-src {hashes['style']}; script-src {hashes['script']}; "
        "base-uri 'none'; form-action 'none'"
    )


def test_the_page_refers_to_nothing_outside() -> None:
    """Every link leads to a step of the page, and nothing is loaded, embedded or styled inline."""
    elements = Reader(page(neuron())).elements
    links = {value for _, attributes in elements for name, value in attributes.items() if name.endswith("href")}
    assert links == {f"#step={i}" for i in range(1, 10)} | {f"#forward={i}" for i in range(1, 6)}
    assert not {"src", "srcset", "style", "action", "data", "onclick"} & {name for _, a in elements for name in a}
    assert not {"img", "link", "iframe", "object", "embed", "use", "image", "foreignobject"} & {t for t, _ in elements}


# ---------------------------------------------------------------- what it says


def test_the_ledger_holds_the_steps() -> None:
    """A row has the names, the formula and the very numbers of its step."""
    walk = steps(neuron())
    header, *rows = Reader(page(walk)).rows
    assert header[1:] == [
        "gradient", "operation", "local gradient", "before", "+ upstream", "× local", "= gain", "after"
    ]  # fmt: skip
    assert [row[0] for row in rows] == [str(i) for i in range(1, len(walk) + 1)]
    for row, step in zip(rows, walk, strict=True):
        result, operand = step.as_dict()["result"], step.as_dict()["operand"]
        assert row[1] == f"do/d{operand}"
        assert row[2].startswith(f"{result} = ")
        assert row[3] == f"∂{result}/∂{operand} = {step.formula}"
        numbers = [cell.partition("|")[0].replace("−", "-") for cell in row[4:]]
        assert numbers == [exact(x) for x in (step.before, step.upstream, step.local, step.product, step.after)]


def test_the_forward_pass_is_told_too() -> None:
    """Before the ledger stands each result with its formula, in names and in numbers, and its value."""
    document = page(neuron())
    header, *rows = Reader(document).tables[0]
    assert header[1:] == ["forward pass", "operation", "in numbers", "value"]
    assert rows[0] == ["1", "v1", "x1 * w1", "2.0 * (−3.0)", "−6.0"]
    assert rows[-1] == ["5", "o", "tanh(n)", "tanh(0.8814)", "0.7071067811865477|0.7071"]
    assert "v3 = x1 * w1" not in document  # negative control: a formula is of its own operands


def test_a_row_points_at_what_is_drawn() -> None:
    """Each row gives two nodes and an edge that the drawing has exactly once, the edge of that very operand."""
    o = neuron()
    elements = Reader(page(o)).elements
    ids = Counter(attributes["id"] for _, attributes in elements if "id" in attributes)
    assert set(ids.values()) == {1}
    rows = [attributes for tag, attributes in elements if tag == "tr" and "data-operand" in attributes]
    titles = dict(re.findall(r'<g id="(\w+)"[^>]*>\s*<title>([^<]*)</title>', page(o)))
    for row, step in zip(rows, steps(o), strict=True):
        edge = f"graph_edge{row['data-result']}_{row['data-position']}"
        result, operand = f"graph_node{row['data-result']}", f"graph_node{row['data-operand']}"
        assert {edge, result, operand} <= ids.keys()
        names = step.as_dict()
        assert titles[edge].startswith(f"∂{names['result']}/∂{names['operand']} = ")
        assert titles[result].startswith(f"{names['result']} = ")


def test_the_drawing_shows_the_last_totals() -> None:
    """As written, the page shows each node with the gradient that backward brings it."""
    o = neuron()
    document = page(o)
    assert not o.swept
    o.backward()
    titles = re.findall(r"<title>(\w+)(?: = [^<]*)?: value [^<]*, gradient ([^<]*)</title>", document)
    walk = steps(o)
    assert {name: float(gradient) for name, gradient in titles} == {walk.names[v]: v.grad for v in walk.order}


def test_a_page_of_steps_leaves_the_cursor_where_it_is() -> None:
    """Writing the page of steps is the page of their value, and moves nothing."""
    o = neuron()
    walk = steps(o)
    walk.next()
    assert page(walk) == page(o)
    assert walk.position == 1


def test_several_values_have_one_page() -> None:
    """A page of several values shows what each was computed from, and each one's seed at the start."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    total, product = a + b, a * b
    document = page(steps([total, product], gradients=[1.0, 10.0], names=locals()))
    text = " ".join(re.sub("<[^>]*>", " ", document).split())
    assert "The gradients of total, product , step by step" in text
    assert "total = a + b = −1.0 . product = a * b = −6.0 ." in text
    assert "Start: d(total, product)/dtotal = 1.0, d(total, product)/dproduct = 10.0" in text
    assert len(Reader(document).rows) == 5
    assert page([total, product]) == page(steps([total, product]))
    many = page([Value(float(i)) + a for i in range(10)])
    assert many.count("the gradients that the backward pass starts with") == 1
    assert "<span>and 7 more</span>" in many


def test_names_of_variables_are_shown() -> None:
    """A Value without a label is called by the variable that holds it."""
    weights = [Value(2.0), Value(3.0)]
    loss = weights[0] * weights[1] + 1
    assert "dloss/dweights[1]" in Reader(page(loss, names=locals())).words
    assert page(steps(loss, names=locals())) == page(loss, names=locals())


def test_a_number_alone_has_a_page() -> None:
    """A Value that was computed from nothing has a page without steps."""
    assert len(Reader(page(Value(2.0, label="a"))).rows) == 1


def test_an_operation_of_ones_own_has_a_page() -> None:
    """An operation with three operands, nans and infinities among its numbers, is shown like any other."""

    @primitive(partials=[lambda out, x, y, z: y, lambda out, x, y, z: x, lambda out, x, y, z: 1], name="fused")
    def fused(x: float, y: float, z: float) -> float:
        """Return x * y + z."""
        return x * y + z

    x, y, z = (Value(data, label=label) for label, data in (("x", float("inf")), ("y", float("nan")), ("z", 1.0)))
    _, *rows = Reader(page(fused(x, y, z))).rows
    assert [row[2].removesuffix("df/df") for row in rows] == ["f = fused(x, y, z)"] * 3
    assert [row[-1] for row in rows] == ["nan", "inf", "1.0"]


def test_a_front_end_may_lay_the_drawing_out_itself() -> None:
    """What Graphviz makes of the source elsewhere is finished to the same picture, which is then in the markup."""
    data = page_data(neuron())
    (picture,) = pictures(data)
    drawing = picture.drawing(data)
    raw = _rendered(drawing.source, "svg", "dot").decode()
    assert raw != drawing.fragment() == drawing.finished(raw)
    assert content(data, [(picture, drawing.finished(raw))]) in page(neuron())


# ---------------------------------------------------------------- bytes and files


def test_the_same_value_gives_the_same_bytes() -> None:
    """Two interpreters with different hash seeds write the same page."""
    program = (
        "import sys; from tests.explain.html.test_document import neuron; from scalargrad import page; "
        "sys.stdout.buffer.write(page(neuron()).encode())"
    )
    pages = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
        ).stdout
        for seed in ("1", "2")
    ]
    assert pages[0] == pages[1] == page(neuron()).encode()


def test_a_page_opens_at_a_step() -> None:
    """`at` counts steps or is a node, `forward` counts steps of the forward pass; 0 is the start, and the default."""
    walk = steps(neuron())

    def opens_at(**where: Any) -> str:
        (opened,) = [a["data-open"] for _, a in Reader(page(walk, **where)).elements if "data-open" in a]
        return str(opened)

    assert [opens_at(), opens_at(at=0), opens_at(at=5), opens_at(at=9)] == ["0", "0", "5", "9"]
    assert opens_at(at="w1") == opens_at(at=walk.node("w1")) == str(walk.into("w1")[0].index + 1)
    assert [opens_at(forward=0), opens_at(forward=3), opens_at(forward=5)] == ["-6", "-3", "-1"]
    assert 'data-open="0"' in page(Value(2.0), forward=0)
    assert walk.position == 0
    for where, error, message in [
        ({"at": 10}, IndexError, "10 steps cannot be made: o has 9"),
        ({"at": -1}, IndexError, "-1 steps cannot be made"),
        ({"at": 2.5}, TypeError, r"a place among the steps is .* got 2\.5"),
        ({"at": True}, TypeError, "got True"),
        ({"at": "w3"}, LookupError, "nothing in o is called 'w3'"),
        ({"forward": 6}, IndexError, "6 steps of the forward pass cannot be made: o has 5"),
        ({"forward": -1}, ValueError, "forward must be an integer of at least 0, got -1"),
        ({"at": 3, "forward": 3}, TypeError, "give at or forward"),
    ]:
        with pytest.raises(error, match=message):
            page(walk, "nowhere.html", **where)  # type: ignore[arg-type]


def test_a_page_of_a_neuron_is_small() -> None:
    """A neuron's page, graph, ledger, style and script, has less than 75,000 bytes."""
    assert len(page(neuron()).encode()) < 75_000


def test_a_page_is_written_to_a_path(tmp_path: Path) -> None:
    """With a path the same text goes to the file, and the path comes back, whatever kind of path it was."""
    target = tmp_path / "neuron.html"
    assert page(neuron(), str(target)) == target
    assert target.read_bytes() == page(neuron()).encode()


def test_a_page_shows_itself_in_a_line_and_can_be_saved(tmp_path: Path) -> None:
    """At a prompt a page is a line that says how to write it, and that does; as a string it is the whole page."""
    document = page(neuron())
    assert repr(document) == f"<page of {len(document):,} characters: .save('page.html') writes it>"
    assert str(document).startswith("<!doctype html>")
    assert f"{document}" == str(document) == copy.copy(document) == pickle.loads(pickle.dumps(document))
    assert document.save(tmp_path / "saved") == tmp_path / "saved.html"
    assert (tmp_path / "saved.html").read_bytes() == document.encode()
    assert repr(page(steps(neuron()))) == repr(document)


def test_a_notebook_shows_a_page_in_a_frame() -> None:
    """IPython gets the whole page in a frame, with a sentence for a notebook that shows no frames, and the line."""
    shown, _ = DisplayFormatter().format(page(neuron()))  # type: ignore[no-untyped-call]  # IPython has no types here
    assert set(shown) == {"text/plain", "text/html"}
    assert shown["text/plain"] == repr(page(neuron()))
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)"[^<>]*>([^<>]*)</iframe>', shown["text/html"])
    assert frame
    assert html.unescape(frame[1]) == page(neuron())
    assert "not trusted" in frame[2]


@pytest.mark.parametrize("label", LABELS, ids=range(len(LABELS)))
def test_a_frame_has_the_title_of_its_page(label: str) -> None:
    """Several frames are told apart by what they are of, and no label gets out of the attribute."""
    ((tag, attributes),) = Reader(page(product(label))._repr_html_()).elements
    assert (tag, list(attributes)) == ("iframe", ["srcdoc", "title", "style"])
    assert attributes["title"] == f"The gradients of {visible(label)}#2, step by step"


def test_the_name_of_a_page_ends_in_html(tmp_path: Path) -> None:
    """A name without a suffix gets that of a page, as a drawing's does; with one of a picture it is refused."""
    assert page(neuron(), tmp_path / "neuron") == tmp_path / "neuron.html"
    with pytest.raises(ValueError, match=r"the name of a page ends in \.html or \.htm, got '.*neuron\.svg'"):
        page(neuron(), tmp_path / "neuron.svg")
    assert [file.name for file in tmp_path.iterdir()] == ["neuron.html"]


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails, what stood there before stands there still, and nothing is left beside it."""
    target = tmp_path / "neuron.html"
    target.write_text("before", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        page(neuron(), target)
    assert target.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [target]


# ---------------------------------------------------------------- limits and bad input


def test_too_many_steps_are_refused_with_advice() -> None:
    """Above the limit the error says how many steps there are and what to do; at the limit there is a page."""
    with pytest.raises(TooLarge, match=r"9 steps are more than the limit of 8 .* a part, .* limit=9$"):
        page(neuron(), limit=8)
    assert len(Reader(page(neuron(), limit=9)).rows) == 10


def test_a_large_graph_is_refused_at_once() -> None:
    """The default limit refuses ten thousand steps before anything is laid out."""
    chain = Value(1.0)
    for _ in range(10_000):
        chain = chain.sin()
    with pytest.raises(TooLarge, match="10,000 steps are more than the limit of 2,000"):
        page(chain)


@pytest.mark.parametrize("limit", [-1, 2.5, "many", True])
def test_a_limit_is_a_count(limit: int) -> None:
    """A limit that is no count is an error that shows it."""
    with pytest.raises(ValueError, match=f"limit must be an integer of at least 0, got {limit!r}"):
        page(neuron(), limit=limit)


def test_steps_have_their_names_already() -> None:
    """Names given once more with steps are an error, not ignored."""
    with pytest.raises(TypeError, match="give names to steps"):
        page(steps(neuron()), names={"a": Value(1.0)})


def test_only_a_value_has_a_page() -> None:
    """What is no Value is an error that shows it."""
    with pytest.raises(TypeError, match=r"got 3\.0 of type float"):
        page(3.0)  # type: ignore[call-overload]  # the wrong type is what is tested


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jinja2 the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"scalargrad-engine\[page\]"):
        page(neuron())
