"""micrograd's programs, run on micrograd itself and on scalargrad: the same numbers from the same graph.

Each program is written once and is given an engine, which is all that changing the import changes.

Two differences of spelling remain, and with them of graphs, though not of numbers. For `a - b`, `-a`
and `a / b`, which are one node here, micrograd records `a + b * -1`, `a * -1` and `a * b**-1`; the
quotient then rounds twice. And its exponents are part of the operation's name, where ours are operands.

micrograd keeps operands in sets, so it visits them in the order of their addresses, and the sum of three
or more contributions to a gradient differs in its last bits from run to run. Any order is right. To be
compared to the last bit, either its sets are given the operands' order, or the numbers are such that no
sum is ever rounded.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import micrograd.engine
import micrograd.nn
import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, nn
from scalargrad.engine import declaration

pytestmark = pytest.mark.no_cover  # traced line by line, it would take several times as long


@dataclass(frozen=True)
class Engine:
    """What a program imports."""

    Value: Any
    nn: Any


OURS = Engine(scalargrad.Value, nn)
THEIRS = Engine(micrograd.engine.Value, micrograd.nn)

Run = tuple[Any, list[Any]]  # a result, and the variables it was computed from
Program = Callable[[Engine], Run]


class Ordered(dict[Any, None]):
    """As much of a set as micrograd uses, in the order in which things were put in."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(items))

    def add(self, item: Any) -> None:
        """Put one in."""
        self[item] = None


@contextmanager
def operands_in_order() -> Iterator[None]:
    """Let micrograd visit operands in their order instead of that of their addresses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micrograd.engine, "set", Ordered, raising=False)
        yield


# ---------------------------------------------------------------- comparing


def numbers(run: Run) -> list[str]:
    """The result and, after a sweep, the gradients of the variables, in hexadecimal; the sign of a zero is left out."""
    result, variables = run
    result.backward()
    return [float(number + 0.0).hex() for number in (result.data, *(variable.grad for variable in variables))]


def operands(node: Any) -> list[Any]:
    """The operands of a node of either engine, each once, without the exponent that only ours have."""
    if not isinstance(node, scalargrad.Value):
        return list(node._prev)
    return list(dict.fromkeys(node.args[:1] if node._op == "**" else node.args))


def operation(node: Any) -> str:
    """The name of a node's operation, as micrograd spells it."""
    if isinstance(node, scalargrad.Value) and node._op == "**":
        return f"**{node.args[1].data:g}"
    return "ReLU" if node._op == "relu" else str(node._op)


def nodes(root: Any) -> list[Any]:
    """Every node, operands first: a walk of our own, so that it does not matter how the engines walk."""
    order: dict[Any, None] = {}
    pending = [root]
    while pending:
        missing = [operand for operand in operands(pending[-1]) if operand not in order]
        if missing:
            pending.append(missing[0])
        else:
            order[pending.pop()] = None
    return list(order)


Row = tuple[str, float, frozenset[tuple[str, float]]]


def graph(run: Run) -> list[Row]:
    """The graph without the engine: for each operation its name, its number, and where its operands are.

    Variables and operations have numbers; a leaf that is no variable is the plain number that it holds.
    """
    result, variables = run
    places = {variable: ("variable", float(i)) for i, variable in enumerate(variables)}
    rows: list[Row] = []
    for node in nodes(result):
        if node in places:
            continue
        if not operands(node):
            places[node] = ("number", float(node.data))
        else:
            rows.append((operation(node), float(node.data), frozenset(places[operand] for operand in operands(node))))
            places[node] = ("row", float(len(rows)))
    return rows


def assert_same(program: Program) -> None:
    """Assert that both engines record the same graph, node for node, and sweep it to the same bits."""
    with operands_in_order():
        ours, theirs = program(OURS), program(THEIRS)
        assert graph(ours) == graph(theirs)
        assert len(nodes(ours[0])) == len(nodes(theirs[0]))
        assert numbers(ours) == numbers(theirs)


# ---------------------------------------------------------------- its test programs


