"""A graph written as a program is the same graph when the program runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from scalargrad import Value, nn, primitive, softmax, steps
from scalargrad.check.strategies import expressions
from scalargrad.engine.graph import topological_order
from scalargrad.expressions.programs import distinct_words, program_of
from scalargrad.expressions.recorded import Expression


def written(value: Value | list[Value], **names: object) -> tuple[dict[str, Any], dict[Value, str]]:
    """What a graph's program makes, and the variables that hold its nodes."""
    graph = steps(value, names=names).graph
    own = {node for node in graph.order if graph.is_named(node)}
    program, variables = program_of(graph.order, graph.names, own, graph.roots)
    made: dict[str, Any] = {}
    exec(program, made)  # noqa: S102  # the program that was written
    return made, variables


def described(root: Value) -> list[tuple[object, ...]]:
    order = list(topological_order(root))
    places = {node: place for place, node in enumerate(order)}
    return [
        (node.op, repr(node.data), [repr(slope) for slope in node.local_gradients], *map(places.get, node.args))
        for node in order
    ]


def set_of(root: Value) -> list[str]:
    """The nodes, whatever their order: constants that are equal may be one node or several."""
    return sorted(repr(each[:3]) for each in described(root) if each[0] is not None)


@given(expression=expressions())
def test_random_expressions_are_made_again(expression: Expression) -> None:
    """Operations, numbers and local gradients are the same to the bit."""
    result = expression(*map(Value, expression.point))
    if isinstance(result, Value) and result.op is not None:
        made, variables = written(result)
        assert set_of(made[variables[result]]) == set_of(result)


def test_a_network_is_made_again_with_its_names() -> None:
    """Parameters keep the names that the modules have, as labels where they are no variables."""
    model = nn.MLP(2, [3, 2], rng=0)
    x = [Value(1.0), Value(-2.0)]
    loss = softmax(model(x))[0].log()
    made, variables = written(loss, model=model, x=x, loss=loss)
    assert variables[loss] == "loss"
    assert set_of(made["loss"]) == set_of(loss)
    names, again = steps(loss, names={"loss": loss, "x": x}).names, steps(made["loss"], names=made).names
    assert {name for name in again.values() if "x" in name} == {name for name in names.values() if "x" in name}
    assert made["layers_0_neurons_0_weights_0"].data == model.layers[0].neurons[0].weights[0].data


def test_names_that_are_no_variables_become_labels() -> None:
    """Labels with signs, keywords, names of operations, and equal ones."""
    a, b = Value(2.0, label="x1 * w1"), Value(3.0, label="for")
    c, d = Value(1.0, label="tanh"), Value(4.0, label="Value")
    y = (a * b + c).tanh() / d
    y.label = 'say "y"'
    made, variables = written(y)
    assert [made[variables[node]].label for node in (a, b, c, d, y)] == [node.label for node in (a, b, c, d, y)]
    assert set_of(made[variables[y]]) == set_of(y)
    assert len(set(distinct_words(["a b", "a_b", "a-b", "é", ""], set()))) == 5


def test_several_ends_and_long_chains() -> None:
    """Each end has a variable; what is nested too deeply for Python's parser has some on the way."""
    x = Value(0.5)
    chain = x
    for _ in range(500):
        chain = chain.sin()
    made, variables = written([chain, x * 2])
    assert set_of(made[variables[chain]]) == set_of(chain)
    assert "f2" in made


def test_numbers_that_are_not_finite_are_written() -> None:
    """As floats from their names."""
    x = Value(float("inf"))
    y = x * float("-inf") + float("nan")
    made, variables = written(y)
    assert set_of(made[variables[y]]) == set_of(y)


def test_an_operation_of_the_users_own_is_refused() -> None:
    """Another program does not know it, and the error says so."""

    @primitive(partials=[lambda out, x: 0 * x + 2.0])
    def twice_as_much(x: float) -> float:
        return 2 * x

    with pytest.raises(ValueError, match="twice_as_much is declared in your program"):
        written(twice_as_much(Value(1.0)))
