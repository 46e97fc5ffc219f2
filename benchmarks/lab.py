"""How long the lab takes: to open, to stop, to step, and to follow a number that is dragged.

Each browser and each shape of the lab is started anew, with an empty profile, and the best of a few rounds is shown:
what the machine does beside it only adds. The lab must have been built, and the browsers are those of its tests.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tests.lab.browsers import LabPage

CHAIN = """\
from scalargrad import Value
w, b = Value(0.5), Value(-0.25)
v = Value(1.0)
for _ in range({neurons}):
    v = (w * v + b).tanh()
v.backward()
"""
STEPS = """(() => {
  const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  press("b");
  const times = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    press("ArrowRight");
    times.push(performance.now() - start);
  }
  return times;
})()"""
STOP = """(() => {
  window.stopped = 0;
  const [start, output] = [performance.now(), document.querySelector(".output")];
  new MutationObserver(() => {
    if (output.textContent.endsWith("stopped\\n")) window.stopped ||= performance.now() - start;
  }).observe(output, { childList: true, characterData: true, subtree: true });
  document.querySelector(".run").click();
})()"""
CHANGE = """(() => {
  const text = document.querySelector("#graph_node0 text");
  const at = (kind, x) => new PointerEvent(kind, { bubbles: true, button: 0, clientX: x });
  const effect = document.querySelector(".effect");
  text.dispatchEvent(at("pointerdown", 0));
  window.changes = [];
  let x = 0;
  const next = () => {
    const start = performance.now();
    const seen = new MutationObserver(() => {
      seen.disconnect();
      window.changes.push(performance.now() - start);
      if (window.changes.length < 30) setTimeout(next);
      else text.dispatchEvent(at("pointerup", x));
    });
    seen.observe(effect, { childList: true, characterData: true, subtree: true });
    x += 8;
    text.dispatchEvent(at("pointermove", x));
  };
  next();
})()"""


def report(quick: bool) -> None:
    """Print the times in each browser, from a server and from a disk."""
    from tests.lab.browsers import BROWSERS, SHAPES

    rows: dict[str, list[str]] = {}
    for browser in BROWSERS:
        for shape in SHAPES:
            for name, measured in measure(browser, shape, rounds=1 if quick else 3).items():
                rows.setdefault(name, []).append(measured)
    table = Table(title=f"The lab, on {machine()}")
    table.add_column("")
    for browser in BROWSERS:
        for shape in SHAPES:
            table.add_column(f"{browser}, {shape}", justify="right")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    Console().print(table)


def measure(browser: str, shape: str, rounds: int) -> dict[str, str]:
    """Return the times of one browser and one shape."""
    from tests.lab.browsers import opened

    opening: list[float] = []
    for _ in range(rounds):
        with opened(browser, shape, is_ready=False) as lab:
            start = time.perf_counter()
            lab.open()
            opening.append(time.perf_counter() - start)
    with opened(browser, shape) as lab:
        return {
            "first gradient from a cold open": f"{min(opening):.1f} s",
            "an endless loop stopped": f"{1000 * min(_stopped(lab) for _ in range(rounds)):.0f} ms",
            "ready again, with a reserve": f"{min(_ready_again(lab, rests=8.0) for _ in range(rounds)):.2f} s",
            "ready again, stopped twice in a row": f"{min(_ready_again(lab, rests=0.0) for _ in range(rounds)):.2f} s",
            **_stepping(lab),
            **_changing(lab),
            **_training(lab),
        }


def machine() -> str:
    """Return what the processor calls itself, how many there are, and how busy they are."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} processors{load}"


def _endless(lab: LabPage) -> float:
    """Start an endless loop, stop it, and return how long that took, from the click on Stop in the page."""
    lab.start("while True:\n    pass\n")
    lab.until("document.documentElement.dataset.state === 'busy'")
    time.sleep(0.2)  # the loop runs, and not only its start
    lab.evaluate(STOP)
    lab.until("window.stopped > 0")
    return float(lab.evaluate("window.stopped")) / 1000


def _stopped(lab: LabPage) -> float:
    taken = _endless(lab)
    lab.until("document.documentElement.dataset.state === 'ready'")
    return taken


def _ready_again(lab: LabPage, rests: float) -> float:
    """How long from a stop to a Python that is ready; a reserve is there if the lab has rested since a run."""
    lab.run("print(1)\n")
    time.sleep(rests)
    if rests == 0:
        _endless(lab)  # the reserve takes over, and there is no other yet
    _endless(lab)
    start = time.perf_counter()
    lab.until("document.documentElement.dataset.state === 'ready'")
    return time.perf_counter() - start


def _stepping(lab: LabPage) -> dict[str, str]:
    lab.run(CHAIN.format(neurons=166))
    lab.evaluate("document.activeElement.blur()")
    times = lab.evaluate(STEPS)
    return {"script of a step, 501 nodes": f"{statistics.median(times):.1f} ms, at most {max(times):.1f}"}


def _changing(lab: LabPage) -> dict[str, str]:
    came = {}
    for neurons in (3, 33):
        lab.run(CHAIN.format(neurons=neurons))
        lab.evaluate(CHANGE)
        lab.until("window.changes.length === 30")
        times = lab.evaluate("window.changes")
        came[f"a dragged number, {3 * neurons + 3} nodes"] = f"{statistics.median(times):.0f} ms"
        lab.until("document.documentElement.dataset.state === 'ready'")
    return came


def _training(lab: LabPage) -> dict[str, str]:
    """How many pictures a second a training shows, with a step for each, of the network of micrograd's demo."""
    view = "document.querySelector('.training').dataset"
    lab.evaluate("void (location.hash = '#train=moons&layers=16-16')")
    lab.until(f"{view}.pictures >= 1 && {view}.state === 'still'")
    lab.evaluate("document.querySelector('.train-button').click()")
    lab.until(f"{view}.step >= 5")
    start, before = time.perf_counter(), int(lab.evaluate(f"{view}.step"))
    time.sleep(5.0)
    steps = int(lab.evaluate(f"{view}.step")) - before
    rate = steps / (time.perf_counter() - start)
    lab.evaluate("document.querySelector('.train-button').click()")
    return {"training updates a second, of 2-16-16-1": f"{rate:.0f}"}
