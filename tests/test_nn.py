"""Networks: which parameters they have, what they compute, how they start, and what they refuse."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import random
import re
import tempfile
import threading
import weakref
from abc import ABC
from collections import UserList, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial
from statistics import NormalDist, fmean, pvariance
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar, Generic, TypeVar
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, Value, functional, nn
from scalargrad.engine import declaration
from scalargrad.engine.graph import topological_order
from scalargrad.engine.primitives import BUILT_IN


def bits(model: nn.Module) -> dict[str, str]:
    """The parameters in hexadecimal, which tells -0.0 from 0.0."""
    return {name: parameter.data.hex() for name, parameter in model.named_parameters()}


class Branch(nn.Module):
    """A module with any attributes."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


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


def held(found: object) -> list[tuple[str, Any]]:
    """What a module or container holds, by name."""
    if isinstance(found, nn.Module):
        found = vars(found)
    if isinstance(found, dict):
        return [(str(key), item) for key, item in found.items()]
    return [(str(i), item) for i, item in enumerate(found)] if isinstance(found, (list, tuple)) else []


def leaves(found: object) -> list[Value]:
    """Every leaf Value, in order, as often as it is there."""
    if isinstance(found, Value):
        return [found] if found.op is None else []
    return [leaf for _, item in held(found) for leaf in leaves(item)]


@given(branches())
def test_each_parameter_is_found_once_in_order(branch: Branch) -> None:
    """The parameters are the leaf Values of a depth-first walk, each where it is first met."""
    assert branch.parameters() == list(dict.fromkeys(leaves(branch)))


@given(branches())
def test_a_name_is_the_path_to_its_parameter(branch: Branch) -> None:
    """Following a parameter's name from the module leads to that very Value, and no two names are the same."""
    named = list(branch.named_parameters())
    for name, parameter in named:
        found: Any = branch
        for step in name.split("."):
            found = dict(held(found))[step]
        assert found is parameter
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


@dataclass
class Pair:
    """No module, but a dataclass."""

    first: Any
    second: Any = None


@dataclass(slots=True)
class Slotted:
    content: Any


@dataclass
class Line(nn.Module):
    """A module whose attributes are the fields of a dataclass."""

    slope: Value
    offset: Value = field(default_factory=lambda: Value(1.0))


@dataclass(frozen=True, slots=True)
class Frozen(nn.Module):
    slope: Any


class Slots(nn.Module):
    """A module with slots, one of them private, one never set."""

    __slots__ = ("__hidden", "unset", "weight")

    def __init__(self) -> None:
        self.weight, self.__hidden, self.other = Value(1.0), Value(2.0), Value(3.0)


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
        def made(cls) -> Any:
            return cls()

        @staticmethod
        def one() -> int:
            return 1

    assert Rich.made().state_dict() == {"weight": 1.0}


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


T = TypeVar("T")


def hiding(make: Callable[[Value], object], told: str, name: str) -> Any:
    return pytest.param(make, told, id=name)


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

    made = Extended(*content)
    made.extra = attribute
    return made


def extended_array(attribute: object, entries: Any) -> Any:
    class ExtendedArray(np.ndarray[Any, Any]):
        extra: Any

    made = np.array(entries).view(ExtendedArray)
    made.extra = attribute
    return made


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


@pytest.mark.parametrize(("make", "told"), HIDING)
def test_no_part_goes_untrained_in_silence(make: Callable[[Value], object], told: str) -> None:
    """A Value where it would not be found is refused when it is assigned, and when it has come there since."""
    weight = Value(2.0)
    module: Any = Branch(weight=Value(1.0))
    with pytest.raises(TypeError, match=told):
        module.part = make(weight)
    assert list(module.state_dict()) == ["weight"]
    module.part = []
    module.part.append(make(weight))
    for search in (module.parameters, module.zero_grad, module.state_dict):
        with pytest.raises(TypeError, match=re.sub("^part", r"part\.0", told)):
            search()
    assert repr(module) == "Branch(1 parameter)"


