"""Random functions: no right rule is blamed, no wrong one passes. The benchmark `check` tries ten thousand of each."""

from __future__ import annotations

import random
from typing import Any

import pytest

from benchmarks.cases import BINARY, FACTORS, UNARY, Case, random_case, random_fault, run
from scalargrad import gradcheck
from scalargrad.check.detects import spoiled
from scalargrad.engine import modes
from scalargrad.engine.declaration import named

FUNCTIONS: dict[str, Any] = {name: named(name) for name in [*UNARY, *BINARY] if name != "square"} | {
    "square": lambda x: x**2
}
CASES = 150


@pytest.mark.parametrize(("order", "cases"), [(1, CASES), (2, CASES // 3)])
def test_no_right_rule_is_blamed(order: int, cases: int) -> None:
    """Of random functions at random points, near kinks and edges or not, none is found wrong, most are shown right."""
    rng = random.Random(order)
    unknown = 0
    for _ in range(cases):
        case = random_case(rng)
        report = gradcheck(lambda *inputs, c=case: run(c, inputs, FUNCTIONS), *case.point, order=order)
        assert not report.wrong, f"{case}\n{report}"
        unknown += not report
    assert unknown <= cases / 25


def test_no_wrong_rule_passes() -> None:
    """With one rule multiplied by 1.001, -1, 0 or one half none passes, and the operation is named in nearly all."""
    rng = random.Random(3)
    tried = named_right = 0
    while tried < CASES:
        case = random_case(rng)
        fault = random_fault(rng, case)
        if fault is None:
            continue
        tried += 1
        op = named("power" if fault.name == "square" else fault.name)
        with modes.instead(op, spoiled(op, fault.operand, fault.factor)):
            report = gradcheck(lambda *inputs, c=case: run(c, inputs, FUNCTIONS), *case.point)
        assert not report, f"{case}\n{fault}\n{report}"
        named_right += any(culprit.primitive == op.name for culprit in report.culprits)
    assert named_right >= 0.99 * tried


def test_cases_are_what_they_say() -> None:
    """A seed gives the same cases; every instruction is used; faults are in rules that the function applies."""
    first, second = ([random_case(random.Random(9)) for _ in range(20)] for _ in range(2))
    assert first == second
    rng = random.Random(4)
    for _ in range(200):
        case = random_case(rng)
        used = {x for _, operands in case.instructions for x in operands if isinstance(x, int)}
        inputs = len(case.point)
        assert used >= set(range(inputs, inputs + len(case.instructions) - 1))
        fault = random_fault(rng, case)
        if fault is not None:
            assert fault.factor in FACTORS
            applied = [operands for name, operands in case.instructions if name == fault.name]
            assert any(isinstance(operands[fault.operand], int) for operands in applied)


def test_a_function_of_nothing_but_rounding_has_no_fault_to_offer() -> None:
    """Negative control: where every rule is 0 or rounding, there is none to spoil."""
    assert random_fault(random.Random(0), Case((1e9,), (("tanh", (0,)),))) is None
