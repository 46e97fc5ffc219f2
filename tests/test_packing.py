"""Numbers kept in arrays between steps: to the bit those of Values one by one, whoever looks, and whenever."""

from __future__ import annotations

import copy
import gc
import json
import linecache
import math
import operator
import pickle
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from threading import Thread
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Constant, Value, lift, maximum, nn, optim, packing, tanh
from scalargrad.packing import Pack, Variables, close

NUMBERS = [0.0, -0.0, 1.5, -2.25, 1e-320, 1e300, math.inf, math.nan]
START = (0.5, -1.25, 2.0)
OPTIMIZERS: dict[str, Callable[[list[Value]], Any]] = {
    "gradient descent": lambda variables: optim.GradientDescent(variables, 0.1),
    "momentum": lambda variables: optim.GradientDescent(variables, 0.05, momentum=0.9),
    "Adam": lambda variables: optim.Adam(variables, 0.01),
}
each_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def is_packed(*variables: Value) -> bool:
    """Whether all are in closed packs, told without looking at them."""
    return {type(variable) for variable in variables} == {packing._Packed}


def exact(numbers: Any) -> str:
    """Numbers to the bit, -0.0 and nan too."""
    return repr(numbers.tolist() if hasattr(numbers, "tolist") else numbers)


@pytest.fixture
def eager_to_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Close a pack whenever it could pay, however often it is opened."""
    without_pause(monkeypatch)


def without_pause(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Variables, "_pause", 0)
    patch.setattr(packing, "LONGEST_PAUSE", 0)


# ---------------------------------------------------------------- two worlds, one with packs


class World:
    """Three variables, programs and optimizers on them or on some of them, and graphs made of them."""

    def __init__(self, packs: bool) -> None:
        self.packs = packs
        self.variables = [Value(x) for x in START]
        self.recorded = self.variables[0] * self.variables[1] + self.variables[2]
        self.programs: dict[str, Any] = {}
        self.optimizers: dict[str, Any] = {}

    def program(self, name: str) -> Any:
        if name not in self.programs:
            a, b, c = self.variables
            target, dtype, variables = {
                "plain": ("numpy", "float64", [a, b, c]),
                "float32": ("numpy", "float32", [a, b, c]),
                "python": ("python", "float64", [a, b, c]),
                "of some": ("numpy", "float64", [a, b]),
                "in another order": ("numpy", "float64", [c, b, a]),
            }[name]
            made = lift(lambda x, y: (a * x + b * y) * c - a, variables, target=target, dtype=dtype, check=False)
            if not self.packs:
                vars(made._target)["arrays"] = None
            self.programs[name] = made
        return self.programs[name]

    def optimizer(self, name: str, of: str) -> Any:
        key = f"{name} {of}"
        if key not in self.optimizers:
            self.optimizers[key] = OPTIMIZERS[name](list(self.program(of)._parameters))
        return self.optimizers[key]

    def do(self, action: str, name: str, of: str, i: int, x: float) -> Any:
        """Do something, and say what came of it."""
        with np.errstate(all="ignore"):
            return ACTIONS[action](self, self.program(of), self.optimizer(name, of), self.variables[i], x)

    def train(self, program: Any, optimizer: Any, x: float) -> Any:
        optimizer.zero_grad()
        return program.backward([1.0, 2.0], [0.5, -x]), optimizer.step()

    def record(self, variable: Value, x: float) -> None:
        self.recorded = variable * x + self.variables[1]

    def replace(self, duplicate: Callable[[Any], Any]) -> str:
        """Go on with copies of everything, and programs of these."""
        kept = self.variables, self.recorded, self.optimizers
        self.variables, self.recorded, self.optimizers = duplicate(kept)
        self.programs = {}
        return repr((self.variables, self.recorded))


def saved_and_loaded(optimizer: Any) -> str:
    state = json.loads(json.dumps(optimizer.state_dict()))
    optimizer.load_state_dict(state)
    return repr(state)


Action = Callable[[World, Any, Any, Value, float], Any]
ACTIONS: dict[str, Action] = {
    "train": lambda world, program, optimizer, variable, x: world.train(program, optimizer, x),
    "backward": lambda world, program, optimizer, variable, x: program.backward([x, 1.0], [0.5, -x]),
    "step": lambda world, program, optimizer, variable, x: optimizer.step(),
    "forget": lambda world, program, optimizer, variable, x: optimizer.zero_grad(),
    "predict": lambda world, program, optimizer, variable, x: exact(program([x, 1.0], [0.5, -x])),
    "pack": lambda world, program, optimizer, variable, x: exact(program.pack()),
    "unpack": lambda world, program, optimizer, variable, x: program.unpack([x] * len(program._parameters)),
    "read": lambda world, program, optimizer, variable, x: (variable.data, variable.grad, variable.swept),
    "write": lambda world, program, optimizer, variable, x: setattr(variable, "data", x),
    "write a gradient": lambda world, program, optimizer, variable, x: setattr(variable, "grad", x),
    "forget one": lambda world, program, optimizer, variable, x: variable.zero_grad(),
    "sweep": lambda world, program, optimizer, variable, x: (tanh(world.variables[0]) * variable).backward(x),
    "sweep what was recorded": lambda world, program, optimizer, variable, x: world.recorded.backward(),
    "record": lambda world, program, optimizer, variable, x: world.record(variable, x),
    "copy the world": lambda world, program, optimizer, variable, x: world.replace(copy.deepcopy),
    "pickle the world": lambda world, program, optimizer, variable, x: world.replace(
        lambda kept: pickle.loads(pickle.dumps(kept))
    ),
    "save and load": lambda world, program, optimizer, variable, x: saved_and_loaded(optimizer),
}
STORIES = st.lists(
    st.tuples(
        st.sampled_from([*ACTIONS, *["train"] * 8]),
        st.sampled_from(list(OPTIMIZERS)),
        st.sampled_from(["plain", "plain", "plain", "float32", "python", "of some", "in another order"]),
        st.integers(0, 2),
        st.sampled_from([0.25, -1.0, *NUMBERS]),
    ),
    min_size=5,
    max_size=30,
)


def told(world: World, story: list[tuple[str, str, str, int, float]]) -> str:
    """All that a world says in the course of a story, and its numbers in the end."""
    said = [world.do(*action) for action in story]
    states = {name: optimizer.state_dict() for name, optimizer in world.optimizers.items()}
    return repr((said, world.variables, states))


@given(STORIES, st.booleans())
def test_nobody_can_tell(story: list[tuple[str, str, str, int, float]], pauses: bool) -> None:
    """Whatever is done in whatever order, with packs every answer is, to the bit, what it is without."""
    with pytest.MonkeyPatch.context() as patch:
        if not pauses:
            without_pause(patch)
        assert told(World(True), story) == told(World(False), story)


TRAINED = [("train", "momentum", "plain", 0, 0.25)] * 8


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        (lambda numbers: [x + 1e-15 for x in numbers], "data"),
        (lambda numbers: [2 * x for x in numbers], "data"),
        (lambda numbers: numbers[::-1], "gradient"),
    ],
)
def test_a_wrong_pack_would_be_told(
    fault: Callable[[list[float]], list[float]], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a pack that brings home other numbers, by a rounding or in another order, is seen."""

    def wrong(pack: Pack) -> None:
        if pack.data is not None:
            setattr(pack, place, np.array(fault(getattr(pack, place).tolist())))
        opened(pack)

    opened = Pack.open
    monkeypatch.setattr(Pack, "open", wrong)
    assert told(World(True), TRAINED) != told(World(False), TRAINED)


