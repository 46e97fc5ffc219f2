"""Every way to a derivative gives the same number at every float: 0, ±inf, nan, the smallest and the largest.

`backward`, `grad`, `jvp`, the steps and lifted programs are run on random programs of all operations. One law
explains them all: a local gradient is multiplied by the rules of IEEE 754, so 0 × inf is nan, and operations
that block gradients pass none. `BLOCKING` lists those, without looking at what they declare.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad import Constant, Value, grad, jvp, lift, steps
from scalargrad.engine import derivatives
from scalargrad.engine import value as value_module
from scalargrad.engine.graph import topological_order
from scalargrad.engine.primitives import BUILT_IN
from tests.oracle import Program, run

inf, nan = math.inf, math.nan

BLOCKING = {"greater", "stop_gradient"}
FUNCTIONS = {primitive.name: primitive for primitive in BUILT_IN if not primitive.name.startswith("_")}
# What numpy and `math` compute to the same bits, or nearly: another last bit can be the end of a domain.
ALIKE = ["add", "subtract", "multiply", "divide", "negative", "abs", "maximum", "minimum", "relu", "sqrt"]
ALIKE += ["greater", "stop_gradient", "exp", "log", "atan", "tanh"]

moderate = st.sampled_from((0.0, -0.0, inf, -inf, nan, 1.0, -1.0, 2.0)) | st.floats(-4, 4).filter(
    lambda x: x == 0 or abs(x) > 1e-6
)
special = st.sampled_from((0.0, -0.0, inf, -inf, nan, 5e-324, -1e-310, 1e300, -1e300, 1e-300, 1.0, -1.0, 2.0))
any_float = special | st.floats(-4, 4) | st.floats()


@st.composite
def wild_programs(
    draw: st.DrawFn, names: Iterable[str] = tuple(FUNCTIONS), numbers: Any = any_float, plain: Any = any_float
) -> Program:
    """Programs of any operations at any floats, with shared nodes and plain numbers."""
    leaves = tuple(draw(st.lists(numbers, min_size=1, max_size=3)))
    count, instructions = len(leaves), []
    for _ in range(draw(st.integers(1, 8))):
        name = draw(st.sampled_from(tuple(names)))
        places = st.integers(0, count - 1)
        operands = [draw(places), *[draw(places | plain) for _ in range(FUNCTIONS[name].arity - 1)]]
        instructions.append((name, tuple(draw(st.permutations(operands)))))
        count += 1
    return Program(leaves, tuple(instructions))


def recorded(program: Program) -> tuple[list[Value], Value]:
    """A program's leaves and result."""
    leaves = [Value(x) for x in program.leaves]
    return leaves, run(program, leaves, FUNCTIONS)[-1]


def same(x: float, y: float) -> bool:
    """Whether two numbers are the same; zeros are, and so are nans."""
    return x == y or (x != x and y != y)


def order(root: Value) -> list[Value]:
    """Every node, operands first."""
    nodes: dict[Value, None] = {}

    def visit(node: Value) -> None:
        for operand in node.args:
            visit(operand)
        nodes[node] = None

    visit(root)
    return list(nodes)


def forwards(root: Value, leaf: Value) -> tuple[float, float]:
    """The derivative, forwards from the numbers of the rules, and the sum of the sizes of its terms."""
    known = {leaf: (1.0, 1.0)}
    for node in order(root):
        if node.op is None or node.op.name in BLOCKING:
            continue
        terms = [
            (local * known[operand][0], abs(local) * known[operand][1])
            for operand, local in zip(node.args, node.local_gradients, strict=True)
            if operand in known
        ]
        if terms:
            total, size = terms[0]
            for term, magnitude in terms[1:]:
                total, size = total + term, size + magnitude
            known[node] = total, size
    return known.get(root, (0.0, 0.0))


def is_moderate(x: float) -> bool:
    return x == 0 or not math.isfinite(x) or 1e-60 < abs(x) < 1e60


def all_moderate(root: Value, leaf: Value) -> bool:
    """Whether no product of local gradients, in any order, underflows to 0 or overflows to inf."""
    nodes = order(root)
    along = [local for node in nodes for local in node.local_gradients]
    size = math.prod(max(1.0, abs(x), 1 / abs(x)) for x in along if x and math.isfinite(x))
    return is_moderate(size) and is_moderate(forwards(root, leaf)[1])


