"""Going downhill: optimizers, the loop around them, and starting again elsewhere.

`GradientDescent` and `Adam` move parameters one step at a time: Values by their `.grad`, or an array by a
gradient that is given, with the same rule and to the same bits. `minimize` is
the whole loop, θ ← θ - μ∇L until ‖∇L‖ < ε. It ends in the nearest minimum, which need not be the
lowest: `restarts` runs it from several places and keeps the best.

A parameter that no sweep has reached has the gradient 0, here as everywhere, on Values and on arrays.
So momentum and Adam still move it, by what they remember. PyTorch skips a parameter whose gradient is
None, as `zero_grad` leaves it there, and what it remembers of it stays as it was. To hold a parameter
still, leave it out of the optimizer.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import starmap
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol

from .engine import modes
from .engine.floats import integer, number, refuse_set
from .engine.value import Constant, Value

if TYPE_CHECKING:  # it takes as long to import as all the rest
    from concurrent.futures import Executor, Future


class Array(Protocol):
    """An array of numpy, JAX or another library that follows the Python array API."""

    def __array_namespace__(self) -> Any:
        """Return the library's functions."""


Parameters = Iterable[Value] | list[float] | Array


class _Optimizer(ABC):
    """What optimizers have in common: one rule for a step, on Values or on an array.

    Attributes:
        parameters: the Values that are moved; none on an array.
        theta: the array or list that is moved; None on Values.
        steps: how many steps have been taken.
    """

    _memory: tuple[str, ...]  # what is remembered from step to step: attributes with a number for each parameter

    def __init__(self, parameters: Parameters) -> None:
        self.theta: Any = None if _are_values(parameters) else _checked_theta(parameters)
        self.parameters: list[Value] = _parameters(parameters) if self.theta is None else []
        self.steps = 0
        for name in self._memory:
            self._remember(name, [0.0] * self.size)

    @property
    def size(self) -> int:
        """How many numbers are moved."""
        return len(self.parameters) if self.theta is None else len(self.theta)

    @abstractmethod
    def _rule(self, sqrt: Callable[[Any], Any]) -> Callable[..., tuple[Any, ...]]:
        """What makes of a gradient and of what is remembered the change to subtract, and what to remember."""

    def step(self, gradient: Any = None) -> Any:
        """Move the parameters: Values by their `.grad`; an array or list by the gradient given, one number for each.

        On an array it returns the moved array. An array of numpy, or a list, is changed in place and
        returned; one that cannot change stays as it is, and the moved one is a new array.

        Raises:
            TypeError: for a gradient on Values, or none on an array, or one that is no list, tuple or array of real
                numbers.
            ValueError: for a gradient of another shape, or a number beyond the range of floats.
        """
        modes.refuse_while_tracing("an optimizer's step")
        if self.theta is None:
            if gradient is not None:
                raise TypeError("on Values step() takes no gradient: it reads each .grad, which backward() fills")
            gradients = [parameter._grad or 0.0 for parameter in self.parameters]  # not .grad: it would take as long
            for parameter, change in zip(self.parameters, self._changes(gradients), strict=True):
                parameter._data -= change
            return None
        if gradient is None:
            raise TypeError("on an array step(gradient) needs the gradient, as program.value_and_grad returns it")
        if isinstance(self.theta, list):
            changes = self._changes([x or 0.0 for x in _gradient_of(self.theta, gradient)])
            self.theta[:] = [x - change for x, change in zip(self.theta, changes, strict=True)]
        else:
            self.theta = self._moved(self.theta, _gradient_of(self.theta, gradient))
        return self.theta

    def _changes(self, gradients: list[float]) -> list[float]:
        self.steps += 1
        remembered = [getattr(self, name) for name in self._memory]
        given = zip(gradients, *remembered, strict=True)
        changes, *memory = map(list, zip(*starmap(self._rule(math.sqrt), given), strict=True))
        for name, column in zip(self._memory, memory, strict=True):
            setattr(self, name, column)
        return changes

    def _moved(self, theta: Any, gradient: Any) -> Any:
        self.steps += 1
        arrays = theta.__array_namespace__()
        with arrays.errstate(all="ignore") if hasattr(arrays, "errstate") else nullcontext():  # inf and nan are answers
            gradient = gradient + 0.0  # a copy; and -0.0 becomes 0.0, as on Values
            change, *memory = self._rule(arrays.sqrt)(gradient, *[getattr(self, name) for name in self._memory])
            if hasattr(theta, "flags") and not theta.flags.writeable:
                theta = theta - change
            else:
                theta -= change  # in place where the array can change, a new array where it cannot
        for name, column in zip(self._memory, memory, strict=True):
            setattr(self, name, column)
        return theta

    def zero_grad(self) -> None:
        """Forget the gradient of each parameter.

        Raises:
            TypeError: on an array, which has no gradient to forget.
        """
        if self.theta is not None:
            raise TypeError("on an array there is no gradient to forget: step(gradient) keeps none")
        for parameter in self.parameters:
            parameter.zero_grad()

    def _remember(self, name: str, numbers: list[float]) -> None:
        """Keep numbers as what the rule works on: a list, or an array like the parameters."""
        if self.theta is None or isinstance(self.theta, list):
            setattr(self, name, numbers)
        else:
            setattr(self, name, self.theta.__array_namespace__().asarray(numbers, dtype=self.theta.dtype))

    def _remembered(self, name: str) -> list[float]:
        numbers = getattr(self, name)
        return list(numbers) if isinstance(numbers, list) else numbers.tolist()


