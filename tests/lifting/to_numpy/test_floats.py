"""Few examples run in plain floats, where arrays do not pay: which ones, with the engine's bits, and saved alike."""

from __future__ import annotations

import copy
import importlib.util
import math
import pickle
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from benchmarks.graphs import GRAPHS, elimination, network, scattered
from scalargrad import Value, exp, lift, log, one_hot, primitive, sigmoid, take, tanh
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting import Disagreement
from scalargrad.lifting.to_numpy.target import NumpyTarget
from scalargrad.lifting.to_python.target import PythonRunner
from tests.lifting.nets import relative
from tests.oracle import Program, programs, run

CHOOSES = True  # see conftest.py
KINDS = ("forward", "value_and_grad", "hvp", "jacobian", "jvp", "input_gradients")
SINGLE = [name for name in GRAPHS if not name.endswith((",000", "of 20", "of 40"))]  # the small ones


def in_floats(program: Any) -> bool:
    """Whether the latest call ran in plain floats."""
    return "In plain floats" in program.source


def lifted(make: Callable[[], Any], **options: Any) -> tuple[Any, Callable[[], Value], list[Value]]:
    """A graph as a program of its parameters alone, and eagerly."""
    function, start = make()
    w = list(map(Value, start))
    return lift(lambda: function(w), w, target="numpy", **options), lambda: function(w), w


def with_an_argument(make: Callable[[], Any]) -> Any:
    """A graph as a program of examples, each of which scales the parameters."""
    function, start = make()
    w = list(map(Value, start))
    return lift(lambda x: function([x * own for own in w]), w, target="numpy")


# ---------------------------------------------------------------- which of the two runs


REGULAR = ["network 2-16-16-1", "network 4-64-64-1"]


@pytest.mark.parametrize("name", SINGLE)
def test_irregular_graphs_run_in_floats_and_layers_in_arrays(name: str) -> None:
    """Single numbers that are computed one by one run in plain floats; what is regular and large runs in arrays."""
    program, _, _ = lifted(GRAPHS[name], check=False)
    program()
    assert (program._latest.limit("forward") >= 1) == (name not in REGULAR)


def test_many_examples_run_in_arrays() -> None:
    """Up to a number of examples, which the text names, a program runs in floats, and beyond it in arrays."""
    program = with_an_argument(lambda: network(2, 4, 1))
    program.value_and_grad([0.5])
    few = int(program.source.partition("for up to ")[2].split()[0])
    assert 2 <= few <= 20
    for count, floats in ((few, True), (few + 1, False), (1, True), (1000, False)):
        program.value_and_grad(np.linspace(0.5, 1.5, count))
        assert in_floats(program) == floats
        assert f"for up to {few} examples" in program.source
    assert "np.tanh" in program.source
    for sizes in ((2, 16, 16, 1), (2, 22, 1)):  # for the second it is close
        wide = with_an_argument(partial(network, *sizes))
        wide.value_and_grad([0.5])
        assert "floats" not in wide.source
    assert 0.5 < wide._latest.limit("value_and_grad") < 1


def test_one_example() -> None:
    """Where only a single example is computed in floats, the text says so."""
    program = with_an_argument(lambda: network(2, 16, 1))
    program.value_and_grad([1.0])
    assert "faster than arrays for one example." in program.source
    program.value_and_grad([1.0, 2.0])
    assert "Plain floats are faster, and used, for one example." in program.source


def test_the_choice_is_the_same_at_every_run() -> None:
    """Operations are counted, and no clock is read: the limit of a function is a number of the program alone."""
    limits = set()
    for _ in range(3):
        program = with_an_argument(lambda: elimination(5))
        program.value_and_grad([1.0])
        limits.add(program._latest.limit("value_and_grad"))
    again = pickle.loads(pickle.dumps(program))
    again.value_and_grad([1.0])
    assert limits == {again._latest.limit("value_and_grad")}


def test_parameters_that_are_many_stay_in_their_array() -> None:
    """A table of parameters in which little is looked up is not turned into floats at each call."""
    table = [Value(0.001 * i) for i in range(5000)]
    program: Any = lift(lambda i: take(table, i) ** 2, table, target="numpy")
    program.value_and_grad(np.array([3]))
    assert not in_floats(program)
    short: Any = lift(lambda i: take(table[:3], i) ** 2, table[:3], target="numpy")
    assert short.value_and_grad(np.array([2]))[1].tolist() == [0.0, 0.0, 0.004]
    assert in_floats(short)


# ---------------------------------------------------------------- the numbers


REPEATS = ("random graph of 300", "alignment of 12 letters", "3 bodies, 20 steps", "pendulum, 200 steps")
WITHOUT_REPETITION = [name for name in SINGLE if name not in (*REGULAR, *REPEATS)]


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("name", WITHOUT_REPETITION)
def test_plain_floats_have_the_bits_of_the_engine(name: str, target: str) -> None:
    """Where a function computes nothing twice, value and gradient are the engine's to the last bit."""
    function, start = GRAPHS[name]()
    w = list(map(Value, start))
    program: Any = lift(lambda: function(w), w, target=target, check=False)
    value, gradient = program.value_and_grad()
    output = function(w)
    output.backward()
    assert value == output.data == program()
    assert list(gradient) == [own.grad for own in w]


