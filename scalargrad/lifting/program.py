"""`lift` and what it returns: a function of one example as a program for many examples, with its gradient."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from copy import deepcopy
from inspect import signature
from pickle import PicklingError
from types import FunctionType
from typing import Any, Literal, NoReturn, overload

from ..engine import modes
from ..engine.floats import counted
from ..engine.value import Value
from ..engine.variables import distinct_variables
from ..files import Path, completed, write_whole
from .comparison import compare, floats_of
from .forms import Form, Parts, Shape, formed, size_of
from .leaves import CAPTURED, DIRECTION, DIRECTIONS, THETA
from .saving import Saved
from .specialised import Specialised
from .target import HasHessian, Runner, TakesDirections, chosen
from .trace import TraceError

FUNCTIONS = ("forward", "value_and_grad", "hvp", "hessian", "gradients", "jacobian", "jvp", "input_gradients")
WITHOUT_INPUTS = "input_gradients needs a function with arguments, this one has none"
OF_ONE_RESULT = ("value_and_grad", "hvp", "hessian", "gradients")


@overload
def lift(
    function: Callable[..., Any],
    parameters: Iterable[Value],
    *,
    target: str | None = None,
    dtype: str = "float64",
    check: bool = True,
    has_aux: Literal[False] = False,
) -> Program: ...
@overload
def lift(
    function: Callable[..., Any],
    parameters: Iterable[Value],
    *,
    target: str | None = None,
    dtype: str = "float64",
    check: bool = True,
    has_aux: Literal[True],
) -> AuxProgram: ...
def lift(
    function: Callable[..., Any],
    parameters: Iterable[Value],
    *,
    target: str | None = None,
    dtype: str = "float64",
    check: bool = True,
    has_aux: bool = False,
) -> Program:
    """Return the array program of a function of one example that is written in scalars.

    The program takes many examples at once. It computes what the function computes, up to rounding: sums and
    products may be taken in another order, and a 0 that is added or subtracted may be left out. So the last
    digits, the sign of a zero, and what overflows on the way may differ. A Value that was computed from the
    parameters before the function runs is computed anew at each call.

    The function runs at the first call for examples of a shape, on Values without numbers. It must compute in
    the calling thread, and the same for every example: no branch may depend on a number.

    >>> from scalargrad import Value
    >>> w, b = Value(2.0, label="w"), Value(1.0, label="b")
    >>> program = lift(lambda x, y: (w * x + b - y) ** 2, [w, b])
    >>> losses = program([0.0, 1.0], [0.0, 0.0])
    >>> [float(loss) for loss in losses]
    [1.0, 9.0]
    >>> value, slope = program.value_and_grad([0.0, 1.0], [0.0, 0.0])
    >>> float(value), [float(x) for x in slope]
    (5.0, [3.0, 4.0])

    Args:
        function: a function of one example. Each argument is a Value, or nested lists of Values; it returns a
            Value, or lists, tuples, dicts or arrays of Values.
        parameters: the Values with respect to which the program has a gradient, in its order.
        target: "numpy", "python" for the standard library alone, or "jax" for accelerators and many devices; None is
            numpy if it is installed.
        dtype: "float64", or "float32" for half the memory, about half the time, and seven digits.
        check: whether each of the program's functions, when it first runs, is compared with `function` on a few
            of the examples.
        has_aux: whether the function returns a loss and something beside it, such as predictions, as `(loss, aux)`.
            Only the loss is differentiated. So it is called in JAX.

    Raises:
        TypeError: for parameters that are not Values, or a function that is not callable.
        ValueError: for a parameter that is not a variable or occurs twice, or an unknown target or dtype.
        ImportError: for the target "numpy" if numpy is not installed.
    """
    return (AuxProgram if has_aux else Program)(function, parameters, target, dtype, check)


class Program:
    """The array program of a function of one example: see `lift`.

    Examples are given as to the function, with one more axis in front: for an argument that is a Value, n
    numbers; for a list of k Values, n rows of k numbers. Numbers may be nested lists or arrays of numpy.
    """

    _has_aux = False  # whether the function returns a loss and something beside it

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
        self._read = self._parameters  # what the function computes with: in a copy, perhaps the original's parameters
        self._is_loaded = False  # from a pickle
        self._target = chosen(target, dtype)
        self._tolerance = 1e-9 if dtype == "float64" else 1e-3
        self._check = check
        self._lifted: dict[tuple[Shape, ...], Specialised] = {}
        self._latest: Specialised | None = None
        self._count = 1  # of the examples of the latest call

    def __call__(self, *arguments: object, at: object = None) -> Any:
        """Return the result of each example.

        Args:
            arguments: the examples; none for a function without arguments.
            at: a number for each parameter, in place of the parameters' own.

        Returns:
            An array of shape (n,), or (n, k) for a list or tuple of k results, (n, j, k) for nested lists. Results of
            different forms come in a tuple with an array for each, those of a dict in a dict. The target "python"
            returns lists in place of arrays. Without arguments, the results of the one example.

        Raises:
            TypeError: for arguments that are not numbers.
            TraceError: for a function that cannot be lifted.
            ValueError: for no examples, arguments of different lengths, or examples of different shapes.
            Disagreement: if the function itself gives other results.
        """
        rows, lifted = self._prepared(arguments, "forward")
        results = self._compared(lifted, "forward", rows).results(rows, self._leaves(lifted, at))
        return _formed(lifted, results, lifted.form, alone=not arguments)

    def value_and_grad(self, *arguments: object, at: object = None, out: object = None) -> tuple[float, Any]:
        """Return the mean of the result over the examples, and its gradient.

        Args:
            arguments: the examples.
            at: a number for each parameter, in place of the parameters' own, such as an optimizer's array.
            out: an array of numpy for the gradient, of shape (parameters,) and the program's dtype.

        Returns:
            The mean, and an array with an entry for each parameter: `out` if it is given, else a new one. The target
            "python" returns a list. With `has_aux`, `(mean, aux)` in place of the mean, with what is beside the loss
            of each example.

        Raises:
            TypeError: as a call; also for a function of several results, or an `out` of another form.
            ValueError: as a call; also for an `at` of another length.
            Disagreement: as a call.
        """
        value, _, gradient = self._value_and_grad(arguments, at, out)
        return self._target.number(value), gradient

    def _value_and_grad(self, arguments: Sequence[object], at: object, out: object) -> tuple[Any, Any, Any]:
        """The mean as the target computes it, what is beside the loss if anything is, and the gradient."""
        rows, lifted = self._prepared(arguments, "value_and_grad")
        leaves = self._leaves(lifted, at)
        if out is not None:
            self._target.check_out(out, len(self._parameters))
        value, gradient = self._compared(lifted, "value_and_grad", rows).value_and_gradient(rows, leaves, out)
        if not self._has_aux:
            return value, None, gradient
        assert isinstance(lifted.form, Parts), "it is that of a loss and what is beside it"
        mean, beside = value
        return mean, _formed(lifted, beside, lifted.form.forms[1], alone=not arguments), gradient

    def backward(self, *arguments: object) -> float:
        """Add the gradient of the mean to each parameter's `.grad`, as `backward` of a Value does; return the mean.

        So a loop of `zero_grad`, `backward` and an optimizer's `step` keeps its form. But it reads and writes
        one Value after another, which takes several times as long as the program. On an array it is fast:

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
        value, _, slopes = self._value_and_grad(arguments, None, None)
        for parameter, slope in zip(self._parameters, floats_of(slopes), strict=True):
            before = parameter._grad
            parameter._grad = slope if before is None else before + slope
        mean: float = self._target.number(value)
        return mean

    def hvp(self, *arguments: object, at: object = None) -> Any:
        """Return the Hessian of the mean times a vector: `program.hvp(X, Y, vector)`.

        Args:
            arguments: the examples, and then the vector, with a number for each parameter.
            at: a number for each parameter, in place of the parameters' own.

        Returns:
            An array with an entry for each parameter; the target "python" returns a list.

        Raises:
            TypeError, ValueError, Disagreement: as `value_and_grad`; also for a vector of another length.
        """
        examples, direction = self._with_a_vector("hvp", arguments)
        rows, lifted = self._prepared(examples, "hvp")
        runner = self._compared(lifted, "hvp", rows)
        leaves = {**self._leaves(lifted, at), DIRECTION: direction}
        _, moved = runner.value_and_gradient(rows, leaves)
        return moved

    def hessian(self, *arguments: object, at: object = None) -> Any:
        """Return the Hessian of the mean in the parameters, of shape (parameters, parameters).

        Its columns are `hvp` with each unit vector. On numpy and in JAX, up to 32 are computed at once.

        >>> from scalargrad import Value
        >>> w, b = Value(2.0), Value(1.0)
        >>> program = lift(lambda x: (w * x + b) ** 2 * w, [w, b])
        >>> [[float(entry) for entry in row] for row in program.hessian([1.0, 3.0])]
        [[68.0, 18.0], [18.0, 4.0]]

        Args:
            arguments: the examples.
            at: a number for each parameter, in place of the parameters' own.

        Returns:
            An array; the target "python" returns lists.

        Raises:
            TypeError, ValueError, Disagreement: as `value_and_grad`.
        """
        rows, lifted = self._prepared(arguments, "hessian")
        leaves, size = self._leaves(lifted, at), len(self._parameters)
        columns: list[Any] = []
        if isinstance(self._target, TakesDirections) and lifted.takes_directions(len(rows[0]) if rows else 1):
            for start in range(0, size, lifted.directions):
                units = self._target.units(start, lifted.directions, size)
                runner = self._compared(lifted, "hessian", rows, units)
                _, several = runner.value_and_gradient(rows, {**leaves, DIRECTIONS: units})
                columns += self._target.columns(several, lifted.directions)
            return self._target.shaped(self._target.rows(columns[:size], "the Hessian")[0], 0, (size,))
        lifted = lifted.quickest("hvp", self._target.count(rows[0]) if rows else 1)
        runner = self._compared(lifted, "hvp", rows)
        if isinstance(runner, HasHessian):
            return runner.hessian(rows, leaves)
        for i in range(size):
            direction = self._vector([float(i == j) for j in range(size)], "a unit vector")
            columns.append(runner.value_and_gradient(rows, {**leaves, DIRECTION: direction})[1])
        return self._target.shaped(self._target.rows(columns, "the Hessian")[0], 0, (size,))

    def gradients(self, *arguments: object, at: object = None) -> Any:
        """Return for each example the gradient of its result in the parameters, of shape (n, parameters).

        >>> from scalargrad import Value
        >>> w, b = Value(2.0), Value(1.0)
        >>> program = lift(lambda x, y: (w * x + b - y) ** 2, [w, b])
        >>> [[float(slope) for slope in row] for row in program.gradients([1.0, 2.0], [0.0, 4.0])]
        [[6.0, 6.0], [4.0, 2.0]]

        Args:
            arguments: the examples.
            at: a number for each parameter, in place of the parameters' own.

        Returns:
            An array; the target "python" returns lists. Without arguments, the gradient of the one result.

        Raises:
            TypeError, ValueError, Disagreement: as `value_and_grad`.
        """
        return self._jacobian("gradients", arguments, at)

    def jacobian(self, *arguments: object, at: object = None) -> Any:
        """Return for each example the derivatives of its results in the parameters.

        >>> from scalargrad import Value
        >>> w, b = Value(2.0), Value(1.0)
        >>> program = lift(lambda x: [w * x + b, w * w], [w, b])
        >>> [[[float(slope) for slope in row] for row in of_one] for of_one in program.jacobian([3.0])]
        [[[3.0, 1.0], [4.0, 0.0]]]

        Args:
            arguments: the examples.
            at: a number for each parameter, in place of the parameters' own.

        Returns:
            For a list of k results an array of shape (n, k, parameters), and so on: in the form of a call's results,
            with one more axis. The target "python" returns lists.

        Raises:
            TypeError, ValueError, Disagreement: as a call; also for an `at` of another length.
        """
        return self._jacobian("jacobian", arguments, at)

    def _jacobian(self, name: str, arguments: Sequence[object], at: object) -> Any:
        rows, lifted = self._prepared(arguments, name)
        results = self._compared(lifted, "jacobian", rows).results(rows, self._leaves(lifted, at))
        return _formed(lifted, results, self._form_of(lifted), (len(self._parameters),), alone=not arguments)

    def jvp(self, *arguments: object, at: object = None) -> Any:
        """Return how fast the results of each example change as the parameters move: `program.jvp(X, Y, vector)`.

        >>> from scalargrad import Value
        >>> w, b = Value(2.0), Value(1.0)
        >>> program = lift(lambda x: [w * x + b, w * w], [w, b])
        >>> [[float(speed) for speed in row] for row in program.jvp([3.0, 5.0], [1.0, 0.5])]
        [[3.5, 4.0], [5.5, 4.0]]

        Args:
            arguments: the examples, and then the vector, with a number for each parameter.
            at: a number for each parameter, in place of the parameters' own.

        Returns:
            The Jacobian times the vector, in the form of a call's results.

        Raises:
            TypeError, ValueError, Disagreement: as a call; also for a vector of another length.
        """
        examples, direction = self._with_a_vector("jvp", arguments)
        rows, lifted = self._prepared(examples, "jvp")
        runner = self._compared(lifted, "jvp", rows)
        results = runner.results(rows, {**self._leaves(lifted, at), DIRECTION: direction})
        return _formed(lifted, results, self._form_of(lifted), alone=not examples)

    def input_gradients(self, *arguments: object, at: object = None) -> Any:
        """Return for each example the derivatives of its results in the numbers of its arguments.

        >>> from scalargrad import Value
        >>> w = Value(2.0)
        >>> program = lift(lambda x, y: w * x[0] * x[1] + y * y, [w])
        >>> of_x, of_y = program.input_gradients([[1.0, 3.0], [5.0, 7.0]], [1.0, 2.0])
        >>> [[float(slope) for slope in row] for row in of_x], [float(slope) for slope in of_y]
        ([[6.0, 2.0], [14.0, 10.0]], [2.0, 4.0])

        Args:
            arguments: the examples.
            at: a number for each parameter, in place of the parameters' own.

        Returns:
            For one argument, an array of its shape; for a list of k results, with an axis of k behind the first, and
            so on as a call's results. For several arguments, a tuple with the derivatives in each. The target
            "python" returns lists. An integer that is also an index has the derivative of its part in arithmetic.

        Raises:
            TypeError, ValueError, Disagreement: as a call; also for a function without arguments.
        """
        rows, lifted = self._prepared(arguments, "input_gradients")
        if not arguments:
            raise TypeError(WITHOUT_INPUTS)
        results = self._compared(lifted, "input_gradients", rows).results(rows, self._leaves(lifted, at))
        form, start, derivatives = self._form_of(lifted), 0, []
        for shape in lifted.shapes:
            derivatives.append(_formed(lifted, results, form, shape, start=start))
            start += size_of(form) * math.prod(shape)
        return derivatives[0] if len(derivatives) == 1 else tuple(derivatives)

    def function(self, name: str) -> PureFunction:
        """Return one of the program's functions as a pure function of the parameters and the examples.

        With the target "jax" it is one to JAX, too, for `jax.jit`, `jax.vmap`, `jax.lax.scan` and others. All that it
        returns are arrays of JAX, the mean of "value_and_grad" as well. A function that JAX compiles keeps the numbers
        of other Values that the program reads as they are then.

        >>> from scalargrad import Value
        >>> w = Value(2.0)
        >>> value_and_grad = lift(lambda x: (w * x) ** 2, [w]).function("value_and_grad")
        >>> value, gradient = value_and_grad([3.0], [1.0, 2.0])  # theta, and then the arguments
        >>> value, [float(slope) for slope in gradient]
        (22.5, [15.0])

        Args:
            name: the name of a method: "value_and_grad", "hvp", "gradients", …, or "forward" for a call.

        Raises:
            ValueError: for another name.
        """
        if name not in FUNCTIONS:
            raise ValueError(f"a program has the functions {', '.join(FUNCTIONS)}, got {name!r}")
        return PureFunction(self, name)

    @property
    def source(self) -> str:
        """The text of "value_and_grad", or where the program has none, of "forward", for examples like the latest.

        For a few examples it may be in plain floats, where arrays do not pay; then it says for how many. The text of
        any other function is its `source`: `print(program.function("hvp").source)`.

        Raises:
            RuntimeError: before the first call, as the text depends on the shape of an example.
        """
        lifted = self._latest
        return self._source_of("forward" if lifted and len(lifted.differentiated) != 1 else "value_and_grad")

    def _source_of(self, name: str) -> str:
        lifted = self._latest
        if lifted is None:
            raise RuntimeError("the program is written at the first call: call it, then read its source")
        _refuse_several(lifted, name)
        if name == "input_gradients" and not lifted.shapes:
            raise TypeError(WITHOUT_INPUTS)
        kind = _kind(name)
        if kind == "hessian" and not lifted.takes_directions(self._count):
            kind = "hvp"
        return lifted.quickest(kind, self._count).runner(kind).source.text

    def save(self, path: Path) -> None:
        """Write the program as a Python file that runs without this library, for examples of the latest shape.

        The file needs numpy, and scipy where the program does; for the target "python" the standard library alone. It
        has `forward` and, for a single result, `value_and_grad`, which give the same bits as the program. They take
        the examples, and by default the parameters that the program has now.

        >>> from scalargrad import Value
        >>> w = Value(2.0)
        >>> program = lift(lambda x: (w * x) ** 2, [w])
        >>> losses = program([1.0, 2.0])
        >>> program.save("square.py")  # doctest: +SKIP

        Args:
            path: of the file, which is replaced if there is one; without a suffix it gets ".py".

        Raises:
            RuntimeError: before the first call, as the code depends on the shape of an example.
            TypeError: for a program that calls an operation of your own for each number.
            ValueError: for a path with another suffix.
            OSError: when the file cannot be written.
        """
        path = completed(path, ("py",), "a Python module")
        lifted = self._latest
        if lifted is None:
            raise RuntimeError("the program is written at the first call: call it, then save it")
        modes.refuse_while_tracing("a lifted program")
        kinds = ["forward", "value_and_grad"] if len(lifted.differentiated) == 1 else ["forward"]
        limits = [(kind, lifted.limit(kind)) for kind in kinds]
        text = self._target.saved(
            Saved(
                name=self._name,
                arguments=lifted.arguments,
                shapes=lifted.shapes,
                form=lifted.form,
                has_aux=self._has_aux,
                theta=floats_of(self.pack()),
                captured=floats_of(self._target.packed(lifted.captured)),
                indices=lifted.indices,
                runners={kind: lifted.quickest(kind, sys.maxsize).runner(kind) for kind in kinds},
                few={kind: (limit, lifted.quickest(kind, 1).runner(kind)) for kind, limit in limits if limit >= 1},
            )
        )
        write_whole(path, text.encode())

    def pack(self) -> Any:
        """Return the parameters' numbers as an array of shape (parameters,); the target "python" returns a list."""
        modes.refuse_while_tracing("a lifted program")
        return self._target.packed(self._parameters)

    def unpack(self, theta: object) -> None:
        """Set the parameters to these numbers: all of them, or none if there is an error.

        Args:
            theta: a number for each parameter, in their order.

        Raises:
            TypeError, ValueError: for what is not numbers, or not one for each parameter.
        """
        modes.refuse_while_tracing("a lifted program")
        for parameter, own in zip(self._parameters, floats_of(self._vector(theta, "theta")), strict=True):
            parameter.data = own

    @property
    def _name(self) -> str:
        return getattr(self._function, "__name__", type(self._function).__name__)

    def __repr__(self) -> str:
        return f"<lifted {self._name}: {counted(len(self._parameters), 'parameter')}>"

    # ---------------------------------------------------------------- copies and pickles

    @property
    def _is_apart(self) -> bool:
        """Whether the function, found by its name or not at all, cannot know the parameters, which were loaded."""
        return self._is_loaded and isinstance(self._function, FunctionType | _Gone)

    def __copy__(self) -> Program:
        """Return a program with the same parameters."""
        twin: Program = object.__new__(type(self))
        vars(twin).update(vars(self), _lifted=dict(self._lifted))
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Program:
        """Return a program with parameters of its own: those of a model that is copied in the same go.

        A function that is not an object with attributes is shared, and goes on to compute with the original's
        parameters: the copy takes from it what is computed, and the numbers from its own parameters.
        """
        if isinstance(memo, _Reached):  # for a program that reaches this one: it needs no copy
            memo[id(self)] = self
            deepcopy((self._function, self._parameters), memo)
            return self
        reached = _Reached({id(self): self})  # what a copy of the function copies
        deepcopy(self._function, reached)

        def followed(values: Sequence[Value]) -> list[Value]:
            return [deepcopy(value, memo) if id(value) in reached else value for value in values]

        twin = memo[id(self)] = self.__copy__()
        twin._function = deepcopy(self._function, memo)
        twin._parameters = [deepcopy(parameter, memo) for parameter in self._parameters]
        twin._read = followed(self._read)
        twin._lifted = {shapes: own.with_captured(followed(own.captured)) for shapes, own in self._lifted.items()}
        twin._latest = None if self._latest is None else twin._lifted[self._latest.shapes]
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Without the function if `pickle` could not find it by its name: what has been lifted does not need it.

        Raises:
            PicklingError: for such a function before the first call.
        """
        state = dict(vars(self))
        if isinstance(self._function, FunctionType) and not _has_a_place(self._function):
            if not self._lifted:
                raise PicklingError(
                    f"{self!r} cannot be pickled yet, as its function has no name by which it could be found again: "
                    "call the program once for examples of each shape, or define the function in a module"
                )
            state["_function"] = _Gone(self._function.__name__)
        return {**state, "_is_loaded": True}

    # ---------------------------------------------------------------- arguments

    def _prepared(self, arguments: Sequence[object], name: str) -> tuple[list[Any], Specialised]:
        """The arguments as tables of the target, a row for each example, and what runs a function for them."""
        modes.refuse_while_tracing("a lifted program")
        read, count = self._target.rows, self._target.count
        rows: list[Any] = []
        shapes: tuple[Shape, ...] = ()
        size = 0
        for argument in arguments:
            table, shape = read(argument, len(rows) + 1)
            before, size = size, count(table)
            if size == 0 or (rows and size != before):
                raise _uneven([count(read(one, i)[0]) for i, one in enumerate(arguments, start=1)])
            rows.append(table)
            shapes += (shape,)
        lifted = self._lifted.get(shapes)
        if lifted is None:  # without a lock: the user's function runs here, and may wait for a call in another thread
            with modes.no_gc():
                lifted = Specialised(self._function, self._read, shapes, self._target, self._has_aux)
            if self._is_apart and lifted.captured and not lifted.reads_parameters:
                raise _strangers(self, shapes)
            lifted = self._lifted.setdefault(shapes, lifted)
        self._latest = lifted
        if lifted.indices:
            rows = self._with_checked_indices(rows, lifted)
        _refuse_several(lifted, name)
        if lifted.in_floats is None:
            return rows, lifted
        self._count = len(rows[0]) if rows else 1
        return rows, lifted.quickest(_kind(name), self._count)

    def _with_checked_indices(self, rows: list[Any], lifted: Specialised) -> list[Any]:
        """The tables, in which all indices are right, or guarded where they have no numbers yet."""
        checked = []
        for i, table in enumerate(rows):
            sizes = lifted.indices.get(lifted.arguments[i])
            wrong = self._target.no_index(table, sizes) if sizes else None
            if sizes and wrong is not None:
                raise _no_index(i + 1, lifted.shapes[i], sizes[wrong[1]], *wrong)
            checked.append(self._target.guarded(table, sizes or {}))
        return checked

    def _with_a_vector(self, name: str, arguments: Sequence[object]) -> tuple[Sequence[object], Any]:
        """The examples, and the vector that comes after them."""
        if not arguments:
            raise TypeError(f"{name} takes the examples and then a vector, got nothing")
        *examples, vector = arguments
        called = any(len(shapes) == len(examples) for shapes in tuple(self._lifted))
        if not called and _takes(self._function, len(arguments)) and not _takes(self._function, len(examples)):
            got = f"got {counted(len(arguments), 'argument')} without one"
            raise TypeError(f"{name} takes the examples and then a vector, {got}")
        return examples, self._vector(vector, "the vector")

    def _form_of(self, lifted: Specialised) -> Form:
        """The form of the results that have derivatives."""
        return () if self._has_aux else lifted.form

    def _leaves(self, lifted: Specialised, at: object = None) -> dict[str, Any]:
        return _with_captured(lifted, lifted.target.packed(self._parameters) if at is None else self._vector(at, "at"))

    def _vector(self, given: object, name: str) -> Any:
        if self._target.is_row(given, len(self._parameters)):
            return given
        table, shape = self._target.rows(given, name)
        if shape or len(table) != len(self._parameters):
            wanted = counted(len(self._parameters), "number")
            raise ValueError(f"{name} must have {wanted}, one for each parameter, got {given!r}")
        return self._target.flat(table)

    # ---------------------------------------------------------------- the comparison with the engine

    def _compared(self, lifted: Specialised, kind: str, rows: list[Any], units: Any = None) -> Runner:
        """The runner of a function of the program, which at its first use is compared with the function itself.

        Along one direction, in which all parameters move: the caller's may have zeros, or no numbers yet in JAX.
        """
        runner = lifted.runner(kind)
        if self._check and kind not in lifted.compared and not self._is_apart:
            sizes = [lifted.indices.get(name, {}) for name in lifted.arguments]
            quicker = modes.defaults() if modes.active else nullcontext()  # Values are quicker outside of all modes
            with quicker, modes.no_gc(), self._target.comparable(rows, sizes) as examples:
                own = _with_captured(lifted, lifted.target.packed(self._read))
                direction = self._vector([math.cos(i) for i in range(len(self._parameters))], "a direction")
                leaves = {**own, DIRECTION: direction, DIRECTIONS: units}
                compare(self._function, self._read, lifted, kind, examples, leaves, self._target, self._tolerance)
            lifted.compared.add(kind)
        return runner


class AuxProgram(Program):
    """The array program of a function that returns a loss and something beside it: see `lift`, with `has_aux`."""

    _has_aux = True

    def value_and_grad(  # type: ignore[override]  # with more in the place of the mean, as in JAX
        self, *arguments: object, at: object = None, out: object = None
    ) -> tuple[tuple[float, Any], Any]:
        """Return `(mean, aux), gradient`: as `Program.value_and_grad`, with what is beside the loss of each example."""
        mean, aux, gradient = self._value_and_grad(arguments, at, out)
        return (self._target.number(mean), aux), gradient


class _Reached(dict[int, Any]):
    """The memo of a copy that is made to see what belongs to it."""


def _with_captured(lifted: Specialised, theta: Any) -> dict[str, Any]:
    return {THETA: theta, CAPTURED: lifted.target.packed(lifted.captured) if lifted.captured else ()}


def _formed(
    lifted: Specialised, rows: Any, form: Form, within: Shape = (), *, start: int = 0, alone: bool = False
) -> Any:
    """Results in their form, of which each is an array of the shape `within`; `alone` for those of one example."""
    size = math.prod(within)

    def piece(place: int, shape: Shape) -> Any:
        block = lifted.target.shaped(rows, start + place * size, shape + within)
        return block[0] if alone else block

    return formed(form, piece)


class PureFunction:
    """One of a program's functions as a function of the parameters and the examples: see `Program.function`."""

    def __init__(self, program: Program, name: str) -> None:
        self._program, self.__name__ = program, name

    def __call__(self, theta: object, *arguments: object) -> Any:
        """Return what the program's method returns for these parameters; in JAX, arrays alone."""
        modes.refuse_while_tracing("a lifted program")
        program, name = self._program, self.__name__
        at = program._vector(theta, "theta")
        if name == "value_and_grad":
            value, aux, gradient = program._value_and_grad(arguments, at, None)
            return ((value, aux) if program._has_aux else value), gradient
        return (program if name == "forward" else getattr(program, name))(*arguments, at=at)

    @property
    def source(self) -> str:
        """Its text, for examples like those of the program's latest call: see `Program.source`.

        "gradients" is written as "jacobian", and "hessian" as "hvp", along one direction or along several at once.

        >>> from scalargrad import Value
        >>> w = Value(2.0, label="w")
        >>> program = lift(lambda x: w * x, [w], target="python")
        >>> results = program([1.0])
        >>> "value = w * x_0" in program.function("forward").source
        True

        Raises:
            RuntimeError: before the first call, as the text depends on the shape of an example.
            TypeError: for a function that the program does not have, such as "hvp" of several results.
        """
        return self._program._source_of(self.__name__)

    def __repr__(self) -> str:
        return f"<{self.__name__} of {self._program!r}>"


