"""A walk through a built site in a real browser, from disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Locator, Page, TimeoutError

WIDE, NARROW = 1366, 390
GROUND_FOLLOWS = """(scheme) => {
  const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).map(Number);
  return (red + green + blue > 1.5 * 255) === (scheme === "light");
}"""
LOOKS: list[tuple[Literal["light", "dark"], int]] = [("light", NARROW), ("dark", WIDE)]


def walk(browser: Browser, site: Path) -> Iterator[str]:
    """Open every page of a site, wide and narrow, light and dark, and yield whatever is wrong.

    That is: a request to another host, anything said to the console, a title that is missing, text that is wider than a
    narrow screen, a background that does not follow the scheme.
    """
    page = browser.new_page()
    heard = _Heard(page)
    with_tests_of_its_own = set((site / "lab").rglob("*.html"))
    for path in sorted(set(site.rglob("*.html")) - with_tests_of_its_own):
        is_part = re.search(r"\.\d+\.html$", path.name) is not None
        for scheme, width in LOOKS:  # of one visit, as loading is what takes long
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            if (scheme, width) == LOOKS[0]:
                page.goto(path.as_uri())
            for what in [*heard.taken(), *_seen(page, scheme, has_theme=not is_part)]:
                yield f"{path.relative_to(site)}, {scheme}, {width} pixels: {what}"
    page.close()


class _Heard:
    """What a page asks for and says."""

    def __init__(self, page: Page) -> None:
        self._said: list[str] = []
        page.on("console", lambda message: self._said.append(f"says {message.text}"))
        page.on("pageerror", lambda error: self._said.append(f"fails: {error}"))
        page.on("request", lambda request: self._said.extend(_asked(request.url)))

    def taken(self) -> list[str]:
        taken, self._said = self._said, []
        return taken


def _asked(url: str) -> list[str]:
    return [] if re.match(r"(file|data|blob|about):", url) else [f"asks for {url}"]


def _seen(page: Page, scheme: str, *, has_theme: bool) -> Iterator[str]:
    if not page.title().strip():
        yield "has no title"
    width, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if width > shown:
        yield f"is {width} pixels wide where {shown} are shown"
    if has_theme:
        try:
            page.wait_for_function(GROUND_FOLLOWS, arg=scheme, timeout=1_000)
        except TimeoutError:
            yield "has a ground that does not follow the scheme"


def search(browser: Browser, start: Path, words: str) -> list[tuple[str, str]]:
    """Search a site from one of its pages, by keyboard alone, open the first result, and return what is listed."""
    page = browser.new_page()
    page.goto(start.as_uri())
    page.keyboard.press("/")
    page.keyboard.type(words)
    results = page.get_by_role("option")
    results.first.wait_for()
    before, listed = None, _listed(results)
    while before != listed:  # the list is made anew as letters arrive
        page.evaluate("new Promise((next) => requestIdleCallback(next))")
        before, listed = listed, _listed(results)
    page.keyboard.press("Enter")
    page.wait_for_url(listed[0][1])
    page.close()
    return listed


def _listed(results: Locator) -> list[tuple[str, str]]:
    """The text and the address of each result, read at one moment."""
    pairs = results.evaluate_all("(links) => links.map((link) => [link.innerText, link.getAttribute('href')])")
    return [(text, str(address)) for text, address in pairs]
