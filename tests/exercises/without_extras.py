"""Judges every answer that needs no other library, and prints what it is called; run without site-packages."""

from __future__ import annotations

import json
import sys

from scalargrad.exercises import exercise, trainings
from tests.exercises.planted import PLANTED

OTHERS = ("numpy", "micrograd")


def names() -> dict[str, list[str | None]]:
    """For each exercise, whether right answers are right, and the misconceptions of the others.

    An answer that only the laws refuse, which need Hypothesis, counts as right.
    """
    said: dict[str, list[str | None]] = {}
    for name, planted in PLANTED.items():
        sources = [source for source in planted.right if not any(other in source for other in OTHERS)]
        sources += [source for source, _ in planted.wrong if not any(other in source for other in OTHERS)]
        verdicts = [exercise(name).judge_code(source) for source in sources]
        said[name] = [
            "right" if one or "The laws found" in str(one) else one.misconception and one.misconception.name
            for one in verdicts
        ]
    return said


if __name__ == "__main__":
    trainings.SEEDS = 4
    print(json.dumps({"said": names(), "loaded": [name for name in ("hypothesis", "numpy") if name in sys.modules]}))
