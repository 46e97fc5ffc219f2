"""A training step of the tiny GPT in demos/gpt, beside what others have published of the same program.

The program is Andrej Karpathy's microgpt: 16 numbers a letter, 4 heads, 1 layer, 16 places, one name a step, Adam.
What is measured here runs in turns on this machine; its losses are compared before. What is cited ran on other
machines, which the table names, on a list of names of other lengths: a size of things, and no race.
"""

from __future__ import annotations

import importlib
import random
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from statistics import median
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.lift import duration
from benchmarks.torch_gpt import GPT, NAMES, scores
from scalargrad import lift

PLACES = 16
TOLERANCE = 1e-9


class Cited(NamedTuple):
    """A time that somebody has published."""

    way: str
    milliseconds: float  # for a step
    machine: str


LAPTOP, UNNAMED = "Intel Core Ultra 7 165H ¹", "CPU not named, Ubuntu 24.04 ²"
SOURCES = "¹ github.com/Charbel199/microgpt.cpp\n² github.com/chanjoongx/microgpt-efficiency"
PUBLISHED = (
    Cited("microgpt.py, CPython", 132.4, LAPTOP),  # 22 min 4 s for 10,000 steps
    Cited("microgpt.py, PyPy", 19.6, LAPTOP),
    Cited("C++, first version", 0.33, LAPTOP),
    Cited("C++, and Rust", 0.13, LAPTOP),
    Cited("microgpt.py, CPython", 39.2, UNNAMED),  # medians over 10,000 steps
    Cited("numpy by hand", 0.15, UNNAMED),
    Cited("PyTorch on the CPU", 0.84, UNNAMED),
)

Step = Callable[[Any], float]


def ways(places: int = PLACES) -> dict[str, Step]:
    """Return each way to do a training step: a function of a name to its loss."""
    if str(GPT) not in sys.path:
        sys.path.append(str(GPT))
    program: Any = importlib.import_module("step6_adam")
    data: Any = importlib.import_module("data")
    length, of_program = data.LENGTH, program.LENGTH
    data.LENGTH = program.LENGTH = places
    try:
        starts = [program.initial(random.Random(0)) for _ in range(3)]
        encoded = {name: data.encode(name) for name in NAMES if len(name) < places}
    finally:
        data.LENGTH, program.LENGTH = length, of_program
    np: Any = importlib.import_module("numpy")

    lifted = lift(lambda tokens: program.loss(starts[0], tokens), program.parameters(starts[0]))
    parameters = program.parameters(starts[1])

    def on_values(tokens: Any, theta: Any) -> tuple[float, Any]:
        for parameter, number in zip(parameters, theta, strict=True):
            parameter.data = float(number)
            parameter.zero_grad()
        loss = program.loss(starts[1], tokens[: tokens.index(data.END, 1) + 1])
        loss.backward()
        return loss.data, np.array([parameter.grad for parameter in parameters])

    made: dict[str, Step] = {
        "lifted": _adam(lambda tokens, theta: lifted.value_and_grad([tokens], at=theta), lifted.pack(), program),
        "on Values": _adam(on_values, np.array([parameter.data for parameter in parameters]), program),
    }
    if find_spec("torch"):  # pragma: no branch
        made["PyTorch"] = _in_pytorch(program, starts[2], data.END)
    return {name: _of_a_name(step, encoded) for name, step in made.items()}


def _of_a_name(step: Step, encoded: Mapping[str, Any]) -> Step:
    """The same step for a name as it is written."""
    return lambda name: step(encoded[name])


def _adam(value_and_grad: Callable[[Any, Any], tuple[float, Any]], theta: Any, program: Any) -> Step:
    """A step of step6_adam.py at its first rate; the state stays here."""
    state = [theta, 0 * theta, 0 * theta, 0]

    def step(tokens: Any) -> float:
        theta, mean, square, number = state
        value, gradient = value_and_grad(tokens, theta)
        mean = program.FIRST_DECAY * mean + (1 - program.FIRST_DECAY) * gradient
        square = program.SECOND_DECAY * square + (1 - program.SECOND_DECAY) * gradient**2
        direction = mean / (1 - program.FIRST_DECAY ** (number + 1))
        size = (square / (1 - program.SECOND_DECAY ** (number + 1))) ** 0.5
        state[:] = theta - program.RATE * direction / (size + program.EPSILON), mean, square, number + 1
        return float(value)

    return step


def _in_pytorch(program: Any, start: Any, end: int) -> Step:
    torch: Any = importlib.import_module("torch")
    p = {
        key: torch.tensor([[x.data for x in row] for row in matrix], dtype=torch.float64, requires_grad=True)
        for key, matrix in start.items()
    }
    decays = program.FIRST_DECAY, program.SECOND_DECAY
    optimizer = torch.optim.Adam(p.values(), lr=program.RATE, betas=decays, eps=program.EPSILON)

    def step(name: Any) -> float:
        tokens = torch.tensor(name[: name.index(end, 1) + 1])
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores(program, p, tokens[:-1]), tokens[1:])
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def disagreement(made: dict[str, Step], names: list[str]) -> str | None:
    """Say which way has other losses than the first, in some steps; None if all have the same."""
    losses = {way: [step(name) for name in names] for way, step in made.items()}
    (first, own), *others = losses.items()
    for way, other in others:
        if max(abs(x - y) for x, y in zip(own, other, strict=True)) > TOLERANCE:
            return f"{way} and {first} differ"
    return None


def report(quick: bool) -> None:
    """Print the table."""
    threadpoolctl: Any = importlib.import_module("threadpoolctl")
    if find_spec("torch"):
        importlib.import_module("torch").set_num_threads(1)
    names = [name for name in NAMES if len(name) < PLACES]
    with threadpoolctl.threadpool_limits(1):
        made = ways()
        wrong = disagreement(made, names)
        if wrong:
            raise RuntimeError(f"nothing is timed, since the losses disagree: {wrong}")
        times = {
            way: measured(step, names, (1 if quick else 3) if way == "on Values" else 40) for way, step in made.items()
        }
    table = Table(title="A training step of microgpt, one name", caption=SOURCES)
    for heading in ("way", "time", "÷ lifted", "where"):
        table.add_column(heading, justify="right" if heading in ("time", "÷ lifted") else "left")
    for way, seconds in times.items():
        table.add_row(way, duration(seconds), f"{seconds / times['lifted']:.2f}", "measured here")
    for cited in PUBLISHED:
        seconds = cited.milliseconds / 1000
        table.add_row(cited.way, duration(seconds), f"{seconds / times['lifted']:.2f}", cited.machine)
    Console().print(table)


def measured(step: Step, names: list[str], rounds: int) -> float:
    """Return the median time of a step."""
    times = []
    for _ in range(rounds):
        for name in names:
            start = time.perf_counter()
            step(name)
            times.append(time.perf_counter() - start)
    return median(times)
