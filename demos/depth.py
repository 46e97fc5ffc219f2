"""Sigmoid or relu: through many layers of sigmoid neurons hardly any gradient reaches the first ones.

The derivative of sigmoid is at most 1/4. Backpropagation multiplies by it in each layer, so the gradient becomes
smaller from layer to layer, and the layers near the input, which get the smallest, stay as they were drawn. The
derivative of relu is 1 wherever a neuron is active, and the gradient passes.

Left: the size of the gradient in each of 20 layers, before any training: the mean of |dL/dw| over the weights of the
layer and all digits. Right: networks with one to eight hidden layers learn to read digits by gradient descent. With
three of them sigmoid learns nothing any more. Relu still does, though less the more layers there are.

    python demos/depth.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
from collections.abc import Sequence

from experiment import (
    PIXELS,
    ahead,
    band,
    by_name,
    digits_for,
    for_each_seed,
    learn_deep,
    options,
    show,
    sizes_by_layer,
    slide,
    summary,
)
from pictures import BLUE, ORANGE, counted

from scalargrad import nn, optim

NEURONS = 16  # in each hidden layer
ACTIVATIONS = {"sigmoid": ORANGE, "relu": BLUE}
DEPTHS = (1, 2, 3, 5, 8)


def network(seed: int, activation: str, depth: int) -> nn.MLP:
    """Return a network with so many hidden layers, and a linear layer of ten outputs."""
    return nn.MLP(PIXELS, [NEURONS] * depth + [10], activation, rng=seed)


def gradients(seeds: int, layers: int, examples: int) -> dict[str, list[list[float]]]:
    """Return the size of the gradient in each layer, for each activation and seed."""

    def run(seed: int) -> list[list[float]]:
        learned, _ = digits_for(seed, examples)
        return [sizes_by_layer(network(seed, name, layers - 1), learned, "weights") for name in ACTIVATIONS]

    return by_name(ACTIVATIONS, for_each_seed(run, seeds))


def learn(seed: int, activation: str, depth: int, examples: int, epochs: int) -> float:
    """Train a network, and return how many of the digits that it has learned from it reads."""
    return learn_deep(network(seed, activation, depth), seed, examples, epochs, optim.GradientDescent(rate=0.3))


def compare(seeds: int, depths: Sequence[int], examples: int, epochs: int) -> dict[str, list[list[float]]]:
    """Return the accuracy of each depth, for each activation and seed."""

    def run(seed: int) -> list[list[float]]:
        return [[learn(seed, name, depth, examples, epochs) for depth in depths] for name in ACTIVATIONS]

    return by_name(ACTIVATIONS, for_each_seed(run, seeds))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, report and draw, as the arguments say."""
    chosen = options(
        argv, "depth", "Compare sigmoid and relu by depth: how large gradients are, and what is learned.",
        layers=(20, "layers of the network whose gradients are measured"),
        examples=(600, "digits to learn from"), epochs=(10, "times that each digit is learned from"),
    )  # fmt: skip
    size = gradients(chosen.seeds, chosen.layers, chosen.examples)
    runs = compare(chosen.seeds, DEPTHS, chosen.examples, chosen.epochs)
    rows = {
        f"{place + 1}": [summary([run[place] for run in size[name]], ".1e") for name in ACTIVATIONS]
        for place in range(chosen.layers)
    }
    show("mean |dL/dw| before training", ["layer", *ACTIVATIONS], rows)
    rows = {}
    for place, depth in enumerate(DEPTHS):
        ends = {name: [run[place] for run in runs[name]] for name in ACTIVATIONS}
        rows[f"{depth}"] = [*map(summary, ends.values()), ahead(ends["relu"], ends["sigmoid"])]
    title = f"accuracy on training digits after {counted(chosen.epochs, 'epoch')}, by hidden layers"
    show(title, ["hidden", *ACTIVATIONS, "relu ahead"], rows)

    with slide(chosen.output, "Gradients vanish through sigmoid layers") as (left, right):
        layers = range(1, chosen.layers + 1)
        for name, colour in ACTIVATIONS.items():
            band(left, layers, size[name], colour, name)
            band(right, DEPTHS, runs[name], colour, name)
        left.set(yscale="log", title=f"{chosen.layers} layers, before training", xlabel="layer", ylabel="mean |dL/dw|")
        left.set_xticks([1, *range(5, chosen.layers + 1, 5)])
        left.legend(loc="lower right", frameon=False)
        right.set(
            title=f"What is learned: {counted(chosen.seeds, 'run')} each",
            xlabel="hidden layers",
            ylabel="accuracy on training digits",
            ylim=(0, 1.02),
            xticks=DEPTHS,
        )
        right.yaxis.set_major_formatter("{x:.0%}")


if __name__ == "__main__":
    main()