def test_arrays_may_differ_in_the_last_bit() -> None:
    """Negative control: in arrays, sums are taken in another order, and it is seen."""
    program, eager, w = lifted(lambda: network(4, 64, 64, 1), check=False)
    _, gradient = program.value_and_grad()
    eager().backward()
    assert list(gradient) != [own.grad for own in w]
    assert relative(gradient, [own.grad for own in w]) < 1e-12


@given(program=programs(max_leaves=4, max_instructions=12))
def test_both_ways_give_the_same(program: Program) -> None:
    """Each function of a program gives in plain floats what it gives in arrays, nan and inf included."""
    by_name = {one.name: one for one in BUILT_IN}
    w = list(map(Value, program.leaves))

    def function(x: Any) -> Any:
        return run(program, [*w[:-1], x], by_name)[-1]

    made: Any = lift(function, w, target="numpy", check=False)
    examples = np.array([program.leaves[-1], 0.5])
    direction = np.ones(len(w))
    rows, ours = made._prepared([examples], "hessian")  # for which there are arrays alone
    if ours.in_floats is None:
        return
    for kind in KINDS:
        leaves = {**made._leaves(ours), "direction": direction}
        runners = [one.runner(kind) for one in (ours, ours.in_floats)]
        if kind in ("value_and_grad", "hvp"):
            (value, slopes), (own, of_floats) = [one.value_and_gradient(rows, leaves) for one in runners]
            results, in_plain = np.array([value, *slopes]), np.array([own, *of_floats])
        else:
            results, in_plain = [np.asarray(one.results(rows, leaves)) for one in runners]
        alike = np.isclose(results, in_plain, rtol=1e-9, atol=1e-9, equal_nan=True)
        assert (alike | ~np.isfinite(results) | ~np.isfinite(in_plain) | (np.abs(results) > 1e100)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_arrays_are_given_and_returned(dtype: str) -> None:
    """In floats, too, results and gradients are arrays of the program's precision, and `out` is filled."""
    w = [Value(0.5), Value(0.25)]
    program: Any = lift(lambda x: {"a": [w[0] * x[0], w[1]], "b": x[1]}, w, target="numpy", dtype=dtype)
    results = program([[1.0, 2.0], [3.0, 4.0]])
    assert results["a"].tolist() == [[0.5, 0.25], [1.5, 0.25]]
    assert results["b"].tolist() == [2.0, 4.0]
    assert {one.dtype for one in results.values()} == {np.dtype(dtype)}
    single: Any = lift(lambda x: (w[0] * x + w[1]) ** 2, w, target="numpy", dtype=dtype)
    room = np.empty(2, dtype)
    theta = np.array([0.5, 0.25], dtype)
    value, gradient = single.value_and_grad([1.0, 3.0], at=theta, out=room)
    assert in_floats(single)
    assert gradient is room
    assert (type(value), value, room.tolist()) == (float, 1.8125, [6.0, 2.5])
    assert single.value_and_grad([1.0])[1].dtype == np.dtype(dtype)
    pair: Any = lift(lambda x: ((w[0] * x) ** 2, [w[0] * x, x]), w, target="numpy", dtype=dtype, has_aux=True)
    (mean, aux), gradient = pair.value_and_grad([2.0, 4.0])
    assert (mean, aux.tolist(), gradient.tolist()) == (2.5, [[1.0, 2.0], [2.0, 4.0]], [10.0, 0.0])
    assert (aux.dtype, gradient.dtype) == (np.dtype(dtype), np.dtype(dtype))


def test_what_single_precision_does_not_hold_is_infinite() -> None:
    """A result beyond the range of float32 is inf, without a warning."""
    w = Value(3.0)
    program: Any = lift(lambda x: exp(w * x), [w], target="numpy", dtype="float32", check=False)
    assert program([40.0]).tolist() == [math.inf]
    assert in_floats(program)


def test_what_operators_refuse_has_a_result() -> None:
    """Where Python raises, as for 1 / 0 and exp(1000), the result is that of the engine."""
    w = Value(0.0)
    program: Any = lift(lambda x: exp(x / w) + log(w * x), [w], target="numpy")
    expected = [(exp(Value(x) / w) + log(w * x)).data for x in (1.0, -1.0, 0.0)]
    assert [repr(float(one)) for one in program([1.0, -1.0, 0.0])] == list(map(repr, expected))
    assert in_floats(program)
    assert lift(exp, [], target="numpy")([1000.0]).tolist() == [math.inf]


def test_each_of_the_two_is_compared_with_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call in floats is compared, and so is the first one in arrays: a wrong one is found."""
    runs: list[str] = []
    program = with_an_argument(lambda: network(2, 4, 1))
    right = PythonRunner._run

    def wrong(self: Any, *given: Any) -> Any:
        runs.append("floats")
        return [(row[0], [1.001 * x for x in row[1]]) for row in right(self, *given)]

    monkeypatch.setattr("scalargrad.lifting.to_numpy.floats.FloatsRunner._run", wrong)
    with pytest.raises(Disagreement, match="the gradient in parameter"):
        program.value_and_grad([0.5])
    program.value_and_grad(np.linspace(0.1, 1.0, 100))
    assert runs == ["floats"]


def test_own_operations_run_in_floats() -> None:
    """An operation of the user's own is called for the number itself."""
    given: list[type] = []

    def cubed(x: float) -> float:
        given.append(type(x))
        return x**3

    own = primitive(partials=[lambda out, x: 3.0 * x * x], name="cubed_of_a_test")(cubed)
    w = Value(2.0)
    program: Any = lift(lambda x: own(w * x) + w, [w], target="numpy", check=False)
    given.clear()
    assert program.value_and_grad([1.0])[0] == 10.0
    assert in_floats(program)
    assert set(given) == {float}


def test_lookups_and_classes_run_in_floats() -> None:
    """Look-ups by the integers of an example give the same numbers."""
    rows = [[Value(0.1 * (i + j)) for j in range(2)] for i in range(3)]
    w = [own for row in rows for own in row]

    def function(i: Any) -> Any:
        return sum(a * a for a in take(rows, i)) + one_hot(i, 3)[1] * sigmoid(w[0])

    program: Any = lift(function, w, target="numpy")
    value, gradient = program.value_and_grad(np.array([1, 2]))
    assert in_floats(program)
    expected: Any = lift(function, w, target="python").value_and_grad([1, 2])
    assert (value, gradient.tolist()) == expected


# ---------------------------------------------------------------- copies and files


def test_copies_and_pickles_choose_alike() -> None:
    """A copy, deep or by pickle, runs in floats what the original does, with its own parameters and captured Values."""
    scale, w = Value(3.0), [Value(0.5), Value(0.2)]
    program: Any = lift(lambda x: tanh(w[0] * x + w[1]) * scale, w, target="numpy")
    expected = program.value_and_grad([1.0, 2.0])
    assert in_floats(program)
    for twin in (copy.copy(program), copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        value, gradient = twin.value_and_grad([1.0, 2.0])
        assert (value, gradient.tolist()) == (expected[0], expected[1].tolist())
        assert in_floats(twin)
    program.value_and_grad(np.linspace(0, 1, 100))
    assert not in_floats(copy.deepcopy(program))
    assert copy.deepcopy(lift(lambda x: w[0] * x, w))._latest is None


@pytest.mark.parametrize("has_aux", [False, True])
@pytest.mark.parametrize("has_arguments", [False, True])
def test_a_saved_program_has_both(has_aux: bool, has_arguments: bool, tmp_path: Path) -> None:
    """The file that is saved has the bits of the program for any number of examples."""
    w, scale = [Value(0.5), Value(0.2)], Value(3.0)

    def function(x: Any = 0.7) -> Any:
        loss = exp(w[0] * x) / (w[1] * scale)
        return (loss, {"a": [w[0] * x, loss], "b": w[1]}) if has_aux else loss

    def alone() -> Any:
        return function()

    options: Any = {"target": "numpy", "has_aux": has_aux}
    program: Any = lift(function if has_arguments else alone, w, **options)
    batches: list[list[Any]] = [[np.linspace(-1, 1, n)] for n in (1, 3, 200)] if has_arguments else [[]]
    program(*batches[0])
    program.save(tmp_path / "saved.py")
    spec = importlib.util.spec_from_file_location("saved", tmp_path / "saved.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for batch in batches:
        assert repr(module.forward(*batch)) == repr(program(*batch))
        assert repr(module.value_and_grad(*batch)) == repr(program.value_and_grad(*batch))
    text = (tmp_path / "saved.py").read_text()
    assert ("in plain floats, which is faster" in text) == has_arguments
    assert ("np.multiply" in text) == has_arguments


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs_of_many_shapes_agree(seed: int) -> None:
    """Irregular graphs of many shapes give in floats and in arrays what the engine gives."""
    rng = random.Random(seed)
    size, leaves, window = rng.randint(20, 120), rng.randint(2, 9), rng.randint(3, 40)
    make = lambda: scattered(size, leaves, window)  # noqa: E731  # a graph is made anew for each program
    program, eager, w = lifted(make)
    value, gradient = program.value_and_grad()
    assert in_floats(program)
    for own in w:
        own.zero_grad()
    output = eager()
    output.backward()
    assert value == output.data
    assert relative(gradient, [own.grad for own in w]) < 1e-12
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NumpyTarget, "limit", lambda *_: 0.0)
        arrays, _, _ = lifted(make)
        assert relative(arrays.value_and_grad()[1], gradient) < 1e-12
        assert "np" in arrays.source
