"""Optimizers, schedules, and the loops around them: minimization, restarts, and training.

An optimizer moves parameters one step at a time: Values by their `.grad`, or an array by a gradient that is
given, with the same rule and to the same bits. The optimizers are `GradientDescent`, `Adagrad`, `RMSprop`, `Adadelta`,
`Adam`, `AdamW` and `NAdam`, with PyTorch's defaults; a subclass of `Optimizer` is another. The rate is a number,
or a schedule: `InverseRoot`, `StepDecay`, `Cosine`, `WarmUp`, or any function of the number of steps taken.

`minimize` takes steps until ‖∇L‖ < ε. It ends in the nearest minimum, which need not be the lowest:
`restarts` starts it from several places and keeps the best result. `train` learns from data, batch by batch.

A parameter that no sweep has reached has the gradient 0, here as everywhere, on Values and on arrays.
So an optimizer with a memory still moves it. PyTorch skips such a parameter, because `zero_grad` sets its
gradient to None there. To keep a parameter fixed, leave it out of the optimizer.
"""

from typing import TYPE_CHECKING, Any

from ..engine.foreign import absent
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adam import NAdam as NAdam
from .adaptive import Adadelta as Adadelta
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .arguments import Array as Array
from .arguments import Parameters as Parameters
from .descent import GradientDescent as GradientDescent
from .diagnosing import diagnose as diagnose
from .diagnosis import Diagnosis as Diagnosis
from .diagnosis import Finding as Finding
from .diagnosis import Fit as Fit
from .history import History as History
from .metrics import accuracy as accuracy
from .minimizing import CONVERGED as CONVERGED
from .minimizing import DIVERGED as DIVERGED
from .minimizing import INTERRUPTED as INTERRUPTED
from .minimizing import OUT_OF_STEPS as OUT_OF_STEPS
from .minimizing import STOPPED as STOPPED
from .minimizing import MinimizeResult as MinimizeResult
from .minimizing import minimize as minimize
from .optimizer import Optimizer as Optimizer
from .optimizer import Schedule as Schedule
from .restarting import Client as Client
from .restarting import Restarts as Restarts
from .restarting import restarts as restarts
from .schedules import Cosine as Cosine
from .schedules import InverseRoot as InverseRoot
from .schedules import StepDecay as StepDecay
from .schedules import WarmUp as WarmUp
from .training import train as train

_FOREIGN = {  # what other libraries call a class, and what it is here
    "SGD": "optim.GradientDescent(parameters, rate, momentum)",
    "RMSProp": "optim.RMSprop",
    "AdaGrad": "optim.Adagrad",
    "AdaDelta": "optim.Adadelta",
    "Nadam": "optim.NAdam",
    "lr_scheduler": "a schedule in place of the rate, as in optim.Adam(parameters, rate=optim.Cosine(0.1, steps=1000))",
}

if not TYPE_CHECKING:  # pragma: no branch  # a type checker knows what there is

    def __getattr__(name: str) -> Any:
        raise absent(__name__, name, [known for known in globals() if not known.startswith("_")], _FOREIGN)
