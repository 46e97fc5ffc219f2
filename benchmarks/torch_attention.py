"""What PyTorch's attention gives, and how a tiny GPT learns in PyTorch, as numbers for the tests.

    python -m benchmarks.torch_attention

needs PyTorch, which cannot stand beside the tests' packages, so give it an environment of its own. It writes
tests/nn/torch_attention.json; the tests compare our attention and the programs in demos/gpt with that, and read the
cases from here.
"""

from __future__ import annotations

import json
import random
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
NUMBERS = ROOT / "tests" / "nn" / "torch_attention.json"


class Case(NamedTuple):
    """A setting of an attention, and the lengths of the sequences that it is given."""

    width: int
    heads: int = 1
    rows: int = 3
    causal: bool = False
    context: int | None = None  # the length of another sequence
    context_width: int | None = None


CASES = {
    "one head": Case(4),
    "two heads": Case(4, heads=2),
    "as many heads as entries": Case(3, heads=3, rows=4),
    "causal": Case(6, heads=3, rows=5, causal=True),
    "a single row": Case(2, rows=1, causal=True),
    "another sequence": Case(4, heads=2, context=5),
    "another sequence of another width": Case(4, heads=2, rows=2, context=3, context_width=5),
}


class Numbers(NamedTuple):
    """The numbers of a case: nested lists."""

    weights: list[list[list[float]]]  # of the queries, keys, values and the output
    biases: list[list[float]]
    rows: list[list[float]]
    context: list[list[float]] | None
    upstream: list[list[float]]  # the gradient of each output


def numbers(case: Case) -> Numbers:
    """Return the numbers of a case, the same on every machine."""
    rng = random.Random(repr(case))

    def drawn(rows: int, columns: int) -> list[list[float]]:
        return [[rng.gauss(0, 1) for _ in range(columns)] for _ in range(rows)]

    read = case.context_width or case.width
    weights = [drawn(case.width, width) for width in (case.width, read, read, case.width)]
    biases = drawn(4, case.width)
    context = None if case.context is None else drawn(case.context, read)
    return Numbers(weights, biases, drawn(case.rows, case.width), context, drawn(case.rows, case.width))


def attend(case: Case) -> dict[str, Any]:
    """Return what PyTorch gives: outputs, attention weights, and the gradient of each parameter and input."""
    import torch

    given = numbers(case)
    weights, biases = ([torch.tensor(part, requires_grad=True) for part in parts] for parts in (given[0], given[1]))
    rows = torch.tensor(given.rows, requires_grad=True)
    context = rows if given.context is None else torch.tensor(given.context, requires_grad=True)
    blocked = torch.ones(len(rows), len(context), dtype=torch.bool).triu(1) if case.causal else None
    outputs, shares = torch.nn.functional.multi_head_attention_forward(
        rows,
        context,
        context,
        embed_dim_to_check=case.width,
        num_heads=case.heads,
        in_proj_weight=None,
        in_proj_bias=torch.cat(biases[:3]),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=weights[3],
        out_proj_bias=biases[3],
        attn_mask=blocked,
        use_separate_proj_weight=True,
        q_proj_weight=weights[0],
        k_proj_weight=weights[1],
        v_proj_weight=weights[2],
        average_attn_weights=False,
    )
    (outputs * torch.tensor(given.upstream)).sum().backward()
    gradients = {
        "weights": [part.grad.tolist() for part in weights],
        "biases": [part.grad.tolist() for part in biases],
        "rows": rows.grad.tolist(),
    }
    if given.context is not None:
        gradients["context"] = context.grad.tolist()
    return {"outputs": outputs.tolist(), "attention": shares.tolist(), "gradients": gradients}


# ---------------------------------------------------------------- the tiny GPT

GPT = ROOT / "demos" / "gpt"
PROGRAMS = ("step3_autograd", "step4_attention", "step5_heads_and_layers", "step6_adam")
NAMES = ("mary", "jo", "elizabeth", "christopher", "al", "barbara", "zoe", "quincy")
STEPS = 40


def scores(program: Any, p: dict[str, Any], tokens: Any) -> Any:
    """Return for each place the scores of the letters to come next, as PyTorch computes them."""
    from torch.nn import functional

    def attention(layer: str, rows: Any, heads: int) -> Any:
        parts = (functional.linear(rows, p[f"{name}{layer}"]) for name in ("queries", "keys", "values"))
        by_head = (part.view(len(rows), heads, -1).transpose(0, 1) for part in parts)
        means = functional.scaled_dot_product_attention(*by_head, is_causal=True)
        return functional.linear(means.transpose(0, 1).reshape(len(rows), -1), p[f"mixed{layer}"])

    def norm(rows: Any) -> Any:
        return functional.rms_norm(rows, (rows.shape[-1],), eps=1e-5)

    rows = functional.embedding(tokens, p["letters"])
    if "places" in p:
        rows = rows + p["places"][: len(rows)]
    if "queries" in p:
        rows = rows + attention("", rows, 1)
    if "hidden" in p:
        return functional.linear(functional.relu(functional.linear(rows, p["hidden"])), p["output"])
    rows = norm(rows)
    for layer in (f" {i}" for i in range(program.LAYERS)):
        rows = rows + attention(layer, norm(rows), program.HEADS)
        hidden = functional.relu(functional.linear(norm(rows), p[f"hidden{layer}"]))
        rows = rows + functional.linear(hidden, p[f"found{layer}"])
    return functional.linear(rows, p["output"])


def learn(name: str) -> list[float]:
    """Return the loss of each step of a program's training, when PyTorch does it."""
    import torch

    program, encode = import_module(name), import_module("data").encode
    start = program.initial(random.Random(0))
    p = {
        key: torch.tensor([[x.data for x in row] for row in matrix], requires_grad=True)
        for key, matrix in start.items()
    }
    if name == "step6_adam":
        decays = program.FIRST_DECAY, program.SECOND_DECAY
        optimizer = torch.optim.Adam(p.values(), lr=program.RATE, betas=decays, eps=program.EPSILON)
    else:
        optimizer = torch.optim.SGD(p.values(), lr=program.RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / STEPS)
    losses = []
    for step in range(STEPS):
        text = NAMES[step % len(NAMES)]
        tokens = torch.tensor(encode(text)[: len(text) + 2])
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores(program, p, tokens[:-1]), tokens[1:])
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    """Write the numbers."""
    import torch

    torch.set_default_dtype(torch.float64)
    sys.path.insert(0, str(GPT))
    content = {"written by": "python -m benchmarks.torch_attention", "torch": torch.__version__}
    content |= {"cases": {name: attend(case) for name, case in CASES.items()}}
    content |= {"gpt": {name: learn(name) for name in PROGRAMS}}
    NUMBERS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
