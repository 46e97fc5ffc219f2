"""The familiar picture of a network: neurons in columns, and a line for each weight.

A weight above 0 is a blue line, one below 0 an orange and dashed one, the thicker the larger beside
the largest that is shown. On it stands its number, unless there are so many that the numbers would cover
one another. A circle shows the neuron's bias or, for a row of inputs, its output, with the bias below it;
after `backward` also the gradient of its bias. A long column shows its two ends and how many lie between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ...engine.floats import counted, integer
from ...engine.modes import no_grad
from ...engine.value import Value
from ...nn import MLP, Layer, Maxout, Module, Neuron, Sequential, activation_name
from ..colours import INPUT, PAPER, PARAMETER, line
from ..names import exact, numeral
from . import card
from .sketch import new_drawing

if TYPE_CHECKING:
    from .render import Drawing

NEAR, FAR, DOWN, RADIUS = 180, 320, 96, 33  # points: from a column to the next, from a row to the next, of a circle
APART = 13  # points from one number to the next, so that both can be read
SHARES = [i / 100 for i in range(20, 81)]  # of a line, where its number may stand: clear of the circles


def draw_network(model: Module, inputs: Iterable[Value | float] | None = None, *, limit: int = 16) -> Drawing:
    """Return a picture of a network's neurons and weights: a `graphviz.Digraph`, as `draw` returns.

    A circle shows a neuron's bias; with inputs, its output, with the bias below it. After `backward`, it also shows
    the gradient of the bias, which is that of the weighted sum. A line has the number of its weight; where those of a
    layer would cover one another, it has none, and the caption of the layer says so. The lines' titles have each
    weight and its gradient in full.

    Args:
        model: an `nn.MLP`, `nn.Layer` or `nn.Neuron`, or an `nn.Sequential` of layers and MLPs.
        inputs: a row of inputs, to show the forward pass; None to show the biases.
        limit: how many neurons of a layer, or inputs, are shown one by one; at least 2.

    Returns:
        The drawing, which notebooks show. `drawing.render("network.svg")` saves it.

    >>> from scalargrad import draw_network, nn
    >>> draw_network(nn.MLP(2, [16, 16, 1], rng=0), [1.0, -2.0])
    <drawing of a network of 2 inputs and 33 neurons: .render("drawing.svg") saves it, .view() opens it>

    Raises:
        TypeError: for any other model, or inputs that are not numbers.
        ValueError: for a limit that is not an integer of at least 2, or a row of another length.
        ImportError: when the Python package graphviz is missing.
    """
    columns = _columns(model, inputs, integer(limit, "limit", low=2))
    drawing = new_drawing(
        "LR", "", engine="neato", layout="neato", inputscale="72", outputorder="edgesfirst", splines="line"
    )
    neurons = sum(column.size for column in columns[1:])
    drawing.contents = f"a network of {counted(columns[0].size, 'input')} and {counted(neurons, 'neuron')}"
    places = [place for column in columns for place in column.places if place is not None]
    gradients = [place.gradient for place in places if place.gradient is not None]
    largest = max((abs(x) for x in gradients if math.isfinite(x)), default=0.0) or 1.0
    height = max(len(column.places) for column in columns) * DOWN
    across = min(max(NEAR, height), FAR)  # lines between few neurons are few, and may be short
    rows = [_rows(column, height) for column in columns]
    for i, column in enumerate(columns):
        for place, y in zip(column.places, rows[i], strict=True):
            at = f"{i * across},{y:g}!"
            if place is None:
                between = f"{column.size - len(column.places) + 1:,} more"
                drawing.node(f"between{i}", card.caption(("⋮", between)), id=f"between{i}", shape="plaintext", pos=at)
                drawing.titles[f"between{i}"] = between
                continue
            label = card.disc(place.word, place.number, place.gradient, largest)
            look = {"shape": "circle", "fixedsize": "true", "width": f"{2 * RADIUS / 72:.3g}", "style": "filled"}
            look |= {"fillcolor": PAPER, "penwidth": "1.5", "color": PARAMETER if i else INPUT}
            drawing.node(place.id, label, id=place.id, pos=at, **look)
            drawing.titles[place.id] = place.title
            if place.below:
                below = {"shape": "plaintext", "pos": f"{i * across},{y - RADIUS - 4 - 6 * len(place.below):g}!"}
                drawing.node(f"name_{place.id}", card.pill(*place.below), id=f"name_{place.id}", **below)
    weights: list[tuple[_Place, _Place, Value]] = []
    captions = [column.caption for column in columns]
    for i, (left, right) in enumerate(pairwise(columns)):
        these = _weights(left, right)
        weights += these
        tails, heads = (
            {place.id: y for place, y in zip(columns[k].places, rows[k], strict=True) if place} for k in (i, i + 1)
        )
        share = _share(list(tails.values()), list(heads.values()))
        if share is None:
            captions[i + 1] += ("too many weights for numbers",)
            continue
        for tail, head, weight in these:
            name = f"number_{head.id}_{tail.id}"
            at = f"{(i + share) * across:g},{(1 - share) * tails[tail.id] + share * heads[head.id]:g}!"
            drawing.node(name, card.pill(numeral(weight.data)), id=name, shape="plaintext", pos=at)
            drawing.titles[name] = _about(tail, head, weight)
    for i, shown in enumerate(captions):
        caption = {"shape": "plaintext", "pos": f"{i * across},{height + DOWN:g}!"}
        drawing.node(f"caption{i}", label=card.caption(shown), id=f"caption{i}", **caption)
    greatest = max((abs(weight.data) for _, _, weight in weights if math.isfinite(weight.data)), default=0.0) or 1.0
    for tail, head, weight in sorted(
        weights, key=lambda it: (abs(it[2].data), it[0].id, it[1].id)
    ):  # the largest on top
        x = weight.data
        share = abs(x) / greatest if math.isfinite(x) else 1.0
        name = f"weight_{head.id}_{tail.id}"
        look = {
            "color": line(x) + (f"{round(90 + 165 * share):02x}" if math.isfinite(x) else ""),
            "penwidth": f"{0.4 + 3.6 * share:.3g}",
            "style": "dashed" if x < 0 else "solid",
        }
        drawing.edge(tail.id, head.id, id=name, arrowhead="none", **look)
        drawing.titles[name] = _about(tail, head, weight)
    return drawing


def _rows(column: _Column, height: float) -> list[float]:
    """How high each place of a column stands: the middle of the column in the middle of the picture."""
    return [(height + len(column.places) * DOWN) / 2 - j * DOWN for j in range(len(column.places))]


def _share(tails: Sequence[float], heads: Sequence[float]) -> float | None:
    """Which share of each line lies before its number, so that the numbers are furthest apart; None for no room."""
    highest = max(max(rows) - min(rows) for rows in (tails, heads))
    if (len(tails) * len(heads) - 1) * APART > highest:
        return None

    def gap(share: float) -> float:
        rows = sorted((1 - share) * tail + share * head for tail in tails for head in heads)
        return min((after - before for before, after in pairwise(rows)), default=DOWN)

    best = max(SHARES, key=lambda share: (min(gap(share), 2 * APART), -abs(share - 0.5)))
    return best if gap(best) >= APART else None


def _about(tail: _Place, head: _Place, weight: Value) -> str:
    return f"weight {exact(weight.data)}{_gradient(weight)} from {tail.name} to {head.name}"


class _Place(NamedTuple):
    """An input or a neuron: its id, its number of the column, and what its circle says."""

    id: str
    row: int
    name: str
    word: str
    number: float | None
    gradient: float | None
    title: str
    below: tuple[str, ...]
    neuron: Neuron | None


class _Column(NamedTuple):
    """A layer, or the inputs: how many there are, what stands above them, and those that are shown."""

    size: int
    caption: tuple[str, ...]
    places: list[_Place | None]  # None for those between
    pieces: int = 1  # how many neurons have an output together, as those of a Maxout


def _columns(model: Module, inputs: Iterable[Value | float] | None, limit: int) -> list[_Column]:
    layers = _layers(model, "")
    if layers is None:
        raise TypeError(
            "a network to draw is an MLP, a Layer, a Neuron, or a Sequential of layers, "
            f"got {model!r} of type {type(model).__name__}"
        )
    n_inputs = layers[0][1][0].n_inputs
    row: list[Value] | None = None
    if inputs is not None:
        row = [x if isinstance(x, Value) else Value(x) for x in inputs]
        if len(row) != n_inputs:
            raise ValueError(f"{model!r} takes {counted(n_inputs, 'input')}, got {len(row)}")
    columns = [_Column(n_inputs, (counted(n_inputs, "input"),), [])]
    for i in _ends(n_inputs, limit):
        columns[0].places.append(None if i is None else _input(i, row))
    for depth, (path, neurons, layer) in enumerate(layers):
        if row is not None:
            with no_grad():
                row = [layer(row)] if isinstance(layer, Neuron) else layer.outputs(row)
        pieces = layer.pieces if isinstance(layer, Maxout) else 1
        name = activation_name(layer.activation) or "linear"
        about = counted(len(neurons), "neuron"), name if pieces == 1 else f"{name} of {pieces}"
        column = _Column(len(neurons), (path, *about) if path else about, [], pieces)
        for i in _ends(len(neurons), limit):
            part = "" if isinstance(layer, Neuron) else f"neurons.{i}"
            output = None if row is None or i is None else row[i // pieces]
            column.places.append(None if i is None else _neuron(depth, i, neurons[i], path, part, output))
        columns.append(column)
    return columns


def _layers(model: object, path: str) -> list[tuple[str, Sequence[Neuron], Layer | Neuron]] | None:
    """The layers of a network, each with its path and its neurons; None for any other module."""
    if isinstance(model, Neuron):
        return [(path, [model], model)]
    if isinstance(model, Layer):
        return [(path, model.neurons, model)]
    if not isinstance(model, MLP | Sequential):
        return None
    layers: list[tuple[str, Sequence[Neuron], Layer | Neuron]] = []
    for i, part in enumerate(model.layers):
        inner = None if isinstance(part, Neuron) else _layers(part, f"{path}.layers.{i}".lstrip("."))
        if inner is None:
            return None
        layers += inner
    return layers


def _ends(n: int, limit: int) -> list[int | None]:
    """All places, or as many as the limit allows from both ends with None for those between."""
    if n <= limit:
        return list(range(n))
    return [*range(limit - limit // 2), None, *range(n - limit // 2, n)]


def _input(i: int, row: Sequence[Value] | None) -> _Place:
    name = f"x{i + 1}"
    if row is None:
        return _Place(f"input{i}", i, name, name, None, None, f"input {name}", (), None)
    x = row[i]
    gradient = x.grad if x.swept else None
    title = f"input {name} = {exact(x.data)}{_gradient(x)}"
    return _Place(f"input{i}", i, name, name, x.data, gradient, title, (), None)


def _neuron(depth: int, i: int, neuron: Neuron, path: str, part: str, output: Value | None) -> _Place:
    bias = neuron.bias
    name = ".".join(filter(None, (path, part))) or "the neuron"
    gradient = bias.grad if bias.swept else None
    title = f"{name}: bias {exact(bias.data)}{_gradient(bias)}"
    word, number = ("bias", bias.data) if output is None else ("output", output.data)
    if output is not None:
        title += f", output {exact(output.data)}"
    below = tuple(filter(None, (part, "" if output is None else f"bias {numeral(bias.data)}")))
    return _Place(f"neuron{depth}_{i}", i, name, word, number, gradient, title, below, neuron)


def _gradient(value: Value) -> str:
    return f" (gradient {exact(value.grad)})" if value.swept else ""


def _weights(left: _Column, right: _Column) -> list[tuple[_Place, _Place, Value]]:
    """A line for each weight between two columns, as far as both its ends are shown."""
    return [
        (tail, head, head.neuron.weights[tail.row // left.pieces])
        for head in right.places
        if head is not None and head.neuron is not None
        for tail in left.places
        if tail is not None
    ]
