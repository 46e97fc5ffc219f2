"""Exercises show themselves, are found by name, and can be declared."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import scalargrad
from scalargrad.exercises import Exercise, Verdict, declare, declaring, exercise, exercises, right, wrong
from scalargrad.misconceptions import Misconception

TOUR = Path(__file__).parents[2] / "docs" / "tour"
ALL = exercises()


def test_there_is_one_for_each_chapter() -> None:
    """Exercises stand in the order of the tour's chapters, and each chapter has one."""
    chapters = [one.chapter for one in ALL]
    assert chapters == sorted(chapters)
    assert set(chapters) == {int(path.name[:2]) for path in TOUR.glob("[0-9]*.md")}
    assert len({one.name for one in ALL}) == len(ALL) >= 20


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_the_start_is_a_program_that_is_not_yet_right(one: Exercise) -> None:
    """The code to start from runs as it stands, has the name that is judged, and is not right."""
    ast.parse(one.start)
    verdict = one.judge_code(one.start)
    assert not verdict
    assert verdict.misconception or "raised an error" not in str(verdict)
    assert f"no {one.answer}" not in str(verdict)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_it_shows_what_to_do(one: Exercise) -> None:
    """It prints title, text, code to start from, and how to have it judged; no line is long."""
    shown = repr(one)
    assert " ".join(one.text.split()) in " ".join(shown.split())
    for part in (one.name, one.title, f'exercise("{one.name}").judge({one.answer})'):
        assert part in shown
    assert all(line.strip() in shown for line in one.start.splitlines())
    assert max(map(len, shown.splitlines())) <= 100
    assert one.title[0].isupper()
    assert not one.title.endswith(".")


def test_a_notebook_shows_it_as_html() -> None:
    """In a notebook, code is marked, and nothing of the text becomes markup by accident."""
    task = Exercise("x", 1, "<b>", "Write `a < b`.\n\n    a < b & c", "a = ...\n", "a", lambda answer: right())
    assert task._repr_html_() == (
        "<p><strong>&lt;b&gt;</strong></p><p>Write <code>a &lt; b</code>.</p><pre>a &lt; b &amp; c</pre>"
        "<pre>a = ...</pre><p>To have it judged: <code>from scalargrad import exercise</code>, then "
        "<code>exercise(&quot;x&quot;).judge(a)</code></p>"
    )
    for one in ALL:
        assert re.findall(r"</?(\w+)>", one._repr_html_())
        assert "`" not in one._repr_html_()


def test_the_list_has_a_line_for_each() -> None:
    """The list prints a line for each exercise, and is a table in a notebook."""
    _, *lines = str(ALL).splitlines()
    assert [line.split()[:2] for line in lines] == [[str(one.chapter), one.name] for one in ALL]
    assert repr(ALL) == str(ALL)
    assert ALL._repr_html_().count("<tr>") == 1 + len(ALL)


def test_an_unknown_name_is_an_error_with_the_nearest_one() -> None:
    """An exercise that there is not is a ValueError which has the nearest name, or all."""
    assert scalargrad.exercise is exercise
    with pytest.raises(ValueError, match="no exercise 'softmx': did you mean 'softmax'"):
        exercise("softmx")
    with pytest.raises(ValueError, match="no exercise 'qqq': there are neuron, network"):
        exercise("qqq")
    wrong_type: Any = 7
    with pytest.raises(ValueError, match="no exercise 7"):
        exercise(wrong_type)


def test_teachers_declare_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declared exercise is in the list, and found by its name, which no other may have."""
    monkeypatch.setattr(declaring, "_declared", dict(declaring._declared))

    @declare("three", chapter=2, title="Three", text="  Give 3.\n", start="\n    three = ...\n  ", answer="three")
    def three(answer: Any) -> Verdict:
        return right("Yes.") if answer == 3 else wrong("No.")

    assert exercise("three") is three
    assert three in exercises()
    assert three.judge(3)
    assert (three.text, three.start) == ("Give 3.", "three = ...\n")
    assert three.judge(4).misconception is None
    commands = ["scalargrad exercise" in shown for one in (three, ALL[0]) for shown in (repr(one), one._repr_html_())]
    assert commands == [False, False, True, True]  # a terminal knows only those of the library
    again = declare("three", chapter=3, title="Three", text="", start="", answer="three")(lambda answer: right())
    assert exercise("three") is again


def test_a_built_in_exercise_stays() -> None:
    """The name of a built-in exercise cannot be declared again."""
    with pytest.raises(ValueError, match="softmax is an exercise of scalargrad: choose another name"):
        declare("softmax", chapter=2, title="", text="", start="", answer="")(lambda answer: right())
    assert exercise("softmax").chapter == 3


def test_a_verdict_prints_and_is_escaped() -> None:
    """A verdict is true or false, prints its sentences, and escapes them in a notebook."""
    verdict = wrong("x < 1", misconception=Misconception("sign", "a & b"))
    assert not verdict
    assert str(verdict) == repr(verdict) == "Not right yet: sign.\nx < 1\na & b"
    assert verdict._repr_html_() == "<p><strong>Not right yet: sign.</strong></p><p>x &lt; 1</p><p>a &amp; b</p>"
    assert str(wrong("x")) == "Not right yet.\nx"
    assert "<pre" in wrong("an error\n    x < 1")._repr_html_()
    assert right("x")._repr_html_() == "<p><strong>Right.</strong></p><p>x</p>"
