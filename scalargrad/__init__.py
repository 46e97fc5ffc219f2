"""A scalar autograd engine to learn from, step through and train with.

>>> from scalargrad import Value
>>> a, b = Value(2.0), Value(3.0)
>>> (a * b + a).backward()
>>> a.grad
4.0
"""

from . import functional as functional
from . import nn as nn
from . import optim as optim
from .check.check import assert_gradients as assert_gradients
from .check.check import gradcheck as gradcheck
from .check.detects import assert_detects as assert_detects
from .check.report import GradientMismatch as GradientMismatch
from .engine.copies import one_graph as one_graph
from .engine.declaration import Break as Break
from .engine.declaration import Primitive as Primitive
from .engine.declaration import primitive as primitive
from .engine.derivatives import grad as grad
from .engine.modes import NonFinite as NonFinite
from .engine.modes import no_gc as no_gc
from .engine.modes import no_grad as no_grad
from .engine.modes import trap as trap

# ---- written by `python -m tests.generate`
from .engine.primitives import abs as abs
from .engine.primitives import acos as acos
from .engine.primitives import acosh as acosh
from .engine.primitives import add as add
from .engine.primitives import asin as asin
from .engine.primitives import asinh as asinh
from .engine.primitives import atan as atan
from .engine.primitives import atan2 as atan2
from .engine.primitives import atanh as atanh
from .engine.primitives import cbrt as cbrt
from .engine.primitives import cos as cos
from .engine.primitives import cosh as cosh
from .engine.primitives import degrees as degrees
from .engine.primitives import divide as divide
from .engine.primitives import erf as erf
from .engine.primitives import erfc as erfc
from .engine.primitives import exp as exp
from .engine.primitives import exp2 as exp2
from .engine.primitives import expm1 as expm1
from .engine.primitives import gamma as gamma
from .engine.primitives import greater as greater
from .engine.primitives import hypot as hypot
from .engine.primitives import lgamma as lgamma
from .engine.primitives import log as log
from .engine.primitives import log1p as log1p
from .engine.primitives import log2 as log2
from .engine.primitives import log10 as log10
from .engine.primitives import maximum as maximum
from .engine.primitives import minimum as minimum
from .engine.primitives import multiply as multiply
from .engine.primitives import negative as negative
from .engine.primitives import polygamma as polygamma
from .engine.primitives import power as power
from .engine.primitives import radians as radians
from .engine.primitives import relu as relu
from .engine.primitives import sigmoid as sigmoid
from .engine.primitives import sin as sin
from .engine.primitives import sinh as sinh
from .engine.primitives import softplus as softplus
from .engine.primitives import sqrt as sqrt
from .engine.primitives import stop_gradient as stop_gradient
from .engine.primitives import subtract as subtract
from .engine.primitives import tan as tan
from .engine.primitives import tanh as tanh

# ---- end of what is written
from .engine.value import Constant as Constant
from .engine.value import Value as Value
from .explain.console.debugger import prompt as prompt
from .explain.drawing.network import draw_network as draw_network
from .explain.drawing.picture import TooLarge as TooLarge
from .explain.drawing.picture import draw as draw
from .explain.html.document import page as page
from .explain.notebook import load_ipython_extension as load_ipython_extension
from .explain.text import ledger as ledger
from .explain.text import tree as tree
from .explain.walk.step import Step as Step
from .explain.walk.steps import Steps as Steps
from .explain.walk.steps import steps as steps
from .functional import cross_entropy as cross_entropy
from .functional import gelu as gelu
from .functional import hessian as hessian
from .functional import hinge as hinge
from .functional import hvp as hvp
from .functional import jacobian as jacobian
from .functional import jvp as jvp
from .functional import leaky_relu as leaky_relu
from .functional import log_softmax as log_softmax
from .functional import logsumexp as logsumexp
from .functional import mean as mean
from .functional import softmax as softmax
from .functional import square_error as square_error
from .lifting import Disagreement as Disagreement
from .lifting import TraceError as TraceError
from .lifting import lift as lift

__version__ = "0.1.0"
