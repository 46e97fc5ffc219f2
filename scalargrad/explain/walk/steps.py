"""The backward pass one step at a time, forwards and backwards.

The steps are those of the sweep (`engine/graph.py`), which runs once and is observed; `record.py`
keeps what it did. The cursor is one number, and where it stands every total is looked up, not
computed. So going back is exact, and no node is touched.

The sweep begins with dL/dL = 1.0, the seed, which is there before the first step. A constant takes no
gradient, so no step leads to it. An operation that blocks gradients contributes nothing, so no step
leads from it.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, overload

from ...engine.copies import one_graph
from ...engine.floats import integer, number
from ...engine.value import Constant, Value
from ...terminal import fitted, width_of
from ..names import DIGITS, shown
from .graph import Graph, listed, roots_of
from .record import Record
from .step import ROOM, Contributions, Step, local_formula
from .table import StepTable

BEFORE, AFTER = 2, 3  # steps shown before the one made last, and after it
FEW = 12  # nodes whose totals are all shown
SOME = 12  # names that an error shows
VIEWS = ("tree", "ledger", "draw", "page", "prompt")  # functions that take steps


def steps(
    value: Value | Sequence[Value],
    gradient: float = 1.0,
    *,
    gradients: Sequence[float] | None = None,
    names: Mapping[str, object] | None = None,
    watch: Sequence[Value | str] = (),
    digits: int | None = DIGITS,
) -> Steps:
    """Run the backward pass from a value and return each step of it, with a cursor at the start.

    From several values it is one pass that starts from all of them, a vector-Jacobian product. Nothing is
    added to any `.grad`. `trap` does not stop the pass, so it shows where a nan comes from.

    Args:
        value: where the pass starts; or a list of such values.
        gradient: the seed, dL/dL; of several values, that of each.
        gradients: the seeds of several values, one for each.
        names: variables by name, such as `locals()`, for Values that have no label; None for those of the
            interactive session.
        watch: nodes, or their names, whose totals are always in view.
        digits: of each number in the lines; None for all. The steps' attributes always have all.

    Returns:
        The steps, with the cursor before the first.

    >>> from scalargrad import Value, steps
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> L = a * b + a
    >>> L.label = "L"
    >>> walk = steps(L)
    >>> walk.next()
    dL/dv1 += dL/dL · ∂L/∂v1 = 1.0 × 1.0 = 1.0   (0.0 → 1.0)
    >>> walk.into("a")
    dL/da += dL/dL · ∂L/∂a = 1.0 × 1.0 = 1.0   (0.0 → 1.0)
    dL/da += dL/dv1 · ∂v1/∂a = 1.0 × -3.0 = -3.0   (1.0 → -2.0)
    >>> steps([a * b, a + b], gradients=[1.0, 10.0]).last().total("a")
    7.0

    Raises:
        LookupError: when a node to watch is not in the graph.
        TypeError: for anything but Values, a gradient that is not a number, both gradient and gradients,
            or names that are not a mapping.
        ValueError: for no Values at all, when there is not one gradient for each, or for digits below 1.
    """
    return Steps(value, gradient, names, gradients=gradients, watch=watch, digits=digits)


def as_steps(value: Value | Sequence[Value] | Steps, names: Mapping[str, object] | None = None) -> Steps:
    """Return the steps of a value or of several; steps as they are.

    Raises:
        TypeError: for anything else; when steps are given names again.
        ValueError: for an empty list.
    """
    if not isinstance(value, Steps):
        return Steps(value, names=names)
    if names is not None:
        raise TypeError("steps have their names already: give names to steps(…, names=…)")
    return value


def graph_and_gradients(
    value: Value | Sequence[Value] | Steps, names: Mapping[str, object] | None
) -> tuple[Graph, dict[Value, float]]:
    """Return the graph and the gradients so far: for steps the totals at the cursor, else those that `backward` left.

    Raises:
        TypeError, ValueError: as `as_steps`.
    """
    if isinstance(value, Steps):
        walk = as_steps(value, names)
        return walk.graph, walk.totals()
    graph = Graph(value, names)
    return graph, {node: node.grad for node in graph.order if node.swept}


class Steps(Sequence[Step]):
    """The steps of a backward pass: a sequence of `Step`, with a cursor behind the last step that was made.

    >>> from scalargrad import Value
    >>> x = Value(3.0, label="x")
    >>> walk = Steps(x * x)
    >>> walk.to("x")
    steps of f = 9.0: 1 of 2 made
    →  1  df/dx += df/df · ∂f/∂x = 1.0 × 3.0 = 3.0   (0.0 → 3.0)
          f = x * x, so ∂f/∂x = x (as operand 1)
       2  df/dx += df/df · ∂f/∂x = 1.0 × 3.0 = 3.0   (3.0 → 6.0)
    totals: f 1.0   x 3.0
    >>> walk.back()
    df/dx += df/df · ∂f/∂x = 1.0 × 3.0 = 3.0   (0.0 → 3.0)
    >>> walk.total("x") is None
    True

    Attributes:
        graph: the graph of the pass.
        roots: the values that the pass starts from.
        seeds: their gradients.
        order: every node, operands first.
        names: the name of each node, with the labels of the moment when the steps were recorded.
        position: how many steps have been made.
        watched: the nodes whose totals are kept in view.
        digits: of each number in a line; None for all.
    """

    def __init__(
        self,
        value: Value | Sequence[Value],
        gradient: float = 1.0,
        names: Mapping[str, object] | None = None,
        *,
        gradients: Sequence[float] | None = None,
        watch: Sequence[Value | str] = (),
        digits: int | None = DIGITS,
    ) -> None:
        self.digits = None if digits is None else integer(digits, "digits", low=1)
        self.graph = Graph(value, names, self.digits)
        self.seeds = _seeds(roots_of(value), gradient, gradients)
        self.roots, self.order, self.names = self.graph.roots, self.graph.order, self.graph.names
        self.position = 0
        self._record = Record(self.graph, self.seeds)
        if isinstance(watch, (str, Value)):
            raise TypeError(f"watch takes a list of nodes or names, got {watch!r}")
        self.watched = tuple(self.node(node) for node in watch)

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
        called = self.names[result], *(self.names[node] for node in result.args)
        return Step(
            index=i,
            result=result,
            operand=self.order[record.operands[i]],
            position=position,
            operation=result.op.name,
            formula=local_formula(result.op, position, called),
            local=record.locals[i],
            upstream=record.upstreams[i],
            before=record.before[i],
            after=record.after[i],
            whole=self.graph.title,
            called=called,
            digits=self.digits,
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
        """Take back all steps of the last result that have been made, and return them."""
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
        """Go to where that many steps are made, or to just after the first step into a node.

        Raises:
            IndexError: when there are fewer steps.
            LookupError: when there is no such node, or it is a constant.
            TypeError: when the place is none of these.
        """
        if isinstance(place, (str, Value)):
            node = self.node(place)
            if node.__class__ is Constant:
                raise LookupError(f"{fitted(self.names[node], ROOM)} is a constant: no step leads to it")
            into = self._record.into(self.graph.places[node])
            self.position = into[0] + 1 if into else 0  # none leads to a root, which has its seed
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

    # ---------------------------------------------------------------- nodes and their totals

    def node(self, wanted: Value | str) -> Value:
        """Return the node of that name or label, or the node itself if it is one of these steps'.

        Raises:
            LookupError: when there is none.
            TypeError: when it is neither a name nor a Value.
        """
        if isinstance(wanted, Value):
            if wanted not in self.graph.places:
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
        """Return a node's gradient at the cursor; None where no step has reached it.

        Raises:
            LookupError: when there is no such node.
        """
        return self._record.total(self._place_of(node), self.position)

    def totals(self, position: int | None = None) -> dict[Value, float]:
        """Return the gradients of the nodes that steps have reached, at the cursor or after so many steps.

        Raises:
            IndexError: when there are fewer steps.
        """
        made = self.position if position is None else self._place(position)
        totals = {node: self._record.total(i, made) for i, node in enumerate(self.order)}
        return {node: total for node, total in totals.items() if total is not None and node.__class__ is not Constant}

    def _place_of(self, node: Value | str) -> int:
        return self.graph.places[self.node(node)]

    def _known(self) -> str:
        """The known names; those that a person gave come first."""
        given = {self.names[node]: None for node in self.order if self.graph.is_named(node)}
        names = list(given | dict.fromkeys(self._named))
        more = f" and {len(names) - SOME:,} more" if len(names) > SOME else ""
        return f"there are {', '.join(fitted(name, ROOM) for name in names[:SOME])}{more}"

    @property
    def _title(self) -> str:
        return fitted(self.graph.title, ROOM)

    @cached_property
    def _named(self) -> dict[str, Value]:
        """Each node by its name and, where that is another, by its label."""
        nodes = {name: node for node, name in self.names.items() if node.__class__ is not Constant}
        for node in self.order:
            if node.label is not None:
                nodes.setdefault(node.label, node)
        return nodes

    # ---------------------------------------------------------------- as a table

    def __repr__(self) -> str:
        return self._table().text(width_of(sys.stdout))

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> StepTable:
        made = f"{self.position:,} of {len(self):,} made" if len(self) else "it was computed from nothing"
        values = listed([shown(root.data, self.digits) for root in self.roots])
        start = max(0, min(self.position - 1 - BEFORE, len(self) - BEFORE - 1 - AFTER))
        window = self[start : start + BEFORE + 1 + AFTER]
        nodes, more = self._nodes_in_view(window)
        totals = [(fitted(self.names[node], ROOM), self.total(node)) for node in nodes]
        heading = f"steps of {self._title} = {values}: {made}"
        return StepTable(heading, window, self.position, len(self), totals, more, self.digits)

    def _nodes_in_view(self, window: Sequence[Step]) -> tuple[list[Value], int]:
        """The watched nodes, then all or those of the steps in view, the roots first; and how many there are more."""
        variables = [node for node in reversed(self.order) if node.__class__ is not Constant]
        others = (
            variables if len(variables) <= FEW else [node for step in window for node in (step.result, step.operand)]
        )
        nodes = list(dict.fromkeys([*self.watched, *others]))
        return nodes, max(0, len(variables) - len(nodes))

    if not TYPE_CHECKING:  # pragma: no branch  # else a type checker would find any attribute there

        def __getattr__(self, name: str) -> NoReturn:
            advice = f": call {name}(walk), with {name} from scalargrad" if name in VIEWS else ""
            raise AttributeError(f"{type(self).__name__} has no attribute {name}{advice}", name=name, obj=self)

    # ---------------------------------------------------------------- copies

    def __copy__(self) -> Steps:
        return _restored(self.roots, *self._state())

    def __deepcopy__(self, memo: dict[int, Any]) -> Steps:
        return _restored([deepcopy(root, memo) for root in self.roots], *self._state())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (one_graph(self.roots), *self._state())

    def _state(self) -> tuple[Any, ...]:
        places = self.graph.places
        held = {name: places[node] for name, node in self.graph.variables.items()}
        held |= {name: places[node] for node, name in self.graph.parameters.items()}
        watched = [places[node] for node in self.watched]
        return list(self.seeds.values()), held, watched, self.digits, self.position


def _restored(
    roots: Sequence[Value],
    seeds: list[float],
    held: dict[str, int],
    watched: list[int],
    digits: int | None,
    position: int,
) -> Steps:
    """The steps of copied values: their nodes are new, but their order is the same."""
    order = Graph(roots).order
    names = {name: order[place] for name, place in held.items()}
    watch = [order[place] for place in watched]
    return Steps(roots, names=names, gradients=seeds, watch=watch, digits=digits).to(position)


def _seeds(roots: list[Value], gradient: float, gradients: Sequence[float] | None) -> dict[Value, float]:
    """The gradient of each root; for a root that is given twice, the sum."""
    if gradients is None:
        given = [number(gradient, "gradient")] * len(roots)
    elif gradient != 1.0:
        raise TypeError("steps take a gradient for each of several Values, or gradients, not both")
    else:
        if not isinstance(gradients, Iterable):
            raise TypeError(f"gradients must be a list of numbers, got {gradients!r}")
        given = [number(seed, "a gradient") for seed in gradients]
    if len(given) != len(roots):
        raise ValueError(f"expected one gradient for each of {len(roots)} Values, got {len(given)}")
    seeds: dict[Value, float] = {}
    for root, seed in zip(roots, given, strict=True):
        seeds[root] = seeds[root] + seed if root in seeds else seed
    return seeds
