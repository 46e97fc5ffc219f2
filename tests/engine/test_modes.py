"""`no_grad` records nothing, `trap` raises where a nan or inf is made, and both apply only where they were entered."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import math
import pickle
import sys
import threading
import types
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from math import inf, nan
from typing import Any, TypeVar

import pytest
from hypothesis import given

import scalargrad
from scalargrad import NonFinite, Value, grad, hypot, jvp, log, logsumexp, nn, no_grad, softmax, trap
from scalargrad.engine import modes
from scalargrad.engine.graph import topological_order
from tests.oracle import Program, programs, run


def here() -> str:
    """The line of the caller."""
    return f"{__file__}:{sys._getframe(1).f_lineno}"


def is_recorded(value: Value) -> bool:
    return value.args != ()


# ---------------------------------------------------------------- no_grad


@given(programs())
def test_no_grad_computes_the_same_and_records_nothing(program: Program) -> None:
    """Under `no_grad` every result has the same bits, and is a leaf."""
    leaves = [Value(x) for x in program.leaves]
    recorded = run(program, leaves, vars(scalargrad))
    with no_grad():
        unrecorded = run(program, leaves, vars(scalargrad))
    assert [node.data.hex() for node in unrecorded] == [node.data.hex() for node in recorded]
    results = unrecorded[len(leaves) :]
    assert all((type(node), node.op, node.args, node.local_gradients) == (Value, None, (), ()) for node in results)
    assert all(map(is_recorded, recorded[len(leaves) :]))
    results[-1].backward()
    assert not any(leaf.swept for leaf in leaves)


def test_no_grad_lets_an_older_graph_be_swept() -> None:
    """A graph from before can be differentiated inside; a gradient computed there is a leaf."""
    x = Value(3.0)
    y = x * x
    with no_grad():
        y.backward()
        slope = grad(y, x)
    assert (x.grad, slope.data, is_recorded(slope)) == (6.0, 6.0, False)


def test_no_grad_as_a_decorator() -> None:
    """A decorated function records nothing, calls itself, keeps its name, and leaves its caller recording."""

    @no_grad()
    def factorial(x: Value) -> Value:
        """Return x!."""
        return x * factorial(x - 1) if x > 1 else x

    x = Value(4.0)
    product = factorial(x)
    assert (product.data, is_recorded(product)) == (24.0, False)
    assert (factorial.__name__, factorial.__doc__) == ("factorial", "Return x!.")
    assert is_recorded(x * x)


def test_no_grad_nests() -> None:
    """Only the end of the outermost block switches recording on again."""
    x = Value(1.0)
    with no_grad():
        with no_grad():
            assert not is_recorded(x + x)
        assert not is_recorded(x + x)
    assert is_recorded(x + x)


@pytest.mark.parametrize("mode", [no_grad, trap])
def test_an_exception_leaves_the_mode(mode: Callable[[], AbstractContextManager[None]]) -> None:
    """However a block ends, its mode ends with it."""
    with pytest.raises(KeyboardInterrupt), mode():
        raise KeyboardInterrupt
    assert (modes.active, modes.recording(), modes.trapping()) == (0, True, False)
    assert is_recorded(Value(0.0).log())


# ---------------------------------------------------------------- whose mode it is


def test_another_thread_is_in_no_mode() -> None:
    """A mode entered in one thread does not reach another, which records and may make an inf."""

    def elsewhere() -> Value:
        return Value(0.0).log()

    with ThreadPoolExecutor(1) as pool, no_grad(), trap():
        there = pool.submit(elsewhere).result()
    assert (there.data, is_recorded(there)) == (-inf, True)


def test_a_thread_of_its_own_mode() -> None:
    """A mode entered in another thread does not reach this one, and outlives this one's mode."""

    def elsewhere() -> bool:
        return is_recorded(Value(1.0).log())

    with ThreadPoolExecutor(1) as pool:
        mode = no_grad()
        pool.submit(mode.__enter__).result()
        assert is_recorded(Value(1.0).log())
        with no_grad():
            assert not is_recorded(Value(1.0).log())
        assert not pool.submit(elsewhere).result()
        pool.submit(mode.__exit__, None, None, None).result()
        assert pool.submit(elsewhere).result()


