"""Going downhill: optimizers, the loop around them, and starting again elsewhere.

`GradientDescent` and `Adam` move parameters one step at a time: Values by their `.grad`, or an array by a
gradient that is given, with the same rule and to the same bits. `minimize` is
the whole loop, θ ← θ - μ∇L until ‖∇L‖ < ε. It ends in the nearest minimum, which need not be the
lowest: `restarts` runs it from several places and keeps the best.

A parameter that no sweep has reached has the gradient 0, here as everywhere, on Values and on arrays.
So momentum and Adam still move it, by what they remember. PyTorch skips a parameter whose gradient is
None, as `zero_grad` leaves it there, and what it remembers of it stays as it was. To hold a parameter
still, leave it out of the optimizer.
"""

from .adam import Adam as Adam
from .arguments import Array as Array
from .descent import GradientDescent as GradientDescent
from .minimizing import CONVERGED as CONVERGED
from .minimizing import DIVERGED as DIVERGED
from .minimizing import INTERRUPTED as INTERRUPTED
from .minimizing import OUT_OF_STEPS as OUT_OF_STEPS
from .minimizing import STOPPED as STOPPED
from .minimizing import MinimizeResult as MinimizeResult
from .minimizing import minimize as minimize
from .restarting import Restarts as Restarts
from .restarting import restarts as restarts