@pytest.mark.parametrize("make", [case.values[0] for case in HIDING if "iterator" not in case.values[1]])
def test_what_is_found_elsewhere_is_not_hidden(make: Callable[[Value], object]) -> None:
    """Nothing is refused that holds parameters of the module itself, such as its optimizer, or no Value at all."""
    weight = Value(2.0)
    module: Any = Branch(weight=weight, extra=[])
    found = make(weight)
    others = [value for value in nn._hidden_in(found) if value is not weight]
    module.extra = others
    module.part = found
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
    """A Value that is an attribute of the class would be shared and not found; a default of a dataclass is no such."""

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


def test_a_module_with_slots_is_copied() -> None:
    """What is in slots is in copies, and is found there."""
    for duplicate in COPIES.values():
        assert duplicate(Slots()).state_dict() == Slots().state_dict()
        assert duplicate(Line(Value(2.0))).state_dict() == {"slope": 2.0, "offset": 1.0}


def test_zero_grad_forgets() -> None:
    """After zero_grad no parameter has been swept, as if backward had never been called."""
    model = nn.MLP(2, [3, 1], rng=0)
    model([1.0, -2.0]).backward()
    assert all(parameter.swept for parameter in model.parameters())
    model.zero_grad()
    assert not any(parameter.swept or parameter.grad for parameter in model.parameters())


# ---------------------------------------------------------------- the state

FITTING: dict[str, float] = nn.Neuron(2, rng=0).state_dict()
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WRONG_NUMBERS: list[object] = [None, "1.0", True, 1j, [1.0], 10**400, Value(1.0), math.nan, math.inf, -math.inf]


@given(st.fixed_dictionaries(dict.fromkeys(FITTING, NUMBERS)))
def test_a_state_comes_back_bit_for_bit(state: dict[str, float]) -> None:
    """What is loaded is what state_dict then returns, -0.0 and subnormal numbers included."""
    model = nn.Neuron(2, rng=1)
    model.load_state_dict(state)
    assert {name: number.hex() for name, number in model.state_dict().items()} == {
        name: number.hex() for name, number in state.items()
    }


@st.composite
def corrupted_states(draw: st.DrawFn) -> dict[Any, Any]:
    """A state with good numbers, one of its names taken out, one put in, or a number that is none."""
    state: dict[Any, Any] = draw(st.fixed_dictionaries(dict.fromkeys(FITTING, NUMBERS)))
    victim = draw(st.sampled_from(sorted(FITTING)))
    fault = draw(st.sampled_from(["missing", "unknown", "wrong"]))
    if fault == "missing":
        del state[victim]
    elif fault == "unknown":
        state[draw((st.text() | st.integers() | st.none()).filter(lambda key: key not in FITTING))] = 1.0
    else:
        state[victim] = draw(st.sampled_from(WRONG_NUMBERS))
    return state


def test_a_state_that_is_no_dict_is_an_error() -> None:
    """What has no names cannot be loaded."""
    with pytest.raises(TypeError, match=r"the state must be a dict of numbers by name, got a list"):
        nn.Neuron(1).load_state_dict([1.0])  # type: ignore[arg-type]


@given(corrupted_states())
def test_a_corrupted_state_changes_nothing(state: dict[Any, Any]) -> None:
    """A state that does not fit is an error, and every parameter stays as it was."""
    model = nn.Neuron(2, rng=1)
    before = bits(model)
    with pytest.raises((TypeError, ValueError), match=r"does not fit|must be|finite parameters"):
        model.load_state_dict(state)
    assert bits(model) == before


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.fixed_dictionaries(dict.fromkeys(FITTING, st.floats() | st.integers() | ANYTHING)) | ANYTHING)
def test_whatever_the_state_is_only_the_documented_errors_come(state: Any) -> None:
    """Any state is loaded, and finite, or is a TypeError or a ValueError that changes nothing."""
    model = nn.Neuron(2, rng=1)
    before = bits(model)
    try:
        model.load_state_dict(state)
    except (TypeError, ValueError):
        assert bits(model) == before
    else:
        assert model.state_dict() == state
        assert all(map(math.isfinite, model.state_dict().values()))


def test_a_state_that_does_not_fit_is_described() -> None:
    """The error counts and names what is missing and what is unknown."""
    with pytest.raises(ValueError, match=r"2 missing \(weights.0, weights.1\) and 1 unknown \(w\)"):
        nn.Neuron(2).load_state_dict({"bias": 0.0, "w": 1.0})


