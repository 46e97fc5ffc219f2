"""How the programs in demos/gpt learn when PyTorch does it, as numbers for the tests.

    python -m benchmarks.torch_gpt

needs PyTorch, which cannot stand beside the tests' packages, so give it an environment of its own. It writes
tests/demos/torch_gpt.json; the tests compare the losses of each step with that, and read the names from here.
"""

from __future__ import annotations

import json
import random
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NUMBERS = ROOT / "tests" / "demos" / "torch_gpt.json"
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
        rows = rows + functional.linear(hidden, p[f"down{layer}"])
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
    """Write the losses."""
    import torch

    torch.set_default_dtype(torch.float64)
    sys.path.insert(0, str(GPT))
    content = {"written by": "python -m benchmarks.torch_gpt", "torch": torch.__version__}
    content |= {name: learn(name) for name in PROGRAMS}
    lines = [f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in content.items()]
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