# ---------------------------------------------------------------- one law for each way


@given(wild_programs())
@example(Program((2.0,), (("stop_gradient", (0,)), ("multiply", (1, inf)), ("add", (2, 0)))))
@example(Program((0.0,), (("stop_gradient", (0,)), ("log", (1,)), ("multiply", (2, 2.0)), ("add", (3, 0)))))
@example(Program((0.0,), (("log", (0,)), ("stop_gradient", (1,)), ("add", (2, 0)))))
@example(Program((inf,), (("greater", (0, 0.0)), ("multiply", (1, 0)))))
@example(Program((2.0, 0.0), (("multiply", (0, 1)), ("multiply", (2, inf)))))
def test_grad_is_backward(program: Program) -> None:
    """`grad` gives the numbers of `backward`: the same floats, infinite ones and nan included."""
    leaves, root = recorded(program)
    root.backward()
    for leaf, slope in zip(leaves, grad(root, leaves), strict=True):
        assert same(leaf.grad, slope.data)


@given(wild_programs())
@example(Program((2.0,), (("stop_gradient", (0,)), ("multiply", (1, inf)), ("add", (2, 0)))))
@example(Program((0.0,), (("log", (0,)), ("stop_gradient", (1,)), ("add", (2, 0)))))
def test_steps_are_backward(program: Program) -> None:
    """The steps end at the gradients of `backward`, and reach the same nodes."""
    _, root = recorded(program)
    walk = steps(root)
    root.backward()
    totals = walk.last().totals()
    assert {node: repr(total) for node, total in totals.items()} == {
        node: repr(node.grad) for node in walk.order if node.swept
    }
    for step in walk:
        assert same(step.after, step.before + step.product)
        assert step.operation not in BLOCKING


@given(wild_programs())
@example(Program((2.0,), (("stop_gradient", (0,)), ("multiply", (1, inf)), ("add", (2, 0)))))
@example(Program((0.0,), (("log", (0,)), ("stop_gradient", (1,)), ("add", (2, 0)))))
def test_jvp_is_the_product_of_the_rules(program: Program) -> None:
    """`jvp` is the product of the local gradients, in the order in which the program ran."""
    leaves, root = recorded(program)
    for leaf in leaves:
        assert same(jvp(root, leaf, 1.0).data, forwards(root, leaf)[0])


@given(wild_programs(numbers=moderate, plain=moderate))
def test_forwards_is_backwards(program: Program) -> None:
    """`jvp` is finite where `backward` is, and then gives the same to rounding, unless a product over- or underflows.

    Where it is not finite, the two may differ: inf × (2 - 1) is inf, and inf × 2 - inf × 1 is nan.
    """
    leaves, root = recorded(program)
    root.backward()
    for leaf in leaves:
        if all_moderate(root, leaf):
            forward, (_, size) = jvp(root, leaf, 1.0).data, forwards(root, leaf)
            assert math.isfinite(forward) == math.isfinite(leaf.grad)
            assert not math.isfinite(forward) or abs(forward - leaf.grad) <= 1e-12 * size


def differences(program: Program, target: str) -> Iterator[str]:
    """Where a lifted program is finite and the eager engine is not, or the other way round, or both differ."""
    leaves, root = recorded(program)
    root.backward()
    lifted: Any = lift(lambda: run(program, leaves, FUNCTIONS)[-1], leaves, target=target, check=False)
    value, gradient = lifted.value_and_grad()
    for what, number, wanted in [
        ("value", float(value), root.data),
        *[(f"∂{i}", float(x), leaf.grad) for i, (x, leaf) in enumerate(zip(gradient, leaves, strict=True))],
    ]:
        size = abs(wanted) + (forwards(root, leaves[int(what[1:])])[1] if what != "value" else 1.0)
        finite = math.isfinite(number), math.isfinite(wanted)
        if not (finite == (False, False) or (finite == (True, True) and abs(number - wanted) <= 1e-9 * size)):
            yield f"{what}: {number}, {wanted}"


