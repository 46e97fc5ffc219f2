"""Modules against PyTorch's, by the numbers that `python -m benchmarks.torch_modules` wrote."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from benchmarks.torch_modules import CASES, NUMBERS, flat, upstream
from scalargrad import Value, lift, steps, total

EXPECTED = json.loads(NUMBERS.read_text(encoding="utf-8"))


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

    def loss(self, inputs: Any) -> Any:
        """The sum of the outputs, each times its number."""
        return total(y * factor for y, factor in zip(flat(self.model(inputs)), self.factors, strict=True))


def agrees(given: Any, expected: Any) -> bool:
    """Whether numbers are the expected ones to 1e-10."""
    return list(given) == pytest.approx(list(expected), rel=1e-10, abs=1e-10)


def test_all_cases_are_written_down() -> None:
    """The file has the cases of the script, and no others."""
    assert list(EXPECTED)[2:] == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_pytorchs(name: str) -> None:
    """With the same weights and inputs a module has PyTorch's outputs, and gradients, after all steps too, to 1e-10."""
    subject, expected = Subject(name), EXPECTED[name]
    inputs = as_values(subject.inputs)
    outputs = subject.model(inputs)
    assert shape_of(outputs) == expected["shape"]
    assert agrees([y.data for y in flat(outputs)], expected["outputs"])
    assert {id(p) for p in subject.flat_parameters} == {id(p) for p in getattr(subject.model, "parameters", list)()}
    loss = subject.loss(inputs)
    loss.backward()
    totals = steps(loss).last().totals()
    for key, numbers in expected["gradient"].items():
        values = flat(inputs if key == "inputs" else subject.parameters[key])
        assert agrees([value.grad for value in values], numbers), key
        assert agrees([totals.get(value, 0.0) for value in values], numbers), key


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("name", CASES)
def test_lifted_they_are_too(name: str, target: str) -> None:
    """The same outputs and gradients come out of lifted programs, to 1e-10."""
    subject, expected = Subject(name), EXPECTED[name]
    outputs: Any = lift(lambda x: flat(subject.model(x)), subject.flat_parameters, target=target)
    ((*numbers,),) = outputs([subject.inputs])
    assert agrees(numbers, expected["outputs"])
    program: Any = lift(subject.loss, subject.flat_parameters, target=target)
    _, gradient = program.value_and_grad([subject.inputs])
    in_parameters = [x for key, part in expected["gradient"].items() if key != "inputs" for x in part]
    assert agrees(gradient, in_parameters)
    if "inputs" in expected["gradient"]:
        in_inputs = program.input_gradients([subject.inputs])
        in_inputs = in_inputs.tolist() if hasattr(in_inputs, "tolist") else in_inputs
        assert agrees(flat(in_inputs), expected["gradient"]["inputs"])


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
