"""Very deep networks: with a way around each layer a gradient reaches the first of 50, and all of them learn.

    plain     y = σ(W x + b)
    residual  y = x + σ(W x + b)
    highway   y = t · σ(W x + b) + (1 - t) · x,  where t is a sigmoid that is learned, and nearly 0 at the start

The layers are those of sigmoids that hardly let a gradient through; see depth.py. Here it need not go through them:
it takes the way around.

Left: the size of the gradient in each of 50 layers, before any training: the mean of |dL/db| over the biases of the
layer, where L is the mean loss of all digits. Right: networks of 2 to 50 layers learn to read digits.

    python demos/very_deep.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
import random
from collections.abc import Sequence

from experiment import (
    GREEN,
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

NEURONS = 12  # in each layer
KINDS = {"plain": ORANGE, "residual": BLUE, "highway": GREEN}
DEPTHS = (2, 10, 50)
CLOSED = -4.0  # where the biases of the gates start, as in the paper for its deepest network


def network(seed: int, kind: str, depth: int) -> nn.Sequential:
    """Return a network with so many layers of one kind, between a linear layer and ten outputs."""
    rng = random.Random(seed)

    def layer() -> nn.Module:
        if kind == "highway":
            return nn.Highway(NEURONS, "sigmoid", rng, gate_bias=CLOSED)
        own = nn.Layer(NEURONS, NEURONS, "sigmoid", rng)
        return nn.Residual(own) if kind == "residual" else own

    first = nn.Layer(PIXELS, NEURONS, None, rng)
    return nn.Sequential(first, *(layer() for _ in range(depth)), nn.Layer(NEURONS, 10, None, rng))


def gradients(seeds: int, layers: int, examples: int) -> dict[str, list[list[float]]]:
    """Return the size of the gradient in each layer, for each kind and seed."""

    def run(seed: int) -> list[list[float]]:
        learned, _ = digits_for(seed, examples)
        return [sizes_by_layer(network(seed, kind, layers), learned, "bias")[1:-1] for kind in KINDS]

    return by_name(KINDS, for_each_seed(run, seeds))


def learn(seed: int, kind: str, depth: int, examples: int, epochs: int) -> float:
    """Train a network, and return how many of the digits that it has learned from it reads."""
    return learn_deep(network(seed, kind, depth), seed, examples, epochs, optim.GradientDescent(rate=0.1))


def compare(seeds: int, depths: Sequence[int], examples: int, epochs: int) -> dict[str, list[list[float]]]:
    """Return the accuracy of each depth, for each kind and seed."""

    def run(seed: int) -> list[list[float]]:
        return [[learn(seed, kind, depth, examples, epochs) for depth in depths] for kind in KINDS]

    return by_name(KINDS, for_each_seed(run, seeds))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, report and draw, as the arguments say."""
    chosen = options(
        argv, "very_deep", "Compare plain, residual and highway layers by depth: gradients, and what is learned.",
        layers=(50, "layers of the deepest networks"),
        examples=(400, "digits to learn from"), epochs=(8, "times that each digit is learned from"),
    )  # fmt: skip
    depths = [*(depth for depth in DEPTHS if depth < chosen.layers), chosen.layers]
    size = gradients(chosen.seeds, chosen.layers, chosen.examples)
    runs = compare(chosen.seeds, depths, chosen.examples, chosen.epochs)
    places = dict.fromkeys([1, *range(10, chosen.layers, 10), chosen.layers])
    rows = {f"{n}": [summary([run[n - 1] for run in size[kind]], ".0e") for kind in KINDS] for n in places}
    show("mean |dL/db| before training", ["layer", *KINDS], rows)
    rows = {}
    for place, depth in enumerate(depths):
        ends = {kind: [run[place] for run in runs[kind]] for kind in KINDS}
        rows[f"{depth}"] = [*map(summary, ends.values()), ahead(ends["residual"], ends["plain"])]
    title = f"accuracy on training digits after {counted(chosen.epochs, 'epoch')}"
    show(title, ["layers", *KINDS, "residual ahead"], rows)

    with slide(chosen.output, "A way around each layer") as (left, right):
        for kind, colour in KINDS.items():
            band(left, range(1, chosen.layers + 1), size[kind], colour, kind)
            band(right, depths, runs[kind], colour, kind)
        title = f"{chosen.layers} layers, before training"
        left.set(yscale="log", title=title, xlabel="layer", ylabel="mean |dL/db|")
        left.legend(loc="lower right", frameon=False)
        title, what = f"What is learned: {counted(chosen.seeds, 'run')} each", "accuracy on training digits"
        right.set(title=title, xlabel="layers", ylabel=what, xscale="log", ylim=(0, 1))
        right.set_xticks(depths, depths, minor=False)
        right.minorticks_off()


if __name__ == "__main__":
    main()