class GradientDescent(_Optimizer):
    """Gradient descent: v ← momentum × v + ∇L, θ ← θ - rate × v.

    For a parameter that no sweep has reached, ∇L is 0; with a momentum it goes on, unlike PyTorch's.

    Polyak, "Some methods of speeding up the convergence of iteration methods" (1964).

    >>> x = Value(10.0)
    >>> optimizer = GradientDescent([x], rate=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x.data
    8.0

    The parameters may also be an array, or a list of floats. Then `step` takes the gradient:

    >>> theta = [10.0]
    >>> optimizer = GradientDescent(theta, rate=0.1)
    >>> optimizer.step([20.0])
    [8.0]

    Raises:
        TypeError: for parameters that are neither Values nor an array or list of floats.
        ValueError: for no parameters, an array of more than one axis, a rate that is not positive, or a
            momentum outside of [0, 1).
    """

    velocity: Any
    _memory = ("velocity",)

    def __init__(self, parameters: Parameters, rate: float, momentum: float = 0.0) -> None:
        super().__init__(parameters)
        self.rate = _within(rate, "rate", 0.0, math.inf)
        self.momentum = _within(momentum, "momentum", 0.0, 1.0, closed=True)

    def _rule(self, sqrt: Callable[[Any], Any]) -> Callable[..., tuple[Any, ...]]:  # noqa: ARG002  # as Adam's
        momentum, rate = float(self.momentum), float(self.rate)

        def rule(gradient: Any, velocity: Any) -> tuple[Any, ...]:
            velocity = momentum * velocity + gradient if momentum else gradient
            return rate * velocity, velocity

        return rule

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on, as plain data."""
        return {"velocity": self._remembered("velocity")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`.

        Raises:
            ValueError: when it is of another optimizer, or of another number of parameters, or holds a nan
                or an infinity.
            TypeError: when it is no dict of lists of numbers.
        """
        (velocity,) = _columns(state, ["velocity"], self.size)
        self._remember("velocity", velocity)