def sanity_check(engine: Engine) -> Run:
    """The program of micrograd's test_sanity_check."""
    x = engine.Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    return y, [x]


def more_ops(engine: Engine) -> Run:
    """The program of micrograd's test_more_ops, and the first example of its README."""
    a = engine.Value(-4.0)
    b = engine.Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g, [a, b]


def power_and_share(engine: Engine) -> Run:
    """A variable used five times, an operation on one node twice, powers, and numbers on either side."""
    a, b = engine.Value(3), engine.Value(-0.5)
    c = a * a + b**3
    d = c + c
    return (2 * d + 1 + a).relu() * b + (d * d) ** -1 * 0.5, [a, b]


def test_the_sanity_check() -> None:
    """The first of micrograd's tests gives the same graph, value and gradient: -20 and 46."""
    assert_same(sanity_check)
    assert numbers(sanity_check(OURS)) == [(-20.0).hex(), (46.0).hex()]


def test_powers_and_shared_nodes() -> None:
    """Shared operands, powers and reflected operators give the same graph and the same bits."""
    assert_same(power_and_share)


def test_more_operations() -> None:
    """The second, which subtracts, negates and divides, gives its numbers within one ulp."""
    ours, theirs = (list(map(float.fromhex, numbers(more_ops(engine)))) for engine in (OURS, THEIRS))
    assert [f"{number:.4f}" for number in ours] == ["24.7041", "138.8338", "645.5773"]
    for our, their in zip(ours, theirs, strict=True):
        assert abs(our - their) <= math.ulp(their)


@pytest.mark.parametrize(
    ("program", "operations"),
    [
        (lambda engine: engine.Value(3.0) - engine.Value(2.0), 2),
        (lambda engine: -engine.Value(3.0), 1),
        (lambda engine: engine.Value(3.0) / engine.Value(2.0), 2),
    ],
)
def test_what_is_one_operation_here(program: Callable[[Engine], Any], operations: int) -> None:
    """A difference, a negation and a quotient are one operation here, and as many there as its spelling has."""
    counts = [sum(bool(operands(node)) for node in nodes(program(engine))) for engine in (OURS, THEIRS)]
    assert counts == [1, operations]


def trace(root: Any) -> tuple[list[tuple[str, float]], int]:
    """What micrograd's drawing program reads, from `_prev` and `_op`: the nodes, and how many edges there are."""
    visited, edges = set(), set()

    def build(node: Any) -> None:
        if node not in visited:
            visited.add(node)
            for child in node._prev:
                edges.add((child, node))
                build(child)

    build(root)
    return sorted((node._op.lower(), node.data) for node in visited), len(edges)


def test_its_drawing_program_reads_the_same_graph() -> None:
    """A program that walks `_prev` and reads `_op` and `data` finds the same nodes and edges in both."""
    ours, theirs = (trace(sanity_check(engine)[0]) for engine in (OURS, THEIRS))
    assert ours == theirs
    assert ours[1] == 19


def test_a_second_sweep_doubles_only_here() -> None:
    """Where micrograd counts a second backward through inner nodes twice, scalargrad's exactly doubles."""
    gradients = {}
    for engine in (OURS, THEIRS):
        a = engine.Value(3.0)
        b = a * a
        c = b + b
        c.backward()
        assert a.grad == 12
        c.backward()
        gradients[engine] = a.grad
    assert gradients == {OURS: 24, THEIRS: 36}


# ---------------------------------------------------------------- random programs

OPERATIONS: dict[str, Callable[[Any, Any, int], Any]] = {
    "x + y": lambda x, y, k: x + y,
    "x * y": lambda x, y, k: x * y,
    "x ** k": lambda x, y, k: x**k,
    "x ** -k": lambda x, y, k: x**-k,
    "x.relu()": lambda x, y, k: x.relu(),
    "k + x": lambda x, y, k: k + x,
    "x * k": lambda x, y, k: x * k,
}
Line = tuple[str, int, int, int]
LINES = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 20), st.integers(0, 20), st.integers(1, 3))


