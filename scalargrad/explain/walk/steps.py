"""The backward pass one step at a time, forwards and backwards.

The steps are those of `sweep.py`, which is run once and observed; `record.py` keeps what it did. The
cursor is one number, and where it stands every total is looked up, not computed. So going back is
exact, and no node is touched.

The sweep begins with ∂L/∂L = 1.0, the seed: that is no step, it is there before the first one.
What a result hands to a constant is none either: a constant takes no gradient.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, overload

from ...floats import integer, number
from ...sweep import topological_order
from ...terminal import fitted
from ...value import Constant, Value
from ..names import node_names, variables
from .glance import as_html, as_text
from .record import Record
from .step import ROOM, Contributions, local_formula
from .step import Step as Step

if TYPE_CHECKING:
    from pathlib import Path

    from ..drawing.render import Drawing
    from ..html.document import Page

SOME = 12  # names that an error shows


def steps(value: Value, gradient: float = 1.0, *, names: Mapping[str, object] | None = None) -> Steps:
    """Run the backward pass from a value and return each step of it, with a cursor at the start.

    Nothing is added to any `.grad`, and `trap` does not stop it: it shows where a nan comes from.

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
    >>> walk.into("a")
    ∂L/∂a += ∂L/∂L · ∂L/∂a = 1.0 × 1.0 = 1.0   (0.0 → 1.0)
    ∂L/∂a += ∂L/∂v1 · ∂v1/∂a = 1.0 × -3.0 = -3.0   (1.0 → -2.0)

    Raises:
        TypeError: when it is no Value, the gradient no number, or the names no mapping.
    """
    return Steps(value, gradient, names)


class Steps(Sequence[Step]):
    """The steps of a backward pass: a sequence of `Step`, and a cursor that stands behind the last one made.

    >>> from scalargrad import Value
    >>> x = Value(3.0, label="x")
    >>> walk = Steps(x * x)
    >>> walk.to("x")
    steps of v1 = 9.0: 1 of 2 made
    →  1  ∂v1/∂x += ∂v1/∂v1 · ∂v1/∂x = 1.0 × 3.0 = 3.0   (0.0 → 3.0)
          v1 = x * x, so ∂v1/∂x = x (as operand 1)
       2  ∂v1/∂x += ∂v1/∂v1 · ∂v1/∂x = 1.0 × 3.0 = 3.0   (3.0 → 6.0)
    totals: v1 1.0   x 3.0
    >>> walk.back()
    ∂v1/∂x += ∂v1/∂v1 · ∂v1/∂x = 1.0 × 3.0 = 3.0   (0.0 → 3.0)
    >>> walk.total("x") is None
    True

    Attributes:
        value: the node the pass starts from.
        seed: its gradient.
        order: every node, operands first, as the sweep's order has them.
        names: what each node is called, by its label when the steps were taken.
        variables: the nodes that the given names hold.
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
        self._record = Record(value, self.seed)
        self.order = self._record.order
        held = variables({} if names is None else names)
        self.variables = {name: node for node, name in held.items() if node in self._record.places}
        self.names = node_names(self.order, self.variables)

    # ---------------------------------------------------------------- a sequence

    def __len__(self) -> int:
        return len(self._record)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Contributions: ...
    def __getitem__(self, index: int | slice) -> Step | Contributions:
        if isinstance(index, slice):
            return Contributions(self[i] for i in range(*index.indices(len(self))))
        if not hasattr(index, "__index__"):
            raise TypeError(f"steps are indexed by numbers and slices, got {index!r} of type {type(index).__name__}")
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"there is no step {i}: {self._title} has {len(self):,}, counted from 0")
        i %= len(self)
        record = self._record
        result, position = self.order[record.results[i]], record.positions[i]
        assert result.op is not None
        names = self.names[result], *(self.names[node] for node in result.args)
        return Step(
            index=i,
            result=result,
            operand=self.order[record.operands[i]],
            position=position,
            operation=result.op.name,
            formula=local_formula(result.op, position, names),
            local=record.locals[i],
            upstream=record.upstreams[i],
            before=record.before[i],
            after=record.after[i],
            walk=self,
        )

    def by_node(self) -> Iterator[Contributions]:
        """Yield the steps of each result together, wherever the cursor is."""
        start = 0
        while start < len(self):
            end = self._record.end_of_result(start)
            yield self[start:end]
            start = end

    def into(self, node: Value | str) -> Contributions:
        """Return all the steps that contribute to a node, given itself or its name.

        Raises:
            LookupError: when there is no such node.
        """
        return Contributions(self[i] for i in self._record.into(self._place_of(node)))

    # ---------------------------------------------------------------- a cursor

    def next(self) -> Step | None:
        """Make one step, a contribution to one operand, and return it; None when all have been made.

        The prompt calls this `step`. What it calls `next`, as pdb does, is `next_node` here.
        """
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
        """Make all the steps that are left of a result, and return them; none when all have been made.

        The prompt calls this `next`.
        """
        start = self.position
        self.position = self._record.end_of_result(start)
        return self[start : self.position]

    def back_node(self) -> Contributions:
        """Take back all that have been made of the last result's steps, and return them."""
        end = self.position
        self.position = self._record.start_of_result(end)
        return self[self.position : end]

    def first(self) -> Steps:
        """Go to the start, where no step has been made."""
        self.position = 0
        return self

    def last(self) -> Steps:
        """Go to the end, where all steps have been made."""
        self.position = len(self)
        return self

    def to(self, place: int | str | Value) -> Steps:
        """Go to where so many steps have been made, or the first step into a node of that name.

        Raises:
            IndexError: when there are fewer steps.
            LookupError: when there is no such node, or it is a constant.
            TypeError: when the place is none of these.
        """
        if isinstance(place, (str, Value)):
            node = self.node(place)
            if node.__class__ is Constant:
                raise LookupError(f"{fitted(self.names[node], ROOM)} is a constant: no step leads to it")
            into = self._record.into(self._record.places[node])
            self.position = into[0] + 1 if into else 0  # none leads to the value itself, which has its seed
            return self
        self.position = self._place(place)
        return self

    def _place(self, position: int) -> int:
        if isinstance(position, bool) or not hasattr(position, "__index__"):
            wanted = "a number of steps, a name or a Value"
            raise TypeError(f"a place among the steps is {wanted}, got {position!r} of type {type(position).__name__}")
        if not 0 <= operator.index(position) <= len(self):
            raise IndexError(f"{position} steps cannot be made: {self._title} has {len(self):,}")
        return operator.index(position)

    def watch(self, *nodes: Value | str) -> Steps:
        """Keep the totals of these nodes in view wherever the cursor is; without any, of none.

        Raises:
            LookupError: when there is no such node.
        """
        self.watched = tuple(self.node(node) for node in nodes)
        return self

    # ---------------------------------------------------------------- nodes and their totals

    def node(self, wanted: Value | str) -> Value:
        """Return the node of that name or label, or the node itself if it is one of these steps'.

        Raises:
            LookupError: when there is none.
            TypeError: when it is neither a name nor a Value.
        """
        if isinstance(wanted, Value):
            if wanted not in self._record.places:
                raise LookupError(f"{wanted!r} took no part in {self._title}")
            return wanted
        if not isinstance(wanted, str):
            raise TypeError(
                f"a node is given by its name or as a Value, got {wanted!r} of type {type(wanted).__name__}"
            )
        if wanted not in self._named:
            raise LookupError(f"nothing in {self._title} is called {wanted!r}: {self._known()}")
        return self._named[wanted]

    def total(self, node: Value | str) -> float | None:
        """Return a node's gradient as far as it has come at the cursor; None where nothing has reached it.

        Raises:
            LookupError: when there is no such node.
        """
        return self._record.total(self._place_of(node), self.position)

    def totals(self, position: int | None = None) -> dict[Value, float]:
        """Return the gradients of all nodes reached where so many steps have been made, or at the cursor.

        Raises:
            IndexError: when there are fewer steps.
        """
        made = self.position if position is None else self._place(position)
        found = {node: self._record.total(i, made) for i, node in enumerate(self.order)}
        return {node: total for node, total in found.items() if total is not None and node.__class__ is not Constant}

    def _place_of(self, node: Value | str) -> int:
        return self._record.places[self.node(node)]

    def _known(self) -> str:
        """The names there are, those that somebody has given first."""
        held = set(self.variables.values())
        given = {self.names[node]: None for node in self.order if node.label or node in held}
        names = list(given | dict.fromkeys(self._named))
        more = f" and {len(names) - SOME:,} more" if len(names) > SOME else ""
        return f"there are {', '.join(fitted(name, ROOM) for name in names[:SOME])}{more}"

    @property
    def _title(self) -> str:
        return fitted(self.names[self.value], ROOM)

    @cached_property
    def _named(self) -> dict[str, Value]:
        """Each node by its name and, where that is another, by its label."""
        found = {name: node for node, name in self.names.items() if node.__class__ is not Constant}
        for node in self.order:
            if node.label is not None:
                found.setdefault(node.label, node)
        return found

    # ---------------------------------------------------------------- showing them

    def draw(
        self,
        position: int | None = None,
        *,
        values: bool = True,
        partials: bool = False,
        direction: str = "LR",
        limit: int = 300,
        prefix: str = "",
    ) -> Drawing:
        """Return the drawing where so many steps have been made, or at the cursor: the last one's edge is lit.

        The gradients are the totals so far; nothing is collapsed. The options are those of
        `scalargrad.draw`; elements of the SVG have ids that start with the prefix.

        >>> walk = steps(Value(3.0, label="a") ** 2)
        >>> walk.last().draw().render("square.svg")  # doctest: +SKIP
        'square.svg'

        Raises:
            IndexError: when there are fewer steps.
            TooLarge: when there are more nodes than the limit.
            ValueError: for what is no direction or limit.
            ImportError: when the Python package graphviz is missing.
        """
        from ..drawing.picture import TooLarge, picture

        made = self.position if position is None else self._place(position)
        if len(self.order) > integer(limit, "limit", low=1):
            few = "take the steps of a result further in"
            raise TooLarge(
                f"{len(self.order):,} nodes are more than the limit of {limit:,}: {few}, or draw with limit=…"
            )
        return picture(
            self.value,
            names=self.variables,
            values=values,
            gradients=self.totals(made),
            partials=partials,
            direction=direction,
            every_name=True,
            lit=(self._record.results[made - 1], self._record.positions[made - 1]) if made else None,
            prefix=prefix,
        )

    @overload
    def page(self, path: None = None, *, limit: int = ...) -> Page: ...
    @overload
    def page(self, path: str | os.PathLike[str], *, limit: int = ...) -> Path: ...
    def page(self, path: str | os.PathLike[str] | None = None, *, limit: int = 2_000) -> Page | Path:
        """Return the page of HTML to step through, or write it to a path: see `scalargrad.page`.

        Raises:
            TooLarge: when there are more steps than the limit.
            ImportError: when the extra page is not installed.
            OSError: when the file cannot be written.
        """
        from ..html.document import page

        return page(self, path, limit=limit)

    def prompt(self, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        """Walk through the steps at a prompt with the commands of Python's debugger: `help` lists them.

        It reads from the terminal, or from a file with a command on each line.

        >>> import io, sys
        >>> steps(Value(3.0, label="a") ** 2).prompt(io.StringIO("quit"), sys.stdout)
        v1 = a ** 2 = 9.0: 1 step. Enter makes one; help lists the commands.
        (step) quit
        """
        from ..console.debugger import Prompt

        Prompt(self, stdin, stdout).run()

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    # ---------------------------------------------------------------- copies

    def __reduce__(self) -> tuple[Any, ...]:
        held = {name: self._record.places[node] for name, node in self.variables.items()}
        watched = [self._record.places[node] for node in self.watched]
        return _restored, (self.value, self.seed, held, watched, self.position)


def _restored(value: Value, seed: float, held: dict[str, int], watched: list[int], position: int) -> Steps:
    """The steps of a copied value: its nodes are new, but their order is the same."""
    order = list(topological_order(value))
    walk = Steps(value, seed, {name: order[i] for name, i in held.items()})
    walk.watched = tuple(order[i] for i in watched)
    return walk.to(position)
