"""Neurons, layers, networks: a weighted sum and an activation, side by side, one after another.

    neuron   z = w·x + b,  y = activation(z)
    layer    neurons that read the same inputs
    MLP      layers, each reading the outputs of the one before

All of it is arithmetic on Values; nothing here knows how to differentiate.
"""

from __future__ import annotations

import math
import operator
import os
import random
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import is_dataclass
from functools import partial
from io import IOBase
from itertools import count, product
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType, NoneType
from typing import Any, NamedTuple

from . import functional
from .engine.declaration import Primitive, registered
from .engine.floats import counted, held_by, integer, number, refuse_set
from .engine.notes import Mark, leave
from .engine.value import Constant, Value

Activation = Callable[[Any], Any]
Initial = Callable[[random.Random, int], float]


class Module:
    """What has parameters: every leaf Value found in its attributes, and in what these hold.

    It is found in modules, dataclasses, lists, tuples, the values of dicts, and arrays of objects, and in the
    attributes that a subclass of these adds, in one another to any depth. Where a Value could not be found, as
    in a set, which has no order, the assignment is refused: no part goes untrained in silence.

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
            _refuse_hidden(self, _searched(name, content, into_modules=False), content)
        super().__setattr__(name, content)

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield each parameter once, with the path of attributes and positions that leads to it.

        >>> [name for name, _ in MLP(1, [2]).named_parameters()][:2]
        ['layers.0.neurons.0.weights.0', 'layers.0.neurons.0.bias']

        Raises:
            ValueError: when two paths are spelled alike.
            TypeError: when Values have come to a place where they are not found, such as a set in a list.
        """
        found = _searched("", self)
        _refuse_hidden(self, found)
        paths: set[str] = set()
        for path, parameter in found.parameters:
            if path in paths:
                raise ValueError(f"two parameters of a {type(self).__name__} are named {path}")
            paths.add(path)
            yield path, parameter

    def parameters(self) -> list[Value]:
        """Return the parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def mark(self, results: Any, inputs: Iterable[object]) -> Any:
        """Note that this module made the results from the inputs, for pictures to show it as a box; return the results.

        The results are a Value or a sequence of them. Among the inputs, what is no Value is left out.

        Raises:
            TypeError: for a result that is no Value.
        """
        made = [results] if isinstance(results, Value) else results
        if not isinstance(made, (list, tuple)) or not all(isinstance(result, Value) for result in made):
            raise TypeError(f"what a {type(self).__name__} has made must be a Value or a list of them, got {results!r}")
        leave(made, Mark(type(self).__name__, self, [given for given in inputs if isinstance(given, Value)]))
        return results

    def zero_grad(self) -> None:
        """Forget the gradient of each parameter."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self) -> dict[str, float]:
        """Return the parameters' numbers by name."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Set the parameters to the numbers of a `state_dict`; all of them, or on an error none.

        Raises:
            ValueError: when names are missing or unknown, or a number is nan, infinite or beyond the range of floats.
            TypeError: when the state is no dict, or a number in it none.
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
        """Write the parameters to a JSON file, exactly; whole, or not at all.

        `extra` is anything JSON holds that should go with them, such as an optimizer's state.

        Raises:
            ValueError: when a parameter or a number in the extra is nan or infinite, or the extra holds keys that
                JSON spells alike, or is nested too deeply.
            TypeError: when the extra is not JSON.
            OSError: when the file cannot be written.
        """
        for name, parameter in self.named_parameters():
            if not math.isfinite(parameter.data):
                raise ValueError(f"cannot save {name} = {parameter.data}: a model is saved with finite parameters")
        from . import files  # at first use: it loads as much again as all the rest

        files.write(path, {"model": repr(self), "parameters": self.state_dict(), "extra": extra})

    def load(self, path: str | bytes | os.PathLike[str]) -> Any:
        """Set the parameters from a file that `save` wrote, and return its extra.

        On an error the parameters stay as they were.

        Raises:
            ValueError: when the file is damaged, or of a model with another architecture.
            OSError: when the file cannot be read, or is not a regular file.
        """
        from . import files

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
        return f"{type(self).__name__}({counted(len(_searched('', self).parameters), 'parameter')})"


class Neuron(Module):
    """A weighted sum of the inputs plus a bias, through an activation: y = activation(w·x + b).

    `activation` is the name of a primitive or composed function of one number, or the function
    itself; None for a linear neuron. `initial` says how the weights start: "scaled" draws them
    with mean 0 and a deviation that suits the activation, "uniform" from -1 to 1; or a function
    of a `random.Random` and the number of inputs. The bias starts at 0. `rng` is a
    `random.Random`, or a seed; None takes Python's global generator.

    >>> neuron = Neuron(2, "tanh", rng=0)
    >>> neuron([1.0, -2.0])
    Value(data=...)

    Raises:
        ValueError: for less than one input, an unknown name, or (when called) a row of another length.
    """

    def __init__(
        self,
        n_inputs: int,
        activation: str | Activation | None = "relu",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
    ) -> None:
        self.n_inputs = integer(n_inputs, "the number of inputs", low=1)
        self.activation = activation
        self._activate = _activation(activation)
        draw, generator = _initial(initial, activation), _generator(rng)
        self.weights = [Value(draw(generator, n_inputs)) for _ in range(n_inputs)]
        self.bias = Value(0.0)

    def __call__(self, inputs: Iterable[Value | float]) -> Value:
        """Return the output for a row of inputs."""
        row = _row(inputs, self.n_inputs, self)
        output = self.output(row)
        leave([output], Mark(type(self).__name__, self, row))
        return output

    def output(self, row: Sequence[Value]) -> Value:
        """The neuron's output for a row that is known to fit."""
        total: Value = sum(map(operator.mul, self.weights, row), self.bias)
        return total if self._activate is None else self._activate(total)

    @property
    def w(self) -> list[Value]:
        """The weights, by micrograd's name."""
        return self.weights

    @property
    def b(self) -> Value:
        """The bias, by micrograd's name."""
        return self.bias

    def __repr__(self) -> str:
        return f"Neuron({self.n_inputs}, activation={activation_name(self.activation)!r})"


