"""What `quiz` returns and refuses; the questions and the prompt are tested beside theirs, the page in a browser."""

from __future__ import annotations

import copy
import html
import io
import re
import sys
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

from scalargrad import TooLarge, quiz, steps
from scalargrad.terminal import visible
from tests.explain.html.test_document import LABELS, Reader, neuron, product, shape


def test_a_quiz_says_what_to_do_with_it() -> None:
    """At a prompt it is a line; it counts what is left to predict."""
    assert repr(quiz(neuron())) == "<quiz of 9 contributions: .ask() asks here, .save('quiz.html') writes a page>"
    assert repr(quiz(neuron(), at=8)).startswith("<quiz of 1 contribution:")
    walk = steps(neuron())
    assert quiz(walk, at="w1").walk.position == walk.into("w1")[0].index + 1
    assert walk.position == 0


def test_a_quiz_is_a_page(tmp_path: Path) -> None:
    """Saved, as a string and in the frame of a notebook it is the same page."""
    asked = quiz(neuron())
    assert asked.save(tmp_path / "asked") == quiz(neuron(), tmp_path / "asked.html") == tmp_path / "asked.html"
    assert (tmp_path / "asked.html").read_text(encoding="utf-8") == str(asked)
    shown, _ = DisplayFormatter().format(asked)  # type: ignore[no-untyped-call]  # IPython has no types here
    frame = re.fullmatch(r'<iframe srcdoc="([^"]*)"[^<>]*>([^<>]*)</iframe>', shown["text/html"])
    assert frame
    assert html.unescape(frame[1]) == str(asked)
    assert "Predict the gradients of o, step by step" in Reader(str(asked)).words
    assert len(str(asked)) < 90_000


def test_no_label_becomes_markup() -> None:
    """Whatever a label is, the quiz has the same elements with the same attributes."""
    for label in LABELS[:9]:
        document = str(quiz(product(label)))
        assert shape(document) == shape(str(quiz(product())))
        assert visible(label) in Reader(document).words


def test_bad_input_is_refused(tmp_path: Path) -> None:
    """Too many steps, a step that there is not, names that are given twice, a wrong suffix: an error each."""
    walk = steps(neuron())
    with pytest.raises(TooLarge, match="9 steps are more than the limit of 8"):
        quiz(walk, limit=8)
    with pytest.raises(IndexError, match="10 steps cannot be made"):
        quiz(walk, at=10)
    with pytest.raises(TypeError, match="give names to steps"):
        quiz(walk, names={})
    with pytest.raises(ValueError, match=r"ends in \.html"):
        quiz(walk, tmp_path / "quiz.svg")
    with pytest.raises(TypeError, match="got 3 of type int"):
        quiz(3)  # type: ignore[call-overload]  # the wrong type is what is tested
    assert list(tmp_path.iterdir()) == []


def test_only_the_page_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jinja2 a quiz can be made and asked; its page names the extra to install."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    asked = quiz(copy.copy(neuron()))
    asked.ask(stdin=_lines("quit"), stdout=_lines(""))
    with pytest.raises(ImportError, match=r"scalargrad-engine\[page\]"):
        str(asked)


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text)
