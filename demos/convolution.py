"""Convolution: eight small filters read digits better than a dense network with as many parameters, or five times more.

    16×16 pixels  →  8 filters of 5×5: 8 maps of 12×12  →  the largest of each 2×2: 8 maps of 6×6  →  10 outputs

A filter asks the same question at 144 places: its 25 weights are shared by all of them. A dense network has a weight
for each pixel and neuron, and must learn at each place anew what an edge is.

Left: what each network reads of 1,000 digits that it has not seen. Right: what the filters of the first run have
learned, blue for ink and red against it, and below each what it finds in three digits.

    python demos/convolution.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import functools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy
from digits import SIDE, load_digits, split
from digits import columns as in_one_row
from experiment import VIOLET, Columns, accuracies, ahead, for_each_seed, options, paired, show, slide, summary, train
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from pictures import BLUE, INK, ORANGE, RED, counted

from scalargrad import cross_entropy, flatten, nn, no_grad, optim

FILTERS, KERNEL, WINDOW, BATCH = 8, 5, 2, 50


def convolution(seed: int) -> nn.Sequential:
    """Return a network of filters, which reads rows of pixels."""
    side = (SIDE - KERNEL + 1) // WINDOW
    rng = random.Random(seed)
    return nn.Sequential(
        nn.Convolution(1, FILTERS, KERNEL, rng=rng),
        nn.MaxPool(WINDOW),
        flatten,
        nn.Layer(FILTERS * side**2, 10, activation=None, rng=rng),
    )


def dense(seed: int, hidden: int) -> nn.Sequential:
    """Return a network that reads the same rows of pixels as one long row."""
    return nn.Sequential(flatten, nn.MLP(SIDE**2, [hidden, 10], rng=seed))


NETWORKS: dict[str, tuple[Callable[[int], nn.Sequential], str]] = {
    "convolution": (convolution, BLUE),
    "dense, 12": (functools.partial(dense, hidden=12), ORANGE),
    "dense, 64": (functools.partial(dense, hidden=64), VIOLET),
}


@functools.cache
def digits_for(seed: int, examples: int) -> tuple[Columns, Columns]:
    """Return digits to learn from, and 1,000 others, as rows of pixels."""
    learned, others = split(load_digits(), random.Random(seed))
    return columns(learned[:examples]), columns(others)


def columns(digits: Sequence[Any]) -> Columns:
    """Return the images of digits, and the ten outputs that each should have."""
    pixels, targets = in_one_row(digits)
    return numpy.reshape(pixels, (-1, SIDE, SIDE)).tolist(), targets


def learn(seed: int, name: str, examples: int, epochs: int) -> tuple[nn.Sequential, list[float]]:
    """Train a network, and return it with the share that it reads of its own digits, and of others."""
    model = NETWORKS[name][0](seed)
    learned, others = digits_for(seed, examples)
    train(
        lambda image, target: cross_entropy(model.outputs(image), target),
        model.parameters(),
        learned,
        optimizer=optim.Adam(weight_decay=0.001),
        schedule=optim.Cosine(0.01, steps=epochs * math.ceil(examples / BATCH)),
        epochs=epochs,
        batch_size=BATCH,
        rng=seed,
    )
    return model, accuracies(model, learned, others)


def draw_filters(axes: Axes, model: nn.Sequential, images: Sequence[Any]) -> None:
    """Draw the filters in a row, and below each what it finds in some images."""
    (first, *_) = model.layers
    assert isinstance(first, nn.Convolution)
    colours = LinearSegmentedColormap.from_list("against and for", [RED, "white", BLUE])
    weights = [[[weight.data for weight in row] for row in own.weights[0]] for own in first.filters]
    largest = numpy.abs(weights).max()
    axes.axis("off")
    width, height = 1 / (FILTERS + 1), 1 / (len(images) + 1)

    def panel(row: int, column: int, pixels: Any, **look: Any) -> None:
        place = (column * width, 1 - (row + 1) * height, 0.92 * width, 0.92 * height)
        inset = axes.inset_axes(place, xticks=[], yticks=[])
        inset.spines[:].set(visible=True, color=INK, linewidth=0.6)
        inset.imshow(pixels, **look)

    for place, own in enumerate(weights):
        panel(0, place + 1, own, cmap=colours, vmin=-largest, vmax=largest)
    for row, image in enumerate(images, start=1):
        with no_grad():
            maps = [[[y.data for y in line] for line in channel] for channel in first(image)]
        panel(row, 0, image, cmap="gray_r", vmin=0, vmax=1)
        for place, channel in enumerate(maps):
            panel(row, place + 1, channel, cmap="Blues", vmin=0, vmax=numpy.max(maps))


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "convolution", "Compare a convolution with dense networks: what they read, and what filters learn.",
        examples=(1000, "digits to learn from"), epochs=(10, "times that each digit is learned from"),
    )  # fmt: skip
    runs = for_each_seed(
        lambda seed: {name: learn(seed, name, chosen.examples, chosen.epochs) for name in NETWORKS}, chosen.seeds
    )
    ends = {name: [[run[name][1][place] for run in runs] for place in (0, 1)] for name in NETWORKS}
    rows = {
        name: [
            f"{len(runs[0][name][0].parameters()):,}",
            *map(summary, ends[name]),
            "" if name == "convolution" else ahead(ends["convolution"][1], ends[name][1]),
        ]
        for name in NETWORKS
    }
    title = f"digits read after {counted(chosen.epochs, 'epoch')} with {chosen.examples:,} of them"
    show(title, ["network", "parameters", "its own", "new ones", "convolution is ahead in"], rows)

    with slide(chosen.output, "Filters read digits with few parameters", width_ratios=(2, 3)) as (left, right):
        paired(left, [name.replace(", ", "\n") for name in NETWORKS], [ends[name][1] for name in NETWORKS],
               [colour for _, colour in NETWORKS.values()])  # fmt: skip
        left.set(title=f"New digits: {counted(chosen.seeds, 'run')} each", ylabel="accuracy on new digits")
        images, targets = digits_for(0, chosen.examples)[1]
        shown = [images[[target.index(1.0) for target in targets].index(label)] for label in (2, 5, 7)]
        draw_filters(right, runs[0]["convolution"][0], shown)
        right.set_title("Eight filters, and what they find")


if __name__ == "__main__":
    main()
