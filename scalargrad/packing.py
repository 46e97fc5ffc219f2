"""The numbers of many variables in one array, for as long as nobody looks at them one by one.

A step of training by a lifted program and an optimizer reads and writes every parameter. Done one
Value after another, that takes many times as long as the arithmetic. So once a program and an
optimizer have met on the same variables, their numbers stay in a closed `Pack`: two arrays, the
data and the gradient, which the next step only has to add and subtract. The first look at any of
the variables (its `.data`, an operation, a copy), or the first write, opens the pack: all numbers
go home, and the look is answered as ever. From outside, only the time tells, and `type(x)`.

While its pack is closed, a variable has the class `_Packed`, on which `_data` and `_grad` are
properties in front of Value's slots. The pack itself hangs in `_dx`, for which a leaf has no other
use. So whoever touches a number, in whatever thread, comes by the pack's lock: variables change
their class before a closing pack reads their numbers, and change it back after the numbers are
home. What is done between can be broken off anywhere: the next look does the rest. A closed pack and
its variables hold one another, so a model that is dropped in the midst of training goes with the
next run of the cyclic garbage collector.

The arrays are of whichever library closes the pack, here called `arrays`: numpy, which this file
need not import. They are replaced, never changed, and so can be read without the lock.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import wraps
from itertools import chain, repeat
from threading import Lock, RLock
from typing import Any

from . import modes
from .declaration import Primitive
from .value import Value

FIRST_PAUSE, LONGEST_PAUSE = 3, 256  # 257 is prime: no look that comes at regular times can always come just after
PAYS_FROM = 3  # steps: closing and opening take as long as two or three steps save

_get_data, _set_data = Value.__dict__["_data"].__get__, Value.__dict__["_data"].__set__
_get_grad, _set_grad = Value.__dict__["_grad"].__get__, Value.__dict__["_grad"].__set__
_set_class = object.__dict__["__class__"].__set__
_do_all = deque[None](maxlen=0).extend  # in one go: no other thread and no Ctrl-C comes between
_closing = Lock()  # one pack is closed at a time, so that no two take the same variable


class Variables(tuple[Value, ...]):
    """Variables that are used together, always in this order.

    >>> x, y = Variables([Value(1.0), Value(2.0)])
    >>> x.data + y.data
    3.0
    """

    _seen: Pack | None = None  # the latest pack that was found to hold these
    _pause: int = FIRST_PAUSE  # how often not to close a pack, though it might pay
    _paused_for = 0

    def pack(self) -> Pack | None:
        """Return the closed pack of exactly these variables, in this order, if there is one."""
        if modes.active:
            modes.refuse_while_tracing("the parameters' numbers")
        if not self or type(self[0]) is not _Packed:
            return None
        pack: Pack = self[0]._dx
        if pack is not self._seen:
            if not pack.holds(self):
                return None
            self._seen = pack
        return pack

    def data(self) -> Any:
        """Return the numbers as the array of a closed pack, which is not to be changed; None if they are at home."""
        pack = self.pack()
        return None if pack is None else pack.data

    def set_data(self, data: Any) -> None:
        """Set the numbers, from a list or an array of floats."""
        pack = self.pack()
        if pack is None or not pack.set_data(data):
            for variable, own in zip(self, floats(data), strict=True):
                variable.data = own

    def zero_grad(self) -> None:
        """Forget all gradients."""
        pack = self.pack()
        if pack is None or not pack.zero_grad():
            for variable in self:
                variable._grad = None

    def move(self, rule: Rule) -> Any:
        """Do a step on arrays, if there is a closed pack, and return the rule's state; else None: do it on floats."""
        if self:
            self[0]._dy = len(self)  # a leaf has no other use for it: whoever adds gradients sees that it pays to pack
        pack = self.pack()
        return None if pack is None else pack.move(rule)

    def add_gradient(self, slopes: Any, arrays: Any) -> None:
        """Add a gradient, a list or an array; and close a pack if that pays, for which `arrays` is not None.

        It pays in the loop of an optimizer on the same variables, in which nobody looks. So each pack makes
        the pause four times as long before another is closed, until one has been kept for so many steps that it paid.
        """
        pack = self.pack()
        if pack is not None and pack.add_gradient(slopes):
            if pack.steps >= PAYS_FROM:
                self._pause = self._paused_for = 0
            return
        for variable, slope in zip(self, floats(slopes), strict=True):
            before = variable._grad
            variable._grad = slope if before is None else before + slope
        if arrays is None or not self or getattr(self[0], "_dy", None) != len(self):
            return
        self[0]._dy = None
        if self._paused_for < self._pause:
            self._paused_for += 1
            return
        self._pause, self._paused_for = min(4 * self._pause + 4, LONGEST_PAUSE), 0
        close(self, arrays)

    def __reduce__(self) -> tuple[Callable[..., Variables], tuple[Any, ...]]:
        return Variables, (tuple(self),)  # a copy has seen no pack


def numbers(name: str) -> property:
    """An attribute that is a list of numbers to whoever looks, though a step on arrays has left an array there.

    The array itself is in the `vars` of the object. A look puts the list in its place, for good, as
    somebody may write there; and never in the place of what a step in another thread has left since.
    """
    lock = RLock()

    def look(self: object) -> list[float]:
        with lock:
            found = vars(self)[name] = floats(vars(self)[name])
            return found

    def write(self: object, numbers: Any) -> None:
        with lock:
            vars(self)[name] = numbers

    return property(look, write, doc="A number for each parameter.")


Rule = Callable[[Any, Any], tuple[Any, Any]]  # of a gradient and `arrays`: what to subtract, and the new state


