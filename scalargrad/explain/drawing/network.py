"""The familiar picture of a network: neurons in columns, and a line for each weight.

A weight above 0 is a blue line, one below 0 an orange and dashed one, the thicker the larger beside
the largest that is shown. A circle shows the neuron's bias or, for a row of inputs, its output; after
`backward` also the gradient of its bias. A long column shows its two ends and how many lie between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...engine.floats import counted, integer
from ...engine.modes import no_grad
from ...engine.value import Value
from ...nn import MLP, Layer, Maxout, Module, Neuron, activation_name
from ..colours import INPUT, PAPER, PARAMETER, line
from ..names import exact
from . import card
from .sketch import new_drawing

if TYPE_CHECKING:
    from .render import Drawing

ACROSS, DOWN, RADIUS = 220, 96, 33  # points


def draw_network(model: Module, inputs: Iterable[Value | float] | None = None, *, limit: int = 16) -> Drawing:
    """Return a picture of a network's neurons and weights: a `graphviz.Digraph`, as `draw` returns.

    A circle shows a neuron's bias; with inputs, its output. After `backward`, it also shows the gradient of
    the bias, which is that of the weighted sum. The lines' titles have each weight and its gradient in full.

    Args:
        model: an `nn.MLP`, `nn.Layer` or `nn.Neuron`.
        inputs: a row of inputs, to show the forward pass; None to show the biases.
        limit: how many neurons of a layer, or inputs, are shown one by one; at least 2.

    Returns:
        The drawing, which notebooks show. `drawing.render("network.svg")` saves it.

    >>> from scalargrad import draw_network, nn
    >>> draw_network(nn.MLP(2, [16, 16, 1], rng=0), [1.0, -2.0])
    <drawing of a network of 2 inputs and 33 neurons: .render("drawing.svg") saves it, .view() opens it>

    Raises:
        TypeError: for any other model, or inputs that are no numbers.
        ValueError: for a limit that is no integer of at least 2, or a row of another length.
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
    for i, column in enumerate(columns):
        top = (height + len(column.places) * DOWN) / 2
        for j, place in enumerate(column.places):
            at = f"{i * ACROSS},{top - j * DOWN:g}!"
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
                below = {"shape": "plaintext", "pos": f"{i * ACROSS},{top - j * DOWN - RADIUS - 11:g}!"}
                drawing.node(f"name_{place.id}", card.pill(place.below), id=f"name_{place.id}", **below)
        caption = {"shape": "plaintext", "pos": f"{i * ACROSS},{height + DOWN:g}!"}
        drawing.node(f"caption{i}", label=card.caption(column.caption), id=f"caption{i}", **caption)
    weights = [weight for i in range(1, len(columns)) for weight in _weights(columns[i - 1], columns[i])]
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
        drawing.titles[name] = f"weight {exact(x)}{_gradient(weight)} from {tail.name} to {head.name}"
    return drawing


class _Place(NamedTuple):
    """An input or a neuron: its id, its number of the column, and what its circle says."""

    id: str
    row: int
    name: str
    word: str
    number: float | None
    gradient: float | None
    title: str
    below: str
    neuron: Neuron | None


class _Column(NamedTuple):
    """A layer, or the inputs: how many there are, what stands above them, and those that are shown."""

    size: int
    caption: tuple[str, ...]
    places: list[_Place | None]  # None for those between
    pieces: int = 1  # how many neurons have an output together, as those of a Maxout


def _columns(model: Module, inputs: Iterable[Value | float] | None, limit: int) -> list[_Column]:
    layers: list[tuple[str, Sequence[Neuron], Layer | Neuron]]
    if isinstance(model, MLP):
        layers = [(f"layers.{i}", layer.neurons, layer) for i, layer in enumerate(model.layers)]
    elif isinstance(model, Layer):
        layers = [("", model.neurons, model)]
    elif isinstance(model, Neuron):
        layers = [("", [model], model)]
    else:
        raise TypeError(
            f"a network to draw is an MLP, a Layer or a Neuron, got {model!r} of type {type(model).__name__}"
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


def _ends(n: int, limit: int) -> list[int | None]:
    """All places, or as many as the limit allows from both ends with None for those between."""
    if n <= limit:
        return list(range(n))
    return [*range(limit - limit // 2), None, *range(n - limit // 2, n)]


def _input(i: int, row: Sequence[Value] | None) -> _Place:
    name = f"x{i + 1}"
    if row is None:
        return _Place(f"input{i}", i, name, name, None, None, f"input {name}", "", None)
    x = row[i]
    gradient = x.grad if x.swept else None
    return _Place(
        f"input{i}", i, name, name, x.data, gradient, f"input {name} = {exact(x.data)}{_gradient(x)}", "", None
    )


def _neuron(depth: int, i: int, neuron: Neuron, path: str, part: str, output: Value | None) -> _Place:
    bias = neuron.bias
    name = ".".join(filter(None, (path, part))) or "the neuron"
    gradient = bias.grad if bias.swept else None
    title = f"{name}: bias {exact(bias.data)}{_gradient(bias)}"
    word, number = ("bias", bias.data) if output is None else ("output", output.data)
    if output is not None:
        title += f", output {exact(output.data)}"
    return _Place(f"neuron{depth}_{i}", i, name, word, number, gradient, title, part, neuron)


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
