"""The command: what it shows and writes, its exit status, and what it says of a wrong question."""

from __future__ import annotations

import builtins
import errno
import io
import itertools
import math
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import tomllib
import webbrowser
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad
import scalargrad_command
from scalargrad import Value, cli, steps
from scalargrad.cli import main
from scalargrad.engine.declaration import declare

ROOT = Path(scalargrad.__file__).parent.parent
COMMANDS = ["explain", "step", "quiz", "draw", "check"]

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in an empty folder, with nothing to read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path


def run(*arguments: str) -> int:
    """The exit status, whether argparse exits or the command returns."""
    try:
        return main(arguments)
    except SystemExit as left:
        return int(str(left.code))


def shell(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, "-m", "scalargrad", *arguments]
    return subprocess.run(command, text=True, capture_output=True, env=environment, check=False, **options)


# ---------------------------------------------------------------- explain


def test_without_an_expression_the_lectures_neuron_is_explained(folder: Path, capsys: Captured) -> None:
    """`explain` alone shows CS231n's sigmoid neuron with the numbers of the lecture, its picture and its page."""
    assert run("explain") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("f = sigmoid(w0*x0 + w1*x1 + w2) = 0.7311   at w0 = 2, x0 = -1, w1 = -3, x1 = -2")
    for name, gradient in {"w0": -0.1966, "x0": 0.3932, "w1": -0.3932, "x1": -0.5898, "w2": 0.1966}.items():
        (line,) = re.findall(rf"^df/d{name} .*$", shown[shown.index("beside a numerical one") :], re.MULTILINE)
        assert "agrees" in line
        numbers = re.findall(r" (-?\d\.\d+) ", f"{line} ")
        assert [round(float(number), 4) for number in numbers[:2]] == [gradient, gradient]
    assert f"the picture is in {folder / 'scalargrad-neuron.svg'}" in shown
    assert f"the page is in {folder / 'scalargrad-neuron.html'}" in shown
    assert sorted(os.listdir(folder)) == ["scalargrad-neuron.html", "scalargrad-neuron.svg"]
    assert "<svg" in (folder / "scalargrad-neuron.svg").read_text(encoding="utf-8")
    assert (folder / "scalargrad-neuron.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_explain_shows_the_graph_and_every_step(folder: Path, capsys: Captured) -> None:
    """`explain` shows the tree, the ledger and the check of any expression, and writes nothing unasked."""
    assert run("explain", "tanh(a) * b + a", "a=0.5", "b=2") == 0
    shown = capsys.readouterr().out
    a, b = Value(0.5, "a"), Value(2.0, "b")
    f = a.tanh() * b + a
    f.label = "f"
    walk = steps(f).last()
    assert str(scalargrad.tree(walk)) in shown
    assert str(scalargrad.ledger(walk)) in shown
    assert str(scalargrad.gradcheck(f, wrt=[a, b])) in shown
    assert not os.listdir(folder)


def test_files_are_written_where_one_says(folder: Path, capsys: Captured) -> None:
    """`--draw` and `--page` write there, in the format of the name, and say where."""
    assert run("explain", "x * y", "x=2", "y=3", "--draw", "a.png", "--page", "b.html") == 0
    assert f"the picture is in {folder / 'a.png'}\nthe page is in {folder / 'b.html'}\n" in capsys.readouterr().out
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(folder)) == ["a.png", "b.html"]


@pytest.mark.parametrize(
    ("options", "file"),
    [(["--draw", "a.svg"], "a.svg"), (["--page", "a.html", "--draw", "a.svg"], "a.html"), ([], "scalargrad.html")],
)
def test_open_opens_what_was_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], file: str
) -> None:
    """`--open` opens the page or else the picture; without either, it writes a page."""
    opened: list[str] = []

    def show(place: str) -> bool:
        opened.append(place)
        return True

    monkeypatch.setattr(webbrowser, "open", show)
    assert run("explain", "x * 2", "x=1", "--open", *options) == 0
    assert opened == [(folder / file).as_uri()]
    assert (folder / file).exists()


