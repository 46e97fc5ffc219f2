"""The search for parameters: what a module holds, and where a parameter would not be found.

A search goes through modules, dataclasses, lists, tuples, the values of dicts, and arrays of objects.
What it cannot look into, it lists as closed; `refuse_hidden` then looks there for parameters, and refuses them.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import partial
from io import IOBase
from itertools import count, product
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType, NoneType
from typing import Any, NamedTuple

from ..engine.declaration import Primitive
from ..engine.floats import held_by
from ..engine.foreign import ForeignName
from ..engine.value import Constant, Value


class Searchable:
    """The base class of modules: a search looks into the attributes of an instance."""


# What holds no parameters, or none that anybody would look for there.
SIMPLE: tuple[type, ...] = (Value, float, int, str, bytes, complex, NoneType, type, Primitive)
SIMPLE += (FunctionType, BuiltinFunctionType, ModuleType, random.Random, ForeignName)

# ---------------------------------------------------------------- finding parameters


class Search(NamedTuple):
    """The result of a search: the parameters by path, each once; the modules; and what it could not look into."""

    parameters: list[tuple[str, Value]]
    modules: list[Searchable]
    closed: list[tuple[str, object]]


def search(path: str, start: object, into_modules: bool = True) -> Search:
    """Return the parameters in an object, depth first; those of other modules in it only if `into_modules` is true."""
    result = Search([], [], [])
    seen: set[int] = set()
    of_class: dict[type, list[tuple[str, object]]] = {}
    pending: list[tuple[str, object]] = [(path, start)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, Value):
            if id(item) not in seen and _is_parameter(item):
                seen.add(id(item))
                result.parameters.append((path, item))
            continue
        if isinstance(item, SIMPLE) or id(item) in seen or (isinstance(item, Searchable) and not into_modules):
            continue
        held = held_by(item)
        if held is not item:
            pending.append((path, held))
            continue
        seen.add(id(item))
        contents = _contents(item)
        if contents is None:
            result.closed.append((path, item))
            continue
        prefix = f"{path}." if path else ""
        pending.extend((f"{prefix}{name}", content) for name, content in reversed(contents))
        if isinstance(item, _MAPPINGS):
            result.closed.extend((f"{path} (a key)", key) for key in item if not isinstance(key, (str, int)))
        if isinstance(item, Searchable):
            result.modules.append(item)
        if isinstance(item, Searchable) or is_dataclass(item):
            shared = of_class.get(type(item))
            if shared is None:
                shared = of_class[type(item)] = _of_class(type(item))
            names = {name for name, _ in contents} if shared else set()
            result.closed.extend((f"{prefix}{name}", content) for name, content in shared if name not in names)
    return result


def _is_parameter(value: Value) -> bool:
    return value.op is None and not isinstance(value, Constant)


def _contents(item: Any) -> list[tuple[str, object]] | None:
    """What a module or container holds, by name; None for anything else."""
    if isinstance(item, Searchable) or is_dataclass(item):
        return _attributes(item)
    if isinstance(item, _MAPPINGS):
        contents = [(str(key), content) for key, content in item.items()]
    elif isinstance(item, (list, tuple)):
        contents = [(str(i), content) for i, content in enumerate(item)]
    elif not _is_array(item) or item.dtype.names:
        return None
    else:
        places = product(*map(range, item.shape)) if item.dtype.hasobject else ()
        contents = [(".".join(map(str, place)), item[place]) for place in places]
    return contents if type(item) in _WITHOUT_ATTRIBUTES else contents + _attributes(item)  # those that a subclass adds


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
    """The attributes of a class, apart from simple ones: its instances would share them, and no search sees them."""
    shared: dict[str, object] = {}
    for base in reversed(kind.__mro__[:-1]):  # the last is object
        shared.update(vars(base))
    return [
        (name, content)
        for name, content in shared.items()
        if isinstance(content, (Value, Searchable)) or not (isinstance(content, SIMPLE) or name.startswith("__"))
    ]


# ---------------------------------------------------------------- parameters that would not be found


def refuse_hidden(module: Searchable, result: Search, *others: object) -> None:
    """Raise for parameters in what a search could not look into, unless they are found elsewhere in the module.

    Raises:
        TypeError: for such a parameter, or an iterator, which a search would use up.
    """
    for path, item in result.closed:
        name = f"{path} of a {type(module).__name__}"
        if isinstance(item, Iterator) and not isinstance(item, _WITHOUT_VALUES):
            raise TypeError(f"{name} is an iterator, which cannot be searched for parameters: make it a list")
        hidden = hidden_in(item)
        if not hidden:
            continue
        known = {id(value) for start in (module, *others) for _, value in search("", start).parameters}
        missed = sum(id(value) not in known for value in hidden)
        if missed:
            values = "a Value" if missed == 1 else f"{missed} Values"
            raise TypeError(
                f"{name} is {_what(item)}, where {values} would not be found and trained: {_instead(item)}; "
                "if it should not be trained, make it a Constant, or keep it in a function"
            )


_WITHOUT_VALUES = (IOBase, count)


def _what(item: object) -> str:
    if isinstance(item, (set, frozenset)):
        return "a set, which has no order"
    if isinstance(item, (Value, Searchable, list, tuple, dict)):
        return "no attribute of the module itself"
    return f"of type {type(item).__name__}, which is not searched"


def _instead(item: object) -> str:
    if isinstance(item, (set, frozenset, deque)):
        return "make it a list or a tuple"
    if isinstance(item, (Value, Searchable, list, tuple, dict)):
        return "assign it to self in __init__, or make it the value of a dict"
    return "make it a Module or a dataclass, or keep the Values in a list, a tuple or a dict"


def hidden_in(start: Any) -> list[Value]:
    """Return the parameters in what is not a module or container, and in what its attributes hold, to any depth."""
    hidden: list[Value] = []
    seen: dict[int, object] = {}  # kept alive: the id of an object that is gone may be that of the next one
    pending: list[Any] = [start]
    while pending:
        item = held_by(pending.pop())
        if id(item) in seen:
            continue
        seen[id(item)] = item
        if isinstance(item, Value):
            if _is_parameter(item):
                hidden.append(item)
        elif not isinstance(item, SIMPLE):
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
    contents = _contents(item)
    if contents is None and _is_array(item):
        return [*item.ravel().tolist(), *attributes]  # an array of records
    return [*attributes, *_entries(item)] if contents is None else [content for _, content in contents]


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
