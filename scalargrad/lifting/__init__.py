"""From the scalar code of one example to the array program that a person would write.

1. `trace` runs the function once, on inputs that stand for any number.
2. `group` puts scalars that are computed alike side by side.
3. `arrays` holds the array program, and differentiates it by the rules that the primitives declare.
4. `to_numpy` and `to_python` write it as source code and run it.
"""

from .comparison import Disagreement as Disagreement
from .program import AuxProgram as AuxProgram
from .program import Program as Program
from .program import PureFunction as PureFunction
from .program import lift as lift
from .trace import TraceError as TraceError
