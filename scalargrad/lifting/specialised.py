"""The program for examples of one shape: the function is traced and grouped once, and written for each use."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from ..engine import modes
from ..engine.floats import counted
from ..engine.value import Value
from .arrays.differentiate import gradient, mean, tangent
from .arrays.packed import Reference, packed, restored
from .arrays.program import Array, ArrayProgram, needed
from .leaves import CAPTURED, DIRECTION, THETA
from .names import Names
from .source import Wanted
from .target import Runner, Target
from .trace import Trace

Shape = tuple[int, ...]


class Specialised:
    """The program for examples of one shape; each of its functions is written when it is first wanted."""

    def __init__(
        self, function: Callable[..., Any], parameters: Sequence[Value], shapes: tuple[Shape, ...], target: Target
    ) -> None:
        self.shapes, self._target = shapes, target
        self._name = getattr(function, "__name__", type(function).__name__)
        trace = Trace(parameters)
        self.arguments = ["x", "y"][: len(shapes)] if len(shapes) <= 2 else [f"x{i}" for i in range(1, 1 + len(shapes))]
        traced = [trace.argument(name, shape) for name, shape in zip(self.arguments, shapes, strict=True)]
        with trace.running():
            outputs = [trace.index_of(output) for output in outputs_of(function(*traced))]
        self.captured = trace.captured
        self._sizes = {THETA: len(parameters), DIRECTION: len(parameters), CAPTURED: len(trace.captured)}
        self._program = ArrayProgram()
        along_theta = self._program.axis(len(parameters))
        self._leaves: dict[str, Array] = {name: self._program.leaf(name, (along_theta,)) for name in (THETA, DIRECTION)}
        self._leaves[CAPTURED] = self._program.leaf(CAPTURED, (self._program.axis(len(trace.captured)),))
        for name, shape in zip(self.arguments, shapes, strict=True):
            axis = self._program.axis(math.prod(shape))
            self._leaves[name] = self._program.leaf(name, (axis,), target.batched)
        self.results = target.group(trace, outputs, self._program, self._leaves)
        self._labels = {i: label for i, label in trace.labels.items() if i < len(parameters)}  # whose places come first
        self._runners: dict[str, Runner] = {}
        self.compared: set[str] = set()
        self._lock = Lock()

    def runner(self, kind: str) -> Runner:
        """Return what runs the function "forward", "value_and_grad" or "hvp", which is written at its first use."""
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

    def _written(self, kind: str) -> Runner:
        results: list[Array | float] = list(self.results)
        slopes: Array | float | None = None
        theta = self._leaves[THETA]
        if kind != "forward":
            results = [mean(self._program, results[0])]
            slopes = first = gradient(self._program, results[0], theta)
            if kind == "hvp":
                slopes = tangent(self._program, first, theta, self._leaves[DIRECTION])
        names = Names(results, self._labels, [*self.arguments, kind, *self._target.reserved])
        summary = f"{kind} of {self._name}: {counted(self._sizes['theta'], 'parameter')}."
        return self._target.runner(Wanted(kind, self.arguments, results, slopes, self._sizes, names, summary))


def outputs_of(returned: object) -> list[Value]:
    """Return the results of a function as a list.

    Raises:
        TypeError: for a result that is not a Value.
        ValueError: for no results.
    """
    outputs: list[Value] = []
    for output in returned if isinstance(returned, list | tuple) else [returned]:
        if not isinstance(output, Value):
            raise TypeError(
                f"the function must return a Value or several, got {output!r} of type {type(output).__name__}"
            )
        outputs.append(output)
    if not outputs:
        raise ValueError("the function must return a Value or several, got none")
    return outputs
