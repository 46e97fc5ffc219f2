"""The run of the user's function: what it may do with an input, and the errors for what it must not do."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given

import scalargrad
from scalargrad import Value, functional, hypot, lift, nn, no_grad, stop_gradient, trap
from scalargrad.engine import modes
from scalargrad.engine.graph import sweep
from scalargrad.lifting.trace import Trace, Traced, TraceError
from tests.oracle import Program, programs, run

each_target = pytest.mark.parametrize("target", ["numpy", "python"])


def test_an_input_can_be_looked_at() -> None:
    """A traced Value prints without its number, with its label if it has one."""
    shown: list[str] = []

    def loss(x: Any) -> Any:
        shown.append(repr(x))
        x.label = "pressure"
        shown.append(repr(x))
        x.label = None
        return x * w

    w = Value(2.0)
    lift(loss, [w], check=False)([1.0])
    assert shown == ["<traced 1>", "<traced pressure>"]


def test_a_label_is_kept_whatever_it_is_on() -> None:
    """Parameters, and what is computed from them alone, keep their labels in the trace."""
    w, b = Value(2.0, label="weight"), Value(1.0)
    penalty = w * b
    penalty.label = "penalty"
    trace = Trace([w, b])
    assert trace.labels[trace.index_of(penalty)] == "penalty"
    assert trace.labels[trace.index_of(w)] == "weight"
    assert set(trace.labels.values()) == {"weight", "penalty"}


# ---------------------------------------------------------------- no Value gives out a number


READS: dict[str, Callable[[Value], object]] = {
    "data": lambda v: v.data,
    "grad": lambda v: v.grad,
    "swept": lambda v: v.swept,
    "local_gradients": lambda v: v.local_gradients,
    "less": lambda v: v < 1,
    "at most": lambda v: v <= 1,
    "greater": lambda v: v > 0,
    "at least": lambda v: v >= 0,
    "greater than a Value": lambda v: v > Value(0.0),
    "from the other side": lambda v: 0 < v,  # noqa: SIM300  # the point of it
    "numpy from the other side": lambda v: np.float64(0.0) < v,
    "equal": lambda v: v == 1,
    "not equal": lambda v: v != 0,
    "equal to a bool": lambda v: v == True,  # noqa: E712  # a bool is a number
    "a number equals it": lambda v: 1.0 == v,  # noqa: SIM300
    "a number of numpy equals it": lambda v: np.float64(1.0) == v,
    "in": lambda v: v in (1, 2),
    "an array equals it": lambda v: np.array([1.0, 2.0]) == v,
    "count": [1.0, 2.0].count,  # type: ignore[dict-item]
    "truth": bool,
    "if": lambda v: 1.0 if v else 0.0,
    "and": lambda v: v and 1.0,
    "not": lambda v: not v,
    "float": float,
    "int": int,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "math": math.exp,
    "max": lambda v: max(v, 0.0),
    "sorted": lambda v: sorted([v, 0.0]),  # type: ignore[type-var]
    "formats": lambda v: f"{v:.3f}",
    "percent": lambda v: "%f" % v,  # noqa: UP031  # the point of it
    "an array of floats": lambda v: np.array([v], float),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
    "backward": lambda v: v.backward(),
    "tree": scalargrad.tree,
    "ledger": scalargrad.ledger,
    "draw": lambda v: str(scalargrad.draw(v)),
    "steps": scalargrad.steps,
    "gradcheck": lambda v: scalargrad.gradcheck(lambda x: x * v, 1.0),
    "data =": lambda v: setattr(v, "data", 1.0),
    "grad =": lambda v: setattr(v, "grad", 1.0),
    "zero_grad": lambda v: v.zero_grad(),
    "state_dict": lambda v: holding(v).state_dict(),
    "zero_grad of a module": lambda v: holding(v).zero_grad(),
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "signbit": np.signbit,
    "rint": lambda v: v.rint(),
    "np.round": np.round,  # type: ignore[dict-item]
    "np.greater": lambda v: np.greater(v, 0.0),  # type: ignore[call-overload]
    "np.where": lambda v: np.where(v > 0, v, 0.0),  # type: ignore[call-overload]
    "a lifted program": lambda v: lift(lambda: v * 2, [])(),
    "a lifted program of it": lambda v: lift(lambda x: x * 2, [])([v]),
    "pack": lambda v: lift(lambda: v * 2, []).pack(),
}


def holding(value: Value) -> nn.Module:
    module = nn.Module()
    module.values = [value, Value(1.0)]
    return module


BEFORE: Value = Value(3.0) * 2.0
GIVEN: dict[str, Callable[[Value, Value, Value], Value]] = {
    "an input": lambda x, w, free: x,
    "a result of an input": lambda x, w, free: x * 2,
    "a parameter": lambda x, w, free: w,
    "a result of a parameter": lambda x, w, free: w * w,
    "a captured Value": lambda x, w, free: free,
    "a result of a captured Value": lambda x, w, free: free.exp(),
    "a Value made inside": lambda x, w, free: Value(2.0),
    "a result from before": lambda x, w, free: BEFORE,
    "a constant": lambda x, w, free: BEFORE.args[1],
}


@each_target
@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("read", READS)
def test_no_value_gives_out_its_number(read: str, given: str, target: str) -> None:
    """While a function is traced, whatever reads the number of a Value is a TraceError that names its line."""
    w, free = Value(2.0, label="w"), Value(0.5)

    def function(x: Any) -> Any:
        READS[read](GIVEN[given](x, w, free))
        return w * x

    program = lift(function, [w], target=target, check=False)
    with pytest.raises(TraceError) as raised:
        program([1.0, 2.0])
    lines, first = inspect.getsourcelines(function)
    assert any(
        f"{__file__}:{line}" in str(raised.value) for line in (*range(first, first + len(lines)), *reads_lines())
    )


def reads_lines() -> range:
    """The lines on which this file reads numbers."""
    source = Path(__file__).read_text().splitlines()
    first = next(i for i, line in enumerate(source, start=1) if line.startswith("READS"))
    return range(first, next(i for i, line in enumerate(source, start=1) if line.startswith("GIVEN")))


@each_target
@pytest.mark.parametrize("read", READS)
def test_numbers_can_be_read_outside(read: str, target: str) -> None:
    """Negative control: outside of a traced function, before and after, the same reads raise no TraceError."""
    for _ in range(2):
        try:
            READS[read](Value(2.0))
        except TraceError:
            pytest.fail(f"{read} raised a TraceError outside of a traced function")
        except Exception:  # noqa: S110  # some reads are errors anywhere
            pass
        lift(lambda x: x * 2, [], target=target, check=False)([1.0])


@each_target
def test_a_caught_refusal_counts(target: str) -> None:
    """A function that catches the error and goes on without the number cannot be lifted either."""
    w = Value(2.0)

    def function(x: Any) -> Any:
        try:
            scale = float(w)
        except TypeError:
            scale = 1.0
        return w * x * scale

    with pytest.raises(TraceError, match=r"float\(\) reads the number of parameter 0"):
        lift(function, [w], target=target)([1.0])


LOOKED_UP: dict[str, Callable[[Any, Any], Any]] = {
    "a set": lambda x, w: len(set(x)),
    "a set of results": lambda x, w: len({w * entry for entry in x}),
    "a dict": lambda x, w: {1.0: 3.0}.get(x[0], 1.0),
    "in a set": lambda x, w: 2.0 if x[1] in {1.0, 2.0} else 1.0,
    "dict keys": lambda x, w: len(dict.fromkeys(x)),
    "hash": lambda x, w: float(hash(x[0]) % 7),
    "equal inputs": lambda x, w: float(x[0] == x[1]),
    "different inputs": lambda x, w: float(x[0] != x[1]),
    "count": lambda x, w: float(x.count(x[0])),
    "in the rest": lambda x, w: float(x[0] in x[1:]),
}


@pytest.mark.parametrize("how", LOOKED_UP)
@pytest.mark.parametrize("target", ["numpy", "python"])
def test_numbers_of_inputs_are_not_told_apart(how: str, target: str) -> None:
    """Two inputs are two Values whatever their numbers, so a set of them, or `==` between them, is refused."""
    w = Value(2.0)
    with pytest.raises(TraceError, match=r"is put into a set or looked up in a dict|== reads the number of an input"):
        lift(lambda x: LOOKED_UP[how](x, w) * w, [w], target=target)([[1.0, 1.0]])
    assert LOOKED_UP[how]([1.0, 1.0], 2.0) is not None  # with plain numbers it is an answer


def test_parameters_may_be_told_apart() -> None:
    """Negative control: parameters in a set or a dict, and an input that is itself, are as outside."""
    w, b = Value(2.0), Value(1.0)

    def loss(x: Any) -> Any:
        scale = {w: 3.0, b: 5.0}[w] * len({w, b, w})
        return scale * (w * x[0] + b) * (1.0 if x[0] == x[0] and x.index(x[0]) == 0 else 0.0)  # itself

    assert list(lift(loss, [w, b])([[1.0, 2.0]])) == [18.0]


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda x, w: x.backward(), r"backward\(\) cannot be used inside: use grad inside, or value_and_grad"),
        (
            lambda x, w: functional.cross_entropy([x, 2 * x], x),
            "an index must be an integer of an example as it is giv",
        ),
        (lambda x, w: [x, w][x], r"an input is used as an index; take\(table, index\) looks an entry up in a list"),
        (lambda x, w: w if w > 0 else -w, r"> reads the number of parameter 'w'.*use scalargrad.maximum, minimum, abs"),
        (lambda x, w: math.exp(w), r"float\(\) reads.*x.exp\(\) for math.exp\(x\), or stop_gradient, or a plain float"),
        (lambda x, w: w == 1, r"== reads the number of parameter 'w'.*a Value equals itself alone; compare plain numb"),
        (lambda x, w: BEFORE.data, r"\.data reads the number of a Value, which may change between calls"),
        (
            lambda x, w: scalargrad.tree(w * x),
            "the recorded graph cannot be used inside.*for derivatives use grad inside",
        ),
        (lambda x, w: lift(lambda: w * 1, [w])(), "a lifted program cannot be used inside: call the function itself"),
        (lambda x, w: w.zero_grad(), r"zero_grad\(\) cannot be used inside: .* changes nothing"),
    ],
)
def test_what_it_cannot_do_is_said(ask: Any, reason: str) -> None:
    """The error says what reads a number, of which Value, and what to do."""
    w = Value(1.0, label="w")
    with pytest.raises(TraceError, match=reason):
        lift(lambda x: w * ask(w * x, w), [w])([1.0])


@pytest.mark.parametrize("ask", [lambda x: x.op, lambda x: x.args, lambda x: x._prev, lambda x: x._op])
def test_an_input_has_no_graph(ask: Callable[[Value], object]) -> None:
    """The graph of an input, or of a result of one, cannot be read: that is a TraceError."""
    for made in (lambda x: x, lambda x: x * 2):
        with pytest.raises(TraceError, match="the recorded graph cannot be used inside"):
            lift(lambda x, made=made: ask(made(x)), [])([1.0])


@each_target
@given(program=programs())
def test_a_result_from_before_is_read(program: Program, target: str) -> None:
    """A graph of parameters that was recorded before the run takes part with its value and its gradient."""
    parameters = [Value(x) for x in program.leaves]
    result = run(program, parameters, vars(scalargrad))[-1]
    assume(all(map(math.isfinite, [result.data, *sweep({result: 1.0}).values()])))
    lifted: Any = lift(lambda x: x * result, parameters, target=target)
    value, gradient = lifted.value_and_grad([1.0, 3.0])
    result.backward(2.0)
    assert math.isclose(value, 2.0 * result.data, rel_tol=1e-9, abs_tol=1e-12)
    assert np.allclose(gradient, [parameter.grad for parameter in parameters], rtol=1e-6, atol=1e-9)


@each_target
def test_an_operand_that_is_there_twice(target: str) -> None:
    """An operation of three operands, recorded before the run, may have the same captured Value twice."""
    blend = scalargrad.primitive(
        partials=[lambda out, x, y, s: 1 - s, lambda out, x, y, s: s, lambda out, x, y, s: y - x],
        name="blend_of_another_test",
        array="{0} * (1 - {2}) + {1} * {2}",
    )(lambda x, y, s: x * (1 - s) + y * s)
    free, w = Value(3.0), Value(0.25)
    result = blend(free, free, w)
    assert list(lift(lambda x: x * result, [w], target=target)([2.0])) == [6.0]


def test_a_row_has_no_other_attributes() -> None:
    """A row has the attributes of a list; for the methods of numbers it has an error of its own."""
    seen: list[bool] = []

    def function(y: Any) -> Any:
        seen.append(hasattr(y, "nothing"))
        return y[0] * 1.0

    lift(function, [], check=False)([[1.0]])
    assert seen == [False]


@each_target
def test_values_show_without_their_numbers(target: str) -> None:
    """`repr`, `str` and an empty format show a Value inside a traced function, by class and label."""
    w, free = Value(2.0, label="w"), Value(0.5)
    free.grad = 7.0
    shown: list[str] = []

    def function(x: Any) -> Any:
        shown.extend([repr(w), str(free), f"{w}"])
        return w * x

    lift(function, [w], target=target, check=False)([1.0])
    assert shown == ["Value(data=..., label='w')", "Value(data=...)", "Value(data=..., label='w')"]
    assert repr(free) == "Value(data=0.5, grad=7.0)"


@each_target
def test_equality_with_a_value_is_identity(target: str) -> None:
    """`==` with a Value that is no input, and with anything but a number, is inside what it is outside."""
    w, free = Value(2.0), Value(2.0)
    answers: list[bool] = []

    def function(x: Any) -> Any:
        answers.extend([w == w, w == free, x == w, w in [free, w], w == "w", w is None, {w: True}.get(free, False)])
        return w * x

    lift(function, [w], target=target)([1.0])
    assert answers == [True, False, False, True, False, False, False] * 2


@each_target
def test_other_threads_read_on(target: str) -> None:
    """A function traced in one thread leaves the Values of all others readable."""
    w = Value(2.0)

    def function(x: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: (w.data, w > 0, float(w * w))).result() == (2.0, True, 4.0)
        return w * x

    assert list(lift(function, [w], target=target)([1.0])) == [2.0]


@each_target
def test_parameters_that_change_choose_anew(target: str) -> None:
    """A choice between two cases that is written with operations follows the parameter."""
    w = Value(2.0)
    program = lift(lambda x: scalargrad.maximum(w * x, -w * x), [w], target=target)
    assert list(program([1.0, 2.0])) == [2.0, 4.0]
    w.data = -5.0
    assert list(program([1.0, 2.0])) == [5.0, 10.0]


@each_target
@pytest.mark.parametrize(
    "mode", [no_grad, trap, modes.lines, lambda: modes.instead(scalargrad.multiply, scalargrad.add)]
)
@pytest.mark.parametrize("kind", ["__call__", "value_and_grad", "hvp", "backward"])
def test_the_callers_modes_do_not_matter(kind: str, mode: Any, target: str) -> None:
    """A program whose first call is inside a mode is the same program as any other."""
    results = []
    for around in (mode, contextlib.nullcontext):
        w = Value(3.0)
        program = lift(lambda x, w=w: w * w * x, [w], target=target)
        arguments = ([2.0], [1.0])[: 2 if kind == "hvp" else 1]
        with around():
            first = getattr(program, kind)(*arguments)
        value, gradient = program.value_and_grad([2.0])
        results.append((repr(first), value, list(gradient), w.grad))
    assert results[0] == results[1]
    assert results[0][1:3] == (18.0, [12.0])


@each_target
def test_a_row_is_not_a_number(target: str) -> None:
    """An argument with a row for each example, used as a number, is a TraceError that gives its shape."""
    w = Value(2.0)
    rows = [[1.0], [2.0]]
    uses: list[Callable[[Any, Any], Any]] = [
        lambda x, y: w * x - y,
        lambda x, y: y - w * x,
        lambda x, y: w - y,
        lambda x, y: y - 1.0,
        lambda x, y: 2.0 * y,
        lambda x, y: y * w,
        lambda x, y: w * y,
        lambda x, y: y + w,
        lambda x, y: x + y,
        lambda x, y: y - y,
        lambda x, y: y**2,
        lambda x, y: -y,
        lambda x, y: abs(y),
        lambda x, y: y / w,
        lambda x, y: w / y,
        lambda x, y: scalargrad.maximum(w * x, y),
        lambda x, y: scalargrad.exp(y),
        lambda x, y: y.exp(),
        lambda x, y: y < 2,
        lambda x, y: y > w,
    ]
    for use in uses:
        with pytest.raises(TraceError, match=r"argument y takes part in arithmetic as a number, but .* shape \(1,\)"):
            lift(use, [w], target=target)([1.0, 2.0], rows)


class Special(Value):
    """A subclass of Value that Traced does not inherit from."""


ON_EITHER_SIDE: list[Callable[[Any, Any], Any]] = [
    lambda w, x: w * x + x * w,
    lambda w, x: w - x,
    lambda w, x: x / w,
    lambda w, x: w**x,
    lambda w, x: scalargrad.maximum(w, x) + w.maximum(x),
    lambda w, x: hypot(w, x) + w.hypot(x),
    lambda w, x: scalargrad.logsumexp([w, x]),
    scalargrad.square_error,
    lambda w, x: np.multiply(w, x) * w.exp(),
]


@each_target
@pytest.mark.parametrize("function", ON_EITHER_SIDE)
def test_a_subclass_beside_an_input(function: Callable[[Any, Any], Any], target: str) -> None:
    """A Value of a subclass can be an operand beside an input, on either side."""
    w, plain = Special(1.25), Value(1.25)
    own = lift(lambda x: function(w, x), [w], target=target).value_and_grad([2.0, 3.0])
    wanted = lift(lambda x: function(plain, x), [plain], target=target).value_and_grad([2.0, 3.0])
    assert repr(own) == repr(wanted)


def test_a_thread_of_the_function_may_call_the_program() -> None:
    """No lock is held while the function is traced: another thread that calls the program does not wait."""
    w = Value(2.0)
    answers: list[float] = []

    def function(x: Any) -> Any:
        if not answers:
            answers.append(0.0)
            with ThreadPoolExecutor(1) as pool:
                answers.append(float(pool.submit(program, [3.0]).result()[0]))
        return w * x

    program = lift(function, [w], check=False)
    assert list(program([1.0])) == [2.0]
    assert answers == [0.0, 6.0]


@each_target
@pytest.mark.parametrize("at", [[1e200, 1e200, 1e-300], [1e-200, 1e-200, 1e300]])
def test_products_of_parameters_keep_their_order(at: list[float], target: str) -> None:
    """A product that would overflow in another order is computed in the order in which it is written."""
    a, b, c = (Value(1.0) for _ in range(3))
    program = lift(lambda: a * (b * c), [a, b, c], target=target)
    program()
    assert math.isclose(program(at=at), at[0] * (at[1] * at[2]), rel_tol=1e-12)


@each_target
def test_a_row_is_a_list(target: str) -> None:
    """Rows can be joined and repeated, as other lists."""
    w = Value(2.0)
    program = lift(lambda x, y: w * sum([*(x + y), *(2 * x), *(y * 2)]), [w], target=target)
    assert list(program([[1.0, 2.0]], [[3.0]])) == [2.0 * (6.0 + 6.0 + 6.0)]


@each_target
def test_what_takes_no_gradient_of_parameters(target: str) -> None:
    """Results of parameters under `no_grad` are recorded behind `stop_gradient`, so they follow the parameter."""
    w = Value(3.0)

    def function(x: Any) -> Any:
        with no_grad():
            scale = w * w
        return scale * w * x

    program: Any = lift(function, [w], target=target)
    assert (list(program([1.0])), list(program.value_and_grad([1.0])[1])) == ([27.0], [9.0])
    w.data = 2.0
    assert (list(program([1.0])), list(program.value_and_grad([1.0])[1])) == ([8.0], [4.0])


# ---------------------------------------------------------------- what an input may do


@each_target
def test_operands_of_any_kind(target: str) -> None:
    """Numbers of Python and numpy, parameters, other Values and results are operands beside an input, on any side."""
    w, free = Value(2.0, label="w"), Value(3.0, label="free")
    made = w * free  # recorded before anything is traced

    def loss(x: Any) -> Any:
        terms = [1 + x, x + 1, np.float64(0.5) * x, x - free, free - x, w / x, x / w, made * x, x * made, 2**x, x**2]
        return sum(terms) + hypot(x, 1) + x.maximum(w) + scalargrad.minimum(0.5, x)

    program: Any = lift(loss, [w], target=target)
    for x in (0.7, -1.3, 2.0):
        expected = loss(Value(x)).data
        assert math.isclose(program([x])[0], expected, rel_tol=1e-12)
    assert "w" in program.source


@each_target
def test_three_operands(target: str) -> None:
    """An operation of three operands lifts too, in value and gradient."""
    blend = scalargrad.primitive(
        partials=[lambda out, x, y, s: 1 - s, lambda out, x, y, s: s, lambda out, x, y, s: y - x],
        name="blend_of_a_test",
        array="{0} * (1 - {2}) + {1} * {2}",
    )(lambda x, y, s: x * (1 - s) + y * s)
    ws = [Value(0.25), Value(-0.5), Value(0.75)]

    def loss(x: Any) -> Any:
        mixed = [blend(w, number, w * w) for w, number in zip(ws, x, strict=True)]
        return sum(mixed) + sum(blend(number, 1.0, w) for w, number in zip(ws, x, strict=True))

    batch = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]]
    eager = [loss([Value(number) for number in row]) for row in batch]
    for one in eager:
        one.backward(0.5)
    program: Any = lift(loss, ws, target=target)
    assert np.allclose(program(batch), [one.data for one in eager], rtol=1e-12)
    assert np.allclose(program.value_and_grad(batch)[1], [w.grad for w in ws], rtol=1e-12)


@each_target
def test_what_takes_no_gradient(target: str) -> None:
    """What is computed under `no_grad` or behind `stop_gradient` has no gradient, but follows its input."""
    w = Value(3.0)

    def loss(x: Any) -> Any:
        with no_grad():
            scale = w * x
        return scale * w + stop_gradient(w * x) * w

    program: Any = lift(loss, [w], target=target)
    assert list(program([1.0, 2.0])) == [18.0, 36.0]
    value, gradient = program.value_and_grad([1.0, 2.0])
    assert (value, list(gradient)) == (27.0, [9.0])


@each_target
def test_a_string_is_no_operand(target: str) -> None:
    """An operand that is not a number is the same error as in the engine."""
    w = Value(1.0)
    with pytest.raises(TypeError, match="unsupported operand"):
        lift(lambda x: w * x + "1", [w], target=target)([1.0])
    with pytest.raises(TypeError, match="an operand of hypot"):
        lift(lambda x: hypot(x, "1"), [w], target=target)([1.0])


def test_an_input_of_another_trace() -> None:
    """An input can be used in its own trace alone."""
    w = Value(1.0)
    traces = [Trace([w]), Trace([w])]
    x, y = (trace.argument("x", ()) for trace in traces)
    assert isinstance(x, Traced)
    assert isinstance(x * w, Traced)
    with pytest.raises(TraceError, match="was kept"):
        x * y
    with pytest.raises(TraceError, match="reads the number of an input"):
        float(x)
    with pytest.raises(TraceError, match="was kept"):
        hypot(1.0, traces[0].argument("z", ())) + y