def test_tasks_have_modes_of_their_own() -> None:
    """Of two tasks that take turns in one thread, only the one inside the block is in the mode."""

    async def inside(entered: asyncio.Event, leave: asyncio.Event) -> bool:
        with no_grad():
            entered.set()
            await leave.wait()
            return is_recorded(Value(1.0).log())

    async def outside(entered: asyncio.Event, leave: asyncio.Event) -> bool:
        await entered.wait()
        recorded = is_recorded(Value(1.0).log())
        leave.set()
        return recorded

    async def both() -> tuple[bool, bool]:
        entered, leave = asyncio.Event(), asyncio.Event()
        inner, outer = await asyncio.gather(inside(entered, leave), outside(entered, leave))
        return inner, outer

    assert asyncio.run(both()) == (False, True)


# ---------------------------------------------------------------- decorators, and leaving elsewhere

MODES = pytest.mark.parametrize("mode", [no_grad, trap])


Function = TypeVar("Function", bound=Callable[..., Any])


def around(mode: Any) -> Callable[[Function], Function]:
    """The mode as a decorator that keeps the type of what it decorates."""
    decorator: Callable[[Function], Function] = mode
    return decorator


def hidden(function: Callable[[], Any]) -> Callable[[], Any]:
    """A function that returns what another one returns, and does not show what that is."""
    return lambda: function()  # noqa: PLW0108  # the point of it


def is_on(mode: object) -> bool:
    """Whether this code runs in the mode."""
    return not modes.recording() if mode is no_grad else modes.trapping()


@MODES
@pytest.mark.parametrize("with_brackets", [True, False])
def test_each_kind_of_function_can_be_decorated(mode: Any, with_brackets: bool) -> None:
    """Functions, generators, coroutines and asynchronous generators run in the mode, with or without brackets."""

    @around(mode() if with_brackets else mode)
    def function(x: int) -> tuple[int, bool]:
        return x, is_on(mode)

    @around(mode() if with_brackets else mode)
    def generator(x: int) -> Iterator[tuple[int, bool]]:
        yield x, is_on(mode)
        yield x + 1, is_on(mode)

    @around(mode() if with_brackets else mode)
    async def coroutine(x: int) -> tuple[int, bool]:
        await asyncio.sleep(0)
        return x, is_on(mode)

    @around(mode() if with_brackets else mode)
    async def asynchronous(x: int) -> AsyncIterator[tuple[int, bool]]:
        yield x, is_on(mode)
        await asyncio.sleep(0)
        yield x + 1, is_on(mode)

    async def collected() -> list[tuple[int, bool]]:
        return [item async for item in asynchronous(3)]

    assert function(3) == (3, True)
    assert list(generator(3)) == [(3, True), (4, True)]
    assert asyncio.run(coroutine(3)) == (3, True)
    assert asyncio.run(collected()) == [(3, True), (4, True)]
    for decorated in (function, generator, coroutine, asynchronous):
        assert hasattr(decorated, "__wrapped__")
    assert not is_on(mode)
    assert (function.__name__, modes.active) == ("function", 0)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.iscoroutinefunction(coroutine)


@MODES
def test_a_generator_that_waits_is_out_of_the_mode(mode: Any) -> None:
    """Between two steps of a decorated generator its caller is in no mode; what is sent and thrown reaches it."""

    @around(mode)
    def generator() -> Generator[object, str, str]:
        got = yield is_on(mode)
        try:
            yield got
        except KeyError as error:
            yield error.args[0], is_on(mode)
        return "the end"

    steps = generator()
    answers: list[object] = [next(steps), is_on(mode), steps.send("sent"), is_on(mode)]
    answers += [steps.throw(KeyError("thrown")), is_on(mode)]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert answers == [True, False, "sent", False, ("thrown", True), False]
    assert (end.value.value, modes.active) == ("the end", 0)


@MODES
def test_a_closed_generator_is_closed_in_the_mode(mode: Any) -> None:
    """Closing a decorated generator, or an asynchronous one, runs its clean-up in the mode and ends it."""
    closed: list[bool] = []

    @around(mode)
    def generator() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            closed.append(is_on(mode))

    @around(mode)
    async def asynchronous() -> AsyncGenerator[int, None]:
        try:
            yield 1
        except KeyError:
            yield 2
        finally:
            closed.append(is_on(mode))

    async def use() -> int:
        steps = asynchronous()
        await anext(steps)
        second: int = await steps.athrow(KeyError())
        await steps.aclose()
        return second

    steps = generator()
    next(steps)
    steps.close()
    assert asyncio.run(use()) == 2
    assert (closed, modes.active, is_on(mode)) == ([True, True], 0, False)


