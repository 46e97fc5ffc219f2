"""Lifted programs as copies, pickles, and in other processes; and what the first call of each kind compares."""

from __future__ import annotations

import copy
import functools
import multiprocessing
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from scalargrad import Value, hvp, lift, nn, no_grad, tanh
from scalargrad.engine.primitives import BUILT_IN
from scalargrad.lifting import TraceError
from scalargrad.lifting.arrays.packed import packed, restored
from scalargrad.lifting.comparison import Disagreement
from scalargrad.lifting.curvature import curvature

from ..oracle import Program, programs, run

MODEL = nn.MLP(3, [4, 1], "tanh", rng=0)
WEIGHT = Value(0.5)
ROWS, TARGETS = [[0.5, -1.0, 2.0], [1.0, 0.0, -0.5], [0.25, 3.0, 1.0]], [1.0, -1.0, 0.5]
each_target = pytest.mark.parametrize("target", ["numpy", "python"])


def module_loss(x: Any, y: Any) -> Any:
    return (MODEL(x) - y) ** 2


class Model(nn.Module):
    """A module with its loss."""

    def __init__(self) -> None:
        self.net = nn.MLP(3, [4, 1], "tanh", rng=1)
        self.offset = Value(0.25)

    def __call__(self, x: Any) -> Any:
        return self.net(x)

    def loss(self, x: Any, y: Any) -> Any:
        return (self.net(x) - y + self.offset) ** 2


def numbers(result: Any) -> list[Any]:
    """Anything that a program returns as plain numbers."""
    if isinstance(result, tuple):
        return [number for part in result for number in numbers(part)]
    return [float(number) for number in np.ravel(result)]


def all_of(program: Any) -> list[Any]:
    """What a program computes, in each way."""
    v = [0.5 * i - 2 for i in range(len(program.pack()))]
    results = program(ROWS, TARGETS), program.value_and_grad(ROWS, TARGETS), program.hvp(ROWS, TARGETS, v)
    return [numbers(result) for result in results]


def local(target: str) -> tuple[Any, Any]:
    """A model, and a program of a function that has no name in a module."""
    model = nn.MLP(3, [4, 1], "tanh", rng=0)
    return model, lift(lambda x, y: (model(x) - y) ** 2, model.parameters(), target=target)


def of_a_method(target: str) -> tuple[Any, Any]:
    model = Model()
    return model, lift(model.loss, model.net.parameters(), target=target)


def of_a_partial(target: str) -> tuple[Any, Any]:
    model = Model()
    return model, lift(functools.partial(Model.loss, model), model.parameters(), target=target)


# ---------------------------------------------------------------- pickles


@each_target
@pytest.mark.parametrize("made", [local, of_a_method, of_a_partial])
@pytest.mark.parametrize("called", [True, False])
def test_a_pickled_program_computes_the_same(made: Callable[[str], tuple[Any, Any]], called: bool, target: str) -> None:
    """A program that has been called comes out of a pickle with the same bits, in every way of calling it."""
    _, program = made(target)
    if called:
        expected = all_of(program)
    else:
        program(ROWS, TARGETS)
    loaded = pickle.loads(pickle.dumps(program))
    assert all_of(loaded) == (expected if called else all_of(program))
    assert repr(loaded) == repr(program)
    assert len(loaded.source) > 100


@each_target
def test_a_pickled_program_has_parameters_of_its_own(target: str) -> None:
    """Pickled with its model, it keeps training that model, and not the original."""
    model, program = of_a_method(target)
    before = all_of(program)
    loaded_model, loaded = pickle.loads(pickle.dumps((model, program)))
    loaded.unpack([0.1] * len(loaded.pack()))
    assert [w.data for w in loaded_model.net.parameters()] == [0.1] * len(loaded.pack())
    loaded_model.offset.data = 2.0
    assert all_of(loaded) != before
    assert all_of(program) == before
    assert loaded([[1.0, 2.0, 3.0]], [0.0])[0] == pytest.approx(loaded_model.loss([1.0, 2.0, 3.0], 0.0).data)


