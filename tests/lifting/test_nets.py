"""Networks of every kind: the lifted program computes what the scalar loop and the textbook's array program do."""

from __future__ import annotations

import functools
from typing import Any

import autograd
import numpy as np
import pytest

from scalargrad import Value, hvp, lift
from tests.lifting.nets import Net, all_nets, relative
from tests.lifting.shapes import all_shapes

NETS = {net.name: net for net in (*all_nets(), *all_shapes())}
TARGETS = ["numpy", "python"]
ROUNDING = 1e-12

each_net = pytest.mark.parametrize("net", NETS.values(), ids=list(NETS))
each_target = pytest.mark.parametrize("target", TARGETS)


@functools.cache
def program(name: str, target: str) -> Any:
    return lift(NETS[name].loss, NETS[name].parameters, target=target)


def values(row: Any) -> Any:
    """A row of numbers as Values, nested as it is."""
    return [values(part) for part in row] if np.ndim(row) else Value(float(row))


def examples(net: Net) -> list[Any]:
    """The eager engine's losses, one graph for each example."""
    return [net.loss(*map(values, rows)) for rows in zip(*net.batch, strict=True)]


def eager_gradient(net: Net) -> tuple[float, list[float]]:
    """The mean loss and its gradient, by one sweep for each example."""
    for parameter in net.parameters:
        parameter.zero_grad()
    losses = examples(net)
    for loss in losses:
        loss.backward(1 / len(losses))
    gradient = [parameter.grad for parameter in net.parameters]
    for parameter in net.parameters:
        parameter.zero_grad()
    return float(np.mean([loss.data for loss in losses])), gradient


def theta(net: Net) -> Any:
    return np.array([parameter.data for parameter in net.parameters])


def mean_of_arrays(net: Net) -> Any:
    """The oracle's mean loss as a function of the parameters."""
    return lambda theta: autograd.numpy.mean(net.arrays(theta, *net.batch))


@each_net
def test_the_two_oracles_agree(net: Net) -> None:
    """The scalar loop and the array program compute the same, so that each may judge the lifted program."""
    value, gradient = eager_gradient(net)
    array_value, array_gradient = autograd.value_and_grad(mean_of_arrays(net))(theta(net))
    assert relative([value], [array_value]) < ROUNDING
    assert relative(gradient, array_gradient) < 10 * ROUNDING


@each_target
@each_net
def test_one_loss_for_each_example(net: Net, target: str) -> None:
    """`program(X, …)` gives for each row what the scalar code and the array program give."""
    losses = program(net.name, target)(*net.batch)
    assert relative(losses, [loss.data for loss in examples(net)]) < ROUNDING
    assert relative(losses, net.arrays(theta(net), *net.batch)) < ROUNDING


@each_target
@each_net
def test_the_mean_and_its_gradient(net: Net, target: str) -> None:
    """`value_and_grad` is the sum of the sweeps of all examples, divided by their number."""
    value, gradient = program(net.name, target).value_and_grad(*net.batch)
    eager_value, expected = eager_gradient(net)
    assert relative([value], [eager_value]) < ROUNDING
    assert relative(gradient, expected) < ROUNDING
    assert relative(gradient, autograd.grad(mean_of_arrays(net))(theta(net))) < 10 * ROUNDING


@each_target
@each_net
def test_at_other_parameters(net: Net, target: str) -> None:
    """With `at` the parameters are those given, and the Values' own are neither read nor changed."""
    before = theta(net)
    there = 0.7 * before + 0.1
    value, gradient = program(net.name, target).value_and_grad(*net.batch, at=list(there))
    array_value, array_gradient = autograd.value_and_grad(mean_of_arrays(net))(there)
    assert relative([value], [array_value]) < ROUNDING
    assert relative(gradient, array_gradient) < 10 * ROUNDING
    assert theta(net).tolist() == before.tolist()


@pytest.mark.no_cover  # traced line by line, it would take several times as long
@each_target
@each_net
def test_the_hessian_times_a_vector(net: Net, target: str) -> None:
    """`hvp` is the scalar engine's Hessian-vector product, averaged over the examples, and the oracle's."""
    rng = np.random.default_rng(3)
    vector = rng.normal(size=len(net.parameters))
    product = program(net.name, target).hvp(*net.batch, list(vector))
    rows = [[entry.data for entry in hvp(loss, net.parameters, vector.tolist())] for loss in examples(net)]
    expected = np.mean(rows, axis=0)
    scale = max(1.0, float(np.max(np.abs(rows))))
    assert np.max(np.abs(np.asarray(product) - expected)) <= ROUNDING * scale
    slope = autograd.grad(mean_of_arrays(net))
    along = autograd.grad(lambda t: autograd.numpy.sum(slope(t) * vector + 0 * t * t))  # where the slope is constant, 0
    assert np.max(np.abs(expected - along(theta(net)))) < 1e-10 * scale


@each_target
@each_net
def test_the_batch_is_the_loop(net: Net, target: str) -> None:
    """A batch gives the loss of each of its examples, and the mean of their gradients."""
    lifted = program(net.name, target)
    alone = [[array[i : i + 1] for array in net.batch] for i in range(len(net.batch[0]))]
    assert relative(lifted(*net.batch), [lifted(*rows)[0] for rows in alone]) < ROUNDING
    gradients = [list(lifted.value_and_grad(*rows)[1]) for rows in alone]
    _, whole = lifted.value_and_grad(*net.batch)
    assert relative(whole, np.mean(gradients, axis=0)) < ROUNDING


@each_target
@each_net
def test_backward_adds_to_the_parameters(net: Net, target: str) -> None:
    """`backward` returns the mean and adds its gradient to each parameter's `.grad`; twice is exactly double."""
    lifted = program(net.name, target)
    value, gradient = lifted.value_and_grad(*net.batch)
    for parameter in net.parameters:
        parameter.zero_grad()
    assert lifted.backward(*net.batch) == value
    once = [parameter.grad for parameter in net.parameters]
    assert once == list(gradient)
    lifted.backward(*net.batch)
    assert [parameter.grad for parameter in net.parameters] == [2 * entry for entry in once]
    for parameter in net.parameters:
        parameter.zero_grad()


@each_net
def test_a_wrong_oracle_is_told_apart(net: Net) -> None:
    """Negative control: a gradient with one entry off by a millionth of its largest is seen by the same measure."""
    _, gradient = program(net.name, "numpy").value_and_grad(*net.batch)
    wrong = np.array(gradient)
    wrong[0] += 1e-6 * np.max(np.abs(wrong))
    assert relative(wrong, gradient) > 1e5 * ROUNDING
