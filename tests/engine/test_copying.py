"""Copies, by pickle or deepcopy, are the same graph: same numbers, same structure, same bits in a sweep."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given

import scalargrad
from scalargrad import Constant, Value, nn, primitive
from scalargrad.engine import declaration
from scalargrad.engine.graph import Node, topological_order
from scalargrad.optim import Adam
from tests.oracle import Program, programs, run

Copier = Callable[[Any], Any]
OPERATIONS = {p.name: p for p in declaration.registered()}


def pickled(protocol: int) -> Copier:
    """A copier; its protocol is its name in a failure."""

    def copier(given: Any) -> Any:
        return pickle.loads(pickle.dumps(given, protocol))

    copier.__name__ = f"pickle_{protocol}"
    return copier


PICKLES = [pickled(protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
COPIERS: list[Copier] = [copy.deepcopy, *PICKLES]
every_copier = pytest.mark.parametrize("copied", COPIERS, ids=lambda copier: copier.__name__)
every_pickle = pytest.mark.parametrize("copied", PICKLES, ids=lambda copier: copier.__name__)


def state(root: Value) -> list[tuple[Any, ...]]:
    """The whole state of a graph, with places instead of objects: equal for equal graphs."""
    order = topological_order(root)
    places = {node: place for place, node in enumerate(order)}
    return [
        (
            type(node),
            node.data.hex(),
            node.grad.hex(),
            node.swept,
            node.label,
            node.op,
            [places[operand] for operand in node.args],
            [local.hex() for local in node.local_gradients],
        )
        for node in order
    ]


def labelled_graph(program: Program) -> Value:
    """A program's last node, with labels on leaves and on a result, half of it swept."""
    leaves = [Value(x, label=f"x{i}") for i, x in enumerate(program.leaves)]
    nodes: list[Value] = run(program, leaves, OPERATIONS)
    nodes[-1].label = 'a "result" of π'
    nodes[len(nodes) // 2].backward(0.1)
    return nodes[-1]


@every_copier
@given(program=programs())
def test_a_copy_is_the_same_graph(copied: Copier, program: Program) -> None:
    """Data, gradients, labels, operations, sharing, constants and local gradients survive, in new nodes."""
    root = labelled_graph(program)
    before = state(root)
    twin = copied(root)
    assert state(twin) == before
    assert topological_order(twin).keys().isdisjoint(topological_order(root))


@every_copier
@given(program=programs())
def test_a_copy_sweeps_to_the_same_bits(copied: Copier, program: Program) -> None:
    """A sweep of the copy gives the gradients of the original, and does not change the original."""
    root = labelled_graph(program)
    twin, before = copied(root), state(root)
    twin.backward(1.7)
    assert state(root) == before
    root.backward(1.7)
    assert state(twin) == state(root)


def test_a_changed_graph_is_another() -> None:
    """Negative control: the comparison sees a number, a label, a gradient, a sharing and an operand's order."""
    x, y = Value(1.0), Value(2.0)
    different = [x - y, y - x, x - Value(2.0), x - x, x + y, x - 2.0, x.atan()]
    different += [Value(1.0), Value(1.0, label="x"), Value(-1.0)]
    swept = Value(1.0)
    swept.grad = 0.0
    states = [state(root) for root in [*different, swept]]
    equal = [(i, j) for i, one in enumerate(states) for j, other in enumerate(states) if i < j and one == other]
    assert equal == [(0, 2)]  # x - y and x - Value(2.0): equal numbers in other objects


@every_copier
def test_a_leaf_copied_with_its_loss_is_the_losses_leaf(copied: Copier) -> None:
    """A gradient of the copied loss arrives at the leaf that was copied together with it."""
    leaf = Value(3.0, label="w")
    loss = (leaf * leaf + 1).tanh()
    loss.backward()
    for new_loss, new_leaf in (copied((loss, leaf)), copied([leaf, loss])[::-1]):
        assert new_leaf in topological_order(new_loss)
        new_loss.backward()
        assert new_leaf.grad == 2 * leaf.grad


def test_deepcopy_keeps_inner_identity() -> None:
    """Results copied together by deepcopy still share the nodes that they shared."""
    x = Value(3.0)
    inner = x * x
    left, right = inner + 1, inner * 2
    new_left, new_inner, new_right, new_x = copy.deepcopy((left, inner, right, x))
    assert new_left.args[0] is new_inner is new_right.args[0]
    assert new_inner.args == (new_x, new_x)


@every_pickle
def test_results_pickled_together_share_their_leaves(copied: Copier) -> None:
    """Results pickled together are sums over the same leaves."""
    x = Value(3.0)
    left, right = copied((x * x, x * 2))
    (left + right).backward()
    assert left.args[0].grad == 8.0
    assert left.args[0] is right.args[0]


def test_a_shallow_copy_of_a_result_reaches_the_same_leaves() -> None:
    """`copy.copy` of a result is another result of the same leaves."""
    x = Value(3.0)
    twin = copy.copy(x * x)
    twin.backward()
    assert x.grad == 6.0
    leaf = copy.copy(x)
    assert leaf is not x
    assert state(leaf) == state(x)


@every_copier
def test_a_constant_stays_a_constant(copied: Copier) -> None:
    """The copy of a constant takes no gradient either."""
    new = copied(Value(2.0) + 1)
    new.backward()
    variable, constant = new.args
    assert (type(variable), variable.grad) == (Value, 1.0)
    assert (type(constant), constant.swept) == (Constant, False)


@every_copier
def test_a_network_is_copied_whole(copied: Copier) -> None:
    """A network, its optimizer and a loss that are copied together still belong together."""
    model = nn.MLP(2, [3, 1], activation="tanh", rng=0)
    optimizer = Adam(model.parameters())
    loss = model([1.0, -2.0]) ** 2
    new_model, new_optimizer, new_loss = copied((model, optimizer, loss))
    before = model.state_dict()
    assert new_model.state_dict() == before
    for some_loss, some_optimizer in ((loss, optimizer), (new_loss, new_optimizer)):
        some_loss.backward()
        some_optimizer.step()
    assert new_model.state_dict() == model.state_dict() != before
    assert [p.grad for p in new_model.parameters()] == [p.grad for p in model.parameters()]
    assert new_model([1.0, -2.0]).data == model([1.0, -2.0]).data
    assert all(new is not old for new, old in zip(new_model.parameters(), model.parameters(), strict=True))


@pytest.mark.parametrize("name", ["tanh", "add", "power", "polygamma"])
def test_a_primitive_is_copied_as_itself(name: str) -> None:
    """A primitive is pickled as its name, and every copy is the same object."""
    operation = getattr(scalargrad, name)
    assert all(copied(operation) is operation for copied in COPIERS)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, scalargrad.Primitive]:
    """A registry of the test's own, so that what it declares does not outlive it."""
    own = dict(declaration._registry)
    monkeypatch.setattr(declaration, "_registry", own)
    return own