def test_other_shapes_are_lifted_where_the_function_can_be() -> None:
    """A method comes with its object, so it can be lifted for other examples; a local function cannot."""
    w = Value(2.0)
    loaded = pickle.loads(pickle.dumps(lift(functools.partial(tanh), [w])))
    assert loaded([0.5]).tolist() == [tanh(0.5)]
    program: Any = lift(lambda x: sum(w * one for one in x), [w])
    with pytest.raises(pickle.PicklingError, match=r"cannot be pickled yet, .*: call the program once for examples"):
        pickle.dumps(program)
    program([[1.0, 2.0]])
    loaded = pickle.loads(pickle.dumps(program))
    assert loaded([[1.0, 3.0]]).tolist() == [8.0]
    with pytest.raises(TraceError, match="was pickled without it, as it has no name"):
        loaded([[1.0, 2.0, 3.0]])


@each_target
def test_a_function_found_by_name_does_not_know_the_parameters(target: str) -> None:
    """A function of a module is found again by its name; where its Values are others, it is not lifted anew."""
    program: Any = lift(module_sum, [WEIGHT], target=target)
    expected = numbers(program.value_and_grad(ROWS))
    loaded = pickle.loads(pickle.dumps(program))
    assert numbers(loaded.value_and_grad(ROWS)) == expected
    with pytest.raises(TraceError, match="was pickled, and the function that has its name here computes with other"):
        loaded([[1.0], [2.0]])
    assert pickle.loads(pickle.dumps(lift(tanh_of, [], target=target)))([0.5])[0] == tanh(0.5)


def module_sum(x: Any) -> Any:
    return tanh(sum(WEIGHT * one for one in x))


def tanh_of(x: Any) -> Any:
    return tanh(x)


@each_target
@pytest.mark.parametrize("name", ["forward", "value_and_grad", "gradients", "hessian"])
def test_a_function_of_a_program_is_pickled_and_copied(name: str, target: str) -> None:
    """A pure function of a program gives the same in another process, as a program does."""
    _, program = of_a_method(target)
    program(ROWS, TARGETS)
    function, theta = program.function(name), [0.3] * len(program.pack())
    wanted = function(theta, ROWS, TARGETS)
    for twin in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function), copy.copy(function)):
        assert numbers(twin(theta, ROWS, TARGETS)) == numbers(wanted)
        assert numbers(twin([0.1] * len(theta), ROWS, TARGETS)) != numbers(wanted)


@pytest.mark.no_cover  # traced line by line, it would take several times as long
def test_a_long_chain_is_pickled() -> None:
    """No depth of a program is too deep for a pickle or a copy."""
    w = Value(0.9)

    def chain(x: Any) -> Any:
        for _ in range(600):
            x = tanh(w * x) + w
        return x

    program: Any = lift(chain, [w], check=False)
    expected = numbers(program([0.5, 1.0]))
    assert len(program._latest._program.arrays) > sys.getrecursionlimit()
    assert numbers(pickle.loads(pickle.dumps(program))([0.5, 1.0])) == expected
    assert numbers(copy.deepcopy(program)([0.5, 1.0])) == expected


@pytest.mark.parametrize("seed", range(6))
def test_a_packed_program_is_the_same_graph(seed: int) -> None:
    """The arrays of a program come back with the same attributes, and what is known is not entered twice."""
    model = nn.MLP(3, [4, 2], "relu", rng=seed)
    program: Any = lift(lambda x: sum(model(x)), model.parameters())
    program.value_and_grad(ROWS)
    graph = program._latest._program
    again = restored(pickle.loads(pickle.dumps(packed(graph))))
    assert [str(array) for array in again.arrays] == [str(array) for array in graph.arrays]
    assert [[one.number for one in array.arrays] for array in again.arrays] == [
        [one.number for one in array.arrays] for array in graph.arrays
    ]
    count = len(again.arrays)
    for array in graph.arrays:
        if type(array).__name__ == "Apply":
            operands = [again.arrays[one.number] if hasattr(one, "number") else one for one in array.operands]
            assert again.apply(array.primitive, operands) in again.arrays[:count]


