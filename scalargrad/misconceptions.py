"""What learners get wrong about gradients, and how to tell from their numbers.

Each misconception is computed: what would somebody answer who has it? An answer that is no right one is compared
with these. One number may fit several misconceptions by chance, so several numbers are compared where there are some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isclose, isfinite
from typing import NamedTuple, TypeVar

from .engine.floats import same
from .engine.value import Value


class Misconception(NamedTuple):
    """A mistake that has a name.

    Attributes:
        name: a few words.
        sentence: what is wrong about it, and what to do.
    """

    name: str
    sentence: str


UPSTREAM_FORGOTTEN = Misconception(
    "upstream forgotten",
    "The local gradient alone is no contribution: multiply it by the upstream gradient, which is what has arrived "
    "at the result.",
)
LOCAL_FORGOTTEN = Misconception(
    "local gradient forgotten",
    "That is the upstream gradient alone: multiply it by the local gradient of the operation.",
)
SUM_FOR_PRODUCT = Misconception(
    "sum for product",
    "The chain rule multiplies: a contribution is the upstream gradient times the local gradient, not plus.",
)
SIGN = Misconception("sign", "The size is right, and the sign is not.")
OTHER_OPERAND = Misconception(
    "the other operand's derivative",
    "That is the derivative in the other operand. In x · y, for example, the one in x is y, and the one in y is x.",
)
AT_THE_RESULT = Misconception(
    "derivative at the result",
    "The derivative is taken at the result of the operation: take it at the operand, where the operation was applied.",
)
OPERAND_FOR_RESULT = Misconception(
    "operand for result", "The formula is right for the result, and you have put the operand in its place."
)
TOTAL_FOR_CONTRIBUTION = Misconception(
    "total for contribution",
    "That is the operand's total after this step: the contribution is only what this step adds to it.",
)
ASSIGNED = Misconception(
    "= for +=",
    "A node that is used twice receives two contributions, and the second has replaced the first: add them up with +=.",
)

Key = TypeVar("Key")


def of_contribution(result: Value, position: int, upstream: float, before: float = 0.0) -> dict[Misconception, float]:
    """Return what each misconception gives for the contribution of a result to one of its operands.

    Those that give the right number here are left out.

    Args:
        result: the node that makes the contribution.
        position: the place of the operand in `result.args`.
        upstream: the gradient of the result.
        before: the operand's total before the contribution.

    >>> x, y = Value(2.0), Value(5.0)
    >>> for misconception, number in of_contribution(x * y, 0, upstream=3.0).items():
    ...     print(misconception.name, number)
    upstream forgotten 5.0
    local gradient forgotten 3.0
    sum for product 8.0
    sign -15.0
    the other operand's derivative 6.0
    """
    assert result.op is not None
    partials, out = result.op.partials, result.data
    operands = [operand.data for operand in result.args]
    local = result.local_gradients[position]
    right = upstream * local
    given = {
        UPSTREAM_FORGOTTEN: local,
        LOCAL_FORGOTTEN: upstream,
        SUM_FOR_PRODUCT: upstream + local,
        SIGN: -right,
    }
    for other, partial in enumerate(partials):
        if other != position:
            given.setdefault(OTHER_OPERAND, upstream * partial(out, *operands))
    if len(operands) == 1:
        given[OPERAND_FOR_RESULT] = upstream * partials[0](operands[0], operands[0])
    operands[position] = out
    given[AT_THE_RESULT] = upstream * partials[position](result.op.value(*operands), *operands)
    given[TOTAL_FOR_CONTRIBUTION] = before + right
    return {misconception: number for misconception, number in given.items() if not close(number, right)}


def agreeing(answers: Sequence[float], given: Mapping[Key, Sequence[float]], *, rtol: float = 1e-6) -> list[Key]:
    """Return the misconceptions that give these answers, all of them.

    >>> agreeing([5.0, 2.0], {"swapped": [5.0, 2.0], "sign": [-2.0, -5.0]})
    ['swapped']
    """
    return [key for key, numbers in given.items() if all_close(answers, numbers, rtol=rtol)]


def all_close(answers: Sequence[float], numbers: Iterable[float], *, rtol: float = 1e-6) -> bool:
    """Return whether there are as many answers as numbers, and each is close to its number."""
    wanted = list(numbers)
    return len(answers) == len(wanted) and all(
        close(answer, number, rtol=rtol) for answer, number in zip(answers, wanted, strict=True)
    )


def close(answer: float, number: float, *, rtol: float = 1e-6) -> bool:
    """Return whether an answer is a number, up to rounding.

    >>> close(0.1 + 0.2, 0.3), close(0.3, -0.3), close(float("nan"), float("nan"))
    (True, False, True)
    """
    if not (isfinite(answer) and isfinite(number)):
        return same(answer, number)
    return isclose(answer, number, rel_tol=rtol, abs_tol=rtol * 1e-6)
