"""From the scalar graph of one example to the array program a person would have written.

trace          run the function once, on inputs that stand for any number
regroup        put alike numbers side by side
differentiate  by the rules that the primitives declare
write          as source for numpy, or for the standard library alone
"""

from .program import Disagreement as Disagreement
from .program import Program as Program
from .program import lift as lift
from .trace import TraceError as TraceError
