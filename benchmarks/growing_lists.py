"""A tiny GPT, written number by number as everybody writes it, and the same in PyTorch as its users write it.

One layer of 16 numbers a position and 4 heads reads up to so many letters of 27. The scalar code goes from position to
position and appends the keys and values of each to lists that grow, of which all later positions read.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Sequence
from typing import Any

from scalargrad import Value, cross_entropy, relu, softmax, take

LETTERS, WIDE, HEADS = 27, 16, 4
HEAD = WIDE // HEADS
Rows = list[list[Any]]


def shapes(block: int) -> list[tuple[int, int]]:
    """The shapes of its matrices, in the order of the parameters."""
    square = (WIDE, WIDE)
    return [(LETTERS, WIDE), (block, WIDE), *[square] * 4, (4 * WIDE, WIDE), (WIDE, 4 * WIDE), (LETTERS, WIDE)]


def scalar(block: int) -> tuple[Callable[[Any, Any], Any], list[Value]]:
    """The loss of a text and the letters that come next, and the parameters."""
    rng = random.Random(0)
    matrices = [[[Value(rng.gauss(0, 0.3)) for _ in range(n)] for _ in range(m)] for m, n in shapes(block)]
    letters, places, queries, keys_of, values_of, mixed, hidden, down, output = matrices

    def linear(matrix: Rows, row: Sequence[Any]) -> list[Any]:
        return [sum(w * x for w, x in zip(weights, row, strict=True)) for weights in matrix]

    def norm(row: Sequence[Any]) -> list[Any]:
        scale = (sum(x * x for x in row) / len(row) + 1e-5) ** -0.5
        return [x * scale for x in row]

    def add(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        return [x + y for x, y in zip(left, right, strict=True)]

    def scores(letter: Any, place: int, keys: Rows, values: Rows) -> list[Any]:
        row = norm(add(take(letters, letter), places[place]))
        normed = norm(row)
        query = linear(queries, normed)
        keys.append(linear(keys_of, normed))
        values.append(linear(values_of, normed))
        seen: list[Any] = []
        for head in [slice(i, i + HEAD) for i in range(0, WIDE, HEAD)]:
            looks = softmax(
                [sum(q * k for q, k in zip(query[head], key[head], strict=True)) / HEAD**0.5 for key in keys]
            )
            columns = zip(*[value[head] for value in values], strict=True)
            seen += [sum(look * x for look, x in zip(looks, column, strict=True)) for column in columns]
        row = add(row, linear(mixed, seen))
        row = add(row, linear(down, [relu(x) for x in linear(hidden, norm(row))]))
        return linear(output, row)

    def loss(text: Any, following: Any) -> Any:
        keys: Rows = []
        values: Rows = []
        steps = zip(text, following, strict=True)
        losses = [cross_entropy(scores(letter, t, keys, values), after) for t, (letter, after) in enumerate(steps)]
        return sum(losses) / len(losses)

    return loss, [w for matrix in matrices for row in matrix for w in row]


def in_torch(theta: Any, texts: Any, following: Any) -> Callable[[], Any]:
    """The mean loss of the same network and its gradient, in PyTorch."""
    torch: Any = importlib.import_module("torch")
    count, block = texts.shape
    sizes = [m * n for m, n in shapes(block)]
    parts = torch.split(torch.tensor(theta), sizes)
    matrices = [part.reshape(shape).clone().requires_grad_() for part, shape in zip(parts, shapes(block), strict=True)]
    letters, places, *projections, mixed, hidden, down, output = matrices
    words, targets = torch.tensor(texts), torch.tensor(following).reshape(-1)
    of = torch.nn.functional

    def norm(rows: Any) -> Any:
        return rows * (rows.square().mean(dim=-1, keepdim=True) + 1e-5) ** -0.5

    def run() -> Any:
        rows = norm(of.embedding(words, letters) + places)
        normed = norm(rows)
        in_heads = [of.linear(normed, own).view(count, block, HEADS, HEAD).transpose(1, 2) for own in projections]
        seen = of.scaled_dot_product_attention(*in_heads, is_causal=True)
        rows = rows + of.linear(seen.transpose(1, 2).reshape(count, block, WIDE), mixed)
        rows = rows + of.linear(torch.relu(of.linear(norm(rows), hidden)), down)
        value = of.cross_entropy(of.linear(rows, output).view(-1, LETTERS), targets)
        return value.item(), [slope.reshape(-1) for slope in torch.autograd.grad(value, matrices)]

    return run