# ---------------------------------------------------------------- other processes


def test_other_processes_compute_the_same() -> None:
    """A program works in processes that share no memory with this one, for functions of every kind."""
    programs: list[Any] = [local("numpy")[1], lift(module_loss, MODEL.parameters()), of_a_method("numpy")[1]]
    programs[2](ROWS, TARGETS)
    expected = [numbers(program.value_and_grad(ROWS, TARGETS)) for program in programs]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        results = [pool.apply_async(program.value_and_grad, (ROWS, TARGETS)) for program in programs]
        assert [numbers(result.get(60)) for result in results] == expected


# ---------------------------------------------------------------- copies


@each_target
@pytest.mark.parametrize("made", [local, of_a_method, of_a_partial])
def test_a_deep_copy_has_parameters_of_its_own(made: Callable[[str], tuple[Any, Any]], target: str) -> None:
    """A deep copy computes the same; what it is set to does not change the original; other shapes work too."""
    _, program = made(target)
    before = all_of(program)
    twin = copy.deepcopy(program)
    assert all_of(twin) == before
    twin.unpack([0.3] * len(twin.pack()))
    assert all_of(twin) != before
    assert all_of(program) == before
    theta = [0.3] * len(twin.pack())
    assert numbers(twin.hvp(ROWS, TARGETS, theta)) == numbers(program.hvp(ROWS, TARGETS, theta, at=theta))
    assert numbers(twin(ROWS[:1], TARGETS[:1])) == numbers(program(ROWS[:1], TARGETS[:1], at=theta))


@each_target
@pytest.mark.parametrize("made", [local, of_a_method, of_a_partial])
def test_a_deep_copy_before_the_first_call(made: Callable[[str], tuple[Any, Any]], target: str) -> None:
    """A copy that is lifted itself is compared with its function, and computes with its own parameters."""
    _, program = made(target)
    twin = copy.deepcopy(program)
    theta = [0.3] * len(twin.pack())
    twin.unpack(theta)
    assert numbers(twin.value_and_grad(ROWS, TARGETS)) == numbers(program.value_and_grad(ROWS, TARGETS, at=theta))


def test_a_copy_of_model_and_program_stays_together() -> None:
    """Copied in one go, the copied program trains the copied model."""
    model, program = of_a_method("numpy")
    program(ROWS, TARGETS)
    model_twin, twin = copy.deepcopy((model, program))
    twin.unpack([0.5] * len(twin.pack()))
    assert [w.data for w in model_twin.net.parameters()] == [0.5] * len(twin.pack())
    model_twin.offset.data = 7.0  # a captured Value
    assert numbers(twin(ROWS, TARGETS)) != numbers(program(ROWS, TARGETS, at=twin.pack()))


class Trainer:
    """A model with programs of its own methods and of a function."""

    def __init__(self, target: str) -> None:
        self.model, self.scale = nn.MLP(3, [4, 1], "tanh", rng=2), Value(2.0)
        parameters = self.model.parameters()
        self.loss_program = lift(self.loss, parameters, target=target)
        self.output_program = lift(self.output, parameters, target=target)
        self.other_program = lift(lambda x: self.output(x) + 1, parameters, target=target)

    def output(self, x: Any) -> Any:
        return self.model(x) * self.scale

    def loss(self, x: Any, y: Any) -> Any:
        return (self.output(x) - y) ** 2


