"""The judge accepts right answers however they are spelled, and calls each planted mistake by its name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import scalargrad
from scalargrad.exercises import Exercise, Verdict, exercise, exercises, right, rules, trainings, wrong
from scalargrad.exercises.running import numbers
from scalargrad.misconceptions import Misconception
from tests.exercises.planted import PLANTED, Planted
from tests.exercises.without_extras import names

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


def test_without_any_extra_the_verdicts_are_the_same() -> None:
    """Where the standard library is all there is, as in a browser, every answer is judged as elsewhere."""
    root = Path(scalargrad.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-S", "-m", "tests.exercises.without_extras"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    alone = json.loads(finished.stdout)
    assert alone["loaded"] == []
    assert alone["said"] == names()
    assert {"right", "overflow", "= for +="} <= {name for said in alone["said"].values() for name in said}


PROMISES = [
    (one.name, call, promised)
    for one in exercises()
    for call, promised in re.findall(r"^print\((.*)\)  # should be (.*)$", one.start, re.MULTILINE)
]


@pytest.mark.parametrize(("name", "call", "promised"), PROMISES, ids=lambda text: text.split("(")[0])
def test_a_right_answer_gives_what_the_start_promises(name: str, call: str, promised: str) -> None:
    """The numbers beside a call in the starting code are what a right answer gives, to as many digits."""
    lines = exercise(name).start.splitlines()
    start = [line for line in lines if not line.startswith("print(")]
    graph = [line for line in lines if re.match(r"[abc] = ", line)]  # made again, of the answer's class
    namespace: dict[str, Any] = {}
    exec("\n".join([*start, PLANTED[name].right[0], *graph]), namespace)  # noqa: S102  # a planted answer
    result = eval(call, namespace)  # noqa: S307
    if name == "the-order":
        assert [node.name for node in result] == re.findall(r"\w", promised)
        return
    given = numbers(result, "")
    wanted = re.findall(r"-?\d+(?:\.\d+)?", promised)
    digits = [len(text.partition(".")[2]) for text in wanted]
    assert [f"{x:.{count}f}" for x, count in zip(given, digits, strict=True)] == wanted


def test_most_starts_promise_something() -> None:
    """The starting code of most functions has a call with its result."""
    assert len(PROMISES) >= 8


def test_every_misconception_is_planted_somewhere() -> None:
    """Each misconception that a judge can name is planted in an answer, so that none is named wrongly or never."""
    modules = [module for name, module in sys.modules.items() if name.startswith("scalargrad.exercises.")]
    named = {one.name for module in modules for one in vars(module).values() if isinstance(one, Misconception)}
    planted = {name for answers in PLANTED.values() for _, name in answers.wrong}
    assert len(named) > 60
    assert named - planted == set()
