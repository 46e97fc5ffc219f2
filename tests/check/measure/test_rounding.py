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
        result = start
        for name in names:
            result = functions[name](result, start) if name in {"add", "multiply"} else functions[name](result)
            result = functions["atan"](result)
        return result

    leaf = Value(x)
    root = chain(leaf, {op.name: op for op in BUILT_IN})
    recording = Recording([root], [leaf])
    errors = data_errors(recording, [0.0])
    bounded = bounded_gradient(recording, 0, local_errors(recording, errors))
    with mpmath.workdps(DIGITS):
        value = chain(mpmath.mpf(x), precise)
        slope = mpmath.diff(lambda start: chain(start, precise), mpmath.mpf(x))
        assert abs(value - root.data) <= errors[recording.outputs[0]]
        assert abs(slope - bounded.slopes[0]) <= bounded.errors[0] + 1e-300
    assert bounded.errors[0] <= 1e-12 * max(1.0, bounded.terms[0])