def test_without_a_browser_open_fails(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Where no browser is found, the file is there and the status says that it was not opened."""
    monkeypatch.setattr(webbrowser, "open", lambda place: False)
    assert run("explain", "x * 2", "x=1", "--open") == 2
    assert "error: no browser was found to open" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "first"),
    [(["2 + 3"], "f = 2 + 3 = 5.0"), (["x", "x=1"], "x = 1.0   at x = 1"), (["f * 1", "f=2"], "out = f * 1 = 2.0")],
)
def test_the_result_has_a_name_of_its_own(capsys: Captured, words: list[str], first: str) -> None:
    """The result is called f unless a variable is; what needs no name gets none."""
    assert run("explain", *words) == 0
    assert capsys.readouterr().out.startswith(first)


# ---------------------------------------------------------------- step, draw, check


def test_step_reads_commands_from_anywhere(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """`step` is the prompt, with piped input too."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("next\np x\nquit\n"))
    assert run("step", "x * y", "x=2", "y=-3") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("f = x * y = -6.0: 2 steps.")
    assert "x = 2.0, df/dx = -3.0" in shown


def test_quiz_asks_or_writes_a_page(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """`quiz` asks for each contribution, with piped answers too; with a file, it writes the page that asks."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("-3\nreveal\n"))
    assert run("quiz", "x * y", "x=2", "y=-3") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("What is each contribution? 2 to predict.")
    assert "score: 1 of 2" in shown
    assert run("quiz", "x * y", "x=2", "y=-3", "--page", "asked") == 0
    assert os.listdir(folder) == ["asked.html"]
    assert "the quiz is in" in capsys.readouterr().out


def test_draw_says_how_to_see_the_picture_or_writes_it(folder: Path, capsys: Captured) -> None:
    """`draw` says how to save and to show the picture; with a file, it writes it, with local gradients on request."""
    assert run("draw", "x * y", "x=2", "y=-3") == 0
    said = capsys.readouterr().out
    assert said.startswith("a picture of 3 values: --output FILE.svg saves it")
    assert "--open" in said
    assert os.listdir(folder) == []
    assert run("draw", "x * y", "x=2", "y=-3", "--output", "a.svg") == 0
    assert capsys.readouterr().out == f"the picture is in {folder / 'a.svg'}\n"
    plain = (folder / "a.svg").read_text(encoding="utf-8")
    assert "–" not in plain
    assert "∂f/∂x" not in re.sub("<title>.*</title>", "", plain)
    assert run("draw", "x * y", "x=2", "y=-3", "--partials", "--output", "a.svg") == 0
    assert "∂f/∂x" in re.sub("<title>.*</title>", "", (folder / "a.svg").read_text(encoding="utf-8"))
    assert run("draw", "x * y", "x=2", "y=-3", "--output", "a.dot") == 0
    assert (folder / "a.dot").read_text(encoding="utf-8").startswith("digraph {")


def test_draw_opens_the_picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--open` shows the picture, in a file of its own where none is named."""
    opened: list[str] = []

    def show(place: str) -> bool:
        opened.append(place)
        return True

    monkeypatch.setattr(webbrowser, "open", show)
    assert run("draw", "x * y", "x=2", "y=-3", "--open") == 0
    assert run("draw", "x * y", "x=2", "y=-3", "--open", "--output", "a.png") == 0
    assert opened == [(folder / name).as_uri() for name in ("scalargrad.svg", "a.png")]


def test_every_view_has_the_same_digits_and_more_on_request(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """The result, the graph and the steps have four digits; with `--digits` as many as that says, at the prompt too."""
    result = math.tanh(1 / 3)
    assert run("explain", "tanh(x / 3)", "x=1") == 0
    said = capsys.readouterr().out.partition("beside a numerical one")[0]
    assert "0.3215" in said
    assert not re.search(r"\d\.\d{6}", said)
    assert run("explain", "tanh(x / 3)", "x=1", "--digits", "17") == 0
    assert repr(result) in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO("step\n"))
    assert run("step", "tanh(x / 3)", "x=1", "--digits", "17") == 0
    assert repr(1 - result * result) in capsys.readouterr().out


def test_constants_are_named_where_they_are_used(capsys: Captured) -> None:
    """Pi and e are constants, named beside the result, unless they are given numbers."""
    assert run("check", "e * x + pi", "x=2") == 0
    assert "at x = 2   with the constant e = 2.718, pi = 3.142\n" in capsys.readouterr().out
    assert run("check", "e * x", "x=2", "e=3") == 0
    said = capsys.readouterr().out
    assert said.startswith("f = e * x = 6.0   at e = 3, x = 2\n")
    assert "df/de" in said


def test_a_right_gradient_is_status_0(capsys: Captured) -> None:
    """`check` compares the derivative in each variable, to second order if asked."""
    assert run("check", "x * y + tanh(x)", "x=2", "y=-3") == 0
    first = capsys.readouterr().out
    assert run("check", "x * y + tanh(x)", "x=2", "y=-3", "--order", "2") == 0
    assert capsys.readouterr().out.count("agrees") > first.count("agrees") > 1


def test_a_wrong_gradient_is_status_1(capsys: Captured) -> None:
    """Negative control: a rule that is wrong by a thousandth is status 1, and is named."""
    declare(lambda x: x * x, partials=[lambda out, x: 2.002 * x], name="nearly_square")
    for command in ("check", "explain"):
        assert run(command, "nearly_square(x) * y", "x=2", "y=3") == 1
        assert "the rule of nearly_square in x is wrong" in capsys.readouterr().out


def test_what_cannot_be_confirmed_is_status_1(capsys: Captured) -> None:
    """Where the check cannot tell, nothing is confirmed; a kink whose slope lies between its sides is right."""
    assert run("check", "log(x)", "x=-1") == 1
    assert "cannot tell" in capsys.readouterr().out
    assert run("check", "relu(x)", "x=0") == 0


def test_the_smallest_and_largest_numbers_are_checked(capsys: Captured) -> None:
    """Below the normal numbers a check is one like any other; where floats are too coarse, it cannot tell."""
    for number in ("1e-308", "5e-324"):
        assert run("check", "y", f"y={number}") == 0
        assert "right: 1 agrees" in capsys.readouterr().out
    assert run("check", "sin(x)", "x=1e158") == 1
    assert "1 undecided" in capsys.readouterr().out


# ---------------------------------------------------------------- exercises


def test_exercises_are_listed_and_shown(capsys: Captured) -> None:
    """`exercise` lists all exercises and says how to see one; with a name, it shows that one."""
    assert run("exercise") == 0
    shown = capsys.readouterr().out
    assert str(scalargrad.exercises.exercises()) in shown
    assert "scalargrad exercise NAME FILE.py" in shown
    assert run("exercise", "softmax") == 0
    assert capsys.readouterr().out == f"{scalargrad.exercise('softmax')}\n"


@pytest.mark.parametrize(("rate", "status"), [("0.5", 0), ("1.1", 1), ("1 / 0", 1)])
def test_an_answer_is_judged(folder: Path, capsys: Captured, rate: str, status: int) -> None:
    """An answer in a file or on standard input gets its verdict; the status is 0 if it is right, and 1 if not."""
    (folder / "answer.py").write_text(f"rate = {rate}\n", encoding="utf-8")
    assert run("exercise", "choose-a-rate", "answer.py") == status
    verdict = capsys.readouterr().out
    assert verdict == f"{scalargrad.exercise('choose-a-rate').judge_code(f'rate = {rate}')}\n"
    finished = shell("exercise", "choose-a-rate", "-", input=f"rate = {rate}\n")
    assert (finished.returncode, finished.stdout, finished.stderr) == (status, verdict, "")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["softmx"], "there is no exercise 'softmx': did you mean 'softmax'?"),
        (["softmax", "nothing.py"], "the answer cannot be read from nothing.py: No such file or directory"),
        (["softmax", "."], "the answer cannot be read from .: Is a directory"),
        (["softmax", "latin.py"], "the answer cannot be read from latin.py: it is not text in UTF-8"),
        (["softmax", "a.py", "b.py"], "expected the name of an exercise and a file, got 3 words"),
    ],
)
def test_a_wrong_command_line_is_refused(folder: Path, capsys: Captured, words: list[str], complaint: str) -> None:
    """An unknown exercise, a file that cannot be read, and more than a file are refused with the status 2."""
    (folder / "latin.py").write_bytes(b"x = '\xe9'")
    assert run("exercise", *words) == 2
    assert capsys.readouterr() == ("", f"scalargrad: error: {complaint}\n")