class _Gone:
    """Stands in a pickled program for its function, which could not be pickled."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *_example: object) -> NoReturn:
        raise TraceError(
            f"the program of {self.__name__} was pickled without it, as it has no name by which it could be found "
            "again: call the program for examples of this shape before it is pickled, or define the function in a "
            "module"
        )


def _has_a_place(function: FunctionType) -> bool:
    """Whether `pickle` finds a function by its name."""
    place: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        place = getattr(place, name, None)
    return place is function


def _strangers(program: Program, shapes: tuple[Shape, ...]) -> TraceError:
    return TraceError(
        f"{program!r} was pickled, and the function that has its name here computes with other Values than the "
        f"program's parameters, so it cannot be lifted for examples of the shapes {shapes}: call the program for "
        "examples of this shape before it is pickled"
    )


def _kind(name: str) -> str:
    """The function that computes what a method returns: with one result, gradients are a Jacobian."""
    return "jacobian" if name == "gradients" else name


def _refuse_several(lifted: Specialised, name: str) -> None:
    has = len(lifted.differentiated)
    if name in OF_ONE_RESULT and has != 1:
        raise TypeError(f"{name} needs a function with one result, this one has {has}")


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether the signature of a function takes so many arguments."""
    try:
        signature(function).bind(*range(count))
    except (TypeError, ValueError):  # ValueError: it has no signature
        return False
    return True


def _no_index(argument: int, shape: Shape, size: int, example: int, place: int, given: float) -> ValueError:
    within = ""
    for extent in reversed(shape):
        within = f"[{place % extent}]{within}"
        place //= extent
    return ValueError(
        f"in example {example} of this call, counted from 0, argument {argument}{within} is an index into a table and "
        f"must be an integer from 0 to {size - 1}, got {given:.17g}"
    )


def _uneven(counts: list[int]) -> ValueError:
    if len(set(counts)) == 1:
        return ValueError("there are no examples: the arguments are empty")
    listed = ", ".join(f"argument {i} has {own}" for i, own in enumerate(counts, start=1))
    return ValueError(f"the arguments must have an entry for each example: {listed}")
