"""One step of the backward pass: the contribution of one result to one of its operands.

    dL/da += dL/dd · ∂d/∂a = 1.0 × -3.0 = -3.0   (0.0 → -3.0)

`dL/da` is a gradient: the derivative of the end of the graph along all paths. `∂d/∂a` is a local gradient: the
derivative of one operation with respect to one operand. The contribution is the result's gradient, which is
complete by then, times the local gradient. It is added to the operand's total. The line is in the names of the
nodes, with numbers rounded as in every view, so that a person can check it with a pencil; the attributes have every
digit.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ...engine.declaration import Primitive, formula
from ...engine.value import Value
from ...terminal import cells, cut, fitted, width_of
from ..names import DIGITS, atom, gradient_name, local_gradient_name, shown

ROOM = 40  # cells for a name
ROOMS = (ROOM, 24, 16, 12, 8, 3)  # for each name of a line, until the line fits
_NAME = re.compile(r"\{\d+\}")


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One contribution of a result to an operand. It prints as one line to check with a pencil.

    Attributes:
        index: its place in the sequence of steps, from 0.
        result: the node that makes the contribution.
        operand: the node that it is added to.
        position: the place of that operand in `result.args`.
        operation: the name of the operation that made the result.
        formula: the local gradient ∂result/∂operand, in the names of the nodes.
        local: the local gradient's number.
        upstream: the result's gradient.
        before: the operand's total before this step.
        after: the operand's total after it: before + local × upstream.
        whole: what is differentiated, by name.
        called: the result and each of its operands, by name.
        digits: of each number in the line; None for all.
    """

    index: int
    result: Value
    operand: Value
    position: int
    operation: str
    formula: str
    local: float
    upstream: float
    before: float
    after: float
    whole: str = field(compare=False)
    called: tuple[str, ...] = field(compare=False)
    digits: int | None = field(default=DIGITS, compare=False)

    @property
    def product(self) -> float:
        """The contribution: local × upstream."""
        return self.local * self.upstream

    @property
    def names(self) -> tuple[str, str, str]:
        """What is differentiated, the result and the operand, by name."""
        return self.whole, self.called[0], self.called[1 + self.position]

    def as_dict(self) -> dict[str, Any]:
        """Return the step as plain data, with names in place of nodes."""
        _, result, operand = self.names
        return {
            "index": self.index,
            "result": result,
            "operand": operand,
            "operation": self.operation,
            "formula": self.formula,
            "local": self.local,
            "upstream": self.upstream,
            "product": self.product,
            "before": self.before,
            "after": self.after,
        }

    @property
    def computed(self) -> str:
        """How the result was computed: `d = a * b`."""
        return self._computed(ROOM)

    @property
    def because(self) -> str:
        """The formula of the local gradient, as an equation: `∂d/∂a = b`.

        Where the operand occurs several times, as in `a * a`, it says which occurrence this step is for.
        """
        return self._because(ROOM)

    @property
    def which(self) -> str:
        """Which occurrence of the operand this step is for, where there are several: ` (as operand 1)`; else ""."""
        return f" (as operand {self.position + 1})" if self.result.args.count(self.operand) > 1 else ""

    @property
    def arithmetic(self) -> str:
        """The numbers of the step: `1.0 × -3.0 = -3.0   (0.0 → -3.0)`."""
        numbers = (self.upstream, self.local, self.product, self.before, self.after)
        upstream, local, product, before, after = (shown(x, self.digits) for x in numbers)
        return f"{upstream} × {local} = {product}   ({before} → {after})"

    @property
    def reason(self) -> str:
        """Both: `d = a * b, so ∂d/∂a = b`."""
        return self.reason_line()

    def reason_line(self, width: int | None = None) -> str:
        """Return the reason as one line.

        Where it is too long, names are shortened in the middle, and at last how the result was computed is left out.

        Args:
            width: how many cells the line may have; None for any.
        """
        for room in ROOMS:
            line = f"{self._computed(room)}, so {self._because(room)}"
            if width is None or cells(line) <= width:
                return line
        assert width is not None
        return cut(self._because(ROOMS[-1]), width)

    def _computed(self, room: int) -> str:
        assert self.result.op is not None
        result, *operands = self._short_names(room)
        return f"{result} = {applied(self.result.op, operands)}"

    def _because(self, room: int) -> str:
        assert self.result.op is not None
        names = self._short_names(room)
        local = local_gradient_name(names[0], names[1 + self.position])
        return f"{local} = {local_formula(self.result.op, self.position, names)}{self.which}"

    def _short_names(self, room: int) -> list[str]:
        """The names of the result and its operands, each in so many cells."""
        return [fitted(name, room) for name in self.called]

    def line(self, width: int | None = None) -> str:
        """Return the step as one line.

        Where it is too long, names are shortened in the middle, and at last the chain rule is left out.

        Args:
            width: how many cells the line may have; None for any.
        """
        line = ""
        for has_chain, room in [(True, room) for room in ROOMS[:-1]] + [(False, room) for room in ROOMS]:
            whole, result, operand = (fitted(name, room) for name in self.names)
            chain = f" {gradient_name(whole, result)} · {local_gradient_name(result, operand)} =" if has_chain else ""
            line = f"{gradient_name(whole, operand)} +={chain} {self.arithmetic}"
            if width is None or cells(line) <= width:
                break
        return line

    def __repr__(self) -> str:
        return self.line(width_of(sys.stdout))


class Contributions(tuple[Step, ...]):
    """Some steps in order; they print as a line each."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no steps"


def applied(primitive: Primitive, names: Sequence[str]) -> str:
    """Return how an operation is written on operands of these names.

    >>> from scalargrad import multiply
    >>> applied(multiply, ["a + b", "-2"])
    '(a + b) * (-2)'
    """
    return primitive.notation.format(*map(atom, names))


def local_formula(primitive: Primitive, position: int, names: Sequence[str]) -> str:
    """Return a local gradient in the names of the result and its operands.

    >>> from scalargrad import tanh
    >>> local_formula(tanh, 0, ("out", "x1*w1"))
    '1 - out * out'
    """
    template = _template(primitive, position)
    return names[int(template[1:-1])] if _NAME.fullmatch(template) else template.format(*map(atom, names))


@lru_cache(maxsize=256)
def _template(primitive: Primitive, position: int) -> str:
    """The declared formula with `{0}` for the result and `{1}`, `{2}`, … for the operands."""
    return formula(primitive, position, [f"{{{i}}}" for i in range(primitive.arity + 1)])
