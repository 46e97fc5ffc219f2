"""Draw a graph: from its data and a plan of what to draw, make cards, boxes, frames and arrows.

`collapse.py` makes the plan, `card.py` the cards, `render.py` the file. The data is that of `walk/data.py`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...engine.floats import counted
from ...extras import how_to_install
from ..colours import EDGES, INK, LINE, LIT, PARAMETER
from ..names import exact, local_gradient_name, numeral
from . import card
from .collapse import Arrow, Box, Plan

if TYPE_CHECKING:
    from .render import Drawing

DIRECTIONS = ("LR", "RL", "TB", "BT")
MANY_RESULTS = 24  # results that a box shows one by one; of more it shows the range

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """What a drawing shows.

    Attributes:
        values: whether to show each number.
        gradients: the gradient of each node, None where there is none yet; None to show no gradients.
        partials: whether to show the local gradients on the arrows.
        direction: the direction of the arrows: "LR", "RL", "TB" or "BT".
        every_name: whether to show generated names too, as the ledger has them.
        lit: the arrow to light up, by its result and the operand's position there.
        is_live: whether a front end changes the gradients: a box that has several then shows none of them.
        prefix: what ids in the SVG start with: then comes `node3`, or `edge5_1` for the edge to the
            second operand of node 5.
    """

    values: bool = True
    gradients: Sequence[float | None] | None = None
    partials: bool = False
    direction: str = "LR"
    every_name: bool = False
    lit: tuple[int, int] | None = None
    is_live: bool = False
    prefix: str = ""


def drawn(data: Data, plan: Plan, look: Look) -> Drawing:
    """Return the drawing of a plan.

    Args:
        data: the graph's nodes and boxes, as `graph_data` returns them.
        plan: what to draw of it.
        look: what to show.
    """
    return _Sketch(data, plan, look).drawing


def ids(plan: Plan) -> dict[int | Box, str]:
    """Return the id of each node and box, without the prefix: `node3`, also for a box with that result, or `box0`."""
    names: dict[int | Box, str] = {node: f"node{node}" for node in plan.single}
    for i, box in enumerate(plan.boxes):
        only = box.shown[0] if box.call is not None and len(box.shown) == 1 else None
        names[box] = f"box{i}" if only is None else f"node{only}"
    return names


class _Sketch:
    """A drawing in the making."""

    def __init__(self, data: Data, plan: Plan, look: Look) -> None:
        crowd = max(1.0, len(plan.arrows) / max(1, plan.count))  # arrows to a node: they need room between ranks
        self.drawing = new_drawing(look.direction, look.prefix, ranksep=f"{min(0.25 + 0.15 * crowd, 1.5):.2f}")
        self.nodes, self.boxes, self.look = data["nodes"], data["boxes"], look
        drawn = len(plan.single) + sum(len(box.shown) for box in plan.boxes)
        hidden = f", and {len(self.nodes) - drawn:,} hidden in boxes" if drawn < len(self.nodes) else ""
        self.drawing.contents = f"{counted(drawn, 'value')}{hidden}"
        self.largest = max(filter(_is_finite, map(abs, filter(None, look.gradients or ()))), default=1.0)
        self.ids = {item: f"{look.prefix}{name}" for item, name in ids(plan).items()}
        far = plan.far()
        self.cut = {arrow.operand for arrow in far}
        within: dict[int | None, list[int | Box]] = {}
        items: list[int | Box] = [*plan.single, *plan.boxes]
        for item in items:
            within.setdefault(self._frame_of(item), []).append(item)
        columns: dict[int | None, list[list[int | Box]]] = {}
        for column in self._columns(plan):
            columns.setdefault(self._frame_of(column[0]), []).append(column)
        self._frames(within, columns)
        for arrow in plan.arrows:
            self._arrow(arrow, arrow in far)

    def _frame_of(self, item: int | Box) -> int | None:
        """The open call around a node or a box."""
        if not isinstance(item, Box):
            call: int | None = self.nodes[item]["box"]
            return call
        return None if item.call is None else self.boxes[item.call]["parent"]

    def _columns(self, plan: Plan) -> Iterator[list[int | Box]]:
        """What stands in one column from first to last: inputs of one row, other leaves, parts of a module, results."""
        single, ranks = set(plan.single), plan.ranks()
        rows: dict[int, list[tuple[int, int]]] = {}
        for place in plan.single:
            if self.nodes[place]["row"] is not None:
                row, position = self.nodes[place]["row"]
                rows.setdefault(row, []).append((position, place))
        columns: list[list[int | Box]] = [[place for _, place in sorted(row)] for row in rows.values()]
        readers = plan.nearest(ranks)
        leaves: dict[tuple[int, int | None], list[int | Box]] = {}  # those that stand before the same rank
        for place in plan.single:
            if self.nodes[place]["kind"] in {"leaf", "parameter"} and place in readers:
                leaves.setdefault((readers[place], self._frame_of(place)), []).append(place)
        columns += leaves.values()
        used = {operand for node in self.nodes for operand in node["operands"]}
        ends = [place for place in plan.single if place not in used]
        groups = [*plan.parts, *([place for place in box["results"] if place in single] for box in self.boxes), ends]
        taken: set[int | Box] = set()
        for group in groups:
            at: dict[tuple[int, int | None], list[int | Box]] = {}
            for item in group:
                if item not in taken:
                    at.setdefault((ranks[item], self._frame_of(item)), []).append(item)
            columns += at.values()
            taken.update(group)
        return (column for column in columns if len(column) > 1)

    def _column(self, column: Sequence[int | Box], frame: int | None) -> str:
        """Invisible arrows that keep a column in order.

        Graphviz turns the order around where ranks lie side by side, but not in a frame.
        """
        names = [self.ids[item] for item in column]
        if self._turns(frame):
            names.reverse()
        return f"\t{{rank=same; {' -> '.join(names)} [style=invis]}}\n"

    def _guides(self, frames: Sequence[int], within: Mapping[int | None, list[int | Box]]) -> None:
        """Invisible points in one column, one before each frame, which keep the frames in order.

        Graphviz orders nodes, not frames; but a frame follows the point whose arrows lead into it.
        """
        names = [f"{self.look.prefix}guide{frame}" for frame in frames]
        column = names[::-1] if self._turns(self.boxes[frames[0]]["parent"]) else names
        lines = [f'{name} [shape=point style=invis width=0.01 label=""]' for name in column]
        lines.append(f"{{rank=same; {' -> '.join(column)} [style=invis]}}")
        for frame, name in zip(frames, names, strict=True):
            inside = [item for call in self._calls_in(frame) for item in within.get(call, ())]
            nodes = {item for item in inside if not isinstance(item, Box)}
            first = [node for node in sorted(nodes) if nodes.isdisjoint(self.nodes[node]["operands"])]
            lines += [f"{name} -> {self.ids[node]} [style=invis]" for node in first]
        self.drawing.body += [f"\t{line}\n" for line in lines]

    def _calls_in(self, frame: int) -> Iterator[int]:
        """A call, and all in it: they come right behind it."""
        depth = {frame}
        yield frame
        for call in range(frame + 1, len(self.boxes)):
            if self.boxes[call]["parent"] not in depth:
                return
            depth.add(call)
            yield call

    def _turns(self, frame: int | None) -> bool:
        return frame is not None and self.look.direction in {"LR", "RL"}

    def _frames(
        self,
        within: Mapping[int | None, list[int | Box]],
        columns: Mapping[int | None, list[list[int | Box]]],
    ) -> None:
        """All nodes, each in the frames of the open calls that it lies in."""
        inner = self._open_calls(within)
        pending: list[int | str | None] = [None]
        while pending:
            call = pending.pop()
            if isinstance(call, str):
                self.drawing.body.append(call)
                continue
            if call is not None:
                self._frame(call, f"{self.look.prefix}cluster{call}")
                pending.append("\t}\n")
            frames = inner.get(call, [])
            parts = [frame for frame in frames if self.boxes[frame]["is_part"]]
            if len(parts) > 1:
                self._guides(parts, within)
            items = within.get(call, [])
            for item in reversed(items) if self._turns(call) else items:
                if isinstance(item, Box):
                    self._box(item)
                else:
                    self._node(item)
            self.drawing.body += [self._column(column, call) for column in columns.get(call, ())]
            pending += frames if self._turns(call) is (len(parts) < 2) else reversed(frames)

    def _open_calls(self, within: Container[int | None]) -> dict[int | None, list[int]]:
        """The calls with anything drawn inside, by the call that is around them."""
        is_open: set[int] = set()
        for call in range(len(self.boxes)):
            around = call if call in within else None
            while around is not None and around not in is_open:
                is_open.add(around)
                around = self.boxes[around]["parent"]
        inner: dict[int | None, list[int]] = {}
        for call in sorted(is_open):
            inner.setdefault(self.boxes[call]["parent"], []).append(call)
        return inner

    def _frame(self, call: int, name: str) -> None:
        box = self.boxes[call]
        title = box["name"] if box["name"] == box["kind"] else f"{box['name']} ({box['kind']})"
        look = f'id="{name}" label={card.pill(card.shortened(title))} {card.FRAME}'
        self.drawing.body.append(f"\tsubgraph cluster{call} {{\n\t\tgraph [{look}]\n")  # Graphviz knows frames by it
        self.drawing.titles[name] = f"{title}: {box['size']:,} values"

    def _node(self, place: int) -> None:
        node, gradient = self.nodes[place], self._gradient(place)
        if node["kind"] == "constant" and not node["is_named"]:
            label = card.constant(numeral(float(node["value"])))
        else:
            seal = card.seal(card.sign(node["sign"]), ordinals(node), self.look.direction) if node["operation"] else ""
            caption = self._caption(node)
            label = card.card(
                _kind(node),
                name=node["name"] if not caption and (self._is_named(place) or self.look.partials) else None,
                is_generated=not node["is_named"],
                caption=caption or self._path(node),
                value=self._value(place),
                gradient=gradient,
                sealed=seal,
                direction=self.look.direction,
            )
        self._add(self.ids[place], label, self._title(place), gradient is not None)

    def _caption(self, node: Data) -> str:
        """What stands beside the kind in place of a name: of a parameter its path, of an input its place in the row."""
        if node["is_named"]:
            return ""
        return self._path(node) or (node["name"] if node["row"] and node["kind"] == "input" else "")

    def _path(self, node: Data) -> str:
        """A parameter's path within the frame that it stands in."""
        path: str = node["path"]
        around = self.boxes[node["box"]]["path"] if node["box"] is not None else ""
        return path.removeprefix(f"{around}.") if around else path

    def _box(self, box: Box) -> None:
        shown, call = box.shown, None if box.call is None else self.boxes[box.call]
        lines = [line for line in _hidden(box, call) if line]
        if call is None:
            kinds = {_kind(self.nodes[place]) for place in shown}
            kind = kinds.pop() if len(kinds) == 1 else ""
            name, colour = f"{len(shown):,} {f'{kind}s' if kind else 'leaves'}", EDGES.get(kind, INK)
        else:
            name, colour = call["name"], PARAMETER if call["learns"] else INK
        sealed = card.seal(name, (), self.look.direction, colour)
        title = f"{name}: {', '.join(lines)}" if lines else name
        title += f", of which {box.shared:,} are hidden in another box too" if box.shared else ""
        if call is not None and len(shown) == 1:
            (result,) = shown
            label = card.card(
                "result",
                name=self._own_name(result),
                is_generated=not self.nodes[result]["is_named"],
                value=self._value(result),
                lines=lines,
                gradient=self._gradient(result),
                sealed=sealed,
                direction=self.look.direction,
            )
            self._add(self.ids[box], label, f"{title}; {self._title(result)}", self.look.gradients is not None)
            return
        rows = [
            (
                f"r{i}",
                self._own_name(result),
                self._value(result),
                None if self.look.is_live else self._gradient(result),
            )
            for i, result in enumerate(shown)
        ]
        if len(shown) > MANY_RESULTS or call is None:
            lines += self._ranges(shown)
            rows = []
        self._add(self.ids[box], card.box(lines, rows, sealed, self.look.direction), title, has_gradient=False)

    def _arrow(self, arrow: Arrow, is_cut: bool) -> None:
        result, operand = self.nodes[arrow.result], self.nodes[arrow.operand]
        place = arrow.result, arrow.position
        prefix, local = self.look.prefix, float(result["locals"][arrow.position])
        name = f"{prefix}edge{place[0]}_{place[1]}"
        tail, head = self.ids[arrow.tail], self.ids[arrow.head]
        attributes: dict[str, Any] = {"id": name}
        title = f"{local_gradient_name(result['name'], operand['name'])} = {exact(local)}"
        leaving, entering = card.SIDES[self.look.direction]
        words = () if isinstance(arrow.head, Box) else ordinals(result)
        head += f":{words[arrow.position]}:{entering}" if words else f":{entering}"
        if not isinstance(arrow.head, Box) and self.look.partials and operand["kind"] != "constant":
            written = local_gradient_name(*(card.shortened(end["name"], 12) for end in (result, operand)))
            attributes["label"] = card.pill(f"{written} = {numeral(local)}", lit=self.look.lit == place)
        if isinstance(arrow.tail, Box):
            shown = arrow.tail.shown
            if arrow.operand not in shown:
                attributes["style"] = "dashed"  # it comes from among the hidden
                title += f", where {operand['name']} is hidden"
            elif arrow.values == 1 and 1 < len(shown) <= MANY_RESULTS and arrow.tail.call is not None:
                tail += f":r{shown.index(arrow.operand)}"
        if is_cut:
            tail = f"{prefix}from{place[0]}_{place[1]}"
            label = card.constant(card.shortened(operand["name"]))
            self._add(tail, label, self._title(arrow.operand), has_gradient=False)
        if arrow.values > 1:
            attributes["penwidth"] = "2.5"
            title = f"{arrow.values:,} values"
            if isinstance(arrow.tail, Box) and arrow.values != len(arrow.tail.shown):
                attributes["label"] = card.pill(f"{arrow.values:,} of {len(arrow.tail.shown):,} values")
        if self.look.lit == place:
            attributes |= {"color": LIT, "penwidth": "3", "class": "lit"}
        self.drawing.edge(f"{tail}:{leaving}", head, **attributes)
        self.drawing.titles[name] = title

    # the text of nodes and boxes

    def _add(self, name: str, label: str, title: str, has_gradient: bool) -> None:
        self.drawing.node(name, label=label, id=name)
        self.drawing.titles[name] = title
        if has_gradient:
            self.drawing.gradients.add(name)

    def _is_named(self, place: int) -> bool:
        return self.nodes[place]["is_named"] or self.look.every_name or place in self.cut

    def _own_name(self, place: int) -> str | None:
        return self.nodes[place]["name"] if self._is_named(place) else None

    def _value(self, place: int) -> float | None:
        return float(self.nodes[place]["value"]) if self.look.values else None

    def _gradient(self, place: int) -> card.Gradient | None:
        if self.look.gradients is None or self.nodes[place]["kind"] == "constant":
            return None
        return self.look.gradients[place], self.largest

    def _title(self, place: int) -> str:
        """A node's name, formula, value and gradient, in full."""
        node = self.nodes[place]
        made = f" = {node['formula']}" if node["formula"] is not None else ""
        within = f" ({node['path']})" if node["path"] not in {"", node["name"]} else ""
        gradient = None if self.look.gradients is None else self.look.gradients[place]
        reached = "" if gradient is None else f", gradient {exact(gradient)}"
        return f"{node['name']}{within}{made}: value {exact(float(node['value']))}{reached}"

    def _ranges(self, places: list[int]) -> list[str]:
        """The least and the largest of many values, and of their gradients."""
        lines = []
        if self.look.values:
            lines.append(f"values {_range(float(self.nodes[place]['value']) for place in places)}")
        if self.look.gradients is not None and not self.look.is_live:
            swept = [gradient for place in places if (gradient := self.look.gradients[place]) is not None]
            lines.append(f"grad {_range(swept)}")
        return lines


