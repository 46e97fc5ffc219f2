"""LayerNorm and RMSNorm: what size a row has after them, and what they refuse."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, pvariance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, draw, nn
from tests.nn.modules import numbers

ROWS = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


@given(ROWS, st.floats(1e-3, 10))
def test_a_row_has_mean_0_and_nearly_variance_1(row: list[float], epsilon: float) -> None:
    """After LayerNorm a row has the mean 0, and the variance v / (v + epsilon), where v is what it had."""
    normalised = numbers(nn.LayerNorm(len(row), epsilon)(row))
    variance = pvariance(row)
    assert abs(fmean(normalised)) < 1e-9
    assert pvariance(normalised) == pytest.approx(variance / (variance + epsilon), rel=1e-9, abs=1e-9)


@given(ROWS, st.floats(1e-3, 10))
def test_a_row_has_nearly_root_mean_square_1(row: list[float], epsilon: float) -> None:
    """After RMSNorm the mean of the squares is m / (m + epsilon), where m is what it was, and directions are kept."""
    normalised = numbers(nn.RMSNorm(len(row), epsilon)(row))
    square = fmean(x * x for x in row)
    assert fmean(x * x for x in normalised) == pytest.approx(square / (square + epsilon), rel=1e-9)
    assert normalised == pytest.approx([x / math.sqrt(square + epsilon) for x in row], rel=1e-9)


@given(st.lists(st.integers(-8, 8), min_size=2, max_size=6), st.integers(-1000, 1000))
def test_layer_norm_does_not_see_a_shift(row: list[int], shift: int) -> None:
    """LayerNorm of a row to which a number is added is LayerNorm of the row; RMSNorm sees the shift."""
    norm = nn.LayerNorm(len(row))
    assert numbers(norm([x + shift for x in row])) == pytest.approx(numbers(norm(row)), rel=1e-9, abs=1e-9)
    assert numbers(nn.RMSNorm(1)([3.0])) != pytest.approx(numbers(nn.RMSNorm(2)([3.0, 4.0]))[:1])


def test_weights_and_biases_come_last() -> None:
    """The normalised numbers are multiplied by the weights, to which the biases are added; both are learned."""
    plain, row = nn.LayerNorm(3, learned=False), [1.0, 2.0, 6.0]
    norm = nn.LayerNorm(weights=[2.0, -1.0, 0.5], biases=[0.0, 10.0, -10.0])
    first, second, third = numbers(plain(row))
    assert numbers(norm(row)) == pytest.approx([2 * first, 10 - second, third / 2 - 10])
    names = [name for name, _ in norm.named_parameters()]
    assert names == [*(f"weights.{i}" for i in range(3)), *(f"biases.{i}" for i in range(3))]
    assert numbers(nn.LayerNorm(3)(row)) == numbers(plain(row))
    only_biases = nn.LayerNorm(biases=[1.0, 2.0])
    assert (numbers(only_biases.weights), only_biases.n_inputs) == ([1.0, 1.0], 2)
    shared = Value(3.0)
    assert nn.RMSNorm(weights=[shared, 1.0]).weights[0] is shared
    assert plain.parameters() == nn.RMSNorm(3, learned=False).parameters() == []


def test_a_row_of_equal_numbers_is_not_divided_by_0() -> None:
    """Where nothing differs LayerNorm gives 0 and RMSNorm of zeros too, with finite gradients."""
    for norm, x in ((nn.LayerNorm(3), 5.0), (nn.RMSNorm(3), 0.0)):
        row = [Value(x) for _ in range(3)]
        outputs = norm(row)
        outputs[0].backward()
        assert numbers(outputs) == [0.0] * 3
        assert all(math.isfinite(value.grad) for value in row)


MODULES: list[tuple[Any, str]] = [
    (nn.LayerNorm(3), "LayerNorm(3)"),
    (nn.LayerNorm(3, 0.5), "LayerNorm(3, epsilon=0.5)"),
    (nn.LayerNorm(2, learned=False), "LayerNorm(2, learned=False)"),
    (nn.RMSNorm(4), "RMSNorm(4)"),
    (nn.RMSNorm(4, 1e-5, learned=False), "RMSNorm(4, epsilon=1e-05, learned=False)"),
]


@pytest.mark.parametrize(("norm", "text"), MODULES, ids=[text for _, text in MODULES])
def test_it_is_saved_copied_and_drawn(norm: Any, text: str, tmp_path: Path) -> None:
    """It shows itself as the code that makes it, is saved, loaded and pickled, and is drawn as a box."""
    assert repr(norm) == text
    for parameter in norm.parameters():
        parameter.data += 0.25
    norm.save(tmp_path / "norm.json")
    again = eval(text, vars(nn))  # noqa: S307  # what is evaluated stands above
    again.load(tmp_path / "norm.json")
    row = [float(i * i) for i in range(norm.n_inputs)]
    assert numbers(again(row)) == numbers(pickle.loads(pickle.dumps(norm))(row)) == numbers(norm(row))
    kind = text.partition("(")[0]
    assert kind in draw(norm([Value(x) for x in row]), collapse="neuron").source


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (nn.LayerNorm, TypeError, r"LayerNorm needs the number of its inputs, or its weights: LayerNorm\(4\)"),
        (lambda: nn.RMSNorm(learned=False), TypeError, r"RMSNorm needs the number of its inputs: RMSNorm\(4, learned="),
        (lambda: nn.LayerNorm(0), ValueError, "the number of inputs must be an integer of at least 1, got 0"),
        (lambda: nn.LayerNorm(0, learned=False), ValueError, "the number of inputs must be an integer of at least 1"),
        (lambda: nn.LayerNorm(3, 0.0), ValueError, "the epsilon of LayerNorm must be a finite number above 0, got 0.0"),
        (lambda: nn.RMSNorm(3, math.nan), ValueError, "the epsilon of RMSNorm must be a finite .* above 0, got nan"),
        (lambda: nn.RMSNorm(3, "1"), TypeError, "the epsilon of RMSNorm must be a real number"),  # type: ignore[arg-type]
        (lambda: nn.LayerNorm(3, weights=[1, 2]), ValueError, "LayerNorm has 3 inputs, got 2 numbers as weights"),
        (
            lambda: nn.LayerNorm(weights=[1, 2], biases=[1]),
            ValueError,
            "LayerNorm has 2 inputs, got 1 number as biases",
        ),
        (lambda: nn.RMSNorm(weights=[]), ValueError, "the weights must be at least one number, got none"),
        (lambda: nn.RMSNorm(1, learned=False, weights=[1]), TypeError, "RMSNorm takes weights, or learned=False to"),
        (lambda: nn.LayerNorm(3, eps=1), TypeError, "LayerNorm has no argument eps: write epsilon"),  # type: ignore[arg-type]
        (lambda: nn.LayerNorm(3)([1.0, 2.0]), ValueError, r"LayerNorm\(3\) takes 3 inputs, got 2"),
        (lambda: nn.RMSNorm(1)(1.0), TypeError, r"RMSNorm\(1\) takes a list of 1 input, got 1.0"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument or a row that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()