@pytest.mark.parametrize("target", ["numpy", "python"])
@given(program=wild_programs(ALIKE, moderate, moderate.filter(bool)))
@example(program=Program((-inf,), (("maximum", (0, -inf)),)))
@example(program=Program((2.0,), (("stop_gradient", (0,)), ("multiply", (1, inf)), ("add", (2, 0)))))
@example(program=Program((0.0,), (("stop_gradient", (0,)), ("log", (1,)), ("multiply", (2, 2.0)), ("add", (3, 0)))))
@example(program=Program((0.0,), (("log", (0,)), ("stop_gradient", (1,)), ("add", (2, 0)))))
@example(program=Program((inf,), (("greater", (0, 0.0)), ("multiply", (1, 0)))))
def test_lifted_is_eager(program: Program, target: str) -> None:
    """A lifted program's value and gradient are finite where the engine's are, and then the same to rounding.

    It takes x + 0 for x, which is another 0 for -0.0: no plain number is 0 here.
    """
    leaves, root = recorded(program)
    if all(all_moderate(root, leaf) for leaf in leaves) and all(is_moderate(node.data) for node in order(root)):
        assert list(differences(program, target)) == []


# ---------------------------------------------------------------- and what breaks them


def multiplying_by_zero(root: Value, gradient: float) -> None:
    """A sweep that multiplies by a local gradient of 0 where an operation blocks gradients."""
    totals = topological_order(root) | {root: gradient}
    for node, upstream in reversed(totals.items()):
        for operand, local in zip(node.args, node.local_gradients, strict=True):
            totals[operand] += local * upstream
        if not isinstance(node, Constant):
            node.grad += totals[node]


def forgetting_zeros(totals: Any, to: Value, local: Any, gradient: Any) -> None:
    """A `grad` that skips local gradients of 0."""
    if isinstance(local, float) and local == 0.0:
        return
    totals[to] = totals[to] + local * gradient if to in totals else local * gradient


def law_of(test: Callable[..., None]) -> Callable[..., None]:
    inner: Callable[..., None] = test.hypothesis.inner_test  # type: ignore[attr-defined]
    return inner


BLOCKED = Program((2.0,), (("stop_gradient", (0,)), ("multiply", (1, inf)), ("add", (2, 0))))
ZERO = Program((2.0, 0.0), (("multiply", (0, 0.0)), ("multiply", (2, inf)), ("add", (3, 1))))


def test_a_sweep_that_multiplies_what_is_blocked_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a sweep that passes 0 × inf through an operation that blocks gradients is not `grad`."""
    law_of(test_grad_is_backward)(BLOCKED)
    monkeypatch.setattr(value_module, "deposit", multiplying_by_zero)
    with pytest.raises(AssertionError):
        law_of(test_grad_is_backward)(BLOCKED)
    with pytest.raises(AssertionError):
        law_of(test_steps_are_backward)(BLOCKED)


def test_a_grad_that_forgets_zeros_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a `grad` or `jvp` that skips 0 × inf differs from `backward`, and from the rules."""
    for law in (test_grad_is_backward, test_jvp_is_the_product_of_the_rules):
        law_of(law)(ZERO)
    monkeypatch.setattr(derivatives, "_hand_on", forgetting_zeros)
    for law in (test_grad_is_backward, test_jvp_is_the_product_of_the_rules):
        with pytest.raises(AssertionError):
            law_of(law)(ZERO)


@pytest.mark.parametrize("target", ["numpy", "python"])
def test_a_lifted_program_that_multiplies_what_is_blocked_is_seen(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a lifted program that passes 0 × inf differs from the engine."""
    from scalargrad.lifting.arrays import differentiate

    law_of(test_lifted_is_eager)(BLOCKED, target)
    monkeypatch.setattr(differentiate, "blocks", lambda array: False)
    with pytest.raises(AssertionError):
        law_of(test_lifted_is_eager)(BLOCKED, target)


def test_the_programs_are_wild() -> None:
    """The laws meet gradients of every kind: finite ones and 0, inf, nan, and leaves that none reaches."""
    kinds: set[str | bool] = set()

    @given(wild_programs())
    def collect(program: Program) -> None:
        leaves, root = recorded(program)
        root.backward()
        kinds.update(str(leaf.grad) if not math.isfinite(leaf.grad) else leaf.grad != 0 for leaf in leaves)
        kinds.update("unreached" for leaf in leaves if leaf in order(root) and not leaf.swept)

    collect()
    assert kinds >= {"inf", "nan", "unreached", True, False}