def ordinals(node: Data) -> tuple[str, ...]:
    """Return 1st, 2nd, 3rd, … for the operands of an operation whose order matters; else nothing."""
    if not node["is_ordered"]:
        return ()
    endings = {1: "st", 2: "nd", 3: "rd"}
    places = range(1, len(node["operands"]) + 1)
    return tuple(f"{n}{'th' if 10 < n % 100 < 20 else endings.get(n % 10, 'th')}" for n in places)


def _kind(node: Data) -> str:
    """The kind of card: a constant with a name has the card of a leaf."""
    kind: str = node["kind"]
    return "leaf" if kind == "constant" else kind


def _hidden(box: Box, call: Data | None) -> Iterator[str]:
    """What a box hides."""
    if call is not None:
        kind = "" if call["kind"] == call["name"] else call["kind"]
        contents = f"{kind} ({call['contents']})" if kind and call["contents"] else kind or call["contents"]
        yield f"{contents}, {box.hidden:,} values hidden" if contents else f"{box.hidden:,} values hidden"


def _range(numbers: Iterable[float]) -> str:
    ordered = sorted(numbers)
    if not ordered:
        return "–"
    return numeral(ordered[0]) if ordered[0] == ordered[-1] else f"{numeral(ordered[0])} … {numeral(ordered[-1])}"


def _is_finite(x: float) -> bool:
    return x < float("inf")


def new_drawing(direction: str, prefix: str, engine: str = "dot", **look: str) -> Drawing:
    """Return a drawing with nothing in it yet."""
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}")
    try:
        from .render import Drawing
    except ImportError as missing:
        raise ImportError(f"drawing needs the extra draw: {how_to_install('draw')} ({missing})") from None
    font = {"fontname": "Helvetica,Arial,sans-serif", "fontsize": "11"}
    graph = {"id": f"{prefix}graph", "charset": "UTF-8", "rankdir": direction, "bgcolor": "transparent"}
    graph["remincross"] = "false"  # it would put columns out of order again
    return Drawing(
        engine=engine,
        graph_attr={**graph, "nodesep": "0.18", "ranksep": "0.4", **font, **look},
        node_attr={"shape": "plain", **font},
        edge_attr={"color": LINE, "arrowsize": "0.6", **font},
    )
