"""The sweep, as somebody does it who has a misconception."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ..engine.graph import topological_order
from ..engine.value import Value
from ..misconceptions import ASSIGNED, Misconception, of_contribution

Place = tuple[Value, int]  # a result, and the position of one of its operands


def swept(
    result: Value, variables: Sequence[Value], misconception: Misconception, places: Collection[Place]
) -> list[float]:
    """Return the gradients of a sweep with a misconception at some places.

    >>> from scalargrad.misconceptions import UPSTREAM_FORGOTTEN
    >>> x, y = Value(2.0), Value(3.0)
    >>> product = x * y
    >>> swept(product.tanh(), [x, y], UPSTREAM_FORGOTTEN, {(product, 0)})
    [3.0, 4.9153...e-05]
    """
    sums = {result: 1.0}
    for node in reversed(topological_order(result)):
        upstream = sums.get(node, 0.0)
        for i, operand in enumerate(node.args):
            contribution, is_wrong = upstream * node.local_gradients[i], (node, i) in places
            if is_wrong and misconception is ASSIGNED:
                sums[operand] = contribution
                continue
            if is_wrong:
                contribution = of_contribution(node, i, upstream).get(misconception, contribution)
            sums[operand] = sums.get(operand, 0.0) + contribution
    return [sums.get(variable, 0.0) for variable in variables]


def places_of(result: Value) -> list[Place]:
    """Return where the sweep makes contributions, from the end backwards.

    >>> x = Value(2.0)
    >>> [position for _, position in places_of(x * x)]
    [0, 1]
    """
    nodes = reversed(topological_order(result))
    return [(node, i) for node in nodes for i, operand in enumerate(node.args) if operand.takes_gradient]


def operation_of(node: Value) -> str:
    """Return the name of the operation that made a node.

    >>> operation_of(Value(2.0).tanh())
    'tanh'
    """
    assert node.op is not None
    return node.op.name


def written(node: Value) -> str:
    """Return how a node was computed, in the labels of its operands.

    >>> x = Value(2.0, label="x")
    >>> written(x * 3), written(x * (x + 1))
    ('x * 3', 'x * …')
    """
    assert node.op is not None
    names = [one.label or ("…" if one.takes_gradient else f"{one.data:g}") for one in node.args]
    return node.op.notation.format(*names)


def known_at(places: Collection[Place]) -> list[Misconception]:
    """Return the misconceptions that change something at some place, whatever the upstream gradient is.

    >>> x = Value(2.0)
    >>> [one.name for one in known_at(places_of(x + 1))]
    ['= for +=', 'upstream forgotten', 'sum for product', 'sign']
    """
    return [ASSIGNED, *dict.fromkeys(key for node, i in places for key in of_contribution(node, i, 2.0))]


def predicted(result: Value, variables: list[Value]) -> Iterator[tuple[Misconception, str, list[float]]]:
    """Yield the gradients that somebody would predict who has a misconception, at every operation or at one.

    Args:
        result: the end of the graph.
        variables: those whose gradients are predicted.

    Yields:
        The misconception, how the node where it is was computed ("" for all nodes), and the gradients.
    """
    places = places_of(result)
    of_variables = [place for place in places if all(operand.takes_gradient for operand in place[0].args)]
    groups = [("", places), ("", of_variables)]
    nodes = dict.fromkeys(node for node, _ in places)
    groups += [(written(node), [place for place in places if place[0] is node]) for node in nodes]
    groups += [(written(node), [(node, i)]) for node, i in places]
    for where, group in groups:
        for misconception in known_at(places):
            yield misconception, where, swept(result, variables, misconception, set(group))
