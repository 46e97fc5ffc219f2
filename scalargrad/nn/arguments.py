"""What neurons, layers and networks take: activations, initial weights, generators, rows of inputs."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import functional
from ..engine.declaration import REALS, Primitive, registered
from ..engine.floats import counted, held_by, number, refuse_set
from ..engine.foreign import nearest
from ..engine.value import Value
from .module import Module
from .prelu import PReLU

Activation = Callable[[Value], Value]
LayerActivation = Callable[[list[Value]], list[Value]]  # of all outputs of a layer together, as softmax
Initial = Callable[[random.Random, int], float]

# ---------------------------------------------------------------- activations

_OF_A_LAYER: dict[str, LayerActivation] = {function.__name__: function for function in functional.OF_A_LAYER}
_OF_ONE_NUMBER: dict[str, Activation] = {function.__name__: function for function in functional.OF_ONE_NUMBER}


def layer_activation(given: object) -> LayerActivation | None:
    """Return the function of all outputs of a layer together; None for an activation of one number."""
    if isinstance(given, str):
        return _OF_A_LAYER.get(given)
    return next((function for function in _OF_A_LAYER.values() if given is function), None)


def activation_function(given: object) -> Activation | None:
    """Return an activation of one number, given by name or as the function; None for a linear neuron.

    For the name "prelu" it is a new module, with a slope of its own.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
    """
    if given is None:
        return None
    if callable(given):
        function: Activation = given
        return function
    known = _OF_ONE_NUMBER | {primitive.name: primitive for primitive in registered() if primitive.arity == 1}
    known[PReLU.name] = PReLU()
    if not isinstance(given, str) or given not in known:
        if given == "maxout":
            raise ValueError(f"{given!r} is a kind of layer, not an activation of a neuron: use nn.Maxout or nn.MLP")
        if isinstance(given, str) and given in _OF_A_LAYER:
            raise ValueError(f"{given} is an activation of all outputs of a layer together: Layer(2, 3, {given!r})")
        names = sorted(name for name in known if not name.startswith("_"))
        meant = nearest(given, [*names, *_OF_A_LAYER]) if isinstance(given, str) else ""
        advice = meant or f": use None, a function, or one of {', '.join(names)}"
        raise ValueError(f"no activation is named {given!r}{advice}")
    return known[given]


def activation_name(activation: object) -> str | None:
    """Return the name of an activation, whether it was given by name or as the function; None for none.

    >>> from scalargrad import tanh
    >>> activation_name("relu"), activation_name(tanh), activation_name(None)
    ('relu', 'tanh', None)
    """
    if activation is None or isinstance(activation, str):
        return activation
    name: str = getattr(activation, "name", getattr(activation, "__name__", type(activation).__name__))
    return name


def spelled(activation: object) -> str:
    """Return an activation as Python: its name, or for a module, which has parameters, what makes one."""
    return repr(activation) if isinstance(activation, Module) else repr(activation_name(activation))


# ---------------------------------------------------------------- initial weights


def initial_weights(given: str | Initial, activation: object) -> Initial:
    """Return the function that draws the weights of a neuron with this activation.

    Raises:
        ValueError: for an unknown name.
    """
    if callable(given):
        return given
    if given == "uniform":
        return lambda rng, n_inputs: rng.uniform(-1, 1)
    if given != "scaled":
        raise ValueError(f'initial must be "scaled", "uniform" or a function, got {given!r}')
    # He et al., arXiv:1502.01852, where half the inputs are cut off; LeCun et al., "Efficient BackProp", elsewhere
    gain = 2.0 if _cuts(activation_function(activation)) else 1.0
    return lambda rng, n_inputs: rng.gauss(0.0, math.sqrt(gain / n_inputs))


_FAR = 1000.0


def _cuts(function: Activation | None) -> bool:
    """Whether an activation of the library, or a primitive, passes positive numbers on, and little of negative ones."""
    if isinstance(function, PReLU):
        return True
    if (
        not (isinstance(function, Primitive) and function.domain == (REALS,))
        and function not in functional.OF_ONE_NUMBER
    ):
        return False  # a user's function, which may take only Values
    at: Callable[[float], Any] = function
    return bool(at(0.0) == 0 and at(_FAR) == _FAR and abs(at(-_FAR)) < _FAR / 4)


def generator(given: random.Random | int | None) -> random.Random:
    """Return a generator of random numbers: the given one, one with the given seed, or for None Python's global one.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(given, random.Random):
        return given
    if given is None:
        return _GLOBAL_GENERATOR
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise TypeError(f"rng must be a random.Random, an integer seed or None, got {given!r}")
    return random.Random(operator.index(given))


