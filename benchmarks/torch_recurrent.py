"""What PyTorch's recurrent modules compute, with weights that anybody can draw again, as numbers for the tests.

    python -m benchmarks.torch_recurrent

needs PyTorch, which cannot stand beside the tests' packages, so give it an environment of its own. It writes
tests/nn/torch_recurrent.json; the tests compare our modules with that, and read the cases from here.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, NamedTuple

NUMBERS = Path(__file__).parents[1] / "tests" / "nn" / "torch_recurrent.json"
EXAMPLES, STEPS, INPUTS, HIDDEN = 3, 5, 3, 4
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}  # rows of weights for each hidden unit, in the order in which PyTorch has them


class Case(NamedTuple):
    """A module of PyTorch's with its arguments."""

    kind: str
    activation: str = "tanh"
    layers: int = 1
    directions: int = 1


CASES = {
    "RNN": Case("RNN"),
    "RNN, relu": Case("RNN", activation="relu"),
    "RNN, two layers in both directions": Case("RNN", layers=2, directions=2),
    "LSTM": Case("LSTM"),
    "LSTM, two layers in both directions": Case("LSTM", layers=2, directions=2),
    "GRU": Case("GRU"),
    "GRU, two layers in both directions": Case("GRU", layers=2, directions=2),
}


def weights(case: Case) -> dict[str, Any]:
    """Numbers for the weights of a case, in nested lists, by the names that PyTorch has for them."""
    rng = random.Random(f"{case}")
    drawn: dict[str, Any] = {}
    rows = GATES[case.kind] * HIDDEN
    for layer in range(case.layers):
        for direction in ("", "_reverse")[: case.directions]:
            reads = HIDDEN * case.directions if layer else INPUTS
            place = f"_l{layer}{direction}"
            drawn[f"weight_ih{place}"] = [[rng.gauss(0, 0.6) for _ in range(reads)] for _ in range(rows)]
            drawn[f"weight_hh{place}"] = [[rng.gauss(0, 0.6) for _ in range(HIDDEN)] for _ in range(rows)]
            drawn[f"bias_ih{place}"] = [rng.gauss(0, 0.3) for _ in range(rows)]
            drawn[f"bias_hh{place}"] = [rng.gauss(0, 0.3) for _ in range(rows)]
    return drawn


def examples(case: Case) -> tuple[Any, Any]:
    """Sequences, and for each of them the rows that the state begins with: one for each layer and direction."""
    rng = random.Random(f"examples of {case}")
    sequences = [[[rng.gauss(0, 1) for _ in range(INPUTS)] for _ in range(STEPS)] for _ in range(EXAMPLES)]
    rows = case.layers * case.directions * (2 if case.kind == "LSTM" else 1)
    states = [[[rng.gauss(0, 0.5) for _ in range(HIDDEN)] for _ in range(rows)] for _ in range(EXAMPLES)]
    return sequences, states


def loss(outputs: Any, state: Any) -> Any:
    """A number on which every output and every number of the last state has another influence."""
    parts = [(place + 1) * x * x * x for place, x in enumerate(x for row in outputs for x in row)]
    parts += [(place + 2) * x * x for place, x in enumerate(x for row in state for x in row)]
    return sum(parts[1:], parts[0])


def of_torch(case: Case, torch: Any) -> dict[str, Any]:
    """Outputs and last states of each example, its loss, and all gradients of the mean loss."""
    settings = {"nonlinearity": case.activation} if case.kind == "RNN" else {}
    model = getattr(torch.nn, case.kind)(INPUTS, HIDDEN, case.layers, bidirectional=case.directions == 2, **settings)
    model.load_state_dict({name: torch.tensor(own) for name, own in weights(case).items()})
    given = [torch.tensor(own, requires_grad=True) for own in examples(case)]
    results: dict[str, Any] = {"outputs": [], "states": [], "losses": []}
    losses = []
    for sequence, state in zip(*given, strict=True):
        start = state.tensor_split(2) if case.kind == "LSTM" else state
        outputs, after = model(sequence, start)
        after = torch.cat(after) if case.kind == "LSTM" else after
        losses.append(loss(outputs, after))
        results["outputs"].append(outputs.tolist())
        results["states"].append(after.tolist())
        results["losses"].append(losses[-1].item())
    mean = sum(losses) / EXAMPLES
    named = dict(model.named_parameters()) | dict(zip(("sequences", "states"), given, strict=True))
    gradients = torch.autograd.grad(mean, list(named.values()))
    results["gradients"] = {name: gradient.tolist() for name, gradient in zip(named, gradients, strict=True)}
    return results


def main() -> None:
    """Write what each case computes."""
    import torch

    torch.set_default_dtype(torch.float64)
    cases = {name: of_torch(case, torch) for name, case in CASES.items()}
    content = {"written by": "python -m benchmarks.torch_recurrent", "torch": torch.__version__, "cases": cases}
    NUMBERS.write_text(json.dumps(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
