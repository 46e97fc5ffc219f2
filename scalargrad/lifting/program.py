"""What `lift` returns: a function of one example as a program for many, with its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from inspect import signature
from threading import Lock
from typing import Any

from ..engine import modes
from ..engine.derivatives import hvp
from ..engine.floats import counted, same
from ..engine.graph import sweep
from ..engine.value import Value
from ..optim import distinct_variables
from .arrays.differentiate import gradient, mean, tangent
from .arrays.program import Array, ArrayProgram
from .names import Names
from .source import Wanted
from .target import Runner, Target, chosen
from .trace import Trace

Shape = tuple[int, ...]


class Disagreement(ArithmeticError):
    """A lifted program computes something else than the function that it was lifted from."""


def lift(
    function: Callable[..., Any],
    parameters: Iterable[Value],
    *,
    target: str | None = None,
    dtype: str = "float64",
    check: bool = True,
) -> Program:
    """Return the array program that a function of one example, written in scalars, amounts to.

    `function` takes the numbers of one example, each argument a Value or nested lists of Values, and
    returns a Value or several. The program takes a sequence of such arguments, an entry for each
    example. It is found at the first call; with `check`, that call also compares it with the
    function itself on the first examples. `target` is "numpy", or "python" for the standard library
    alone; None takes numpy where it is installed. `dtype` "float32" computes in half the memory and
    about half the time, to seven digits.

    The program computes what the function computes, up to rounding: sums and products may be taken in
    another order, a 0 that is added or subtracted may be left out, and so the last digits, the sign of a
    zero, and what overflows on the way may differ. A Value that was computed from the parameters before
    the function runs takes part as what it was computed from, and is computed anew at each call. The
    function must do its work in the calling thread.

    >>> from scalargrad import Value
    >>> w, b = Value(2.0, label="w"), Value(1.0, label="b")
    >>> program = lift(lambda x, y: (w * x + b - y) ** 2, [w, b])
    >>> losses = program([0.0, 1.0], [0.0, 0.0])
    >>> [float(loss) for loss in losses]
    [1.0, 9.0]
    >>> value, slope = program.value_and_grad([0.0, 1.0], [0.0, 0.0])
    >>> float(value), [float(x) for x in slope]
    (5.0, [3.0, 4.0])

    Raises:
        TypeError: for parameters that are no Values, or a function that is none.
        ValueError: for a parameter that is no variable or is there twice, or an unknown target or dtype.
        ImportError: for the target "numpy" where numpy is not installed.
    """
    return Program(function, parameters, target, dtype, check)


class Program:
    """A function of one example, lifted: see `lift`."""

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Iterable[Value],
        target: str | None = None,
        dtype: str = "float64",
        check: bool = True,
    ) -> None:
        if not callable(function):
            raise TypeError(f"lift needs a function of one example, got {function!r}")
        self._function = function
        self._parameters = distinct_variables(parameters)
        self._target = chosen(target, dtype)
        self._tolerance = 1e-9 if dtype == "float64" else 1e-3
        self._check = check
        self._lifted: dict[tuple[Shape, ...], _Lifted] = {}
        self._latest: _Lifted | None = None

    def __call__(self, *arguments: Any, at: Any = None) -> Any:
        """Return the result for each example: an array of one number each, or of one row each for several results.

        `at` are numbers to take in place of the parameters' own.

        Raises:
            TypeError: for what is no numbers; TraceError, for a function that cannot be lifted.
            ValueError: for no examples, arguments of different length, or examples of different shapes.
            Disagreement: when the function itself gives something else.
        """
        rows, lifted = self._prepared(arguments)
        runner = self._compared(lifted, "forward", rows)
        found = runner.results(rows, self._leaves(lifted, at))
        return found if arguments else found[0]

    def value_and_grad(self, *arguments: Any, at: Any = None, out: Any = None) -> tuple[float, Any]:
        """Return the mean of the result over the examples, and its gradient: an entry for each parameter.

        `at` are numbers to take in place of the parameters' own, as from an optimizer on arrays. The
        gradient is a new array, or `out`, an array of numpy that is filled.

        Raises:
            TypeError, ValueError, Disagreement: as a call; and for a function of several results, or
                an `at` of another length.
        """
        rows, lifted = self._prepared(arguments, single="value_and_grad")
        leaves = self._leaves(lifted, at)
        if out is not None:
            self._target.check_room(out, len(self._parameters))
        runner = self._compared(lifted, "value_and_grad", rows)
        found: tuple[float, Any] = runner.value_and_gradient(rows, leaves, out)
        return found

    def backward(self, *arguments: Any) -> float:
        """Add the mean's gradient to each parameter's `.grad`, as `backward` of a Value does; return the mean.

        A loop of `zero_grad`, `backward` and an optimizer's `step` so keeps its form, but reads and writes
        each Value in turn, which takes several times as long as the program itself. On an array it is fast:

        >>> from scalargrad import Value, optim
        >>> w = Value(4.0)
        >>> program = lift(lambda x: (w - x) ** 2, [w])
        >>> theta = program.pack()
        >>> optimizer = optim.Adam(theta, rate=0.1)
        >>> for _ in range(100):
        ...     loss, gradient = program.value_and_grad([1.0, 3.0], at=theta)
        ...     theta = optimizer.step(gradient)
        >>> program.unpack(theta)
        >>> round(w.data, 1)
        2.0

        Raises:
            TypeError, ValueError, Disagreement: as `value_and_grad`.
        """
        value, slopes = self.value_and_grad(*arguments)
        for parameter, slope in zip(self._parameters, _floats(slopes), strict=True):
            before = parameter._grad
            parameter._grad = slope if before is None else before + slope
        return value

    def hvp(self, *arguments: Any, at: Any = None) -> Any:
        """Return the Hessian of the mean times a vector, the last argument, which has an entry for each parameter.

        Raises:
            TypeError, ValueError, Disagreement: as `value_and_grad`; and for a vector of another length.
        """
        if not arguments:
            raise TypeError("hvp takes the examples and then a vector, got nothing")
        *examples, vector = arguments
        if _takes(self._function, len(arguments)) and not _takes(self._function, len(examples)):
            raise TypeError(f"hvp takes the examples and then a vector, got {len(examples) + 1} arguments without one")
        rows, lifted = self._prepared(examples, single="hvp")
        direction = self._vector(vector, "the vector")
        runner = self._compared(lifted, "hvp", rows, direction)
        leaves = {**self._leaves(lifted, at), "direction": direction}
        _, moved = runner.value_and_gradient(rows, leaves)
        return moved

    @property
    def source(self) -> str:
        """The program itself, as code: forward and backward; of several results, forward.

        Raises:
            RuntimeError: before the first call, which tells how long the examples are.
        """
        if self._latest is None:
            raise RuntimeError("the program is found at the first call: call it, then ask for its source")
        kind = "value_and_grad" if len(self._latest.results) == 1 else "forward"
        return self._latest.runner(kind).source.text

    def pack(self) -> Any:
        """Return the parameters' numbers, in their order, as one array."""
        modes.refuse_while_tracing("a lifted program")
        return self._target.numbers(self._parameters)

    def unpack(self, theta: Any) -> None:
        """Set the parameters to these numbers; all of them, or on an error none.

        Raises:
            TypeError, ValueError: for what is no numbers, or not as many as there are parameters.
        """
        modes.refuse_while_tracing("a lifted program")
        for parameter, own in zip(self._parameters, _floats(self._vector(theta, "theta")), strict=True):
            parameter.data = own

    def __repr__(self) -> str:
        name = getattr(self._function, "__name__", type(self._function).__name__)
        return f"<lifted {name}: {counted(len(self._parameters), 'parameter')}>"

    # ---------------------------------------------------------------- what a call needs

    def _prepared(self, arguments: Sequence[Any], single: str = "") -> tuple[list[Any], _Lifted]:
        """The arguments as the target has them, a row for each example, and the program for their shapes."""
        modes.refuse_while_tracing("a lifted program")
        read = self._target.rows
        rows: list[Any] = []
        shapes: tuple[Shape, ...] = ()
        for argument in arguments:
            table, shape = read(argument, len(rows) + 1)
            if not len(table) or len(table) != len(rows[0] if rows else table):
                raise _uneven([len(read(one, i)[0]) for i, one in enumerate(arguments, start=1)])
            rows.append(table)
            shapes += (shape,)
        lifted = self._lifted.get(shapes)
        if lifted is None:  # without a lock: the user's function runs here, and may wait for another thread's call
            with modes.no_gc():
                lifted = _Lifted(self._function, self._parameters, shapes, self._target)
            lifted = self._lifted.setdefault(shapes, lifted)
        self._latest = lifted
        if single and len(lifted.results) != 1:
            raise TypeError(f"{single} needs a function with one result, this one has {len(lifted.results)}")
        return rows, lifted

    def _leaves(self, lifted: _Lifted, at: Any = None) -> dict[str, Any]:
        theta = self.pack() if at is None else self._vector(at, "at")
        return {"theta": theta, "captured": self._target.numbers(lifted.captured) if lifted.captured else ()}

    def _vector(self, given: Any, name: str) -> Any:
        if self._target.is_vector(given, len(self._parameters)):
            return given
        rows, shape = self._target.rows(given, name)
        if shape or len(rows) != len(self._parameters):
            raise ValueError(f"{name} must have {len(self._parameters)} numbers, one for each parameter, got {given!r}")
        return rows.ravel() if hasattr(rows, "ravel") else [row[0] for row in rows]

    # ---------------------------------------------------------------- the comparison with the engine

    def _compared(self, lifted: _Lifted, kind: str, rows: list[Any], direction: Any = None) -> Runner:
        """What runs a function of the program; at its first use it is compared with the engine, on a few examples."""
        runner = lifted.runner(kind)
        if self._check and kind not in lifted.compared:
            with modes.defaults():
                self._compare(lifted, kind, runner, rows, direction)
            lifted.compared.add(kind)
        return runner

    def _compare(self, lifted: _Lifted, kind: str, runner: Runner, rows: list[Any], direction: Any) -> None:
        leaves = {**self._leaves(lifted), "direction": direction}
        outputs: dict[int, list[Value]] = {}
        for i in _telling_examples(rows, self._target):
            example = [_nested(_floats(table[i]), shape) for table, shape in zip(rows, lifted.shapes, strict=True)]
            outputs[i] = _outputs(self._function(*example))
        for places in [list(outputs)] if kind == "forward" else _apart(outputs):
            few = [self._target.rows([table[i] for i in places], "")[0] for table in rows]
            expected = [outputs[i] for i in places]
            found = runner.results(few, leaves) if kind == "forward" else runner.value_and_gradient(few, leaves)
            if kind == "forward":
                self._compare_results(found, expected)
            elif kind == "value_and_grad":
                self._compare_gradient(found, expected)
            else:
                self._compare_curvature(_floats(found[1]), [own[0] for own in expected], _floats(direction))

    def _compare_results(self, found: Any, outputs: list[list[Value]]) -> None:
        for row, own in zip(_floats(found), outputs, strict=True):
            for i, (number, output) in enumerate(zip(_floats(row), own, strict=True)):
                made_of = _made_of(sweep({output: 1.0}))
                _agree(number, output.data, self._tolerance * (abs(output.data) + 1e-3 * made_of), f"result {i}")

    def _compare_gradient(self, found: Any, outputs: list[list[Value]]) -> None:
        value, slopes = found
        share = 1 / len(outputs)
        swept = [sweep({output: 1.0}) for (output,) in outputs]
        mean_value = share * sum(output.data for (output,) in outputs)
        made_of = share * sum(_made_of(slopes_of) for slopes_of in swept)
        _agree(value, mean_value, self._tolerance * (abs(mean_value) + 1e-3 * made_of), "the value")
        largest = _largest(slope for slopes_of in swept for slope in slopes_of.values())
        for i, (parameter, own) in enumerate(zip(self._parameters, _floats(slopes), strict=True)):
            eager = share * sum(slopes_of.get(parameter, 0.0) for slopes_of in swept)
            _agree(own, eager, self._tolerance * largest, f"the gradient in parameter {i}")

    def _compare_curvature(self, found: list[float], outputs: list[Value], direction: list[float]) -> None:
        columns = [[entry.data for entry in hvp(output, self._parameters, direction)] for output in outputs]
        expected = [sum(column) / len(outputs) for column in zip(*columns, strict=True)]
        slopes = _largest(slope for output in outputs for slope in sweep({output: 1.0}).values())
        scale = max(_largest(expected), slopes * _largest(direction))
        for i, (own, eager) in enumerate(zip(found, expected, strict=True)):
            if math.isfinite(own) or math.isfinite(eager):  # differentiated in another order, an inf may be a nan
                _agree(own, eager, self._tolerance * scale, f"the Hessian times the vector, in parameter {i},")


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function says that it takes so many arguments."""
    try:
        signature(function).bind(*range(count))
    except (TypeError, ValueError):  # ValueError: it says nothing
        return False
    return True


def _uneven(counts: list[int]) -> ValueError:
    if len(set(counts)) == 1:
        return ValueError("there are no examples: the arguments are empty")
    listed = ", ".join(f"argument {i} has {own}" for i, own in enumerate(counts, start=1))
    return ValueError(f"the arguments must have an entry for each example: {listed}")


def _telling_examples(rows: Sequence[Any], target: Target, most: int = 8) -> list[int]:
    """Where the examples to compare are: the first, the last, those with nan, inf or 0, those with extreme numbers."""
    edges, extremes = [0, len(rows[0]) - 1 if rows else 0], list[int]()
    for table in rows:
        special, largest_and_smallest = target.telling(table)
        edges += special
        extremes += largest_and_smallest
    return list(dict.fromkeys([*edges, *extremes]))[:most]


def _apart(outputs: dict[int, list[Value]]) -> list[list[int]]:
    """The examples in batches: all that are finite in one; each other alone, as it would hide the rest in a mean."""
    finite = [
        i for i, (output,) in outputs.items() if all(map(math.isfinite, [output.data, *sweep({output: 1.0}).values()]))
    ]
    return [*([finite] if finite else []), *([i] for i in outputs if i not in finite)]


def _made_of(slopes: dict[Value, float]) -> float:
    """What a result is made of: to first order, sums in another order change it by so many roundings of that."""
    shares = [abs(slope * node.data) for node, slope in slopes.items()]
    return sum(share for share in shares if math.isfinite(share))


def _largest(numbers: Iterable[float]) -> float:
    return max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)


class _Lifted:
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
            outputs = [trace.index_of(output) for output in _outputs(function(*traced))]
        self.captured = trace.captured
        self._sizes = {"theta": len(parameters), "direction": len(parameters), "captured": len(trace.captured)}
        self._program = ArrayProgram()
        along_theta = self._program.axis(len(parameters))
        self._leaves = {name: self._program.leaf(name, (along_theta,)) for name in ("theta", "direction")}
        self._leaves["captured"] = self._program.leaf("captured", (self._program.axis(len(trace.captured)),))
        for name, shape in zip(self.arguments, shapes, strict=True):
            axis = self._program.axis(math.prod(shape))
            self._leaves[name] = self._program.leaf(name, (axis,), target.batched)
        self.results = target.group(trace, outputs, self._program, self._leaves)
        self._labels = {i: label for i, label in trace.labels.items() if i < len(parameters)}  # they come first
        self._runners: dict[str, Runner] = {}
        self.compared: set[str] = set()
        self._lock = Lock()

    def runner(self, kind: str) -> Runner:
        """Return what runs "forward", "value_and_grad" or "hvp"."""
        found = self._runners.get(kind)
        if found is None:
            with self._lock, modes.no_gc():
                found = self._runners.get(kind) or self._written(kind)
                self._runners[kind] = found
        return found

    def _written(self, kind: str) -> Runner:
        results: list[Array | float] = list(self.results)
        slopes: Array | float | None = None
        theta = self._leaves["theta"]
        if kind != "forward":
            results = [mean(self._program, results[0])]
            slopes = first = gradient(self._program, results[0], theta)
            if kind == "hvp":
                slopes = tangent(self._program, first, theta, self._leaves["direction"])
        names = Names(results, self._labels, [*self.arguments, kind])
        summary = f"{kind} of {self._name}: {counted(self._sizes['theta'], 'parameter')}."
        return self._target.runner(Wanted(kind, self.arguments, results, slopes, self._sizes, names, summary))


def _outputs(returned: Any) -> list[Value]:
    found = list(returned) if isinstance(returned, list | tuple) else [returned]
    for output in found:
        if not isinstance(output, Value):
            raise TypeError(
                f"the function must return a Value or several, got {output!r} of type {type(output).__name__}"
            )
    if not found:
        raise ValueError("the function must return a Value or several, got none")
    return found


def _nested(flat: Sequence[float], shape: Shape) -> Any:
    """Numbers as nested lists of Values of that shape."""
    numbers = iter(flat)

    def nested(shape: Shape) -> Any:
        return [nested(shape[1:]) for _ in range(shape[0])] if shape else Value(next(numbers))

    return nested(shape)


def _floats(numbers: Any) -> list[float]:
    listed = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    return listed if isinstance(listed, list) else [listed]  # a single number is not in a list


def _agree(own: float, eager: float, tolerance: float, what: str) -> None:
    if not same(own, eager) and not (math.isfinite(eager) and abs(own - eager) <= tolerance):
        raise Disagreement(
            f"{what}: the lifted program gives {own!r}, the function itself {eager!r}; does it depend on "
            "anything but its arguments and the parameters, or change between two calls?"
        )
