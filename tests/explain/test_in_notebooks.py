"""What notebooks show in a real browser: JupyterLab, of a trusted notebook and of another, and what nbconvert makes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import scalargrad
from tests.explain.html import test_in_browser

browser = test_in_browser.browser

CELLS = {
    "start": """%load_ext scalargrad
from IPython.display import HTML, SVG, display
from scalargrad import *
from scalargrad import nn
x, w, b = Value(2.0, label="x"), Value(-0.5, label="w"), Value(0.25, label="b")
loss = (x * w + b).tanh()
long = loss
for _ in range(20):
    long = long.tanh()""",
    "draw": "draw(loss)",
    "wide": "draw(long, partials=True)",
    "network": "draw_network(nn.MLP(3, [4, 4, 1], rng=0))",
    "cell": "%%explain\nx * w",
    "line": "%explain long",
    "png": "display(draw(loss), include=['image/png'])",
    "steps": "steps(loss).to(2)",
    "check": "gradcheck(loss, wrt=[x, w, b])",
    "tree": "tree(long)",
    "ledger": "ledger(long)",
    "bare svg": "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><text>a bare SVG</text></svg>')",
    "svg in html": "HTML('<svg><text>its text</text></svg>')",
    "page": "page(loss)",
}
PICTURES = ("draw", "wide", "network", "cell", "line", "png")
TABLES = ("steps", "check")
LINES = ("cell", "line", "tree", "ledger")

PREPARE = """
import json, sys
import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter, LatexExporter
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook

book = new_notebook(cells=[new_code_cell(cell) for cell in json.loads(sys.argv[1])])
NotebookClient(book, kernel_name="python3").execute()
nbformat.write(book, "untrusted.ipynb")
with open("converted.html", "w", encoding="utf-8") as file:
    file.write(HTMLExporter().from_notebook_node(book)[0])
book.metadata["title"] = "trusted"  # the signature is one of the content
NotebookNotary().sign(book)
nbformat.write(book, "trusted.ipynb")
book.cells = [cell for cell in book.cells if "SVG(" not in cell.source]
with open("converted.tex", "w", encoding="utf-8") as file:
    file.write(LatexExporter().from_notebook_node(book)[0])
"""

SEEN = """() => [...document.querySelectorAll(".jp-CodeCell")].map((cell) => {
    const all = (selector) => [...cell.querySelectorAll(`.jp-OutputArea-output ${selector}`)];
    const outputs = [...cell.querySelectorAll(".jp-OutputArea-output")];
    const style = (element, names) => names.map((name) => getComputedStyle(element)[name]);
    return {
        text: outputs.map((output) => output.innerText).join("\\n"),
        room: Math.min(...outputs.map((output) => output.clientWidth)),
        sticks_out: outputs.some((output) => output.scrollWidth > output.clientWidth),
        pictures: all("img").map((image) => ({
            kind: image.src.split(";")[0],
            is_there: image.complete && image.naturalWidth > 0,
            pixels: [image.naturalWidth, image.naturalHeight],
            size: [image.getBoundingClientRect().width, image.getBoundingClientRect().height],
            ground: getComputedStyle(image).backgroundColor,
        })),
        drawn: all("svg").length,
        frames: all("iframe").length,
        cells: all("td").map((cell) => style(cell, ["textAlign", "paddingRight", "borderBottomWidth"])),
        heads: all("th").map((cell) => style(cell, ["textAlign", "paddingRight", "borderBottomWidth"])),
        lines: all("pre").map((lines) => style(lines, ["whiteSpace", "fontFamily"])),
    };
})"""

Seen = dict[str, dict[str, Any]]

_package = find_spec("jupyterlab")
assert _package is not None, "the extra test has jupyterlab"
SHARED = Path(_package.origin or "").parents[4] / "share" / "jupyter"  # what a front end is made of


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """A JupyterLab on the notebooks of a folder: its address, on this machine alone."""
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    command += [f"--app-dir={SHARED / 'lab'}", f"--ServerApp.root_dir={folder}", "--IdentityProvider.token="]
    command += ["--LabApp.extension_manager=readonly", "--LabApp.news_url="]
    environment = ENVIRONMENT | dict.fromkeys(PRIVATE, str(folder / "jupyter"))
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as server:
        assert server.stderr is not None
        addresses = (re.search(r"http://127\.0\.0\.1:[1-9]\d*", line) for line in server.stderr)
        address = next(filter(None, addresses))[0]
        Thread(target=server.stderr.read, daemon=True).start()
        try:
            yield address
        finally:
            server.terminate()


ENVIRONMENT = {**os.environ, "JUPYTER_PATH": str(SHARED), "PYTHONPATH": str(Path(scalargrad.__file__).parents[1])}
PRIVATE = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cells as notebooks, with their outputs, and converted; Jupyter keeps its own files in the folder too."""
    path = tmp_path_factory.mktemp("notebooks")
    environment = ENVIRONMENT | dict.fromkeys(PRIVATE, str(path / "jupyter"))
    command = [sys.executable, "-c", PREPARE, json.dumps(list(CELLS.values()))]
    prepared = subprocess.run(command, cwd=path, env=environment, check=False, capture_output=True, text=True)
    assert prepared.returncode == 0, prepared.stderr
    return path


