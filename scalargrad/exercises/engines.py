"""Exercises on an engine that the learner writes: a tiny class Value, and the order of its graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations, islice
from typing import Any, NamedTuple

from ..engine.value import Value
from ..misconceptions import ASSIGNED, Misconception, all_close
from .declaring import declare
from .running import MOST, Refused, answering, function, in_short, numbers, shown
from .sweeps import known_at, operation_of, places_of, swept
from .verdict import Verdict, right, wrong

NOT_STARTED = Misconception(
    "start forgotten",
    "Everything stays 0: the gradient of the end with respect to itself is 1, and the pass starts there.",
)
STARTED_EVERYWHERE = Misconception(
    "start everywhere", "Only the end begins with the gradient 1: every other node gets what is passed on to it."
)
FIRST_OPERATION = Misconception(
    "not from the end to the start",
    "Only the operands of the last operation have received something: go through the nodes from the end backwards, so "
    "that each has its gradient when it passes it on.",
)
TOO_SOON = Misconception(
    "passed on too soon",
    "A node that is used twice has passed on its gradient before all of it had arrived, or twice: a node's turn comes "
    "once, after all nodes that were computed from it.",
)


class Expression(NamedTuple):
    """An expression to differentiate in x, y and z."""

    text: str
    of: Callable[..., Any]


POINT = (0.7, -1.3, 0.4)
SINGLE = [
    Expression("x + y", lambda x, y, z: x + y),
    Expression("x * y", lambda x, y, z: x * y),
    Expression("x.tanh()", lambda x, y, z: x.tanh()),
]
CHAINS = [
    Expression("(x * y).tanh()", lambda x, y, z: (x * y).tanh()),
    Expression("x * y * z", lambda x, y, z: x * y * z),
    Expression("(x + y) * z", lambda x, y, z: (x + y) * z),
    Expression("x.tanh() * y", lambda x, y, z: x.tanh() * y),
    Expression("(x + y.tanh()).tanh()", lambda x, y, z: (x + y.tanh()).tanh()),
]
SHARED = [
    Expression("x + x", lambda x, y, z: x + x),
    Expression("x * x", lambda x, y, z: x * x),
    Expression("x * y + x", lambda x, y, z: x * y + x),
    Expression("x.tanh() * x", lambda x, y, z: x.tanh() * x),
    Expression("x * y + y * z", lambda x, y, z: x * y + y * z),
]


def _doubled(x: Any, *_: Any) -> Any:
    b = x + x
    return b + b


def _product_and_sum(x: Any, y: Any, z: Any) -> Any:
    d = x * y
    return d * d + d * z


def _far_and_near(x: Any, y: Any, z: Any) -> Any:
    d = x * y
    return d * (d.tanh() * z).tanh()


def _near_and_far(x: Any, y: Any, z: Any) -> Any:
    d = x + y
    return (d * z).tanh().tanh() * d


SHARED_NODES = [
    Expression("b + b with b = x + x", _doubled),
    Expression("d * d + d * z with d = x * y", _product_and_sum),
    Expression("d * (d.tanh() * z).tanh() with d = x * y", _far_and_near),
    Expression("(d * z).tanh().tanh() * d with d = x + y", _near_and_far),
]
ALL = [*SINGLE, *CHAINS, *SHARED, *SHARED_NODES]


def judge_engine(answer: Any) -> Verdict:
    """Judge a class Value with +, *, tanh() and backward(), by the gradients of expressions.

    Args:
        answer: the class.

    Returns:
        The verdict.
    """
    made = function(answer, "Value")
    given = {expression.text: _gradients(made, expression) for expression in ALL}
    faulty = [expression for expression in ALL if not all_close(given[expression.text], _right(expression))]
    if not faulty:
        return right(
            f"The gradients of {len(ALL)} expressions are those of scalargrad, also where a node is used twice."
        )
    first = faulty[0]
    at = ", ".join(f"{name} = {x:g}" for name, x in zip("xyz", POINT, strict=True))
    pairs = zip("xyz", given[first.text], _right(first), strict=True)
    wrong_ones = "; ".join(
        "df/d{} is {}, and should be {}".format(name, *shown(slope, wanted))
        for name, slope, wanted in pairs
        if not all_close([slope], [wanted])
    )
    where = f"For f = {first.text} at {at}: {wrong_ones}."
    return wrong(where, misconception=_behind(given, faulty))


def _gradients(made: Callable[..., Any], expression: Expression) -> list[float]:
    with answering():
        variables = [made(x) for x in POINT]
        result = expression.of(*variables)
    wanted = expression.of(*map(Value, POINT)).data
    data = numbers(_read(result, "data"), "The data of a result is")
    if not all_close(data, [wanted]):
        raise Refused(f"The data of {expression.text} itself is {in_short(data)}, and should be {wanted:.6g}.")
    with answering():
        result.backward()
    gradients = [_read(variable, "grad") for variable in variables]
    return numbers([0.0 if gradient is None else gradient for gradient in gradients], "The grad of a variable is")


def _read(value: Any, name: str) -> Any:
    with answering():
        return getattr(value, name)


def _recorded(expression: Expression) -> tuple[Value, list[Value]]:
    variables = [Value(x) for x in POINT]
    return expression.of(*variables), variables


def _right(expression: Expression) -> list[float]:
    result, variables = _recorded(expression)
    result.backward()
    return [variable.grad for variable in variables]


def _behind(given: dict[str, list[float]], faulty: Sequence[Expression]) -> Misconception | None:
    """The misconception behind gradients, from the simplest expressions to those that share nodes."""
    if not any(chain.from_iterable(given.values())):
        return NOT_STARTED
    if all(gradient in (0.0, 1.0) for gradient in chain.from_iterable(given.values())):
        return STARTED_EVERYWHERE
    if all(expression in SHARED_NODES for expression in faulty):
        return TOO_SOON
    if not any(expression in (*SINGLE, *CHAINS) for expression in faulty):
        return ASSIGNED if all(_is_one_of_several(expression, given) for expression in SHARED) else None
    return _behind_unshared(given)


def _behind_unshared(given: dict[str, list[float]]) -> Misconception | None:
    """The misconception behind gradients that are wrong even where every node is used once."""
    unshared = [*SINGLE, *CHAINS]
    if all(all_close(given[one.text], _of_first_operation(one)) for one in unshared):
        return FIRST_OPERATION
    for misconception, gradients in _mistaken(unshared):
        if all(all_close(given[one.text], row) for one, row in zip(unshared, gradients, strict=True)):
            return misconception
    return None


def _is_one_of_several(expression: Expression, given: dict[str, list[float]]) -> bool:
    """Whether each variable has its gradient or, where it is used twice, one of its contributions."""
    result, variables = _recorded(expression)
    result.backward()
    for variable, gradient in zip(variables, given[expression.text], strict=True):
        contributions = [
            node.grad * node.local_gradients[i] for node, i in places_of(result) if node.args[i] is variable
        ]
        if not any(all_close([gradient], [one]) for one in (sum(contributions), *contributions)):
            return False
    return True


def _of_first_operation(expression: Expression) -> list[float]:
    """The gradients if the last operation alone has passed something on."""
    result, variables = _recorded(expression)
    slopes = dict(zip(result.args, result.local_gradients, strict=True))
    return [slopes.get(variable, 0.0) for variable in variables]


def _mistaken(expressions: Sequence[Expression]) -> Iterator[tuple[Misconception, list[list[float]]]]:
    """The gradients of all expressions, for each misconception, in one operation or in all."""
    graphs = [_recorded(expression) for expression in expressions]
    every = [place for result, _ in graphs for place in places_of(result)]
    names = dict.fromkeys(operation_of(node) for node, _ in every)
    for operations in chain.from_iterable(combinations(names, count) for count in (1, 2, 3)):
        chosen = {place for place in every if operation_of(place[0]) in operations}
        for sides in (chosen, {(node, i) for node, i in chosen if i == 0}, {(node, i) for node, i in chosen if i == 1}):
            for misconception in known_at(chosen):
                yield misconception, [swept(result, variables, misconception, sides) for result, variables in graphs]


# ---------------------------------------------------------------- the class


@declare(
    "why-plus-equals",
    chapter=8,
    title="An engine with a fault",
    text="""
    This is an engine in a few lines. It is right as long as every number is used once, and wrong where one is used
    twice: for `x + x` it gives 1. Find out why, and mend it.
    """,
    start="""
    import math

    class Value:
        def __init__(self, data, operands=()):
            self.data, self.operands, self.grad = data, operands, 0.0
            self._backward = lambda: None

        def __add__(self, other):
            out = Value(self.data + other.data, (self, other))
            def _backward():
                self.grad = out.grad
                other.grad = out.grad
            out._backward = _backward
            return out

        def __mul__(self, other):
            out = Value(self.data * other.data, (self, other))
            def _backward():
                self.grad = other.data * out.grad
                other.grad = self.data * out.grad
            out._backward = _backward
            return out

        def tanh(self):
            out = Value(math.tanh(self.data), (self,))
            def _backward():
                self.grad = (1 - out.data**2) * out.grad
            out._backward = _backward
            return out

        def backward(self):
            order = []
            def visit(node):
                if node not in order:
                    for operand in node.operands:
                        visit(operand)
                    order.append(node)
            visit(self)
            self.grad = 1.0
            for node in reversed(order):
                node._backward()
    """,
    answer="Value",
)
def _why_plus_equals(answer: Any) -> Verdict:
    return judge_engine(answer)


@declare(
    "own-backward",
    chapter=10,
    title="An engine of your own",
    text="""
    The sum knows already how to pass a gradient on to its operands. Write the same for the product and for tanh. Then
    write `backward`: it finds the order, starts with the gradient 1 at the end, and lets each node pass on what it has
    received.
    """,
    start="""
    import math

    class Value:
        def __init__(self, data, operands=()):
            self.data, self.operands, self.grad = data, operands, 0.0
            self._backward = lambda: None

        def __add__(self, other):
            out = Value(self.data + other.data, (self, other))
            def _backward():
                self.grad += out.grad
                other.grad += out.grad
            out._backward = _backward
            return out

        def __mul__(self, other):
            out = Value(self.data * other.data, (self, other))
            def _backward():
                ...
            out._backward = _backward
            return out

        def tanh(self):
            out = Value(math.tanh(self.data), (self,))
            def _backward():
                ...
            out._backward = _backward
            return out

        def backward(self):
            ...
    """,
    answer="Value",
)
def _own_backward(answer: Any) -> Verdict:
    return judge_engine(answer)


# ---------------------------------------------------------------- the order


class Node:
    """A node of a graph: its name, and its operands."""

    def __init__(self, name: str, *operands: Node) -> None:
        self.name, self.operands = name, operands

    def __repr__(self) -> str:
        return self.name


TWICE = Misconception(
    "a node twice", "A node that is used twice stands twice in the list: note which ones you have seen."
)
LEFT_OVER = Misconception(
    "left over from an earlier call",
    "A list or a mark of an earlier call is still there: start each call anew. A list as a default argument, and marks "
    "on the nodes, stay.",
)
RESULTS_FIRST = Misconception(
    "results first", "The list goes from the end to the start: every node must stand behind its operands."
)
INCOMPLETE = Misconception("nodes missing", "Every node must be in it, the first variables and the end too.")
TOO_EARLY = Misconception(
    "noted before its operands", "Visit the operands of a node first, and put the node itself into the list after them."
)
BY_LEVELS = Misconception(
    "level by level",
    "How far a node is from the end does not decide: it may be an operand of the end, and of another node before.",
)


def _graphs() -> list[Node]:
    """Several graphs, which share no nodes."""
    return [_graph(i) for i in range(6)]


def _graph(i: int) -> Node:
    a, b = Node("a"), Node("b")
    c = Node("c", a, b)
    d, e = Node("d", c, b), Node("e", c)
    f = Node("f", d, e)
    skip = Node("h", a, Node("g", c, Node("i", a)))
    b2 = Node("q", a, a)
    return [a, Node("d", Node("c", a, b), a), Node("r", b2, b2), f, skip, Node("k", c, Node("m", f, c), f)][i]


def _is_order(nodes: Sequence[Node]) -> bool:
    """Whether every node stands behind its operands."""
    places = {node: i for i, node in enumerate(nodes)}
    return all(places[operand] < places[node] for node in nodes for operand in node.operands)


def _reached(root: Node) -> set[Node]:
    reached, waiting = {root}, [root]
    while waiting:
        for operand in waiting.pop().operands:
            if operand not in reached:
                reached.add(operand)
                waiting.append(operand)
    return reached


@declare(
    "the-order",
    chapter=9,
    title="Every node after its operands",
    text="""
    A node has a tuple `operands`, which is empty for a variable. Return a list of all nodes that a root was computed
    from, and the root itself: each once, and each after all of its operands. For c = b + b with b = a + a it is
    [a, b, c].
    """,
    start="""
    class Node:
        def __init__(self, name, *operands):
            self.name, self.operands = name, operands

        def __repr__(self):
            return self.name

    def order(root):
        return ...

    a = Node("a")
    b = Node("b", a, a)
    c = Node("c", b, b)
    print(order(c))  # should be [a, b, c]
    """,
    answer="order",
)
def _the_order(answer: Any) -> Verdict:
    order = function(answer, "order")
    given = [(root, _listed(order, root)) for root in _graphs()]
    for root, listed in given:
        if not _is_right_order(root, listed):
            sources = ", ".join(
                f"{node} = f({', '.join(map(repr, node.operands))})"
                for node in sorted(_reached(root), key=repr)
                if node.operands
            )
            return wrong(f"For the root {root!r} of {sources} your list is {listed}.", misconception=_disorder(given))
    for root, listed in given:
        again = _listed(order, root)
        if not _is_right_order(root, again):
            where = f"For the root {root!r} your list is {listed}, and {again} when order is called again."
            return wrong(where, misconception=LEFT_OVER)
    return right(f"Each node stands behind its operands in all {len(given)} graphs, and stands there once.")


def _listed(order: Callable[..., Any], root: Node) -> list[Node]:
    operands = {node: node.operands for node in _reached(root)}
    with answering():
        listed = order(root)
    if listed is ... or listed is None:
        numbers(listed, "order returns")
    with answering():
        listed = list(islice(listed, MOST))
    if not all(isinstance(node, Node) for node in listed):
        raise Refused(f"order returns {in_short(listed)}, and a list of nodes is wanted.")
    if any(node.operands is not before for node, before in operands.items()):
        raise Refused("order has changed the operands of a node: leave the graph as it is.")
    return listed


def _is_right_order(root: Node, listed: Sequence[Node]) -> bool:
    return len(listed) == len(set(listed)) and set(listed) == _reached(root) and _is_order(listed)


def _disorder(given: Sequence[tuple[Node, list[Node]]]) -> Misconception | None:
    if any(set(listed) - _reached(root) for root, listed in given):
        return LEFT_OVER
    if any(len(listed) != len(set(listed)) for _, listed in given):
        return TWICE
    if any(set(listed) != _reached(root) for root, listed in given):
        return INCOMPLETE
    if all(_is_order(listed[::-1]) for _, listed in given):
        return RESULTS_FIRST
    for way, misconception in ((_depth_first, TOO_EARLY), (_breadth_first, BY_LEVELS)):
        expected = [way(root) for root, _ in given]
        for turned in (expected, [nodes[::-1] for nodes in expected]):
            if turned == [listed for _, listed in given]:
                return misconception
    return None


def _depth_first(root: Node) -> list[Node]:
    seen: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in seen:
            seen[node] = None
            for operand in node.operands:
                visit(operand)

    visit(root)
    return list(seen)


def _breadth_first(root: Node) -> list[Node]:
    seen = {root: None}
    for node in (waiting := [root]):
        for operand in node.operands:
            if operand not in seen:
                seen[operand] = None
                waiting.append(operand)
    return list(seen)