def test_a_file_with_a_byte_order_mark_is_read(folder: Path) -> None:
    """A file that an editor on Windows has written begins with a mark that is no part of the code."""
    (folder / "answer.py").write_bytes(b"\xef\xbb\xbfrate = 0.5\r\n")
    assert run("exercise", "choose-a-rate", "answer.py") == 0
    assert shell("exercise", "choose-a-rate", "-", input="\ufeffrate = 0.5\n").returncode == 0


def test_without_standard_input_there_is_no_answer(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a program has no standard input, `-` is refused."""
    monkeypatch.setattr(sys, "stdin", None)
    assert run("exercise", "choose-a-rate", "-") == 2
    complaint = "the answer cannot be read from the standard input: it is closed"
    assert capsys.readouterr() == ("", f"scalargrad: error: {complaint}\n")


# ---------------------------------------------------------------- help


@pytest.mark.parametrize("arguments", [[], *([command] for command in [*COMMANDS, "exercise"])], ids=" ".join)
def test_help_has_an_example_that_works(capsys: Captured, arguments: list[str]) -> None:
    """Each help fits a terminal and shows an example that runs as it stands."""
    assert run(*arguments, "--help") == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 92
    program, *example = shlex.split(re.findall(r"^example:\n  (.*)$", shown, re.MULTILINE)[0])
    assert program == "scalargrad"
    assert arguments in ([], example[:1])
    assert run(*example) == 0


def test_help_names_every_command_and_function(capsys: Captured) -> None:
    """The help lists the commands; that of a command, what an expression may hold."""
    run("-h")
    shown = capsys.readouterr().out
    assert all(re.search(rf"^    {command} ", shown, re.MULTILINE) for command in [*COMMANDS, "exercise"])
    run("explain", "-h")
    words = set(re.findall(r"\w+", capsys.readouterr().out))
    assert {"tanh", "gelu", "maximum", "atan2", "pi", "e"} <= words
    assert "_slope_in_base" not in words


@pytest.mark.parametrize("command", COMMANDS)
def test_the_usage_names_the_options(capsys: Captured, command: str) -> None:
    """The usage lists the options that the help describes, or says that there are some."""
    run(command, "-h")
    usage, _, described = capsys.readouterr().out.partition("\n")
    options = re.findall(r"^  (--\w+(?: [A-Z]+)?)", described, re.MULTILINE)
    assert options
    assert re.findall(r"\[(.*?)\]", usage)[1:] in (options, ["options"])


def test_version(capsys: Captured) -> None:
    """`--version` prints the version."""
    assert run("--version") == 0
    assert capsys.readouterr().out == f"scalargrad {scalargrad.__version__}\n"


# ---------------------------------------------------------------- how a command line is read


ORDERS = [
    words
    for words in itertools.permutations(["x * y", "x=2", "y=3", "--partials"])
    if words[0] == "x * y" or words[:2] == ("--partials", "x * y")
]


@pytest.mark.parametrize("words", ORDERS, ids=" ".join)
def test_options_stand_anywhere(capsys: Captured, words: tuple[str, ...]) -> None:
    """Options and numbers mix, in any order."""
    assert run("draw", *words) == 0
    assert capsys.readouterr().out.startswith("a picture of 3 values")


@pytest.mark.parametrize("words", [["-x ** 2", "x=3"], ["--", "--x", "x=-9"], ["x", "x=-9"]])
def test_an_expression_may_start_with_a_minus(capsys: Captured, words: list[str]) -> None:
    """What starts with - and is no option is an expression."""
    assert run("explain", *words) == 0
    assert "= -9.0   at x" in capsys.readouterr().out


WRONG = [
    (["x * y", "x=2"], "y has no value: give y=NUMBER", "y"),
    (["sigmod(x)", "x=2"], "no function is named sigmod: did you mean sigmoid?", "sigmod"),
    (["x", "x=nan"], "x needs a finite number, got nan", "nan"),
    (["x", "x=1", "x=2"], "x has a number already", "x"),
    (["x", "x=1", "xy=2"], "xy is not in the expression: did you mean x?", "xy"),
    (["x", "x=1", "q=2"], "q is not in the expression", "q"),
    (["x", "3"], "expected name=value", "3"),
    (["x", "x=q"], "x needs a number: q has no value", "q"),
    (["x=1", "x * 2"], "expected an expression before the numbers", "x=1"),
    (["x == 1", "x=1"], "a comparison has no derivative", "x == 1"),
    (["__import__('os').system('true')"], "a function is called by its name", "__import__('os').system"),
    (["9**9**9**9"], "this is inf: beyond the range of floats", "9**9**9"),
    (["(" * 300 + "x", "x=1"], "too many nested parentheses", ""),
    ([""], "expected an expression, got nothing", ""),
    (["x\udcff", "x=1"], "an expression cannot contain this character", ""),
]


@pytest.mark.parametrize(("arguments", "message", "marked"), WRONG, ids=[message for _, message, _ in WRONG])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_question_is_marked(
    folder: Path, capsys: Captured, command: str, arguments: list[str], message: str, marked: str
) -> None:
    """A mistake is reported on one line of standard error, marked below it, with status 2; nothing is written."""
    assert run(command, *arguments) == 2
    out, err = capsys.readouterr()
    said, text, marks = err.splitlines()
    assert said.startswith(f"scalargrad: error: {message}")
    if marked:
        assert text[marks.index("^") : len(marks)] == marked
    assert not out
    assert not os.listdir(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Explain the gradient of an expression, step by step."),
        (["--"], "Explain the gradient of an expression, step by step."),
        (["expalin"], "invalid choice: 'expalin'"),
        (
            ["explain", "--pages", "a.html"],
            "scalargrad explain: error: there is no option --pages: did you mean --page?",
        ),
        (["explain", "--output", "x"], "usage: scalargrad explain ["),
        (["explain", "--output", "x"], "no option --output: the options are --help, --draw, --page, --open, --digits"),
        (["draw", "--output"], "argument --output: expected one argument"),
        (
            ["explain", "x", "x=1", "--digits", "0"],
            "argument --digits: expected a number of digits from 1 to 17, got '0'",
        ),
        (["step", "x", "x=1", "--digits", "four"], "argument --digits: expected a number of digits from 1 to 17, got"),
        (["draw", "x", "x=1", "--output", ""], "argument --output: expected the name of a file, got ''"),
        (["draw", "x", "x=1", "--output", "-"], "argument --output: expected the name of a file, got '-'"),
        (["explain", "x", "x=1", "--draw", ""], "argument --draw: expected the name of a file, got ''"),
        (["explain", "--page="], "argument --page: expected the name of a file, got ''"),
        (["draw", "x", "x=1", "--output", "."], "the name of a drawing ends in .svg, .png,"),
        (["draw", "x", "x=1", "--output", "a.webp"], "or .json, got 'a.webp'"),
        (["draw", "x", "x=1", "--output", os.devnull], "a drawing is written to a regular file, got '/dev/null'"),
        (["explain", "x", "x=1", "--page", os.devnull], "a page is written to a regular file, got '/dev/null'"),
        (["check", "x", "x=1", "--order", "3"], "argument --order: invalid choice: 3"),
    ],
)
def test_a_wrong_option_is_said(folder: Path, capsys: Captured, arguments: list[str], message: str) -> None:
    """An unknown command or option, or a wrong name of a file, ends with status 2, and nothing is written."""
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not os.listdir(folder)


WORDS = [
    "x",
    "y",
    "x*y",
    "-x",
    "x=1",
    "y=2",
    "y=",
    "=",
    "--",
    "--order",
    "2",
    "--output",
    "-h",
    "(",
    "1e999",
    "e",
    "check",
]


@settings(max_examples=200)
@given(
    st.sampled_from(["check", "draw", "step"]),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=9)), max_size=6),
)
def test_no_command_line_ends_in_a_traceback(command: str, words: list[str]) -> None:
    """Whatever the words, the command answers with a status."""
    words = [word for word in words if "\0" not in word]  # no shell can pass one
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert run(command, *words) in {0, 1, 2}


# ---------------------------------------------------------------- what may go wrong around it


def test_a_file_that_cannot_be_written_is_said(capsys: Captured) -> None:
    """Where a file cannot be written, the message names it and why."""
    assert run("draw", "x * 2", "x=1", "--output", "no/such/a.svg") == 2
    assert capsys.readouterr().err == (
        "scalargrad: error: the picture cannot be written to no/such/a.svg: No such file or directory\n"
    )


def test_a_graph_too_large_to_draw_is_said(capsys: Captured) -> None:
    """A graph that nobody could look at is refused, with how large it is."""
    assert run("draw", "+".join(["x"] * 400), "x=1") == 2
    assert re.match(r"scalargrad: error: \d+ .*limit of 300", capsys.readouterr().err)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Without an extra, what needs it names it with status 2; all else is shown."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in {"graphviz", "pygraphviz", "jinja2"}:
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest, **more)

    for module in [
        name for name in sys.modules if name.startswith(("graphviz", "jinja2", "scalargrad.explain.drawing.render"))
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    assert run("explain") == 2
    out, err = capsys.readouterr()
    assert "df/dw0" in out
    assert "scalargrad-engine[draw]" in err
    assert len(err.splitlines()) == 1
    assert run("explain", "x * 2", "x=1", "--page", "a.html") == 2
    assert "scalargrad-engine[page]" in capsys.readouterr().err


def test_an_interrupt_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Ctrl-C ends the command with the status that shells expect, and one line."""

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "steps", interrupted)
    assert run("explain", "x * 2", "x=1") == 130
    assert capsys.readouterr().err == "scalargrad: interrupted\n"