@each_target
@pytest.mark.parametrize("is_lifted", [False, True])
def test_an_object_that_holds_programs_of_its_own_methods(target: str, is_lifted: bool) -> None:
    """Its deep copy has programs of its own model, and the original's are as before, lifted or not."""
    trainer = Trainer(target)
    before = numbers(trainer.loss_program(ROWS, TARGETS)) if is_lifted else None
    twin = copy.deepcopy(trainer)
    assert twin.model.parameters()[0] is not trainer.model.parameters()[0]
    twin.loss_program.unpack([0.3] * len(twin.model.parameters()))
    twin.scale.data = 3.0
    assert {weight.data for weight in twin.model.parameters()} == {0.3}
    outputs = [3.0 * twin.model(row).data for row in ROWS]
    assert numbers(twin.output_program(ROWS)) == pytest.approx(outputs)
    assert numbers(twin.loss_program(ROWS, TARGETS)) == pytest.approx(
        [(output - y) ** 2 for output, y in zip(outputs, TARGETS, strict=True)]
    )
    own = [trainer.loss(row, y).data for row, y in zip(ROWS, TARGETS, strict=True)]
    assert numbers(trainer.loss_program(ROWS, TARGETS)) == pytest.approx(own)
    assert before is None or numbers(trainer.loss_program(ROWS, TARGETS)) == before
    alone = copy.deepcopy(trainer.loss_program)
    alone.unpack([0.3] * len(twin.model.parameters()))
    assert numbers(trainer.loss_program(ROWS, TARGETS)) == pytest.approx(own)
    assert numbers(alone(ROWS, TARGETS)) != pytest.approx(own)


def test_a_shallow_copy_shares_the_parameters() -> None:
    """`copy.copy` makes another program of the same parameters."""
    _, program = local("numpy")
    twin = copy.copy(program)
    twin.unpack([0.5] * len(twin.pack()))
    assert program.pack().tolist() == [0.5] * len(twin.pack())
    twin(ROWS, TARGETS)
    with pytest.raises(RuntimeError, match="call it"):
        _ = program.source


# ---------------------------------------------------------------- the first Hessian


@given(program=programs(max_leaves=4, max_instructions=20))
def test_curvature_on_numbers_is_that_on_values(program: Program) -> None:
    """The Hessian times a vector on plain numbers is what the engine's graph of a graph gives."""
    leaves = [Value(x) for x in program.leaves]
    output = run(program, leaves, {primitive.name: primitive for primitive in BUILT_IN})[-1]
    for parameters in (leaves, leaves[:1]):
        direction = [0.5 + i for i in range(len(parameters))]
        expected = [entry.data for entry in hvp(output, parameters, direction)]
        largest = max(map(abs, expected))
        assert curvature(output, parameters, direction) == pytest.approx(expected, rel=1e-9, abs=1e-9 * (1 + largest))


def test_a_large_first_hessian_is_compared_on_one_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a graph is large only one is differentiated twice, on numbers; small ones all are."""
    calls = []

    def counted(*given: Any) -> list[float]:
        calls.append(1)
        return curvature(*given)

    monkeypatch.setattr("scalargrad.lifting.comparison.curvature", counted)
    for width, expected in ((2, 3), (120, 1)):
        calls.clear()
        model = nn.MLP(3, [width, width, 1], "tanh", rng=0)
        program: Any = lift(lambda x, y, model=model: (model(x) - y) ** 2, model.parameters())
        program.hvp(ROWS, TARGETS, [1.0] * len(program.pack()))
        assert len(calls) == expected


def test_a_wrong_hessian_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where both measures differ from the program, the first call is an error."""
    _, program = local("python")
    program.value_and_grad(ROWS, TARGETS)
    theta = [1.0] * len(program.pack())
    runner = program._latest.runner("hvp")
    right = runner.value_and_gradient
    monkeypatch.setattr(runner, "value_and_gradient", lambda *given: (0.0, [1.001 * x for x in right(*given)[1]]))
    with pytest.raises(Disagreement, match="the Hessian times the vector, in parameter"):
        program.hvp(ROWS, TARGETS, theta)


def test_the_graph_decides_where_numbers_alone_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hessian that differs on plain numbers, as it may at a pole, is compared with the engine's graph of a graph."""
    monkeypatch.setattr("scalargrad.lifting.comparison.curvature", lambda *given: [float("nan")] * 21)
    _, program = local("python")
    assert len(program.hvp(ROWS, TARGETS, [1.0] * len(program.pack()))) == 21


def test_a_mode_does_not_change_the_comparison() -> None:
    """Under `no_grad` a first call is compared as outside of it."""
    _, program = local("numpy")
    with no_grad():
        assert len(all_of(program)) == 3
