"""The backward pass one contribution at a time, forwards and backwards.

A step is one term of one sum: a result hands to one of its operands its own gradient, which is
complete by then, times the local one, and the operand's total grows by it:

    ∂L/∂a += ∂L/∂d · ∂d/∂a = 1.0 × -3.0 = -3.0   (0.0 → -3.0)

The steps are those of `sweep.py`, which is run once and observed. What it did is kept as plain
numbers in arrays, so that a million steps take little room; the cursor is one number, and where it
stands every total is looked up, not computed. So going back is exact, and no node is touched.

The sweep begins with ∂L/∂L = 1.0, the seed: that is no step, it is there before the first one.
What a result hands to a constant is none either: a constant takes no gradient.
"""

from __future__ import annotations

import operator
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any, overload

from ..declaration import Primitive, formula
from ..floats import number
from ..sweep import sweep, topological_order
from ..value import Constant, Value
from .names import atom, derivative, exact, node_names

_NAME = re.compile(r"\{\d+\}")


def steps(value: Value, gradient: float = 1.0, *, names: Mapping[str, object] | None = None) -> Steps:
    """Run the backward pass from a value and return each step of it, with a cursor at the start.

    Nothing is added to any `.grad`.

    Args:
        value: where the pass starts.
        gradient: the seed, ∂L/∂L.
        names: variables by name, such as `locals()`, to call those Values by that have no label.

    >>> from scalargrad import Value, steps
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> L = a * b + a
    >>> L.label = "L"
    >>> walk = steps(L)
    >>> walk.next()
    ∂L/∂v1 += ∂L/∂L · ∂L/∂v1 = 1.0 × 1.0 = 1.0   (0.0 → 1.0)
    >>> for step in walk.into("a"):
    ...     print(step)
    ∂L/∂a += ∂L/∂L · ∂L/∂a = 1.0 × 1.0 = 1.0   (0.0 → 1.0)
    ∂L/∂a += ∂L/∂v1 · ∂v1/∂a = 1.0 × -3.0 = -3.0   (1.0 → -2.0)

    Raises:
        TypeError: when it is no Value, the gradient no number, or the names no mapping.
    """
    return Steps(value, gradient, names)


# ---------------------------------------------------------------- one step


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One contribution of a result to an operand. It prints as one line to check with a pencil.

    Attributes:
        index: its place among the steps, from 0.
        result: the node that hands on its gradient.
        operand: the node that gets it.
        position: the place of that operand in `result.args`.
        operation: the name of the operation that made the result.
        formula: the local derivative ∂result/∂operand, in the names of the nodes.
        local: the local derivative's number.
        upstream: the result's gradient.
        before: the operand's total before this step.
        after: the operand's total after it: before + local × upstream.
        names: what the value that is differentiated, the result and the operand are called.
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
    names: tuple[str, str, str]

    @property
    def product(self) -> float:
        """What the operand is handed: local × upstream."""
        return self.local * self.upstream

    def as_dict(self) -> dict[str, Any]:
        """Return the step as plain data, with names in place of nodes."""
        return {
            "index": self.index,
            "result": self.names[1],
            "operand": self.names[2],
            "operation": self.operation,
            "formula": self.formula,
            "local": self.local,
            "upstream": self.upstream,
            "product": self.product,
            "before": self.before,
            "after": self.after,
        }

    def __repr__(self) -> str:
        whole, result, operand = self.names
        chain = f"{derivative(whole, operand)} += {derivative(whole, result)} · {derivative(result, operand)}"
        numbers = f"{exact(self.upstream)} × {exact(self.local)} = {exact(self.product)}"
        return f"{chain} = {numbers}   ({exact(self.before)} → {exact(self.after)})"


