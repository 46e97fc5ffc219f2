"""The program for examples of one shape: the function is traced and grouped once, and written for each use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from ..engine import modes
from ..engine.floats import counted
from ..engine.value import Value
from .arrays.differentiate import Recurrences, entries, gradient, mean, tangent, together
from .arrays.jacobian import jacobian
from .arrays.packed import Reference, packed, restored
from .arrays.program import Array, ArrayProgram, Gather, Initial, Leaf, needed
from .forms import Form, Parts, Shape, flattened
from .group.initial import InitialStates, with_initial_states
from .leaves import CAPTURED, DIRECTION, DIRECTIONS, THETA
from .loops.rolling import recurrences, rolled
from .names import Names
from .source import Wanted
from .target import HasFloats, Runner, SplitsLoops, TakesDirections, Target
from .trace import Trace

_NOT_PICKLED = ("_ends", "_lock", "_recurrences", "_runners")  # the texts are written again


class Ends(NamedTuple):
    """What a function computes: its results, and the numbers for the parameters if there are any."""

    results: list[Array | float]
    slopes: Array | float | None = None


class Specialised:
    """The program for examples of one shape; each of its functions is written when it is first wanted.

    Attributes:
        shapes: the shape of one example, for each argument.
        has_aux: whether the function returns a loss and something beside it.
        arguments: the names of the arguments.
        form: the form of the results.
        captured: the Values that the function reads, beside the parameters.
        indices: for each argument, which of its numbers are indices, and into tables of what size.
        target: what it is written for.
        results: the results, as arrays of the program.
        compared: the functions that have been compared with the user's.
        in_floats: the same program in plain floats, if that may be quicker for a few examples.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Sequence[Value],
        shapes: tuple[Shape, ...],
        target: Target,
        has_aux: bool,
    ) -> None:
        self.shapes, self.has_aux = shapes, has_aux
        self._name = getattr(function, "__name__", type(function).__name__)
        trace = Trace(parameters)
        self.arguments = ["x", "y"][: len(shapes)] if len(shapes) <= 2 else [f"x{i}" for i in range(1, 1 + len(shapes))]
        traced = [trace.argument(name, shape) for name, shape in zip(self.arguments, shapes, strict=True)]
        with trace.running():
            self.form, returned = outputs_of(function(*traced), has_aux)
            outputs = [trace.index_of(output) for output in returned]
        self.captured = trace.captured
        self.indices = trace.indices
        self._sizes = {THETA: len(parameters), DIRECTION: len(parameters), CAPTURED: len(trace.captured)}
        self._sizes |= {name: math.prod(shape) for name, shape in zip(self.arguments, shapes, strict=True)}
        self._labels = {i: label for i, label in trace.labels.items() if i < len(parameters)}  # whose places come first
        self.in_floats: Specialised | None = None
        self._arrange(trace, outputs, target)
        if isinstance(target, HasFloats) and self._limit(needed(self.results), trace.operations) > 0.5:
            self.in_floats = self._twin()
            self.in_floats._arrange(trace, outputs, target.floats)

    def _arrange(self, trace: Trace, outputs: Sequence[int], target: Target) -> None:
        """Make the array program of a trace for a target, with initial states where loops begin with constants."""
        if target.writes_loops:
            with_states = with_initial_states(trace, outputs, of_sums=not target.batched)
            self._group(with_states, target)
            if not with_states.numbers or any(isinstance(one, Initial) for one in self._known_recurrences().begins):
                return
        self._group(InitialStates(trace, outputs), target)

    def _group(self, given: InitialStates, target: Target) -> None:
        self.target = target
        self._program = program = ArrayProgram(exact=not target.batched)
        self.directions = min(self._sizes[THETA], target.directions) if isinstance(target, TakesDirections) else 0
        self._along = program.axis(self.directions)  # the first axis of the program, as `tangent` wants it
        along_theta = program.axis(self._sizes[THETA])
        self._leaves: dict[str, Array] = {name: program.leaf(name, (along_theta,)) for name in (THETA, DIRECTION)}
        for name in (CAPTURED, *self.arguments):
            axis = program.axis(self._sizes[name])
            self._leaves[name] = program.leaf(name, (axis,), target.batched and name != CAPTURED)
        begun = {
            name: program.initial(numbers, (program.axis(len(numbers)),), target.batched and name in given.batched)
            for name, numbers in given.numbers.items()
        }
        self.results = target.group(given.trace, given.outputs, program, self._leaves | begun)
        self._ends: dict[str, Ends] = {}  # of functions that are not written yet
        self._recurrences: Recurrences | None = None
        self._limits = {"hessian": 0.0}  # several columns of it are computed in arrays alone
        self._runners: dict[str, Runner] = {}
        self._remarks: dict[str, str] = {}
        self.compared: set[str] = set()
        self._lock = Lock()

    def _twin(self) -> Specialised:
        twin: Specialised = object.__new__(Specialised)
        vars(twin).update(vars(self))
        return twin

    def takes_directions(self, count: int) -> bool:
        """Whether several columns of a Hessian are computed at once, for so many examples."""
        if self.directions < 2 or any(isinstance(array, Gather) for array in self._program.arrays):
            return False
        return self.in_floats is None or count * self.directions > self.limit("hvp")

    # ---------------------------------------------------------------- in arrays, or in plain floats

    def quickest(self, kind: str, count: int) -> Specialised:
        """Return what runs a function for so many examples: the program itself, or for a few that in plain floats."""
        if self.in_floats is None:
            return self
        limit = self._limits.get(kind)
        return self.in_floats if count <= (self.limit(kind) if limit is None else limit) else self

    def limit(self, kind: str) -> float:
        """Return up to how many examples a function runs in plain floats; inf without arguments, if it does at all."""
        limit = self._limits.get(kind, None if self.in_floats else 0.0)
        if limit is None:
            assert self.in_floats is not None
            with self._lock, self.in_floats._lock, modes.no_gc():
                own, floats = (
                    needed([*ends.results, ends.slopes or 0.0])
                    for ends in (self._ends_of(kind), self.in_floats._ends_of(kind))
                )
                limit = self._limit(own, sum(not isinstance(array, Leaf) for array in floats))
                if not self.shapes:  # there is one example
                    limit = math.inf if limit >= 1 else 0.0
                self._remark(kind, limit)
                self._limits[kind] = limit
        return limit

    def _limit(self, arrays: Sequence[Array], operations: int) -> float:
        """Up to how many examples so many operations on floats take less time than the arrays."""
        assert isinstance(self.target, HasFloats)
        return self.target.limit(arrays, operations, self._sizes[THETA])

    def _remark(self, kind: str, limit: float) -> None:
        """Note what the texts of a function say about its limit."""
        assert self.in_floats is not None
        if limit >= 1:
            few = "" if limit == math.inf else " for one example" if limit < 2 else f" for up to {int(limit)} examples"
            self._remarks[kind] = f" Plain floats are faster, and used{few and f',{few}'}."
            self.in_floats._remarks[kind] = f" In plain floats, which are faster than arrays{few or ' here'}."

    def runner(self, kind: str) -> Runner:
        """Return what runs a function, which is written at its first use.

        It is "forward", "value_and_grad", "hvp", or "hessian" for some of its columns; or for each example alone "jvp",
        "jacobian" in the parameters, or "input_gradients".
        """
        runner = self._runners.get(kind)
        if runner is None:
            with self._lock, modes.no_gc():
                runner = self._runners.get(kind) or self._written(kind)
                self._runners[kind] = runner
        return runner

    @property
    def reads_parameters(self) -> bool:
        """Whether a result depends on a parameter."""
        return self._leaves[THETA] in needed(self.results)

    def with_captured(self, captured: list[Value]) -> Specialised:
        """Return the same program for a copy of the function, which captures other Values."""
        twin = self._twin()
        twin.captured = captured
        if self.in_floats is not None:
            twin.in_floats = self.in_floats.with_captured(captured)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Without the texts, which are written again, and without references between arrays."""
        with self._lock:
            state = {name: content for name, content in vars(self).items() if name not in _NOT_PICKLED}
            state["_program"] = packed(self._program)
            state["_leaves"] = {name: leaf.number for name, leaf in self._leaves.items()}
            state["results"] = [Reference(own.number) if isinstance(own, Array) else own for own in self.results]
            return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._program = restored(state["_program"])
        arrays = self._program.arrays
        self._leaves = {name: arrays[number] for name, number in state["_leaves"].items()}
        self.results = [arrays[own.number] if isinstance(own, Reference) else own for own in state["results"]]
        self._ends, self._runners, self._recurrences, self._lock = {}, {}, None, Lock()

    @property
    def differentiated(self) -> list[Array | float]:
        """The results that have derivatives: all of them, or the loss without what is beside it."""
        return self.results[:1] if self.has_aux else self.results

    def _ends_of(self, kind: str) -> Ends:
        """What a function computes; kept until it is written."""
        ends = self._ends.get(kind)
        if ends is None:
            known = self._known_recurrences() if kind != "forward" else Recurrences()
            ends = self._ends[kind] = self._differentiated(kind, known)
        return ends

    def _known_recurrences(self) -> Recurrences:
        if self._recurrences is None:
            self._recurrences = Recurrences()
            if self.target.writes_loops:
                self._recurrences = recurrences(self.results, has_axes=self.target.batched)
        return self._recurrences

    def _differentiated(self, kind: str, known: Recurrences) -> Ends:
        program, theta = self._program, self._leaves[THETA]
        if kind in ("value_and_grad", "hvp", "hessian"):
            average = mean(program, self.results[0])
            results = [average, *(self._joined(self.results[1:]) if kind == "value_and_grad" else [])]
            slopes = gradient(program, average, theta, recurrences=known)
            if kind == "hvp":
                slopes = tangent(program, slopes, theta, self._leaves[DIRECTION], recurrences=known)
            elif kind == "hessian":
                directions = program.leaf(DIRECTIONS, (self._along, theta.axes[0]))
                slopes = tangent(program, slopes, theta, directions, self._along, known)
            return Ends(results, slopes)
        if kind == "jvp":
            direction = self._leaves[DIRECTION]
            moved = [tangent(program, own, theta, direction, recurrences=known) for own in self.differentiated]
            return Ends(self._joined(moved))
        if kind == "forward":
            return Ends(self._joined(list(self.results)))
        return Ends(self._derivatives([THETA] if kind == "jacobian" else self.arguments, known))

    def _written(self, kind: str) -> Runner:
        ends = self._ends_of(kind)
        del self._ends[kind]
        sizes = dict(self._sizes)
        if kind == "hessian":
            sizes[DIRECTIONS] = sizes["gradient"] = self.directions * sizes[THETA]
        wanted = self._wanted(kind, ends, sizes)
        if self.target.writes_loops:
            limits = self.target.limits if isinstance(self.target, SplitsLoops) else None
            with_loops = rolled(*ends, wanted.gradient_size, wanted.names, has_axes=self.target.batched, limits=limits)
            if with_loops is not None:
                results, slopes = with_loops
                wanted = wanted._replace(results=results, gradient=slopes)
            elif kind != "forward" and any(self._known_recurrences()):
                wanted = self._wanted(kind, self._differentiated(kind, Recurrences()), sizes)
        return self.target.runner(wanted)

    def _wanted(self, kind: str, ends: Ends, sizes: Mapping[str, int]) -> Wanted:
        names = Names(ends.results, self._labels, [*self.arguments, kind, *self.target.reserved])
        summary = f"{kind} of {self._name}: {counted(self._sizes[THETA], 'parameter')}.{self._remarks.get(kind, '')}"
        return Wanted(kind, self.arguments, *ends, sizes, names, summary, self.shapes)

    def _joined(self, results: list[Array | float]) -> list[Array | float]:
        """Results side by side in one array, where the target has arrays."""
        return [together(self._program, results)] if self.target.batched and results else results

    def _derivatives(self, leaves: Sequence[str], known: Recurrences) -> list[Array | float]:
        """For each of the leaves the derivatives of each result, side by side."""
        program, own = self._program, self.differentiated
        if not self.target.batched:
            slopes = [
                (gradient(program, one, self._leaves[name], recurrences=known), self._sizes[name])
                for name in leaves
                for one in own
            ]
            return [entry for slope, size in slopes for entry in entries(program, slope, size)]
        return [jacobian(program, own, [self._leaves[name] for name in leaves], known)]


def outputs_of(returned: object, has_aux: bool = False) -> tuple[Form, list[Value]]:
    """Return the form of what a function returned, and all results in order.

    Raises:
        TypeError: for a result that is not a Value, or with `has_aux` for anything but a loss and what is beside it.
        ValueError: for no results.
    """
    if has_aux:
        if not isinstance(returned, tuple | list) or len(returned) != 2 or not isinstance(returned[0], Value):
            raise TypeError(f"with has_aux the function must return a Value and what is beside it, got {returned!r}")
        form, outputs = flattened(returned[1], "with has_aux, what the function returns beside the loss must be")
        if not outputs:
            raise ValueError("with has_aux the function must return a Value or several beside the loss, got none")
        return Parts(((), form)), [returned[0], *outputs]
    form, outputs = flattened(returned)
    if not outputs:
        raise ValueError("the function must return a Value or several, got none")
    return form, outputs
