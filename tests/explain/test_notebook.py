"""The commands in IPython, in a real shell of it."""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from scalargrad import Value, ledger, tree
from scalargrad.explain import notebook
from scalargrad.explain.notebook import Explanation

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "notebooks.md").read_text(encoding="utf-8")
Shell = Any  # an InteractiveShell, whose methods have no types

NEURON = """
from scalargrad import Value, steps
x, w = Value(2.0), Value(-3.0)
loss = (x * w + 1).tanh()
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    settings = {"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}}
    opened: Shell = InteractiveShell(config=Config(settings))  # type: ignore[no-untyped-call]  # it has no types
    assert opened.run_cell("%load_ext scalargrad").success
    assert opened.run_cell(NEURON).success
    yield opened
    opened.restore_sys_module_state()


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


LAST = "the last line of the cell: expected a Value or a list of Values, got"


def explained(shell: Shell, cell: str) -> Any:
    return shell.run_cell(f"%%explain\n{cell}").result


def test_step_opens_the_prompt(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`%step loss` steps through the backward pass of loss, in the names of the user's variables."""
    typed(monkeypatch, "step", "until x", "quit")
    shell.run_line_magic("step", "loss")
    written = capsys.readouterr().out
    assert "loss = tanh(v2) = " in written
    assert "dloss/dx += dloss/dv1 · ∂v1/∂x" in written


def test_step_says_where_nothing_can_be_typed(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a notebook that is run without a keyboard, as by nbconvert, `%step` is one line and no error."""

    def refused(*_: object) -> None:
        raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")

    monkeypatch.setattr("builtins.input", refused)
    assert shell.run_cell("%step loss").success
    introduced, said = capsys.readouterr().out.splitlines()
    assert introduced.startswith("loss = tanh(v2) = ")
    assert said.startswith("nothing can be typed here, as when nbconvert runs a notebook")


def test_step_takes_any_expression_and_steps(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stepped through is any expression of the session; of steps, the cursor moves."""
    typed(monkeypatch, "next")
    shell.run_line_magic("step", "loss * x + 1")
    shell.run_cell("walk = steps(loss)")
    typed(monkeypatch, "step 2")
    shell.run_line_magic("step", "walk")
    assert shell.user_ns["walk"].position == 2


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%step", "%step needs a Value to step through, as in: %step loss"),
        ("%step 1 + 1", "1 + 1: expected a Value or a list of Values, got 2 of type int"),
        ("%explain", "%explain needs a Value to explain, as in: %explain loss"),
        ("%explain []", "[]: expected a Value or a list of Values, got [] with nothing in it"),
        ("%%explain loss\nloss", "%%explain takes a cell and nothing beside it, got loss"),
        ("%%explain\nloss.data", f"{LAST} -0.9999092042625951 of type float"),
        ("%%explain\nprint(end='')", f"{LAST} None of type NoneType"),
    ],
)
def test_what_is_no_value_is_said(shell: Shell, capsys: pytest.CaptureFixture[str], cell: str, message: str) -> None:
    """A command that is given no Value says so on one line."""
    assert not shell.run_cell(cell).success
    assert capsys.readouterr().err.splitlines() == [f"UsageError: {message}"]


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("half_done = loss", "the line half_done"),
        ("half_done: Value = loss;", "the line half_done"),
        ("half_done = [0]\nhalf_done[0] = loss", "the line half_done[0]"),
        ("half_done = 1\nhalf_done += loss", "the line half_done"),
        ("if loss:\n    half_done = loss", "a line such as loss"),
        ("# nothing", "a line such as loss"),
    ],
)
def test_a_cell_without_a_value_is_not_run(
    shell: Shell, capsys: pytest.CaptureFixture[str], cell: str, line: str
) -> None:
    """A cell that could show nothing is refused before it does anything, with the line to end it with."""
    assert not shell.run_cell(f"%%explain\n{cell}").success
    message = f"%%explain shows the value of the cell's last line: end the cell with {line}"
    assert capsys.readouterr().err.splitlines() == [f"UsageError: {message}"]
    assert "half_done" not in shell.user_ns