@MODES
def test_a_coroutine_that_waits_is_out_of_the_mode(mode: Any) -> None:
    """While a decorated coroutine waits, other code of the same task and thread is in no mode."""

    @around(mode)
    async def coroutine() -> list[bool]:
        before = is_on(mode)
        await Waiting()
        return [before, is_on(mode)]

    class Waiting:
        def __await__(self) -> Generator[None, None, None]:
            yield

    steps = coroutine()
    steps.send(None)
    assert not is_on(mode)
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert (end.value.value, modes.active) == ([True, True], 0)


@pytest.mark.parametrize("given", [int, Value, True, 3.0, "x"])
@MODES
def test_only_functions_are_decorated(mode: Any, given: object) -> None:
    """A class, or an object that cannot be called, is an error that names it."""
    with pytest.raises(TypeError, match=r"a mode decorates a function or a method, got "):
        mode(given)
    with pytest.raises(TypeError, match=r"a mode decorates a function or a method, got "):
        mode()(given)


@MODES
def test_one_object_entered_twice(mode: Any) -> None:
    """One object may be entered again, inside itself or later, and each end ends one block."""
    again = mode()
    for _ in range(2):
        with again:
            with again:
                assert is_on(mode)
            assert is_on(mode)
        assert (is_on(mode), modes.active) == (False, 0)


def test_a_generator_ends_its_own_block_of_a_shared_object() -> None:
    """One object entered by a generator in another thread and by a block here: closing the generator ends its block."""
    shared, x = no_grad(), Value(1.0)

    def generator() -> Generator[None, None, None]:
        with shared:
            yield

    steps = generator()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(next, steps).result()
    with shared:
        steps.close()
        assert not is_recorded(x * x)
    assert is_recorded(x * x)
    assert modes.active == 0


@MODES
def test_a_function_that_returns_what_is_still_to_run(mode: Any) -> None:
    """A generator, coroutine or asynchronous generator that a decorated function returns runs in the mode too."""

    def generator() -> Iterator[bool]:
        yield is_on(mode)

    async def coroutine() -> bool:
        return is_on(mode)

    async def asynchronous() -> AsyncIterator[bool]:
        yield is_on(mode)

    @types.coroutine
    def old() -> Generator[None, None, bool]:
        yield
        return is_on(mode)

    async def collected() -> list[bool]:
        items = [item async for item in around(mode)(hidden(asynchronous))()]
        return [*items, await around(mode)(hidden(coroutine))(), await around(mode)(old)()]

    assert list(around(mode)(hidden(generator))()) == [True]
    assert asyncio.run(collected()) == [True, True, True]
    assert (is_on(mode), modes.active) == (False, 0)


def test_modes_end_in_any_order() -> None:
    """Of two modes that overlap, the first may end first; the other stays."""
    first, second = no_grad(), trap()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert (modes.recording(), modes.trapping(), modes.active) == (True, True, 1)
    second.__exit__(None, None, None)
    assert (modes.trapping(), modes.active) == (False, 0)


def in_a_block(mode: Any) -> Generator[int, None, None]:
    with mode():
        yield 1


@MODES
@pytest.mark.parametrize("elsewhere", ["a thread", "a context"])
def test_a_generator_closed_elsewhere_ends_its_mode(mode: Any, elsewhere: str) -> None:
    """A block whose generator is closed in another thread or context is over everywhere: nothing stays switched on."""
    steps = in_a_block(mode)
    next(steps)
    assert is_on(mode)
    if elsewhere == "a thread":
        with ThreadPoolExecutor(1) as pool:
            pool.submit(steps.close).result()
    else:
        contextvars.Context().run(steps.close)
    assert (is_on(mode), modes.active) == (False, 0)
    with trap() if mode is no_grad else no_grad():
        assert not is_on(mode)
    assert is_recorded(Value(0.0).log())


