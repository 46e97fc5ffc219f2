"""The graph of a computation as a picture: a card for each number, an arrow from operand to result.

What a card looks like, `card.py` says; how it becomes a file, `render.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..floats import integer
from ..sweep import topological_order
from ..value import Constant, Value
from .names import atom, derivative, exact, node_names, numeral, variables

if TYPE_CHECKING:
    from .render import Drawing

DIRECTIONS = ("LR", "RL", "TB", "BT")
COLLAPSES = ("auto", "neuron", "layer", "none")
Gradients = Mapping[Value, float | None]


class TooLarge(ValueError):
    """A drawing of more than anyone could look at, with how many and what to do."""


def draw(
    value: Value,
    *,
    names: Mapping[str, object] | None = None,
    values: bool = True,
    gradients: bool = True,
    partials: bool = False,
    direction: str = "LR",
    collapse: str = "auto",
    limit: int = 300,
) -> Drawing:
    """Return a picture of all that a value was computed from: a `graphviz.Digraph` that shows itself in notebooks.

    Args:
        value: the last result.
        names: variables by name, such as `locals()`, to call those Values by that have no label.
        values: whether to show each number.
        gradients: whether to show each gradient; `–` where no sweep has been.
        partials: whether to show on each arrow the local derivative, ∂result/∂operand.
        direction: "LR" (from left to right), "RL", "TB" (from top to bottom) or "BT".
        collapse: "neuron", "layer", "none" or "auto".
        limit: how many nodes may be drawn.

    >>> from scalargrad import Value, draw
    >>> x, y = Value(-2.0, label="x"), Value(5.0, label="y")
    >>> picture = draw((x + y) * -4)
    >>> print(picture.source)
    digraph {
    ...
    >>> picture.render("circuit.svg")  # doctest: +SKIP
    'circuit.svg'

    Raises:
        TooLarge: when more nodes would be drawn than the limit.
        TypeError, ValueError: for what is no Value, direction or limit.
        ImportError: when the Python package graphviz is missing.
    """
    if not isinstance(value, Value):
        raise TypeError(f"a drawing is that of a Value, got {value!r} of type {type(value).__name__}")
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}")
    if collapse not in COLLAPSES:
        raise ValueError(f"collapse must be one of {', '.join(COLLAPSES)}, got {collapse!r}")
    order = list(topological_order(value))
    if len(order) > integer(limit, "limit", low=1):
        raise TooLarge(f"{len(order):,} nodes are more than the limit of {limit:,}")
    shown = {node: node.grad if node.swept else None for node in order} if gradients else None
    return picture(value, names=names, values=values, gradients=shown, partials=partials, direction=direction)


def picture(
    value: Value,
    *,
    names: Mapping[str, object] | None = None,
    values: bool = True,
    gradients: Gradients | None = None,
    partials: bool = False,
    direction: str = "LR",
    every_name: bool = False,
    lit: tuple[int, int] | None = None,
    prefix: str = "",
) -> Drawing:
    """Return a drawing as the stepper and the page want it, of any size.

    `gradients` are those to show, whatever `.grad` holds; a node that is missing has none yet.
    `every_name` shows generated names too, as the ledger has them. `lit` is the edge to light up:
    the index of its result in the topological order, and the operand's position there. Ids in the
    SVG are the prefix and `node3`, or `edge5_1` for the edge to the second operand of node 5.
    """
    drawing = _new_drawing(direction, prefix)
    order = list(topological_order(value))
    places = {node: i for i, node in enumerate(order)}
    called = node_names(order, names)
    own = {node for node in order if node.label is not None} | variables(names or {}).keys()
    largest = max((abs(g) for g in (gradients or {}).values() if g and abs(g) < float("inf")), default=1.0)

    from . import card

    for i, node in enumerate(order):
        is_constant = node.__class__ is Constant
        gradient = None if gradients is None or is_constant else (gradients.get(node), largest)
        ordinals = _ordinals(node)
        if is_constant and node not in own:
            label = card.constant(numeral(node.data))
        else:
            label = card.card(
                kind="leaf" if node.op is None else "result",
                name=called[node] if node in own or every_name or partials else None,
                is_generated=node not in own,
                value=node.data if values else None,
                gradient=gradient,
                seal="" if node.op is None else card.seal(card.SIGNS.get(node._op, node._op), ordinals, direction),
                direction=direction,
            )
        _add_node(drawing, f"{prefix}node{i}", label, _told(node, called, gradient), gradient is not None)
        for position, operand in enumerate(node.args):
            local = node.local_gradients[position]
            is_told = partials and operand.__class__ is not Constant
            _add_edge(
                drawing,
                f"{prefix}edge{i}_{position}",
                tail=f"{prefix}node{places[operand]}",
                head=f"{prefix}node{i}" + (f":{ordinals[position]}" if ordinals else ""),
                title=f"{derivative(called[node], called[operand])} = {exact(local)}",
                text=f"{_slope(called, node, operand)} = {numeral(local)}" if is_told else None,
                lit=lit == (i, position),
            )
    return drawing


def _new_drawing(direction: str, prefix: str) -> Drawing:
    try:
        from .render import Drawing
    except ImportError as missing:
        raise ImportError(f"drawing needs the extra draw: pip install 'scalargrad-engine[draw]' ({missing})") from None
    from . import card

    font = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "11"}
    return Drawing(
        graph_attr={
            "id": f"{prefix}graph",
            "charset": "UTF-8",
            "rankdir": direction,
            "bgcolor": "transparent",
            "nodesep": "0.18",
            "ranksep": "0.4",
            **font,
        },
        node_attr={"shape": "plain", **font},
        edge_attr={"color": card.LINE, "arrowsize": "0.6", **font},
    )


def _add_node(drawing: Drawing, name: str, label: str, title: str, has_gradient: bool) -> None:
    drawing.node(name, label=label, id=name)
    drawing.titles[name] = title
    if has_gradient:
        drawing.gradients.add(name)


def _add_edge(drawing: Drawing, name: str, tail: str, head: str, title: str, text: str | None, lit: bool) -> None:
    from . import card

    look: dict[str, Any] = {"id": name}
    if text is not None:
        look["label"] = card.pill(text, lit)
    if lit:
        look |= {"color": card.LIT, "penwidth": "3", "class": "lit"}
    drawing.edge(tail, head, **look)
    drawing.titles[name] = title


def _ordinals(node: Value) -> tuple[str, ...]:
    """1st, 2nd, 3rd, 4th: where it matters which operand is which."""
    if node.op is None or len(node.args) == 1 or node.op.commutative:
        return ()
    return tuple(
        f"{n}{'th' if 10 < n % 100 < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"
        for n in range(1, len(node.args) + 1)
    )


def _slope(called: Mapping[Value, str], node: Value, operand: Value) -> str:
    names = [name if len(name := called[end]) <= 12 else f"{name[:8]}…" for end in (node, operand)]
    return derivative(*names)


def _told(node: Value, called: Mapping[Value, str], gradient: tuple[float | None, float] | None) -> str:
    """All there is to say of a node, in full."""
    made = "" if node.op is None else f" = {node.op.notation.format(*(atom(called[operand]) for operand in node.args))}"
    reached = "" if gradient is None or gradient[0] is None else f", gradient {exact(gradient[0])}"
    return f"{called[node]}{made}: value {exact(node.data)}{reached}"
