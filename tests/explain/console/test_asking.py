"""The quiz at a prompt: it hides each contribution until it is predicted or revealed, and counts honestly."""

from __future__ import annotations

import io
import re

import pytest

from scalargrad import Value, prompt, quiz, steps
from scalargrad.explain.console.asking import Asking
from scalargrad.explain.walk.steps import Steps
from scalargrad.terminal import cells


def product() -> Steps:
    x, y = Value(3.0, label="x"), Value(5.0, label="y")
    return steps(x * y, 2.0)


def session(walk: Steps, *lines: str) -> str:
    """What the quiz writes for some lines of input."""
    written = io.StringIO()
    Asking(walk, io.StringIO("\n".join(lines) + "\n"), written).run()
    return written.getvalue()


def test_each_contribution_is_asked_for_and_shown_when_it_is_known() -> None:
    """Before its answer a contribution stands nowhere; a right answer shows it, and the next question follows."""
    a, b, c = (Value(data, label=name) for name, data in (("a", 2.0), ("b", 3.0), ("c", 0.5)))
    walk = steps((a * b * c).exp())
    said = session(walk, *(repr(step.product) for step in walk))
    start, *answers = said.split("(quiz) ")
    assert start.splitlines()[0].startswith("What is each contribution? 5 to predict.")
    assert start.splitlines()[1:] == [
        "1/5  df/dv2 += df/df · ∂f/∂v2 = ?",
        "     f = exp(v2) = 20.09   v2 = 3.0   df/df = 1.0",
    ]
    assert [answer.splitlines()[1].partition(":")[0] for answer in answers] == ["right"] * 5
    for before, step in zip([start, *answers], walk, strict=False):
        assert step.arithmetic not in before
        assert step.because not in before
    assert all(step.arithmetic in answer for step, answer in zip(walk, answers, strict=True))
    assert answers[-1].splitlines()[-1].startswith("score: 5 of 5 (1 for a right answer at once, 0.5 after")
    assert walk.position == len(walk)


@pytest.mark.parametrize(
    ("lines", "score"),
    [
        (["10", "6"], "2 of 2"),
        (["10,0", "−6", "6"], "1.5 of 2"),
        (["hint", "10", "6"], "1.5 of 2"),
        (["7", "5", "10", "6"], "1.5 of 2"),
        (["reveal", "6"], "1 of 2"),
        (["hint", "r", "-1", "r"], "0 of 2"),
        (["10", "hint", "6"], "1.5 of 2"),
        (["nonsense", "x", "", "show x", "10", "6"], "2 of 2"),
    ],
)
def test_a_score_says_how_an_answer_was_found(lines: list[str], score: str) -> None:
    """At once 1, after hints or wrong answers 0.5, revealed 0; what is no answer costs nothing."""
    assert f"score: {score} (" in session(product(), *lines).splitlines()[-1]


def test_a_wrong_answer_is_told_the_misconception() -> None:
    """The sentence says what has gone wrong; a number that nothing explains is wrong, and no more is said."""
    for answer, sentence in {
        "5": "wrong: The local gradient alone is no contribution",
        "2": "wrong: That is the upstream gradient alone",
        "-10": "wrong: The size is right, and the sign is not.",
        "6": "wrong: That is the derivative in the other operand.",
        "17": "wrong: try again, or hint",
    }.items():
        walk = product()
        assert sentence in session(walk, answer)
        assert walk.position == 0


def test_a_hint_is_the_formula_and_enter_asks_again() -> None:
    """`hint` shows the local gradient in names, Enter the question, `show` a number, `score` what counts by now."""
    said = session(product(), "hint", "", "show y", "show z", "show", "10", "score", "help hint", "quit now", "quit")
    _, hint, again, shown, unknown, nothing, _, score, explained, refused, last = said.split("(quiz) ")
    assert hint.splitlines()[1] == "∂f/∂x = y"
    assert again.splitlines()[1] == "1/2  df/dx += df/df · ∂f/∂x = ?"
    assert shown.splitlines()[1] == "y = 5.0, df/dy = –"
    assert "nothing in f is called 'z'" in unknown
    assert "show needs the name of a node" in nothing
    assert score.splitlines()[1].startswith("score: 0.5 of 1")
    assert "counts half" in explained
    assert "expected nothing more, got now" in refused
    assert last == "quit\n"


def test_what_is_no_answer_is_refused() -> None:
    """A word is no command, with advice; anything else is no number."""
    said = session(product(), "hnt", "1/0", "2*5", "reveal all", "quit")
    assert re.search("no command is called hnt.*hint", said)
    assert said.count("expected a number such as -0.5, −0,5 or -1/2, got") == 2
    assert "expected nothing more, got all" in said


def test_a_quiz_starts_where_its_steps_stand() -> None:
    """With steps that are made already it asks for what follows; with none left it says so."""
    assert "2/2  df/dy" in session(product().to(1), "quit")
    assert session(product().last(), "10") == "there is no contribution to predict\n"


def test_the_prompt_has_a_quiz() -> None:
    """`quiz` at the step prompt asks from there on, and comes back with the steps that are known."""
    written = io.StringIO()
    prompt(product(), io.StringIO("step\nquiz\n6\nback\nquiz\nquit\nquit\n"), written)
    said = written.getvalue()
    assert "What is each contribution? 1 to predict." in said
    assert "right: 2.0 × 3.0 = 6.0" in said
    assert said.index("score: 1 of 1") < said.index("took back the last step") < said.rindex("(quiz)")
    assert said.endswith("(step) quit\n")


def test_a_narrow_terminal_gets_short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where lines have an end, question and numbers fit."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    x, y = Value(3.0, label="the first of two operands"), Value(5.0, label="the second of two operands")
    written = Terminal()
    Asking(steps(x * y), io.StringIO("quit\n"), written).run()
    question, given = written.getvalue().splitlines()[1:3]
    assert cells(question) <= 40
    assert cells(given) <= 40


def test_a_quiz_asks_at_the_prompt() -> None:
    """`quiz(x).ask()` is the same, as often as one likes: it leaves the steps where they are."""
    asked, walk = quiz(product()), product()
    for _ in range(2):
        written = io.StringIO()
        asked.ask(io.StringIO("10\n6\n"), written)
        assert written.getvalue() == session(walk.first(), "10", "6")
