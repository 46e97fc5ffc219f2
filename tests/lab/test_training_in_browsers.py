"""Training in the lab, in Chromium from a server and in Firefox from a disk: by pointer, by keys, and by links."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
from scalargrad_lab.training import Settings, Training

from .browsers import Chromium, LabPage, opened

VIEW = "document.querySelector('.training')"
SETTINGS = "#train=xor&layers=3&count=20&noise=0.05&batch=5&rate=0.1"


@pytest.fixture(scope="module", params=["chromium-folder", "firefox-file"])
def lab(request: pytest.FixtureRequest) -> Iterator[LabPage]:
    browser, shape = request.param.split("-")
    with opened(browser, shape) as page:
        yield page
        if isinstance(page.driver, Chromium):
            origin = page.address.rpartition("/")[0]
            assert page.driver.said == []
            assert [url for url in page.driver.requested if not url.startswith((origin, "blob:"))] == []


def follow(lab: LabPage, fragment: str, step: int = 0) -> None:
    """Follow a link in the lab that is open, until the training is at a step."""
    lab.evaluate(f"void (location.hash = {json.dumps(fragment)})")
    arrived(lab, step)


def arrived(lab: LabPage, step: int) -> None:
    lab.until(f"{VIEW}.dataset.step === '{step}' && {VIEW}.dataset.state === 'still'")


def on_plane(lab: LabPage, x: float, y: float) -> None:
    """Click where a point is: as shares of the plane, from the top left."""
    lab.evaluate(
        "(() => { const plane = document.querySelector('canvas.plane'); plane.focus();"
        " const box = plane.getBoundingClientRect();"
        f" plane.dispatchEvent(new MouseEvent('click', {{ bubbles: true, clientX: box.left + {x} * box.width,"
        f" clientY: box.top + {y} * box.height }})); }})()"
    )


def test_a_link_comes_to_the_same_numbers_as_cpython(lab: LabPage) -> None:
    """Its settings are in the fields, and its steps are taken: loss and weights are those of CPython, but for libm."""
    follow(lab, f"{SETTINGS}&steps=40", 40)
    watched = Training(Settings(data="xor", layers=(3,), count=20, noise=0.05, batch=5, rate=0.1))
    watched.steps(40)
    assert lab.evaluate("document.querySelector('[name=layers]').value") == "3"
    shown = float(lab.text(".facts").split("loss ")[1].split()[0])
    assert math.isclose(shown, watched.losses[40], rel_tol=1e-2)
    weights = [float(text.replace("−", "-")) for text in lab.texts(".neuron b[data-parameter]")]
    assert weights == pytest.approx(watched.theta[:3], rel=1e-2)
    assert lab.evaluate("location.hash").endswith("steps=40")
    assert lab.count(".network line") == 3 * 2 + 3
    assert lab.count(".network circle[role=button]") == 4


def test_it_plays_pauses_steps_and_goes_back(lab: LabPage) -> None:
    """By keys: space plays and pauses, the arrows go a step on or back, and training goes on from the newest."""
    follow(lab, f"{SETTINGS}&seed=1")
    lab.blur()
    lab.press(" ")
    lab.until(f"Number({VIEW}.dataset.step) >= 5")
    lab.press(" ")
    lab.until(f"{VIEW}.dataset.state === 'still'")
    lab.until("location.hash.includes('steps=')")
    newest = int(lab.evaluate("location.hash.split('steps=')[1]"))
    arrived(lab, newest)
    lab.press("Home")
    arrived(lab, 0)
    lab.press("ArrowRight")
    arrived(lab, newest + 1)
    lab.press("ArrowLeft")
    arrived(lab, newest)
    lab.evaluate(
        "(() => { const slider = document.querySelector('.scrub input'); slider.value = '3';"
        " slider.dispatchEvent(new Event('input')); })()"
    )
    arrived(lab, 3)
    assert lab.text(".facts").startswith("3 steps")
    lab.press(" ")
    lab.until(f"Number({VIEW}.dataset.step) > {newest + 2}")
    lab.press("Home")  # while it plays
    arrived(lab, 0)
    lab.until("document.querySelector('.scrub input').value === '0'")


def test_why_a_weight_moves_leads_into_the_walk(lab: LabPage) -> None:
    """A weight tells its move and who pulls it; an example opens the walk where the weight has its gradient."""
    follow(lab, f"{SETTINGS}&steps=12", 12)
    lab.click(".network circle[role=button]", 1)
    lab.click(".neuron button", 0)
    lab.until("document.querySelector('.why ul') !== null")
    value, sign, change, _, after = lab.text(".why .move").replace("−", "-").split()
    moved = float(change) if sign == "+" else -float(change)
    assert math.isclose(float(value) + moved, float(after), abs_tol=1e-9)
    watched = Training(Settings(data="xor", layers=(3,), count=20, noise=0.05, batch=5, rate=0.1))
    watched.steps(12)
    pull = watched.pull(12, 3)
    example, slope = pull["contributions"][0]
    assert lab.texts(".why li span")[0] == f"example {example}"
    assert lab.count(".why li") == 5
    before = lab.evaluate("document.documentElement.dataset.runs")
    lab.click(".why li button", 0)
    lab.until(f"document.documentElement.dataset.runs !== '{before}'")
    assert lab.evaluate("document.documentElement.dataset.view") == "code"
    row = "document.querySelector('.backward tr[aria-current], .backward tr.current')"
    assert lab.evaluate(f"{row}.querySelector('.gradient').textContent") == "dloss/dw"
    assert float(lab.evaluate(f"{row}.querySelector('.after').textContent").replace("−", "-")) == pytest.approx(
        slope, rel=1e-2
    )
    lab.click(".lab-views button", 1)
    arrived(lab, 12)


def test_points_are_clicked_typed_and_pasted(lab: LabPage) -> None:
    """Added by key at the cross and by pointer, removed, pasted with a clear error; each starts a training anew."""
    follow(lab, "#train=own&text=0,0,no%0A1,1,no%0A0,1,yes%0A1,0,yes&layers=2&steps=2", 2)
    assert "of 4 right" in lab.text(".facts")
    on_plane(lab, 0.15, 0.15)
    assert "Example 2 at (0, 1) is ● yes." in lab.text(".example")
    lab.press("ArrowLeft")
    lab.press("1")
    lab.until("document.querySelector('.facts').textContent.includes('of 5 right')")
    assert lab.evaluate("document.querySelector('[name=text]').value").splitlines()[-1] == "0.47, 0.5, yes"
    lab.press("Delete")
    lab.until("document.querySelector('.facts').textContent.includes('of 4 right')")
    lab.click(".pen label input", 2)
    on_plane(lab, 0.9, 0.5)
    lab.until("document.querySelector('.facts').textContent.includes('of 5 right')")
    assert lab.evaluate("document.querySelector('[name=text]').value").splitlines()[-1].endswith(", 0.5, no")
    lab.evaluate(
        "(() => { const field = document.querySelector('[name=text]'); field.value = '1, 2, <b>a</b>\\n3, 4';"
        " field.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )
    lab.until("!document.querySelector('.mistake-note').hidden")
    assert lab.text(".mistake-note").startswith("line 2 has 2 of 3 entries: '3, 4'")
    lab.click(".pen .small")  # nothing is left, and then two points by keys
    lab.until("document.querySelector('.mistake-note').textContent.includes('got 0')")
    lab.evaluate("document.querySelector('canvas.plane').focus()")
    lab.press("1")
    lab.until("document.querySelector('.mistake-note').textContent.includes('got 1')")
    lab.press("ArrowLeft")
    lab.press("2")
    lab.until("document.querySelector('.mistake-note').hidden")
    arrived(lab, 0)


def test_it_is_exported_as_python_that_runs_here_too(lab: LabPage) -> None:
    """Opened in the view of code, the program prints the losses of the training."""
    follow(lab, f"{SETTINGS}&dropout=0.2&steps=6", 6)
    before = lab.evaluate("document.documentElement.dataset.runs")
    lab.click(".export button", 1)
    lab.until(f"document.documentElement.dataset.runs !== '{before}'")
    watched = Training(Settings(data="xor", layers=(3,), count=20, noise=0.05, batch=5, rate=0.1, dropout=0.2))
    watched.steps(6)
    printed = [line.split() for line in lab.text(".output").strip().splitlines()]
    assert [int(step) for step, _ in printed] == list(range(6))
    assert [float(loss) for _, loss in printed] == pytest.approx(list(watched.losses)[:6], rel=1e-9)


def test_it_survives_that_python_is_stopped(lab: LabPage) -> None:
    """What waits for an endless program is dropped when that is stopped; the training goes on where it was."""
    follow(lab, f"{SETTINGS}&steps=9&seed=2", 9)
    shown = lab.text(".facts")
    lab.click(".lab-views button", 0)
    lab.start("while True:\n    pass\n")
    lab.until("document.documentElement.dataset.state === 'busy'")
    lab.click(".lab-views button", 1)
    lab.click(".export button", 1)
    lab.blur()
    lab.press("ArrowRight")
    lab.click(".lab-views button", 0)
    lab.click(".run")
    lab.until("document.documentElement.dataset.state === 'ready'")
    lab.click(".lab-views button", 1)
    arrived(lab, 9)
    lab.blur()
    lab.press("ArrowRight")
    arrived(lab, 10)
    lab.press("ArrowLeft")
    arrived(lab, 9)
    assert lab.text(".facts") == shown


def test_it_fits_a_phone_and_says_what_it_shows(lab: LabPage) -> None:
    """Nothing is wider than the window; the plane, the curve and the moment have names for a screen reader."""
    lab.resize(390, 844)
    follow(lab, f"{SETTINGS}&steps=3", 3)
    assert lab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    lab.resize(1366, 860)
    label = "document.querySelector('{}').getAttribute('{}')"
    assert lab.evaluate(label.format("canvas.plane", "aria-label")).startswith("The plane: 20 points of two classes")
    assert lab.evaluate(label.format("canvas.curve", "aria-label")).startswith("The loss of each of 3 steps")
    assert lab.evaluate(label.format(".scrub input", "aria-valuetext")) == "3 steps"
    unnamed = (
        "[...document.querySelectorAll('.training :is(button, input, select, textarea)')].filter((element) =>"
        " !element.labels?.length && !element.getAttribute('aria-label') && !element.textContent.trim()).length"
    )
    assert lab.evaluate(unnamed) == 0
