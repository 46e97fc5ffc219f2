"""The familiar picture of a network: neurons in columns, and a line for each weight.

A weight above 0 is a blue line, one below 0 an orange and dashed one, the thicker the larger beside
the largest that is shown. In each neuron stands its bias. A long column shows its two ends and says
how many lie between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...engine.floats import integer
from ...nn import MLP, Layer, Maxout, Module, Neuron, activation_name
from ..colours import INK, INPUT, PAPER, PARAMETER, line
from ..names import exact, numeral
from . import card
from .sketch import new_drawing

if TYPE_CHECKING:
    from .render import Drawing

ACROSS, DOWN, RADIUS = 180, 42, 16  # points


def draw_network(model: Module, *, limit: int = 16) -> Drawing:
    """Return a picture of a network's neurons and weights: a `graphviz.Digraph`, as `draw` returns.

    Args:
        model: an `nn.MLP`, `nn.Layer` or `nn.Neuron`.
        limit: how many neurons of a layer, or inputs, are shown one by one; at least 2.

    >>> from scalargrad import draw_network, nn
    >>> draw_network(nn.MLP(2, [16, 16, 1], rng=0)).render("network.svg")  # doctest: +SKIP
    'network.svg'

    Raises:
        TypeError: for any other model.
        ValueError: for a limit that is no integer of at least 2.
        ImportError: when the Python package graphviz is missing.
    """
    columns = _columns(model, integer(limit, "limit", low=2))
    drawing = new_drawing(
        "LR", "", engine="neato", layout="neato", inputscale="72", outputorder="edgesfirst", splines="line"
    )
    height = max(len(column.shown) for column in columns) * DOWN
    for i, column in enumerate(columns):
        top = (height + len(column.shown) * DOWN) / 2
        for j, row in enumerate(column.shown):
            name, title, text, look = _circle(i, row, column)
            drawing.node(name, label=text, id=name, pos=f"{i * ACROSS},{top - j * DOWN:g}!", **look)
            drawing.titles[name] = title
        caption = {"shape": "plaintext", "pos": f"{i * ACROSS},{height + DOWN:g}!"}
        drawing.node(f"caption{i}", label=card.caption(column.caption), id=f"caption{i}", **caption)
    weights = [line for i in range(1, len(columns)) for line in _weights(i, columns[i - 1], columns[i])]
    largest = max((abs(weight) for _, _, weight in weights if math.isfinite(weight)), default=0.0) or 1.0
    for tail, head, weight in sorted(weights, key=lambda weight: (abs(weight[2]), weight[:2])):  # the largest on top
        share = min(abs(weight) / largest, 1.0) if math.isfinite(weight) else 1.0
        name = f"weight_{head}_{tail}"
        look = {
            "color": line(weight) + (f"{round(90 + 165 * share):02x}" if math.isfinite(weight) else ""),
            "penwidth": f"{0.4 + 3.6 * share:.3g}",
            "style": "dashed" if weight < 0 else "solid",
        }
        drawing.edge(tail, head, id=name, arrowhead="none", **look)
        drawing.titles[name] = f"weight {exact(weight)} from {tail} to {head}"
    return drawing


class _Column(NamedTuple):
    """A layer: its neurons; the first column has inputs, and no neurons but their number."""

    size: int
    neurons: Sequence[Neuron]
    caption: tuple[str, ...]
    shown: list[int | None]  # None for those between
    pieces: int = 1  # how many neurons have an output together, as those of a Maxout


def _columns(model: Module, limit: int) -> list[_Column]:
    if isinstance(model, MLP):
        layers = [(layer.neurons, layer.activation, _pieces(layer)) for layer in model.layers]
    elif isinstance(model, Layer):
        layers = [(model.neurons, model.activation, _pieces(model))]
    elif isinstance(model, Neuron):
        layers = [([model], model.activation, 1)]
    else:
        raise TypeError(
            f"a network to draw is an MLP, a Layer or a Neuron, got {model!r} of type {type(model).__name__}"
        )
    n_inputs = layers[0][0][0].n_inputs
    columns = [_Column(n_inputs, [], (_counted(n_inputs, "input"),), _ends(n_inputs, limit))]
    for neurons, activation, pieces in layers:
        name = activation_name(activation) or "linear"
        caption = _counted(len(neurons), "neuron"), name if pieces == 1 else f"{name} of {pieces}"
        columns.append(_Column(len(neurons), neurons, caption, _ends(len(neurons), limit), pieces))
    return columns


def _pieces(layer: Layer) -> int:
    return layer.pieces if isinstance(layer, Maxout) else 1


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' if n > 1 else ''}"


def _ends(n: int, limit: int) -> list[int | None]:
    """All places, or as many as the limit allows from both ends with None for those between."""
    if n <= limit:
        return list(range(n))
    return [*range(limit - limit // 2), None, *range(n - limit // 2, n)]


def _circle(i: int, row: int | None, column: _Column) -> tuple[str, str, str, dict[str, str]]:
    """What one place of a column is called, all there is to say of it, the text in it, and its look."""
    if row is None:
        between = column.size - len(column.shown) + 1
        return f"between{i}", f"{between:,} more", card.caption(("⋮", f"{between:,} more")), {"shape": "plaintext"}
    size = {"shape": "circle", "fixedsize": "true", "width": f"{2 * RADIUS / 72:.3g}", "style": "filled"}
    size |= {"fillcolor": PAPER, "penwidth": "1.5", "fontsize": "8", "fontcolor": INK}
    if not column.neurons:
        return f"input{row}", f"input {row}", f"x{row}", {**size, "color": INPUT}
    bias = column.neurons[row].bias.data
    title = f"neuron {row} of layer {i - 1}: bias {exact(bias)}"
    return f"neuron{i - 1}_{row}", title, numeral(bias, 2), {**size, "color": PARAMETER}


def _weights(i: int, left: _Column, right: _Column) -> list[tuple[str, str, float]]:
    """A line for each weight between two columns, as far as both its ends are shown."""
    return [
        (f"neuron{i - 2}_{source}" if left.neurons else f"input{source}", f"neuron{i - 1}_{row}", weight.data)
        for row in right.shown
        if row is not None
        for output, weight in enumerate(right.neurons[row].weights)
        for source in range(output * left.pieces, (output + 1) * left.pieces)
        if source in left.shown
    ]
