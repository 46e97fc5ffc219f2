"""What is decided before a program is written: what is read is still there, and nothing is written over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import lift
from scalargrad.engine import primitives as p
from scalargrad.lifting.arrays.program import Apply, Fold, Piece, Places
from scalargrad.lifting.names import Names
from scalargrad.lifting.source import Source, Wanted
from scalargrad.lifting.to_numpy.filling import Filling
from scalargrad.lifting.to_numpy.plan import Plan, planned
from scalargrad.lifting.to_numpy.writer import write
from tests.lifting.nets import all_nets
from tests.lifting.shapes import all_shapes
from tests.lifting.test_random_nets import RandomNet
from tests.lifting.to_numpy.test_hand_made import MADE, N_THETA


def plans_of(loss: Any, parameters: Any, batch: Any) -> list[Plan]:
    """The plans of all functions of a network's program."""
    heard: list[Wanted] = []

    def written(wanted: Wanted, dtype: str) -> Source:
        heard.append(wanted)
        return write(wanted, dtype)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scalargrad.lifting.to_numpy.target.write", written)
        program: Any = lift(loss, parameters, target="numpy", check=False)
        program(*batch)
        program.value_and_grad(*batch)
        program.hvp(*batch, np.ones(len(parameters)))
    assert len(heard) == 3
    return [planned(wanted) for wanted in heard]


def faults(plan: Plan) -> list[str]:
    """What would go wrong in a program that is written by a plan."""
    listed = []
    for array in plan.order:
        position = plan.position[array]
        for operand in array.arrays:
            if plan.position[operand] >= position:
                listed.append(f"{operand} is computed after {array}, which reads it")
            listed += [
                f"{one} is let go before {array}" for one in plan.stored[operand] if plan.last_use[one] < position
            ]
        listed += [f"{array} has no buffer of its own" for one in plan.stored[array] if one in plan.aliases]
        if array in plan.summed and not all(isinstance(user, Fold) for user in plan.users[array]):
            listed.append(f"{array} is read and never written out")
    for array in plan.kept - plan.in_gradient.keys():
        listed += [f"{one} is let go" for one in plan.stored[array] if plan.last_use[one] < len(plan.order)]
    written = np.zeros(plan.gradient_size, int)
    for lies in plan.in_gradient.values():
        places = np.arange(plan.gradient_size)
        written[eval(lies.of_buffer("places", plan.gradient_size, batched=False), {"places": places})] += 1  # noqa: S307
    if (written > 1).any():
        listed.append("two results are computed in the same places of the gradient")
    return listed


@pytest.mark.parametrize("net", [*all_nets(), *all_shapes()], ids=lambda net: net.name)
def test_a_plan_has_no_faults(net: Any) -> None:
    """Of every network's functions: what is read is computed before, kept until then, and written once."""
    for plan in plans_of(net.loss, net.parameters, net.batch):
        assert faults(plan) == []


@given(seed=st.integers(0, 2**32))
def test_a_plan_of_any_network_has_no_faults(seed: int) -> None:
    """The same of networks put together at random."""
    net = RandomNet(seed)
    net.weights()
    for plan in plans_of(net.loss, net.parameters, (np.ones((2, net.widths[0])),)):
        assert faults(plan) == []


@pytest.mark.parametrize("made", MADE)
def test_a_plan_of_unusual_shapes_has_no_faults(made: Any) -> None:
    """The same of array programs made by hand."""
    root = made()
    wanted = Wanted("total", ["x"], [root], None, {"theta": N_THETA}, Names([root], {}, ["x"]), "A program.")
    assert faults(planned(wanted)) == []


def test_faults_are_seen() -> None:
    """Negative control: a buffer let go too early, and two results in one place, are found."""
    net = next(net for net in all_nets() if net.name == "classifier, tanh")
    plan = plans_of(net.loss, net.parameters, net.batch)[1]
    assert "is let go before" in faults(replace(plan, last_use=dict(plan.position)))[0]
    first, second, *_ = plan.in_gradient
    twice = {**plan.in_gradient, second: plan.in_gradient[first]}
    assert faults(replace(plan, in_gradient=twice)) == ["two results are computed in the same places of the gradient"]
    assert "is computed after" in faults(replace(plan, position=dict.fromkeys(plan.position, 0)))[0]
    product = next(array for array in plan.order if isinstance(array, Apply) and array.primitive is p.tanh)
    assert "never written out" in faults(replace(plan, summed={product}))[0]


def test_the_products_of_layers_are_not_written_out() -> None:
    """The products that only sums read are those of the layers, forward and backward; a product read twice is not."""
    net = next(net for net in all_nets() if net.name == "dense, bias_first")
    plan = plans_of(net.loss, net.parameters, net.batch)[1]
    assert len(plan.summed) == 6  # two layers, their weights' gradients, the gradient of what is between, the squares
    assert {array.primitive for array in plan.summed if isinstance(array, Apply)} == {p.multiply}
    assert plan.in_gradient


# ---------------------------------------------------------------- fillings

pieces = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), max_size=4)


@given(listed=pieces, whole=st.booleans())
def test_filled_step_by_step(listed: list[list[int]], whole: bool) -> None:
    """In a buffer full of nan, set where a step is fresh and added elsewhere, is what the pieces add up to."""
    numbers = [np.arange(1.0, 1 + len(places)) for places in listed]
    made = [Piece(0.0, (), Places(np.array(places))) for places in listed]
    if whole:
        numbers.append(np.ones(6))
        made.append(Piece(0.0, (), Places(np.arange(6))))
    filling = Filling(made, 6)
    buffer, expected = np.full(6, np.nan), np.zeros(6)
    if filling.adds_to_gaps:
        buffer[:] = 0.0
    elif filling.leaves_gaps:
        buffer[:] = 0.0  # once, as they stay
    for step, added in zip(filling.steps, numbers, strict=True):
        index = step.piece.places.index
        np.add.at(expected, index, added)
        if step.is_fresh and step.is_once:
            buffer[index] = added
        elif step.is_once:
            buffer[index] += added
        else:
            np.add.at(buffer, index, added)
    assert np.array_equal(buffer, expected)
    filled = [place for step in filling.steps for place in step.piece.places.in_a_row()]
    assert filling.fills_once == (len(set(filled)) == len(filled))


def test_a_filling_that_is_taken_for_fresh_is_seen() -> None:
    """Negative control: what is set where something was already, is not what the pieces add up to."""
    filling = Filling([Piece(0.0, (), Places(np.arange(2))), Piece(0.0, (), Places(np.arange(1, 3)))], 3)
    assert [step.is_fresh for step in filling.steps] == [True, False]
    assert not filling.fills_once
