"""Which parameters a module has: where they are found, and where a Value is refused because it would not be."""

from __future__ import annotations

import itertools
import math
import random
import re
import tempfile
import threading
import weakref
from abc import ABC
from collections import UserList, deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from statistics import NormalDist
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar, Generic, TypeVar
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, Value, nn
from scalargrad.nn.search import hidden_in
from tests.nn.modules import Branch, Line, Slots

# ---------------------------------------------------------------- finding parameters


@st.composite
def branches(draw: st.DrawFn) -> Branch:
    """Modules, lists, tuples and dicts in one another, with shared Values and other things at the ends."""
    pool = [Value(float(i)) for i in range(4)]
    ends: list[object] = [*pool, pool[0] + pool[1], 1.5, "text", None, {1, 2}]
    names = st.text("abc_", min_size=1, max_size=3)
    tree = st.recursive(
        st.sampled_from(ends),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(names | st.integers(), inner, max_size=3)
            | st.dictionaries(names, inner, max_size=3).map(lambda attributes: Branch(**attributes))
        ),
        max_leaves=12,
    )
    return Branch(**draw(st.dictionaries(names, tree, max_size=4)))


def held(container: object) -> list[tuple[str, Any]]:
    """What a module or container holds, by name."""
    if isinstance(container, nn.Module):
        container = vars(container)
    if isinstance(container, dict):
        return [(str(key), item) for key, item in container.items()]
    return [(str(i), item) for i, item in enumerate(container)] if isinstance(container, (list, tuple)) else []


def leaves(start: object) -> list[Value]:
    """Every leaf Value, in order, as often as it is there."""
    if isinstance(start, Value):
        return [start] if start.op is None else []
    return [leaf for _, item in held(start) for leaf in leaves(item)]


@given(branches())
def test_each_parameter_is_found_once_in_order(branch: Branch) -> None:
    """The parameters are the leaf Values of a depth-first walk, each where it is first met."""
    assert branch.parameters() == list(dict.fromkeys(leaves(branch)))


@given(branches())
def test_a_name_is_the_path_to_its_parameter(branch: Branch) -> None:
    """Following a parameter's name from the module leads to that very Value, and no two names are the same."""
    named = list(branch.named_parameters())
    for name, parameter in named:
        reached: Any = branch
        for step in name.split("."):
            reached = dict(held(reached))[step]
        assert reached is parameter
    assert len(dict(named)) == len(named)


def test_names_of_a_network() -> None:
    """A network's parameters are each neuron's weights and then its bias, layer after layer."""
    assert list(nn.MLP(2, [2, 1]).state_dict()) == [
        "layers.0.neurons.0.weights.0",
        "layers.0.neurons.0.weights.1",
        "layers.0.neurons.0.bias",
        "layers.0.neurons.1.weights.0",
        "layers.0.neurons.1.weights.1",
        "layers.0.neurons.1.bias",
        "layers.1.neurons.0.weights.0",
        "layers.1.neurons.0.weights.1",
        "layers.1.neurons.0.bias",
    ]


def test_two_parameters_of_one_name_are_an_error() -> None:
    """Where two paths are spelled alike, a state_dict would lose a parameter, and is refused."""
    dotted = Branch(table={"a.b": Value(1.0), "a": {"b": Value(2.0)}})
    typed = Branch(table={1: Value(1.0), "1": Value(2.0)})
    for branch, name in ((dotted, "table.a.b"), (typed, "table.1")):
        with pytest.raises(ValueError, match=name):
            branch.state_dict()


def test_a_constant_is_no_parameter() -> None:
    """A Constant takes no gradient, so it is none of the parameters."""
    weight = Value(1.0)
    assert Branch(temperature=Constant(2.0), weight=weight).parameters() == [weight]


def test_references_in_a_circle_end() -> None:
    """A module that holds itself, or a list that does, has each parameter once."""
    weight = Value(1.0)
    circle: list[object] = [weight]
    circle.append(circle)
    branch = Branch(circle=circle)
    vars(branch)["parent"] = Branch(child=branch)
    assert branch.parameters() == [weight]


def test_nesting_is_not_limited_by_the_stack() -> None:
    """A parameter inside 10,000 lists is found."""
    weight: Any = Value(1.0)
    nested = weight
    for _ in range(10_000):
        nested = [nested]
    assert Branch(nested=nested).parameters() == [weight]


