"""The diagnosis: each planted fault is named, healthy trainings are healthy, and nothing is changed by looking."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import TraceError, Value, cross_entropy, lift, log, nn, optim, sigmoid
from scalargrad.optim import diagnosing, diagnose
from tests.optim import trainings
from tests.optim.trainings import FAULTS, HEALTHY, Training, blobs, classes, numbers, trained, waves


def names_of(diagnosis: optim.Diagnosis) -> list[str]:
    """The names of what was found."""
    return [finding.name for finding in diagnosis.findings]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_named_first(fault: Callable[[int], Training], seed: int) -> None:
    """Each fault is the first finding; beside it there is nothing but what follows from it."""
    name, also = FAULTS[fault]
    first, *others = names_of(fault(seed).diagnosis())
    assert first == name
    assert set(others) <= also


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("healthy", HEALTHY, ids=lambda healthy: healthy.__name__)
def test_a_healthy_training_is_called_healthy(healthy: Callable[[int], Training], seed: int) -> None:
    """Nothing is found in trainings that go well, with other data, depths, activations and optimizers."""
    diagnosis = healthy(seed).diagnosis()
    assert names_of(diagnosis) == []
    assert diagnosis.is_healthy
    assert diagnosis.is_good_on_validation_data in {True, None, diagnosis.is_good_on_training_data}
