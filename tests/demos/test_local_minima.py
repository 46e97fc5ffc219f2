"""Local minima: each run ends where the curve is level, whatever did the run, and the best is marked."""

from __future__ import annotations

import itertools
import math
import random
import re
from pathlib import Path

import local_minima
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scalargrad import optim

from .conftest import Script


def slope(x: float) -> float:
    """The derivative of x·cos(4x), worked out by hand."""
    return math.cos(4 * x) - 4 * x * math.sin(4 * x)


def curvature(x: float) -> float:
    """The second derivative, likewise."""
    return -8 * math.sin(4 * x) - 16 * x * math.cos(4 * x)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_a_descent_ends_in_the_valley_it_started_in(seed: int) -> None:
    """A path only falls, ends where the slope is 0 and the curve bends up, and crosses no summit on its way."""
    run = local_minima.descend(random.Random(seed))
    heights = [x * math.cos(4 * x) for x in run.path]
    assert run.success
    assert all(after <= before for before, after in itertools.pairwise(heights))
    assert run.path[-1] == run.x[0]
    assert abs(slope(run.x[0])) < 1e-6 < curvature(run.x[0])
    assert abs(slope(run.x[0] + 1e-6)) > 1e-6
    towards = math.copysign(1.0, run.x[0] - run.path[0])
    between = [run.path[0] + (run.x[0] - run.path[0]) * i / 100 for i in range(99)]
    assert all(slope(x) * towards < 0 for x in between)


def test_the_ends_are_counted_in_order() -> None:
    """Every run is counted once, under the minimum where it ended, from left to right; levels from low to high."""
    runs = [local_minima.descend(random.Random(seed)) for seed in range(30)]
    valleys = local_minima.valleys(runs)
    assert sum(valleys.values()) == 30
    assert list(valleys) == sorted(valleys)
    assert len(valleys) > 3
    for x, height in valleys:
        assert abs(slope(x)) < abs(curvature(x)) * 0.0006
        assert height == pytest.approx(x * math.cos(4 * x), abs=0.0006)
    ends = [optim.MinimizeResult([0.0], fun, 0.0, 1) for fun in (0.5, 1e-9, 0.50001, 2.0)]
    assert local_minima.levels(ends) == {(0.0,): 1, (0.5,): 2, (2.0,): 1}


def test_the_table_marks_the_lowest() -> None:
    """One line for each end, with its number of runs, and the lowest is marked as the best."""
    title, names, *lines = local_minima.table("title", ("x", "f"), {(1.0, 5.0): 3, (2.0, -4.0): 1}).splitlines()
    assert title == "title"
    assert names.split() == ["x", "f", "runs"]
    assert [line.split() for line in lines] == [["1.000", "5.000", "3"], ["2.000", "-4.000", "1", "the", "best"]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the picture of a run that was done by one process alone."""
    folder = tmp_path_factory.mktemp("alone")
    local_minima.main([*SMALL, "--output", str(folder / "picture.png")])
    return folder


SMALL = ["--restarts", "24", "--seed", "3"]


def test_networks_end_at_different_levels(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The networks of a small run come to rest at several errors, the best of which is 0, and a picture is drawn."""
    local_minima.main([*SMALL, "--output", str(alone / "again.png")])
    shown = capsys.readouterr().out
    curve, xor = shown.split("XOR")
    assert len(re.findall(r"^ +-?\d", curve, re.MULTILINE)) >= 4
    levels = [float(level) for level in re.findall(r"^ +(\d\.\d+) ", xor, re.MULTILINE)]
    assert levels[0] == 0
    assert levels[1] > 0.4
    assert shown.count("the best") == 2
    assert len(Image.open(alone / "again.png").convert("RGB").getcolors(1 << 24) or []) > 100


@pytest.mark.parametrize("executor", ["none", "thread", "process"])
def test_the_answer_does_not_depend_on_who_does_the_runs(
    executor: str, alone: Path, tmp_path: Path, script: Script
) -> None:
    """One process, threads and processes draw the same picture, byte by byte; another seed draws another."""
    small = SMALL if executor != "none" else [*SMALL[:-1], "4"]
    done = script("demos/local_minima.py", *small, "--executor", executor, "--output", tmp_path / "picture.png")
    assert not done.stderr
    same = (tmp_path / "picture.png").read_bytes() == (alone / "picture.png").read_bytes()
    assert same == (executor != "none")