@every_copier
def test_an_operation_of_three_operands_is_copied(copied: Copier, registry: dict[str, scalargrad.Primitive]) -> None:
    """Graphs with operations that users declare, of any number of operands, are copied too."""

    @primitive(partials=[lambda out, x, y, z: y, lambda out, x, y, z: x, lambda out, x, y, z: 1.0])
    def multiply_add(x: float, y: float, z: float) -> float:
        return x * y + z

    assert "multiply_add" in registry
    x = Value(3.0, label="x")
    root: Value = multiply_add(x, x, 4.0).tanh()
    root.backward()
    assert state(copied(root)) == state(root)


@every_pickle
def test_an_unknown_primitive_is_named(copied: Copier, registry: dict[str, scalargrad.Primitive]) -> None:
    """A pickle with an operation that is not declared where it is loaded says which one, and what to do."""

    @primitive(partials=[lambda out, x: 2 * x])
    def square(x: float) -> float:
        return x * x

    root = square(Value(3.0))
    assert copied(root).op is square
    del registry["square"]
    with pytest.raises(LookupError, match=r"no primitive is named 'square'.*declare it first"):
        copied(root)


def marks_of(root: Value) -> list[list[tuple[str | None, str | None, int, list[int]]]]:
    """The marks of each node, with places for inputs, and for the mark itself: equal where they say the same."""
    order = topological_order(root)
    places = {id(node): place for place, node in enumerate(order)}
    met: dict[int, int] = {}
    return [
        [
            (
                mark.together,
                mark.each,
                met.setdefault(id(mark), len(met)),
                [places[key] for key in mark.ids() if key in places],
            )
            for mark in node.marks
        ]
        for node in order
    ]


