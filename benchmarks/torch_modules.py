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
from typing import Any, NamedTuple, cast

from benchmarks import torch_attention, torch_recurrent
from scalargrad import flatten, nn

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


def residual(torch: Any) -> Any:
    """PyTorch's modules with two residual blocks between two linear layers."""

    class Block(torch.nn.Module):  # type: ignore[misc]  # torch is given
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            return x + torch.tanh(self.inner(x))

    return torch.nn.Sequential(torch.nn.Linear(3, 4), Block(), Block(), torch.nn.Linear(4, 2))


def our_residual(state: dict[str, Any]) -> nn.Sequential:
    """Return the same with our modules."""

    def layer(name: str, activation: str | None) -> nn.Layer:
        return nn.Layer(weights=state[f"{name}.weight"], biases=state[f"{name}.bias"], activation=activation)

    blocks = [nn.Residual(layer(f"{i}.inner", "tanh")) for i in (1, 2)]
    return nn.Sequential(layer("0", None), *blocks, layer("3", None))


def residual_convolution(torch: Any) -> Any:
    """A convolution of PyTorch's that keeps the size of an image, which is added to it."""

    class Block(torch.nn.Module):  # type: ignore[misc]  # torch is given
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x: Any) -> Any:
            return x + torch.relu(self.inner(x))

    return Block()


def highway(torch: Any) -> Any:
    """A highway layer of PyTorch's modules, which has none of its own."""

    class Highway(torch.nn.Module):  # type: ignore[misc]  # torch is given
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.gate = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            gate = torch.sigmoid(self.gate(x))
            return gate * torch.relu(self.layer(x)) + (1 - gate) * x

    return Highway()


def our_highway(state: dict[str, Any]) -> nn.Highway:
    """Return the same with ours."""
    model = nn.Highway(4)
    model.layer = nn.Layer(weights=state["layer.weight"], biases=state["layer.bias"])
    model.gate = nn.Layer(weights=state["gate.weight"], biases=state["gate.bias"], activation="sigmoid")
    return model


def our_network(state: dict[str, Any]) -> nn.Sequential:
    """Return two convolutions with a pool between them, and a layer."""
    second = nn.Convolution(weights=state["3.weight"], biases=state["3.bias"], activation="prelu")
    for own, slope in zip(second.filters, state["5.weight"], strict=True):
        cast(nn.PReLU, own.activation).slope = slope
    return nn.Sequential(
        nn.Convolution(weights=state["0.weight"], biases=state["0.bias"]),
        nn.MaxPool(2),
        second,
        flatten,
        nn.Layer(weights=state["7.weight"], biases=state["7.bias"], activation=None),
    )


def convolution(state: dict[str, Any], activation: str | None = None, **settings: Any) -> nn.Convolution:
    """Return our convolution with PyTorch's parameters."""
    return nn.Convolution(weights=state["weight"], biases=state["bias"], activation=activation, **settings)


def maxout(torch: Any) -> Any:
    """A maxout layer of PyTorch's functions, which has none of its own: two outputs, each the largest of three sums."""

    class Maxout(torch.nn.Linear):  # type: ignore[misc]  # torch is given
        def forward(self, x: Any) -> Any:
            return super().forward(x).unflatten(0, (2, 3)).amax(1)

    return Maxout(4, 6)


def in_threes(rows: list[Any]) -> list[Any]:
    """Return entries three by three."""
    return [rows[start : start + 3] for start in range(0, len(rows), 3)]


