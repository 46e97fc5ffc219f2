"""Copies and pickles of a graph. The graph becomes a flat list of nodes, so that its depth does not matter.

Copies of subclasses of Value keep the attributes that the subclass adds, in its `__dict__` and in slots.
"""

from __future__ import annotations

import copy as copying
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .floats import refuse_set
from .graph import Node, leaf, link, locals_of, operands_of, topological_order
from .notes import Mark, marks_of, note, notes_of

Flat = tuple[list[Any], list[tuple[int, Any]]]  # leaves, and rows for results; the states of results by place


def is_plain(node: Node) -> bool:
    """Return whether the node's class belongs to the engine: it adds no attributes."""
    return "is_plain" in vars(node.__class__)


# ---------------------------------------------------------------- attributes of subclasses


def state_of(node: Node) -> Any:
    """Return the attributes that a subclass adds, in the form of `object.__getstate__`, or None."""
    if is_plain(node):
        return None
    state: Any = object.__getstate__(node)
    attributes, slots = state
    added = {name: content for name, content in slots.items() if name not in Node.__slots__}
    return (attributes, added) if added else attributes or None


def set_state(node: Node, state: Any) -> None:
    """Set what `state_of` returned."""
    attributes, slots = state if isinstance(state, tuple) else (state, {})
    if attributes:
        vars(node).update(attributes)
    for name, content in slots.items():
        setattr(node, name, content)


# ---------------------------------------------------------------- copies


def copied(node: Node) -> Any:
    """Return a copy of a node, with the same operands."""
    if node.op is None and not is_plain(node):
        return _copied_leaf(node, {}, copying.copy)
    twin: Any = _twin(node, operands_of(node))
    state = node.__getstate__()
    if state is not None:
        twin.__setstate__(state)
    return twin


def deep_copied(root: Node, memo: dict[int, Any]) -> Any:
    """Return a copy of a node and of everything that it was computed from."""
    pending = [root]
    marked: list[Node] = []
    while pending:
        node = pending[-1]
        missing = [operand for operand in operands_of(node) if id(operand) not in memo]
        if missing:
            pending += missing
            continue
        pending.pop()
        if id(node) in memo:
            continue
        if node.op is None and not is_plain(node):
            _copied_leaf(node, memo, lambda each: copying.deepcopy(each, memo))
            continue
        memo[id(node)] = _twin(node, tuple([memo[id(operand)] for operand in operands_of(node)]))
        state = node.__getstate__()
        if state is not None:
            memo[id(node)].__setstate__(copying.deepcopy(state, memo))
        if marks_of(node):
            marked.append(node)
    _copied_marks(marked, memo, memo)
    for node in marked:
        note(memo[id(node)], "marks", tuple([memo[id(mark)] for mark in marks_of(node)]))
    return memo[id(root)]


def _twin(node: Node, operands: tuple[Node, ...]) -> Node:
    """A copy of a node, with other operands."""
    twin = leaf(node.__class__, node._data, node._grad, notes_of(node) or None)
    if node.op is not None:
        link(twin, node.op, operands, locals_of(node))
    return twin


class _Reduced:
    """Gives the copy module the result of a `__reduce__`."""

    def __init__(self, reduced: tuple[Any, ...]) -> None:
        self._reduced = reduced

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return self._reduced


def _copied_leaf(node: Node, memo: dict[int, Any], copier: Callable[[Any], Any]) -> Node:
    """A copy of a subclass's leaf, as its `__reduce__` says.

    The copy is in `memo` before its attributes are copied, because they may refer to it.
    """
    reduced = node.__reduce_ex__(4)
    if isinstance(reduced, str):  # the name of a global object, which is not copied
        memo[id(node)] = node
        return node
    make, *rest = reduced

    def known(*arguments: Any) -> Any:
        memo[id(node)] = copy = make(*arguments)
        return copy

    copy: Node = copier(_Reduced((known, *rest)))
    return copy


def _copied_marks(nodes: Iterable[Node], marks: dict[int, Any], copies: Mapping[int, Any]) -> dict[int, Any]:
    """Add to `marks`, by its id, a copy of each mark on the nodes, with the copies of its inputs, and return it."""
    originals = {id(mark): mark for node in nodes for mark in marks_of(node)}
    for key, mark in originals.items():
        inputs = marks.setdefault(key, Mark(mark.together, None, [], mark.each)).inputs
        inputs[:] = [copies[key] for key in mark.ids() if key in copies]
    return marks