@every_copier
def test_a_copy_keeps_the_marks_of_modules(copied: Copier) -> None:
    """The marks on a copy say the same of its nodes, and do not refer to the original's."""
    model = nn.MLP(2, [3, 2], "tanh", "softmax", rng=0)
    root = scalargrad.square_error(model([Value(1.0), Value(-1.0)]), [0.0, 1.0])
    before = marks_of(root)
    assert len({mark[2] for marks in before for mark in marks}) == 6  # two layers, neurons of one, MLP, two functions
    twin = copied(root)
    assert marks_of(twin) == before
    inputs = {operand for node in topological_order(twin) for mark in node.marks for operand in mark.inputs}
    assert inputs <= topological_order(twin).keys()


def test_results_copied_together_keep_a_mark_they_share() -> None:
    """Two results of one module, copied together by deepcopy, still share one mark, with both inputs."""

    class Twice(nn.Module):
        def __call__(self, x: Value, y: Value) -> list[Value]:
            made: list[Value] = self.mark([x * 2, y * 2], [x, y, 1.0])
            return made

    x, y = Value(1.0), Value(2.0)
    left, right, new_x, new_y = copy.deepcopy([*Twice()(x, y), x, y])
    assert left.marks[0] is right.marks[0]
    assert left.marks[0].inputs == [new_x, new_y]


# ---------------------------------------------------------------- subclasses


class Named(Value):
    """A subclass with any attributes."""

    __slots__ = ("__dict__", "author", "unset")
    author: Any
    unset: Any


class Measured(Named):
    """A level further, with a slot whose name Python mangles."""

    __slots__ = ("__unit", "near")
    near: Any

    def __init__(self, data: float, unit: str) -> None:
        super().__init__(data)
        self.__unit = unit

    @property
    def unit(self) -> str:
        return self.__unit


class Plain(Value):
    """A subclass without anything further."""

    __slots__ = ()


class Stateful(Value):
    """A subclass with its own `__getstate__`."""

    def __init__(self, data: float, secret: str) -> None:
        super().__init__(data)
        self.secret, self.cache = secret, object()

    def __getstate__(self) -> Any:
        return self.secret[::-1]

    def __setstate__(self, state: Any) -> None:
        self.secret, self.cache = state[::-1], "made anew"


class Remade(Value):
    """A subclass with its own `__reduce__`."""

    def __init__(self, data: float, colour: str) -> None:
        super().__init__(data)
        self.colour, self.made = colour, "by __init__"

    def __reduce__(self) -> tuple[Any, ...]:
        return Remade, (self.data, self.colour), {"copied": True}


class Extended(Value):
    """A subclass that extends the `__reduce__` of Value."""

    colour = "none"

    def __reduce__(self) -> tuple[Any, ...]:
        make, arguments, *_ = super().__reduce__()
        return make, arguments, {"colour": "red"}


class Global(Value):
    """A subclass of which each instance is a global object."""

    def __reduce__(self) -> str:
        return "THE_GLOBAL"


THE_GLOBAL = Global(4.0)
ANY_COPIER: list[Copier] = [copy.copy, *COPIERS]
any_copier = pytest.mark.parametrize("copied", ANY_COPIER, ids=lambda copier: copier.__name__)


@any_copier
def test_a_copy_of_a_subclass_keeps_its_attributes(copied: Copier) -> None:
    """Each copy has the attributes that a subclass adds, in `__dict__` and in slots of every level."""
    value: Any = Measured(2.0, "metres")
    value.label, value.grad, value.author, value.near = "length", 3.0, "Ada", None
    vars(value)["colour"] = ["red"]
    new: Any = copied(value)
    assert new is not value
    assert state(new) == state(value)
    assert type(new) is Measured
    assert (new.unit, new.author, new.near, dict(vars(new))) == ("metres", "Ada", None, dict(vars(value)))
    assert not hasattr(new, "unset")
    assert (vars(new)["colour"] is value.colour) == (copied is copy.copy)
    assert type(copied(Plain(1.0))) is Plain