def test_parameters_of_a_users_activation_are_trained() -> None:
    """An activation that is itself a module contributes its parameters, once for all the neurons that share it."""

    class Slope(nn.Module):
        def __init__(self) -> None:
            self.slope = Value(0.1)

        def __call__(self, x: Value) -> Value:
            return scalargrad.maximum(x, self.slope * x)

    slope = Slope()
    assert nn.MLP(2, [3, 1], activation=slope).parameters().count(slope.slope) == 1


# ---------------------------------------------------------------- where parameters are found, and where they are not

T = TypeVar("T")


@dataclass
class Pair:
    """No module, but a dataclass."""

    first: Any
    second: Any = None


@dataclass(slots=True)
class Slotted:
    content: Any


@dataclass(frozen=True, slots=True)
class Frozen(nn.Module):
    slope: Any


class Holder:
    """An object of any class."""

    def __init__(self, content: object) -> None:
        self.content = content

    def read(self) -> object:
        return self.content


class HolderInSlots:
    __slots__ = ("content",)

    def __init__(self, content: object) -> None:
        self.content = content


def test_parameters_in_arrays_and_dataclasses_are_found() -> None:
    """Arrays of objects, tuples and dataclasses are searched in their order, as lists and dicts are."""
    v = [Value(float(i)) for i in range(12)]
    module: Any = Branch(grid=np.array(v[:4]).reshape(2, 2), pair=Pair(v[4], [Pair(v[5])]), slotted=(Slotted(v[6]),))
    module.table = {"a": np.array([{"b": v[7]}], dtype=object)}
    module.single = np.array(v[8], dtype=object)
    module.numbers = np.zeros((1000, 1000))
    assert dict(module.named_parameters()) == {
        "grid.0.0": v[0],
        "grid.0.1": v[1],
        "grid.1.0": v[2],
        "grid.1.1": v[3],
        "pair.first": v[4],
        "pair.second.0.first": v[5],
        "slotted.0.content": v[6],
        "table.a.0.b": v[7],
        "single": v[8],
    }
    assert Line(v[9]).state_dict() == {"slope": 9.0, "offset": 1.0}
    assert dict(Frozen([v[10]]).named_parameters()) == {"slope.0": v[10]}
    assert list(Slots().state_dict().values()) == [3.0, 2.0, 1.0]
    assert list(Slots().state_dict()) == ["other", "_Slots__hidden", "weight"]


def test_parameters_in_what_a_subclass_adds_are_found() -> None:
    """A list, tuple, dict or array of a subclass is searched with the attributes that it adds, and a dict's view."""
    v = [Value(float(i)) for i in range(9)]
    module: Any = Branch(
        several=extended(list, v[0], [v[1]]),
        pair=extended(tuple, v[2], (v[3],)),
        table=extended(dict, v[4], {"a": v[5]}),
        array=extended_array(v[6], [1.0]),
        objects=extended_array([v[7]], [v[8]]),
        view=MappingProxyType({"b": v[0], "c": 1}),
    )
    assert set(module.parameters()) == set(v)
    module = Branch(view=MappingProxyType({"b": v[0], "c": 1}))
    assert dict(module.named_parameters()) == {"view.b": v[0]}


@dataclass
class Point:
    """A dataclass whose field has a default, and with a variable of the class."""

    x: Value
    shared: ClassVar[Any] = None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda v: v,
        lambda v: np.array([v], object),
        Pair,
        Holder,
        lambda v: Holder([v]),
        lambda v: MappingProxyType({"w": v}),
        deque,
    ],
)
def test_a_value_that_a_class_holds_is_refused(wrap: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever attribute of a class holds a Value, of a module or of a dataclass in it, it would not be trained."""
    held = [Value(1.0)] if wrap is deque else Value(1.0)
    monkeypatch.setattr(Point, "shared", wrap(held))
    with pytest.raises(TypeError, match=r"part\.shared of a Branch.*, where a Value would not be found"):
        Branch(part=Point(Value(2.0))).parameters()

    class Shared(nn.Module):
        weight = wrap(held)

    with pytest.raises(TypeError, match=r"weight of a Shared.*, where a Value would not be found"):
        Shared().parameters()
    monkeypatch.setattr(Point, "shared", wrap([] if wrap is deque else Constant(1.0)))
    assert len(Branch(part=Point(Value(2.0))).parameters()) == 1


def test_what_a_class_has_beside_values_is_no_matter() -> None:
    """Properties, methods, slots, and what abstract and generic classes note, are nobody's parameters."""

    class Rich(nn.Module, Generic[T], ABC):
        __slots__ = ("weight",)
        table = MappingProxyType({"a": 1})

        def __init__(self) -> None:
            self.weight = Value(1.0)

        @property
        def twice(self) -> Value:
            return self.weight * 2

        @cached_property
        def size(self) -> int:
            return 1

        @classmethod
        def create(cls) -> Any:
            return cls()

        @staticmethod
        def one() -> int:
            return 1

    assert Rich.create().state_dict() == {"weight": 1.0}


def test_array_parameters_train() -> None:
    """A module whose weights are a matrix of Values learns: each entry moves by its gradient."""

    class Linear(nn.Module):
        def __init__(self) -> None:
            self.weights = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])

        def __call__(self, row: list[float]) -> Any:
            return self.weights @ np.array(row)

    model = Linear()
    optimizer = scalargrad.optim.GradientDescent(model.parameters(), 0.5)
    sum(model([1.0, 10.0])).backward()
    optimizer.step()
    assert model.weights.astype(float).tolist() == [[0.5, -3.0], [2.5, -1.0]]