def test_an_error_of_the_user_is_the_users(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """What goes wrong in the user's own code is shown as IPython shows it, with the line."""
    assert isinstance(shell.run_cell("%%explain\ny = 1\ny / 0").error_in_exec, ZeroDivisionError)
    assert "y / 0" in capsys.readouterr().out
    assert isinstance(shell.run_cell("%%explain\ny +").error_in_exec, SyntaxError)
    assert isinstance(shell.run_cell("%step lost").error_in_exec, NameError)


def test_explain_shows_graph_and_backward_pass(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """`%%explain` runs a cell in the session and shows the tree and the ledger of its last Value."""
    explanation = explained(shell, "q = x * w\nif True:\n    q = q + x\nout = q * q\nout")
    assert isinstance(explanation, Explanation)
    assert explanation.walk.roots[0] is shell.user_ns["out"]
    written = capsys.readouterr().out
    assert "out = q * q" in written
    assert str(tree(explanation.walk)) in written
    assert str(ledger(explanation.walk)) in written
    assert not any(node.swept for node in explanation.walk.order)


def test_a_line_shows_the_same_as_a_cell(shell: Shell) -> None:
    """`%explain loss` shows what `%%explain` shows of a cell that ends in loss."""
    explanation = shell.run_line_magic("explain", "loss")
    assert repr(explanation) == repr(explained(shell, "loss"))
    assert explanation._repr_html_() == explained(shell, "loss")._repr_html_()


def test_several_values_and_steps_are_explained(shell: Shell) -> None:
    """Of several values there is one pass; steps are shown whole, whatever their seeds, and their cursor stays."""
    assert shell.run_line_magic("explain", "[loss, x * 2]").walk.total("x") == pytest.approx(2, abs=1e-3)
    shell.run_cell("walk = steps(loss, gradient=3.0).to(1)")
    explanation = shell.run_line_magic("explain", "walk")
    assert explanation.walk.position == len(explanation.walk)
    assert explanation.walk.total(shell.user_ns["loss"]) == 3.0
    assert shell.user_ns["walk"].position == 1


def test_a_notebook_shows_a_drawing_besides(shell: Shell) -> None:
    """In a notebook the drawing stands above the text, with the gradients of the pass."""
    shown = explained(shell, "loss")._repr_html_()
    picture = re.match('<img src="data:image/svg[+]xml;base64,([^"]*)" ', shown)
    assert picture
    assert b">grad" in base64.b64decode(picture[1])
    assert "loss = tanh(v2)" in shown.partition("<pre")[2]


def test_no_label_becomes_markup(shell: Shell) -> None:
    """A label that looks like markup is shown as it is."""
    shown = explained(shell, "Value(1.0, '<script>alert(1)</script>') * 2")._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_what_cannot_be_drawn_is_said(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph too large to look at, or a missing extra, leaves a sentence in place of the drawing."""
    shown = explained(shell, "sum([x] * 400, x * 1)")._repr_html_()
    assert re.match(r"<p>\d+ nodes are too many for a drawing here", shown)

    def missing(*_: Any, **__: Any) -> None:
        raise ImportError("drawing needs the extra <draw>")

    monkeypatch.setattr(notebook, "drawn", missing)
    assert explained(shell, "loss")._repr_html_().startswith("<p>drawing needs the extra &lt;draw&gt;</p><pre ")


def test_the_guides_cells_run(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every cell of the guide to notebooks runs, in their order, and shows what the guide says."""
    monkeypatch.chdir(tmp_path)
    cells = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    runs = [shell.run_cell(cell) for cell in cells]
    assert all(run.success for run in runs)
    kinds = [type(run.result).__name__ for run in runs]
    shown = ["NoneType", "Drawing", "str", "Drawing", "Text", "Text", "Steps", "Page", "Explanation", "Explanation"]
    assert kinds == shown
    assert {path.name for path in tmp_path.iterdir()} >= {"loss.svg", "loss.png"}
    drawing = shell.user_ns["drawing"]
    assert drawing._repr_mimebundle_()[0]["image/png"] == drawing.pipe("png", dpi=300)


def test_a_value_shows_itself_on_one_short_line(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """At the prompt of IPython a Value is one short line, whatever it was made from."""
    assert isinstance(shell.run_cell("loss * 2").result, Value)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 1
    assert len(shown[0]) < 60