@pytest.fixture(scope="module")
def notebooks(browser: Browser, folder: Path) -> Iterator[dict[str, Page]]:
    """The notebooks as three readers see them."""
    with jupyterlab(folder) as address:

        def only_here(route: Route) -> None:
            if route.request.url.startswith((address, "file:")):
                route.continue_()
            else:
                route.abort()

        def opened(url: str) -> Page:
            page = browser.new_context(viewport={"width": 1000, "height": 6000}).new_page()
            page.route("**", only_here)
            page.goto(url)
            expect(page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")).to_be_visible(timeout=60_000)
            page.wait_for_function("[...document.images].every((image) => image.complete)")
            return page

        yield {
            "trusted": opened(f"{address}/doc/tree/trusted.ipynb"),
            "untrusted": opened(f"{address}/doc/tree/untrusted.ipynb"),
            "converted": opened((folder / "converted.html").as_uri()),
        }


@pytest.fixture(scope="module", params=["trusted", "untrusted", "converted"])
def reader(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def seen(notebooks: dict[str, Page], reader: str) -> Seen:
    """What a reader sees of each cell's output."""
    return dict(zip(CELLS, notebooks[reader].evaluate(SEEN), strict=True))


@pytest.mark.no_cover  # traced line by line, it would take several times as long
def test_every_picture_is_seen(seen: Seen) -> None:
    """Each reader sees one picture where one is drawn, on white ground, and never the text of a picture."""
    for name in PICTURES:
        (picture,) = seen[name]["pictures"]
        assert picture["is_there"], name
        assert name == "png" or picture["ground"] == "rgb(255, 255, 255)"
        assert not seen[name]["drawn"]
        assert "drawing" not in seen[name]["text"]
        assert "grad " not in seen[name]["text"]


def test_what_an_untrusted_notebook_hides_is_hidden(notebooks: dict[str, Page]) -> None:
    """Negative control: it shows no SVG as such, and of one in HTML nothing but its text; a trusted one shows both."""
    trusted, untrusted = (
        dict(zip(CELLS, notebooks[name].evaluate(SEEN), strict=True)) for name in ("trusted", "untrusted")
    )
    assert "SVG object" in untrusted["bare svg"]["text"]
    assert [untrusted[name]["drawn"] + len(untrusted[name]["pictures"]) for name in ("bare svg", "svg in html")] == [
        0,
        0,
    ]
    assert untrusted["svg in html"]["text"].strip() == "its text"
    assert len(trusted["bare svg"]["pictures"]) == trusted["svg in html"]["drawn"] == 1


def test_wide_pictures_fit_the_cell(seen: Seen) -> None:
    """No picture is wider than its cell, and a wide one keeps its proportions."""
    for name in PICTURES:
        (picture,) = seen[name]["pictures"]
        assert picture["size"][0] <= seen[name]["room"], name
        assert not seen[name]["sticks_out"], name
        height, width = picture["pixels"][1] / picture["pixels"][0], picture["size"]
        assert width[1] == pytest.approx(height * width[0], abs=1.5), name
    assert seen["wide"]["pictures"][0]["pixels"][0] > 2 * seen["wide"]["room"]


def test_a_png_is_as_large_as_the_image_and_twice_as_dense(seen: Seen) -> None:
    """A PNG takes as much room as the same picture in HTML, and has twice as many pixels each way."""
    (image,), (png,) = (seen[name]["pictures"] for name in ("draw", "png"))
    assert (image["kind"], png["kind"]) == ("data:image/svg+xml", "data:image/png")
    assert png["size"] == pytest.approx(image["size"], abs=1)
    assert png["pixels"] == pytest.approx([2 * side for side in png["size"]], abs=3)


def test_tables_have_their_styles(seen: Seen) -> None:
    """Cells stand apart, numbers on the right, and there is a line below the headings."""
    for name in TABLES:
        assert all(right == "12px" for _, right, _ in [*seen[name]["cells"], *seen[name]["heads"]])
        assert all(below == "1px" for _, _, below in seen[name]["heads"])
        assert not seen[name]["sticks_out"]
    assert {side for side, _, _ in seen["steps"]["cells"]} == {"left", "right"}


def test_lines_are_not_broken(seen: Seen) -> None:
    """Trees and ledgers keep their columns, in letters of one width, and scroll where they are too wide."""
    for name in LINES:
        assert len(seen[name]["lines"]) == (2 if name in {"cell", "line"} else 1)
        assert all(style == ["pre", "monospace"] for style in seen[name]["lines"])
        assert not seen[name]["sticks_out"]


@pytest.mark.parametrize("reader", ["trusted", "converted"])
def test_a_page_steps_in_its_frame(notebooks: dict[str, Page], reader: str) -> None:
    """In the frame the page shows itself and steps; the notebook's own address stays."""
    page = notebooks[reader]
    address = page.url
    frame = page.locator(".jp-CodeCell").last.frame_locator("iframe")
    frame.get_by_role("button", name="Next").click()
    expect(frame.locator(".position")).to_have_text("1")
    assert page.url == address


def test_an_untrusted_notebook_says_how_to_see_a_page(notebooks: dict[str, Page]) -> None:
    """Where no frame is shown, a sentence says why and what to do, and nothing of the page stands there as text."""
    last = notebooks["untrusted"].evaluate(SEEN)[-1]
    assert last["frames"] == 0
    assert re.fullmatch("This notebook is not trusted[^<>{}]*", last["text"].strip())


def test_a_pdf_gets_the_pictures(folder: Path) -> None:
    """Converted to LaTeX, on the way to PDF, every drawing is a PNG; with an SVG there, only Inkscape would do."""
    text = (folder / "converted.tex").read_text(encoding="utf-8")
    assert len(re.findall(r"\\adjustimage.*\.png}", text)) == len({"draw", "wide", "network", "png"})
    assert ".svg" not in text
