"""Recurrent modules against PyTorch's, by the numbers that `python -m benchmarks.torch_recurrent` wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from benchmarks.torch_recurrent import CASES, EXAMPLES, GATES, HIDDEN, INPUTS, NUMBERS, Case, examples, loss, weights
from scalargrad import Value, lift, nn

EXPECTED = json.loads(NUMBERS.read_text(encoding="utf-8"))["cases"]
ORDER = {  # of the parts in PyTorch's rows of weights
    "RNN": ("hidden",),
    "LSTM": ("input_gate", "forget_gate", "candidate", "output_gate"),
    "GRU": ("reset_gate", "update_gate"),
}


def one_way(case: Case, reads: int, w: Any, u: Any, b: Any, c: Any) -> Any:
    """Our module of one layer and direction, with PyTorch's weights of the inputs, of what is hidden, and biases."""

    def part(place: int, name: str) -> nn.Layer:
        rows = slice(place * HIDDEN, (place + 1) * HIDDEN)
        weights = [[*of_inputs, *of_hidden] for of_inputs, of_hidden in zip(w[rows], u[rows], strict=True)]
        biases = [one + other for one, other in zip(b[rows], c[rows], strict=True)]
        return nn.Layer(
            weights=weights, biases=biases, activation="sigmoid" if name.endswith("gate") else case.activation
        )

    parts = {name: part(place, name) for place, name in enumerate(ORDER[case.kind])}
    if case.kind == "GRU":
        rows = slice(2 * HIDDEN, 3 * HIDDEN)
        parts["from_inputs"] = nn.Layer(weights=w[rows], biases=b[rows], activation=None)
        parts["from_hidden"] = nn.Layer(weights=u[rows], biases=c[rows], activation=None)
    kind: Any = {"RNN": nn.Recurrent, "LSTM": nn.LSTM, "GRU": nn.GRU}[case.kind]
    return kind(reads, HIDDEN, **parts)


class Stack:
    """Our modules with PyTorch's weights, one layer behind another, each in one direction or both."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.modules: dict[str, Any] = {}  # of one layer and direction, by PyTorch's name for the place
        numbers = weights(case)
        for place in (name.removeprefix("weight_ih") for name in numbers if name.startswith("weight_ih")):
            names = (f"{name}{place}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            reads = len(numbers[f"weight_ih{place}"][0])
            self.modules[place] = one_way(case, reads, *(numbers[name] for name in names))
        ways = list(self.modules.values())
        self.layers = ways if case.directions == 1 else list(map(nn.Bidirectional, ways[::2], ways[1::2]))

    def parameters(self) -> list[Value]:
        """All parameters."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def run(self, rows: Any, state: Any) -> tuple[Any, Any]:
        """The outputs and the state after them, from a state as PyTorch has it: all hidden rows, then all memories."""
        half = len(state) // 2
        starts = list(zip(state[:half], state[half:], strict=True)) if self.case.kind == "LSTM" else list(state)
        ends: list[Any] = []
        for place, layer in enumerate(self.layers):
            if self.case.directions == 1:
                rows, end = layer.run(rows, starts[place])
                ends.append(end)
            else:
                rows, both = layer.run(rows, tuple(starts[2 * place : 2 * place + 2]))
                ends += both
        if self.case.kind == "LSTM":
            return rows, [hidden for hidden, _ in ends] + [memory for _, memory in ends]
        return rows, ends

    def loss(self, rows: Any, state: Any) -> Value:
        """The loss of one example."""
        result: Value = loss(*self.run(rows, state))
        return result

    def in_torchs_form(self, gradient: Callable[[Value], float]) -> dict[str, Any]:
        """A gradient of each parameter, by PyTorch's names."""
        result: dict[str, Any] = {}
        for place, module in self.modules.items():
            layers = [getattr(module, name) for name in ORDER[self.case.kind]]
            reads = module.n_inputs
            rows = [neuron.weights for layer in layers for neuron in layer.neurons]
            result[f"weight_ih{place}"] = [[gradient(w) for w in row[:reads]] for row in rows]
            result[f"weight_hh{place}"] = [[gradient(w) for w in row[reads:]] for row in rows]
            for name, last in (("ih", "from_inputs"), ("hh", "from_hidden")):
                of_last = getattr(module, last).neurons if self.case.kind == "GRU" else []
                result[f"weight_{name}{place}"] += [[gradient(w) for w in neuron.weights] for neuron in of_last]
                neurons = [neuron for layer in layers for neuron in layer.neurons]
                result[f"bias_{name}{place}"] = [gradient(neuron.bias) for neuron in [*neurons, *of_last]]
        return result


