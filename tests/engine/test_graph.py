"""The laws of the sweep: it is linear, it adds over paths, and it gives the same bits each time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import micrograd.engine
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, Value, greater
from scalargrad.engine import value as value_module
from scalargrad.engine.graph import observed_sweep, sweep, topological_order
from scalargrad.optim import Adam
from tests.oracle import Program, dual_gradient, plain_numbers, programs, run

FUNCTIONS: Mapping[str, Any] = vars(scalargrad)

seeds = plain_numbers.filter(bool)
powers_of_two = st.integers(-8, 8).map(lambda exponent: 2.0**exponent)


def recorded(program: Program) -> tuple[list[Value], list[Value]]:
    """A program's leaves, and all its nodes, the result last."""
    leaves = [Value(x) for x in program.leaves]
    return leaves, run(program, leaves, FUNCTIONS)


def swept(root: Value, seed: float = 1.0) -> dict[Value, float]:
    """Every node's gradient, without a deposit."""
    return sweep({root: seed})


def hexadecimal(values: list[Value]) -> list[str]:
    return [value.grad.hex() for value in values]


# ---------------------------------------------------------------- what it computes


@given(programs())
def test_backward_is_the_derivative(program: Program) -> None:
    """Reverse mode on the record is forward mode on the program, for every leaf."""
    leaves, nodes = recorded(program)
    nodes[-1].backward()
    for leaf, dual in zip(leaves, dual_gradient(program, program.leaves), strict=True):
        assert abs(leaf.grad - dual.derivative) <= 1e-12 * dual.magnitude


def deposited(totals: dict[Value, float]) -> None:
    for node, total in totals.items():
        if not isinstance(node, Constant):
            node.grad += total


def replacing(root: Value, gradient: float) -> None:
    totals = topological_order(root) | {root: gradient}
    for node, upstream in reversed(totals.items()):
        for operand, local in zip(node.args, node.local_gradients, strict=True):
            totals[operand] = local * upstream
    deposited(totals)


def too_early(root: Value, gradient: float) -> None:
    totals = topological_order(root) | {root: gradient}
    first, *others = reversed(totals)
    for node in [first, *reversed(others)]:
        for operand, local in zip(node.args, node.local_gradients, strict=True):
            totals[operand] += local * totals[node]
    deposited(totals)


def first_operand_only(root: Value, gradient: float) -> None:
    totals = topological_order(root) | {root: gradient}
    for node, upstream in reversed(totals.items()):
        for operand, local in list(zip(node.args, node.local_gradients, strict=True))[:1]:
            totals[operand] += local * upstream
    deposited(totals)


