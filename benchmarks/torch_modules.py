"""What PyTorch's modules compute, and their gradients, as numbers for the tests.

    python -m benchmarks.torch_modules

needs PyTorch, which cannot stand beside the tests' packages, so give it an environment of its own. It writes
tests/nn/torch_modules.json; the tests compare our modules with that, and read the cases from here.

Parameters and inputs are drawn from a seed, here and in the tests. What is differentiated is the sum of the outputs,
each times a number that is drawn, too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import torch_recurrent
from scalargrad import nn

NUMBERS = Path(__file__).parents[1] / "tests" / "nn" / "torch_modules.json"


def nested(rng: random.Random, shape: tuple[int, ...]) -> Any:
    """Return random numbers in lists of lists of that shape."""
    return rng.gauss(0.0, 1.0) if not shape else [nested(rng, shape[1:]) for _ in range(shape[0])]


def flat(given: Any) -> list[Any]:
    """Return the entries of lists of lists, one after another."""
    return [entry for part in given for entry in flat(part)] if isinstance(given, list) else [given]


class Case(NamedTuple):
    """A module of PyTorch's, and ours.

    Attributes:
        theirs: makes the module, given `torch`.
        shapes: the shape of each of its parameters, by name.
        ours: makes our module, given its parameters in lists of lists, by the same names.
        inputs: the shape of what it is called on; or an index.
    """

    theirs: Callable[[Any], Any]
    shapes: dict[str, tuple[int, ...]]
    ours: Callable[[dict[str, Any]], Any]
    inputs: tuple[int, ...] | int

    def numbers(self, name: str) -> tuple[dict[str, Any], Any]:
        """Return the parameters and the inputs."""
        rng = random.Random(name)
        state = {key: nested(rng, shape) for key, shape in self.shapes.items()}
        return state, self.inputs if isinstance(self.inputs, int) else nested(rng, self.inputs)


def upstream(name: str, count: int) -> list[float]:
    """Return the number that each output is multiplied by."""
    rng = random.Random(f"upstream of {name}")
    return [rng.gauss(0.0, 1.0) for _ in range(count)]


CASES = {
    "LayerNorm": Case(
        lambda torch: torch.nn.LayerNorm(5),
        {"weight": (5,), "bias": (5,)},
        lambda state: nn.LayerNorm(weights=state["weight"], biases=state["bias"]),
        (5,),
    ),
    "LayerNorm, epsilon, nothing learned": Case(
        lambda torch: torch.nn.LayerNorm(4, eps=0.5, elementwise_affine=False),
        {},
        lambda state: nn.LayerNorm(4, 0.5, learned=False),
        (4,),
    ),
    "RMSNorm": Case(
        lambda torch: torch.nn.RMSNorm(6),
        {"weight": (6,)},
        lambda state: nn.RMSNorm(weights=state["weight"]),
        (6,),
    ),
    "RMSNorm, epsilon, nothing learned": Case(
        lambda torch: torch.nn.RMSNorm(3, eps=0.25, elementwise_affine=False),
        {},
        lambda state: nn.RMSNorm(3, 0.25, learned=False),
        (3,),
    ),
    "Embedding": Case(
        lambda torch: torch.nn.Embedding(4, 3),
        {"weight": (4, 3)},
        lambda state: nn.Embedding(weights=state["weight"]),
        2,
    ),
}
CASES |= {
    name: Case(sizes.theirs, sizes.shapes(), partial(torch_recurrent.Stack, sizes), (sizes.inputs,))
    for name, sizes in torch_recurrent.CASES.items()
}


def computed(torch: Any, name: str, case: Case) -> dict[str, Any]:
    """Return the outputs of PyTorch's module, and the gradient in its parameters and its inputs."""
    state, inputs = case.numbers(name)
    module = case.theirs(torch)
    module.load_state_dict({key: torch.tensor(numbers) for key, numbers in state.items()})
    given = torch.tensor(inputs)
    if not isinstance(inputs, int):
        given.requires_grad_()
    outputs = module(given)
    (outputs.flatten() * torch.tensor(upstream(name, outputs.numel()))).sum().backward()
    gradient = {key: parameter.grad.flatten().tolist() for key, parameter in module.named_parameters()}
    if not isinstance(inputs, int):
        gradient["inputs"] = given.grad.flatten().tolist()
    return {"shape": list(outputs.shape), "outputs": outputs.flatten().tolist(), "gradient": gradient}


def main() -> None:
    """Write the outputs and gradients."""
    import torch

    torch.set_default_dtype(torch.float64)
    head = {"written by": "python -m benchmarks.torch_modules", "torch": torch.__version__}
    entries = head | {name: computed(torch, name, case) for name, case in CASES.items()}
    lines = [f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries.items()]
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