def written(start: list[float], lines: list[Line]) -> Program:
    """The program whose lines each combine two of the Values so far."""

    def program(engine: Engine) -> Run:
        variables = [engine.Value(number) for number in start]
        values = list(variables)
        for name, i, j, k in lines:
            values.append(OPERATIONS[name](values[i % len(values)], values[j % len(values)], k))
        return values[-1], variables

    return program


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=3), st.lists(LINES, min_size=1, max_size=14))
def test_random_programs(start: list[float], lines: list[Line]) -> None:
    """Wherever micrograd has an answer, any program of + * ** and relu gives its graph and bits."""
    program = written(start, lines)
    try:
        numbers(program(THEIRS))
    except (OverflowError, ZeroDivisionError):
        reject()
    if any(math.isnan(node.data) for node in nodes(program(THEIRS)[0])):
        reject()  # a graph with a nan is not equal to itself
    assert_same(program)


def test_another_program_is_told_apart() -> None:
    """The comparison sees another operand, another order of sharing, and a number that differs in its last bit."""
    line = ("x * y", 0, 0, 1)
    theirs = written([3.0, 3.0], [line, ("x + y", 0, 2, 1)])(THEIRS)
    for start, lines in (
        ([3.0, 3.0], [line, ("x + y", 1, 2, 1)]),
        ([3.0, 3.0], [("x * y", 1, 1, 1), ("x + y", 0, 2, 1)]),
        ([3.0, 3.0], [line, ("x + y", 0, 2, 1), ("x * k", 3, 0, 1)]),
        ([math.nextafter(3.0, 4.0), 3.0], [line, ("x + y", 0, 2, 1)]),
    ):
        assert graph(written(start, lines)(OURS)) != graph(theirs)
    assert graph(written([3.0, 3.0], [line, ("x + y", 0, 2, 1)])(OURS)) == graph(theirs)


