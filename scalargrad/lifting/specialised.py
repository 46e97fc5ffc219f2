"""The program for examples of one shape: the function is traced and grouped once, and written for each use."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from ..engine import modes
from ..engine.floats import counted
from ..engine.value import Value
from .arrays.differentiate import entries, gradient, mean, side_by_side, tangent, together
from .arrays.packed import Reference, packed, restored
from .arrays.program import Array, ArrayProgram, needed
from .forms import Form, Parts, Shape, flattened
from .leaves import CAPTURED, DIRECTION, THETA
from .names import Names
from .source import Wanted
from .target import Runner, Target
from .trace import Trace


class Specialised:
    """The program for examples of one shape; each of its functions is written when it is first wanted."""

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Sequence[Value],
        shapes: tuple[Shape, ...],
        target: Target,
        has_aux: bool,
    ) -> None:
        self.shapes, self._target, self.has_aux = shapes, target, has_aux
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
        self._program = ArrayProgram()
        along_theta = self._program.axis(len(parameters))
        self._leaves: dict[str, Array] = {name: self._program.leaf(name, (along_theta,)) for name in (THETA, DIRECTION)}
        self._leaves[CAPTURED] = self._program.leaf(CAPTURED, (self._program.axis(len(trace.captured)),))
        for name, shape in zip(self.arguments, shapes, strict=True):
            self._sizes[name] = math.prod(shape)
            axis = self._program.axis(math.prod(shape))
            self._leaves[name] = self._program.leaf(name, (axis,), target.batched)
        self.results = target.group(trace, outputs, self._program, self._leaves)
        self._labels = {i: label for i, label in trace.labels.items() if i < len(parameters)}  # whose places come first
        self._runners: dict[str, Runner] = {}
        self.compared: set[str] = set()
        self._lock = Lock()

    def runner(self, kind: str) -> Runner:
        """Return what runs a function, which is written at its first use.

        It is "forward", "value_and_grad", "hvp", or for each example alone "jvp", "jacobian" in the parameters, or
        "input_gradients".
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
        twin: Specialised = object.__new__(Specialised)
        vars(twin).update(vars(self))
        twin.captured = captured
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Without the texts, which are written again, and without references between arrays."""
        with self._lock:
            state = {name: content for name, content in vars(self).items() if name not in ("_lock", "_runners")}
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
        self._runners, self._lock = {}, Lock()

    @property
    def differentiated(self) -> list[Array | float]:
        """The results that have derivatives: all of them, or the loss without what is beside it."""
        return self.results[:1] if self.has_aux else self.results

    def _written(self, kind: str) -> Runner:
        program, theta = self._program, self._leaves[THETA]
        results: list[Array | float] = list(self.results)
        slopes: Array | float | None = None
        if kind in ("value_and_grad", "hvp"):
            average = mean(program, results[0])
            results = [average, *(self._joined(results[1:]) if kind == "value_and_grad" else [])]
            slopes = first = gradient(program, average, theta)
            if kind == "hvp":
                slopes = tangent(program, first, theta, self._leaves[DIRECTION])
        elif kind == "jvp":
            moved = [tangent(program, own, theta, self._leaves[DIRECTION]) for own in self.differentiated]
            results = self._joined(moved)
        elif kind == "forward":
            results = self._joined(results)
        else:
            results = self._derivatives([THETA] if kind == "jacobian" else self.arguments)
        names = Names(results, self._labels, [*self.arguments, kind, *self._target.reserved])
        summary = f"{kind} of {self._name}: {counted(self._sizes[THETA], 'parameter')}."
        return self._target.runner(
            Wanted(kind, self.arguments, results, slopes, self._sizes, names, summary, self.shapes)
        )

    def _joined(self, results: list[Array | float]) -> list[Array | float]:
        """Results side by side in one array, where the target has arrays."""
        return [together(self._program, results)] if self._target.batched and results else results

    def _derivatives(self, leaves: Sequence[str]) -> list[Array | float]:
        """For each of the leaves the derivatives of each result, side by side."""
        derivatives = [
            (gradient(self._program, own, self._leaves[name], for_each=True), self._sizes[name])
            for name in leaves
            for own in self.differentiated
        ]
        if self._target.batched:
            return [side_by_side(self._program, derivatives)]
        return [entry for slope, size in derivatives for entry in entries(self._program, slope, size)]


def outputs_of(returned: object, has_aux: bool = False) -> tuple[Form, list[Value]]:
    """Return the form of what a function returned, and all results in order.

    Raises:
        TypeError: for a result that is not a Value, or with `has_aux` for anything but a loss and what is beside it.
        ValueError: for no results.
    """
    if has_aux:
        if not isinstance(returned, tuple | list) or len(returned) != 2 or not isinstance(returned[0], Value):
            raise TypeError(f"with has_aux the function must return a Value and what is beside it, got {returned!r}")
        form, outputs = flattened(returned[1])
        return Parts(((), form)), [returned[0], *outputs]
    form, outputs = flattened(returned)
    if not outputs:
        raise ValueError("the function must return a Value or several, got none")
    return form, outputs
