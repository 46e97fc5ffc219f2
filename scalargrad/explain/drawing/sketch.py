"""A plan of what to draw becomes a drawing: cards, boxes, frames and arrows, each with all there is to say of it.

What a card looks like, `card.py` says; what is planned, `collapse.py`; how a drawing becomes a file,
`render.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...sweep import topological_order
from ...value import Constant, Value
from ..names import atom, derivative, exact, node_names, numeral, variables
from . import card
from .collapse import Arrow, Box, Call, Calls, Plan

if TYPE_CHECKING:
    from .render import Drawing

DIRECTIONS = ("LR", "RL", "TB", "BT")
MANY_RESULTS = 24  # as many results a box shows one by one


class Sketch:
    """A value on its way to a drawing: what is to be shown, and what everything is called."""

    values = True
    partials = False
    every_name = False
    gradients: Mapping[Value, float | None] | None = None
    lit: tuple[int, int] | None = None

    def __init__(self, value: Value, names: Mapping[str, object] | None, direction: str, prefix: str = "") -> None:
        self.drawing = new_drawing(direction, prefix)
        self.direction, self.prefix = direction, prefix
        self.order = list(topological_order(value))
        self.places = {node: i for i, node in enumerate(self.order)}
        self.called = node_names(self.order, names)
        self.own = variables(names or {}).keys() | {node for node in self.order if node.label}
        self.calls = Calls(self.order)

    def drawn(self, plan: Plan) -> Drawing:
        """Return the drawing of a plan."""
        self.largest = max(filter(_is_finite, map(abs, filter(None, (self.gradients or {}).values()))), default=1.0)
        self.called_within = _names_within(self.calls.all, plan.single)
        self.ids: dict[Value | Box, str] = {node: f"{self.prefix}node{self.places[node]}" for node in plan.single}
        for i, box in enumerate(plan.boxes):
            only = box.shown[0] if box.call is not None and len(box.shown) == 1 else None
            self.ids[box] = f"{self.prefix}box{i}" if only is None else f"{self.prefix}node{self.places[only]}"
        far = plan.far()
        self.spoken_of = {arrow.result.args[arrow.position] for arrow in far}
        within: dict[Call | None, list[Value | Box]] = {}
        for node in plan.single:
            within.setdefault(self.calls.around.get(node), []).append(node)
        for box in plan.boxes:
            within.setdefault(box.call and box.call.parent, []).append(box)
        self._frames(within)
        for arrow in plan.arrows:
            self._arrow(arrow, arrow in far)
        return self.drawing

    def _frames(self, within: Mapping[Call | None, list[Value | Box]]) -> None:
        """All nodes, each in the frames of the open calls that it lies in."""
        open_calls = {call: i for i, call in enumerate(self.calls.all) if _has_inside(call, within)}
        pending: list[Call | str | None] = [None]
        while pending:
            call = pending.pop()
            if isinstance(call, str):
                self.drawing.body.append(call)
                continue
            if call is not None:
                self._frame(call, f"{self.prefix}cluster{open_calls[call]}")
                pending.append("\t}\n")
            for found in within.get(call, ()):
                if isinstance(found, Value):
                    self._node(found)
                else:
                    self._box(found)
            pending += [inner for inner in reversed(open_calls) if inner.parent is call]

    def _frame(self, call: Call, name: str) -> None:
        look = f'id="{name}" label={card.pill(call.name)} {card.FRAME}'
        self.drawing.body.append(f"\tsubgraph {name} {{\n\t\tgraph [{look}]\n")
        self.drawing.titles[name] = f"{call.name}: {len(call.nodes):,} values"

    def _node(self, node: Value) -> None:
        gradient = self._gradient(node)
        if node.__class__ is Constant and node not in self.own:
            label = card.constant(numeral(node.data))
        else:
            label = card.card(
                self._kind(node),
                name=self.called[node] if self._is_named(node) or self.partials else None,
                is_generated=node not in self.own,
                caption=self.called_within.get(node, ""),
                value=node.data if self.values else None,
                gradient=gradient,
                sealed=card.seal(card.sign(node._op), ordinals(node), self.direction) if node.op else "",
                direction=self.direction,
            )
        self._add(self.ids[node], label, self._told(node), gradient is not None)

    def _box(self, box: Box) -> None:
        shown, call = box.shown, box.call
        lines = [line for line in _hidden(box) if line]
        if call is None:
            kinds = {self._kind(node) for node in shown}
            kind = kinds.pop() if len(kinds) == 1 else ""
            name, colour = f"{len(shown):,} {f'{kind}s' if kind else 'leaves'}", card.EDGES.get(kind, card.INK)
        else:
            learns = any(node in self.calls.parameters for node in call.nodes)
            name, colour = call.name, card.PARAMETER if learns else card.INK
        sealed = card.seal(name, (), self.direction, colour)
        told = f"{name}: {', '.join(lines)}" if lines else name
        if call is not None and len(shown) == 1:
            (result,) = shown
            label = card.card(
                "result",
                name=self.called[result] if self._is_named(result) else None,
                is_generated=result not in self.own,
                value=result.data if self.values else None,
                lines=lines,
                gradient=self._gradient(result),
                sealed=sealed,
                direction=self.direction,
            )
            self._add(self.ids[box], label, f"{told}; {self._told(result)}", self.gradients is not None)
            return
        rows = [
            (
                f"r{i}",
                self.called[result] if self._is_named(result) else None,
                result.data if self.values else None,
                self._gradient(result),
            )
            for i, result in enumerate(shown)
        ]
        if len(shown) > MANY_RESULTS or call is None:
            lines += self._ranges(shown)
            rows = []
        self._add(self.ids[box], card.box(lines, rows, sealed, self.direction), told, has_gradient=False)

    def _arrow(self, arrow: Arrow, is_cut: bool) -> None:
        operand = arrow.result.args[arrow.position]
        place = self.places[arrow.result], arrow.position
        name = f"{self.prefix}edge{place[0]}_{place[1]}"
        tail, head = self.ids[arrow.tail], self.ids[arrow.head]
        look: dict[str, Any] = {"id": name}
        title = f"{derivative(self.called[arrow.result], self.called[operand])} = "
        title += exact(arrow.result.local_gradients[arrow.position])
        if isinstance(arrow.head, Value):
            words = ordinals(arrow.result)
            head += f":{words[arrow.position]}" if words else ""
            if self.partials and operand.__class__ is not Constant:
                slope = derivative(*(card.shortened(self.called[end], 12) for end in (arrow.result, operand)))
                text = f"{slope} = {numeral(arrow.result.local_gradients[arrow.position])}"
                look["label"] = card.pill(text, self.lit == place)
        if not isinstance(arrow.tail, Value):
            shown = arrow.tail.shown
            if operand not in shown:
                look["style"] = "dashed"  # it comes from among the hidden
                title += f", where {self.called[operand]} is hidden"
            elif arrow.values == 1 and 1 < len(shown) <= MANY_RESULTS and arrow.tail.call is not None:
                tail += f":r{shown.index(operand)}"
        if is_cut:
            tail = f"{self.prefix}from{place[0]}_{place[1]}"
            self._add(
                tail, card.constant(card.shortened(self.called[operand])), self._told(operand), has_gradient=False
            )
        if arrow.values > 1:
            look |= {"label": card.pill(f"{arrow.values:,} values"), "penwidth": "2.5"}
            title = f"{arrow.values:,} values"
        if self.lit == place:
            look |= {"color": card.LIT, "penwidth": "3", "class": "lit"}
        self.drawing.edge(tail, head, **look)
        self.drawing.titles[name] = title

    # what is said of them

    def _add(self, name: str, label: str, title: str, has_gradient: bool) -> None:
        self.drawing.node(name, label=label, id=name)
        self.drawing.titles[name] = title
        if has_gradient:
            self.drawing.gradients.add(name)

    def _is_named(self, node: Value) -> bool:
        return node in self.own or self.every_name or node in self.spoken_of

    def _kind(self, node: Value) -> str:
        if node.op is not None:
            return "result"
        return "parameter" if node in self.calls.parameters else "input" if node in self.calls.inputs else "leaf"

    def _gradient(self, node: Value) -> card.Gradient | None:
        if self.gradients is None or node.__class__ is Constant:
            return None
        return self.gradients.get(node), self.largest

    def _told(self, node: Value) -> str:
        """All there is to say of a node, in full."""
        made = ""
        if node.op is not None:
            made = f" = {node.op.notation.format(*(atom(self.called[operand]) for operand in node.args))}"
        within = f" ({self.called_within[node]})" if node in self.called_within else ""
        gradient = None if self.gradients is None else self.gradients.get(node)
        reached = "" if gradient is None else f", gradient {exact(gradient)}"
        return f"{self.called[node]}{within}{made}: value {exact(node.data)}{reached}"

    def _ranges(self, nodes: list[Value]) -> list[str]:
        """The least and the largest of many values, and of their gradients."""
        lines = []
        if self.values:
            lines.append(f"values {_range(node.data for node in nodes)}")
        if self.gradients is not None:
            swept = [gradient for node in nodes if (gradient := self.gradients.get(node)) is not None]
            lines.append(f"grad {_range(swept)}")
        return lines


def ordinals(node: Value) -> tuple[str, ...]:
    """Return 1st, 2nd, 3rd, … for the operands where it matters which is which; else nothing."""
    if node.op is None or len(node.args) == 1 or node.op.commutative:
        return ()
    endings = {1: "st", 2: "nd", 3: "rd"}
    places = range(1, len(node.args) + 1)
    return tuple(f"{n}{'th' if 10 < n % 100 < 20 else endings.get(n % 10, 'th')}" for n in places)


def _hidden(box: Box) -> Iterator[str]:
    """What is in a box, honestly."""
    if box.call is not None:
        contents = box.call.contents
        yield f"{contents}, {box.hidden:,} values hidden" if contents else f"{box.hidden:,} values hidden"
        yield f"{box.shared:,} more shared with another box" if box.shared else ""


def _range(numbers: Iterable[float]) -> str:
    found = sorted(numbers)
    if not found:
        return "–"
    return numeral(found[0]) if found[0] == found[-1] else f"{numeral(found[0])} … {numeral(found[-1])}"


def _names_within(calls: list[Call], nodes: list[Value]) -> dict[Value, str]:
    """What modules call those of their parameters that are among these nodes: `weights[0]`."""
    from ...nn import Module

    wanted = {node for node in nodes if node.op is None}
    modules = {id(call.mark.module): call.mark.module for call in calls if wanted & call.nodes.keys()}
    found: dict[Value, str] = {}
    for module in modules.values():
        if isinstance(module, Module):
            for path, parameter in module.named_parameters():
                if parameter in wanted:
                    parts = path.split(".")
                    last = max((i for i, part in enumerate(parts) if not part.isdigit()), default=0)
                    found.setdefault(parameter, parts[last] + "".join(f"[{i}]" for i in parts[last + 1 :]))
    return found


def _has_inside(call: Call, within: Mapping[Call | None, list[Value | Box]]) -> bool:
    pending = [call]
    while pending:
        inner = pending.pop()
        if inner in within:
            return True
        pending += inner.inner
    return False


def _is_finite(x: float) -> bool:
    return x < float("inf")


def new_drawing(direction: str, prefix: str, engine: str = "dot", **look: str) -> Drawing:
    """Return a drawing with nothing in it yet."""
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}")
    try:
        from .render import Drawing
    except ImportError as missing:
        raise ImportError(f"drawing needs the extra draw: pip install 'scalargrad-engine[draw]' ({missing})") from None
    font = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "11"}
    graph = {"id": f"{prefix}graph", "charset": "UTF-8", "rankdir": direction, "bgcolor": "transparent"}
    return Drawing(
        engine=engine,
        graph_attr={**graph, "nodesep": "0.18", "ranksep": "0.4", **font, **look},
        node_attr={"shape": "plain", **font},
        edge_attr={"color": card.LINE, "arrowsize": "0.6", **font},
    )