IMPORTED = [
    "scalargrad",
    "math",
    "scalargrad.nn",
    "scalargrad.check.detects",
    "scalargrad.explain.walk.steps",
    "argparse",
]
INTERRUPTED_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.modules.pop({module!r}, None)
sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = ["check", "x", "x=1"]
from {entry} import main
sys.exit(main())
"""


def interrupted_while_importing(module: str, entry: str) -> tuple[int, str, str]:
    """The status, output and errors of an entry of the command, when Ctrl-C comes as it imports a module."""
    program = INTERRUPTED_IMPORT.format(module=module, entry=entry)
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False, start_new_session=True
    )
    return finished.returncode, finished.stdout, finished.stderr


@pytest.mark.parametrize("module", IMPORTED)
def test_an_interrupt_while_it_starts_is_one_line(module: str) -> None:
    """Ctrl-C while the command is still importing, whatever module it is at, ends in the same line and status."""
    assert interrupted_while_importing(module, "scalargrad_command") == (130, "", "scalargrad: interrupted\n")


def test_an_entry_within_the_package_cannot_help_it() -> None:
    """Negative control: an entry that the package has to be imported for ends in a traceback."""
    status, _, complaint = interrupted_while_importing("scalargrad.nn", "scalargrad.cli")
    assert status != 130
    assert complaint.startswith("Traceback")


def test_the_entry_runs_the_command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The entry's status is the command's; an interrupt that gets past it is one line, or none where that is closed."""
    for run_command, status in ((lambda: 1, 1), (lambda: 0, 0), (interrupted, 130)):
        monkeypatch.setattr(cli, "main", run_command)
        assert scalargrad_command.main() == status
    assert capfd.readouterr().err == "scalargrad: interrupted\n"
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert scalargrad_command.main() == 130
    assert capfd.readouterr().err == ""


