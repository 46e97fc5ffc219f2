"""The link to the lab has the program that makes a graph; the lab is found, or it is said how to get it."""

from __future__ import annotations

import base64
import sys
import webbrowser
import zlib
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from scalargrad import TooLarge, Value, cross_entropy, nn, open_in_lab, steps
from scalargrad.cli import main
from scalargrad.explain import labs
from scalargrad.explain.labs import LabLink
from scalargrad.explain.walk.data import page_data

SITE = "https://example.org/lab/"


def parts(link: str) -> dict[str, str]:
    found = {name: values[0] for name, values in parse_qs(urlparse(link).fragment).items()}
    packed = found["code"]
    return {**found, "code": zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))).decode()}


def opened_with(opened: list[str]) -> Callable[[str], bool]:
    """A browser that notes what it opens."""

    def open_address(address: str) -> bool:
        opened.append(address)
        return True

    return open_address


def product() -> Value:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b + a
    c.label = "c"
    return c


def test_the_program_of_a_link_has_the_same_backward_pass() -> None:
    """Run, it gives the steps of the graph, with the same names and numbers."""
    c = product()
    names: dict[str, Value] = {}
    exec(parts(open_in_lab(c, lab=SITE))["code"], names)  # noqa: S102  # the program of the link
    assert [repr(step) for step in steps(names["c"], names=names)] == [repr(step) for step in steps(c)]
    assert names["a"].grad == -2.0


class Pair(nn.Module):
    """Two neurons by name, in another order than their results are used, and something that holds no Value."""

    def __init__(self) -> None:
        self.slope, self.kind = Value(2.0), "pair"
        self.neurons = {"second": nn.Neuron(2, rng=1), "first": nn.Neuron(2, rng=0)}
        self.itself = [self]

    def __call__(self, x: list[Value]) -> Value:
        return self.mark(self.slope * self.neurons["first"](x) + self.neurons["second"](x), x)


def networks() -> list[tuple[Value, dict[str, object]]]:
    row = [Value(1.0, label="x"), Value(-2.0, label="y")]
    model, pair = nn.MLP(2, [3, 2], rng=0), Pair()
    hidden = nn.Layer(2, 2, rng=0)(row)  # no variable holds it
    thin = nn.MLP(2, [4, 1], dropout=0.5, rng=0)
    return [
        (cross_entropy(model(row), 1), {"model": model}),
        (model([1.0, -2.0])[0], {"model": model}),
        (pair(row), {"pair": pair}),
        (hidden[0] * hidden[1], {}),
        (thin(row), {"thin": thin}),
    ]


@pytest.mark.parametrize(("end", "names"), networks(), ids=["loss", "numbers", "own", "unnamed", "dropout"])
def test_modules_are_kept(end: Value, names: dict[str, object]) -> None:
    """The program has the same boxes, the same names of parameters and the same steps, whatever the modules hold."""
    link = parts(open_in_lab(end, names=names, lab=SITE))["code"]
    made: dict[str, Any] = {}
    exec(link, made)  # noqa: S102  # the program of the link
    data = page_data(end, names=names)
    again = page_data(made[link.splitlines()[-1].removesuffix(".backward()")], names=made)
    assert again["boxes"] == data["boxes"] != []
    assert again["steps"] == data["steps"]
    assert [node["path"] for node in again["nodes"]] == [node["path"] for node in data["nodes"]]


def test_the_link_keeps_the_place_and_the_seeds() -> None:
    """A cursor, a number of steps or a node is the step; other seeds are in the program's last line."""
    c = product()
    assert "step" not in parts(open_in_lab(c, lab=SITE))
    assert parts(open_in_lab(c, at=2, lab=SITE))["step"] == "2"
    assert parts(open_in_lab(c, at="b", lab=SITE))["step"] == "4"
    assert parts(open_in_lab(steps(c).to(3), lab=SITE))["step"] == "3"
    assert parts(open_in_lab(steps(c, 2.5), lab=SITE))["code"].endswith("steps(c, 2.5)\n")
    several = parts(open_in_lab(steps([c, c.args[0]], gradients=[1.0, 2.0]), lab=SITE))["code"]
    assert several.endswith("gradients=[1.0, 2.0])\n")
    exec(several, {})  # noqa: S102  # it runs
    assert parts(open_in_lab([c, c.args[0]], lab=SITE))["code"].endswith("[c, f1]\n")


def test_a_graph_that_cannot_be_walked_is_refused() -> None:
    """As for a page."""
    x = Value(1.0)
    for _ in range(5001):
        x = x + 1.0
    with pytest.raises(TooLarge, match="5,001 steps"):
        open_in_lab(x, lab=SITE)


def test_the_lab_is_found_or_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First in the current folder, then where a clone has built it; a path may be given."""
    monkeypatch.setattr(labs, "PLACES", (Path(), tmp_path / "clone"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"lab\.html is not in this folder: download it .*python lab/"):
        open_in_lab(product())
    with pytest.raises(FileNotFoundError, match=r"there is no file nowhere\.html: download it"):
        open_in_lab(product(), lab="nowhere.html")
    for place in (tmp_path / "clone", tmp_path):
        place.mkdir(exist_ok=True)
        (place / labs.FILE).write_text("<!doctype html>")
        link = open_in_lab(product())
        assert link.startswith((place / labs.FILE).as_uri() + "#code=")
        assert open_in_lab(product(), lab=place / labs.FILE) == link


def test_a_link_is_one_line_at_a_prompt_and_a_link_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens in the browser; without one there is an error."""
    link = open_in_lab(product(), lab=f"{SITE}?a=1&b=2")
    assert repr(link) == f"<link to the lab, of {len(link)} characters: .open() opens it, print shows it>"
    assert link._repr_html_().startswith(f'<a href="{SITE}?a=1&amp;b=2#code=')
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened_with(opened))
    link.open()
    assert opened == [link]
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    with pytest.raises(OSError, match=f"no browser was found to open {SITE}"):
        LabLink(f"{SITE}#code=x").open()


def test_the_command_opens_the_lab_with_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a program as it is; where there is no lab, one line says how to get it, and the status is 2."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened_with(opened))
    program = tmp_path / "neuron.py"
    program.write_text("x = 1\n")
    assert main(["lab", "--lab", SITE]) == 0
    assert main(["lab", str(program), "--lab", SITE]) == 0
    monkeypatch.setattr(sys, "stdin", StringIO("x = 2\n"))
    assert main(["lab", "-", "--lab", SITE]) == 0
    assert opened[0] == SITE
    assert [parts(link)["code"] for link in opened[1:]] == ["x = 1\n", "x = 2\n"]
    assert capsys.readouterr().out == f"the lab is {SITE}\n" * 3
    monkeypatch.setattr(labs, "PLACES", ())
    assert main(["lab"]) == 2
    assert "download it from the project's site" in capsys.readouterr().err
    assert main(["lab", str(tmp_path / "none.py"), "--lab", SITE]) == 2
    assert "the program cannot be read" in capsys.readouterr().err
    assert main(["lab", "--faster", "--lab", SITE]) == 2
    assert "--faster" in capsys.readouterr().err