class Contributions(tuple[Step, ...]):
    """Some steps in order; they print as a line each."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no steps"


# ---------------------------------------------------------------- all of them


class Steps(Sequence[Step]):
    """The steps of a backward pass: a sequence of `Step`, and a cursor between them.

    The cursor's `position` is the number of steps made; `walk[walk.position]` is the next one.

    Attributes:
        value: the node the pass started from.
        seed: its gradient.
        order: every node, operands first, as the sweep's order has them.
        names: what each node is called.
        position: how many steps have been made.
        watched: the nodes whose totals are kept in view.
    """

    def __init__(self, value: Value, gradient: float = 1.0, names: Mapping[str, object] | None = None) -> None:
        if not isinstance(value, Value):
            raise TypeError(f"steps are those of a Value, got {value!r} of type {type(value).__name__}")
        self.value = value
        self.seed = number(gradient, "gradient")
        self.position = 0
        self.watched: tuple[Value, ...] = ()
        gradients = topological_order(value)
        self.order = list(gradients)
        self._index = {node: i for i, node in enumerate(self.order)}
        self.names = node_names(self.order, names)
        self._results, self._operands, self._positions = array("q"), array("q"), array("q")
        self._locals, self._upstreams = array("d"), array("d")
        self._before, self._after = array("d"), array("d")
        gradients[value] = self.seed
        sweep(gradients, self._observe)

    def _observe(
        self, result: Value, position: int, local: float, upstream: float, before: float, after: float
    ) -> None:
        operand = result.args[position]
        if operand.__class__ is Constant:
            return
        self._results.append(self._index[result])
        self._operands.append(self._index[operand])
        self._positions.append(position)
        self._locals.append(local)
        self._upstreams.append(upstream)
        self._before.append(before)
        self._after.append(after)

    # a sequence

    def __len__(self) -> int:
        return len(self._after)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Contributions: ...
    def __getitem__(self, index: int | slice) -> Step | Contributions:
        if isinstance(index, slice):
            return Contributions(self[i] for i in range(*index.indices(len(self))))
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"there is no step {i}: {self._extent()}")
        i %= len(self)
        result, position = self.order[self._results[i]], self._positions[i]
        operand = self.order[self._operands[i]]
        assert result.op is not None
        names = self.names[result], *(self.names[node] for node in result.args)
        return Step(
            index=i,
            result=result,
            operand=operand,
            position=position,
            operation=result.op.name,
            formula=_formula(result.op, position, names),
            local=self._locals[i],
            upstream=self._upstreams[i],
            before=self._before[i],
            after=self._after[i],
            names=(self.names[self.value], names[0], names[1 + position]),
        )

    def _extent(self) -> str:
        if not len(self):
            return f"{self.names[self.value]} was computed from nothing, so there are no steps"
        return f"the steps of {self.names[self.value]} are 0 to {len(self) - 1}"

    # a cursor

    def next(self) -> Step | None:
        """Make one step and return it; None when all have been made."""
        if self.position == len(self):
            return None
        self.position += 1
        return self[self.position - 1]

    def back(self) -> Step | None:
        """Take one step back and return it; None when none has been made."""
        if self.position == 0:
            return None
        self.position -= 1
        return self[self.position]

    def next_node(self) -> Contributions:
        """Make the steps up to where the next result starts to hand on its gradient, and return them."""
        start = self.position
        self.position = self._end_of_group(start)
        return self[start : self.position]

    def back_node(self) -> Contributions:
        """Take back the steps of the result that last handed on its gradient, and return them."""
        end = self.position
        self.position = self._start_of_group(end)
        return self[self.position : end]

    def by_node(self) -> Iterator[Contributions]:
        """Yield the steps of each result together, wherever the cursor is."""
        start = 0
        while start < len(self):
            end = self._end_of_group(start)
            yield self[start:end]
            start = end

    def _end_of_group(self, start: int) -> int:
        end = start
        while end < len(self) and self._results[end] == self._results[start]:
            end += 1
        return end

    def _start_of_group(self, end: int) -> int:
        start = end
        while start > 0 and self._results[start - 1] == self._results[end - 1]:
            start -= 1
        return start

    def first(self) -> Steps:
        """Go to the start, where no step has been made."""
        self.position = 0
        return self

    def last(self) -> Steps:
        """Go to the end, where all steps have been made."""
        self.position = len(self)
        return self

    def to(self, place: int | str | Value) -> Steps:
        """Go to where a step comes next: the one of that index, or the first into the node of that name.

        The index may be the number of steps, too: there, all have been made.

        Raises:
            IndexError: when there is no such step.
            LookupError: when there is no such node, or no step into it.
            TypeError: when the place is none of these.
        """
        if isinstance(place, (str, Value)):
            node = self.node(place)
            i = self._index[node]
            if self._starts[i] < self._starts[i + 1]:
                self.position = self._into[self._starts[i]]
            elif node is self.value:
                self.position = 0
            else:
                raise LookupError(f"{self.names[node]} is a constant: no step leads to it")
            return self
        if isinstance(place, bool) or not hasattr(place, "__index__"):
            wanted = "an index, a name or a Value"
            raise TypeError(f"a place among the steps is {wanted}, got {place!r} of type {type(place).__name__}")
        position = operator.index(place)
        if not 0 <= position <= len(self):
            raise IndexError(f"there is no step {position}: {self._extent()}")
        self.position = position
        return self

    def watch(self, *nodes: Value | str) -> Steps:
        """Keep the totals of these nodes in view, wherever the cursor is; of none, without any.

        Raises:
            LookupError: when there is no such node.
        """
        self.watched = tuple(self.node(node) for node in nodes)
        return self

    # totals

    def total(self, node: Value | str) -> float | None:
        """Return a node's gradient as far as it has come at the cursor; None where nothing has reached it yet."""
        i = self._index[self.node(node)]
        made = bisect_left(self._into, self.position, self._starts[i], self._starts[i + 1])
        if made > self._starts[i]:
            return self._after[self._into[made - 1]]
        return self.seed if i == len(self.order) - 1 else None

    def into(self, node: Value | str) -> Contributions:
        """Return all the steps that contribute to a node."""
        i = self._index[self.node(node)]
        return Contributions(self[j] for j in self._into[self._starts[i] : self._starts[i + 1]])

    def node(self, wanted: Value | str) -> Value:
        """Return the node of that name, or the node itself if it is one of these steps'.

        Raises:
            LookupError: when there is none.
        """
        if isinstance(wanted, Value):
            if wanted not in self._index:
                raise LookupError(f"{wanted!r} took no part in {self.names[self.value]}")
            return wanted
        for node, name in self.names.items():
            if name == wanted and node.__class__ is not Constant:
                return node
        raise LookupError(f"nothing in {self.names[self.value]} is called {wanted!r}")

    # shown

    def prompt(self) -> None:
        """Open a prompt in the terminal with pdb's commands, to step through these steps.

        >>> a = Value(3.0, label="a")
        >>> steps(a * a).prompt()  # doctest: +SKIP
        v1 = a * a = 9.0: 2 steps. Enter makes one; help lists the commands.
        (step)
        """
        from .prompt import Prompt

        Prompt(self).run()

    @cached_property
    def _starts(self) -> array[int]:
        """Where in `_into` the steps into each node start."""
        counts = [0] * (len(self.order) + 1)
        for operand in self._operands:
            counts[operand + 1] += 1
        return array("q", accumulate(counts))

    @cached_property
    def _into(self) -> array[int]:
        """The steps into the first node, then those into the second, and so on."""
        free = self._starts[:]
        into = array("q", bytes(8 * len(self)))
        for i, operand in enumerate(self._operands):
            into[free[operand]] = i
            free[operand] += 1
        return into


def _formula(primitive: Primitive, position: int, names: tuple[str, ...]) -> str:
    """The local derivative in the names of the nodes."""
    template = _template(primitive, position)
    return names[int(template[1:-1])] if _NAME.fullmatch(template) else template.format(*map(atom, names))


@lru_cache(maxsize=256)
def _template(primitive: Primitive, position: int) -> str:
    """The declared formula with `{0}` for the result and `{1}`, `{2}`, … for the operands."""
    return formula(primitive, position, [f"{{{i}}}" for i in range(primitive.arity + 1)])