def hiding(make: Callable[[Value], object], message: str, name: str) -> Any:
    return pytest.param(make, message, id=name)


class Column:
    """What numpy makes an array of, and has nothing in its attributes."""

    __slots__ = ("dtype", "read")

    def __init__(self, content: object) -> None:
        self.dtype = "object"
        self.read: Callable[[], object] = lambda: content

    def __array__(self) -> Any:
        return np.array([self.read(), 1.0], dtype=object)


class Table:
    """The same without a type."""

    def __init__(self, content: object) -> None:
        self.read: Callable[[], object] = lambda: content

    def __array__(self) -> Any:
        return np.array([[self.read()], [1.0]], dtype=object)


def extended(kind: type, attribute: object, *content: object) -> Any:
    """An instance of a subclass of a container, with an attribute of its own."""

    class Extended(kind):  # type: ignore[misc]
        pass

    instance = Extended(*content)
    instance.extra = attribute
    return instance


def extended_array(attribute: object, entries: Any) -> Any:
    class ExtendedArray(np.ndarray[Any, Any]):
        extra: Any

    instance = np.array(entries).view(ExtendedArray)
    instance.extra = attribute
    return instance


HIDING = [
    hiding(lambda v: {v}, "a set, which has no order, where a Value would not.*: make it a list or a tuple;", "set"),
    hiding(lambda v: frozenset([v, nn.Neuron(1)]), "a set, which has no order, where 3 Values would", "frozenset"),
    hiding(lambda v: [{"a": ({1, (v,)},)}], "part.0.a.0 of a Branch is a set", "set within"),
    hiding(lambda v: deque([v]), "of type deque, which is not searched, .*: make it a list or a tuple;", "deque"),
    hiding(lambda v: (x for x in [v]), "an iterator, which cannot be searched for parameters: make it a list", "gen"),
    hiding(lambda v: map(Value, [1.0]), "an iterator, which cannot be searched", "map"),
    hiding(lambda v: iter([1.0]), "an iterator, which cannot be searched", "iter"),
    hiding(lambda v: {"w": v}.values(), "of type dict_values, which is not searched", "values"),
    hiding(lambda v: {i: v if i == 50 else 0 for i in range(99)}.items(), "of type dict_items", "items"),
    hiding(lambda v: {v: 1.0}, r"part \(a key\) of a Branch is no attribute.*the value of a dict", "key"),
    hiding(lambda v: {(1, v): 1.0}, r"part \(a key\) of a Branch", "tuple as key"),
    hiding(Holder, "of type Holder, which is not searched,.*: make it a Module or a dataclass,", "object"),
    hiding(lambda v: Holder([Holder({"a": nn.Neuron(2)})]), "where 3 Values would not be found", "objects"),
    hiding(HolderInSlots, "of type HolderInSlots", "slots"),
    hiding(lambda v: Holder(v).read, "of type method, which is not searched", "method"),
    hiding(lambda v: partial(max, v), "of type partial", "partial"),
    hiding(lambda v: partial(max, key=v), "of type partial", "partial by name"),
    hiding(lambda v: SimpleNamespace(w=v), "of type SimpleNamespace", "namespace"),
    hiding(lambda v: UserList([v]), "of type UserList", "user list"),
    hiding(lambda v: np.array([(v, 1.0)], dtype=[("w", "O"), ("x", "f8")]), "of type ndarray", "records"),
    hiding(lambda v: Holder(np.array([[v]])), "of type Holder", "array in an object"),
    hiding(Column, "of type Column, which is not searched", "a column as pandas has them"),
    hiding(Table, "of type Table, which is not searched", "a table as pandas has them"),
    hiding(lambda v: extended(deque, v), "of type Extended", "attribute of a deque"),
    hiding(lambda v: extended(set, v), "is a set", "attribute of a set"),
    hiding(lambda v: MappingProxyType({v: 1.0}), r"part \(a key\) of a Branch", "key of a view"),
    hiding(lambda v: Pair(deque([Holder(v)])), "part.first of a Branch is of type deque", "deque in a dataclass"),
]