class Wrapping:
    """What Ctrl-C comes to as the class that has it is made."""

    def __set_name__(self, _owner: object, _name: str) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_that_python_wraps_is_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C that has become the cause or the context of another error ends as Ctrl-C does; another error comes out."""

    def by_class() -> int:
        type("Made", (), {"attribute": Wrapping()})
        return 0

    def by_cause() -> int:
        raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()

    def by_context() -> int:
        try:
            interrupted()
        finally:
            raise RuntimeError("in the middle")

    for run_command in (by_class, by_cause, by_context):
        monkeypatch.setattr(cli, "main", run_command)
        assert scalargrad_command.main() == 130
        assert capfd.readouterr().err == "scalargrad: interrupted\n"
    monkeypatch.setattr(cli, "main", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        scalargrad_command.main()


def interrupted(*_: Any) -> int:
    """What Ctrl-C comes in the middle of."""
    raise KeyboardInterrupt


def full(*_: Any) -> int:
    """A file that takes nothing more."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_termination_is_quiet() -> None:
    """SIGTERM ends the command, at its prompt, as it ends any program: at once, without a word."""
    command = [sys.executable, "-m", "scalargrad", "step", "x * 2", "x=1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        _, complaint = process.communicate()
    assert (process.returncode, complaint) == (-signal.SIGTERM, b"")


# ---------------------------------------------------------------- the standard streams

QUESTIONS = [
    ["explain", "x * 2", "x=1"],
    ["step", "x * 2", "x=1"],
    ["draw", "x * 2", "x=1"],
    ["draw", "x * 2", "x=1", "--output", "a.svg"],
    ["check", "x * 2", "x=1"],
    ["--help"],
    ["draw", "--help"],
    ["--version"],
]
every_question = pytest.mark.parametrize("arguments", QUESTIONS, ids=" ".join)


def redirected(streams: str, *arguments: str, unbuffered: bool = False) -> tuple[int, str, str]:
    """The status, the output and the errors of the command with its streams as a shell redirects them."""
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-m", "scalargrad", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1" if unbuffered else ""}
    finished = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False
    )
    return finished.returncode, finished.stdout, finished.stderr


