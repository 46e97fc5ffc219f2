"""What recurrent modules share: they read a sequence row by row, and keep a state from each row to the next."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Literal, Never, TypeVar

from ..engine import modes
from ..engine.floats import counted, refuse_set
from ..engine.notes import Mark, leave
from ..engine.value import Constant, Value
from ..functional import Outputs
from ..terminal import Text, html_table, table
from .arguments import Activation, given_numbers, row_of, within
from .foreign import refuse_arguments
from .layer import Layer
from .module import Module

Row = Iterable[Value | float]
Moment = dict[str, list[Value]]
State = TypeVar("State")


class Moments(list[Moment]):
    """What a recurrent module computed at each time, counted from 0: rows by name. It prints as a table.

    >>> from scalargrad import nn
    >>> hidden = nn.Layer(weights=[[1, 1]], activation=None)  # x + what was hidden before
    >>> table = nn.Recurrent(1, 1, hidden=hidden).table([[2.0], [3.0], [4.0]])
    >>> table
    time  x  hidden
       0  2       2
       1  3       5
       2  4       9
    >>> table[2]["hidden"]
    [Value(data=9.0, label='hidden[2]')]
    """

    def _table(self) -> tuple[list[str], list[list[str]]]:
        headings = ["time"]
        for name, row in self[0].items():
            headings += [name] if len(row) == 1 else [f"{name}[{i}]" for i in range(len(row))]
        numbers = ([value.data for row in moment.values() for value in row] for moment in self)
        return headings, [[str(time), *(f"{x:.4g}" for x in row)] for time, row in enumerate(numbers)]

    def __repr__(self) -> str:
        headings, rows = self._table()
        return repr(Text(table(headings, rows, numbers=range(len(headings)))))

    def _repr_html_(self) -> str:
        headings, rows = self._table()
        return html_table(headings, rows, numbers=range(len(headings)))


class Recurrence(Module, Generic[State]):
    """The base class of `Recurrent`, `LSTM` and `GRU`: one layer, which reads a sequence in one direction.

    A sequence is a list of rows, one for each time, and so are the outputs. Called on a sequence, a module returns
    the outputs: those of the last time are `model(rows)[-1]`. Several layers are a `Sequential` of several modules,
    and `Bidirectional` reads in both directions.

    The state is what it keeps from one time to the next. It is all zeros at first, or what you give. PyTorch's
    modules return outputs and state together; here `run` does.

    Attributes:
        n_inputs: the length of each row.
        n_hidden: the number of hidden units.
    """

    n_inputs: int
    n_hidden: int

    @property
    def n_outputs(self) -> int:
        """The length of each row of outputs."""
        return self.n_hidden

    def __call__(self, rows: Iterable[Row], state: Any = None) -> list[list[Value]]:
        """Return the outputs for a sequence: a list of n_outputs Values for each time.

        Args:
            rows: the sequence: for each time a row of n_inputs Values or numbers.
            state: where it begins, as `run` returns it; all zeros if it is not given.

        Raises:
            TypeError: for a sequence that is not a list of rows of numbers.
            ValueError: for an empty sequence, or a row or a state of another length.
        """
        return self.run(rows, state)[0]

    def run(self, rows: Iterable[Row], state: Any = None) -> tuple[list[list[Value]], State]:
        """Return the outputs for a sequence, and the state after it, from which another call can go on.

        Args:
            rows: the sequence, as in a call.
            state: where it begins, as in a call.

        Raises:
            TypeError, ValueError: as a call.
        """
        moments, after = self._run(sequence_of(rows, self), self._given(state))
        return [Outputs(_last(moment)) for moment in moments], after

    def table(self, rows: Iterable[Row], state: Any = None) -> Moments:
        """Return all that is computed at each time: it prints as a table, with a row for each time.

        Args:
            rows: the sequence, as in a call.
            state: where it begins, as in a call.

        Raises:
            TypeError, ValueError: as a call.
        """
        return self._run(sequence_of(rows, self), self._given(state))[0]

    def step(self, row: Row, state: Any = None) -> tuple[list[Value], State]:
        """Return the outputs for a single row, and the state after it.

        Args:
            row: n_inputs Values or numbers.
            state: as that of a call.

        Raises:
            TypeError, ValueError: as a call.
        """
        moment, after = self._step(row_of(row, self.n_inputs, self), self._given(state))
        return Outputs(_last(moment)), after

    def _run(
        self, rows: list[list[Value]], state: State, part: Literal["", "forward", "backward"] = ""
    ) -> tuple[Moments, State]:
        """What is computed at each time for rows that are known to fit, and the state after them.

        As a part of a `Bidirectional` it is called "forward" or "backward".
        """
        start, moments = state, Moments()
        for time in range(len(rows))[:: -1 if part == "backward" else 1]:
            moment, state = self._step(rows[time], state)
            for name, values in moment.items():
                _label(values, f"{part}.{name}[{time}]" if part else f"{name}[{time}]")
            moments.append({"x": rows[time]} | moment)
        if part == "backward":
            moments.reverse()
        results = [value for moment in moments for value in _last(moment)]
        inputs = [value for row in rows for value in row]
        _mark(type(self).__name__, self, [*results, *_values(state)], [*inputs, *_values(start)])
        return moments, state

    def _step(self, row: list[Value], state: State) -> tuple[Moment, State]:
        """What is computed at one time, in this order, of which the last are the outputs; and the state after it."""
        moment, after = self._computed(row, state)
        computed = [value for values in moment.values() for value in values]
        _mark(f"{type(self).__name__} step", self, computed, [*row, *_values(state)])
        return moment, after

    @abstractmethod
    def _computed(self, row: list[Value], state: State) -> tuple[Moment, State]: ...

    @abstractmethod
    def _given(self, state: Any) -> State:
        """A state that the caller gave, as Values; zeros for None."""

    def _row(self, state: Any, length: int, what: str) -> list[Value]:
        """A row of a state, as Values."""
        if state is None:
            return [Constant(0.0)] * length
        values = given_numbers(state, what)
        if len(values) != length:
            raise ValueError(f"{what} of {self!r} must have {counted(length, 'number')}, got {len(values)}")
        return values

    def _activated(self, function: Activation | None, values: list[Value]) -> list[Value]:
        """The values through an activation; as they are for None."""
        if function is None:
            return values
        results = list(map(function, values))
        for result in results:
            if not isinstance(result, Value):
                raise TypeError(f"the activation of {self!r} must return a Value, got {result!r}")
        return results

    def _part(self, given: object, name: str, n_outputs: int, reads: Sequence[int]) -> Layer:
        """A layer that the caller gave as a part of this module, if it fits."""
        kind = type(self).__name__
        if not isinstance(given, Layer):
            raise TypeError(f"{name} of {kind} must be an nn.Layer, got {given!r}")
        if given.n_outputs != n_outputs:
            raise ValueError(f"{name} of {kind} must have {counted(n_outputs, 'output')}, got {given!r}")
        if given.n_inputs not in reads:
            *fewer, most = sorted(set(reads))
            lengths = " or ".join([*map(str, fewer), counted(most, "input")])
            raise ValueError(f"{name} of {kind} must have {lengths}, got {given!r}")
        return given


class Bidirectional(Module):
    """Two recurrent modules: one reads the sequence forwards, the other backwards.

    The outputs at each time are those of both, so each knows what comes before and what comes after. For several
    layers put one `Bidirectional` behind another, as PyTorch does with num_layers and bidirectional=True.

    Schuster and Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45 (1997).

    >>> from scalargrad import nn
    >>> model = Bidirectional(nn.LSTM(2, 3, rng=0), nn.LSTM(2, 3, rng=1))
    >>> outputs = model([[1.0, 2.0], [3.0, 4.0]])
    >>> len(outputs), len(outputs[0])
    (2, 6)

    Args:
        forward: a `Recurrent`, `LSTM` or `GRU`, which reads from the first row to the last.
        backward: another one, which reads from the last row to the first.

    Attributes:
        forward, backward: as given.
        n_inputs: the length of each row.

    Raises:
        TypeError: for anything but recurrent modules.
        ValueError: for the same module twice, or modules that read rows of different lengths.
    """

    def __init__(self, forward: Recurrence[Any], backward: Recurrence[Any], **unknown: Never) -> None:
        refuse_arguments("Bidirectional", unknown, ("forward", "backward"))
        for module in (forward, backward):
            if not isinstance(module, Recurrence):
                raise TypeError(f"Bidirectional takes two of nn.Recurrent, nn.LSTM and nn.GRU, got {module!r}")
        if forward is backward:
            raise ValueError(f"Bidirectional takes two modules, each with weights of its own, got {forward!r} twice")
        if forward.n_inputs != backward.n_inputs:
            raise ValueError(
                f"both modules of Bidirectional read the same rows, got {forward!r} for rows of {forward.n_inputs} and "
                f"{backward!r} for rows of {backward.n_inputs}"
            )
        self.forward, self.backward = forward, backward
        self.n_inputs = forward.n_inputs

    @property
    def n_outputs(self) -> int:
        """The length of each row of outputs: those of both modules."""
        return self.forward.n_outputs + self.backward.n_outputs

    def __call__(self, rows: Iterable[Row], state: Any = None) -> list[list[Value]]:
        """Return the outputs for a sequence: a list of Values for each time, first those of the module `forward`.

        Args:
            rows: the sequence: for each time a row of n_inputs Values or numbers.
            state: where the two modules begin, as `run` returns it; all zeros if it is not given.

        Raises:
            TypeError, ValueError: as those of the two modules.
        """
        return self.run(rows, state)[0]

    def run(self, rows: Iterable[Row], state: Any = None) -> tuple[list[list[Value]], tuple[Any, Any]]:
        """Return the outputs for a sequence, and the states of the two modules after they have read it.

        Args:
            rows: the sequence, as in a call.
            state: where it begins, as in a call.

        Raises:
            TypeError, ValueError: as those of the two modules; for a state that is no pair of states.
        """
        if state is None:
            state = None, None
        elif not isinstance(state, tuple) or len(state) != 2:
            raise TypeError(f"the state of {self!r} must be a tuple of its two modules' states, got {state!r}")
        sequence = sequence_of(rows, self)
        ahead, after = self.forward._run(sequence, self.forward._given(state[0]), "forward")
        back, before = self.backward._run(sequence, self.backward._given(state[1]), "backward")
        outputs = [[*_last(one), *_last(other)] for one, other in zip(ahead, back, strict=True)]
        results = [value for row in outputs for value in row]
        _mark("Bidirectional", self, results, [value for row in sequence for value in row])
        return list(map(Outputs, outputs)), (after, before)

    def __repr__(self) -> str:
        return f"Bidirectional({self.forward!r}, {self.backward!r})"


def sequence_of(rows: Iterable[Row], module: Recurrence[Any] | Bidirectional) -> list[list[Value]]:
    """Return a sequence as rows of Values, each as long as the module reads.

    Raises:
        TypeError: for anything but a list of rows of numbers.
        ValueError: for an empty sequence, or a row of another length.
    """
    refuse_set(rows, "a sequence")
    length = module.n_inputs
    try:
        given = list(rows)
    except TypeError:
        wanted = f"a sequence, which is a list of rows of {counted(length, 'input')}"
        raise TypeError(f"{module!r} reads {wanted}, got {rows!r}") from None
    if not given:
        raise ValueError(f"{module!r} reads a sequence of at least one row, got none")
    sequence = []
    for time, row in enumerate(given):
        with within(f"row {time} of the sequence"):
            entries = list(row) if isinstance(row, Iterable) else row
            values = row_of(entries, length, module, of="sequence")
        _label([value for value, entry in zip(values, entries, strict=True) if value is not entry], f"x[{time}]")
        sequence.append(values)
    return sequence


def _values(state: Any) -> Iterator[Value]:
    """The Values of a state: a row, or a tuple of rows."""
    for part in state:
        if isinstance(part, Value):
            yield part
        else:
            yield from part


def _last(moment: Moment) -> list[Value]:
    return next(reversed(moment.values()))


def _label(values: Sequence[Value], name: str) -> None:
    """Call Values by the name of their row, unless they have names already.

    A lifted program computes several rows as one array, for which the name of one of them would be wrong.
    """
    if modes.tracing() is not None:
        return
    for i, value in enumerate(values):
        if value.label is None:
            value.label = name if len(values) == 1 else f"{name}[{i}]"


def _mark(name: str, module: Module, results: list[Value], inputs: list[Value]) -> None:
    each_once = {id(result): result for result in results}  # a Value that is lifted has no hash
    leave(each_once.values(), Mark(name, module, inputs))
