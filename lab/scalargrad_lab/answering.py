"""Answer what the page asks, in JSON: one function for each question."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from scalargrad.engine.value import Value
from scalargrad.explain.walk.steps import Steps

from .changing import Held
from .running import Outcome, run
from .walking import numbers, walk


class Session:
    """The last program, what is shown of it, and which of its numbers were changed by hand."""

    def __init__(self) -> None:
        self.code = ""
        self.outcome = Outcome({})
        self._show(None)

    def _show(self, shown: Value | list[Value] | Steps | None) -> dict[str, Any] | None:
        self.steps = shown if isinstance(shown, Steps) or shown is None else Steps(shown, names=self.outcome.names)
        self.held = Held([] if self.steps is None else self.steps.order)
        return None if self.steps is None else walk(self.steps, self.code)

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
        """Return the walk as the changed numbers have made it, with a picture laid out for them."""
        assert self.steps is not None
        return walk(self.steps, self.code, self.held.before)

    def _sweep(self) -> None:
        assert self.steps is not None
        before, roots = self.steps, list(self.steps.roots)
        seeds = [before.seeds[root] for root in roots]
        self.steps = Steps(roots if len(roots) > 1 else roots[0], names=self.outcome.names, gradients=seeds)
        self.steps.position = before.position


SESSION = Session()
QUESTIONS: dict[str, Callable[..., Any]] = {
    "run": SESSION.run,
    "show": SESSION.show,
    "change": SESSION.change,
    "again": SESSION.again,
}


def answer(name: str, given: str) -> str:
    """Answer a question of the page: its name, and its arguments as a JSON object.

    >>> answer("run", '{"code": "1 + 1"}')
    2
    '{"mistake": null, "pictures": [], "graphs": [], "walk": null}'
    """
    arguments: Mapping[str, Any] = json.loads(given)
    return json.dumps(QUESTIONS[name](**arguments))