@pytest.mark.parametrize("wrong", [replacing, too_early, first_operand_only])
def test_a_wrong_sweep_is_seen(wrong: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a sweep that replaces, goes in another order or forgets an operand breaks the law above."""
    law: Any = test_backward_is_the_derivative
    program = Program((3.0,), (("multiply", (0, 0)), ("add", (1, 1)), ("multiply", (2, 1))))
    law.hypothesis.inner_test(program)
    monkeypatch.setattr(value_module, "deposit", wrong)
    with pytest.raises(AssertionError):
        law.hypothesis.inner_test(program)


@given(programs(), seeds)
def test_a_seed_scales_every_gradient(program: Program, seed: float) -> None:
    """The sweep is linear: the gradients of a seed are those of 1 times the seed."""
    _, nodes = recorded(program)
    ones, scaled, sizes = swept(nodes[-1]), swept(nodes[-1], seed), magnitudes(nodes[-1])
    for node, gradient in scaled.items():
        if node.takes_gradient:  # a constant has no size
            assert abs(gradient - seed * ones[node]) <= 1e-13 * abs(seed) * sizes[node]


@given(programs(), powers_of_two)
def test_a_seed_that_is_a_power_of_two_scales_exactly(program: Program, seed: float) -> None:
    """Scaling by a power of 2 commutes with rounding, so there the law holds to the last bit."""
    _, nodes = recorded(program)
    assert swept(nodes[-1], seed) == {node: seed * one for node, one in swept(nodes[-1]).items()}


def magnitudes(root: Value) -> dict[Value, float]:
    """Every node's gradient with all terms taken positive: what its rounding error is relative to."""
    sizes = topological_order(root)
    sizes[root] = 1.0
    for node, upstream in reversed(sizes.items()):
        for operand, local in zip(node.args, node.local_gradients, strict=True):
            sizes[operand] += abs(local) * upstream
    return sizes


@given(programs(), seeds)
def test_twice_is_exactly_doubled(program: Program, seed: float) -> None:
    """A second sweep adds the same gradient again to every node, to the last bit."""
    _, nodes = recorded(program)
    nodes[-1].backward(seed)
    once = [node.grad for node in nodes]
    nodes[-1].backward(seed)
    assert [node.grad for node in nodes] == [2 * grad for grad in once]


def test_a_sweep_over_old_gradients_is_seen() -> None:
    """Negative control: micrograd's second sweep starts from the gradients of the first, and more than doubles them."""
    a = micrograd.engine.Value(3.0)
    b = a * a
    c = b + b
    c.backward()
    once = a.grad
    c.backward()
    assert a.grad > 2 * once


@given(programs(), seeds, seeds)
def test_gradients_of_sums_add(program: Program, a: float, b: float) -> None:
    """Sweeps from two roots add the same gradients as one sweep from their weighted sum."""
    leaves, nodes = recorded(program)
    left, right = nodes[-1], nodes[len(nodes) // 2]
    left.backward(a)
    right.backward(b)
    apart = [leaf.grad for leaf in leaves]
    total, sizes = left * a + right * b, magnitudes(left * abs(a) + right * abs(b))
    together = swept(total)
    for leaf, grad in zip(leaves, apart, strict=True):
        assert abs(grad - together.get(leaf, 0.0)) <= 1e-13 * sizes.get(leaf, 0.0)


@given(programs(max_instructions=6))
def test_a_graph_is_its_tree(program: Program) -> None:
    """A leaf's gradient is the sum over its copies in the tree that shares no nodes."""
    _, nodes = recorded(program)
    copies: list[tuple[Value, Value]] = []

    def tree(node: Value) -> Value:
        if node.op is None:
            copies.append((node, Value(node.data)))
            return copies[-1][1]
        return Value.apply_primitive(node.op, tuple(tree(operand) for operand in node.args))

    unshared = tree(nodes[-1])
    assert unshared.data == nodes[-1].data
    unshared.backward()
    gradients, sizes = swept(nodes[-1]), magnitudes(nodes[-1])
    for leaf in {leaf for leaf, _ in copies if not isinstance(leaf, Constant)}:
        over_copies = sum(copy.grad for of, copy in copies if of is leaf)
        assert abs(over_copies - gradients[leaf]) <= 1e-13 * sizes[leaf]


@given(programs(), st.lists(plain_numbers, min_size=1))
def test_data_changed_after_the_forward_pass_changes_no_gradient(program: Program, changes: list[float]) -> None:
    """A sweep differentiates what was computed, even if the data has changed since."""
    _, nodes = recorded(program)
    _, changed = recorded(program)
    for i, node in enumerate(changed):
        node.data = changes[i % len(changes)]
    for some in (nodes, changed):
        some[-1].backward()
    assert hexadecimal(changed) == hexadecimal(nodes)


# ---------------------------------------------------------------- in what order


def faults(root: Value, order: list[Value]) -> Iterator[str]:
    """What is wrong with an order for a sweep."""
    places = {node: place for place, node in enumerate(order)}
    if len(places) != len(order):
        yield "a node comes twice"
    if order[-1] is not root:
        yield "the root does not come last"
    for node in order:
        if any(places.get(operand, len(order)) >= places[node] for operand in node.args):
            yield "a node comes before one of its operands"
    if reachable(root) != set(order):
        yield "other nodes than those of the graph"


def reachable(root: Value) -> set[Value]:
    nodes, pending = set(), [root]
    while pending:
        node = pending.pop()
        if node not in nodes:
            nodes.add(node)
            pending.extend(node.args)
    return nodes


@given(programs())
def test_each_node_comes_once_after_its_operands(program: Program) -> None:
    """The topological order has every node of the graph once, after all of its operands."""
    _, nodes = recorded(program)
    for root in nodes:
        assert list(faults(root, list(topological_order(root)))) == []


def test_a_wrong_order_is_seen() -> None:
    """Negative control: a node too early, twice, missing or of another graph is a fault."""
    a = Value(1.0)
    b = a + a
    c = b * a
    assert list(faults(c, [a, b, c])) == []
    for order in ([b, a, c], [a, a, b, c], [b, c], [a, b, Value(1.0), c], [a, c, b]):
        assert list(faults(c, order)) != []


def test_several_roots_have_one_order() -> None:
    """The order of several roots holds the graphs of all of them, each node once."""
    a = Value(1.0)
    b, c = -a, a * a
    assert list(topological_order(b, c, a, b)) == [a, b, c]


def test_what_no_gradient_reaches_is_left_out() -> None:
    """With `reached` the order leaves out nodes that only operations that block gradients lead to."""
    a, b = Value(1.0), Value(2.0)
    hidden = a.exp()
    held = hidden.stop_gradient()
    compared = greater(b, a)
    result = held * b + compared
    product = result.args[0]
    assert list(topological_order(result)) == [a, hidden, held, b, product, compared, result]
    assert list(topological_order(result, reached=True)) == [held, b, product, compared, result]


# ---------------------------------------------------------------- observed


@given(programs(), seeds)
def test_an_observed_sweep_is_the_same_sweep(program: Program, seed: float) -> None:
    """An observer changes no bit, and receives each contribution: before + local × upstream is after."""
    _, nodes = recorded(program)
    root = nodes[-1]
    totals = dict.fromkeys(topological_order(root, reached=True), 0.0)
    totals[root] = seed
    told: list[tuple[Value, int]] = []

    def observe(node: Value, index: int, local: float, upstream: float, before: float, after: float) -> None:
        operand = node.args[index]
        assert local == node.local_gradients[index]
        assert upstream == totals[node]
        assert before == totals[operand]
        assert after == before + local * upstream
        totals[operand] = after
        told.append((node, index))

    gradients = observed_sweep({root: seed}, observe)
    variables = [node for node in gradients if not isinstance(node, Constant)]
    totals_of_the_sweep = swept(root, seed)
    assert list(totals_of_the_sweep) == list(gradients)
    assert [gradients[node].hex() for node in variables] == [totals_of_the_sweep[node].hex() for node in variables]
    assert gradients == totals
    assert told == [(node, i) for node in reversed(gradients) for i in range(len(node.args))]


# ---------------------------------------------------------------- the same bits


def print_every_gradient() -> None:
    """A network's gradients and weights over three steps of training, to the last bit."""
    model = scalargrad.nn.MLP(3, [5, 4, 2], activation="tanh", rng=7)
    optimizer = Adam(model.parameters(), rate=0.05)
    for step in range(3):
        rows = [[0.1 * step + 0.3 * i, -0.2 * i, 0.5] for i in range(4)]
        loss = sum((scalargrad.cross_entropy(model(row), i % 2) for i, row in enumerate(rows)), Value(0.0))
        optimizer.zero_grad()
        loss.backward()
        again = scalargrad.grad(loss, model.parameters())
        curvature = scalargrad.grad(sum((slope * slope for slope in again), Value(0.0)), model.parameters())
        optimizer.step()
        for node in [*topological_order(loss)]:
            print(node.grad.hex())
        for parameter, slope, bend in zip(model.parameters(), again, curvature, strict=True):
            print(parameter.data.hex(), slope.data.hex(), bend.data.hex())


def printed_under(hash_seed: str, program: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command, root = [sys.executable, "-c", program], Path(__file__).parents[2]
    finished = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    return finished.stdout


def test_gradients_are_the_same_under_every_hash_seed() -> None:
    """The same program prints the same bits, whatever the seed of Python's hashes, and from run to run."""
    program = "from tests.engine.test_graph import print_every_gradient as p; p()"
    printed = [printed_under(hash_seed, program) for hash_seed in ("0", "1", "4242", "random", "random")]
    assert printed[0].count("0x1.") > 500
    assert len(set(printed)) == 1


def test_a_dependence_on_hashes_is_seen() -> None:
    """Negative control: the order of a set differs under these hash seeds."""
    program = "print(list({str(i) for i in range(100)}))"
    assert len({printed_under(hash_seed, program) for hash_seed in ("0", "1", "4242")}) == 3