class Adam(_Optimizer):
    """Adam: steps of about `rate`, whatever the gradient's scale.

    For a parameter that no sweep has reached, the gradient is 0; it goes on by its moments, unlike PyTorch's.

    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980, algorithm 1.

    >>> x = Value(10.0)
    >>> optimizer = Adam([x], rate=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    9.9

    Raises:
        TypeError, ValueError: as `GradientDescent`.
    """

    first_moment: Any
    second_moment: Any
    _memory = ("first_moment", "second_moment")

    def __init__(
        self,
        parameters: Parameters,
        rate: float = 0.001,
        first_decay: float = 0.9,
        second_decay: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(parameters)
        self.rate = _within(rate, "rate", 0.0, math.inf)
        self.first_decay = _within(first_decay, "first_decay", 0.0, 1.0, closed=True)
        self.second_decay = _within(second_decay, "second_decay", 0.0, 1.0, closed=True)
        self.epsilon = _within(epsilon, "epsilon", 0.0, math.inf)

    def _rule(self, sqrt: Callable[[Any], Any]) -> Callable[..., tuple[Any, ...]]:
        first_weight = 1 - self.first_decay**self.steps
        second_weight = 1 - self.second_decay**self.steps
        b1, b2, rate, epsilon = map(float, (self.first_decay, self.second_decay, self.rate, self.epsilon))

        def rule(g: Any, m: Any, v: Any) -> tuple[Any, ...]:
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g * g
            return rate * (m / first_weight) / (sqrt(v / second_weight) + epsilon), m, v

        return rule

    def state_dict(self) -> dict[str, Any]:
        """Return what the next step depends on, as plain data."""
        first, second = map(self._remembered, self._memory)
        return {"first": first, "second": second, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`.

        Raises:
            ValueError: when it is of another optimizer, or of another number of parameters, or cannot be a state.
            TypeError: when it is no dict of lists of numbers.
        """
        first, second = _columns(state, ["first", "second"], self.size, beside={"steps"})
        steps = integer(state["steps"], "steps", low=0)
        number(steps, "steps")  # a decay to a higher power would be an OverflowError
        if any(v < 0 for v in second):
            raise ValueError(f"second must hold no negative number, got {min(second)}")
        self._remember("first_moment", first)
        self._remember("second_moment", second)
        self.steps = steps


# ---------------------------------------------------------------- the loop

CONVERGED, OUT_OF_STEPS, DIVERGED, INTERRUPTED, STOPPED = range(5)


@dataclass
class MinimizeResult:
    """What `minimize` came to, in the manner of scipy.

    Attributes:
        x: the parameters' numbers at the end.
        fun: the loss there.
        gradient_norm: ‖∇L‖ there.
        nit: how many steps were taken.
        success: whether the gradient's norm fell below the tolerance.
        status: CONVERGED, OUT_OF_STEPS, DIVERGED, INTERRUPTED or STOPPED, as a number.
        message: the same in words.
        history: the loss before each step, and at the end.
    """

    x: list[float]
    fun: float
    gradient_norm: float
    nit: int
    success: bool = False
    status: int = OUT_OF_STEPS
    message: str = ""
    history: list[float] = field(default_factory=list)

    def __repr__(self) -> str:
        shown = ", ".join(f"{x:.6g}" for x in self.x[:4]) + (", …" if len(self.x) > 4 else "")
        return (
            f"MinimizeResult({self.message}; fun={self.fun:.6g}, gradient_norm={self.gradient_norm:.3g}, "
            f"nit={self.nit}, success={self.success}, x=[{shown}])"
        )


def minimize(
    loss: Callable[[], Value],
    parameters: Iterable[Value] | Array,
    rate: float = 0.1,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
    callback: Callable[[MinimizeResult], object] | None = None,
) -> MinimizeResult:
    """Go downhill until the gradient's norm is below the tolerance: θ ← θ - rate × ∇L.

    `loss` computes the loss anew from the parameters. The parameters are left where the result's
    `x` says. `callback` is given the result so far at each point, always the same object, and stops
    the loop by raising StopIteration. When the loss or its gradient becomes nan or infinite, and on Ctrl-C, the
    parameters go back to the last point where all was well, and the result says so.

    >>> x = Value(10.0)
    >>> minimize(lambda: x**2, [x], rate=0.05, max_steps=10)
    MinimizeResult(the number of steps has run out; fun=12.1577, gradient_norm=6.97, nit=10, success=False, x=[3.48678])

    Raises:
        TypeError: for a loss that does not return a Value, or parameters that are no Values.
        ValueError: for no parameters, or a rate, tolerance or max_steps out of its range.
    """
    variables = _parameters(parameters)
    rate = _within(rate, "rate", 0.0, math.inf)
    tolerance = _within(tolerance, "tolerance", 0.0, math.inf, closed=True)
    max_steps = integer(max_steps, "max_steps", low=0)

    result = MinimizeResult([variable.data for variable in variables], math.nan, math.nan, 0, message="going on")
    nit = 0
    try:
        while True:
            fun, gradient = _evaluate(loss, variables)
            norm = math.hypot(*gradient)
            x = [variable.data for variable in variables]
            if not all(map(math.isfinite, [fun, norm, *x])):
                message = f"diverged: at step {nit} the loss is {fun} and its gradient's norm {norm}"
                return _ended(result, variables, DIVERGED, message)
            result.x, result.fun, result.gradient_norm, result.nit = x, fun, norm, nit
            result.history.append(fun)
            result.success = norm < tolerance
            if callback is not None:
                try:
                    callback(result)
                except StopIteration:
                    return _ended(result, variables, STOPPED, "stopped by the callback")
            if result.success or nit == max_steps:
                break
            for variable, slope in zip(variables, gradient, strict=True):
                variable.data -= rate * slope
            nit += 1
    except KeyboardInterrupt:
        return _ended(result, variables, INTERRUPTED, f"interrupted after {result.nit} steps")
    if result.success:
        return _ended(result, variables, CONVERGED, "the gradient's norm is below the tolerance")
    return _ended(result, variables, OUT_OF_STEPS, "the number of steps has run out")


def _evaluate(loss: Callable[[], Value], variables: list[Value]) -> tuple[float, list[float]]:
    for variable in variables:
        variable.zero_grad()
    with modes.no_gc():
        value = loss()
        if not isinstance(value, Value):
            raise TypeError(f"the loss must return a Value, got {value!r} of type {type(value).__name__}")
        value.backward()
        evaluated = value.data, [variable.grad for variable in variables]
        del value  # and with it the graph
    return evaluated


def _ended(result: MinimizeResult, variables: list[Value], status: int, message: str) -> MinimizeResult:
    for variable, x in zip(variables, result.x, strict=True):
        variable.data = x
    result.status, result.message = status, message
    return result


# ---------------------------------------------------------------- starting again elsewhere


@dataclass
class Restarts:
    """What `restarts` came to: all runs in their order, and the best of them."""

    best: MinimizeResult
    runs: list[MinimizeResult]


def restarts(
    problem: Callable[[random.Random], MinimizeResult], n: int, seed: int, executor: Executor | None = None
) -> Restarts:
    """Solve a problem from n different starting points, and keep the lowest minimum found.

    `problem(rng)` draws its initial values from the generator and returns what `minimize` came
    to. Run i always gets the generator seeded with (seed, i), so the answer depends neither on the
    executor nor on the order in which it works. For an executor of processes the problem must be
    picklable, such as a function of a module. Ctrl-C returns what has been finished.

    >>> def valley(rng):
    ...     x = Value(rng.uniform(-3, 3))
    ...     return minimize(lambda: x**4 - 3 * x**2 + x, [x], rate=0.01)
    >>> found = restarts(valley, n=8, seed=0)
    >>> round(found.best.fun, 4), sorted({round(run.fun, 4) for run in found.runs})
    (-3.5139, [-3.5139, -1.0702])

    Raises:
        TypeError: for a problem that does not return a MinimizeResult.
        ValueError: for an n below 1, or a seed that is no integer.
        KeyboardInterrupt: on Ctrl-C before the first run has finished.
    """
    n = integer(n, "n", low=1)
    seed = integer(seed, "seed")
    runs: list[MinimizeResult] = []
    futures: list[Future[MinimizeResult]] = []
    try:
        if executor is None:
            for i in range(n):
                runs.append(_run(problem, seed, i))
                if runs[-1].status == INTERRUPTED:
                    break
        else:
            futures += [executor.submit(_run, problem, seed, i) for i in range(n)]
            for future in futures:
                runs.append(future.result())
    except KeyboardInterrupt:
        finished = [future for future in futures[len(runs) :] if future.done() and not future.cancelled()]
        runs += [future.result() for future in finished if future.exception() is None]
        if not runs:
            raise
    finally:
        for future in futures:
            future.cancel()
    best = min(runs, key=lambda run: (math.isnan(run.fun), run.fun))
    return Restarts(best, runs)


def _run(problem: Callable[[random.Random], MinimizeResult], seed: int, i: int) -> MinimizeResult:
    result = problem(random.Random(f"{seed}/{i}"))
    if not isinstance(result, MinimizeResult):
        raise TypeError(f"the problem must return a MinimizeResult, got {result!r} of type {type(result).__name__}")
    return result


# ---------------------------------------------------------------- what the arguments may be


def distinct_variables(given: Iterable[Value] | Array) -> list[Value]:
    """Return parameters as a list, the entries of an array in their order, or say what was wrong with them.

    Raises:
        TypeError: for what is not several Values, or a set, which has no order.
        ValueError: for a result or a constant, or a Value that is there twice.
    """
    if not isinstance(given, Iterable):
        raise TypeError(f"parameters must be several Values, such as model.parameters(), got {given!r}")
    refuse_set(given, "parameters")
    parameters: list[Any] = list(getattr(given, "flat", given))  # an array's entries, whatever its shape
    for parameter in parameters:
        if not isinstance(parameter, Value):
            raise TypeError(f"a parameter must be a Value, got {parameter!r} of type {type(parameter).__name__}")
        if parameter.op is not None or isinstance(parameter, Constant):
            raise ValueError(f"a parameter must be a variable, not a result or a constant, got {parameter!r}")
    if len(set(parameters)) < len(parameters):
        raise ValueError("a parameter is there twice: it would be changed twice in each step")
    return parameters


def _parameters(given: Any) -> list[Value]:
    parameters = distinct_variables(given)
    if not parameters:
        raise ValueError("there are no parameters to change")
    return parameters


def _are_values(given: Any) -> bool:
    """Whether parameters are Values, or should be: neither a list of numbers nor an array of them."""
    if isinstance(given, list):
        return not given or not isinstance(given[0], Real)
    if hasattr(given, "__array_namespace__"):
        return bool(getattr(given.dtype, "hasobject", False))
    return True


def _checked_theta(given: Any) -> Any:
    """A list of floats or an array of floats along one axis, or say what was wrong with it."""
    if isinstance(given, list):
        given[:] = [number(x, "a number of theta") for x in given]
        return given
    if len(given.shape) != 1 or not given.shape[0]:
        raise ValueError(f"theta must be an array of at least one number along one axis, got the shape {given.shape}")
    if not given.__array_namespace__().isdtype(given.dtype, "real floating"):
        raise TypeError(f"theta must be an array of floats, got {given.dtype}; convert it, as theta.astype(float)")
    return given


def _gradient_of(theta: Any, given: Any) -> Any:
    """A gradient as what theta is, a list or an array of the same length, or say what was wrong with it."""
    on_list = isinstance(theta, list)
    if not on_list and given.__class__ is theta.__class__ and given.dtype == theta.dtype and given.shape == theta.shape:
        return given
    is_list = isinstance(given, (list, tuple))
    kind = getattr(getattr(given, "dtype", None), "kind", "")  # numpy's letter for what its entries are
    if not is_list and (not hasattr(given, "tolist") or kind in {"m", "M"}):  # tolist makes numbers of durations
        raise TypeError(
            "the gradient must be a list, a tuple or an array along one axis, of real numbers, "
            f"got {given!r} of type {type(given).__name__}"
        )
    shape = tuple(given.shape) if hasattr(given, "shape") else (len(given),)
    if shape != (len(theta),):
        raise ValueError(f"the gradient must have {len(theta)} numbers, one for each of theta, got the shape {shape}")
    if on_list or kind not in {"f", "i", "u", "b"}:
        given = [number(x, "a number of the gradient") for x in (given if is_list else given.tolist())]
    return given if on_list else theta.__array_namespace__().asarray(given, dtype=theta.dtype)


def _within(given: float, name: str, low: float, high: float, closed: bool = False) -> float:
    value = number(given, name, bools=False)
    if not (low < value < high or (closed and value == low)):
        raise ValueError(f"{name} must be {'at least' if closed else 'above'} {low} and below {high}, got {given!r}")
    return value


def _columns(state: dict[str, Any], names: list[str], length: int, beside: Iterable[str] = ()) -> list[list[float]]:
    if not isinstance(state, dict):
        raise TypeError(f"the state of an optimizer must be a dict, got a {type(state).__name__}")
    if state.keys() != {*names, *beside}:
        raise ValueError(
            f"the state of this optimizer has {', '.join([*names, *beside])}, got {', '.join(map(str, state))}"
        )
    return [_column(state[name], name, length) for name in names]


def _column(given: Any, name: str, length: int) -> list[float]:
    if not isinstance(given, Collection) or isinstance(given, (str, bytes, Mapping, Set)):
        raise TypeError(f"{name} must be a list of numbers, got a {type(given).__name__}")
    if len(given) != length:
        raise ValueError(f"{name} must have {length} numbers, one for each parameter, got {len(given)}")
    column = [number(x, name, bools=False) for x in given]
    for x in column:
        if not math.isfinite(x):
            raise ValueError(f"{name} must hold finite numbers, got {x}")
    return column
