"""Checks of the arguments of optimizers and of the loops around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from functools import wraps
from inspect import signature
from numbers import Real
from typing import Any, ParamSpec, Protocol, TypeVar

from ..engine.floats import counted, number
from ..engine.value import Value
from ..engine.variables import distinct_variables


class Array(Protocol):
    """An array of numpy, JAX or another library that follows the Python array API."""

    def __array_namespace__(self) -> Any:
        """Return the library's functions."""


P = ParamSpec("P")
R = TypeVar("R")
Parameters = Iterable[Value] | list[float] | Array
"""What an optimizer moves: Values, a list of floats, or an array of floats, such as one of numpy."""


def some_variables(given: Any) -> list[Value]:
    """Return parameters as a list of at least one Value; raise an error that says what is wrong with others."""
    parameters = distinct_variables(given)
    if not parameters:
        raise ValueError("there are no parameters to change")
    return parameters


def are_values(given: Any) -> bool:
    """Return whether parameters should be Values: they are neither a list nor an array of numbers."""
    if isinstance(given, list):
        return not given or not isinstance(given[0], Real)
    if hasattr(given, "__array_namespace__"):
        return bool(getattr(given.dtype, "hasobject", False))
    return True


def checked_theta(given: Any) -> Any:
    """Return theta with its numbers as floats; raise an error if it is not a list or one-dimensional array of them."""
    if isinstance(given, list):
        given[:] = [number(x, "a number of theta") for x in given]
        return given
    if len(given.shape) != 1 or not given.shape[0]:
        raise ValueError(f"theta must be an array of at least one number along one axis, got the shape {given.shape}")
    if not given.__array_namespace__().isdtype(given.dtype, "real floating"):
        raise TypeError(f"theta must be an array of floats, got {given.dtype}; convert it, as theta.astype(float)")
    return given


def gradient_of(theta: Any, given: Any) -> Any:
    """Return a gradient as a list or array like theta; raise an error if its length or its content does not fit."""
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
        raise ValueError(
            f"the gradient must have {counted(len(theta), 'number')}, one for each of theta, got the shape {shape}"
        )
    if on_list or kind not in {"f", "i", "u", "b"}:
        given = [number(x, "a number of the gradient") for x in (given if is_list else given.tolist())]
    return given if on_list else theta.__array_namespace__().asarray(given, dtype=theta.dtype)


def within(given: float, name: str, low: float, high: float, closed: bool = False) -> float:
    """Return a number between two bounds, the lower one included if `closed`; raise an error for any other."""
    value = number(given, name, bools=False)
    if not (low < value < high or (closed and value == low)):
        raise ValueError(f"{name} must be {'at least' if closed else 'above'} {low} and below {high}, got {given!r}")
    return value


def column(given: Any, name: str, length: int) -> list[float]:
    """Return a list with a finite number for each parameter; raise an error for any other content of a state."""
    if not isinstance(given, Collection) or isinstance(given, (str, bytes, Mapping, Set)):
        raise TypeError(f"{name} must be a list of numbers, got a {type(given).__name__}")
    if len(given) != length:
        raise ValueError(f"{name} must have {counted(length, 'number')}, one for each parameter, got {len(given)}")
    numbers = [number(x, name, bools=False) for x in given]
    for x in numbers:
        if not math.isfinite(x):
            raise ValueError(f"{name} must hold finite numbers, got {x}")
    return numbers


FOREIGN = {  # names of arguments in other libraries, and what to write instead
    "lr": "rate",
    "learning_rate": "rate",
    "betas": "first_decay and second_decay",
    "beta_1": "first_decay",
    "beta_2": "second_decay",
    "eps": "epsilon",
    "alpha": "decay",
    "rho": "decay",
    "max_norm": "clip_norm",
    "clipnorm": "clip_norm",
    "num_epochs": "epochs",
    "n_epochs": "epochs",
    "seed": "rng, which takes a seed",
    "random_state": "rng, which takes a seed",
    "shuffle": "rng, which takes a seed; each epoch takes the examples in a new order",
}


OF_EVERY_OPTIMIZER = {"rate", "weight_decay", "clip_norm"}


def refuse_foreign(names: Iterable[str], function: Callable[..., Any]) -> None:
    """Raise an error for an argument that has the name of another library; the message gives ours.

    Raises:
        TypeError: for such a name, unless the function has an argument of that name.
    """
    for name in names:
        if name in FOREIGN:
            own = signature(function).parameters
            if name not in own and FOREIGN[name].replace(",", "").split()[0] in own:
                raise TypeError(f"there is no argument {name!r} here: write {FOREIGN[name]}")


def in_our_words(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that an argument that has the name of another library is an error that gives ours.

    If the function takes an optimizer, an argument that every optimizer has is an error that says so.
    """
    own = signature(function).parameters
    of_optimizer = OF_EVERY_OPTIMIZER - own.keys() if "optimizer" in own else set()

    @wraps(function)
    def called(*arguments: P.args, **named: P.kwargs) -> R:
        refuse_foreign(named, function)
        for name, given in named.items():
            our_name = FOREIGN.get(name, name)
            if our_name in of_optimizer:
                setting = f"{our_name}={given!r}" if isinstance(given, (int, float)) else f"{our_name}=..."
                raise TypeError(
                    f"there is no argument {name!r} here: the optimizer has it, as in optimizer=optim.Adam({setting})"
                )
        return function(*arguments, **named)

    return called
