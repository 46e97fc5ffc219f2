"""The judge accepts right answers however they are spelled, and calls each planted mistake by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from scalargrad.exercises import Exercise, Verdict, exercise, exercises, right, rules, trainings, wrong
from tests.exercises.planted import PLANTED, Planted

NAMES = [one.name for one in exercises()]


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "EXAMPLES", 8)
    monkeypatch.setattr(trainings, "SEEDS", 4)


def called_wrongly(judged: Exercise, planted: Planted) -> list[str]:
    """What the judge gets wrong: an answer, and what it says about it."""
    said = [(source, judged.judge_code(source)) for source in planted.right]
    faults = [f"refused\n{source}\n{verdict}" for source, verdict in said if not verdict]
    for source, name in planted.wrong:
        verdict = judged.judge_code(source)
        if verdict:
            faults.append(f"accepted\n{source}")
        elif (verdict.misconception and verdict.misconception.name) != name:
            faults.append(f"not called {name}\n{source}\n{verdict}")
    return faults


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_are_accepted_and_mistakes_are_named(name: str) -> None:
    """Right answers are accepted in any spelling, and every planted mistake is refused by its right name."""
    assert called_wrongly(exercise(name), PLANTED[name]) == []


def test_every_exercise_has_answers_of_both_kinds() -> None:
    """No exercise is without right answers and planted mistakes, most of which have a name."""
    assert PLANTED.keys() == set(NAMES)
    for planted in PLANTED.values():
        assert len(planted.right) >= 2
        assert len({name for _, name in planted.wrong if name}) >= 3


@pytest.mark.parametrize("verdict", [right("Well done."), wrong("No.")])
def test_a_judge_that_does_not_look_is_caught(verdict: Verdict) -> None:
    """Negative control: the table catches a judge that accepts everything, and one that refuses everything."""
    judging: Callable[[object], Verdict] = lambda answer: verdict  # noqa: E731
    for name in NAMES:
        faults = called_wrongly(replace(exercise(name), _judging=judging), PLANTED[name])
        named = sum(name is not None for _, name in PLANTED[name].wrong)
        assert len(faults) >= (len(PLANTED[name].wrong) if verdict else len(PLANTED[name].right) + named)
