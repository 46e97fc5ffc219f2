"""Optimizers and schedules against PyTorch's, by the numbers that `python -m benchmarks.torch_optimizers` wrote."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from benchmarks.torch_optimizers import CASES, KEPT, PATHS, SCHEDULES, START, STEPS, valley
from scalargrad import Value, optim

EXPECTED = json.loads(PATHS.read_text(encoding="utf-8"))


def path(optimizer: optim.Optimizer) -> list[list[float]]:
    """Return the points of an optimizer on Values, an array or a list."""
    points = []
    for step in range(1, STEPS + 1):
        on_values = optimizer.theta is None
        variables = optimizer.parameters if on_values else [Value(float(x)) for x in optimizer.theta]
        for variable in variables:
            variable.zero_grad()
        valley(*variables).backward()
        optimizer.step(None if on_values else [variable.grad for variable in variables])
        if step in KEPT:
            points.append([variable.data for variable in variables] if on_values else list(optimizer.theta))
    return points


def agrees(name: str, points: Any) -> bool:
    return bool(np.abs(np.array(points) - np.array(EXPECTED["paths"][name])).max() < 1e-10)


@pytest.mark.parametrize("kind", ["Values", "numpy", "list"])
@pytest.mark.parametrize("name", CASES)
def test_the_path_is_pytorchs(name: str, kind: str) -> None:
    """Over 60 steps down a valley each optimizer is where PyTorch's is, to 1e-10, with its defaults too."""
    case = CASES[name]
    start: Any = {"Values": [Value(x) for x in START], "numpy": np.array(START), "list": list(START)}[kind]
    assert agrees(name, path(getattr(optim, case.ours)(start, **case.settings)))


def test_all_cases_are_written_down() -> None:
    """The file has the cases of the script, and every optimizer is in one with its defaults."""
    assert EXPECTED["paths"].keys() == CASES.keys()
    assert EXPECTED["rates"].keys() == SCHEDULES.keys()
    kinds = {
        name
        for name, kind in vars(optim).items()
        if isinstance(kind, type) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
    }
    assert {case.ours for case in CASES.values() if not case.settings} == kinds


NUMBERS = {"rate", "momentum", "weight_decay", "first_decay", "second_decay", "decay", "momentum_decay"}


@pytest.mark.parametrize(
    ("name", "setting"), [(name, key) for name, case in CASES.items() for key in case.settings if key in NUMBERS]
)
def test_another_setting_is_told_apart(name: str, setting: str) -> None:
    """Negative control: a setting that is off by a millionth of itself gives another path."""
    case = CASES[name]
    changed = case.settings | {setting: case.settings[setting] * (1 + 1e-6)}
    assert not agrees(name, path(getattr(optim, case.ours)([Value(x) for x in START], **changed)))


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rates_are_pytorchs(name: str) -> None:
    """Each schedule gives the rates of PyTorch's over 60 steps, to 1e-12."""
    case = SCHEDULES[name]
    schedule = getattr(optim, case.ours)(**case.settings)
    assert [schedule(step - 1) for step in KEPT] == pytest.approx(EXPECTED["rates"][name], rel=1e-12)