# ---------------------------------------------------------------- the plain loop


def trained(name: str = "momentum", steps: int = 3, **options: Any) -> tuple[list[Value], Any, Any]:
    """Variables in a closed pack, their program, and their optimizer; as many without packs, by `arrays=None`."""
    variables = [Value(x) for x in START]
    a, b, c = variables
    program: Any = lift(lambda x: (a * x + b) * c - x, variables, target="numpy", check=False)
    vars(program._target).update(options)
    program._parameters._pause = 0
    optimizer = OPTIMIZERS[name](variables)
    train(program, optimizer, steps)
    return variables, program, optimizer


def train(program: Any, optimizer: Any, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        program.backward([1.0, 2.0])
        optimizer.step()


def refused(*_: object) -> None:
    raise AssertionError("somebody looks")


@each_optimizer
def test_the_plain_loop_looks_at_no_number(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After two steps neither the program nor the optimizer looks at a Value: the pack stays closed."""
    variables, program, optimizer = trained(name, steps=2)
    with monkeypatch.context() as patch:
        patch.setattr(Pack, "open", refused)
        pack = program._parameters.pack()
        train(program, optimizer, 50)
        program([3.0])
        program.unpack(program.pack())
        program.value_and_grad([1.0])
        assert is_packed(*variables)
        assert program._parameters.pack() is pack
        with pytest.raises(AssertionError, match="somebody looks"):
            _ = variables[1].data  # negative control
    _ = variables[1].data
    assert {type(variable) for variable in variables} == {Value}
    plain, *_ = trained(name, steps=52, arrays=None)
    assert repr(variables) == repr(plain)


@each_optimizer
def test_a_step_without_a_gradient_is_one_with_0(name: str) -> None:
    """In a closed pack too, a step that no gradient has come before is one with the gradient 0, to the bit."""
    variables, program, optimizer = trained(name, steps=5)
    plain, _, plain_optimizer = trained(name, steps=5, arrays=None)
    packed = is_packed(*variables)
    for each in (optimizer, plain_optimizer):
        each.zero_grad()
        each.step()
        each.step()
    assert is_packed(*variables)
    assert packed
    assert program._parameters.pack().gradient is None
    before = [variable.data for variable in trained(name, steps=5)[0]]
    moved = [variable.data for variable in variables]
    assert repr(variables) == repr(plain)
    assert (moved != before) == (name != "gradient descent")  # which remembers nothing


def test_a_second_program_looks_at_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program and an optimizer of the same variables, made later, use the pack that they find closed."""
    variables, *_ = trained()
    a, b, c = variables
    others: list[Any] = [
        lift(lambda x: (x * a + b) * c, variables, target=target, check=False) for target in ("numpy", "python")
    ]
    with monkeypatch.context() as patch:
        patch.setattr(Pack, "open", refused)
        for other in others:
            other([1.0])
            train(other, optim.Adam(variables), 3)
            assert isinstance(other.pack(), list if other is others[1] else np.ndarray)
    assert is_packed(*variables)


def test_a_packed_array_is_the_caller_s() -> None:
    """What `pack` returns is not what the program goes on with, and what `unpack` was given neither."""
    variables, program, _ = trained()
    program.pack()[:] = math.nan
    theta = np.array([1.0, 2.0, 3.0])
    program.unpack(theta)
    assert is_packed(*variables)
    theta[:] = math.nan
    assert [variable.data for variable in variables] == [1.0, 2.0, 3.0]


def test_a_module_forgets_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """`zero_grad` of a module leaves a pack closed, as listing the parameters does; elsewhere it asks each Value."""

    class Watched(Value):
        forgotten = 0

        def zero_grad(self) -> None:
            super().zero_grad()
            self.forgotten += 1

    class Model(nn.Module):
        def __init__(self, parts: list[Value]) -> None:
            self.parts = parts

    variables, _, _ = trained()
    model = Model(variables)
    with monkeypatch.context() as patch:
        patch.setattr(Pack, "open", refused)
        assert len(model.parameters()) == 3
        model.zero_grad()
    assert is_packed(*variables)
    assert [variable.swept for variable in variables] == [False] * 3
    own = Watched(1.0)
    Model([own, *variables]).zero_grad()
    assert own.forgotten == 1


def test_other_variables_find_no_pack() -> None:
    """A pack is that of all its variables in their order: not of some, of more, or of another order."""
    variables, _, _ = trained()
    a, b, c = variables
    assert Variables(variables).pack() is not None
    for others in ([a, b], [a, c, b], [a, b, c, Value(0.0)], [a, b, Value(0.0)], [Value(0.0), b, c], []):
        assert Variables(others).pack() is None
    assert is_packed(a, b, c)


# ---------------------------------------------------------------- looking


class Masterful(Value):
    """A Value of a class of its own, whose operators have precedence over Value's."""

    def __radd__(self, other: Any) -> Any:
        return "added", other.data

    def __gt__(self, other: Any) -> Any:
        return "compared", other.data

    @classmethod
    def apply_primitive(cls, primitive: Any, operands: Any) -> Any:
        return primitive.name, [operand.data for operand in operands]


LOOKS: dict[str, Callable[[Value], Any]] = {
    "data": lambda x: x.data,
    "grad": lambda x: x.grad,
    "swept": lambda x: x.swept,
    "repr": repr,
    "format": lambda x: f"{x} {x:.3f}",
    "float": float,
    "int": int,
    "bool": bool,
    "round": lambda x: round(x, 2),
    "floor": math.floor,
    "setting the data": lambda x: setattr(x, "data", 7.0),
    "setting the gradient": lambda x: setattr(x, "grad", 7.0),
    "forgetting the gradient": lambda x: x.zero_grad(),
    "adding": lambda x: [(y, y.args, y.local_gradients) for y in (x + 1, 1 + x, x + x, np.float64(2) + x)],
    "multiplying": lambda x: [(y, y.args, y.local_gradients) for y in (x * 2, 2 * x, x / 3, 3 - x, x**2, -x)],
    "comparing": lambda x: (x < 3, x >= 3, 3 > x, x <= x),  # noqa: SIM300  # from the other side too
    "a function": lambda x: (tanh(x), maximum(x, 1.0), x.relu()),
    "an array of them": lambda x: np.exp(np.array([x, x])) @ np.array([x, x]),
    "what is no number": lambda x: [told_off(add, x) for add in (operator.add, operator.lt, operator.pow)],
    "a class with precedence": lambda x: (x + Masterful(1.0), x < Masterful(1.0), maximum(x, Masterful(1.0))),
    "a function of two": lambda x: (maximum(Value(1.0), x), maximum(x, x).args),
    "copying": lambda x: [(type(y), y) for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x)))],
    "a sweep": lambda x: (x * x).backward(),
    "another class": lambda x: setattr(x, "__class__", Constant),
    "an operator by its name": lambda x: [
        getattr(x, f"__{name}__")(y) for name in ("add", "lt", "pow") for y in ("text", 2)
    ],
}


