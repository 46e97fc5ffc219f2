"""Points of two classes to learn from: made by a rule and a seed, or read from text."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

MOST_POINTS = 1_000  # a step on all of them takes about 0.1 s in a browser
DIGITS = 3  # behind the point: what is made can be read, and written down
FORM = "each line is x, y, label, with commas, semicolons, tabs or spaces between them, such as 0.5, -1.2, 1"


class Points(NamedTuple):
    """Points in the plane, and the class of each.

    Attributes:
        places: x and y of each.
        labels: 1 or -1 for each.
        names: what the classes -1 and 1 are called.
        note: what the reader should know of how they were read, or nothing.
    """

    places: list[tuple[float, float]]
    labels: list[int]
    names: tuple[str, str] = ("-1", "1")
    note: str = ""


def _moons(label: int, noise: float, rng: random.Random) -> tuple[float, float]:
    angle = math.pi * rng.random()
    x, y = math.cos(angle), math.sin(angle)
    x, y = (x - 0.5, y - 0.25) if label < 0 else (0.5 - x, 0.25 - y)
    return x + rng.gauss(0, noise), y + rng.gauss(0, noise)


def _circles(label: int, noise: float, rng: random.Random) -> tuple[float, float]:
    angle, radius = math.tau * rng.random(), 1.0 if label < 0 else 0.45
    return radius * math.cos(angle) + rng.gauss(0, noise), radius * math.sin(angle) + rng.gauss(0, noise)


def _spirals(label: int, noise: float, rng: random.Random) -> tuple[float, float]:
    part = math.sqrt(rng.random())
    angle = 1.25 * math.tau * part + (math.pi if label < 0 else 0.0)
    return 1.2 * part * math.cos(angle) + rng.gauss(0, noise), 1.2 * part * math.sin(angle) + rng.gauss(0, noise)


def _xor(label: int, noise: float, rng: random.Random) -> tuple[float, float]:
    x, y = 0.1 + 0.9 * rng.random(), 0.1 + 0.9 * rng.random()
    side = 1 if rng.random() < 0.5 else -1
    return side * x + rng.gauss(0, noise), -label * side * y + rng.gauss(0, noise)


RULES: dict[str, Callable[[int, float, random.Random], tuple[float, float]]] = {
    "moons": _moons,
    "circles": _circles,
    "spirals": _spirals,
    "xor": _xor,
}


def made(name: str, count: int, noise: float, seed: int) -> Points:
    """Return points of a known shape, as many of one class as of the other; the same ones for the same seed.

    >>> made("xor", 3, 0.0, seed=0).labels
    [-1, 1, -1]

    Args:
        name: "moons", "circles", "spirals" or "xor".
        count: how many points, from 2 to 1,000.
        noise: the standard deviation of what is added to each coordinate; the shapes are about 2 wide.
        seed: decides where the points lie.

    Raises:
        ValueError: for another name, or a number out of its range.
    """
    if name not in RULES:
        raise ValueError(f"the data must be one of {', '.join(RULES)}, got {name!r}")
    if not 2 <= count <= MOST_POINTS:
        raise ValueError(f"the number of points must be from 2 to {MOST_POINTS:,}, got {count}")
    if not 0 <= noise <= 1:
        raise ValueError(f"the noise must be from 0 to 1, got {noise!r}")
    rng = random.Random(f"{name}/{seed}")
    labels = [-1 if i % 2 == 0 else 1 for i in range(count)]
    places = [RULES[name](label, noise, rng) for label in labels]
    return Points([(round(x, DIGITS), round(y, DIGITS)) for x, y in places], labels)


def read(text: str) -> Points:
    r"""Return the points that a text has, one in a line; a first line of words is taken as the names of the columns.

    >>> read("0.5, -1.2, red\n1.5\t2\tblue")
    Points(places=[(0.5, -1.2), (1.5, 2.0)], labels=[1, -1], names=('blue', 'red'), note='')

    Raises:
        ValueError: for a line that is not two finite numbers and a label, other than two labels, fewer than two points,
            or more than 1,000.
    """
    rows: list[tuple[float, float, str]] = []
    note = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        cells = _cells(line)
        if not rows and not note and len(cells) == 3 and not any(map(_is_number, cells)):
            note = f"Line {number} is taken as the names of the columns."
            continue
        if len(cells) != 3:
            raise ValueError(f"line {number} has {len(cells)} of 3 entries: {line.strip()!r}; {FORM}")
        for cell, axis in zip(cells, "xy", strict=False):
            if not _is_number(cell):
                raise ValueError(f"line {number}: {axis} must be a finite number, got {cell!r}; {FORM}")
        if not cells[2]:
            raise ValueError(f"line {number} has no label: {line.strip()!r}; {FORM}")
        rows.append((float(cells[0]), float(cells[1]), cells[2]))
    if len(rows) < 2:
        raise ValueError(f"two points or more are needed, got {len(rows)}; {FORM}")
    if len(rows) > MOST_POINTS:
        raise ValueError(
            f"at most {MOST_POINTS:,} points can be learned from here, got {len(rows):,}: paste fewer lines"
        )
    labels = list(dict.fromkeys(label for *_, label in rows))
    if len(labels) != 2:
        some = ", ".join(map(repr, labels[:5])) + (", …" if len(labels) > 5 else "")
        raise ValueError(f"there must be two labels, as one output tells two classes apart, got {len(labels)}: {some}")
    low, high = sorted(labels, key=(lambda label: (float(label), label)) if all(map(_is_number, labels)) else str)
    return Points([(x, y) for x, y, _ in rows], [-1 if label == low else 1 for *_, label in rows], (low, high), note)


def _cells(line: str) -> list[str]:
    for mark in (";", "\t", ","):
        if mark in line:
            return [cell.strip() for cell in line.strip().split(mark)]
    return line.split()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