CASES = {
    "MLP": Case(
        lambda torch: torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
        ),
        {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (4, 4), "2.bias": (4,), "4.weight": (2, 4), "4.bias": (2,)},
        lambda state: nn.MLP(
            weights=[state[f"{i}.weight"] for i in (0, 2, 4)],
            biases=[state[f"{i}.bias"] for i in (0, 2, 4)],
            activation="tanh",
        ),
        (3,),
    ),
    "Maxout": Case(
        maxout,
        {"weight": (6, 4), "bias": (6,)},
        lambda state: nn.Maxout(weights=in_threes(state["weight"]), biases=in_threes(state["bias"])),
        (4,),
    ),
    "convolution": Case(
        lambda torch: torch.nn.Conv2d(2, 3, 3), {"weight": (3, 2, 3, 3), "bias": (3,)}, convolution, (2, 4, 5)
    ),
    "convolution, stride and padding": Case(
        lambda torch: torch.nn.Conv2d(1, 2, (2, 3), stride=(2, 1), padding=(1, 2)),
        {"weight": (2, 1, 2, 3), "bias": (2,)},
        lambda state: convolution(state, stride=(2, 1), padding=(1, 2)),
        (1, 4, 3),
    ),
    "convolution, half the size": Case(  # what is left over at the end is padding
        lambda torch: torch.nn.Conv2d(1, 1, 3, stride=2, padding=1),
        {"weight": (1, 1, 3, 3), "bias": (1,)},
        lambda state: convolution(state, stride=2, padding=1),
        (1, 4, 4),
    ),
    "convolution, a filter of one number": Case(
        lambda torch: torch.nn.Conv2d(3, 2, 1, stride=2),
        {"weight": (2, 3, 1, 1), "bias": (2,)},
        lambda state: convolution(state, stride=2),
        (3, 3, 4),
    ),
    "convolution of a sequence": Case(
        lambda torch: torch.nn.Conv1d(2, 3, 2, padding=1),
        {"weight": (3, 2, 2), "bias": (3,)},
        lambda state: nn.Sequential(
            lambda rows: [[row] for row in rows],
            nn.Convolution(
                weights=[[[row] for row in one] for one in state["weight"]],
                biases=state["bias"],
                activation=None,
                padding=(0, 1),
            ),
            lambda maps: [row for (row,) in maps],
        ),
        (2, 4),
    ),
    "MaxPool": Case(lambda torch: torch.nn.MaxPool2d(2), {}, lambda state: nn.MaxPool(2), (2, 4, 6)),
    "MaxPool, stride": Case(
        lambda torch: torch.nn.MaxPool2d((3, 2), stride=(1, 2)), {}, lambda state: nn.MaxPool((3, 2), (1, 2)), (1, 5, 4)
    ),
    "AveragePool": Case(lambda torch: torch.nn.AvgPool2d(2), {}, lambda state: nn.AveragePool(2), (2, 4, 6)),
    "AveragePool, stride": Case(
        lambda torch: torch.nn.AvgPool2d(3, stride=1), {}, lambda state: nn.AveragePool(3, stride=1), (1, 4, 5)
    ),
    "network of convolutions": Case(
        lambda torch: torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(2, 3, 2),
            torch.nn.Unflatten(0, (1, 3)),  # as PReLU takes the second for the channels
            torch.nn.PReLU(3),
            torch.nn.Flatten(0),
            torch.nn.Linear(12, 2),
        ),
        {
            "0.weight": (2, 1, 3, 3),
            "0.bias": (2,),
            "3.weight": (3, 2, 2, 2),
            "3.bias": (3,),
            "5.weight": (3,),
            "7.weight": (2, 12),
            "7.bias": (2,),
        },
        our_network,
        (1, 8, 8),
    ),
    "residual": Case(
        residual,
        {
            "0.weight": (4, 3),
            "0.bias": (4,),
            "1.inner.weight": (4, 4),
            "1.inner.bias": (4,),
            "2.inner.weight": (4, 4),
            "2.inner.bias": (4,),
            "3.weight": (2, 4),
            "3.bias": (2,),
        },
        our_residual,
        (3,),
    ),
    "residual convolution": Case(
        residual_convolution,
        {"inner.weight": (2, 2, 3, 3), "inner.bias": (2,)},
        lambda state: nn.Residual(nn.Convolution(weights=state["inner.weight"], biases=state["inner.bias"], padding=1)),
        (2, 3, 3),
    ),
    "highway": Case(
        highway,
        {"layer.weight": (4, 4), "layer.bias": (4,), "gate.weight": (4, 4), "gate.bias": (4,)},
        our_highway,
        (4,),
    ),
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
CASES |= {
    name: Case(setting.theirs, setting.shapes(), partial(torch_attention.Looking, setting), setting.inputs)
    for name, setting in torch_attention.CASES.items()
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
