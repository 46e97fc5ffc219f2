"""Points are made by a rule and a seed, or read from text; text that is no points says where and why."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalargrad_lab.datasets import RULES, made, read


@pytest.mark.parametrize("name", RULES)
def test_the_same_seed_makes_the_same_points(name: str) -> None:
    """And another seed makes others; half of the points are of each class."""
    points = made(name, 101, 0.1, seed=3)
    assert points == made(name, 101, 0.1, seed=3)
    assert points != made(name, 101, 0.1, seed=4)
    assert sorted(points.labels) == [-1] * 51 + [1] * 50


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("xor", lambda x, y: -1 if x * y > 0 else 1),
        ("circles", lambda x, y: -1 if math.hypot(x, y) > 0.7 else 1),
        ("moons", lambda x, y: -1 if abs(math.hypot(x + 0.5, y + 0.25) - 1) < 0.01 else 1),
        ("spirals", lambda x, y: 1 if abs(_turned(x, y)) < 0.1 else -1),
    ],
)
def test_without_noise_the_shape_is_exact(name: str, rule: object) -> None:
    """Each label is what the definition of the shape says about the place."""
    assert callable(rule)
    points = made(name, 60, 0.0, seed=0)
    assert [rule(x, y) for x, y in points.places] == points.labels


def _turned(x: float, y: float) -> float:
    """By what angle a place is off the spiral that begins to the right."""
    angle = math.atan2(y, x) - 1.25 * math.tau * math.hypot(x, y) / 1.2
    return math.remainder(angle, math.tau)


PLACES = st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.sampled_from(["red", "blue"])), min_size=2)


@given(rows=PLACES, mark=st.sampled_from([", ", ",", ";", "\t", " "]))
def test_what_is_written_is_read(rows: list[tuple[float, float, str]], mark: str) -> None:
    """To the bit, with any of the marks between the entries, and blank lines among them."""
    rows = [*rows, (0.0, 0.0, "red"), (0.0, 0.0, "blue")]
    points = read("\n\n".join(mark.join([repr(x), repr(y), label]) for x, y, label in rows))
    assert points.places == [(x, y) for x, y, _ in rows]
    assert [points.names[label > 0] for label in points.labels] == [label for *_, label in rows]


def test_labels_that_are_numbers_are_in_their_order() -> None:
    """So 10 is the class above 9; and a first line of names is said to be one."""
    points = read("x,y,class\n1,2,10\n3,4,9")
    assert (points.names, points.labels) == (("9", "10"), [1, -1])
    assert points.note == "Line 1 is taken as the names of the columns."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "two points or more are needed, got 0"),
        ("1, 2, a", "two points or more are needed, got 1"),
        ("1, 2, a\n3, 4", r"line 2 has 2 of 3 entries: '3, 4'; each line is x, y, label"),
        ("1, 2, a\n\n3, four, b", "line 3: y must be a finite number, got 'four'"),
        ("1, 2, a\nnan, 4, b", "line 2: x must be a finite number, got 'nan'"),
        ("1, 2, a\n3, 4,", "line 2 has no label"),
        ("1, 2, a\n3, 4, a", "two labels, as one output tells two classes apart, got 1: 'a'"),
        ("1, 2, a\n3, 4, b\n5, 6, c", "got 3: 'a', 'b', 'c'"),
        ("0, 0, a\n0, 0, b\n0, 0, a\n" * 334, "at most 1,000 points can be learned from here, got 1,002"),
    ],
)
def test_text_that_is_no_points_says_where_and_why(text: str, message: str) -> None:
    """With the line, what was given, and the form that is read."""
    with pytest.raises(ValueError, match=message):
        read(text)


@pytest.mark.parametrize(
    ("name", "count", "noise", "message"),
    [
        ("moon", 10, 0.1, "must be one of moons, circles, spirals, xor, got 'moon'"),
        ("moons", 1, 0.1, "from 2 to 1,000, got 1"),
        ("moons", 1001, 0.1, "from 2 to 1,000, got 1001"),
        ("moons", 10, -0.1, "the noise must be from 0 to 1, got -0.1"),
    ],
)
def test_what_cannot_be_made_is_refused(name: str, count: int, noise: float, message: str) -> None:
    """The range is named, and what was given."""
    with pytest.raises(ValueError, match=message):
        made(name, count, noise, seed=0)
