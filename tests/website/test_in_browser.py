"""The site in a real browser, from disk: the small one, and the whole one where it has been built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.explain.html import test_in_browser

from .browsing import search, walk

browser = test_in_browser.browser
WHOLE = Path(__file__).parents[2] / "site"


def test_the_small_site_is_whole(browser: Browser, small_site: Path) -> None:
    """No page asks another host for anything, says anything to the console, or is wider than a narrow screen."""
    assert list(walk(browser, small_site)) == []


def test_the_search_works_from_disk(browser: Browser, small_site: Path) -> None:
    """By keyboard alone: a word leads to the page that has it, without a server."""
    text, address = search(browser, small_site / "index.html", "price")[0]
    assert "A neuron" in text
    assert "/tour/01_neuron.html" in address


def test_the_keyboard_is_enough(browser: Browser, small_site: Path) -> None:
    """The first key leads past the navigation, the palette changes by key, and so does the page in a frame."""
    page = browser.new_page(color_scheme="light")
    page.goto((small_site / "tour" / "01_neuron.html").as_uri())
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # the title's link to itself
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Notebook")).to_be_focused()
    page.get_by_label("Switch to light mode").first.focus()
    for scheme in ("default", "slate"):  # from the system's to light, and from light to dark
        page.keyboard.press("Enter")
        expect(page.locator("body")).to_have_attribute("data-md-color-scheme", scheme)
    frame = page.frame_locator(".frame iframe")
    step = frame.get_by_role("slider")
    before = int(step.input_value())
    frame.get_by_role("button", name="Light or dark").press("ArrowRight")
    expect(step).to_have_value(str(before + 1))
    page.close()


def test_a_page_in_a_frame_prints_whole(browser: Browser, small_site: Path) -> None:
    """On paper, where nothing scrolls, a frame has room for every step, and not much more."""
    page = browser.new_page(viewport={"width": 600, "height": 800})
    page.goto((small_site / "tour" / "01_neuron.html").as_uri())
    frame = page.locator(".frame iframe").first
    frame.scroll_into_view_if_needed()
    page.frame_locator(".frame iframe").first.locator("tbody").first.wait_for(state="attached")
    page.emulate_media(media="print")
    needed = page.frame_locator(".frame iframe").first.locator("body").evaluate("body => body.scrollHeight")
    assert needed <= frame.evaluate("frame => frame.clientHeight") <= needed + 150
    page.close()


def test_what_is_copied_can_be_run(browser: Browser, small_site: Path) -> None:
    """The button of a block of examples copies the code without prompts and output."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto((small_site / "tour" / "01_neuron.html").as_uri())
    page.locator(".language-pycon").first.hover()
    page.locator(".language-pycon button").first.click()
    page.get_by_text("Copied to clipboard").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[:2] == ["from scalargrad import Value, ledger", "a, b = Value(2.0), Value(-3.0)"]
    assert copied.splitlines()[-1] == "a.grad"
    context.close()


def test_what_is_wrong_is_seen(browser: Browser, small_site: Path, tmp_path: Path) -> None:
    """Negative control: requests, errors, overflow, a missing title and a ground that ignores the scheme are seen."""
    site = tmp_path / "site"
    shutil.copytree(small_site, site, ignore=shutil.ignore_patterns("*.html"))
    bad = (
        '<body style="background: white"><p style="width: 400px">wide</p><img src="http://127.0.0.1:9/x.png">'
        "<script>console.log('hello'); throw new Error('no')</script>"
    )
    (site / "index.html").write_text(f"<!doctype html><html>{bad}</html>", encoding="utf-8")
    seen = list(walk(browser, site))
    for what in (
        "index.html, light, 390 pixels: asks for http://127.0.0.1:9/x.png",
        "index.html, light, 390 pixels: says hello",
        "index.html, light, 390 pixels: fails: no",
        "index.html, light, 390 pixels: has no title",
        "index.html, dark, 1366 pixels: has a ground that does not follow the scheme",
    ):
        assert what in seen
    assert any("pixels wide where 390 are shown" in what for what in seen)


@pytest.mark.skipif(
    not (WHOLE / "index.html").exists(), reason="the whole site is walked where it has been built: python -m website"
)
def test_the_whole_site_is_whole(browser: Browser) -> None:
    """What holds for the small site holds for every page of the whole one, and its search finds the reference."""
    assert list(walk(browser, WHOLE)) == []
    assert search(browser, WHOLE / "index.html", "gradcheck")