@MODES
def test_a_generator_begun_elsewhere_ends_its_mode(mode: Any) -> None:
    """A block whose generator was begun in a thread that is gone ends with the generator."""
    steps = in_a_block(mode)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(next, steps).result()
    assert not is_on(mode)
    assert modes.active == 1
    del steps
    gc.collect()
    assert modes.active == 0


def test_a_mode_lasts_until_its_block_ends() -> None:
    """A task that a block starts is in the block's mode until the block ends, and no longer."""

    async def later(before: asyncio.Event) -> list[bool]:
        first = is_recorded(Value(1.0).log())
        await before.wait()
        return [first, is_recorded(Value(1.0).log())]

    async def main() -> list[bool]:
        over = asyncio.Event()
        with no_grad():
            task = asyncio.create_task(later(over))
            await asyncio.sleep(0)
        over.set()
        return await task

    assert asyncio.run(main()) == [False, True]


def test_modes_entered_by_many_threads_are_counted_right() -> None:
    """The count returns to zero, however threads and the clean-up of forgotten generators interleave."""

    def work(seed: int) -> None:
        for i in range(200):
            steps = in_a_block(no_grad if (seed + i) % 2 else trap)
            next(steps)
            cycle: list[object] = [steps]
            cycle.append(cycle)
            if i % 20 == seed:
                gc.collect()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    gc.collect()
    assert modes.active == 0


# ---------------------------------------------------------------- trap, forward

FORWARD: list[tuple[Callable[[Value], Value], float, str]] = [
    (lambda x: x.log(), 0.0, "log"),
    (lambda x: x.log(), -1.0, "log"),
    (lambda x: x.sqrt(), -1.0, "sqrt"),
    (lambda x: x.exp(), 1000.0, "exp"),
    (lambda x: 1 / x, 0.0, "divide"),
    (lambda x: x / x, 0.0, "divide"),
    (lambda x: x**0.5, -2.0, "power"),
    (lambda x: 10.0**x, 400.0, "power"),
    (lambda x: x * x, 1e200, "multiply"),
    (lambda x: x + x, 1.5e308, "add"),
    (lambda x: log(x * 0.0) + x.exp(), 1000.0, "log"),
    (lambda x: x.stop_gradient().acosh(), 0.0, "acosh"),
]


@pytest.mark.parametrize(("f", "at", "operation"), FORWARD)
def test_trap_raises_at_the_first_operation(f: Callable[[Value], Value], at: float, operation: str) -> None:
    """The first operation that makes a nan or an inf from finite operands raises, but only under `trap`."""
    assert not math.isfinite(f(Value(at)).data)
    with trap(), pytest.raises(NonFinite) as raised:
        f(Value(at))
    assert raised.value.operation == operation
    assert raised.value.operands
    assert all(map(math.isfinite, raised.value.operands.values()))


def test_trap_names_operation_operands_labels_and_line() -> None:
    """The error names operation, operands, numbers and line; an operand without a label has its name in the rule."""
    x, y = Value(0.0, label="height"), Value(-2.0)
    with trap(), pytest.raises(NonFinite) as raised:
        x**y
    error, line = raised.value, f"{__file__}:{raised.tb.tb_lineno}"
    assert (error.operation, error.operands, error.line) == ("power", {"height": 0.0, "y": -2.0}, line)
    assert str(error) == f"height ** y is inf in the forward pass, where height = 0.0, y = -2.0; made at {line}"


def test_trap_tells_operands_of_one_name_apart() -> None:
    """The error shows the number of each operand, even where labels or the rule's names coincide."""
    for x, y in ((Value(0.0, label="y"), Value(-2.0)), (Value(0.0, label="a"), Value(-2.0, label="a"))):
        with trap(), pytest.raises(NonFinite) as raised:
            x**y
        assert list(raised.value.operands.values()) == [0.0, -2.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x - x) / (x - x),
        lambda x: softmax([x * 1e308 * 10])[0],
        lambda x: logsumexp([x.log() - x, (x - x).log()]),
        lambda x: nn.Neuron(1, activation=lambda z: (z - z).log())([x]),
    ],
)
def test_trap_names_the_users_line(f: Callable[[Value], Value]) -> None:
    """However deep inside the package the operation is, the line is the user's."""
    with trap(), pytest.raises(NonFinite) as raised:
        f(Value(1.0))
    assert raised.value.line == f"{__file__}:{f.__code__.co_firstlineno}"