def differences(ours: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, float]:
    """How far our numbers are from PyTorch's, by name, where that is further than rounding explains."""
    assert ours.keys() <= expected.keys()
    far = {name: float(np.abs(np.array(own) - np.array(expected[name])).max()) for name, own in ours.items()}
    return {name: distance for name, distance in far.items() if not distance < 1e-10}


def numbers(nested: Any) -> Any:
    """Values in nested lists as numbers."""
    return nested.data if isinstance(nested, Value) else list(map(numbers, nested))


def as_values(nested: Any) -> Any:
    """Numbers in nested lists as Values."""
    return list(map(as_values, nested)) if isinstance(nested, list) else Value(nested)


def gradients(nested: Any) -> Any:
    """The gradients of Values in nested lists."""
    return nested.grad if isinstance(nested, Value) else list(map(gradients, nested))


@pytest.mark.parametrize("name", CASES)
def test_on_values(name: str) -> None:
    """Outputs, last states, losses and all gradients, those of inputs and first states too, are PyTorch's to 1e-10."""
    case, expected = CASES[name], EXPECTED[name]
    model, given = Stack(case), as_values(list(examples(case)))
    results = [model.run(rows, state) for rows, state in zip(*given, strict=True)]
    losses = [loss(outputs, after) for outputs, after in results]
    (sum(losses[1:], losses[0]) / EXAMPLES).backward()
    ours = {
        "outputs": numbers([outputs for outputs, _ in results]),
        "states": numbers([after for _, after in results]),
        "losses": numbers(losses),
    }
    assert differences(ours, expected) == {}
    found = model.in_torchs_form(lambda parameter: parameter.grad)
    found |= {"sequences": gradients(given[0]), "states": gradients(given[1])}
    assert found.keys() == expected["gradients"].keys()
    assert differences(found, expected["gradients"]) == {}


@pytest.mark.parametrize("target", ["numpy", "python"])
@pytest.mark.parametrize("name", CASES)
def test_lifted(name: str, target: str) -> None:
    """Lifted, a batch of sequences has PyTorch's losses and gradients to 1e-10."""
    case, expected = CASES[name], EXPECTED[name]
    model = Stack(case)
    parameters = model.parameters()
    program: Any = lift(model.loss, parameters, target=target)
    given: Any = [np.array(own) for own in examples(case)] if target == "numpy" else examples(case)
    value, gradient = program.value_and_grad(*given)
    assert float(value) == pytest.approx(np.mean(expected["losses"]), rel=1e-12)
    of_each = dict(zip(map(id, parameters), map(float, gradient), strict=True))
    found = model.in_torchs_form(lambda parameter: of_each[id(parameter)])
    assert differences(found, expected["gradients"]) == {}


def test_all_cases_are_written_down() -> None:
    """The file has the cases of the script, with every kind of module, one layer and several, one direction and two."""
    assert EXPECTED.keys() == CASES.keys()
    assert {case.kind for case in CASES.values()} == set(GATES)
    assert {(case.layers, case.directions) for case in CASES.values()} == {(1, 1), (2, 2)}
    assert {len(row) for row in weights(CASES["LSTM"])["weight_ih_l0"]} == {INPUTS}


@pytest.mark.parametrize("name", CASES)
def test_another_weight_is_told_apart(name: str) -> None:
    """Negative control: with any parameter off by a millionth, the losses are no longer PyTorch's."""
    case = CASES[name]
    model, (rows, states) = Stack(case), examples(case)
    for parameter in (model.parameters()[0], model.parameters()[-1]):
        parameter.data += 1e-6
        ours = {"losses": [model.loss(*example).data for example in zip(rows, states, strict=True)]}
        assert differences(ours, EXPECTED[name]) != {}
        parameter.data -= 1e-6
