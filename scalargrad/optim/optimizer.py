"""The base class of optimizers: one rule for each step, on Values and on arrays."""

from __future__ import annotations

import copy
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from numbers import Real
from typing import Any, ClassVar, Self

from ..engine import modes
from ..engine.floats import counted, integer, number
from ..engine.value import Value
from .arguments import (
    Parameters,
    are_values,
    checked_theta,
    column,
    gradient_of,
    refuse_foreign,
    some_variables,
    within,
)

Schedule = Callable[[int], float]
"""The rate as a function of the number of steps taken, from 0."""

_OWN_NAMES = ("steps", "schedule", "_rate", "weight_decay", "clip_norm", "theta", "parameters", "kind")


class Optimizer(ABC):
    """The base class of optimizers: it moves Values by their `.grad`, or an array by a gradient that is given.

    A subclass has a rule: it computes the change to subtract from a parameter, from the gradient and from what the
    optimizer remembers about the parameter. The same rule is applied to the numbers of Values, one by one, and to
    an array as a whole; `self.math` has the functions for both. Nothing else is needed for saved states, `minimize`
    and `train`.

    >>> class Sign(Optimizer):
    ...     '''θ ← θ - rate × v ÷ (|v| + ε), where v averages the gradient.'''
    ...     remembers = ("velocity",)
    ...     def __init__(self, parameters=None, rate=0.5, decay=0.5):
    ...         super().__init__(parameters, rate)
    ...         self.decay = decay
    ...     def rule(self, gradient, velocity):
    ...         velocity = self.decay * velocity + (1 - self.decay) * gradient
    ...         return self.rate * velocity / (abs(velocity) + 1e-12), velocity
    >>> theta = [10.0, -3.0]
    >>> optimizer = Sign(theta)
    >>> [round(x, 6) for x in optimizer.step([20.0, -6.0])]
    [9.5, -2.5]
    >>> optimizer
    Sign(2 parameters, rate=0.5; 1 step taken)

    A parameter that no sweep has reached has the gradient 0, so a rule with a memory still moves it, where PyTorch
    skips it. To keep a parameter fixed, leave it out of the optimizer.

    Args:
        parameters: several Values, an array of floats along one axis, or a list of floats. Without them the
            optimizer is for `minimize` and `train`, as in `optimizer=Adam(rate=0.01)`.
        rate: the size of a step: a number, or a schedule, which is a function of the number of steps taken.
        weight_decay: this times the parameter is added to its gradient, as by the loss ½ weight_decay ‖θ‖².
        clip_norm: a gradient whose norm is larger is scaled down to this norm (Pascanu, Mikolov and Bengio, "On
            the difficulty of training recurrent neural networks", arXiv:1211.5063).

    Attributes:
        parameters: the Values that are moved; none on an array.
        theta: the array or list that is moved; None on Values.
        steps: how many steps have been taken.

    Raises:
        TypeError: for parameters that are neither Values nor an array or list of floats, or settings that are
            not numbers.
        ValueError: for no parameters, an array of more than one axis, or a setting out of its range.
    """

    remembers: ClassVar[tuple[str, ...]] = ()  # the memories: attributes with a number for each parameter, 0 at first
    not_negative: ClassVar[tuple[str, ...]] = ()  # those of them that are never negative
    decouples_weight_decay: ClassVar[bool] = False  # whether weight decay stays out of the gradient, as in AdamW
    _numbers: ClassVar[tuple[str, ...]] = ()  # attributes with a single number that the next step depends on

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse what cannot be names of memories: a string, and names that mean something else here."""
        super().__init_subclass__(**options)
        for what, names in (("remembers", cls.remembers), ("declares not_negative", cls.not_negative)):
            if isinstance(names, str):  # it would be a name for each letter
                wanted = f"a tuple of names, such as ({names!r},)"
                raise TypeError(f"what {cls.__name__} {what} must be {wanted}, got {names!r}")
        taken = {*dir(Optimizer), *_OWN_NAMES, *cls._numbers, *inspect.signature(cls.__init__).parameters}
        for place, name in enumerate(cls.remembers):
            if name in cls.remembers[:place]:
                raise ValueError(f"{cls.__name__} remembers {name!r} twice: each memory needs a name of its own")
            if name in taken:
                raise ValueError(
                    f"{cls.__name__} cannot remember {name!r}: an optimizer has an attribute or a setting of that "
                    "name, so the memory needs another one"
                )
        for name in cls.not_negative:
            if name not in cls.remembers:
                raise ValueError(f"{cls.__name__} declares {name!r} not negative, but does not remember it")

    def __new__(cls, *_arguments: Any, **named: Any) -> Self:
        """Refuse the names that other libraries have for the arguments."""
        refuse_foreign(named, cls.__init__)
        return super().__new__(cls)

    def __init__(
        self,
        parameters: Parameters | None = None,
        rate: float | Schedule = 0.001,
        weight_decay: float = 0.0,
        clip_norm: float = math.inf,
    ) -> None:
        self.steps = 0
        self.rate = rate
        self.weight_decay = within(weight_decay, "weight_decay", 0.0, math.inf, closed=True)
        self.clip_norm = number(clip_norm, "clip_norm", bools=False)
        if not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be above 0.0, got {clip_norm!r}")
        self.theta: Any = None
        self.parameters: list[Value] = []
        if parameters is not None:
            self._take(parameters)

    def _take(self, parameters: Parameters) -> None:
        self.theta = None if are_values(parameters) else checked_theta(parameters)
        self.parameters = some_variables(parameters) if self.theta is None else []
        self.steps = 0
        for name in self.remembers:
            self._remember(name, [0.0] * self.size)

    @property
    def rate(self) -> float:
        """The rate of the latest step; before the first step, its rate."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | Schedule) -> None:
        self._rate = self._scheduled(rate) if callable(rate) else within(rate, "rate", 0.0, math.inf)
        self.schedule = rate if callable(rate) else None

    def _scheduled(self, schedule: Schedule) -> float:
        return within(
            schedule(self.steps),
            f"the rate that the schedule gives for step {self.steps}",
            0.0,
            math.inf,
            closed=True,
        )

    @property
    def size(self) -> int:
        """The number of parameters."""
        return len(self.parameters) if self.theta is None else len(self.theta)

    @property
    def math(self) -> Any:
        """The functions for the arguments of a rule: Python's `math` for numbers, their library for arrays."""
        return math if self.theta is None or isinstance(self.theta, list) else self.theta.__array_namespace__()

    def on(self, parameters: Parameters) -> Self:
        """Return a new optimizer for these parameters, with the same settings and no memory.

        >>> from scalargrad import Value, optim
        >>> optim.Adam(rate=0.1).on([Value(1.0), Value(2.0)])
        Adam(2 parameters, rate=0.1)

        Raises:
            TypeError, ValueError: as for a new optimizer.
        """
        other = copy.copy(self)
        other._take(parameters)
        return other

    # ---------------------------------------------------------------- a step

    @abstractmethod
    def rule(self, gradient: Any, /, *remembered: Any, **_nothing: Any) -> Any:  # so a subclass may name its own
        """Return the change to subtract from a parameter, then the new content of each memory.

        The arguments are the gradient and then the memories, in the order of `remembers`: numbers, or arrays with a
        number for each parameter. If `remembers` is empty, the rule returns only the change.
        """

    def prepare(self) -> None:  # noqa: B027  # most optimizers have nothing to prepare
        """Compute what is the same for all parameters; it is called in each step before the rule.

        `self.steps` is the number of earlier steps.
        """

    def step(self, gradient: Any = None) -> Any:
        """Move the parameters: Values by their `.grad`; an array or list by the gradient given, one number for each.

        On an array it returns the moved array. An array of numpy, or a list, is changed in place and
        returned; one that cannot change stays as it is, and the moved one is a new array.

        Raises:
            TypeError: for a gradient on Values, or none on an array, or one that is not a list, tuple or array of real
                numbers; and for an optimizer without parameters.
            ValueError: for a gradient of another shape, or a number beyond the range of floats.
        """
        modes.refuse_while_tracing("an optimizer's step")
        if self.theta is None:
            return self._step_of_values(gradient)
        if gradient is None:
            raise TypeError("on an array step(gradient) needs the gradient, as program.value_and_grad returns it")
        gradient = gradient_of(self.theta, gradient)
        self._begin()
        if isinstance(self.theta, list):
            changes, remembered = self._changes(self.theta, [x or 0.0 for x in gradient])
            self._commit(remembered)
            self.theta[:] = [x - change for x, change in zip(self.theta, changes, strict=True)]
        else:
            self._move_array(gradient)
        return self.theta

    def _step_of_values(self, gradient: object) -> None:
        if gradient is not None:
            raise TypeError("on Values step() takes no gradient: it reads each .grad, which backward() fills")
        if not self.parameters:
            raise TypeError(f"this optimizer has no parameters: make it as {type(self).__name__}(parameters, …)")
        self._begin()
        numbers = [parameter._data for parameter in self.parameters]
        gradients = [parameter._grad or 0.0 for parameter in self.parameters]  # not .grad: it would take as long
        changes, remembered = self._changes(numbers, gradients)
        self._commit(remembered)
        for parameter, change in zip(self.parameters, changes, strict=True):
            parameter._data -= change

    def _begin(self) -> None:
        if self.schedule is not None:
            self._rate = self._scheduled(self.schedule)
        self.prepare()

    def _commit(self, remembered: list[Any]) -> None:
        for name, content in zip(self.remembers, remembered, strict=True):
            setattr(self, name, content)
        self.steps += 1

    def _changes(self, numbers: list[float], gradients: list[float]) -> tuple[list[float], list[Any]]:
        if self.clip_norm < math.inf:
            norm = math.hypot(*gradients)
            if norm > self.clip_norm:
                gradients = [self.clip_norm / norm * gradient for gradient in gradients]
        shrinks = self._shrinks
        if self.weight_decay and not shrinks:
            gradients = [gradient + self.weight_decay * x for gradient, x in zip(gradients, numbers, strict=True)]
        changes, *remembered = self._checked(list(map(self.rule, gradients, *map(self._column, self.remembers))))
        if shrinks:
            shrinking = self._rate * self.weight_decay
            changes = [change + shrinking * x for change, x in zip(changes, numbers, strict=True)]
        return changes, remembered

    def _checked(self, rows: list[Any]) -> list[Any]:
        """Return the results of the rule as a list of changes and a list for each memory."""
        self._refuse_other(rows[0])
        if not self.remembers:
            return [rows]
        return [list(column) for column in zip(*rows, strict=True)]

    def _move_array(self, gradient: Any) -> None:
        theta = self.theta
        arrays = theta.__array_namespace__()
        with arrays.errstate(all="ignore") if hasattr(arrays, "errstate") else nullcontext():  # inf and nan are answers
            gradient = gradient + 0.0  # a copy; and -0.0 becomes 0.0, as on Values
            if self.clip_norm < math.inf:
                norm = _norm(arrays, gradient)
                if norm > self.clip_norm:
                    gradient = self.clip_norm / norm * gradient
            if self.weight_decay and not self._shrinks:
                gradient = gradient + self.weight_decay * theta
            change = self._ruled(gradient)
            self._refuse_other(change)
            remembered: list[Any] = []
            if self.remembers:
                change, *remembered = change
            if self._shrinks:
                change = change + self._rate * self.weight_decay * theta
            if hasattr(theta, "flags") and not theta.flags.writeable:
                self.theta = theta - change
            else:
                theta -= change  # in place where the array can change, a new array where it cannot
                self.theta = theta
        self._commit(remembered)

    def _ruled(self, gradient: Any) -> Any:
        """Return the results of the rule for arrays, which it must not change: on Values it could not."""
        columns = [gradient, *map(self._column, self.remembers)]
        for array in columns:
            if hasattr(array, "flags"):
                array.flags.writeable = False
        try:
            return self.rule(*columns)
        except ValueError as error:
            if "read-only" in str(error):
                error.add_note(
                    f"the rule of {type(self).__name__} must return new arrays, and change none in place: write "
                    "velocity = 0.9 * velocity, not velocity *= 0.9"
                )
            raise

    @property
    def _shrinks(self) -> bool:
        """Whether a parameter shrinks by a share of itself, in addition to the rule."""
        return self.decouples_weight_decay and self.weight_decay != 0

    def _refuse_other(self, returned: Any) -> None:
        count = len(returned) if isinstance(returned, tuple) else 0
        if count != (1 + len(self.remembers) if self.remembers else 0):
            expected = ", ".join(["the change", *self.remembers])
            raise TypeError(f"the rule of {type(self).__name__} must return {expected}, got {returned!r}")

    def zero_grad(self) -> None:
        """Forget the gradient of each parameter.

        Raises:
            TypeError: on an array, which has no gradient to forget.
        """
        if self.theta is not None:
            raise TypeError("on an array there is no gradient to forget: step(gradient) keeps none")
        for parameter in self.parameters:
            parameter.zero_grad()

    # ---------------------------------------------------------------- what is remembered

    def _column(self, name: str) -> Any:
        return getattr(self, name)

    def _remember(self, name: str, numbers: list[float]) -> None:
        """Store numbers in the form that the rule takes: a list, or an array like the parameters."""
        if self.theta is None or isinstance(self.theta, list):
            setattr(self, name, numbers)
        else:
            setattr(self, name, self.theta.__array_namespace__().asarray(numbers, dtype=self.theta.dtype))

    def state_dict(self) -> dict[str, Any]:
        """Return the memory and the number of steps as plain data, without the parameters.

        "kind" names the optimizer and its settings, apart from the rate.

        >>> from scalargrad import Value, optim
        >>> optim.Adam([Value(1.0)], rate=0.1, first_decay=0.8).state_dict()
        {'kind': 'Adam(first_decay=0.8)', 'first_moment': [0.0], 'second_moment': [0.0], 'steps': 0}
        """
        state: dict[str, Any] = {"kind": self._kind()}
        for name in self.remembers:
            content = self._column(name)
            state[name] = list(content) if isinstance(content, list) else content.tolist()
        return state | {name: getattr(self, name) for name in self._numbers} | {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`. This optimizer may have another rate than the one that was saved.

        Raises:
            ValueError: when it is of another kind of optimizer, of one with other settings or another number of
                parameters, or cannot be a state.
            TypeError: when it is not a dict of lists of numbers.
        """
        names = ["kind", *self.remembers, *self._numbers, "steps"]
        if not isinstance(state, dict):
            raise TypeError(f"the state of an optimizer must be a dict, got a {type(state).__name__}")
        kind = self._kind()
        if state.get("kind", kind) != kind:
            raise ValueError(
                f"the state is of {state['kind']}, but this optimizer is {kind}, for which the same numbers mean "
                "something else: load it into one of the same kind and settings, which you may change after that"
            )
        if state.keys() != set(names):
            raise ValueError(f"the state of this optimizer has {', '.join(names)}, got {', '.join(map(str, state))}")
        columns = {name: column(state[name], name, self.size) for name in self.remembers}
        for name in self.not_negative:
            if any(x < 0 for x in columns[name]):
                raise ValueError(f"{name} must hold no negative number, got {min(columns[name])}")
        numbers = {name: within(state[name], name, 0.0, math.inf, closed=True) for name in self._numbers}
        steps = integer(state["steps"], "steps", low=0)
        number(steps, "steps")  # a decay to a higher power would be an OverflowError
        for name, content in columns.items():
            self._remember(name, content)
        for name, own in numbers.items():
            setattr(self, name, own)
        self.steps = steps

    def _memory(self) -> dict[str, Any]:
        """Return the memory and the number of steps; later steps replace them and change none in place."""
        return {name: getattr(self, name) for name in (*self.remembers, *self._numbers, "steps")}

    def _recall(self, memory: dict[str, Any]) -> None:
        for name, content in memory.items():
            setattr(self, name, content)

    def _adopt(self, other: Optimizer) -> None:
        """Copy the memory of another optimizer of this class, from Values to an array or back."""
        for name, content in other._memory().items():
            if name in self.remembers:
                self._remember(name, list(content) if isinstance(content, list) else content.tolist())
            else:
                setattr(self, name, content)

    def _settings(self) -> dict[str, Any]:
        """The settings that are not those by default, apart from the rate, by name."""
        settings: dict[str, Any] = {}
        for name, parameter in inspect.signature(type(self)).parameters.items():
            own = getattr(self, name, parameter.default)
            if name not in {"parameters", "rate"} and own != parameter.default:
                settings[name] = own
        return settings

    def _kind(self) -> str:
        """The class and those of its settings that are plain numbers or words, as Python makes it."""
        plain = {
            name: number(own, name) if isinstance(own, Real) and not isinstance(own, bool) else own
            for name, own in self._settings().items()
            if isinstance(own, Real | str | None)
        }
        return f"{type(self).__name__}({', '.join(f'{name}={own!r}' for name, own in plain.items())})"

    def __repr__(self) -> str:
        size = [counted(self.size, "parameter")] if self.size else []
        settings = [
            f"{name}={getattr(own, '__name__', None) or repr(own)}"
            for name, own in ({"rate": self.schedule or self._rate} | self._settings()).items()
        ]
        taken = f"; {counted(self.steps, 'step')} taken" if self.steps else ""
        return f"{type(self).__name__}({', '.join(size + settings)}{taken})"


def _norm(arrays: Any, gradient: Any) -> float:
    """Return the Euclidean norm of an array; it overflows only if the norm itself is beyond the floats."""
    largest = float(arrays.max(arrays.abs(gradient)))
    if not 0 < largest < math.inf:
        return largest
    return largest * math.sqrt(float(arrays.sum((gradient / largest) ** 2)))


def on_variables(optimizer: Optimizer, variables: list[Value]) -> Optimizer:
    """Return an optimizer of these Values: the given one if it has them, else a new one with its settings.

    Raises:
        TypeError: if it is not an optimizer.
        ValueError: for an optimizer that has other parameters.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"an optimizer must be one such as optim.Adam(rate=0.01), got {optimizer!r}")
    if not optimizer.size:
        return optimizer.on(variables)
    own = optimizer.parameters
    if len(own) != len(variables) or any(x is not y for x, y in zip(own, variables, strict=True)):
        raise ValueError(
            f"the optimizer has parameters, and they are not these: {optimizer!r}; "
            f"make it without any, as {type(optimizer).__name__}(rate=…)"
        )
    return optimizer
