"""Questions about a backward pass, which ask for the next contribution.

An answer is right to three significant digits. A wrong one is compared with what misconceptions give, so that the
learner reads what has gone wrong. `misconceptions.py`, at the top of the package, has those.

A right answer gives a point; after a hint or a wrong answer, half a point; a contribution that was revealed, none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...engine.value import Constant
from ...misconceptions import Misconception, close, of_contribution
from ...terminal import fitted
from ..names import gradient_name, local_gradient_name, shown
from .data import page_data, plain
from .step import ROOM, Step
from .steps import Steps

DIGITS = 5e-3  # how far off an answer of three significant digits may be, relatively
RIGHT, HELPED, REVEALED = 1.0, 0.5, 0.0  # points
EXAMPLES = "-0.5, −0,5 or -1/2"
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?"
_ANSWER = re.compile(rf"({_NUMBER})(?:/({_NUMBER}))?")
_INFINITE = {"inf": math.inf, "infinity": math.inf, "∞": math.inf, "nan": math.nan}


def number_of(text: str) -> float:
    """Return the number that a learner typed: a decimal point or comma, any minus sign, a fraction.

    >>> number_of("-0.5"), number_of("−0,5"), number_of(" -1 / 2 "), number_of("2e-3"), number_of("-inf")
    (-0.5, -0.5, -0.5, 0.002, -inf)

    Raises:
        ValueError: when it is no number.
    """
    plain_text = re.sub(r"\s+", "", text).replace("−", "-").replace("–", "-").lower()
    sign = -1.0 if plain_text.startswith("-") else 1.0
    if plain_text.lstrip("+-") in _INFINITE and len(plain_text) - len(plain_text.lstrip("+-")) <= 1:
        return sign * _INFINITE[plain_text.lstrip("+-")]
    match = _ANSWER.fullmatch(plain_text.replace(",", "."))
    if not match or (match[2] and float(match[2]) == 0):
        raise ValueError(f"expected a number such as {EXAMPLES}, got {fitted(text.strip(), ROOM)}")
    return float(match[1]) / float(match[2] or 1)


class Question(NamedTuple):
    """The question what a step contributes.

    >>> from scalargrad import Value, steps
    >>> x = Value(2.0, label="x")
    >>> walk = steps((x * x * 3.0).exp())
    >>> question = Question(walk[1])
    >>> print(question.text)
    df/dv1 += df/dv2 · ∂v2/∂v1 = ?
    >>> question.is_right(488264), [behind.name for behind in question.behind(3.0)]
    (True, ['upstream forgotten'])
    """

    step: Step

    @property
    def text(self) -> str:
        """The chain rule of the step, with its product left out."""
        whole, result, operand = (fitted(name, ROOM) for name in self.step.names)
        chain = f"{gradient_name(whole, result)} · {local_gradient_name(result, operand)}{self.step.which}"
        return f"{gradient_name(whole, operand)} += {chain} = ?"

    @property
    def given(self) -> str:
        """The numbers to compute it from: the result, its operands, and the upstream gradient."""
        step = self.step
        whole, result, _ = (fitted(name, ROOM) for name in step.names)
        operands = {
            fitted(name, ROOM): node
            for name, node in zip(step.called[1:], step.result.args, strict=True)
            if node.__class__ is not Constant
        }
        numbers = [f"{step.computed} = {shown(step.result.data, step.digits)}"]
        numbers += [f"{name} = {shown(node.data, step.digits)}" for name, node in operands.items()]
        numbers.append(f"{gradient_name(whole, result)} = {shown(step.upstream, step.digits)}")
        return "   ".join(numbers)

    @property
    def hint(self) -> str:
        """The formula of the local gradient."""
        return self.step.because

    @property
    def mistakes(self) -> dict[Misconception, float]:
        """What each misconception gives here, as far as that is a wrong answer."""
        step = self.step
        given = of_contribution(step.result, step.position, step.upstream, step.before)
        return {behind: number for behind, number in given.items() if not self.is_right(number)}

    def is_right(self, answer: float) -> bool:
        """Return whether an answer is the contribution, to three significant digits."""
        return close(answer, self.step.product, rtol=DIGITS)

    def behind(self, answer: float) -> list[Misconception]:
        """Return the misconceptions that give this answer."""
        return [behind for behind, number in self.mistakes.items() if close(answer, number, rtol=DIGITS)]


def quiz_data(walk: Steps) -> dict[str, Any]:
    """Return the backward pass as plain data, as `page_data` does, with what misconceptions give at each step.

    Each step has `mistakes`: a list of pairs, of a place in the list `misconceptions` and a number. A misconception
    is a name and a sentence.

    >>> from scalargrad import Value, steps
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> data = quiz_data(steps(a * b, 2.0))
    >>> [(data["misconceptions"][i]["name"], number) for i, number in data["steps"][0]["mistakes"]]
    [('upstream forgotten', -3.0), ('local gradient forgotten', 2.0), ...]
    """
    data = page_data(walk)
    known: dict[Misconception, int] = {}
    for step, described in zip(walk, data["steps"], strict=True):
        described["mistakes"] = [
            [known.setdefault(behind, len(known)), plain(number)] for behind, number in Question(step).mistakes.items()
        ]
    return {**data, "misconceptions": [behind._asdict() for behind in known]}


def points_of(points: Sequence[float]) -> str:
    """Return a score as text.

    >>> points_of([1.0, 0.5, 0.0])
    '1.5 of 3'
    """
    return f"{sum(points):g} of {len(points):,}"
