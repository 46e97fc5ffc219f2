"""Answer what the page asks, in JSON: one function for each question."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from .running import Outcome, run
from .walking import walk


class Session:
    """The last program and what is shown of it."""

    def __init__(self) -> None:
        self.outcome = Outcome({})

    def run(self, code: str) -> dict[str, Any]:
        """Run a program; return its error, the names of its results, its pictures, and the walk of what it shows."""
        self.outcome = outcome = run(code)
        return {
            "mistake": outcome.mistake and asdict(outcome.mistake),
            "pictures": outcome.pictures,
            "graphs": list(outcome.graphs),
            "walk": None if outcome.shown is None else walk(outcome.shown, outcome.names),
        }

    def show(self, name: str) -> dict[str, Any]:
        """Return the walk of another result of the program, by the name of its variable."""
        return walk(self.outcome.graphs[name], self.outcome.names)


SESSION = Session()
QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {"run": SESSION.run, "show": SESSION.show}


def answer(name: str, given: str) -> str:
    """Answer a question of the page: its name, and its arguments as a JSON object.

    >>> answer("run", '{"code": "1 + 1"}')
    2
    '{"mistake": null, "pictures": [], "graphs": [], "walk": null}'
    """
    arguments: Mapping[str, Any] = json.loads(given)
    return json.dumps(QUESTIONS[name](**arguments))