# ---------------------------------------------------------------- what is computed

MODERATE = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(MODERATE, MODERATE), min_size=1, max_size=8), MODERATE)
def test_a_linear_neuron_is_a_weighted_sum(pairs: list[tuple[float, float]], bias: float) -> None:
    """Without an activation the output is w·x + b, to the rounding of a sum of that many terms."""
    neuron = nn.Neuron(len(pairs), activation=None)
    for weight, (number, _) in zip(neuron.weights, pairs, strict=True):
        weight.data = number
    neuron.bias.data = bias
    terms = [bias, *(w * x for w, x in pairs)]
    rounding = len(pairs) * 2.0**-52 * math.fsum(map(abs, terms))
    assert abs(neuron([x for _, x in pairs]).data - math.fsum(terms)) <= rounding


FORMULAS: dict[str, Callable[[float], float]] = {
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "gelu": lambda z: z * NormalDist().cdf(z),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": lambda z: 1 - 2 / (1 + math.exp(2 * z)),
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "sin": lambda z: math.cos(z - math.pi / 2),
    "exp": lambda z: math.e**z,
    "abs": lambda z: max(z, -z),
}


@given(st.sampled_from(sorted(FORMULAS)), st.floats(-6, 6))
def test_an_activation_is_applied_to_the_sum(name: str, z: float) -> None:
    """A neuron with a named activation is that textbook formula of its weighted sum."""
    neuron = nn.Neuron(1, name, initial=lambda rng, n_inputs: 1.0)
    assert math.isclose(neuron([z]).data, FORMULAS[name](z), rel_tol=1e-12, abs_tol=1e-14)


@pytest.mark.parametrize("primitive", [p for p in BUILT_IN if p.arity == 1], ids=lambda p: p.name)
def test_every_primitive_of_one_operand_is_an_activation(primitive: declaration.Primitive) -> None:
    """By name or as the function, a primitive of one operand activates a neuron, whose last operation it is."""
    for given_as in (primitive.name, primitive):
        output = nn.Neuron(1, given_as, initial=lambda rng, n_inputs: 0.25)([1.0])
        assert output.op is primitive
        assert output.data.hex() == primitive.value(0.25).hex()


def test_a_users_own_activation() -> None:
    """A function or callable object of one's own is called on the weighted sum, in any kind of module."""

    def cubed(x: Value) -> Value:
        return x**3

    @dataclass
    class Times:  # compares by value, so it has no hash
        factor: float

        def __call__(self, x: Value) -> Value:
            return self.factor * x

    activations: list[tuple[Callable[[Any], Any], float]] = [(cubed, 8.0), (Times(5.0), 10.0)]
    for activation, expected in activations:
        for model in (nn.Neuron(1, activation), nn.Layer(1, 1, activation), nn.MLP(1, [1], output=activation)):
            model.parameters()[0].data = 1.0
            assert model([2.0]).data == expected


def test_a_users_own_primitive_is_an_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user declares is at once an activation by name, with its derivative, and survives pickling."""
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))  # forgets it after the test
    declaration.declare(lambda x: x * x, partials=[lambda out, x: 2 * x], name="squared")
    neuron = nn.Neuron(1, "squared", initial=lambda rng, n_inputs: 3.0)
    x = Value(2.0)
    pickle.loads(pickle.dumps(neuron))([x]).backward()
    assert (neuron([x]).data, x.grad) == (36.0, 36.0)


def matrix(layer: nn.Layer) -> tuple[Any, Any]:
    """A layer's weights and biases as arrays."""
    weights = [[weight.data for weight in neuron.weights] for neuron in layer.neurons]
    return np.array(weights), np.array([neuron.bias.data for neuron in layer.neurons])


ROWS = st.lists(st.floats(-10, 10), min_size=3, max_size=3)


@given(ROWS, st.integers(0, 10))
def test_a_network_is_matrices_and_activations(row: list[float], seed: int) -> None:
    """An MLP with a softmax is what numpy computes: x ← tanh(W x + b) for each layer, then eᶻ / Σ eᶻ."""
    model = nn.MLP(3, [4, 5, 2], activation="tanh", output="softmax", rng=seed)
    for parameter in model.parameters():
        parameter.data += 0.125  # biases that are not 0
    x = np.array(row)
    for layer in model.layers[:-1]:
        weights, biases = matrix(layer)
        x = np.tanh(weights @ x + biases)
    weights, biases = matrix(model.layers[-1])
    expected = np.exp(weights @ x + biases)
    expected /= expected.sum()
    np.testing.assert_allclose([output.data for output in model(row)], expected, rtol=1e-12)


