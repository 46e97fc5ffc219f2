"""Embedding: a row of learned numbers for each thing."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, pvariance
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, cross_entropy, lift, nn, one_hot, total


@given(st.integers(1, 6), st.integers(1, 4), st.data())
def test_it_is_a_linear_layer_of_a_one_hot_row(n_rows: int, n_outputs: int, data: st.DataObject) -> None:
    """Row and gradient are those of a layer without biases that reads a 1 in the place of the index."""
    index = data.draw(st.integers(0, n_rows - 1))
    embedding = nn.Embedding(n_rows, n_outputs, rng=0)
    columns = [[Value(row[j].data) for row in embedding.weights] for j in range(n_outputs)]
    layer = nn.Layer(weights=columns, activation=None)
    row, other = embedding(index), layer.outputs(one_hot(index, n_rows))
    assert [x.data for x in row] == [x.data for x in other]
    total(x * (j + 1) for j, x in enumerate(row)).backward()
    total(x * (j + 1) for j, x in enumerate(other)).backward()
    assert grads(embedding.weights) == [list(column) for column in zip(*grads(columns), strict=True)]


def grads(rows: list[list[Value]]) -> list[list[float]]:
    return [[weight.grad for weight in row] for row in rows]


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_a_lifted_function_looks_up_what_each_example_says(target: str) -> None:
    """Texts of indices, lifted, have the loss and the gradient that they have on Values."""
    embedding, last = nn.Embedding(5, 2, rng=0), nn.Layer(2, 3, None, rng=1)

    def loss(text: list[int], label: int) -> Value:
        rows = [embedding(word) for word in text]
        return cross_entropy(last.outputs([total(column) for column in zip(*rows, strict=True)]), label)

    parameters = embedding.parameters() + last.parameters()
    texts, labels = [[0, 3], [3, 3], [4, 1]], [0, 2, 1]
    program: Any = lift(loss, parameters, target=target)
    value, gradient = program.value_and_grad(texts, labels)
    losses = [loss(text, label) for text, label in zip(texts, labels, strict=True)]
    for one in losses:
        one.backward(1 / 3)
    assert value == pytest.approx(fmean(one.data for one in losses), rel=1e-12)
    assert list(gradient) == pytest.approx([parameter.grad for parameter in parameters], rel=1e-12, abs=1e-15)
    assert any(x.grad for x in embedding.weights[3])
    assert not any(x.grad for x in embedding.weights[2])


def test_how_it_starts() -> None:
    """The weights are drawn with mean 0 and deviation 1, the same for the same seed; or by a function of one's own."""
    weights = [parameter.data for parameter in nn.Embedding(100, 40, rng=0).parameters()]
    assert abs(fmean(weights)) < 0.05
    assert 0.95 < pvariance(weights) < 1.05
    assert weights == [parameter.data for parameter in nn.Embedding(100, 40, random.Random(0)).parameters()]
    uniform = [parameter.data for parameter in nn.Embedding(50, 2, 0, "uniform").parameters()]
    assert -1 <= min(uniform) < -0.9
    assert 0.9 < max(uniform) <= 1
    by_hand = nn.Embedding(2, 2, 0, lambda rng, n_inputs: n_inputs / 4)
    assert [parameter.data for parameter in by_hand.parameters()] == [0.25] * 4


def test_it_is_saved_and_copied(tmp_path: Path) -> None:
    """It shows itself as the code that makes it, and its state is loaded and pickled as that of other modules."""
    first = Value(0.5)
    embedding = nn.Embedding(weights=[[first, 1.0], [-1.0, 2.0], [0.0, 0.25]])
    assert embedding.weights[0][0] is first
    assert (repr(embedding), embedding.n_rows, embedding.n_outputs) == ("Embedding(3, 2)", 3, 2)
    assert next(iter(embedding.state_dict())) == "weights.0.0"
    embedding.save(tmp_path / "table.json")
    again = nn.Embedding(3, 2, rng=0)
    again.load(tmp_path / "table.json")
    for other in (again, pickle.loads(pickle.dumps(embedding))):
        assert [[x.data for x in other(i)] for i in range(3)] == [[0.5, 1.0], [-1.0, 2.0], [0.0, 0.25]]
    assert [x.data for x in embedding(np.int64(2))] == [0.0, 0.25]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Embedding(3), TypeError, r"needs the number of its rows and how long they are, or its weights"),
        (lambda: nn.Embedding(0, 2), ValueError, "the number of rows must be an integer of at least 1, got 0"),
        (lambda: nn.Embedding(2, True), ValueError, "the length of a row must be an integer of at least 1, got True"),
        (lambda: nn.Embedding(weights=[]), ValueError, "Embedding needs at least one row of weights, got none"),
        (lambda: nn.Embedding(weights=[[1], [1, 2]]), ValueError, "each row .* must have 1 weight, got 1, 2"),
        (lambda: nn.Embedding(1, 3, weights=[[1, 2]]), ValueError, "each row of an .* must have 3 weights, got 2"),
        (lambda: nn.Embedding(weights=[[1]] * 9 + [[]]), ValueError, "one of|at least one number"),
        (lambda: nn.Embedding(weights=[[1]] * 9 + [[1, 2]]), ValueError, "got 1, 1, 1, 1, 1, 1, 1, 1, ...$"),
        (lambda: nn.Embedding(2, 1, weights=[[1]]), ValueError, "Embedding has 2 rows, got 1 row of weights"),
        (lambda: nn.Embedding(weights=[1, 2]), TypeError, "a row of weights must be a list, got 1"),  # type: ignore[list-item]
        (lambda: nn.Embedding(weights=[[1]], rng=0), TypeError, "Embedding takes its weights, or rng and initial to"),
        (lambda: nn.Embedding(num_embeddings=3), TypeError, "Embedding has no argument num_embeddings: write n_rows"),  # type: ignore[arg-type]
        (
            lambda: nn.Embedding(3, 2)(3),
            ValueError,
            "the index of Embedding.* must be an integer from 0 to 2, got 3",
        ),
        (
            lambda: nn.Embedding(3, 2)(-1),
            ValueError,
            "the index of Embedding.* must be an integer from 0 to 2, got -1",
        ),
        (
            lambda: nn.Embedding(3, 2)(1.5),
            ValueError,
            "the index of Embedding.* must be an integer from 0 to 2, got 1.5",
        ),
        (lambda: nn.Embedding(3, 2)([1]), TypeError, r"takes one index, got \[1\]: for several write \[embedding"),  # type: ignore[arg-type]
        (lambda: nn.Embedding(3, 2)(np.array([1, 2])), TypeError, "takes one index, got array"),
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument or an index that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()
