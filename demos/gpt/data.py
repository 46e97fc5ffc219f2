"""The names that all six programs learn from, as rows of integers, and how a new name is drawn letter by letter.

They are the first names of the package `names` 0.3.0 (MIT licence), which come from the census of the United States
in 1990.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

LETTERS = ".abcdefghijklmnopqrstuvwxyz"
END = 0  # the place of the full stop: it stands before the first letter and after the last
LENGTH = 12  # places: that before the first letter, and one for each letter of the longest name
TEST = 500  # names that no program learns from


def encode(name: str) -> list[int]:
    """Return a name as integers, with full stops before it, and after it up to a length that all names have."""
    return [LETTERS.index(letter) for letter in f".{name}.".ljust(LENGTH + 1, ".")]


def load(seed: int = 0) -> tuple[list[list[int]], list[list[int]]]:
    """Return the names to learn from, and others to test with; the seed decides which, and in which order."""
    try:
        import names
    except ModuleNotFoundError:
        raise SystemExit("this needs names: pip install --editable '.[demos]'") from None
    lists = [Path(names.FILES[f"first:{kind}"]).read_text(encoding="ascii") for kind in ("female", "male")]
    rows = [encode(name) for name in sorted({line.split()[0].lower() for text in lists for line in text.splitlines()})]
    random.Random(seed).shuffle(rows)
    return rows[TEST:], rows[:TEST]


def sample(distribution: Callable[[list[int]], Sequence[float]], rng: random.Random) -> str:
    """Return a new name: each letter is drawn with the probabilities that follow from those before it."""
    tokens = [END]
    while len(tokens) <= LENGTH:
        (token,) = rng.choices(range(len(LETTERS)), distribution(tokens))
        if token == END:
            break
        tokens.append(token)
    return "".join(LETTERS[token] for token in tokens[1:])
