"""What rounding may have put a number off by."""

from __future__ import annotations

from typing import Any

import mpmath
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value
from scalargrad.check.measure.recording import Recording
from scalargrad.check.measure.rounding import bounded_gradient, data_errors, local_errors
from tests.engine.test_primitives import BUILT_IN

from ...oracle import DIGITS, precise


@given(st.lists(st.sampled_from(["tanh", "sin", "exp", "add", "multiply"]), min_size=1, max_size=8), st.floats(0.01, 1))
def test_rounding_is_bounded(names: list[str], x: float) -> None:
    """Values and gradients of random chains are off by no more than the bounds, by 50 digits."""

    def chain(start: Any, functions: dict[str, Any]) -> Any:
        found = start
        for name in names:
            found = functions[name](found, start) if name in {"add", "multiply"} else functions[name](found)
            found = functions["atan"](found)
        return found

    leaf = Value(x)
    root = chain(leaf, {op.name: op for op in BUILT_IN})
    recording = Recording([root], [leaf])
    errors = data_errors(recording, [0.0])
    found = bounded_gradient(recording, 0, local_errors(recording, errors))
    with mpmath.workdps(DIGITS):
        value = chain(mpmath.mpf(x), precise)
        slope = mpmath.diff(lambda start: chain(start, precise), mpmath.mpf(x))
        assert abs(value - root.data) <= errors[recording.outputs[0]]
        assert abs(slope - found.slopes[0]) <= found.errors[0] + 1e-300
    assert found.errors[0] <= 1e-12 * max(1.0, found.terms[0])