def test_the_network_check_sees_a_wrong_activation() -> None:
    """At that tolerance tanh cannot be taken for another function of much the same shape."""
    z = 0.5
    assert not math.isclose(nn.Neuron(1, "erf", initial=lambda rng, n: 1.0)([z]).data, math.tanh(z), rel_tol=1e-12)


@given(st.lists(st.floats(-1000, 1000), min_size=2, max_size=2), st.sampled_from(["softmax", functional.softmax]))
def test_a_softmax_layer_sums_to_one(row: list[float], activation: Any) -> None:
    """The outputs of a softmax layer are a distribution, for inputs of ±1000 too."""
    outputs = [output.data for output in nn.Layer(2, 4, activation, rng=0)(row)]
    assert min(outputs) >= 0
    assert abs(math.fsum(outputs) - 1) <= 4 * 2.0**-52


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=2))
def test_a_log_softmax_layer_is_the_logarithm(row: list[float]) -> None:
    """A log_softmax layer is the logarithm of the softmax layer with the same weights."""
    shares, logarithms = nn.Layer(2, 3, "softmax", rng=0)(row), nn.Layer(2, 3, "log_softmax", rng=0)(row)
    for share, logarithm in zip(shares, logarithms, strict=True):
        assert math.isclose(math.exp(logarithm.data), share.data, rel_tol=1e-12)


def test_a_layer_of_one_neuron_returns_a_bare_value() -> None:
    """One neuron gives a Value, more give a list, in a layer and in a network."""
    row = [1.0, 2.0]
    assert isinstance(nn.Layer(2, 1, rng=0)(row), Value)
    assert isinstance(nn.MLP(2, [3, 1], rng=0)(row), Value)
    assert [type(output) for output in nn.Layer(2, 2, rng=0)(row)] == [Value, Value]
    assert [type(output) for output in nn.MLP(2, [1, 2], rng=0)(row)] == [Value, Value]


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=2))
def test_every_kind_of_row_gives_the_same_output(row: list[float]) -> None:
    """Lists, tuples, generators, numpy rows and Values of the same numbers give the same bits."""
    model = nn.MLP(2, [3, 1], activation="tanh", rng=0)
    rows: list[Any] = [
        tuple(row),
        iter(row),
        np.array(row),
        np.array(row, dtype=np.float32),
        [Value(x) for x in row],
        np.array([Value(x) for x in row]),
    ]
    assert {model(kind).data.hex() for kind in rows} == {model(row).data.hex()}
    truths: list[Any] = [True, np.False_]
    assert model(truths).data.hex() == model([1.0, 0.0]).data.hex()
    whole = np.array([3, -4])
    assert model(whole).data.hex() == model([3.0, -4.0]).data.hex()


def test_gradients_reach_inputs_and_weights() -> None:
    """The tanh neuron of Karpathy's lecture: 0.7071, and gradients -1.5, 0.5 for x and 1.0, 0.0 for w."""
    neuron = nn.Neuron(2, "tanh")
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = -3.0, 1.0, 6.8813735870195432
    x = [Value(2.0), Value(0.0)]
    output = neuron(x)
    output.backward()
    found = [output.data, *(value.grad for value in (*x, *neuron.w, neuron.b))]
    assert found == pytest.approx([math.sqrt(0.5), -1.5, 0.5, 1.0, 0.0, 0.5], rel=1e-12, abs=1e-15)


# ---------------------------------------------------------------- initial weights


@pytest.fixture
def global_generator() -> Iterator[None]:
    """Put Python's global generator back as it was."""
    state = random.getstate()
    yield
    random.setstate(state)


@given(st.integers())
def test_a_seed_reproduces_a_network(seed: int) -> None:
    """The same seed gives the same bits, as an integer or as a generator, and another seed others."""
    first = bits(nn.MLP(2, [3, 1], rng=seed))
    assert first == bits(nn.MLP(2, [3, 1], rng=seed)) == bits(nn.MLP(2, [3, 1], rng=random.Random(seed)))
    assert first != bits(nn.MLP(2, [3, 1], rng=abs(seed) + 1))


