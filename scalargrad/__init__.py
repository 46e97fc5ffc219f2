"""A scalar autograd engine: each number remembers how it was made, and `backward` differentiates it.

>>> from scalargrad import Value
>>> a, b = Value(2.0), Value(3.0)
>>> (a * b + a).backward()
>>> a.grad
4.0

numbers         Value, Constant, one_graph; take and one_hot, to look up by an integer; flatten
derivatives     grad, value_and_grad, jvp, vjp, jacobian, hessian, hvp
modes           no_grad, trap, NonFinite, no_gc
functions       total, mean, softmax, log_softmax, logsumexp, gelu, silu, elu, leaky_relu, and all operations
losses          square_error, hinge, cross_entropy, binary_cross_entropy, BoundedScores
networks        nn.Layer, nn.MLP, nn.Sequential, nn.Convolution, nn.LSTM, nn.Attention, nn.Module and more
training        optim.GradientDescent, optim.Adam, optim.minimize, optim.restarts and more
to explain      tree, ledger, draw, draw_network, page, quiz, open_in_lab, prompt, steps, Steps, Step,
                TooLarge;
                load_ipython_extension, for %load_ext scalargrad
to practise     exercise; exercises.exercises() lists them
to check        gradcheck, assert_gradients, assert_detects, GradientMismatch
to lift         lift, TraceError, Disagreement: scalar code becomes a program on arrays
to extend       primitive, Primitive, Break: an operation of your own

An operation is a function of Values and plain numbers, such as tanh or maximum. Most are methods of Value too.
`help(scalargrad.tanh)` shows its rule.
"""

from typing import TYPE_CHECKING

from . import functional as functional
from . import nn as nn
from . import optim as optim

# numbers, derivatives, modes
from .engine.copies import one_graph
from .engine.derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .engine.errors import NonFinite
from .engine.modes import no_gc, no_grad, trap
from .engine.value import Constant, Value

# functions and losses
from .functional import (
    BoundedScores,
    binary_cross_entropy,
    cross_entropy,
    elu,
    flatten,
    gelu,
    hinge,
    leaky_relu,
    log_softmax,
    logsumexp,
    mean,
    one_hot,
    silu,
    softmax,
    square_error,
    take,
    total,
)

# to explain
from .explain.console.debugger import prompt
from .explain.drawing.network import draw_network
from .explain.drawing.picture import TooLarge, draw
from .explain.html.document import page
from .explain.notebook import load_ipython_extension
from .explain.quizzes import quiz
from .explain.labs import open_in_lab
from .explain.text import ledger, tree
from .explain.walk.step import Step
from .explain.walk.steps import Steps, steps

# to practise: imported when it is first used
if TYPE_CHECKING:
    from .exercises import exercise

# to check
from .check.check import assert_gradients, gradcheck
from .check.detects import assert_detects
from .check.report import GradientMismatch

# to lift
from .lifting import Disagreement, TraceError, lift

# to extend
from .engine.declaration import Break, Primitive, primitive

# names that are not here
from .engine.foreign import NAMES as _NAMES
from .engine.foreign import absent as _absent

__version__ = "0.2.0"

__all__ = [
    # numbers, derivatives, modes
    "Constant",
    "NonFinite",
    "Value",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_gc",
    "no_grad",
    "one_graph",
    "trap",
    "value_and_grad",
    "vjp",
    # functions and losses
    "BoundedScores",
    "binary_cross_entropy",
    "cross_entropy",
    "elu",
    "flatten",
    "gelu",
    "hinge",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "mean",
    "one_hot",
    "silu",
    "softmax",
    "square_error",
    "take",
    "total",
    # to explain
    "Step",
    "Steps",
    "TooLarge",
    "draw",
    "draw_network",
    "ledger",
    "load_ipython_extension",
    "page",
    "prompt",
    "open_in_lab",
    "quiz",
    "steps",
    "tree",
    # to practise
    "exercise",
    # to check
    "GradientMismatch",
    "assert_detects",
    "assert_gradients",
    "gradcheck",
    # to lift
    "Disagreement",
    "TraceError",
    "lift",
    # to extend
    "Break",
    "Primitive",
    "primitive",
]

# ---- written by `python -m tests.generate`
from .engine.primitives import abs as abs
from .engine.primitives import (
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cbrt,
    cos,
    cosh,
    degrees,
    divide,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    gamma,
    greater,
    hypot,
    lgamma,
    log,
    log1p,
    log2,
    log10,
    maximum,
    minimum,
    multiply,
    negative,
    polygamma,
    power,
    radians,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqrt,
    stop_gradient,
    subtract,
    tan,
    tanh,
)

__all__ += [
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "cos",
    "cosh",
    "degrees",
    "divide",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "gamma",
    "greater",
    "hypot",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "polygamma",
    "power",
    "radians",
    "relu",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "stop_gradient",
    "subtract",
    "tan",
    "tanh",
]

# ---- end of what is written

_MODULES = ("check", "engine", "exercises", "explain", "functional", "lifting", "nn", "optim")


def __dir__() -> list[str]:
    return [*__all__, *_MODULES]


if not TYPE_CHECKING:  # pragma: no branch  # an editor marks the names that are not here, which this would hide from it

    def __getattr__(name: str) -> object:
        if name in ("exercise", "exercises"):
            from importlib import import_module

            globals()["exercise"] = import_module(f"{__name__}.exercises").exercise
            return globals()[name]
        raise _absent(__name__, name, __dir__(), functional.FOREIGN | _NAMES)
