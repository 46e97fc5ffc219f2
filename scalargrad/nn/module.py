"""A module: what has parameters, finds them, saves and loads them, and marks its results for pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..engine.floats import counted, number
from ..engine.notes import Mark, leave
from ..engine.value import Value
from .search import SIMPLE, Searchable, refuse_hidden, search

Results = TypeVar("Results")
_CHECKED = (*SIMPLE, Searchable)  # what may be an attribute: a module has looked at its own


def _is_checked(content: object) -> bool:
    return isinstance(content, _CHECKED)


def each_of(items: Iterable[Any]) -> Iterator[Any]:
    """Yield the items of lists and tuples in one another, to any depth."""
    pending = [iter(items)]
    while pending:
        for item in pending[-1]:
            if isinstance(item, (list, tuple)):
                pending.append(iter(item))
                break
            yield item
        else:
            pending.pop()


def values_in(items: Iterable[Any]) -> list[Value]:
    """Return the Values among the items of lists and tuples in one another."""
    return [item for item in each_of(items) if isinstance(item, Value)]


class Module(Searchable):
    """The base class for everything with parameters, which are the leaf Values in its attributes, to any depth.

    A module finds its parameters in modules, dataclasses, lists, tuples, the values of dicts and arrays of
    objects, in one another to any depth, and in the attributes that a subclass of these adds. It refuses an
    attribute in which it would not find a Value, such as a set, which has no order.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.offset = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.mark(self.slope * x + self.offset, [x])
    >>> line = Line()
    >>> line(3.0).backward()
    >>> {name: parameter.grad for name, parameter in line.named_parameters()}
    {'slope': 3.0, 'offset': 1.0}

    Raises:
        TypeError: for an attribute that holds Values where they are not found.
    """

    def __setattr__(self, name: str, content: object) -> None:
        if not isinstance(content, _CHECKED) and not (type(content) is list and all(map(_is_checked, content))):
            refuse_hidden(self, search(name, content, into_modules=False), content)
        super().__setattr__(name, content)

    training: bool = True  # whether it is being trained, as `Dropout` asks

    if not TYPE_CHECKING:  # pragma: no branch  # an editor marks the call of a module that has no `__call__`

        def __call__(self, *_inputs: object) -> object:  # noqa: D102  # a class without a call of its own has none
            kind = type(self).__name__
            if callable(getattr(self, "forward", None)):
                raise TypeError(f"a {kind} is called by its method __call__: give its method forward that name")
            raise TypeError(f"a {kind} cannot be called: give it a method __call__")

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield each parameter once, with the path of attributes and positions that leads to it.

        >>> from scalargrad.nn import MLP
        >>> [name for name, _ in MLP(1, [2]).named_parameters()][:2]
        ['layers.0.neurons.0.weights.0', 'layers.0.neurons.0.bias']

        Raises:
            ValueError: when two paths are spelled alike.
            TypeError: when Values are where they would not be found, such as in a set that was put into a list.
        """
        result = search("", self)
        refuse_hidden(self, result)
        paths: set[str] = set()
        for path, parameter in result.parameters:
            if path in paths:
                raise ValueError(f"two parameters of a {type(self).__name__} are named {path}")
            paths.add(path)
            yield path, parameter

    def parameters(self) -> list[Value]:
        """Return the parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def mark(self, results: Results, inputs: Iterable[object]) -> Results:
        """Note that this module made the results from the inputs, so that pictures show it as a box.

        Args:
            results: a Value, or a list or tuple of Values or of such lists, as feature maps are.
            inputs: what the module has read, also in lists of lists; those that are not Values are left out.

        Returns:
            The results, as they are.

        Raises:
            TypeError: for a result that is not a Value.
        """
        several = list(each_of([results]))
        if not all(isinstance(result, Value) for result in several):
            raise TypeError(
                f"the results that a {type(self).__name__} marks must be a Value or a list of them, got {results!r}"
            )
        leave(several, Mark(type(self).__name__, self, values_in(inputs)))
        return results

    def train(self, mode: bool = True) -> Self:
        """Put the module and the modules in it into training, or out of it; return the module.

        Modules such as `Dropout` behave differently in training. They read the attribute `training`, and so can your
        own modules.

        >>> from scalargrad.nn import MLP
        >>> model = MLP(2, [3, 1], dropout=0.5, rng=0)
        >>> model.training, model.train(False).dropout.training
        (True, False)
        """
        for module in search("", self).modules:
            object.__setattr__(module, "training", bool(mode))  # a dataclass may be frozen
        return self

    def eval(self) -> Self:
        """Put the module and the modules in it out of training, for predictions; return the module."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradient of each parameter."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self) -> dict[str, float]:
        """Return the parameters' numbers by name."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Set the parameters to the numbers of a `state_dict`: all of them, or on an error none.

        Raises:
            ValueError: when names are missing or unknown, or a number is nan, infinite or beyond the range of floats.
            TypeError: when the state is not a dict, or holds anything but numbers.
        """
        if not isinstance(state, dict):
            raise TypeError(f"the state must be a dict of numbers by name, got a {type(state).__name__}")
        parameters = dict(self.named_parameters())
        _check_names(missing=parameters.keys() - state.keys(), unknown=state.keys() - parameters.keys())
        numbers = {name: number(state[name], name, bools=False) for name in parameters}
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise ValueError(f"cannot load {name} = {value}: a model is loaded with finite parameters")
        for name, parameter in parameters.items():
            parameter.data = numbers[name]

    def save(self, path: str | bytes | os.PathLike[str], extra: object = None) -> None:
        """Write the parameters with all their digits to a JSON file. A file is written completely or not at all.

        Args:
            path: of the file, which is replaced if there is one.
            extra: anything that JSON can hold, to be saved with them, such as the state of an optimizer.

        Raises:
            ValueError: when a parameter or a number in the extra is nan or infinite, or the extra holds keys that
                JSON spells alike, or is nested too deeply.
            TypeError: when the extra is not JSON.
            OSError: when the file cannot be written.
        """
        for name, parameter in self.named_parameters():
            if not math.isfinite(parameter.data):
                raise ValueError(f"cannot save {name} = {parameter.data}: a model is saved with finite parameters")
        from .. import files  # at first use: it loads as much again as all the rest

        files.write(path, {"model": repr(self), "parameters": self.state_dict(), "extra": extra})

    def load(self, path: str | bytes | os.PathLike[str]) -> Any:
        """Set the parameters from a file that `save` wrote, and return its extra.

        On an error the parameters stay as they were.

        Raises:
            ValueError: when the file is damaged, or of a model with another architecture.
            OSError: when the file cannot be read, or is not a regular file.
        """
        from .. import files

        content = files.read(path, keys=("model", "parameters", "extra"))
        saved = content["model"]
        if saved != repr(self):
            holds = saved if isinstance(saved, str) else "no model"
            raise ValueError(f"{os.fsdecode(path)} holds {holds}, which does not fit {self!r}")
        try:
            self.load_state_dict(content["parameters"])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{os.fsdecode(path)} holds no parameters of {self!r}: {error}") from None
        return content["extra"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({counted(len(search('', self).parameters), 'parameter')})"


def _check_names(missing: Iterable[str], unknown: Iterable[str]) -> None:
    faults = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for kind, names in (("missing", sorted(missing)), ("unknown", sorted(map(str, unknown))))
        if names
    ]
    if faults:
        raise ValueError(f"the state does not fit the model: parameters {' and '.join(faults)}")
