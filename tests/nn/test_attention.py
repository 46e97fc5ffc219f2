"""Attention, by hand. `test_torch.py` compares it with PyTorch's."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalargrad import Constant, Value, cross_entropy, draw, lift, nn, softmax, total
from scalargrad.nn.attention import PARTS
from tests.nn.modules import numbers

# ---------------------------------------------------------------- what it is


def identity(size: int, factor: float = 1.0) -> list[list[float]]:
    return [[factor * (i == j) for j in range(size)] for i in range(size)]


def test_a_look_up_by_hand() -> None:
    """With large scores a query takes the value of the key that it fits, as from a dictionary."""
    module = nn.Attention(weights=[identity(2, 10_000.0), identity(2), [[0, 1], [1, 0]], identity(2)])
    rows = [[1.0, 0.0], [0.0, 1.0]]
    assert numbers(module(rows)) == [[0.0, 1.0], [1.0, 0.0]]
    assert numbers(module.attention_weights(rows)[0]) == [[1.0, 0.0], [0.0, 1.0]]


def test_alike_keys_share_the_attention() -> None:
    """Where all queries are 0 each row takes the mean of the values that it sees."""
    parts: Any = [[[0, 0], [0, 0]], identity(2), identity(2), identity(2)]
    rows = [[1.0, 4.0], [3.0, 0.0], [5.0, 2.0]]
    means = {False: [[3.0, 2.0]] * 3, True: [[1.0, 4.0], [2.0, 2.0], [3.0, 2.0]]}
    for causal, expected in means.items():
        outputs = nn.Attention(2, causal=causal, weights=parts)(rows)
        assert np.allclose(numbers(outputs), expected, rtol=1e-15)


def test_rows_that_are_not_seen_do_not_matter() -> None:
    """In causal attention a later row changes no earlier output; the order of a context changes none at all."""
    rows = [[0.5, 1.0], [-1.0, 2.0], [0.0, 3.0]]
    causal = nn.Attention(2, causal=True, rng=0)
    before, after = causal(rows), causal([*rows[:2], [7.0, 7.0]])
    same = [[y.data == z.data for y, z in zip(*pair, strict=True)] for pair in zip(before, after, strict=True)]
    assert same == [[True, True], [True, True], [False, False]]
    free = nn.Attention(2, heads=2, rng=0)
    one, other = (numbers(free(rows, context)) for context in (rows, rows[::-1]))
    assert np.allclose(one, other, rtol=1e-13)


def test_it_is_arithmetic_on_values() -> None:
    """One head is softmax(q·k / √d) · v, written as loops."""
    module = nn.Attention(3, rng=1)
    rows = [[Value(0.1 * (i + j * j)) for j in range(3)] for i in range(4)]
    q, k, v = ([part.outputs(row) for row in rows] for part in (module.queries, module.keys, module.values))
    expected = []
    for query in q:
        weights = softmax([total(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(3) for key in k])
        mixed = [total(w * row[j] for w, row in zip(weights, v, strict=True)) for j in range(3)]
        expected.append(numbers(module.output.outputs(mixed)))
    assert numbers(module(rows)) == expected


def test_it_learns_where_to_look() -> None:
    """Trained to find the row that has a mark, it looks at that row, and lifted it learns what it learns on Values."""
    module = nn.Attention(4, context_width=3, rng=0)
    last = nn.Layer(4, 2, None, rng=1)

    def score(context: Any, label: Any) -> Value:
        return cross_entropy(last.outputs(module([[1.0, 0.0, 0.0, 0.0]], context)[0]), label)

    contexts, labels = [], []
    for marked in range(3):
        for label in range(2):
            signs = [(-1.0) ** (label + i - marked) for i in range(3)]
            contexts.append([[float(i == marked), float(i != marked), signs[i]] for i in range(3)])
            labels.append(label)
    parameters = [*module.parameters(), *last.parameters()]
    program: Any = lift(score, parameters)
    theta = program.pack()
    for _ in range(200):
        value, gradient = program.value_and_grad(contexts, labels, at=theta)
        theta = theta - 0.5 * gradient
    program.unpack(theta)
    assert value < 0.05
    for context, label in zip(contexts, labels, strict=True):
        row = module.attention_weights([[1.0, 0.0, 0.0, 0.0]], context)[0][0]
        marked = next(i for i, entries in enumerate(context) if entries[0])
        assert max(range(3), key=lambda i: row[i].data) == marked
        assert score(context, label).data < 0.2


# ---------------------------------------------------------------- a module as others


def test_its_layers_are_named() -> None:
    """A state names the four layers, and is loaded by an attention of the same form; copies give the same."""
    one, other = nn.Attention(4, 2, True, rng=0), nn.Attention(4, 2, True, rng=1)
    names = [name for name, _ in one.named_parameters()]
    assert names[0] == "queries.neurons.0.weights.0"
    assert [name for name in names if name.endswith("s.3.bias")] == [f"{part}.neurons.3.bias" for part in PARTS]
    assert len(names) == 4 * (16 + 4)
    other.load_state_dict(one.state_dict())
    rows = [[1.0, -1.0, 0.5, 2.0], [0.0, 3.0, 1.0, -1.0]]
    ends = [numbers(model(rows)) for model in (one, other, pickle.loads(pickle.dumps(one)))]
    assert ends[0] == ends[1] == ends[2]
    with pytest.raises(ValueError, match="the state does not fit the model"):
        one.load_state_dict(nn.Attention(2, rng=0).state_dict())


def test_given_values_are_used_as_they_are() -> None:
    """Weights that are Values are the parameters; biases that are constants are not trained."""
    w = Value(0.5)
    module = nn.Attention(1, weights=[[[w]], [[w]], [[1]], [[1]]], biases=[[Constant(0.0)]] * 4)
    assert [name for name, _ in module.named_parameters()] == [
        "queries.neurons.0.weights.0",
        "values.neurons.0.weights.0",
        "output.neurons.0.weights.0",
    ]
    assert module.parameters()[0] is w


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Attention(4, rng=0), "Attention(4, heads=1)"),
        (nn.Attention(4, 2, True, rng=0), "Attention(4, heads=2, causal=True)"),
        (nn.Attention(4, context_width=3, rng=0), "Attention(4, heads=1, context_width=3)"),
    ],
)
def test_it_says_what_makes_it(module: nn.Attention, text: str) -> None:
    """Its repr is what makes an attention of the same form."""
    assert repr(module) == text
    assert repr(eval(f"nn.{text}", {"nn": nn})) == text  # noqa: S307  # the text is ours


def test_it_is_drawn_as_a_box() -> None:
    """In pictures it has a frame with a box for each layer of each row, and for each head."""
    rows = [[Value(1.0), Value(0.5)], [Value(-1.0), Value(2.0)]]
    outputs = [y for row in nn.Attention(2, 2, True, rng=0)(rows) for y in row]
    source = draw(outputs, collapse="layer").source
    for name, often in (("queries", 2), ("keys", 2), ("values", 2), ("output", 2), ("head 0", 1), ("head 1", 1)):
        assert source.count(f">{name}<") == often, name
    assert source.count("subgraph") == 1
    assert "Attention" in source
    assert "softmax" in draw(outputs, collapse="neuron").source


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (nn.Attention, TypeError, "Attention needs the width of its rows, or its weights"),
        (lambda: nn.Attention(weights=[3, 1, 1, 1]), TypeError, "the weights of the queries must be a list, got 3"),  # type: ignore[list-item]
        (lambda: nn.Attention(0), ValueError, "the width of Attention must be an integer of at least 1, got 0"),
        (lambda: nn.Attention(4, 0), ValueError, "the number of heads must be an integer of at least 1, got 0"),
        (lambda: nn.Attention(4, 3), ValueError, "the width 4 is no multiple of 3 heads"),
        (lambda: nn.Attention(4, causal=1), TypeError, "causal must be True or False, got 1"),  # type: ignore[arg-type]
        (lambda: nn.Attention(4, causal=True, context_width=4), TypeError, "causal attention has no other context"),
        (lambda: nn.Attention(4, context_width=0), ValueError, "the width of the context must be an integer"),
        (lambda: nn.Attention(4, num_heads=2), TypeError, "Attention has no argument num_heads: write heads"),  # type: ignore[arg-type]
        (lambda: nn.Attention(4, embed_dim=2), TypeError, "Attention has no argument embed_dim: write width"),  # type: ignore[arg-type]
        (lambda: nn.Attention(1, weights=[[[1]]]), ValueError, "weights of Attention must be a list for each of quer"),
        (lambda: nn.Attention(1, biases=[[1]] * 5), ValueError, "biases of Attention must be a list for .*, got 5"),
        (lambda: nn.Attention(1, rng=0, weights=[[[1]]] * 4), TypeError, "Attention takes its weights, or rng and"),
        (
            lambda: nn.Attention(2, weights=[identity(2), identity(2), identity(2), identity(3)]),
            ValueError,
            "the output of Attention: Layer has 2 neurons, got 3 rows of weights",
        ),
        (
            lambda: nn.Attention(2, weights=[identity(2), [[1], [2]], identity(2), identity(2)]),
            ValueError,
            "the keys of Attention: Neuron has 2 inputs, got 1 weight",
        ),
        (lambda: nn.Attention(2, biases=[[0, 0], [0], [0, 0], [0, 0]]), ValueError, "keys of Attention: Layer need"),
        (lambda: nn.Attention(2, rng=0)([]), ValueError, r"the rows of Attention\(2, heads=1\) must be at least one"),
        (lambda: nn.Attention(2, rng=0)(3), TypeError, "the rows of .* must be a list, got 3"),  # type: ignore[arg-type]
        (lambda: nn.Attention(2, rng=0)([1.0, 2.0]), TypeError, "row 0: .* takes a list of 2 inputs, got 1.0"),  # type: ignore[list-item]
        (lambda: nn.Attention(2, rng=0)([[1.0, 2.0], [1.0]]), ValueError, "row 1: .* takes 2 inputs, got 1"),
        (lambda: nn.Attention(1, rng=0)([["a"]]), TypeError, "row 0: an input must be a real number"),  # type: ignore[list-item]
        (lambda: nn.Attention(1, rng=0)({(1.0,)}), TypeError, "the rows of .* must have an order"),
        (lambda: nn.Attention(1, rng=0)([[1.0]], []), ValueError, "the context of .* must be at least one row"),
        (lambda: nn.Attention(1, rng=0)([[1.0]], [[1, 2]]), ValueError, "row of the context 0: .* takes 1 input"),
        (lambda: nn.Attention(1, causal=True)([[1]], [[1]]), TypeError, "looks at its own rows alone: a context needs"),
        (lambda: nn.Attention(1, context_width=2)([[1]]), TypeError, "needs a context, whose rows have 2 numbers"),
        (lambda: nn.MultiheadAttention, AttributeError, r"Attention\(width, heads\), which is called"),  # type: ignore[attr-defined]
        (lambda: nn.TransformerEncoderLayer, AttributeError, "a Module of your own that calls Attention"),  # type: ignore[attr-defined]
    ],
)
def test_bad_input(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """What makes no sense is refused at once, with an error that says what was given and where."""
    with pytest.raises(error, match=message):
        make()
