"""Right answers, in usual and unusual spelling, and planted mistakes, each with the name of its misconception.

They stand in `answers/`, a file for each exercise. `# right` and `# wrong: the misconception` begin an answer; after
`# wrong` alone stands one that no misconception explains.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "answers"


class Planted(NamedTuple):
    """Answers to one exercise, as source code."""

    right: list[str]
    wrong: list[tuple[str, str | None]]  # with the name of the misconception


def planted(text: str) -> Planted:
    """The answers in a text."""
    start, *parts = re.split(r"^# (right|wrong)(?:: (.+))?\n", text, flags=re.MULTILINE)
    assert start == "", "a file of answers begins with # right"
    answers = list(zip(parts[0::3], parts[1::3], parts[2::3], strict=True))
    return Planted(
        [source for kind, _, source in answers if kind == "right"],
        [(source, name) for kind, name, source in answers if kind == "wrong"],
    )


PLANTED = {path.stem: planted(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.txt"))}
