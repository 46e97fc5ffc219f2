"""The sweep with its sums in the nodes gives the gradients of `graph.py`, interrupted or beside another sweep too."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Lock
from types import FrameType
from typing import Any

import pytest
from hypothesis import given

from scalargrad import Constant, Value, greater
from scalargrad.engine import backward, declaration, graph
from scalargrad.engine.declaration import declare
from scalargrad.engine.graph import sweep, topological_order
from tests.engine.test_graph import recorded, seeds
from tests.oracle import Program, programs


@given(programs(), seeds)
def test_backward_deposits_the_sweep(program: Program, seed: float) -> None:
    """What `backward` adds to each variable that a gradient reaches is what the sweep returns, to the last bit."""
    _, nodes = recorded(program)
    gradients = sweep({nodes[-1]: seed})
    nodes[-1].backward(seed)
    for node in topological_order(nodes[-1]):
        reached = node in gradients and not isinstance(node, Constant)
        assert node._grad == (gradients[node] if reached else None)
        assert node._sum is None


# ---------------------------------------------------------------- interrupted, and two at once


class Interruption(Exception):
    """Stands for Ctrl-C."""


def interrupt() -> None:
    raise Interruption


class AtInstruction:
    """A trace function that acts once: at the first allowed place from the n-th instruction of a sweep on."""

    def __init__(self, count: int, act: Callable[[], object], where: tuple[str, ...]) -> None:
        self.left, self.act, self.where = count, act, where
        self.last, self.has_acted = "", False

    def __call__(self, frame: FrameType, event: str, _argument: object) -> AtInstruction | None:
        code = frame.f_code
        if code.co_filename not in (graph.__file__, backward.__file__) or code.co_name == "<genexpr>":
            return None  # Python ignores an exception in a generator that it closes
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.left -= 1
            if self.left <= 0 and not self.has_acted and self.last.startswith(self.where):
                self.has_acted = True
                self.act()
            self.last = dis.opname[code.co_code[frame.f_lasti]]
        return self


ANYWHERE = ("",)
BETWEEN_THREADS = ("CALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME")  # after these Python may switch threads


def swept_with(root: Value, act: Callable[[], object], instruction: int, where: tuple[str, ...]) -> bool:
    """Sweep, and act in the middle; return whether the sweep has so many instructions."""
    before, tracer = sys.gettrace(), AtInstruction(instruction, act, where)
    sys._getframe().f_trace_opcodes = True  # before settrace, or Python 3.12 traces no instructions
    sys.settrace(tracer)
    try:
        root.backward()
    except Interruption:
        pass
    finally:
        sys.settrace(before)
    return tracer.has_acted


def two_results() -> tuple[Value, Value, list[Value]]:
    """A result, another one that it was computed from, and all nodes; every gradient is a whole number."""
    x, y = Value(3.0), Value(-2.0)
    shared = x * y
    three = declare(lambda *xs: sum(xs), name="sum_of_three", partials=[lambda out, *xs: 1.0] * 3)
    other = shared * shared + greater(x, y) + y
    one = three(shared, x, y.relu()) * x + 2 * other
    nodes = list(topological_order(one, other))
    return one, other, nodes


@pytest.fixture
def own_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Free the sums that a test leaves taken, and remove what it declares."""
    monkeypatch.setattr(backward, "_sums_are_free", Lock())
    monkeypatch.setattr(declaration, "_registry", dict(declaration._registry))


def interrupted_everywhere() -> int:
    """Interrupt sweeps at each of their instructions; return how many there are."""
    for instruction in count(1):
        one, _, nodes = two_results()
        wanted = [sweep({one: 1.0}).get(node, 0.0) for node in nodes]
        backward._sums_are_free = Lock()
        if not swept_with(one, interrupt, instruction, ANYWHERE):
            return instruction
        for node, gradient in zip(nodes, wanted, strict=True):
            assert node._grad is None or isinstance(node, Constant) or node._grad == gradient
            node.zero_grad()
        one.backward()
        for node, gradient in zip(nodes, wanted, strict=True):
            assert isinstance(node, Constant) or node.grad == gradient
    raise AssertionError


@pytest.mark.usefixtures("own_sums")
def test_a_sweep_may_be_interrupted_anywhere() -> None:
    """Interrupted at any instruction, a sweep leaves each gradient complete or as before, and the next is exact."""
    assert interrupted_everywhere() > 300


@pytest.mark.usefixtures("own_sums")
def test_a_sum_that_an_interruption_leaves_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where the nodes to reset are not known, the next sweep is wrong."""
    begin = backward._begin_sums

    def told_at_the_end(root: Value, order: list[Value]) -> None:
        nodes: list[Any] = []
        begin(root, nodes)
        order.extend(nodes)

    monkeypatch.setattr(backward, "_begin_sums", told_at_the_end)
    with pytest.raises(AssertionError):
        interrupted_everywhere()


def in_a_thread(act: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(act).result()


def one_within_another(run: Callable[[Callable[[], None]], None]) -> None:
    """Run a second sweep at each instruction of a first one."""
    for instruction in count(1):
        one, other, nodes = two_results()
        wanted = [sweep({one: 1.0}).get(node, 0.0) + sweep({other: 1.0}).get(node, 0.0) for node in nodes]
        start = other.backward
        if not swept_with(one, lambda: run(start), instruction, BETWEEN_THREADS):  # noqa: B023  # called at once
            return
        for node, gradient in zip(nodes, wanted, strict=True):
            assert node._sum is None
            assert isinstance(node, Constant) or node.grad == gradient


@pytest.mark.usefixtures("own_sums")
@pytest.mark.parametrize("run", [lambda act: act(), in_a_thread], ids=["signal", "thread"])
def test_two_sweeps_may_share_nodes(run: Callable[[Callable[[], None]], None]) -> None:
    """A sweep that begins in the middle of another one, in a thread or a signal handler: both are exact."""
    one_within_another(run)


class AlwaysFree:
    """A lock that is always free."""

    def acquire(self, blocking: bool) -> bool:
        return not blocking

    def release(self) -> None:
        pass


@pytest.mark.usefixtures("own_sums")
def test_sums_that_two_sweeps_use_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: two sweeps that use the same sums are wrong."""
    monkeypatch.setattr(backward, "_sums_are_free", AlwaysFree())
    with pytest.raises((AssertionError, TypeError)):
        one_within_another(lambda act: act())


def test_an_error_in_a_sweep_is_passed_on() -> None:
    """A sweep that fails in the middle passes the error on and leaves the sums free; one within it is exact."""

    class Acting(float):
        def __mul__(self, other: float) -> float:
            act()
            return float(self) * other

    x = Value(3.0)
    shared = x * x
    result = shared + 1
    result._dx = Acting(1.0)
    act: Callable[[], object] = interrupt
    with pytest.raises(Interruption):
        result.backward()
    assert (x.swept, shared.swept, result._sum, shared._sum) == (False, False, None, None)
    act = shared.backward
    result.backward()
    assert x.grad == 12.0