@every_question
def test_a_closed_output_is_one_line(folder: Path, arguments: list[str]) -> None:
    """Where there is no standard output, that is said on one line with status 2, and nothing is done."""
    assert redirected(">&-", *arguments) == (2, "", "scalargrad: error: standard output is closed\n")
    assert not os.listdir(folder)


@pytest.mark.parametrize("unbuffered", [False, True])
@every_question
def test_a_full_output_is_one_line(arguments: list[str], unbuffered: bool) -> None:
    """Where standard output cannot be written, that is said on one line with status 2, buffered or not."""
    status, _, complaint = redirected(">/dev/full", *arguments, unbuffered=unbuffered)
    assert status == 2
    assert re.fullmatch(r"scalargrad: error: .* cannot .*: No space left on device\n", complaint)


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    "arguments", [QUESTIONS[0], QUESTIONS[1], QUESTIONS[3], [], ["nonsense"], ["check", "("]], ids=" ".join
)
def test_without_an_error_stream_all_else_is_as_it_was(arguments: list[str], streams: str) -> None:
    """A closed or full error stream changes neither the output nor the status, of a wrong question either."""
    status, output, _ = redirected("", *arguments)
    assert redirected(streams, *arguments) == (status, output, "")


def test_a_closed_input_is_said_where_it_is_read() -> None:
    """Without standard input the prompt says so on one line with status 2; all else does not miss it."""
    assert redirected("<&-", "step", "x * 2", "x=1") == (2, "", "scalargrad: error: standard input is closed\n")
    assert redirected("<&-", "check", "x * 2", "x=1") == redirected("", "check", "x * 2", "x=1")


