"""The laws of the quiz's questions: right answers in any spelling, wrong ones with the misconception behind them."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given

from scalargrad import Value, nn, steps
from scalargrad.explain import page_data, quiz_data
from scalargrad.explain.walk.questions import Question, number_of, points_of
from tests.engine.test_graph import FUNCTIONS
from tests.oracle import Program, programs, run

NUMBERS = {  # what a learner may type: the page reads it, too, and a test there compares
    "0.5": 0.5,
    "-0.5": -0.5,
    "−0.5": -0.5,
    "–0.5": -0.5,
    "+3": 3.0,
    "0,5": 0.5,
    "−0,5": -0.5,
    ".5": 0.5,
    "5.": 5.0,
    " 1 / 3 ": 1 / 3,
    "-1/2": -0.5,
    "1/-2": -0.5,
    "1,5/2": 0.75,
    "2e-3": 2e-3,
    "2E3": 2e3,
    "− 0.25": -0.25,
    "inf": math.inf,
    "-inf": -math.inf,
    "−∞": -math.inf,
    "NaN": math.nan,
}
NO_NUMBERS = ["", " ", "x", "1.2.3", "1,234.5", "1/0", "1/2/3", "1_000", "--1", "0x10", "½", "1 e", "infinite", "2*3"]


def question(result: Value, operand: str, seed: float = 2.0) -> Question:
    return Question(steps(result, seed).into(operand)[0])


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_may_be_spelled_in_many_ways(text: str) -> None:
    """A decimal point or comma, any minus sign, a fraction, infinities: all are the number that a person means."""
    assert number_of(text).hex() == NUMBERS[text].hex()


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_refused(text: str) -> None:
    """Anything else is an error that shows what was typed and how a number may look."""
    with pytest.raises(ValueError, match=r"expected a number such as -0\.5, −0,5 or -1/2, got"):
        number_of(text)


def test_three_digits_are_enough() -> None:
    """An answer is right when it is right to three significant digits, and two are too few."""
    asked = question(Value(0.0) + Value(1.0, label="x"), "x", seed=1.2345)
    assert [asked.is_right(x) for x in (1.2345, 1.23, 1.235, 1.2, 1.3, -1.23)] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    nothing = question(Value(0.0) * Value(1.0, label="x"), "x")
    assert [nothing.is_right(x) for x in (0.0, -0.0, 1e-12, 0.001)] == [True, True, True, False]


def planted() -> dict[str, tuple[Question, float]]:
    """Answers of learners who make one mistake each, by the name of the mistake."""
    x, y = Value(3.0, label="x"), Value(5.0, label="y")
    shared = steps(x * y + x * 7.0)
    second = shared.into("x")[1]
    return {
        "upstream forgotten": (question(x * y, "x"), 5.0),
        "local gradient forgotten": (question(x * y, "x"), 2.0),
        "sum for product": (question(x * y, "x"), 7.0),
        "sign": (question(x - y, "y", seed=3.0), 3.0),
        "the other operand's derivative": (question(x * y, "x"), 6.0),
        "derivative at the result": (question((x * 0.5).sin(), "v1"), 2.0 * math.cos(math.sin(1.5))),
        "total for contribution": (Question(second), second.after),
    }


@pytest.mark.parametrize("name", planted())
def test_a_planted_mistake_is_named(name: str) -> None:
    """Each mistake, made on purpose, is called by its name, and the right answer has none."""
    asked, answer = planted()[name]
    assert not asked.is_right(answer)
    assert name in [behind.name for behind in asked.behind(answer)]
    assert asked.is_right(asked.step.product)
    assert asked.behind(asked.step.product) == []


def test_a_wrong_answer_without_a_reason_has_none() -> None:
    """Negative control: a number that no misconception gives is wrong, and nothing is made up about it."""
    asked = question(Value(3.0, label="x") * Value(5.0), "x")
    assert not asked.is_right(17.0)
    assert asked.behind(17.0) == []


@given(programs())
def test_every_contribution_is_right_and_every_mistake_wrong(program: Program) -> None:
    """At any step of any program the contribution is a right answer, and what a misconception gives is none."""
    value = run(program, [Value(x) for x in program.leaves], FUNCTIONS)[-1]
    for step in steps(value):
        asked = Question(step)
        assert asked.is_right(step.product)
        assert asked.is_right(number_of(repr(step.product)))
        for behind, number in asked.mistakes.items():
            assert not asked.is_right(number)
            assert behind in asked.behind(number)


def test_a_question_tells_what_is_needed() -> None:
    """The text has the chain rule without its numbers; beside it stand the result, its variables and the upstream."""
    x = Value(3.0, label="x")
    first, second = (Question(step) for step in steps((x * x).exp()).into("x"))
    assert first.text == "df/dx += df/dv1 · ∂v1/∂x (as operand 1) = ?"
    assert second.text == "df/dx += df/dv1 · ∂v1/∂x (as operand 2) = ?"
    assert first.given == "v1 = x * x = 9.0   x = 3.0   df/dv1 = 8103"
    assert first.hint == "∂v1/∂x = x (as operand 1)"
    assert "2" not in question(2 * x, "x").given.partition("   ")[2].partition("df")[0]


def test_the_data_of_a_quiz_is_that_of_a_page_and_the_mistakes() -> None:
    """A front end gets the page's data, and for each step the numbers of the misconceptions; all of it is JSON."""
    walk = steps(nn.Neuron(2, rng=0)([Value(1.0), Value(0.0).log()]))
    data = json.loads(json.dumps(quiz_data(walk), allow_nan=False))
    for step, described in zip(walk, data["steps"], strict=True):
        named = {data["misconceptions"][i]["name"]: float(number) for i, number in described.pop("mistakes")}
        mistakes = {behind.name: number for behind, number in Question(step).mistakes.items()}
        assert {name: x.hex() for name, x in named.items()} == {name: x.hex() for name, x in mistakes.items()}
    assert all(behind["sentence"].endswith(".") for behind in data.pop("misconceptions"))
    assert data == page_data(walk)


def test_a_score_is_honest() -> None:
    """Half points and nothing count as they are, out of all that was asked."""
    assert points_of([1.0, 0.5, 0.0, 1.0]) == "2.5 of 4"
    assert points_of([]) == "0 of 0"
