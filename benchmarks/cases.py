"""Random functions of a few numbers, spelled for every engine alike, and rules to spoil in them.

A case is a straight-line program with shared nodes and a point. Operations are chosen among those
that are defined where their operands happen to be; nothing keeps away from kinks, edges and large
slopes but chance. Scales vary from a millionth to a million.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from scalargrad.engine.declaration import named

UNARY: dict[str, Callable[[float], bool]] = {
    "negative": lambda x: True,
    "exp": lambda x: abs(x) < 20,
    "expm1": lambda x: abs(x) < 20,
    "log": lambda x: x > 0,
    "log1p": lambda x: x > -1,
    "sqrt": lambda x: x > 0,
    "sin": lambda x: abs(x) < 100,
    "cos": lambda x: abs(x) < 100,
    "tan": lambda x: abs(x) < 100,
    "asin": lambda x: abs(x) < 1,
    "acos": lambda x: abs(x) < 1,
    "atan": lambda x: True,
    "sinh": lambda x: abs(x) < 20,
    "cosh": lambda x: abs(x) < 20,
    "tanh": lambda x: True,
    "abs": lambda x: x != 0,
    "relu": lambda x: x != 0,
    "sigmoid": lambda x: abs(x) < 300,
    "softplus": lambda x: abs(x) < 300,
    "square": lambda x: True,
}
BINARY: dict[str, Callable[[float, float], bool]] = {
    "add": lambda x, y: True,
    "subtract": lambda x, y: True,
    "multiply": lambda x, y: True,
    "divide": lambda x, y: y != 0,
    "maximum": lambda x, y: x != y,
    "minimum": lambda x, y: x != y,
}
LARGE = 1e12
Instruction = tuple[str, tuple[int | float, ...]]


class Case(NamedTuple):
    """A function and a point: an int among the operands is the place of an earlier number, a float a plain number."""

    point: tuple[float, ...]
    instructions: tuple[Instruction, ...]


class Fault(NamedTuple):
    """A rule to spoil: the operation, the operand, and what its derivative is multiplied by."""

    name: str
    operand: int
    factor: float


FACTORS = (1.001, -1.0, 0.0, 0.5)


def value_of(name: str, operands: Sequence[float]) -> float:
    """What an operation gives for plain numbers."""
    return operands[0] * operands[0] if name == "square" else named(name).value(*operands)


def random_case(rng: random.Random) -> Case:
    """Return a function that is finite at its point and depends on it."""
    while True:
        point = tuple(_number(rng) for _ in range(rng.randint(1, 3)))
        numbers, instructions = list(point), []
        for _ in range(rng.randint(1, 10)):
            # the latest result more often than others, so that most of a program counts
            first = len(numbers) - 1 if rng.random() < 0.6 else rng.randrange(len(numbers))
            operands: tuple[int | float, ...] = (first,)
            if rng.random() < 0.5:
                second = rng.randrange(len(numbers)) if rng.random() < 0.7 else _number(rng)
                operands = (first, second) if rng.random() < 0.5 else (second, first)
            given = [numbers[x] if isinstance(x, int) else x for x in operands]
            tables: dict[int, Mapping[str, Callable[..., bool]]] = {1: UNARY, 2: BINARY}
            name = rng.choice([name for name, holds in tables[len(operands)].items() if holds(*given)])
            result = value_of(name, given)
            if not math.isfinite(result) or abs(result) > LARGE:
                continue
            instructions.append((name, operands))
            numbers.append(result)
        if instructions:
            return _without_what_is_unused(Case(point, tuple(instructions)))


def _without_what_is_unused(case: Case) -> Case:
    """The same function, without instructions that its result does not come from."""
    inputs = len(case.point)
    used = {inputs + len(case.instructions) - 1}
    for i, (_, operands) in reversed(list(enumerate(case.instructions, inputs))):
        if i in used:
            used |= {operand for operand in operands if isinstance(operand, int)}
    places = {old: new for new, old in enumerate([*range(inputs), *sorted(i for i in used if i >= inputs)])}
    kept = []
    for i, (name, operands) in enumerate(case.instructions, inputs):
        if i in used:
            kept.append((name, tuple([places[x] if isinstance(x, int) else x for x in operands])))
    return Case(case.point, tuple(kept))


def _number(rng: random.Random) -> float:
    if rng.random() < 0.5:
        return float(f"{rng.uniform(-4, 4):.3g}") or 1.0
    return rng.choice((-1.0, 1.0)) * float(f"{10 ** rng.uniform(-6, 6):.3g}")


def random_fault(rng: random.Random, case: Case) -> Fault | None:
    """Return a rule that the function uses, and what to multiply it by.

    Where the function uses it, the rule must give a number that a factor makes wrong: not 0, and not
    something like cos(π/2) = 6e-17 or 1 - tanh(18)² = 2e-16, which is nothing but rounding. None if
    there is none.
    """
    numbers, places = list(case.point), []
    for name, operands in case.instructions:
        given = [numbers[x] if isinstance(x, int) else x for x in operands]
        numbers.append(value_of(name, given))
        rules = [lambda out, x: 2 * x] if name == "square" else named(name).partials
        for k, operand in enumerate(operands):
            local = rules[k](numbers[-1], *given)
            nearby = [x * (1 + 2**-50) for x in given]
            off = abs(rules[k](value_of(name, nearby), *nearby) - local)
            off += abs(rules[k](numbers[-1] * (1 + 2**-50), *given) - local)
            if isinstance(operand, int) and math.isfinite(local) and off < 1e-4 * abs(local):
                places.append((name, k))
    return Fault(*rng.choice(places), rng.choice(FACTORS)) if places else None


def run(
    case: Case,
    inputs: Sequence[Any],
    functions: Mapping[str, Callable[..., Any]],
    spoiled: Callable[[str, int, Any], Any] = lambda name, k, operand: operand,
) -> Any:
    """Return the result on inputs of any engine; `spoiled` may wrap an operand so that its gradient is wrong."""
    numbers = list(inputs)
    for name, operands in case.instructions:
        given = [
            spoiled(name, k, numbers[operand]) if isinstance(operand, int) else operand
            for k, operand in enumerate(operands)
        ]
        numbers.append(functions[name](*given))
    return numbers[-1]