def test_another_gradient_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees a derivative that is wrong by one part in 10¹⁵."""
    right = numbers(sanity_check(THEIRS))
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))  # forgets it after the test
    square = declaration.declare(lambda x: x * x, partials=[lambda out, x: 2 * x * (1 + 1e-15)], name="square")

    def wrong(engine: Engine) -> Run:
        x = engine.Value(-4.0)
        z = 2 * x + 2 + x
        q = z.relu() + z * x
        y = square(z).relu() + q + q * x
        return y, [x]

    wrong_numbers = numbers(wrong(OURS))
    assert wrong_numbers[0] == right[0]
    assert wrong_numbers[1] != right[1]


# ---------------------------------------------------------------- its demo: two moons


def moons(n: int) -> tuple[Any, Any]:
    """Points on two half circles that reach into each other, with some noise, and 1 or -1 for the circle."""
    rng = np.random.default_rng(1337)
    labels = np.resize([1, -1], n)
    angles = rng.uniform(0, np.pi, n)
    circles = np.stack([labels * np.cos(angles) + (labels < 0), labels * np.sin(angles) + (labels < 0) / 2], axis=1)
    return circles + rng.normal(scale=0.1, size=(n, 2)), labels


def loss(engine: Engine, model: Any, x: Any, y: Any, batch: Any = None, alpha: float = 1e-4) -> tuple[Any, float, Any]:
    """The demo's loss: max-margin and L2 on all points or on a batch of them; with its accuracy, and the inputs."""
    if batch is not None:
        x, y = x[batch], y[batch]
    inputs = [list(map(engine.Value, row)) for row in x]
    scores = list(map(model, inputs))
    losses = [(1 + -label * score).relu() for label, score in zip(y, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = alpha * sum(p * p for p in model.parameters())
    accuracy = [(label > 0) == (score.data > 0) for label, score in zip(y, scores, strict=True)]
    return data_loss + reg_loss, sum(accuracy) / len(accuracy), list(chain(*inputs))


def models(sizes: list[int]) -> tuple[Any, Any]:
    """A network of each engine, with micrograd's initial weights."""
    random_state = random.getstate()
    random.seed(1337)
    theirs = THEIRS.nn.MLP(2, sizes)
    random.setstate(random_state)
    ours = OURS.nn.MLP(2, sizes)
    for our, their in zip(ours.parameters(), theirs.parameters(), strict=True):
        our.data = their.data
    return ours, theirs


def bits(model: Any) -> list[tuple[str, str]]:
    """The parameters and their gradients, in hexadecimal."""
    return [(float(p.data).hex(), float(p.grad + 0.0).hex()) for p in model.parameters()]


def test_the_same_seed_gives_the_same_uniform_weights() -> None:
    """With initial="uniform", a network after random.seed has the weights of micrograd's, bit for bit."""
    _, theirs = models([16, 16, 1])
    ours = nn.MLP(2, [16, 16, 1], rng=1337, initial="uniform")
    assert bits(ours) == bits(theirs)
    assert [len(layer.neurons[0].w) for layer in ours.layers] == [len(layer.neurons[0].w) for layer in theirs.layers]


def test_the_demo_records_the_same_graph() -> None:
    """The demo's loss on 100 points is micrograd's graph, node for node: 65,818 of them."""
    (ours, theirs), (x, y) = models([16, 16, 1]), moons(100)
    graphs = []
    with operands_in_order():
        for engine, model in ((OURS, ours), (THEIRS, theirs)):
            total, _, inputs = loss(engine, model, x, y)
            assert len(nodes(total)) == 65_818
            graphs.append(graph((total, [*model.parameters(), *inputs])))
    assert graphs[0] == graphs[1]


def training(engine: Engine, model: Any, batch_size: int | None, steps: int) -> list[Any]:
    """The demo's loop: after each sweep the loss, the accuracy, the parameters and their gradients."""
    (x, y), rng, history = moons(100), np.random.default_rng(0), []
    for k in range(steps):
        batch = None if batch_size is None else rng.permutation(len(x))[:batch_size]
        total, accuracy, _ = loss(engine, model, x, y, batch)
        model.zero_grad()
        total.backward()
        history.append((float(total.data).hex(), accuracy, bits(model)))
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    return history


@pytest.mark.parametrize(("batch_size", "steps"), [(None, 3), (20, 6)])
def test_the_demo_trains_to_the_same_bits(batch_size: int | None, steps: int) -> None:
    """In every step of training loss, accuracy, gradients and parameters are micrograd's, to the last bit."""
    ours, theirs = models([16, 16, 1])
    with operands_in_order():
        history = training(OURS, ours, batch_size, steps)
        assert history == training(THEIRS, theirs, batch_size, steps)
    assert history[-1][2] != history[0][2]


def test_micrograd_as_it_is_has_the_same_gradients() -> None:
    """With its own sets, and numbers that no sum has to round, micrograd's gradients are the same, in any order."""
    (ours, theirs), (x, y) = models([16, 16, 1]), moons(64)
    x = np.round(x * 2**6) / 2**6
    trainings = []
    assert "set" not in vars(micrograd.engine)
    for engine, model in ((OURS, ours), (THEIRS, theirs)):
        for parameter in model.parameters():
            parameter.data = round(parameter.data * 2**5) / 2**5
        total, accuracy, _ = loss(engine, model, x, y, alpha=2.0**-13)
        total.backward()
        trainings.append((float(total.data).hex(), accuracy, bits(model)))
    assert trainings[0] == trainings[1]


def test_the_inputs_are_variables_and_the_numbers_constants() -> None:
    """What the demo makes with Value has a gradient afterwards; the numbers that took part are told apart."""
    (ours, _), (x, y) = models([2, 1]), moons(2)
    total, _, inputs = loss(OURS, ours, x, y)
    total.backward()
    assert all(value.swept for value in (*inputs, *ours.parameters()))
    constants = [node for node in nodes(total) if isinstance(node, Constant)]
    assert sorted(node.data for node in constants) == [-1.0, 0.0, 0.0, 1e-4, 0.5, 1.0, 1.0, 1.0]
    assert not any(node.swept for node in constants)
