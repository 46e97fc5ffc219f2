"""Minimization: steps of an optimizer until the gradient vanishes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..engine import modes
from ..engine.floats import integer
from ..engine.value import Value
from .arguments import Array, in_our_words, some_variables, within
from .descent import GradientDescent
from .optimizer import Optimizer, Schedule, on_variables

CONVERGED, OUT_OF_STEPS, DIVERGED, INTERRUPTED, STOPPED = range(5)


@dataclass
class MinimizeResult:
    """The result of `minimize`, with scipy's names.

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


@in_our_words
def minimize(
    loss: Callable[[], Value],
    parameters: Iterable[Value] | Array,
    rate: float | Schedule | None = None,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
    callback: Callable[[MinimizeResult], object] | None = None,
    *,
    optimizer: Optimizer | None = None,
) -> MinimizeResult:
    """Take steps θ ← θ - rate × ∇L, or those of an optimizer, until the norm of the gradient is below the tolerance.

    When the loss or its gradient becomes nan or infinite, and on Ctrl-C, the parameters go back to the last point
    where all numbers were finite, and the result says so.

    >>> from scalargrad import Value, optim
    >>> x = Value(10.0)
    >>> optim.minimize(lambda: x**2, [x], rate=0.05, max_steps=10)
    MinimizeResult(the number of steps has run out; fun=12.1577, gradient_norm=6.97, nit=10, success=False, x=[3.48678])
    >>> optim.minimize(lambda: x**2, [x], optimizer=optim.GradientDescent(rate=0.1, momentum=0.5))
    MinimizeResult(the gradient's norm is below the tolerance; fun=..., success=True, x=[...])

    Args:
        loss: a function without arguments that computes the loss from the parameters.
        parameters: the Values to change. At the end they have the numbers of the result's `x`.
        rate: that of gradient descent, a number or a schedule; 0.1 by default.
        tolerance: ε; the loop ends when ‖∇L‖ < ε.
        max_steps: the largest number of steps.
        callback: is called at each point with the result so far, always the same object. StopIteration ends the
            loop.
        optimizer: takes the steps in place of gradient descent: one without parameters, such as `Adam(rate=0.01)`,
            or one that has these parameters and continues from its state.

    Raises:
        TypeError: for a loss that is not a function without arguments or does not return a Value, parameters that are
            not Values, anything but an optimizer as the optimizer, or both a rate and an optimizer.
        ValueError: for no parameters, a rate, tolerance or max_steps out of its range, or an optimizer of other
            parameters.
    """
    modes.refuse_unrecorded("minimize")
    variables = some_variables(parameters)
    if rate is not None and optimizer is not None:
        raise TypeError("give a rate or an optimizer, not both: the optimizer has its own rate")
    moving = GradientDescent(rate=0.1 if rate is None else rate) if optimizer is None else optimizer
    moving = on_variables(moving, variables)
    tolerance = within(tolerance, "tolerance", 0.0, math.inf, closed=True)
    max_steps = integer(max_steps, "max_steps", low=0)

    result = MinimizeResult([variable.data for variable in variables], math.nan, math.nan, 0, message="going on")
    nit = 0
    try:
        while True:
            fun, gradient = _evaluate(loss, variables)
            norm = math.hypot(*gradient)
            x = [variable.data for variable in variables]
            if not all(map(math.isfinite, [fun, norm, *x])):
                message = f"diverged: at step {nit} the loss is {fun:.4g} and its gradient's norm {norm:.4g}"
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
                variable.grad = slope  # whatever the callback has done
            moving.step()
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
        try:
            value = loss()
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # from within the function
                raise
            raise TypeError(
                f"the loss must be a function without arguments, such as lambda: x**2, got {loss!r}: {error}"
            ) from None
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