def test_an_input_that_cannot_be_read_is_one_line() -> None:
    """An input that is open for writing alone ends the prompt with one line and status 2."""
    status, _, complaint = redirected("0>/dev/null", "step", "x * 2", "x=1")
    assert (status, complaint) == (2, "scalargrad: error: the prompt cannot read or write: Bad file descriptor\n")


def test_with_every_stream_closed_there_is_a_status() -> None:
    """With nothing open at all the command ends with status 2 in silence."""
    assert redirected("<&- >&- 2>&-", "explain", "x * 2", "x=1") == (2, "", "")


class Unreadable(io.StringIO):
    """An input that is open, and cannot be read."""

    def readline(self, *_: Any) -> str:  # type: ignore[override]  # StringIO's own is declared so, too
        raise OSError(errno.EIO, "Input/output error")


def test_a_stream_that_fails_is_one_line_in_the_same_process(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """`main` itself returns 2 with one line for an output that is closed or full, and an input that is or fails."""
    ask = ("step", "x * 2", "x=1")
    for stdin, reason in ((None, "standard input is closed"), (Unreadable(), "the prompt cannot read or write: Input")):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run(*ask) == 2
        assert capsys.readouterr().err.startswith(f"scalargrad: error: {reason}")
    with open("/dev/full", "w", encoding="utf-8") as output:
        for stdout, reason in ((None, "standard output is closed"), (output, "standard output cannot be written: No")):
            monkeypatch.setattr(sys, "stdout", stdout)
            assert run("--version") == 2
            assert capsys.readouterr().err.startswith(f"scalargrad: error: {reason}")
    with open("/dev/full", "w", buffering=1, encoding="utf-8") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert run("check", "x", "x=1") == 2
        assert capsys.readouterr().err.startswith("scalargrad: error: standard output cannot be written: No space")


def test_an_interrupt_does_not_depend_on_the_output(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Ctrl-C is one line and status 130, also where the output that waits to be written has become unwritable."""
    with open("/dev/full", "w", encoding="utf-8") as output:

        def begin(*_: Any, **__: Any) -> None:
            print("begun")
            raise KeyboardInterrupt

        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr(cli, "steps", begin)
        assert run("explain", "x * 2", "x=1") == 130
    assert capsys.readouterr().err == "scalargrad: interrupted\n"


@every_question
def test_a_closed_pipe_is_quiet(arguments: list[str]) -> None:
    """Where nobody reads on, as behind `| head`, the command ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    finished = subprocess.run(
        [sys.executable, "-m", "scalargrad", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    os.close(writer)
    assert (finished.returncode, finished.stderr) == (141, b"")


def test_where_the_pipe_breaks_what_is_left_goes_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the pipe broke, the output is one that takes all that is still to be flushed."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert run("draw", "x * 2", "x=1") == 141
        output.write("more")
        output.flush()


def test_output_that_is_no_terminal_is_plain(capsys: Captured) -> None:
    """In a pipe there are no colours."""
    assert run("explain", "x * 2", "x=1") == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_terminal_without_unicode_is_served() -> None:
    """Where the output has no ∂, a ? stands for it."""
    finished = shell("explain", "x * 2", "x=1", env={"PYTHONIOENCODING": "ascii"})
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "?f/?x" in finished.stdout


def test_bytes_that_are_no_text_do_not_end_the_prompt() -> None:
    """Rubbish piped into the prompt is answered like any other line."""
    finished = subprocess.run(
        [sys.executable, "-m", "scalargrad", "step", "x * 2", "x=1"],
        input=b"\xff\xfe\x00\nstep\n",
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert b"1/1  df/dx" in finished.stdout


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """`python -m scalargrad` is `scalargrad`, which the distribution installs."""
    monkeypatch.setattr(sys, "argv", ["scalargrad", "check", "x * 2", "x=1"])
    monkeypatch.delitem(sys.modules, "scalargrad.__main__", raising=False)
    with pytest.raises(SystemExit) as left:
        runpy.run_module("scalargrad", run_name="__main__")
    assert left.value.code == 0
    assert "agrees" in capsys.readouterr().out
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"scalargrad": "scalargrad_command:main"}


# ---------------------------------------------------------------- what the documentation says


def blocks(language: str) -> list[str]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_documentation_work() -> None:
    """Every command in the README and the guides runs as it stands."""
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("scalargrad ")]
    assert {shlex.split(line)[1] for line in commands} == set(COMMANDS)
    assert [run(*shlex.split(line)[1:]) for line in commands] == [0] * len(commands)


def test_the_quiz_of_the_documentation_is_one(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """The quiz that the guide shows is what the command asks and answers."""
    ((command, *session),) = [block.splitlines() for block in blocks("text") if "(quiz) " in block]
    typed = [line.removeprefix("(quiz) ") for line in session if line.startswith("(quiz) ")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(typed)))
    assert run(*shlex.split(command)[2:]) == 0
    assert capsys.readouterr().out.splitlines() == session


def test_the_session_of_the_documentation_is_one(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """The session at the prompt that the guide shows is what the prompt answers."""
    ((command, *session),) = [block.splitlines() for block in blocks("text") if "(step) " in block]
    typed = [line.removeprefix("(step) ") for line in session if line.startswith("(step) ")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(typed)))
    assert run(*shlex.split(command)[2:]) == 0
    assert capsys.readouterr().out.splitlines() == [*session, "(step) "]
