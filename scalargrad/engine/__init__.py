"""The core: what a Value is, and how its gradient is computed.

>>> from scalargrad.engine import Value
>>> x = Value(3.0)
>>> y = x * x
>>> y.backward()
>>> x.grad
6.0
"""

from .value import Constant as Constant
from .value import Value as Value