@any_copier
def test_a_subclass_may_say_how_it_is_copied(copied: Copier) -> None:
    """Every copier calls the `__getstate__`, `__setstate__` and `__reduce__` of a subclass."""
    stateful = copied(Stateful(2.0, "abc"))
    assert (type(stateful), stateful.data, stateful.secret, stateful.cache) == (Stateful, 2.0, "abc", "made anew")
    remade = copied(Remade(2.0, "red"))
    assert (type(remade), remade.data) == (Remade, 2.0)
    assert dict(vars(remade)) == {"colour": "red", "made": "by __init__", "copied": True}
    assert copied(Extended(2.0)).colour == "red"
    assert copied(THE_GLOBAL) is THE_GLOBAL


@every_copier
def test_a_leaf_of_a_subclass_is_copied_with_its_graph(copied: Copier) -> None:
    """In the copy of a graph a leaf keeps its subclass, and takes the gradient."""
    leaves = [Measured(2.0, "metres"), Stateful(3.0, "abc"), Remade(4.0, "red"), Plain(5.0), THE_GLOBAL]
    loss = leaves[0] * leaves[1] * leaves[2] * leaves[3] * leaves[4]
    loss.backward()
    THE_GLOBAL.zero_grad()
    new = copied(loss)
    new.backward()
    new_leaves = [node for node in topological_order(new) if node.op is None]
    assert list(map(type, new_leaves)) == list(map(type, leaves))
    assert [node.unit for node in new_leaves if isinstance(node, Measured)] == ["metres"]
    assert [node.grad for node in new_leaves[:4]] == [
        480.0,
        320.0,
        120.0,
        192.0,
    ]  # a Remade has made no gradient of its own
    THE_GLOBAL.zero_grad()


@every_copier
def test_attributes_may_refer_to_the_graph(copied: Copier) -> None:
    """An attribute that refers to the Value itself, another leaf or the result refers to its copy in the copy."""
    first, second = Named(2.0), Named(3.0)
    loss = first * second
    first.author, second.author, first.unset = second, loss, first
    for order in itertools.permutations((loss, first, second)):
        copy_of = dict(zip(order, copied(order), strict=True))
        assert copy_of[loss].args == (copy_of[first], copy_of[second])
        assert copy_of[first].author is copy_of[second]
        assert copy_of[first].unset is copy_of[first]
        assert copy_of[second].author is copy_of[loss]
    alone = copied(loss)
    assert alone.args[0].author is alone.args[1]
    assert alone.args[1].author is alone


def result_of_a_subclass(kind: type[Value], *operands: Value) -> Any:
    """A result of a subclass, which a subclass can make in `apply_primitive`."""
    made = operands[0] * operands[1]
    twin = object.__new__(kind)
    for slot in Node.__slots__:
        if hasattr(made, slot):
            setattr(twin, slot, getattr(made, slot))
    return twin


@any_copier
def test_results_of_a_subclass_keep_their_attributes(copied: Copier) -> None:
    """A result of a subclass keeps its attributes, at the end of a graph or inside, even where they refer to it."""
    x, y = Value(2.0), Value(3.0)
    inner = result_of_a_subclass(Named, x, y)
    outer = result_of_a_subclass(Plain, inner, x)
    last = result_of_a_subclass(Named, outer, inner)
    inner.author, inner.colour, last.author = last, "red", last
    new = copied(last)
    assert state(new) == state(last)
    new_inner = new.args[1]
    assert (new_inner.colour, new.author is (last if copied is copy.copy else new)) == ("red", True)
    assert new_inner.author is new.author


# ---------------------------------------------------------------- several results as one graph


@every_pickle
@given(program=programs())
def test_one_graph_keeps_all_that_is_shared(copied: Copier, program: Program) -> None:
    """Results pickled as one graph are loaded as a list, and share every node with one another and with leaves."""
    leaves = [Value(x) for x in program.leaves]
    nodes: list[Value] = run(program, leaves, OPERATIONS)
    results = [nodes[-1], *nodes[::2], nodes[-1]]
    new_leaves, new = copied((leaves, scalargrad.one_graph(results)))
    order, new_order = topological_order(*results), topological_order(*new)
    places, new_places = ({node: i for i, node in enumerate(nodes)} for nodes in (order, new_order))
    assert [new_places[node] for node in new] == [places[node] for node in results]
    assert [state(node) for node in new] == [state(node) for node in results]
    assert [new_places[leaf] for leaf in new_leaves if leaf in new_places] == [
        places[leaf] for leaf in leaves if leaf in places
    ]