# ---------------------------------------------------------------- pickles


def reduced(node: Node) -> Any:
    """Return what `__reduce__` returns: a leaf alone, a result with everything that it was computed from."""
    if node.op is not None:  # made blank first, because an attribute of a node may refer to this result
        return _blank, (node.__class__,), _flattened(node), None, None, _fill
    fields = node.__class__, node._data, node._grad, notes_of(node) or None
    state = node.__getstate__()
    return (leaf, fields) if state is None else (leaf, fields, state)


def _blank(kind: type[Node]) -> Node:
    return object.__new__(kind)


def _fill(root: Node, flat: Flat) -> None:
    """Turn a blank node into the result that was flattened."""
    _restored(flat, root)


def _flattened(*roots: Node) -> Flat:
    order = topological_order(*roots)
    places = {node: place for place, node in enumerate(order)}
    marks = _copied_marks(order, {}, {id(node): place for node, place in places.items()})
    rows = [node if node.op is None else _row(node, places, marks) for node in order]
    of_subclasses = [node for node in order if node.op is not None and not is_plain(node)]
    states = [(places[node], node.__getstate__()) for node in of_subclasses]
    return rows, [(place, state) for place, state in states if state is not None]


def _row(node: Node, places: dict[Node, int], marks: dict[int, Mark]) -> tuple[Any, ...]:
    operands = tuple([places[operand] for operand in operands_of(node)])
    notes = notes_of(node) or None
    if marks_of(node):
        notes = {**notes_of(node), "marks": tuple([marks[id(mark)] for mark in marks_of(node)])}
    fields = node.__class__, node._data, node._grad, notes
    return fields, node.op, operands, locals_of(node)


def _restored(flat: Flat, root: Node | None = None) -> list[Any]:
    """The nodes; a given root becomes the last of them."""
    rows, states = flat
    nodes: list[Any] = []
    marks: dict[int, Any] = {}
    for row in rows:
        if isinstance(row, Node):
            nodes.append(row)
            continue
        fields, op, places, local = row
        node = leaf(*fields)
        link(node, op, tuple([nodes[place] for place in places]), local)
        nodes.append(node)
        marks.update((id(mark), mark) for mark in marks_of(node))
    if root is not None:
        last, nodes[-1] = nodes[-1], root
        for slot in Node.__slots__:
            if hasattr(last, slot):
                setattr(root, slot, getattr(last, slot))
    for mark in marks.values():
        mark.inputs[:] = [nodes[place] for place in mark.inputs]
    for place, state in states:
        nodes[place].__setstate__(state)
    return nodes


class _OneGraph:
    """Pickles several results as one graph."""

    def __init__(self, results: list[Node]) -> None:
        self._results = results

    def __reduce__(self) -> tuple[Any, ...]:
        places = {node: place for place, node in enumerate(topological_order(*self._results))}
        return _loaded, (_flattened(*self._results), [places[result] for result in self._results])


def _loaded(flat: Flat, places: list[int]) -> list[Node]:
    nodes = _restored(flat)
    return [nodes[place] for place in places]


def one_graph(results: Iterable[Node]) -> object:
    """Return an object that pickles several results of one graph, with each node once. It loads as a list.

    A result that is pickled alone brings everything that it was computed from. So n results of the same nodes
    take n times the time and space, and no longer share the nodes when loaded. As one graph they do.

    One exception: a result to which an attribute of a subclass of Value refers is loaded a second time, apart
    from the graph. `copy.deepcopy` keeps it one.

    >>> import pickle
    >>> from scalargrad import Value, one_graph, softmax
    >>> shares = softmax([Value(1.0), Value(2.0), Value(3.0)])
    >>> first, second, third = pickle.loads(pickle.dumps(one_graph(shares)))
    >>> first.args[1] is second.args[1] is third.args[1]  # the sum that divides all three
    True

    Raises:
        TypeError: for anything but several Values, or for a set, which has no order.
    """
    if isinstance(results, Node) or not isinstance(results, Iterable):
        raise TypeError(f"one_graph takes several Values, such as a list of them, got {results!r}")
    refuse_set(results, "the Values of one_graph")
    several = list(results)
    for result in several:
        if not isinstance(result, Node):
            raise TypeError(f"one_graph takes Values, got {result!r} of type {type(result).__name__}")
    return _OneGraph(several)