@pytest.mark.parametrize("operand", [nan, inf, -inf])
def test_trap_lets_nan_and_inf_pass_on(operand: float) -> None:
    """A nan or an inf from before does not raise in the operations that it passes through."""
    x, y = Value(operand), Value(2.0)
    with trap():
        z = (x * y - x).exp() + y
        z.backward()
        y.backward(operand)
    assert is_recorded(z)


@given(programs())
def test_trap_changes_no_finite_result(program: Program) -> None:
    """Where all is finite, data and gradients under `trap` are those without it, to the last bit."""
    free = run(program, [Value(x) for x in program.leaves], vars(scalargrad))
    free[-1].backward()
    with trap():
        watched = run(program, [Value(x) for x in program.leaves], vars(scalargrad))
        watched[-1].backward()
        slope = grad(watched[-1], watched[0])
    assert [repr(node) for node in watched] == [repr(node) for node in free]
    assert slope.data == grad(free[-1], free[0]).data


# ---------------------------------------------------------------- trap, backward


def test_trap_names_the_node_in_the_backward_pass() -> None:
    """√x at 0 is finite, its slope is not: the sweep stops there, naming operand and line, with nothing deposited."""
    x, w = Value(0.0, label="x"), Value(3.0)
    with trap():
        line, root = here(), x.sqrt()
        f = root * w + w
        with pytest.raises(NonFinite) as raised:
            f.backward()
    error = raised.value
    assert (error.operation, error.operands, error.line) == ("sqrt", {"x": 0.0}, line)
    assert str(error).startswith(
        "sqrt(x) makes the gradient of x 0.0 + inf * 3.0 = inf in the backward pass, where x = 0.0"
    )
    assert [node for node in topological_order(f) if node.swept] == []


def test_trap_keeps_earlier_gradients() -> None:
    """A sweep that is trapped changes no gradient that was there before."""
    x = Value(0.0)
    (3 * x).backward()
    with trap(), pytest.raises(NonFinite):
        (x.sqrt() + x).backward()
    assert x.grad == 3.0


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: x.sqrt(), 0.0),
        (lambda x: x.cbrt(), 0.0),
        (lambda x: x.asin(), 1.0),
        (lambda x: x**0.5, 0.0),
        (lambda x: hypot(x, x), 0.0),
        (lambda x: (x * 1e200) * 1e200, 1e-200),
        (lambda x: x * 1e308 + x * 1e308, 0.0),
    ],
)
def test_trap_raises_wherever_a_sweep_leaves_the_finite(f: Callable[[Value], Value], at: float) -> None:
    """A local gradient, a product or a sum that is not finite is trapped; without `trap` nothing is raised."""
    x = Value(at)
    f(x).backward()
    assert not math.isfinite(x.grad)
    y = Value(at)
    with trap(), pytest.raises(NonFinite):
        f(y).backward()
    assert not y.swept


def test_trap_leaves_constants_out() -> None:
    """The exponent of x² has a slope that is nan for negative x; but it is a constant, and has no gradient."""
    x = Value(-3.0)
    with trap():
        (x**2).backward()
    assert x.grad == -6.0
    with trap(), pytest.raises(NonFinite):
        (x ** Value(2.0)).backward()


def test_trap_watches_graphs_made_before() -> None:
    """A sweep inside is trapped for a graph from outside, whose lines are not noted."""
    root = Value(0.0, label="x").sqrt()
    with trap(), pytest.raises(NonFinite, match=r"made at a line that trap did not see") as raised:
        root.backward()
    assert (raised.value.operation, raised.value.line, root.line) == ("sqrt", None, None)


@pytest.mark.parametrize("derivative", [grad, lambda f, x: jvp(f, x, 1.0)])
def test_trap_watches_derivatives_that_are_values(derivative: Callable[[Value, Value], Value]) -> None:
    """`grad` and `jvp` apply operations, which are trapped like all others."""
    x = Value(0.0)
    root = x.sqrt()
    assert derivative(root, x).data == inf
    with trap(), pytest.raises(NonFinite, match=r"^sqrt\(x\) has a derivative that is not finite") as raised:
        derivative(root, x)
    assert raised.value.operation == "sqrt"


