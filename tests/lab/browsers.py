"""No tests: one way to use the lab in Chromium and in Firefox, from a server and from a disk."""

from __future__ import annotations

import base64
import json
import os
import shutil
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn, Protocol

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.explain.html.test_in_browser import OPTIONS, PROGRAMS

LAB = Path(__file__).parents[2] / "site" / "lab"
ONE_FILE = "scalargrad_lab.html"
PATIENCE = 30.0  # seconds that a page may take for anything
SHAPES = ("folder", "file")
BROWSERS = ("chromium", "firefox")


def missing(what: str) -> NoReturn:
    """Skip, and say how to get what is missing; where the lab must be tested, as in `.ci/run`, fail."""
    if os.environ.get("SCALARGRAD_LAB") == "required":
        pytest.fail(what)
    pytest.skip(what)


def link(code: str, **place: int) -> str:
    """The fragment that opens the lab with this code, at this step."""
    packed = base64.urlsafe_b64encode(zlib.compress(code.encode(), 9)).decode().rstrip("=")
    return "#" + "&".join([f"code={packed}", *(f"{name}={number}" for name, number in place.items())])


class Driver(Protocol):
    """What the tests need of a browser."""

    def open(self, address: str) -> None:
        """Go to an address."""

    def evaluate(self, script: str) -> Any:
        """Return what an expression in JavaScript is in the page."""

    def press(self, key: str) -> None:
        """Press a key, as Playwright names it."""

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""


class Chromium:
    """A page in Chromium; it notes what the page says to the console, and what it requests."""

    def __init__(self, browser: Browser) -> None:
        self.page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        self.said: list[str] = []
        self.requested: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.requested.append(request.url))

    def open(self, address: str) -> None:
        self.page.goto("about:blank")  # or another fragment alone would not load it anew
        self.page.goto(address)

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def resize(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})


KEYS = {
    "ArrowRight": "\ue014",
    "ArrowLeft": "\ue012",
    "Home": "\ue011",
    "End": "\ue010",
    "Escape": "\ue00c",
    "Enter": "\ue007",
    "Delete": "\ue017",
}
CONTROL = "\ue009"


class Firefox:
    """A page in Firefox ESR."""

    def __init__(self, marionette: Any) -> None:
        self.marionette = marionette
        marionette.set_window_rect(width=1366, height=860)

    def open(self, address: str) -> None:
        self.marionette.navigate("about:blank")
        self.marionette.navigate(address)

    def evaluate(self, script: str) -> Any:
        # in the page's own scope, which its policy forbids to `eval`, so as a sandbox that sees the page
        return self.marionette.execute_script(f"return ({script});", sandbox="system")

    def press(self, key: str) -> None:
        names = key.split("+") if len(key) > 1 else [key]
        keys = self.marionette.actions.sequence("key", "keyboard")
        codes = [CONTROL if name == "Control" else KEYS.get(name, name) for name in names]
        for code in codes:
            keys.key_down(code)
        for code in reversed(codes):
            keys.key_up(code)
        keys.perform()

    def resize(self, width: int, height: int) -> None:
        self.marionette.set_window_rect(width=width, height=height)


class LabPage:
    """The lab in a browser."""

    def __init__(self, driver: Driver, address: str) -> None:
        self.driver, self.address = driver, address
        self.evaluate, self.press, self.resize = driver.evaluate, driver.press, driver.resize

    def open(self, fragment: str = "") -> None:
        """Open the lab anew, and wait for its first run."""
        self.driver.open(self.address + fragment)
        self.until("document.documentElement.dataset.runs >= '1'")

    def run(self, code: str, **place: int) -> None:
        """Run a program, which ends with a line break, in the lab that is open, by following a link to it."""
        self.start(code, **place)
        self.until("document.documentElement.dataset.state === 'ready'")

    def start(self, code: str, **place: int) -> None:
        """The same, without waiting for its end."""
        self.until("document.documentElement.dataset.state === 'ready'")
        before = self.evaluate("document.documentElement.dataset.runs")
        code += f"# run {int(before) + 1}\n"  # a link to the program that is there already would not run it again
        self.evaluate(f"void (location.hash = {json.dumps(link(code, **place))})")
        self.until(
            f"document.documentElement.dataset.runs !== {json.dumps(before)}"
            " || document.documentElement.dataset.state === 'busy'"
        )

    def until(self, condition: str) -> None:
        """Wait for a condition of the page, given as an expression in JavaScript."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"waited in vain for {condition}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """The text of the first element, as it is shown."""
        shown = self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        assert isinstance(shown, str)
        return shown

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})].map((element) => element.textContent)"
        return list(self.evaluate(found))

    def count(self, selector: str) -> int:
        """How many elements there are."""
        return int(self.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length"))

    def click(self, selector: str, nth: int = 0) -> None:
        """Click on an element where it stands, as a pointer does."""
        events = "['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click']"
        self.evaluate(
            f"{events}.forEach((kind) => document.querySelectorAll({json.dumps(selector)})[{nth}]"
            ".dispatchEvent(new MouseEvent(kind, { bubbles: true, cancelable: true, button: 0, view: window })))"
        )

    def blur(self) -> None:
        """Take the focus out of the editor."""
        self.evaluate("document.activeElement.blur()")


# ---------------------------------------------------------------- starting


@contextmanager
def server() -> Iterator[str]:
    """Serve the folder of the lab from this machine, and yield its address."""
    handler = partial(_Quiet, directory=str(LAB))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/index.html"
        serving.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def chromium() -> Iterator[Callable[[], Chromium]]:
    """Start Chromium, and yield what opens a page in it."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        missing("the lab is tested in Chromium, and there is none: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield lambda: Chromium(browser)
        browser.close()


@contextmanager
def firefox() -> Iterator[Callable[[], Firefox]]:
    """Start Firefox ESR, and yield what opens a page in it."""
    program = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
    if program is None:
        missing("the lab is tested in Firefox, and there is none: apt-get install firefox-esr")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Mozilla's packages use is deprecated
        from marionette_driver.marionette import Marionette

        with TemporaryDirectory() as folder:
            # a log that is there already would be deleted: never a device
            marionette = Marionette(bin=program, headless=True, port=0, gecko_log=f"{folder}/gecko.log")
            marionette.start_session()
            try:
                yield lambda: Firefox(marionette)
            finally:
                marionette.delete_session()
                marionette.cleanup()


@contextmanager
def opened(browser: str, shape: str, is_ready: bool = True) -> Iterator[LabPage]:
    """Start a browser, and open the lab there: from a server as a folder, or from the disk as one file."""
    if not (LAB / ONE_FILE).exists():
        missing("the lab is tested where it has been built: python lab/build.py, with Node.js and npm")
    with ExitStack() as stack:
        starting: AbstractContextManager[Callable[[], Driver]] = chromium() if browser == "chromium" else firefox()
        make = stack.enter_context(starting)
        address = stack.enter_context(server()) if shape == "folder" else (LAB / ONE_FILE).as_uri()
        page = LabPage(make(), address)
        if is_ready:
            page.open()
        yield page
