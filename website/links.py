"""What the built pages lead to and load: links lead somewhere, and nothing is loaded from another host."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from . import lab
from .errors import Problem

LOADED = {  # attributes whose addresses a browser fetches by itself
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src",),
    "input": ("src",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
LOADED_LINKS = {"icon", "manifest", "modulepreload", "prefetch", "preconnect", "preload", "stylesheet", "dns-prefetch"}
_IN_STYLE = re.compile(r"""url\(\s*["']?(?!data:)([^"')]+)|@import\s+["']([^"']+)""")


@dataclass
class Built:
    """A page of HTML: its title, the names of its places, what it leads to and what it loads."""

    title: str = ""
    places: set[str] = field(default_factory=set)
    leads: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Built()
        self._open = ""
        self._depth = 0  # of SVG, in which a title is a tooltip

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._open = tag
        self._depth += tag == "svg"
        self.page.places.update(value for name in ("id", "name") if (value := values.get(name)))
        if tag == "a" and "href" in values:
            self.page.leads.append(values["href"])
        if tag == "link" and LOADED_LINKS & set(values.get("rel", "").split()):
            self.page.loads.append(values.get("href", ""))
        self.page.loads += [values[name] for name in LOADED.get(tag, ()) if name in values]
        self.page.loads += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]
        self.page.loads += _style_loads(values.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""
        self._depth -= tag == "svg"

    def handle_data(self, data: str) -> None:
        if self._open == "title" and not self._depth:
            self.page.title += data
        if self._open == "style":
            self.page.loads += _style_loads(data)


def _style_loads(style: str) -> list[str]:
    return [first or second for first, second in _IN_STYLE.findall(style)]


def read(html: str) -> Built:
    """Return what a page of HTML leads to and loads.

    >>> read('<title>T</title><a href="x.html">x</a><script src="https://cdn.example/x.js"></script>')
    Built(title='T', places=set(), leads=['x.html'], loads=['https://cdn.example/x.js'])
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


def problems(site: Path, start: str = "index.html") -> list[Problem]:
    """Return what is wrong with a built site.

    That is: a link or a loaded file that does not exist, a place on a page that does not exist, anything loaded from
    another host, a page without a title or with that of another one, a page that no link leads to.

    Args:
        site: the folder.
        start: the page from which links lead to all others, from the folder.
    """
    pages = {path: read(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    wrong: list[Problem] = []
    titles: dict[str, str] = {}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        wrong += [Problem(name, 0, message) for message in _wrong_addresses(path, page, site, pages)]
        if not page.title.strip():
            wrong.append(Problem(name, 0, "the page has no title"))
        elif not _is_part(path):
            other = titles.setdefault(page.title.strip(), name)
            if other != name:
                wrong.append(Problem(name, 0, f"the title {page.title.strip()!r} is that of {other}, too"))
    for path in sorted(site.rglob("*.css")):
        name = path.relative_to(site).as_posix()
        for address in _style_loads(path.read_text(encoding="utf-8")):
            wrong += [Problem(name, 0, message) for message in _wrong_load(address, path.parent)]
    reached = _reached(site / start, pages)
    lost = [path.relative_to(site).as_posix() for path in pages if path not in reached]
    wrong += [Problem(name, 0, "no link leads to the page") for name in lost]
    return wrong


def _is_part(path: Path) -> bool:
    """Whether a page was made by a directive, to stand in a frame of another."""
    return re.search(r"\.\d+\.html$", path.name) is not None


def _outside(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def _wrong_load(address: str, folder: Path) -> list[str]:
    parts = urlsplit(address)
    if parts.scheme == "data" or not address or address.startswith("#"):
        return []
    if _outside(address) or parts.scheme:
        return [f"it loads {address}, from another host"]
    return [] if (folder / unquote(parts.path)).is_file() else [f"it loads {address}, which does not exist"]


def _wrong_addresses(path: Path, page: Built, site: Path, pages: dict[Path, Built]) -> list[str]:
    wrong = [message for address in page.loads for message in _wrong_load(address, path.parent)]
    for address in page.leads:
        parts = urlsplit(address)
        if parts.scheme or _outside(address):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target == site / lab.FILE:
            continue  # it is added later
        if not target.is_file() or not target.is_relative_to(site):
            wrong.append(f"it links to {address}, which does not exist")
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
            wrong.append(f"it links to {address}, and that page has no such place")
    return wrong


def _reached(start: Path, pages: dict[Path, Built]) -> set[Path]:
    reached: set[Path] = set()
    pending = [start]
    while pending:
        path = pending.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        addresses = [urlsplit(address) for address in pages[path].leads + pages[path].loads]
        pending += [
            (path.parent / unquote(parts.path)).resolve()
            for parts in addresses
            if parts.path and not parts.scheme and not parts.netloc
        ]
    return reached