@pytest.mark.parametrize(("make", "message"), HIDING)
def test_no_part_goes_untrained_in_silence(make: Callable[[Value], object], message: str) -> None:
    """A Value where it would not be found is refused when it is assigned, and when it got there later."""
    weight = Value(2.0)
    module: Any = Branch(weight=Value(1.0))
    with pytest.raises(TypeError, match=message):
        module.part = make(weight)
    assert list(module.state_dict()) == ["weight"]
    module.part = []
    module.part.append(make(weight))
    for search in (module.parameters, module.zero_grad, module.state_dict):
        with pytest.raises(TypeError, match=re.sub("^part", r"part\.0", message)):
            search()
    assert repr(module) == "Branch(1 parameter)"


@pytest.mark.parametrize("make", [case.values[0] for case in HIDING if "iterator" not in case.values[1]])
def test_what_is_found_elsewhere_is_not_hidden(make: Callable[[Value], object]) -> None:
    """Nothing is refused that holds parameters of the module itself, such as its optimizer, or no Value at all."""
    weight = Value(2.0)
    module: Any = Branch(weight=weight, extra=[])
    part = make(weight)
    others = [value for value in hidden_in(part) if value is not weight]
    module.extra = others
    module.part = part
    module.optimizer = scalargrad.optim.Adam(module.parameters())
    assert module.parameters() == [weight, *others]


def test_what_holds_no_parameters_may_be_an_attribute() -> None:
    """Strings, functions, generators of random numbers, files, classes, constants, results and plain objects may be."""
    module: Any = Branch()
    v = Value(1.0)
    with tempfile.TemporaryFile() as file:
        for content in (
            *("text", b"bytes", 1, 1.5, True, None, 1j, {1, 2}, frozenset("ab"), deque([1]), range(3), object()),
            *(math.sin, lambda: v, Value, scalargrad.tanh, random.Random(0), np.random.default_rng(0), random, file),
            *(Constant(1.0), {Constant(1.0)}, Holder(v * 2), {v * 2}, Holder(None), partial(max, 1), "".join),
            *(
                itertools.count(),
                NormalDist(),
                threading.Lock(),
                weakref.ref(module),
                Mock(),
                np.ones(3),
                np.float32(1.0),
            ),
            *({(1, 2): 3}, {None: 1}, np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), Decimal(1)),
        ):
            module.part = content
            module.nested = [content]
            assert module.parameters() == []


def test_values_of_a_class_are_refused_unless_an_attribute_hides_them() -> None:
    """A Value that is an attribute of the class would be shared and not found; a default of a dataclass is none."""

    class Shared(nn.Module):
        weight = Value(1.0)
        layers: ClassVar[list[Any]] = [nn.Neuron(1)]
        names = ("a", "b")

    class Derived(Shared):
        pass

    for model in (Shared(), Derived(), Branch(inner=Shared())):
        with pytest.raises(TypeError, match=r"weight of a \w+ is no attribute of the module itself, where a Value"):
            model.parameters()
    model = Derived()
    model.weight = Value(2.0)
    with pytest.raises(TypeError, match="layers of a Derived is no attribute of the module itself, where 2 Values"):
        model.parameters()
    vars(model)["layers"] = []
    assert list(model.state_dict()) == ["weight"]

    @dataclass
    class Defaulted(nn.Module):
        weight: Value = DEFAULT

    assert Defaulted().parameters() == [DEFAULT]
    assert Defaulted(Value(3.0)).state_dict() == {"weight": 3.0}


DEFAULT = Value(1.0)


def test_a_circle_of_objects_ends() -> None:
    """Objects that hold one another are looked at once each."""
    first, second = Holder(None), Holder(None)
    first.content, second.content = second, [first, Value(1.0)]
    with pytest.raises(TypeError, match="where a Value would not be found"):
        vars(nn.Module)["__setattr__"](Branch(), "part", first)