@every_copier
def test_one_graph_keeps_attributes_and_marks(copied: Copier) -> None:
    """Subclasses keep their attributes, and modules their marks, as in any other copy."""
    x, y = Named(1.0), Value(2.0)
    x.author = y
    inner = result_of_a_subclass(Named, x, y)
    inner.author = x
    shares = scalargrad.softmax([inner, y])
    new_inner, first, second, new_y = copied(scalargrad.one_graph(iter([inner, *shares, y])))
    assert new_inner.author is new_inner.args[0]
    assert new_inner.author.author is new_y
    assert first.marks[0] is second.marks[0]
    assert first.marks[0].inputs == [new_inner, new_y]


@every_pickle
def test_a_result_that_an_attribute_refers_to_is_a_twin(copied: Copier) -> None:
    """Such a result is loaded twice, as `one_graph` says; a deep copy has it once."""
    x = Named(1.0)
    inner = x * 3.0
    x.author = inner
    for copier, is_one in ((copied, False), (copy.deepcopy, True)):
        result = copier(inner + 1.0)
        assert (result.args[0].args[0].author is result.args[0]) == is_one
        assert result.args[0].args[0].author.data == 3.0
    new, new_x = copied(scalargrad.one_graph([inner + 1.0, x]))
    assert new.args[0].args[0] is new_x
    assert new_x.author is not new.args[0]


def test_one_graph_grows_as_the_nodes_do() -> None:
    """400 results of a softmax are one graph of 113 kB; one by one, even ten are as much as that for each."""
    shares = scalargrad.softmax([Value(i / 100) for i in range(400)])
    pickled = pickle.dumps(scalargrad.one_graph(shares))
    assert len(pickle.loads(pickled)) == 400
    assert len(pickled) < 150_000
    assert len(pickle.dumps(shares[:10])) > 700_000  # negative control


def test_one_graph_leaves_nothing_behind() -> None:
    """A dump that fails, or another one in between, does not change the next."""

    class Full(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise OSError("disk full")

    shares = scalargrad.softmax([Value(i / 10) for i in range(10)])
    together = scalargrad.one_graph(shares)
    pickled = pickle.dumps(together)
    with pytest.raises(OSError, match="disk full"):
        pickle.Pickler(Full()).dump(together)
    assert pickle.dumps(together) == pickled == pickle.dumps(scalargrad.one_graph(shares))
    with ThreadPoolExecutor(4) as executor:
        assert set(executor.map(pickle.dumps, [together] * 20)) == {pickled}
    shares[0].grad = 2.0
    assert pickle.loads(pickle.dumps(together))[0].grad == 2.0  # as it is when it is pickled


@pytest.mark.parametrize(
    ("results", "told"),
    [
        (Value(1.0), "several Values.*got Value"),
        (3, "several Values.*got 3"),
        ([Value(1.0), 2.0], "got 2.0 of type"),
        ({Value(1.0)}, "the Values of one_graph must have an order, which a set does not have"),
    ],
)
def test_one_graph_is_of_values(results: Any, told: str) -> None:
    """Anything but several Values is an error."""
    with pytest.raises(TypeError, match=told):
        scalargrad.one_graph(results)
    assert pickle.loads(pickle.dumps(scalargrad.one_graph([]))) == []


@every_pickle
def test_pythons_own_pickler_agrees(copied: Copier) -> None:
    """The pickler in Python reads and writes the same as the one in C."""
    x = Named(2.0)
    loss = (x * 3).tanh()
    x.author = loss
    written = io.BytesIO()
    pickle._Pickler(written, 2).dump((loss, scalargrad.one_graph([loss, x])))
    for load in (pickle.loads, lambda data: pickle._Unpickler(io.BytesIO(data)).load()):
        new, (again, leaf) = load(written.getvalue())
        assert state(new) == state(again) == state(copied(loss))
        assert leaf.author is new
