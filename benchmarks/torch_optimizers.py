"""The paths that PyTorch's optimizers take down a valley, as numbers for the tests.

    python -m benchmarks.torch_optimizers

needs PyTorch, which cannot stand beside the tests' packages, so give it an environment of its own. It writes
tests/optim/torch_paths.json; the tests compare our optimizers with that, and read the cases from here.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

PATHS = Path(__file__).parents[1] / "tests" / "optim" / "torch_paths.json"
START = (0.5, -1.25, 2.0)
STEPS = 60
KEPT = (1, 2, 3, 10, 20, 30, 40, 50, 60)  # the steps whose points are written down


def valley(x: Any, y: Any, z: Any) -> Any:
    """A bent valley with a flat side, for numbers, Values or tensors."""
    return (x - 1) ** 2 + 3 * (y + x * x) ** 2 + 0.1 * z * z * z * z - z * x


class Case(NamedTuple):
    """An optimizer of PyTorch's with its arguments, and ours."""

    theirs: str
    arguments: dict[str, Any]
    ours: str
    settings: dict[str, Any]


CASES = {
    "gradient descent": Case("SGD", {"lr": 0.01}, "GradientDescent", {"rate": 0.01}),
    "gradient descent, defaults": Case("SGD", {}, "GradientDescent", {}),
    "momentum": Case("SGD", {"lr": 0.01, "momentum": 0.9}, "GradientDescent", {"rate": 0.01, "momentum": 0.9}),
    "Nesterov": Case(
        "SGD",
        {"lr": 0.01, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        "GradientDescent",
        {"rate": 0.01, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    "Adagrad": Case(
        "Adagrad",
        {"lr": 0.2, "eps": 1e-3, "weight_decay": 0.1},
        "Adagrad",
        {"rate": 0.2, "epsilon": 1e-3, "weight_decay": 0.1},
    ),
    "Adagrad, defaults": Case("Adagrad", {}, "Adagrad", {}),
    "RMSprop": Case(
        "RMSprop",
        {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1},
        "RMSprop",
        {"rate": 0.02, "decay": 0.9, "epsilon": 1e-3, "weight_decay": 0.1},
    ),
    "RMSprop, defaults": Case("RMSprop", {}, "RMSprop", {}),
    "Adadelta": Case(
        "Adadelta",
        {"lr": 2.0, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1},
        "Adadelta",
        {"rate": 2.0, "decay": 0.8, "epsilon": 1e-3, "weight_decay": 0.1},
    ),
    "Adadelta, defaults": Case("Adadelta", {}, "Adadelta", {}),
    "Adam": Case(
        "Adam",
        {"lr": 0.1, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1},
        "Adam",
        {"rate": 0.1, "first_decay": 0.8, "second_decay": 0.99, "epsilon": 1e-3, "weight_decay": 0.1},
    ),
    "Adam, defaults": Case("Adam", {}, "Adam", {}),
    "AdamW": Case("AdamW", {"lr": 0.1, "weight_decay": 0.5}, "AdamW", {"rate": 0.1, "weight_decay": 0.5}),
    "AdamW, defaults": Case("AdamW", {}, "AdamW", {}),
    "NAdam": Case(
        "NAdam",
        {"lr": 0.1, "betas": (0.8, 0.99), "eps": 1e-3, "momentum_decay": 0.1, "weight_decay": 0.1},
        "NAdam",
        {
            "rate": 0.1,
            "first_decay": 0.8,
            "second_decay": 0.99,
            "epsilon": 1e-3,
            "momentum_decay": 0.1,
            "weight_decay": 0.1,
        },
    ),
    "NAdam, defaults": Case("NAdam", {}, "NAdam", {}),
}
SCHEDULES = {
    "inverse root": Case("LambdaLR", {"lr_lambda": lambda step: 1 / math.sqrt(step + 1)}, "InverseRoot", {"rate": 0.5}),
    "step": Case("StepLR", {"step_size": 7, "gamma": 0.3}, "StepDecay", {"rate": 0.5, "every": 7, "factor": 0.3}),
    "step, defaults": Case("StepLR", {"step_size": 7}, "StepDecay", {"rate": 0.5, "every": 7}),
    "cosine": Case(
        "CosineAnnealingLR", {"T_max": 60, "eta_min": 0.1}, "Cosine", {"rate": 0.5, "steps": 60, "lowest": 0.1}
    ),
    "warm-up": Case("LinearLR", {"start_factor": 1 / 25, "total_iters": 24}, "WarmUp", {"schedule": 0.5, "steps": 25}),
}


def main() -> None:
    """Write the paths and the rates."""
    import torch

    torch.set_default_dtype(torch.float64)  # in which NAdam keeps the product of its momenta
    paths = {}
    for name, case in CASES.items():
        points = [torch.tensor(x, requires_grad=True) for x in START]
        optimizer = getattr(torch.optim, case.theirs)(points, **case.arguments)
        path = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            valley(*points).backward()
            optimizer.step()
            path.append([point.item() for point in points])
        paths[name] = [path[step - 1] for step in KEPT]
    rates = {}
    for name, case in SCHEDULES.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        scheduler = getattr(torch.optim.lr_scheduler, case.theirs)(optimizer, **case.arguments)
        rate = []
        for _ in range(STEPS):
            rate.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        rates[name] = [rate[step - 1] for step in KEPT]
    content = {"written by": "python -m benchmarks.torch_optimizers", "torch": torch.__version__}
    PATHS.write_text(json.dumps(content | {"paths": paths, "rates": rates}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
