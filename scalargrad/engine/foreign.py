"""Names of other libraries, and names that are misspelt: the error says what to write here.

There is one table for each place where such a name can stand: an attribute of a Value, an argument, a name of the
package. Other modules have tables of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from types import FrameType
from typing import NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

FOREIGN = {  # attributes of a Value
    "item": "write x.data for the number",
    "numpy": "write x.data for the number",
    "tolist": "write x.data for the number",
    "cpu": "write x.data for the number",
    "detach": "write x.data for the number, or x.stop_gradient() for a Value that passes no gradient on",
    "clone": "write copy.copy(x), or copy.deepcopy(x) to copy the graph as well",
    "requires_grad": "every Value takes a gradient; use a number, or x.stop_gradient(), where none is wanted",
    "requires_grad_": "every Value takes a gradient; use a number, or x.stop_gradient(), where none is wanted",
    "retain_grad": "every Value keeps its gradient in x.grad",
    "grad_fn": "write x.op for the operation, and x.args for its operands",
    "is_leaf": "write x.op is None",
    "_backward": (
        "scalargrad.steps(result).next_node() makes the contributions of one node. x.op holds the rules, "
        "x.local_gradients their numbers; declare your own with scalargrad.primitive"
    ),
    "pow": "write x ** n",
    "clamp": "write x.maximum(low).minimum(high)",
    "clip": "write x.maximum(low).minimum(high)",
    "sum": "it is one number; scalargrad.total(values) adds several",
    "mean": "it is one number; scalargrad.mean(values) is that of several",
    "getValue": "write x.data",
    "getDerivative": "write x.grad",
    "setDerivative": "write x.backward(gradient)",
}

INNER = (
    "write a.tanh(), a + b and so on, which make the result of an operation; "
    "scalargrad.primitive declares an operation of your own"
)
ARGUMENTS = {  # of a Value and of its methods
    "_children": INNER,
    "_op": INNER,
    "requires_grad": FOREIGN["requires_grad"],
    "name": "write label",
    "dtype": "every Value is a Python float",
    "retain_graph": "leave it out: the graph stays, and a second backward() adds to the gradients",
    "create_graph": "write scalargrad.grad(y, x), which returns Values that can be differentiated again",
    "grad_tensors": "write gradient",
}

_LIFT = "scalargrad.lift(f, parameters), which makes one program on arrays of scalar code"
NAMES = {  # of the package
    "tensor": "scalargrad.Value(2.0), and a list for several",
    "Tensor": "scalargrad.Value(2.0), and a list for several",
    "Variable": "scalargrad.Value(2.0)",
    "array": "a list of scalargrad.Value(2.0)",
    "vmap": _LIFT,
    "jit": _LIFT,
    "compile": _LIFT,
    "where": "a if condition else b; or, where the condition depends on inputs of lift, maximum, minimum or greater",
    "draw_dot": "scalargrad.draw(result)",
    "trace": "scalargrad.tree(result), or scalargrad.steps(result)",
    "sum": "scalargrad.total(values)",
    "clamp": "x.maximum(low).minimum(high)",
    "clip": "x.maximum(low).minimum(high)",
    "jacrev": "scalargrad.jacobian(outputs, inputs)",
    "jacfwd": "scalargrad.jacobian(outputs, inputs)",
    "set_grad_enabled": "with scalargrad.no_grad():",
    "enable_grad": "nothing: gradients are on unless you write with scalargrad.no_grad():",
    "manual_seed": "rng=0 where a model is made or trained",
    "Neuron": "scalargrad.nn.Neuron",
    "Layer": "scalargrad.nn.Layer",
    "MLP": "scalargrad.nn.MLP",
    "Module": "scalargrad.nn.Module",
    "train": "scalargrad.optim.train(loss, parameters, data)",
    "minimize": "scalargrad.optim.minimize(function, start)",
    "SGD": "scalargrad.optim.GradientDescent(parameters, rate)",
    "Adam": "scalargrad.optim.Adam(parameters, rate)",
}

MEANT = {"ln": "log", "max": "maximum", "min": "minimum", "pow": "power", "arctan2": "atan2", "sgn": "greater"}
MEANT |= {"swish": "silu", "prelu": "leaky_relu"}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `: did you mean …?` for a name that resembles a known one, else an empty text.

    >>> nearest("tahn", ["sin", "tanh"]), nearest("ReLU", ["relu"])
    (': did you mean tanh?', ': did you mean relu?')
    """
    from difflib import get_close_matches

    candidates = list(known)
    meant = [MEANT[name]] if MEANT.get(name) in candidates else []
    meant += [candidate for candidate in candidates if candidate.lower() == name.lower()]
    meant += [candidate for candidate in candidates if sorted(candidate) == sorted(name)]
    closest = meant or get_close_matches(name[:40], candidates, n=1)
    return f": did you mean {closest[0]}?" if closest else ""


