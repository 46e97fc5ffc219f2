"""What holds at any size: depth is not limited, nothing is left behind, a node costs little."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import micrograd.engine
import micrograd.nn
import pytest

from scalargrad import NonFinite, Value, grad, jvp, ledger, nn, no_grad, steps, trap, tree
from scalargrad.engine.graph import topological_order

pytestmark = pytest.mark.no_cover  # traced line by line, it would take several times as long


def alive() -> int:
    """How many nodes there are in the whole process."""
    return sum(isinstance(item, Value) for item in gc.get_objects())


# ---------------------------------------------------------------- depth

RECURSION_LIMIT = 60


def a_recursive_walk_fails() -> None:
    """Negative control: under this recursion limit a walk by recursion does not get through a short chain."""

    def depth(node: Value) -> int:
        return 1 + max((depth(operand) for operand in node.args), default=0)

    v = Value(1.0)
    for _ in range(RECURSION_LIMIT):
        v = -v
    with pytest.raises(RecursionError):
        depth(v)


def pickled(given: tuple[Value, Value]) -> tuple[Value, Value]:
    loaded: tuple[Value, Value] = pickle.loads(pickle.dumps(given))
    return loaded


def a_million_nodes() -> None:
    gc.disable()  # it takes as long as all the rest, and nothing here needs it
    x = Value(0.5, label="x")
    v = x
    for _ in range(1_000_000):
        v = -v

    v.backward(3.0)
    assert x.grad == 3.0
    assert grad(v, x).data == 1.0
    assert repr(v) == "Value(data=0.5, grad=3.0)"
    for again in (copy.deepcopy, pickled):
        w, y = again((v, x))
        w.backward()
        assert (w.data, y.label, y.grad) == (0.5, "x", 4.0)
        del w, y
    del v
    assert alive() == 1


def many_steps() -> None:
    gc.disable()
    x = Value(0.5, label="x")
    v = x
    for _ in range(200_000):
        v = -v

    walk = steps(v)
    assert len(walk) == walk.to("x").position == 200_000
    assert walk.total(x) == 1.0
    assert len(repr(walk).splitlines()) < 12
    assert walk.back() is not None
    assert walk.total(x) is None
    assert len(tree(walk).splitlines()) < 250
    assert len(ledger(walk).splitlines()) < 250


def second_derivatives_of_a_long_chain() -> None:
    """The chain's derivative graph is several times as deep as the chain."""
    x = Value(1.0)
    v = x
    numbers, slope, curvature = [1.0], 1.0, 0.0
    for _ in range(20_000):
        v = v.sin()
        sine, cosine = math.sin(numbers[-1]), math.cos(numbers[-1])
        slope, curvature = cosine * slope, cosine * curvature - sine * slope * slope
        numbers.append(sine)
    assert math.isclose(jvp(v, x, 2.0).data, 2.0 * slope, rel_tol=1e-9)
    first = grad(v, x)
    assert math.isclose(first.data, slope, rel_tol=1e-9)
    first.backward()
    assert math.isclose(x.grad, curvature, rel_tol=1e-9)


@pytest.mark.parametrize(
    "law", [a_recursive_walk_fails, a_million_nodes, many_steps, second_derivatives_of_a_long_chain]
)
def test_depth_is_not_limited_by_the_recursion_limit(law: Callable[[], None]) -> None:
    """Building, sweeping, differentiating, stepping, printing, copying and freeing a chain needs no stack."""
    program = (
        f"import sys; from tests.test_scale import {law.__name__} as law; "
        f"sys.setrecursionlimit({RECURSION_LIMIT}); law()"
    )
    root = Path(__file__).parents[1]
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=root)
    assert finished.returncode == 0, finished.stderr


