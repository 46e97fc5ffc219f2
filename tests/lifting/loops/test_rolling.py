"""Programs with loops compute what the unrolled ones do, and are short; where nothing repeats, nothing changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import Value, lift, nn, sigmoid, tanh
from scalargrad.lifting.arrays.program import ArrayProgram
from scalargrad.lifting.to_numpy.target import NumpyTarget
from scalargrad.lifting.to_python.target import PythonTarget
from tests.lifting.recurrences import RECURRENCES, Made, rnn

pytestmark = pytest.mark.usefixtures("littered")


def _unrolled(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(NumpyTarget, "writes_loops", False)
    monkeypatch.setattr(PythonTarget, "writes_loops", False)
    return monkeypatch


def _text(program: Any, kind: str) -> str:
    (lifted,) = program._lifted.values()
    text: str = lifted.runner(kind).source.text
    return text


def _computed(made: Made, **options: Any) -> tuple[list[Any], dict[str, str]]:
    """What a lifted recurrence computes, and the texts that do."""
    function, parameters, batch = made
    program = lift(function, parameters, check=False, **options)
    batch = batch if options.get("target") != "python" else tuple(one.tolist() for one in batch)
    results = [np.asarray(program(*batch))]
    kinds = ["forward"]
    if results[0].ndim == 1:
        value, gradient = program.value_and_grad(*batch)
        results += [np.asarray(value), np.asarray(gradient)]
        kinds.append("value_and_grad")
        if options.get("target") != "python":
            results.append(program.hvp(*batch, np.cos(np.arange(len(parameters)))))
            kinds.append("hvp")
    else:
        results.append(np.asarray(program.jacobian(*batch)))
        kinds.append("jacobian")
    return results, {kind: _text(program, kind) for kind in kinds}


def _agree(some: list[Any], others: list[Any], tolerance: float = 1e-12) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * (1 + abs(other).max()))


@pytest.mark.parametrize("recurrence", RECURRENCES, ids=lambda one: one.__name__)
def test_a_loop_computes_what_the_unrolled_program_does(
    recurrence: Callable[[int], Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results, gradients and products with the Hessian are the same, in a text that is shorter."""
    results, texts = _computed(recurrence(24))
    with _unrolled(monkeypatch).context():
        expected, unrolled = _computed(recurrence(24))
    _agree(results, expected)
    assert "for t in range(" in texts["forward"]
    assert sum(map(len, texts.values())) < 0.7 * sum(map(len, unrolled.values()))


@pytest.mark.parametrize("recurrence", RECURRENCES, ids=lambda one: one.__name__)
def test_plain_python_has_the_same_loops(recurrence: Callable[[int], Made], monkeypatch: pytest.MonkeyPatch) -> None:
    """The target of single numbers gives the same results with loops as without them."""
    results, texts = _computed(recurrence(20), target="python")
    with _unrolled(monkeypatch).context():
        expected, unrolled = _computed(recurrence(20), target="python")
    _agree(results, expected)
    assert sum(map(len, texts.values())) < sum(map(len, unrolled.values()))
