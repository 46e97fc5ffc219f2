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
from .check.detects import assert_detects as assert_detects
from .check.gradcheck import assert_gradients as assert_gradients
from .check.gradcheck import gradcheck as gradcheck
from .check.report import GradientMismatch as GradientMismatch
from .declaration import Break as Break
from .declaration import Primitive as Primitive
from .declaration import primitive as primitive
from .derivatives import grad as grad
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
from .lift import Disagreement as Disagreement
from .lift import TraceError as TraceError
from .lift import lift as lift
from .modes import NonFinite as NonFinite
from .modes import no_grad as no_grad
from .modes import trap as trap
from .primitives import abs as abs
from .primitives import acos as acos
from .primitives import acosh as acosh
from .primitives import add as add
from .primitives import asin as asin
from .primitives import asinh as asinh
from .primitives import atan as atan
from .primitives import atan2 as atan2
from .primitives import atanh as atanh
from .primitives import cbrt as cbrt
from .primitives import cos as cos
from .primitives import cosh as cosh
from .primitives import degrees as degrees
from .primitives import divide as divide
from .primitives import erf as erf
from .primitives import erfc as erfc
from .primitives import exp as exp
from .primitives import exp2 as exp2
from .primitives import expm1 as expm1
from .primitives import gamma as gamma
from .primitives import greater as greater
from .primitives import hypot as hypot
from .primitives import lgamma as lgamma
from .primitives import log as log
from .primitives import log1p as log1p
from .primitives import log2 as log2
from .primitives import log10 as log10
from .primitives import maximum as maximum
from .primitives import minimum as minimum
from .primitives import multiply as multiply
from .primitives import negative as negative
from .primitives import polygamma as polygamma
from .primitives import power as power
from .primitives import radians as radians
from .primitives import relu as relu
from .primitives import sigmoid as sigmoid
from .primitives import sin as sin
from .primitives import sinh as sinh
from .primitives import softplus as softplus
from .primitives import sqrt as sqrt
from .primitives import stop_gradient as stop_gradient
from .primitives import subtract as subtract
from .primitives import tan as tan
from .primitives import tanh as tanh
from .value import Constant as Constant
from .value import Value as Value

__version__ = "0.1.0"
