"""The answers that the page gets: walks with boxes and quizzes, exercises and verdicts, all as JSON."""

from __future__ import annotations

import json

import pytest
from scalargrad_lab import answer
from scalargrad_lab.answering import QUESTIONS, Session

NETWORK = """\
from scalargrad import Value, nn
model = nn.MLP(2, [4, 4, 1], rng=0)
loss = (model([Value(1.0), Value(-2.0)]) - 1.0) ** 2
"""


def test_a_network_begins_with_boxes_which_open_one_level_at_a_time() -> None:
    """A box that is opened shows the calls in it as boxes; closed, it is one box again, and nothing else changes."""
    session = Session()
    walk = session.run(NETWORK)["walk"]
    first = set(walk["folded"])
    assert first
    call = max(first, key=lambda each: walk["markup"].count(f":{each} "))
    opened = session.fold(call, is_folded=False)
    assert call not in opened["folded"]
    assert opened["markup"].count('class="node"') > walk["markup"].count('class="node"')
    assert opened["lines"] == walk["lines"]
    assert set(session.fold(call, is_folded=True)["folded"]) == first
    assert session.again()["markup"] == walk["markup"]


def test_a_quiz_has_the_same_walk_with_what_is_wrong() -> None:
    """The quiz asks about the steps of the walk, and knows what misconceptions give."""
    session = Session()
    session.run("from scalargrad import Value\na = Value(2.0)\nb = a * a\n")
    quiz = session.quiz(True)
    assert "data-mistakes" in quiz["markup"]
    assert "data-mistakes" not in session.quiz(False)["markup"]
    assert quiz["steps"] == 2


def test_a_large_graph_is_refused_with_what_to_do() -> None:
    """There is no markup, but how many steps there are and how many can be walked."""
    walk = Session().run("from scalargrad import Value\nx = Value(1.0)\nfor _ in range(5001):\n    x = x + 1.0\n")[
        "walk"
    ]
    assert "markup" not in walk
    assert "5,001 steps, more than the 5,000" in walk["refused"]


def test_another_result_can_be_walked() -> None:
    """It is found by the name of its variable."""
    session = Session()
    session.run("from scalargrad import Value\na = Value(2.0)\nb = a * a\nc = b + a\n")
    walk = session.show("b")
    assert walk is not None
    assert (walk["title"], walk["nodes"]) == ("b", 2)


def test_exercises_and_their_judge() -> None:
    """Every exercise has a text and code to start from, which the judge does not take for an answer."""
    session = Session()
    exercises = session.exercises()
    assert {"name", "chapter", "title", "text", "start"} == set(exercises[0])
    verdict = session.judge("rule-of-tanh", "def rule(out, x):\n    return 1 - out * out\n")
    assert (verdict["isRight"], verdict["headline"]) == (True, "Right.")
    verdict = session.judge("rule-of-tanh", "def rule(out, x):\n    return x.nothing\n")
    assert not verdict["isRight"]
    assert "in line 2" in verdict["text"]


@pytest.mark.parametrize("name", ["exercises", "run", "change", "again"])
def test_answers_are_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those with numbers that JSON has not."""
    given = {"run": {"code": "from scalargrad import Value\nx = Value(float('inf'))\ny = x * 0\n"}}
    answer("run", json.dumps(given["run"]))
    arguments = {"change": {"node": 0, "number": "-Infinity"}, **given}.get(name, {})
    came = json.loads(answer(name, json.dumps(arguments)), parse_constant=pytest.fail)
    assert came
    assert name in QUESTIONS
    assert capsys.readouterr().out == ""