def test_a_generator_goes_on() -> None:
    """Two networks drawn from one generator differ."""
    rng = random.Random(0)
    assert bits(nn.Layer(2, 2, rng=rng)) != bits(nn.Layer(2, 2, rng=rng))


@pytest.mark.usefixtures("global_generator")
def test_without_a_generator_the_global_one_decides() -> None:
    """With rng=None the weights follow random.seed, also one called after the import."""
    random.seed(5)
    assert bits(nn.MLP(2, [3])) == bits(nn.MLP(2, [3], rng=5))
    assert bits(nn.MLP(2, [3])) != bits(nn.MLP(2, [3], rng=5))


def drawn(activation: Any, initial: Any, n_inputs: int = 100) -> list[float]:
    """Five thousand initial weights."""
    layer = nn.Layer(n_inputs, 5000 // n_inputs, activation, rng=0, initial=initial)
    assert all(neuron.bias.data == 0 for neuron in layer.neurons)
    return [weight.data for neuron in layer.neurons for weight in neuron.weights]


@pytest.mark.parametrize(
    ("activation", "gain"),
    [
        ("relu", 2),
        (scalargrad.relu, 2),
        ("leaky_relu", 2),
        (functional.gelu, 2),
        ("tanh", 1),
        ("sigmoid", 1),
        ("softmax", 1),
        (None, 1),
    ],
)
def test_scaled_weights_suit_the_activation(activation: Any, gain: int) -> None:
    """Scaled weights have mean 0 and variance gain / n_inputs: 2 where the activation cuts off half, 1 elsewhere."""
    weights = drawn(activation, "scaled")
    assert pvariance(weights) == pytest.approx(gain / 100, rel=0.1)  # five deviations; the gains differ by 100%
    assert abs(fmean(weights)) < 5 * math.sqrt(gain / 100 / 5000)


def test_uniform_weights_are_those_of_micrograd() -> None:
    """Uniform weights fill [-1, 1], with variance 1/3, whatever the activation."""
    weights = drawn("relu", "uniform")
    assert -1 <= min(weights) < -0.99 < 0.99 < max(weights) <= 1
    assert pvariance(weights) == pytest.approx(1 / 3, rel=0.05)
    assert weights == drawn("tanh", "uniform")


def test_a_function_draws_the_weights() -> None:
    """A function gives each weight, from the generator and the number of inputs of that very layer."""
    model = nn.MLP(3, [2, 1], rng=0, initial=lambda rng, n_inputs: n_inputs + rng.random())
    assert [int(neuron.w[0].data) for layer in model.layers for neuron in layer.neurons] == [3, 3, 2]
    assert model.layers[0].neurons[0].w[0].data == 3 + random.Random(0).random()


def growth(activation: str | None, initial: Any) -> float:
    """By what factor five layers change the mean square of a signal."""
    width, rng = 48, random.Random(0)
    model = nn.MLP(width, [width] * 5, activation, activation, rng, initial)
    rows = [[rng.gauss(0, 1) for _ in range(width)] for _ in range(3)]
    with scalargrad.no_grad():
        outputs = [output.data for row in rows for output in model(row)]
    return fmean(y * y for y in outputs) / fmean(x * x for row in rows for x in row)


def test_a_signal_keeps_its_size_through_scaled_layers() -> None:
    """Through five layers "scaled" keeps the signal, "uniform" makes it explode, and smaller weights let it vanish."""
    for activation in ("relu", None, "tanh"):  # tanh itself takes it to 0.10
        assert 0.05 < growth(activation, "scaled") < 20
    for activation in ("relu", None):
        assert growth(activation, "uniform") > 1e3
        assert growth(activation, lambda rng, n_inputs: rng.gauss(0, 0.02)) < 1e-3


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("length", [0, 1, 3, 100])
def test_a_row_of_the_wrong_length_says_which_layer_wanted_how_many(length: int) -> None:
    """A row too short or too long is never cut: the error names the reader, what it takes, and what it got."""
    readers: dict[str, Callable[[Any], object]] = {
        r"Neuron\(2, activation='tanh'\) takes 2 inputs": nn.Neuron(2, "tanh"),
        r"Layer\(2, 3, activation='relu'\) takes 2 inputs": nn.Layer(2, 3),
        r"layer 0 of MLP\(2, \[3, 1\], activation='relu', output=None\) takes 2 inputs": nn.MLP(2, [3, 1]),
    }
    for message, reader in readers.items():
        for kind in (list, np.array):
            with pytest.raises(ValueError, match=f"^{message}, got {length}$"):
                reader(kind([1.0] * length))


@pytest.mark.parametrize("reader", [nn.Neuron(2), nn.Layer(2, 3), nn.MLP(2, [3, 1])])
def test_a_row_has_an_order(reader: Callable[[Any], object]) -> None:
    """A set is no row, as its numbers would go to other weights in another run."""
    with pytest.raises(TypeError, match="a row of inputs must have an order, which a set does not have"):
        reader({1.0, 2.0})


def test_layers_that_do_not_fit_each_other_are_told() -> None:
    """When layers have been put together wrongly, the error counts from 0 which one does not fit."""
    model = nn.MLP(2, [3, 1])
    model.layers[1] = nn.Layer(4, 1)
    with pytest.raises(ValueError, match=r"^layer 1 of MLP\(2, \[3, 1\], .*\) takes 4 inputs, got 3$"):
        model([1.0, 2.0])


@pytest.mark.parametrize("name", ["RELU", "add", "softmax", ""])
def test_an_unknown_activation_lists_the_choices(name: str) -> None:
    """The error for a name that is no activation of one number lists all that are."""
    with pytest.raises(ValueError, match=f"no activation is named '{name}'") as caught:
        nn.Neuron(2, name)
    names = {p.name for p in declaration.registered() if p.arity == 1 and p.name[0] != "_"} | {"leaky_relu", "gelu"}
    assert str(caught.value).split("one of ")[1].split(", ") == sorted(names)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Neuron(0), ValueError, "the number of inputs must be an integer of at least 1, got 0"),
        (lambda: nn.Neuron(-1), ValueError, "at least 1, got -1"),
        (lambda: nn.Neuron(True), ValueError, "at least 1, got True"),
        (lambda: nn.Neuron(2.0), ValueError, "at least 1, got 2.0"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(2, 3), ValueError, "no activation is named 3"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(2, rng=True), TypeError, "rng must be .*, got True"),
        (lambda: nn.Neuron(2, rng="0"), TypeError, "rng must be .*, got '0'"),  # type: ignore[arg-type]
        (lambda: nn.Neuron(2, initial="he"), ValueError, "initial must be .*, got 'he'"),
        (lambda: nn.Neuron(2, initial=lambda rng, n: "0"), TypeError, "data must be"),  # type: ignore[arg-type,return-value]
        (lambda: nn.Layer(2, 0), ValueError, "a layer's size must be an integer of at least 1, got 0"),
        (lambda: nn.Layer(0, 2), ValueError, "the number of inputs must be"),
        (lambda: nn.Layer(2, 2, "softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.MLP(2, []), ValueError, r"sizes must be .*, got \[\]"),
        (lambda: nn.MLP(2, 3), ValueError, "sizes must be .*, got 3"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2, [3, 0]), ValueError, "a layer's size must be .*, got 0"),
        (lambda: nn.MLP(0, [3]), ValueError, "the number of inputs must be"),
        (lambda: nn.MLP(2, [3], "softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.MLP(2, [3, 1], "softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.MLP(2, [3], output="softmox"), ValueError, "no activation is named 'softmox'"),
        (lambda: nn.Neuron(2)(["1", "2"]), TypeError, "an input must be"),  # type: ignore[list-item]
        (lambda: nn.Neuron(2)(np.zeros((2, 2))), TypeError, "an input must be"),
        (lambda: nn.Neuron(1)(Value(1.0)), TypeError, "not iterable"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments(make: Callable[[], object], error: type[Exception], message: str) -> None:
    """An argument that makes no sense is refused with an error that says what was given."""
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- copies and repr

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("activation", ["relu", functional.leaky_relu, scalargrad.tanh, None])
def test_a_copy_is_equal_and_independent(how: str, activation: Any) -> None:
    """A copy has the same numbers, gradients and outputs, and what becomes of it does not touch the original."""
    model = nn.MLP(2, [3, 2], activation, "softmax", rng=0)
    model([1.0, -2.0])[0].backward()
    duplicate = COPIES[how](model)
    assert (bits(duplicate), repr(duplicate)) == (bits(model), repr(model))
    assert [p.grad for p in duplicate.parameters()] == [p.grad for p in model.parameters()]
    assert [y.data for y in duplicate([3.0, 4.0])] == [y.data for y in model([3.0, 4.0])]
    before = bits(model)
    for parameter in duplicate.parameters():
        parameter.data += 1
    assert bits(model) == before
    assert not set(duplicate.parameters()) & set(model.parameters())


@pytest.mark.parametrize("how", COPIES)
def test_shared_parameters_stay_shared_in_a_copy(how: str) -> None:
    """Two layers with tied weights are still tied in a copy."""
    first, second = nn.Neuron(2, rng=0), nn.Neuron(2, rng=1)
    second.weights = first.weights
    duplicate = COPIES[how](Branch(first=first, second=second))
    assert len(duplicate.parameters()) == 4
    assert duplicate.first.weights[0] is duplicate.second.weights[0]


@pytest.mark.parametrize(
    ("n_inputs", "model"),
    [
        (2, nn.Neuron(2, None)),
        (1, nn.Neuron(1, "tanh")),
        (3, nn.Layer(3, 2, "log_softmax")),
        (3, nn.Layer(3, 2, scalargrad.softplus)),
        (2, nn.MLP(2, [16, 16, 1])),
        (4, nn.MLP(4, (3,), functional.gelu, functional.softmax)),
        (2, nn.MLP(2, [3, 1], "softmax")),
    ],
    ids=repr,
)
def test_a_repr_evaluates_to_the_same_architecture(n_inputs: int, model: Any) -> None:
    """The repr is Python that makes a model which takes this model's state and computes the same."""
    other = eval(repr(model), vars(nn))  # noqa: S307  # that it can be is the law
    assert repr(other) == repr(model)
    other.load_state_dict(model.state_dict())
    outputs = [np.ravel(found([0.5] * n_inputs)) for found in (model, other)]
    assert [y.data for y in outputs[0]] == [y.data for y in outputs[1]]


# ---------------------------------------------------------------- marks for pictures


def test_a_mark_says_what_was_read() -> None:
    """The results of neurons, layers and networks say what they are, and which Values went in."""
    model = nn.MLP(2, [3, 1], rng=0)
    row = [Value(1.0), Value(2.0)]
    output = model(row)
    assert [(mark.together, mark.each) for mark in output.marks] == [("Layer", "Neuron"), ("MLP", None)]
    of_layer, of_model = output.marks
    by_id = {id(node): node for node in topological_order(output)}
    hidden = [by_id[key] for key in of_layer.ids()]
    assert [by_id[key] for key in of_model.ids()] == row
    assert [node.marks[0].together for node in hidden] == ["Layer"] * 3
    assert all([by_id[key] for key in node.marks[0].ids()] == row for node in hidden)
    assert [mark.together for mark in model.layers[0].neurons[0](row).marks] == ["Neuron"]


@pytest.mark.parametrize("activation", ["relu", "gelu", None])
def test_a_mark_keeps_what_was_noted(activation: str | None) -> None:
    """A line that trap has noted on a neuron's result stays, beside the mark."""
    with scalargrad.trap():
        for output in nn.Layer(2, 2, activation, rng=0)([1.0, 2.0]):
            assert output.line is not None
            assert len(output.marks) == 1


def test_nothing_is_marked_that_was_not_recorded() -> None:
    """Under `no_grad` the results are leaves, and nothing keeps hold of what they came from."""
    with scalargrad.no_grad():
        assert nn.MLP(2, [3, 2], rng=0)([1.0, 2.0])[0].marks == ()


@pytest.mark.parametrize("made", [1.0, None, [Value(1.0), 2.0], "ab"])
def test_only_values_are_marked(made: object) -> None:
    """A result that is no Value is refused."""
    with pytest.raises(TypeError, match="what a Module has made must be a Value or a list of them"):
        nn.Module().mark(made, [])
