"""Answer what the page asks, in JSON: one function for each question."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from scalargrad.engine.value import Value
from scalargrad.explain.walk.data import page_data
from scalargrad.explain.walk.steps import Steps

from .changing import Held
from .running import FILE, Outcome, run
from .walking import numbers, walk
from .watching import Watch


class Session:
    """The last program, what is shown of it, and which of its numbers were changed by hand."""

    def __init__(self) -> None:
        self.code = ""
        self.outcome = Outcome({})
        self._show(None)

    def _show(self, shown: Value | list[Value] | Steps | None) -> dict[str, Any] | None:
        self.steps = shown if isinstance(shown, Steps) or shown is None else Steps(shown, names=self.outcome.names)
        self.held = Held([] if self.steps is None else self.steps.order)
        self.folded: set[int] | None = None
        self.is_quiz = False
        return None if self.steps is None else self.again()

    def run(self, code: str) -> dict[str, Any]:
        """Run a program; return its error, the names of its results, its pictures, and the walk of what it shows."""
        self.code = code
        self.outcome = outcome = run(code)
        return {
            "mistake": outcome.mistake and asdict(outcome.mistake),
            "pictures": outcome.pictures,
            "graphs": list(outcome.graphs),
            "walk": self._show(outcome.shown),
        }

    def show(self, name: str) -> dict[str, Any] | None:
        """Return the walk of another result of the program, by the name of its variable."""
        return self._show(self.outcome.graphs[name])

    def change(self, node: int, number: float | str | None) -> dict[str, Any]:
        """Give a node of the walk another number, or for None its own again; return all numbers of the walk then."""
        assert self.steps is not None
        value = self.steps.order[node]
        if number is None:
            self.held.free(value)
        else:
            self.held.at(value, float(number))
        self._sweep()
        return {**numbers(self.steps), "held": [self.steps.graph.places[each] for each in self.held.before]}

    def again(self) -> dict[str, Any]:
        """Return the walk as it is now, with a picture laid out for it."""
        assert self.steps is not None
        came = walk(self.steps, self.code, held=self.held.before, folded=self.folded, is_quiz=self.is_quiz)
        self.folded = set(came.get("folded", ()))
        return came

    def fold(self, call: int, is_folded: bool) -> dict[str, Any]:
        """Return the walk with the call of a module as a box, or opened: then the calls right in it are boxes."""
        assert self.steps is not None
        assert self.folded is not None
        if is_folded:
            self.folded.add(call)
        else:
            boxes = page_data(self.steps)["boxes"]
            self.folded.remove(call)
            self.folded |= {i for i, box in enumerate(boxes) if box["parent"] == call}
        return self.again()

    def quiz(self, is_quiz: bool) -> dict[str, Any]:
        """Return the walk as a quiz, or no longer as one."""
        self.is_quiz = is_quiz
        return self.again()

    def exercises(self) -> list[dict[str, Any]]:
        """Return all exercises: name, chapter, title, text and the code to start from."""
        from scalargrad.exercises import exercises

        return [
            {"name": each.name, "chapter": each.chapter, "title": each.title, "text": each.text, "start": each.start}
            for each in exercises()
        ]

    def judge(self, name: str, code: str) -> dict[str, Any]:
        """Return the verdict about an answer to an exercise: whether it is right, a headline and sentences."""
        from scalargrad.exercises import exercise

        verdict = exercise(name).judge_code(code, filename=FILE)
        headline, *sentences = str(verdict).split("\n")
        return {"isRight": verdict.is_right, "headline": headline, "text": "\n".join(sentences)}

    def _sweep(self) -> None:
        assert self.steps is not None
        before, roots = self.steps, list(self.steps.roots)
        seeds = [before.seeds[root] for root in roots]
        self.steps = Steps(roots if len(roots) > 1 else roots[0], names=self.outcome.names, gradients=seeds)
        self.steps.position = before.position


SESSION = Session()
WATCH = Watch()
QUESTIONS: dict[str, Callable[..., Any]] = {
    "run": SESSION.run,
    "show": SESSION.show,
    "change": SESSION.change,
    "again": SESSION.again,
    "fold": SESSION.fold,
    "quiz": SESSION.quiz,
    "exercises": SESSION.exercises,
    "judge": SESSION.judge,
    "training": WATCH.training,
    "train": WATCH.train,
    "moment": WATCH.moment,
    "pull": WATCH.pull,
    "example": WATCH.example,
    "script": WATCH.script,
}


def answer(name: str, given: str) -> str:
    """Answer a question of the page: its name, and its arguments as a JSON object.

    >>> answer("run", '{"code": "1 + 1"}')
    2
    '{"mistake": null, "pictures": [], "graphs": [], "walk": null}'
    """
    arguments: Mapping[str, Any] = json.loads(given)
    return json.dumps(QUESTIONS[name](**arguments))