_GLOBAL_GENERATOR: random.Random = random.uniform.__self__  # type: ignore[attr-defined]  # a method of it, as typed

# ---------------------------------------------------------------- weights that are given


def given_numbers(given: object, what: str) -> list[Value]:
    """Return numbers as Values; those that are Values already, as they are.

    Raises:
        TypeError: for anything but a sequence of numbers.
        ValueError: for an empty one.
    """
    values = [
        item if isinstance(item, Value) else Value(number(item, f"an entry of {what}")) for item in entries(given, what)
    ]
    if not values:
        raise ValueError(f"{what} must be at least one number, got none")
    return values


def entries(given: object, what: str) -> list[object]:
    """Return the entries of a list or an array.

    Raises:
        TypeError: for a set, or what has no entries.
    """
    refuse_set(given, what)
    try:
        return list(given)  # type: ignore[call-overload, no-any-return]  # that it has entries is what is tried
    except TypeError:
        raise TypeError(f"{what} must be a list, got {given!r}") from None


def refuse_drawing(module: str, rng: object, initial: object) -> None:
    """Raise an error when there are both weights and arguments that say how to draw weights.

    Raises:
        TypeError: for either argument, which would be ignored.
    """
    if rng is not None or initial != "scaled":
        raise TypeError(f"{module} takes its weights, or rng and initial to draw them, not both")


# ---------------------------------------------------------------- rows of inputs


def as_values(given: Any) -> Any:
    """Return numbers, or lists of them to any depth, as Values."""
    refuse_set(given, "inputs")
    given = held_by(given)
    if isinstance(given, Value):
        return given
    is_several = isinstance(given, Iterable) and not isinstance(given, str | bytes)
    return list(map(as_values, given)) if is_several else Value(number(given, "an input"))


def row_of(
    inputs: Iterable[Value | float], n_inputs: int, module: Module, layer: int | None = None, *, of: str = "row"
) -> list[Value]:
    """Return the inputs as Values, exactly as many as the module, or its layer of that number, takes.

    `of` names what an example is, for the message about a batch: a row, or a sequence.

    Raises:
        TypeError: for a single number, a set, or an input that is not a number.
        ValueError: for more or fewer inputs.
    """
    refuse_set(inputs, "a row of inputs")
    try:
        iterator = iter(inputs)
    except TypeError:
        raise TypeError(
            f"{_reader(module, layer)} takes a list of {counted(n_inputs, 'input')}, got {inputs!r}"
        ) from None
    given = list(iterator)
    try:
        row = [entry if isinstance(entry, Value) else Value(number(entry, "an input")) for entry in given]
    except TypeError:
        refuse_several(given, f"{_reader(module, layer)} takes one row of {counted(n_inputs, 'input')}", of)
        raise
    if len(row) != n_inputs:
        raise ValueError(f"{_reader(module, layer)} takes {counted(n_inputs, 'input')}, got {len(row)}")
    return row


def _reader(module: Module, layer: int | None) -> str:
    return repr(module) if layer is None else f"layer {layer} of {module!r}"


def refuse_several(given: Iterable[object], takes: str, one: str) -> None:
    """Raise where there are lists in place of numbers, as in a batch.

    Raises:
        TypeError: for them.
    """
    if any(isinstance(held_by(entry), Iterable) and not isinstance(entry, str | bytes | Value) for entry in given):
        raise TypeError(
            f"{takes}, got lists in place of its numbers: for several {one}s write [model({one}) for {one} in {one}s]"
        ) from None


@contextmanager
def within(place: str) -> Iterator[None]:
    """Say in the errors of a block in which part of what was given they are."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) in (TypeError, ValueError):  # a subclass may be made of something else than a message
            raise type(error)(f"{place}: {error}") from None
        raise


def single(outputs: list[Value], module: Module) -> Value:
    """Return the only output.

    Raises:
        ValueError: when there are several.
    """
    if len(outputs) != 1:
        raise ValueError(f"{module!r} has {len(outputs)} outputs: call its method outputs, which returns a list")
    return outputs[0]