class Layer(Module):
    """Neurons that read the same inputs.

    Called on a row it returns a list with one Value for each neuron; a layer of one neuron, its
    bare Value. The activation may be "softmax" or "log_softmax" too, over the whole layer.

    >>> Layer(2, 3, "sigmoid", rng=0)([0.0, 0.0])
    [Value(data=0.5), Value(data=0.5), Value(data=0.5)]

    Raises:
        ValueError: as `Neuron`.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        activation: str | Activation | None = "relu",
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
    ) -> None:
        self.n_inputs = integer(n_inputs, "the number of inputs", low=1)
        self.activation = activation
        self._whole = _whole_layer(activation)
        generator = _generator(rng)
        own = None if self._whole else activation
        self.neurons = [
            Neuron(n_inputs, own, generator, initial) for _ in range(integer(n_outputs, "a layer's size", low=1))
        ]
        self._is_plain = isinstance(self.neurons[0]._activate, Primitive | None)  # each output is an operation's result

    def __call__(self, inputs: Iterable[Value | float]) -> Any:
        """Return the outputs for a row of inputs."""
        return _bare(self.outputs(_row(inputs, self.n_inputs, self)))

    def outputs(self, row: Sequence[Value]) -> list[Value]:
        """The outputs, as a list, for a row that is known to fit."""
        outputs = [neuron.output(row) for neuron in self.neurons]
        name = type(self).__name__
        read = array("Q", map(id, row)) if self._is_plain else row
        if self._whole is None:
            leave(outputs, Mark(name, self, read, "Neuron"), are_new=self._is_plain)
            return outputs
        leave(outputs, Mark(None, self, read, "Neuron"))
        outputs = self._whole(outputs)
        leave(outputs, Mark(name, self, read))
        return outputs

    def __repr__(self) -> str:
        return f"Layer({self.n_inputs}, {len(self.neurons)}, activation={activation_name(self.activation)!r})"


class MLP(Module):
    """A multi-layer perceptron: layers of the given sizes, each reading the outputs of the one before.

    `activation` is that of every layer but the last, `output` that of the last (None: linear).
    The other arguments are those of `Neuron`.

    >>> model = MLP(2, [16, 16, 1], rng=0)
    >>> model
    MLP(2, [16, 16, 1], activation='relu', output=None)
    >>> len(model.parameters())
    337
    >>> model([1.0, 2.0, 3.0])
    Traceback (most recent call last):
        ...
    ValueError: layer 0 of MLP(2, [16, 16, 1], activation='relu', output=None) takes 2 inputs, got 3

    Raises:
        ValueError: as `Neuron`, and for no sizes.
    """

    def __init__(
        self,
        n_inputs: int,
        sizes: Sequence[int],
        activation: str | Activation | None = "relu",
        output: str | Activation | None = None,
        rng: random.Random | int | None = None,
        initial: str | Initial = "scaled",
    ) -> None:
        if not isinstance(sizes, Sequence) or not sizes:
            raise ValueError(f"sizes must be a sequence of at least one layer's size, got {sizes!r}")
        for given in (activation, output):
            if _whole_layer(given) is None:
                _activation(given)
        self.activation, self.output = activation, output
        generator = _generator(rng)
        widths = [n_inputs, *sizes]
        self.layers = [
            Layer(width, size, output if i == len(sizes) else activation, generator, initial)
            for i, (width, size) in enumerate(zip(widths, sizes, strict=False), start=1)
        ]

    def __call__(self, inputs: Iterable[Value | float]) -> Any:
        """Return the outputs for a row of inputs."""
        row = first = _row(inputs, self.layers[0].n_inputs, self, 0)
        for i, layer in enumerate(self.layers):
            fits = i == 0 or (self.layers[i - 1]._is_plain and len(row) == layer.n_inputs)
            row = layer.outputs(row if fits else _row(row, layer.n_inputs, self, i))
        leave(row, Mark(type(self).__name__, self, first))
        return _bare(row)

    def __repr__(self) -> str:
        sizes = [len(layer.neurons) for layer in self.layers]
        ends = f"activation={activation_name(self.activation)!r}, output={activation_name(self.output)!r}"
        return f"MLP({self.layers[0].n_inputs}, {sizes}, {ends})"


# ---------------------------------------------------------------- rows in, outputs out


def _row(inputs: Iterable[Value | float], n_inputs: int, module: Module, layer: int | None = None) -> list[Value]:
    """The inputs as Values, exactly as many as the module, or its layer of that number, wants."""
    refuse_set(inputs, "a row of inputs")
    row = [given if isinstance(given, Value) else Value(number(given, "an input")) for given in inputs]
    if len(row) != n_inputs:
        reader = repr(module) if layer is None else f"layer {layer} of {module!r}"
        raise ValueError(f"{reader} takes {counted(n_inputs, 'input')}, got {len(row)}")
    return row


def _bare(outputs: list[Any]) -> Any:
    return outputs[0] if len(outputs) == 1 else outputs


# ---------------------------------------------------------------- what the arguments may be

_OF_A_LAYER: dict[str, Callable[[list[Value]], list[Value]]] = {f.__name__: f for f in functional.OF_A_LAYER}
_OF_ONE_NUMBER: dict[str, Activation] = {f.__name__: f for f in functional.OF_ONE_NUMBER}


def _whole_layer(given: str | Activation | None) -> Callable[[list[Value]], list[Value]] | None:
    if isinstance(given, str):
        return _OF_A_LAYER.get(given)
    return given if any(given is function for function in _OF_A_LAYER.values()) else None


def _activation(given: str | Activation | None) -> Activation | None:
    if given is None or callable(given):
        return given
    known = _OF_ONE_NUMBER | {primitive.name: primitive for primitive in registered() if primitive.arity == 1}
    if given not in known:
        names = ", ".join(sorted(name for name in known if not name.startswith("_")))
        raise ValueError(f"no activation is named {given!r}: use None, a function, or one of {names}")
    return known[given]


def _initial(given: str | Initial, activation: str | Activation | None) -> Initial:
    if callable(given):
        return given
    if given == "uniform":
        return lambda rng, n_inputs: rng.uniform(-1, 1)
    if given != "scaled":
        raise ValueError(f'initial must be "scaled", "uniform" or a function, got {given!r}')
    # He et al., arXiv:1502.01852, where half the inputs are cut off; LeCun et al., "Efficient BackProp", elsewhere
    gain = 2.0 if activation_name(activation) in {"relu", "leaky_relu", "gelu"} else 1.0
    return lambda rng, n_inputs: rng.gauss(0.0, math.sqrt(gain / n_inputs))


def _generator(given: random.Random | int | None) -> random.Random:
    if isinstance(given, random.Random):
        return given
    if given is None:
        return _GLOBAL_GENERATOR
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise TypeError(f"rng must be a random.Random, an integer seed or None, got {given!r}")
    return random.Random(operator.index(given))


_GLOBAL_GENERATOR: random.Random = random.uniform.__self__  # type: ignore[attr-defined]  # a method of it, as typed


def activation_name(activation: str | Activation | None) -> str | None:
    """The name of an activation, whether it was given by name or as the function."""
    if activation is None or isinstance(activation, str):
        return activation
    name: str = getattr(activation, "name", getattr(activation, "__name__", type(activation).__name__))
    return name


# ---------------------------------------------------------------- finding parameters


# What holds no parameters, or none that anybody would look for there.
_SIMPLE: tuple[type, ...] = (Value, float, int, str, bytes, complex, NoneType, type, Primitive)
_SIMPLE += (FunctionType, BuiltinFunctionType, ModuleType, random.Random)


def _is_checked(content: object) -> bool:
    return isinstance(content, _CHECKED)


class _Found(NamedTuple):
    """What a search has come to, by path: the parameters, each once, and what it could not look into."""

    parameters: list[tuple[str, Value]]
    closed: list[tuple[str, object]]


_CHECKED = (*_SIMPLE, Module)  # what may be an attribute: a module has looked at its own


def _searched(path: str, start: object, into_modules: bool = True) -> _Found:
    found = _Found([], [])
    seen: set[int] = set()
    of_class: dict[type, list[tuple[str, object]]] = {}
    pending: list[tuple[str, object]] = [(path, start)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, Value):
            if id(item) not in seen and _is_parameter(item):
                seen.add(id(item))
                found.parameters.append((path, item))
            continue
        if isinstance(item, _SIMPLE) or id(item) in seen or (isinstance(item, Module) and not into_modules):
            continue
        held = held_by(item)
        if held is not item:
            pending.append((path, held))
            continue
        seen.add(id(item))
        inside = _contents(item)
        if inside is None:
            found.closed.append((path, item))
            continue
        prefix = f"{path}." if path else ""
        pending.extend((f"{prefix}{name}", content) for name, content in reversed(inside))
        if isinstance(item, _MAPPINGS):
            found.closed.extend((f"{path} (a key)", key) for key in item if not isinstance(key, (str, int)))
        if isinstance(item, Module) or is_dataclass(item):
            shared = of_class.get(type(item))
            if shared is None:
                shared = of_class[type(item)] = _of_class(type(item))
            names = {name for name, _ in inside} if shared else set()
            found.closed.extend((f"{prefix}{name}", content) for name, content in shared if name not in names)
    return found


def _is_parameter(value: Value) -> bool:
    return value.op is None and not isinstance(value, Constant)


def _contents(item: Any) -> list[tuple[str, object]] | None:
    """What a module or container holds, by name; None for anything else."""
    if isinstance(item, Module) or is_dataclass(item):
        return _attributes(item)
    if isinstance(item, _MAPPINGS):
        inside = [(str(key), content) for key, content in item.items()]
    elif isinstance(item, (list, tuple)):
        inside = [(str(i), content) for i, content in enumerate(item)]
    elif not _is_array(item) or item.dtype.names:
        return None
    else:
        places = product(*map(range, item.shape)) if item.dtype.hasobject else ()
        inside = [(".".join(map(str, place)), item[place]) for place in places]
    return inside if type(item) in _WITHOUT_ATTRIBUTES else inside + _attributes(item)  # those that a subclass adds


_MAPPINGS = (dict, MappingProxyType)
_WITHOUT_ATTRIBUTES = {list, tuple, dict}


def _is_array(item: Any) -> bool:
    return hasattr(type(item), "dtype") and hasattr(type(item), "flat")  # the class: an object may make up attributes


def _attributes(item: object) -> list[tuple[str, object]]:
    """The attributes of an object, in its `__dict__` and in slots."""
    state: Any = object.__getstate__(item)  # whatever its class says for pickle
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    return [*(attributes or {}).items(), *(slots or {}).items()]


def _of_class(kind: type) -> list[tuple[str, object]]:
    """What a class itself holds that is no simple thing: its instances would share it, and it is not searched."""
    shared: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        if base not in {Module, object}:
            shared.update(vars(base))
    return [
        (name, content)
        for name, content in shared.items()
        if isinstance(content, (Value, Module)) or not (isinstance(content, _SIMPLE) or name.startswith("__"))
    ]


# ---------------------------------------------------------------- parameters that would not be found


def _refuse_hidden(module: Module, found: _Found, *others: object) -> None:
    """Raise for parameters in what a search could not look into, unless they are found elsewhere in the module."""
    for path, item in found.closed:
        name = f"{path} of a {type(module).__name__}"
        if isinstance(item, Iterator) and not isinstance(item, _WITHOUT_VALUES):
            raise TypeError(f"{name} is an iterator, which cannot be searched for parameters: make it a list")
        hidden = _hidden_in(item)
        if not hidden:
            continue
        known = {id(value) for start in (module, *others) for _, value in _searched("", start).parameters}
        missed = sum(id(value) not in known for value in hidden)
        if missed:
            values = "a Value" if missed == 1 else f"{missed} Values"
            raise TypeError(
                f"{name} is {_what(item)}, where {values} would not be found and trained: {_instead(item)}; "
                "what is not to be trained, make a Constant, or hold it by a function"
            )


_WITHOUT_VALUES = (IOBase, count)


def _what(item: object) -> str:
    if isinstance(item, (set, frozenset)):
        return "a set, which has no order"
    if isinstance(item, (Value, Module, list, tuple, dict)):
        return "no attribute of the module itself"
    return f"of type {type(item).__name__}, which is not searched"


def _instead(item: object) -> str:
    if isinstance(item, (set, frozenset, deque)):
        return "make it a list or a tuple"
    if isinstance(item, (Value, Module, list, tuple, dict)):
        return "assign it to self in __init__, or make it the value of a dict"
    return "make it a Module or a dataclass, or keep the Values in a list, a tuple or a dict"


def _hidden_in(start: Any) -> list[Value]:
    """The parameters in what is no module or container, and in what its attributes hold, to any depth."""
    hidden: list[Value] = []
    seen: dict[int, object] = {}  # kept, as an id may be used again by what is made on the way
    pending: list[Any] = [start]
    while pending:
        item = held_by(pending.pop())
        if id(item) in seen:
            continue
        seen[id(item)] = item
        if isinstance(item, Value):
            if _is_parameter(item):
                hidden.append(item)
        elif not isinstance(item, _SIMPLE):
            pending.extend(_parts(item))
    return hidden


def _parts(item: Any) -> list[Any]:
    """What an object of any kind holds, as far as its attributes, or the array that it says it is, show it."""
    attributes = [content for _, content in _attributes(item)]
    if isinstance(item, _MAPPINGS):
        return [*item, *item.values(), *attributes]
    if isinstance(item, _COLLECTIONS):
        collection: Any = item
        return [*collection, *attributes]
    if isinstance(item, partial):
        return [item.func, item.args, item.keywords]
    if isinstance(item, MethodType):
        return [item.__self__]
    inside = _contents(item)
    if inside is None and _is_array(item):
        return [*item.ravel().tolist(), *attributes]  # an array of records
    return [*attributes, *_entries(item)] if inside is None else [content for _, content in inside]


def _entries(item: Any) -> list[Any]:
    """The objects in what numpy can make an array of, such as a Series of pandas, whose attributes do not show them."""
    if not hasattr(type(item), "__array__") or str(getattr(item, "dtype", object.__name__)) != object.__name__:
        return []
    array = item.__array__()
    return list(array.ravel().tolist()) if array.dtype.hasobject else []


_COLLECTIONS: tuple[type, ...] = (
    list,
    tuple,
    set,
    frozenset,
    deque,
    type({}.keys()),
    type({}.values()),
    type({}.items()),
)


def _check_names(missing: Iterable[str], unknown: Iterable[str]) -> None:
    faults = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for kind, names in (("missing", sorted(missing)), ("unknown", sorted(map(str, unknown))))
        if names
    ]
    if faults:
        raise ValueError(f"the state does not fit the model: parameters {' and '.join(faults)}")
