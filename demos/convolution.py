"""A convolution in scalar loops: small filters slide over a handwritten digit, and the loops are lifted.

    16×16 pixels  →  12 filters of 5×5 at every second place: 12 maps of 6×6  →  relu  →  10 neurons  →  softmax

Each filter asks the same question at 36 places, so 25 weights do the work of 36 times as many. The
code below computes one number at a time, in five nested loops, for one digit. The lifter sees no
loops and no filters, but 30,000 additions and multiplications. It finds the products of matrices in
them; --source prints the program. The dense network of digits.py, with 64 hidden neurons and more
than three times as many weights, learns the same digits in the same way, to compare. The convolution
reads more of the held-out digits.

The picture shows the filters, and their results for some digits.

    python demos/convolution.py
    python demos/convolution.py --source
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import argparse
import math
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy
from digits import CLASSES, SIDE, Digit, Loss, load_digits, split
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pictures import BLUE, INK, RED, count, picture, save
from rich.console import Console

from scalargrad import Value, cross_entropy, lift, nn, no_grad, optim, relu

Array = NDArray[numpy.float64]

FILTER, STRIDE, MAPS = 5, 2, 12
PLACES = (SIDE - FILTER) // STRIDE + 1  # of a filter, along each side
BATCH = 50
RATE = 0.01  # of the first step; it falls to 0 along a cosine
DECAY = 0.001  # of the weights, as by a penalty of half of it times the sum of their squares

# ---------------------------------------------------------------- the network, for one digit


class Convolution(nn.Module):
    """Filters that slide over an image, and neurons that read their results."""

    def __init__(self, rng: random.Random) -> None:
        def weight() -> Value:
            return Value(rng.gauss(0.0, math.sqrt(2 / FILTER**2)))

        self.filters = [[[weight() for _ in range(FILTER)] for _ in range(FILTER)] for _ in range(MAPS)]
        self.biases = [Value(0.0) for _ in range(MAPS)]
        self.readout = nn.Layer(MAPS * PLACES**2, len(CLASSES), None, rng)

    def maps(self, image: Any) -> list[list[list[Value]]]:
        """Return how well each filter fits at each place: a map for each filter."""
        return [
            [
                [self.fit(kernel, bias, image, STRIDE * row, STRIDE * column) for column in range(PLACES)]
                for row in range(PLACES)
            ]
            for kernel, bias in zip(self.filters, self.biases, strict=True)
        ]

    def fit(self, kernel: list[list[Value]], bias: Value, image: Any, top: int, left: int) -> Value:
        """Return how well a filter fits the pixels below it, when its corner lies there; 0 for badly."""
        score = bias
        for i in range(FILTER):
            for j in range(FILTER):
                score = score + kernel[i][j] * image[top + i][left + j]
        return relu(score)

    def __call__(self, image: Any) -> list[Value]:
        """Return the ten outputs, before the softmax."""
        return self.readout.outputs([fit for fmap in self.maps(image) for row in fmap for fit in row])


def loss_function(model: Any) -> Loss:
    """Return the cross-entropy as a function of one digit and its ten target outputs."""
    return lambda pixels, target: cross_entropy(model(pixels), target)


# ---------------------------------------------------------------- training


def arrays(digits: Sequence[Digit]) -> tuple[Array, Array]:
    """Return the digits as images, and the outputs that they should have."""
    images = numpy.array([digit.pixels for digit in digits]).reshape(-1, SIDE, SIDE)
    return images, numpy.array([digit.target for digit in digits])


def train(model: Any, images: Array, targets: Array, epochs: int, seed: int) -> None:
    """Learn from each digit once in each epoch, from fifty at a time; the weights are kept small."""
    history = optim.train(
        loss_function(model),
        model.parameters(),
        (images, targets),
        optimizer=optim.Adam(weight_decay=DECAY),
        schedule=optim.Cosine(RATE, steps=epochs * math.ceil(len(images) / BATCH)),
        epochs=epochs,
        batch_size=BATCH,
        rng=seed,
        lifted=True,
    )
    if history.status == optim.INTERRUPTED:
        raise KeyboardInterrupt


def accuracy(model: Any, images: Array, digits: Sequence[Digit]) -> float:
    """Return the share of the digits that are read right."""
    answers = numpy.argmax(lift(model, model.parameters())(images), axis=1)
    return float(numpy.mean([answer == digit.label for answer, digit in zip(answers, digits, strict=True)]))


# ---------------------------------------------------------------- the picture


def draw(model: Convolution, digits: Sequence[Digit], title: str) -> Figure:
    """Draw the filters in a row, and below each its results for some digits: dark where it fits."""
    colours = LinearSegmentedColormap.from_list("against and for", [RED, "white", BLUE])
    weights = numpy.array([[[weight.data for weight in row] for row in kernel] for kernel in model.filters])
    largest = numpy.abs(weights).max()
    figure = Figure(figsize=(13, 1.15 * (len(digits) + 1) + 1), layout="constrained")
    figure.suptitle(title, fontsize=15)
    axes = figure.subplots(len(digits) + 1, MAPS + 1, squeeze=False)
    for panel in axes.flat:
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set(color=INK, linewidth=0.6)
    axes[0, 0].axis("off")
    axes[0, 0].text(1, 0.5, "12 filters:\nblue for ink,\nred against", ha="right", va="center", color=INK)
    for panel, kernel in zip(axes[0, 1:], weights, strict=True):
        panel.imshow(kernel, cmap=colours, vmin=-largest, vmax=largest)
    for row, digit in zip(axes[1:], digits, strict=True):
        image, _ = arrays([digit])
        with no_grad():
            maps = numpy.array(
                [[[fit.data for fit in line] for line in fmap] for fmap in model.maps(image[0].tolist())]
            )
        row[0].imshow(image[0], cmap="gray_r", vmin=0, vmax=1)
        for panel, fmap in zip(row[1:], maps, strict=True):
            panel.imshow(fmap, cmap="Blues", vmin=0, vmax=maps.max())
    return figure


# ---------------------------------------------------------------- the program


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Learn to read handwritten digits by a convolution written in scalar loops, and lifted.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--epochs", type=count, default=20, help="times that each example is learned from")
    parser.add_argument("--examples", type=count, default=4000, help="digits to learn from, at most 4000")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights and all that is shuffled")
    parser.add_argument("--output", type=picture, default="output/convolution.png", help="the picture to draw")
    parser.add_argument("--source", action="store_true", help="print the program that the loops become, and end")
    options = parser.parse_args(argv)
    if options.examples > 4000:
        parser.error(f"argument --examples: there are 4000 digits to learn from, not {options.examples}")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    """Train the convolution and the dense network, compare, draw."""
    began = time.monotonic()
    options = arguments(argv)
    console = Console(highlight=False, soft_wrap=True)
    learned, held_out = split(load_digits(), random.Random(options.seed))
    images, targets = arrays(learned[: options.examples])
    images_held_out, _ = arrays(held_out)
    convolution = Convolution(random.Random(options.seed))
    if options.source:
        program = lift(loss_function(convolution), convolution.parameters())
        program.value_and_grad(images[:1], targets[:1])
        print(program.source)
        return
    dense = nn.MLP(SIDE**2, [64, len(CLASSES)], rng=random.Random(options.seed))
    train(convolution, images, targets, options.epochs, options.seed)
    train(dense, images.reshape(-1, SIDE**2), targets, options.epochs, options.seed)
    share = accuracy(convolution, images_held_out, held_out)
    share_of_dense = accuracy(dense, images_held_out.reshape(-1, SIDE**2), held_out)
    for name, weights, right in (
        ("convolution", len(convolution.parameters()), share),
        ("dense", len(dense.parameters()), share_of_dense),
    ):
        console.print(f"{name}: {weights:,} weights, {right:.1%} of {len(held_out):,} held-out digits read right")
    title = (
        f"A convolution reads {share:.1%} of {len(held_out):,} held-out digits; a dense network {share_of_dense:.1%}"
    )
    shown = [next(digit for digit in held_out if digit.label == label) for label in (2, 5, 7, 8)]
    save(draw(convolution, shown, title), options.output)
    console.print(f"the filters and their maps are drawn in {options.output}", markup=False)
    console.print(f"{time.monotonic() - began:.0f} seconds in all")


if __name__ == "__main__":
    main()