# ---------------------------------------------------------------- reference cycles


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """Only reference counts free anything here."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def graph() -> tuple[Value, Value]:
    x = Value(0.5, label="x")
    shared = x * 3 + x
    return (shared * shared).tanh() + shared.maximum(x) ** 2, x


def built(f: Value, x: Value) -> object:
    return f, x


def swept_twice(f: Value, _x: Value) -> None:
    f.backward()
    f.backward()


def differentiated_twice(f: Value, x: Value) -> Value:
    return grad(grad(f, x), x)


def pushed_forward(f: Value, x: Value) -> Value:
    return jvp(f, x, 1.0)


def unrecorded(f: Value, x: Value) -> Value:
    with no_grad():
        return f * x


def copied(f: Value, _x: Value) -> object:
    return copy.deepcopy(f), pickle.loads(pickle.dumps(f)), copy.copy(f)


def trapped_forward(f: Value, _x: Value) -> None:
    with trap(), pytest.raises(NonFinite):
        (f - f).log()


def trapped_backward(f: Value, _x: Value) -> None:
    with trap(), pytest.raises(NonFinite):
        (f - f).sqrt().backward()


def trapped_derivative(f: Value, x: Value) -> None:
    with trap(), pytest.raises(NonFinite):
        grad((f - f).sqrt(), x)


def refused(f: Value, x: Value) -> None:
    with pytest.raises(TypeError):
        f + "1"  # type: ignore[operator]
    x.data = 2.0
    with pytest.raises(ValueError, match="has been changed"):
        grad(f, x)


USES = [
    built,
    swept_twice,
    differentiated_twice,
    pushed_forward,
    unrecorded,
    copied,
    trapped_forward,
    trapped_backward,
    trapped_derivative,
    refused,
]


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("use", USES)
def test_a_graph_is_freed_with_its_last_name(use: Callable[[Value, Value], object]) -> None:
    """Whatever has been done with a graph, no cycle of references keeps any node of it."""
    before = alive()
    f, x = graph()
    results = use(f, x)
    assert alive() >= before + len(topological_order(f))
    del f, x, results
    assert alive() == before


@pytest.mark.usefixtures("_no_collector")
def test_a_cycle_would_be_seen() -> None:
    """Negative control: a node in a cycle of references outlives its last name."""
    before = alive()
    ring: list[Any] = [graph()]
    ring.append(ring)
    del ring
    assert alive() > before
    gc.collect()
    assert alive() == before


# ---------------------------------------------------------------- memory


def moons_loss(model: Callable[[list[Any]], Any], parameters: list[Any]) -> Any:
    """The loss of micrograd's demo: hinge over 100 points in the plane, and the weights' squares."""
    rng = random.Random(0)
    points = [([rng.uniform(-1, 2), rng.uniform(-1, 1)], rng.choice([-1, 1])) for _ in range(100)]
    scores = [(model(row), label) for row, label in points]
    losses = [(1 + -label * score).relu() for score, label in scores]
    return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)


def bytes_per_node(loss: Callable[[], Any], count: Callable[[Any], int]) -> float:
    """What a graph holds after its backward pass, divided by its nodes."""
    gc.collect()
    tracemalloc.start()
    try:
        output = loss()
        output.backward()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / count(output)
    finally:
        tracemalloc.stop()


def test_bytes_per_recorded_node() -> None:
    """The graph of a training step holds at most 200 bytes for each of its nodes."""
    model = nn.MLP(2, [16, 16, 1], rng=0)
    moons_loss(model, model.parameters()).backward()  # so that the parameters have their gradients
    assert bytes_per_node(lambda: moons_loss(model, model.parameters()), lambda f: len(topological_order(f))) <= 200


def test_the_measure_of_memory_sees_sets_and_closures() -> None:
    """Negative control: by the same measure micrograd, with a set and a closure for each node, needs far more."""
    model = micrograd.nn.MLP(2, [4, 1])

    def count(output: Any) -> int:
        seen, pending = set(), [output]
        while pending:
            node = pending.pop()
            if node not in seen:
                seen.add(node)
                pending.extend(node._prev)
        return len(seen)

    assert bytes_per_node(lambda: moons_loss(model, model.parameters()), count) > 3 * 200