class Pack:
    """The numbers of variables, as arrays.

    Attributes:
        data: the numbers; None when the pack is open, for good, and the variables have theirs.
        gradient: the gradient; None if none has been brought.
        steps: how many have been done.
    """

    def __init__(self, variables: Variables, arrays: Any) -> None:
        self._variables: Iterable[Value] = variables
        self._arrays = arrays
        self._lock = RLock()  # a debugger or a signal may look while the same thread is at work here
        self.data: Any = None
        self.gradient: Any = None
        self.steps = 0

    def holds(self, variables: Variables) -> bool:
        """Whether it is of these variables, in this order."""
        own = tuple(self._variables)
        return len(own) == len(variables) and all(map(operator.is_, own, variables))

    def close(self) -> None:
        """Take the numbers in, unless a gradient is missing."""
        with self._lock:
            _do_all(map(setattr, self._variables, repeat("__class__"), repeat(_Packed)))
            gradients = list(map(_get_grad, self._variables))
            if None in gradients:
                self.open()
            else:
                self.gradient = self._arrays.array(gradients, float)
                self.data = self._arrays.array(list(map(_get_data, self._variables)), float)

    def open(self) -> None:
        """Bring the numbers home."""
        with self._lock:
            while self.data is not None:
                data, gradient = self.data, self.gradient
                gradients = repeat(None) if gradient is None else gradient.tolist()
                numbers, variables = data.tolist(), self._variables
                going_home = chain(map(_set_data, variables, numbers), map(_set_grad, variables, gradients))
                if self.data is data and self.gradient is gradient:  # as it is, unless this very thread came here again
                    _do_all(going_home)
                    self.data = self.gradient = None
            _do_all(map(_set_class, self._variables, repeat(Value)))
            self._variables = ()

    # What follows returns whether it was done: not, and nothing of it, when the pack has been opened.

    def set_data(self, data: Any) -> bool:
        """Set the numbers."""
        own = self._arrays.array(data, float)
        with self._lock:
            if self.data is None:
                return False
            self.data = own
            return True

    def zero_grad(self) -> bool:
        """Forget the gradient."""
        with self._lock:
            if self.data is None:
                return False
            self.gradient = None
            return True

    def add_gradient(self, slopes: Any) -> bool:
        """Add to the gradient, in float64; an array may be kept as it is."""
        with self._lock:
            before, after = self.gradient, self._arrays.asarray(slopes, float)
            if before is not None:
                with self._quiet():
                    after = before + after
            if self.data is None:
                return False
            self.gradient = after
            return True

    def move(self, rule: Rule) -> Any:
        """Subtract from the numbers what a rule makes of the gradient, and return the rule's state, or None."""
        with self._lock, self._quiet():
            data, gradient = self.data, self.gradient
            if data is None:
                return None
            gradient = self._arrays.zeros_like(data) if gradient is None else gradient + 0.0  # no -0.0, as on floats
            change, state = rule(gradient, self._arrays)
            moved = data - change
            if self.data is not data:
                return None
            self.data = moved
            self.steps += 1
            return state

    def _quiet(self) -> AbstractContextManager[object]:
        quiet: AbstractContextManager[object] = self._arrays.errstate(all="ignore")  # nan and inf are answers
        return quiet


def close(variables: Variables, arrays: Any) -> None:
    """Close a pack of variables that all have gradients; not of those of a class of their own, or in another pack."""
    if _closing.locked():
        return
    with _closing:
        if set(map(type, variables)) == {Value}:
            pack = Pack(variables, arrays)
            for variable in variables:
                variable._dx = pack
            pack.close()


def floats(numbers: Any) -> list[float]:
    """Return numbers, a list or an array, as a list of floats."""
    found: list[float] = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    return found


# ---------------------------------------------------------------- a variable in a closed pack


class _Packed(Value):
    """A variable whose numbers are in a pack: whatever needs them opens it, and is done again on a plain Value."""

    __slots__ = ()

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        """Make what `type(x)(1.0)` means: a Value."""
        return Value(*arguments, **options)

    @property  # type: ignore[override]  # it says what it is for all who ask, and what its copies are
    def __class__(self) -> type[Value]:
        return Value

    @__class__.setter
    def __class__(self, kind: type[Value]) -> None:
        self._dx.open()
        self.__class__ = kind

    @property
    def _data(self) -> float:
        self._dx.open()
        return self._data

    @_data.setter
    def _data(self, data: float) -> None:
        self._dx.open()
        self._data = data

    @property
    def _grad(self) -> float | None:
        self._dx.open()
        return self._grad

    @_grad.setter
    def _grad(self, grad: float | None) -> None:
        self._dx.open()
        self._grad = grad

    @classmethod
    def apply_primitive(cls, primitive: Primitive, operands: tuple[Value | float, ...]) -> Value:
        """Let the operands' own classes decide how an operation is recorded."""
        for operand in operands:
            if type(operand) is _Packed:
                operand._dx.open()
        return primitive(*operands)


def _opening(name: str) -> Callable[[_Packed, Any], Any]:
    """An operator of Value; asked anew where the other's class may derive from Value, and then has precedence."""
    apply, own = getattr(operator, name), getattr(Value, name)

    @wraps(own)
    def method(self: _Packed, other: Any) -> Any:
        self._dx.open()
        return apply(self, other) if isinstance(other, Value) else own(self, other)

    return method


for _name in ("add", "sub", "mul", "truediv", "pow", "lt", "le", "gt", "ge"):
    setattr(_Packed, f"__{_name}__", _opening(f"__{_name}__"))
_Packed.__name__, _Packed.__doc__ = Value.__name__, Value.__doc__  # what Python's own messages and help say
