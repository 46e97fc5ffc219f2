"""Gradient checkers side by side: who blames the right, who passes the wrong, and what it costs.

The functions are the same for all, spelled in each library's own operations, and so are the faults:
one rule of the function, multiplied by 1.001, -1, 0 or one half wherever the function applies it.
Torch's `gradcheck` and HIPS autograd's `check_grads` run with their defaults, and both pass or fail;
`gradcheck` here may say that it cannot tell, which is no pass. Times are the processor's.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cases import Case, Fault, random_case, random_fault
from benchmarks.checkers import CHECKERS, Ours
from scalargrad import gradcheck, nn

CASES = 10_000
SEED = 2024
SMALL_EFFECT = 5e-4  # a wrong rule that changes no derivative by this part of its size


def report(quick: bool) -> None:
    """Print the counts of false alarms and misses, and the growth of cost."""
    console = Console()
    cases = 100 if quick else CASES
    console.print(_right(cases))
    console.print(_wrong(cases))
    console.print(_growth_with_nodes((30, 100) if quick else (30, 100, 300, 1_000, 3_000)))
    console.print(_growth_with_inputs((1, 4) if quick else (1, 4, 16, 64)))
    console.print(_many_parameters((4, 8) if quick else (8, 30, 98)))


# ---------------------------------------------------------------- right and wrong


def _right(cases: int) -> Table:
    """Random functions whose rules are right."""
    rng = random.Random(SEED)
    counts: dict[str, Counter[str]] = {checker.name: Counter() for checker in CHECKERS}
    for _ in range(cases):
        case = random_case(rng)
        for checker in CHECKERS:
            counts[checker.name][checker.verdict(case, None)] += 1
    table = Table(title=f"{cases:,} random functions with right rules, seed {SEED}")
    for heading in ("checker", "passed", "false alarms", "cannot tell"):
        table.add_column(heading, justify="left" if heading == "checker" else "right")
    for name, verdicts in counts.items():
        table.add_row(name, f"{verdicts['passed']:,}", f"{verdicts['failed']:,}", f"{verdicts['cannot tell']:,}")
    return table


def _wrong(cases: int) -> Table:
    """Random functions in which one rule is wrong."""
    rng = random.Random(SEED + 1)
    counts: dict[tuple[str, bool], Counter[str]] = {
        (checker.name, small): Counter() for checker in CHECKERS for small in (False, True)
    }
    named = tried = 0
    while tried < cases:
        case = random_case(rng)
        fault = random_fault(rng, case)
        if fault is None:
            continue
        tried += 1
        small = _effect(case, fault) < SMALL_EFFECT
        report = Ours.report(case, fault)
        named += Ours.names(report, fault)
        counts[Ours.name, small][Ours.word(report)] += 1
        for checker in CHECKERS[1:]:
            counts[checker.name, small][checker.verdict(case, fault)] += 1
    table = Table(
        title=f"{cases:,} random functions with one wrong rule, seed {SEED + 1}; the culprit is named in {named:,}"
    )
    for heading in ("checker", "the wrong rule changes", "caught", "missed", "cannot tell"):
        table.add_column(heading, justify="left" if heading in {"checker", "the wrong rule changes"} else "right")
    for (name, small), verdicts in counts.items():
        what = "no derivative by 0.05%" if small else "a derivative by 0.05% or more"
        table.add_row(name, what, f"{verdicts['failed']:,}", f"{verdicts['passed']:,}", f"{verdicts['cannot tell']:,}")
    return table


def _effect(case: Case, fault: Fault) -> float:
    """By what part of its size a wrong rule changes a derivative, at most."""
    effect = 0.0
    for right, wrong in zip(Ours.gradient(case, None), Ours.gradient(case, fault), strict=True):
        if right != wrong:
            effect = max(effect, abs(right - wrong) / max(abs(right), abs(wrong)))
    return effect


# ---------------------------------------------------------------- cost


def chain(nodes: int, inputs: int) -> Case:
    """A function of so many numbers, as a chain of small neurons that read them in turn."""
    instructions: list[tuple[str, tuple[int | float, ...]]] = []
    last = 0
    while len(instructions) < nodes:
        place = inputs + len(instructions)
        instructions += [
            ("multiply", (last, 0.7)),
            ("add", (place, len(instructions) // 3 % inputs)),
            ("tanh", (place + 1,)),
        ]
        last = place + 2
    return Case(tuple(0.1 + 0.8 * i / inputs for i in range(inputs)), tuple(instructions))


def _growth_with_nodes(sizes: tuple[int, ...]) -> Table:
    return _growth("operations, of 4 numbers", {size: chain(size, 4) for size in sizes})


def _growth_with_inputs(sizes: tuple[int, ...]) -> Table:
    return _growth("numbers, 300 operations", {size: chain(300, size) for size in sizes})


def _growth(what: str, cases: dict[int, Case]) -> Table:
    table = Table(title=f"Milliseconds to check a chain of small neurons, and times the first: {what}")
    table.add_column(what.partition(",")[0], justify="right")
    for checker in CHECKERS:
        table.add_column(checker.name, justify="right")
    first: dict[str, float] = {}
    for size, case in cases.items():
        cells = []
        for checker in CHECKERS:
            cost = seconds(partial(checker.verdict, case, None))
            cells.append(f"{cost * 1e3:.1f}  ×{cost / first.setdefault(checker.name, cost):.1f}")
        table.add_row(f"{size:,}", *cells)
    return table


def _many_parameters(widths: tuple[int, ...]) -> Table:
    table = Table(title="A network and its loss, in 8 random directions: seconds")
    for heading in ("parameters", "nodes", "evaluations", "seconds", "microseconds a node"):
        table.add_column(heading, justify="right")
    for width in widths:
        model = nn.MLP(2, [width, width, 1], "tanh", rng=0)
        start = time.process_time()
        report = gradcheck(partial(_loss, model), wrt=model, directions=8)
        cost = time.process_time() - start
        assert report
        tried = report.tried
        table.add_row(
            f"{len(model.parameters()):,}",
            f"{tried['nodes']:,}",
            f"{tried['evaluations']:,}",
            f"{cost:.2f}",
            f"{cost / tried['nodes'] * 1e6:.0f}",
        )
    return table


def _loss(model: nn.MLP) -> Any:
    return model([1.0, -2.0]) ** 2


def seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """The processor's time for one run, the median of a few."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return median(times)