# ---------------------------------------------------------------- both, and the error itself


def test_trap_watches_what_is_not_recorded() -> None:
    """In both modes, in either order, operations record nothing and are trapped."""
    x = Value(0.0, label="x")
    with no_grad(), trap():
        assert not is_recorded(x + 1)
        with pytest.raises(NonFinite, match=r"log\(x\) is -inf"):
            x.log()
    with trap(), no_grad(), pytest.raises(NonFinite, match=r"log\(x\) is -inf"):
        x.log()


def test_trap_as_a_decorator() -> None:
    """The mode applies to a decorated function, and not to its caller."""

    @trap()
    def reciprocal(x: Value) -> Value:
        return 1 / x

    with pytest.raises(NonFinite):
        reciprocal(Value(0.0))
    assert (1 / Value(0.0)).data == inf


def test_the_error_can_be_pickled() -> None:
    """`NonFinite` is an ArithmeticError whose attributes survive pickling."""
    with trap(), pytest.raises(ArithmeticError) as raised:
        Value(0.0, label="x").log()
    error = raised.value
    assert isinstance(error, NonFinite)
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is NonFinite
    assert (str(copied), vars(copied)) == (str(error), vars(error))


# ---------------------------------------------------------------- what checks ask for


def test_lines_are_noted_and_nothing_is_raised() -> None:
    """Inside `lines` a node keeps the line that made it, finite or not; outside it keeps none."""
    x = Value(0.0)
    with modes.lines():
        infinite, line = x.log(), here()
    assert (infinite.line, x.log().line) == (line, None)


def test_another_primitive_is_recorded_instead() -> None:
    """Inside `instead` one primitive has the rules of another, with any number of operands; outside it has its own."""
    steep = scalargrad.primitive(name="steep", partials=[lambda out, x: 7.0])(math.sin)
    x = Value(0.5)
    with modes.instead(scalargrad.sin, steep), modes.instead(scalargrad.cos, steep):
        assert x.sin().local_gradients == scalargrad.cos(x).local_gradients == (7.0,)
        assert x.exp().op is scalargrad.exp
    assert x.sin().op is scalargrad.sin


# ---------------------------------------------------------------- the garbage collector


@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_rests_and_is_as_before(is_on: bool) -> None:
    """Inside `no_gc` the collector is off; after the outermost block, however it ends, it is as before."""
    (gc.enable if is_on else gc.disable)()
    try:
        with modes.no_gc():
            assert not gc.isenabled()
            with pytest.raises(KeyError), modes.no_gc():
                raise KeyError
            assert not gc.isenabled()
        assert gc.isenabled() == is_on

        @modes.no_gc()
        def inside() -> bool:
            return gc.isenabled()

        @modes.no_gc
        def inside_too() -> bool:
            return gc.isenabled()

        assert (inside(), inside_too(), gc.isenabled()) == (False, False, is_on)
    finally:
        gc.enable()


def test_threads_share_the_collector() -> None:
    """The collector runs again when the last thread leaves its block, not the first."""
    inside, leave = threading.Event(), threading.Event()

    def elsewhere() -> None:
        with modes.no_gc():
            inside.set()
            leave.wait()

    with ThreadPoolExecutor(1) as pool:
        with modes.no_gc():
            other = pool.submit(elsewhere)
            inside.wait()
        assert not gc.isenabled()
        leave.set()
        other.result()
    assert gc.isenabled()


# ---------------------------------------------------------------- whose line it is


def test_the_line_is_that_of_the_users_own_code() -> None:
    """Lines of installed libraries are skipped; if every line is installed, it is the caller's."""
    installed = compile("def call():\n    return x.log()\n", "/anywhere/site-packages/installed.py", "exec")
    names: dict[str, Any] = {"x": Value(0.0)}
    exec(installed, names)  # noqa: S102  # the text above
    with modes.lines():
        line, result = here(), names["call"]()
    assert result.line == line
    lines: list[str] = []

    def alone() -> None:
        with modes.lines():
            lines.append(names["call"]().line)

    alone.__code__ = alone.__code__.replace(co_filename="/anywhere/site-packages/installed_too.py")
    thread = threading.Thread(target=alone)
    thread.start()
    thread.join()
    assert lines == ["/anywhere/site-packages/installed.py:2"]
