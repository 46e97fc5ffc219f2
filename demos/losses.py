"""Square error or cross-entropy: with softmax, the square error is flat where the network is quite wrong.

With softmax at its end a network gives a distribution, and both losses are 0 when it is the right one. But far from
there, where the right class has almost no probability, the slope of the square error is almost 0, so gradient
descent takes tiny steps just where the network has the most to learn. The cross-entropy is steep there.

Left: two classes, and the slope of each loss by how far the score of the right class is behind. Right and in the
table: networks that read digits learn with each loss from the same initial weights, in the same order. A larger rate
makes up for much of the difference, so the table has several.

    python demos/losses.py
"""

from __future__ import annotations

import ending  # noqa: F401  # before all else: what follows may be missing, and Ctrl-C may come

# isort: split
from collections.abc import Callable, Sequence

from digits import loss_function
from experiment import PIXELS, ahead, band, by_name, digits_for, for_each_seed, options, show, slide, summary, train
from pictures import BLUE, ORANGE, counted

from scalargrad import Value, cross_entropy, nn, optim, softmax, square_error

LOSSES = {"square": "square error", "cross-entropy": "cross-entropy"}
RATES = (0.3, 1.0, 3.0)
Runs = dict[tuple[str, float], list[list[float]]]  # by loss and rate: the accuracy after each epoch, for each seed


def slopes(behind: float) -> tuple[float, float]:
    """Return how steep both losses are where the score of the right class of two is so far behind the other."""

    def slope(loss: Callable[[list[Value]], Value]) -> float:
        right = Value(-behind)
        loss([right, Value(0.0)]).backward()
        return -right.grad

    return (
        slope(lambda scores: square_error(softmax(scores), [1.0, 0.0])),
        slope(lambda scores: cross_entropy(scores, 0)),
    )


def learn(seed: int, loss: str, rate: float, examples: int, epochs: int) -> list[float]:
    """Train a network with this loss, and return its accuracy on the test digits after each epoch."""
    learned, test = digits_for(seed, examples)
    model = nn.MLP(PIXELS, [32, 10], "sigmoid", rng=seed)
    history = train(
        loss_function(model, loss),
        model.parameters(),
        learned,
        optimizer=optim.GradientDescent(rate=rate),
        epochs=epochs,
        batch_size=10,
        rng=seed,
        validation=test,
        metrics={"accuracy": lambda pixels, target: optim.accuracy(model.outputs(pixels), target)},
    )
    return history["validation accuracy"]


def compare(seeds: int, examples: int, epochs: int, rates: Sequence[float] = RATES) -> Runs:
    """Train with both losses at each rate, for each seed."""
    pairs = [(loss, rate) for loss in LOSSES for rate in rates]
    runs = for_each_seed(lambda seed: [learn(seed, *pair, examples, epochs) for pair in pairs], seeds)
    return by_name(pairs, runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Train, report and draw, as the arguments say."""
    chosen = options(
        argv, "losses", "Compare two losses, the square error and the cross-entropy, on handwritten digits.",
        examples=(1000, "digits to learn from"), epochs=(6, "times that each digit is learned from"),
    )  # fmt: skip
    runs = compare(chosen.seeds, chosen.examples, chosen.epochs)
    rows = {}
    for rate in RATES:
        ends = {loss: [run[-1] for run in runs[loss, rate]] for loss in LOSSES}
        rows[f"{rate:g}"] = [*map(summary, ends.values()), ahead(ends["cross-entropy"], ends["square"])]
    headings = ["rate", *LOSSES.values(), "ahead in"]
    show(f"accuracy on test digits after {counted(chosen.epochs, 'epoch')}", headings, rows)

    with slide(chosen.output, "Cross-entropy is steep where the network is wrong") as (left, right):
        behind = [i / 10 for i in range(-40, 101)]
        for at, (name, colour) in enumerate(zip(LOSSES.values(), (ORANGE, BLUE), strict=True)):
            left.plot(behind, [slopes(x)[at] for x in behind], color=colour, label=name)
        left.set(
            title="Two classes: how steep is the loss?",
            xlabel="right score behind the wrong one by",
            ylabel="slope of the loss",
        )
        left.legend(loc="center right", frameon=False)
        epochs = range(1, chosen.epochs + 1)
        for (loss, name), colour in zip(LOSSES.items(), (ORANGE, BLUE), strict=True):
            band(right, epochs, runs[loss, RATES[0]], colour, name)
        right.set(
            title=f"Digits: {counted(chosen.seeds, 'run')} each, rate {RATES[0]:g}",
            xlabel="epoch",
            ylabel="accuracy on test digits",
            ylim=(0, 1),
            xticks=epochs,
        )
        right.yaxis.set_major_formatter("{x:.0%}")


if __name__ == "__main__":
    main()