MISTAKES: dict[str, Callable[[Any], Any]] = {
    "an unknown attribute": lambda x: x.weight,
    "a new attribute": lambda x: setattr(x, "weight", 1.0),
    "an index": lambda x: x[0],
    "a call": lambda x: x(1.0),
    "a length": len,
    "a loop": list,
    "an operator that there is not": lambda x: x // 2,
    "a text and a number": lambda x: "loss: " + x,
    "a text below a number": partial(operator.lt, "a"),
    "a list above a number": partial(operator.ge, []),
    "sorting with a text": lambda x: sorted([x, "a"]),
    "a count": range,
    "a weak reference": weakref.ref,
    "a Value of a Value": Value,
    "a power and a modulus": lambda x: pow(x, 2, 3),
    "its class made of a text": lambda x: type(x)("a"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_alike(mistake: str) -> None:
    """Every message, Python's own too, is that which Values give that were never packed."""
    packed, _, _ = trained()
    plain, _, _ = trained(arrays=None)
    assert is_packed(*packed)
    told = []
    for variables in (packed, plain):
        with pytest.raises((TypeError, AttributeError)) as error:
            MISTAKES[mistake](variables[1])
        told.append((error.type, str(error.value)))
    assert told[0] == told[1]
    assert "Pack" not in told[0][1]


def told_off(apply: Callable[[Any, Any], Any], x: Value) -> str:
    with pytest.raises(TypeError) as error:
        apply(x, "text")
    return str(error.value)


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_opens(look: str) -> None:
    """Whatever needs a number brings all home, and is answered as by Values that were never packed."""
    packed, _, _ = trained()
    plain, _, _ = trained(arrays=None)
    assert is_packed(*packed)
    assert not is_packed(*plain)
    found = [LOOKS[look](variables[1]) for variables in (packed, plain)]
    assert repr(found[0]) == repr(found[1])
    assert type(packed[0]) is Value
    assert repr(packed) == repr(plain)


def test_what_needs_no_number_opens_nothing() -> None:
    """What a variable is, its label, its operands, its place in a set can be asked without opening a pack."""
    variables, _, _ = trained()
    x = variables[0]
    assert x.__class__ is Value
    assert x.__doc__ == Value.__doc__
    assert isinstance(x, Value)
    assert not isinstance(x, Constant)
    x.label = "x"
    assert (x.label, x.op, x.args, x.local_gradients, x.marks, x.line) == ("x", None, (), (), (), None)
    assert x in set(variables)
    assert hash(x) == object.__hash__(x)
    assert x == x
    assert x != variables[1]
    assert is_packed(*variables)


def test_the_class_of_a_packed_variable_makes_values() -> None:
    """`type(x)(1.0)` is a Value like any other, as for an x that was never packed."""
    variables, _, _ = trained()
    made = type(variables[0])(1.5, label="x")
    assert repr((type(made), made)) == repr((Value, Value(1.5, label="x")))
    assert is_packed(*variables)


def test_a_graph_of_packed_variables_is_copied_whole() -> None:
    """A copy of a graph whose leaves are packed has leaves of the class Value, and their numbers."""
    variables, program, optimizer = trained()
    graph = variables[0] * variables[1]
    train(program, optimizer, 8)
    for copied in (lambda: copy.deepcopy(graph), lambda: pickle.loads(pickle.dumps(graph))):
        train(program, optimizer, 3)
        assert is_packed(*variables)
        leaves = copied().args
        assert {type(leaf) for leaf in leaves} == {Value}
        assert repr(leaves) == repr(graph.args)


def test_only_plain_values_are_packed() -> None:
    """Variables of which one has a class of its own are trained one by one."""

    class Own(Value):
        pass

    a, b = Own(1.0), Value(2.0)
    program: Any = lift(lambda x: x * a + b, [a, b])
    train(program, optim.Adam([a, b]), 10)
    assert (type(a), type(b)) == (Own, Value)


def test_no_variables_at_all() -> None:
    """A program without parameters has nothing to pack."""
    program: Any = lift(lambda x: x * x, [])
    assert [program.backward([2.0]) for _ in range(3)] == [4.0] * 3
    assert Variables().move(lambda gradient, arrays: (gradient, ())) is None


# ---------------------------------------------------------------- when it pays


def closings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one for each pack that is closed."""
    found: list[int] = []

    def counted(variables: Variables, arrays: Any) -> None:
        found.append(1)
        close(variables, arrays)

    monkeypatch.setattr(packing, "close", counted)
    return found


def test_who_looks_at_each_step_soon_has_no_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a loop that looks each time, packs are closed ever more rarely; once nobody looks, at each chance again."""
    found = closings(monkeypatch)
    variables, program, optimizer = trained(steps=1)
    program._parameters._pause = packing.FIRST_PAUSE
    for _ in range(1000):
        train(program, optimizer, 1)
        _ = variables[0].grad
    assert len(found) == 3 + (1000 - 3 - 16 - 68 - 3) // 257
    while not is_packed(*variables):
        train(program, optimizer, 1)
    train(program, optimizer, packing.PAYS_FROM)
    for _ in range(5):
        found.clear()
        _ = variables[0].data
        train(program, optimizer, packing.PAYS_FROM + 1)
        assert len(found) == 1


@pytest.mark.parametrize("gradients", [1, 2, 5])
@pytest.mark.parametrize("each", range(1, packing.PAYS_FROM + 1))
def test_packs_that_do_not_pay_are_soon_rare(each: int, gradients: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks every few steps, too soon for a pack to pay, has few packs, however many gradients make a step."""
    found = closings(monkeypatch)
    variables, program, optimizer = trained(steps=0)
    for i in range(1, 1001):
        optimizer.zero_grad()
        for _ in range(gradients):
            program.backward([1.0, 2.0])
        optimizer.step()
        if i % each == 0:
            _ = variables[0].grad
    assert len(found) < 10


@pytest.mark.parametrize("first", range(0, 8, 2))
@pytest.mark.parametrize("each", [packing.PAYS_FROM + 1, 8, 10])
def test_packs_that_pay_are_closed_after_each_look(each: int, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks at regular times, late enough for a pack to pay, has one after each look before long."""
    found = closings(monkeypatch)
    variables, program, optimizer = trained(steps=first)
    _ = variables[0].grad
    for i in range(1, 100 * each + 2001):
        if i == 2001:
            found.clear()
        train(program, optimizer, 1)
        if i % each == 0:
            _ = variables[0].grad
    assert len(found) == 100


@pytest.mark.usefixtures("eager_to_pack")
def test_without_the_pause_there_would_be_a_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with no pause the same loop closes a pack at each step."""
    found = closings(monkeypatch)
    variables, program, optimizer = trained(steps=0)
    for _ in range(101):
        train(program, optimizer, 1)
        _ = variables[0].grad
    assert len(found) == 100


def test_without_an_optimizer_nothing_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who steps by hand, or with optimizers of other variables, has no packs."""
    found = closings(monkeypatch)
    variables, program, optimizer = trained(steps=0)
    halves = [optim.GradientDescent(variables[:1], 0.1), optim.GradientDescent(variables[1:], 0.1)]
    for _ in range(10):
        program.backward([1.0])
        for variable in variables:
            variable.data -= 0.1 * variable.grad
        for half in halves:
            half.step()
            half.zero_grad()
    assert not found
    train(program, optimizer, 2)  # negative control
    assert found


def test_a_pack_dies_with_its_variables() -> None:
    """A closed pack does not outlive the program, the optimizer and the variables."""
    kept = list(trained())
    pack = weakref.ref(kept[1]._parameters.pack())
    assert pack() is not None
    kept.clear()
    gc.collect()
    assert pack() is None


# ---------------------------------------------------------------- optimizers


@each_optimizer
def test_a_copied_optimizer_goes_on_alike(name: str) -> None:
    """An optimizer copied or pickled together with its packed variables takes the same next steps."""
    kept = trained(name)
    copies = [copy.deepcopy((kept[0], kept[2])), pickle.loads(pickle.dumps((kept[0], kept[2])))]
    for variables, _, optimizer in (kept, *((variables, None, optimizer) for variables, optimizer in copies)):
        for i, variable in enumerate(variables):
            variable.grad = i - 1.0
        optimizer.step()
        assert list(optimizer.parameters) == variables
    for variables, optimizer in copies:
        assert repr((variables, optimizer.state_dict())) == repr((kept[0], kept[2].state_dict()))


@each_optimizer
def test_a_state_is_plain_numbers(name: str) -> None:
    """The state of an optimizer on arrays is lists of floats, those of one without, and the caller's own."""
    states = [made[2].state_dict() for made in (trained(name), trained(name, arrays=None))]
    assert json.dumps(states[0]) == json.dumps(states[1])
    _, _, optimizer = trained(name)
    before = json.dumps(optimizer.state_dict())
    for column in optimizer.state_dict().values():
        if isinstance(column, list):
            column[0] = 7.0
    assert json.dumps(optimizer.state_dict()) == before


@each_optimizer
def test_what_an_optimizer_shows_is_lists(name: str) -> None:
    """Its attributes are to whoever looks what they are without packs, and what is written there counts."""
    told = []
    for variables, program, optimizer in (trained(name), trained(name, arrays=None)):
        assert is_packed(*variables) or vars(program._target)["arrays"] is None
        shown = {place: getattr(optimizer, place) for place in vars(optimizer) if place != "parameters"}
        for numbers in shown.values():
            if isinstance(numbers, list):
                numbers[1] = 0.25
        train(program, optimizer, 2)
        told.append(repr((shown, variables)))
    assert told[0] == told[1]


@each_optimizer
def test_a_pickled_optimizer_needs_no_numpy(name: str) -> None:
    """What is pickled can be read where there is the standard library alone."""
    assert b"numpy" not in pickle.dumps(trained(name)[2])


@each_optimizer
def test_a_rate_of_any_kind(name: str) -> None:
    """A rate set in the midst, a float of numpy or an integer, counts alike on arrays and on floats."""
    for rate in (np.float32(0.1), np.float64(0.1), 1):
        found = []
        for variables, program, optimizer in (trained(name), trained(name, arrays=None)):
            optimizer.rate = rate
            train(program, optimizer, 3)
            found.append(repr(variables))
        assert found[0] == found[1]


# ---------------------------------------------------------------- threads, and who looks in the midst


def running(work: Callable[[], object]) -> tuple[Thread, list[BaseException]]:
    """A thread at that work, and what it raises."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # whatever it is, the test tells it
            raised.append(error)

    thread = Thread(target=guarded, daemon=True)
    thread.start()
    return thread, raised


@pytest.mark.usefixtures("eager_to_pack")
@each_optimizer
def test_threads_that_look(name: str) -> None:
    """Training ends at the same numbers, to the bit, whoever looks meanwhile, and who looks sees numbers of a step."""
    steps = 300
    alone, program, optimizer = trained(name, steps=0, arrays=None)
    path = [{variable.data} for variable in alone]
    for _ in range(steps):
        train(program, optimizer, 1)
        for met, variable in zip(path, alone, strict=True):
            met.add(variable.data)
    variables, program, optimizer = trained(name, steps=0)
    seen: list[set[float]] = [set() for _ in variables]
    at_work = True

    def look() -> None:
        while at_work:
            for met, variable in zip(seen, variables, strict=True):
                met.add(variable.data)
                _ = variable.grad, copy.deepcopy(variable), variable + 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        watchers = [running(look) for _ in range(2)]
        train(program, optimizer, steps)
        at_work = False
        for thread, raised in watchers:
            thread.join(20)
            assert not thread.is_alive()
            assert not raised
    finally:
        at_work = False
        sys.setswitchinterval(interval)
    assert repr(variables) == repr(alone)
    assert all(found <= met for found, met in zip(seen, path, strict=True))


def test_a_look_at_an_optimizer_brings_back_no_old_state() -> None:
    """What a step in another thread leaves while somebody looks at the state is not overwritten by the look."""
    _, _, optimizer = trained()
    threads: list[tuple[Thread, list[BaseException]]] = []

    class Watched:
        def tolist(self) -> list[float]:
            threads.append(running(lambda: setattr(optimizer, "velocity", [4.0, 5.0, 6.0])))
            threads[0][0].join(0.05)  # it waits for the look; time enough, if it did not
            return [1.0, 2.0, 3.0]

    optimizer.velocity = Watched()
    assert optimizer.velocity in ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    threads[0][0].join(20)
    assert not threads[0][1]
    assert optimizer.velocity == [4.0, 5.0, 6.0]


class Hooked:
    """numpy, with something that happens just before one of its functions is used."""

    def __init__(self, name: str, happens: Callable[[], Any]) -> None:
        self.name, self.happens = name, happens

    def __getattr__(self, name: str) -> Any:
        if name == self.name:
            self.happens()
        return getattr(np, name)


def test_a_write_while_a_pack_closes() -> None:
    """What another thread writes while a pack is about to take the numbers in is not lost."""
    variables = Variables([Value(1.0), Value(2.0)])
    threads: list[tuple[Thread, list[BaseException]]] = []

    def write() -> None:
        variables[1].data = 7.0

    for variable in variables:
        variable.grad = 0.5
    close(variables, Hooked("array", lambda: threads.append(running(write))))
    assert len(threads) == 2  # one by the gradient, one by the data
    for thread, raised in threads:
        thread.join(20)
        assert not thread.is_alive()
        assert not raised
    assert [(variable.data, variable.grad) for variable in variables] == [(1.0, 0.5), (7.0, 0.5)]


@pytest.mark.parametrize("place", ["array", "asarray", "errstate", "sqrt", "zeros_like"])
@each_optimizer
def test_a_look_in_the_midst(name: str, place: str) -> None:
    """Who looks from inside a step, as a debugger or a signal does, is answered, and the step is done all the same."""
    alone, program, optimizer = trained(name, steps=10, arrays=None)
    optimizer.zero_grad()
    optimizer.step()
    variables, program, optimizer = trained(name, steps=0)
    path: list[float] = []
    vars(program._target)["arrays"] = Hooked(place, lambda: path.append(variables[0].data))
    train(program, optimizer, 10)
    optimizer.zero_grad()
    optimizer.step()
    assert repr(variables) == repr(alone)


def test_a_look_while_a_pack_opens() -> None:
    """Who looks and writes from inside of the opening, as a debugger does, is answered, and what it writes stays."""
    variables, program, _ = trained()
    before = [variable.data for variable in copy.deepcopy(variables)]
    train(program, optim.Adam(variables), 8)
    pack = program._parameters.pack()
    data = pack.data

    class Watched:
        def tolist(self) -> Any:
            pack.data = data
            seen.append(variables[0].data)
            variables[1].data = 7.0
            return data.tolist()

    seen: list[float] = []
    pack.data = Watched()
    assert variables[2].data == data[2] != before[2]
    assert seen == [data[0]]
    assert [variable.data for variable in variables] == [data[0], 7.0, data[2]]


def test_a_pack_that_is_open_does_nothing() -> None:
    """A pack that was opened between finding it and using it takes nothing, and says so; what was meant is done."""
    variables, program, _ = trained()
    pack = program._parameters.pack()
    before = exact([variable.data for variable in variables])
    assert not pack.add_gradient([1.0, 1.0, 1.0])
    assert not pack.set_data([1.0, 1.0, 1.0])
    assert not pack.zero_grad()
    assert pack.move(lambda gradient, arrays: (gradient, ())) is None
    pack.open()
    assert exact([variable.data for variable in variables]) == before
    assert program._parameters.data() is None


def test_what_cannot_be_packed_stays() -> None:
    """Where a gradient is missing, a variable is in another pack, or another pack is being closed, none is closed."""
    variables, program, _ = trained()
    fresh = [Value(1.0), Value(2.0)]
    fresh[0].grad = 3.0
    close(Variables(fresh), np)
    assert repr(fresh) == "[Value(data=1.0, grad=3.0), Value(data=2.0)]"
    fresh[1].grad = 4.0
    pack = program._parameters.pack()
    close(Variables([*fresh, *variables]), np)
    assert not is_packed(*fresh)
    assert program._parameters.pack() is pack
    with packing._closing:
        close(Variables(fresh), np)
    assert not is_packed(*fresh)
    close(Variables(fresh), np)  # negative control
    assert is_packed(*fresh)


# ---------------------------------------------------------------- Ctrl-C


def is_of_packs(frame: FrameType) -> bool:
    """Whether that is done with packs as a whole."""
    code = frame.f_code
    whole = code.co_qualname.startswith(("Pack.", "close", "_Packed", "Variables.pack", "Variables.data"))
    return code.co_filename == packing.__file__ and whole


def is_with(frame: FrameType) -> bool:
    """Whether a `with` is entered or left; on leaving it, before the lock is free, no real Ctrl-C can come."""
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("with ")


def interrupted(at: int, work: Callable[[], Any]) -> bool:
    """Whether Ctrl-C came, at that line of what packs do, counted from the beginning of the work."""
    left = at

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if not is_of_packs(frame):
            return None
        if event == "line" and not is_with(frame):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def works() -> Iterator[tuple[str, int, Callable[[list[Value], Any, Any], Any]]]:
    yield "forget", 3, lambda variables, program, optimizer: optimizer.zero_grad()
    yield "backward", 3, lambda variables, program, optimizer: program.backward([1.0, 2.0])
    yield "close", 1, lambda variables, program, optimizer: program.backward([1.0, 2.0])
    yield "step", 3, lambda variables, program, optimizer: optimizer.step()
    yield "unpack", 3, lambda variables, program, optimizer: program.unpack([1.0, 2.0, 3.0])
    yield "look", 3, lambda variables, program, optimizer: variables[1].data
    yield "write", 3, lambda variables, program, optimizer: setattr(variables[1], "data", 9.0)


WORKS = {name: (steps, work) for name, steps, work in works()}


@pytest.mark.parametrize("name", WORKS)
def test_ctrl_c_at_any_line(name: str) -> None:
    """Broken off at any line, an operation on a pack is done or not done, no lock stays held, and training goes on."""
    steps, work = WORKS[name]
    plain = trained(steps=steps, arrays=None)
    allowed = [repr(plain[0])]
    work(*plain)
    allowed.append(repr(plain[0]))
    at = 0
    came = True
    while came:
        at += 1
        kept = trained(steps=steps)
        came = interrupted(at, partial(work, *kept))
        thread, raised = running(partial(repr, kept[0]))
        thread.join(20)
        assert not thread.is_alive()
        assert not raised
        assert repr(kept[0]) in allowed
        train(kept[1], kept[2], 4)
        assert not any(math.isnan(variable.data) for variable in kept[0])
    assert at > 5  # it has come at several lines
