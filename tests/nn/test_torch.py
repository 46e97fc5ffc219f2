"""Modules against PyTorch's, by the numbers that `python -m benchmarks.torch_modules` wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

from benchmarks.torch_modules import CASES, NUMBERS, flat, upstream
from scalargrad import Value, lift, nn, steps, total
from scalargrad.nn.search import search

EXPECTED = json.loads(NUMBERS.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True, scope="module")
def in_float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def as_values(given: Any) -> Any:
    """Lists of lists of Values in place of numbers; an index as it is."""
    if isinstance(given, int):
        return given
    return [as_values(part) for part in given] if isinstance(given, list) else Value(given)


def shape_of(given: Any) -> list[int]:
    return [len(given), *shape_of(given[0])] if isinstance(given, list) else []


class Subject:
    """Our module of a case, with its parameters and inputs."""

    def __init__(self, name: str) -> None:
        state, self.inputs = CASES[name].numbers(name)
        self.parameters = {key: as_values(part) for key, part in state.items()}
        self.model = CASES[name].ours(self.parameters)
        self.factors = upstream(name, math.prod(EXPECTED[name]["shape"]))
        self.flat_parameters = [value for part in self.parameters.values() for value in flat(part)]

    def loss_and_outputs(self, inputs: Any) -> tuple[Any, list[Any]]:
        """The sum of the outputs, each times its number; and the outputs."""
        outputs = flat(self.model(inputs))
        return total(y * factor for y, factor in zip(outputs, self.factors, strict=True)), outputs


def agrees(given: Any, expected: Any) -> bool:
    """Whether numbers are the expected ones to 1e-10."""
    return list(given) == pytest.approx(list(expected), rel=1e-10, abs=1e-10)


def test_all_cases_are_written_down() -> None:
    """The file has the cases of the script, and no others."""
    assert list(EXPECTED)[2:] == list(CASES)


def test_every_module_is_in_a_case() -> None:
    """The cases have every module but Dropout, which draws at random."""
    models = [Subject(name).model for name in CASES]
    compared = {type(module).__name__ for module in search("", [(model, vars(model)) for model in models]).modules}
    assert set(nn.__all__) - compared == {"Dropout", "Module", "Recurrence", "Masked", "activation_name"}


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_pytorchs(name: str) -> None:
    """With the same weights and inputs a module has PyTorch's outputs, and gradients, after all steps too, to 1e-10."""
    subject, expected = Subject(name), EXPECTED[name]
    inputs = as_values(subject.inputs)
    outputs = subject.model(inputs)
    assert shape_of(outputs) == expected["shape"]
    assert agrees([y.data for y in flat(outputs)], expected["outputs"])
    assert {id(p) for p in subject.flat_parameters} == {id(p) for p in getattr(subject.model, "parameters", list)()}
    loss, _ = subject.loss_and_outputs(inputs)
    loss.backward()
    totals = steps(loss).last().totals()
    for key, numbers in expected["gradient"].items():
        values = flat(inputs if key == "inputs" else subject.parameters[key])
        assert agrees([value.grad for value in values], numbers), key
        assert agrees([totals.get(value, 0.0) for value in values], numbers), key


def lifted(subject: Subject, target: str) -> Any:
    """What lifted programs return: the outputs, and the gradients in the parameters and in the inputs.

    JAX compiles all of it as one, and optimizes little, as it runs once.
    """
    program = lift(subject.loss_and_outputs, subject.flat_parameters, target=target, check=False, has_aux=True)

    def computed(theta: Any, inputs: Any) -> tuple[Any, Any, Any]:
        (_, outputs), gradient = program.value_and_grad(inputs, at=theta)
        return outputs, gradient, program.input_gradients(inputs, at=theta)

    if target != "jax":
        return computed(program.pack(), [subject.inputs])
    settings = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    run: Any = jax.jit(computed, compiler_options=settings)
    return run(program.pack(), np.array([subject.inputs], dtype=float))


@pytest.mark.parametrize("target", ["numpy", "python", pytest.param("jax", marks=pytest.mark.no_cover)])
@pytest.mark.parametrize("name", CASES)
def test_lifted_they_are_too(name: str, target: str) -> None:
    """The same outputs and gradients come out of lifted programs, to 1e-10."""
    subject, expected = Subject(name), EXPECTED[name]
    outputs, in_parameters, in_inputs = (np.ravel(array).tolist() for array in lifted(subject, target))
    assert agrees(outputs, expected["outputs"])
    assert agrees(in_parameters, [x for key, own in expected["gradient"].items() if key != "inputs" for x in own])
    assert agrees(in_inputs, expected["gradient"].get("inputs", in_inputs))  # an index has none


@pytest.mark.parametrize("name", CASES)
def test_another_number_is_told_apart(name: str) -> None:
    """Negative control: with an input or a parameter that is off by a millionth, the outputs are others."""
    subject, expected = Subject(name), EXPECTED[name]
    inputs = as_values(subject.inputs)
    changed = subject.flat_parameters or flat(inputs)
    for value in changed:
        value.data *= 1 + 1e-6
    outputs = flat(subject.model(inputs))
    assert not agrees([y.data for y in outputs], expected["outputs"])