def refuse_arguments(
    function: str, unknown: Iterable[str], known: Sequence[str], instead: Mapping[str, str] = ARGUMENTS
) -> None:
    """Raise for the first argument that a function does not have.

    Args:
        function: its name.
        unknown: the arguments.
        known: those that it has.
        instead: what to do for names of other libraries.

    >>> refuse_arguments("Value", ["lable"], ["data", "label"])
    Traceback (most recent call last):
        ...
    TypeError: Value has no argument lable: did you mean label? It takes data, label

    Raises:
        TypeError: when there is one.
    """
    for name in unknown:
        listed = f"t takes {', '.join(known)}"
        meant = nearest(name, known)
        advice = instead.get(name) or (f"{meant.removeprefix(': ')} I{listed}" if meant else f"i{listed}")
        raise TypeError(f"{function} has no argument {name}: {advice}")


def in_our_words(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that an argument of another library is an error that says what to do."""

    @wraps(function)
    def called(*arguments: P.args, **named: P.kwargs) -> R:
        if named:
            for name in named.keys() & ARGUMENTS:
                raise TypeError(f"{function.__name__} has no argument {name}: {ARGUMENTS[name]}")
        return function(*arguments, **named)

    return called


def absent(module: str, name: str, known: Iterable[str], instead: Mapping[str, str]) -> Exception:
    """Return the error for a name that a module does not have; its `__getattr__` is to call this.

    Args:
        module: the module's name.
        name: what was wanted.
        known: the names that it has.
        instead: what to write for names of other libraries.

    Returns:
        An AttributeError; an ImportError for `from module import name`, where Python drops the message of the other.

    >>> absent("scalargrad", "jit", [], {"jit": "lift"})
    AttributeError('scalargrad has no jit: write lift')
    >>> absent("scalargrad", "mena", ["mean"], {})
    AttributeError("module 'scalargrad' has no attribute 'mena': did you mean mean?")
    """
    if name in instead:
        message = f"{module} has no {name}: write {instead[name]}"
    else:
        advice = "" if name.startswith("_") else nearest(name, known)
        message = f"module {module!r} has no attribute {name!r}{advice}"
    if _imports(sys._getframe(2)):  # not of this function and of __getattr__, but of what reads the name
        return ImportError(message, name=module)
    return AttributeError(message, name=name, obj=None)  # without an object Python adds no guess of its own


def _imports(frame: FrameType) -> bool:
    """Whether the frame is at the part of `from module import name` that reads the name."""
    from opcode import opmap

    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


class ForeignName:
    """An attribute that cannot be read: the error says what to write instead, and `hasattr` is False.

    A class with `__getattr__` could do the same, but all its other attributes would be slower.

    Args:
        owner: what lacks it: "a Value".
        name: the attribute.
        advice: what to write.
    """

    def __init__(self, owner: str, name: str, advice: str) -> None:
        self.message = f"{owner} has no {name}: {advice}"

    def __get__(self, value: object, owner: type) -> NoReturn:
        raise AttributeError(self.message)
