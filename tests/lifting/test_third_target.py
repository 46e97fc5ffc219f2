"""A target from outside: registered by a line in the table, it computes what the others do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, lift, maximum, tanh
from scalargrad.lifting.target import TARGETS, Entry, Target, chosen
from tests.lifting import functional_target
from tests.lifting.nets import Net, all_nets, relative
from tests.lifting.shapes import all_shapes
from tests.lifting.test_random_nets import RandomNet, near

untraced = pytest.mark.no_cover  # traced line by line, it would take several times as long
NETS = {net.name: net for net in (*all_nets(), *all_shapes())}
each_net = pytest.mark.parametrize("net", NETS.values(), ids=list(NETS))
ENTRY = Entry("tests.lifting.functional_target:FunctionalTarget")


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TARGETS, "functional", ENTRY)
        yield


def several_of(net: Net) -> Any:
    """A function of several results."""

    def several(*arguments: Any) -> list[Any]:
        loss = net.loss(*arguments)
        return [loss, tanh(loss), net.parameters[0] * 1.0]

    return several


@untraced
@each_net
def test_a_third_target_computes_the_same(net: Net) -> None:
    """Results, several results, gradient and Hessian times a vector of every network are those of numpy's target."""
    third, expected = (lift(net.loss, net.parameters, target=name) for name in ("functional", "numpy"))
    vector = np.linspace(-1.0, 1.0, len(net.parameters))
    assert relative(third(*net.batch), expected(*net.batch)) < 1e-12
    for lifted, own in zip(third.value_and_grad(*net.batch), expected.value_and_grad(*net.batch), strict=True):
        assert relative(lifted, own) < 1e-12
    scale = max(1.0, float(np.max(np.abs(expected.hvp(*net.batch, vector)))))
    assert np.max(np.abs(third.hvp(*net.batch, vector) - expected.hvp(*net.batch, vector))) < 1e-11 * scale
    third, expected = (lift(several_of(net), net.parameters, target=name) for name in ("functional", "numpy"))
    assert relative(third(*net.batch), expected(*net.batch)) < 1e-12


@untraced
@given(seed=st.integers(0, 2**32))
def test_a_third_target_computes_any_network(seed: int) -> None:
    """So are those of networks put together at random, in any precision of the table."""
    net = RandomNet(seed)
    net.weights()
    rows = np.random.default_rng(seed).normal(size=(3, net.widths[0]))
    third, expected = (lift(net.loss, net.parameters, target=name, check=False) for name in ("functional", "numpy"))
    assert near(third(rows), expected(rows))
    assert near(third.value_and_grad(rows)[1], expected.value_and_grad(rows)[1])


def test_a_third_target_that_is_wrong_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: where it puts arrays together with a factor 1.001, the first call is a disagreement."""
    w = [Value(0.5), Value(-0.5), Value(1.0)]

    def loss(x: Any) -> Any:
        return maximum(maximum(w[0] * x, w[1] * x), w[2]) * tanh(x)

    assert near(lift(loss, w, target="functional")([1.0, 2.0]), lift(loss, w)([1.0, 2.0]))
    right = functional_target.put_together
    monkeypatch.setattr(functional_target, "put_together", lambda *given: 1.001 * right(*given))
    program = lift(loss, w, target="functional")
    with pytest.raises(ArithmeticError, match="the gradient in parameter"):
        program.value_and_grad([1.0, 2.0])


def test_the_table_is_what_can_be_chosen() -> None:
    """A registered target is listed, and has no more precisions than its line says; numpy's stays the first."""
    with pytest.raises(ValueError, match='target must be "numpy" or "python" or "jax" or "functional", got'):
        chosen("C", "float64")
    with pytest.raises(ValueError, match='the target "functional" computes in "float64", got dtype'):
        chosen("functional", "float32")
    assert type(chosen(None, "float64")).__name__ == "NumpyTarget"


def test_each_class_in_the_table_is_a_target() -> None:
    """What a line of the table names has all that the protocol asks for, and keeps the precision."""
    methods = {name for name in vars(Target) if not name.startswith("_")}
    assert {"rows", "runner", "group"} <= methods
    for name, entry in TARGETS.items():
        for dtype in entry.dtypes:
            with jax.enable_x64(True):
                target = chosen(name, dtype)
            assert {method for method in methods if not hasattr(target, method)} == set()
            assert str(vars(target)["dtype"]) == dtype


def test_what_a_target_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package a target with an extra says what to install; one without says what is missing."""
    monkeypatch.setitem(TARGETS, "other", Entry("nowhere_at_all:Target", extra="lift"))
    monkeypatch.setitem(TARGETS, "another", Entry("nowhere_at_all:Target"))
    with pytest.raises(ImportError, match='the target "other" needs the extra lift: '):
        chosen("other", "float64")
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        chosen("another", "float64")


@pytest.mark.parametrize("place", ["tests.lifting.functional_target", "", ":Target", "nowhere:", "nowhere.Target"])
def test_a_place_names_a_module_and_a_class(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target whose place lacks the module or the class is an error that shows how it is written."""
    monkeypatch.setitem(TARGETS, "other", Entry(place))
    with pytest.raises(ValueError, match=f'the place of the target "other" must be "module:class", got \'{place}\''):
        chosen("other", "float64")
